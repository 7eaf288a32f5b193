#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_install - what `make install` puts into a directory works there, and `make uninstall` takes exactly that
# away again. Needs no root.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1

dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
# shellcheck disable=SC2317 # called through it_ok
sub() { env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL flock "$B" make -s -C "$IT_TOP" B="$B" DESTDIR="$dir" \
	PREFIX=/opt/own "$@"; }
files() { (cd "$dir" && find . ! -type d | sort); }

it_ok "install" sub install
it_like "install: the program" "$("$dir/opt/own/sbin/cinch" --version 2>&1)" 'cinch|runc'
it_ok "install: cinchctl" test -x "$dir/opt/own/sbin/cinchctl"
it_is "install: cinch-baseline" "$(readlink "$dir/opt/own/sbin/cinch-baseline")" cinch
for page in "$IT_TOP"/man/*.[1-9]; do
	[ -e "$page" ] || continue
	it_ok "install: ${page##*/}" cmp "$page" \
		"$dir/opt/own/share/man/man${page##*.}/${page##*/}"
done
for p in "$IT_TOP"/profiles/library/*.json "$IT_TOP"/profiles/library/seccomp/*.json; do
	it_ok "install: profile ${p##*/library/}" cmp "$p" \
		"$dir/opt/own/share/cinch/profiles/${p##*/library/}"
done
for p in profile.schema.json cinch.schema.json; do
	it_ok "install: $p" cmp "$IT_TOP/profiles/$p" "$dir/opt/own/share/cinch/$p"
done
it_like "install: completion for bash" \
	"$(cat "$dir/opt/own/share/bash-completion/completions/cinchctl")" '^complete -F _cinchctl cinchctl$'
it_like "install: completion for zsh" \
	"$(head -n 1 "$dir/opt/own/share/zsh/site-functions/_cinchctl")" '^#compdef cinchctl$'
it_is "install: nothing writable by others" "$(find "$dir" ! -type l -perm /022 | head -n 3)" ""
before=$(files)
it_ok "install again" sub install
it_is "install again: the same files" "$(files)" "$before"
: >"$dir/opt/own/sbin/of-another"
it_ok "uninstall" sub uninstall
it_is "uninstall: leaves what is not ours, only" "$(files)" "./opt/own/sbin/of-another"
it_ok "uninstall: our own directory is gone" test ! -e "$dir/opt/own/share/cinch"
it_ok "uninstall again" sub uninstall
it_done

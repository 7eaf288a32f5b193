#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_readme - every command of profiles/README.md runs, in order, as it stands there; with containers started in
# between as somebody would.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
# shellcheck disable=SC2034 # read by it_enter
IT_NEEDS="runc busybox minisign"
it_enter "$0" "$@"
it_install
export PATH=/usr/local/sbin:$PATH HOME=$T/home BUNDLE=$T/shown
mkdir -p $HOME

start() { # ID: the image's root starts under the profile app
	it_bundle $T/b "$1" '.process.user = {uid: 0, gid: 0} | .process.args = ["/bin/sh", "-c", "id -u; touch /file"]'
	timeout 300 cinch --cinch-profile app --root $T/roots run --bundle $T/b "$1" 2>&1
}

it_bundle $BUNDLE shown
awk -v dir=$T '/^```sh$/ { n++; on = 1; next } /^```$/ { on = 0 } on { print >(dir "/block" n) }' \
	"$IT_TOP/profiles/README.md"
for ((i = 1; ; i++)); do
	[ -e "$T/block$i" ] || break
	if grep -q 'log --summary' "$T/block$i"; then # what the text says has happened before
		it_is "under audit a container is what it asked to be" "$(start it-1)" 0
	fi
	it_ok "block $i: $(grep -o 'cinchctl [a-z ]*' "$T/block$i" | head -n 3 | tr '\n' ',')" bash -eu "$T/block$i"
	case $(cat "$T/block$i") in
	*explain*) it_like "explain says what would change" "$(bash -eu "$T/block$i" 2>&1)" 'only reported' ;;
	*'log --summary'*) it_like "the summary has the controls" "$(bash -eu "$T/block$i" 2>&1)" 'user' ;;
	*'"version": "1.0.0"'*)
		it_like "enforced: it is not root and cannot write" "$(start it-2)" "^65532"
		it_like "enforced: and was told so" "$(start it-3)" 'Read-only'
		it_is "the list knows what is applied" \
			"$(cinchctl profile list --json | jq -r '.profiles[] | select(.name == "app").applied')" yes
		it_like "show prints what governs" "$(cinchctl profile show app)" '^// app 1.0.0, as applied$' ;;
	*rollback*)
		it_is "the list knows what is not applied any more" \
			"$(cinchctl profile list --json | jq -r '.profiles[] | select(.name == "app").applied')" differs
		it_is "after the rollback it only reports again" "$(start it-4)" 0 ;;
	esac
done
it_is "all blocks were run" "$((i - 1))" "$(grep -c '^```sh$' "$IT_TOP/profiles/README.md")"
it_is "links lead somewhere" "$(grep -o '](\.\{0,2\}[^)h][^)]*)' "$IT_TOP/profiles/README.md" | tr -d '])(' |
	while read -r to; do [ -e "$IT_TOP/profiles/$to" ] || echo "$to"; done)" ""
it_done

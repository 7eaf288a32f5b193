#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_commands - every command of cinchctl on a node where nothing is configured, and on one where something is:
# what --json prints is JSON, the exit status is 0, 1 or 2, and nothing is asked of who is not there. And that zsh,
# the real one, completes the line.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
# shellcheck disable=SC2034 # read by it_enter
IT_NEEDS="runc busybox"
it_enter "$0" "$@"
it_install
export PATH=/usr/local/sbin:$PATH
it_bundle $T/b some

mapfile -t names < <(cinchctl --help | sed -n 's/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p')
it_like "there are commands" "${#names[@]}" '^([4-9]|[1-9][0-9])$'

json() { # COMMAND OPERAND...: once, as JSON
	local out rc
	# shellcheck disable=SC2086 # a command is one or two words
	out=$(timeout 300 cinchctl $1 --json "${@:2}" 2>$T/err </dev/null)
	rc=$?
	it_like "$1: exit status $rc" "$rc" '^[012]$'
	if [ -n "$out" ]; then
		it_ok "$1: JSON" jq -s -e 'length > 0' <(printf '%s' "$out")
	else
		it_like "$1: no JSON, but a reason" "$(cat $T/err)" "^cinchctl: $1: |^$"
	fi
	it_unlike "$1: nothing crashed" "$(cat $T/err)" 'Sanitizer|core dumped'
}

all() {
	local n
	for n in "${names[@]}"; do
		case $n in
		completion) ;;
		explain) json "$n" $T/b ;;
		"profile show") json "$n" web ;;
		"profile diff") json "$n" restricted web ;;
		"profile check") json "$n" "$IT_TOP/profiles/library" ;;
		"profile sign" | "profile verify") json "$n" $T/none ;;
		*) json "$n" ;;
		esac
	done
}
all
mkdir -p /etc/cinch/profiles && cp "$IT_TOP/profiles/library/web.json" /etc/cinch/profiles
echo '{"defaultProfile": "web"}' >/etc/cinch/cinch.json
cinch --root $T/roots run --bundle $T/b "it-none" >/dev/null 2>&1 </dev/null &
it_until sh -c 'cinchctl ps --json | jq -e ".containers[] | select(.id == \"it-none\" and .status == \"running\")"'
all
timeout 300 cinch --root $T/roots delete --force it-none >/dev/null 2>&1
wait $!

# --- zsh ---
if ! command -v zsh >/dev/null; then
	it_skip "completion in zsh" "not installed: zsh"
else
	mkdir -p $T/z
	cat >$T/z/drive <<-'END'
		zmodload zsh/zpty
		zpty z zsh -f -i
		prompt() { zpty -r -m z part '*READY> *' && print -rn -- "$part"; }
		zpty -w z "PS1=REA'DY> '; fpath=(/usr/local/share/zsh/site-functions \$fpath)"
		prompt
		zpty -w z "setopt interactivecomments; autoload -Uz compinit; compinit -u -d $T/z/dump; cd $T/z"
		prompt
		for line in 'expl' 'profile che' 'explain --pat' 'profile show web' 'profile show privileged' 'completion z'; do
			zpty -w -n z "cinchctl $line"$'\t #end\n'
			prompt
		done
	END
	got=$(env T=$T TERM=dumb timeout 300 zsh -f $T/z/drive 2>&1 |
		sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g; s/.\x08//g' | tr -d '\r')
	for want in 'cinchctl explain ' 'cinchctl profile check ' 'cinchctl explain --patch ' \
		'cinchctl profile show privileged-audit ' 'cinchctl completion zsh '; do
		it_like "zsh: $want" "$got" "$want *#end"
	done
	it_ok "zsh: no error in the script" zsh -n /usr/local/share/zsh/site-functions/_cinchctl
fi

# --- bash-completion's own loader, where it is ---
loader=/usr/share/bash-completion/bash_completion
if [ -r $loader ]; then
	# shellcheck disable=SC2016 # expanded by the shell that is tested
	it_is "bash-completion finds the script" "$(bash -c '. '$loader'
		__load_completion cinchctl || _completion_loader cinchctl
		complete -p cinchctl' 2>&1)" "complete -F _cinchctl cinchctl"
else
	it_skip "bash-completion finds the script" "not installed: bash-completion"
fi
it_done

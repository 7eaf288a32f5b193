#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_words - what the commands on networks say: of names that want to be more than names, of ids that are none or
# several, of containers that have stopped, and where nobody listens.
# shellcheck source=integration/netseg/hold.sh
. "${BASH_SOURCE[0]%/*}/hold.sh" || exit 1
IT_NEEDS="runc busybox nft python3"
it_enter "$0" "$@"

ctl() { "$B/cinchctl" "$@" >$T/out 2>$T/err </dev/null; }

# STATUS WHAT REGEX ARGUMENT...: it ends so, and says that (on standard error when STATUS is 2)
ends() {
	local want=$1 what=$2 regex=$3 rc said=$T/out
	shift 3
	ctl "$@"
	rc=$?
	[ "$want" != 2 ] || said=$T/err
	if [ $rc = "$want" ] && grep -Eq -- "$regex" $said; then
		it_result 0 "$what"
	else
		it_result 1 "$what" "exit status $rc: $(cat $T/err $T/out)"
	fi
}

# A name as no engine should let one through: it would colour, ring, turn around, end a string, a comment, a tag.
hostile_name() { # as JSON
	cat <<-'EOF'
		"x\"; <script>alert(1)</script> ]]> --> \u001b[31m\u0007\n| A --> B %%{init}%% `id` ' \\ } drop \u202e \u0085"
	EOF
}

entry_of() { grep -l "\"id\":\"$1\"" /run/cinch/net/containers/*; }

# shellcheck disable=SC2016 # python's
change() { # ID PYTHON: of its entry D
	python3 -c 'import json, sys
p, how = sys.argv[1:]
d = json.load(open(p))
exec(how)
open(p, "w").write(json.dumps(d) + "\n")' "$(entry_of "$1")" "$2"
}

setup() {
	nw_world
	nw_pod 1
	nw_pod 2
	nw_profile closed "{\"preset\": \"isolated\", \"segment\": \"app\", \"egress\": [$NW_FENCE, {\"to\": [\"segment:app\"]}]}"
	it_apply '{}'
	if ! nw_run closed one pod1 || ! nw_run closed oneandmore pod2; then
		it_die "the containers do not start"
	fi
	nw_in one udp $NW_MORE4 99 >/dev/null
}

# --- hostile names ---

# Nothing but what a terminal shows as it is: no control byte, none of C1, no mark that turns text around.
plain() { ! cat $T/out $T/err | LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]'; }

hostile() {
	local c
	hostile_name >$T/name.json
	change one "d['network']['title'] = json.load(open('$T/name.json'))"
	ends 1 "its comments in the table are altered" '^  rule . of chain output was altered' net check --repair
	for c in "net show" "net show one" "net show one --rules" "net denied" "net denied one" "net learned" "net graph" \
		"net graph --dot" "net graph --mermaid" "net graph --svg" "net check" "net reload one" \
		"net reload --dry-run one" "net show on" "net sync"; do
		# shellcheck disable=SC2086 # words
		ctl $c
		plain
		it_result $? "$c: a name is no more than text" "$(cat -v $T/out $T/err)"
	done
	ctl net graph --svg
	it_ok "the picture is whole" python3 -c 'import sys, xml.dom.minidom as m
d = m.parse(sys.argv[1])
sys.exit(bool(d.getElementsByTagName("script")))' $T/out
	it_like "with the name as text" "$(cat $T/out)" '&lt;script&gt;'
	ctl net graph --mermaid
	it_unlike "Mermaid gets no brackets, quotes or directives of it" "$(grep alert $T/out)" '<script|%%[{]|"; |[`]id'
	ctl net graph --dot
	it_is "Graphviz gets one string of it" "$(grep alert $T/out | sed 's/\\\\//g; s/\\"//g' | tr -cd '"' | wc -c)" 2
	for c in "net show" "net denied" "net graph" "net check" "net reload one" "net reload --dry-run one"; do
		# shellcheck disable=SC2086 # words
		ctl $c --json
		it_ok "$c --json: is JSON" jq -e . $T/out
	done
	ctl net show --json
	it_is "which has the name as it is" "$(jq -r '.containers[] | select(.id == "one").name | length' $T/out)" \
		"$(jq length $T/name.json)"
}

# --- names on the line ---

names() {
	local again
	ends 2 "the beginning of two ids" '^cinchctl: net show: "on" begins the ids of 2 containers: one[a-z]* \(.*, one[a-z]* \(' net show on
	ends 0 "a whole id, though another one begins so" '^id +one$' net show one
	ends 2 "no id at all" '"" begins the ids of 2 containers' net check ""
	for again in show denied learned graph check reload; do
		ends 2 "net $again of nobody" "^cinchctl: net $again: no container .* has an id that begins with \"nobody\" \(cinchctl (net show|ps) lists them\)$" \
			net $again nobody
	done
	again=$ROOT
	ROOT=$T/roots/second
	mkdir -p $ROOT
	nw_run closed one pod2
	ends 2 "the same id below two roots" \
		"2 containers of different engines have the id \"one\": name one by its key: c[0-9a-f]{11} \(/run/t/roots/[a-z]+\), c[0-9a-f]{11} \(/run/t/roots/[a-z]+\)\$" net show one
	ends 0 "by its key" "^id +one$" net show "$(sed -n 's/.*key: \(c[0-9a-f]*\) .*/\1/p' $T/err)"
	nw_delete closed one
	ROOT=$again
	ends 2 "what is no command" 'unknown command "net frob"' net frob
	ends 2 "rules as JSON" "in nft's syntax, not JSON" net show one --rules --json
	ends 2 "several kinds of picture" 'four answers' net graph --dot --svg
}

# --- where nobody listens ---

unheard() {
	local c rc bad=''
	for c in show denied learned graph check sync; do
		"$B/cinchctl" net $c >/dev/full 2>$T/err
		rc=$?
		[ $rc = 2 ] && [ "$(cat $T/err)" = "cinchctl: net $c: cannot write to standard output: No space left on device" ] ||
			bad="$bad full: $c $rc $(cat $T/err);"
		"$B/cinchctl" net $c >&- 2>$T/err
		rc=$?
		[ $rc = 2 ] && [ "$(wc -l <$T/err)" = 1 ] || bad="$bad closed: $c $rc $(cat $T/err);"
	done
	it_is "a full or closed output is an error, told once" "$bad" ""
}

# --- stopped ---

# shellcheck disable=SC2317 # called by it_until
dead() { ! grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$1/status"; } # PID

stopped() {
	local pid c
	pid=$(nw_pid oneandmore)
	nw_call closed kill oneandmore KILL
	it_until dead "$pid"
	for c in "net denied" "net learned" learn; do
		# shellcheck disable=SC2086 # words
		ends 2 "$c of one that has stopped" "^cinchctl: $c: oneandmore is gone, and nothing can be read of it any more \(cinchctl net sync forgets it\)$" $c oneandmore
	done
	ends 0 "net show says so" '^rules +its process is gone' net show oneandmore
	ends 0 "net graph shows what it might" '^oneandmore ' net graph oneandmore
	ends 1 "net check" '^oneandmore: left over$' net check oneandmore
	ends 2 "net reload" 'net reload: oneandmore: it is gone, and still written down \(net sync forgets it\)$' net reload oneandmore
	ctl net reload --json one oneandmore
	it_is "what was done before that is told" "$(jq -c 'map(.id)' $T/out)" '["one"]'
	ends 2 "learn of one that does not learn says what to do" 'one is not in mode "learn", .* apply, and net reload$' learn one
	change one "d['namespace']['cookie'] += 77; d['namespace']['ino'] += 1"
	ends 2 "whose namespace is another one" '^cinchctl: net denied: one has moved to another network namespace; ' net denied one
	ends 1 "net sync: one that runs there is not forgotten" \
		'^not put right: c[0-9a-f]{11} \(one\): process [0-9]+ is in another network namespace than its rules$' net sync
}

setup
hostile
names
unheard
stopped
nw_delete closed one
nw_delete closed oneandmore
it_done

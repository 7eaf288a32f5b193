#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_begin - a container that was started without rules of the network gets them while it runs, and loses them when it
# is deleted, though it has no hooks.
# shellcheck source=integration/netseg/hold.sh
. "${BASH_SOURCE[0]%/*}/hold.sh" || exit 1
IT_NEEDS="runc busybox nft"
it_enter "$0" "$@"

entries() { find /run/cinch/net/containers -type f 2>/dev/null | wc -l; }
state_of() { jq -c "$2" "$(find /run/cinch -name "$1.json")"; } # ID JQ

setup() {
	nw_world
	cp "$HOLD" $T/rootfs/bin/hold
	for n in 1 2 3; do nw_pod $n; done
	for port in 7070 7071; do
		held serve4.$port in_ns sink "$HOLD" serve $SINK4 $port
		it_until grep -q ready $T/hold.serve4.$port
	done
	nw_profile other '{"preset": "none", "segment": "db", "ingress": [{"from": ["segment:app"], "ports": ["tcp/5432"]}]}'
	traces=$(it_traces)
}

# --- learned, reported, enforced, and never started again ---

MORE='{"capabilities": {"add": ["CAP_NET_ADMIN"]}, "exec": {"capabilities": ["CAP_NET_ADMIN"]}}'

path() {
	local pid
	grant null "$MORE"
	nw_run shop bare pod1 && nw_run other db pod2 || return
	pid=$(nw_pid bare)
	held_in old bare tcp $SINK4 7071
	lives "without rules all passes" old
	it_is "and nothing is written down" "$(entries) $(state_of bare .network)" "1 null"
	it_ok "its profile says nothing of the network" reload bare
	it_like "which changes nothing" "$(cat $T/reload.out)" '^bare: unchanged: no rules$'
	it_is "nor writes anything" "$(entries) $(state_of bare .unhooked)" "1 null"

	grant '{"mode": "learn", "preset": "none", "segment": "app"}' "$MORE"
	STATUS=1 reload --dry-run bare
	it_result $? "--dry-run shows the rules it would get"
	it_is "each block under its own first line alone" "$(grep -c '^  + chain output {$' $T/reload.out) $(grep -cE '^  (chain|set|table) ' $T/reload.out)" "1 0"
	it_like "all of them" "$(cat $T/reload.out)" '^ +\+ .*c[0-9a-f]{11}_seen_out4'
	it_is "and makes none" "$(entries) $(nw_table pod1)" "1 "
	it_ok "mode learn" reload bare
	it_like "is said" "$(cat $T/reload.out)" '^bare: applied: learn, preset none, segment app$'
	it_like "with what changes" "$(cat $T/reload.out)" '^  narrower: rules of profile shop$'
	it_is "as net check wants it" "$("$B/cinchctl" net check bare)" "1 table as it should be"
	lives "ends nothing" old
	held_in kept bare tcp $SINK4 7070
	held_in lost bare tcp $SINK4 7071
	nw_in bare ask tcp 10.88.2.2 5432 >/dev/null
	it_until sh -c "'$B/cinchctl' net learned bare | grep -q 'tcp/7071'"
	it_result $? "and learns"
	it_like "it is a member" "$(nw_table pod2 | jq -c '[.nftables[].set // empty | select(.name == "segment_app_4") | .elem[]?]')" \
		'"10\.88\.1\.2"'
	it_is "its record says so" "$(state_of bare '[.network.policies[0].mode, .network.title, .network.resolvConf, .unhooked]')" \
		'["learn","bare","/etc/resolv.conf",true]'
	it_is "the audit log, too" "$(record '[.verb, .id, .result, .network]')" \
		'["net reload","bare","applied","learn, preset none, segment app"]'

	grant "{\"mode\": \"audit\", \"preset\": \"none\", \"segment\": \"app\", \"egress\": [$(out tcp/7070)]}" "$MORE"
	it_ok "mode audit" reload bare
	lives "ends nothing" old kept lost
	administer 0 "an administrator's process may come in"
	grant "{\"preset\": \"none\", \"segment\": \"app\", \"egress\": [$(out tcp/7070)]}"
	it_ok "mode enforce" reload bare
	ended "ends what it does not allow" old lost
	lives "and nothing else" kept
	it_like "and refuses it" "$(nw_in bare ask tcp $SINK4 7071)" '^ECONNREFUSED'
	administer 1 "no process may come in that could undo it"
	it_is "all in the same process" "$(nw_pid bare)" "$pid"
}

administer() { # STATUS WHAT
	local rc
	nw_call shop exec --cap CAP_NET_ADMIN bare /bin/true
	rc=$?
	[ $((rc != 0)) = "$1" ]
	it_result $? "$2" "exit status $rc: $(cat $T/err)"
}

# --- it ends ---

# shellcheck disable=SC2317 # called by it_until
dead() { ! grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$1/status"; } # PID

gone() {
	local pid
	pid=$(nw_pid bare)
	nw_call shop delete bare
	it_is "a delete that the runtime refuses takes nothing away" "$(entries) $(nw_table pod1 | grep -c _out)" "2 1"
	nw_call shop kill bare KILL
	it_until dead "$pid"
	it_ok "it is deleted" nw_call shop delete bare
	it_is "no entry is left" "$(entries)" 1
	it_is "no table" "$(nw_table pod1)" ""
	it_is "nor is it a member" "$(nw_table pod2 | jq -c '[.nftables[].set // empty | select(.name == "segment_app_4") | .elem[]?]')" "[]"
	it_ok "as net check wants it" "$B/cinchctl" net check
	nw_delete other db
	rm -rf $T/bundles/bare
}

# What an earlier container of the id has left is no rule of this one.
earlier() {
	local entry
	grant '{"preset": "none"}'
	nw_run shop again pod1 || return
	entry=$(grep -l '"id":"again"' /run/cinch/net/containers/*) && cp "$entry" $T/entry
	nw_delete shop again
	mv $T/entry "$entry"
	grant null
	nw_run shop again pod1 || return
	grant "{\"preset\": \"none\", \"egress\": [$(out tcp/7070)]}"
	it_ok "one of the same id was there before, and is still written down" reload again
	it_like "this one gets its rules" "$(nw_in again ask tcp $SINK4 7071) $(nw_in again ask tcp $SINK4 7070)" \
		'^ECONNREFUSED.* answered'
	nw_delete shop again
	"$B/cinchctl" net sync >/dev/null
	it_is "and nothing is left of either" "$(entries)" 0
}

# --- at once ---

pod() {
	grant null
	nw_run shop mine pod3 && nw_run other theirs pod3 || return
	it_like "beside one with rules" "$(nw_in theirs ask tcp $SINK4 7070)" '^ECONNREFUSED'
	grant "{\"preset\": \"none\", \"egress\": [$(out tcp/7070)]}"
	it_ok "one gets its own" reload mine
	it_like "and may what they allow" "$(nw_in mine ask tcp $SINK4 7070)" '^answered'
	it_like "not more" "$(nw_in mine ask tcp $SINK4 7071)" '^ECONNREFUSED'
	it_like "nor may the other" "$(nw_in theirs ask tcp $SINK4 7070)" '^ECONNREFUSED'
	it_ok "as net check wants it" "$B/cinchctl" net check
	tracked
	nw_delete shop mine # by force, while it runs
	"$B/cinchctl" net sync >/dev/null
	it_is "by force, then net sync: nothing is left of it" "$(entries) $(nw_table pod3 | grep -c mine)" "1 0"
	nw_delete other theirs
}

# What the rules of another one made the kernel track is not let on for that.
tracked() {
	nw_profile watch '{"mode": "audit", "preset": "none"}'
	grant null
	nw_run watch watcher pod1 && nw_run shop watched pod1 || return
	held_in tracked watched tcp $SINK4 7071
	held_in also watched tcp $SINK4 7070
	lives "beside one that only counts" tracked also
	grant "{\"preset\": \"none\", \"egress\": [$(out tcp/7070)]}"
	it_ok "another one is enforced" reload watched
	it_like "its connection is named" "$(cat $T/reload.out)" "^  ended tcp .*$SINK4:7071$"
	ended "and ended" tracked
	lives "that which is allowed is not" also
	nw_delete shop watched
	nw_delete watch watcher
	"$B/cinchctl" net sync >/dev/null
}

host() {
	local procs before own
	ip link add to9 netns sink type veth peer name eth9 && in_ns sink ip address add 10.88.9.1/24 dev to9 &&
		in_ns sink ip link set to9 up && ip address add 10.88.9.2/24 dev eth9 && ip link set eth9 up &&
		ip route add default via 10.88.9.1
	grant null '{"namespaces": {"host": ["network"]}}'
	nw_run shop hosted - '.linux.namespaces |= map(select(.type != "network"))' || return
	held_in hosted hosted tcp $SINK4 7071
	held own "$HOLD" tcp $SINK4 7071
	own=${HELD[-1]}
	lives "in the host's namespace" hosted own

	grant "{\"preset\": \"none\", \"egress\": [$(out tcp/7070)]}" '{"namespaces": {"host": ["network"]}}'
	procs=$(nw_procs hosted)
	mkdir "${procs%/*}/deeper" && nw_pid hosted >"${procs%/*}/deeper/cgroup.procs"
	before=$(nft list ruleset)
	STATUS=2 reload hosted
	it_result $? "whose process has left the cgroup its runtime put it in cannot be told from the host"
	it_like "as is said" "$(cat $T/reload.err)" 'hosted: network of the host: .*not in the cgroup that its runtime has put it in'
	it_is "nothing is changed" "$(nft list ruleset) $(entries) $(state_of hosted '[.network, .unhooked]')" "$before 0 [null,null]"
	it_is "which is recorded" "$(record '[.id, .result]')" '["hosted","failed"]'
	nw_pid hosted >"$procs"
	rmdir "${procs%/*}/deeper"

	it_ok "who is where it belongs gets its rules" reload hosted
	ended "which end what they do not allow" hosted
	held_in stays hosted tcp $SINK4 7070
	lives "nothing of the host's, and what they allow is let pass" own stays
	it_like "it is held to them" "$(nw_in hosted ask tcp $SINK4 7071)" '^ECONNREFUSED'
	it_like "the host is not" "$("$B/tests/prog_net" ask tcp $SINK4 7071)" '^answered'
	nw_call shop kill hosted KILL
	it_until dead "$(nw_pid hosted)"
	it_ok "it is deleted" nw_call shop delete hosted
	it_is "and the host has no rules" "$(nft list ruleset)" ""
	lives "nothing of its own has ended" own
	kill "$own"
	rm -rf $T/bundles/hosted
	kill "${HELD[-1]}" # the host's own
}

# --- who cannot ---

mistakes() {
	grant null '{"capabilities": ["CAP_NET_ADMIN"]}'
	nw_run shop master pod1 '.process.capabilities |= map_values(. + ["CAP_NET_ADMIN"])' && nw_run shop mastiff pod2 || return
	grant '{"preset": "none"}'
	STATUS=2 reload master
	it_result $? "who could undo the rules is not said to be held to them"
	it_like "and why" "$(cat $T/reload.err)" 'master: it was started with CAP_NET_ADMIN.*start it again'
	it_is "nothing is changed" "$(entries) $(state_of master .network)" "0 null"
	STATUS=2 reload mast
	it_result $? "the beginning of two ids"
	it_like "is told with both" "$(cat $T/reload.err)" '"mast" begins the ids of 2 containers: mas[a-z]+ .*, mas[a-z]+ '
	STATUS=2 reload nobody
	it_result $? "an id of none"
	it_like "is said to be that" "$(cat $T/reload.err)" 'no container that runs and was started through cinch .*"nobody" \(cinchctl ps lists them\)'
	mv $T/bundles/mastiff $T/elsewhere
	STATUS=2 reload mastiff
	it_result $? "whose bundle is gone"
	it_like "is told" "$(cat $T/reload.err)" 'mastiff: its bundle .*mastiff: '
	mv $T/elsewhere $T/bundles/mastiff
	nw_call shop kill mastiff KILL
	it_until dead "$(nw_pid mastiff)"
	STATUS=2 reload mastiff
	it_result $? "one that does not run any more"
	it_is "nothing is written down of any of them" "$(entries)" 0
	nw_delete shop master
	nw_delete shop mastiff
}

# --- killed in between ---

# Wherever it is killed: once more brings it about, and the delete takes it away.
killed() {
	local n all=0 bad='' at kills=${KILLS:-8} again=("$B/cinchctl" net reload --store "$T/rules" victim)
	grant "{\"preset\": \"none\", \"segment\": \"app\", \"egress\": [$(out tcp/7070)]}"
	"$B/cinchctl" apply --store $T/rules >/dev/null
	grant null
	for ((n = 0; n <= kills; n++)); do
		nw_run shop victim pod1 || return
		at=$((all * n / kills))
		if [ $n = 0 ]; then
			CRASH_COUNT=$T/count "$B/tests/prog_crash" count "${again[@]}" >/dev/null 2>&1
			all=$(cat $T/count)
		else
			"$B/tests/prog_crash" $at "${again[@]}" >/dev/null 2>&1
		fi
		"${again[@]}" >/dev/null 2>$T/err || bad="$bad again at $at: $(cat $T/err);"
		"$B/cinchctl" net check victim >$T/check.out 2>&1 || bad="$bad check at $at: $(head -n 2 $T/check.out);"
		nw_call shop kill victim KILL
		it_until dead "$(nw_pid victim)"
		nw_delete shop victim
		[ "$(entries)" = 0 ] || bad="$bad left at $at;"
	done
	it_is "killed at $kills of $all places" "$bad" ""
}

setup
path
gone
earlier
pod
host
mistakes
killed
nw_sink_lives
it_clean "nothing is left" "$traces"
it_done

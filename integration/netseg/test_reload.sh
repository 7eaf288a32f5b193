#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_reload - a container that runs gets another network: its connections that are not allowed any more end, the others
# and those of everybody else go on.
# shellcheck source=integration/netseg/hold.sh
. "${BASH_SOURCE[0]%/*}/hold.sh" || exit 1
IT_NEEDS="runc busybox nft"
it_enter "$0" "$@"

WIDE="{\"preset\": \"none\", \"egress\": [$(out tcp/7070), $(out tcp/7071), $(out udp/7071)],
	\"ingress\": [$(in_ tcp/8080), $(in_ udp/8080)]}"
NARROW="{\"preset\": \"none\", \"egress\": [$(out tcp/7070)]}"

# --- a policy becomes narrower, and wider again ---

setup() {
	nw_world
	cp "$HOLD" $T/rootfs/bin/hold
	nw_pod 1
	nw_pod 2
	for port in 7070 7071; do
		held serve4.$port in_ns sink "$HOLD" serve $SINK4 $port
		held serve6.$port in_ns sink "$HOLD" serve $SINK6 $port
		it_until grep -q ready $T/hold.serve4.$port && it_until grep -q ready $T/hold.serve6.$port
	done
	nw_profile other "{\"preset\": \"none\", \"egress\": [$(out tcp/7071)]}"
	grant "$WIDE"
}

narrower() {
	local before
	nw_run shop one pod1 || return
	held_in server one serve 0.0.0.0 8080
	it_until grep -q ready $T/hold.server
	held_in kept4 one tcp $SINK4 7070
	held_in kept6 one tcp $SINK6 7070
	held_in lost4 one tcp $SINK4 7071
	held_in lost6 one tcp $SINK6 7071
	held_in mapped one tcp ::ffff:$SINK4 7071
	held_in datagrams one udp $SINK4 7071
	held client in_ns sink "$HOLD" tcp 10.88.1.2 8080
	held asker in_ns sink "$HOLD" udp 10.88.1.2 8080 # the server's socket is nobody's alone
	lives "connections that are allowed" kept4 kept6 lost4 lost6 mapped datagrams client asker

	grant "$NARROW"
	before=$(nw_table pod1 | jq -S 'del(.. | .packets?, .bytes?, .expires?)' | sha256sum)
	STATUS=1 reload --dry-run one
	it_result $? "--dry-run says that rules would change"
	it_like "and which ones go" "$(cat $T/reload.out)" '^ +- .*(7071|8080)'
	it_is "and changes nothing" "$(nw_table pod1 | jq -S 'del(.. | .packets?, .bytes?, .expires?)' | sha256sum)" \
		"$before"
	lives "nor ends any connection" kept4 kept6 lost4 lost6 mapped datagrams client asker

	it_ok "the policy as it is now" reload one
	ended "ends what it does not allow" lost4 lost6 mapped datagrams client asker
	lives "and nothing else" kept4 kept6
	it_is "and says which" "$(sed -n 's/^  ended \([a-z]*\) .*\]*:\([0-9]*\)$/\1 \2/p' $T/reload.out | LC_ALL=C sort | uniq -c |
		sed 's/^ *//' | tr '\n' ,)" "3 tcp 7071,1 tcp 8080,1 udp 7071,1 udp 8080,"
	it_until grep -q '^ended' $T/hold.lost4 # a byte may have been lost before
	it_like "programs are told at once" "$(tail -n 1 $T/hold.lost4)" 'ended (ECONNABORTED|ECONNRESET)'
	it_like "and that they do less" "$(cat $T/reload.out)" "^  narrower: .*to $SINK4 \\(tcp/7071\\)"
	it_unlike "and for nobody more" "$(cat $T/reload.out)" '^  wider:'
	it_is "it is as net check wants it" "$("$B/cinchctl" net check one)" "1 table as it should be"
}

recorded() {
	it_is "it is recorded: what, of whom, by whom" \
		"$(record '[.verb, .id, .result, .caller.uid, .endedCount, (.ended | length), .profiles[0].name]')" \
		'["net reload","one","applied",0,6,6,"shop"]'
	it_like "the network before and after" "$(record '[.before, .network]')" 'preset none.*preset none'
	it_is "the profile that holds now" "$(record '.profiles[0].digest')" \
		"\"$("$B/cinchctl" profile show shop --json | jq -r .digest)\""
	it_is "and the log is whole" "$(it_log_faults)" ""
}

again() {
	nw_mark
	it_like "new connections are refused" "$(nw_in one ask tcp $SINK4 7071)" '^ECONNREFUSED'
	it_ok "the same once more" reload one
	it_like "is unchanged" "$(cat $T/reload.out)" '^one: unchanged: '
	lives "and ends nothing" kept4 kept6
	STATUS=0 reload --dry-run one
	it_result $? "--dry-run has nothing to show"
	it_like "what was refused is still remembered" "$(nw_denied pod1)" "$SINK4 (tcp|6) 7071"
	grant "$WIDE"
	it_ok "a wider policy" reload --json one
	it_is "ends nothing" "$(jq -c '[.[0].result, .[0].ended]' $T/reload.out)" '["applied",[]]'
	it_like "says for whom it does more" "$(jq -r '.[0].wider[]' $T/reload.out)" "to $SINK4 \\(tcp/7071\\)"
	it_is "and is not narrower" "$(jq -c '.[0].narrower' $T/reload.out)" '[]'
	it_like "which is recorded" "$(record '.wider[]?')" "to $SINK4 \\(tcp/7071\\)"
	it_like "and allows again" "$(nw_in one ask tcp $SINK4 7071)" '^answered'
	lives "what lived goes on" kept4 kept6
}

# --- a section that got lost ---

lifted() {
	local before
	before=$(nw_table pod1 | jq -S 'del(.. | .packets?, .bytes?, .expires?)' | sha256sum)
	grant null
	STATUS=2 reload one
	it_result $? "a profile that lost its section does not take the rules with it"
	it_like "which is said, and what to do" "$(cat $T/reload.err)" \
		'one: profile "shop" says nothing of the network any more, .*"mode": "off".* or --lift'
	it_is "the rules stay" "$(nw_table pod1 | jq -S 'del(.. | .packets?, .bytes?, .expires?)' | sha256sum)" "$before"
	it_is "it is recorded" "$(record '[.verb, .id, .result, .wider]')" \
		'["net reload","one","refused",["rules are without effect (off) (were: enforced)"]]'
	it_like "with the reason" "$(record .reason)" 'says nothing of the network'
	STATUS=1 reload --dry-run one
	it_result $? "--dry-run shows what would go"
	it_like "and what it takes" "$(cat $T/reload.out)" 'with --lift alone$'
	grant '{"mode": "off"}'
	it_ok "mode off is meant" reload one
	it_like "and says what goes" "$(cat $T/reload.out)" '^  wider: rules are without effect \(off\) \(were: enforced\)$'
	it_is "the table is gone" "$(nw_table pod1)" ""
	grant "$WIDE"
	it_ok "it comes back" reload one
	it_like "and says so" "$(cat $T/reload.out)" '^  narrower: rules are enforced'
	grant null
	it_ok "--lift is meant, too" reload --lift one
	it_like "and says so" "$(cat $T/reload.out)" '^one: lifted: '
	it_is "it is recorded as that" "$(record '[.result, .wider]')" '["lifted",["rules are without effect (off) (were: enforced)"]]'
	it_ok "what is off stays off" reload one
	it_like "without a word" "$(cat $T/reload.out)" '^one: unchanged: '
	grant "$WIDE"
	it_ok "it comes back" reload one
	lives "what was allowed all along goes on" kept4 kept6
}

# --- who may not be held to it ---

mistakes() {
	STATUS=2 reload nobody
	it_result $? "a container that is not there"
	STATUS=2 reload
	it_result $? "no container named"
	rm /etc/cinch/profiles/shop.json
	it_apply '{}'
	STATUS=2 reload one
	it_result $? "its profile is not in the policy any more"
	it_like "which is said" "$(cat $T/reload.err)" 'profile "shop"'
	lives "and changes nothing" kept4
	grant "$NARROW"
	it_ok "net check" "$B/cinchctl" net check
}

# --- whoever sends next ---

# Only connections that come in are refused by now, and the server goes on to send: what it sends may not be taken for a
# connection of its own. What stays inside is nobody's business.
turned() {
	local any='[{"to": ["any"]}]'
	grant "{\"preset\": \"none\", \"egress\": $any, \"ingress\": [$(in_ tcp/8081)]}"
	nw_run shop turn pod2 || return
	held_in pusher turn push 0.0.0.0 8081
	held_in inner turn serve 127.0.0.1 9090
	it_until grep -q ready $T/hold.pusher && it_until grep -q ready $T/hold.inner
	held pushed in_ns sink "$HOLD" listen 10.88.2.2 8081
	held_in inside turn tcp 127.0.0.1 9090
	lives "a server that sends unasked" pushed inside
	grant "{\"preset\": \"none\", \"egress\": $any}"
	it_ok "nobody may connect any more" reload turn
	it_like "its client's connection" "$(cat $T/reload.out)" '^  ended tcp 10\.88\.2\.1:[0-9]+ -> 10\.88\.2\.2:8081$'
	ended "is over" pushed
	lives "what is over lo goes on" inside
	nw_delete shop turn
}

# --- two of one pod ---

key() { jq -r --arg id "$1" 'select(.id == $id) | .key' /run/cinch/net/containers/*; } # ID

counted() { # POD KEY: what the counters of KEY have seen, and its flows that were refused
	nw_table "$1" | jq -c --arg key "$2" '[.nftables[] | (.counter, .set) // empty |
		select(.name | contains($key)) | [.name, .packets, (.elem // [] | length)]]'
}

pod() {
	local before
	grant "$WIDE"
	nw_run shop mine pod2 && nw_run other theirs pod2 || return
	held_in mine mine tcp $SINK4 7071
	held_in theirs theirs tcp $SINK4 7071
	lives "both of a pod" mine theirs
	nw_in theirs ask tcp $SINK4 7070 >/dev/null
	before=$(counted pod2 "$(key theirs)")
	grant "$NARROW"
	it_ok "another policy for one of them" reload mine
	ended "ends its connections" mine
	lives "not the other's" theirs
	it_like "who was refused something" "$before" '_out_refused",[1-9]'
	it_is "which is still counted" "$(counted pod2 "$(key theirs)" | jq -c 'map(select(.[0] | test("refused|denied")))')" \
		"$(jq -c 'map(select(.[0] | test("refused|denied")))' <<<"$before")"
	it_like "and who may do what he might" "$(nw_in theirs ask tcp $SINK4 7071)" '^answered'
	nw_delete shop mine
	nw_delete other theirs
}

# --- from learning to enforcing ---

modes() {
	local mode
	grant '{"mode": "learn", "preset": "none"}'
	nw_run shop student pod2 || return
	held_in student student tcp $SINK4 7071
	lives "while it learns" student
	for mode in audit learn audit; do
		grant "{\"mode\": \"$mode\", \"preset\": \"none\"}"
		it_ok "to mode $mode" reload student
		lives "ends nothing" student
	done
	nw_in student ask tcp $SINK4 7070 >/dev/null
	it_like "refusals are remembered" "$(nw_denied pod2)" "$SINK4 (tcp|6) 7070"
	grant "{\"preset\": \"none\"}"
	it_ok "to mode enforce" reload student
	ended "ends what it is about" student
	it_like "and is enforced" "$(nw_in student ask tcp $SINK4 7071)" '^ECONNREFUSED'
	grant '{"preset": "none"}' '{"mode": "audit"}'
	it_ok "the profile in audit mode" reload student
	it_like "lets pass again" "$(nw_in student ask tcp $SINK4 7071)" '^answered'
	nw_delete shop student
}

# --- the host's namespace ---

host() {
	local rules
	ip link add to9 netns sink type veth peer name eth9 && in_ns sink ip address add 10.88.9.1/24 dev to9 &&
		in_ns sink ip link set to9 up && ip address add 10.88.9.2/24 dev eth9 && ip link set eth9 up &&
		ip route add default via 10.88.9.1
	grant "$WIDE" '{"namespaces": {"host": ["network"]}}'
	nw_run shop hosted - '.linux.namespaces |= map(select(.type != "network"))' || return
	held_in hosted hosted tcp $SINK4 7071
	held_in stays hosted tcp $SINK4 7070
	held own "$HOLD" tcp $SINK4 7071
	lives "a container in the host's namespace, and the host" hosted stays own
	grant "$NARROW" '{"namespaces": {"host": ["network"]}}'
	it_ok "another policy for the container" reload hosted
	ended "ends its connection" hosted
	lives "not the host's" own stays
	it_is "and names only it" "$(grep -c '^  ended' $T/reload.out)" 1
	nw_delete shop hosted
	rules=$(nft list ruleset)
	it_is "the host has no rules left" "$rules" ""
}

# --- segments ---

members() { # POD SEGMENT: addresses in the sets of that name
	nw_table "$1" | jq -r --arg s "$2" '.nftables[].set // empty | select(.name | contains("segment_\($s)_")) |
		.elem[]?' | sort | tr '\n' ' '
}

segments() {
	nw_profile other '{"preset": "none", "segment": "db",
		"ingress": [{"from": ["segment:app"], "ports": ["tcp/5432"]}]}'
	grant '{"preset": "none", "segment": "app", "egress": [{"to": ["any"]}]}'
	nw_run shop app pod1 && nw_run other db pod2 || return
	held_in db db serve 0.0.0.0 5432
	it_until grep -q ready $T/hold.db
	held_in member app tcp 10.88.2.2 5432
	lives "a member of the segment is let in" member
	it_is "by its addresses" "$(members pod2 app)" "10.88.1.2 fd88:1::2 "
	grant '{"preset": "none", "egress": [{"to": ["any"]}]}'
	it_ok "it leaves the segment" reload app
	it_is "and the other's set" "$(members pod2 app)" ""
	ended "its connection is over" member
	it_unlike "and it gets no other" "$(nw_in app ask tcp 10.88.2.2 5432)" answered
	grant '{"preset": "none", "segment": "app", "egress": [{"to": ["segment:db"]}]}'
	it_ok "it comes back" reload app
	it_is "into the other's set" "$(members pod2 app)" "10.88.1.2 fd88:1::2 "
	it_is "and knows the other's" "$(members pod1 db)" "10.88.2.2 fd88:2::2 "
	it_like "and is let in" "$(nw_in app ask tcp 10.88.2.2 5432)" answered
	grant '{"preset": "none", "segment": "app", "egress": [{"to": ["segment:app"]}]}'
	it_ok "its rules mention its own segment" reload app
	it_is "in which it is" "$(members pod1 app)" "10.88.1.2 fd88:1::2 "
	grant '{"preset": "none", "egress": [{"to": ["segment:app"]}]}'
	it_ok "it leaves that, and mentions it" reload app
	it_is "its own set knows" "$(members pod1 app)" ""
	it_ok "as net check wants it" "$B/cinchctl" net check app
	nw_delete shop app
	nw_delete other db
	nw_profile other "{\"preset\": \"none\", \"egress\": [$(out tcp/7071)]}"
}

# --- capabilities ---

capable() {
	grant '{"mode": "audit", "preset": "none"}' '{"capabilities": ["CAP_NET_ADMIN"]}'
	nw_run shop master pod2 '.process.capabilities |= map_values(. + ["CAP_NET_ADMIN"])' || return
	grant '{"preset": "none"}'
	STATUS=2 reload master
	it_result $? "who could undo the rules is not said to be held to them"
	it_like "and why" "$(cat $T/reload.err)" 'CAP_NET_ADMIN.*start it again'
	it_like "nothing is changed" "$(nw_in master ask tcp $SINK4 7071)" '^answered'
	nw_delete shop master
}

# --- killed in between ---

# Wherever it is killed: what is there is the old network or the new one, or net check finds that it is not.
killed() {
	local n all bad='' at
	grant "$NARROW"
	"$B/cinchctl" apply --store $T/narrow >/dev/null
	grant "$WIDE"
	nw_run shop victim pod2 || return
	held_in victim victim tcp $SINK4 7070
	lives "before" victim
	CRASH_COUNT=$T/count "$B/tests/prog_crash" count "$B/cinchctl" net reload --store $T/narrow victim >/dev/null 2>&1
	all=$(cat $T/count)
	for ((n = 1; n <= ${KILLS:-24}; n++)); do
		at=$((all * n / ${KILLS:-24}))
		"$B/cinchctl" net reload victim >/dev/null 2>&1 || bad="$bad wide again before $at;"
		"$B/tests/prog_crash" $at "$B/cinchctl" net reload --store $T/narrow victim >/dev/null 2>&1
		"$B/cinchctl" net check --repair victim >$T/check.out 2>&1
		[ $? -le 1 ] || bad="$bad check at $at: $(head -n 1 $T/check.out);"
		"$B/cinchctl" net check victim >$T/check.out 2>&1 || bad="$bad again at $at: $(head -n 2 $T/check.out);"
	done
	it_is "killed at ${KILLS:-24} of $all places" "$bad" ""
	lives "what is allowed by both lived through it" victim
	nw_delete shop victim
	it_is "and nothing is left" "$(find /run/cinch/net -type f ! -name lock -size +0c)" ""
}

setup
narrower
recorded
again
lifted
mistakes
nw_delete shop one
turned
pod
modes
host
segments
capable
killed
nw_sink_lives
it_done

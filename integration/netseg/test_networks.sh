#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_networks - networks of other shapes than one interface that is there before the create: none at all, one that is
# plugged in while the container runs, several, IPv6 alone, somebody else's namespace, and one that is made anew.
# shellcheck source=integration/netseg/world.sh
. "${BASH_SOURCE[0]%/*}/world.sh" || exit 1
IT_NEEDS="runc busybox nft"
it_enter "$0" "$@"

REG=/run/cinch/net
OWN='.linux.namespaces |= map(if .type == "network" then del(.path) else . end)'
JOIN() { echo ".linux.namespaces |= map(if .type == \"network\" then .path = \"/proc/$(nw_pid "$1")/ns/net\" else . end)"; } # ID

members() { # SEGMENT of the namespace of pid PID: addresses in its sets
	nsenter -t "$2" -n nft -n -j list table inet cinch | jq -r --arg s "segment_$1_" '[.nftables[].set // empty |
		select(.name | startswith($s)) | .elem[]?] | sort | join(" ")'
}
refused() { nsenter -t "$1" -n nft -n -j list counters table inet cinch | jq '[.nftables[].counter // empty |
	select(.name | test("_out_refused")) | .packets] | add // 0'; } # PID
try() { nw_in "$1" udp "$2" "$3"; } # ID ADDRESS PORT

# No interface but lo: the container starts. Later somebody plugs one in.
test_none() {
	local pid
	nw_run web n1 x "$OWN" || return
	pid=$(nw_pid n1)
	it_is "without interfaces: the rules are there" \
		"$(nsenter -t "$pid" -n nft list table inet cinch | grep -c 'policy drop')" 3
	it_is "and it talks to nobody but itself" "$(try n1 $SINK4 $FENCE) $(try n1 127.0.0.1 99)" "ENETUNREACH sent"
	{
		ip link add to9 netns sink type veth peer name net7 netns "$pid" && in_ns sink ip link set to9 up &&
			in_ns sink ip address add 10.88.9.1/24 dev to9 &&
			nsenter -t "$pid" -n ip address add 10.88.9.2/24 dev net7 &&
			nsenter -t "$pid" -n ip link set net7 up &&
			nsenter -t "$pid" -n ip route add default via 10.88.9.1
	} || it_die "cannot plug an interface in"
	nw_mark
	it_is "plugged in while it runs: what is allowed is sent, nothing else" \
		"$(try n1 $SINK4 $FENCE) $(try n1 $SINK4 99)" "sent EPERM"
	it_until nw_arrived "^udp 10.88.9.2 $SINK4 $FENCE$"
	it_is "and arrives" "$(nw_arrived "$SINK4 $FENCE$") $(nw_arrived "$SINK4 99$")" "1 0"
	it_is "segments know nothing of its address" "$(members web "$(nw_pid other)")" ""
	"$B/cinchctl" net sync >/dev/null
	it_is "until net sync" "$(members web "$(nw_pid other)")" "10.88.9.2"
	nw_delete web n1
	it_is "and no more when it is gone" "$(members web "$(nw_pid other)")" ""
	in_ns sink ip link del to9 2>/dev/null
}

FOUR="^udp (10.88.2.2|172.20.0.2|fd20::2|fd88:2::2) .* $FENCE$"
# shellcheck disable=SC2317 # called by it_until
four_arrived() { [ "$(nw_arrived "$FOUR")" -ge 4 ]; } # each neighbour is asked for first: in any order

# Two networks, as multus makes them: the second has a neighbour and no gateway.
test_several() {
	local pid
	nw_pod 2
	in_ns pod2 ip link add net1 type veth peer name far netns sink && in_ns pod2 ip address add 172.20.0.2/24 dev net1 &&
		in_ns pod2 ip address add fd20::2/64 dev net1 nodad && in_ns pod2 ip link set net1 up &&
		in_ns sink ip address add 172.20.0.9/24 dev far && in_ns sink ip address add fd20::9/64 dev far nodad &&
		in_ns sink ip link set far up
	nw_run web s1 pod2 || return
	pid=$(nw_pid s1)
	it_is "several networks: all of its addresses are its segment's" \
		"$(members web "$(nw_pid other)")" "10.88.2.2 172.20.0.2 fd20::2 fd88:2::2"
	nw_mark
	it_is "what is refused is refused on each" "$(for to in 172.20.0.9 fd20::9 $SINK4 $SINK6; do
		try s1 "$to" 99; done | sort -u)" EPERM
	it_is "what is allowed is sent on each" "$(for to in 172.20.0.9 fd20::9 $SINK4 $SINK6; do
		try s1 "$to" $FENCE; done | sort -u)" sent
	it_until four_arrived
	it_is "and all of it arrives" "$(nw_arrived "$FOUR") $(nw_arrived " 99$")" "4 0"
	it_is "the address of one network may not be used on the other by who is not there" \
		"$(nsenter -t "$pid" -n "$B/tests/prog_net" raw udp 10.88.2.77 172.20.0.9 $FENCE)" EPERM
	it_is "its refusals are counted" "$(refused "$pid")" 5
	nw_delete web s1
	ip netns del pod2
}

test_v6_alone() {
	nw_pod 3
	in_ns pod3 ip address del 10.88.3.2/24 dev eth0
	in_ns sink ip address del 10.88.3.1/24 dev to3
	nw_run web v6 pod3 || return
	it_is "IPv6 alone: its address is its segment's" "$(members web "$(nw_pid other)")" "fd88:3::2"
	in_ns pod3 ip neigh flush dev eth0
	nw_mark
	it_is "what is allowed is sent, nothing else" "$(try v6 $SINK6 $FENCE) $(try v6 $SINK6 99) $(try v6 $RESOLVER6 53)" \
		"sent EPERM sent"
	it_until nw_arrived "^udp fd88:3::2 $RESOLVER6 53$"
	it_is "and arrives: neighbours are found" "$(nw_arrived "^udp fd88:3::2 $SINK6 $FENCE$") $(nw_arrived " 99$")" "1 0"
	it_is "IPv4 goes nowhere" "$(try v6 $SINK4 $FENCE)" ENETUNREACH
	nw_delete web v6
	ip netns del pod3
}

# As docker run --network container:X, and a sidecar that outlives whom it joined.
test_joined() {
	local table
	nw_pod 4
	nw_run web x pod4 && nw_run tight j x "$(JOIN x)" || return
	it_is "in another's namespace: one table for both" "$(in_ns pod4 nft list table inet cinch | grep -c 'socket cgroupv2.*_out')" 2
	it_is "each has its own rules" "$(try x $SINK4 $FENCE) $(try j $SINK4 $FENCE) $(try j $SINK4 8)" "sent EPERM sent"
	nw_delete web x
	it_is "the first is gone: the other's stay" "$(try j $SINK4 $FENCE) $(try j $SINK4 8)" "EPERM sent"
	nw_run web x pod4 # j knows no way into the namespace but a process that was
	it_is "the first comes again: each has its own" "$(try x $SINK4 $FENCE) $(try j $SINK4 $FENCE)" "sent EPERM"
	nw_delete web x
	nw_delete tight j
	table=$(in_ns pod4 nft list ruleset)
	it_is "both are gone: no rules" "$table" ""
	ip netns del pod4
}

# The sandbox dies, and the engine makes the pod anew: the same id in another namespace, the old one not yet gone.
test_again() {
	local old
	nw_pod 5
	nw_run web r pod5 || return
	old=$(nw_pid r)
	kill -9 "$old"
	it_until test ! -e "/proc/$old/root/bin"
	nw_call web delete --force r
	nw_pod 6
	nw_run web r pod6
	it_is "made anew: its address is the new one alone" "$(members web "$(nw_pid other)")" "10.88.6.2 fd88:6::2"
	it_is "its rules are in the new namespace" "$(try r $SINK4 99)" EPERM
	it_is "and none in the old" "$(in_ns pod5 nft list ruleset)" ""
	nw_delete web r
	# without a delete: the runtime's state is lost with the process
	nw_run web r pod5
	old=$(nw_pid r)
	kill -9 "$old"
	it_until test ! -e "/proc/$old/root/bin"
	rm -rf "${ROOT:?}/r"
	nw_run web r pod6
	it_is "without a delete before: the new address alone" "$(members web "$(nw_pid other)")" "10.88.6.2 fd88:6::2"
	it_is "and rules in the new namespace alone" "$(try r $SINK4 99)$(in_ns pod5 nft list ruleset)" EPERM
	nw_delete web r
	ip netns del pod5
	ip netns del pod6
}

nw_world
nw_profile web "{\"preset\": \"isolated\", \"segment\": \"web\", \"egress\": [{\"to\": [\"any\"], \"ports\": [\"udp/$FENCE\"]}]}"
nw_profile tight '{"preset": "none", "egress": [{"to": ["any"], "ports": ["udp/8"]}]}'
nw_profile other '{"preset": "isolated", "egress": [{"to": ["segment:web"], "ports": ["tcp/80"]}]}'
it_apply '{}'
nw_pod 1
nw_run other other pod1
BEFORE=$(it_traces)
test_none
test_several
test_v6_alone
test_joined
test_again
nw_sink_lives
it_clean "nothing is left" "$BEFORE"
nw_delete other other
it_is "nobody is registered any more" "$(find $REG -type f ! -name lock -size +0)" ""
it_done

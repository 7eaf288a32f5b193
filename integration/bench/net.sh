#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# net - what a container's rules cost its traffic: the same work from a container without rules and from one with, in
# turns (see netbench.c), and from one whose policy names five networks and one that names five thousand. ROUNDS=N.
# The fourth has no rules but two that have the kernel track connections, as a node's NAT does: what is over that is
# the rules' own.
# shellcheck source=integration/netseg/world.sh
. "${BASH_SOURCE[0]%/*}/../netseg/world.sh" || exit 1
IT_NEEDS="runc busybox"
IT_LIMIT=590
[ "$(id -u)" -eq 0 ] || it_die "needs root: sudo make bench"
it_enter "$0" "$@"

ROUNDS=${ROUNDS:-100}

# N: a policy whose first N - 1 networks are not the server's
networks() {
	jq -nc --argjson n "$1" --arg server "$SINK4" --arg server6 "$SINK6" '{preset: "isolated", egress: [{
		to: ([range($n - 1) | "11.\(. / 256 | floor).\(. % 256).0/25"] + [$server]), ports: ["tcp/5001", "udp/5001"]},
		{to: ([range($n - 1) | "2a00:\(. % 65536):1::/48"] + [$server6]), ports: ["tcp/5001", "udp/5001"]}]}'
}

# NAME GOAL WHAT ADDRESS A B
pair() {
	"$B/netbench" "$1" "$ROUNDS" "$2" "$3" "$4" sink "pod$5" "$(nw_procs "c$5")" "pod$6" "$(nw_procs "c$6")"
	[ $? -le 1 ] || it_die "$1" # 1: a goal was missed, its line says so
}

nw_world
nw_profile none ""
nw_profile five "$(networks 5)"
nw_profile many "$(networks 5000)"
it_apply '{}'
n=0
for p in none five many none; do
	n=$((n + 1))
	nw_pod $n
	nw_run $p c$n pod$n || it_die "c$n: $(cat $T/err)"
done
in_ns pod4 nft -f - <<-RULES || it_die "nft"
	table inet tracked {
		chain out { type filter hook output priority 0; ct state established accept; }
		chain in { type filter hook input priority 0; ct state established accept; }
	}
RULES
in_ns pod3 nft -j list table inet cinch |
	jq -r '"networks in the largest set: \([.nftables[].set.elem // [] | length] | max)"'
printf '%s, medians; by: median of the quotients of rounds\n%-44s %9s %9s %4s %7s %6s\n' \
	"$(uname -r)" "" A B "" "B by A" goal
pair "stream, IPv4: without rules, with" 0.97 stream $SINK4 1 2
pair "stream, IPv6" 0.97 stream $SINK6 1 2
pair "connections, IPv4" 0.97 connect $SINK4 1 2
pair "connections, IPv6" 0.97 connect $SINK6 1 2
pair "datagrams there and back, IPv4" 0.97 ask $SINK4 1 2
pair "connections: tracked, with rules" 0.97 connect $SINK4 4 2
pair "connections, IPv6: tracked, with rules" 0.97 connect $SINK6 4 2
pair "connections: 5 networks, 5,000" 0.97 connect $SINK4 2 3
pair "connections, IPv6: 5 networks, 5,000" 0.97 connect $SINK6 2 3
pair "stream: 5 networks, 5,000" 0.97 stream $SINK4 2 3
nw_delete none c1
nw_delete five c2
nw_delete many c3
nw_delete none c4

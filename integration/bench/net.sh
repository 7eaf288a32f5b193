#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# net - what a container's rules cost its traffic: the same work from a container without rules, from one with two lines
# that only have the kernel track connections, as a node's NAT does, and from one with a policy, in turns (see
# netbench.c); and from one whose policy names five networks and one that names five thousand. ROUNDS=N.
# What is over the second is the rules' own.
# shellcheck source=integration/netseg/world.sh
. "${BASH_SOURCE[0]%/*}/../netseg/world.sh" || exit 1
IT_NEEDS="runc busybox"
IT_LIMIT=590
[ "$(id -u)" -eq 0 ] || it_die "needs root: sudo make bench"
it_enter "$0" "$@"

ROUNDS=${ROUNDS:-200}

# N: a policy whose first N - 1 networks are not the server's
networks() {
	jq -nc --argjson n "$1" --arg server "$SINK4" --arg server6 "$SINK6" '{preset: "isolated", egress: [{
		to: ([range($n - 1) | "11.\(. / 256 | floor).\(. % 256).0/25"] + [$server]), ports: ["tcp/5001", "udp/5001"]},
		{to: ([range($n - 1) | "2a00:\(. % 65536):1::/48"] + [$server6]), ports: ["tcp/5001", "udp/5001"]}]}'
}

# NAME WHAT ADDRESS {ARM POD GOAL}...
bench() {
	local name=$1 what=$2 address=$3 arms=()
	shift 3
	for (( ; $# > 0; )); do
		arms+=("$1" "pod$2" "$(nw_procs "c$2")" "$3")
		shift 3
	done
	"$B/netbench" "$name" "$ROUNDS" "$what" "$address" sink "${arms[@]}"
	[ $? -le 1 ] || it_die "$name" # 1: a goal was missed, its line says so
}

ours() { # NAME WHAT ADDRESS
	bench "$@" "without rules" 1 - "connections tracked" 4 - "with rules" 2 0.97
}

sizes() { # NAME WHAT ADDRESS
	bench "$@" "5 networks" 2 - "5,000 networks" 3 0.97
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
# it looks at every packet, of all arms alike
kill "$NW_SINK"
wait "$NW_SINK" 2>/dev/null
printf '%s; %s rounds, medians; each: microseconds of both ends; by: the first line\n' "$(uname -r)" "$ROUNDS"
printf '  %-22s %9s %8s %6s %-13s %5s%-8s %9s %-5s %6s\n' '' each more by '' goal '' 'at rate' '' by
ours "a megabyte, IPv4" stream $SINK4
ours "a megabyte, IPv6" stream $SINK6
ours "a connection, IPv4" connect $SINK4
ours "a connection, IPv6" connect $SINK6
ours "a datagram and its answer, IPv4" ask $SINK4
ours "a datagram and its answer, IPv6" ask $SINK6
sizes "a connection, IPv4" connect $SINK4
sizes "a connection, IPv6" connect $SINK6
sizes "a megabyte, IPv4" stream $SINK4
nw_delete none c1
nw_delete five c2
nw_delete many c3
nw_delete none c4

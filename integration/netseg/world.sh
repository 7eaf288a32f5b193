# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# world - what the tests of the network's rules share: namespaces with a neighbour that writes down what arrives.
#
# A script sources this file in place of lib.sh and calls it_enter "$0" "$@" first, then nw_world.
#
# Namespace "sink" is everybody else: it is the pods' gateway, has the addresses of a public host, of metadata
# services and of resolvers, and prog_sink writes a line into $SINK for each packet that comes to it. A pod is a
# namespace of its own, podN, with 10.88.N.2 and fd88:N::2, as an engine's CNI would have made it before the create.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1

RT=/usr/local/sbin/cinch
ROOT=$T/roots/net
SINK=$T/sink.log
# The public host: port 7 is what the tests' policies allow there; somebody else's resolver; the container's own.
SINK4=203.0.113.9 SINK6=2001:db8:113::9 FENCE=7
# shellcheck disable=SC2034 # used by who sources this
FOREIGN4=9.9.9.9 FOREIGN6=2620:fe::9 RESOLVER4=10.88.0.53 RESOLVER6=fd88::53
# shellcheck disable=SC2034
METADATA4="169.254.169.254 100.100.100.200 168.63.129.16" METADATA6="fd00:ec2::254"
# Nobody may go there: one address for each attempt, all of them the sink's.
# shellcheck disable=SC2034
NW_NEVER4=198.51.100 NW_NEVER6=2001:db8:114: NW_MORE4=198.51.100.77 NW_MORE6=2001:db8:114::4d

in_ns() { # NAMESPACE COMMAND...
	local ns=$1
	shift
	nsenter --net="/run/netns/$ns" "$@"
}

nw_world() {
	local a
	it_install
	mkdir -p "$ROOT"
	ip netns add sink || it_die "cannot make a network namespace"
	in_ns sink ip link set lo up
	for a in $SINK4 $FOREIGN4 $RESOLVER4 $METADATA4; do
		in_ns sink ip address add "$a/32" dev lo
	done
	for a in $SINK6 $FOREIGN6 $RESOLVER6 $METADATA6 64:ff9b::a9fe:a9fe; do
		in_ns sink ip address add "$a/128" dev lo nodad
	done
	in_ns sink ip route add local $NW_NEVER4.0/24 dev lo
	in_ns sink ip -6 route add local $NW_NEVER6:/64 dev lo
	in_ns sink sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.icmp_ratelimit=0 \
		net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0 ||
		it_die "cannot set up the sink"
	printf 'nameserver %s\nnameserver %s\n' $RESOLVER4 $RESOLVER6 >/etc/resolv.conf
	in_ns sink "$B/tests/prog_sink" "$SINK" 2>$T/sink.err &
	NW_SINK=$!
	it_until grep -q '^ready' "$SINK" || it_die "the sink does not begin: $(cat $T/sink.err)"
	it_rootfs $T/rootfs || it_die "cannot make a root file system"
}

# A sink that ended, because it lost packets or otherwise, proves nothing.
nw_sink_lives() {
	kill -0 "$NW_SINK" 2>/dev/null
	it_result $? "the sink saw all there was" "$(cat $T/sink.err)"
}

nw_pod() { # N: namespace podN
	local n=$1
	{
		ip netns add "pod$n" &&
			in_ns "pod$n" sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0 &&
			ip link add "to$n" netns sink type veth peer name eth0 netns "pod$n" &&
			in_ns sink ip address add "10.88.$n.1/24" dev "to$n" &&
			in_ns sink ip address add "fd88:$n::1/64" dev "to$n" nodad &&
			in_ns sink ip link set "to$n" up &&
			in_ns "pod$n" ip link set lo up &&
			in_ns "pod$n" ip address add "10.88.$n.2/24" dev eth0 &&
			in_ns "pod$n" ip address add "fd88:$n::2/64" dev eth0 nodad &&
			in_ns "pod$n" ip link set eth0 up &&
			in_ns "pod$n" ip route add default via "10.88.$n.1" &&
			in_ns "pod$n" ip -6 route add default via "fd88:$n::1" &&
			in_ns "pod$n" sysctl -qw "net.ipv4.ping_group_range=0 2147483647"
	} || it_die "cannot make pod$n"
}

# A profile NAME with this "network" section; "" for none. Beyond the network it is baseline, without a filter of
# system calls, which most of a start would be spent on.
nw_profile() { # NAME NETWORK-JSON [MORE-JSON]
	mkdir -p /etc/cinch/profiles
	printf '%s\n' "${2:-null}" | jq --arg name "$1" --argjson more "${3:-{\}}" '{profile: $name, version: "1.0.0",
		extends: ["baseline"], seccomp: {profile: "unconfined"}} + $more +
		if . then {network: .} else {} end' >/etc/cinch/profiles/"$1".json
}

# What every policy of the tests allows, so that a test can tell "refused" from "not sent".
# shellcheck disable=SC2034
NW_FENCE='{"to": ["'$SINK4'", "'$SINK6'"], "ports": ["udp/'$FENCE'"]}'

# ID POD [JQ]: a bundle at $T/bundles/ID whose container lies in that pod's namespace
nw_bundle() {
	local d=$T/bundles/$1
	mkdir -p "$d"
	it_bundle "$d" "$1" ".root.path = \"$T/rootfs\" | .root.readonly = true |
		.linux.namespaces |= map(if .type == \"network\" then .path = \"/run/netns/$2\" else . end) |
		.mounts += [{destination: \"/etc/resolv.conf\", type: \"bind\", source: \"/etc/resolv.conf\",
			options: [\"bind\", \"ro\"]}] | ${3:-.}" || it_die "cannot make a bundle"
	cp "$d/config.json" "$d/asked.json"
}

# PROFILE VERB...: the runtime with that profile; "-" is the real one alone
nw_call() {
	local profile=$1
	shift
	if [ "$profile" = - ]; then
		"$RUNC" --root "$ROOT" --log $T/log.json "$@" </dev/null >$T/out 2>$T/err
	else
		"$RT" --cinch-profile "$profile" --root "$ROOT" --log $T/log.json --log-format json "$@" \
			</dev/null >$T/out 2>$T/err
	fi
}

# PROFILE ID POD [JQ]: a container that sleeps, or what JQ makes of it
nw_run() {
	nw_bundle "$2" "$3" "${4:-.}"
	if ! nw_call "$1" create --bundle "$T/bundles/$2" "$2" || ! nw_call "$1" start "$2"; then
		it_result 1 "$2 starts with profile $1" "$(cat $T/err $T/out)"
		return 1
	fi
	nw_procs "$2" >$T/procs && mv $T/procs "$T/bundles/$2/procs"
}

nw_delete() { # PROFILE ID
	nw_call "$1" delete --force "$2"
	rm -rf "$T/bundles/$2"
}

nw_pid() { "$RUNC" --root "$ROOT" state "$1" | jq .pid; } # ID

# The container's cgroup.procs in the hierarchy of the second version.
nw_procs() { # ID
	local at=/sys/fs/cgroup pid
	[ -e $at/cgroup.procs ] || at=$at/unified
	[ ! -s "$T/bundles/$1/procs" ] || { cat "$T/bundles/$1/procs" && return; }
	pid=$(nw_pid "$1" 2>/dev/null) || pid=none
	echo "$at$(sed -n 's/^0:://p' "/proc/$pid/cgroup" 2>/dev/null | grep . || echo /none)/cgroup.procs"
}

# ID ARGUMENT...: bin/net in the container, as its own process would run it
nw_in() {
	local id=$1
	shift
	"$RUNC" --root "$ROOT" exec "$id" /bin/net "$@" </dev/null 2>&1
}

# ID POD ARGUMENT...: the same as root of the host that took the container's place: in its namespace and its cgroup,
# with every capability
nw_as() {
	local procs pod=$2
	procs=$(nw_procs "$1")
	shift 2
	# shellcheck disable=SC2016 # the shell inside does
	in_ns "$pod" /bin/sh -c 'echo $$ >"$0" && exec "$@"' "$procs" "$B/tests/prog_net" "$@" </dev/null 2>&1
}

# POD ARGUMENT...: the same in the namespace, but in no container's cgroup
nw_beside() {
	local pod=$1
	shift
	in_ns "$pod" "$B/tests/prog_net" "$@" </dev/null 2>&1
}

# --- what arrived ---

nw_mark() { NW_MARK=$(stat -c %s "$SINK"); } # what comes from now on
# Lines of the sink since the mark that match.
nw_arrived() { tail -c "+$((NW_MARK + 1))" "$SINK" | grep -cE "$1"; } # REGEX

# Everything that was sent before is in the sink's log when a packet that was sent later is. FENCES are sent by the
# sink's own host over the same wire, in the other direction's place: from a namespace that has no rules.
nw_fence() { # POD: through which it goes, below all rules
	local n
	NW_FENCES=$((${NW_FENCES:-0} + 1))
	n=$((20000 + NW_FENCES))
	in_ns "$1" "$B/tests/prog_net" frame eth0 "$(nw_mac "$1")" udp 192.0.2.1 192.0.2.2 $n >/dev/null &&
		it_until grep -q "^udp 192.0.2.1 192.0.2.2 $n\$" "$SINK"
}

nw_mac() { # POD: the address of its gateway's end
	in_ns sink ip -j link show "to${1#pod}" | jq -r '.[0].address'
}

# --- what the rules say ---

nw_table() { in_ns "$1" nft -n -j list table inet cinch 2>/dev/null; } # POD

# POD: sum of the counters of what was refused
nw_refused() {
	in_ns "$1" nft -n -j list counters table inet cinch 2>/dev/null | jq '[.nftables[].counter // empty | select(.name | test("_refused(_|$)")) | .packets] | add // 0'
}

# POD: what was refused and is remembered, a line each: "ADDRESS PROTOCOL-NUMBER PORT"
nw_denied() {
	nw_table "$1" | jq -r '.nftables[].set // empty | select(.name | test("_denied_")) | .elem[]? |
		(.elem.val // .).concat | map(tostring) | join(" ")'
}

# ID: the same as `cinchctl net denied` shows it
nw_shown() {
	"$B/cinchctl" net denied --json "$1" | jq -r '.containers[].flows[] | .peer as $peer | "\(.peer) \({tcp: 6, udp: 17,
		sctp: 132, icmp: (if $peer | contains(":") then 58 else 1 end)}[.protocol] // .protocol) \(.port // 0)"'
}

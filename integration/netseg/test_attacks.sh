#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_attacks - what must not get out of a container, or into it. Each attempt is made three times, with real
# packets to a neighbour: from a container without rules, where it arrives; from one with few rules ("isolated"), where it
# does not, is counted, remembered and shown by `cinchctl net denied`; and what no rule may open from one whose preset is "open".
# shellcheck source=integration/netseg/world.sh
. "${BASH_SOURCE[0]%/*}/world.sh" || exit 1
IT_NEEDS="runc busybox nft"
it_enter "$0" "$@"

# One attempt a line: ID; who (in: the container; as: root of the host in its place, with every capability; beside:
# a process of the namespace in no container's cgroup; early: one that joins the cgroup when its sockets are there);
# arguments of prog_net; what the sink sees, a regular expression; what is remembered: ADDRESS PROTOCOL PORT; "guard"
# when no preset opens it. Every line may have an address of its own: @4 and @6. @s4 and @s6 are the container's.
ATTACKS=$(
	cat <<-'EOF'
		udp4;in;udp @4 1000;udp @s4 @4 1000;@4 17 1000;
		udp6;in;udp @6 1000;udp @s6 @6 1000;@6 17 1000;
		tcp4;in;tcp @4 1000;tcp @s4 @4 1000;@4 6 1000;
		tcp6;in;tcp @6 1000;tcp @s6 @6 1000;@6 6 1000;
		udp, IPv4 by an IPv6 socket;in;udp ::ffff:@4 1000;udp @s4 @4 1000;@4 17 1000;
		tcp, IPv4 by an IPv6 socket;in;tcp ::ffff:@4 1000;tcp @s4 @4 1000;@4 6 1000;
		port 443 by UDP (QUIC);in;udp @4 443;udp @s4 @4 443;@4 17 443;
		the allowed host at another port;in;udp 203.0.113.9 8;udp @s4 203.0.113.9 8;203.0.113.9 17 8;
		the allowed host by TCP;in;tcp 203.0.113.9 7;tcp @s4 203.0.113.9 7;203.0.113.9 6 7;
		UDP-Lite;in;udplite @4 1000;udplite @s4 @4 1000;@4 136 [0-9]+;
		UDP-Lite, IPv6;in;udplite @6 1000;udplite @s6 @6 1000;@6 136 [0-9]+;
		multipath TCP;in;mptcp @4 1000;tcp @s4 @4 1000;@4 6 1000;
		data in a SYN (TCP fast open);in;fastopen @4 1000;tcp @s4 @4 1000;@4 6 1000;
		broadcast;in;udp 255.255.255.255 1001;udp @s4 255.255.255.255 1001;255.255.255.255 17 1001;
		broadcast of the subnet;in;udp @b4 1002;udp @s4 @b4 1002;@b4 17 1002;
		multicast;in;udp 239.1.2.3 1003;udp @s4 239.1.2.3 1003;239.1.2.3 17 1003;
		multicast, IPv6;in;udp ff02::1%eth0 1004;udp fe80:[^ ]* ff02::1 1004;ff02::1 17 1004;
		the gateway's link-local address;in;udp @g6%eth0 1005;udp fe80:[^ ]* @g6 1005;@g6 17 1005;
		ICMP echo;in;ping @4;icmp @s4 @4 8;@4 1 0;
		ICMPv6 echo;in;ping @6;icmpv6 @s6 @6 128;@6 58 0;
		metadata, TCP;in;tcp 169.254.169.254 80;tcp @s4 169.254.169.254 80;169.254.169.254 6 80;guard
		metadata, UDP;in;udp 169.254.169.254 80;udp @s4 169.254.169.254 80;169.254.169.254 17 80;guard
		metadata by an IPv6 socket;in;tcp ::ffff:169.254.169.254 81;tcp @s4 169.254.169.254 81;169.254.169.254 6 81;guard
		metadata, IPv6;in;tcp fd00:ec2::254 80;tcp @s6 fd00:ec2::254 80;fd00:ec2::254 6 80;guard
		metadata through NAT64;in;tcp 64:ff9b::a9fe:a9fe 80;tcp @s6 64:ff9b::a9fe:a9fe 80;64:ff9b::a9fe:a9fe 6 80;guard
		Alibaba's metadata;in;tcp 100.100.100.200 80;tcp @s4 100.100.100.200 80;100.100.100.200 6 80;guard
		Azure's metadata;in;tcp 168.63.129.16 80;tcp @s4 168.63.129.16 80;168.63.129.16 6 80;guard
		Azure's other port;in;tcp 168.63.129.16 32526;tcp @s4 168.63.129.16 32526;168.63.129.16 6 32526;guard
		a foreign resolver;in;udp 9.9.9.9 53;udp @s4 9.9.9.9 53;9.9.9.9 17 53;
		a foreign resolver, TCP;in;tcp 9.9.9.9 53;tcp @s4 9.9.9.9 53;9.9.9.9 6 53;
		a foreign resolver, IPv6;in;udp 2620:fe::9 53;udp @s6 2620:fe::9 53;2620:fe::9 17 53;
		a foreign resolver, TLS;in;tcp 9.9.9.9 853;tcp @s4 9.9.9.9 853;9.9.9.9 6 853;
		the own resolver's other port;in;tcp 10.88.0.53 22;tcp @s4 10.88.0.53 22;10.88.0.53 6 22;
		an answer to what was said over lo in the peer's name;as;masked @s4 @4 1000;udp @s4 @4 1000;@4 17 1000;
		the same, IPv6, without privileges;in;masked @s6 @6 1000;udp @s6 @6 1000;@6 17 1000;
		metadata, as such an answer;in;masked @s6 fd00:ec2::254 8081;udp @s6 fd00:ec2::254 8081;fd00:ec2::254 17 8081;guard
		a spoofed source;as;raw udp 10.88.99.9 203.0.113.9 7;udp 10.88.99.9 203.0.113.9 7;203.0.113.9 17 7;guard
		a spoofed source, IPv6;as;raw udp fd88:99::9 2001:db8:113::9 7;udp fd88:99::9 2001:db8:113::9 7;2001:db8:113::9 17 7;guard
		the source of the neighbour;as;raw udp @n4 203.0.113.9 7;udp @n4 203.0.113.9 7;203.0.113.9 17 7;guard
		a spoofed SYN;as;raw tcp 10.88.99.9 @4 1000;tcp 10.88.99.9 @4 1000;@4 6 1000;guard
		a router advertisement;as;raw advert @l6 @6;icmpv6 @l6 @6 134;@6 58 0;guard
		a router advertisement to all;as;raw advert @l6 ff02::1;icmpv6 @l6 ff02::1 134;ff02::1 58 0;guard
		a redirect, IPv6;as;raw redirect @l6 @6;icmpv6 @l6 @6 137;@6 58 0;guard
		a redirect;as;raw redirect @s4 @4;icmp @s4 @4 5;@4 1 0;guard
		SCTP;as;raw sctp @s4 @4 1000;sctp @s4 @4 1000;@4 132 1000;
		SCTP, IPv6;as;raw sctp @s6 @6 1000;sctp @s6 @6 1000;@6 132 1000;
		DCCP;as;raw dccp @s4 @4 1000;dccp @s4 @4 1000;@4 33 [0-9]+;
		a segment of no connection;as;raw tcp-ack @s4 @4 1000;tcp @s4 @4 1000;@4 6 1000;
		an ICMP error about nothing;as;raw unreachable @s4 @4;icmp @s4 @4 3;@4 1 0;
		an ICMPv6 error about nothing;as;raw unreachable @s6 @6;icmpv6 @s6 @6 1;@6 58 0;
		GRE;as;raw gre @s4 @4;47 @s4 @4 0;@4 47 0;
		GRE, IPv6;as;raw gre @s6 @6;47 @s6 @6 0;@6 47 0;
		ESP;as;raw esp @s4 @4;50 @s4 @4 0;@4 50 0;
		IP in IP;as;raw ipip @s4 @4;4 @s4 @4 0;@4 4 0;
		IPv6 in IPv4;as;raw 6in4 @s4 @4;41 @s4 @4 0;@4 41 0;
		GRE to the allowed host;as;raw gre @s4 203.0.113.9;47 @s4 203.0.113.9 0;203.0.113.9 47 0;
		SCTP to the allowed port;as;raw sctp @s4 203.0.113.9 7;sctp @s4 203.0.113.9 7;203.0.113.9 132 7;
		a protocol of no name;as;raw unknown @s4 @4;253 @s4 @4 0;@4 253 0;
		a protocol of no name, IPv6;as;raw unknown @s6 @6;253 @s6 @6 0;@6 253 0;
		fragments;as;raw fragments @s4 @4 1000;(udp @s4 @4 1000|fragment @s4 @4 0);@4 17 1000;
		fragments, IPv6;as;raw fragments @s6 @6 1000;(udp @s6 @6 1000|fragment @s6 @6 0);@6 17 1000;
		fragments with a spoofed source;as;raw fragments 10.88.99.9 @4 1000;(udp|fragment) 10.88.99.9 @4 [0-9]+;@4 17 1000;guard
		a process of no cgroup;beside;udp @4 1000;udp @s4 @4 1000;@4 17 1000;
		a process of no cgroup, TCP, IPv6;beside;tcp @6 1000;tcp @s6 @6 1000;@6 6 1000;
		a process of no cgroup, metadata;beside;tcp 169.254.169.254 8080;tcp @s4 169.254.169.254 8080;169.254.169.254 6 8080;guard
		sockets made before the cgroup;early;@4 1000;(udp|tcp) @s4 @4 1000;@4 (17|6) 1000;
		sockets made before the cgroup, IPv6;early;@6 1000;(udp|tcp) @s6 @6 1000;@6 (17|6) 1000;
		sockets from outside by SCM_RIGHTS;passed;@4 1000;(udp|tcp) @s4 @4 1000;@4 (17|6) 1000;
		sockets from outside by SCM_RIGHTS, IPv6;passed;@6 1000;(udp|tcp) @s6 @6 1000;@6 (17|6) 1000;
	EOF
)

link_local() { # NAMESPACE INTERFACE
	in_ns "$1" ip -j -6 address show "$2" scope link | jq -er '[.[].addr_info[]? | select(.local)][0].local'
}

filled() { # TEXT NUMBER POD: with the addresses put in
	local n=${3#pod} text=$1 hex
	printf -v hex %x "$2"
	text=${text//@s4/10.88.$n.2} text=${text//@s6/fd88:$n::2} text=${text//@b4/10.88.$n.255}
	text=${text//@n4/10.88.$n.1} text=${text//@g6/${GATEWAY[n]}} text=${text//@l6/${LINK[n]}}
	text=${text//@4/$NW_NEVER4.$2}
	echo "${text//@6/$NW_NEVER6:$hex}"
}

# A shell in the container, which runs one after the other: to enter it anew each time would take most of the test.
enter() { # ID
	coproc BOX { "$RUNC" --root "$ROOT" exec "$1" /bin/sh 2>&1; }
	exec 5>&"${BOX[1]}" 6<&"${BOX[0]}" # these a subshell has, too
}

inside() { # ARGUMENT...
	local line
	echo "net $* 2>&1; echo END" >&5
	while IFS= read -r line <&6 && [ "$line" != END ]; do
		echo "$line"
	done
}

leave() {
	local pid=$BOX_PID
	echo exit >&5
	wait "$pid"
	exec 5>&- 6<&-
}

# ID POD WHO ARGUMENT...: one attempt; what prog_net said
attempt() {
	local id=$1 pod=$2 who=$3 at=/dev/shm/taken
	shift 3
	case $who in
	in) inside "$@" ;;
	as) nw_as "$id" "$pod" "$@" ;;
	beside) nw_beside "$pod" "$@" ;;
	early) nw_beside "$pod" early "$(nw_procs "$id")" "$@" ;;
	passed)
		nw_in "$id" take $at >$T/taken &
		it_until test -S "/proc/$(nw_pid "$id")/root$at"
		nw_beside "$pod" give "/proc/$(nw_pid "$id")/root$at" "$@" && wait $!
		cat $T/taken
		;;
	esac
}

# ID POD ONLY: every attempt whose last column matches ONLY, one after the other. What was counted of each, and what
# prog_net said, go to $T/said.ID
attempts() {
	local id=$1 pod=$2 n=0 before after=0 what who args seen denied guard
	enter "$id"
	while IFS=';' read -r what who args seen denied guard; do
		n=$((n + 1))
		# shellcheck disable=SC2053 # a pattern is wanted
		[[ $guard == $3 ]] || continue
		before=$after
		# shellcheck disable=SC2046 # words are wanted
		set -- "$id" "$pod" "$3" "$(attempt "$id" "$pod" "$who" $(filled "$args" $n "$pod") | tr '\n' ' ')"
		[ "$id" = free ] || after=$(nw_refused "$pod")
		echo "$n;$((after - before));$4"
	done <<<"$ATTACKS" >"$T/said.$id"
	leave
	nw_fence "$pod" || it_result 1 "$id: the sink answers no more"
}

# --- judged ---

# What the sink saw of attempt N; what is remembered of it: yes or no
arrived() { tail -c "+$((NW_MARK + 1))" "$SINK" | grep -cE "^$1\$"; } # REGEX

each_attempt() { # ID POD JUDGE: JUDGE WHAT COUNTED SAID SEEN-REGEX DENIED-REGEX
	local n counted said what who args seen denied guard all
	mapfile -t all <<<"$ATTACKS"
	while IFS=';' read -r n counted said; do
		IFS=';' read -r what who args seen denied guard <<<"${all[n - 1]}"
		"$3" "$what" "$counted" "$said" "$(filled "$seen" "$n" "$2")" "$(filled "$denied" "$n" "$2")"
	done <"$T/said.$1"
}

# shellcheck disable=SC2317 # called by each_attempt
judge_open() { # without rules
	[ "$(arrived "$4")" -gt 0 ]
	it_result $? "without rules it arrives: $1" "prog_net said $3, the sink did not see $4"
}

# shellcheck disable=SC2317
judge_closed() {
	local seen
	seen=$(arrived "$4")
	it_is "$STAGE: refused, counted, shown: $1" "arrived $seen, counted $([ "$2" -gt 0 ] && echo yes || echo no), \
remembered $(grep -qE "^$5\$" <<<"$DENIED" && echo yes || echo no), \
shown $(grep -qE "^$5\$" <<<"$SHOWN" && echo yes || echo no)" \
		"arrived 0, counted yes, remembered yes, shown yes" || echo "# prog_net said $3"
}

test_without() {
	nw_run none free pod1 || return
	nw_mark
	attempts free pod1 '*'
	each_attempt free pod1 judge_open
	nw_delete none free
}

test_with() { # PROFILE ID POD ONLY
	local DENIED SHOWN STAGE=$1
	nw_run "$1" "$2" "$3" || it_done
	nw_mark
	attempts "$2" "$3" "$4"
	DENIED=$(nw_denied "$3")
	SHOWN=$(nw_shown "$2")
	each_attempt "$2" "$3" judge_closed
}

# Refused at once: nobody waits for it.
test_fast() {
	local a
	for a in "tcp $NW_NEVER4.200 80" "tcp $NW_NEVER6:c8 80" "mptcp $NW_NEVER4.200 80"; do
		# shellcheck disable=SC2086 # words are wanted
		it_refused_at_once "refused at once: $a" nw_in closed $a
	done
	it_is "a datagram is refused by its call" "$(nw_in closed udp $NW_NEVER4.200 80)" EPERM
	it_is "and IPv6's" "$(nw_in closed udp $NW_NEVER6:c8 80)" EPERM
}

# What the policy allows, and what any host has to be able to do.
test_allowed() {
	nw_mark
	nw_in closed udp $SINK4 $FENCE >/dev/null
	nw_in closed udp $SINK6 $FENCE >/dev/null
	nw_in closed udp ::ffff:$SINK4 $FENCE >/dev/null
	nw_as closed pod2 raw udp 10.88.2.2 $SINK4 $FENCE >/dev/null
	nw_as closed pod2 raw udp fd88:2::2 $SINK6 $FENCE >/dev/null
	nw_in closed udp $RESOLVER4 53 >/dev/null
	nw_in closed udp $RESOLVER6 53 >/dev/null
	nw_in closed tcp $RESOLVER4 53 >/dev/null
	nw_fence pod2
	it_is "the allowed port, IPv4: three ways" "$(arrived "udp 10.88.2.2 $SINK4 $FENCE")" 3
	it_is "the allowed port, IPv6: two ways" "$(arrived "udp fd88:2::2 $SINK6 $FENCE")" 2
	it_is "the own resolvers" "$(arrived "(udp|tcp) [^ ]* ($RESOLVER4|$RESOLVER6) 53")" 3
	it_like "it talks to itself" "$("$RUNC" --root "$ROOT" exec closed /bin/sh -c 'net serve tcp 127.0.0.1 8081 >/dev/shm/t &
		until grep -q ready /dev/shm/t || ! kill -0 $!; do :; done; net ask tcp 127.0.0.1 8081; kill $!' 2>&1)" '^answered '
	it_like "and to itself by IPv6" "$("$RUNC" --root "$ROOT" exec closed /bin/sh -c 'net serve udp ::1 8082 >/dev/shm/u &
		until grep -q ready /dev/shm/u || ! kill -0 $!; do :; done; net ask udp ::1 8082; kill $!' 2>&1)" '^answered '
}

# --- from outside ---

# ID PROTOCOL ADDRESS PORT: a server in the container; its output is $T/served
serve() {
	rm -f $T/served # of the one before
	"$RUNC" --root "$ROOT" exec "$1" /bin/net serve "$2" "$3" "$4" </dev/null >$T/served 2>&1 &
	IT_WAIT=120 it_until grep -q ready $T/served
}

got() { it_until grep -q '^got' $T/served; }
# shellcheck disable=SC2317 # called by it_until
connects() { [[ $(in_ns sink "$B/tests/prog_net" ask tcp "$1" 8080) == answered* ]]; } # ADDRESS

# ID POD: what a neighbour gets into it. What gets in may take a while on a busy machine; where nothing does, two
# seconds are long.
intrude() {
	local n=${2#pod} mac IT_WAIT=2
	[ "$1" != free ] || IT_WAIT=120
	mac=$(in_ns "$2" ip -j link show eth0 | jq -r '.[0].address')
	in_ns "$2" sysctl -qw net.ipv4.conf.all.route_localnet=1 net.ipv4.conf.eth0.accept_redirects=1 \
		net.ipv6.conf.eth0.accept_ra=2
	serve "$1" udp 127.0.0.1 8080
	in_ns sink "$B/tests/prog_net" frame "to$n" "$mac" udp "10.88.$n.1" 127.0.0.1 8080 >/dev/null
	got && echo "loopback from outside"
	in_ns sink "$B/tests/prog_net" frame "to$n" "$mac" advert "${GATEWAY[n]}" ff02::1 >/dev/null
	it_until routes "$2" && echo "a router advertised"
	serve "$1" udp "10.88.$n.2" 8080
	in_ns sink "$B/tests/prog_net" udp "10.88.$n.2" 8080 >/dev/null
	got && echo "a datagram"
	serve "$1" udp "fd88:$n::2" 8080
	in_ns sink "$B/tests/prog_net" udp "fd88:$n::2" 8080 >/dev/null
	got && echo "a datagram, IPv6"
	serve "$1" tcp "10.88.$n.2" 8080
	it_until connects "10.88.$n.2" && echo "a connection"
	serve "$1" tcp "fd88:$n::2" 8080
	it_until connects "fd88:$n::2" && echo "a connection, IPv6"
}

# ID POD: whether a neighbour gets in as the answer to what was said over lo
pierced() {
	local n=${2#pod} IT_WAIT=2
	[ "$1" != free ] || IT_WAIT=120
	nw_in "$1" pierce "10.88.$n.2" "10.88.$n.1" 8083 >$T/said.pierce
	serve "$1" udp "10.88.$n.2" 8083
	in_ns sink "$B/tests/prog_net" raw udp "10.88.$n.1" "10.88.$n.2" 8083 >/dev/null
	got && echo "an answer"
}

# shellcheck disable=SC2317 # called by it_until
routes() { in_ns "$1" ip -6 route show proto ra | grep -q .; } # POD: it has learned a router

test_into() {
	local before
	nw_run none free pod1 || return
	it_is "without rules a neighbour gets in" "$(intrude free pod1)" "loopback from outside
a router advertised
a datagram
a datagram, IPv6
a connection
a connection, IPv6"
	it_is "and with an answer" "$(pierced free pod1)" "an answer"
	nw_delete none free
	it_is "with rules nobody is waited for over lo" "$(pierced closed pod2)" ""
	it_is "that is refused by its call" "$(cat $T/said.pierce)" EPERM
	before=$(nw_refused pod2)
	it_is "with rules nothing of a neighbour's gets in" "$(intrude closed pod2)" ""
	[ $(($(nw_refused pod2) - before)) -ge 5 ]
	it_result $? "and it is counted" "$before, then $(nw_refused pod2)"
	it_like "and remembered" "$(nw_denied pod2)" '^10\.88\.2\.1 6 8080$'
	it_is "an open container takes no router, and no loopback, from outside" "$(intrude opened pod3 |
		grep -E 'loopback|router')" ""
}

# Who may send under any address does not make answers of it.
test_lifted() {
	local id
	for id in free lifted; do
		nw_run "${id/free/none}" $id pod1 || return
		nw_mark
		nw_in $id masked fd88:1::2 $NW_NEVER6:c9 1000 >/dev/null
		nw_fence pod1
		it_is "$id: what it answers to its own words" "$(arrived "udp fd88:1::2 $NW_NEVER6:c9 1000")" \
			"$([ $id = free ] && echo 1 || echo 0)"
		nw_delete none $id
	done
}

# --- forwarding ---

# The namespace is no router: a neighbour's packet does not go through it to another.
test_forward() {
	local pod n mac
	for pod in pod1 pod2; do
		n=${pod#pod}
		[ $pod = pod2 ] || nw_run none free pod1
		in_ns $pod sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
		mac=$(in_ns $pod ip -j link show eth0 | jq -r '.[0].address')
		nw_mark
		in_ns sink "$B/tests/prog_net" frame "to$n" "$mac" udp 192.0.2.66 $NW_NEVER4.250 4000 >/dev/null
		nw_fence $pod
		it_is "$pod: what it forwards" "$(arrived "udp 192.0.2.66 $NW_NEVER4.250 4000")" \
			"$([ $pod = pod1 ] && echo 1 || echo 0)"
	done
	nw_delete none free
}

nw_world
for n in 1 2 3; do
	nw_pod $n
	it_until link_local sink "to$n" && it_until link_local pod$n eth0
	GATEWAY[n]=$(link_local sink "to$n") LINK[n]=$(link_local pod$n eth0)
done
nw_profile none ""
nw_profile closed "{\"preset\": \"isolated\", \"egress\": [$NW_FENCE]}"
nw_profile opened '{"preset": "open"}'
nw_profile lifted '{"preset": "private", "lift": ["sourceAddress"]}'
it_apply '{}'
BEFORE=$(it_traces)
test_without
test_with closed closed pod2 '*'
test_fast
test_allowed
test_with opened opened pod3 guard
test_into
test_lifted
test_forward
nw_sink_lives
nw_delete closed closed
nw_delete opened opened
for n in 1 2 3; do
	it_is "pod$n: no rules are left" "$(in_ns pod$n nft list ruleset)" ""
done
it_clean "nothing is left" "$BEFORE"
it_done

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_lacking - hosts that lack what the rules of the network need: no nf_tables, one of its expressions missing,
# no cgroup2 hierarchy, a kernel that cannot match by cgroup. What is enforced does not start, says why and what
# helps, and leaves nothing; what is only counted starts, and the journal is told.
#
# prog_lack stands between cinch-hook and the kernel: what the hook reads are the kernel's own answers.
# shellcheck source=integration/netseg/world.sh
. "${BASH_SOURCE[0]%/*}/world.sh" || exit 1
IT_NEEDS="runc crun busybox nft python3 setarch"
it_enter "$0" "$@"

HOOK=/usr/local/sbin/cinch-hook
HOST='.linux.namespaces |= map(select(.type != "network"))'

# COMMAND... runs the hook from now on; none: it runs by itself
through() {
	[ -e $HOOK.real ] || mv $HOOK $HOOK.real
	printf '#!/bin/sh\nexec %s %s "$@"\n' "$*" $HOOK.real >$HOOK.new
	chmod 755 $HOOK.new && mv $HOOK.new $HOOK
}
lacks() { through "$B/tests/prog_lack" "$@" --; } # WHAT...

# What systemd's journal would be told, a line each, in $T/told.
journal() {
	mkdir -p /run/systemd/journal
	python3 -uc 'import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/run/systemd/journal/socket")
print("ready")
while True:
    print(s.recv(65536).decode().strip("\0").replace("\n", " "))' >>$T/told &
	it_until grep -q ready $T/told || it_die "no journal"
}
hears() { it_until grep -qE -- "$1" $T/told; } # REGEX

reason() { jq -rs '[.[] | select(.level == "error")] | map(.msg) | join("; ")' $T/log.json; }
left() { # of a create that failed, in namespace POD
	ls "$ROOT"
	find /run/cinch/net -type f -size +0 2>/dev/null
	in_ns "$1" nft list ruleset
	it_cgroups | grep "$IT_NS/."
}
create() { # PROFILE ID POD [JQ]
	nw_bundle "$2" "$3" "${4:-.}"
	rm -f $T/log.json
	nw_call "$1" create --bundle "$T/bundles/$2" "$2"
}

refused() { # WHAT REGEX PROFILE [POD [JQ]]: of a container alone in its namespace
	local pod=${4:-pod1}
	create "$3" c1 "$pod" "${5:-.}"
	it_is "$1: the create fails" $? 1
	it_like "$1: and says why" "$(reason)" "$2"
	it_is "$1: nothing is left" "$(left "$pod")" ""
	nw_delete "$3" c1
}

counted() { # WHAT REGEX [PROFILE [JQ]]: it starts, and the journal knows
	: >$T/told
	nw_run "${3:-counted}" c2 pod1 "${4:-.}" && it_result 0 "$1: it starts where nothing is refused"
	hears "MESSAGE=cinch-hook create: .*$2.*nothing of its network is refused: it starts"
	it_result $? "$1: which the journal knows" "$(cat $T/told)"
	it_is "$1: what it sends arrives" "$(nw_in c2 udp $SINK4 99)" sent
	nw_delete "${3:-counted}" c2
	it_is "$1: it leaves nothing" "$(left pod1)" ""
}

test_nftables() {
	local row words
	while IFS='|' read -r row words; do
		lacks "$row"
		refused "no $row" "cinch-hook: .*$words" closed
	done <<-'END'
		netfilter|the kernel has no netfilter: modprobe nf_tables
		nf_tables|the kernel has no nf_tables: modprobe nf_tables
		fib|rule [0-9]+ of chain [a-z0-9_]+: the kernel has no "fib": modprobe nft_fib_inet
		reject|the kernel has no "reject": modprobe nft_reject_inet
		ct|the kernel has no "ct state": modprobe nft_ct
	END
	lacks netfilter
	counted "no netfilter" 'modprobe nf_tables'
	lacks ct
	counted "no ct" 'modprobe nft_ct'
	through
}

# What reload needs beyond the rules.
test_reload() {
	nw_run wider a pod1
	nw_profile wider "{\"preset\": \"isolated\", \"egress\": [$NW_FENCE]}"
	it_apply '{}'
	it_like "no ctnetlink: reload says which connections it cannot end" \
		"$("$B/tests/prog_lack" ctnetlink -- "$B/cinchctl" net reload a 2>&1; echo "= $?")" \
		'a: the policy is in force, but connections may go on: .*modprobe nf_conntrack_netlink'
	it_is "no ctnetlink: the policy is in force" "$(nw_in a udp $SINK4 99)" EPERM
	it_like "and with it there are none" "$("$B/cinchctl" net reload a; echo "= $?")" '= 0'
	nw_delete wider a
	nw_profile wider "{\"preset\": \"isolated\", \"egress\": [$NW_FENCE, $ALSO]}"
	it_apply '{}'
}

# One container of a namespace needs no "socket cgroupv2", two do.
test_socket() {
	local rules
	lacks socket
	nw_run closed a pod1 && it_result 0 "no socket: one container has its rules"
	rules=$(in_ns pod1 nft -s list ruleset)
	create closed b pod1
	it_is "no socket: a second one of its namespace fails" $? 1
	it_like "no socket: and says why" "$(reason)" 'the kernel has no "socket cgroupv2": modprobe nft_socket'
	it_is "no socket: the first keeps its rules" "$(in_ns pod1 nft -s list ruleset)" "$rules"
	nw_delete closed b
	nw_delete closed a
	refused "no socket: in the host's network" 'the kernel has no "socket cgroupv2": modprobe nft_socket' \
		hostnet pod1 "$HOST"
	it_is "no socket: the host has no rules" "$(nft list ruleset)" ""
	through
}

# Two containers of one namespace that nothing tells apart: each has what both allow.
shared() { # WHAT
	nw_run closed a pod1 && nw_run wider b pod1 || return
	it_is "$1: no line asks for a cgroup" "$(in_ns pod1 nft list ruleset | grep -c cgroupv2)" 0
	nw_mark
	it_is "$1: what both allow is sent by the one" "$(nw_in a udp $SINK4 $FENCE)" sent
	it_is "$1: and the other" "$(nw_in b udp $SINK4 $FENCE)" sent
	it_is "$1: what only one allows is not" "$(nw_in b udp $SINK4 99) $(nw_in a udp $SINK4 99)" "EPERM EPERM"
	nw_fence pod1
	it_is "$1: and did not arrive" "$(nw_arrived "^udp .* $SINK4 $FENCE$") $(nw_arrived "^udp .* $SINK4 99$")" "2 0"
	nw_delete closed a
	it_is "$1: the one is gone: the other has what is its own" "$(nw_in b udp $SINK4 99)" sent
	nw_delete wider b
}

in_host() { # WHAT REGEX
	refused "$1, in the host's network" "cinch-hook: network of the host: rules cannot tell .*$2" hostnet pod1 "$HOST"
	it_is "$1: the host has no rules" "$(nft list ruleset)" ""
	: >$T/told
	create hostaud c2 pod1 "$HOST"
	it_is "$1, in the host's network: created where nothing is refused" $? 0
	hears "MESSAGE=cinch-hook create: network of the host: .*$2.*it starts"
	it_result $? "$1: which the journal knows" "$(cat $T/told)"
	nw_delete hostaud c2
}

test_old_kernel() {
	through setarch --uname-2.6
	shared "an old kernel"
	in_host "an old kernel" 'cannot ask for a socket.s cgroup'
	through
}

# cgroups of the first version alone; with runc and with crun, which wants it so.
test_no_cgroup2() {
	local runtime
	if [ -z "$(awk '$3 == "cgroup"' /proc/mounts)" ]; then
		it_skip "no cgroup2" "this machine has no cgroups of the first version"
		return
	fi
	# runtimes make directories where the hierarchy was
	! mountpoint -q /sys/fs/cgroup/unified || mount -t tmpfs cinch-test /sys/fs/cgroup/unified ||
		it_die "cgroup2 cannot be hidden"
	for runtime in "$RUNC" "$(command -v crun)"; do
		it_apply "{\"runtime\": \"$runtime\"}"
		RUNC=$runtime
		shared "no cgroup2, ${runtime##*/}"
	done
	rm -rf "/sys/fs/cgroup/unified/${IT_NS:?}"
	RUNC=$(command -v runc)
	it_apply "{}"
	in_host "no cgroup2" 'it has no cgroup2 cgroup of its own|the kernel has no cgroup2 hierarchy'
	! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified
}

nw_world
ALSO="{\"to\": [\"$SINK4\"], \"ports\": [\"udp/99\"]}"
nw_profile closed "{\"preset\": \"isolated\", \"egress\": [$NW_FENCE]}"
nw_profile wider "{\"preset\": \"isolated\", \"egress\": [$NW_FENCE, $ALSO]}"
nw_profile counted "{\"mode\": \"audit\", \"preset\": \"isolated\"}"
nw_profile hostnet "{\"preset\": \"isolated\"}" '{"namespaces": {"host": ["network"]}}'
nw_profile hostaud "{\"mode\": \"audit\", \"preset\": \"isolated\"}" '{"namespaces": {"host": ["network"]}}'
it_apply '{}'
journal
nw_pod 1
BEFORE=$(it_traces)
test_nftables
test_reload
test_socket
test_old_kernel
test_no_cgroup2
nw_sink_lives
it_clean "nothing is left" "$BEFORE"
it_done

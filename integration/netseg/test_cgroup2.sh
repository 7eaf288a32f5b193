#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_cgroup2 - rules by cgroup on a host that has cgroups of the second version alone: two containers of one
# namespace, one in the host's network, the processes they put into cgroups of their own, cgroups of any depth, an
# engine inside a cgroup namespace; with runc and with crun.
# shellcheck source=integration/netseg/world.sh
. "${BASH_SOURCE[0]%/*}/world.sh" || exit 1
IT_NEEDS="runc crun busybox nft"
it_enter "$0" "$@"

HOST='.linux.namespaces |= map(select(.type != "network"))'
# What a container with an init of systemd's kind gets: its cgroups are its own to order.
DELEGATED='.mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end)'

pure() {
	[ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] ||
		{ umount -R /sys/fs/cgroup && mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 /sys/fs/cgroup; } ||
		it_die "the cgroups of the first version cannot be put away"
}

at() { sed -n 's/^0:://p' "/proc/$(nw_pid "$1")/cgroup"; } # ID: its cgroup
lines() { nft list table inet cinch | grep 'socket cgroupv2 .* goto c[0-9a-f]*_out'; } # of this namespace
has_line() { # WHAT ID LEVEL
	it_like "$1" "$(lines)" "level $3 \"$(at "$2" | sed 's|^/||; s|\.|\\.|g')\""
}

# Two in one namespace; both rules and what does not belong to either.
two() { # WHO
	nw_run closed a pod1 && nw_run open b pod1 "$DELEGATED" || return
	it_is "$1: both are told apart" "$(in_ns pod1 nft list table inet cinch | grep -c 'socket cgroupv2 level 2 .*_out')" 2
	nw_mark
	it_is "$1: the one is held to its rules" "$(nw_in a udp $SINK4 99) $(nw_in a udp $SINK6 99) $(nw_in a udp $SINK4 $FENCE)" \
		"EPERM EPERM sent"
	it_is "$1: the other to its own" "$(nw_in b udp $SINK4 98)" sent
	it_is "$1: who is of neither to both" "$(nw_beside pod1 udp $SINK4 97)" EPERM
	nw_fence pod1
	it_is "$1: as much arrived" "$(nw_arrived "^udp .* 99$") $(nw_arrived "^udp .* 98$") $(nw_arrived "^udp .* 97$")" "0 1 0"
}

# A container that orders its cgroup as systemd does inside of it: no process is left in what the runtime made, and
# exec joins one below.
below() { # WHO
	# shellcheck disable=SC2016 # the container's
	nw_run closed s pod1 "$DELEGATED"' | .process.args = ["/bin/sh", "-c", "mkdir -p /sys/fs/cgroup/init.scope /sys/fs/cgroup/a.slice/b.service &&
		echo $$ >/sys/fs/cgroup/init.scope/cgroup.procs; sleep 1000"]' || return
	it_until grep -q '/s/init.scope$' "/proc/$(nw_pid s)/cgroup"
	it_result $? "$1: a container makes cgroups below its own" "$(at s)"
	it_is "$1: what begins in one of them is held" "$("$RUNC" --root "$ROOT" exec s /bin/sh -c \
		'echo $$ >/sys/fs/cgroup/a.slice/b.service/cgroup.procs && sed -n "s/^0:://p" /proc/self/cgroup; net udp '$SINK4' 96; net udp '$SINK4' '$FENCE \
		2>&1 </dev/null | tr '\n' ' ')" "/a.slice/b.service EPERM sent "
	"$RUNC" --root "$ROOT" exec s /bin/sh -c 'echo $$ >/sys/fs/cgroup/init.scope/cgroup.procs
		echo +hugetlb >/sys/fs/cgroup/cgroup.subtree_control' </dev/null 2>/dev/null
	it_is "$1: exec is, too ($(cat "/sys/fs/cgroup$(dirname "$(at s)")/cgroup.subtree_control"))" \
		"$(nw_in s udp $SINK4 96) $(nw_in s udp $SINK4 $FENCE)" "EPERM sent"
	nw_delete closed s
}

in_host() { # WHO
	local rules
	rules=$(nft -s list ruleset)
	{
		ip link add tohost netns sink type veth peer name eth0 && in_ns sink ip address add 10.89.0.1/24 dev tohost &&
			in_ns sink ip link set tohost up && ip address add 10.89.0.2/24 dev eth0 &&
			ip link set eth0 up && ip route add default via 10.89.0.1
	} || it_die "the host has no network"
	nw_run hostnet h x "$HOST" && nw_run hostopen o x "$HOST" || return
	has_line "$1: in the host's network it is told by its cgroup" h 2
	nw_mark
	it_is "$1: held to its rules" "$(nw_in h udp $SINK4 95) $(nw_in h tcp $SINK4 95 | cut -d ' ' -f 1) $(nw_in h udp $SINK4 $FENCE)" \
		"EPERM ECONNREFUSED sent"
	it_is "$1: the host is not, nor is another container" \
		"$("$B/tests/prog_net" udp $SINK4 94) $(nw_in o udp $SINK4 93)" "sent sent"
	it_until nw_arrived "^udp .* 93$"
	it_is "$1: as much arrived" \
		"$(nw_arrived " 95$") $(nw_arrived "^udp .* 94$") $(nw_arrived "^udp .* 93$")" "0 1 1"
	nw_delete hostnet h
	nw_delete hostopen o
	it_is "$1: the host's rules are as before" "$(nft -s list ruleset)" "$rules"
	ip link del eth0
}

# As engines name them: kubelet (cgroupfs, systemd), podman, Docker with a parent, a path that is relative to the
# runtime's own cgroup.
depths() {
	local path level n=0
	while read -r level path; do
		n=$((n + 1))
		nw_run hostnet d$n x "$HOST | .linux.cgroupsPath = \"$path\"" || continue
		has_line "$path" d$n "$level"
		it_is "... holds it" "$(nw_in d$n udp 127.0.0.1 92)" EPERM
	done <<-END
		5 /$IT_NS/kubepods/burstable/pod1b2e6d2e/0123456789abcdef
		5 /$IT_NS/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod7.slice/cri-containerd-0123.scope
		3 /$IT_NS/libpod_parent/libpod-0123
		4 /$IT_NS/user.slice/a/docker-0123.scope
		2 $IT_NS/relative
	END
	it_is "the host is not held" "$("$B/tests/prog_net" udp 127.0.0.1 92)" sent
	while [ $n -gt 0 ]; do
		nw_delete hostnet d$n
		n=$((n - 1))
	done
	it_is "and has no rules any more" "$(nft list ruleset)" ""
}

# A node that is itself a container: what cinch and the runtime see of cgroups begins at its own, and is mounted so or
# as outside.
in_namespace() { # MOUNT
	local node=/sys/fs/cgroup/$IT_NS/node p
	mkdir -p "$node" && rm -f $T/ready # of the one before
	# shellcheck disable=SC2016 # the shells inside do
	/bin/sh -c 'echo $$ >"$0/cgroup.procs" && exec unshare --cgroup --mount --propagation private -- /bin/sh -c "$1; echo ready; exec sleep 1000"' \
		"$node" "$1" >$T/ready </dev/null &
	p=$!
	it_until grep -q ready $T/ready || it_die "no cgroup namespace"
	for p in cinch runc; do
		# shellcheck disable=SC2016 # the script itself does
		printf '#!/bin/sh\necho $$ >%s && exec nsenter -t %s --cgroup --mount --wdns="$PWD" -- %s "$@"\n' "$node/cgroup.procs" $! \
			"$(command -v $p)" >$T/in-$p
		chmod 755 $T/in-$p
	done
	RT=$T/in-cinch RUNC=$T/in-runc
}

over() { kill $! && wait $!; } 2>/dev/null

namespaces() {
	local path='.linux.cgroupsPath = "/in/i"' real=$RT
	in_namespace 'umount /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup'
	nw_run hostnet i x "$HOST | $path" || return
	it_is "in a cgroup namespace: the cgroup" "$(at i)" "/$IT_NS/node/in/i"
	it_like "levels are counted from its root" "$(lines)" "level 2 .*in/i"
	it_is "and the rules hold" "$(nw_in i udp 127.0.0.1 91) $("$B/tests/prog_net" udp 127.0.0.1 91)" "EPERM sent"
	nw_delete hostnet i
	over
	in_namespace true
	nw_bundle j x "$HOST"
	rm -f $T/log.json
	nw_call hostnet create --bundle $T/bundles/j j
	it_like "a cgroup outside of the namespace: refused in the host's network" "$? $(jq -r 'select(.level == "error").msg' $T/log.json)" \
		'^1 .*rules cannot tell .*outside of this cgroup namespace'
	nw_delete hostnet j
	it_is "and the host has no rules" "$(nft list ruleset)" ""
	over
	RT=$real
}

# crun asks for more locked memory than this machine may give, for the filter of devices
crun_asks() {
	printf '#!/bin/sh\nexec %s memlock -- %s "$@"\n' "$B/tests/prog_lack" "$(command -v crun)" >$T/crun
	chmod 755 $T/crun && mv $T/crun /usr/local/bin/crun
}

pure
nw_world
# cgroups made here have no controllers, and device filters stay the runtime's own business
MORE='{"audit": ["resources", "devices", "mounts"]}'
HOSTED="$(jq -c '. + {namespaces: {host: ["network"]}}' <<<"$MORE")"
nw_profile closed "{\"preset\": \"isolated\", \"egress\": [$NW_FENCE]}" "$MORE"
nw_profile open '{"preset": "open"}' "$MORE"
nw_profile hostnet "{\"preset\": \"isolated\", \"egress\": [$NW_FENCE]}" "$HOSTED"
nw_profile hostopen '{"preset": "open"}' "$HOSTED"
nw_pod 1
crun_asks
BEFORE=$(it_traces)
for who in crun runc; do
	hash -r
	RUNC=$(command -v $who)
	it_apply "{\"runtime\": \"$RUNC\"}"
	two "$who"
	nw_delete closed a
	nw_delete open b
	below "$who"
	in_host "$who"
done
depths
namespaces
nw_sink_lives
rmdir "/sys/fs/cgroup/$IT_NS/node/in" "/sys/fs/cgroup/$IT_NS/node" 2>/dev/null
find "/sys/fs/cgroup/$IT_NS" -mindepth 1 -depth -type d -exec rmdir {} + 2>/dev/null
it_clean "nothing is left" "$BEFORE"
it_done

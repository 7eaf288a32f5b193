# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# world - what the tests with podman share: cgroups and a store of their own, podman set up as a user would.
#
# A script sources this file in place of lib.sh and calls pm_enter "$0" "$@" first.
#
# podman makes its cgroups below /libpod_parent whatever one tells it. A cgroup namespace turns that into a
# directory of this test's own cgroup, which the part of it_enter that waits outside removes.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1

# shellcheck disable=SC2034 # used by who sources this
IMAGE=localhost/busybox:1
# Bits of the capability sets: what restricted and baseline leave of podman's set.
# shellcheck disable=SC2034 # used by who sources this
NET_BIND=0000000000000400
# shellcheck disable=SC2034
NINE=00000000000404fb
AUDIT=/var/log/cinch/audit.jsonl
DROPINS=/etc/containers/containers.conf.d
# The node's configuration, as applied
NODE='{"select": [
	{"engine": "podman", "container": "base-*", "profile": "baseline"},
	{"engine": "buildah", "profile": "baseline"},
	{"container": "probed", "profile": "probed"},
	{"container": "closed", "profile": "closed"},
	{"container": "small*", "profile": "small"}]}'
# On a host with both versions of cgroups PM_LEGACY=1 leaves out the second, PM_PURE=1 the first.
PM_CONTROLLERS=${PM_CONTROLLERS:-}

# The mount points of cgroup file systems: TYPE, place below /sys/fs/cgroup ("." for itself), controllers
pm_hierarchies() {
	local line at type opts
	while read -r line; do
		at=$(awk '{print $5}' <<<"${line%% - *}")
		read -r type _ opts <<<"${line##* - }"
		at=${at#/sys/fs/cgroup}
		at=${at#/}
		case $type,$opts in
		cgroup2,*) echo "cgroup2 ${at:-.} -" ;;
		cgroup,*name=*) echo "cgroup $at none,name=${opts##*name=}" ;;
		cgroup,*) echo "cgroup $at ${opts#*,}" ;;
		esac
	done < <(grep -E ' - cgroup2? ' /proc/self/mountinfo | grep ' /sys/fs/cgroup')
}

# Puts this shell into a cgroup of its own in each hierarchy.
pm_join() {
	local at f d
	while read -r _ at _; do
		d=/sys/fs/cgroup/$at/$IT_NS
		mkdir -p "$d" || return 1
		for f in cpuset.cpus cpuset.mems; do # of the first version: empty, and then nothing may run there
			[ ! -e "$d/cgroup.clone_children" ] || [ ! -e "$d/$f" ] ||
				cat "$d/../$f" >"$d/$f" || return 1
		done
		echo 0 >"$d/cgroup.procs" || return 1
	done <<<"$PM_CONTROLLERS"
}

# In the new cgroup namespace: the same hierarchies, whose roots are now the cgroups above.
pm_mount() {
	local type at opts pure=${PM_PURE:-}
	[ "$(wc -l <<<"$PM_CONTROLLERS")" -gt 1 ] || pure=1
	umount -R -l /sys/fs/cgroup || return 1
	if [ -n "$pure" ]; then
		mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 /sys/fs/cgroup || return 1
		# only an inner cgroup without processes may hand controllers on
		mkdir /sys/fs/cgroup/init && echo 0 >/sys/fs/cgroup/init/cgroup.procs || return 1
		for opts in $(</sys/fs/cgroup/cgroup.controllers); do
			echo "+$opts" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null
		done
		return 0
	fi
	mount -t tmpfs -o mode=755,nosuid,nodev,noexec cinch-test /sys/fs/cgroup || return 1
	while read -r type at opts; do
		[ "$type" = cgroup ] || [ -z "${PM_LEGACY:-}" ] || continue
		mkdir -p "/sys/fs/cgroup/$at" || return 1
		[ "$opts" = - ] && opts=nosuid
		mount -t "$type" -o "nodev,noexec,$opts" "$type" "/sys/fs/cgroup/$at" || return 1
	done <<<"$PM_CONTROLLERS"
}

pm_enter() { # SCRIPT [ARG...]
	if [ -n "${IT_INSIDE:-}" ] && [ -z "${PM_INSIDE:-}" ]; then
		PM_CONTROLLERS=$(pm_hierarchies)
		export PM_CONTROLLERS PM_INSIDE=1
		pm_join || it_die "cannot make cgroups of its own"
		exec unshare --cgroup -- "$@"
	fi
	it_enter "$@"
	pm_mount || it_die "cannot mount cgroups of its own"
}

# podman as installed here, with what this machine's limits need beside the configuration under test.
pm_configure() { # RUNTIME's drop-in comes from integration/podman
	local hard
	hard=$(ulimit -Hn)
	mkdir -p $DROPINS /var/lib/containers
	# an overlay cannot lie on an overlay
	mount -t tmpfs -o mode=755 cinch-test /var/lib/containers &&
		mount -t tmpfs -o mode=1777 cinch-test /var/tmp || return 1
	unset TMPDIR # builds as they are without one: below /var/tmp
	install -m 644 "$IT_TOP/integration/podman/50-cinch.conf" $DROPINS/ || return 1
	cat >$DROPINS/99-machine.conf <<-EOF
		[containers]
		default_ulimits = ["nofile=$hard:$hard", "nproc=8192:8192"]
		log_driver = "k8s-file"
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		image_default_transport = "docker://"
	EOF
}

# cinch, podman, an image in its store and a policy in force
pm_setup() {
	local name rest
	it_install
	pm_configure || it_die "cannot set up podman"
	it_image $T/image.tar $IMAGE || it_die "cannot make an image"
	p load -q -i $T/image.tar >/dev/null || it_die "podman cannot load the image"
	mkdir -p /etc/cinch/profiles
	while read -r name rest; do
		printf '{"profile": "%s", "version": "1.0.0", "extends": ["restricted"], %s}\n' "$name" "$rest" \
			>/etc/cinch/profiles/"$name".json
	done <<-'EOF'
		fds "flags": {"preserveFds": 3}
		closed "exec": {"allow": false}
		probed "exec": {"terminal": false, "commands": {"allow": ["cat /etc/passwd"]}}
		small "resources": {"memory": "64Mi", "pids": 100}
	EOF
	it_apply "$NODE"
	p --runtime "$RUNC" run --rm $IMAGE true # so that what podman makes once is there
	touch $T/began
}

p() { timeout 300 podman "$@" 2>&1 </dev/null; } # output and errors together
p1() { timeout 300 podman "$@" 2>/dev/null </dev/null; }

pm_started() { pm_audit "select(.verb == \"create\") | $1" | tail -n 1; } # JQ-FILTER: of the last start

# What a container may leave behind, one per line.
pm_traces() {
	local f
	{
		# podman forgets a pod's own cgroup in the hierarchies without controllers, and keeps conmon's
		find /sys/fs/cgroup -path '*/libpod_parent/*' -type d 2>/dev/null |
			grep -Ev '/(unified|systemd)/libpod_parent/[0-9a-f]{64}$|/conmon$'
		awk '$5 !~ "/storage/overlay$" {print "mount", $5}' /proc/self/mountinfo
		for f in /proc/[0-9]*; do
			readlink "$f/exe" 2>/dev/null
		done | grep -Ev '/(bash|[gm]?awk|readlink|grep|sort|find|jq|timeout)$'
		find /run/runc /run/crun /run/netns /var/tmp -mindepth 1 -maxdepth 2 \
			-newer $T/began 2>/dev/null | grep -v '\.lock$'
		find /run/cinch -name '.tmp-*' 2>/dev/null
		find /run/cinch -name '*.json' -exec jq -r '.root + "/" + .id' {} + 2>/dev/null |
			while read -r f; do [ ! -e "$f" ] || echo "record $f"; done
		podman ps -aq --external --no-trunc 2>/dev/null | sed 's/^/container /'
	} | sort
}

# podman's last process may still be cleaning up after the command has returned.
pm_clean() { # WHAT BEFORE
	it_clean "$1" "$2" pm_traces
}

pid_of() { p inspect -f '{{.State.Pid}}' "$1"; } # CONTAINER

# What FILTER picks from the audit records, a line each.
pm_audit() { # JQ-FILTER
	jq -c "$1" $AUDIT 2>/dev/null
}

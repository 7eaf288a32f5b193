# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# lib - what the tests with real engines share: a private world, results as TAP, an image, containerd.
#
# A script sources this file and calls it_enter "$0" "$@" first. From then on it runs in mount, network
# and pid namespaces of its own, as pid 1: /run, /var/log and /etc/cinch are empty file systems,
# /etc, /var/lib, /usr/local, /usr/bin and /usr/sbin are overlays, so that cinch and the engines use their real
# paths and the host sees none of it. When the script ends, however it ends, the kernel takes the
# processes and the mounts away; cgroups, which have no such owner here, are removed by the part that waits
# outside.
set -u
IT_TOP=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
B=${B:-build}
case $B in /*) ;; *) B=$IT_TOP/$B ;; esac
IT_COUNT=0 IT_FAILED=0
T=/run/t # the scratch place inside the private world

# --- results ---

it_result() { # GOOD(0|1) WHAT [DETAIL]
	IT_COUNT=$((IT_COUNT + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $IT_COUNT - $2"
		return 0
	fi
	IT_FAILED=$((IT_FAILED + 1))
	echo "not ok $IT_COUNT - $2"
	[ -z "${3:-}" ] || printf '%s\n' "$3" | head -n 5 | cut -c 1-600 | sed 's/^/#   /'
	return 1
}

it_ok() { # WHAT COMMAND...: the command succeeds
	local what=$1 out rc
	shift
	out=$("$@" 2>&1 </dev/null)
	rc=$?
	it_result "$rc" "$what" "exit status $rc: $out"
}

it_is() { # WHAT GOT WANT
	[ "$2" = "$3" ]
	it_result $? "$1" " got: $2
want: $3"
}

it_like() { # WHAT GOT EXTENDED-REGEX
	printf '%s' "$2" | grep -Eq -- "$3"
	it_result $? "$1" " got: $2
want: /$3/"
}

it_unlike() { # WHAT GOT EXTENDED-REGEX
	! printf '%s' "$2" | grep -Eq -- "$3"
	it_result $? "$1" " got: $2
not wanted: /$3/"
}

it_skip() { # WHAT WHY
	local not=
	IT_COUNT=$((IT_COUNT + 1))
	if [ "${MUST_RUN:-}" = 1 ]; then
		not='not '
		IT_FAILED=$((IT_FAILED + 1))
	fi
	echo "${not}ok $IT_COUNT - $1 # SKIP $2"
}

it_done() {
	echo "1..$IT_COUNT"
	exit $((IT_FAILED > 0))
}

it_die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# Waits until COMMAND succeeds: as long as a slow machine may need, for none has to end sooner.
it_until() { # COMMAND...
	local end=$((SECONDS + ${IT_WAIT:-120}))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# An attempt to connect, by prog_net, is refused without waiting for anything: the best of five, for on a busy machine
# it may not be on a processor in between.
it_refused_at_once() { # WHAT COMMAND...
	local i said rc=1
	for ((i = 0; i < 5 && rc; i++)); do
		said=$("${@:2}")
		[[ $said == "ECONNREFUSED "* ]] || break
		[ "${said#* }" -ge 500 ] || rc=0
	done
	it_result $rc "$1" "$said"
}

# Whether the process has a handler for signal number N by now.
it_catches() { # PID N
	local mask
	mask=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status") && [ $((0x${mask:-0} >> ($2 - 1) & 1)) = 1 ]
}

# Waits until the process has become its program. A start is over a little earlier, and runc puts the filter on it last.
it_runs() { # PID PROGRAM
	it_until grep -qx "$2" "/proc/$1/comm"
}

# --- the private world ---

# Other tests run at the same time, and the name of one of them may begin with ours.
it_cgroups() { # cgroup directories of this test that exist now
	find /sys/fs/cgroup -mindepth 1 -maxdepth 4 \( -path "*/$IT_NS" -o -path "*/$IT_NS/*" \) -type d 2>/dev/null
}

it_cgroups_remove() { # processes that were just killed may still be on their way out
	local i
	for ((i = 0; i < 100; i++)); do
		find /sys/fs/cgroup -mindepth 1 -depth \( -path "*/$IT_NS" -o -path "*/$IT_NS/*" \) -type d \
			-exec rmdir {} + 2>/dev/null
		[ -n "$(find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -name "$IT_NS" -print -quit 2>/dev/null)" ] || break
		sleep 0.1
	done
}

# The limit is for what hangs, not for what is slow.
it_enter() { # SCRIPT [ARG...]; IT_NEEDS lists programs, IT_LIMIT is in seconds
	local p missing='' rc
	if [ -n "${IT_INSIDE:-}" ]; then
		it_world
		return
	fi
	for p in unshare ip jq flock ${IT_NEEDS:-}; do
		command -v "$p" >/dev/null || missing="$missing $p"
	done
	if [ "$(id -u)" -ne 0 ]; then
		it_skip "${1##*/}" "needs root"
		it_done
	elif [ -n "$missing" ]; then
		it_skip "${1##*/}" "not installed:$missing (make deps)"
		it_done
	elif ! unshare --mount --net --pid --fork true 2>/dev/null; then
		it_skip "${1##*/}" "this system does not let root make namespaces"
		it_done
	fi
	export IT_INSIDE=1 IT_NS=cinch-test-$$
	trap 'it_cgroups_remove' EXIT
	trap 'exit 130' INT TERM
	timeout --foreground -k 10 "${IT_LIMIT:-900}" unshare --mount --net --pid --fork --kill-child \
		--mount-proc --propagation private -- "$@" &
	wait $!
	rc=$?
	[ "$rc" -ne 124 ] && [ "$rc" -ne 137 ] || echo "not ok 999 - ran longer than ${IT_LIMIT:-900} s"
	exit "$rc"
}

it_overlay() { # DIRECTORY
	local at=$T/overlay${1//\//-}
	mkdir -p "$1" "$at/up" "$at/work" && chmod 755 "$at/up" &&
		mount -t overlay overlay -o "lowerdir=$1,upperdir=$at/up,workdir=$at/work" "$1"
}

it_tmp() { # unless the tests themselves lie there: engines leave sockets and directories in it
	case "$IT_TOP/ $B/" in
	/tmp/* | *' /tmp/'*) ;;
	*) mount -t tmpfs -o mode=1777 cinch-test /tmp ;;
	esac
}

it_world() {
	trap 'exit 130' INT TERM
	umask 022
	if ! {
		mount -t tmpfs -o mode=755 cinch-test /run && mkdir -p $T/tmp &&
			mount -t tmpfs -o mode=755 cinch-test /var/log &&
			it_overlay /etc && it_overlay /var/lib && it_overlay /usr/local &&
			it_overlay /usr/bin && it_overlay /usr/sbin && it_tmp &&
			mkdir -p /etc/cinch && mount -t tmpfs -o mode=755 cinch-test /etc/cinch &&
			ip link set lo up
	}; then
		it_die "cannot set up a private world"
	fi
	[ -e "$IT_TOP/Makefile" ] || it_die "$IT_TOP is hidden by the test's own mounts"
	export TMPDIR=$T/tmp CONTAINERD_ADDRESS=/run/containerd/containerd.sock
	IT_PIDS=()
	RUNC=$(command -v runc) || RUNC=/usr/sbin/runc
}

# Installs cinch as a user would, into this world's /usr/local, one test after the other: should make find something
# to make, only one makes it. CINCH=PROGRAM takes another in its place.
it_install() {
	if [ -n "${CINCH:-}" ]; then
		mkdir -p /usr/local/sbin
		cp "$(command -v "$CINCH")" /usr/local/sbin/cinch
		ln -sf cinch /usr/local/sbin/cinch-baseline
	else
		env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u DESTDIR flock "$B" make -s -C "$IT_TOP" B="$B" \
			PREFIX=/usr/local install >/dev/null || it_die "make install failed"
	fi
}

# Puts a configuration in force as an operator would.
it_apply() { # CINCH-JSON
	printf '%s\n' "$1" >/etc/cinch/cinch.json
	"$B/cinchctl" apply >$T/apply.out 2>&1 ||
		it_die "cinchctl apply: $(head -n 3 $T/apply.out)"
}

# --- a root file system, an image, a bundle ---

it_rootfs() { # DIRECTORY: busybox, two users, the probe, a set-user-id program
	local d=$1 a
	mkdir -p "$d"/{bin,dev,etc,home,proc,root,run,sys,tmp,usr/lib,var/tmp,data} || return 1
	chmod 1777 "$d/tmp" "$d/var/tmp"
	cp "$(command -v busybox)" "$d/bin/busybox"
	for a in $("$d/bin/busybox" --list); do
		[ "$a" = busybox ] || ln -s busybox "$d/bin/$a"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\nnonroot:x:65532:65532::/:/bin/sh\n' >"$d/etc/passwd"
	printf 'root:x:0:\nnonroot:x:65532:\n' >"$d/etc/group"
	echo "from the image" >"$d/tmp/seed"
	: >"$d/etc/cinch-test-image" # without it the probe refuses to run
	[ ! -x "$B/tests/prog_net" ] || cp "$B/tests/prog_net" "$d/bin/net"
	[ ! -x "$B/tests/prog_first" ] || cp "$B/tests/prog_first" "$d/bin/first"
	if [ -x "$B/tests/prog_probe" ]; then
		cp "$B/tests/prog_probe" "$d/bin/probe"
		cp "$B/tests/prog_probe" "$d/bin/probe-suid"
		chmod 4755 "$d/bin/probe-suid"
	fi
}

# An image archive `ctr images import` takes: of it_rootfs, or of FILES with CONFIG (JSON) put over ours.
it_image() { # TAR NAME [FILES [CONFIG]]
	local d=$T/image.$$ sum files=${3:-}
	mkdir -p "$d" || return 1
	if [ -z "$files" ]; then
		files=$d/files
		it_rootfs "$files" || return 1
	fi
	tar -C "$files" --owner=0 --group=0 --numeric-owner --sort=name --mtime=@0 \
		-cf "$d/layer.tar" . || return 1
	sum=$(sha256sum <"$d/layer.tar") && sum=${sum%% *}
	jq -n --arg sum "sha256:$sum" --arg arch "$(it_arch)" --argjson config "${4:-{\}}" '{
		architecture: $arch, os: "linux",
		config: ({Cmd: ["/bin/sh"], Env: ["PATH=/bin", "DB_PASSWORD=hunter2"]} + $config),
		history: [{created_by: "it_image"}],
		rootfs: {type: "layers", diff_ids: [$sum]}}' >"$d/config.json"
	jq -n --arg name "$2" '[{Config: "config.json", RepoTags: [$name], Layers: ["layer.tar"]}]' \
		>"$d/manifest.json"
	tar -C "$d" -cf "$1" manifest.json config.json layer.tar && rm -rf "$d"
}

it_arch() {
	case $(uname -m) in
	x86_64) echo amd64 ;;
	aarch64) echo arm64 ;;
	*) uname -m ;;
	esac
}

it_bundle() { # DIRECTORY ID [JQ-FILTER]: a bundle as `runc spec` makes it, without a terminal
	mkdir -p "$1" && [ -d "$1/rootfs" ] || it_rootfs "$1/rootfs" || return 1
	rm -f "$1/config.json"
	(cd "$1" && "$RUNC" spec) || return 1
	jq --arg cg "/$IT_NS/$2" ".process.terminal = false | .root.readonly = false |
		.process.args = [\"/bin/sleep\", \"1000\"] | .process.env = [\"PATH=/bin\"] |
		.linux.cgroupsPath = \$cg | ${3:-.}" "$1/config.json" >"$1/config.new" &&
		mv "$1/config.new" "$1/config.json"
}

# --- seen from inside ---

# What a container says of itself, as KEY=VALUE lines.
# shellcheck disable=SC2016,SC2034 # expanded in the container; used by who sources this
IT_LOOK='id | sed "s/^/id=/"
grep -E "^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp|Groups):" /proc/self/status |
	sed "s/:[[:space:]]*/=/"
for n in mnt pid net ipc uts cgroup; do echo "ns_$n=$(readlink /proc/self/ns/$n)"; done
while read -r dev at type opt rest; do echo "mount:$at=$type,$opt"; done </proc/mounts
touch /file 2>/dev/null && echo write_root=yes || echo write_root=no
touch /bin/file 2>/dev/null && echo write_bin=yes || echo write_bin=no
echo x >/tmp/file 2>/dev/null && echo write_tmp=yes || echo write_tmp=no
cp /bin/busybox /tmp/true && /tmp/true true 2>/dev/null && echo exec_tmp=yes || echo exec_tmp=no
for p in /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug /proc/latency_stats; do
	[ -e $p ] && cat $p
done | wc -c | sed "s/^/masked_bytes=/"
ls /sys/firmware /proc/acpi 2>/dev/null | grep -v : | grep -c . | sed "s/^/masked_dirs=/"
grep -cE " /(proc|sys)/[^ ]* (tmpfs|devtmpfs) " /proc/mounts | sed "s/^/masks=/"
/bin/probe-suid euid && echo suid=root || echo suid=no
ls /proc/self/fd | wc -l | sed "s/^/fds=/"
echo "hostname=$(hostname)"'

it_value() { printf '%s\n' "$1" | sed -n "s|^$2=||p" | head -n 1; } # LOOKED KEY

# --- containerd ---

# Starts containerd with a socket of its own; its data lie in IT_CONTAINERD_ROOT when that is set.
it_containerd() { # [CONFIG-SNIPPET]
	cat >$T/containerd.toml <<-EOF || return 1
		version = 2
		imports = [$([ -z "${1:-}" ] || printf '"%s"' "$1")]
		root = "${IT_CONTAINERD_ROOT:-$T/containerd}"
		state = "/run/containerd"
		$([ -n "${1:-}" ] || echo 'disabled_plugins = ["io.containerd.grpc.v1.cri"]')
		[grpc]
		  address = "$CONTAINERD_ADDRESS"
		[plugins."io.containerd.internal.v1.opt"]
		  path = "$T/opt"
	EOF
	env -i PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR="$TMPDIR" \
		setsid containerd -c $T/containerd.toml >$T/containerd.log 2>&1 </dev/null &
	IT_PIDS+=($!)
	it_until ctr version && return 0
	tail -n 5 $T/containerd.log >&2
	return 1
}

it_containerd_stop() {
	local p
	for p in "${IT_PIDS[@]}"; do
		kill "$p" 2>/dev/null && wait "$p" 2>/dev/null
	done
	IT_PIDS=()
}

# What a container may leave behind, one per line: cgroups, mounts, processes, state of the runtime and
# the engine, temporary files, and what the script's own it_more_traces adds. Two equal answers mean that
# nothing was left in between.
it_traces() {
	local p
	{
		it_cgroups | grep "$IT_NS/." # the parent itself stays until the end
		awk '{print "mount", $5}' /proc/self/mountinfo
		for p in /proc/[0-9]*; do
			readlink "$p/exe" 2>/dev/null
		done | grep -Ev '/(bash|[gm]?awk|readlink|grep|sort|script|containerd)$'
		find /run/runc /run/containerd "$T/roots" "$TMPDIR" -mindepth 1 ! -name '*.lock' 2>/dev/null
		# the record of a container that is gone goes with a later start
		find /run/cinch -name '.tmp-*' 2>/dev/null
		find /run/cinch -name '*.json' -exec jq -r '.root + "/" + .id' {} + 2>/dev/null |
			while read -r p; do [ ! -e "$p" ] || echo "record $p"; done
		if [ -S "$CONTAINERD_ADDRESS" ]; then # ctr waits for a daemon that is not there
			ctr -n "$IT_NS" tasks ls -q 2>/dev/null | sed 's/^/task /'
			ctr -n "$IT_NS" containers ls -q 2>/dev/null | sed 's/^/container /'
		fi
		! declare -F it_more_traces >/dev/null || it_more_traces
	} | sort
}

# BEFORE NOW, both of one *_traces: what came, and mounts that went. An engine's shim may still have been going when
# BEFORE was taken, with what is its own: that this is gone is no harm.
it_left() {
	comm -13 <(sort <<<"$1") <(sort <<<"$2") | sed 's/^/> /'
	comm -23 <(sort <<<"$1") <(sort <<<"$2") | grep -E '^mount /' | grep -Ev '^mount /(run|var/lib)/' | sed 's/^/< /'
}

# After an engine's command has returned its shim may still be going: waits for it.
it_clean() { # WHAT BEFORE [TRACES]
	local end=$((SECONDS + ${IT_WAIT:-120})) left=''
	while left=$(it_left "$2" "$("${3:-it_traces}")") && [ -n "$left" ] && [ $SECONDS -lt $end ]; do
		sleep 0.1
	done
	it_is "$1" "$left" ""
}

# --- the audit log ---

# What is wrong with the log. A writer who has waited long enough for the holder of the lock, which is not even on a
# processor on a busy machine, writes outside the chain and says so: that is no fault.
it_log_faults() {
	"$B/cinchctl" log verify --json >$T/log.verify 2>$T/log.err
	case $? in
	0) ;;
	1) jq -e . $T/log.verify >/dev/null 2>&1 || head -n 3 $T/log.err
		jq -r '.findings[] | select(.severity != "note") | select((.kind == "outside" and
			(.text | contains("says: the lock was not free"))) | not) |
			"\(.file):\(.line): \(.kind): \(.text)"' $T/log.verify | head -n 5 ;;
	*) head -n 3 $T/log.err ;;
	esac
}

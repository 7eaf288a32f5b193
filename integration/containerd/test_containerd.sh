#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_containerd - a real containerd and a real runc, through cinch: what the container is from inside, what a
# refused one shows and leaves, that everything else passes as it was.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="containerd ctr runc busybox script"
it_enter "$0" "$@"

IMAGE=localhost/busybox:1
CINCH_RT=/usr/local/sbin/cinch
BASE_RT=/usr/local/sbin/cinch-baseline
AUDIT=/var/log/cinch/audit.jsonl

# RUNTIME [OPTION...] -- COMMAND...: a container to its end; output and errors together
run() {
	local rt=$1 opt=()
	shift
	while [ "$1" != -- ]; do
		opt+=("$1")
		shift
	done
	shift
	timeout 300 ctr -n "$IT_NS" run --rm --runc-binary "$rt" "${opt[@]}" $IMAGE "${ID:-c1}" "$@" 2>&1 </dev/null
}

pid_of() { task ls | awk -v n="$1" '$1 == n {print $2}'; }
# shellcheck disable=SC2317 # called by it_until
stopped() { task ls | grep -q "^$1 .*STOPPED"; }
# ctr does not always wait for the output of an exec: by way of a file in the container
said_in() { # EXEC-ID COMMAND...
	# shellcheck disable=SC2016 # expanded in the container
	task exec --exec-id "$1" c1 /bin/sh -c '"$@" >/tmp/said' sh "${@:2}" && cat "/proc/$(pid_of c1)/root/tmp/said"
}

task() { timeout 300 ctr -n "$IT_NS" task "$@" 2>&1 </dev/null; }

# --- from inside ---

test_inside() { # PROFILE RUNTIME
	local p=$1 got n bnd
	got=$(run "$2" -- /bin/sh -c "$IT_LOOK")
	if [ "$p" = restricted ]; then
		it_is "$p: user" "$(it_value "$got" id)" "uid=65532(nonroot) gid=65532(nonroot)"
		it_is "$p: supplementary groups" "$(it_value "$got" Groups | tr -d ' ')" ""
		it_is "$p: writing the root file system" "$(it_value "$got" write_root)" no
		it_is "$p: executing from /tmp" "$(it_value "$got" exec_tmp)" no
		it_like "$p: / is mounted read-only" "$(it_value "$got" mount:/)" ',ro(,|$)'
		it_like "$p: /tmp" "$(it_value "$got" mount:/tmp)" '^tmpfs,.*nosuid,nodev,noexec'
		# only CAP_NET_BIND_SERVICE, bit 10
		bnd=0000000000000400
	else
		it_is "$p: user" "$(it_value "$got" id)" "uid=0(root) gid=0(root) groups=0(root)"
		it_is "$p: writing the root file system" "$(it_value "$got" write_bin)" yes
		# CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID NET_BIND_SERVICE SYS_CHROOT
		bnd=00000000000404fb
	fi
	it_is "$p: writing /tmp" "$(it_value "$got" write_tmp)" yes
	it_is "$p: bounding set" "$(it_value "$got" CapBnd)" $bnd
	it_is "$p: inheritable set" "$(it_value "$got" CapInh)" 0000000000000000
	for n in CapPrm CapEff; do
		# nothing outside the bounding set
		it_is "$p: $n within the bounding set" \
			$((0x$(it_value "$got" $n | grep . || echo f0000000) & ~0x$bnd)) 0
	done
	it_is "$p: NoNewPrivs" "$(it_value "$got" NoNewPrivs)" 1
	it_is "$p: Seccomp" "$(it_value "$got" Seccomp)" 2
	for n in mnt pid net ipc uts cgroup; do
		it_unlike "$p: own $n namespace" "$(it_value "$got" ns_$n)" \
			"^($(readlink /proc/self/ns/$n | sed 's/[][]/\\&/g')|)\$"
	done
	it_is "$p: masked files are empty" "$(it_value "$got" masked_bytes)" 0
	it_is "$p: masked directories are empty" "$(it_value "$got" masked_dirs)" 0
	it_like "$p: /proc/sys is read-only" "$(it_value "$got" mount:/proc/sys)" '^proc,ro'
	it_like "$p: /sys is read-only" "$(it_value "$got" mount:/sys)" '^sysfs,ro'
	it_is "$p: descriptors (three and that of ls)" "$(it_value "$got" fds)" 4
}

test_probe() { # PROFILE RUNTIME
	local line n=0
	while read -r line; do
		case $line in
		ok\ *) it_result 0 "$1 probe: ${line#*- }" ;;
		not\ ok\ *) it_result 1 "$1 probe: ${line#*- }" ;;
		1..*) n=${line#1..} ;;
		esac
	done < <(run "$2" -- /bin/probe "$1")
	it_ok "$1 probe: came to its end ($n rows)" [ "$n" -gt 60 ]
}

# The probe must be able to fail: with runc alone these are open.
test_probe_can_fail() {
	local got n
	got=$(run "$RUNC" -- /bin/probe restricted)
	for n in "unshare NEWUSER" "clone3 NEWUSER" "socket NETLINK_XFRM" "keyctl" "io_uring_setup" \
		"ioctl TIOCSTI" "ioctl TIOCSTI, high bits set" "socket AF_PACKET" "process_vm_readv" \
		"mknod block device" "setuid 0" "write /" "map /tmp executable"; do
		it_like "runc alone: '$n' is open" "$got" "^not ok [0-9]+ - $n \("
	done
}

# --- refused ---

refused() { # WHAT WANT-REGEX RUNTIME OPTION...
	local what=$1 want=$2 rt=$3 before got
	shift 3
	before=$(it_traces)
	got=$(run "$rt" "$@" -- /bin/echo started)
	it_like "refused: $what: ctr says why" "$got" "^ctr: .*refused by profile [a-z]+: .*$want"
	it_unlike "refused: $what: did not run" "$got" '^started'
	it_clean "refused: $what: nothing left behind" "$before"
}

test_refused() {
	local s=/run/containerd/containerd.sock
	ln -s $s /run/link.sock
	ln $s /run/hard.sock
	refused "host network" "namespaces: " $CINCH_RT --net-host
	refused "host network, baseline" "namespaces: " $BASE_RT --net-host
	refused "containerd's socket" "mounts: " $CINCH_RT --mount type=bind,src=$s,dst=/s,options=bind:ro
	refused "a link to the socket" "mounts: " $CINCH_RT \
		--mount type=bind,src=/run/link.sock,dst=/s,options=bind:ro
	refused "a hard link to the socket" "mounts: " $CINCH_RT \
		--mount type=bind,src=/run/hard.sock,dst=/s,options=bind:ro
	refused "the directory of the socket" "mounts: " $CINCH_RT \
		--mount type=bind,src=/run,dst=/s,options=rbind:ro
	refused "the host's /" "mounts: " $BASE_RT --mount type=bind,src=/,dst=/s,options=rbind:rw
	refused "two reasons at once" "namespaces: .*; mounts: |mounts: .*; namespaces: " $CINCH_RT \
		--net-host --mount type=bind,src=/,dst=/s,options=rbind:rw
	rm -f /run/link.sock /run/hard.sock
	refused "no trace of an earlier try" "namespaces: " $CINCH_RT --net-host
}

test_privileged() {
	local got
	got=$(run $CINCH_RT --privileged -- /bin/sh -c "$IT_LOOK")
	if printf '%s' "$got" | grep -q 'refused by profile'; then
		it_like "privileged: refused with a reason" "$got" 'refused by profile restricted: [a-z]+: '
	else
		it_is "privileged: narrowed to the profile's capabilities" "$(it_value "$got" CapBnd)" \
			0000000000000400
		it_is "privileged: filtered" "$(it_value "$got" Seccomp)" 2
		it_like "privileged: /proc/sys is read-only" "$(it_value "$got" mount:/proc/sys)" '^proc,ro'
	fi
}

# --- passes as it was ---

test_passing() {
	local n got before
	before=$(it_traces)
	for n in 0 1 42 255; do
		run $CINCH_RT -- /bin/sh -c "exit $n" >/dev/null
		it_is "exit status $n" $? $n
	done
	got=$(run $CINCH_RT -- /bin/sh -c 'echo out; echo err >&2' | sort)
	it_is "nothing but the container's own output" "$got" "err
out"
	it_is "standard input" "$(echo hello | timeout 300 ctr -n "$IT_NS" run --rm --runc-binary \
		$CINCH_RT $IMAGE c1 /bin/head -n 1 2>&1)" hello
	got=$(timeout 300 script -qec "ctr -n $IT_NS run --rm -t --runc-binary $CINCH_RT $IMAGE c1 \
		tty" /dev/null </dev/null | tr -d '\r')
	it_like "a terminal" "$got" '/dev/(pts/0|console)$'

	timeout 300 ctr -n "$IT_NS" run -d --runc-binary $CINCH_RT $IMAGE c1 /bin/sh -c \
		'trap "exit 42" USR1; sleep 1000 & wait' >$T/run.out 2>&1
	it_is "detached" "$?$(cat $T/run.out)" 0
	it_like "task ls" "$(task ls)" 'c1 .*RUNNING'
	it_is "exec" "$(said_in e1 /bin/echo in)" in
	task exec --exec-id e2 c1 /bin/sh -c 'exit 7' >/dev/null
	it_is "exec: exit status" $? 7
	it_like "exec: the container's filter applies" "$(said_in e3 /bin/grep Seccomp: /proc/self/status)" '2$'
	it_like "ps" "$(task ps c1)" '[0-9]'
	it_is "pause" "$(task pause c1)" ""
	it_like "paused" "$(task ls)" 'c1 .*PAUSED'
	it_is "resume" "$(task resume c1)" ""
	it_ok "its trap is set" it_until it_catches "$(pid_of c1)" 10
	it_is "kill USR1" "$(task kill -s SIGUSR1 c1)" ""
	it_until stopped c1
	it_like "a trapped signal's exit status" "$(task delete c1)" 'exit code 42"'
	ctr -n "$IT_NS" container delete c1

	timeout 300 ctr -n "$IT_NS" run -d --runc-binary $CINCH_RT $IMAGE c1 /bin/sleep 1000
	task kill -s SIGKILL c1 >/dev/null
	it_until stopped c1
	it_like "killed" "$(task delete c1)" 'exit code 137"'
	ctr -n "$IT_NS" container delete c1
	it_clean "nothing left behind" "$before"
}

# --- the record ---

# shellcheck disable=SC2317 # called by it_until
twice_deleted() { [ "$(grep -c "\"verb\":\"delete\".*\"id\":\"$1\"" "$AUDIT")" -ge 2 ]; }

test_audit() { # after all others
	it_ok "audit: every line is JSON" jq -e . $AUDIT
	it_unlike "audit: no value of the environment" "$(cat $AUDIT)" 'hunter2'
	ID=a1 run $CINCH_RT -- /bin/true >/dev/null
	# containerd deletes twice: its shim, and who looks after the shim, perhaps later than ctr's end
	it_until twice_deleted a1
	it_is "audit: lines of one start and its end" "$(jq -r 'select(.id == "a1") | .verb' $AUDIT | tr '\n' ' ')" \
		"create delete delete "
	ID=a2 run $CINCH_RT --net-host -- /bin/true >/dev/null
	it_is "audit: one line for one refusal" "$(jq -c 'select(.id == "a2" and .verb != "delete") |
		[.verb, .result, (.changes[] | select(.kind == "deny") | .control)]' $AUDIT)" \
		'["create","refused","namespaces"]'
	it_is "audit: for root's eyes only" "$(stat -c '%a %U' $AUDIT)" "600 root"
}

it_install
it_image $T/image.tar $IMAGE || it_die "cannot make an image"
it_containerd "" || it_die "containerd does not start"
ctr -n "$IT_NS" images import $T/image.tar >/dev/null || it_die "cannot import the image"
run "$RUNC" -- /bin/true # once, so that what the engine makes once is there

test_inside restricted $CINCH_RT
test_inside baseline $BASE_RT
test_probe restricted $CINCH_RT
test_probe baseline $BASE_RT
test_probe_can_fail
test_refused
test_privileged
test_passing
test_audit
it_containerd_stop
it_done

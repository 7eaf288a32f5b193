#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_podman - a real podman with conmon and netavark, and a real runc, through cinch: what a container is from
# inside, whatever its user asks for, and that all else goes on as it was.
# shellcheck source=integration/podman/world.sh
. "${BASH_SOURCE[0]%/*}/world.sh" || exit 1
IT_NEEDS="podman conmon runc busybox script"
pm_enter "$0" "$@"

# --- from inside ---

test_inside() { # PROFILE [OPTION...]
	local got profile=$1 bnd n
	shift
	got=$(p run --rm "$@" $IMAGE /bin/sh -c "$IT_LOOK")
	if [ "$profile" = restricted ]; then
		bnd=$NET_BIND
		it_is "$profile: user" "$(it_value "$got" id)" "uid=65532(nonroot) gid=65532(nonroot)"
		it_is "$profile: supplementary groups" "$(it_value "$got" Groups | tr -d ' ')" ""
		it_is "$profile: writing the root file system" "$(it_value "$got" write_root)" no
		it_is "$profile: executing from /tmp" "$(it_value "$got" exec_tmp)" no
		it_like "$profile: / is mounted read-only" "$(it_value "$got" mount:/)" ',ro(,|$)'
		it_like "$profile: /tmp" "$(it_value "$got" mount:/tmp)" '^tmpfs,.*nosuid,nodev,noexec'
	else
		bnd=$NINE
		it_is "$profile: user" "$(it_value "$got" id)" "uid=0(root) gid=0(root)"
		it_is "$profile: writing the root file system" "$(it_value "$got" write_bin)" yes
	fi
	it_is "$profile: writing /tmp" "$(it_value "$got" write_tmp)" yes
	it_is "$profile: bounding set" "$(it_value "$got" CapBnd)" $bnd
	it_is "$profile: inheritable set" "$(it_value "$got" CapInh)" 0000000000000000
	for n in CapPrm CapEff; do
		it_is "$profile: $n within the bounding set" \
			$((0x$(it_value "$got" $n | grep . || echo f0000000) & ~0x$bnd)) 0
	done
	it_is "$profile: NoNewPrivs" "$(it_value "$got" NoNewPrivs)" 1
	it_is "$profile: Seccomp" "$(it_value "$got" Seccomp)" 2
	for n in mnt pid net ipc uts cgroup; do
		it_unlike "$profile: own $n namespace" "$(it_value "$got" ns_$n)" \
			"^($(readlink /proc/self/ns/$n | sed 's/[][]/\\&/g')|)\$"
	done
	it_is "$profile: masked files are empty" "$(it_value "$got" masked_bytes)" 0
	it_is "$profile: masked directories are empty" "$(it_value "$got" masked_dirs)" 0
	it_like "$profile: /proc/sys is read-only" "$(it_value "$got" mount:/proc/sys)" '^proc,ro'
	it_is "$profile: descriptors (three and that of ls)" "$(it_value "$got" fds)" 4
}

test_probe() { # PROFILE [OPTION...]
	local line n=0 profile=$1
	shift
	while read -r line; do
		case $line in
		# podman's filter says ENOSYS of all it does not know, and what both deny is the stricter's
		not\ ok\ *": ENOSYS, want EPERM or alike"*) it_result 0 "$profile probe: ${line#*- }" ;;
		ok\ *) it_result 0 "$profile probe: ${line#*- }" ;;
		not\ ok\ *) it_result 1 "$profile probe: ${line#*- }" ;;
		1..*) n=${line#1..} ;;
		esac
	done < <(p run --rm "$@" $IMAGE /bin/probe "$profile")
	it_ok "$profile probe: came to its end ($n rows)" [ "$n" -gt 60 ]
}

# What a user may say to get more: it is cut down, or refused, and never had.
test_asking_more() {
	local got
	got=$(p run --rm --privileged $IMAGE /bin/sh -c "$IT_LOOK")
	it_is "--privileged: user" "$(it_value "$got" id)" "uid=65532(nonroot) gid=65532(nonroot)"
	it_is "--privileged: bounding set" "$(it_value "$got" CapBnd)" $NET_BIND
	it_is "--privileged: Seccomp" "$(it_value "$got" Seccomp)" 2
	it_like "--privileged: /proc/sys is read-only" "$(it_value "$got" mount:/proc/sys)" '^proc,ro'
	it_is "--privileged: devices" "$(p run --rm --privileged $IMAGE /bin/sh -c 'ls /dev' | tr '\n' ' ')" \
		"$(p run --rm $IMAGE /bin/sh -c 'ls /dev' | tr '\n' ' ')"
	it_like "--cap-add ALL" "$(p run --rm --cap-add ALL $IMAGE grep CapBnd: /proc/self/status)" \
		"$NET_BIND\$"
	it_like "--cap-add, baseline" "$(p --runtime cinch-baseline run --rm --cap-add SYS_ADMIN \
		--user 1000 $IMAGE grep -E 'Cap(Inh|Amb|Eff):' /proc/self/status | tr -d '\n')" \
		'^(Cap[A-Z][a-z]*:.0{16}){3}$'
	it_like "--security-opt seccomp=unconfined" "$(p run --rm --security-opt seccomp=unconfined \
		$IMAGE grep Seccomp: /proc/self/status)" '2$'
	it_like "--security-opt unmask=ALL" "$(p run --rm --security-opt unmask=ALL $IMAGE \
		grep ' /proc/sys ' /proc/mounts)" '^proc /proc/sys proc ro'
	it_is "--user root" "$(p run --rm --user root $IMAGE id -u)" 65532
	it_is "--group-add 0" "$(p run --rm --user 1000:1000 --group-add 0 $IMAGE id -G)" 1000
	it_like "--device" "$(p run --rm --device /dev/null:/dev/mine $IMAGE ls /dev/mine)" 'No such file'
	it_is "--init" "$(p run --rm --init $IMAGE /bin/sh -c 'cat /proc/1/comm; exit 3'; echo $?)" \
		"podman-init
3"
}

# --- goes on as it was ---

test_passing() {
	local n before got
	before=$(pm_traces)
	for n in 0 1 42 255; do
		p run --rm $IMAGE /bin/sh -c "exit $n" >/dev/null
		it_is "exit status $n" $? $n
	done
	it_is "nothing but the container's own output" \
		"$(p run --rm $IMAGE /bin/sh -c 'echo out; echo err >&2' | sort | tr '\n' ' ')" "err out "
	it_is "standard input" "$(echo hello | timeout 300 podman run --rm -i $IMAGE head -n 1 2>&1)" hello
	it_like "a terminal" "$(timeout 300 script -qec "podman run --rm -t $IMAGE tty" /dev/null \
		</dev/null | tr -d '\r')" '/dev/(pts/0|console)$'
	# what people use every day
	printf hush | podman secret create s1 - >/dev/null
	for n in "-v v1:/data --secret s1 --tz local -p 8081:80 --hostname h" \
		"--mount type=volume,src=v1,dst=/data,ro --dns 192.0.2.1 --add-host a:192.0.2.1 --workdir /tmp --read-only --tmpfs /x" \
		"--memory 64m --cpus 0.5 --cgroupns host --userns host --oom-score-adj 10"; do
		# shellcheck disable=SC2086 # options
		it_is "run $n" "$(p run --rm $n $IMAGE echo well)" well
	done
	it_is "a secret is there" "$(p run --rm --secret s1 $IMAGE cat /run/secrets/s1)" hush
	it_like "--systemd always" "$(p run --rm --systemd always $IMAGE id)" 'refused by profile restricted: mounts: .*/sys/fs/cgroup'
	p secret rm s1 >/dev/null
	p volume rm v1 >/dev/null
	it_like "the network is there" "$(p run --rm $IMAGE ip -4 a)" 'inet 10\.88\.'
	it_is "--net none" "$(p run --rm --net none $IMAGE /bin/sh -c 'ip -o l | wc -l')" 1

	it_like "detached" "$(p run -d --name c1 --memory 64m $IMAGE /bin/sh -c \
		'trap "exit 42" USR1; echo begun; sleep 1000 & wait')" '^[0-9a-f]{64}$'
	it_like "ps" "$(p ps --format '{{.Names}} {{.Status}}')" '^c1 Up'
	it_until has_log c1
	it_is "logs" "$(p logs c1)" begun
	it_like "top" "$(p top c1 user comm)" 'nonroot +sh'
	it_is "pause" "$(p pause c1)" c1
	it_is "paused" "$(p inspect -f '{{.State.Status}}' c1)" paused
	it_is "unpause" "$(p unpause c1)" c1
	it_is "stats" "$(p stats --no-stream --format '{{.Name}}' c1)" c1
	it_is "restart" "$(p restart -t 0 c1)" c1
	it_is "restarted" "$(p inspect -f '{{.State.Status}} {{.RestartCount}}' c1)" "running 0"
	it_is "kill USR1" "$(it_until it_catches "$(pid_of c1)" 10; p kill -s USR1 c1)" c1
	it_is "a trapped signal's exit status" "$(p wait c1)" 42
	it_is "start again" "$(p start c1)" c1
	it_is "stop" "$(p stop -t 0 c1)" c1
	it_is "killed" "$(p inspect -f '{{.State.ExitCode}}' c1)" 137
	p start c1 >/dev/null
	it_is "rm -f" "$(p rm -f -t 0 c1)" c1
	pm_clean "nothing left behind" "$before"
}

test_descriptors() {
	local got
	got=$(p run --rm --preserve-fds 3 $IMAGE /bin/sh -c 'cat <&5' 3<<<three 4<<<four 5<<<five)
	it_like "--preserve-fds: refused by what is shipped" "$got" \
		'refused by profile restricted: flags: 3 of the caller.s descriptors'
	got=$(p --runtime-flag cinch-profile=fds run --rm --preserve-fds 3 $IMAGE /bin/sh -c \
		'cat <&5; ls /proc/self/fd | wc -l' 3<<<three 4<<<four 5<<<five)
	it_is "--preserve-fds: as many as the profile lets, and those only" "$got" "five
7"
}

# --- the record ---

test_audit() {
	local id who
	id=$(p1 run -d --name a2 --annotation note=x $IMAGE sleep 1000)
	it_is "audit: engine, container and image of a start" \
		"$(pm_audit "select(.id == \"$id\") | [.verb, .engine, .container, .image.name]" | head -n 1)" \
		'["create","podman","a2","localhost/busybox:1"]'
	who=$(pm_audit "select(.id == \"$id\") | .caller" | head -n 1)
	it_like "audit: the caller is conmon, below podman or this script" "$who" \
		'"uid":0.*"program":"/usr/bin/conmon"'
	p rm -f -t 0 a2 >/dev/null
	it_ok "audit: every line is JSON" jq -e . $AUDIT
	it_unlike "audit: no value of the environment" "$(cat $AUDIT)" 'hunter2'
	it_is "audit: the chain holds" "$(it_log_faults)" ""
}

# shellcheck disable=SC2317 # called by it_until
has_log() { [ -n "$(p1 logs "$1")" ]; }

pm_setup
test_inside restricted
test_inside baseline --name base-inside
test_probe restricted
test_probe baseline --name base-probe
test_asking_more
test_passing
test_descriptors
test_audit
it_done

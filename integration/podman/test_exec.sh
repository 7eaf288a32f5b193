#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_exec - what a real podman may do to a container that runs: exec, health checks, update, and what of it is
# recorded.
# shellcheck source=integration/podman/world.sh
. "${BASH_SOURCE[0]%/*}/world.sh" || exit 1
IT_NEEDS="podman conmon runc busybox script"
pm_enter "$0" "$@"

EXEC_LOOK='id -u; id -g; grep -E "^(Cap(Prm|Eff|Inh|Bnd|Amb)|NoNewPrivs|Seccomp):" /proc/self/status |
	sed "s/.*:[[:space:]]*//"'

looked() { # UID BOUND HELD: what EXEC_LOOK says, and no capability is inheritable or ambient
	printf '%s\n%s\n%016x\n%s\n%s\n%s\n%016x\n1\n2' "$1" "$1" 0 "$3" "$3" "$2" 0
}

test_exec() {
	local none=0000000000000000 how got before
	before=$(pm_traces)
	p run -d --name e1 $IMAGE sleep 1000 >/dev/null
	p run -d --name base-e2 $IMAGE sleep 1000 >/dev/null
	for how in "" "--user 0" "--privileged" "--user 65532" "--privileged --user root"; do
		# shellcheck disable=SC2086 # options
		it_is "exec $how: no more than the profile" "$(p exec $how e1 sh -c "$EXEC_LOOK")" \
			"$(looked 65532 $none $none)"
	done
	for how in "" "--privileged"; do
		# shellcheck disable=SC2086 # options
		it_is "exec $how, baseline" "$(p exec $how base-e2 sh -c "$EXEC_LOOK")" \
			"$(looked 0 $NINE $NINE)"
	done
	it_is "exec --user, baseline" "$(p exec --user 1000:1000 base-e2 sh -c "$EXEC_LOOK")" \
		"$(looked 1000 $NINE $none)"
	it_is "exec --user 1000:0" "$(p exec --user 1000:0 e1 sh -c 'id -u; id -g')" "1000
65532"
	# shellcheck disable=SC2016 # expanded in the container
	it_is "exec -e" "$(p exec -e A=b e1 sh -c 'echo $A')" b
	it_is "exec -w" "$(p exec -w /etc e1 pwd)" /etc
	p exec e1 sh -c 'exit 7' >/dev/null
	it_is "exec: exit status" $? 7
	it_is "exec: standard input and both outputs" \
		"$(echo in | timeout 300 podman exec -i e1 sh -c 'cat; echo err >&2' 2>&1 | sort | tr '\n' ' ')" \
		"err in "
	it_is "exec: nothing else on its standard output" "$(p1 exec e1 echo out)" out
	it_like "exec -it" "$(timeout 300 script -qec "podman exec -it e1 tty" /dev/null </dev/null |
		tr -d '\r')" '/dev/(pts/0|console)$'
	# shellcheck disable=SC2016 # expanded in the container
	it_is "exec: network, pid and mount namespaces are the container's" \
		"$(p exec e1 sh -c 'for n in net pid mnt; do readlink /proc/self/ns/$n; done')" \
		"$(for how in net pid mnt; do readlink "/proc/$(pid_of e1)/ns/$how"; done)"

	got=$(p exec -w /proc/self/fd/7 e1 pwd)
	it_is "exec -w /proc/self/fd/7: refused" $? 255
	it_like "exec -w /proc/self/fd/7: and why" "$got" \
		'^Error: OCI runtime error: cinch: cinch: refused by profile restricted: process: .*/proc/self/fd/7'
	it_is "exec: its arguments, user and container are recorded" \
		"$(pm_audit 'select(.verb == "exec") | [.engine, .container, .image.name, .args, .cwd, .result]' |
			tail -n 1)" \
		'["podman","e1","localhost/busybox:1",["pwd"],"/proc/self/fd/7","refused"]'
	p exec -d e1 sleep 1001 >/dev/null
	it_is "exec -d" $? 0
	got=$(p exec --preserve-fds 3 e1 cat /dev/null 3<<<x 4<<<x 5<<<x)
	it_like "exec --preserve-fds" "$got" 'refused by profile restricted: flags: '

	rm -f /run/cinch/*/"$(p inspect -f '{{.Id}}' e1).json"
	got=$(p exec e1 id)
	it_is "exec without a state record: refused" $? 255
	it_like "exec without a state record: and what to do" "$got" 'no state record.*restart it'
	it_is "... and such a container is removed as ever" "$(p rm -f -t 0 e1)" e1
	p rm -f -t 0 base-e2 >/dev/null
	pm_clean "exec: nothing left behind" "$before"
}

test_exec_rules() {
	local check='CMD cat /etc/passwd'
	p run -d --name probed --health-cmd "$check" $IMAGE sleep 1000 >/dev/null
	it_is "a health check passes the list of commands" "$(p healthcheck run probed; echo $?)" 0
	it_like "what is not on the list does not" "$(p exec probed ls /)" \
		'refused by profile probed: exec: '
	it_like "a terminal is not for this container" "$(timeout 300 script -qec \
		"podman exec -it probed cat /etc/passwd" /dev/null </dev/null)" 'refused by profile probed: exec: '
	p rm -f -t 0 probed >/dev/null
	p run -d --name closed --health-cmd "$check" $IMAGE sleep 1000 >/dev/null
	it_like "exec.allow false" "$(p exec closed cat /etc/passwd)" 'refused by profile closed: exec: '
	it_is "exec.allow false: health checks, too" "$(p1 healthcheck run closed; echo $?)" "unhealthy
1"
	p rm -f -t 0 closed >/dev/null
}

# What a container was started under holds, whatever is applied meanwhile.
test_exec_later_policy() {
	local former
	former=$(readlink /var/lib/cinch/policy/current)
	p run -d --name base-late $IMAGE sleep 1000 >/dev/null
	p run -d --name late $IMAGE sleep 1000 >/dev/null
	it_apply '{"defaultProfile": "baseline"}'
	it_is "a later policy does not widen" "$(p exec late id -u)" 65532
	it_apply '{"defaultProfile": "closed"}'
	it_is "a later policy does not close" "$(p exec base-late id -u)" 0
	it_apply "$NODE"
	it_is "the former policy is in force again" "$(readlink /var/lib/cinch/policy/current)" "$former"
	p rm -f -t 0 base-late late >/dev/null
}

limit_of() { # CONTAINER CONTROLLER FILE-OF-THE-FIRST-VERSION FILE-OF-THE-SECOND
	local d
	d=libpod_parent/libpod-$(p inspect -f '{{.Id}}' "$1")
	cat "/sys/fs/cgroup/$2/$d/$3" 2>/dev/null || cat "/sys/fs/cgroup/$d/$4"
}

test_update() {
	local mem=(memory memory.limit_in_bytes memory.max)
	p run -d --name small-1 $IMAGE sleep 1000 >/dev/null
	it_is "the profile's limit at the start" "$(limit_of small-1 "${mem[@]}")" 67108864
	p update --memory 32m small-1 >/dev/null
	it_is "update: less" "$?:$(limit_of small-1 "${mem[@]}")" 0:33554432
	p update --memory 1g small-1 >/dev/null
	it_is "update: more ends at the profile's limit" "$?:$(limit_of small-1 "${mem[@]}")" 0:67108864
	p update --memory-swap -1 small-1 >/dev/null
	it_is "update: not without limit either" "$?:$(limit_of small-1 "${mem[@]}")" 0:67108864
	p update --cpus 0.5 small-1 >/dev/null
	it_is "update: what the profile says nothing of" \
		"$?:$(limit_of small-1 cpu cpu.cfs_quota_us cpu.max | cut -d ' ' -f 1)" 0:50000
	it_is "update: the number of processes stays" "$(limit_of small-1 pids pids.max pids.max)" 100
	it_is "update: recorded" "$(pm_audit 'select(.verb == "update") |
		[.engine, .container, .result]' | sort -u | tr '\n' ' ')" \
		'["podman","small-1","changed"] ["podman","small-1","unchanged"] '
	p rm -f -t 0 small-1 >/dev/null
}

# kill, delete, pause and resume are never hindered, and in the log with who, what and whose.
test_recorded() {
	local n
	p run -d --name r1 $IMAGE sleep 1000 >/dev/null
	n=$(wc -l <$AUDIT)
	p pause r1 >/dev/null
	p unpause r1 >/dev/null
	p kill -s CONT r1 >/dev/null
	p stop -t 0 r1 >/dev/null
	p rm r1 >/dev/null
	it_is "what is done to a container is recorded" "$(tail -n +$((n + 1)) $AUDIT |
		jq -c 'select(.container == "r1") | [.verb, .args[1:], .engine, .image.name, .caller.uid, .result]' |
		sed "s/[0-9a-f]\{64\}/ID/" | tr '\n' ' ')" \
		'["pause",[],"podman","localhost/busybox:1",0,"passed"] '\
'["resume",[],"podman","localhost/busybox:1",0,"passed"] '\
'["kill",["18"],"podman","localhost/busybox:1",0,"passed"] '\
'["kill",["9"],"podman","localhost/busybox:1",0,"passed"] '\
'["delete",["ID"],"podman","localhost/busybox:1",0,"passed"] '
	n=$(wc -l <$AUDIT)
	p ps >/dev/null
	p info >/dev/null
	it_is "what only looks is not" "$(($(wc -l <$AUDIT) - n))" 0
	p run -d --name r2 $IMAGE sleep 1000 >/dev/null
	rm -rf /run/cinch /var/lib/cinch/policy
	chmod 000 /var/log/cinch
	it_is "kill without record, policy and log" "$(p kill r2)" r2
	it_is "rm without record, policy and log" "$(p rm -f -t 0 r2)" r2
	chmod 700 /var/log/cinch
	it_apply "$NODE"
}

pm_setup
test_exec
test_exec_rules
test_exec_later_policy
test_update
test_recorded
it_done

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_docker - a real dockerd, containerd and runc, through cinch: what a container is from inside, what is cut
# down, what is refused and how Docker says so, and a container's life with all that Docker does to it.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
# shellcheck disable=SC2034 # read by it_enter
IT_NEEDS="dockerd docker containerd ctr runc busybox script iptables"
it_enter "$0" "$@"
# shellcheck source=integration/docker/engine.sh
. "$IT_TOP/integration/docker/engine.sh" || exit 1

# --- from inside ---

test_inside() {
	local got n
	got=$(rt cinch $IMAGE /bin/sh -c "$IT_LOOK")
	it_is "restricted: user" "$(it_value "$got" id)" "uid=65532(nonroot) gid=65532(nonroot)"
	it_is "restricted: bounding set" "$(it_value "$got" CapBnd)" 0000000000000400
	it_is "restricted: effective set" "$(it_value "$got" CapEff)" 0000000000000000
	it_is "restricted: writing the root file system" "$(it_value "$got" write_root)" no
	it_is "restricted: executing from /tmp" "$(it_value "$got" exec_tmp)" no
	governed restricted "$got"
	got=$(rt cinch-baseline $IMAGE /bin/sh -c "$IT_LOOK")
	it_is "baseline: user" "$(it_value "$got" id)" "uid=0(root) gid=0(root) groups=0(root)"
	it_is "baseline: bounding set" "$(it_value "$got" CapBnd)" 00000000000404fb
	it_is "baseline: writing the root file system" "$(it_value "$got" write_bin)" yes
	governed baseline "$got"
	probed restricted restricted rt cinch $IMAGE
	probed baseline baseline rt cinch-baseline $IMAGE
	it_like "the probe can fail" "$(rt runc $IMAGE /bin/probe restricted)" '^not ok'
}

governed() { # PROFILE LOOKED: what both profiles promise
	local n
	it_is "$1: NoNewPrivs" "$(it_value "$2" NoNewPrivs)" 1
	it_is "$1: Seccomp" "$(it_value "$2" Seccomp)" 2
	it_is "$1: inheritable set" "$(it_value "$2" CapInh)" 0000000000000000
	it_is "$1: masked files and directories are empty" \
		"$(it_value "$2" masked_bytes) $(it_value "$2" masked_dirs)" "0 0"
	it_like "$1: /proc/sys is read-only" "$(it_value "$2" mount:/proc/sys)" '^proc,ro'
	it_is "$1: descriptors (three and that of ls)" "$(it_value "$2" fds)" 4
	for n in mnt pid net ipc uts cgroup; do
		it_unlike "$1: own $n namespace" "$(it_value "$2" ns_$n)" \
			"^($(readlink /proc/self/ns/$n | sed 's/[][]/\\&/g')|)\$"
	done
}

test_config() {
	local got
	# shellcheck disable=SC2016 # a template of Docker
	got=$(d info -f '{{range $name, $r := .Runtimes}}{{$name}}={{$r.Path}} {{end}}')
	it_like "daemon.json: cinch" "$got" 'cinch=/usr/local/sbin/cinch '
	it_like "daemon.json: cinch-baseline" "$got" 'cinch-baseline=/usr/local/sbin/cinch-baseline '
	rt cinch-web $IMAGE /bin/true >/dev/null
	it_is "runtimeArgs choose the profile" \
		"$(last '.verb == "create"' '.profiles[0].name + " " + .select')" "web --cinch-profile"
}

# --- asked for and not given ---

cut_down() { # WHAT OPTION...: the container starts, and is what it always is
	local what=$1 got
	shift
	# shellcheck disable=SC2016 # expanded in the container
	got=$(rt cinch "$@" $IMAGE /bin/sh -c 'grep -E "^(CapBnd|CapEff|NoNewPrivs|Seccomp):" /proc/self/status |
		tr -d "[:blank:]"; id -u; ls /dev | tr "\n" " "
		cat /proc/sys/kernel/shm_rmid_forced; awk "\$2 == \"/proc/sys\" {print substr(\$4, 1, 2)}" /proc/mounts')
	it_is "$what: cut down" "$got" "CapEff:0000000000000000
CapBnd:0000000000000400
NoNewPrivs:1
Seccomp:2
65532
$BASE_DEV 0
ro"
}

test_cut_down() {
	local got
	BASE_DEV=$(rt cinch $IMAGE /bin/sh -c 'ls /dev | tr "\n" " "' | sed 's/ $//')
	it_like "devices: the usual ones" "$BASE_DEV" '^fd full mqueue null ptmx pts random shm stderr stdin stdout'
	cut_down --privileged --privileged
	cut_down "--cap-add ALL" --cap-add ALL
	cut_down --device --device /dev/zero:/dev/mine
	cut_down "all of Docker's security off" --security-opt seccomp=unconfined \
		--security-opt apparmor=unconfined --security-opt no-new-privileges=false \
		--security-opt systempaths=unconfined
	cut_down --cgroupns=host --cgroupns=host
	cut_down --userns=host --userns=host
	cut_down "--user 0" --user 0:0 --group-add 0
	got=$(rt cinch --sysctl kernel.msgmax=1234 --sysctl net.ipv4.tcp_syncookies=0 $IMAGE \
		/bin/cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/tcp_syncookies)
	it_is "--sysctl: those of the profile only" "$got" "8192
0"
	got=$(rt cinch --ulimit core=100 --ulimit nofile=100 $IMAGE /bin/sh -c 'ulimit -c; ulimit -n')
	it_is "--ulimit: below the ceilings as asked" "$got" "0
100"
	it_is "--pids-limit -1: the ceiling" "$(rt cinch --pids-limit -1 $IMAGE /bin/sh -c \
		'cat /sys/fs/cgroup/pids/pids.max || cat /sys/fs/cgroup/pids.max' | grep -o '[0-9].*')" 4096
	it_is "-e LD_PRELOAD: not there" "$(rt cinch -e LD_PRELOAD=/x.so -e A=b $IMAGE /bin/env |
		grep -E '^(LD_PRELOAD|A)=')" A=b
}

# --- refused ---

refused() { # WHAT WANT-REGEX OPTION...
	local what=$1 want=$2 got status
	shift 2
	got=$(rt cinch "$@" $IMAGE /bin/echo started)
	status=$?
	it_is "refused: $what: exit status of docker" $status 125
	it_like "refused: $what: docker says why" "$got" \
		"^docker: Error response from daemon: .*cinch: refused by profile restricted: .*$want"
	it_unlike "refused: $what: did not run" "$got" '^started'
	docker_clean "refused: $what: nothing left behind" "$BEFORE"
}

test_refused() {
	local host="namespaces: the host's"
	mount -t tmpfs cinch-test /srv # the host's is not for us
	mkdir -p /srv/app
	BEFORE=$(docker_traces)
	refused --pid=host "$host pid namespace" --pid=host
	refused --net=host "$host network namespace" --net=host
	refused --ipc=host "$host ipc namespace" --ipc=host
	refused --uts=host "$host uts namespace" --uts=host
	refused "-v /:/host" "mounts: mount of / on /host" -v /:/host
	refused "-v docker.sock" "controls the node: /run/docker.sock" -v /var/run/docker.sock:/var/run/docker.sock
	refused "-v the directory of docker.sock" "controls the node" -v /run:/host:ro
	refused "-v the data root" "controls the node|mounts: " -v /var/lib/docker:/data
	refused "-v /etc" "mounts: " --mount type=bind,src=/etc,dst=/e,readonly
	refused "several reasons" "namespaces: .*mounts: " --pid=host -v /var/run/docker.sock:/s
	refused "a directory of a file descriptor" "process: |cwd" --workdir /proc/self/fd/7
}

# Docker shows the reason on a container that was made to be started, too, and a restart policy gives up on it.
test_refused_kept() {
	local id before
	before=$(docker_traces)
	id=$(d create --runtime cinch --pid=host --restart on-failure:2 --name kept $IMAGE /bin/true)
	it_like "refused at start" "$(d start kept)" 'refused by profile restricted: namespaces'
	it_like "refused: docker inspect has the reason" "$(d inspect -f '{{.State.Error}}' kept)" \
		'cinch: refused by profile restricted: namespaces: .*pid namespace'
	it_is "refused: it is not running" "$(d inspect -f '{{.State.Running}} {{.State.ExitCode}}' kept)" "false 128"
	it_is "refused: recorded with its name" \
		"$(last '.result == "refused"' '[.engine, .container, .image.name, .id] | join(" ")')" \
		"docker kept $IMAGE $id"
	d rm kept >/dev/null
	docker_clean "refused: removed" "$before"
}

# --- what Docker does to a container ---

http() { # FILE: from the published port
	timeout 300 bash -c "exec 3<>/dev/tcp/127.0.0.1/18080 && printf 'GET /%s HTTP/1.0\r\n\r\n' $1 >&3 && grep -a . <&3"
}
record_of() { grep -l "\"$1\"" /run/cinch/*/*.json 2>/dev/null; } # ID

test_plain() {
	local n got
	for n in 0 1 42 255; do
		rt cinch $IMAGE /bin/sh -c "exit $n" >/dev/null
		it_is "exit status $n" $? $n
	done
	rt cinch $IMAGE /bin/none >/dev/null
	it_is "a program that is not there: exit status" $? 127
	it_is "nothing but the container's own output" \
		"$(rt cinch $IMAGE /bin/sh -c 'echo out; echo err >&2' | sort)" "err
out"
	it_is "standard input" "$(echo hello | timeout 300 "$DOCKER" run --rm -i --runtime cinch $IMAGE head -n 1)" hello
	it_like "a terminal" "$(timeout 300 script -qec "$DOCKER run --rm -it --runtime cinch $IMAGE tty" /dev/null \
		</dev/null | tr -d '\r')" '/dev/(pts/0|console)$'
	it_like "--init" "$(rt cinch --init $IMAGE ps)" ' 1 nonroot .*docker-init -- ps'
	it_is "--network none" "$(rt cinch --network none $IMAGE ls /sys/class/net)" lo
	it_is "--read-only, --tmpfs, --user of the image's own" "$(rt cinch --read-only --tmpfs /run:size=1m \
		--user 1000:1000 $IMAGE id)" "uid=1000 gid=1000 groups=1000"
	it_is "a volume" "$(rt cinch -v vol:/data --user 0 $IMAGE /bin/sh -c 'grep -c " /data " /proc/mounts')" 1
	it_is "an operator's directory" "$(echo x >/srv/app/x && rt cinch -v /srv/app:/app:ro $IMAGE cat /app/x)" x
}

test_life() {
	local id before got record pid was
	before=$(docker_traces)
	# a port below 1024 without the capability in effect
	id=$(d run -d --name web --hostname web --runtime cinch -p 127.0.0.1:18080:80 -v vol:/data $IMAGE \
		/bin/sh -c 'echo started; exec httpd -f -p 80 -h /etc')
	it_ok "-d -p: the published port answers" it_until http passwd
	it_like "-p: with the container's file" "$(http passwd)" '^nonroot:'
	until_is started d logs web
	it_is "logs" "$(d logs web)" started
	record=$(record_of "$id")
	it_ok "the state record is there" [ -n "$record" ]
	it_is "audit: engine, container and image" \
		"$(last '.verb == "create"' '[.engine, .container, .image.name, .id] | join(" ")')" \
		"docker web $IMAGE $id"
	it_like "audit: the image's ID" "$(last '.verb == "create"' .image.id)" "^$(d inspect -f '{{.Image}}' web)\$"
	it_like "cinchctl ps" "$(cinchctl ps)" ' web .*running$'
	it_like "top" "$(d top web)" '65532 .*httpd'
	it_like "stats" "$(d stats --no-stream --format '{{.Name}} {{.PIDs}}' web)" '^web 1'
	echo x >$T/x
	it_ok "cp into /tmp is Docker's own way in" d cp $T/x web:/home/x
	it_is "cp out" "$(d cp web:/etc/passwd - | tar -xO | tail -n 1)" "nonroot:x:65532:65532::/:/bin/sh"
	it_like "diff" "$(d diff web)" '/home/x'
	it_like "commit" "$(d commit web box:2)" '^sha256:'
	it_is "a container of it" "$(rt cinch box:2 cat /home/x)" x

	it_is "pause" "$(d pause web)" web
	it_is "paused" "$(d inspect -f '{{.State.Status}}' web)" paused
	it_is "unpause" "$(d unpause web)" web
	it_ok "it answers again" it_until http passwd

	d rename web www >/dev/null
	pid=$(d inspect -f '{{.State.Pid}}' www) was=$(stat -c %i "$record")
	it_is "restart" "$(d restart -t 0 www)" www
	it_ok "restarted: it answers" it_until http passwd
	it_ok "restarted: another process" [ "$pid" != "$(d inspect -f '{{.State.Pid}}' www)" ]
	it_is "restarted: the same id, tightened again" \
		"$(last '.verb == "create"' '[.id, .container, .result] | join(" ")')" "$id www changed"
	it_is "restarted: one record" "$(record_of "$id")" "$record"
	it_ok "restarted: a new one" [ "$was" != "$(stat -c %i "$record")" ]
	it_like "restarted: its user" "$(d top www)" 65532
	d stop -t 1 www >/dev/null
	it_is "stop" "$(d inspect -f '{{.State.Status}}' www)" exited
	d start www >/dev/null
	it_ok "start: it answers" it_until http passwd
	it_is "kill" "$(d kill www)" www
	it_ok "killed" until_is "exited 137" d inspect -f '{{.State.Status}} {{.State.ExitCode}}' www
	d start www >/dev/null
	d pause www >/dev/null
	it_is "rm -f, paused" "$(d rm -f www)" www
	docker_clean "nothing left behind" "$before"
	it_is "kill, pause, resume and delete are recorded" "$(jq -r --arg id "$id" \
		'select(.id == $id and (.verb | IN("kill", "pause", "resume", "delete"))) | .verb' $AUDIT |
		sort -u | tr '\n' ' ')" "delete kill pause resume "
}

# shellcheck disable=SC2317 # called by it_until
logged() { [ "$(d logs "$1" | wc -l)" -ge "$2" ]; } # NAME LINES

test_restart_policy() {
	local before
	before=$(docker_traces)
	d run -d --name again --runtime cinch --restart on-failure:2 $IMAGE /bin/sh -c 'id -u; exit 3' >/dev/null
	it_ok "restart policy: it gives up" until_is "exited 3 2" \
		d inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}' again
	it_until logged again 3
	it_is "restart policy: governed each time" "$(d logs again | tr '\n' ' ')" "65532 65532 65532 "
	d rm again >/dev/null
	docker_clean "restart policy: nothing left behind" "$before"
}

# --- the record ---

test_audit() {
	it_ok "audit: every line is JSON" jq -e . $AUDIT
	it_unlike "audit: no value of the environment" "$(cat $AUDIT)" 'hunter2'
	it_is "audit: no engine but docker" "$(jq -r '.engine // "docker"' $AUDIT | sort -u)" docker
	it_is "audit: the chain is whole" "$(it_log_faults)" ""
}

export PATH=/usr/local/sbin:$PATH
docker_world .
test_config
test_inside
test_cut_down
test_refused
test_refused_kept
test_plain
test_life
test_restart_policy
test_audit
docker_down
it_containerd_stop
it_done

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_exec - processes started in running containers by the real runtimes, looked at from inside: what create
# took away does not come back, whatever the process asks for or keeps silent about; and all else is as the
# runtime alone would have it.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="runc busybox script /usr/bin/python3"
it_enter "$0" "$@"

RT=/usr/local/sbin/cinch
BUN=$T/bundle
LOG=$T/log.json
AUDIT=/var/log/cinch/audit.jsonl
NONE=0000000000000000
NAME='' BIN='' ROOT=

# Runs cinch with stdin from $IN; $status, $out, $err and the log are then what it left.
status=0 out='' err='' IN=/dev/null
cinch() {
	rm -f "$LOG"
	timeout 300 $RT --root "$ROOT" --log "$LOG" --log-format json "$@" >$T/out 2>$T/err <"$IN"
	status=$?
	out=$(tr -d '\0' <$T/out) err=$(cat $T/err)
}

# The runtime alone, on the same container.
alone() {
	rm -f "$LOG"
	timeout 300 "$BIN" --root "$ROOT" --log "$LOG" --log-format json "$@" >$T/out 2>$T/err <"$IN"
	status=$?
	out=$(tr -d '\0' <$T/out) err=$(cat $T/err)
}

last() { tail -n 1 $AUDIT | jq -c "$1"; }
said() { sed 's/"time":"[^"]*"//; s/time="[^"]*"//' <<<"$err"; } # stderr without the time

# WHAT WANT-REGEX ARG...: refused with one reason in both places, on the record, and nothing runs
refused() {
	local what="$NAME, $1" want=$2
	shift 2
	cinch exec "$@"
	it_is "$what: refused" "$status" 1
	it_like "$what: why" "$err" "$want"
	it_is "$what: one object, the same words" "$(jq -r .msg "$LOG" 2>&1)" "$err"
	it_is "$what: nothing on stdout" "$out" ""
	it_like "$what: recorded" "$(last '[.verb, .id, .result]')" '"exec","box","(refused|failed)"'
}

start() { # PROFILE [JQ-FILTER]
	it_bundle $BUN box "${2:-.}" || it_die "cannot make a bundle"
	cinch --cinch-profile "$1" create --bundle $BUN box
	it_is "$NAME: create under $1" "$status $err" "0 "
	cinch start box
}

stop() { cinch delete --force box; }

process() { # JQ-FILTER: a process an engine might bring, with all it could wish for
	jq -n "{args: [\"sh\", \"-c\", \"cat /proc/self/status\"], cwd: \"/\", user: {uid: 0, gid: 0,
		additionalGids: [0, 5]}, env: [\"PATH=/bin\", \"LD_PRELOAD=/x.so\", \"TOKEN=hunter2\"],
		capabilities: ([\"bounding\", \"effective\", \"permitted\", \"inheritable\", \"ambient\"] |
		map({(.): [\"CAP_SYS_ADMIN\", \"CAP_NET_ADMIN\", \"CAP_SYS_PTRACE\", \"CAP_KILL\"]}) | add),
		noNewPrivileges: false, rlimits: [{type: \"RLIMIT_CORE\", hard: 1000, soft: 1000}]} | $1" >$T/p.json
}

# WHAT CAPEFF CAPBND UID [GROUPS]: $out is the status of a process with no more than this
holds() {
	local set
	it_is "$NAME, $1: it runs" "$status $err" "0 "
	for set in CapInh CapAmb; do
		it_is "$NAME, $1: $set" "$(awk "/^$set:/ {print \$2}" <<<"$out")" $NONE
	done
	it_is "$NAME, $1: CapPrm" "$(awk '/^CapPrm:/ {print $2}' <<<"$out")" "$2"
	it_is "$NAME, $1: CapEff" "$(awk '/^CapEff:/ {print $2}' <<<"$out")" "$2"
	it_is "$NAME, $1: CapBnd" "$(awk '/^CapBnd:/ {print $2}' <<<"$out")" "$3"
	it_is "$NAME, $1: NoNewPrivs" "$(awk '/^NoNewPrivs:/ {print $2}' <<<"$out")" 1
	it_is "$NAME, $1: Seccomp" "$(awk '/^Seccomp:/ {print $2}' <<<"$out")" 2
	it_is "$NAME, $1: Uid" "$(awk '/^Uid:/ {print $2, $3, $4, $5}' <<<"$out")" "$4 $4 $4 $4"
	it_is "$NAME, $1: Groups" "$(awk '/^Groups:/ {$1 = ""; print}' <<<"$out" | xargs)" "${5:-}"
}

# The program holds its own status, so that no shell in between adds to it.
test_greedy() {
	local sum
	start restricted
	process .
	sum=$(sha256sum <$T/p.json)
	cinch exec --process $T/p.json box
	holds "a process that wants everything" $NONE $NONE 65532
	it_is "$NAME: the caller's file is as it was" "$(sha256sum <$T/p.json)" "$sum"
	it_is "$NAME: its record" "$(last '[.result, .user, .tty, .cwd, .mode]')" \
		'["changed","65532:65532",false,"/","enforce"]'
	it_unlike "$NAME: no value of a variable in the log" "$(cat $AUDIT)" hunter2
	it_like "$NAME: but the name that was taken out" "$(last .changes)" 'LD_PRELOAD='
	cinch exec --cap ALL --cap CAP_SYS_ADMIN --user 0:0 -g 0 box cat /proc/self/status
	holds "--cap ALL --user 0" $NONE $NONE 65532
	process 'del(.capabilities, .noNewPrivileges, .user, .rlimits) | .args = ["cat", "/proc/self/status"]'
	cinch exec --process $T/p.json box
	holds "a process that says nothing" $NONE $NONE 65532
	process '.capabilities = null | .noNewPrivileges = null | .user = null | .args = ["cat", "/proc/self/status"]'
	cinch exec --process $T/p.json box
	holds "a process of nulls" $NONE $NONE 65532
	process '.user.uid = 1000 | .user.gid = 1000 | .args = ["cat", "/proc/self/status"]'
	cinch exec --process $T/p.json box
	holds "another user" $NONE $NONE 1000 5
	stop
	start baseline
	process '.args = ["cat", "/proc/self/status"]'
	cinch exec --process $T/p.json box
	holds "as root" 0000000000000020 0000000000000020 0 "0 5"
	stop
}

# What runs already is what an exec without capabilities would get: the container's, or less.
test_bound() {
	start narrow
	cinch exec box cat /proc/self/status
	holds "less than the container" 0000000000000020 0000000000000020 0
	process 'del(.capabilities) | .args = ["cat", "/proc/self/status"]'
	cinch exec --process $T/p.json box
	holds "less than the container, unasked" 0000000000000020 0000000000000020 0 "0 5"
	it_is "$NAME: the container itself has more" \
		"$(awk '/^CapEff:/ {print $2}' /proc/"$(cinch state box && jq .pid <<<"$out")"/status)" \
		0000000000000420
	stop
}

test_limits() {
	local want='0 0 512 512'
	# shellcheck disable=SC2016
	local look='echo $(ulimit -Sc) $(ulimit -Hc) $(ulimit -Sn) $(ulimit -Hn)'
	start restricted '.process.rlimits = [{type: "RLIMIT_NOFILE", hard: 512, soft: 512}]'
	cinch exec box sh -c "$look"
	it_is "$NAME: limits by options" "$out$err" "$want"
	process ".rlimits = null | .args = [\"sh\", \"-c\", \"$look\"]"
	cinch exec --process $T/p.json box
	it_is "$NAME: limits of a process that has none" "$out$err" "$want"
	process ".rlimits = [] | .args = [\"sh\", \"-c\", \"$look\"]"
	cinch exec --process $T/p.json box
	it_is "$NAME: limits of an empty list" "$out$err" "$want"
	process ".rlimits = [{type: \"RLIMIT_NOFILE\", hard: 99, soft: 99}, {type: \"RLIMIT_CORE\", hard: 9,
		soft: 9}] | .args = [\"sh\", \"-c\", \"$look\"]"
	cinch exec --process $T/p.json box
	it_is "$NAME: limits that are asked for" "$out$err" "0 0 99 99"
	stop
}

# Nothing of ours is open in it: 3 is the listing's own.
test_descriptors() {
	local pid
	start fds
	cinch exec box ls -l /proc/self/fd
	it_is "$NAME: descriptors by options" "$(grep -c -- '->' <<<"$out")" 3
	it_unlike "$NAME: none of ours" "$out" 'memfd|cinch'
	process '.args = ["ls", "-l", "/proc/self/fd"]'
	cinch exec --process $T/p.json box 7</etc/hostname 8<$T
	it_is "$NAME: descriptors by file" "$(grep -c -- '->' <<<"$out")" 3
	it_unlike "$NAME: none of ours or the caller's" "$out" 'memfd|cinch|hostname'
	process '.args = ["sleep", "100"]'
	cinch exec --process $T/p.json --detach --pid-file $T/pid box
	it_is "$NAME: detached" "$status $err" "0 "
	pid=$(cat $T/pid)
	it_runs "$pid" sleep
	it_is "$NAME: its descriptors from outside" \
		"$(find "/proc/$pid/fd" -type l -printf '%f\n' | sort | xargs)" "0 1 2"
	it_is "$NAME: in the container's cgroups" "$(cat "/proc/$pid/cgroup")" \
		"$(cat "/proc/$(cinch state box && jq .pid <<<"$out")/cgroup")"
	kill -9 "$pid"
	process '.args = ["sh", "-c", "cat <&3; ls /proc/self/fd | wc -l"]'
	echo "the third" >$T/third
	cinch exec --process $T/p.json --preserve-fds 1 box 3<$T/third
	it_is "$NAME: one that is handed on" "$out$err" "the third
5"
	stop
}

# Where the caller has closed one, the runtime's log would be in its place, open for writing.
test_closed() {
	local n pid
	start restricted
	for n in 0 1 2; do
		bash -c "exec $n>&-; exec timeout 300 $RT --root $ROOT --log $T/own.log exec --detach \
			--pid-file $T/pid box sleep 100" 2>/dev/null
		pid=$(cat $T/pid)
		it_runs "$pid" sleep
		it_is "$NAME: $n was closed" "$(readlink "/proc/$pid/fd/$n")" /dev/null
		it_unlike "$NAME: and the log is nowhere" "$(readlink /proc/"$pid"/fd/*)" own.log
		kill -9 "$pid"
		rm -f $T/pid
	done
	stop
}

# The directory is followed in the root as it is now, with what the container made there.
test_cwd() {
	local at
	start restricted
	for at in /proc/self/fd/7 /proc/1/cwd /proc/self/root/proc /dev/fd/8 /../etc //etc etc; do
		process ".cwd = \"$at\""
		refused "cwd $at" 'working directory' --process $T/p.json box
	done
	cinch exec --cwd /proc/self/fd/7 box true
	it_like "$NAME: --cwd /proc/self/fd/7" "$status $err" '^1 .*descriptor'
	cinch exec box sh -c 'ln -s /proc/self/fd /tmp/a; ln -s ../tmp/a/7 /tmp/b; ln -s /proc /tmp/c; mkdir /tmp/d'
	for at in /tmp/a /tmp/a/7 /tmp/b /tmp/c/self/cwd /tmp/c/1/root; do
		refused "cwd $at, which it made itself" 'working directory' --cwd $at box true
	done
	refused "cwd /tmp/c, which it made itself" 'symlink to /proc, .*CVE-2024-21626' --cwd /tmp/c box true
	cinch exec --cwd /tmp/d box pwd
	it_is "$NAME: a directory it made itself" "$out$err" /tmp/d
	stop
}

# All that a script around exec, or a kubelet, looks at.
test_transparent() {
	local n want
	start restricted
	for n in 0 1 2 42 125 126 127 128 200 255; do
		cinch exec box sh -c "exit $n"
		it_is "$NAME: exit status $n" "$status$out$err" "$n"
	done
	for n in 1 9 15; do
		alone exec box sh -c "kill -$n \$\$"
		want=$status
		cinch exec box sh -c "kill -$n \$\$"
		it_is "$NAME: ended by signal $n" "$status" "$want"
	done
	printf 'in\0put' >$T/in
	IN=$T/in
	cinch exec box sh -c 'cat; echo to stderr >&2'
	IN=/dev/null
	it_is "$NAME: stdin to stdout" "$(cmp $T/in $T/out 2>&1)" ""
	it_is "$NAME: stderr apart" "$err" "to stderr"
	it_is "$NAME: nothing in the log" "$(cat "$LOG" 2>/dev/null)" ""
	for n in nosuchprogram /etc; do
		alone exec --no-new-privs box $n
		want="$status $(said)"
		cinch exec --no-new-privs box $n
		it_is "$NAME: $n does not run, in the runtime's words" "$status $(said)" "$want"
	done
	out=$(script -qec "$RT --root $ROOT exec -t box tty" /dev/null </dev/null | tr -d '\r')
	it_like "$NAME: with a terminal" "$out" '/dev/pts/[0-9]+$'
	it_is "$NAME: which is recorded" "$(last '[.tty, .args]')" '[true,["tty"]]'
	stop
}

# A console socket, as containerd (without --tty) and podman (with it) give one.
test_console() {
	local extra
	start restricted
	for extra in '' --tty; do
		/usr/bin/python3 - $T/console <<-'EOT' >$T/tty.out 2>&1 &
			import array, os, socket, sys
			s = socket.socket(socket.AF_UNIX)
			s.bind(sys.argv[1] + ".new")
			s.listen(1)
			os.rename(sys.argv[1] + ".new", sys.argv[1])
			s.settimeout(300)
			c, _ = s.accept()
			m, a, _, _ = c.recvmsg(100, socket.CMSG_SPACE(4))
			fd = array.array("i", a[0][2])[0]
			text = b""
			try:
			    while True:
			        b = os.read(fd, 1000)
			        if not b:
			            break
			        text += b
			except OSError:
			    pass
			print(text.decode())
		EOT
		IT_PIDS=($!)
		until [ -S $T/console ]; do kill -0 "${IT_PIDS[0]}" || break; done
		# the size may come when the process runs already (seen with crun on a busy machine); stty says then that
		# there is none, and ends well
		# shellcheck disable=SC2016 # expanded in the container
		process '.args = ["sh", "-c", "tty; for i in $(seq 300); do stty size 2>/dev/null | grep . && break; sleep 0.1; done"] |
			.terminal = true | .consoleSize = {height: 33, width: 44}'
		# shellcheck disable=SC2086
		cinch exec --process $T/p.json $extra --console-socket $T/console --detach --pid-file $T/pid box
		it_is "$NAME: --console-socket ${extra:-without --tty}" "$status $err" "0 "
		wait "${IT_PIDS[0]}"
		it_like "$NAME: its terminal" "$(tr -d '\r' <$T/tty.out | xargs)" '^/dev/pts/[0-9]+ 33 44'
		rm -f $T/console
	done
	IT_PIDS=()
	stop
}

test_states() {
	local want
	start restricted
	if cinch pause box && [ "$status" -eq 0 ]; then
		alone exec box true
		want="$status $(said)"
		cinch exec box true
		it_is "$NAME: paused, in the runtime's words" "$status $(said)" "$want"
		cinch exec --ignore-paused box true
		it_is "$NAME: --ignore-paused is taken off" "$status $(said)" "$want"
		cinch resume box
	else
		it_skip "$NAME: exec in a paused container" "this runtime cannot pause here"
	fi
	cinch kill box KILL
	until cinch state box && [ "$(jq -r .status <<<"$out")" = stopped ]; do :; done
	alone exec box true
	want="$status $(said)"
	cinch exec box true
	it_is "$NAME: stopped, in the runtime's words" "$status $(said)" "$want"
	stop
	alone exec box true
	want="$status $(said)"
	cinch exec box true
	it_is "$NAME: unknown, in the runtime's words" "$status $(said)" "$want"
	it_like "$NAME: and recorded" "$(last '[.verb, .id, .args]')" '"exec","box",\["true"\]'
}

test_refusals() {
	local record
	start closed
	refused "no exec" 'no process may be started.*health check' box true
	stop
	start probes
	cinch exec box probe
	it_is "$NAME: an allowed command" "$status" 2 # its usage: it ran
	cinch exec --env PATH=/tmp box probe
	it_is "$NAME: by the container's PATH" "$status" 2
	refused "another" 'not among the allowed' box sh
	refused "the same by a way around" 'not among the allowed' box /bin/../bin/probe
	process '.args = ["probe"] | .terminal = true'
	refused "a terminal" 'no terminal' --process $T/p.json --detach --console-socket $T/x box
	stop
	start restricted
	refused "a neighbour's cgroup" "container's own cgroup" --cgroup ../box2 box true
	refused "more descriptors" 'preserveFds' --preserve-fds 2 box true
	mkfifo $T/fifo 2>/dev/null
	refused "a FIFO" 'a FIFO' --process $T/fifo box
	ln -sf p.json $T/link
	refused "a link" 'symbolic link' --process $T/link box
	process . && jq -c . $T/p.json | sed 's/}$/,"NoNewPrivileges":false}/' >$T/two.json
	refused "two spellings" 'NoNewPrivileges' --process $T/two.json box
	record=$(printf %s "$ROOT" | sha256sum | cut -c 1-16)
	record=/run/cinch/$record/box.json
	cp "$record" $T/record
	echo '{}' >"$record"
	refused "a damaged record" 'restart it through cinch' box true
	rm "$record"
	refused "no record" 'restart it through cinch' box true
	cp $T/record "$record" && chmod 600 "$record"
	if [ "$NAME" = runc ]; then # which is found without a policy
		rm -rf /var/lib/cinch/policy
		cinch exec box id -u
		it_is "$NAME: no policy any more: as created" "$out$err" 65532
	fi
	it_apply "{\"runtime\": \"$BIN\", \"defaultProfile\": \"closed\"}"
	cinch exec box id -u
	it_is "$NAME: another policy: as created" "$out$err" 65532
	it_apply "{\"runtime\": \"$BIN\"}"
	stop
}

all() { # NAME PROGRAM
	NAME=$1 BIN=$2 ROOT=$T/roots/$1
	mkdir -p "$ROOT"
	it_apply "{\"runtime\": \"$BIN\"}"
	test_greedy
	test_bound
	test_limits
	test_descriptors
	test_closed
	test_cwd
	test_transparent
	test_console
	test_states
	test_refusals
}

it_install
mkdir -p /etc/cinch/profiles
profile() { # NAME MEMBERS
	echo "{\"profile\": \"$1\", \"version\": \"1.0.0\", \"extends\": [\"baseline\"], $2}" \
		>"/etc/cinch/profiles/$1.json"
}
profile narrow '"capabilities": ["CAP_NET_BIND_SERVICE", "CAP_KILL"], "exec": {"capabilities": ["CAP_KILL"]}'
profile closed '"exec": {"allow": false}'
profile probes '"exec": {"terminal": false, "commands": {"allow": ["probe **", "/bin/probe **"]}}'
profile fds '"flags": {"preserveFds": 1}'
all runc "$RUNC"
if CRUN=$(command -v crun); then
	# crun takes no hierarchies of both kinds; where the second one was it makes plain directories
	if mountpoint -q /sys/fs/cgroup/unified; then
		umount /sys/fs/cgroup/unified || it_die "the unified hierarchy cannot be hidden"
		mount -t tmpfs cinch-test /sys/fs/cgroup/unified || it_die "no place for a tmpfs"
	fi
	all crun "$CRUN"
else
	it_skip "the same with crun" "crun is not installed (make deps)"
fi
it_done

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_exec - docker exec, health checks and docker update in containers that run under cinch: nothing that the
# start took away comes back, and whoever is refused is told why.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
# shellcheck disable=SC2034 # read by it_enter
IT_NEEDS="dockerd docker containerd ctr runc busybox script iptables"
it_enter "$0" "$@"
# shellcheck source=integration/docker/engine.sh
. "$IT_TOP/integration/docker/engine.sh" || exit 1

# The profile is chosen by Docker's name of the container.
POLICY='{"select": [
  {"engine": "docker", "container": "checked*", "profile": "checked"},
  {"engine": "docker", "container": "closed", "profile": "closed"},
  {"engine": "docker", "container": "small", "profile": "small"}]}'
profile() { # NAME MEMBERS
	mkdir -p /etc/cinch/profiles
	printf '{"profile": "%s", "version": "1.0", "extends": ["restricted"], %s}\n' "$1" "$2" >"/etc/cinch/profiles/$1.json"
}

start() { # NAME RUNTIME OPTION...: one that runs until it is removed
	local name=$1 runtime=$2
	shift 2
	d run -d --name "$name" --runtime "$runtime" "$@" $IMAGE sleep 1000
}
# shellcheck disable=SC2016 # expanded in the container
LOOK='echo "$(id -u):$(id -g)" $(sed -n "s/^\(CapEff\|CapBnd\|NoNewPrivs\|Seccomp\):[[:blank:]]*//p" /proc/self/status)'
RESTRICTED="65532:65532 0000000000000000 0000000000000000 1 2"
BASELINE="0:0 00000000000404fb 00000000000404fb 1 2"

exec_is() { # WHAT WANT NAME OPTION...
	local what=$1 want=$2 name=$3
	shift 3
	it_is "exec $what" "$(d exec "$@" "$name" /bin/sh -c "$LOOK")" "$want"
}

exec_refused() { # WHAT REGEX NAME ARGUMENT...
	local what=$1 regex=$2 before got
	shift 2
	before=$(docker_traces)
	got=$(d exec "$@")
	it_is "exec refused: $what: exit status" $? 126
	it_like "exec refused: $what: docker says why" "$got" "OCI runtime exec failed: cinch: .*$regex"
	it_is "exec refused: $what: recorded" \
		"$(last ".verb == \"exec\" and .args[-1] == \"${*: -1}\"" '.result | sub("failed"; "refused")')" refused
	docker_clean "exec refused: $what: nothing left behind" "$before"
}

test_restricted() {
	local id got n
	id=$(start web cinch --env A=b)
	exec_is "" "$RESTRICTED" web
	it_is "exec: recorded" "$(last '.verb == "exec"' '[.verb, .result, .engine, .container, .image.name, .user, .id] | join(" ")')" \
		"exec changed docker web $IMAGE 65532:65532 $id"
	it_is "exec: the command is recorded" "$(last '.verb == "exec"' '.args | join(" ")')" "/bin/sh -c $LOOK"
	it_like "exec: and who called" "$(last '.verb == "exec"' '.caller | [.uid, .program] | join(" ")')" '^0 .*containerd-shim'
	exec_is "--privileged" "$RESTRICTED" web --privileged
	exec_is "--user 0" "$RESTRICTED" web --user 0
	exec_is "--user 0:0 --privileged" "$RESTRICTED" web --privileged --user 0:0
	exec_is "--user 1000" "1000:65532 0000000000000000 0000000000000000 1 2" web --user 1000
	it_is "exec -e: a name that is denied is not there" "$(d exec -e LD_PRELOAD=/x.so -e C=d web /bin/env |
		grep -E '^(LD_PRELOAD|A|C)=' | tr '\n' ' ')" "A=b C=d "
	it_is "exec --workdir" "$(d exec --workdir /tmp web pwd)" /tmp
	exec_refused "--workdir of a descriptor" "process: .*/proc/self/fd/7" --workdir /proc/self/fd/7 web /bin/true
	exec_refused "--workdir that is not canonical" "process: " --workdir /tmp/../proc/1/cwd web /bin/true
	it_like "exec -it: a terminal" "$(timeout 300 script -qec "$DOCKER exec -it web tty" /dev/null </dev/null |
		tr -d '\r')" '/dev/pts/0$'
	it_is "exec -it: recorded" "$(last '.verb == "exec"' '[.verb, .tty] | join(" ")')" "exec true"
	it_is "exec -i: standard input" "$(echo hello | timeout 300 "$DOCKER" exec -i web head -n 1)" hello
	it_is "exec -d" "$(d exec -d web /bin/sh -c 'id -u >/tmp/there')" ""
	it_ok "exec -d: it ran" until_is 65532 d exec web cat /tmp/there
	it_is "exec: nothing but its own output" "$(d exec web /bin/sh -c 'echo out; echo err >&2' | sort)" "err
out"
	for n in 0 7 255; do
		d exec web /bin/sh -c "exit $n"
		it_is "exec: exit status $n" $? $n
	done
	got=$(d exec web /bin/none)
	it_is "exec: a program that is not there" $? 126
	it_like "exec: a program that is not there: runc's own words" "$got" 'runc|no such file'
	probed exec restricted d exec web
	probed "exec --privileged" restricted d exec --privileged web
	d rm -f web >/dev/null
}

# Many at once: each is held to the same, and all leave nothing.
test_many() {
	local before i pids=()
	start web cinch >/dev/null
	before=$(docker_traces)
	for i in {1..20}; do
		d exec --privileged --user 0 web /bin/sh -c "$LOOK" >"$T/many.$i" &
		pids+=($!)
	done
	wait "${pids[@]}"
	it_is "exec, twenty at once: each the same" "$(sort -u $T/many.*)" "$RESTRICTED"
	docker_clean "exec, twenty at once: nothing left behind" "$before"
	it_is "exec, twenty at once: each is recorded" "$(jq -r 'select(.verb == "exec") | .result' $AUDIT |
		tail -n 20 | uniq -c | tr -s ' ')" " 20 changed"
	d rm -f web >/dev/null
}

test_baseline() {
	start base cinch-baseline >/dev/null
	exec_is "under baseline" "$BASELINE" base
	exec_is "--privileged under baseline" "$BASELINE" base --privileged
	probed "exec --privileged under baseline" baseline d exec --privileged base
	d rm -f base >/dev/null
}

# shellcheck disable=SC2317 # called by it_until
health() { d inspect -f '{{.State.Health.Status}}' "$1"; }

test_commands() {
	start checked cinch --health-cmd 'test -e /bin/sh' --health-interval 1s >/dev/null
	it_ok "a health check the list allows becomes healthy" until_is healthy health checked
	d rm -f checked >/dev/null # it would come and go between the following
	start checked cinch >/dev/null
	it_is "exec: what the list allows" "$(d exec checked id -u)" 65532
	exec_refused "a command that is not on the list" "exec: " checked cat /etc/passwd
	exec_refused "a shell with other words" "exec: " checked /bin/sh -c id
	it_is "PATH is the container's own" "$(d exec -e PATH=/tmp checked id -u)" 65532
	exec_refused "a terminal" "exec: .*terminal" -t checked id -u
	start checked-ill cinch --health-cmd 'id' --health-interval 1s --health-retries 1 >/dev/null
	it_ok "a health check that is not on the list is unhealthy" until_is unhealthy health checked-ill
	it_like "and Docker shows why" "$(d inspect -f '{{json .State.Health.Log}}' checked-ill)" \
		'refused by profile checked: exec'
	d rm -f checked checked-ill >/dev/null
	start closed cinch >/dev/null
	exec_refused "where none is allowed" "exec: " closed id
	d rm -f closed >/dev/null
	start closed cinch --health-cmd true --health-interval 1s --health-retries 1 >/dev/null
	it_ok "exec none: health checks neither" until_is unhealthy health closed
	d rm -f closed >/dev/null
}

# A container is held to what it was started under; docker restart takes what is in force now.
test_as_created() {
	local record
	start keeps cinch >/dev/null
	it_apply '{"defaultProfile": "closed"}'
	exec_is "after another apply" "$RESTRICTED" keeps
	d restart -t 0 keeps >/dev/null
	exec_refused "after a restart, which takes the new policy" "exec: " keeps id
	it_apply "$POLICY"
	d restart -t 0 keeps >/dev/null
	exec_is "after a restart under the former policy" "$RESTRICTED" keeps
	record=$(grep -l '"keeps"' /run/cinch/*/*.json)
	rm -f "$record"
	exec_refused "without a record" "record" keeps id
	d restart -t 0 keeps >/dev/null
	exec_is "repaired by a restart" "$RESTRICTED" keeps
	rm -f "$record"
	it_is "kill and rm work without a record" "$(d rm -f keeps)" keeps
}

# --- update ---

limit() { # NAME CONTROLLER V1-FILE V2-FILE: as the kernel has it
	local pid at
	pid=$(d inspect -f '{{.State.Pid}}' "$1")
	at=$(sed -n "s/^[0-9]*:\([^:]*,\)\?$2\(,[^:]*\)\?://p" "/proc/$pid/cgroup")
	if [ -n "$at" ]; then
		cat "/sys/fs/cgroup/$2$at/$3"
	else
		cat "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")/$4"
	fi
}
memory() { limit small memory memory.limit_in_bytes memory.max; }
pids() { limit small pids pids.max pids.max; }
update() { # WHAT OPTION... -- PIDS MEMORY: what the kernel then has
	local what=$1 got opt=()
	shift
	while [ "$1" != -- ]; do
		opt+=("$1")
		shift
	done
	got=$(d update "${opt[@]}" small)
	it_is "update $what" "$got $(pids) $(memory)" "small $2 $3"
	it_is "update $what: recorded" "$(last '.verb == "update"' '[.verb, .engine, .container] | join(" ")')" "update docker small"
}

test_update() {
	local m=1048576
	start small cinch >/dev/null
	it_is "small: the ceilings" "$(pids) $(memory)" "50 $((64 * m))"
	update "below the ceilings" --memory 32m --memory-swap 32m --pids-limit 20 -- 20 $((32 * m))
	update "of something else changes neither" --cpu-shares 512 -- 20 $((32 * m))
	update "above the ceilings" --memory 512m --memory-swap 1g --pids-limit 1000 -- 50 $((64 * m))
	it_is "update above the ceilings: recorded as changed" "$(last '.verb == "update"' .result)" changed
	update "to no limit" --memory-swap -1 --pids-limit -1 -- 50 $((64 * m))
	d restart -t 0 small >/dev/null
	it_is "restarted: the ceilings" "$(pids) $(memory)" "50 $((64 * m))"
	d rm -f small >/dev/null
}

export PATH=/usr/local/sbin:$PATH
rm -rf /var/lib/cinch
docker_world .
profile checked '"exec": {"allow": true, "terminal": false, "commands":
	{"allow": ["/bin/sh -c test?-e?/bin/sh", "id -u"]}}'
profile closed '"exec": {"allow": false}'
profile small '"resources": {"pids": 50, "memory": "64Mi"}'
it_apply "$POLICY"
test_restricted
test_many
test_baseline
test_commands
test_as_created
test_update
docker_down
it_containerd_stop
it_done

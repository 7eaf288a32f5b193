#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_update - new limits of running containers with the real runtimes, read back from their cgroups: no
# form of an update lifts what the profile holds, and what may be set is set.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="runc crun busybox"
it_enter "$0" "$@"

RT=/usr/local/sbin/cinch
BUN=$T/bundle
LOG=$T/log.json
AUDIT=/var/log/cinch/audit.jsonl
SAMPLES=$IT_TOP/tests/data/samples
CRUN=$(command -v crun)
M=1048576

# Runs cinch with stdin from $IN; $status, $out and $err are then what it left.
status=0 out='' err='' IN=/dev/null ROOT=
cinch() {
	rm -f "$LOG"
	timeout 300 $RT --root "$ROOT" --log "$LOG" --log-format json "$@" >$T/out 2>$T/err <"$IN"
	status=$?
	out=$(cat $T/out) err=$(cat $T/err)
}

file() { cat "/sys/fs/cgroup/$1/$IT_NS/box/$2" 2>&1; }
# Memory and memory with swap in MiB, processes, shares.
limits() {
	echo "$(($(file memory memory.limit_in_bytes) / M))" \
		"$(($(file memory memory.memsw.limit_in_bytes) / M))" \
		"$(file pids pids.max)" "$(file cpu cpu.shares)"
}
last() { tail -n 1 $AUDIT | jq -c "$1"; }

# WHAT WANT ARG...: the update is made, and the cgroups then say WANT
sets() {
	local what=$1 want=$2
	shift 2
	cinch update "$@" box
	it_is "$NAME, $what" "$status $err" "0 "
	it_is "$NAME, $what: the cgroups" "$(limits)" "$want"
}

text() { # TEXT: a file of it
	printf '%s\n' "$1" >$T/r.json
	echo $T/r.json
}

policy() { # MORE: members of cinch.json
	it_apply "{\"runtime\": \"$BIN\", $1}"
}

start() { # PROFILE
	it_bundle $BUN box || it_die "cannot make a bundle"
	cinch --cinch-profile "$1" create --bundle $BUN box
	it_is "$NAME: create under $1" "$status $err" "0 "
	cinch start box
}

test_forms() {
	it_is "$NAME: what create has set" "$(limits)" "64 $1 100 1024"
	sets "below" "32 $1 50 1024" --memory $((32 * M)) --pids-limit 50
	sets "above" "64 $1 100 1024" --memory $((640 * M)) --pids-limit 5000
	sets "zero is what it was" "64 $1 100 1024" --memory 0 --pids-limit 0
	sets "less, with as much swap" "16 24 7 100" --memory $((16 * M)) --memory-swap $((24 * M)) \
		--pids-limit 7 --cpu-share 100
	sets "no limit at all" "64 $1 100 100" --memory -1 --memory-swap -1 --pids-limit -1
	sets "no swap was asked for, and none there is" "64 64 100 100" --memory $((640 * M)) \
		--memory-swap $((640 * M))
	IN=$SAMPLES/docker-update-resources.json sets "docker's, from standard input" \
		"50 100 20 100" --resources -
	IN=$SAMPLES/cri-update-resources.json sets "a kubelet's" "32 32 20 100" --resources -
	sets "a file, and nothing of the line beside it" "32 32 9 100" \
		--resources "$(text '{"pids":{"limit":9}}')" --memory $((640 * M))
	sets "a file above" "32 32 100 100" -r "$(text '{"pids":{"limit":-1},"unheardOf":{"x":1}}')"
	sets "nothing" "32 32 100 100"
	sets "real time and the cache are the node's" "32 32 100 9" --cpu-rt-runtime 1000 \
		--l3-cache-schema L3:0=f --mem-bw-schema MB:0=9 --cpu-share 9
	# what podman makes: a file below /var/tmp
	IN=/dev/null sets "as podman does it" "32 32 99 9" "--resources=$(text '{"pids":{"limit":99}}')"
}

# crun on cgroup v1 lifts them when it is asked to; runc does not look.
test_devices() {
	local before
	before=$(file devices devices.list)
	sets "devices" "32 32 99 9" --resources "$(text '{"devices":[{"allow":true,"access":"rwm"}]}')"
	it_is "$NAME: the devices are what they were" "$(file devices devices.list)" "$before"
	it_is "$NAME: said so" "$(last '[.result, .changes[0].place]')" \
		'["changed","/linux/resources/devices"]'
}

# WHAT WANT-REGEX ARG...: refused with one line, nothing changed
refused() {
	local what=$1 want=$2 before
	shift 2
	before=$(limits)
	cinch update "$@" box
	it_is "$NAME, $what: exit status" $status 1
	it_like "$NAME, $what: the reason" "$err" "$want"
	it_is "$NAME, $what: one line on stderr" "$(wc -l <$T/err)" 1
	it_is "$NAME, $what: one object in the log" "$(jq -cs 'map(.level)' "$LOG" 2>&1)" '["error"]'
	it_is "$NAME, $what: the limits are what they were" "$(limits)" "$before"
	it_like "$NAME, $what: recorded" "$(last '[.verb, .id, .result]')" \
		'^\["update","box","(failed|refused)"\]$'
}

test_refused() {
	rm -f $T/fifo && mkfifo $T/fifo && mkdir -p $T/dir && truncate -s 100M $T/big
	refused "a FIFO" 'no regular file' --resources $T/fifo
	refused "a directory" 'no regular file' --resources $T/dir
	refused "100 MB" 'limit 4194304' --resources $T/big
	refused "no such file" 'No such file' --resources $T/none
	refused "a key twice" 'pids' -r "$(text '{"pids":{"limit":5},"pids":{"limit":-1}}')"
	refused "a key in another case" 'Pids' -r "$(text '{"Pids":{"limit":-1}}')"
	refused "half a document" 'r.json' -r "$(text '{"pids":{"limit":5')"
	refused "two documents" 'r.json' -r "$(text '{} {"pids":{"limit":-1}}')"
	IN=/dev/zero refused "standard input without an end" 'more than 4194304' --resources -
	IN=/dev/null refused "standard input with nothing" 'standard input' --resources -
	refused "a file of the cgroup" 'refused by profile limits: resources: ' \
		-r "$(text '{"unified":{"cgroup.procs":"1"}}')"
	timeout 300 $RT --root "$ROOT" update --resources - box >$T/out 2>$T/err <&-
	it_is "$NAME: standard input closed" $? 1
	it_like "$NAME: standard input closed: the reason" "$(cat $T/err)" 'standard input'
}

# What the policy says now is nothing to a container that runs.
test_policy() {
	policy '"defaultProfile": "baseline"'
	sets "under another policy" "64 64 100 9" --memory $((640 * M)) --memory-swap $((640 * M)) \
		--pids-limit -1
	it_is "$NAME: by its own profile" "$(last '[.profiles[0].name, .mode, .result]')" \
		'["limits","enforce","changed"]'
	policy '"defaultProfile": "limits", "mode": "audit"'
	sets "a node in audit mode" "640 640 5000 9" --memory $((640 * M)) \
		--memory-swap $((640 * M)) --pids-limit 5000
	it_is "$NAME: and recorded" "$(last '[.result, .mode, .asked.pids.limit,
		([.changes[] | select(.enforced)] | length)]')" '["audited","audit",5000,0]'
	policy '"defaultProfile": "limits"'
}

# Its limits are above what the policy allows now, and nobody knows why.
test_no_record() {
	find /run/cinch -name 'box.json' -delete
	sets "no record: what is above stays" "640 640 5000 8" --memory $((700 * M)) \
		--memory-swap $((700 * M)) --pids-limit -1 --cpu-share 8
	it_like "$NAME: no record: said so" "$(last .state)" 'no state record.*restart it through cinch'
	sets "no record: what is below is set" "60 640 90 8" --memory $((60 * M)) --pids-limit 90
	sets "no record: and does not come back" "60 640 90 8" --memory $((640 * M)) --pids-limit 5000
}

test_unknown_id() {
	cinch update --pids-limit 5 nobody
	it_is "$NAME: an unknown id is the runtime's to refuse" $status 1
	it_unlike "$NAME: an unknown id: the reason" "$err" cinch
	it_like "$NAME: an unknown id: recorded" "$(last '[.id, .result]')" '"nobody","unchanged"'
}

all() { # NAME PROGRAM MEMSW: what memory and swap together are when no limit was ever set
	local before
	NAME=$1 BIN=$2 ROOT=$T/roots/$1
	mkdir -p "$ROOT"
	policy '"defaultProfile": "limits"'
	before=$(it_traces)
	start limits
	test_forms "$3"
	test_devices
	test_refused
	test_policy
	test_no_record
	test_unknown_id
	cinch delete --force box
	it_is "$NAME: delete" "$status $err" "0 "
	[ "$(stat -f -c %T /sys/fs/cgroup/unified)" != tmpfs ] ||
		rm -rf "/sys/fs/cgroup/unified/$IT_NS"
	it_clean "$NAME: nothing left" "$before"
}

it_install
mkdir -p /etc/cinch/profiles
cat >/etc/cinch/profiles/limits.json <<-'EOT'
	{"profile": "limits", "version": "1.0.0", "description": "low ceilings", "extends": ["baseline"],
		"resources": {"pids": 100, "memory": "64Mi"}}
EOT
if [ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ]; then
	all runc "$RUNC" 8796093022207
	# crun takes no hierarchies of both kinds; where the second one was it makes plain directories
	if mountpoint -q /sys/fs/cgroup/unified; then
		umount /sys/fs/cgroup/unified || it_die "the unified hierarchy cannot be hidden"
		mount -t tmpfs cinch-test /sys/fs/cgroup/unified || it_die "no place for a tmpfs"
	fi
	all crun "$CRUN" 8796093022207
else
	it_skip "limits in cgroups" "no memory controller of cgroup v1 here"
fi
it_done

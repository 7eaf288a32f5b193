#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_records - the records cinch keeps, with real runtimes below: what runc and crun write down of a
# container's first process is understood, a record counts only for the container it was written for, and
# kill and delete are told with what is known of it.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="runc busybox"
it_enter "$0" "$@"

RT=/usr/local/sbin/cinch
ROOT=$T/roots/records
mkdir -p "$ROOT"

# "options" are the runtime's.
call() { "$RT" --root "$ROOT" --log $T/log.json "${options[@]}" "$@" </dev/null >$T/out 2>$T/err; }
record_of() { ls /run/cinch/*/"$1".json; }
last() { tail -n 1 /var/log/cinch/audit.jsonl | jq -r "$1"; }

# JQ-FILTER over the record of box
change() {
	local f
	f=$(record_of box)
	jq -c "$1" "$f" >"$f.new" && chmod 600 "$f.new" && mv "$f.new" "$f"
}

test_runtime() { # NAME PROFILE
	local hz traces
	hz=$(getconf CLK_TCK)
	traces=$(it_traces)
	it_bundle $T/bundle box || it_die "cannot make a bundle"
	if ! call create --bundle $T/bundle box || ! call start box; then
		it_result 1 "$1: starts" "$(cat $T/err)"
		return
	fi
	it_ok "$1: a process is started in it" call exec box /bin/true
	it_is "$1: its first process is known" \
		"$("$B/cinchctl" ps --json | jq -r '.containers[] | select(.id == "box") | .status')" running

	change ".ticks -= 121 * $hz"
	call exec box /bin/true
	it_like "$1: a record from long before it" "$(cat $T/err)" 'an earlier container of the same id'
	call kill box 0
	it_is "$1: kill passes, and knows nothing of it" "$(last '[.result, .profiles[0].name] | @tsv')" \
		"$(printf 'passed\t')"
	change ".ticks += 200 * $hz"
	call exec box /bin/true
	it_like "$1: a record from after it" "$(cat $T/err)" 'an earlier container of the same id'
	change ".ticks -= 80 * $hz"
	it_ok "$1: its own record counts" call exec box /bin/true

	call kill box KILL
	it_is "$1: kill is told" "$(last '[.verb, .id, .args[1], .result, .profiles[0].name] | @tsv')" \
		"$(printf 'kill\tbox\tKILL\tpassed\t%s' "$2")"
	call delete --force box
	it_is "$1: delete is told" "$(last '[.verb, .result, .profiles[0].name] | @tsv')" \
		"$(printf 'delete\tpassed\t%s' "$2")"
	call delete --force box
	it_is "$1: the second delete removes the record" "$(find /run/cinch -name 'box.json')" ""
	it_clean "$1: nothing is left" "$traces"
}

it_install
it_apply '{"defaultProfile": "baseline"}'
options=()
test_runtime runc baseline

# crun wants one hierarchy only, and limits that root does not have here: it runs without cgroups.
if ! command -v crun >/dev/null; then
	it_skip "crun" "not installed"
elif ! umount -l /sys/fs/cgroup || ! mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null; then
	it_skip "crun" "no cgroup2 can be mounted"
else
	mkdir -p /etc/cinch/profiles
	printf '%s\n' '{"profile": "free", "version": "1", "extends": ["baseline"],
		"flags": {"allow": ["--cgroup-manager"]}}' >/etc/cinch/profiles/free.json
	it_apply "{\"runtime\": \"$(command -v crun)\", \"defaultProfile\": \"free\"}"
	options=(--cgroup-manager=disabled)
	test_runtime crun free
fi
it_done

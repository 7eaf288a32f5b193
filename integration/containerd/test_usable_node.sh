#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_usable_node - the node stays usable while what cinch stands on is damaged: the audit log, disks, the program
# itself, the real runtime. With a live containerd and containers that run; see test_usable for the rest.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="containerd ctr runc busybox"
it_enter "$0" "$@"
# shellcheck source=integration/containerd/usable.sh
. "${BASH_SOURCE[0]%/*}/usable.sh" || exit 1

DIR=/var/log/cinch

# --- the audit log ---

test_log() {
	local anew="rm -rf $DIR.old; mv $DIR $DIR.old" back="rm -rf $DIR; mv $DIR.kept $DIR"
	row "log deleted" "rm $LOG" "$anew" "current web" confined
	row "log's head deleted" "rm $LOG.head" "$anew" "current web" confined
	row "log's head is nonsense" "head -c 300 /dev/urandom >$LOG.head" "$anew" "current web" confined
	row "log altered" "sed -i '2s/web/wob/' $LOG" "! $CTL log verify && { $anew; }" "current web" confined
	row "log a directory" "mv $DIR $DIR.kept; mkdir -p $LOG" "$back" confined confined
	row "log a FIFO" "mv $DIR $DIR.kept; mkdir $DIR; mkfifo $LOG" "$back" confined confined
	row "log's directory a file" "mv $DIR $DIR.kept; : >$DIR" "$back" confined confined
	row "log's directory gone" "rm -rf $DIR" true "current web" confined
	row "log read-only" "mount --bind $DIR $DIR && mount -o remount,bind,ro $DIR" "umount $DIR" confined confined
	row "log's disk full" "mount -t tmpfs -o size=16k full $DIR; head -c 64k /dev/zero >$DIR/x 2>/dev/null; true" \
		"umount $DIR" confined confined
}

# No record, no start: and yet nothing that runs is out of reach.
test_log_required() {
	it_apply '{"defaultProfile": "web", "audit": {"required": true}}'
	row "log required, directory a file" "mv $DIR $DIR.kept; : >$DIR" "rm $DIR; mv $DIR.kept $DIR" \
		"!audit record: " "!audit record: "
	row "log required, disk full" "mount -t tmpfs -o size=16k full $DIR
		head -c 64k /dev/zero >$DIR/x 2>/dev/null; true" "umount $DIR" "!audit record: " "!audit record: "
	fresh
}

# --- disks ---

test_disks() {
	local before
	mount -t tmpfs -o size=256k full /var/lib/cinch && fresh && head -c 1m /dev/zero >/var/lib/cinch/x 2>/dev/null
	before=$(readlink $STORE/current)
	echo '{"defaultProfile": "batch"}' >/etc/cinch/cinch.json
	it_unlike "/var full: apply says so" "$("$CTL" apply 2>&1; echo "status $?")" 'status 0'
	it_is "/var full: what was in force still is" "$(readlink $STORE/current)" "$before"
	row "/var full" true "rm /var/lib/cinch/x && $CTL apply" "current web" confined
	it_ok "/var has space again: what people edit is in force" "$CTL" status
	umount /var/lib/cinch
	fresh

	# containerd itself starts and executes nothing then: what runs must be seen and stopped
	start full >/dev/null
	before=$(pid_of full)
	mount -o remount,size=$(($(df --output=used -k /run | tail -n 1) + 256))k /run # it would take half the memory
	head -c 100g /dev/zero >/run/x 2>/dev/null
	it_is "/run full: seen, paused, resumed" "$(handled full)" "running full paused RUNNING"
	it_is "/run full: kill" "$(task kill -s SIGKILL full; while [ -e "/proc/$before/exe" ]; do sleep 0.05; done)" ""
	it_is "/run full: delete" "$(end full 2>&1 | grep -v 'process already finished\|not found')" ""
	rm /run/x
	mount -o remount,size=50% /run
	well "/run full"
}

# --- the program and the real runtime ---

# WHAT DAMAGE REPAIR REGEX: nothing can be started, and nothing is started another way; what runs goes on
gone() {
	local got
	eval "$2" || it_die "$1: cannot be done"
	: >"/run/containerd/io.containerd.runtime.v2.task/$IT_NS/live/log.json" # the shim shows an older reason, too
	got=$(start new)
	it_like "$1: a start fails and says why" "$got" "$4"
	it_is "$1: nothing was started" "$(pid_of new)" ""
	it_like "$1: so does an exec" "$(exec_in live)" "$4"
	it_is "$1: who runs goes on" "$(task ls | awk '$1 == "live" {print $3}') $(judge_first live)" \
		"RUNNING confined"
	ctr -n "$IT_NS" containers delete new >/dev/null 2>&1
	eval "$3" >"$T/repair" 2>&1 || it_result 1 "$1: repaired" "$(cat "$T/repair")"
	well "$1"
	it_is "$1: and who ran before" "$(handled live) $(exec_in live)" "running live paused RUNNING confined"
}

test_program() {
	local bin=/usr/local/sbin/cinch
	row "cinch replaced by a new one" "cp $bin $bin.new && mv $bin.new $bin" true "current web" confined
	gone "cinch removed" "mv $bin $bin.kept" "mv $bin.kept $bin" 'no such file'
	gone "cinch not executable" "chmod 644 $bin" "chmod 755 $bin" 'permission denied'
	gone "cinch half written" "cp -p $bin $bin.kept; truncate -s 3000 $bin" "mv $bin.kept $bin" \
		'exec format error|input/output error|signal|exit status'
}

# Whose network is not spoken of does not notice; whose is enforced does not start without rules.
test_hook() {
	local hook=/usr/local/sbin/cinch-hook
	row "cinch-hook removed" "mv $hook $hook.kept" "mv $hook.kept $hook" "current web" confined
	row "cinch-hook removed, network enforced" \
		"mv $hook $hook.kept; it_apply '{\"defaultProfile\": \"batch\"}'" "mv $hook.kept $hook; fresh" \
		"!the network of profile batch is enforced: install cinch-hook beside cinch" confined
}

test_runtime() {
	local r=$RUNC
	gone "runc removed" "mv $r $r.kept" "mv $r.kept $r" 'cinch: no runtime found|runtime .*: no such file'
	gone "runc not executable" "chmod 644 $r" "chmod 755 $r" 'cinch: .*runc'
	gone "runc open to all" "chmod 777 $r" "chmod 755 $r" 'cinch: .*runc can be written by others'
	gone "runc no program" "mv $r $r.kept; echo nothing >$r; chmod 755 $r" "mv $r.kept $r" 'cinch: .*runc'
	gone "runc somebody else's" "chown 1000 $r" "chown 0 $r" 'cinch: .*runc belongs to user 1000'
}

rm -f /usr/bin/crun /usr/sbin/crun # of this world: it would take runc's place
usable_start
test_log
test_log_required
test_disks
test_program
test_hook
test_runtime
usable_done

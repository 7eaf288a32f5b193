# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# usable - one row of the table of failures against a live containerd: something of cinch is damaged while
# containers run, what must go on working does, what starts is confined, and after the repair all is well.
# Sourced after it_enter.

IMAGE=localhost/busybox:1
RT=/usr/local/sbin/cinch
CTL=$B/cinchctl
STORE=/var/lib/cinch/policy
STATE=/run/cinch
LOG=/var/log/cinch/audit.jsonl
ROOT=/run/containerd/runc/$IT_NS
LOOK='^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):'

task() { timeout 300 ctr -n "$IT_NS" task "$@" 2>&1 </dev/null; }
start() { # NAME
	timeout 300 ctr -n "$IT_NS" run -d --runc-binary $RT $IMAGE "$1" /bin/sleep 1000 2>&1 </dev/null
}
pid_of() { task ls | awk -v n="$1" '$1 == n {print $2}'; }
record_of() { find $STATE -name "$1.json" 2>/dev/null; }

# Lines of /proc/PID/status on standard input: "confined", or what they say.
judge() {
	local line over=0 nnp='' seccomp='' all=''
	while read -r line; do
		case $line in
		CapInh*) over=$((over | 0x${line##*[[:space:]]})) ;;
		Cap*) over=$((over | 0x${line##*[[:space:]]} & ~0x404fb)) ;; # what baseline leaves
		NoNewPrivs*) nnp=${line##*[[:space:]]} ;;
		Seccomp:*) seccomp=${line##*[[:space:]]} ;;
		*) continue ;;
		esac
		all="$all $line"
	done
	[ "$over $nnp $seccomp" = "0 1 2" ] && echo confined || echo "not confined:$all"
}

# NAME: of its process, which sleeps
judge_first() {
	local pid
	pid=$(pid_of "$1")
	[ -n "$pid" ] && it_runs "$pid" sleep && judge <"/proc/$pid/status"
}

# By way of a file, since ctr does not always wait for the output of an exec.
exec_in() { # NAME: "confined", or why there is no exec
	local got id=e$RANDOM$RANDOM
	got=$(task exec --exec-id "$id" "$1" /bin/sh -c "grep -E '$LOOK' /proc/self/status >/tmp/$id") || {
		echo "$got"
		return
	}
	judge <"/proc/$(pid_of "$1")/root/tmp/$id"
}

# NAME: whatever is damaged, it is seen and stopped and goes on
handled() {
	echo "$($RT --root "$ROOT" state "$1" | jq -r .status) $($RT --root "$ROOT" list -q | grep -x "$1")" \
		"$(task pause "$1")$($RT --root "$ROOT" state "$1" | jq -r .status)" \
		"$(task resume "$1")$(task ls | awk -v n="$1" '$1 == n {print $3}')"
}

# shellcheck disable=SC2317 # called by it_until
stopped() { task ls | grep -q "^$1 .*STOPPED"; }

end() { # NAME: kill and delete; prints nothing when that works
	task kill -s SIGKILL "$1" | grep .
	it_until stopped "$1"
	task delete "$1" | grep -v 'exit code 137'
	ctr -n "$IT_NS" containers delete "$1" 2>&1
}

# WHAT: starts, execs, deletes, is listed, the log is whole
well() {
	local got
	got=$(start sound)
	it_is "$1: afterwards all is well" "$got$(judge_first sound) $(exec_in sound) \
$("$CTL" ps --json | jq -r '.containers[] | select(.id == "sound") | .status') $(end sound)\
$(it_log_faults)" "confined confined running "
}

# WHAT DAMAGE REPAIR START EXEC: while "live" runs. START is "FROM PROFILE" (the policy of the record and the
# profile), "confined", or "!REGEX" of why not. EXEC (in "live") is "confined" or "!REGEX".
row() {
	local what=$1 got
	eval "$2" || it_die "$what: cannot be done"
	it_is "$what: who runs is seen, paused, resumed" "$(handled live)" "running live paused RUNNING"
	if [ "${5:0:1}" = '!' ]; then
		it_like "$what: exec is refused" "$(exec_in live)" "OCI runtime exec failed: cinch: ${5:1}"
	else
		it_is "$what: exec" "$(exec_in live)" "$5"
	fi
	got=$(start new)
	if [ "${4:0:1}" = '!' ]; then
		it_like "$what: a start is refused" "$got" "OCI runtime create failed: cinch: ${4:1}"
		it_is "$what: nothing was started" "$(pid_of new)" ""
		ctr -n "$IT_NS" containers delete new >/dev/null 2>&1
	else
		it_is "$what: what starts is confined" "$got$(judge_first new)" confined
		[ "$4" = confined ] || it_is "$what: by what" "$(tail -n 30 $LOG | jq -r \
			'select(.verb == "create" and .id == "new") | .policy.from + " " + .profiles[0].name' |
			tail -n 1)" "$4"
		it_is "$what: kill, delete" "$(end new)" ""
	fi
	eval "$3" >"$T/repair" 2>&1 || it_result 1 "$what: repaired" "$(cat "$T/repair")"
	well "$what"
}

# Two policies, whose default profiles tell which of them was in force.
fresh() {
	rm -rf /var/lib/cinch 2>/dev/null # it may be a mount
	it_apply '{"defaultProfile": "baseline"}'
	it_apply '{"defaultProfile": "web"}'
	# shellcheck disable=SC2034 # for the rows
	new=$(readlink $STORE/current) old=$(readlink $STORE/previous)
}

usable_start() {
	it_install
	it_image "$T/image.tar" $IMAGE || it_die "cannot make an image"
	it_containerd "" || it_die "containerd does not start"
	ctr -n "$IT_NS" images import "$T/image.tar" >/dev/null || it_die "cannot import the image"
	fresh
	it_is "a container that stays" "$(start live)" ""
}

usable_done() { # it has seen it all
	it_is "the one that stayed" "$(handled live) $(end live)" "running live paused RUNNING "
	it_containerd_stop
	it_done
}

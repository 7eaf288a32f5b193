#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_audit - the audit log of the real program: many writers, logrotate under them, writers that are killed, a
# full disk, a stopped holder of the lock, systemd's journal; and what cinchctl log verify says to each.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="runc logrotate flock"
it_enter "$0" "$@"

RT=/usr/local/sbin/cinch
CTL=/usr/local/sbin/cinchctl
DIR=/var/log/cinch
LOG=$DIR/audit.jsonl

# The shortest call that leaves a record: a line that is not understood.
call() { "$RT" create --no-such-option "${1:-c1}" >/dev/null 2>&1; }

calls() { # HOW-MANY ID
	local i
	for ((i = 0; i < $1; i++)); do call "$2"; done
}

fresh() {
	rm -rf $DIR
	mkdir -m 700 $DIR
}

# $result, $status, $lines, $last and $found (severity/kind of each finding, without repeats) of log verify
verify() {
	"$CTL" log verify --json "$@" >$T/verify.json 2>$T/verify.err
	status=$?
	result=$(jq -r .result $T/verify.json)
	lines=$(jq -r .lines $T/verify.json)
	last=$(jq -r .last $T/verify.json)
	found=$(jq -r '[.findings[] | .severity + "/" + .kind] | unique | join(" ")' $T/verify.json)
}

whole() { # WHAT LINES [FINDINGS]
	verify
	it_is "$1" "$result, $lines lines, status $status, ${found:-nothing}" \
		"whole, $2 lines, status 0, ${3:-nothing}" || jq -c '.findings[]' $T/verify.json | sed 's/^/# /'
}

# $found after verify, but for what a crowd on a busy machine brings with it: who has waited long enough for a holder
# of the lock that is not even on a processor writes outside the chain, and says that.
crowd() {
	jq -r '[.findings[] | select((.kind == "outside" and (.text | contains("says: the lock was not free"))) | not) |
		.severity + "/" + .kind] | unique | join(" ")' $T/verify.json
}

outsiders() { # how many lines of the log and its rotated files say so
	cat "$LOG" "${LOG}"[.-][0-9]* 2>/dev/null | jq -R 'fromjson? | select(.unchained == "the lock was not free") | 1' | wc -l
}

whole_crowd() { # WHAT LINES: as whole, written by many at once
	verify
	found=$(crowd)
	it_is "$1" "$lines lines, ${found:-nothing}" "$2 lines, nothing" ||
		jq -c '.findings[]' $T/verify.json | sed 's/^/# /'
	it_ok "$1: most are in the chain" test $(($(outsiders) * 2)) -lt "$2"
}

writers() { # HOW-MANY CALLS-EACH: in the background; wait for them with wait
	local i
	for ((i = 0; i < $1; i++)); do calls "$2" "w$i" & done
}

rotate() { # OPTION...: what logrotate is told of the log, under writers; its runs
	local i
	printf '%s {\n\tsize 1\n\trotate 100\n\tmissingok\n%s\n}\n' $LOG "$(printf '\t%s\n' "$@")" >$T/rotate.conf
	chmod 644 $T/rotate.conf
	writers 8 150
	for ((i = 0; i < 12; i++)); do
		sleep 0.03
		until [ -s $LOG ] || [ -z "$(jobs -r)" ]; do sleep 0.01; done
		logrotate -f -s $T/rotate.state $T/rotate.conf >>$T/rotate.log 2>&1
	done
	wait
}

test_writers() {
	fresh
	call
	whole "one line" 1
	writers 20 10
	wait
	whole_crowd "20 writers" 201
	it_is "the head is 0600" "$(stat -c %a $LOG.head)" 600
}

test_logrotate() {
	local n one
	fresh
	rotate nocreate nocompress
	n=$(find $DIR -name 'audit.jsonl.[0-9]*' | wc -l)
	it_ok "logrotate has renamed ($n times)" test "$n" -ge 5
	call
	whole_crowd "logrotate, rename" 1201
	rm "$LOG.$n"
	verify
	it_is "the oldest file is gone, as rotation does it" "$(crowd)" "note/earlier"
	for ((one = 2; one < n - 1; one++)); do grep -q '^{"seq":[0-9]' "$LOG.$one" && break; done
	rm "$LOG.$one"
	verify
	it_like "another one is gone" "$result $status $(crowd)" '^broken 1 broken/missing note/earlier$'
	fresh
	rotate create nocompress dateext 'dateformat -%Y%m%d%s'
	call
	whole_crowd "logrotate, create and dates as names" 1201
}

test_copytruncate() {
	local there gone n lost
	fresh
	rotate copytruncate nocompress
	call
	verify
	n=${last%%:*}
	there=$(cat $LOG $LOG.[0-9]* | jq -Rc 'fromjson? | .seq | numbers' | sort -n | uniq)
	gone=$(comm -23 <(seq "$n" | sort) <(sort <<<"$there") | sort -n)
	lost=$(grep -c . <<<"$gone")
	it_is "copytruncate: the numbers that are not there are reported ($lost)" "$(jq -r '.findings[] |
		select(.kind == "missing") | .text | capture("numbers? (?<from>[0-9]+)( to (?<to>[0-9]+))?") |
		range(.from | tonumber; (.to // .from | tonumber) + 1)' $T/verify.json | sort -n)" "$gone" ||
		jq -c '.findings[]' $T/verify.json | sed 's/^/# /'
	# what is copied just then may be half a line
	it_like "copytruncate: nothing else is found" "found: $(crowd)" \
		"^found: ?((gap|note)/cut ?)?$([ "$lost" -eq 0 ] || echo 'broken/missing')\$"
	# a line outside the chain has no number that could be missed
	there=$((n + $(outsiders)))
	if [ "$lost" -eq 0 ]; then
		it_is "copytruncate: every line is there" $there 1201
	else
		it_ok "copytruncate: every line is there or reported ($((1201 - there)) without number lost)" \
			test $there -le 1201 -a $((1201 - there)) -lt 60
	fi
}

test_kill() {
	local i before us own=0
	fresh
	for ((i = 0; i < 200; i++)); do
		if [ $((i % 25)) -eq 0 ]; then # what one takes here and now; they are killed within twice that
			us=$(date +%s%N)
			calls 5 c1
			us=$((($(date +%s%N) - us) / 5000)) own=$((own + 5))
		fi
		before=$((1 + i * 7 % 50 * us / 25))
		{ timeout -s KILL "$(printf '%d.%06d' $((before / 1000000)) $((before % 1000000)))" \
			"$RT" create --no-such-option k1; } >/dev/null 2>&1
	done
	verify
	it_like "writers killed: whole" "$result $status $found" '^whole 0 ?(note/behind)?$'
	before=$lines
	it_ok "some had written, some not ($((before - own)) of 200)" test "$before" -gt $own -a "$before" -lt $((own + 200))
	call
	whole "the next line goes on" $((before + 1))
}

test_full_disk() {
	local i before
	fresh
	mount -t tmpfs -o size=32k,mode=700 full $DIR
	calls 120 c1
	before=$(stat -c %s $LOG)
	calls 3 c1
	it_is "the disk is full" "$(stat -c %s $LOG)" "$before"
	verify
	it_like "a full disk: verify" "$result $status $found" '^whole 0 ?(note/cut)?$'
	mount -o remount,size=1m $DIR
	for ((i = 0; i < 3; i++)); do call; done
	before=$(wc -l <$LOG)
	verify
	it_like "space again: the cut line is vouched for" "$result $status $found $lines" \
		"^whole 0 (note/cut )? ?$before\$"
	it_is "one line is no record" $((lines - $(jq -Rc 'fromjson? | .seq' $LOG | wc -l))) 1
	umount $DIR
}

test_lock() {
	local pid began ms
	fresh
	calls 2 c1
	(flock 9 && exec sleep 1000) 9<$LOG.head &
	pid=$!
	# shellcheck disable=SC2016 # expanded there
	it_until sh -c '! flock -n "$0" true' $LOG.head
	kill -STOP $pid
	began=$(date +%s%N)
	call
	ms=$((($(date +%s%N) - began) / 1000000))
	it_ok "somebody holds the lock: a start takes $ms ms" test $ms -lt 10000
	kill -KILL $pid
	{ wait $pid; } 2>/dev/null
	call
	whole "its line is outside the chain, and vouched for" 4 note/outside
	it_is "and says why" "$(jq -r 'select(.unchained).unchained' $LOG)" "the lock was not free"
}

test_tampering() {
	fresh
	calls 10 c1
	verify
	local noted=$last
	calls 3 c1
	verify --head "$noted"
	it_is "a hash noted elsewhere" "$result $status" "whole 0"
	cp -a $DIR $T/kept
	sed -i '5s/no-such/or-such/' $LOG
	verify
	it_is "a changed line" "$status $(jq -r '.findings[] | "\(.kind) \(.line)"' $T/verify.json)" \
		"1 changed 5"
	rm -rf $DIR && cp -a $T/kept $DIR
	sed -i 7d $LOG
	verify
	it_is "a line taken out" "$status $(jq -r '.findings[] | "\(.kind) \(.line)"' $T/verify.json)" \
		"1 missing 7"
	rm -rf $DIR && cp -a $T/kept $DIR
	sed -i '12,$d' $LOG
	verify
	it_like "the end taken out" "$status $found $(jq -r '.findings[].text' $T/verify.json)" \
		'^1 broken/missing numbers 12 to 13 missing at the end$'
	call
	verify
	it_like "it stays found when the log goes on" "$status $found" '^1 broken/missing$'
	# root writes all of it anew: only the noted hash tells
	rm -rf $DIR
	calls 13 c1
	verify
	it_is "a log written anew looks whole" "$result $status" "whole 0"
	verify --head "$noted"
	it_is "but not to who has noted a hash" "$result $found" "broken broken/noted"
}

# shellcheck disable=SC2317 # called by it_until
three_entries() {
	journalctl --directory=/run/log/journal -o json --no-pager -t cinch >"$T/journal.json" 2>&1
	[ "$(grep -c . "$T/journal.json")" -ge 3 ]
}

test_journald() {
	local pid took journal=/lib/systemd/systemd-journald
	[ -x $journal ] || journal=/usr/lib/systemd/systemd-journald
	if [ ! -x $journal ] || ! command -v journalctl >/dev/null; then
		it_skip "systemd's journal" "no systemd-journald here"
		return
	fi
	fresh
	took=$SECONDS
	calls 100 c1
	took=$((SECONDS - took))
	fresh
	echo '{"audit": {"journald": true}}' >/etc/cinch/cinch.json
	if ! "$CTL" apply >$T/apply.out 2>&1; then
		it_skip "systemd's journal" "cinchctl apply: $(head -n 1 $T/apply.out)"
		return
	fi
	fresh # without the record of apply
	call early
	it_is "no journal is there: the file has the line" "$(wc -l <$LOG)" 1
	verify
	it_is "and the head counts what was not taken" "$result $found" "whole note/lost"
	mkdir -p /run/systemd/journal /run/log/journal
	[ -s /etc/machine-id ] || tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
	$journal >/dev/null 2>&1 &
	pid=$!
	it_until [ -S /run/systemd/journal/socket ]
	"$RT" create --bundle $T/none box-1 >/dev/null 2>&1
	calls 2 box-2
	it_until three_entries
	it_is "three entries" "$(grep -c . $T/journal.json)" 3
	# not _COMM: the journal asks /proc for it, and a call that is over by then has none
	it_is "fields of the first" "$(jq -rs '.[0] | [.CINCH_VERB, .CINCH_ID, .CINCH_RESULT, .PRIORITY,
		.CINCH_SEQ, .SYSLOG_IDENTIFIER] | join(" ")' $T/journal.json)" "create box-1 failed 3 2 cinch"
	it_is "the journal has the lines of the file" "$(jq -r .CINCH_RECORD $T/journal.json)" \
		"$(tail -n 3 $LOG)"
	verify --head "$(jq -rs '.[-1].CINCH_HASH' $T/journal.json)"
	it_is "the journal's hash is one for verify --head" "$result" whole
	kill -STOP $pid
	it_ok "the journal is stopped: 300 calls wait for nothing" timeout $((20 + 10 * took)) bash -c \
		"for ((i = 0; i < 300; i++)); do $RT create --no-such-option s >/dev/null 2>&1; done; true"
	it_is "and the file has them" "$(wc -l <$LOG)" 304
	kill -CONT $pid
	kill $pid
	wait $pid 2>/dev/null
	rm -f /etc/cinch/cinch.json
	"$CTL" apply >/dev/null 2>&1
}

# The container keeps its output open: a pipe would wait for it.
create() { "$RT" --root "$1" create --bundle "$2" "$3" >$T/create.out 2>&1 </dev/null; }

# A node in audit mode: containers get what they ask, and the log is asked whether to enforce.
test_audit_mode() {
	local b=$T/bundle root=$T/runc before
	fresh
	echo '{"mode": "audit"}' >/etc/cinch/cinch.json
	if ! "$CTL" apply >$T/apply.out 2>&1; then
		it_skip "audit mode" "cinchctl apply: $(head -n 1 $T/apply.out)"
		return
	fi
	it_bundle $b a1 || it_die "cannot make a bundle"
	before=$(sha256sum <$b/config.json)
	create $root $b a1
	it_is "audit mode: started" "$? $(cat $T/create.out)" "0 "
	it_is "audit mode: as it was asked" "$(sha256sum <$b/config.json)" "$before"
	"$RT" --root $root delete --force a1
	it_bundle $b a2 '.linux.namespaces |= map(select(.type != "network"))'
	create $root $b a2
	it_is "audit mode: started with the host's network" "$? $(cat $T/create.out)" "0 "
	"$RT" --root $root delete --force a2
	"$CTL" log --summary --json >$T/summary.json
	it_is "the log has something to look at" $? 1
	it_is "two starts, one would be refused" \
		"$(jq -c '.groups[] | [.mode, .starts, .containers, .results.audited, .wouldRefuse]' $T/summary.json)" \
		'["audit",2,2,2,1]'
	it_is "by the control namespaces" \
		"$(jq -c '[.controls[] | select(.wouldRefuse > 0) | .control]' $T/summary.json)" '["namespaces"]'
	it_like "for people" "$("$CTL" log --summary)" 'enforcing would refuse 1 of 2 starts and change 1'
	it_like "as lines" "$("$CTL" log --id a2)" ' create     audited   a2 restricted \(audit\).*would be refused$'
	verify
	it_is "and the log is whole" "$result $found" "whole "
	rm -f /etc/cinch/cinch.json
	"$CTL" apply >/dev/null 2>&1
}

it_install
test_writers
test_logrotate
test_copytruncate
test_kill
test_full_disk
test_lock
test_tampering
test_journald
test_audit_mode
it_done

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_apply - a node's policy from its first apply on: what changes is shown, problems change nothing, damage
# falls back, rollback goes back; kill -9 at any moment, a full disk, a read-only one, twenty at once; and that
# those who are not root are held to the same policy.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
# shellcheck disable=SC2034 # read by it_enter
IT_NEEDS="runc busybox setpriv"
it_enter "$0" "$@"
it_install
export PATH=/usr/local/sbin:$PATH
STORE=/var/lib/cinch/policy
rm -rf /var/lib/cinch
mkdir -p /etc/cinch/profiles

status=0 out='' err=''
ctl() {
	timeout 300 cinchctl "$@" >$T/out 2>$T/err </dev/null
	status=$?
	out=$(cat $T/out) err=$(cat $T/err)
}
is() { # WHAT STATUS REGEX: of the last ctl
	it_is "$1: exit status" "$status" "$2"
	it_like "$1: words" "$out$err" "$3"
}
profile() { # NAME VERSION [MEMBERS]
	printf '{"profile": "%s", "version": "%s", "extends": ["restricted"]%s}\n' "$1" "$2" "${3:-}" \
		>"/etc/cinch/profiles/$1.json"
}
digest() { readlink $STORE/current; }
left() { # what lies in the store: two policies, two links, the lock
	find $STORE -mindepth 1 -maxdepth 1 | wc -l
}
whole() { # WHAT DIGEST...: one of these is in force, whole
	local now
	now=$(cinchctl status --json | jq -r '[.from, .problem // "whole", .policy] | join(" ")')
	it_like "$1" "$now" "^current whole ($(IFS='|'; echo "${*:2}"))$"
}

first_steps() {
	local one two
	ctl status
	is "before the first" 1 'nothing else is applied'
	ctl rollback
	is "nothing to go back to" 2 'no policy is applied here'
	ctl apply
	is "the shipped profiles" 0 '^applied [0-9a-f]{12}, [0-9]+ profiles \(before: built-in\)'
	ctl status
	is "all is in order" 0 'what is applied, signatures not required'
	ctl rollback
	is "nothing before it" 2 'no policy was applied before this one'

	profile app 1.0
	ctl status
	is "a new source" 1 'added +app 1.0'
	one=$(digest)
	ctl apply --dry-run
	is "shown" 1 '^  added +app 1.0'
	it_is "and not done" "$(digest)" "$one"
	ctl apply
	is "done" 0 'added +app 1.0'
	two=$(digest)
	ctl apply
	is "again" 0 "already applied: ${two:0:12}"
	profile app 1.1 ', "capabilities": {"add": ["CAP_NET_RAW"]}'
	ctl apply --dry-run
	is "what it grants" 1 'gains capabilities: CAP_NET_RAW'
	ctl apply --json
	it_is "for programs" "$(jq -c '[.result, .former, .changes.profiles[0].gains]' <<<"$out")" \
		"[\"applied\",\"$two\",[{\"control\":\"capabilities\",\"what\":\"CAP_NET_RAW\"}]]"
	it_is "old ones are removed" "$(left)" 5
	ctl rollback
	is "back" 0 "went back to ${two:0:12}"
	whole "which is in force" "$two"
	ctl status
	is "the sources are ahead" 1 'changed app 1.0 -> 1.1, gains 1, loses 0'
	ctl rollback
	is "and forth" 0 'went back to'
	ctl status
	is "in order again" 0 '^previous +'"$two"
}

problems() {
	local before
	before=$(digest)
	profile bad1 1 ', "capabilites": []'
	profile bad2 1 ', "mode": "enforced"'
	profile bad3 1 && chmod 666 /etc/cinch/profiles/bad3.json
	echo '{"defaultProfile": "restricte"}' >/etc/cinch/cinch.json
	ctl apply
	is "problems" 2 '4 problems, nothing is changed'
	it_is "all are listed" "$(grep -c '^problem:' <<<"$out")" 4
	it_like "with their place" "$out" '/etc/cinch/cinch.json:1: defaultProfile names.*did you mean "restricted"'
	it_is "nothing is changed" "$(digest)" "$before"
	ctl apply --json
	it_is "for programs" "$(jq -c '[.result, (.problems | length)]' <<<"$out")" '["refused",4]'
	ctl status
	is "status sees them" 1 'cannot be applied, 4 problems'
	rm -f /etc/cinch/profiles/bad* /etc/cinch/cinch.json
}

running() {
	local record
	it_bundle $T/b one
	cinch --root $T/roots create --bundle $T/b one >/dev/null 2>$T/err </dev/null || cat $T/err
	echo '{"defaultProfile": "app"}' >/etc/cinch/cinch.json
	ctl apply --dry-run
	is "who is affected" 1 'one: restricted -> app'
	ctl apply --dry-run --json
	it_is "for programs" "$(jq -c '[.running, .affected[0].now, .affected[0].then]' <<<"$out")" \
		'[1,"restricted","app"]'
	echo '{"mode": "audit"}' >/etc/cinch/cinch.json
	ctl apply --dry-run
	is "another mode of the node affects everybody" 1 'others at their next start: 1'
	record=$(find /run/cinch -name one.json)
	jq -c --arg d "sha256:$(printf %064d 5)" '.image = {digest: $d}' "$record" >$T/record && cat $T/record >"$record"
	echo "{\"denied\": [{\"digest\": \"sha256:$(printf %064d 5)\"}]}" >/etc/cinch/denied.json
	echo '{}' >/etc/cinch/cinch.json
	ctl apply --dry-run
	is "who would not start" 1 'one: restricted, its image is denied: it would not start'
	echo '{"mode": "audit"}' >/etc/cinch/cinch.json
	ctl apply --dry-run
	it_unlike "but it would, where nothing is enforced" "$out" 'would not start'
	rm /etc/cinch/denied.json
	echo '{"defaultProfile": "app"}' >/etc/cinch/cinch.json
	ctl apply
	is "applied" 0 'defaultProfile: restricted -> app'
	runc --root $T/roots delete --force one
	rm /etc/cinch/cinch.json
	ctl apply
	is "back" 0 'defaultProfile: app -> restricted'
}

# What is no profile's text changes what containers may just as well, and is shown beside it.
node_changes() {
	local d
	d=sha256:$(printf %064d 7)
	mv /etc/cinch/profiles/app.json $T/app.json
	echo '{"select": [{"namespace": "prod", "profile": "restricted"}]}' >/etc/cinch/cinch.json
	echo "{\"denied\": [{\"digest\": \"$d\"}]}" >/etc/cinch/denied.json
	ctl apply
	is "rules and denied images" 0 'select: 0 -> 1 rules'
	it_like "both" "$out" "images now denied: $d"
	echo '{"select": [{"namespace": "prod", "profile": "privileged-audit"}]}' >/etc/cinch/cinch.json
	rm /etc/cinch/denied.json
	mv $T/app.json /etc/cinch/profiles/
	ctl apply --dry-run
	is "beside a new profile" 1 'added +app'
	it_like "other rules are shown" "$out" 'select: 1 rules, other ones'
	it_like "and what is no longer denied" "$out" "images no longer denied: $d"
	ctl apply --dry-run --json
	it_is "to programs, too" "$(jq -c '.changes.node | length' <<<"$out")" 2
	rm /etc/cinch/cinch.json
	ctl apply
}

damage() {
	local good bad
	good=$(readlink $STORE/previous) bad=$(digest)
	truncate -s 200 "$STORE/$bad/policy"
	ctl status
	is "a damaged policy" 1 "the previous one \(${good:0:12}\) is in force"
	it_bundle $T/b one
	rm -f /var/log/cinch/audit.jsonl
	cinch --root $T/roots create --bundle $T/b one >/dev/null 2>$T/err </dev/null || cat $T/err
	runc --root $T/roots delete --force one
	it_like "a start says so" "$(tail -n 1 /var/log/cinch/audit.jsonl)" 'the previous one'
	ctl rollback
	is "rollback leaves the damage behind" 0 "went back to ${good:0:12}"
	ctl apply
	is "apply repairs it" 0 "^applied ${bad:0:12}"
	whole "whole" "$bad"
	it_is "nothing is left over" "$(left)" 5
}

# Sources change, apply is killed after a while that grows from nothing to twice what it takes, again and again: what it
# takes is found out anew each time, for the machine may become busy.
kills() {
	local i us was now bad=0 before=0 behind=0
	local -A known=()
	profile app 2.0 && ctl apply && known[$(digest)]=0
	for ((i = 0; i < 150; i++)); do
		if [ $((i % 15)) -eq 0 ]; then
			us=$(date +%s%N)
			profile app 2.1 && ctl apply && known[$(digest)]=1
			profile app 2.0 && ctl apply
			us=$((($(date +%s%N) - us) / 2000))
		fi
		was=$(digest)
		profile app 2.$((1 - ${known[$was]}))
		cinchctl apply >/dev/null 2>&1 </dev/null &
		sleep "$(printf '%d.%06d' $((i % 15 * us / 7 / 1000000)) $((i % 15 * us / 7 % 1000000)))"
		kill -9 $! 2>/dev/null
		wait $! 2>/dev/null
		now=$(cinchctl status --json | jq -r '[.from, .problem // "whole", .policy] | join(" ")')
		if [ "$now" = "current whole $was" ]; then
			before=$((before + 1))
		elif [[ $now == "current whole "* && -n ${known[${now##* }]:-} ]]; then
			behind=$((behind + 1))
		else
			bad=$((bad + 1)) && echo "# round $i: $now"
		fi
	done
	it_is "killed 150 times: whole each time" "$bad" 0
	[ $before -gt 0 ] && [ $behind -gt 0 ]
	it_result $? "killed 150 times: before it was in force ($before) and behind ($behind)"
	profile app 2.2
	ctl apply
	is "and the next one works" 0 '^applied'
	it_is "nothing is left over" "$(left)" 5
}

full_disk() {
	local before
	mv /var/lib/cinch $T/kept
	mkdir /var/lib/cinch
	mount -t tmpfs -o size=256k,mode=755 small /var/lib/cinch || it_die "a small disk"
	ctl apply
	is "a small disk" 0 '^applied'
	before=$(digest)
	dd if=/dev/zero of=/var/lib/cinch/filler bs=4k 2>/dev/null
	profile app 3.0
	ctl apply
	is "a full disk" 2 'store the policy [0-9a-f]{12}: .*: No space left on device'
	whole "a full disk: the old one" "$before"
	it_unlike "a full disk: no leftovers" "$(ls -A $STORE)" '\.new|\.link|\.old'
	ctl rollback
	is "a full disk: nothing before" 2 'no policy was applied before'
	rm /var/lib/cinch/filler
	ctl apply
	is "space again" 0 '^applied'
	dd if=/dev/zero of=/var/lib/cinch/filler bs=4k 2>/dev/null
	ctl rollback
	is "going back needs no space" 0 "went back to ${before:0:12}"
	rm /var/lib/cinch/filler
	mount -o remount,ro /var/lib/cinch
	profile app 3.1
	ctl apply
	is "a read-only disk" 2 'Read-only file system'
	whole "a read-only disk: the old one" "$before"
	umount /var/lib/cinch && rmdir /var/lib/cinch && mv $T/kept /var/lib/cinch
}

at_once() {
	local i pids=() failed=0
	for ((i = 0; i < 20; i++)); do
		mkdir -p $T/node$i/p
		printf '{"profile": "app", "version": "4.%d", "extends": ["restricted"]}' $i >$T/node$i/p/app.json
		printf '{"profiles": ["%s"]}' $T/node$i/p >$T/node$i/cinch.json
	done
	for ((i = 0; i < 20; i++)); do
		# where a disk is slow ten seconds may pass: then it says what to do, and that is done
		until cinchctl apply --config $T/node$i/cinch.json >/dev/null 2>$T/node$i/err </dev/null; do
			grep -q '; try again' $T/node$i/err || exit 1
		done &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || failed=$((failed + 1))
	done
	it_is "twenty at once: each came to its turn" "$failed" 0 || cat $T/node*/err
	whole "twenty at once: whole" '[0-9a-f]{64}'
	it_is "twenty at once: nothing is left over" "$(left)" 5
}

not_root() {
	local seen
	(umask 077 && profile app 5.0)
	(umask 077 && cinchctl apply >/dev/null)
	seen=$(setpriv --reuid 65532 --regid 65532 --clear-groups cinchctl explain --json $T/nothing 2>&1)
	it_unlike "others read the policy" "$seen" 'not usable|Permission denied'
	it_is "others see what is in force" "$(setpriv --reuid 65532 --regid 65532 --clear-groups \
		cinchctl status --json --config $T/node0/cinch.json | jq -r '[.from, .policy] | join(" ")')" \
		"current $(digest)"
	it_like "others cannot change it" "$(setpriv --reuid 65532 --regid 65532 --clear-groups \
		cinchctl rollback 2>&1)" 'Permission denied'
}

records() {
	it_is "the audit log is whole" "$(it_log_faults)" ""
	it_is "who applied what is in it" \
		"$(jq -r 'select(.verb == "apply" or .verb == "rollback") | .result' \
			/var/log/cinch/audit.jsonl | sort -u | tr '\n' ' ')" "applied failed unchanged "
	it_like "with digests and the caller" \
		"$(jq -c 'select(.verb == "rollback" and .result == "applied") | [.former.digest, .policy.digest, .caller.uid]' \
			/var/log/cinch/audit.jsonl | tail -n 1)" '^\["[0-9a-f]{64}","[0-9a-f]{64}",0\]$'
}

first_steps
problems
it_is "a refused apply is recorded" "$(jq -r 'select(.result == "refused") | .problemCount' \
	/var/log/cinch/audit.jsonl | head -n 1)" 4
running
node_changes
damage
kills
full_disk
at_once
ctl apply
not_root
ctl apply
records
it_done

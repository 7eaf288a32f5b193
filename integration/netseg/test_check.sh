#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_check - rules that somebody has altered or taken away are found, put right and recorded; and what is left over of
# containers that are gone.
# shellcheck source=integration/netseg/world.sh
. "${BASH_SOURCE[0]%/*}/world.sh" || exit 1
IT_NEEDS="runc busybox nft"
it_enter "$0" "$@"

HOLD=$B/tests/prog_hold

check() { # ARGUMENT...: of net check; its answer in $T/check.out; 0 when it ended with STATUS (0)
	"$B/cinchctl" net check "$@" >$T/check.out 2>$T/check.err
	local rc=$?
	[ $rc = "${STATUS:-0}" ] || echo "# exit status $rc: $(cat $T/check.err $T/check.out)"
	[ $rc = "${STATUS:-0}" ]
}

record() { jq -c "$1" /var/log/cinch/audit.jsonl | tail -n 1; } # JQ: of the last record
records() { wc -l </var/log/cinch/audit.jsonl; }

nft1() { in_ns pod1 nft "$@"; }
# The whole table without what counts, and without what was seen; as text where it has flags, which this nft does
# not write as JSON.
now() {
	nw_table pod1 | jq -Sce '[.nftables[] | del(.. | .packets?, .bytes?, .handle?) |
		if .set.elem and (.set.name | test("denied|seen")) then del(.set.elem) else . end |
		if .set.elem then .set.elem |= sort_by(tostring) else . end] | sort_by([keys[0], .[].name, .rule.chain])' 2>/dev/null ||
		nft1 -s list table inet cinch 2>/dev/null
}
key() { jq -r 'select(.id == "one") | .key' /run/cinch/net/containers/*; }
refused() { nw_table pod1 | jq --arg k "$(key)" '[.nftables[].counter // empty |
	select(.name | startswith($k) and test("refused")) | .packets] | add'; }
closed() { [[ $(nw_in one ask tcp $NW_MORE4 7070) == ECONNREFUSED* ]]; }

setup() {
	nw_world
	cp "$HOLD" $T/rootfs/bin/hold
	nw_pod 1
	nw_pod 2
	in_ns sink "$HOLD" serve $NW_MORE4 7070 >$T/hold.serve 2>&1 &
	it_until grep -q ready $T/hold.serve
	nw_profile closed "{\"preset\": \"isolated\", \"segment\": \"app\", \"egress\": [$NW_FENCE,
		{\"to\": [\"10.0.0.0/9\", \"198.51.100.0/26\", \"segment:app\"], \"ports\": [\"tcp/80\", \"tcp/443\"]}]}"
	it_apply '{}'
	if ! nw_run closed one pod1 || ! nw_run closed two pod1 || ! nw_run closed far pod2; then
		it_die "the containers do not start"
	fi
}

whole() {
	it_ok "as it was made, all is well" check
	it_is "in two namespaces of three containers" "$(cat $T/check.out)" "2 tables as they should be"
	it_ok "of one container" check one
	it_is "in JSON nothing" "$("$B/cinchctl" net check --json)" "[]"
	closed
	it_result $? "what is not allowed is refused"
}

# What somebody does to the table, and a word of what is said of it.
tamper() {
	cat <<-EOF
		nothing left|delete table inet cinch|missing
		all rules gone|flush table inet cinch|missing
		a rule of one chain gone|flush chain inet cinch $(key)_out|missing
		everything let out|insert rule inet cinch output accept|(added|altered|changed|different)
		everything let in|insert rule inet cinch $(key)_in accept|(added|altered|changed|different)
		a rule behind the last|add rule inet cinch $(key)_out accept|added
		the policy of a base chain|chain inet cinch output { policy accept; }|output
		a chain more|add chain inet cinch mine|added
		a set more|add set inet cinch mine { type ipv4_addr; }|added
		an address more|add element inet cinch segment_app_4 { 192.0.2.1 }|segment_app_4
		an address less|delete element inet cinch segment_app_4 { 10.88.2.2 }|segment_app_4
		a table put to sleep|add table inet cinch { flags dormant; }|table inet cinch was altered
		a chain with another name|rename chain inet cinch $(key)_out_refuse mine|missing
		a base chain that comes later|delete chain inet cinch input; add chain inet cinch input { type filter hook input priority 300; policy drop; }|chain input was altered
		a base chain that comes first|add chain inet cinch early { type filter hook output priority -500; policy accept; }|chain early was added
		a refusal that accepts|flush chain inet cinch $(key)_out_refuse; add rule inet cinch $(key)_out_refuse accept|rule 1 of chain $(key)_out_refuse was altered
		a map more|add map inet cinch mine { type ipv4_addr : verdict; }|set mine was added
		an object of another kind|add quota inet cinch mine { over 5 mbytes; }|object mine was added
		another table of that name|delete table inet cinch; add table inet cinch; add chain inet cinch output; add chain inet cinch input|missing
	EOF
}

altered() {
	local what how said before good n
	good=$(now)
	while IFS='|' read -r what how said; do
		n=$(records)
		nft1 "$how" 2>$T/nft.err || it_result 1 "nft: $what" "$(cat $T/nft.err)"
		before=$(now)
		[ -n "$before" ] || [ "$what" = "nothing left" ] || it_result 1 "$what: it is to be seen"
		STATUS=1 check
		it_result $? "$what: is found"
		it_like "$what: is said" "$(cat $T/check.out)" "$said"
		it_is "$what: looking changes nothing" "$(now)" "$before"
		STATUS=1 check --repair
		it_result $? "$what: is put right"
		it_ok "$what: and stays so" check
		it_is "$what: as it was" "$(now)" "$good"
		closed || it_result 1 "$what: it is enforced again"
		[ "$(records)" -eq $((n + 2)) ] || it_result 1 "$what: two records"
	done < <(tamper)
	it_is "it is recorded: what, of whom, by whom" \
		"$(record '[.verb, .id, .result, .caller.uid, .problemsCount >= 1, .problems[0] != ""]')" \
		'["net check","one","repaired",0,true,true]'
	it_is "and the log is whole" "$(it_log_faults)" ""
}

# Where nothing is in force, net show does not say so.
shown() {
	nft1 delete table inet cinch
	it_is "net show: rules that are not there are missing" \
		"$("$B/cinchctl" net show --json | jq -r '[.containers[] | .id + " " + .status] | sort | join(", ")')" \
		"far in force, one missing, two missing"
	it_like "in the table, too" "$("$B/cinchctl" net show)" '^one .* missing$'
	"$B/cinchctl" net show one >$T/show.out
	it_is "which is a finding, and help is named" "$? $(grep -c '^rules  *missing (cinchctl net check --repair)$' $T/show.out)" "1 1"
	STATUS=1 check --repair
	it_result $? "they are put back"
	it_unlike "and in force" "$("$B/cinchctl" net show)" missing
}

# Somebody has cleaned up below /run: what the start wrote down of a container is gone, its rules are not.
unrecorded() {
	local at n
	n=$(records)
	at=$(find /run/cinch -name one.json) && mv "$at" $T/one.json
	nft1 insert rule inet cinch output accept
	STATUS=1 check --repair
	it_result $? "without its state record a container's rules are put right"
	it_is "and that is recorded" "$(($(records) - n)) $(record .id)" '1 "one"'
	mv $T/one.json "$at"
}

# A repair does not forget what was counted, where that is still there.
kept() {
	local before
	nw_in one ask tcp $NW_MORE4 7070 >/dev/null
	before=$(refused)
	nft1 insert rule inet cinch output accept
	STATUS=1 check --repair
	it_result $? "a repair"
	[ "$before" -gt 0 ] && [ "$(refused)" -ge "$before" ]
	it_result $? "keeps the counters" "$before, then $(refused)"
	it_like "and what was refused" "$(nw_denied pod1)" "$NW_MORE4 (tcp|6) 7070"
}

# Who got out meanwhile does not stay out: where connections are still known they are ended by name, else their next
# packet is refused.
stolen() {
	local n=0 how
	for how in "insert rule inet cinch output accept" "flush table inet cinch; chain inet cinch input { policy accept; };
		chain inet cinch output { policy accept; }"; do
		n=$((n + 1))
		nft1 "$how"
		"$RUNC" --root "$ROOT" exec one /bin/hold tcp $NW_MORE4 7070 </dev/null >$T/hold.$n 2>&1 &
		it_until grep -q alive $T/hold.$n
		it_result $? "after \"${how%%;*}\" it gets out"
		STATUS=1 check --repair one
		it_result $? "a repair"
		[ $n != 1 ] || it_like "says what is ended" "$(cat $T/check.out)" \
			"tcp 10\.88\.1\.2:[0-9]+ -> $NW_MORE4:7070 was not allowed, and is ended"
		it_until grep -q ended $T/hold.$n
		it_result $? "and it is"
	done
}

# The table belongs to a program that runs, which alone may change it (flag "owner"): nothing can be put right there,
# and that is no reason to leave the others.
owned() {
	mkfifo $T/commands
	in_ns pod2 nft -i <$T/commands >$T/nft.out 2>&1 &
	exec 7>$T/commands
	echo "delete table inet cinch; add table inet cinch { flags owner; }; add chain inet cinch output" >&7
	it_until sh -c "! nsenter --net=/run/netns/pod2 nft list table inet cinch | grep -q counter"
	it_result $? "a table that belongs to somebody"
	nft1 flush table inet cinch
	STATUS=1 check
	it_result $? "is found"
	STATUS=2 check --repair
	it_result $? "and cannot be put right"
	it_like "as is said" "$(cat $T/check.err)" 'far: put it right: .*a program that runs has made the table its own'
	it_is "by name, and the other is" "$(sed -n 's/^\([a-z]*: [a-z]*\)$/\1/p' $T/check.out | sort | tr '\n' ,)" \
		"far: failed,one: repaired,"
	it_is "both are recorded" "$(jq -r 'select(.verb == "net check") | .id + " " + .result' /var/log/cinch/audit.jsonl |
		tail -n 2 | sort | tr '\n' ,)" "far failed,one repaired,"
	exec 7>&-
	it_until sh -c "! nsenter --net=/run/netns/pod2 nft list table inet cinch"
	STATUS=1 check --repair
	it_result $? "when the program is gone it is put right"
	closed
	it_result $? "and enforced for all"
}

# Whoever lets everything pass before our chains, or resets what was counted, opens nothing.
harmless() {
	nft1 'add table ip early; add chain ip early output { type filter hook output priority -400; policy accept; };
		add rule ip early output accept; add table inet early; add chain inet early input { type filter hook input
		priority -400; policy accept; }; add rule inet early input accept'
	nft1 reset counters table inet cinch >/dev/null
	it_ok "tables that accept before it, and counters that begin anew, are nobody's business" check
	closed
	it_result $? "what is not allowed is refused"
	nft1 'delete table ip early; delete table inet early; add table ip mine; add chain ip mine output { type filter hook
		output priority 0; policy drop; }'
	it_ok "nor is a table that refuses more" check
	nft1 delete table ip mine
}

others() {
	nft add table inet cinch && nft add chain inet cinch mine
	nft1 add table ip other && nft1 add chain ip other mine
	it_ok "tables of others are nobody's business" check
	nft delete table inet cinch
	nft1 delete table ip other
}

# In the host's namespace the same, and what else is there stays as it is.
hosted() {
	local good
	nft add table inet other && nft add chain inet other output '{ type filter hook output priority 0; }' &&
		nft add rule inet other output counter
	nw_profile hosted "{\"preset\": \"isolated\", \"egress\": [$NW_FENCE]}" '{"namespaces": {"host": ["network"]}}'
	it_apply '{}'
	nw_run hosted guest - '.linux.namespaces |= map(select(.type != "network"))' || return
	it_ok "a container in the host's namespace" check guest
	good=$(nft -s list ruleset)
	nft flush chain inet cinch output
	nft add rule inet cinch output drop
	STATUS=1 check guest
	it_result $? "what is added to the host's rules is found"
	STATUS=1 check --repair guest
	it_result $? "and put right"
	it_is "with all else as it was" "$(nft -s list ruleset)" "$good"
	nw_delete hosted guest
	it_is "and without it only that is left" "$(nft list tables)" "table inet other"
	nft delete table inet other
}

# A container whose runtime was never asked to delete it.
# shellcheck disable=SC2317 # called by it_until
dead() { ! grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$1/status"; } # PID

left_over() {
	local pid
	pid=$(nw_pid far)
	kill -9 "$pid"
	it_until dead "$pid"
	STATUS=1 check
	it_result $? "of a container that is gone there is something left"
	it_like "which is said" "$(cat $T/check.out)" '^far: left over'
	STATUS=1 check --repair
	it_result $? "and taken away"
	it_ok "so that all is well again" check
	it_is "its address is nobody's" "$(nw_table pod1 | jq -c '[.nftables[].set // empty |
		select(.name | test("segment_app_4")) | .elem[]?] | sort')" '["10.88.1.2"]'
	echo "{" >"/run/cinch/net/containers/000000000000"
	STATUS=1 check
	it_result $? "an entry that cannot be read"
	it_like "is named" "$(cat $T/check.out)" '000000000000'
	STATUS=1 check --repair
	it_result $? "and stays, since it may be of a container that runs"
	rm "/run/cinch/net/containers/000000000000"
	it_ok "all is well" check
}

nothing() {
	nw_delete closed one
	nw_delete closed two
	nw_delete closed far
	it_ok "without containers there is nothing to check" check
	it_is "which is said" "$(cat $T/check.out)" "0 tables as they should be"
	STATUS=2 check one
	it_result $? "a container that is not there is an error"
	it_is "net sync has nothing to do" "$("$B/cinchctl" net sync)" "nothing to do"
}

setup
whole
altered
shown
unrecorded
kept
stolen
owned
harmless
others
hosted
left_over
nothing
it_done

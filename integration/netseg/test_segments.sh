#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_segments - members of segments, with packets: who comes is let in by those whose rules mention the segment and by
# nobody else, who goes is out everywhere, in both families; an address that is used again has nothing of its last
# owner's; a network that comes late is completed at start; and a SIGKILL at any call leaves sets with less than they
# may have, never more, which the next one sets right.
# shellcheck source=integration/netseg/world.sh
. "${BASH_SOURCE[0]%/*}/world.sh" || exit 1
IT_NEEDS="runc busybox nft nsenter python3"
it_enter "$0" "$@"

HOOK=/usr/local/sbin/cinch-hook
CRASH=$B/tests/prog_crash
REG=/run/cinch/net
PORT=5432

profiles() {
	nw_profile web '{"mode": "enforce", "preset": "isolated", "segment": "web",
		"egress": [{"to": ["segment:db"], "ports": ["tcp/'$PORT'"]}]}'
	nw_profile db '{"mode": "enforce", "preset": "isolated", "segment": "db",
		"ingress": [{"from": ["segment:web"], "ports": ["tcp/'$PORT'"]}]}'
	# it may send to everybody: what refuses it is the other side
	nw_profile stranger '{"mode": "enforce", "preset": "open", "segment": "stranger"}'
	nw_profile nobody '{"mode": "enforce", "preset": "open"}'
	it_apply '{"defaultProfile": "nobody"}'
}

# --- sets and members ---

rules_of() { in_ns "$1" nft -a -s list table inet cinch 2>/dev/null; } # POD
# POD SEGMENT: addresses in its sets, sorted; "none" where there is no such set
in_sets() {
	local out='' f
	for f in 4 6; do
		out="$out $(in_ns "$1" nft -j list set inet cinch "segment_$2_$f" 2>/dev/null |
			jq -r '.nftables[].set // empty | [.elem // [] | .[]] | sort | join(" ")' || echo none)"
	done
	# shellcheck disable=SC2086 # blanks go
	echo $out
}
members() { cut -d ' ' -f 1,6-7,9 $REG/members 2>/dev/null | sort; }
entries() { find $REG -type f ! -name lock ! -name members 2>/dev/null | sort; }
key_of() { jq -r --arg id "$1" 'select(.id == $id) | .key' $REG/containers/*; }

# --- talk ---

serve() { # ID: a server of both families in that container
	"$RUNC" --root "$ROOT" exec "$1" /bin/net serve tcp :: $PORT </dev/null >"$T/serve" 2>&1 &
	it_until grep -q ready "$T/serve"
	it_result $? "$1 serves" "$(cat "$T/serve")"
}
# shellcheck disable=SC2317 # called by it_until
asks() { nw_in "$1" ask tcp "$2" "$PORT" | grep -q '^answered'; }
talks() { # WHAT FROM TO-POD: it is answered, in both families
	it_until asks "$2" "10.88.$3.2"
	it_result $? "$1, by IPv4" "$(nw_in "$2" ask tcp "10.88.$3.2" $PORT)"
	it_until asks "$2" "fd88:$3::2"
	it_result $? "$1, by IPv6" "$(nw_in "$2" ask tcp "fd88:$3::2" $PORT)"
}
silent() { # WHAT FROM TO-POD
	it_unlike "$1, by IPv4" "$(nw_in "$2" ask tcp "10.88.$3.2" $PORT)" '^answered'
	it_unlike "$1, by IPv6" "$(nw_in "$2" ask tcp "fd88:$3::2" $PORT)" '^answered'
}

# A process goes without a word: the runtime is not told, and no hook is run.
vanish() { # ID
	local pid
	pid=$(nw_pid "$1")
	kill -KILL "$pid"
	it_until gone "$pid"
}
# shellcheck disable=SC2317 # called by it_until
gone() { ! [ -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"; }

# --- tests ---

test_life() {
	local before
	nw_run web w1 pod1
	nw_run stranger s1 pod3
	before=$(rules_of pod3)
	it_is "nobody is a member of db" "$(in_sets pod1 db)" ""
	nw_run db d1 pod2
	it_is "it comes: those who mention it know" "$(in_sets pod1 db)" "10.88.2.2 fd88:2::2"
	it_is "and it knows who was there" "$(in_sets pod2 web)" "10.88.1.2 fd88:1::2"
	it_is "nobody else is touched" "$(rules_of pod3)" "$before"
	serve d1
	talks "web talks to db" w1 2
	silent "a stranger does not" s1 2
	nw_run web w2 pod4
	it_is "a second web is added" "$(in_sets pod2 web)" "10.88.1.2 10.88.4.2 fd88:1::2 fd88:4::2"
	talks "and talks, too" w2 2
	nw_delete web w1
	it_is "the first goes" "$(in_sets pod2 web)" "10.88.4.2 fd88:4::2"
	talks "the second is not disturbed" w2 2
	nw_delete stranger s1
}

# The second container of a pod has the pod's address.
test_pod() {
	nw_run db d2 pod2
	it_is "two of a pod: the address is there once" "$(in_sets pod4 db)" "10.88.2.2 fd88:2::2"
	nw_delete db d2
	it_is "one goes: it stays" "$(in_sets pod4 db)" "10.88.2.2 fd88:2::2"
	it_is "both are written down, then one" "$(members | grep -c ' in db ')" 1
}

# d1 lies in pod2, w2 in pod4, which may talk to db.
test_reuse() {
	vanish d1
	ip netns del pod2
	it_until nw_pod_free 2
	it_like "a process that vanished is a member still" "$(in_sets pod4 db)" '^10.88.2.2 '
	nw_pod 2
	nw_run stranger s2 pod2
	it_is "its address is used again: it is in no set of db" "$(in_sets pod4 db)" ""
	serve s2
	silent "who has it now is not db to web" w2 2
	it_unlike "the one that vanished is written down no more" "$(members)" ' db '
	nw_delete db d1
	nw_delete stranger s2
	# the same, and the new one is in no segment and mentions none
	nw_run db d1 pod2
	it_is "a new db" "$(in_sets pod4 db)" "10.88.2.2 fd88:2::2"
	vanish d1
	ip netns del pod2
	it_until nw_pod_free 2
	nw_pod 2
	nw_run nobody n2 pod2
	it_is "used again by one that is in no segment" "$(in_sets pod4 db)" ""
	nw_delete db d1
	nw_delete nobody n2
	nw_run db d1 pod2
	# who has it now lives beside who had it: an engine gave it to another
	ip netns add other && in_ns other ip link add eth0 type veth peer name eth1 &&
		in_ns other ip address add 10.88.2.2/24 dev eth0
	nw_run stranger s2 other
	it_is "an address that moved to another: the rest stays" "$(in_sets pod4 db)" "fd88:2::2"
	nw_delete stranger s2
	nw_delete db d1
	ip netns del other
	it_is "all are gone" "$(in_sets pod4 db)" ""
}
# Who has no rules has no hook either: cinch looks when it is created.
test_bare() {
	nw_run db d1 pod2
	it_is "db is there" "$(in_sets pod4 db)" "10.88.2.2 fd88:2::2"
	vanish d1
	nw_pod_again 2
	nw_run bare b1 pod2
	it_is "its address is used again by one without rules: it is in no set" "$(in_sets pod4 db)" ""
	it_is "and nothing is left of who had it" "$(find $REG -name "$(key_at2 d1)")" ""
	nw_delete bare b1
	nw_delete db d1
	# everything of it is gone, and nobody was told: neither hook nor runtime
	nw_run db d1 pod2
	vanish d1
	rm -rf "${ROOT:?}/d1"
	it_unlike "nobody lists it" "$("$B/cinchctl" net show; "$B/cinchctl" net graph; "$B/cinchctl" ps)" 'd1|gone'
	it_like "but net check" "$("$B/cinchctl" net check)" 'left over'
	it_like "and doctor" "$("$B/cinchctl" doctor)" 'is gone, and still written down'
	touch -d '2 minutes ago' /run/cinch/*/d1.json
	nw_call - delete --force d1
	nw_call bare delete --force another
	it_is "a delete of anybody takes it away" "$(find $REG -name "$(key_at2 d1)")$(members | grep ' db ')$(in_sets pod4 db)" ""
	it_is "with its record" "$(ls /run/cinch/*/d1.json 2>/dev/null)" ""
	rm -rf $T/bundles/d1
}
key_at2() { printf 'c%s' "$(printf '%s/%s' "$ROOT" "$1" | sha256sum | cut -c 1-11)"; }
# shellcheck disable=SC2317 # called by it_until
nw_pod_free() { ! in_ns sink ip link show "to$1" 2>/dev/null; }

# The engine sets the network up between create and start.
test_late() {
	local pid
	nw_bundle late new '.linux.namespaces |= map(del(.path))'
	nw_call db create --bundle $T/bundles/late late
	it_result $? "a create without any address" "$(cat $T/err)"
	it_is "it is marked" "$(ls $REG/late)" "$(key_of late)"
	it_is "and in no set yet" "$(in_sets pod4 db)" ""
	pid=$(nw_pid late)
	ip netns attach pod9 "$pid" && ip link add to9 netns sink type veth peer name eth0 netns pod9 &&
		in_ns sink ip address add 10.88.9.1/24 dev to9 &&
		in_ns sink ip address add fd88:9::1/64 dev to9 nodad && in_ns sink ip link set to9 up &&
		in_ns pod9 ip address add 10.88.9.2/24 dev eth0 &&
		in_ns pod9 ip address add fd88:9::2/64 dev eth0 nodad && in_ns pod9 ip link set eth0 up &&
		in_ns pod9 ip route add default via 10.88.9.1 && in_ns pod9 ip -6 route add default via fd88:9::1
	it_ok "it is started" nw_call db start late
	it_is "by then it is a member" "$(in_sets pod4 db)" "10.88.9.2 fd88:9::2"
	it_is "and marked no more" "$(ls $REG/late)" ""
	serve late
	talks "web talks to it" w2 9
	nw_delete db late
	it_is "it goes" "$(in_sets pod4 db)" ""
	ip netns del pod9
}

# One of the host's network mentions a segment, and is a member of none.
test_host() {
	local host
	host=$(nft -s list ruleset)
	nw_run db d1 pod2
	nw_bundle h pod1 '.linux.namespaces |= map(select(.type != "network"))'
	if ! nw_call hostweb create --bundle $T/bundles/h h; then
		it_like "without cgroup2 a container of the host's network is refused" "$(cat $T/err)" cgroup
	else
		it_is "a container of the host's network knows db" \
			"$(nft -j list set inet cinch segment_db_4 | jq -r '.nftables[].set // empty | .elem[]')" 10.88.2.2
		it_is "and nobody counts the node as web" "$(in_sets pod2 web)" "10.88.4.2 fd88:4::2"
		nw_delete db d1
		it_is "db goes" "$(nft -j list set inet cinch segment_db_4 |
			jq -r '.nftables[].set // empty | .elem // [] | .[]')" ""
		nw_run db d1 pod2
		nw_delete hostweb h
	fi
	it_is "the host's rules are as before" "$(nft -s list ruleset)" "$host"
	nw_delete db d1
}

# Somebody alters sets behind our back.
test_sync() {
	nw_run db d1 pod2
	in_ns pod4 nft delete element inet cinch segment_db_4 '{ 10.88.2.2 }'
	in_ns pod4 nft add element inet cinch segment_db_6 '{ 2001:db8::bad }'
	it_is "sets that somebody altered" "$(in_sets pod4 db)" "2001:db8::bad fd88:2::2"
	"$B/cinchctl" net sync >$T/sync 2>&1
	it_is "sync sets them right" "$(in_sets pod4 db)" "10.88.2.2 fd88:2::2"
	it_like "and says what was missing" "$(cat $T/sync)" 'segment_db_4: 10.88.2.2 was missing'
	it_like "and what was nobody's" "$(cat $T/sync)" 'segment_db_6: 2001:db8::bad is no member'
	# an address more, as an engine gives while a container runs
	in_ns pod2 ip address add 10.88.2.77/24 dev eth0
	vanish w2
	echo "nonsense" >$REG/members
	"$B/cinchctl" net sync >$T/sync 2>&1
	it_like "a container that vanished is taken out" "$(cat $T/sync)" 'w2.*its process is gone'
	nw_run web w3 pod5
	it_is "an address that came while it ran counts" "$(in_sets pod5 db)" "10.88.2.2 10.88.2.77 fd88:2::2"
	it_is "who vanished is in no set" "$(in_sets pod2 web)" "10.88.5.2 fd88:5::2"
	it_is "nothing else is to be done" "$("$B/cinchctl" net sync 2>&1 | grep -c ' (')" 0
	it_ok "which is success" "$B/cinchctl" net sync
	echo "nonsense" >$REG/containers/c00000000000
	"$B/cinchctl" net sync >$T/sync 2>&1
	it_is "an entry that is nobody's, and cannot be read, goes" "$? $(find $REG -name c00000000000)" "0 "
	it_like "which is said" "$(cat $T/sync)" '^c00000000000 .*removed'
	in_ns pod2 ip address del 10.88.2.77/24 dev eth0
	in_ns pod2 ip address add 10.88.2.78/24 dev eth0
	"$B/cinchctl" net check >$T/check 2>&1
	it_is "net check finds addresses that are others by now" "$?" 1
	it_like "and names them" "$(cat $T/check)" '10.88.2.78 is its address by now'
	"$B/cinchctl" net check --repair >$T/check 2>&1
	it_is "and puts them right" "$(in_sets pod5 db)" "10.88.2.2 10.88.2.78 fd88:2::2"
	nw_delete web w2
	nw_delete web w3
	nw_delete db d1
	nw_pod_again 2
	it_is "nobody is left" "$(members)$(entries)" ""
}
nw_pod_again() { # N
	ip netns del "pod$1"
	it_until nw_pod_free "$1"
	nw_pod "$1"
}

# --- a file system that does not answer ---

# Nobody serves it: whoever looks into it waits until $hung ends.
hang() { # DIRECTORY
	python3 -c 'import ctypes, os, sys, time
fd = os.open("/dev/fuse", os.O_RDWR)
how = "fd=%d,rootmode=40000,user_id=0,group_id=0" % fd
if ctypes.CDLL(None, use_errno=True).mount(b"t", sys.argv[1].encode(), b"fuse.t", 0, how.encode()):
    sys.exit("mount: " + os.strerror(ctypes.get_errno()))
open(sys.argv[2], "w").close()
time.sleep(1000)' "$1" $T/hangs 2>$T/hang.err &
	hung=$!
	it_until [ -e $T/hangs ]
}
# shellcheck disable=SC2317 # called by it_until
waits_in() { [ "$(cut -d ' ' -f 3 "/proc/$1/stat")" = D ] || grep -q fuse "/proc/$1/wchan" "/proc/$1/stack"; } # PID

# resolv.conf lies where nobody answers any more: that is nobody else's trouble.
test_hung() {
	local begun start
	mkdir -p $T/slow && echo "nameserver $RESOLVER4" >$T/slow/resolv.conf
	record h pod2 db db
	jq --arg f $T/slow/resolv.conf '.network.resolvConf = $f' "$RECORDS/h.json" >$T/x && cat $T/x >"$RECORDS/h.json"
	stand h pod2
	h=$stand
	install h "$h" || it_die "h"
	record o pod4 web db
	if [ ! -e /dev/fuse ] || ! hang $T/slow; then
		it_skip "a file system that does not answer" "no /dev/fuse"
	else
		"$HOOK" start $REG "$(key_at h)" 2>$T/start.err &
		start=$!
		it_until waits_in $start
		it_result $? "a start waits for it" "$(cat /proc/$start/wchan)"
		it_ok "without the lock" flock -n $REG/lock true
		stand o pod4
		begun=$SECONDS
		install o "$stand"
		it_is "others start" "$?" 0
		in_ns pod4 ip address add 10.88.4.99/24 dev eth0
		timeout 60 "$B/cinchctl" net sync >$T/sync 2>&1
		it_is "net sync comes to its end" "$?" 1
		it_like "says whose file it could not read" "$(cat $T/sync)" 'h\): its resolvers: .*slow/resolv.conf: Connection timed out'
		it_like "and does what is to be done for others" "$(cat $T/sync)" 'o\): addresses or gateways were others'
		[ $((SECONDS - begun)) -lt 40 ]
		it_result $? "in time" "$((SECONDS - begun)) s"
		kill -KILL "$hung"
		wait "$hung" "$start" 2>/dev/null
		umount -l $T/slow
		in_ns pod4 ip address del 10.88.4.99/24 dev eth0
		fall o "$stand"
		"$HOOK" delete $REG "$(key_at o)"
	fi
	fall h "$h"
	"$HOOK" delete $REG "$(key_at h)"
	rm -rf $RECORDS
}

# --- killed ---

# As cinch and a runtime would: a record, a process in a pod with a cgroup of its own, the hook.
record() { # ID POD SEGMENT-OF MENTIONS
	mkdir -p $RECORDS
	jq -n --arg id "$1" --arg ns "/run/netns/$2" --arg of "$3" --arg to "$4" '{version: 2, id: $id, root: "/t",
		network: {title: $id, netns: $ns, segments: [$of], policies: [{profile: "p", mode: "enforce",
			preset: "isolated", egress: [{to: ["segment:\($to)"]}]}]}}' >"$RECORDS/$1.json"
}
RECORDS=/run/cinch/0123456789abcdef
stand() { # ID POD: $stand
	(exec nsenter --net="/run/netns/$2" -- sleep 1000) &
	stand=$!
	it_until is_sleep $stand || it_die "$1 does not stand"
	[ ! -d $CG2 ] || { mkdir -p "$CG2/$IT_NS/$1" && echo $stand >"$CG2/$IT_NS/$1/cgroup.procs"; }
}
if [ -e /sys/fs/cgroup/cgroup.procs ]; then CG2=/sys/fs/cgroup; else CG2=/sys/fs/cgroup/unified; fi
# shellcheck disable=SC2317 # called by it_until
is_sleep() { [ "$(cat "/proc/$1/comm")" = sleep ]; }
fall() { # ID PID
	kill -KILL "$2"
	wait "$2" 2>/dev/null
	[ ! -d $CG2 ] || rmdir "$CG2/$IT_NS/$1"
}
state() { printf '{"ociVersion": "1.0.2", "id": "%s", "status": "creating", "pid": %d, "bundle": "/"}' "$1" "$2"; }
install() { state "$1" "$2" | "$HOOK" create "$RECORDS/$1.json"; } # ID PID
key_at() { printf 'c%s' "$(printf '/t/%s' "$1" | sha256sum | cut -c 1-11)"; }

# No set has an address that no line tells of.
no_more() { # POD SEGMENT
	local a
	for a in $(in_sets "$1" "$2"); do
		awk -v a="$a" -v s="$2" 'index("," $7 ",", "," s ",") && index("," $9 ",", "," a ",") {found = 1}
			END {exit !found}' $REG/members || echo "$a"
	done
}

# k (of db, in pod2) is killed at each call of VERB; u1 and u2 mention db, u3 does not. Then comes x.
kill_everywhere() { # VERB
	local verb=$1 n status=137 killed=0 more='' wrong='' touched='' before
	before=$(rules_of pod5)
	for ((n = 1; status == 137; n += STEP)); do
		stand k pod2
		if [ "$verb" = create ]; then
			state k $stand | "$CRASH" $n "$HOOK" create "$RECORDS/k.json" 2>/dev/null
			status=$?
		else
			install k $stand || it_die "create: $n"
			# half of the runtimes have reaped the process by then
			[ $((n % (2 * STEP))) -ne 1 ] || fall k $stand
			"$CRASH" $n "$HOOK" delete $REG "$(key_at k)" 2>/dev/null
			status=$?
		fi
		[ $status -ne 137 ] || killed=$((killed + 1))
		more="$more$(no_more pod1 db)$(no_more pod4 db)"
		[ "$(rules_of pod5)" = "$before" ] || touched="$touched $n"
		[ ! -e /proc/$stand ] || fall k $stand
		# nobody tells of its end: the next one finds out
		"$HOOK" delete $REG "$(key_at x)" && install x "$x" || wrong="$wrong $n:create"
		[ "$(in_sets pod1 db)/$(in_sets pod4 db)" = "10.88.3.2 fd88:3::2/10.88.3.2 fd88:3::2" ] ||
			wrong="$wrong $n:$(in_sets pod1 db)/$(in_sets pod4 db)"
		"$HOOK" delete $REG "$(key_at k)" || wrong="$wrong $n:delete"
	done
	echo "# $verb: killed $killed times"
	[ $killed -gt $((600 / STEP / 2)) ]
	it_result $? "$verb: killed at every call" "$killed"
	it_is "$verb: what is not killed works" $status 0
	it_is "$verb: no set ever has more than is written down" "$more" ""
	it_is "$verb: the next one sets all right" "$wrong" ""
	it_is "$verb: who does not mention the segment is not touched" "$touched" ""
}

begin() { # ID POD SEGMENT-OF MENTIONS: $stand
	record "$@"
	stand "$1" "$2"
	install "$1" "$stand" || it_die "$1"
}

test_killed() {
	local u1 u2 u3 x
	begin u1 pod1 web db && u1=$stand
	begin u2 pod4 web db && u2=$stand
	begin u3 pod5 none none && u3=$stand
	begin x pod3 db web && x=$stand
	record k pod2 db web
	STEP=${STEP:-20}
	kill_everywhere create
	kill_everywhere delete
	fall u1 "$u1"
	fall u2 "$u2"
	fall u3 "$u3"
	fall x "$x"
	for x in u1 u2 u3 x; do
		"$HOOK" delete $REG "$(key_at $x)"
	done
	it_is "nothing is left" "$(members)$(entries)" ""
	rm -rf $RECORDS
}

# --- many at once ---

CROWD=${CROWD:-50}
# A namespace with an address of its own, and a process in it: N; even ones are db, odd ones web.
crowd_stand() { # N
	if ! { ip netns add "crowd$1" && in_ns "crowd$1" ip link add eth0 type veth peer name eth1 &&
		in_ns "crowd$1" ip address add "10.77.0.$1/24" dev eth0; }; then
		it_die "crowd$1"
	fi
	if [ $(($1 % 2)) -eq 0 ]; then record "m$1" "crowd$1" db web; else record "m$1" "crowd$1" web db; fi
	(exec nsenter --net="/run/netns/crowd$1" -- sleep 1000) &
	crowd[$1]=$!
}
# N VERB: most come to their end, some are killed on the way. Then the runtime deletes what it could not create; of what
# is deleted nothing runs any more.
crowd_call() {
	local -a how=("$HOOK")
	[ $((RANDOM % 4)) -ne 0 ] || how=("$CRASH" $((RANDOM % 400 + 1)) "$HOOK")
	if [ "$2" = create ]; then
		state "m$1" "${crowd[$1]}" | "${how[@]}" create "$RECORDS/m$1.json" 2>/dev/null ||
			"$HOOK" delete $REG "$(key_at "m$1")"
	else
		"${how[@]}" delete $REG "$(key_at "m$1")" 2>/dev/null || kill -KILL "${crowd[$1]}"
	fi
}
# SEGMENT: addresses of those whose rules are in force, sorted
crowd_members() {
	local m
	m=$(jq -r --arg s "$1" 'select(.installed and .network.segments == [$s]) | .addresses[]' $REG/containers/* | LC_ALL=C sort)
	# shellcheck disable=SC2086 # on one line, as in_sets has them
	echo $m
}
# Sets of those that differ.
crowd_wrong() {
	local n db web of want
	db=$(crowd_members db) web=$(crowd_members web)
	for n in $(jq -r 'select(.installed) | .id[1:]' $REG/containers/*); do
		if [ $((n % 2)) -eq 0 ]; then of=web want=$web; else of=db want=$db; fi
		[ "$(in_ns "crowd$n" nft -j list set inet cinch segment_${of}_4 |
			jq -r '[.nftables[].set // empty | .elem // [] | .[]] | sort | join(" ")')" = "$want" ] || echo "m$n"
	done
}
test_crowd() {
	local n round begun=$SECONDS
	local -a crowd calls
	for ((n = 1; n <= CROWD; n++)); do
		crowd_stand "$n"
	done
	it_until is_sleep "${crowd[CROWD]}"
	for round in create delete create; do
		calls=()
		for ((n = 1; n <= CROWD; n++)); do
			[ "$round" = create ] || [ $((RANDOM % 2)) -eq 0 ] || continue
			crowd_call "$n" $round &
			calls+=($!)
		done
		wait "${calls[@]}"
	done
	# whoever was killed on its way, or is gone without a word
	for n in 1 2 3 4; do
		kill -KILL "${crowd[n]}"
		wait "${crowd[n]}" 2>/dev/null
	done
	"$HOOK" tidy $REG || it_die "tidy"
	state m5 "${crowd[5]}" | "$HOOK" create "$RECORDS/m5.json" 2>/dev/null
	it_is "$CROWD at once, killed at random: the next one finds sets that are equal to the members" "$(crowd_wrong)" ""
	[ "$(crowd_members db | wc -w)" -gt $((CROWD / 5)) ]
	it_result $? "who are many" "$(crowd_members db)"
	it_is "of who is gone nothing is left" "$(for n in 1 2 3 4; do find $REG -name "$(key_at m$n)"; grep -rs "$(key_at m$n)" $REG; done)" ""
	calls=()
	for ((n = 1; n <= CROWD; n++)); do
		# on a busy machine the last one's turn may not come within the six seconds
		until "$HOOK" delete $REG "$(key_at "m$n")" 2>"$T/err.$n" || ! grep -q 'held the lock' "$T/err.$n"; do :; done &
		calls+=($!)
	done
	wait "${calls[@]}"
	it_is "all go at once: nothing is left" "$(members)$(entries)" ""
	for ((n = 5; n <= CROWD; n++)); do
		kill -KILL "${crowd[n]}" 2>/dev/null
	done
	wait "${crowd[@]}" 2>/dev/null
	for ((n = 1; n <= CROWD; n++)); do
		ip netns del "crowd$n"
	done
	rm -rf $RECORDS
	echo "# $((SECONDS - begun)) s"
}

nw_world
for n in 1 2 3 4 5; do
	nw_pod $n
done
profiles
nw_profile hostweb '{"mode": "enforce", "preset": "isolated", "segment": "web",
	"egress": [{"to": ["segment:db"]}]}' '{"namespaces": {"host": ["network"]}}'
nw_profile bare ''
it_apply '{"defaultProfile": "nobody"}'
# Who cannot be told that an address is nobody's any more keeps nobody from ending, and is named.
test_untold() {
	nw_run db d3 pod2
	nw_run web w4 pod5
	in_ns pod5 nft flush ruleset
	"$HOOK" delete $REG "$(key_of d3)" 2>$T/err
	it_is "one goes" "$? $(members | grep -c ' in db ')" "0 0"
	it_like "and it is said who was not told" "$(cat $T/err)" "a segment's set could not be changed: container $(key_of w4)"
	nw_delete db d3
	nw_delete web w4
}

test_life
test_pod
test_reuse
test_bare
test_late
test_host
test_sync
test_untold
test_hung
test_killed
test_crowd
nw_sink_lives
it_done

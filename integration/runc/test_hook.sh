#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_hook - cinch-hook below the real runc, with records and hooks written by hand: rules are in force between
# create and start, a failure fails the create with its reason and leaves nothing, two containers of one namespace
# and one of the host's have their own rules, and whatever call it is killed at (SIGKILL), afterwards all rules are as
# before.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="runc busybox nft nsenter setpriv python3"
it_enter "$0" "$@"

HOOK=$B/cinch-hook
CRASH=$B/tests/prog_crash
ROOT=$T/roots/hook
RECORDS=/run/cinch/0123456789abcdef
REG=/run/cinch/net
PORT=7777
mkdir -p "$ROOT" "$RECORDS" $T/bundles
if [ -e /sys/fs/cgroup/cgroup.procs ]; then CG2=/sys/fs/cgroup; else CG2=/sys/fs/cgroup/unified; fi

NONE='{"title": "t", "policies": [{"profile": "p", "mode": "enforce", "preset": "none"}]}'
OPEN='{"title": "t", "policies": [{"profile": "q", "mode": "enforce", "preset": "open"}]}'
AUDIT='{"title": "t", "policies": [{"profile": "p", "mode": "audit", "preset": "none"}]}'
OFF='{"title": "t", "policies": [{"profile": "p", "mode": "off", "preset": "none"}]}'
WEB='{"title": "t", "policies": [{"profile": "p", "mode": "enforce", "preset": "isolated",
	"egress": [{"to": ["segment:db"], "ports": ["tcp/5432"]}]}], "segments": ["web"]}'

# --- the small world: a namespace "pod" behind a pair of interfaces, ours is the host ---

pod() { # NAME N: 10.66.N.2 and fd66:N::2 there, .1 here, which is its gateway
	if ! { ip netns add "$1" && ip link add "v$2" type veth peer name eth0 netns "$1" &&
		ip addr add "10.66.$2.1/24" dev "v$2" && ip addr add "fd66:$2::1/64" dev "v$2" nodad &&
		ip link set "v$2" up && inside "$1" ip link set lo up &&
		inside "$1" ip addr add "10.66.$2.2/24" dev eth0 &&
		inside "$1" ip addr add "fd66:$2::2/64" dev eth0 nodad &&
		inside "$1" ip link set eth0 up && inside "$1" ip route add default via "10.66.$2.1"; }; then
		it_die "cannot make namespace $1"
	fi
}

inside() { # NAMESPACE COMMAND...
	local ns=$1
	shift
	nsenter --net="/run/netns/$ns" -- "$@"
}

# without counters, which count; what is in a namespace of a process, or by name
rules() { nft -s list ruleset; }
rules_of() { nsenter --net="/proc/$1/ns/net" nft -s list ruleset; }
rules_in() { inside "$1" nft -s list ruleset; }

key_of() { printf 'c'; printf '%s/%s' "$ROOT" "$1" | sha256sum | cut -c 1-11; }
record() { # ID NETWORK [PATH]: the namespace it joins
	jq -n --arg id "$1" --arg root "$ROOT" --argjson network "$2" --arg ns "${3:-}" '{version: 2,
		id: $id, root: $root, network: ($network + if $ns == "" then {} else {netns: $ns} end)}' \
		>"$RECORDS/$1.json"
}
entries() { find $REG/containers $REG/late -type f 2>/dev/null; }
members() { cat $REG/members 2>/dev/null; }

# --- containers of runc ---

# Hooks as cinch writes them; $hook may be put before. Joins NAMESPACE: a path, "host", or a new one.
bundle() { # ID NETWORK [NAMESPACE [COMMANDS]]: $bundle
	local key before=${hook:-[]}
	key=$(key_of "$1")
	bundle=$T/bundles/$1
	mkdir -p "$bundle"
	case ${3:-} in /*) record "$1" "$2" "$3" ;; *) record "$1" "$2" ;; esac
	jq --arg id "$1" --arg cg "/$IT_NS/$1" --arg hook "$HOOK" --arg record "$RECORDS/$1.json" \
		--arg key "$key" --arg reg $REG --arg ns "${3:-}" --arg say "${4:-sleep 1000}" --argjson before "$before" '
		def entry($args): ($before + [$hook] + $args) as $a |
			{path: $a[0], args: $a, env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], timeout: 10};
		.linux.cgroupsPath = $cg | .process.args = ["/bin/sh", "-c", $say] |
		.hooks = {createRuntime: [entry(["create", $record])],
			poststop: [{path: $hook, args: [$hook, "delete", $reg, $key],
				env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], timeout: 10}]} |
		if $ns == "host" then .linux.namespaces |= map(select(.type != "network"))
		elif $ns != "" then .linux.namespaces |= map(if .type == "network" then .path = $ns else . end)
		else . end' $T/config.json >"$bundle/config.json"
}
runtime() { "$RUNC" --root "$ROOT" --log $T/log.json --log-format json "$@" </dev/null >$T/out 2>$T/err; }
create() { rm -f $T/log.json && runtime create --bundle "$T/bundles/$1" --pid-file $T/pid "$1"; }
reason() { jq -rs '[.[] | select(.level == "error")][-1].msg' $T/log.json 2>/dev/null; }
pid_of() { "$RUNC" --root "$ROOT" state "$1" | jq -r .pid; }
put_away() {
	runtime delete --force "$1"
	rm -rf "$T/bundles/$1" "$RECORDS/$1.json"
}

# TCP and UDP, both families, from a container's first words on.
SPEAK="for to in 10.66.1.1 fd66:1::1; do nslookup a.b \$to & nc -w 1 \$to $PORT </dev/null; done"

sink() { # a table in our namespace that counts what arrives
	nft -f - <<-END
		table inet sink {
			chain in { type filter hook input priority -300; meta l4proto { tcp, udp } th dport { 53, $PORT } counter; }
		}
	END
}
sunk() { nft -j list table inet sink | jq '[.. | .counter? // empty | .packets?] | add'; }

# --- tests ---

test_force() {
	local traces host pid table
	traces=$(it_traces)
	pod one 1
	sink
	host=$(rules)
	bundle force "$NONE" /run/netns/one \
		"$SPEAK; sleep 1000"
	it_ok "a container with rules is made" create force
	pid=$(pid_of force)
	table=$(rules_of "$pid")
	it_like "its table is there before it starts" "$table" 'table inet cinch'
	it_like "what it sends is judged" "$table" 'hook output priority .* policy drop'
	it_is "the host's rules are untouched" "$(rules)" "$host"
	it_is "its entry says so" "$(jq -r .installed "$REG/containers/$(key_of force)")" true
	it_ok "it starts" runtime start force
	it_until refused one "$(key_of force)"
	it_result $? "its first words are refused, and counted" "$(inside one nft list table inet cinch | grep -A 2 'counter.*refused')"
	it_is "and nothing of them arrived" "$(sunk)" 0
	it_ok "it is deleted" runtime delete --force force
	it_is "its rules are gone from the namespace" "$(rules_in one)" ""
	it_is "and its entry" "$(entries)$(members)" ""
	# the same without rules: the rig can see packets
	bundle off "$OFF" /run/netns/one "$SPEAK; sleep 1000"
	it_ok "one without rules is made" create off
	it_ok "and started" runtime start off
	it_until arrived
	it_result $? "of a container without rules they do arrive"
	it_is "which has no table and no entry" "$(rules_in one)$(entries)" ""
	put_away force
	put_away off
	nft delete table inet sink
	ip netns del one
	it_clean "nothing is left" "$traces"
}
# shellcheck disable=SC2317 # called by it_until
refused() { [ "$(inside "$1" nft -j list counters table inet cinch |
	jq --arg k "$2" '[.nftables[].counter? | select(.) | select(.name | startswith($k + "_out")) |
		select(.name | test("refused")) | .packets] | add // 0')" -ge 3 ]; }
# shellcheck disable=SC2317 # called by it_until
arrived() { [ "$(sunk)" -ge 4 ]; }

# A create that must not be: nothing is left of it.
failing() { # WHAT ID REGEX
	local before
	before=$(rules)
	create "$2"
	it_result $((! $?)) "$1: the create fails"
	it_like "$1: the reason" "$(reason)" "$3"
	it_is "$1: no state, no entry, no rules" "$(ls "$ROOT")$(entries)$(rules)" "$before"
	put_away "$2"
}

test_failures() {
	local traces id
	traces=$(it_traces)
	bundle f1 "$NONE" && rm "$RECORDS/f1.json"
	failing "no record" f1 'cinch-hook: .*f1.json.*No such file'
	bundle f2 "$NONE" && echo '{"version": 2' >"$RECORDS/f2.json"
	failing "half a record" f2 'cinch-hook: .*f2.json'
	bundle f3 "$NONE" && jq '.id = "other"' "$RECORDS/f3.json" >$T/x && cp $T/x "$RECORDS/f3.json"
	failing "another's record" f3 'the state on stdin is of "f3", the record of "other"'
	bundle f4 "$NONE" && jq 'del(.network)' "$RECORDS/f4.json" >$T/x && cp $T/x "$RECORDS/f4.json"
	failing "a record without a network" f4 'not the record of a container with a network'
	bundle f5 "$NONE" && jq '.network.policies[0].surprise = 1' "$RECORDS/f5.json" >$T/x && cp $T/x "$RECORDS/f5.json"
	failing "a policy that is not understood" f5 'unknown key'
	bundle f6 "$NONE" && chmod 666 "$RECORDS/f6.json"
	failing "a record that others may write" f6 'f6.json'
	hook='["/usr/bin/setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"]' bundle f7 "$NONE"
	failing "nf_tables says no" f7 'CAP_NET_ADMIN'
	hook='["/usr/bin/setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"]' bundle f8 "$AUDIT"
	it_ok "but it does not keep a container from starting to which nothing is refused" create f8
	it_is "which has no entry" "$(entries)" ""
	put_away f8
	mkdir -p $REG && chmod 777 $REG
	bundle f9 "$NONE"
	failing "a registry that others may write" f9 'others than root may write'
	chmod 700 $REG
	for id in a/b '' x; do
		"$HOOK" delete $REG "$id" 2>$T/err
		it_is "delete of \"$id\" is refused" $? 1
	done
	it_ok "delete of what is not there is quiet" "$HOOK" delete $REG 0123456789ab
	it_ok "also where there is no registry" "$HOOK" delete $T/nowhere 0123456789ab
	[ ! -e $T/nowhere ]
	it_result $? "and makes none"
	it_ok "start of what is not there is quiet" "$HOOK" start $REG 0123456789ab
	"$HOOK" create 2>$T/err
	it_is "without arguments it says how" "$?$(cat $T/err | cut -c 1-18)" "2usage: cinch-hook "
	it_clean "nothing is left" "$traces"
}

# What the journal was told, a line each, in $T/told.
journal() {
	mkdir -p /run/systemd/journal
	python3 -uc 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/run/systemd/journal/socket")
print("ready")
while True:
    print(s.recv(65536).decode().replace("\n", " "))' >$T/told &
	JOURNAL=$!
	it_until grep -q ready $T/told
}

# The lock is held by somebody who does not let go, or the runtime never says whose rules these are to be.
test_deadline() {
	local begun=$SECONDS audit slow
	journal
	mkdir -p $REG
	exec 9>$REG/lock && flock 9
	bundle late "$NONE"
	record patient "$AUDIT" /run/netns/first
	ip netns add first
	stand patient first
	state patient $stand | "$HOOK" create "$RECORDS/patient.json" 2>$T/patient.err 9>&- &
	audit=$!
	record slow "$AUDIT"
	mkfifo $T/endless && exec 8<>$T/endless
	timeout -s KILL 20 env --block-signal=ALRM "$HOOK" create "$RECORDS/slow.json" <&8 2>$T/slow.err 8>&- 9>&- &
	slow=$!
	create late 9>&-
	it_result $((! $?)) "a create that waits for the registry in vain fails"
	[ $((SECONDS - begun)) -lt 30 ]
	it_result $? "in time" "$((SECONDS - begun)) s"
	it_like "and says why" "$(reason)" 'cinch-hook: /run/cinch/net: another process has held the lock for 6 seconds'
	wait $audit
	it_is "it keeps nobody from starting to whom nothing is refused" $? 0
	it_until grep -q 'cinch-hook create: .* held the lock .*nothing of its network is refused: it starts' $T/told
	it_result $? "who is told of" "$(cat $T/told)"
	it_until grep -q 'not in force in time' $T/slow.err
	it_result $? "a state that never ends does not hold it up, whatever signals are blocked" "$(cat $T/slow.err)"
	it_until grep -q 'not in force in time' $T/told
	it_result $? "which is told, too" "$(cat $T/told)"
	exec 8>&- 9>&-
	kill -KILL $JOURNAL
	wait $slow $JOURNAL 2>/dev/null
	fall patient $stand
	rm -f /run/systemd/journal/socket $T/endless "$RECORDS/slow.json" "$RECORDS/patient.json"
	ip netns del first
	put_away late
	it_is "nothing is left" "$(entries)$(ls "$ROOT")" ""
}

# Somebody has a table of our name in the namespace before us.
test_in_the_way() {
	local clean what n=0 broken='' owner
	pod way 8
	bundle w "$NONE" /run/netns/way
	create w || it_die "w: $(reason)"
	clean=$(rules_in way)
	runtime delete --force w
	for what in 'flags dormant' \
		'flags dormant; chain output { type filter hook output priority filter - 10; policy drop; }' \
		'chain output { accept; }' 'chain output { type nat hook output priority 5; accept; }' \
		'chain output { type filter hook input priority 5; accept; }' \
		'map private_4 { type ipv4_addr : verdict; flags interval; }' \
		'set private_4 { type inet_service; }'; do
		n=$((n + 1))
		inside way nft "table inet cinch { $what; }" || broken="$broken $n:nft"
		create w || broken="$broken $n:$(reason)"
		[ "$(rules_in way)" = "$clean" ] || broken="$broken $n:rules"
		runtime delete --force w
		[ -z "$(rules_in way)$(entries)" ] || broken="$broken $n:left"
	done
	it_is "a table of our name makes no difference" "$broken" ""
	mkfifo $T/endless && exec 8<>$T/endless
	echo 'add table inet cinch { flags owner; }' >&8
	inside way nft -i <&8 >/dev/null 8>&- &
	owner=$!
	it_until owned way
	failing "one that a program has for its own" w 'table inet cinch: a program that runs has made the table its own'
	exec 8>&-
	kill -KILL $owner
	wait $owner 2>/dev/null
	rm $T/endless
	ip netns del way
}
# shellcheck disable=SC2317 # called by it_until
owned() { inside "$1" nft list tables | grep -q cinch; }

# --- several in one namespace, and the host's ---

out_chain() { # KEY: of the table on stdin the chain's lines
	sed -n "/chain $1_out {/,/}/p"
}

# shellcheck disable=SC2317 # called by it_until
stopped() { "$RUNC" --root "$ROOT" state "$1" | grep -q '"stopped"'; }

test_shared() {
	local host a b alone both again entry pid
	host=$(rules)
	pod two 2
	bundle a "$NONE" /run/netns/two
	bundle b "$OPEN" /run/netns/two
	create a || it_die "a: $(reason)"
	alone=$(rules_in two)
	it_ok "a second container of the namespace" create b
	a=$(key_of a) b=$(key_of b)
	both=$(rules_in two)
	it_is "the rules of the first stay" "$(out_chain "$a" <<<"$both")" "$(out_chain "$a" <<<"$alone")"
	it_like "the second has its own" "$(out_chain "$b" <<<"$both")" "chain"
	if [ -d $CG2 ]; then
		it_is "sockets are told apart by their cgroup" \
			"$(grep -c 'socket cgroupv2' <<<"$both")" "$(grep -c 'socket cgroupv2' <<<"$both" | grep -E '[2-9]')"
	fi
	it_like "those of nobody have rules, too" "$both" 'chain shared_out'
	it_ok "the second goes" runtime delete --force b
	again=$(rules_in two)
	it_is "and the table is as before" "$again" "$alone"
	it_ok "the first goes" runtime delete --force a
	it_is "and the table with it" "$(rules_in two)" ""
	it_is "the host's rules were never touched" "$(rules)" "$host"
	# a flush by somebody: the next one that comes puts it right
	bundle a "$NONE" /run/netns/two && create a && inside two nft flush ruleset
	bundle b "$OPEN" /run/netns/two
	it_ok "after somebody has flushed the rules" create b
	it_is "they are all there again" "$(rules_in two | sort)" "$(sort <<<"$both")"
	put_away b
	# and somebody who has put something else into the place of ours
	inside two nft add set inet cinch "${b}_denied_out4" '{ type ether_addr; }'
	bundle b "$OPEN" /run/netns/two
	it_ok "after somebody has altered the table" create b
	it_is "it is as it has to be" "$(rules_in two | sort)" "$(sort <<<"$both")"
	# an entry that cannot be read, of somebody who runs: the record and the process say what it was
	put_away b
	alone=$(rules_in two)
	entry=$(jq -S 'del(.since)' "$REG/containers/$a")
	echo '{' >"$REG/containers/$a"
	bundle b "$OPEN" /run/netns/two
	it_ok "beside a damaged entry of who runs others start" create b
	it_is "whose entry is made anew" "$(jq -S 'del(.since)' "$REG/containers/$a")" "$entry"
	it_is "and both have their rules" "$(rules_in two | sort)" "$(sort <<<"$both")"
	put_away b
	it_is "as one alone has" "$(rules_in two)" "$alone"
	echo '{' >"$REG/containers/$a"
	it_like "net sync does the same" "$("$B/cinchctl" net sync; echo $?)" "^$a \(a\): its entry was damaged, and is made anew"
	it_is "so that all is as it was" "$(jq -S 'del(.since)' "$REG/containers/$a")" "$entry"
	# without its record nobody knows
	echo '{' >"$REG/containers/$a"
	mv "$RECORDS/a.json" $T/a.json
	bundle b "$OPEN" /run/netns/two
	create b
	it_result $((! $?)) "beside one that nothing is known of nobody starts"
	it_like "and it is said what to do" "$(reason)" "its entry is damaged \(no state record.*if that is gone, by cinch-hook delete $REG $a"
	it_like "by net sync, too" "$("$B/cinchctl" net sync)" "not put right: $a .*damaged.* cinch-hook delete $REG $a"
	it_like "and by doctor" "$("$B/cinchctl" doctor)" "1 entry cannot be read, the first $a"
	put_away b
	mv $T/a.json "$RECORDS/a.json"
	# nor is it in anybody's way when its process has ended
	pid=$(pid_of a)
	kill -KILL "$pid"
	it_until stopped a
	bundle b "$OPEN" /run/netns/two
	it_ok "beside a damaged entry of who is gone others start" create b
	it_unlike "without what was its" "$(rules_in two)" "$a"
	it_is "which is nowhere any more" "$(find $REG -name "$a")$(grep -r "$a" $REG)" ""
	put_away a
	put_away b
	ip netns del two
}

test_host() {
	local before now traces listener
	traces=$(it_traces)
	nft -f - <<<'table ip other { chain c { type filter hook output priority 0; ip daddr 10.99.0.1 counter drop; }; }'
	before=$(rules)
	bundle h "$NONE" host "for i in 1 2 3; do nc -w 1 127.0.0.1 $PORT </dev/null && echo in >>/reached; nc -w 1 10.66.3.1 $PORT </dev/null; done; sleep 1000"
	if [ ! -d $CG2 ]; then
		failing "host network without cgroup2" h 'rules cannot tell this container from the host'
		return
	fi
	it_ok "a container of the host's network" create h
	now=$(nft -s list table inet cinch)
	it_is "base chains let the host's own pass" "$(grep -c 'policy accept' <<<"$now")" "$(grep -c 'type filter hook' <<<"$now")"
	it_is "and hold only lines for its cgroup" "$(sed -n '/type filter hook/,/}/p' <<<"$now" |
		grep -Ev 'type filter|^[[:space:]]*}|socket cgroupv2 level|comment "[^"]*"$|^$')" ""
	it_is "what was there is as it was" "$(nft -s list table ip other)" "$before"
	busybox nc -l -p $PORT </dev/null >/dev/null &
	listener=$!
	it_until sh -c "grep -q ':$(printf %04X $PORT) .* 0A ' /proc/net/tcp"
	it_ok "we can talk as before" busybox nc -w 2 127.0.0.1 $PORT
	wait $listener
	runtime start h
	it_until refused_here "$(key_of h)"
	it_result $? "it cannot" "$(nft list counters table inet cinch)"
	it_ok "it is deleted" runtime delete --force h
	it_is "the host's rules are as before" "$(rules)" "$before"
	put_away h
	bundle h "$NONE" host
	it_ok "another one" create h
	echo "nonsense" >"$REG/containers/$(key_of h)"
	it_ok "whose entry somebody damages is deleted" runtime delete --force h
	it_is "with its rules" "$(rules)" "$before"
	put_away h
	nft delete table ip other
	it_clean "nothing is left" "$traces"
}
# shellcheck disable=SC2317 # called by it_until
refused_here() { [ "$(nft -j list counters table inet cinch | jq --arg k "$1" '[.nftables[].counter? | select(.) |
	select(.name | startswith($k + "_out")) | select(.name | test("refused")) | .packets] | add // 0')" -ge 1 ]; }

# Where no cgroup2 hierarchy is to be seen rules are the namespace's.
test_no_cgroup2() {
	local table
	hook="[\"/usr/bin/unshare\", \"--mount\", \"/bin/sh\", \"-c\", \"mount -t tmpfs none $CG2 && exec \\\"\$@\\\"\", \"sh\"]"
	bundle n "$NONE"
	it_ok "without cgroup2 a container is made" create n
	table=$(rules_of "$(pid_of n)")
	it_unlike "its rules do not ask for a cgroup" "$table" 'socket cgroupv2'
	it_like "and are there" "$table" "goto $(key_of n)_out"
	put_away n
	bundle n "$NONE" host
	failing "host network without cgroup2" n 'network of the host: rules cannot tell this container from the host: .*cgroup2'
	bundle n "$AUDIT" host
	it_ok "unless nothing would be refused" create n
	it_is "then there are no rules" "$(rules)$(entries)" ""
	put_away n
	hook=
}

# --- what is found out ---

# Two interfaces, several default routes, Docker's resolver: what the entry says.
test_facts() {
	local entry want
	pod facts 7
	ip link add second type veth peer name eth1 netns facts
	inside facts ip addr add 10.67.0.9 peer 10.67.0.1/32 dev eth1
	inside facts ip link set eth1 up
	ip link set second up
	inside facts ip route replace default nexthop via 10.66.7.1 nexthop via 10.67.0.1
	inside facts ip route add 10.68.0.0/16 via 10.66.7.9
	inside facts ip route add blackhole default metric 77
	inside facts ip -6 route add default via fd66:7::1
	inside facts ip -6 route add default metric 3000 nexthop via fd66:7::8 nexthop via fd66:7::9
	printf 'nameserver 127.0.0.11\nnameserver fd66:7::53\n' >$T/resolv.conf
	printf 'nameserver 127.0.0.53\nnameserver 10.1.1.1\n' >$T/node.conf
	cp --remove-destination $T/node.conf /etc/resolv.conf
	mkdir -p /run/systemd/resolve && echo 'nameserver 10.2.2.2' >/run/systemd/resolve/resolv.conf
	want=$(jq -n --argjson n "$NONE" --arg f $T/resolv.conf '$n + {resolvConf: $f, resolvers: ["10.3.3.3"]}')
	record x "$want" /run/netns/facts
	stand x facts
	state x $stand | "$HOOK" create "$RECORDS/x.json"
	entry=$REG/containers/$(key_of x)
	it_is "its addresses" "$(jq -c '.addresses | sort' "$entry")" '["10.66.7.2","10.67.0.9","fd66:7::2"]'
	it_is "its gateways, and the node's addresses" "$(jq -r '.hosts | sort | .[]' "$entry")" \
		"$({ printf '%s\n' 10.66.7.1 10.67.0.1 fd66:7::1 fd66:7::8 fd66:7::9
			ip -j addr | jq -r '.[] | select(.ifname != "lo") | .addr_info[] | select(.scope == "global") | .local'
		} | LC_ALL=C sort -u)"
	it_is "resolvers, also those that Docker's asks" "$(jq -c '.resolvers | sort' "$entry")" \
		'["10.1.1.1","10.2.2.2","10.3.3.3","127.0.0.11","127.0.0.53","fd66:7::53"]'
	it_is "its process and its namespace" "$(jq -r '"\(.pid) \(.namespace.ino) \(.late)"' "$entry")" \
		"$stand $(stat -Lc %i /run/netns/facts) false"
	[ ! -d $CG2 ] || it_is "its cgroup" "$(jq -r '"\(.cgroup.id) \(.cgroup.level) \(.cgroup.path)"' "$entry")" \
		"$(stat -c %i "$CG2/$IT_NS/x") 2 /$IT_NS/x"
	"$HOOK" delete $REG "$(key_of x)"
	printf 'nameserver 10.4.4.4\n' >$T/resolv.conf
	jq '.network.nodeAddresses = ["10.5.5.5"]' "$RECORDS/x.json" >$T/x && cat $T/x >"$RECORDS/x.json"
	state x $stand | "$HOOK" create "$RECORDS/x.json"
	it_is "others do not ask the node's" "$(jq -c '.resolvers | sort' "$entry")" '["10.3.3.3","10.4.4.4"]'
	it_is "node addresses that were told are all" "$(jq -c '.hosts | sort' "$entry")" \
		'["10.5.5.5","10.66.7.1","10.67.0.1","fd66:7::1","fd66:7::8","fd66:7::9"]'
	rm $T/resolv.conf && mkfifo $T/resolv.conf
	it_ok "a FIFO does not hold it up" timeout 60 sh -c "printf '%s' '$(state x $stand)' | $HOOK create $RECORDS/x.json"
	rm $T/resolv.conf
	"$HOOK" delete $REG "$(key_of x)"
	if [ -d $CG2 ]; then
		sleep 1000 &
		want=$!
		echo $want >"$CG2/$IT_NS/x/cgroup.procs"
		state x $stand | "$HOOK" create "$RECORDS/x.json"
		it_is "a cgroup that others are in tells nothing" "$(jq -r .cgroup.id "$entry")" 0
		it_unlike "so no rule asks for it" "$(rules_in facts)" 'socket cgroupv2'
		"$HOOK" delete $REG "$(key_of x)"
		kill -KILL $want
		wait $want 2>/dev/null
	fi
	fall x $stand
	ip netns del facts
	it_is "nothing is left" "$(entries)$(members)$(rules)" ""
}

# --- killed ---

# A process in namespace NS with a cgroup of its own, as a runtime makes it: $stand.
stand() { # ID NS
	if [ "$2" = host ]; then
		sleep 1000 &
	else
		(exec nsenter --net="/run/netns/$2" -- sleep 1000) &
	fi
	stand=$!
	it_until is_sleep $stand || it_die "$1 does not stand"
	[ ! -d $CG2 ] || { mkdir -p "$CG2/$IT_NS/$1" && echo $stand >"$CG2/$IT_NS/$1/cgroup.procs"; }
}
# shellcheck disable=SC2317 # called by it_until
is_sleep() { local name && read -r name <"/proc/$1/comm" && [ "$name" = sleep ]; }
fall() { # ID PID
	kill -KILL "$2"
	wait "$2" 2>/dev/null
	[ ! -d $CG2 ] || rmdir "$CG2/$IT_NS/$1"
}
state() { printf '{"ociVersion": "1.0.2", "id": "%s", "status": "creating", "pid": %d, "bundle": "/"}' "$1" "$2"; }

# VERB on container k of NS is killed at every STEPth call; then the runtime deletes it. Every other count is a call
# that has not happened.
kill_everywhere() { # VERB NS STEP
	local verb=$1 ns=$2 step=$3 n=1 before after key status=137 broken='' killed=0 show='rules'
	[ "$ns" = host ] || show="rules_in $ns"
	key=$(key_of k)
	if [ "$ns" = host ]; then record k "$WEB"; else record k "$WEB" "/run/netns/$ns"; fi
	before=$($show; members; entries)
	stand k "$ns"
	while [ $status -eq 137 ]; do
		if [ "$verb" = create ]; then
			state k $stand | "$CRASH" $n "$HOOK" create "$RECORDS/k.json" 2>$T/err
			status=$?
		else
			state k $stand | "$HOOK" create "$RECORDS/k.json" || it_die "create: $n"
			"$CRASH" $n "$HOOK" delete $REG "$key" 2>$T/err
			status=$?
		fi
		[ $status -ne 137 ] || killed=$((killed + 1))
		# some runtimes have reaped the process by then
		[ $((n % 20)) -ne 1 ] || fall k $stand
		"$HOOK" delete $REG "$key" 2>$T/err || broken="$broken $n:delete($(cat $T/err))"
		[ $((n % 20)) -ne 1 ] || stand k "$ns"
		after=$($show; members; entries)
		[ "$after" = "$before" ] || broken="$broken $n:$(diff <(echo "$before") <(echo "$after") | head -n 3)"
		n=$((n + 2 * step))
	done
	fall k $stand
	echo "# $verb in $ns: killed $killed times"
	it_is "$verb in $ns: what is not killed works" "$status" 0
	[ $((killed * step)) -gt 100 ]
	it_result $? "$verb in $ns: killed at its calls" "$killed"
	it_is "$verb in $ns: afterwards rules, members and entries are as before" "$broken" ""
	rm -f "$RECORDS/k.json"
}

test_killed() {
	local neighbour
	pod kill 4
	record nb "$OPEN" /run/netns/kill
	stand nb kill
	neighbour=$stand
	state nb $neighbour | "$HOOK" create "$RECORDS/nb.json" || it_die "the neighbour"
	it_like "a neighbour is there" "$(rules_in kill)" "chain $(key_of nb)_out"
	kill_everywhere create kill 1
	kill_everywhere delete kill 1
	[ ! -d $CG2 ] || {
		kill_everywhere create host 3
		kill_everywhere delete host 3
	}
	fall nb "$neighbour"
	"$HOOK" delete $REG "$(key_of nb)"
	it_is "nothing is left" "$(rules)$(rules_in kill)$(entries)$(members)" ""
	ip netns del kill
}

# shellcheck disable=SC2317 # called by it_until
same_program() { [ "/proc/$1/exe" -ef "$HOOK" ]; }

# shellcheck disable=SC2317 # called by it_until
waits_for() { find "/proc/$2/fd" -lname "$1" 2>/dev/null | grep -q .; }

# "gone" is for who does not run any more, whatever a runtime knows of it.
test_gone() {
	local before delete old
	pod gone 9
	record k "$WEB" /run/netns/gone
	stand k gone
	state k $stand | "$HOOK" create "$RECORDS/k.json"
	before=$(rules_in gone)
	it_ok "of a container that lives nothing is gone" "$HOOK" gone $REG "$(key_of k)"
	it_is "its rules stay" "$(rules_in gone)" "$before"
	it_like "and its entry" "$(entries)" "$(key_of k)"
	fall k $stand
	it_ok "one whose process has ended is taken away" "$HOOK" gone $REG "$(key_of k)"
	it_is "with its rules" "$(rules_in gone)$(entries)$(members)" ""
	# a delete has to wait, and meanwhile the id is used again
	exec 9>$REG/lock && flock 9
	"$HOOK" delete $REG "$(key_of k)" 9>&- &
	delete=$!
	it_until same_program $delete
	kill -STOP $delete
	exec 9>&-
	sleep 0.05 # the kernel tells when a process began in hundredths of a second
	stand k gone
	state k $stand | "$HOOK" create "$RECORDS/k.json"
	kill -CONT $delete
	wait $delete
	it_is "a delete of who had the name before ends well" $? 0
	it_is "and takes nothing from who has it now" "$(rules_in gone)" "$before"
	fall k $stand
	it_ok "its own does" "$HOOK" delete $REG "$(key_of k)"
	it_is "take its rules" "$(rules_in gone)$(entries)$(members)" ""
	# a create has to wait, and whom it is for ends
	exec 9>$REG/lock && flock 9
	stand k gone 9>&-
	state k $stand | "$HOOK" create "$RECORDS/k.json" 2>$T/err 9>&- &
	delete=$!
	it_until waits_for "$REG/lock" $delete
	fall k $stand
	exec 9>&-
	wait $delete
	it_is "a create for who is gone meanwhile fails" "$? $(cat $T/err)" "1 cinch-hook: process $stand is gone"
	it_is "and leaves nothing" "$(rules_in gone)$(entries)$(members)" ""
	# the runtime has lost its state, and the name is used again while its first owner runs
	stand k gone
	old=$stand
	state k $old | "$HOOK" create "$RECORDS/k.json"
	pod anew 10
	record k "$WEB" /run/netns/anew
	stand k2 anew
	state k $stand | "$HOOK" create "$RECORDS/k.json"
	it_is "a second one of that name has its rules" "$(rules_in anew | wc -l)" "$(wc -l <<<"$before")"
	it_is "and the first keeps its own" "$(rules_in gone)" "$before"
	it_like "but is no member" "$(members)" '10.66.10.2'
	it_unlike "any more" "$(members)" '10.66.9.2'
	fall k2 $stand
	fall k $old
	it_ok "the second goes" "$HOOK" delete $REG "$(key_of k)"
	it_is "with what is its" "$(rules_in anew)$(entries)$(members)" ""
	ip netns del gone
	ip netns del anew
}

# /run has no room: who comes is refused, with the reason; who goes, goes; and nobody loses what is his.
test_full() {
	local n broken='' refused=0 made=0 before kept mate room said
	pod full 11
	pod beside 12
	mkdir -p $REG && mount -t tmpfs -o size=64k,mode=700 small $REG
	record m "$WEB" /run/netns/beside
	jq '.network.segments = ["db"]' "$RECORDS/m.json" >$T/x && cat $T/x >"$RECORDS/m.json"
	stand m beside
	mate=$stand
	state m "$mate" | "$HOOK" create "$RECORDS/m.json" || it_die "m"
	record n "$NONE" /run/netns/full
	stand n full
	n=$stand
	state n "$n" | "$HOOK" create "$RECORDS/n.json" || it_die "n"
	before=$(full_now)
	kept=$before$(members)
	record k "$WEB" /run/netns/full
	stand k full
	for ((room = 0; room < 14; room++)); do
		fill $room
		if state k $stand | "$HOOK" create "$RECORDS/k.json" 2>$T/err; then
			made=$((made + 1))
			fill 0
		else
			refused=$((refused + 1))
			said=$(cat $T/err)
			[[ $said == *'No space left on device'* ]] || broken="$broken $room:$said"
		fi
		"$HOOK" delete $REG "$(key_of k)" 2>$T/err || broken="$broken $room:delete($(cat $T/err))"
		[ "$(full_now)" = "$before" ] || broken="$broken $room:$(diff <(echo "$before") <(full_now) | head -n 3)"
		rm -f $REG/ballast
		# whoever comes next finds the members
		state m "$mate" | "$HOOK" create "$RECORDS/m.json" || broken="$broken $room:next"
		[ "$(full_now)$(members)" = "$kept" ] || broken="$broken $room:next:$(members)"
	done
	it_is "with less and less room: refused with a reason, or made; deleted in any case" "$broken" ""
	[ $refused -gt 1 ] && [ $made -gt 1 ]
	it_result $? "both happened" "refused $refused, made $made"
	fall k $stand
	fill 0
	it_ok "who was there goes" "$HOOK" delete $REG "$(key_of n)"
	it_ok "all of them" "$HOOK" delete $REG "$(key_of m)"
	fall n "$n"
	fall m "$mate"
	rm -f $REG/ballast
	it_ok "net sync finds" "$B/cinchctl" net sync
	it_is "nothing left" "$(entries)$(cat $REG/members)$(rules_in full)$(rules_in beside)" ""
	umount $REG
	rm -f "$RECORDS"/[kmn].json
	ip netns del full
	ip netns del beside
}
full_now() {
	rules_in full
	rules_in beside
	entries | sort
}
fill() { # PAGES that stay free
	rm -f $REG/ballast
	head -c 1M /dev/zero >$REG/ballast 2>/dev/null
	truncate -s $(($(stat -c %s $REG/ballast) - $1 * 4096)) $REG/ballast
}

# Killed and never deleted: the next container of the namespace has nothing of it.
test_next_use() {
	local alone n status=137 broken=''
	pod next 5
	record k "$WEB" /run/netns/next
	record m "$OPEN" /run/netns/next
	record o "$NONE" /run/netns/next
	stand o next
	local other=$stand
	state o "$other" | "$HOOK" create "$RECORDS/o.json" || it_die "o"
	stand m next
	local mate=$stand
	state m "$mate" | "$HOOK" create "$RECORDS/m.json" || it_die "m"
	alone=$(rules_in next)
	for ((n = 1; status == 137; n += 10)); do
		stand k next
		state k $stand | "$CRASH" $n "$HOOK" create "$RECORDS/k.json" 2>/dev/null
		status=$?
		fall k $stand
		state m "$mate" | "$HOOK" create "$RECORDS/m.json" || broken="$broken $n:create"
		[ "$(rules_in next)" = "$alone" ] ||
			broken="$broken $n:$(diff <(echo "$alone") <(rules_in next) | head -n 3)"
	done
	it_is "who comes next finds nothing of those that were killed" "$broken" ""
	"$HOOK" delete $REG "$(key_of k)"
	"$HOOK" delete $REG "$(key_of m)"
	fall m "$mate"
	"$HOOK" delete $REG "$(key_of o)"
	fall o "$other"
	it_is "nothing is left" "$(rules_in next)$(entries)$(members)" ""
	ip netns del next
}

# Who made the namespace is gone, and so is what the container was told of it: somebody else is still in it.
test_orphans() {
	local maker left
	unshare --net sleep 1000 &
	maker=$!
	it_until is_sleep $maker
	nsenter --net="/proc/$maker/ns/net" sleep 1000 &
	left=$!
	it_until is_sleep $left
	nsenter --net="/proc/$maker/ns/net" sleep 1000 &
	stand=$!
	it_until is_sleep $stand
	record z "$NONE" "/proc/$maker/ns/net"
	state z $stand | "$HOOK" create "$RECORDS/z.json"
	it_like "rules in a namespace of somebody else" "$(rules_of $left)" 'table inet cinch'
	kill -KILL $maker $stand
	wait $maker $stand 2>/dev/null
	it_ok "who made it goes, and the container" "$HOOK" delete $REG "$(key_of z)"
	it_is "and its rules" "$(rules_of $left)$(entries)" ""
	kill -KILL $left
	wait $left 2>/dev/null
}

# The same with runc, at some of the calls.
test_killed_below_runc() {
	local n broken='' traces
	traces=$(it_traces)
	pod below 6
	for n in 1 35 71 105 141 175 211; do
		hook="[\"$CRASH\", \"$n\"]" bundle c "$WEB" /run/netns/below
		create c && broken="$broken $n:created"
		put_away c
		[ -z "$(rules)$(rules_in below)$(entries)$(members)$(ls "$ROOT")" ] || broken="$broken $n:left"
	done
	it_is "killed below runc: no container, and nothing is left" "$broken" ""
	ip netns del below
	it_clean "no process, no mount" "$traces"
}

ip netns add first && ip netns del first # makes the mount
it_bundle $T/first first ".root.path = \"$T/first/rootfs\"" || it_die "cannot make a bundle"
mv $T/first/config.json $T/config.json
test_force
test_failures
test_deadline
test_in_the_way
test_shared
test_host
test_no_cgroup2
test_facts
test_gone
test_killed
test_full
test_next_use
test_orphans
test_killed_below_runc
it_done

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_learn - what two replicas are seen to do becomes a profile, is first only reported and then enforced,
# while they run; and net show, denied, learned and graph say what is.
# shellcheck source=integration/netseg/world.sh
. "${BASH_SOURCE[0]%/*}/world.sh" || exit 1
IT_NEEDS="runc busybox nft python3"
it_enter "$0" "$@"

ELSE4=198.51.100.88 ELSE6=2001:db8:115::9 # nobody of the workload's
nw_world
in_ns sink ip address add $ELSE4/32 dev lo && in_ns sink ip address add $ELSE6/128 dev lo nodad
for n in 1 2 3 4; do nw_pod $n; done
traces=$(it_traces)

ctl() { "$B/cinchctl" "$@" >$T/out 2>$T/err </dev/null; }

# STATUS WHAT ARGUMENT...: cinchctl ends so
ctl_is() {
	local want=$1 what=$2 rc
	shift 2
	ctl "$@"
	rc=$?
	[ $rc = "$want" ]
	it_result $? "$what" "exit status $rc: $(cat $T/err $T/out)"
}

says() { it_like "$1" "$(cat $T/out)" "$2"; }      # WHAT REGEX
complains() { it_like "$1" "$(cat $T/err)" "$2"; } # WHAT REGEX

nw_profile shop '{"mode": "learn", "preset": "none", "segment": "shop"}'
nw_profile db '{"preset": "none", "segment": "db",
	"ingress": [{"from": ["segment:shop"], "ports": ["tcp/5432"]}]}'
it_apply '{}'

serve() { # POD PROTOCOL ADDRESS PORT: in the namespace, as the container there
	nw_as "$1" "pod$2" serve "$3" "$4" "$5" >"$T/serve.$1.$4.$5" &
	it_until grep -q ready "$T/serve.$1.$4.$5"
}

nw_run db db pod3
nw_run shop web-00 pod1
nw_run shop web-01 pod2
PIDS="$(nw_pid web-00) $(nw_pid web-01)"
serve db 3 tcp 10.88.3.2 5432
serve db 3 tcp fd88:3::2 5432
serve web-00 1 tcp 10.88.1.2 8080

# --- what they do ---

work() { # ID: what belongs to the workload; what came of it
	nw_in "$1" ask tcp 10.88.3.2 5432
	nw_in "$1" ask tcp fd88:3::2 5432
	nw_in "$1" udp $RESOLVER4 53
	nw_in "$1" udp $SINK4 $FENCE
}

for id in web-00 web-01; do
	it_is "$id: all of its work passes while it learns" \
		"$(work $id | sed 's/ .*//' | tr '\n' ' ')" "answered answered sent sent "
done
it_like "somebody from outside connects" "$(in_ns sink "$B/tests/prog_net" ask tcp 10.88.1.2 8080)" ^answered
it_like "only one of them does this" "$(nw_in web-01 udp $SINK6 9999)" ^sent
nw_in web-00 tcp 169.254.169.254 80 >/dev/null
nw_in web-00 udp $FOREIGN4 53 >/dev/null

ctl_is 0 "net learned" net learned web-00 web-01
says "a segment, by its member's address" '^[^ ]*web-00 +to +10\.88\.3\.2 +segment:db +tcp/5432'
says "the same over IPv6" '^[^ ]*web-00 +to +fd88:3::2 +segment:db +tcp/5432'
says "the resolver" "to +$RESOLVER4 +dns +udp/53"
says "who came in" 'web-00 +from +10\.88\.1\.1 +host +tcp/8080'
says "how long it looked" '^web-00: [0-9]+ flows in [0-9]+[sm]'
it_unlike "no port of a client" "$(cat $T/out)" '(tcp|udp)/[345][0-9]{4}'
ctl net learned --json
cp $T/out $T/seen.json
it_is "all who learn, as JSON" "$(jq -r '[.containers[].id] | sort | join(" ")' $T/seen.json)" "web-00 web-01"
ctl_is 2 "the beginning of two ids is not one" net learned web-0
complains "and it says which" 'begins the ids of 2 containers: web-00 .*, web-01 '
ctl_is 2 "nobody is called so" net show nobody

# --- the profile ---

"$B/cinchctl" learn web-00 web-01 --extends baseline >/etc/cinch/profiles/shop.json 2>$T/err
it_is "learn: there is something to look at" "$?" 1
complains "metadata services are never learned" '^look: web-00: egress to 169\.254\.169\.254 \(tcp/80\), a metadata service'
complains "nor foreign resolvers" "^look: web-00: asked $FOREIGN4 \\(udp/53\\)"
complains "what only one of them did" "^note: only web-01 of 2: egress to $SINK6 at udp/9999"
complains "what it is worth" '^Learned from 2 starts \(web-00, web-01\), [0-9]+ (s|min( [0-9]+ s)?) in all, .*; [0-9]+ flows; no set was full\.'
ctl_is 0 "it is a profile" profile check /etc/cinch/profiles/shop.json
it_is "with these rules" "$(jq -c '.network' /etc/cinch/profiles/shop.json)" "$(jq -nc --arg s4 $SINK4 --arg s6 $SINK6 \
	--arg fence udp/$FENCE '{mode: "audit", preset: "isolated", segment: "shop",
	ingress: [{from: ["host"], ports: ["tcp/8080"]}],
	egress: [{to: ["segment:db"], ports: ["tcp/5432"]}, {to: [$s4], ports: [$fence]},
		{to: [$s6], ports: ["udp/9999"]}], metadata: "deny"}')"
"$B/cinchctl" learn $T/seen.json --section >$T/section.json 2>$T/err
it_is "from what was kept the same is learned" "$(jq -c . $T/section.json)" \
	"$(jq -c .network /etc/cinch/profiles/shop.json)"

# --- reported ---

# shellcheck disable=SC2317 # called by it_ok
change() { # JQ: of the profile, and into the containers that run
	jq "$1" /etc/cinch/profiles/shop.json >"$T/shop.json" && cp "$T/shop.json" /etc/cinch/profiles/shop.json &&
		ctl apply && ctl net reload web-00 web-01
}

it_ok "it comes into force in both, only reported" change .
nw_mark
it_like "audit: something else passes" "$(nw_in web-00 udp $ELSE4 4000)" ^sent
nw_fence pod1
it_is "and arrives" "$(nw_arrived "^udp 10.88.1.2 $ELSE4 4000\$")" 1
work web-00 >/dev/null
ctl_is 1 "net denied finds it" net denied web-00
says "as what would be refused" "^to +$ELSE4 +- +udp/4000 +1 +[0-9]+ +[0-9]+[sm] +would be"
it_unlike "and nothing of the work" "$(cat $T/out)" '5432|udp/53 '
ctl net denied --json
it_is "as JSON" "$(jq -r '.containers[] | select(.id == "web-00").flows[] |
	select(.port == 4000) | "\(.direction) \(.peer) \(.protocol) \(.packets)"' $T/out)" "egress $ELSE4 udp 1"

# --- enforced ---

it_ok "it is enforced, in both, without a restart" change '.network.mode = "enforce"'
it_is "the processes are the same" "$(nw_pid web-00) $(nw_pid web-01)" "$PIDS"
for id in web-00 web-01; do
	it_is "$id: all of its work passes" "$(work $id | sed 's/ .*//' | tr '\n' ' ')" "answered answered sent sent "
done
it_like "who came in comes in" "$(in_ns sink "$B/tests/prog_net" ask tcp 10.88.1.2 8080)" ^answered
nw_mark
it_like "something else is refused" "$(nw_in web-00 udp $ELSE6 4001)" ^EPERM
it_like "at once" "$(nw_in web-01 tcp $ELSE4 4002)" '^ECONNREFUSED'
nw_fence pod1
it_is "and does not arrive" "$(nw_arrived ' (4001|4002)$')" 0
ctl_is 1 "net denied tells of all" net denied
says "whose it was, and that it was refused" "web-00 +to +$ELSE6 +- +udp/4001 +1 .* refused\$"

# --- what is ---

ctl_is 0 "net show: a line each" net show
says "with mode and segment" '^web-00 +[a-z0-9]+ +.* shop +enforce +shop +[0-9]+ +[0-9]+ +in force$'
ctl_is 0 "net show: one of them, by the beginning of its id" net show web-01
says "its rules in words" '^  egress  to segment:db at tcp/5432$'
says "who is host to it" '^host +.*10\.88\.2\.1'
KEY=$(sed -n 's/^key *//p' $T/out)
ctl_is 0 "by its key" net show "$KEY" --json
it_is "it is the same" "$(jq -r '.containers[0].id' $T/out)" web-01
ctl_is 0 "net show --rules" net show web-01 --rules
it_is "is what the kernel has, but for what changes by itself" "$(grep -c "chain ${KEY}_" $T/out)" \
	"$(in_ns pod2 nft list table inet cinch | grep -c "chain ${KEY}_")"
ctl_is 1 "net graph: somebody was refused" net graph
says "who may" '^  -> segment:db +tcp/5432 +allowed$'
says "who was kept from it" "^  -> $ELSE4 +udp/4000, tcp/4002|^  -> $ELSE4 +tcp/4002 +refused"
ctl net graph --json
it_is "as JSON" "$(jq -r '[.edges[] | select(.kind == "allowed" and .to == "segment:db") | .ports[0]] | unique[]' $T/out)" \
	tcp/5432
ctl net graph --dot
says "for Graphviz" '^digraph cinch'
ctl net graph --mermaid
says "for Mermaid" '^ +n[0-9]+ -\.->\|"udp/400'
ctl net graph --svg
it_ok "as a picture that is whole" python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' $T/out

# --- two of one pod ---

nw_run db pod-a pod4
nw_run db pod-b pod4
nw_in pod-a udp $ELSE4 4003 >/dev/null
nw_in pod-b udp $ELSE4 4004 >/dev/null
it_like "a socket of neither is refused" "$(nw_beside pod4 udp $ELSE4 4005)" ^EPERM
ctl_is 1 "net denied of one of a pod" net denied pod-a
says "has its own" "^to +$ELSE4 +- +udp/4003 "
says "and those of nobody" "^to +$ELSE4 +of no known container +udp/4005 "
it_unlike "not the other's" "$(cat $T/out)" 4004
ctl net show pod-a
says "net show says with whom it shares" '^with +pod-b$'
for id in pod-a pod-b; do nw_delete db $id; done

nw_profile pupil '{"mode": "learn", "preset": "none"}'
it_apply '{}'
nw_run pupil pupil-a pod4
nw_run pupil pupil-b pod4
nw_in pupil-a udp $ELSE4 4006 >/dev/null
nw_beside pod4 udp $ELSE4 4007 >/dev/null
ctl_is 0 "net learned of one of a pod" net learned pupil-a
says "has its own" "^to +$ELSE4 +- +udp/4006 "
says "and those of nobody" "^to +$ELSE4 +of no known container +udp/4007 "
ctl_is 1 "learn: there is something to look at" learn pupil-a --section
complains "what a socket of nobody did" "^look: pupil-a: egress to $ELSE4 \(udp/4007\), by a socket of no known container"
it_is "of it no rule is made" "$(jq -c '[.egress[].ports[]]' $T/out)" '["udp/4006"]'
for id in pupil-a pupil-b; do nw_delete pupil $id; done

# --- gone ---

# the servers are in the containers' cgroups, too, but not their children
for id in db web-00; do
	mapfile -t pids <"$(nw_procs $id)" && kill "${pids[@]}"
done
nw_call shop kill web-01 KILL
it_until sh -c "! kill -0 ${PIDS#* }"
ctl_is 0 "net show while one of them is dead" net show
says "says that it is gone" '^web-01 .* - +- +gone$'
ctl_is 2 "and there is nothing to learn from it" learn web-01
complains "as it says" 'web-01 is gone'
for id in web-00 web-01; do nw_delete shop $id; done
nw_delete db db
ctl_is 0 "net show when all are gone" net show
says "is empty" '^no containers'
nw_sink_lives
it_clean "nothing is left" "$traces"
it_done

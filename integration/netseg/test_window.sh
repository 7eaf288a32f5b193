#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_window - no packet leaves a container before its rules are in force: a first process whose first
# instructions send is started a thousand times, and a neighbour counts what arrives.
#
# WINDOW_STARTS=N: so many. Two thirds by run, one by create, start and delete, in LANES namespaces at once. In between
# the same without rules: all of it arrives, so the sink can see it and no rules of the start before are left.
# shellcheck source=integration/netseg/world.sh
. "${BASH_SOURCE[0]%/*}/world.sh" || exit 1
IT_NEEDS="runc busybox nft"
it_enter "$0" "$@"

STARTS=${WINDOW_STARTS:-1000}
LANES=2
EACH=$((STARTS / LANES)) # of a lane
RIGS=10                  # of a lane, without rules

# PROFILE LANE WAY: one life of /bin/first, to its end
life() {
	local id=w$2 d=$T/bundles/w$2 end=$((SECONDS + 60))
	cp "$d/asked.json" "$d/config.json"
	case $3 in
	run) "$RT" --cinch-profile "$1" --root "$ROOT" run --bundle "$d" "$id" ;;
	*)
		"$RT" --cinch-profile "$1" --root "$ROOT" create --bundle "$d" --pid-file "$d/pid" "$id" &&
			"$RT" --root "$ROOT" start "$id" &&
			while [ -e "/proc/$(<"$d/pid")/root/bin" ] && [ $SECONDS -lt $end ]; do :; done
		"$RT" --root "$ROOT" delete --force "$id"
		;;
	esac
} </dev/null >>"$T/out.$2" 2>&1

lane() { # LANE: what went wrong, a word each
	local i way bad=0
	for ((i = 1; i <= EACH; i++)); do
		way=run
		[ $((i % 3)) -ne 0 ] || way=create
		life "${WINDOW_PROFILE:-closed}" "$1" $way || bad=$((bad + 1))
		[ $((i % (EACH / RIGS))) -ne 0 ] || life none "$1" $way
	done
	echo $bad >"$T/bad.$1"
}

count() { tail -c "+$((NW_MARK + 1))" "$SINK" | grep -cE "$1"; } # REGEX

it_count() { # WHAT REGEX WANT
	it_is "$1" "$(count "$2")" "$3"
}

test_rig() {
	local lane
	nw_mark
	for ((lane = 1; lane <= LANES; lane++)); do
		life none $lane run || it_result 1 "a start without rules" "$(cat $T/out.$lane)"
		nw_fence pod$lane
	done
	it_count "without rules datagrams arrive, IPv4" "^udp .* $SINK4 666$" $LANES
	it_count "without rules datagrams arrive, IPv6" "^udp .* $SINK6 666$" $LANES
	it_count "without rules connections arrive, IPv4" "^tcp .* $SINK4 666$" $LANES
	it_count "without rules connections arrive, IPv6" "^tcp .* $SINK6 666$" $LANES
}

test_window() {
	local lane p pids=() all=$((EACH * LANES)) rigs=$((RIGS * LANES)) began=$SECONDS
	nw_mark
	for ((lane = 1; lane <= LANES; lane++)); do
		lane $lane &
		pids+=($!)
	done
	for p in "${pids[@]}"; do
		wait "$p"
	done
	for ((lane = 1; lane <= LANES; lane++)); do
		nw_fence pod$lane
	done
	echo "# $all starts in $((SECONDS - began)) s"
	it_is "every one of $all starts with rules went well" "$(cat $T/bad.* | tr '\n' ' ')" \
		"$(for ((lane = 1; lane <= LANES; lane++)); do printf '0 '; done)" || head -n 3 $T/out.* | sed 's/^/# /'
	it_count "each sent what is allowed, IPv4" "^udp .* $SINK4 $FENCE$" $((all + rigs))
	it_count "each sent what is allowed, IPv6" "^udp .* $SINK6 $FENCE$" $((all + rigs))
	it_count "no datagram of theirs came before the rules, IPv4" "^udp .* $SINK4 666$" $rigs
	it_count "no datagram of theirs came before the rules, IPv6" "^udp .* $SINK6 666$" $rigs
	it_count "no connection of theirs came before the rules, IPv4" "^tcp .* $SINK4 666$" $rigs
	it_count "no connection of theirs came before the rules, IPv6" "^tcp .* $SINK6 666$" $rigs
	it_is "nothing else came" "$(tail -c "+$((NW_MARK + 1))" "$SINK" |
		grep -vE "^(udp|tcp) .* ($SINK4|$SINK6) (666|$FENCE)$|^udp 192.0.2.1 ")" ""
	nw_sink_lives
}

test_gone() {
	local lane
	for ((lane = 1; lane <= LANES; lane++)); do
		it_is "lane $lane: no rules are left" "$(in_ns pod$lane nft list ruleset)" ""
	done
	it_is "nobody is registered any more" "$(find /run/cinch -path '*net*' -type f ! -name lock -size +0)" ""
}

nw_world
nw_profile none ""
nw_profile closed "{\"preset\": \"isolated\", \"egress\": [$NW_FENCE]}"
nw_profile counted "{\"mode\": \"audit\", \"preset\": \"isolated\", \"egress\": [$NW_FENCE]}"
it_apply '{}'
for ((lane = 1; lane <= LANES; lane++)); do
	nw_pod $lane
	nw_bundle w$lane pod$lane '.process.args = ["/bin/first"]'
done
BEFORE=$(it_traces)
test_rig
test_window
test_gone
it_clean "nothing is left" "$BEFORE"
it_done

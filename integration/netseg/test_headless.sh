#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_headless - what a container's first process does to itself does not end the rules of the others in it: its first
# thread ends, and /proc calls it a zombie; it goes into a network namespace of its own.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=integration/netseg/world.sh
. "${BASH_SOURCE[0]%/*}/world.sh" || exit 1
IT_NEEDS="runc busybox nft"
it_enter "$0" "$@"

HOSTS='{"namespaces": {"host": ["network"]}}'
WAIT='until [ -e /dev/shm/go ]; do sleep 0.02; done;'

state() { sed -n 's/^[0-9]* (.*) \(.\).*/\1/p' "/proc/$1/stat" 2>/dev/null; } # PID
is_headless() { [ "$(state "$1")" = Z ]; } # PID
has_moved() { # PID POD
	local at=/run/netns/$2
	[ "$2" != host ] || at=/proc/self/ns/net
	[ "$(readlink "/proc/$1/ns/net")" != "net:[$(stat -Lc %i "$at")]" ]
}
ended() { [ ! -e "/proc/$1" ]; } # PID
chains() { nw_table "$1" | jq -c '[.nftables[].chain.name // empty | select(endswith("_refuse") and startswith("c"))] | length'; } # POD
members() { nw_table "$1" | jq -c "[.nftables[].set // empty | select(.name == \"segment_$2_4\") | .elem[]?]"; } # POD SEGMENT

# POD WHAT: nothing of what it may not gets out, from its cgroup
held() {
	nw_mark
	it_is "$2: it is refused" "$(nw_as odd "$1" udp $NW_NEVER4.77 1000)" EPERM
	nw_fence "$1"
	it_is "$2: nothing comes of it" "$(nw_arrived "udp 10.88.${1#pod}.2 $NW_NEVER4.77 1000")" 0
}

# POD WHAT CHANGED PROCESS...: CHANGED PID POD says when it is done
all_of_it() {
	local pod=$1 what=$2 changed=$3 pid
	shift 3
	nw_run web odd "$pod" ".process.args = [\"/bin/sh\", \"-c\", \"$WAIT $*\"]" || return
	pid=$(nw_pid odd)
	touch "/proc/$pid/root/dev/shm/go"
	it_until "$changed" "$pid" "$pod"
	it_result $? "$what"
	held "$pod" "$what"
	nw_run wide side "$pod" || return
	it_is "$what: another one's start leaves its rules" "$(chains "$pod")" 4
	held "$pod" "$what, beside another one"
	it_ok "$what: net check finds it" sh -c "'$B/cinchctl' net check odd | grep -q '1 table as it should be'"
	"$B/cinchctl" net sync >$T/sync 2>&1
	it_unlike "$what: net sync does not take it for gone" "$(cat $T/sync)" gone
	nw_delete wide side
	it_is "$what: nor does another one's end" "$(chains "$pod")" 2
	held "$pod" "$what, alone again"
	"$what" "$pod" "$pid"
	kill -9 "$pid"
	it_until ended "$pid"
	nw_delete web odd
	"$B/cinchctl" net sync >$T/sync 2>&1
	it_is "$what: when it has ended its rules have" "$(in_ns "$pod" nft list ruleset)" ""
}

headless() { # POD PID
	nw_run db store pod3 || return
	it_is "headless: another's set has it" "$(members pod3 app)" "[\"10.88.${1#pod}.2\"]"
	nw_run db more pod3 && nw_delete db more
	it_is "headless: and keeps it" "$(members pod3 app)" "[\"10.88.${1#pod}.2\"]"
	nw_delete db store
	nw_call web delete odd # for runc it is "stopped"
	it_like "headless: what runs on keeps its rules" "$("$B/cinchctl" net show odd)" '^rules +in force$'
	held "$1" "headless, and deleted"
}

moved() { # POD PID
	nw_run db store pod3 || return
	it_is "moved: its own set has who comes" "$(members "$1" store)" '["10.88.3.2"]'
	nw_delete db store
	it_is "moved: and loses who goes" "$(members "$1" store)" "[]"
}

# Who has no rules yet, and is somewhere else by now, gets none there; those it left behind would go free.
begun_late() { # POD JQ
	local pid
	nw_run bare late "$1" "$2 | .process.args = [\"/bin/sh\", \"-c\", \"$WAIT sleep 1000 & exec unshare -Un sleep 1000\"]" || return
	pid=$(nw_pid late)
	touch "/proc/$pid/root/dev/shm/go"
	it_until has_moved "$pid" "$1"
	nw_profile bare "{\"preset\": \"none\"}" "$HOSTS"
	it_apply '{}'
	"$B/cinchctl" net reload late >$T/reload 2>&1
	it_is "rules for who has left: an error" "$?" 2
	it_like "says so" "$(cat $T/reload)" 'may have left the network namespace'
	kill -9 "$pid"
	nw_delete bare late
	nw_profile bare "" "$HOSTS"
	it_apply '{}'
}

nw_world
for n in 1 2 3; do nw_pod $n; done
nw_profile web "{\"preset\": \"none\", \"segment\": \"app\", \"egress\": [$NW_FENCE],
	\"ingress\": [{\"from\": [\"segment:store\"], \"ports\": [\"tcp/80\"]}]}"
nw_profile wide '{"preset": "open"}'
nw_profile db '{"preset": "none", "segment": "store", "ingress": [{"from": ["segment:app"], "ports": ["tcp/5432"]}]}'
nw_profile bare "" "$HOSTS"
it_apply '{}'
all_of_it pod1 headless is_headless exec net headless 1000
if [ "$(unshare -Un echo yes 2>/dev/null)" = yes ]; then
	all_of_it pod2 moved has_moved 'sleep 1000 & exec unshare -Un sleep 1000'
	begun_late pod1 .
	begun_late host '.linux.namespaces |= map(select(.type != "network"))'
else
	it_skip "a network namespace of its own" "this system makes none for us"
fi
nw_sink_lives
it_done

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_network - rules of the network under a real podman: a container, two members of one pod with rules of their
# own, a published port.
# shellcheck source=integration/podman/world.sh
. "${BASH_SOURCE[0]%/*}/world.sh" || exit 1
IT_NEEDS="podman conmon runc busybox catatonit netavark nft"
# Debian has it where no PATH looks
[ ! -x /usr/lib/podman/netavark ] || IT_NEEDS=${IT_NEEDS/netavark/\/usr\/lib\/podman\/netavark}
pm_enter "$0" "$@"
# shellcheck source=integration/netseg/engine.sh
. "$IT_TOP/integration/netseg/engine.sh" || exit 1

tries() { p exec "$1" /bin/sh -c "$(ne_tries "$2")" >$T/said; } # NAME N
keep() { # NAME [OPTION...]: one that stays
	local name=$1 got
	shift
	got=$(p run -d --name "$name" "$@" $IMAGE /bin/sleep 1000) || it_result 1 "$name starts" "$got"
}

test_alone() {
	local before
	before=$(pm_traces)
	keep rig --runtime "$RUNC"
	ne_mark
	tries rig 1
	it_is "without cinch everything arrives" "$(ne_arrived 1)" "$NE_ALL"
	p rm -f -t 0 rig >/dev/null
	keep web
	ne_mark
	tries web 2
	it_is "what the policy allows arrives, nothing else" "$(ne_arrived 2)" "allowed " || sed 's/^/# /' $T/said
	ne_remembered web "$(pid_of web)" 2
	p rm -f -t 0 web >/dev/null
	pm_clean "alone: nothing left behind" "$before"
}

test_pod() {
	local before pid
	before=$(pm_traces)
	p pod create --name pp >/dev/null
	keep web-1 --pod pp
	keep db-1 --pod pp
	pid=$(pid_of web-1)
	it_is "two members of a pod have one network" "$(readlink "/proc/$pid/ns/net")" \
		"$(readlink "/proc/$(pid_of db-1)/ns/net")"
	ne_mark
	tries web-1 3
	it_is "web: what its policy allows arrives, nothing else" "$(ne_arrived 3)" "allowed "
	ne_remembered web "$pid" 3
	ne_mark
	tries db-1 4
	p exec db-1 /bin/net udp $NE_HOST 5432 >/dev/null
	it_until ne_saw "^udp .* $NE_HOST 5432$"
	it_is "db: what web's policy allows is not db's" "$(NE_WAIT=1 ne_arrived 4)" ""
	ne_remembered db "$pid" 4
	it_is "a process of neither has what both allow: nothing" \
		"$(nsenter -t "$pid" -n "$B/tests/prog_net" udp $NE_HOST 5432)" EPERM
	p rm -f -t 0 db-1 >/dev/null
	ne_mark
	tries web-1 5
	it_is "db is gone, web's rules stay" "$(ne_arrived 5)" "allowed "
	it_is "db's rules are gone" "$(nsenter -t "$pid" -n nft list ruleset | grep -c 'profile net-db')" 0
	p pod rm -f -t 0 pp >/dev/null
	pm_clean "pod: nothing left behind" "$before"
}

# A published port goes through netavark's translation.
test_published() {
	keep web-p -p 18080:8080
	p exec -d web-p /bin/net serve tcp 0.0.0.0 8080 >/dev/null
	it_until "$B/tests/prog_net" ask tcp 127.0.0.1 18080
	it_result $? "the port that the policy opens is reached" "$(ne_denied "$(pid_of web-p)")"
	p rm -f -t 0 web-p >/dev/null
}

# A user namespace of its own: podman connects its network between create and start.
test_mapped() {
	local before map="--uidmap 0:100000:70000 --gidmap 0:100000:70000"
	before=$(pm_traces)
	# shellcheck disable=SC2086 # options
	keep web-m $map
	ne_mark
	tries web-m 6
	it_is "mapped users: what the policy allows arrives, nothing else" "$(ne_arrived 6)" "allowed "
	ne_remembered web "$(pid_of web-m)" 6
	p restart -t 0 web-m >/dev/null
	ne_mark
	tries web-m 7
	it_is "mapped users: and after a restart" "$(ne_arrived 7)" "allowed "
	p rm -f -t 0 web-m >/dev/null
	pm_clean "mapped users: nothing left behind" "$before"
}

# Networks that are somebody else's: of another container, by its name in /run/netns.
test_joined() {
	local pid
	keep web-j
	pid=$(pid_of web-j)
	keep db-j --network container:web-j
	it_is "another's network: two have their lines" "$(nsenter -t "$pid" -n nft list table inet cinch |
		grep -c 'socket cgroupv2.*_out')" 2
	ne_mark
	tries db-j 8
	it_is "another's network: not with its rules" "$(NE_WAIT=1 ne_arrived 8)" ""
	p rm -f -t 0 db-j >/dev/null
	p rm -f -t 0 web-j >/dev/null
	ip netns add byname
	keep web-n --network ns:/run/netns/byname
	it_is "a network by name: it has the rules" "$(nsenter --net=/run/netns/byname nft list ruleset | grep -c 'policy drop')" 3
	p rm -f -t 0 web-n >/dev/null
	it_is "a network by name: and none when it is gone" "$(nsenter --net=/run/netns/byname nft list ruleset)" ""
	ip netns del byname
}

NODE='{"defaultProfile": "baseline", "select": [{"container": "web*", "profile": "net-web"},
	{"container": "db*", "profile": "net-db"}]}'
ne_profile net-web "{\"preset\": \"isolated\", \"egress\": [$NE_ALLOW],
	\"ingress\": [{\"from\": [\"any\"], \"ports\": [\"tcp/8080\"]}]}"
ne_profile net-db "{\"preset\": \"isolated\", \"egress\": [{\"to\": [\"$NE_HOST\"], \"ports\": [\"udp/5432\"]}]}"
pm_setup
ne_world
test_alone
test_pod
test_published
test_mapped
test_joined
ne_sink_lives
it_is "nobody is registered any more" "$(find /run/cinch -path '*net*' -type f ! -name lock -size +0)" ""
it_done

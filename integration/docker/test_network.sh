#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_network - rules of the network under a real dockerd: what leaves a container, a published port, Docker's own
# resolver, a container in the host's network.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
# shellcheck disable=SC2034 # read by it_enter
IT_NEEDS="dockerd docker containerd ctr runc busybox iptables nft"
it_enter "$0" "$@"
# shellcheck source=integration/docker/engine.sh
. "$IT_TOP/integration/docker/engine.sh" || exit 1
# shellcheck source=integration/netseg/engine.sh
. "$IT_TOP/integration/netseg/engine.sh" || exit 1

NODES_RESOLVER=10.99.0.53
pid_of() { d inspect -f '{{.State.Pid}}' "$1"; }
tries() { d exec "$1" /bin/sh -c "$(ne_tries "$2")" >"$T/said"; } # NAME N
address() { d inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$1"; }
keep() { # NAME RUNTIME [OPTION...]: one that stays
	local name=$1 runtime=$2 got
	shift 2
	got=$(d run -d --name "$name" --runtime "$runtime" "$@" $IMAGE /bin/sleep 1000) ||
		it_result 1 "$name starts" "$got"
}

test_out() {
	keep rig runc
	ne_mark
	tries rig 1
	it_is "without cinch everything arrives" "$(ne_arrived 1)" "$NE_ALL"
	d rm -f rig >/dev/null
	keep web cinch
	ne_mark
	tries web 2
	it_is "what the policy allows arrives, nothing else" "$(ne_arrived 2)" "allowed " || sed 's/^/# /' "$T/said"
	ne_remembered web "$(pid_of web)" 2
	ne_mark
	it_is "a process that docker exec starts is held, too" "$(d exec web /bin/net udp $NE_HOST 2005)" EPERM
	d rm -f web >/dev/null
}

# Somebody outside of the node, for whom Docker translates addresses.
outside() {
	ip netns add outside
	ip link add out0 type veth peer name eth0 netns outside
	ip address add 192.168.77.1/24 dev out0 && ip link set out0 up
	nsenter --net=/run/netns/outside ip address add 192.168.77.2/24 dev eth0
	nsenter --net=/run/netns/outside ip link set eth0 up
}

ask_outside() { nsenter --net=/run/netns/outside "$B/tests/prog_net" ask tcp 192.168.77.1 "$1"; } # PORT

test_published() {
	local name runtime pid
	for runtime in runc cinch; do
		name=web-$runtime
		keep "$name" $runtime -p 18080:8080 -p 18081:8081
		pid=$(pid_of "$name")
		d exec -d "$name" /bin/net serve tcp 0.0.0.0 8080
		d exec -d "$name" /bin/net serve tcp 0.0.0.0 8081
		it_until ne_listens "$pid" 8080 && it_until ne_listens "$pid" 8081 && it_until ask_outside 18080
		it_like "$runtime: the published port answers somebody outside" "$(ask_outside 18080)" '^answered '
		it_like "$runtime: and the node itself" "$("$B/tests/prog_net" ask tcp 127.0.0.1 18080)" '^answered '
		it_like "$runtime: the other one, of which the policy says nothing" "$(ask_outside 18081)" \
			"$([ $runtime = runc ] && echo '^answered ' || echo '^ETIMEDOUT ')"
		[ $runtime = runc ] || it_like "who asked is remembered" "$(ne_denied "$pid")" \
			'^192\.168\.77\.2 6 8081$'
		d rm -f "$name" >/dev/null
	done
}

# A network of its own: Docker's resolver is 127.0.0.11, and asks the node's from inside the container's namespace.
test_resolver() {
	local got
	d network create mesh >/dev/null
	keep web-1 cinch --network mesh
	keep peer runc --network mesh
	it_like "Docker's resolver knows the neighbours" "$(d exec web-1 nslookup peer 127.0.0.11)" \
		"Address.*: $(address peer | sed 's/\./\\./g')"
	ne_mark
	d exec web-1 nslookup -type=a somebody.example 127.0.0.11 >/dev/null
	it_until ne_saw "^udp .* $NODES_RESOLVER 53$"
	it_result $? "and asks the node's resolver for others" "$(ne_denied "$(pid_of web-1)")"
	it_is "but not the container itself: another one" "$(d exec web-1 /bin/net udp 9.9.9.9 53)" EPERM
	it_refused_at_once "nor may it talk to the neighbour" d exec web-1 /bin/net tcp "$(address peer)" 80
	got=$(ne_denied "$(pid_of web-1)")
	it_like "which is remembered" "$got" "^$(address peer) 6 80\$"
	d rm -f web-1 peer >/dev/null
	d network rm mesh >/dev/null
}

test_host() {
	local rules
	rules=$(host_rules)
	keep other runc
	keep host-1 cinch --network host
	it_is "in the host's network: refused" "$(d exec host-1 /bin/net udp "$(address other)" 4444)" EPERM
	it_refused_at_once "TCP, at once" d exec host-1 /bin/net tcp "$(address other)" 4444
	it_is "the host itself is not" "$("$B/tests/prog_net" udp "$(address other)" 4444)" sent
	it_is "only lines for its cgroup are in the host's base chains" "$(nft -j list table inet cinch | jq -r '
		[.nftables[].chain // empty | select(.hook) | .policy] + [.nftables[].rule // empty |
		select(.chain | IN("input", "output", "forward")) | .expr[0].match.left.socket.key] | unique | join(" ")')" \
		"accept cgroupv2"
	d rm -f host-1 other >/dev/null
	it_is "the host's rules are as before" "$(host_rules)" "$rules"
}

# Users are mapped, and the namespace is one of the mapped root's; a second container joins it.
test_remapped() {
	docker_down
	printf 'daemon:700000:65536\n' | tee -a /etc/subuid >>/etc/subgid
	docker_up '. + {"userns-remap": "daemon"}'
	docker_image
	keep web-r cinch
	ne_mark
	tries web-r 3
	it_is "mapped users: what the policy allows arrives, nothing else" "$(ne_arrived 3)" "allowed "
	ne_remembered web "$(pid_of web-r)" 3
	keep other-r cinch --network container:web-r
	it_is "another's network: two have their lines" "$(nsenter -t "$(pid_of web-r)" -n nft list table inet cinch |
		grep -c 'socket cgroupv2.*_out')" 2
	it_is "and rules of their own" "$(d exec other-r /bin/net udp $NE_HOST 2009) $(d exec web-r /bin/net udp $NE_HOST 2009)" \
		"sent EPERM"
	d rm -f other-r >/dev/null
	d rm -f web-r >/dev/null
}

host_rules() { nft list ruleset 2>/dev/null | sed 's/packets [0-9]* bytes [0-9]*//'; }

echo "nameserver $NODES_RESOLVER" >/etc/resolv.conf
ip address add $NODES_RESOLVER/32 dev lo
ne_profile net-web "{\"preset\": \"isolated\", \"egress\": [$NE_ALLOW],
	\"ingress\": [{\"from\": [\"any\"], \"ports\": [\"tcp/8080\"]}]}"
ne_profile open '{"preset": "open"}'
ne_profile hostnet '{"preset": "isolated"}' baseline '{"namespaces": {"host": ["network"]}}'
it_apply '{"defaultProfile": "baseline", "select": [{"container": "web*", "profile": "net-web"},
	{"container": "host-*", "profile": "hostnet"}, {"container": "other-*", "profile": "open"}]}'
docker_world .
ne_world
outside
BEFORE=$(docker_traces)
test_out
test_published
test_resolver
test_host
ne_sink_lives
docker_clean "nothing is left behind" "$BEFORE"
test_remapped
it_is "nobody is registered any more" "$(find /run/cinch -path '*net*' -type f ! -name lock -size +0)" ""
docker_down
it_done

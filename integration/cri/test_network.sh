#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_network - rules of the network for pods of containerd's CRI: two containers of one pod with rules of their
# own, a probe from the node, a container in the node's network, whose neighbours there notice nothing.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
# shellcheck source=integration/cri/cri.sh
. "${BASH_SOURCE[0]%/*}/cri.sh" || exit 1
IT_NEEDS="$IT_NEEDS nft"
it_enter "$0" "$@"
# shellcheck source=integration/netseg/engine.sh
. "$IT_TOP/integration/netseg/engine.sh" || exit 1

pid_of() { ctr -n k8s.io task ls | awk -v id="$1" '$1 == id {print $2}'; } # ID
tries() { cri_exec "$1" /bin/sh -c "$(ne_tries "$2")" >$T/said; } # ID N
address() { cri PodSandboxStatus "{\"pod_sandbox_id\": \"$1\"}" .status.network.ip; } # POD-ID

test_rig() {
	local pod id
	pod=$(cri_pod rig runc)
	id=$(cri_run rig "$pod" any)
	ne_mark
	tries "$id" 1
	it_is "without cinch everything arrives" "$(ne_arrived 1)" "$NE_ALL"
	cri_remove_pod "$pod"
}

# web may talk to one host, db to another port of it; nobody to what is neither's.
test_two() {
	local pod web db pid before
	before=$(it_traces)
	pod=$(cri_pod two cinch)
	web=$(cri_run two "$pod" web) || it_result 1 "web starts" "$web"
	db=$(cri_run two "$pod" db) || it_result 1 "db starts" "$db"
	pid=$(pid_of "$web")
	ne_mark
	tries "$web" 2
	it_is "web: what its policy allows arrives, nothing else" "$(ne_arrived 2)" "allowed " || cat $T/said
	ne_remembered web "$pid" 2
	ne_mark
	tries "$db" 3
	cri_exec "$db" /bin/net udp $NE_HOST 5432 >/dev/null
	it_until ne_saw "^udp .* $NE_HOST 5432$"
	it_is "db: what web's policy allows is not db's" "$(NE_WAIT=1 ne_arrived 3)" ""
	ne_remembered db "$pid" 3
	ne_mark
	cri_exec "$web" /bin/net udp $NE_HOST 5432 >/dev/null
	nsenter -t "$pid" -n "$B/tests/prog_net" udp $NE_HOST 5432 >/dev/null
	nsenter -t "$pid" -n "$B/tests/prog_net" udp $NE_HOST $NE_FENCE >/dev/null
	tries "$web" 2
	it_is "nor is db's for web, or either for a process of neither" "$(ne_arrived 2
		tail -c "+$((NE_MARK + 1))" $SINK | grep -c " $NE_HOST $NE_FENCE\$"
		ne_saw " 5432$" && echo "5432")" "allowed 1"
	test_probe "$pod" "$web" "$db"
	cri_remove "$db"
	ne_mark
	tries "$web" 4
	it_is "db is gone, web's rules stay" "$(ne_arrived 4)" "allowed "
	it_is "db's rules are gone" "$(nsenter -t "$pid" -n nft list ruleset | grep -c 'profile net-db')" 0
	cri_remove_pod "$pod"
	it_clean "two containers: nothing left behind" "$before"
}

test_probe() { # POD-ID WEB DB
	local at pid
	at=$(address "$1") pid=$(pid_of "$2")
	cri_exec "$2" /bin/sh -c "net serve tcp 0.0.0.0 8080 >/dev/null 2>&1 & net serve tcp 0.0.0.0 8081 >/dev/null 2>&1 &"
	cri_exec "$3" /bin/sh -c "net serve tcp 0.0.0.0 8082 >/dev/null 2>&1 &"
	it_until ne_listens "$pid" 8080 && it_until ne_listens "$pid" 8081 && it_until ne_listens "$pid" 8082
	it_result $? "three servers"
	it_until answers "$at" 8080
	it_like "the node's probe is answered" "$("$B/tests/prog_net" ask tcp "$at" 8080)" '^answered '
	it_like "at no other port" "$("$B/tests/prog_net" ask tcp "$at" 8081)" '^ETIMEDOUT '
	it_like "nor by the other container" "$("$B/tests/prog_net" ask tcp "$at" 8082)" '^ETIMEDOUT '
	it_like "though they serve" "$(nsenter -t "$pid" -n ss -Hltn | grep -cE ':808[012] ')" '^3$'
}

# shellcheck disable=SC2317 # called by it_until
answers() { "$B/tests/prog_net" ask tcp "$1" "$2"; }

host_packets() { "$B/tests/prog_net" udp "$(address "$1")" 4444; } # POD-ID

# In the node's own network: the container is held, the node is not.
test_host() {
	local pod other id before rules
	before=$(it_traces)
	rules=$(nft list ruleset)
	other=$(cri_pod rig runc) # somebody to talk to
	pod=$(cri_pod host cinch '.linux.security_context.namespace_options.network = 2 | del(.hostname)')
	id=$(cri_run host "$pod" agent '.linux.security_context.namespace_options.network = 2') ||
		it_result 1 "a container in the node's network starts" "$id"
	it_is "the container is in the node's network" "$(readlink "/proc/$(pid_of "$id")/ns/net")" \
		"$(readlink /proc/self/ns/net)"
	it_is "what it may not is refused" "$(cri_exec "$id" /bin/net udp "$(address "$other")" 4444)" EPERM
	it_refused_at_once "TCP, at once" cri_exec "$id" /bin/net tcp "$(address "$other")" 4444
	it_is "what it may is not" "$(cri_exec "$id" /bin/net udp "$(address "$other")" $NE_FENCE)" sent
	it_is "the node's own packets are" "$(host_packets "$other")" sent
	it_is "its refusals are shown" "$(ne_denied $$ | grep -cE ' (17|6) 4444$')" 2
	it_is "the node's namespace has nothing but lines for the cgroup" "$(nft -j list table inet cinch | jq -r '
		[.nftables[].chain // empty | select(.hook) | .policy] + [.nftables[].rule // empty |
		select(.chain | IN("input", "output", "forward")) | .expr[0].match.left.socket.key] | unique | join(" ")')" \
		"accept cgroupv2"
	cri_remove_pod "$pod"
	cri_remove_pod "$other"
	it_is "the node's rules are as before" "$(nft list ruleset)" "$rules"
	it_clean "the node's network: nothing left behind" "$before"
}

it_install
ne_profile net-web "{\"preset\": \"isolated\", \"egress\": [$NE_ALLOW],
	\"ingress\": [{\"from\": [\"host\"], \"ports\": [\"tcp/8080\"]}]}"
ne_profile net-db "{\"preset\": \"isolated\", \"egress\": [{\"to\": [\"$NE_HOST\"], \"ports\": [\"udp/5432\"]}]}"
ne_profile hostnet '{"preset": "isolated", "egress": [{"to": ["10.0.0.0/8"], "ports": ["udp/'$NE_FENCE'"]}]}' baseline \
	'{"namespaces": {"host": ["network", "uts"]}}'
it_apply '{"defaultProfile": "baseline", "select": [
	{"pod": "two", "container": "web", "profile": "net-web"}, {"pod": "two", "container": "db", "profile": "net-db"},
	{"pod": "host", "profile": "hostnet"}]}'
cri_start "$IT_TOP/integration/cri/containerd.toml" || it_die "containerd does not start"
ne_world
cri_warm
test_rig
test_two
test_host
ne_sink_lives
it_done

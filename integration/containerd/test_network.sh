#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_network - rules of the network for containers of ctr: their network comes between create and start
# (--cni), so rules cannot know addresses when they come into force; members of a segment find each other nevertheless.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
CNI=/usr/lib/cni # where Debian has them, and the others
[ -x $CNI/ptp ] || CNI=/usr/libexec/cni
IT_NEEDS="containerd ctr runc busybox nft $CNI/ptp"
it_enter "$0" "$@"
# shellcheck source=integration/netseg/engine.sh
. "$IT_TOP/integration/netseg/engine.sh" || exit 1

IMAGE=localhost/busybox:1
RT=/usr/local/sbin/cinch- # the profile is chosen by the name

c() { timeout 300 ctr -n "$IT_NS" "$@" 2>&1 </dev/null; }
pid_of() { c task ls | awk -v n="$1" '$1 == n {print $2}'; }
keep() { # NAME PROGRAM COMMAND...
	local name=$1 program=$2 got
	shift 2
	got=$(c run -d --cni --runc-binary "$program" $IMAGE "$name" "$@") || it_result 1 "$name starts" "$got"
}
# ctr does not always wait for an exec's output: by way of a file
inside() { # NAME COMMAND
	EXECS=$((${EXECS:-0} + 1))
	c task exec --exec-id "e$EXECS" "$1" /bin/sh -c "{ $2; } >/dev/shm/said 2>&1; echo end >>/dev/shm/said" >/dev/null
	it_until grep -q '^end' "/proc/$(pid_of "$1")/root/dev/shm/said"
	grep -v '^end' "/proc/$(pid_of "$1")/root/dev/shm/said"
}
remove() { # NAME...
	local name
	for name in "$@"; do
		c task kill -s KILL "$name" >/dev/null
		it_until gone "$name"
		c task rm "$name" >/dev/null
		c containers rm "$name" >/dev/null
	done
}
# shellcheck disable=SC2317 # called by it_until
gone() { ! c task ls | grep -q "^$1 .*RUNNING"; }
address() { nsenter -t "$(pid_of "$1")" -n ip -j -4 address show eth0 | jq -r '.[0].addr_info[0].local'; }

# CNI's programs where ctr looks for them, and one network
network() {
	{
		mount -t tmpfs -o mode=755 cinch-test /opt && mkdir -p /opt/cni /etc/cni/net.d &&
			ln -s "$CNI" /opt/cni/bin
	} || it_die "no place for CNI"
	jq -n --arg data "$T/ipam" '{cniVersion: "0.4.0", name: "cinch-test", plugins: [{type: "ptp", ipMasq: false,
		ipam: {type: "host-local", dataDir: $data, ranges: [[{subnet: "10.232.0.0/24"}]],
		routes: [{dst: "0.0.0.0/0"}]}}]}' >/etc/cni/net.d/10-test.conflist
	printf 'nameserver 10.232.0.1\n' >/etc/resolv.conf
	sysctl -qw net.ipv4.ip_forward=1
}

# PROGRAM NAME: a container whose first instructions send, until what may arrive does: its network may be taken down
# before the neighbour has been asked for its address. The network is there before it, the rules, too.
sends() {
	local n
	for ((n = 0; n < 5; n++)); do
		c run --rm --cni --runc-binary "$1" $IMAGE "$2" /bin/first >/dev/null
		! IT_WAIT=10 it_until ne_saw "^udp .* $NE_HOST $NE_FENCE$" || return 0
	done
	return 1
}

test_first() {
	ne_mark
	sends "$RUNC" first1
	it_is "without cinch a first packet arrives" "$(ne_saw "^udp .* $NE_HOST 666$" && echo yes)" yes
	ne_mark
	sends ${RT}net-web web-first
	it_result $? "with rules what is allowed arrives"
	it_is "no packet came before the rules" "$(ne_saw " $NE_HOST 666$" || echo none)" none
}

test_late() {
	keep rig "$RUNC" /bin/sleep 1000
	ne_mark
	inside rig "$(ne_tries 1)" >$T/said
	it_is "without cinch everything arrives" "$(ne_arrived 1)" "$NE_ALL"
	remove rig
	keep web-1 ${RT}net-web /bin/sleep 1000
	ne_mark
	inside web-1 "$(ne_tries 2)" >$T/said
	it_is "what the policy allows arrives, nothing else" "$(ne_arrived 2)" "allowed " || sed 's/^/# /' $T/said
	ne_remembered web "$(pid_of web-1)" 2
}

# web may talk to the members of db; it was there first.
test_segment() {
	local rules
	keep db-1 ${RT}net-db /bin/net serve tcp 0.0.0.0 5432
	keep other "$RUNC" /bin/net serve tcp 0.0.0.0 5432
	it_until ne_listens "$(pid_of db-1)" 5432 && it_until ne_listens "$(pid_of other)" 5432
	it_result $? "both serve"
	it_like "web reaches db, whose address came after its create" \
		"$(inside web-1 "net ask tcp $(address db-1) 5432")" '^answered '
	it_refused_at_once "but not somebody who is no member" inside web-1 "net ask tcp $(address other) 5432"
	it_like "and db is reached by web alone" "$("$B/tests/prog_net" ask tcp "$(address db-1)" 5432)" '^ETIMEDOUT '
	rules=$(nsenter -t "$(pid_of web-1)" -n nft list set inet cinch segment_db_4)
	it_like "web's set has db's address" "$rules" "$(address db-1 | sed 's/\./\\./g')"
	remove db-1
	it_unlike "db is gone, and so is its address" \
		"$(nsenter -t "$(pid_of web-1)" -n nft list set inet cinch segment_db_4)" '10\.232'
	remove other web-1
}

it_install
ln -s cinch ${RT}net-web
ln -s cinch ${RT}net-db
network
ne_profile net-web "{\"preset\": \"isolated\", \"segment\": \"web\", \"egress\": [$NE_ALLOW,
	{\"to\": [\"segment:db\"], \"ports\": [\"tcp/5432\"]}]}"
ne_profile net-db '{"preset": "isolated", "segment": "db", "ingress": [{"from": ["segment:web"], "ports": ["tcp/5432"]}]}'
it_apply '{"defaultProfile": "baseline", "network": {"resolvers": ["10.232.0.1"]}}'
it_containerd "" || it_die "containerd does not start"
it_image $T/image.tar $IMAGE || it_die "no image"
c images import $T/image.tar >/dev/null || it_die "the image is not imported"
ne_world
c run --rm --cni --runc-binary "$RUNC" $IMAGE warm /bin/true >/dev/null
BEFORE=$(it_traces)
test_first
test_late
test_segment
ne_sink_lives
it_is "nobody is registered any more" "$(find /run/cinch -path '*net*' -type f ! -name lock -size +0)" ""
it_clean "nothing is left" "$BEFORE"
it_done

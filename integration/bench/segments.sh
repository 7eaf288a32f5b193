#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# segments - what a create costs as the first and as the N-th (default 500) container of one segment, with the real
# runtime around it. Everybody's rules mention the segment, so each create tells all that are there. Every container
# has a namespace of its own with addresses of both families. Medians of ROUNDS creates of the same container; first
# and N-th by turns on the same node, beside the same N - 1 others, for these alone make the runtime slower.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="runc busybox"
IT_LIMIT=590
[ "$(id -u)" -eq 0 ] || it_die "needs root: sudo make bench"
it_enter "$0" "$@"

N=${N:-500} ROUNDS=${ROUNDS:-15} GOAL=1.5
CINCH_RT=/usr/local/sbin/cinch ROOT=$T/roots/many

prepare() {
	local p
	it_install
	mkdir -p "$ROOT" $T/many /etc/cinch/profiles
	for p in crowd lone; do
		cat >/etc/cinch/profiles/$p.json <<-END
			{"profile": "$p", "version": "1.0.0", "extends": ["baseline"], "network": {"mode": "enforce",
			 "preset": "isolated", "segment": "$p", "ingress": [{"from": ["segment:$p"]}],
			 "egress": [{"to": ["segment:$p"]}]}}
		END
	done
	it_apply '{"defaultProfile": "crowd"}'
	it_bundle $T/bundle b1 ".root.path = \"$T/bundle/rootfs\" | .linux.cgroupsPath = \"/$IT_NS/ID\" |
		.linux.namespaces |= map(if .type == \"network\" then .path = \"/proc/HOLDER/ns/net\" else . end)" ||
		it_die "cannot make a bundle"
	mv $T/bundle/config.json $T/plain.json
}

# Held by a process each, as an engine's sandbox does: 500 more mounts would be what the runtime alone spends its
# time with.
namespaces() {
	local i
	for ((i = 1; i <= N; i++)); do
		unshare --net sleep 100000 &
		holder[i]=$!
	done
	for ((i = 1; i <= N; i++)); do
		it_until is_sleep "${holder[i]}" || it_die "no namespace $i"
		printf '%s\n' "link set lo up" "link add eth0 type veth peer name eth1" "link set eth0 up" \
			"addr add 10.8.$((i / 250)).$((i % 250 + 1))/32 dev eth0" \
			"addr add fd08::$i/128 dev eth0 nodad" |
			nsenter --net="/proc/${holder[i]}/ns/net" ip -batch - || it_die "namespace $i"
	done
}
# shellcheck disable=SC2317 # called by it_until
is_sleep() { [ "$(cat "/proc/$1/comm")" = sleep ]; }

bundle() { # ID
	mkdir -p "$T/many/$1" && sed "s|/ID\"|/$1\"|; s|/HOLDER/|/${holder[${1#c}]}/|" $T/plain.json \
		>"$T/many/$1/config.json"
}
create() { # ID PROFILE; "-": the runtime alone
	local rt=("$CINCH_RT" --cinch-profile "$2")
	[ "$2" != - ] || rt=("$RUNC")
	"${rt[@]}" --root "$ROOT" create --bundle "$T/many/$1" "$1" </dev/null >$T/out 2>$T/err ||
		it_die "$1: $(cat $T/err)"
}

measure() { # NAME PROFILE...: ROUNDS creates of the last one with each
	local r p from to name=$1
	shift
	for ((r = 0; r < ROUNDS; r++)); do
		for p in "$@"; do
			bundle "c$N"
			from=$(date +%s%N)
			create "c$N" "$p"
			to=$(date +%s%N)
			echo $(((to - from) / 10000)) >>"$T/$name$p"
			"$CINCH_RT" --root "$ROOT" delete --force "c$N" || it_die "delete"
		done
	done
}
median() { sort -n "$T/$1" | awk '{v[NR] = $1 / 100} END {printf "%.2f", v[int((NR + 1) / 2)]}'; }

prepare
namespaces
measure warm crowd
measure empty - lone
for ((i = 1; i < N; i++)); do
	bundle "c$i"
	create "c$i" crowd
	"$CINCH_RT" --root "$ROOT" start "c$i" || it_die "start c$i"
done
measure full - lone crowd
in=$(nsenter --net="/proc/${holder[1]}/ns/net" nft -j list set inet cinch segment_crowd_6 |
	jq '[.nftables[].set // empty | .elem[]] | length')
[ "$in" -eq $((N - 1)) ] || it_die "$in of $((N - 1)) members are in a set"
awk -v n="$N" -v e="$(median empty-)" -v el="$(median emptylone)" -v f="$(median full-)" \
	-v fl="$(median fulllone)" -v fc="$(median fullcrowd)" -v goal=$GOAL 'BEGIN {
	printf "%-36s %15s %15s\n", "create, ms", "runtime alone", "through cinch"
	printf "%-36s %15.2f %15.2f\n", "  nobody else there", e, el
	printf "%-36s %15.2f %15.2f\n", "  beside " n - 1 ", first of its segment", f, fl
	printf "%-36s %15s %15.2f, %.2f times the first, goal %s: %s\n", "  number " n " of the segment", "",
		fc, fc / fl, goal, fc / fl <= goal ? "ok" : "MISSED"}'

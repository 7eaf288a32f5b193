#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# hook - what cinch-hook costs by itself (see hookbench.c), where nothing else on the node has rules of packets and where
# something has, as Docker and kube-proxy do. The first rules of a node, and the end of the last, have the kernel rewrite
# its own code on all processors: that is the node's price, not the container's. A delete that removes rules from a
# namespace that stays waits for the kernel's grace period. ROUNDS=N; WITH="PROGRAM..." are other builds of cinch-hook.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="nft"
IT_LIMIT=590
[ "$(id -u)" -eq 0 ] || it_die "needs root: sudo make bench"
it_enter "$0" "$@"

ROUNDS=${ROUNDS:-150}
ROOT=/run/root RECORD=/run/cinch/0123456789abcdef/b1.json NET=/run/cinch/net
key=c$(printf '%s/b1' $ROOT | sha256sum | cut -c 1-11)

compare() { # WORDS
	printf '%s, medians in ms; over: than a program that only starts\n%-44s %17s %17s\n' "$1" "" "wall clock, over" \
		"processor, over"
	# shellcheck disable=SC2086 # programs
	"$B/hookbench" "$ROUNDS" $RECORD b1 $NET "$key" "$B/stub" "$B/cinch-hook" ${WITH:-} || it_die "$1"
}

it_install
mkdir -m 700 /run/cinch "${RECORD%/*}"
cat >$RECORD <<-END
	{"version": 2, "id": "b1", "root": "$ROOT", "network": {"title": "b1", "segments": ["web"], "policies": [{
	 "profile": "rules", "mode": "enforce", "preset": "isolated",
	 "ingress": [{"from": ["segment:lb", "host"], "ports": ["tcp/8080"]}],
	 "egress": [{"to": ["segment:db"], "ports": ["tcp/5432"]}]}]}}
END
compare "nobody else has rules"
nft -f "${BASH_SOURCE[0]%/*}/others.nft" || it_die "nft"
compare "others have rules"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# bench - what a start costs with cinch and without, side by side in one run (see bench.c). ROUNDS=N for each
# line. The engines keep bundles in memory (/run), the record goes to a disk: so it is here.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="runc busybox nft"
IT_LIMIT=590
[ "$(id -u)" -eq 0 ] || it_die "needs root: sudo make bench"
it_enter "$0" "$@"

CINCH_RT=/usr/local/sbin/cinch
ROUNDS=${ROUNDS:-0}
ROOT=$T/bench BUN=$T/bundle DISK=$B/bench-disk
# shellcheck disable=SC2317 # called by it_until
is_sleep() { [ "$(cat "/proc/$1/comm")" = sleep ]; }
rounds() { if [ "$ROUNDS" -gt 0 ]; then echo "$ROUNDS"; else echo "$1"; fi; }

# NAME ROUNDS GOAL RSS-GOAL FRESH STEPS ALONE BUNDLE ID
pair() { "$B/bench" "$1" "$(rounds "$2")" "$3" "$4" "$5" "$6" "$7" $CINCH_RT $ROOT "$8" "$9" ||
	it_die "$1: $(tail -n 1 /var/log/cinch/audit.jsonl 2>/dev/null | cut -c 1-300)"; }

trap 'umount "$DISK/bundle/rootfs" 2>/dev/null; rm -rf "$DISK"' EXIT
it_install
mkdir -p "$ROOT" "$DISK/log" "$DISK/bundle/rootfs" /var/log/cinch
chmod 700 "$DISK/log" && mount --bind "$DISK/log" /var/log/cinch
it_bundle "$BUN" b1 || it_die "cannot make a bundle"
cp "$BUN/config.json" $T/plain.json
mount --bind "$BUN/rootfs" "$DISK/bundle/rootfs"

printf '%s, medians and p95 in ms; "over": median of the differences of pairs\n' \
	"$(runc --version | head -n 1), cinch $(stat -c %s $CINCH_RT) bytes"
printf '%-27s %5s %15s %15s %6s %15s %13s\n' "" "" "runtime alone" "through cinch" "" "over, goal" \
	"peak KiB, goal"

"$RUNC" --root $ROOT create --bundle "$BUN" held </dev/null >/dev/null 2>&1 || it_die "create"
pair "runc: state" 200 0.5 - - state "$RUNC" "$BUN" held
"$RUNC" --root $ROOT delete --force held
cp $T/plain.json "$BUN/config.json"
if $CINCH_RT --root $ROOT run --detach --bundle "$BUN" busy </dev/null >/dev/null 2>&1; then
	pair "runc: exec" 60 - - - exec "$RUNC" "$BUN" busy
	$CINCH_RT --root $ROOT delete --force busy
fi
pair "runc: create start delete" 60 - - $T/plain.json create,start,delete "$RUNC" "$BUN" b1
# the same configuration for both: what is over is the wrapper, not the filter and mounts it asks for
cp $T/plain.json "$BUN/config.json"
if $CINCH_RT --root $ROOT create --bundle "$BUN" b1 </dev/null >/dev/null 2>&1; then
	$CINCH_RT --root $ROOT delete --force b1
	cp "$BUN/config.json" $T/tight.json
	pair "  both with cinch's config" 60 - - $T/tight.json create,start,delete "$RUNC" "$BUN" b1
fi

# What rules of the network add, in force before the create ends: with the runtime alone none are. What a create
# costs without them (1.2) and this are to stay within 3.5.
mkdir -p /etc/cinch/profiles
rules() { # NAME MEMBERS: the digest of a policy with that profile for all
	printf '{"profile": "%s", "version": "1", "extends": ["baseline"]%s}\n' "$1" "$2" >"/etc/cinch/profiles/$1.json"
	printf '{"defaultProfile": "%s"}\n' "$1" >/etc/cinch/cinch.json
	"$B/cinchctl" apply >/dev/null && basename "$(readlink /var/lib/cinch/policy/current)"
}
with=$(rules rules ', "network": {"preset": "isolated", "segment": "web", "ingress": [{"from": ["segment:lb", "host"],
	"ports": ["tcp/8080"]}], "egress": [{"to": ["segment:db"], "ports": ["tcp/5432"]}]}') || it_die "cinchctl apply"
without=$(rules plain '') || it_die "cinchctl apply"
BENCH_LINK="/var/lib/cinch/policy/current $without $with" \
	pair "runc: none, network rules" 100 2.3 - $T/plain.json create,-delete $CINCH_RT "$BUN" b1
# The same where something else on the node has rules of packets, as Docker and kube-proxy do: the first ones at each
# hook, and the end of the last, have the kernel rewrite its own code on all processors.
unshare --net sh -c "nft -f '${BASH_SOURCE[0]%/*}/others.nft' && exec sleep 100000" &
others=$!
it_until is_sleep $others || it_die "the others' rules"
BENCH_LINK="/var/lib/cinch/policy/current $without $with" \
	pair "  others have rules, too" 100 2.3 - $T/plain.json create,-delete $CINCH_RT "$BUN" b1
kill $others
tail -n 4 /var/log/cinch/audit.jsonl | grep -q 'rules of the network' || it_die "no rules were made"
rm -r /etc/cinch/profiles /etc/cinch/cinch.json /var/lib/cinch

cp "$B/stub" /usr/local/sbin/stub
# found before all others, and so without a policy, too
cp "$B/stub" /usr/local/sbin/runc
pair "stub: create, nothing applied" 500 1.2 2048 $T/plain.json create /usr/local/sbin/runc "$BUN" b1
rm /usr/local/sbin/runc
STORE=/var/lib/cinch/policy
applied() { "$B/cinchctl" apply >/dev/null && basename "$(readlink $STORE/current)"; }
echo '{"runtime": "/usr/local/sbin/stub"}' >/etc/cinch/cinch.json
none=$(applied) || it_die "cinchctl apply"
STUB=/usr/local/sbin/stub
pair "stub: state" 1000 0.5 2048 - state $STUB "$BUN" b1
pair "stub: create" 500 1.2 2048 $T/plain.json create $STUB "$BUN" b1
pair "stub: run" 500 1.2 2048 $T/plain.json run $STUB "$BUN" b1
# a container as the runtime keeps one: nothing more is asked of the stub
cp $T/plain.json "$BUN/config.json"
$CINCH_RT --root $ROOT create --bundle "$BUN" x1 </dev/null >/dev/null || it_die "create x1"
mkdir "$ROOT/x1"
BENCH_PROCESS=$IT_TOP/tests/data/samples/cri-exec-process.json \
	pair "stub: exec, by file" 500 1 2048 - exec $STUB "$BUN" x1
tail -n 1 /var/log/cinch/audit.jsonl | grep -q '"verb":"exec".*"result":"changed"' || it_die "exec was not judged"
pair "stub: exec, by options" 500 1 2048 - exec $STUB "$BUN" x1
rmdir "$ROOT/x1"
pair "stub: create, disk bundle" 200 - 2048 $T/plain.json create $STUB "$DISK/bundle" b1

# What choosing among 1,000 rules adds: cinch with a policy without rules against cinch with one whose last
# rule matches, for a container of a kubelet's, which tells namespace, pod and image.
POD=/run/containerd/io.containerd.runtime.v2.task/k8s.io/b1
mkdir -p "$POD"
jq --arg rootfs "$BUN/rootfs" '.root.path = $rootfs | .annotations += {
	"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.container-name": "web",
	"io.kubernetes.cri.sandbox-namespace": "team-999", "io.kubernetes.cri.sandbox-name": "web-999-x2x4z",
	"io.kubernetes.cri.image-name": "registry.example.com/team-999/web:1.2"}' $T/plain.json >$T/pod.json
jq -n '{runtime: "/usr/local/sbin/stub", select: [range(1000) | {namespace: "team-\(.)", pod: "web-\(.)-*",
	image: "registry.example.com/team-\(.)/**", profile: "restricted"}]}' >/etc/cinch/cinch.json
many=$(applied) || it_die "cinchctl apply"
BENCH_LINK="$STORE/current $none $none" \
	pair "  one policy, twice" 500 - - $T/pod.json create $CINCH_RT "$POD" b1
BENCH_LINK="$STORE/current $none $many" \
	pair "none, 1,000 select rules" 500 0.3 - $T/pod.json create $CINCH_RT "$POD" b1
tail -n 2 /var/log/cinch/audit.jsonl | grep -q '"select":"rule cinch.json:' || it_die "no rule was used"

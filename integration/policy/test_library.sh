#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_library - the shipped profiles do what their first lines say, with the real runtime and with containerd.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
# shellcheck disable=SC2034 # read by it_enter
IT_NEEDS="runc busybox"
it_enter "$0" "$@"
it_install
CAPS='["CAP_NET_BIND_SERVICE", "CAP_KILL"]'
ROOT=".process.user = {uid: 0, gid: 0} |
	.process.capabilities = {bounding: $CAPS, effective: $CAPS, permitted: $CAPS}"

# What the container prints. A new bundle each time: cinch rewrites it.
run() { # PROFILE JQ-FILTER SHELL-LINE
	it_bundle $T/b "$1" "$2" || return 1
	jq --arg line "$3" '.process.args = ["/bin/sh", "-c", $line]' $T/b/config.json >$T/b/c &&
		mv $T/b/c $T/b/config.json
	timeout 300 /usr/local/sbin/cinch --cinch-profile "$1" --root $T/roots run --bundle $T/b "it-$1" 2>&1
	echo "status=$?"
}

# --- web ---
SERVE='id -u; mkdir /tmp/www && echo hello >/tmp/www/index.html; httpd -p 80 -h /tmp/www && wget -qO- http://127.0.0.1/'
got=$(run web "$ROOT" "$SERVE")
it_like "web: root of the image is not root" "$got" '^65532$'
it_like "web: and serves on port 80" "$got" '^hello$'
got=$(run restricted "$ROOT" "$SERVE")
it_like "restricted: the same" "$got" '^hello$'
got=$(run web "$ROOT | .process.capabilities |= map_values(. - [\"CAP_NET_BIND_SERVICE\"])" "$SERVE")
it_unlike "web: who could not bind low ports still cannot" "$got" '^hello$'
it_like "web: the kernel says why" "$got" 'Permission denied'
got=$(run web "$ROOT | .linux.sysctl = {\"net.ipv4.ip_unprivileged_port_start\": \"1024\"}" "$SERVE")
it_unlike "web: who closed the ports himself keeps them closed" "$got" '^hello$'
got=$(run baseline "$ROOT" "$SERVE")
it_like "baseline: root stays root and serves" "$got" '^hello$'
ip netns add it-shared
got=$(run web "$ROOT | (.linux.namespaces[] | select(.type == \"network\")).path = \"/run/netns/it-shared\"" \
	"cat /proc/sys/net/ipv4/ip_unprivileged_port_start; $SERVE")
it_unlike "web: not in a namespace that others may be in" "$got" '^hello$'
it_is "web: whose setting is as it was" \
	"$(ip netns exec it-shared cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" 1024
ip netns del it-shared

# --- batch ---
got=$(run batch "$ROOT" 'echo 1 >/tmp/n && sort /tmp/n | sed s/1/finished/; nc -l -p 8080; nc 127.0.0.1 1; true')
it_like "batch: the job runs" "$got" '^finished$'
it_is "batch: no socket, to listen or to connect" "$(grep -c 'socket.*Operation not permitted' <<<"$got")" 2
it_like "batch: and comes to its end" "$got" '^status=0$'
got=$(run batch "$ROOT | .linux.namespaces |= map(select(.type != \"network\"))" 'echo started')
it_like "batch: not in the host's network" "$got" "refused by profile batch.*host's network namespace"

# --- privileged-audit ---
got=$(run privileged-audit "$ROOT | .process.capabilities |= map_values(. + [\"CAP_SYS_ADMIN\"]) |
	del(.linux.seccomp, .linux.maskedPaths, .linux.readonlyPaths) | .process.noNewPrivileges = false |
	.linux.namespaces |= map(select(.type != \"network\"))" \
	'mkdir /tmp/m && mount -t tmpfs none /tmp/m && echo mounted; id -u')
it_like "privileged-audit: nothing is taken away" "$got" '^mounted$'
it_like "privileged-audit: root stays root" "$got" '^0$'
record=$(grep '"privileged-audit"' /var/log/cinch/audit.jsonl | tail -n 1)
it_is "privileged-audit: nothing was enforced" "$(jq '[.changes[] | select(.enforced)] | length' <<<"$record")" 0
it_is "privileged-audit: what baseline would have done is recorded" \
	"$(jq -r '[.changes[].control] | unique | map(select(. == "capabilities" or . == "namespaces" or
		. == "seccomp" or . == "noNewPrivileges" or . == "paths")) | join(" ")' <<<"$record")" \
	"capabilities namespaces noNewPrivileges paths seccomp"

# --- containerd ---
if ! command -v containerd >/dev/null || ! command -v ctr >/dev/null; then
	it_skip "low ports under containerd" "not installed: containerd"
elif ! it_containerd ""; then
	it_result 1 "containerd starts"
else
	it_image $T/image.tar docker.io/library/it:1 && ctr -n "$IT_NS" images import $T/image.tar >/dev/null
	got=$(timeout 300 ctr -n "$IT_NS" run --rm --runc-binary /usr/local/sbin/cinch --cgroup "/$IT_NS/web" \
		docker.io/library/it:1 it-web /bin/sh -c "$SERVE" 2>&1)
	it_like "containerd, restricted: an image of root serves on port 80" "$got" '^hello$'
	it_containerd_stop
fi
it_done

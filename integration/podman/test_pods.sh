#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_pods - pods, play kube and builds of a real podman.
# shellcheck source=integration/podman/world.sh
. "${BASH_SOURCE[0]%/*}/world.sh" || exit 1
IT_NEEDS="podman conmon runc busybox catatonit"
pm_enter "$0" "$@"

test_pod() {
	local before got
	before=$(pm_traces)
	it_like "pod create" "$(p pod create --name pp)" '^[0-9a-f]{64}$'
	it_like "a member" "$(p run -d --pod pp --name m1 $IMAGE /bin/sh -c \
		'echo from m1 >/tmp/page; httpd -f -p 8080 -h /tmp')" '^[0-9a-f]{64}$'
	it_until has_port m1
	got=$(p run --rm --pod pp --name m2 $IMAGE /bin/sh -c \
		'wget -qO- http://127.0.0.1:8080/page; readlink /proc/self/ns/net; id -u')
	it_is "another member reaches it, and is confined, too" "$got" "from m1
$(readlink "/proc/$(pid_of m1)/ns/net")
65532"
	it_is "a member that asks for the host's pids is refused" \
		"$(p run --rm --pod pp --pid host $IMAGE id | grep -c 'refused by profile restricted: namespaces')" 1
	it_is "the pod's own container is confined" \
		"$(pm_audit 'select(.verb == "create" and (.container // "" | endswith("-infra"))) | .result' | tail -n 1)" '"changed"'
	it_like "pod rm" "$(p pod rm -f -t 0 pp)" '^[0-9a-f]{64}$'
	p network prune -f >/dev/null
	pm_clean "pod: nothing left behind" "$before"
}

test_kube() {
	local before
	before=$(pm_traces)
	cat >$T/pod.yaml <<-EOF
		apiVersion: v1
		kind: Pod
		metadata:
		  name: kp
		  annotations:
		    io.cinch.profile: batch
		spec:
		  containers:
		  - name: one
		    image: $IMAGE
		    command: ["sleep", "1000"]
		  - name: two
		    image: $IMAGE
		    command: ["sleep", "1000"]
		    securityContext:
		      privileged: true
	EOF
	p play kube $T/pod.yaml >$T/kube.out
	it_is "play kube" $? 0
	it_is "play kube: both run" "$(p ps --format '{{.Names}}' | grep -c '^kp-')" 2
	it_is "play kube: the annotation of the pod is each container's" \
		"$(pm_audit 'select(.container // "" | startswith("kp-")) | [.profiles[].name]' | sort -u)" \
		'["restricted","batch"]'
	it_is "play kube: privileged is not" \
		"$(p exec kp-two grep -E '^(CapBnd|Seccomp):' /proc/self/status | tr -d '\t\n')" \
		"CapBnd:0000000000000000Seccomp:2"
	p play kube --down $T/pod.yaml >/dev/null
	it_is "play kube --down" $? 0
	sed -i 's/^spec:/spec:\n  hostNetwork: true/' $T/pod.yaml
	it_like "play kube: hostNetwork is refused with the reason" "$(p play kube $T/pod.yaml)" \
		'refused by profile restricted: namespaces: the host.s network namespace'
	p play kube --down $T/pod.yaml >/dev/null
	p pod rm -f -t 0 kp >/dev/null
	p network rm -f podman-default-kube-network >/dev/null
	pm_clean "play kube: nothing left behind" "$before"
}

# A build's steps come here, too; buildah hands over no log, its user sees standard error.
test_build() {
	local got
	mkdir -p $T/context
	cat >$T/context/Containerfile <<-EOF
		FROM $IMAGE
		RUN id -u >/data/who && grep -E '^(CapBnd|NoNewPrivs|Seccomp):' /proc/self/status >/data/how
		CMD ["cat", "/data/who", "/data/how"]
	EOF
	got=$(p build -t localhost/built:1 $T/context)
	it_is "build" "$?$(grep -c Successfully <<<"$got")" 01
	it_is "build: what a step was" "$(p run --rm localhost/built:1 | tr -d '\t' | tr '\n' ' ')" \
		"0 CapBnd:$NINE NoNewPrivs:1 Seccomp:2 "
	it_is "build: recorded" "$(pm_audit 'select(.engine == "buildah" and .verb == "create") | [.verb, .result, .select]' |
		sort -u)" '["create","changed","rule cinch.json:3"]'
	got=$(p build --network host -t localhost/built:2 --no-cache $T/context)
	it_like "build: refused, and why" "$got" \
		'cinch: refused by profile baseline: namespaces: the host.s network namespace'
	got=$(p build -v /:/h -t localhost/built:2 --no-cache $T/context)
	it_like "build: the host's / in a step" "$got" 'cinch: refused by profile baseline: mounts: .* on /h: '
	p rmi -f localhost/built:1 >/dev/null
	p image prune -f >/dev/null
}

# shellcheck disable=SC2317 # called by it_until
has_port() { p1 run --rm --pod pp "$IMAGE" wget -qO- http://127.0.0.1:8080/page; }

pm_setup
test_pod
test_kube
test_build
it_done

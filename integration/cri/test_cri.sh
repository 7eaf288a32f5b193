#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_cri - pods as a kubelet asks for them, with containerd's CRI and a real runc, under the handlers cinch,
# cinch-baseline and runc: what their containers are from inside whatever their securityContext asks, what
# a refused one shows, and that all of it can be taken away again.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
# shellcheck source=integration/cri/cri.sh
. "${BASH_SOURCE[0]%/*}/cri.sh" || exit 1
it_enter "$0" "$@"

POD=p1 # its id is $pod; what is varied runs in it

vary() { # JQ [MORE-COMMANDS]
	cri_output $POD "$pod" "$IT_LOOK${2:+; $2}" "$1"
}

mount_of() { # HOST-PATH CONTAINER-PATH
	echo ".mounts += [{host_path: \"$1\", container_path: \"$2\"}]"
}

# --- the configuration ---

test_config() {
	local got
	got=$(containerd -c $T/containerd.toml config dump)
	it_like "containerd.toml: both classes are there" "$(grep BinaryName <<<"$got" | tr -d '\n')" \
		'"/usr/local/sbin/cinch".*"/usr/local/sbin/cinch-baseline"'
	it_like "containerd.toml: who names no class gets runc" "$got" 'default_runtime_name = "runc"'
	it_like "the client reaches containerd" "$(cri Version)" '"runtime_name": "containerd".*"v1"'
	it_is "the node is ready" "$(cri Status '{}' '[.status.conditions[].status] | @csv')" "1,1"
	it_like "a class that is not there" "$(cri_pod none cinch-other)" 'no runtime for "cinch-other"'
}

# --- a pod with two containers ---

test_pod() { # HANDLER PROFILE
	local pod one two got before what=$1
	before=$(it_traces)
	pod=$(cri_pod two "$1")
	it_is "$what: the pod is ready" "$(cri PodSandboxStatus "{\"pod_sandbox_id\": \"$pod\"}" \
		'.status | "\(.state) \(.metadata.namespace)/\(.metadata.name) \(.runtime_handler)"')" \
		"0 shop/two $1" || echo "# $pod"
	one=$(cri_run two "$pod" one)
	two=$(cri_run two "$pod" two)
	it_is "$what: two containers run" "$(cri ListContainers '{}' "[.containers[] |
		select(.pod_sandbox_id == \"$pod\") | \"\(.metadata.name) \(.state)\"] | sort | join(\", \")")" \
		"one 1, two 1" || echo "# $one $two"
	got=$(cri_output two "$pod" "$IT_LOOK; sed 's/^/hosts=/' /etc/hosts; sed 's/^/resolv=/' /etc/resolv.conf
		ip -4 -o addr show eth0 | sed 's/^/eth0=/'; echo said > /dev/termination-log; ps | grep -c sleep")
	if [ "$2" = none ]; then
		it_is "$what: nothing is taken away: NoNewPrivs" "$(it_value "$got" NoNewPrivs)" 0
		it_is "$what: nor filtered" "$(it_value "$got" Seccomp)" 0
		it_is "$what: nor the user" "$(it_value "$got" id)" "uid=0(root) gid=0(root) groups=0(root)"
	else
		cri_held "$what" "$got" "$2"
	fi
	it_is "$what: hostname" "$(it_value "$got" hostname)" two
	it_is "$what: the kubelet's hosts" "$(it_value "$got" hosts)" "127.0.0.1 localhost"
	it_like "$what: the pod's resolver" "$(it_value "$got" resolv)" 'shop\.svc\.cluster\.local|10\.231\.0\.1'
	it_like "$what: the pod's address" "$(it_value "$got" eth0)" 'inet 10\.231\.0\.[0-9]+/24'
	it_is "$what: the termination message" \
		"$(cat /var/lib/kubelet/pods/uid-two/containers/short/0a1b2c3d)" said
	# shellcheck disable=SC2016 # expanded in the container
	got='for n in net ipc pid; do readlink /proc/self/ns/$n; done'
	it_is "$what: one network, one ipc, two process trees" "$({
		cri_exec "$one" /bin/sh -c "$got"
		cri_exec "$two" /bin/sh -c "$got"
	} | sort | uniq -d | sed 's/:.*//' | tr '\n' ' ')" "ipc net "
	cri_remove "$one"
	it_is "$what: a container is removed, the other stays" "$(cri ListContainers '{}' "[.containers[] |
		select(.pod_sandbox_id == \"$pod\") | .metadata.name] | join(\" \")")" two
	cri_remove_pod "$pod" # with a container in it
	it_clean "$what: nothing left behind" "$before"
}

# --- what a securityContext may ask ---

test_user() {
	local got
	got=$(vary "$(cri_asks '{run_as_user: {value: 1000}, run_as_group: {value: 2000}, supplemental_groups: [3000]}')")
	cri_held "runAsUser 1000" "$got" restricted
	it_is "runAsUser, runAsGroup, groups" "$(it_value "$got" id)" "uid=1000 gid=2000 groups=2000,3000"
	got=$(vary "$(cri_asks '{run_as_user: {value: 1000}, run_as_group: {value: 0}, supplemental_groups: [0, 3000]}')")
	cri_held "group 0 by two ways" "$got" restricted
	it_like "group 0: the user stays" "$(it_value "$got" id)" '^uid=1000 '
	got=$(vary "$(cri_asks '{run_as_username: "root"}')")
	cri_held "runAsUserName root" "$got" restricted
	it_like "runAsUserName nonroot" "$(vary "$(cri_asks '{run_as_username: "nonroot"}')")" '^id=uid=65532\(nonroot\) '
}

test_caps() {
	local got
	got=$(vary "$(cri_asks '{capabilities: {add_capabilities: ["SYS_ADMIN", "NET_RAW"]}}')")
	cri_held "add SYS_ADMIN, NET_RAW" "$got" restricted
	got=$(vary "$(cri_asks '{capabilities: {add_capabilities: ["ALL"]}, run_as_user: {value: 1000}}')")
	cri_held "add ALL" "$got" restricted
	got=$(vary "$(cri_asks '{capabilities: {drop_capabilities: ["ALL"]}}')")
	it_is "drop ALL" "$(it_value "$got" CapBnd)" 0000000000000000
	got=$(vary "$(cri_asks '{capabilities: {drop_capabilities: ["ALL"], add_capabilities: ["NET_BIND_SERVICE"]}}')")
	it_is "drop ALL, add NET_BIND_SERVICE" "$(it_value "$got" CapBnd)" 0000000000000400
}

test_privileged() {
	local got
	got=$(vary "$(cri_asks '{privileged: true, masked_paths: [], readonly_paths: []}')" \
		'ls /dev | wc -l | sed "s/^/dev=/"')
	cri_held "privileged" "$got" restricted
	it_is "privileged: no device of the node" $(($(it_value "$got" dev | grep . || echo 99) < 20)) 1
	it_like "privileged: /sys is read-only" "$(it_value "$got" mount:/sys)" '^sysfs,ro'
	it_unlike "privileged: no cgroup can be written" "$got" 'mount:/sys/fs/cgroup/[^=]*=cgroup2?,rw'
	got=$(vary "$(cri_asks '{masked_paths: [], readonly_paths: []}')")
	cri_held "masked and read-only paths emptied" "$got" restricted
	got=$(vary '.devices = [{container_path: "/dev/kmsg", host_path: "/dev/kmsg", permissions: "rwm"}]' \
		'ls /dev/kmsg')
	it_like "a device of the node is not there, or a reason" "$got" \
		'/dev/kmsg: No such file|refused by profile restricted: devices: '
}

test_seccomp() {
	local got
	jq -n '{defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"], syscalls: [
		{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 1}]}' >$T/seccomp.json
	got=$(vary "$(cri_asks '{seccomp: {profile_type: 1}}')" 'unshare -U true 2>&1 | sed "s/^/unshare=/"')
	cri_held "seccomp Unconfined" "$got" restricted
	it_like "seccomp Unconfined: unshare is refused" "$(it_value "$got" unshare)" 'not permitted'
	got=$(vary "$(cri_asks '{seccomp: {profile_type: 0}}')")
	cri_held "seccomp RuntimeDefault" "$got" restricted
	got=$(vary "$(cri_asks "{seccomp: {profile_type: 2, localhost_ref: \"$T/seccomp.json\"}}")" \
		'mkdir /tmp/d 2>&1 | sed "s/^/mkdir=/"; unshare -U true 2>&1 | sed "s/^/unshare=/"')
	cri_held "seccomp Localhost" "$got" restricted
	it_like "seccomp Localhost: what it denies is denied" "$(it_value "$got" mkdir)" 'not permitted'
	it_like "seccomp Localhost: and what the profile denies" "$(it_value "$got" unshare)" 'not permitted'
}

test_small_options() {
	local got
	got=$(vary "$(cri_asks '{no_new_privs: false, readonly_rootfs: false}')")
	cri_held "allowPrivilegeEscalation" "$got" restricted
	it_is "a writable root file system was asked for" "$(it_value "$got" write_root)" no
	got=$(vary "$(cri_asks '{no_new_privs: true, readonly_rootfs: true}')")
	cri_held "readOnlyRootFilesystem" "$got" restricted
	it_is "readOnlyRootFilesystem: nothing writable is added to it" "$(it_value "$got" write_tmp)" no
	it_like "workingDir that climbs" "$(vary '.working_dir = "/proc/self/fd/7"')" \
		'refused by profile restricted: process: '
}

test_namespaces() {
	local got what target all='network: 0, ipc: 0'
	got=$(vary "$(cri_asks "{namespace_options: {$all, pid: 0}}")" \
		'cat /proc/1/cmdline | tr "\0" " " | sed "s/^/first=/"')
	cri_held "shareProcessNamespace" "$got" restricted
	it_like "shareProcessNamespace: the first process is the pod's" "$(it_value "$got" first)" '^/busybox sleep'
	target=$(cri_run $POD "$pod" target)
	got=$(vary "$(cri_asks "{namespace_options: {$all, pid: 3, target_id: \"$target\"}}")" \
		'cat /proc/1/cmdline | tr "\0" " " | sed "s/^/first=/"')
	cri_held "a debug container (pid TARGET)" "$got" restricted
	it_like "pid TARGET: sees its target" "$(it_value "$got" first)" '^/bin/sleep'
	cri_remove "$target"
	# the pod has its own: containerd takes that one whatever the container asks, but for /dev/shm
	for what in network pid ipc; do
		got=$(vary "$(cri_asks "{namespace_options: ({network: 0, pid: 1, ipc: 0} + {$what: 2})}")")
		it_like "a container that asks for the node's $what: refused, or in the pod's" "$got
$(readlink "/proc/self/ns/${what/network/net}") is the host's" \
			"^rpc error: .* refused by profile restricted: |ns_${what/network/net}=[a-z]+:\[[0-9]+\]"
		it_unlike "and not in the node's" "$got" "ns_${what/network/net}=$(readlink \
			"/proc/self/ns/${what/network/net}" | sed 's/[][]/\\&/g')"
	done
}

test_mounts() {
	local got what n id dir=/var/lib/kubelet/pods/uid-$POD/volumes
	mkdir -p "$dir/kubernetes.io~empty-dir/cache" "$dir/kubernetes.io~projected/kube-api-access-x1"
	chmod 777 "$dir/kubernetes.io~empty-dir/cache"
	echo token >"$dir/kubernetes.io~projected/kube-api-access-x1/token"
	got=$(vary "$(mount_of "$dir/kubernetes.io~empty-dir/cache" /data) |
		.mounts += [{host_path: \"$dir/kubernetes.io~projected/kube-api-access-x1\", readonly: true,
			container_path: \"/var/run/secrets/kubernetes.io/serviceaccount\"}]" \
		'echo x >/data/x && echo data=written; cat /var/run/secrets/kubernetes.io/serviceaccount/token')
	it_like "emptyDir: no programs, devices, setuid" "$(it_value "$got" mount:/data)" 'rw,nosuid,nodev,noexec'
	it_is "emptyDir: can be written" "$(it_value "$got" data)$(cat "$dir/kubernetes.io~empty-dir/cache/x")" writtenx
	it_like "the service account's token" "$got" '^token$'
	ln -sf /run/containerd/containerd.sock $T/link
	/usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("/run/docker.sock")'
	got='' n=0
	for what in /run/containerd/containerd.sock $T/link /run/docker.sock /run / /etc /proc/sys \
		/var/lib/kubelet/pods /var/lib/kubelet /var/log/cinch /run/cinch /var/lib/containerd; do
		n=$((n + 1))
		got="$got${got:+ | }$(mount_of "$what" /data$n)"
	done
	got=$(vary "$got")
	it_like "hostPath: refused" "$got" 'OCI runtime create failed: cinch: refused by profile restricted: mounts: '
	it_like "hostPath: the error has the first reasons" "$got" 'on /data[0-9]+: .*; and [0-9]+ more'
	it_is "hostPath: the record has all" "$(cri_record create '.changes[] |
		select(.kind == "deny") | .why' | grep -oE 'on /data[0-9]+' | sort -u | wc -l)" $n
	id=$(cri_create $POD "$pod" short "$(mount_of / /data)")
	cri StartContainer "{\"container_id\": \"$id\"}" >/dev/null
	it_like "hostPath: what kubectl describe shows" "$(cri_status "$id" \
		'.status | "\(.state) \(.reason) \(.exit_code) \(.message)"')" \
		'^2 StartError 128 .*: cinch: refused by profile restricted: mounts: '
	cri_remove "$id"
	got=$(vary "$(mount_of "$dir/kubernetes.io~empty-dir/cache" /proc/sys/kernel)")
	it_like "a mount on /proc/sys" "$got" 'refused by profile restricted: mounts: '
	mount --bind "$dir" "$dir" && mount --make-rshared "$dir"
	got=$(vary ".mounts += [{host_path: \"$dir/kubernetes.io~empty-dir/cache\", container_path: \"/data\",
		propagation: 2}]" 'grep " /data " /proc/self/mountinfo | sed "s/^/info=/"')
	it_unlike "mountPropagation Bidirectional: not shared" "$(it_value "$got" info | grep . || echo shared:)" 'shared:'
	umount "$dir"
}

# --- pods that are refused, or held by an annotation ---

test_refused_pods() {
	local got before n
	before=$(it_traces)
	for n in network pid ipc; do
		got=$(cri_pod host cinch ".linux.security_context.namespace_options.$n = 2")
		it_like "host $n: refused, and the error says why" "$got" \
			"^rpc error: .*refused by profile restricted: .*the host's $n namespace is not allowed"
		got=$(cri_pod host cinch-baseline ".linux.security_context.namespace_options.$n = 2")
		it_like "host $n: by baseline, too" "$got" "refused by profile baseline: .*$n namespace"
	done
	it_is "the audit log has pod and namespace" "$(cri_record create '"\(.result) \(.namespace)/\(.pod)"')" \
		"refused shop/host"
	it_clean "refused pods leave nothing" "$before"
}

test_sysctls() {
	local pod got
	pod=$(cri_pod ctl cinch '.linux.sysctls = {"net.ipv4.ip_unprivileged_port_start": "80", "net.ipv4.ip_forward": "1"}')
	case $pod in
	*refused*) it_like "a sysctl that is not allowed" "$pod" 'refused by profile restricted: sysctl: ' ;;
	*)
		got=$(cri_output ctl "$pod" 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ip_forward')
		it_is "sysctls: the one allowed, not the other" "$(tr '\n' ' ' <<<"$got")" "80 0 "
		cri_remove_pod "$pod"
		;;
	esac
	it_like "a sysctl with another one inside (CVE-2022-0811)" "$(cri_pod ctl cinch '.linux.sysctls = {
		"kernel.shm_rmid_forced": "1+kernel.core_pattern=|/x"}')" 'refused by profile restricted: sysctl: '
}

test_annotation() {
	local pod got
	pod=$(cri_pod note cinch-baseline '.annotations = {"io.cinch.profile": "restricted"}')
	got=$(cri_output note "$pod" "$IT_LOOK")
	cri_held "annotation restricted on baseline" "$got" restricted
	cri_remove_pod "$pod"
	pod=$(cri_pod note cinch '.annotations = {"io.cinch.profile": "privileged-audit"}')
	got=$(cri_output note "$pod" "$IT_LOOK")
	cri_held "annotation of a wider profile" "$got" restricted
	got=$(cri_output note "$pod" "$IT_LOOK" '.annotations = {"org.systemd.property.ExecStartPre": "x",
		"run.oci.seccomp_bpf_data": "AAA="}')
	cri_held "annotations that steer a runtime" "$got" restricted
	cri_remove_pod "$pod"
	it_like "annotation of a profile that is not there" \
		"$(cri_pod note cinch '.annotations = {"io.cinch.profile": "no-such"}')" 'rpc error: .*no-such'
}

it_install
cri_start "$IT_TOP/integration/cri/containerd.toml" || it_die "containerd does not start"
cri_warm

before=$(it_traces)
test_config
test_pod runc none
test_pod cinch restricted
test_pod cinch-baseline baseline
pod=$(cri_pod $POD cinch '.linux.security_context.privileged = true')
test_user
test_caps
test_privileged
test_seccomp
test_small_options
test_namespaces
test_mounts
cri_remove_pod "$pod"
test_refused_pods
test_sysctls
test_annotation
it_clean "nothing left behind" "$before"
cri_down
it_done

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# cri - what tests with containerd's CRI share: containerd with a network for pods, and a client that asks what
# a kubelet asks. Sourced after lib.sh and before it_enter.

CRI_IMAGE=localhost/busybox:1
CRI_PAUSE=localhost/pause:1
CRI_CNI=/usr/lib/cni # where Debian has them, and the others
[ -x $CRI_CNI/ptp ] || CRI_CNI=/usr/libexec/cni
# shellcheck disable=SC2034 # for it_enter
IT_NEEDS="containerd ctr runc busybox $CRI_CNI/ptp /usr/bin/python3"
[ -n "${IT_INSIDE:-}" ] || /usr/bin/python3 -c 'import grpc' 2>/dev/null || IT_NEEDS="$IT_NEEDS python3-grpcio"
CRI_JQ=() # more arguments of jq, for what a request is changed with
# what a kubelet sends for a container that is not privileged
CRI_MASKED='["/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
	"/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"]'
CRI_READONLY='["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]'

# CONFIG is what a user installs. The keys before it are this machine's: no CAP_SYS_RESOURCE, images and network
# of the test.
cri_config() { # CONFIG
	cat <<-EOF
		version = 2
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "$CRI_PAUSE"
		  restrict_oom_score_adj = true
		  disable_apparmor = true
		  stream_server_address = "127.0.0.1"
		  stream_server_port = "0"
		  [plugins."io.containerd.grpc.v1.cri".cni]
		    bin_dir = "$CRI_CNI"
		    conf_dir = "$T/cni"
	EOF
	grep -v '^version' "$1"
}

cri_network() {
	mkdir -p "$T/cni" || return 1
	jq -n --arg data "$T/ipam" '{cniVersion: "0.4.0", name: "cinch-test", plugins: [{type: "ptp", ipMasq: false,
		ipam: {type: "host-local", dataDir: $data, ranges: [[{subnet: "10.231.0.0/24"}]],
		routes: [{dst: "0.0.0.0/0"}]}}]}' >"$T/cni/10-test.conflist"
}

# The pod's own image is one file, as the real one is: no directories, not root.
cri_images() {
	mkdir -p "$T/pause" && cp "$(command -v busybox)" "$T/pause/busybox" &&
		it_image "$T/pause.tar" "$CRI_PAUSE" "$T/pause" '{"Cmd": null, "Env": null,
			"Entrypoint": ["/busybox", "sleep", "1000000"], "User": "65535:65535"}' &&
		it_image "$T/image.tar" "$CRI_IMAGE" &&
		ctr -n k8s.io images import "$T/pause.tar" >/dev/null &&
		ctr -n k8s.io images import "$T/image.tar" >/dev/null
}

# Starts containerd; its data are where the shipped profiles expect them.
cri_start() { # CONFIG
	IT_CONTAINERD_ROOT=/var/lib/containerd
	mkdir -p $IT_CONTAINERD_ROOT && mount -t tmpfs -o mode=711 cinch-test $IT_CONTAINERD_ROOT &&
		cri_network && cri_config "$1" >"$T/cri.toml" && cri_up && cri_images
}

# containerd alone, and the client with it: pods stay.
cri_up() {
	it_containerd "$T/cri.toml" && cri_client
}

cri_down() {
	exec 8>&- 9<&-
	wait "$CRI_PID"
	it_containerd_stop
}

# --- the client ---

cri_client() {
	mkfifo "$T/cri.in" "$T/cri.out" || return 1
	/usr/bin/python3 "$IT_TOP/integration/cri/client.py" "$CONTAINERD_ADDRESS" --serve \
		<"$T/cri.in" >"$T/cri.out" 2>"$T/cri.err" &
	CRI_PID=$!
	exec 8>"$T/cri.in" 9<"$T/cri.out"
	rm "$T/cri.in" "$T/cri.out"
	it_until cri_ready # containerd answers before it has looked after what it left
}

# shellcheck disable=SC2317 # called by it_until
cri_ready() { [ "$(cri Status '{}' '[.status.conditions[].status] | @csv')" = 1,1 ]; }

# METHOD [REQUEST [JQ]]: the answer, or the part of it; the error's text and status 1
cri() {
	local text status
	jq -cn --arg method "$1" --argjson request "${2:-{\}}" '[$method, $request]' >&8
	IFS= read -r status <&9 && IFS= read -r -d '' text <&9 || return 2
	if [ "$status" -ne 0 ]; then
		printf '%s\n' "$text"
		return 1
	elif [ -n "${3:-}" ]; then
		jq -r "$3" <<<"$text"
	else
		printf '%s\n' "$text"
	fi
}

# What pods may leave behind beyond it_traces.
it_more_traces() {
	ctr -n k8s.io containers ls -q | sed 's/^/k8s container /'
	ctr -n k8s.io tasks ls -q | sed 's/^/k8s task /'
	ctr -n k8s.io snapshots ls | awk 'NR > 1 && $3 == "Active" {print "snapshot", $1}'
	find /run/netns -mindepth 1 2>/dev/null
	find /run/containerd/io.containerd.grpc.v1.cri /var/lib/containerd/io.containerd.grpc.v1.cri \
		-mindepth 2 -maxdepth 2 2>/dev/null
	find "$T/ipam" -name '10.*' 2>/dev/null
}

# --- what a kubelet asks ---

# NAME HANDLER [JQ]: runs a pod; prints its id. JQ changes what is asked.
cri_pod() {
	local uid=uid-$1
	mkdir -p "/var/log/pods/shop_$1_$uid" "/var/lib/kubelet/pods/$uid"/{containers,volumes}
	printf '127.0.0.1 localhost\n# of the kubelet\n' >"/var/lib/kubelet/pods/$uid/etc-hosts"
	jq -n --arg name "$1" --arg uid "$uid" --arg cg "/$IT_NS/pods/$1" '{
		metadata: {name: $name, namespace: "shop", uid: $uid}, hostname: $name,
		log_directory: "/var/log/pods/shop_\($name)_\($uid)",
		dns_config: {servers: ["10.231.0.1"], searches: ["shop.svc.cluster.local"]},
		labels: {"io.kubernetes.pod.name": $name, "io.kubernetes.pod.namespace": "shop",
			"io.kubernetes.pod.uid": $uid},
		linux: {cgroup_parent: $cg, security_context: {seccomp: {profile_type: 0},
			namespace_options: {network: 0, pid: 1, ipc: 0}}}} |
		'"${3:-.}" >"$T/pod-$1.json" || return 1
	cri RunPodSandbox "$(jq -c --arg handler "$2" '{config: ., runtime_handler: $handler}' \
		"$T/pod-$1.json")" .pod_sandbox_id
}

# POD-NAME POD-ID NAME [JQ]: creates a container, not yet started; prints its id
cri_create() {
	local uid=uid-$1 dir=/var/lib/kubelet/pods/uid-$1
	mkdir -p "$dir/containers/$3" && : >"$dir/containers/$3/0a1b2c3d" && chmod 666 "$dir/containers/$3/0a1b2c3d"
	jq -n "${CRI_JQ[@]}" --arg name "$3" --arg dir "$dir" --arg image "$CRI_IMAGE" --arg uid "$uid" \
		--argjson masked "$CRI_MASKED" --argjson readonly "$CRI_READONLY" '{
		metadata: {name: $name}, image: {image: $image}, command: ["/bin/sleep", "1000000"],
		envs: [{key: "DB_PASSWORD", value: "hunter2"}, {key: "KUBERNETES_SERVICE_HOST", value: "10.96.0.1"}],
		mounts: [{container_path: "/etc/hosts", host_path: "\($dir)/etc-hosts"},
			{container_path: "/dev/termination-log", host_path: "\($dir)/containers/\($name)/0a1b2c3d"}],
		labels: {"io.kubernetes.container.name": $name, "io.kubernetes.pod.uid": $uid},
		log_path: "\($name)/0.log",
		linux: {resources: {cpu_shares: 2, oom_score_adj: 1000}, security_context: {
			namespace_options: {network: 0, pid: 1, ipc: 0}, masked_paths: $masked,
			readonly_paths: $readonly}}} | '"${4:-.}" >"$T/container.json" || return 1
	cri CreateContainer "$(jq -cn --arg pod "$2" --slurpfile c "$T/container.json" \
		--slurpfile p "$T/pod-$1.json" '{pod_sandbox_id: $pod, config: $c[0], sandbox_config: $p[0]}')" \
		.container_id
}

# POD-NAME POD-ID NAME [JQ]: creates and starts; prints its id, or why it did not
cri_run() {
	local id
	id=$(cri_create "$@") || {
		echo "$id"
		return 1
	}
	cri StartContainer "{\"container_id\": \"$id\"}" >"$T/cri.start" || {
		cat "$T/cri.start"
		cri RemoveContainer "{\"container_id\": \"$id\"}" >/dev/null
		return 1
	}
	echo "$id"
}

cri_status() { # ID JQ
	cri ContainerStatus "{\"container_id\": \"$1\"}" "$2"
}

cri_wait() { # ID: until it has exited
	it_until cri_exited "$1"
}
# shellcheck disable=SC2317 # called by it_until
cri_exited() { [ "$(cri_status "$1" .status.state)" != 1 ]; }

cri_log() { # POD-NAME NAME: what the container wrote
	cut -d ' ' -f 4- "/var/log/pods/shop_$1_uid-$1/$2/0.log"
}

# ID COMMAND...: as a probe runs it; standard output and error, or the call's error; the exit status
cri_exec() {
	local id=$1 got
	shift
	got=$(cri ExecSync "$(jq -cn --arg id "$id" '{container_id: $id, cmd: $ARGS.positional, timeout: 120}' \
		--args -- "$@")") || {
		printf '%s\n' "$got"
		return 125
	}
	jq -j '.stdout, .stderr' <<<"$got"
	return "$(jq .exit_code <<<"$got")"
}

# ID TTY(true|false) STDIN UNTIL COMMAND...: as kubectl exec -i [-t] runs it; the client's answer
cri_stream() {
	local id=$1 tty=$2 stdin=$3 until=$4
	shift 4
	cri Stream "$(jq -cn --arg id "$id" --argjson tty "$tty" --arg stdin "$stdin" --arg until "$until" '{
		container_id: $id, tty: $tty, stdin: $stdin, until: $until, cmd: $ARGS.positional}' --args -- "$@")"
}

cri_record() { # VERB JQ: of the last record of that kind in the audit log
	jq -c --arg verb "$1" 'select(.verb == $verb)' /var/log/cinch/audit.jsonl | tail -n 1 | jq -r "$2"
}

cri_remove() { # ID: stops and removes a container
	cri StopContainer "{\"container_id\": \"$1\"}" && cri RemoveContainer "{\"container_id\": \"$1\"}"
} >/dev/null

# ID: and the pod's cgroups, which are the kubelet's to remove
cri_remove_pod() {
	cri StopPodSandbox "{\"pod_sandbox_id\": \"$1\"}" && cri RemovePodSandbox "{\"pod_sandbox_id\": \"$1\"}" &&
		find /sys/fs/cgroup -mindepth 3 -maxdepth 5 -depth -path "*/$IT_NS/pods/*" -type d -exec rmdir {} + 2>/dev/null
	true
} >/dev/null

# POD-NAME POD-ID COMMAND [JQ]: what a container writes that runs COMMAND in a shell to its end, or why it did not
# start
cri_output() {
	local id CRI_JQ=(--arg command "$3")
	rm -rf "/var/log/pods/shop_$1_uid-$1/short"
	# shellcheck disable=SC2016 # expanded by jq
	id=$(cri_run "$1" "$2" short '.command = ["/bin/sh", "-c", $command] | '"${4:-.}") || {
		echo "$id"
		return 1
	}
	cri_wait "$id"
	cri_log "$1" short
	cri_remove "$id"
}

cri_warm() { # one pod, so that what the engine makes once is there
	local pod
	pod=$(cri_pod warm runc)
	cri_output warm "$pod" true
	cri_remove_pod "$pod"
}

# --- what may be asked, and what is to be seen ---

cri_asks() { # SECURITY-CONTEXT: as a change of a container
	echo ".linux.security_context += $1"
}

# The capabilities of PROFILE, as one number.
cri_bound() {
	case $1 in
	restricted) echo 0x400 ;; # NET_BIND_SERVICE
	restricted-exec) echo 0 ;;
	baseline*) echo 0x404fb ;; # and what root in a container needs
	esac
}

# WHAT LOOKED PROFILE[-exec]: what no request may undo
cri_held() {
	local set over=0
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		over=$((over | 0x$(it_value "$2" $set | grep . || echo ffff) & ~$(cri_bound "$3")))
	done
	it_is "$1: held to $3" "over $over, inheritable $(it_value "$2" CapInh), nnp $(it_value "$2" NoNewPrivs), \
seccomp $(it_value "$2" Seccomp), $(it_value "$2" id | grep -cE '[=,]0\(' | sed 's/0/not root/; s/1/root/'), \
masked $(it_value "$2" masked_bytes) $(it_value "$2" masked_dirs), \
sys $(it_value "$2" mount:/proc/sys | cut -c 1-7)" "over 0, inheritable 0000000000000000, nnp 1, seccomp 2, \
$([ "${3%-exec}" = baseline ] && echo root || echo not root), masked 0 0, sys proc,ro" ||
		printf '%s\n' "$2" | head -n 12 | sed 's/^/# /'
}

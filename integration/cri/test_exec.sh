#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_exec - a kubelet's exec (probes, kubectl exec with and without a terminal) and resource updates, with
# containerd's CRI and a real runc: what an exec brings is held to the profile, what the profile refuses
# says why, the audit log tells who did what to which pod, and a restart of containerd changes none of it.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
# shellcheck source=integration/cri/cri.sh
. "${BASH_SOURCE[0]%/*}/cri.sh" || exit 1
it_enter "$0" "$@"

CTL=/usr/local/sbin/cinchctl
AUDIT=/var/log/cinch/audit.jsonl

# --- exec: what create took away does not come back ---

# WHAT HANDLER PROFILE [JQ]: exec into a container of which more was asked, in all three ways
exec_held() {
	local pod id got name=ex-$2
	pod=$(cri_pod "$name" "$2" '.linux.security_context.privileged = true')
	id=$(cri_run "$name" "$pod" main "${4:-.}")
	cri_held "$1: exec" "$(cri_exec "$id" /bin/sh -c "$IT_LOOK")" "$3-exec"
	got=$(cri_stream "$id" false "" "" /bin/sh -c "$IT_LOOK")
	cri_held "$1: exec, streaming" "$(jq -r .stdout <<<"$got")" "$3-exec"
	got=$(cri_stream "$id" true "" "" /bin/sh -c "$IT_LOOK; tty")
	cri_held "$1: exec with a terminal" "$(jq -r .stdout <<<"$got" | tr -d '\r')" "$3-exec"
	it_like "$1: exec with a terminal: it is one" "$(jq -r .stdout <<<"$got")" '/dev/(pts/[0-9]+|console)'
	cri_remove_pod "$pod"
}

test_exec_held() {
	exec_held "privileged" cinch restricted "$(cri_asks '{privileged: true}')"
	exec_held "capabilities" cinch-baseline baseline "$(cri_asks '{capabilities: {add_capabilities: ["ALL"]},
		run_as_user: {value: 0}, seccomp: {profile_type: 1}}')"
}

test_exec() {
	local pod id got n many=()
	pod=$(cri_pod probed cinch)
	id=$(cri_run probed "$pod" main)
	it_is "probe: a file that is not there" "$(cri_exec "$id" /bin/cat /tmp/healthy; echo $?)" \
		"cat: can't open '/tmp/healthy': No such file or directory
1"
	it_is "probe: it is made" "$(cri_exec "$id" /bin/touch /tmp/healthy; echo $?)" 0
	it_is "probe: and found, by PATH" "$(cri_exec "$id" cat /tmp/healthy; echo $?)" 0
	it_is "exit status" "$(cri_exec "$id" sh -c 'echo out; echo err >&2; exit 42'; echo $?)" "out
err
42"
	it_like "a program that is not there: the runtime's own words" "$(cri_exec "$id" /no/such)" \
		'rpc error: .*OCI runtime exec failed: .*no such file'
	# shellcheck disable=SC2016 # expanded in the container
	it_is "the environment of the container" "$(cri_exec "$id" sh -c 'echo $DB_PASSWORD')" hunter2
	it_is "streaming: standard output and error, exit status" "$(cri_stream "$id" false "" "" sh -c \
		'echo out; echo err >&2; exit 7' | jq -c '[.stdout, .stderr, .exit_code]')" '["out\n","err\n",7]'
	it_is "streaming: standard input" "$(cri_stream "$id" false $'hello\n' "" head -n 1 |
		jq -c '[.stdout, .stderr, .exit_code]')" '["hello\n","",0]'
	it_is "streaming: a megabyte" "$(cri_stream "$id" false "" "" dd if=/dev/zero bs=1024 count=1024 |
		jq '.stdout | length')" 1048576
	# shellcheck disable=SC2016 # expanded in the container
	it_is "streaming: a terminal that is typed into" "$(cri_stream "$id" true $'hello\r' ready sh -c \
		'echo ready; read -r x; echo "got $x"; tty; exit 5' | jq -r '"\(.exit_code) \(.stdout)"' | tr -d '\r' |
		grep -oE '^5 |got hello|/dev/pts|/dev/console' | tr -s '\n ' ' ' | sed 's|/dev/console|/dev/pts|')" \
		"5 got hello /dev/pts "
	for n in 1 2 3 4 5 6 7 8; do # as many as a node's probes come at once
		ctr -n k8s.io tasks exec --exec-id "many$n" "$id" /bin/cat /tmp/healthy >"$T/many$n" 2>&1 &
		many[n]=$!
	done
	got=''
	for n in "${many[@]}"; do
		wait "$n"
		got=$got$?
	done
	it_is "eight at once" "$got $(cat $T/many?)" "00000000 "
	cri_remove_pod "$pod"
}

# Profiles of the node that a pod asks for by annotation.
node_profiles() {
	mkdir -p /etc/cinch/profiles
	echo '{"profile": "no-exec", "version": "1.0.0", "extends": ["restricted"], "exec": {"allow": false}}' \
		>/etc/cinch/profiles/no-exec.json
	echo '{"profile": "probes", "version": "1.0.0", "extends": ["restricted"], "exec": {"allow": true,
		"terminal": false, "commands": {"allow": ["/bin/cat /tmp/healthy", "true"], "deny": []}}}' \
		>/etc/cinch/profiles/probes.json
	echo '{"profile": "small", "version": "1.0.0", "extends": ["restricted"],
		"resources": {"memory": "64Mi", "pids": 100, "rlimits": {"RLIMIT_CORE": 0}}}' \
		>/etc/cinch/profiles/small.json
	it_apply '{"defaultProfile": "restricted"}'
}

annotated() { # PROFILE: a pod with a container, in $pod and $id
	pod=$(cri_pod "a-$1" cinch ".annotations = {\"io.cinch.profile\": \"$1\"}")
	id=$(cri_run "a-$1" "$pod" main)
}

test_exec_refused() {
	local pod id got
	annotated no-exec
	got=$(cri_exec "$id" /bin/true)
	it_like "exec.allow false: refused, and the error says why" "$got" \
		'^rpc error: .*OCI runtime exec failed: cinch: refused by profile no-exec: exec: '
	got=$(cri_stream "$id" false "" "" /bin/true | jq -r '.message, .stderr')
	it_like "exec.allow false: streaming" "$got" 'refused by profile no-exec: exec: '
	it_is "exec.allow false: the container goes on" "$(cri_status "$id" .status.state)" 1
	it_is "the refusal is in the audit log" "$(cri_record exec '"\(.verb) \(.result) \(.pod)/\(.container)"')" \
		"exec refused a-no-exec/main"
	cri_remove_pod "$pod"
	annotated probes
	it_is "exec.commands: a probe that is listed" "$(cri_exec "$id" /bin/cat /tmp/healthy; echo $?)" \
		"cat: can't open '/tmp/healthy': No such file or directory
1"
	it_is "exec.commands: another, found in PATH" "$(cri_exec "$id" true; echo $?)" 0
	for got in "/bin/cat /etc/passwd" "/bin/sh" "cat /tmp/healthy" "/bin/../bin/true"; do
		# shellcheck disable=SC2086 # words
		it_like "exec.commands: $got" "$(cri_exec "$id" $got)" 'refused by profile probes: exec: '
	done
	it_like "exec.terminal false" "$(cri_stream "$id" true "" "" /bin/true | jq -r '.message, .stdout')" \
		'refused by profile probes: exec: '
	cri_remove_pod "$pod"
}

# --- update ---

cgroup_of() { # POD-NAME ID CONTROLLER FILE
	cat "/sys/fs/cgroup/$3/$IT_NS/pods/$1/$2/$4" 2>&1
}

test_update() {
	local pod id
	annotated small
	it_is "memory: the ceiling is set" "$(cgroup_of a-small "$id" memory memory.limit_in_bytes)" 67108864
	update() { cri UpdateContainerResources "$(jq -cn --arg id "$id" "{container_id: \$id, linux: $1}")"; }
	it_is "update: less memory" "$(update '{memory_limit_in_bytes: 33554432}')$(cgroup_of a-small "$id" memory \
		memory.limit_in_bytes)" "{}33554432"
	it_is "update: up to the ceiling" "$(update '{memory_limit_in_bytes: 67108864}')$(cgroup_of a-small "$id" \
		memory memory.limit_in_bytes)" "{}67108864"
	it_is "update: not above it" "$(update '{memory_limit_in_bytes: 1073741824}')$(cgroup_of a-small "$id" \
		memory memory.limit_in_bytes)" "{}67108864"
	it_is "update: the record says so" "$(cri_record update '"\(.verb) \(.result) \(.pod)/\(.container)"')" \
		"update changed a-small/main"
	it_is "update: what has no ceiling passes" "$(update '{cpu_shares: 512}')$(cgroup_of a-small "$id" cpu \
		cpu.shares)" "{}512"
	it_is "update: the rest is as it was" "$(cgroup_of a-small "$id" memory memory.limit_in_bytes) $(cgroup_of \
		a-small "$id" pids pids.max)" "67108864 100"
	it_is "update: all that a kubelet sends" "$(update '{cpu_period: 100000, cpu_quota: 50000, cpu_shares: 256,
		memory_limit_in_bytes: 50331648, oom_score_adj: 999, cpuset_cpus: "", cpuset_mems: ""}')$(for f in \
		cpu/cpu.cfs_quota_us cpu/cpu.shares memory/memory.limit_in_bytes; do
		cgroup_of a-small "$id" "${f%/*}" "${f#*/}"
	done | tr '\n' ' ')" "{}50000 256 50331648 "
	it_is "update: the container goes on" "$(cri_status "$id" .status.state)" 1
	cri_remove_pod "$pod"
}

# --- another policy is applied ---

policy_status() { "$CTL" ps --json | jq -r --arg id "$1" '.containers[] | select(.id == $id) | .policyStatus'; }

test_later_policy() {
	local pod id other
	pod=$(cri_pod later cinch)
	id=$(cri_run later "$pod" main)
	it_is "ps: under the policy in force" "$(policy_status "$id")" current
	it_apply '{"defaultProfile": "no-exec"}'
	it_is "ps: under an older policy" "$(policy_status "$id")" older
	cri_held "a stricter policy: who runs is held as before" "$(cri_exec "$id" /bin/sh -c "$IT_LOOK")" restricted-exec
	other=$(cri_run later "$pod" other)
	it_like "a stricter policy: who starts now is held to it" "$(cri_exec "$other" /bin/true)" \
		'refused by profile no-exec: exec: '
	cri_remove "$other"
	# "restricted" itself says something else now
	jq -n '{profile: "restricted", version: "9", capabilities: ["CAP_NET_RAW", "CAP_SYS_CHROOT"],
		user: {root: "allow"}, noNewPrivileges: false, seccomp: {profile: "default", deny: [], allow: []},
		namespaces: {host: [], add: ["cgroup"]}, mounts: {sources: {allow: ["/**"], deny: []}},
		rootfs: {readonly: false, writable: []},
		exec: {allow: true, terminal: true, capabilities: ["CAP_NET_RAW", "CAP_SYS_CHROOT"]}}' \
		>/etc/cinch/profiles/restricted.json
	it_apply '{"defaultProfile": "restricted"}'
	cri_held "a wider policy: who runs is held as before" "$(cri_exec "$id" /bin/sh -c "$IT_LOOK")" restricted-exec
	other=$(cri_run later "$pod" other)
	it_is "a wider policy: who starts now has it" "$(it_value "$(cri_exec "$other" /bin/sh -c "$IT_LOOK")" CapBnd)" \
		0000000000042000
	cri_remove_pod "$pod"
	rm /etc/cinch/profiles/restricted.json
	it_apply '{"defaultProfile": "restricted"}'
}

# --- the record ---

test_audit() {
	local pod id verb
	pod=$(cri_pod seen cinch)
	id=$(cri_run seen "$pod" main)
	cri_exec "$id" /bin/echo looked-at >/dev/null
	cri UpdateContainerResources "{\"container_id\": \"$id\", \"linux\": {\"cpu_shares\": 100}}" >/dev/null
	cri_remove "$id"
	cri_remove_pod "$pod"
	for verb in create exec update kill delete; do
		it_is "audit: $verb: namespace, pod, container, image" "$(jq -r --arg id "$id" --arg verb $verb \
			'select(.id == $id and .verb == $verb) |
			"\(.engine) \(.namespace)/\(.pod)/\(.container) \(.image.name)"' $AUDIT | sort -u)" \
			"cri shop/seen/main $CRI_IMAGE"
	done
	it_is "audit: exec: the command" "$(jq -c --arg id "$id" 'select(.id == $id and .verb == "exec") | .args' \
		$AUDIT)" '["/bin/echo","looked-at"]'
	it_is "audit: who called is the shim" "$(jq -r --arg id "$id" 'select(.id == $id) | .caller.program' $AUDIT |
		sort -u)" "$(readlink -f "$(command -v containerd-shim-runc-v2)")"
	it_unlike "audit: no value of the environment" "$(cat $AUDIT)" hunter2
	it_is "audit: the log is whole" "$(it_log_faults)" ""
}

# --- containerd goes and comes ---

test_restart() {
	local pod id stopped
	pod=$(cri_pod stay cinch)
	id=$(cri_run stay "$pod" main)
	stopped=$(cri_run stay "$pod" other)
	cri_down
	it_is "containerd is away: the containers run" "$("$CTL" ps --json | jq '[.containers[] |
		select(.status == "running" and .pod == "stay")] | length')" 3
	kill -KILL "$("$CTL" ps --json | jq --arg id "$stopped" '.containers[] | select(.id == $id) | .pid')"
	cri_up || it_die "containerd does not start again"
	it_is "restarted: the pod is ready" "$(cri PodSandboxStatus "{\"pod_sandbox_id\": \"$pod\"}" .status.state)" 0
	it_is "restarted: the container runs" "$(cri_status "$id" .status.state)" 1
	cri_wait "$stopped"
	it_is "restarted: who died meanwhile" "$(cri_status "$stopped" .status.exit_code)" 137
	cri_held "restarted: exec" "$(cri_exec "$id" /bin/sh -c "$IT_LOOK")" restricted-exec
	cri_held "restarted: another container" "$(cri_output stay "$pod" "$IT_LOOK")" restricted
	cri_remove "$stopped"
	it_is "restarted: removed" "$(cri ListContainers '{}' "[.containers[] |
		select(.pod_sandbox_id == \"$pod\") | .metadata.name] | join(\" \")")" main
	cri_remove_pod "$pod"
}

# --- its shim dies ---

test_shim() {
	local pod id first
	pod=$(cri_pod alone cinch)
	id=$(cri_run alone "$pod" main)
	first=$("$CTL" ps --json | jq --arg id "$id" '.containers[] | select(.id == $id) | .pid')
	kill -KILL "$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$first/status")"
	cri_wait "$id"
	it_is "a shim is killed: containerd sees the container's end" "$(cri_status "$id" .status.state)" 2
	it_ok "and ends it" it_until [ ! -e "/proc/$first/exe" ]
	it_is "the runtime was asked to delete it, by its name" "$(jq -r --arg id "$id" \
		'select(.id == $id and .verb == "delete") | "\(.namespace)/\(.pod)/\(.container)"' $AUDIT | sort -u)" \
		"shop/alone/main"
	cri_remove_pod "$pod"
	rm -f /run/containerd/s/* # the dead shim's own
}

it_install
cri_start "$IT_TOP/integration/cri/containerd.toml" || it_die "containerd does not start"
cri_warm

mkdir -p /run/containerd/fifo # ctr's, and it stays
before=$(it_traces)
test_exec
test_exec_held
node_profiles
test_exec_refused
test_update
test_later_policy
test_audit
test_restart
test_shim
it_clean "nothing left behind" "$before"
cri_down
it_done

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_podman - a real podman with conmon and netavark, and a real runc, through cinch: what a container is from
# inside, what podman shows of a refused one and what stays of it, that all else goes on as it was.
# shellcheck source=integration/podman/world.sh
. "${BASH_SOURCE[0]%/*}/world.sh"
IT_NEEDS="podman conmon runc busybox script"
IT_LIMIT=${IT_LIMIT:-150}
pm_enter "$0" "$@"

# Bits of the capability sets: what restricted and baseline leave of podman's set.
NET_BIND=0000000000000400
NINE=00000000000404fb

# --- from inside ---

test_inside() { # PROFILE [OPTION...]
	local got profile=$1 bnd n
	shift
	got=$(p run --rm "$@" $IMAGE /bin/sh -c "$IT_LOOK")
	if [ "$profile" = restricted ]; then
		bnd=$NET_BIND
		it_is "$profile: user" "$(it_value "$got" id)" "uid=65532(nonroot) gid=65532(nonroot)"
		it_is "$profile: supplementary groups" "$(it_value "$got" Groups | tr -d ' ')" ""
		it_is "$profile: writing the root file system" "$(it_value "$got" write_root)" no
		it_is "$profile: executing from /tmp" "$(it_value "$got" exec_tmp)" no
		it_like "$profile: / is mounted read-only" "$(it_value "$got" mount:/)" ',ro(,|$)'
		it_like "$profile: /tmp" "$(it_value "$got" mount:/tmp)" '^tmpfs,.*nosuid,nodev,noexec'
	else
		bnd=$NINE
		it_is "$profile: user" "$(it_value "$got" id)" "uid=0(root) gid=0(root)"
		it_is "$profile: writing the root file system" "$(it_value "$got" write_bin)" yes
	fi
	it_is "$profile: writing /tmp" "$(it_value "$got" write_tmp)" yes
	it_is "$profile: bounding set" "$(it_value "$got" CapBnd)" $bnd
	it_is "$profile: inheritable set" "$(it_value "$got" CapInh)" 0000000000000000
	for n in CapPrm CapEff; do
		it_is "$profile: $n within the bounding set" \
			$((0x$(it_value "$got" $n | grep . || echo f0000000) & ~0x$bnd)) 0
	done
	it_is "$profile: NoNewPrivs" "$(it_value "$got" NoNewPrivs)" 1
	it_is "$profile: Seccomp" "$(it_value "$got" Seccomp)" 2
	for n in mnt pid net ipc uts cgroup; do
		it_unlike "$profile: own $n namespace" "$(it_value "$got" ns_$n)" \
			"^($(readlink /proc/self/ns/$n | sed 's/[][]/\\&/g')|)\$"
	done
	it_is "$profile: masked files are empty" "$(it_value "$got" masked_bytes)" 0
	it_is "$profile: masked directories are empty" "$(it_value "$got" masked_dirs)" 0
	it_like "$profile: /proc/sys is read-only" "$(it_value "$got" mount:/proc/sys)" '^proc,ro'
	it_is "$profile: descriptors (three and that of ls)" "$(it_value "$got" fds)" 4
}

test_probe() { # PROFILE [OPTION...]
	local line n=0 profile=$1
	shift
	while read -r line; do
		case $line in
		# podman's filter says ENOSYS of all it does not know, and what both deny is the stricter's
		not\ ok\ *": ENOSYS, want EPERM or alike"*) it_result 0 "$profile probe: ${line#*- }" ;;
		ok\ *) it_result 0 "$profile probe: ${line#*- }" ;;
		not\ ok\ *) it_result 1 "$profile probe: ${line#*- }" ;;
		1..*) n=${line#1..} ;;
		esac
	done < <(p run --rm "$@" $IMAGE /bin/probe "$profile")
	it_ok "$profile probe: came to its end ($n rows)" [ "$n" -gt 60 ]
}

# What a user may say to get more: it is cut down, or refused, and never had.
test_asking_more() {
	local got
	got=$(p run --rm --privileged $IMAGE /bin/sh -c "$IT_LOOK")
	it_is "--privileged: user" "$(it_value "$got" id)" "uid=65532(nonroot) gid=65532(nonroot)"
	it_is "--privileged: bounding set" "$(it_value "$got" CapBnd)" $NET_BIND
	it_is "--privileged: Seccomp" "$(it_value "$got" Seccomp)" 2
	it_like "--privileged: /proc/sys is read-only" "$(it_value "$got" mount:/proc/sys)" '^proc,ro'
	it_is "--privileged: devices" "$(p run --rm --privileged $IMAGE /bin/sh -c 'ls /dev' | tr '\n' ' ')" \
		"$(p run --rm $IMAGE /bin/sh -c 'ls /dev' | tr '\n' ' ')"
	it_like "--cap-add ALL" "$(p run --rm --cap-add ALL $IMAGE grep CapBnd: /proc/self/status)" \
		"$NET_BIND\$"
	it_like "--cap-add, baseline" "$(p --runtime cinch-baseline run --rm --cap-add SYS_ADMIN \
		--user 1000 $IMAGE grep -E 'Cap(Inh|Amb|Eff):' /proc/self/status | tr -d '\n')" \
		'^(Cap[A-Z][a-z]*:.0{16}){3}$'
	it_like "--security-opt seccomp=unconfined" "$(p run --rm --security-opt seccomp=unconfined \
		$IMAGE grep Seccomp: /proc/self/status)" '2$'
	it_like "--security-opt unmask=ALL" "$(p run --rm --security-opt unmask=ALL $IMAGE \
		grep ' /proc/sys ' /proc/mounts)" '^proc /proc/sys proc ro'
	it_is "--user root" "$(p run --rm --user root $IMAGE id -u)" 65532
	it_is "--group-add 0" "$(p run --rm --user 1000:1000 --group-add 0 $IMAGE id -G)" 1000
	it_like "--device" "$(p run --rm --device /dev/null:/dev/mine $IMAGE ls /dev/mine)" 'No such file'
	it_is "--init" "$(p run --rm --init $IMAGE /bin/sh -c 'cat /proc/1/comm; exit 3'; echo $?)" \
		"podman-init
3"
}

# --- refused ---

# The reason is in podman's own words once, the log has one JSON object, and nothing is left.
refused() { # WHAT WANT-REGEX OPTION...
	local what=$1 want=$2 got log rc
	shift 2
	got=$(p run --name refused "$@" $IMAGE /bin/echo started)
	rc=$?
	it_is "refused: $what: exit status" $rc 126
	it_like "refused: $what: podman says why" "$got" \
		"^Error: OCI runtime error: cinch[a-z-]*: cinch: refused by profile [a-z]+: .*$want"
	it_unlike "refused: $what: did not run" "$got" '^started'
	log=$(find /run/containers/storage/overlay-containers -name oci-log)
	it_is "refused: $what: the log is one JSON object" \
		"$(jq -s -c '[length, .[0].level]' "$log")" '[1,"error"]'
	it_is "refused: $what: removed" "$(p rm refused)" refused
	pm_clean "refused: $what: nothing left behind" "$REFUSED_BEFORE"
}

test_refused() {
	local s=/run/podman/podman.sock service got
	REFUSED_BEFORE=$(pm_traces)
	refused "host network" "namespaces: .*network" --net host
	refused "host network, baseline" "namespaces: .*network" --runtime-flag cinch-profile=baseline \
		--net host
	refused "host pids" "namespaces: .*pid" --pid host
	refused "host ipc" "namespaces: .*ipc" --ipc host
	refused "the host's /" "mounts: " -v /:/h
	refused "the host's /, baseline" "mounts: " --runtime-flag cinch-profile=baseline -v /:/h
	refused "podman's store" "mounts: " -v /var/lib/containers/storage:/s
	refused "state records" "mounts: " -v /run/cinch:/s
	refused "two reasons at once" "namespaces: .*; mounts: |mounts: .*; namespaces: " --pid host -v /:/h
	refused "a user namespace in which there is no 65532" "user: " --uidmap 0:100000:1000

	mkdir -p /run/podman
	podman system service --time 0 "unix://$s" >/dev/null 2>&1 &
	service=$!
	wait_for [ -S $s ]
	ln -s $s /run/link.sock
	REFUSED_BEFORE=$(pm_traces)
	refused "podman's socket" "mounts: " --runtime-flag cinch-profile=baseline -v $s:/s
	refused "a link to podman's socket" "mounts: " --runtime-flag cinch-profile=baseline -v /run/link.sock:/s
	kill $service
	wait $service
	rm -f $s /run/link.sock

	got=$(p --runtime-flag cinch-profile=nope run --rm $IMAGE id)
	it_like "a profile that is not there" "$got" 'unknown profile "nope"'
	got=$(p run --rm --annotation io.cinch.profile=nope $IMAGE id)
	it_like "a profile that is not there, by annotation" "$got" \
		'profile "nope" named by annotation io.cinch.profile: unknown profile'
	it_is "nothing of them is there" "$(p ps -aq)" ""
}

# --- which profile ---

test_choice() {
	local f='[.engine, .container, .image.name, .select, (.profiles | map(.name) | join("+"))]'
	it_is "--runtime-flag cinch-profile" "$(p --runtime-flag cinch-profile=baseline run --rm $IMAGE id -u)" 0
	it_is "... recorded" "$(pm_audit .select | tail -n 1)" '"--cinch-profile"'
	it_is "--runtime NAME of the configuration" "$(p --runtime cinch-baseline run --rm $IMAGE id -u)" 0
	it_is "--runtime PATH" "$(p --runtime /usr/local/sbin/cinch-baseline run --rm $IMAGE id -u)" 0
	it_is "... recorded" "$(pm_audit .select | tail -n 1)" '"program name"'
	it_is "a rule of cinch.json" "$(p run --rm --name base-1 $IMAGE id -u)" 0
	it_is "... recorded" "$(pm_audit "$f" | tail -n 1)" \
		'["podman","base-1","localhost/busybox:1","rule cinch.json:2","baseline"]'
	it_is "annotation io.cinch.profile" \
		"$(p run --rm --name a1 --annotation io.cinch.profile=batch $IMAGE id -u)" 65532
	it_is "... recorded" "$(pm_audit "$f" | tail -n 1)" \
		'["podman","a1","localhost/busybox:1","default","restricted+batch"]'
	it_is "an annotation does not widen" \
		"$(p run --rm --annotation io.cinch.profile=baseline $IMAGE id -u)" 65532
	it_like "the image's ID is known" "$(pm_audit .image.id | tail -n 1)" '^"sha256:[0-9a-f]{64}"$'
}

# --- goes on as it was ---

test_passing() {
	local n before got
	before=$(pm_traces)
	for n in 0 1 42 255; do
		p run --rm $IMAGE /bin/sh -c "exit $n" >/dev/null
		it_is "exit status $n" $? $n
	done
	it_is "nothing but the container's own output" \
		"$(p run --rm $IMAGE /bin/sh -c 'echo out; echo err >&2' | sort | tr '\n' ' ')" "err out "
	it_is "standard input" "$(echo hello | timeout 20 podman run --rm -i $IMAGE head -n 1 2>&1)" hello
	it_like "a terminal" "$(timeout 20 script -qec "podman run --rm -t $IMAGE tty" /dev/null \
		</dev/null | tr -d '\r')" '/dev/(pts/0|console)$'
	it_like "the network is there" "$(p run --rm $IMAGE ip -4 a)" 'inet 10\.88\.'
	it_is "--net none" "$(p run --rm --net none $IMAGE /bin/sh -c 'ip -o l | wc -l')" 1

	it_like "detached" "$(p run -d --name c1 --memory 64m $IMAGE /bin/sh -c \
		'trap "exit 42" USR1; echo begun; while :; do sleep 0.1; done')" '^[0-9a-f]{64}$'
	it_like "ps" "$(p ps --format '{{.Names}} {{.Status}}')" '^c1 Up'
	wait_for has_log c1
	it_is "logs" "$(p logs c1)" begun
	it_like "top" "$(p top c1 user comm)" 'nonroot +sh'
	it_is "pause" "$(p pause c1)" c1
	it_is "paused" "$(p inspect -f '{{.State.Status}}' c1)" paused
	it_is "unpause" "$(p unpause c1)" c1
	it_is "stats" "$(p stats --no-stream --format '{{.Name}}' c1)" c1
	it_is "restart" "$(p restart -t 0 c1)" c1
	it_is "restarted" "$(p inspect -f '{{.State.Status}} {{.RestartCount}}' c1)" "running 0"
	it_is "kill USR1" "$(sleep 0.3; p kill -s USR1 c1)" c1
	it_is "a trapped signal's exit status" "$(p wait c1)" 42
	it_is "start again" "$(p start c1)" c1
	it_is "stop" "$(p stop -t 0 c1)" c1
	it_is "killed" "$(p inspect -f '{{.State.ExitCode}}' c1)" 137
	p start c1 >/dev/null
	it_is "rm -f" "$(p rm -f -t 0 c1)" c1
	pm_clean "nothing left behind" "$before"
}

test_descriptors() {
	local got
	got=$(p run --rm --preserve-fds 3 $IMAGE /bin/sh -c 'cat <&5' 3<<<three 4<<<four 5<<<five)
	it_like "--preserve-fds: refused by what is shipped" "$got" \
		'refused by profile restricted: flags: 3 of the caller.s descriptors'
	got=$(p --runtime-flag cinch-profile=fds run --rm --preserve-fds 3 $IMAGE /bin/sh -c \
		'cat <&5; ls /proc/self/fd | wc -l' 3<<<three 4<<<four 5<<<five)
	it_is "--preserve-fds: as many as the profile lets, and those only" "$got" "five
7"
}

# --- pods, builds ---

test_pod() {
	local before got
	before=$(pm_traces)
	it_like "pod create" "$(p pod create --name pp)" '^[0-9a-f]{64}$'
	it_like "a member" "$(p run -d --pod pp --name m1 $IMAGE /bin/sh -c \
		'echo from m1 >/tmp/page; httpd -f -p 8080 -h /tmp')" '^[0-9a-f]{64}$'
	wait_for has_port m1
	got=$(p run --rm --pod pp --name m2 $IMAGE /bin/sh -c \
		'wget -qO- http://127.0.0.1:8080/page; readlink /proc/self/ns/net; id -u')
	it_is "another member reaches it, and is confined, too" "$got" "from m1
$(readlink "/proc/$(p inspect -f '{{.State.Pid}}' m1)/ns/net")
65532"
	it_is "a member that asks for the host's pids is refused" \
		"$(p run --rm --pod pp --pid host $IMAGE id | grep -c 'refused by profile restricted: namespaces')" 1
	it_is "the pod's own container is confined" \
		"$(pm_audit 'select(.container // "" | endswith("-infra")) | .result' | tail -n 1)" '"changed"'
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
		    command: ["sleep", "100"]
		  - name: two
		    image: $IMAGE
		    command: ["sleep", "100"]
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
	it_is "build: recorded" "$(pm_audit 'select(.engine == "buildah") | [.verb, .result, .select]' |
		sort -u)" '["create","changed","rule cinch.json:3"]'
	got=$(p build --network host -t localhost/built:2 --no-cache $T/context)
	it_like "build: refused, and why" "$got" \
		'cinch: refused by profile build: namespaces: the host.s network namespace'
	got=$(p build -v /:/h -t localhost/built:2 --no-cache $T/context)
	it_like "build: the host's / in a step" "$got" 'cinch: refused by profile build: mounts: .* on /h: '
	p rmi -f localhost/built:1 >/dev/null
	p image prune -f >/dev/null
}

# --- the record ---

test_audit() {
	local id who
	id=$(p1 run -d --name a2 --annotation note=x $IMAGE sleep 1000)
	it_is "audit: engine, container and image of a start" \
		"$(pm_audit "select(.id == \"$id\") | [.verb, .engine, .container, .image.name]" | head -n 1)" \
		'["create","podman","a2","localhost/busybox:1"]'
	who=$(pm_audit "select(.id == \"$id\") | .caller" | head -n 1)
	it_like "audit: the caller is conmon, below podman or this script" "$who" \
		'"uid":0.*"program":"/usr/bin/conmon"'
	p rm -f -t 0 a2 >/dev/null
	it_ok "audit: every line is JSON" jq -e . $AUDIT
	it_unlike "audit: no value of the environment" "$(cat $AUDIT)" 'hunter2'
	it_ok "audit: the chain holds" "$B/cinchctl" log verify
}

# shellcheck disable=SC2317 # called by wait_for
has_log() { [ -n "$(p1 logs "$1")" ]; }
# shellcheck disable=SC2317 # called by wait_for
has_port() { p1 run --rm --pod pp "$IMAGE" wget -qO- http://127.0.0.1:8080/page; }

it_install
pm_configure || it_die "cannot set up podman"
it_image $T/image.tar $IMAGE || it_die "cannot make an image"
p load -q -i $T/image.tar >/dev/null || it_die "podman cannot load the image"
mkdir -p /etc/cinch/profiles
cp "$IT_TOP/integration/podman/build.json" /etc/cinch/profiles/ || it_die "no profile for builds"
echo '{"profile": "fds", "version": "1.0.0", "extends": ["restricted"], "flags": {"preserveFds": 3}}' \
	>/etc/cinch/profiles/fds.json
it_apply '{"select": [
	{"engine": "podman", "container": "base-*", "profile": "baseline"},
	{"engine": "buildah", "profile": "build"}]}'
p --runtime runc run --rm $IMAGE true # once, so that what podman makes once is there
touch $T/began

test_inside restricted
test_inside baseline --name base-inside
test_probe restricted
test_probe baseline --name base-probe
test_asking_more
test_refused
test_choice
test_passing
test_descriptors
test_pod
test_kube
test_build
test_audit
it_done

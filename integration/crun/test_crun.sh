#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_crun - a real crun as the runtime below cinch: the same container as with runc, the same bounds for what
# comes later, and what crun does in its own way.
# shellcheck source=integration/podman/world.sh
. "${BASH_SOURCE[0]%/*}/../podman/world.sh" || exit 1
IT_NEEDS="crun runc busybox podman conmon"
# crun wants one version of cgroups, not both
export PM_LEGACY=1
pm_enter "$0" "$@"

RT=/usr/local/sbin/cinch
CRUN=$(command -v crun)

with() { it_apply "{${1:+\"runtime\": \"$1\"}${2:-}}"; } # RUNTIME [, MEMBERS]
spec() { jq "$1" $T/b/base.json >$T/b/config.json; } # JQ-FILTER over the bundle's configuration
in_bundle() { (cd $T/b && timeout 300 "$@" 2>&1 </dev/null); }
shell() { spec ".process.args = [\"/bin/sh\", \"-c\", $(jq -n --arg c "$1" '$c')]"; }

traces() {
	{
		find /sys/fs/cgroup -path '*box*' -type d
		find /run/crun -mindepth 1 2>/dev/null
		awk '$5 !~ "/storage/overlay$" {print "mount", $5}' /proc/self/mountinfo
		find /run/cinch -name '*.json' -exec jq -r '.root + "/" + .id' {} + 2>/dev/null |
			while read -r f; do [ ! -e "$f" ] || echo "record $f"; done
	} | sort
}

# --- from inside ---

# What differs between the two runtimes in what a process is told of itself: inode numbers, and mounts that each
# makes in its own way.
told() { grep -Ev '^(ns_|mount:|masks=|hostname=)' <<<"$1"; }

test_inside() {
	local profile rt got
	shell "$IT_LOOK"
	cp $T/b/config.json $T/b/look.json
	for profile in restricted baseline; do
		for rt in "$RUNC" "$CRUN"; do
			with "$rt" ", \"defaultProfile\": \"$profile\""
			cp $T/b/look.json $T/b/config.json
			in_bundle $RT run box-1 >"$T/look.${rt##*/}"
		done
		got=$(<$T/look.crun)
		it_is "$profile: the same from inside as with runc" "$(told "$got")" "$(told "$(<$T/look.runc)")"
		it_like "$profile: mounts of the profile are there" "$(it_value "$got" mount:/proc/sys)" '^proc,ro'
		it_is "$profile: NoNewPrivs" "$(it_value "$got" NoNewPrivs)" 1
		it_is "$profile: Seccomp" "$(it_value "$got" Seccomp)" 2
	done
	with "$CRUN"
	it_like "runtime of cinch.json: --version" "$($RT --version)" '^crun version '
	with ""
	it_like "without it: runc, which is looked for first" "$($RT --version)" '^runc version '
	with "$CRUN"
}

# The name that makes a crun with libkrun start virtual machines; without it, it is crun.
test_krun() {
	if $CRUN --version | grep -qi libkrun; then
		it_skip "krun" "this crun would start a virtual machine"
		return
	fi
	ln -s "$CRUN" /usr/local/bin/krun
	with /usr/local/bin/krun
	spec .
	in_bundle $RT create box-6 >$T/create.out
	it_is "krun: create and start" "$?$($RT start box-6; echo $?)" 00
	it_is "krun: exec is held to the record" "$(in_bundle $RT exec --user 0 box-6 id -u)" 65532
	it_is "krun: delete" "$($RT delete --force box-6; echo $?)" 0
	with "$CRUN"
	rm /usr/local/bin/krun
}

test_probe() { # PROFILE
	local line n=0
	with "$CRUN" ", \"defaultProfile\": \"$1\""
	spec ".process.args = [\"/bin/probe\", \"$1\"] | .process.capabilities |= map_values([\"CHOWN\",
		\"DAC_OVERRIDE\", \"FOWNER\", \"KILL\", \"NET_BIND_SERVICE\", \"SETGID\", \"SETUID\", \"NET_RAW\", \"MKNOD\"] | map(\"CAP_\" + .))"
	while read -r line; do
		case $line in
		ok\ *) it_result 0 "$1 probe: ${line#*- }" ;;
		not\ ok\ *) it_result 1 "$1 probe: ${line#*- }" ;;
		1..*) n=${line#1..} ;;
		esac
	done < <(in_bundle $RT run box-1)
	it_ok "$1 probe: came to its end ($n rows)" [ "$n" -gt 60 ]
	with "$CRUN"
}

# --- refused ---

refused() { # WHAT WANT-REGEX JQ-FILTER
	local got rc
	spec "$3"
	rm -f $T/log
	got=$(in_bundle $RT --log $T/log --log-format json create box-2)
	rc=$?
	it_is "refused: $1" $rc 1
	it_like "refused: $1: why" "$got" "^cinch: refused by profile restricted: .*$2"
	it_is "refused: $1: one JSON object in the log" \
		"$(jq -s -c '[length, .[0].level, (.[0].msg | startswith("cinch: refused"))]' $T/log)" '[1,"error",true]'
	it_is "refused: $1: crun knows nothing of it" "$($CRUN state box-2 2>&1 | grep -c 'No such file')" 1
}

test_refused() {
	local before got
	before=$(traces)
	refused "host network" "namespaces: .*network" \
		'.linux.namespaces |= map(select(.type != "network"))'
	refused "host pids" "namespaces: .*pid" '.linux.namespaces |= map(select(.type != "pid"))'
	refused "the host's /" "mounts: " \
		'.mounts += [{"destination": "/h", "type": "bind", "source": "/", "options": ["rbind"]}]'
	refused "a descriptor as working directory" "process: .*/proc/self/fd/7" '.process.cwd = "/proc/self/fd/7"'
	spec .
	cp $T/b/config.json $T/b/other.json
	got=$(in_bundle $RT create --config other.json box-2)
	it_like "--config names another file than the one that is judged" "$got" '--config: refused'
	got=$(in_bundle $RT create -f other.json box-2)
	it_like "-f, the same" "$got" '--config: refused'
	it_is "nothing is left" "$(traces)" "$before"
}

# Keys that steer crun alone. None may come through, and each would do something.
test_annotations() {
	local got
	shell 'grep -E "^(Seccomp|Groups):" /proc/self/status | sed "s/.*:[[:space:]]*//"; id -u'
	jq '.annotations = {"run.oci.seccomp_bpf_data": "BgAAAAAA/38=", "run.oci.keep_original_groups": "1",
		"run.oci.hooks.stdout": "/run/t/stolen", "run.oci.hooks.stderr": "/run/t/stolen",
		"run.oci.handler": "krun", "run.oci.systemd.subgroup": "x", "krun.ram_mib": "1",
		"run.oci.pidfd_receiver": "/run/t/x", "run.oci.seccomp.receiver": "/run/t/x", "kept": "1"}' \
		$T/b/config.json >$T/b/new && mv $T/b/new $T/b/config.json
	got=$(setpriv --groups 4242 bash -c "cd $T/b && $RT run box-3 </dev/null 2>&1")
	it_is "run.oci.*, krun.*: none has an effect" "$(tr -d ' ' <<<"$got")" "
2
65532"
	it_is "run.oci.hooks.stdout: no file of the host" "$(find /run/t -name stolen)" ""
	it_is "they are taken out of config.json, others stay" "$(jq -c .annotations $T/b/config.json)" \
		'{"kept":"1"}'
	it_is "... and recorded" "$(jq -c 'select(.id == "box-3" and .verb == "run") | [.changes[] |
		select(.control == "annotations" and .kind == "remove")] | length' $AUDIT | tail -n 1)" 9
}

# --- what comes later ---

cgroup_of() { grep -m 1 ':pids:' "/proc/$1/cgroup" || grep '^0::' "/proc/$1/cgroup"; } # PID

test_life() {
	local none=0000000000000000 pid before look
	before=$(traces)
	look='id -u; grep -E "^(Cap(Eff|Prm|Bnd|Amb)|NoNewPrivs|Seccomp):" /proc/self/status | sed "s/.*:[[:space:]]*//"'
	spec .
	in_bundle $RT --log $T/log --log-format json create --pid-file $T/pid box-4 >$T/create.out
	it_is "create" "$?$(<$T/create.out)" 0
	pid=$(<$T/pid)
	it_is "state passes through" "$($RT state box-4)" "$($CRUN state box-4)"
	it_is "list passes through" "$($RT list)" "$($CRUN list)"
	it_is "start" "$($RT start box-4; echo $?)" 0
	it_is "the pid file's is the container's" "$($CRUN state box-4 | jq .pid)" "$pid"
	it_is "exec, by options" "$(in_bundle $RT exec box-4 sh -c "$look")" "65532
$none
$none
$none
$none
1
2"
	it_is "exec --cap, --user 0" \
		"$(in_bundle $RT exec --cap CAP_SYS_ADMIN --user 0:0 box-4 sh -c "$look")" "65532
$none
$none
$none
$none
1
2"
	jq '.process | .user = {"uid": 0, "gid": 0} | .args = ["sh", "-c", $look] | .noNewPrivileges = false |
		.capabilities = {"bounding": ["CAP_SYS_ADMIN"], "effective": ["CAP_SYS_ADMIN"],
			"permitted": ["CAP_SYS_ADMIN"], "inheritable": ["CAP_SYS_ADMIN"], "ambient": ["CAP_SYS_ADMIN"]}' \
		--arg look "$look" $T/b/base.json >$T/process.json
	cp $T/process.json $T/process.before
	it_is "exec --process" "$(in_bundle $RT exec --process $T/process.json box-4)" "65532
$none
$none
$none
$none
1
2"
	it_ok "exec --process: the caller's file is as it was" cmp $T/process.json $T/process.before
	in_bundle $RT exec box-4 sh -c 'exit 9' >/dev/null
	it_is "exec: exit status" $? 9
	it_is "exec: what is not there, in crun's words" "$(in_bundle $RT exec box-4 /nonexistent)" \
		"$(in_bundle "$CRUN" exec box-4 /nonexistent)"
	it_like "exec --cwd of a descriptor" "$(in_bundle $RT exec --cwd /proc/self/fd/7 box-4 pwd)" '^cinch: .*/proc/self/fd/7'

	# crun alone leaves such a process in the cgroup of whoever called
	in_bundle $RT exec -d --pid-file $T/pid2 --cgroup sub box-4 sleep 1000 >$T/exec.out
	it_like "exec --cgroup of one that is not there" "$(<$T/exec.out)" \
		'refused by profile restricted: exec: .*--cgroup'
	in_bundle $RT exec -d --pid-file $T/pid2 --cgroup / box-4 sleep 1000 >$T/exec.out
	it_is "exec: the process is in the container's cgroup" "$(cgroup_of "$(<$T/pid2)")" "$(cgroup_of "$pid")"

	it_is "pause" "$($RT pause box-4; $CRUN state box-4 | jq -r .status)" paused
	it_like "exec into a paused one, in crun's words" "$(in_bundle $RT exec box-4 id)" 'is paused'
	it_is "resume" "$($RT resume box-4; $CRUN state box-4 | jq -r .status)" running
	it_like "ps" "$($RT ps box-4)" "$pid"
	it_is "delete of a running one: crun's exit status and words" "$($RT delete box-4 2>&1; echo $?)" \
		"$($CRUN delete box-4 2>&1; echo $?)"
	test_update
	it_is "kill" "$($RT kill box-4 KILL; echo $?)" 0
	it_until stopped box-4
	it_is "delete" "$($RT delete box-4; echo $?)" 0
	it_is "state of what is not there: crun's words" "$($RT state box-4 2>&1)" "$($CRUN state box-4 2>&1)"
	it_is "a verb that this crun does not know: crun's words" "$($RT features 2>&1)" "$($CRUN features 2>&1)"
	it_is "kill, pause, resume and delete are recorded" "$(jq -r 'select(.id == "box-4") | .verb' $AUDIT |
		sort | uniq -c | awk '{print $2, $1}' | grep -Ev '^(create|exec|update)' | tr '\n' ' ')" \
		"delete 2 kill 1 pause 1 resume 1 "
	it_is "nothing is left" "$(traces)" "$before"
}

limit() { # CONTROLLER FILE-OF-V1 FILE-OF-V2
	cat "/sys/fs/cgroup/$1/$IT_NS/box/$2" 2>/dev/null || cat "/sys/fs/cgroup/$IT_NS/box/$3"
}

test_update() {
	it_is "the profile's ceiling at the start" "$(limit pids pids.max pids.max)" 4096
	it_is "update --pids-limit: less" "$($RT update --pids-limit 100 box-4; limit pids pids.max pids.max)" 100
	it_is "update --pids-limit: more ends at the ceiling" \
		"$($RT update --pids-limit 99999 box-4; limit pids pids.max pids.max)" 4096
	it_is "update --pids-limit -1" "$($RT update --pids-limit=-1 box-4; limit pids pids.max pids.max)" 4096
	echo '{"pids": {"limit": 50000}, "memory": {"limit": 67108864}}' >$T/limits.json
	it_is "update --resources FILE" "$($RT update --resources $T/limits.json box-4
		echo "$?" "$(limit pids pids.max pids.max)" "$(limit memory memory.limit_in_bytes memory.max)")" \
		"0 4096 67108864"
	echo '{"pids": {"limit": 70}}' >$T/limits.json
	it_is "update --resources -" "$($RT update --resources - box-4 <$T/limits.json
		echo "$?" "$(limit pids pids.max pids.max)")" "0 70"
}

# shellcheck disable=SC2317 # called by it_until
stopped() { [ "$($CRUN state "$1" 2>/dev/null | jq -r .status)" = stopped ]; }

test_run() {
	local n
	for n in 0 1 42; do
		spec ".process.args = [\"/bin/sh\", \"-c\", \"echo out; echo err >&2; exit $n\"]"
		it_is "run: exit status $n and nothing but its own output" "$(in_bundle $RT run box-5 | sort | tr '\n' ' '
			echo "${PIPESTATUS[0]}")" "err out $n"
	done
	spec '.process.args = ["/nonexistent"]'
	cp $T/b/config.json $T/b/nonexistent.json
	n=$(in_bundle $RT run box-5)
	cp $T/b/nonexistent.json $T/b/config.json
	it_is "run: what is not there, in crun's words" "$n" "$(in_bundle "$CRUN" run box-5)"
}

# --- podman on top ---

test_podman() {
	local got pid how
	if ! { pm_configure && it_image $T/image.tar $IMAGE && p load -q -i $T/image.tar >/dev/null; }; then
		it_die "podman cannot be set up"
	fi
	cat >$DROPINS/60-crun.conf <<-EOF
		[engine]
		runtime_supports_nocgroups = ["crun", "krun", "cinch"]
		runtime_supports_nocgroup = ["crun", "krun", "cinch"]
	EOF
	mkdir -p /etc/cinch/profiles
	echo '{"profile": "free", "version": "1.0.0", "extends": ["restricted"],
		"flags": {"allow": ["--cgroup-manager"]}}' >/etc/cinch/profiles/free.json
	with "$CRUN" ', "select": [{"container": "free", "profile": "free"}]'
	it_like "podman: which runtime it is" "$(p info -f '{{.Host.OCIRuntime.Version}}')" '^crun version'
	got=$(p run --rm $IMAGE /bin/sh -c "$IT_LOOK")
	it_is "podman: user" "$(it_value "$got" id)" "uid=65532(nonroot) gid=65532(nonroot)"
	it_is "podman: bounding set" "$(it_value "$got" CapBnd)" $NET_BIND
	it_is "podman: Seccomp, NoNewPrivs" "$(it_value "$got" Seccomp)$(it_value "$got" NoNewPrivs)" 21
	it_is "podman: writing the root file system" "$(it_value "$got" write_root)" no
	it_like "podman: refused, and why" "$(p run --rm --net host $IMAGE id)" \
		'^Error: OCI runtime error: cinch: cinch: refused by profile restricted: namespaces: '
	it_is "podman: --group-add keep-groups" "$(p run --rm --group-add keep-groups $IMAGE id -G)" 65532
	p run --rm $IMAGE /nonexistent >/dev/null
	it_is "podman: what is not there is 127" $? 127
	p run -d --name c1 $IMAGE sleep 1000 >/dev/null
	it_is "podman exec --privileged --user 0" \
		"$(p exec --privileged --user 0 c1 sh -c 'id -u; grep CapBnd: /proc/self/status' | tr -d '\n\t')" \
		"65532CapBnd:0000000000000000"
	it_is "podman pause, unpause, restart" "$(p pause c1; p unpause c1; p restart -t 0 c1)" "c1
c1
c1"
	it_is "podman exec after it" "$(p exec c1 id -u)" 65532
	it_is "podman rm -f" "$(p rm -f -t 0 c1)" c1
	# crun is told so by --cgroup-manager=disabled
	for how in held free; do
		p run -d --name $how --cgroups disabled $IMAGE sleep 1000 >/dev/null
		pid=$(pid_of $how)
		[ "$(cgroup_of "$pid")" != "$(cgroup_of self)" ]
		it_is "podman --cgroups disabled, profile $how: a cgroup of its own" $? \
			"$([ $how = held ] && echo 0 || echo 1)"
		p rm -f -t 0 $how >/dev/null
	done
	it_is "... which the record tells" "$(jq -r 'select(.verb == "create") | .changes[]? |
		select(.control == "flags") | .place' $AUDIT)" "--cgroup-manager"
}

it_install
it_bundle $T/b box || it_die "cannot make a bundle"
cp $T/b/config.json $T/b/base.json
spec '.process.args = ["/bin/true"]'
if ! got=$(in_bundle "$CRUN" run box-0); then
	it_skip "crun" "crun alone does not run here: $got"
	it_done
fi
touch $T/began
with "$CRUN"
in_bundle $RT run box-0 >/dev/null # so that what is made once is there
test_inside
test_probe restricted
test_probe baseline
test_refused
test_annotations
test_life
test_run
test_krun
test_podman
it_done

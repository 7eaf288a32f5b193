#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_ctr - containerd with a real crun below cinch: from start to end, and what is started in between.
# shellcheck source=integration/podman/world.sh
. "${BASH_SOURCE[0]%/*}/../podman/world.sh" || exit 1
IT_NEEDS="containerd ctr crun busybox"
# crun wants one version of cgroups, not both
export PM_LEGACY=1
pm_enter "$0" "$@"

RT=/usr/local/sbin/cinch

run() { # OPTION... -- COMMAND...: a container to its end; output and errors together
	local opt=()
	while [ "$1" != -- ]; do
		opt+=("$1")
		shift
	done
	shift
	timeout 300 ctr -n "$IT_NS" run --rm --runc-binary $RT "${opt[@]}" $IMAGE c1 "$@" 2>&1 </dev/null
}

task() { timeout 300 ctr -n "$IT_NS" task "$@" 2>&1 </dev/null; }
# ctr does not always wait for the output of an exec: by way of a file in the container
said_in() { # EXEC-ID OPTION... -- COMMAND...
	local id=$1 opt=()
	shift
	while [ "$1" != -- ]; do
		opt+=("$1")
		shift
	done
	shift
	# shellcheck disable=SC2016 # expanded in the container
	task exec --exec-id "$id" "${opt[@]}" c2 /bin/sh -c '"$@" >/tmp/said' sh "$@" &&
		cat "/proc/$(task ls | awk '$1 == "c2" {print $2}')/root/tmp/said"
}
last() { jq -rs "map(select(.verb == \"$1\")) | last | $2" $AUDIT; } # VERB JQ-FILTER

test_inside() {
	local got
	got=$(run -- /bin/sh -c "$IT_LOOK")
	it_is "user" "$(it_value "$got" id)" "uid=65532(nonroot) gid=65532(nonroot)"
	it_is "bounding set" "$(it_value "$got" CapBnd)" $NET_BIND
	it_is "NoNewPrivs" "$(it_value "$got" NoNewPrivs)" 1
	it_is "Seccomp" "$(it_value "$got" Seccomp)" 2
	it_is "writing the root file system" "$(it_value "$got" write_root)" no
	it_is "descriptors (three and that of ls)" "$(it_value "$got" fds)" 4
	it_is "exit status" "$(run -- /bin/sh -c 'exit 42' >/dev/null; echo $?)" 42
}

test_refused() {
	local before got
	before=$(it_traces)
	got=$(run --net-host -- /bin/echo started)
	it_like "refused: ctr says why" "$got" '^ctr: .*refused by profile restricted: .*namespaces: '
	it_unlike "refused: did not run" "$got" '^started'
	it_clean "refused: nothing left behind" "$before"
}

# A container from here to the end of test_end.
test_running() {
	local got
	it_ok "started in the background" timeout 300 ctr -n "$IT_NS" run -d --runc-binary $RT $IMAGE c2 \
		/bin/sleep 1000
	it_is "crun keeps it" "$(find /run -path '*/c2/status' -type f | wc -l)" 1
	got=$(said_in e1 --user 0 -- /bin/sh -c "$IT_LOOK")
	it_is "exec as root: user" "$(it_value "$got" id | cut -d ' ' -f 1)" "uid=65532(nonroot)"
	it_is "exec: bounding set" "$(it_value "$got" CapBnd)" 0000000000000000
	it_is "exec: NoNewPrivs" "$(it_value "$got" NoNewPrivs)" 1
	it_is "exec: Seccomp" "$(it_value "$got" Seccomp)" 2
	it_is "exec: recorded" "$(last exec '[.id, .result, .engine, .user] | join(" ")')" \
		"c2 changed containerd 65532:65532"
	it_ok "pause" task pause c2
	it_ok "resume" task resume c2
}

# The node goes over to runc while it runs.
test_end() {
	local got
	it_apply '{"runtime": "'"$RUNC"'"}'
	got=$(said_in e2 -- /bin/echo still in)
	it_is "the policy names runc: exec reaches crun" "$got" "still in"
	it_is "the policy names runc: a new one is runc's" "$(run -- /bin/echo new)" new
	it_ok "killed" task kill -s KILL c2
	# shellcheck disable=SC2317 # called by it_until
	stopped() { task ls | grep -q '^c2 .*STOPPED'; }
	it_until stopped
	it_ok "deleted" task delete c2
	it_ok "removed" timeout 300 ctr -n "$IT_NS" containers rm c2
	it_is "kill and delete are recorded" "$(jq -r 'select(.id == "c2") | .verb' $AUDIT | sort -u | tr '\n' ' ')" \
		"create delete exec kill pause resume "
}

it_install
it_apply '{"runtime": "'"$(command -v crun)"'"}'
it_image $T/image.tar $IMAGE || it_die "cannot make an image"
it_containerd "" || it_die "containerd does not start"
ctr -n "$IT_NS" images import $T/image.tar >/dev/null || it_die "cannot import the image"
run -- /bin/true # once, so that what the engine makes once is there
BEFORE=$(it_traces)
test_inside
test_refused
test_running
test_end
it_clean "nothing left behind" "$BEFORE"
it_containerd_stop
it_done

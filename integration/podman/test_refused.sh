#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_refused - what a real podman shows of a container that is refused and what stays of it, and by which profile it
# was.
# shellcheck source=integration/podman/world.sh
. "${BASH_SOURCE[0]%/*}/world.sh" || exit 1
IT_NEEDS="podman conmon runc busybox"
pm_enter "$0" "$@"

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
	it_until [ -S $s ]
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

test_choice() {
	local f='[.engine, .container, .image.name, .select, (.profiles | map(.name) | join("+"))]'
	it_is "--runtime-flag cinch-profile" "$(p --runtime-flag cinch-profile=baseline run --rm $IMAGE id -u)" 0
	it_is "... recorded" "$(pm_started .select)" '"--cinch-profile"'
	it_is "--runtime NAME of the configuration" "$(p --runtime cinch-baseline run --rm $IMAGE id -u)" 0
	it_is "--runtime PATH" "$(p --runtime /usr/local/sbin/cinch-baseline run --rm $IMAGE id -u)" 0
	it_is "... recorded" "$(pm_started .select)" '"program name"'
	it_is "a rule of cinch.json" "$(p run --rm --name base-1 $IMAGE id -u)" 0
	it_is "... recorded" "$(pm_started "$f")" \
		'["podman","base-1","localhost/busybox:1","rule cinch.json:2","baseline"]'
	it_is "annotation io.cinch.profile" \
		"$(p run --rm --name a1 --annotation io.cinch.profile=batch $IMAGE id -u)" 65532
	it_is "... recorded" "$(pm_started "$f")" \
		'["podman","a1","localhost/busybox:1","default","restricted+batch"]'
	it_is "an annotation does not widen" \
		"$(p run --rm --annotation io.cinch.profile=baseline $IMAGE id -u)" 65532
	it_like "the image's ID is known" "$(pm_started .image.id)" '^"sha256:[0-9a-f]{64}"$'
}

pm_setup
test_choice
test_refused
it_done

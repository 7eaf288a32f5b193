#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_ps - cinchctl ps beside a real containerd and a real runc: who runs, who does not any more, and which of
# them a scanner's report is about. What a kubelet or Docker would have told of an image is put where they
# put it, and cinch is called as they call it.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="containerd ctr runc busybox"
it_enter "$0" "$@"

IMAGE=localhost/busybox:1
CINCH_RT=/usr/local/sbin/cinch
CTL=/usr/local/sbin/cinchctl
TASKS=/run/containerd/io.containerd.runtime.v2.task
CRI_ROOT=/run/containerd/runc/k8s.io
DOCKER=/var/lib/docker

ps_json() { "$CTL" ps --json "$@"; }
status_of() { # ID
	ps_json --all | jq -r --arg id "$1" '.containers[] | select(.id == $id) | .status'
}

start() { # NAME
	timeout 300 ctr -n "$IT_NS" run -d --runc-binary $CINCH_RT $IMAGE "$1" /bin/sleep 1000 2>&1 </dev/null
}

wait_for() { # ID STATUS
	it_until has_status "$@"
}
# shellcheck disable=SC2317 # called by it_until
has_status() { [ "$(status_of "$1")" = "$2" ]; }
# shellcheck disable=SC2317 # called by it_until
stopped() { ctr -n "$IT_NS" task ls | grep -q "^$1 .*STOPPED"; }

# --- containerd ---

test_containerd() {
	local got
	it_is "nothing runs: exit status" "$("$CTL" ps && echo $?)" "no containers
0"
	it_is "first container" "$(start ps-one)" ""
	it_is "second container" "$(start ps-two)" ""
	got=$("$CTL" ps)
	it_is "ps: exit status" $? 0
	it_like "ps: the first" "$got" "^ps-one +containerd +$IT_NS .* restricted +enforce +current +[0-9]+[sm] +running$"
	it_like "ps: the second" "$got" '^ps-two .* running$'
	it_is "ps: the pid is the container's" "$(ps_json | jq -r '.containers[] | select(.id == "ps-one") | .pid')" \
		"$(ctr -n "$IT_NS" task ls | awk '$1 == "ps-one" {print $2}')"
	it_is "ps: what the runtime says" "$(status_of ps-one)" \
		"$("$RUNC" --root "/run/containerd/runc/$IT_NS" state ps-one | jq -r .status)"

	ctr -n "$IT_NS" task pause ps-one
	it_is "paused" "$(status_of ps-one)" paused
	ctr -n "$IT_NS" task resume ps-one
	it_is "resumed" "$(status_of ps-one)" running

	kill -9 "$(ps_json | jq -r '.containers[] | select(.id == "ps-two") | .pid')"
	it_until stopped ps-two # its shim calls delete when the client does
	it_unlike "killed: it is not among those that run" "$("$CTL" ps)" '^ps-two'
	it_like "killed: it stopped, or is gone" "$(status_of ps-two)" '^(stopped|gone|)$'
	ctr -n "$IT_NS" task kill -s SIGKILL ps-one
	wait_for ps-one stopped
	ctr -n "$IT_NS" task delete ps-one >/dev/null 2>&1
	it_unlike "deleted: gone" "$("$CTL" ps)" '^ps-one'
	ctr -n "$IT_NS" task delete ps-two >/dev/null 2>&1
	ctr -n "$IT_NS" containers delete ps-one ps-two
}

# --- a kubelet ---

# ID POD IMAGE: what containerd's CRI makes of a container, and starts
cri_container() {
	local b=$TASKS/k8s.io/$1
	it_bundle "$b" "$1" ".annotations = {
		\"io.kubernetes.cri.container-type\": \"container\",
		\"io.kubernetes.cri.container-name\": \"main\",
		\"io.kubernetes.cri.image-name\": \"$3\",
		\"io.kubernetes.cri.sandbox-id\": \"0123\",
		\"io.kubernetes.cri.sandbox-name\": \"$2\",
		\"io.kubernetes.cri.sandbox-namespace\": \"shop\",
		\"io.kubernetes.cri.sandbox-uid\": \"u-1\"}" || return 1
	"$CINCH_RT" --root "$CRI_ROOT" --log "$b/log.json" --log-format json create --bundle "$b" \
		--pid-file "$b/init.pid" "$1" >"$b/out" 2>&1 </dev/null || {
		cat "$b/out" "$b/log.json"
		return 1
	}
}

# ID IMAGE-ID: the same for Docker, whose own file of a container lies above the root file system
docker_container() {
	local b=$TASKS/moby/$1 c=$DOCKER/containers/$1 root=$DOCKER/overlay2/one/merged
	mkdir -p "$c" && echo "$1" >"$c/hostname" || return 1
	[ -d "$root" ] || it_rootfs "$root" || return 1
	: >"$root/etc/hostname"
	jq -n --arg id "$1" --arg image "$2" '{ID: $id, Name: "/cache", Image: $image,
		Config: {Image: "cache:7"}}' >"$c/config.v2.json"
	it_bundle "$b" "$1" ".root.path = \"$root\" | .mounts += [{destination: \"/etc/hostname\", type: \"bind\",
		source: \"$c/hostname\", options: [\"rbind\", \"rprivate\", \"ro\"]}]" || return 1
	"$CINCH_RT" --root /run/docker/runtime-runc/moby --log "$b/log.json" --log-format json create \
		--bundle "$b" --pid-file "$b/init.pid" "$1" >"$b/out" 2>&1 </dev/null || {
		cat "$b/out" "$b/log.json"
		return 1
	}
}

test_reports() {
	local reports=$IT_TOP/tests/data/reports got id
	id=$(jq -r .source.target.imageID "$reports/grype-cache.json")
	DOCKER_ID=$(printf 'c%.0s' {1..64})
	it_is "a pod's container" "$(cri_container cri-db db-0 registry.example.com/shop/db:16)" ""
	it_is "another, of another image" "$(cri_container cri-web web-0 registry.example.com/shop/web:1)" ""
	it_is "Docker's" "$(docker_container "$DOCKER_ID" "$id")" ""
	it_is "created" "$(status_of cri-db)" created
	it_ok "start" "$CINCH_RT" --root "$CRI_ROOT" start cri-db
	it_is "started" "$(status_of cri-db)" running
	got=$("$CTL" ps)
	it_like "ps: the pod's names and its image" "$got" \
		'^cri-db +cri +shop/db-0/main +registry\.example\.com/shop/db:16 '
	it_like "ps: Docker's name, image and ID" "$got" "^cccccccccccc +docker +cache +cache:7 +id ${id:7:12} "

	got=$("$CTL" ps --vulnerable "$reports/trivy-shop-db.json")
	it_is "a report about one of them: exit status" $? 1
	it_like "by its name only: perhaps" "$got" '^0 vulnerable, 1 perhaps, 0 clean, 2 without a report$'
	it_like "which" "$got" '^  cri-db +shop/db-0/main +running$'
	it_unlike "not the other" "$got" 'cri-web'
	got=$("$CTL" ps --vulnerable "$reports/grype-cache.json")
	it_is "a report about Docker's: exit status" $? 1
	it_like "certain: the ID is the same" "$got" '^1 vulnerable, 0 perhaps, 0 clean, 2 without a report$'
	got=$("$CTL" ps --vulnerable - --json <"$reports/trivy-clean.json")
	it_is "a report about none: exit status" $? 0
	it_is "said so" "$(jq -r '.reports[0].matched, (.unreported | length)' <<<"$got" | tr '\n' ' ')" "false 3 "
	got=$("$CTL" ps --vulnerable "$reports/hostile.json" 2>&1)
	it_unlike "nothing from a report moves the cursor" "$got" "$(printf '[\001-\010\013-\037\177]')"

	it_ok "what a scanner finds can be denied" sh -c "$CTL ps --vulnerable $reports --deny-list \
		>/etc/cinch/denied.json && jq -e '.denied | length > 3' /etc/cinch/denied.json"
	for got in cri-db cri-web; do
		"$CINCH_RT" --root "$CRI_ROOT" delete --force "$got"
	done
	"$CINCH_RT" --root /run/docker/runtime-runc/moby delete --force "$DOCKER_ID"
	it_is "deleted: none of them runs" "$("$CTL" ps)" "no containers"
}

# --- from the scanner to what does not start any more ---

test_deny() {
	local reports=$IT_TOP/tests/data/reports got id=d$DOCKER_ID image
	image=$(jq -r .source.target.imageID "$reports/grype-cache.json")
	it_ok "a list of images to deny" sh -c "$CTL ps --vulnerable $reports/grype-cache.json \
		--severity high --deny-list >/etc/cinch/denied.json"
	it_ok "apply" "$CTL" apply
	got=$(docker_container "${id:0:64}" "$image")
	it_like "refused, with what the scanner found" "$got" \
		'refused by profile restricted: image: .*denied on this node: docker:cache:7, grype: .*CVE-2026-20001'
	it_is "it is not among the others" "$("$CTL" ps --all --json | jq -r --arg id "${id:0:64}" \
		'.containers[] | select(.id == $id) | .id')" ""
	got=$(docker_container "${id:0:64}" "sha256:$(printf '1%.0s' {1..64})")
	it_is "another image starts" "$got" ""
	"$CINCH_RT" --root /run/docker/runtime-runc/moby delete --force "${id:0:64}"
}

it_install
it_image $T/image.tar $IMAGE || it_die "cannot make an image"
it_containerd "" || it_die "containerd does not start"
ctr -n "$IT_NS" images import $T/image.tar >/dev/null || it_die "cannot import the image"

test_containerd
test_reports
test_deny
it_containerd_stop
it_done

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_build - builds and the ways around daemon.json: the legacy builder, BuildKit without and with cinch in place
# of the runc it looks up, `--runtime runc` likewise, user namespaces, a dockerd that goes and comes back.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh"
# shellcheck disable=SC2034 # read by it_enter
IT_NEEDS="dockerd docker containerd ctr runc busybox iptables" IT_LIMIT=${IT_LIMIT:-240}
it_enter "$0" "$@"
# shellcheck source=integration/docker/engine.sh
. "$IT_TOP/integration/docker/engine.sh"
LINKS=/usr/local/lib/cinch/runc
COVERED=$(sed -n 's/^Environment=PATH=//p' "$HERE/runc-path.conf")
# what a step or container says of itself in one line
# shellcheck disable=SC2016 # expanded in the container
SAYS='echo "says: $(id -u) $(sed -n "s/^CapBnd:[[:blank:]]*//p" /proc/self/status) \
$(touch /written 2>/dev/null && echo writes)"'
FULL="0 00000000a80425fb writes" RESTRICTED="65532 0000000000000400 " BASELINE="0 00000000000404fb writes"

said() { printf '%s\n' "$1" | sed -n 's/^\(#[0-9]* [0-9.]* \)\?says: //p'; }
build() { # BUILDKIT(0|1) OPTION...: one step that says what it is; its output
	local kit=$1 dir=$T/context plain=()
	shift
	[ "$kit" = 0 ] || plain=(--progress=plain)
	mkdir -p "$dir"
	printf 'FROM %s\nRUN %s\n' $IMAGE "$SAYS" >"$dir/Dockerfile"
	DOCKER_BUILDKIT=$kit d build --no-cache "${plain[@]}" "$@" -t built "$dir"
}

# --- builds ---

test_legacy() {
	it_is "legacy builder: the default runtime is runc" "$(said "$(build 0)")" "$FULL"
	docker_down
	docker_up '. + {"default-runtime": "cinch-baseline"}'
	it_is "legacy builder: under the default runtime" "$(said "$(build 0)")" "$BASELINE"
	it_is "legacy builder: recorded" "$(last '.verb | IN("create", "run")' '[.verb, .engine] | join(" ")')" "create docker"
	it_like "default-runtime: docker run" "$(d run --rm $IMAGE /bin/sh -c "$SAYS")" "$BASELINE"
	it_is "BuildKit does not know default-runtime" "$(said "$(build 1)")" "$FULL"
	docker_down
}

test_covered() {
	local got before
	it_is "runc --version is the real one's" "$($LINKS/runc --version)" "$("$RUNC" --version)"
	docker_up . "$COVERED"
	it_like "docker version names the real runc" "$(d version)" \
		"Version: +$("$RUNC" --version | sed -n 's/^runc version //p' | sed 's/+/./')"
	before=$(docker_traces)
	it_is "BuildKit, covered: the default profile" "$(said "$(build 1)")" "$RESTRICTED"
	it_is "BuildKit, covered: recorded" \
		"$(last '.verb | IN("create", "run")' '[.verb, .engine, .caller.program, .result] | join(" ")')" \
		"run buildkit $(command -v dockerd) changed"
	got=$(build 1 --network host)
	it_like "BuildKit, covered: refused, and the step's output says why" "$got" \
		"cinch: refused by profile restricted: namespaces: the host's network namespace"
	it_is "BuildKit, covered: the refused step did not run" "$(said "$got")" ""
	docker_clean "BuildKit, covered: nothing left behind" "$before"
	it_apply '{"select": [{"engine": "buildkit", "profile": "baseline"}]}'
	it_is "BuildKit, covered: a rule for builds" "$(said "$(build 1)")" "$BASELINE"
	it_is "BuildKit, covered: the rule is recorded" "$(last '.verb == "run"' .select)" "rule cinch.json:1"
	got=$(d run --rm built /bin/cat /written)
	it_is "BuildKit, covered: what was built runs" "$?$got" 0
	it_is "dockerd's PATH alone does not cover --runtime runc" \
		"$(said "$(d run --rm --runtime runc $IMAGE /bin/sh -c "$SAYS")")" "$FULL"
	docker_down
	docker_containerd "$COVERED"
	docker_up . "$COVERED"
	it_is "containerd's PATH does" "$(said "$(d run --rm --runtime runc $IMAGE /bin/sh -c "$SAYS")")" "$RESTRICTED"
	it_is "and the default runtime" "$(said "$(d run --rm $IMAGE /bin/sh -c "$SAYS")")" "$RESTRICTED"
	it_is "and the runtime by its containerd name" \
		"$(said "$(d run --rm --runtime io.containerd.runc.v2 $IMAGE /bin/sh -c "$SAYS")")" "$RESTRICTED"
	docker_down
	docker_containerd "$ENGINE_PATH"
}

# Whatever stands in a place where cinch looks for the runtime, it never becomes itself.
test_never_itself() {
	local want how
	want=$("$RUNC" --version)
	for how in "ln -s /usr/local/sbin/cinch" "ln /usr/local/sbin/cinch" "cp /usr/local/sbin/cinch" "ln -s $LINKS/runc"; do
		rm -f /usr/local/sbin/runc
		$how /usr/local/sbin/runc
		it_is "not itself: $how" "$(PATH=$LINKS:$PATH timeout 10 runc --version)" "$want"
	done
	it_apply "{\"runtime\": \"$LINKS/runc\"}"
	it_like "not itself: when it is named as the runtime" "$(timeout 10 $LINKS/runc --version 2>&1)" \
		"runtime: $LINKS/runc is cinch itself"
	rm -f /usr/local/sbin/runc
	it_apply '{}'
	it_is "not itself: repaired" "$(timeout 10 $LINKS/runc --version)" "$want"
}

# --- dockerd's own settings ---

test_userns() {
	local got
	printf 'daemon:700000:65536\n' | tee -a /etc/subuid >>/etc/subgid
	docker_up '. + {"userns-remap": "daemon"}'
	docker_image
	# shellcheck disable=SC2016 # expanded in the container
	got=$(rt cinch-baseline -v vol:/data $IMAGE /bin/sh -c "$SAYS; cat /proc/self/uid_map; touch /data/x && echo data")
	it_is "userns-remap: baseline" "$(printf '%s\n' "$got" | tr -s ' \n' ' ')" "says: $BASELINE 0 700000 65536 data "
	got=$(rt cinch $IMAGE /bin/sh -c "$SAYS; cat /proc/self/uid_map")
	it_is "userns-remap: restricted" "$(printf '%s\n' "$got" | tr -s ' \n' ' ')" \
		"says: ${RESTRICTED}0 700000 65536 "
	it_like "userns-remap: the host's is no way out" "$(rt cinch --userns=host --pid=host $IMAGE true)" \
		'refused by profile restricted: namespaces: '
	it_is "userns-remap: image and container are known" \
		"$(last '.result == "changed"' '[.engine, .image.name] | join(" ")')" "docker $IMAGE"
	docker_down
}

test_live_restore() {
	local id pid
	docker_up '. + {"live-restore": true}'
	id=$(d run -d --name stays --runtime cinch $IMAGE sleep 1000)
	pid=$(d inspect -f '{{.State.Pid}}' stays)
	kill -9 "$DOCKERD_PID"
	wait "$DOCKERD_PID" 2>/dev/null
	rm -f /run/docker.pid
	it_ok "live-restore: dockerd is killed, the container stays" kill -0 "$pid"
	docker_up '. + {"live-restore": true}'
	it_is "live-restore: known again" "$(d inspect -f '{{.State.Status}} {{.State.Pid}} {{.HostConfig.Runtime}}' stays)" \
		"running $pid cinch"
	it_like "live-restore: cinchctl ps" "$(cinchctl ps)" ' stays .*running$'
	it_is "live-restore: exec" "$(d exec stays echo in)" in
	it_is "live-restore: exec is recorded" "$(last '.verb == "exec"' .id)" "$id"
	it_is "live-restore: restart" "$(d restart -t 0 stays)" stays
	it_is "live-restore: governed again" "$(last '.verb == "create"' '[.id, .result] | join(" ")')" "$id changed"
	it_is "live-restore: rm -f" "$(d rm -f stays)" stays
	it_is "live-restore: nothing of it runs" "$(kill -0 "$pid" 2>/dev/null || echo gone)" gone
	docker_down
}

export PATH=/usr/local/sbin:$PATH
rm -rf /var/lib/cinch
docker_world .
mkdir -p $LINKS
ln -s /usr/local/sbin/cinch $LINKS/runc
test_legacy
test_covered
test_never_itself
test_userns
test_live_restore
it_containerd_stop
it_done

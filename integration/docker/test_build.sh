#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_build - what is not `docker run --runtime`: the legacy builder, plugins and services under a default runtime;
# BuildKit without and with cinch in place of the runc it looks up, `--runtime runc` likewise; user namespaces, another
# data root, a dockerd that goes and comes back.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
# shellcheck disable=SC2034 # read by it_enter
IT_NEEDS="dockerd docker containerd ctr runc busybox iptables"
it_enter "$0" "$@"
# shellcheck source=integration/docker/engine.sh
. "$IT_TOP/integration/docker/engine.sh" || exit 1
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
	it_is "legacy builder: recorded" \
		"$(last '.verb == "create"' '[.engine, .profiles[0].name] | join(" ")')" "docker baseline"
	it_is "default-runtime: docker run" "$(said "$(d run --rm $IMAGE /bin/sh -c "$SAYS")")" "$BASELINE"
	it_is "BuildKit does not know default-runtime" "$(said "$(build 1)")" "$FULL"
	docker_down
}

# Docker's own plugins run under the default runtime, too.
test_plugins() {
	local dir=$T/plugin
	mkdir -p "$dir/rootfs/bin"
	cp "$T/image/bin/busybox" "$dir/rootfs/bin/sleep"
	printf '%s\n' '{"description": "x", "documentation": "x", "entrypoint": ["/bin/sleep", "1000"],
		"interface": {"types": ["docker.volumedriver/1.0"], "socket": "x.sock"},
		"linux": {"capabilities": ["CAP_SYS_ADMIN"]}, "network": {"type": "host"},
		"propagatedMount": "/data"}' >"$dir/config.json"
	docker_up '. + {"default-runtime": "cinch-web"}'
	it_like "a default runtime with arguments: its version is read" "$(d info)" \
		"runc version: $("$RUNC" --version | sed -n 's/^runc version //p' | sed 's/+/./')"
	docker_down
	docker_up '. + {"default-runtime": "cinch"}'
	d plugin create plug "$dir" >/dev/null
	it_like "plugin: held to the default profile" "$(d plugin enable --timeout 1 plug)" \
		"cinch: refused by profile restricted: namespaces: "
	it_apply '{"select": [{"engine": "containerd", "namespace": "plugins.moby", "profile": "privileged-audit"}]}'
	d plugin enable --timeout 1 plug >/dev/null & # Docker waits long for a socket that this one does not make
	it_ok "plugin: a rule for plugins" until_is "plugins.moby privileged-audit audited" \
		last '.verb == "create"' '[.namespace, .profiles[0].name, .result] | join(" ")'
	PLUGIN=$(last '.verb == "create"' .id)
}

# A service cannot name a runtime; its secrets are mounts of Docker's.
test_swarm() {
	local got
	it_like "swarm: init" "$(d swarm init --advertise-addr 127.0.0.1 --listen-addr 127.0.0.1)" 'Swarm initialized'
	echo hush >$T/secret
	d secret create word $T/secret >/dev/null
	d service create --name svc --detach --secret word --restart-condition none $IMAGE \
		/bin/sh -c "$SAYS; cat /run/secrets/word" >/dev/null
	d service create --name host --detach --network host --restart-condition none $IMAGE true >/dev/null
	it_ok "swarm: a service runs" it_until task_is svc Complete
	until_is "says: $RESTRICTED
hush" d service logs --raw svc
	it_is "swarm: under the default runtime, with its secret" \
		"$(d service logs --raw svc | tr '\n' ' ')" "says: $RESTRICTED hush "
	it_ok "swarm: the host's network is refused" it_until task_is host Failed
	it_like "swarm: and the task says why" "$(d service ps --no-trunc --format '{{.Error}}' host)" \
		'refused by profile restricted: namespaces: '
	d service rm svc host >/dev/null
	d swarm leave --force >/dev/null
	docker_down
}
# shellcheck disable=SC2317 # called by it_until
task_is() { d service ps --format '{{.CurrentState}}' "$1" | grep -q "^$2"; } # SERVICE STATE

test_covered() {
	local got before
	it_is "runc --version is the real one's" "$($LINKS/runc --version)" "$("$RUNC" --version)"
	# Docker 25 and later ask for recursive read-only mounts there
	it_is "runc features are the real one's" "$($LINKS/runc features)" "$("$RUNC" features)"
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
		it_is "not itself: $how" "$(PATH=$LINKS:$PATH timeout 300 runc --version)" "$want"
	done
	it_apply "{\"runtime\": \"$LINKS/runc\"}"
	it_like "not itself: when it is named as the runtime" "$(timeout 300 $LINKS/runc --version 2>&1)" \
		"runtime: $LINKS/runc is cinch itself"
	rm -f /usr/local/sbin/runc
	it_apply '{}'
	it_is "not itself: repaired" "$(timeout 300 $LINKS/runc --version)" "$want"
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

# What the README says to put into a profile.
test_data_root() {
	local add
	add=$(sed -n '/^    "mounts": {/,/}}}$/{s|/data/docker|/var/lib/elsewhere|g;p}' "$HERE/README.md")
	mkdir -p /etc/cinch/profiles
	printf '{"profile": "elsewhere", "version": "1", "extends": ["restricted"],\n%s}\n' "$add" \
		>/etc/cinch/profiles/elsewhere.json
	it_apply '{"defaultProfile": "elsewhere"}'
	mkdir -p /var/lib/elsewhere
	mount -t tmpfs -o mode=711 cinch-test /var/lib/elsewhere
	docker_up '. + {"data-root": "/var/lib/elsewhere"}'
	docker_image
	it_is "data-root: as the README says" "$(said "$(rt cinch -v vol:/data $IMAGE /bin/sh -c "$SAYS")")" "$RESTRICTED"
	it_is "data-root: image and container are known" \
		"$(last '.verb == "create"' '[.engine, .image.name] | join(" ")')" "docker $IMAGE"
	docker_down
	it_apply '{}'
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
	it_is "live-restore: exec" "$(d exec --user 0 --privileged stays id -u)" 65532
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
test_plugins
test_swarm
test_covered
test_never_itself
test_userns
test_data_root
test_live_restore
# Docker leaves it running; its cgroup is not below this test's
"$RUNC" --root /run/docker/runtime-runc/plugins.moby delete --force "$PLUGIN"
it_containerd_stop
it_done

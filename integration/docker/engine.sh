# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# engine - the real dockerd in the private world of ../lib.sh, with the configuration that lies beside this file.
#
# Its directories are those of an ordinary installation: the shipped profiles name them. Only what this world
# asks for is added to daemon.json.
HERE=$IT_TOP/integration/docker
IMAGE=box:1
AUDIT=/var/log/cinch/audit.jsonl
DOCKERD_PID=''
ENGINE_PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
# the client that came with dockerd; there may be another one
DOCKER=/usr/bin/docker
[ -x $DOCKER ] || DOCKER=$(command -v docker)
export DOCKER_CONFIG=$T/docker-config

d() { timeout 300 "$DOCKER" "$@" 2>&1 </dev/null; }
rt() { # RUNTIME OPTION... IMAGE COMMAND...: a container to its end
	local runtime=$1
	shift
	d run --rm --runtime "$runtime" "$@"
}
last() { jq -r "select($1)" $AUDIT | jq -s -r "last | $2"; } # SELECT FIELD: of the audit log
until_is() { it_until says "$@"; } # WANT COMMAND...: waits until the command says so
# shellcheck disable=SC2317 # called by it_until
says() { [ "$("${@:2}" 2>/dev/null)" = "$1" ]; }

# docker_up [JQ-FILTER [PATH]]: dockerd with daemon.json through the filter and with this PATH
docker_up() {
	mkdir -p /etc/docker /var/lib/docker "$DOCKER_CONFIG"
	jq --arg parent "/$IT_NS" --arg sock "$CONTAINERD_ADDRESS" '. + {"containerd": $sock, "cgroup-parent": $parent,
		"exec-opts": ["native.cgroupdriver=cgroupfs"], "storage-driver": "overlay2", "shutdown-timeout": 2} |
		'"${1:-.}" "$HERE/daemon.json" >/etc/docker/daemon.json || it_die "daemon.json"
	env -i PATH="${2:-$ENGINE_PATH}" HOME=/root TMPDIR="$TMPDIR" \
		setsid dockerd >>"$T/dockerd.log" 2>&1 </dev/null &
	DOCKERD_PID=$!
	it_until "$DOCKER" version || it_die "dockerd does not start: $(tail -n 5 "$T/dockerd.log")"
}

docker_down() {
	kill "$DOCKERD_PID" 2>/dev/null
	wait "$DOCKERD_PID" 2>/dev/null
}

# The world of an ordinary Docker host: cinch, containerd, dockerd, an image of it_rootfs.
docker_world() { # [JQ-FILTER]
	it_install
	it_containerd || it_die "containerd does not start"
	# overlay2 wants a file system that is not an overlay
	mkdir -p /var/lib/docker
	mount -t tmpfs -o mode=711 cinch-test /var/lib/docker || it_die "no file system for /var/lib/docker"
	docker_up "$@"
	docker_image
	rt runc --net=host $IMAGE /bin/true # once, so that what the engine makes once is there
}

docker_image() {
	[ -d "$T/image" ] || it_rootfs "$T/image" || it_die "cannot make an image"
	tar -C "$T/image" --owner=0 --group=0 --numeric-owner -c . |
		"$DOCKER" import -c 'ENV PATH=/bin' -c 'ENV DB_PASSWORD=hunter2' - $IMAGE >/dev/null ||
		it_die "cannot import the image"
}

probed() { # WHAT PROFILE COMMAND...: in a container, /bin/probe of PROFILE comes to its end and finds nothing open
	local what=$1 profile=$2 got n
	shift 2
	got=$("$@" /bin/probe "$profile")
	n=$(printf '%s\n' "$got" | grep -c '^ok ')
	[ "$n" -gt 60 ] && [ "$(printf '%s\n' "$got" | sed -n 's/^1\.\.//p')" = "$n" ]
	it_result $? "$what: the probe finds nothing open" "$(printf '%s\n' "$got" | grep -v '^ok ')"
}

# As it_traces, and what Docker keeps: its containers and tasks in containerd, containers. The empty files over
# which network namespaces were mounted are removed by dockerd every minute.
docker_traces() {
	it_traces
	ctr -n moby containers ls -q | sed 's/^/container of moby /'
	ctr -n moby tasks ls -q | sed 's/^/task of moby /'
	find /run/docker/runtime-runc -mindepth 1 2>/dev/null | sort
	d ps -aq | sed 's/^/docker container /'
}

docker_clean() { it_clean "$1" "$2" docker_traces; } # WHAT BEFORE

# containerd anew, with another PATH, which is where its shims look for "runc".
docker_containerd() { # PATH
	it_containerd_stop
	env -i PATH="$1" HOME=/root TMPDIR="$TMPDIR" \
		setsid containerd -c "$T/containerd.toml" >>"$T/containerd.log" 2>&1 </dev/null &
	IT_PIDS+=($!)
	it_until ctr version || it_die "containerd does not start again"
}

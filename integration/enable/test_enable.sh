#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_enable - what `cinchctl enable` writes, read by the real engines: containerd's merged configuration and its CRI
# plugin, dockerd before and after a reload, podman. And what `disable` leaves: every byte.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="containerd ctr runc dockerd docker podman busybox"
it_enter "$0" "$@"

CONFIG=/etc/containerd/config.toml
AUDIT=/var/log/cinch/audit.jsonl
CTL=/usr/local/sbin/cinchctl
DATA=$IT_TOP/tests/data/enable/containerd

dump() { containerd -c $CONFIG config dump 2>$T/dump.err; }
# SECTION KEY of the CRI plugin in a dump: its value
of() { # DUMP BELOW KEY
	awk -v want="[plugins.\"io.containerd.grpc.v1.cri\".$2]" -v key="$3" '
		{ line = $0; sub(/^ +/, "", line) }
		line ~ /^\[/ { in_it = line == want }
		in_it && index(line, key " = ") == 1 { print substr(line, length(key) + 4) }' <<<"$1"
}

# --- containerd ---

# FILE: merged before and after, lines that are gone and lines that came
compare() {
	local before after gone
	cp "$1" $CONFIG
	before=$(dump) || return 1
	cp $CONFIG $T/was
	"$CTL" enable containerd >$T/out 2>&1 || return 1
	after=$(dump) || return 1
	# where a file had no table of runtimes, containerd's own settings of runc were made by its defaults
	gone=$(diff <(sort -u <<<"$before") <(sort -u <<<"$after") | grep '^<' | grep -v 'imports = ')
	case $1 in
	*/default.toml | */kind.toml | */nvidia.toml | */cloud.toml | */kata.toml)
		it_is "${1##*/}: nothing that was set is gone" "$gone" '' ;;
	esac
	it_is "${1##*/}: the default stays" "$(of "$after" containerd default_runtime_name)" \
		"$(of "$before" containerd default_runtime_name)"
	it_is "${1##*/}: the handler" "$(of "$after" containerd.runtimes.cinch.options BinaryName)" \
		'"/usr/local/sbin/cinch"'
	it_is "${1##*/}: the second handler" \
		"$(of "$after" containerd.runtimes.cinch-baseline.options BinaryName)" \
		'"/usr/local/sbin/cinch-baseline"'
	it_like "${1##*/}: its annotations" "$(of "$after" containerd.runtimes.cinch pod_annotations)" \
		'"io\.cinch\.\*"\]'
	it_is "${1##*/}: how the kubelet's driver makes cgroups" \
		"$(of "$after" containerd.runtimes.cinch.options SystemdCgroup)" \
		"$(of "$after" containerd.runtimes.runc.options SystemdCgroup)"
	case $1 in
	*/kata.toml) ;; # it has no runc
	*) it_is "${1##*/}: runc" "$(of "$after" containerd.runtimes.runc runtime_type)" \
		'"io.containerd.runc.v2"' ;;
	esac
	"$CTL" enable containerd --default >$T/out 2>&1 || return 1
	it_is "${1##*/}: --default" "$(of "$(dump)" containerd default_runtime_name)" '"cinch"'
	"$CTL" disable containerd >$T/out 2>&1 || return 1
	it_ok "${1##*/}: every byte is back" cmp $T/was $CONFIG
}

merged() {
	local f
	mkdir -p /etc/containerd
	containerd config default | sed 's/SystemdCgroup = false/SystemdCgroup = true/' >$T/default.toml
	for f in $T/default.toml "$DATA"/*.toml; do
		case ${f##*/} in
		no-* | two.toml) continue ;; # refused; of containerd 2
		esac
		compare "$f" || it_result 1 "${f##*/}: enable, disable and config dump" "$(cat $T/out $T/dump.err)"
	done
	rm $CONFIG
	it_ok "no file: enable" "$CTL" enable containerd
	it_is "no file: the handler" "$(of "$(dump)" containerd.runtimes.cinch.options BinaryName)" \
		'"/usr/local/sbin/cinch"'
	it_ok "no file: disable" "$CTL" disable containerd
	it_ok "no file: again" [ ! -e $CONFIG ]
}

# The plugin itself: it does not load when the default runtime has no table.
daemon() {
	local p
	mkdir -p $T/cd
	cat >$CONFIG <<-EOF
		version = 2
		root = "$T/cd/root"
		state = "/run/containerd"
		[plugins."io.containerd.internal.v1.opt"]
		  path = "$T/cd/opt"
	EOF
	"$CTL" enable containerd >$T/out 2>&1
	env -i PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR="$TMPDIR" \
		setsid containerd >$T/containerd.log 2>&1 </dev/null &
	p=$!
	it_until ctr version
	it_like "the CRI plugin loads" "$(ctr plugins ls | grep 'grpc\.v1 .* cri ')" ' ok *$'
	"$CTL" disable containerd >$T/out 2>&1
	kill $p
	wait $p
}

# --- Docker ---

runtimes() { docker info --format '{{json .Runtimes}} {{.DefaultRuntime}}' 2>/dev/null; }

# shellcheck disable=SC2317 # called by it_ok
docker_info() { # WANT-REGEX: after a reload, which takes a moment
	it_until offers "$1" && return
	runtimes >&2
	false
}
# shellcheck disable=SC2317 # called by it_until
offers() { runtimes | grep -Eq "$1"; }

docker_daemon() { # [OPTION...]
	env -i PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR="$TMPDIR" \
		setsid dockerd "$@" >$T/dockerd.log 2>&1 </dev/null &
	DOCKERD=$!
	it_until docker version
}

docker_stop() {
	kill "$DOCKERD"
	wait "$DOCKERD"
}

dockers() {
	mkdir -p /etc/docker /var/lib/docker
	mount -t tmpfs cinch-test /var/lib/docker
	it_containerd '' || it_die "no containerd"
	printf '{"containerd": "%s",\n "storage-driver": "vfs", "bridge": "none", "iptables": false}' \
		"$CONTAINERD_ADDRESS" >/etc/docker/daemon.json
	cp /etc/docker/daemon.json $T/was
	docker_daemon
	it_ok "docker: before" docker_info ' runc$'
	it_like "docker: enable says what to run" "$("$CTL" enable docker)" 'now run: systemctl reload docker'
	kill -HUP $DOCKERD
	it_ok "docker: a reload offers it" docker_info '"cinch-baseline":\{"path":"/usr/local/sbin/cinch-baseline"\}.* runc$'
	"$CTL" enable docker --default >$T/out
	kill -HUP $DOCKERD
	it_ok "docker: --default" docker_info ' cinch$'
	docker_stop
	docker_daemon
	it_ok "docker: a new daemon reads it" docker_info ' cinch$'
	# a reload keeps runtimes that are not in the file any more
	it_like "docker: disable says what to run" "$("$CTL" disable docker)" 'now run: systemctl restart docker'
	it_ok "docker: every byte is back" cmp $T/was /etc/docker/daemon.json
	docker_stop
	docker_daemon
	it_unlike "docker: nothing is left" "$(runtimes)" cinch
	docker_stop
	docker_daemon --default-runtime runc
	it_like "docker: a default on its line" "$("$CTL" enable docker --default 2>&1)" \
		'dockerd runs with --default-runtime runc'
	it_ok "docker: nothing is written" cmp $T/was /etc/docker/daemon.json
	it_ok "docker: it may be offered" "$CTL" enable docker
	docker_stop
	"$CTL" enable docker --default >$T/out
	it_like "docker: and why" "$(timeout 120 dockerd --default-runtime runc 2>&1 </dev/null)" \
		'specified both as a flag and in the configuration file: default-runtime'
	"$CTL" disable docker >$T/out
	it_containerd_stop
}

# --- podman ---

podmans() {
	local own='.host.ociRuntime | .name + " " + .path'
	mkdir -p /etc/containers/containers.conf.d /var/lib/containers
	mount -t tmpfs cinch-test /var/lib/containers
	printf '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n' >/etc/containers/containers.conf
	it_ok "podman: enable" "$CTL" enable podman
	it_unlike "podman: only offered" "$(podman info --format json | jq -r "$own")" cinch
	it_is "podman: by name" "$(podman --runtime cinch-baseline info --format json | jq -r "$own")" \
		"cinch-baseline /usr/local/sbin/cinch-baseline"
	it_ok "podman: --default" "$CTL" enable podman --default
	it_is "podman: is the default" "$(podman info --format json | jq -r "$own")" \
		"cinch /usr/local/sbin/cinch"
	it_ok "podman: disable" "$CTL" disable podman
	it_is "podman: nothing is left" "$(ls -A /etc/containers/containers.conf.d)" ''
	it_unlike "podman: as before" "$(podman info --format json | jq -r "$own")" cinch
}

# --- what somebody else has written ---

by_hand() {
	local out
	mkdir -p /etc/containerd /etc/docker
	cp "$IT_TOP/integration/cri/containerd.toml" $CONFIG
	out=$("$CTL" disable containerd 2>&1)
	it_is "by hand: refused" "$?" 2
	it_like "by hand: why" "$out" 'config\.toml names cinch, and there is no record'
	it_ok "by hand: the file stays" cmp "$IT_TOP/integration/cri/containerd.toml" $CONFIG
	cp "$IT_TOP/integration/docker/daemon.json" /etc/docker/daemon.json
	out=$("$CTL" disable --dry-run docker 2>&1)
	it_is "by hand, Docker: refused" "$?" 2
	printf '{"data-root": "/srv/cinch"}' >/etc/docker/daemon.json
	it_ok "another word with that name in it is none" "$CTL" disable docker
	mv /etc/docker/daemon.json $T/daemon.json && ln -s $T/daemon.json /etc/docker/daemon.json
	it_ok "nor is a link to somebody's file" "$CTL" disable docker
	rm $CONFIG /etc/docker/daemon.json
}

# --- disks ---

disks() {
	local out
	mkdir -p /etc/containerd
	mount -t tmpfs -o size=64k,mode=755 small /etc/containerd
	cp "$DATA/debian.toml" $CONFIG
	dd if=/dev/zero of=/etc/containerd/filler bs=4k 2>/dev/null
	out=$("$CTL" enable containerd 2>&1)
	it_like "a full disk" "$out" 'replace config.toml: .*No space left on device'
	it_ok "a full disk: the file stays" cmp "$DATA/debian.toml" $CONFIG
	it_is "a full disk: no leftovers" "$(ls -A /etc/containerd)" "$(printf 'config.toml\nfiller')"
	it_is "a full disk: nothing is recorded as done" "$(ls -A /var/lib/cinch/enabled)" ''
	rm /etc/containerd/filler
	mount -o remount,ro /etc/containerd
	out=$("$CTL" enable containerd 2>&1)
	it_like "a read-only disk" "$out" 'Read-only file system'
	mount -o remount,rw /etc/containerd
	if chattr +i $CONFIG 2>/dev/null; then
		out=$("$CTL" enable containerd 2>&1)
		it_like "an immutable file" "$out" 'Operation not permitted|immutable'
		chattr -i $CONFIG
	fi
	mkdir -p $T/over && cp $CONFIG $T/over/ && mount --bind $T/over/config.toml $CONFIG
	out=$("$CTL" enable containerd 2>&1)
	it_like "a file that is a mount point" "$out" 'Device or resource busy'
	umount $CONFIG
	it_ok "and then it works" "$CTL" enable containerd
	"$CTL" disable containerd >/dev/null
	it_is "nothing is left" "$(find /etc/containerd /var/lib/cinch/enabled -type f)" $CONFIG
	umount /etc/containerd
}

it_install
merged
daemon
dockers
podmans
by_hand
disks
it_is "all of it is in the audit log" "$(jq -r '.verb + " " + .result' $AUDIT | sort -u | tr '\n' ' ')" \
	"disable disabled disable refused enable enabled enable failed enable refused "
it_is "which is whole" "$(it_log_faults)" ""
it_done

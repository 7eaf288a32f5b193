#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# uninstall - takes cinch off this node again: first out of containerd's configuration, so that no container
# starts under it any more; its programs only when no container needs them to be stopped and removed.
#
# usage: uninstall.sh [-w SECONDS] [-a]
#   -w  wait so long for the containers to go; default: do not wait
#   -a  also /etc/cinch and the audit log
# environment: as for install.sh
# exit status: 0 nothing is left, 1 an error, 3 containers still run under cinch: the handlers are gone, the
#              programs stay; call again when the containers are gone
set -eu
umask 022
sbin=/usr/local/sbin
etc=/etc/cinch
var=/var/lib/cinch
pending=$var/restart-pending
tasks=/run/containerd/io.containerd.runtime.v2.task
wait=0
all=

say() { echo "uninstall: $*"; }
die() {
	echo "uninstall: $*" >&2
	exit 1
}

while getopts w:a option; do
	case $option in
	w) wait=$OPTARG ;;
	a) all=yes ;;
	*) exit 1 ;;
	esac
done

containerd_ready() {
	i=0
	while [ "$i" -lt "${CINCH_WAIT:-60}" ]; do
		if ctr plugins ls 2>/dev/null | grep -Eq 'io\.containerd\.grpc\.v1 +cri +.* ok *$'; then
			return 0
		fi
		i=$((i + 1))
		sleep 1
	done
	return 1
}

# Containers whose engine would call cinch to stop or remove them: as cinch's records say, and as containerd's shims
# have written down, whoever started them.
in_use() {
	"$sbin/cinchctl" ps --all --json |
		sed -n 's/^      "status": "\(.*\)",*$/\1/p' | grep -v '^gone$' || true
	grep -ls "$sbin/cinch" "$tasks"/*/*/options.json "$tasks"/*/*/runtime 2>/dev/null || true
}

[ "$(id -u)" -eq 0 ] || die "needs root"

# --- no new containers ---

if [ -x "$sbin/cinchctl" ]; then
	for engine in docker podman; do
		rc=0
		"$sbin/cinchctl" disable $engine --dry-run >/dev/null || rc=$?
		[ "$rc" -eq 0 ] || die "$engine uses cinch, too: run \"cinchctl disable $engine\" first"
	done
	rc=0
	"$sbin/cinchctl" disable containerd --dry-run >/dev/null || rc=$?
	case $rc in
	0) "$sbin/cinchctl" disable containerd >/dev/null ;; # a record of one that was killed
	1)
		: >"$pending"
		"$sbin/cinchctl" disable containerd
		;;
	*)
		"$sbin/cinchctl" disable containerd --dry-run || true
		die "cinch stays"
		;;
	esac
	if [ -e "$pending" ]; then
		sh -c "${CINCH_RESTART:-systemctl restart containerd}"
		containerd_ready || die "containerd's CRI does not answer; its configuration is as it was before cinch"
		rm -f "$pending"
	fi

	# --- the old ones ---

	i=0
	while left=$(in_use) && [ -n "$left" ]; do
		if [ "$i" -ge "$wait" ]; then
			say "containers run under cinch:" >&2
			"$sbin/cinchctl" ps --all >&2 || true
			say "drain this node, or remove their pods; then call this again" >&2
			exit 3
		fi
		i=$((i + 1))
		sleep 1
	done
fi

# --- nothing needs it ---

rm -f "$sbin/cinch-baseline" "$sbin/cinch" "$sbin/cinch-hook" "$sbin"/.cinch*.cinch-new
if [ -f "$var/installed" ]; then
	while read -r place; do
		rm -f "$place"
	done <"$var/installed"
fi
if [ -n "$all" ]; then
	rm -rf "$etc" /var/log/cinch
fi
rm -rf /run/cinch "$var"
rm -f "$sbin/cinchctl"
say "nothing of cinch is left$([ -n "$all" ] || echo ", but $etc and the audit log")"

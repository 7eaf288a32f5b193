#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# install - puts cinch on this node, or brings it up to date: programs, configuration and profiles, the policy made of
# them, the two handlers in containerd's configuration. Why in this order, and what a kill in between leaves:
# README.md beside this file.
#
# usage: install.sh [-p PROGRAMS] [-c CONFIG]
#   PROGRAMS  directory with cinch, cinch-hook and cinchctl; default: bin beside this script
#   CONFIG    directory with cinch.json and profiles (NAME.json); default: config beside this script. Without it the
#             node's own /etc/cinch is taken as it is.
# environment: CINCH_RESTART   restarts containerd; default: systemctl restart containerd
#              CINCH_WAIT      seconds containerd may take to answer then; default 60
# exit status: 0 cinch is in use, 1 not, and the node is as it was or goes on as before
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
programs=$here/bin
config=$here/config
sbin=/usr/local/sbin
etc=/etc/cinch
var=/var/lib/cinch
pending=$var/restart-pending # containerd has not read its configuration yet

say() { echo "install: $*"; }
die() {
	echo "install: $*" >&2
	exit 1
}

while getopts p:c: option; do
	case $option in
	p) programs=$OPTARG ;;
	c) config=$OPTARG ;;
	*) exit 1 ;;
	esac
done

# FILE PLACE MODE: the new file whole or the old one, whenever this is killed
put() {
	temp=$(dirname "$2")/.$(basename "$2").cinch-new
	if [ -f "$2" ] && cmp -s "$1" "$2"; then
		return 0
	fi
	cp "$1" "$temp"
	chmod "$3" "$temp"
	sync "$temp" 2>/dev/null || sync
	mv -f "$temp" "$2"
}

containerd_ready() { # its CRI plugin has loaded
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

restart() { sh -c "${CINCH_RESTART:-systemctl restart containerd}"; }

# --- is it all there? ---

[ "$(id -u)" -eq 0 ] || die "needs root"
for f in cinch cinch-hook cinchctl; do
	[ -x "$programs/$f" ] || die "$programs/$f is missing"
done
"$programs/cinchctl" --version >/dev/null || die "$programs/cinchctl does not run on this node"
rc=0 # without arguments it refuses; 126 and up is a library that is not here
"$programs/cinch-hook" </dev/null >/dev/null 2>&1 || rc=$?
[ "$rc" -lt 126 ] || die "$programs/cinch-hook does not run on this node"
if ! command -v containerd >/dev/null || ! command -v ctr >/dev/null; then
	die "containerd is not in PATH"
fi
# a node that cannot start pods now is not changed: nobody could tell afterwards what broke it
containerd_ready || die "containerd's CRI does not answer: see to that first"

# --- programs ---

mkdir -p "$sbin" "$var"
# before cinch, which has it run
put "$programs/cinch-hook" "$sbin/cinch-hook" 755
put "$programs/cinch" "$sbin/cinch" 755
put "$programs/cinchctl" "$sbin/cinchctl" 755
if [ "$(readlink "$sbin/cinch-baseline" || true)" != cinch ]; then
	ln -sf cinch "$sbin/.cinch-baseline.cinch-new"
	mv -f "$sbin/.cinch-baseline.cinch-new" "$sbin/cinch-baseline"
fi

# --- what containers are held to ---

if [ -d "$config" ]; then
	mkdir -p "$etc/profiles"
	: >"$var/.installed.new"
	for f in "$config"/*.json; do
		[ -f "$f" ] || continue
		case ${f##*/} in
		cinch.json) place=$etc/cinch.json ;;
		*) place=$etc/profiles/${f##*/} ;;
		esac
		put "$f" "$place" 644
		echo "$place" >>"$var/.installed.new"
	done
	# what an earlier run has brought, and this one does not
	if [ -f "$var/installed" ]; then
		while read -r place; do
			grep -Fxq "$place" "$var/.installed.new" || rm -f "$place"
		done <"$var/installed"
	fi
	mv -f "$var/.installed.new" "$var/installed"
fi
"$sbin/cinchctl" apply || die "the policy is not changed; containers are held to the one before"

# --- handlers ---

rc=0
"$sbin/cinchctl" enable containerd --dry-run >/dev/null || rc=$?
case $rc in
0) ;;
1)
	: >"$pending"
	"$sbin/cinchctl" enable containerd || die "containerd's configuration is as it was"
	;;
*)
	"$sbin/cinchctl" enable containerd --dry-run || true
	die "containerd's configuration is as it was; pods of the class cinch cannot start here"
	;;
esac
if [ -e "$pending" ]; then
	if ! containerd config dump >/dev/null; then
		"$sbin/cinchctl" disable containerd
		rm -f "$pending"
		die "containerd would not read the new configuration: it is as it was"
	fi
	restart || say "the restart failed; see whether containerd comes up"
	if ! containerd_ready; then
		"$sbin/cinchctl" disable containerd
		restart || true
		containerd_ready || die "containerd does not come up, also with its own configuration"
		rm -f "$pending"
		die "containerd did not come up with cinch: its configuration is as it was"
	fi
	rm -f "$pending"
fi
say "cinch is in use: $("$sbin/cinchctl" status --json | sed -n 's/^  "policy": "\([0-9a-f]\{12\}\).*/policy \1/p')"

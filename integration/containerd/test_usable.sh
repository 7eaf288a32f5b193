#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_usable - the node stays usable while what steers cinch is damaged: the applied policy, its sources, the
# state records. With a live containerd and containers that run; the rest of the table is test_usable_node.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="containerd ctr runc busybox"
it_enter "$0" "$@"
# shellcheck source=integration/containerd/usable.sh
. "${BASH_SOURCE[0]%/*}/usable.sh" || exit 1

# --- the applied policy ---

test_policy() {
	# shellcheck disable=SC2016 # expanded when the row is at it
	local apply="$CTL apply" p='$STORE/$new'
	row "policy deleted" "fresh; rm $p/policy" "$apply" "previous baseline" confined
	row "policy cut short" "fresh; truncate -s 2000 $p/policy" "$apply" "previous baseline" confined
	row "policy altered" "fresh; sed -i '1s/./X/40' $p/policy" "$apply" "previous baseline" confined
	row "policy open to all" "fresh; chmod 666 $p/policy" "chmod 600 $p/policy" "previous baseline" confined
	row "policy's directory somebody else's" "fresh; chown 1000 $p" "chown 0 $p" "previous baseline" confined
	row "both policies damaged" "fresh; rm $p/policy; : >\$STORE/\$old/policy" "$apply" "built-in restricted" \
		confined
	row "no link to the policy in force" "fresh; rm \$STORE/current" "$apply" "previous baseline" confined
	row "link to nowhere" "fresh; ln -sfn nowhere \$STORE/current" "$apply" "previous baseline" confined
	row "all of /var/lib/cinch is gone" "rm -rf /var/lib/cinch" "$apply" "built-in restricted" confined
	row "a file in its place" "rm -rf /var/lib/cinch; : >/var/lib/cinch" "rm /var/lib/cinch; $apply" \
		"built-in restricted" confined
}

# --- what people edit ---

test_sources() {
	local keep="cp -a /etc/cinch/. $T/kept"
	mkdir -p $T/kept
	row "cinch.json malformed" "fresh; $keep; echo '{' >/etc/cinch/cinch.json" \
		"! $CTL apply && cp -a $T/kept/. /etc/cinch && $CTL apply" "current web" confined
	row "cinch.json open to all" "chmod 666 /etc/cinch/cinch.json" \
		"! $CTL apply && chmod 644 /etc/cinch/cinch.json && $CTL apply" "current web" confined
	row "/etc/cinch is empty" "find /etc/cinch -mindepth 1 -delete" "cp -a $T/kept/. /etc/cinch && $CTL apply" \
		"current web" confined
}

# --- state records ---

# WHAT DAMAGE: of the record $r of a container of its own, which is then restarted
damaged() {
	local r n=$((++N))
	start "r$n" >/dev/null
	r=$(record_of "r$n")
	[ -n "$r" ] || it_die "$1: no record"
	eval "$2" || it_die "$1: cannot be done"
	it_is "record $1: seen, paused, resumed" "$(handled "r$n")" "running r$n paused RUNNING"
	it_like "record $1: exec is refused, and told what to do" "$(exec_in "r$n")" \
		"OCI runtime exec failed: cinch: .*[rR]estart .*cinchctl ps"
	it_is "record $1: kill, delete" "$(end "r$n")" ""
	rm -rf "$r"
	it_is "record $1: started again" "$(start "r$n") $(exec_in "r$n") $(end "r$n")" " confined "
}

# shellcheck disable=SC2016 # $r is the record's path
test_records() {
	N=0
	damaged "deleted" 'rm "$r"'
	damaged "cut short" 'truncate -s 100 "$r"'
	damaged "empty" ': >"$r"'
	damaged "altered" 'sed -i "1s/./X/1" "$r"'
	damaged "of another root" 'sed -i "1s|\"/run/containerd|\"/run/Containerd|" "$r"'
	damaged "open to all" 'chmod 666 "$r"'
	damaged "somebody else's" 'chown 1000 "$r"'
	damaged "a link" 'ln -sf /etc/passwd "$r"'
	damaged "a FIFO" 'rm "$r" && mkfifo "$r"'
	damaged "a directory" 'rm "$r" && mkdir "$r"'
	damaged "of another container" 'jq ".id = \"other\"" "$r" >$T/r && cat $T/r >"$r"'
}

test_state_directory() {
	local no='.*state record|.*/run/cinch' again='end live && start live'
	row "/run/cinch somebody else's" "chown 1000 $STATE" "chown 0 $STATE" confined "!($no)"
	row "/run/cinch open to all" "chmod 777 $STATE" "chmod 700 $STATE" confined "!($no)"
	row "/run/cinch full" "mount -t tmpfs -o size=4k,mode=700 full $STATE; echo x >$STATE/x" \
		"umount $STATE" confined "!($no)"
	row "/run/cinch a file" "mv $STATE $T/state.kept; : >$STATE" "rm $STATE; mv $T/state.kept $STATE" \
		confined "!($no)"
	row "/run/cinch is gone" "rm -rf $STATE" "$again" "current web" "!($no)"
}

usable_start
test_policy
test_sources
test_records
test_state_directory
usable_done

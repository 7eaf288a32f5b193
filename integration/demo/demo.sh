#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# demo - the same busybox twice, with runc alone and through cinch, and what each says of itself from inside;
# then one that is refused, and what the record says. Changes nothing on this machine.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="containerd ctr runc busybox"
IT_LIMIT=110
[ "$(id -u)" -eq 0 ] || it_die "needs root: sudo make demo"
[ -x "$B/tests/prog_probe" ] || it_die "what tries the ways out is not built: make demo"
it_enter "$0" "$@"

IMAGE=localhost/busybox:demo
CINCH_RT=/usr/local/sbin/cinch
AUDIT=/var/log/cinch/audit.jsonl

bold='' dim='' good='' poor='' off=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$'\e[1m' dim=$'\e[2m' good=$'\e[32m' poor=$'\e[33m' off=$'\e[0m'
fi

head_line() { printf '\n%s%s%s\n' "$bold" "$*" "$off"; }
say() { printf '%s\n' "$*" | fold -s -w 98 | sed 's/^/  /; s/ *$//'; }
shell_line() { printf '  %s$ %s%s\n' "$dim" "$*" "$off"; }
cell() { # TEXT WIDTH: cut to fit
	local s=$1
	[ ${#s} -le "$2" ] || s=${s:0:$(($2 - 3))}...
	printf '%-*s' "$2" "$s"
}
row() { # WHAT BEFORE AFTER
	local c=$good
	[ "$2" != "$3" ] || c=''
	printf '  %s %s%s%s %s%s%s\n' "$(cell "$1" 22)" "$poor" "$(cell "$2" 35)" "$off" \
		"$c" "$3" "$off"
}

CAPS=(CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
	NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO
	SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME
	SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG
	WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE)
caps() { # HEX: "3: CHOWN, KILL, ..."
	local i n=0 names=''
	for ((i = 0; i < ${#CAPS[@]}; i++)); do
		if (((0x$1 >> i) & 1)); then
			n=$((n + 1))
			names="$names${names:+, }${CAPS[i]}"
		fi
	done
	[ $n -eq 0 ] && echo none || echo "$n: $names"
}

look() { # RUNTIME COMMAND...
	timeout 30 ctr -n "$IT_NS" run --rm --runc-binary "$1" $IMAGE demo "${@:2}" 2>&1 </dev/null
}
choose() { if [ "$1" = "$2" ]; then echo "$3"; else echo "$4"; fi; }
cell_of() { # WHAT LOOKED: one cell of the table
	local v n own=''
	case $1 in
	user) it_value "$2" id | sed 's/ groups=.*//; s/uid=//; s/gid=/gid /' ;;
	bounding) caps "$(it_value "$2" CapBnd)" ;;
	effective) caps "$(it_value "$2" CapEff)" ;;
	seccomp) choose "$(it_value "$2" Seccomp)" 2 "a filter" "none: every system call" ;;
	nnp) choose "$(it_value "$2" NoNewPrivs)" 1 "yes" "no" ;;
	rootfs) choose "$(it_value "$2" write_bin)" yes "writable, also /bin" "read-only" ;;
	tmp)
		v=$(choose "$(it_value "$2" write_tmp)" yes "writable" "not writable")
		echo "$v, $(choose "$(it_value "$2" exec_tmp)" yes "may be executed" "not executable")"
		;;
	suid) choose "$(it_value "$2" suid)" root "becomes or stays root" "stays what it was" ;;
	masks) echo "$(it_value "$2" masks) places of /proc and /sys" ;;
	mounts)
		v=$(printf '%s\n' "$2" | grep '^mount:')
		echo "$(wc -l <<<"$v"), $(grep -c nosuid <<<"$v") nosuid, $(grep -c noexec <<<"$v") noexec"
		;;
	namespaces)
		for n in mnt pid net ipc uts cgroup; do
			[ "$(it_value "$2" ns_$n)" = "$(readlink /proc/self/ns/$n)" ] ||
				own="$own${own:+ }$n"
		done
		echo "$own"
		;;
	esac
}

it_install
it_image $T/image.tar $IMAGE || it_die "cannot make an image"
it_containerd "" || it_die "containerd does not start"
ctr -n "$IT_NS" images import $T/image.tar >/dev/null || it_die "cannot import the image"

head_line "cinch, seen at work"
say "A containerd with directories and a socket of its own, in mount, network and process namespaces of" \
	"its own; an image made of this machine's busybox. $(runc --version | head -n 1)," \
	"containerd $(containerd --version | awk '{print $3}')."

before=$(look "$RUNC" /bin/sh -c "$IT_LOOK")
after=$(look $CINCH_RT /bin/sh -c "$IT_LOOK")
it_value "$before" id | grep -q . || it_die "the container did not start: $before"
it_value "$after" id | grep -q . || it_die "the container did not start through cinch: $after"

head_line "1. The same container, before and after: what it sees of itself"
shell_line "ctr run --rm --runc-binary $RUNC $IMAGE demo sh"
shell_line "ctr run --rm --runc-binary $CINCH_RT $IMAGE demo sh"
printf '\n  %s%s %s %s%s\n' "$bold" "$(cell "" 22)" "$(cell "runc alone" 35)" \
	"cinch, profile restricted" "$off"
while IFS=: read -r key what; do
	row "$what" "$(cell_of "$key" "$before")" "$(cell_of "$key" "$after")"
done <<EOT
user:user
bounding:capabilities, at most
effective:capabilities, now
seccomp:system call filter
nnp:no new privileges
suid:a set-user-id program
rootfs:root file system
tmp:/tmp
masks:masked
mounts:mounts
namespaces:namespaces of its own
EOT
n_before=$(look "$RUNC" /bin/probe restricted | grep -v '(+)')
n_after=$(look $CINCH_RT /bin/probe restricted | grep -v '(+)')
grep -q 'ok [0-9]' <<<"$n_after" || it_die "the ways out were not tried: $n_after"
row "ways out, of $(grep -c 'ok [0-9]' <<<"$n_after") tried" "$(grep -c '^not ok' <<<"$n_before") not closed" \
	"$(grep -c '^not ok' <<<"$n_after") not closed"

head_line "2. A container that asks for the host is refused; this is what ctr prints"
shell_line "ctr run --net-host --mount type=bind,src=/,dst=/host,options=rbind:rw ... sh"
say "$(timeout 30 ctr -n "$IT_NS" run --rm --runc-binary $CINCH_RT --net-host \
	--mount type=bind,src=/,dst=/host,options=rbind:rw $IMAGE refused /bin/true 2>&1 </dev/null)"
say "Left behind: $(ctr -n "$IT_NS" tasks ls -q | wc -l) tasks," \
	"$(find /run/containerd/runc -mindepth 2 -name state.json 2>/dev/null | wc -l) containers."

head_line "3. Every decision is one line of $AUDIT"
show() { # RESULT: the last line with it, in short
	jq -r "select(.result == \"$1\")"' | "\(.time[11:19])  \(.verb) \(.id): \(.result) by " +
		"\(.profiles[0].name), \(.durationUs / 1000) ms; \(.changes | length) entries: " +
		([.changes[].control] | group_by(.) | map("\(.[0]) \(length)") | join(", "))' $AUDIT |
		tail -n 1
}
say "$(show changed)"
say "$(show refused)"
it_containerd_stop
echo

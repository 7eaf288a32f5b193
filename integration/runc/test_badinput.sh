#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_badinput - cinch called by hand, as an engine would, with what must not start: each gives one line of
# reason, one object in the log, the runtime's exit status, and leaves the bundle and the host as they were.
# Then many starts that are good, and what they leave.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="runc busybox"
it_enter "$0" "$@"

RT=/usr/local/sbin/cinch
ROOT=$T/roots/runc
LOG=$T/log.json
BUN=$T/bundle
mkdir -p "$ROOT"

# Runs cinch; $status, $out, $err and the log are then what it left.
status=0 out='' err=''
cinch() {
	rm -f "$LOG"
	timeout 300 "${PROGRAM:-$RT}" --root "$ROOT" --log "$LOG" --log-format "${FORMAT:-json}" "$@" \
		>$T/out 2>$T/err </dev/null
	status=$?
	out=$(cat $T/out) err=$(cat $T/err)
}

sum_of() { find "$1" -xdev -path "$1/rootfs" -prune -o -printf '%p %y %m %U %s\n' 2>/dev/null | sort
	[ ! -f "$1/config.json" ] || sha256sum <"$1/config.json"; }

# WHAT WANT-REGEX STATUS BUNDLE ARG...: refused with one line, nothing changed
refused() {
	local what=$1 want=$2 code=$3 bundle=$4 before traces
	shift 4
	traces=$(it_traces)
	before=$(sum_of "$bundle")
	cinch "$@"
	it_is "$what: exit status" $status "$code"
	it_like "$what: reason" "$err" "$want"
	it_is "$what: one line on stderr" "$(wc -l <$T/err)" 1
	it_is "$what: nothing on stdout" "$out" ""
	it_is "$what: one object in the log" "$(jq -cs 'map(.level)' "$LOG" 2>&1)" '["error"]'
	it_is "$what: the log says the same" "$(jq -r .msg "$LOG" 2>/dev/null)" "$err"
	it_is "$what: bundle as it was" "$(sum_of "$bundle")" "$before"
	it_clean "$what: nothing left" "$traces"
}

files() { find "$1" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | paste -sd ' '; }

good() { it_bundle "$BUN" "${1:-c1}" "${2:-.}" || it_die "cannot make a bundle"; }

test_bundles() {
	local d=$T/other f=config.json
	refused "no such bundle" "$T/none" 1 $T/none create --bundle $T/none c1
	mkdir -p $d
	refused "no config.json" 'config\.json' 1 $d create --bundle $d c1

	head -c 104857600 /dev/zero | tr '\0' ' ' >$d/$f
	refused "config.json of 100 MB" 'limit' 1 $d create --bundle $d c1
	{ head -c 10000 /dev/zero | tr '\0' '['; head -c 10000 /dev/zero | tr '\0' ']'; } >$d/$f
	refused "10,000 arrays deep" 'dee?p|depth|nest' 1 $d create --bundle $d c1
	printf '{"ociVersion":"1.0.2","hostname":"\377\376"}' >$d/$f
	refused "not UTF-8" 'UTF-8' 1 $d create --bundle $d c1
	printf '{"ociVersion":"1.0.2"' >$d/$f
	refused "half a document" 'config\.json' 1 $d create --bundle $d c1
	: >$d/$f
	refused "an empty document" 'config\.json' 1 $d create --bundle $d c1
	printf '{"ociVersion":"1.0.2"} x' >$d/$f
	refused "text after the end" 'config\.json' 1 $d create --bundle $d c1
	good
	jq -c '{process: .process} + .' $BUN/$f | sed 's/}$/,"process":{"args":["x"]}}/' >$d/$f
	refused "a key twice" '"?process"?' 1 $d create --bundle $d c1
	jq -c . $BUN/$f | sed 's/}$/,"Process":{"args":["x"]}}/' >$d/$f
	refused "a key in two cases" 'Process' 1 $d create --bundle $d c1

	rm $d/$f && ln -s "$BUN/$f" $d/$f
	refused "config.json is a symlink" 'symlink|symbolic link|regular' 1 $d create --bundle $d c1
	rm $d/$f && mkfifo $d/$f
	refused "config.json is a FIFO" 'regular' 1 $d create --bundle $d c1
	rm $d/$f && mkdir $d/$f
	refused "config.json is a directory" 'directory|regular' 1 $d create --bundle $d c1
	rmdir $d/$f

	good
	mount --bind $BUN $BUN && mount -o remount,bind,ro $BUN
	refused "a read-only bundle" '[Rr]ead-only' 1 $BUN create --bundle $BUN c1
	umount $BUN

	mount -t tmpfs -o size=64k full $d
	cp $BUN/$f $d/$f
	mkdir $d/rootfs
	head -c 1000000 /dev/zero >$d/fill 2>/dev/null
	refused "a full disk" '[Nn]o space' 1 $d create --bundle $d c1
	it_is "a full disk: no temporary file stays" "$(files $d)" "config.json fill rootfs"
	umount $d
}

test_ids() {
	local long
	good
	long=$(head -c 5000 /dev/zero | tr '\0' a)
	refused "id with a slash" 'id' 1 $BUN create --bundle $BUN a/b
	refused "id .." 'id' 1 $BUN create --bundle $BUN ..
	refused "id that climbs" 'id' 1 $BUN create --bundle $BUN ../../etc
	refused "id of 5,000 characters" 'id' 1 $BUN create --bundle $BUN "$long"
	refused "no id" 'id' 1 $BUN create --bundle $BUN
	refused "two ids" 'c2|argument|id' 1 $BUN create --bundle $BUN c1 c2
	refused "an unknown option" 'frobnicate' 1 $BUN create --frobnicate --bundle $BUN c1
}

test_profiles() {
	good
	refused "unknown profile" 'nosuch' 1 $BUN --cinch-profile nosuch create --bundle $BUN c1
	ln -s cinch /usr/local/sbin/cinch-nosuch
	PROGRAM=/usr/local/sbin/cinch-nosuch \
		refused "unknown profile by name" 'nosuch' 1 $BUN create --bundle $BUN c1
	rm /usr/local/sbin/cinch-nosuch
	good c1 '.linux.namespaces |= map(select(.type != "network"))'
	refused "host network" 'refused by profile restricted: .*namespaces: ' 1 $BUN \
		create --bundle $BUN c1
	PROGRAM=/usr/local/sbin/cinch-baseline \
		refused "host network, baseline" 'refused by profile baseline: .*namespaces: ' 1 $BUN \
		create --bundle $BUN c1
	refused "run is governed too" 'refused by profile restricted: .*namespaces: ' 1 $BUN \
		run --bundle $BUN c1
	good c1 '.process.cwd = "/proc/self/fd/7"'
	refused "cwd in /proc/self/fd" 'process: ' 1 $BUN create --bundle $BUN c1
}

test_runtime() {
	local n
	good
	cp "$RUNC" /usr/local/sbin/gone
	it_apply '{"runtime": "/usr/local/sbin/gone"}'
	rm /usr/local/sbin/gone
	refused "no such runtime" '/usr/local/sbin/gone' 127 $BUN create --bundle $BUN c1
	cinch state c1
	it_is "no such runtime: a verb that passes" $status 127
	ln -s $RT /usr/local/sbin/other-name
	it_apply '{"runtime": "/usr/local/sbin/other-name"}'
	refused "cinch as its own runtime" 'cinch' 127 $BUN create --bundle $BUN c1
	rm -r /usr/local/sbin/other-name /etc/cinch/cinch.json /var/lib/cinch
	# no runtime at all: each place it is looked for is an empty file
	for n in runc crun; do
		find /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin -maxdepth 1 -name $n
	done | while read -r n; do mount --bind /dev/null "$n"; done
	refused "no runtime installed" 'runtime|runc' 127 $BUN create --bundle $BUN c1
	awk '$5 ~ /\/(runc|crun)$/ {print $5}' /proc/self/mountinfo | while read -r n; do umount "$n"; done
}

test_text_log() {
	good c1 '.linux.namespaces |= map(select(.type != "network"))'
	FORMAT=text cinch create --bundle $BUN c1
	it_is "text log: one line" "$(wc -l <$LOG)" 1
	it_like "text log: form" "$(cat $LOG)" '^time="[^"]+" level=error msg="cinch: refused by profile'
	it_like "text log: stderr says the same" "$err" 'refused by profile restricted: '
	rm -f $LOG
	timeout 300 $RT --root $ROOT create --bundle $BUN c1 >$T/out 2>$T/err </dev/null
	it_is "no log: exit status" $? 1
	it_like "no log: the reason on stderr" "$(cat $T/err)" 'refused by profile restricted: '
	it_is "no log: nothing on stdout" "$(cat $T/out)" ""
}

same_out() { # PROGRAM ARG...: what it prints, but for the second it prints it in
	{ timeout 300 "$1" --root $ROOT "${@:2}" 2>&1 </dev/null; echo "status $?"; } |
		sed 's/time="[^"]*"//'
}

# Pass-through: the same bytes, the same status, as the runtime alone.
test_same() {
	local v a b
	for v in --version --help 'state none' 'kill none 9' 'delete none' 'start none' 'list' 'ps none' \
		'features' 'events none' 'nosuchverb'; do
		# shellcheck disable=SC2086 # several words
		a=$(same_out $RT $v)
		# shellcheck disable=SC2086
		b=$(same_out $RUNC $v)
		it_is "as runc alone: $v" "$a" "$b"
	done
}

test_cycles() {
	local i bad=0 before files
	good
	cp $BUN/config.json $T/config.orig
	cinch create --bundle $BUN c1
	it_is "create" "$status $err" "0 "
	cinch start c1
	it_is "start" "$status $err" "0 "
	cinch state c1
	it_is "state" "$(jq -r .status <<<"$out")" running
	it_ok "the bundle's configuration is the tightened one" \
		jq -e '.process.noNewPrivileges and .linux.seccomp and .root.readonly' $BUN/config.json
	cinch delete --force c1
	it_is "delete" "$status $err" "0 "
	files=$(files $BUN)
	before=$(it_traces)
	for ((i = 0; i < 100; i++)); do
		cp $T/config.orig $BUN/config.json
		cinch create --bundle $BUN c1 && [ $status -eq 0 ] || bad=$((bad + 1))
		cinch start c1
		[ $status -eq 0 ] || bad=$((bad + 1))
		cinch delete --force c1
		[ $status -eq 0 ] || bad=$((bad + 1))
	done
	it_is "100 times create, start, delete" $bad 0
	it_clean "100 times: nothing left" "$before"
	it_is "100 times: no file stays in the bundle" "$(files $BUN)" "$files"
}

it_install
it_bundle "$BUN" c1 || it_die "cannot make a bundle"
test_cycles
test_bundles
test_ids
test_profiles
test_runtime
test_text_log
test_same
it_done

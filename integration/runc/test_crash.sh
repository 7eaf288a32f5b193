#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_crash - cinch is killed with SIGKILL at one system call after another, in create, exec, kill and delete,
# with the real runc below it; and many calls at once, some of them killed. Whatever the moment: what an
# engine does next works, every id can be used again, and nothing is left.
#
# Which calls are killed, and where, follows from CRASH_SEED. Killed is only cinch, never what it became: what
# runc leaves when it is killed is runc's.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="runc busybox"
it_enter "$0" "$@"

RT=/usr/local/sbin/cinch
CRASH=$B/tests/prog_crash
ROOT=$T/roots/crash
CYCLES=${CYCLES:-200} IDS=20 EXECS=50
RANDOM=${CRASH_SEED:-20261122}
mkdir -p "$ROOT"

# The engine's side: a bundle of its own for each start, gone with the container.
bundle() { # ID: $bundle
	bundle=$T/bundles/$1
	mkdir -p "$bundle" && sed "s|@ID@|$1|" $T/config.json >"$bundle/asked.json" &&
		cp "$bundle/asked.json" "$bundle/config.json"
}

call() { "$RT" --root "$ROOT" --log $T/log.json --log-format json "$@" </dev/null >/dev/null 2>$T/err; }

# N VERB...: the same, killed at the Nth count. $status is 137 when it came to that.
crashed() {
	local n=$1
	shift
	"$CRASH" "$n" "$RT" --root "$ROOT" --log $T/log.json --log-format json "$@" </dev/null >/dev/null 2>$T/err
	status=$?
}

# How many counts VERB... has; it happens.
counts() {
	CRASH_COUNT=$T/count "$CRASH" count "$RT" --root "$ROOT" "$@" </dev/null >/dev/null 2>$T/err ||
		it_die "$*: $(cat $T/err)"
	cat $T/count
}

# A point within MAX counts, or a little behind: then nothing is killed.
pick() { at=$((1 + RANDOM % ($1 + $1 / 8))); }

gone() { [ ! -e "$ROOT/$1" ] && [ -z "$(find /run/cinch -name "$1.json")" ]; }

# What every engine does in the end, as often as it takes.
put_away() { # ID
	local i
	for ((i = 0; i < 5; i++)); do
		call delete --force "$1"
		[ -e "$ROOT/$1" ] || break
	done
	call delete --force "$1" # containerd always sends a second one
	rm -rf "$T/bundles/$1"
}

# --- one after the other ---

measure() {
	bundle m
	create_counts=$(counts create --bundle "$bundle" m)
	call start m
	exec_counts=$(counts exec m /bin/true)
	kill_counts=$(counts kill m 0)
	delete_counts=$(counts delete --force m)
	put_away m
	echo "# counts: create $create_counts, exec $exec_counts, kill $kill_counts, delete $delete_counts"
}

# What may be left of a create that was killed: the caller's configuration or the tightened one, whole.
whole_config() {
	[ -s "$bundle/config.json" ] || return 1
	cmp -s "$bundle/config.json" "$bundle/asked.json" ||
		jq -e '.process.args and .root.path' "$bundle/config.json" >/dev/null 2>&1
}

one_life() { # ID
	local id=$1
	bundle "$id"
	pick "$create_counts"
	crashed $at create --bundle "$bundle" "$id"
	if [ $status -eq 137 ]; then
		killed_create=$((killed_create + 1))
		whole_config || broken="$broken $id:config"
		[ ! -e "$ROOT/$id" ] || broken="$broken $id:started"
		# half of the engines give up, the other half tries again
		if [ $((RANDOM % 2)) -eq 0 ] || ! call create --bundle "$bundle" "$id"; then
			put_away "$id"
			gone "$id" || broken="$broken $id:left-after-create"
			return
		fi
	elif [ $status -ne 0 ]; then
		broken="$broken $id:create($(head -c 200 $T/err))"
	fi
	call start "$id" || broken="$broken $id:start($(head -c 200 $T/err))"
	pick "$exec_counts"
	crashed $at exec "$id" /bin/true
	case $status in 137) killed_exec=$((killed_exec + 1)) ;; 0) ;; *) broken="$broken $id:exec" ;; esac
	pick "$kill_counts"
	crashed $at kill "$id" KILL
	[ $status -ne 137 ] || killed_kill=$((killed_kill + 1))
	pick "$delete_counts"
	crashed $at delete --force "$id"
	[ $status -ne 137 ] || killed_delete=$((killed_delete + 1))
	put_away "$id"
	gone "$id" || broken="$broken $id:left"
}

# Every single call of a create: the bundle is whole, and nothing was started.
test_every_call() {
	local n broken='' traces
	traces=$(it_traces)
	bundle every
	for ((n = 1; ; n += 2)); do
		cp "$bundle/asked.json" "$bundle/config.json"
		crashed $n create --bundle "$bundle" every
		[ $status -eq 137 ] || break
		whole_config || broken="$broken $n:config"
		[ ! -e "$ROOT/every" ] || broken="$broken $n:started"
	done
	echo "# it was killed $((n / 2)) times"
	it_is "the first one that is not killed starts" "$status" 0
	[ $n -gt $((create_counts / 2)) ]
	it_result $? "all others were"
	it_is "a create that is killed at any of its calls" "$broken" ""
	put_away every
	sweep
	it_clean "nothing is left of them" "$traces"
}

test_cycles() {
	local i before broken='' killed_create=0 killed_exec=0 killed_kill=0 killed_delete=0
	before=$(it_traces)
	for ((i = 0; i < CYCLES; i++)); do
		one_life "c$((i % IDS))"
	done
	echo "# killed: create $killed_create, exec $killed_exec, kill $killed_kill, delete $killed_delete"
	it_is "$CYCLES lives, some of whose calls were killed" "$broken" ""
	[ $((killed_create * 10)) -gt $((CYCLES * 6)) ] && [ $((killed_exec * 10)) -gt $((CYCLES * 3)) ]
	it_result $? "most calls were killed"
	sweep
	it_clean "nothing is left of them" "$before"
}

# Temporaries of killed writers go when they are a minute old.
sweep() {
	find /run/cinch -name '.tmp-*' -exec touch -d '2 minutes ago' {} +
	find /run/cinch -name '.tmp-*' | wc -l | sed 's/^/# temporaries of killed writers: /'
	"$B/cinchctl" ps --all >/dev/null 2>&1
	bundle sweeper
	call create --bundle "$bundle" sweeper
	put_away sweeper
	it_is "no record is left" "$(find /run/cinch -name '*.json')" ""
	it_is "and no temporary" "$(find /run/cinch -name '.tmp-*')" ""
}

test_again() {
	local i id broken=''
	for ((i = 0; i < IDS; i++)); do
		id=c$i
		bundle $id
		{ call create --bundle "$bundle" $id && call start $id && call exec $id /bin/true; } ||
			broken="$broken $id($(head -c 200 $T/err))"
		put_away $id
		gone $id || broken="$broken $id:left"
	done
	it_is "every id can be used again" "$broken" ""
}

# --- many at once ---

# shellcheck disable=SC2317 # called by it_until
no_more_than() { [ "$(pgrep -c . || :)" -le "$1" ]; }

test_execs() {
	local i n good=0 killed=0 bad='' traces processes
	traces=$(it_traces)
	bundle many
	if ! call create --bundle "$bundle" many || ! call start many; then
		it_die "many: $(cat $T/err)"
	fi
	processes=$(pgrep -c . || :)
	for ((i = 0; i < EXECS; i++)); do
		n=1000000
		[ $((i % 3)) -ne 0 ] || { pick "$exec_counts" && n=$at; }
		{
			"$CRASH" $n "$RT" --root "$ROOT" --log "$T/log.$i" exec many /bin/echo "said $i" \
				</dev/null >"$T/out.$i" 2>"$T/err.$i"
			echo $? >"$T/status.$i"
		} &
	done
	wait
	for ((i = 0; i < EXECS; i++)); do
		case $(cat "$T/status.$i") in
		0) [ "$(cat "$T/out.$i")" = "said $i" ] && good=$((good + 1)) || bad="$bad $i:output" ;;
		137) [ ! -s "$T/out.$i" ] && killed=$((killed + 1)) || bad="$bad $i:said" ;;
		*) bad="$bad $i($(head -c 200 "$T/err.$i"))" ;;
		esac
	done
	rm -f $T/log.* $T/out.* $T/err.* $T/status.*
	echo "# $good said what they should, $killed were killed"
	it_is "$EXECS at once: who was not killed did its work" "$bad" ""
	[ $killed -gt 8 ] && [ $good -gt 30 ]
	it_result $? "some were killed, most were not"
	it_until no_more_than "$processes"
	it_result $? "no process is left of them"
	it_ok "the container can still be entered" call exec many /bin/true
	it_is "and runs" "$("$RUNC" --root "$ROOT" state many | jq -r .status)" running
	put_away many
	sweep
	it_clean "nothing is left of the container" "$traces"
}

# A writer that waits for 100 ms, on a machine that is busy, writes beside the chain and says so.
test_log() {
	local verdict
	verdict=$("$B/cinchctl" log verify 2>&1)
	it_is "the log is whole" "$(grep -E '^[^ ]+:[0-9]+: ' <<<"$verdict" |
		grep -v 'the lock was not free')$(grep '^broken' <<<"$verdict")" ""
	it_is "every line is an object" "$(jq -c type /var/log/cinch/audit.jsonl | sort -u)" '"object"'
	it_is "its last line is the last call" "$(tail -n 1 /var/log/cinch/audit.jsonl | jq -r .verb)" delete
}

it_install
it_apply '{"defaultProfile": "baseline"}'
it_bundle $T/first first ".root.path = \"$T/first/rootfs\" | .linux.cgroupsPath = \"/$IT_NS/@ID@\"" ||
	it_die "cannot make a bundle"
mv $T/first/config.json $T/config.json
measure
test_every_call
test_cycles
test_again
test_execs
test_log
it_done

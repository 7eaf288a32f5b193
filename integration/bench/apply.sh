#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# apply - what cinchctl apply costs with N profiles (default 300), on a disk: each extends another, every tenth has
# a seccomp filter of its own, and there are as many select rules. The median of five rounds, each with another
# policy to write.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_LIMIT=300
[ "$(id -u)" -eq 0 ] || it_die "needs root: sudo make bench"
it_enter "$0" "$@"

N=${N:-300} ROUNDS=5 GOAL=2000
P=/etc/cinch/profiles DISK=$B/bench-apply CTL=$B/cinchctl
trap 'rm -rf "$DISK"' EXIT
rm -rf "$DISK"
mkdir -p "$DISK" $P/seccomp

profiles() { # VERSION
	local i filter
	for ((i = 0; i < N; i++)); do
		filter=
		if [ $((i % 10)) -eq 0 ]; then
			jq -c --arg n "$i" '. + {defaultErrnoRet: ($n | tonumber % 100 + 1)}' \
				$T/filter.json >$P/seccomp/f$i.json
			filter=", \"profile\": \"f$i\""
		fi
		cat >$P/app$i.json <<-END
			{"profile": "app$i", "version": "$1.0.$i", // one of many
			 "extends": ["$([ $((i % 3)) -eq 0 ] && echo restricted || echo app$((i - 1)))"],
			 "capabilities": {"add": ["CAP_NET_RAW"]},
			 "seccomp": {"deny": {"add": ["io_uring_setup"]}$filter}}
		END
	done
}

rules() {
	local i
	echo '{"select": ['
	for ((i = 0; i < N; i++)); do
		[ "$i" -eq 0 ] || echo ,
		printf '{"namespace": ["ns%d"], "profile": "app%d"}' "$i" "$i"
	done
	echo ']}'
}

measure() { # NAME COMMAND...: milliseconds of each, sorted
	local from to
	from=$(date +%s%N)
	"${@:2}" >$T/out 2>&1
	[ $? -le 1 ] || it_die "$1: $(head -n 3 $T/out)"
	to=$(date +%s%N)
	echo $(((to - from) / 100000)) >>"$T/$1"
}

report() { # NAME GOAL
	sort -n "$T/$1" | awk -v name="$1" -v n="$N" -v goal="$2" '{v[NR] = $1 / 10}
		END {m = v[int((NR + 1) / 2)]
		printf "%-27s %5d profiles %9.1f ms, goal %s: %s\n", name, n, m, goal, m <= goal ? "ok" : "MISSED"}'
}

sed 's|^[[:space:]]*//.*||; s|[[:space:]]//.*||' "$IT_TOP/profiles/library/seccomp/default.json" |
	jq -c . >$T/filter.json || it_die "cannot read the shipped filter"
rules >/etc/cinch/cinch.json
for ((r = 1; r <= ROUNDS; r++)); do
	profiles $r
	measure dry-run "$CTL" apply --dry-run --store "$DISK/policy"
	measure apply "$CTL" apply --store "$DISK/policy"
	measure "apply-again" "$CTL" apply --store "$DISK/policy"
	measure status "$CTL" status --store "$DISK/policy"
done
for what in apply dry-run apply-again status; do
	report $what $GOAL
done
echo "the policy: $(stat -c %s "$DISK/policy/current/policy") bytes"

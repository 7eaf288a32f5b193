# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# hold - what the tests of changing rules share: connections that are held, policies, net reload. In place of world.sh.
# shellcheck source=integration/netseg/world.sh
. "${BASH_SOURCE[0]%/*}/world.sh" || exit 1
# shellcheck disable=SC2034 # used by who sources this
HOLD=$B/tests/prog_hold

# --- connections that are held ---

# NAME COMMAND...: in the background; what it says is in $T/hold.NAME
held() {
	local name=$1
	shift
	"$@" </dev/null >"$T/hold.$name" 2>&1 &
	HELD+=($!)
}

held_in() { # NAME ID ARGUMENT...: of prog_hold, in the container
	local name=$1 id=$2
	shift 2
	held "$name" "$RUNC" --root "$ROOT" exec "$id" /bin/hold "$@"
}

beats() { grep -c '^alive' "$T/hold.$1"; } # NAME

# shellcheck disable=SC2317 # called by it_until
grew() { [ "$(beats "$1")" -gt "$2" ]; } # NAME COUNT

lives() { # WHAT NAME...: each has an answer to what it sends from now on
	local what=$1 name n dead=''
	shift
	for name in "$@"; do
		n=$(beats "$name")
		it_until grew "$name" $((n + 1)) || dead="$dead $name: $(tail -n 1 "$T/hold.$name");"
	done
	it_is "$what" "$dead" ""
}

# shellcheck disable=SC2317 # called by it_until
is_over() { tail -n 1 "$T/hold.$1" | grep -qE '^(ended|lost)'; } # NAME

ended() { # WHAT NAME...
	local what=$1 name alive=''
	shift
	for name in "$@"; do
		it_until is_over "$name" || alive="$alive $name"
	done
	it_is "$what" "$alive" ""
}

# --- policies ---

out() { printf '{"to": ["%s", "%s"], "ports": ["%s"]}' $SINK4 $SINK6 "$1"; } # PORT
in_() { printf '{"from": ["any"], "ports": ["%s"]}' "$1"; }                 # PORT

grant() { # NETWORK [MORE]: what profile shop grants from now on
	nw_profile shop "$1" "${2:-{\}}"
	it_apply '{}'
}

reload() { # ARGUMENT...: of cinchctl net reload; 0 when it ended with STATUS (0)
	"$B/cinchctl" net reload "$@" >$T/reload.out 2>$T/reload.err
	local rc=$?
	[ $rc = "${STATUS:-0}" ] || echo "# exit status $rc: $(cat $T/reload.err $T/reload.out)"
	[ $rc = "${STATUS:-0}" ]
}

record() { jq -c "$1" /var/log/cinch/audit.jsonl | tail -n 1; } # JQ: of the last record

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# engine - what the tests of rules under a real engine share. Sourced after lib.sh, in the private world: the world's own
# namespace is the node, whatever leaves a container comes to it first, and prog_sink writes that down.
SINK=$T/sink.log
NE_HOST=203.0.113.9 # a public host; the node answers in its place
NE_FENCE=7          # the port that policies of the tests allow there
# shellcheck disable=SC2034 # used by who sources this
NE_ALLOW='{"to": ["'$NE_HOST'"], "ports": ["udp/'$NE_FENCE'"]}'

ne_world() {
	local a
	for a in $NE_HOST 169.254.169.254 9.9.9.9; do
		ip address add "$a/32" dev lo || it_die "cannot have the addresses of others"
	done
	"$B/tests/prog_sink" "$SINK" 2>"$T/sink.err" &
	it_until grep -q '^ready' "$SINK" || it_die "the sink does not begin: $(cat "$T/sink.err")"
}

# A profile NAME with this "network" section, otherwise as EXTENDS with MORE.
ne_profile() { # NAME NETWORK-JSON [EXTENDS [MORE-JSON]]
	mkdir -p /etc/cinch/profiles
	jq -n --arg name "$1" --argjson network "$2" --arg extends "${3:-baseline}" --argjson more "${4:-{\}}" '{
		profile: $name, version: "1.0.0", extends: [$extends]} + $more +
		if $network then {network: $network} else {} end' >/etc/cinch/profiles/"$1".json
}

ne_mark() { NE_MARK=$(stat -c %s "$SINK"); }
ne_saw() { tail -c "+$((NE_MARK + 1))" "$SINK" | grep -qE "$1"; } # REGEX

# N: what a container runs to try what it may not and then what it may. Ports are of N, so that two containers of one
# address can be told apart.
ne_tries() {
	echo "net udp $NE_HOST ${1}001; net tcp $NE_HOST ${1}002; net tcp 169.254.169.254 ${1}003
net udp 9.9.9.9 53; net udp $NE_HOST $NE_FENCE"
}

# What of it arrived, words. What is allowed was sent last: when it is there the others are, too.
ne_arrived() { # N
	IT_WAIT=${NE_WAIT:-120} it_until ne_saw "^udp .* $NE_HOST $NE_FENCE$" && printf 'allowed '
	! ne_saw "^udp .* $NE_HOST ${1}001$" || printf 'datagram '
	! ne_saw "^tcp .* $NE_HOST ${1}002$" || printf 'connection '
	! ne_saw "^tcp .* 169.254.169.254 ${1}003$" || printf 'metadata '
	! ne_saw "^udp .* 9.9.9.9 53$" || printf 'resolver '
}

# shellcheck disable=SC2034
NE_ALL="allowed datagram connection metadata resolver "

# PID: "ADDRESS PROTOCOL PORT" of all that was refused in its namespace
ne_denied() {
	nsenter -t "$1" -n nft -n -j list table inet cinch 2>/dev/null |
		jq -r '.nftables[].set // empty | select(.name | test("_denied_")) | .elem[]? |
			(.elem.val // .).concat | map(tostring) | join(" ")'
}

# WHAT PID N: the three that ne_tries made are remembered
ne_remembered() {
	it_is "$1: shown as refused" "$(ne_denied "$2" | sort -u | grep -cE "^($NE_HOST 17 ${3}001|$NE_HOST 6 ${3}002|\
169.254.169.254 6 ${3}003|9.9.9.9 17 53)\$")" 4 || ne_denied "$2" | sed 's/^/# /'
}

# Somebody listens at that port of TCP in the network of the process.
ne_listens() { nsenter -t "$1" -n ss -Hltn | grep -qE ":$2 "; } # PID PORT

ne_sink_lives() { it_is "the sink saw all there was" "$(cat "$T/sink.err")" ""; }

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_nft - what is sent to the kernel, read by nft: each ruleset is listed without errors and as the model prints it;
# what nft makes of that text is the same, object by object, as what was sent. Then what an installation leaves
# alone, what it takes away, what a check of it finds, and what the kernel's refusals are called. Every namespace
# is one that prog_netload made.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="nft jq"
it_enter "$0" "$@"

LOAD=$B/tests/prog_netload
D=$T/spaces
mkdir -p $D

# --- spaces ---

# One container with one policy; ARGS of jq put over it.
space() { # NAME JQ-FILTER
	jq -n "{host: false, segments: {web: [\"10.0.0.7\", \"10.0.0.8\", \"fd00::8\"], db: []},
		containers: [{key: \"k00000000001\", cgroup: 0, level: 0, resolvers: [\"10.96.0.10\", \"fd00::a\"],
			hosts: [\"10.0.0.1\", \"fe80::1\"], network: {title: \"default/web/nginx\", policies: [
			{profile: \"web\", mode: \"enforce\", preset: \"isolated\", ingress: [], egress: [],
				metadata: \"deny\"}], segments: [\"web\"]}}]} | $2" >"$D/$1.json" || it_die "space $1"
}
policy='.containers[0].network.policies[0]'
# shellcheck disable=SC2016 # jq's variables
second='.containers += [.containers[0] * {key: "k00000000002"}]'
for p in none isolated private internet open; do
	space "preset-$p" "$policy.preset = \"$p\""
done
for m in audit learn off; do
	space "mode-$m" "$policy.mode = \"$m\""
done
space rules "$policy.egress = [{to: [\"segment:web\", \"segment:db\"], ports: [\"tcp/5432\"]}, {to: [\"dns\"]},
	{to: [\"192.168.1.0/24\", \"2001:db8::/32\", \"203.0.113.7\"], ports: [\"tcp/80-90\", \"tcp/443\", \"udp/53\", \"icmp\"]},
	{to: [\"any\"], ports: [\"sctp/9\"]}] |
	$policy.ingress = [{from: [\"segment:web\", \"host\", \"10.0.0.0/8\"], ports: [\"tcp/8080\"]}, {from: [\"any\"]}]"
space metadata "$policy.metadata = \"allow\""
space metadata-nets '.containers[0].network.metadataAddresses = ["192.0.2.0/28", "192.0.2.99", "fd00:9::/64"]'
space lift "$policy.lift = [\"sourceAddress\", \"routerAdvertisements\", \"loopback\", \"forward\", \"dns\"]"
space two-policies ".containers[0].network.policies += [$policy * {profile: \"tight\", mode: \"audit\"}]"
space pod "$second | .containers[1].network.policies[0].preset = \"open\""
space cgroups "$second | .containers[0].cgroup = 12345 | .containers[1].cgroup = 99999999999 |
	.containers[].level = 3"
space host '.host = true | .containers[0].cgroup = 4711 | .containers[0].level = 2'
space cidrs "$policy.egress = [{to: [range(5000) | \"10.\(. / 256 | floor).\(. % 256).0/25\"], ports: [\"tcp/80\"]}]"

# --- listed as printed ---

# nft 1.0.6 with -s leaves values out; a listing has blanks at the ends of no line
listed() { "$LOAD" "$@" -- nft -s list ruleset 2>&1; }
printed() { "$LOAD" "$@" print 2>&1; }
same_listing() { # WHAT STEP
	printed "$2" >$T/printed && listed "$2" >$T/listed && diff $T/printed $T/listed >$T/diff
	it_result $? "$1: nft lists it as it is printed" "$(cat $T/diff 2>&1)"
}
objects() { jq -S '[.nftables[] | select(.metainfo | not) | del(.[].handle, .[].index)]'; }
# What nft makes of the printed text, against what was sent; without values of counters, which are 0 in both.
# shellcheck disable=SC2016 # of the inner shell
same_objects() { # WHAT STEP
	"$LOAD" "$2" -- nft -j list ruleset | objects >$T/sent.json &&
		unshare --net sh -c 'nft -f "$1" && nft -j list ruleset' - $T/printed 2>$T/err | objects >$T/nft.json &&
		[ "$(jq length $T/nft.json)" -gt 1 ] && cmp -s $T/sent.json $T/nft.json
	it_result $? "$1: nft makes the same objects of it ($(jq length $T/sent.json))" \
		"$(head -n 3 $T/err; diff $T/nft.json $T/sent.json)"
}
same_listing sample sample
same_objects sample sample
same_listing "a cgroup that nobody has" sample:0:12345
for f in "$D"/*.json; do
	name=${f##*/} name=${name%.json}
	same_listing "$name" "$f"
	case $name in
	mode-off) it_is "$name: there is no table" "$(cat $T/listed)" "" ;;
	# nft takes a cgroup only as a path
	cgroups | host) it_like "$name: chosen by cgroup" "$(cat $T/listed)" 'socket cgroupv2 level [23] [0-9]+ goto' ;;
	*) same_objects "$name" "$f" ;;
	esac
	it_is "$name: a check finds nothing" "$("$LOAD" "$f" check 2>&1)" ""
	it_is "$name: nor when it was installed twice, and thrice" "$("$LOAD" "$f" again check again check 2>&1)" ""
done
"$LOAD" sample:5000 print >$T/printed && listed sample:5000 | diff $T/printed - >$T/diff
it_result $? "5,000 prefixes of each family are listed as they are printed" "$(cat $T/diff)"

# What another library reads out of the kernel, without handles, names the kernel gave, and the order of elements: the
# unit tests hold the encoder to the same file.
netlink() {
	sed -E '/^table /,$d; /^$/d; s/^(inet cinch [^@ ]+).*/\1/; s/__set[0-9]+/__set%d/; s/ 0x0 \]$/ ]/; s/ timeout 0ms//' |
		LC_ALL=C awk 'function put(   i, j, t) {
			for (i = 2; i <= n; i++)
				for (j = i; j > 1 && e[j - 1] > e[j]; j--) { t = e[j]; e[j] = e[j - 1]; e[j - 1] = t }
			if (n) print set
			for (i = 1; i <= n; i++) print e[i]
			n = 0
		}
		/^inet cinch @/ { put(); set = $0; next }
		/^\telement/ { e[++n] = $0; next }
		{ put(); print }
		END { put() }'
}
"$LOAD" sample:0:12345 -- nft --debug=netlink list ruleset 2>&1 | netlink | diff "$IT_TOP/tests/data/net_sample.netlink" - >$T/diff
it_result $? "the kernel has the expressions that the unit tests want" "$(cat $T/diff)"

# --- what an installation leaves alone ---

# shellcheck disable=SC2016 # of the shell in the namespace
HELD='nft add element inet cinch abcdef012345_seen_in4 "{ 10.0.0.1 . tcp . 80 counter packets 3 bytes 7 }" &&
	nft add element inet cinch abcdef012345_denied_out6 "{ fd00::9 . udp . 0 counter packets 1 bytes 2 }"'
SHOW='nft list set inet cinch abcdef012345_seen_in4; nft list set inet cinch abcdef012345_denied_out6'
out=$("$LOAD" sample "run:$HELD" again check "run:$SHOW" 2>&1)
it_like "what rules remembered stays over an installation" "$out" '10.0.0.1 . tcp . 80 counter packets 3 bytes 7'
it_like "also with a timeout, IPv6" "$out" 'fd00::9 . udp . 0 counter packets 1 bytes 2'
it_unlike "and is no difference" "$out" '^(set|rule|chain|counter)[^{]*(altered|missing|added)'
# a packet that is counted, then the same rules again
# shellcheck disable=SC2016
COUNT='ip link set lo up; ip link add v0 type veth peer name v1; ip link set v1 up; ip addr add 10.9.9.1/24 dev v0
	ip link set v0 up; ip neigh add 10.9.9.2 lladdr 02:00:00:00:00:02 dev v0
	for i in 1 2 3; do echo x >/dev/udp/10.9.9.2/9; done 2>/dev/null'
out=$("$LOAD" "$D/preset-none.json" "run:bash -c '$COUNT'" again again \
	'run:nft list counter inet cinch k00000000001_out_refused; nft list set inet cinch k00000000001_denied_out4' 2>&1)
it_like "a counter keeps what it holds" "$out" 'packets 3 bytes'
it_like "and the refused flow is there" "$out" '10\.9\.9\.2 \. udp \. 9 counter packets 3'
it_like "with its time" "$out" 'expires (1d|23h)'
out=$("$LOAD" "$D/preset-none.json" "run:bash -c '$COUNT'" flows:k00000000001_denied_out4 \
	counter:k00000000001_out_refused flows:k00000000001_seen_out6 counter:mine 2>&1)
it_is "what was counted is no difference" "$("$LOAD" sample "run:bash -c '$COUNT'" \
	'run:nft list chain inet cinch output | grep -q "counter packets [1-9]" || echo nothing was counted' check 2>&1)" ""
it_like "both are read back: the flow" "$out" '^10\.9\.9\.2 17 9 packets 3 bytes 90 expires$'
it_like "and the counter" "$out" '^k00000000001_out_refused: packets [0-9]+ bytes [0-9]+$'
it_like "a set that is not there is said" "$out" '^read set k00000000001_seen_out6: .*No such file'
it_like "and a counter" "$out" '^read counter mine: .*No such file'
out=$("$LOAD" sample "run:$HELD" flows:abcdef012345_seen_in4 flows:abcdef012345_denied_out6 2>&1)
it_is "flows of both families, with and without a time" "$out" "10.0.0.1 6 80 packets 3 bytes 7
fd00::9 17 0 packets 1 bytes 2 expires"
# one owner of two
FOREIGN='nft add rule inet cinch k00000000002_out counter accept'
out=$("$LOAD" "$D/pod.json" "run:$FOREIGN" owner:k00000000001 again check 2>&1)
it_like "what is another container's is not touched" "$out" '^rule [0-9]+ of chain k00000000002_out was added'
out=$("$LOAD" "$D/pod.json" "run:$FOREIGN" owner:k00000000002 again check 2>&1)
it_is "what is its own is put right" "$out" ""
out=$("$LOAD" "$D/pod.json" 'run:nft insert rule inet cinch output accept' owner:k00000000002 again check 2>&1)
it_is "and what is the namespace's" "$out" ""

# --- what goes ---

out=$("$LOAD" "$D/pod.json" "$D/rules.json" check "run:nft list ruleset" 2>&1)
it_unlike "the second container of a pod goes without a trace" "$out" 'k00000000002|altered|missing|added by'
out=$("$LOAD" "$D/rules.json" "$D/two-policies.json" "$D/mode-learn.json" check "$D/rules.json" check 2>&1)
it_is "policies come and go, and nothing is left of them" "$out" ""
out=$("$LOAD" "$D/metadata.json" "$D/metadata-nets.json" check "$D/metadata.json" check 2>&1)
it_is "networks of metadata services come and go" "$out" ""
out=$("$LOAD" sample remove check "run:nft list ruleset" remove remove 2>&1)
it_is "the table goes, also when it is not there" "$out" ""

# --- single elements ---

out=$("$LOAD" sample change:segment_web_4:+10.0.0.9,-10.0.0.7,-10.0.0.77,+fd00::1 \
	'run:nft list set inet cinch segment_web_4' 2>&1)
it_like "members come and go one by one" "$out" 'elements = \{ (10.0.0.8, 10.0.0.9|10.0.0.9, 10.0.0.8) \}'
it_is "what goes and comes, stays" "$("$LOAD" sample change:segment_web_4:+10.0.0.7,-10.0.0.7,+10.0.0.8 check 2>&1)" ""
it_is "nothing to change is no transaction" "$("$LOAD" sample change:segment_web_4:+fd00::1 check 2>&1)" ""

# --- what a check finds ---

while IFS='@' read -r what command want; do
	it_is "$what" "$("$LOAD" sample "run:$command" check 2>&1)" "$want"
	it_is "$what: put right" "$("$LOAD" sample "run:$command" again check 2>&1)" ""
done <<-'EOF'
	flushed@nft flush ruleset@table inet cinch is missing
	a rule in front@nft insert rule inet cinch output accept@rule 1 of chain output was added by somebody else
	a rule taken out@nft delete rule inet cinch output handle "$(nft -a list chain inet cinch output | sed -n 's/.*handle //p' | sed -n 3p)"@rule 2 of chain output is missing
	a rule's verdict@nft replace rule inet cinch abcdef012345_out handle "$(nft -a list chain inet cinch abcdef012345_out | sed -n 's/.*drop # handle //p' | tail -n 1)" meta l4proto != gre accept@rule 9 of chain abcdef012345_out was altered
	an element taken out@nft delete element inet cinch abcdef012345_o1_4 "{ 192.168.1.1 }"@set abcdef012345_o1_4 was altered
	an element put in@nft add element inet cinch segment_web_6 "{ fd00::666 }"@set segment_web_6 was altered
	the policy of a chain@nft chain inet cinch output "{ policy accept; }"@chain output was altered
	the table asleep@nft add table inet cinch "{ flags dormant; }"@table inet cinch was altered
EOF
it_is "a chain of somebody else's" "$("$LOAD" sample 'run:nft add chain inet cinch mine "{ type filter hook output priority -300; }"; nft add rule inet cinch mine accept' check 2>&1)" \
	"chain mine was added by somebody else
rule 1 of chain mine was added by somebody else"
it_is "the numbers of sets without a name are no difference" "$("$LOAD" sample 'run:nft flush ruleset; nft add table inet cinch
	nft add chain inet cinch mine; nft add rule inet cinch mine "meta l4proto { 6, 17 } accept"' again \
	'run:nft flush chain inet cinch mine; nft delete chain inet cinch mine; nft list ruleset | grep __set' check 2>&1)" ""
# shellcheck disable=SC2016 # of the shell in the namespace
it_is "but what is in them" "$("$LOAD" sample 'run:h=$(nft -a list chain inet cinch abcdef012345_out_2 | sed -n "s/.*return # handle //p")
	nft replace rule inet cinch abcdef012345_out_2 handle $h ip6 saddr @segment_web_6 udp dport "{ 1, 4 }" return' check 2>&1)" \
	"rule 1 of chain abcdef012345_out_2 was altered"
it_is "other tables are nobody's business" "$("$LOAD" sample 'run:nft add table inet other; nft add table ip cinch; nft add chain ip cinch output' check 2>&1)" ""

# --- refusals ---

refusal() { # WHAT NFT-COMMANDS REASON: what stands in the way of the sample, and what the kernel says of it
	local out
	out=$("$LOAD" sample "run:nft flush ruleset; nft add table inet cinch; $2; nft list ruleset >$T/before" \
		refused "run:nft list ruleset >$T/after" 2>&1)
	it_like "$1" "$out" "$3"
	it_ok "$1: nothing was installed" cmp $T/before $T/after
}
refusal "a chain at another hook" 'nft add chain inet cinch output "{ type filter hook input priority 5; }"' \
	'^chain output: .*(exists|not supported)'
refusal "a set of another type" 'nft add set inet cinch segment_web_4 "{ type ipv6_addr; }"' \
	'^(elements of )?set segment_web_4: '
refusal "somebody's rule goes to a chain" 'nft add chain inet cinch abcdef012345_out; nft add chain inet cinch mine
	nft add rule inet cinch mine goto abcdef012345_out' '^chain abcdef012345_out: .*busy'
it_like "without the right to" "$(setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$LOAD" sample refused 2>&1)" \
	'^prog_netload: install: .*wants CAP_NET_ADMIN'
it_done

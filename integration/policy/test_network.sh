#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_network - rules of the network with the real runtimes, a stand-in for cinch-hook: when and how it is run, what
# is left when it is missing, fails or hangs, and who does not notice.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="runc crun busybox"
it_enter "$0" "$@"

RT=/usr/local/sbin/cinch ROOT=$T/rt BUN=$T/bundle HOOK=/usr/local/sbin/cinch-hook
STATE=/run/cinch LOG=/var/log/cinch/audit.jsonl HOOKED=$T/hooked

it_install
mkdir -p $ROOT /etc/cinch/profiles
it_bundle $BUN c1 '.process.args = ["/bin/sh", "-c", ": >/data/ran; exec sleep 1000"] | .root.readonly = false' ||
	it_die "cannot make a bundle"
cp $BUN/config.json $T/plain.json
profile() { # NAME NETWORK
	printf '{"profile": "%s", "version": "1", "extends": ["baseline"], "rootfs": {"readonly": false}%s}\n' \
		"$1" "$2" >"/etc/cinch/profiles/$1.json"
}
profile none ''
profile closed ', "network": {"preset": "isolated", "segment": "web"}'
profile counted ', "network": {"mode": "audit"}'

last() { tail -n 1 $LOG | jq -r "$1"; }
hook() { # BODY: in the hook's place
	printf '#!/bin/sh\n%s\n' "$1" >$HOOK
	chmod 755 $HOOK
	rm -f $HOOKED
}
# The hooks' own words, in order; what the container had done by then; whether its cgroup is there.
# shellcheck disable=SC2016 # the hook's
telling='[ "$1" != tidy ] || exit 0 # of containers that are gone
{ echo "$1 $2"; [ -e '$BUN'/rootfs/data/ran ] && echo late; [ $# -eq 2 ] || echo "of $3"
if [ "$1" = create ]; then
	cat >'$T'/told
	pid=$(sed "s/.*\"pid\": *\([0-9]*\).*/\1/" '$T'/told)
	grep -q cinch-test- "/proc/$pid/cgroup" && echo "cgroup, net $(stat -Lc %i "/proc/$pid/ns/net")"
fi
tr "\0" " " </proc/$$/environ; } >>'$HOOKED

fresh() {
	rm -rf ${BUN:?}/rootfs/data/ran $HOOKED $T/log
	cp $T/plain.json $BUN/config.json
}
create() { # PROFILE [VERB]: the runtime's words; the container keeps the descriptors, so they go to a file
	$RT --cinch-profile "$1" --root $ROOT --log $T/log --log-format json "${2:-create}" \
		--bundle $BUN c1 </dev/null >$T/out 2>&1
	cat $T/out
}
start() { $RT --root $ROOT start c1 2>&1; }
end() { $RT --root $ROOT delete --force c1 2>&1; }
record() { find $STATE -name c1.json; }
left() { # of a start that failed
	ls $ROOT
	cat $HOOKED 2>/dev/null
	[ ! -e $BUN/rootfs/data/ran ] || echo "it ran"
}

# Each runtime waits ten seconds: once is enough.
hangs() {
	fresh
	# shellcheck disable=SC2016 # the hook's
	hook '[ "$1" != create ] || exec sleep 100'
	SECONDS=0
	it_like "a hook that hangs: refused" "$(create closed)" 'hook'
	it_ok "in time ($SECONDS s)" test $SECONDS -lt 60
	it_is "nothing is left of that either" "$(left)" ""
}

with() { # RUNTIME
	local got key want
	it_apply "{\"runtime\": \"$(command -v "$1")\"}"

	hook "$telling"
	fresh
	it_is "$1: it is created" "$(create closed)" ""
	it_is "$1: with one hook of each kind" \
		"$(jq -c '[.hooks.createRuntime, .hooks.poststop | length]' $BUN/config.json)" "[1,1]"
	# crun leaves it to the hook to write the reason down
	want="create $(record)$([ "$1" = runc ] || printf '\nof json')
cgroup, net $(stat -Lc %i "/proc/$($RT --root $ROOT state c1 | jq .pid)/ns/net")
PATH=/usr/sbin:/usr/bin:/sbin:/bin "
	it_is "$1: the hook ran before it, in its cgroup and network, with that environment alone" \
		"$(cat $HOOKED)" "$want"
	it_is "$1: the hook's container" "$(jq -r .id $T/told)" c1
	it_is "$1: the record has its rules" \
		"$(jq -c '.network | [.policies[0].mode, .policies[0].preset, .segments[0]]' "$(record)")" \
		'["enforce","isolated","web"]'
	it_is "$1: start" "$(start)" ""
	it_ok "$1: it runs" it_until test -e $BUN/rootfs/data/ran
	: >$HOOKED
	key=$(jq -r '.hooks.poststop[0].args[3]' $BUN/config.json)
	it_is "$1: delete" "$(end)" ""
	it_is "$1: the hook ran for the end" "$(grep -v '^late\|^PATH' $HOOKED)" "delete $STATE/net
of $key"

	rm -rf $BUN/rootfs/data/ran
	it_is "$1: the same bundle again" "$(create closed)" ""
	it_is "$1: still one hook of each kind" \
		"$(jq -c '[.hooks.createRuntime, .hooks.poststop | length]' $BUN/config.json)" "[1,1]"
	mkdir -p $STATE/net/late && : >"$STATE/net/late/$key" && : >$HOOKED
	it_is "$1: a late network: start" "$(start)" ""
	it_is "$1: is completed before it" "$(grep -v ^PATH $HOOKED)" "start $STATE/net
of $key"
	rm "$STATE/net/late/$key"
	end >/dev/null

	fresh
	hook 'echo "nf_tables says no" >&2; exit 1'
	got=$(create closed)
	it_like "$1: a hook that fails: refused, with its reason" "$got" 'hook'
	it_like "$1: in the log, too" "$(cat $T/log)" 'hook'
	it_is "$1: nothing is left of it" "$(left)" ""
	[ "$1" != runc ] || it_like "runc: the hook's own words" "$got" 'nf_tables says no'

	[ "$1" != runc ] || hangs

	fresh
	chmod 775 $HOOK
	it_like "$1: others can write it: refused" "$(create closed)" 'owned by root, not writable by others'
	rm $HOOK $T/log
	it_like "$1: no hook: refused" "$(create closed)" 'install cinch-hook beside cinch'
	it_is "$1: one line of the log says it" "$(grep -c . $T/log) $(jq -r .level $T/log)" "1 error"
	it_is "$1: the audit record" "$(last .result)" failed
	it_is "$1: no record, no hook in the bundle, no container" "$(left)$(jq -c .hooks.createRuntime $BUN/config.json)" \
		null
	it_is "$1: run is no way around" "$(create closed run | grep -c 'install cinch-hook')$(left)" 1

	rm -f $T/log
	it_is "$1: no hook, nothing enforced: it is created" "$(create counted)" ""
	it_like "$1: and it is said" "$(last '.changes[].why')" 'nothing of the network is counted'
	it_is "$1: start" "$(start)" ""
	it_ok "$1: it runs" it_until test -e $BUN/rootfs/data/ran
	it_is "$1: delete" "$(end)" ""

	fresh
	it_is "$1: no hook, no rules: nobody notices" "$(create none)$(start)$(end)" ""

	# vanished without its hooks
	hook "$telling"
	fresh
	create closed >/dev/null
	key=$(jq -r '.hooks.poststop[0].args[3]' $BUN/config.json)
	kill -9 "$($RT --root $ROOT state c1 | jq .pid)"
	rm -rf ${ROOT:?}/c1
	mkdir -p $STATE/net/containers && : >"$STATE/net/containers/$key" && : >$HOOKED
	end >/dev/null
	it_is "$1: what vanished is taken away at delete" "$(grep -v ^PATH $HOOKED)" "gone $STATE/net
of $key"
	rm "$STATE/net/containers/$key"
}

with runc
# crun wants one version of cgroups, not both
if mountpoint -q /sys/fs/cgroup/unified; then
	umount /sys/fs/cgroup/unified || it_die "the unified hierarchy cannot be hidden"
	mount -t tmpfs cinch-test /sys/fs/cgroup/unified || it_die "no place for a tmpfs"
fi
with crun
it_done

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_failures - with the real runc: a policy that is applied, damaged, taken away, somebody else's. Containers
# start confined by what is left, and whatever runs can be looked at, stopped and removed.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="runc busybox"
it_enter "$0" "$@"

RT=/usr/local/sbin/cinch ROOT=$T/rt BUN=$T/bundle
STORE=/var/lib/cinch/policy LOG=/var/log/cinch/audit.jsonl

it_install
mkdir -p $ROOT
it_bundle $BUN c1 || it_die "cannot make a bundle"
cp $BUN/config.json $T/plain.json

last() { tail -n 1 $LOG | jq -r "$1"; }

# Two policies, whose default profiles tell which of them was in force.
fresh() {
	rm -rf /var/lib/cinch
	it_apply '{"defaultProfile": "baseline"}'
	it_apply '{"defaultProfile": "web"}'
	new=$(readlink $STORE/current) old=$(readlink $STORE/previous)
}

# WHAT FROM PROFILE: a whole life under what is in force
life() {
	local caps
	cp $T/plain.json $BUN/config.json
	# the container keeps the descriptors it is created with: they must not be the test's
	$RT --root $ROOT create --bundle $BUN c1 </dev/null >$T/out 2>&1
	it_result $? "$1: create" "$(cat $T/out)"
	it_is "$1: held to the $2 policy" "$(last .policy.from)" "$2"
	it_is "$1: profile" "$(last '.profiles[0].name')" "$3"
	if [ "$2" != current ]; then
		it_like "$1: the record says why" "$(last .policy.problem)" '.'
	fi
	it_ok "$1: start" $RT --root $ROOT start c1
	caps=$(sed -n 's/^CapEff:[[:space:]]*//p' "/proc/$($RT --root $ROOT state c1 | jq .pid)/status")
	it_unlike "$1: it runs, confined" "${caps:-not running}" '(f{6}|not running)'
	it_ok "$1: kill" $RT --root $ROOT kill c1 KILL
	it_ok "$1: delete" $RT --root $ROOT delete --force c1
}

fresh
life "all is well" current web

fresh
truncate -s 4000 "$STORE/$new/policy"
life "cut short" previous baseline

fresh
chown 1000 "$STORE/$new/policy"
life "somebody else's file" previous baseline

fresh
chown 1000 "$STORE/$new"
life "somebody else's directory" previous baseline

fresh
chown -h 1000 "$STORE"
life "somebody else's store" built-in restricted

fresh
rm -rf "${STORE:?}/$new" && ln -s /etc "$STORE/$new"
life "a link in its place" previous baseline

fresh
rm "$STORE/$new/policy" && mkfifo "$STORE/$new/policy"
life "a FIFO" previous baseline

fresh
rm -rf "${STORE:?}/$new" "${STORE:?}/$old"
life "both are gone" built-in restricted

fresh
mount -t tmpfs -o mode=000 x $STORE
life "an empty file system over the store" built-in restricted
umount $STORE

rm -rf /var/lib/cinch
life "nothing was ever applied" built-in restricted

# a damaged policy is repaired by applying again
fresh
printf x >"$STORE/$new/policy"
it_ok "apply again" "$B/cinchctl" apply
life "after that" current web

it_done

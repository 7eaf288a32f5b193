#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_hook - crun tells of a hook that fails only that it did: what people see all the same, when rules of a
# container's network cannot be, under ctr and podman.
# shellcheck source=integration/podman/world.sh
. "${BASH_SOURCE[0]%/*}/../podman/world.sh" || exit 1
IT_NEEDS="containerd ctr crun runc busybox podman conmon"
# crun wants one version of cgroups, not both
export PM_LEGACY=1
pm_enter "$0" "$@"

RT=/usr/local/sbin/cinch HOOK=/usr/local/sbin/cinch-hook
WHY='cinch-hook: rule [0-9]+ of chain [a-z0-9_]+: the kernel has no "fib": modprobe nft_fib_inet \(CONFIG_NFT_FIB_INET\)'

left() {
	find /run/cinch/net -type f -size +0 2>/dev/null
	find /run/crun -mindepth 1 2>/dev/null
	find "$T" -name 'log*.[0-9]*'
}

test_bundle() {
	it_bundle $T/b box || it_die "cannot make a bundle"
	cp $T/b/config.json $T/b/asked.json
	: >$T/log
	(cd $T && $RT --log log --log-format json create --bundle $T/b box) >$T/out 2>&1 </dev/null
	it_is "a log that is empty: the create fails" $? 255
	it_is "one JSON object is in it" "$(jq -s -c '[length, .[0].level]' $T/log)" '[1,"error"]'
	it_like "which says why" "$(jq -r .msg $T/log)" "^$WHY"
	cp $T/b/asked.json $T/b/config.json
	echo '{"level": "info", "msg": "somebody else"}' >$T/log
	$RT --log $T/log --log-format json create --bundle $T/b box >$T/out 2>&1 </dev/null
	it_is "a log that others have written to keeps that" "$(jq -s -c 'map(.level)' $T/log)" '["info","error"]'
	it_is "nothing is left" "$(left)" ""
}

test_ctr() {
	TMPDIR=$T/tmp it_containerd "" || it_die "no containerd"
	ctr -n "$IT_NS" images import $T/image.tar >/dev/null || it_die "ctr cannot load the image"
	it_like "ctr says why" "$(timeout 300 ctr -n "$IT_NS" run --rm --runc-binary $RT $IMAGE c1 true 2>&1 </dev/null)" \
		"^ctr: failed to create shim task: OCI runtime create failed: $WHY"
	it_is "ctr: nothing is left" "$(left)" ""
	it_containerd_stop
}

test_podman() {
	it_like "podman says why" "$(p run --rm --network none $IMAGE true)" "^Error: (OCI runtime error: )?cinch: $WHY: Operation not supported\$"
	it_is "podman: nothing is left" "$(left)" ""
}

pm_setup
printf '{"profile": "closed", "version": "1.0.0", "extends": ["baseline"], "network": {"preset": "isolated"}}\n' \
	>/etc/cinch/profiles/closed.json
it_apply "{\"runtime\": \"$(command -v crun)\", \"defaultProfile\": \"closed\"}"
mv $HOOK $HOOK.real
printf '#!/bin/sh\nexec %s fib -- %s "$@"\n' "$B/tests/prog_lack" $HOOK.real >$HOOK
chmod 755 $HOOK
test_bundle
test_podman
test_ctr
it_done

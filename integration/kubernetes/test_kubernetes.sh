#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_kubernetes - install.sh and uninstall.sh with a real containerd and its CRI: killed wherever the node's files
# have changed since the command before. After every kill containerd is restarted and starts a pod of the default runtime; a pod of the class
# cinch either runs and is held to its profile, or is refused since there is no such class; and a second
# run finishes. Nothing is taken from containers that still run. The manifests are what they should be.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh"
# shellcheck source=integration/cri/cri.sh
. "${BASH_SOURCE[0]%/*}/../cri/cri.sh"
[ -n "${IT_INSIDE:-}" ] || /usr/bin/python3 -c 'import yaml' 2>/dev/null || IT_NEEDS="$IT_NEEDS python3-yaml"
it_enter "$0" "$@"

HERE=$IT_TOP/integration/kubernetes
CONFIG=/etc/containerd/config.toml
SBIN=/usr/local/sbin
VAR=/var/lib/cinch
SRC=$T/cinch
CTR=$(command -v ctr)

# --- containerd, as a node has it: its configuration in the usual place ---

# shellcheck disable=SC2317 # called by it_until
loaded() { $CTR plugins ls | grep -Eq 'grpc\.v1 +cri .* ok *$'; }

start() {
	env -i PATH=$SBIN:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR="$TMPDIR" \
		setsid containerd >>$T/containerd.log 2>&1 </dev/null &
	IT_PIDS=($!)
	it_until loaded
	cri_client
}

prepare() {
	mkdir -p /etc/containerd /var/lib/containerd "$SRC/bin" "$SRC/config"
	mount -t tmpfs -o mode=711 cinch-test /var/lib/containerd
	cri_network
	cri_config /dev/null >$T/cri.toml
	{
		sed -n 1p $T/cri.toml
		printf 'root = "/var/lib/containerd"\nstate = "/run/containerd"\n'
		sed 1d $T/cri.toml
		printf '[plugins."io.containerd.internal.v1.opt"]\n  path = "%s"\n' $T/opt
		printf '[grpc]\n  address = "%s"\n' "$CONTAINERD_ADDRESS"
	} >$CONFIG
	cp $CONFIG $T/config.before
	cp "$B/cinch" "$B/cinch-hook" "$B/cinchctl" "$SRC/bin/"
	cp "$HERE/install.sh" "$HERE/uninstall.sh" "$SRC/"
	/usr/bin/python3 - "$HERE/profiles.yaml" "$SRC/config" <<-'EOF' || it_die "profiles.yaml"
		import sys, yaml
		for name, text in yaml.safe_load(open(sys.argv[1]))["data"].items():
		    open(sys.argv[2] + "/" + name, "w").write(text)
	EOF
	sed -i 's/"mode": "audit"/"mode": "enforce"/' "$SRC/config/cinch.json"
	start
	cri_images || it_die "images"
}

# The restart that a node does, in this test's place: the walk only notes it, what counts is looked at afterwards.
export CINCH_RESTART="echo >>$T/restarts" CINCH_WAIT=60

really_restart() {
	cri_down
	start
}

# --- is the node usable? ---

# Sets USABLE to which pods start: "runc", then what cinch does: "works", "absent", or something else, which is
# wrong. Not in a subshell: it starts containerd anew.
usable() {
	local pod text got
	really_restart
	if pod=$(cri_pod plain '') && [ "$(cri_output plain "$pod" 'echo up')" = up ]; then
		got=runc
	else
		got="no ordinary pod: $pod"
	fi
	cri_remove_pod "$pod"
	if pod=$(cri_pod held cinch); then
		text=$(cri_output held "$pod" 'grep CapBnd /proc/self/status')
		case $text in
		*0000000000000400) got="$got works" ;;
		*) got="$got weak: $text" ;;
		esac
		cri_remove_pod "$pod"
	else
		case $pod in
		*'no runtime for "cinch"'*) got="$got absent" ;;
		*) got="$got broken: $pod" ;;
		esac
	fi
	USABLE=$got
}

# What pods can notice; all that is there.
# shellcheck disable=SC2317 # called by digest
seen() {
	sha256sum "$CONFIG" "$SBIN/cinch" "$SBIN/cinch-baseline" 2>/dev/null
	readlink "$VAR/policy/current"
}
# shellcheck disable=SC2317 # called by digest
all() {
	seen
	[ -d "$VAR" ] || return
	find "$VAR" /etc/cinch "$SBIN" -name '*cinch*' -o -path "$VAR/*" -o -path '/etc/cinch/*' | sort
}
digest() { "$1" | sha256sum | cut -c 1-16; }

save() { # NAME: the node's files
	rm -rf "${T:?}/$1" && mkdir $T/"$1"
	cp -a /etc/containerd $T/"$1/containerd"
	cp -a /etc/cinch $T/"$1/etc"
	cp -a $SBIN $T/"$1/sbin"
	[ ! -d $VAR ] || cp -a $VAR $T/"$1/var"
}
load() { # NAME
	rm -rf $VAR $SBIN/*cinch* $SBIN/.*cinch* /etc/cinch/* /run/cinch
	cp -a $T/"$1"/containerd/. /etc/containerd/
	cp -a $T/"$1"/etc/. /etc/cinch/
	cp -a $T/"$1"/sbin/. $SBIN/
	[ ! -d $T/"$1/var" ] || cp -a $T/"$1/var" $VAR
}

# --- killed ---

# LIMIT SCRIPT [ARG...]: killed before its command number LIMIT
killed() {
	local limit=$1
	shift
	# shellcheck disable=SC2016 # expanded there
	LIMIT=$limit bash -c 'n=0; set -T; trap "n=\$((n + 1)); [ \$n -lt $LIMIT ] || kill -9 \$\$" DEBUG; . "$0"' \
		"$@" >$T/killed.out 2>&1 </dev/null
}

# SCRIPT [ARG...]: "NUMBER DIGEST" of the node's files before each command, as a kill there leaves them
watched() {
	export -f digest all seen
	export CONFIG SBIN VAR
	: >$T/states
	# shellcheck disable=SC2016 # expanded there
	STATES=$T/states bash -c 'n=0; set -T; trap "n=\$((n + 1)); echo \$n \$(digest all) >>$STATES" DEBUG; . "$0"' \
		"$@" >$T/watched.out 2>&1 </dev/null
}

# WHAT FROM TO WANTED-REGEX SCRIPT [ARG...]: from the state FROM, killed where the node's files have become
# others than before; a second run has to come to the state TO
walk() {
	local what=$1 from=$2 to=$3 want=$4 n got bad=0 states=0 finals=0 commands
	local -A looked=()
	local PATH=$T/quick:$PATH
	shift 4
	load "$from"
	watched "$@" || it_die "$what: $(tail -n 3 $T/watched.out)"
	commands=$(tail -n 1 $T/states | cut -d ' ' -f 1)
	while read -r n; do
		load "$from"
		{ killed "$n" "$@"; } 2>/dev/null && echo "# command $n: not killed" && bad=$((bad + 1))
		finals=$((finals + 1))
		got=$(digest seen)
		if [ -z "${looked[$got]:-}" ]; then
			looked[$got]=1
			states=$((states + 1))
			usable
			if ! grep -Eq "$want" <<<"$USABLE"; then
				bad=$((bad + 1))
				echo "# killed before command $n: $USABLE"
			fi
		fi
		if ! "$@" >$T/second.out 2>&1 </dev/null || [ "$(digest seen)" != "$to" ] ||
			[ -e $VAR/restart-pending ]; then
			bad=$((bad + 1))
			echo "# killed before command $n, second run: $(tail -n 3 $T/second.out)"
		fi
	done < <(awk '!seen[$2]++ {print $1}' $T/states)
	it_is "$what, $commands commands, killed in each of $finals states: pods start, a second run finishes" "$bad" 0
	it_ok "$what: these are enough ($states for pods)" [ $((commands > 40 && finals >= 5 && states >= 3)) = 1 ]
}

# --- one after the other ---

manifests() {
	local got
	got=$(/usr/bin/python3 - "$HERE"/*.yaml <<-'EOF'
		import sys, yaml
		need = {"RuntimeClass": ("handler",), "ConfigMap": ("data",), "DaemonSet": ("spec",), "Namespace": ()}
		for path in sys.argv[1:]:
		    for one in yaml.safe_load_all(open(path)):
		        assert one["apiVersion"] and one["metadata"]["name"], path
		        for key in need[one["kind"]]:
		            assert one[key], (path, key)
		        if one["kind"] == "DaemonSet":
		            labels = one["spec"]["template"]["metadata"]["labels"]
		            assert one["spec"]["selector"]["matchLabels"].items() <= labels.items(), path
		            pod = one["spec"]["template"]["spec"]
		            assert "runtimeClassName" not in pod, path
		            assert {m["name"] for c in pod["containers"] for m in c["volumeMounts"]} == \
		                {v["name"] for v in pod["volumes"]}, path
		        print(one["kind"], one["metadata"]["name"], one.get("handler", ""))
	EOF
	)
	it_is "the manifests" "$got" "Namespace cinch 
DaemonSet cinch-install 
ConfigMap cinch-profiles 
RuntimeClass cinch cinch
RuntimeClass cinch-baseline cinch-baseline
DaemonSet cinch-uninstall "
}

install() { sh "$SRC/install.sh"; }

test_install() {
	usable
	it_is "before" "$USABLE" "runc absent"
	it_ok "install.sh" install || it_done
	it_is "it asks for one restart" "$(wc -l <$T/restarts)" 1
	usable
	it_is "after: both runtimes" "$USABLE" "runc works"
	save installed
	INSTALLED=$(digest seen)
	it_ok "install.sh again" install
	it_is "which asks for none" "$(wc -l <$T/restarts)" 1
	it_is "and changes nothing" "$(digest seen)" "$INSTALLED"
}

test_wrong() {
	local out
	echo '{"profile": "broken", "mod": 1}' >"$SRC/config/broken.json"
	out=$(install 2>&1)
	it_like "a wrong profile: refused" "$out" 'broken\.json:1:.*unknown key "mod"'
	it_is "a wrong profile: the policy stays" "$(digest seen)" "$INSTALLED"
	rm "$SRC/config/broken.json"
	it_ok "without it" install
	it_ok "without it: it is gone from the node" [ ! -e /etc/cinch/profiles/broken.json ]
	load before
	printf '# DO NOT EDIT\n' | cat - $T/config.before >$CONFIG
	out=$(install 2>&1)
	it_like "a configuration that is not to be edited: refused" "$out" ':1: the file says that it is made'
	cp $T/config.before $CONFIG
	# it is read, and yet containerd does not come up with it
	out=$(PATH=$T/fake:$PATH CINCH_WAIT=2 CINCH_RESTART="touch $T/down" install 2>&1)
	it_like "containerd does not come up: refused" "$out" 'did not come up with cinch: its configuration is as it was'
	it_ok "containerd does not come up: every byte is back" cmp $T/config.before $CONFIG
	rm -f $T/down
	load installed
}

# ctr, for a containerd that is down after the restart, as long as cinch is in its configuration
fake_ctr() {
	mkdir -p $T/fake
	cat >$T/fake/ctr <<-EOF
		#!/bin/sh
		[ -e $T/down ] && grep -q cinch $CONFIG && exit 1
		exec $(command -v ctr) "\$@"
	EOF
	chmod +x $T/fake/ctr
}

# ctr for the walks, where the same containerd runs all the time: it takes a while to ask it
quick_ctr() {
	mkdir -p $T/quick
	# shellcheck disable=SC2016 # expanded there
	printf '#!/bin/sh\n[ "$1" = plugins ] && exec echo "io.containerd.grpc.v1 cri linux/amd64 ok"\nexec %s "$@"\n' \
		"$(command -v ctr)" >$T/quick/ctr
	chmod +x $T/quick/ctr
}

# Containers of cinch's keep the programs, which their engine needs to stop them.
test_running() {
	local pod id out
	load installed
	really_restart
	pod=$(cri_pod lives cinch)
	id=$(cri_run lives "$pod" main)
	out=$(sh "$SRC/uninstall.sh" 2>&1)
	it_is "a container runs: uninstall.sh says so" "$?" 3 || it_done
	it_like "a container runs: which one" "$out" 'containers run under cinch:'
	it_ok "a container runs: the program stays" [ -x $SBIN/cinch ]
	it_ok "a container runs: containerd's own configuration is back" cmp $T/config.before $CONFIG
	really_restart
	it_like "no new one starts" "$(cri_pod more cinch)" 'no runtime for "cinch"'
	it_is "exec still works, as it was allowed" "$(cri_exec "$id" /bin/echo here)" here
	# its records are gone, and yet it is not forgotten
	rm -rf /run/cinch
	out=$(sh "$SRC/uninstall.sh" 2>&1)
	it_is "without records, too: it stays" "$?" 3
	cri_remove "$id"
	cri_remove_pod "$pod"
	it_is "it was stopped and removed" "$(ctr -n k8s.io tasks ls -q)" ''
	it_ok "then uninstall.sh goes on" sh "$SRC/uninstall.sh"
	it_is "nothing is left" "$(find $SBIN $VAR /run/cinch -name '*cinch*' 2>/dev/null)" ''
	it_ok "but the configuration a person may have written" [ -d /etc/cinch ]
	usable
	it_is "and pods start" "$USABLE" "runc absent"
	it_ok "uninstall.sh again" sh "$SRC/uninstall.sh"
}

manifests
prepare
save before
fake_ctr
quick_ctr
test_install
test_wrong
walk install.sh before "$INSTALLED" '^runc (works|absent)$' "$SRC/install.sh"
load before
walk uninstall.sh installed "$(digest seen)" '^runc (works|absent)$' "$SRC/uninstall.sh"
test_running
cri_down
it_done

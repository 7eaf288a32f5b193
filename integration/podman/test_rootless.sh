#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_rootless - the podman of a user without root's rights, through cinch: he is held to the node's policy, his
# records and his log are where he may write, and nothing of root's is touched.
# shellcheck source=integration/podman/world.sh
. "${BASH_SOURCE[0]%/*}/world.sh" || exit 1
IT_NEEDS="podman conmon runc busybox slirp4netns newuidmap setpriv useradd"
export PM_LEGACY=1 # crun wants one version of cgroups, not both
pm_enter "$0" "$@"

NAME=cinchtest
JOURNAL=/run/log/journal

# A user with a home, a runtime directory and subordinate ids; devices that only udev would have opened.
make_user() {
	it_overlay /home && mkdir /home/$NAME && mount -t tmpfs -o mode=700 cinch-test /home/$NAME || return 1
	echo CREATE_MAIL_SPOOL=no >>/etc/default/useradd
	useradd -M -d /home/$NAME -s /bin/bash $NAME || return 1
	ID=$(id -u $NAME)
	grep -q "^$NAME:" /etc/subuid || return 1
	chown $NAME: /home/$NAME && mkdir -p "/run/user/$ID" && chmod 755 /run/user &&
		mount -t tmpfs -o "mode=700,uid=$ID,gid=$ID" cinch-test "/run/user/$ID" || return 1
	mkdir $T/dev && mknod -m 666 $T/dev/tun c 10 200 && mknod -m 666 $T/dev/fuse c 10 229 || return 1
	[ ! -e /dev/net/tun ] || mount --bind $T/dev/tun /dev/net/tun || return 1
	[ ! -e /dev/fuse ] || mount --bind $T/dev/fuse /dev/fuse || return 1
	mount --make-rshared / # what podman expects of a system
	chmod 755 $T && chmod 644 $T/image.tar
}

as() { # COMMAND...: as that user, from his home
	(cd /home/$NAME && timeout 300 setpriv --reuid "$ID" --regid "$ID" --init-groups env -i \
		HOME=/home/$NAME USER=$NAME PATH=/usr/local/bin:/usr/bin:/bin "XDG_RUNTIME_DIR=/run/user/$ID" \
		"$@" 2>&1 </dev/null)
}
u() { as podman "$@"; }

records() { find "/run/user/$ID/cinch" -name '*.json' 2>/dev/null; }

traces() {
	local p
	{
		awk '$5 !~ "/storage/overlay$|/netns$" {print "mount", $5}' /proc/self/mountinfo
		for p in /proc/[0-9]*; do
			readlink "$p/exe" 2>/dev/null
		done | grep -Ev '/(bash|[gm]?awk|readlink|grep|sort|find|jq|timeout|catatonit|systemd-journald)$'
		find "/run/user/$ID/runc" -mindepth 1 2>/dev/null
		find "/run/user/$ID" /home/$NAME -user root 2>/dev/null
		u ps -aq --external --no-trunc
	} | sort
}

clean() { # WHAT BEFORE
	it_clean "$1" "$2" traces
}

# --- from inside ---

test_inside() {
	local got n
	got=$(u run --rm $IMAGE /bin/sh -c "$IT_LOOK"'; sed "s/  */ /g; s/^/map=/" /proc/self/uid_map')
	it_is "user" "$(it_value "$got" id)" "uid=65532(nonroot) gid=65532(nonroot)"
	it_is "root of the container is the user" "$(it_value "$got" map)" " 0 $ID 1"
	it_is "bounding set" "$(it_value "$got" CapBnd)" $NET_BIND
	it_is "inheritable set" "$(it_value "$got" CapInh)" 0000000000000000
	it_is "effective set" "$(it_value "$got" CapEff)" 0000000000000000
	it_is "NoNewPrivs" "$(it_value "$got" NoNewPrivs)" 1
	it_is "Seccomp" "$(it_value "$got" Seccomp)" 2
	it_is "writing the root file system" "$(it_value "$got" write_root)" no
	it_is "writing /tmp" "$(it_value "$got" write_tmp)" yes
	it_is "executing from /tmp" "$(it_value "$got" exec_tmp)" no
	it_is "a set-user-id program" "$(it_value "$got" suid)" no
	it_is "masked files are empty" "$(it_value "$got" masked_bytes)" 0
	for n in mnt pid net ipc uts; do
		it_unlike "own $n namespace" "$(it_value "$got" ns_$n)" \
			"^($(readlink /proc/self/ns/$n | sed 's/[][]/\\&/g')|)\$"
	done
	it_like "a network of slirp4netns" "$(u run --rm $IMAGE ip -4 -o a)" 'tap0 .*inet 10\.0\.2\.100'
	got=$(u --runtime-flag cinch-profile=baseline run --rm --privileged $IMAGE /bin/sh -c "$IT_LOOK"'; ls /dev')
	it_is "--privileged, baseline: user" "$(it_value "$got" id)" "uid=0(root) gid=0(root)"
	it_is "--privileged, baseline: bounding set" "$(it_value "$got" CapBnd)" $NINE
	it_is "--privileged, baseline: Seccomp" "$(it_value "$got" Seccomp)" 2
	it_unlike "--privileged, baseline: devices of the host" "$got" '^(kmsg|fuse|mem|loop.*|[sv]d[a-z]|net)$'
}

test_probe() {
	local line n=0
	while read -r line; do
		case $line in
		not\ ok\ *": ENOSYS, want EPERM or alike"*) it_result 0 "probe: ${line#*- }" ;;
		ok\ *) it_result 0 "probe: ${line#*- }" ;;
		not\ ok\ *) it_result 1 "probe: ${line#*- }" ;;
		1..*) n=${line#1..} ;;
		esac
	done < <(u run --rm $IMAGE /bin/probe restricted)
	it_ok "probe: came to its end ($n rows)" [ "$n" -gt 60 ]
}

# --- refused ---

refused() { # WHAT WANT-REGEX OPTION...
	local what=$1 want=$2 got rc
	shift 2
	got=$(u run --rm "$@" $IMAGE /bin/echo started)
	rc=$?
	it_is "refused: $what: exit status" $rc 126
	it_like "refused: $what: podman says why" "$got" \
		"^Error: OCI runtime error: cinch: cinch: refused by profile [a-z]+: .*$want"
	it_unlike "refused: $what: did not run" "$got" '^started'
	clean "refused: $what: nothing left behind" "$REFUSED_BEFORE"
}

test_refused() {
	REFUSED_BEFORE=$(traces)
	refused "host network" "namespaces: .*network" --net host
	refused "host pids" "namespaces: .*pid" --pid host
	refused "the host's /" "mounts: " -v /:/h
	refused "his whole home" "mounts: " -v /home/$NAME:/h
	refused "his store" "mounts: " -v /home/$NAME/.local/share/containers/storage:/s
	refused "his state records" "mounts: " -v "/run/user/$ID/cinch:/s"
	refused "two reasons at once" "namespaces: .*; mounts: |mounts: .*; namespaces: " --pid host -v /:/h
}

# --- later ---

test_exec() {
	local look='id -u; grep -E "^(Cap(Eff|Bnd)|NoNewPrivs):" /proc/self/status | sed "s/.*:[[:space:]]*//"'
	local how want="65532
0000000000000000
0000000000000000
1"
	u run -d --name e1 $IMAGE sleep 1000 >/dev/null
	for how in "" "--user 0" "--privileged"; do
		# shellcheck disable=SC2086 # options
		it_is "exec $how" "$(u exec $how e1 sh -c "$look")" "$want"
	done
	it_like "exec -w /proc/self/fd/7" "$(u exec -w /proc/self/fd/7 e1 pwd)" \
		'refused by profile restricted: process: .*/proc/self/fd/7'
	u exec e1 sh -c 'exit 7' >/dev/null
	it_is "exec: exit status" $? 7
	it_is "pause, unpause, top" "$(u top e1 comm | tail -n 1)" sleep
	it_is "restart" "$(u restart -t 0 e1)" e1
	it_is "exec after it" "$(u exec e1 id -u)" 65532
	it_is "stop" "$(u stop -t 0 e1)" e1
	it_is "rm" "$(u rm e1)" e1
}

test_state() {
	local f
	u run -d --name s1 $IMAGE sleep 1000 >/dev/null
	f=$(records | xargs -r grep -l '"container":"s1"')
	it_is "the state record is the user's alone" "$(stat -c '%U %a' "$f" "${f%/*}" "/run/user/$ID/cinch" | tr '\n' ' ')" \
		"$NAME 600 $NAME 700 $NAME 700 "
	it_is "... and the directory of root's records is not there" "$(find /run/cinch -type f 2>/dev/null)" ""
	it_is "cinchctl ps shows it to him" "$(as /usr/local/sbin/cinchctl ps --json |
		jq -r '.. | objects | select(.container == "s1") | .engine' | head -n 1)" podman
	rm -f "$f"
	it_like "without it exec is refused" "$(u exec s1 id)" 'no state record.*restart it'
	u rm -f -t 0 s1 >/dev/null
	u run --rm $IMAGE true
	it_ok "records do not pile up" [ "$(records | wc -l)" -le 10 ]
}

# He may read the policy, and not write it; what he sets up for himself changes nothing.
test_policy() {
	local f='[.policy.from, .select, [.profiles[].name]]'
	as mkdir -p .config/cinch bin
	as sh -c 'echo "{\"defaultProfile\": \"baseline\"}" >.config/cinch/cinch.json
		printf "#!/bin/sh\necho not runc\n" >bin/runc; chmod +x bin/runc'
	it_is "neither his files nor his PATH count" \
		"$(as env PATH=/home/$NAME/bin:/usr/bin:/bin podman run --rm $IMAGE id -u)" 65532
	it_is "a rule of the node's policy" "$(u run --rm --name base-u $IMAGE id -u)" 0
	it_like "he cannot write it" "$(as touch /var/lib/cinch/policy/x)" 'Permission denied'
	it_like "he cannot apply one" "$(as /usr/local/sbin/cinchctl apply; echo "$?")" '[12]$'
	it_is "without XDG_RUNTIME_DIR" "$(as env -u XDG_RUNTIME_DIR podman run --rm $IMAGE id -u)" 65532
}

# --- the log ---

journal_start() {
	local program=/lib/systemd/systemd-journald
	[ -x $program ] || program=/usr/lib/systemd/systemd-journald
	[ -x $program ] && command -v journalctl >/dev/null || return 1
	mkdir -p /run/systemd/journal $JOURNAL
	[ -s /etc/machine-id ] || tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
	$program >/dev/null 2>&1 &
	JOURNALD=$!
	it_until [ -S /run/systemd/journal/socket ]
}

journal() { # JQ-FILTER over the entries of cinch
	journalctl --directory=$JOURNAL --all -o json --no-pager -t cinch 2>/dev/null | jq -c "$1"
}
# shellcheck disable=SC2317 # called by it_until
journal_has() { journal "$1" | grep -q .; }

test_log() {
	local n own
	n=$(stat -c '%s' $AUDIT)
	it_is "the log of root is not his" "$(as cat $AUDIT | grep -c seq)" 0
	it_is "a start without a place for its record" "$(u run --rm $IMAGE id -u)" 65532
	it_apply "${NODE%\}}, \"audit\": {\"required\": true}}"
	n=$(stat -c '%s' $AUDIT)
	it_like "audit.required, and no place: refused" "$(u run --rm $IMAGE id)" \
		'^Error: .*cinch: audit record: open /var/log/cinch/audit.jsonl: Permission denied'
	it_is "... root's own log is as it was" "$(stat -c '%s' $AUDIT)" "$n"
	if ! journal_start; then
		it_skip "the journal" "no systemd-journald here"
		it_apply "$NODE"
		return
	fi
	it_apply "$NODE"
	u run --rm $IMAGE true
	it_ok "the journal is told that there is no place" it_until journal_has \
		"select(.PRIORITY == \"3\" and (.MESSAGE | test(\"audit record: .*Permission denied\")))"
	it_apply "${NODE%\}}, \"audit\": {\"required\": true, \"journald\": true}}"
	it_is "audit.required, and the journal takes it" "$(u run --rm --name j1 $IMAGE id -u)" 65532
	own='.CINCH_RECORD // "{}" | fromjson | select(.container == "j1")'
	it_ok "the journal has the record" it_until journal_has "$own | select(.verb == \"create\")"
	it_is "... of engine, image and profile" \
		"$(journal "$own | select(.verb == \"create\") | [.engine, .image.name, .profiles[0].name, .result]")" \
		'["podman","localhost/busybox:1","restricted","changed"]'
	it_is "... and of who it was, root only in his own namespace" \
		"$(journal "$own | select(.verb == \"create\") | [.caller.uid, .caller.hostUid]")" "[0,$ID]"
	it_is "... which the journal has seen itself" "$(journal "select(.CINCH_RECORD // \"\" |
		test(\"\\\"container\\\":\\\"j1\\\"\")) | ._UID" | sort -u)" "\"$ID\""
	u run --rm --net host $IMAGE id >/dev/null
	it_ok "a refusal is in it, too" it_until journal_has \
		'select(.CINCH_RESULT == "refused" and .PRIORITY == "4") | select(.MESSAGE | test("host.s network"))'
	u run -d --name j2 $IMAGE sleep 1000 >/dev/null
	u exec j2 id >/dev/null
	u rm -f -t 0 j2 >/dev/null
	own=${own/j1/j2}
	it_until journal_has "$own | select(.verb == \"delete\")"
	it_is "and what is done to a container" "$(journal "$own | .verb" | sort -u | tr '\n' ' ')" \
		'"create" "delete" "exec" "kill" '
	it_is "root's log has only root's" "$(jq -c .caller.uid $AUDIT | sort -u)" 0
	it_unlike "root's log has no container of his" "$(cat $AUDIT)" '"container":"j[12]"'
	kill "$JOURNALD"
	wait "$JOURNALD" 2>/dev/null
	it_apply "$NODE"
}

test_pod() {
	u pod create --name pp >/dev/null
	it_is "pod: two members" "$(u run -d --pod pp --name m1 $IMAGE sleep 1000 >/dev/null
		u run --rm --pod pp $IMAGE id -u)" 65532
	u pod rm -f -t 0 pp >/dev/null
	mkdir -p /home/$NAME/context
	printf 'FROM %s\nRUN id -u >/data/who\nCMD ["cat", "/data/who"]\n' $IMAGE >/home/$NAME/context/Containerfile
	chown -R $NAME: /home/$NAME/context
	# a build without root's rights binds the host's /sys into each step
	it_like "build: refused, and why" "$(u build -t localhost/built:1 context)" \
		'cinch: refused by profile baseline: mounts: mount of /sys on /sys'
	it_like "build --isolation chroot: without a runtime" \
		"$(u build --isolation chroot -t localhost/built:1 context)" 'Successfully tagged'
	u rmi -f localhost/built:1 >/dev/null
}

test_crun() {
	local got
	if ! command -v crun >/dev/null; then
		it_skip "crun" "not installed (make deps)"
		return
	fi
	it_apply "${NODE%\}}, \"runtime\": \"$(command -v crun)\"}"
	it_is "crun: user" "$(u run --rm $IMAGE id -u)" 65532
	it_is "crun: --group-add keep-groups" "$(u run --rm --group-add keep-groups $IMAGE id -G)" 65532
	u run -d --name c1 $IMAGE sleep 1000 >/dev/null
	got=$(u exec --privileged --user 0 c1 sh -c 'id -u; grep CapBnd: /proc/self/status')
	it_is "crun: exec --privileged --user 0" "$(tr -d '\t\n' <<<"$got")" "65532CapBnd:0000000000000000"
	it_is "crun: its state is in his runtime directory" \
		"$(find "/run/user/$ID/crun" -mindepth 1 -maxdepth 1 | wc -l)" 1
	it_like "crun: refused, and why" "$(u run --rm --pid host $IMAGE id)" \
		'^Error: OCI runtime error: cinch: cinch: refused by profile restricted: namespaces: '
	it_is "crun: rm" "$(u rm -f -t 0 c1)" c1
	it_apply "$NODE"
}

# Rules of the network, which he has made in namespaces of his own, with no right on the host.
test_network() {
	local got
	mkdir -p /etc/cinch/profiles
	printf '{"profile": "isolated", "version": "1", "extends": ["restricted"], "network": {"preset": "isolated"}}\n' \
		>/etc/cinch/profiles/isolated.json
	printf '{"profile": "%s", "version": "1", "extends": ["isolated"], %s}\n' \
		wide '"network": {"preset": "open"}' >/etc/cinch/profiles/wide.json
	printf '{"profile": "%s", "version": "1", "extends": ["isolated"], %s}\n' \
		hosted '"namespaces": {"host": ["network"]}, "audit": ["mounts"]' >/etc/cinch/profiles/hosted.json
	it_apply '{"defaultProfile": "isolated", "select": [{"container": "wide", "profile": "wide"}, {"container": "*-infra", "profile": "wide"},
		{"container": "hosted", "profile": "hosted"}]}'
	it_is "network: it starts" "$(u run -d --name n1 $IMAGE sleep 1000 2>&1 | tr -d 0-9a-f)" ""
	got=$(u exec n1 nc -w 5 169.254.169.254 80)
	it_like "network: a metadata service is refused" "$got" 'refused'
	it_is "network: his registry has it" "$(find "/run/user/$ID/cinch/net/containers" -type f | wc -l)" 1
	it_is "network: root's has not" "$(find /run/cinch/net -type f 2>/dev/null | wc -l)" 0
	it_is "network: rm" "$(u rm -f -t 0 n1)" n1
	it_is "network: it is gone with it" "$(find "/run/user/$ID/cinch/net/containers" -type f | wc -l)" 0
	it_is "network: none: it starts, and talks to nobody" \
		"$(u run --rm --network none $IMAGE /bin/net udp 169.254.169.254 80)" ENETUNREACH
	it_like "network: the host's: refused" "$(u run --rm --network host --name hosted $IMAGE id)" \
		'cinch-hook: network of the host: rules cannot tell this container from the host'
	# his containers have no cgroups of their own: in a pod each has what all of them allow
	u pod create --name np >/dev/null
	u run -d --pod np --name wide $IMAGE sleep 1000 >/dev/null
	it_is "network: one in a pod has its own rules" "$(u exec wide /bin/net udp 10.0.2.2 9)" sent
	u run -d --pod np --name narrow $IMAGE sleep 1000 >/dev/null
	it_is "network: two have what both allow" "$(u exec wide /bin/net udp 10.0.2.2 9) $(u exec narrow /bin/net udp 10.0.2.2 9)" \
		"EPERM EPERM"
	u pod rm -f -t 0 np >/dev/null
	rm /etc/cinch/profiles/{isolated,wide,hosted}.json
	it_apply "$NODE"
}

pm_setup
make_user || it_die "cannot make a user"
u load -q -i $T/image.tar >/dev/null || it_die "his podman cannot load the image"
u run --rm $IMAGE true
BEFORE=$(traces)
test_inside
test_probe
test_refused
test_exec
test_state
test_policy
test_log
test_pod
test_network
test_crun
clean "nothing is left, and nothing of root's in his places" "$BEFORE"
it_done

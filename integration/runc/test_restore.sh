#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_restore - restore is held to what a create is, and the checkpoint to that. CRIU does not work on every
# kernel: what the runtime gets is seen by a program in its place; real runc says in its own words that it has
# no CRIU, after cinch let it.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
# shellcheck disable=SC2034 # read by it_enter
IT_NEEDS="runc busybox"
it_enter "$0" "$@"
it_install

RT=/usr/local/sbin/cinch ROOT=$T/roots/runc LOG=$T/log.json BUN=$T/bundle IMG=$T/images
MAKE=$B/tests/prog_criu
FILES="core-1.img ids-1.img inventory.img seccomp.img"
AUDIT=/var/log/cinch/audit.jsonl
mkdir -p "$ROOT" $T/work

# Stands in for the runtime: what it was called with, and what lies where it was told to look.
cat >/usr/local/sbin/seen-runtime <<'END'
#!/bin/bash
printf '%s\n' "$@" >/run/t/argv
for ((i = 1; i <= $#; i++)); do
	if [ "${!i}" = --image-path ]; then
		at=$((i + 1))
		# whoever puts another directory in the place of the one that was looked at
		[ ! -e /run/t/swap ] || { mv /run/t/images /run/t/images.judged && mkdir /run/t/images; }
		ls "${!at}" | sort | paste -sd ' ' >/run/t/listed
	fi
done
END
chmod 755 /usr/local/sbin/seen-runtime

status=0 err=''
cinch() { # ARG...
	rm -f "$LOG" $T/argv $T/listed
	timeout 300 env PATH="${FOUND:-$PATH}" "$RT" --root "$ROOT" --log "$LOG" --log-format json "$@" >$T/out 2>$T/err </dev/null
	status=$?
	err=$(cat $T/err)
}

fresh() { # WORD...: a bundle as an engine makes it, and a checkpoint of one process
	rm -rf "$IMG" "$IMG.judged"
	mkdir -m 700 "$IMG"
	"$MAKE" "$IMG" 1 "$@" || it_die "cannot write a checkpoint"
	it_bundle "$BUN" r1 '.process.user = {uid: 0, gid: 0} | .process.noNewPrivileges = false |
		.process.capabilities.bounding += ["CAP_SYS_ADMIN"] |
		.process.capabilities.permitted += ["CAP_SYS_ADMIN"] | .annotations = {"org.criu.config": "/tmp/x"}'
}

last() { tail -n 1 $AUDIT | jq -r "$1"; }

restore() { # ARG...: as podman does it
	cinch restore --bundle "$BUN" --pid-file $T/pid --detach --image-path "$IMG" --work-path $T/work "$@" r1
}

# --- what is within the profile ---

it_apply '{"runtime": "/usr/local/sbin/seen-runtime"}'

fresh
restore
it_is "a checkpoint that carries no more is restored" "$status $err" "0 "
it_is "config.json is tightened as for a create" \
	"$(jq -c '[.process.user.uid, .process.noNewPrivileges, .root.readonly, .annotations["org.criu.config"],
		(.process.capabilities.bounding | index("CAP_SYS_ADMIN")), (.linux.seccomp | type)]' $BUN/config.json)" \
	'[65532,true,true,null,null,"object"]'
it_is "the runtime finds the images" "$(cat $T/listed)" "$FILES"
it_like "by the descriptor that was looked at" "$(paste -sd ' ' $T/argv)" \
	" restore .* --work-path $T/work --image-path /proc/self/fd/[0-9]+ -- r1\$"
it_is "the record says what it was" "$(last '[.verb, .id, .result] | join(" ")')" "restore r1 changed"
it_is "and what was restored" "$(last .checkpoint)" "$IMG"
it_is "with the state of the container, though there was none" \
	"$(find /run/cinch -name 'r1.json' | wc -l)" 1

fresh
cinch restore --image-path "$IMG" --work-path $T/work --detach --pid-file $T/pid -no-subreaper --bundle "$BUN" r1
it_is "as containerd calls it, with one dash" "$status $err" "0 "
it_like "the dash becomes two" "$(paste -sd ' ' $T/argv)" ' --no-subreaper '

fresh
touch $T/swap
restore
rm -f $T/swap
it_is "a directory put in its place is not what is restored" "$(cat $T/listed)" "$FILES"

fresh
ln -sfn "$IMG" $T/link
cinch restore --bundle "$BUN" --image-path $T/link r1
it_is "a link of root's to the directory will do" "$status $(cat $T/listed)" "0 $FILES"

fresh
restore --lsm-profile apparmor:unconfined --lsm-mount-context x --manage-cgroups-mode full --no-pivot
it_is "flags that weaken leave the line" "$status $(grep -Ec 'lsm|cgroups|pivot' $T/argv)" "0 0"

fresh
"$MAKE" "$IMG" 2 state=-1 && "$MAKE" "$IMG" 3 state=2 creds=no && : >"$IMG/pages-1.img"
restore
it_is "threads and zombies are looked at, too" "$status $err" "0 "

# --- what is not ---

# WHAT REGEX: refused with one line that says it, and the runtime never called
refused() {
	local what=$1 want=$2 before
	shift 2
	before=$(sha256sum <$BUN/config.json)
	"${@:-restore}"
	it_is "$what: refused" "$status" 1
	it_like "$what: with the reason" "$err" "$want"
	it_is "$what: one object in the log, the same text" \
		"$(jq -cs 'map(.level)' $LOG) $(jq -r .msg $LOG)" "[\"error\"] $err"
	it_is "$what: the runtime was not called, the bundle is as it was" \
		"$(ls $T/argv 2>/dev/null)$(sha256sum <$BUN/config.json)" "$before"
	it_is "$what: recorded" "$(last .result)" refused
}

fresh uid=0
refused "a process of root's" 'user: the checkpoint carries uid 0, which counts as root; start the container anew \(core-1.img\)'
fresh prm=0x200000 bnd=0x200000
refused "CAP_SYS_ADMIN" 'capabilities: .*CAP_SYS_ADMIN \(permitted\), CAP_SYS_ADMIN \(bounding\)'
fresh nnp=-1
refused "no_new_privs of an old CRIU" 'noNewPrivileges: .*CRIU keeps it from 3.19 on'
fresh node=2
refused "a process of the node's network" "namespaces: the checkpoint would run in the node's own namespaces: network; start"
fresh mode=0
refused "no filter" 'seccomp: the checkpoint carries no filter'
fresh open
refused "a filter that lets everything pass" 'seccomp: the checkpoint carries a filter that lets pass acct, add_key'
fresh uid=0 gid=0 prm=0x1ffffffffff nnp=0 mode=0 oom=-1000 rlimit=4:9
refused "all at once" 'user: .*; capabilities: .*more'
fresh
rm "$IMG/core-1.img"
refused "no process" 'it has no image of a process'
fresh
echo damaged >"$IMG/core-9.img"
refused "one damaged among others" 'core-9.img: is cut'
fresh
chmod o+w "$IMG"
refused "a directory of everybody's" 'can be written by others \(mode 0702\)'
fresh
chown 65532 "$IMG/core-1.img"
refused "an image of somebody else's" 'core-1.img belongs to user 65532'
fresh
refused "no --image-path" 'it is not given' cinch restore --bundle "$BUN" --detach r1
fresh
refused "--lazy-pages" '--lazy-pages takes the memory from a server' restore --lazy-pages
fresh uid=0
jq '.process.cwd = "/proc/self/fd/7"' $BUN/config.json >$T/c && cp $T/c $BUN/config.json
refused "a bundle that is refused, and its checkpoint" 'CVE-2024-21626.*user: the checkpoint carries uid 0'
it_is "nothing of what was refused is remembered" "$(find /run/cinch -name '.tmp-*' | wc -l)" 0

# --- other profiles, other modes ---

fresh uid=0 gid=0 euid=0
cinch --cinch-profile baseline restore --bundle "$BUN" --image-path "$IMG" --work-path $T/work r1
it_is "a profile that allows root restores root" "$status $err" "0 "
it_apply '{"runtime": "/usr/local/sbin/seen-runtime", "mode": "audit"}'
fresh uid=0 prm=0x200000
before=$(jq -S . $BUN/config.json | sha256sum)
restore
it_is "a node in audit mode restores it, and changes nothing" "$status $(jq -S . $BUN/config.json | sha256sum)" "0 $before"
it_is "and says what it would have refused" \
	"$(last '[.wouldRefuse, ([.changes[] | select(.kind == "deny") | .control] | unique | map(select(. == "user" or . == "capabilities")))] | tostring')" \
	'[true,["capabilities","user"]]'
cinch restore --bundle "$BUN" --image-path $T/none r1
it_is "also without images: the path goes on as it is" "$status $(grep -A 1 -e --image-path $T/argv | tail -n 1)" "0 $T/none"

# --- the real runtime ---

it_apply "{\"runtime\": \"$RUNC\"}"
fresh
FOUND=$T/nowhere restore # where there is a CRIU, it is not found
it_is "runc is called, and has no CRIU here: status" "$([ $status -ne 0 ] && echo failed)" failed
it_like "in its own words" "$err" '[cC][rR][iI][uU]'
it_unlike "not in ours" "$err" 'refused by profile'
it_is "config.json was tightened for it" "$(jq .process.user.uid $BUN/config.json)" 65532
it_is "no container came of it" "$("$RUNC" --root "$ROOT" list -q)" ""
it_done

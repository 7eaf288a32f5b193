#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_signatures - packs that the stock minisign signs: sign and verify, minisign and cinchctl agree about the
# same files, archives of every tar that is here, a signing that goes wrong or is killed; and what apply makes
# of packs on a node that requires signatures.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
IT_NEEDS="minisign busybox tar"
it_enter "$0" "$@"

CTL=$B/cinchctl
W=$T/work
mkdir -p $W /etc/cinch/keys
cd $W || it_die "no place to work in"

# Runs cinchctl; $status, $out and $err are what it left.
status=0 out='' err=''
ctl() {
	timeout 300 "$CTL" "$@" >$T/out 2>$T/err </dev/null
	status=$?
	out=$(cat $T/out) err=$(cat $T/err)
}

is() { # WHAT STATUS REGEX: of the last ctl
	it_is "$1: exit status" "$status" "$2"
	it_like "$1: words" "$out$err" "$3"
}

profile() { # NAME [VERSION]
	printf '{"profile": "%s", "version": "%s", "extends": ["restricted"]}\n' "$1" "${2:-1.0.0}"
}

pack() { # DIRECTORY: two profiles and a filter, not yet signed
	rm -rf "$1" && mkdir -p "$1/seccomp" && profile acme-web >"$1/acme-web.json" &&
		profile acme-db >"$1/acme-db.json" &&
		printf '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"}]}\n' \
			>"$1/seccomp/tiny.json"
}

keys() {
	local k
	for k in acme other; do
		minisign -G -W -p $k.pub -s $k.key >/dev/null 2>&1 </dev/null || it_die "minisign -G"
	done
	printf 'pass\npass\n' | minisign -G -p locked.pub -s locked.key >/dev/null 2>&1
	install -m 644 acme.pub /etc/cinch/keys/
}

# What minisign says of the manifest in DIRECTORY and the signature FILE: yes or no.
stock() { minisign -V -q -p acme.pub -m "$1/manifest.json" -x "$2" >/dev/null 2>&1 && echo yes || echo no; }

test_sign() {
	local id
	pack p
	ctl profile sign p --name acme --version 1.4.0
	is "without a key" 0 "minisign -S -s SECRET-KEY -m 'p/manifest.json'"
	it_is "the manifest says it all" "$(jq -c '[.pack, .version, (.files | keys)]' p/manifest.json)" \
		'["acme","1.4.0",["acme-db.json","acme-web.json","seccomp/tiny.json"]]'
	it_is "with digests sha256sum agrees to" \
		"$(jq -r '.files | to_entries[] | "\(.value)  p/\(.key)"' p/manifest.json | sha256sum -c --quiet 2>&1)" ""
	ctl profile verify p
	is "unsigned" 1 'not trusted: p: not signed'
	sh -c "$(ctl profile sign p --name acme --version 1.4.0 --json &&
		jq -r .next $T/out | sed 's/SECRET-KEY/acme.key/')" >/dev/null
	ctl profile verify p
	is "the printed command signs" 0 '^trusted'
	id=$(printf %16s "$(sed -n 's/.*public key //p' acme.pub)" | tr ' ' 0) # 0.11 has no zeros before
	it_like "with the id minisign gave the key" "$out" "^signer +$id"
	it_like "and its comment" "$out" 'file:manifest.json hashed'
	ctl profile sign p --name acme --version 1.4.0 --output p.tar
	is "the same again keeps the signature" 0 "its signature by key $id stays"
	ctl profile verify p.tar
	is "the archive is signed" 0 '^trusted'
	ctl profile sign p --name acme --version 1.4.0 --output p2.tar
	it_ok "the same bytes twice" cmp p.tar p2.tar
	ctl profile sign p --name acme --version 1.4.1 --key acme.key --json
	is "with --key" 0 "\"signer\": \"$id\""
	ctl profile verify p --json
	it_is "verify as JSON" "$(jq -c '[.pack, .version, .result, .signer, .keyFile]' $T/out)" \
		"[\"acme\",\"1.4.1\",\"trusted\",\"$id\",\"/etc/cinch/keys/acme.pub\"]"
	it_is "no secret directory is left" "$(ls -d $TMPDIR/cinchctl-sign-* 2>/dev/null)" ""
	ctl profile sign p --name acme --version 1.4.0
	is "an older version" 0 'newer version 1.4.1: nodes that have it will refuse'
	it_ok "and the signature that is not its own is gone" test ! -e p/manifest.json.minisig
}

# shellcheck disable=SC2317 # called by it_until
no_echo() { # minisign waits for a password
	local pid
	pid=$(pgrep -x minisign) && stty -a -F "$(readlink "/proc/$pid/fd/0")" | grep -q -- '-echo '
}

test_password() {
	command -v script >/dev/null || { it_skip "a key with a password" "no script(1)"; return; }
	pack p
	# a terminal: minisign reads the password from it, and cinchctl does not
	mkfifo $T/typed
	exec 7<>$T/typed
	timeout 300 script -qec "$CTL profile sign p --name acme --version 1.0.0 --key locked.key" $T/tty \
		<&7 >/dev/null 2>&1 &
	it_until no_echo
	echo pass >&7
	wait $!
	exec 7>&-
	ctl profile verify p --keys .
	is "a key with a password" 0 'key +./locked.pub'
	it_unlike "the password is not shown" "$(cat $T/tty)" 'pass$'
}

test_wrong_profiles() {
	pack p
	echo '{"profile": "acme-db", "version": "1.0.0", "capabilites": []}' >p/acme-db.json
	echo '{"profile": "other", "version": "1.0.0"}' >p/acme-web.json
	ctl profile sign p --version 1.0.0 --key acme.key
	is "wrong profiles" 2 'p/acme-db.json:1:44: unknown key "capabilites", did you mean "capabilities"'
	it_like "all of them" "$err" 'the profile is named "other", the file "acme-web.json"'
	it_like "and how many" "$err" '2 of 3 files must be corrected'
	it_ok "no manifest is written" test ! -e p/manifest.json
	pack p
	echo '{"defaultAction": "SCMP_ACT_NONE"}' >p/seccomp/tiny.json
	ctl profile sign p --version 1.0.0
	is "a wrong filter" 2 'p/seccomp/tiny.json'
	pack p
	echo "read me" >p/README
	ctl profile sign p --version 1.0.0
	is "another file" 2 '"README" does not belong into a pack'
	pack p
	ctl profile sign p
	is "no version" 2 '--version is missing'
	ctl profile sign p --version 1.4
	is "half a version" 2 '--version "1.4": expected one as semver.org'
	ctl profile sign p --version 1.4.0 --name "Acme Inc."
	is "a name that is none" 2 'cannot be the name of a pack'
	ctl profile sign p --version 1.4.0 --output p/p.tar
	is "an archive in itself" 2 'in the pack itself'
	ctl profile sign p --version 1.4.0 --output p.tgz
	is "an archive of another name" 2 'must end in ".tar"'
	it_ok "nothing of this wrote a manifest" test ! -e p/manifest.json
}

# cinchctl takes what minisign takes, but for what it refuses on purpose.
test_agreement() {
	local i f both=0 differ=0 len line
	pack p
	ctl profile sign p --name acme --version 1.4.0 --key acme.key
	cp p/manifest.json.minisig good
	minisign -S -l -s acme.key -m p/manifest.json -x old >/dev/null </dev/null
	minisign -S -s other.key -m p/manifest.json -x others >/dev/null </dev/null
	for f in good old; do
		cp $f p/manifest.json.minisig
		ctl profile verify p
		it_is "$f: both say yes" "$status $(stock p $f)" "0 yes"
	done
	cp others p/manifest.json.minisig
	ctl profile verify p
	is "another's signature" 1 'signed by key [0-9A-F]{16}, which is none of the 1 trusted'
	it_is "minisign says no, too" "$(stock p others)" no
	ctl profile verify p --keys $W/nothing
	is "no keys" 1 'no key is trusted'
	echo "{\"keys\": \"$W/mine\"}" >/etc/cinch/cinch.json
	mkdir $W/mine && install -m 644 other.pub $W/mine/
	ctl profile verify p
	is "the keys cinch.json names" 0 "key +$W/mine/other.pub"
	echo '{"keys": 1}' >/etc/cinch/cinch.json
	ctl profile verify p
	is "a cinch.json that is wrong" 2 'cinch.json:1:10: "keys" must be a string'
	rm /etc/cinch/cinch.json

	# one byte in eight of the signature file, by its line: what the signatures cover, both must refuse
	len=$(stat -c %s good) line=$(head -n 1 good | wc -c)
	for ((i = line; i < len; i += 8)); do
		cp good p/manifest.json.minisig
		printf '\001' | dd of=p/manifest.json.minisig bs=1 seek=$i conv=notrunc status=none
		ctl profile verify p
		[ "$status" -eq 0 ] && differ=$((differ + 1))
		[ "$(stock p p/manifest.json.minisig)" = no ] && both=$((both + 1))
	done
	it_is "a changed byte of the signature is never accepted" $differ 0
	it_is "nor by minisign" $both $(((len - line + 7) / 8))
	cp good p/manifest.json.minisig
	sed -i '1s/.*/untrusted comment: anything/' p/manifest.json.minisig
	ctl profile verify p
	it_is "the untrusted comment is not covered: both say yes" \
		"$status $(stock p p/manifest.json.minisig)" "0 yes"
	sed 's/$/\r/' good >p/manifest.json.minisig
	ctl profile verify p
	is "CR LF, which minisign takes, is refused" 2 'line 1 ends in a carriage return'
	(cat good; echo more) >p/manifest.json.minisig
	ctl profile verify p
	is "so is text behind it" 2 'text behind line 4'
	minisign -S -s acme.key -m p/manifest.json -t $'a\033[2Jb' >/dev/null </dev/null
	it_is "a comment that clears the screen: minisign" "$(stock p p/manifest.json.minisig)" yes
	ctl profile verify p
	is "cinchctl refuses it" 2 'line 3 has control characters'
	minisign -S -s acme.key -m p/manifest.json -t "$(head -c 2000 /dev/zero | tr '\0' x)" >/dev/null </dev/null
	ctl profile verify p
	is "and one of 2000 bytes" 2 'limit 1023'
}

test_altered() {
	local f
	pack p
	ctl profile sign p --name acme --version 1.4.0 --key acme.key
	rm -rf good.d && cp -a p good.d
	for f in acme-web.json seccomp/tiny.json; do
		rm -rf p && cp -a good.d p
		echo >>p/$f
		ctl profile verify p
		is "$f changed" 2 "$f was altered: its SHA-256 is"
		rm p/$f
		ctl profile verify p
		is "$f removed" 2 "$f is missing"
	done
	rm -rf p && cp -a good.d p
	profile more >p/more.json
	ctl profile verify p
	is "a file more" 2 'more.json is not in manifest.json'
	# the attacker who thinks of the digests, too
	jq --arg d "$(sha256sum <p/more.json | cut -c -64)" '.files["more.json"] = $d' p/manifest.json >m
	cp m p/manifest.json
	ctl profile verify p
	is "and in the manifest" 2 'manifest.json: not what was signed'
	it_is "minisign says the same" "$(stock p p/manifest.json.minisig)" no
	rm -rf p && cp -a good.d p
	chmod 664 p/acme-web.json
	ctl profile verify p
	is "writable by others" 2 'can be written by others'
	chmod 644 p/acme-web.json
	chmod 666 /etc/cinch/keys/acme.pub
	ctl profile verify p
	is "a key others can write" 2 'acme.pub can be written by others'
	chmod 644 /etc/cinch/keys/acme.pub
}

test_archives() {
	local how
	pack p
	ctl profile sign p --name acme --version 1.4.0 --key acme.key
	for how in "tar -C p -cf" "tar --format=ustar -C p -cf" "tar --format=posix -C p -cf" \
		"tar --format=gnu -C p -cf" "busybox tar -C p -cf" "bsdtar -C p -cf"; do
		command -v "${how%% *}" >/dev/null || { it_skip "$how" "not installed"; continue; }
		rm -f a.tar
		$how a.tar . || it_result 1 "$how" "failed"
		ctl profile verify a.tar
		is "$how" 0 '^trusted'
	done
	if command -v python3 >/dev/null; then
		(cd p && python3 -c 'import tarfile
with tarfile.open("../a.tar", "w") as t: t.add(".")')
		ctl profile verify a.tar
		is "Python's tarfile" 0 '^trusted'
	fi
	tar --format=v7 -C p -cf a.tar .
	ctl profile verify a.tar
	is "an archive of 1979" 2 'not the header of a tar archive'
	tar -cf a.tar p
	ctl profile verify a.tar
	is "with its directory" 2 'directory "p" does not belong into a pack'
	tar -C p -czf a.tar .
	ctl profile verify a.tar
	is "compressed" 2 'not the header of a tar archive'
	tar -C p -cf a.tar . && tar -C p -rf a.tar ./acme-web.json
	ctl profile verify a.tar
	is "a name twice" 2 'acme-web.json is there twice'
	ln -s acme-web.json p/acme-x.json
	tar -C p -cf a.tar .
	ctl profile verify a.tar
	is "a symbolic link" 2 '(an entry with a link|is a symbolic link)'
	rm p/acme-x.json && ln p/acme-web.json p/acme-x.json
	tar -C p -cf a.tar .
	ctl profile verify a.tar
	is "a hard link" 2 '(an entry with a link|is a hard link)'
	rm p/acme-x.json
	tar -C p -cf a.tar . && printf x >>a.tar
	ctl profile verify a.tar
	is "text behind the end" 2 'something behind the end marker'
	tar -C p -cf a.tar . && truncate -s 2000 a.tar
	ctl profile verify a.tar
	is "cut" 2 'only [0-9]+ follow|cut off'
}

stand_in() { # SCRIPT: another minisign before the real one
	printf '#!/bin/sh\n%s\n' "$1" >/usr/local/bin/minisign
	chmod 755 /usr/local/bin/minisign
}

test_signer() {
	local before sums
	pack p
	ctl profile sign p --name acme --version 1.0.0 --key acme.key
	before=$(sha256sum p/manifest.json*)
	sums='sha256sum p/manifest.json p/manifest.json.minisig'

	ctl profile sign p --name acme --version 1.1.0 --key nothing.key
	is "no such key" 2 'did not sign \(exit status'
	it_is "nothing changed" "$($sums)" "$before"
	# shellcheck disable=SC2016 # expanded there
	stand_in 'kill -INT $$'
	ctl profile sign p --name acme --version 1.1.0 --key acme.key
	is "interrupted" 2 'ended by a signal \(Interrupt\): nothing was changed'
	it_is "nothing changed" "$($sums)" "$before"
	stand_in 'exit 0'
	ctl profile sign p --name acme --version 1.1.0 --key acme.key
	is "a minisign that leaves nothing" 2 'left no signature'
	# shellcheck disable=SC2016 # expanded there
	stand_in 'echo x >"$5.minisig"'
	ctl profile sign p --name acme --version 1.1.0 --key acme.key
	is "one that leaves something else" 2 'not a minisign signature'
	it_is "nothing changed" "$($sums)" "$before"
	stand_in "env >$T/env; pwd; echo loud; exec /usr/bin/minisign \"\$@\""
	SECRET=1 LD_LIBRARY_PATH=/tmp ctl profile sign p --name acme --version 1.1.0 --key acme.key --json
	is "what minisign says" 0 '"signer"'
	it_ok "is not in the JSON" jq -e . $T/out
	it_like "but on standard error" "$err" loud
	it_unlike "its environment is short" "$(cat $T/env)" 'SECRET|LD_'
	chmod 775 /usr/local/bin/minisign
	stand_in_mode=$(stat -c %a /usr/local/bin/minisign)
	rm $T/env
	ctl profile sign p --name acme --version 1.1.0 --key acme.key
	is "one others can write ($stand_in_mode) is passed over" 0 'signed by key'
	it_ok "it did not run" test ! -e $T/env
	mkdir -p $W/path && printf '#!/bin/sh\ntouch %s/ran\n' $T >$W/path/minisign && chmod 755 $W/path/minisign
	PATH=$W/path:$PATH ctl profile sign p --name acme --version 1.1.0 --key acme.key
	it_ok "that of \$PATH did not run either" test ! -e $T/ran
	rm /usr/local/bin/minisign
	mount --bind /dev/null /usr/bin/minisign
	ctl profile sign p --name acme --version 1.2.0 --key acme.key
	is "none that can run" 2 'is not an executable file'
	umount /usr/bin/minisign
	it_is "no directory is left" "$(ls -d $TMPDIR/cinchctl-sign-* 2>/dev/null)" ""
}

# Killed at any moment the pack is the old one signed, the new one signed, or the new one unsigned.
test_killed() {
	local i bad=0 said=''
	pack p
	ctl profile sign p --name acme --version 1.0.0 --key acme.key
	for ((i = 1; i <= 60; i++)); do
		{ timeout -s KILL "0.0$(printf %04d $((i * 5)))" "$CTL" profile sign p --name acme \
			--version 1.0.$i --key acme.key </dev/null; } >/dev/null 2>&1
		rm -f p/.manifest.json*.cinch-*
		ctl profile verify p
		said="$said$status"
		[ "$status" -le 1 ] || { bad=$((bad + 1)); echo "# $err"; }
	done
	it_is "killed at any moment, manifest and signature belong together ($said)" $bad 0
	rm -rf $TMPDIR/cinchctl-sign-*
}

# --- a node that requires signatures ---

P=/etc/cinch/profiles

current() { readlink /var/lib/cinch/policy/current 2>/dev/null || echo none; }

refused() { # WHAT REGEX: apply says so, and what is in force stays
	local before
	before=$(current)
	ctl apply
	is "apply, $1" 2 "$2"
	it_is "apply, $1: the policy stays" "$(current)" "$before"
}

applied() { # WHAT [REGEX]
	ctl apply
	is "apply, $1" 0 "${2:-^(applied|already applied)}"
}

signed() { # VERSION [KEY]: the pack in the profile directory, signed
	ctl profile sign $P/acme --name acme --version "$1" --key "${2:-acme}.key"
	[ "$status" -eq 0 ] || it_result 1 "sign $1" "$err"
}

# The byte at OFFSET of LINE of the signature becomes another digit of base64 (or another letter).
other_byte() { # LINE OFFSET
	awk -v l="$1" -v o="$2" 'NR == l { c = substr($0, o, 1)
		$0 = substr($0, 1, o - 1) (c == "A" ? "B" : "A") substr($0, o + 1) } { print }' \
		"$W/good.minisig" >$P/acme/manifest.json.minisig
}

test_apply() {
	local what at
	mkdir -p $P
	echo '{"requireSigned": true}' >/etc/cinch/cinch.json
	applied "nothing but the shipped profiles"
	pack $P/acme
	ctl profile sign $P/acme --name acme --version 1.4.0
	refused "unsigned" 'acme: not signed: it has no manifest.json.minisig; .*requireSigned'
	signed 1.4.0 other
	refused "an unknown key" 'signed by key [0-9A-F]{16}, which is none of the 1 trusted.*requireSigned'
	signed 1.4.0
	mv /etc/cinch/keys /etc/cinch/keys.away
	refused "no keys" 'signed by key [0-9A-F]{16}, but no key is trusted.*requireSigned'
	mv /etc/cinch/keys.away /etc/cinch/keys
	cp $P/acme/manifest.json.minisig $W/good.minisig
	echo "hello" >$P/acme/manifest.json.minisig
	refused "not a signature" 'not a minisign signature'
	while read -r what at; do
		# shellcheck disable=SC2086 # two numbers
		other_byte $at
		refused "another $what" "$(case $what in
			algorithm) echo 'algorithm is neither|not what was signed' ;;
			id) echo 'none of the 1 trusted' ;;
			signature) echo 'not what was signed' ;;
			comment | global) echo 'trusted comment of the signature was altered' ;;
			esac)"
	done <<-EOT
		algorithm 2 2
		id 2 6
		signature 2 40
		comment 3 25
		global 4 40
	EOT
	cp $W/good.minisig $P/acme/manifest.json.minisig
	echo >>$P/acme/acme-web.json
	refused "a profile altered" 'acme-web.json was altered'
	profile acme-web >$P/acme/acme-web.json
	sed -i 's/1\.4\.0/1.4.1/' $P/acme/manifest.json
	refused "the manifest altered" 'manifest.json: not what was signed'
	signed 1.4.0
	profile loose >$P/loose.json
	refused "a loose file beside it" 'loose.json: a loose file is not signed.*requireSigned'
	rm $P/loose.json
	applied "all is well" '^applied'
	applied "again" '^already applied'
	signed 1.3.9
	refused "an older one" 'pack "acme" 1.3.9 is older than 1.4.0, which is applied'
	signed 1.4.0-rc.9
	refused "one before the release" 'pack "acme" 1.4.0-rc.9 is older than 1.4.0'
	profile acme-web 1.0.1 >$P/acme/acme-web.json
	signed 1.4.0
	refused "the same version with something else" 'acme" 1.4.0 is not what is applied under that version'
	signed 1.10.0
	applied "a newer one" '^applied'
	ctl profile sign $P/acme --name acme --version 1.11.0 --key acme.key --output $P/acme-1.11.0.tar
	refused "two of one name" 'there is another pack "acme"'
	rm -r $P/acme
	applied "the archive alone" '^applied'
	printf 'x' | dd of=$P/acme-1.11.0.tar bs=1 seek=700 conv=notrunc status=none
	refused "the archive altered" 'acme-1.11.0.tar'
	rm $P/acme-1.11.0.tar

	# an older one by way of no pack, of no signatures, and of both
	applied "no pack at all" '^applied'
	it_is "status knows what was there" \
		"$(ctl status --json; jq -c '[.packs, [.retiredPacks[] | .name, .version]]' $T/out)" \
		'[[],["acme","1.11.0"]]'
	ctl status
	it_like "in words" "$out" '^retired +acme 1.11.0, applied here before, an older one is not'
	pack $P/acme
	signed 1.10.0
	refused "an older one behind the back of none" \
		'pack "acme" 1.10.0 is older than 1.11.0, which was applied here before'
	echo '{}' >/etc/cinch/cinch.json
	ctl apply --dry-run
	is "that signatures are not required any more is shown" 1 'requireSigned: on -> off'
	applied "an older one, where signatures are not required" '^note: .*1.10.0 is older than 1.11.0'
	echo '{"requireSigned": true}' >/etc/cinch/cinch.json
	refused "the same once they are again" 'pack "acme" 1.10.0 is older than 1.11.0, which was applied'
	ctl rollback
	is "rollback is the way back" 0 '^went back'
	rm -r $P/acme
	applied "none again" '^already applied'
	pack $P/acme
	signed 1.11.1
	applied "a newer one" '^applied'
	it_is "leaves no retired one" "$(ctl status --json; jq -c '[.packs[].version, .retiredPacks]' $T/out)" \
		'["1.11.1",[]]'
	truncate -s 100 "/var/lib/cinch/policy/$(current)/policy"
	applied "where the one before is damaged" \
		'^note: what was applied last is damaged: whether its packs were newer'
	rm -r $P/acme

	echo '{}' >/etc/cinch/cinch.json
	pack $P/acme
	ctl profile sign $P/acme --name acme --version 1.12.0
	applied "unsigned, where none is required" '^applied'
	signed 1.13.0
	sed -i 's/1\.13\.0/1.13.1/' $P/acme/manifest.json
	refused "altered after signing, also there" 'manifest.json: not what was signed'
	rm -rf $P /etc/cinch/cinch.json
}

keys
test_sign
test_password
test_wrong_profiles
test_agreement
test_altered
test_archives
test_signer
test_killed
test_apply
it_done

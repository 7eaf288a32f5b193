#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_secrets - credentials in the environment are named, and no byte of a value gets anywhere: not into the
# audit log, the state, the engine's log file, the terminal, whatever becomes of the container.
# shellcheck source=integration/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh" || exit 1
# shellcheck disable=SC2034 # read by it_enter
IT_NEEDS="runc busybox"
it_enter "$0" "$@"
it_install
OUT=$T/out && mkdir -p $OUT
C=CaNaRy # in every value

jq -n --arg c $C '["PATH=/bin", "DB_PASSWORD=\($c)1", "X=https://u:\($c)2@h/", "Y=AKIA\("A" * 16)\($c)3",
	"AWS_S=\($c)0123456789abcdefghijABCDEFGHIJ/+45", "Z=ghp_\($c)\("a" * 40)",
	"PEM=-----BEGIN PRIVATE KEY-----\n\($c)\n-----END PRIVATE KEY-----", "J=eyJ\($c)xx.eyJ\($c)xx.\($c)xx",
	"DSN=host=h password=\($c)", "GCP={\"type\":\"service_account\",\"private_key\":\"\($c)\"}",
	"LD_PRELOAD=/\($c).so", "LD_PRELOAD=/\($c)", "TWICE=\($c)a", "TWICE=\($c)b", "\($c)-no-equal-sign",
	"=\($c)", "ODD\u0001NAME=\($c)", "API_KEY=\($c * 200)"]' >$T/env.json
jq -n '{profile: "strict", version: "1", extends: ["web"], env: {secrets: "deny"}}' >$T/strict.json

bundle() { it_bundle $T/b s ".process.env = $(cat $T/env.json) | .process.args = [\"/bin/true\"] | ${1:-.}"; }
launch() { # NAME CINCH-OPTION...
	local name=$1
	shift
	timeout 300 /usr/local/sbin/cinch "$@" --log "$OUT/$name.log" --log-format json --root $T/roots \
		run --bundle $T/b "it-$name" >"$OUT/$name.out" 2>&1
	echo "status $?" >>"$OUT/$name.out"
}

# --- a launch, each control enforced, only reported, refused ---
for p in web baseline privileged-audit; do
	# the runtime itself repeats what is no variable: nobody removes it for this profile
	[ "$p" != privileged-audit ] || only='.process.env |= map(select(test("^[A-Z_]+=")))'
	bundle "${only:-.}" && launch "$p" --cinch-profile "$p"
	it_like "$p: the container ran" "$(cat "$OUT/$p.out")" '^status 0$'
	it_is "$p: the record names what looks like a credential" \
		"$(tail -n 1 /var/log/cinch/audit.jsonl | jq -r '[.changes[].why |
			capture("the variable (?<v>[A-Z_]+) ").v] | unique | join(" ")')" \
		"API_KEY AWS_S DB_PASSWORD DSN GCP J PEM X Y Z"
done
bundle '.linux.namespaces |= map(select(.type != "network"))' && launch refused --cinch-profile web
it_like "refused: the container did not run" "$(cat $OUT/refused.out)" 'refused by profile web'
bundle && mkdir -p $T/plain && cp -a $T/b/. $T/plain
for form in "" --json --patch; do
	build=/usr/local/sbin/cinchctl
	$build explain --profile web $form $T/plain >"$OUT/explain$form.out" 2>&1
	$build explain --profile $T/strict.json $form $T/plain >"$OUT/strict$form.out" 2>&1
done
it_like "deny: refused, with the name, and what to do instead" "$(cat $OUT/strict--json.out)" \
	'the variable DB_PASSWORD has the name of a credential.*mounted file'

# --- configurations that are not understood: the error is about the very place ---
i=0
while IFS= read -r filter; do
	bundle "$filter"
	launch "shape$((i += 1))" --cinch-profile web
	it_unlike "shape $i did not run" "$(cat "$OUT/shape$i.out")" '^status 0$'
done <<-LINES
	.process.env = {"$C": "$C"}
	.process.env = ["A=1", {"$C": "$C"}]
	.process.env = "$C"
	.process.Env = ["$C=$C"]
	.process = ["$C"]
LINES
for cut in 'A=1", "B='$C'\q"' 'A='$C'", x' 'A='$C'", "A": "'$C'"' 'A='$C; do
	printf '{"ociVersion": "1.0.2", "process": {"env": ["%s' "$cut" >$T/b/config.json
	launch "broken$((i += 1))" --cinch-profile web
	/usr/local/sbin/cinchctl explain $T/b >"$OUT/broken$i.explain" 2>&1
	it_unlike "broken $i did not run" "$(cat "$OUT/broken$i.out")" '^status 0$'
done

# --- exec and its process.json ---
bundle '.process.args = ["/bin/sleep", "100"]'
timeout 300 /usr/local/sbin/cinch --cinch-profile web --root $T/roots run --detach --bundle $T/b it-e \
	>$OUT/e.out 2>&1 </dev/null
jq -n --slurpfile env $T/env.json '{user: {uid: 65532, gid: 65532}, cwd: "/", args: ["/bin/true"],
	env: [$env[0][] | select(startswith("CaNaRy") or startswith("=") | not)]}' >$T/process.json
timeout 300 /usr/local/sbin/cinch --log $OUT/exec.log --root $T/roots exec -p $T/process.json it-e >$OUT/exec.out 2>&1
timeout 300 /usr/local/sbin/cinch --log $OUT/exec2.log --root $T/roots exec --env "DB_PASSWORD=$C" it-e /bin/true \
	>$OUT/exec2.out 2>&1
grep -rl $C /run/cinch /var/log /var/lib/cinch >$T/while-running 2>/dev/null
it_is "nothing in state or logs while it runs" "$(cat $T/while-running)" ""
/usr/local/sbin/cinchctl ps --json >$OUT/ps.out 2>&1
timeout 300 /usr/local/sbin/cinch --root $T/roots delete --force it-e

it_like "the records are there to be searched" "$(wc -l </var/log/cinch/audit.jsonl)" '^[1-9][0-9]'
it_is "no byte of a value anywhere" \
	"$(grep -rli $C $OUT /run/cinch /var/log /var/lib/cinch 2>/dev/null)" ""
it_done

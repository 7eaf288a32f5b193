/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_sign - cinchctl profile sign and verify as far as they go without minisign; with it, as root, see
 * integration/policy.
 */
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/hash.h"
#include "shim/base/str.h"
#include "tests/scratch.h"
#include "tests/tap.h"

#define DATA "tests/data/packs/"

static const char *const members[] = {
	"manifest.json", "manifest.json.minisig", "seccomp/tiny.json", "web.json"};

/* The exit status of a shell's line, in which $CTL and $S (the scratch directory) are known; OUT gets what
 * it printed, errors among it. */
static int shell(const char *line, struct str *out)
{
	AUTO_STR struct str command = STR_INIT;
	const char *b = getenv("B");
	char part[4096];
	FILE *f;
	size_t n;
	int status;

	str_addf(&command, "exec 2>&1 </dev/null; umask 022; CTL=$(realpath %s/cinchctl) S=%s; %s",
		b ? b : "build", scratch_dir(), line);
	str_reset(out);
	fflush(stdout);
	f = popen(str_text(&command), "re");
	if (!f)
		exit(2);
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		str_addn(out, part, n);
	status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

/* The line ends with STATUS and says SAYS. */
static void expect(const char *line, int status, const char *says)
{
	AUTO_STR struct str out = STR_INIT;
	int got = shell(line, &out);

	ok(got == status && strstr(str_text(&out), says), "%s", line);
	if (got != status || !strstr(str_text(&out), says))
		printf("# status %d, want %d \"%s\": %s\n", got, status, says, str_text(&out));
}

/* The signed pack of the fixtures, with owner and modes of our own. */
static void fresh(void)
{
	AUTO_STR struct str line = STR_INIT, out = STR_INIT;

	str_add(&line, "rm -rf $S/acme $S/keys; mkdir -p $S/acme/seccomp $S/keys");
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		str_addf(&line, " && cat " DATA "acme/%s >$S/acme/%s", members[i], members[i]);
	str_add(&line, " && cat " DATA "key.pub >$S/keys/acme.pub");
	if (shell(str_text(&line), &out) != 0) {
		printf("Bail out! %s\n", str_text(&out));
		exit(2);
	}
}

static void test_verify(void)
{
	fresh();
	expect("$CTL profile verify $S/acme --keys $S/keys", 0, "\ntrusted\n");
	expect("$CTL profile verify $S/acme --keys $S/keys", 0, "signer   3B434C9B116435FA\n");
	expect("$CTL profile verify $S/acme --keys $S/keys", 0,
		"comment  acme 1.4.0, released by the fixture\n");
	expect("$CTL profile verify $S/acme --keys $S/keys --json", 0,
		"\"result\": \"trusted\",\n  \"signer\": \"3B434C9B116435FA\",\n  \"keyFile\": ");
	expect("$CTL profile verify $S/acme --keys $S/nothing", 1, "not trusted: ");
	expect("$CTL profile verify $S/acme --keys $S/nothing --json", 1,
		"\"result\": \"no trusted keys\"");
	/* nobody has answered for the comment then */
	expect("$CTL profile verify $S/acme --keys $S/nothing | grep -c released", 1, "0");
	expect("cat " DATA "other.minisig >$S/acme/manifest.json.minisig; "
	       "$CTL profile verify $S/acme --keys $S/keys --json",
		1, "\"result\": \"unknown key\",\n  \"signer\": \"6C9B6F44619794EA\"");
	expect("rm $S/acme/manifest.json.minisig; $CTL profile verify $S/acme --keys $S/keys "
	       "--json",
		1, "\"result\": \"unsigned\",\n  \"signer\": null");
	expect("echo >>$S/acme/web.json; $CTL profile verify $S/acme --keys $S/keys", 2,
		"cinchctl: profile verify: ");
	expect("$CTL profile verify $S/nothing", 2, "open pack ");
	expect("$CTL profile verify", 2, "usage: cinchctl profile verify [OPTION ...] PACK");
	expect("$CTL profile verify --help", 0, "Exit status: 0 whole and signed by a trusted key");
}

/* The terminal gets no more than text, also from a file that is no pack. */
static void test_terminal(void)
{
	AUTO_STR struct str out = STR_INIT;

	fresh();
	shell("printf x >\"$S/acme/$(printf 'a\\033[2Jb').json\"; $CTL profile verify $S/acme",
		&out);
	ok(out.len && !memchr(out.s, '\033', out.len), "a file name that clears the screen");
	fresh();
	shell("printf '{\"profile\": \"\\033[2J\"}' >$S/acme/web.json; "
	      "$CTL profile sign $S/acme --version 1.0.0",
		&out);
	ok(out.len && !memchr(out.s, '\033', out.len), "a profile that does");
}

static void test_sign(void)
{
	fresh();
	/* the manifest of the fixture is what this writes */
	expect("rm $S/acme/manifest.json; $CTL profile sign $S/acme --version 1.4.0 && "
	       "cmp $S/acme/manifest.json " DATA "acme/manifest.json && echo the same",
		0, "the same");
	expect("stat -c %a $S/acme/manifest.json", 0, "644");
	fresh();
	expect("$CTL profile sign $S/acme --version 1.4.0", 0,
		"acme 1.4.0: 2 files\n"
		"the manifest is what it was, its signature by key 3B434C9B116435FA stays\n");
	expect("$CTL profile verify $S/acme --keys $S/keys", 0, "trusted");
	expect("$CTL profile sign $S/acme --version 1.4.0 --output $S/a.tar >/dev/null && "
	       "$CTL profile sign $S/acme --version 1.4.0 --output $S/b.tar && cmp $S/a.tar "
	       "$S/b.tar "
	       "&& $CTL profile verify $S/a.tar --keys $S/keys",
		0, "\ntrusted\n");
	expect("tar -tf $S/a.tar | tr '\\n' ' '", 0,
		"manifest.json manifest.json.minisig seccomp/tiny.json web.json ");
	expect("cd $S/acme && $CTL profile sign . --version 1.4.0", 0, "acme 1.4.0: 2");
	expect("$CTL profile sign $S/acme --version 1.5.0", 0,
		"note: the old signature was removed: it is not this manifest's\n"
		"not signed; where the secret key is, run:\n  minisign -S -s SECRET-KEY -m '");
	expect("ls $S/acme | tr '\\n' ' '", 0, "manifest.json seccomp web.json ");
	expect("$CTL profile sign $S/acme --version 1.4.9 --json", 0,
		"what was here before has the newer version 1.5.0");
	fresh();
	expect("echo x >$S/acme/manifest.json.minisig; $CTL profile sign $S/acme --version 1.4.0",
		0, "the old signature was removed");
	expect("test -e $S/acme/manifest.json.minisig", 1, "");
}

static void test_sign_refused(void)
{
	AUTO_STR struct str before = STR_INIT, after = STR_INIT;
	static const char look[] = "cd $S/acme && sha256sum $(find . -type f | sort)";

	fresh();
	shell(look, &before);
	expect("$CTL profile sign $S/acme", 2, "--version is missing");
	expect("$CTL profile sign $S/acme --version 1", 2, "expected one as semver.org says");
	expect("$CTL profile sign $S/acme --version 1.4.0 --name A", 2, "cannot be the name");
	expect("$CTL profile sign $S/acme --version 2.0.0 --key $S/none", 2, "");
	expect("$CTL profile sign $S/acme --version 2.0.0 --output $S/acme/x.tar", 2,
		"is in the pack itself");
	expect("$CTL profile sign $S/acme --version 2.0.0 --output $S/acme/../acme/x.tar", 2,
		"is in the pack itself");
	expect("$CTL profile sign $S/acme --version 2.0.0 --output $S/x.zip", 2, "must end in");
	expect("$CTL profile sign $S/acme --version 2.0.0 --output $S/none/x.tar", 2, "--output");
	expect("$CTL profile sign $S/acme/web.json --version 2.0.0", 2, "is not a directory");
	shell(look, &after);
	tap_same(str_text(&after), str_text(&before), "nothing of this changed the pack");
	expect("mkdir $S/empty; $CTL profile sign $S/empty --version 1.0.0", 2, "has no profiles");
	expect("echo '{}' >$S/acme/web.json; $CTL profile sign $S/acme --version 2.0.0", 2,
		"acme/web.json:1:1: ");
	expect("chmod 666 $S/acme/web.json; $CTL profile sign $S/acme --version 2.0.0", 2,
		"can be written by others");
}

int main(void)
{
	test_verify();
	test_terminal();
	test_sign();
	test_sign_refused();
	return tap_done();
}

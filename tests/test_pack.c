/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pack - a pack as a directory and as a .tar, every way in which one is wrong, and versions.
 *
 * The good one and its signatures are in tests/data/packs, copied here so that owner and mode are ours.
 */
#include "profiles/pack.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profiles/tar.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "tests/scratch.h"
#include "tests/tap.h"

#define DATA "tests/data/packs/"

static const char *const members[] = {
	"manifest.json", "manifest.json.minisig", "seccomp/tiny.json", "web.json"};
enum { MEMBERS = 4 };

static char *content[MEMBERS], *legacy, *foreign;

static char *load(const char *path)
{
	struct err e = {0};
	char *text = NULL;
	size_t len;

	if (io_read_file_at(AT_FDCWD, path, 1 << 20, &text, &len, NULL, &e) < 0) {
		printf("Bail out! %s\n", e.msg);
		exit(2);
	}
	return text;
}

static void make_dir(const char *name)
{
	const char *path = scratch_path(name);

	if (mkdir(path, 0755) < 0 || chmod(path, 0755) < 0) {
		perror(path);
		exit(2);
	}
}

/* The good pack as the directory NAME in the scratch directory; the path lasts for the whole test. */
static const char *fresh(const char *name)
{
	static char paths[32][128];
	static size_t used;
	char at[64];

	make_dir(name);
	snprintf(at, sizeof at, "%s/seccomp", name);
	make_dir(at);
	for (size_t i = 0; i < MEMBERS; i++) {
		snprintf(at, sizeof at, "%s/%s", name, members[i]);
		scratch_write(at, content[i]);
	}
	if (used == sizeof paths / sizeof *paths)
		exit(2);
	snprintf(paths[used], sizeof *paths, "%s", scratch_path(name));
	return paths[used++];
}

/* "ok", or what reading PATH said. */
static const char *read_it(const char *path)
{
	static struct err e;
	AUTO_PACK struct pack p = {0};

	e = (struct err){0};
	return pack_read(path, &p, &e) == 0 ? "ok" : e.msg;
}

/* The directory of keys KEYS makes WANT of the pack PATH; SAYS is the key's file, or of the error. */
static void judge(const char *what, const char *path, const char *keys, enum pack_trust want,
	const char *says)
{
	AUTO_PACK struct pack p = {0};
	AUTO_KEYS struct pack_keys k = {0};
	const struct pack_key *signer = NULL;
	enum pack_trust trust;
	struct err e = {0};

	if (!ok(pack_read(path, &p, &e) == 0 && pack_read_keys(scratch_path(keys), &k, &e) == 0,
		    "%s: read %s", what, e.msg))
		return;
	trust = pack_trust(&p, &k, &signer, &e);
	ok(trust == want && (trust == PACK_TRUSTED) == (signer != NULL) &&
			strstr(signer ? signer->file : e.msg, says),
		"%s: %s", what, signer ? signer->file : e.msg);
}

/* ---- the good one ---- */

static void check_good(const char *path)
{
	AUTO_PACK struct pack p = {0};
	AUTO_STR struct str manifest = STR_INIT;
	struct err e = {0};
	char digest[HASH_HEX_SIZE];

	if (!ok(pack_read(path, &p, &e) == 0, "read %s %s", path, e.msg))
		return;
	tap_same(p.place, path, "place");
	tap_same(p.name, "acme", "name");
	tap_same(p.version, "1.4.0", "version");
	tap_same(p.manifest, content[0], "manifest");
	tap_same(p.signature, content[1], "signature");
	hash_sha256_hex(content[0], strlen(content[0]), digest);
	tap_same(p.digest, digest, "digest");
	if (!ok(p.n_files == 2, "two files"))
		return;
	tap_same(p.files[0].name, "seccomp/tiny.json", "the filter");
	tap_same(p.files[0].text, content[2], "its text");
	tap_same(p.files[1].name, "web.json", "the profile");
	tap_same(p.files[1].text, content[3], "its text");
	ok(p.files[1].len == strlen(content[3]), "its length");
	ok(pack_manifest(&p, p.name, p.version, &manifest, &e) == 0, "a manifest made again");
	tap_same(str_text(&manifest), content[0], "is the same");
}

static void add_all(struct str *tar, const char *prefix)
{
	char name[64];

	for (size_t i = 0; i < MEMBERS; i++) {
		snprintf(name, sizeof name, "%s%s", prefix, members[i]);
		tar_add(tar, name, content[i], strlen(content[i]));
	}
}

/* The finished archive TAR as the file NAME. */
static const char *save(const char *name, struct str *tar)
{
	const char *path = scratch_write(name, "");
	AUTO_FD int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	struct err e = {0};

	tar_end(tar);
	if (fd < 0 || io_write_all(fd, tar->s, tar->len, &e) < 0)
		exit(2);
	return path;
}

static void test_good(void)
{
	AUTO_STR struct str plain = STR_INIT, dotted = STR_INIT;
	const char *path = fresh("good");

	check_good(path);
	ok(pack_is(path), "a directory with a manifest is a pack");
	add_all(&plain, "");
	path = save("plain.tar", &plain);
	check_good(path);
	ok(pack_is(path), "so is a .tar");
	add_all(&dotted, "./");
	check_good(save("dotted.tar", &dotted));
	ok(!pack_is(scratch_path("good/seccomp")), "a directory without one is none");
	ok(!pack_is(scratch_path("good/web.json")), "nor is a file");
	ok(!pack_is(scratch_path("nothing")), "nor what is not there");
}

/* ---- wrong ones, a directory ---- */

static void test_altered(void)
{
	const char *path = fresh("a1"), *got;

	scratch_write("a1/web.json", "{}\n");
	got = read_it(path);
	ok(strstr(got,
		   "web.json was altered: its SHA-256 is ca3d163bab055381827226140568f3bef7eaac18"
		   "7cebd76878e0b63e9e442356, manifest.json says "),
		"altered: %s", got);
	path = fresh("a2");
	unlink(scratch_path("a2/web.json"));
	got = read_it(path);
	ok(strstr(got, "web.json is missing: manifest.json lists it"), "missing: %s", got);
	path = fresh("a3");
	scratch_write("a3/more.json", "{}");
	got = read_it(path);
	ok(strstr(got, "more.json is not in manifest.json"), "extra: %s", got);
	path = fresh("a4");
	unlink(scratch_path("a4/manifest.json"));
	got = read_it(path);
	ok(strstr(got, "no manifest.json"), "no manifest: %s", got);
	ok(!pack_is(path), "it is no pack");
}

static void test_names(void)
{
	static const char *const names[] = {"README", "web.json~", ".web.json.swp", "Web.json",
		".json", "-x.json", "a b.json", "x.json\n", "seccomp/x.txt", "seccomp/.json",
		"w\xc3\xa9.json", "manifest.json.minisig.old"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char dir[16], file[64];
		const char *path, *got;

		snprintf(dir, sizeof dir, "n%zu", i);
		path = fresh(dir);
		snprintf(file, sizeof file, "%s/%s", dir, names[i]);
		scratch_write(file, "{}");
		got = read_it(path);
		ok(strstr(got, "does not belong into a pack"), "%s", got);
	}
}

static void test_directory(void)
{
	const char *path = fresh("d1"), *got;

	make_dir("d1/other");
	got = read_it(path);
	ok(strstr(got, "\"other\" does not belong"), "another directory: %s", got);
	path = fresh("d2");
	make_dir("d2/seccomp/seccomp");
	got = read_it(path);
	ok(strstr(got, "\"seccomp/seccomp\" does not belong"), "one below: %s", got);
	path = fresh("d3");
	unlink(scratch_path("d3/web.json"));
	ok(symlink(scratch_path("good/web.json"), scratch_path("d3/web.json")) == 0, "a link");
	got = read_it(path);
	ok(strstr(got, "web.json: it is a symbolic link"), "a symbolic link: %s", got);
	unlink(scratch_path("d3/web.json"));
	ok(mkfifo(scratch_path("d3/web.json"), 0644) == 0, "a FIFO");
	got = read_it(path);
	ok(strstr(got, "web.json: it is a FIFO"), "a FIFO does not hang: %s", got);
	path = fresh("d4");
	rename(scratch_path("d4/seccomp"), scratch_path("moved"));
	ok(symlink(scratch_path("moved"), scratch_path("d4/seccomp")) == 0, "a link");
	got = read_it(path);
	ok(strstr(got, "open directory seccomp"), "seccomp a symbolic link: %s", got);
	unlink(scratch_path("d4/seccomp"));
	scratch_write("d4/seccomp", "");
	got = read_it(path);
	ok(strstr(got, "open directory seccomp"), "seccomp a file: %s", got);
	ok(symlink(scratch_path("good"), scratch_path("link")) == 0, "a link");
	got = read_it(scratch_path("link"));
	ok(strstr(got, "link is a symbolic link"), "the pack itself: %s", got);
	ok(symlink(scratch_path("plain.tar"), scratch_path("link.tar")) == 0, "a link");
	got = read_it(scratch_path("link.tar"));
	ok(strstr(got, "link.tar is a symbolic link"), "an archive: %s", got);
	got = read_it(scratch_path("nothing"));
	ok(strstr(got, "open pack"), "nothing there: %s", got);
	got = read_it("/dev/null");
	ok(strstr(got, "neither a directory nor"), "a device: %s", got);
}

static void test_modes(void)
{
	static const struct {
		const char *name;
		mode_t mode;
	} cases[] = {{"m", 0775}, {"m", 0757}, {"m/seccomp", 0775}, {"m/web.json", 0664},
		{"m/seccomp/tiny.json", 0646}, {"m/manifest.json", 0666},
		{"m/manifest.json.minisig", 0664}};
	const char *path = fresh("m");

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *got;

		if (chmod(scratch_path(cases[i].name), cases[i].mode) < 0)
			exit(2);
		got = read_it(path);
		ok(strstr(got, "can be written by others"), "%s: %s", cases[i].name, got);
		chmod(scratch_path(cases[i].name), cases[i].mode & 0755);
	}
	tap_same(read_it(path), "ok", "and good again");
	chmod(scratch_path("plain.tar"), 0666);
	ok(strstr(read_it(scratch_path("plain.tar")), "plain.tar can be written by others"),
		"an archive");
	chmod(scratch_path("plain.tar"), 0644);
	if (geteuid() != 0) {
		tap_skip("another's pack", "needs root");
		return;
	}
	if (chown(scratch_path("m/web.json"), 1234, 0) < 0)
		exit(2);
	ok(strstr(read_it(path), "web.json belongs to user 1234"), "another's file: %s",
		read_it(path));
	if (chown(scratch_path("m/web.json"), 0, 0) < 0 || chown(scratch_path("m"), 1234, 0) < 0)
		exit(2);
	ok(strstr(read_it(path), "belongs to user 1234"), "another's directory: %s", read_it(path));
}

/* ---- wrong ones, the manifest ---- */

#define HEX "a6de56015902299ebeca9afdd86b6b5b47ca45b38d024ff9bc463f4ddcfbb658"

static void test_manifests(void)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "manifest.json: line 1"},
		{"[]", "manifest.json:1:1: expected an object"},
		{"{}", "\"pack\" is missing"},
		{"// x\n{}", "manifest.json: line 1"},
		{"{\"pack\": \"acme\", \"version\": \"1.0.0\"}", "\"files\" is missing"},
		{"{\"pack\": \"acme\", \"files\": {\"web.json\": \"" HEX "\"}}",
			"\"version\" is missing"},
		{"{\"pack\": \"Acme\"}", "manifest.json:1:10: pack name \"Acme\""},
		{"{\"pack\": \"\"}", "pack name \"\""},
		{"{\"pack\": 7}", "\"pack\" must be a string"},
		{"{\"pack\": \"a/b\"}", "pack name \"a/b\""},
		{"{\"version\": \"1.0\"}",
			"manifest.json:1:13: version \"1.0\": expected one as semver"},
		{"{\"version\": \"v1.0.0\"}", "version \"v1.0.0\""},
		{"{\"packs\": \"acme\"}", "unknown key \"packs\", did you mean \"pack\"?"},
		{"{\"pack\": \"a\", \"pack\": \"b\"}", "stands twice"},
		{"{\"files\": {}}", "\"files\" is empty"},
		{"{\"files\": []}", "\"files\" must be an object"},
		{"{\"files\": {\"web.json\": \"" HEX "\", \"web.json\": \"" HEX "\"}}",
			"stands twice"},
		{"{\"files\": {\"web.json\": 1}}", "expected a SHA-256 digest"},
		{"{\"files\": {\"web.json\": null}}", "expected a SHA-256 digest"},
		{"{\"files\": {\"web.json\": \"\"}}", "expected a SHA-256 digest"},
		{"{\"files\": {\"web.json\": \"A6"
		 "de\"}}",
			"expected a SHA-256 digest"},
		{"{\"files\": {\"../web.json\": \"" HEX "\"}}", "file \"../web.json\""},
		{"{\"files\": {\"/web.json\": \"" HEX "\"}}", "file \"/web.json\""},
		{"{\"files\": {\"./web.json\": \"" HEX "\"}}", "file \"./web.json\""},
		{"{\"files\": {\"manifest.json\": \"" HEX "\"}}", "file \"manifest.json\""},
		{"{\"files\": {\"seccomp/a/x.json\": \"" HEX "\"}}", "file \"seccomp/a/x.json\""},
		{"{\"files\": {\"web.txt\": \"" HEX "\"}}", "file \"web.txt\""},
		{"{\"files\": {\"web\\n.json\": \"" HEX "\"}}", "file \"web\\x0a.json\""},
		{"{\"pack\": \"acme\", \"version\": \"1.0.0\", \"files\": {\"web.json\": \"" HEX
		 "\"}}",
			"seccomp/tiny.json is not in manifest.json"},
	};
	const char *path = fresh("mf");

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *got;

		scratch_write("mf/manifest.json", cases[i].text);
		got = read_it(path);
		ok(strstr(got, cases[i].says), "%zu: %s", i, got);
	}
}

/* ---- wrong ones, an archive ---- */

static void test_tars(void)
{
	AUTO_STR struct str twice = STR_INIT, both = STR_INIT, nested = STR_INIT, own = STR_INIT,
			    cut = STR_INIT;
	AUTO_PACK struct pack p = {0};
	struct err e = {0};
	const char *got;

	add_all(&twice, "");
	tar_add(&twice, "web.json", content[3], strlen(content[3]));
	got = read_it(save("twice.tar", &twice));
	ok(strstr(got, "web.json is there twice"), "a name twice: %s", got);
	add_all(&both, "");
	tar_add(&both, "./web.json", "{}", 2);
	got = read_it(save("both.tar", &both));
	ok(strstr(got, "web.json is there twice"), "once with \"./\": %s", got);
	add_all(&own, "");
	tar_add(&own, "./manifest.json", content[0], strlen(content[0]));
	got = read_it(save("own.tar", &own));
	ok(strstr(got, "manifest.json is there twice"), "two manifests: %s", got);
	add_all(&nested, "acme/");
	got = read_it(save("nested.tar", &nested));
	ok(strstr(got, "\"acme/manifest.json\" does not belong"), "a directory more: %s", got);
	add_all(&cut, "");
	ok(pack_read_tar("x.tar", cut.s, cut.len, &p, &e) < 0 && strstr(e.msg, "no end marker"),
		"cut: %s", e.msg);
	ok(pack_read_tar("x.tar", "", 0, &p, &e) < 0 && !p.place, "empty: %s", e.msg);
	got = read_it(scratch_write("not.tar", "{\"pack\": \"acme\"}"));
	ok(strstr(got, "not.tar: offset 0"), "not an archive: %s", got);
}

static void test_limits(void)
{
	AUTO_STR struct str many = STR_INIT, big = STR_INIT, sig = STR_INIT;
	AUTO_FREE char *zeros = calloc(1, PACK_FILE_MAX + 1);
	AUTO_PACK struct pack p = {0};
	struct err e = {0};
	char name[32];

	for (int i = 0; i <= PACK_FILES_MAX; i++) {
		snprintf(name, sizeof name, "p%d.json", i);
		tar_add(&many, name, "", 0);
	}
	tar_end(&many);
	ok(pack_read_tar("x", many.s, many.len, &p, &e) < 0 &&
			strstr(e.msg, "more than 1024 files"),
		"files: %s", e.msg);
	tar_add(&big, "a.json", zeros, PACK_FILE_MAX + 1);
	tar_end(&big);
	ok(pack_read_tar("x", big.s, big.len, &p, &e) < 0 && strstr(e.msg, "1048577 bytes"),
		"a file: %s", e.msg);
	tar_add(&sig, "manifest.json.minisig", zeros, MINISIGN_FILE_MAX + 1);
	tar_end(&sig);
	ok(pack_read_tar("x", sig.s, sig.len, &p, &e) < 0 && strstr(e.msg, "limit 16384"),
		"a signature: %s", e.msg);
	str_reset(&big);
	for (int i = 0; i <= PACK_BYTES_MAX / PACK_FILE_MAX; i++) {
		snprintf(name, sizeof name, "p%d.json", i);
		tar_add(&big, name, zeros, PACK_FILE_MAX);
	}
	tar_end(&big);
	ok(pack_read_tar("x", big.s, big.len, &p, &e) < 0 && strstr(e.msg, "bytes in all"),
		"all files: %s", e.msg);
	ok(!pack_name_ok("") && pack_name_ok("a") && !pack_name_ok(".a") &&
			pack_name_ok("a234567890123456789012345678901234567890123456789012345678"
				     "901234") &&
			!pack_name_ok("a2345678901234567890123456789012345678901234567890123456789"
				      "012345"),
		"names of packs");
}

/* ---- trust ---- */

static void put_key(const char *dir, const char *file, const char *from)
{
	AUTO_FREE char *text = load(from);
	char name[64];

	snprintf(name, sizeof name, "%s/%s", dir, file);
	scratch_write(name, text);
}

static void test_trust(void)
{
	const char *path = fresh("t");
	char *text;

	make_dir("keys");
	make_dir("none");
	make_dir("others");
	put_key("keys", "acme.pub", DATA "key.pub");
	put_key("keys", "other.pub", DATA "other.pub");
	put_key("others", "b.pub", DATA "other.pub");
	scratch_write("none/README", "not a key");
	judge("signed", path, "keys", PACK_TRUSTED, "/keys/acme.pub");
	judge("no keys", path, "none", PACK_NO_KEYS,
		"signed by key 3B434C9B116435FA, but no key is trusted");
	judge("no directory of keys", path, "not-there", PACK_NO_KEYS, "no key is trusted");
	judge("an unknown key", path, "others", PACK_UNKNOWN_KEY,
		"signed by key 3B434C9B116435FA, which is none of the 1");
	scratch_write("t/manifest.json.minisig", foreign);
	judge("signed by the other", path, "keys", PACK_TRUSTED, "/keys/other.pub");
	scratch_write("t/manifest.json.minisig", legacy);
	judge("signed in the old way", path, "keys", PACK_TRUSTED, "/keys/acme.pub");
	scratch_write("t/manifest.json.minisig", "untrusted comment: x\n");
	judge("not a signature", path, "keys", PACK_WRONG, "not a minisign signature");
	judge("without keys it is none either", path, "none", PACK_WRONG, "not a minisign");
	unlink(scratch_path("t/manifest.json.minisig"));
	judge("unsigned", path, "keys", PACK_UNSIGNED, "not signed");
	judge("without keys as well", path, "none", PACK_UNSIGNED, "not signed");
	scratch_write("t/manifest.json.minisig", content[1]);
	text = strdup(content[0]);
	*strstr(text, "1.4.0") = '2';
	scratch_write("t/manifest.json", text);
	free(text);
	judge("the manifest altered", path, "keys", PACK_WRONG,
		"manifest.json: not what was signed");
}

/* No bit of the manifest or its signature may change and the pack be trusted. */
static void test_flips(void)
{
	AUTO_KEYS struct pack_keys keys = {0};
	size_t comment = strlen("untrusted comment: "), line = strcspn(content[1], "\n");
	struct err e = {0};

	if (!ok(pack_read_keys(scratch_path("keys"), &keys, &e) == 0, "keys %s", e.msg))
		return;
	for (size_t m = 0; m < 2; m++) {
		size_t accepted = 0, tried = 0;

		for (size_t i = 0, len = strlen(content[m]); i < len; i++)
			for (unsigned bit = 0; bit < 8; bit++) {
				AUTO_STR struct str tar = STR_INIT;
				AUTO_PACK struct pack p = {0};

				if (m == 1 && i >= comment && i <= line)
					continue;
				content[m][i] ^= (char)(1u << bit);
				add_all(&tar, "");
				tar_end(&tar);
				content[m][i] ^= (char)(1u << bit);
				tried++;
				accepted += pack_read_tar("x", tar.s, tar.len, &p, &e) == 0 &&
					    pack_trust(&p, &keys, NULL, &e) == PACK_TRUSTED;
			}
		ok(accepted == 0 && tried > 1000, "%s: %zu flips, %zu accepted", members[m], tried,
			accepted);
	}
}

static void test_keys(void)
{
	AUTO_KEYS struct pack_keys keys = {0};
	struct err e = {0};

	ok(pack_read_keys(scratch_path("keys"), &keys, &e) == 0 && keys.n == 2, "two keys");
	ok(str_ends(keys.v[0].file, "/keys/acme.pub"), "sorted: %s", keys.v[0].file);
	pack_keys_done(&keys);
	ok(pack_read_keys(scratch_path("not-there"), &keys, &e) == 0 && keys.n == 0,
		"no directory is no keys");
	make_dir("k");
	scratch_write("k/x.pub", "nothing");
	ok(pack_read_keys(scratch_path("k"), &keys, &e) < 0 &&
			strstr(e.msg, "x.pub: not a minisign"),
		"not a key: %s", e.msg);
	put_key("k", "x.pub", DATA "key.pub");
	chmod(scratch_path("k/x.pub"), 0664);
	ok(pack_read_keys(scratch_path("k"), &keys, &e) < 0 &&
			strstr(e.msg, "x.pub can be written by others"),
		"a key of everybody: %s", e.msg);
	chmod(scratch_path("k/x.pub"), 0644);
	chmod(scratch_path("k"), 0775);
	ok(pack_read_keys(scratch_path("k"), &keys, &e) < 0 &&
			strstr(e.msg, "the directory can be written by others"),
		"a directory of everybody: %s", e.msg);
	chmod(scratch_path("k"), 0755);
	ok(symlink(scratch_path("keys/acme.pub"), scratch_path("k/y.pub")) == 0 &&
			pack_read_keys(scratch_path("k"), &keys, &e) < 0 &&
			strstr(e.msg, "y.pub: it is a symbolic link"),
		"a link: %s", e.msg);
	ok(pack_read_keys(scratch_path("k/x.pub"), &keys, &e) < 0, "not a directory: %s", e.msg);
	ok(keys.n == 0 && !keys.v, "nothing given after a failure");
}

/* ---- versions ---- */

static void test_versions(void)
{
	/* semver.org 2.0.0, 11, and then some; each is older than the next */
	static const char *const rising[] = {"0.0.0-0", "0.0.0", "0.0.1", "0.1.0", "1.0.0-0",
		"1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-99999999999999999999",
		"1.0.0-100000000000000000000", "1.0.0--", "1.0.0-0a", "1.0.0-1-", "1.0.0-A",
		"1.0.0-Z", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.1.0", "1.0.0-alpha.2",
		"1.0.0-alpha.10", "1.0.0-alpha.beta", "1.0.0-alpha0", "1.0.0-beta", "1.0.0-beta.2",
		"1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.1.0", "1.9.3", "1.10.0",
		"1.11.0", "2.0.0-rc.1", "2.0.0", "2.1.0", "2.1.1", "10.0.0",
		"18446744073709551616.0.0", "99999999999999999999.0.0"};
	static const char *const bad[] = {"", "1", "1.0", "1.0.0.0", "01.0.0", "1.00.0", "1.0.01",
		"v1.0.0", "1.0.0 ", " 1.0.0", "1.0.0-", "1.0.0+", "1.0.0-a..b", "1.0.0-.a",
		"1.0.0-a.", "1.0.0-01", "1.0.0-a_b", "1.0.0+a+b", "1.0.0+a..b", "-1.0.0", "1.-1.0",
		"1.0.0-\xc3\xa9", "1..0", ".1.0", "1.0.", "+1.0.0",
		"1.0.0-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	static const char *const same[] = {"1.0.0+1", "1.0.0+2", "1.0.0", "1.0.0+0.build.-",
		"1.0.0+001", "1.0.0+20130313144700"};
	size_t n = sizeof rising / sizeof *rising, wrong = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			int got = pack_compare_versions(rising[i], rising[j]);
			int want = (i > j) - (i < j);

			if ((got > 0) - (got < 0) != want && wrong++ < 5)
				printf("# %s and %s: %d\n", rising[i], rising[j], got);
		}
	ok(wrong == 0, "%zu versions in order", n);
	for (size_t i = 0; i < n; i++)
		if (!pack_version_ok(rising[i]))
			ok(false, "%s is a version", rising[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ok(!pack_version_ok(bad[i]), "not a version: \"%s\"", bad[i]);
		ok(pack_compare_versions(bad[i], "0.0.0-0") < 0 &&
				pack_compare_versions("0.0.0-0", bad[i]) > 0,
			"and older than all");
	}
	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		ok(pack_version_ok(same[i]) && pack_compare_versions(same[i], "1.0.0+x") == 0,
			"%s is as old as 1.0.0", same[i]);
	ok(pack_compare_versions("1.0.0-a+1", "1.0.0-a+2") == 0, "also before a release");
}

int main(void)
{
	char path[128];

	for (size_t i = 0; i < MEMBERS; i++) {
		snprintf(path, sizeof path, DATA "acme/%s", members[i]);
		content[i] = load(path);
	}
	legacy = load(DATA "legacy.minisig");
	foreign = load(DATA "other.minisig");
	test_good();
	test_altered();
	test_names();
	test_directory();
	test_modes();
	test_manifests();
	test_tars();
	test_limits();
	test_trust();
	test_flips();
	test_keys();
	test_versions();
	for (size_t i = 0; i < MEMBERS; i++)
		free(content[i]);
	free(legacy);
	free(foreign);
	return tap_done();
}

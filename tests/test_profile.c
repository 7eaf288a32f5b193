/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_profile - profiles are read whole or refused with the place and a suggestion; what is left out
 * is strict; the two built-in ones say what they promise.
 */
#include <dirent.h>
#include <fcntl.h>

#include "profiles/capset.h"
#include "profiles/paths.h"
#include "profiles/profile.h"
#include "shim/base/hash.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "tests/tap.h"

#define HEAD "{\"profile\": \"x\", \"version\": \"1\""
#define BIT(cap) ((uint64_t)1 << capset_number(cap))

static struct profile *parse(const char *text, struct err *e)
{
	struct profile *p = NULL;

	*e = (struct err){0};
	return profile_parse("x.json", text, strlen(text), &p, e) == 0 ? p : NULL;
}

static const struct {
	const char *text, *message;
} bad[] = {
	{"", "x.json:1:1: parse error: premature EOF"},
	{"[]", "x.json:1:1: a profile is an object: { ... }"},
	{"{}", "x.json:1:1: \"profile\" is missing"},
	{"{\"profile\": \"x\"}", "x.json:1:1: \"version\" is missing"},
	{"{\"profile\": null, \"version\": \"1\"}",
		"x.json:1:13: \"profile\" must be a string, not null"},
	{"{\"profile\": \"y\", \"version\": \"1\"}", "x.json:1:13: the profile is named \"y\", the "
						     "file \"x.json\": both must be the same"},
	{"{\"profile\": \"../x\", \"version\": \"1\"}",
		"x.json:1:13: profile name \"../x\": expected 1 to 64 of a-z 0-9 - _ . with a "
		"letter or "
		"digit first"},
	{"{\"profile\": \"x\", \"version\": \"1 \\u001b\"}",
		"x.json:1:29: version \"1 \\x1b\": expected 1 to 64 letters, digits and - + . _"},
	{HEAD ",\n  \"capabilites\": []}",
		"x.json:2:3: unknown key \"capabilites\", did you mean \"capabilities\"?"},
	{HEAD ", \"Mode\": \"enforce\"}",
		"x.json:1:34: unknown key \"Mode\", did you mean \"mode\"?"},
	{HEAD ", \"frobnicate\": 1}", "x.json:1:34: unknown key \"frobnicate\""},
	{HEAD ", \"mode\": \"audit\", \"mode\": \"enforce\"}",
		"x.json:1:51: key \"mode\" stands twice in one object"},
	{HEAD ", // comment\n \"mode\": \"enforced\"}",
		"x.json:2:10: unknown mode \"enforced\", did you mean \"enforce\"?"},
	{HEAD ", \"mode\": \"off\"}",
		"x.json:1:42: unknown mode \"off\", known are: enforce, audit, learn"},
	{HEAD ", \"extends\": [\"baseline\"]}", "x.json:1:34: \"extends\" is not followed here: a "
						"profile that is read by itself says all it means"},
	{HEAD ", \"audit\": [\"rootFs\"]}",
		"x.json:1:44: unknown control \"rootFs\", did you mean \"rootfs\"?"},
	{HEAD ", \"audit\": [7]}", "x.json:1:44: a control is a string, not a number"},
	{HEAD ", \"capabilities\": {}}",
		"x.json:1:50: \"capabilities\" must be a list, not an object"},
	{HEAD ", \"capabilities\": [\"CAP_SYS_ADMN\"]}",
		"x.json:1:51: unknown capability \"CAP_SYS_ADMN\", did you mean "
		"\"CAP_SYS_ADMIN\"?"},
	{HEAD ", \"capabilities\": [\"EVERYTHING\"]}",
		"x.json:1:51: unknown capability \"EVERYTHING\", expected one of capabilities(7) "
		"such as \"CAP_CHOWN\""},
	{HEAD ", \"capabilities\": [21]}",
		"x.json:1:51: a capability is a string such as \"CAP_CHOWN\""},
	{HEAD ", \"user\": {\"root\": \"remap\", \"uid\": 0}}",
		"x.json:1:67: a whole number from 1 to 2147483647 was expected"},
	{HEAD ", \"user\": {\"gid\": 2147483648}}",
		"x.json:1:50: a whole number from 1 to 2147483647 was expected"},
	{HEAD ", \"user\": {\"groups\": [0]}}",
		"x.json:1:54: a whole number from 1 to 2147483647 was expected"},
	{HEAD ", \"user\": {\"root\": \"forbid\"}}",
		"x.json:1:51: unknown treatment of root \"forbid\", known are: deny, remap, allow"},
	{HEAD ", \"noNewPrivileges\": \"yes\"}",
		"x.json:1:53: \"noNewPrivileges\" must be true or false, not a string"},
	{HEAD ", \"rootfs\": {\"writable\": [\"/tmp\"]}}",
		"x.json:1:58: expected {\"path\": \"/tmp\", ...}"},
	{HEAD ", \"rootfs\": {\"writable\": [{}]}}", "x.json:1:58: \"path\" is missing"},
	{HEAD ", \"rootfs\": {\"writable\": [{\"path\": \"/\"}]}}",
		"x.json:1:58: \"/\" cannot be a writable directory: say \"readonly\": false"},
	{HEAD ", \"rootfs\": {\"writable\": [{\"path\": \"/a/../b\"}]}}",
		"x.json:1:67: \"/a/../b\" is not a plain absolute path (no \"//\", \".\", \"..\" "
		"or "
		"\"/\" at the end)"},
	{HEAD ", \"rootfs\": {\"writable\": [{\"path\": \"/a/\"}]}}",
		"x.json:1:67: \"/a/\" is not a plain absolute path (no \"//\", \".\", \"..\" or "
		"\"/\" at "
		"the end)"},
	{HEAD ", \"rootfs\": {\"writable\": [{\"path\": \"/a\", \"size\": \"64MB\"}]}}",
		"x.json:1:81: a size was expected: bytes, or a string such as \"64Mi\" (Ki, Mi, "
		"Gi, Ti)"},
	{HEAD ", \"mounts\": {\"sources\": {\"deny\": [\"*.sock\"]}}}",
		"x.json:1:66: pattern \"*.sock\" begins neither with \"/\" nor with \"**/\": it "
		"would "
		"never match"},
	{HEAD ", \"mounts\": {\"sources\": {\"deny\": [\"/etc//x\"]}}}",
		"x.json:1:66: pattern \"/etc//x\" has an empty, \".\" or \"..\" component: it "
		"would never "
		"match"},
	{HEAD ", \"mounts\": {\"sources\": {\"deny\": [\"\"]}}}",
		"x.json:1:66: 0 bytes, expected 1 to 1000"},
	{HEAD ", \"mounts\": {\"writable\": \"nosuid,noxec\"}}",
		"x.json:1:57: \"nosuid,noxec\": expected a list such as \"nosuid,nodev,noexec\""},
	{HEAD ", \"mounts\": {\"writable\": \"nosuid,\"}}",
		"x.json:1:57: \"nosuid,\": expected a list such as \"nosuid,nodev,noexec\""},
	{HEAD ", \"namespaces\": {\"host\": [\"net\"]}}",
		"x.json:1:58: unknown namespace \"net\", known are: mount, pid, network, ipc, uts, "
		"cgroup, user, time"},
	{HEAD ", \"namespaces\": {\"host\": [\"mount\"]}}",
		"x.json:1:57: a container without a mount namespace of its own is not possible"},
	{HEAD ", \"devices\": [\"/dev/fuse\"]}",
		"x.json:1:46: expected {\"path\": \"/dev/fuse\", \"type\": \"c\", \"major\": 10, "
		"\"minor\": 229, \"access\": \"rw\"}"},
	{HEAD ", \"devices\": [{\"path\": \"/etc/x\"}]}",
		"x.json:1:55: \"/etc/x\" is not below /dev"},
	{HEAD ", \"devices\": [{\"path\": \"/dev/x\", \"type\": \"c\", \"major\": 1, \"minor\": "
	      "2}]}",
		"x.json:1:46: \"access\" is missing"},
	{HEAD ", \"devices\": [{\"access\": \"rwx\"}]}",
		"x.json:1:57: access \"rwx\": expected some of \"rwm\""},
	{HEAD ", \"devices\": [{\"access\": \"rr\"}]}",
		"x.json:1:57: access \"rr\" names 'r' twice"},
	{HEAD ", \"seccomp\": {\"profile\": \"../x\"}}",
		"x.json:1:57: seccomp profile \"../x\": expected \"default\", \"unconfined\" or "
		"the name of a filter"},
	{HEAD ", \"lines\": {\"user\": \"x:one\"}}",
		"x.json:1:52: expected a place such as \"baseline:12\""},
	{HEAD ", \"$schema\": 1}", "x.json:1:45: \"$schema\" must be a string, not a number"},
	{HEAD ", \"seccomp\": {\"deny\": [\"Mount\"]}}",
		"x.json:1:55: \"Mount\" is not the name of a system call"},
	{HEAD ", \"paths\": {\"mask\": \"default\"}}",
		"x.json:1:44: unknown key \"mask\", known are: masked, readonly"},
	{HEAD ", \"paths\": {\"masked\": \"none\"}}",
		"x.json:1:54: \"masked\" is \"default\" or a list"},
	{HEAD ", \"paths\": {\"masked\": [\"proc\"]}}",
		"x.json:1:55: \"proc\" is not a plain absolute path (no \"//\", \".\", \"..\" or "
		"\"/\" at "
		"the end)"},
	{HEAD ", \"resources\": {\"pids\": 0}}",
		"x.json:1:56: a whole number from 1 to 4194304 was expected"},
	{HEAD ", \"resources\": {\"pids\": 1e3}}",
		"x.json:1:56: a whole number from 1 to 4194304 was expected"},
	{HEAD ", \"resources\": {\"memory\": \"0\"}}",
		"x.json:1:58: a memory ceiling of 0: leave the line out for no ceiling"},
	{HEAD ", \"resources\": {\"rlimits\": {\"RLIMIT_CORES\": 0}}}",
		"x.json:1:60: unknown rlimit \"RLIMIT_CORES\", did you mean \"RLIMIT_CORE\"?"},
	{HEAD ", \"hooks\": []}", "x.json:1:43: \"hooks\" must be an object, not a list"},
	{HEAD ", \"env\": {\"secrets\": \"drop\"}}", "x.json:1:53: unknown treatment of secrets "
						     "\"drop\", known are: ignore, warn, deny"},
	{HEAD ", \"image\": {\"digest\": true}}",
		"x.json:1:54: \"digest\" must be a string, not true or false"},
	{HEAD ", \"image\": {\"deny\": [\"sha256:12\"]}}",
		"x.json:1:53: \"sha256:12\": expected \"sha256:\" and 64 of 0-9 a-f"},
	{HEAD ", \"exec\": {\"alow\": true}}",
		"x.json:1:43: unknown key \"alow\", did you mean \"allow\"?"},
	{HEAD ", \"exec\": {\"commands\": {\"deny\": [\"bin/sh\"]}}}",
		"x.json:1:65: pattern \"bin/sh\" begins with a path that is not absolute: write it "
		"from \"/\", or the name alone"},
	{HEAD ", \"flags\": {\"allow\": [\"--no-pivoting\"]}}",
		"x.json:1:54: unknown flag \"--no-pivoting\", known are: --no-pivot, "
		"--no-new-keyring, --ignore-paused, --rootless, --cgroup-manager, "
		"--manage-cgroups-mode, --lsm-profile"},
	{HEAD ", \"flags\": {\"preserveFds\": 257}}",
		"x.json:1:59: a whole number from 0 to 256 was expected"},
	{HEAD ", \"network\": \"isolated\"}",
		"x.json:1:45: \"network\" must be an object, not a string"},
	{HEAD ",}", "x.json:1:33: parse error: invalid object key (must be a string)"},
};

static void test_bad(void)
{
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		AUTO_FREE char *what = NULL;
		struct err e;
		struct profile *p = parse(bad[i].text, &e);

		if (asprintf(&what, "refused: %.60s", bad[i].text) < 0)
			what = NULL;
		for (char *c = what; c && *c; c++)
			if (*c == '\n' || *c == '#')
				*c = ' ';
		tap_same(p ? "(accepted)" : e.msg, bad[i].message, what);
		profile_free(p);
	}
}

static void test_limits(void)
{
	AUTO_STR struct str deep = STR_INIT, many = STR_INIT, big = STR_INIT, pattern = STR_INIT;
	struct err e;

	str_add(&deep, HEAD ", \"network\": ");
	for (int i = 0; i < 25; i++)
		str_add(&deep, "{\"a\":");
	ok(!parse(str_text(&deep), &e) && strstr(e.msg, "nested deeper than 20 levels"),
		"too deep: %s", e.msg);
	str_add(&many, HEAD ", \"sysctl\": [");
	for (int i = 0; i < 20001; i++)
		str_add(&many, "\"a\",");
	ok(!parse(str_text(&many), &e) && strstr(e.msg, "more than 20000 values"), "too many: %s",
		e.msg);
	str_add(&big, HEAD "}");
	while (big.len <= 1 << 20)
		str_addc(&big, ' ');
	ok(!parse(str_text(&big), &e) && strstr(e.msg, "1048577 bytes, limit 1048576"),
		"too big: %s", e.msg);
	/* str_glob gives up on long patterns: a denied one would silently never match */
	str_add(&pattern, HEAD ", \"mounts\": {\"sources\": {\"deny\": [\"/");
	for (int i = 0; i < 1000; i++)
		str_addc(&pattern, 'a');
	str_add(&pattern, "\"]}}}");
	ok(!parse(str_text(&pattern), &e) && strstr(e.msg, "1001 bytes, expected 1 to 1000"),
		"pattern too long: %s", e.msg);
}

static bool same_set(const struct strv *set, const char *const *want)
{
	size_t n = 0;

	for (; want[n]; n++)
		if (!strv_has(set, want[n]))
			return false;
	return n == set->n;
}

static void test_defaults(void)
{
	struct err e;
	AUTO_PROFILE struct profile *p = parse(HEAD "}", &e);

	if (!ok(p, "a profile with nothing but a name"))
		return;
	ok(p->mode == PROFILE_ENFORCE && p->audit == 0, "enforces everything");
	for (int c = 0; c < CONTROL_COUNT; c++)
		ok(!profile_audits(p, (enum control)c) && p->line[c] == 0,
			"%s: enforced by default", control_name((enum control)c));
	ok(p->capabilities == 0, "no capabilities");
	ok(p->user.root == ROOT_DENY && p->user.uid == 65532 && p->user.gid == 65532 &&
			p->user.n_groups == 0,
		"no root");
	ok(p->no_new_privileges, "no new privileges");
	ok(p->rootfs.readonly && p->rootfs.n_writable == 0, "read-only rootfs");
	ok(p->mounts.allow.n == 0 && p->mounts.nosuid && p->mounts.nodev && p->mounts.noexec,
		"no mounts");
	ok(p->namespaces.host == 0 && p->namespaces.add == 0, "no namespace of the host");
	ok(p->n_devices == 0, "no devices");
	ok(!p->seccomp.unconfined && p->seccomp.allow.n == 0, "a seccomp filter");
	tap_same(p->seccomp.profile, "default", "the default one");
	ok(same_set(&p->paths.masked, paths_masked), "all masked paths");
	ok(same_set(&p->paths.readonly, paths_readonly), "all read-only paths");
	ok(p->sysctl.n == 0 && p->hooks.n == 0 && p->annotations.n == 0,
		"no sysctl, hook, annotation");
	ok(p->resources.pids == -1 && p->resources.memory == -1 && p->resources.n_rlimits == 0,
		"no ceilings on resources");
	ok(p->env.deny.n == 0 && p->env.secrets == SECRETS_WARN, "secrets are warned about");
	ok(!p->exec.allow && !p->exec.terminal && p->exec.capabilities == 0, "no exec");
	ok(p->flags.allow == 0 && p->flags.preserve_fds == 0, "no weak flag, no descriptor");
	ok(p->image.registries.n == 0 && !p->image.digest_required && !p->network, "the rest");
}

static const char full[] =
	"// a comment\n"
	"{\n"
	"  \"profile\": \"x\", \"version\": \"2.1\", \"description\": \"d\",\n"
	"  \"mode\": \"enforce\", \"audit\": [\"rootfs\", \"seccomp\"],\n"
	"  \"capabilities\": [\"CAP_CHOWN\", \"CAP_KILL\"],\n"
	"  /* two\n     lines */\n"
	"  \"user\": {\"root\": \"remap\", \"uid\": 7, \"gid\": 8, \"groups\": [9, 10]},\n"
	"  \"noNewPrivileges\": false,\n"
	"  \"rootfs\": {\"readonly\": false, \"writable\": [{\"path\": \"/a\", \"size\": "
	"\"1Mi\", \"exec\": true, \"copyUp\": true}, {\"path\": \"/b\", \"size\": 4096}]},\n"
	"  \"mounts\": {\"sources\": {\"allow\": [\"/srv/**\"], \"deny\": [\"**/x\"]}, "
	"\"writable\": \"nodev\"},\n"
	"  \"namespaces\": {\"host\": [\"uts\"], \"add\": [\"cgroup\", \"ipc\"]},\n"
	"  \"devices\": [{\"path\": \"/dev/fuse\", \"type\": \"c\", \"major\": 10, "
	"\"minor\": -1, \"access\": \"rw\"}],\n"
	"  \"seccomp\": {\"profile\": \"unconfined\", \"deny\": [\"bpf\"], \"allow\": "
	"[\"mount\"]},\n"
	"  \"paths\": {\"masked\": [\"default\", \"/proc/x\"], \"readonly\": []},\n"
	"  \"sysctl\": [\"net.*\"],\n"
	"  \"resources\": {\"pids\": 5, \"memory\": \"2Gi\", \"rlimits\": "
	"{\"RLIMIT_CORE\": 0, \"RLIMIT_AS\": \"1Gi\"}},\n"
	"  \"hooks\": {\"allow\": [\"/usr/bin/h\"]}, \"annotations\": {\"allow\": "
	"[\"a.*\"]},\n"
	"  \"env\": {\"deny\": [\"LD_*\"], \"secrets\": \"deny\"},\n"
	"  \"image\": {\"registries\": [\"r/**\"], \"digest\": \"required\", \"deny\": "
	"[\"sha256:"
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"]},\n"
	"  \"exec\": {\"allow\": true, \"capabilities\": [\"CAP_KILL\"], \"terminal\": "
	"true},\n"
	"  \"network\": {\"preset\": \"isolated\"}\n"
	"}\n";

static void test_full(void)
{
	struct err e;
	AUTO_PROFILE struct profile *p = parse(full, &e);

	if (!ok(p, "every section at once: %s", e.msg))
		return;
	tap_same(p->version, "2.1", "version");
	tap_same(p->description, "d", "description");
	ok(profile_audits(p, CONTROL_ROOTFS) && profile_audits(p, CONTROL_SECCOMP) &&
			!profile_audits(p, CONTROL_USER),
		"two controls only report");
	ok(p->capabilities == (BIT("CAP_CHOWN") | BIT("CAP_KILL")), "capabilities");
	ok(p->user.root == ROOT_REMAP && p->user.uid == 7 && p->user.gid == 8 &&
			p->user.n_groups == 2 && p->user.groups[1] == 10,
		"user");
	ok(!p->no_new_privileges && !p->rootfs.readonly, "switched off");
	ok(p->rootfs.n_writable == 2 && p->rootfs.writable[0].size == 1 << 20 &&
			p->rootfs.writable[0].exec && p->rootfs.writable[0].copy_up &&
			p->rootfs.writable[1].size == 4096 && !p->rootfs.writable[1].exec,
		"writable paths");
	ok(strv_glob(&p->mounts.allow, "/srv/a") && strv_glob(&p->mounts.deny, "/q/x"), "mounts");
	ok(!p->mounts.nosuid && p->mounts.nodev && !p->mounts.noexec, "flags of mounts");
	ok(p->namespaces.host == 1u << NS_UTS &&
			p->namespaces.add == (1u << NS_CGROUP | 1u << NS_IPC),
		"namespaces");
	ok(p->n_devices == 1 && p->devices[0].type == 'c' && p->devices[0].major == 10 &&
			p->devices[0].minor == -1 && strcmp(p->devices[0].access, "rw") == 0,
		"devices");
	ok(p->seccomp.unconfined && strv_has(&p->seccomp.deny, "bpf") &&
			strv_has(&p->seccomp.allow, "mount"),
		"seccomp");
	ok(strv_has(&p->paths.masked, "/proc/kcore") && strv_has(&p->paths.masked, "/proc/x"),
		"masked: ours and one more");
	ok(p->paths.readonly.n == 0, "an empty list is empty");
	ok(p->resources.pids == 5 && p->resources.memory == (int64_t)2 << 30 &&
			p->resources.n_rlimits == 2 && p->resources.rlimits[1].max == 1 << 30,
		"resources");
	ok(strv_has(&p->hooks, "/usr/bin/h") && strv_has(&p->annotations, "a.*") &&
			strv_has(&p->sysctl, "net.*"),
		"hooks, annotations, sysctl");
	ok(strv_has(&p->env.deny, "LD_*") && p->env.secrets == SECRETS_DENY, "env");
	ok(p->image.registries.n == 1 && p->image.digest_required && p->image.deny.n == 1, "image");
	ok(p->exec.allow && p->exec.terminal && p->exec.capabilities == BIT("CAP_KILL"), "exec");
	tap_same(
		json_str(json_at(json_root(p->network), "/preset")), "isolated", "network is kept");
	ok(p->line[CONTROL_CAPABILITIES] == 5 && p->line[CONTROL_USER] == 8 &&
			p->line[CONTROL_ROOTFS] == 10 && p->line[CONTROL_ANNOTATIONS] == 18 &&
			p->line[CONTROL_NETWORK] == 22 && p->line[CONTROL_PROCESS] == 0,
		"where each control is spoken of");
	/* sha256sum of the text above */
	tap_same(p->digest, "da3d8b92e0be5a7a0a238839bf6e22b229a5e614a9a10229d610a7449002ccce",
		"digest");
}

static void test_builtin(void)
{
	AUTO_PROFILE struct profile *r = NULL, *b = NULL;
	struct profile *none = NULL;
	struct err e = {0};
	size_t len = 0;

	ok(profile_builtin("restricted", &r, &e) == 0, "restricted: %s", e.msg);
	ok(profile_builtin("baseline", &b, &e) == 0, "baseline: %s", e.msg);
	for (int i = 0; i < 2; i++) {
		const struct profile *p = i ? b : r;
		const char *text = profile_builtin_text(p->name, &len);
		char digest[HASH_HEX_SIZE];

		hash_sha256_hex(text, len, digest);
		tap_same(p->digest, digest, "the digest make took is that of the text");
	}
	ok(profile_builtin("restrictd", &none, &e) < 0 && !none, "a third one is refused");
	ok(str_starts(e.msg, "unknown profile \"restrictd\", did you mean \"restricted\"?; "
			     "this cinch has \"baseline\"") &&
			str_ends(e.msg, "and \"web\""),
		"and says what there is: %s", e.msg);
	ok(profile_builtin("seccomp/default", &none, &e) < 0 && !none, "a filter is not a profile");
	if (!r || !b)
		return;
	ok(r->user.root == ROOT_REMAP && r->user.uid == 65532 && r->user.n_groups == 0,
		"restricted moves root");
	ok(r->capabilities == BIT("CAP_NET_BIND_SERVICE"), "restricted keeps one capability");
	ok(r->rootfs.readonly && r->rootfs.n_writable == 3, "restricted has a read-only rootfs");
	ok(b->user.root == ROOT_ALLOW && !b->rootfs.readonly, "baseline lets root write");
	ok(!(b->capabilities &
		   (BIT("CAP_MKNOD") | BIT("CAP_NET_RAW") | BIT("CAP_AUDIT_WRITE") |
			   BIT("CAP_SETFCAP") | BIT("CAP_SETPCAP") | BIT("CAP_SYS_ADMIN"))) &&
			__builtin_popcountll(b->capabilities) == 9,
		"baseline keeps nine capabilities, none of the six");
	ok(!(r->capabilities & ~b->capabilities) && !(r->exec.capabilities & ~r->capabilities) &&
			!(b->exec.capabilities & ~b->capabilities),
		"exec is below create, restricted below baseline");
	for (int i = 0; i < 2; i++) {
		const struct profile *p = i ? b : r;

		ok(p->mode == PROFILE_ENFORCE && p->audit == 0, "%s enforces", p->name);
		ok(p->no_new_privileges && p->namespaces.host == 0 && !p->seccomp.unconfined &&
				p->seccomp.allow.n == 0 && p->n_devices == 0 &&
				p->annotations.n == 0 && p->mounts.nosuid && p->mounts.nodev,
			"%s lends nothing of the host", p->name);
		ok(same_set(&p->paths.masked, paths_masked) &&
				same_set(&p->paths.readonly, paths_readonly),
			"%s masks everything", p->name);
		ok(p->line[CONTROL_CAPABILITIES] > 0 && p->line[CONTROL_MOUNTS] > 0,
			"%s has line numbers", p->name);
	}
	ok(profile_builtin_text("seccomp/default", &len) && len > 2, "a seccomp filter is there");
	ok(!profile_builtin_text("seccomp/other", &len), "no other");
}

/* The whole-directory sources that would be as good as the node. */
static const char *const never[] = {"/", "/etc", "/etc/shadow", "/etc/kubernetes/admin.conf",
	"/proc", "/sys", "/sys/fs/cgroup", "/dev", "/dev/sda", "/boot", "/root", "/root/.ssh",
	"/run", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/containerd",
	"/run/crio/crio.sock", "/srv/app/x.sock", "/usr", "/usr/bin", "/usr/bin/runc", "/var",
	"/var/lib", "/var/lib/docker", "/var/lib/docker/containers",
	"/var/lib/docker/containers/abc", "/var/lib/docker/containers/abc/hostconfig.json",
	"/var/lib/docker/volumes", "/var/lib/docker/overlay2/x/merged", "/var/lib/containerd",
	"/var/lib/docker/100000.100000", "/var/lib/docker/100000.100000/containers/abc",
	"/var/lib/docker/100000.100000/containers/abc/hostconfig.json",
	"/var/lib/docker/100000.100000/overlay2/x/merged", "/var/lib/kubelet",
	"/var/lib/kubelet/pods", "/var/lib/kubelet/pods/uid", "/var/lib/kubelet/pods/uid/volumes",
	"/var/lib/kubelet/pki", "/var/lib/kubelet/kubeconfig", "/var/lib/containers/storage",
	"/var/lib/containers/storage/overlay-containers/x/userdata",
	"/run/containers/storage/overlay-containers/x/userdata/config.json", "/var/lib/cinch",
	"/run/cinch", "/var/log/cinch", "/home", "/home/u", "/home/u/.ssh", "/home/u/a/.ssh/id",
	"/home/u/.local/share/containers/storage", "/home/u/.docker/config.json",
	"/home/u/.kube/config", "/opt", "/opt/cni/bin", "/tmp", "/tmp/ssh-x/agent.1", "/nonsense",
	"/srv", NULL};

static const char *const usual[] = {"/var/lib/kubelet/pods/u/volumes/kubernetes.io~secret/s",
	"/var/lib/kubelet/pods/u/volumes/kubernetes.io~empty-dir/e",
	"/var/lib/kubelet/pods/u/volumes/kubernetes.io~csi/pvc-1/mount",
	"/var/lib/kubelet/pods/u/volume-subpaths/v/c/0", "/var/lib/kubelet/pods/u/etc-hosts",
	"/var/lib/kubelet/pods/u/containers/c/0a1b", "/var/lib/docker/volumes/v/_data",
	"/var/lib/docker/volumes/v/_data/sub", "/var/lib/docker/containers/i/mounts/shm",
	"/var/lib/docker/100000.100000/containers/i/hosts",
	"/var/lib/docker/100000.100000/volumes/v/_data", "/run/systemd/resolve/stub-resolv.conf",
	"/run/systemd/resolve/resolv.conf", "/usr/bin/docker-init", "/usr/bin/tini-static",
	"/srv/data", "/etc/hosts", NULL};

static bool passes(const struct profile *p, const char *source)
{
	return strv_glob(&p->mounts.allow, source) && !strv_glob(&p->mounts.deny, source);
}

static void test_sources(void)
{
	AUTO_PROFILE struct profile *r = NULL, *b = NULL;
	struct err e = {0};

	if (!ok(profile_builtin("restricted", &r, &e) == 0 &&
			    profile_builtin("baseline", &b, &e) == 0,
		    "both"))
		return;
	for (size_t i = 0; never[i]; i++)
		ok(!passes(r, never[i]) && !passes(b, never[i]), "%s is no source", never[i]);
	for (size_t i = 0; usual[i]; i++)
		ok(passes(r, usual[i]) && passes(b, usual[i]), "%s is a source", usual[i]);
	ok(passes(b, "/home/u/project") && passes(b, "/data") && passes(b, "/mnt/disk/x") &&
			passes(b, "/opt/app/conf") && passes(b, "/tmp/build"),
		"baseline: operators' data");
	ok(!passes(r, "/home/u/project") && !passes(r, "/data"), "restricted: not those");
}

/* What the engines bind into an ordinary container is in both profiles. */
static void test_samples(void)
{
	static const char dir[] = "tests/data/samples";
	static const struct json_limits limits = {4u << 20, 60, 200000};
	AUTO_PROFILE struct profile *r = NULL;
	struct err e = {0};
	DIR *d = opendir(dir);
	struct dirent *entry;
	unsigned seen = 0;

	if (!ok(d && profile_builtin("restricted", &r, &e) == 0, "samples"))
		return;
	while ((entry = readdir(d))) {
		AUTO_JSON struct json_doc *doc = NULL;
		AUTO_FREE char *text = NULL;
		size_t len;

		/* those that ask for the host, and the one with a host path of rslave */
		if (!str_ends(entry->d_name, ".json") || strstr(entry->d_name, "privileged") ||
			strstr(entry->d_name, "host"))
			continue;
		if (io_read_file_at(dirfd(d), entry->d_name, 4u << 20, &text, &len, NULL, &e) < 0 ||
			json_parse(text, len, &limits, JSON_STRICT, &doc, &e) < 0) {
			ok(false, "%s: %s", entry->d_name, e.msg);
			continue;
		}
		json_each (m, json_get(json_root(doc), "mounts")) {
			const char *source = json_str(json_get(m, "source"));

			if (!source || source[0] != '/')
				continue;
			seen++;
			if (!passes(r, source))
				ok(false, "%s: %s is refused", entry->d_name, source);
		}
	}
	closedir(d);
	ok(seen > 100, "%u sources of ordinary containers pass", seen);
}

int main(void)
{
	test_bad();
	test_limits();
	test_defaults();
	test_full();
	test_builtin();
	test_sources();
	test_samples();
	return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pairs - one profile after another: what comes out is inside the input and inside both.
 *
 * That is what an annotation does that names one more profile. All ordered pairs of the shipped
 * profiles over all samples, and random profiles (as text, so that each is a valid one) over mutated
 * documents. CINCH_PAIRS=N sets how many of those, CINCH_SEED=N makes others, CINCH_ONLY=N repeats one.
 */
#include <dirent.h>
#include <fcntl.h>

#include "profiles/capset.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/num.h"
#include "shim/spec.h"
#include "shim/tighten.h"
#include "tests/ceiling.h"
#include "tests/mutate.h"
#include "tests/ratchet.h"
#include "tests/tap.h"
#include "tests/world_fake.h"

#define SAMPLES "tests/data/samples"

enum { ENOUGH = 1500, SHOWN = 5, SEED = 1795329120, MAX_SHIPPED = 16 };

static struct sample {
	char name[64];
	struct json_doc *doc;
} samples[64];
static uint32_t n_samples;

static int is_config(const struct dirent *d)
{
	return str_ends(d->d_name, ".json") && !strstr(d->d_name, "-process.") &&
	       !strstr(d->d_name, "-resources.");
}

static void load(void)
{
	AUTO_FD int dir = open(SAMPLES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **found = NULL;
	int n = scandir(SAMPLES, &found, is_config, alphasort);

	for (int i = 0; i < n && n_samples < 64; i++) {
		AUTO_FREE char *text = NULL;
		struct sample *s = &samples[n_samples];
		size_t len;
		struct err e;

		if (io_read_file_at(dir, found[i]->d_name, 1u << 20, &text, &len, NULL, &e) == 0 &&
			json_parse(text, len, &spec_limits, JSON_STRICT, &s->doc, &e) == 0) {
			snprintf(s->name, sizeof s->name, "%.63s", found[i]->d_name);
			n_samples++;
		}
		free(found[i]);
	}
	free(found);
}

/* ---- random profiles ---- */

static bool chance(struct dice *d, uint32_t percent)
{
	return dice_roll(d, 100) < percent;
}

/* Some of NAMES, each with that chance, as the members of a JSON array. */
static void some(struct dice *d, const char *const *names, uint32_t percent, struct str *out)
{
	const char *comma = "";

	for (; *names; names++)
		if (chance(d, percent)) {
			str_addf(out, "%s\"%s\"", comma, *names);
			comma = ",";
		}
}

static void list(struct dice *d, const char *key, const char *const *names, uint32_t percent,
	struct str *out)
{
	str_addf(out, "\"%s\":[", key);
	some(d, names, percent, out);
	str_add(out, "]");
}

static const char *flag(struct dice *d, uint32_t percent)
{
	return chance(d, percent) ? "true" : "false";
}

static void capabilities(struct dice *d, struct str *out)
{
	static const uint32_t percents[] = {0, 10, 50, 90, 100};
	const char *names[65] = {NULL};

	for (int i = 0; i < 64 && capset_name(i); i++)
		names[i] = capset_name(i);
	list(d, "capabilities", names, percents[dice_roll(d, 5)], out);
	/* the one with a rule of its own */
	if (out->s[out->len - 2] == '[' && chance(d, 50)) {
		out->len--;
		str_add(out, "\"CAP_NET_BIND_SERVICE\"]");
	}
}

static void rootfs(struct dice *d, struct str *out)
{
	static const char *const places[] = {
		"/tmp", "/var/tmp", "/run", "/var", "/data/x", "/srv/y", "/usr/local", NULL};
	const char *comma = "";

	str_addf(out, "\"rootfs\":{\"readonly\":%s,\"writable\":[", flag(d, 70));
	for (const char *const *p = places; *p; p++)
		if (chance(d, 30)) {
			str_addf(out, "%s{\"path\":\"%s\",\"exec\":%s,\"copyUp\":%s", comma, *p,
				flag(d, 30), flag(d, 30));
			if (chance(d, 66))
				str_addf(out, ",\"size\":%u", 65536 * (1 + dice_roll(d, 2)));
			str_add(out, "}");
			comma = ",";
		}
	str_add(out, "]}");
}

static void mounts(struct dice *d, const struct profile *shipped, struct str *out)
{
	static const char *const flags[] = {
		"", "nosuid", "nosuid,nodev", "nosuid,nodev,noexec", "noexec", "nodev,noexec"};
	static const char *const few[] = {
		"/etc/**", "/var/lib/**", "/run/**", "/srv", "/home/**", NULL};
	const struct strv *sources = chance(d, 85) ? &shipped->mounts.allow : NULL;
	uint32_t percent = chance(d, 75) ? 100 : 90;

	str_add(out, "\"mounts\":{\"sources\":{\"allow\":[");
	if (!sources)
		str_add(out, "\"/**\"");
	for (size_t i = 0, n = 0; sources && i < sources->n; i++)
		if (chance(d, percent))
			str_addf(out, "%s\"%s\"", n++ ? "," : "", sources->v[i]);
	str_add(out, "],");
	list(d, "deny", few, 2, out);
	str_addf(out, "},\"writable\":\"%s\"}", flags[dice_roll(d, 6)]);
}

static void devices(struct dice *d, struct str *out)
{
	static const char *const known[] = {
		"{\"path\":\"/dev/"
		"fuse\",\"type\":\"c\",\"major\":10,\"minor\":229,\"access\":\"rw\"}",
		"{\"path\":\"/dev/net/"
		"tun\",\"type\":\"c\",\"major\":10,\"minor\":200,\"access\":\"rwm\"}",
		"{\"path\":\"/dev/sda\",\"type\":\"b\",\"major\":8,\"minor\":-1,\"access\":\"r\"}",
		"{\"path\":\"/dev/any\",\"type\":\"c\",\"major\":-1,\"minor\":-1,\"access\":\"m\"}",
		"{\"path\":\"/dev/"
		"kvm\",\"type\":\"c\",\"major\":10,\"minor\":232,\"access\":\"rw\"}",
		"{\"path\":\"/dev/"
		"odd\",\"type\":\"b\",\"major\":-1,\"minor\":3,\"access\":\"rwm\"}",
	};
	const char *comma = "";

	str_add(out, "\"devices\":[");
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (chance(d, 25)) {
			str_addf(out, "%s%s", comma, known[i]);
			comma = ",";
		}
	str_add(out, "]");
}

static void seccomp(struct dice *d, struct str *out)
{
	static const char *const allow[] = {
		"mount", "ptrace", "bpf", "clone3", "io_uring_setup", "keyctl", "unshare", NULL};
	static const char *const deny[] = {
		"socket", "socketcall", "clone", "chmod", "ioctl", "personality", "kill", NULL};

	str_addf(out, "\"seccomp\":{\"profile\":\"%s\",", chance(d, 15) ? "unconfined" : "default");
	list(d, "deny", deny, 15, out);
	str_add(out, ",");
	list(d, "allow", allow, 10, out);
	str_add(out, "}");
}

static void limits(struct dice *d, struct str *out)
{
	static const char *const names[] = {"RLIMIT_CORE", "RLIMIT_NOFILE", "RLIMIT_NPROC"};
	const char *comma = "";

	str_add(out, "\"resources\":{");
	if (chance(d, 60))
		str_addf(out, "\"pids\":%u,", 1 + dice_roll(d, 5000));
	if (chance(d, 40))
		str_addf(out, "\"memory\":%u,", 65536 * (1 + dice_roll(d, 5000)));
	str_add(out, "\"rlimits\":{");
	for (size_t i = 0; i < 3; i++)
		if (chance(d, 40)) {
			str_addf(out, "%s\"%s\":%u", comma, names[i], dice_roll(d, 70000));
			comma = ",";
		}
	str_add(out, "}}");
}

/* The text of a profile named NAME. AUDITED: some controls only report. */
static void random_profile(struct dice *d, const char *name, const struct profile *shipped,
	bool audited, struct str *out)
{
	static const char *const roots[] = {"remap", "remap", "remap", "allow", "allow", "deny"};
	static const char *const hosts[] = {
		"pid", "network", "ipc", "uts", "cgroup", "user", "time", NULL};
	static const char *const own[] = {"pid", "network", "ipc", "uts", "cgroup", "time", NULL};
	static const char *const hooks[] = {
		"/usr/bin/dockerd", "/usr/bin/**", "/opt/x", "/usr/sbin/**", NULL};
	static const char *const steering[] = {
		"run.oci.**", "org.systemd.property.*", "org.criu.config", NULL};
	static const char *const variables[] = {"LD_*", "PATH", "HOME", "*_PASSWORD", NULL};
	static const char *const secrets[] = {"ignore", "warn", "deny"};
	static const char *const masked[] = {"default", "/proc/cpuinfo", "/sys/class", NULL};
	static const char *const keys[] = {"net.ipv4.ip_unprivileged_port_start",
		"net.ipv4.ping_group_range", "kernel.shm_rmid_forced", "net.**", NULL};
	const char *controls[CONTROL_COUNT + 1] = {NULL};

	for (int c = 0; c < CONTROL_COUNT; c++)
		controls[c] = control_name((enum control)c);
	str_addf(out, "{\"profile\":\"%s\",\"version\":\"1\",", name);
	if (audited && chance(d, 30))
		str_add(out, "\"mode\":\"audit\",");
	if (audited)
		list(d, "audit", controls, 20, out), str_add(out, ",");
	capabilities(d, out);
	str_addf(out, ",\"user\":{\"root\":\"%s\",\"uid\":%u,\"gid\":%u,\"groups\":[%u]},",
		roots[dice_roll(d, 6)], 1 + dice_roll(d, 70000), 1 + dice_roll(d, 70000),
		1 + dice_roll(d, 9));
	str_addf(out, "\"noNewPrivileges\":%s,", flag(d, 75));
	rootfs(d, out), str_add(out, ",");
	mounts(d, shipped, out);
	str_add(out, ",\"namespaces\":{");
	list(d, "host", hosts, 10, out), str_add(out, ",");
	list(d, "add", own, 30, out);
	str_add(out, "},");
	devices(d, out), str_add(out, ",");
	seccomp(d, out);
	str_add(out, ",\"paths\":{");
	list(d, "masked", masked, 60, out), str_add(out, ",");
	list(d, "readonly", masked, 60, out);
	str_add(out, "},");
	list(d, "sysctl", keys, 40, out), str_add(out, ",");
	limits(d, out);
	str_add(out, ",\"hooks\":{");
	list(d, "allow", hooks, 75, out);
	str_add(out, "},\"annotations\":{");
	list(d, "allow", steering, 20, out);
	str_add(out, "},\"env\":{");
	list(d, "deny", variables, 15, out);
	str_addf(out, ",\"secrets\":\"%s\"}}", secrets[dice_roll(d, 40) ? dice_roll(d, 2) : 2]);
}

/* ---- one pair ---- */

struct pair {
	const struct profile *p[2];
	const struct world *w;
	struct strv bad;
	bool accepted;
	struct err e;
};

static bool judged(const struct profile *p)
{
	return p->mode == PROFILE_ENFORCE && !p->audit;
}

static void bytes_of(const struct json_doc *doc, struct str *out)
{
	str_reset(out);
	json_write(json_root(doc), out);
}

/* Where the first leaves the root filesystem writable and the second does not, the second's tmpfs come
 * after the first had its say on flags. Programs could be written and run there before. */
static bool came_later(const struct pair *t, const struct change *c)
{
	bool writable = !t->p[0]->rootfs.readonly || profile_audits(t->p[0], CONTROL_ROOTFS);

	return writable && c->control == CONTROL_MOUNTS && strstr(c->place, "/options/") &&
	       c->after && strcmp(c->after, "\"noexec\"") == 0;
}

/* Each of the two once more: there is nothing left to do, and nothing to refuse. What one only reports
 * the other may have turned into something that it does not only report. */
static void again(struct pair *t, struct json_doc *doc)
{
	AUTO_STR struct str was = STR_INIT, is = STR_INIT;

	for (int i = 0; i < 2 && judged(t->p[0]) && judged(t->p[1]); i++) {
		AUTO_REPORT struct report report = {0};
		struct err e = {0};
		size_t late = 0;

		bytes_of(doc, &was);
		if (tighten(doc, t->p[i], t->w, &report, &e) < 0) {
			ratchet_bad(&t->bad, "profile %d refuses what both made: %s", i + 1, e.msg);
			return;
		}
		bytes_of(doc, &is);
		for (size_t k = 0; k < report.n; k++) {
			const struct change *c = &report.changes[k];

			if (!c->enforced || c->kind == CHANGE_NOTE)
				continue;
			late++;
			if (!came_later(t, c))
				ratchet_bad(&t->bad, "profile %d once more changes %s %s: %s",
					i + 1, control_name(c->control), c->place, c->why);
		}
		if (!late && strcmp(str_text(&is), str_text(&was)) != 0)
			ratchet_bad(&t->bad, "profile %d once more gives other bytes", i + 1);
	}
}

static void run_pair(struct pair *t, const struct json_doc *in)
{
	AUTO_JSON struct json_doc *doc = json_new();

	json_set_root(doc, json_clone(doc, json_root(in)));
	for (int i = 0; i < 2; i++) {
		AUTO_REPORT struct report report = {0};

		if (tighten(doc, t->p[i], t->w, &report, &t->e) < 0) {
			if (t->e.code != ERR_DENIED)
				ratchet_bad(&t->bad, "failed instead of refusing: %s", t->e.msg);
			return;
		}
	}
	t->accepted = true;
	/* some of what the judge wants is wrong in itself, and stays so when it is only reported */
	if (judged(t->p[0]) || judged(t->p[1]))
		ratchet(json_root(in), json_root(doc), &t->bad);
	for (int i = 0; i < 2; i++) {
		size_t before = t->bad.n;

		if (judged(t->p[i]) && ceiling(json_root(doc), t->p[i], t->w, &t->bad))
			ratchet_bad(
				&t->bad, "(the last %zu: of profile %d)", t->bad.n - before, i + 1);
	}
	again(t, doc);
}

static void show(const struct pair *t)
{
	for (size_t i = 0; i < t->bad.n && i < 8; i++)
		printf("#   %s\n", t->bad.v[i]);
}

/* ---- all pairs of the shipped ones ---- */

static size_t load_shipped(struct profile **all)
{
	size_t n = 0;
	struct err e;

	for (size_t i = 0; profile_builtin_name(i) && n < MAX_SHIPPED; i++)
		if (!strchr(profile_builtin_name(i), '/') &&
			profile_builtin(profile_builtin_name(i), &all[n], &e) == 0)
			n++;
	return n;
}

static void test_shipped(struct profile *const *all, size_t n)
{
	AUTO_FAKE struct world_fake fake;

	world_fake_init(&fake);
	for (size_t k = 0; k < n * n; k++) {
		const struct profile *a = all[k / n], *b = all[k % n];
		uint32_t accepted = 0, broken = 0;

		for (uint32_t i = 0; i < n_samples; i++) {
			struct pair t = {.p = {a, b}, .w = &fake.world};

			fake.world.in_user_ns = str_starts(samples[i].name, "podman-rootless");
			run_pair(&t, samples[i].doc);
			accepted += t.accepted;
			if (t.bad.n && broken++ < SHOWN) {
				printf("# %s\n", samples[i].name);
				show(&t);
			}
			strv_done(&t.bad);
		}
		ok(broken == 0 && accepted >= 45, "%s after %s: %u of %u samples start", b->name,
			a->name, accepted, n_samples);
	}
}

/* ---- random pairs ---- */

struct tally {
	uint64_t accepted, refused, broken, profiles;
};

static void random_pair(
	uint64_t number, uint64_t seed, struct profile *const *shipped, size_t n, struct tally *sum)
{
	static const char *const names[] = {"first.json", "second.json"};
	struct dice d = {seed * 1000003 + number};
	const struct sample *s = &samples[dice_roll(&d, n_samples)];
	struct profile *made[2] = {NULL, NULL};
	AUTO_JSON struct json_doc *doc = json_new();
	struct str text[2] = {STR_INIT, STR_INIT};
	AUTO_STR struct str story = STR_INIT;
	AUTO_FAKE struct world_fake fake;
	struct pair t = {.w = &fake.world};

	world_fake_init(&fake);
	fake.world.in_user_ns = str_starts(s->name, "podman-rootless");
	fake.world.cgroup_v2 = dice_roll(&d, 2);
	for (int i = 0; i < 2; i++) {
		AUTO_STR struct str name = STR_INIT;
		struct err e = {0};

		t.p[i] = shipped[dice_roll(&d, (uint32_t)n)];
		if (chance(&d, 20))
			continue;
		str_addn(&name, names[i], strlen(names[i]) - strlen(".json"));
		random_profile(&d, str_text(&name), shipped[dice_roll(&d, (uint32_t)n)],
			chance(&d, 25), &text[i]);
		if (profile_parse(names[i], str_text(&text[i]), text[i].len, &made[i], &e) == 0) {
			t.p[i] = made[i];
			sum->profiles++;
		} else {
			ok(false, "random profile %ju is valid: %s", (uintmax_t)number, e.msg);
		}
	}
	json_set_root(doc, json_clone(doc, json_root(s->doc)));
	if (dice_roll(&d, 8))
		mutate_shorten(json_root(doc));
	if (chance(&d, 60))
		mutate(doc, &d, &story);
	{
		AUTO_STR struct str bytes = STR_INIT;
		AUTO_JSON struct json_doc *read = NULL;
		struct err e;

		/* as a launch would read it: what has a wrong shape comes no further */
		json_write(json_root(doc), &bytes);
		if (json_parse(bytes.s, bytes.len, &spec_limits, JSON_STRICT, &read, &e) == 0 &&
			spec_check(read, spec_config, &e) == 0)
			run_pair(&t, read);
	}
	sum->accepted += t.accepted;
	sum->refused += !t.accepted;
	if (t.bad.n && sum->broken++ < SHOWN) {
		printf("# pair %ju: %s, %s after %s: %s\n#   %s\n#   %s\n", (uintmax_t)number,
			s->name, t.p[1]->name, t.p[0]->name, str_text(&story), str_text(&text[0]),
			str_text(&text[1]));
		show(&t);
	}
	strv_done(&t.bad);
	profile_free(made[0]);
	profile_free(made[1]);
	str_done(&text[0]);
	str_done(&text[1]);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);
	uint64_t n;

	return s && num_u64(s, UINT64_MAX, &n) ? n : otherwise;
}

int main(void)
{
	uint64_t seed = setting("CINCH_SEED", SEED), only = setting("CINCH_ONLY", UINT64_MAX);
	uint64_t many = setting(
		"CINCH_PAIRS", setting("CINCH_MUTATIONS", 20000) < 20000 ? ENOUGH / 10 : ENOUGH);
	struct profile *shipped[MAX_SHIPPED] = {NULL};
	struct tally sum = {0};
	size_t n = load_shipped(shipped);

	load();
	ok(n_samples == 50 && n >= 5, "%u samples, %zu shipped profiles", n_samples, n);
	if (only == UINT64_MAX)
		test_shipped(shipped, n);
	for (uint64_t i = only == UINT64_MAX ? 0 : only; n && n_samples && i < many; i++) {
		random_pair(i, seed, shipped, n, &sum);
		if (only != UINT64_MAX)
			break;
	}
	printf("# %ju pairs, %ju random profiles: %ju accepted, %ju refused\n", (uintmax_t)many,
		(uintmax_t)sum.profiles, (uintmax_t)sum.accepted, (uintmax_t)sum.refused);
	ok(sum.broken == 0, "%ju random pairs broke a promise (CINCH_SEED=%ju)",
		(uintmax_t)sum.broken, (uintmax_t)seed);
	ok(only != UINT64_MAX || (sum.accepted > many / 10 && sum.refused > many / 10),
		"enough were accepted, and enough refused, for this to mean something");
	for (size_t i = 0; i < n; i++)
		profile_free(shipped[i]);
	for (uint32_t i = 0; i < n_samples; i++)
		json_free(samples[i].doc);
	return tap_done();
}

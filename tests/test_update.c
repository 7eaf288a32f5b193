/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_update - new limits of a running container: what they are read from, and that nothing is lifted.
 *
 * The property is held over the recorded documents and thousands of random ones; CINCH_MUTATIONS=N sets how
 * many, CINCH_SEED=N makes others.
 */
#include "tests/pass_rig.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profiles/running.h"
#include "shim/base/num.h"
#include "shim/update_resources.h"
#include "shim/tighten.h"
#include "tests/mutate.h"
#include "tests/ratchet_update.h"
#include "tests/scratch.h"

enum { ENOUGH = 20000, SHOWN = 5, SEED = 1795329120, WORDS = 40 };

#define SAME(what, p, in)                                                                          \
	{                                                                                          \
		what, p, in, NULL, NULL, NULL, NULL                                                \
	}
#define MAKE(what, p, in, want, note)                                                              \
	{                                                                                          \
		what, p, in, want, NULL, note, NULL                                                \
	}
#define DENY(what, p, in, text)                                                                    \
	{                                                                                          \
		what, p, in, NULL, text, NULL, NULL                                                \
	}
#define RES(members) "{\"linux\":{\"resources\":{" members "}}}"
#define PIDS(n) "\"pids\":{\"limit\":" n "}"
#define MEM(members) "\"memory\":{" members "}"
#define UNI(key, value) "\"unified\":{\"" key "\":\"" value "\"}"

static const struct profile free_hand = {.name = (char *)"free", .resources = {-1, -1, NULL, 0}};
static const struct profile bound = {.name = (char *)"bound", .resources = {100, 1000, NULL, 0}};

static const struct pass_row held[] = {
	SAME("nothing", &bound, RES("")),
	SAME("nothing of it is added", &bound, RES(MEM("") "," PIDS("9"))),
	SAME("null is nothing", &bound, RES("\"memory\":null,\"pids\":{\"limit\":null}")),
	SAME("below", &bound, RES(PIDS("99") "," MEM("\"limit\":999,\"swap\":-1"))),
	SAME("at", &bound, RES(PIDS("100") "," MEM("\"limit\":1000"))),
	MAKE("above", &bound, RES(PIDS("101") "," MEM("\"limit\":1001")),
		RES(PIDS("100") "," MEM("\"limit\":1000")), "ceiling on"),
	MAKE("no limit", &bound, RES(PIDS("-1") "," MEM("\"limit\":-1,\"swap\":-1")),
		RES(PIDS("100") "," MEM("\"limit\":1000,\"swap\":-1")), "negative means none"),
	MAKE("below nothing", &bound, RES(PIDS("-9223372036854775808") "," MEM("\"limit\":-2")),
		RES(PIDS("100") "," MEM("\"limit\":1000")), "ceiling"),
	MAKE("zero is taken out, not raised", &bound,
		RES(PIDS("0") "," MEM("\"limit\":0,\"reservation\":0")),
		RES("\"pids\":{}," MEM("\"reservation\":0")), "zero changes nothing"),
	SAME("zero without a ceiling", &free_hand, RES(PIDS("0") "," MEM("\"limit\":0"))),
	SAME("no ceilings", &free_hand, RES(PIDS("-1") "," MEM("\"limit\":-1"))),
	MAKE("as much swap as asked for", &bound, RES(MEM("\"limit\":5000,\"swap\":5000")),
		RES(MEM("\"limit\":1000,\"swap\":1000")), "as much swap"),
	MAKE("some swap", &bound, RES(MEM("\"limit\":5000,\"swap\":7000")),
		RES(MEM("\"limit\":1000,\"swap\":3000")), "as much swap"),
	MAKE("swap below the ceiling", &bound, RES(MEM("\"limit\":5000,\"swap\":400")),
		RES(MEM("\"limit\":400,\"swap\":400")), "ceiling"),
	SAME("swap alone", &bound, RES(MEM("\"swap\":5000"))),
	SAME("swap 0 means none to crun", &bound, RES(MEM("\"limit\":9,\"swap\":0"))),
	MAKE("devices", &bound, RES("\"devices\":[{\"allow\":true,\"access\":\"rwm\"}]," PIDS("9")),
		RES(PIDS("9")), "devices are given at create"),
	MAKE("devices as kubelets send them", &free_hand,
		RES("\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]"), RES(""), "devices"),
	MAKE("real time", &free_hand,
		RES("\"cpu\":{\"realtimeRuntime\":950000,\"realtimePeriod\":1000000,\"quota\":3}"),
		RES("\"cpu\":{\"quota\":3}"), "starve"),
	MAKE("a killer switched off", &free_hand, RES(MEM("\"disableOOMKiller\":true")),
		RES(MEM("\"disableOOMKiller\":false")), "killed, not frozen"),
	SAME("shares of the parent", &bound,
		RES("\"cpu\":{\"shares\":9,\"quota\":-1,\"period\":1,\"burst\":1,\"cpus\":\"0-3\","
		    "\"mems\":\"0\",\"idle\":0},\"blockIO\":{\"weight\":0},\"network\":{"
		    "\"classID\":"
		    "1},\"rdma\":{\"a\":{\"hcaHandles\":1}},\"hugepageLimits\":[{\"pageSize\":"
		    "\"2MB\","
		    "\"limit\":0}]")),
	MAKE("unified above", &bound, RES(UNI("pids.max", "max")), RES(UNI("pids.max", "100")),
		"ceiling"),
	MAKE("unified memory", &bound, RES(UNI("memory.max", "1G")), RES(UNI("memory.max", "1000")),
		"ceiling"),
	SAME("unified below", &bound, RES(UNI("memory.max", "999"))),
	DENY("unified unclear", &bound, RES(UNI("memory.max", "0x1")), "cannot be compared"),
	DENY("no limit of cgroup2", &free_hand, RES(UNI("cgroup.procs", "1")), "not a clean limit"),
};

/* Without a record nothing is lowered: the limits may be those it has. */
static const struct pass_row unheld[] = {
	SAME("below", &bound, RES(PIDS("99") "," MEM("\"limit\":999,\"swap\":2000"))),
	MAKE("above stays as it is", &bound,
		RES(PIDS("101") "," MEM("\"limit\":1001,\"swap\":1001,\"reservation\":5")),
		RES("\"pids\":{}," MEM("\"reservation\":5")), "not known"),
	MAKE("no limit", &bound, RES(PIDS("-1") "," MEM("\"limit\":-1")),
		RES("\"pids\":{}," MEM("")), "not known"),
	MAKE("zero", &bound, RES(PIDS("0")), RES("\"pids\":{}"), "zero"),
	SAME("swap alone", &bound, RES(MEM("\"swap\":5000"))),
	MAKE("unified", &bound,
		RES("\"unified\":{\"memory.max\":\"max\",\"pids.max\":\"101\",\"cpu.weight\":"
		    "\"9\"}"),
		RES(UNI("cpu.weight", "9")), "not known"),
	SAME("unified below", &bound, RES(UNI("pids.max", "99"))),
	DENY("unified unclear", &bound, RES(UNI("pids.max", "0x1")), "cannot be compared"),
	MAKE("devices go all the same", &free_hand, RES("\"devices\":[]"), RES(""), "devices"),
	MAKE("so does the killer", &free_hand, RES(MEM("\"disableOOMKiller\":true")),
		RES(MEM("\"disableOOMKiller\":false")), "killed"),
};

/* ---- reading ---- */

static void begin(const char *line, char *words, struct args *a)
{
	static char *argv[WORDS + 1];
	char *save = NULL;
	int n = 1;
	struct err e = {0};

	argv[0] = (char *)"cinch";
	for (char *w = strtok_r(words, " ", &save); w && n < WORDS; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	if (args_parse(n, argv, a, &e) < 0) {
		printf("# %s: %s\n", line, e.msg);
		exit(2);
	}
}

/* LINE reads as WANT, a resources object; NULL: it is refused because of WHY. */
static void reads(const char *line, const char *want, const char *why)
{
	AUTO_FREE char *words = strdup(line);
	AUTO_ARGS struct args a = {0};
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_STR struct str got = STR_INIT;
	struct err e = {0};

	begin(line, words, &a);
	if (update_resources_read(&a, &doc, &e) < 0) {
		ok(!want && strstr(e.msg, why) && e.code == ERR_INPUT, "%s: %s", line, e.msg);
		return;
	}
	json_write(json_at(json_root(doc), "/linux/resources"), &got);
	tap_same(str_text(&got), want, line);
}

static void test_options(void)
{
	reads("update c", "{}", NULL);
	reads("update --memory 5 --memory-swap=-1 -memory-reservation 3 c",
		"{\"memory\":{\"limit\":5,\"reservation\":3,\"swap\":-1}}", NULL);
	reads("update --pids-limit=-1 --blkio-weight 10 c",
		"{\"blockIO\":{\"weight\":10},\"pids\":{\"limit\":-1}}", NULL);
	reads("update --cpu-period 18446744073709551615 --cpu-quota=-1 --cpu-share 2 --cpu-burst 4"
	      " --cpu-idle 1 --cpuset-cpus 0-3 --cpuset-mems 0 c",
		"{\"cpu\":{\"period\":18446744073709551615,\"quota\":-1,\"burst\":4,\"shares\":2,"
		"\"idle\":1,\"cpus\":\"0-3\",\"mems\":\"0\"}}",
		NULL);
	reads("update --cpu-rt-period 1 --cpu-rt-runtime 2 --kernel-memory 3 --kernel-memory-tcp 4 "
	      "c",
		"{\"cpu\":{\"realtimePeriod\":1,\"realtimeRuntime\":2},\"memory\":{\"kernel\":3,"
		"\"kernelTCP\":4}}",
		NULL);
	reads("update --memory 9223372036854775807 --pids-limit 0 c",
		"{\"memory\":{\"limit\":9223372036854775807},\"pids\":{\"limit\":0}}", NULL);
	reads("update --memory 1 --memory 2 c", "{\"memory\":{\"limit\":2}}", NULL);
	reads("update --l3-cache-schema x --mem-bw-schema y c", "{}", NULL);
}

static void reads_file(const char *text, const char *want, const char *why)
{
	AUTO_STR struct str line = STR_INIT;

	str_addf(&line, "update --resources %s --memory 7 c", scratch_write("r.json", text));
	reads(str_text(&line), want, why);
}

static void test_files(void)
{
	AUTO_STR struct str line = STR_INIT, deep = STR_INIT;
	char path[4096];
	AUTO_FD int big = -1;

	reads_file("{ \"memory\" : {\"limit\":5} }\n", "{\"memory\":{\"limit\":5}}", NULL);
	reads_file("{\"pids\":{\"limit\":18446744073709551616}}", NULL, "/pids/limit");
	reads_file("{\"pids\":{\"limit\":1.0}}", NULL, "/pids/limit");
	reads_file("{\"pids\":{\"limit\":-0}}", NULL, "/pids/limit");
	reads_file("{\"pids\":{\"limit\":\"5\"}}", NULL, "/pids/limit");
	reads_file("{\"Memory\":{\"limit\":5}}", NULL, "Memory");
	reads_file("{\"memory\":{\"limit\":5},\"memory\":{\"limit\":6}}", NULL, "memory");
	reads_file("{\"memory\":{\"limit\":5,\"l\\u0069mit\":6}}", NULL, "limit");
	reads_file("{} {}", NULL, "r.json");
	reads_file("[]", NULL, "r.json");
	reads_file("null", NULL, "r.json");
	reads_file("", NULL, "r.json");
	reads_file("{\"x\":1}", "{\"x\":1}", NULL); /* for the pass "unknown" */
	for (int i = 0; i < 200; i++)
		str_add(&deep, "{\"a\":");
	reads_file(str_text(&deep), NULL, "dee");

	str_addf(&line, "update --resources %s c", scratch_dir());
	reads(str_text(&line), NULL, "no regular file");
	snprintf(path, sizeof path, "%s", scratch_path("fifo"));
	ok(mkfifo(path, 0600) == 0, "a FIFO");
	str_reset(&line);
	str_addf(&line, "update -r %s c", path);
	reads(str_text(&line), NULL, "no regular file");
	snprintf(path, sizeof path, "%s", scratch_path("big"));
	big = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ok(big >= 0 && ftruncate(big, 100 << 20) == 0, "a file of 100 MB");
	str_reset(&line);
	str_addf(&line, "update --resources=%s c", path);
	reads(str_text(&line), NULL, "limit 4194304");
	reads("update --resources /dev/zero c", NULL, "no regular file");
}

static void set_stdin(const char *path)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

	dup2(fd, STDIN_FILENO);
}

static void test_stdin(void)
{
	int pipes[2];

	set_stdin(scratch_write("in.json", "{\"pids\":{\"limit\":5}}\n"));
	reads("update --resources - c", "{\"pids\":{\"limit\":5}}", NULL);
	set_stdin("/dev/zero"); /* has no end */
	reads("update --resources - c", NULL, "more than 4194304 bytes");
	set_stdin("/dev/null");
	reads("update -r - c", NULL, "from standard input");
	if (pipe2(pipes, O_CLOEXEC) < 0)
		exit(2);
	ok(write(pipes[1], "{}", 2) == 2, "a pipe");
	close(pipes[1]);
	dup2(pipes[0], STDIN_FILENO);
	close(pipes[0]);
	reads("update -r=- c", "{}", NULL);
	set_stdin("/dev/null");
}

static void test_hand_on(void)
{
	static const char line[] = "--root r update --memory 1 --pids-limit 2 --resources - "
				   "--l3-cache-schema x --cpu-idle 0 c";
	AUTO_FREE char *words = strdup(line);
	AUTO_FREE char **argv = NULL;
	AUTO_ARGS struct args a = {0};
	AUTO_STR struct str got = STR_INIT;
	struct err e = {0};

	begin(line, words, &a);
	ok(update_resources_hand_on(&a, "/proc/self/fd/7", &e) == 0, "handed on");
	argv = args_emit(&a, "rt", &e);
	for (char **w = argv; *w; w++)
		str_addf(&got, "%s%s", w == argv ? "" : " ", *w);
	tap_same(str_text(&got),
		"rt --root r update --l3-cache-schema x --resources /proc/self/fd/7 -- c",
		"one document, and what it cannot say");
}

/* ---- the property ---- */

struct tally {
	uint64_t accepted, refused, misshapen, changed, broken;
};

static struct json_doc *parse(const char *text, size_t len)
{
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e;

	if (json_parse(text, len, &spec_limits, JSON_STRICT, &doc, &e) < 0 ||
		spec_check(doc, spec_resources, &e) < 0)
		return NULL;
	return take_ptr(&doc);
}

/* The resources TEXT through P; what comes out appended to OUT. False when it is refused. */
static bool judged(const char *text, const struct profile *p, bool no_record, struct str *out,
	struct report *report)
{
	const struct world w = {.unheld = no_record};
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_STR struct str wrapped = STR_INIT;
	struct err e = {0};

	str_addf(&wrapped, "{\"linux\":{\"resources\":%s}}", text);
	if (json_parse(wrapped.s, wrapped.len, &spec_limits, JSON_STRICT, &doc, &e) < 0 ||
		tighten_resources(doc, p, &w, report, &e) < 0)
		return false;
	json_write(json_at(json_root(doc), "/linux/resources"), out);
	return true;
}

/* One document through one profile: no more than before, and no more to do. */
static void hold(const char *text, const struct profile *p, bool no_record, struct tally *t,
	struct strv *bad)
{
	AUTO_REPORT struct report report = {0}, again = {0};
	AUTO_STR struct str out = STR_INIT, twice = STR_INIT;
	AUTO_JSON struct json_doc *asked = parse(text, strlen(text)), *got = NULL;

	if (!asked) {
		t->misshapen++;
		return;
	}
	if (!judged(text, p, no_record, &out, &report)) {
		t->refused++;
		if (report_denials(&report) == 0)
			strv_add(bad, "refused without a reason");
		return;
	}
	t->accepted++;
	t->changed += report_changes(&report) > 0;
	got = parse(str_text(&out), out.len);
	if (!got) {
		strv_add(bad, "the result is not valid");
		return;
	}
	if (p->mode == PROFILE_ENFORCE)
		ratchet_update(json_root(asked), json_root(got), p, no_record, bad);
	if (report_changes(&report) == 0 && !json_equal(json_root(asked), json_root(got)))
		strv_add(bad, "changed without a record");
	if (!judged(str_text(&out), p, no_record, &twice, &again) || report_changes(&again) ||
		strcmp(str_text(&twice), str_text(&out)) != 0)
		strv_add(bad, "the second run is not the first");
}

/* Numbers at the edges of the two ceilings, and odd ones. */
static const char *const values[] = {"0", "1", "-1", "-2", "99", "100", "101", "1023", "1024",
	"1025", "999", "1000", "1001", "1073741823", "1073741824", "1073741825", "2147483648",
	"2147483649", "9223372036854775807", "-9223372036854775808", "4294967296", "null"};
static const char *const texts[] = {"max", "0", "1", "100", "101", "1K", "1g", "2T", " 5 ", "1024",
	"1025", "-1", "0x10", "", "max x"};
static const char *const number_keys[][2] = {{"memory", "limit"}, {"memory", "limit"},
	{"memory", "swap"}, {"memory", "swap"}, {"memory", "reservation"}, {"memory", "kernel"},
	{"pids", "limit"}, {"pids", "limit"}, {"cpu", "quota"}, {"cpu", "realtimeRuntime"},
	{"cpu", "idle"}, {"cpu", "unheard"}, {"unheard", "limit"}};
static const char *const text_keys[] = {
	"memory.max", "pids.max", "memory.swap.max", "cpu.max", "memory.high"};

#define PICK(table) (table)[dice_roll(d, sizeof(table) / sizeof *(table))]

static struct json *value(struct json_doc *doc, const char *text)
{
	int64_t n;

	return num_i64(text, INT64_MIN, INT64_MAX, &n) ? json_int(doc, n) : json_null(doc);
}

/* A random update: some of what is bounded, sometimes with what mutate() makes of it. */
static void random_update(struct dice *d, const struct json *sample, struct str *out)
{
	AUTO_JSON struct json_doc *doc = json_new();
	AUTO_STR struct str story = STR_INIT;
	struct json *root = json_object(doc), *part = json_object(doc);
	struct json *r = dice_roll(d, 3) ? json_object(doc) : json_clone(doc, sample);

	json_put(doc, part, "resources", r);
	json_put(doc, root, "linux", part);
	json_set_root(doc, root);
	for (uint32_t n = dice_roll(d, 6); n > 0; n--) {
		size_t i = dice_roll(d, sizeof number_keys / sizeof *number_keys);
		const char *where = number_keys[i][0];

		if (!json_is(json_get(r, where), JSON_OBJECT))
			json_put(doc, r, where, json_object(doc));
		json_put(doc, json_get(r, where), number_keys[i][1], value(doc, PICK(values)));
	}
	if (dice_roll(d, 3) == 0) {
		struct json *unified = json_object(doc);

		json_put(doc, unified, PICK(text_keys), json_string(doc, PICK(texts)));
		json_put(doc, unified, PICK(text_keys), json_string(doc, PICK(texts)));
		json_put(doc, r, "unified", unified);
	}
	if (dice_roll(d, 8) == 0)
		json_put(doc, json_get(r, "memory"), "disableOOMKiller", json_bool(doc, true));
	if (dice_roll(d, 4) == 0)
		mutate(doc, d, &story);
	r = json_at(json_root(doc), "/linux/resources");
	if (json_is(r, JSON_OBJECT))
		json_write(r, out);
	else
		str_add(out, "[]");
}

static void tell(const char *what, const char *text, const struct profile *p, struct tally *t,
	const struct strv *bad)
{
	if (bad->n == 0 || t->broken++ >= SHOWN)
		return;
	printf("# %s under %s: %s\n", what, p->name, text);
	for (size_t i = 0; i < bad->n && i < 6; i++)
		printf("#   %s\n", bad->v[i]);
}

static struct profile *profiles[16];
static size_t n_profiles;

/* All that are shipped, each as a container that runs remembers it, and two with low ceilings. */
static void load_profiles(void)
{
	static struct profile low[] = {{.name = (char *)"low", .resources = {100, 1024, NULL, 0}},
		{.name = (char *)"usual", .resources = {1024, 1 << 30, NULL, 0}},
		{.name = (char *)"memory", .resources = {-1, 1000, NULL, 0}}};
	const char *name;

	for (size_t i = 0; (name = profile_builtin_name(i)) && n_profiles < 12; i++) {
		AUTO_PROFILE struct profile *p = NULL;
		AUTO_JSON struct json_doc *doc = json_new();
		struct err e = {0};

		if (strchr(name, '/'))
			continue;
		ok(profile_builtin(name, &p, &e) == 0 &&
				running_parse(doc, running_profile(p, doc), NULL,
					&profiles[n_profiles], &e) == 0,
			"profile %s: %s", name, e.msg);
		ok(profiles[n_profiles]->resources.pids == p->resources.pids &&
				profiles[n_profiles]->resources.memory == p->resources.memory,
			"%s: the ceilings are remembered", name);
		n_profiles++;
	}
	ok(n_profiles >= 5, "%zu shipped profiles", n_profiles);
	for (size_t i = 0; i < sizeof low / sizeof *low; i++)
		profiles[n_profiles++] = &low[i];
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);
	uint64_t n;

	return s && num_u64(s, UINT64_MAX, &n) ? n : otherwise;
}

static void test_property(const struct json *sample)
{
	uint64_t many = setting("CINCH_MUTATIONS", ENOUGH), seed = setting("CINCH_SEED", SEED);
	struct tally t = {0};

	for (uint64_t i = 0; i < many; i++) {
		struct dice d = {seed * 1000003 + i};
		const struct profile *p = profiles[dice_roll(&d, (uint32_t)n_profiles)];
		bool no_record = dice_roll(&d, 4) == 0;
		AUTO_STR struct str text = STR_INIT;
		AUTO_STRV struct strv bad = {NULL, 0};

		random_update(&d, sample, &text);
		hold(str_text(&text), p, no_record, &t, &bad);
		tell(no_record ? "no record" : "record", str_text(&text), p, &t, &bad);
	}
	printf("# %ju accepted (%ju changed), %ju refused, %ju of the wrong shape\n",
		(uintmax_t)t.accepted, (uintmax_t)t.changed, (uintmax_t)t.refused,
		(uintmax_t)t.misshapen);
	ok(t.broken == 0, "%ju updates, %ju broke a promise (CINCH_SEED=%ju)", (uintmax_t)many,
		(uintmax_t)t.broken, (uintmax_t)seed);
	ok(t.changed > many / 5 && t.refused > many / 100,
		"enough were changed, and enough refused, for this to mean something");
}

static void test_samples(void)
{
	static const char *const names[] = {
		"cri-update-resources.json", "docker-update-resources.json"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		AUTO_STR struct str path = STR_INIT, text = STR_INIT, cri = STR_INIT;
		AUTO_JSON struct json_doc *doc = NULL;
		AUTO_REPORT struct report report = {0};
		AUTO_FREE char *words = NULL;
		AUTO_ARGS struct args a = {0};
		struct err e = {0};

		str_addf(&path, "update --resources tests/data/samples/%s c", names[i]);
		words = strdup(str_text(&path));
		begin(names[i], words, &a);
		if (!ok(update_resources_read(&a, &doc, &e) == 0, "%s: %s", names[i], e.msg))
			continue;
		json_write(json_at(json_root(doc), "/linux/resources"), &text);
		for (size_t k = 0; k < 2 * n_profiles; k++) {
			AUTO_STRV struct strv bad = {NULL, 0};
			struct tally t = {0};

			hold(str_text(&text), profiles[k / 2], k % 2, &t, &bad);
			tell(names[i], str_text(&text), profiles[k / 2], &t, &bad);
			ok(t.accepted == 1 && t.broken == 0, "%s under %s%s", names[i],
				profiles[k / 2]->name, k % 2 ? ", no record" : "");
		}
		if (i == 1) {
			test_property(json_at(json_root(doc), "/linux/resources"));
			continue;
		}
		ok(judged(str_text(&text), &free_hand, false, &cri, &report), "a kubelet's");
		ok(!strstr(str_text(&cri), "devices") && report_changes(&report) == 1,
			"loses its devices and nothing else: %s", str_text(&cri));
	}
}

/* The judge is judged: what would be a gain is found. */
static void test_judge(void)
{
	static const struct {
		const char *what, *asked, *out, *want;
	} rows[] = {
		{"the same", "{\"memory\":{\"limit\":9}}", "{\"memory\":{\"limit\":9}}", NULL},
		{"no limit", "{\"memory\":{\"limit\":-1}}", "{\"memory\":{\"limit\":-1}}",
			"the ceiling is 1000"},
		{"above", "{\"pids\":{\"limit\":101}}", "{\"pids\":{\"limit\":101}}",
			"the ceiling is 100"},
		{"zero raised", "{\"pids\":{\"limit\":0}}", "{\"pids\":{\"limit\":100}}",
			"asked for was"},
		{"zero left", "{\"memory\":{\"limit\":0}}", "{\"memory\":{\"limit\":0}}",
			"zero is no limit: memory"},
		{"added", "{}", "{\"pids\":{\"limit\":100}}", "was not asked for"},
		{"raised past what was asked", "{\"pids\":{\"limit\":5}}",
			"{\"pids\":{\"limit\":50}}", "asked for was 5"},
		{"memory becomes swap", "{\"memory\":{\"limit\":9000,\"swap\":9000}}",
			"{\"memory\":{\"limit\":1000,\"swap\":9000}}", "swap from"},
		{"swap unbound", "{\"memory\":{\"limit\":9,\"swap\":9}}",
			"{\"memory\":{\"limit\":9,\"swap\":-1}}", "memory and swap from"},
		{"unified", "{\"unified\":{\"memory.max\":\"1G\"}}",
			"{\"unified\":{\"memory.max\":\"1G\"}}", "the ceiling is 1000"},
		{"a limit gone", "{\"memory\":{\"limit\":9}}", "{\"memory\":{}}", "limit is gone"},
		{"a share gone", "{\"cpu\":{\"shares\":9}}", "{\"cpu\":{}}", "shares is gone"},
		{"a share changed", "{\"cpu\":{\"shares\":9}}", "{\"cpu\":{\"shares\":8}}",
			"shares changed"},
		{"real time", "{\"cpu\":{\"realtimeRuntime\":9}}",
			"{\"cpu\":{\"realtimeRuntime\":9}}", "not to be in"},
		{"devices", "{\"devices\":[]}", "{\"devices\":[]}", "devices in an update"},
		{"killer", "{\"memory\":{\"disableOOMKiller\":true}}",
			"{\"memory\":{\"disableOOMKiller\":true}}", "killer"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		AUTO_JSON struct json_doc *in = parse(rows[i].asked, strlen(rows[i].asked));
		AUTO_JSON struct json_doc *out = parse(rows[i].out, strlen(rows[i].out));
		AUTO_STRV struct strv bad = {NULL, 0};
		bool found = false;

		ratchet_update(json_root(in), json_root(out), &bound, false, &bad);
		for (size_t k = 0; rows[i].want && k < bad.n; k++)
			found |= strstr(bad.v[k], rows[i].want) != NULL;
		ok(rows[i].want ? found : bad.n == 0, "judge, %s: %s", rows[i].what,
			bad.n ? bad.v[0] : "nothing");
	}
}

int main(void)
{
	AUTO_FAKE struct world_fake none;

	world_fake_init(&none);
	none.world.unheld = true;
	PASS_RIG(pass_update, held);
	pass_rig(pass_update, unheld, sizeof unheld / sizeof *unheld, &none.world);
	test_options();
	test_files();
	test_stdin();
	test_hand_on();
	test_judge();
	load_profiles();
	test_samples();
	return tap_done();
}

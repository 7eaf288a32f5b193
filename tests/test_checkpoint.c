/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_checkpoint - what an image of a checkpoint carries beyond the container is found, whatever it is; what
 * cannot be read is found, too.
 */
#include "shim/checkpoint.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/criu.h"
#include "shim/select.h"
#include "tests/criu_image.h"
#include "tests/scratch.h"
#include "tests/tap.h"

#define BIT(n) ((uint64_t)1 << (n))

static const struct json_limits limits = {1 << 20, 20, 20000};

/* A container as it is after tighten, under a profile like restricted. */
static const char config[] =
	"{\"process\": {\"noNewPrivileges\": true, \"capabilities\": {\"bounding\": "
	"[\"CAP_NET_BIND_SERVICE\", \"CAP_KILL\"], \"permitted\": [\"CAP_NET_BIND_SERVICE\"], "
	"\"effective\": []}, \"rlimits\": [{\"type\": \"RLIMIT_NOFILE\", \"soft\": 1024, \"hard\": "
	"4096}, {\"type\": \"RLIMIT_CORE\", \"soft\": 0, \"hard\": 0}], \"user\": {\"uid\": "
	"65532}}, "
	"\"linux\": {\"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"network\", \"path\": "
	"\"/run/netns/x\"}, {\"type\": \"mount\"}, {\"type\": \"cgroup\"}], \"seccomp\": "
	"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": "
	"[{\"names\": "
	"[\"read\", \"ptrace\"], \"action\": \"SCMP_ACT_ALLOW\"}]}}}";
static const char strict[] =
	"{\"profile\": \"p\", \"version\": \"1\", \"capabilities\": [\"CAP_NET_BIND_SERVICE\", "
	"\"CAP_KILL\"],\n\"user\": {\"root\": \"deny\"}}";

struct rig {
	struct json_doc *doc;
	struct profile *p[SELECT_MAX];
	struct checkpoint_ask ask;
	struct report report;
	int dir;
};

static void rig_init(struct rig *r, const char *text, const char *profile)
{
	struct err e = {0};

	*r = (struct rig){.dir = -1};
	if (json_parse(text, strlen(text), &limits, JSON_STRICT, &r->doc, &e) < 0 ||
		profile_parse("p.json", profile, strlen(profile), &r->p[0], &e) < 0) {
		printf("not ok - %s\n", e.msg);
		exit(2);
	}
	r->ask = (struct checkpoint_ask){
		.path = scratch_path("images"), .doc = r->doc, .p = r->p, .n = 1};
}

static void rig_done(struct rig *r)
{
	json_free(r->doc);
	profile_free(r->p[0]);
	profile_free(r->p[1]);
	report_done(&r->report);
	if (r->dir >= 0)
		close(r->dir);
}

#define AUTO_RIG __attribute__((cleanup(rig_done)))

static void write_image(const char *name, const struct pb *file)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof path, "%s/%s", scratch_path("images"), name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, file->b, file->n) != (ssize_t)file->n) {
		perror(path);
		exit(2);
	}
	close(fd);
}

static void write_core(const char *name, const struct criu_made *m)
{
	struct pb core = {.n = 0}, file;
	char ids[64];

	criu_put_core(&core, m);
	criu_file(&file, CRIU_MAGIC_CORE, &core);
	write_image(name, &file);
	if (m->state < 0)
		return;
	core.n = 0;
	criu_put_ids(&core, (unsigned)m->node);
	criu_file(&file, CRIU_MAGIC_IDS, &core);
	snprintf(ids, sizeof ids, "ids-%s", name + strlen("core-"));
	write_image(ids, &file);
}

enum { EPERM_ACTION = 0x00050001, ALLOW_ACTION = 0x7fff0000 };

/* An empty directory with one filter that denies everything. */
static void begin(void)
{
	struct pb all = {.n = 0}, file;
	char command[5000];

	snprintf(command, sizeof command, "rm -rf '%s' && mkdir -m 700 '%s'",
		scratch_path("images"), scratch_path("images"));
	if (system(command) != 0)
		exit(2);
	criu_put_filter(&all, EPERM_ACTION, -1, -1);
	criu_file(&file, CRIU_MAGIC_SECCOMP, &all);
	write_image("seccomp.img", &file);
	criu_inventory(&file, 2);
	write_image("inventory.img", &file);
}

/* The denial of CONTROL whose text has TEXT, at PLACE (NULL: anywhere). */
static const struct change *find(
	const struct report *r, const char *control, const char *text, const char *place)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->changes[i].kind == CHANGE_DENY &&
			strcmp(control_name(r->changes[i].control), control) == 0 &&
			strstr(r->changes[i].why, text) &&
			(!place || strcmp(r->changes[i].place, place) == 0))
			return &r->changes[i];
	return NULL;
}

static void show(const struct report *r)
{
	for (size_t i = 0; i < r->n; i++)
		printf("# %s: %s (%s) %s\n", control_name(r->changes[i].control), r->changes[i].why,
			r->changes[i].place, r->changes[i].rule);
}

static bool judge(struct rig *r)
{
	struct err e = {0};

	if (checkpoint_judge(&r->ask, &r->dir, &r->report, &e) == 0)
		return true;
	printf("# %s\n", e.msg);
	return false;
}

/* ---- one thing at a time ---- */

/* What one image says otherwise than it may. */
static const struct {
	const char *word, *control, *text;
} spoilt[] = {
	{"uid=0", "user", "uid 0, which counts as root"},
	{"euid=0", "user", "effective uid 0, which counts as root"},
	{"sgid=0", "user", "saved gid 0, which counts as root"},
	{"fsuid=0", "user", "file system uid 0"},
	{"group=0", "user", "group 0, which counts as root"},
	{"suid=2147483648", "user", "saved uid 2147483648"},
	{"group=4294967295", "user", "group 4294967295"},
	{"prm=0x20", "capabilities", "CAP_KILL (permitted)"}, /* bounding; nothing can be gained */
	{"eff=0x200000", "capabilities", "CAP_SYS_ADMIN (effective)"},
	{"bnd=0x8000000000", "capabilities", "CAP_BPF (bounding)"},
	{"bnd=0x8000000000000000", "capabilities", "63 (bounding)"},
	{"inh=0x400", "capabilities", "CAP_NET_BIND_SERVICE (inheritable)"},
	{"amb=0x400", "capabilities", "CAP_NET_BIND_SERVICE (ambient)"},
	{"secbits=4", "capabilities", "securebits 0x4"},
	{"secbits=0x100", "capabilities", "securebits 0x100"},
	{"nnp=0", "noNewPrivileges", "does not carry no_new_privs"},
	{"nnp=-1", "noNewPrivileges", "from 3.19 on"},
	{"mode=-1", "seccomp", "no filter of system calls (mode 0)"},
	{"mode=0", "seccomp", "no filter of system calls (mode 0)"},
	{"mode=1", "seccomp", "no filter of system calls (mode 1)"},
	{"filter=-1", "seccomp", "no filter of system calls (mode 2)"},
	{"filter=1", "seccomp", "(1) that seccomp.img does not have"},
	{"rlimit=7:4097", "resources", "RLIMIT_NOFILE above 4096"},
	{"rlimit=4:0xffffffffffffffff", "resources", "RLIMIT_CORE above 0"},
	{"node=1", "namespaces", "the node's own namespaces: pid;"},
	{"node=82", "namespaces", "network, mount, cgroup;"},
	{"oom=-1", "resources", "oom_score_adj -1"},
	{"policy=1", "process", "real-time scheduling (policy 1)"},
	{"nice=-20", "process", "nice -20"},
	{"creds=no", "unknown", "core-7.img: has no credentials"},
	{"state=6", "unknown", "\"task_state\" is 6"},
	{"state=-1", "user", "uid 0"}, /* a thread, see below */
	{"state=2", "user", "uid 0"}, /* a zombie that has credentials all the same */
};

static void test_spoilt(void)
{
	for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
		struct criu_made m = criu_made_plain;
		AUTO_RIG struct rig r;
		const struct change *c;

		rig_init(&r, config, strict);
		begin();
		write_core("core-1.img", &m);
		criu_made_set(&m, spoilt[i].word);
		if (str_starts(spoilt[i].word, "state=") && m.state != 6)
			m.ids[0] = 0;
		write_core("core-7.img", &m);
		if (!ok(judge(&r), "%s: judged", spoilt[i].word))
			continue;
		c = find(&r.report, spoilt[i].control, spoilt[i].text, "core-7.img");
		if (!ok(c && c->enforced && report_denials(&r.report) == 1,
			    "%s: refused for %s, and nothing else", spoilt[i].word, spoilt[i].text))
			show(&r.report);
		ok(c && str_ends(c->why, "; start the container anew"), "it says what to do");
		ok(r.dir >= 0, "the directory is there");
	}
}

/* ---- what is within ---- */

static void accepted(struct rig *r, const char *what)
{
	if (!ok(judge(r) && r->report.n == 0 && r->dir >= 0, "%s", what))
		show(&r->report);
}

static void test_within(void)
{
	struct criu_made m = criu_made_plain;
	AUTO_RIG struct rig r, user;

	rig_init(&r, config, strict);
	begin();
	m.caps[1] = m.caps[2] = BIT(CAP_NET_BIND_SERVICE);
	m.caps[3] = BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_KILL);
	m.securebits = 0xfb;
	m.groups[0] = 1;
	m.groups[1] = INT32_MAX;
	m.n_groups = 2;
	m.n_rlimits = 16;
	m.rlimits[RLIMIT_NOFILE][0] = m.rlimits[RLIMIT_NOFILE][1] = 4096;
	m.policy = 3;
	m.nice = 19;
	m.oom = 1000;
	write_core("core-1.img", &m);
	m = criu_made_plain;
	m.ids[0] = 1000; /* another user than that of config.json is no more */
	write_core("core-2.img", &m);
	m = criu_made_plain;
	m.state = 2;
	m.no_creds = true;
	write_core("core-3.img", &m); /* a zombie */
	m = criu_made_plain;
	m.state = -1;
	write_core("core-4.img", &m); /* a thread */
	m.state = 3;
	write_core("core-5.img", &m); /* stopped */
	accepted(&r, "what the container may have is restored");

	rig_init(&user,
		"{\"process\": {\"capabilities\": {\"bounding\": [\"CAP_CHOWN\"]}, "
		"\"apparmorProfile\": "
		"\"box\"}, \"linux\": {\"uidMappings\": [{\"containerID\": 0, \"hostID\": 100000, "
		"\"size\": 1000}], \"gidMappings\": [{\"containerID\": 0, \"hostID\": 200000, "
		"\"size\": "
		"1000}]}}",
		"{\"profile\": \"p\", \"version\": \"1\", \"user\": {\"root\": \"allow\"}, "
		"\"noNewPrivileges\": false, \"seccomp\": {\"profile\": \"unconfined\"}, "
		"\"capabilities\": [\"CAP_CHOWN\", \"CAP_SYS_NICE\"]}");
	begin();
	m = (struct criu_made){.no_new_privs = -1,
		.mode = -1,
		.filter = -1,
		.policy = 0,
		.oom = -2000,
		.state = 1};
	m.caps[1] = m.caps[2] = m.caps[3] = BIT(CAP_CHOWN);
	m.label = "box (enforce)";
	write_core("core-1.img", &m);
	m.label = "box";
	m.ids[0] = 999;
	write_core("core-2.img", &m);
	accepted(&user, "root, where it is allowed, without filter, and under the label");
}

/* ---- more than one image, more than one reason ---- */

static void test_many(void)
{
	struct criu_made m = criu_made_plain;
	AUTO_RIG struct rig r;
	char name[32];

	rig_init(&r, config, strict);
	begin();
	m.ids[0] = 0;
	m.caps[1] = BIT(CAP_SYS_ADMIN);
	m.mode = 0;
	for (int i = 1; i <= 30; i++) {
		snprintf(name, sizeof name, "core-%d.img", i);
		m.caps[1] = BIT(CAP_SYS_ADMIN) | BIT(i);
		write_core(name, &m);
	}
	ok(judge(&r) && report_denials(&r.report) == 3, "each reason once: %zu",
		report_denials(&r.report));
	ok(find(&r.report, "user", "in 29 more images", NULL), "with how many images have it");
	ok(find(&r.report, "capabilities", "more (permitted)", NULL),
		"and all capabilities of all");
	show(&r.report);
}

/* ---- filters ---- */

static void filters_of(uint32_t action, int except, int second)
{
	struct pb all = {.n = 0}, file;

	criu_put_filter(&all, action, except, -1);
	if (second)
		criu_put_filter(&all, ALLOW_ACTION, -1, 0);
	criu_file(&file, CRIU_MAGIC_SECCOMP, &all);
	write_image("seccomp.img", &file);
}

static void test_filters(void)
{
	static const struct {
		uint32_t action;
		int except, second, used;
		const char *passes; /* NULL: none */
	} rows[] = {
		{EPERM_ACTION, -1, 0, 0, NULL},
		{0x00000000, -1, 0, 0, NULL}, /* kill */
		{0x80000000, -1, 0, 0, NULL},
		{0x00030000, -1, 0, 0, NULL}, /* trap */
		{0x00050000 | 38, -1, 0, 0, NULL}, /* ENOSYS */
		{ALLOW_ACTION, -1, 0, 0, "acct, add_key, bpf, delete_module, finit_module and "},
		{0x7ffc0000, -1, 0, 0, "acct, add_key"}, /* log */
		{0x7fc00000, -1, 0, 0, "acct, add_key"}, /* ask another process */
		{0x7ff00000, -1, 0, 0, "acct, add_key"}, /* ask a tracer */
		{EPERM_ACTION, SYS_mount, 0, 0, "pass mount;"},
		{EPERM_ACTION, SYS_ptrace, 0, 0, NULL}, /* config.json lets it pass, too */
		{EPERM_ACTION, SYS_read, 0, 0, NULL},
		{EPERM_ACTION, -1, 1, 1, NULL}, /* what allows on top of what denies */
		{EPERM_ACTION, SYS_bpf, 1, 1, "pass bpf;"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct criu_made m = criu_made_plain;
		AUTO_RIG struct rig r;
		bool good;

		rig_init(&r, config, strict);
		begin();
		filters_of(rows[i].action, rows[i].except, rows[i].second);
		m.filter = rows[i].used;
		write_core("core-1.img", &m);
		good = judge(&r) &&
		       (rows[i].passes ? find(&r.report, "seccomp", rows[i].passes, NULL) != NULL
				       : r.report.n == 0);
		if (!ok(good, "filter %zu: %s", i, rows[i].passes ? rows[i].passes : "as strict"))
			show(&r.report);
	}
}

/* Programs the kernel would not take, or that never answer, let everything pass: they are refused. */
static void test_odd_programs(void)
{
	struct insn {
		uint16_t code;
		uint8_t jt, jf;
		uint32_t k;
	};
	static const struct {
		struct insn code[6];
		size_t n;
		bool denies;
	} rows[] = {
		{{{0x06, 0, 0, EPERM_ACTION}}, 1, true},
		{{{0x20, 0, 0, 0}}, 1, false}, /* no answer */
		{{{0x05, 0, 0, 0xffffffff}, {0x06, 0, 0, EPERM_ACTION}}, 2, false}, /* far away */
		{{{0x15, 255, 255, 0}, {0x06, 0, 0, EPERM_ACTION}}, 2, false},
		{{{0x20, 0, 0, 64}, {0x06, 0, 0, EPERM_ACTION}}, 2, false}, /* behind the data */
		{{{0x20, 0, 0, 61}, {0x06, 0, 0, EPERM_ACTION}}, 2, false},
		{{{0x28, 0, 0, 0}, {0x06, 0, 0, EPERM_ACTION}}, 2, false}, /* half a word */
		{{{0x02, 0, 0, 16}, {0x06, 0, 0, EPERM_ACTION}}, 2, false}, /* memory 16 */
		{{{0x34, 0, 0, 0}, {0x06, 0, 0, EPERM_ACTION}}, 2, false}, /* by zero */
		{{{0x00, 0, 0, EPERM_ACTION}, {0x16, 0, 0, 0}}, 2, true}, /* what was computed */
		{{{0x01, 0, 0, 1}, {0x00, 0, 0, 0x00050000}, {0x4c, 0, 0, 0}, {0x16, 0, 0, 0}}, 4,
			true}, /* or X */
		{{{0x00, 0, 0, EPERM_ACTION}, {0x02, 0, 0, 3}, {0x00, 0, 0, 0}, {0x60, 0, 0, 3},
			 {0x16, 0, 0, 0}},
			5, true}, /* through memory */
		{{{0x20, 0, 0, 4}, {0x15, 0, 1, 0xc000003e}, {0x06, 0, 0, EPERM_ACTION},
			 {0x06, 0, 0, ALLOW_ACTION}},
			4, true}, /* of this machine alone */
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pb one = {.n = 0}, all = {.n = 0}, file;
		AUTO_RIG struct rig r;

#ifndef __x86_64__
		if (rows[i].code[0].k == 4)
			continue;
#endif
		rig_init(&r, config, strict);
		begin();
		pb_bytes(&one, 1, rows[i].code, rows[i].n * sizeof(struct insn));
		pb_inside(&all, 1, &one);
		criu_file(&file, CRIU_MAGIC_SECCOMP, &all);
		write_image("seccomp.img", &file);
		write_core("core-1.img", &criu_made_plain);
		if (!ok(judge(&r) && (r.report.n == 0) == rows[i].denies, "program %zu: %s", i,
			    rows[i].denies ? "denies" : "lets pass"))
			show(&r.report);
	}
}

/* ---- user namespaces ---- */

static void test_maps(void)
{
	static const char mapped[] =
		"{\"process\": {\"noNewPrivileges\": true}, \"linux\": {\"uidMappings\": "
		"[{\"containerID\": 0, \"hostID\": 100000, \"size\": 1000}, {\"containerID\": "
		"1000, "
		"\"hostID\": 0, \"size\": 1}], \"gidMappings\": [{\"containerID\": 0, \"hostID\": "
		"200000, "
		"\"size\": 1000}]}}";
	static const struct {
		const char *config;
		uint32_t inside, outside, count;
		const char *text; /* NULL: accepted */
	} rows[] = {
		{mapped, 0, 100000, 1000, NULL},
		{mapped, 10, 100010, 5, NULL},
		{mapped, 0, 100000, 1001, "0 becomes 100000 of the host (1001 ids)"},
		{mapped, 0, 0, 1, "0 becomes 0"},
		{mapped, 5, 100000, 1, "5 becomes 100000"},
		{mapped, 0, 100000, UINT32_MAX, "0 becomes 100000"},
		{config, 0, 0, UINT32_MAX, "0 becomes 0 of the host"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct criu_made m = criu_made_plain;
		struct pb map = {.n = 0}, file;
		AUTO_RIG struct rig r;

		rig_init(&r, rows[i].config, strict);
		begin();
		for (int k = 0; k < 8; k++)
			m.ids[k] = 7;
		write_core("core-1.img", &m);
		criu_put_extent(&map, 1, rows[i].inside, rows[i].outside, rows[i].count);
		criu_file(&file, CRIU_MAGIC_USERNS, &map);
		write_image("userns-9.img", &file);
		if (!ok(judge(&r) && (rows[i].text ? find(&r.report, "namespaces", rows[i].text,
							     "userns-9.img") != NULL
						   : r.report.n == 0),
			    "map %zu: %s", i, rows[i].text ? rows[i].text : "within"))
			show(&r.report);
	}
	for (int i = 0; i < 2; i++) {
		struct criu_made m = criu_made_plain;
		AUTO_RIG struct rig r;

		rig_init(&r, mapped, strict);
		begin();
		for (int k = 0; k < 8; k++)
			m.ids[k] = 7;
		m.ids[0] = i ? 1000 : 1001;
		write_core("core-1.img", &m);
		ok(judge(&r) && find(&r.report, "user",
					i ? "uid 1000, root of the host by the container's mapping"
					  : "uid 1001, which the container's user namespace does "
					    "not have",
					NULL),
			"an id that is %s", i ? "root outside" : "not mapped");
	}
}

/* Each kind by its name. */
static void test_each_namespace(void)
{
	static const char *const names[] = {
		"pid", "network", "ipc", "uts", "mount", "user", "cgroup", "time"};

	for (int i = 0; i < 8; i++) {
		struct criu_made m = criu_made_plain;
		AUTO_STR struct str only = STR_INIT, text = STR_INIT;
		AUTO_RIG struct rig r;

		str_addf(&only, "{\"linux\": {\"namespaces\": [{\"type\": \"%s\"}]}}", names[i]);
		str_addf(&text, "namespaces: %s;", names[i]);
		rig_init(&r, str_text(&only), strict);
		begin();
		m.node = 0xff;
		write_core("core-1.img", &m);
		ok(judge(&r) && find(&r.report, "namespaces", str_text(&text), "core-1.img"), "%s",
			names[i]);
	}
}

/* A namespace the profile lets be the host's, and those config.json does not have, may be the node's. */
static void test_shared(void)
{
	static const struct {
		int node;
		const char *text; /* NULL: accepted */
	} rows[] = {{2, NULL}, {0xac, NULL}, {1, "pid"}, {3, "pid"}, {16, "mount"}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct criu_made m = criu_made_plain;
		AUTO_RIG struct rig r;

		rig_init(&r, config,
			"{\"profile\": \"p\", \"version\": \"1\", \"namespaces\": {\"host\": "
			"[\"network\"]}}");
		begin();
		m.node = rows[i].node;
		write_core("core-1.img", &m);
		ok(judge(&r) && (rows[i].text ? find(&r.report, "namespaces", rows[i].text,
							"core-1.img") != NULL &&
							!strstr(find(&r.report, "namespaces", "",
									NULL)
									->why,
								"network")
					      : r.report.n == 0),
			"namespaces %#x of the node's: %s", rows[i].node,
			rows[i].text ? rows[i].text : "may be");
	}
}

/* ---- the directory ---- */

static void in_images(const char *what)
{
	char command[5000];

	snprintf(command, sizeof command, "cd '%s' && %s", scratch_path("images"), what);
	if (system(command) != 0)
		exit(2);
}

static const struct {
	const char *spoil, *text;
} directories[] = {
	{"rm ids-1.img", "core-1.img: ids-1.img"},
	{": >ids-1.img", "ids-1.img: is cut"},
	{"cp core-1.img ids-1.img", "ids-1.img: is not the image"},
	{"rm inventory.img", "inventory.img"},
	{"cp core-1.img inventory.img", "inventory.img: is not the image"},
	{": >inventory.img", "inventory.img: is cut"},
	{"echo >>inventory.img", "inventory.img: has"},
	{"rm core-1.img", "it has no image of a process"},
	{"mv core-1.img core1.img", "it has no image of a process"},
	{"chmod g+w .", "can be written by others (mode 0720)"},
	{"chmod o+w core-1.img", "core-1.img can be written by others"},
	{"chmod g+w pages-1.img", "pages-1.img can be written by others"},
	{"mv core-1.img x; ln -s x core-1.img", "core-1.img"},
	{"rm core-1.img; mkfifo -m 600 core-1.img", "core-1.img"},
	{"rm core-1.img; mkdir core-1.img", "core-1.img"},
	{": >core-1.img", "core-1.img: is cut: it has 0 bytes"},
	{"head -c 2000000 /dev/zero >core-1.img", "2000000 bytes"},
	{"cp seccomp.img core-1.img", "core-1.img: is not the image its name says"},
	{"cp core-1.img seccomp.img", "seccomp.img: is not the image its name says"},
	{"tail -c +5 core-1.img >x; mv x core-1.img", "of an old CRIU"},
	{"echo >>core-1.img", "where its head says"},
	{": >apparmor.img", "brings AppArmor profiles"},
	{"ln -s . parent", "more than 64 parents"},
	{"ln -s gone parent", "\"parent\" cannot be opened"},
	{"mkdir -m 777 ../loose && chmod 777 ../loose && ln -s ../loose parent",
		"\"parent\": . can be written by others"},
	{"mkdir -m 700 ../closed && : >../closed/pages-1.img && chmod 606 ../closed/pages-1.img && "
	 "ln -s "
	 "../closed parent",
		"\"parent\": pages-1.img can be written by others"},
};

static void test_directory(void)
{
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
		AUTO_RIG struct rig r;

		rig_init(&r, config, strict);
		begin();
		write_core("core-1.img", &criu_made_plain);
		in_images("echo memory >pages-1.img; chmod 600 pages-1.img");
		in_images(directories[i].spoil);
		if (!ok(judge(&r) && find(&r.report, "unknown", directories[i].text, NULL) &&
				    report_denials(&r.report) > 0,
			    "%s: %s", directories[i].spoil, directories[i].text))
			show(&r.report);
	}
	for (int i = 0; i < 4; i++) {
		static const char *const texts[] = {"it is not given", "No such file",
			"Not a directory", "--lazy-pages takes the memory from a server"};
		AUTO_RIG struct rig r;

		rig_init(&r, config, strict);
		begin();
		write_core("core-1.img", &criu_made_plain);
		r.ask.path = i == 0   ? NULL
			     : i == 1 ? scratch_path("none")
			     : i == 2 ? scratch_path("images/core-1.img")
				      : r.ask.path;
		r.ask.lazy = i == 3;
		ok(judge(&r) && find(&r.report, "unknown", texts[i], NULL) &&
				(r.dir >= 0) == (i == 3),
			"%s", texts[i]);
	}
	for (int i = 0; i < 2; i++) {
		AUTO_RIG struct rig r;

		rig_init(&r, config, strict);
		begin();
		write_core("core-1.img", &criu_made_plain);
		in_images(
			i ? "mkdir -p -m 755 ../first ../second && rm -f ../second/parent && ln -s "
			    "../first ../second/parent && ln -s ../second parent"
			  : "mkdir tmpfs-dir && echo >descriptors.json");
		accepted(&r, i ? "two dumps before this one" : "other files of root's");
	}
}

/* ---- labels ---- */

static void test_labels(void)
{
	static const char labelled[] = "{\"process\": {\"selinuxLabel\": \"a:b:c:s0\"}}";
	static const struct {
		const char *label;
		bool relabelled, good;
	} rows[] = {
		{"a:b:c:s0", false, true},
		{"a:b:c:s0:c1", false, false},
		{"a:b:c", false, false},
		{"", false, false},
		{NULL, false, false},
		{NULL, true, true},
		{"a:b:c:s0 (complain)", false, false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct criu_made m = criu_made_plain;
		AUTO_RIG struct rig r;

		rig_init(&r, labelled, strict);
		begin();
		m.label = rows[i].label;
		write_core("core-1.img", &m);
		r.ask.relabelled = rows[i].relabelled;
		ok(judge(&r) && (find(&r.report, "process", "another label than a:b:c:s0", NULL) ==
					NULL) == rows[i].good,
			"label %zu: %s", i, rows[i].good ? "as asked" : "another");
	}
}

/* ---- who refuses, and who reports ---- */

static void test_profiles(void)
{
	static const char audit[] = "{\"profile\": \"p\", \"version\": \"1\", \"mode\": \"audit\", "
				    "\"user\": {\"root\": "
				    "\"deny\"}}";
	static const char partly[] =
		"{\"profile\": \"p\", \"version\": \"1\", \"audit\": [\"user\"]}";
	struct criu_made m = criu_made_plain;
	AUTO_RIG struct rig watched, part, two;
	struct err e = {0};

	m.ids[0] = 0;
	m.mode = 0;
	begin();
	write_core("core-1.img", &m);
	rig_init(&watched, config, audit);
	ok(judge(&watched) && watched.report.n == 2 && report_denials(&watched.report) == 0,
		"a profile in audit mode reports");
	rig_init(&part, config, partly);
	ok(judge(&part) && part.report.n == 2 && report_denials(&part.report) == 1 &&
			find(&part.report, "seccomp", "no filter", NULL)->enforced,
		"a control that is audited does, too");
	rig_init(&two, config, strict);
	if (profile_parse("p.json", strict, sizeof strict - 1, &two.p[1], &e) < 0)
		exit(2);
	two.ask.n = 2;
	ok(judge(&two) && two.report.n == 2, "what two profiles say is said once: %zu",
		two.report.n);
	tap_same(find(&two.report, "user", "uid 0", NULL)->rule, "p:2", "with the line that asks");
}

int main(void)
{
	test_spoilt();
	test_within();
	test_many();
	test_filters();
	test_odd_programs();
	test_maps();
	test_each_namespace();
	test_shared();
	test_directory();
	test_labels();
	test_profiles();
	return tap_done();
}

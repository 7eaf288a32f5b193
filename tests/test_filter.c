/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_filter - the intersection of two filters against what the kernel would run: awkward filters
 * by hand and random ones by seed, each compiled as a runtime does and asked about random and
 * boundary arguments on every architecture.
 *
 * Asked: is the result ever more permissive than either side; is it ever stricter than both together,
 * where it does not say so; does a second intersection change nothing.
 *
 * CINCH_SEED and CINCH_ROUNDS in the environment try other ones.
 */
#include <inttypes.h>
#include <linux/seccomp.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "profiles/filter_set.h"
#include "profiles/profile.h"
#include "shim/base/cleanup.h"
#include "tests/bpf.h"
#include "tests/judge.h"
#include "tests/tap.h"

/* libseccomp 2.5.4 loses nodes of rules it prunes; what is ours is still looked at. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libseccomp.so";
}

static const char *const arches[] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};

/* The calls random filters speak of: those ours tests by argument, both multiplexed families, ours
 * allows, denies, does not know; and one nobody knows. */
static const char *const calls[] = {"socket", "ioctl", "clone", "personality", "bind", "connect",
	"shmget", "semop", "ipc", "socketcall", "read", "openat", "mount", "bpf", "ptrace",
	"keyctl", "io_uring_setup", "clone3", "getpid", "prctl", "execve", "mmap", "no_such_call"};

struct side {
	struct json_doc *doc;
	struct filter filter;
	struct sysset_program program[2]; /* without and with runc's prologue */
};

static void side_done(struct side *s)
{
	for (int i = 0; i < 2; i++)
		sysset_program_done(&s->program[i]);
	filter_done(&s->filter);
	json_free(s->doc);
}

#define AUTO_SIDE __attribute__((cleanup(side_done)))

static int side_compile(struct side *s, struct err *e)
{
	for (int i = 0; i < 2; i++)
		if (sysset_compile(json_root(s->doc), i, &s->program[i], e) < 0)
			return -1;
	return 0;
}

/* libseccomp 2.5.4 never returns for some sets of rules with three tests, and leaks where it refuses
 * one: ask a child first. */
static bool compiles(const struct side *s)
{
	struct err e;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct sysset_program p;

		setrlimit(RLIMIT_CPU, &(struct rlimit){1, 1});
		_exit(sysset_compile(json_root(s->doc), false, &p, &e) < 0 ? 1 : 0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

/*
 * libseccomp 2.5.4 forgets to load the number when the first call of an architecture, plain rules
 * first, is one the architecture does not have: such a filter is only its default action.
 */
static bool sound(const struct filter *f)
{
	bool all = true;

	for (size_t i = 0; i < f->n; i++) {
		const struct filter_call *c = &f->calls[i];
		bool real = judge_number(arches[0], c->name) >= 0 &&
			    judge_number(arches[1], c->name) >= 0;

		if (real && c->set &&
			(c->plain.action != f->fallback.action ||
				c->plain.data != f->fallback.data))
			return true;
		all &= real;
	}
	return all;
}

/* 0; 1 when a runtime would refuse the filter; -1 when only we do. */
static int side_read(struct side *s, const char *text, struct err *e)
{
	s->doc = judge_parse(text);
	if (!compiles(s) || side_compile(s, e) < 0)
		return 1;
	return filter_read(json_root(s->doc), &s->filter, e);
}

static struct side ours;

static void load_ours(void)
{
	AUTO_STR struct str text = STR_INIT;
	struct json_doc *doc;
	struct err e;
	size_t len;
	const char *shipped = profile_builtin_text("seccomp/default", &len);

	ours.doc = judge_parse(shipped);
	if (filter_read(json_root(ours.doc), &ours.filter, &e) < 0)
		abort();
	filter_set_arches(&ours.filter, filter_native_arches());
	/* compiled with the architectures in it */
	doc = json_new();
	json_set_root(doc, filter_write(&ours.filter, doc));
	json_write(json_root(doc), &text);
	json_free(doc);
	side_done(&ours);
	ours = (struct side){.doc = NULL};
	if (side_read(&ours, str_text(&text), &e) != 0)
		abort();
}

/* Constants worth trying as arguments: those of both filters and their neighbours. */
struct pool {
	uint64_t v[4096];
	unsigned n;
};

static void pool_add(struct pool *p, uint64_t v)
{
	const uint64_t near[] = {v, v - 1, v + 1, v | UINT64_C(1) << 32, v & 0xffffffff, ~v};

	for (unsigned i = 0; i < sizeof near / sizeof *near && p->n < 4096; i++)
		p->v[p->n++] = near[i];
}

static void pool_fill(struct pool *p, const struct filter *f)
{
	for (size_t i = 0; i < f->n; i++)
		for (unsigned r = 0; r < f->calls[i].n; r++)
			for (unsigned a = 0; a < FILTER_ARGS; a++) {
				const struct filter_test *t = &f->calls[i].rules[r].arg[a];

				if (t->op == FILTER_ANY)
					continue;
				pool_add(p, t->a);
				if (t->op == FILTER_MASKED)
					pool_add(p, t->b);
			}
}

static uint64_t argument(struct judge_random *r, const struct pool *p)
{
	uint64_t v;

	switch (judge_below(r, 4)) {
	case 0:
		v = judge_below(r, 64);
		break;
	case 1:
		v = judge_next(r) >> judge_below(r, 64);
		break;
	default:
		v = p->n ? p->v[judge_below(r, p->n)] : 0;
	}
	return judge_below(r, 8) == 0 ? v | judge_next(r) << 32 : v;
}

static bool lists(const struct filter *f, const char *arch)
{
	if (strcmp(arch, arches[0]) == 0)
		return true;
	for (size_t i = 0; i < f->n_arches; i++)
		if (strcmp(f->arches[i], arch) == 0)
			return true;
	return false;
}

struct trial {
	const struct side *caller, *result;
	const struct filter_change *change;
	const char *arch;
	const char *name;
	int nr;
	uint64_t args[6];
};

/* The multiplexed calls of i386 and a killed architecture are held to the first promise only. */
static bool exact_here(const struct trial *t)
{
	const struct filter_call *c;

	if (!t->name || !lists(&t->result->filter, t->arch) || !sound(&t->result->filter))
		return false;
	if (strcmp(t->name, "socketcall") == 0 || strcmp(t->name, "ipc") == 0)
		return false;
	c = filter_find(&t->caller->filter, t->name);
	if (c && !filter_clear(c->rules, c->n))
		return false; /* what the library makes of it may be less than it says */
	for (size_t i = 0; i < t->change->n_inexact; i++)
		if (strcmp(t->change->inexact[i], t->name) == 0)
			return false;
	return true;
}

static bool holds(const struct filter_test *t, uint64_t v)
{
	switch (t->op) {
	case FILTER_ANY:
		return true;
	case FILTER_NE:
		return v != t->a;
	case FILTER_LT:
		return v < t->a;
	case FILTER_LE:
		return v <= t->a;
	case FILTER_EQ:
		return v == t->a;
	case FILTER_GE:
		return v >= t->a;
	case FILTER_GT:
		return v > t->a;
	case FILTER_MASKED:
		return (v & t->a) == t->b;
	}
	return false;
}

/* The rank of what the caller's rules say where the library may miss some of them; else RANK. */
static int as_written(const struct trial *t, int rank)
{
	const struct filter *f = &t->caller->filter;
	const struct filter_call *c = t->name ? filter_find(f, t->name) : NULL;

	if (!c || filter_clear(c->rules, c->n) || strcmp(t->arch, arches[0]) != 0)
		return rank;
	for (unsigned i = 0; i < c->n; i++) {
		bool all = true;

		for (unsigned a = 0; a < FILTER_ARGS; a++)
			all &= holds(&c->rules[i].arg[a], t->args[a]);
		if (all)
			return (int)c->rules[i].verdict.action < rank
				       ? (int)c->rules[i].verdict.action
				       : rank;
	}
	return rank;
}

/* One question; false and a comment line when a promise is broken. */
static bool ask(const struct trial *t, unsigned *exact)
{
	for (int k = 0; k < 2; k++) {
		uint32_t a = judge(&t->caller->program[k], t->arch, t->nr, t->args);
		uint32_t b = judge(&ours.program[k], t->arch, t->nr, t->args);
		uint32_t got = judge(&t->result->program[k], t->arch, t->nr, t->args);
		uint32_t bare = judge(&t->caller->program[0], t->arch, t->nr, t->args);
		/* the prologue may make a call ENOSYS that the filter allows by another number */
		int theirs = bpf_rank(a) < bpf_rank(bare) ? bpf_rank(a) : bpf_rank(bare);
		int want, rank = bpf_rank(got);
		bool check_exact = k == 0 && exact_here(t);

		theirs = as_written(t, theirs);
		want = theirs > bpf_rank(b) ? theirs : bpf_rank(b);
		/* a killed architecture: thread or process is not the question */
		if (!lists(&t->result->filter, t->arch) &&
			rank == bpf_rank(SECCOMP_RET_KILL_THREAD))
			continue;
		*exact += check_exact;
		if (got == 0xffffffff || rank < want || (check_exact && rank > want)) {
			printf("# %s %s(%d): caller %#x ours %#x result %#x (%s prologue)\n",
				t->arch, t->name ? t->name : "call", t->nr, a, b, got,
				k ? "with" : "no");
			printf("# args %#" PRIx64 " %#" PRIx64 " %#" PRIx64 " %#" PRIx64 "\n",
				t->args[0], t->args[1], t->args[2], t->args[3]);
			return false;
		}
	}
	return true;
}

static const char *pick_call(struct judge_random *r, const struct filter *caller)
{
	if (caller->n && judge_below(r, 4))
		return caller->calls[judge_below(r, (unsigned)caller->n)].name;
	if (judge_below(r, 2))
		return calls[judge_below(r, sizeof calls / sizeof *calls)];
	return ours.filter.calls[judge_below(r, (unsigned)ours.filter.n)].name;
}

struct tally {
	unsigned questions, exact, inexact_calls, refused, unchanged;
};

/* Meet TEXT with ours and ask QUESTIONS. */
static bool meet_and_ask(const char *text, struct judge_random *r, unsigned questions,
	bool want_exact, struct tally *tally)
{
	AUTO_SIDE struct side caller = {.doc = NULL}, result = {.doc = NULL};
	AUTO_FILTER_CHANGE struct filter_change change = {.changed = false},
						again = {.changed = false};
	AUTO_FILTER struct filter met = FILTER_INIT, twice = FILTER_INIT;
	AUTO_STR struct str out = STR_INIT;
	struct pool pool = {.n = 0};
	struct err e = {.code = 0};
	int rc = side_read(&caller, text, &e);

	if (rc > 0 || (rc == 0 && caller.filter.n && !sound(&caller.filter))) {
		tally->refused++;
		return true;
	}
	if (rc < 0 || filter_meet(&caller.filter, &ours.filter, &met, &change, &e) < 0) {
		printf("# %s\n", e.msg);
		return false;
	}
	if (change.changed) {
		struct json_doc *doc = json_new();

		json_set_root(doc, filter_write(&met, doc));
		json_write(json_root(doc), &out);
		json_free(doc);
	} else {
		tally->unchanged++;
		str_add(&out, text);
	}
	if (side_read(&result, str_text(&out), &e) != 0) {
		printf("# the result is not valid: %s\n# %s\n", e.msg, str_text(&out));
		return false;
	}
	if (filter_meet(&result.filter, &ours.filter, &twice, &again, &e) < 0 || again.changed) {
		printf("# the second run changes something: %zu denied, %zu narrowed (%s)\n# %s\n",
			again.n_denied, again.n_narrowed, again.n_narrowed ? again.narrowed[0] : "",
			str_text(&out));
		return false;
	}
	tally->inexact_calls += (unsigned)change.n_inexact;
	if (want_exact && change.n_inexact) {
		printf("# judged more strictly than needed: %s\n", change.inexact[0]);
		return false;
	}
	pool_fill(&pool, &caller.filter);
	pool_fill(&pool, &ours.filter);
	for (unsigned i = 0; i < questions; i++) {
		struct trial t = {.caller = &caller, .result = &result, .change = &change};

		t.arch = arches[judge_below(r, 3)];
		t.name = pick_call(r, &caller.filter);
		t.nr = judge_number(t.arch, t.name);
		if (t.nr < 0 || judge_below(r, 16) == 0) {
			t.nr = (int)judge_below(r, 480) | (judge_below(r, 4) ? 0 : 0x40000000);
			t.name = NULL;
		}
		for (int a = 0; a < 6; a++)
			t.args[a] = argument(r, &pool);
		tally->questions++;
		if (!ask(&t, &tally->exact)) {
			printf("# %s\n", str_text(&out));
			return false;
		}
	}
	return true;
}

/* Random filters. */

static const char *const actions[] = {"ALLOW", "ALLOW", "ALLOW", "ERRNO", "ERRNO", "LOG", "TRACE",
	"TRAP", "KILL", "KILL_THREAD", "KILL_PROCESS"};
static const char *const operators[] = {
	"NE", "LT", "LE", "EQ", "EQ", "GE", "GT", "MASKED_EQ", "MASKED_EQ"};

static const char *random_action(struct judge_random *r)
{
	return actions[judge_below(r, sizeof actions / sizeof *actions)];
}

static uint64_t random_constant(struct judge_random *r, bool wide)
{
	static const uint64_t known[] = {0, 1, 2, 10, 16, 17, 33, 38, 40, 41, 6, 12, 0x5412, 0x541c,
		0x5413, 0x7e020000, 0x10000000, 0x20008, 0xffffffff, 0x80000000, 63, 64};

	if (wide && judge_below(r, 8) == 0)
		return judge_next(r) >> judge_below(r, 40);
	if (judge_below(r, 3))
		return known[judge_below(r, sizeof known / sizeof *known)];
	return judge_next(r) >> (32 + judge_below(r, 31));
}

static void random_test(struct judge_random *r, struct str *s, bool wide)
{
	str_addf(s, "{'index':%u,'value':%" PRIu64 ",'valueTwo':%" PRIu64 ",'op':'SCMP_CMP_%s'}",
		judge_below(r, 3) ? judge_below(r, 2) : judge_below(r, 6), random_constant(r, wide),
		random_constant(r, wide),
		operators[judge_below(r, sizeof operators / sizeof *operators)]);
}

static void random_rule(struct judge_random *r, struct str *s, const char *action, bool wide)
{
	unsigned names = 1 + judge_below(r, 3), tests = judge_below(r, 4);

	str_add(s, "{'names':[");
	for (unsigned i = 0; i < names; i++)
		str_addf(s, "%s'%s'", i ? "," : "",
			calls[judge_below(r, sizeof calls / sizeof *calls)]);
	str_addf(s, "],'action':'SCMP_ACT_%s'", action);
	if (strcmp(action, "ERRNO") == 0 && judge_below(r, 2))
		str_addf(s, ",'errnoRet':%u", 1 + judge_below(r, 40));
	str_add(s, ",'args':[");
	for (unsigned i = 0; i < tests; i++) {
		if (i)
			str_addc(s, ',');
		random_test(r, s, wide);
	}
	str_add(s, "]}");
}

static void random_filter(struct judge_random *r, struct str *s)
{
	bool wide = judge_below(r, 4) == 0, mixed = judge_below(r, 3) == 0;
	unsigned rules = 1 + judge_below(r, 12);
	const char *action = random_action(r);

	str_addf(s, "{'defaultAction':'SCMP_ACT_%s'", random_action(r));
	if (judge_below(r, 3)) {
		str_add(s, ",'architectures':['SCMP_ARCH_X86_64'");
		if (judge_below(r, 4))
			str_add(s, ",'SCMP_ARCH_X86'");
		if (judge_below(r, 4))
			str_add(s, ",'SCMP_ARCH_X32'");
		str_addc(s, ']');
	}
	str_addf(s, ",'syscalls':[{'names':['read','getpid'],'action':'SCMP_ACT_%s'}", action);
	for (unsigned i = 0; i < rules; i++) {
		str_addc(s, ',');
		random_rule(r, s, mixed ? random_action(r) : action, wide);
	}
	str_add(s, "]}");
}

static void test_random(void)
{
	const char *seed = getenv("CINCH_SEED"), *rounds = getenv("CINCH_ROUNDS");
	uint64_t first = seed ? strtoull(seed, NULL, 10) : 1;
	unsigned n = rounds ? (unsigned)strtoul(rounds, NULL, 10) : 100, bad = 0;
	struct tally tally = {0};

	for (unsigned i = 0; i < n && bad < 3; i++) {
		struct judge_random r = {.state = (first + i) * 1000003};
		AUTO_STR struct str text = STR_INIT;

		random_filter(&r, &text);
		if (!meet_and_ask(str_text(&text), &r, 400, false, &tally)) {
			printf("# seed %" PRIu64 ": %s\n", first + i, str_text(&text));
			bad++;
		}
	}
	ok(bad == 0,
		"%u random filters: %u questions, %u of them exact; %u not valid for a runtime, "
		"%u already inside ours",
		n, tally.questions, tally.exact, tally.refused, tally.unchanged);
	ok(tally.refused < n / 4 && tally.exact > tally.questions / 3,
		"most of them said something");
	printf("# %u calls were judged more strictly than needed\n", tally.inexact_calls);
}

/* Awkward ones, by hand. EXACT: nothing in it is beyond words. */
static const struct {
	const char *what, *text;
	bool exact;
} awkward[] = {
	{"everything allowed", "{'defaultAction':'SCMP_ACT_ALLOW'}", true},
	{"nothing allowed", "{'defaultAction':'SCMP_ACT_KILL_PROCESS','syscalls':[]}", true},
	{"kills, with i386 sockets",
		"{'defaultAction':'SCMP_ACT_KILL_PROCESS','architectures':['SCMP_ARCH_X86_64',"
		"'SCMP_ARCH_X86'],'syscalls':[{'names':['bind','socket','read'],"
		"'action':'SCMP_ACT_ALLOW'}]}",
		false},
	{"kills threads, with i386 sockets",
		"{'defaultAction':'SCMP_ACT_KILL','architectures':['SCMP_ARCH_X86'],"
		"'syscalls':[{'names':['bind','shmget','read'],'action':'SCMP_ACT_ALLOW'}]}",
		true},
	{"one errno for all, and less",
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['read','write','socket',"
		"'clone','ioctl'],'action':'SCMP_ACT_ALLOW'}]}",
		true},
	{"a conditional denial in a list of denials",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['openat'],"
		"'action':'SCMP_ACT_ERRNO','args':[{'index':2,'value':3,'valueTwo':1,"
		"'op':'SCMP_CMP_MASKED_EQ'}]}]}",
		true},
	{"denials of ranges that need blocks",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['prctl'],"
		"'action':'SCMP_ACT_ERRNO','args':[{'index':0,'value':7,'op':'SCMP_CMP_LE'},"
		"{'index':0,'value':100,'op':'SCMP_CMP_GT'},{'index':0,'value':50,"
		"'op':'SCMP_CMP_EQ'}]}]}",
		true},
	{"two tests of one argument are or",
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['socket'],"
		"'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':40,'op':'SCMP_CMP_NE'},"
		"{'index':0,'value':38,'op':'SCMP_CMP_NE'}]}]}",
		true},
	{"families by range against ours",
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['socket'],"
		"'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':38,'op':'SCMP_CMP_LT'}]},"
		"{'names':['socket'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':39,"
		"'op':'SCMP_CMP_EQ'}]}]}",
		true},
	{"a socket filter on its second argument",
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['socket'],"
		"'action':'SCMP_ACT_ALLOW','args':[{'index':1,'value':15,'valueTwo':1,"
		"'op':'SCMP_CMP_MASKED_EQ'}]}]}",
		true},
	{"a clone filter with other bits",
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['clone'],"
		"'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':268435456,'valueTwo':0,"
		"'op':'SCMP_CMP_MASKED_EQ'}]}]}",
		true},
	{"a plain rule wins over tests before and after it",
		"{'defaultAction':'SCMP_ACT_KILL','syscalls':[{'names':['read'],"
		"'action':'SCMP_ACT_ERRNO','args':[{'index':0,'value':1,'op':'SCMP_CMP_EQ'}]},"
		"{'names':['read'],'action':'SCMP_ACT_ALLOW'},{'names':['read'],"
		"'action':'SCMP_ACT_TRAP'}]}",
		true},
	{"tests that never hold",
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['read'],"
		"'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':0,'op':'SCMP_CMP_LT'}]}]}",
		true},
	{"an agent", /* where ours allows, the agent stays */
		"{'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'/run/agent','syscalls':["
		"{'names':['mkdir','mount'],'action':'SCMP_ACT_NOTIFY'}]}",
		true},
	{"the same denial under many errnos",
		"{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':13,'syscalls':[{'names':"
		"['getpid'],'action':'SCMP_ACT_ERRNO','errnoRet':2},{'names':['read'],"
		"'action':'SCMP_ACT_ALLOW'}]}",
		true},
	{"i386 multiplexed calls by name",
		"{'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_X86_64',"
		"'SCMP_ARCH_X86','SCMP_ARCH_X32'],'syscalls':[{'names':['ipc','socketcall'],"
		"'action':'SCMP_ACT_ERRNO'},{'names':['shmget'],'action':'SCMP_ACT_ERRNO',"
		"'args':[{'index':0,'value':5,'op':'SCMP_CMP_EQ'}]},{'names':['getpid'],"
		"'action':'SCMP_ACT_TRAP'}]}",
		true},
	{"a System V call denied by argument",
		"{'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_X86_64',"
		"'SCMP_ARCH_X86'],'syscalls':[{'names':['shmget'],'action':'SCMP_ACT_ERRNO',"
		"'args':[{'index':1,'value':5,'op':'SCMP_CMP_GT'}]}]}",
		true},
	{"constants that mean less in 32 bits",
		"{'defaultAction':'SCMP_ACT_ERRNO','architectures':['SCMP_ARCH_X86_64',"
		"'SCMP_ARCH_X86'],'syscalls':[{'names':['socket','ioctl'],"
		"'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':4294967301,"
		"'op':'SCMP_CMP_GE'}]},{'names':['ioctl'],'action':'SCMP_ACT_ALLOW','args':["
		"{'index':1,'value':4294967301,'op':'SCMP_CMP_GE'}]}]}",
		false},
	{"below a value inside one of our blocks",
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['ioctl'],"
		"'action':'SCMP_ACT_ALLOW','args':[{'index':1,'value':21505,"
		"'op':'SCMP_CMP_LT'}]}]}",
		true},
	{"up to a value inside one of our blocks",
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['ioctl'],"
		"'action':'SCMP_ACT_ALLOW','args':[{'index':1,'value':21506,"
		"'op':'SCMP_CMP_LE'}]}]}",
		true},
	{"above a value inside one of our blocks",
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['ioctl'],"
		"'action':'SCMP_ACT_ALLOW','args':[{'index':1,'value':21506,"
		"'op':'SCMP_CMP_GT'}]}]}",
		false},
	{"a mask with bits i386 does not have",
		"{'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_X86_64',"
		"'SCMP_ARCH_X86'],'syscalls':[{'names':['prctl'],'action':'SCMP_ACT_ERRNO',"
		"'args':[{'index':0,'value':4294967297,'valueTwo':1,"
		"'op':'SCMP_CMP_MASKED_EQ'}]}]}",
		false},
	{"a range across our mask",
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['ioctl'],"
		"'action':'SCMP_ACT_ALLOW','args':[{'index':1,'value':21505,"
		"'op':'SCMP_CMP_GE'}]}]}",
		false},
};

static void test_awkward(void)
{
	for (size_t i = 0; i < sizeof awkward / sizeof *awkward; i++) {
		struct judge_random r = {.state = i + 77};
		struct tally t = {0};

		ok(meet_and_ask(awkward[i].text, &r, 4000, awkward[i].exact, &t) && !t.refused,
			"awkward: %s", awkward[i].what);
	}
}

/* What a runtime refuses, we refuse in words. */
static const struct {
	const char *text, *why;
} refused[] = {
	{"{'defaultAction':'SCMP_ACT_FOO'}", "unknown action \"SCMP_ACT_FOO\""},
	{"{'defaultAction':'ALLOW'}", "unknown action \"ALLOW\""},
	{"{'syscalls':[{'names':['read'],'action':'SCMP_ACT_ALLOW'}]}", "no defaultAction"},
	{"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read']}]}", "no action"},
	{"{'defaultAction':'SCMP_ACT_ALLOW','architectures':['amd64']}",
		"unknown architecture \"amd64\""},
	{"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],"
	 "'action':'SCMP_ACT_ERRNO','args':[{'index':6,'value':1,'op':'SCMP_CMP_EQ'}]}]}",
		"an argument index above 5"},
	{"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],"
	 "'action':'SCMP_ACT_ERRNO','args':[{'index':1,'value':1,'op':'EQ'}]}]}",
		"unknown operator \"EQ\""},
	{"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':[''],"
	 "'action':'SCMP_ACT_ERRNO'}]}",
		"a call without a name"},
};

static void test_refused(void)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		AUTO_JSON struct json_doc *doc = judge_parse(refused[i].text);
		AUTO_FILTER struct filter f = FILTER_INIT;
		struct err e = {.code = 0};

		ok(filter_read(json_root(doc), &f, &e) < 0 && strstr(e.msg, refused[i].why),
			"refused: %s", e.msg);
	}
}

int main(void)
{
	load_ours();
	test_refused();
	test_awkward();
	test_random();
	side_done(&ours);
	return tap_done();
}

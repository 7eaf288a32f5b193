/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter - an OCI seccomp object as a table of calls; read, intersect, write.
 */
#include "profiles/filter.h"

#include <stdlib.h>
#include <string.h>

#include "profiles/filter_set.h"

static const struct {
	const char *name;
	enum filter_action action;
} actions[] = {
	/* the first name of an action is the one that is written */
	{"SCMP_ACT_ALLOW", FILTER_ALLOW},
	{"SCMP_ACT_LOG", FILTER_LOG},
	{"SCMP_ACT_TRACE", FILTER_TRACE},
	{"SCMP_ACT_NOTIFY", FILTER_NOTIFY},
	{"SCMP_ACT_ERRNO", FILTER_ERRNO},
	{"SCMP_ACT_TRAP", FILTER_TRAP},
	{"SCMP_ACT_KILL_THREAD", FILTER_KILL_THREAD},
	{"SCMP_ACT_KILL_PROCESS", FILTER_KILL_PROCESS},
	{"SCMP_ACT_KILL", FILTER_KILL_THREAD},
};

static const char *const operators[] = {
	[FILTER_NE] = "SCMP_CMP_NE",
	[FILTER_LT] = "SCMP_CMP_LT",
	[FILTER_LE] = "SCMP_CMP_LE",
	[FILTER_EQ] = "SCMP_CMP_EQ",
	[FILTER_GE] = "SCMP_CMP_GE",
	[FILTER_GT] = "SCMP_CMP_GT",
	[FILTER_MASKED] = "SCMP_CMP_MASKED_EQ",
};

/* runtime-spec 1.3 */
static const char *const arches[] = {"SCMP_ARCH_X86", "SCMP_ARCH_X86_64", "SCMP_ARCH_X32",
	"SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64", "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64",
	"SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32",
	"SCMP_ARCH_PPC", "SCMP_ARCH_PPC64", "SCMP_ARCH_PPC64LE", "SCMP_ARCH_S390",
	"SCMP_ARCH_S390X", "SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64",
	"SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K", "SCMP_ARCH_SH", "SCMP_ARCH_SHEB", NULL};

enum { EPERM_DEFAULT = 1 }; /* what runtimes take when no errno is given */

void filter_done(struct filter *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->calls[i].rules);
	free(f->calls);
	free(f->index);
	memset(f, 0, sizeof *f);
}

static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

/* The slot of NAME: its own or the free one it would take. The table is never full. */
static uint32_t *slot(const struct filter *f, const char *name)
{
	size_t i = hash(name) & (f->index_cap - 1);

	while (f->index[i] && strcmp(f->calls[f->index[i] - 1].name, name) != 0)
		i = (i + 1) & (f->index_cap - 1);
	return &f->index[i];
}

const struct filter_call *filter_find(const struct filter *f, const char *name)
{
	uint32_t at = f->index_cap ? *slot(f, name) : 0;

	return at ? &f->calls[at - 1] : NULL;
}

static int grow(struct filter *f)
{
	size_t cap = f->cap ? 2 * f->cap : 512;
	struct filter_call *calls = reallocarray(f->calls, cap, sizeof *calls);
	uint32_t *index;

	if (!calls)
		return -1;
	f->calls = calls;
	index = calloc(4 * cap, sizeof *index);
	if (!index)
		return -1;
	free(f->index);
	f->index = index;
	f->index_cap = 4 * cap;
	f->cap = cap;
	for (size_t i = 0; i < f->n; i++)
		*slot(f, f->calls[i].name) = (uint32_t)i + 1;
	return 0;
}

/* The call NAME, made when it is new; NULL when out of memory. */
static struct filter_call *call_of(struct filter *f, const char *name)
{
	uint32_t *at;

	if (f->n == f->cap && grow(f) < 0)
		return NULL;
	at = slot(f, name);
	if (!*at) {
		f->calls[f->n] = (struct filter_call){.name = name, .plain = f->fallback};
		*at = (uint32_t)++f->n;
	}
	return &f->calls[*at - 1];
}

int filter_set(struct filter *f, const char *name, struct filter_verdict v)
{
	struct filter_call *c = call_of(f, name);

	if (!c)
		return -1;
	c->n = 0;
	c->set = true;
	c->inexact = false;
	c->plain = v;
	return 0;
}

static int read_verdict(const struct json *object, const char *action_key, const char *errno_key,
	struct filter_verdict *out, struct err *e)
{
	const struct json *data = json_get(object, errno_key);
	const char *name = json_str(json_get(object, action_key));
	uint64_t n = EPERM_DEFAULT;

	if (!name)
		return err_set(e, ERR_INPUT, "seccomp: no %s", action_key);
	if (data && !json_u64(data, UINT32_MAX, &n))
		return err_set(e, ERR_INPUT, "seccomp: %s is not a 32-bit number", errno_key);
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
		if (strcmp(actions[i].name, name) == 0) {
			enum filter_action a = actions[i].action;
			bool has_data = a == FILTER_ERRNO || a == FILTER_TRACE;

			*out = (struct filter_verdict){a, has_data ? (uint16_t)n : 0};
			return 0;
		}
	return err_set(e, ERR_INPUT, "seccomp: unknown action \"%s\"", name);
}

static int read_test(
	const struct json *object, uint64_t *index, struct filter_test *out, struct err *e)
{
	const struct json *value = json_get(object, "value"), *two = json_get(object, "valueTwo");
	const char *name = json_str(json_get(object, "op"));
	struct filter_test t = {.op = FILTER_ANY};

	*index = 0;
	if (json_get(object, "index") &&
		!json_u64(json_get(object, "index"), FILTER_ARGS - 1, index))
		return err_set(
			e, ERR_INPUT, "seccomp: an argument index above %d", FILTER_ARGS - 1);
	if ((value && !json_u64(value, UINT64_MAX, &t.a)) ||
		(two && !json_u64(two, UINT64_MAX, &t.b)))
		return err_set(e, ERR_INPUT, "seccomp: a value that is not a 64-bit number");
	for (unsigned op = FILTER_NE; name && op <= FILTER_MASKED; op++)
		if (strcmp(operators[op], name) == 0) {
			t.op = op;
			if (op != FILTER_MASKED)
				t.b = 0;
			*out = t;
			return 0;
		}
	return err_set(e, ERR_INPUT, "seccomp: unknown operator \"%s\"", name ? name : "");
}

/* Append R to C; what is there already is not added again. */
static int add_rule(struct filter_call *c, const struct filter_rule *r)
{
	for (unsigned i = 0; i < c->n; i++)
		if (filter_verdict_equal(c->rules[i].verdict, r->verdict) &&
			filter_same_tests(&c->rules[i], r))
			return 0;
	if (c->n == c->cap) {
		unsigned cap = c->cap ? 2 * c->cap : 4;
		struct filter_rule *rules = reallocarray(c->rules, cap, sizeof *rules);

		if (!rules)
			return -1;
		c->rules = rules;
		c->cap = cap;
	}
	c->rules[c->n++] = *r;
	return 0;
}

/* One entry of "syscalls" for the call C. RULES are its tests, N of them joined by "or"; N 0: none. */
static int add_entry(
	struct filter_call *c, struct filter_verdict v, const struct filter_rule *rules, unsigned n)
{
	if (c->set)
		return 0;
	if (!n) {
		c->set = true;
		c->plain = v;
		c->n = 0;
		c->inexact = false;
		return 0;
	}
	for (unsigned i = 0; i < n; i++) {
		struct filter_rule r = rules[i];

		if (c->n == FILTER_RULES_MAX) {
			/* too many to reason about: keep the strictest of the rest in the last */
			c->inexact = true;
			if (v.action > c->rules[c->n - 1].verdict.action)
				c->rules[c->n - 1].verdict = v;
			continue;
		}
		r.verdict = v;
		if (add_rule(c, &r) < 0)
			return -1;
	}
	return 0;
}

enum { TESTS_MAX = FILTER_RULES_MAX }; /* of one entry */

static int read_entry(struct filter *f, const struct json *entry, struct err *e)
{
	const struct json *args = json_get(entry, "args"), *names = json_get(entry, "names");
	struct filter_rule rules[TESTS_MAX]; /* only the first N are made: this is the hot path */
	unsigned times[FILTER_ARGS] = {0}, n = 0, kept = 0;
	bool twice = false;
	struct filter_verdict v;

	if (read_verdict(entry, "action", "errnoRet", &v, e) < 0)
		return -1;
	json_each (arg, args) {
		struct filter_test t;
		uint64_t index;

		if (n == TESTS_MAX)
			return err_set(
				e, ERR_INPUT, "seccomp: more than %d tests in one rule", TESTS_MAX);
		if (read_test(arg, &index, &t, e) < 0)
			return -1;
		twice |= ++times[index] > 1;
		rules[n] = (struct filter_rule){.verdict = v};
		rules[n++].arg[index] = t;
	}
	if (n && !twice) { /* "and": one rule */
		for (unsigned i = 1; i < n; i++)
			for (unsigned k = 0; k < FILTER_ARGS; k++)
				if (rules[i].arg[k].op != FILTER_ANY)
					rules[0].arg[k] = rules[i].arg[k];
		n = 1;
	}
	for (unsigned i = 0; i < n; i++) { /* what never holds is no rule */
		bool holds = true;

		for (unsigned k = 0; k < FILTER_ARGS; k++)
			holds &= filter_test_normal(&rules[i].arg[k]);
		if (holds)
			rules[kept++] = rules[i];
	}
	json_each (name, names) {
		struct filter_call *c;

		if (!json_str(name) || !*json_str(name))
			return err_set(e, ERR_INPUT, "seccomp: a call without a name");
		if (f->n == FILTER_CALLS_MAX && !filter_find(f, json_str(name)))
			return err_set(e, ERR_INPUT, "seccomp: more than %d calls are named",
				FILTER_CALLS_MAX);
		c = call_of(f, json_str(name));
		if (!c)
			return err_nomem(e);
		if (filter_verdict_equal(v, f->fallback) || (n && !kept))
			continue;
		if (add_entry(c, v, rules, kept) < 0)
			return err_nomem(e);
	}
	return 0;
}

/* Settle a call whose entries are all read: rules that overlap with different verdicts, and such that
 * hold for all arguments, become one verdict. */
static void settle(const struct filter *f, struct filter_call *c)
{
	static const struct filter_rule all;
	struct filter_verdict strictest = f->fallback;
	bool clear = !c->inexact, plain = false;

	for (unsigned i = 0; i < c->n; i++) {
		if (c->rules[i].verdict.action > strictest.action)
			strictest = c->rules[i].verdict;
		plain |= filter_same_tests(&c->rules[i], &all);
		for (unsigned k = 0; k < i && clear; k++)
			clear = filter_verdict_equal(c->rules[i].verdict, c->rules[k].verdict) ||
				filter_apart(&c->rules[i], &c->rules[k]);
	}
	if (!c->n || (clear && !plain))
		return;
	c->plain = clear ? c->rules[0].verdict : strictest;
	c->inexact = !clear;
	c->set = true;
	c->n = 0;
}

int filter_read(const struct json *object, struct filter *f, struct err *e)
{
	if (read_verdict(object, "defaultAction", "defaultErrnoRet", &f->fallback, e) < 0)
		return -1;
	json_each (v, json_get(object, "architectures")) {
		const char *name = json_str(v);
		bool known = false;

		if (!name || !str_in(arches, name))
			return err_set(e, ERR_INPUT, "seccomp: unknown architecture \"%s\"",
				name ? name : "");
		for (size_t i = 0; i < f->n_arches; i++)
			known |= strcmp(f->arches[i], name) == 0;
		if (!known)
			f->arches[f->n_arches++] = name;
	}
	json_each (entry, json_get(object, "syscalls"))
		if (read_entry(f, entry, e) < 0)
			return -1;
	for (size_t i = 0; i < f->n; i++)
		settle(f, &f->calls[i]);
	return 0;
}

const char *const *filter_native_arches(void)
{
	static const char *const list[] = {
#if defined(__x86_64__)
		"SCMP_ARCH_X86_64",
		"SCMP_ARCH_X86",
		"SCMP_ARCH_X32",
#elif defined(__aarch64__)
		"SCMP_ARCH_AARCH64",
		"SCMP_ARCH_ARM",
#endif
		NULL,
	};

	return list;
}

void filter_set_arches(struct filter *f, const char *const *names)
{
	f->n_arches = 0;
	for (; *names && f->n_arches < FILTER_ARCHES; names++)
		f->arches[f->n_arches++] = *names;
}

/* Writing. */

static int put_verdict(struct json_doc *doc, struct json *object, const char *action_key,
	const char *errno_key, struct filter_verdict v)
{
	const char *name = actions[v.action].name;

	if (json_put(doc, object, action_key, json_string(doc, name)) < 0)
		return -1;
	if (v.action != FILTER_ERRNO && v.action != FILTER_TRACE)
		return 0;
	return json_put(doc, object, errno_key, json_uint(doc, v.data));
}

static struct json *write_tests(const struct filter_rule *r, struct json_doc *doc)
{
	struct json *list = json_array(doc);

	for (unsigned i = 0; i < FILTER_ARGS; i++) {
		const struct filter_test *t = &r->arg[i];
		struct json *object;

		if (t->op == FILTER_ANY)
			continue;
		object = json_object(doc);
		if (json_put(doc, object, "index", json_uint(doc, i)) < 0 ||
			json_put(doc, object, "value", json_uint(doc, t->a)) < 0 ||
			(t->op == FILTER_MASKED &&
				json_put(doc, object, "valueTwo", json_uint(doc, t->b)) < 0) ||
			json_put(doc, object, "op", json_string(doc, operators[t->op])) < 0 ||
			json_push(list, object) < 0)
			return NULL;
	}
	return list;
}

/* How C is written; calls of one way share an entry. */
static bool same_way(const struct filter_call *a, const struct filter_call *b)
{
	if (a->n != b->n || a->set != b->set)
		return false;
	if (!a->n)
		return !a->set || filter_verdict_equal(a->plain, b->plain);
	for (unsigned i = 0; i < a->n; i++)
		if (!filter_verdict_equal(a->rules[i].verdict, b->rules[i].verdict) ||
			!filter_same_tests(&a->rules[i], &b->rules[i]))
			return false;
	return true;
}

/* The entry (one per rule) of all calls written like GROUP[0]. */
static int write_group(const struct filter *f, const struct filter_call *const *group, size_t n,
	struct json_doc *doc, struct json *list)
{
	const struct filter_call *c = group[0];

	for (unsigned i = 0; i < (c->n ? c->n : 1); i++) {
		struct filter_verdict v = c->n     ? c->rules[i].verdict
					  : c->set ? c->plain
						   : f->fallback;
		struct json *names = json_array(doc), *entry = json_object(doc);

		for (size_t k = 0; k < n; k++)
			if (json_push(names, json_string(doc, group[k]->name)) < 0)
				return -1;
		if (json_put(doc, entry, "names", names) < 0 ||
			put_verdict(doc, entry, "action", "errnoRet", v) < 0 ||
			(c->n &&
				json_put(doc, entry, "args", write_tests(&c->rules[i], doc)) < 0) ||
			json_push(list, entry) < 0)
			return -1;
	}
	return 0;
}

/*
 * A call that gets the default anyway is left out, but where the default kills: runc answers ENOSYS,
 * not the default, for numbers above the highest one named, and naming fewer would lower it.
 */
static bool left_out(const struct filter *f, const struct filter_call *c)
{
	if (c->n || (c->set && !filter_verdict_equal(c->plain, f->fallback)))
		return false;
	return f->fallback.action <= FILTER_ERRNO;
}

static bool multiplexed(const struct filter_call *c)
{
	return strcmp(c->name, "socketcall") == 0 || strcmp(c->name, "ipc") == 0;
}

static int write_calls(const struct filter *f, struct json_doc *doc, struct json *list)
{
	const struct filter_call **group = calloc(f->n + 1, sizeof *group);
	bool *done = calloc(f->n + 1, sizeof *done);
	int ret = group && done ? 0 : -1;

	/* twice: the multiplexed calls of i386 first, else their members' rules would collide */
	for (size_t at = 0; ret == 0 && at < 2 * f->n; at++) {
		size_t i = at % f->n, n = 0;

		if (done[i] || left_out(f, &f->calls[i]) ||
			(at < f->n && !multiplexed(&f->calls[i])))
			continue;
		for (size_t k = 0; k < f->n; k++)
			if (!done[k] && !left_out(f, &f->calls[k]) &&
				same_way(&f->calls[i], &f->calls[k])) {
				done[k] = true;
				group[n++] = &f->calls[k];
			}
		ret = write_group(f, group, n, doc, list);
	}
	free(done);
	free(group);
	return ret;
}

struct json *filter_write(const struct filter *f, struct json_doc *doc)
{
	struct json *object = json_object(doc), *list = json_array(doc), *names = json_array(doc);

	if (!object ||
		put_verdict(doc, object, "defaultAction", "defaultErrnoRet", f->fallback) < 0)
		return NULL;
	for (size_t i = 0; i < f->n_arches; i++)
		if (json_push(names, json_string(doc, f->arches[i])) < 0)
			return NULL;
	if (f->n_arches && json_put(doc, object, "architectures", names) < 0)
		return NULL;
	if (write_calls(f, doc, list) < 0 || json_put(doc, object, "syscalls", list) < 0)
		return NULL;
	return object;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_members - who gets an address and who loses it: as lines (roster), and in the file, which a kill -9 at any call
 * leaves telling of all that a set may have. Namespaces are entered in integration/netseg.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netseg/members.h"
#include "netseg/registry_entry.h"
#include "netseg/roster.h"
#include "shim/base/cleanup.h"
#include "tests/faults.h"
#include "tests/registry_rig.h"
#include "tests/scratch.h"
#include "tests/tap.h"

#define K1 "111111111111"
#define K2 "222222222222"
#define K3 "333333333333"
#define K4 "444444444444"

static struct roster lines_of(const char *text)
{
	struct roster r = {0};
	struct err e = {0};

	if (roster_read(text, &r, &e) < 0) {
		printf("Bail out! %s\n", e.msg);
		exit(2);
	}
	return r;
}

/* ---- the text ---- */

static void test_text(void)
{
	static const char good[] =
		K1 " 12 34 4 56 in web db,web 10.0.0.5,fd00::5\n" K2 " 0 0 0 0 new - web -\n" K3
		   " 2147483647 18446744073709551615 4 5 in a,b,c - ::1\n";
	static const struct {
		const char *line, *what;
	} bad[] = {
		{K1 " 12 34 4 56 in web db", "a field less"},
		{K1 " 12 34 4 56 in web db - -", "one more"},
		{K1 " 12 34 4 56 in web db 10.0.0.5 ", "a blank at the end"},
		{K1 " -1 34 4 56 in web db -", "no process"},
		{K1 " 12 34 4 x in web db -", "no number"},
		{K1 " 12 34 4 56 out web db -", "no state"},
		{K1 " 12 34 4 56 in web,,db db -", "an empty name"},
		{K1 " 12 34 4 56 in web db 10.0.0.500", "no address"},
		{"11111111111 12 34 4 56 in web db -", "no key"},
	};
	AUTO_ROSTER struct roster r = lines_of(good);
	AUTO_STR struct str out = STR_INIT;
	struct err e = {0};

	ok(r.n == 3 && roster_write(&r, ROSTER_STAY, &out, &e) == 0, "three lines: %s", e.msg);
	tap_same(str_text(&out), good, "the same text again");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		AUTO_ROSTER struct roster b = {0};

		ok(roster_read(bad[i].line, &b, &e) < 0 && e.code == ERR_INPUT, "%s: %s",
			bad[i].what, e.msg);
	}
	str_reset(&out);
	for (int i = 0; i < 100; i++)
		str_add(&out, good);
	roster_done(&r);
	r = lines_of(str_text(&out));
	ok(r.n == 300 && r.v[299].ns.cookie == UINT64_MAX && r.v[299].addresses.n == 1,
		"three hundred");
	strv_add(&r.v[0].member, "we b");
	ok(roster_write(&r, ROSTER_STAY, &out, &e) < 0 && e.code == ERR_INPUT, "no name: %s",
		e.msg);
}

/* ---- what follows ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "web +10.0.0.5 -10.0.0.6 ...", sorted. */
static void changes_text(const struct roster_changes *c, struct str *out)
{
	AUTO_STRV struct strv all = {0};
	char text[ADDR_TEXT_SIZE], one[ADDR_TEXT_SIZE + 128];

	for (size_t i = 0; i < c->n; i++)
		for (int add = 0; add < 2; add++) {
			const struct addrs *l = add ? &c->v[i].add : &c->v[i].remove;

			for (size_t k = 0; k < l->n; k++) {
				addr_text(&l->v[k], text);
				snprintf(one, sizeof one, "%s%c%s", c->v[i].segment,
					add ? '+' : '-', text);
				strv_add(&all, one);
			}
		}
	if (all.n)
		qsort(all.v, all.n, sizeof *all.v, by_text);
	for (size_t i = 0; i < all.n; i++)
		str_addf(out, "%s%s", i ? " " : "", all.v[i]);
}

static void test_changes(void)
{
	/* the file, then what comes behind it; K1's namespace is 7, the others' as their first digit */
	static const struct {
		const char *what, *before, *more, *gone, *want, *left;
	} cases[] = {
		{"the first", "", K1 " 1 7 4 7 new web - 10.0.0.1,fd00::1\n", "",
			"web+10.0.0.1 web+fd00::1", K1 " 1 7 4 7 new web - 10.0.0.1,fd00::1\n"},
		{"another one comes", K1 " 1 7 4 7 in web - 10.0.0.1\n",
			K2 " 2 2 4 2 new web - 10.0.0.2\n", "", "web+10.0.0.2",
			K1 " 1 7 4 7 in web - 10.0.0.1\n" K2 " 2 2 4 2 new web - 10.0.0.2\n"},
		{"one goes", K1 " 1 7 4 7 in web,db - 10.0.0.1\n" K2 " 2 2 4 2 in web - 10.0.0.2\n",
			"", K1, "db-10.0.0.1 web-10.0.0.1", K2 " 2 2 4 2 in web - 10.0.0.2\n"},
		{"one of a pod goes, its address stays for the other",
			K1 " 1 7 4 7 in web,db - 10.0.0.1\n" K2 " 2 7 4 7 in web - 10.0.0.1\n", "",
			K1, "db-10.0.0.1", K2 " 2 7 4 7 in web - 10.0.0.1\n"},
		{"an address is used again: nothing of its last one's segment is left",
			K1 " 1 7 4 7 in db - 10.0.0.1,fd00::1\n",
			K2 " 2 2 4 2 new web - 10.0.0.1\n", "", "db-10.0.0.1 web+10.0.0.1",
			K1 " 1 7 4 7 in db - fd00::1\n" K2 " 2 2 4 2 new web - 10.0.0.1\n"},
		{"used again in the same segment", K1 " 1 7 4 7 in web - 10.0.0.1\n",
			K2 " 2 2 4 2 new web - 10.0.0.1\n", "", "web+10.0.0.1",
			K1 " 1 7 4 7 in web - -\n" K2 " 2 2 4 2 new web - 10.0.0.1\n"},
		{"by one that is in no segment", K1 " 1 7 4 7 in db - 10.0.0.1\n",
			K2 " 2 2 4 2 new - - 10.0.0.1\n", "", "db-10.0.0.1",
			K1 " 1 7 4 7 in db - -\n" K2 " 2 2 4 2 new - - 10.0.0.1\n"},
		{"the second of a pod, in another segment", K1 " 1 7 4 7 in db - 10.0.0.1\n",
			K2 " 2 7 4 7 new web - 10.0.0.1\n", "", "web+10.0.0.1",
			K1 " 1 7 4 7 in db - 10.0.0.1\n" K2 " 2 7 4 7 new web - 10.0.0.1\n"},
		{"the same with another address", K1 " 1 7 4 7 in web - 10.0.0.1\n",
			K1 " 1 7 4 7 new web - 10.0.0.2\n", "", "web+10.0.0.2 web-10.0.0.1",
			K1 " 1 7 4 7 new web - 10.0.0.2\n"},
		{"the same in another segment", K1 " 1 7 4 7 in web,x - 10.0.0.1\n",
			K1 " 1 7 4 7 new x,db - 10.0.0.1\n", "",
			"db+10.0.0.1 web-10.0.0.1 x+10.0.0.1", K1 " 1 7 4 7 new x,db - 10.0.0.1\n"},
		{"one that was killed on its way is added again",
			K1 " 1 7 4 7 new web - 10.0.0.1\n", K2 " 2 2 4 2 new db - 10.0.0.2\n", "",
			"db+10.0.0.2 web+10.0.0.1",
			K1 " 1 7 4 7 new web - 10.0.0.1\n" K2 " 2 2 4 2 new db - 10.0.0.2\n"},
		{"two lines of one: what either had",
			K1 " 1 7 4 7 in web - 10.0.0.1\n" K1 " 1 7 4 7 new web - 10.0.0.2\n", "",
			"", "web+10.0.0.2 web-10.0.0.1", K1 " 1 7 4 7 new web - 10.0.0.2\n"},
		{"two of a pod, on their way: once", "",
			K1 " 1 7 4 7 new web - 10.0.0.1\n" K2 " 2 7 4 7 new web - 10.0.0.1\n", "",
			"web+10.0.0.1",
			K1 " 1 7 4 7 new web - 10.0.0.1\n" K2 " 2 7 4 7 new web - 10.0.0.1\n"},
		{"both go", K1 " 1 7 4 7 in web - 10.0.0.1\n" K1 " 1 7 4 7 new db - 10.0.0.2\n", "",
			K1, "db-10.0.0.2 web-10.0.0.1", ""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO_ROSTER struct roster before = lines_of(cases[i].before), after = {0};
		AUTO_ROSTER struct roster more = lines_of(cases[i].more);
		AUTO_CHANGES struct roster_changes c = {0};
		AUTO_STR struct str got = STR_INIT, left = STR_INIT;
		struct err e = {0};

		roster_copy(&before, &after, &e);
		roster_copy(&more, &after, &e);
		for (size_t k = 0; k < after.n; k++)
			after.v[k].gone = strcmp(after.v[k].key, cases[i].gone) == 0;
		ok(roster_normalise(&after, NULL, &e) == 0 &&
				roster_changes(&before, &after, &c, &e) == 0,
			"%s", cases[i].what);
		changes_text(&c, &got);
		tap_same(str_text(&got), cases[i].want, "  sets");
		roster_write(&after, ROSTER_STAY, &left, &e);
		tap_same(str_text(&left), cases[i].left, "  lines");
	}
}

/* Random lives: sets that follow the changes have exactly what the living lines say. */
enum { HOSTS = 6, SEGMENTS = 3, STEPS = 20000 };

static uint32_t random_number(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 16);
}

static void random_line(struct str *out)
{
	static const char *const names[] = {"-", "a", "b", "c", "a,b", "b,c", "a,b,c"};
	unsigned key = random_number() % 9 + 1;

	/* three of a pod each */
	for (int i = 0; i < NET_KEY_SIZE - 1; i++)
		str_addf(out, "%u", key);
	str_addf(out, " 1 %u 4 9 new %s - 10.0.0.%u,10.0.1.%u\n", (key - 1) / 3,
		names[random_number() % 7], random_number() % HOSTS, random_number() % HOSTS);
}

struct model {
	bool in[SEGMENTS][2][HOSTS];
};

static void set(struct model *m, const char *segment, const struct addrs *l, bool there)
{
	for (size_t i = 0; i < l->n; i++)
		m->in[segment[0] - 'a'][l->v[i].bytes[2]][l->v[i].bytes[3]] = there;
}

static void follow(struct model *m, const struct roster_changes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		set(m, c->v[i].segment, &c->v[i].remove, false);
		set(m, c->v[i].segment, &c->v[i].add, true);
	}
}

static bool agrees(const struct model *m, const struct roster *r)
{
	for (int s = 0; s < SEGMENTS; s++) {
		const char name[] = {(char)('a' + s), '\0'};
		AUTO_ADDRS struct addrs l = {0};
		struct model want = {0};
		struct err e;

		roster_members(r, name, &l, &e);
		set(&want, name, &l, true);
		if (memcmp(want.in[s], m->in[s], sizeof want.in[s]) != 0)
			return false;
		for (size_t i = 1; i < l.n; i++)
			if (addr_order(&l.v[i - 1], &l.v[i]) >= 0)
				return false;
	}
	return true;
}

/* No address belongs to two namespaces. */
static bool apart(const struct roster *r)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < i; k++)
			for (size_t a = 0; a < r->v[k].addresses.n; a++)
				if (addrs_has(&r->v[i].addresses, &r->v[k].addresses.v[a]) &&
					!netns_same(&r->v[i].ns, &r->v[k].ns))
					return false;
	return true;
}

static void test_random(void)
{
	AUTO_ROSTER struct roster now = {0};
	struct model sets = {0};
	size_t adds = 0, removes = 0;

	for (int i = 0; i < STEPS; i++) {
		AUTO_ROSTER struct roster after = {0}, next = {0};
		AUTO_CHANGES struct roster_changes c = {0};
		AUTO_STR struct str text = STR_INIT;
		struct err e = {0};

		roster_copy(&now, &after, &e);
		if (random_number() % 3 && after.n) {
			after.v[random_number() % after.n].gone = true;
		} else {
			random_line(&text);
			roster_read(str_text(&text), &after, &e);
		}
		roster_normalise(&after, NULL, &e);
		roster_changes(&now, &after, &c, &e);
		for (size_t k = 0; k < c.n; k++) {
			adds += c.v[k].add.n;
			removes += c.v[k].remove.n;
		}
		follow(&sets, &c);
		str_reset(&text);
		for (size_t k = 0; k < after.n; k++)
			after.v[k].settled = true;
		roster_write(&after, ROSTER_STAY, &text, &e);
		roster_read(str_text(&text), &next, &e);
		if (!agrees(&sets, &next) || !apart(&next)) {
			ok(false, "step %d:\n# %s", i, str_text(&text));
			return;
		}
		roster_done(&now);
		now = next;
		next = (struct roster){0};
	}
	ok(adds > 1000 && removes > 1000, "%d steps, %zu added, %zu removed: sets as members",
		STEPS, adds, removes);
}

/* ---- the file ---- */

static const char network[] = "{\"policies\":[{\"profile\":\"p\",\"mode\":\"enforce\","
			      "\"preset\":\"none\"}],\"segments\":[\"web\",\"db\"]}";

static pid_t self; /* not asked for where calls fail */
static uint64_t started;

static struct net_entry entry(const char *key, uint64_t cookie, const char *address)
{
	static const struct json_limits limits = {1 << 20, JSON_DEPTH_MAX, 1 << 16};
	struct net_entry n = {
		.pid = self, .ns = {cookie, 4, 9}, .installed = true, .since = cookie};
	struct addr a;
	struct err e = {0};

	memcpy(n.key, key, NET_KEY_SIZE);
	n.id = strdup(key);
	n.root = strdup("/run/runc");
	n.record = strdup("");
	n.started = started;
	if (addr_parse(address, &a, &e) < 0 || addrs_add(&n.addresses, &a) < 0 ||
		json_parse(network, strlen(network), &limits, JSON_STRICT, &n.network, &e) < 0 ||
		net_want_read(json_root(n.network), &n.want, &e) < 0) {
		printf("Bail out! %s\n", e.msg);
		exit(2);
	}
	return n;
}

static int join(const struct registry *r, const char *key, uint64_t cookie, const char *address)
{
	AUTO_NET_ENTRY struct net_entry n = entry(key, cookie, address);
	struct err why = {0}, e = {0};

	return members_join(r, &n, &why, &e);
}

static int leave(const struct registry *r, const char *key)
{
	struct net_entry n = {0};
	struct err why = {0}, e = {0};

	memcpy(n.key, key, NET_KEY_SIZE);
	return members_leave(r, &n, &why, &e);
}

/* "KEY address,... ", of the lines. */
static void file_text(const char *dir, struct str *out)
{
	char name[64];
	AUTO_FREE char *text = NULL;

	snprintf(name, sizeof name, "%s/members", dir);
	text = scratch_read(name);
	if (!text)
		return;
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		char *last = strrchr(line, ' ');

		str_addf(out, "%s%c%c%s", out->len ? " " : "", *line,
			strstr(line, " in ") ? '=' : '?', last ? last + 1 : "");
	}
}

static void same_file(const char *dir, const char *want, const char *what)
{
	AUTO_STR struct str got = STR_INIT;

	file_text(dir, &got);
	tap_same(str_text(&got), want, what);
}

static pid_t ended(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
	return child;
}

static void test_file(void)
{
	AUTO_REGISTRY struct registry r = registry_rig("file");
	AUTO_STR struct str text = STR_INIT;
	AUTO_NET_ENTRY struct net_entry host = entry(K4, 4, "10.9.9.9");
	struct err e = {0}, why = {0};

	ok(leave(&r, K1) == 0, "nobody is there");
	same_file("file", "", "and no file");
	ok(join(&r, K1, 1, "10.0.0.1") == 0 && join(&r, K2, 2, "10.0.0.2") == 0, "two come");
	same_file("file", "1=10.0.0.1 2=10.0.0.2", "they are written down");
	join(&r, K3, 3, "10.0.0.1");
	same_file("file", "1=- 2=10.0.0.2 3=10.0.0.1", "an address has one owner");
	leave(&r, K3);
	same_file("file", "1=- 2=10.0.0.2", "it is nobody's then");
	host.host = true;
	ok(members_join(&r, &host, &why, &e) == 0, "one of the host's network");
	same_file("file", "1=- 2=10.0.0.2", "is nobody's member");
	leave(&r, K1);
	leave(&r, K2);
	same_file("file", "", "all have gone");

	str_addf(&text, K1 " %d 1 4 9 in web - 10.0.0.1\n", ended());
	scratch_write("file/members", str_text(&text));
	join(&r, K2, 2, "10.0.0.2");
	same_file("file", "2=10.0.0.2", "one whose process is gone is forgotten");
	str_reset(&text);
	str_addf(&text, K1 " %d 1 4 9 new web - 10.0.0.1\n", getpid());
	scratch_write("file/members", str_text(&text));
	join(&r, K2, 2, "10.0.0.2");
	same_file("file", "1=10.0.0.1 2=10.0.0.2", "one that was on its way is settled");
}

static void test_damaged_file(void)
{
	AUTO_REGISTRY struct registry r = registry_rig("damage");
	AUTO_NET_ENTRY struct net_entry a = entry(K1, 1, "10.0.0.1"), b = entry(K2, 2, "10.0.0.1"),
					c = entry(K3, 3, "10.0.0.3");
	AUTO_STRV struct strv done = {0};
	AUTO_FD int own = -1;
	struct err e = {0};
	struct stat st;

	/* they live as this process lives, which is in one namespace: the cookies tell them apart */
	if (stat("/proc/self/ns/net", &st) < 0)
		exit(2);
	a.ns.ino = b.ns.ino = st.st_ino;
	a.ns.dev = b.ns.dev = st.st_dev;
	c.pid = ended();
	registry_put(&r, &a, &e);
	registry_put(&r, &b, &e);
	registry_put(&r, &c, &e);
	scratch_write("damage/members", "what is this\n");
	ok(join(&r, K4, 4, "10.0.0.4") == 0, "a damaged file is made anew");
	same_file("damage", "1=- 2=10.0.0.1 4=10.0.0.4", "from those that live, the youngest last");
	ok(members_rebuild(&r, &done, &e) == 0 && done.n == 1, "and on demand: %s",
		done.n ? done.v[0] : e.msg);
	same_file("damage", "1=- 2=10.0.0.1", "then only what has an entry");
	scratch_write("damage/members", "");
	ok(truncate(scratch_path("damage/members"), 3) == 0 && join(&r, K4, 4, "10.0.0.4") == 0,
		"one with NULs, too");
}

static void test_fill(void)
{
	AUTO_REGISTRY struct registry r = registry_rig("fill");
	struct net_rule rule = {0};
	struct net_policy policy = {.mode = NET_ENFORCE, .n_rules = {[NET_OUT] = 1}};
	struct net_want want = {.policies = &policy, .n = 1};
	struct net_container *own = calloc(1, sizeof *own);
	struct net_space s = {.containers = own, .n = 1};
	struct err e = {0};

	policy.rules[NET_OUT] = &rule;
	own->want = &want;
	strv_add(&rule.segments, "web");
	strv_add(&rule.segments, "empty");
	join(&r, K1, 1, "10.0.0.9");
	join(&r, K2, 2, "fd00::1");
	join(&r, K3, 2, "fd00::1");
	join(&r, K4, 4, "10.0.0.8");
	ok(members_fill(&r, &s, &e) == 0 && s.n_segments == 2, "segments that rules speak of: %s",
		e.msg);
	ok(s.n_segments == 2 && strcmp(s.segments[0].name, "empty") == 0 &&
			s.segments[0].members.n == 0,
		"one that nobody is in is there");
	ok(s.n_segments == 2 && s.segments[1].members.n == 3 &&
			s.segments[1].members.v[0].bytes[3] == 8,
		"members' addresses, sorted, none twice");
	for (size_t i = 0; i < s.n_segments; i++) {
		free(s.segments[i].name);
		addrs_done(&s.segments[i].members);
	}
	free(s.segments);
	free(own);
	strv_done(&rule.segments);
}

/* ---- kill -9 ---- */

static const char *cookie_address; /* what the life is about */

static int life(void *arg)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	struct err e;

	(void)arg;
	if (registry_open(scratch_path("killed"), &r, &e) < 0 ||
		join(&r, K1, 1, cookie_address) < 0 || join(&r, K1, 1, "10.0.0.7") < 0)
		return 1;
	return leave(&r, K1) < 0;
}

static bool announced, spoiled;

/* The bystander has what it had; the file is whole; what K1 left is taken out by the next one. */
static bool harmless(void)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	AUTO_STR struct str text = STR_INIT;
	struct err e = {0};

	if (registry_open(scratch_path("killed"), &r, &e) < 0)
		return false;
	file_text("killed", &text);
	/* without room for it, who leaves makes it a damaged one */
	spoiled |= *str_text(&text) == '!';
	if (*str_text(&text) != '!' && !strstr(str_text(&text), "2=10.0.0.2"))
		return false;
	announced |= strstr(str_text(&text), "1?10.0.0.1") != NULL;
	if (leave(&r, K1) < 0)
		return false;
	str_reset(&text);
	file_text("killed", &text);
	return strcmp(str_text(&text), "2=10.0.0.2") == 0;
}

static void test_kill(void)
{
	static const int faults[] = {FAULT_KILL, ENOSPC, ENOMEM, FAULT_SHORT};
	const char *why;

	if (!faults_work(&why)) {
		tap_skip("every call fails, and is killed", why);
		return;
	}
	{
		AUTO_REGISTRY struct registry r = registry_rig("killed");

		AUTO_NET_ENTRY struct net_entry n = entry(K2, 2, "10.0.0.2");
		struct err e;
		struct stat st;

		if (stat("/proc/self/ns/net", &st) < 0)
			exit(2);
		n.ns.ino = st.st_ino;
		n.ns.dev = st.st_dev;
		if (registry_put(&r, &n, &e) < 0 || join(&r, K2, 2, "10.0.0.2") < 0)
			exit(2);
	}
	cookie_address = "10.0.0.1";
	for (size_t f = 0; f < sizeof faults / sizeof *faults; f++) {
		bool good = true, hit = true;
		unsigned at = 1;

		for (; hit && at < 2000 && good; at++) {
			hit = faults_run(life, NULL, at, faults[f]).hit;
			good = harmless();
		}
		ok(good && at > 40, "fault %d at each of %u calls", faults[f], at - 1);
	}
	ok(spoiled, "without room a member goes, and the next one makes the file anew");
	ok(announced, "a member is written down before any set has its address");
}

int main(void)
{
	self = getpid();
	started = netns_started(self);
	test_text();
	test_changes();
	test_random();
	test_file();
	test_damaged_file();
	test_fill();
	test_kill();
	return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ratchet_exec - the judge of execs finds what it must, and nothing else.
 */
#include "tests/judge.h"
#include "tests/ratchet_exec.h"
#include "tests/tap.h"
#include "tests/world_fake.h"

#define OWN                                                                                        \
	"{'capabilities':{'bounding':['CAP_KILL'],'effective':['CAP_KILL'],'inheritable':[]},"     \
	"'path':'/bin','rlimits':[{'type':'RLIMIT_CORE','hard':0,'soft':0}],"                      \
	"'apparmorProfile':'own'}"

static const struct row {
	const char *what, *own, *in, *out;
	const char *want; /* part of what is found; NULL: nothing */
} rows[] = {
	{"nothing asked, nothing given", OWN, "{}", "{}", NULL},
	{"the container's own, written out", OWN, "{}",
		"{'capabilities':{'bounding':['CAP_KILL'],'effective':[]},'rlimits':[{'type':"
		"'RLIMIT_CORE','hard':0,'soft':0}]}",
		NULL},
	{"more than the container's own, unasked", OWN, "{}",
		"{'capabilities':{'bounding':['CAP_CHOWN']}}", "CAP_CHOWN gained"},
	{"silence instead of little", OWN, "{'capabilities':{'bounding':[]}}", "{}",
		"CAP_KILL gained"},
	{"limits that take the place of the container's", OWN, "{}",
		"{'rlimits':[{'type':'RLIMIT_NOFILE','hard':1,'soft':1}]}", "RLIMIT_CORE removed"},
	{"a limit that is asked for", OWN, "{'rlimits':[{'type':'RLIMIT_CORE','hard':9,'soft':9}]}",
		"{'rlimits':[{'type':'RLIMIT_CORE','hard':9,'soft':9}]}", NULL},
	{"a limit that is raised", OWN, "{'rlimits':[{'type':'RLIMIT_CORE','hard':9,'soft':9}]}",
		"{'rlimits':[{'type':'RLIMIT_CORE','hard':9,'soft':10}]}", "soft raised"},
	{"an empty list is the container's to runc", OWN, "{'rlimits':[]}",
		"{'rlimits':[{'type':'RLIMIT_CORE','hard':1,'soft':0}]}", "hard raised"},
	{"the container's label, in place of another", OWN, "{'apparmorProfile':'other'}", "{}",
		NULL},
	{"another label", OWN, "{'apparmorProfile':'other'}", "{'apparmorProfile':'other'}",
		"runs as \"other\""},
	{"an empty label is none to crun", OWN, "{}", "{'apparmorProfile':''}",
		"crun runs as \"\""},
	{"a label is lost", "{}", "{'apparmorProfile':'x'}", "{}", "runs as \"\""},
	{"a label where there is none", "{}", "{'apparmorProfile':'x'}", "{'apparmorProfile':'x'}",
		NULL},
	{"the container's PATH", OWN, "{'env':['PATH=/x','A=b']}", "{'env':['A=b','PATH=/bin']}",
		NULL},
	{"a PATH of nobody's", OWN, "{'env':['PATH=/x']}", "{'env':['PATH=/y']}", "PATH nobody"},
	{"a variable more", OWN, "{'env':['A=b']}", "{'env':['A=b','C=d']}", "env"},
	{"a score put in", OWN, "{}", "{'oomScoreAdj':0}", "oomScoreAdj"},
	{"privileges may be gained", OWN, "{'noNewPrivileges':true}", "{}", "noNewPrivileges"},
	{"another command", OWN, "{'args':['a']}", "{'args':['b']}", "args"},
	{"another directory", OWN, "{'cwd':'/a'}", "{'cwd':'/'}", "cwd"},
	{"a terminal", OWN, "{}", "{'terminal':true}", "terminal"},
	{"root", OWN, "{'user':{'uid':5,'gid':5}}", "{}", "uid 5 became 0"},
	{"something nobody knows", OWN, "{}", "{'scheduler':{'policy':'SCHED_FIFO'}}", "scheduler"},
};

static const char profile[] =
	"{'profile':'few','version':'1','capabilities':['CAP_KILL','CAP_CHOWN'],'user':{'root':'"
	"remap'},"
	"'env':{'deny':['LD_*']},'resources':{'rlimits':{'RLIMIT_CORE':5}},'exec':{'allow':true,"
	"'capabilities':['CAP_KILL'],'commands':{'allow':['id','/bin/*','sh -c "
	"**'],'deny':['cat']}}}";

#define GOOD                                                                                       \
	"'user':{'uid':1,'gid':1},'noNewPrivileges':true,'capabilities':{},'rlimits':[{'type':"    \
	"'RLIMIT_CORE','hard':5,'soft':0}]"

static const struct {
	const char *what, *out, *want;
} bounds[] = {
	{"within", "{" GOOD ",'args':['id']}", NULL},
	{"by the container's PATH", "{" GOOD ",'args':['id'],'env':['PATH=/bin']}", NULL},
	{"by another", "{" GOOD ",'args':['id'],'env':['PATH=/x']}", "another PATH"},
	{"without one", "{" GOOD ",'args':['id'],'env':['A=b']}", "0 times PATH"},
	{"any arguments", "{" GOOD ",'args':['sh','-c','x','y']}", NULL},
	{"fewer words than the pattern", "{" GOOD ",'args':['sh']}", "not allowed"},
	{"one word more", "{" GOOD ",'args':['id','-u']}", "not allowed"},
	{"a directory below", "{" GOOD ",'args':['/bin/a/b']}", "not allowed"},
	{"a denied name by its path", "{" GOOD ",'args':['/bin/cat','x']}", "denied"},
	{"a way around", "{" GOOD ",'args':['/bin/..']}", "another file"},
	{"a capability of the profile, not of an exec",
		"{'user':{'uid':1,'gid':1},'noNewPrivileges':true,'capabilities':{'bounding':['CAP_"
		"CHOWN']}}",
		"holds CAP_CHOWN"},
	{"silent capabilities", "{'user':{'uid':1,'gid':1},'noNewPrivileges':true}",
		"holds CAP_CHOWN"},
	{"root by silence", "{'noNewPrivileges':true}", "runs as root"},
	{"group 0", "{'user':{'uid':1,'gid':1,'additionalGids':[0]}}", "group 0"},
	{"privileges", "{'user':{'uid':1,'gid':1}}", "gain privileges"},
	{"no limit, as crun has it", "{'user':{'uid':1,'gid':1}}", "has no limit"},
	{"a limit above", "{'rlimits':[{'type':'RLIMIT_CORE','hard':6,'soft':0}]}", "above 5"},
	{"a denied variable", "{'env':['LD_PRELOAD=x']}", "LD_PRELOAD"},
	{"a terminal", "{'terminal':true}", "a terminal"},
	{"a descriptor", "{'cwd':'/proc/self/fd/7'}", "cwd is"},
	{"a link to one", "{'cwd':'/link/fd/7'}", "cwd is"},
	{"no confinement", "{'selinuxLabel':'u:r:spc_t:s0'}", "confines nothing"},
};

static void expect(const char *what, const struct strv *bad, const char *want)
{
	bool found = false;

	for (size_t i = 0; i < bad->n; i++)
		found |= want && strstr(bad->v[i], want);
	if (!ok(want ? found : bad->n == 0, "%s: %s", what, want ? "found" : "nothing to find"))
		for (size_t i = 0; i < bad->n; i++)
			printf("# %s\n", bad->v[i]);
}

static void test_bounds(void)
{
	AUTO_JSON struct json_doc *text = judge_parse(profile);
	AUTO_JSON struct json_doc *own =
		judge_parse("{'path':'/bin','capabilities':{'bounding':['CAP_CHOWN']}}");
	AUTO_PROFILE struct profile *p = NULL;
	AUTO_STR struct str plain = STR_INIT;
	AUTO_FAKE struct world_fake fake;
	struct err e = {0};

	world_fake_init(&fake);
	world_fake_entry(&fake, (struct fake_path){.path = "/link", .real = "/proc/self"});
	json_write(json_root(text), &plain);
	if (!ok(profile_parse("few", str_text(&plain), plain.len, &p, &e) == 0, "the profile: %s",
		    e.msg))
		return;
	for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
		AUTO_JSON struct json_doc *out = judge_parse(bounds[i].out);
		AUTO_STRV struct strv bad = {NULL, 0};

		ceiling_exec(json_root(own), json_root(out), p, &fake.world, &bad);
		expect(bounds[i].what, &bad, bounds[i].want);
	}
}

int main(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		AUTO_JSON struct json_doc *own = judge_parse(rows[i].own);
		AUTO_JSON struct json_doc *in = judge_parse(rows[i].in);
		AUTO_JSON struct json_doc *out = judge_parse(rows[i].out);
		AUTO_STRV struct strv bad = {NULL, 0};

		ratchet_exec(json_root(own), json_root(in), json_root(out), &bad);
		expect(rows[i].what, &bad, rows[i].want);
	}
	test_bounds();
	return tap_done();
}

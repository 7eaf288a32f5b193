/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_exec_process - the process an exec asks for: from a file and from every option, what is refused, and
 * the line that is handed on.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/exec_process.h"
#include "shim/spec.h"
#include "tests/scratch.h"
#include "tests/tap.h"

enum { WORDS_MAX = 32 };

static const char base[] =
	"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},\"process\":{\"terminal\":true,"
	"\"user\":{\"uid\":7,\"gid\":8,\"additionalGids\":[9]},\"args\":[\"daemon\"],"
	"\"env\":[\"PATH=/bin\"],\"cwd\":\"/srv\",\"capabilities\":{\"bounding\":[\"CAP_KILL\"],"
	"\"effective\":[],\"inheritable\":[]},\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"hard\":0,"
	"\"soft\":0}],\"noNewPrivileges\":false}}";

/* LINE split at blanks, parsed; what the words point to lives until the next call. */
static bool parse(const char *line, struct args *a, struct err *e)
{
	static char text[1024];
	static char *argv[WORDS_MAX];
	int n = 1;

	argv[0] = (char *)"cinch";
	snprintf(text, sizeof text, "%s", line);
	for (char *save = NULL, *w = strtok_r(text, " ", &save); w && n < WORDS_MAX - 1;
		w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	return args_parse(n, argv, a, e) == 0;
}

/* ---- options ---- */

/* The member at PLACE is VALUE (JSON; ' stands for "); NULL: there is none. */
static const struct option_row {
	const char *what, *options, *command, *place, *value;
} option_rows[] = {
	{"the words are the arguments", "", "sh -c x", "/args", "['sh','-c','x']"},
	{"words that look like options", "", "ls -l --", "/args", "['ls','-l','--']"},
	{"no option: the container's directory", "", "id", "/cwd", "'/srv'"},
	{"no option: its user", "", "id", "/user", "{'uid':7,'gid':8,'additionalGids':[9]}"},
	{"no option: its environment", "", "id", "/env", "['PATH=/bin']"},
	{"no option: its limits", "", "id", "/rlimits",
		"[{'type':'RLIMIT_CORE','hard':0,'soft':0}]"},
	{"no option: its capabilities", "", "id", "/capabilities",
		"{'bounding':['CAP_KILL'],'effective':[],'inheritable':[]}"},
	{"no option: no terminal, whatever the container has", "", "id", "/terminal", "false"},
	{"no option: no label", "", "id", "/apparmorProfile", NULL},
	{"--cwd", "--cwd /tmp", "id", "/cwd", "'/tmp'"},
	{"--tty", "--tty", "id", "/terminal", "true"},
	{"--tty=false", "--tty=false", "id", "/terminal", "false"},
	{"-t", "-t", "id", "/terminal", "true"},
	{"--env, twice", "--env A=b --env C=d=e", "id", "/env", "['PATH=/bin','A=b','C=d=e']"},
	{"-e", "-e A=b,c", "id", "/env", "['PATH=/bin','A=b,c']"},
	{"--user: the group stays", "--user 5", "id", "/user",
		"{'uid':5,'gid':8,'additionalGids':[9]}"},
	{"--user with a group", "-u 5:6", "id", "/user", "{'uid':5,'gid':6,'additionalGids':[9]}"},
	{"--user 0:0", "--user 0:0", "id", "/user", "{'uid':0,'gid':0,'additionalGids':[9]}"},
	{"--user, the highest", "--user 4294967294", "id", "/user/uid", "4294967294"},
	{"--additional-gids", "-g 1 -g 2", "id", "/user/additionalGids", "[9,1,2]"},
	{"--cap goes to four sets", "--cap CAP_SYS_ADMIN", "id", "/capabilities",
		"{'bounding':['CAP_KILL','CAP_SYS_ADMIN'],'effective':['CAP_SYS_ADMIN'],"
		"'inheritable':[],'permitted':['CAP_SYS_ADMIN'],'ambient':['CAP_SYS_ADMIN']}"},
	{"--cap, twice", "-c CAP_A -c CAP_B", "id", "/capabilities/effective", "['CAP_A','CAP_B']"},
	{"--cap of any name", "--cap ALL", "id", "/capabilities/ambient", "['ALL']"},
	{"--apparmor", "--apparmor own", "id", "/apparmorProfile", "'own'"},
	{"--process-label", "--process-label u:r:t:s0", "id", "/selinuxLabel", "'u:r:t:s0'"},
	{"--no-new-privs", "--no-new-privs", "id", "/noNewPrivileges", "true"},
};

static struct json_doc *value_of(const char *text)
{
	AUTO_FREE char *copy = strdup(text);
	struct json_doc *doc = NULL;
	struct err e;

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	return json_parse(copy, strlen(copy), &spec_limits, 0, &doc, &e) < 0 ? NULL : doc;
}

static void test_options(const char *bundle)
{
	for (size_t i = 0; i < sizeof option_rows / sizeof *option_rows; i++) {
		const struct option_row *row = &option_rows[i];
		AUTO_JSON struct json_doc *doc = NULL, *want = NULL;
		AUTO_STR struct str got = STR_INIT;
		AUTO_ARGS struct args a = {0};
		struct err e = {0};
		const struct json *v;
		char line[512];

		snprintf(line, sizeof line, "exec %s c1 %s", row->options, row->command);
		if (!ok(parse(line, &a, &e) && exec_process_read(&a, bundle, &doc, &e) == 0,
			    "%s: read %s", row->what, e.msg))
			continue;
		v = json_at(json_root(doc), row->place);
		if (v)
			json_write(v, &got);
		want = row->value ? value_of(row->value) : NULL;
		ok(row->value ? v && want && json_equal(v, json_root(want)) : !v, "%s: %s is %s",
			row->what, row->place, str_text(&got));
	}
}

/* A configuration that says little: everything is made. */
static void test_bare(void)
{
	AUTO_JSON struct json_doc *doc = NULL, *want = NULL;
	AUTO_STR struct str got = STR_INIT;
	AUTO_ARGS struct args a = {0};
	struct err e = {0};

	mkdir(scratch_path("bare"), 0755);
	scratch_write("bare/config.json", "{\"ociVersion\":\"1.0.2\",\"process\":{\"capabilities\":"
					  "null,\"user\":null,\"env\":null,\"cwd\":\"/\"}}");
	want = value_of(
		"{'args':['id'],'cwd':'/','capabilities':{'bounding':['CAP_KILL'],"
		"'effective':['CAP_KILL'],'permitted':['CAP_KILL'],'ambient':['CAP_KILL']},"
		"'env':['A=b'],'terminal':false,'user':{'uid':1,'gid':2,'additionalGids':[3]}}");
	if (!ok(parse("exec -c CAP_KILL -u 1:2 -g 3 -e A=b c1 id", &a, &e) &&
			    exec_process_read(&a, scratch_path("bare"), &doc, &e) == 0,
		    "on top of nulls: %s", e.msg))
		return;
	json_write(json_root(doc), &got);
	ok(json_equal(json_root(doc), json_root(want)), "every member is made: %s", str_text(&got));
}

static const struct {
	const char *what, *config, *line, *why;
} wrong_options[] = {
	{"no process", "{\"ociVersion\":\"1.0.2\"}", "exec c1 id", "no process to begin with"},
	{"process is null", "{\"ociVersion\":\"1.0.2\",\"process\":null}", "exec c1 id",
		"no process to begin with"},
	{"two keys", "{\"ociVersion\":\"1.0.2\",\"process\":{},\"Process\":{}}", "exec c1 id",
		"Process"},
	{"a wrong type", "{\"ociVersion\":\"1.0.2\",\"process\":{\"env\":7}}", "exec c1 id", "env"},
	{"a word that is not UTF-8", "{\"ociVersion\":\"1.0.2\",\"process\":{}}",
		"exec c1 \xff\xfe", "the command: byte 1 is not UTF-8"},
	{"a variable that is not UTF-8", "{\"ociVersion\":\"1.0.2\",\"process\":{}}",
		"exec -e A=hunter\xff c1 id", "--env: byte 9 is not UTF-8"},
	{"a directory that is not UTF-8", "{\"ociVersion\":\"1.0.2\",\"process\":{}}",
		"exec --cwd /\xc3 c1 id", "--cwd: byte 2 is not UTF-8"},
};

/* What is put together is held to the same shape as a file. */
static void test_many_words(const char *bundle)
{
	enum { MANY = 20000 };
	static char *argv[MANY + 3] = {(char *)"cinch", (char *)"exec", (char *)"c1"};
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_ARGS struct args a = {0};
	struct err e = {0};

	for (int i = 3; i < MANY + 3; i++)
		argv[i] = (char *)"x";
	ok(args_parse(MANY + 3, argv, &a, &e) == 0 && exec_process_read(&a, bundle, &doc, &e) < 0 &&
			e.code == ERR_INPUT && strstr(e.msg, "args"),
		"20,000 words: %s", e.msg);
}

static void test_wrong_options(void)
{
	AUTO_JSON struct json_doc *none = NULL;
	AUTO_ARGS struct args plain = {0};
	struct err why = {0};

	mkdir(scratch_path("wrong"), 0755);
	for (size_t i = 0; i < sizeof wrong_options / sizeof *wrong_options; i++) {
		AUTO_JSON struct json_doc *doc = NULL;
		AUTO_ARGS struct args a = {0};
		struct err e = {0};
		bool refused;

		scratch_write("wrong/config.json", wrong_options[i].config);
		refused = parse(wrong_options[i].line, &a, &e) &&
			  exec_process_read(&a, scratch_path("wrong"), &doc, &e) < 0;
		ok(refused && !doc && e.code == ERR_INPUT && strstr(e.msg, wrong_options[i].why),
			"%s: %s", wrong_options[i].what, e.msg);
		ok(!strstr(e.msg, "hunter"), "%s: no value is told", wrong_options[i].what);
	}
	ok(parse("exec c1 id", &plain, &why) && exec_process_read(&plain, NULL, &none, &why) < 0 &&
			strstr(why.msg, "bundle is not known"),
		"no bundle: %s", why.msg);
	ok(exec_process_read(&plain, scratch_path("nowhere"), &none, &why) < 0 &&
			why.code == ENOENT,
		"a bundle that is gone: %s", why.msg);
}

/* ---- the file ---- */

static int read_file(const char *path, struct json_doc **doc, struct err *e)
{
	AUTO_ARGS struct args a = {0};
	char line[512];

	snprintf(line, sizeof line, "exec --process %s c1", path);
	if (!parse(line, &a, e))
		return -1;
	return exec_process_read(&a, "/nonexistent", doc, e);
}

static void link_to(const char *target, const char *name)
{
	if (symlink(target, scratch_path(name)) < 0)
		exit(2);
}

static void refused(const char *what, const char *path, int code, const char *why)
{
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e = {0};

	alarm(120); /* whatever it is, it must not hang */
	ok(read_file(path, &doc, &e) < 0 && !doc && e.code == code && strstr(e.msg, why) &&
			strstr(e.msg, "--process"),
		"%s: %s", what, e.msg);
	alarm(0);
}

static const struct {
	const char *what, *text, *why;
} wrong_files[] = {
	{"an empty file", "", ""},
	{"half a document", "{\"cwd\":\"/\"", ""},
	{"text behind it", "{\"cwd\":\"/\"} x", ""},
	{"two documents", "{\"cwd\":\"/\"}{\"cwd\":\"/\"}", ""},
	{"a key twice", "{\"cwd\":\"/\",\"cwd\":\"/x\"}", "cwd"},
	{"another case", "{\"noNewPrivileges\":true,\"NoNewPrivileges\":false}", "NoNewPrivileges"},
	{"a letter that folds", "{\"capabilitie\\u017f\":{}}", "capabilitie"},
	{"NUL in a text", "{\"cwd\":\"/\\u0000\"}", ""},
	{"an array", "[]", ""},
	{"a wrong type", "{\"args\":\"sh\"}", "args"},
	{"a number that is none", "{\"user\":{\"uid\":1.5}}", "uid"},
	{"a negative user", "{\"user\":{\"uid\":-1}}", "uid"},
};

static void test_wrong_files(void)
{
	AUTO_STR struct str big = STR_INIT, deep = STR_INIT;

	for (size_t i = 0; i < sizeof wrong_files / sizeof *wrong_files; i++)
		refused(wrong_files[i].what, scratch_write("p.json", wrong_files[i].text),
			ERR_INPUT, wrong_files[i].why);
	for (int i = 0; i < 5; i++)
		for (int k = 0; k < 1 << 18; k++)
			str_add(&big, "    ");
	refused("5 MiB", scratch_write("p.json", str_text(&big)), ERR_INPUT, "limit 4194304");
	for (int i = 0; i < 200; i++)
		str_addc(&deep, '[');
	refused("200 arrays deep", scratch_write("p.json", str_text(&deep)), ERR_INPUT, "");
	scratch_write("good.json", "{\"cwd\":\"/\"}");
	mkfifo(scratch_path("fifo"), 0600);
	refused("a FIFO", scratch_path("fifo"), ERR_INPUT, "a FIFO");
	refused("a directory", scratch_path("wrong"), ERR_INPUT, "a directory");
	refused("a device", "/dev/null", ERR_INPUT, "a device");
	refused("nothing there", scratch_path("none.json"), ENOENT, "none.json");
	refused("no directory there", scratch_path("none/p.json"), ENOENT, "none/");
	link_to("good.json", "link");
	refused("a symbolic link", scratch_path("link"), ERR_INPUT, "a symbolic link");
	refused("a descriptor of the caller", "/proc/self/fd/0", ERR_INPUT, "a symbolic link");
}

static void test_file(void)
{
	AUTO_JSON struct json_doc *doc = NULL, *far = NULL, *near = NULL;
	AUTO_STR struct str text = STR_INIT;
	struct err e = {0};
	char here[512];

	scratch_write("good.json", "{\"cwd\":\"/\",\"args\":[\"a\"],\"later\":[1e3]}");
	ok(read_file(scratch_path("good.json"), &doc, &e) == 0, "a good file: %s", e.msg);
	json_write(json_root(doc), &text);
	tap_same(str_text(&text), "{\"cwd\":\"/\",\"args\":[\"a\"],\"later\":[1e3]}",
		"as it stands, the bundle is not looked at");
	link_to(".", "way");
	ok(read_file(scratch_path("way/good.json"), &far, &e) == 0,
		"a directory on the way may be a link: %s", e.msg);
	if (!getcwd(here, sizeof here) || chdir(scratch_dir()) < 0)
		exit(2);
	ok(read_file("good.json", &near, &e) == 0, "from the working directory: %s", e.msg);
	if (chdir(here) < 0)
		exit(2);
}

/* Both forms of one wish give one document. */
static void test_both_forms(const char *bundle)
{
	AUTO_JSON struct json_doc *options = NULL, *file = NULL;
	AUTO_STR struct str text = STR_INIT, again = STR_INIT;
	AUTO_ARGS struct args a = {0};
	struct err e = {0};

	ok(parse("exec -t -u 1:2 -g 3 -e A=b --cwd /tmp --no-new-privs -c CAP_CHOWN --apparmor x "
		 "--process-label u:r:t:s0 c1 sh -c id",
		   &a, &e) &&
			exec_process_read(&a, bundle, &options, &e) == 0,
		"by options: %s", e.msg);
	json_write(json_root(options), &text);
	ok(read_file(scratch_write("same.json", str_text(&text)), &file, &e) == 0, "by file: %s",
		e.msg);
	json_write(json_root(file), &again);
	tap_same(str_text(&again), str_text(&text), "one document");
}

/* ---- the line ---- */

static const struct {
	const char *in, *out;
} lines[] = {
	{"exec c1 sh -c id", "exec --process X -- c1"},
	{"exec --process /p.json c1", "exec --process X -- c1"},
	{"exec -p /p.json c1 these words count nowhere", "exec --process X -- c1"},
	{"--root /r --log /l --log-format json exec --process /tmp/runc-process1 --console-socket "
	 "/s "
	 "--detach --pid-file /p c1",
		"--root /r --log /l --log-format json exec --console-socket /s --detach --pid-file "
		"/p --process X -- c1"},
	{"exec --pid-file /f --process /p --detach --tty --console-socket /s c1",
		"exec --pid-file /f --detach --console-socket /s --process X -- c1"},
	{"exec -t -u 0:0 -g 1 -e A=b --cwd / -c CAP_KILL --no-new-privs --apparmor a "
	 "--process-label l c1 x",
		"exec --process X -- c1"},
	{"exec --preserve-fds 2 --pidfd-socket /s --cgroup a --cgroup cpu:b --ignore-paused c1 x",
		"exec --preserve-fds 2 --pidfd-socket /s --cgroup a --cgroup cpu:b --ignore-paused "
		"--process X -- c1"},
};

static void test_lines(void)
{
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		AUTO_STR struct str got = STR_INIT;
		AUTO_ARGS struct args a = {0};
		AUTO_FREE char **argv = NULL;
		struct err e = {0};

		if (!ok(parse(lines[i].in, &a, &e) && exec_process_line(&a, "X", &e) == 0, "%s: %s",
			    lines[i].in, e.msg))
			continue;
		argv = args_emit(&a, "runc", &e);
		for (size_t k = 1; argv && argv[k]; k++)
			str_addf(&got, "%s%s", k > 1 ? " " : "", argv[k]);
		tap_same(str_text(&got), lines[i].out, lines[i].in);
	}
}

static const struct {
	const char *value;
	bool good; /* with runc */
} cgroups[] = {
	{"sub", true},
	{"sub/deeper", true},
	{"/", true},
	{"/sub", true},
	{"cpu:sub", true},
	{"cpu,memory:/sub", true},
	{"cpu:", true},
	{"..a/b..", true},
	{"..", false},
	{"../c1-neighbour", false},
	{"../c1", false},
	{"/..", false},
	{"a/../..", false},
	{"cpu:../b", false},
	{"cpu,memory:..", false},
	{"./a", false},
	{"a//b", false},
	{"//a", false},
	{"a:b:c", false},
	{"a\nb", false},
	{"a\x7f", false},
};

static void test_cgroups(void)
{
	struct profile p = {.name = (char *)"shop", .line = {[CONTROL_EXEC] = 9}};

	for (size_t i = 0; i < sizeof cgroups / sizeof *cgroups; i++) {
		char *argv[] = {(char *)"cinch", (char *)"exec", (char *)"--cgroup",
			(char *)cgroups[i].value, (char *)"c1", (char *)"id"};
		AUTO_REPORT struct report report = {0};
		AUTO_ARGS struct args a = {0};
		struct err e = {0};

		ok(args_parse(6, argv, &a, &e) == 0 &&
				exec_process_cgroups(&a, "/usr/sbin/runc", &p, &report, &e) == 0 &&
				report_denials(&report) == !cgroups[i].good,
			"--cgroup %zu: %s", i, report.n ? report.changes[0].why : "stays within");
		if (report.n == 0)
			continue;
		tap_same(report.changes[0].rule, "shop:9", "by which line");
		p.audit = 1u << CONTROL_EXEC;
		ok(exec_process_cgroups(&a, "/usr/sbin/runc", &p, &report, &e) == 0 &&
				report.n == 2 && !report.changes[1].enforced,
			"in audit mode it is only said");
		p.audit = 0;
	}
	for (size_t i = 0; i < sizeof cgroups / sizeof *cgroups; i++) {
		char *argv[] = {(char *)"cinch", (char *)"exec", (char *)"--cgroup",
			(char *)cgroups[i].value, (char *)"c1", (char *)"id"};
		bool own = strcmp(cgroups[i].value, "/") == 0;
		AUTO_REPORT struct report report = {0};
		AUTO_ARGS struct args a = {0};
		struct err e = {0};

		ok(args_parse(6, argv, &a, &e) == 0 &&
				exec_process_cgroups(&a, "/opt/runc/crun", &p, &report, &e) == 0 &&
				report_denials(&report) == !own,
			"--cgroup %zu: with crun only the container's own", i);
	}
}

int main(void)
{
	const char *bundle = scratch_path("bundle");
	AUTO_FREE char *own = strdup(bundle);

	mkdir(own, 0755);
	scratch_write("bundle/config.json", base);
	test_options(own);
	test_bare();
	test_many_words(own);
	test_wrong_options();
	test_wrong_files();
	test_file();
	test_both_forms(own);
	test_lines();
	test_cgroups();
	return tap_done();
}

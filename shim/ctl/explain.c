/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain - what a profile would change or refuse in a container, and why; nothing is written.
 *
 * The same steps as a launch: read, check, choose the profile, tighten.
 */
#include "shim/ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/num.h"
#include "shim/ctl/away.h"
#include "shim/ctl/patch.h"
#include "shim/ctl/table.h"
#include "shim/select.h"
#include "shim/spec.h"
#include "shim/tighten.h"

enum { PROFILE_MAX = 1 << 20 };
enum form { FORM_TABLE, FORM_JSON, FORM_PATCH };

struct options {
	const char *target, *profile;
	enum form form;
	bool colour;
	bool help;
};

/* One container and what became of it. */
struct case_file {
	int dir;
	struct json_doc *doc;
	struct selection profiles;
	struct world host, world;
	bool away; /* the container is not on this host */
	struct report report;
	struct err refusal; /* code 0: it may start */
};

static void case_done(struct case_file *c)
{
	cleanup_fd(&c->dir);
	json_free(c->doc);
	select_done(&c->profiles);
	world_done(&c->host);
	report_done(&c->report);
}

static const char usage[] =
	"usage: cinchctl explain [--profile NAME|FILE] [--json|--patch] [--color WHEN] "
	"BUNDLE|FILE\n"
	"\n"
	"  BUNDLE             a bundle directory; or the path of a config.json\n"
	"  --profile NAME     a built-in profile (default: restricted); with a \"/\" in it, a "
	"file\n"
	"  --json             one JSON object\n"
	"  --patch            an RFC 6902 patch\n"
	"  --color WHEN       auto, always or never\n"
	"\n"
	"Exit status: 0 nothing to change, 1 changes, 2 refused or an error.\n";

/* ---- the command line ---- */

static int take_colour(const char *when, struct options *o, struct err *e)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (strcmp(when, "always") == 0)
		o->colour = true;
	else if (strcmp(when, "never") == 0)
		o->colour = false;
	else if (strcmp(when, "auto") == 0)
		o->colour = isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
			    !(term && strcmp(term, "dumb") == 0);
	else
		return err_set(
			e, ERR_INPUT, "--color is auto, always or never, not \"%.64s\"", when);
	return 0;
}

static int take_form(enum form form, struct options *o, struct err *e)
{
	if (o->form != FORM_TABLE && o->form != form)
		return err_set(e, ERR_INPUT, "--json and --patch exclude each other");
	o->form = form;
	return 0;
}

static int take_options(int argc, char *argv[], struct options *o, struct err *e)
{
	static const struct option longs[] = {
		{"profile", required_argument, NULL, 'p'},
		{"json", no_argument, NULL, 'j'},
		{"patch", no_argument, NULL, 'P'},
		{"color", required_argument, NULL, 'c'},
		{"colour", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int opt, rc = take_colour("auto", o, e);

	optind = 0;
	while (rc == 0 && (opt = getopt_long(argc, argv, ":h", longs, NULL)) != -1)
		switch (opt) {
		case 'p':
			o->profile = optarg;
			break;
		case 'j':
			rc = take_form(FORM_JSON, o, e);
			break;
		case 'P':
			rc = take_form(FORM_PATCH, o, e);
			break;
		case 'c':
			rc = take_colour(optarg, o, e);
			break;
		case 'h':
			o->help = true;
			return 0;
		case ':':
			return err_set(e, ERR_INPUT, "%.64s needs a value", argv[optind - 1]);
		default:
			return err_set(e, ERR_INPUT,
				"unknown option %.64s; \"cinchctl explain --help\" lists them",
				argv[optind - 1]);
		}
	if (rc < 0)
		return -1;
	if (argc - optind != 1)
		return err_set(e, ERR_INPUT,
			"%s; usage: cinchctl explain [--profile NAME] BUNDLE|config.json",
			argc == optind ? "no bundle given" : "one bundle at a time");
	o->target = argv[optind];
	return 0;
}

/* ---- the work ---- */

/* Opens the bundle directory of PATH, which is one or lies in one; *NAME is the document in it. */
static int open_bundle(const char *path, const char **name, struct err *e)
{
	AUTO_FREE char *parent = NULL;
	const char *slash = strrchr(path, '/');
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		*name = "config.json";
		return fd;
	}
	if (errno != ENOTDIR)
		return err_set(e, errno, "open %.256s", path);
	parent = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	if (!parent)
		return err_nomem(e);
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open %.256s", parent);
	*name = slash ? slash + 1 : path;
	return fd;
}

static int load_document(const char *path, struct case_file *c, struct err *e)
{
	AUTO_FREE char *text = NULL;
	const char *name = NULL;
	size_t len;

	c->dir = open_bundle(path, &name, e);
	if (c->dir < 0)
		return -1;
	if (io_read_file_at(c->dir, name, spec_limits.bytes, &text, &len, NULL, e) < 0)
		return -1;
	if (json_parse(text, len, &spec_limits, JSON_STRICT, &c->doc, e) < 0 ||
		spec_check(c->doc, spec_config, e) < 0)
		return err_wrap(e, "%s", name);
	return 0;
}

/* A profile that is being written: only readable, unlike those a launch uses. */
static int load_profile(const char *path, struct profile **out, struct err *e)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	AUTO_FREE char *text = NULL;
	struct stat st;
	size_t len;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open profile %.256s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "profile %.256s is not a regular file", path);
	if (io_read_all(fd, PROFILE_MAX, &text, &len, e) < 0)
		return err_wrap(e, "profile %.256s", path);
	return profile_parse(path, text, len, out, e);
}

static int choose(const struct options *o, struct case_file *c, struct err *e)
{
	AUTO_PROFILE struct profile *p = NULL;

	if (o->profile && (strchr(o->profile, '/') ? load_profile(o->profile, &p, e)
						   : profile_builtin(o->profile, &p, e)) < 0)
		return -1;
	/* what the container's annotation adds comes on top, as in a launch */
	if (select_profiles(NULL, "cinchctl", c->doc, &c->profiles, e) < 0)
		return -1;
	if (p) {
		profile_free(c->profiles.p[0]);
		c->profiles.p[0] = take_ptr(&p);
	}
	return 0;
}

static int decide(const struct options *o, struct case_file *c, struct err *e)
{
	const char *root;

	if (load_document(o->target, c, e) < 0 || choose(o, c, e) < 0)
		return -1;
	root = json_str(json_at(json_root(c->doc), "/root/path"));
	if (!root)
		return err_set(e, ERR_INPUT, "config.json has no root.path: no root filesystem");
	if (world_host(c->dir, root, &c->host, e) < 0)
		return -1;
	c->away = away_is(c->dir, root);
	c->world = c->away ? away_world(&c->host) : c->host;
	c->report.keep_values = o->form == FORM_PATCH;
	for (size_t i = 0; i < c->profiles.n; i++)
		if (tighten(c->doc, c->profiles.p[i], &c->world, &c->report, &c->refusal) < 0) {
			if (c->refusal.code == ERR_DENIED)
				break;
			*e = c->refusal;
			return -1;
		}
	return 0;
}

/* ---- the answer ---- */

static int status(const struct case_file *c)
{
	if (c->refusal.code)
		return CTL_ERROR;
	return report_changes(&c->report) ? CTL_FINDINGS : CTL_OK;
}

static struct json *profile_json(struct json_doc *doc, const struct profile *p)
{
	struct json *o = json_object(doc);

	if (json_put(doc, o, "profile", json_string(doc, p->name)) < 0 ||
		json_put(doc, o, "version", json_string(doc, p->version)) < 0 ||
		json_put(doc, o, "digest", json_string(doc, p->digest)) < 0)
		return NULL;
	return o;
}

static struct json *answer_json(const struct case_file *c, struct json_doc *doc)
{
	static const char *const results[] = {
		[CTL_OK] = "unchanged", [CTL_FINDINGS] = "changed", [CTL_ERROR] = "refused"};
	struct json *o = profile_json(doc, c->profiles.p[0]);

	if (c->profiles.n > 1 && json_put(doc, o, "and", profile_json(doc, c->profiles.p[1])) < 0)
		return NULL;
	if (json_put(doc, o, "rootfs", json_string(doc, c->away ? "absent" : "present")) < 0 ||
		json_put(doc, o, "result", json_string(doc, results[status(c)])) < 0)
		return NULL;
	if (c->refusal.code &&
		json_put(doc, o, "error", json_string_lossy(doc, c->refusal.msg)) < 0)
		return NULL;
	if (json_put(doc, o, "changes", report_json(&c->report, doc)) < 0)
		return NULL;
	return o;
}

static int print_json(const struct case_file *c, enum form form, struct str *out, struct err *e)
{
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *v = NULL;

	if (doc)
		v = form == FORM_PATCH ? patch_json(&c->report, doc) : answer_json(c, doc);
	if (!v)
		return err_nomem(e);
	json_write_pretty(v, out);
	return 0;
}

static size_t terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t n;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return columns && num_u64(columns, 1000, &n) && n > 0 ? (size_t)n : TABLE_WIDTH;
}

static void print_table(const struct options *o, const struct case_file *c, struct str *out)
{
	const struct table_style style = {.width = terminal_width(), .colour = o->colour};

	table_text(o->target, style.width, out);
	str_addc(out, '\n');
	if (c->away)
		str_add(out, "(Its root filesystem is not here: files, volumes and\n"
			     "namespaces that are missing are taken as ordinary.)\n");
	table_report(&c->report, &style, out);
	str_addc(out, '\n');
	table_summary(&c->report, out);
	str_add(out, " under");
	for (size_t i = 0; i < c->profiles.n; i++)
		str_addf(out, "%s %s %s", i ? " and" : "", c->profiles.p[i]->name,
			c->profiles.p[i]->version);
	if (c->refusal.code)
		str_add(out, ": the container would not start");
	str_addc(out, '\n');
}

int ctl_explain(int argc, char *argv[], struct err *e)
{
	__attribute__((cleanup(case_done))) struct case_file c = {.dir = -1};
	AUTO_STR struct str out = STR_INIT;
	struct options o = {0};

	if (take_options(argc, argv, &o, e) < 0)
		return -1;
	if (o.help) {
		fputs(usage, stdout);
		return CTL_OK;
	}
	if (decide(&o, &c, e) < 0)
		return -1;
	if (o.form == FORM_PATCH && c.refusal.code) { /* half a patch would be misunderstood */
		*e = c.refusal;
		return -1;
	}
	if (o.form == FORM_TABLE)
		print_table(&o, &c, &out);
	else if (print_json(&c, o.form, &out, e) < 0)
		return -1;
	if (str_failed(&out))
		return err_nomem(e);
	fwrite(str_text(&out), 1, out.len, stdout);
	return status(&c);
}

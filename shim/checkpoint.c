/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint - whether what a restore would bring back is within what a start would be given.
 *
 * What one image has too much of is noted, by kind; at the end each kind is said once, with the first image
 * it was found in, however many processes there are.
 */
#include "shim/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profiles/capset.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/checkpoint_core.h"
#include "shim/checkpoint_filter.h"
#include "shim/edit.h"
#include "shim/select.h"

/* %s: what was found. What to do is the same for all and stands behind it. */
static const struct {
	enum control control;
	const char *why;
} kinds[KINDS] = {
	[KIND_FORM] = {CONTROL_UNKNOWN, "the checkpoint cannot be judged: %s"},
	[KIND_LAZY] = {CONTROL_UNKNOWN, "--lazy-pages takes the memory from a server: %s"},
	[KIND_ROOT] = {CONTROL_USER, "the checkpoint carries %s, which counts as root"},
	[KIND_ID] = {CONTROL_USER, "the checkpoint carries %s"},
	[KIND_MAP] = {CONTROL_NAMESPACES, "the checkpoint brings a user namespace of its own: %s"},
	[KIND_NAMESPACE] = {CONTROL_NAMESPACES,
		"the checkpoint would run in the node's own namespaces: %s"},
	[KIND_CAPS] = {CONTROL_CAPABILITIES,
		"the checkpoint carries more than the container may: %s"},
	[KIND_SECUREBITS] = {CONTROL_CAPABILITIES,
		"the checkpoint carries securebits %s, which keep "
		"what a change of user takes away"},
	[KIND_NO_NEW_PRIVS] = {CONTROL_NO_NEW_PRIVILEGES,
		"the checkpoint does not carry no_new_privs%s (CRIU keeps it from 3.19 on)"},
	[KIND_SECCOMP] = {CONTROL_SECCOMP, "the checkpoint carries %s"},
	[KIND_LABEL] = {CONTROL_PROCESS, "the checkpoint carries %s"},
	[KIND_RLIMIT] = {CONTROL_RESOURCES, "the checkpoint carries %s"},
	[KIND_OOM] = {CONTROL_RESOURCES,
		"the checkpoint carries %s: others on the node are killed first"},
	[KIND_SCHEDULING] = {CONTROL_PROCESS, "the checkpoint carries %s"},
};

/* ---- the directory ---- */

struct scan {
	int dir;
	struct checkpoint_judge judges[SELECT_MAX];
	size_t n;
	size_t files, cores;
	struct checkpoint_filters filters;
	struct criu_namespaces host; /* of the node the dump was made on */
};

static void scan_free(struct scan **s)
{
	if (*s)
		free((*s)->filters.denied);
	free(*s);
}

__attribute__((format(printf, 3, 4))) static void note_all(
	struct scan *s, const char *image, const char *fmt, ...)
{
	char what[WHAT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < s->n; i++)
		checkpoint_note(&s->judges[i], KIND_FORM, image, "%s", what);
}

/* The namespaces of the process of the image core-X.img are in ids-X.img. */
static int scan_ids(struct scan *s, const char *core, struct err *e)
{
	AUTO_FREE char *text = NULL;
	char name[NAME_MAX + 1];
	struct criu_namespaces of;
	size_t len = 0;

	(void)snprintf(name, sizeof name, "ids-%s", core + strlen("core-"));
	if (io_read_file_at(s->dir, name, CRIU_IMAGE_MAX, &text, &len, NULL, e) < 0 ||
		criu_ids_read(text, len, &of, e) < 0)
		return e->code == ENOMEM ? -1 : err_wrap(e, "%.64s", name);
	for (size_t i = 0; i < s->n; i++)
		checkpoint_namespaces(&s->judges[i], core, &of, &s->host);
	return 0;
}

static int scan_core(struct scan *s, const char *name, const char *text, size_t len, struct err *e)
{
	AUTO_CRIU_CORE struct criu_core core = {.groups = NULL};

	if (++s->cores > CHECKPOINT_CORES_MAX)
		return err_set(e, ERR_INPUT, "more than %d processes", CHECKPOINT_CORES_MAX);
	if (criu_core_read(text, len, &core, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++)
		checkpoint_core(&s->judges[i], name, &core, &s->filters);
	return core.thread || core.dead ? 0 : scan_ids(s, name, e);
}

static int scan_userns(
	struct scan *s, const char *name, const char *text, size_t len, struct err *e)
{
	AUTO_FREE struct criu_userns *maps = malloc(sizeof *maps);

	if (!maps)
		return err_nomem(e);
	if (criu_userns_read(text, len, maps, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		checkpoint_maps(&s->judges[i], name, maps);
	}
	return 0;
}

static bool is_image(const char *name, const char *kind)
{
	return str_starts(name, kind) && str_ends(name, ".img");
}

/* Nobody but root can put another file in its place. */
static int check_entry(int dir, const char *name, struct err *e)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "cannot be looked at");
	if (S_ISLNK(st.st_mode))
		st.st_mode &= ~(mode_t)0777; /* nobody writes a link; its directory was looked at */
	return io_check_owner(name, &st, e);
}

static int scan_image(struct scan *s, const char *name, bool core, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0;

	if (io_read_file_at(s->dir, name, CRIU_IMAGE_MAX, &text, &len, NULL, e) < 0)
		return -1;
	if ((core ? scan_core : scan_userns)(s, name, text, len, e) == 0)
		return 0;
	return e->code == ENOMEM ? -1 : err_wrap(e, "%.64s", name);
}

static int scan_file(struct scan *s, const char *name, struct err *e)
{
	bool core = is_image(name, "core-");

	if (check_entry(s->dir, name, e) < 0)
		return -1;
	if (strcmp(name, "apparmor.img") == 0)
		return err_set(e, ERR_INPUT, "%s brings AppArmor profiles for the node", name);
	return core || is_image(name, "userns-") ? scan_image(s, name, core, e) : 0;
}

static int check_files(int dir, struct err *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	size_t files = 0;
	int rc = 0;

	if (!d) {
		err_set(e, errno, "\"parent\" cannot be read");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (rc == 0 && (entry = readdir(d)))
		rc = ++files > CHECKPOINT_FILES_MAX
			     ? err_set(e, ERR_INPUT, "more than %d files", CHECKPOINT_FILES_MAX)
		     : strcmp(entry->d_name, "..") == 0 ? 0
							: check_entry(dir, entry->d_name, e);
	closedir(d);
	return rc < 0 ? err_wrap(e, "\"parent\"") : 0;
}

/* The dump this one's memory builds upon, and the one below that: nobody else can write those either. */
static int check_parents(int dir, struct err *e)
{
	AUTO_FD int at = fcntl(dir, F_DUPFD_CLOEXEC, 3);

	for (int i = 0; at >= 0 && i < CHECKPOINT_PARENTS_MAX; i++) {
		int next = io_open_no_magic(at, "parent", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (next < 0 && errno == ENOENT &&
			faccessat(at, "parent", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			return 0;
		if (next < 0)
			return err_set(e, errno, "\"parent\" cannot be opened");
		close(at);
		at = next;
		if (check_files(at, e) < 0)
			return -1;
	}
	return at < 0 ? err_set(e, errno, "the directory cannot be read")
		      : err_set(e, ERR_INPUT, "more than %d parents", CHECKPOINT_PARENTS_MAX);
}

/* seccomp.img, which the images of processes refer to. */
static int scan_filters(struct scan *s, struct err *e)
{
	static const char name[] = "seccomp.img";
	AUTO_CRIU_FILTERS struct criu_filters f = {.v = NULL};
	AUTO_FREE char *text = NULL;
	size_t len = 0;

	if (io_read_file_at(s->dir, name, CRIU_SECCOMP_MAX, &text, &len, NULL, e) < 0)
		return -1;
	if (criu_filters_read(text, len, &f, e) < 0)
		return e->code == ENOMEM ? -1 : err_wrap(e, "%s", name);
	s->filters.denied = calloc(f.n + 1, sizeof *s->filters.denied);
	if (!s->filters.denied)
		return err_nomem(e);
	for (size_t i = 0; i < f.n; i++)
		s->filters.denied[i] = checkpoint_filter_denies(&f.v[i]) |
				       (f.v[i].has_before ? s->filters.denied[f.v[i].before] : 0);
	s->filters.n = f.n;
	return 0;
}

static int scan_inventory(struct scan *s, struct err *e)
{
	static const char name[] = "inventory.img";
	AUTO_FREE char *text = NULL;
	size_t len = 0;

	if (io_read_file_at(s->dir, name, CRIU_IMAGE_MAX, &text, &len, NULL, e) < 0)
		return -1;
	if (criu_inventory_read(text, len, &s->host, e) < 0)
		return e->code == ENOMEM ? -1 : err_wrap(e, "%s", name);
	return 0;
}

/* What WHY says is noted; -1 only when it is that there is no memory. */
static int noted(struct scan *s, const char *image, const struct err *why, struct err *e)
{
	if (why->code == ENOMEM)
		return err_nomem(e);
	note_all(s, image, "%.*s", WHAT_MAX - 1, why->msg);
	return 0;
}

static int scan_dir(struct scan *s, struct err *e)
{
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct err why = {0};
	int rc = 0;

	if (!d) {
		note_all(s, "--image-path", "the directory cannot be read: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return 0;
	}
	/* without it there are no filters */
	if ((faccessat(s->dir, "seccomp.img", F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT) &&
		scan_filters(s, &why) < 0)
		rc = noted(s, "seccomp.img", &why, e);
	if (rc == 0 && scan_inventory(s, &why) < 0)
		rc = noted(s, "inventory.img", &why, e);
	while (rc == 0 && (entry = readdir(d))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (++s->files > CHECKPOINT_FILES_MAX) {
			note_all(s, "--image-path", "more than %d files", CHECKPOINT_FILES_MAX);
			break;
		}
		if (scan_file(s, entry->d_name, &why) < 0)
			rc = noted(s, entry->d_name, &why, e);
	}
	closedir(d);
	if (rc == 0 && s->cores == 0)
		note_all(s, "--image-path", "it has no image of a process (core-*.img)");
	if (rc == 0 && check_parents(s->dir, &why) < 0)
		rc = noted(s, "--image-path", &why, e);
	return rc;
}

/* -1: noted. */
static int open_dir(struct scan *s, const char *path)
{
	AUTO_FD int fd = -1;
	struct err why = {0};
	struct stat st;

	if (!path) {
		note_all(s, "--image-path",
			"it is not given, and the runtime would take ./checkpoint of wherever it "
			"is");
		return -1;
	}
	fd = io_open_no_magic(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		note_all(s, "--image-path", "%.128s: %s", path, strerror(errno));
		return -1;
	}
	if (io_check_owner(path, &st, &why) < 0)
		note_all(s, "--image-path", "%.*s", WHAT_MAX - 1, why.msg);
	return take_fd(&fd);
}

/* ---- say it ---- */

static void write_caps(const struct checkpoint_judge *j, struct str *out)
{
	static const char *const names[CRIU_CAPS] = {
		"inheritable", "permitted", "effective", "bounding", "ambient"};
	enum { SHOWN = 6 };

	for (size_t i = 0; i < CRIU_CAPS; i++) {
		unsigned n = 0;

		for (int c = 0; c < 64; c++) {
			if (!(j->more[i] >> c & 1) || ++n > SHOWN)
				continue;
			str_addf(out, "%s", n > 1 ? " " : out->len ? ", " : "");
			if (capset_name(c))
				str_add(out, capset_name(c));
			else
				str_addf(out, "%d", c);
		}
		if (n > SHOWN)
			str_addf(out, " and %u more", n - SHOWN);
		if (n)
			str_addf(out, " (%s)", names[i]);
	}
}

/* The profile before this one has said so already. */
static bool said(const struct report *r, enum control control, const char *why)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->changes[i].kind == CHANGE_DENY && r->changes[i].enforced &&
			r->changes[i].control == control && strcmp(r->changes[i].why, why) == 0)
			return true;
	return false;
}

static int say(const struct checkpoint_judge *j, enum checkpoint_kind kind, struct report *report,
	struct err *e)
{
	const struct checkpoint_finding *f = &j->found[kind];
	enum control control = kinds[kind].control;
	struct edit ed = {.report = report,
		.profile = j->p->said_by[control] ? j->p->said_by[control] : j->p->name,
		.line = j->p->line[control],
		.control = control,
		.enforced = !profile_audits(j->p, control)};
	AUTO_STR struct str caps = STR_INIT, why = STR_INIT;

	if (kind == KIND_CAPS)
		write_caps(j, &caps);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	str_addf(&why, kinds[kind].why, kind == KIND_CAPS ? str_text(&caps) : f->what);
#pragma GCC diagnostic pop
	if (f->n > 1)
		str_addf(&why, ", in %zu more images as well", f->n - 1);
	str_add(&why, "; start the container anew");
	if (str_failed(&caps) || str_failed(&why))
		return err_nomem(e);
	if (!said(report, control, str_text(&why)))
		edit_deny_at(&ed, f->image, "%s", str_text(&why));
	return ed.failed ? err_nomem(e) : 0;
}

int checkpoint_judge(
	const struct checkpoint_ask *ask, int *dir, struct report *report, struct err *e)
{
	__attribute__((cleanup(scan_free))) struct scan *s = calloc(1, sizeof *s);

	*dir = -1;
	if (!s)
		return err_nomem(e);
	for (s->n = 0; s->n < ask->n && s->n < SELECT_MAX; s->n++) {
		checkpoint_bound(&s->judges[s->n], ask, ask->p[s->n]);
		if (ask->lazy)
			checkpoint_note(&s->judges[s->n], KIND_LAZY, "--lazy-pages",
				"what comes cannot be judged");
	}
	*dir = s->dir = open_dir(s, ask->path);
	if (s->dir >= 0 && scan_dir(s, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		if (s->judges[i].failed)
			return err_nomem(e);
		for (int k = 0; k < KINDS; k++)
			if (s->judges[i].found[k].n &&
				say(&s->judges[i], (enum checkpoint_kind)k, report, e) < 0)
				return -1;
	}
	return 0;
}

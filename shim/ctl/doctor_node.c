/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor_node - cinch's own parts on this node: its programs, the runtime below it, the policy, the audit log
 * and the records of containers.
 */
#include "shim/ctl/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "profiles/build.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/ctl/enable.h"
#include "shim/ctl/log_read.h"
#include "shim/ctl/log_verify.h"
#include "shim/ctl/ps.h"
#include "shim/runtime.h"
#include "shim/state.h"
#include "shim/version.h"

/* ---- permissions ---- */

/* PATH steers the node, and only root may write it. Missing is fine. */
static void check_owner(struct doctor *d, const char *area, const char *path)
{
	struct err why = {0};
	struct stat st;

	if (stat(path, &st) < 0)
		return;
	if (io_check_owner(path, &st, &why) < 0)
		doctor_say(d, DOCTOR_PROBLEM, area, path,
			"whoever can write it decides what containers may do; it is refused",
			why.msg, "others can change it");
	else
		doctor_say(d, DOCTOR_OK, area, path, NULL, NULL, "only root can write it");
}

/* ---- programs ---- */

enum { PROGRAM_MAX = 64 << 20 };

bool doctor_cinch_version(const char *path, char *out, size_t size)
{
	const size_t n = strlen(CINCH_VERSION_MARK);
	AUTO_FREE char *text = NULL;
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	struct err e;
	size_t len;
	const char *at;

	/* the path may come from a process that runs: what lies there need not be a program */
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		io_read_all(fd, PROGRAM_MAX, &text, &len, &e) < 0)
		return false;
	at = memmem(text, len, CINCH_VERSION_MARK, n);
	if (!at)
		return false;
	snprintf(out, size, "%s", at + n);
	return true;
}

static void check_program(struct doctor *d, const char *name)
{
	static const char why[] =
		"an engine that is told to use it cannot start a container, nor stop one";
	char path[PATH_MAX + 32], version[64];
	struct err e = {0};
	struct stat st;

	snprintf(path, sizeof path, "%s/%s", d->programs, name);
	if (stat(path, &st) < 0) {
		doctor_say(d, DOCTOR_PROBLEM, "programs", path, why, "install cinch again", "%s",
			strerror(errno));
		return;
	}
	if (!S_ISREG(st.st_mode) || !(st.st_mode & S_IXUSR)) {
		doctor_say(d, DOCTOR_PROBLEM, "programs", path, why, "install cinch again",
			"it is not a program");
		return;
	}
	if (io_check_owner(path, &st, &e) < 0) {
		doctor_say(d, DOCTOR_PROBLEM, "programs", path,
			"who can change it is root of the node", e.msg, "others can change it");
		return;
	}
	if (!doctor_cinch_version(path, version, sizeof version))
		doctor_say(d, DOCTOR_PROBLEM, "programs", path,
			"what runs in its place holds no container to a profile",
			"install cinch again", "it is not cinch");
	else if (strcmp(version, cinch_version) != 0)
		doctor_say(d, DOCTOR_WARNING, "programs", path,
			"a policy or a record that one of them writes may be none to the other",
			"install both from the same version", "version %s, and cinchctl is %s",
			version, cinch_version);
	else
		doctor_say(d, DOCTOR_OK, "programs", path, NULL, NULL, "version %s", version);
}

void doctor_programs(struct doctor *d)
{
	check_owner(d, "programs", d->programs);
	for (size_t i = 0; enable_names[i]; i++)
		check_program(d, enable_names[i]);
}

/* ---- the runtime ---- */

/* "runc version 1.1.5+ds1": the kind, and where the version begins; NULL: neither runc nor crun. */
static const char *kind_of(const char *text, const char **version)
{
	static const char *const kinds[] = {"runc", "crun"};

	for (size_t i = 0; i < 2; i++) {
		char front[32];

		snprintf(front, sizeof front, "%s version ", kinds[i]);
		if (str_starts(text, front)) {
			*version = text + strlen(front);
			return kinds[i];
		}
	}
	return NULL;
}

void doctor_runtime(struct doctor *d)
{
	char path[PATH_MAX], text[4096];
	const char *kind, *version;
	struct err e = {0};

	if (runtime_find(d->applied.settings.runtime, path, &e) < 0) {
		doctor_say(d, DOCTOR_PROBLEM, "runtime", "the real runtime",
			"no container can be started, stopped or removed through cinch",
			"install runc, or name another in cinch.json (\"runtime\") and apply", "%s",
			e.msg);
		return;
	}
	if (doctor_ask(path, text, sizeof text, &e) < 0) {
		doctor_say(d, DOCTOR_PROBLEM, "runtime", path,
			"a runtime that cannot say its version will hardly start a container",
			"run it by hand and see why", "%s", e.msg);
		return;
	}
	text[strcspn(text, "\n")] = '\0';
	kind = kind_of(text, &version);
	if (kind)
		doctor_versions(d, kind, path, version);
	else
		doctor_say(d, DOCTOR_NOTE, "runtime", path,
			"what is known of runc and crun was not looked for", NULL,
			"neither runc nor crun: %.80s", text);
}

/* ---- the policy ---- */

static void check_applied(struct doctor *d)
{
	const struct applied *a = &d->applied;
	AUTO_POLICY struct policy *whole = NULL;
	char digest[HASH_HEX_SIZE];
	struct err why = a->problem;

	if (!why.code)
		store_link(d->store, "current", &whole, digest, &why);
	if (why.code == ENOENT || a->from == APPLIED_BUILTIN)
		doctor_say(d, why.code == ENOENT ? DOCTOR_WARNING : DOCTOR_PROBLEM, "policy",
			"what is applied",
			"containers are held to the built-in profile \"restricted\", which suits "
			"few",
			"cinchctl apply", "nothing%s%.300s",
			why.code == ENOENT ? "" : " that is whole: ",
			why.code == ENOENT ? "" : why.msg);
	else if (why.code)
		doctor_say(d, DOCTOR_PROBLEM, "policy", "what is applied",
			"containers are held to the policy before, or to the built-in one",
			"cinchctl apply", "it is damaged: %.300s", why.msg);
	else
		doctor_say(d, DOCTOR_OK, "policy", "what is applied", NULL, NULL, "%.12s is whole",
			a->digest);
	if (a->settings.mode == PROFILE_AUDIT)
		doctor_say(d, DOCTOR_WARNING, "policy", "mode of the node",
			"no container is held to its profile; only the audit log says what would "
			"be",
			"when the log looks good: \"mode\": \"enforce\" in cinch.json, and apply",
			"audit");
}

static void check_sources(struct doctor *d)
{
	const char *config = d->config ? d->config : BUILD_CONFIG;
	const struct build_from from = {.config = d->config, .current = d->applied.policy};
	AUTO_BUILD struct build b = {0};
	struct err e = {0};

	if (build_policy(&from, &b, &e) < 0) {
		d->failed = true;
		return;
	}
	if (b.problems.n)
		doctor_say(d, DOCTOR_PROBLEM, "policy", config,
			"the policy in force stays, but no change can be applied",
			"cinchctl apply --dry-run shows all of them", "%zu problem%s: %.300s",
			b.problems.n, b.problems.n == 1 ? "" : "s", b.problems.v[0]);
	else if (strcmp(b.digest, d->applied.digest) != 0)
		doctor_say(d, DOCTOR_WARNING, "policy", config,
			"what is written there does not govern any container",
			"cinchctl apply --dry-run, then cinchctl apply",
			"the sources are not what is applied");
	else
		doctor_say(d, DOCTOR_OK, "policy", config, NULL, NULL,
			"the sources are what is applied");
}

void doctor_policy(struct doctor *d)
{
	static const char *const steering[] = {"/etc/cinch", BUILD_CONFIG, BUILD_PROFILES,
		"/etc/cinch/keys", "/etc/cinch/denied.json", "/var/lib/cinch"};

	check_applied(d);
	check_sources(d);
	if (d->config)
		check_owner(d, "policy", d->config);
	for (size_t i = 0; !d->config && i < sizeof steering / sizeof *steering; i++)
		check_owner(d, "policy", steering[i]);
	if (d->state)
		check_owner(d, "policy", d->state);
}

/* ---- the log ---- */

enum { LOG_LARGE = 256 << 20, SPACE_SMALL = 64 << 20 };

/* Where the log is or will be: PATH becomes what is there of it. False: it cannot be written. */
static bool can_write(char *path)
{
	char *slash;

	while (access(path, W_OK) < 0) {
		slash = strrchr(path, '/');
		if (errno != ENOENT || !slash)
			return false;
		*(slash == path ? slash + 1 : slash) = '\0';
	}
	return true;
}

static void check_space(struct doctor *d, const char *there, const char *log)
{
	struct statvfs fs;
	unsigned long long left;

	if (statvfs(there, &fs) < 0)
		return;
	left = (unsigned long long)fs.f_bavail * fs.f_frsize;
	if (left < SPACE_SMALL)
		doctor_say(d, DOCTOR_WARNING, "log", log,
			d->applied.settings.audit.required
				? "without a record no container starts (audit.required)"
				: "records of what containers and people did are lost",
			"make room, or rotate the log", "%llu MiB are left on its disk",
			left >> 20);
}

static void check_size(struct doctor *d, const char *log)
{
	AUTO_STRV struct strv files = {0}, packed = {0};
	struct err e = {0};
	struct stat st;

	if (stat(log, &st) < 0)
		return;
	if (!S_ISREG(st.st_mode)) {
		doctor_say(d, DOCTOR_PROBLEM, "log", log, "no record is kept there",
			"move it away, or set audit.path", "it is not a file");
		return;
	}
	if (st.st_mode & (S_IRWXO | S_IRWXG))
		doctor_say(d, DOCTOR_WARNING, "log", log, "it says who ran what, with arguments",
			"chmod 600", "others can open it (mode %04o)", st.st_mode & 07777);
	if (log_files(log, &files, &packed, &e) < 0)
		return;
	if (st.st_size > LOG_LARGE && files.n + packed.n < 2)
		doctor_say(d, DOCTOR_WARNING, "log", log, "it grows until the disk is full",
			"rotate it: see \"Rotation\" in cinch(8)",
			"%lld MiB, and it was never rotated", (long long)st.st_size >> 20);
	else
		doctor_say(d, DOCTOR_OK, "log", log, NULL, NULL, "%lld KiB, %zu rotated files",
			(long long)st.st_size >> 10, files.n + packed.n - 1);
}

/* Is it whole? As "log verify" sees it, when it is short enough for a quick look. */
static void check_chain(struct doctor *d, const char *log)
{
	enum { QUICK = 32 << 20 };
	struct log_summary sum;
	struct err e = {0};

	if (access(log, F_OK) < 0)
		return;
	if (log_verify_quick(log, QUICK, &sum, &e) < 0)
		doctor_say(d, DOCTOR_WARNING, "log", log, "what it holds cannot be trusted",
			"cinchctl log verify", "it cannot be checked: %s", e.msg);
	else if (sum.too_long)
		doctor_say(d, DOCTOR_NOTE, "log", log, "it is too long for a quick look",
			"cinchctl log verify", "whether it is whole was not checked");
	else if (sum.worst == LOG_BROKEN)
		doctor_say(d, DOCTOR_PROBLEM, "log", log,
			"no writer of cinch does that: somebody has changed it, or the disk has",
			"cinchctl log verify", "it is broken: %s", sum.first);
	else if (sum.worst == LOG_GAP)
		doctor_say(d, DOCTOR_WARNING, "log", log,
			"lines may be missing, though perhaps nobody took them",
			"cinchctl log verify", "it has gaps: %s", sum.first);
	else
		doctor_say(d, DOCTOR_OK, "log", log, NULL, NULL, "%llu lines, whole",
			(unsigned long long)sum.lines);
}

void doctor_log(struct doctor *d)
{
	const char *log = d->applied.settings.audit.path;
	char there[PATH_MAX];

	if (!*log) {
		doctor_say(d, DOCTOR_NOTE, "log", "audit.path",
			"who ran what is not recorded in a file, and cannot be verified", NULL,
			"there is no file%s",
			d->applied.settings.audit.journald || d->applied.settings.audit.syslog
				? ", but the journal or syslog"
				: "");
		return;
	}
	snprintf(there, sizeof there, "%s", log);
	if (!can_write(there)) {
		doctor_say(d, d->applied.settings.audit.required ? DOCTOR_PROBLEM : DOCTOR_WARNING,
			"log", log,
			d->applied.settings.audit.required
				? "without a record no container starts (audit.required)"
				: "records of what containers and people did are lost",
			"make it writable for root; see also whether its file system is read-only",
			"%.200s: %s", there, strerror(errno));
		return;
	}
	check_space(d, there, log);
	check_size(d, log);
	check_chain(d, log);
}

/* ---- records of containers ---- */

void doctor_records(struct doctor *d)
{
	struct ps_list list = {0};
	struct err e = {0};
	struct stat st;
	size_t gone = 0;

	if (stat(d->records, &st) < 0) {
		doctor_say(d, DOCTOR_OK, "records", d->records, NULL, NULL,
			"no container was started yet");
		return;
	}
	if (!io_owner_trusted(&st) || (st.st_mode & 077)) {
		doctor_say(d, DOCTOR_PROBLEM, "records", d->records,
			"exec is held to what is written there; no container starts before it is "
			"root's alone",
			"chown root and chmod 700", "others can open it (mode %04o, user %u)",
			st.st_mode & 07777, st.st_uid);
		return;
	}
	if (ps_list_read(d->records, true, &list, &e) < 0) {
		doctor_say(d, DOCTOR_PROBLEM, "records", d->records,
			"exec into containers cannot be judged", "see why it cannot be read", "%s",
			e.msg);
		return;
	}
	for (size_t i = 0; i < list.n; i++)
		gone += list.v[i].life == LIFE_GONE;
	for (size_t i = 0; i < list.damaged.n && i < 20; i++)
		doctor_say(d, DOCTOR_WARNING, "records", list.damaged.v[i],
			"exec into that container is refused",
			"start the container anew; what cinchctl ps does not clear away when it is "
			"gone, remove by hand",
			"the record is damaged, or another version's");
	if (gone > 1000)
		doctor_say(d, DOCTOR_NOTE, "records", d->records, "they only take room",
			"cinchctl ps removes them", "%zu records of containers that are gone",
			gone);
	if (!list.damaged.n)
		doctor_say(d, DOCTOR_OK, "records", d->records, NULL, NULL,
			"%zu records, %zu of containers that are gone", list.n, gone);
	ps_list_done(&list);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor_engines - which engines are here, whether they know of cinch, and whether it is still as it was
 * written.
 */
#include "shim/ctl/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/ctl/daemon.h"
#include "shim/ctl/enable.h"

/* ---- which are here ---- */

static bool installed(const char *program, char out[PATH_MAX])
{
	static const char *const places[] = {
		"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"};

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		snprintf(out, PATH_MAX, "%s/%s", places[i], program);
		if (access(out, X_OK) == 0)
			return true;
	}
	return false;
}

/* ---- is it in there ---- */

static void say_off(struct doctor *d, const struct enable_engine *en)
{
	struct enable_ask ask = {.config = en->config, .programs = d->programs};
	struct enable_plan plan = {.file = NULL};
	struct err why = {0};
	char todo[64];

	snprintf(todo, sizeof todo, "cinchctl enable %s", en->name);
	if (en->plan(&ask, &plan, &why) < 0)
		doctor_say(d, DOCTOR_NOTE, "engines", en->name,
			"containers of this engine are not held to a profile, unless somebody has "
			"written "
			"cinch into its configuration by hand",
			NULL, "\"%s\" would be refused: %.300s", todo, why.msg);
	else if (plan.splices.n == 0)
		doctor_say(d, DOCTOR_OK, "engines", en->name, NULL, NULL,
			"cinch is in %.200s, by somebody's hand", plan.file);
	else
		doctor_say(d, DOCTOR_NOTE, "engines", en->name,
			"containers of this engine are not held to a profile", todo,
			"cinch is not in its configuration");
	enable_plan_done(&plan);
}

/* What would be written today differs from what was. */
static void check_drift(struct doctor *d, const struct enable_engine *en,
	const struct enable_edit *v, const struct enable_now *now)
{
	struct enable_ask ask = {.config = en->config, .programs = d->programs, .over = v->file};
	struct enable_plan plan = {.file = NULL};
	AUTO_STR struct str todo = STR_INIT;
	struct err why = {0};

	ask.over_text = &now->base;
	ask.make_default = v->is_default;
	if (v->config)
		ask.config = v->config;
	str_addf(&todo, "cinchctl enable %s%s --dry-run", en->name,
		v->is_default ? " --default" : "");
	if (en->plan(&ask, &plan, &why) < 0)
		doctor_say(d, DOCTOR_PROBLEM, "engines", en->name,
			"the engine may not know cinch any more, or not read the file at all",
			"repair the file", "%.400s", why.msg);
	else if (strcmp(plan.file, v->file) != 0 ||
		 !splices_found(&plan.splices, now->text.text, now->text.len))
		doctor_say(d, DOCTOR_WARNING, "engines", en->name,
			"settings of the default runtime, or the place of cinch, have changed "
			"since",
			str_text(&todo), "what is in %.200s is not what would be written today",
			v->file);
	else
		doctor_say(d, DOCTOR_OK, "engines", en->name, NULL, NULL, "cinch is in %.200s%s",
			v->file, v->is_default ? ", as the default" : "");
	enable_plan_done(&plan);
}

static void say_on(struct doctor *d, const struct enable_engine *en, const struct enable_record *r,
	const struct enable_now *now)
{
	const struct enable_edit *v = &r->v[now->edit];
	AUTO_STR struct str todo = STR_INIT;

	str_addf(&todo, "cinchctl enable %s, or cinchctl disable %s", en->name, en->name);
	switch (now->is) {
	case ENABLE_OUT:
		doctor_say(d, DOCTOR_WARNING, "engines", en->name,
			"its containers are not held to a profile, though somebody has wanted it",
			str_text(&todo), "cinch is not in %.200s any more", v->file);
		return;
	case ENABLE_ALTERED:
		doctor_say(d, DOCTOR_WARNING, "engines", en->name,
			"cinchctl cannot tell what is its own there, and so cannot take it out",
			"compare it with the copy beside the record, and repair it",
			"cinch's part of %.200s was edited: %.200s", v->file, now->why.msg);
		return;
	case ENABLE_EDITED:
	case ENABLE_IN:
		check_drift(d, en, v, now);
		return;
	}
}

static void check_engine(struct doctor *d, const char *name, bool here)
{
	struct enable_record record = {.n = 0};
	struct enable_now now = {.is = ENABLE_OUT};
	struct err e = {0};
	const struct enable_engine *en = enable_engine(name, &e);

	if (!en || enable_record_read(d->state, name, &record, &e) < 0 ||
		enable_look(en, &record, &now, &e) < 0)
		doctor_say(d, DOCTOR_PROBLEM, "engines", name,
			"it is not known whether this engine uses cinch", "see to that file", "%s",
			e.msg);
	else if (record.n)
		say_on(d, en, &record, &now);
	else if (here)
		say_off(d, en);
	enable_record_done(&record);
	enable_now_done(&now);
}

/* ---- what only some engines have ---- */

static void check_containerd(struct doctor *d)
{
	static const char *const options[] = {"-c", "--config", NULL};
	char file[PATH_MAX];

	if (daemon_told("containerd", "cmdline", options, file) &&
		strcmp(file, enable_containerd.config) != 0)
		doctor_say(d, DOCTOR_NOTE, "engines", "containerd",
			"what is written into the usual file is not heeded by that daemon",
			"name its file: cinchctl enable containerd --config FILE",
			"a containerd runs with %.200s", file);
}

/* The first runc of the running daemon's PATH is cinch. */
static bool builds_with_cinch(void)
{
	static const char *const names[] = {"PATH", NULL};
	char path[PATH_MAX], file[PATH_MAX + 8], version[64];

	if (!daemon_told("dockerd", "environ", names, path))
		return false;
	for (char *save, *dir = strtok_r(path, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		snprintf(file, sizeof file, "%s/runc", dir);
		if (access(file, X_OK) == 0)
			return doctor_cinch_version(file, version, sizeof version);
	}
	return false;
}

static void check_docker(struct doctor *d)
{
	static const char *const options[] = {"--default-runtime", NULL};
	char value[PATH_MAX];

	if (daemon_told("dockerd", "cmdline", options, value))
		doctor_say(d, DOCTOR_NOTE, "engines", "docker",
			"dockerd does not start when that is in daemon.json as well",
			"take it out of the unit before \"cinchctl enable docker --default\"",
			"dockerd runs with --default-runtime %.100s on its command line", value);
	if (builds_with_cinch())
		doctor_say(d, DOCTOR_OK, "engines", "docker build", NULL, NULL,
			"the daemon finds cinch as \"runc\"");
	else
		doctor_say(d, DOCTOR_NOTE, "engines", "docker build",
			"what a build runs is not held to a profile",
			"put a directory with a link to cinch, named runc, first into the PATH of "
			"docker.service; see \"Docker\" in cinch(8)",
			"BuildKit runs \"runc\" from the daemon's PATH, whatever runtime is "
			"configured");
}

void doctor_engines(struct doctor *d)
{
	static const struct {
		const char *name, *program;
		void (*more)(struct doctor *d);
	} engines[] = {
		{"containerd", "containerd", check_containerd},
		{"docker", "dockerd", check_docker},
		{"podman", "podman", NULL},
	};
	bool any = false;

	for (size_t i = 0; i < sizeof engines / sizeof *engines; i++) {
		char path[PATH_MAX];
		const bool here = installed(engines[i].program, path);

		any |= here;
		check_engine(d, engines[i].name, here);
		if (here && engines[i].more)
			engines[i].more(d);
	}
	if (!any)
		doctor_say(d, DOCTOR_NOTE, "engines", "containerd, docker, podman",
			"nothing uses cinch", NULL, "none of them is installed");
}

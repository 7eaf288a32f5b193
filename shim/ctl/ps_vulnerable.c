/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps_vulnerable - which containers run an image that a scanner complains of.
 */
#include "shim/ctl/ps_findings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"

enum { REPORTS_MAX = 4096 };

static void answer_done(struct ps_findings *a)
{
	ps_list_done(&a->list);
	for (size_t i = 0; i < a->n_sources; i++) {
		free(a->sources[i].file);
		vuln_report_done(&a->sources[i].report);
	}
	free(a->sources);
	for (size_t i = 0; i < a->n_groups; i++) {
		free(a->groups[i].sources);
		free(a->groups[i].members);
		vuln_list_done(&a->groups[i].found);
	}
	free(a->groups);
}

/* ---- reading ---- */

static int add_source(struct ps_findings *a, const char *name, int fd, struct err *e)
{
	struct ps_source s = {0}, *more;
	AUTO_FREE char *text = NULL;
	size_t len;

	if (a->n_sources == REPORTS_MAX)
		return err_set(e, ERR_INPUT, "more than %d reports", REPORTS_MAX);
	if (io_read_all(fd, VULN_REPORT_MAX, &text, &len, e) < 0)
		return err_wrap(e, "report %.256s", name);
	more = reallocarray(a->sources, a->n_sources + 1, sizeof *more);
	if (!more)
		return err_nomem(e);
	a->sources = more;
	if (vuln_report_parse(name, text, len, &s.report, e) < 0)
		return -1;
	s.file = strdup(name);
	a->sources[a->n_sources++] = s;
	return s.file ? 0 : err_nomem(e);
}

static int is_json(const struct dirent *d)
{
	return str_ends(d->d_name, ".json") && d->d_name[0] != '.';
}

/* All *.json of the directory, by name; what is no report is an error here, too: a node must not look
 * clean because a report was not read. */
static int read_directory(struct ps_findings *a, const char *path, struct err *e)
{
	struct dirent **names;
	int n = scandir(path, &names, is_json, alphasort), rc = 0;

	if (n < 0)
		return err_set(e, errno, "list %.256s", path);
	if (n == 0)
		rc = err_set(e, ERR_INPUT, "%.256s: no *.json in it", path);
	for (int i = 0; i < n; i++) {
		AUTO_STR struct str file = STR_INIT;

		str_addf(&file, "%s/%s", path, names[i]->d_name);
		free(names[i]);
		if (rc == 0 && str_failed(&file))
			rc = err_nomem(e);
		if (rc == 0) {
			AUTO_FD int fd =
				open(str_text(&file), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

			rc = fd < 0 ? err_set(e, errno, "open report %.256s", str_text(&file))
				    : add_source(a, str_text(&file), fd, e);
		}
	}
	free(names);
	return rc;
}

static int read_reports_of(struct ps_findings *a, const char *path, struct err *e)
{
	AUTO_FD int fd = -1;
	struct stat st;

	if (strcmp(path, "-") == 0)
		return add_source(a, "standard input", STDIN_FILENO, e);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open report %.256s", path);
	return S_ISDIR(st.st_mode) ? read_directory(a, path, e) : add_source(a, path, fd, e);
}

static int read_reports(const struct ctl_call *c, struct ps_findings *a, struct err *e)
{
	const char *path;

	for (size_t i = 0; (path = ctl_nth(c, "vulnerable", i)); i++)
		if (read_reports_of(a, path, e) < 0)
			return -1;
	for (size_t i = 0; i < c->n_operands; i++)
		if (read_reports_of(a, c->operands[i], e) < 0)
			return -1;
	return 0;
}

/* ---- who runs what ---- */

static int append(size_t **list, size_t *n, size_t value, struct err *e)
{
	size_t *more = reallocarray(*list, *n + 1, sizeof **list);

	if (!more)
		return err_nomem(e);
	*list = more;
	(*list)[(*n)++] = value;
	return 0;
}

/* The reports about image I that are the surest, and how sure they are. */
static int reports_about(
	const struct ps_findings *a, const struct image *i, struct ps_group *out, struct err *e)
{
	for (size_t s = 0; s < a->n_sources; s++) {
		enum vuln_match m = vuln_report_match(&a->sources[s].report, i);

		if (m > out->match) {
			out->match = m;
			out->n_sources = 0;
		}
		if (m != VULN_OTHER && m == out->match &&
			append(&out->sources, &out->n_sources, s, e) < 0)
			return -1;
	}
	return 0;
}

static struct ps_group *find_group(struct ps_findings *a, const struct ps_group *g)
{
	for (size_t i = 0; i < a->n_groups; i++) {
		struct ps_group *have = &a->groups[i];

		if (have->match == g->match && have->n_sources == g->n_sources &&
			(!g->n_sources || memcmp(have->sources, g->sources,
						  g->n_sources * sizeof *g->sources) == 0))
			return have;
	}
	return NULL;
}

/* G's reports are the new group's. */
static struct ps_group *new_group(struct ps_findings *a, struct ps_group *g, struct err *e)
{
	struct ps_group *more = reallocarray(a->groups, a->n_groups + 1, sizeof *more), *own;

	if (!more) {
		err_nomem(e);
		return NULL;
	}
	a->groups = more;
	own = &a->groups[a->n_groups++];
	*own = *g;
	g->sources = NULL;
	for (size_t i = 0; i < own->n_sources; i++) {
		struct ps_source *s = &a->sources[own->sources[i]];

		s->matched = true;
		if (vuln_list_add(&own->found, &s->report.found, a->least, e) < 0)
			return NULL;
	}
	vuln_list_sort(&own->found);
	vuln_list_count(&own->found, own->counts);
	return own;
}

static int place(struct ps_findings *a, size_t container, struct err *e)
{
	struct ps_group found = {0}, *g = NULL;
	int rc = reports_about(a, &a->list.v[container].image, &found, e);

	if (rc == 0) {
		g = find_group(a, &found);
		if (!g)
			g = new_group(a, &found, e);
		rc = g ? append(&g->members, &g->n_members, container, e) : -1;
	}
	free(found.sources);
	return rc;
}

static int worst_first(const void *a, const void *b)
{
	const struct ps_group *x = a, *y = b;

	if (x->match == VULN_OTHER || y->match == VULN_OTHER) /* no report: last */
		return (x->match == VULN_OTHER) - (y->match == VULN_OTHER);
	for (int s = SEVERITY_COUNT - 1; s >= 0; s--)
		if (x->counts[s] != y->counts[s])
			return x->counts[s] < y->counts[s] ? 1 : -1;
	return (int)y->match - (int)x->match;
}

/* ---- the command ---- */

static int take_severity(const struct ctl_call *c, struct ps_findings *a, struct err *e)
{
	const char *level = ctl_value(c, "severity");
	int severity = level ? severity_from_name(level) : -1;

	if (level && severity < 0)
		return err_set(e, ERR_INPUT,
			"--severity is critical, high, medium, low or unknown, not \"%.64s\"",
			level);
	a->least = level                       ? (enum severity)severity
		   : ctl_given(c, "deny-list") ? SEVERITY_HIGH
					       : SEVERITY_UNKNOWN;
	return 0;
}

int ps_run_vulnerable(struct ctl_call *c, const char *dir, struct err *e)
{
	__attribute__((cleanup(answer_done))) struct ps_findings a = {.n_sources = 0};
	struct ps_totals t;

	if (take_severity(c, &a, e) < 0 || read_reports(c, &a, e) < 0)
		return -1;
	if (ctl_given(c, "deny-list"))
		return ps_findings_denied(c, &a, e) < 0 ? -1 : CTL_OK;
	if (ps_list_read(dir, ctl_given(c, "all"), &a.list, e) < 0)
		return -1;
	for (size_t i = 0; i < a.list.n; i++)
		if (place(&a, i, e) < 0)
			return -1;
	if (a.n_groups)
		qsort(a.groups, a.n_groups, sizeof *a.groups, worst_first);
	if (!c->json)
		ps_findings_table(c, &a);
	else if (ps_findings_json(c, &a, e) < 0)
		return -1;
	t = ps_findings_count(&a);
	return t.vulnerable || t.perhaps || a.list.damaged.n ? CTL_FINDINGS : CTL_OK;
}

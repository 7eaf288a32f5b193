/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps_findings - what scanners found in the images of containers, as people, programs and cinchctl apply want
 * it; shared by shim/ctl/ps_*.c alone.
 */
#ifndef CINCH_CTL_PS_FINDINGS_H
#define CINCH_CTL_PS_FINDINGS_H

#include "shim/ctl/ps.h"
#include "shim/ctl/vulnerable.h"

struct ps_source { /* a report and where it was read */
	char *file;
	struct vuln_report report;
	bool matched;
};

/* Containers that the same reports are about, with the same certainty. */
struct ps_group {
	enum vuln_match match;
	size_t *sources, n_sources;
	size_t *members, n_members;
	struct vuln_list found; /* of the severity asked for, of all these reports */
	size_t counts[SEVERITY_COUNT];
};

struct ps_findings {
	struct ps_list list;
	struct ps_source *sources;
	size_t n_sources;
	struct ps_group *groups;
	size_t n_groups;
	enum severity least;
};

/* How many containers are what. */
struct ps_totals {
	size_t vulnerable, perhaps, clean, unreported;
};

struct ps_totals ps_findings_count(const struct ps_findings *a);
void ps_findings_table(struct ctl_call *call, const struct ps_findings *a);
int ps_findings_json(struct ctl_call *call, const struct ps_findings *a, struct err *e);
/* A denied.json (profiles/denied.h) of the images of all reports that have what A->least asks for, whether
 * they run here or not. ERR_INPUT when a report names no digest by which its image could be denied. */
int ps_findings_denied(struct ctl_call *call, const struct ps_findings *a, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vulnerable - what a scanner found in an image, read from the scanner's own JSON report.
 *
 * Two formats, told apart by their content, never by the file's name:
 *	Trivy ("trivy image --format json"), schema version 2: github.com/aquasecurity/trivy,
 *		pkg/types/report.go and integration/testdata/alpine-39.json.golden
 *	Grype ("grype --output json"): github.com/anchore/grype, grype/presenter/models/document.go and
 *		grype/presenter/json/testdata/snapshot/TestJsonImgsPresenter.golden
 * Nothing else in a report is looked at. Text in it is the scanner's or the image's: it may hold
 * anything, is cut where it is long, and has to be escaped where it is shown.
 */
#ifndef CINCH_CTL_VULNERABLE_H
#define CINCH_CTL_VULNERABLE_H

#include "profiles/image.h"
#include "shim/base/err.h"
#include "shim/base/str.h"

/* A report may have so many bytes. Reading it takes about six times as much memory, for a moment. */
enum { VULN_REPORT_MAX = 64 << 20 };

enum severity {
	SEVERITY_UNKNOWN,
	SEVERITY_LOW, /* also what Grype calls negligible */
	SEVERITY_MEDIUM,
	SEVERITY_HIGH,
	SEVERITY_CRITICAL,
	SEVERITY_COUNT
};

struct vuln {
	char *id; /* "CVE-2026-1" */
	char *package, *version; /* "" when not told */
	char *fixed; /* versions without it; "" when there are none */
	char *title; /* "" */
	enum severity severity;
};

struct vuln_list {
	struct vuln *v; /* the worst first; each of an id, package and version once */
	size_t n;
};

struct vuln_report {
	const char *tool; /* "trivy", "grype" */
	char *name; /* what the scanner was told to look at; "" */
	char *image_id; /* "sha256:...", of the image's configuration; NULL */
	struct strv digests; /* "sha256:...", of its manifest or index */
	struct image *names; /* references that pointed to the image then */
	size_t n_names;
	struct vuln_list found;
};

/* How sure it is that a container's image is the one a report is about. */
enum vuln_match {
	VULN_OTHER,
	VULN_BY_NAME, /* the same name and tag: which may have been moved since */
	VULN_CERTAIN, /* the same digest or image ID */
};

#define AUTO_VULN_REPORT __attribute__((cleanup(vuln_report_done)))

/* Read TEXT of the file NAME (for messages). *OUT must be empty. ERR_INPUT when it is no report of an
 * image in one of the formats, with what it looks like. */
int vuln_report_parse(
	const char *name, const char *text, size_t len, struct vuln_report *out, struct err *e);
void vuln_report_done(struct vuln_report *r);
enum vuln_match vuln_report_match(const struct vuln_report *r, const struct image *i);

/* Append copies of what FROM has of severity LEAST and above. */
int vuln_list_add(
	struct vuln_list *to, const struct vuln_list *from, enum severity least, struct err *e);
/* The worst first, each once. */
void vuln_list_sort(struct vuln_list *l);
void vuln_list_count(const struct vuln_list *l, size_t counts[SEVERITY_COUNT]);
void vuln_list_done(struct vuln_list *l);

/* "critical" */
const char *severity_name(enum severity s);
/* In any case of letters; -1 when TEXT names none. */
int severity_from_name(const char *text);

#endif

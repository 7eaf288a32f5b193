/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_check - is a log whole?
 */
#include "shim/ctl/log_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/json.h"

static const struct json_limits limits = {.bytes = 4 << 20, .depth = 32, .values = 400000};
static const uint8_t zeros[HASH_SIZE];

static bool same(const uint8_t a[HASH_SIZE], const uint8_t b[HASH_SIZE])
{
	return memcmp(a, b, HASH_SIZE) == 0;
}

static void __attribute__((format(printf, 5, 6)))
report(struct log_check *c, enum log_severity severity, const char *kind,
	const struct log_place *at, const char *fmt, ...)
{
	struct log_finding *f = &c->found[c->n_found];
	va_list ap;

	if (severity > c->worst)
		c->worst = severity;
	if (c->n_found == LOG_FINDINGS_MAX) {
		c->more++;
		return;
	}
	*f = (struct log_finding){
		.severity = severity, .kind = kind, .file = at->file, .line = at->line};
	va_start(ap, fmt);
	if (vasprintf(&f->text, fmt, ap) < 0) {
		f->text = NULL;
		c->failed = true;
	}
	va_end(ap);
	c->n_found += f->text != NULL;
}

/* "number 7", "numbers 7 to 9" */
static const char *numbers(uint64_t from, uint64_t to, char out[64])
{
	if (from == to)
		snprintf(out, 64, "number %" PRIu64, from);
	else
		snprintf(out, 64, "numbers %" PRIu64 " to %" PRIu64, from, to);
	return out;
}

/* ---- what stands outside the chain ---- */

enum vouched { BY_NOBODY, BY_NEXT, NOT_YET };

/* LINK is of the next line in order; NULL at the end of a file. */
static void settle(struct log_check *c, const struct chain_link *link, const struct log_place *next,
	bool at_end)
{
	static const char *const who[] = {
		[BY_NOBODY] = "vouched for by nothing",
		[BY_NEXT] = "vouched for by the next line",
		[NOT_YET] = "vouched for by nothing yet",
	};
	enum vouched v = at_end ? NOT_YET : BY_NOBODY;
	uint64_t n = c->outsiders.n, unlinked = n - c->outsiders.cut - c->outsiders.foreign;
	const struct log_place *at = &c->outsiders.first;

	if (link && link->has_gap && n == 0 && !c->jumped)
		report(c, LOG_BROKEN, "missing", next,
			"lines outside the chain that stood before it are missing");
	if (link && link->has_gap && n && same(link->gap, c->outsiders.gap))
		v = BY_NEXT;
	if (c->outsiders.cut)
		report(c, v == BY_NOBODY ? LOG_GAP : LOG_NOTE, "cut", at,
			"cut, as a full disk or a crash leaves a line (%" PRIu64 "); %s",
			c->outsiders.cut, who[v]);
	if (c->outsiders.foreign)
		report(c, v == BY_NEXT ? LOG_GAP : LOG_BROKEN, "inserted", at,
			"not of the chain (%" PRIu64 "): put in, or written by another program; %s",
			c->outsiders.foreign, who[v]);
	if (unlinked)
		report(c, v == BY_NOBODY ? LOG_GAP : LOG_NOTE, "outside", at,
			"outside the chain (%" PRIu64 "), its writer says: %s; %s", unlinked,
			c->outsiders.words[0] ? c->outsiders.words : "nothing", who[v]);
	memset(&c->outsiders, 0, sizeof c->outsiders);
}

static void outsider(struct log_check *c, const struct log_place *at, const char *line, size_t len,
	bool whole, const struct chain_link *says)
{
	struct json_doc *doc = NULL;
	struct err e;

	c->outside++;
	c->before += c->linked == 0;
	if (c->outsiders.n++ == 0)
		c->outsiders.first = *at;
	c->outsiders.last = *at;
	chain_fold(c->outsiders.gap, at->hash);
	if (says && whole && line[len - 1] == '}') {
		memcpy(c->outsiders.words, says->words, sizeof says->words);
		return;
	}
	if (whole && json_parse(line, len, &limits, JSON_STRICT, &doc, &e) == 0)
		c->outsiders.foreign++;
	else
		c->outsiders.cut++;
	json_free(doc);
}

/* ---- lines that are not where they belong ---- */

static void add_run(
	struct log_check *c, uint64_t from, uint64_t to, const struct log_place *next, bool cut)
{
	char text[64];

	if (c->n_missing < LOG_MISSING_MAX)
		c->missing[c->n_missing++] = (struct log_run){from, to, *next, from == 1, cut};
	else
		report(c, LOG_BROKEN, "missing", next, "%s missing before it",
			numbers(from, to, text));
}

/* Number SEQ has turned up: its run is shorter, or two. False: it was not missing. */
static bool found_missing(struct log_check *c, uint64_t seq)
{
	for (size_t i = 0; i < c->n_missing; i++) {
		struct log_run *r = &c->missing[i];
		uint64_t to = r->to;

		if (seq < r->from || seq > to)
			continue;
		r->to = seq - 1;
		if (seq < to)
			add_run(c, seq + 1, to, &r->next, false);
		if (r->to < r->from)
			*r = c->missing[--c->n_missing];
		return true;
	}
	return false;
}

/* The line before NEXT, which is number SEQ, stood further to the front. */
static bool was_early(struct log_check *c, uint64_t seq, const struct log_place *next)
{
	for (size_t i = 0; i < c->n_early; i++) {
		if (c->early[i].seq != seq || !same(c->early[i].hash, next->prev))
			continue;
		report(c, LOG_BROKEN, "moved", &c->early[i],
			"moved: number %" PRIu64 " belongs further down", seq);
		c->early[i] = c->early[--c->n_early];
		return true;
	}
	return false;
}

/* ---- one line after the other ---- */

static void changed(struct log_check *c, const struct log_place *at, const char *more)
{
	if (at->line)
		report(c, LOG_BROKEN, "changed", at, "changed after it was written%s", more);
	else
		report(c, LOG_BROKEN, "changed", &c->cur,
			"the first number, but it continues another line");
}

/* What was in doubt stays in doubt. */
static void give_up(struct log_check *c)
{
	if (c->doubted && !c->blamed)
		changed(c, &c->cur, ", or the line before it was");
	if (c->other.line)
		report(c, LOG_BROKEN, "inserted", &c->other,
			"number %" PRIu64 " a second time: one of the two was put in",
			c->other.seq);
	c->doubted = c->blamed = false;
	c->other.line = 0;
}

static void advance(struct log_check *c, const struct log_place *at)
{
	c->cur = *at;
	c->jumped = false;
	c->blamed = false;
	if (at->line)
		c->last_good = *at;
}

static void in_order(struct log_check *c, const struct log_place *at, const struct chain_link *link)
{
	if (c->doubted) /* cur is what the next line has noted: so the one before it is not */
		changed(c, &c->pending, "");
	c->doubted = false;
	if (c->other.line)
		report(c, LOG_BROKEN, "inserted", &c->other,
			"put in: number %" PRIu64 " is another line", c->other.seq);
	c->other.line = 0;
	settle(c, link, at, at->line == 0);
	advance(c, at);
}

/* The right number, but not the hash of the line before. */
static void doubt(struct log_check *c, const struct log_place *at, const struct chain_link *link)
{
	bool known = c->blamed;

	if (c->other.line) {
		give_up(c);
		known = true;
	}
	settle(c, link, at, at->line == 0);
	if (c->doubted)
		changed(c, &c->cur, "; the line before it perhaps, too");
	c->doubted = !c->doubted && !known;
	c->pending = c->cur;
	advance(c, at);
}

/* Numbers are left out before AT. */
static void jump(struct log_check *c, const struct log_place *at, const struct chain_link *link,
	bool opens_file)
{
	uint64_t gone = at->seq - c->cur.seq - 1;
	char text[64];

	if (gone == 1 && was_early(c, at->seq - 1, at)) {
		settle(c, link, at, at->line == 0);
		advance(c, at);
		return;
	}
	give_up(c);
	if (c->outsiders.n == gone && !link->has_gap) {
		report(c, LOG_BROKEN, "changed", &c->outsiders.first, "changed: %s should be here",
			numbers(c->cur.seq + 1, at->seq - 1, text));
		memset(&c->outsiders, 0, sizeof c->outsiders);
		advance(c, at);
		return;
	}
	add_run(c, c->cur.seq + 1, at->seq - 1, at, opens_file && !link->first);
	c->back = c->cur;
	c->jumped = true;
	settle(c, link, at, at->line == 0);
	c->cur = *at;
	if (at->line)
		c->last_good = *at;
}

/* A line with cur's number that continues the same line as cur. */
static void second(struct log_check *c, const struct log_place *at, const struct chain_link *link)
{
	uint8_t gap[HASH_SIZE] = {0};

	chain_fold(gap, c->cur.hash);
	if (same(at->hash, c->cur.hash)) {
		report(c, LOG_BROKEN, "inserted", at, "a copy of the line before");
	} else if (link->has_gap && same(link->gap, gap)) {
		report(c, LOG_NOTE, "cut", &c->cur,
			"cut, as a full disk or a crash leaves a line; the next line vouches for "
			"it");
		c->cur = *at;
	} else if (c->other.line) {
		report(c, LOG_BROKEN, "inserted", at, "put in: number %" PRIu64 " once more",
			at->seq);
	} else {
		c->other = *at;
	}
}

static void backwards(
	struct log_check *c, const struct log_place *at, const struct chain_link *link)
{
	if (found_missing(c, at->seq))
		report(c, LOG_BROKEN, "moved", at, "moved: number %" PRIu64 " belongs further up",
			at->seq);
	else if (at->seq == c->cur.seq && same(at->prev, c->cur.prev))
		second(c, at, link);
	else
		report(c, LOG_BROKEN, "inserted", at,
			"put in or copied: number %" PRIu64 " was there already", at->seq);
}

/* The place a line has in the chain. AT->line 0: the head, as if it were the line that comes next. */
static void place(struct log_check *c, const struct log_place *at, const struct chain_link *link,
	bool opens_file)
{
	if (c->other.line && at->seq == c->cur.seq + 1 && same(at->prev, c->other.hash)) {
		struct log_place put_in = c->cur;

		c->cur = c->other;
		c->other = put_in;
	}
	if (at->seq == c->cur.seq + 1 && same(at->prev, c->cur.hash)) {
		in_order(c, at, link);
	} else if (c->jumped && at->seq == c->back.seq + 1 && same(at->prev, c->back.hash) &&
		   c->n_early < LOG_EARLY_MAX) {
		/* so it was cur that came too early, and nothing is missing before it */
		c->early[c->n_early++] = c->cur;
		found_missing(c, at->seq);
		for (size_t i = 0; i < c->n_missing; i++)
			if (c->missing[i].next.seq == c->cur.seq &&
				c->missing[i].to == c->cur.seq - 1)
				c->missing[i] = c->missing[--c->n_missing];
		c->cur = c->back;
		in_order(c, at, link);
	} else if (at->seq == 1 && same(at->prev, zeros) && (opens_file || *link->words)) {
		give_up(c);
		report(c, LOG_BROKEN, "restart", at,
			"the chain begins anew: log and head were gone");
		advance(c, at);
	} else if (at->line && same(at->prev, c->cur.hash)) {
		report(c, LOG_BROKEN, "changed", at,
			"changed: number %" PRIu64 " stands where %" PRIu64 " belongs", at->seq,
			c->cur.seq + 1);
		c->cur.seq++; /* what the line was */
		memcpy(c->cur.hash, at->hash, HASH_SIZE);
		c->cur.line = at->line;
		c->cur.file = at->file;
		c->blamed = true;
	} else if (at->seq == c->cur.seq + 1) {
		doubt(c, at, link);
	} else if (at->seq > c->cur.seq) {
		jump(c, at, link, opens_file);
	} else {
		backwards(c, at, link);
	}
}

void log_check_file(struct log_check *c)
{
	if (c->any_file) {
		/* a line in the next file does not vouch for the end of this one */
		if (c->linked)
			settle(c, NULL, NULL, false);
		c->file++;
	}
	c->any_file = true;
	c->any_line = false;
	c->lines = 0;
}

static void linked(struct log_check *c, const struct log_place *at, const struct chain_link *link,
	bool opens_file)
{
	bool begins = c->linked++ == 0;

	if (c->wants_noted && same(at->hash, c->noted))
		c->noted_at = *at;
	if (*link->words)
		report(c, at->seq == 1 ? LOG_NOTE : LOG_GAP, "joined", at,
			"continued without a head (%s): lines may be missing before it",
			link->words);
	if (begins && c->outsiders.n && !link->has_gap && at->seq == 1 && !link->first) {
		struct log_place first = c->outsiders.first;

		report(c, LOG_NOTE, "before", &first,
			"%" PRIu64 " lines from before there was a chain: nothing vouches for them",
			c->outsiders.n);
		memset(&c->outsiders, 0, sizeof c->outsiders);
	}
	place(c, at, link, opens_file);
}

void log_check_line(struct log_check *c, const char *line, size_t len, bool whole)
{
	struct log_place at = {.file = c->file, .line = ++c->lines};
	bool opens_file = !c->any_line;
	struct chain_link link;
	enum chain_kind kind;

	c->any_line = true;
	if (len == 0) {
		report(c, LOG_GAP, "inserted", &at, "an empty line");
		return;
	}
	hash_sha256(line, len, at.hash);
	kind = chain_read(line, len, &link);
	at.seq = link.seq;
	memcpy(at.prev, link.prev, HASH_SIZE);
	if (kind == CHAIN_LINKED && whole && line[len - 1] == '}')
		linked(c, &at, &link, opens_file);
	else
		outsider(c, &at, line, len, whole, kind == CHAIN_UNLINKED ? &link : NULL);
}

/* ---- the end ---- */

static void end_missing(struct log_check *c)
{
	char text[64];

	for (size_t i = 0; i < c->n_missing; i++) {
		const struct log_run *r = &c->missing[i];

		numbers(r->from, r->to, text);
		if (r->beginning && r->next.line && !r->cut)
			report(c, LOG_NOTE, "earlier", &r->next,
				"continues a file that is not here (%s)", text);
		else if (r->beginning && r->next.line)
			report(c, LOG_BROKEN, "missing", &r->next,
				"the file did not begin with this line (before it: %s)", text);
		else if (r->next.line)
			report(c, LOG_BROKEN, "missing", &r->next,
				"%" PRIu64 " lines are missing before it (%s)%s",
				r->to - r->from + 1, text,
				r->next.line == 1 ? "; copytruncate loses lines, too" : "");
		else
			report(c, LOG_BROKEN, "missing", &r->next, "%s missing at the end", text);
	}
}

static void end_head(struct log_check *c, const struct chain_head *head)
{
	const struct chain_link none = {0};
	struct log_place at = {.file = c->file, .seq = head->seq + 1};

	memcpy(at.prev, head->hash, HASH_SIZE);
	if (head->lost)
		report(c, LOG_NOTE, "lost", &at,
			"journald or syslog did not take %" PRIu64 " records", head->lost);
	if (head->seq < c->cur.seq && !c->jumped) {
		if (head->seq + 1 == c->cur.seq && !same(head->hash, c->cur.prev))
			changed(c, &c->cur, ", or the line before it was");
		else
			report(c, LOG_NOTE, "behind", &c->cur,
				"the head is at number %" PRIu64
				", as when a writer is killed before it writes the head",
				head->seq);
		settle(c, NULL, NULL, true);
		give_up(c);
		return;
	}
	place(c, &at, &none, false);
	if (c->doubted) /* by the head, which then is cur */
		changed(c, &c->pending, "");
	c->doubted = false;
	give_up(c);
}

static int by_place(const void *a, const void *b)
{
	const struct log_finding *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->line != y->line) /* the whole file last */
		return x->line - 1 < y->line - 1 ? -1 : 1;
	return strcmp(x->kind, y->kind);
}

void log_check_end(struct log_check *c, const struct chain_head *head, bool damaged)
{
	struct log_place here = {.file = c->file};

	if (c->linked == 0 && c->outsiders.n && !head) {
		report(c, LOG_GAP, "before", &here, "no line of it is in a chain");
		memset(&c->outsiders, 0, sizeof c->outsiders);
	}
	if (!head)
		report(c, c->wants_noted && same(c->cur.hash, c->noted) ? LOG_NOTE : LOG_GAP,
			"head", &here, "%s: whether lines are missing at the end cannot be known",
			damaged ? "its head file is damaged" : "it has no head file");
	if (head) {
		end_head(c, head);
	} else {
		settle(c, NULL, NULL, true);
		give_up(c);
	}
	end_missing(c);
	for (size_t i = 0; i < c->n_early; i++)
		report(c, LOG_BROKEN, "inserted", &c->early[i],
			"put in: number %" PRIu64 " does not belong here", c->early[i].seq);
	if (c->wants_noted && !c->noted_at.line)
		report(c, LOG_BROKEN, "noted", &here, "the line whose hash was noted is not there");
	qsort(c->found, c->n_found, sizeof *c->found, by_place);
}

void log_check_done(struct log_check *c)
{
	for (size_t i = 0; i < c->n_found; i++)
		free(c->found[i].text);
	c->n_found = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_log_check - each line of a log is changed, taken out, put in, copied, moved and cut; the line is named.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/chain.h"
#include "shim/ctl/log_check.h"
#include "tests/scratch.h"
#include "tests/tap.h"

enum { LINES = 20, ROOM = 64 };

static char path[256], head_path[300];

/* A log as text that is tampered with. */
struct text {
	size_t n;
	char *line[ROOM];
	bool no_end; /* the last line has no newline */
};

static struct chain_head head;
static struct text good;

static void make_good(void)
{
	bool locked;
	AUTO_FD int fd = -1;
	char *all, *save = NULL;

	snprintf(path, sizeof path, "%s/log/audit", scratch_dir());
	snprintf(head_path, sizeof head_path, "%s.head", path);
	for (int i = 0; i < LINES; i++) {
		AUTO_CHAIN_ENTRY struct chain_entry x = {.line = STR_INIT};
		struct err e;
		char object[64];

		snprintf(object, sizeof object, "{\"n\":%d,\"who\":\"somebody\"}", i + 1);
		if (chain_append(path, object, strlen(object), &x, &e) < 0)
			printf("# %s\n", e.msg);
	}
	all = scratch_read("log/audit");
	for (char *l = all ? strtok_r(all, "\n", &save) : NULL; l; l = strtok_r(NULL, "\n", &save))
		good.line[good.n++] = strdup(l);
	free(all);
	fd = chain_open_head(path, 100, &locked);
	ok(good.n == LINES && fd >= 0 && chain_read_head(fd, &head) && head.seq == LINES,
		"a log of %zu lines", good.n);
}

static struct text copy(void)
{
	struct text t = good;

	for (size_t i = 0; i < t.n; i++)
		t.line[i] = strdup(good.line[i]);
	return t;
}

static void drop(struct text *t, size_t at)
{
	free(t->line[at]);
	memmove(t->line + at, t->line + at + 1, (t->n - at - 1) * sizeof *t->line);
	t->n--;
}

static void put(struct text *t, size_t at, const char *line)
{
	memmove(t->line + at + 1, t->line + at, (t->n - at) * sizeof *t->line);
	t->line[at] = strdup(line);
	t->n++;
}

static struct log_check *check_with(const struct text *t, const struct chain_head *h)
{
	struct log_check *c = calloc(1, sizeof *c);

	log_check_file(c);
	for (size_t i = 0; i < t->n; i++)
		log_check_line(c, t->line[i], strlen(t->line[i]), !(t->no_end && i + 1 == t->n));
	log_check_end(c, h, false);
	return c;
}

static void clear(struct text *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->line[i]);
	t->n = 0;
}

static void show(const struct log_check *c)
{
	for (size_t i = 0; i < c->n_found; i++)
		printf("#   %d %s line %" PRIu64 ": %s\n", (int)c->found[i].severity,
			c->found[i].kind, c->found[i].line, c->found[i].text);
}

static bool has(const struct log_check *c, const char *kind, uint64_t line)
{
	for (size_t i = 0; i < c->n_found; i++)
		if (strcmp(c->found[i].kind, kind) == 0 && c->found[i].line == line)
			return true;
	return false;
}

/* T gives the finding KIND at LINE (from 1; 0: at the end), and no more findings than MOST. */
static void expect(
	struct text *t, const char *kind, uint64_t line, size_t most, const char *what, size_t k)
{
	struct log_check *c = check_with(t, &head);

	if (!ok(c->worst == LOG_BROKEN && has(c, kind, line) && c->n_found <= most,
		    "%s %zu: %s, line %" PRIu64 " (%zu findings)", what, k, kind, line, c->n_found))
		show(c);
	log_check_done(c);
	free(c);
	clear(t);
}

static void whole(void)
{
	struct text t = copy();
	struct log_check *c = check_with(&t, &head);

	if (!ok(c->worst == LOG_NOTE && c->n_found == 0 && c->linked == LINES &&
			    c->last_good.seq == LINES,
		    "as it was written: whole"))
		show(c);
	log_check_done(c);
	free(c);
	c = check_with(&t, NULL);
	ok(c->worst == LOG_GAP && c->n_found == 1 && has(c, "head", 0), "without its head");
	log_check_done(c);
	free(c);
	clear(&t);
}

static void tampered(void)
{
	for (size_t k = 0; k < LINES; k++) {
		struct text t = copy();
		char *spot;

		*strstr(t.line[k], "somebody") = 'S';
		expect(&t, "changed", k + 1, 1, "text changed in line", k + 1);

		t = copy(); /* its number */
		spot = strchr(t.line[k], ':') + 1;
		*spot = *spot == '9' ? '8' : '9';
		expect(&t, "changed", k + 1, 3, "number changed in line", k + 1);

		t = copy(); /* the hash of the former */
		spot = strstr(t.line[k], "prev") + 10;
		*spot = *spot == 'a' ? 'b' : 'a';
		expect(&t, "changed", k + 1, 2, "hash changed in line", k + 1);

		t = copy(); /* no link any more */
		t.line[k][2] = 'S';
		expect(&t, "changed", k + 1, 2, "link changed in line", k + 1);

		t = copy();
		drop(&t, k);
		expect(&t, "missing", k + 1 < LINES ? k + 1 : 0, 1, "taken out: line", k + 1);

		t = copy();
		put(&t, k, "{\"time\":\"now\"}");
		expect(&t, "inserted", k + 1, 1, "put in before line", k + 1);

		t = copy();
		put(&t, k, "garbage");
		{
			struct log_check *c = check_with(&t, &head);

			ok(c->worst != LOG_NOTE && has(c, "cut", k + 1),
				"garbage put in before line %zu", k + 1);
			log_check_done(c);
			free(c);
			clear(&t);
		}

		t = copy();
		put(&t, k + 1, good.line[k]);
		expect(&t, "inserted", k + 2, 1, "copied: line", k + 1);
	}
	for (size_t k = 0; k + 1 < LINES; k++) {
		struct text t = copy();
		char *l = t.line[k];

		t.line[k] = t.line[k + 1];
		t.line[k + 1] = l;
		expect(&t, "moved", k + 1, 1, "swapped with the next: line", k + 1);
	}
	for (size_t k = 1; k < LINES; k++) { /* cut behind line k, and within line k + 1 */
		struct text t = copy();

		while (t.n > k)
			drop(&t, t.n - 1);
		expect(&t, "missing", 0, 1, "cut behind line", k);
		t = copy();
		while (t.n > k + 1)
			drop(&t, t.n - 1);
		t.line[k][strlen(t.line[k]) / 2] = '\0';
		t.no_end = true;
		if (k + 1 < LINES)
			expect(&t, "missing", 0, 2, "cut within line", k + 1);
		else
			expect(&t, "changed", k + 1, 2, "cut within line", k + 1);
	}
}

static void moved_far(void)
{
	for (size_t from = 0; from < LINES; from++)
		for (size_t to = 0; to < LINES; to++) {
			struct text t = copy();
			char *l = strdup(t.line[from]);
			struct log_check *c;

			drop(&t, from);
			put(&t, to, l);
			free(l);
			c = check_with(&t, &head);
			if (from == to ? c->worst != LOG_NOTE
				       : c->n_found != 1 ||
						 strcmp(c->found[0].kind, "moved") != 0 ||
						 /* of two neighbours either may be the one */
						 (c->found[0].line != to + 1 &&
							 !(from + 1 == to &&
								 c->found[0].line == from + 1))) {
				ok(false, "moved from %zu to %zu", from + 1, to + 1);
				show(c);
			}
			log_check_done(c);
			free(c);
			clear(&t);
		}
	ok(true, "each line moved to each place");
}

/* Forged with care: the right number and the right hash of the former line. */
static void forged(void)
{
	for (size_t k = 0; k < LINES; k++) {
		struct text t = copy();
		char *mine = strdup(t.line[k]);

		*strstr(mine, "somebody") = 'S';
		put(&t, k, mine);
		expect(&t, "inserted", k + 1, 1, "forged and put in before line", k + 1);
		t = copy();
		put(&t, k + 1, mine);
		expect(&t, "inserted", k + 2, 1, "forged and put in behind line", k + 1);
		free(mine);
	}
}

/* What cannot be told apart from a crash is not an alarm, and is said. */
static void crash(void)
{
	struct text t = copy();
	struct chain_head before = head;
	struct log_check *c;
	struct chain_link link;

	chain_read(t.line[LINES - 1], strlen(t.line[LINES - 1]), &link);
	before.seq--;
	memcpy(before.hash, link.prev, HASH_SIZE);
	c = check_with(&t, &before);
	ok(c->worst == LOG_NOTE && has(c, "behind", LINES), "the head is one line behind");
	log_check_done(c);
	free(c);
	drop(&t, LINES - 1);
	t.line[LINES - 2][20] = '\0';
	t.n = LINES - 1;
	t.no_end = true;
	chain_read(good.line[LINES - 2], strlen(good.line[LINES - 2]), &link);
	before.seq--;
	memcpy(before.hash, link.prev, HASH_SIZE);
	c = check_with(&t, &before);
	if (!ok(c->worst == LOG_NOTE && has(c, "cut", LINES - 1),
		    "a line that never was whole, at the end"))
		show(c);
	log_check_done(c);
	free(c);
	clear(&t);
}

/* A log of a version that knew no chain. */
static void unchained(void)
{
	struct log_check *c = calloc(1, sizeof *c);

	log_check_file(c);
	log_check_line(c, "{\"time\":1}", 10, true);
	log_check_line(c, "{\"time\":2}", 10, true);
	log_check_end(c, NULL, false);
	ok(c->worst == LOG_GAP && has(c, "before", 0) && c->before == 2, "no chain is no alarm");
	log_check_done(c);
	free(c);
}

static void noted(void)
{
	for (int there = 0; there < 2; there++) {
		struct log_check *c = calloc(1, sizeof *c);

		c->wants_noted = true;
		hash_sha256(good.line[4], strlen(good.line[4]), c->noted);
		log_check_file(c);
		for (size_t i = 0; i < (there ? LINES : 4); i++)
			log_check_line(c, good.line[i], strlen(good.line[i]), true);
		log_check_end(c, NULL, false);
		ok((c->noted_at.line == 5) == there && has(c, "noted", 0) == !there,
			"a hash kept elsewhere: %s", there ? "found" : "not there");
		log_check_done(c);
		free(c);
	}
}

/* Any two changes at once: an alarm, and no crash of ours. */
static void mangled(void)
{
	unsigned long random = 4711;
	size_t quiet = 0, tried = 0;

	for (int round = 0; round < 3000; round++) {
		struct text t = copy();
		struct log_check *c;
		bool differs = false;

		for (int i = 0; i < 4; i++) {
			size_t a, b;
			char *l;

			random = random * 1103515245 + 12345;
			a = random / 65536 % t.n;
			b = random / 7 / 65536 % t.n;
			switch (random / 16 % 4) {
			case 0:
				drop(&t, a);
				break;
			case 1:
				l = strdup(t.line[a]);
				put(&t, b, l);
				free(l);
				break;
			case 2:
				l = t.line[a];
				l[b % strlen(l)] ^= 1;
				break;
			default:
				l = t.line[a];
				t.line[a] = t.line[b];
				t.line[b] = l;
			}
		}
		for (size_t i = 0; i < t.n && !differs; i++)
			differs = t.n != LINES || strcmp(t.line[i], good.line[i]) != 0;
		c = check_with(&t, &head);
		tried += differs;
		if (differs && c->worst != LOG_BROKEN) {
			quiet++;
			show(c);
		}
		log_check_done(c);
		free(c);
		clear(&t);
	}
	ok(quiet == 0, "%zu logs changed in four places, %zu unnoticed", tried, quiet);
}

int main(void)
{
	make_good();
	whole();
	tampered();
	moved_far();
	forged();
	crash();
	unchained();
	noted();
	mangled();
	clear(&good);
	return tap_done();
}

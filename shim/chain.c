/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain - a log whose lines vouch for each other.
 */
#include "shim/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shim/base/cleanup.h"

enum {
	HEAD_SIZE = 192,
	TAIL_MAX = 2 * CHAIN_LINE_MAX, /* so much of a log is looked at, at most */
	REOPEN_MAX = 4,
};

/* The words that lines carry; letters and blanks only. */
static const char no_head[] = "no head file", bad_head[] = "damaged head file";
static const char not_regular[] = "the log is no regular file";
static const char no_lock[] = "the lock was not free";
static const char head_unusable[] = "the head file cannot be opened";
static const char moving[] = "the log was moved meanwhile";
static const char unread[] = "the log could not be read";

/* Everything one append works with. */
struct work {
	const char *path;
	int log, head; /* -1: not open */
	struct stat st; /* of log */
	struct chain_head at; /* what the new line continues */
	bool has_gap;
	uint8_t gap[HASH_SIZE];
	bool cut; /* the log does not end in a newline */
	const char *joined, *unchained; /* NULL: neither */
};

static void work_done(struct work *w)
{
	cleanup_fd(&w->log);
	cleanup_fd(&w->head); /* and with it the lock */
}

void chain_entry_done(struct chain_entry *x)
{
	str_done(&x->line);
}

void chain_fold(uint8_t gap[HASH_SIZE], const uint8_t hash[HASH_SIZE])
{
	uint8_t both[2 * HASH_SIZE];

	memcpy(both, gap, HASH_SIZE);
	memcpy(both + HASH_SIZE, hash, HASH_SIZE);
	hash_sha256(both, sizeof both, gap);
}

/* ---- what a line says ---- */

struct cursor {
	const char *s, *end;
};

static bool take(struct cursor *c, const char *token)
{
	size_t n = strlen(token);

	if ((size_t)(c->end - c->s) < n || memcmp(c->s, token, n) != 0)
		return false;
	c->s += n;
	return true;
}

static bool take_number(struct cursor *c, uint64_t *out)
{
	const char *begin = c->s;
	uint64_t n = 0;

	for (; c->s < c->end && *c->s >= '0' && *c->s <= '9'; c->s++)
		if (__builtin_mul_overflow(n, 10, &n) ||
			__builtin_add_overflow(n, (uint64_t)(*c->s - '0'), &n))
			return false;
	*out = n;
	return c->s > begin;
}

static bool take_hash(struct cursor *c, uint8_t out[HASH_SIZE])
{
	char hex[HASH_HEX_SIZE];

	if (c->end - c->s < HASH_HEX_SIZE - 1)
		return false;
	memcpy(hex, c->s, HASH_HEX_SIZE - 1);
	hex[HASH_HEX_SIZE - 1] = '\0';
	if (!hash_from_hex(hex, out))
		return false;
	c->s += HASH_HEX_SIZE - 1;
	return true;
}

/* Words of ours up to the quote; anything else is not ours. */
static bool take_words(struct cursor *c, char out[CHAIN_WORDS_MAX])
{
	size_t n = 0;

	for (; c->s < c->end && (*c->s == ' ' || (*c->s >= 'a' && *c->s <= 'z')); c->s++)
		if (n + 1 < CHAIN_WORDS_MAX)
			out[n++] = *c->s;
	out[n] = '\0';
	return n > 0 && take(c, "\"");
}

enum chain_kind chain_read(const char *line, size_t len, struct chain_link *out)
{
	struct cursor c = {line, line + len};

	*out = (struct chain_link){0};
	if (take(&c, "{\"seq\":null,\"prev\":null,\"unchained\":\""))
		return take_words(&c, out->words) ? CHAIN_UNLINKED : CHAIN_FOREIGN;
	if (!take(&c, "{\"seq\":") || !take_number(&c, &out->seq) || out->seq == 0 ||
		!take(&c, ",\"prev\":\"") || !take_hash(&c, out->prev) || !take(&c, "\""))
		return CHAIN_FOREIGN;
	if (take(&c, ",\"gap\":\"")) {
		if (!take_hash(&c, out->gap) || !take(&c, "\""))
			return CHAIN_FOREIGN;
		out->has_gap = true;
	}
	if (take(&c, ",\"joined\":\"") && !take_words(&c, out->words))
		return CHAIN_FOREIGN;
	out->first = take(&c, ",\"first\":true");
	return take(&c, ",") || take(&c, "}") ? CHAIN_LINKED : CHAIN_FOREIGN;
}

/* ---- the head ---- */

/* Always the same length, so that one pwrite replaces all of it. The last word finds damage, no more:
 * what is not a head is better than a wrong one. */
static size_t head_text(const struct chain_head *h, char out[HEAD_SIZE])
{
	char hex[HASH_HEX_SIZE];
	int n;

	hash_hex(h->hash, hex);
	n = snprintf(out, HEAD_SIZE,
		"cinch-log-head 1 %020" PRIu64 " %s %020" PRIu64 " %020" PRIu64 " %020" PRIu64 " ",
		h->seq, hex, h->ino, h->size, h->lost);
	hash_sha256_hex(out, (size_t)n, hex);
	return (size_t)n + (size_t)snprintf(out + n, HEAD_SIZE - (size_t)n, "%.16s\n", hex);
}

static bool write_head(int fd, const struct chain_head *h)
{
	char text[HEAD_SIZE];
	size_t len = head_text(h, text);

	return pwrite(fd, text, len, 0) == (ssize_t)len;
}

bool chain_read_head(int fd, struct chain_head *out)
{
	char text[HEAD_SIZE], again[HEAD_SIZE];
	ssize_t n = pread(fd, text, sizeof text, 0);
	struct chain_head h = {0};
	struct cursor c = {text, text + (n > 0 ? n : 0)};

	if (!take(&c, "cinch-log-head 1 ") || !take_number(&c, &h.seq) || !take(&c, " ") ||
		!take_hash(&c, h.hash) || !take(&c, " ") || !take_number(&c, &h.ino) ||
		!take(&c, " ") || !take_number(&c, &h.size) || !take(&c, " ") ||
		!take_number(&c, &h.lost))
		return false;
	/* what we would have written, byte for byte: nothing short, nothing behind it */
	if (head_text(&h, again) != (size_t)n || memcmp(text, again, (size_t)n) != 0)
		return false;
	*out = h;
	return true;
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Number and hash as they stand in the head now: they change when a writer comes through. */
struct progress {
	char text[64];
};

static bool moved(int fd, struct progress *p)
{
	struct progress now = {{0}};

	if (pread(fd, now.text, sizeof now.text, 0) < 0 ||
		memcmp(now.text, p->text, sizeof now.text) == 0)
		return false;
	*p = now;
	return true;
}

/*
 * flock knows no time limit of its own, and a signal to end it would be seen by what we become. Whoever
 * holds the lock for WAIT_MS is stopped or hangs; while others come through it is only a crowd, and
 * worth waiting longer.
 */
static bool lock(int fd, int how, unsigned wait_ms)
{
	struct timespec nap = {0, 50 * 1000};
	struct progress seen = {{0}};
	long long began, quiet;

	if (flock(fd, how | LOCK_NB) == 0)
		return true;
	began = quiet = now_ms();
	do {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return false;
		if (moved(fd, &seen))
			quiet = now_ms();
		nanosleep(&nap, NULL);
		if (nap.tv_nsec < 1000 * 1000)
			nap.tv_nsec += nap.tv_nsec / 2;
		if (flock(fd, how | LOCK_NB) == 0)
			return true;
	} while (now_ms() - quiet < wait_ms && now_ms() - began < CHAIN_WAIT_MOST_MS);
	return false;
}

static int open_head(const char *path, int flags)
{
	char name[PATH_MAX];
	struct stat st;
	int fd;

	if (snprintf(name, sizeof name, "%s.head", path) >= (int)sizeof name) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = open(name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		cleanup_fd(&fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

int chain_open_head(const char *path, unsigned wait_ms, bool *locked)
{
	int fd = open_head(path, O_RDONLY);

	*locked = fd >= 0 && lock(fd, LOCK_SH, wait_ms);
	return fd;
}

void chain_note_lost(const char *path)
{
	AUTO_FD int fd = open_head(path, O_RDWR);
	struct chain_head h;

	if (fd >= 0 && lock(fd, LOCK_EX, CHAIN_WAIT_MS) && chain_read_head(fd, &h)) {
		h.lost++;
		(void)write_head(fd, &h);
	}
}

/* ---- the log ---- */

/* Makes the directory of PATH, one level: /var/log is the distribution's. */
static int make_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];

	if (!slash || slash == path || (size_t)(slash - path) >= sizeof dir)
		return -1;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	return mkdir(dir, 0700);
}

static int open_log(struct work *w, struct err *e)
{
	const int flags =
		O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

	cleanup_fd(&w->log);
	w->log = open(w->path, flags, 0600);
	if (w->log < 0 && errno == ENOENT && make_parent(w->path) == 0)
		w->log = open(w->path, flags, 0600);
	if (w->log < 0)
		return err_set(e, errno, "open %s", w->path);
	return fstat(w->log, &w->st) < 0 ? err_set(e, errno, "stat %s", w->path) : 0;
}

/* The log may have been renamed while we waited: what is at PATH now is what we write to. */
static int settle(struct work *w, struct err *e)
{
	for (int i = 0; i < REOPEN_MAX; i++) {
		struct stat now;

		if (lstat(w->path, &now) == 0 && now.st_ino == w->st.st_ino &&
			now.st_dev == w->st.st_dev)
			return fstat(w->log, &w->st) < 0 ? err_set(e, errno, "stat %s", w->path)
							 : 0;
		if (open_log(w, e) < 0)
			return -1;
	}
	w->unchained = moving;
	return 0;
}

/* The log's bytes from FROM on, at most the last TAIL_MAX; *WHOLE when they are all. NULL: unread. */
static char *read_tail(const struct work *w, uint64_t from, size_t *len, bool *whole)
{
	AUTO_FD int in = open(w->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	uint64_t size = (uint64_t)w->st.st_size, begin = from;
	AUTO_FREE char *text = NULL;
	struct stat st;

	*whole = size - from <= TAIL_MAX;
	if (!*whole)
		begin = size - TAIL_MAX;
	if (in < 0 || fstat(in, &st) < 0 || st.st_ino != w->st.st_ino ||
		(text = malloc((size_t)(size - begin) + 1)) == NULL)
		return NULL;
	for (*len = 0; *len < size - begin;) {
		ssize_t n = pread(
			in, text + *len, (size_t)(size - begin) - *len, (off_t)(begin + *len));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return NULL;
		*len += (size_t)n;
	}
	return take_ptr(&text);
}

static void add_gap(struct work *w, const uint8_t hash[HASH_SIZE])
{
	chain_fold(w->gap, hash);
	w->has_gap = true;
}

static void advance(struct work *w, uint64_t seq, const uint8_t hash[HASH_SIZE])
{
	w->at.seq = seq;
	memcpy(w->at.hash, hash, HASH_SIZE);
	memset(w->gap, 0, HASH_SIZE);
	w->has_gap = false;
}

/*
 * Walk over lines that the head does not know. With TRUST any linked line is continued (there is no
 * head to say better), without it only one that continues what is known.
 */
static void walk(struct work *w, const char *text, size_t len, bool trust)
{
	const char *end = text + len;

	for (const char *line = text, *next; line < end; line = next) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		size_t n = (size_t)((stop ? stop : end) - line);
		struct chain_link link;
		uint8_t hash[HASH_SIZE];

		next = stop ? stop + 1 : end;
		w->cut = !stop;
		hash_sha256(line, n, hash);
		if (stop && n > 0 && line[n - 1] == '}' &&
			chain_read(line, n, &link) == CHAIN_LINKED &&
			(trust || (link.seq == w->at.seq + 1 &&
					  memcmp(link.prev, w->at.hash, HASH_SIZE) == 0)))
			advance(w, link.seq, hash);
		else if (n > 0)
			add_gap(w, hash);
	}
}

/* There is no head that could be believed: go on from the last linked line of the log itself. */
static void join(struct work *w, const char *why)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0, skip = 0;
	bool whole;

	w->at = (struct chain_head){0};
	if (w->st.st_size == 0)
		return; /* a log that begins */
	w->joined = why;
	text = read_tail(w, 0, &len, &whole);
	if (!text) {
		w->unchained = unread;
		return;
	}
	if (!whole) { /* it begins somewhere in a line */
		const char *stop = memchr(text, '\n', len);

		skip = stop ? (size_t)(stop + 1 - text) : len;
	}
	walk(w, text + skip, len - skip, true);
	if (w->at.seq == 0) { /* lines from before there was a chain: it begins behind them */
		w->has_gap = false;
		w->cut = text[len - 1] != '\n';
	}
}

/* Finds what the new line continues. The lock is held. */
static void look(struct work *w)
{
	uint64_t size = (uint64_t)w->st.st_size;
	AUTO_FREE char *text = NULL;
	struct stat st;
	size_t len = 0;
	bool whole;

	if (!chain_read_head(w->head, &w->at)) {
		join(w, fstat(w->head, &st) == 0 && st.st_size > 0 ? bad_head : no_head);
		return;
	}
	if (w->at.ino == (uint64_t)w->st.st_ino && w->at.size == size)
		return; /* nothing came in between: nearly always */
	/* a new file, or one that was cut, holds nothing else than what stands in it now */
	if (w->at.ino != (uint64_t)w->st.st_ino || w->at.size > size)
		w->at.size = 0;
	if (size == 0)
		return;
	text = read_tail(w, w->at.size, &len, &whole);
	if (!text) {
		w->unchained = unread;
		return;
	}
	walk(w, text, len, false);
	if (!whole) /* a hash of a part would vouch for nothing */
		w->has_gap = false;
}

/* ---- writing ---- */

static void build(const struct work *w, const char *object, size_t len, struct chain_entry *out)
{
	char hex[HASH_HEX_SIZE];
	struct str *line = &out->line;

	if (w->unchained) {
		str_addf(line, "{\"seq\":null,\"prev\":null,\"unchained\":\"%s\"", w->unchained);
	} else {
		hash_hex(w->at.hash, hex);
		str_addf(line, "{\"seq\":%" PRIu64 ",\"prev\":\"%s\"", w->at.seq + 1, hex);
		if (w->has_gap) {
			hash_hex(w->gap, hex);
			str_addf(line, ",\"gap\":\"%s\"", hex);
		}
		if (w->joined)
			str_addf(line, ",\"joined\":\"%s\"", w->joined);
		if (w->st.st_size == 0)
			str_add(line, ",\"first\":true");
	}
	str_addc(line, ',');
	str_addn(line, object + 1, len - 1);
}

static int write_line(struct work *w, struct chain_entry *x, struct err *e)
{
	AUTO_STR struct str text = STR_INIT;
	ssize_t n;

	if (w->cut) /* what a full disk left of a line must not be glued to ours */
		str_addc(&text, '\n');
	str_addn(&text, str_text(&x->line), x->line.len);
	str_addc(&text, '\n');
	if (str_failed(&text))
		return err_nomem(e);
	do
		n = write(w->log, text.s, text.len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, errno, "write %s", w->path);
	if ((size_t)n < text.len)
		return err_set(e, ENOSPC, "write %s: %zd of %zu bytes", w->path, n, text.len);
	return 0;
}

/* Without the lock nobody else's line may be looked at but its last byte. */
static void look_unlocked(struct work *w)
{
	AUTO_FREE char *last = NULL;
	size_t len = 0;
	bool whole;

	if (!S_ISREG(w->st.st_mode) || w->st.st_size == 0)
		return;
	last = read_tail(w, (uint64_t)w->st.st_size - 1, &len, &whole);
	w->cut = last && len == 1 && *last != '\n';
}

static int prepare(struct work *w, struct err *e)
{
	if (open_log(w, e) < 0)
		return -1;
	if (!S_ISREG(w->st.st_mode)) {
		w->unchained = not_regular;
		return 0;
	}
	w->head = open_head(w->path, O_RDWR | O_CREAT);
	if (w->head < 0) {
		w->unchained = head_unusable;
	} else if (!lock(w->head, LOCK_EX, CHAIN_WAIT_MS)) {
		w->unchained = no_lock;
	} else {
		if (settle(w, e) < 0)
			return -1;
		if (!w->unchained)
			look(w);
	}
	return 0;
}

int chain_append(
	const char *path, const char *object, size_t len, struct chain_entry *out, struct err *e)
{
	__attribute__((cleanup(work_done))) struct work w = {.path = path, .log = -1, .head = -1};
	struct chain_entry x = {.line = STR_INIT};
	off_t end;

	if (len < 3 || len > CHAIN_OBJECT_MAX || object[0] != '{')
		return err_set(e, ERR_BUG, "%zu bytes are not a record", len);
	if (prepare(&w, e) < 0)
		return -1;
	if (w.unchained)
		look_unlocked(&w);
	build(&w, object, len, &x);
	if (str_failed(&x.line)) {
		chain_entry_done(&x);
		return err_nomem(e);
	}
	hash_sha256_hex(str_text(&x.line), x.line.len, x.hash);
	*out = x;
	if (write_line(&w, out, e) < 0)
		return -1;
	if (w.unchained)
		return 0;
	out->seq = ++w.at.seq;
	hash_from_hex(out->hash, w.at.hash);
	w.at.ino = (uint64_t)w.st.st_ino;
	/* O_APPEND leaves the position behind our line, also when somebody wrote without the lock */
	end = lseek(w.log, 0, SEEK_CUR);
	w.at.size = end > 0 ? (uint64_t)end : 0;
	/* one that is not written is behind, and the next writer finds our line in the log */
	(void)write_head(w.head, &w.at);
	return 0;
}

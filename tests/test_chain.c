/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_chain - every line continues the one before: from many writers, over rotation, and after each thing
 * that can go wrong with the log, the head and the writers.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/chain.h"
#include "tests/scratch.h"
#include "tests/tap.h"

static char path[256], head_path[300];

static void fresh(void)
{
	static unsigned n;

	snprintf(path, sizeof path, "%s/%u/log", scratch_dir(), n++);
	snprintf(head_path, sizeof head_path, "%s.head", path);
}

static const char *name_of(const char *file)
{
	return file + strlen(scratch_dir()) + 1;
}

static int append(unsigned n, struct chain_entry *out)
{
	struct err e = {0};
	char object[64];

	snprintf(object, sizeof object, "{\"n\":%u}", n);
	*out = (struct chain_entry){.line = STR_INIT};
	if (chain_append(path, object, strlen(object), out, &e) < 0) {
		printf("# %s\n", e.msg);
		return -1;
	}
	return 0;
}

/* Appends and gives what the new line says of its place. */
static struct chain_link put(unsigned n, enum chain_kind *kind)
{
	AUTO_CHAIN_ENTRY struct chain_entry x = {.line = STR_INIT};
	struct chain_link link = {0};
	enum chain_kind k = CHAIN_FOREIGN;

	if (append(n, &x) == 0)
		k = chain_read(str_text(&x.line), x.line.len, &link);
	if (kind)
		*kind = k;
	return link;
}

static void put_many(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		put(i, NULL);
}

static struct chain_head head_now(void)
{
	AUTO_FD int fd = open(head_path, O_RDONLY | O_CLOEXEC);
	struct chain_head h = {0};

	if (fd < 0 || !chain_read_head(fd, &h))
		h.seq = UINT64_MAX;
	return h;
}

/* ---- a strict reader: what must hold of a log nobody tampered with ---- */

struct walk {
	uint64_t seq;
	uint8_t hash[HASH_SIZE], gap[HASH_SIZE];
	size_t linked, outside, crowd,
		broken; /* crowd: of those outside, who did not get the lock */
};

static void walk_line(struct walk *w, const char *line, size_t len)
{
	struct chain_link link;
	uint8_t hash[HASH_SIZE];
	static const uint8_t none[HASH_SIZE];

	hash_sha256(line, len, hash);
	if (line[len - 1] != '}' || chain_read(line, len, &link) != CHAIN_LINKED) {
		w->outside++;
		w->crowd +=
			line[len - 1] == '}' && strcmp(link.words, "the lock was not free") == 0;
		chain_fold(w->gap, hash);
		return;
	}
	w->broken += link.seq != w->seq + 1 || memcmp(link.prev, w->hash, HASH_SIZE) != 0 ||
		     link.has_gap != (memcmp(w->gap, none, HASH_SIZE) != 0) ||
		     memcmp(link.gap, w->gap, HASH_SIZE) != 0;
	w->linked++;
	w->seq = link.seq;
	memcpy(w->hash, hash, HASH_SIZE);
	memset(w->gap, 0, HASH_SIZE);
}

static void walk_file(struct walk *w, const char *file)
{
	char *text = scratch_read(name_of(file)), *save = NULL;

	for (char *l = text ? strtok_r(text, "\n", &save) : NULL; l;
		l = strtok_r(NULL, "\n", &save))
		walk_line(w, l, strlen(l));
	free(text);
}

static struct walk walked(void)
{
	struct walk w = {0};

	walk_file(&w, path);
	return w;
}

static bool head_fits(const struct walk *w)
{
	struct chain_head h = head_now();

	return h.seq == w->seq && memcmp(h.hash, w->hash, HASH_SIZE) == 0;
}

/* ---- one writer ---- */

static void plain(void)
{
	struct chain_link link;
	enum chain_kind kind;
	struct stat st;
	struct walk w;

	fresh();
	link = put(0, &kind);
	ok(kind == CHAIN_LINKED && link.seq == 1 && link.first && !link.words[0],
		"the first line begins the chain");
	link = put(1, &kind);
	ok(kind == CHAIN_LINKED && link.seq == 2 && !link.first, "the second continues it");
	put_many(8);
	w = walked();
	ok(w.linked == 10 && w.outside + w.broken == 0 && head_fits(&w), "ten lines");
	ok(stat(head_path, &st) == 0 && (st.st_mode & 0777) == 0600, "the head is 0600");
	ok(head_now().size == (stat(path, &st) == 0 ? (uint64_t)st.st_size : 0) &&
			head_now().ino == st.st_ino,
		"the head knows the end of the log");
	chain_note_lost(path);
	chain_note_lost(path);
	put(10, NULL);
	ok(head_now().lost == 2, "what other places did not take is counted");
}

static void limits(void)
{
	static char big[CHAIN_OBJECT_MAX + 2];
	struct chain_entry x = {.line = STR_INIT};
	struct err e = {0};

	fresh();
	ok(chain_append(path, "{}", 2, &x, &e) < 0 && chain_append(path, "[1]", 3, &x, &e) < 0,
		"what is no record is not written");
	memset(big, ' ', sizeof big);
	memcpy(big, "{\"n\":1", 6);
	big[CHAIN_OBJECT_MAX - 1] = '}';
	ok(chain_append(path, big, CHAIN_OBJECT_MAX, &x, &e) == 0 && x.line.len < CHAIN_LINE_MAX,
		"the longest record");
	chain_entry_done(&x);
	ok(chain_append(path, big, CHAIN_OBJECT_MAX + 1, &x, &e) < 0, "one byte more");
}

static void edited(void)
{
	AUTO_FD int fd = -1;
	struct chain_link link;
	uint8_t was[HASH_SIZE];

	fresh();
	put_many(3);
	memcpy(was, head_now().hash, HASH_SIZE);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ok(pwrite(fd, "X", 1, (off_t)head_now().size - 3) == 1, "the last line is changed");
	link = put(3, NULL);
	ok(memcmp(link.prev, was, HASH_SIZE) == 0 && link.seq == 4,
		"the next one continues what was written, not what stands there");
}

static void old_lines(void)
{
	struct chain_link link;
	enum chain_kind kind;
	struct walk w;

	fresh();
	put(0, NULL); /* makes the directory */
	unlink(head_path);
	scratch_write(name_of(path), "{\"time\":1}\n{\"time\":2}\n");
	link = put(1, &kind);
	ok(kind == CHAIN_LINKED && link.seq == 1 && !link.first && !link.has_gap,
		"behind old lines");
	tap_same(link.words, "no head file", "and says so");
	put_many(3);
	w = walked();
	ok(w.linked == 4 && w.outside == 2, "four in the chain, two before it");
}

/* ---- the head ---- */

static void heads(void)
{
	AUTO_FREE char *good = NULL;
	size_t bad = 0, len;
	struct chain_link link;
	struct walk w;

	fresh();
	put_many(3);
	unlink(head_path);
	link = put(3, NULL);
	ok(link.seq == 4, "without a head the log itself is continued");
	tap_same(link.words, "no head file", "and the line says so");
	good = scratch_read(name_of(head_path));
	len = good ? strlen(good) : 0;
	ok(len > 100, "the head is text");
	for (size_t i = 0; i < 2 * len; i++) { /* each byte changed, each length */
		AUTO_FREE char *text = scratch_read(name_of(head_path));
		uint64_t seq = head_now().seq;

		text[i % len] = i < len ? (char)(text[i] ^ 1) : '\0';
		scratch_write(name_of(head_path), text);
		link = put(4, NULL);
		bad += link.seq != seq + 1 ||
		       strcmp(link.words, i == len ? "no head file" : "damaged head file") != 0;
	}
	w = walked();
	bad += w.broken;
	ok(bad == 0, "a damaged head is continued from the log: %zu of %zu not", bad, 2 * len);
	unlink(head_path);
	mkdir(head_path, 0700);
	{
		enum chain_kind kind;

		link = put(5, &kind);
		ok(kind == CHAIN_UNLINKED, "a head that is a directory: outside the chain");
		tap_same(link.words, "the head file cannot be opened", "and says so");
		rmdir(head_path);
		ok(symlink("/dev/null", head_path) == 0, "a link");
		put(6, &kind);
		ok(kind == CHAIN_UNLINKED, "a head that is a symbolic link is not followed");
		unlink(head_path);
		mkfifo(head_path, 0600);
		put(7, &kind);
		ok(kind == CHAIN_UNLINKED, "a head that is a FIFO does not hang");
	}
}

/* A writer that dies between its line and the head. */
static void behind(void)
{
	struct chain_link link;
	struct walk w;

	for (unsigned n = 1; n <= 3; n++) {
		AUTO_FREE char *old = NULL;

		fresh();
		put_many(2);
		old = scratch_read(name_of(head_path));
		put_many(n);
		scratch_write(name_of(head_path), old);
		link = put(9, NULL);
		w = walked();
		ok(link.seq == 3 + n && w.broken == 0 && !link.has_gap && head_fits(&w),
			"%u lines the head did not know are continued", n);
	}
}

/* What a full disk leaves, made by a limit on the file's size: cut anywhere in the line. */
static void cut(void)
{
	struct rlimit was, low;
	size_t bad = 0, tried = 0;
	struct stat st;
	struct walk w;

	fresh();
	put_many(2);
	getrlimit(RLIMIT_FSIZE, &was);
	signal(SIGXFSZ, SIG_IGN);
	for (unsigned room = 0; room < 90; room += 5) {
		struct chain_entry x = {.line = STR_INIT};
		struct err e = {0};

		stat(path, &st);
		low = was;
		low.rlim_cur = (rlim_t)st.st_size + room;
		setrlimit(RLIMIT_FSIZE, &low);
		bad += chain_append(path, "{\"n\":1}", 7, &x, &e) == 0;
		chain_entry_done(&x);
		setrlimit(RLIMIT_FSIZE, &was);
		if (room % 2) /* several cut lines in a row, too */
			put(room, NULL);
		tried++;
	}
	put(0, NULL);
	w = walked();
	ok(bad == 0, "%zu writes to a full disk fail", tried);
	ok(w.broken == 0 && w.outside >= tried / 2 && w.linked >= 2 + tried / 2,
		"what they left is vouched for by the next line: %zu cut, %zu linked", w.outside,
		w.linked);
}

/* ---- rotation ---- */

static void rotated(void)
{
	char old[300];
	struct chain_link link;
	struct walk w = {0};

	fresh();
	put_many(3);
	snprintf(old, sizeof old, "%s.1", path);
	ok(rename(path, old) == 0, "renamed");
	link = put(3, NULL);
	ok(link.seq == 4 && link.first && !link.words[0], "a new file continues the chain");
	walk_file(&w, old);
	walk_file(&w, path);
	ok(w.linked == 4 && w.broken == 0, "over both files");
	ok(truncate(path, 0) == 0, "emptied in place");
	link = put(4, NULL);
	ok(link.seq == 5 && link.first, "continued");
	put_many(2);
	ok(truncate(path, 10) == 0, "cut in the middle of a line");
	link = put(5, NULL);
	ok(link.seq == 8 && link.has_gap && !link.first, "continued behind what is left of a line");
}

/* ---- the lock ---- */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void held(void)
{
	int fds[2];
	pid_t pid;
	double began;
	char byte;
	enum chain_kind kind, free_kind;
	struct chain_link link;
	struct walk w;

	fresh();
	put_many(2);
	if (pipe(fds) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		int fd = open(head_path, O_RDWR | O_CLOEXEC);

		flock(fd, LOCK_EX);
		if (write(fds[1], "x", 1) == 1)
			raise(SIGSTOP);
		_exit(0);
	}
	ok(read(fds[0], &byte, 1) == 1 && waitpid(pid, NULL, WUNTRACED) == pid,
		"a holder of the lock is stopped");
	began = seconds();
	link = put(2, &kind);
	ok(kind == CHAIN_UNLINKED && seconds() - began < 10,
		"a writer goes on without, after %.0f ms", (seconds() - began) * 1000);
	tap_same(link.words, "the lock was not free", "and says so");
	put(3, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	link = put(4, &free_kind);
	w = walked();
	ok(free_kind == CHAIN_LINKED && link.seq == 3 && link.has_gap,
		"the next one vouches for what was written meanwhile");
	ok(w.broken == 0 && w.outside == 2 && w.linked == 3, "and the chain goes on");
	close(fds[0]);
	close(fds[1]);
}

enum { WRITERS = 50, LINES = 40 };

static void many(bool rotate)
{
	struct walk w = {0};
	char old[300];
	size_t bad = 0, files = 0;
	int status;

	fresh();
	put(0, NULL);
	for (unsigned p = 0; p < WRITERS; p++)
		if (fork() == 0) {
			for (unsigned i = 0; i < LINES; i++) {
				struct chain_entry x;

				if (append(p * LINES + i, &x) < 0 || x.seq == 0)
					_exit(1);
				chain_entry_done(&x);
			}
			_exit(0);
		}
	for (unsigned i = 0; rotate && i < 20; i++) {
		snprintf(old, sizeof old, "%s.%u", path, i + 1);
		usleep(3000);
		files += rename(path, old) == 0;
	}
	while (wait(&status) > 0)
		bad += status != 0;
	for (unsigned i = 0; rotate && i < 20; i++) {
		snprintf(old, sizeof old, "%s.%u", path, i + 1);
		walk_file(&w, old);
	}
	walk_file(&w, path);
	/* Where a holder of the lock does not run for as long as the others wait, they write outside the chain;
	 * the holder's own line, written after them, does not know. */
	ok(bad == 0 && w.linked + w.crowd == 1 + WRITERS * LINES && w.outside == w.crowd &&
			w.crowd < WRITERS * LINES / 2 && w.broken <= 2 * w.crowd && head_fits(&w),
		"%d writers, %d lines each, %zu rotations: %zu linked, %zu broken, %zu outside",
		WRITERS, LINES, files, w.linked, w.broken, w.outside);
}

static off_t size_of_log(void)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : 0;
}

/* kill -9 of writers at moments that are spread over an append. */
static void killed(void)
{
	unsigned long random = 12345;
	size_t kills = 0;
	struct walk w;

	fresh();
	put(0, NULL);
	for (int round = 0; round < 150; round++) {
		off_t before = size_of_log();
		pid_t pid = fork();

		if (pid == 0)
			for (unsigned i = 0;; i++) {
				struct chain_entry x;

				if (append(i, &x) == 0)
					chain_entry_done(&x);
			}
		while (round % 2 &&
			size_of_log() == before) /* every other one is at it, however slow */
			usleep(100);
		random = random * 1103515245 + 12345;
		usleep((useconds_t)(500 + random / 65536 % 1500));
		kills += kill(pid, SIGKILL) == 0;
		waitpid(pid, NULL, 0);
	}
	put(1, NULL);
	w = walked();
	ok(kills == 150 && w.broken == 0 && w.linked > 75 && head_fits(&w),
		"%zu writers killed: %zu linked, %zu broken, %zu outside", kills, w.linked,
		w.broken, w.outside);
}

int main(void)
{
	plain();
	limits();
	edited();
	old_lines();
	heads();
	behind();
	cut();
	rotated();
	held();
	many(false);
	many(true);
	killed();
	return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_read - the files of an audit log, oldest first, and their lines, in bounded memory.
 */
#include "shim/ctl/log_read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profiles/store.h"
#include "shim/base/cleanup.h"
#include "shim/base/num.h"

enum { FILES_MAX = 10000 };

char *log_default_file(struct err *e)
{
	AUTO_APPLIED struct applied a = {0};

	return store_open(NULL, &a, e) < 0 ? NULL : take_ptr(&a.settings.audit.path);
}

/* ---- which files ---- */

struct found {
	char *name;
	uint64_t number; /* BASE.NUMBER; 0: BASE-DATE */
};

static int by_age(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->number != y->number) /* dates before numbers, high numbers first */
		return x->number == 0 || (y->number && x->number > y->number) ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* What follows the log's name: 1 a file of it, 2 one that is packed, 0 something else. */
static int kind_of(const char *rest, uint64_t *number)
{
	size_t digits;
	char text[24];

	if (*rest != '.' && *rest != '-')
		return 0;
	/* dateext may have hours behind, "-20260131-04" */
	digits = strspn(rest + 1, *rest == '.' ? "0123456789" : "0123456789-");
	if (digits == 0 || digits >= sizeof text)
		return 0;
	memcpy(text, rest + 1, digits);
	text[digits] = '\0';
	*number = 0;
	if (*rest == '.' && !num_u64(text, UINT32_MAX, number))
		return 0;
	return rest[1 + digits] == '\0' ? 1 : rest[1 + digits] == '.' ? 2 : 0;
}

static int take_name(const char *dir, const struct dirent *d, const char *base, struct found *list,
	size_t *n, struct strv *packed)
{
	AUTO_STR struct str path = STR_INIT;
	uint64_t number;
	int kind;

	if (!str_starts(d->d_name, base))
		return 0;
	kind = kind_of(d->d_name + strlen(base), &number);
	if (kind == 0 || *n == FILES_MAX)
		return 0;
	str_addf(&path, "%s%s", dir, d->d_name);
	if (str_failed(&path))
		return -1;
	if (kind == 2)
		return strv_add(packed, str_text(&path));
	list[*n].number = number;
	list[(*n)++].name = str_take(&path);
	return 0;
}

static int list_dir(DIR *open_dir, const char *dir, const char *name, struct found *list, size_t *n,
	struct strv *packed)
{
	const struct dirent *d;

	while ((d = readdir(open_dir)))
		if (take_name(dir, d, name, list, n, packed) < 0)
			return -1;
	return 0;
}

int log_files(const char *base, struct strv *files, struct strv *packed, struct err *e)
{
	const char *slash = strrchr(base, '/');
	AUTO_FREE char *dir = slash ? strndup(base, (size_t)(slash - base) + 1) : strdup("");
	AUTO_FREE struct found *list = calloc(FILES_MAX, sizeof *list);
	size_t n = 0;
	int bad = -1;
	DIR *open_dir;

	if (!dir || !list)
		return err_nomem(e);
	open_dir = opendir(*dir ? dir : ".");
	if (!open_dir)
		return err_set(e, errno, "open %.256s", *dir ? dir : ".");
	bad = list_dir(open_dir, dir, slash ? slash + 1 : base, list, &n, packed);
	closedir(open_dir);
	qsort(list, n, sizeof *list, by_age);
	for (size_t i = 0; i < n; i++) {
		bad |= strv_add(files, list[i].name);
		free(list[i].name);
	}
	if (access(base, F_OK) == 0)
		bad |= strv_add(files, base);
	if (bad)
		return err_nomem(e);
	return files->n ? 0 : err_set(e, ENOENT, "open %.256s", base);
}

/* ---- lines ---- */

int log_reader_take(struct log_reader *r, int *fd, uint64_t size, struct err *e)
{
	*r = (struct log_reader){.fd = -1, .left = size, .buf = malloc(LOG_LINE_MAX)};
	if (!r->buf)
		return err_nomem(e);
	r->fd = take_fd(fd);
	return 0;
}

int log_reader_open(struct log_reader *r, const char *name, struct err *e)
{
	AUTO_FD int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	*r = (struct log_reader)LOG_READER_INIT;
	if (fd < 0)
		return err_set(e, errno, "open %.256s", name);
	return log_reader_take(r, &fd, UINT64_MAX, e);
}

void log_reader_done(struct log_reader *r)
{
	cleanup_fd(&r->fd);
	free(r->buf);
	*r = (struct log_reader)LOG_READER_INIT;
}

/* More bytes behind those that are there; 0 at the end. */
static ssize_t fill(struct log_reader *r, struct err *e)
{
	size_t room;
	ssize_t n;

	if (r->begin) {
		memmove(r->buf, r->buf + r->begin, r->end - r->begin);
		r->end -= r->begin;
		r->begin = 0;
	}
	room = LOG_LINE_MAX - r->end;
	if (room > r->left)
		room = (size_t)r->left;
	if (room == 0)
		return 0;
	do
		n = read(r->fd, r->buf + r->end, room);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, errno, "read");
	r->end += (size_t)n;
	if (r->left != UINT64_MAX)
		r->left -= (uint64_t)n;
	return n;
}

/* Gives the bytes up to TO; the newline at TO is taken, too, when WHOLE. */
static int give(struct log_reader *r, size_t to, bool whole, struct log_text *out)
{
	*out = (struct log_text){r->buf + r->begin, to - r->begin, whole, false};
	r->begin = to + whole;
	r->line++;
	return 1;
}

int log_reader_next(struct log_reader *r, bool more, struct log_text *out, struct err *e)
{
	size_t looked = r->begin;

	for (;;) {
		const char *stop = memchr(r->buf + looked, '\n', r->end - looked);
		size_t held = r->end - r->begin;
		ssize_t n;

		if (stop && r->skipping) {
			r->begin = looked = (size_t)(stop - r->buf) + 1;
			r->skipping = false;
			continue;
		}
		if (stop)
			return give(r, (size_t)(stop - r->buf), true, out);
		if (r->skipping)
			r->begin = r->end = held = 0;
		if (held == LOG_LINE_MAX) {
			give(r, r->end, false, out);
			out->too_long = r->skipping = true;
			return 1;
		}
		n = fill(r, e);
		if (n < 0)
			return -1;
		looked = r->begin + held;
		if (n == 0)
			return held && !more ? give(r, r->end, false, out) : 0;
	}
}

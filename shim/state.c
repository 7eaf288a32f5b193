/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state - what cinch decided for a container, kept while it lives.
 */
#include "shim/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shim/args.h"
#include "shim/base/cleanup.h"
#include "shim/base/hash.h"
#include "shim/base/io.h"
#include "shim/runtime.h"
#include "shim/state_record.h"
#include "shim/state_sweep.h"

enum {
	ROOT_HASH = 16, /* digits */
	LOCK_TRIES = 200, /* 5 ms each */
	PLAIN_ID_MAX = 200, /* leaves room for ".json" and for what else a file system may add */
};

/* Every record that may be written can be read: no value is shorter than two bytes. */
static const struct json_limits limits = {STATE_NETWORK_MAX, JSON_DEPTH_MAX, STATE_NETWORK_MAX / 2};

#define SUFFIX ".json"

/* ---- names ---- */

int state_absolute(const char *base, const char *text, char out[PATH_MAX], struct err *e)
{
	size_t used = 0;
	const char *parts[] = {*text == '/' ? "" : base, text};

	for (size_t i = 0; i < 2; i++)
		for (const char *p = parts[i]; *p;) {
			size_t n = strcspn(p, "/");

			if (n == 2 && p[0] == '.' && p[1] == '.') {
				while (used && out[--used] != '/')
					;
			} else if (n && !(n == 1 && *p == '.')) {
				if (used + n + 2 > PATH_MAX)
					return err_set(e, ENAMETOOLONG, "path %.64s", text);
				out[used++] = '/';
				memcpy(out + used, p, n);
				used += n;
			}
			p += n + (p[n] == '/');
		}
	if (!used)
		out[used++] = '/';
	out[used] = '\0';
	return 0;
}

static const char *environment(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

int state_dir(char out[PATH_MAX], struct err *e)
{
	const char *own = environment("XDG_RUNTIME_DIR");

	if (geteuid() == 0 && !io_in_user_ns()) {
		snprintf(out, PATH_MAX, "%s", STATE_DIR);
		return 0;
	}
	if (!own)
		return err_set(e, ERR_INPUT,
			"no directory for the records of containers: XDG_RUNTIME_DIR is not set, "
			"and %s belongs to the node's root",
			STATE_DIR);
	if (snprintf(out, PATH_MAX, "%s/cinch", own) >= PATH_MAX)
		return err_set(e, ENAMETOOLONG, "XDG_RUNTIME_DIR");
	return 0;
}

/* PATH has a ".." behind a name. Where the name is a link, the kernel goes up from where that leads. */
static bool goes_back(const char *path)
{
	bool named = false;

	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");
		bool up = n == 2 && p[0] == '.' && p[1] == '.';

		if (up && named)
			return true;
		named |= n && !up && !(n == 1 && *p == '.');
		p += n + (p[n] == '/');
	}
	return false;
}

int state_root(const char *runtime, const char *root, char out[PATH_MAX], struct err *e)
{
	const char *xdg = environment("XDG_RUNTIME_DIR"), *user = environment("USER");
	bool crun = runtime_is_crun(runtime);
	char cwd[PATH_MAX] = "/";

	if (!root) {
		if (!crun && geteuid() == 0 &&
			(!io_in_user_ns() || (user && strcmp(user, "root") == 0)))
			xdg = NULL;
		return state_absolute(xdg ? xdg : "/run", crun ? "crun" : "runc", out, e);
	}
	if (crun && goes_back(root))
		return err_set(e, ERR_INPUT,
			"--root %.256s: with crun it is another directory for each link on the "
			"way; write "
			"it without \"..\"",
			root);
	if (*root != '/' && !getcwd(cwd, sizeof cwd))
		return err_set(e, errno, "--root %.256s: the working directory", root);
	return state_absolute(cwd, root, out, e);
}

static void root_hash(const char *root, char out[ROOT_HASH + 1])
{
	char hex[HASH_HEX_SIZE];

	hash_sha256_hex(root, strlen(root), hex);
	memcpy(out, hex, ROOT_HASH);
	out[ROOT_HASH] = '\0';
}

/* No id has a "~" in it (args_id_ok). */
static void record_name(const char *id, char out[STATE_NAME_SIZE])
{
	size_t len = strlen(id);
	char hex[HASH_HEX_SIZE];

	if (len <= PLAIN_ID_MAX) {
		snprintf(out, STATE_NAME_SIZE, "%.*s" SUFFIX, (int)PLAIN_ID_MAX, id);
		return;
	}
	hash_sha256_hex(id, len, hex);
	snprintf(out, STATE_NAME_SIZE, "~%s" SUFFIX, hex);
}

int state_path(const char *dir, const char *root, const char *id, char out[PATH_MAX], struct err *e)
{
	char hash[ROOT_HASH + 1], name[STATE_NAME_SIZE];

	if (args_id_ok(id, e) < 0)
		return -1;
	root_hash(root, hash);
	record_name(id, name);
	if (snprintf(out, PATH_MAX, "%s/%s/%s", dir, hash, name) >= PATH_MAX)
		return err_set(e, ENAMETOOLONG, "state record in %.64s", dir);
	return 0;
}

/* ---- directories ---- */

/* The directory NAME in AT. -1 with ENOENT in E->code when there is none and !MAKE. */
static int open_dir(int at, const char *name, bool make, struct err *e)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(at, name, flags);
	struct stat st;

	if (fd < 0 && errno == ENOENT && make) {
		if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
			return err_set(e, errno, "make state directory %s", name);
		fd = openat(at, name, flags);
	}
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return err_set(e, ERR_INPUT,
			"state directory %s is not a directory; remove it, it is made anew", name);
	if (fd < 0)
		return err_set(e, errno, "open state directory %s", name);
	if (fstat(fd, &st) < 0 || !io_owner_trusted(&st)) {
		close(fd);
		return err_set(e, ERR_INPUT,
			"state directory %s: others than root may write it (owner %u, mode %04o); "
			"it "
			"is made anew when it is removed",
			name, st.st_uid, st.st_mode & 07777);
	}
	return fd;
}

/* That of ROOT below DIR. */
static int open_root(const char *dir, const char *root, bool make, struct err *e)
{
	AUTO_FD int top = open_dir(AT_FDCWD, dir, make, e);
	char hash[ROOT_HASH + 1];
	int fd;

	if (top < 0)
		return -1;
	root_hash(root, hash);
	fd = open_dir(top, hash, make, e);
	return fd < 0 ? err_wrap(e, "%s", dir) : fd;
}

/*
 * The same of a --root, with the NAME that ID's record has in it; OWN is where that root is. For those who do
 * nothing when there is none: state_read has to know why, since a root that cannot be told is no missing record.
 */
int state_open(const char *dir, const char *root, const char *id, char own[PATH_MAX],
	char name[STATE_NAME_SIZE])
{
	struct err e;
	int fd;

	if (args_id_ok(id, &e) < 0 || state_root(NULL, root, own, &e) < 0)
		return -1;
	fd = open_root(dir, own, false, &e);
	if (fd >= 0)
		record_name(id, name);
	return fd;
}

/* What is not there is no failure. */
static int absent_or(const struct err *why, struct err *e)
{
	if (why->code == ENOENT)
		return 0;
	*e = *why;
	return -1;
}

/* ---- writing ---- */

/* As io_replace_at, but what a crash of the node leaves of it does not matter: the directory is gone
 * with the node. */
int state_replace(int dir, const char *name, const struct str *text, struct err *e)
{
	AUTO_FD int fd = -1;
	char temp[64];

	for (unsigned i = 0; i < 100; i++) {
		snprintf(temp, sizeof temp, STATE_TEMP "%d-%u", getpid(), i);
		fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			break;
	}
	if (fd < 0)
		return err_set(e, errno, "make %s", temp);
	if (io_write_all(fd, text->s, text->len, e) < 0) {
		unlinkat(dir, temp, 0);
		return -1;
	}
	if (renameat(dir, temp, dir, name) < 0) {
		err_set(e, errno, "rename %s", temp);
		unlinkat(dir, temp, 0);
		return -1;
	}
	return 0;
}

/* ---- one start at a time ---- */

/* Nobody holds it for longer than it takes to write a record. It goes with FD. */
int state_lock(int fd, struct err *e)
{
	const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_set(e, errno, "lock the state directory");
		nanosleep(&pause, NULL);
	}
	return err_set(e, ETIMEDOUT, "another process holds the lock of the state directory");
}

/*
 * ID of ROOT is free: the runtime has none of it, and no other start of it is on its way. Of two at the same
 * moment the runtime lets one through, and the record has to be that one's.
 */
static int check_free(int fd, const char *name, const char *root, const char *id, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;
	struct stat st;
	struct err why;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		time(NULL) - st.st_mtim.tv_sec < STATE_YOUNG &&
		state_load(fd, name, &doc, &why) == 0 && state_in_flight(json_root(doc)))
		return err_set(e, EBUSY, "container %.64s: another start of it is on its way", id);
	if (!state_unknown(root, id, strlen(id)))
		return err_set(e, EEXIST,
			"container %.64s: the runtime has one of this id in %.256s; delete it, or "
			"choose "
			"another id",
			id, root);
	return 0;
}

int state_write(const char *dir, const struct state_facts *f, struct err *e)
{
	AUTO_STR struct str text = STR_INIT;
	AUTO_FD int fd = -1;
	char root[PATH_MAX], name[STATE_NAME_SIZE];
	size_t bad;

	if (args_id_ok(f->id, e) < 0 || state_root(f->runtime, f->root, root, e) < 0)
		return -1;
	if (!json_utf8_ok(root, strlen(root), &bad)) /* it has to be found again by its text */
		return err_set(e, ERR_INPUT, "--root %s is not UTF-8", root);
	if (state_record(f, root, &text, e) < 0)
		return -1;
	fd = open_root(dir, root, true, e);
	if (fd < 0)
		return -1;
	record_name(f->id, name);
	if (state_lock(fd, e) < 0 || (f->starts && check_free(fd, name, root, f->id, e) < 0))
		return -1;
	if (state_replace(fd, name, &text, e) < 0)
		return err_wrap(e, "state record %s/.../%s", dir, name);
	state_sweep_some(fd, root);
	return 0;
}

void state_forget(const char *dir, const char *root, const char *id)
{
	char own[PATH_MAX], name[STATE_NAME_SIZE];
	AUTO_FD int fd = state_open(dir, root, id, own, name);

	if (fd >= 0)
		unlinkat(fd, name, 0);
}

void state_collect(const char *dir, const char *root, const char *id)
{
	char own[PATH_MAX], name[STATE_NAME_SIZE];
	AUTO_FD int fd = state_open(dir, root, id, own, name);

	if (fd < 0)
		return;
	state_sweep_deleted(fd, own, name);
	state_sweep_some(fd, own);
}

/* ---- reading ---- */

static int check_owner(int fd, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "stat");
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "it is not a regular file");
	if (!io_owner_trusted(&st))
		return err_set(e, ERR_INPUT, "others than root may write it (owner %u, mode %04o)",
			st.st_uid, st.st_mode & 07777);
	return 0;
}

/* What readers rely on, so that none of them has to ask again. */
static int check_record(const struct json *r, struct err *e)
{
	uint64_t version;

	if (!json_is(r, JSON_OBJECT))
		return err_set(e, ERR_INPUT, "not an object");
	if (!json_u64(json_get(r, "version"), UINT64_MAX, &version))
		return err_set(e, ERR_INPUT, "it has no version");
	if (version != STATE_VERSION)
		return err_set(e, ERR_INPUT,
			"version %ju was written by another cinch; this one knows version %d",
			(uintmax_t)version, STATE_VERSION);
	if (!json_str(json_get(r, "id")) || !json_str(json_get(r, "root")) ||
		!json_str(json_get(r, "created")) || !json_str(json_get(r, "engine")) ||
		!json_is(json_get(r, "profiles"), JSON_ARRAY) ||
		!json_is(json_get(r, "enforced"), JSON_BOOL))
		return err_set(e, ERR_INPUT, "members are missing");
	return args_id_ok(json_str(json_get(r, "id")), e);
}

/* The record NAME as it is, of this version or not. */
static int load(int dir, const char *name, struct json_doc **out, struct err *e)
{
	AUTO_FD int fd =
		openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_FREE char *text = NULL;
	size_t len;

	if (fd < 0 && errno == ELOOP)
		return err_set(e, ERR_INPUT, "it is a symbolic link");
	if (fd < 0 &&
		errno == ENXIO) /* a socket: one that cannot be opened must not hide the others */
		return err_set(e, ERR_INPUT, "it is not a regular file");
	if (fd < 0)
		return err_set(e, errno, "open");
	if (check_owner(fd, e) < 0 || io_read_all(fd, STATE_NETWORK_MAX, &text, &len, e) < 0 ||
		json_parse(text, len, &limits, JSON_STRICT, &doc, e) < 0)
		return -1;
	*out = take_ptr(&doc);
	return 0;
}

int state_load(int dir, const char *name, struct json_doc **out, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;

	if (load(dir, name, &doc, e) < 0 || check_record(json_root(doc), e) < 0)
		return -1;
	*out = take_ptr(&doc);
	return 0;
}

int state_read(
	const char *dir, const char *root, const char *id, struct json_doc **out, struct err *e)
{
	char own[PATH_MAX], name[STATE_NAME_SIZE];
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_FD int fd = -1;
	struct err why = {0};

	if (args_id_ok(id, e) < 0 || state_root(NULL, root, own, e) < 0)
		return -1;
	*out = NULL;
	fd = open_root(dir, own, false, &why);
	if (fd < 0)
		return absent_or(&why, e);
	record_name(id, name);
	if (state_load(fd, name, &doc, &why) < 0) {
		err_wrap(&why, "state record %s/.../%s", dir, name);
		return absent_or(&why, e);
	}
	if (strcmp(json_str(json_get(json_root(doc), "id")), id) != 0 ||
		strcmp(json_str(json_get(json_root(doc), "root")), own) != 0)
		return err_set(e, ERR_INPUT, "state record %s/.../%s is that of another container",
			dir, name);
	*out = take_ptr(&doc);
	return 0;
}

/* ---- all of them ---- */

static int put_bad(struct strv *bad, const char *hash, const char *name, struct err *e)
{
	AUTO_STR struct str shown = STR_INIT;

	str_addf(&shown, "%s/%s", hash, name);
	return str_failed(&shown) || strv_add(bad, str_text(&shown)) < 0 ? err_nomem(e) : 0;
}

/* One record of the directory HASH; what is not that of a container at its place is damaged. */
static int visit(int fd, const char *hash, const char *name,
	int (*fn)(const struct json *record, void *arg, struct err *e), void *arg, struct strv *bad,
	struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;
	char want[STATE_NAME_SIZE], own[ROOT_HASH + 1];
	struct err why = {0};

	if (state_load(fd, name, &doc, &why) == 0) {
		const struct json *r = json_root(doc);

		record_name(json_str(json_get(r, "id")), want);
		root_hash(json_str(json_get(r, "root")), own);
		if (strcmp(want, name) == 0 && strcmp(own, hash) == 0)
			return fn(r, arg, e);
	} else if (why.code == ENOENT) {
		return 0; /* gone while we looked */
	} else if (why.code > 0) {
		*e = why;
		return err_wrap(e, "state record %s/%s", hash, name);
	}
	return put_bad(bad, hash, name, e);
}

static DIR *list(int fd, struct err *e)
{
	int own = dup(fd);
	DIR *d = own < 0 ? NULL : fdopendir(own);

	if (!d) {
		err_set(e, errno, "list the state directory");
		if (own >= 0)
			close(own);
	}
	return d;
}

static void cleanup_list(DIR **d)
{
	if (*d)
		closedir(*d);
}
#define AUTO_LIST __attribute__((cleanup(cleanup_list)))

static bool is_root_hash(const char *name)
{
	return strspn(name, "0123456789abcdef") == ROOT_HASH && !name[ROOT_HASH];
}

static int each_of_root(int fd, const char *hash,
	int (*fn)(const struct json *record, void *arg, struct err *e), void *arg, struct strv *bad,
	struct err *e)
{
	AUTO_LIST DIR *d = list(fd, e);

	if (!d)
		return -1;
	for (struct dirent *entry; (entry = readdir(d));)
		if (str_ends(entry->d_name, SUFFIX) &&
			visit(fd, hash, entry->d_name, fn, arg, bad, e) < 0)
			return -1;
	return 0;
}

int state_each(const char *dir, int (*fn)(const struct json *record, void *arg, struct err *e),
	void *arg, struct strv *bad, struct err *e)
{
	struct err why = {0};
	AUTO_FD int top = open_dir(AT_FDCWD, dir, false, &why);
	AUTO_LIST DIR *d = NULL;

	if (top < 0)
		return absent_or(&why, e);
	d = list(top, e);
	if (!d)
		return -1;
	for (struct dirent *entry; (entry = readdir(d));) {
		AUTO_FD int fd = -1;

		if (!is_root_hash(entry->d_name))
			continue;
		fd = open_dir(top, entry->d_name, false, e);
		if (fd < 0)
			return err_wrap(e, "%s", dir);
		if (each_of_root(fd, entry->d_name, fn, arg, bad, e) < 0)
			return -1;
	}
	return 0;
}

/* What is the root of a directory of records, any whole record in it says. */
static int collect_root(const struct json *record, void *arg, struct err *e)
{
	struct strv *roots = arg;
	const char *root = json_str(json_get(record, "root"));

	if (strv_has(roots, root))
		return 0;
	return strv_add(roots, root) < 0 ? err_nomem(e) : 0;
}

/* One of another version names it, too; the directory's own name says whether that is right. */
static int collect_other_root(const char *dir, const char *shown, struct strv *roots, struct err *e)
{
	AUTO_FD int top = open_dir(AT_FDCWD, dir, false, e), fd = -1;
	AUTO_JSON struct json_doc *doc = NULL;
	char hash[ROOT_HASH + 1] = "", own[ROOT_HASH + 1];
	struct err why = {0};
	const char *root;

	memcpy(hash, shown, ROOT_HASH);
	fd = top < 0 ? -1 : open_dir(top, hash, false, &why);
	if (fd < 0 || load(fd, shown + ROOT_HASH + 1, &doc, &why) < 0)
		return why.code == ENOMEM ? err_nomem(e) : 0;
	root = json_str(json_get(json_root(doc), "root"));
	if (!root)
		return 0;
	root_hash(root, own);
	return strcmp(own, hash) == 0 ? collect_root(json_root(doc), roots, e) : 0;
}

int state_sweep(const char *dir, struct err *e)
{
	AUTO_STRV struct strv bad = {0}, roots = {0};
	int rc = state_each(dir, collect_root, &roots, &bad, e);

	for (size_t i = 0; rc == 0 && i < bad.n; i++)
		rc = collect_other_root(dir, bad.v[i], &roots, e);
	for (size_t i = 0; rc == 0 && i < roots.n; i++) {
		struct err why = {0};
		AUTO_FD int fd = open_root(dir, roots.v[i], false, &why);

		rc = fd < 0 ? absent_or(&why, e) : state_sweep_all(fd, roots.v[i], e);
	}
	return rc;
}

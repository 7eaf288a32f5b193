/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep - a change of segments' sets, brought into every namespace whose rules mention them.
 */
#include "netseg/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netseg/encode.h"
#include "netseg/nlsock.h"
#include "netseg/space.h"
#include "shim/base/cleanup.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

enum {
	THREADS_MAX = 4,
	PLACES_EACH = 48, /* namespaces for which another thread pays */
	FILES_SPARE = 64, /* descriptors that others of this process may need */
};

/* ---- into a namespace ---- */

static int gone(struct err *e)
{
	return err_set(e, ESRCH, "its process");
}

static bool right_cookie(int nl, uint64_t cookie)
{
	uint64_t got = 0;
	socklen_t len = sizeof got;

	return getsockopt(nl, SOL_SOCKET, SO_NETNS_COOKIE, &got, &len) == 0 && got == cookie;
}

/*
 * By a descriptor of the process, which is half the cost of looking up its files; that the namespace is the right one
 * the cookie says. 0: this kernel cannot, or does not let us.
 */
static int enter_by_pidfd(const struct roster_line *l, struct err *e)
{
	AUTO_FD int fd = -1;

	if (!l->ns.cookie)
		return 0;
	fd = (int)syscall(SYS_pidfd_open, l->pid, 0);
	if (fd < 0 && (errno == ESRCH || errno == EINVAL)) /* EINVAL: it is a thread's number now */
		return gone(e);
	if (fd < 0)
		return 0;
	/* ESRCH may be that of its first thread alone */
	return setns(fd, CLONE_NEWNET) == 0;
}

static int enter_by_path(const struct roster_line *l, struct err *e)
{
	AUTO_FD int fd = -1;
	struct stat st;
	struct err why;

	if (netns_of(l->pid, &fd, &why) < 0) {
		if (why.code == ENOENT || why.code == ESRCH || why.code == ERR_INPUT)
			return gone(e);
		*e = why;
		return -1;
	}
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "stat the namespace of process %d", l->pid);
	if (st.st_ino != l->ns.ino || st.st_dev != l->ns.dev)
		return gone(e);
	if (setns(fd, CLONE_NEWNET) < 0)
		return err_set(e, errno, "enter the namespace of process %d", l->pid);
	return 0;
}

int sweep_enter(const struct roster_line *l, struct err *e)
{
	AUTO_FD int nl = -1;
	int way = enter_by_pidfd(l, e);

	if (way < 0 || (way == 0 && enter_by_path(l, e) < 0))
		return -1;
	nl = nlsock_open(NETLINK_NETFILTER, e);
	if (nl < 0)
		return -1;
	if (l->ns.cookie && !right_cookie(nl, l->ns.cookie))
		return gone(e);
	return take_fd(&nl);
}

/* Its process lives, but has left the namespace: its rules still hold what it left behind. E as sweep_enter set it. */
static int enter_left(const struct registry *r, const struct roster_line *l, struct err *e)
{
	AUTO_NET_ENTRY struct net_entry n = {0};
	struct err why;
	int nl;

	if (registry_get(r, l->key, &n, &why) < 0 || !registry_lives(&n) ||
		!netns_same(&n.ns, &l->ns))
		return -1;
	if (space_socket(r, &l->ns, &nl, &why) == 0)
		return nl;
	if (why.code != ENOENT)
		*e = why;
	return -1;
}

/* ---- what is to be done where ---- */

struct job {
	const struct registry *registry;
	struct roster *r;
	const struct roster_changes *c;
	struct roster_line **lines; /* sorted by namespace */
	size_t *first; /* of each namespace in it; one more than there are */
	size_t n_places;
	bool removes; /* sockets are closed at the end */
	size_t held_max; /* of each thread */
	_Atomic size_t next, found, troubles;
	pthread_mutex_t lock; /* of: */
	struct err *why;
};

struct worker {
	struct job *job;
	struct batch batch; /* for namespaces that mention those of MENTIONED */
	bool *mentioned, *now; /* for each change */
	bool ready; /* BATCH is made */
	int *held;
	size_t n_held;
	struct err e;
};

static int place_order(const void *a, const void *b)
{
	const struct netns_id *x = &(*(struct roster_line *const *)a)->ns;
	const struct netns_id *y = &(*(struct roster_line *const *)b)->ns;

	if (x->cookie != y->cookie)
		return x->cookie < y->cookie ? -1 : 1;
	if (x->cookie)
		return 0;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->dev < y->dev ? -1 : x->dev > y->dev;
}

static bool mentions_any(const struct roster_line *l, const struct roster_changes *c)
{
	for (size_t i = 0; l->mentions.n && i < c->n; i++)
		if (strv_has(&l->mentions, c->v[i].segment))
			return true;
	return false;
}

/* Of those whom nothing concerns nobody is visited: most often there is no thread to begin. */
static int find_places(struct job *j, struct err *e)
{
	size_t n = 0;

	j->lines = calloc(j->r->n + 1, sizeof *j->lines);
	j->first = calloc(j->r->n + 1, sizeof *j->first);
	if (!j->lines || !j->first)
		return err_nomem(e);
	for (size_t i = 0; i < j->r->n; i++)
		if (!j->r->v[i].gone && mentions_any(&j->r->v[i], j->c))
			j->lines[n++] = &j->r->v[i];
	if (n)
		qsort(j->lines, n, sizeof *j->lines, place_order);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || place_order(&j->lines[i - 1], &j->lines[i]) != 0)
			j->first[j->n_places++] = i;
	j->first[j->n_places] = n;
	return 0;
}

/* Which changes concern the place; false: none. */
static bool concerned(struct worker *w, size_t place)
{
	const struct job *j = w->job;
	bool any = false;

	memset(w->now, 0, j->c->n);
	for (size_t i = j->first[place]; i < j->first[place + 1]; i++)
		for (size_t k = 0; k < j->c->n; k++)
			if (strv_has(&j->lines[i]->mentions, j->c->v[k].segment))
				any = w->now[k] = true;
	return any;
}

/* For the segments of w->now; the same as for the namespace before, most often. */
static int make_batch(struct worker *w, struct err *e)
{
	const struct roster_changes *c = w->job->c;
	AUTO_FREE struct set_change *v = NULL;
	AUTO_FREE char(*names)[NET_NAME_SIZE] = NULL;
	size_t n = 0;

	if (w->ready && memcmp(w->now, w->mentioned, c->n) == 0)
		return 0;
	batch_done(&w->batch);
	batch_init(&w->batch);
	w->ready = false;
	v = calloc(2 * c->n, sizeof *v);
	names = calloc(2 * c->n, sizeof *names);
	if (!v || !names)
		return err_nomem(e);
	for (size_t i = 0; i < 2 * c->n; i++) {
		const struct roster_change *x = &c->v[i / 2];
		bool four = i % 2 == 0;

		if (!w->now[i / 2])
			continue;
		snprintf(names[n], NET_NAME_SIZE, "segment_%s_%c", x->segment, four ? '4' : '6');
		v[n] = (struct set_change){
			names[n], four ? NET_T_ADDR4 : NET_T_ADDR6, &x->add, &x->remove};
		n++;
	}
	if (encode_changes(&w->batch, v, n, e) < 0)
		return -1;
	memcpy(w->mentioned, w->now, c->n);
	w->ready = true;
	return 0;
}

static void trouble(struct job *j, const char *key, struct err *e)
{
	err_wrap(e, "container %s", key);
	pthread_mutex_lock(&j->lock);
	if (j->troubles++ == 0 && j->why)
		*j->why = *e;
	pthread_mutex_unlock(&j->lock);
}

static void release(struct worker *w)
{
	while (w->n_held)
		close(w->held[--w->n_held]);
}

static void visit(struct worker *w, size_t place)
{
	struct job *j = w->job;
	struct err e = {0};

	for (size_t i = j->first[place]; i < j->first[place + 1]; i++) {
		struct roster_line *l = j->lines[i];
		AUTO_FD int nl = sweep_enter(l, &e);

		if (nl < 0 && e.code == ESRCH)
			nl = enter_left(j->registry, l, &e);
		if (nl < 0 && e.code == ESRCH) {
			l->gone = true; /* no other thread looks at the lines of this place */
			j->found++;
			continue;
		}
		if (nl < 0 || nlsock_commit(nl, &w->batch, &e) < 0)
			trouble(j, l->key, &e);
		if (nl >= 0 && j->removes) {
			if (w->n_held == j->held_max)
				release(w);
			w->held[w->n_held++] = take_fd(&nl);
		}
		return;
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct job *j = w->job;
	size_t place;

	while ((place = j->next++) < j->n_places)
		if (concerned(w, place)) {
			if (make_batch(w, &w->e) < 0)
				break;
			visit(w, place);
		}
	release(w);
	return NULL;
}

/* ---- threads ---- */

static int worker_init(struct worker *w, struct job *j)
{
	w->job = j;
	batch_init(&w->batch);
	w->mentioned = calloc(j->c->n, 1);
	w->now = calloc(j->c->n, 1);
	w->held = calloc(j->held_max, sizeof *w->held);
	return w->mentioned && w->now && w->held ? 0 : -1;
}

static void worker_done(struct worker *w)
{
	batch_done(&w->batch);
	free(w->mentioned);
	free(w->now);
	free(w->held);
}

/* How many sockets each of N threads may hold. */
static size_t files_each(size_t n)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return 1;
	if (l.rlim_cur < l.rlim_max) {
		struct rlimit more = {l.rlim_max, l.rlim_max};

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			l = more;
	}
	if (l.rlim_cur > 1 << 16)
		l.rlim_cur = 1 << 16;
	return l.rlim_cur > FILES_SPARE + 4 * n ? (l.rlim_cur - FILES_SPARE) / n : 1;
}

static size_t threads_for(size_t places)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = 1 + places / PLACES_EACH;

	if (cpus > 0 && n > (size_t)cpus)
		n = (size_t)cpus;
	return n < THREADS_MAX ? n : THREADS_MAX;
}

static int run(struct job *j, struct err *e)
{
	struct worker w[THREADS_MAX] = {0};
	pthread_t thread[THREADS_MAX];
	size_t n = threads_for(j->n_places), began = 0;
	int rc = 0, failed = 0;

	j->held_max = files_each(n);
	if (j->held_max > j->n_places)
		j->held_max = j->n_places;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = worker_init(&w[i], j);
	if (rc < 0)
		err_nomem(e);
	while (rc == 0 && began < n && !failed) {
		failed = pthread_create(&thread[began], NULL, work, &w[began]);
		began += !failed;
	}
	if (rc == 0 && !began)
		rc = err_set(e, failed, "begin a thread");
	for (size_t i = 0; i < began; i++) {
		pthread_join(thread[i], NULL);
		if (w[i].e.code && rc == 0) {
			*e = w[i].e;
			rc = -1;
		}
	}
	for (size_t i = 0; i < n; i++)
		worker_done(&w[i]);
	return rc;
}

int sweep(const struct registry *registry, struct roster *r, const struct roster_changes *c,
	size_t *found, struct err *why, struct err *e)
{
	struct job j = {.registry = registry,
		.r = r,
		.c = c,
		.why = why,
		.lock = PTHREAD_MUTEX_INITIALIZER};
	int rc = 0;

	for (size_t i = 0; i < c->n; i++)
		j.removes |= c->v[i].remove.n > 0;
	*found = 0;
	if (c->n)
		rc = find_places(&j, e);
	if (rc == 0 && j.n_places)
		rc = run(&j, e);
	if (j.troubles > 1)
		err_wrap(why, "%zu containers, the first", (size_t)j.troubles);
	*found = j.found;
	free(j.lines);
	free(j.first);
	return rc;
}

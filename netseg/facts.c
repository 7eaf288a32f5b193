/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts - what there is to be found out about a container before its rules can be made.
 */
#include "netseg/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netseg/nlsock.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"

#define NODE_RESOLV_CONF "/etc/resolv.conf"
/* What systemd-resolved itself asks; resolv.conf only names its stub then. */
#define RESOLVED_CONF "/run/systemd/resolve/resolv.conf"

enum { RESOLV_CONF_MAX = 64 * 1024 };

/* ---- resolvers ---- */

static int add_all(struct addrs *to, const struct addrs *from, struct err *e)
{
	for (size_t i = 0; i < from->n; i++)
		if (addrs_add(to, &from->v[i]) < 0)
			return err_nomem(e);
	return 0;
}

/* It may lie where a container can put another in its place: what is no file is not opened, for that alone may do
 * something, and no process' view of files is gone through. */
static int open_file(const char *path)
{
	AUTO_FD int at = io_open_no_magic(AT_FDCWD, path, O_PATH);
	char again[32];
	struct stat st;

	if (at < 0 || fstat(at, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	snprintf(again, sizeof again, "/proc/self/fd/%d", at);
	return open(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/* Nameservers of the file PATH; one that is not there, or no file, has none. */
static int add_file(struct addrs *to, const char *path, struct err *e)
{
	AUTO_FD int fd = open_file(path);
	AUTO_FREE char *text = NULL;
	size_t len;

	if (fd < 0)
		return 0;
	if (io_read_all(fd, RESOLV_CONF_MAX, &text, &len, e) < 0)
		return err_wrap(e, "%s", path);
	return net_resolv_conf(text, to) < 0 ? err_nomem(e) : 0;
}

static bool has(const struct addrs *l, const uint8_t bytes[4])
{
	struct addr a = {.family = AF_INET, .prefix = 32};

	memcpy(a.bytes, bytes, 4);
	return addrs_has(l, &a);
}

int facts_resolvers(const struct net_want *w, struct addrs *out, struct err *e)
{
	static const uint8_t docker[4] = {127, 0, 0, 11}, resolved[4] = {127, 0, 0, 53};

	if (add_all(out, &w->resolvers, e) < 0 ||
		(w->resolv_conf && add_file(out, w->resolv_conf, e) < 0))
		return -1;
	/* Docker's embedded resolver asks the node's from sockets inside the container's namespace */
	if (has(out, docker) && add_file(out, NODE_RESOLV_CONF, e) < 0)
		return -1;
	return has(out, docker) && has(out, resolved) ? add_file(out, RESOLVED_CONF, e) : 0;
}

/* ---- what the namespace knows ---- */

struct seen {
	struct netns_id id;
	struct addrs addresses, gateways;
	struct addrs node; /* of the node, when none are configured */
	int nl;
};

static void seen_done(struct seen *s)
{
	addrs_done(&s->addresses);
	addrs_done(&s->gateways);
	addrs_done(&s->node);
	cleanup_fd(&s->nl);
}

static int look_around(struct seen *s, struct err *e)
{
	s->nl = nlsock_open(NETLINK_NETFILTER, e);
	return s->nl < 0 || netns_look(&s->addresses, &s->gateways, e) < 0 ? -1 : 0;
}

/* And before at this namespace, which is the node's: there may be no way back (netns_leave). */
static int look_inside(int ns, const struct net_want *want, struct seen *s, struct err *e)
{
	int back, rc;

	if (want->node.n == 0 && netns_look(&s->node, NULL, e) < 0)
		return -1;
	if (netns_enter(ns, &back, &s->id, e) < 0)
		return -1;
	rc = look_around(s, e);
	return netns_leave(&back, rc < 0 ? NULL : e) < 0 ? -1 : rc;
}

/* What N has of S. */
static int take_over(struct net_entry *n, const struct seen *s, struct err *e)
{
	AUTO_ADDRS struct addrs addresses = {0}, hosts = {0};

	/* the addresses of a container in the host's namespace are the node's, not its own */
	if ((!n->host && add_all(&addresses, &s->addresses, e) < 0) ||
		add_all(&hosts, &s->gateways, e) < 0 || add_all(&hosts, &n->want.node, e) < 0 ||
		add_all(&hosts, &s->node, e) < 0)
		return -1;
	addrs_done(&n->addresses);
	addrs_done(&n->hosts);
	n->addresses = addresses;
	n->hosts = hosts;
	addresses = hosts = (struct addrs){0};
	n->late = !n->host && n->addresses.n == 0;
	return 0;
}

int facts_again(struct net_entry *n, int *nl, struct err *e)
{
	__attribute__((cleanup(seen_done))) struct seen s = {.nl = -1};
	AUTO_FD int ns = -1;

	if (netns_of(n->pid, &ns, e) < 0 || look_inside(ns, &n->want, &s, e) < 0)
		return -1;
	if (!netns_same(&s.id, &n->ns))
		return err_set(e, ERR_INPUT,
			"process %d is in another network namespace than its rules", (int)n->pid);
	if (take_over(n, &s, e) < 0)
		return -1;
	if (nl)
		*nl = take_fd(&s.nl);
	return 0;
}

/* ---- all of it ---- */

static int copy_asked(const struct net_ask *a, struct net_entry *n, struct err *e)
{
	n->id = strdup(a->id);
	n->root = strdup(a->root);
	n->record = strdup(a->record ? a->record : "");
	n->network = json_new();
	if (!n->id || !n->root || !n->record || !n->network)
		return err_nomem(e);
	json_set_root(n->network, json_clone(n->network, a->network));
	if (!json_root(n->network))
		return err_nomem(e);
	n->pid = a->pid;
	return registry_key(a->root, a->id, n->key, e) < 0 ||
			       net_want_read(json_root(n->network), &n->want, e) < 0
		       ? -1
		       : 0;
}

/*
 * Who runs may have moved itself (where cgroups are its own to write): rules for the cgroup it is in now would be for
 * some of its sockets.
 */
static bool where_it_was_put(const struct cgroup_place *c, const char *put)
{
	static const char *const roots[] = {"", "/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

	for (size_t i = 0; put && i < sizeof roots / sizeof *roots; i++)
		if (str_starts(put, roots[i]) && strcmp(put + strlen(roots[i]), c->path) == 0)
			return true;
	return false;
}

static int find_cgroup(const struct net_ask *a, struct net_entry *n, struct err *e)
{
	struct err why = {0};

	if (cgroup_of(n->pid, &n->cgroup, &why, e) < 0)
		return -1;
	if (a->runs && n->cgroup.id != 0 && !where_it_was_put(&n->cgroup, a->cgroup)) {
		n->cgroup = (struct cgroup_place){0};
		err_set(&why, ERR_INPUT, "its process is not in the cgroup that its runtime %s",
			a->cgroup ? "has put it in" : "would have to tell");
	}
	if (n->host && n->cgroup.id == 0)
		return err_set(e, ERR_INPUT,
			"network of the host: rules cannot tell this container from the host: %s",
			why.msg);
	return 0;
}

/* The same of its network: rules in one that it made for itself would hold nobody else of the container. */
static int check_not_left(const struct net_ask *a, const struct net_entry *n, int ns, struct err *e)
{
	AUTO_FD int given = -1;
	struct stat is, was;
	bool left;

	if (!a->runs)
		return 0;
	if (n->want.netns) {
		if (netns_open(n->want.netns, &given, e) < 0)
			return -1;
		if (fstat(ns, &is) < 0 || fstat(given, &was) < 0)
			return err_set(e, errno, "stat a network namespace");
		left = is.st_ino != was.st_ino || is.st_dev != was.st_dev;
	} else if (netns_is_below(ns, &left, e) < 0) {
		return -1;
	}
	return left ? err_set(e, ERR_INPUT,
			      "its process may have left the network namespace it was put in: "
			      "start it "
			      "again")
		    : 0;
}

int facts_find(const struct net_ask *a, struct net_entry *out, int *nl, struct err *e)
{
	__attribute__((cleanup(seen_done))) struct seen s = {.nl = -1};
	AUTO_NET_ENTRY struct net_entry n = {0};
	AUTO_FD int ns = -1;

	if (copy_asked(a, &n, e) < 0 || netns_of(n.pid, &ns, e) < 0 ||
		netns_is_host(ns, &n.host, e) < 0 || check_not_left(a, &n, ns, e) < 0)
		return -1;
	n.started = netns_started(n.pid);
	if (n.started == 0)
		return err_set(e, ERR_INPUT, "process %d is gone", (int)n.pid);
	if (find_cgroup(a, &n, e) < 0 || facts_resolvers(&n.want, &n.resolvers, e) < 0 ||
		look_inside(ns, &n.want, &s, e) < 0)
		return -1;
	n.ns = s.id;
	if (take_over(&n, &s, e) < 0)
		return -1;
	*nl = take_fd(&s.nl);
	*out = n;
	n = (struct net_entry){0};
	return 0;
}

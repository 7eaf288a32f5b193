/* SPDX-License-Identifier: Apache-2.0 */
/*
 * space - the containers of one network namespace, and the change of its table that makes it so.
 */
#include "netseg/space.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netseg/encode.h"
#include "netseg/members.h"
#include "netseg/mend.h"
#include "netseg/nlmsg.h"
#include "netseg/nlsock.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/num.h"

#define NOBODY "shared" /* owner of what is for sockets of no known container */

enum { MOUNTS_MAX = 16 << 20 };

void space_done(struct space *p)
{
	net_space_done(&p->s);
	for (size_t i = 0; i < p->n; i++)
		net_entry_done(&p->entries[i]);
	free(p->entries);
	*p = (struct space){0};
}

/* ---- who is in it ---- */

static int copy_addrs(struct addrs *to, const struct addrs *from, struct err *e)
{
	for (size_t i = 0; i < from->n; i++)
		if (addrs_add(to, &from->v[i]) < 0)
			return err_nomem(e);
	return 0;
}

static int add_container(struct space *p, const struct net_entry *n, struct err *e)
{
	struct net_container *more =
		reallocarray(p->s.containers, p->s.n + 1, sizeof *p->s.containers);

	if (!more)
		return err_nomem(e);
	p->s.containers = more;
	more += p->s.n++;
	*more = (struct net_container){
		.want = &n->want, .cgroup = n->cgroup.id, .level = n->cgroup.level};
	memcpy(more->key, n->key, sizeof more->key);
	return copy_addrs(&more->resolvers, &n->resolvers, e) < 0 ||
			       copy_addrs(&more->hosts, &n->hosts, e) < 0
		       ? -1
		       : 0;
}

/* ENOENT: it is gone. A damaged one might be of somebody who runs. */
static int read_entry(
	const struct registry *r, const char *key, struct net_entry *out, struct err *e)
{
	int rc = registry_get(r, key, out, e);

	if (rc == 0 || e->code != ERR_INPUT)
		return rc;
	rc = mend(r, key, out, e);
	if (rc > 0)
		return 0;
	if (rc < 0)
		return err_wrap(e, "container %s in the same network namespace", key);
	if (r->lock >= 0 && registry_drop(r, key, e) < 0)
		return -1;
	return err_set(e, ENOENT, "container %s", key);
}

/* The entries of KEYS that count. */
static int read_entries(const struct registry *r, const struct strv *keys,
	const struct net_entry *with, const char *without, struct space *p, struct err *e)
{
	p->entries = calloc(keys->n + 1, sizeof *p->entries);
	if (!p->entries)
		return err_nomem(e);
	for (size_t i = 0; i < keys->n; i++) {
		const char *key = keys->v[i];

		if ((with && strcmp(key, with->key) == 0) || (without && strcmp(key, without) == 0))
			continue;
		if (read_entry(r, key, &p->entries[p->n], e) < 0) {
			if (e->code == ENOENT)
				continue;
			return -1;
		}
		if (p->entries[p->n].installed && registry_lives(&p->entries[p->n]))
			p->n++;
		else
			net_entry_done(&p->entries[p->n]);
	}
	return 0;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(
		((const struct net_container *)a)->key, ((const struct net_container *)b)->key);
}

int space_load(const struct registry *r, const struct netns_id *ns, bool host,
	const struct net_entry *with, const char *without, struct space *out, struct err *e)
{
	AUTO_SPACE struct space p = {.s.host = host};
	AUTO_STRV struct strv keys = {0};

	if (registry_in(r, ns, &keys, e) < 0 || read_entries(r, &keys, with, without, &p, e) < 0)
		return -1;
	for (size_t i = 0; i < p.n; i++)
		if (add_container(&p, &p.entries[i], e) < 0)
			return -1;
	if (with && add_container(&p, with, e) < 0)
		return -1;
	/* the same containers are the same table, whoever came last */
	if (p.s.n > 1)
		qsort(p.s.containers, p.s.n, sizeof *p.s.containers, by_key);
	if (members_fill(r, &p.s, e) < 0)
		return -1;
	p.fresh = p.n == 0 && with && !with->installed;
	*out = p;
	p = (struct space){0};
	return 0;
}

/* ---- the way into it ---- */

/* A socket in the namespace FD when that is NS. ENOENT: it is not. */
static int socket_in(int fd, const struct netns_id *ns, int *nl, struct err *e)
{
	AUTO_FD int s = -1;
	struct netns_id id;
	int back;

	if (netns_enter(fd, &back, &id, e) < 0)
		return -1;
	if (netns_same(&id, ns))
		s = nlsock_open(NETLINK_NETFILTER, e);
	else
		err_set(e, ENOENT, "another network namespace");
	if (netns_leave(&back, s < 0 ? NULL : e) < 0 || s < 0)
		return -1;
	*nl = take_fd(&s);
	return 0;
}

/* By the process of N, or by the path its launch was told. */
static bool socket_of(const struct net_entry *n, const struct netns_id *ns, int *nl, struct err *e)
{
	AUTO_FD int by_process = -1, by_path = -1;

	if (registry_lives(n) && netns_of(n->pid, &by_process, e) == 0 &&
		socket_in(by_process, ns, nl, e) == 0)
		return true;
	return n->want.netns && netns_open(n->want.netns, &by_path, e) == 0 &&
	       socket_in(by_path, ns, nl, e) == 0;
}

/* By any process that is in it. */
static bool socket_of_anybody(const struct netns_id *ns, int *nl, struct err *e)
{
	DIR *proc = opendir("/proc");
	bool found = false;

	for (struct dirent *d; !found && proc && (d = readdir(proc));) {
		AUTO_FD int fd = -1;
		char path[64];
		struct stat st;
		uint64_t pid;

		if (!num_u64(d->d_name, INT32_MAX, &pid))
			continue;
		snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
		found = stat(path, &st) == 0 && st.st_ino == ns->ino && st.st_dev == ns->dev &&
			netns_of((pid_t)pid, &fd, e) == 0 && socket_in(fd, ns, nl, e) == 0;
	}
	if (proc)
		closedir(proc);
	return found;
}

/* By a mount of it, as "ip netns" and network plugins make them: "... net:[INODE] PLACE ..." of mountinfo. */
static bool socket_of_mount(const struct netns_id *ns, int *nl, struct err *e)
{
	AUTO_FD int mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *text = NULL;
	bool found = false;
	char root[48];
	size_t len;

	if (mounts < 0 || io_read_all(mounts, MOUNTS_MAX, &text, &len, e) < 0)
		return false;
	snprintf(root, sizeof root, " net:[%" PRIu64 "] ", ns->ino);
	for (char *at = text; !found && (at = strstr(at, root)) != NULL;) {
		AUTO_FD int fd = -1;
		char *place = at += strlen(root);

		at += strcspn(at, " \n");
		if (*at)
			*at++ = '\0';
		found = netns_open(place, &fd, e) == 0 && socket_in(fd, ns, nl, e) == 0;
	}
	return found;
}

int space_socket(const struct registry *r, const struct netns_id *ns, int *nl, struct err *e)
{
	AUTO_STRV struct strv keys = {0};
	AUTO_FD int own = -1;
	bool others = false;
	struct err why;

	if (registry_in(r, ns, &keys, e) < 0)
		return -1;
	for (size_t i = 0; i < keys.n; i++) {
		AUTO_NET_ENTRY struct net_entry n = {0};

		if (registry_get(r, keys.v[i], &n, &why) == 0 && socket_of(&n, ns, nl, &why))
			return 0;
		others |= n.want.netns != NULL || registry_lives(&n);
	}
	if (netns_of(getpid(), &own, &why) == 0 && socket_in(own, ns, nl, &why) == 0)
		return 0;
	/* a namespace that somebody else had made may outlive who had made it, and a process may leave its own */
	if (others && (socket_of_mount(ns, nl, &why) || socket_of_anybody(ns, nl, &why)))
		return 0;
	return err_set(e, ENOENT, "nothing leads to the network namespace any more");
}

/* ---- what is in its table ---- */

enum { CHAINS, SETS, COUNTERS, KINDS };

static const struct {
	uint16_t get, table, name;
} kinds[KINDS] = {
	[CHAINS] = {NFT_MSG_GETCHAIN, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME},
	[SETS] = {NFT_MSG_GETSET, NFTA_SET_TABLE, NFTA_SET_NAME},
	[COUNTERS] = {NFT_MSG_GETOBJ, NFTA_OBJ_TABLE, NFTA_OBJ_NAME},
};

struct names {
	struct strv of[KINDS];
	int kind; /* that is asked for now */
};

static void names_done(struct names *n)
{
	for (int i = 0; i < KINDS; i++)
		strv_done(&n->of[i]);
}

static void forget(void *arg)
{
	struct names *n = arg;

	strv_done(&n->of[n->kind]);
}

static int on_name(const struct nlmsghdr *m, void *arg, struct err *e)
{
	enum { MOST = 16 }; /* both attributes are among the first of each kind */
	struct names *n = arg;
	const struct nfgenmsg *g = nlmsg_payload(m, sizeof *g);
	const struct nlattr *at[MOST + 1];
	const char *table, *name;

	if (!g || g->nfgen_family != NFPROTO_INET || !nlmsg_attrs(m, sizeof *g, at, MOST))
		return 0;
	table = nlattr_text(at[kinds[n->kind].table]);
	name = nlattr_text(at[kinds[n->kind].name]);
	if (!table || !name || strcmp(table, NET_TABLE) != 0)
		return 0;
	return strv_add(&n->of[n->kind], name) < 0 ? err_nomem(e) : 0;
}

static int cannot_list(struct err *e)
{
	if (e->code == EPERM)
		return err_set(e, EPERM, "nf_tables wants CAP_NET_ADMIN in the namespace");
	if (e->code == EINVAL || e->code == EOPNOTSUPP)
		return err_set(e, e->code,
			"the kernel has no nf_tables: modprobe nf_tables (CONFIG_NF_TABLES)");
	return err_wrap(e, "list table " NET_TABLE);
}

/* The names of all that is in the table of NL's namespace. */
static int read_names(int nl, struct names *out, struct err *e)
{
	for (out->kind = 0; out->kind < KINDS; out->kind++) {
		struct {
			struct nlmsghdr head;
			struct nfgenmsg g;
		} ask = {
			.head = {.nlmsg_len = sizeof ask,
				.nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 |
							 kinds[out->kind].get),
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
			.g = {.nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0},
		};

		if (nlsock_ask(nl, &ask.head, on_name, forget, out, e) < 0)
			return cannot_list(e);
	}
	return 0;
}

/* ---- its change ---- */

static bool has_name(const struct ruleset *r, int kind, const char *name)
{
	for (size_t i = 0; kind == CHAINS && i < r->n_chains; i++)
		if (strcmp(r->chains[i].name, name) == 0)
			return true;
	for (size_t i = 0; kind == SETS && i < r->n_sets; i++)
		if (strcmp(r->sets[i].name, name) == 0)
			return true;
	for (size_t i = 0; kind == COUNTERS && i < r->n_counters; i++)
		if (strcmp(r->counters[i].name, name) == 0)
			return true;
	return false;
}

/* Of NAMES those that R has not, as OUT, which has room for all. */
static void find_gone(const struct names *names, const struct ruleset *r, struct ruleset *out)
{
	for (int kind = 0; kind < KINDS; kind++)
		for (size_t i = 0; i < names->of[kind].n; i++) {
			const char *name = names->of[kind].v[i];
			char *to;

			/* sets of a rule's own go with their rule */
			if (has_name(r, kind, name) || str_starts(name, "__") ||
				strlen(name) >= NET_NAME_SIZE)
				continue;
			to = kind == CHAINS ? out->chains[out->n_chains++].name
			     : kind == SETS ? out->sets[out->n_sets++].name
					    : out->counters[out->n_counters++].name;
			snprintf(to, NET_NAME_SIZE, "%s", name);
		}
}

static int gone_of(
	const struct names *names, const struct ruleset *r, struct ruleset *out, struct err *e)
{
	out->chains = calloc(names->of[CHAINS].n + 1, sizeof *out->chains);
	out->sets = calloc(names->of[SETS].n + 1, sizeof *out->sets);
	out->counters = calloc(names->of[COUNTERS].n + 1, sizeof *out->counters);
	if (!out->chains || !out->sets || !out->counters)
		return err_nomem(e);
	find_gone(names, r, out);
	return 0;
}

/* NAME of OWNER comes with this transaction, or is in the kernel. */
static bool will_be(const struct names *names, int kind, const char *name, const char *owner,
	const char *const owners[2])
{
	return *owner == '\0' || strcmp(owner, owners[0]) == 0 || strcmp(owner, owners[1]) == 0 ||
	       strv_has(&names->of[kind], name);
}

/* All of R will be there when only what is OWNERS' comes with the transaction. */
static bool others_are_whole(
	const struct ruleset *r, const struct names *names, const char *const owners[2])
{
	for (size_t i = 0; i < r->n_chains; i++)
		if (!will_be(names, CHAINS, r->chains[i].name, r->chains[i].owner, owners))
			return false;
	for (size_t i = 0; i < r->n_sets; i++)
		if (!will_be(names, SETS, r->sets[i].name, r->sets[i].owner, owners))
			return false;
	for (size_t i = 0; i < r->n_counters; i++)
		if (!will_be(names, COUNTERS, r->counters[i].name, r->counters[i].owner, owners))
			return false;
	return true;
}

static int commit_first(int nl, const struct ruleset *r, struct err *e)
{
	AUTO_BATCH struct batch b = {0};

	batch_init(&b);
	return encode_first(&b, r, e) < 0 ? -1 : nlsock_commit(nl, &b, e);
}

static int commit_remove(int nl, struct err *e)
{
	AUTO_BATCH struct batch b = {0};

	batch_init(&b);
	return encode_remove(&b, e) < 0 ? -1 : nlsock_commit(nl, &b, e);
}

/*
 * What the kernel says where something else stands in the place of ours; EINVAL of a table that is asleep, EOPNOTSUPP
 * of a chain that is another kind of chain. They also say that the kernel cannot, and then it says so once more.
 */
static bool may_be_in_the_way(int code)
{
	return code == EEXIST || code == EBUSY || code == ENOENT || code == EINVAL ||
	       code == EOPNOTSUPP;
}

/* What is there was altered so that R does not fit: all of it goes, with what was counted. */
static int commit_replace(int nl, const struct ruleset *r, struct err *e)
{
	AUTO_BATCH struct batch b = {0};

	batch_init(&b);
	return encode_replace(&b, r, e) < 0 ? -1 : nlsock_commit(nl, &b, e);
}

static int commit_change(int nl, const struct ruleset *r, const struct names *names,
	const char *owner, struct err *e)
{
	AUTO_RULESET struct ruleset gone = {0};
	AUTO_BATCH struct batch b = {0};
	const char *owners[] = {owner, NOBODY};
	bool some = owner && others_are_whole(r, names, owners);

	if (gone_of(names, r, &gone, e) < 0)
		return -1;
	batch_init(&b);
	if (encode_install(&b, r, some ? owners : NULL, some ? 2 : 0, &gone, e) < 0)
		return -1;
	return nlsock_commit(nl, &b, e);
}

int space_commit(const struct space *p, int nl, const char *owner, struct err *e)
{
	__attribute__((cleanup(names_done))) struct names names = {0};
	AUTO_RULESET struct ruleset r = {0};
	struct err why = {0};
	int rc;

	if (ruleset_build(&p->s, &r, e) < 0)
		return -1;
	if (p->s.host && !ruleset_confined(&r))
		return err_set(e, ERR_BUG, "these rules would touch the host's own traffic");
	if (r.n_chains == 0)
		return commit_remove(nl, e);
	/* what stands against it is found out below */
	if (p->fresh && commit_first(nl, &r, &why) == 0)
		return 0;
	why.code = 0;
	if (read_names(nl, &names, e) < 0)
		return -1;
	/* a table without anything is told apart from none by the kernel */
	rc = names.of[CHAINS].n + names.of[SETS].n + names.of[COUNTERS].n == 0
		     ? commit_first(nl, &r, &why)
		     : -1;
	if (rc < 0 && (why.code == 0 || why.code == EEXIST))
		rc = commit_change(nl, &r, &names, owner, &why);
	if (rc < 0 && may_be_in_the_way(why.code))
		rc = commit_replace(nl, &r, &why);
	if (rc < 0 && e)
		*e = why;
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net - what the commands on containers' networks share: which containers have rules, how they are named on
 * the line, and what the kernel has seen of them.
 */
#ifndef CINCH_CTL_NET_H
#define CINCH_CTL_NET_H

#include <limits.h>

#include "netseg/registry.h"
#include "shim/ctl/columns.h"
#include "shim/ctl/ctl.h"
#include "shim/ctl/sight.h"

/* Where the registry of this process' containers is. */
int net_dir(char out[PATH_MAX], struct err *e);

struct net_list { /* zero-initialise */
	struct net_entry *v; /* in the order of their names */
	size_t n;
	struct strv damaged; /* entries that could not be read */
	bool bare; /* those that run without rules are among them (net_bare.h) */
	struct strv left; /* names of containers that neither run nor are known to their runtime */
};

#define AUTO_NET_LIST __attribute__((cleanup(net_list_done)))

/* All containers that have rules; 0 and none when nobody ever had. */
int net_list_read(const char *dir, struct net_list *out, struct err *e);
void net_list_done(struct net_list *l);
/*
 * The container that WORD names: its id, its key (as "nft list ruleset" shows it), or the beginning of
 * the one id that begins so. ERR_INPUT: none, or several, and which.
 */
int net_list_find(const struct net_list *l, const char *word, size_t *i, struct err *e);
/* "shop/db-0/db", else the id as it is shown. */
const char *net_name(const struct net_entry *n);
/* The mode that decides what happens: "learn" when a policy learns, else the strictest; and for people, of several
 * policies all of them: "enforce+audit", appended. */
enum net_mode net_mode_of(const struct net_entry *n);
void net_modes(const struct net_entry *n, struct str *out);

/* What ADDRESS is to N: see struct sight_flow. PORT and PROTOCOL are those of a flow to (OUT) or from it. */
void net_is(const struct net_list *l, const struct net_entry *n, const struct addr *address,
	enum net_dir dir, uint8_t protocol, uint16_t port, char out[SIGHT_IS_SIZE]);

struct net_count {
	uint64_t packets, bytes;
};

struct net_view { /* what the kernel says; zero-initialise */
	struct net_count accepted[NET_DIRS], refused[NET_DIRS];
	struct sight seen, denied; /* who it is stands in both */
	bool missing; /* it should have rules, and has none */
};

#define AUTO_NET_VIEW __attribute__((cleanup(net_view_done)))
void net_view_done(struct net_view *v);
/* Of the Ith of L. ESRCH: its process, and with it its rules, is gone. */
int net_view_read(const struct net_list *l, size_t i, struct net_view *out, struct err *e);

/* The flows of F, as a set named KIND ("seen", "denied") of N has them, added to S (net_view_read's inner part). */
int net_view_add(const struct net_list *l, const struct net_entry *n, enum net_dir dir,
	const struct net_flows *f, bool shared, struct sight *s, struct err *e);
/* Who N is, into S. */
int net_view_head(const struct net_entry *n, struct sight *s, struct err *e);

/* The containers that the operands name, or all: their places in L, N of them; the caller's. */
int net_chosen(
	const struct ctl_call *c, const struct net_list *l, size_t **out, size_t *n, struct err *e);
/* Columns for a table of this call. */
struct table_style net_style(const struct ctl_call *c);
/* "3m" and the like. */
void net_span(uint64_t seconds, char out[32]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps - the containers of this node that cinch governs: their records, and whether they run.
 */
#ifndef CINCH_CTL_PS_H
#define CINCH_CTL_PS_H

#include "profiles/image.h"
#include "shim/ctl/ctl.h"
#include "shim/life.h"

/* What a container runs under, beside the policy in force. */
enum ps_policy {
	PS_UNKNOWN, /* nobody asked */
	PS_CURRENT, /* that policy */
	PS_OLDER, /* another one, in which its profiles read the same */
	PS_CHANGED, /* a profile of another text than it has now, or that is not there any more */
};

struct ps_container { /* belongs to its list */
	struct json *record; /* see state.h */
	enum life life;
	int pid; /* of its first process; 0: none */
	long long age; /* seconds since it was created */
	struct image image; /* as the record says; empty: the engine told nothing */
	enum ps_policy policy;
};

struct ps_list {
	struct json_doc *doc;
	struct ps_container *v; /* the youngest first */
	size_t n;
	struct strv damaged; /* records that could not be read, "HASH/NAME" */
};

#define AUTO_PS_LIST __attribute__((cleanup(ps_list_done)))

/* All records of DIR; those of stopped and gone containers only with ALL. *OUT must be empty. */
int ps_list_read(const char *dir, bool all, struct ps_list *out, struct err *e);
void ps_list_done(struct ps_list *l);

/* "shop/db-0/db", "shop/db-0 (sandbox)", "redis"; "" when nothing is told. Appended. */
void ps_name(const struct ps_container *c, struct str *out);
/* The record without PATH, its life and what became of it, as a new value of DOC. NULL: out of memory. */
struct json *ps_json(const struct ps_container *c, struct json_doc *doc);

/* Compare all with the policy in force in STORE (store_open). */
int ps_compare(struct ps_list *l, const char *store, struct err *e);
/* How many run under another one. */
size_t ps_outdated(const struct ps_list *l);
/* Only those stay. */
void ps_keep_outdated(struct ps_list *l);
/* "current" */
const char *ps_policy_name(enum ps_policy p);

/* The command, with the records of DIR and the policies of STORE (NULL: the node's). */
int ps_run(struct ctl_call *c, const char *dir, const char *store, struct err *e);
/* The same with --vulnerable (ps_vulnerable.c). */
int ps_run_vulnerable(struct ctl_call *c, const char *dir, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_record - who changed the rules of running containers, in the audit log.
 */
#ifndef CINCH_CTL_NET_RECORD_H
#define CINCH_CTL_NET_RECORD_H

#include "netseg/registry.h"
#include "profiles/store.h"
#include "shim/base/json.h"
#include "shim/ctl/privileges.h"
#include "shim/select.h"

struct net_record { /* borrowed */
	const char *verb; /* "net reload", "net check", "net sync" */
	const char *
		result; /* "applied", "unchanged", "lifted", "refused", "found", "repaired", "done", "failed" */
	const char *reason; /* NULL */
	const struct net_entry *of; /* NULL: not of one container */
	const struct applied *applied; /* the policy in force, and where records go */
	const struct selection *profiles; /* that it has now; NULL: those of its start */
	const struct json *before,
		*after; /* what its rules are made of (netseg/policy.h), in words there; NULL */
	const struct privileges *change; /* as "wider" and "narrower"; NULL */
	const char *list; /* name of: */
	const struct strv *lines; /* the first ones, and "...Count" of them all; NULL */
};

/* -1 when the node's settings demand it and it cannot be done. */
int net_record_write(const struct net_record *r, struct err *e);

/* The texts of those that grant, or that do not; appended. -1 when out of memory. */
int net_record_change(const struct privileges *p, bool grants, struct strv *out);

#endif

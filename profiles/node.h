/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node - the node's configuration as a person writes it, /etc/cinch/cinch.json.
 *
 * Read by cinchctl alone: a launch reads what was applied (store.h). Unknown keys, wrong types, rules
 * that could never match are errors "cinch.json:LINE:COLUMN: ...".
 */
#ifndef CINCH_PROFILES_NODE_H
#define CINCH_PROFILES_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "profiles/profile.h"
#include "shim/base/err.h"
#include "shim/base/str.h"

/* What a launch needs to know of the node; the same whether it was applied or is built in. */
struct settings {
	char *runtime; /* absolute path of the real runtime; NULL: search the fixed list */
	enum profile_mode mode; /* PROFILE_AUDIT: no profile is enforced on this node */
	char *default_profile; /* never NULL: "restricted" */
	bool require_signed; /* as in struct node; no launch asks, but whoever compares policies */
	struct {
		char *path; /* never NULL; "" switches the file off */
		bool required; /* a container whose record cannot be written does not start */
		bool journald, syslog; /* sinks besides the file */
	} audit;
	struct {
		bool profile; /* io.cinch.profile may name one more; false: such a container is
			       * refused */
		struct strv record; /* globs of annotation keys that go into the audit record */
	} annotations;
	struct { /* addresses, and of metadata also networks, as addr_parse reads them */
		struct strv resolvers; /* name servers besides those of a container's resolv.conf */
		struct strv nodes; /* this node's, as containers see it: peer "host" */
		struct strv metadata; /* metadata services besides the known ones */
	} network;
};

/* What "select" says of one kind of container; empty list: any, also unknown. A pattern never
 * matches what the engine does not tell. */
struct node_rule {
	struct strv engine, namespace, pod, container;
	struct strv image; /* globs over "registry/repository" */
	struct strv registry, repository, tag, digest;
	char *profile;
	unsigned line; /* in cinch.json */
};

struct node {
	struct settings settings;
	struct node_rule *rules; /* the first that matches counts */
	size_t n_rules;
	struct strv profiles; /* directories; default /etc/cinch/profiles */
	struct strv denied; /* files of denied image digests; default /etc/cinch/denied.json */
	bool denied_default; /* not written: that file need not be there */
	char *keys; /* directory of *.pub; default /etc/cinch/keys */
	bool require_signed;
};

enum { NODE_RULES_MAX = 10000 };

#define AUTO_NODE __attribute__((cleanup(node_done)))
#define AUTO_SETTINGS __attribute__((cleanup(settings_done)))

/* What holds when nothing is configured. -1 only when out of memory. */
int settings_default(struct settings *out, struct err *e);
void settings_done(struct settings *s);

/* Read TEXT of the file NAME (for messages); empty TEXT is the default configuration. *OUT is the
 * caller's (node_done). Whether the profiles that rules name exist is not known here (build.h). */
int node_parse(const char *name, const char *text, size_t len, struct node *out, struct err *e);
void node_done(struct node *n);

#endif

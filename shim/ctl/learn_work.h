/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn_work - what learning is made of; for shim/ctl/learn*.c alone.
 */
#ifndef CINCH_CTL_LEARN_WORK_H
#define CINCH_CTL_LEARN_WORK_H

#include "shim/ctl/learn.h"

enum { LEARN_PEER_SIZE = 80 };

/* One flow of one start. */
struct learn_obs {
	enum net_dir dir;
	uint8_t protocol;
	uint16_t port;
	const char *is; /* borrowed from the sight; "": its address counts */
	struct addr peer;
	size_t start; /* index of its sight, the first of the same container */
};

/* What is going to be allowed: one peer, one port. */
struct learn_grant {
	enum net_dir dir;
	char peer[LEARN_PEER_SIZE]; /* as a rule has it */
	uint8_t protocol;
	uint16_t port;
};

/* One peer and all of its ports. */
struct learn_party {
	enum net_dir dir;
	const char *peer; /* borrowed from a grant */
	struct strv ports; /* as rules have them */
	char *all; /* the same in one text */
};

struct learn_work {
	const struct sights *from;
	struct learned *out;
	struct addrs avoid; /* no prefix may hold them */
	struct learn_obs *obs;
	size_t n_obs;
	struct learn_grant *grants;
	size_t n_grants, cap_grants;
	struct learn_party *parties;
	size_t n_parties;
	size_t answers; /* left out */
	bool dns;
	struct err *e;
};

/* Add the line to TO, once. */
int learn_say(struct learn_work *w, struct strv *to, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* w->parties from w->grants. */
int learn_parties(struct learn_work *w);
/* Findings about peers that were met at very many ports. W->grants are sorted. */
int learn_port_counts(struct learn_work *w);
/* The rules of one direction, a value of w->out->doc; NULL: out of memory. */
struct json *learn_rules(struct learn_work *w, enum net_dir dir);

#endif

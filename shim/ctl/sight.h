/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sight - what was seen of one container's network, by itself: whom it talked to, and what is known of them.
 *
 * Taken from the kernel (net_read.h) or read from what "net learned --json" printed earlier, of
 * containers that are gone or of other nodes. Learning needs nothing else.
 */
#ifndef CINCH_CTL_SIGHT_H
#define CINCH_CTL_SIGHT_H

#include "netseg/policy.h"
#include "netseg/table.h"
#include "shim/base/addr.h"
#include "shim/base/json.h"
#include "shim/base/str.h"

enum { SIGHT_IS_SIZE = 80, SIGHT_TEXT_MAX = 32 << 20, SIGHT_FLOWS_MAX = 1 << 16 };

struct sight_flow {
	enum net_dir dir;
	struct addr peer; /* one address */
	/* what the address was, then and there: "", "self", "metadata", "dns", "host", "segment:NAME" */
	char is[SIGHT_IS_SIZE];
	uint8_t protocol;
	uint16_t port; /* of who was connected to; 0: the protocol has none */
	uint64_t packets, bytes;
	uint64_t ago; /* seconds since the last one; of refused flows only */
	bool shared; /* of a socket that is of no known container, in a namespace that several share */
};

struct sight { /* zero-initialise */
	char *id, *key, *name; /* name: for people; may be "" */
	char *profile; /* the base one */
	struct strv segments; /* it is a member of */
	enum net_mode mode; /* the strictest */
	uint64_t since, until; /* seconds since 1970 */
	bool full; /* a set of flows was full: there may have been more */
	struct addrs own, hosts, resolvers;
	struct sight_flow *v;
	size_t n;
};

#define AUTO_SIGHT __attribute__((cleanup(sight_done)))
void sight_done(struct sight *s);

struct sights { /* zero-initialise */
	struct sight *v;
	size_t n;
};

#define AUTO_SIGHTS __attribute__((cleanup(sights_done)))
void sights_done(struct sights *l);
/* *S moves to the end of L. -1 when out of memory; *S stays then. */
int sights_add(struct sights *l, struct sight *s, struct err *e);

/* How much of an id is shown: of 64 hex digits 12, which are enough to be found again. For "%.*s". */
int sight_id_shown(const char *id);
#define SIGHT_ID(id) sight_id_shown(id), (id)

/* Append F. */
int sight_add(struct sight *s, const struct sight_flow *f, struct err *e);

/* "egress" and "ingress". */
const char *sight_dir_name(enum net_dir d);
/* "tcp/443", "icmp", "protocol 47". */
enum { SIGHT_PORT_SIZE = 24 };
void sight_port_text(uint8_t protocol, uint16_t port, char out[SIGHT_PORT_SIZE]);

/* Addresses, as a list of texts. */
int sight_put_addrs(struct json_doc *doc, struct json *o, const char *key, const struct addrs *l);
/* {"containers": [...]} of these; NULL: out of memory. */
struct json *sights_json(const struct sights *l, struct json_doc *doc);
/* What sights_json gave, appended to OUT. ERR_INPUT: it is something else. */
int sights_read(const char *text, size_t len, struct sights *out, struct err *e);

#endif

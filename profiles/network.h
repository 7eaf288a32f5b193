/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network - what is to be known of a "network" section besides its text.
 */
#ifndef CINCH_PROFILES_NETWORK_H
#define CINCH_PROFILES_NETWORK_H

#include "profiles/profile.h"

/* Who holds one of these takes the rules away again, or goes past them. Ended by a NULL name. */
struct network_master {
	const char *name, *why; /* "CAP_NET_ADMIN", "the container could ..." */
};
extern const struct network_master network_masters[];

/*
 * The mode in which the section of P is in force: its own, or that of the profile, of the control or of the
 * node (select_relax) when that does less. "enforce", "audit", "learn", "off"; NULL: P says nothing of it.
 */
const char *network_mode(const struct profile *p);

#endif

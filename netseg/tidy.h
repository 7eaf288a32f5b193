/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tidy - take away what is written down of containers that are gone; for netseg/install_sync.c and tidy.c alone,
 * but for net_tidy (install.h).
 */
#ifndef CINCH_NETSEG_TIDY_H
#define CINCH_NETSEG_TIDY_H

#include "netseg/registry.h"

struct tidy_one {
	char key[NET_KEY_SIZE];
	char id[65];
	bool lives, installed;
};

struct tidy { /* zero-initialise */
	struct tidy_one
		*v; /* everybody there was at the beginning whose entry is whole, or is again */
	size_t n;
	struct strv *done, *left; /* a line each: what was put right, what could not be; borrowed */
};

#define AUTO_TIDY __attribute__((cleanup(tidy_done)))
void tidy_done(struct tidy *t);

/* Fills T->v; those that are gone are removed, damaged entries are mended (mend.h) or told. The lock is given back in
 * between. Nothing where there is no registry. */
int tidy_gone(const char *dir, struct tidy *t, struct err *e);
/* "KEY (ID): WHAT" to L. */
int tidy_say(struct strv *l, const char *key, const char *id, const char *what, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry_entry - an entry as text, and what files of the registry are written with; for
 * netseg/registry*.c and members*.c alone.
 */
#ifndef CINCH_NETSEG_REGISTRY_ENTRY_H
#define CINCH_NETSEG_REGISTRY_ENTRY_H

#include <assert.h>

#include "netseg/registry.h"
#include "shim/base/str.h"

enum { REGISTRY_ENTRY_MAX = 8 << 20 /* bytes: its network has peers by the thousand */ };
#define REGISTRY_TEMP ".new"

/* Changes are made under the lock alone. */
#define assert_locked(r) assert((r)->lock >= 0)

/* ERR_INPUT when TEXT is none. OUT as registry_get. */
int registry_entry_read(const char *text, size_t len, struct net_entry *out, struct err *e);
/* Appended to OUT. ERR_INPUT when it is longer than REGISTRY_ENTRY_MAX. */
int registry_entry_write(const struct net_entry *n, struct str *out, struct err *e);

bool registry_is_key(const char *text);
/* NAME of the registry's directory: replaced by LEN bytes; read (the caller's), at most MAX, when root owns it. */
int registry_write(
	const struct registry *r, const char *name, const char *text, size_t len, struct err *e);
int registry_read(const struct registry *r, const char *name, size_t max, char **text, size_t *len,
	struct err *e);
/* Remove what kill -9 has left beside the entries: temporaries, marks and keys of containers that have none. */
int registry_tidy(const struct registry *r, struct err *e);

#endif

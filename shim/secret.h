/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret - does a name or a value look like a credential?
 *
 * A guess, for warnings: it knows common words and the published shapes of tokens, nothing more.
 */
#ifndef CINCH_SECRET_H
#define CINCH_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* "DB_PASSWORD", "apiKey", "GITHUB_TOKEN": yes. "POSTGRES_PASSWORD_FILE", "TOKENIZERS_PARALLELISM",
 * "PWD": no. NAME need not end at LEN. */
bool secret_name(const char *name, size_t len);

/* What VALUE looks like, as the end of a sentence ("holds what looks like ..."), or NULL. Never a
 * part of VALUE. */
const char *secret_value(const char *value);

/* What the variable NAME (LEN bytes) with VALUE is, as the end of a sentence about it, or NULL. */
const char *secret_entry(const char *name, size_t len, const char *value);

#endif

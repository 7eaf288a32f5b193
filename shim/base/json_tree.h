/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_tree - what the reader of JSON shares with the tree it fills; for shim/base/json*.c alone.
 */
#ifndef CINCH_BASE_JSON_TREE_H
#define CINCH_BASE_JSON_TREE_H

#include "shim/base/json.h"

struct chunk;

struct json_doc {
	struct chunk *chunks;
	struct json *root;
	const char *source; /* in the arena; NULL for an empty document */
	size_t source_len;
};

/* SIZE bytes of DOC's arena, aligned for anything; NULL when out of memory. */
void *json_alloc(struct json_doc *doc, size_t size);
/* LEN bytes and a NUL in DOC's arena; NULL when out of memory. */
char *json_copy(struct json_doc *doc, const char *bytes, size_t len);
/* An empty value of TYPE, detached; NULL when out of memory. */
struct json *json_make(struct json_doc *doc, enum json_type type);
/* V becomes CONTAINER's last child; its key is set already. */
void json_link_last(struct json *container, struct json *v);

#endif

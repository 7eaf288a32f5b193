/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_select - the "select" rules of cinch.json.
 */
#ifndef CINCH_PROFILES_NODE_SELECT_H
#define CINCH_PROFILES_NODE_SELECT_H

#include "profiles/node.h"
#include "profiles/reader.h"

void node_rule_done(struct node_rule *rule);
/* TO: struct node. Patterns and rules that could never count are errors. */
int node_read_select(struct reader *r, const struct json *v, void *to);
/* V is a pattern over "registry/repository" that some image may match. */
int node_image_pattern(struct reader *r, const struct json *v);
/* The name of a profile; TO: char *. */
int node_read_profile(struct reader *r, const struct json *v, void *to);
/* Fill the lines of N's rules, which were read from ROOT of TEXT. */
void node_note_lines(struct node *n, const struct json *root, const char *text);

#endif

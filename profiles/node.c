/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node - the node's configuration as a person writes it.
 */
#include "profiles/node.h"

#include <stdlib.h>
#include <string.h>

static const char default_audit[] = "/var/log/cinch/audit.jsonl";
static const char default_profile[] = "restricted";

int settings_default(struct settings *out, struct err *e)
{
	struct settings s = {.annotations.profile = true};

	s.audit.path = strdup(default_audit);
	s.default_profile = strdup(default_profile);
	if (!s.audit.path || !s.default_profile) {
		settings_done(&s);
		return err_nomem(e);
	}
	*out = s;
	return 0;
}

void settings_done(struct settings *s)
{
	free(s->runtime);
	free(s->default_profile);
	free(s->audit.path);
	strv_done(&s->annotations.record);
	*s = (struct settings){0};
}

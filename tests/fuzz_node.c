/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_node - any text is a configuration, or refused with a message that names the file; what was
 * read keeps its promises and survives being compiled. The same text as a file of denied images.
 */
#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "profiles/policy.h"
#include "shim/base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const char *a, const char *b)
{
	assert((!a && !b) || (a && b && strcmp(a, b) == 0));
}

/* What went into a policy comes out of it. */
static void compile(const struct node *n, const struct denied *denied)
{
	struct policy_draft draft = {.node = n, .denied = denied};
	struct rules_facts facts = {.engine = "cri", .namespace = "prod", .pod = "web-1"};
	AUTO_SETTINGS struct settings s = {.runtime = NULL};
	AUTO_STR struct str bytes = STR_INIT;
	AUTO_POLICY struct policy *p = NULL;
	const char *profile;
	unsigned line;
	struct err e = {0};
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	assert(policy_encode(&draft, &bytes, &e) == 0);
	if (fd < 0 || write(fd, bytes.s, bytes.len) != (ssize_t)bytes.len)
		abort();
	assert(policy_open(fd, &p, &e) == 0 && policy_check(p, &e) == 0);
	assert(policy_settings(p, &s, &e) == 0);
	same(s.runtime, n->settings.runtime);
	same(s.default_profile, n->settings.default_profile);
	same(s.audit.path, n->settings.audit.path);
	assert(s.mode == n->settings.mode && s.audit.required == n->settings.audit.required);
	assert(s.annotations.record.n == n->settings.annotations.record.n);
	assert(s.network.resolvers.n == n->settings.network.resolvers.n);
	assert(s.network.nodes.n == n->settings.network.nodes.n);
	assert(s.network.metadata.n == n->settings.network.metadata.n);
	assert(policy_select(p, &facts, &profile, &line, &e) == 0);
	assert(!profile == !line && (!profile || n->n_rules));
	for (size_t i = 0; i < denied->n && i < 10; i++) {
		struct denied_image d;

		assert(policy_denied(p, denied->v[i].digest, &d, &e) == 0);
		same(d.reason, denied->v[i].reason);
		same(d.cves, denied->v[i].cves);
		free(d.digest);
		free(d.reason);
		free(d.cves);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_NODE struct node n = {.keys = NULL};
	AUTO_NODE struct node plain = {.keys = NULL};
	AUTO_DENIED struct denied d = {.n = 0};
	struct err e = {0}, other = {0};
	int is_node = node_parse("fuzz", (const char *)data, size, &n, &e);
	int is_denied = denied_add("fuzz", (const char *)data, size, &d, &other);

	if (is_denied < 0)
		assert(!d.n && other.code && strncmp(other.msg, "fuzz:", 5) == 0);
	for (size_t i = 1; i < d.n; i++)
		assert(strcmp(d.v[i - 1].digest, d.v[i].digest) < 0);
	if (is_node < 0) {
		assert(!n.keys && !n.rules && strncmp(e.msg, "fuzz:", 5) == 0);
		if (is_denied < 0)
			return 0;
		assert(node_parse("fuzz", "", 0, &plain, &e) == 0);
		compile(&plain, &d);
		return 0;
	}
	assert(e.code == 0 && n.settings.default_profile && n.settings.audit.path && n.keys);
	assert(!n.settings.runtime || n.settings.runtime[0] == '/');
	assert(n.settings.mode == PROFILE_ENFORCE || n.settings.mode == PROFILE_AUDIT);
	for (size_t i = 0; i < n.n_rules; i++)
		assert(n.rules[i].profile && n.rules[i].line);
	compile(&n, &d);
	return 0;
}

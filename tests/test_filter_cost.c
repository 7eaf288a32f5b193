/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_filter_cost - a caller's filter made to be costly does not keep a start busy.
 */
#include <sys/resource.h>

#include "profiles/filter.h"
#include "tests/tap.h"

static const struct json_limits limits = {4 << 20, 16, 200000};

/* N entries for four calls, each with six tests that nearly overlap all others'. */
static void costly(struct str *s, unsigned n)
{
	static const char *const ops[] = {"MASKED_EQ", "NE", "GE"};

	str_add(s, "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[");
	for (unsigned i = 0; i < n; i++) {
		str_addf(s,
			"%s{\"names\":[\"ioctl\",\"socket\",\"clone\",\"personality\"],\"action\":"
			"\"SCMP_ACT_ALLOW\",\"args\":[",
			i ? "," : "");
		for (unsigned a = 0; a < 6; a++)
			str_addf(s,
				"%s{\"index\":%u,\"value\":%u,\"valueTwo\":%u,\"op\":\"SCMP_CMP_%"
				"s\"}",
				a ? "," : "", a, i * (a + 1) * 2654435761U, i, ops[a % 3]);
		str_add(s, "]}");
	}
	str_add(s, "]}");
}

static void meet(unsigned n, const char *text)
{
	AUTO_FILTER struct filter caller = FILTER_INIT, ours = FILTER_INIT, met = FILTER_INIT;
	AUTO_FILTER_CHANGE struct filter_change ch = {.changed = false};
	AUTO_JSON struct json_doc *a = NULL, *b = NULL;
	AUTO_STR struct str costs = STR_INIT;
	const struct filter_call *c;
	struct err e = {0};

	costly(&costs, n);
	if (json_parse(str_text(&costs), costs.len, &limits, 0, &a, &e) < 0 ||
		json_parse(text, strlen(text), &limits, 0, &b, &e) < 0 ||
		filter_read(json_root(a), &caller, &e) < 0 ||
		filter_read(json_root(b), &ours, &e) < 0) {
		ok(false, "read: %s", e.msg);
		return;
	}
	ok(filter_meet(&caller, &ours, &met, &ch, &e) == 0, "%u rules meet", n);
	c = filter_find(&met, "ioctl");
	ok(!c || c->n || c->plain.action != FILTER_ALLOW, "%u rules: nothing is allowed for it", n);
	ok(n < 100 || ch.n_inexact == 4, "%u rules: %zu calls are told to be judged more strictly",
		n, ch.n_inexact);
}

int main(void)
{
	static const char ours[] =
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"syscalls\":["
		"{\"names\":[\"ioctl\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1,\"args\":[{"
		"\"index\":1,\"value\":4294967295,\"valueTwo\":21522,\"op\":\"SCMP_CMP_MASKED_EQ\"}"
		"]},"
		"{\"names\":[\"socket\",\"clone\",\"personality\"],\"action\":\"SCMP_ACT_ALLOW\"}]"
		"}";
	const struct rlimit minute = {60, 60};

	setrlimit(RLIMIT_CPU, &minute); /* it was minutes: the end of this program is the failure */
	meet(3, ours);
	meet(19, ours);
	meet(20, ours);
	meet(160, ours);
	return tap_done();
}

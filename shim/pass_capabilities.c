/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_capabilities - every set within the profile; inheritable emptied.
 *
 * An absent object or set means none for runc and crun alike, so it stays absent. For an exec an absent
 * object is the container's own: see pass_exec.c.
 */
#include "shim/pass.h"

#include "profiles/capset.h"

/* One array, one change: what is not in ALLOWED goes. Returns what is left as bits. */
static uint64_t narrow(
	struct edit *ed, struct json *caps, const char *set, uint64_t allowed, const char *why)
{
	AUTO_STR struct str gone = STR_INIT;
	struct json *old = json_get(caps, set);
	struct json *kept = json_array(ed->doc);
	uint64_t result = 0;

	if (!old)
		return 0;
	json_each (v, old) {
		int n = capset_number(json_str(v));

		/* crun takes "cap_kill" and "5" for CAP_KILL, runc does not: only whole names count */
		if (n >= 0 && (allowed >> n & 1)) {
			result |= UINT64_C(1) << n;
			if (json_push(kept, json_clone(ed->doc, v)) < 0)
				ed->failed = true;
			continue;
		}
		str_addf(&gone, "%s%s%s", gone.len ? ", " : "", json_str(v),
			n < 0 ? " (no known name)" : "");
	}
	if (str_failed(&gone))
		ed->failed = true;
	if (gone.len)
		edit_replace(ed, old, kept, "%s: %s", why, str_text(&gone));
	return result;
}

static void empty(struct edit *ed, struct json *caps, const char *set, const char *why)
{
	struct json *old = json_get(caps, set);

	if (old && old->count)
		edit_replace(ed, old, json_array(ed->doc), "%s", why);
}

void pass_capabilities_within(struct edit *ed, struct json *caps, uint64_t allowed, const char *why)
{
	static const char *const sets[] = {
		"bounding", "permitted", "effective", "inheritable", "ambient"};

	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
		narrow(ed, caps, sets[i], allowed, why);
}

void pass_capabilities(struct edit *ed, const struct profile *p, const struct world *w)
{
	static const char why[] = "not allowed";
	struct json *caps = json_at(ed->root, "/process/capabilities");
	uint64_t bounding, permitted;

	(void)w;
	if (!caps)
		return;
	bounding = narrow(ed, caps, "bounding", p->capabilities, why);
	permitted = narrow(ed, caps, "permitted", bounding, why);
	narrow(ed, caps, "effective", permitted, why);
	/* a set left in the inheritable one comes back through a file's inheritable bits */
	empty(ed, caps, "inheritable", "inheritable capabilities are never kept (CVE-2022-24769)");
	/* the kernel raises an ambient capability only when it is inheritable too */
	empty(ed, caps, "ambient",
		"ambient capabilities need inheritable ones, which are never kept; for ports below "
		"1024 use the sysctl net.ipv4.ip_unprivileged_port_start");
}

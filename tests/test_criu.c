/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_criu - images of CRIU are read as they are meant; what two readers could read in two ways is refused.
 */
#include "shim/criu.h"

#include "tests/criu_image.h"
#include "tests/tap.h"

#define BIT(n) ((uint64_t)1 << (n))

/* A message within a message, with one thing wrong with it. */
enum wrong { TWICE, FORM, BEYOND, PACKED, NEW, GROUP, LACKING, TOO_LONG, N_WRONG };

static void put_wrong(struct pb *creds, enum wrong what)
{
	static const uint8_t packed[] = {1, 0};

	switch (what) {
	case TWICE:
		pb_put(creds, 3, 1); /* the last of two would win */
		break;
	case FORM:
		pb_number(creds, 15 << 3 | 5); /* four bytes where a text belongs */
		for (int i = 0; i < 4; i++)
			pb_byte(creds, 0);
		break;
	case BEYOND:
		creds->n = 0;
		for (unsigned i = 1; i <= 8; i++)
			pb_put(creds, i, i == 3 ? (uint64_t)1 << 32 : 7); /* 0 to who cuts it */
		pb_put(creds, 13, 0);
		break;
	case PACKED:
		pb_bytes(creds, 10, packed, sizeof packed);
		break;
	case NEW:
		pb_put(creds, 20, 1);
		break;
	case GROUP:
		pb_number(creds, 14 << 3 | 3);
		break;
	case LACKING:
		creds->n = 0;
		pb_put(creds, 1, 7); /* the others would be 0: root */
		break;
	default:
		for (int i = 0; i < 11; i++)
			pb_byte(creds, 0x80);
		break;
	}
}

static void test_reader(void)
{
	static const char *const names[N_WRONG] = {"twice", "form", "beyond 32 bits",
		"unknown form", "does not know", "unknown form", "lacks", "damaged"};
	struct pb core = {.n = 0}, file;
	unsigned bad = 0;

	for (int i = 0; i < N_WRONG; i++) {
		struct pb creds = {.n = 0}, thread = {.n = 0}, all = {.n = 0};
		AUTO_CRIU_CORE struct criu_core c = {.groups = NULL};
		struct err e = {0};

		criu_put_creds(&creds, &criu_made_plain);
		put_wrong(&creds, (enum wrong)i);
		pb_inside(&thread, 10, &creds);
		pb_inside(&all, 5, &thread);
		criu_file(&file, CRIU_MAGIC_CORE, &all);
		ok(criu_core_read(file.b, file.n, &c, &e) < 0 && strstr(e.msg, names[i]), "%s: %s",
			names[i], e.msg);
	}
	criu_put_core(&core, &criu_made_plain);
	pb_inside(&core, 5, &core);
	criu_file(&file, CRIU_MAGIC_CORE, &core);
	{
		AUTO_CRIU_CORE struct criu_core c = {.groups = NULL};
		struct err e = {0};

		ok(criu_core_read(file.b, file.n, &c, &e) < 0 &&
				strstr(e.msg, "\"core\" has a member twice"),
			"two sets of credentials would be merged by others: %s", e.msg);
	}
	core.n = 0;
	criu_put_core(&core, &criu_made_plain);
	for (size_t n = 0; n < core.n; n++) {
		struct pb part = core;
		AUTO_CRIU_CORE struct criu_core c = {.groups = NULL};
		struct err e = {0};

		part.n = n;
		criu_file(&file, CRIU_MAGIC_CORE, &part);
		/* only behind a whole member may it end, and none of those has all */
		bad += criu_core_read(file.b, file.n, &c, &e) == 0;
	}
	ok(bad == 0, "an image that is cut anywhere is refused (%u of %zu are not)", bad, core.n);
}

static void test_values(void)
{
	struct criu_made m = criu_made_plain;
	AUTO_CRIU_CORE struct criu_core c = {.groups = NULL};
	struct pb core = {.n = 0}, file;
	struct err e = {0};

	for (uint32_t i = 0; i < 8; i++)
		m.ids[i] = 100 + i;
	for (unsigned i = 0; i < 5; i++)
		m.caps[i] = BIT(i) | BIT(40 - i);
	m.groups[0] = 3;
	m.groups[1] = 4;
	m.groups[2] = 5;
	m.n_groups = 3;
	m.securebits = 0x11;
	m.filter = 77;
	m.label = "L";
	m.policy = 5;
	m.nice = -3;
	m.n_rlimits = 2;
	m.rlimits[1][0] = 8;
	m.rlimits[1][1] = UINT64_MAX;
	m.oom = -998;
	criu_put_core(&core, &m);
	criu_file(&file, CRIU_MAGIC_CORE, &core);
	if (!ok(criu_core_read(file.b, file.n, &c, &e) == 0, "read: %s", e.msg))
		return;
	ok(memcmp(c.ids, m.ids, sizeof c.ids) == 0 && memcmp(c.caps, m.caps, sizeof c.caps) == 0,
		"ids and capabilities");
	ok(c.n_groups == 3 && c.groups[2] == 5 && c.securebits == 0x11 && c.no_new_privs,
		"groups, securebits");
	ok(c.seccomp_mode == 2 && c.has_filter && c.filter == 77 && c.label_len == 1 &&
			c.label[0] == 'L',
		"filter, label");
	ok(c.policy == 5 && c.nice == -3 && c.has_oom && c.oom == -998 && !c.dead, "scheduling");
	ok(c.n_rlimits == 2 && c.rlimits[1].soft == 8 && c.rlimits[1].hard == UINT64_MAX, "limits");
}

/* A filter follows an earlier one, or there would be rings of them. */
static void test_filters(void)
{
	static const struct {
		int before;
		bool good;
	} rows[] = {{-1, true}, {0, true}, {1, false}, {2, false}, {INT32_MAX, false}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		AUTO_CRIU_FILTERS struct criu_filters f = {.v = NULL};
		struct pb all = {.n = 0}, file;
		struct err e = {0};

		criu_put_filter(&all, 0, -1, -1);
		criu_put_filter(&all, 0, -1, rows[i].before);
		criu_file(&file, CRIU_MAGIC_SECCOMP, &all);
		ok((criu_filters_read(file.b, file.n, &f, &e) == 0) == rows[i].good,
			"the second filter follows number %d: %s", rows[i].before, e.msg);
		if (rows[i].good)
			ok(f.n == 2 && f.v[0].insns == 4 && f.v[1].has_before == (i > 0),
				"both are there");
	}
}

static void test_namespaces(void)
{
	struct criu_namespaces of, host;
	struct pb ids = {.n = 0}, file, old;
	struct err e = {0};
	unsigned bad = 0;

	criu_put_ids(&ids, 1u << CRIU_NS_MOUNT | 1u << CRIU_NS_TIME);
	criu_file(&file, CRIU_MAGIC_IDS, &ids);
	if (!ok(criu_ids_read(file.b, file.n, &of, &e) == 0, "namespaces of a process: %s", e.msg))
		return;
	criu_inventory(&file, 2);
	if (!ok(criu_inventory_read(file.b, file.n, &host, &e) == 0, "of the host: %s", e.msg))
		return;
	for (int i = 0; i < CRIU_NAMESPACES; i++)
		ok((of.id[i] == host.id[i]) == (i == CRIU_NS_MOUNT || i == CRIU_NS_TIME) &&
				host.id[i] == (uint32_t)i + 1,
			"namespace %d", i);
	for (size_t n = 0; n < file.n; n++)
		bad += criu_inventory_read(file.b, n, &host, &e) == 0;
	ok(bad == 0, "cut anywhere it is refused");
	file.n = 8 + 2; /* the version alone */
	file.b[4] = 2;
	ok(criu_inventory_read(file.b, file.n, &host, &e) < 0 && strstr(e.msg, "does not say"),
		"an inventory without the host's: %s", e.msg);
	criu_inventory(&old, 1);
	ok(criu_inventory_read(old.b, old.n, &host, &e) < 0 && strstr(e.msg, "img_version 1"),
		"the form of an old CRIU: %s", e.msg);
	pb_put(&ids, 5 + CRIU_NS_PID, 99);
	criu_file(&file, CRIU_MAGIC_IDS, &ids);
	ok(criu_ids_read(file.b, file.n, &of, &e) < 0 && strstr(e.msg, "twice"),
		"a namespace twice: %s", e.msg);
}

int main(void)
{
	test_namespaces();
	test_filters();
	test_values();
	test_reader();
	return tap_done();
}

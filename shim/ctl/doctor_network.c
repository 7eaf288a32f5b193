/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor_network - what rules of containers' networks need: the hook, and what it asks of the kernel.
 *
 * To ask the kernel itself, by a netlink socket, would load modules.
 */
#include "shim/ctl/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/str.h"
#include "shim/ctl/net.h"

#define AREA "network"

enum {
	CGROUP2_MAGIC = 0x63677270, /* linux/magic.h */
	LIST_MAX = 16 << 20, /* of a file that lists modules */
};

static const char for_whom[] =
	"containers of profiles that enforce their network do not start; others start, and "
	"nothing is counted or learned";

static void check_hook(struct doctor *d)
{
	static const char again[] = "install cinch again: cinch-hook has to lie beside it";
	char path[PATH_MAX + 32];
	struct err e = {0};
	struct stat st;

	snprintf(path, sizeof path, "%s/cinch-hook", d->programs);
	if (stat(path, &st) < 0)
		doctor_say(d, DOCTOR_PROBLEM, AREA, path, for_whom, again, "%s", strerror(errno));
	else if (!S_ISREG(st.st_mode) || !(st.st_mode & S_IXUSR))
		doctor_say(d, DOCTOR_PROBLEM, AREA, path, for_whom, again, "it is not a program");
	else if (io_check_owner(path, &st, &e) < 0)
		doctor_say(d, DOCTOR_PROBLEM, AREA, path,
			"who can change it is root of the node, so it is not run", e.msg,
			"others can change it");
	else
		doctor_say(d, DOCTOR_OK, AREA, path, NULL, NULL, "is there");
}

/* ---- the kernel ---- */

/* The text of the list FILE of this kernel's modules; NULL: there is none. */
static char *modules(const char *release, const char *file)
{
	AUTO_FD int fd = -1;
	char path[300], *text = NULL;
	struct err e;
	size_t len;

	snprintf(path, sizeof path, "/lib/modules/%.200s/%s", release, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && io_read_all(fd, LIST_MAX, &text, &len, &e) == 0 ? text : NULL;
}

static bool in_list(const char *list, const char *name)
{
	char entry[64];

	snprintf(entry, sizeof entry, "/%s.ko", name);
	return list && strstr(list, entry);
}

static bool is_loaded(const char *name)
{
	char path[96];

	snprintf(path, sizeof path, "/sys/module/%s", name);
	return access(path, F_OK) == 0;
}

/* Kernels that are built for one machine may have no lists: then nobody can tell. */
static void check_modules(struct doctor *d, const char *release)
{
	static const char *const names[] = {"nf_tables", "nf_conntrack", "nft_ct", "nft_socket",
		"nft_fib_inet", "nft_reject_inet"};
	AUTO_FREE char *builtin = modules(release, "modules.builtin");
	AUTO_FREE char *others = modules(release, "modules.dep");
	AUTO_STR struct str missing = STR_INIT;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!is_loaded(names[i]) && !in_list(builtin, names[i]) &&
			!in_list(others, names[i]))
			str_addf(&missing, "%s%s", missing.len ? ", " : "", names[i]);
	d->failed = d->failed || str_failed(&missing);
	if (!missing.len)
		doctor_say(d, DOCTOR_OK, AREA, "nf_tables", NULL, NULL, "is there");
	else if (!builtin && !others)
		doctor_say(d, DOCTOR_NOTE, AREA, "nf_tables",
			"this kernel has no lists of its modules: the first container with rules "
			"will tell",
			NULL, "may be built in; not to be seen: %s", str_text(&missing));
	else
		doctor_say(d, DOCTOR_WARNING, AREA, "nf_tables", for_whom,
			"install the kernel's modules, or a kernel with CONFIG_NF_TABLES_INET, "
			"CONFIG_NFT_SOCKET, CONFIG_NFT_CT, CONFIG_NFT_FIB_INET and "
			"CONFIG_NFT_REJECT_INET",
			"the kernel has no %s", str_text(&missing));
}

/* "socket cgroupv2" of nftables came with Linux 5.13. */
static bool is_old(const char *release)
{
	unsigned major = 0, minor = 0;

	return sscanf(release, "%u.%u", &major, &minor) == 2 && /* NOLINT(cert-err34-c) */
	       (major < 5 || (major == 5 && minor < 13));
}

static bool is_cgroup2(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_MAGIC;
}

static void check_cgroups(struct doctor *d, const char *release)
{
	static const char why[] =
		"containers of one pod then share their rules, and one in the host's network is "
		"refused where its network is enforced";

	if (is_old(release))
		doctor_say(d, DOCTOR_WARNING, AREA, "rules by cgroup", why, "use a newer kernel",
			"Linux %.60s cannot tell whose socket it is (5.13 can)", release);
	else if (!is_cgroup2("/sys/fs/cgroup") && !is_cgroup2("/sys/fs/cgroup/unified"))
		doctor_say(d, DOCTOR_WARNING, AREA, "rules by cgroup", why,
			"boot with systemd.unified_cgroup_hierarchy=1",
			"there is no cgroup2 hierarchy");
	else
		doctor_say(d, DOCTOR_OK, AREA, "rules by cgroup", NULL, NULL, "are possible");
}

/* ---- what is written down ---- */

static void check_registry(struct doctor *d)
{
	static const char sync[] = "cinchctl net sync";
	AUTO_NET_LIST struct net_list list = {0};
	struct err e = {0};
	char dir[PATH_MAX];

	if (net_dir(dir, &e) < 0) /* said elsewhere */
		return;
	if (net_list_read(dir, &list, &e) < 0)
		doctor_say(d, DOCTOR_PROBLEM, AREA, dir, for_whom, NULL, "%s", e.msg);
	if (list.damaged.n)
		doctor_say(d, DOCTOR_WARNING, AREA, dir,
			"where such a container still runs, others of its pod do not start", sync,
			"%zu entr%s cannot be read, the first %.64s", list.damaged.n,
			list.damaged.n == 1 ? "y" : "ies", list.damaged.v[0]);
	if (list.left.n)
		doctor_say(d, DOCTOR_NOTE, AREA, dir,
			"they are members of their segments until a container comes or goes", sync,
			"%zu container%s gone, and still written down, the first %.64s",
			list.left.n, list.left.n == 1 ? " is" : "s are", list.left.v[0]);
	if (!e.code && !list.damaged.n && !list.left.n)
		doctor_say(d, DOCTOR_OK, AREA, dir, NULL, NULL,
			"who has rules is written down for %zu container%s", list.n,
			list.n == 1 ? "" : "s");
}

void doctor_network(struct doctor *d)
{
	struct utsname u;

	if (uname(&u) < 0)
		strcpy(u.release, "unknown");
	check_hook(d);
	check_modules(d, u.release);
	check_cgroups(d, u.release);
	check_registry(d);
}

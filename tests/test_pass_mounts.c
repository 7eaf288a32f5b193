/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pass_mounts - the tables of pass_mounts and pass_rootfs, and what both say to the documents
 * that engines write.
 */
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "shim/base/cleanup.h"
#include "shim/mountopt.h"
#include "tests/one_pass.h"
#include "tests/tap.h"
#include "tests/world_fake.h"

#define M(dest, type, source, options)                                                             \
	"{'destination':'" dest "','type':'" type "','source':'" source "','options':[" options "]}"
#define DOC(list) "{'root':{'path':'rootfs'},'mounts':[" list "]}"
#define ALL "'nosuid','nodev','noexec'"
#define BIND(dest, source) M(dest, "bind", source, "'rbind'," ALL)
#define TMPFS(dest) M(dest, "tmpfs", "tmpfs", ALL)
#define NONE DOC("")

/* Allowed: all of /data but /data/private; by name /run/docker.sock, /data/odd.sock, /etc/hosts. */
static const struct one_case sources[] = {
	{"an allowed source", DOC(BIND("/x", "/data/x")), NULL, NULL},
	{"one that is not", DOC(BIND("/x", "/secret/x")), NULL,
		"the profile does not allow this source"},
	{"deny wins", DOC(BIND("/x", "/data/private/x")), NULL, "the profile denies this source"},
	{"a link out of the allowed tree", DOC(BIND("/x", "/data/link")), NULL,
		"mount of /data/link, which is /secret/x, on /x"},
	{"an engine's socket", DOC(BIND("/x", "/run/containerd/containerd.sock")), NULL,
		"controls the node: /run/containerd/containerd.sock"},
	{"by another name", DOC(BIND("/x", "/data/alias")), NULL, "controls the node: /run/nri"},
	{"what contains it, though a glob fits", DOC(BIND("/x", "/")), NULL, "controls the node"},
	{"a control the profile names", DOC(BIND("/x", "/run/docker.sock")), NULL, NULL},
	{"some socket", DOC(BIND("/x", "/secret/some.sock")), NULL, "it is a socket of the host"},
	{"a socket the profile names", DOC(BIND("/x", "/data/odd.sock")), NULL, NULL},
	{"no source", DOC(M("/x", "bind", "", "'bind'")), NULL, "has no source"},
	{"does not exist", DOC(BIND("/x", "/data/gone")), NULL, "it does not exist"},
	{"cannot be looked at", DOC(BIND("/x", "/data/closed")), NULL,
		"cannot look at the mount source"},
	{"relative to the bundle", DOC(BIND("/x", "sub")), NULL,
		"mount of sub, which is /bundle/sub"},
	{"the word alone makes a bind", DOC(M("/x", "tmpfs", "/secret/x", "'rbind'," ALL)), NULL,
		"the profile does not allow this source"},
	{"so does the type", DOC(M("/x", "bind", "/secret/x", ALL)), NULL,
		"the profile does not allow this source"},
	{"shared memory of the host", DOC(BIND("/dev/shm", "/dev/shm")), NULL, "does not allow"},
	{"another device goes", DOC(BIND("/dev/kmsg", "/dev/kmsg") "," TMPFS("/t")),
		DOC(TMPFS("/t")), NULL},
	{"a default device stays",
		DOC(M("/dev/null", "bind", "/dev/null", "'rbind','nosuid','noexec'")), NULL, NULL},
	{"the profile's device loses nodev's opposite not",
		DOC(M("/dev/fuse", "bind", "/dev/fuse", "'bind','dev'")),
		DOC(M("/dev/fuse", "bind", "/dev/fuse", "'bind','dev','nosuid','noexec'")), NULL},
};

static const struct one_case flags[] = {
	{"a bind gets all three", DOC(M("/x", "bind", "/data/x", "'rbind'")),
		DOC(M("/x", "bind", "/data/x", "'rbind'," ALL)), NULL},
	{"without options", DOC("{'destination':'/x','type':'tmpfs','source':'t'}"),
		DOC("{'destination':'/x','type':'tmpfs','source':'t','options':[" ALL "]}"), NULL},
	{"their opposites go",
		DOC(M("/x", "bind", "/data/x", "'bind','suid','dev','exec','nosuid','suid'")),
		DOC(M("/x", "bind", "/data/x", "'bind','nosuid','nodev','noexec'")), NULL},
	{"so do the recursive ones",
		DOC(M("/x", "bind", "/data/x", "'rbind','rsuid','rdev','rexec','rrw'," ALL)),
		DOC(BIND("/x", "/data/x")), NULL},
	{"programs on a read-only bind may run", DOC(M("/x", "bind", "/data/x", "'bind','ro'")),
		DOC(M("/x", "bind", "/data/x", "'bind','ro','nosuid','nodev'")), NULL},
	{"rw behind ro is writable", DOC(M("/x", "bind", "/data/x", "'bind','ro','rw'")),
		DOC(M("/x", "bind", "/data/x", "'bind','ro','rw'," ALL)), NULL},
	{"the host's read-only stays", DOC(M("/x", "bind", "/data/ro", "'bind','rw'")),
		DOC(M("/x", "bind", "/data/ro", "'bind','ro','nosuid','nodev'")), NULL},
	{"a file of the host's system is read-only",
		DOC(M("/etc/hosts", "bind", "/etc/hosts", "'bind'")),
		DOC(M("/etc/hosts", "bind", "/etc/hosts", "'bind','ro','nosuid','nodev'")), NULL},
	{"the container's /dev keeps its devices", DOC(M("/dev", "tmpfs", "tmpfs", "'nosuid'")),
		DOC(M("/dev", "tmpfs", "tmpfs", "'nosuid','noexec'")), NULL},
	{"the profile's own tmpfs with programs",
		DOC(M("/opt/run", "tmpfs", "tmpfs", "'nosuid','nodev'")), NULL, NULL},
	{"shared becomes slave", DOC(M("/x", "bind", "/data/x", "'rbind','rshared','shared'," ALL)),
		DOC(M("/x", "bind", "/data/x", "'rbind','rslave','slave'," ALL)), NULL},
	{"an unknown option", DOC(M("/x", "bind", "/data/x", "'rbind','copy-symlink'," ALL)), NULL,
		"option \"copy-symlink\" of the bind mount on /x is not known"},
	{"remount", DOC(M("/x", "bind", "/data/x", "'rbind','remount'," ALL)), NULL, "\"remount\""},
	{"a comma", DOC(M("/x", "tmpfs", "t", "'size=1m,suid'," ALL)), NULL, "is not known"},
	{"data of tmpfs", DOC(M("/x", "tmpfs", "t", "'size=1m','mode=755','tmpcopyup'," ALL)), NULL,
		NULL},
	{"data of another file system", DOC(M("/x", "bind", "/data/x", "'size=1m','bind'," ALL)),
		NULL, "is not known"},
};

static const struct one_case places[] = {
	{"the usual ones",
		DOC(M("/proc", "proc", "proc", ALL) "," M("/dev/pts", "devpts", "devpts",
			"'nosuid','noexec','newinstance','ptmxmode=0666','mode=0620','gid="
			"5'") "," M("/dev/mqueue", "mqueue", "mqueue", ALL) "," M("/sys", "sysfs",
			"sysfs",
			"'ro'," ALL) "," M("/sys/fs/cgroup", "cgroup", "cgroup", "'ro'," ALL)),
		NULL, NULL},
	{"sysfs and cgroup are read-only",
		DOC(M("/sys", "sysfs", "sysfs", "'rw'," ALL) "," M(
			"/sys/fs/cgroup", "cgroup2", "cgroup", ALL)),
		DOC(M("/sys", "sysfs", "sysfs", ALL ",'ro'") "," M(
			"/sys/fs/cgroup", "cgroup2", "cgroup", ALL ",'ro'")),
		NULL},
	{"proc elsewhere", DOC(M("/x", "proc", "proc", ALL)), NULL,
		"proc belongs on /proc, not on /x"},
	{"sysfs elsewhere", DOC(M("/x", "sysfs", "s", "'ro'," ALL)), NULL, "belongs on /sys"},
	{"cgroup elsewhere", DOC(M("/x", "cgroup", "c", "'ro'," ALL)), NULL,
		"belongs on /sys/fs/cgroup"},
	{"devpts elsewhere", DOC(M("/x", "devpts", "d", "'nosuid','noexec'")), NULL,
		"belongs on /dev/pts"},
	{"a disk", DOC(M("/x", "ext4", "/dev/sda1", ALL)), NULL,
		"type \"ext4\" on /x is not allowed"},
	{"an overlay", DOC(M("/x", "overlay", "overlay", ALL)), NULL, "type \"overlay\""},
	{"no type", DOC("{'destination':'/x','source':'x'}"), NULL, "type \"\""},
	{"over the root", DOC(TMPFS("/")), NULL, "the whole root file system"},
	{"over /proc", DOC(TMPFS("/proc")), NULL, "CVE-2019-16884"},
	{"under /proc", DOC(BIND("/proc/meminfo", "/data/x")), NULL, "CVE-2019-16884"},
	{"with slashes", DOC(BIND("//proc//meminfo/", "/data/x")), NULL, "CVE-2019-16884"},
	{"relative", DOC(BIND("proc/meminfo", "/data/x")), NULL, "CVE-2019-16884"},
	{"by a link of the image", DOC(BIND("/to-proc/meminfo", "/data/x")), NULL,
		"CVE-2019-16884"},
	{"with ..", DOC(BIND("/x/../etc", "/data/x")), NULL, "contains \"..\""},
	{"dots in names", DOC(BIND("/x..y/..z", "/data/x")), NULL, NULL},
	{"under /sys", DOC(TMPFS("/sys/fs/selinux")), NULL, "what /sys says"},
	{"over /dev", DOC(BIND("/dev", "/data/x")), NULL, "own devices"},
	{"a terminal", DOC(BIND("/dev/pts/0", "/data/x")), NULL, "own devices"},
	{"tmpfs over terminals", DOC(TMPFS("/dev/pts")), NULL, "terminals"},
	{"/dev/null", DOC(BIND("/dev/null", "/data/x")), NULL, "CVE-2025-31133"},
	{"no destination", DOC("{'type':'tmpfs'}"), NULL, "no destination"},
	{"a destination that cannot be looked at", DOC(TMPFS("/closed")), NULL, "/closed"},
	{"inside a writable volume", DOC(BIND("/v", "/data/x") "," TMPFS("/v/sub")), NULL,
		"inside the writable volume on /v"},
	{"whichever comes first", DOC(BIND("/v/sub", "/data/y") "," BIND("/v", "/data/x")), NULL,
		"CVE-2021-30465"},
	{"beside it", DOC(BIND("/v", "/data/x") "," TMPFS("/v2") "," TMPFS("/v")), NULL, NULL},
	{"inside a tmpfs", DOC(TMPFS("/v") "," BIND("/v/sub", "/data/x")), NULL, NULL},
	{"inside a read-only volume",
		DOC(M("/v", "bind", "/data/x", "'bind','ro','nosuid','nodev'") "," TMPFS("/v/sub")),
		NULL, NULL},
	{"inside a read-only volume, by a link",
		DOC(M("/v", "bind", "/data/x", "'bind','ro','nosuid','nodev'") "," TMPFS(
			"/v/link/sub")),
		NULL, "inside the linked volume"},
	{"Kubernetes' token in CRI-O's secrets",
		DOC(BIND("/run/secrets", "/data/x") "," TMPFS("/run/secrets/new")), NULL, NULL},
	{"no mounts", "{'root':{'path':'rootfs'}}", NULL, NULL},
	{"rootfsPropagation", "{'linux':{'rootfsPropagation':'rshared'}}",
		"{'linux':{'rootfsPropagation':'rslave'}}", NULL},
	{"slave of / alone", "{'linux':{'rootfsPropagation':'slave'}}",
		"{'linux':{'rootfsPropagation':'rslave'}}", NULL},
	{"private of / alone", "{'linux':{'rootfsPropagation':'private'}}",
		"{'linux':{'rootfsPropagation':'rprivate'}}", NULL},
	{"unbindable of / alone", "{'linux':{'rootfsPropagation':'unbindable'}}",
		"{'linux':{'rootfsPropagation':'runbindable'}}", NULL},
	{"an unknown propagation", "{'linux':{'rootfsPropagation':'outward'}}",
		"{'linux':{'rootfsPropagation':'rslave'}}", NULL},
	{"rprivate", "{'linux':{'rootfsPropagation':'rprivate'}}", NULL, NULL},
	{"runbindable", "{'linux':{'rootfsPropagation':'runbindable'}}", NULL, NULL},
};

static const struct one_case host_ipc[] = {
	{"shared memory of the host where its IPC namespace is allowed",
		DOC(BIND("/dev/shm", "/dev/shm")), NULL, NULL},
};

static const struct one_case soft[] = {
	{"the profile asks for no flags", DOC(M("/x", "bind", "/data/x", "'bind','exec'")), NULL,
		NULL},
};

#define ROOT(members, list) "{'root':{'path':'rootfs'" members "},'mounts':[" list "]}"
#define RO ",'readonly':true"
#define TMP_AT(dest)                                                                               \
	M(dest, "tmpfs", "tmpfs",                                                                  \
		"'rprivate','nosuid','nodev','noexec','mode=1777','size=67108864'")
#define TMP TMP_AT("/tmp")
#define RUN                                                                                        \
	M("/run", "tmpfs", "tmpfs", "'rprivate','nosuid','nodev','noexec','mode=1777','tmpcopyup'")
#define OPT M("/opt/run", "tmpfs", "tmpfs", "'rprivate','nosuid','nodev','mode=1777'")

static const struct one_case rootfs[] = {
	{"made read-only, with what stays writable", ROOT("", ""), ROOT(RO, TMP "," RUN "," OPT),
		NULL},
	{"no list of mounts", "{'root':{'path':'rootfs','readonly':null}}",
		ROOT(RO, TMP "," RUN "," OPT), NULL},
	{"who asked for read-only gets nothing writable", ROOT(RO, ""), NULL, NULL},
	{"a mount there already", ROOT("", TMPFS("/tmp") "," BIND("/run", "/data/x")),
		ROOT(RO, TMPFS("/tmp") "," BIND("/run", "/data/x") "," OPT), NULL},
	{"a mount above", ROOT("", TMPFS("/opt")), ROOT(RO, TMPFS("/opt") "," TMP "," RUN), NULL},
	{"mounts below come after it",
		ROOT("", TMPFS("/x") "," TMPFS("/run/y") "," TMPFS("/run/z")),
		ROOT(RO, TMPFS("/x") "," RUN "," TMPFS("/run/y") "," TMPFS("/run/z") "," TMP
										     "," OPT),
		NULL},
	{"for a user",
		"{'process':{'user':{'uid':5,'gid':6}},'root':{'path':'rootfs'},"
		"'mounts':[" TMPFS("/tmp") "," TMPFS("/run") "]}",
		"{'process':{'user':{'uid':5,'gid':6}},'root':{'path':'rootfs','readonly':true},"
		"'mounts':[" TMPFS("/tmp") "," TMPFS("/run") "," M("/opt/run", "tmpfs", "tmpfs",
			"'rprivate','nosuid','nodev','mode=1777','uid=5','gid=6'") "]}",
		NULL},
	{"no root", "{}", NULL, "no root file system"},
	{"the host's own root", "{'root':{'path':'/','readonly':true}}", NULL,
		"a part of the host"},
	{"a file", "{'root':{'path':'/etc/hosts','readonly':true}}", NULL, "is not a directory"},
	{"not there", "{'root':{'path':'/nonexistent','readonly':true}}", NULL,
		"is not a directory"},
	{"cannot be looked at", "{'root':{'path':'/data/closed','readonly':true}}", NULL,
		"cannot look at the root file system"},
};

static void images(const struct profile *p)
{
	static const struct {
		const char *what, *in, *deny;
		const char *want; /* NULL: the profile leaves the rootfs writable */
		struct fake_path entry;
	} cases[] = {
		{"/dev is a link", DOC(TMPFS("/dev")), "/dev of the image is a symlink to /etc",
			NULL, {.path = "/dev", .real = "/etc"}},
		{"/proc is a link", NONE, "/proc of the image is a symlink", NULL,
			{.path = "/proc", .real = "/x"}},
		{"/sys is a link", NONE, "/sys of the image is a symlink", NULL,
			{.path = "/sys", .real = "/x"}},
		{"/proc is a file", NONE, "/proc of the image is not what it has to be", NULL,
			{.path = "/proc", .mode = S_IFREG}},
		{"/sys does not exist", NONE, NULL, NULL, {.path = "/sys", .missing = true}},
		{"/dev cannot be looked at", NONE, "cannot look at /dev", NULL,
			{.path = "/dev", .fail = true}},
		{"/dev/null is a link", NONE, "/dev/null of the image is a symlink", NULL,
			{.path = "/dev/null", .real = "/proc/sys/kernel/core_pattern"}},
		{"/dev/null is a link, under a mount", DOC(TMPFS("/dev")), NULL, NULL,
			{.path = "/dev/null", .real = "/x"}},
		{"/dev/null is a file", NONE, "/dev/null of the image is not", NULL,
			{.path = "/dev/null", .mode = S_IFREG}},
		{"/dev/console is a file, as engines make it", NONE, NULL, NULL,
			{.path = "/dev/console", .mode = S_IFREG}},
		{"/dev/pts is a link", NONE, "/dev/pts of the image is a symlink", NULL,
			{.path = "/dev/pts", .real = "/x"}},
		{"/tmp leads to /proc", NONE, "/tmp of the image leads to /proc/sys",
			ROOT(RO, RUN "," OPT), {.path = "/tmp", .real = "/proc/sys"}},
		{"/tmp is /run", NONE, NULL, ROOT(RO, TMP_AT("/run") "," OPT),
			{.path = "/tmp", .real = "/run"}},
		{"/tmp cannot be looked at", NONE, "cannot make /tmp writable",
			ROOT(RO, RUN "," OPT), {.path = "/tmp", .fail = true}},
		{"/tmp is a file", NONE, NULL, ROOT(RO, RUN "," OPT),
			{.path = "/tmp", .mode = S_IFREG}},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO_FAKE struct world_fake fake;
		AUTO_STR struct str notes = STR_INIT;
		struct profile strict = *p;
		struct one_case c = {cases[i].what, cases[i].in, cases[i].want, cases[i].deny};

		world_fake_init(&fake);
		world_fake_entry(&fake, cases[i].entry);
		strict.rootfs.readonly = c.want != NULL;
		ok(one_pass(CONTROL_ROOTFS, pass_rootfs, &strict, &fake.world, &c, &notes),
			"rootfs: %s", c.what);
		fputs(str_text(&notes), stdout);
	}
}

/* The engines' own documents under the two built-in profiles, all passes of the file system. */
struct sample {
	const char *name;
	const char *restricted, *baseline; /* part of a denial; NULL: none */
};

static const struct sample samples[] = {
	{"cri-byid", NULL, NULL},
	{"cri-capdrop", NULL, NULL},
	{"cri-default-sandbox", NULL, NULL},
	{"cri-default", NULL, NULL},
	{"cri-hostns-sandbox", "/dev/shm", "/dev/shm"},
	{"cri-nonroot", NULL, NULL},
	{"cri-privileged-sandbox", NULL, NULL},
	{"cri-privileged", NULL, NULL},
	{"cri-rofs", NULL, NULL},
	{"cri-seccomp-sandbox", NULL, NULL},
	{"cri-seccomp", NULL, NULL},
	{"cri-sharepid", NULL, NULL},
	{"ctr-appimg-user", NULL, NULL},
	{"ctr-capadd", NULL, NULL},
	{"ctr-cni", NULL, NULL},
	{"ctr-config", NULL, NULL},
	{"ctr-default", NULL, NULL},
	{"ctr-nethost", "network", "network"},
	{"ctr-privileged", NULL, NULL},
	{"ctr-rootfs", NULL, NULL},
	{"ctr-seccomp-profile", NULL, NULL},
	{"ctr-seccomp", NULL, NULL},
	{"ctr-tty", NULL, NULL},
	{"ctr-with-ns", NULL, NULL},
	{"docker-buildkit", NULL, NULL},
	{"docker-capadd", NULL, NULL},
	{"docker-default", NULL, NULL},
	{"docker-init", NULL, NULL},
	{"docker-nethost", "network", "network"},
	{"docker-netnone", NULL, NULL},
	{"docker-pidhost", "host's pid", "host's pid"},
	{"docker-ports", NULL, NULL},
	{"docker-privileged", NULL, NULL},
	{"docker-readonly", NULL, NULL},
	{"docker-seccomp-unconfined", NULL, NULL},
	{"docker-tty", NULL, NULL},
	{"docker-userimg", NULL, NULL},
	{"podman-capdrop", NULL, NULL},
	{"podman-default", NULL, NULL},
	{"podman-init", NULL, NULL},
	{"podman-nethost", "host's ipc", "host's ipc"},
	{"podman-netnone", NULL, NULL},
	{"podman-play", NULL, NULL},
	{"podman-pod-ctr", NULL, NULL},
	{"podman-pod-infra", NULL, NULL},
	{"podman-privileged", NULL, NULL},
	{"podman-readonly", NULL, NULL},
	{"podman-rootless-privileged", NULL, NULL},
	{"podman-rootless", NULL, NULL},
	{"podman-userns", NULL, NULL},
};

/* All of pass_*.c that this file and its neighbours test, in tighten's order. */
static void file_system(struct edit *ed, const struct profile *p, const struct world *w)
{
	pass_namespaces(ed, p, w);
	pass_rootfs(ed, p, w);
	pass_mounts(ed, p, w);
	pass_paths(ed, p, w);
	pass_devices(ed, p, w);
}

static void engines(const struct world *w)
{
	static const char *const names[] = {"restricted", "baseline"};

	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
		for (size_t k = 0; k < 2; k++) {
			AUTO_PROFILE struct profile *p = NULL;
			AUTO_STR struct str notes = STR_INIT;
			const char *deny = k ? samples[i].baseline : samples[i].restricted;
			char path[128];

			snprintf(path, sizeof path, "tests/data/samples/%s.json", samples[i].name);
			ok(profile_builtin(names[k], &p, NULL) == 0 &&
					one_pass_file(file_system, p, w, path, deny, &notes),
				"%s under %s", samples[i].name, names[k]);
			fputs(str_text(&notes), stdout);
		}
}

/* The image has a link /x/a to /y; the volume on /x may have another one there. */
static int crosses_x(void *arg, const char *path, const char *dir, bool *crosses, struct err *e)
{
	(void)arg;
	(void)e;
	*crosses = strcmp(dir, "/x") == 0 && strncmp(path, "/x/a/", 5) == 0;
	return 0;
}

static const struct one_case trees[] = {
	{"flags reach the mounts below",
		"{'mounts':[{'destination':'/t','type':'bind','source':'/data/tree',"
		"'options':['rbind']}]}",
		"{'mounts':[{'destination':'/t','type':'bind','source':'/data/tree',"
		"'options':['rbind','nosuid','rnosuid','nodev','rnodev','noexec','rnoexec']}]}",
		NULL},
	{"read-only ones, too",
		"{'mounts':[{'destination':'/t','type':'bind','source':'/data/tree',"
		"'options':['rbind','ro']}]}",
		"{'mounts':[{'destination':'/t','type':'bind','source':'/data/tree',"
		"'options':['rbind','ro','rro','nosuid','rnosuid','nodev','rnodev']}]}",
		NULL},
	{"no mounts come along",
		"{'mounts':[{'destination':'/t','type':'bind','source':'/data/tree',"
		"'options':['bind']}]}",
		"{'mounts':[{'destination':'/t','type':'bind','source':'/data/tree',"
		"'options':['bind','nosuid','nodev','noexec']}]}",
		NULL},
};

static const struct one_case hidden_links[] = {
	{"a link below a volume",
		"{'mounts':[{'destination':'/x','type':'bind','source':'/data/v',"
		"'options':['rbind','nosuid','nodev','noexec']},{'destination':'/x/a/s','type':"
		"'tmpfs','options':['nosuid','nodev','noexec']}]}",
		NULL, "leads through a link below the volume on /x"},
	{"the same without a volume there",
		"{'mounts':[{'destination':'/x/a/s','type':'tmpfs','options':['nosuid','nodev',"
		"'noexec']}]}",
		NULL, NULL},
};

static void many(const struct profile *p, const struct world *w)
{
	static const struct {
		int n;
		const char *deny;
	} cases[] = {{1024, NULL}, {1025, "1025 mounts are more than 1024"}};

	for (size_t i = 0; i < 2; i++) {
		AUTO_STR struct str doc = STR_INIT, notes = STR_INIT;
		struct one_case c = {"", NULL, NULL, cases[i].deny};

		str_add(&doc, "{'root':{'path':'rootfs','readonly':true},'mounts':[" TMPFS("/t"));
		for (int k = 1; k < cases[i].n; k++)
			str_addf(&doc, "," TMPFS("/t/%d"), k);
		str_add(&doc, "]}");
		c.in = str_text(&doc);
		ok(one_pass(CONTROL_MOUNTS, pass_mounts, p, w, &c, &notes), "%d mounts",
			cases[i].n);
		ok(one_pass(CONTROL_ROOTFS, pass_rootfs, p, w, &c, &notes), "%d mounts, rootfs",
			cases[i].n);
	}
}

/* Each inside all before it: what is asked of the host does not grow with the square. */
static void nested(const struct profile *p, struct world_fake *fake)
{
	AUTO_STR struct str doc = STR_INIT, dest = STR_INIT, notes = STR_INIT;
	struct one_case c = {"", NULL, NULL, "lies inside the linked volume"};
	unsigned before = fake->asked;

	str_add(&doc, "{'mounts':[");
	for (int i = 0; i < 300; i++) {
		str_add(&dest, "/n");
		str_addf(&doc,
			"%s{'destination':'%s','type':'bind','source':'/data/x','options':"
			"['rbind','ro','nosuid','nodev']}",
			i ? "," : "", str_text(&dest));
	}
	str_add(&doc, "]}");
	c.in = str_text(&doc);
	ok(one_pass(CONTROL_MOUNTS, pass_mounts, p, &fake->world, &c, &notes), "300 nested mounts");
	ok(fake->asked - before < 20000, "300 nested mounts: %u questions", fake->asked - before);
}

static void option_words(void)
{
	static const struct {
		const char *type, *word;
		enum mountopt kind;
	} cases[] = {
		{"bind", "ro", MOUNTOPT_PLAIN},
		{"bind", "RO", MOUNTOPT_UNKNOWN},
		{"bind", "", MOUNTOPT_UNKNOWN},
		{"tmpfs", "size=1", MOUNTOPT_PLAIN},
		{"tmpfs", "size", MOUNTOPT_UNKNOWN},
		{"tmpfs", "sizes=1", MOUNTOPT_UNKNOWN},
		{"tmpfs", "mode=1,suid", MOUNTOPT_UNKNOWN},
		{"tmpfs", "newinstance", MOUNTOPT_UNKNOWN},
		{"devpts", "newinstance", MOUNTOPT_PLAIN},
		{"proc", "hidepid=2", MOUNTOPT_PLAIN},
		{"cgroup2", "nsdelegate", MOUNTOPT_UNKNOWN},
		{"bind", "rshared", MOUNTOPT_SHARED},
		{"bind", "rrw", MOUNTOPT_LOOSEN},
		{"bind", "X-mount.mkdir", MOUNTOPT_PLAIN},
		{"bind", "X-mount.subdir=/", MOUNTOPT_UNKNOWN},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ok(mountopt_kind(cases[i].type, cases[i].word) == cases[i].kind, "option %s of %s",
			cases[i].word, cases[i].type);
}

int main(void)
{
	AUTO_FAKE struct world_fake fake, plain;
	struct device_rule fuse[] = {{(char *)"/dev/fuse", 'c', 10, 229, "rw"}};
	struct writable_path writable[] = {{(char *)"/tmp", 64 << 20, false, false},
		{(char *)"/run", 0, false, true}, {(char *)"/opt/run", 0, true, false}};
	char *allow[] = {(char *)"/data/**", (char *)"/run/docker.sock", (char *)"/data/odd.sock",
		(char *)"/etc/hosts", (char *)"/*"};
	char *deny[] = {(char *)"/data/private/**"};
	struct profile p = {
		.mounts = {{allow, 5}, {deny, 1}, true, true, true},
		.rootfs = {false, writable, 3},
		.devices = fuse,
		.n_devices = 1,
	};

	world_fake_init(&fake);
	world_fake_init(&plain);
	world_fake_source(&fake, (struct fake_path){.path = "/data/link", .real = "/secret/x"});
	world_fake_source(&fake, (struct fake_path){.path = "/data/alias", .controls = "/run/nri"});
	world_fake_source(&fake, (struct fake_path){.path = "/data/gone", .missing = true});
	world_fake_source(&fake, (struct fake_path){.path = "/data/closed", .fail = true});
	world_fake_source(&fake, (struct fake_path){.path = "/data/x/link", .real = "/data/y"});
	world_fake_source(&fake, (struct fake_path){.path = "/data/x/new", .missing = true});
	world_fake_source(&fake, (struct fake_path){.path = "/data/ro", .flags = ST_RDONLY});
	world_fake_source(&fake, (struct fake_path){.path = "/data/tree", .mounts_below = true});
	world_fake_entry(&fake, (struct fake_path){.path = "/to-proc", .real = "/proc"});
	world_fake_entry(&fake, (struct fake_path){.path = "/closed", .fail = true});
	option_words();
	one_pass_all(CONTROL_MOUNTS, pass_mounts, &p, &fake.world, sources);
	one_pass_all(CONTROL_MOUNTS, pass_mounts, &p, &fake.world, flags);
	one_pass_all(CONTROL_MOUNTS, pass_mounts, &p, &fake.world, places);
	world_fake_entry(&fake, (struct fake_path){.path = "/x/a", .real = "/y"});
	one_pass_all(CONTROL_MOUNTS, pass_mounts, &p, &fake.world, trees);
	fake.world.rootfs_crosses = crosses_x;
	one_pass_all(CONTROL_MOUNTS, pass_mounts, &p, &fake.world, hidden_links);
	fake.world.rootfs_crosses = NULL;
	images(&p);
	many(&p, &fake.world);
	nested(&p, &fake);
	p.rootfs.readonly = true;
	one_pass_all(CONTROL_ROOTFS, pass_rootfs, &p, &fake.world, rootfs);
	p.namespaces.host = 1u << NS_IPC;
	one_pass_all(CONTROL_MOUNTS, pass_mounts, &p, &fake.world, host_ipc);
	p.mounts.nosuid = p.mounts.nodev = p.mounts.noexec = false;
	one_pass_all(CONTROL_MOUNTS, pass_mounts, &p, &fake.world, soft);
	engines(&plain.world);
	return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pass_namespaces - the tables of pass_namespaces.
 */
#include "tests/one_pass.h"
#include "tests/tap.h"
#include "tests/world_fake.h"

#define OWN                                                                                        \
	"{'type':'mount'},{'type':'pid'},{'type':'network'},{'type':'ipc'},{'type':'uts'},"        \
	"{'type':'cgroup'}"
#define NS(list) "{'linux':{'namespaces':[" list "]}}"
#define BUT_PID "{'type':'mount'},{'type':'uts'},{'type':'ipc'},{'type':'cgroup'}"

static const struct one_case strict[] = {
	{"all its own", NS(OWN), NULL, NULL},
	{"a missing cgroup namespace is added",
		NS("{'type':'mount'},{'type':'pid'},{'type':'network'},{'type':'ipc'},{'type':'uts'"
		   "}"),
		NS(OWN), NULL},
	{"a missing mount namespace is added",
		NS("{'type':'pid'},{'type':'network'},{'type':'ipc'},{'type':'uts'},{'type':'"
		   "cgroup'}"),
		NS("{'type':'pid'},{'type':'network'},{'type':'ipc'},{'type':'uts'},{'type':'"
		   "cgroup'},"
		   "{'type':'mount'}"),
		NULL},
	{"no list at all", "{'linux':{}}", NS("{'type':'mount'},{'type':'cgroup'}"),
		"the host's network namespace"},
	{"a null list is no list", "{'linux':{'namespaces':null}}",
		NS("{'type':'mount'},{'type':'cgroup'}"), "the host's pid namespace"},
	{"no network: refused", NS(BUT_PID ",{'type':'pid'}"), NULL,
		"the host's network namespace is not allowed"},
	{"no pid: refused", NS(BUT_PID ",{'type':'network'}"), NULL,
		"the host's pid namespace is not allowed"},
	{"no ipc: refused",
		NS("{'type':'mount'},{'type':'pid'},{'type':'network'},{'type':'uts'},{'type':'"
		   "cgroup'}"),
		NULL, "the host's ipc namespace"},
	{"no uts: refused",
		NS("{'type':'mount'},{'type':'pid'},{'type':'network'},{'type':'ipc'},{'type':'"
		   "cgroup'}"),
		NULL, "the host's uts namespace"},
	{"a path that is the host's: refused",
		NS(BUT_PID ",{'type':'pid'},{'type':'network','path':'/var/run/docker/netns/"
			   "default'}"),
		NULL, "the host's network namespace is not allowed: /var/run/docker/netns/default"},
	{"by process: refused",
		NS(BUT_PID ",{'type':'pid','path':'/proc/1/ns/pid'},{'type':'network'}"), NULL,
		"the host's pid namespace"},
	{"the host's cgroup namespace by path becomes a new one",
		NS("{'type':'mount'},{'type':'pid'},{'type':'network'},{'type':'ipc'},{'type':'uts'"
		   "},"
		   "{'type':'cgroup','path':'/proc/1/ns/cgroup'}"),
		NS(OWN), NULL},
	{"another network namespace may be joined",
		NS(BUT_PID ",{'type':'pid'},{'type':'network','path':'/run/netns/blue'}"), NULL,
		NULL},
	{"a path of another type",
		NS(BUT_PID ",{'type':'pid'},{'type':'network','path':'/proc/7/ns/ipc'}"), NULL,
		"/proc/7/ns/ipc is not a network namespace"},
	{"a relative path", NS(BUT_PID ",{'type':'pid'},{'type':'network','path':'ns/net'}"), NULL,
		"not absolute"},
	{"a descriptor", NS(BUT_PID ",{'type':'pid'},{'type':'network','path':'/proc/self/fd/5'}"),
		NULL, "not the same namespace to every process"},
	{"a descriptor by another name",
		NS(BUT_PID ",{'type':'pid'},{'type':'network','path':'/dev/fd/5'}"), NULL,
		"not the same namespace to every process"},
	{"more than the file below ns",
		NS(BUT_PID ",{'type':'pid'},{'type':'network','path':'/proc/7/task/7/ns/net'}"),
		NULL, "not the same namespace to every process"},
	{"an empty path is a new one", NS(BUT_PID ",{'type':'pid'},{'type':'network','path':''}"),
		NULL, NULL},
	{"what cannot be looked at is refused",
		NS(BUT_PID ",{'type':'pid'},{'type':'network','path':'/run/netns/closed'}"), NULL,
		"cannot tell whose network namespace"},
	{"two of one type", NS(OWN ",{'type':'network'}"), NULL, "two entries for the network"},
	{"an unknown type", NS(OWN ",{'type':'Network'}"), NULL, "type \"Network\" is not known"},
	{"no type", NS(OWN ",{'path':'/run/netns/blue'}"), NULL, "type \"\" is not known"},
	{"another mount namespace",
		NS("{'type':'mount','path':'/proc/7/ns/mnt'},{'type':'pid'},{'type':'network'},"
		   "{'type':'ipc'},{'type':'uts'},{'type':'cgroup'}"),
		NULL, "joining another mount namespace"},
	{"a user namespace of its own", NS(OWN ",{'type':'user'}"), NULL, NULL},
	{"the host's user namespace by path",
		NS(OWN ",{'type':'user','path':'/proc/self/ns/user'}"), NULL,
		"the host's user namespace"},
};

static const struct one_case joins[] = {
	{"pid with the sandbox's network",
		NS(BUT_PID ",{'type':'pid','path':'/proc/77/ns/pid'},"
			   "{'type':'network','path':'/proc/77/ns/net'}"),
		NULL, NULL},
	{"user with the sandbox's ipc, which stands behind it",
		NS("{'type':'mount'},{'type':'uts'},{'type':'cgroup'},{'type':'pid'},{'type':'"
		   "network'},"
		   "{'type':'user','path':'/proc/77/ns/user'},{'type':'ipc','path':'/proc/77/ns/"
		   "ipc'}"),
		NULL, NULL},
	{"pid alone", NS(BUT_PID ",{'type':'pid','path':'/proc/77/ns/pid'},{'type':'network'}"),
		NULL, "joining the pid namespace of another container"},
	{"user alone", NS(OWN ",{'type':'user','path':'/proc/77/ns/user'}"), NULL,
		"joining the user namespace of another container"},
	{"pid of one, network of another",
		NS(BUT_PID ",{'type':'pid','path':'/proc/77/ns/pid'},"
			   "{'type':'network','path':'/proc/777/ns/net'}"),
		NULL, "joining the pid namespace"},
	{"a longer number is another process",
		NS(BUT_PID ",{'type':'pid','path':'/proc/777/ns/pid'},"
			   "{'type':'network','path':'/proc/77/ns/net'}"),
		NULL, "joining the pid namespace"},
	{"pinned together by CRI-O",
		NS(BUT_PID ",{'type':'pid'},{'type':'user','path':'/var/run/userns/a1'},"
			   "{'type':'network','path':'/var/run/netns/a1'}"),
		NULL, NULL},
	{"pinned, but another pod's",
		NS(BUT_PID ",{'type':'pid'},{'type':'user','path':'/var/run/userns/a1'},"
			   "{'type':'network','path':'/var/run/netns/a2'}"),
		NULL, "joining the user namespace"},
	{"pid by process, network pinned, and they are one pod's",
		NS(BUT_PID ",{'type':'pid','path':'/proc/88/ns/pid'},"
			   "{'type':'network','path':'/var/run/netns/a8'}"),
		NULL, NULL},
	{"pid by process, network pinned, of two pods",
		NS(BUT_PID ",{'type':'pid','path':'/proc/88/ns/pid'},"
			   "{'type':'network','path':'/var/run/netns/a9'}"),
		NULL, "joining the pid namespace"},
};

static const struct one_case lax[] = {
	{"missing ones the profile lets be the host's", NS("{'type':'mount'},{'type':'cgroup'}"),
		NULL, NULL},
	{"by path", NS("{'type':'mount'},{'type':'network','path':'/proc/1/ns/net'}"), NULL, NULL},
	{"a lone join of a type that may be the host's",
		NS("{'type':'mount'},{'type':'pid','path':'/proc/77/ns/pid'}"), NULL, NULL},
	{"a lone join of a user namespace, though it may be the host's",
		NS("{'type':'mount'},{'type':'user','path':'/proc/77/ns/user'}"), NULL,
		"joining the user namespace"},
	{"the mount namespace is made all the same", NS(""), NS("{'type':'mount'}"), NULL},
};

static const struct one_case adding[] = {
	{"missing ones are added, never a user namespace", NS(""),
		NS("{'type':'mount'},{'type':'pid'},{'type':'network'},{'type':'ipc'},{'type':'uts'"
		   "},"
		   "{'type':'cgroup'}"),
		NULL},
	{"the host's by path becomes a new one",
		NS(BUT_PID ",{'type':'pid'},{'type':'network','path':'/proc/1/ns/net'}"),
		NS(BUT_PID ",{'type':'pid'},{'type':'network'}"), NULL},
};

/* The process 88 has what is pinned as a8. */
static int same_a8(void *arg, const char *a, const char *b, bool *same, struct err *e)
{
	(void)arg, (void)e;
	*same = strcmp(a, "/proc/88/ns/net") == 0 && strcmp(b, "/var/run/netns/a8") == 0;
	return 0;
}

int main(void)
{
	AUTO_FAKE struct world_fake fake;
	unsigned all = (1u << NS_COUNT) - 1;
	struct profile p = {.namespaces = {.add = 1u << NS_CGROUP}};

	world_fake_init(&fake);
	world_fake_ns(&fake, (struct fake_path){.path = "/run/netns/closed", .fail = true});
	fake.world.ns_same = same_a8;
	one_pass_all(CONTROL_NAMESPACES, pass_namespaces, &p, &fake.world, strict);
	one_pass_all(CONTROL_NAMESPACES, pass_namespaces, &p, &fake.world, joins);
	p.namespaces.host = all;
	one_pass_all(CONTROL_NAMESPACES, pass_namespaces, &p, &fake.world, lax);
	p.namespaces.host = 0;
	p.namespaces.add = all & ~(1u << NS_TIME);
	one_pass_all(CONTROL_NAMESPACES, pass_namespaces, &p, &fake.world, adding);
	return tap_done();
}

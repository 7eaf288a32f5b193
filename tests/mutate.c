/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mutate - change a document at random.
 */
#include "tests/mutate.h"

#include <stdlib.h>
#include <string.h>

enum { PLACES_MAX = 4000 };

/* splitmix64: small, good enough, the same everywhere */
uint32_t dice_roll(struct dice *d, uint32_t n)
{
	uint64_t z = (d->state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ (z >> 31)) >> 32) % n;
}

/* What somebody who wants more would write, and where. A place that ends in "/-" takes one more item. */
static const struct {
	const char *place, *value;
} fragments[] = {
	{"/process/capabilities/bounding/-", "\"CAP_SYS_ADMIN\""},
	{"/process/capabilities/effective/-", "\"CAP_SYS_PTRACE\""},
	{"/process/capabilities/permitted/-", "\"CAP_NET_ADMIN\""},
	{"/process/capabilities/inheritable", "[\"CAP_NET_BIND_SERVICE\",\"CAP_SYS_ADMIN\"]"},
	{"/process/capabilities/ambient", "[\"CAP_NET_BIND_SERVICE\"]"},
	{"/process/capabilities/bounding", "[\"cap_sys_admin\",\"21\",\"ALL\",\"CAP_\"]"},
	{"/process/capabilities", "{}"},
	{"/process/user", "{\"uid\":0,\"gid\":0}"},
	{"/process/user/uid", "4294967295"},
	{"/process/user/uid", "2147483648"},
	{"/process/user/gid", "0"},
	{"/process/user/additionalGids", "[0,0,5,4294967295]"},
	{"/process/user/umask", "0"},
	{"/process/noNewPrivileges", "false"},
	{"/process/cwd", "\"/proc/self/fd/7\""},
	{"/process/cwd", "\"/a/../proc/self/cwd\""},
	{"/process/cwd", "\"\""},
	{"/process/env/-", "\"LD_PRELOAD=/evil.so\""},
	{"/process/env/-", "\"\""},
	{"/process/env/-", "\"=x\""},
	{"/process/apparmorProfile", "\"unconfined\""},
	{"/process/selinuxLabel", "\"system_u:system_r:spc_t:s0\""},
	{"/process/oomScoreAdj", "-1000"},
	{"/process/rlimits/-",
		"{\"type\":\"RLIMIT_CORE\",\"hard\":18446744073709551615,\"soft\":5}"},
	{"/process/rlimits",
		"[{\"type\":\"RLIMIT_CORE\",\"hard\":1,\"soft\":1},{\"type\":\"RLIMIT_CORE\","
		"\"hard\":9,\"soft\":9}]"},
	{"/process/scheduler", "{\"policy\":\"SCHED_FIFO\",\"priority\":99}"},
	{"/process/ioPriority", "{\"class\":\"IOPRIO_CLASS_RT\",\"priority\":0}"},
	{"/process/execCPUAffinity", "{\"initial\":\"0\",\"final\":\"0\"}"},
	{"/process/terminal", "true"},
	{"/process/secret", "{\"x\":1}"},
	{"/root/readonly", "false"},
	{"/root/path", "\"/\""},
	{"/root", "{\"path\":\"rootfs\"}"},
	{"/mounts/-", "{\"destination\":\"/host\",\"type\":\"bind\",\"source\":\"/"
		      "\",\"options\":[\"rbind\"]}"},
	{"/mounts/-", "{\"destination\":\"/d.sock\",\"type\":\"bind\",\"source\":\"/var/run/"
		      "docker.sock\","
		      "\"options\":[\"bind\"]}"},
	{"/mounts/-",
		"{\"destination\":\"/r\",\"source\":\"/run\",\"options\":[\"rbind\",\"rw\"]}"},
	{"/mounts/-",
		"{\"destination\":\"/data\",\"type\":\"bind\",\"source\":\"/srv/data\",\"options\":"
		"[\"rbind\",\"rshared\",\"suid\",\"dev\",\"exec\"]}"},
	{"/mounts/-",
		"{\"destination\":\"/data/in\",\"type\":\"tmpfs\",\"source\":\"t\",\"options\":"
		"[\"size=99999999k\"]}"},
	{"/mounts/-",
		"{\"destination\":\"/ro\",\"type\":\"bind\",\"source\":\"/srv/data\",\"options\":"
		"[\"ro\",\"bind\",\"rw\",\"ro\",\"nosuid\",\"suid\"]}"},
	{"/mounts/-", "{\"destination\":\"/proc/sys\",\"type\":\"proc\",\"source\":\"proc\"}"},
	{"/mounts/-", "{\"destination\":\"/p\",\"type\":\"proc\",\"source\":\"proc\"}"},
	{"/mounts/-", "{\"destination\":\"/proc/../proc/x\",\"type\":\"tmpfs\",\"source\":\"t\"}"},
	{"/mounts/-",
		"{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\","
		"\"options\":[\"rw\"]}"},
	{"/mounts/-", "{\"destination\":\"/sys\",\"type\":\"bind\",\"source\":\"/"
		      "sys\",\"options\":[\"bind\"]}"},
	{"/mounts/-", "{\"destination\":\"/o\",\"type\":\"overlay\",\"source\":\"o\",\"options\":"
		      "[\"lowerdir=/etc\",\"upperdir=/root\"]}"},
	{"/mounts/-", "{\"destination\":\"rel\",\"type\":\"tmpfs\",\"source\":\"t\"}"},
	{"/mounts/-", "{\"destination\":\"/"
		      "tmp\",\"type\":\"tmpfs\",\"source\":\"t\",\"options\":[\"exec\"]}"},
	{"/mounts/-", "{\"destination\":\"/dev\",\"type\":\"bind\",\"source\":\"/"
		      "dev\",\"options\":[\"rbind\"]}"},
	{"/mounts/-", "{\"destination\":\"/m\",\"type\":\"bind\",\"source\":\"/srv/"
		      "data\",\"options\":[\"bind\","
		      "\"idmap\"],\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]}"},
	{"/mounts", "[]"},
	{"/hooks/prestart/-", "{\"path\":\"/tmp/evil\",\"args\":[\"evil\"]}"},
	{"/hooks/createRuntime/-", "{\"path\":\"/proc/self/exe\",\"args\":[\"x\"],\"timeout\":1}"},
	{"/hooks/prestart/-", "{\"path\":\"/proc/7/exe\",\"args\":[\"dockerd\",\"-H\",\"fd://\"]}"},
	{"/hooks/createContainer", "[{\"path\":\"/proc/7/exe\"}]"},
	{"/hooks/startContainer", "[{\"path\":\"/proc/7/exe\",\"env\":[]}]"},
	{"/hooks/poststop", "[{}]"},
	{"/annotations/run.oci.seccomp_bpf_data", "\"AAAA\""},
	{"/annotations/run.oci.hooks.stdout", "\"/etc/passwd\""},
	{"/annotations/org.systemd.property.ExecStart", "\"x\""},
	{"/annotations/org.criu.config", "\"/tmp/c\""},
	{"/annotations/krun.config", "\"x\""},
	{"/annotations/RUN.OCI.handler", "\"krun\""},
	{"/linux/namespaces/-", "{\"type\":\"network\",\"path\":\"/proc/1/ns/net\"}"},
	{"/linux/namespaces/-", "{\"type\":\"pid\",\"path\":\"/proc/self/ns/pid\"}"},
	{"/linux/namespaces/-", "{\"type\":\"user\",\"path\":\"/proc/77/ns/user\"}"},
	{"/linux/namespaces/-", "{\"type\":\"time\"}"},
	{"/linux/namespaces/-", "{\"type\":\"Network\"}"},
	{"/linux/namespaces", "[]"},
	{"/linux/namespaces/0/path", "\"/proc/1/ns/mnt\""},
	{"/linux/uidMappings", "[{\"containerID\":0,\"hostID\":0,\"size\":4294967295}]"},
	{"/linux/devices/-", "{\"path\":\"/dev/sda\",\"type\":\"b\",\"major\":8,\"minor\":0}"},
	{"/linux/devices/-",
		"{\"path\":\"/dev/null\",\"type\":\"b\",\"major\":8,\"minor\":0,\"fileMode\":511}"},
	{"/linux/devices/-", "{\"path\":\"/etc/passwd\",\"type\":\"c\",\"major\":1,\"minor\":3}"},
	{"/linux/devices/-", "{\"path\":\"/dev/null\",\"type\":\"c\",\"major\":1,\"minor\":3}"},
	{"/linux/resources/devices/-", "{\"allow\":true,\"access\":\"rwm\"}"},
	{"/linux/resources/devices/-", "{\"allow\":true,\"type\":\"a\",\"access\":\"rwm\"}"},
	{"/linux/resources/devices/-",
		"{\"allow\":true,\"type\":\"b\",\"major\":-1,\"minor\":0,\"access\":\"r\"}"},
	{"/linux/resources/devices/-",
		"{\"allow\":true,\"type\":\"c\",\"major\":1,\"access\":\"rw\"}"},
	{"/linux/resources/devices/-",
		"{\"allow\":false,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"w\"}"},
	{"/linux/resources/devices", "[]"},
	{"/linux/resources/pids", "{\"limit\":-1}"},
	{"/linux/resources/pids", "{\"limit\":5}"},
	{"/linux/resources/pids/limit", "9223372036854775807"},
	{"/linux/resources/memory", "{\"limit\":4096,\"swap\":-1,\"disableOOMKiller\":true}"},
	{"/linux/resources/unified",
		"{\"pids.max\":\"7\",\"memory.max\":\"max\",\"cgroup.procs\":\"1\"}"},
	{"/linux/resources/unified/pids.max", "\"max\""},
	{"/linux/resources/rdma", "{\"mlx5_0\":{\"hcaHandles\":3}}"},
	{"/linux/resources", "{}"},
	{"/linux/sysctl", "{\"kernel.shm_rmid_forced\":\"1+kernel.core_pattern=|/x\"}"},
	{"/linux/sysctl/kernel.core_pattern", "\"|/evil\""},
	{"/linux/sysctl/net.ipv4.ip_forward", "\"1\""},
	{"/linux/sysctl/net~1ipv4~1ping_group_range", "\"0 1\""},
	{"/linux/sysctl/net.ipv4.tcp_syncookies", "\"1\\n2\""},
	{"/linux/cgroupsPath", "\"../../..\""},
	{"/linux/cgroupsPath", "\"/\""},
	{"/linux/rootfsPropagation", "\"rshared\""},
	{"/linux/maskedPaths", "[]"},
	{"/linux/maskedPaths",
		"[\"/proc/kcore/\",\"/x\",\"proc/acpi\",\"/proc/acpi\",\"/proc/acpi\"]"},
	{"/linux/readonlyPaths", "[\"\",\"/\"]"},
	{"/linux/mountLabel", "\"x\""},
	{"/linux/personality", "{\"domain\":\"LINUX32\",\"flags\":[\"x\"]}"},
	{"/linux/intelRdt", "{\"closID\":\"..\"}"},
	{"/linux/netDevices", "{\"eth0\":{\"name\":\"e\"}}"},
	{"/linux/timeOffsets", "{\"monotonic\":{\"secs\":99}}"},
	{"/linux/seccomp", "{}"},
	{"/linux/seccomp", "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}"},
	{"/linux/seccomp/defaultAction", "\"SCMP_ACT_LOG\""},
	{"/linux/seccomp/flags",
		"[\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\",\"SECCOMP_FILTER_FLAG_LOG\"]"},
	{"/linux/seccomp/listenerPath", "\"/tmp/l.sock\""},
	{"/linux/seccomp/architectures", "[]"},
	{"/linux/seccomp/architectures", "[\"SCMP_ARCH_X86\"]"},
	{"/linux/seccomp/syscalls/-",
		"{\"names\":[\"bpf\",\"mount\"],\"action\":\"SCMP_ACT_ALLOW\"}"},
	{"/linux/seccomp/syscalls/-",
		"{\"names\":[\"read\"],\"action\":\"SCMP_ACT_TRACE\",\"errnoRet\":1}"},
	{"/linux/seccomp/syscalls/-",
		"{\"names\":[\"socket\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":"
		"[{\"index\":0,\"value\":38,\"op\":\"SCMP_CMP_NE\"}]}"},
	{"/linux/seccomp/syscalls",
		"[{\"names\":[\"no_such_call\"],\"action\":\"SCMP_ACT_ERRNO\"}]"},
	{"/linux", "{}"},
	{"/process", "{}"},
	{"/vm", "{\"kernel\":{\"path\":\"/k\"}}"},
	{"/windows", "{}"},
	{"/extra", "[1,2,{\"deep\":[[]]}]"},
	{"/Process", "{\"capabilities\":{\"bounding\":[\"CAP_SYS_ADMIN\"]}}"},
	{"/process/Capabilities", "{}"},
};

static const char *const odd_strings[] = {"", "/", ".", "..", "/proc/1/root", "/proc/self/fd/3",
	"a\nb", "a b", "*", "**", "/dev", "/proc", "/sys/fs/cgroup", "//", "/a//b/", "/a/../../b",
	"rw", "ro", "rbind", "rshared", "suid", "dev", "exec", "tmpfs", "bind", "proc", "sysfs",
	"\xc3\xa9\xe2\x80\xae", "SCMP_ACT_ALLOW", "CAP_SYS_ADMIN", "network", "max", "-1", "0",
	"\"quoted\"", "%s%n", "io.cinch.profile", "/var/run/docker.sock", "/srv/data"};

static const char *const odd_numbers[] = {"0", "1", "-1", "2147483647", "2147483648", "4294967295",
	"4294967296", "9223372036854775807", "-9223372036854775808", "18446744073709551615",
	"65532", "1000"};

static struct json *number_of(struct json_doc *doc, const char *text)
{
	uint64_t u = strtoull(text, NULL, 10);

	return *text == '-' ? json_int(doc, strtoll(text, NULL, 10)) : json_uint(doc, u);
}

static struct json *parse_into(struct json_doc *doc, const char *text)
{
	static const struct json_limits wide = {65536, 50, 1000};
	AUTO_JSON struct json_doc *own = NULL;
	struct err e;

	if (json_parse(text, strlen(text), &wide, JSON_STRICT, &own, &e) < 0)
		abort();
	return json_clone(doc, json_root(own));
}

struct places {
	struct json *v[PLACES_MAX];
	size_t n;
};

/* All values but the root; of the filter only the outside, else it would be nearly all of them. */
static void collect(struct json *v, struct places *p)
{
	size_t children = 0;

	json_each (c, v) {
		if (p->n < PLACES_MAX)
			p->v[p->n++] = c;
		if (v->key && strcmp(v->key, "syscalls") == 0 && children++ > 3)
			break;
		if (v->key && (strcmp(v->key, "names") == 0 || strcmp(v->key, "devices") == 0) &&
			children++ > 3)
			break;
		collect(c, p);
	}
}

/* Walk PLACE, making objects (and an array before "-") on the way; false when a step has another type. */
static bool put_at(struct json_doc *doc, const char *place, const char *value)
{
	struct json *v = json_root(doc);
	char name[128];

	while (*place == '/') {
		size_t n = strcspn(++place, "/");
		const char *rest = place + n;
		struct json *next;

		if (!v || n >= sizeof name)
			return false;
		memcpy(name, place, n);
		name[n] = '\0';
		for (char *q; (q = strstr(name, "~1"));) {
			*q = '/';
			memmove(q + 1, q + 2, strlen(q + 2) + 1);
		}
		if (strcmp(name, "-") == 0)
			return v->type == JSON_ARRAY && json_push(v, parse_into(doc, value)) == 0;
		if (v->type == JSON_ARRAY) {
			v = v->first;
			place = rest;
			continue;
		}
		if (v->type != JSON_OBJECT)
			return false;
		if (!*rest)
			return json_put(doc, v, name, parse_into(doc, value)) == 0;
		next = json_get(v, name);
		if (!next) {
			next = strcmp(rest, "/-") == 0 ? json_array(doc) : json_object(doc);
			json_put(doc, v, name, next);
		}
		v = next;
		place = rest;
	}
	return false;
}

static void tell(struct str *story, const char *what, const struct json *v)
{
	str_addf(story, "%s ", what);
	if (v)
		json_pointer(v, story);
	str_add(story, "; ");
}

static struct json *like(struct json_doc *doc, const struct json *v, struct dice *d)
{
	if (v->type == JSON_STRING)
		return json_string(
			doc, odd_strings[dice_roll(d, sizeof odd_strings / sizeof *odd_strings)]);
	if (v->type == JSON_NUMBER)
		return number_of(
			doc, odd_numbers[dice_roll(d, sizeof odd_numbers / sizeof *odd_numbers)]);
	if (v->type == JSON_BOOL)
		return json_bool(doc, !v->flag);
	return v->type == JSON_ARRAY ? json_array(doc) : json_object(doc);
}

/* Two values of one type change places. */
static void swap(struct json_doc *doc, struct json *a, struct json *b)
{
	struct json *x = json_clone(doc, a), *y = json_clone(doc, b);

	for (const struct json *up = a; up; up = up->parent)
		if (up == b)
			return;
	for (const struct json *up = b; up; up = up->parent)
		if (up == a)
			return;
	json_replace(a, y);
	json_replace(b, x);
}

static void once(struct json_doc *doc, struct dice *d, struct str *story)
{
	static struct places p; /* too big for a stack under a fuzzer */
	struct json *v, *other;

	p.n = 0;
	collect(json_root(doc), &p);
	if (dice_roll(d, 5) < 2 || p.n == 0) {
		size_t i = dice_roll(d, sizeof fragments / sizeof *fragments);
		bool done = json_is(json_root(doc), JSON_OBJECT) &&
			    put_at(doc, fragments[i].place, fragments[i].value);

		str_addf(story, "%s %s; ", done ? "put" : "could not put", fragments[i].place);
		return;
	}
	v = p.v[dice_roll(d, (uint32_t)p.n)];
	switch (dice_roll(d, 8)) {
	case 0:
		tell(story, "remove", v);
		json_remove(v);
		break;
	case 1:
		tell(story, "null", v);
		json_replace(v, json_null(doc));
		break;
	case 2:
	case 3:
		tell(story, "odd", v);
		json_replace(v, like(doc, v, d));
		break;
	case 4:
		if (v->parent->type == JSON_ARRAY) {
			tell(story, "twice", v);
			json_insert_before(v->parent->first, json_clone(doc, v));
		}
		break;
	case 5:
		other = p.v[dice_roll(d, (uint32_t)p.n)];
		if (other->type == v->type && other != v) {
			tell(story, "swap", v);
			tell(story, "with", other);
			swap(doc, v, other);
		}
		break;
	case 6:
		if (v->type == JSON_ARRAY && v->count > 1) {
			tell(story, "rotate", v);
			other = v->last;
			json_remove(other);
			json_insert_before(v->first, other);
		}
		break;
	default:
		/* another type, rarely: most of these are refused at once */
		if (dice_roll(d, 6) == 0) {
			tell(story, "retype", v);
			json_replace(v, like(doc, p.v[dice_roll(d, (uint32_t)p.n)], d));
		}
	}
}

void mutate(struct json_doc *doc, struct dice *d, struct str *story)
{
	for (uint32_t n = 1 + dice_roll(d, 4); n > 0; n--)
		once(doc, d, story);
}

void mutate_shorten(struct json *root)
{
	struct json *rules = json_at(root, "/linux/seccomp/syscalls");
	size_t n = 0;

	json_each_safe (rule, rules) {
		size_t k = 0;

		json_each_safe (name, json_get(rule, "names"))
			if (k++ >= 8)
				json_remove(name);
		if (n++ >= 8)
			json_remove(rule);
	}
}

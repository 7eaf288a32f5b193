/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec - the tables of the runtime specification, and the check of a document against them.
 *
 * Source: runtime-spec v1.0.0 to v1.3.0, config.md and config-linux.md. The members of other
 * systems (solaris, windows, vm, zos, freebsd, process.user.username, process.commandLine) are left
 * out on purpose: nothing here judges them, so the pass "unknown" takes them away.
 *
 * A limit on a string is in bytes, on an array or map in elements. An engine never comes near them;
 * they exist because a runtime copies these texts into fixed messages (CVE-2021-43784).
 */
#include "shim/spec.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	STRING_DEFAULT = 128 * 1024, /* MAX_ARG_STRLEN: execve refuses a longer one */
	VALUE_MAX = 256 * 1024, /* annotations: what Kubernetes allows for all of them */
	ITEMS_DEFAULT = 16 * 1024,
	PATH_BYTES = 4095, /* PATH_MAX without its NUL */
	NAME_BYTES = 255, /* one component, a label, an enumeration */
	HOST_BYTES = 64, /* __NEW_UTS_LEN */
	ID_MAPS = 340, /* UID_GID_MAP_MAX_EXTENTS */
	FEW = 64,
	DEVICES = 2048, /* --privileged on a large machine; each may become a list of rules */
};

const struct json_limits spec_limits = {
	.bytes = 4 * 1024 * 1024,
	.depth = JSON_DEPTH_MAX,
	.values = 200000,
};

#define END                                                                                        \
	{                                                                                          \
		.name = NULL                                                                       \
	}

static const struct spec_field console_size[] = {
	{.name = "height", .kind = SPEC_UINT},
	{.name = "width", .kind = SPEC_UINT},
	END,
};

static const struct spec_field user[] = {
	{.name = "uid", .kind = SPEC_UINT},
	{.name = "gid", .kind = SPEC_UINT},
	{.name = "umask", .kind = SPEC_UINT},
	{.name = "additionalGids", .kind = SPEC_INTS},
	END,
};

static const struct spec_field capabilities[] = {
	{.name = "bounding", .kind = SPEC_STRINGS, .max = 256},
	{.name = "effective", .kind = SPEC_STRINGS, .max = 256},
	{.name = "inheritable", .kind = SPEC_STRINGS, .max = 256},
	{.name = "permitted", .kind = SPEC_STRINGS, .max = 256},
	{.name = "ambient", .kind = SPEC_STRINGS, .max = 256},
	END,
};

static const struct spec_field rlimit[] = {
	{.name = "type", .kind = SPEC_STRING, .max = NAME_BYTES},
	{.name = "hard", .kind = SPEC_UINT},
	{.name = "soft", .kind = SPEC_UINT},
	END,
};

static const struct spec_field scheduler[] = {
	{.name = "policy", .kind = SPEC_STRING, .max = NAME_BYTES},
	{.name = "nice", .kind = SPEC_INT},
	{.name = "priority", .kind = SPEC_INT},
	{.name = "flags", .kind = SPEC_STRINGS, .max = FEW},
	{.name = "runtime", .kind = SPEC_UINT},
	{.name = "deadline", .kind = SPEC_UINT},
	{.name = "period", .kind = SPEC_UINT},
	END,
};

static const struct spec_field io_priority[] = {
	{.name = "class", .kind = SPEC_STRING, .max = NAME_BYTES},
	{.name = "priority", .kind = SPEC_INT},
	END,
};

static const struct spec_field cpu_affinity[] = {
	{.name = "initial", .kind = SPEC_STRING, .max = PATH_BYTES},
	{.name = "final", .kind = SPEC_STRING, .max = PATH_BYTES},
	END,
};

const struct spec_field spec_process[] = {
	{.name = "terminal", .kind = SPEC_BOOL},
	{.name = "consoleSize", .kind = SPEC_OBJECT, .fields = console_size},
	{.name = "user", .kind = SPEC_OBJECT, .fields = user},
	{.name = "args", .kind = SPEC_STRINGS},
	{.name = "env", .kind = SPEC_STRINGS},
	{.name = "cwd", .kind = SPEC_STRING, .max = PATH_BYTES},
	{.name = "capabilities", .kind = SPEC_OBJECT, .fields = capabilities},
	{.name = "rlimits", .kind = SPEC_OBJECTS, .fields = rlimit, .max = FEW},
	{.name = "noNewPrivileges", .kind = SPEC_BOOL},
	{.name = "apparmorProfile", .kind = SPEC_STRING, .max = PATH_BYTES},
	{.name = "oomScoreAdj", .kind = SPEC_INT},
	{.name = "scheduler", .kind = SPEC_OBJECT, .fields = scheduler},
	{.name = "selinuxLabel", .kind = SPEC_STRING, .max = PATH_BYTES},
	{.name = "ioPriority", .kind = SPEC_OBJECT, .fields = io_priority},
	{.name = "execCPUAffinity", .kind = SPEC_OBJECT, .fields = cpu_affinity},
	END,
};

static const struct spec_field root[] = {
	{.name = "path", .kind = SPEC_STRING, .max = PATH_BYTES},
	{.name = "readonly", .kind = SPEC_BOOL},
	END,
};

static const struct spec_field id_mapping[] = {
	{.name = "containerID", .kind = SPEC_UINT},
	{.name = "hostID", .kind = SPEC_UINT},
	{.name = "size", .kind = SPEC_UINT},
	END,
};

static const struct spec_field mount[] = {
	{.name = "destination", .kind = SPEC_STRING, .max = PATH_BYTES},
	{.name = "type", .kind = SPEC_STRING, .max = NAME_BYTES},
	{.name = "source", .kind = SPEC_STRING, .max = PATH_BYTES},
	{.name = "options", .kind = SPEC_STRINGS, .max = 1024},
	{.name = "uidMappings", .kind = SPEC_OBJECTS, .fields = id_mapping, .max = ID_MAPS},
	{.name = "gidMappings", .kind = SPEC_OBJECTS, .fields = id_mapping, .max = ID_MAPS},
	END,
};

static const struct spec_field hook[] = {
	{.name = "path", .kind = SPEC_STRING, .max = PATH_BYTES},
	{.name = "args", .kind = SPEC_STRINGS},
	{.name = "env", .kind = SPEC_STRINGS},
	{.name = "timeout", .kind = SPEC_INT},
	END,
};

static const struct spec_field hooks[] = {
	{.name = "prestart", .kind = SPEC_OBJECTS, .fields = hook, .max = 256},
	{.name = "createRuntime", .kind = SPEC_OBJECTS, .fields = hook, .max = 256},
	{.name = "createContainer", .kind = SPEC_OBJECTS, .fields = hook, .max = 256},
	{.name = "startContainer", .kind = SPEC_OBJECTS, .fields = hook, .max = 256},
	{.name = "poststart", .kind = SPEC_OBJECTS, .fields = hook, .max = 256},
	{.name = "poststop", .kind = SPEC_OBJECTS, .fields = hook, .max = 256},
	END,
};

static const struct spec_field device_rule[] = {
	{.name = "allow", .kind = SPEC_BOOL},
	{.name = "type", .kind = SPEC_STRING, .max = NAME_BYTES},
	{.name = "major", .kind = SPEC_INT},
	{.name = "minor", .kind = SPEC_INT},
	{.name = "access", .kind = SPEC_STRING, .max = NAME_BYTES},
	END,
};

static const struct spec_field memory[] = {
	{.name = "limit", .kind = SPEC_INT},
	{.name = "reservation", .kind = SPEC_INT},
	{.name = "swap", .kind = SPEC_INT},
	{.name = "kernel", .kind = SPEC_INT},
	{.name = "kernelTCP", .kind = SPEC_INT},
	{.name = "swappiness", .kind = SPEC_UINT},
	{.name = "disableOOMKiller", .kind = SPEC_BOOL},
	{.name = "useHierarchy", .kind = SPEC_BOOL},
	{.name = "checkBeforeUpdate", .kind = SPEC_BOOL},
	END,
};

static const struct spec_field cpu[] = {
	{.name = "shares", .kind = SPEC_UINT},
	{.name = "quota", .kind = SPEC_INT},
	{.name = "burst", .kind = SPEC_UINT},
	{.name = "period", .kind = SPEC_UINT},
	{.name = "realtimeRuntime", .kind = SPEC_INT},
	{.name = "realtimePeriod", .kind = SPEC_UINT},
	{.name = "cpus", .kind = SPEC_STRING, .max = PATH_BYTES},
	{.name = "mems", .kind = SPEC_STRING, .max = PATH_BYTES},
	{.name = "idle", .kind = SPEC_INT},
	END,
};

static const struct spec_field pids[] = {
	{.name = "limit", .kind = SPEC_INT},
	END,
};

static const struct spec_field weight_device[] = {
	{.name = "major", .kind = SPEC_INT},
	{.name = "minor", .kind = SPEC_INT},
	{.name = "weight", .kind = SPEC_UINT},
	{.name = "leafWeight", .kind = SPEC_UINT},
	END,
};

static const struct spec_field throttle_device[] = {
	{.name = "major", .kind = SPEC_INT},
	{.name = "minor", .kind = SPEC_INT},
	{.name = "rate", .kind = SPEC_UINT},
	END,
};

static const struct spec_field block_io[] = {
	{.name = "weight", .kind = SPEC_UINT},
	{.name = "leafWeight", .kind = SPEC_UINT},
	{.name = "weightDevice", .kind = SPEC_OBJECTS, .fields = weight_device},
	{.name = "throttleReadBpsDevice", .kind = SPEC_OBJECTS, .fields = throttle_device},
	{.name = "throttleWriteBpsDevice", .kind = SPEC_OBJECTS, .fields = throttle_device},
	{.name = "throttleReadIOPSDevice", .kind = SPEC_OBJECTS, .fields = throttle_device},
	{.name = "throttleWriteIOPSDevice", .kind = SPEC_OBJECTS, .fields = throttle_device},
	END,
};

static const struct spec_field hugepage_limit[] = {
	{.name = "pageSize", .kind = SPEC_STRING, .max = NAME_BYTES},
	{.name = "limit", .kind = SPEC_UINT},
	END,
};

static const struct spec_field if_priority[] = {
	{.name = "name", .kind = SPEC_STRING, .max = NAME_BYTES},
	{.name = "priority", .kind = SPEC_UINT},
	END,
};

static const struct spec_field network[] = {
	{.name = "classID", .kind = SPEC_UINT},
	{.name = "priorities", .kind = SPEC_OBJECTS, .fields = if_priority},
	END,
};

static const struct spec_field rdma[] = {
	{.name = "hcaHandles", .kind = SPEC_UINT},
	{.name = "hcaObjects", .kind = SPEC_UINT},
	END,
};

const struct spec_field spec_resources[] = {
	{.name = "devices", .kind = SPEC_OBJECTS, .fields = device_rule, .max = DEVICES},
	{.name = "memory", .kind = SPEC_OBJECT, .fields = memory},
	{.name = "cpu", .kind = SPEC_OBJECT, .fields = cpu},
	{.name = "pids", .kind = SPEC_OBJECT, .fields = pids},
	{.name = "blockIO", .kind = SPEC_OBJECT, .fields = block_io},
	{.name = "hugepageLimits", .kind = SPEC_OBJECTS, .fields = hugepage_limit},
	{.name = "network", .kind = SPEC_OBJECT, .fields = network},
	{.name = "rdma", .kind = SPEC_MAP_OBJECTS, .fields = rdma},
	{.name = "unified", .kind = SPEC_MAP},
	END,
};

static const struct spec_field namespace_entry[] = {
	{.name = "type", .kind = SPEC_STRING, .max = NAME_BYTES},
	{.name = "path", .kind = SPEC_STRING, .max = PATH_BYTES},
	END,
};

static const struct spec_field device[] = {
	{.name = "path", .kind = SPEC_STRING, .max = PATH_BYTES},
	{.name = "type", .kind = SPEC_STRING, .max = NAME_BYTES},
	{.name = "major", .kind = SPEC_INT},
	{.name = "minor", .kind = SPEC_INT},
	{.name = "fileMode", .kind = SPEC_UINT},
	{.name = "uid", .kind = SPEC_UINT},
	{.name = "gid", .kind = SPEC_UINT},
	END,
};

static const struct spec_field seccomp_arg[] = {
	{.name = "index", .kind = SPEC_UINT},
	{.name = "value", .kind = SPEC_UINT},
	{.name = "valueTwo", .kind = SPEC_UINT},
	{.name = "op", .kind = SPEC_STRING, .max = NAME_BYTES},
	END,
};

static const struct spec_field seccomp_rule[] = {
	{.name = "names", .kind = SPEC_STRINGS},
	{.name = "action", .kind = SPEC_STRING, .max = NAME_BYTES},
	{.name = "errnoRet", .kind = SPEC_UINT},
	{.name = "args", .kind = SPEC_OBJECTS, .fields = seccomp_arg},
	END,
};

static const struct spec_field seccomp[] = {
	{.name = "defaultAction", .kind = SPEC_STRING, .max = NAME_BYTES},
	{.name = "defaultErrnoRet", .kind = SPEC_UINT},
	{.name = "architectures", .kind = SPEC_STRINGS, .max = FEW},
	{.name = "flags", .kind = SPEC_STRINGS, .max = FEW},
	{.name = "listenerPath", .kind = SPEC_STRING, .max = PATH_BYTES},
	{.name = "listenerMetadata", .kind = SPEC_STRING},
	{.name = "syscalls", .kind = SPEC_OBJECTS, .fields = seccomp_rule},
	END,
};

static const struct spec_field intel_rdt[] = {
	{.name = "closID", .kind = SPEC_STRING, .max = PATH_BYTES},
	{.name = "schemata", .kind = SPEC_STRINGS},
	{.name = "l3CacheSchema", .kind = SPEC_STRING},
	{.name = "memBwSchema", .kind = SPEC_STRING},
	{.name = "enableCMT", .kind = SPEC_BOOL},
	{.name = "enableMBM", .kind = SPEC_BOOL},
	{.name = "enableMonitoring", .kind = SPEC_BOOL},
	END,
};

static const struct spec_field personality[] = {
	{.name = "domain", .kind = SPEC_STRING, .max = NAME_BYTES},
	{.name = "flags", .kind = SPEC_STRINGS, .max = FEW},
	END,
};

static const struct spec_field time_offset[] = {
	{.name = "secs", .kind = SPEC_INT},
	{.name = "nanosecs", .kind = SPEC_UINT},
	END,
};

static const struct spec_field net_device[] = {
	{.name = "name", .kind = SPEC_STRING, .max = NAME_BYTES},
	END,
};

static const struct spec_field memory_policy[] = {
	{.name = "mode", .kind = SPEC_STRING, .max = NAME_BYTES},
	{.name = "nodes", .kind = SPEC_STRING, .max = PATH_BYTES},
	{.name = "flags", .kind = SPEC_STRINGS, .max = FEW},
	END,
};

static const struct spec_field linux_fields[] = {
	{.name = "devices", .kind = SPEC_OBJECTS, .fields = device, .max = DEVICES},
	{.name = "uidMappings", .kind = SPEC_OBJECTS, .fields = id_mapping, .max = ID_MAPS},
	{.name = "gidMappings", .kind = SPEC_OBJECTS, .fields = id_mapping, .max = ID_MAPS},
	{.name = "sysctl", .kind = SPEC_MAP, .max = 1024},
	{.name = "resources", .kind = SPEC_OBJECT, .fields = spec_resources},
	{.name = "cgroupsPath", .kind = SPEC_STRING, .max = PATH_BYTES},
	{.name = "namespaces", .kind = SPEC_OBJECTS, .fields = namespace_entry, .max = FEW},
	{.name = "netDevices", .kind = SPEC_MAP_OBJECTS, .fields = net_device},
	{.name = "seccomp", .kind = SPEC_OBJECT, .fields = seccomp},
	{.name = "rootfsPropagation", .kind = SPEC_STRING, .max = NAME_BYTES},
	{.name = "maskedPaths", .kind = SPEC_STRINGS},
	{.name = "readonlyPaths", .kind = SPEC_STRINGS},
	{.name = "mountLabel", .kind = SPEC_STRING, .max = PATH_BYTES},
	{.name = "intelRdt", .kind = SPEC_OBJECT, .fields = intel_rdt},
	{.name = "memoryPolicy", .kind = SPEC_OBJECT, .fields = memory_policy},
	{.name = "personality", .kind = SPEC_OBJECT, .fields = personality},
	{.name = "timeOffsets", .kind = SPEC_MAP_OBJECTS, .fields = time_offset, .max = FEW},
	END,
};

const struct spec_field spec_config[] = {
	{.name = "ociVersion", .kind = SPEC_STRING, .max = NAME_BYTES},
	{.name = "process", .kind = SPEC_OBJECT, .fields = spec_process},
	{.name = "root", .kind = SPEC_OBJECT, .fields = root},
	{.name = "hostname", .kind = SPEC_STRING, .max = HOST_BYTES},
	{.name = "domainname", .kind = SPEC_STRING, .max = HOST_BYTES},
	{.name = "mounts", .kind = SPEC_OBJECTS, .fields = mount},
	{.name = "hooks", .kind = SPEC_OBJECT, .fields = hooks},
	{.name = "annotations", .kind = SPEC_MAP},
	{.name = "linux", .kind = SPEC_OBJECT, .fields = linux_fields},
	END,
};

/* Folding as encoding/json does it for an ASCII key. *S advances over one character. */
static unsigned fold_next(const char **s)
{
	const unsigned char *p = (const unsigned char *)*s;

	if (p[0] == 0xc5 && p[1] == 0xbf) { /* U+017F, the long s */
		*s += 2;
		return 's';
	}
	if (p[0] == 0xe2 && p[1] == 0x84 && p[2] == 0xaa) { /* U+212A, the Kelvin sign */
		*s += 3;
		return 'k';
	}
	*s += 1;
	return p[0] >= 'A' && p[0] <= 'Z' ? p[0] + ('a' - 'A') : p[0];
}

bool spec_key_folds(const char *a, const char *b)
{
	while (*a && *b) {
		if (fold_next(&a) != fold_next(&b))
			return false;
	}
	return !*a && !*b;
}

const struct spec_field *spec_find(const struct spec_field *fields, const char *key)
{
	for (; fields->name; fields++) {
		if (strcmp(fields->name, key) == 0)
			return fields;
	}
	return NULL;
}

struct check {
	const struct json_doc *doc;
	struct err *e;
};

static const char *const type_names[] = {
	[JSON_NULL] = "null",
	[JSON_BOOL] = "a boolean",
	[JSON_NUMBER] = "a number",
	[JSON_STRING] = "a string",
	[JSON_ARRAY] = "an array",
	[JSON_OBJECT] = "an object",
};

/* LINE and COL, V's place, then WHAT. */
static int complain_at(
	const struct check *c, unsigned line, unsigned col, const struct json *v, const char *what)
{
	AUTO_STR struct str place = STR_INIT;

	json_pointer(v, &place);
	return err_set(c->e, ERR_INPUT, "line %u, column %u: %s %s", line, col,
		place.len ? str_text(&place) : "the document", what);
}

static int complain(const struct check *c, const struct json *v, const char *what)
{
	unsigned line, col;

	json_line_col(c->doc, v, &line, &col);
	return complain_at(c, line, col, v, what);
}

static int wrong_type(const struct check *c, const struct json *v, const char *want)
{
	char what[96];

	snprintf(what, sizeof what, "must be %s, not %s", want, type_names[v->type]);
	return complain(c, v, what);
}

static int check_string(const struct check *c, const struct json *v, size_t max)
{
	char what[96];

	if (!json_is(v, JSON_STRING))
		return wrong_type(c, v, "a string");
	if (v->len > max) {
		snprintf(what, sizeof what, "has %zu bytes, limit %zu", v->len, max);
		return complain(c, v, what);
	}
	return 0;
}

static int check_integer(const struct check *c, const struct json *v, bool negative)
{
	int64_t i;
	uint64_t u;

	if (!json_is(v, JSON_NUMBER))
		return wrong_type(c, v, "an integer");
	if (negative && !json_i64(v, INT64_MIN, INT64_MAX, &i))
		return complain(
			c, v, "must be a whole number of 64 bits, without fraction or exponent");
	if (!negative && !json_u64(v, UINT64_MAX, &u))
		return complain(c, v,
			"must be a whole number from 0 to 2^64-1, without fraction or exponent");
	return 0;
}

static int check_count(const struct check *c, const struct json *v, unsigned max)
{
	char what[96];

	if (v->count <= (max ? max : ITEMS_DEFAULT))
		return 0;
	snprintf(what, sizeof what, "has %" PRIu32 " elements, limit %u", v->count,
		max ? max : ITEMS_DEFAULT);
	return complain(c, v, what);
}

static int check_object(
	const struct check *c, const struct json *v, const struct spec_field *fields);

/* One element: of an array, or of a map. Null is no element: Go would make an empty one of it. */
static int check_element(const struct check *c, const struct json *v, const struct spec_field *f)
{
	switch (f->kind) {
	case SPEC_STRINGS:
		return check_string(c, v, STRING_DEFAULT);
	case SPEC_MAP:
		return check_string(c, v, VALUE_MAX);
	case SPEC_INTS:
		return check_integer(c, v, true);
	default:
		return check_object(c, v, f->fields);
	}
}

static int check_elements(const struct check *c, const struct json *v, const struct spec_field *f)
{
	bool map = f->kind == SPEC_MAP || f->kind == SPEC_MAP_OBJECTS;

	if (!json_is(v, map ? JSON_OBJECT : JSON_ARRAY))
		return wrong_type(c, v, map ? "an object" : "an array");
	if (check_count(c, v, f->max) < 0)
		return -1;
	json_each (item, v) {
		if (check_element(c, item, f) < 0)
			return -1;
	}
	return 0;
}

static int check_value(const struct check *c, const struct json *v, const struct spec_field *f)
{
	switch (f->kind) {
	case SPEC_STRING:
		return check_string(c, v, f->max ? f->max : STRING_DEFAULT);
	case SPEC_BOOL:
		return json_is(v, JSON_BOOL) ? 0 : wrong_type(c, v, "true or false");
	case SPEC_INT:
		return check_integer(c, v, true);
	case SPEC_UINT:
		return check_integer(c, v, false);
	case SPEC_OBJECT:
		return check_object(c, v, f->fields);
	case SPEC_OBJECTS:
	case SPEC_STRINGS:
	case SPEC_INTS:
	case SPEC_MAP:
	case SPEC_MAP_OBJECTS:
		break;
	}
	return check_elements(c, v, f);
}

/* An unknown key is refused only when a case-folding reader would take it for a known one. */
static int check_spelling(
	const struct check *c, const struct json *v, const struct spec_field *fields)
{
	unsigned line, col;
	char what[160];

	for (; fields->name; fields++) {
		if (!spec_key_folds(fields->name, v->key))
			continue;
		snprintf(what, sizeof what,
			"is spelled unlike \"%s\", but runtimes read it as that; write it exactly "
			"so",
			fields->name);
		json_key_line_col(c->doc, v, &line, &col);
		return complain_at(c, line, col, v, what);
	}
	return 0;
}

static int check_object(
	const struct check *c, const struct json *v, const struct spec_field *fields)
{
	if (!json_is(v, JSON_OBJECT))
		return wrong_type(c, v, "an object");
	json_each (member, v) {
		const struct spec_field *f = spec_find(fields, member->key);

		if (!f && check_spelling(c, member, fields) < 0)
			return -1;
		if (f && member->type != JSON_NULL && check_value(c, member, f) < 0)
			return -1;
	}
	return 0;
}

int spec_check(const struct json_doc *doc, const struct spec_field *fields, struct err *e)
{
	const struct check c = {.doc = doc, .e = e};
	const struct json *root_value = json_root(doc);
	const char *version;

	if (!root_value)
		return err_set(e, ERR_INPUT, "the document is empty");
	if (check_object(&c, root_value, fields) < 0)
		return -1;
	if (fields != spec_config)
		return 0;
	version = json_str(json_get(root_value, "ociVersion"));
	if (!version)
		return complain(&c, root_value, "must have an ociVersion");
	if (!str_starts(version, "1."))
		return complain(&c, json_get(root_value, "ociVersion"),
			"is not 1.x, the version of the runtime specification known here");
	return 0;
}

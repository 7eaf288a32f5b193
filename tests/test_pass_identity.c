/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pass_identity - the passes user, capabilities and noNewPrivileges.
 */
#include "tests/pass_rig.h"

#define CAP(n) (UINT64_C(1) << (n))
#define PROCESS(members) "{\"process\":{" members "}}"
#define USER(members) PROCESS("\"user\":{" members "}")
#define CAPS(members) PROCESS("\"capabilities\":{" members "}")

#define MAPPED(id, size_)                                                                          \
	"\"linux\":{\"" id "Mappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":" #size_ "}" \
	"]"                                                                                        \
	"}"

static uint32_t groups[] = {0, 7000, 7001};
static const struct profile deny = {.name = "deny", .user = {ROOT_DENY, 65532, 65532, NULL, 0}};
static const struct profile remap = {.name = "remap", .user = {ROOT_REMAP, 65532, 65533, NULL, 0}};
static const struct profile remap_groups = {
	.name = "remap-groups",
	.user = {ROOT_REMAP, 65532, 65533, groups, 3},
};
static const struct profile allow = {.name = "allow", .user = {ROOT_ALLOW, 65532, 65532, NULL, 0}};

static const struct pass_row user_rows[] = {
	{"no process", &remap, "{}", NULL, NULL, NULL, NULL},
	{"an ordinary user", &remap, USER("\"uid\":1000,\"gid\":1000,\"additionalGids\":[1000,5]"),
		NULL, NULL, NULL, NULL},
	{"an ordinary user under deny", &deny, USER("\"uid\":1000,\"gid\":1000"), NULL, NULL, NULL,
		NULL},
	{"root denied", &deny, USER("\"uid\":0,\"gid\":0"), NULL, "runAsUser", NULL, NULL},
	{"root by an absent user", &deny, PROCESS("\"cwd\":\"/\""), NULL, "as root (uid 0)", NULL,
		NULL},
	{"root by null", &deny, PROCESS("\"user\":null"), NULL, "as root (uid 0)", NULL, NULL},
	{"root by null numbers", &deny, USER("\"uid\":null,\"gid\":5"), NULL, "as root", NULL,
		NULL},
	{"root remapped", &remap, USER("\"uid\":0,\"gid\":0,\"additionalGids\":[0,6,10]"),
		USER("\"uid\":65532,\"gid\":65533,\"additionalGids\":[]"), NULL, "USER", NULL},
	{"an absent user remapped", &remap, PROCESS("\"cwd\":\"/\""),
		PROCESS("\"cwd\":\"/\",\"user\":{\"uid\":65532,\"gid\":65533}"), NULL, NULL, NULL},
	{"a null user remapped", &remap, PROCESS("\"user\":null"),
		USER("\"uid\":65532,\"gid\":65533"), NULL, NULL, NULL},
	{"root with another group", &remap, USER("\"uid\":0,\"gid\":50,\"umask\":18"),
		USER("\"uid\":65532,\"gid\":65533,\"umask\":18"), NULL, NULL, NULL},
	{"the profile's groups, never 0", &remap_groups, USER("\"uid\":0,\"additionalGids\":[6]"),
		USER("\"uid\":65532,\"gid\":65533,\"additionalGids\":[7000,7001]"), NULL, NULL,
		NULL},
	{"group 0 of another user", &remap, USER("\"uid\":1000,\"gid\":0"),
		USER("\"uid\":1000,\"gid\":65533"), NULL, "runAsGroup", NULL},
	{"an absent group is 0", &deny, USER("\"uid\":1000"), USER("\"uid\":1000,\"gid\":65532"),
		NULL, NULL, NULL},
	{"supplementary group 0", &remap,
		USER("\"uid\":1000,\"gid\":1000,\"additionalGids\":[0,5,0,6]"),
		USER("\"uid\":1000,\"gid\":1000,\"additionalGids\":[5,6]"), NULL, NULL, NULL},
	{"a user namespace too small for the remapped user", &remap,
		"{\"process\":{\"user\":{\"uid\":0,\"gid\":0}}," MAPPED("uid", 65532) "}", NULL,
		"remapped to 65532, which", NULL, NULL},
	{"and for its group", &remap,
		"{\"process\":{\"user\":{\"uid\":0,\"gid\":0}}," MAPPED("gid", 65533) "}", NULL,
		"remapped to 65533, which", NULL, NULL},
	{"a user namespace that has both", &remap,
		"{\"process\":{\"user\":{\"uid\":0,\"gid\":0}}," MAPPED("uid", 65533) "}",
		"{\"process\":{\"user\":{\"uid\":65532,\"gid\":65533}}," MAPPED("uid", 65533) "}",
		NULL, NULL, NULL},
	{"root allowed", &allow, USER("\"uid\":0,\"gid\":0,\"additionalGids\":[0,6]"), NULL, NULL,
		NULL, NULL},
	{"the largest id", &allow, USER("\"uid\":2147483647,\"gid\":2147483647"), NULL, NULL, NULL,
		NULL},
	{"a uid above 2^31-1", &allow, USER("\"uid\":2147483648,\"gid\":1"), NULL,
		"uid 2147483648 is above", NULL, NULL},
	{"a uid that is 0 in 32 bits", &remap, USER("\"uid\":4294967296,\"gid\":1"), NULL,
		"uid 4294967296", NULL, NULL},
	{"a gid that is -1 in 32 bits", &remap, USER("\"uid\":1,\"gid\":4294967295"), NULL,
		"gid 4294967295", NULL, NULL},
	{"a group above 2^31-1", &allow,
		USER("\"uid\":1,\"gid\":1,\"additionalGids\":[1,4294967296]"), NULL,
		"group 4294967296", NULL, NULL},
	{"a negative group", &allow, USER("\"uid\":1,\"gid\":1,\"additionalGids\":[-1]"), NULL,
		"negative", NULL, NULL},
	{"umask 0777", &allow, USER("\"uid\":1,\"umask\":511"), NULL, NULL, NULL, NULL},
	{"umask above 0777", &allow, USER("\"uid\":1,\"umask\":512"), NULL, "umask 512", NULL,
		NULL},
};

/* KILL 5, NET_BIND_SERVICE 10 */
static const struct profile two = {.name = "two", .capabilities = CAP(5) | CAP(10)};
static const struct profile none = {.name = "none"};
static const struct profile all = {.name = "all", .capabilities = ~UINT64_C(0)};

static const struct pass_row caps_rows[] = {
	{"no process", &two, "{}", NULL, NULL, NULL, NULL},
	{"absent means none and stays", &two, PROCESS("\"cwd\":\"/\""), NULL, NULL, NULL, NULL},
	{"null stays", &two, PROCESS("\"capabilities\":null"), NULL, NULL, NULL, NULL},
	{"an empty object stays", &none, CAPS(""), NULL, NULL, NULL, NULL},
	{"within the profile", &two,
		CAPS("\"bounding\":[\"CAP_KILL\"],\"permitted\":[\"CAP_KILL\"],\"effective\":["
		     "\"CAP_KILL\"]"),
		NULL, NULL, NULL, NULL},
	{"beyond the profile", &two,
		CAPS("\"bounding\":[\"CAP_CHOWN\",\"CAP_KILL\",\"CAP_SYS_ADMIN\",\"CAP_NET_BIND_"
		     "SERVICE\"]"),
		CAPS("\"bounding\":[\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"]"), NULL,
		"not allowed: CAP_CHOWN, CAP_SYS_ADMIN", NULL},
	{"each of the three sets", &none,
		CAPS("\"bounding\":[\"CAP_KILL\"],\"effective\":[\"CAP_KILL\"],\"permitted\":["
		     "\"CAP_KILL\"]"),
		CAPS("\"bounding\":[],\"effective\":[],\"permitted\":[]"), NULL, NULL, NULL},
	{"crun takes these for CAP_KILL", &all,
		CAPS("\"bounding\":[\"cap_kill\",\"5\",\"KILL\",\"CAP_kill\",\"\",\"CAP_NEW\","
		     "\"CAP_KILL\"]"),
		CAPS("\"bounding\":[\"CAP_KILL\"]"), NULL, "cap_kill (no known name), 5 (no", NULL},
	{"permitted within bounding", &all,
		CAPS("\"bounding\":[\"CAP_KILL\"],\"permitted\":[\"CAP_KILL\",\"CAP_CHOWN\"]"),
		CAPS("\"bounding\":[\"CAP_KILL\"],\"permitted\":[\"CAP_KILL\"]"), NULL, NULL, NULL},
	{"effective within permitted", &all,
		CAPS("\"bounding\":[\"CAP_KILL\",\"CAP_CHOWN\"],\"permitted\":[\"CAP_CHOWN\"],"
		     "\"effective\":[\"CAP_KILL\",\"CAP_CHOWN\"]"),
		CAPS("\"bounding\":[\"CAP_KILL\",\"CAP_CHOWN\"],\"permitted\":[\"CAP_CHOWN\"],"
		     "\"effective\":[\"CAP_CHOWN\"]"),
		NULL, NULL, NULL},
	{"inheritable is always emptied", &all, CAPS("\"inheritable\":[\"CAP_KILL\"]"),
		CAPS("\"inheritable\":[]"), NULL, "CVE-2022-24769", NULL},
	{"and ambient with it", &all,
		CAPS("\"bounding\":[\"CAP_KILL\"],\"ambient\":[\"CAP_KILL\"]"),
		CAPS("\"bounding\":[\"CAP_KILL\"],\"ambient\":[]"), NULL,
		"ip_unprivileged_port_start", NULL},
	{"empty sets stay", &none, CAPS("\"inheritable\":[],\"ambient\":[],\"bounding\":[]"), NULL,
		NULL, NULL, NULL},
};

static const struct profile nnp = {.name = "nnp", .no_new_privileges = true};

static const struct pass_row nnp_rows[] = {
	{"no process", &nnp, "{}", NULL, NULL, NULL, NULL},
	{"absent", &nnp, PROCESS(""), PROCESS("\"noNewPrivileges\":true"), NULL, "setuid", NULL},
	{"null", &nnp, PROCESS("\"noNewPrivileges\":null"), PROCESS("\"noNewPrivileges\":true"),
		NULL, NULL, NULL},
	{"false", &nnp, PROCESS("\"noNewPrivileges\":false"), PROCESS("\"noNewPrivileges\":true"),
		NULL, NULL, NULL},
	{"true", &nnp, PROCESS("\"noNewPrivileges\":true"), NULL, NULL, NULL, NULL},
	{"not asked for by the profile", &none, PROCESS(""), NULL, NULL, NULL, NULL},
	{"never taken away", &none, PROCESS("\"noNewPrivileges\":true"), NULL, NULL, NULL, NULL},
};

int main(void)
{
	PASS_RIG(pass_user, user_rows);
	PASS_RIG(pass_capabilities, caps_rows);
	PASS_RIG(pass_no_new_privileges, nnp_rows);
	return tap_done();
}

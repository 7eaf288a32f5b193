/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pass_devices - the tables of pass_devices and pass_paths.
 */
#include "tests/one_pass.h"
#include "tests/tap.h"
#include "tests/world_fake.h"

#define DENY_ALL "{'allow':false,'access':'rwm'}"
#define RULES(list) "{'linux':{'resources':{'devices':[" list "]}}}"
#define NODES(list) "{'linux':{'devices':[" list "],'resources':{'devices':[" DENY_ALL "]}}}"
#define RULE(type, major, minor, access)                                                           \
	"{'allow':true,'type':'" type "','major':" major ",'minor':" minor ",'access':'" access "'}"
/* what a wider rule leaves of the default set: major 1, and the rest */
#define MEMORY(access)                                                                             \
	RULE("c", "1", "3", access)                                                                \
	"," RULE("c", "1", "5", access) "," RULE("c", "1", "7", access) "," RULE(                  \
		"c", "1", "8", access) "," RULE("c", "1", "9", access)
#define DEFAULTS(access)                                                                           \
	MEMORY(access)                                                                             \
	"," RULE("c", "5", "0", access) "," RULE("c", "5", "1", access) "," RULE("c", "5", "2",    \
		access) ",{'allow':true,'type':'c','major':136,'access':'" access "'}"
#define NODE(path, type, major, minor)                                                             \
	"{'path':'" path "','type':'" type "','major':" major ",'minor':" minor "}"

static const struct one_case rules[] = {
	{"only deny all", RULES(DENY_ALL), NULL, NULL},
	{"no resources", "{}", RULES(DENY_ALL), NULL},
	{"an empty list", RULES(""), RULES(DENY_ALL), NULL},
	{"deny all is not the first", RULES(RULE("c", "1", "3", "rwm") "," DENY_ALL),
		RULES(DENY_ALL "," RULE("c", "1", "3", "rwm") "," DENY_ALL), NULL},
	{"deny all but mknod is not deny all", RULES("{'allow':false,'access':'rw'}"),
		RULES(DENY_ALL ",{'allow':false,'access':'rw'}"), NULL},
	{"deny all of one type is not deny all", RULES("{'allow':false,'type':'c','access':'rwm'}"),
		RULES(DENY_ALL ",{'allow':false,'type':'c','access':'rwm'}"), NULL},
	{"allow all becomes the default set and the profile's",
		RULES("{'allow':true,'access':'rwm'}"),
		RULES(DENY_ALL "," DEFAULTS("rwm") "," RULE("c", "10", "229",
			"rw") ",{'allow':true,'type':'b','major':7,'access':'r'}"),
		NULL},
	{"the default set",
		RULES(DENY_ALL "," RULE("c", "1", "3", "rwm") "," RULE("c", "1", "5", "r") "," RULE(
			"c", "5", "2",
			"rwm") ",{'allow':true,'type':'c','major':136,'access':'rwm'}"),
		NULL, NULL},
	{"a disk", RULES(DENY_ALL "," RULE("b", "8", "0", "r")), RULES(DENY_ALL), NULL},
	{"a block device with a default number", RULES(DENY_ALL "," RULE("b", "1", "3", "r")),
		RULES(DENY_ALL), NULL},
	{"a whole major", RULES(DENY_ALL ",{'allow':true,'type':'c','major':1,'access':'rwm'}"),
		RULES(DENY_ALL "," MEMORY("rwm")), NULL},
	{"mknod of everything", RULES(DENY_ALL ",{'allow':true,'type':'c','access':'m'}"),
		RULES(DENY_ALL "," DEFAULTS("m")), NULL},
	{"a wide rule becomes the profile's share of it",
		RULES(DENY_ALL ",{'allow':true,'type':'c','access':'rwm'}"),
		RULES(DENY_ALL "," DEFAULTS("rwm") "," RULE("c", "10", "229", "rw")), NULL},
	{"the profile's device, with less access",
		RULES(DENY_ALL "," RULE("c", "10", "229", "rwm")),
		RULES(DENY_ALL "," RULE("c", "10", "229", "rw")), NULL},
	{"a minor of the profile's major", RULES(DENY_ALL "," RULE("b", "7", "3", "r")), NULL,
		NULL},
	{"writing it is not allowed", RULES(DENY_ALL "," RULE("b", "7", "3", "w")), RULES(DENY_ALL),
		NULL},
	{"no access means all of it",
		RULES(DENY_ALL ",{'allow':true,'type':'b','major':7,'minor':1}"),
		RULES(DENY_ALL ",{'allow':true,'type':'b','major':7,'minor':1,'access':'r'}"),
		NULL},
	{"access with a strange letter", RULES(DENY_ALL "," RULE("c", "1", "3", "rx")),
		RULES(DENY_ALL), NULL},
	{"a strange type", RULES(DENY_ALL "," RULE("z", "1", "3", "r")), RULES(DENY_ALL), NULL},
	{"deny rules stay",
		RULES(DENY_ALL ",{'allow':false,'type':'c','major':10,'minor':229,'access':'rwm'}"),
		NULL, NULL},
};

static const struct one_case nodes[] = {
	{"a disk's node", NODES(NODE("/dev/sda", "b", "8", "0")), NODES(""), NULL},
	{"the profile's node", NODES(NODE("/dev/fuse", "c", "10", "229")), NULL, NULL},
	{"its name with another number", NODES(NODE("/dev/fuse", "c", "1", "1")), NODES(""), NULL},
	{"its number with another name", NODES(NODE("/dev/null", "c", "10", "229")), NODES(""),
		NULL},
	{"a default node", NODES(NODE("/dev/null", "c", "1", "3")), NULL, NULL},
	{"memory as null", NODES(NODE("/dev/null", "c", "1", "1")), NODES(""), NULL},
	{"a block device in its place", NODES(NODE("/dev/null", "b", "1", "3")), NODES(""), NULL},
	{"unbuffered is a character device", NODES(NODE("/dev/null", "u", "1", "3")), NULL, NULL},
	{"a FIFO", NODES("{'path':'/dev/null','type':'p'}"), NODES(""), NULL},
	{"no type", NODES("{'path':'/dev/null','major':1,'minor':3}"), NODES(""), NULL},
	{"two gone, one stays",
		NODES(NODE("/dev/sda", "b", "8", "0") "," NODE(
			"/dev/loop1", "b", "7", "1") "," NODE("/dev/kvm", "c", "10", "232")),
		NODES(""), NULL},
};

static const struct one_case rootless[] = {
	{"rootless without rules", "{'linux':{}}", NULL, NULL},
	{"rootless with rules", RULES("{'allow':true,'access':'rwm'}"),
		RULES(DENY_ALL "," DEFAULTS("rwm") "," RULE("c", "10", "229",
			"rw") ",{'allow':true,'type':'b','major':7,'access':'r'}"),
		NULL},
};

static const struct one_case paths[] = {
	{"nothing there", "{'linux':{}}",
		"{'linux':{'maskedPaths':['/proc/kcore','/sys/firmware'],'readonlyPaths':['/proc/"
		"sys']}}",
		NULL},
	{"emptied", "{'linux':{'maskedPaths':[],'readonlyPaths':null}}",
		"{'linux':{'maskedPaths':['/proc/kcore','/sys/firmware'],'readonlyPaths':['/proc/"
		"sys']}}",
		NULL},
	{"the caller's stay",
		"{'linux':{'maskedPaths':['/x','/proc/kcore'],'readonlyPaths':['/proc/sys']}}",
		"{'linux':{'maskedPaths':['/x','/proc/kcore','/sys/firmware'],'readonlyPaths':['/"
		"proc/sys']}}",
		NULL},
};

static const struct one_case no_paths[] = {
	{"the profile names none", "{'linux':{}}", NULL, NULL},
};

int main(void)
{
	AUTO_FAKE struct world_fake fake;
	struct device_rule extra[] = {
		{(char *)"/dev/fuse", 'c', 10, 229, "rw"}, {(char *)"/dev/loopX", 'b', 7, -1, "r"}};
	char *masked[] = {(char *)"/proc/kcore", (char *)"/sys/firmware"};
	char *readonly[] = {(char *)"/proc/sys"};
	struct profile p = {.devices = extra, .n_devices = 2};

	world_fake_init(&fake);
	one_pass_all(CONTROL_DEVICES, pass_devices, &p, &fake.world, rules);
	one_pass_all(CONTROL_DEVICES, pass_devices, &p, &fake.world, nodes);
	fake.world.in_user_ns = true;
	one_pass_all(CONTROL_DEVICES, pass_devices, &p, &fake.world, rootless);
	one_pass_all(CONTROL_PATHS, pass_paths, &p, &fake.world, no_paths);
	p.paths.masked = (struct strv){masked, 2};
	p.paths.readonly = (struct strv){readonly, 1};
	one_pass_all(CONTROL_PATHS, pass_paths, &p, &fake.world, paths);
	return tap_done();
}

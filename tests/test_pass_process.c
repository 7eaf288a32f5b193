/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pass_process - the passes process and unknown.
 */
#include "tests/pass_rig.h"

#define PROCESS(members) "{\"process\":{" members "}}"
#define LINUX(members) "{\"linux\":{" members "}}"
#define SAME(what, in)                                                                             \
	{                                                                                          \
		what, &any, in, NULL, NULL, NULL, NULL                                             \
	}
#define DENY(what, in, text)                                                                       \
	{                                                                                          \
		what, &any, in, NULL, text, NULL, NULL                                             \
	}
#define MAKE(what, in, want)                                                                       \
	{                                                                                          \
		what, &any, in, want, NULL, NULL, NULL                                             \
	}

static const struct profile any = {.name = "any"};

static const struct pass_row cwd_rows[] = {
	SAME("an empty document", "{}"),
	SAME("no cwd", PROCESS("\"args\":[\"a\"]")),
	SAME("an empty cwd is the runtime's to refuse", PROCESS("\"cwd\":\"\"")),
	SAME("/", PROCESS("\"cwd\":\"/\"")),
	SAME("/app", PROCESS("\"cwd\":\"/app\",\"terminal\":true")),
	SAME("a slash behind", PROCESS("\"cwd\":\"/app/x/\"")),
	SAME("dots in names", PROCESS("\"cwd\":\"/..a/b../.c/...\"")),
	SAME("/process is not /proc", PROCESS("\"cwd\":\"/process\"")),
	SAME("/dev/fdx is not /dev/fd", PROCESS("\"cwd\":\"/dev/fdx\"")),
	DENY("relative", PROCESS("\"cwd\":\"app\""), "not absolute and canonical"),
	DENY("..", PROCESS("\"cwd\":\"/app/../etc\""), "not absolute and canonical"),
	DENY(".. at the end", PROCESS("\"cwd\":\"/app/..\""), "not absolute and canonical"),
	DENY(".", PROCESS("\"cwd\":\"/./app\""), "not absolute and canonical"),
	DENY("//", PROCESS("\"cwd\":\"//proc/self/fd/7\""), "not absolute and canonical"),
	DENY("// at the end", PROCESS("\"cwd\":\"/app//\""), "not absolute and canonical"),
	DENY("a descriptor", PROCESS("\"cwd\":\"/proc/self/fd/7\""), "CVE-2024-21626"),
	DENY("another's descriptor", PROCESS("\"cwd\":\"/proc/1/fd/7/\""), "CVE-2024-21626"),
	DENY("a thread's", PROCESS("\"cwd\":\"/proc/thread-self/fd/9\""), "CVE-2024-21626"),
	DENY("/proc", PROCESS("\"cwd\":\"/proc\""), "CVE-2024-21626"),
	DENY("/dev/fd", PROCESS("\"cwd\":\"/dev/fd/8\""), "CVE-2024-21626"),
};

static const struct pass_row linked_rows[] = {
	DENY("a symlink of the image to a descriptor", PROCESS("\"cwd\":\"/app\""),
		"is a symlink to /proc/self/fd/7"),
	DENY("a directory below such a link", PROCESS("\"cwd\":\"/app/sub\""), "is a symlink to"),
	DENY("what cannot be looked at", PROCESS("\"cwd\":\"/broken\""), "cannot be looked at"),
	SAME("an ordinary link", PROCESS("\"cwd\":\"/link\"")),
};

static const struct pass_row label_rows[] = {
	SAME("labels set", PROCESS("\"apparmorProfile\":\"docker-default\","
				   "\"selinuxLabel\":\"system_u:system_r:container_t:s0:c1,c2\"")),
	MAKE("AppArmor cleared", PROCESS("\"apparmorProfile\":\"unconfined\""), PROCESS("")),
	MAKE("in a namespace", PROCESS("\"apparmorProfile\":\":ns:unconfined\""), PROCESS("")),
	MAKE("stacked", PROCESS("\"apparmorProfile\":\":ns://unconfined\""), PROCESS("")),
	SAME("a profile of a similar name", PROCESS("\"apparmorProfile\":\"unconfined-not\"")),
	DENY("a newline in it", PROCESS("\"apparmorProfile\":\"a\\nb\""), "control characters"),
	MAKE("SELinux cleared", PROCESS("\"selinuxLabel\":\"system_u:system_r:spc_t:s0\""),
		PROCESS("")),
	MAKE("the same in short", PROCESS("\"selinuxLabel\":\"unconfined_t\""), PROCESS("")),
	SAME("a type of a similar name", PROCESS("\"selinuxLabel\":\"u:r:my_spc_t:s0\"")),
	DENY("a quote", PROCESS("\"selinuxLabel\":\"a\\\"b\""), "SELinux label"),
	SAME("a mount label", LINUX("\"mountLabel\":\"u:r:container_file_t:s0:c1,c2\"")),
	DENY("one that ends the option", LINUX("\"mountLabel\":\"a\\\",suid,context=\\\"b\""),
		"SELinux label"),
};

static const struct pass_row scheduling_rows[] = {
	SAME("batch", PROCESS("\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"nice\":5}")),
	MAKE("fifo", PROCESS("\"scheduler\":{\"policy\":\"SCHED_FIFO\",\"priority\":9}"),
		PROCESS("")),
	MAKE("round robin", PROCESS("\"scheduler\":{\"policy\":\"SCHED_RR\"}"), PROCESS("")),
	MAKE("deadline", PROCESS("\"scheduler\":{\"policy\":\"SCHED_DEADLINE\"}"), PROCESS("")),
	MAKE("no policy", PROCESS("\"scheduler\":{\"nice\":0}"), PROCESS("")),
	MAKE("nicer than others",
		PROCESS("\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":-20}"),
		PROCESS("\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":0}")),
	MAKE("flags",
		PROCESS("\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"flags\":"
			"[\"SCHED_FLAG_RECLAIM\",\"SCHED_FLAG_RESET_ON_FORK\"]}"),
		PROCESS("\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"flags\":"
			"[\"SCHED_FLAG_RESET_ON_FORK\"]}")),
	SAME("best effort",
		PROCESS("\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":4}")),
	MAKE("real-time I/O",
		PROCESS("\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\",\"priority\":0}"),
		PROCESS("")),
	MAKE("no class", PROCESS("\"ioPriority\":{\"priority\":0}"), PROCESS("")),
	MAKE("affinity", PROCESS("\"execCPUAffinity\":{\"initial\":\"0-3\"}"), PROCESS("")),
};

static const struct pass_row linux_rows[] = {
	SAME("32 bits", LINUX("\"personality\":{\"domain\":\"LINUX32\"}")),
	SAME("no flags", LINUX("\"personality\":{\"domain\":\"LINUX\",\"flags\":[]}")),
	MAKE("a flag",
		LINUX("\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"ADDR_NO_RANDOMIZE\"]}"),
		LINUX("")),
	MAKE("another system", LINUX("\"personality\":{\"domain\":\"SVR4\"}"), LINUX("")),
	MAKE("no domain", LINUX("\"personality\":{}"), LINUX("")),
	MAKE("the node's things",
		LINUX("\"netDevices\":{\"eth0\":{}},\"intelRdt\":{\"closID\":\"x\"},"
		      "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\"},\"devices\":[]"),
		LINUX("\"devices\":[]")),
	SAME("a cgroup", LINUX("\"cgroupsPath\":\"/kubepods/burstable/pod1/c1\"")),
	SAME("a systemd slice", LINUX("\"cgroupsPath\":\"system.slice:docker:0123\"")),
	SAME("none", LINUX("\"cgroupsPath\":\"\"")),
	SAME("dots in a name", LINUX("\"cgroupsPath\":\"/a..b/..c/d..\"")),
	DENY("up at the end", LINUX("\"cgroupsPath\":\"/a/b/..\""), "leads out"),
	DENY("up at once", LINUX("\"cgroupsPath\":\"../a\""), "leads out"),
	DENY("the root cgroup", LINUX("\"cgroupsPath\":\"/\""), "root cgroup"),
	DENY("written otherwise", LINUX("\"cgroupsPath\":\"/./\""), "root cgroup"),
	DENY("out of its place", LINUX("\"cgroupsPath\":\"/a/../../init.scope\""), "leads out"),
	DENY("a newline", LINUX("\"cgroupsPath\":\"/a\\nb\""), "leads out"),
	MAKE("offsets of the host's clock", LINUX("\"timeOffsets\":{\"monotonic\":{\"secs\":5}}"),
		LINUX("")),
	MAKE("of another's clock",
		LINUX("\"namespaces\":[{\"type\":\"time\",\"path\":\"/x\"}],"
		      "\"timeOffsets\":{\"monotonic\":{\"secs\":5}}"),
		LINUX("\"namespaces\":[{\"type\":\"time\",\"path\":\"/x\"}]")),
	SAME("of its own", LINUX("\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"time\"}],"
				 "\"timeOffsets\":{\"monotonic\":{\"secs\":5}}")),
	MAKE("mappings without a user namespace",
		LINUX("\"namespaces\":[{\"type\":\"pid\"}],\"uidMappings\":[{\"size\":1}],"
		      "\"gidMappings\":[{\"size\":1}]"),
		LINUX("\"namespaces\":[{\"type\":\"pid\"}]")),
	SAME("mappings with one", LINUX("\"namespaces\":[{\"type\":\"user\"}],\"uidMappings\":"
					"[{\"size\":1}],\"gidMappings\":[{\"size\":1}]")),
	SAME("joined", LINUX("\"namespaces\":[{\"type\":\"user\",\"path\":\"/x\"}],"
			     "\"uidMappings\":[{\"size\":1}]")),
};

static const struct pass_row unknown_rows[] = {
	SAME("known members", "{\"ociVersion\":\"1.0\",\"linux\":{\"sysctl\":{\"a.b\":\"1\"}}}"),
	SAME("free-form maps",
		"{\"annotations\":{\"x\":\"y\"},\"linux\":{\"resources\":{\"unified\":"
		"{\"q\":\"1\"}}}}"),
	MAKE("other systems",
		"{\"ociVersion\":\"1.0\",\"windows\":{},\"vm\":{\"a\":1},\"solaris\":{},"
		"\"zos\":{},\"freebsd\":{}}",
		"{\"ociVersion\":\"1.0\"}"),
	MAKE("null", "{\"x\":null}", "{}"),
	MAKE("process",
		PROCESS("\"commandLine\":\"x\",\"cwd\":\"/\",\"user\":{\"username\":\"root\"}"),
		PROCESS("\"cwd\":\"/\",\"user\":{}")),
	MAKE("in an array", "{\"mounts\":[{\"destination\":\"/a\",\"new\":1},{\"b\":2}]}",
		"{\"mounts\":[{\"destination\":\"/a\"},{}]}"),
	MAKE("deep", LINUX("\"seccomp\":{\"syscalls\":[{\"args\":[{\"index\":0,\"mask\":1}]}]}"),
		LINUX("\"seccomp\":{\"syscalls\":[{\"args\":[{\"index\":0}]}]}")),
	MAKE("in a map of objects",
		LINUX("\"resources\":{\"rdma\":{\"mlx\":{\"hcaHandles\":1,\"z\":2}}}"),
		LINUX("\"resources\":{\"rdma\":{\"mlx\":{\"hcaHandles\":1}}}")),
	MAKE("an old one", LINUX("\"resources\":{\"disableOOMKiller\":true}"),
		LINUX("\"resources\":{}")),
	MAKE("a hook of another time", "{\"hooks\":{\"prechroot\":[{\"path\":\"/x\"}]}}",
		"{\"hooks\":{}}"),
};

static void test_linked(void)
{
	AUTO_FAKE struct world_fake fake;

	world_fake_init(&fake);
	world_fake_entry(&fake, (struct fake_path){.path = "/app", .real = "/proc/self/fd/7"});
	world_fake_entry(&fake, (struct fake_path){.path = "/link", .real = "/srv"});
	world_fake_entry(&fake, (struct fake_path){.path = "/broken", .fail = true});
	pass_rig(pass_process, linked_rows, sizeof linked_rows / sizeof *linked_rows, &fake.world);
}

int main(void)
{
	PASS_RIG(pass_process, cwd_rows);
	test_linked();
	PASS_RIG(pass_process, label_rows);
	PASS_RIG(pass_process, scheduling_rows);
	PASS_RIG(pass_process, linux_rows);
	PASS_RIG(pass_unknown, unknown_rows);
	return tap_done();
}

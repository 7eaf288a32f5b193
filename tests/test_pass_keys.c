/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pass_keys - the passes hooks, annotations and sysctl: what names and keys may do.
 */
#include "tests/pass_rig.h"

static char *hook_globs[] = {
	(char *)"/usr/bin/dockerd", (char *)"/usr/bin/hook", (char *)"/tmp/**"};
static char *annotation_globs[] = {(char *)"run.oci.keep_original_groups"};
static char *sysctl_globs[] = {
	(char *)"net.ipv4.ip_unprivileged_port_start",
	(char *)"net.ipv4.conf.*.rp_filter",
	(char *)"net.core.*",
	(char *)"kernel.shm_rmid_forced",
	(char *)"kernel.domainname",
	(char *)"fs.mqueue.*",
	(char *)"vm.**",
	(char *)"kernel.core_pattern",
};
static const struct profile any = {
	.name = "any",
	.hooks = {hook_globs, 3},
	.annotations = {annotation_globs, 1},
	.sysctl = {sysctl_globs, sizeof sysctl_globs / sizeof *sysctl_globs},
};
static const struct profile none = {.name = "none"};

#define SAME(what, in)                                                                             \
	{                                                                                          \
		what, &any, in, NULL, NULL, NULL, NULL                                             \
	}
#define DENY(what, in, text)                                                                       \
	{                                                                                          \
		what, &any, in, NULL, text, NULL, NULL                                             \
	}
#define HOOK(kind, members) "{\"hooks\":{\"" kind "\":[{" members "}]}}"

/* what Docker has of itself */
#define DOCKERD(args) HOOK("prestart", "\"path\":\"/proc/123/exe\",\"args\":[" args "]")
#define SETKEY "\"libnetwork-setkey\""
#define IDS "\"0a1b2c\",\"d8925a52e99d\""

static const struct pass_row hook_rows[] = {
	SAME("no hooks", "{}"),
	SAME("null", "{\"hooks\":{\"prestart\":null}}"),
	SAME("Docker's", DOCKERD(SETKEY ",\"-exec-root=/var/run/docker\"," IDS)),
	SAME("Docker's before 18.09", DOCKERD(SETKEY "," IDS)),
	SAME("BuildKit's", DOCKERD(SETKEY ",\"-exec-root=/run/user/1000/docker\","
					  "\"nsmigrgsvte57ckggnbo4rgdr\",\"b02edf9e7e4e\"")),
	SAME("Docker's by its name",
		HOOK("prestart", "\"path\":\"/usr/bin/dockerd\",\"args\":[" SETKEY "," IDS
				 "],\"env\":[\"TRACEPARENT=00\"]")),
	DENY("dockerd as a daemon", DOCKERD("\"dockerd\",\"--host=tcp://0.0.0.0\""),
		"no other arg"),
	DENY("dockerd by another name", DOCKERD("\"/usr/bin/dockerd\"," SETKEY "," IDS),
		"no other arg"),
	DENY("dockerd without arguments", HOOK("prestart", "\"path\":\"/proc/123/exe\""),
		"no other arg"),
	DENY("dockerd with none", DOCKERD(""), "no other arg"),
	DENY("dockerd with a number", DOCKERD("1"), "no other arg"),
	DENY("setkey alone", DOCKERD(SETKEY), "no other arg"),
	DENY("setkey with one ID", DOCKERD(SETKEY ",\"-exec-root=/r\",\"ab\""), "no other arg"),
	DENY("setkey with more", DOCKERD(SETKEY "," IDS ",\"x\""), "no other arg"),
	DENY("setkey with another option", DOCKERD(SETKEY ",\"--debug\"," IDS), "no other arg"),
	DENY("setkey with an option behind", DOCKERD(SETKEY "," IDS ",\"-exec-root=/r\""),
		"no other arg"),
	DENY("setkey with two directories",
		DOCKERD(SETKEY ",\"-exec-root=/r\",\"-exec-root=/s\"," IDS), "no other arg"),
	DENY("setkey in no directory", DOCKERD(SETKEY ",\"-exec-root=\"," IDS), "no other arg"),
	DENY("setkey in a relative one", DOCKERD(SETKEY ",\"-exec-root=run\"," IDS),
		"no other arg"),
	DENY("setkey in one that climbs", DOCKERD(SETKEY ",\"-exec-root=/a/../b\"," IDS),
		"no other arg"),
	DENY("setkey with a path as ID", DOCKERD(SETKEY ",\"../ab\",\"cd\""), "no other arg"),
	DENY("setkey with an empty ID", DOCKERD(SETKEY ",\"\",\"cd\""), "no other arg"),
	DENY("dockerd after the start",
		HOOK("poststart", "\"path\":\"/proc/123/exe\",\"args\":[\"dockerd\"]"),
		"no other arg"),
	SAME("all kinds outside", "{\"hooks\":{\"createRuntime\":[{\"path\":\"/usr/bin/hook\"}],"
				  "\"poststart\":[{\"path\":\"/usr/bin/hook\",\"env\":[\"A=b\"]}],"
				  "\"poststop\":[{\"path\":\"/usr/bin/hook\",\"env\":[]}]}}"),
	{"none allowed", &none, HOOK("prestart", "\"path\":\"/proc/123/exe\""), NULL, "hooks.allow",
		NULL, NULL},
	DENY("prestart not allowed", HOOK("prestart", "\"path\":\"/usr/bin/other\""),
		"is not allowed"),
	DENY("createRuntime", HOOK("createRuntime", "\"path\":\"/bin/other\""), "is not allowed"),
	DENY("createContainer",
		HOOK("createContainer", "\"path\":\"/bin/other\",\"env\":[\"A=b\"]"),
		"is not allowed"),
	DENY("startContainer", HOOK("startContainer", "\"path\":\"/bin/other\",\"env\":[\"A=b\"]"),
		"is not allowed"),
	DENY("poststart", HOOK("poststart", "\"path\":\"/bin/other\""), "is not allowed"),
	DENY("poststop", HOOK("poststop", "\"path\":\"/bin/other\""), "is not allowed"),
	DENY("the second one",
		"{\"hooks\":{\"prestart\":[{\"path\":\"/usr/bin/hook\"},{\"path\":\"/x\"}]}}",
		"hook /x is not allowed"),
	DENY("not root's", HOOK("prestart", "\"path\":\"/tmp/evil\""), "owned by root"),
	DENY("relative", HOOK("prestart", "\"path\":\"usr/bin/hook\""), "absolute, canonical"),
	DENY("no path", HOOK("prestart", "\"args\":[\"a\"]"), "absolute, canonical"),
	DENY("out of an allowed directory", HOOK("prestart", "\"path\":\"/tmp/../bin/sh\""),
		"absolute, canonical"),
	DENY("the glob does not span", HOOK("prestart", "\"path\":\"/proc/1/root/exe\""),
		"is not allowed"),
	SAME("in the container with env",
		HOOK("createContainer", "\"path\":\"/usr/bin/hook\",\"env\":[\"PATH=/bin\"]")),
	DENY("without env", HOOK("createContainer", "\"path\":\"/usr/bin/hook\""),
		"CVE-2025-23266"),
	DENY("with an empty one", HOOK("startContainer", "\"path\":\"/usr/bin/hook\",\"env\":[]"),
		"CVE-2025-23266"),
	DENY("a loader's variable",
		HOOK("prestart", "\"path\":\"/usr/bin/hook\",\"env\":[\"A=b\",\"LD_PRELOAD=/x\"]"),
		"LD_*"),
	DENY("a shell's", HOOK("poststop", "\"path\":\"/usr/bin/hook\",\"env\":[\"BASH_ENV=/x\"]"),
		"BASH_ENV"),
};

static const struct pass_row unreadable_rows[] = {
	DENY("cannot be looked at", HOOK("prestart", "\"path\":\"/usr/bin/hook\""),
		"cannot be looked at"),
};

#define NOTES(members) "{\"annotations\":{" members "}}"
#define GONE(key)                                                                                  \
	{                                                                                          \
		key, &any, NOTES("\"" key "\":\"1\",\"a\":\"b\""), NOTES("\"a\":\"b\""), NULL,     \
			"steers", NULL                                                             \
	}

static const struct pass_row annotation_rows[] = {
	SAME("null", "{\"annotations\":null}"),
	SAME("labels",
		NOTES("\"io.kubernetes.cri.sandbox-name\":\"x\",\"io.cinch.profile\":\"p\","
		      "\"io.kubernetes.cri-o.TTY\":\"false\",\"io.podman.annotations.init\":\"F\","
		      "\"org.opencontainers.image.stopSignal\":\"15\",\"example.org/c\":\"\"")),
	SAME("a granted one", NOTES("\"run.oci.keep_original_groups\":\"1\"")),
	SAME("similar names", NOTES("\"bundles\":\"1\",\"my.run.oci.x\":\"1\",\"run.ocix\":\"1\","
				    "\"x/org.criu.config\":\"1\"")),
	{"not granted here", &none, NOTES("\"run.oci.keep_original_groups\":\"1\""), NOTES(""),
		NULL, "annotations.allow", NULL},
	GONE("org.systemd.property.ExecStartPre"),
	GONE("org.systemd.property.TimeoutStopUSec"),
	GONE("org.criu.config"),
	GONE("bundle"),
	GONE("run.oci.seccomp_bpf_data"),
	GONE("run.oci.hooks.stdout"),
	GONE("run.oci.handler"),
	GONE("Run.OCI.Handler"),
	GONE("RUN.OCI.KEEP_ORIGINAL_GROUPS"),
	GONE("run.oci.x/y"),
	GONE("krun.cpus"),
	GONE("io.crun.x"),
	GONE("org.opencontainers.runc.exclusive"),
	GONE("module.wasm.image/variant"),
};

#define NS3 "\"namespaces\":[{\"type\":\"network\"},{\"type\":\"ipc\"},{\"type\":\"uts\"}]"
#define SYSCTL(ns, members) "{\"linux\":{" ns ",\"sysctl\":{" members "}}}"

static const struct pass_row sysctl_rows[] = {
	SAME("none", "{\"linux\":{\"sysctl\":null}}"),
	SAME("allowed",
		SYSCTL(NS3, "\"net.ipv4.ip_unprivileged_port_start\":\"0\","
			    "\"net.ipv4.conf.eth0-1.rp_filter\":\"1 2\\t3,4:5\","
			    "\"kernel.shm_rmid_forced\":\"1\",\"kernel.domainname\":\"a.b\","
			    "\"fs.mqueue.msg_max\":\"10\"")),
	{"own, but not listed", &any,
		SYSCTL(NS3, "\"net.ipv4.ip_forward\":\"1\",\"kernel.sem\":\"1\""), SYSCTL(NS3, ""),
		NULL, "to grant it, add net.ipv4.ip_forward", NULL},
	DENY("the host's, though listed", SYSCTL(NS3, "\"vm.memfd_noexec\":\"2\""),
		"is the host's"),
	DENY("core_pattern, though listed", SYSCTL(NS3, "\"kernel.core_pattern\":\"x\""),
		"is the host's"),
	DENY("host-wide shm key", SYSCTL(NS3, "\"kernel.shm_next\":\"1\""), "is the host's"),
	DENY("fs", SYSCTL(NS3, "\"fs.file-max\":\"1\""), "is the host's"),
	DENY("no network namespace",
		SYSCTL("\"namespaces\":[{\"type\":\"ipc\"}]", "\"net.core.somaxconn\":\"1\""),
		"no network namespace"),
	DENY("no IPC namespace",
		SYSCTL("\"namespaces\":[{\"type\":\"network\"}]", "\"kernel.sem\":\"1\""),
		"no ipc namespace"),
	DENY("no IPC namespace for queues",
		SYSCTL("\"namespaces\":[]", "\"fs.mqueue.msg_max\":\"1\""), "no ipc namespace"),
	DENY("no UTS namespace", SYSCTL("\"namespaces\":[]", "\"kernel.domainname\":\"x\""),
		"no uts namespace"),
	DENY("no namespaces at all", "{\"linux\":{\"sysctl\":{\"net.core.somaxconn\":\"1\"}}}",
		"no network namespace"),
	DENY("the host's by path",
		SYSCTL("\"namespaces\":[{\"type\":\"network\",\"path\":\"/proc/1/ns/net\"}]",
			"\"net.core.somaxconn\":\"1\""),
		"no network namespace"),
	SAME("another's by path",
		SYSCTL("\"namespaces\":[{\"type\":\"network\",\"path\":\"/run/netns/x\"}]",
			"\"net.core.somaxconn\":\"1\"")),
	DENY("slashes", SYSCTL(NS3, "\"net/core/somaxconn\":\"1\""), "with dots between"),
	DENY("a slash", SYSCTL(NS3, "\"net.core/../../kernel/core_pattern\":\"1\""),
		"with dots between"),
	DENY("two dots", SYSCTL(NS3, "\"net.core..x\":\"1\""), "with dots between"),
	DENY("a dot in front", SYSCTL(NS3, "\".net.core.x\":\"1\""), "with dots between"),
	DENY("a dot behind", SYSCTL(NS3, "\"net.core.x.\":\"1\""), "with dots between"),
	DENY("no key", SYSCTL(NS3, "\"\":\"1\""), "with dots between"),
	DENY("a + in the key", SYSCTL(NS3, "\"net.core.x+kernel.core_pattern\":\"1\""),
		"with dots between"),
	DENY("cr8escape", SYSCTL(NS3, "\"kernel.shm_rmid_forced\":\"1+kernel.core_pattern=|/x\""),
		"CVE-2022-0811"),
	DENY("smuggled though unlisted", SYSCTL(NS3, "\"kernel.sem\":\"1+x\""), "CVE-2022-0811"),
	DENY("a newline", SYSCTL(NS3, "\"net.core.somaxconn\":\"1\\n2\""), "CVE-2022-0811"),
	DENY("a pipe", SYSCTL(NS3, "\"net.core.somaxconn\":\"|\""), "CVE-2022-0811"),
	DENY("an equals sign", SYSCTL(NS3, "\"net.core.somaxconn\":\"a=b\""), "CVE-2022-0811"),
	DENY("a path", SYSCTL(NS3, "\"net.core.somaxconn\":\"/x\""), "CVE-2022-0811"),
	DENY("empty", SYSCTL(NS3, "\"net.core.somaxconn\":\"\""), "CVE-2022-0811"),
};

static void test_unreadable(void)
{
	AUTO_FAKE struct world_fake fake;

	world_fake_init(&fake);
	world_fake_hook(&fake, (struct fake_path){.path = "/usr/bin/hook", .fail = true});
	pass_rig(pass_hooks, unreadable_rows, 1, &fake.world);
}

int main(void)
{
	PASS_RIG(pass_hooks, hook_rows);
	test_unreadable();
	PASS_RIG(pass_annotations, annotation_rows);
	PASS_RIG(pass_sysctl, sysctl_rows);
	return tap_done();
}

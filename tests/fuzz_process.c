/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_process - any bytes as the file of exec --process, in a container of each of two profiles: refused with
 * a reason, or a process that keeps every promise.
 *
 * The first byte chooses what the world is like when it is below 0x20 and no white space of JSON's; the seeds,
 * plain JSON, have no such byte.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/exec_rig.h"
#include "tests/judge.h"
#include "tests/world_fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A container with labels, limits and mappings of its own. */
static const char config[] =
	"{'ociVersion':'1.0.2','root':{'path':'rootfs'},'process':{'args':['x'],'cwd':'/','env':["
	"'PATH=/bin'],'user':{'uid':1000,'gid':1000},'capabilities':{'bounding':['CAP_KILL',"
	"'CAP_CHOWN'],'effective':['CAP_KILL'],'permitted':['CAP_KILL','CAP_CHOWN']},'rlimits':[{"
	"'type':'RLIMIT_NOFILE','hard':64,'soft':32}],'apparmorProfile':'own','selinuxLabel':"
	"'u:r:own_t:s0:c1'},'linux':{'namespaces':[{'type':'mount'},{'type':'pid'},{'type':'"
	"network'},"
	"{'type':'ipc'},{'type':'uts'},{'type':'cgroup'},{'type':'user'}],'uidMappings':[{"
	"'containerID':0,'hostID':100000,'size':65536}],'gidMappings':[{'containerID':0,'hostID':"
	"100000,'size':65536}]}}";

static const char commands[] = "{'profile':'few','version':'1','capabilities':['CAP_KILL'],'user':{"
			       "'root':'remap'},'resources':"
			       "{'rlimits':{'RLIMIT_CORE':0}},'env':{'deny':['LD_*']},'exec':{'"
			       "allow':true,'terminal':false,"
			       "'capabilities':['CAP_KILL'],'commands':{'allow':['id','/bin/*','sh "
			       "-c **'],'deny':['cat']}}}";

static void load(struct exec_box box[2])
{
	AUTO_JSON struct json_doc *doc = judge_parse(config), *text = judge_parse(commands);
	AUTO_PROFILE struct profile *few = NULL, *baseline = NULL;
	AUTO_FAKE struct world_fake fake;
	AUTO_STR struct str plain = STR_INIT;
	struct err e;

	world_fake_init(&fake);
	json_write(json_root(text), &plain);
	if (profile_parse("few", str_text(&plain), plain.len, &few, &e) < 0 ||
		profile_builtin("baseline", &baseline, &e) < 0 ||
		!exec_box_make(&box[0], "box", json_root(doc), few, &fake.world) ||
		!exec_box_make(&box[1], "box", json_root(doc), baseline, &fake.world))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct exec_box box[2];
	uint8_t mood = 0;

	if (!box[0].p)
		load(box);
	if (size > 0 && *data < 0x20 && *data != '\n' && *data != '\r' && *data != '\t') {
		mood = *data++;
		size--;
	}
	for (int i = 0; i < 2; i++) {
		AUTO_FAKE struct world_fake fake;
		AUTO_EXEC_RIG struct exec_rig r;

		world_fake_init(&fake);
		fake.world.in_user_ns = mood & 1;
		fake.world.oom_score_adj = mood & 2 ? -998 : 0;
		if (mood & 4)
			world_fake_entry(&fake, (struct fake_path){.path = "/tmp", .real = "proc"});
		if (mood & 16)
			world_fake_entry(&fake, (struct fake_path){.path = "/", .fail = true});
		exec_rig_run(&r, (const char *)data, size, &box[i], &box[i].p, 1, &fake.world);
		for (size_t k = 0; k < r.bad.n; k++)
			fprintf(stderr, "%s: %s\n", box[i].p->name, r.bad.v[k]);
		if (r.bad.n)
			abort();
	}
	return 0;
}

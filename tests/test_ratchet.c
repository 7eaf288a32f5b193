/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ratchet - the judge is judged: for every dimension a result that was widened by hand must be
 * found, and one that was narrowed must not.
 */
#include "shim/base/cleanup.h"
#include "tests/ratchet.h"
#include "tests/tap.h"

#define LOW_KEY "'net.ipv4.ip_unprivileged_port_start'"
#define LOW_CAP "['CAP_NET_BIND_SERVICE']"
#define LOW_NEW "'namespaces':[{'type':'network'}]"
#define LOW_POD "'namespaces':[{'type':'network','path':'/run/netns/x'}]"
#define LOW_ROOT(ns, set, more)                                                                    \
	"{'process':{'capabilities':{" set ":" LOW_CAP "}" more "},'linux':{" ns "}}"
#define LOW_OUT(ns, value)                                                                         \
	"{'process':{'user':{'uid':9,'gid':9}},'linux':{" ns ",'sysctl':{" LOW_KEY ":" value "}}}"

/* ' stands for "; WANT is a part of the violation, NULL: there must be none. */
static const struct {
	const char *what, *in, *out, *want;
} rows[] = {
	/* nothing at all */
	{"the same", "{'process':{'args':['a']}}", "{'process':{'args':['a']}}", NULL},
	{"empty", "{}", "{}", NULL},

	/* capabilities */
	{"fewer capabilities", "{'process':{'capabilities':{'bounding':['CAP_KILL','CAP_CHOWN']}}}",
		"{'process':{'capabilities':{'bounding':['CAP_KILL']}}}", NULL},
	{"one more", "{'process':{'capabilities':{'bounding':['CAP_KILL']}}}",
		"{'process':{'capabilities':{'bounding':['CAP_KILL','CAP_CHOWN']}}}",
		"CAP_CHOWN gained in bounding"},
	{"moved to another set", "{'process':{'capabilities':{'bounding':['CAP_KILL']}}}",
		"{'process':{'capabilities':{'bounding':['CAP_KILL'],'ambient':['CAP_KILL']}}}",
		"CAP_KILL gained in ambient"},
	{"absent object is none", "{'process':{}}",
		"{'process':{'capabilities':{'effective':['CAP_KILL']}}}", "gained in effective"},
	{"object made empty", "{'process':{}}", "{'process':{'capabilities':{}}}", NULL},
	{"object removed", "{'process':{'capabilities':{'permitted':['CAP_KILL']}}}",
		"{'process':{}}", NULL},

	/* user */
	{"root steps down", "{'process':{'user':{'uid':0,'gid':0,'additionalGids':[0,5]}}}",
		"{'process':{'user':{'uid':9,'gid':9,'additionalGids':[]}}}", NULL},
	{"absent user is root", "{'process':{}}", "{'process':{'user':{'uid':9,'gid':9}}}", NULL},
	{"becomes root", "{'process':{'user':{'uid':9,'gid':9}}}",
		"{'process':{'user':{'uid':0,'gid':9}}}", "uid 9 became 0"},
	{"uid removed is root", "{'process':{'user':{'uid':9,'gid':9}}}",
		"{'process':{'user':{'gid':9}}}", "uid 9 became 0"},
	{"becomes somebody else", "{'process':{'user':{'uid':9,'gid':9}}}",
		"{'process':{'user':{'uid':10,'gid':9}}}", "uid 9 became 10"},
	{"gains group 0", "{'process':{'user':{'uid':9,'gid':9}}}",
		"{'process':{'user':{'uid':9,'gid':0}}}", "gid 9 became 0"},
	{"another gid", "{'process':{'user':{'uid':9,'gid':9}}}",
		"{'process':{'user':{'uid':9,'gid':10}}}", "gid 9 became 10"},
	{"leaves group 0", "{'process':{'user':{'uid':9,'gid':0}}}",
		"{'process':{'user':{'uid':9,'gid':7}}}", NULL},
	{"a group more", "{'process':{'user':{'uid':9,'additionalGids':[5]}}}",
		"{'process':{'user':{'uid':9,'additionalGids':[5,6]}}}", "group 6 gained"},
	{"group 0 more", "{'process':{'user':{'uid':0}}}",
		"{'process':{'user':{'uid':9,'gid':9,'additionalGids':[0]}}}", "group 0 gained"},
	{"uid out of range", "{'process':{'user':{'uid':4294967295}}}",
		"{'process':{'user':{'uid':4294967295}}}", "out of range"},
	{"umask changed", "{'process':{'user':{'umask':63}}}", "{'process':{'user':{'umask':0}}}",
		"umask changed"},

	/* flags, labels and the rest of process */
	{"no new privileges lost", "{'process':{'noNewPrivileges':true}}",
		"{'process':{'noNewPrivileges':false}}", "noNewPrivileges"},
	{"no new privileges removed", "{'process':{'noNewPrivileges':true}}", "{'process':{}}",
		"noNewPrivileges"},
	{"no new privileges set", "{'process':{}}", "{'process':{'noNewPrivileges':true}}", NULL},
	{"terminal added", "{'process':{}}", "{'process':{'terminal':true}}", "terminal"},
	{"args changed", "{'process':{'args':['a']}}", "{'process':{'args':['b']}}", "args"},
	{"cwd changed", "{'process':{'cwd':'/'}}", "{'process':{'cwd':'/x'}}", "cwd"},
	{"env removed", "{'process':{'env':['A=1','B=2']}}", "{'process':{'env':['B=2']}}", NULL},
	{"env added", "{'process':{'env':['A=1']}}", "{'process':{'env':['A=1','B=2']}}", "env"},
	{"env changed", "{'process':{'env':['A=1']}}", "{'process':{'env':['A=2']}}", "env"},
	{"env moved", "{'process':{'env':['A=1','A=2']}}", "{'process':{'env':['A=2','A=1']}}",
		"env"},
	{"label cleared", "{'process':{'apparmorProfile':'x'}}", "{'process':{}}",
		"apparmorProfile"},
	{"label emptied", "{'process':{'selinuxLabel':'x'}}", "{'process':{'selinuxLabel':''}}",
		"selinuxLabel"},
	{"label changed", "{'linux':{'mountLabel':'x'}}", "{'linux':{'mountLabel':'y'}}",
		"mountLabel"},
	{"label set", "{'process':{}}", "{'process':{'apparmorProfile':'x'}}", NULL},
	{"oom score lowered", "{'process':{'oomScoreAdj':5}}", "{'process':{'oomScoreAdj':4}}",
		"oomScoreAdj"},
	{"oom score raised", "{'process':{'oomScoreAdj':5}}", "{'process':{'oomScoreAdj':6}}",
		NULL},
	{"oom score removed", "{'process':{'oomScoreAdj':5}}", "{'process':{}}", "oomScoreAdj"},
	{"rlimit raised", "{'process':{'rlimits':[{'type':'X','hard':5,'soft':5}]}}",
		"{'process':{'rlimits':[{'type':'X','hard':6,'soft':5}]}}", "X hard raised"},
	{"soft rlimit raised", "{'process':{'rlimits':[{'type':'X','hard':6,'soft':5}]}}",
		"{'process':{'rlimits':[{'type':'X','hard':6,'soft':6}]}}", "X soft raised"},
	{"rlimit removed", "{'process':{'rlimits':[{'type':'X','hard':5,'soft':5}]}}",
		"{'process':{'rlimits':[]}}", "X removed"},
	{"rlimit lowered and added", "{'process':{'rlimits':[{'type':'X','hard':5,'soft':5}]}}",
		"{'process':{'rlimits':[{'type':'X','hard':4,'soft':4},{'type':'Y','hard':0,'soft':"
		"0}]}}",
		NULL},
	{"scheduler changed", "{'process':{'scheduler':{'policy':'SCHED_OTHER'}}}",
		"{'process':{'scheduler':{'policy':'SCHED_FIFO'}}}", "/process/scheduler/policy"},
	{"scheduler removed", "{'process':{'scheduler':{'policy':'SCHED_FIFO'}}}", "{'process':{}}",
		NULL},

	/* root, mounts */
	{"rootfs made writable", "{'root':{'path':'r','readonly':true}}", "{'root':{'path':'r'}}",
		"readonly"},
	{"another rootfs", "{'root':{'path':'r'}}", "{'root':{'path':'/'}}", "path"},
	{"rootfs made read-only", "{'root':{'path':'r'}}", "{'root':{'path':'r','readonly':true}}",
		NULL},
	{"a bind more", "{}",
		"{'mounts':[{'destination':'/x','type':'bind','source':'/y','options':['bind']}]}",
		"is no tmpfs"},
	{"a bind in tmpfs's clothes", "{}",
		"{'mounts':[{'destination':'/x','type':'tmpfs','source':'/"
		"y','options':['bind','nosuid','nodev']}]}",
		"is no tmpfs"},
	{"a tmpfs of ours", "{}",
		"{'mounts':[{'destination':'/"
		"tmp','type':'tmpfs','source':'tmpfs','options':['nosuid','nodev']}]}",
		NULL},
	{"a tmpfs with devices", "{}",
		"{'mounts':[{'destination':'/"
		"tmp','type':'tmpfs','source':'tmpfs','options':['nosuid']}]}",
		"not nosuid,nodev"},
	{"a tmpfs over /proc/x", "{}",
		"{'mounts':[{'destination':'/proc/"
		"x','type':'tmpfs','options':['nosuid','nodev']}]}",
		"lies in /proc"},
	{"another source", "{'mounts':[{'destination':'/x','type':'bind','source':'/y'}]}",
		"{'mounts':[{'destination':'/x','type':'bind','source':'/z'}]}", "is no tmpfs"},
	{"another destination", "{'mounts':[{'destination':'/x','type':'bind','source':'/y'}]}",
		"{'mounts':[{'destination':'/z','type':'bind','source':'/y'}]}", "is no tmpfs"},
	{"read-only lost",
		"{'mounts':[{'destination':'/x','type':'bind','source':'/y','options':['ro']}]}",
		"{'mounts':[{'destination':'/x','type':'bind','source':'/y'}]}", "/x lost ro"},
	{"a later rw wins",
		"{'mounts':[{'destination':'/x','type':'bind','source':'/y','options':['ro']}]}",
		"{'mounts':[{'destination':'/x','type':'bind','source':'/"
		"y','options':['ro','rw']}]}",
		"/x lost ro"},
	{"a later ro wins",
		"{'mounts':[{'destination':'/x','type':'bind','source':'/y','options':['rw']}]}",
		"{'mounts':[{'destination':'/x','type':'bind','source':'/"
		"y','options':['rw','ro']}]}",
		NULL},
	{"suid", "{'mounts':[{'destination':'/x','source':'/y','options':['nosuid']}]}",
		"{'mounts':[{'destination':'/x','source':'/y','options':['nosuid','suid']}]}",
		"lost nosuid"},
	{"dev", "{'mounts':[{'destination':'/x','source':'/y','options':['nodev']}]}",
		"{'mounts':[{'destination':'/x','source':'/y','options':[]}]}", "lost nodev"},
	{"exec", "{'mounts':[{'destination':'/x','source':'/y','options':['noexec']}]}",
		"{'mounts':[{'destination':'/x','source':'/y'}]}", "lost noexec"},
	{"recursive read-only lost",
		"{'mounts':[{'destination':'/x','source':'/y','options':['rbind','rro']}]}",
		"{'mounts':[{'destination':'/x','source':'/y','options':['rbind','ro']}]}",
		"lost rro"},
	{"shared", "{'mounts':[{'destination':'/x','source':'/y','options':['bind','rprivate']}]}",
		"{'mounts':[{'destination':'/x','source':'/y','options':['bind','rshared']}]}",
		"propagates more"},
	{"slave from private",
		"{'mounts':[{'destination':'/x','source':'/y','options':['bind','private']}]}",
		"{'mounts':[{'destination':'/x','source':'/y','options':['bind','slave']}]}",
		"propagates more"},
	{"private from shared",
		"{'mounts':[{'destination':'/x','source':'/y','options':['bind','shared']}]}",
		"{'mounts':[{'destination':'/x','source':'/y','options':['bind','rprivate']}]}",
		NULL},
	{"recursive bind",
		"{'mounts':[{'destination':'/x','type':'bind','source':'/y','options':['bind']}]}",
		"{'mounts':[{'destination':'/x','type':'bind','source':'/y','options':['rbind']}]}",
		"binds more"},
	{"bigger tmpfs", "{'mounts':[{'destination':'/x','type':'tmpfs','options':['size=64k']}]}",
		"{'mounts':[{'destination':'/x','type':'tmpfs','options':['size=1m']}]}",
		"may be bigger"},
	{"tmpfs without limit",
		"{'mounts':[{'destination':'/x','type':'tmpfs','options':['size=64k']}]}",
		"{'mounts':[{'destination':'/x','type':'tmpfs'}]}", "may be bigger"},
	{"smaller tmpfs", "{'mounts':[{'destination':'/x','type':'tmpfs','options':['size=2m']}]}",
		"{'mounts':[{'destination':'/x','type':'tmpfs','options':['size=1024k']}]}", NULL},
	{"data option added", "{'mounts':[{'destination':'/x','type':'overlay'}]}",
		"{'mounts':[{'destination':'/x','type':'overlay','options':['upperdir=/etc']}]}",
		"new option upperdir"},
	{"mode lost", "{'mounts':[{'destination':'/x','type':'tmpfs','options':['mode=0700']}]}",
		"{'mounts':[{'destination':'/x','type':'tmpfs','options':[]}]}",
		"lost option mode"},
	{"id mapping gone",
		"{'mounts':[{'destination':'/x','type':'bind','source':'/y','uidMappings':[1]}]}",
		"{'mounts':[{'destination':'/x','type':'bind','source':'/y'}]}", "maps ids"},
	{"mount removed", "{'mounts':[{'destination':'/x','type':'bind','source':'/y'}]}",
		"{'mounts':[]}", NULL},
	{"order changed",
		"{'mounts':[{'destination':'/x','type':'bind','source':'/y'},{'destination':'/"
		"z','type':'bind','source':'/y'}]}",
		"{'mounts':[{'destination':'/z','type':'bind','source':'/y'},{'destination':'/"
		"x','type':'bind','source':'/y'}]}",
		"is no tmpfs"},
	{"a cover removed",
		"{'mounts':[{'destination':'/x','type':'bind','source':'/y'},{'destination':'/x/"
		"s','type':'tmpfs'}]}",
		"{'mounts':[{'destination':'/x','type':'bind','source':'/y'}]}",
		"shows what it hid"},

	/* namespaces */
	{"own network lost", "{'linux':{'namespaces':[{'type':'network'}]}}",
		"{'linux':{'namespaces':[]}}", "own network lost"},
	{"all lost with the member", "{'linux':{'namespaces':[{'type':'pid'}]}}", "{'linux':{}}",
		"own pid lost"},
	{"one added", "{'linux':{'namespaces':[]}}", "{'linux':{'namespaces':[{'type':'cgroup'}]}}",
		NULL},
	{"a join of ours", "{'linux':{'namespaces':[{'type':'pid'}]}}",
		"{'linux':{'namespaces':[{'type':'pid','path':'/proc/1/ns/pid'}]}}",
		"pid joins another"},
	{"another join", "{'linux':{'namespaces':[{'type':'pid','path':'/a'}]}}",
		"{'linux':{'namespaces':[{'type':'pid','path':'/b'}]}}", "pid joins another"},
	{"own instead of a join", "{'linux':{'namespaces':[{'type':'pid','path':'/a'}]}}",
		"{'linux':{'namespaces':[{'type':'pid'}]}}", NULL},
	{"a join where the host's was", "{'linux':{}}",
		"{'linux':{'namespaces':[{'type':'ipc','path':'/b'}]}}", "ipc joins another"},
	{"twice", "{'linux':{'namespaces':[{'type':'pid'}]}}",
		"{'linux':{'namespaces':[{'type':'pid'},{'type':'pid'}]}}", "stands twice"},
	{"a user namespace added", "{'linux':{}}", "{'linux':{'namespaces':[{'type':'user'}]}}",
		"user namespace was added"},
	{"mapping changed", "{'linux':{'uidMappings':[{'hostID':1000}]}}",
		"{'linux':{'uidMappings':[{'hostID':0}]}}", "uidMappings"},
	{"unknown member of a mapping removed", "{'linux':{'uidMappings':[{'hostID':7,'x':1}]}}",
		"{'linux':{'uidMappings':[{'hostID':7}]}}", NULL},
	{"mapping without a namespace removed", "{'linux':{'gidMappings':[1]}}", "{'linux':{}}",
		NULL},
	{"mapping removed",
		"{'linux':{'namespaces':[{'type':'user'}],'gidMappings':[{'hostID':1000}]}}",
		"{'linux':{'namespaces':[{'type':'user'}]}}", "gidMappings"},

	/* devices */
	{"a node more", "{'linux':{'devices':[]}}",
		"{'linux':{'devices':[{'path':'/dev/x','type':'c','major':1,'minor':3}]}}",
		"devices: a node"},
	{"a node changed", "{'linux':{'devices':[{'path':'/dev/x','major':1,'minor':3}]}}",
		"{'linux':{'devices':[{'path':'/dev/x','major':8,'minor':0}]}}", "devices: a node"},
	{"deny first", "{'linux':{'resources':{'devices':[{'allow':true,'access':'rwm'}]}}}",
		"{'linux':{'resources':{'devices':[{'allow':false,'access':'rwm'}]}}}", NULL},
	{"a wildcard more", "{'linux':{'resources':{'devices':[{'allow':false,'access':'rwm'}]}}}",
		"{'linux':{'resources':{'devices':[{'allow':false,'access':'rwm'},{'allow':true,'"
		"access':'r'}]}}}",
		"gained r"},
	{"one rule more",
		"{'linux':{'resources':{'devices':[{'allow':false,'access':'rwm'},{'allow':true,'"
		"type':'c','major':10,'minor':229,'access':'rwm'}]}}}",
		"{'linux':{'resources':{'devices':[{'allow':false,'access':'rwm'},{'allow':true,'"
		"type':'c','major':10,'minor':229,'access':'rwm'},{'allow':true,'type':'b','major':"
		"8,'minor':-1,'access':'r'}]}}}",
		"b 8:987654 gained r"},
	{"access widened",
		"{'linux':{'resources':{'devices':[{'allow':true,'type':'c','major':10,'minor':229,"
		"'access':'r'}]}}}",
		"{'linux':{'resources':{'devices':[{'allow':true,'type':'c','major':10,'minor':229,"
		"'access':'rw'}]}}}",
		"c 10:229 gained w"},
	{"minor widened",
		"{'linux':{'resources':{'devices':[{'allow':true,'type':'c','major':10,'minor':229,"
		"'access':'r'}]}}}",
		"{'linux':{'resources':{'devices':[{'allow':true,'type':'c','major':10,'access':'r'"
		"}]}}}",
		"c 10:987654 gained r"},
	{"order changed",
		"{'linux':{'resources':{'devices':[{'allow':true,'type':'b','major':8,'minor':0,'"
		"access':'rwm'},{'allow':false,'access':'rwm'}]}}}",
		"{'linux':{'resources':{'devices':[{'allow':false,'access':'rwm'},{'allow':true,'"
		"type':'b','major':8,'minor':0,'access':'rwm'}]}}}",
		"b 8:0 gained r w"},
	{"a denial dropped",
		"{'linux':{'resources':{'devices':[{'allow':true,'type':'b','major':-1,'minor':0,'"
		"access':'rw'},{'allow':false,'type':'b','major':8,'minor':-1,'access':'rw'}]}}}",
		"{'linux':{'resources':{'devices':[{'allow':true,'type':'b','major':-1,'minor':0,'"
		"access':'rw'}]}}}",
		"b 8:0 gained"},
	{"the default devices may be written down",
		"{'linux':{'resources':{'devices':[{'allow':false,'access':'rwm'}]}}}",
		"{'linux':{'resources':{'devices':[{'allow':false,'access':'rwm'},{'allow':true,'"
		"type':'c','major':1,'minor':3,'access':'rwm'},{'allow':true,'type':'c','major':"
		"136,'access':'rwm'}]}}}",
		NULL},

	/* seccomp, coarsely */
	{"filter removed", "{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ERRNO'}}}",
		"{'linux':{}}", "filter is gone"},
	{"default laxer", "{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ERRNO'}}}",
		"{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW'}}}",
		"default action is laxer"},
	{"default stricter", "{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW'}}}",
		"{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ERRNO'}}}", NULL},
	{"a call more",
		"{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['read'"
		"],'action':'SCMP_ACT_ALLOW'}]}}}",
		"{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['read'"
		",'bpf'],'action':'SCMP_ACT_ALLOW'}]}}}",
		"bpf gained"},
	{"a denied call allowed",
		"{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['bpf']"
		",'action':'SCMP_ACT_ERRNO'}]}}}",
		"{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['bpf']"
		",'action':'SCMP_ACT_ALLOW'}]}}}",
		"bpf gained"},
	{"an architecture more",
		"{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','architectures':['SCMP_ARCH_"
		"X86_64']}}}",
		"{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','architectures':['SCMP_ARCH_"
		"X86_64','SCMP_ARCH_X86']}}}",
		"SCMP_ARCH_X86 added"},
	{"a flag more", "{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ERRNO'}}}",
		"{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','flags':['SECCOMP_FILTER_"
		"FLAG_SPEC_ALLOW']}}}",
		"a flag was added"},
	{"a filter where none was", "{'linux':{}}",
		"{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ERRNO'}}}", NULL},

	/* paths, sysctl, limits, hooks, annotations */
	{"unmasked", "{'linux':{'maskedPaths':['/a','/b']}}", "{'linux':{'maskedPaths':['/a']}}",
		"/b is not masked"},
	{"not read-only any more", "{'linux':{'readonlyPaths':['/a']}}", "{'linux':{}}",
		"/a is not read-only"},
	{"masked instead of read-only", "{'linux':{'readonlyPaths':['/a']}}",
		"{'linux':{'maskedPaths':['/a']}}", NULL},
	{"read-only instead of masked", "{'linux':{'maskedPaths':['/a']}}",
		"{'linux':{'readonlyPaths':['/a']}}", "/a is not masked"},
	{"sysctl added", "{'linux':{'sysctl':{'a':'1'}}}", "{'linux':{'sysctl':{'a':'1','b':'1'}}}",
		"b added"},
	{"sysctl changed", "{'linux':{'sysctl':{'a':'1'}}}", "{'linux':{'sysctl':{'a':'2'}}}",
		"a added or changed"},
	{"low ports for who had them", LOW_ROOT(LOW_NEW, "'bounding'", ""), LOW_OUT(LOW_NEW, "'0'"),
		NULL},
	{"low ports for who had them not", LOW_ROOT(LOW_NEW, "'effective'", ""),
		LOW_OUT(LOW_NEW, "'0'"), "were not open"},
	{"low ports, no new privileges", LOW_ROOT(LOW_NEW, "'bounding'", ",'noNewPrivileges':true"),
		"{'process':{'user':{'uid':9,'gid':9},'noNewPrivileges':true},'linux':{" LOW_NEW
		",'sysctl':{" LOW_KEY ":'0'}}}",
		"were not open"},
	{"low ports in a pod", LOW_ROOT(LOW_POD, "'bounding'", ""), LOW_OUT(LOW_POD, "'0'"),
		"that others have"},
	{"low ports in the host's network", LOW_ROOT("'namespaces':[]", "'bounding'", ""),
		LOW_OUT("'namespaces':[]", "'0'"), "that others have"},
	{"low ports in a new network instead of the host's",
		LOW_ROOT("'namespaces':[]", "'bounding'", ""), LOW_OUT(LOW_NEW, "'0'"), NULL},
	{"another value", LOW_ROOT(LOW_NEW, "'bounding'", ""), LOW_OUT(LOW_NEW, "'80'"),
		"is not 0"},
	{"low ports for an ordinary user",
		"{'process':{'user':{'uid':9,'gid':9},'capabilities':{'bounding':" LOW_CAP
		",'permitted':" LOW_CAP ",'effective':" LOW_CAP "}},'linux':{" LOW_NEW "}}",
		LOW_OUT(LOW_NEW, "'0'"), "were not open"},
	{"low ports the caller closed",
		"{'process':{'capabilities':{'bounding':" LOW_CAP "}},'linux':{" LOW_NEW
		",'sysctl':{" LOW_KEY ":'1024'}}}",
		LOW_OUT(LOW_NEW, "'0'"), "added or changed"},
	{"low ports for a sandbox",
		"{'annotations':{'io.kubernetes.cri.container-type':'sandbox'},'process':{"
		"'capabilities':{'bounding':" LOW_CAP "}},'linux':{" LOW_NEW "}}",
		LOW_OUT(LOW_NEW, "'0'"), "a whole pod"},
	{"sysctl removed", "{'linux':{'sysctl':{'a':'1'}}}", "{'linux':{}}", NULL},
	{"memory raised", "{'linux':{'resources':{'memory':{'limit':5}}}}",
		"{'linux':{'resources':{'memory':{'limit':6}}}}", "memory limit raised"},
	{"memory unlimited", "{'linux':{'resources':{'memory':{'limit':5}}}}",
		"{'linux':{'resources':{'memory':{'limit':-1}}}}", "memory limit raised"},
	{"memory removed", "{'linux':{'resources':{'memory':{'limit':5}}}}",
		"{'linux':{'resources':{}}}", "memory limit raised"},
	{"swap removed", "{'linux':{'resources':{'memory':{'swap':5}}}}",
		"{'linux':{'resources':{'memory':{}}}}", "swap new, raised"},
	{"swap added", "{'linux':{'resources':{'memory':{}}}}",
		"{'linux':{'resources':{'memory':{'swap':5}}}}", "swap new, raised"},
	{"swap raised", "{'linux':{'resources':{'memory':{'limit':5,'swap':6}}}}",
		"{'linux':{'resources':{'memory':{'limit':5,'swap':7}}}}", "swap new, raised"},
	{"swap without limit", "{'linux':{'resources':{'memory':{'swap':6}}}}",
		"{'linux':{'resources':{'memory':{'swap':-1}}}}", "swap new, raised"},
	{"memory becomes swap", "{'linux':{'resources':{'memory':{'limit':5,'swap':5}}}}",
		"{'linux':{'resources':{'memory':{'limit':2,'swap':5}}}}", "more swap than before"},
	{"less swap than memory becomes swap",
		"{'linux':{'resources':{'memory':{'limit':5,'swap':4}}}}",
		"{'linux':{'resources':{'memory':{'limit':2,'swap':4}}}}", "more swap than before"},
	{"less swap than memory becomes none",
		"{'linux':{'resources':{'memory':{'limit':5,'swap':4}}}}",
		"{'linux':{'resources':{'memory':{'limit':2,'swap':2}}}}", NULL},
	{"swap lowered with memory", "{'linux':{'resources':{'memory':{'limit':5,'swap':6}}}}",
		"{'linux':{'resources':{'memory':{'limit':2,'swap':3}}}}", NULL},
	{"memory set", "{'linux':{}}", "{'linux':{'resources':{'memory':{'limit':6}}}}", NULL},
	{"oom killer off", "{'linux':{'resources':{'memory':{}}}}",
		"{'linux':{'resources':{'memory':{'disableOOMKiller':true}}}}", "disableOOMKiller"},
	{"pids raised", "{'linux':{'resources':{'pids':{'limit':5}}}}",
		"{'linux':{'resources':{'pids':{'limit':0}}}}", "pids limit raised"},
	{"pids raised past unified", "{'linux':{'resources':{'unified':{'pids.max':'5'}}}}",
		"{'linux':{'resources':{'pids':{'limit':9}}}}", "pids limit raised"},
	{"pids instead of unified", "{'linux':{'resources':{'unified':{'pids.max':'5'}}}}",
		"{'linux':{'resources':{'pids':{'limit':5}}}}", NULL},
	{"cpu changed", "{'linux':{'resources':{'cpu':{'quota':5}}}}",
		"{'linux':{'resources':{'cpu':{'quota':6}}}}", "/cpu/quota new or changed"},
	{"cpu added", "{'linux':{'resources':{}}}", "{'linux':{'resources':{'cpu':{'shares':9}}}}",
		"/cpu/shares new"},
	{"what is no limit removed", "{'linux':{'resources':{'cpu':{'path':'x'}}}}",
		"{'linux':{'resources':{'cpu':{}}}}", NULL},
	{"cpu removed", "{'linux':{'resources':{'cpu':{'quota':5}}}}", "{'linux':{'resources':{}}}",
		"/cpu/quota removed"},
	{"unified added", "{'linux':{'resources':{}}}",
		"{'linux':{'resources':{'unified':{'cpu.max':'max'}}}}", "cpu.max new"},
	{"unified limit removed", "{'linux':{'resources':{'unified':{'cpu.max':'1'}}}}",
		"{'linux':{'resources':{}}}", "cpu.max removed"},
	{"hook added", "{}", "{'hooks':{'prestart':[{'path':'/x'}]}}", "prestart has one"},
	{"hook changed", "{'hooks':{'prestart':[{'path':'/x','args':['a']}]}}",
		"{'hooks':{'prestart':[{'path':'/x','args':['b']}]}}", "prestart has one"},
	{"hook of another moment", "{'hooks':{'poststop':[{'path':'/x'}]}}",
		"{'hooks':{'prestart':[{'path':'/x'}]}}", "prestart has one"},
	{"hook given an environment", "{'hooks':{'prestart':[{'path':'/x'}]}}",
		"{'hooks':{'prestart':[{'path':'/x','env':['A=b']}]}}", NULL},
	{"hook without its timeout", "{'hooks':{'prestart':[{'path':'/x','timeout':5}]}}",
		"{'hooks':{'prestart':[{'path':'/x'}]}}", "prestart has one"},
	{"annotation added", "{'annotations':{}}", "{'annotations':{'run.oci.x':'1'}}",
		"run.oci.x added"},
	{"annotation removed", "{'annotations':{'run.oci.x':'1'}}", "{}", NULL},
	{"propagation", "{'linux':{'rootfsPropagation':'private'}}",
		"{'linux':{'rootfsPropagation':'rslave'}}", "rootfsPropagation"},
	{"propagation added", "{'linux':{}}", "{'linux':{'rootfsPropagation':'shared'}}",
		"rootfsPropagation"},

	/* what nobody speaks of */
	{"cgroup moved", "{'linux':{'cgroupsPath':'/a'}}", "{'linux':{'cgroupsPath':'/'}}",
		"/linux/cgroupsPath"},
	{"something new", "{}", "{'vm':{'kernel':{'path':'/x'}}}", "/vm/kernel"},
	{"personality", "{'linux':{}}", "{'linux':{'personality':{'domain':'LINUX32'}}}",
		"/linux/personality/domain"},
	{"hostname", "{'hostname':'a'}", "{'hostname':'b'}", "hostname"},
};

static struct json_doc *parse(const char *text)
{
	static const struct json_limits wide = {1u << 20, 100, 100000};
	AUTO_FREE char *copy = strdup(text);
	struct json_doc *doc = NULL;
	struct err e;

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	if (json_parse(copy, strlen(copy), &wide, JSON_STRICT, &doc, &e) < 0)
		printf("# %s\n# %s\n", copy, e.msg);
	return doc;
}

/* The compiled filters: a condition that was widened, and one that was not. */
static void test_filters(void)
{
	static const char filter[] =
		"{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','architectures':"
		"['SCMP_ARCH_X86_64'],'syscalls':[{'names':['read'],'action':'SCMP_ACT_ALLOW'},"
		"{'names':['socket'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':%s,"
		"'op':'%s'}]}]}}}";
	static const struct {
		const char *value, *op;
		bool gains;
	} out[] = {
		{"2", "SCMP_CMP_EQ", false},
		{"1", "SCMP_CMP_LE", false},
		{"2", "SCMP_CMP_LE", false},
		{"3", "SCMP_CMP_EQ", true},
		{"3", "SCMP_CMP_LT", false},
		{"2", "SCMP_CMP_GE", true},
		{"38", "SCMP_CMP_NE", true},
	};
	AUTO_STR struct str in_text = STR_INIT;
	AUTO_JSON struct json_doc *in = NULL;

	str_addf(&in_text, filter, "2", "SCMP_CMP_LE");
	in = parse(str_text(&in_text));
	for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
		AUTO_STR struct str text = STR_INIT;
		AUTO_JSON struct json_doc *doc = NULL;
		AUTO_STRV struct strv bad = {NULL, 0};

		str_addf(&text, filter, out[i].value, out[i].op);
		doc = parse(str_text(&text));
		ratchet_filters(json_root(in), json_root(doc), &bad);
		ok((bad.n > 0) == out[i].gains, "socket up to 2 became %s %s: %s", out[i].op,
			out[i].value, bad.n ? bad.v[0] : "no gain");
	}
}

int main(void)
{
	test_filters();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		AUTO_JSON struct json_doc *in = parse(rows[i].in), *out = parse(rows[i].out);
		AUTO_STRV struct strv bad = {NULL, 0};
		bool found = false;

		if (!ok(in && out, "%s: the row is JSON", rows[i].what))
			continue;
		ratchet(json_root(in), json_root(out), &bad);
		for (size_t k = 0; k < bad.n; k++)
			found |= rows[i].want && strstr(bad.v[k], rows[i].want);
		if (!ok(rows[i].want ? found : bad.n == 0, "%s: %s", rows[i].what,
			    rows[i].want ? "found" : "nothing to find"))
			for (size_t k = 0; k < bad.n; k++)
				printf("# %s\n", bad.v[k]);
		{
			AUTO_STRV struct strv self = {NULL, 0};
			bool range = rows[i].want && strstr(rows[i].want, "out of range");

			ratchet(json_root(in), json_root(in), &self);
			ok(self.n == 0 || range, "%s: unchanged is no violation%s%s", rows[i].what,
				self.n ? ": " : "", self.n ? self.v[0] : "");
		}
	}
	return tap_done();
}

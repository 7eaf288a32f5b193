/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prog_probe - runs inside a container and tries what containers have escaped with.
 *
 * usage: probe restricted|baseline        prints one TAP line per row of the table
 *        probe euid                       exits with the effective uid (for the set-user-id copy)
 *
 * Each row is one call with the errno it must end with under that profile; rows that want 0 are things
 * an ordinary program needs, so that a filter which refuses everything fails too. Every call runs in
 * a child, for a filter may answer with a signal. Static, no library but libc.
 *
 * It refuses to start anywhere but as the first process of a container made from the tests' own
 * image, or as one that an engine's exec puts into it: on a host, as root, some rows would take effect. For the same reason the rows name things that do
 * not exist wherever a filter answers before the kernel looks.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Newer than some libc headers. */
enum {
	NR_OPEN_TREE = 428,
	NR_MOVE_MOUNT = 429,
	NR_FSOPEN = 430,
	NR_FSCONFIG = 431,
	NR_FSMOUNT = 432,
	NR_FSPICK = 433,
	NR_CLONE3 = 435,
	NR_PIDFD_GETFD = 438,
	NR_MOUNT_SETATTR = 442,
	NR_IO_URING_SETUP = 425,
	NR_IO_URING_ENTER = 426,
	NR_IO_URING_REGISTER = 427,
};

static const char MARKER[] = "/etc/cinch-test-image"; /* integration/lib.sh puts it there */

enum { R = 1, BASE = 2, ALL = 3 }; /* under which profile the row holds */
enum { KILLED = 1000 }; /* "errno" of a child that died of a signal: add the signal */
enum { WANT_MAX = 4 };

struct probe {
	const char *row; /* of the list of escapes this project keeps; "+" must work */
	const char *name;
	int (*call)(void); /* 0 or an errno */
	int want[WANT_MAX]; /* any of these; 0 ends the list, but as the first: success */
	int when;
};

static int done(long rc)
{
	return rc < 0 ? errno : 0;
}

static int sock(int family, int type, int proto)
{
	return done(socket(family, type, proto));
}

static int wr(const char *path)
{
	return done(open(path, O_WRONLY | O_CLOEXEC));
}

static int unshare_user(void)
{
	return done(unshare(CLONE_NEWUSER));
}

static int unshare_all(void)
{
	return done(unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP));
}

static int clone_user(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return done(pid);
}

static int clone3_user(void)
{
	struct clone_args a = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	long pid = syscall(NR_CLONE3, &a, sizeof(a));

	if (pid == 0)
		_exit(0);
	return done(pid);
}

static int setns_own(void)
{
	int fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? errno : done(setns(fd, 0));
}

static int mount_tmpfs(void)
{
	return done(mount("none", "/none", "tmpfs", 0, NULL));
}

static int mount_cgroup(void)
{
	return done(mount("c", "/none", "cgroup", 0, "rdma"));
}

static int umount_none(void)
{
	return done(umount2("/none", MNT_DETACH));
}

static int fsopen_tmpfs(void)
{
	return done(syscall(NR_FSOPEN, "tmpfs", 0));
}

static int fsconfig_bad(void)
{
	return done(syscall(NR_FSCONFIG, -1, 0, NULL, NULL, 0));
}

static int fsmount_bad(void)
{
	return done(syscall(NR_FSMOUNT, -1, 0, 0));
}

static int fspick_root(void)
{
	return done(syscall(NR_FSPICK, AT_FDCWD, "/", 0));
}

static int open_tree_clone(void)
{
	return done(syscall(NR_OPEN_TREE, AT_FDCWD, "/", 1));
}

static int move_mount_bad(void)
{
	return done(syscall(NR_MOVE_MOUNT, -1, "", -1, "", 0));
}

static int mount_setattr_bad(void)
{
	return done(syscall(NR_MOUNT_SETATTR, AT_FDCWD, "/", 0, NULL, 0));
}

static int pivot(void)
{
	return done(syscall(SYS_pivot_root, "/none", "/none"));
}

static int chroot_tmp(void)
{
	return done(chroot("/tmp"));
}

static int af_alg(void)
{
	return sock(38, SOCK_SEQPACKET, 0);
}

static int af_alg_high_bits(void)
{
	return done(syscall(SYS_socket, 0x100000026L, SOCK_SEQPACKET, 0));
}

static int af_vsock(void)
{
	return sock(40, SOCK_STREAM, 0);
}

static int af_rxrpc(void)
{
	return sock(33, SOCK_DGRAM, AF_INET);
}

static int af_packet(void)
{
	return sock(AF_PACKET, SOCK_RAW, 0);
}

static int raw_ip(void)
{
	return sock(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static int netlink_xfrm(void)
{
	return sock(AF_NETLINK, SOCK_RAW, 6);
}

static int netlink_netfilter(void)
{
	return sock(AF_NETLINK, SOCK_RAW, 12);
}

static int uring_setup(void)
{
	return done(syscall(NR_IO_URING_SETUP, 1, NULL));
}

static int uring_enter(void)
{
	return done(syscall(NR_IO_URING_ENTER, -1, 0, 0, 0, NULL, 0));
}

static int uring_register(void)
{
	return done(syscall(NR_IO_URING_REGISTER, -1, 0, NULL, 0));
}

static int keyctl_session(void)
{
	return done(syscall(SYS_keyctl, 0, -3, 1));
}

static int add_key_user(void)
{
	return done(syscall(SYS_add_key, "user", "probe", "x", 1, -3));
}

static int request_key_user(void)
{
	return done(syscall(SYS_request_key, "user", "probe", NULL, 0));
}

static int bpf_map(void)
{
	return done(syscall(SYS_bpf, 0, NULL, 0));
}

static int perf_open(void)
{
	struct perf_event_attr a = {.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(a),
		.config = PERF_COUNT_SW_DUMMY,
		.exclude_kernel = 1,
		.exclude_hv = 1};

	return done(syscall(SYS_perf_event_open, &a, 0, -1, -1, 0));
}

static int userfault(void)
{
	return done(syscall(
		SYS_userfaultfd, 1)); /* UFFD_USER_MODE_ONLY: open to all but for a filter */
}

static int vm_read(void)
{
	char from = 'x', to = 0;
	struct iovec here = {&to, 1}, there = {&from, 1};

	return done(process_vm_readv(getpid(), &here, 1, &there, 1, 0));
}

static int vm_write(void)
{
	char from = 'x', to = 0;
	struct iovec here = {&from, 1}, there = {&to, 1};

	return done(process_vm_writev(getpid(), &here, 1, &there, 1, 0));
}

static int kcmp_self(void)
{
	return done(syscall(SYS_kcmp, getpid(), getpid(), 1, 0, 0));
}

static int pages_move(void)
{
	return done(syscall(SYS_move_pages, 0, 0, NULL, NULL, NULL, 0));
}

static int ptrace_parent(void)
{
	return done(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));
}

static int pidfd_steal(void)
{
	return done(syscall(NR_PIDFD_GETFD, -1, 0, 0));
}

static int by_handle(void)
{
	return done(syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, O_RDONLY));
}

static int open_core_pattern(void)
{
	return wr("/proc/sys/kernel/core_pattern");
}

static int open_sysrq(void)
{
	return wr("/proc/sysrq-trigger");
}

static int open_uevent(void)
{
	return wr("/sys/kernel/uevent_helper");
}

static int open_modprobe(void)
{
	return wr("/proc/sys/kernel/modprobe");
}

static int open_oom_of_init(void)
{
	return wr("/sys/fs/cgroup/cgroup.procs");
}

static int read_kcore(void)
{
	char c;
	int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return errno;
	n = read(fd, &c, 1);
	return n < 0 ? errno : n == 0 ? ENODATA : 0; /* masked with /dev/null: nothing in it */
}

static int mknod_disk(void)
{
	return done(mknod("/tmp/disk", S_IFBLK | 0600, 0));
}

static int init_module_none(void)
{
	return done(syscall(SYS_init_module, NULL, 0, ""));
}

static int finit_module_none(void)
{
	return done(syscall(SYS_finit_module, -1, "", 0));
}

static int delete_module_none(void)
{
	return done(syscall(SYS_delete_module, "probe_none", O_NONBLOCK));
}

static int kexec_none(void)
{
	return done(syscall(SYS_kexec_load, 0, 0, NULL, 0xffff0000L)); /* no such architecture */
}

static int reboot_bad(void)
{
	return done(syscall(SYS_reboot, 0, 0, 0, NULL)); /* wrong magic: cannot reboot anything */
}

static int dmesg(void)
{
	char buf[16];

	return done(syscall(SYS_syslog, 3, buf, sizeof(buf)));
}

static int host_name(void)
{
	return done(syscall(SYS_sethostname, "", -1L));
}

static int swap_on(void)
{
	return done(syscall(SYS_swapon, "/tmp/none", 0));
}

static int acct_off(void)
{
	return done(syscall(SYS_acct, "/tmp/none"));
}

static int quota(void)
{
	return done(syscall(SYS_quotactl, 0, "", 0, NULL));
}

static int fanotify(void)
{
	return done(
		syscall(SYS_fanotify_init, 0x200, 0)); /* FAN_REPORT_FID: open to all since 5.13 */
}

static int persona(void)
{
	return done(personality(ADDR_NO_RANDOMIZE));
}

static int tiocsti(void)
{
	return done(syscall(SYS_ioctl, 0, 0x5412L, "x"));
}

static int tiocsti_high_bits(void)
{
	return done(syscall(SYS_ioctl, 0, 0x100005412L, "x"));
}

static int tioclinux(void)
{
	return done(syscall(SYS_ioctl, 0, 0x541cL, "\3"));
}

static int set_uid_0(void)
{
	return done(setuid(0));
}

static int set_gid_0(void)
{
	return done(setgid(0));
}

static int set_groups(void)
{
	gid_t g = 0;

	return done(syscall(SYS_setgroups, 1, &g));
}

static int chown_etc(void)
{
	return done(chown("/tmp/seed", 1, 1));
}

static int suid_program(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/probe-suid", "probe-suid", "euid", (char *)NULL);
		_exit(255);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EPERM;
}

static int inheritable_caps(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {{0, 0, 0}, {0, 0, 0}};

	if (syscall(SYS_capget, &h, d) < 0)
		return errno;
	return d[0].inheritable | d[1].inheritable ? 0 : EPERM;
}

static int stray_fds(void)
{
	for (int fd = 3; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0 && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
			return 0;
	return EBADF;
}

static int memory_exec_tmp(void)
{
	int fd = open("/tmp/prog", O_CREAT | O_RDWR | O_CLOEXEC, 0700);
	void *p;

	if (fd < 0 || ftruncate(fd, 4096) < 0)
		return errno;
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	return p == MAP_FAILED ? errno : 0;
}

static int write_root(void)
{
	return done(open("/probe-file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

#ifdef __x86_64__
static int x32_getpid(void)
{
	return done(syscall(0x40000000L | SYS_getpid));
}

static int x32_ptrace(void)
{
	return done(syscall(0x40000000L | 521, PTRACE_TRACEME, 0, 0, 0));
}

/* socketcall(SYS_SOCKET, {AF_ALG, ...}) by the 32-bit entry: the arguments must lie below 4 GiB, which a
 * static program that is not position independent has in its data. */
static int socketcall_alg(void)
{
	static uint32_t args[3] = {38, SOCK_SEQPACKET, 0};
	long rc = 0;

	if ((uintptr_t)args > UINT32_MAX)
		return EFAULT;
	__asm__ volatile("int $0x80"
			 : "=a"(rc)
			 : "a"(102L), "b"(1L), "c"((long)(uintptr_t)args)
			 : "memory", "r8", "r9", "r10", "r11");
	rc = (int32_t)rc;
	return rc < 0 ? (int)-rc : 0;
}

static int i386_keyctl(void)
{
	long rc = 0;

	__asm__ volatile("int $0x80"
			 : "=a"(rc)
			 : "a"(288L), "b"(0L), "c"(-3L), "d"(1L)
			 : "memory", "r8", "r9", "r10", "r11");
	rc = (int32_t)rc;
	return rc < 0 ? (int)-rc : 0;
}

static int iopl_3(void)
{
	return done(syscall(SYS_iopl, 3));
}

static int ioperm_all(void)
{
	return done(syscall(SYS_ioperm, 0x70, 1, 1));
}
#endif

/* --- what must go on working --- */

static int inet_stream(void)
{
	return sock(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int inet6_dgram(void)
{
	return sock(AF_INET6, SOCK_DGRAM, 0);
}

static int unix_pair(void)
{
	int fd[2];

	return done(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
}

static int netlink_route(void)
{
	return sock(AF_NETLINK, SOCK_RAW, 0);
}

static int bind_port_80(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(80)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? errno : done(bind(fd, (struct sockaddr *)&a, sizeof(a)));
}

static void *thread_main(void *arg)
{
	return arg;
}

static int thread(void)
{
	pthread_t t;
	int rc = pthread_create(&t, NULL, thread_main, NULL);

	return rc ? rc : pthread_join(t, NULL);
}

static int files_tmp(void)
{
	int fd = open("/tmp/a", O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, "x", 1) != 1 || rename("/tmp/a", "/tmp/b") < 0)
		return errno;
	return done(unlink("/tmp/b"));
}

static int events(void)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), t = timerfd_create(CLOCK_MONOTONIC, 0);
	struct epoll_event ev = {.events = EPOLLIN};

	if (ep < 0 || t < 0 || inotify_init1(0) < 0)
		return errno;
	return done(epoll_ctl(ep, EPOLL_CTL_ADD, t, &ev));
}

static int shared_memory(void)
{
	return done(shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600));
}

static int dev_shm(void)
{
	return done(open("/dev/shm/probe", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
}

static int dev_null(void)
{
	return done(open("/dev/null", O_RDWR | O_CLOEXEC));
}

static int spawn(void)
{
	int status = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	return status ? ECHILD : 0;
}

static int seccomp_self(void)
{
	/* a browser's sandbox: a filter of its own on top; EFAULT comes from after the check */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return errno;
	return prctl(PR_SET_SECCOMP, 2, NULL) < 0 && errno != EFAULT ? errno : 0;
}

static const struct probe PROBES[] = {
	{"9", "unshare NEWUSER", unshare_user, {EPERM}, ALL},
	{"9", "unshare NEWUSER|NEWNS|NEWCGROUP", unshare_all, {EPERM}, ALL},
	{"33", "clone NEWUSER", clone_user, {EPERM}, ALL},
	{"33", "clone3 NEWUSER", clone3_user, {ENOSYS}, ALL},
	{"27", "setns", setns_own, {EPERM}, ALL},
	{"9", "mount tmpfs", mount_tmpfs, {EPERM}, ALL},
	{"9", "mount cgroup", mount_cgroup, {EPERM}, ALL},
	{"26", "umount", umount_none, {EPERM}, ALL},
	{"10", "fsopen", fsopen_tmpfs, {ENOSYS, EPERM}, ALL},
	{"10", "fsconfig", fsconfig_bad, {ENOSYS, EPERM}, ALL},
	{"10", "fsmount", fsmount_bad, {ENOSYS, EPERM}, ALL},
	{"10", "fspick", fspick_root, {ENOSYS, EPERM}, ALL},
	{"10", "open_tree", open_tree_clone, {ENOSYS, EPERM}, ALL},
	{"10", "move_mount", move_mount_bad, {ENOSYS, EPERM}, ALL},
	{"10", "mount_setattr", mount_setattr_bad, {ENOSYS, EPERM}, ALL},
	{"10", "pivot_root", pivot, {EPERM}, ALL},
	{"25", "chroot", chroot_tmp, {EPERM}, R},
	{"12", "socket AF_ALG", af_alg, {EPERM, EAFNOSUPPORT}, ALL},
	{"12", "socket AF_ALG, high bits set", af_alg_high_bits, {EPERM, EAFNOSUPPORT}, ALL},
	{"49", "socket AF_VSOCK", af_vsock, {EPERM, EAFNOSUPPORT}, ALL},
	{"13", "socket AF_RXRPC", af_rxrpc, {EPERM, EAFNOSUPPORT}, ALL},
	{"15", "socket AF_PACKET", af_packet, {EPERM, EAFNOSUPPORT}, ALL},
	{"41", "socket raw ICMP", raw_ip, {EPERM}, ALL},
	{"13", "socket NETLINK_XFRM", netlink_xfrm, {EPERM, EAFNOSUPPORT}, ALL},
	{"11", "socket NETLINK_NETFILTER", netlink_netfilter, {EPERM, EAFNOSUPPORT}, ALL},
	{"16", "io_uring_setup", uring_setup, {ENOSYS, EPERM}, ALL},
	{"16", "io_uring_enter", uring_enter, {ENOSYS, EPERM}, ALL},
	{"16", "io_uring_register", uring_register, {ENOSYS, EPERM}, ALL},
	{"17", "keyctl", keyctl_session, {ENOSYS, EPERM}, ALL},
	{"17", "add_key", add_key_user, {ENOSYS, EPERM}, ALL},
	{"17", "request_key", request_key_user, {ENOSYS, EPERM}, ALL},
	{"18", "bpf", bpf_map, {EPERM, ENOSYS}, ALL},
	{"19", "perf_event_open", perf_open, {EPERM, ENOSYS}, ALL},
	{"19", "userfaultfd", userfault, {EPERM, ENOSYS}, ALL},
	{"19", "process_vm_readv", vm_read, {EPERM, ENOSYS}, ALL},
	{"19", "process_vm_writev", vm_write, {EPERM, ENOSYS}, ALL},
	{"19", "kcmp", kcmp_self, {EPERM, ENOSYS}, ALL},
	{"19", "move_pages", pages_move, {EPERM, ENOSYS}, ALL},
	{"28", "ptrace SEIZE", ptrace_parent, {EPERM, ENOSYS}, ALL},
	{"28", "pidfd_getfd", pidfd_steal, {EPERM, ENOSYS}, ALL},
	{"20", "open_by_handle_at", by_handle, {EPERM, ENOSYS}, ALL},
	{"21", "write core_pattern", open_core_pattern, {EROFS, EACCES}, ALL},
	{"23", "write sysrq-trigger", open_sysrq, {EROFS, EACCES, ENOENT}, ALL},
	{"23", "write uevent_helper", open_uevent, {EROFS, EACCES, ENOENT}, ALL},
	{"23", "write modprobe", open_modprobe, {EROFS, EACCES, ENOENT}, ALL},
	{"23", "write cgroup.procs", open_oom_of_init, {EROFS, EACCES, ENOENT}, ALL},
	{"23", "read kcore", read_kcore, {ENODATA, EACCES, EPERM, ENOENT}, ALL},
	{"29", "mknod block device", mknod_disk, {EPERM}, ALL},
	{"30", "init_module", init_module_none, {EPERM, ENOSYS}, ALL},
	{"30", "finit_module", finit_module_none, {EPERM, ENOSYS}, ALL},
	{"30", "delete_module", delete_module_none, {EPERM, ENOSYS}, ALL},
	{"30", "kexec_load", kexec_none, {EPERM, ENOSYS}, ALL},
	{"30", "reboot", reboot_bad, {EPERM, ENOSYS}, ALL},
	{"30", "syslog", dmesg, {EPERM, ENOSYS}, ALL},
	{"27", "sethostname", host_name, {EPERM}, ALL},
	{"30", "swapon", swap_on, {EPERM, ENOSYS}, ALL},
	{"30", "acct", acct_off, {EPERM, ENOSYS}, ALL},
	{"30", "quotactl", quota, {EPERM, ENOSYS}, ALL},
	{"19", "fanotify_init", fanotify, {EPERM, ENOSYS}, ALL},
	{"32", "personality ADDR_NO_RANDOMIZE", persona, {EPERM, ENOSYS}, ALL},
	{"31", "ioctl TIOCSTI", tiocsti, {EPERM}, ALL},
	{"31", "ioctl TIOCSTI, high bits set", tiocsti_high_bits, {EPERM}, ALL},
	{"31", "ioctl TIOCLINUX", tioclinux, {EPERM}, ALL},
	{"34", "setuid 0", set_uid_0, {EPERM}, R},
	{"34", "setgid 0", set_gid_0, {EPERM}, R},
	{"37", "setgroups", set_groups, {EPERM}, R},
	{"34", "set-user-id program", suid_program, {EPERM}, R},
	{"35", "inheritable capabilities", inheritable_caps, {EPERM}, ALL},
	{"2", "stray descriptors", stray_fds, {EBADF}, ALL},
	{"50", "map /tmp executable", memory_exec_tmp, {EPERM}, R},
	{"25", "write /", write_root, {EROFS}, R},
#ifdef __x86_64__
	{"32", "x32 getpid", x32_getpid, {ENOSYS, EPERM, KILLED + SIGSYS}, ALL},
	{"32", "x32 ptrace", x32_ptrace, {ENOSYS, EPERM, KILLED + SIGSYS}, ALL},
	/* a kernel without the 32-bit entry answers with SIGSEGV */
	{"12", "int 0x80 socketcall AF_ALG", socketcall_alg,
		{EPERM, ENOSYS, KILLED + SIGSYS, KILLED + SIGSEGV}, ALL},
	{"32", "int 0x80 keyctl", i386_keyctl, {EPERM, ENOSYS, KILLED + SIGSYS, KILLED + SIGSEGV},
		ALL},
	{"30", "iopl", iopl_3, {EPERM, ENOSYS}, ALL},
	{"30", "ioperm", ioperm_all, {EPERM, ENOSYS}, ALL},
#endif
	{"+", "socket AF_INET", inet_stream, {0}, ALL},
	{"+", "socket AF_INET6", inet6_dgram, {0, EAFNOSUPPORT}, ALL},
	{"+", "socketpair AF_UNIX", unix_pair, {0}, ALL},
	{"+", "socket NETLINK_ROUTE", netlink_route, {0}, ALL},
	{"+", "bind port 80", bind_port_80, {0}, BASE},
	{"+", "thread", thread, {0}, ALL},
	{"+", "vfork and exec", spawn, {0}, ALL},
	{"+", "create, rename, unlink in /tmp", files_tmp, {0}, ALL},
	{"+", "epoll, timerfd, inotify", events, {0}, ALL},
	{"+", "System V shared memory", shared_memory, {0}, ALL},
	{"+", "file in /dev/shm", dev_shm, {0}, ALL},
	{"+", "/dev/null", dev_null, {0}, ALL},
	{"+", "a filter of its own", seccomp_self, {0}, ALL},
	{"+", "chown", chown_etc, {0}, BASE},
	{"+", "write /", write_root, {0}, BASE},
	{"+", "setgid 0", set_gid_0, {0}, BASE},
};

/* The call's errno, or KILLED + the signal it died of. */
static int run_one(const struct probe *p)
{
	int fd[2], err = -1, status = 0;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		return errno;
	if (pid == 0) {
		err = p->call();
		_exit(write(fd[1], &err, sizeof(err)) != sizeof(err));
	}
	close(fd[1]);
	if (read(fd[0], &err, sizeof(err)) != sizeof(err))
		err = -1;
	close(fd[0]);
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? KILLED + WTERMSIG(status) : err;
}

static const char *name_of(int err, char *buf, size_t size)
{
	if (err >= KILLED)
		snprintf(buf, size, "killed by signal %d", err - KILLED);
	else if (err == 0)
		snprintf(buf, size, "success");
	else
		snprintf(buf, size, "%s", strerrorname_np(err) ? strerrorname_np(err) : "?");
	return buf;
}

static int wanted(const struct probe *p, int err)
{
	if (err == p->want[0])
		return 1;
	for (int i = 1; i < WANT_MAX && p->want[i]; i++)
		if (err == p->want[i])
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	int n = 0, failed = 0, when = 0;
	char got[64], want[64];

	if (argc == 2 && strcmp(argv[1], "euid") == 0)
		return (int)geteuid();
	if (argc == 2 && strcmp(argv[1], "restricted") == 0)
		when = R;
	else if (argc == 2 && strcmp(argv[1], "baseline") == 0)
		when = BASE;
	else
		return 2;
	/* a process that was put into a pid namespace from outside has no parent there */
	if ((getpid() != 1 && getppid() != 0) || access(MARKER, F_OK) < 0) {
		fprintf(stderr,
			"probe: only as the first process, or by exec, in the tests' own image\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(PROBES) / sizeof(PROBES[0]); i++) {
		const struct probe *p = &PROBES[i];
		int err;

		if (!(p->when & when))
			continue;
		err = run_one(p);
		failed += !wanted(p, err);
		printf("%sok %d - %s (%s): %s, want %s%s\n", wanted(p, err) ? "" : "not ", ++n,
			p->name, p->row, name_of(err, got, sizeof(got)),
			name_of(p->want[0], want, sizeof(want)), p->want[1] ? " or alike" : "");
	}
	printf("1..%d\n", n);
	return failed ? 1 : 0;
}

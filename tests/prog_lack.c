/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prog_lack - runs a command on a kernel that lacks something the rules of the network need.
 *
 * usage: prog_lack WHAT... -- COMMAND [ARG...]
 *
 *	netfilter, sock_diag	sockets of netlink for it: EPROTONOSUPPORT, as where the module is missing
 *	nf_tables, ctnetlink	nobody answers for this part of netfilter: the kernel's own answer to a part it does not have
 *	anything else		an expression of rules ("socket", "fib"): the kernel's own answer to a name it does not know
 *	memlock			not lacking but there: RLIMIT_MEMLOCK may be raised (crun asks for it before it loads a filter
 *				of devices, which has not needed it since Linux 5.11)
 *
 * What is sent over netlink is sent from here in the command's place, by its own socket, with the parts and names
 * changed: the command keeps what it wrote, and reads what the kernel says to that. Exit status: the command's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	BROKEN = 125,
	WORDS_MAX = 8,
	SENT_MAX = 1 << 20,
};

struct lack {
	bool netfilter, sock_diag, memlock;
	uint8_t parts[WORDS_MAX]; /* NFNL_SUBSYS_* */
	const char *names[WORDS_MAX]; /* of expressions */
	size_t n_parts, n_names;
};

static void die(const char *what)
{
	fprintf(stderr, "prog_lack: %s: %s\n", what, strerror(errno));
	exit(BROKEN);
}

static void read_word(struct lack *l, const char *word)
{
	if (strcmp(word, "netfilter") == 0)
		l->netfilter = true;
	else if (strcmp(word, "sock_diag") == 0)
		l->sock_diag = true;
	else if (strcmp(word, "memlock") == 0)
		l->memlock = true;
	else if (strcmp(word, "nf_tables") == 0)
		l->parts[l->n_parts++] = NFNL_SUBSYS_NFTABLES;
	else if (strcmp(word, "ctnetlink") == 0)
		l->parts[l->n_parts++] = NFNL_SUBSYS_CTNETLINK;
	else
		l->names[l->n_names++] = word;
}

/* ---- what is sent ---- */

static bool is_missing(const struct lack *l, uint8_t part)
{
	return memchr(l->parts, part, l->n_parts) != NULL;
}

/* The parts of netfilter that the messages in BUF are for become such as no kernel has. */
static void change_parts(const struct lack *l, uint8_t *buf, size_t len)
{
	struct nlmsghdr h;
	struct nfgenmsg g;

	for (size_t at = 0; at + sizeof h + sizeof g <= len; at += NLMSG_ALIGN(h.nlmsg_len)) {
		memcpy(&h, buf + at, sizeof h);
		memcpy(&g, buf + at + sizeof h, sizeof g);
		if (h.nlmsg_len < sizeof h)
			return;
		if (h.nlmsg_type == NFNL_MSG_BATCH_BEGIN && is_missing(l, (uint8_t)ntohs(g.res_id)))
			g.res_id = htons(NFNL_SUBSYS_NONE);
		else if (is_missing(l, (uint8_t)(h.nlmsg_type >> 8)))
			h.nlmsg_type = (uint16_t)(NFNL_SUBSYS_COUNT << 8 | (h.nlmsg_type & 0xff));
		memcpy(buf + at, &h, sizeof h);
		memcpy(buf + at + sizeof h, &g, sizeof g);
	}
}

/* NAME, where it is an expression's, becomes one that nobody has. */
static void change_name(const char *name, uint8_t *buf, size_t len)
{
	const struct nlattr head = {(uint16_t)(sizeof head + strlen(name) + 1), NFTA_EXPR_NAME};
	uint8_t whole[64], *at;

	if (head.nla_len > sizeof whole)
		return;
	memcpy(whole, &head, sizeof head);
	strcpy((char *)whole + sizeof head, name);
	while ((at = memmem(buf, len, whole, head.nla_len)) != NULL)
		at[sizeof head] = 'X';
}

/* The command's sendto, done here. */
static void send_it(
	const struct lack *l, const struct seccomp_notif *q, struct seccomp_notif_resp *a)
{
	static uint8_t buf[SENT_MAX];
	struct iovec here = {buf, q->data.args[2]}, there = {.iov_len = q->data.args[2]};
	int pidfd, fd, domain = 0, protocol = 0;
	socklen_t size = sizeof domain;
	ssize_t n;

	/* an address of the command's, not of ours */
	memcpy(&there.iov_base, &q->data.args[1], sizeof there.iov_base);
	a->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	pidfd = (int)syscall(SYS_pidfd_open, q->pid, 0);
	fd = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, (int)q->data.args[0], 0);
	if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
		getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
		domain == AF_NETLINK && protocol == NETLINK_NETFILTER &&
		here.iov_len <= sizeof buf &&
		process_vm_readv((pid_t)q->pid, &here, 1, &there, 1, 0) == (ssize_t)here.iov_len) {
		change_parts(l, buf, here.iov_len);
		for (size_t i = 0; i < l->n_names; i++)
			change_name(l->names[i], buf, here.iov_len);
		n = send(fd, buf, here.iov_len, (int)q->data.args[3]);
		a->flags = 0;
		a->val = n < 0 ? 0 : n;
		a->error = n < 0 ? -errno : 0;
	}
	close(fd);
	close(pidfd);
}

static void stand_by(const struct lack *l, int listener)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};

	while (poll(&p, 1, -1) < 0 ? errno == EINTR : !(p.revents & POLLHUP)) {
		struct seccomp_notif q = {0};
		struct seccomp_notif_resp a = {0};

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &q) < 0)
			continue; /* it has gone meanwhile */
		a.id = q.id;
		send_it(l, &q, &a);
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &a);
	}
}

/* ---- the command ---- */

#define ARG(n) (offsetof(struct seccomp_data, args) + 8 * (n))
#define LOAD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at)
#define IS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define END(verdict) BPF_STMT(BPF_RET | BPF_K, verdict)

/* Somebody has to send in the command's place. */
static bool wants_help(const struct lack *l)
{
	return l->n_parts + l->n_names > 0;
}

/* The first 32 bits of the arguments are all there is of them here: a machine with little ends. */
static int set_filter(const struct lack *l, unsigned flags)
{
	const uint32_t no = SECCOMP_RET_ERRNO | EPROTONOSUPPORT;
	struct sock_filter code[] = {
		LOAD(offsetof(struct seccomp_data, nr)),
		IS(SYS_socket, 7),
		LOAD(ARG(0)),
		IS(AF_NETLINK, 12),
		LOAD(ARG(2)),
		IS(NETLINK_NETFILTER, 1),
		END(l->netfilter ? no : SECCOMP_RET_ALLOW),
		IS(NETLINK_SOCK_DIAG, 8),
		END(l->sock_diag ? no : SECCOMP_RET_ALLOW),
		IS(SYS_sendto, 1),
		END(wants_help(l) ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW),
		IS(SYS_prlimit64, 4),
		LOAD(ARG(1)),
		IS(RLIMIT_MEMLOCK, 2),
		LOAD(ARG(2)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		END(SECCOMP_RET_ALLOW),
		END(l->memlock ? SECCOMP_RET_ERRNO : SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog prog = {sizeof code / sizeof *code, code};

	/* without no_new_privs: what is started may need it off; root may do that */
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

_Noreturn static void become(const struct lack *l, char **argv, int tell)
{
	int listener = set_filter(l, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	char go;

	if (listener < 0 || write(tell, &listener, sizeof listener) < 0 || read(tell, &go, 1) != 1)
		die("seccomp");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(*argv, argv);
	die(*argv);
	abort();
}

/* The descriptor N of the child, which waits at TELL. */
static int take_listener(pid_t child, int tell)
{
	int n, fd, pidfd = (int)syscall(SYS_pidfd_open, child, 0);

	if (pidfd < 0 || read(tell, &n, sizeof n) != sizeof n)
		die("the command did not come up");
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, n, 0);
	if (fd < 0 || write(tell, "", 1) != 1)
		die("the listener");
	close(pidfd);
	close(tell);
	return fd;
}

int main(int argc, char **argv)
{
	struct lack l = {0};
	int at = 1, ends[2], status = 0;
	pid_t child;

	for (; at < argc && strcmp(argv[at], "--") != 0 && at <= WORDS_MAX; at++)
		read_word(&l, argv[at]);
	if (at + 1 >= argc) {
		fputs("prog_lack: wrong arguments, see the head of its source\n", stderr);
		return BROKEN;
	}
	argv += at + 1;
	if (!wants_help(&l) && set_filter(&l, 0) == 0) { /* it takes this one's place */
		execvp(*argv, argv);
		die(*argv);
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 || (child = fork()) < 0)
		die("begin");
	if (child == 0)
		become(&l, argv, ends[1]);
	close(ends[1]);
	stand_by(&l, take_listener(child, ends[0]));
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

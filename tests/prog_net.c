/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prog_net - one attempt to get something into or out of a container's network, and what came of it.
 *
 * usage: prog_net udp|tcp|udplite|mptcp|fastopen ADDRESS PORT    with an ordinary socket; ::ffff:A.B.C.D takes
 *                                                                an IPv6 socket to an IPv4 address
 *        prog_net ping ADDRESS                                   an echo request, without privileges
 *        prog_net raw KIND SOURCE DESTINATION [PORT]             a packet with all of its headers made here:
 *                 (packet.h)                                     needs CAP_NET_RAW
 *        prog_net frame INTERFACE MAC KIND SOURCE DESTINATION [PORT]    the same below IP, to a neighbour
 *        prog_net early PROCS ADDRESS PORT                       sockets made first, then into the cgroup PROCS
 *                                                                belongs to, then as udp and tcp
 *        prog_net take PATH                                      waits at PATH for sockets of somebody else's, then
 *                                                                as udp and tcp with these
 *        prog_net give PATH ADDRESS PORT                         makes them and passes them
 *        prog_net masked SELF ADDRESS PORT                       first over lo under the name of ADDRESS to
 *                                                                SELF, then from there to ADDRESS as an answer
 *        prog_net pierce SELF ADDRESS PORT                       over lo, from PORT of SELF to PACKET_SOURCE_PORT of
 *                                                                ADDRESS: who is waited for there may answer
 *        prog_net serve tcp|udp ADDRESS PORT [SECONDS]           answers everybody with what they said; "ready"
 *        prog_net headless SECONDS                               its first thread ends, another waits
 *        prog_net ask tcp|udp ADDRESS PORT                       as its client: "answered" or why not
 *
 * Prints one word, "sent" (for tcp: "connected") or the name of the errno, and for tcp and ask how many
 * milliseconds it took. Exit status 0 when it was sent. A connection is waited for WAIT_MS, an answer over one ANSWER_MS,
 * since the other end may have to come to its turn on a busy machine. Static.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/packet.h"

enum { WAIT_MS = 1500, ANSWER_MS = 60000, TAKE_SECONDS = 300, TEXT_SIZE = 10, SOCKETS = 2 };

static const char text[TEXT_SIZE] = "cinch-test";

struct where {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to;
	socklen_t len;
};

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void usage(void)
{
	fputs("prog_net: wrong arguments, see the head of its source\n", stderr);
	exit(2);
}

static int said(const char *what, int rc)
{
	puts(rc < 0 ? strerrorname_np(errno) : what);
	return rc < 0;
}

static int said_when(const char *what, int rc, long began)
{
	printf("%s %ld\n", rc < 0 ? strerrorname_np(errno) : what, now_ms() - began);
	return rc < 0;
}

static unsigned number(const char *s)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (*s == '\0' || *end != '\0' || n > 0xffff)
		usage();
	return (unsigned)n;
}

static struct where where(const char *address, const char *port)
{
	struct where w = {.len = 0};
	char bare[INET6_ADDRSTRLEN] = "";
	const char *zone = strchr(address, '%');

	if (inet_pton(AF_INET, address, &w.to.v4.sin_addr) == 1) {
		w.to.v4.sin_family = AF_INET;
		w.to.v4.sin_port = htons((uint16_t)number(port));
		w.len = sizeof w.to.v4;
		return w;
	}
	if (zone && (size_t)(zone - address) < sizeof bare)
		memcpy(bare, address, (size_t)(zone - address));
	if (inet_pton(AF_INET6, zone ? bare : address, &w.to.v6.sin6_addr) != 1)
		usage();
	w.to.v6.sin6_family = AF_INET6;
	w.to.v6.sin6_port = htons((uint16_t)number(port));
	w.to.v6.sin6_scope_id = zone ? if_nametoindex(zone + 1) : 0;
	w.len = sizeof w.to.v6;
	return w;
}

/* ---- ordinary sockets ---- */

static int open_socket(const struct where *w, int type, int protocol)
{
	int one = 1, fd = socket(w->to.any.sa_family, type | SOCK_CLOEXEC, protocol);

	if (fd >= 0 && type == SOCK_DGRAM)
		setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof one);
	return fd;
}

static int send_one(int fd, const struct where *w, int flags)
{
	return (int)sendto(fd, text, sizeof text, flags, &w->to.any, w->len);
}

/* Connect and wait for how it ends. */
static int connect_one(int fd, const struct where *w)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t size = sizeof error;

	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -1;
	if (connect(fd, &w->to.any, w->len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -1;
	if (poll(&p, 1, WAIT_MS) == 1) {
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
		errno = error;
		return error ? -1 : 0;
	}
	errno = ETIMEDOUT;
	return -1;
}

static const struct ordinary {
	const char *name;
	int type, protocol, flags;
	bool connects;
} ordinary[] = {
	{"udp", SOCK_DGRAM, 0, 0, false},
	{"tcp", SOCK_STREAM, 0, 0, true},
	{"udplite", SOCK_DGRAM, IPPROTO_UDPLITE, 0, false},
	{"mptcp", SOCK_STREAM, IPPROTO_MPTCP, 0, true},
	{"fastopen", SOCK_STREAM, 0, MSG_FASTOPEN, false},
};

static const struct ordinary *find_ordinary(const char *name)
{
	for (size_t i = 0; i < sizeof ordinary / sizeof ordinary[0]; i++)
		if (strcmp(name, ordinary[i].name) == 0)
			return &ordinary[i];
	return NULL;
}

static int do_ordinary(const struct ordinary *o, const struct where *w)
{
	long began = now_ms();
	struct timeval wait = {.tv_sec = 1};
	int fd = open_socket(w, o->type, o->protocol);

	if (fd < 0)
		return said("", -1);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	if (o->connects)
		return said_when("connected", connect_one(fd, w), began);
	return said("sent", send_one(fd, w, o->flags));
}

static int do_ping(const char *address)
{
	struct where w = where(address, "0");
	bool v4 = w.to.any.sa_family == AF_INET;
	uint8_t echo[8 + TEXT_SIZE] = {v4 ? 8 : 128};
	int fd = open_socket(&w, SOCK_DGRAM, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);

	memcpy(echo + 8, text, sizeof text);
	return said("sent", fd < 0 ? -1 : (int)sendto(fd, echo, sizeof echo, 0, &w.to.any, w.len));
}

/* ---- packets made here ---- */

/* Without an interface to send through the kernel would choose by the header: so it does here. */
static int do_raw(int argc, char **argv)
{
	struct where w;
	struct packet p[2];
	size_t n = 0;
	int fd, rc = 0;

	if (argc < 3)
		usage();
	w = where(argv[2], "0");
	if (!packet_make(argv[0], argv[1], argv[2], argc > 3 ? number(argv[3]) : 0, p, &n))
		usage();
	fd = open_socket(&w, SOCK_RAW, IPPROTO_RAW);
	for (size_t i = 0; i < n && rc >= 0; i++)
		rc = fd < 0 ? -1 : (int)sendto(fd, p[i].bytes, p[i].len, 0, &w.to.any, w.len);
	return said("sent", rc);
}

static int do_frame(int argc, char **argv)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_halen = ETH_ALEN};
	struct packet p[2];
	size_t n = 0;
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ether_addr {
		unsigned b[ETH_ALEN];
	} mac;

	to.sll_ifindex = (int)if_nametoindex(argv[0]);
	if (sscanf(argv[1], "%x:%x:%x:%x:%x:%x", &mac.b[0], &mac.b[1], &mac.b[2], &mac.b[3],
		    &mac.b[4], &mac.b[5]) != ETH_ALEN ||
		!packet_make(argv[2], argv[3], argv[4], argc > 5 ? number(argv[5]) : 0, p, &n))
		usage();
	for (int i = 0; i < ETH_ALEN; i++)
		to.sll_addr[i] = (uint8_t)mac.b[i];
	to.sll_protocol = htons(p[0].bytes[0] >> 4 == 4 ? ETH_P_IP : ETH_P_IPV6);
	return said("sent", fd < 0 ? -1
				   : (int)sendto(fd, p[0].bytes, p[0].len, 0,
					     (struct sockaddr *)&to, sizeof to));
}

/* ---- sockets from elsewhere ---- */

static int do_early(const char *procs, const struct where *w)
{
	int udp = open_socket(w, SOCK_DGRAM, 0), tcp = open_socket(w, SOCK_STREAM, 0);
	int fd = open(procs, O_WRONLY | O_CLOEXEC), rc;
	long began = now_ms();

	if (udp < 0 || tcp < 0 || fd < 0 || write(fd, "0", 1) != 1)
		return said("", -1);
	rc = said("sent", send_one(udp, w, 0));
	return rc & said_when("connected", connect_one(tcp, w), began);
}

static int unix_socket(const char *path, struct sockaddr_un *at)
{
	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof at->sun_path)
		usage();
	memcpy(at->sun_path, path, strlen(path));
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

/* One message with descriptors: to be sent, or a place for those that come. */
union parcel {
	char room[CMSG_SPACE(sizeof(int) * SOCKETS)];
	struct cmsghdr align;
};

static int do_give(const char *path, const struct where *w)
{
	struct sockaddr_un at;
	union parcel parcel = {{0}};
	struct where what = *w;
	struct iovec v = {&what, sizeof what};
	struct msghdr m = {.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = parcel.room,
		.msg_controllen = sizeof parcel.room};
	int fds[SOCKETS] = {open_socket(w, SOCK_DGRAM, 0), open_socket(w, SOCK_STREAM, 0)};
	int fd = unix_socket(path, &at);

	parcel.align = (struct cmsghdr){CMSG_LEN(sizeof fds), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(&parcel.align), fds, sizeof fds);
	if (connect(fd, (struct sockaddr *)&at, sizeof at) < 0)
		return said("", -1);
	return said("given", (int)sendmsg(fd, &m, 0));
}

static int do_take(const char *path)
{
	struct sockaddr_un at;
	union parcel parcel = {{0}};
	struct where w = {.len = 0};
	struct iovec v = {&w, sizeof w};
	struct msghdr m = {.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = parcel.room,
		.msg_controllen = sizeof parcel.room};
	char born[sizeof at.sun_path];
	int fds[SOCKETS], fd, from, rc;
	long began;

	alarm(TAKE_SECONDS);
	snprintf(born, sizeof born, "%s.new", path);
	fd = unix_socket(born, &at);
	/* at PATH there is only one that listens, and none that has been used */
	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 1) < 0 ||
		rename(born, path) < 0)
		return said("", -1);
	from = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	unlink(path);
	if (from < 0 || recvmsg(from, &m, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof w ||
		m.msg_controllen < CMSG_LEN(sizeof fds))
		return said("", -1);
	memcpy(fds, CMSG_DATA(&parcel.align), sizeof fds);
	began = now_ms();
	rc = said("sent", send_one(fds[0], &w, 0));
	return rc & said_when("connected", connect_one(fds[1], &w), began);
}

/* ---- flows that begin over lo ---- */

static int do_masked(const char *self, const char *address, const char *port)
{
	struct where own = where(self, "40001"), peer = where(address, port);
	bool v4 = own.to.any.sa_family == AF_INET;
	int one = 1, in = open_socket(&peer, SOCK_DGRAM, 0), out = open_socket(&own, SOCK_DGRAM, 0);

	/* with IPv4 that needs CAP_NET_RAW */
	if (setsockopt(in, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_TRANSPARENT : IPV6_FREEBIND, &one,
		    sizeof one) < 0 ||
		bind(in, &peer.to.any, peer.len) < 0 || bind(out, &own.to.any, own.len) < 0)
		return said("", -1);
	(void)send_one(in, &own, 0);
	return said("sent", send_one(out, &peer, 0));
}

static int do_pierce(const char *self, const char *port, const char *address)
{
	char from[8];
	struct where own = where(self, port), peer;
	int fd = open_socket(&own, SOCK_DGRAM, 0);

	snprintf(from, sizeof from, "%d", PACKET_SOURCE_PORT);
	peer = where(address, from);
	if (bind(fd, &own.to.any, own.len) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) < 0)
		return said("", -1);
	return said("sent", send_one(fd, &peer, 0));
}

/* ---- both ends ---- */

static int do_serve(bool tcp, const struct where *w, const char *seconds)
{
	int one = 1, fd = open_socket(w, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	char got[64];

	if (seconds)
		alarm(number(seconds));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, &w->to.any, w->len) < 0 || (tcp && listen(fd, 64) < 0))
		return said("", -1);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct where from = {.len = sizeof from.to};
		int peer = tcp ? accept4(fd, NULL, NULL, SOCK_CLOEXEC) : fd;
		ssize_t n = recvfrom(peer, got, sizeof got, 0, &from.to.any, &from.len);

		if (n > 0) {
			printf("got %.*s\n", (int)n, got);
			fflush(stdout);
			n = tcp ? send(peer, got, (size_t)n, MSG_NOSIGNAL)
				: sendto(peer, got, (size_t)n, 0, &from.to.any, from.len);
		}
		if (tcp)
			close(peer);
	}
}

static int do_ask(bool tcp, const struct where *w)
{
	long began = now_ms();
	int fd = open_socket(w, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char got[TEXT_SIZE];
	ssize_t n;

	if (connect_one(fd, w) < 0 || send(fd, text, sizeof text, MSG_NOSIGNAL) < 0)
		return said_when("", -1, began);
	if (poll(&p, 1, tcp ? ANSWER_MS : WAIT_MS) != 1) {
		errno = ETIMEDOUT;
		return said_when("", -1, began);
	}
	n = recv(fd, got, sizeof got, 0);
	if (n == 0)
		errno = EPIPE;
	return said_when("answered", n > 0 ? 0 : -1, began);
}

static void *wait_on(void *seconds)
{
	sleep((unsigned)atoi(seconds));
	exit(0);
}

static int do_headless(char *seconds)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, wait_on, seconds) != 0)
		return 1;
	syscall(SYS_exit, 0); /* this thread alone */
	return 1;
}

int main(int argc, char **argv)
{
	const struct ordinary *o = argc == 4 ? find_ordinary(argv[1]) : NULL;
	struct where w;

	if (argc < 3)
		usage();
	if (o) {
		w = where(argv[2], argv[3]);
		return do_ordinary(o, &w);
	}
	if (strcmp(argv[1], "ping") == 0)
		return do_ping(argv[2]);
	if (strcmp(argv[1], "raw") == 0)
		return do_raw(argc - 2, argv + 2);
	if (strcmp(argv[1], "headless") == 0)
		return do_headless(argv[2]);
	if (strcmp(argv[1], "take") == 0)
		return do_take(argv[2]);
	if (strcmp(argv[1], "frame") == 0 && argc >= 7)
		return do_frame(argc - 2, argv + 2);
	if (argc < 5)
		usage();
	if (strcmp(argv[1], "masked") == 0)
		return do_masked(argv[2], argv[3], argv[4]);
	if (strcmp(argv[1], "pierce") == 0)
		return do_pierce(argv[2], argv[4], argv[3]);
	w = where(argv[3], argv[4]);
	if (strcmp(argv[1], "early") == 0)
		return do_early(argv[2], &w);
	if (strcmp(argv[1], "give") == 0)
		return do_give(argv[2], &w);
	if (strcmp(argv[1], "serve") == 0)
		return do_serve(strcmp(argv[2], "tcp") == 0, &w, argc > 5 ? argv[5] : NULL);
	if (strcmp(argv[1], "ask") == 0)
		return do_ask(strcmp(argv[2], "tcp") == 0, &w);
	usage();
}

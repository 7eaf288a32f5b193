/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prog_hold - a connection that is held, and tells whether it lives.
 *
 * usage: prog_hold serve ADDRESS PORT    accepts connections and sends back what comes, TCP and UDP; "ready"
 *        prog_hold push ADDRESS PORT     accepts connections and sends to each, asked or not; "ready"
 *        prog_hold tcp|udp ADDRESS PORT  connects and sends a byte again and again: prints a line for each that comes
 *                                        back, and when it is over "ended ERRNO"
 *        prog_hold listen ADDRESS PORT   connects and only reads: a line for each byte
 *
 * A byte that does not come back within WAIT_MS is lost, and said to be: "lost". Ends after SECONDS in any case.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 1000, PAUSE_US = 20000, SECONDS = 3600, CLIENTS_MAX = 32 };

struct where {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to;
	socklen_t len;
};

static void die(const char *what)
{
	printf("%s %s\n", what, strerrorname_np(errno));
	exit(1);
}

static struct where read_where(const char *address, const char *port)
{
	struct where w = {.len = sizeof w.to.v4};
	int n = atoi(port);

	w.to.v4.sin_family = AF_INET;
	w.to.v4.sin_port = htons((uint16_t)n);
	if (inet_pton(AF_INET, address, &w.to.v4.sin_addr) == 1)
		return w;
	memset(&w, 0, sizeof w);
	w.len = sizeof w.to.v6;
	w.to.v6.sin6_family = AF_INET6;
	w.to.v6.sin6_port = htons((uint16_t)n);
	if (inet_pton(AF_INET6, address, &w.to.v6.sin6_addr) != 1)
		exit(2);
	return w;
}

static int bound(const struct where *w, int type)
{
	int one = 1, fd = socket(w->to.any.sa_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
		bind(fd, &w->to.any, w->len) < 0 || (type == SOCK_STREAM && listen(fd, 64) < 0))
		die("bind");
	return fd;
}

/* One datagram, to whom it came from. */
static void echo_datagram(int fd)
{
	struct where from = {.len = sizeof from.to};
	char c[16];
	ssize_t n = recvfrom(fd, c, sizeof c, MSG_DONTWAIT, &from.to.any, &from.len);

	if (n > 0)
		sendto(fd, c, (size_t)n, MSG_DONTWAIT, &from.to.any, from.len);
}

/* False: the client is gone. */
static bool serve_client(int fd, short events, bool push)
{
	char c[16];
	ssize_t n;

	if (push && send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
		return false;
	if (!events)
		return true;
	n = recv(fd, c, sizeof c, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		return false;
	if (!push && n > 0)
		send(fd, c, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	return true;
}

static void serve(const struct where *w, bool push)
{
	struct pollfd p[CLIENTS_MAX + 2] = {{.fd = bound(w, SOCK_STREAM), .events = POLLIN},
		{.fd = bound(w, SOCK_DGRAM), .events = POLLIN}};
	nfds_t n = 2;

	puts("ready");
	for (;;) {
		if (poll(p, n, push ? PAUSE_US / 1000 : -1) < 0)
			die("poll");
		if (p[1].revents)
			echo_datagram(p[1].fd);
		for (nfds_t i = n; i-- > 2;)
			if (!serve_client(p[i].fd, p[i].revents, push)) {
				close(p[i].fd);
				p[i] = p[--n];
			}
		if (p[0].revents && n < CLIENTS_MAX + 2) {
			p[n] = (struct pollfd){
				accept4(p[0].fd, NULL, NULL, SOCK_CLOEXEC), POLLIN, 0};
			n += p[n].fd >= 0;
		}
	}
}

static void hold(const struct where *w, int type, bool asks)
{
	int fd = socket(w->to.any.sa_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, &w->to.any, w->len) < 0)
		die("ended");
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		char c;

		if (asks && send(fd, "x", 1, MSG_NOSIGNAL) < 0)
			die("ended");
		if (poll(&p, 1, WAIT_MS) < 0)
			die("poll");
		errno = 0;
		if (!p.revents)
			puts("lost");
		else if (recv(fd, &c, 1, 0) > 0)
			puts("alive");
		else
			die("ended");
		usleep(PAUSE_US);
	}
}

int main(int argc, char *argv[])
{
	struct where w;

	if (argc != 4)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(SECONDS);
	w = read_where(argv[2], argv[3]);
	if (strcmp(argv[1], "serve") == 0 || strcmp(argv[1], "push") == 0)
		serve(&w, argv[1][0] == 'p');
	else
		hold(&w, strcmp(argv[1], "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM,
			strcmp(argv[1], "listen") != 0);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prog_first - a container's first process whose first instructions send: before any start-up of a C
 * library, as fast as a program can.
 *
 * usage: prog_first        as it is: a datagram and a SYN to the sink, IPv4 and IPv6, and in the end one
 *                          datagram of each family to the port that rules let through. Exit status 0 when
 *                          that could be sent.
 *
 * The addresses are those of integration/netseg/world.sh: 203.0.113.9 and 2001:db8:113::9; ports 666 (closed)
 * and 7 (open). Static and without libc.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <sys/syscall.h>

enum { CLOSED = 666, OPEN = 7, SOCK_DGRAM_ = 2, SOCK_STREAM_NONBLOCK = 1 | 04000 };
enum { INET = 2, INET6 = 10 };

#if defined __x86_64__
/* the stack is as the kernel left it, not as after a call */
#define ENTRY __attribute__((noreturn, used, force_align_arg_pointer))
static long call(long n, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long got;

	__asm__ volatile("syscall"
			 : "=a"(got)
			 : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return got;
}
#elif defined __aarch64__
#define ENTRY __attribute__((noreturn, used))
static long call(long n, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#endif /* another machine has no call(), and this does not build there yet */

union where {
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static unsigned short big(unsigned short n)
{
	return (unsigned short)(n << 8 | n >> 8);
}

static long size(const union where *w)
{
	return w->v4.sin_family == INET ? (long)sizeof w->v4 : (long)sizeof w->v6;
}

static long datagram(const union where *w)
{
	long fd = call(SYS_socket, w->v4.sin_family, SOCK_DGRAM_, 0, 0, 0, 0);

	return call(SYS_sendto, fd, (long)"first", 5, 0, (long)w, size(w));
}

static void syn(const union where *w)
{
	long fd = call(SYS_socket, w->v4.sin_family, SOCK_STREAM_NONBLOCK, 0, 0, 0, 0);

	call(SYS_connect, fd, (long)w, size(w), 0, 0, 0);
}

/* The entry point itself: nothing comes before it. */
ENTRY void _start(void);
void _start(void)
{
	union where w4 = {.v4 = {.sin_family = INET, .sin_port = big(CLOSED)}};
	union where w6 = {.v6 = {.sin6_family = INET6, .sin6_port = big(CLOSED)}};
	static const unsigned char sink4[4] = {203, 0, 113, 9};
	static const unsigned char sink6[16] = {
		0x20, 0x01, 0x0d, 0xb8, 0x01, 0x13, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
	long bad;

	for (int i = 0; i < 4; i++)
		((volatile unsigned char *)&w4.v4.sin_addr)[i] = sink4[i];
	for (int i = 0; i < 16; i++)
		((volatile unsigned char *)&w6.v6.sin6_addr)[i] = sink6[i];
	datagram(&w4);
	datagram(&w6);
	syn(&w4);
	syn(&w6);
	w4.v4.sin_port = w6.v6.sin6_port = big(OPEN);
	bad = datagram(&w4) < 0;
	bad |= datagram(&w6) < 0;
	call(SYS_exit_group, bad, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}

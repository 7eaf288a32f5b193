/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prog_netload - a ruleset in force in a network namespace that is made for it, and a command run there. It never
 * touches the namespace it was begun in.
 *
 *	prog_netload STEP... [-- COMMAND...]
 *
 *	FILE		{"host": false, "containers": [{"key", "cgroup", "level", "resolvers", "hosts", "network"}],
 *			"segments": {NAME: [ADDRESS...]}} is installed, "network" as the launch writes it; what the
 *			one before has alone, goes
 *	sample[:RANGES[:CGROUP]]	the same of tests/net_sample.c
 *	print		the model, as text, to standard output
 *	again		installed once more
 *	refused		the same, which the kernel has to refuse; its reason to standard output
 *	owner:KEY	from now on only what is KEY's
 *	check		what differs between the kernel and what is expected, a line each, to standard output
 *	remove		the table
 *	change:SET:[+-]ADDRESS...	of a segment's set, by single elements
 *	flows:SET	what is in a dynamic set, counter:NAME what has counted, a line each
 *	run:COMMAND	by the shell
 *	time		from now on: how long each installation took, to standard error
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/netlink.h>

#include "netseg/encode.h"
#include "netseg/nlsock.h"
#include "netseg/table.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "tests/net_sample.h"

static void die(const char *what, const struct err *e)
{
	fprintf(stderr, "prog_netload: %s: %s\n", what, e->msg);
	exit(1);
}

/* ---- a space ---- */

static void addresses(const struct json *list, struct addrs *out)
{
	struct err e = {0};
	struct addr a;

	if (!list)
		return;
	json_each (v, list) {
		if (addr_parse(json_str(v), &a, &e) < 0 || addrs_add(out, &a) < 0)
			die("an address", &e);
	}
}

static uint64_t number(const struct json *of, const char *key)
{
	const struct json *v = json_get(of, key);

	return v ? strtoull(v->text, NULL, 10) : 0;
}

static void container(const struct json *v, struct net_container *c)
{
	struct net_want *want = calloc(1, sizeof *want);
	struct err e = {0};

	if (!want || net_want_read(json_get(v, "network"), want, &e) < 0)
		die("network", &e);
	snprintf(c->key, sizeof c->key, "%s", json_str(json_get(v, "key")));
	c->want = want;
	c->cgroup = number(v, "cgroup");
	c->level = (unsigned)number(v, "level");
	addresses(json_get(v, "resolvers"), &c->resolvers);
	addresses(json_get(v, "hosts"), &c->hosts);
}

static void read_space(const char *path, struct ruleset *out)
{
	static const struct json_limits limits = {8 << 20, 20, 1000000};
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct json *list, *segments, *host;
	struct json_doc *doc = NULL;
	struct net_space s = {0};
	struct err e = {0};
	char *text = NULL;
	size_t len = 0;

	if (fd < 0)
		err_set(&e, errno, "open");
	if (fd < 0 || io_read_all(fd, limits.bytes, &text, &len, &e) < 0 ||
		json_parse(text, len, &limits, JSON_STRICT, &doc, &e) < 0)
		die(path, &e);
	list = json_get(json_root(doc), "containers");
	segments = json_get(json_root(doc), "segments");
	host = json_get(json_root(doc), "host");
	s.host = host && host->flag;
	s.containers = calloc(list->count, sizeof *s.containers);
	s.segments = calloc(segments ? segments->count + 1 : 1, sizeof *s.segments);
	if (!s.containers || !s.segments)
		die(path, &e);
	json_each (v, list)
		container(v, &s.containers[s.n++]);
	if (segments)
		json_each (v, segments) {
			s.segments[s.n_segments].name = strdup(v->key);
			addresses(v, &s.segments[s.n_segments++].members);
		}
	if (ruleset_build(&s, out, &e) < 0)
		die(path, &e);
	/* what it was made from lives as long as the program */
}

/* ---- steps ---- */

struct state {
	int nl;
	struct ruleset now, before;
	const char *owner;
	bool timed;
};

static double ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void remove_table(struct state *s)
{
	struct batch b;
	struct err e = {0};

	batch_init(&b);
	if (encode_remove(&b, &e) < 0 || nlsock_commit(s->nl, &b, &e) < 0)
		die("remove", &e);
	batch_done(&b);
}

static void install(struct state *s, bool refused)
{
	const char *owners[] = {s->owner};
	struct batch b;
	double begin = ms();
	struct err e = {0};

	if (s->now.n_chains == 0) {
		remove_table(s);
		return;
	}
	batch_init(&b);
	if (encode_install(
		    &b, &s->now, s->owner ? owners : NULL, s->owner ? 1 : 0, &s->before, &e) < 0)
		die("install", &e);
	if (nlsock_commit(s->nl, &b, &e) < 0) {
		if (!refused)
			die("install", &e);
		puts(e.msg);
	} else if (refused) {
		puts("not refused");
	}
	if (s->timed)
		fprintf(stderr, "%.2f ms, %zu bytes, %zu messages\n", ms() - begin, b.len,
			b.n_notes);
	batch_done(&b);
}

/* "segment_web_4:+10.0.0.1,-10.0.0.2" */
static void change(struct state *s, char *text)
{
	char *rest = strchr(text, ':'), *save = NULL;
	struct addrs add = {0}, gone = {0};
	struct batch b;
	struct err e = {0};
	struct addr a;

	if (!rest)
		die(text, &e);
	*rest++ = '\0';
	for (char *p = strtok_r(rest, ",", &save); p; p = strtok_r(NULL, ",", &save))
		if (addr_parse(p + 1, &a, &e) < 0 || addrs_add(*p == '+' ? &add : &gone, &a) < 0)
			die(p, &e);
	batch_init(&b);
	if (encode_elements(&b, text, text[strlen(text) - 1] == '6' ? NET_T_ADDR6 : NET_T_ADDR4,
		    &add, &gone, &e) < 0 ||
		nlsock_commit(s->nl, &b, &e) < 0)
		die(text, &e);
	batch_done(&b);
	addrs_done(&add);
	addrs_done(&gone);
}

static void load(struct state *s, const char *what)
{
	char *end;

	ruleset_done(&s->before);
	s->before = s->now;
	s->now = (struct ruleset){0};
	if (strncmp(what, "sample", 6) == 0) {
		size_t ranges = what[6] == ':' ? strtoul(what + 7, &end, 10) : 0;

		net_sample(&s->now, what[6] == ':' && *end == ':' ? strtoull(end + 1, NULL, 10) : 0,
			ranges);
	} else if (strcmp(what, "nothing") != 0) {
		read_space(what, &s->now);
	}
	install(s, false);
}

static void check(struct state *s)
{
	AUTO_STRV struct strv lines = {0};
	struct table_dump want = {0}, got = {0};
	struct err e = {0};

	if (table_expected(&s->now, &want, &e) < 0 || table_dump(s->nl, &got, &e) < 0 ||
		table_differences(&want, &got, &lines) < 0)
		die("check", &e);
	for (size_t i = 0; i < lines.n; i++)
		puts(lines.v[i]);
	table_dump_done(&want);
	table_dump_done(&got);
}

static void flows(const struct state *s, const char *set)
{
	AUTO_FLOWS struct net_flows f = {0};
	struct err e = {0};

	if (table_flows(s->nl, set, set[strlen(set) - 1] == '6' ? NET_T_FLOW6 : NET_T_FLOW4, &f,
		    &e) < 0) {
		puts(e.msg);
		return;
	}
	for (size_t i = 0; i < f.n; i++) {
		char text[ADDR_TEXT_SIZE];

		addr_text(&f.v[i].peer, text);
		printf("%s %u %u packets %llu bytes %llu%s\n", text, f.v[i].protocol, f.v[i].port,
			(unsigned long long)f.v[i].packets, (unsigned long long)f.v[i].bytes,
			f.v[i].expires ? " expires" : "");
	}
}

static void counter(const struct state *s, const char *name)
{
	uint64_t packets, bytes;
	struct err e = {0};

	if (table_counter(s->nl, name, &packets, &bytes, &e) < 0)
		puts(e.msg);
	else
		printf("%s: packets %llu bytes %llu\n", name, (unsigned long long)packets,
			(unsigned long long)bytes);
}

static void print(const struct state *s)
{
	AUTO_STR struct str text = STR_INIT;

	ruleset_print(&s->now, &text);
	fputs(str_text(&text), stdout);
}

static void step(struct state *s, char *what)
{
	if (strcmp(what, "print") == 0)
		print(s);
	else if (strcmp(what, "again") == 0)
		install(s, false);
	else if (strcmp(what, "refused") == 0)
		install(s, true);
	else if (strcmp(what, "check") == 0)
		check(s);
	else if (strcmp(what, "time") == 0)
		s->timed = true;
	else if (strncmp(what, "owner:", 6) == 0)
		s->owner = what + 6;
	else if (strcmp(what, "remove") == 0)
		load(s, "nothing");
	else if (strncmp(what, "change:", 7) == 0)
		change(s, what + 7);
	else if (strncmp(what, "flows:", 6) == 0)
		flows(s, what + 6);
	else if (strncmp(what, "counter:", 8) == 0)
		counter(s, what + 8);
	else if (strncmp(what, "run:", 4) == 0)
		(void)!system(what + 4);
	else
		load(s, what);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct state s = {0};
	struct err e = {0};
	int at = 1;

	if (argc < 2) {
		fputs("usage: prog_netload STEP... [-- COMMAND...]\n", stderr);
		return 2;
	}
	if (unshare(CLONE_NEWNET) < 0) {
		perror("unshare");
		return 1;
	}
	s.nl = nlsock_open(NETLINK_NETFILTER, &e);
	if (s.nl < 0)
		die("socket", &e);
	for (; at < argc && strcmp(argv[at], "--") != 0; at++)
		step(&s, argv[at]);
	if (at + 1 >= argc)
		return 0;
	execvp(argv[at + 1], argv + at + 1);
	perror(argv[at + 1]);
	return 127;
}

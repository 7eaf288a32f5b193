/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_encode - batches, read by a decoder that shares nothing with the encoder. What every expression has to be is
 * tests/data/net_sample.netlink: what nft says of the sample after the kernel has taken it
 * (integration/netseg/test_nft.sh compares the two).
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>

#include "netseg/encode.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "tests/net_decode.h"
#include "tests/net_sample.h"
#include "tests/tap.h"

#define GOLDEN "tests/data/net_sample.netlink"

static char *golden(void)
{
	AUTO_FD int fd = open(GOLDEN, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	size_t len;

	return fd >= 0 && io_read_all(fd, 1 << 20, &text, &len, NULL) == 0 ? text : NULL;
}

static void test_sample(void)
{
	AUTO_RULESET struct ruleset r = {0};
	AUTO_STR struct str text = STR_INIT;
	AUTO_FREE char *want = golden();
	AUTO_BATCH struct batch b;
	struct decoded d = {0};
	struct err e = {0};

	net_sample(&r, 12345, 0);
	batch_init(&b);
	ok(encode_install(&b, &r, NULL, 0, NULL, &e) == 0, "the sample is encoded");
	tap_same(decode(b.bytes, b.len, &d), NULL, "another reader finds nothing wrong with it");
	str_add(&text, str_text(&d.sets));
	str_add(&text, str_text(&d.anonymous));
	str_add(&text, str_text(&d.rules));
	tap_same(str_text(&text), want, "every set and rule is what nft says it is");
	ok(d.level == 1, "the level of a cgroup");
	ok(d.messages == b.n_notes && b.seq == b.first + b.n_notes,
		"there is a note for each of %zu messages", d.messages);
	ok(d.acks == 1, "one message asks for an answer");
	decoded_done(&d);
}

/* Line numbers in the log: that of the first that begins with WHAT, the last one; 0: none. */
static size_t at(const char *log, const char *what, bool last)
{
	size_t n = 0, found = 0;

	for (const char *p = log; *p; p = strchr(p, '\n') + 1) {
		n++;
		if (strncmp(p, what, strlen(what)) == 0 && (last || !found))
			found = n;
	}
	return found;
}

static void test_order(void)
{
	AUTO_RULESET struct ruleset r = {0};
	AUTO_BATCH struct batch b;
	struct decoded d = {0};
	const char *log;

	net_sample(&r, 0, 3);
	batch_init(&b);
	ok(encode_install(&b, &r, NULL, 0, NULL, NULL) == 0 && decode(b.bytes, b.len, &d) == NULL,
		"encoded");
	log = str_text(&d.log);
	ok(at(log, "begin", false) == 1 && at(log, "end", true) == d.messages &&
			at(log, "end", false) == d.messages,
		"one begin, one end");
	ok(at(log, "new table", false) == 2, "the table is first");
	ok(at(log, "new chain", true) < at(log, "new rule", false), "chains before rules");
	ok(at(log, "new set abc", true) < at(log, "new rule", false), "sets before rules");
	ok(at(log, "new counter", true) < at(log, "new rule", false), "counters before rules");
	ok(at(log, "delete rules", true) < at(log, "delete chain", false),
		"lines go before chains, for they go to others");
	ok(at(log, "delete rules", true) < at(log, "new rule", false), "old lines before new ones");
	ok(at(log, "delete elements abcdef012345_o1_4: all", false) <
			at(log, "new elements abcdef012345_o1_4", false),
		"old elements before new ones");
	ok(at(log, "delete elements abcdef012345_o1_4: all", false) > 0,
		"an interval set is emptied");
	ok(at(log, "delete elements segment_web_4: all", false) > 0, "a segment's set is emptied");
	ok(!strstr(log, "elements abcdef012345_denied") &&
			!strstr(log, "elements abcdef012345_seen"),
		"what rules fill is left alone");
	ok(!strstr(log, "delete counter") && !strstr(log, "delete set"), "nothing else goes");
	ok(!strstr(log, "delete chain output\n") && !strstr(log, "delete chain input\n"),
		"a chain with a hook is never away");
	ok(at(log, "delete chain abcdef012345_out\n", false) > 0 &&
			at(log, "new chain abcdef012345_out\n", true) >
				at(log, "delete chain abcdef012345_out\n", false),
		"others are made anew, for their comments");
	decoded_done(&d);
}

/* A container beside the one of the sample. */
static void other_chain(struct ruleset *r)
{
	struct net_chain *more = reallocarray(r->chains, r->n_chains + 1, sizeof *more);

	if (!more)
		abort();
	r->chains = more;
	more[r->n_chains] = (struct net_chain){.name = "fff000000000_out", .owner = "fff000000000"};
	r->n_chains++;
}

static void test_owners(void)
{
	const char *const sample[] = {"abcdef012345"}, *const other[] = {"x", "fff000000000"};
	AUTO_RULESET struct ruleset r = {0}, gone = {0}, none = {0};
	struct decoded d = {0};
	struct batch b;

	net_sample(&r, 0, 0);
	other_chain(&r);
	batch_init(&b);
	ok(encode_install(&b, &r, sample, 1, NULL, NULL) == 0 && !decode(b.bytes, b.len, &d),
		"for one owner");
	ok(strstr(str_text(&d.log), "abcdef012345_out\n") &&
			!strstr(str_text(&d.log), "fff000000000"),
		"another's chains are not spoken of");
	decoded_done(&d);
	batch_done(&b);
	batch_init(&b);
	ok(encode_install(&b, &r, other, 2, NULL, NULL) == 0 && !decode(b.bytes, b.len, &d),
		"for two owners");
	ok(!strstr(str_text(&d.log), "chain abcdef012345") &&
			!strstr(str_text(&d.log), "set abcdef012345") &&
			!strstr(str_text(&d.log), "counter abcdef012345") &&
			!strstr(str_text(&d.log), "rules abcdef012345") &&
			strstr(str_text(&d.log), "new chain fff000000000_out\n"),
		"only what is theirs");
	ok(strstr(str_text(&d.log), "new rule output\n") &&
			strstr(str_text(&d.log), "new set segment_web_4\n"),
		"and what is the namespace's");
	decoded_done(&d);
	batch_done(&b);
	net_sample(&gone, 0, 0);
	batch_init(&b);
	ok(encode_install(&b, &r, NULL, 0, &gone, NULL) == 0 && !decode(b.bytes, b.len, &d) &&
			!strstr(str_text(&d.log), "delete set") &&
			!strstr(str_text(&d.log), "delete counter"),
		"what is in both stays");
	decoded_done(&d);
	batch_done(&b);
	none.chains = calloc(1, sizeof *none.chains);
	none.n_chains = 1;
	strcpy(none.chains[0].name, "output"); /* NOLINT: fits */
	none.chains[0].base = true;
	none.chains[0].hook = 3;
	batch_init(&b);
	ok(encode_install(&b, &none, NULL, 0, &gone, NULL) == 0 && !decode(b.bytes, b.len, &d),
		"all but one chain goes");
	for (size_t i = 0; i < gone.n_chains; i++) {
		AUTO_STR struct str line = STR_INIT;

		str_addf(&line, "delete chain %s\n", gone.chains[i].name);
		ok(!strstr(str_text(&d.log), str_text(&line)) ==
				(strcmp(gone.chains[i].name, "output") == 0),
			"%s", gone.chains[i].name);
		str_reset(&line);
		str_addf(&line, "delete rules %s\n", gone.chains[i].name);
		ok(strstr(str_text(&d.log), str_text(&line)) != NULL, "emptied first: %s",
			gone.chains[i].name);
	}
	ok(at(str_text(&d.log), "delete rules", true) <
				at(str_text(&d.log), "delete chain", false) &&
			at(str_text(&d.log), "delete chain", true) <
				at(str_text(&d.log), "delete set", false) &&
			at(str_text(&d.log), "delete counter abcdef012345_out_refused", false),
		"in an order in which nothing speaks of what is gone");
	decoded_done(&d);
	batch_done(&b);
}

/* Exactly as much room, so that a sanitizer sees a byte too far. */
static int into(size_t size, const struct ruleset *r, const void *want, struct err *e)
{
	AUTO_FREE uint8_t *room = malloc(size ? size : 1);
	AUTO_BATCH struct batch b;
	int rc;

	if (!room)
		abort();
	memset(room, 0xa5, size); /* what is left out shows */
	batch_fixed(&b, room, size);
	rc = encode_install(&b, r, NULL, 0, NULL, e);
	if (rc == 0 && memcmp(room, want, size) != 0)
		return 1;
	return rc;
}

static void test_sizes(void)
{
	AUTO_RULESET struct ruleset r = {0};
	size_t bad = 0, at_size = 0;
	AUTO_BATCH struct batch b;
	struct err e = {0};

	net_sample(&r, 7, 1);
	batch_init(&b);
	ok(encode_install(&b, &r, NULL, 0, NULL, NULL) == 0, "%zu bytes are needed", b.len);
	for (size_t size = 0; size < b.len; size++) {
		e = (struct err){0};
		if (into(size, &r, b.bytes, &e) != -1 || e.code != ENOSPC ||
			!strstr(e.msg, "does not fit")) {
			bad++;
			at_size = size;
		}
	}
	ok(bad == 0, "each smaller room is a clean error (not so: %zu, the last at %zu)", bad,
		at_size);
	ok(into(b.len, &r, b.bytes, &e) == 0, "that much is enough, and the bytes are the same");
	into(100, &r, b.bytes, &e);
	ok(strncmp(e.msg, "network rules: chain input does not fit into 100 bytes", 54) == 0,
		"which object is said: %s", e.msg);
}

static void test_many(void)
{
	AUTO_RULESET struct ruleset r = {0};
	struct decoded d = {0};
	struct batch b;
	struct err e = {0};
	size_t n = 0;

	net_sample(&r, 0, 5000);
	batch_init(&b);
	ok(encode_install(&b, &r, NULL, 0, NULL, &e) == 0, "5,000 prefixes of each family");
	ok(decode(b.bytes, b.len, &d) == NULL && d.longest <= 65536,
		"no message above 64 KiB (%zu)", d.longest);
	for (const char *p = str_text(&d.log); (p = strstr(p, "new elements abcdef012345_o1_6"));
		p++)
		n++;
	ok(n > 3, "in %zu messages", n);
	decoded_done(&d);
	batch_done(&b);
	ruleset_done(&r);
	r = (struct ruleset){0};
	net_sample(&r, 0, 350000);
	batch_init(&b);
	ok(encode_install(&b, &r, NULL, 0, NULL, &e) == -1 && e.code == ENOSPC,
		"more than %d bytes are refused: %s", BATCH_MAX, e.msg);
	batch_done(&b);
}

static void test_wrong(void)
{
	struct net_match many[17] = {{.kind = NET_M_LO}};
	struct net_line line = {.matches = many, .n = 17}, lost = {.remember = "nowhere"};
	struct net_chain chain = {.name = "c", .lines = &line, .n = 1};
	struct ruleset r = {.chains = &chain, .n_chains = 1};
	struct batch b;
	struct err e = {0};

	batch_init(&b);
	ok(encode_install(&b, &r, NULL, 0, NULL, &e) == -1 && strstr(e.msg, "rule 1 of chain c"),
		"too many matches: %s", e.msg);
	batch_done(&b);
	chain.lines = &lost;
	batch_init(&b);
	ok(encode_install(&b, &r, NULL, 0, NULL, &e) == -1 && strstr(e.msg, "rule 1 of chain c"),
		"a set that is not there: %s", e.msg);
	batch_done(&b);
}

static struct addr address(const char *text)
{
	struct addr a = {0};
	struct err e = {0};

	if (addr_parse(text, &a, &e) < 0)
		abort();
	return a;
}

static void test_changes(void)
{
	struct addr one[] = {address("10.0.0.1"), address("fd00::1"), address("10.0.0.2")};
	struct addr two[] = {address("10.0.0.3"), address("10.0.0.1")};
	const struct addrs add = {one, 3}, gone = {two, 2}, none = {NULL, 0};
	const struct set_change both[] = {{"segment_a_4", NET_T_ADDR4, &add, &gone},
		{"segment_a_6", NET_T_ADDR6, &add, &gone},
		{"segment_b_4", NET_T_ADDR4, NULL, NULL}};
	struct decoded d = {0};
	struct batch b;

	batch_init(&b);
	ok(encode_changes(&b, both, 3, NULL) == 0 && !decode(b.bytes, b.len, &d),
		"two sets change");
	tap_same(str_text(&d.log),
		"begin\nnew elements segment_a_4\ndelete elements segment_a_4\nnew elements "
		"segment_a_4\n"
		"new elements segment_a_6\nend\n",
		"what goes is made first, what comes last");
	ok(d.acks == 1, "and answered");
	tap_same(str_text(&d.sets),
		"inet cinch @segment_a_4\n"
		"\telement 0100000a  : 0 [end]\n\telement 0100000a  : 0 [end]\n"
		"\telement 0200000a  : 0 [end]\n\telement 0300000a  : 0 [end]\n"
		"inet cinch @segment_a_6\n"
		"\telement 000000fd 00000000 00000000 01000000  : 0 [end]\n",
		"single elements, each in the set of its family");
	decoded_done(&d);
	batch_done(&b);
	batch_init(&b);
	ok(encode_elements(&b, "segment_a_6", NET_T_ADDR6, &none, &gone, NULL) == 0 && b.len == 0,
		"nothing to do is an empty batch");
	batch_done(&b);
	batch_init(&b);
	ok(encode_remove(&b, NULL) == 0 && !decode(b.bytes, b.len, &d), "remove");
	tap_same(str_text(&d.log), "begin\nnew table cinch\ndelete table cinch\nend\n",
		"made, so that it is there, and deleted");
	decoded_done(&d);
	batch_done(&b);
}

int main(void)
{
	test_sample();
	test_order();
	test_owners();
	test_sizes();
	test_many();
	test_wrong();
	test_changes();
	return tap_done();
}

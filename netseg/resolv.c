/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolv - the nameservers of a resolv.conf(5).
 *
 * Whom it names a container may ask at port 53, no more; so a line that libraries read differently may as well
 * be passed over.
 */
#include <arpa/inet.h>
#include <string.h>

#include "netseg/policy.h"

enum { SERVERS_MAX = 64, WORD_MAX = INET6_ADDRSTRLEN };

static const char blank[] = " \t\r\v\f";

static bool is_mapped(const uint8_t *bytes)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(bytes, mapped, sizeof mapped) == 0;
}

/* The LEN bytes at TEXT, when they are an address. Of one with a zone the address; what is written as
 * ::ffff:a.b.c.d is asked over IPv4. */
static int add_word(const char *text, size_t len, struct addrs *out)
{
	struct addr a = {AF_INET, 32, {0}};
	char word[WORD_MAX] = "";
	const char *zone = memchr(text, '%', len);

	if (zone)
		len = (size_t)(zone - text);
	if (len >= sizeof word || out->n >= SERVERS_MAX)
		return 0;
	memcpy(word, text, len);
	if (inet_pton(AF_INET, word, a.bytes) == 1)
		return addrs_add(out, &a);
	if (inet_pton(AF_INET6, word, a.bytes) != 1)
		return 0;
	if (is_mapped(a.bytes)) {
		memmove(a.bytes, a.bytes + 12, 4);
		memset(a.bytes + 4, 0, 12);
	} else {
		a.family = AF_INET6;
		a.prefix = 128;
	}
	return addrs_add(out, &a);
}

/* All addresses among the words of LINE, of which STOPS are no part. */
static int add_words(
	const char *line, const char *end, const char *stops, size_t max, struct addrs *out)
{
	for (size_t words = 0; line < end && words < max; words++) {
		size_t n;

		while (line < end && strchr(stops, *line))
			line++;
		for (n = 0; line + n < end && !strchr(stops, line[n]);)
			n++;
		if (n && add_word(line, n, out) < 0)
			return -1;
		line += n;
	}
	return 0;
}

static bool begins(const char *line, const char *end, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(end - line) > n && memcmp(line, word, n) == 0;
}

int net_resolv_conf(const char *text, struct addrs *out)
{
	static const char server[] = "nameserver", docker[] = "# ExtServers:";

	while (*text) {
		const char *end = text + strcspn(text, "\n"), *line = text + strspn(text, blank);

		if (begins(line, end, server) && strchr(blank, line[strlen(server)])) {
			if (add_words(line + strlen(server), end, blank, 1, out) < 0)
				return -1;
		} else if (begins(line, end, docker)) {
			if (add_words(line + strlen(docker), end, " \t\r[](),", SERVERS_MAX, out) <
				0)
				return -1;
		}
		text = *end ? end + 1 : end;
	}
	return 0;
}

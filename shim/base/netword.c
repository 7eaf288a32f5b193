/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netword - the words that rules of the network are written with.
 */
#include "shim/base/netword.h"

#include <netinet/in.h>
#include <string.h>

#include "shim/base/num.h"
#include "shim/base/str.h"

const char *const netword_modes[] = {"enforce", "audit", "learn", "off", NULL};
const char *const netword_presets[] = {"none", "isolated", "private", "internet", "open", NULL};
const char *const netword_guards[] = {
	"sourceAddress", "routerAdvertisements", "loopback", "forward", "dns", NULL};
const char *const netword_metadata[] = {"deny", "allow", NULL};
const char *const netword_peers[] = {
	[NETWORD_ANY] = "any", [NETWORD_HOST] = "host", [NETWORD_DNS] = "dns", NULL};

static bool range(const char *text, struct netword_port *p)
{
	size_t n = strcspn(text, "-");
	uint64_t low, high;
	char first[8] = "";

	if (n >= sizeof first)
		return false;
	memcpy(first, text, n);
	if (!num_u64(first, UINT16_MAX, &low) || low == 0)
		return false;
	high = low;
	if (text[n] && (!num_u64(text + n + 1, UINT16_MAX, &high) || high <= low))
		return false;
	p->low = (uint16_t)low;
	p->high = (uint16_t)high;
	return true;
}

bool netword_port(const char *text, struct netword_port *out)
{
	static const struct {
		const char *prefix;
		uint8_t protocol;
	} with_ports[] = {{"tcp/", IPPROTO_TCP}, {"udp/", IPPROTO_UDP}, {"sctp/", IPPROTO_SCTP}};
	struct netword_port p = {IPPROTO_ICMP, 0, 0};
	bool good = strcmp(text, "icmp") == 0;

	for (size_t i = 0; !good && i < sizeof with_ports / sizeof *with_ports; i++) {
		p.protocol = with_ports[i].protocol;
		good = str_starts(text, with_ports[i].prefix) &&
		       range(text + strlen(with_ports[i].prefix), &p);
	}
	if (good)
		*out = p;
	return good;
}

bool netword_segment(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= NETWORD_LABEL_MAX &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] && name[0] != '-' &&
	       name[n - 1] != '-';
}

enum netword_peer netword_peer(const char *text, const char **name)
{
	static const char segment[] = "segment:";

	for (int i = NETWORD_ANY; i <= NETWORD_DNS; i++)
		if (strcmp(text, netword_peers[i]) == 0)
			return (enum netword_peer)i;
	if (!str_starts(text, segment))
		return NETWORD_ADDRESS;
	*name = text + strlen(segment);
	return NETWORD_SEGMENT;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key - what a container is called in its rules. A file of its own: the launch path needs nothing else of
 * this room.
 */
#include <string.h>

#include "netseg/registry.h"
#include "shim/base/hash.h"

int registry_key(const char *root, const char *id, char key[NET_KEY_SIZE], struct err *e)
{
	AUTO_STR struct str text = STR_INIT;
	char hex[HASH_HEX_SIZE];

	str_addf(&text, "%s/%s", root, id);
	if (str_failed(&text))
		return err_nomem(e);
	hash_sha256_hex(str_text(&text), text.len, hex);
	key[0] = 'c';
	memcpy(key + 1, hex, NET_KEY_SIZE - 2);
	key[NET_KEY_SIZE - 1] = '\0';
	return 0;
}

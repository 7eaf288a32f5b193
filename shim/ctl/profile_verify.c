/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile verify - is a pack whole, and is it signed by a key this node trusts? Nothing is written.
 */
#include "shim/ctl/commands.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "profiles/build_file.h"
#include "profiles/node.h"
#include "profiles/pack.h"
#include "shim/base/cleanup.h"
#include "shim/ctl/table.h"

#define CONFIG "/etc/cinch/cinch.json"

enum { CONFIG_MAX = 8 << 20 };

static const char *const results[] = {
	[PACK_TRUSTED] = "trusted",
	[PACK_UNSIGNED] = "unsigned",
	[PACK_NO_KEYS] = "no trusted keys",
	[PACK_UNKNOWN_KEY] = "unknown key",
};

struct verdict {
	struct pack pack;
	struct pack_keys keys;
	const struct pack_key *signer; /* NULL: not trusted */
	enum pack_trust trust;
	struct err why;
	char id[MINISIGN_ID_HEX]; /* "": unsigned */
	struct minisign_signature signature;
};

static void verdict_done(struct verdict *v)
{
	pack_done(&v->pack);
	pack_keys_done(&v->keys);
}

/* The keys this node trusts: those of cinch.json, which may be missing or say nothing of them. */
static int node_keys(struct pack_keys *keys, struct err *e)
{
	AUTO_NODE struct node node = {.keys = NULL};
	AUTO_FREE char *text = NULL;
	struct err why = {0};
	size_t len = 0;

	if (build_file_read(CONFIG, CONFIG_MAX, &text, &len, &why) < 0 && why.code != ENOENT) {
		*e = why;
		return err_wrap(e, "which keys are trusted here is not known (--keys says it)");
	}
	if (node_parse(CONFIG, text ? text : "", len, &node, e) < 0)
		return -1;
	return pack_read_keys(node.keys, keys, e);
}

static int decide(const struct ctl_call *call, struct verdict *v, struct err *e)
{
	const char *keys = ctl_value(call, "keys");

	if (pack_read(call->operands[0], &v->pack, e) < 0 ||
		(keys ? pack_read_keys(keys, &v->keys, e) : node_keys(&v->keys, e)) < 0)
		return -1;
	v->trust = pack_trust(&v->pack, &v->keys, &v->signer, &v->why);
	if (v->trust == PACK_WRONG) {
		*e = v->why;
		return -1;
	}
	if (!v->pack.signature)
		return 0;
	if (minisign_read_signature(v->pack.signature, v->pack.signature_len, &v->signature, e) < 0)
		return -1;
	minisign_id(v->signature.id, v->id);
	return 0;
}

static struct json *files_json(const struct pack *p, struct json_doc *doc)
{
	struct json *files = json_object(doc);
	char digest[HASH_HEX_SIZE];

	for (size_t i = 0; i < p->n_files; i++) {
		hash_sha256_hex(p->files[i].text, p->files[i].len, digest);
		if (json_put(doc, files, p->files[i].name, json_string(doc, digest)) < 0)
			return NULL;
	}
	return files;
}

static int print_json(struct ctl_call *call, const struct verdict *v, struct err *e)
{
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *o;

	if (!doc)
		return err_nomem(e);
	o = json_object(doc);
	if (json_put(doc, o, "pack", json_string(doc, v->pack.name)) < 0 ||
		json_put(doc, o, "version", json_string(doc, v->pack.version)) < 0 ||
		json_put(doc, o, "digest", json_string(doc, v->pack.digest)) < 0 ||
		json_put(doc, o, "files", files_json(&v->pack, doc)) < 0 ||
		json_put(doc, o, "result", json_string(doc, results[v->trust])) < 0 ||
		json_put(doc, o, "signer", v->id[0] ? json_string(doc, v->id) : json_null(doc)) < 0)
		return err_nomem(e);
	/* the comment is somebody's claim until the signature is good */
	if (v->signer &&
		(json_put(doc, o, "keyFile", json_string_lossy(doc, v->signer->file)) < 0 ||
			json_put(doc, o, "comment", json_string_lossy(doc, v->signature.comment)) <
				0))
		return err_nomem(e);
	if (!v->signer && json_put(doc, o, "reason", json_string_lossy(doc, v->why.msg)) < 0)
		return err_nomem(e);
	return ctl_put_json(call, o, e);
}

static void put_line(struct str *out, const char *label, const char *text)
{
	AUTO_STR struct str blanks = STR_INIT; /* minisign's own comments have tabs */

	for (; *text; text++)
		str_addc(&blanks, *text == '\t' ? ' ' : *text);
	str_addf(out, "%-9s", label);
	table_text(str_text(&blanks), PATH_MAX, out);
	str_addc(out, '\n');
}

static void print_table(struct ctl_call *call, const struct verdict *v)
{
	const char *on = !call->colour ? "" : v->signer ? "\033[32m" : "\033[31m";
	const char *off = call->colour ? "\033[0m" : "";
	struct str *out = &call->out;

	str_addf(out, "%-9s%s %s\n%-9s%s\n", "pack", v->pack.name, v->pack.version, "digest",
		v->pack.digest);
	for (size_t i = 0; i < v->pack.n_files; i++)
		put_line(out, i ? "" : "files", v->pack.files[i].name);
	if (v->signer) {
		put_line(out, "signer", v->id);
		put_line(out, "key", v->signer->file);
		put_line(out, "comment", v->signature.comment);
		str_addf(out, "%s%s%s\n", on, results[v->trust], off);
		return;
	}
	str_addf(out, "%snot trusted%s: ", on, off);
	table_text(v->why.msg, ERR_MSG_MAX, out);
	str_addc(out, '\n');
}

static int run(struct ctl_call *call, struct err *e)
{
	__attribute__((cleanup(verdict_done))) struct verdict v = {0};

	if (decide(call, &v, e) < 0)
		return -1;
	if (!call->json)
		print_table(call, &v);
	else if (print_json(call, &v, e) < 0)
		return -1;
	return v.trust == PACK_TRUSTED ? CTL_OK : CTL_FINDINGS;
}

const struct ctl_command ctl_profile_verify = {
	.name = "profile verify",
	.run = run,
	.operands = "PACK",
	.least = 1,
	.most = 1,
	.word = CTL_FILE,
	.summary = "is a pack whole, and signed by a trusted key",
	.notes =
		"PACK is a directory with a manifest.json, or a .tar.\n"
		"Exit status: 0 whole and signed by a trusted key, 1 whole but not signed by one,\n"
		"2 altered, incomplete or not a pack.\n",
	.options =
		{
			{"keys", "DIRECTORY", CTL_DIR,
				"of trusted keys, *.pub; default: as this node trusts"},
		},
};

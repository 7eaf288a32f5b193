/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_write - documents as text, and places in them as JSON Pointers.
 */
#include "shim/base/json.h"

#include <string.h>

void json_write_string(const char *text, size_t len, struct str *out)
{
	size_t plain = 0;

	str_addc(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		str_addn(out, text + plain, i - plain);
		plain = i + 1;
		if (c == '"' || c == '\\') {
			str_addc(out, '\\');
			str_addc(out, (char)c);
		} else {
			str_addf(out, "\\u%04x", c);
		}
	}
	str_addn(out, text + plain, len - plain);
	str_addc(out, '"');
}

static void write_break(struct str *out, int indent)
{
	if (indent < 0)
		return;
	str_addc(out, '\n');
	for (int i = 0; i < indent; i++)
		str_add(out, "  ");
}

/* INDENT is the level of V, or -1 for compact text; nothing new is begun once OUT is longer than
 * STOP. Depth is bounded by the reader and the passes. */
static void write_value(const struct json *v, struct str *out, int indent, size_t stop)
{
	int inner = indent < 0 ? -1 : indent + 1;

	switch (v->type) {
	case JSON_NULL:
		str_add(out, "null");
		return;
	case JSON_BOOL:
		str_add(out, v->flag ? "true" : "false");
		return;
	case JSON_NUMBER:
		str_addn(out, v->text, v->len);
		return;
	case JSON_STRING:
		if (v->raw)
			str_addn(out, v->raw, v->raw_len);
		else
			json_write_string(v->text, v->len, out);
		return;
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	str_addc(out, v->type == JSON_ARRAY ? '[' : '{');
	json_each (child, v) {
		if (out->len > stop)
			return;
		if (child->prev)
			str_addc(out, ',');
		write_break(out, inner);
		if (v->type == JSON_OBJECT) {
			if (child->key_raw)
				str_addn(out, child->key_raw, child->key_raw_len);
			else
				json_write_string(child->key, strlen(child->key), out);
			str_add(out, indent < 0 ? ":" : ": ");
		}
		write_value(child, out, inner, stop);
	}
	if (v->first)
		write_break(out, indent);
	str_addc(out, v->type == JSON_ARRAY ? ']' : '}');
}

void json_write(const struct json *v, struct str *out)
{
	write_value(v, out, -1, SIZE_MAX);
}

void json_write_start(const struct json *v, size_t enough, struct str *out)
{
	write_value(v, out, -1, out->len > SIZE_MAX - enough ? SIZE_MAX : out->len + enough);
}

void json_write_pretty(const struct json *v, struct str *out)
{
	write_value(v, out, 0, SIZE_MAX);
	str_addc(out, '\n');
}

void json_pointer_token(const char *text, struct str *out)
{
	for (; *text; text++) {
		if (*text == '~')
			str_add(out, "~0");
		else if (*text == '/')
			str_add(out, "~1");
		else
			str_addc(out, *text);
	}
}

void json_pointer(const struct json *v, struct str *out)
{
	if (!v->parent)
		return;
	json_pointer(v->parent, out);
	str_addc(out, '/');
	if (v->parent->type == JSON_OBJECT) {
		json_pointer_token(v->key, out);
	} else {
		size_t index = 0;

		for (const struct json *u = v->prev; u; u = u->prev)
			index++;
		str_addf(out, "%zu", index);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_line - one record of the audit log.
 */
#include "shim/ctl/log_line.h"

#include <stdio.h>
#include <string.h>

#include "profiles/control.h"
#include "shim/base/clock.h"
#include "shim/ctl/table.h"

static const struct json_limits limits = {.bytes = 4 << 20, .depth = 32, .values = 400000};

/* ---- what is wanted ---- */

/* "90m": how many seconds; false when it is no such span. */
static bool span(const char *text, int64_t *seconds)
{
	static const char units[] = "smhdw";
	static const int64_t worth[] = {1, 60, 3600, 86400, 7 * 86400};
	const char *unit;
	int64_t n = 0;
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 8 || !text[digits] || text[digits + 1])
		return false;
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (text[i] - '0');
	unit = strchr(units, text[digits]);
	if (!unit)
		return false;
	*seconds = n * worth[unit - units];
	return true;
}

int log_since(const char *text, int64_t now, char out[32], struct err *e)
{
	static const char form[] = "0000-00-00T00:00:00";
	char when[CLOCK_TEXT_SIZE];
	size_t len = strlen(text);
	int64_t seconds;

	if (span(text, &seconds)) {
		clock_text_of(seconds < now ? now - seconds : 0, 0, when);
		snprintf(out, 32, "%.27s", when);
		return 0;
	}
	if (len && text[len - 1] == 'Z')
		len--;
	if (len != 10 && len != 13 && len != 16 && len != 19)
		len = 0;
	for (size_t i = 0; i < len; i++)
		if (form[i] == '0' ? text[i] < '0' || text[i] > '9'
				   : text[i] != form[i] && !(i == 10 && text[i] == ' '))
			len = 0;
	if (len == 0)
		return err_set(e, ERR_INPUT,
			"--since is like 2026-11-22, 2026-11-22T04:05 (UTC) or 90m, 2h, 7d, not "
			"\"%.40s\"",
			text);
	memcpy(out, text, len);
	out[len] = '\0';
	if (len > 10)
		out[10] = 'T';
	return 0;
}

const struct json *log_record(const char *line, size_t len, struct json_doc **doc)
{
	struct err e;

	if (len == 0 || json_parse(line, len, &limits, JSON_STRICT, doc, &e) < 0)
		return NULL;
	return json_is(json_root(*doc), JSON_OBJECT) ? json_root(*doc) : NULL;
}

static const char *text_of(const struct json *record, const char *key)
{
	const char *s = json_str(json_get(record, key));

	return s ? s : "";
}

bool log_wanted(const struct log_filter *f, const struct json *record)
{
	bool found = !f->profile;

	if (f->result && strcmp(text_of(record, "result"), f->result) != 0)
		return false;
	if (f->id && !str_starts(text_of(record, "id"), f->id))
		return false;
	if (strcmp(text_of(record, "time"), f->since) < 0)
		return false;
	if (f->profile)
		json_each (p, json_get(record, "profiles"))
			found |= strcmp(text_of(p, "name"), f->profile) == 0;
	return found;
}

const char *log_image(const struct json *record)
{
	const struct json *image = json_get(record, "image");
	const char *name = text_of(image, "name"), *digest = text_of(image, "digest");

	return *name ? name : *digest ? digest : text_of(image, "id");
}

/* ---- how it is shown ---- */

enum {
	VERB_WIDTH = 10, /* "net reload" */
	WHO_MAX = 48,
	IMAGE_MAX = 64,
	COMMAND_MAX = 60,
	ERROR_MAX = 600,
	ID_SHOWN = 12,
	POLICY_MAX = 16
};

static void shown(const char *before, const char *text, size_t width, struct str *out)
{
	if (*text) {
		str_add(out, before);
		table_text(text, width, out);
	}
}

static void put_padded(const char *text, size_t width, struct str *out)
{
	size_t used = table_text(text, width, out);

	while (used++ < width)
		str_addc(out, ' ');
}

/* "2026-11-22 04:05:06" */
static void put_time(const struct json *record, struct str *out)
{
	const char *time = text_of(record, "time");
	char text[20] = "(no time)";

	if (strlen(time) >= 19) {
		memcpy(text, time, 19);
		text[19] = '\0';
		if (text[10] == 'T')
			text[10] = ' ';
	}
	put_padded(text, 19, out);
}

static void put_who(const struct json *record, struct str *out)
{
	AUTO_STR struct str who = STR_INIT;
	const char *pod = text_of(record, "pod"), *container = text_of(record, "container");
	const char *id = text_of(record, "id");
	bool hex = strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64;

	if (*pod)
		str_addf(&who, "%s/%s%s%s ", text_of(record, "namespace"), pod,
			*container ? "/" : "", container);
	else if (*container)
		str_addf(&who, "%s ", container);
	str_addf(&who, "%.*s", hex ? ID_SHOWN : WHO_MAX, id);
	shown(" ", str_text(&who), WHO_MAX + ID_SHOWN, out);
}

/* "capabilities 3, mounts 1"; what is only reported in brackets. */
static void put_counts(const struct json *changes, struct str *out)
{
	unsigned done[CONTROL_COUNT] = {0}, only[CONTROL_COUNT] = {0};
	bool any = false;

	json_each (c, changes) {
		enum control control;

		if (strcmp(text_of(c, "kind"), "note") == 0 ||
			control_from_name(text_of(c, "control"), &control) < 0)
			continue;
		if (json_is_true(json_get(c, "enforced")))
			done[control]++;
		else
			only[control]++;
	}
	for (int control = 0; control < CONTROL_COUNT; control++) {
		if (!done[control] && !only[control])
			continue;
		str_addf(out, "%s%s", any ? ", " : "  ", control_name((enum control)control));
		if (done[control])
			str_addf(out, " %u", done[control]);
		if (only[control])
			str_addf(out, " (%u)", only[control]);
		any = true;
	}
}

static const char *colour_of(const char *result)
{
	static const struct {
		const char *result, *colour;
	} table[] = {
		{"refused", "\033[1;31m"},
		{"failed", "\033[31m"},
		{"audited", "\033[36m"},
		{"changed", "\033[33m"},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcmp(table[i].result, result) == 0)
			return table[i].colour;
	return "";
}

void log_print(const struct json *record, bool colour, struct str *out)
{
	const char *result = text_of(record, "result"), *tint = colour ? colour_of(result) : "";
	const char *between = " ";
	AUTO_STR struct str command = STR_INIT;

	put_time(record, out);
	str_addc(out, ' ');
	put_padded(text_of(record, "verb"), VERB_WIDTH, out);
	str_addf(out, " %s", tint);
	put_padded(result, 9, out);
	str_add(out, *tint ? "\033[0m" : "");
	put_who(record, out);
	json_each (p, json_get(record, "profiles")) {
		shown(between, text_of(p, "name"), 64, out);
		between = "+";
	}
	if (strcmp(text_of(record, "mode"), "audit") == 0)
		str_add(out, " (audit)");
	shown(" ", log_image(record), IMAGE_MAX, out);
	put_counts(json_get(record, "changes"), out);
	if (json_is_true(json_get(record, "wouldRefuse")))
		str_add(out, ", would be refused");
	json_each (a, json_get(record, "args"))
		str_addf(&command, "%s%s", command.len ? " " : "", json_str(a) ? json_str(a) : "");
	shown("  ", str_text(&command), COMMAND_MAX, out);
	if (json_get(record, "former")) /* apply and rollback */
		shown("  policy ", text_of(json_get(record, "policy"), "digest"), POLICY_MAX, out);
	shown("  ", text_of(record, "reason"), ERROR_MAX, out);
	shown("  ", text_of(record, "error"), ERROR_MAX, out);
	shown("  problem: ", text_of(record, "problem"), ERROR_MAX, out);
	shown("  problem: ", text_of(json_get(record, "policy"), "problem"), ERROR_MAX, out);
	str_addc(out, '\n');
}

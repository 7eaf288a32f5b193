/* SPDX-License-Identifier: Apache-2.0 */
/*
 * section_start - read the sections of a profile that say what may be started, and with what: hooks,
 * annotations, env, image, exec, flags.
 */
#include <stdio.h>
#include <string.h>

#include "profiles/command.h"
#include "profiles/image.h"
#include "profiles/section.h"

int section_hooks(struct reader *r, const struct json *v, void *to)
{
	static const struct reader_key keys[] = {
		{"allow", JSON_ARRAY, reader_path_globs, offsetof(struct profile, hooks), false},
		{0},
	};

	return reader_object(r, v, keys, to);
}

int section_annotations(struct reader *r, const struct json *v, void *to)
{
	static const struct reader_key keys[] = {
		{"allow", JSON_ARRAY, section_names, offsetof(struct profile, annotations), false},
		{0},
	};

	return reader_object(r, v, keys, to);
}

static int read_secrets(struct reader *r, const struct json *v, void *to)
{
	static const char *const names[] = {"ignore", "warn", "deny", NULL};
	unsigned i;

	if (reader_choice(r, v, "treatment of secrets", names, &i) < 0)
		return -1;
	*(enum secret_policy *)to = (enum secret_policy)i;
	return 0;
}

int section_env(struct reader *r, const struct json *v, void *to)
{
	static const struct reader_key keys[] = {
		{"deny", JSON_ARRAY, section_names, offsetof(struct profile, env.deny), false},
		{"secrets", JSON_STRING, read_secrets, offsetof(struct profile, env.secrets),
			false},
		{0},
	};

	return reader_object(r, v, keys, to);
}

static int read_digest_rule(struct reader *r, const struct json *v, void *to)
{
	static const char *const names[] = {"optional", "required", NULL};
	unsigned i;

	if (reader_choice(r, v, "digest rule", names, &i) < 0)
		return -1;
	*(bool *)to = i == 1;
	return 0;
}

static int image_digest(struct reader *r, const struct json *v)
{
	if (!image_is_digest(v->text))
		return reader_fail(
			r, v, "\"%.80s\": expected \"sha256:\" and 64 of 0-9 a-f", v->text);
	return 0;
}

static int read_digests(struct reader *r, const struct json *v, void *to)
{
	return reader_strings(r, v, to, image_digest);
}

int section_image(struct reader *r, const struct json *v, void *to)
{
	static const struct reader_key keys[] = {
		{"registries", JSON_ARRAY, section_names,
			offsetof(struct profile, image.registries), false},
		{"digest", JSON_STRING, read_digest_rule,
			offsetof(struct profile, image.digest_required), false},
		{"deny", JSON_ARRAY, read_digests, offsetof(struct profile, image.deny), false},
		{0},
	};

	return reader_object(r, v, keys, to);
}

static int command(struct reader *r, const struct json *v)
{
	const char *wrong = command_wrong(v->text);

	return wrong ? reader_fail(r, v, "pattern \"%.64s\" %s", v->text, wrong) : 0;
}

static int read_patterns(struct reader *r, const struct json *v, void *to)
{
	return reader_strings(r, v, to, command);
}

static int read_commands(struct reader *r, const struct json *v, void *to)
{
	static const struct reader_key keys[] = {
		{"allow", JSON_ARRAY, read_patterns, offsetof(struct profile, exec.allow_commands),
			false},
		{"deny", JSON_ARRAY, read_patterns, offsetof(struct profile, exec.deny_commands),
			false},
		{0},
	};

	return reader_object(r, v, keys, to);
}

int section_exec(struct reader *r, const struct json *v, void *to)
{
	static const struct reader_key keys[] = {
		{"allow", JSON_BOOL, reader_bool, offsetof(struct profile, exec.allow), false},
		{"terminal", JSON_BOOL, reader_bool, offsetof(struct profile, exec.terminal),
			false},
		{"capabilities", JSON_ARRAY, section_capabilities,
			offsetof(struct profile, exec.capabilities), false},
		{"commands", JSON_OBJECT, read_commands, 0, false},
		{0},
	};

	return reader_object(r, v, keys, to);
}

static int read_flags(struct reader *r, const struct json *v, void *to)
{
	const char *names[FLAG_COUNT + 1] = {NULL};
	unsigned i;

	for (int f = 0; f < FLAG_COUNT; f++)
		names[f] = profile_flag_name((enum profile_flag)f);
	json_each (item, v) {
		if (reader_choice(r, item, "flag", names, &i) < 0)
			return -1;
		*(unsigned *)to |= 1u << i;
	}
	return 0;
}

static int read_descriptors(struct reader *r, const struct json *v, void *to)
{
	int64_t n;

	if (reader_int(r, v, 0, PROFILE_DESCRIPTORS_MAX, &n) < 0)
		return -1;
	*(unsigned *)to = (unsigned)n;
	return 0;
}

int section_flags(struct reader *r, const struct json *v, void *to)
{
	static const struct reader_key keys[] = {
		{"allow", JSON_ARRAY, read_flags, offsetof(struct profile, flags.allow), false},
		{"preserveFds", JSON_NUMBER, read_descriptors,
			offsetof(struct profile, flags.preserve_fds), false},
		{0},
	};

	return reader_object(r, v, keys, to);
}

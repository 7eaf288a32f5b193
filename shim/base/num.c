/* SPDX-License-Identifier: Apache-2.0 */
/*
 * num - numbers from outside: digits only, in range, nothing after them.
 */
#include "shim/base/num.h"

#include <stddef.h>
#include <string.h>

/* Reads digits at *TEXT and moves it behind them. */
static bool digits(const char **text, uint64_t max, uint64_t *out)
{
	const char *p = *text;
	uint64_t v = 0;

	if (*p < '0' || *p > '9' || (p[0] == '0' && p[1] >= '0' && p[1] <= '9'))
		return false;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10u, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return false;
	if (v > max)
		return false;
	*text = p;
	*out = v;
	return true;
}

bool num_u64(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t v;

	if (!text || !digits(&text, max, &v) || *text)
		return false;
	*out = v;
	return true;
}

bool num_i64(const char *text, int64_t min, int64_t max, int64_t *out)
{
	uint64_t v;
	int64_t n;

	if (!text)
		return false;
	if (*text != '-') {
		if (!num_u64(text, INT64_MAX, &v))
			return false;
		n = (int64_t)v;
	} else {
		if (!num_u64(text + 1, (uint64_t)INT64_MAX + 1, &v) || v == 0)
			return false;
		n = (int64_t)(0 - v);
	}
	if (n < min || n > max)
		return false;
	*out = n;
	return true;
}

bool num_size(const char *text, uint64_t max, uint64_t *out)
{
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t v;

	if (!text || !digits(&text, max, &v))
		return false;
	if (*text) {
		unit = strchr(units, *text);
		if (!unit || strcmp(text + 1, "i") != 0)
			return false;
		if (__builtin_mul_overflow(v, (uint64_t)1 << (10 * (unit - units + 1)), &v))
			return false;
	}
	if (v > max)
		return false;
	*out = v;
	return true;
}

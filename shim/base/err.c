/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err - one error: a code and a message, owned by the caller.
 */
#include "shim/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Copies SRC escaped into DST of SIZE bytes; what does not fit ends in "...". */
static void put_escaped(char *dst, size_t size, const char *src)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (; *src; src++) {
		unsigned char c = (unsigned char)*src;
		size_t need = c < 0x20 || c == 0x7f ? 4 : 1;

		if (n + need + 1 > size) {
			if (size > 4)
				memcpy(dst + (n + 4 > size ? size - 4 : n), "...", 4);
			return;
		}
		if (need == 1) {
			dst[n++] = (char)c;
			continue;
		}
		dst[n++] = '\\';
		dst[n++] = 'x';
		dst[n++] = hex[c >> 4];
		dst[n++] = hex[c & 15];
	}
	dst[n] = '\0';
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	char raw[ERR_MSG_MAX];
	va_list ap;
	int n;

	if (!e)
		return -1;
	va_start(ap, fmt);
	n = vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	if (n < 0)
		raw[0] = '\0';
	if (n >= (int)sizeof raw)
		memcpy(raw + sizeof raw - 4, "...", 4);
	e->code = code;
	put_escaped(e->msg, sizeof e->msg, raw);
	if (code > 0) {
		size_t used = strlen(e->msg);

		snprintf(e->msg + used, sizeof e->msg - used, ": %s",
			strerrordesc_np(code) ? strerrordesc_np(code) : "unknown error");
	}
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char place[ERR_MSG_MAX], old[ERR_MSG_MAX], both[2 * ERR_MSG_MAX];
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	if (vsnprintf(place, sizeof place, fmt, ap) < 0)
		place[0] = '\0';
	va_end(ap);
	memcpy(old, e->msg, sizeof old);
	snprintf(both, sizeof both, "%s: %s", place, old);
	put_escaped(e->msg, sizeof e->msg, both);
	return -1;
}

int err_nomem(struct err *e)
{
	return err_set(e, ENOMEM, "allocate memory");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err - one error: a code and a message, owned by the caller.
 */
#include "shim/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shim/base/str.h"

/* Copies SRC escaped into DST of SIZE (at least 4) bytes; what does not fit ends in "...", and no
 * character or escape is cut in halves. Returns the length. */
static size_t put_escaped(char *dst, size_t size, const char *src)
{
	size_t n = 0, cut = 0, bytes;

	for (; *src; src += bytes) {
		char shown[16];
		unsigned c;
		size_t need = bytes = str_char(src, &c);

		if (!str_char_unsafe(c, bytes))
			memcpy(shown, src, bytes);
		else /* one byte as it is, be it a control character or no character at all */
			need = (size_t)snprintf(shown, sizeof shown,
				bytes == 1   ? "\\x%02x"
				: c > 0xffff ? "\\U%08x"
					     : "\\u%04x",
				c);
		if (n + 4 <= size)
			cut = n;
		if (n + need + 1 > size) {
			memcpy(dst + cut, "...", 4);
			return cut + 3;
		}
		memcpy(dst + n, shown, need);
		n += need;
	}
	dst[n] = '\0';
	return n;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	char raw[2 * ERR_MSG_MAX]; /* cut here, it is too long for the message in any case */
	const char *reason = NULL;
	va_list ap;
	size_t used;

	if (!e)
		return -1;
	va_start(ap, fmt);
	if (vsnprintf(raw, sizeof raw, fmt, ap) < 0)
		raw[0] = '\0';
	va_end(ap);
	if (code > 0) {
		reason = strerrordesc_np(code);
		reason = reason ? reason : "unknown error";
	}
	e->code = code;
	/* a long name must not push the reason out */
	used = put_escaped(e->msg, sizeof e->msg - (reason ? strlen(reason) + 2 : 0), raw);
	if (reason)
		snprintf(e->msg + used, sizeof e->msg - used, ": %s", reason);
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char place[2 * ERR_MSG_MAX], old[ERR_MSG_MAX];
	va_list ap;
	size_t keep, used;

	if (!e)
		return -1;
	va_start(ap, fmt);
	if (vsnprintf(place, sizeof place, fmt, ap) < 0)
		place[0] = '\0';
	va_end(ap);
	memcpy(old, e->msg, sizeof old);
	keep = strlen(old) < sizeof old / 2 ? strlen(old) : sizeof old / 2;
	used = put_escaped(e->msg, sizeof e->msg - keep - 2, place);
	memcpy(e->msg + used, ": ", 2);
	used += 2;
	put_escaped(e->msg + used, sizeof e->msg - used, old);
	return -1;
}

int err_nomem(struct err *e)
{
	return err_set(e, ENOMEM, "allocate memory");
}

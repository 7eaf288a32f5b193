/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal - a record to systemd's journal, or to whatever reads /dev/log; nothing here ever waits.
 *
 * Datagrams on sockets of our own: syslog(3) blocks while the daemon behind it is stopped, and every
 * start of a container would with it. A socket whose reader is behind answers at once that it is full.
 * The form of journal entries: https://systemd.io/JOURNAL_NATIVE_PROTOCOL.
 */
#ifndef CINCH_JOURNAL_H
#define CINCH_JOURNAL_H

#include <stddef.h>

#include "shim/base/err.h"

struct journal_sockets {
	const char *journald, *syslog;
};

/* /run/systemd/journal/socket and /dev/log */
extern const struct journal_sockets journal_sockets;

/* As in syslog(3), and no others. */
enum journal_level { JOURNAL_ERR = 3, JOURNAL_WARNING = 4, JOURNAL_INFO = 6 };

struct journal_field {
	const char *name; /* of A-Z, 0-9 and "_" */
	const char *value; /* any bytes; NULL: the field is left out */
	size_t len;
};

/* One entry of N fields to the journal's socket at PATH. More than a datagram holds goes as a sealed
 * memfd. -1: it was not taken. */
int journal_send(const char *path, const struct journal_field *fields, size_t n, struct err *e);
/* One RFC 3164 message of facility authpriv to the socket at PATH. Control bytes in TEXT become
 * blanks; more than 1 KiB is cut. -1: it was not taken. */
int journal_syslog(const char *path, enum journal_level level, const char *text, struct err *e);
/* TEXT to the journal, or else to syslog. -1 when neither took it. */
int journal_tell(
	const struct journal_sockets *s, enum journal_level level, const char *text, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain - a log whose lines vouch for each other: each carries its number and the SHA-256 of the line
 * before, so that a line that was changed, taken out, put in or moved shows.
 *
 * Beside the log PATH lies PATH.head: number and hash of the last line, and how far the log went with
 * it. It is the lock of the writers (logrotate never renames it), lets the first line of a new file
 * continue the former file's chain, and shows that lines are missing at the end. A new line continues
 * what the head says, never what stands in the log: a last line that was changed stays found out.
 *
 * Bytes behind the place of the head are the work of a writer that died before it wrote the head (its
 * line continues the chain and is taken over), of one that did not get the lock, of a full disk. The
 * next line carries their hash as "gap".
 *
 * No writer waits longer than CHAIN_WAIT_MS for a holder of the lock who does nothing: the line is then
 * written outside the chain and says so. Who may write the log and the head can forge both: only a hash
 * kept elsewhere helps.
 */
#ifndef CINCH_CHAIN_H
#define CINCH_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/base/err.h"
#include "shim/base/hash.h"
#include "shim/base/str.h"

enum {
	CHAIN_LINE_MAX = 64 * 1024, /* bytes of a line with its newline */
	CHAIN_OBJECT_MAX = CHAIN_LINE_MAX - 512, /* what chain_append takes */
	CHAIN_WAIT_MS = 100, /* for a holder of the lock who does nothing */
	CHAIN_WAIT_MOST_MS = 1000, /* while other writers come through */
	CHAIN_WORDS_MAX = 48, /* of "joined" and "unchained" */
};

struct chain_head {
	uint64_t seq; /* of the last line; 0: none yet */
	uint8_t hash[HASH_SIZE]; /* of its bytes without the newline; all zero before the first */
	uint64_t ino, size; /* the log's inode, and its size behind that line */
	uint64_t lost; /* records that journald or syslog did not take */
};

enum chain_kind {
	CHAIN_FOREIGN, /* nothing of this kind stands in the line */
	CHAIN_LINKED, /* number, hash of the former */
	CHAIN_UNLINKED, /* says why it is outside the chain */
};

struct chain_link { /* what a line says of its place */
	uint64_t seq;
	uint8_t prev[HASH_SIZE];
	bool has_gap;
	uint8_t gap[HASH_SIZE];
	bool first; /* the file was empty before it */
	char words
		[CHAIN_WORDS_MAX]; /* of "joined" (how it continued without a head) or "unchained" */
};

struct chain_entry { /* what was appended */
	struct str line; /* without the newline; chain_entry_done frees it */
	uint64_t seq; /* 0: outside the chain */
	char hash[HASH_HEX_SIZE];
};

#define AUTO_CHAIN_ENTRY __attribute__((cleanup(chain_entry_done)))

/*
 * Append OBJECT (LEN bytes, one JSON object with at least one member, on one line, at most
 * CHAIN_OBJECT_MAX) to the log PATH, made 0600 with its directory 0700 when it is not there.
 *
 * 0: the line is in the log, in the chain or not (OUT->seq). -1: it is not, or only its beginning, which
 * the next line leaves on a line of its own; OUT->line may hold it for other places. Symbolic links are
 * not followed; FIFOs and devices do not block.
 */
int chain_append(
	const char *path, const char *object, size_t len, struct chain_entry *out, struct err *e);
void chain_entry_done(struct chain_entry *x);

/* Note in the head that another place did not take a record; quiet when it cannot be noted. */
void chain_note_lost(const char *path);

/* What LINE (without its newline) says. OUT is filled also for a line that is cut behind it. */
enum chain_kind chain_read(const char *line, size_t len, struct chain_link *out);
/* Fold the hash of one more line into GAP, which begins as zeros. */
void chain_fold(uint8_t gap[HASH_SIZE], const uint8_t hash[HASH_SIZE]);

/* Open PATH.head for reading and hold off writers while it is open, if that can be had in WAIT_MS
 * (*LOCKED says). -1 and errno. */
int chain_open_head(const char *path, unsigned wait_ms, bool *locked);
/* False when what FD holds is not a head. */
bool chain_read_head(int fd, struct chain_head *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer - let the stock minisign program sign something. cinch itself never reads a secret key.
 *
 * What is signed is a copy in a directory of its own, readable to nobody else and removed afterwards: as
 * long as minisign has not come to a good end, nothing the caller has is touched.
 */
#ifndef CINCH_CTL_SIGNER_H
#define CINCH_CTL_SIGNER_H

#include <limits.h>
#include <stddef.h>

#include "shim/base/err.h"

/*
 * The minisign in /usr/local/sbin, /usr/local/bin, /usr/sbin, /usr/bin, /sbin or /bin; never $PATH, whose
 * owner could have the password. It and its directory belong to root (or the caller) and nobody else can
 * write them. ERR_INPUT says what to install when there is none.
 */
int signer_find(char out[PATH_MAX], struct err *e);

/*
 * Run PROGRAM to sign the bytes as a file NAME with the secret key in the file KEY. It has the terminal:
 * what it says goes to standard error, and it may ask for the key's password. *SIGNATURE (the caller's)
 * is the text of the signature file. An exit status but 0 or a signal (also ^C, which does not end
 * us) is ERR_INPUT.
 */
int signer_run(const char *program, const char *key, const char *name, const void *bytes,
	size_t len, char **signature, size_t *signature_len, struct err *e);

#endif

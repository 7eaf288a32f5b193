/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile_file - a profile that is being written, read from its file with all it extends.
 */
#ifndef CINCH_CTL_PROFILE_FILE_H
#define CINCH_CTL_PROFILE_FILE_H

#include "profiles/profile.h"
#include "shim/base/err.h"

/*
 * The profile in the file PATH. What it extends, and its filters, are looked for beside it, in the
 * configured directories and among the shipped ones. The files need only be readable, unlike those a node applies. *OUT is the caller's.
 */
int profile_file_load(const char *path, struct profile **out, struct err *e);

#endif

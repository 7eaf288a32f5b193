/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cleanup - locals that give back what they own when they leave scope.
 *
 * Initialise on the line that declares. Hand over with take_ptr and take_fd, which leave NULL
 * and -1 behind. Not seen by these: _exit, exec and longjmp.
 */
#ifndef CINCH_BASE_CLEANUP_H
#define CINCH_BASE_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_fd(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

#define AUTO_FREE __attribute__((cleanup(cleanup_free)))
#define AUTO_FD __attribute__((cleanup(cleanup_fd)))

#define take_ptr(p)                                                                                \
	({                                                                                         \
		__typeof__(*(p)) taken_ = *(p);                                                    \
		*(p) = NULL;                                                                       \
		taken_;                                                                            \
	})

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#endif

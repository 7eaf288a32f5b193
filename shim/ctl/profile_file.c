/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile_file - a profile that is being written, read from its file with all it extends.
 */
#include "shim/ctl/profile_file.h"

#include <string.h>

#include "shim/ctl/sources.h"

int profile_file_load(const char *path, struct profile **out, struct err *e)
{
	AUTO_SOURCES struct sources s = {.catalog = NULL};
	AUTO_STRV struct strv names = {0};
	AUTO_STR struct str dir = STR_INIT;
	const char *slash = strrchr(path, '/');

	str_addn(&dir, slash ? path : "./", slash ? (size_t)(slash - path) + 1 : 2);
	if (str_failed(&dir))
		return err_nomem(e);
	if (sources_init(&s, e) < 0 || sources_add(&s, path, &names, e) < 0)
		return -1;
	if (s.problems.n)
		return err_set(e, ERR_INPUT, "%s", s.problems.v[0]);
	if (names.n != 1)
		return err_set(e, ERR_INPUT, "%.256s: not a profile", path);
	/* what is wrong with its neighbours is told when it needs one of them */
	if (sources_add(&s, str_text(&dir), NULL, e) < 0 || sources_configured(&s, NULL, e) < 0)
		return -1;
	return catalog_flatten(s.catalog, names.v[0], NULL, out, e);
}

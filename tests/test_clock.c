/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_clock - our calendar against the C library's, every day for four centuries.
 */
#include <time.h>

#include "shim/base/clock.h"
#include "tests/tap.h"

int main(void)
{
	char got[CLOCK_TEXT_SIZE], want[64];
	long long wrong = -1;
	struct tm utc;

	for (long long day = 0; day < 146097 + 366 && wrong < 0; day++) {
		time_t t = day * 86400 + day % 86400;

		clock_text_of(t, day % 1000000, got);
		gmtime_r(&t, &utc);
		strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S", &utc);
		snprintf(want + strlen(want), 16, ".%06lldZ", day % 1000000);
		if (strcmp(got, want) != 0)
			wrong = day;
	}
	ok(wrong < 0, "every day is right (first wrong: %lld: %s for %s)", wrong, got, want);
	clock_text(got);
	ok(strlen(got) == strlen("2026-11-22T04:05:06.123456Z") && got[0] == '2', "now is %s", got);
	return tap_done();
}

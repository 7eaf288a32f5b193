/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock - the time of day as text, in UTC.
 */
#include "shim/base/clock.h"

#include <stdio.h>
#include <time.h>

void clock_text_of(long long seconds, long microseconds, char out[CLOCK_TEXT_SIZE])
{
	/* years that begin in March put the leap day last; 400 of them are 146097 days */
	long long days = seconds / 86400 + 719468; /* since 1 March of the year 0 */
	long long era = days / 146097, day = days % 146097;
	long long year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	long long of_year = day - (365 * year + year / 4 - year / 100);
	long long month = (5 * of_year + 2) / 153; /* 0: March */
	long long of_month = of_year - (153 * month + 2) / 5 + 1;
	long long of_day = seconds % 86400;

	year += 400 * era + (month >= 10);
	month += month < 10 ? 3 : -9;
	snprintf(out, CLOCK_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", (int)(year % 10000),
		(int)month, (int)of_month, (int)(of_day / 3600), (int)(of_day / 60 % 60),
		(int)(of_day % 60), (int)(microseconds % 1000000));
}

void clock_text(char out[CLOCK_TEXT_SIZE])
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_text_of(now.tv_sec, now.tv_nsec / 1000, out);
}

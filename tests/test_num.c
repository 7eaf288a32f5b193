/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_num - numbers from outside: digits only, in range, nothing after them (CVE-2026-30892).
 */
#include <inttypes.h>

#include "shim/base/num.h"
#include "tests/tap.h"

static void test_u64(void)
{
	static const struct {
		const char *text;
		uint64_t max;
		bool good;
		uint64_t want;
	} rows[] = {
		{"0", 0, true, 0},
		{"1", 0, false, 0},
		{"7", 7, true, 7},
		{"8", 7, false, 0},
		{"4294967295", UINT32_MAX, true, UINT32_MAX},
		{"4294967296", UINT32_MAX, false, 0},
		{"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, false, 0},
		{"18446744073709551625", UINT64_MAX, false, 0},
		{"28446744073709551615", UINT64_MAX, false, 0},
		{"184467440737095516150", UINT64_MAX, false, 0},
		{"99999999999999999999999999999999999999999999", UINT64_MAX, false, 0},
		{"", UINT64_MAX, false, 0},
		{"-0", UINT64_MAX, false, 0},
		{"-1", UINT64_MAX, false, 0},
		{"+1", UINT64_MAX, false, 0},
		{" 1", UINT64_MAX, false, 0},
		{"1 ", UINT64_MAX, false, 0},
		{"1\n", UINT64_MAX, false, 0},
		{"00", UINT64_MAX, false, 0},
		{"01", UINT64_MAX, false, 0},
		{"0x10", UINT64_MAX, false, 0},
		{"1e3", UINT64_MAX, false, 0},
		{"1.0", UINT64_MAX, false, 0},
		{"1:2", UINT64_MAX, false, 0},
		{"1_000", UINT64_MAX, false, 0},
		{"\xd9\xa1", UINT64_MAX, false, 0},
		{"/", UINT64_MAX, false, 0},
		{":", UINT64_MAX, false, 0},
		{NULL, UINT64_MAX, false, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t v = 77;
		bool good = num_u64(rows[i].text, rows[i].max, &v);

		ok(good == rows[i].good && v == (good ? rows[i].want : 77),
			"num_u64 \"%s\" up to %" PRIu64, rows[i].text ? rows[i].text : "(null)",
			rows[i].max);
	}
}

static void test_i64(void)
{
	static const struct {
		const char *text;
		int64_t min, max;
		bool good;
		int64_t want;
	} rows[] = {
		{"0", 0, 0, true, 0},
		{"-1", -1, 0, true, -1},
		{"-2", -1, 0, false, 0},
		{"1", -1, 0, false, 0},
		{"-1000", -1000, 1000, true, -1000},
		{"1001", -1000, 1000, false, 0},
		{"9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX},
		{"9223372036854775808", INT64_MIN, INT64_MAX, false, 0},
		{"-9223372036854775807", INT64_MIN, INT64_MAX, true, -INT64_MAX},
		{"-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN},
		{"-9223372036854775809", INT64_MIN, INT64_MAX, false, 0},
		{"-18446744073709551615", INT64_MIN, INT64_MAX, false, 0},
		{"5", 6, 10, false, 0},
		{"-0", INT64_MIN, INT64_MAX, false, 0},
		{"-00", INT64_MIN, INT64_MAX, false, 0},
		{"-01", INT64_MIN, INT64_MAX, false, 0},
		{"--1", INT64_MIN, INT64_MAX, false, 0},
		{"-", INT64_MIN, INT64_MAX, false, 0},
		{"+1", INT64_MIN, INT64_MAX, false, 0},
		{"- 1", INT64_MIN, INT64_MAX, false, 0},
		{"", INT64_MIN, INT64_MAX, false, 0},
		{NULL, INT64_MIN, INT64_MAX, false, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t v = 77;
		bool good = num_i64(rows[i].text, rows[i].min, rows[i].max, &v);

		ok(good == rows[i].good && v == (good ? rows[i].want : 77), "num_i64 \"%s\"",
			rows[i].text ? rows[i].text : "(null)");
	}
}

static void test_size(void)
{
	static const struct {
		const char *text;
		uint64_t max;
		bool good;
		uint64_t want;
	} rows[] = {
		{"0", UINT64_MAX, true, 0},
		{"1", UINT64_MAX, true, 1},
		{"64Mi", UINT64_MAX, true, 67108864},
		{"1Ki", UINT64_MAX, true, 1024},
		{"1Gi", UINT64_MAX, true, 1u << 30},
		{"2Ti", UINT64_MAX, true, (uint64_t)2 << 40},
		{"0Ti", UINT64_MAX, true, 0},
		{"1Ki", 1024, true, 1024},
		{"1Ki", 1023, false, 0},
		{"2Ki", 2047, false, 0},
		{"16777215Ti", UINT64_MAX, true, (uint64_t)16777215 << 40},
		{"16777216Ti", UINT64_MAX, false, 0},
		{"18446744073709551615Ki", UINT64_MAX, false, 0},
		{"1K", UINT64_MAX, false, 0},
		{"1ki", UINT64_MAX, false, 0},
		{"1KI", UINT64_MAX, false, 0},
		{"1Pi", UINT64_MAX, false, 0},
		{"1MiB", UINT64_MAX, false, 0},
		{"1 Mi", UINT64_MAX, false, 0},
		{"Mi", UINT64_MAX, false, 0},
		{"-1Mi", UINT64_MAX, false, 0},
		{"1.5Gi", UINT64_MAX, false, 0},
		{"01Ki", UINT64_MAX, false, 0},
		{"", UINT64_MAX, false, 0},
		{NULL, UINT64_MAX, false, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t v = 77;
		bool good = num_size(rows[i].text, rows[i].max, &v);

		ok(good == rows[i].good && v == (good ? rows[i].want : 77), "num_size \"%s\"",
			rows[i].text ? rows[i].text : "(null)");
	}
}

int main(void)
{
	test_u64();
	test_i64();
	test_size();
	return tap_done();
}

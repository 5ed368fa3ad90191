/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Session-Expires (RFC 4028) */
#include "core_expires.h"
#include "unit.h"

static const struct row
{
	str value;
	uint32_t seconds;
} rows[] = {
		/* clang-format off */
		{BYTES("1800"),                     1800},
		{BYTES("90;refresher=uac"),         90},
		{BYTES("90 ; refresher=uas;x=1"),   90},
		{BYTES("90\t;x"),                   90},
		{BYTES("90\r\n ;refresher=uac"),    90},
		{BYTES("90 \r\n\t ;x"),             90},
		{BYTES("90;\r\n refresher=uac"),    90},
		{BYTES("90\r\n"),                   90},
		{BYTES("90\r\n 1"),                 0},
		{BYTES("0090"),                     90},
		{BYTES("1000000000"),               1000000000},
		{BYTES("1000000001"),               0},
		{BYTES("4294967386"),               0},
		{BYTES("18446744073709551706"),     0},
		{BYTES("99999999999999999999999"),  0},
		{BYTES("0"),                        0},
		{BYTES(""),                         0},
		{BYTES(";refresher=uac"),           0},
		{BYTES("-90"),                      0},
		{BYTES("+90"),                      0},
		{BYTES("90s"),                      0},
		{BYTES("90.5"),                     0},
		{BYTES("90, 180"),                  0},
		{BYTES("90 180"),                   0},
		{BYTES("90\0"),                     0},
		/* clang-format on */
};

static void values(void **state)
{
	char row[32];
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(rows); i++) {
		str value = unit_copy(rows[i].value.s, (size_t)rows[i].value.len);

		snprintf(row, sizeof(row), "%s", rows[i].value.s);
		unit_expect_int(
				row, "seconds", irl_expires_read(&value), rows[i].seconds);
		free(value.s);
	}
}

/* A second is not over before the next but one begins. */
static void not_too_early(void **state)
{
	(void)state;
	assert_int_equal(irl_expires_at(0, 1700000000), 0);
	assert_int_equal(irl_expires_at(90, 1700000000), 1700000091);
	assert_true(irl_expires_at(IRL_EXPIRES_MAX, 3000000000u) > 3000000000u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(values),
			cmocka_unit_test(not_too_early),
	};

	return cmocka_run_group_tests_name("expires", tests, NULL, NULL);
}

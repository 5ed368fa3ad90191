/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CSeq numbers of a direction: RFC 3261 8.1.1.5, 12.2.1.1, 12.2.2 */
#include <errno.h>

#include "core_cseq.h"
#include "unit.h"

#define UNTOUCHED 4711u

static const struct parse_row
{
	const char *row;
	str digits;
	int rc;
	uint32_t number;
} parse_rows[] = {
		/* clang-format off */
		{"zero",                   BYTES("0"),           0, 0},
		{"one",                    BYTES("1"),           0, 1},
		{"leading zeros",          BYTES("0000000000000000000000042"), 0, 42},
		{"the highest stored",     BYTES("2147483646"),  0, 2147483646u},
		{"no legal successor",     BYTES("2147483647"),  EOVERFLOW, 0},
		{"2^31",                   BYTES("2147483648"),  EOVERFLOW, 0},
		{"2^32 - 1",               BYTES("4294967295"),  EOVERFLOW, 0},
		{"2^32",                   BYTES("4294967296"),  EOVERFLOW, 0},
		{"2^32 + 5 is not 5",      BYTES("4294967301"),  EOVERFLOW, 0},
		{"2^64 + 5 is not 5",      BYTES("18446744073709551621"),
				EOVERFLOW, 0},
		{"40 digits",              BYTES("9999999999999999999999999999999999"
										 "999999"), EOVERFLOW, 0},
		{"empty",                  BYTES(""),            EINVAL, 0},
		{"a space",                BYTES(" "),           EINVAL, 0},
		{"space before",           BYTES(" 1"),          EINVAL, 0},
		{"space after",            BYTES("1 "),          EINVAL, 0},
		{"plus",                   BYTES("+1"),          EINVAL, 0},
		{"minus",                  BYTES("-1"),          EINVAL, 0},
		{"hexadecimal",            BYTES("0x10"),        EINVAL, 0},
		{"method and all",         BYTES("1 INVITE"),    EINVAL, 0},
		{"decimal point",          BYTES("1.0"),         EINVAL, 0},
		{"a zero byte",            BYTES("1\0002"),      EINVAL, 0},
		{"the byte below '0'",     BYTES("1/"),          EINVAL, 0},
		{"the byte above '9'",     BYTES("1:"),          EINVAL, 0},
		{"a byte above 127",       BYTES("1\xb2"),       EINVAL, 0},
		/* clang-format on */
};

static void parse(void **state)
{
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(parse_rows); i++) {
		const struct parse_row *r = &parse_rows[i];
		str digits = unit_copy(r->digits.s, (size_t)r->digits.len);
		uint32_t number = UNTOUCHED;

		unit_expect_int(
				r->row, "result", irl_cseq_parse(&digits, &number), r->rc);
		unit_expect_int(
				r->row, "number", number, r->rc ? UNTOUCHED : r->number);
		free(digits.s);
	}
}

/* What tells an INVITE from another is any number that fits. */
static void any_number(void **state)
{
	size_t i;
	static const struct
	{
		str digits;
		uint32_t number;
	} rows[] = {
			{BYTES("0"), 0},
			{BYTES("2147483646"), 2147483646u},
			{BYTES("2147483647"), 2147483647u},
			{BYTES("4294967294"), 4294967294u},
			{BYTES("4294967295"), 4294967294u},
			{BYTES("4294967296"), 4294967294u},
			{BYTES("18446744073709551621"), 4294967294u},
			{BYTES(""), IRL_CSEQ_NONE},
			{BYTES("1x"), IRL_CSEQ_NONE},
	};

	(void)state;
	for(i = 0; i < COUNT(rows); i++)
		unit_expect_int(rows[i].digits.s, "number",
				irl_cseq_any(&rows[i].digits), rows[i].number);
	assert_int_equal(irl_cseq_stored(0), 0);
	assert_int_equal(irl_cseq_stored(1), 1);
	assert_int_equal(irl_cseq_stored(IRL_CSEQ_MAX), IRL_CSEQ_MAX);
	assert_int_equal(irl_cseq_stored(IRL_CSEQ_MAX + 1u), IRL_CSEQ_MAX);
	assert_int_equal(irl_cseq_stored(UINT32_MAX), IRL_CSEQ_MAX);
}

static void parse_negative_length(void **state)
{
	str digits = {"1", -1};
	uint32_t number = UNTOUCHED;

	(void)state;
	assert_int_equal(irl_cseq_parse(&digits, &number), EINVAL);
	assert_int_equal(number, UNTOUCHED);
}

/* Requests of one side, in the order they came by; the highest counts. */
static const struct note_row
{
	const char *row;
	int n;
	uint32_t seen[5];
	uint32_t highest;
	uint32_t bye;
} note_rows[] = {
		/* clang-format off */
		{"the INVITE alone",           1, {1},                1, 2},
		{"zero is legal",              1, {0},                0, 1},
		{"ascending",                  3, {1, 2, 3},          3, 4},
		{"a gap",                      2, {1, 1000},       1000, 1001},
		{"a stale one never lowers",   3, {7, 9, 8},          9, 10},
		{"zero after others",          2, {5, 0},             5, 6},
		{"the same again",             3, {5, 5, 5},          5, 6},
		{"up to the highest",          2, {1, 2147483646u}, 2147483646u,
				2147483647u},
		{"stale after the highest",    2, {2147483646u, 1}, 2147483646u,
				2147483647u},
		/* clang-format on */
};

static void note(void **state)
{
	size_t i;
	int k;

	(void)state;
	for(i = 0; i < COUNT(note_rows); i++) {
		const struct note_row *r = &note_rows[i];
		uint32_t next = 0;

		for(k = 0; k < r->n; k++)
			irl_cseq_note(&next, r->seen[k]);
		unit_expect_int(r->row, "highest", irl_cseq_highest(next), r->highest);
		/* whatever the random number is, it is not used */
		unit_expect_int(r->row, "BYE", irl_cseq_use(next, 0), r->bye);
		unit_expect_int(r->row, "BYE", irl_cseq_use(next, UINT32_MAX), r->bye);
	}
}

static void nothing_seen(void **state)
{
	(void)state;
	assert_int_equal(irl_cseq_highest(0), 0);
}

/* A direction without a CSeq: random, within the valid range, with room for
 * the try after a 500. */
static void random_number(void **state)
{
	static const uint32_t borders[] = {0, 1, 2, 0x7fffffffu, 0x80000000u,
			0xfffffffeu, 0xffffffffu, IRL_CSEQ_STORED_MAX - 1u,
			IRL_CSEQ_STORED_MAX, IRL_CSEQ_STORED_MAX - IRL_CSEQ_RETRY_STEP,
			IRL_CSEQ_STORED_MAX - IRL_CSEQ_RETRY_STEP - 1u};
	uint32_t rnd = 0, number;
	int i;

	(void)state;
	for(i = 0; i < 200000; i++) {
		rnd = i < (int)COUNT(borders) ? borders[i]
									  : rnd * 1664525u + 1013904223u;
		number = irl_cseq_use(0, rnd);
		assert_in_range(number, 1, IRL_CSEQ_MAX - IRL_CSEQ_RETRY_STEP);
		assert_int_equal(irl_cseq_retry(number), number + IRL_CSEQ_RETRY_STEP);
	}
	assert_int_not_equal(irl_cseq_use(0, 1), irl_cseq_use(0, 2));
}

static const struct retry_row
{
	uint32_t sent, again;
} retry_rows[] = {
		{1, 10001},
		{2, 10002},
		{2147473647u, 2147483647u},
		{2147473648u, 2147483647u},
		{2147483646u, 2147483647u},
		{2147483647u, 2147483647u},
};

static void retry(void **state)
{
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(retry_rows); i++)
		assert_int_equal(
				irl_cseq_retry(retry_rows[i].sent), retry_rows[i].again);
}

static void the_next(void **state)
{
	(void)state;
	assert_int_equal(irl_cseq_next(0), 1);
	assert_int_equal(irl_cseq_next(105), 106);
	assert_int_equal(irl_cseq_next(IRL_CSEQ_MAX - 1), IRL_CSEQ_MAX);
	assert_int_equal(irl_cseq_next(IRL_CSEQ_MAX), IRL_CSEQ_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(parse),
			cmocka_unit_test(any_number),
			cmocka_unit_test(parse_negative_length),
			cmocka_unit_test(note),
			cmocka_unit_test(nothing_seen),
			cmocka_unit_test(random_number),
			cmocka_unit_test(retry),
			cmocka_unit_test(the_next),
	};

	return cmocka_run_group_tests_name("cseq", tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the releases of a job add up to */
#include <limits.h>
#include <string.h>

#include "core_tally.h"
#include "unit.h"

static struct irl_tally tally;

static uint32_t count_of(enum irl_leg_id leg, int code)
{
	int i;

	for(i = 0; i < tally.ncodes; i++) {
		if(tally.codes[i].leg == leg && tally.codes[i].code == code)
			return tally.codes[i].count;
	}
	return 0;
}

/* Each by itself, of each leg, in the order of their first. */
static void each_code(void **state)
{
	(void)state;
	memset(&tally, 0, sizeof(tally));
	irl_tally_add(&tally, IRL_CALLEE, 481);
	irl_tally_add(&tally, IRL_CALLER, 200);
	irl_tally_add(&tally, IRL_CALLEE, 200);
	irl_tally_add(&tally, IRL_CALLEE, 481);
	assert_int_equal(tally.ncodes, 3);
	assert_int_equal(tally.codes[0].code, 481);
	assert_int_equal(count_of(IRL_CALLEE, 481), 2);
	assert_int_equal(count_of(IRL_CALLER, 200), 1);
	assert_int_equal(count_of(IRL_CALLEE, 200), 1);
	assert_int_equal(count_of(IRL_CALLER, 481), 0);
}

/* Those beyond are counted by their leg, and change no other's count. */
static void beyond_the_last(void **state)
{
	int code, n;

	(void)state;
	memset(&tally, 0, sizeof(tally));
	for(n = 0; n < 2; n++) {
		for(code = 400; code < 460; code++)
			irl_tally_add(&tally, IRL_CALLER, code);
		irl_tally_add(&tally, IRL_CALLEE, 200);
	}
	assert_int_equal(tally.ncodes, IRL_TALLY_CODES);
	for(code = 400; code < 460; code++)
		assert_int_equal(count_of(IRL_CALLER, code), code < 448 ? 2 : 0);
	assert_int_equal(tally.others[IRL_CALLER], 24);
	assert_int_equal(tally.others[IRL_CALLEE], 2);
}

static const struct
{
	const char *row;
	uint64_t elapsed_ms;
	uint32_t done, left;
	int ms;
} times[] = {
		/* clang-format off */
		{"nothing to do",            0,      0, 0,       0},
		{"none left",             1000,    100, 0,       0},
		{"none done yet",         5000,      0, 25000,  -1},
		{"at once",                  0,      0, 1,      -1},
		{"half of it",            1000,    100, 100,  1000},
		{"less than a millisecond",  1,    100, 10,      0},
		{"24 days", 30000, 1, 71000,           2130000000},
		{"69 days", 30000, 1, 199999,             INT_MAX},
		{"the most", UINT64_MAX, 1, UINT32_MAX,   INT_MAX},
		/* clang-format on */
};

static void time_left(void **state)
{
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(times); i++)
		unit_expect_int(times[i].row, "ms",
				irl_time_left(
						times[i].elapsed_ms, times[i].done, times[i].left),
				times[i].ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(each_code),
			cmocka_unit_test(beyond_the_last),
			cmocka_unit_test(time_left),
	};

	return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}

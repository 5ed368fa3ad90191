/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the releases of a job add up to */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(each_code),
			cmocka_unit_test(beyond_the_last),
	};

	return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}

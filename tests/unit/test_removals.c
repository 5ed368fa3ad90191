/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of rows to be removed: in their order, up to a bound. */
#include <stdio.h>
#include <stdlib.h>

#include "core_removals.h"
#include "unit.h"

static struct irl_uid uid_of(size_t n)
{
	struct irl_uid uid;

	snprintf(uid.s, sizeof(uid.s), "%032zx", n);
	return uid;
}

static void fills_and_drops(struct irl_removals *list, size_t n, size_t max)
{
	size_t i, fits = n < max ? n : max;
	struct irl_uid uid;

	for(i = 0; i < n; i++) {
		uid = uid_of(i);
		assert_int_equal(irl_removals_add(list, &uid, max), i < max);
	}
	assert_int_equal(list->count, fits);
	assert_int_equal(list->dropped, n - fits);
	for(i = 0; i < fits; i++) {
		uid = uid_of(i);
		assert_string_equal(list->uid[i].s, uid.s);
	}
	free(list->uid);
}

static void bounds(void **state)
{
	static const size_t rows[][2] = {{0, 10}, {1, 10}, {10, 10}, {11, 10},
			{1024, 1024}, {1025, 1024}, {1025, 3000}, {2999, 3000},
			{4000, 3000}, {5000, 100000}, {5, 0}};
	struct irl_removals list;
	size_t i;

	for(i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&list, 0, sizeof(list));
		fills_and_drops(&list, rows[i][0], rows[i][1]);
	}
}

/* What was removed makes room again. */
static void room_again(void **state)
{
	struct irl_removals list = {NULL, 0, 0, 0};
	struct irl_uid uid = uid_of(1);

	assert_true(irl_removals_add(&list, &uid, 1));
	assert_false(irl_removals_add(&list, &uid, 1));
	list.count = 0;
	list.dropped = 0;
	assert_true(irl_removals_add(&list, &uid, 1));
	assert_int_equal(list.dropped, 0);
	free(list.uid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(bounds),
			cmocka_unit_test(room_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

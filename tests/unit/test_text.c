/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one block of a session's strings */
#include <errno.h>

#include "core_text.h"
#include "unit.h"

static char filler[70000];

static str filled(size_t len, char c)
{
	str v = {filler, (int)len};

	memset(filler, c, len);
	return v;
}

static int setup(void **state)
{
	(void)state;
	unit_mem_reset(0);
	return 0;
}

static int set(struct irl_block *b, struct irl_text *t, const char *s)
{
	str v = unit_str(s);

	return irl_text_set(b, t, &v);
}

static void expect(
		const struct irl_block *b, struct irl_text t, const char *want)
{
	unit_expect_str("text", "value", irl_text_get(b, t), want);
}

static void no_text(void **state)
{
	struct irl_block b = {0};
	struct irl_text t = {0};
	str none = {NULL, 0}, negative = {"x", -1};

	(void)state;
	/* %.*s and memcmp() take it as it is */
	assert_non_null(irl_text_get(&b, t).s);
	assert_int_equal(irl_text_get(&b, t).len, 0);
	assert_int_equal(irl_text_set(&b, &t, &none), 0);
	assert_int_equal(irl_text_set(&b, &t, &negative), 0);
	assert_int_equal(irl_text_get(&b, t).len, 0);
	assert_int_equal(unit_mem_asked(), 0);
	irl_block_free(&b);
}

/* A value, then others: in place as long as they fit. */
static const struct place_row
{
	const char *row;
	const char *first, *second;
	int in_place;
} place_rows[] = {
		{"the same", "sip:a@b", "sip:a@b", 1},
		{"as long", "sip:a@b", "sip:c@d", 1},
		{"shorter", "sip:a@b", "sip:c", 1},
		{"empty", "sip:a@b", "", 1},
		{"longer by one", "sip:a@b", "sip:a@bc", 0},
		{"longer", "sip:a@b", "sip:alice@example.com;transport=tcp", 0},
		{"from empty", "", "sip:a@b", 0},
};

static void in_place(void **state)
{
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(place_rows); i++) {
		const struct place_row *r = &place_rows[i];
		struct irl_block b = {0};
		struct irl_text before = {0}, t = {0}, behind = {0};
		uint16_t used;

		assert_int_equal(set(&b, &before, "before"), 0);
		assert_int_equal(set(&b, &t, r->first), 0);
		assert_int_equal(set(&b, &behind, "behind"), 0);
		used = b.used;
		assert_int_equal(set(&b, &t, r->second), 0);
		unit_expect_int(r->row, "in place", b.used == used, r->in_place);
		expect(&b, before, "before");
		expect(&b, t, r->second);
		expect(&b, behind, "behind");
		/* back again always fits */
		used = b.used;
		assert_int_equal(set(&b, &t, r->first), 0);
		assert_int_equal(b.used, used);
		expect(&b, t, r->first);
		expect(&b, behind, "behind");
		irl_block_free(&b);
		assert_null(b.s);
		assert_int_equal(b.size, 0);
		assert_int_equal(unit_mem_live(), 0);
	}
}

/* The block moves, its texts stay. */
static void growth(void **state)
{
	struct irl_block b = {0};
	struct irl_text t[100] = {{0}};
	char want[64];
	int i, k;

	(void)state;
	for(i = 0; i < (int)COUNT(t); i++) {
		snprintf(want, sizeof(want), "text number %d of the block", i);
		assert_int_equal(set(&b, &t[i], want), 0);
		for(k = 0; k <= i; k++) {
			snprintf(want, sizeof(want), "text number %d of the block", k);
			expect(&b, t[k], want);
		}
	}
	assert_int_equal(unit_mem_live(), 1);
	irl_block_free(&b);
	assert_int_equal(unit_mem_live(), 0);
}

/* Peers that change their contacts for ever do not use a session's text up:
 * what outgrown values waste stays below what is in use. */
static void alternating(void **state)
{
	enum
	{
		LONGEST = 1024
	};
	struct irl_block b = {0};
	struct irl_text t[2] = {{0}};
	uint32_t rnd = 1;
	size_t len;
	str got;
	int i;

	(void)state;
	for(i = 0; i < 100000; i++) {
		rnd = rnd * 1664525u + 1013904223u;
		/* at first ever longer by one, then anything */
		len = i < 2 * LONGEST ? (size_t)i / 2 + 1 : 1 + (rnd >> 8) % LONGEST;
		str v = filled(len, (char)('a' + i % 26));
		assert_int_equal(irl_text_set(&b, &t[i % 2], &v), 0);
		got = irl_text_get(&b, t[i % 2]);
		assert_true(irl_str_eq(&got, &v));
		assert_true(b.used <= 2 * (t[0].cap + t[1].cap));
	}
	assert_true(t[0].cap < 2 * LONGEST && t[1].cap < 2 * LONGEST);
	assert_true(unit_mem_asked() < 64);
	irl_block_free(&b);
}

static const struct overflow_row
{
	const char *row;
	size_t there, more;
	int rc;
} overflow_rows[] = {
		{"all of it", 0, IRL_BLOCK_MAX, 0},
		{"one more", 0, IRL_BLOCK_MAX + 1, EOVERFLOW},
		{"the last byte", IRL_BLOCK_MAX - 1, 1, 0},
		{"one beyond", IRL_BLOCK_MAX - 1, 2, EOVERFLOW},
		{"full", IRL_BLOCK_MAX, 1, EOVERFLOW},
		{"full, and nothing more", IRL_BLOCK_MAX, 0, 0},
		{"2^16 is not 0", 100, 65536, EOVERFLOW},
		{"2^16 + 1 is not 1", 100, 65537, EOVERFLOW},
};

static void overflow(void **state)
{
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(overflow_rows); i++) {
		const struct overflow_row *r = &overflow_rows[i];
		struct irl_block b = {0};
		struct irl_text there = {0}, more = {0};
		str v = filled(r->there, 'a'), got;

		assert_int_equal(irl_text_set(&b, &there, &v), 0);
		v = filled(r->more, 'b');
		unit_expect_int(r->row, "result", irl_text_set(&b, &more, &v), r->rc);
		got = irl_text_get(&b, more);
		unit_expect_int(r->row, "length", got.len, r->rc ? 0 : (int)r->more);
		got = irl_text_get(&b, there);
		v = filled(r->there, 'a');
		assert_true(irl_str_eq(&got, &v));
		irl_block_free(&b);
	}
}

/* Whatever refuses it, the old value stays. */
static void old_value_stays(void **state)
{
	struct irl_block b = {0};
	struct irl_text t = {0};
	str v;

	(void)state;
	assert_int_equal(set(&b, &t, "sip:a@b"), 0);
	v = filled(IRL_BLOCK_MAX, 'x');
	assert_int_equal(irl_text_set(&b, &t, &v), EOVERFLOW);
	expect(&b, t, "sip:a@b");
	unit_mem_refuse(1);
	v = filled(2000, 'x');
	assert_int_equal(irl_text_set(&b, &t, &v), ENOMEM);
	expect(&b, t, "sip:a@b");
	assert_int_equal(set(&b, &t, "sip:c"), 0);
	expect(&b, t, "sip:c");
	unit_mem_refuse(0);
	assert_int_equal(irl_text_set(&b, &t, &v), 0);
	assert_int_equal(irl_text_get(&b, t).len, 2000);
	irl_block_free(&b);
	assert_int_equal(unit_mem_live(), 0);
}

static void first_allocation_refused(void **state)
{
	struct irl_block b = {0};
	struct irl_text t = {0};

	(void)state;
	unit_mem_reset(1);
	assert_int_equal(set(&b, &t, "sip:a@b"), ENOMEM);
	assert_int_equal(irl_text_get(&b, t).len, 0);
	assert_int_equal(set(&b, &t, "sip:a@b"), 0);
	expect(&b, t, "sip:a@b");
	irl_block_free(&b);
}

static void copy_block(void **state)
{
	struct irl_block b = {0}, copy;
	struct irl_text t = {0};

	(void)state;
	assert_int_equal(irl_block_copy(&copy, &b), 0);
	assert_null(copy.s);
	assert_int_equal(set(&b, &t, "sip:a@b"), 0);
	unit_mem_refuse(1);
	assert_int_equal(irl_block_copy(&copy, &b), ENOMEM);
	assert_null(copy.s);
	assert_int_equal(copy.used, 0);
	unit_mem_refuse(0);
	assert_int_equal(irl_block_copy(&copy, &b), 0);
	assert_ptr_not_equal(copy.s, b.s);
	assert_int_equal(copy.used, b.used);
	assert_int_equal(copy.size, b.size);
	assert_int_equal(set(&b, &t, "sip:c@d"), 0);
	expect(&copy, t, "sip:a@b");
	irl_block_free(&b);
	expect(&copy, t, "sip:a@b");
	irl_block_free(&copy);
	assert_int_equal(unit_mem_live(), 0);
}

static void equal(void **state)
{
	static const struct
	{
		str a, b;
		int eq;
	} rows[] = {
			{BYTES("a"), BYTES("a"), 1},
			{BYTES("a"), BYTES("A"), 0},
			{BYTES("a"), BYTES("ab"), 0},
			{BYTES("a\0b"), BYTES("a\0b"), 1},
			{BYTES("a\0b"), BYTES("a\0c"), 0},
			{{NULL, 0}, BYTES(""), 1},
			{{NULL, 0}, {NULL, 0}, 1},
			{{NULL, 0}, BYTES("a"), 0},
	};
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(rows); i++) {
		assert_int_equal(irl_str_eq(&rows[i].a, &rows[i].b), rows[i].eq);
		assert_int_equal(irl_str_eq(&rows[i].b, &rows[i].a), rows[i].eq);
	}
}

static void cut_at_a_character(void **state)
{
	static const struct
	{
		const char *row;
		str text;
		int most, cut;
	} rows[] = {
			{"it fits", BYTES("abc"), 3, 3},
			{"ASCII", BYTES("abcd"), 3, 3},
			{"between two", BYTES("\xc3\xa9\xc3\xa9"), 2, 2},
			{"within two bytes", BYTES("a\xc3\xa9"), 2, 1},
			{"within three", BYTES("a\xe2\x82\xac"), 3, 1},
			{"within four", BYTES("a\xf0\x9f\x98\x80"), 4, 1},
			{"nothing is left", BYTES("\xf0\x9f\x98\x80"), 3, 0},
			{"no room", BYTES("abc"), 0, 0},
			{"no UTF-8", BYTES("a\x80\x80\x80\x80\x80\x80"), 5, 5},
	};
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(rows); i++)
		unit_expect_int(rows[i].row, "cut",
				irl_text_cut(&rows[i].text, rows[i].most), rows[i].cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(cut_at_a_character),
			cmocka_unit_test_setup(no_text, setup),
			cmocka_unit_test_setup(in_place, setup),
			cmocka_unit_test_setup(growth, setup),
			cmocka_unit_test_setup(alternating, setup),
			cmocka_unit_test_setup(overflow, setup),
			cmocka_unit_test_setup(old_value_stays, setup),
			cmocka_unit_test_setup(first_allocation_refused, setup),
			cmocka_unit_test_setup(copy_block, setup),
			cmocka_unit_test_setup(equal, setup),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of Record-Routes: RFC 3261 12.1, 16.6; double ones: RFC 5658 */
#include <errno.h>

#include "core_route_set.h"
#include "core_session.h"
#include "unit.h"

/* The list is written as it stands, the caller's end first:
 * o  ours, o2  ours of a pair, x2  a pair of others, s  a strict router */
static const struct
{
	const char *sign, *route;
} signs[] = {
		{"a", "<sip:a.example;lr>"},
		{"b", "<sip:b.example;lr>"},
		{"c", "<sip:c.example;lr>"},
		{"d", "<sip:d.example;lr>"},
		{"s", "<sip:strict.example>"},
		{"o", "<sip:scscf.example;lr>"},
		{"o2", "<sip:scscf.example;r2=on;lr>"},
		{"O2", "<sip:scscf.example:5061;transport=tcp;lr;R2=ON>"},
		{"x2", "<sip:x.example;r2=on;lr>"},
		{"or20", "<sip:scscf.example;r2=only;lr>"},
		{"oxr2", "<sip:scscf.example;xr2=on;lr>"},
		{"o2u", "<sip:r2=on@scscf.example;lr>"},
};

static const char *route_of(const char *sign, size_t len)
{
	size_t i;

	for(i = 0; i < COUNT(signs); i++) {
		if(strlen(signs[i].sign) == len && !memcmp(signs[i].sign, sign, len))
			return signs[i].route;
	}
	fail_msg("no such sign: %s", sign);
	return NULL;
}

static int parse(const char *list, str *routes)
{
	int n = 0;
	size_t len;

	for(; *list; list += len + strspn(list + len, " ")) {
		len = strcspn(list, " ");
		routes[n++] = unit_str(route_of(list, len));
	}
	return n;
}

static int is_own(const str *route)
{
	static const char ours[] = "scscf.example";
	int i, len = (int)sizeof(ours) - 1;

	for(i = 0; i + len <= route->len; i++) {
		if(!memcmp(route->s + i, ours, (size_t)len))
			return 1;
	}
	return 0;
}

static const struct own_row
{
	const char *row, *list;
	int at, own;
} own_rows[] = {
		/* clang-format off */
		{"no routes",                  "",            0, 0},
		{"ours alone",                 "o",           0, 1},
		{"ours in the middle",         "a o b",       1, 1},
		{"ours last",                  "a o",         1, 1},
		{"not record-routed",          "a b",         1, 0},
		{"at the end of the list",     "a b",         2, 0},
		{"behind the end",             "a b",         7, 0},
		{"ours, but elsewhere",        "o a b",       1, 0},
		{"a pair",                     "a o2 O2 b",   1, 2},
		{"a pair alone",               "o2 O2",       0, 2},
		{"a pair last",                "a o2 O2",     1, 2},
		{"half of a pair, last",       "a o2",        1, 1},
		{"half of a pair, then other", "a o2 b",      1, 1},
		{"half of a pair, then ours",  "a o2 o b",    1, 1},
		{"ours, then half of a pair",  "a o o2 b",    1, 1},
		{"then a pair of others",      "a o2 x2 x2",  1, 1},
		{"a pair of others",           "a x2 x2 b",   1, 0},
		{"two passes, one each",       "a o o b",     1, 1},
		{"one, then a pair",           "a o o2 O2",   1, 1},
		{"a pair, then one",           "a o2 O2 o",   1, 2},
		{"two pairs, the first",       "o2 O2 o2 O2", 0, 2},
		{"two pairs, the second",      "o2 O2 o2 O2", 2, 2},
		{"r2=only is not r2=on",       "or20 or20",   0, 1},
		{"xr2=on is not r2=on",        "oxr2 oxr2",   0, 1},
		{"r2=on as the user part",     "o2u o2u",     0, 1},
		/* clang-format on */
};

static void own(void **state)
{
	str routes[IRL_ROUTES_MAX];
	size_t i;
	int n;

	(void)state;
	for(i = 0; i < COUNT(own_rows); i++) {
		const struct own_row *r = &own_rows[i];

		n = parse(r->list, routes);
		unit_expect_int(r->row, "own", irl_routes_own(routes, n, r->at, is_own),
				r->own);
	}
}

#define TO_CALLER 0
#define TO_CALLEE 1
#define OUTWARDS 0
#define THROUGH_US 1

static const struct towards_row
{
	const char *row, *list;
	int at, own, to_callee, through_us;
	const char *route; /* the Route header */
} towards_rows[] = {
		/* clang-format off */
		{"no routes",           "",          0, 0, TO_CALLEE, OUTWARDS,   ""},
		{"no routes",           "",          0, 0, TO_CALLER, OUTWARDS,   ""},
		{"no routes",           "",          0, 0, TO_CALLEE, THROUGH_US, ""},
		{"no routes",           "",          0, 0, TO_CALLER, THROUGH_US, ""},
		{"ours alone",          "o",         0, 1, TO_CALLEE, OUTWARDS,   ""},
		{"ours alone",          "o",         0, 1, TO_CALLER, OUTWARDS,   ""},
		{"ours alone",          "o",         0, 1, TO_CALLEE, THROUGH_US, "o"},
		{"ours alone",          "o",         0, 1, TO_CALLER, THROUGH_US, "o"},
		{"in the middle", "a b o c d",  2, 1, TO_CALLEE, OUTWARDS,   "c d"},
		{"in the middle", "a b o c d",  2, 1, TO_CALLER, OUTWARDS,   "b a"},
		{"in the middle", "a b o c d",  2, 1, TO_CALLEE, THROUGH_US, "o c d"},
		{"in the middle", "a b o c d",  2, 1, TO_CALLER, THROUGH_US, "o b a"},
		{"a pair", "a o2 O2 b",   1, 2, TO_CALLEE, OUTWARDS,   "b"},
		{"a pair", "a o2 O2 b",   1, 2, TO_CALLER, OUTWARDS,   "a"},
		{"a pair", "a o2 O2 b",   1, 2, TO_CALLEE, THROUGH_US, "o2 O2 b"},
		{"a pair", "a o2 O2 b",   1, 2, TO_CALLER, THROUGH_US, "O2 o2 a"},
		{"not ours", "a b c",     1, 0, TO_CALLEE, OUTWARDS,   "b c"},
		{"not ours", "a b c",     1, 0, TO_CALLER, OUTWARDS,   "a"},
		{"not ours", "a b c",     1, 0, TO_CALLEE, THROUGH_US, "b c"},
		{"not ours", "a b c",     1, 0, TO_CALLER, THROUGH_US, "a"},
		{"the first of three passes", "a o b o c o d", 1, 1,
				TO_CALLEE, THROUGH_US, "o b o c o d"},
		{"the last of three passes", "a o b o c o d", 5, 1,
				TO_CALLER, THROUGH_US, "o c o b o a"},
		{"the last, outwards", "a o b o c o d", 5, 1,
				TO_CALLEE, OUTWARDS, "d"},
		{"strict routers stay", "s a o b s", 2, 1,
				TO_CALLEE, OUTWARDS, "b s"},
		{"strict routers stay", "s a o b s", 2, 1,
				TO_CALLER, THROUGH_US, "o a s"},
		{"fewer in the 2xx than in the INVITE", "a b", 7, 0,
				TO_CALLEE, THROUGH_US, ""},
		{"fewer in the 2xx than in the INVITE", "a b", 7, 0,
				TO_CALLER, OUTWARDS, "b a"},
		/* clang-format on */
};

static void towards(void **state)
{
	str routes[IRL_ROUTES_MAX], out[IRL_ROUTES_MAX], want[IRL_ROUTES_MAX];
	size_t i;
	int n, k;

	(void)state;
	for(i = 0; i < COUNT(towards_rows); i++) {
		const struct towards_row *r = &towards_rows[i];

		n = parse(r->list, routes);
		n = irl_routes_towards(
				routes, n, r->at, r->own, r->to_callee, r->through_us, out);
		unit_expect_int(r->row, "entries", n, parse(r->route, want));
		for(k = 0; k < n; k++)
			unit_expect_str(r->row, "entry", out[k], want[k].s);
	}
}

static void pack_and_unpack(void **state)
{
	static const char *const lists[] = {"", "a", "a o b", "a o2 O2 b s",
			"a b c d a b c d a b c d a b c d a b c d a b c d a b c d a b c d"};
	str routes[IRL_ROUTES_MAX], back[IRL_ROUTES_MAX];
	char buf[IRL_ROUTES_BYTES];
	str packed = {buf, -1};
	size_t i;
	int n, k;

	(void)state;
	for(i = 0; i < COUNT(lists); i++) {
		n = parse(lists[i], routes);
		assert_int_equal(
				irl_routes_pack(routes, n, buf, sizeof(buf), &packed.len), 0);
		unit_expect_int(
				lists[i], "entries", irl_routes_unpack(&packed, back), n);
		for(k = 0; k < n; k++)
			assert_true(irl_str_eq(&routes[k], &back[k]));
	}
}

static void pack_an_empty_entry(void **state)
{
	str routes[3] = {BYTES("a"), BYTES(""), BYTES("b")}, back[IRL_ROUTES_MAX];
	char buf[16];
	str packed = {buf, -1};

	(void)state;
	assert_int_equal(
			irl_routes_pack(routes, 3, buf, sizeof(buf), &packed.len), 0);
	assert_int_equal(irl_routes_unpack(&packed, back), 3);
	assert_int_equal(back[1].len, 0);
	unit_expect_str("empty", "last", back[2], "b");
}

static void pack_limits(void **state)
{
	static char big[0x10000];
	str routes[IRL_ROUTES_MAX + 1];
	char buf[IRL_ROUTES_MAX * 4];
	int i, len = -1;

	(void)state;
	for(i = 0; i <= IRL_ROUTES_MAX; i++)
		routes[i] = unit_str("ab");
	assert_int_equal(
			irl_routes_pack(routes, IRL_ROUTES_MAX, buf, sizeof(buf), &len), 0);
	assert_int_equal(len, sizeof(buf));
	len = -1;
	/* one byte too little; one entry too many */
	assert_int_equal(
			irl_routes_pack(routes, IRL_ROUTES_MAX, buf, sizeof(buf) - 1, &len),
			EMSGSIZE);
	assert_int_equal(
			irl_routes_pack(routes, IRL_ROUTES_MAX + 1, big, sizeof(big), &len),
			EMSGSIZE);
	/* a length that two bytes do not hold, and none at all */
	routes[0].s = big;
	routes[0].len = 0x10000;
	assert_int_equal(irl_routes_pack(routes, 1, big, SIZE_MAX, &len), EMSGSIZE);
	routes[0].len = -1;
	assert_int_equal(
			irl_routes_pack(routes, 1, buf, sizeof(buf), &len), EMSGSIZE);
	assert_int_equal(len, -1);
}

/* Lengths of 256 and more: both bytes count, none is taken as a sign. */
static void pack_long_entries(void **state)
{
	static const int lengths[] = {127, 128, 255, 256, 257, 4000};
	static char text[4000], buf[4002];
	str route = {text, 0}, back[IRL_ROUTES_MAX], packed = {buf, -1};
	size_t i;

	(void)state;
	memset(text, 'x', sizeof(text));
	for(i = 0; i < COUNT(lengths); i++) {
		route.len = lengths[i];
		assert_int_equal(
				irl_routes_pack(&route, 1, buf, sizeof(buf), &packed.len), 0);
		assert_int_equal(irl_routes_unpack(&packed, back), 1);
		assert_true(irl_str_eq(&route, &back[0]));
	}
}

/* A string that is no list, from a damaged database: nothing beyond it. */
static void unpack_damaged(void **state)
{
	static const struct
	{
		const char *row;
		str packed;
		int n;
	} rows[] = {
			{"nothing", BYTES(""), 0},
			{"half a length", BYTES("\0"), 0},
			{"length and no entry", BYTES("\0\5"), 0},
			{"entry cut off", BYTES("\0\5abcd"), 0},
			{"second cut off", BYTES("\0\1a\0\5abcd"), 1},
			{"a byte left", BYTES("\0\1a\0"), 1},
			{"length above 2^15",
					BYTES("\xff\xff"
						  "abc"),
					0},
	};
	str back[IRL_ROUTES_MAX], packed;
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(rows); i++) {
		packed = unit_copy(rows[i].packed.s, (size_t)rows[i].packed.len);
		unit_expect_int(rows[i].row, "entries",
				irl_routes_unpack(&packed, back), rows[i].n);
		free(packed.s);
	}
}

static void unpack_too_many(void **state)
{
	str packed, back[IRL_ROUTES_MAX];

	(void)state;
	packed.len = 2 * (IRL_ROUTES_MAX + 10);
	packed.s = calloc(1, (size_t)packed.len);
	assert_non_null(packed.s);
	assert_int_equal(irl_routes_unpack(&packed, back), IRL_ROUTES_MAX);
	free(packed.s);
}

static void passes(void **state)
{
	static const struct
	{
		const char *list;
		int passes;
	} rows[] = {
			{"", 0},
			{"a b", 0},
			{"o", 1},
			{"o a o b", 2},
			{"a o o", 2},
			{"o2 O2 a o", 2},
			{"O2 o2 O2 o2", 2},
			{"a o2 O2 x2 x2 o2", 2},
	};
	str list[IRL_ROUTES_MAX];
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(rows); i++)
		unit_expect_int(rows[i].list, "passes",
				irl_routes_passes(list, parse(rows[i].list, list), is_own),
				rows[i].passes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(own),
			cmocka_unit_test(passes),
			cmocka_unit_test(towards),
			cmocka_unit_test(pack_and_unpack),
			cmocka_unit_test(pack_an_empty_entry),
			cmocka_unit_test(pack_limits),
			cmocka_unit_test(pack_long_entries),
			cmocka_unit_test(unpack_damaged),
			cmocka_unit_test(unpack_too_many),
	};

	return cmocka_run_group_tests_name("route_set", tests, NULL, NULL);
}

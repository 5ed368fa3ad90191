/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From and To values as received, without their tag (TS 24.229 5.4.5.1.2) */
#include <errno.h>

#include "core_nameaddr.h"
#include "unit.h"

static const struct untagged_row
{
	const char *row;
	const char *value;
	const char *out;
} untagged_rows[] = {
		/* clang-format off */
		/* where the tag stands */
		{"no tag", "<sip:a@b>", "<sip:a@b>"},
		{"the only parameter", "<sip:a@b>;tag=1", "<sip:a@b>"},
		{"first", "<sip:a@b>;tag=1;x=2;y", "<sip:a@b>;x=2;y"},
		{"in the middle", "<sip:a@b>;x=2;tag=1;y", "<sip:a@b>;x=2;y"},
		{"last", "<sip:a@b>;x=2;y;tag=1", "<sip:a@b>;x=2;y"},
		{"upper case", "<sip:a@b>;TAG=1;x=2", "<sip:a@b>;x=2"},
		{"mixed case", "<sip:a@b>;tAg=1;x=2", "<sip:a@b>;x=2"},
		{"spaces about it", "<sip:a@b>; tag = 1 ;x=2", "<sip:a@b>;x=2"},
		{"space before the semicolon", "<sip:a@b> ;tag=1", "<sip:a@b>"},
		{"no value", "<sip:a@b>;tag;x=2", "<sip:a@b>;x=2"},
		{"empty value", "<sip:a@b>;tag=;x=2", "<sip:a@b>;x=2"},
		{"quoted value", "<sip:a@b>;tag=\"1;2\";x=2", "<sip:a@b>;x=2"},
		{"twice", "<sip:a@b>;tag=1;x=2;tag=3", "<sip:a@b>;x=2"},

		/* what is not the tag */
		{"longer name", "<sip:a@b>;tagged=1;tag=2", "<sip:a@b>;tagged=1"},
		{"name that ends so", "<sip:a@b>;x-tag=1;tag=2", "<sip:a@b>;x-tag=1"},
		{"shorter name", "<sip:a@b>;ta=1;tag=2", "<sip:a@b>;ta=1"},
		{"tag of the URI", "<sip:a@b;tag=u>;tag=1", "<sip:a@b;tag=u>"},
		{"a value", "<sip:a@b>;x=tag;tag=1", "<sip:a@b>;x=tag"},
		{"in a quoted value", "<sip:a@b>;x=\"1;tag=2\";tag=1",
				"<sip:a@b>;x=\"1;tag=2\""},
		{"in a quoted value with an escaped quote",
				"<sip:a@b>;x=\"\\\";tag=2\";tag=1",
				"<sip:a@b>;x=\"\\\";tag=2\""},
		{"other parameters byte for byte",
				"<sip:a@b>;X=%41;y=\"a\\\\\";z=[::1];tag=1;Q",
				"<sip:a@b>;X=%41;y=\"a\\\\\";z=[::1];Q"},

		/* display names */
		{"token", "Alice <sip:a@b>;tag=1", "Alice <sip:a@b>"},
		{"tokens", "Alice  of  Wonder <sip:a@b>;tag=1",
				"Alice  of  Wonder <sip:a@b>"},
		{"quoted", "\"Alice\" <sip:a@b>;tag=1", "\"Alice\" <sip:a@b>"},
		{"quoted, no space", "\"Alice\"<sip:a@b>;tag=1",
				"\"Alice\"<sip:a@b>"},
		{"empty quotes", "\"\" <sip:a@b>;tag=1", "\"\" <sip:a@b>"},
		{"escaped quote", "\"A \\\"B\\\" C\" <sip:a@b>;tag=1",
				"\"A \\\"B\\\" C\" <sip:a@b>"},
		{"backslash at the end", "\"A\\\\\" <sip:a@b>;tag=1",
				"\"A\\\\\" <sip:a@b>"},
		{"bracket in quotes", "\"A <sip:evil@x>\" <sip:a@b>;tag=1",
				"\"A <sip:evil@x>\" <sip:a@b>"},
		{"closing bracket in quotes", "\"A > B\" <sip:a@b>;tag=1",
				"\"A > B\" <sip:a@b>"},
		{"tag in quotes", "\"A;tag=evil\" <sip:a@b>;tag=1",
				"\"A;tag=evil\" <sip:a@b>"},
		{"all of it in quotes", "\"<x>;tag=2\\\";tag=3\" <sip:a@b>;tag=1",
				"\"<x>;tag=2\\\";tag=3\" <sip:a@b>"},
		{"UTF-8", "\"J\xc3\xbcrgen\" <sip:a@b>;tag=1",
				"\"J\xc3\xbcrgen\" <sip:a@b>"},

		/* URIs */
		{"parameters and headers",
				"<sip:+49301;phone-context=x@b;user=phone?Subject=a>;tag=1",
				"<sip:+49301;phone-context=x@b;user=phone?Subject=a>"},
		{"tel", "<tel:+49301;ext=5>;tag=1", "<tel:+49301;ext=5>"},
		{"IPv6", "<sip:a@[2001:db8::1]:5060>;tag=1",
				"<sip:a@[2001:db8::1]:5060>"},
		{"urn", "<urn:service:sos>;tag=1", "<urn:service:sos>"},

		/* addr-spec: brackets are added, parameters are the header's */
		{"addr-spec", "sip:a@b", "<sip:a@b>"},
		{"addr-spec, tag", "sip:a@b;tag=1", "<sip:a@b>"},
		{"addr-spec, tag first", "sip:a@b;tag=1;x=2", "<sip:a@b>;x=2"},
		{"addr-spec, tag last", "sip:a@b;x=2;y;TAG=1", "<sip:a@b>;x=2;y"},
		{"addr-spec, spaces", "  sip:a@b ; tag=1 ", "<sip:a@b>"},
		{"addr-spec, bracket in quotes", "sip:a@b;x=\"<;tag=2\";tag=1",
				"<sip:a@b>;x=\"<;tag=2\""},
		/* tm takes the last '>' for the end of the URI: better no parameter
		 * than a malformed header */
		{"addr-spec, '>' in a parameter", "sip:a@b;x=\"<c>\";y;tag=1",
				"<sip:a@b>;y"},
		{"'>' in a parameter", "<sip:a@b>;x=\">\";y;tag=1", "<sip:a@b>;y"},
		{"tel without brackets", "tel:+49301;tag=1", "<tel:+49301>"},

		/* white space and folding */
		{"around", " \t<sip:a@b>;tag=1 \t", "<sip:a@b>"},
		{"line end behind", "<sip:a@b>;tag=1\r\n", "<sip:a@b>"},
		{"folded before the tag", "<sip:a@b>\r\n ;tag=1", "<sip:a@b>"},
		{"folded in the tag", "<sip:a@b>;x=1;\r\n\ttag\r\n =\r\n 2;y",
				"<sip:a@b>;x=1;y"},
		{"folded display name", "Alice\r\n Smith <sip:a@b>;tag=1",
				"Alice   Smith <sip:a@b>"},
		{"folded before the URI", "\"Alice\"\r\n <sip:a@b>;tag=1",
				"\"Alice\"   <sip:a@b>"},
		{"folded parameters", "<sip:a@b>;x=1\r\n ;y=2;tag=1",
				"<sip:a@b>;x=1   ;y=2"},
		{"addr-spec folded", "sip:a@b\r\n ;tag=1;x", "<sip:a@b>;x"},

		/* no URI */
		{"empty", "", NULL},
		{"blanks", " \t ", NULL},
		{"a line end", "\r\n", NULL},
		{"only a tag", ";tag=1", NULL},
		{"blank and a tag", " ;tag=1", NULL},
		{"empty brackets", "<>;tag=1", NULL},
		{"name and empty brackets", "\"A\" <>;tag=1", NULL},
		{"no closing bracket", "\"A\" <sip:a@b;tag=1", NULL},
		{"only an opening one", "<", NULL},
		/* clang-format on */
};

static void untagged(void **state)
{
	size_t i, size;

	(void)state;
	for(i = 0; i < COUNT(untagged_rows); i++) {
		const struct untagged_row *r = &untagged_rows[i];
		str value, out = {NULL, -1};
		char *buf;

		value = unit_copy(r->value, strlen(r->value));
		size = (size_t)value.len + 2;
		buf = malloc(size);
		assert_non_null(buf);
		unit_expect_int(r->row, "result",
				irl_nameaddr_untagged(&value, buf, size, &out),
				r->out ? 0 : EINVAL);
		if(r->out)
			unit_expect_str(r->row, "value", out, r->out);
		else
			unit_expect_int(r->row, "untouched length", out.len, -1);
		free(buf);
		free(value.s);
	}
}

/* Any buffer: it is enough and used, or EMSGSIZE; never a byte beyond it. */
static void untagged_bounds(void **state)
{
	size_t i, size;

	(void)state;
	for(i = 0; i < COUNT(untagged_rows); i++) {
		const struct untagged_row *r = &untagged_rows[i];
		str value = unit_copy(r->value, strlen(r->value));

		for(size = 1; r->out && size <= (size_t)value.len + 2; size++) {
			char *buf = malloc(size);
			str out = {NULL, -1};

			assert_non_null(buf);
			unit_expect_int(r->row, "result",
					irl_nameaddr_untagged(&value, buf, size, &out),
					size < strlen(r->out) ? EMSGSIZE : 0);
			free(buf);
		}
		free(value.s);
	}
}

/* What a second S-CSCF makes of it is the same. */
static void untagged_twice(void **state)
{
	char first[256], second[256];
	str value, once, twice;
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(untagged_rows); i++) {
		const struct untagged_row *r = &untagged_rows[i];

		if(!r->out)
			continue;
		value = unit_str(r->value);
		assert_int_equal(
				irl_nameaddr_untagged(&value, first, sizeof(first), &once), 0);
		assert_int_equal(
				irl_nameaddr_untagged(&once, second, sizeof(second), &twice),
				0);
		unit_expect_str(r->row, "second time", twice, r->out);
	}
}

static int untagged_result(const char *s)
{
	str value = unit_copy(s, strlen(s)), out;
	char buf[128];
	int rc = irl_nameaddr_untagged(&value, buf, sizeof(buf), &out);

	free(value.s);
	return rc;
}

static void blank_in_brackets_is_no_uri(void **state)
{
	(void)state;
	assert_int_equal(untagged_result("< >;tag=1"), EINVAL);
}

static void display_name_alone_is_no_uri(void **state)
{
	(void)state;
	assert_int_equal(untagged_result("\"Alice\";tag=1"), EINVAL);
}

/* A quote that is never closed hides the brackets, or the tag, and swallows the
 * tag that is printed behind it. */
static void open_quote_is_refused(void **state)
{
	(void)state;
	assert_int_equal(untagged_result("\"Alice <sip:a@b>;tag=1"), EINVAL);
	assert_int_equal(untagged_result("a \"<b>"), EINVAL);
	assert_int_equal(untagged_result("<sip:a@b>;x=\"1;tag=2"), EINVAL);
	assert_int_equal(untagged_result("sip:a@b;x=\"1\\\";tag=2"), EINVAL);
}

/* No URI has a quote, and what it would hide differs from reader to reader. */
static void quote_in_the_uri_is_refused(void **state)
{
	(void)state;
	assert_int_equal(untagged_result("<sip:\"a@b>;x=\"1\";tag=2"), EINVAL);
	assert_int_equal(untagged_result("<sip:a@b;x=\">\">;tag=2"), EINVAL);
}

static const struct find_row
{
	const char *row;
	const char *list;
	const char *name;
	const char *value; /* NULL: not found */
} find_rows[] = {
		/* clang-format off */
		{"alone", "icid-value=abc", "icid-value", "abc"},
		{"quoted", "icid-value=\"abc\"", "icid-value", "abc"},
		{"first", "icid-value=abc;orig-ioi=x", "icid-value", "abc"},
		{"last", "orig-ioi=x;icid-value=abc", "icid-value", "abc"},
		{"quoted, then others", "icid-value=\"a;b, c\";orig-ioi=x",
				"icid-value", "a;b, c"},
		{"behind a quoted one", "x=\"icid-value=evil;\";icid-value=abc",
				"icid-value", "abc"},
		{"behind an escaped quote",
				"x=\"\\\";icid-value=evil;\";icid-value=abc",
				"icid-value", "abc"},
		{"only in quotes", "x=\";icid-value=evil;\"", "icid-value", NULL},
		{"upper case", "ICID-VALUE=abc", "icid-value", "abc"},
		{"space behind the semicolon", "a=1; icid-value=abc",
				"icid-value", "abc"},
		{"space before the semicolon", "icid-value=abc ;a=1",
				"icid-value", "abc"},
		{"comma", "a=1,icid-value=abc,b=2", "icid-value", "abc"},
		{"folded", "a=1;\r\n icid-value=abc\r\n", "icid-value", "abc"},
		{"sescase behind a URI", "<sip:a@b>;sescase=orig;regstate=reg",
				"sescase", "orig"},
		{"equals sign in the value", "icid-value=a=b", "icid-value", "a=b"},
		{"address in the value", "icid-value=1@[2001:db8::1]", "icid-value",
				"1@[2001:db8::1]"},
		{"the first of two", "icid-value=1;icid-value=2", "icid-value", "1"},
		{"longer name", "icid-value-x=abc", "icid-value", NULL},
		{"shorter name", "icid=abc", "icid-value", NULL},
		{"name that ends so", "xicid-value=abc", "icid-value", NULL},
		{"no value", "icid-value", "icid-value", NULL},
		{"empty value", "icid-value=", "icid-value", NULL},
		{"empty quotes", "icid-value=\"\"", "icid-value", NULL},
		{"a quote alone", "icid-value=\"", "icid-value", "\""},
		{"quote not closed", "icid-value=\"abc", "icid-value", "\"abc"},
		{"empty list", "", "icid-value", NULL},
		{"separators only", ";,; \t\r\n;", "icid-value", NULL},
		/* clang-format on */
};

static void find_in(const struct find_row *r)
{
	str list = unit_copy(r->list, strlen(r->list));
	str value = {NULL, 0};

	unit_expect_int(r->row, "found", irl_param_find(&list, r->name, &value),
			r->value != NULL);
	if(r->value)
		unit_expect_str(r->row, "value", value, r->value);
	free(list.s);
}

static void param_find(void **state)
{
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(find_rows); i++)
		find_in(&find_rows[i]);
}

static void param_find_no_list(void **state)
{
	str none = {NULL, 0}, value;

	(void)state;
	assert_int_equal(irl_param_find(&none, "icid-value", &value), 0);
}

/* RFC 3261 25.1: EQUAL = SWS "=" SWS, and RFC 7315 5.6 uses EQUAL. */
static void param_find_blanks_about_equals(void **state)
{
	static const struct find_row rows[] = {
			{"both", "a=1;icid-value = abc;b=2", "icid-value", "abc"},
			{"before", "icid-value =abc", "icid-value", "abc"},
			{"behind", "icid-value= \"abc\"", "icid-value", "abc"},
	};
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(rows); i++)
		find_in(&rows[i]);
}

static void uri_is_plain(void **state)
{
	static const struct
	{
		const char *uri;
		int plain;
	} rows[] = {
			{"sip:a@b", 1},
			{"sips:a-b_c.d!e~f*g'h(i)%20&=+$,;?/@[2001:db8::1]:5061;x=1?y=2",
					1},
			{"tel:+49-89-1#2;phone-context=x", 1},
			{"", 0},
			{"sip:a b@c", 0},
			{"sip:a@b ", 0},
			{"sip:a@b;x=\t", 0},
			{"sip:a@b\r\n X: 1", 0},
			{"sip:a@b\rX", 0},
			{"sip:a@b\nX", 0},
			{"sip:a@b\x7f", 0},
			{"sip:a@b\x01", 0},
			{"sip:\xc3\xa9@b", 0},
			{"sip:<a@b", 0},
			{"sip:a>@b", 0},
			{"sip:\"a\"@b", 0},
			{"sip:{a@b", 0},
			{"sip:a}@b", 0},
			{"sip:a|@b", 0},
			{"sip:a\\@b", 0},
			{"sip:a^@b", 0},
			{"sip:`a@b", 0},
	};
	static const str zero = {"sip:a\0b@c", 9};
	size_t i;
	str uri;

	(void)state;
	for(i = 0; i < COUNT(rows); i++) {
		uri = unit_copy(rows[i].uri, strlen(rows[i].uri));
		unit_expect_int(
				rows[i].uri, "plain", irl_uri_is_plain(&uri), rows[i].plain);
		free(uri.s);
	}
	assert_int_equal(irl_uri_is_plain(&zero), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(untagged),
			cmocka_unit_test(untagged_bounds),
			cmocka_unit_test(untagged_twice),
			cmocka_unit_test(blank_in_brackets_is_no_uri),
			cmocka_unit_test(display_name_alone_is_no_uri),
			cmocka_unit_test(open_quote_is_refused),
			cmocka_unit_test(quote_in_the_uri_is_refused),
			cmocka_unit_test(param_find),
			cmocka_unit_test(param_find_no_list),
			cmocka_unit_test(param_find_blanks_about_equals),
			cmocka_unit_test(uri_is_plain),
	};

	return cmocka_run_group_tests_name("nameaddr", tests, NULL, NULL);
}

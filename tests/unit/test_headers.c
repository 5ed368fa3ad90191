/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Header lines that an operator or a script adds to a BYE */
#include "core_headers.h"

#include "unit.h"

static const struct row
{
	const char *row, *lines;
	const char *out; /* NULL: refused */
} rows[] = {
		/* clang-format off */
		{"nothing", "", ""},
		{"one", "X-A: 1", "X-A: 1\r\n"},
		{"one, CRLF", "X-A: 1\r\n", "X-A: 1\r\n"},
		{"one, LF", "X-A: 1\n", "X-A: 1\r\n"},
		{"one, written out", "X-A: 1\\r\\n", "X-A: 1\r\n"},
		{"one, LF written out", "X-A: 1\\n", "X-A: 1\r\n"},
		{"two, CRLF", "X-A: 1\r\nX-B: 2", "X-A: 1\r\nX-B: 2\r\n"},
		{"two, LF", "X-A: 1\nX-B: 2\n", "X-A: 1\r\nX-B: 2\r\n"},
		{"two, written out", "X-A: 1\\r\\nX-B: 2", "X-A: 1\r\nX-B: 2\r\n"},
		{"empty lines", "\r\n\nX-A: 1\r\n\r\n\\r\\nX-B: 2\n\n",
				"X-A: 1\r\nX-B: 2\r\n"},
		{"only empty lines", "\r\n\n\\n\\r\\n", ""},
		{"no value", "X-A:", "X-A:\r\n"},
		{"space before the colon", "X-A : 1", "X-A : 1\r\n"},
		{"tab in the value", "X-A: 1\t2", "X-A: 1\t2\r\n"},
		{"UTF-8", "X-A: \xc3\xbc", "X-A: \xc3\xbc\r\n"},
		{"a colon in the value", "X-A: a:b", "X-A: a:b\r\n"},
		{"all a name may have", "aZ09-._+~: 1", "aZ09-._+~: 1\r\n"},
		{"what policies add", "P-Charging-Vector: icid-value=1;orig-ioi=a",
				"P-Charging-Vector: icid-value=1;orig-ioi=a\r\n"},
		{"begins as a reserved one", "Reasons: 1", "Reasons: 1\r\n"},
		{"ends as a reserved one", "X-Via: 1", "X-Via: 1\r\n"},

		/* tokens that Kamailio cannot read */
		{"an exclamation mark", "X!Y: 1", NULL},
		{"a percent sign", "X%Y: 1", NULL}, {"a star", "X*Y: 1", NULL},
		{"a backtick", "X`Y: 1", NULL}, {"an apostrophe", "X'Y: 1", NULL},
		/* no header field */
		{"no colon", "hello", NULL},
		{"a request line", "BYE sip:a SIP/2.0", NULL},
		{"no name", ": 1", NULL},
		{"blank name", " : 1", NULL},
		{"folded", "X-A: 1\r\n 2", NULL},
		{"folded, with a colon", "X-A: 1\r\n X-B: 2", NULL},
		{"space in the name", "X A: 1", NULL},
		{"slash in the name", "X/A: 1", NULL},
		{"UTF-8 in the name", "X-\xc3\xbc: 1", NULL},
		{"the second is none", "X-A: 1\r\nhello", NULL},
		{"CR alone", "X-A: 1\rX-B: 2", NULL},
		{"CR at the end", "X-A: 1\r", NULL},
		{"DEL", "X-A: \x7f", NULL},
		{"escape", "X-A: \x1b[2J", NULL},

		/* those that a BYE has of itself */
		{"Via", "Via: SIP/2.0/UDP a", NULL},
		{"v", "v: SIP/2.0/UDP a", NULL},
		{"Route", "Route: <sip:a>", NULL},
		{"Record-Route", "Record-Route: <sip:a>", NULL},
		{"From", "From: <sip:a>", NULL},
		{"f", "f: <sip:a>", NULL},
		{"To", "To: <sip:a>", NULL},
		{"t", "t: <sip:a>", NULL},
		{"Call-ID", "Call-ID: a", NULL},
		{"i", "i: a", NULL},
		{"CSeq", "CSeq: 1 BYE", NULL},
		{"Max-Forwards", "Max-Forwards: 1", NULL},
		{"Content-Length", "Content-Length: 1", NULL},
		{"l", "l: 1", NULL},
		{"Content-Type", "Content-Type: text/plain", NULL},
		{"c", "c: text/plain", NULL},
		{"Reason", "Reason: SIP;cause=200", NULL},
		{"upper case", "CALL-ID: a", NULL},
		{"lower case", "cseq: 1 BYE", NULL},
		{"blanks before the colon", "Via \t: a", NULL},
		{"behind another", "X-A: 1\\r\\nroute: <sip:a>", NULL},
		/* clang-format on */
};

static void normalize(void **state)
{
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];
		str lines = unit_copy(r->lines, strlen(r->lines));
		char *buf = malloc(IRL_HEADERS_ROOM(lines.len));
		str out = {buf, 0};
		int n;

		assert_non_null(buf);
		n = irl_headers_normalize(&lines, buf);
		unit_expect_int(r->row, "result", n, r->out ? (int)strlen(r->out) : -1);
		out.len = n < 0 ? 0 : n;
		if(r->out)
			unit_expect_str(r->row, "lines", out, r->out);
		free(buf);
		free(lines.s);
	}
}

static void normalize_zero_byte(void **state)
{
	static const str with_zero[] = {
			BYTES("X-A: \0"), BYTES("X\0A: 1"), BYTES("\0: 1")};
	char buf[64];
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(with_zero); i++)
		assert_int_equal(irl_headers_normalize(&with_zero[i], buf), -1);
}

/* What came out goes in unchanged. */
static void normalize_twice(void **state)
{
	char first[256], second[512];
	str lines, once = {first, 0}, twice = {second, 0};
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(rows); i++) {
		if(!rows[i].out)
			continue;
		lines = unit_str(rows[i].lines);
		once.len = irl_headers_normalize(&lines, first);
		twice.len = irl_headers_normalize(&once, second);
		unit_expect_str(rows[i].row, "second time", twice, rows[i].out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(normalize),
			cmocka_unit_test(normalize_zero_byte),
			cmocka_unit_test(normalize_twice),
	};

	return cmocka_run_group_tests_name("headers", tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reason header field (RFC 3326), its text (RFC 3629) and its cause */
#include <errno.h>

#include "core_reason.h"
#include "unit.h"

static const struct cause_row
{
	int cause, rc, response;
} cause_rows[] = {
		/* clang-format off */
		{-1,    ERANGE, 480}, {0,   ERANGE, 480}, {1,    ERANGE, 480},
		{100,   ERANGE, 480}, {199, ERANGE, 480},
		{200,   0,      480},
		{201,   ERANGE, 480}, {202, ERANGE, 480}, {299,  ERANGE, 480},
		{300,   0,      480}, {302, 0,      480}, {399,  0,      480},
		{400,   0,      400}, {480, 0,      480}, {487,  0,      487},
		{503,   0,      503}, {603, 0,      603}, {699,  0,      699},
		{700,   ERANGE, 480}, {INT32_MAX, ERANGE, 480},
		{INT32_MIN, ERANGE, 480},
		/* clang-format on */
};

static void cause(void **state)
{
	char row[32];
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(cause_rows); i++) {
		const struct cause_row *r = &cause_rows[i];

		snprintf(row, sizeof(row), "cause %d", r->cause);
		unit_expect_int(row, "check", irl_cause_check(r->cause), r->rc);
		/* TS 24.229 5.4.5.1.1: a final error, whatever the cause is */
		unit_expect_int(
				row, "response", irl_cause_response(r->cause), r->response);
	}
}

#define TEN(x) x x x x x x x x x x
#define ASCII_120 TEN("abcdefghijkl")

static const struct text_row
{
	const char *row;
	str text;
	int rc;
} text_rows[] = {
		/* clang-format off */
		{"empty",                   BYTES(""),                       0},
		{"ASCII",                   BYTES("Released by the network"), 0},
		{"quotes and backslashes",  BYTES("a \"b\" \\c\\"),          0},
		{"space and tilde",         BYTES(" ~"),                     0},
		{"two bytes",               BYTES("Geb\xc3\xbchr"),          0},
		{"three bytes",             BYTES("\xe2\x82\xac"),           0},
		{"four bytes",              BYTES("\xf0\x9f\x93\x9e"),       0},
		{"127 bytes",               BYTES(ASCII_120 "1234567"),      0},
		{"128 bytes",               BYTES(ASCII_120 "12345678"),     0},
		{"129 bytes",               BYTES(ASCII_120 "123456789"),    EMSGSIZE},
		{"128 with a last euro",    BYTES(ASCII_120 "12345\xe2\x82\xac"), 0},
		{"euro cut off at 128",     BYTES(ASCII_120 "123456\xe2\x82"), EILSEQ},
		{"129 bytes, last illegal", BYTES(ASCII_120 "12345678\xff"), EMSGSIZE},

		/* control characters: C0, DEL, C1 */
		{"NUL",                     BYTES("a\0b"),                   EILSEQ},
		{"only NUL",                BYTES("\0"),                     EILSEQ},
		{"tab",                     BYTES("a\tb"),                   EILSEQ},
		{"CR",                      BYTES("a\rb"),                   EILSEQ},
		{"LF",                      BYTES("a\nb"),                   EILSEQ},
		{"CRLF and a header",       BYTES("a\r\nRoute: <sip:x>"),    EILSEQ},
		{"escape",                  BYTES("\x1b[2J"),                EILSEQ},
		{"U+001F",                  BYTES("\x1f"),                   EILSEQ},
		{"DEL",                     BYTES("\x7f"),                   EILSEQ},
		{"C1: U+0080",              BYTES("\xc2\x80"),               EILSEQ},
		{"C1: NEL, U+0085",         BYTES("a\xc2\x85"),              EILSEQ},
		{"C1: CSI, U+009B",         BYTES("\xc2\x9b"),               EILSEQ},
		{"C1: U+009F",              BYTES("\xc2\x9f"),               EILSEQ},
		{"no longer C1: U+00A0",    BYTES("\xc2\xa0"),               0},

		/* borders of each length */
		{"U+07FF",                  BYTES("\xdf\xbf"),               0},
		{"U+0800",                  BYTES("\xe0\xa0\x80"),           0},
		{"U+FFFF",                  BYTES("\xef\xbf\xbf"),           0},
		{"U+10000",                 BYTES("\xf0\x90\x80\x80"),       0},
		{"U+10FFFF",                BYTES("\xf4\x8f\xbf\xbf"),       0},
		{"U+110000",                BYTES("\xf4\x90\x80\x80"),       EILSEQ},
		{"first byte F5",           BYTES("\xf5\x80\x80\x80"),       EILSEQ},
		{"five bytes",              BYTES("\xf8\x88\x80\x80\x80"),   EILSEQ},
		{"six bytes",               BYTES("\xfc\x84\x80\x80\x80\x80"), EILSEQ},
		{"FE",                      BYTES("\xfe"),                   EILSEQ},
		{"FF",                      BYTES("\xff"),                   EILSEQ},

		/* overlong: the same character in more bytes than it needs */
		{"overlong NUL",            BYTES("\xc0\x80"),               EILSEQ},
		{"overlong LF",             BYTES("\xc0\x8a"),               EILSEQ},
		{"overlong quote, 2 bytes", BYTES("\xc0\xa2"),               EILSEQ},
		{"overlong U+007F",         BYTES("\xc1\xbf"),               EILSEQ},
		{"overlong quote, 3 bytes", BYTES("\xe0\x80\xa2"),           EILSEQ},
		{"overlong U+07FF",         BYTES("\xe0\x9f\xbf"),           EILSEQ},
		{"overlong quote, 4 bytes", BYTES("\xf0\x80\x80\xa2"),       EILSEQ},
		{"overlong U+FFFF",         BYTES("\xf0\x8f\xbf\xbf"),       EILSEQ},

		/* surrogates */
		{"before: U+D7FF",          BYTES("\xed\x9f\xbf"),           0},
		{"first: U+D800",           BYTES("\xed\xa0\x80"),           EILSEQ},
		{"last: U+DFFF",            BYTES("\xed\xbf\xbf"),           EILSEQ},
		{"behind: U+E000",          BYTES("\xee\x80\x80"),           0},
		{"a pair",                  BYTES("\xed\xa0\xbd\xed\xb3\x9e"), EILSEQ},

		/* what does not begin or go on as it must */
		{"continuation alone",      BYTES("\x80"),                   EILSEQ},
		{"Latin-1",                 BYTES("Geb\xfchr"),              EILSEQ},
		{"2 bytes, 1 there",        BYTES("\xc3"),                   EILSEQ},
		{"3 bytes, 2 there",        BYTES("\xe2\x82"),               EILSEQ},
		{"4 bytes, 3 there",        BYTES("\xf0\x9f\x93"),           EILSEQ},
		{"ASCII in the middle",     BYTES("\xe2\x41\xac"),           EILSEQ},
		{"first byte in it",        BYTES("\xe2\x82\xe2"),           EILSEQ},
		{"quote in it",             BYTES("\xc3\""),                 EILSEQ},
		/* clang-format on */
};

static void text(void **state)
{
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(text_rows); i++) {
		const struct text_row *r = &text_rows[i];
		str t = unit_copy(r->text.s, (size_t)r->text.len);

		unit_expect_int(r->row, "check", irl_text_check(&t), r->rc);
		free(t.s);
	}
}

static int encode(uint32_t p, char *s)
{
	if(p < 0x80) {
		s[0] = (char)p;
		return 1;
	}
	if(p < 0x800) {
		s[0] = (char)(0xc0 | p >> 6);
		s[1] = (char)(0x80 | (p & 0x3f));
		return 2;
	}
	if(p < 0x10000) {
		s[0] = (char)(0xe0 | p >> 12);
		s[1] = (char)(0x80 | (p >> 6 & 0x3f));
		s[2] = (char)(0x80 | (p & 0x3f));
		return 3;
	}
	s[0] = (char)(0xf0 | p >> 18);
	s[1] = (char)(0x80 | (p >> 12 & 0x3f));
	s[2] = (char)(0x80 | (p >> 6 & 0x3f));
	s[3] = (char)(0x80 | (p & 0x3f));
	return 4;
}

/* Each code point there is, and those beyond. */
static void all_code_points(void **state)
{
	char s[4], row[16];
	str t = {s, 0};
	uint32_t p;
	int legal;

	(void)state;
	for(p = 0; p < 0x120000; p++) {
		t.len = encode(p, s);
		legal = p >= 0x20 && !(p >= 0x7f && p <= 0x9f)
				&& !(p >= 0xd800 && p <= 0xdfff) && p <= 0x10ffff;
		if(irl_text_check(&t) != (legal ? 0 : EILSEQ)) {
			snprintf(row, sizeof(row), "U+%04X", p);
			unit_expect_int(row, "check", irl_text_check(&t), !legal);
		}
	}
}

/* Of all pairs of bytes: two of ASCII, or one character of two bytes. */
static void all_pairs(void **state)
{
	unsigned a, b;
	int ascii, two;

	(void)state;
	for(a = 0; a < 256; a++) {
		for(b = 0; b < 256; b++) {
			char s[2] = {(char)a, (char)b};
			str t = {s, 2};

			ascii = a >= 0x20 && a < 0x7f && b >= 0x20 && b < 0x7f;
			two = (a == 0xc2 && b >= 0xa0 && b <= 0xbf)
				  || (a >= 0xc3 && a <= 0xdf && b >= 0x80 && b <= 0xbf);
			assert_int_equal(!irl_text_check(&t), ascii || two);
		}
	}
}

static const struct print_row
{
	const char *row;
	int cause;
	const char *text;
	const char *line;
	const char *others;
} print_rows[] = {
		/* clang-format off */
		{"no text", 200, "",
			"Reason: SIP;cause=200\r\n", NULL},
		{"another value", 480, "",
			"Reason: SIP;cause=480, Q.850;cause=16\r\n", "Q.850;cause=16"},
		{"a text and another value", 480, "a",
			"Reason: SIP;cause=480;text=\"a\", Q.850;cause=16\r\n",
			"Q.850;cause=16"},
		{"a text", 503, "Released by the network",
			"Reason: SIP;cause=503;text=\"Released by the network\"\r\n", NULL},
		{"a quote", 480, "say \"no\"",
			"Reason: SIP;cause=480;text=\"say \\\"no\\\"\"\r\n", NULL},
		{"a backslash", 480, "a\\b",
			"Reason: SIP;cause=480;text=\"a\\\\b\"\r\n", NULL},
		{"a backslash at the end", 480, "a\\",
			"Reason: SIP;cause=480;text=\"a\\\\\"\r\n", NULL},
		{"an escaped quote", 480, "\\\"",
			"Reason: SIP;cause=480;text=\"\\\\\\\"\"\r\n", NULL},
		{"separators stay quoted", 480, ";cause=200,<>",
			"Reason: SIP;cause=480;text=\";cause=200,<>\"\r\n", NULL},
		{"UTF-8 as it is", 699, "\xe2\x82\xac",
			"Reason: SIP;cause=699;text=\"\xe2\x82\xac\"\r\n", NULL},
		{"a percent sign", 480, "100%s%n",
			"Reason: SIP;cause=480;text=\"100%s%n\"\r\n", NULL},
		/* clang-format on */
};

static struct irl_reason reason_of(const struct print_row *r)
{
	struct irl_reason reason = {
			r->cause, unit_str(r->text), unit_str(r->others ? r->others : "")};

	return reason;
}

static void print(void **state)
{
	char buf[IRL_REASON_MAX];
	str line = {buf, 0};
	struct irl_reason reason;
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(print_rows); i++) {
		const struct print_row *r = &print_rows[i];

		reason = reason_of(r);
		line.len = (int)irl_reason_print(buf, sizeof(buf), &reason);
		unit_expect_str(r->row, "line", line, r->line);
	}
}

/* Never beyond the buffer, and never a line that is cut off. */
static void print_bounds(void **state)
{
	struct irl_reason reason;
	size_t size, i, n;
	char *buf;

	(void)state;
	for(i = 0; i < COUNT(print_rows); i++) {
		const struct print_row *r = &print_rows[i];

		reason = reason_of(r);
		for(size = 1; size <= IRL_REASON_MAX; size++) {
			buf = malloc(size);
			assert_non_null(buf);
			n = irl_reason_print(buf, size, &reason);
			if(n)
				assert_int_equal(n, strlen(r->line));
			if(size < strlen(r->line))
				assert_int_equal(n, 0);
			free(buf);
		}
		assert_int_not_equal(n, 0);
	}
}

/* IRL_REASON_MAX is enough for the longest text, all of it to be escaped, and
 * the longest values beside it. */
static void print_longest(void **state)
{
	char text[IRL_TEXT_MAX], others[IRL_OTHERS_MAX];
	struct irl_reason reason = {
			699, {text, sizeof(text)}, {others, sizeof(others)}};
	char *buf = malloc(IRL_REASON_MAX);

	(void)state;
	assert_non_null(buf);
	memset(text, '"', sizeof(text));
	memset(others, 'x', sizeof(others));
	assert_int_equal(irl_text_check(&reason.text), 0);
	assert_int_equal(
			irl_reason_print(buf, IRL_REASON_MAX, &reason), IRL_REASON_MAX - 1);
	free(buf);
}

/* ---- the values beside SIP's --------------------------------------------------- */

#define PROTOCOL "protocol must be one of"
#define CAUSE "cause out of range"
#define QUOTED "text must be in quotes"
#define PARAMETER "a parameter other than one cause and one text"

static const struct others_row
{
	str given;
	const char *sent; /* or what is wrong: begins with `error` */
	const char *error;
} others_rows[] = {
		/* clang-format off */
		{BYTES(""), "", NULL},
		{BYTES("Q.850;cause=16"), "Q.850;cause=16", NULL},
		{BYTES("Q.850;cause=16;text=\"Normal call clearing\""),
			"Q.850;cause=16;text=\"Normal call clearing\"", NULL},
		{BYTES("Q.850;text=\"a\";cause=16"), "Q.850;cause=16;text=\"a\"", NULL},
		{BYTES("Q.850;cause=16;text=\"\""), "Q.850;cause=16", NULL},
		{BYTES(" Q.850 ; cause = 16 ;\ttext = \"a b\" "),
			"Q.850;cause=16;text=\"a b\"", NULL},
		{BYTES("q.850;CAUSE=016;Text=\"a\""), "Q.850;cause=16;text=\"a\"", NULL},
		{BYTES("Q.850;cause=16;text=\"a \\\"b\\\" \\c \\\\\""),
			"Q.850;cause=16;text=\"a \\\"b\\\" c \\\\\"", NULL},
		{BYTES("Q.850;cause=16;text=\";cause=99, SIP\""),
			"Q.850;cause=16;text=\";cause=99, SIP\"", NULL},
		{BYTES("Q.850;cause=16;text=\"\xe2\x82\xac\""),
			"Q.850;cause=16;text=\"\xe2\x82\xac\"", NULL},
		{BYTES("release_cause;cause=1"), "RELEASE_CAUSE;cause=1", NULL},
		{BYTES("FAILURE_CAUSE;cause=3,Preemption;cause=5"),
			"FAILURE_CAUSE;cause=3, preemption;cause=5", NULL},
		{BYTES("preemption;cause=1 , RELEASE_CAUSE;cause=6 ,Q.850;cause=127,"
			"FAILURE_CAUSE;cause=1"),
			"preemption;cause=1, RELEASE_CAUSE;cause=6, Q.850;cause=127, "
			"FAILURE_CAUSE;cause=1", NULL},

		/* protocols */
		{BYTES("SIP;cause=480"), NULL, PROTOCOL},
		{BYTES("Q.931;cause=16"), NULL, PROTOCOL},
		{BYTES("Q.8500;cause=16"), NULL, PROTOCOL},
		{BYTES("Q.85;cause=16"), NULL, PROTOCOL},
		{BYTES(";cause=16"), NULL, PROTOCOL},
		{BYTES(" "), NULL, PROTOCOL},
		{BYTES(","), NULL, PROTOCOL},
		{BYTES("Q.850;cause=16,"), NULL, PROTOCOL},
		{BYTES("Q.850;cause=16,,preemption;cause=1"), NULL, PROTOCOL},
		{BYTES("Q.850\0;cause=16"), NULL, "a value without a cause"},
		{BYTES("Reason: Q.850;cause=16"), NULL, PROTOCOL},
		{BYTES("Q.850;cause=16,q.850;cause=17"), NULL,
			"a protocol more than once"},

		/* causes */
		{BYTES("Q.850;cause=0"), NULL, CAUSE},
		{BYTES("Q.850;cause=128"), NULL, CAUSE},
		{BYTES("Q.850;cause=4294967312"), NULL, CAUSE},
		{BYTES("Q.850;cause=-1"), NULL, CAUSE},
		{BYTES("Q.850;cause=1x"), NULL, CAUSE},
		{BYTES("Q.850;cause="), NULL, CAUSE},
		{BYTES("Q.850;cause=\"16\""), NULL, CAUSE},
		{BYTES("RELEASE_CAUSE;cause=7"), NULL, CAUSE},
		{BYTES("FAILURE_CAUSE;cause=4"), NULL, CAUSE},
		{BYTES("preemption;cause=6"), NULL, CAUSE},
		{BYTES("Q.850"), NULL, "a value without a cause"},
		{BYTES("Q.850;text=\"a\""), NULL, "a value without a cause"},

		/* texts */
		{BYTES("Q.850;cause=16;text=a"), NULL, QUOTED},
		{BYTES("Q.850;cause=16;text=\"a"), NULL, QUOTED},
		{BYTES("Q.850;cause=16;text=\"a\\"), NULL, QUOTED},
		{BYTES("Q.850;cause=16;text=\"a\\\""), NULL, QUOTED},
		{BYTES("Q.850;cause=16;text="), NULL, QUOTED},
		{BYTES("Q.850;cause=16;text=\"a\r\nX: 1\""), NULL, QUOTED},
		{BYTES("Q.850;cause=16;text=\"a\\\nX: 1\""), NULL, QUOTED},
		{BYTES("Q.850;cause=16;text=\"a\0\""), NULL, QUOTED},
		{BYTES("Q.850;cause=16;text=\"\xff\""), NULL, QUOTED},
		{BYTES("Q.850;cause=16;text=\"" ASCII_120 "12345678\""),
			"Q.850;cause=16;text=\"" ASCII_120 "12345678\"", NULL},
		{BYTES("Q.850;cause=16;text=\"" ASCII_120 "123456789\""), NULL, QUOTED},

		/* parameters, and what is between */
		{BYTES("Q.850;cause=16;cause=17"), NULL, PARAMETER},
		{BYTES("Q.850;text=\"a\";text=\"b\";cause=1"), NULL, PARAMETER},
		{BYTES("Q.850;cause=16;location=LN"), NULL, PARAMETER},
		{BYTES("Q.850;cause=16;"), NULL, "a parameter without a value"},
		{BYTES("Q.850;cause"), NULL, "a parameter without a value"},
		{BYTES("Q.850;cause=16 text=\"a\""), NULL, "a comma or semicolon"},
		{BYTES("Q.850 cause=16"), NULL, "a value without a cause"},
		{BYTES("Q.850;cause=16\r\nX: 1"), NULL, CAUSE},
		{BYTES("Q.850;cause=16 \r\nX: 1"), NULL, "a comma or semicolon"},
		{BYTES("Q.850;cause=16;text=\"a\"x"), NULL, "a comma or semicolon"},
		{BYTES("Q.850;cause=16;text=\"" ASCII_120 "\",preemption;cause=1;text=\""
			ASCII_120 "\""), NULL, "more than 255 bytes"},
		/* clang-format on */
};

static void others(void **state)
{
	char row[64];
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(others_rows); i++) {
		const struct others_row *r = &others_rows[i];
		str given = unit_copy(r->given.s, (size_t)r->given.len), sent;
		const char *error = NULL;

		snprintf(row, sizeof(row), "%.60s", r->given.s);
		sent.s = malloc(IRL_OTHERS_MAX);
		sent.len = irl_others_read(&given, sent.s, &error);
		if(r->sent)
			unit_expect_str(row, "sent", sent, r->sent);
		else {
			unit_expect_int(row, "read", sent.len, -1);
			assert_non_null(error);
			if(strncmp(error, r->error, strlen(r->error)) != 0)
				unit_expect_str(row, "error", unit_str(error), r->error);
		}
		free(sent.s);
		free(given.s);
	}
}

/* Text whose escapes make it longest: as long as may be, and a byte more. */
static void others_longest(void **state)
{
	static const char begin[] = "Q.850;cause=1;text=\"";
	char given[2 * IRL_OTHERS_MAX], sent[IRL_OTHERS_MAX];
	int quotes, n, rest;
	const char *error;
	str text = {given, 0};

	(void)state;
	for(quotes = 100; quotes < 120; quotes++) {
		n = (int)sizeof(begin) - 1;
		memcpy(given, begin, sizeof(begin));
		for(rest = 0; rest < quotes; rest++) {
			given[n++] = '\\';
			given[n++] = '"';
		}
		given[n++] = '"';
		text.len = n;
		unit_expect_int("quotes", "read", irl_others_read(&text, sent, &error),
				n <= IRL_OTHERS_MAX ? n : -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(cause),
			cmocka_unit_test(text),
			cmocka_unit_test(all_code_points),
			cmocka_unit_test(all_pairs),
			cmocka_unit_test(print),
			cmocka_unit_test(print_bounds),
			cmocka_unit_test(print_longest),
			cmocka_unit_test(others),
			cmocka_unit_test(others_longest),
	};

	return cmocka_run_group_tests_name("reason", tests, NULL, NULL);
}

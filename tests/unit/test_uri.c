/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SIP URIs taken apart, and what a Request-URI may have of one */
#include "core_uri.h"

#include <errno.h>

#include "unit.h"

static void split(void **state)
{
	static const struct
	{
		const char *uri, *user, *host, *params, *headers;
	} rows[] = {
			/* clang-format off */
			{"sip:a@h",                 "a",       "h",     "",        ""},
			{"SIPS:a:pw@h:5061;x=1?y",  "a:pw",    "h",     ";x=1?y",  "?y"},
			{"sip:a;b?c@h?y=;z",        "a;b?c",   "h",     "?y=;z",   "?y=;z"},
			{"sip:a@[::1]:5060;x?y",    "a",       "[::1]", ";x?y",    "?y"},
			{"sip:[::1]?y",             "",        "[::1]", "?y",      "?y"},
			{"sip:h;x",                 "",        "h",     ";x",      ""},
			{"sip:@h",                  "",        "h",     "",        ""},
			{"sip:a@",                  "a",       "",      "",        ""},
			{"sip:a@[::1",              "a",       "[::1",  "",        ""},
			/* clang-format on */
	};
	struct irl_uri parts;
	size_t i;
	str uri;

	(void)state;
	for(i = 0; i < COUNT(rows); i++) {
		uri = unit_copy(rows[i].uri, strlen(rows[i].uri));
		assert_int_equal(irl_uri_split(&uri, &parts), 0);
		unit_expect_str(rows[i].uri, "user", parts.user, rows[i].user);
		unit_expect_str(rows[i].uri, "host", parts.host, rows[i].host);
		unit_expect_int(rows[i].uri, "parameters", parts.end - parts.params,
				strlen(rows[i].params));
		unit_expect_int(rows[i].uri, "headers", parts.end - parts.headers,
				strlen(rows[i].headers));
		free(uri.s);
	}
}

static void no_sip_uri(void **state)
{
	static const char *const uris[] = {"", "sip:", "sip", "tel:+1?x", "a@h"};
	struct irl_uri parts;
	size_t i;
	str uri;

	(void)state;
	for(i = 0; i < COUNT(uris); i++) {
		uri = unit_str(uris[i]);
		unit_expect_int(uris[i], "result", irl_uri_split(&uri, &parts), EINVAL);
	}
}

static const struct request_row
{
	const char *contact, *request_uri;
} requests[] = {
		/* clang-format off */
		{"sip:a@h",                         "sip:a@h"},
		{"sip:a@h;x=1;y",                   "sip:a@h;x=1;y"},
		{"sip:a@h?Route=x&Reason=y",        "sip:a@h"},
		{"sip:a@h;x=1?y=;method=z",         "sip:a@h;x=1"},
		{"sip:a@h;method=INVITE",           "sip:a@h"},
		{"sip:a@h;METHOD=x;x=1?y",          "sip:a@h;x=1"},
		{"sip:a@h;x;method;method=z;y=1",   "sip:a@h;x;y=1"},
		{"sip:a@h;methods=x;xmethod=y",     "sip:a@h;methods=x;xmethod=y"},
		{"sip:a?b;method=c@h",              "sip:a?b;method=c@h"},
		{"sip:a@[::1]:5060;method=x;y",     "sip:a@[::1]:5060;y"},
		{"sips:h?x",                        "sips:h"},
		{"tel:+1;method=x?y",               "tel:+1;method=x?y"},
		{"",                                ""},
		/* clang-format on */
};

static void for_request(void **state)
{
	const struct request_row *r;
	char buf[64];
	str uri;

	(void)state;
	for(r = requests; r < requests + COUNT(requests); r++) {
		uri = unit_copy(r->contact, strlen(r->contact));
		unit_expect_str(r->contact, "Request-URI",
				irl_uri_for_request(&uri, buf, sizeof(buf)), r->request_uri);
		free(uri.s);
	}
}

/* `method` stays where there is no room to take it out. */
static void for_request_bounds(void **state)
{
	static const str uri = BYTES("sip:a@h;method=x;y?z");
	char *buf = malloc(18);

	(void)state;
	unit_expect_str(
			"18", "room", irl_uri_for_request(&uri, buf, 18), "sip:a@h;y");
	unit_expect_str("17", "room", irl_uri_for_request(&uri, buf, 17),
			"sip:a@h;method=x;y");
	free(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(split),
			cmocka_unit_test(no_sip_uri),
			cmocka_unit_test(for_request),
			cmocka_unit_test(for_request_bounds),
	};

	return cmocka_run_group_tests_name("uri", tests, NULL, NULL);
}

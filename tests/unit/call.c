/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "call.h"

#define IMAGE_MAX 262144

char call_in[IRL_PASSES_MAX][8] = {
		"in0", "in1", "in2", "in3", "in4", "in5", "in6", "in7"};
char call_out[IRL_PASSES_MAX][8] = {
		"out0", "out1", "out2", "out3", "out4", "out5", "out6", "out7"};

enum irl_side call_own = IRL_ORIG;

struct irl_release call_release = {
		.cause = 503, .text_len = 14, .text = "Out of \"order\""};

static const struct
{
	const char *sign, *route;
} signs_of[] = {
		/* clang-format off */
		{"p1",  "<sip:pcscf-a.example;lr>"},
		{"p1s", "<sip:pcscf-a.example>"},
		{"p2",  "<sip:term@pcscf-b.example:5064;lr>;x=\"a,b\""},
		{"p2s", "<sip:term@pcscf-b.example:5064>"},
		{"so",  "<sip:orig@scscf-a.example:5062;lr=on>"},
		{"so1", "<sip:orig@scscf-a.example:5062;r2=on;lr>"},
		{"so2", "<sip:orig@scscf-a.example:5063;transport=tcp;r2=on;lr>"},
		{"st",  "<sip:term@scscf-b.example:5062;lr=on>"},
		{"st1", "<sip:term@scscf-b.example:5062;r2=on;lr>"},
		{"st2", "<sip:term@scscf-b.example:5063;transport=tcp;r2=on;lr>"},
		{"a1",  "<sip:as-a.example;lr>"},
		{"a2",  "<sip:as-b.example;lr>"},
		/* clang-format on */
};

static int has(const str *route, const char *s)
{
	size_t len = strlen(s);
	int i;

	for(i = 0; i + (int)len <= route->len; i++) {
		if(!memcmp(route->s + i, s, len))
			return 1;
	}
	return 0;
}

int call_is_own(const str *route)
{
	return ((call_own & IRL_ORIG) && has(route, "@scscf-a.example"))
		   || ((call_own & IRL_TERM) && has(route, "@scscf-b.example"));
}

static const char *route_of(const char *sign, size_t len)
{
	size_t i;

	for(i = 0; i < COUNT(signs_of); i++) {
		if(strlen(signs_of[i].sign) == len
				&& !memcmp(signs_of[i].sign, sign, len))
			return signs_of[i].route;
	}
	fail_msg("no such sign: %s", sign);
	return NULL;
}

int call_routes(const char *signs, str routes[IRL_ROUTES_MAX])
{
	int n = 0;
	size_t len;

	for(; *signs; signs += len + strspn(signs + len, " ")) {
		len = strcspn(signs, " ");
		routes[n++] = unit_str(route_of(signs, len));
	}
	return n;
}

struct irl_session *call_invite(void)
{
	struct irl_invite inv = {.callid = unit_str("3848276298220188511@ua-a"),
			.from = unit_str(CALL_FROM),
			.from_tag = unit_str("a-1"),
			.to = unit_str("<tel:+4930123456>"),
			.contact = unit_str(ALICE),
			.impu = unit_str("sip:alice@home-a.example"),
			.icid = unit_str("1234bc9876e"),
			.cseq = 101};

	return irl_session_new(&inv);
}

int call_pass(struct irl_session *s, int nroutes, enum irl_side said,
		enum irl_side guessed)
{
	int n = s->npasses < IRL_PASSES_MAX ? s->npasses : IRL_PASSES_MAX - 1;
	struct irl_pass pass = {.in = call_in[n],
			.nroutes = (uint16_t)nroutes,
			.said = (uint8_t)said,
			.guessed = (uint8_t)guessed};

	assert_int_equal(irl_session_add_pass(s, &pass), n);
	return n;
}

struct irl_dialog *call_answer(struct irl_session *s, const char *tag,
		const char *contact, const char *signs, int pass)
{
	str routes[IRL_ROUTES_MAX];
	struct irl_answer ans = {.tag = unit_str(tag),
			.to = unit_str(CALL_TO),
			.contact = unit_str(contact),
			.routes = routes,
			.nroutes = call_routes(signs, routes),
			.pass = pass,
			.socket = call_out[pass]};
	int err;

	return irl_session_answer(s, &ans, &err);
}

/* ---- the message ---- */

struct printer
{
	char *s;
	size_t len, size;
};

static void advance(struct printer *p, int n)
{
	assert_in_range(n, 0, p->size - p->len - 1);
	p->len += (size_t)n;
}

#define PRINT(p, ...) \
	advance((p), snprintf((p)->s + (p)->len, (p)->size - (p)->len, __VA_ARGS__))

/* What stands in the angle brackets of a route. */
static str uri_of(str route)
{
	char *open = memchr(route.s, '<', (size_t)route.len);
	char *close = memchr(route.s, '>', (size_t)route.len);
	str uri = {"", 0};

	if(!open || !close || close < open)
		fail_msg("no URI in %.*s", route.len, route.s);
	else
		uri = (str){open + 1, (int)(close - open) - 1};
	return uri;
}

static int is_loose(str route)
{
	str uri = uri_of(route);
	int i;

	for(i = 0; i + 3 <= uri.len; i++) {
		if(!memcmp(uri.s + i, ";lr", 3)
				&& (i + 3 == uri.len || strchr(";=", uri.s[i + 3])))
			return 1;
	}
	return 0;
}

/* RFC 3261 12.2.1.1: where the first route is strict, it is the Request-URI,
 * and the remote target is the last route. */
size_t call_print_bye(const struct irl_bye *bye, char *buf, size_t size)
{
	struct printer p = {buf, 0, size};
	int strict = bye->nroutes > 0 && !is_loose(bye->routes[0]);
	str uri = strict ? uri_of(bye->routes[0]) : bye->request_uri;
	int i;

	PRINT(&p, "BYE %.*s SIP/2.0\r\n", uri.len, uri.s);
	for(i = strict; i < bye->nroutes; i++)
		PRINT(&p, "Route: %.*s\r\n", bye->routes[i].len, bye->routes[i].s);
	if(strict)
		PRINT(&p, "Route: <%.*s>\r\n", bye->request_uri.len,
				bye->request_uri.s);
	PRINT(&p, "To: %.*s;tag=%.*s\r\n", bye->to_value.len, bye->to_value.s,
			bye->to_tag.len, bye->to_tag.s);
	PRINT(&p, "From: %.*s;tag=%.*s\r\n", bye->from_value.len, bye->from_value.s,
			bye->from_tag.len, bye->from_tag.s);
	PRINT(&p, "Call-ID: %.*s\r\n", bye->callid.len, bye->callid.s);
	PRINT(&p, "CSeq: %u BYE\r\n", bye->cseq);
	PRINT(&p, "%.*s\r\n", bye->reason.len, bye->reason.s);
	return p.len;
}

char *call_image(const struct irl_session *s)
{
	struct irl_bye_policy policy = {1, call_is_own, 0};
	struct irl_session copy = *s;
	const struct irl_dialog *dlg;
	char *buf = malloc(IMAGE_MAX);
	size_t len = 0;
	struct irl_bye bye;
	int leg;

	assert_non_null(buf);
	buf[0] = '\0';
	copy.release = &call_release;
	for(dlg = &s->first; dlg; dlg = dlg->next) {
		for(leg = 0; leg < IRL_LEGS; leg++) {
			if(irl_bye_build(&copy, dlg, leg, &policy, &bye) == 0)
				len += call_print_bye(&bye, buf + len, IMAGE_MAX - len);
		}
	}
	return buf;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pair of BYEs: TS 24.229 5.4.5.1.2, items 1 to 4, on every kind of way.
 * call.h says who the signs of a Record-Route are. */
#include "core_bye.h"

#include <errno.h>

#include "call.h"
#include "core_cseq.h"
#include "golden.h"

/* A random number that makes a CSeq to be recognized. */
#define RND 774999u

/* The ways of the INVITE; how many Record-Routes it had as it came to this
 * S-CSCF, pass after pass, when that is the one of the calling, or of the
 * called side. */
static const struct layout
{
	const char *name, *routes;
	int orig[3], term[3];
} layouts[] = {
		/* clang-format off */
		{"no_as",      "p1 so st p2",             {1, -1},    {2, -1}},
		{"as_calling", "p1 so a1 so st p2",       {1, 3, -1}, {4, -1}},
		{"as_called",  "p1 so st a2 st p2",       {1, -1},    {2, 4, -1}},
		{"as_both",    "p1 so a1 so st a2 st p2", {1, 3, -1}, {4, 6, -1}},
		{"r2",         "p1 so1 so2 st1 st2 p2",   {1, -1},    {3, -1}},
		{"r2_as_both",
			"p1 so1 so2 a1 so1 so2 st1 st2 a2 st1 st2 p2",
			{1, 4, -1}, {6, 9, -1}},
		{"no_own",     "p1 p2",                   {1, -1},    {1, -1}},
		{"no_own_as",  "p1 a1 a2 p2",             {1, 2, -1}, {2, 3, -1}},
		{"strict",     "p1s so st p2s",           {1, -1},    {2, -1}},
		{"strict_no_own", "p1s p2s",              {1, -1},    {1, -1}},
		{"no_routes",  "",                        {0, -1},    {0, -1}},
		/* clang-format on */
};

enum
{
	STRAIGHT = 0,
	ENTERS = 1
};

/* Of each item and layout: does it go through service control, from or to
 * which socket, and by which routes. */
static const struct row
{
	int item;
	const char *layout;
	int enters;
	const char *socket, *route;
} rows[] = {
		/* clang-format off */
		/* 1: serves the calling user, to the called one */
		{1, "no_as",         ENTERS,   "in0",  "so st p2"},
		{1, "as_calling",    ENTERS,   "in0",  "so a1 so st p2"},
		{1, "as_called",     ENTERS,   "in0",  "so st a2 st p2"},
		{1, "as_both",       ENTERS,   "in0",  "so a1 so st a2 st p2"},
		{1, "r2",            ENTERS,   "in0",  "so1 so2 st1 st2 p2"},
		{1, "r2_as_both",    ENTERS,   "in0",
				"so1 so2 a1 so1 so2 st1 st2 a2 st1 st2 p2"},
		{1, "no_own",        STRAIGHT, "out0", "p2"},
		{1, "no_own_as",     STRAIGHT, "out0", "a1 a2 p2"},
		{1, "strict",        ENTERS,   "in0",  "so st p2s"},
		{1, "strict_no_own", STRAIGHT, "out0", "p2s"},
		{1, "no_routes",     STRAIGHT, "out0", ""},

		/* 2: serves the calling user, to that user */
		{2, "no_as",         STRAIGHT, "in0",  "p1"},
		{2, "as_calling",    STRAIGHT, "in0",  "p1"},
		{2, "as_called",     STRAIGHT, "in0",  "p1"},
		{2, "as_both",       STRAIGHT, "in0",  "p1"},
		{2, "r2",            STRAIGHT, "in0",  "p1"},
		{2, "r2_as_both",    STRAIGHT, "in0",  "p1"},
		{2, "no_own",        STRAIGHT, "in0",  "p1"},
		{2, "no_own_as",     STRAIGHT, "in0",  "p1"},
		{2, "strict",        STRAIGHT, "in0",  "p1s"},
		{2, "strict_no_own", STRAIGHT, "in0",  "p1s"},
		{2, "no_routes",     STRAIGHT, "in0",  ""},

		/* 3: serves the called user, to that user */
		{3, "no_as",         STRAIGHT, "out0", "p2"},
		{3, "as_calling",    STRAIGHT, "out0", "p2"},
		{3, "as_called",     STRAIGHT, "out1", "p2"},
		{3, "as_both",       STRAIGHT, "out1", "p2"},
		{3, "r2",            STRAIGHT, "out0", "p2"},
		{3, "r2_as_both",    STRAIGHT, "out1", "p2"},
		{3, "no_own",        STRAIGHT, "out0", "p2"},
		{3, "no_own_as",     STRAIGHT, "out1", "p2"},
		{3, "strict",        STRAIGHT, "out0", "p2s"},
		{3, "strict_no_own", STRAIGHT, "out0", "p2s"},
		{3, "no_routes",     STRAIGHT, "out0", ""},

		/* 4: serves the called user, to the calling one */
		{4, "no_as",         ENTERS,   "out0", "st so p1"},
		{4, "as_calling",    ENTERS,   "out0", "st so a1 so p1"},
		{4, "as_called",     ENTERS,   "out1", "st a2 st so p1"},
		{4, "as_both",       ENTERS,   "out1", "st a2 st so a1 so p1"},
		{4, "r2",            ENTERS,   "out0", "st2 st1 so2 so1 p1"},
		{4, "r2_as_both",    ENTERS,   "out1",
				"st2 st1 a2 st2 st1 so2 so1 a1 so2 so1 p1"},
		{4, "no_own",        STRAIGHT, "in0",  "p1"},
		{4, "no_own_as",     STRAIGHT, "in1",  "a2 a1 p1"},
		{4, "strict",        ENTERS,   "out0", "st so p1s"},
		{4, "strict_no_own", STRAIGHT, "in0",  "p1s"},
		{4, "no_routes",     STRAIGHT, "in0",  ""},
		/* clang-format on */
};

/* What the four items have of To, From and CSeq: as the clause's table. */
static const struct item
{
	enum irl_side serves;
	enum irl_leg_id to;
	const char *request_uri, *to_value, *to_tag, *from_value, *from_tag;
	uint32_t cseq;
} items[] = {
		/* clang-format off */
		[1] = {IRL_ORIG, IRL_CALLEE, BOB,   CALL_TO,   "b-1", CALL_FROM, "a-1",
				105},
		[2] = {IRL_ORIG, IRL_CALLER, ALICE, CALL_FROM, "a-1", CALL_TO,   "b-1",
				RND + 1},
		[3] = {IRL_TERM, IRL_CALLEE, BOB,   CALL_TO,   "b-1", CALL_FROM, "a-1",
				105},
		[4] = {IRL_TERM, IRL_CALLER, ALICE, CALL_FROM, "a-1", CALL_TO,   "b-1",
				RND + 1},
		/* clang-format on */
};

static const struct irl_bye_policy policy = {1, call_is_own, RND};

static const struct layout *layout_of(const char *name)
{
	size_t i;

	for(i = 0; i < COUNT(layouts); i++) {
		if(!strcmp(layouts[i].name, name))
			return &layouts[i];
	}
	fail_msg("no layout %s", name);
	return NULL;
}

static void add_passes(
		struct irl_session *s, const int nroutes[3], enum irl_side side)
{
	for(; *nroutes >= 0; nroutes++)
		call_pass(s, *nroutes, side, IRL_NO_SIDE);
}

static int give_release(struct irl_session *s)
{
	s->release = irl_mem.alloc(sizeof(*s->release));
	if(!s->release)
		return 0;
	*s->release = call_release;
	return 1;
}

/* The call, served here on one side or on both, answered and acknowledged; the
 * caller sent PRACK, UPDATE and ACK besides, the callee nothing. */
static void set_up(
		struct irl_session **out, const struct layout *l, enum irl_side serves)
{
	struct irl_dialog *dlg = NULL;
	struct irl_session *s;
	int pass;

	call_own = serves;
	NEED(s = *out = call_invite());
	if(serves & IRL_ORIG)
		add_passes(s, l->orig, IRL_ORIG);
	if(serves & IRL_TERM)
		add_passes(s, l->term, IRL_TERM);
	for(pass = s->npasses - 1; pass >= 0; pass--)
		NEED(dlg = call_answer(s, "b-1", BOB, l->routes, pass));
	irl_cseq_note(&dlg->leg[IRL_CALLER].cseq, 102);
	irl_cseq_note(&dlg->leg[IRL_CALLER].cseq, 104);
	irl_cseq_note(&dlg->leg[IRL_CALLER].cseq, 103);
	NEED(give_release(s));
}

static struct irl_session *call_of(const struct layout *l, enum irl_side serves)
{
	struct irl_session *s;

	unit_mem_reset(0);
	set_up(&s, l, serves);
	return s;
}

static void expect_routes(
		const char *row, const struct irl_bye *bye, const char *signs)
{
	str want[IRL_ROUTES_MAX];
	int i;

	unit_expect_int(
			row, "number of routes", bye->nroutes, call_routes(signs, want));
	for(i = 0; i < bye->nroutes; i++)
		unit_expect_str(row, "route", bye->routes[i], want[i].s);
}

static void expect_item(
		const char *row, const struct irl_bye *bye, const struct item *it)
{
	unit_expect_int(row, "party", bye->to, it->to);
	unit_expect_str(row, "Request-URI", bye->request_uri, it->request_uri);
	unit_expect_str(row, "To", bye->to_value, it->to_value);
	unit_expect_str(row, "To tag", bye->to_tag, it->to_tag);
	unit_expect_str(row, "From", bye->from_value, it->from_value);
	unit_expect_str(row, "From tag", bye->from_tag, it->from_tag);
	unit_expect_str(row, "Call-ID", bye->callid, "3848276298220188511@ua-a");
	unit_expect_int(row, "CSeq", bye->cseq, it->cseq);
	unit_expect_str(row, "Reason", bye->reason,
			"Reason: SIP;cause=503;text=\"Out of \\\"order\\\"\"\r\n");
}

static void expect_golden(const char *name, const struct irl_bye *bye)
{
	char message[8192];

	golden_expect(name, message, call_print_bye(bye, message, sizeof(message)));
}

static void each_row(enum irl_side both)
{
	struct irl_session *s;
	struct irl_bye bye;
	char name[64];
	size_t i;

	for(i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];
		const struct item *it = &items[r->item];

		if(both && it->serves != IRL_ORIG)
			continue;
		snprintf(name, sizeof(name), "item%d_%s", r->item, r->layout);
		s = call_of(layout_of(r->layout), both ? both : it->serves);
		unit_expect_int(name, "result",
				irl_bye_build(s, s->current, it->to, &policy, &bye), 0);
		unit_expect_int(name, "item", bye.item, r->item);
		unit_expect_int(name, "enters here", bye.enters_here, r->enters);
		unit_expect_str(name, "socket", unit_str(bye.socket), r->socket);
		expect_routes(name, &bye, r->route);
		expect_item(name, &bye, it);
		expect_golden(name, &bye);
		irl_session_free(s);
		assert_int_equal(unit_mem_live(), 0);
	}
}

static void one_user_served(void **state)
{
	(void)state;
	each_row(IRL_NO_SIDE);
}

/* Both users served here: one pair, items 1 and 2, byte for byte as if the
 * calling user alone were. */
static void both_users_served(void **state)
{
	(void)state;
	each_row(IRL_BOTH);
}

/* TS 24.229 7.2A.18: values of other protocols beside SIP's, in both. */
static void other_values(void **state)
{
	static const char others[] = "Q.850;cause=31;text=\"Normal, unspecified\", "
								 "RELEASE_CAUSE;cause=2";
	struct irl_session *s = call_of(layout_of("as_both"), IRL_ORIG);
	struct irl_bye bye;

	(void)state;
	s->release->others_len = sizeof(others) - 1;
	memcpy(s->release->others, others, sizeof(others) - 1);
	assert_int_equal(
			irl_bye_build(s, s->current, IRL_CALLEE, &policy, &bye), 0);
	expect_golden("item1_other_values", &bye);
	assert_int_equal(
			irl_bye_build(s, s->current, IRL_CALLER, &policy, &bye), 0);
	expect_golden("item2_other_values", &bye);
	irl_session_free(s);
}

/* What of a Contact has no place in a Request-URI (RFC 3261 19.1.1). */
static void plain_target(void **state)
{
	static const str alice = BYTES(ALICE "?Route=%3Csip:x;lr%3E&Reason=y");
	static const str bob = BYTES(BOB ";method=INVITE?Subject=z");
	struct irl_session *s = call_of(layout_of("as_both"), IRL_ORIG);
	struct irl_bye bye;

	(void)state;
	irl_session_refresh(s, s->current, IRL_CALLER, 104, &alice, &bob);
	unit_expect_str("Contact", "stored",
			irl_session_target(s, s->current, IRL_CALLEE), bob.s);
	assert_int_equal(
			irl_bye_build(s, s->current, IRL_CALLEE, &policy, &bye), 0);
	expect_item("callee", &bye, &items[1]);
	expect_golden("item1_as_both", &bye);
	assert_int_equal(
			irl_bye_build(s, s->current, IRL_CALLER, &policy, &bye), 0);
	expect_item("caller", &bye, &items[2]);
	expect_golden("item2_as_both", &bye);
	irl_session_free(s);
}

static void table_is_complete(void **state)
{
	size_t i, k;
	int item, n;

	(void)state;
	for(item = 1; item <= 4; item++) {
		for(i = 0; i < COUNT(layouts); i++) {
			for(n = 0, k = 0; k < COUNT(rows); k++)
				n += rows[k].item == item
					 && !strcmp(rows[k].layout, layouts[i].name);
			unit_expect_int(layouts[i].name, "rows", n, 1);
		}
	}
}

/* ---- variants ---- */

/* Without service control (`service_control` 0) both leave on their party's
 * side of the point where the served user's own BYE would enter. */
static const struct row straight_rows[] = {
		/* clang-format off */
		{1, "no_as",         STRAIGHT, "out0", "st p2"},
		{1, "as_calling",    STRAIGHT, "out0", "a1 so st p2"},
		{1, "as_both",       STRAIGHT, "out0", "a1 so st a2 st p2"},
		{1, "r2",            STRAIGHT, "out0", "st1 st2 p2"},
		{1, "strict",        STRAIGHT, "out0", "st p2s"},
		{2, "as_both",       STRAIGHT, "in0",  "p1"},
		{3, "as_both",       STRAIGHT, "out1", "p2"},
		{4, "no_as",         STRAIGHT, "in0",  "so p1"},
		{4, "as_called",     STRAIGHT, "in1",  "a2 st so p1"},
		{4, "as_both",       STRAIGHT, "in1",  "a2 st so a1 so p1"},
		{4, "r2",            STRAIGHT, "in0",  "so2 so1 p1"},
		{4, "strict",        STRAIGHT, "in0",  "so p1s"},
		/* clang-format on */
};

static void without_service_control(void **state)
{
	static const struct irl_bye_policy off = {0, call_is_own, RND};
	struct irl_session *s;
	struct irl_bye bye;
	char name[64];
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(straight_rows); i++) {
		const struct row *r = &straight_rows[i];
		const struct item *it = &items[r->item];

		snprintf(name, sizeof(name), "item%d_%s", r->item, r->layout);
		s = call_of(layout_of(r->layout), it->serves);
		assert_int_equal(irl_bye_build(s, s->current, it->to, &off, &bye), 0);
		unit_expect_int(name, "item", bye.item, r->item);
		unit_expect_int(name, "enters here", bye.enters_here, 0);
		unit_expect_str(name, "socket", unit_str(bye.socket), r->socket);
		expect_routes(name, &bye, r->route);
		expect_item(name, &bye, it);
		irl_session_free(s);
	}
}

/* In the caller's place: from the first pass the BYE for a late 2xx, from the
 * entry the ACK that nobody sends. */
enum from
{
	FIRST,
	ENTRY
};

static const struct caller_row
{
	enum from from;
	const char *layout;
	enum irl_side serves;
	const char *socket, *route;
} caller_rows[] = {
		/* clang-format off */
		{FIRST, "no_as",         IRL_ORIG, "out0", "st p2"},
		{FIRST, "as_calling",    IRL_ORIG, "out0", "a1 so st p2"},
		{FIRST, "as_called",     IRL_ORIG, "out0", "st a2 st p2"},
		{FIRST, "as_both",       IRL_ORIG, "out0", "a1 so st a2 st p2"},
		{FIRST, "r2",            IRL_ORIG, "out0", "st1 st2 p2"},
		{FIRST, "no_own",        IRL_ORIG, "out0", "p2"},
		{FIRST, "strict",        IRL_ORIG, "out0", "st p2s"},
		{FIRST, "strict_no_own", IRL_ORIG, "out0", "p2s"},
		{FIRST, "no_routes",     IRL_ORIG, "out0", ""},
		{FIRST, "no_as",         IRL_TERM, "out0", "p2"},
		{FIRST, "as_called",     IRL_TERM, "out0", "a2 st p2"},
		{FIRST, "as_both",       IRL_TERM, "out0", "a2 st p2"},
		{FIRST, "as_both",       IRL_BOTH, "out0", "a1 so st a2 st p2"},

		{ENTRY, "no_as",         IRL_ORIG, "out0", "st p2"},
		{ENTRY, "as_both",       IRL_ORIG, "out0", "a1 so st a2 st p2"},
		{ENTRY, "no_as",         IRL_TERM, "out0", "p2"},
		{ENTRY, "as_called",     IRL_TERM, "out1", "p2"},
		{ENTRY, "as_both",       IRL_TERM, "out1", "p2"},
		{ENTRY, "r2_as_both",    IRL_TERM, "out1", "p2"},
		{ENTRY, "as_both",       IRL_BOTH, "out0", "a1 so st a2 st p2"},
		/* clang-format on */
};

/* Past all application servers of the users served here. */
static const struct around_row
{
	const char *layout;
	enum irl_side serves;
	enum irl_leg_id to;
	const char *socket, *route;
} around_rows[] = {
		/* clang-format off */
		{"no_as",      IRL_ORIG, IRL_CALLEE, "out0", "st p2"},
		{"no_as",      IRL_TERM, IRL_CALLER, "in0",  "so p1"},
		{"as_calling", IRL_ORIG, IRL_CALLEE, "out1", "st p2"},
		{"as_calling", IRL_ORIG, IRL_CALLER, "in0",  "p1"},
		{"as_called",  IRL_TERM, IRL_CALLER, "in0",  "so p1"},
		{"as_called",  IRL_TERM, IRL_CALLEE, "out1", "p2"},
		{"as_both",    IRL_ORIG, IRL_CALLEE, "out1", "st a2 st p2"},
		{"as_both",    IRL_TERM, IRL_CALLER, "in0",  "so a1 so p1"},
		{"as_both",    IRL_BOTH, IRL_CALLEE, "out3", "p2"},
		{"as_both",    IRL_BOTH, IRL_CALLER, "in0",  "p1"},
		{"r2_as_both", IRL_ORIG, IRL_CALLEE, "out1", "st1 st2 a2 st1 st2 p2"},
		{"r2_as_both", IRL_TERM, IRL_CALLER, "in0",  "so2 so1 a1 so2 so1 p1"},
		{"strict",     IRL_ORIG, IRL_CALLEE, "out0", "st p2s"},
		{"no_own",     IRL_ORIG, IRL_CALLEE, "out0", "p2"},
		/* clang-format on */
};

static void straight_to_a_user(void **state)
{
	static const char *const sides[] = {"", "orig", "term", "both"};
	struct irl_session *s;
	struct irl_bye bye;
	char name[64];
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(around_rows); i++) {
		const struct around_row *r = &around_rows[i];
		int to_callee = r->to == IRL_CALLEE;

		snprintf(name, sizeof(name), "straight_%s_%s_%s",
				to_callee ? "callee" : "caller", sides[r->serves], r->layout);
		s = call_of(layout_of(r->layout), r->serves);
		unit_expect_int(name, "result",
				irl_bye_build_straight(s, s->current, r->to, &policy, &bye), 0);
		unit_expect_int(name, "enters here", bye.enters_here, 0);
		unit_expect_str(name, "socket", unit_str(bye.socket), r->socket);
		expect_routes(name, &bye, r->route);
		expect_item(name, &bye, &items[to_callee ? 1 : 4]);
		expect_golden(name, &bye);
		irl_session_free(s);
	}
}

static void for_the_caller(void **state)
{
	static const char *const sides[] = {"", "orig", "term", "both"};
	struct irl_session *s;
	struct irl_bye bye;
	char name[64];
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(caller_rows); i++) {
		const struct caller_row *r = &caller_rows[i];
		const struct irl_pass *from;

		snprintf(name, sizeof(name), "late_%s_%s", sides[r->serves], r->layout);
		s = call_of(layout_of(r->layout), r->serves);
		from = r->from == FIRST ? &s->pass[0]
								: irl_session_entry(s, s->current, NULL);
		unit_expect_int(name, "result",
				irl_bye_build_for_caller(s, s->current, from, &policy, &bye),
				0);
		unit_expect_int(name, "item", bye.item, 0);
		unit_expect_int(name, "enters here", bye.enters_here, 0);
		unit_expect_str(name, "socket", unit_str(bye.socket), r->socket);
		expect_routes(name, &bye, r->route);
		expect_item(name, &bye, &items[1]);
		if(r->from == FIRST)
			expect_golden(name, &bye);
		irl_session_free(s);
	}
}

/* ---- CSeq, target, tags: whatever came after the INVITE ---- */

static const struct cseq_row
{
	const char *row;
	uint32_t seen_caller, seen_callee; /* 0: none */
	uint32_t to_callee, to_caller;
} cseq_rows[] = {
		/* clang-format off */
		{"INVITE alone",         0,   0,          102,  RND + 1},
		{"callee sent one",      0,   7,          102,  8},
		{"both did",             900, 41,         901,  42},
		{"stale one of caller",  5,   0,          102,  RND + 1},
		{"caller at the border", 2147483646u, 0,  2147483647u, RND + 1},
		{"callee at the border", 0, 2147483646u,  102,  2147483647u},
		/* clang-format on */
};

static void cseq_of_each_direction(void **state)
{
	struct irl_session *s;
	struct irl_dialog *dlg;
	struct irl_bye bye;
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(cseq_rows); i++) {
		const struct cseq_row *r = &cseq_rows[i];

		unit_mem_reset(0);
		s = call_invite();
		call_pass(s, 1, IRL_ORIG, IRL_NO_SIDE);
		dlg = call_answer(s, "b-1", BOB, "p1 so st p2", 0);
		assert_true(give_release(s));
		if(r->seen_caller)
			irl_cseq_note(&dlg->leg[IRL_CALLER].cseq, r->seen_caller);
		if(r->seen_callee)
			irl_cseq_note(&dlg->leg[IRL_CALLEE].cseq, r->seen_callee);
		assert_int_equal(irl_bye_build(s, dlg, IRL_CALLEE, &policy, &bye), 0);
		unit_expect_int(r->row, "to callee", bye.cseq, r->to_callee);
		assert_int_equal(irl_bye_build(s, dlg, IRL_CALLER, &policy, &bye), 0);
		unit_expect_int(r->row, "to caller", bye.cseq, r->to_caller);
		irl_session_free(s);
	}
}

/* Whatever random number there is, both BYEs stay below 2^31. */
static void cseq_is_random_and_legal(void **state)
{
	static const uint32_t rnds[] = {
			0, 1, 0x7ffffffeu, 0x7fffffffu, 0x80000000u, 0xffffffffu};
	struct irl_bye_policy p = policy;
	struct irl_session *s = call_of(&layouts[0], IRL_ORIG);
	struct irl_bye bye;
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(rnds); i++) {
		p.rnd = rnds[i];
		assert_int_equal(irl_bye_build(s, s->current, IRL_CALLER, &p, &bye), 0);
		assert_in_range(bye.cseq, 1, IRL_CSEQ_MAX - IRL_CSEQ_RETRY_STEP);
	}
	irl_session_free(s);
}

static void after_refreshes(struct irl_session **out)
{
	str alice = unit_str("sip:alice@198.51.100.1"), none = unit_str("");
	str bob = unit_str("sip:bob@198.51.100.2");
	struct irl_session *s;
	struct irl_dialog *dlg;
	struct irl_bye bye;

	call_own = IRL_ORIG;
	NEED(s = *out = call_invite());
	call_pass(s, 1, IRL_ORIG, IRL_NO_SIDE);
	NEED(dlg = call_answer(s, "b-1", BOB, "p1 so st p2", 0));
	NEED(give_release(s));
	NEED(irl_session_refresh(s, dlg, IRL_CALLER, 102, &alice, &none) == 0);
	NEED(irl_session_refresh(s, dlg, IRL_CALLEE, 1, &bob, &none) == 0);
	assert_int_equal(irl_bye_build(s, dlg, IRL_CALLEE, &policy, &bye), 0);
	unit_expect_str("refreshed", "callee", bye.request_uri, bob.s);
	assert_int_equal(irl_bye_build(s, dlg, IRL_CALLER, &policy, &bye), 0);
	unit_expect_str("refreshed", "caller", bye.request_uri, alice.s);
}

/* A forked call: each dialog has its BYEs, and they are not mixed up. */
static void of_two_dialogs(struct irl_session **out)
{
	struct irl_session *s;
	struct irl_dialog *one, *two;
	struct irl_bye bye;

	call_own = IRL_ORIG;
	NEED(s = *out = call_invite());
	call_pass(s, 1, IRL_ORIG, IRL_NO_SIDE);
	NEED(one = call_answer(s, "b-1", BOB, "p1 so st p2", 0));
	NEED(two = call_answer(s, "b-2", "sip:bob@desk", "p1 so st", 0));
	NEED(give_release(s));
	assert_int_equal(irl_bye_build(s, one, IRL_CALLEE, &policy, &bye), 0);
	unit_expect_str("one", "Request-URI", bye.request_uri, BOB);
	unit_expect_str("one", "To tag", bye.to_tag, "b-1");
	expect_routes("one", &bye, "so st p2");
	assert_int_equal(irl_bye_build(s, two, IRL_CALLEE, &policy, &bye), 0);
	unit_expect_str("two", "Request-URI", bye.request_uri, "sip:bob@desk");
	unit_expect_str("two", "To tag", bye.to_tag, "b-2");
	expect_routes("two", &bye, "so st");
	assert_int_equal(irl_bye_build(s, two, IRL_CALLER, &policy, &bye), 0);
	unit_expect_str("two", "From tag", bye.from_tag, "b-2");
}

/* ---- what there is no BYE for ---- */

static void build_all(const struct irl_session *s, const struct irl_dialog *dlg,
		int caller, int callee)
{
	const struct irl_pass *from = s->npasses ? &s->pass[0] : NULL;
	struct irl_bye bye;

	unit_expect_int("to caller", "result",
			irl_bye_build(s, dlg, IRL_CALLER, &policy, &bye), caller);
	unit_expect_int("to callee", "result",
			irl_bye_build(s, dlg, IRL_CALLEE, &policy, &bye), callee);
	unit_expect_int("for caller", "result",
			irl_bye_build_for_caller(s, dlg, from, &policy, &bye), callee);
}

static void none_while_early(struct irl_session **s)
{
	str tag = unit_str("b-1");
	struct irl_dialog *dlg;

	NEED(*s = call_invite());
	call_pass(*s, 1, IRL_ORIG, IRL_NO_SIDE);
	NEED(dlg = irl_session_early(*s, &tag, 0));
	NEED(give_release(*s));
	build_all(*s, dlg, ENOENT, ENOENT);
}

static void none_without_target_of_callee(struct irl_session **s)
{
	struct irl_dialog *dlg;

	NEED(*s = call_invite());
	call_pass(*s, 1, IRL_ORIG, IRL_NO_SIDE);
	NEED(dlg = call_answer(*s, "b-1", "", "p1 so", 0));
	NEED(give_release(*s));
	build_all(*s, dlg, 0, ENOENT);
}

static void none_without_target_of_caller(struct irl_session **s)
{
	struct irl_invite inv = {.callid = unit_str("c"),
			.from = unit_str("<sip:a@b>"),
			.from_tag = unit_str("a-1"),
			.cseq = 1};
	struct irl_dialog *dlg;

	NEED(*s = irl_session_new(&inv));
	call_pass(*s, 1, IRL_ORIG, IRL_NO_SIDE);
	NEED(dlg = call_answer(*s, "b-1", BOB, "p1 so", 0));
	NEED(give_release(*s));
	build_all(*s, dlg, ENOENT, 0);
}

static void none_without_a_pass(struct irl_session **s)
{
	struct irl_dialog *dlg;

	NEED(*s = call_invite());
	NEED(dlg = call_answer(*s, "b-1", BOB, "", 0));
	NEED(give_release(*s));
	build_all(*s, dlg, ENOENT, ENOENT);
}

/* The 2xx has fewer Record-Routes than the INVITE had: nothing beyond them. */
static void fewer_routes_than_the_invite(struct irl_session **s)
{
	struct irl_dialog *dlg;
	struct irl_bye bye;

	NEED(*s = call_invite());
	call_pass(*s, 20, IRL_ORIG, IRL_NO_SIDE);
	NEED(dlg = call_answer(*s, "b-1", BOB, "p1 so", 0));
	NEED(give_release(*s));
	assert_int_equal(irl_bye_build(*s, dlg, IRL_CALLEE, &policy, &bye), 0);
	expect_routes("fewer", &bye, "");
	assert_int_equal(irl_bye_build(*s, dlg, IRL_CALLER, &policy, &bye), 0);
	expect_routes("fewer", &bye, "so p1");
}

/* The INVITE had too many Record-Routes, or malformed ones: our own is found. */
static void place_that_the_invite_did_not_tell(struct irl_session **s)
{
	struct irl_dialog *dlg;
	struct irl_bye bye;

	call_own = IRL_ORIG;
	NEED(*s = call_invite());
	call_pass(*s, IRL_ROUTES_UNKNOWN, IRL_ORIG, IRL_NO_SIDE);
	NEED(dlg = call_answer(*s, "b-1", BOB, "p1 so st p2", 0));
	NEED(give_release(*s));
	assert_int_equal(irl_bye_build(*s, dlg, IRL_CALLEE, &policy, &bye), 0);
	expect_routes("unknown", &bye, "so st p2");
	assert_int_equal(irl_bye_build(*s, dlg, IRL_CALLER, &policy, &bye), 0);
	expect_routes("unknown", &bye, "p1");
	assert_int_equal(
			irl_bye_build_for_caller(*s, dlg, &(*s)->pass[0], &policy, &bye),
			0);
	expect_routes("unknown", &bye, "st p2");
}

/* Nor is it in the 2xx: no way can be told. */
static void place_that_nobody_told(struct irl_session **s)
{
	struct irl_dialog *dlg;

	NEED(*s = call_invite());
	call_pass(*s, IRL_ROUTES_UNKNOWN, IRL_ORIG, IRL_NO_SIDE);
	NEED(dlg = call_answer(*s, "b-1", BOB, "p1 p2", 0));
	NEED(give_release(*s));
	build_all(*s, dlg, ENOENT, ENOENT);
}

/* As many as there may be, and the longest text: nothing is cut off. */
static void the_largest(struct irl_session **out)
{
	static const char all[] = "p1 so st a2 p1 so st a2 p1 so st a2 p1 so st a2 "
							  "p1 so st a2 p1 so st a2 p1 so st a2 p1 so st p2";
	struct irl_session *s;
	struct irl_dialog *dlg;
	struct irl_bye bye;

	call_own = IRL_ORIG;
	NEED(s = *out = call_invite());
	call_pass(s, 1, IRL_ORIG, IRL_NO_SIDE);
	NEED(dlg = call_answer(s, "b-1", BOB, all, 0));
	NEED(give_release(s));
	s->release->text_len = IRL_TEXT_MAX;
	memset(s->release->text, '\\', IRL_TEXT_MAX);
	s->release->others_len = IRL_OTHERS_MAX;
	memset(s->release->others, 'x', IRL_OTHERS_MAX);
	assert_int_equal(irl_bye_build(s, dlg, IRL_CALLEE, &policy, &bye), 0);
	expect_routes("largest", &bye, all + 3);
	assert_int_equal(bye.reason.len, IRL_REASON_MAX - 1);
	assert_memory_equal(bye.reason.s + bye.reason.len - 5, "xxx\r\n", 5);
}

/* Each layout's set-up once more, with each of its allocations refused. */
static const struct layout *current_layout;

static void set_up_both(struct irl_session **s)
{
	set_up(s, current_layout, IRL_BOTH);
}

static void set_up_without_memory(void **state)
{
	void *scenario = (void *)set_up_both;
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(layouts); i++) {
		current_layout = &layouts[i];
		unit_run_without_memory(&scenario);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(table_is_complete),
			cmocka_unit_test(one_user_served),
			cmocka_unit_test(both_users_served),
			cmocka_unit_test(other_values),
			cmocka_unit_test(plain_target),
			cmocka_unit_test(without_service_control),
			cmocka_unit_test(for_the_caller),
			cmocka_unit_test(straight_to_a_user),
			cmocka_unit_test(cseq_of_each_direction),
			cmocka_unit_test(cseq_is_random_and_legal),
			UNIT_SCENARIO(after_refreshes),
			UNIT_SCENARIO(of_two_dialogs),
			UNIT_SCENARIO(none_while_early),
			UNIT_SCENARIO(none_without_target_of_callee),
			UNIT_SCENARIO(none_without_target_of_caller),
			UNIT_SCENARIO(none_without_a_pass),
			UNIT_SCENARIO(fewer_routes_than_the_invite),
			UNIT_SCENARIO(place_that_the_invite_did_not_tell),
			UNIT_SCENARIO(place_that_nobody_told),
			UNIT_SCENARIO(the_largest),
			cmocka_unit_test(set_up_without_memory),
	};

	return cmocka_run_group_tests_name("bye", tests, NULL, NULL);
}

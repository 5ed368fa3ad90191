/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record of a session: what is "stored for the dialog" */
#include "core_session.h"

#include <errno.h>

#include "call.h"
#include "core_cseq.h"

#define ROUTES "p1 so st p2"
#define A_MOVED "sip:alice@moved"

/* A contact that makes the block grow, so that memory can be refused. */
static char long_contact[2][1200];

static const char *long_one(int n)
{
	memset(long_contact[n], 'a' + n, sizeof(long_contact[n]) - 1);
	memcpy(long_contact[n], "sip:", 4);
	return long_contact[n];
}

static void expect_target(const struct irl_session *s,
		const struct irl_dialog *dlg, const char *caller, const char *callee)
{
	unit_expect_str(
			"target", "caller", irl_session_target(s, dlg, IRL_CALLER), caller);
	unit_expect_str(
			"target", "callee", irl_session_target(s, dlg, IRL_CALLEE), callee);
}

/* What a release would send is as it was. */
static void expect_image(const struct irl_session *s, char *before)
{
	char *now = call_image(s);

	assert_string_equal(before, now);
	free(now);
	free(before);
}

/* ---- new ---- */

static void new_session(struct irl_session **s)
{
	struct irl_dialog *dlg;

	NEED(*s = call_invite());
	dlg = (*s)->current;
	assert_ptr_equal(dlg, &(*s)->first);
	assert_int_equal((*s)->state, IRL_EARLY);
	assert_int_equal((*s)->npasses, 0);
	assert_null((*s)->release);
	unit_expect_str("new", "Call-ID", irl_text_get(&(*s)->text, (*s)->callid),
			"3848276298220188511@ua-a");
	unit_expect_str(
			"new", "From", irl_text_get(&(*s)->text, (*s)->from), CALL_FROM);
	unit_expect_str("new", "To", irl_text_get(&(*s)->text, (*s)->to),
			"<tel:+4930123456>");
	unit_expect_str("new", "impu", irl_text_get(&(*s)->text, (*s)->impu),
			"sip:alice@home-a.example");
	unit_expect_str("new", "icid", irl_text_get(&(*s)->text, (*s)->icid),
			"1234bc9876e");
	unit_expect_str("new", "tag", irl_session_tag(*s, dlg, IRL_CALLER), "a-1");
	unit_expect_str("new", "tag", irl_session_tag(*s, dlg, IRL_CALLEE), "");
	expect_target(*s, dlg, ALICE, "");
	assert_int_equal(irl_cseq_highest(dlg->leg[IRL_CALLER].cseq), 101);
	assert_int_equal(dlg->leg[IRL_CALLEE].cseq, 0);
	assert_null(irl_session_entry(*s, dlg, NULL));
	assert_int_equal(irl_session_served(*s), IRL_NO_SIDE);
}

static void new_of_nothing(struct irl_session **s)
{
	struct irl_invite inv = {.cseq = 0};

	NEED(*s = irl_session_new(&inv));
	assert_int_equal((*s)->text.used, 0);
	assert_int_equal(irl_cseq_use((*s)->first.leg[IRL_CALLER].cseq, 0), 1);
}

static void new_is_too_large(void **state)
{
	static char big[IRL_BLOCK_MAX];
	struct irl_invite inv = {.callid = unit_str("c"), .cseq = 1};

	(void)state;
	unit_mem_reset(0);
	memset(big, 'x', sizeof(big));
	inv.contact.s = big;
	inv.contact.len = sizeof(big);
	assert_null(irl_session_new(&inv));
	assert_int_equal(unit_mem_live(), 0);
}

static void free_nothing(void **state)
{
	(void)state;
	irl_session_free(NULL);
}

/* ---- passes ---- */

/* Each pass is a letter: o orig, t term, b both, - nothing said or guessed. */
static const struct entry_row
{
	const char *row, *said, *guessed;
	unsigned mask; /* passes that the dialog went through, 0: not known */
	enum irl_side served;
	int entry;
	enum irl_side side;
} entry_rows[] = {
		/* clang-format off */
		/* guessed alone */
		{"one, orig",            "-",    "o",    0, IRL_ORIG, 0, IRL_ORIG},
		{"one, term",            "-",    "t",    0, IRL_TERM, 0, IRL_TERM},
		{"one, nothing",         "-",    "-",    0, 0,        0, IRL_ORIG},
		{"calling: the first",   "---",  "ooo",  0, IRL_ORIG, 0, IRL_ORIG},
		{"called: the last",     "---",  "ttt",  0, IRL_TERM, 2, IRL_TERM},
		{"both: as the calling", "----", "oott", 0, IRL_BOTH, 0, IRL_ORIG},
		{"called, then calling", "--",   "to",   0, IRL_BOTH, 1, IRL_ORIG},
		{"one that is both",     "-",    "b",    0, IRL_BOTH, 0, IRL_ORIG},
		{"neither first",        "---",  "-ot",  0, IRL_BOTH, 1, IRL_ORIG},
		{"neither last",         "---",  "tt-",  0, IRL_TERM, 1, IRL_TERM},

		/* said overrides whatever is guessed, on every pass */
		{"said orig",            "o",    "t",    0, IRL_ORIG, 0, IRL_ORIG},
		{"said term",            "t",    "o",    0, IRL_TERM, 0, IRL_TERM},
		{"said on one of three", "-t-",  "ooo",  0, IRL_TERM, 1, IRL_TERM},
		{"orig: the first said", "-oo",  "ooo",  0, IRL_ORIG, 1, IRL_ORIG},
		{"term: the last said",  "tt-",  "ttt",  0, IRL_TERM, 1, IRL_TERM},
		{"said both sides",      "ot",   "oo",   0, IRL_BOTH, 0, IRL_ORIG},
		{"said term, then orig", "to",   "tt",   0, IRL_BOTH, 1, IRL_ORIG},

		/* of the passes that the dialog went through */
		{"not through the last", "---",  "ttt",  3, IRL_TERM, 1, IRL_TERM},
		{"nor the second",       "---",  "ttt",  1, IRL_TERM, 0, IRL_TERM},
		{"first and last",       "---",  "ttt",  5, IRL_TERM, 2, IRL_TERM},
		{"not through the first", "---", "ooo",  6, IRL_ORIG, 1, IRL_ORIG},
		{"its side, not both",   "--",   "ot",   2, IRL_BOTH, 1, IRL_TERM},
		{"all",                  "----", "oott", 15, IRL_BOTH, 0, IRL_ORIG},
		/* clang-format on */
};

static enum irl_side side_of(char c)
{
	return c == 'o'	  ? IRL_ORIG
		   : c == 't' ? IRL_TERM
		   : c == 'b' ? IRL_BOTH
					  : IRL_NO_SIDE;
}

static void served_and_entry(void **state)
{
	size_t i, k;

	(void)state;
	for(i = 0; i < COUNT(entry_rows); i++) {
		const struct entry_row *r = &entry_rows[i];
		const struct irl_pass *entry;
		struct irl_session *s;
		enum irl_side side = 77;

		unit_mem_reset(0);
		s = call_invite();
		for(k = 0; r->said[k]; k++)
			call_pass(s, (int)k, side_of(r->said[k]), side_of(r->guessed[k]));
		s->first.passes = (uint16_t)r->mask;
		unit_expect_int(r->row, "served", irl_session_served(s), r->served);
		entry = irl_session_entry(s, &s->first, &side);
		assert_non_null(entry);
		unit_expect_int(r->row, "entry", entry - s->pass, r->entry);
		unit_expect_int(r->row, "side", side, r->side);
		assert_ptr_equal(entry, irl_session_entry(s, &s->first, NULL));
		irl_session_free(s);
	}
}

/* The dialog went only through passes of which the script said nothing, while
 * it said `term` elsewhere: it is a pass of this dialog all the same. */
static void entry_is_a_pass_of_the_dialog(struct irl_session **s)
{
	const struct irl_pass *entry;

	NEED(*s = call_invite());
	call_pass(*s, 1, IRL_TERM, IRL_TERM);
	call_pass(*s, 2, IRL_NO_SIDE, IRL_TERM);
	(*s)->first.passes = 2;
	entry = irl_session_entry(*s, &(*s)->first, NULL);
	assert_ptr_equal(entry, &(*s)->pass[1]);
}

/* More passes than are told apart: the first stays, the last is the last. */
static void more_passes_than_room(struct irl_session **s)
{
	enum irl_side side;
	int i;

	NEED(*s = call_invite());
	for(i = 0; i < IRL_PASSES_MAX + 5; i++)
		assert_int_equal(call_pass(*s, i, IRL_NO_SIDE, IRL_TERM),
				i < IRL_PASSES_MAX ? i : IRL_PASSES_MAX - 1);
	assert_int_equal((*s)->npasses, IRL_PASSES_MAX);
	assert_int_equal((*s)->pass[0].nroutes, 0);
	assert_int_equal(irl_session_entry(*s, &(*s)->first, &side)->nroutes,
			IRL_PASSES_MAX + 4);
	assert_int_equal(side, IRL_TERM);
}

/* `ims_release_serve()`, in turn: pass, side, IMPU. */
static const struct serve_row
{
	const char *row;
	struct
	{
		int pass;
		enum irl_side side;
		const char *impu;
	} said[4];
	int n;
	enum irl_side served;
	const char *impu;
} serve_rows[] = {
		/* clang-format off */
		{"orig", {{0, IRL_ORIG, "sip:a"}}, 1, IRL_ORIG, "sip:a"},
		{"term", {{1, IRL_TERM, "sip:b"}}, 1, IRL_TERM, "sip:b"},
		{"the first calling user", {{0, IRL_ORIG, "sip:a"},
				{1, IRL_ORIG, "sip:c"}}, 2, IRL_ORIG, "sip:a"},
		{"the last called user", {{0, IRL_TERM, "sip:b"},
				{1, IRL_TERM, "sip:d"}}, 2, IRL_TERM, "sip:d"},
		{"calling before called", {{0, IRL_ORIG, "sip:a"},
				{1, IRL_TERM, "sip:b"}}, 2, IRL_BOTH, "sip:a"},
		{"called, then calling", {{0, IRL_TERM, "sip:b"},
				{1, IRL_ORIG, "sip:a"}}, 2, IRL_BOTH, "sip:a"},
		{"no IMPU named", {{0, IRL_TERM, ""}}, 1, IRL_TERM,
				"sip:alice@home-a.example"},
		{"no IMPU the second time", {{0, IRL_TERM, "sip:b"},
				{1, IRL_TERM, ""}}, 2, IRL_TERM, "sip:b"},
		{"three passes", {{0, IRL_ORIG, "sip:a"}, {1, IRL_TERM, "sip:b"},
				{2, IRL_TERM, "sip:d"}}, 3, IRL_BOTH, "sip:a"},
		/* clang-format on */
};

static void serve(void **state)
{
	size_t i;
	int k;

	(void)state;
	for(i = 0; i < COUNT(serve_rows); i++) {
		const struct serve_row *r = &serve_rows[i];
		struct irl_session *s;
		str impu;

		unit_mem_reset(0);
		s = call_invite();
		for(k = 0; k < 3; k++)
			call_pass(s, k, IRL_NO_SIDE, IRL_NO_SIDE);
		for(k = 0; k < r->n; k++) {
			impu = unit_str(r->said[k].impu);
			assert_int_equal(irl_session_serve(s, r->said[k].pass,
									 r->said[k].side, &impu),
					0);
		}
		unit_expect_int(r->row, "served", irl_session_served(s), r->served);
		unit_expect_str(
				r->row, "impu", irl_text_get(&s->text, s->impu), r->impu);
		irl_session_free(s);
	}
}

/* Whose registration each leg depends on. */
static void users(void **state)
{
	struct irl_session *s;
	str alice = unit_str("sip:a"), bob = unit_str("sip:b"),
		dave = unit_str("sip:d");

	(void)state;
	unit_mem_reset(0);
	s = call_invite();
	call_pass(s, 0, IRL_NO_SIDE, IRL_NO_SIDE);
	call_pass(s, 1, IRL_NO_SIDE, IRL_NO_SIDE);
	irl_session_serve(s, 0, IRL_TERM, &bob);
	unit_expect_str("called", "caller", irl_session_user(s, IRL_CALLER), "");
	unit_expect_str(
			"called", "callee", irl_session_user(s, IRL_CALLEE), "sip:b");
	irl_session_serve(s, 0, IRL_ORIG, &alice);
	unit_expect_str(
			"calling", "caller", irl_session_user(s, IRL_CALLER), "sip:a");
	unit_expect_str("calling", "callee", irl_session_user(s, IRL_CALLEE), "");
	irl_session_serve(s, 1, IRL_TERM, &bob);
	irl_session_serve(s, 1, IRL_TERM, &dave);
	unit_expect_str("both", "caller", irl_session_user(s, IRL_CALLER), "sip:a");
	unit_expect_str("both", "callee", irl_session_user(s, IRL_CALLEE), "sip:d");
	irl_session_free(s);
}

static void serve_with_a_long_impu(struct irl_session **s)
{
	str impu = unit_str(long_one(0));

	NEED(*s = call_invite());
	call_pass(*s, 1, IRL_NO_SIDE, IRL_NO_SIDE);
	if(irl_session_serve(*s, 0, IRL_TERM, &impu) != 0) {
		assert_int_not_equal(unit_mem_refused(), 0);
		unit_expect_str("refused", "impu",
				irl_text_get(&(*s)->text, (*s)->impu),
				"sip:alice@home-a.example");
		return;
	}
	unit_expect_str(
			"long", "impu", irl_text_get(&(*s)->text, (*s)->impu), impu.s);
}

/* ---- early dialogs ---- */

static void early_dialogs(struct irl_session **s)
{
	str one = unit_str("b-1"), two = unit_str("b-2"), none = unit_str("");
	struct irl_dialog *a, *b;

	NEED(*s = call_invite());
	assert_null(irl_session_dialog(*s, &one));
	assert_null(irl_session_dialog(*s, &none));
	NEED(a = irl_session_early(*s, &one, 1));
	assert_ptr_equal(a, &(*s)->first);
	assert_ptr_equal(irl_session_early(*s, &one, 0), a);
	assert_int_equal(a->passes, 3);
	NEED(b = irl_session_early(*s, &two, 2));
	assert_ptr_not_equal(a, b);
	assert_int_equal(b->passes, 4);
	assert_int_equal(b->answered, 0);
	assert_int_equal(b->nroutes, 0);
	assert_int_equal(irl_cseq_highest(b->leg[IRL_CALLER].cseq), 101);
	assert_int_equal(b->leg[IRL_CALLEE].cseq, 0);
	expect_target(*s, b, ALICE, "");
	assert_ptr_equal(irl_session_dialog(*s, &one), a);
	assert_ptr_equal(irl_session_dialog(*s, &two), b);
	assert_null(irl_session_dialog(*s, &none));
	assert_ptr_equal((*s)->current, a);
	unit_expect_str("early", "tag", irl_session_tag(*s, a, IRL_CALLEE), "b-1");
	unit_expect_str("early", "tag", irl_session_tag(*s, b, IRL_CALLEE), "b-2");
	unit_expect_str("early", "tag", irl_session_tag(*s, b, IRL_CALLER), "a-1");
}

/* A pass that is not known does not write beyond the mask. */
static void early_at_no_pass(struct irl_session **s)
{
	static const int passes[] = {-1, IRL_PASSES_MAX, 1000};
	str tag = unit_str("b-1");
	struct irl_dialog *dlg;
	size_t i;

	NEED(*s = call_invite());
	for(i = 0; i < COUNT(passes); i++) {
		NEED(dlg = irl_session_early(*s, &tag, passes[i]));
		assert_int_equal(dlg->passes, 0);
	}
}

/* As many forks as there are: each is found, none overwrites another. */
static void many_forks(struct irl_session **s)
{
	enum
	{
		FORKS = 40
	};
	struct irl_dialog *dlg[FORKS];
	char tag[16];
	int i;

	NEED(*s = call_invite());
	for(i = 0; i < FORKS; i++) {
		str t = {tag, snprintf(tag, sizeof(tag), "fork-%d", i)};

		NEED(dlg[i] = irl_session_early(*s, &t, 0));
	}
	for(i = 0; i < FORKS; i++) {
		str t = {tag, snprintf(tag, sizeof(tag), "fork-%d", i)};

		assert_ptr_equal(irl_session_dialog(*s, &t), dlg[i]);
	}
}

/* ---- answers ---- */

static void answer(struct irl_session **s)
{
	str routes[IRL_ROUTES_MAX], want[IRL_ROUTES_MAX];
	struct irl_dialog *dlg;
	int i, n;

	NEED(*s = call_invite());
	call_pass(*s, 1, IRL_ORIG, IRL_NO_SIDE);
	NEED(dlg = call_answer(*s, "b-1", BOB, ROUTES, 0));
	assert_ptr_equal(dlg, &(*s)->first);
	assert_ptr_equal((*s)->current, dlg);
	assert_int_equal(dlg->answered, 1);
	assert_int_equal(dlg->passes, 1);
	expect_target(*s, dlg, ALICE, BOB);
	unit_expect_str(
			"answer", "To", irl_text_get(&(*s)->text, dlg->to), CALL_TO);
	assert_ptr_equal((*s)->pass[0].out, call_out[0]);
	n = irl_session_routes(*s, dlg, routes);
	assert_int_equal(n, call_routes(ROUTES, want));
	assert_int_equal(dlg->nroutes, n);
	for(i = 0; i < n; i++)
		assert_true(irl_str_eq(&routes[i], &want[i]));
}

/* The 2xx comes by each pass, the one next to the callee first. The dialog is
 * what the entry pass saw of it. */
static const struct seen_row
{
	const char *row, *sides; /* of passes 0, 1, 2: see entry_rows */
	const char *target;		 /* that of the pass in question */
} seen_rows[] = {
		{"calling: of the first", "ooo", "sip:bob@pass0"},
		{"called: of the last", "ttt", "sip:bob@pass2"},
		{"both: of the first", "ott", "sip:bob@pass0"},
		{"called, behind others", "-t-", "sip:bob@pass1"},
		{"calling, behind others", "-oo", "sip:bob@pass1"},
};

static void answer_as_the_served_user_sees_it(void **state)
{
	struct irl_session *s;
	struct irl_dialog *dlg;
	char target[32];
	size_t i;
	int pass;

	(void)state;
	for(i = 0; i < COUNT(seen_rows); i++) {
		const struct seen_row *r = &seen_rows[i];

		unit_mem_reset(0);
		s = call_invite();
		for(pass = 0; pass < 3; pass++)
			call_pass(s, pass, IRL_NO_SIDE, side_of(r->sides[pass]));
		for(pass = 2; pass >= 0; pass--) {
			snprintf(target, sizeof(target), "sip:bob@pass%d", pass);
			dlg = call_answer(s, "b-1", target, ROUTES, pass);
			assert_non_null(dlg);
			assert_ptr_equal(s->pass[pass].out, call_out[pass]);
		}
		assert_int_equal(dlg->answered, 7);
		unit_expect_str(r->row, "target",
				irl_session_target(s, dlg, IRL_CALLEE), r->target);
		irl_session_free(s);
	}
}

/* The same 2xx once more changes nothing, least of all a target that moved. */
static void answer_again(struct irl_session **s)
{
	str moved = unit_str("sip:bob@moved"), none = unit_str("");
	struct irl_dialog *dlg;
	char *image;

	NEED(*s = call_invite());
	call_pass(*s, 1, IRL_ORIG, IRL_NO_SIDE);
	NEED(dlg = call_answer(*s, "b-1", BOB, ROUTES, 0));
	NEED(irl_session_refresh(*s, dlg, IRL_CALLEE, 1, &moved, &none) == 0);
	image = call_image(*s);
	assert_ptr_equal(call_answer(*s, "b-1", "sip:x@y", "p1", 0), dlg);
	expect_image(*s, image);
	expect_target(*s, dlg, ALICE, "sip:bob@moved");
}

static void answer_again_without_refresh(struct irl_session **s)
{
	struct irl_dialog *dlg;
	char *image;

	NEED(*s = call_invite());
	call_pass(*s, 1, IRL_ORIG, IRL_NO_SIDE);
	NEED(dlg = call_answer(*s, "b-1", BOB, ROUTES, 0));
	image = call_image(*s);
	assert_ptr_equal(call_answer(*s, "b-1", "sip:x@y", "p1", 0), dlg);
	expect_image(*s, image);
}

/* The 2xx takes its time to the entry pass, and a target moves meanwhile. */
static void refresh_before_the_entry_pass(struct irl_session **s)
{
	str moved = unit_str("sip:bob@moved"), none = unit_str("");
	struct irl_dialog *dlg;

	NEED(*s = call_invite());
	call_pass(*s, 1, IRL_ORIG, IRL_NO_SIDE);
	call_pass(*s, 2, IRL_ORIG, IRL_NO_SIDE);
	NEED(dlg = call_answer(*s, "b-1", BOB, ROUTES, 1));
	NEED(irl_session_refresh(*s, dlg, IRL_CALLEE, 1, &moved, &none) == 0);
	NEED(call_answer(*s, "b-1", BOB, ROUTES, 0));
	expect_target(*s, dlg, ALICE, "sip:bob@moved");
}

/* An UPDATE while the dialog was early (RFC 3311 5.1, preconditions) does not
 * keep the dialog from being taken over at the entry pass: the refresh was
 * before the 2xx. */
static void early_update_then_answer_at_the_entry_pass(struct irl_session **s)
{
	str alice = unit_str("sip:alice@moved"), none = unit_str("");
	str tag = unit_str("b-1"), routes[IRL_ROUTES_MAX];
	struct irl_dialog *dlg;

	NEED(*s = call_invite());
	call_pass(*s, 1, IRL_ORIG, IRL_NO_SIDE);
	call_pass(*s, 2, IRL_ORIG, IRL_NO_SIDE);
	NEED(dlg = irl_session_early(*s, &tag, 1));
	NEED(irl_session_early(*s, &tag, 0));
	NEED(irl_session_refresh(*s, dlg, IRL_CALLER, 102, &alice, &none) == 0);
	NEED(call_answer(*s, "b-1", "sip:as-side@bob", "p1 so a1 so", 1));
	NEED(call_answer(*s, "b-1", BOB, ROUTES, 0));
	expect_target(*s, dlg, "sip:alice@moved", BOB);
	assert_int_equal(irl_session_routes(*s, dlg, routes), 4);
	unit_expect_str("entry pass", "third route", routes[2],
			"<sip:term@scscf-b.example:5062;lr=on>");
}

/* The dialog is that of the first 2xx, whichever rang first. */
static void answer_of_a_fork(struct irl_session **s)
{
	str one = unit_str("b-1"), two = unit_str("b-2");
	struct irl_dialog *a, *b;

	NEED(*s = call_invite());
	call_pass(*s, 1, IRL_ORIG, IRL_NO_SIDE);
	NEED(a = irl_session_early(*s, &one, 0));
	NEED(b = irl_session_early(*s, &two, 0));
	assert_ptr_equal((*s)->current, a);
	assert_ptr_equal(call_answer(*s, "b-2", "sip:bob@two", ROUTES, 0), b);
	assert_ptr_equal((*s)->current, b);
	assert_int_equal(a->answered, 0);
	expect_target(*s, a, ALICE, "");
	expect_target(*s, b, ALICE, "sip:bob@two");
	/* both answer: it stays the first, and each has its own */
	NEED(call_answer(*s, "b-1", "sip:bob@one", "p1", 0));
	assert_ptr_equal((*s)->current, b);
	expect_target(*s, a, ALICE, "sip:bob@one");
	expect_target(*s, b, ALICE, "sip:bob@two");
}

static void answer_of_a_fork_by_another_socket(struct irl_session **s)
{
	str none = {NULL, 0};
	struct irl_answer ans = {.tag = unit_str("b-2"),
			.to = unit_str(CALL_TO),
			.contact = none,
			.pass = 0,
			.socket = call_out[5]};
	int err;

	NEED(*s = call_invite());
	call_pass(*s, 1, IRL_ORIG, IRL_NO_SIDE);
	NEED(call_answer(*s, "b-1", BOB, ROUTES, 0));
	NEED(irl_session_answer(*s, &ans, &err));
	/* the pass keeps the socket of the dialog that counts */
	assert_ptr_equal((*s)->pass[0].out, call_out[0]);
}

/* ---- a 2xx for which there is no room ---- */

/* Of its dialog only the caller gets a BYE, over the nearest `n` of the routes. */
static void expect_lost(struct irl_session *s, const str *routes, int n)
{
	struct irl_bye_policy policy = {0, call_is_own, 0};
	struct irl_bye bye;
	int i;

	s->release = &call_release;
	assert_int_equal(s->current->lost, 1);
	assert_int_equal(
			irl_bye_build(s, s->current, IRL_CALLEE, &policy, &bye), ENOENT);
	assert_int_equal(
			irl_bye_build_for_caller(s, s->current, &s->pass[0], &policy, &bye),
			ENOENT);
	assert_int_equal(
			irl_bye_build(s, s->current, IRL_CALLER, &policy, &bye), 0);
	s->release = NULL;
	unit_expect_str("lost", "target", bye.request_uri, ALICE);
	unit_expect_str("lost", "tag", bye.from_tag, "b-1");
	assert_int_equal(bye.nroutes, n);
	for(i = 0; i < n; i++)
		unit_expect_str("lost", "route", bye.routes[i], routes[n - 1 - i].s);
}

static void too_many_routes(struct irl_session **s)
{
	str routes[IRL_ROUTES_MAX + 1];
	struct irl_answer ans = {.tag = unit_str("b-1"),
			.to = unit_str(CALL_TO),
			.contact = unit_str(BOB),
			.routes = routes,
			.nroutes = IRL_ROUTES_MAX + 1,
			.socket = call_out[0]};
	int i, err;

	for(i = 0; i <= IRL_ROUTES_MAX; i++)
		routes[i] = unit_str(i == 2 ? "<sip:c;lr>" : "<sip:a;lr>");
	NEED(*s = call_invite());
	call_pass(*s, 3, IRL_ORIG, IRL_NO_SIDE);
	NEED(irl_session_answer(*s, &ans, &err));
	assert_int_equal(err, E2BIG);
	unit_expect_str("many", "To", irl_text_get(&(*s)->text, (*s)->current->to),
			CALL_TO);
	if(unit_mem_refused())
		return;
	expect_lost(*s, routes, 3);
}

static void as_many_routes_as_there_may_be(struct irl_session **s)
{
	str routes[IRL_ROUTES_MAX];
	struct irl_answer ans = {.tag = unit_str("b-1"),
			.to = unit_str(CALL_TO),
			.contact = unit_str(BOB),
			.routes = routes,
			.nroutes = IRL_ROUTES_MAX,
			.socket = call_out[0]};
	int i, err;

	for(i = 0; i < IRL_ROUTES_MAX; i++)
		routes[i] = unit_str("<sip:a;lr>");
	NEED(*s = call_invite());
	call_pass(*s, 1, IRL_ORIG, IRL_NO_SIDE);
	NEED(irl_session_answer(*s, &ans, &err));
	assert_int_equal(err, 0);
	assert_int_equal((*s)->current->lost, 0);
	assert_int_equal(
			irl_session_routes(*s, (*s)->current, routes), IRL_ROUTES_MAX);
}

/* The way to the caller is not known either. */
static void routes_cut_before_our_pass(struct irl_session **s)
{
	struct irl_bye_policy policy = {0, call_is_own, 0};
	str routes[IRL_ROUTES_MAX];
	struct irl_answer ans = {.tag = unit_str("b-1"),
			.to = unit_str(CALL_TO),
			.contact = unit_str(BOB),
			.routes = routes,
			.nroutes = call_routes("p1", routes),
			.cut = 1,
			.socket = call_out[0]};
	struct irl_bye bye;
	int err;

	NEED(*s = call_invite());
	call_pass(*s, 2, IRL_ORIG, IRL_NO_SIDE);
	NEED(irl_session_answer(*s, &ans, &err));
	assert_int_equal(err, E2BIG);
	(*s)->release = &call_release;
	err = irl_bye_build(*s, (*s)->current, IRL_CALLER, &policy, &bye);
	(*s)->release = NULL;
	assert_int_equal(err, ENOENT);
}

static void too_many_bytes_of_routes(struct irl_session **s)
{
	static char big[IRL_ROUTES_BYTES];
	str routes[2] = {unit_str("<sip:p1;lr>"), {big, IRL_ROUTES_BYTES - 1 - 13}};
	str back[IRL_ROUTES_MAX];
	struct irl_answer ans = {.tag = unit_str("b-1"),
			.to = unit_str(CALL_TO),
			.contact = unit_str(BOB),
			.routes = routes,
			.nroutes = 2,
			.socket = call_out[0]};
	int err;

	memset(big, 'r', sizeof(big));
	NEED(*s = call_invite());
	call_pass(*s, 1, IRL_ORIG, IRL_NO_SIDE);
	NEED(irl_session_answer(*s, &ans, &err));
	assert_int_equal(err, E2BIG);
	if(!unit_mem_refused())
		expect_lost(*s, routes, 1);
	ans.tag = unit_str("b-2");
	routes[1].len--;
	NEED(irl_session_answer(*s, &ans, &err));
	if(unit_mem_refused())
		return;
	assert_int_equal(err, 0);
	assert_int_equal(
			irl_session_routes(*s, irl_session_dialog(*s, &ans.tag), back), 2);
	assert_int_equal(back[1].len, routes[1].len);
}

static void no_tag(struct irl_session **s)
{
	struct irl_answer ans = {.to = unit_str(CALL_TO), .contact = unit_str(BOB)};
	int err;

	NEED(*s = call_invite());
	call_pass(*s, 1, IRL_ORIG, IRL_NO_SIDE);
	assert_null(irl_session_answer(*s, &ans, &err));
	assert_int_equal(err, EINVAL);
	expect_image(*s, strdup(""));
}

/* It is the INVITE's, but for the tag. */
static void no_to(struct irl_session **s)
{
	struct irl_answer ans = {.tag = unit_str("b-1"),
			.contact = unit_str(BOB),
			.socket = call_out[0]};
	int err;

	NEED(*s = call_invite());
	call_pass(*s, 0, IRL_ORIG, IRL_NO_SIDE);
	NEED(irl_session_answer(*s, &ans, &err));
	unit_expect_str("no To", "To", irl_text_get(&(*s)->text, (*s)->current->to),
			"<tel:+4930123456>");
}

/* Forks ring until there is no room for another. */
static int fill_with_forks(struct irl_session *s, int tag_len)
{
	static char tag[4000];
	str t = {tag, tag_len};
	int n = 0;

	memset(tag, 'f', sizeof(tag));
	do {
		tag[0] = (char)('0' + n / 10);
		tag[1] = (char)('0' + n % 10);
		n++;
	} while(irl_session_early(s, &t, 0));
	return n;
}

static int count(const struct irl_session *s)
{
	const struct irl_dialog *dlg;
	int n = 0;

	for(dlg = &s->first; dlg; dlg = dlg->next)
		n++;
	return n;
}

static const struct room_row
{
	const char *row;
	int tag_len;
	const char *early, *answered; /* tags of dialogs that are there before */
	const char *tag;			  /* of the 2xx */
	int left;					  /* dialogs, afterwards */
} room_rows[] = {
		{"too many forks", 8, "", "", "b-2", 1},
		{"too much text", 3970, "", "", "b-2", 1},
		{"one that rang", 8, "b-2", "", "b-2", IRL_DIALOGS_MAX},
		{"one that rang, with long ones", 3970, "b-2", "", "b-2", 1},
		{"behind another answer", 8, "", "b-1", "b-2", 2},
		{"behind another answer, long", 3970, "", "b-1", "b-2", 2},
		{"behind another, one that rang", 3970, "b-2", "b-1", "b-2", 2},
};

/* They are dropped for a 2xx, but no dialog that was answered, nor what is
 * known of the one that answers now. */
static void answer_among_too_many(void **state)
{
	str one = unit_str("b-1"), none = unit_str(""), moved = unit_str(A_MOVED);
	struct irl_session *s;
	struct irl_dialog *dlg;
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(room_rows); i++) {
		const struct room_row *r = &room_rows[i];
		str early = unit_str(r->early);

		unit_mem_reset(0);
		s = call_invite();
		call_pass(s, 1, IRL_ORIG, IRL_NO_SIDE);
		if(*r->answered)
			assert_non_null(call_answer(s, r->answered, BOB, ROUTES, 0));
		if(*r->early) {
			dlg = irl_session_early(s, &early, 0);
			assert_int_equal(
					irl_session_refresh(s, dlg, IRL_CALLER, 102, &moved, &none),
					0);
		}
		assert_true(fill_with_forks(s, r->tag_len) > 5);
		dlg = call_answer(s, r->tag, long_one(0), ROUTES, 0);
		assert_non_null(dlg);
		unit_expect_int(r->row, "lost", dlg->lost, 0);
		unit_expect_int(r->row, "dialogs", count(s), r->left);
		expect_target(s, dlg, *r->early ? A_MOVED : ALICE, long_one(0));
		unit_expect_str(r->row, "To", irl_text_get(&s->text, dlg->to), CALL_TO);
		unit_expect_str(r->row, "Call-ID", irl_text_get(&s->text, s->callid),
				"3848276298220188511@ua-a");
		if(*r->answered)
			expect_target(s, irl_session_dialog(s, &one), ALICE, BOB);
		else
			assert_ptr_equal(s->current, dlg);
		irl_session_free(s);
	}
	assert_int_equal(unit_mem_live(), 0);
}

/* The tags of the answered dialogs leave no room: the caller's tag is known,
 * not that of the callee. */
static void no_room_for_a_tag(void **state)
{
	static char tag[IRL_BLOCK_MAX];
	struct irl_answer ans = {.tag = {tag, sizeof(tag)}};
	struct irl_session *s;
	int err;

	(void)state;
	unit_mem_reset(0);
	memset(tag, 't', sizeof(tag));
	s = call_invite();
	call_pass(s, 1, IRL_ORIG, IRL_NO_SIDE);
	assert_null(irl_session_answer(s, &ans, &err));
	assert_int_equal(err, EOVERFLOW);
	assert_int_equal(s->current->answered, 0);
	irl_session_free(s);
}

/* ---- target refresh ---- */

#define A1 "sip:alice@1"
#define A2 "sip:alice@2"
#define B1 "sip:bob@1"
#define B2 "sip:bob@2"

/* Requests that got their 2xx, as it came by: who sent it, CSeq, Contact of
 * the request, Contact of the 2xx. */
static const struct refresh_row
{
	const char *row;
	struct
	{
		enum irl_leg_id leg;
		uint32_t cseq;
		const char *requested, *answered;
	} step[4];
	int n;
	const char *caller, *callee;
} refresh_rows[] = {
		/* clang-format off */
		{"none", {{0}}, 0, ALICE, BOB},
		{"by the caller", {{IRL_CALLER, 102, A1, ""}}, 1, A1, BOB},
		{"by the callee", {{IRL_CALLEE, 1, B1, ""}}, 1, ALICE, B1},
		{"its answer moves as well", {{IRL_CALLER, 102, A1, B1}}, 1, A1, B1},
		{"the answer alone", {{IRL_CALLER, 102, "", B1}}, 1, ALICE, B1},
		{"no contact", {{IRL_CALLER, 102, "", ""}}, 1, ALICE, BOB},
		{"callee's first is CSeq 0", {{IRL_CALLEE, 0, B1, A1}}, 1, A1, B1},
		{"twice", {{IRL_CALLER, 102, A1, B1}, {IRL_CALLER, 103, A2, B2}}, 2,
				A2, B2},
		{"both directions", {{IRL_CALLER, 102, A1, B1},
				{IRL_CALLEE, 1, B2, A2}}, 2, A2, B2},
		{"the 2xx at another pass", {{IRL_CALLER, 102, A1, B1},
				{IRL_CALLER, 102, A2, B2}}, 2, A1, B1},
		{"the 2xx again, after the other moved",
				{{IRL_CALLER, 102, A1, B1}, {IRL_CALLEE, 1, B2, A2},
				{IRL_CALLER, 102, A1, B1}}, 3, A2, B2},
		{"an older one comes late", {{IRL_CALLER, 103, A1, B1},
				{IRL_CALLER, 102, A2, B2}}, 2, A1, B1},
		{"the INVITE's own 2xx", {{IRL_CALLER, 101, A1, B1}}, 1, ALICE, BOB},
		{"before the INVITE", {{IRL_CALLER, 100, A1, B1}}, 1, ALICE, BOB},
		{"numbers of one side are not the other's",
				{{IRL_CALLER, 500, A1, ""}, {IRL_CALLEE, 3, B1, ""}}, 2,
				A1, B1},
		{"without contact, then again with",
				{{IRL_CALLER, 102, "", ""}, {IRL_CALLER, 102, A1, B1}}, 2,
				ALICE, BOB},
		{"at the border", {{IRL_CALLEE, 2147483646u, B1, A1},
				{IRL_CALLEE, 2147483645u, B2, A2}}, 2, A1, B1},
		/* clang-format on */
};

static void refresh(void **state)
{
	struct irl_session *s;
	struct irl_dialog *dlg;
	str requested, answered;
	size_t i;
	int k;

	(void)state;
	for(i = 0; i < COUNT(refresh_rows); i++) {
		const struct refresh_row *r = &refresh_rows[i];

		unit_mem_reset(0);
		s = call_invite();
		call_pass(s, 1, IRL_ORIG, IRL_NO_SIDE);
		dlg = call_answer(s, "b-1", BOB, ROUTES, 0);
		for(k = 0; k < r->n; k++) {
			requested = unit_str(r->step[k].requested);
			answered = unit_str(r->step[k].answered);
			assert_int_equal(irl_session_refresh(s, dlg, r->step[k].leg,
									 r->step[k].cseq, &requested, &answered),
					0);
		}
		unit_expect_str(r->row, "caller",
				irl_session_target(s, dlg, IRL_CALLER), r->caller);
		unit_expect_str(r->row, "callee",
				irl_session_target(s, dlg, IRL_CALLEE), r->callee);
		irl_session_free(s);
	}
}

/* A refresh of one dialog is none of the others. */
static void refresh_of_a_fork(struct irl_session **s)
{
	str a1 = unit_str(A1), b1 = unit_str(B1);
	struct irl_dialog *one, *two;

	NEED(*s = call_invite());
	call_pass(*s, 1, IRL_ORIG, IRL_NO_SIDE);
	NEED(one = call_answer(*s, "b-1", BOB, ROUTES, 0));
	NEED(two = call_answer(*s, "b-2", "sip:bob@two", ROUTES, 0));
	NEED(irl_session_refresh(*s, two, IRL_CALLER, 102, &a1, &b1) == 0);
	expect_target(*s, one, ALICE, BOB);
	expect_target(*s, two, A1, B1);
}

/* Refused for want of memory: each target is the old one or the new one, and
 * the 2xx that comes by the next pass makes up for it. */
static void refresh_without_memory(void **state)
{
	str alice = unit_str(long_one(0)), bob = unit_str(long_one(1)), t;
	struct irl_session *s;
	struct irl_dialog *dlg;
	long at;

	(void)state;
	for(at = 1; at <= 2; at++) {
		unit_mem_reset(0);
		s = call_invite();
		call_pass(s, 1, IRL_ORIG, IRL_NO_SIDE);
		dlg = call_answer(s, "b-1", BOB, ROUTES, 0);
		unit_mem_reset(at);
		assert_int_equal(
				irl_session_refresh(s, dlg, IRL_CALLER, 102, &alice, &bob),
				ENOMEM);
		t = irl_session_target(s, dlg, IRL_CALLER);
		unit_expect_str("refused", "caller", t, at == 1 ? ALICE : alice.s);
		t = irl_session_target(s, dlg, IRL_CALLEE);
		unit_expect_str("refused", "callee", t, BOB);
		assert_int_equal(
				irl_session_refresh(s, dlg, IRL_CALLER, 102, &alice, &bob), 0);
		expect_target(s, dlg, alice.s, bob.s);
		irl_session_free(s);
	}
}

/* A contact that the block does not hold is refused; the old one stays. */
static void refresh_too_large(struct irl_session **s)
{
	static char big[IRL_BLOCK_MAX];
	str contact = {big, sizeof(big)}, none = unit_str("");
	struct irl_dialog *dlg;
	char *image;

	memset(big, 'x', sizeof(big));
	NEED(*s = call_invite());
	call_pass(*s, 1, IRL_ORIG, IRL_NO_SIDE);
	NEED(dlg = call_answer(*s, "b-1", BOB, ROUTES, 0));
	image = call_image(*s);
	assert_int_equal(
			irl_session_refresh(*s, dlg, IRL_CALLER, 102, &contact, &none),
			EOVERFLOW);
	assert_int_equal(
			irl_session_refresh(*s, dlg, IRL_CALLEE, 1, &none, &contact),
			EOVERFLOW);
	expect_image(*s, image);
}

/* ---- whose request ---- */

static const struct match_row
{
	const char *row, *from_tag, *to_tag;
	const char *dialog; /* callee's tag, NULL: none */
	enum irl_leg_id leg;
} match_rows[] = {
		/* clang-format off */
		{"of the caller",            "a-1", "b-1", "b-1", IRL_CALLER},
		{"of the callee",            "b-1", "a-1", "b-1", IRL_CALLEE},
		{"of the caller, fork",      "a-1", "b-2", "b-2", IRL_CALLER},
		{"of the callee, fork",      "b-2", "a-1", "b-2", IRL_CALLEE},
		{"unknown callee",           "a-1", "b-3", NULL, 0},
		{"unknown callee, backward", "b-3", "a-1", NULL, 0},
		{"unknown caller",           "a-2", "b-1", NULL, 0},
		{"of one callee to another", "b-1", "b-2", NULL, 0},
		{"no To tag",                "a-1", "",    NULL, 0},
		{"no From tag",              "",    "a-1", NULL, 0},
		{"no tags",                  "",    "",    NULL, 0},
		{"a prefix",                 "a-1", "b-",  NULL, 0},
		{"longer",                   "a-1", "b-11", NULL, 0},
		{"caller to itself",         "a-1", "a-1", NULL, 0},
		/* clang-format on */
};

static void match(struct irl_session **s)
{
	str one = unit_str("b-1"), two = unit_str("b-2"), from, to;
	struct irl_dialog *dlg;
	enum irl_leg_id leg;
	size_t i;

	NEED(*s = call_invite());
	NEED(irl_session_early(*s, &one, 0));
	NEED(irl_session_early(*s, &two, 0));
	for(i = 0; i < COUNT(match_rows); i++) {
		const struct match_row *r = &match_rows[i];

		from = unit_str(r->from_tag);
		to = unit_str(r->to_tag);
		dlg = irl_session_match(*s, &from, &to, &leg);
		unit_expect_int(r->row, "found", dlg != NULL, r->dialog != NULL);
		if(!dlg)
			continue;
		unit_expect_int(r->row, "leg", leg, r->leg);
		unit_expect_str(r->row, "dialog", irl_session_tag(*s, dlg, IRL_CALLEE),
				r->dialog);
	}
}

/* ---- split ---- */

/* Two of three forks answer; the one answered later becomes a session of its
 * own, be it the record's first dialog or another. */
static void split(struct irl_session **s, const char *first, const char *later)
{
	static const char *const tags[] = {"b-1", "b-2", "b-3"};
	static struct irl_index_link *bucket;
	static struct irl_session neighbour;
	struct irl_session *other;
	struct irl_dialog *dlg, *a;
	char *image;
	str tag;
	size_t i;

	NEED(*s = call_invite());
	call_pass(*s, 1, IRL_ORIG, IRL_NO_SIDE);
	for(i = 0; i < COUNT(tags); i++) {
		tag = unit_str(tags[i]);
		NEED(irl_session_early(*s, &tag, 0));
	}
	NEED(a = call_answer(*s, first, "sip:bob@first", ROUTES, 0));
	(*s)->state = IRL_CONFIRMED;
	NEED(dlg = call_answer(*s, later, "sip:bob@later", "p1 so", 0));
	irl_cseq_note(&dlg->leg[IRL_CALLEE].cseq, 77);
	assert_ptr_equal((*s)->current, a);
	/* what is the record's own: neighbours, a release, a host */
	NEED((*s)->release = irl_mem.alloc(sizeof(struct irl_release)));
	*(*s)->release = call_release;
	for(i = 0; i < IRL_INDEXES; i++)
		(*s)->link[i].at = &bucket;
	(*s)->next = &neighbour;
	(*s)->hosted = 1;
	image = call_image(*s);
	other = irl_session_split(*s, dlg);
	if(!other) {
		expect_image(*s, image);
		NEED(other);
	}
	free(image);

	/* what stayed */
	tag = unit_str(later);
	assert_null(irl_session_dialog(*s, &tag));
	tag = unit_str(first);
	assert_ptr_equal(irl_session_dialog(*s, &tag), (*s)->current);
	expect_target(*s, (*s)->current, ALICE, "sip:bob@first");
	assert_int_equal((*s)->state, IRL_CONFIRMED);
	assert_int_equal((*s)->hosted, 1);
	assert_non_null((*s)->release);
	assert_ptr_equal((*s)->next, &neighbour);
	for(i = 0; i < COUNT(tags); i++) {
		tag = unit_str(tags[i]);
		assert_int_equal(
				irl_session_dialog(*s, &tag) == NULL, !strcmp(tags[i], later));
	}

	/* what left: a record that does not need the other */
	irl_session_free(*s);
	*s = other;
	assert_ptr_equal(other->current, &other->first);
	assert_null(other->first.next);
	assert_int_equal(other->state, IRL_ANSWERED);
	assert_null(other->release);
	assert_null(other->next);
	for(i = 0; i < IRL_INDEXES; i++)
		assert_null(other->link[i].at);
	assert_int_equal(other->hosted, 0);
	assert_int_equal(other->npasses, 1);
	tag = unit_str(later);
	assert_ptr_equal(irl_session_dialog(other, &tag), other->current);
	expect_target(other, other->current, ALICE, "sip:bob@later");
	assert_int_equal(irl_cseq_highest(other->first.leg[IRL_CALLEE].cseq), 77);
	unit_expect_str("split", "Call-ID",
			irl_text_get(&other->text, other->callid),
			"3848276298220188511@ua-a");
}

static void split_the_first(struct irl_session **s)
{
	split(s, "b-2", "b-1");
}

static void split_the_first_next_to_another(struct irl_session **s)
{
	split(s, "b-3", "b-1");
}

static void split_one_in_the_list(struct irl_session **s)
{
	split(s, "b-1", "b-2");
}

static void split_the_head_of_the_list(struct irl_session **s)
{
	split(s, "b-2", "b-3");
}

static void split_the_end_of_the_list(struct irl_session **s)
{
	split(s, "b-3", "b-2");
}

/* ---- free ---- */

static void free_all_that_hangs_on_it(struct irl_session **s)
{
	str one = unit_str("b-1"), two = unit_str("b-2");
	struct irl_extra_bye *extra;
	int i;

	NEED(*s = call_invite());
	NEED(irl_session_early(*s, &one, 0));
	NEED(irl_session_early(*s, &two, 0));
	(*s)->release = irl_mem.alloc(sizeof(struct irl_release));
	NEED((*s)->release);
	*(*s)->release = call_release;
	for(i = 0; i < 2; i++) {
		NEED(extra = irl_mem.alloc(sizeof(*extra)));
		extra->next = (*s)->release->extra;
		(*s)->release->extra = extra;
	}
}

/* ---- no memory: all of a change, or nothing of it ---- */

/* The 2xx is seen again at the entry pass, with longer routes, To and target:
 * if they cannot be stored, the old ones hold, all three of them. */
static void answer_at_the_entry_pass_without_memory(void **state)
{
	str routes[IRL_ROUTES_MAX], back[IRL_ROUTES_MAX];
	struct irl_answer ans = {.tag = unit_str("b-1"),
			.contact = unit_str(long_one(1)),
			.routes = routes,
			.pass = 0,
			.socket = call_out[0]};
	static char to[1200];
	struct irl_session *s;
	char *image;
	int err;

	(void)state;
	memset(to, 't', sizeof(to) - 1);
	ans.to = unit_str(to);
	ans.nroutes = call_routes(
			"p1 so a1 so a1 so a1 so a1 so a1 so a1 so a1 so a1 so st p2",
			routes);
	unit_mem_reset(0);
	call_own = IRL_ORIG;
	s = call_invite();
	call_pass(s, 1, IRL_ORIG, IRL_NO_SIDE);
	call_pass(s, 2, IRL_ORIG, IRL_NO_SIDE);
	/* it rang, by both passes */
	assert_non_null(irl_session_early(s, &ans.tag, 1));
	assert_non_null(irl_session_early(s, &ans.tag, 0));
	assert_non_null(call_answer(s, "b-1", BOB, ROUTES, 1));
	image = call_image(s);
	unit_mem_refuse(1);
	assert_non_null(irl_session_answer(s, &ans, &err));
	unit_mem_refuse(0);
	assert_int_equal(err, ENOMEM);
	assert_int_equal(s->current->lost, 0);
	expect_image(s, image);
	assert_int_equal(
			irl_session_routes(s, s->current, back), s->current->nroutes);
	irl_session_free(s);
}

/* The first 2xx: with no memory at all, what is there already is enough for the
 * caller; once refused, it is asked for again. */
static void answer_without_memory(void **state)
{
	str one = unit_str("b-1");
	struct irl_session *s;
	long at;

	(void)state;
	for(at = 0; at < 3; at++) {
		unit_mem_reset(0);
		s = call_invite();
		call_pass(s, 0, IRL_ORIG, IRL_NO_SIDE);
		assert_non_null(irl_session_early(s, &one, 0));
		unit_mem_reset(at);
		unit_mem_refuse(at == 0);
		assert_non_null(call_answer(s, "b-1", long_one(0), "", 0));
		assert_true(unit_mem_refused() > 0 || at == 2);
		unit_mem_refuse(0);
		assert_int_equal(s->current->lost, at == 0);
		if(at)
			expect_target(s, s->current, ALICE, long_one(0));
		else
			expect_lost(s, NULL, 0);
		irl_session_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
			UNIT_SCENARIO(new_session),
			UNIT_SCENARIO(new_of_nothing),
			cmocka_unit_test(new_is_too_large),
			cmocka_unit_test(free_nothing),
			cmocka_unit_test(served_and_entry),
			UNIT_SCENARIO(entry_is_a_pass_of_the_dialog),
			UNIT_SCENARIO(more_passes_than_room),
			cmocka_unit_test(serve),
			cmocka_unit_test(users),
			UNIT_SCENARIO(serve_with_a_long_impu),
			UNIT_SCENARIO(early_dialogs),
			UNIT_SCENARIO(early_at_no_pass),
			UNIT_SCENARIO(many_forks),
			UNIT_SCENARIO(answer),
			cmocka_unit_test(answer_as_the_served_user_sees_it),
			UNIT_SCENARIO(answer_again),
			UNIT_SCENARIO(answer_again_without_refresh),
			UNIT_SCENARIO(refresh_before_the_entry_pass),
			UNIT_SCENARIO(early_update_then_answer_at_the_entry_pass),
			UNIT_SCENARIO(answer_of_a_fork),
			UNIT_SCENARIO(answer_of_a_fork_by_another_socket),
			UNIT_SCENARIO(too_many_routes),
			UNIT_SCENARIO(as_many_routes_as_there_may_be),
			UNIT_SCENARIO(routes_cut_before_our_pass),
			UNIT_SCENARIO(too_many_bytes_of_routes),
			UNIT_SCENARIO(no_tag),
			UNIT_SCENARIO(no_to),
			cmocka_unit_test(answer_among_too_many),
			cmocka_unit_test(no_room_for_a_tag),
			cmocka_unit_test(refresh),
			UNIT_SCENARIO(refresh_of_a_fork),
			cmocka_unit_test(refresh_without_memory),
			UNIT_SCENARIO(refresh_too_large),
			UNIT_SCENARIO(match),
			UNIT_SCENARIO(split_the_first),
			UNIT_SCENARIO(split_the_first_next_to_another),
			UNIT_SCENARIO(split_one_in_the_list),
			UNIT_SCENARIO(split_the_head_of_the_list),
			UNIT_SCENARIO(split_the_end_of_the_list),
			UNIT_SCENARIO(free_all_that_hangs_on_it),
			cmocka_unit_test(answer_at_the_entry_pass_without_memory),
			cmocka_unit_test(answer_without_memory),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}

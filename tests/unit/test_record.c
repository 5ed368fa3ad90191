/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session as text: what is read back releases as what was written */
#include "core_record.h"

#include "call.h"
#include "core_cseq.h"

#define ROUTES "p1 so a1 st p2"

static str name_of(void *socket)
{
	return unit_str(socket);
}

static void *find(const str *name)
{
	int i;

	for(i = 0; i < IRL_PASSES_MAX; i++) {
		if((int)strlen(call_in[i]) == name->len
				&& !memcmp(call_in[i], name->s, (size_t)name->len))
			return call_in[i];
		if((int)strlen(call_out[i]) == name->len
				&& !memcmp(call_out[i], name->s, (size_t)name->len))
			return call_out[i];
	}
	return NULL;
}

static const struct irl_record_sockets sockets = {name_of, find};

static char packed[IRL_RECORD_MAX];

static str pack(const struct irl_session *s)
{
	str text = {packed, irl_record_pack(s, &sockets, packed, sizeof(packed))};

	assert_true(text.len > 0);
	return text;
}

static struct irl_session *unpack(const char *text, int len, const char **error)
{
	str copy = unit_copy(text, (size_t)len);
	struct irl_session *s = irl_record_unpack(&copy, &sockets, error);

	free(copy.s);
	return s;
}

static int with_memory(void **state)
{
	unit_mem_reset(0);
	return 0;
}

/* Alice calls Bob, both served here; Bob's contact moves. */
static struct irl_session *connected(void)
{
	struct irl_session *s = call_invite();
	struct irl_dialog *dlg = NULL;
	str moved = unit_str("sip:bob@moved.example"), none = unit_str("");

	if(!s)
		return NULL;
	s->created = 1700000000;
	s->expires = 1700001801;
	call_pass(s, 1, IRL_ORIG, IRL_NO_SIDE);
	call_pass(s, 3, IRL_TERM, IRL_ORIG);
	if(call_answer(s, "b-1", BOB, ROUTES, 1))
		dlg = call_answer(s, "b-1", BOB, ROUTES, 0);
	if(!dlg || irl_session_refresh(s, dlg, IRL_CALLEE, 7, &moved, &none)) {
		irl_session_free(s);
		return NULL;
	}
	irl_cseq_note(&dlg->leg[IRL_CALLER].cseq, 105);
	irl_cseq_note(&dlg->leg[IRL_CALLEE].cseq, 7);
	s->state = IRL_CONFIRMED;
	return s;
}

static void round_trip(struct irl_session **s)
{
	struct irl_session *again;
	char *before, *after;
	const char *error;
	str text;

	NEED(*s = connected());
	assert_int_equal(irl_record_worthy(*s), 1);
	text = pack(*s);
	before = call_image(*s);
	again = unpack(text.s, text.len, &error);
	if(!again) {
		free(before);
		assert_string_equal(error, "out of memory");
		NEED(again);
	}
	after = call_image(again);
	assert_string_equal(before, after);
	assert_int_equal(again->state, IRL_CONFIRMED);
	assert_int_equal(again->created, 1700000000);
	assert_int_equal(again->expires, 1700001801);
	assert_int_equal(irl_session_served(again), IRL_BOTH);
	assert_int_equal(again->resume_cause, 0);
	unit_expect_str("again", "impu", irl_text_get(&again->text, again->impu),
			"sip:alice@home-a.example");
	unit_expect_str("again", "icid", irl_text_get(&again->text, again->icid),
			"1234bc9876e");
	free(before);
	free(after);
	irl_session_free(again);
}

/* A stale 2xx of a refresh moves nothing back, read or not. */
static void refreshed_once(struct irl_session **s)
{
	struct irl_session *again;
	str old = unit_str("sip:bob@old.example"), none = unit_str("");
	const char *error;
	str text;

	NEED(*s = connected());
	text = pack(*s);
	NEED(again = unpack(text.s, text.len, &error));
	irl_session_refresh(again, again->current, IRL_CALLEE, 7, &old, &none);
	unit_expect_str("again", "callee",
			irl_session_target(again, again->current, IRL_CALLEE),
			"sip:bob@moved.example");
	irl_session_free(again);
}

/* While it is released, our BYEs use up CSeqs, and the release begins again. */
static void being_released(struct irl_session **s)
{
	struct irl_session *again;
	const char *error;
	str text;

	NEED(*s = connected());
	NEED((*s)->release = irl_mem.alloc(sizeof(*(*s)->release)));
	*(*s)->release = call_release;
	(*s)->release->leg[IRL_CALLEE].cseq = 10106;
	(*s)->release->leg[IRL_CALLEE].tries = 2;
	(*s)->release->others_len = 14;
	memcpy((*s)->release->others, "Q.850;cause=16", 14);
	(*s)->state = IRL_ENDING;
	text = pack(*s);
	NEED(again = unpack(text.s, text.len, &error));
	assert_int_equal(again->state, IRL_CONFIRMED);
	assert_null(again->release);
	assert_int_equal(again->resume_cause, 503);
	unit_expect_str("again", "text",
			irl_text_get(&again->text, again->resume_text), "Out of \"order\"");
	unit_expect_str("again", "reason",
			irl_text_get(&again->text, again->resume_others), "Q.850;cause=16");
	/* and it waits: what is kept of it has the reason still */
	text = pack(again);
	assert_non_null(strstr(text.s, "reason 14:Q.850;cause=16 "));
	assert_int_equal(again->first.leg[IRL_CALLER].cseq, 10107);
	assert_int_equal(again->first.leg[IRL_CALLEE].cseq, 8);
	irl_session_free(again);
}

static void states(void **state)
{
	static const struct
	{
		enum irl_state was, is;
		int worthy;
	} rows[] = {
			{IRL_ANSWERED, IRL_ANSWERED, 1},
			{IRL_CONFIRMED, IRL_CONFIRMED, 1},
			{IRL_AWAITING_ACK, IRL_ANSWERED, 1},
			{IRL_ENDING, IRL_CONFIRMED, 1},
			{IRL_RELEASED, IRL_CONFIRMED, 0},
			{IRL_GONE, IRL_CONFIRMED, 0},
	};
	struct irl_session *s = connected(), *again;
	const char *error;
	size_t i;
	str text;

	for(i = 0; i < COUNT(rows); i++) {
		s->state = (uint8_t)rows[i].was;
		assert_int_equal(irl_record_worthy(s), rows[i].worthy);
		text = pack(s);
		again = unpack(text.s, text.len, &error);
		assert_non_null(again);
		assert_int_equal(again->state, rows[i].is);
		irl_session_free(again);
	}
	s->state = IRL_CONFIRMED;
	s->cancelled = 1;
	assert_int_equal(irl_record_worthy(s), 0);
	irl_session_free(s);
	s = call_invite();
	assert_int_equal(irl_record_worthy(s), 0);
	irl_session_free(s);
}

/* Each room that is too small is refused, and nothing is written behind it. */
static void too_small(void **state)
{
	struct irl_session *s = connected();
	str text = pack(s), room;
	int size;

	for(size = 0; size <= text.len; size++) {
		room.s = malloc((size_t)size + 1);
		assert_int_equal(irl_record_pack(s, &sockets, room.s, size), -1);
		free(room.s);
	}
	room.s = malloc((size_t)text.len + 1);
	assert_int_equal(
			irl_record_pack(s, &sockets, room.s, text.len + 1), text.len);
	free(room.s);
	irl_session_free(s);
}

/* A text that was cut off anywhere is no session, or the same without a field
 * that it can do without. */
static void cut_off(void **state)
{
	struct irl_session *s = connected(), *again;
	const char *error;
	str text = pack(s);
	char *whole = malloc((size_t)text.len);
	int len;

	memcpy(whole, text.s, (size_t)text.len);
	for(len = 0; len < text.len; len++) {
		again = unpack(whole, len, &error);
		assert_null(again);
		assert_non_null(error);
	}
	free(whole);
	irl_session_free(s);
}

#define WHOLE                                                    \
	"callid 1:c from 7:<sip:a> from-tag 1:f invite 1:2 tag 1:t " \
	"answered-to 7:<sip:b> callee 5:sip:b state 9:confirmed "

static void bad_texts(void **state)
{
	static const struct
	{
		const char *text, *error;
	} rows[] = {
			{WHOLE "pass 18:1 1 0 1 1 in0 out0 ", NULL},
			{WHOLE "pass 11:1 1 0 1 1   ", NULL},
			{WHOLE "pass 18:1 1 0 1 1 gone out0 ", "malformed"},
			{WHOLE "pass 18:1 1 0 1 1 gon out0 ", NULL},
			{WHOLE "pass 18:1 1 0 1 1 in0 out0 newer 3:x y ", NULL},
			{WHOLE, "a field is missing"},
			{"pass 18:1 1 0 1 1 in0 out0 ", "a field is missing"},
			{"", "a field is missing"},
			{"callid", "malformed"},
			{"callid ", "malformed"},
			{"callid 1", "malformed"},
			{"callid 1:", "malformed"},
			{"callid 1:c", "malformed"},
			{"callid 2:c ", "malformed"},
			{"callid -1:c ", "malformed"},
			{"callid 99999999999:c ", "malformed"},
			{"callid 3:a\rb ", "malformed"},
			{"callid 4:a\r\nb ", "malformed"},
			{"from 5:a\r\n\tb " WHOLE "pass 18:1 1 0 1 1 in0 out0 ", NULL},
			{"from 3:a\r\n ", "malformed"},
			{"from 3:a\nb ", "malformed"},
			{"from 4:a\001\177b " WHOLE "pass 18:1 1 0 1 1 in0 out0 ", NULL},
			{"created 1:x ", "a value is out of range"},
			{"created 0: ", "a value is out of range"},
			{"acks 3:256 ", "a value is out of range"},
			{"caller-cseq 10:2147483648 ", "a value is out of range"},
			{"caller-cseq 10:9999999999 ", "a value is out of range"},
			{"state 7:unknown ", "a value is out of range"},
			{"state 0: ", "a value is out of range"},
			{"cause 3:299 ", "a value is out of range"},
			{"cause 2:-1 ", "a value is out of range"},
			{"text 1:\xff ", "a value is out of range"},
			{"route 0: ", "a value is out of range"},
			{"pass 1:1 ", "a value is out of range"},
			{"pass 18:99 1 0 1 1 in0 out ", "a value is out of range"},
			{"pass 18:1 4 0 1 1 in0 out0 ", "a value is out of range"},
			{"pass 18:1 1 0 2 1 in0 out0 ", "a value is out of range"},
			{"pass 20:1 1 0 1 1 in0 out0 x ", "a value is out of range"},
	};
	struct irl_session *s;
	const char *error;
	size_t i;

	for(i = 0; i < COUNT(rows); i++) {
		s = unpack(rows[i].text, (int)strlen(rows[i].text), &error);
		if(!rows[i].error)
			unit_expect_int(rows[i].text, "read", s != NULL, 1);
		else {
			assert_null(s);
			unit_expect_str(
					rows[i].text, "error", unit_str(error), rows[i].error);
		}
		irl_session_free(s);
	}
}

/* More of them than a session holds. */
static void too_many(void **state)
{
	static const struct
	{
		const char *one;
		int most;
	} rows[] = {
			{"route 5:<p;x> ", IRL_ROUTES_MAX},
			{"pass 18:1 1 0 1 1 in0 out0 ", IRL_PASSES_MAX},
	};
	const char *error;
	char text[1024];
	int len, n;
	size_t i;

	for(i = 0; i < COUNT(rows); i++) {
		for(n = 0, len = 0; n <= rows[i].most; n++)
			len += snprintf(
					text + len, sizeof(text) - (size_t)len, "%s", rows[i].one);
		assert_null(unpack(text, len, &error));
		assert_string_equal(error, "a value is out of range");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
			UNIT_SCENARIO(round_trip),
			UNIT_SCENARIO(refreshed_once),
			UNIT_SCENARIO(being_released),
			cmocka_unit_test_setup(states, with_memory),
			cmocka_unit_test_setup(too_small, with_memory),
			cmocka_unit_test_setup(cut_off, with_memory),
			cmocka_unit_test_setup(bad_texts, with_memory),
			cmocka_unit_test_setup(too_many, with_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

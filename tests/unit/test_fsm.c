/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The states of a session: every event in every state */
#include "core_fsm.h"
#include "call.h"

#define ILLEGAL (-1)

/* Nothing but the next state, and what is to be done, in words. */
#define CANCEL IRL_DO_CANCEL
#define AWAIT_ACK IRL_DO_AWAIT_ACK
#define ACK_AND_PAIR (IRL_DO_ACK | IRL_DO_PAIR)
#define PAIR IRL_DO_PAIR
#define LATE IRL_DO_LATE
#define FINISH IRL_DO_FINISH
#define ERASE IRL_DO_ERASE

static const struct cell
{
	const char *state, *event;
	int next, actions;
	const char *why;
} cells[] = {
		/* clang-format off */
		/* INVITE seen, no 2xx */
		{"EARLY", "ANSWER",  IRL_ANSWERED,   0,      "2xx"},
		{"EARLY", "ACK",     ILLEGAL,        0,      "there is no 2xx to ack"},
		{"EARLY", "FAIL",    IRL_GONE,       ERASE,  "no session came of it"},
		{"EARLY", "TRIGGER", IRL_CANCELLING, CANCEL, "TS 24.229 5.4.5.1.1"},
		{"EARLY", "REPLY",   ILLEGAL,        0,      "nothing was cancelled"},
		{"EARLY", "NO_ACK",  ILLEGAL,        0,      "no timer runs"},
		{"EARLY", "FINAL",   ILLEGAL,        0,      "no BYE is out"},
		{"EARLY", "END",     IRL_GONE,       ERASE,  "the host ended it"},
		{"EARLY", "FORGET",  ILLEGAL,        0,      "not released"},

		/* 2xx seen, no ACK */
		{"ANSWERED", "ANSWER",  IRL_ANSWERED,     0, "another fork's 2xx"},
		{"ANSWERED", "ACK",     IRL_CONFIRMED,    0, ""},
		{"ANSWERED", "FAIL",    ILLEGAL,          0, "it has a 2xx"},
		{"ANSWERED", "TRIGGER", IRL_AWAITING_ACK, AWAIT_ACK,
				"RFC 3261 15: no BYE before the ACK"},
		{"ANSWERED", "REPLY",   ILLEGAL,          0, "nothing was cancelled"},
		{"ANSWERED", "NO_ACK",  ILLEGAL,          0, "no timer runs"},
		{"ANSWERED", "FINAL",   ILLEGAL,          0, "no BYE is out"},
		{"ANSWERED", "END",     IRL_GONE,     ERASE, "a BYE of a party"},
		{"ANSWERED", "FORGET",  ILLEGAL,          0, "not released"},

		/* ACK seen */
		{"CONFIRMED", "ANSWER",  IRL_CONFIRMED, 0,     "a 2xx comes again"},
		{"CONFIRMED", "ACK",     IRL_CONFIRMED, 0,     "so does its ACK"},
		{"CONFIRMED", "FAIL",    ILLEGAL,       0,     "it has a 2xx"},
		{"CONFIRMED", "TRIGGER", IRL_ENDING,    PAIR,  "TS 24.229 5.4.5.1.2"},
		{"CONFIRMED", "REPLY",   ILLEGAL,       0,     "nothing was cancelled"},
		{"CONFIRMED", "NO_ACK",  ILLEGAL,       0,     "no timer runs"},
		{"CONFIRMED", "FINAL",   ILLEGAL,       0,     "no BYE is out"},
		{"CONFIRMED", "END",     IRL_GONE,      ERASE, "a BYE of a party"},
		{"CONFIRMED", "FORGET",  ILLEGAL,       0,     "not released"},

		/* released while early, the caller not yet answered */
		{"CANCELLING", "ANSWER",  IRL_AWAITING_ACK, AWAIT_ACK,
				"the caller has its 2xx: too late to cancel"},
		{"CANCELLING", "ACK",     ILLEGAL,        0,      "no 2xx to ack"},
		{"CANCELLING", "FAIL",    IRL_RELEASED,   FINISH, "ended by itself"},
		{"CANCELLING", "TRIGGER", IRL_CANCELLING, 0,      "under way"},
		{"CANCELLING", "REPLY",   IRL_CANCELLED,  0,      "ours came first"},
		{"CANCELLING", "NO_ACK",  ILLEGAL,        0,      "no timer runs"},
		{"CANCELLING", "FINAL",   ILLEGAL,        0,      "no BYE is out"},
		{"CANCELLING", "END",     IRL_RELEASED,   FINISH, ""},
		{"CANCELLING", "FORGET",  ILLEGAL,        0,      "not released"},

		/* released while early, the caller has its final response from us */
		{"CANCELLED", "ANSWER",  IRL_CANCELLED, LATE,   "not for the caller"},
		{"CANCELLED", "ACK",     ILLEGAL,       0,      "the ACK is ours"},
		{"CANCELLED", "FAIL",    IRL_RELEASED,  FINISH, "487 came"},
		{"CANCELLED", "TRIGGER", IRL_CANCELLED, 0,      "under way"},
		{"CANCELLED", "REPLY",   ILLEGAL,       0,      "it has one"},
		{"CANCELLED", "NO_ACK",  ILLEGAL,       0,      "no timer runs"},
		{"CANCELLED", "FINAL",   ILLEGAL,       0,      "no pair is out"},
		{"CANCELLED", "END",     IRL_RELEASED,  FINISH, ""},
		{"CANCELLED", "FORGET",  ILLEGAL,       0,      "not released"},

		/* released when answered */
		{"AWAITING_ACK", "ANSWER",  IRL_AWAITING_ACK, 0, "it comes again"},
		{"AWAITING_ACK", "ACK",     IRL_ENDING,   PAIR,  "now it may"},
		{"AWAITING_ACK", "FAIL",    ILLEGAL,      0,     "it has a 2xx"},
		{"AWAITING_ACK", "TRIGGER", IRL_AWAITING_ACK, 0, "under way"},
		{"AWAITING_ACK", "REPLY",   ILLEGAL,      0,     "it has a 2xx"},
		{"AWAITING_ACK", "NO_ACK",  IRL_ENDING,   ACK_AND_PAIR,
				"64*T1: in the caller's place"},
		{"AWAITING_ACK", "FINAL",   ILLEGAL,      0,     "no BYE is out"},
		{"AWAITING_ACK", "END",     IRL_RELEASED, FINISH, "a party was faster"},
		{"AWAITING_ACK", "FORGET",  ILLEGAL,      0,     "not released"},

		/* the pair is out */
		{"ENDING", "ANSWER",  IRL_ENDING,   0,      "it comes again"},
		{"ENDING", "ACK",     IRL_ENDING,   0,      "so does its ACK"},
		{"ENDING", "FAIL",    ILLEGAL,      0,      "it has a 2xx"},
		{"ENDING", "TRIGGER", IRL_ENDING,   0,      "under way"},
		{"ENDING", "REPLY",   ILLEGAL,      0,      "it has a 2xx"},
		{"ENDING", "NO_ACK",  IRL_ENDING,   0,      "the ACK was faster"},
		{"ENDING", "FINAL",   IRL_RELEASED, FINISH, ""},
		{"ENDING", "END",     IRL_ENDING,   0,      "BYEs crossed"},
		{"ENDING", "FORGET",  ILLEGAL,      0,      "not released"},

		/* remembered */
		{"RELEASED", "ANSWER",  IRL_RELEASED, LATE,  "to a cancelled INVITE"},
		{"RELEASED", "ACK",     IRL_RELEASED, 0,     "late"},
		{"RELEASED", "FAIL",    IRL_RELEASED, 0,     "late"},
		{"RELEASED", "TRIGGER", ILLEGAL,      0,     "it is released"},
		{"RELEASED", "REPLY",   ILLEGAL,      0,     "it is released"},
		{"RELEASED", "NO_ACK",  IRL_RELEASED, 0,     "late"},
		{"RELEASED", "FINAL",   ILLEGAL,      0,     "they had theirs"},
		{"RELEASED", "END",     IRL_RELEASED, 0,     "late"},
		{"RELEASED", "FORGET",  IRL_GONE,     ERASE, "linger is over"},

		/* to be erased: nothing happens to it any more */
		{"GONE", "ANSWER",  ILLEGAL, 0, ""},
		{"GONE", "ACK",     ILLEGAL, 0, ""},
		{"GONE", "FAIL",    ILLEGAL, 0, ""},
		{"GONE", "TRIGGER", ILLEGAL, 0, ""},
		{"GONE", "REPLY",   ILLEGAL, 0, ""},
		{"GONE", "NO_ACK",  ILLEGAL, 0, ""},
		{"GONE", "FINAL",   ILLEGAL, 0, ""},
		{"GONE", "END",     ILLEGAL, 0, ""},
		{"GONE", "FORGET",  ILLEGAL, 0, ""},
		/* clang-format on */
};

static int state_of(const char *label)
{
	int i;

	for(i = 0; i < IRL_STATES; i++) {
		if(!strcmp(irl_state_label(i), label))
			return i;
	}
	fail_msg("no state %s", label);
	return -1;
}

static int event_of(const char *label)
{
	int i;

	for(i = 0; i < IRL_EVENTS; i++) {
		if(!strcmp(irl_event_label(i), label))
			return i;
	}
	fail_msg("no event %s", label);
	return -1;
}

static void row_name(char *row, size_t size, const struct cell *c)
{
	snprintf(row, size, "%s in %s (%s)", c->event, c->state, c->why);
}

/* The table above leaves no cell out and has none twice. */
static void table_is_complete(void **state)
{
	int seen[IRL_STATES][IRL_EVENTS] = {{0}};
	size_t i;
	int s, e;

	(void)state;
	for(i = 0; i < COUNT(cells); i++)
		seen[state_of(cells[i].state)][event_of(cells[i].event)]++;
	for(s = 0; s < IRL_STATES; s++) {
		for(e = 0; e < IRL_EVENTS; e++)
			unit_expect_int(
					irl_state_label(s), irl_event_label(e), seen[s][e], 1);
	}
}

static void each_cell(void **state)
{
	char row[96];
	size_t i;
	int actions;

	(void)state;
	for(i = 0; i < COUNT(cells); i++) {
		const struct cell *c = &cells[i];

		row_name(row, sizeof(row), c);
		actions = -1;
		unit_expect_int(row, "next state",
				irl_fsm_next(state_of(c->state), event_of(c->event), &actions),
				c->next);
		unit_expect_int(row, "actions", actions, c->actions);
	}
}

/* The record takes the legal ones, and the others change not a byte of it. */
static void each_cell_of_a_session(struct irl_session **s)
{
	struct irl_session before;
	char row[96], *image, *after;
	size_t i;

	NEED(*s = call_invite());
	call_pass(*s, 1, IRL_ORIG, IRL_NO_SIDE);
	NEED(call_answer(*s, "b-1", BOB, "p1 so st p2", 0));
	image = call_image(*s);
	for(i = 0; i < COUNT(cells); i++) {
		const struct cell *c = &cells[i];

		row_name(row, sizeof(row), c);
		(*s)->state = (uint8_t)state_of(c->state);
		before = **s;
		unit_expect_int(row, "result",
				irl_session_event(*s, event_of(c->event)),
				c->next == ILLEGAL ? -1 : c->actions);
		unit_expect_int(row, "state", (*s)->state,
				c->next == ILLEGAL ? state_of(c->state) : c->next);
		(*s)->state = before.state;
		assert_memory_equal(*s, &before, sizeof(before));
	}
	after = call_image(*s);
	assert_string_equal(image, after);
	free(image);
	free(after);
}

static const struct
{
	int state;
	const char *name;
	int live, releasing;
} names[IRL_STATES] = {
		/* clang-format off */
		{IRL_EARLY,        "early",     1, 0},
		{IRL_ANSWERED,     "answered",  1, 0},
		{IRL_CONFIRMED,    "confirmed", 1, 0},
		{IRL_CANCELLING,   "releasing", 0, 1},
		{IRL_CANCELLED,    "releasing", 0, 1},
		{IRL_AWAITING_ACK, "releasing", 0, 1},
		{IRL_ENDING,       "releasing", 0, 1},
		{IRL_RELEASED,     "released",  0, 0},
		{IRL_GONE,         "released",  0, 0},
		/* clang-format on */
};

static void names_and_kinds(void **state)
{
	size_t i;

	(void)state;
	for(i = 0; i < COUNT(names); i++) {
		int s = names[i].state;

		assert_string_equal(irl_state_name(s), names[i].name);
		unit_expect_int(
				irl_state_label(s), "live", irl_state_live(s), names[i].live);
		unit_expect_int(irl_state_label(s), "releasing", irl_state_releasing(s),
				names[i].releasing);
	}
}

/* Live: those, and only those, in which a trigger has something to do. */
static void live_is_what_a_trigger_starts(void **state)
{
	int s, next, actions;

	(void)state;
	for(s = 0; s < IRL_STATES; s++) {
		next = irl_fsm_next(s, IRL_EV_TRIGGER, &actions);
		unit_expect_int(irl_state_label(s), "live", irl_state_live(s),
				next >= 0 && actions != 0);
		if(irl_state_live(s))
			assert_true(irl_state_releasing(next));
	}
}

/* Whatever happens to it, a release can come to its end. */
static void every_release_can_end(void **state)
{
	int reaches[IRL_STATES] = {[IRL_RELEASED] = 1};
	int round, s, e, next, actions;

	(void)state;
	for(round = 0; round < IRL_STATES; round++) {
		for(s = 0; s < IRL_STATES; s++) {
			for(e = 0; e < IRL_EVENTS; e++) {
				next = irl_fsm_next(s, e, &actions);
				if(next >= 0 && reaches[next])
					reaches[s] = 1;
			}
		}
	}
	for(s = 0; s < IRL_STATES; s++)
		unit_expect_int(irl_state_label(s), "way to RELEASED", reaches[s],
				s != IRL_GONE);
}

/* Once released or gone, never live again. */
static void no_way_back(void **state)
{
	int s, e, next, actions;

	(void)state;
	for(s = 0; s < IRL_STATES; s++) {
		for(e = 0; e < IRL_EVENTS; e++) {
			next = irl_fsm_next(s, e, &actions);
			if(next >= 0 && !irl_state_live(s))
				assert_false(irl_state_live(next));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(table_is_complete),
			cmocka_unit_test(each_cell),
			UNIT_SCENARIO(each_cell_of_a_session),
			cmocka_unit_test(names_and_kinds),
			cmocka_unit_test(live_is_what_a_trigger_starts),
			cmocka_unit_test(every_release_can_end),
			cmocka_unit_test(no_way_back),
	};

	return cmocka_run_group_tests_name("fsm", tests, NULL, NULL);
}

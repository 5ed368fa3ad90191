/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_fsm.h"

#include <stddef.h>

struct cell
{
	unsigned char legal;
	unsigned char next;
	unsigned short actions;
};

/* clang-format off */
#define TO(state, actions) {1, IRL_##state, (actions)}

static const struct cell table[IRL_STATES][IRL_EVENTS] = {
	[IRL_EARLY] = {
		[IRL_EV_ANSWER]  = TO(ANSWERED, 0),
		[IRL_EV_FAIL]    = TO(GONE, IRL_DO_ERASE),
		[IRL_EV_TRIGGER] = TO(CANCELLING, IRL_DO_CANCEL),
		[IRL_EV_END]     = TO(GONE, IRL_DO_ERASE),
	},
	[IRL_ANSWERED] = {
		[IRL_EV_ANSWER]  = TO(ANSWERED, 0),
		[IRL_EV_ACK]     = TO(CONFIRMED, 0),
		[IRL_EV_TRIGGER] = TO(AWAITING_ACK, IRL_DO_AWAIT_ACK),
		[IRL_EV_END]     = TO(GONE, IRL_DO_ERASE),
	},
	[IRL_CONFIRMED] = {
		[IRL_EV_ANSWER]  = TO(CONFIRMED, 0),
		[IRL_EV_ACK]     = TO(CONFIRMED, 0),
		[IRL_EV_TRIGGER] = TO(ENDING, IRL_DO_PAIR),
		[IRL_EV_END]     = TO(GONE, IRL_DO_ERASE),
	},
	[IRL_CANCELLING] = {
		/* the 2xx is on its way to the caller: too late to cancel */
		[IRL_EV_ANSWER]  = TO(AWAITING_ACK, IRL_DO_AWAIT_ACK),
		[IRL_EV_REPLY]   = TO(CANCELLED, 0),
		[IRL_EV_FAIL]    = TO(RELEASED, IRL_DO_FINISH),
		[IRL_EV_TRIGGER] = TO(CANCELLING, 0),
		[IRL_EV_END]     = TO(RELEASED, IRL_DO_FINISH),
	},
	[IRL_CANCELLED] = {
		[IRL_EV_ANSWER]  = TO(CANCELLED, IRL_DO_LATE),
		[IRL_EV_FAIL]    = TO(RELEASED, IRL_DO_FINISH),
		[IRL_EV_TRIGGER] = TO(CANCELLED, 0),
		[IRL_EV_END]     = TO(RELEASED, IRL_DO_FINISH),
	},
	[IRL_AWAITING_ACK] = {
		[IRL_EV_ANSWER]  = TO(AWAITING_ACK, 0),
		[IRL_EV_ACK]     = TO(ENDING, IRL_DO_PAIR),
		[IRL_EV_NO_ACK]  = TO(ENDING, IRL_DO_ACK | IRL_DO_PAIR),
		[IRL_EV_TRIGGER] = TO(AWAITING_ACK, 0),
		[IRL_EV_END]     = TO(RELEASED, IRL_DO_FINISH),
	},
	[IRL_ENDING] = {
		[IRL_EV_ANSWER]  = TO(ENDING, 0),
		[IRL_EV_ACK]     = TO(ENDING, 0),
		[IRL_EV_NO_ACK]  = TO(ENDING, 0),
		[IRL_EV_TRIGGER] = TO(ENDING, 0),
		[IRL_EV_END]     = TO(ENDING, 0),
		[IRL_EV_FINAL]   = TO(RELEASED, IRL_DO_FINISH),
	},
	[IRL_RELEASED] = {
		/* to a cancelled INVITE only */
		[IRL_EV_ANSWER]  = TO(RELEASED, IRL_DO_LATE),
		[IRL_EV_FAIL]    = TO(RELEASED, 0),
		[IRL_EV_ACK]     = TO(RELEASED, 0),
		[IRL_EV_NO_ACK]  = TO(RELEASED, 0),
		[IRL_EV_END]     = TO(RELEASED, 0),
		[IRL_EV_FORGET]  = TO(GONE, IRL_DO_ERASE),
	},
};
/* clang-format on */

static const char *const state_labels[IRL_STATES] = {"EARLY", "ANSWERED",
		"CONFIRMED", "CANCELLING", "CANCELLED", "AWAITING_ACK", "ENDING",
		"RELEASED", "GONE"};

static const char *const event_labels[IRL_EVENTS] = {"ANSWER", "ACK", "FAIL",
		"TRIGGER", "REPLY", "NO_ACK", "FINAL", "END", "FORGET"};

int irl_fsm_next(enum irl_state state, enum irl_event ev, int *actions)
{
	const struct cell *c = &table[state][ev];

	*actions = c->actions;
	return c->legal ? c->next : -1;
}

const char *irl_state_name(enum irl_state state)
{
	switch(state) {
		case IRL_EARLY:
			return "early";
		case IRL_ANSWERED:
			return "answered";
		case IRL_CONFIRMED:
			return "confirmed";
		case IRL_RELEASED:
		case IRL_GONE:
			return "released";
		default:
			return "releasing";
	}
}

const char *irl_state_label(enum irl_state state)
{
	return state_labels[state];
}

const char *irl_event_label(enum irl_event ev)
{
	return event_labels[ev];
}

int irl_state_releasing(enum irl_state state)
{
	return state >= IRL_CANCELLING && state <= IRL_ENDING;
}

int irl_state_live(enum irl_state state)
{
	return state <= IRL_CONFIRMED;
}

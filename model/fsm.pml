/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made by tools/fsm_to_promela.py of modules/ims_release/core_fsm.[ch]. */

#define IRL_EARLY 0
#define IRL_ANSWERED 1
#define IRL_CONFIRMED 2
#define IRL_CANCELLING 3
#define IRL_CANCELLED 4
#define IRL_AWAITING_ACK 5
#define IRL_ENDING 6
#define IRL_RELEASED 7
#define IRL_GONE 8

#define IRL_EV_ANSWER 0
#define IRL_EV_ACK 1
#define IRL_EV_FAIL 2
#define IRL_EV_TRIGGER 3
#define IRL_EV_REPLY 4
#define IRL_EV_NO_ACK 5
#define IRL_EV_FINAL 6
#define IRL_EV_END 7
#define IRL_EV_FORGET 8

#define IRL_DO_NOTHING 0
#define IRL_DO_CANCEL 1
#define IRL_DO_AWAIT_ACK 2
#define IRL_DO_ACK 4
#define IRL_DO_PAIR 8
#define IRL_DO_LATE 16
#define IRL_DO_RETRY_CALLER 32
#define IRL_DO_RETRY_CALLEE 64
#define IRL_DO_FINISH 128
#define IRL_DO_ERASE 256
#define IRL_DO_ANNOUNCE 512
#define IRL_DO_PENDING 1024

/* as irl_fsm_next(): what is illegal leaves `state`, and gives
 * no actions */
inline irl_fsm_next(state, ev, actions)
{
	actions = IRL_DO_NOTHING;
	if
	:: state == IRL_EARLY ->
		if
		:: ev == IRL_EV_ANSWER -> state = IRL_ANSWERED
		:: ev == IRL_EV_FAIL -> state = IRL_GONE; actions = IRL_DO_ERASE
		:: ev == IRL_EV_TRIGGER -> state = IRL_CANCELLING; actions = IRL_DO_CANCEL
		:: ev == IRL_EV_END -> state = IRL_GONE; actions = IRL_DO_ERASE
		:: else
		fi
	:: state == IRL_ANSWERED ->
		if
		:: ev == IRL_EV_ANSWER -> state = IRL_ANSWERED
		:: ev == IRL_EV_ACK -> state = IRL_CONFIRMED
		:: ev == IRL_EV_TRIGGER -> state = IRL_AWAITING_ACK; actions = IRL_DO_AWAIT_ACK
		:: ev == IRL_EV_END -> state = IRL_GONE; actions = IRL_DO_ERASE
		:: else
		fi
	:: state == IRL_CONFIRMED ->
		if
		:: ev == IRL_EV_ANSWER -> state = IRL_CONFIRMED
		:: ev == IRL_EV_ACK -> state = IRL_CONFIRMED
		:: ev == IRL_EV_TRIGGER -> state = IRL_ENDING; actions = IRL_DO_PAIR
		:: ev == IRL_EV_END -> state = IRL_GONE; actions = IRL_DO_ERASE
		:: else
		fi
	:: state == IRL_CANCELLING ->
		if
		:: ev == IRL_EV_ANSWER -> state = IRL_AWAITING_ACK; actions = IRL_DO_AWAIT_ACK
		:: ev == IRL_EV_FAIL -> state = IRL_RELEASED; actions = IRL_DO_FINISH
		:: ev == IRL_EV_TRIGGER -> state = IRL_CANCELLING
		:: ev == IRL_EV_REPLY -> state = IRL_CANCELLED
		:: ev == IRL_EV_END -> state = IRL_RELEASED; actions = IRL_DO_FINISH
		:: else
		fi
	:: state == IRL_CANCELLED ->
		if
		:: ev == IRL_EV_ANSWER -> state = IRL_CANCELLED; actions = IRL_DO_LATE
		:: ev == IRL_EV_FAIL -> state = IRL_RELEASED; actions = IRL_DO_FINISH
		:: ev == IRL_EV_TRIGGER -> state = IRL_CANCELLED
		:: ev == IRL_EV_END -> state = IRL_RELEASED; actions = IRL_DO_FINISH
		:: else
		fi
	:: state == IRL_AWAITING_ACK ->
		if
		:: ev == IRL_EV_ANSWER -> state = IRL_AWAITING_ACK
		:: ev == IRL_EV_ACK -> state = IRL_ENDING; actions = IRL_DO_PAIR
		:: ev == IRL_EV_TRIGGER -> state = IRL_AWAITING_ACK
		:: ev == IRL_EV_NO_ACK -> state = IRL_ENDING; actions = IRL_DO_ACK | IRL_DO_PAIR
		:: ev == IRL_EV_END -> state = IRL_RELEASED; actions = IRL_DO_FINISH
		:: else
		fi
	:: state == IRL_ENDING ->
		if
		:: ev == IRL_EV_ANSWER -> state = IRL_ENDING
		:: ev == IRL_EV_ACK -> state = IRL_ENDING
		:: ev == IRL_EV_TRIGGER -> state = IRL_ENDING
		:: ev == IRL_EV_NO_ACK -> state = IRL_ENDING
		:: ev == IRL_EV_FINAL -> state = IRL_RELEASED; actions = IRL_DO_FINISH
		:: ev == IRL_EV_END -> state = IRL_ENDING
		:: else
		fi
	:: state == IRL_RELEASED ->
		if
		:: ev == IRL_EV_ANSWER -> state = IRL_RELEASED; actions = IRL_DO_LATE
		:: ev == IRL_EV_ACK -> state = IRL_RELEASED
		:: ev == IRL_EV_FAIL -> state = IRL_RELEASED
		:: ev == IRL_EV_NO_ACK -> state = IRL_RELEASED
		:: ev == IRL_EV_END -> state = IRL_RELEASED
		:: ev == IRL_EV_FORGET -> state = IRL_GONE; actions = IRL_DO_ERASE
		:: else
		fi
	:: else
	fi
}

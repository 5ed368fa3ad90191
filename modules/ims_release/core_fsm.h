/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file core_fsm.h  The states of a session, as a table
 *
 * For each state the events it takes, what is to be done, and the state that
 * follows. What is not in the table is illegal: it is refused and changes
 * nothing.
 */
#ifndef IRL_CORE_FSM_H
#define IRL_CORE_FSM_H

/** States. The three of a release under way are one, `releasing`, to users. */
enum irl_state
{
	IRL_EARLY = 0,	  /**< INVITE seen, no 2xx */
	IRL_ANSWERED,	  /**< 2xx seen, no ACK */
	IRL_CONFIRMED,	  /**< ACK seen */
	IRL_CANCELLING,	  /**< released while early: INVITE to be ended */
	IRL_CANCELLED,	  /**< its caller is being answered by us */
	IRL_AWAITING_ACK, /**< released when answered: no BYE before the ACK */
	IRL_ENDING,		  /**< the pair of BYEs is out */
	IRL_RELEASED,	  /**< remembered, to answer 481 */
	IRL_GONE		  /**< to be erased by who sees it */
};
#define IRL_STATES 9

enum irl_event
{
	IRL_EV_ANSWER = 0, /**< first 2xx of a dialog */
	IRL_EV_ACK,
	IRL_EV_FAIL,	/**< the INVITE ended with 300 or above */
	IRL_EV_TRIGGER, /**< to be released */
	IRL_EV_REPLY,	/**< the final response to the caller is ours now */
	IRL_EV_NO_ACK,	/**< 64*T1 passed since the trigger without the ACK */
	IRL_EV_FINAL,	/**< both BYEs have their final answer */
	IRL_EV_END,		/**< ended by others: their BYE, expiry */
	IRL_EV_FORGET	/**< `linger` passed */
};
#define IRL_EVENTS 9

/** What an event calls for. Bits: several may be due at once. */
enum irl_action
{
	IRL_DO_NOTHING = 0,
	IRL_DO_CANCEL = 1,	  /**< end the INVITE transaction */
	IRL_DO_AWAIT_ACK = 2, /**< start the timer for the ACK */
	IRL_DO_ACK = 4,		  /**< acknowledge the 2xx in the caller's place */
	IRL_DO_PAIR = 8,	  /**< build and send both BYEs */
	IRL_DO_LATE = 16,	  /**< ACK and BYE for a 2xx to a cancelled INVITE */
	IRL_DO_RETRY_CALLER = 32, /**< the BYE once more, higher CSeq */
	IRL_DO_RETRY_CALLEE = 64,
	IRL_DO_FINISH = 128, /**< account, log, end the dialog module's record */
	IRL_DO_ERASE = 256,	 /**< take the record out */
	/* these two are not the table's */
	IRL_DO_ANNOUNCE = 512, /**< log the start */
	IRL_DO_PENDING = 1024  /**< answer a re-INVITE or UPDATE still under way */
};

/**
 * @param actions out: IRL_DO_* bits
 * @return the next state, -1 when the event is illegal in this state
 */
int irl_fsm_next(enum irl_state state, enum irl_event ev, int *actions);

/** The state's name as users see it. */
const char *irl_state_name(enum irl_state state);

/** Names of the table's own states and events, for logs and the model. */
const char *irl_state_label(enum irl_state state);
const char *irl_event_label(enum irl_event ev);

/** A release is under way: BYEs, CANCELs or the wait for an ACK. */
int irl_state_releasing(enum irl_state state);

/** A trigger would start a release. */
int irl_state_live(enum irl_state state);

#endif

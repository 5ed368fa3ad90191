/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A session that the S-CSCF releases, from its INVITE to the end of its record
 * (TS 24.229 5.4.5.1). README.md says what is modelled, what is left out, and
 * how this is run.
 *
 * What is done under one lock is one d_step; between two of them anybody may
 * come. A d_step names the function of the C sources that it stands for.
 *
 * Options, each a -D of its own:
 *   DIALOGS=n   callees that the INVITE forks to, 1 or 2
 *   TRIGGERS=n  times that the release is asked for
 *   WHEN=state  in which the first trigger comes; any, unless told
 *   LOSS=n      messages that get lost: INVITE, 1xx, ACK, a BYE or its answer
 *   REPEAT      the callee repeats its 2xx; tm tells of an answer twice
 *   USER_BYE    the parties hang up, any time
 *   GIVES_UP    the caller sends CANCEL
 *   NO_ANSWER   tm's timer ends a branch that rings
 *   EXPIRY      the dialog module's record expires
 *   RETRY       a BYE may be answered 500
 */
#include "fsm.pml"

#ifndef DIALOGS
#define DIALOGS 1
#endif
#ifndef TRIGGERS
#define TRIGGERS 1
#endif
#ifndef LOSS
#define LOSS 0
#endif
#define LEGS (2 * DIALOGS)
#define CALLER 0
#define CALLEE 1
#define LEG(n, party) (2 * (n) + (party))
#define NONE 15

/* ---- the record; a second answer has one of its own -------------------------- */

byte state[DIALOGS] = IRL_GONE;
short todo[DIALOGS];		/* release->todo */
bit posted[DIALOGS];		/* its id is in the pipe */
bit released[DIALOGS];		/* release != NULL */
byte current[DIALOGS] = NONE;	/* the dialog that was answered first */
bit cancelled, invite_known;	/* of record 0 */
bit timer_ack[DIALOGS], timer_linger[DIALOGS], timer_invite;
byte bye_status[LEGS], bye_tries[LEGS];	/* legs of records */
#define BYE_NONE 0
#define BYE_SENT 1
#define BYE_FINAL 2

byte record[DIALOGS];		/* of which the dialog is */
bit answered[DIALOGS];
byte late[DIALOGS];			/* enum irl_late */
#define NOT_LATE 0
#define LATE_DUE 1
#define LATE_DONE 2
#define LATE_ACK_DUE 3

/* ---- tm: the INVITE's transaction -------------------------------------------- */

byte uas;					/* the final response that the caller was sent */
#define OPEN 0
#define ANSWERED 1
#define REFUSED 2			/* a callee's, or tm's 408 */
#define OURS 3
byte received[DIALOGS];		/* last_received of a branch */
#define NOTHING 0
#define RINGING 1
#define FINAL 2
bit to_cancel[DIALOGS];		/* F_RB_CANCELED */
bit silenced[DIALOGS];		/* tm retransmits the INVITE no more */
bit was_cancelled[DIALOGS];	/* a CANCEL was sent */
bit failing;				/* DLGCB_FAILED is due */

/* ---- what is on its way -------------------------------------------------------- */

bit w_invite[DIALOGS], w_cancel[DIALOGS], w_1xx[DIALOGS], w_final[DIALOGS];
byte w_2xx[DIALOGS];
#define COMES 1				/* on its way here */
#define SEEN 2				/* past irl_on_late_reply() */
#define TAKEN 3				/* past irl_on_invite_response() */
bit w_answer[DIALOGS], w_refusal, w_user_cancel;	/* to or from the caller */
byte w_ack[DIALOGS];
#define NOTED 2				/* COMES, then past note_ack() */
#define NOTED_DUE 3			/* likewise; a release waits for it */
#define GOES 4				/* on its way to the callee */
bit w_our_ack[DIALOGS], w_late_bye[DIALOGS];
byte w_bye[LEGS];			/* a BYE of the pair of a record */
#define W_200 2
#define W_500 3
#define W_408 4
byte w_again[LEGS];			/* the try whose answer tm tells of twice */
byte w_user_bye[LEGS];		/* a party's own BYE; legs of dialogs */
#define U_RELAYED 2
#define U_ANSWERED 3
#define U_OVER 4

/* ---- the parties ---------------------------------------------------------------- */

byte caller_final;			/* the final response it has, as `uas` */
byte party[LEGS];			/* legs of dialogs */
#define IDLE 0
#define EARLY 1				/* callee: has the INVITE */
#define WAITS 2				/* callee: 2xx sent, no ACK */
#define TALKS 3
#define ENDED 4				/* had a dialog, knows that it is over */
#define FAILED 5			/* callee: final response of 300 or above sent */
#define has_dialog(n) (party[n] == WAITS || party[n] == TALKS)
bit rang[DIALOGS];
bit repeated[DIALOGS];		/* its 2xx */
byte lost;

#ifdef GIVES_UP
bit gave_up;
#endif

inline hears_bye(n)
{
	if
	:: has_dialog(n) || party[n] == EARLY -> party[n] = ENDED
	:: else
	fi
}

/* ---- what the properties look at -------------------------------------------------- */

bit told[LEGS];				/* a BYE was sent to it */
bit paired[LEGS];			/* one of ours */
bit acked[DIALOGS], waited[DIALOGS];	/* ACK seen; none in 64*T1 */
byte triggered;

hidden short actions;		/* of d_steps, each sets them before it reads them */
hidden byte i, j, r;

#define exists(s) (state[s] != IRL_GONE)
#define is_live(s) (state[s] <= IRL_CONFIRMED)

/* ---- release.c, for a record that is there ------------------------------------------ */

inline irl_release_event(s, ev)
{
	irl_fsm_next(state[s], ev, actions);
	if
	:: released[s] -> todo[s] = todo[s] | (actions & ~IRL_DO_ERASE)
	:: else
	fi
}

inline irl_release_unlock(s)
{
	if
	:: !exists(s) -> todo[s] = 0; timer_ack[s] = 0; timer_linger[s] = 0
	:: exists(s) && todo[s] -> posted[s] = 1
	:: else
	fi
}

inline irl_release_raise(s, ev)
{
	if
	:: exists(s) -> irl_release_event(s, ev); irl_release_unlock(s)
	:: else
	fi
}

inline start(s)
{
	released[s] = 1;
	todo[s] = IRL_DO_ANNOUNCE;
	irl_release_event(s, IRL_EV_TRIGGER);
	irl_release_unlock(s)
}

inline irl_release_trigger(s)
{
	printf("trigger %d\n", s);
	if
	:: is_live(s) -> start(s)
	:: else
	fi
}

proctype Trigger()
{
#ifdef WHEN
end:
	state[0] == WHEN || !is_live(0);
#endif
	d_step { irl_release_trigger(0) }
#if DIALOGS > 1
	d_step { irl_release_trigger(1) }
#endif
	triggered++
}

/* ---- tm and capture_answer.c: responses to the INVITE -------------------------------- */

/* prepare_to_cancel() and cancel_branch(), with F_CANCEL_B_KILL if `kill` */
inline cancel_branches(kill)
{
	for(i : 0 .. DIALOGS - 1) {
		if
		:: received[i] == FINAL || was_cancelled[i]
		:: else ->
			to_cancel[i] = 1;
			if
			:: received[i] == RINGING -> w_cancel[i] = 1; was_cancelled[i] = 1
			:: else -> silenced[i] = kill
			fi
		fi
	}
}

inline take_late(d)
{
	printf("2xx of callee %d is late\n", d);
	answered[d] = 1;
	current[0] = (current[0] == NONE -> d : current[0]);
	late[d] = (late[d] == NOT_LATE -> LATE_DUE :
		(late[d] == LATE_DONE -> LATE_ACK_DUE : late[d]));
	irl_release_event(0, IRL_EV_ANSWER);
	irl_release_unlock(0)
}

inline split(d)
{
#if DIALOGS > 1
	record[d] = 1; current[1] = d; state[1] = IRL_ANSWERED;
	if
	:: released[0] -> start(1)
	:: else
	fi
#else
	assert(false)
#endif
}

/* s: the record that has the dialog, as session_of_dialog() finds it */
inline take_answer(d, s)
{
	if
	:: !exists(0) || !exists(s)
	:: exists(0) && exists(s) && s == 0 && cancelled ->
		/* tm is given a 100 */
		take_late(d); w_2xx[d] = 0; w_1xx[d] = 1
	:: else ->
		current[s] = (current[s] == NONE -> d : current[s]);
		if
		:: answered[d]
		:: !answered[d] && current[s] == d -> irl_release_event(s, IRL_EV_ANSWER)
		:: else -> split(d)
		fi;
		answered[d] = 1;
		irl_release_unlock(s)
	fi
}

/* t_should_relay_response(): the final response of a branch, 300 or above */
inline branch_over(d)
{
	received[d] = FINAL;
	r = FINAL;
	for(i : 0 .. DIALOGS - 1) {
		r = (received[i] < r -> received[i] : r)
	}
	if
	:: r == FINAL && uas == OPEN -> uas = REFUSED; w_refusal = 1; failing = 1
	:: else
	fi
}

proctype Responses(byte d)
{
end:
	do
	:: d_step { w_2xx[d] == COMES ->
		/* irl_on_late_reply() */
		if
		:: exists(0) && cancelled -> w_2xx[d] = 0; take_late(d)
		:: else -> w_2xx[d] = SEEN
		fi }
	:: d_step { w_2xx[d] == SEEN ->
		/* irl_on_invite_response() */
		w_2xx[d] = TAKEN; r = record[d]; take_answer(d, r) }
	:: d_step { w_2xx[d] == TAKEN ->
		/* reply_received(), with the lock on the transaction's responses */
		printf("2xx of callee %d relayed\n", d);
		/* P: the caller gets no 2xx after a final response of ours */
		assert(uas != OURS);
		w_2xx[d] = 0; received[d] = FINAL; w_answer[d] = 1;
		if
		:: uas == OPEN -> uas = ANSWERED; cancel_branches(1)
		:: else
		fi }
	:: d_step { w_1xx[d] ->
		/* reply_received(), with that lock */
		w_1xx[d] = 0;
		if
		:: to_cancel[d] && !was_cancelled[d] && received[d] != FINAL ->
			w_cancel[d] = 1; was_cancelled[d] = 1
		:: !to_cancel[d] && uas == OPEN && received[d] == NOTHING ->
			received[d] = RINGING
		:: else
		fi }
	:: d_step { w_final[d] -> w_final[d] = 0; branch_over(d) }
	:: d_step { failing ->
		/* irl_capture_host(IRL_HOST_FAILED) */
		failing = 0;
		cancelled = cancelled || state[0] == IRL_CANCELLING;
		irl_release_raise(0, IRL_EV_FAIL) }
#ifdef NO_ANSWER
	:: d_step { received[d] == RINGING && w_2xx[d] < TAKEN ->
		/* final_response_handler() */
		printf("no answer of callee %d\n", d);
		if
		:: !was_cancelled[d] -> w_cancel[d] = 1; was_cancelled[d] = 1; to_cancel[d] = 1
		:: else
		fi;
		branch_over(d) }
#endif
	:: d_step { lost < LOSS && w_1xx[d] ->
		lost++; w_1xx[d] = 0; printf("1xx lost\n") }
	od
}

/* ---- requests of the parties ------------------------------------------------------------ */

proctype Invite()
{
	d_step {
		for(i : 0 .. DIALOGS - 1) {
			w_invite[i] = 1
		};
		skip
	}
	d_step {
		/* irl_invite_relayed() */
		invite_known = 1;
		if
		:: state[0] == IRL_CANCELLING -> todo[0] = todo[0] | IRL_DO_CANCEL
		:: else
		fi;
		irl_release_unlock(0)
	}
#ifdef GIVES_UP
end:
	d_step { w_user_cancel -> w_user_cancel = 0;
		if
		:: uas == OPEN -> cancel_branches(0)
		:: else
		fi }
#endif
}

proctype Ack(byte d)
{
end:
	do
	:: d_step { w_ack[d] == COMES ->
		/* note_ack() */
		r = record[d];
		j = state[r];
		w_ack[d] = NOTED;
		acked[d] = 1;
		if
		:: exists(r) && current[r] == d ->
			irl_release_event(r, IRL_EV_ACK);
			w_ack[d] = (j == IRL_AWAITING_ACK -> NOTED_DUE : NOTED)
		:: else
		fi }
	:: d_step { w_ack[d] == NOTED -> w_ack[d] = GOES }
	:: d_step { w_ack[d] == NOTED_DUE ->
		/* on_done() */
		w_ack[d] = GOES; posted[record[d]] = 1 }
	:: d_step { lost < LOSS && (w_ack[d] == COMES || w_ack[d] == GOES) ->
		lost++; w_ack[d] = 0; printf("ACK lost\n") }
	od
}

#ifdef USER_BYE
/* n: leg of who sends it; n ^ 1 is the other */
proctype Bye(byte n)
{
end:
	d_step { party[n] == TALKS ->
		printf("BYE of leg %d\n", n); party[n] = ENDED; w_user_bye[n] = COMES }
	d_step {
		/* irl_within_request() */
		r = record[n / 2];
		if
		:: exists(r) && !is_live(r) -> w_user_bye[n] = U_OVER
		:: else -> w_user_bye[n] = U_RELAYED; told[n ^ 1] = 1
		fi
	}
	if
	:: w_user_bye[n] == U_OVER
	:: d_step { w_user_bye[n] == U_RELAYED ->
		w_user_bye[n] = U_ANSWERED; hears_bye(n ^ 1) }
	:: d_step { w_user_bye[n] == U_RELAYED && lost < LOSS ->
		w_user_bye[n] = U_ANSWERED; lost++; printf("408 to a user's BYE\n") }
	fi;
	d_step {
		/* on_bye_response() */
		r = record[n / 2];
		if
		:: w_user_bye[n] == U_ANSWERED -> irl_release_raise(r, IRL_EV_END)
		:: else
		fi;
		w_user_bye[n] = U_OVER
	}
}
#endif

#ifdef EXPIRY
proctype DialogModule()
{
end:
	d_step { current[0] != NONE ->
		/* irl_capture_host(IRL_HOST_ENDED) */
		printf("expired\n");
		if
		:: is_live(0) -> irl_release_raise(0, IRL_EV_END)
		:: else
		fi }
}
#endif

/* ---- the releasing process --------------------------------------------------- */

/* store_and_send(), the part under the lock */
inline store_bye(n)
{
	bye_status[n] = BYE_SENT;
	bye_tries[n]++;
	/* P: at most one more */
	assert(bye_tries[n] <= 2)
}

/* irl_transaction_send() */
inline send_bye(n, d, side)
{
	printf("BYE to %d (0 caller, 1 callee) of dialog %d\n", side, d);
	w_bye[n] = COMES;
	told[LEG(d, side)] = 1;
	/* P: not before the ACK, unless that kept us waiting */
	assert(acked[d] || waited[n / 2]);
	/* P: nobody is sent two pairs */
	assert(bye_tries[n] == 2 || !paired[LEG(d, side)]);
	paired[LEG(d, side)] = 1
}

inline send_due(n, d, side, action)
{
	if
	:: d_step { due & (action) -> send_bye(n, d, side) }
	:: else
	fi
}

#define DO_CALLER (IRL_DO_PAIR | IRL_DO_RETRY_CALLER)
#define DO_CALLEE (IRL_DO_PAIR | IRL_DO_RETRY_CALLEE)

inline irl_send_byes()
{
	d_step {
		if
		:: due & DO_CALLER -> store_bye(LEG(s, CALLER))
		:: else
		fi;
		if
		:: due & DO_CALLEE -> store_bye(LEG(s, CALLEE))
		:: else
		fi;
		irl_release_unlock(s)
	};
	send_due(LEG(s, CALLER), at, CALLER, DO_CALLER);
	send_due(LEG(s, CALLEE), at, CALLEE, DO_CALLEE)
}

inline irl_cancel_invite()
{
	d_step {
		/* take_invite() */
		taken = state[s] == IRL_CANCELLING && invite_known;
		if
		:: taken ->
			irl_release_event(s, IRL_EV_REPLY);
			irl_release_unlock(s);
			cancelled = 1
		:: else
		fi
	}
	if
	:: taken ->
		d_step {
			/* irl_transaction_end(), with the lock on the responses */
			/* P: the caller has no 2xx yet */
			assert(uas != ANSWERED);
			if
			:: uas == OPEN -> uas = OURS; w_refusal = 1; cancel_branches(1)
			:: else
			fi;
			timer_invite = 1
		}
		/* of the dialog module, or our own */
		d_step { irl_release_raise(s, IRL_EV_FAIL); taken = 0 }
	:: else
	fi
}

/* next_late() and acknowledge() */
inline next_late(d)
{
	if
	:: at == NONE && record[d] == s &&
			(late[d] == LATE_DUE || late[d] == LATE_ACK_DUE) ->
		at = d; taken = late[d] == LATE_DUE;
		late[d] = LATE_DONE; w_our_ack[d] = 1
	:: else
	fi
}

inline irl_answer_late()
{
	do
	:: at == NONE -> break
	:: else ->
		d_step {
			at = NONE;
			next_late(0);
#if DIALOGS > 1
			next_late(1)
#endif
		}
		if
		:: taken -> d_step {
			/* send_late_bye() */
			printf("late BYE to callee %d\n", at);
			taken = 0; w_late_bye[at] = 1;
			told[LEG(at, CALLEE)] = 1;
			/* P: one only */
			assert(!paired[LEG(at, CALLEE)]);
			paired[LEG(at, CALLEE)] = 1 }
		:: else
		fi
	od
}

inline irl_release_step()
{
	d_step {
		posted[s] = 0;
		due = (exists(s) && released[s] -> todo[s] & ~IRL_DO_ANNOUNCE : 0);
		todo[s] = 0;
		at = current[s];
		if
		:: due & IRL_DO_AWAIT_ACK -> timer_ack[s] = 1
		:: else
		fi
	}
	if
	:: due & IRL_DO_CANCEL -> irl_cancel_invite()
	:: else
	fi;
	if
	:: d_step { due & IRL_DO_ACK -> w_our_ack[at] = 1 }
	:: else
	fi;
	if
	:: due & (DO_CALLER | DO_CALLEE) -> irl_send_byes()
	:: else
	fi;
	if
	:: d_step { due & IRL_DO_FINISH ->
		/* P: it ends once */
		assert(!timer_linger[s]);
		timer_linger[s] = 1 }
	:: else
	fi;
	if
	:: due & IRL_DO_LATE -> irl_answer_late()
	:: else
	fi
}

#ifdef REPEAT
#define will_repeat(d) (party[LEG(d, CALLEE)] == WAITS && !repeated[d])
#else
#define will_repeat(d) 0
#endif

/* Nothing of this branch is on its way: whoever got the INVITE has said so, and
 * what was lost has been sent again. */
#define quiet(d) (!w_invite[d] && !w_1xx[d] && !w_2xx[d] && !w_final[d] && \
	!w_cancel[d] && !w_our_ack[d] && !w_late_bye[d] && !w_answer[d] && \
	!will_repeat(d) && !will_resend(d) && \
	!(party[LEG(d, CALLEE)] == EARLY && !rang[d]))
#if DIALOGS > 1
#define all_quiet (invite_known && quiet(0) && quiet(1))
#else
#define all_quiet (invite_known && quiet(0))
#endif

/* A branch of which nothing has come, neither the INVITE nor an answer being
 * on its way: one was lost. */
#define is_silent(d) (received[d] == NOTHING && !was_cancelled[d] && \
	!w_invite[d] && !w_1xx[d] && !w_2xx[d] && !w_final[d] && \
	(party[LEG(d, CALLEE)] == IDLE || rang[d]))
/* irl_release_resend() until 64*T1 */
#define will_resend(d) (timer_invite && is_silent(d))

inline timers(n)
{
	if
	:: d_step { timer_ack[n] && !posted[n] && current[n] != NONE &&
			!w_answer[current[n]] && !w_2xx[current[n]] ->
		/* irl_release_no_ack() */
		timer_ack[n] = 0;
		waited[n] = state[n] == IRL_AWAITING_ACK;
		irl_release_raise(n, IRL_EV_NO_ACK) }
	:: d_step { timer_linger[n] && !posted[n] && all_quiet ->
		/* irl_release_forget() */
		timer_linger[n] = 0; irl_release_raise(n, IRL_EV_FORGET) }
	fi
}

proctype Releasing()
{
	byte s, at;
	short due;
	bit taken;

end:
	do
	:: posted[0] -> s = 0; irl_release_step(); atomic { at = 0; due = 0 }
	:: timers(0)
#if DIALOGS > 1
	:: posted[1] -> s = 1; irl_release_step();
		atomic { s = 0; at = 0; due = 0 }
	:: timers(1)
#endif
	od
}

/* ---- pair.c: the final response to a BYE of the pair --------------------------- */

inline on_answer(n, try, code)
{
	r = n / 2;
	if
	:: exists(r) && bye_status[n] == BYE_SENT && bye_tries[n] == try ->
		if
		:: code == W_500 && try == 1 ->
			bye_status[n] = BYE_NONE;
			todo[r] = todo[r] | (n % 2 == CALLER -> IRL_DO_RETRY_CALLER :
				IRL_DO_RETRY_CALLEE)
		:: else ->
			bye_status[n] = BYE_FINAL;
			if
			:: bye_status[n ^ 1] == BYE_FINAL -> irl_release_event(r, IRL_EV_FINAL)
			:: else
			fi
		fi;
		irl_release_unlock(r)
	:: else
	fi
}

/* n: leg of the record, d: its dialog, once there is a BYE */
#define answered_by LEG(current[n / 2], n % 2)

proctype Answer(byte n)
{
end:
	do
	:: d_step { w_bye[n] == COMES -> w_bye[n] = W_200; hears_bye(answered_by) }
#ifdef RETRY
	:: d_step { w_bye[n] == COMES -> w_bye[n] = W_500 }
#endif
	:: d_step { lost < LOSS && (w_bye[n] == COMES || w_bye[n] == W_200) ->
		printf("408 to a BYE\n"); lost++; w_bye[n] = W_408 }
	:: d_step { w_bye[n] >= W_200 ->
		j = w_bye[n]; w_bye[n] = 0;
#ifdef REPEAT
		w_again[n] = bye_tries[n];
#endif
		on_answer(n, bye_tries[n], j) }
#ifdef REPEAT
	:: d_step { w_again[n] -> j = w_again[n]; w_again[n] = 0; on_answer(n, j, W_200) }
#endif
	od
}

/* ---- the parties ---------------------------------------------------------------- */

proctype Caller(byte d)
{
end:
	do
	:: d_step { w_refusal ->
		/* P: one final response, and none after a 2xx */
		assert(caller_final == OPEN);
		w_refusal = 0; caller_final = REFUSED }
	:: d_step { w_answer[d] ->
		/* each copy is acknowledged */
		w_answer[d] = 0;
		caller_final = (caller_final == OPEN -> ANSWERED : caller_final);
		party[LEG(d, CALLER)] = (party[LEG(d, CALLER)] == IDLE -> TALKS :
			party[LEG(d, CALLER)]);
		w_ack[d] = (w_ack[d] -> w_ack[d] : COMES) }
	:: d_step { w_answer[d] && caller_final == REFUSED ->
		/* or taken no notice of */
		w_answer[d] = 0 }
#ifdef GIVES_UP
	:: d_step { d == 0 && caller_final == OPEN && !gave_up && invite_known ->
		printf("CANCEL of the caller\n"); gave_up = 1; w_user_cancel = 1 }
#endif
	od
}

inline response(code)
{
	printf("callee %d: %d\n", d, code);
	rang[d] = 1
}

#define me party[LEG(d, CALLEE)]

proctype Callee(byte d)
{
end:
	do
	:: d_step { w_invite[d] ->
		w_invite[d] = 0;
		if
		:: me == IDLE -> me = EARLY
		:: me == EARLY && rang[d] -> w_1xx[d] = 1
		:: else
		fi }
	:: d_step { me == EARLY && !rang[d] -> response(180); w_1xx[d] = 1 }
	:: d_step { me == EARLY -> response(200); me = WAITS; w_2xx[d] = COMES }
	:: d_step { me == EARLY -> response(486); me = FAILED; w_final[d] = 1 }
	:: d_step { w_cancel[d] ->
		w_cancel[d] = 0;
		if
		:: me == EARLY -> response(487); me = FAILED; w_final[d] = 1
		:: else
		fi }
	:: d_step { w_ack[d] == GOES || w_our_ack[d] ->
		if
		:: w_our_ack[d] -> w_our_ack[d] = 0
		:: else -> w_ack[d] = 0
		fi;
		me = (me == WAITS -> TALKS : me) }
	:: d_step { w_late_bye[d] -> w_late_bye[d] = 0; hears_bye(LEG(d, CALLEE)) }
#ifdef REPEAT
	:: d_step { me == WAITS && !w_2xx[d] && !repeated[d] ->
		repeated[d] = 1; response(200); w_2xx[d] = COMES }
#endif
	:: d_step { lost < LOSS && w_invite[d] ->
		lost++; w_invite[d] = 0; printf("INVITE lost\n") }
	/* tm, or irl_transaction_resend(), sends it again */
	:: d_step { is_silent(d) && invite_known && (!silenced[d] || timer_invite) ->
		w_invite[d] = 1; printf("INVITE again\n") }
	od
}

/* ---- the properties ---------------------------------------------------------------- */

inline check_dialog(d)
{
	r = record[d];
	if
	:: released[r] ->
		/* nobody who has the dialog stays untold */
		assert(!has_dialog(LEG(d, CALLER)) || told[LEG(d, CALLER)]);
		assert(!has_dialog(LEG(d, CALLEE)) || told[LEG(d, CALLEE)]);
		/* nor a callee who rings */
		assert(party[LEG(d, CALLEE)] != EARLY)
	:: else
	fi
}

inline check_record(s)
{
	/* the record goes, and nothing is left to be done of it */
	assert(!released[s] || !exists(s));
	assert(!todo[s] && !posted[s])
}

proctype Properties()
{
	/* nobody can do anything any more */
	timeout ->
	d_step {
		check_dialog(0);
		check_record(0);
#if DIALOGS > 1
		check_dialog(1);
		check_record(1);
#endif
		/* who was not answered has a final response */
		assert(!cancelled || caller_final == REFUSED)
	}
}

/* The record of each session that is released goes, in every run. */
#if DIALOGS > 1
ltl goes { [] ((released[0] -> <> !exists(0)) && (released[1] -> <> !exists(1))) }
#else
ltl goes { [] (released[0] -> <> !exists(0)) }
#endif

init {
	atomic {
		state[0] = IRL_EARLY;
		run Properties();
		run Releasing();
		run Invite();
		for(i : 0 .. DIALOGS - 1) {
			run Responses(i); run Ack(i); run Caller(i); run Callee(i)
		}
		for(i : 0 .. LEGS - 1) {
			run Answer(i);
#ifdef USER_BYE
			run Bye(i)
#endif
		}
#ifdef EXPIRY
		run DialogModule();
#endif
		for(i : 1 .. TRIGGERS) {
			run Trigger()
		}
	}
}

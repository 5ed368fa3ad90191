/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A session that the S-CSCF releases, from its INVITE to the end of its record
 * (TS 24.229 5.4.5.1). README.md says what is modelled, what is left out, and
 * why less would say the same.
 *
 * What is done under one lock is one d_step; between two of them anybody may
 * come. A d_step names the function of the C sources that it stands for.
 *
 * Options, each a -D of its own:
 *   DIALOGS=n   callees that the INVITE forks to, 1 or 2
 *   TRIGGERS=n  times that the release is asked for
 *   WHEN=state  in which that is; in any, unless told
 *   LOSS=n      how often an INVITE, a provisional response or an ACK gets lost
 *   REPEAT      the callee repeats its 2xx; tm tells of an answer twice
 *   AT_ONCE     a BYE is answered as it is sent: what may come between is seen
 *               with one dialog
 *   RETRY       a BYE may be answered 500
 *   SERVER      an application server may answer a BYE, which nobody hears then
 *   USER_BYE    the parties hang up, any time
 *   GIVES_UP    the caller sends CANCEL
 *   NO_ANSWER   tm's timer ends a branch that rings
 *   EXPIRY      the dialog module's record expires
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
#define LEG(n, side) (2 * (n) + (side))
#define NONE 15

/* ---- the records: a second answer has one of its own ------------------------- */

byte state[DIALOGS] = IRL_GONE;
short todo[DIALOGS];		/* release->todo */
bit posted[DIALOGS];		/* its id is in the pipe */
bit released[DIALOGS];		/* release != NULL */
byte current[DIALOGS] = NONE;	/* the dialog that was answered first */
bit cancelled, invite_known;	/* of record 0 */
bit timer_ack[DIALOGS], timer_linger[DIALOGS], timer_invite;
byte bye_status[LEGS], bye_tries[LEGS];	/* of the pair */
bit straight[LEGS];			/* past service control, which has lost it */
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

/* ---- tm: the INVITE's transaction --------------------------------------------- */

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

/* ---- the wire ------------------------------------------------------------------- */

bit w_1xx[DIALOGS], w_final[DIALOGS];	/* from the callee */
byte w_2xx[DIALOGS], w_ack[DIALOGS];	/* from the callee, from the caller */
#define COMES 1				/* on its way here */
#define SEEN 2				/* 2xx: past irl_on_late_reply() */
#define TAKEN 3				/* 2xx: past irl_on_invite_response() */
#define NOTED 2				/* ACK: past note_ack(), a release waits for it */
byte w_bye[LEGS];			/* a BYE of the pair: its try */
byte w_again[LEGS];			/* the try whose answer tm tells of twice */
bit w_user_bye[LEGS];		/* a party's own BYE has been relayed */
byte lost;

/* ---- the parties, a leg for each side of each dialog ------------------------------ */

byte party[LEGS];
#define IDLE 0
#define EARLY 1				/* callee: has the INVITE */
#define WAITS 2				/* callee: 2xx sent, no ACK */
#define TALKS 3
#define ENDED 4				/* had a dialog, knows that it is over */
#define FAILED 5			/* callee: final response of 300 or above sent */
bit rang[DIALOGS], repeated[DIALOGS];
#define callee(d) party[LEG(d, CALLEE)]
#define has_dialog(n) (party[n] == WAITS || party[n] == TALKS)

inline hears_bye(n)
{
	party[n] = (has_dialog(n) || party[n] == EARLY -> ENDED : party[n])
}

/* ---- what the properties look at --------------------------------------------------- */

bit told[LEGS];				/* a BYE was sent to it, */
bit paired[LEGS];			/* one of ours */
bit acked[DIALOGS], waited[DIALOGS];	/* ACK seen; none in 64*T1 */

hidden short actions;		/* of d_steps, each sets them before it reads them */
hidden byte i, j, r;

#define exists(s) (state[s] != IRL_GONE)
#define is_live(s) (state[s] <= IRL_CONFIRMED)

/* ---- release.c ---------------------------------------------------------------------- */

inline irl_release_event(s, ev)
{
	irl_fsm_next(state[s], ev, actions);
	todo[s] = (released[s] -> todo[s] | (actions & ~IRL_DO_ERASE) : todo[s])
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

inline irl_release_trigger(s)
{
	if
	:: is_live(s) ->
		printf("trigger of record %d\n", s);
		released[s] = 1;
		todo[s] = IRL_DO_ANNOUNCE;
		irl_release_event(s, IRL_EV_TRIGGER);
		irl_release_unlock(s)
	:: else
	fi
}

#ifdef WHEN
#define now (state[0] == WHEN || !is_live(0))
#else
#define now 1
#endif

proctype Trigger()
{
end:
	d_step { now -> irl_release_trigger(0) }
#if DIALOGS > 1
	d_step { irl_release_trigger(1) }
#endif
}

/* ---- tm and capture_answer.c: responses to the INVITE --------------------------------- */

inline cancel(d)
{
	printf("CANCEL %d\n", d);
	was_cancelled[d] = 1;
	to_cancel[d] = 1;
	if
	:: callee(d) == EARLY -> callee(d) = FAILED; w_final[d] = 1
	:: else
	fi
}

/* prepare_to_cancel() and cancel_branch(), with F_CANCEL_B_KILL if `kill` */
inline cancel_branches(kill)
{
	for(i : 0 .. DIALOGS - 1) {
		if
		:: received[i] == FINAL || was_cancelled[i]
		:: received[i] == RINGING && !was_cancelled[i] -> cancel(i)
		:: else -> to_cancel[i] = 1; silenced[i] = silenced[i] || kill
		fi
	}
}

inline take_late(d)
{
	printf("2xx of callee %d is late\n", d);
	w_2xx[d] = 0;
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
	printf("record 1 is of dialog %d\n", d);
	record[d] = 1; current[1] = d; state[1] = IRL_ANSWERED;
	if
	:: released[0] -> irl_release_trigger(1)
	:: else
	fi
#else
	assert(false)
#endif
}

/* s: the record that has the dialog, as session_of_dialog() finds it */
inline take_answer(d, s)
{
	w_2xx[d] = TAKEN;
	if
	:: !exists(0) || !exists(s)
	:: exists(0) && exists(s) && s == 0 && cancelled ->
		/* tm is given a 100 */
		take_late(d); w_1xx[d] = 1
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

/* t_should_relay_response(): a final response of 300 or above */
inline branch_over(d)
{
	received[d] = FINAL;
	r = FINAL;
	for(i : 0 .. DIALOGS - 1) {
		r = (received[i] < r -> received[i] : r)
	}
	if
	:: r == FINAL && uas == OPEN ->
		printf("300 or above relayed\n"); uas = REFUSED; failing = 1
	:: else
	fi
}

/* The caller takes no notice of a 2xx after another final response, or it does. */
inline relay_answer(d, heeded)
{
	printf("2xx of callee %d relayed\n", d);
	/* P: none after a final response of ours */
	assert(uas != OURS);
	w_2xx[d] = 0;
	received[d] = FINAL;
	if
	:: heeded ->
		party[LEG(d, CALLER)] = (party[LEG(d, CALLER)] == IDLE -> TALKS :
			party[LEG(d, CALLER)]);
		w_ack[d] = (w_ack[d] -> w_ack[d] : COMES)
	:: else
	fi;
	if
	:: uas == OPEN -> uas = ANSWERED; cancel_branches(0)
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
		:: exists(0) && cancelled -> take_late(d)
		:: else -> w_2xx[d] = SEEN
		fi }
	:: d_step { w_2xx[d] == SEEN ->
		/* irl_on_invite_response() */
		r = record[d]; take_answer(d, r) }
	/* the rest of reply_received(): the lock on the transaction's responses */
	:: d_step { w_2xx[d] == TAKEN -> relay_answer(d, 1) }
	:: d_step { w_2xx[d] == TAKEN && uas == REFUSED -> relay_answer(d, 0) }
	:: d_step { w_1xx[d] ->
		w_1xx[d] = 0;
		if
		:: to_cancel[d] && !was_cancelled[d] && received[d] != FINAL -> cancel(d)
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
		:: !was_cancelled[d] -> cancel(d)
		:: else
		fi;
		branch_over(d) }
#endif
	:: d_step { lost < LOSS && w_1xx[d] ->
		printf("1xx of callee %d lost\n", d); lost++; w_1xx[d] = 0 }
	od
}

/* ---- requests of the parties ------------------------------------------------------------ */

proctype Invite()
{
	byte d;

	for(d : 0 .. DIALOGS - 1) {
		if
		:: callee(d) = EARLY
		:: lost < LOSS -> lost++; printf("INVITE %d lost\n", d)
		fi
	}
	d = 0;
	d_step {
		/* irl_invite_relayed() */
		invite_known = 1;
		todo[0] = (state[0] == IRL_CANCELLING -> todo[0] | IRL_DO_CANCEL : todo[0]);
		irl_release_unlock(0)
	}
#ifdef GIVES_UP
end:
	d_step { uas == OPEN -> printf("the caller gives up\n"); cancel_branches(0) }
#endif
}

proctype Ack(byte d)
{
end:
	do
	:: d_step { w_ack[d] == COMES ->
		/* note_ack(), which leaves the post to on_done(), below */
		r = record[d];
		acked[d] = 1;
		w_ack[d] = 0;
		if
		:: exists(r) && current[r] == d ->
			w_ack[d] = (state[r] == IRL_AWAITING_ACK -> NOTED : 0);
			irl_release_event(r, IRL_EV_ACK)
		:: else
		fi;
		callee(d) = (!w_ack[d] && callee(d) == WAITS -> TALKS : callee(d)) }
	:: d_step { w_ack[d] == NOTED ->
		w_ack[d] = 0;
		posted[record[d]] = 1;
		callee(d) = (callee(d) == WAITS -> TALKS : callee(d)) }
	:: d_step { lost < LOSS && w_ack[d] == COMES ->
		printf("ACK %d lost\n", d); lost++; w_ack[d] = 0 }
	od
}

#ifdef USER_BYE
/* n: leg of who sends it; n ^ 1 is the other */
proctype Bye(byte n)
{
end:
	d_step { party[n] == TALKS ->
		/* irl_within_request() */
		printf("BYE of leg %d\n", n);
		party[n] = ENDED;
		r = record[n / 2];
		w_user_bye[n] = !exists(r) || is_live(r);
		told[n ^ 1] = told[n ^ 1] || w_user_bye[n]
	}
	if
	:: d_step { w_user_bye[n] ->
		/* on_bye_response() */
		w_user_bye[n] = 0;
		hears_bye(n ^ 1);
		r = record[n / 2];
		irl_release_raise(r, IRL_EV_END) }
	:: else
	fi
}
#endif

#ifdef EXPIRY
proctype DialogModule()
{
end:
	d_step { current[0] != NONE && is_live(0) ->
		/* irl_capture_host(IRL_HOST_ENDED) */
		printf("expired\n");
		irl_release_raise(0, IRL_EV_END) }
}
#endif

/* pair.c; n: leg of the record */
inline on_answer(n, try, again)
{
	r = n / 2;
	if
	:: exists(r) && bye_status[n] == BYE_SENT && bye_tries[n] == try ->
		bye_status[n] = (again -> BYE_NONE : BYE_FINAL);
		todo[r] = (again -> todo[r] | (n % 2 == CALLER -> IRL_DO_RETRY_CALLER :
			IRL_DO_RETRY_CALLEE) : todo[r]);
		if
		:: !again && bye_status[n ^ 1] == BYE_FINAL ->
			irl_release_event(r, IRL_EV_FINAL)
		:: else
		fi;
		irl_release_unlock(r)
	:: else
	fi
}

inline answer(n, again)
{
	j = w_bye[n];
	w_bye[n] = 0;
#ifdef REPEAT
	w_again[n] = j;
#endif
	on_answer(n, j, again)
}

/* ---- the releasing process ---------------------------------------------------------------- */

inline send_bye(n, side)
{
	printf("BYE to %d (0 caller, 1 callee) of dialog %d\n", side, at);
	bye_status[n] = BYE_SENT;
	bye_tries[n]++;
	w_bye[n] = bye_tries[n];
	/* P: not before the ACK, unless that kept us waiting */
	assert(acked[at] || waited[n / 2]);
	/* P: nobody is sent two pairs; no BYE is sent more than twice, but straight */
	assert(bye_tries[n] == 2 || (bye_tries[n] == 1 && !paired[LEG(at, side)]) ||
		(bye_tries[n] == 3 && straight[n]));
	told[LEG(at, side)] = 1;
	paired[LEG(at, side)] = 1;
#ifdef AT_ONCE
	hears_bye(LEG(at, side));
	answer(n, 0)
#endif
}

/* store_and_send() */
inline irl_send_byes()
{
	if
	:: due & (IRL_DO_PAIR | IRL_DO_RETRY_CALLER) -> send_bye(LEG(s, CALLER), CALLER)
	:: else
	fi;
	if
	:: due & (IRL_DO_PAIR | IRL_DO_RETRY_CALLEE) -> send_bye(LEG(s, CALLEE), CALLEE)
	:: else
	fi;
	irl_release_unlock(s)
}

inline take_invite()
{
	taken = state[s] == IRL_CANCELLING && invite_known;
	if
	:: taken ->
		irl_release_event(s, IRL_EV_REPLY);
		irl_release_unlock(s);
		cancelled = 1
	:: else
	fi
}

inline irl_transaction_end()
{
	/* P: the caller has no 2xx yet */
	assert(uas != ANSWERED);
	if
	:: uas == OPEN -> printf("final response of ours\n"); uas = OURS
	:: else
	fi;
	cancel_branches(1);
	timer_invite = 1
}

inline next_late(d)
{
	if
	:: at == NONE && record[d] == s &&
			(late[d] == LATE_DUE || late[d] == LATE_ACK_DUE) ->
		printf("late ACK to callee %d\n", d);
		at = d;
		taken = late[d] == LATE_DUE;
		late[d] = LATE_DONE;
		callee(d) = (callee(d) == WAITS -> TALKS : callee(d))
	:: else
	fi
}

inline send_late_bye()
{
	printf("late BYE to callee %d\n", at);
	taken = 0;
	/* P: one only */
	assert(!paired[LEG(at, CALLEE)]);
	paired[LEG(at, CALLEE)] = 1;
	told[LEG(at, CALLEE)] = 1;
	hears_bye(LEG(at, CALLEE))
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
		:: taken -> d_step { send_late_bye() }
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
		timer_ack[s] = timer_ack[s] || due & IRL_DO_AWAIT_ACK
	}
	if
	:: due & IRL_DO_CANCEL ->
		d_step { take_invite() }
		if
		:: taken ->
			d_step { irl_transaction_end() }
			d_step { irl_release_raise(s, IRL_EV_FAIL); taken = 0 }
		:: else
		fi
	:: else
	fi;
	if
	:: d_step { due & IRL_DO_ACK ->
		/* irl_acknowledge() */
		callee(at) = (callee(at) == WAITS -> TALKS : callee(at)) }
	:: else
	fi;
	if
	:: due & (IRL_DO_PAIR | IRL_DO_RETRY_CALLER | IRL_DO_RETRY_CALLEE) ->
		d_step { irl_send_byes() }
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

/* Nothing came of this branch, nor is it on its way: it was lost. */
#define is_silent(d) (received[d] == NOTHING && !was_cancelled[d] && \
	!w_1xx[d] && !w_2xx[d] && !w_final[d] && \
	(callee(d) == IDLE || (callee(d) == EARLY && rang[d])))
/* tm sends it again, or irl_transaction_resend(). */
#define resent(d) (is_silent(d) && invite_known && (!silenced[d] || timer_invite))

#ifdef REPEAT
#define will_repeat(d) (d == DIALOGS - 1 && callee(d) == WAITS && !repeated[d])
#else
#define will_repeat(d) 0
#endif

/* 64*T1 later: who got the INVITE has answered, and all of that is here. */
#define quiet(d) (!w_1xx[d] && !w_2xx[d] && !w_final[d] && !resent(d) && \
	!will_repeat(d) && !(callee(d) == EARLY && !rang[d]))
#if DIALOGS > 1
#define all_quiet (invite_known && quiet(0) && quiet(1))
#else
#define all_quiet (invite_known && quiet(0))
#endif

inline timers(n)
{
	if
	:: d_step { timer_ack[n] && current[n] != NONE && !w_2xx[current[n]] ->
		/* irl_release_no_ack() */
		timer_ack[n] = 0;
		waited[n] = state[n] == IRL_AWAITING_ACK;
		irl_release_raise(n, IRL_EV_NO_ACK) }
	:: d_step { timer_linger[n] && !posted[n] && all_quiet ->
		/* irl_release_forget() */
		timer_linger[n] = 0;
		irl_release_raise(n, IRL_EV_FORGET) }
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
	:: posted[1] -> s = 1; irl_release_step(); atomic { s = 0; at = 0; due = 0 }
	:: timers(1)
#endif
	od
}

proctype Answer(byte n)
{
end:
	do
	:: d_step { w_bye[n] -> hears_bye(LEG(current[n / 2], n % 2)); answer(n, 0) }
	:: d_step { w_bye[n] -> printf("408 to a BYE\n"); answer(n, 0) }
#ifdef RETRY
	:: d_step { w_bye[n] == 1 -> printf("500 to a BYE\n"); answer(n, 1) }
#endif
#ifdef SERVER
	:: d_step { w_bye[n] && !straight[n] ->
		/* was_lost() */
		printf("481 of a server to a BYE\n");
		told[LEG(current[n / 2], n % 2)] = 0;
		straight[n] = 1;
		answer(n, 1) }
#endif
#ifdef REPEAT
	:: d_step { w_again[n] -> j = w_again[n]; w_again[n] = 0; on_answer(n, j, 0) }
#endif
	od
}

/* ---- the callees -------------------------------------------------------------------------------- */

inline says(code)
{
	printf("callee %d: %d\n", d, code);
	rang[d] = 1
}

proctype Callee(byte d)
{
end:
	do
	:: d_step { callee(d) == EARLY && !rang[d] -> says(180); w_1xx[d] = 1 }
	:: d_step { callee(d) == EARLY -> says(200); callee(d) = WAITS; w_2xx[d] = COMES }
	:: d_step { callee(d) == EARLY -> says(486); callee(d) = FAILED; w_final[d] = 1 }
#ifdef REPEAT
	:: d_step { d == DIALOGS - 1 && callee(d) == WAITS && !w_2xx[d] &&
			!repeated[d] ->
		says(200); repeated[d] = 1; w_2xx[d] = COMES }
#endif
	:: d_step { resent(d) ->
		printf("INVITE %d again\n", d);
		w_1xx[d] = callee(d) == EARLY;
		callee(d) = EARLY }
	od
}

/* ---- the properties ------------------------------------------------------------------------------ */

inline check(d)
{
	/* the record goes, and nothing is left to be done of it */
	assert(!released[d] || !exists(d));
	assert(!todo[d] && !posted[d]);
	r = record[d];
	if
	:: released[r] ->
		/* nobody who has the dialog stays untold, nor a callee who rings */
		assert(!has_dialog(LEG(d, CALLER)) || told[LEG(d, CALLER)]);
		assert(!has_dialog(LEG(d, CALLEE)) || told[LEG(d, CALLEE)]);
		assert(callee(d) != EARLY)
	:: else
	fi
}

proctype Properties()
{
	/* nobody can do anything any more */
	timeout ->
	d_step {
		check(0);
#if DIALOGS > 1
		check(1);
#endif
		/* who is not answered has a final response */
		assert(!cancelled || uas >= REFUSED)
	}
}

/* In every run the record of a session that is released goes. */
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
			run Responses(i); run Ack(i); run Callee(i)
		}
		for(i : 0 .. LEGS - 1) {
#ifndef AT_ONCE
			run Answer(i);
#endif
#ifdef USER_BYE
			run Bye(i);
#endif
			skip
		}
#ifdef EXPIRY
		run DialogModule();
#endif
		for(i : 1 .. TRIGGERS) {
			run Trigger()
		}
	}
}

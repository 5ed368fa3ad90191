/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A session that the S-CSCF releases, from its INVITE to the end of its record
 * (TS 24.229 5.4.5.1). README.md says what is modelled and what is left out.
 *
 * A process for each who acts. What is done under a lock is one d_step; between
 * two of them anybody may come. Names that begin with irl_ or IRL_ are those of
 * the C sources; a d_step names the function that it stands for.
 *
 * Options, each a -D of its own:
 *   DIALOGS=n   callees that the INVITE forks to, 1 or 2
 *   TRIGGERS=n  times that the release is asked for
 *   LOSS        responses, ACKs, BYEs and their answers may get lost
 *   REPEAT      the callee repeats its 2xx; tm tells an answer twice
 *   USER_BYE    the parties hang up by themselves, any time
 *   EARLY_BYE   the caller ends an early dialog by a BYE
 *   CALLER_CANCEL, NO_ANSWER (tm's timer for a branch), EXPIRY (of the dialog
 *               module's record), RETRY (500 to a BYE), PASSES (more than one)
 */
#include "fsm.pml"

#ifndef DIALOGS
#define DIALOGS 1
#endif
#ifndef TRIGGERS
#define TRIGGERS 2
#endif
/* Records: the INVITE's, and one for a second answer. */
#define RECORDS DIALOGS
#define LEGS (2 * RECORDS)
#define BYES (2 * DIALOGS)
#define NONE 15

/* ---- the record, and what else the module keeps ---------------------------- */

byte state[RECORDS];		/* of a record that is not there: IRL_GONE */
short todo[RECORDS];		/* release->todo */
byte posts[RECORDS];		/* ids in the pipe, 2 stands for more */
bit released[RECORDS];		/* release != NULL: a trigger was taken */
bit cancelled;				/* of record 0: the INVITE was answered by us */
byte current[RECORDS];		/* the dialog that was answered first */
bit invite_known;
byte record[DIALOGS];		/* of which the dialog is */
bit answered[DIALOGS];
byte late[DIALOGS];			/* enum irl_late */
#define NOT_LATE 0
#define LATE_DUE 1
#define LATE_DONE 2
#define LATE_ACK_DUE 3

byte bye_status[LEGS];		/* enum irl_bye_status, of the pair */
byte bye_tries[LEGS];
#define BYE_NONE 0
#define BYE_SENT 1
#define BYE_FINAL 2

bit timer_ack[RECORDS], timer_linger[RECORDS], timer_pair[RECORDS], timer_cancel;
bit s_rang;					/* a provisional response came by */

/* ---- tm: the INVITE's transaction ------------------------------------------ */

byte uas;					/* the final response that the caller was sent */
#define OPEN 0
#define ANSWERED 1			/* 2xx */
#define REFUSED 2			/* 300 and above, of a branch */
#define OURS 3
bit provisional[DIALOGS], final[DIALOGS];	/* last_received of a branch */
bit to_cancel[DIALOGS];		/* F_RB_CANCELED */
bit silenced[DIALOGS];		/* the INVITE is not retransmitted any more */
byte stage[DIALOGS];		/* of the response that is being worked at */
#define S_IDLE 0
#define S_ANSWER 1			/* 2xx past irl_on_late_reply() */
#define S_RELAY 2			/* 2xx past irl_on_invite_response() */
#define S_RINGING 3			/* 1xx past the look at F_RB_CANCELED */
#define S_FAILED 4			/* DLGCB_FAILED is due */

/* ---- the wire: what is on its way ------------------------------------------ */

bit w_invite[DIALOGS], w_cancel[DIALOGS];	/* to the callee */
bit w_1xx[DIALOGS], w_2xx[DIALOGS], w_neg[DIALOGS];	/* from it */
bit w_answer[DIALOGS], w_refusal;	/* 2xx, final response: to the caller */
bit w_caller_cancel;
byte w_ack[DIALOGS];		/* the caller's ACK */
#define ACK_NONE 0
#define ACK_COMES 1			/* on its way here */
#define ACK_NOTED 2			/* past note_ack(), not relayed yet */
#define ACK_DUE 3			/* likewise; a release waits for it */
#define ACK_GOES 4			/* on its way to the callee */
bit w_our_ack[DIALOGS], w_late_bye[DIALOGS];
byte w_bye[LEGS];			/* a BYE of the pair */
#define W_NONE 0
#define W_COMES 1			/* on its way to the party */
#define W_200 2				/* its answer is on its way */
#define W_500 3
#define W_408 4
byte w_again[LEGS];			/* number of the try whose answer tm tells twice */
byte w_user_bye[BYES];		/* a party's own BYE, and whose */
#define U_NONE 0
#define U_COMES 1			/* on its way here */
#define U_WATCHED 2			/* relayed; its answer is watched */
#define U_ANSWERED 3
#define U_OVER 4

/* ---- the parties ----------------------------------------------------------- */

byte caller_final;			/* the final response it has */
byte caller_dialog[DIALOGS];
byte callee[DIALOGS];
#define P_IDLE 0
#define P_EARLY 1
#define P_ANSWERED 2		/* callee: 2xx sent, no ACK */
#define P_CONFIRMED 3
#define P_ENDED 4			/* had a dialog, knows that it is over */
#define P_FAILED 5			/* callee: sent a final response above 299 */
bit rang[DIALOGS];			/* the callee has sent a response */
bit repeated[DIALOGS];		/* its 2xx; the retransmission of the INVITE */
bit invited_again[DIALOGS];

/* ---- what the properties look at ------------------------------------------- */

bit told_caller[DIALOGS], told_callee[DIALOGS];	/* a BYE was sent to it */
byte pairs[BYES];			/* BYEs of ours to that party, without repeats */
bit acked[DIALOGS];			/* the caller's ACK was seen */
bit waited[RECORDS];		/* 64*T1 passed without it */
bit our_ack[DIALOGS];
bit was_cancelled[DIALOGS];	/* a CANCEL was sent to it */
bit inherited[DIALOGS];
byte triggered;

#define LEG(r, party) (2 * (r) + (party))
#define CALLER 0
#define CALLEE 1

/* Scratch of d_steps: each sets it before it reads it. */
hidden short actions;
hidden byte i, r, code;

#define is_live(s) ((s) <= IRL_CONFIRMED)
#define exists(s) (state[s] != IRL_GONE)

/* ---- release.c -------------------------------------------------------------- */

inline irl_release_event(s, ev)
{
	irl_fsm_next(state[s], ev, actions);
	if
	:: released[s] -> todo[s] = todo[s] | (actions & ~IRL_DO_ERASE)
	:: else
	fi
}

inline irl_worker_post(s)
{
	if
	:: posts[s] < 2 -> posts[s]++
	:: else
	fi
}

inline irl_release_unlock(s)
{
	if
	:: state[s] == IRL_GONE ->
		todo[s] = 0; timer_ack[s] = 0; timer_linger[s] = 0; timer_pair[s] = 0
	:: state[s] != IRL_GONE && todo[s] -> irl_worker_post(s)
	:: else
	fi
}

inline raise(s, ev)
{
	if
	:: exists(s) -> irl_release_event(s, ev); irl_release_unlock(s)
	:: else
	fi
}

inline trigger(s)
{
	if
	:: exists(s) && is_live(state[s]) ->
		released[s] = 1;
		todo[s] = IRL_DO_ANNOUNCE;
		irl_release_event(s, IRL_EV_TRIGGER)
	:: else
	fi;
	irl_release_unlock(s)
}

proctype Trigger()
{
	/* irl_release_trigger(): ids are triggered one by one */
	d_step { trigger(0) }
#if DIALOGS > 1
	d_step { trigger(1) }
#endif
	d_step { triggered++ }
}

/* ---- tm: the responses, a worker for each branch ---------------------------- */

inline cancel_branch(d)
{
	to_cancel[d] = 1;
	if
	:: provisional[d] && !final[d] -> w_cancel[d] = 1; was_cancelled[d] = 1
#ifndef FIX2
	:: !provisional[d] -> silenced[d] = 1
#endif
	:: else
	fi
}

inline cancel_others(d)
{
	for(i : 0 .. DIALOGS - 1) {
		if
		:: i != d && !final[i] -> cancel_branch(i)
		:: else
		fi
	}
}

/* capture_answer.c, all of them of record 0 */
inline take_late(d)
{
	answered[d] = 1;
	if
	:: current[0] == NONE -> current[0] = d
	:: else
	fi;
	if
	:: late[d] == NOT_LATE -> late[d] = LATE_DUE
	:: late[d] == LATE_DONE -> late[d] = LATE_ACK_DUE
	:: else
	fi;
	irl_release_event(0, IRL_EV_ANSWER);
	irl_release_unlock(0)
}

inline split(d)
{
#if DIALOGS > 1
	record[d] = 1;
	state[1] = IRL_ANSWERED;
	todo[1] = 0; released[1] = 0; current[1] = d; waited[1] = 0;
	for(i : 2 .. 3) {
		bye_status[i] = BYE_NONE; bye_tries[i] = 0
	}
	if
	:: released[0] ->
		/* irl_release_together() */
		released[1] = 1;
		todo[1] = IRL_DO_ANNOUNCE;
		irl_release_event(1, IRL_EV_TRIGGER);
		irl_worker_post(1)
	:: else
	fi
#else
	assert(false)
#endif
}

inline take_answer(d)
{
	stage[d] = S_RELAY;
	/* session_of_dialog() */
	r = record[d];
	if
	:: !exists(r) -> r = 0; answered[d] = 0
	:: else
	fi;
	if
	:: !exists(0)
	:: exists(0) && r == 0 && cancelled -> take_late(d); stage[d] = S_IDLE
	:: exists(0) && !(r == 0 && cancelled) ->
		if
		:: current[r] == NONE -> current[r] = d
		:: else
		fi;
		if
		:: answered[d]
		:: !answered[d] && current[r] == d ->
			answered[d] = 1;
			irl_release_event(r, IRL_EV_ANSWER)
		:: !answered[d] && current[r] != d ->
			answered[d] = 1;
			split(d)
		fi;
		irl_release_unlock(r)
	fi
}

inline all_final()
{
	code = 1;
	for(i : 0 .. DIALOGS - 1) {
		code = code && final[i]
	}
}

/* a branch has its final response above 299 */
inline branch_over(d)
{
	final[d] = 1;
	all_final();
	if
	:: code && uas == OPEN ->
		uas = REFUSED; w_refusal = 1; stage[d] = S_FAILED
	:: else -> stage[d] = S_IDLE
	fi
}

proctype Responses(byte d)
{
end:
	do
	:: d_step { stage[d] == S_IDLE && w_2xx[d] ->
		/* irl_on_late_reply() */
		w_2xx[d] = 0;
		printf("2xx of callee %d\n", d);
		if
		:: exists(0) && cancelled -> take_late(d)
		:: else -> stage[d] = S_ANSWER
		fi }
	:: d_step { stage[d] == S_ANSWER ->
		/* irl_on_invite_response() */
		take_answer(d) }
	:: d_step { stage[d] == S_RELAY ->
		/* t_should_relay_response() */
		printf("2xx of callee %d relayed\n", d);
		stage[d] = S_IDLE;
		final[d] = 1;
		/* P: no 2xx reaches the caller after a final response of ours */
		assert(uas != OURS);
		w_answer[d] = 1;
		if
		:: uas == OPEN -> uas = ANSWERED; cancel_others(d)
		:: else
		fi }
	:: d_step { stage[d] == S_IDLE && w_1xx[d] ->
		/* reply_received(): no lock is held */
		w_1xx[d] = 0;
		if
		:: to_cancel[d] && !was_cancelled[d] && !final[d] ->
			w_cancel[d] = 1; was_cancelled[d] = 1
		:: to_cancel[d] && (was_cancelled[d] || final[d])
		:: else -> stage[d] = S_RINGING
		fi;
		/* take_provisional() */
		if
		:: exists(0) -> s_rang = 1
		:: else
		fi }
	:: d_step { stage[d] == S_RINGING ->
		/* t_should_relay_response(): after a final response tm does not note
		 * it any more */
		stage[d] = S_IDLE;
		if
		:: uas == OPEN ->
			provisional[d] = 1;
			if
			:: caller_dialog[d] == P_IDLE -> caller_dialog[d] = P_EARLY
			:: else
			fi
		:: else
		fi }
	:: d_step { stage[d] == S_IDLE && w_neg[d] ->
		w_neg[d] = 0;
		printf("final response of callee %d\n", d);
		branch_over(d) }
	:: d_step { stage[d] == S_FAILED ->
		/* irl_capture_host(IRL_HOST_FAILED) */
		stage[d] = S_IDLE;
#ifdef FIX3
		if
		:: state[0] == IRL_CANCELLING -> cancelled = 1
		:: else
		fi;
#endif
		raise(0, IRL_EV_FAIL) }
#ifdef NO_ANSWER
	:: d_step { stage[d] == S_IDLE && invite_known && !final[d] &&
			!(silenced[d] && !was_cancelled[d]) ->
		printf("no answer of callee %d\n", d);
		if
		:: provisional[d] && !was_cancelled[d] -> cancel_branch(d)
		:: else
		fi;
		branch_over(d) }
#endif
#ifdef LOSS
	:: d_step { w_1xx[d] -> w_1xx[d] = 0; printf("1xx lost\n") }
	:: d_step { w_2xx[d] && !repeated[d] ->
		w_2xx[d] = 0; printf("2xx lost\n") }
#endif
	od
}

/* ---- requests of the parties, relayed by the script ------------------------- */

proctype Relay()
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
		:: exists(0) && state[0] == IRL_CANCELLING ->
			todo[0] = todo[0] | IRL_DO_CANCEL
		:: else
		fi;
		irl_release_unlock(0)
	}
#ifdef CALLER_CANCEL
end:
	if
	:: d_step { w_caller_cancel ->
		w_caller_cancel = 0;
		if
		:: uas == OPEN -> cancel_others(NONE)
		:: else
		fi }
	fi
#endif
}

proctype Acks(byte d)
{
end:
	do
	:: d_step { w_ack[d] == ACK_COMES ->
		/* note_ack() */
		acked[d] = 1;
		w_ack[d] = ACK_NOTED;
		r = record[d];
		if
		:: exists(r) && current[r] == d ->
			code = state[r];
			irl_release_event(r, IRL_EV_ACK);
			if
			:: code == IRL_AWAITING_ACK && state[r] == IRL_ENDING ->
				w_ack[d] = ACK_DUE
			:: else
			fi
		:: else
		fi }
	:: d_step { w_ack[d] == ACK_NOTED -> w_ack[d] = ACK_GOES }
	:: d_step { w_ack[d] == ACK_DUE ->
		/* on_done(), once it has been relayed */
		w_ack[d] = ACK_GOES;
		irl_worker_post(record[d]) }
#ifdef LOSS
	:: d_step { w_ack[d] == ACK_COMES || w_ack[d] == ACK_GOES ->
		w_ack[d] = ACK_NONE; printf("ACK %d lost\n", d) }
#endif
	od
}

/* n: LEG() of the dialog and of who sends it */
inline user_bye_refused(n)
{
	w_user_bye[n] = U_OVER
}

proctype Requests(byte n)
{
end:
	do
	:: d_step { w_user_bye[n] == U_COMES ->
		/* irl_within_request() */
		r = record[n / 2];
		if
		:: exists(r) && !is_live(state[r]) -> w_user_bye[n] = U_OVER
		:: else ->
			w_user_bye[n] = U_WATCHED;
			if
			:: n % 2 == CALLER -> told_callee[n / 2] = 1
			:: else -> told_caller[n / 2] = 1
			fi
		fi }
	:: d_step { w_user_bye[n] == U_ANSWERED ->
		/* on_bye_response(): the id is that of when it was relayed */
		w_user_bye[n] = U_OVER;
		raise(record[n / 2], IRL_EV_END) }
#ifdef LOSS
	:: d_step { w_user_bye[n] == U_WATCHED ->
		printf("408 to a user's BYE\n");
		w_user_bye[n] = U_ANSWERED }
#endif
	od
}

/* ---- the dialog module ------------------------------------------------------- */

proctype DialogModule()
{
	/* irl_capture_host(IRL_HOST_ENDED), on DLGCB_EXPIRED; it may never come */
	if
	:: d_step { current[0] != NONE ->
		printf("expired\n");
		if
		:: exists(0) && is_live(state[0]) -> raise(0, IRL_EV_END)
		:: else
		fi }
	:: triggered == TRIGGERS
	fi
}

/* ---- the releasing process --------------------------------------------------- */

inline check_both_final(s)
{
	if
	:: bye_status[LEG(s, CALLER)] == BYE_FINAL &&
			bye_status[LEG(s, CALLEE)] == BYE_FINAL ->
		irl_release_event(s, IRL_EV_FINAL)
	:: else
	fi
}

inline store_bye(n)
{
	bye_status[n] = BYE_SENT;
	bye_tries[n]++;
	/* P: at most one more */
	assert(bye_tries[n] <= 2)
}

inline send_bye(n)
{
	w_bye[n] = W_COMES;
	printf("BYE to %d (0 caller, 1 callee) of dialog %d\n", (n) % 2, at);
	if
	:: (n) % 2 == CALLER ->
		told_caller[at] = 1;
		/* P: not before its ACK, unless it kept us waiting */
		assert(acked[at] || waited[s])
	:: else -> told_callee[at] = 1
	fi;
	if
	:: bye_tries[n] == 1 ->
		pairs[LEG(at, (n) % 2)]++;
		/* P: nobody is sent two pairs */
		assert(pairs[LEG(at, (n) % 2)] == 1)
	:: else
	fi
}

/* s, due and at are those of Releasing() */
inline irl_cancel_invite()
{
	d_step {
		/* take_invite() */
		taken = exists(s) && state[s] == IRL_CANCELLING && invite_known;
		if
		:: taken ->
			irl_release_event(s, IRL_EV_REPLY);
			cancelled = 1;
			irl_release_unlock(s)
		:: else
		fi
	}
	if
	:: taken ->
		d_step {
			/* irl_transaction_end() */
			assert(uas != ANSWERED);
			if
			:: uas == OPEN ->
				printf("final response of ours\n");
				uas = OURS; w_refusal = 1
			:: else -> taken = 0
			fi
		}
		if
		:: taken -> d_step { taken = 0; cancel_others(NONE); skip }
		:: else
		fi;
		timer_cancel = 1;
		d_step { raise(s, IRL_EV_FAIL) }
	:: else
	fi
}

inline irl_send_byes(to_caller, to_callee)
{
	d_step {
		if
		:: exists(s) && (to_caller) -> store_bye(LEG(s, CALLER))
		:: else
		fi;
		if
		:: exists(s) && (to_callee) -> store_bye(LEG(s, CALLEE))
		:: else
		fi;
		irl_release_unlock(s)
	}
	if
	:: d_step { (to_caller) -> send_bye(LEG(s, CALLER)) }
	:: else
	fi;
	if
	:: d_step { (to_callee) -> send_bye(LEG(s, CALLEE)) }
	:: else
	fi
}

inline send_late_bye()
{
	d_step {
		taken = 0;
		printf("late BYE to callee %d\n", at);
		w_late_bye[at] = 1; told_callee[at] = 1;
		pairs[LEG(at, CALLEE)]++;
		assert(pairs[LEG(at, CALLEE)] == 1)
	}
}

inline next_late(d)
{
	if
	:: at == NONE && exists(s) && record[d] == s &&
			(late[d] == LATE_DUE || late[d] == LATE_ACK_DUE) ->
		at = d;
		taken = (late[d] == LATE_DUE);
		late[d] = LATE_DONE
	:: else
	fi
}

inline irl_answer_late()
{
	at = 0;
	do
	:: at != NONE ->
		d_step {
			at = NONE;
			next_late(0);
#if DIALOGS > 1
			next_late(1);
#endif
			/* acknowledge() */
			if
			:: at != NONE -> w_our_ack[at] = 1; our_ack[at] = 1
			:: else
			fi
		};
		if
		:: taken -> send_late_bye()
		:: else
		fi
	:: else -> break
	od;
	at = 0
}

#ifdef REPEAT
#define will_repeat(d) (callee[d] == P_ANSWERED && !repeated[d])
#else
#define will_repeat(d) 0
#endif

/* 64*T1 from the end of the INVITE on: whatever was on its way is there, and
 * who got the INVITE has said so. */
#define settled(d) (!w_invite[d] && !w_cancel[d] && !w_1xx[d] && !w_2xx[d] && \
	!w_neg[d] && stage[d] == S_IDLE && !(callee[d] == P_EARLY && !rang[d]) && \
	!w_our_ack[d] && !w_late_bye[d] && !will_repeat(d))
#if DIALOGS > 1
#define all_settled (invite_known && !timer_cancel && settled(0) && settled(1))
#else
#define all_settled (invite_known && !timer_cancel && settled(0))
#endif

/* CROSSING_MS: responses that were being worked at have been */
#if DIALOGS > 1
#define no_crossing (stage[0] != S_RINGING && stage[1] != S_RINGING)
#else
#define no_crossing (stage[0] != S_RINGING)
#endif

/* irl_transaction_cancel_again() */
inline cancel_again(d)
{
	if
	:: !final[d] && !was_cancelled[d] &&
			(provisional[d] || (s_rang && DIALOGS == 1)) ->
		w_cancel[d] = 1; was_cancelled[d] = 1
	:: else
	fi
}

/* irl_release_pair_due() */
inline pair_due(s)
{
	if
	:: state[s] == IRL_ENDING && !bye_tries[LEG(s, CALLER)] &&
			!bye_tries[LEG(s, CALLEE)] ->
		todo[s] = todo[s] | IRL_DO_PAIR
	:: else
	fi;
	irl_release_unlock(s)
}

proctype Releasing()
{
	byte s, at;
	short due;
	bit taken;

end:
	do
	:: atomic {
		/* irl_release_step(), and the id from the pipe */
		if
		:: posts[0] -> s = 0
#if DIALOGS > 1
		:: posts[1] -> s = 1
#endif
		fi;
		d_step {
			posts[s]--;
			due = 0;
			at = current[s];
			if
			:: exists(s) && released[s] -> due = todo[s]; todo[s] = 0
			:: else
			fi;
			due = due & ~IRL_DO_ANNOUNCE;
			if
			:: due & IRL_DO_AWAIT_ACK ->
				timer_ack[s] = 1; due = due & ~IRL_DO_AWAIT_ACK
			:: else
			fi
		} }
		if
		:: due & IRL_DO_CANCEL -> irl_cancel_invite()
		:: else
		fi;
		if
		:: d_step { due & IRL_DO_ACK ->
			/* irl_acknowledge() */
			w_our_ack[at] = 1;
#ifdef PASSES
			timer_pair[s] = 1;
			due = due & ~IRL_DO_PAIR
#endif
			}
		:: else
		fi;
		if
		:: due & IRL_DO_PAIR -> irl_send_byes(1, 1)
		:: else
		fi;
		if
		:: due & (IRL_DO_RETRY_CALLER | IRL_DO_RETRY_CALLEE) ->
			irl_send_byes(due & IRL_DO_RETRY_CALLER, due & IRL_DO_RETRY_CALLEE)
		:: else
		fi;
		if
		:: d_step { due & IRL_DO_FINISH ->
			/* finish(), remember() */
			assert(!timer_linger[s]);
			timer_linger[s] = 1 }
		:: else
		fi;
		if
		:: due & IRL_DO_LATE -> irl_answer_late()
		:: else
		fi;
		d_step { s = 0; at = 0; due = 0; taken = 0 }
	:: d_step { timer_cancel && no_crossing ->
		timer_cancel = 0;
		if
		:: exists(0) -> cancel_again(0)
#if DIALOGS > 1
			; cancel_again(1)
#endif
		:: else
		fi }
	:: d_step { timer_ack[0] ->
		timer_ack[0] = 0; waited[0] = 1; raise(0, IRL_EV_NO_ACK) }
	:: d_step { timer_linger[0] && !posts[0] && all_settled ->
		timer_linger[0] = 0; raise(0, IRL_EV_FORGET) }
	:: d_step { timer_pair[0] ->
		timer_pair[0] = 0; r = 0; pair_due(r) }
#if DIALOGS > 1
	:: d_step { timer_ack[1] ->
		timer_ack[1] = 0; waited[1] = 1; raise(1, IRL_EV_NO_ACK) }
	:: d_step { timer_linger[1] && !posts[1] && all_settled ->
		timer_linger[1] = 0; raise(1, IRL_EV_FORGET) }
	:: d_step { timer_pair[1] ->
		timer_pair[1] = 0; r = 1; pair_due(r) }
#endif
	od
}

/* tm: the final response to a BYE of the pair */
inline on_answer(n, try, answer)
{
	r = (n) / 2;
	if
	:: exists(r) && bye_status[n] == BYE_SENT && bye_tries[n] == try ->
		if
		:: answer == W_500 && try == 1 ->
			bye_status[n] = BYE_NONE;
			if
			:: (n) % 2 == CALLER -> todo[r] = todo[r] | IRL_DO_RETRY_CALLER
			:: else -> todo[r] = todo[r] | IRL_DO_RETRY_CALLEE
			fi
		:: else ->
			bye_status[n] = BYE_FINAL;
			check_both_final(r)
		fi
	:: else
	fi;
	irl_release_unlock(r)
}

proctype Answers(byte n)
{
end:
	do
	:: d_step { w_bye[n] >= W_200 ->
		code = w_bye[n];
		w_bye[n] = W_NONE;
#ifdef REPEAT
		w_again[n] = bye_tries[n];
#endif
		on_answer(n, bye_tries[n], code) }
#ifdef REPEAT
	:: d_step { w_again[n] ->
		code = w_again[n];
		w_again[n] = 0;
		on_answer(n, code, W_200) }
#endif
#ifdef LOSS
	:: d_step { w_bye[n] != W_NONE && w_bye[n] != W_408 ->
		printf("BYE %d or its answer lost\n", n);
		w_bye[n] = W_408 }
#endif
	od
}

/* ---- the parties -------------------------------------------------------------- */

inline hears_bye(party)
{
	if
	:: party == P_CONFIRMED || party == P_ANSWERED || party == P_EARLY ->
		party = P_ENDED
	:: else
	fi
}

bit gave_up;				/* the caller has sent CANCEL */

inline gets_answer()
{
	printf("caller: 2xx %d\n", d);
	w_answer[d] = 0;
	if
	:: caller_final == OPEN -> caller_final = ANSWERED
	:: else
	fi;
	if
	:: caller_dialog[d] <= P_EARLY -> caller_dialog[d] = P_CONFIRMED
	:: else
	fi;
	/* each time, unless one is on its way */
	if
	:: w_ack[d] == ACK_NONE -> w_ack[d] = ACK_COMES
	:: else
	fi
}

proctype Caller()
{
	byte d;

end:
	do
	:: d_step { w_refusal ->
		printf("caller: final response\n");
		w_refusal = 0;
		/* P: one, and none after a 2xx */
		assert(caller_final == OPEN);
		caller_final = REFUSED }
	:: d_step { w_answer[0] -> d = 0; gets_answer() }
	:: d_step { w_bye[LEG(0, CALLER)] == W_COMES -> d = current[0];
		w_bye[LEG(0, CALLER)] = W_200; hears_bye(caller_dialog[d]); d = 0 }
	:: d_step { w_user_bye[LEG(0, CALLEE)] == U_WATCHED ->
		w_user_bye[LEG(0, CALLEE)] = U_ANSWERED; hears_bye(caller_dialog[0]) }
#if DIALOGS > 1
	:: d_step { w_answer[1] -> d = 1; gets_answer(); d = 0 }
	:: d_step { w_bye[LEG(1, CALLER)] == W_COMES -> d = current[1];
		w_bye[LEG(1, CALLER)] = W_200; hears_bye(caller_dialog[d]); d = 0 }
	:: d_step { w_user_bye[LEG(1, CALLEE)] == U_WATCHED ->
		w_user_bye[LEG(1, CALLEE)] = U_ANSWERED; hears_bye(caller_dialog[1]) }
#endif
#ifdef RETRY
	:: d_step { w_bye[LEG(0, CALLER)] == W_COMES ->
		w_bye[LEG(0, CALLER)] = W_500 }
#endif
#ifdef CALLER_CANCEL
	:: d_step { caller_final == OPEN && !w_caller_cancel && invite_known &&
			!gave_up -> gave_up = 1; w_caller_cancel = 1;
		printf("caller: CANCEL\n") }
#endif
#ifdef USER_BYE
	:: d_step { caller_dialog[0] == P_CONFIRMED &&
			w_user_bye[LEG(0, CALLER)] == U_NONE ->
		printf("caller: BYE 0\n");
		caller_dialog[0] = P_ENDED; w_user_bye[LEG(0, CALLER)] = U_COMES }
#if DIALOGS > 1
	:: d_step { caller_dialog[1] == P_CONFIRMED &&
			w_user_bye[LEG(1, CALLER)] == U_NONE ->
		printf("caller: BYE 1\n");
		caller_dialog[1] = P_ENDED; w_user_bye[LEG(1, CALLER)] = U_COMES }
#endif
#endif
#ifdef EARLY_BYE
	:: d_step { caller_dialog[DIALOGS - 1] == P_EARLY &&
			w_user_bye[LEG(DIALOGS - 1, CALLER)] == U_NONE ->
		printf("caller: BYE to early dialog %d\n", DIALOGS - 1);
		caller_dialog[DIALOGS - 1] = P_ENDED;
		w_user_bye[LEG(DIALOGS - 1, CALLER)] = U_COMES }
#endif
	od
}

proctype Callee(byte d)
{
end:
	do
	:: d_step { w_invite[d] -> w_invite[d] = 0; callee[d] = P_EARLY }
	:: d_step { callee[d] == P_EARLY && !rang[d] ->
		printf("callee %d: 180\n", d);
		rang[d] = 1; w_1xx[d] = 1 }
	:: d_step { callee[d] == P_EARLY ->
		printf("callee %d: 200\n", d);
		rang[d] = 1; callee[d] = P_ANSWERED; w_2xx[d] = 1 }
	:: d_step { callee[d] == P_EARLY ->
		printf("callee %d: 486\n", d);
		rang[d] = 1; callee[d] = P_FAILED; w_neg[d] = 1 }
	:: d_step { w_cancel[d] ->
		w_cancel[d] = 0;
		if
		:: callee[d] == P_EARLY ->
			printf("callee %d: 487\n", d);
			callee[d] = P_FAILED; w_neg[d] = 1
		:: else
		fi }
	:: d_step { w_ack[d] == ACK_GOES || w_our_ack[d] ->
		if
		:: w_our_ack[d] -> w_our_ack[d] = 0
		:: else -> w_ack[d] = ACK_NONE
		fi;
		if
		:: callee[d] == P_ANSWERED -> callee[d] = P_CONFIRMED
		:: else
		fi }
	:: d_step { w_late_bye[d] -> w_late_bye[d] = 0; hears_bye(callee[d]) }
	:: d_step { w_user_bye[LEG(d, CALLER)] == U_WATCHED ->
		w_user_bye[LEG(d, CALLER)] = U_ANSWERED;
		if
		:: callee[d] == P_EARLY -> callee[d] = P_FAILED; w_neg[d] = 1
		:: else -> hears_bye(callee[d])
		fi }
	:: d_step { w_bye[LEG(record[d], CALLEE)] == W_COMES &&
			current[record[d]] == d ->
		w_bye[LEG(record[d], CALLEE)] = W_200; hears_bye(callee[d]) }
#ifdef RETRY
	:: d_step { w_bye[LEG(record[d], CALLEE)] == W_COMES &&
			current[record[d]] == d ->
		w_bye[LEG(record[d], CALLEE)] = W_500 }
#endif
#ifdef REPEAT
	:: d_step { callee[d] == P_ANSWERED && !w_2xx[d] && !repeated[d] ->
		printf("callee %d: 200 again\n", d);
		repeated[d] = 1; w_2xx[d] = 1 }
#endif
#ifdef USER_BYE
	:: d_step { callee[d] == P_CONFIRMED &&
			w_user_bye[LEG(d, CALLEE)] == U_NONE ->
		printf("callee %d: BYE\n", d);
		callee[d] = P_ENDED; w_user_bye[LEG(d, CALLEE)] = U_COMES }
#endif
#ifdef LOSS
	/* tm retransmits the INVITE: the callee repeats its last response */
	:: d_step { callee[d] == P_EARLY && rang[d] && !w_1xx[d] && !silenced[d] &&
			!provisional[d] && !final[d] && stage[d] == S_IDLE &&
			!invited_again[d] ->
		printf("callee %d: 180 again\n", d);
		invited_again[d] = 1; w_1xx[d] = 1 }
#endif
	od
}

/* ---- the properties ------------------------------------------------------------ */

inline check_dialog(d)
{
	r = record[d];
	/* the callee rings no more, or was asked to stop, or will be */
	assert(!(cancelled && callee[d] == P_EARLY));
	if
	:: released[r] ->
		/* nobody who has the dialog stays untold */
		assert(callee[d] == P_IDLE || callee[d] == P_FAILED ||
			callee[d] == P_ENDED || callee[d] == P_EARLY || told_callee[d]);
		assert(caller_dialog[d] != P_CONFIRMED || told_caller[d])
	:: else
	fi;
	/* a late 2xx is acknowledged and ended */
	assert(late[d] == NOT_LATE || late[d] == LATE_DONE);
	assert(late[d] == NOT_LATE || (our_ack[d] && told_callee[d]))
}

inline check_record(s)
{
	/* the record goes */
	assert(!released[s] || !exists(s));
	assert(!todo[s] && !posts[s]);
	/* none is left of a dialog that nobody has */
	assert(!exists(s) || current[s] == NONE ||
		caller_dialog[current[s]] != P_ENDED ||
		callee[current[s]] != P_ENDED)
}

proctype Properties()
{
	/* nobody can do anything any more */
	timeout ->
	d_step {
		assert(triggered == TRIGGERS);
		check_dialog(0);
		check_record(0);
#if DIALOGS > 1
		check_dialog(1);
		check_record(1);
#endif
		/* the caller has a final response, if anybody has given one */
		assert(caller_final != OPEN || !cancelled)
	}
}

#ifdef LTL
ltl record_goes { [] (released[0] -> <> (state[0] == IRL_GONE)) }
#endif

init {
	atomic {
		current[0] = NONE;
#if DIALOGS > 1
		current[1] = NONE;
		state[1] = IRL_GONE;
#endif
		run Relay();
		run Caller();
		for(i : 0 .. DIALOGS - 1) {
			run Callee(i);
			run Responses(i);
			run Acks(i)
		}
		for(i : 0 .. BYES - 1) {
#if defined(USER_BYE) || defined(EARLY_BYE)
			run Requests(i);
#endif
			run Answers(i)
		}
#ifdef EXPIRY
		run DialogModule();
#endif
		run Releasing();
		for(i : 1 .. TRIGGERS) {
			run Trigger()
		}
		run Properties()
	}
}

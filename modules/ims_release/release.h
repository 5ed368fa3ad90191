/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file release.h  The procedure: from the trigger to the end of the record
 *
 * A trigger, an answer or a timer moves the session's state (core_fsm.h) under
 * its lock, in whatever process it happens. What has to be done then is left
 * in the record as a set of IRL_DO_* bits, and one process does it
 * (worker.h). So each thing is done once, however many triggers there are, and
 * no SIP worker sends, waits or runs a route for a release.
 */
#ifndef IRL_RELEASE_H
#define IRL_RELEASE_H

#include "core/parser/msg_parser.h"

#include "core_session.h"

enum irl_trigger
{
	IRL_STARTED,
	IRL_UNDER_WAY,	/**< another trigger came before */
	IRL_NO_SESSION, /**< unknown, ended or released */
	IRL_NO_MEMORY
};

/**
 * Release a session (TS 24.229 5.4.5.1).
 *
 * @param reason checked by core_reason.h
 * @param job 0: of no job
 */
enum irl_trigger irl_release_trigger(
		uint64_t id, const struct irl_reason *reason, uint32_t job);

/** An event of a session; its slot is locked and stays so until
 * irl_release_unlock(). An event that is illegal now changes nothing. */
void irl_release_event(struct irl_session *s, enum irl_event ev);

/** Release a session with its sibling, for the same reason; slot locked. */
void irl_release_together(
		struct irl_session *s, const struct irl_release *sibling);

/** Unlock, erase the session if its time has come, have done what is due. */
void irl_release_unlock(struct irl_session *s);

/** This BYE is one that we sent in the name of that leg and that has no answer
 * yet, on one of its passes (own.h). Slot locked, headers parsed. */
int irl_release_is_own(
		struct irl_session *s, enum irl_leg_id from, struct sip_msg *msg);

/** For the releasing process: do what is due of a session. */
void irl_release_step(uint64_t id);

/**
 * For the releasing process, now and then: end what nobody else will. A
 * session whose BYE was refused and not tried again, and one that the dialog
 * module does not follow (a second answer to a fork), when their time is over.
 */
void irl_release_sweep(void);

/**
 * For the releasing process, every second: sessions whose timer has ended are
 * deleted or released, as parameter `session_timer` says; some of them.
 *
 * @return 1 when there may be more
 */
int irl_release_expire(void);

/** For the releasing process: what its timers lead to. */
void irl_release_no_ack(uint64_t id);
void irl_release_forget(uint64_t id);
void irl_release_pair_due(uint64_t id);
void irl_release_resend(uint64_t id);

#endif

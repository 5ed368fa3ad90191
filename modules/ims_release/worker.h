/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file worker.h  The releasing process
 *
 * It builds and sends the BYEs, paces jobs, runs the event routes and the
 * timers of sessions that are being released. Others tell it by a pipe which
 * session has something due; when the pipe is full it looks at all of them.
 */
#ifndef IRL_WORKER_H
#define IRL_WORKER_H

#include <stdint.h>

/** From mod_init. @return 0 or -1 */
int irl_worker_init(void);

/** From child_init(PROC_MAIN). @return 0 or -1 */
int irl_worker_fork(void);

/** Something of this session is due. From any process, never blocks; with an
 * id of 0 it only wakes the process up, a new job is there. */
void irl_worker_post(uint64_t id);

/** Timers, for the releasing process alone. All of a kind have the same length,
 * or nearly: one that is set later does not end before. */
enum irl_timer
{
	IRL_TIMER_ACK,	  /**< 64*T1, for the caller's ACK */
	IRL_TIMER_LINGER, /**< parameter `linger` */
	IRL_TIMER_PAIR,	  /**< T1, for an ACK of ours to be ahead of the BYEs */
	IRL_TIMER_INVITE, /**< T1, for a cancelled INVITE to be sent again */
	IRL_TIMER_LATE,	  /**< at least 64*T1, for late answers to the INVITE */
	IRL_TIMERS
};
void irl_worker_timer(enum irl_timer timer, uint64_t id, uint64_t ms);

/** The timer that has just ended, once more: from when it was due, so that being
 * late does not add up; from now, when it is late by all of its length. */
void irl_worker_timer_again(enum irl_timer timer, uint64_t id, uint64_t ms);

/** Milliseconds of a clock that is never set. */
uint64_t irl_now_ms(void);

/** Seconds since the epoch as they were when Kamailio started, and on from there
 * by the clock above: setting the time ends no session. */
uint32_t irl_clock(void);

#endif

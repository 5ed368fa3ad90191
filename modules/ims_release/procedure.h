/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file procedure.h  What the releasing process does for a session
 *
 * procedure.c takes what is due of a record and has it done: the pair of BYEs
 * (pair.c), or what an early session needs (early.c). All of it runs in that
 * one process, on a copy of the record, with nothing locked.
 */
#ifndef IRL_PROCEDURE_H
#define IRL_PROCEDURE_H

#include "core_bye.h"
#include "event_route.h"
#include "snapshot.h"

/** Room for the header lines of a BYE. */
#define IRL_HEADERS_MAX 8192

/** The session at work. */
extern struct irl_snapshot irl_snap;

str irl_snap_text(struct irl_text t);

/** What the event routes and their variables see of it. */
void irl_describe(struct irl_event_ctx *ctx);

/** Reason, the parameter extra_headers, and what the script adds.
 * @param buf room for IRL_HEADERS_MAX bytes */
void irl_bye_headers(const struct irl_bye *bye, char *buf, str *headers);
extern char irl_headers_buf[IRL_HEADERS_MAX];

struct irl_bye_policy irl_policy(void);

/** A final code that says that the peer has no such dialog (any more). */
static inline int irl_is_gone(int code)
{
	return code == 481 || code == 408;
}

/** Statistics of a final response to a BYE. */
void irl_count_answer(int code);

/** TS 24.229 5.4.5.1.2: build and send the BYEs to the caller, the callee, or
 * both; one that was sent before goes once more with a higher CSeq. */
void irl_send_byes(int to_caller, int to_callee);

/** TS 24.229 5.4.5.1.1: cancel, and a final response to the caller. */
void irl_cancel_invite(void);

/** Acknowledge the 2xx of the dialog at work in the caller's place. */
void irl_acknowledge(void);

/** RFC 3261 13.2.2.4: each late 2xx is acknowledged and, unwanted, ended. */
void irl_answer_late(void);

/** An event that comes of the work itself, or of a timer. */
void irl_release_raise(uint64_t id, enum irl_event ev);

/** A re-INVITE or UPDATE that waits for its answer gets one (RFC 3261 15.1.2
 * asks it of the parties; a relayed one would wait for the slower). */
void irl_answer_pending(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file capture.h  From messages and events to the record of a session
 *
 * Callbacks of our own see every message: before the script each request,
 * from tm each transaction and its responses, from tm too each request that
 * Kamailio makes itself. The dialog module only says which sessions live and
 * end (host.h). So the record is the same whichever dialog module is loaded.
 */
#ifndef IRL_CAPTURE_H
#define IRL_CAPTURE_H

#include "core/parser/msg_parser.h"

#include "core_session.h"
#include "host.h"

/**
 * Register the callback before the script; when the module is loaded.
 *
 * Such callbacks run in the reverse order of their registration, and those of
 * tm and of the dialog module, registered in their mod_init, must have reset
 * what the last message left behind before ours answers a request.
 *
 * @return 0 or -1
 */
int irl_capture_load(void);

/** Register all others; from mod_init, tm bound. @return 0 or -1 */
int irl_capture_init(void);

/**
 * The dialog module has made a record for this initial INVITE.
 *
 * @return id of our record of it, 0 when there is none: no memory,
 *         max_sessions, or a malformed INVITE
 */
uint64_t irl_capture_created(struct sip_msg *msg);

/**
 * The dialog module has read a record of its own from its database.
 *
 * @return id of our record of the same dialog, which it follows from now on,
 *         0 when there is none
 */
uint64_t irl_capture_loaded(
		const str *callid, const str *caller_tag, const str *callee_tag);

/** An event of the dialog module. May come twice, late, in any process. */
void irl_capture_host(uint64_t id, enum irl_host_event event);

/**
 * The script says whom this pass of an initial INVITE serves.
 *
 * @param impu the served user, empty: as the headers tell
 * @return 0, or ENOENT when no session is, or will be, recorded
 */
int irl_capture_serve(struct sip_msg *msg, enum irl_side side, const str *impu);

/** The session of the message being processed, 0 for none. */
uint64_t irl_capture_current(struct sip_msg *msg);

/**
 * The script releases the session of this initial INVITE, of which a dialog
 * module that makes its record late has none yet: to be done then.
 *
 * @return 0, or ENOENT when there is nothing to wait for
 */
int irl_capture_release(struct sip_msg *msg, const struct irl_reason *reason);

/** The message being processed is a BYE of our own. */
int irl_capture_is_own(struct sip_msg *msg);

#endif

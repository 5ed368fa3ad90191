/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file core_registration.h  How a registration ended, and what is said of it
 *
 * TS 24.229 5.4.5.1.2A: when a registration expires or is removed, the dialogs
 * that use it are released. The parameter `release_on` names the events that
 * do so here.
 */
#ifndef IRL_CORE_REGISTRATION_H
#define IRL_CORE_REGISTRATION_H

#include <stdint.h>

#include "core/str.h"

/** Events of `release_on`, a bit each. */
enum irl_reg_event
{
	IRL_REG_EXPIRED = 1,
	IRL_REG_UNREGISTERED = 2, /**< by the user */
	IRL_REG_TERMINATED = 4	  /**< by the network */
};

/** What became of it: an event, or one the network gave a reason for (TS
 * 29.229 6.3.17, Reason-Code). */
enum irl_reg_end
{
	IRL_END_EXPIRED = 0,
	IRL_END_UNREGISTERED,
	IRL_END_TERMINATED, /**< no reason was given */
	IRL_END_PERMANENT,
	IRL_END_NEW_SERVER,
	IRL_END_SERVER_CHANGE,
	IRL_END_REMOVE_SCSCF
};
#define IRL_REG_ENDS 7

/** Read `release_on`. @return the bits, -1 for what is not a list of events */
int irl_reg_events(const str *list);

enum irl_reg_event irl_reg_event_of(enum irl_reg_end end);

/** Its name in `release_on`; what the Reason header says. */
const char *irl_reg_event_name(enum irl_reg_end end);
const char *irl_reg_text(enum irl_reg_end end);

/** By the Reason-Code of a Registration-Termination-Request. */
enum irl_reg_end irl_reg_end_of(uint32_t reason_code);

#endif

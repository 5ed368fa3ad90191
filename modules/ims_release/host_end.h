/* SPDX-License-Identifier: GPL-2.0-or-later */
/** @file host_end.h  Have the dialog module end its record of a session */
#ifndef IRL_HOST_END_H
#define IRL_HOST_END_H

#include "core_session.h"

/** Bind to rr. @return 0 or -1 */
int irl_host_end_init(void);

/**
 * End the dialog module's record, which no BYE of ours has ended: service
 * control is off, or its BYE did not reach the dialog module.
 *
 * A dialog module has no call for that. What ends its record is a BYE that
 * passes loose_route(): so one is made and shown to it, and goes nowhere.
 * From the releasing process only; nothing locked.
 */
void irl_host_end(const struct irl_session *s, const struct irl_dialog *dlg);

/** The request being processed in this process is such a BYE. */
int irl_host_ending(void);

#endif

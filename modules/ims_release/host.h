/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file host.h  The dialog module beside us: which sessions live and end
 *
 * There are two, `dialog` and `ims_dialog`; what knows of one stands in
 * host_dialog.c or host_ims_dialog.c. Only its life cycle is used: what is
 * stored of a session comes from the messages (capture.h).
 */
#ifndef IRL_HOST_H
#define IRL_HOST_H

#include <stdint.h>

struct irl_host
{
	const char *name;
	/**
	 * It makes its record when tm makes the transaction, after the script has
	 * called our functions on the INVITE.
	 */
	int creates_late;
	/** Register for its events. @return 0, or -1 when it is not loaded */
	int (*bind)(void);
};

extern const struct irl_host irl_host_dialog;
extern const struct irl_host irl_host_ims_dialog;

/** What a dialog module says of a session. */
enum irl_host_event
{
	IRL_HOST_BYE,	/**< took a BYE: its record is over, the answer is not in */
	IRL_HOST_ENDED, /**< ended by itself: expired, or its own pair of BYEs */
	IRL_HOST_FAILED, /**< the INVITE got a final response of 300 or above */
	IRL_HOST_GONE	 /**< its record was freed; called with its lock held */
};

/** Find the module that is loaded and bind to it. @return 0, or -1 with one
 * line in the log */
int irl_host_init(void);

/** The one in use. */
const struct irl_host *irl_host(void);

#endif

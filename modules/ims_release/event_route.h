/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file event_route.h  event_route[ims_release:bye], event_route[ims_release:done]
 * and what $imsrel(name) shows in them
 */
#ifndef IRL_EVENT_ROUTE_H
#define IRL_EVENT_ROUTE_H

#include "core_session.h"

struct irl_event_ctx
{
	str callid, impu, icid, text;
	int cause;
	uint32_t job;
	enum irl_side served;
	enum irl_state state;
	enum irl_leg_id leg; /**< of the BYE */
	int code[IRL_LEGS];	 /**< final responses, 0: none yet */
	int failed;
	int for_bye; /**< $imsrel(headers) may be assigned */
	str headers; /**< as assigned, normalized */
};

/** Find the routes; from mod_init. */
void irl_event_route_init(void);

/**
 * Run event_route[ims_release:bye].
 *
 * @param buf gets the header lines that the script assigned
 * @return bytes of them, 0 for none
 */
int irl_event_route_bye(struct irl_event_ctx *ctx, char *buf, int size);

/** Run event_route[ims_release:done]. */
void irl_event_route_done(struct irl_event_ctx *ctx);

/** The context of the route that runs in this process, NULL outside. */
struct irl_event_ctx *irl_event_ctx(void);

/** Assign $imsrel(headers). @return 0, or -1 with a line in the log */
int irl_event_set_headers(const str *lines);

/** The word for a side: orig, term, both. */
const char *irl_side_name(enum irl_side side);

#endif

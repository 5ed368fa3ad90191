/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file params.h  The module parameters, as checked at start; read-only then
 */
#ifndef IRL_PARAMS_H
#define IRL_PARAMS_H

#include "core/str.h"

/** What becomes of a session whose timer has ended. */
enum irl_session_timer
{
	IRL_TIMER_OFF,
	IRL_TIMER_DELETE,
	IRL_TIMER_RELEASE
};

struct irl_params
{
	int default_cause;
	str default_text;
	int credit_cause; /**< 0: ims_charging ends sessions by itself */
	str credit_text;
	str default_reason; /**< as it is sent */
	str served_name;
	int served; /**< enum irl_side; IRL_NO_SIDE: auto */
	str session_timer_name;
	int session_timer; /**< enum irl_session_timer */
	int session_timer_cause;
	int session_timer_min; /**< seconds */
	int service_control;
	int answer_481;
	int linger;
	str extra_headers;
	int hash_size;
	int max_sessions;
	int job_rate;
	int job_window;
	int job_history;
	str event_callback; /**< KEMI function for the event routes */
	str db_url;
	str db_table;
	int db_delay; /**< ms */
	int replicate;
	str release_on;
	int release_on_events; /**< enum irl_reg_event */
	int release_on_cause;
};
extern struct irl_params irl_params;

/** Check all. @return 0; -1 with one line in the log that says which
 * parameter, what it was and what is allowed */
int irl_params_check(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file selector.h  Which sessions an operator or a script means
 */
#ifndef IRL_SELECTOR_H
#define IRL_SELECTOR_H

#include "core_session.h"

/** The selectors, for error messages. */
#define IRL_SELECTORS "callid, id, impu, contact, icid, state, served or all"

enum irl_selector_kind
{
	IRL_SEL_CALLID = 0,
	IRL_SEL_ID,
	IRL_SEL_IMPU,
	IRL_SEL_CONTACT,
	IRL_SEL_ICID,
	IRL_SEL_STATE,
	IRL_SEL_SERVED,
	IRL_SEL_ALL,
	IRL_SEL_REGISTRATION /**< of jobs alone: users whose registration ended */
};

struct irl_selector
{
	enum irl_selector_kind kind;
	str value; /**< as given */
	uint64_t id;
	enum irl_side side;
	int replicas; /**< sessions that other nodes own, too */
};

const char *irl_selector_name(enum irl_selector_kind kind);

/**
 * Ids of the sessions that match. Released ones match `state released` only:
 * their information is gone, but for the answer 481.
 *
 * @param out to be freed with free(), NULL for none
 * @return how many, -1 out of memory
 */
long irl_selector_ids(const struct irl_selector *sel, uint64_t **out);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file backlog.h  What waits before the SIP workers
 */
#ifndef IRL_BACKLOG_H
#define IRL_BACKLOG_H

#include <stdint.h>

/**
 * How many releases may begin now.
 *
 * While more than some messages wait before the SIP workers, a release adds to
 * them and makes the calls of others wait. Yet one begins in each hundredth of a
 * second: an S-CSCF that is overloaded, or flooded, has to release all the more.
 *
 * @param most    how many are wanted
 * @param last_ms when the last one began while messages waited; the caller's, to
 *                be kept between its calls
 */
int irl_backlog_share(uint64_t now_ms, int most, uint64_t *last_ms);

#endif

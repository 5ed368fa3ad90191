/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file core_expires.h  The session timer (RFC 4028)
 *
 * The 2xx to the INVITE, to a re-INVITE or to an UPDATE says for how long the
 * session lives from then on without another one; without Session-Expires it
 * has no timer any more.
 */
#ifndef IRL_CORE_EXPIRES_H
#define IRL_CORE_EXPIRES_H

#include <stdint.h>

#include "core/str.h"

/** Longer is no timer. */
#define IRL_EXPIRES_MAX 1000000000u

/** @return seconds of a Session-Expires value, 0 when it is malformed, or
 * beyond IRL_EXPIRES_MAX: no timer */
uint32_t irl_expires_read(const str *value);

/** When a session ends whose timer starts now; not before its time, though
 * `now` is cut to seconds. @return 0 without a timer */
uint32_t irl_expires_at(uint32_t seconds, uint32_t now);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file core_cseq.h  CSeq numbers of a direction (RFC 3261 8.1.1.5, 12.2.1.1)
 *
 * A sequence number is below 2^31. We store a number only if its successor is
 * legal as well, because the successor is what we shall send.
 */
#ifndef IRL_CORE_CSEQ_H
#define IRL_CORE_CSEQ_H

#include <stdint.h>

#include "core/str.h"

/** The highest number that may be sent, and the highest that is stored. */
#define IRL_CSEQ_MAX 2147483647u
#define IRL_CSEQ_STORED_MAX (IRL_CSEQ_MAX - 1u)

/** In place of a number that cannot be told. */
#define IRL_CSEQ_NONE UINT32_MAX

/** How far above its predecessor a BYE is tried again after a 500. */
#define IRL_CSEQ_RETRY_STEP 10000u

/**
 * Read the number of a CSeq header field.
 *
 * @return 0, or EINVAL for anything but digits, EOVERFLOW for a number whose
 *         successor would not be legal; `*number` is set only with 0
 */
int irl_cseq_parse(const str *digits, uint32_t *number);

/**
 * The number of an INVITE, legal or not, by which its responses, its ACK and
 * its further passes are told.
 *
 * @return IRL_CSEQ_NONE for anything but digits; numbers of more than 32 bits
 *         are all one
 */
uint32_t irl_cseq_any(const str *digits);

/* What is kept of a direction is the number after the highest one seen, 0 for
 * none: zero is a legal CSeq, its successor tells it from "none". */

/** Take a number into account: a stale one never lowers the mark. */
void irl_cseq_note(uint32_t *next, uint32_t number);

/**
 * What an INVITE's number gives its direction.
 *
 * @param next the number after it, 0 for IRL_CSEQ_NONE
 * @return the same, but where that would not be legal what a BYE may have at
 *         most: no lower number would be taken (RFC 3261 12.2.2)
 */
uint32_t irl_cseq_stored(uint32_t next);

/** The highest number seen, 0 for none. */
uint32_t irl_cseq_highest(uint32_t next);

/**
 * The number of our request: the highest seen plus one, or, where the
 * direction has none, a random one that leaves room for its successors.
 *
 * @param rnd any random number
 */
uint32_t irl_cseq_use(uint32_t next, uint32_t rnd);

/** The number of a request after one of ours. */
uint32_t irl_cseq_next(uint32_t sent);

/** The number for one more try after a 500, well above `sent` (RFC 3261
 * 12.2.2: the peer answers 500 to a number lower than one it has seen). */
uint32_t irl_cseq_retry(uint32_t sent);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file core_reason.h  Cause and text of a release; the Reason header field
 * (RFC 3326)
 */
#ifndef IRL_CORE_REASON_H
#define IRL_CORE_REASON_H

#include <stddef.h>

#include "core/str.h"

#define IRL_TEXT_MAX 128

/** Room for the longest header line: every byte of the text escaped. */
#define IRL_REASON_MAX \
	(sizeof("Reason: SIP;cause=699;text=\"\"\r\n") + 2 * IRL_TEXT_MAX)

/** What interface and errors say of the two. */
#define IRL_CAUSE_RANGE "200 or 300 to 699"
#define IRL_TEXT_RANGE "UTF-8 without control characters, at most 128 bytes"

/** @return 0, or ERANGE unless the cause is 200 or 300 to 699 */
int irl_cause_check(int cause);

/** @return 0, EMSGSIZE (over IRL_TEXT_MAX bytes) or EILSEQ (not UTF-8, or a
 * control character) */
int irl_text_check(const str *text);

/**
 * Print the header line, CRLF included, quotes and backslashes escaped.
 *
 * @param text no text when it is empty
 * @return bytes written (no terminating zero), 0 when `size` is too small
 */
size_t irl_reason_print(char *buf, size_t size, int cause, const str *text);

/** The final response to the INVITE of an early session (TS 24.229
 * 5.4.5.1.1): the cause where it is a final error, else 480. */
int irl_cause_response(int cause);

#endif

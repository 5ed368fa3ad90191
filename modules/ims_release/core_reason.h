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

/** Most bytes of the values beside SIP's, as they are sent. */
#define IRL_OTHERS_MAX 255

/** Room for the longest header line: every byte of the text escaped. */
#define IRL_REASON_MAX                                                  \
	(sizeof("Reason: SIP;cause=699;text=\"\", \r\n") + 2 * IRL_TEXT_MAX \
			+ IRL_OTHERS_MAX)

/** What interface and errors say of the two. */
#define IRL_CAUSE_RANGE "200 or 300 to 699"
#define IRL_TEXT_RANGE "UTF-8 without control characters, at most 128 bytes"
#define IRL_OTHERS_RANGE \
	"values of RELEASE_CAUSE, FAILURE_CAUSE, Q.850, preemption"

/** Why a session is released. */
struct irl_reason
{
	int cause;	/**< of the value SIP */
	str text;	/**< its text, empty: none */
	str others; /**< values beside it, as irl_others_read() prints them */
};

/** @return 0, or ERANGE unless the cause is 200 or 300 to 699 */
int irl_cause_check(int cause);

/** @return 0, EMSGSIZE (over IRL_TEXT_MAX bytes) or EILSEQ (not UTF-8, or a
 * control character) */
int irl_text_check(const str *text);

/**
 * Read values to stand beside SIP's: of RELEASE_CAUSE and FAILURE_CAUSE (TS
 * 24.229 7.2A.18), Q.850 and preemption (RFC 4411), a protocol once (RFC 3326),
 * each with its cause and, if one is given, its text.
 *
 * @param given as in the header field, separated by commas; may be empty
 * @param out   gets them as they are sent; room for IRL_OTHERS_MAX
 * @param error out: what is wrong
 * @return bytes written, -1 on an error
 */
int irl_others_read(const str *given, char *out, const char **error);

/**
 * Print the header line, CRLF included, quotes and backslashes escaped.
 *
 * @return bytes written (no terminating zero), 0 when `size` is too small
 */
size_t irl_reason_print(
		char *buf, size_t size, const struct irl_reason *reason);

/** The final response to the INVITE of an early session (TS 24.229
 * 5.4.5.1.1): the cause where it is a final error, else 480. */
int irl_cause_response(int cause);

#endif

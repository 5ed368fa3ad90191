/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file core_headers.h  Header lines that an operator or a script adds
 */
#ifndef IRL_CORE_HEADERS_H
#define IRL_CORE_HEADERS_H

#include <stddef.h>

#include "core/str.h"

/** Room for the normalized form of `len` bytes: a line ended by LF grows by
 * one, the last one by two. */
#define IRL_HEADERS_ROOM(len) (2 * (size_t)(len) + 2)

/**
 * Copy header lines with each ended by CRLF and no empty ones.
 *
 * Lines may be separated by CRLF, LF, or the two characters `\r\n` written
 * out. Refused: a line that is no "Name: value", a name of other characters
 * than letters, digits and `-._+~`, control characters, and header fields that
 * a BYE has of itself (Via, Route, From, To, Call-ID, CSeq, Max-Forwards,
 * Content-Length, Reason and the like), in long or short form.
 *
 * @param out IRL_HEADERS_ROOM(lines->len) bytes
 * @return bytes written, -1 when a line is refused
 */
int irl_headers_normalize(const str *lines, char *out);

#endif

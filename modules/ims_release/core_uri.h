/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file core_uri.h  SIP URIs, as text
 *
 * An unescaped '@' is the end of the user part, which may have '?' and ';' in
 * it (RFC 3261 25.1).
 */
#ifndef IRL_CORE_URI_H
#define IRL_CORE_URI_H

#include <stddef.h>

#include "core/str.h"

/** Its parts; they point into the URI, as does the end of the whole. */
struct irl_uri
{
	str user;			/**< empty when there is none */
	str host;			/**< in brackets, when it is in brackets */
	const char *params; /**< from the first ';' on */
	const char *headers;
	const char *end;
};

/** @return 0, or EINVAL for another scheme than sip and sips */
int irl_uri_split(const str *uri, struct irl_uri *parts);

/**
 * The Request-URI that a Contact makes: without headers and the parameter
 * `method`, which have no place in one (RFC 3261 19.1.1, table 1). A URI of
 * another scheme is left as it is.
 *
 * @param buf room for one from whose middle something was taken; where it is
 *            too small, `method` stays
 * @return points into the URI or into `buf`
 */
str irl_uri_for_request(const str *uri, char *buf, size_t size);

#endif

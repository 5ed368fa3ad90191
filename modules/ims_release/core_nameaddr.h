/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file core_nameaddr.h  From and To values as received, without their tag
 *
 * The value of a From or To goes into a BYE as it was received (TS 24.229
 * 5.4.5.1.2): display name, URI and parameters byte for byte. Only its tag is
 * taken out, because who prints the request adds it at the end.
 */
#ifndef IRL_CORE_NAMEADDR_H
#define IRL_CORE_NAMEADDR_H

#include <stddef.h>

#include "core/str.h"

/**
 * Copy a From or To value without its tag parameter, on one line.
 *
 * An addr-spec without angle brackets gets them, so that parameters of the
 * header field do not turn into parameters of the URI.
 *
 * A parameter with a '>' in it is left out: see put_params().
 *
 * @param buf  gets the value
 * @param size room in `buf`; the value's length plus 2 is enough
 * @param out  points into `buf`
 * @return 0, EINVAL for a value without a URI, EMSGSIZE
 */
int irl_nameaddr_untagged(const str *value, char *buf, size_t size, str *out);

/**
 * The value of one parameter in a list `a=b;c="d"` (`;` or `,` between them),
 * quotes taken off; names compare without regard to case. What stands in angle
 * brackets is passed over.
 *
 * @return 1 when found
 */
int irl_param_find(const str *list, const char *name, str *value);

/** A URI of the bytes that RFC 3261 25.1 allows in one, and not empty: it can
 * stand in a request line. */
int irl_uri_is_plain(const str *uri);

#endif

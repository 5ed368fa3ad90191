/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file core_route_set.h  Lists of Record-Routes: storage and surgery
 *
 * The 2xx carries the Record-Routes of all proxies on the way. Written with
 * the caller's end first, L[0] is the proxy next to the caller. An INVITE that
 * enters this S-CSCF with n Record-Routes gets ours at L[n] (and at L[n+1]
 * too, where the pass changes socket or transport: two entries, both marked
 * "r2=on"). What stands below is the caller's side of that pass, what stands
 * above our own is the callee's side.
 */
#ifndef IRL_CORE_ROUTE_SET_H
#define IRL_CORE_ROUTE_SET_H

#include <stddef.h>

#include "core/str.h"

/**
 * Pack a list into one string.
 *
 * @param len out: bytes used of `buf`
 * @return 0, or EMSGSIZE when there are too many entries or bytes
 */
int irl_routes_pack(const str *routes, int n, char *buf, size_t size, int *len);

/** Unpack it. @return number of entries, which point into `packed` */
int irl_routes_unpack(const str *packed, str *routes);

/** Is this Record-Route value an address of this S-CSCF? */
typedef int (*irl_is_own_f)(const str *route);

/**
 * How many entries from `at` on are our Record-Route of that pass: 0 (not
 * record-routed), 1, or 2.
 */
int irl_routes_own(const str *routes, int n, int at, irl_is_own_f is_own);

/** The passes through this S-CSCF in a list, in either order. */
int irl_routes_passes(const str *routes, int n, irl_is_own_f is_own);

/**
 * The route set from a pass towards one party.
 *
 * @param routes, n   the list, the caller's end first
 * @param at, own     our entries of that pass
 * @param to_callee   direction
 * @param through_us  1: our own entries first, as the route set of a request
 *                    that enters here; 0: from here on outwards
 * @param out         gets the entries in the order of the Route header
 * @return how many
 */
int irl_routes_towards(const str *routes, int n, int at, int own, int to_callee,
		int through_us, str *out);

#endif

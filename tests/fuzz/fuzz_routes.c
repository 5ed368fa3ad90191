/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Record-Routes of a peer: packed, unpacked, cut at a pass */
#include <stdlib.h>
#include <string.h>

#include "core_route_set.h"
#include "core_session.h"
#include "fuzz.h"

/* Ours are those that begin so. */
static int is_own(const str *route)
{
	return route->len > 0 && route->s[0] == 'o';
}

/* Anything: what is unpacked lies within, and packs to the same again. */
static void unpack_anything(const uint8_t *data, size_t size)
{
	str packed = fuzz_copy(data, size), routes[IRL_ROUTES_MAX];
	char *buf = fuzz_room(size);
	int n = irl_routes_unpack(&packed, routes), i, len;

	HOLDS(n >= 0 && n <= IRL_ROUTES_MAX);
	for(i = 0; i < n; i++) {
		HOLDS(routes[i].len >= 0 && routes[i].s >= packed.s);
		HOLDS(routes[i].s + routes[i].len <= packed.s + packed.len);
	}
	HOLDS(irl_routes_pack(routes, n, buf, size, &len) == 0);
	HOLDS((size_t)len <= size && !memcmp(buf, data, (size_t)len));
	free(buf);
	free(packed.s);
}

/* Both directions together are the list: nothing is lost, nothing twice. */
static void cut(const str *routes, int n, int at)
{
	str up[IRL_ROUTES_MAX], down[IRL_ROUTES_MAX];
	int own = irl_routes_own(routes, n, at, is_own);
	int ups, downs, i;

	HOLDS(own >= 0 && own <= 2 && (own == 0 || at + own <= n));
	ups = irl_routes_towards(routes, n, at, own, 0, 0, up);
	downs = irl_routes_towards(routes, n, at, own, 1, 0, down);
	HOLDS(ups >= 0 && downs >= 0 && ups + own + downs == n);
	for(i = 0; i < ups; i++)
		HOLDS(up[i].s == routes[ups - 1 - i].s);
	for(i = 0; i < downs; i++)
		HOLDS(down[i].s == routes[ups + own + i].s);
	HOLDS(irl_routes_towards(routes, n, at, own, 0, 1, up) == ups + own);
	HOLDS(irl_routes_towards(routes, n, at, own, 1, 1, down) == downs + own);
	for(i = 0; i < own; i++) {
		HOLDS(is_own(&down[i]));
		HOLDS(up[own - 1 - i].s == down[i].s);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, data + size};
	str routes[IRL_ROUTES_MAX], back[IRL_ROUTES_MAX], packed;
	char *buf = fuzz_room(IRL_ROUTES_BYTES);
	int n, i, at;

	unpack_anything(data, size);
	at = (int)fuzz_below(&in, IRL_ROUTES_MAX + 2);
	for(n = 0; n < IRL_ROUTES_MAX && in.p < in.end; n++)
		routes[n] = fuzz_text(&in, 4096);
	cut(routes, n, at);
	packed.s = buf;
	if(irl_routes_pack(routes, n, buf, IRL_ROUTES_BYTES, &packed.len) == 0) {
		HOLDS(irl_routes_unpack(&packed, back) == n);
		for(i = 0; i < n; i++)
			HOLDS(irl_str_eq(&routes[i], &back[i]));
	}
	free(buf);
	return 0;
}

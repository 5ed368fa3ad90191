/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Contacts of a peer, as the Request-URIs that they make */
#include <stdlib.h>

#include "core_text.h"
#include "core_uri.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str uri = fuzz_copy(data, size), once, twice;
	char *buf = fuzz_room(size), *again = fuzz_room(size);

	once = irl_uri_for_request(&uri, buf, size);
	HOLDS(once.len >= 0 && once.len <= uri.len);
	/* what it makes has nothing more to be taken out */
	twice = irl_uri_for_request(&once, again, size);
	HOLDS(irl_str_eq(&once, &twice));
	free(again);
	free(buf);
	free(uri.s);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parameters of header fields of a peer: P-Charging-Vector, P-Served-User */
#include <stdlib.h>
#include <string.h>

#include "core_nameaddr.h"
#include "fuzz.h"

static const char *const names[] = {"icid-value", "sescase", "a", ""};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str list = fuzz_copy(data, size), value;
	size_t i, off;
	int found;

	for(i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		value.s = NULL;
		value.len = -1;
		found = irl_param_find(&list, names[i], &value);
		HOLDS(found == 0 || found == 1);
		if(!found)
			continue;
		HOLDS(value.s > list.s && value.len > 0);
		off = (size_t)(value.s - list.s);
		HOLDS(off + (size_t)value.len <= size);
		/* the name stands before it */
		HOLDS(off > strlen(names[i]));
	}
	free(list.s);
	return 0;
}

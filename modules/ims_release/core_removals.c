/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_removals.h"

#include <stdlib.h>

#define FIRST_SIZE 1024

static int grow(struct irl_removals *list, size_t max)
{
	size_t size = list->size ? 2 * list->size : FIRST_SIZE;
	struct irl_uid *uid;

	if(size > max)
		size = max;
	if(size <= list->size)
		return 0;
	uid = realloc(list->uid, size * sizeof(*uid));
	if(!uid)
		return 0;
	list->uid = uid;
	list->size = size;
	return 1;
}

int irl_removals_add(
		struct irl_removals *list, const struct irl_uid *uid, size_t max)
{
	if(list->count == list->size && !grow(list, max)) {
		list->dropped++;
		return 0;
	}
	list->uid[list->count++] = *uid;
	return 1;
}

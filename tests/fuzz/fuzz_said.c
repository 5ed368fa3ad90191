/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What another node, or who says to be one, sends */
#include <stdlib.h>
#include <string.h>

#include "core_record.h"
#include "core_said.h"
#include "fuzz.h"

static int is_within(const str *text, const str *all)
{
	return text->len >= 0 && text->s >= all->s
		   && text->s + text->len <= all->s + all->len;
}

static void look_at(const str *name, const str *value)
{
	static char room[2 * IRL_BLOCK_MAX];
	struct irl_said_claim claim;
	struct irl_said_gone gone, again;
	str text = {room, 0};

	if(irl_said_claim(value, &claim) == 0) {
		HOLDS(is_within(&claim.node, value));
		HOLDS(claim.node.len > 0 && claim.node.len <= IRL_NODE_NAME_MAX);
	}
	if(irl_said_gone(value, &gone))
		return;
	HOLDS(is_within(&gone.callid, value) && is_within(&gone.tag, value));
	text.len = irl_said_put_gone(&gone, room, sizeof(room));
	HOLDS(text.len > 0);
	HOLDS(irl_said_gone(&text, &again) == 0);
	HOLDS(again.taken == gone.taken && again.callid.len == gone.callid.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str text = fuzz_copy(data, size), rest = text, name, value;
	struct irl_said h;

	if(irl_said_head(&rest, &h) == 0) {
		HOLDS(is_within(&h.node, &text) && is_within(&rest, &text));
		HOLDS(h.node.len > 0 && h.node.len <= IRL_NODE_NAME_MAX);
		HOLDS(!memchr(h.node.s, ' ', (size_t)h.node.len));
	}
	while(irl_record_next(&rest, &name, &value) > 0) {
		HOLDS(is_within(&name, &text) && is_within(&value, &text));
		look_at(&name, &value);
	}
	free(text.s);
	return 0;
}

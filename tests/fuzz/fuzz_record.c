/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a database or another node gives as the text of a session */
#include <stdlib.h>
#include <string.h>

#include "core_record.h"
#include "fuzz.h"

static char room[2][IRL_RECORD_MAX];
static char a_socket;

static void *mem_alloc(size_t size)
{
	return fuzz_room(size);
}

static str name_of(void *socket)
{
	str name = {"udp:192.0.2.1:5060", socket ? 18 : 0};

	return name;
}

static void *find(const str *name)
{
	HOLDS(name->len > 0);
	return name->s[0] == 'u' ? &a_socket : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct irl_record_sockets sockets = {name_of, find};
	struct irl_session *s;
	const char *error;
	str text = fuzz_copy(data, size);
	int len, again;

	irl_mem.alloc = mem_alloc;
	irl_mem.release = free;
	s = irl_record_unpack(&text, &sockets, &error);
	free(text.s);
	if(!s) {
		HOLDS(error && *error);
		return 0;
	}
	HOLDS(irl_record_worthy(s));
	HOLDS(s->resume_text.len <= IRL_TEXT_MAX);
	HOLDS(s->resume_others.len <= IRL_OTHERS_MAX);
	len = irl_record_pack(s, &sockets, room[0], sizeof(room[0]));
	irl_session_free(s);
	if(len < 0)
		return 0;
	/* what we write we can read, and it says the same */
	text = fuzz_copy((uint8_t *)room[0], (size_t)len);
	s = irl_record_unpack(&text, &sockets, &error);
	free(text.s);
	HOLDS(s != NULL);
	again = irl_record_pack(s, &sockets, room[1], sizeof(room[1]));
	HOLDS(again == len && !memcmp(room[0], room[1], (size_t)len));
	irl_session_free(s);
	return 0;
}

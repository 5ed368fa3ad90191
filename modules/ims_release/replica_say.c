/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replica_peer.h"

#include <stdio.h>
#include <string.h>

#include "row.h"
#include "store.h"

/* A message is sent above this, and has room for the longest record. */
#define MESSAGE_FULL 8192
#define MESSAGE_MAX (MESSAGE_FULL + IRL_RECORD_MAX + 1024)

/* Messages of a full copy a tick. */
#define COPY_AT_ONCE 40

#define HELLO_MS 1000
/* Between two questions for all, and two comparisons of the counts. */
#define ASK_MS 5000

/* The message being written. */
static char message[MESSAGE_MAX];
static int used, head;
static uint32_t number;

static str content_type = str_init("application/x-ims-release");

/* ---- what is sent ------------------------------------------------------------------ */

static void put(const char *name, const str *value)
{
	int at = irl_record_put(message, MESSAGE_MAX, used, name, value);

	if(at >= 0)
		used = at;
}

static void put_number(const char *name, uint32_t n)
{
	char digits[12];
	str value = {digits, 0};

	value.len = snprintf(digits, sizeof(digits), "%u", n);
	put(name, &value);
}

static void begin(void)
{
	if(used)
		return;
	put("node", irl_replica_node());
	put_number("boot", irl_boot);
	put_number("number", ++number);
	head = used;
}

static int answered(struct sip_msg *msg, int code, dmq_node_t *to, void *param)
{
	/* a node that is cut off is heard of anew when it is back */
	return 0;
}

static dmq_resp_cback_t on_answer = {answered, NULL};

/* @param to NULL: all */
static void post(const str *to)
{
	str body = {message, used}, uri;
	dmq_node_t *there;

	if(used > head) {
		if(!to)
			irl_dmq.bcast_message(
					irl_dmq_peer, &body, NULL, &on_answer, 1, &content_type);
		else {
			uri = *to;
			there = irl_dmq.find_dmq_node_uri(&uri);
			if(there)
				irl_dmq.send_message(irl_dmq_peer, &body, there, &on_answer, 1,
						&content_type);
		}
	}
	used = head = 0;
}

void irl_replica_flush(void)
{
	if(used)
		post(NULL);
}

static int put_row(const struct irl_session *s)
{
	static char text[IRL_RECORD_MAX];
	str record = {text, 0};

	if(used > MESSAGE_FULL)
		return 0;
	begin();
	record.len = irl_record_pack(s, &irl_sockets, text, sizeof(text));
	if(record.len > 0)
		put("row", &record);
	return 1;
}

int irl_replica_row(struct irl_session *s)
{
	if(!put_row(s))
		return 0;
	s->kept |= IRL_NODES;
	return 1;
}

int irl_replica_gone(struct irl_session *s, int locked)
{
	static char text[IRL_BLOCK_MAX];
	str value = {text, 0}, callid = irl_text_get(&s->text, s->callid);
	str from_tag = irl_text_get(&s->text, s->from_tag);
	str tag = irl_text_get(&s->text, s->current->tag);

	if(used > MESSAGE_FULL && locked)
		return 0;
	if(used > MESSAGE_FULL)
		irl_replica_flush();
	begin();
	value.len = irl_record_put(text, sizeof(text), 0, "callid", &callid);
	value.len = irl_record_put(
			text, sizeof(text), value.len, "from-tag", &from_tag);
	value.len = irl_record_put(text, sizeof(text), value.len, "tag", &tag);
	if(value.len > 0)
		put("gone", &value);
	s->kept &= (uint8_t)~IRL_NODES;
	return 1;
}

/* ---- all sessions, for who asked ------------------------------------------------------ */

static int is_told(const struct irl_session *s)
{
	return !s->owner.len && irl_record_worthy(s);
}

/* As many sessions of a slot as the message takes, without the first ones.
 * @return how many there were with those, -1 for all */
static int copy_slot(int slot, int skip)
{
	struct irl_session *s;
	uint32_t hash = irl_store_lock_slot(slot, &s);
	int n;

	for(n = 0; s; s = s->next, n++) {
		if(n >= skip && is_told(s) && !irl_replica_row(s))
			break;
	}
	irl_store_unlock(hash);
	return s ? n : -1;
}

/* The end of a copy: what is not in it is no more. */
static void end_copy(const str *to, uint32_t since)
{
	begin();
	put_number("since", since);
	post(to);
}

/* Some messages of it. @return 1 when that was all */
static int copy_some(const str *to, int *slot, int *skip)
{
	int messages, n;

	for(messages = 0; messages < COPY_AT_ONCE; messages++) {
		while(*slot < irl_store_slots()) {
			n = copy_slot(*slot, *skip);
			*skip = n < 0 ? 0 : n;
			if(n >= 0)
				break;
			(*slot)++;
		}
		post(to);
		if(*slot == irl_store_slots())
			return 1;
	}
	return 0;
}

/* Nodes are only ever added: an entry stays where it is. */
static void copy_on(struct irl_peer *p)
{
	str to = irl_peer_name(p);
	int ended;

	irl_replica_flush();
	if(!p->copy_since)
		p->copy_since = number + 1;
	ended = copy_some(&to, &p->copy_slot, &p->copy_skip);
	if(!ended)
		return;
	end_copy(&to, p->copy_since);
	p->copy_since = 0;
	p->copy_slot = p->copy_skip = 0;
	p->copying = 0;
}

/* ---- once a second ------------------------------------------------------------------ */

static uint32_t count_of(const str *owner)
{
	struct irl_session *s;
	uint32_t hash, n = 0;
	str have;
	int slot;

	for(slot = 0; slot < irl_store_slots(); slot++) {
		hash = irl_store_lock_slot(slot, &s);
		for(; s; s = s->next) {
			have = irl_text_get(&s->text, s->owner);
			n += irl_str_eq(&have, owner)
				 && (owner->len || (s->kept & IRL_NODES));
		}
		irl_store_unlock(hash);
	}
	return n;
}

static void put_claims(void)
{
	char text[IRL_NODE_NAME_MAX + 64];
	str value = {text, 0}, name;
	struct irl_peer *p;

	lock_get(&irl_peers->lock);
	for(p = irl_peers->peer; p < irl_peers->peer + irl_peers->count; p++) {
		if(!p->claimed)
			continue;
		name = irl_peer_name(p);
		value.len = snprintf(
				text, sizeof(text), "%u %.*s", p->claimed, name.len, name.s);
		put("claim", &value);
	}
	lock_release(&irl_peers->lock);
}

static void hello(void)
{
	static const str nobody = {"", 0};

	irl_replica_flush();
	begin();
	put_number("count", count_of(&nobody));
	put_claims();
	post(NULL);
}

/* Copies and counts agree once nothing is on its way. */
static int differs(struct irl_peer *p, uint64_t now_ms)
{
	str name = irl_peer_name(p);

	return p->counted && p->counted == p->heard && now_ms > p->asked_ms + ASK_MS
		   && count_of(&name) != p->count;
}

static void ask(struct irl_peer *p, uint64_t now_ms)
{
	str to = irl_peer_name(p);

	p->ask = 0;
	p->asked_ms = now_ms;
	irl_replica_flush();
	begin();
	put("want", &to);
	post(&to);
}

void irl_replica_tick(uint64_t now_ms)
{
	static uint64_t next_hello, next_count;
	int i, n, compare = now_ms >= next_count;

	if(now_ms >= next_hello) {
		hello();
		next_hello = now_ms + HELLO_MS;
	}
	if(compare)
		next_count = now_ms + ASK_MS;
	lock_get(&irl_peers->lock);
	n = irl_peers->count;
	lock_release(&irl_peers->lock);
	for(i = 0; i < n; i++) {
		struct irl_peer *p = &irl_peers->peer[i];

		if(p->ask || (compare && differs(p, now_ms)))
			ask(p, now_ms);
		if(p->copying)
			copy_on(p);
	}
}

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
/* Between two comparisons of the counts, and, at first, two questions for all:
 * what differs for good, a session that both nodes carry, is not asked for for
 * ever. */
#define ASK_MS 5000
#define ASK_MS_MAX 320000

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

static void put_claims(void)
{
	char text[IRL_NODE_NAME_MAX + 64];
	str value = {text, 0};
	struct irl_peer *p;

	lock_get(&irl_peers->lock);
	for(p = irl_peers->peer; p < irl_peers->peer + irl_peers->count; p++) {
		if(!p->claimed.at)
			continue;
		value.len = snprintf(text, sizeof(text), "%u %u %u %.*s", p->claimed.at,
				p->claimed.boot, p->claimed.number, p->name_len, p->name);
		put("claim", &value);
	}
	lock_release(&irl_peers->lock);
}

/* What we have taken over is said in each: it says of whom the rows are. */
static void begin(void)
{
	if(used)
		return;
	put("node", irl_replica_node());
	put_number("boot", irl_boot);
	put_number("number", ++number);
	put_claims();
	head = used;
}

static int answered(struct sip_msg *msg, int code, dmq_node_t *to, void *param)
{
	/* a node that is cut off is heard of anew when it is back */
	return 0;
}

static dmq_resp_cback_t on_answer = {answered, NULL};

static void post(const str *to)
{
	str body = {message, used}, uri = *to;
	dmq_node_t *there = used > head ? irl_dmq.find_dmq_node_uri(&uri) : NULL;

	if(there)
		irl_dmq.send_message(
				irl_dmq_peer, &body, there, &on_answer, 1, &content_type);
	used = head = 0;
}

/* To all, as those may hear us whom we do not hear. */
static void greet(void)
{
	str body = {message, used};

	irl_dmq.bcast_message(
			irl_dmq_peer, &body, NULL, &on_answer, 1, &content_type);
	used = head = 0;
}

static int count_peers(void)
{
	int n;

	lock_get(&irl_peers->lock);
	n = irl_peers->count;
	lock_release(&irl_peers->lock);
	return n;
}

static int is_there(const struct irl_peer *p)
{
	int there;

	lock_get(&irl_peers->lock);
	there = irl_peer_is_there(p);
	lock_release(&irl_peers->lock);
	return there;
}

/* To all that are there: messages to one that is not would pile up in tm, and
 * it asks for all when it is back. */
static void post_all(void)
{
	int i, n = count_peers(), len = used, begun = head;
	str to;

	for(i = 0; i < n; i++) {
		if(!is_there(&irl_peers->peer[i]))
			continue;
		to = irl_peer_name(&irl_peers->peer[i]);
		used = len;
		head = begun;
		post(&to);
	}
	used = head = 0;
}

void irl_replica_flush(void)
{
	if(used)
		post_all();
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
	if(!s->version)
		s->version = irl_said_version(irl_boot, number);
	s->kept |= IRL_NODES;
	return 1;
}

int irl_replica_gone(struct irl_session *s, int locked)
{
	static char text[IRL_BLOCK_MAX];
	struct irl_said_gone gone = {irl_text_get(&s->text, s->callid),
			irl_text_get(&s->text, s->from_tag),
			irl_text_get(&s->text, s->current->tag), s->taken};
	str value = {text, 0};

	if(used > MESSAGE_FULL && locked)
		return 0;
	if(used > MESSAGE_FULL)
		irl_replica_flush();
	begin();
	value.len = irl_said_put_gone(&gone, text, sizeof(text));
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

/* A message of a copy. */
static void begin_part(const struct irl_peer *p)
{
	begin();
	put_number("copy", p->copy_since);
	head = used;
}

static void end_part(struct irl_peer *p, const str *to)
{
	p->copy_sent += used > head;
	post(to);
}

/* The end of a copy: what is not in it is no more. */
static void end_copy(struct irl_peer *p, const str *to)
{
	begin_part(p);
	put_number("messages", p->copy_sent + 1);
	end_part(p, to);
}

/* Some messages of it. @return 1 when that was all */
static int copy_some(struct irl_peer *p, const str *to)
{
	int messages, n;

	for(messages = 0; messages < COPY_AT_ONCE; messages++) {
		begin_part(p);
		while(p->copy_slot < irl_store_slots()) {
			n = copy_slot(p->copy_slot, p->copy_skip);
			p->copy_skip = n < 0 ? 0 : n;
			if(n >= 0)
				break;
			p->copy_slot++;
		}
		end_part(p, to);
		if(p->copy_slot == irl_store_slots())
			return 1;
	}
	return 0;
}

/* None begins that says what we claim, and is without what we are taking over. */
static int is_turned(
		struct irl_peer *p, enum irl_copying from, enum irl_copying to)
{
	int turned;

	lock_get(&irl_peers->lock);
	turned = p->copying == from && !(to == IRL_COPY_GOES && irl_peers->taking);
	if(turned)
		p->copying = to;
	lock_release(&irl_peers->lock);
	return turned;
}

/* Nodes are only ever added: an entry stays where it is. */
static void copy_on(struct irl_peer *p)
{
	str to = irl_peer_name(p);

	irl_replica_flush();
	if(is_turned(p, IRL_COPY_ASKED, IRL_COPY_GOES)) {
		p->copy_slot = p->copy_skip = 0;
		p->copy_since = number + 1;
		p->copy_sent = 0;
	}
	if(p->copying != IRL_COPY_GOES || !copy_some(p, &to))
		return;
	end_copy(p, &to);
	/* unless it has asked again meanwhile */
	is_turned(p, IRL_COPY_GOES, IRL_COPY_NONE);
}

/* ---- once a second ------------------------------------------------------------------ */

/* Our own sessions that others know. */
static uint32_t count_own(void)
{
	struct irl_session *s;
	uint32_t hash, n = 0;
	int slot;

	for(slot = 0; slot < irl_store_slots(); slot++) {
		hash = irl_store_lock_slot(slot, &s);
		for(; s; s = s->next)
			n += !s->owner.len && (s->kept & IRL_NODES);
		irl_store_unlock(hash);
	}
	return n;
}

/* The copies of what a node has told since it began. */
static uint32_t count_copies(const str *owner, uint32_t boot)
{
	struct irl_session *s;
	uint32_t hash, n = 0;
	int slot;

	for(slot = 0; slot < irl_store_slots(); slot++) {
		hash = irl_store_lock_slot(slot, &s);
		for(; s; s = s->next)
			n += s->version >> 32 == boot && irl_is_of(s, owner);
		irl_store_unlock(hash);
	}
	return n;
}

static void hello(void)
{
	irl_replica_flush();
	begin();
	put_number("count", count_own());
	greet();
}

/* Copies and counts agree once nothing is on its way. */
static int differs(struct irl_peer *p, uint64_t now_ms)
{
	str name = irl_peer_name(p);

	if(!p->counted || p->counted != p->heard)
		return 0;
	if(!p->patience)
		p->patience = ASK_MS;
	if(count_copies(&name, p->boot) == p->count) {
		p->patience = ASK_MS;
		return 0;
	}
	if(now_ms <= p->asked_ms + p->patience)
		return 0;
	if(p->patience < ASK_MS_MAX)
		p->patience *= 2;
	return 1;
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

/* One that has begun is told at once what we claim. */
static int is_greeting_due(int n)
{
	int i, due = 0;

	for(i = 0; i < n; i++) {
		due |= irl_peers->peer[i].greet;
		irl_peers->peer[i].greet = 0;
	}
	return due;
}

void irl_replica_tick(uint64_t now_ms)
{
	static uint64_t next_hello, next_count;
	int i, n = count_peers(), compare = now_ms >= next_count;

	if(is_greeting_due(n) || now_ms >= next_hello) {
		hello();
		next_hello = now_ms + HELLO_MS;
	}
	if(compare)
		next_count = now_ms + ASK_MS;
	for(i = 0; i < n; i++) {
		struct irl_peer *p = &irl_peers->peer[i];

		if(p->ask || (compare && differs(p, now_ms)))
			ask(p, now_ms);
		if(p->copying)
			copy_on(p);
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replica_peer.h"

#include <string.h>
#include <time.h>

#include "core/dprint.h"
#include "core/parser/parse_content.h"

#include "index.h"
#include "row.h"
#include "store.h"
#include "worker.h"

/* ---- what is received --------------------------------------------------------------------- */

/* The session of a dialog; slot locked. */
static struct irl_session *find(uint32_t hash, const str *callid,
		const str *from_tag, const str *to_tag)
{
	struct irl_session *s = NULL;
	enum irl_leg_id leg;

	while((s = irl_store_next(hash, callid, s))) {
		if(irl_session_match(s, from_tag, to_tag, &leg))
			return s;
	}
	return NULL;
}

/* Is this copy newer than what it told before? Messages may overtake one
 * another; what it told before it was started anew is old. */
static int is_newer(const struct irl_session *old, const struct irl_said *h)
{
	return old->version >> 32 != h->boot || (uint32_t)old->version <= h->number;
}

/* Does what this node tells of a session count? Of two that say that it is
 * theirs, who took it over later is right; but what we release, we release. */
static int gives_way(
		const struct irl_session *old, const struct irl_said *h, uint32_t taken)
{
	if(irl_is_of(old, &h->node))
		return is_newer(old, h);
	return taken > old->taken
		   && (old->owner.len || irl_state_live((enum irl_state)old->state));
}

/* It has taken that one over, and we, cut off, ended it or are doing so. */
static int is_ended_here(const struct irl_session *s,
		const struct irl_session *old, const struct irl_said *h)
{
	struct irl_peer *p;
	int given_up;

	if(old && (old->owner.len || irl_state_live((enum irl_state)old->state)))
		return 0;
	lock_get(&irl_peers->lock);
	p = irl_peer_of(&h->node, 0);
	given_up = p && p->given_up && p->given_up == s->taken;
	lock_release(&irl_peers->lock);
	return given_up;
}

/* Have all told that it is gone. */
static int tell_gone(uint32_t hash, struct irl_session *s)
{
	if(irl_store_insert(hash, s))
		return -1;
	irl_store_own(s, (uint32_t)time(NULL));
	irl_store_erase(s);
	return 0;
}

static void insert(struct irl_session *s, const struct irl_said *h)
{
	str callid = irl_text_get(&s->text, s->callid);
	str from_tag = irl_text_get(&s->text, s->from_tag);
	str to_tag = irl_text_get(&s->text, s->current->tag);
	uint32_t hash = irl_store_lock(&callid);
	struct irl_session *old = find(hash, &callid, &from_tag, &to_tag);

	if(is_ended_here(s, old, h)) {
		if(tell_gone(hash, s) == 0)
			s = NULL;
		irl_store_unlock(hash);
		irl_session_free(s);
		return;
	}
	if(old && !gives_way(old, h, s->taken)) {
		irl_store_unlock(hash);
		irl_session_free(s);
		return;
	}
	if(old) {
		old->kept &= (uint8_t)~IRL_NODES; /* it is not gone */
		irl_store_erase(old);
	}
	if(irl_store_insert(hash, s) == 0) {
		irl_index_update(s, IRL_INDEX_ALL);
		s = NULL;
	}
	irl_store_unlock(hash);
	irl_session_free(s);
}

static void take_row(const struct irl_said *h, const str *record)
{
	const char *error;
	struct irl_session *s = irl_record_unpack(record, &irl_sockets, &error);

	if(!s || irl_text_set(&s->text, &s->owner, &h->node)) {
		LM_ERR("no copy of a session of %.*s: %s\n", h->node.len, h->node.s,
				s ? "out of memory" : error);
		irl_session_free(s);
		return;
	}
	s->version = irl_said_version(h->boot, h->number);
	insert(s, h);
}

static void take_gone(const struct irl_said *h, const str *value)
{
	struct irl_said_gone gone;
	struct irl_session *s;
	uint32_t hash;

	if(irl_said_gone(value, &gone))
		return;
	hash = irl_store_lock(&gone.callid);
	s = find(hash, &gone.callid, &gone.from_tag, &gone.tag);
	if(s && gives_way(s, h, gone.taken))
		irl_store_erase(s);
	irl_store_unlock(hash);
}

/* A whole copy is here: what it did not have is no more; but for what that
 * node has forgotten since it was started anew: nobody else has it. */
static void take_since(const struct irl_said *h, uint32_t since)
{
	struct irl_session *s, *next;
	uint32_t hash;
	int slot;

	for(slot = 0; slot < irl_store_slots(); slot++) {
		hash = irl_store_lock_slot(slot, &s);
		for(; s; s = next) {
			next = s->next;
			if(s->version >> 32 == h->boot && (uint32_t)s->version < since
					&& irl_is_of(s, &h->node))
				irl_store_erase(s);
		}
		irl_store_unlock(hash);
	}
}

/* A message of a copy has been taken. They overtake one another, and one may be
 * lost: then the counts differ, and the next copy makes good for it. */
static void take_copied(
		const struct irl_said *h, uint32_t copy, uint32_t messages)
{
	struct irl_peer *p;
	int whole = 0;

	lock_get(&irl_peers->lock);
	p = irl_peer_of(&h->node, 0);
	if(p && p->boot == h->boot && copy >= p->copy) {
		if(copy != p->copy)
			p->copy_here = p->copy_all = 0;
		p->copy = copy;
		p->copy_here++;
		if(messages)
			p->copy_all = messages;
		whole = p->copy_here == p->copy_all;
	}
	lock_release(&irl_peers->lock);
	if(whole)
		take_since(h, copy);
}

/* Had we told that node of it? After a start nobody knows: what is older. */
static int is_taken(const struct irl_session *s, const struct irl_said_claim *c)
{
	if(s->owner.len || !irl_state_live((enum irl_state)s->state))
		return 0;
	if(c->boot != irl_boot)
		return s->created <= c->at && s->taken < c->at;
	return s->version >> 32 == irl_boot && (uint32_t)s->version <= c->number;
}

/* Another node has taken our sessions over: those that it had then are its
 * own, but for what we are releasing. It tells which of them are left. */
static void give_up(const struct irl_said *h, const struct irl_said_claim *c)
{
	struct irl_session *s;
	uint32_t hash;
	long n = 0;
	int slot;

	for(slot = 0; slot < irl_store_slots(); slot++) {
		hash = irl_store_lock_slot(slot, &s);
		for(; s; s = s->next) {
			if(!is_taken(s, c) || irl_text_set(&s->text, &s->owner, &h->node))
				continue;
			/* a copy that began before this message may be without it */
			s->version = irl_said_version(h->boot, h->number);
			s->taken = c->at;
			irl_store_changed(s);
			n++;
		}
		irl_store_unlock(hash);
	}
	if(n)
		LM_NOTICE("%ld sessions were taken over by %.*s\n", n, h->node.len,
				h->node.s);
}

/* The newer of two claims holds, of two at once that of the greater name. */
static int holds(const struct irl_peer *p, const struct irl_said_claim *c)
{
	const str *ours = irl_replica_node();
	int len = p->name_len < ours->len ? p->name_len : ours->len;
	int order = memcmp(p->name, ours->s, (size_t)len);

	if(p->claimed.at != c->at)
		return p->claimed.at < c->at;
	return order ? order > 0 : p->name_len > ours->len;
}

static void take_claim(const struct irl_said *h, const str *value)
{
	struct irl_said_claim c;
	struct irl_peer *p;
	int news = 0;

	if(irl_said_claim(value, &c) || !irl_str_eq(&c.node, irl_replica_node()))
		return;
	lock_get(&irl_peers->lock);
	p = irl_peer_of(&h->node, 1);
	if(p && holds(p, &c)) {
		p->claimed.at = 0;
		news = p->heard_claim != c.at;
		p->heard_claim = c.at;
		/* from now on what it took over and we have not has ended here;
		 * after a start, what we have says nothing */
		p->given_up = c.boot == irl_boot ? c.at : 0;
		p->ask |= news;
	}
	lock_release(&irl_peers->lock);
	if(news)
		give_up(h, &c);
}

static void take_want(const struct irl_said *h)
{
	struct irl_peer *p;

	lock_get(&irl_peers->lock);
	p = irl_peer_of(&h->node, 1);
	if(p)
		p->copying = IRL_COPY_ASKED;
	lock_release(&irl_peers->lock);
}

/* Whatever a node says tells that it is there. */
static void note_peer(const struct irl_said *h)
{
	uint64_t now = irl_now_ms();
	struct irl_peer *p;

	lock_get(&irl_peers->lock);
	p = irl_peer_of(&h->node, 1);
	if(p) {
		if(p->boot != h->boot) {
			p->heard = p->counted = p->copy = 0;
			p->ask = p->greet = 1;
		} else if(!irl_peer_is_there(p)) {
			/* it has not been told either, and may not have noticed */
			p->ask = 1;
			p->copying = IRL_COPY_ASKED;
		}
		p->boot = h->boot;
		p->heard_ms = now;
		if(h->number > p->heard)
			p->heard = h->number;
	}
	lock_release(&irl_peers->lock);
}

static void note_count(const struct irl_said *h, uint32_t count)
{
	struct irl_peer *p;

	lock_get(&irl_peers->lock);
	p = irl_peer_of(&h->node, 1);
	if(p && h->number == p->heard) {
		p->counted = h->number;
		p->count = count;
	}
	lock_release(&irl_peers->lock);
}

static int is(const str *name, const char *word)
{
	return name->len == (int)strlen(word)
		   && !memcmp(name->s, word, (size_t)name->len);
}

/* What a message says of the copy that it is part of. */
struct part
{
	uint32_t copy, messages;
};

static void take_field(const struct irl_said *h, struct part *part,
		const str *name, const str *value)
{
	uint32_t n;

	if(is(name, "row"))
		take_row(h, value);
	else if(is(name, "gone"))
		take_gone(h, value);
	else if(is(name, "want"))
		take_want(h);
	else if(is(name, "claim"))
		take_claim(h, value);
	else if(is(name, "copy") && !irl_record_number(value, UINT32_MAX, &n))
		part->copy = n;
	else if(is(name, "messages") && !irl_record_number(value, UINT32_MAX, &n))
		part->messages = n;
	else if(is(name, "count") && !irl_record_number(value, UINT32_MAX, &n))
		note_count(h, n);
}

/* It is a node that DMQ knows, and the one it says it is. */
static int is_from(const dmq_node_t *from, const str *name)
{
	str uri = *name;

	return from && irl_dmq.find_dmq_node_uri(&uri) == from;
}

int irl_replica_hear(
		struct sip_msg *msg, peer_reponse_t *resp, dmq_node_t *from)
{
	static str ok = str_init("OK"), bad = str_init("Bad Request");
	str rest = {get_body(msg), 0}, name, value;
	struct part part = {0, 0};
	struct irl_said h;

	resp->resp_code = 400;
	resp->reason = bad;
	if(!rest.s || !msg->content_length)
		return 0;
	rest.len = get_content_length(msg);
	if(rest.len > (int)(msg->buf + msg->len - rest.s)
			|| irl_said_head(&rest, &h) < 0 || !is_from(from, &h.node))
		return 0;
	resp->resp_code = 200;
	resp->reason = ok;
	if(irl_str_eq(&h.node, irl_replica_node()))
		return 0;
	note_peer(&h);
	while(irl_record_next(&rest, &name, &value) > 0)
		take_field(&h, &part, &name, &value);
	if(part.copy)
		take_copied(&h, part.copy, part.messages);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replica_peer.h"

#include <string.h>

#include "core/dprint.h"
#include "core/parser/parse_content.h"

#include "index.h"
#include "row.h"
#include "store.h"
#include "worker.h"

/* ---- what is received --------------------------------------------------------------------- */

struct heard
{
	str node;
	uint32_t boot, number;
};

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

/* May this copy be put in place of what is there? Our own stays ours, and so
 * does what is newer. */
static int gives_way(const struct irl_session *old, const struct heard *h)
{
	return old->owner.len
		   && (!irl_is_of(old, &h->node) || old->version <= h->number);
}

static void insert(struct irl_session *s, const struct heard *h)
{
	str callid = irl_text_get(&s->text, s->callid);
	str from_tag = irl_text_get(&s->text, s->from_tag);
	str to_tag = irl_text_get(&s->text, s->current->tag);
	uint32_t hash = irl_store_lock(&callid);
	struct irl_session *old = find(hash, &callid, &from_tag, &to_tag);

	if(old && !gives_way(old, h)) {
		irl_store_unlock(hash);
		irl_session_free(s);
		return;
	}
	if(old)
		irl_store_erase(old);
	if(irl_store_insert(hash, s) == 0) {
		irl_index_update(s, IRL_INDEX_ALL);
		s = NULL;
	}
	irl_store_unlock(hash);
	irl_session_free(s);
}

static void take_row(const struct heard *h, const str *record)
{
	const char *error;
	struct irl_session *s = irl_record_unpack(record, &irl_sockets, &error);

	if(!s || irl_text_set(&s->text, &s->owner, &h->node)) {
		LM_ERR("no copy of a session of %.*s: %s\n", h->node.len, h->node.s,
				s ? "out of memory" : error);
		irl_session_free(s);
		return;
	}
	s->version = h->number;
	insert(s, h);
}

static void take_gone(const struct heard *h, str rest)
{
	str name, value, texts[3] = {{"", 0}, {"", 0}, {"", 0}};
	struct irl_session *s;
	uint32_t hash;
	int i;

	for(i = 0; i < 3 && irl_record_next(&rest, &name, &value) > 0; i++)
		texts[i] = value;
	if(i < 3)
		return;
	hash = irl_store_lock(&texts[0]);
	s = find(hash, &texts[0], &texts[1], &texts[2]);
	if(s && irl_is_of(s, &h->node) && s->version <= h->number)
		irl_store_erase(s);
	irl_store_unlock(hash);
}

/* A whole copy has ended: what it did not have is no more. */
static void take_since(const struct heard *h, uint32_t since)
{
	struct irl_session *s, *next;
	uint32_t hash;
	int slot;

	for(slot = 0; slot < irl_store_slots(); slot++) {
		hash = irl_store_lock_slot(slot, &s);
		for(; s; s = next) {
			next = s->next;
			if(irl_is_of(s, &h->node) && s->version < since)
				irl_store_erase(s);
		}
		irl_store_unlock(hash);
	}
}

/* Another node has taken our sessions over: those that we had then are its
 * own, but for what we are releasing. It tells which of them are left. */
static void give_up(const struct heard *h, uint32_t at)
{
	struct irl_session *s;
	uint32_t hash;
	long n = 0;
	int slot;

	for(slot = 0; slot < irl_store_slots(); slot++) {
		hash = irl_store_lock_slot(slot, &s);
		for(; s; s = s->next) {
			if(s->owner.len || s->created > at
					|| !irl_state_live((enum irl_state)s->state)
					|| irl_text_set(&s->text, &s->owner, &h->node))
				continue;
			s->version = 0;
			irl_store_changed(s);
			n++;
		}
		irl_store_unlock(hash);
	}
	if(n)
		LM_NOTICE("%ld sessions were taken over by %.*s\n", n, h->node.len,
				h->node.s);
}

/* "WHEN NODE". The newer of two claims holds. */
static void take_claim(const struct heard *h, const str *value)
{
	str name = *value, when = {value->s, 0};
	struct irl_peer *p;
	uint32_t at;
	int older;

	while(when.len < value->len && value->s[when.len] != ' ')
		when.len++;
	name.s += when.len + 1;
	name.len -= when.len + 1;
	if(name.len <= 0 || irl_record_number(&when, UINT32_MAX, &at)
			|| !irl_str_eq(&name, irl_replica_node()))
		return;
	lock_get(&irl_peers->lock);
	p = irl_peer_of(&h->node, 1);
	older = p && p->claimed > at;
	if(p && !older)
		p->claimed = 0;
	if(p && !older && p->given_up != at) {
		p->given_up = at;
		p->ask = 1;
	} else
		older = 1;
	lock_release(&irl_peers->lock);
	if(!older)
		give_up(h, at);
}

static void take_want(const struct heard *h)
{
	struct irl_peer *p;

	lock_get(&irl_peers->lock);
	p = irl_peer_of(&h->node, 1);
	if(p) {
		p->copy_slot = p->copy_skip = 0;
		p->copy_since = 0;
		p->copying = 1;
	}
	lock_release(&irl_peers->lock);
}

/* Whatever a node says tells that it is there. */
static void note_peer(const struct heard *h)
{
	uint64_t now = irl_now_ms();
	struct irl_peer *p;

	lock_get(&irl_peers->lock);
	p = irl_peer_of(&h->node, 1);
	if(p) {
		if(p->boot != h->boot) {
			p->heard = p->counted = 0;
			p->ask = 1;
		} else if(now - p->heard_ms > IRL_SILENCE_MS)
			p->ask = 1;
		p->boot = h->boot;
		p->heard_ms = now;
		if(h->number > p->heard)
			p->heard = h->number;
	}
	lock_release(&irl_peers->lock);
}

static void note_count(const struct heard *h, uint32_t count)
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

static int take_field(struct heard *h, const str *name, const str *value)
{
	uint32_t n;

	if(is(name, "row"))
		take_row(h, value);
	else if(is(name, "gone"))
		take_gone(h, *value);
	else if(is(name, "want"))
		take_want(h);
	else if(is(name, "claim"))
		take_claim(h, value);
	else if(is(name, "since") && !irl_record_number(value, UINT32_MAX, &n))
		take_since(h, n);
	else if(is(name, "count") && !irl_record_number(value, UINT32_MAX, &n))
		note_count(h, n);
	return 0;
}

/* Who speaks: the first three fields. @return 0 or -1 */
static int take_head(str *rest, struct heard *h)
{
	str name, boot_text, number_text;

	if(irl_record_next(rest, &name, &h->node) <= 0 || !is(&name, "node")
			|| !h->node.len || h->node.len > IRL_NODE_NAME_MAX
			|| irl_record_next(rest, &name, &boot_text) <= 0
			|| irl_record_number(&boot_text, UINT32_MAX, &h->boot)
			|| irl_record_next(rest, &name, &number_text) <= 0)
		return -1;
	return irl_record_number(&number_text, UINT32_MAX, &h->number);
}

int irl_replica_hear(
		struct sip_msg *msg, peer_reponse_t *resp, dmq_node_t *from)
{
	static str ok = str_init("OK"), bad = str_init("Bad Request");
	str rest = {get_body(msg), 0}, name, value;
	struct heard h;

	resp->resp_code = 400;
	resp->reason = bad;
	if(!rest.s || !msg->content_length)
		return 0;
	rest.len = get_content_length(msg);
	if(rest.len > (int)(msg->buf + msg->len - rest.s)
			|| take_head(&rest, &h) < 0)
		return 0;
	resp->resp_code = 200;
	resp->reason = ok;
	if(irl_str_eq(&h.node, irl_replica_node()))
		return 0;
	note_peer(&h);
	while(irl_record_next(&rest, &name, &value) > 0)
		take_field(&h, &name, &value);
	return 0;
}

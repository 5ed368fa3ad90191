/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replica.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/dprint.h"
#include "core/locking.h"
#include "core/mem/shm_mem.h"
#include "core/parser/parse_content.h"
#include "core/rand/kam_rand.h"
#include "core/sr_module.h"
#include "modules/dmq/bind_dmq.h"

#include "index.h"
#include "params.h"
#include "row.h"
#include "store.h"
#include "worker.h"

/* A message is sent above this, and has room for the longest record. */
#define MESSAGE_FULL 8192
#define MESSAGE_MAX (MESSAGE_FULL + IRL_RECORD_MAX + 1024)

/* Messages of a full copy a tick. */
#define COPY_AT_ONCE 40

#define HELLO_MS 1000
/* A node not heard of for so long may have missed something, or we have. */
#define SILENCE_MS 3500
/* Between two questions for all, and two comparisons of the counts. */
#define ASK_MS 5000

#define NODES_MAX 16
#define NAME_MAX_LEN 128

/* What is known of another node. */
struct peer
{
	char name[NAME_MAX_LEN];
	int name_len;
	uint32_t boot;			 /* another one: it has begun anew */
	uint32_t heard;			 /* number of its newest message */
	uint32_t count, counted; /* its sessions, when that was its newest */
	uint64_t heard_ms, asked_ms;
	int ask; /* for all of its sessions */
	/* it has asked for ours: where the copy goes on, its first message */
	int copying, copy_slot, copy_skip;
	uint32_t copy_since;
	uint32_t claimed;  /* we took its sessions over then; 0: never */
	uint32_t given_up; /* and it ours */
};

static struct shared
{
	gen_lock_t lock;
	int npeers;
	struct peer peer[NODES_MAX];
} * shared;

static dmq_api_t dmq;
static dmq_peer_t *self;
static str node;
static uint32_t boot;

/* The message being written: the keeping process's own. */
static char message[MESSAGE_MAX];
static int used, head;
static uint32_t number;

static str content_type = str_init("application/x-ims-release");

const str *irl_replica_node(void)
{
	return &node;
}

/* ---- nodes ------------------------------------------------------------------------ */

/* Locked. @return NULL when there are too many */
static struct peer *peer_of(const str *name, int make)
{
	struct peer *p;

	for(p = shared->peer; p < shared->peer + shared->npeers; p++) {
		if(p->name_len == name->len
				&& !memcmp(p->name, name->s, (size_t)name->len))
			return p;
	}
	if(!make || shared->npeers == NODES_MAX || name->len > NAME_MAX_LEN)
		return NULL;
	shared->npeers++;
	memset(p, 0, sizeof(*p));
	memcpy(p->name, name->s, (size_t)name->len);
	p->name_len = name->len;
	return p;
}

static str name_of(const struct peer *p)
{
	str name = {(char *)p->name, p->name_len};

	return name;
}

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
	put("node", &node);
	put_number("boot", boot);
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
			dmq.bcast_message(self, &body, NULL, &on_answer, 1, &content_type);
		else {
			uri = *to;
			there = dmq.find_dmq_node_uri(&uri);
			if(there)
				dmq.send_message(
						self, &body, there, &on_answer, 1, &content_type);
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
static void copy_on(struct peer *p)
{
	str to = name_of(p);
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
	char text[NAME_MAX_LEN + 64];
	str value = {text, 0}, name;
	struct peer *p;

	lock_get(&shared->lock);
	for(p = shared->peer; p < shared->peer + shared->npeers; p++) {
		if(!p->claimed)
			continue;
		name = name_of(p);
		value.len = snprintf(
				text, sizeof(text), "%u %.*s", p->claimed, name.len, name.s);
		put("claim", &value);
	}
	lock_release(&shared->lock);
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
static int differs(struct peer *p, uint64_t now_ms)
{
	str name = name_of(p);

	return p->counted && p->counted == p->heard && now_ms > p->asked_ms + ASK_MS
		   && count_of(&name) != p->count;
}

static void ask(struct peer *p, uint64_t now_ms)
{
	str to = name_of(p);

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
	lock_get(&shared->lock);
	n = shared->npeers;
	lock_release(&shared->lock);
	for(i = 0; i < n; i++) {
		struct peer *p = &shared->peer[i];

		if(p->ask || (compare && differs(p, now_ms)))
			ask(p, now_ms);
		if(p->copying)
			copy_on(p);
	}
}

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

static int is_of(const struct irl_session *s, const str *owner)
{
	str have = irl_text_get(&s->text, s->owner);

	return irl_str_eq(&have, owner);
}

/* May this copy be put in place of what is there? Our own stays ours, and so
 * does what is newer. */
static int gives_way(const struct irl_session *old, const struct heard *h)
{
	return old->owner.len
		   && (!is_of(old, &h->node) || old->version <= h->number);
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
		irl_index_update(s);
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
	if(s && is_of(s, &h->node) && s->version <= h->number)
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
			if(is_of(s, &h->node) && s->version < since)
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
	struct peer *p;
	uint32_t at;
	int older;

	while(when.len < value->len && value->s[when.len] != ' ')
		when.len++;
	name.s += when.len + 1;
	name.len -= when.len + 1;
	if(name.len <= 0 || irl_record_number(&when, UINT32_MAX, &at)
			|| !irl_str_eq(&name, &node))
		return;
	lock_get(&shared->lock);
	p = peer_of(&h->node, 1);
	older = p && p->claimed > at;
	if(p && !older)
		p->claimed = 0;
	if(p && !older && p->given_up != at) {
		p->given_up = at;
		p->ask = 1;
	} else
		older = 1;
	lock_release(&shared->lock);
	if(!older)
		give_up(h, at);
}

static void take_want(const struct heard *h)
{
	struct peer *p;

	lock_get(&shared->lock);
	p = peer_of(&h->node, 1);
	if(p) {
		p->copy_slot = p->copy_skip = 0;
		p->copy_since = 0;
		p->copying = 1;
	}
	lock_release(&shared->lock);
}

/* Whatever a node says tells that it is there. */
static void note_peer(const struct heard *h)
{
	uint64_t now = irl_now_ms();
	struct peer *p;

	lock_get(&shared->lock);
	p = peer_of(&h->node, 1);
	if(p) {
		if(p->boot != h->boot) {
			p->heard = p->counted = 0;
			p->ask = 1;
		} else if(now - p->heard_ms > SILENCE_MS)
			p->ask = 1;
		p->boot = h->boot;
		p->heard_ms = now;
		if(h->number > p->heard)
			p->heard = h->number;
	}
	lock_release(&shared->lock);
}

static void note_count(const struct heard *h, uint32_t count)
{
	struct peer *p;

	lock_get(&shared->lock);
	p = peer_of(&h->node, 1);
	if(p && h->number == p->heard) {
		p->counted = h->number;
		p->count = count;
	}
	lock_release(&shared->lock);
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
			|| !h->node.len || h->node.len > NAME_MAX_LEN
			|| irl_record_next(rest, &name, &boot_text) <= 0
			|| irl_record_number(&boot_text, UINT32_MAX, &h->boot)
			|| irl_record_next(rest, &name, &number_text) <= 0)
		return -1;
	return irl_record_number(&number_text, UINT32_MAX, &h->number);
}

static int take_message(
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
	if(irl_str_eq(&h.node, &node))
		return 0;
	note_peer(&h);
	while(irl_record_next(&rest, &name, &value) > 0)
		take_field(&h, &name, &value);
	return 0;
}

/* ---- start, takeover ---------------------------------------------------------------------- */

long irl_replica_takeover(const str *name)
{
	static const str nobody = {"", 0};
	struct irl_session *s;
	struct peer *p;
	uint32_t hash;
	long n = 0;
	int slot;

	if(!shared || irl_str_eq(name, &node))
		return -1;
	lock_get(&shared->lock);
	p = peer_of(name, 0);
	if(p)
		p->claimed = (uint32_t)time(NULL);
	lock_release(&shared->lock);
	if(!p)
		return -1;
	for(slot = 0; slot < irl_store_slots(); slot++) {
		hash = irl_store_lock_slot(slot, &s);
		for(; s; s = s->next) {
			if(!is_of(s, name))
				continue;
			irl_text_set(&s->text, &s->owner, &nobody);
			irl_store_changed(s);
			n++;
		}
		irl_store_unlock(hash);
	}
	irl_row_resume();
	return n;
}

/* The name by which other nodes know this one. */
static int find_name(void)
{
	struct sr_module *mod = find_module_by_name("dmq");
	modparam_t type;
	str *address =
			mod ? find_param_export(mod, "server_address", PARAM_STR, &type)
				: NULL;

	if(!address || !address->len || address->len > NAME_MAX_LEN)
		return -1;
	node = *address;
	return 0;
}

int irl_replica_init(void)
{
	dmq_peer_t peer = {.peer_id = str_init("ims_release"),
			.description = str_init("sessions of ims_release"),
			.callback = take_message};

	if(!irl_params.replicate)
		return 0;
	if(find_name() < 0 || dmq_load_api(&dmq) < 0) {
		LM_ERR("parameter replicate needs module dmq with its server_address: "
			   "load it before ims_release\n");
		return -1;
	}
	shared = shm_malloc(sizeof(*shared));
	if(!shared) {
		SHM_MEM_ERROR;
		return -1;
	}
	memset(shared, 0, sizeof(*shared));
	lock_init(&shared->lock);
	boot = (uint32_t)kam_rand() ^ (uint32_t)time(NULL);
	self = dmq.register_dmq_peer(&peer);
	if(!self) {
		LM_ERR("no peer of dmq\n");
		return -1;
	}
	irl_store_follow(IRL_NODES);
	return 0;
}

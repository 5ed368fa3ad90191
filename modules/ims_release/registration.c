/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "registration.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/dprint.h"
#include "core/parser/contact/parse_contact.h"
#include "core/parser/parse_expires.h"
#include "core/parser/parse_to.h"
#include "core/script_cb.h"
#include "core/ut.h"

#include "job.h"
#include "params.h"
#include "reg_notes.h"
#include "registrar.h"
#include "store.h"
#include "worker.h"

/* Each session is looked at once in so many ticks; so many at most in one. */
#define TICK_MS 100
#define TICKS 10
#define TICK_SESSIONS 2000

/* From the REGISTER that ends a registration to its end: the HSS is asked. */
#define NOTE_AGE 10

/* Private identities that one walk over the sessions looks for. */
#define IDENTITIES 64

enum how
{
	NOTHING_SEEN = 0,
	USER_SEEN,
	CONTACT_SEEN,
	END_SEEN /* and `release_on` does not name it */
};

/* ---- what users send ---------------------------------------------------------- */

static int expires_of(struct sip_msg *msg)
{
	if(!msg->expires || parse_expires(msg->expires) < 0)
		return -1;
	return (int)((exp_body_t *)msg->expires->parsed)->val;
}

static int is_removed(const contact_t *c, int expires)
{
	unsigned int n;
	str value;

	if(!c->expires)
		return expires == 0;
	value = c->expires->body;
	return str2int(&value, &n) == 0 && n == 0;
}

/* Before the script, for each request: a REGISTER that takes contacts away. */
static int on_request(struct sip_msg *msg, unsigned int flags, void *param)
{
	contact_body_t *body;
	int expires, removed = 0;
	contact_t *c;

	if(msg->REQ_METHOD != METHOD_REGISTER
			|| parse_headers(msg, HDR_EOH_F, 0) < 0 || !msg->contact
			|| parse_contact(msg->contact) < 0 || parse_to_header(msg) < 0)
		return 1;
	expires = expires_of(msg);
	body = (contact_body_t *)msg->contact->parsed;
	for(c = body->contacts; c; c = c->next) {
		if(!is_removed(c, expires))
			continue;
		irl_reg_note(&c->uri, IRL_END_UNREGISTERED);
		removed = 1;
	}
	if(removed || body->star)
		irl_reg_note(&get_to(msg)->uri, IRL_END_UNREGISTERED);
	return 1;
}

/* ---- one session -------------------------------------------------------------- */

/* What a leg depends on, copied out of the record. */
struct user
{
	int served;
	char impu_buf[IRL_ADDRESS_MAX], address_buf[IRL_ADDRESS_MAX];
	str impu, address;
	struct irl_watch watch;
};

/* Private identities taken away before this walk began. */
static struct irl_reg_identity identities[IDENTITIES];
static int nidentities;

/* Slot locked. */
static void copy_user(
		const struct irl_session *s, enum irl_leg_id leg, struct user *u)
{
	str impu = irl_session_user(s, leg);
	str address = irl_text_get(&s->text, s->bound[leg]);

	u->address.s = u->address_buf;
	if(!address.len)
		address = irl_session_target(s, s->current, leg);
	u->watch = s->watch[leg];
	u->served = irl_address_copy(&impu, u->impu_buf, &u->impu) == 0;
	/* until he answers, that of a called user is not known */
	if(irl_address_copy(&address, u->address_buf, &u->address) != 0)
		u->address.len = 0;
}

/* @return 0, or -1 when the session is none of ours to release */
static int copy_users(uint64_t id, struct user users[IRL_LEGS])
{
	struct irl_session *s = irl_store_get(id);
	int ours, i;

	if(!s)
		return -1;
	ours = irl_state_live((enum irl_state)s->state) && !s->owner.len;
	for(i = 0; ours && i < IRL_LEGS; i++)
		copy_user(s, (enum irl_leg_id)i, &users[i]);
	irl_store_unlock(s->hash);
	return ours ? 0 : -1;
}

static void store_watches(uint64_t id, const struct user users[IRL_LEGS])
{
	struct irl_session *s = irl_store_get(id);
	int i;

	if(!s)
		return;
	for(i = 0; i < IRL_LEGS; i++)
		s->watch[i] = users[i].watch;
	irl_store_unlock(s->hash);
}

/* The reason by which the whole private identity was taken away, or -1. */
static int identity_end(const struct irl_binding *b)
{
	const struct irl_reg_identity *i;

	for(i = identities; i < identities + nidentities; i++) {
		if(i->len == b->identity_len
				&& memcmp(i->text, b->identity, (size_t)i->len) == 0)
			return (int)i->end;
	}
	return -1;
}

/* A binding that has been there is there no more. One that nobody has seen is
 * not missed, but for a contact that the registrar itself calls removed. */
static int is_gone(const struct irl_watch *w, const struct irl_binding *b)
{
	switch(b->bound) {
		case IRL_BOUND:
			return 0;
		case IRL_REMOVED:
		case IRL_ALL_REMOVED:
			return 1;
		case IRL_USER_BOUND:
			return w->how == CONTACT_SEEN;
		default:
			return w->how == USER_SEEN || w->how == CONTACT_SEEN;
	}
}

static enum irl_reg_end why_gone(
		const struct user *u, const struct irl_binding *b, uint32_t now)
{
	uint32_t expires = b->bound == IRL_REMOVED || b->bound == IRL_ALL_REMOVED
							   ? (uint32_t)b->expires
							   : u->watch.expires;
	uint32_t since = u->watch.seen ? u->watch.seen - NOTE_AGE : now - NOTE_AGE;
	int end = irl_reg_noted(&u->impu, &u->address, since);

	if(end >= 0)
		return (enum irl_reg_end)end;
	return expires && expires <= now ? IRL_END_EXPIRED : IRL_END_TERMINATED;
}

/* Look at one user of a session. @return how his registration ended, -1: has
 * not, or is nothing that releases */
static int look_at(struct user *u, uint32_t now)
{
	uint32_t address = irl_address_hash(&u->address) & 0xffffff;
	struct irl_watch *w = &u->watch;
	struct irl_binding b;
	int end;

	memset(&b, 0, sizeof(b));
	irl_registrar()->look(&u->impu, &u->address, &b);
	/* the user agent has moved in mid-session: known anew */
	if(w->address != address) {
		memset(w, 0, sizeof(*w));
		w->address = address;
	}
	end = nidentities ? identity_end(&b) : -1;
	if(end < 0 && is_gone(w, &b)) {
		if(w->how == END_SEEN)
			return -1;
		end = (int)why_gone(u, &b, now);
	}
	if(end >= 0) {
		w->how = END_SEEN;
		return irl_reg_event_of((enum irl_reg_end)end)
							   & irl_params.release_on_events
					   ? end
					   : -1;
	}
	if(b.bound == IRL_BOUND || b.bound == IRL_USER_BOUND) {
		w->how = b.bound == IRL_BOUND ? CONTACT_SEEN : USER_SEEN;
		w->seen = now;
		w->expires = (uint32_t)b.expires;
	}
	return -1;
}

static int look_at_session(uint64_t id, uint32_t now)
{
	struct user users[IRL_LEGS];
	int i, end = -1;

	if(copy_users(id, users) < 0)
		return -1;
	for(i = 0; i < IRL_LEGS; i++) {
		if(!users[i].served)
			continue;
		end = end < 0 ? look_at(&users[i], now) : end;
	}
	store_watches(id, users);
	return end;
}

/* ---- all of them, in turn ------------------------------------------------------ */

/* Sessions found in this tick, by what released them: a job each. */
static struct found
{
	uint64_t *id;
	long count, size;
} found[IRL_REG_ENDS];

static void take_down(struct found *f, uint64_t id)
{
	long size = f->size ? 2 * f->size : 64;
	uint64_t *more;

	if(f->count == f->size) {
		more = realloc(f->id, (size_t)size * sizeof(*more));
		if(!more) {
			LM_ERR("out of memory: session not released\n");
			return;
		}
		f->id = more;
		f->size = size;
	}
	f->id[f->count++] = id;
}

static void release_found(void)
{
	struct irl_selector sel = {.kind = IRL_SEL_REGISTRATION};
	struct irl_reason reason = {.cause = irl_params.release_on_cause,
			.others = irl_params.default_reason};
	enum irl_reg_end end;
	int i;

	for(i = 0; i < IRL_REG_ENDS; i++) {
		if(!found[i].count)
			continue;
		end = (enum irl_reg_end)i;
		sel.value.s = (char *)irl_reg_event_name(end);
		sel.value.len = (int)strlen(sel.value.s);
		reason.text.s = (char *)irl_reg_text(end);
		reason.text.len = (int)strlen(reason.text.s);
		irl_job_start(&sel, found[i].id, found[i].count, &reason);
		found[i].count = 0;
	}
}

/* The next ids of a slot, from number `from` on. @return how many */
static int ids_of(int slot, int from, uint64_t *ids, int size)
{
	struct irl_session *s;
	uint32_t hash = irl_store_lock_slot(slot, &s);
	int n = 0;

	for(; s && from; from--)
		s = s->next;
	for(; s && n < size; s = s->next)
		ids[n++] = s->id;
	irl_store_unlock(hash);
	return n;
}

static int look_at_slot(int slot, uint32_t now)
{
	uint64_t ids[64];
	int n, i, end, from = 0;

	do {
		n = ids_of(slot, from, ids, 64);
		for(i = 0; i < n; i++) {
			end = look_at_session(ids[i], now);
			if(end >= 0)
				take_down(&found[end], ids[i]);
		}
		from += n;
	} while(n == 64);
	return from;
}

/* A tenth of the slots, fewer when they are full. */
static void look_at_some(void)
{
	static int slot;
	uint32_t now = (uint32_t)time(NULL);
	int sessions = 0, slots = irl_store_slots(), n = slots / TICKS + 1;

	for(; n && sessions < TICK_SESSIONS; n--) {
		if(!slot)
			nidentities = irl_reg_identities(identities, IDENTITIES);
		sessions += look_at_slot(slot, now);
		slot = (slot + 1) % slots;
	}
	release_found();
}

int irl_registration_run(uint64_t now_ms, int wait)
{
	static uint64_t next;

	if(!irl_params.release_on_events)
		return wait;
	if(now_ms >= next) {
		next = now_ms + TICK_MS;
		look_at_some();
	}
	return wait < (int)(next - now_ms) ? wait : (int)(next - now_ms);
}

/* ---- start and end --------------------------------------------------------------- */

int irl_registration_init(void)
{
	if(!irl_params.release_on_events)
		return 0;
	if(irl_reg_notes_init() < 0)
		return -1;
	return register_script_cb(on_request, PRE_SCRIPT_CB | REQUEST_CB, NULL);
}

int irl_registration_ready(void)
{
	return irl_params.release_on_events ? irl_reg_rtr_init() : 0;
}

void irl_registration_destroy(void)
{
	irl_reg_notes_destroy();
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "registration.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/dprint.h"

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

/* Private identities that one walk over the sessions looks for. */
#define IDENTITIES 64

enum how
{
	NOTHING_SEEN = 0,
	USER_SEEN,
	CONTACT_SEEN,
	END_SEEN /* and `release_on` does not name it */
};

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

/* @return how, or -1: it is told at the next look. A registrar takes a binding
 * away before it answers the REGISTER, and only what was granted is noted. */
static int why_gone(struct user *u, const struct irl_binding *b, uint32_t now)
{
	struct irl_watch *w = &u->watch;
	uint32_t expires = b->bound == IRL_REMOVED || b->bound == IRL_ALL_REMOVED
							   ? (uint32_t)b->expires
							   : w->expires;
	int end = irl_reg_noted(&u->impu, &u->address, w->seen);

	if(end >= 0)
		return end;
	if(!w->missed && (!w->expires || w->expires > now)) {
		w->missed = 1;
		return -1;
	}
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
		end = why_gone(u, &b, now);
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
		w->missed = 0;
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
	return irl_reg_notes_init() < 0 ? -1 : irl_reg_register_init();
}

int irl_registration_ready(void)
{
	return irl_params.release_on_events ? irl_reg_rtr_init() : 0;
}

void irl_registration_destroy(void)
{
	irl_reg_notes_destroy();
}

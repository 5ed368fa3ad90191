/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "release.h"

#include <string.h>
#include <time.h>

#include "core/dprint.h"

#include "own.h"
#include "store.h"
#include "worker.h"

void irl_release_event(struct irl_session *s, enum irl_event ev)
{
	enum irl_state before = (enum irl_state)s->state;
	int actions = irl_session_event(s, ev);

	if(actions < 0) {
		LM_DBG("event %s refused in state %s\n", irl_event_label(ev),
				irl_state_label(before));
		return;
	}
	irl_store_state_changed(before, (enum irl_state)s->state);
	irl_store_changed(s);
	if(s->release)
		s->release->todo |= (uint32_t)(actions & ~IRL_DO_ERASE);
}

void irl_release_unlock(struct irl_session *s)
{
	uint32_t hash = s->hash;
	uint64_t id = s->id;
	int due = (s->release && s->release->todo) || s->gruus;

	if(s->state == IRL_GONE) {
		irl_store_erase(s);
		due = 0;
	}
	irl_store_unlock(hash);
	if(due)
		irl_worker_post(id);
}

int irl_release_is_own(
		struct irl_session *s, enum irl_leg_id from, struct sip_msg *msg)
{
	enum irl_leg_id to = from == IRL_CALLER ? IRL_CALLEE : IRL_CALLER;
	struct irl_leg_release *l;
	struct irl_extra_bye *extra;

	if(!s->release)
		return 0;
	l = &s->release->leg[to];
	if(l->status == IRL_BYE_SENT && irl_own_comes_by(&l->own, msg))
		return 1;
	for(extra = s->release->extra; extra; extra = extra->next) {
		if(irl_own_comes_by(&extra->own, msg))
			return 1;
	}
	return 0;
}

static struct irl_release *new_release(
		const struct irl_reason *reason, uint32_t job)
{
	struct irl_release *r = irl_mem.alloc(sizeof(*r));

	if(!r) {
		LM_ERR("out of memory: session not released\n");
		return NULL;
	}
	memset(r, 0, sizeof(*r));
	r->cause = (uint16_t)reason->cause;
	r->job = job;
	r->todo = IRL_DO_ANNOUNCE;
	r->text_len = (uint8_t)reason->text.len;
	memcpy(r->text, reason->text.s, (size_t)reason->text.len);
	r->others_len = (uint8_t)reason->others.len;
	memcpy(r->others, reason->others.s, (size_t)reason->others.len);
	return r;
}

enum irl_trigger irl_release_trigger(
		uint64_t id, const struct irl_reason *reason, uint32_t job)
{
	struct irl_release *r = new_release(reason, job);
	enum irl_trigger result = IRL_STARTED;
	struct irl_session *s;

	if(!r)
		return IRL_NO_MEMORY;
	s = irl_store_get(id);
	if(!s || !irl_state_live((enum irl_state)s->state)) {
		result = s && irl_state_releasing((enum irl_state)s->state)
						 ? IRL_UNDER_WAY
						 : IRL_NO_SESSION;
		irl_mem.release(r);
	} else {
		/* its traffic comes here */
		irl_store_own(s, (uint32_t)time(NULL));
		s->release = r;
		irl_release_event(s, IRL_EV_TRIGGER);
	}
	if(s)
		irl_release_unlock(s);
	return result;
}

void irl_release_together(
		struct irl_session *s, const struct irl_release *sibling)
{
	const struct irl_reason reason = irl_release_reason(sibling);

	s->release = new_release(&reason, 0);
	if(!s->release)
		return;
	irl_release_event(s, IRL_EV_TRIGGER);
	irl_worker_post(s->id);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture_now.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "core/dprint.h"

#include "gruu.h"
#include "index.h"
#include "params.h"
#include "release.h"
#include "stats.h"
#include "store.h"
#include "worker.h"

static void irl_invite_watch(struct sip_msg *msg)
{
	irl_watch(msg, TMCB_RESPONSE_IN, irl_on_invite_response, irl_now.pass);
}

/* The pass that `msg` makes; slot locked. */
static void add_pass(struct irl_session *s, struct sip_msg *msg, int nroutes)
{
	struct irl_pass pass = {.in = msg->rcv.bind_address,
			.key = irl_msg_request_key(msg),
			.nroutes = (uint16_t)nroutes,
			.guessed = (uint8_t)(irl_params.served ? irl_params.served
												   : irl_msg_guess_side(msg))};
	str called;

	irl_now.id = s->id;
	irl_now.pass = irl_session_add_pass(s, &pass);
	if(irl_now.said)
		irl_session_serve(s, irl_now.pass, irl_now.said, &irl_now.impu);
	else if(irl_now.pass && pass.guessed == IRL_TERM) {
		/* he is served beside the calling user */
		called = irl_msg_impu(msg, IRL_TERM);
		irl_text_set(&s->text, &s->called_impu, &called);
	}
	irl_index_update(s, IRL_INDEX_ALL);
}

/* The next session of this INVITE after `s`; slot locked. A new INVITE with the
 * old Call-ID and tag, after a 407 for instance, has another CSeq. */
static struct irl_session *next_of_invite(uint32_t hash,
		const struct irl_msg_key *key, uint32_t cseq, struct irl_session *s)
{
	str tag;

	while((s = irl_store_next(hash, &key->callid, s))) {
		tag = irl_text_get(&s->text, s->from_tag);
		if(s->invite_cseq == cseq + 1 && irl_str_eq(&tag, &key->from_tag))
			break;
	}
	return s;
}

/* Record-Routes of an INVITE: that they are too many, or malformed, is no
 * reason not to release what it begins. */
static int count_routes(struct sip_msg *msg)
{
	str routes[IRL_ROUTES_MAX];
	int n = irl_msg_routes(msg, routes);

	return n < 0 ? IRL_ROUTES_UNKNOWN : n;
}

/* The INVITE has been here: who sent it the first time is among its Vias. A copy
 * that was forked on its way here came by another branch. */
static int is_pass_of(const struct irl_session *s, struct sip_msg *msg)
{
	return !s->pass[0].key || irl_msg_has_via(msg, s->pass[0].key);
}

enum relation
{
	UNRELATED,
	PASS,	/* of a session; joined, if that is early */
	SIBLING /* another branch of the INVITE of a session */
};

static enum relation join_session(
		struct sip_msg *msg, const struct irl_msg_key *key)
{
	uint32_t cseq = irl_msg_invite_cseq(msg);
	int nroutes = count_routes(msg);
	uint32_t hash = irl_store_lock(&key->callid);
	struct irl_session *s = NULL;
	enum relation relation = UNRELATED;

	while(relation != PASS && (s = next_of_invite(hash, key, cseq, s)))
		relation = is_pass_of(s, msg) ? PASS : SIBLING;
	if(relation == PASS && s->state == IRL_EARLY)
		add_pass(s, msg, nroutes);
	irl_store_unlock(hash);
	return relation;
}

static void refuse(const struct sip_msg *msg, const char *why)
{
	static time_t last;
	time_t t = time(NULL);

	irl_stat_inc(refused_sessions);
	if(t != last)
		LM_WARN("session not recorded: %s, Call-ID %.*s\n", why,
				msg->callid ? msg->callid->body.len : 0,
				msg->callid ? msg->callid->body.s : "");
	last = t;
}

static struct irl_session *new_session(
		const struct irl_invite *inv, const char **why)
{
	struct irl_session *s = irl_session_new(inv);
	int len = inv->callid.len + inv->from.len + inv->from_tag.len + inv->to.len
			  + inv->contact.len + inv->impu.len + inv->icid.len;

	if(!s)
		*why = len > IRL_BLOCK_MAX ? "more than 32768 bytes of text"
								   : "out of memory";
	return s;
}

/* @param why out: the reason for NULL */
static struct irl_session *record_of(struct sip_msg *msg, const char **why)
{
	struct irl_invite inv = {.impu = irl_now.impu};
	struct irl_msg_key key;
	enum irl_side side = irl_now.said;
	str from, to;

	*why = "From or To malformed or above 8192 bytes";
	if(irl_msg_key(msg, &key) != 0)
		return NULL;
	from = irl_msg_from(msg);
	to = irl_msg_to(msg);
	if(irl_untag(&from, 0, &inv.from) != 0 || irl_untag(&to, 1, &inv.to) != 0)
		return NULL;
	if(!side)
		side = irl_params.served ? (enum irl_side)irl_params.served
								 : irl_msg_guess_side(msg);
	if(!inv.impu.len)
		inv.impu = irl_msg_impu(msg, side);
	inv.callid = key.callid;
	inv.from_tag = key.from_tag;
	inv.cseq = irl_msg_invite_cseq(msg);
	inv.contact = irl_msg_contact(msg);
	inv.icid = irl_msg_icid(msg);
	return new_session(&inv, why);
}

/* @return 0 or -1 */
static int begin_session(struct sip_msg *msg, int hosted)
{
	struct irl_session *s;
	const char *why;
	uint32_t hash;
	str callid;
	int err, gruu = 0;

	s = record_of(msg, &why);
	if(!s) {
		refuse(msg, why);
		return -1;
	}
	s->created = (uint32_t)time(NULL);
	s->hosted = (uint8_t)hosted;
	callid = irl_text_get(&s->text, s->callid);
	hash = irl_store_lock(&callid);
	err = irl_store_insert(hash, s);
	if(err == 0) {
		add_pass(s, msg, count_routes(msg));
		irl_gruu_note(s, 1u << IRL_CALLER);
		gruu = s->gruus;
	}
	irl_store_unlock(hash);
	if(err) {
		irl_session_free(s);
		refuse(msg, "max_sessions reached");
		return -1;
	}
	if(gruu)
		irl_worker_post(irl_now.id);
	if(irl_now.reason.cause)
		irl_release_trigger(irl_now.id, &irl_now.reason, 0);
	return 0;
}

/* tm: a final response to an INVITE that no dialog module may follow. */
static void on_invite_failed(
		struct cell *t, int type, struct tmcb_params *params)
{
	struct irl_session *s;

	if(params->code < 300)
		return;
	s = irl_store_get(irl_unpack(params->param, NULL));
	if(!s)
		return;
	if(!s->hosted)
		irl_capture_failed(s);
	irl_release_unlock(s);
}

/* The dialog modules have one record for all branches of an INVITE: a second
 * one is a session that we follow alone. */
static void find_session(struct sip_msg *msg)
{
	struct irl_msg_key key;

	if(irl_msg_key(msg, &key) == 0 && join_session(msg, &key) == SIBLING
			&& begin_session(msg, 0) == 0)
		irl_watch(msg, TMCB_RESPONSE_OUT, on_invite_failed, 0);
}

/* A transaction of an initial INVITE: of the session just made, of one that is
 * there, or of a sibling of that. */
void irl_invite_join(struct sip_msg *msg)
{
	if(!irl_now.id)
		find_session(msg);
	if(irl_now.id)
		irl_invite_watch(msg);
}

void irl_invite_relayed(struct sip_msg *msg)
{
	struct irl_session *s = irl_store_get(irl_now.id);

	if(!s)
		return;
	s->invite = irl_transaction_id_now(msg);
	/* a release could do nothing until now */
	if(s->state == IRL_CANCELLING)
		s->release->todo |= IRL_DO_CANCEL;
	irl_release_unlock(s);
}

/* We were faster than the dialog module. */
static uint64_t now_hosted(void)
{
	struct irl_session *s =
			irl_now.pass == 0 ? irl_store_get(irl_now.id) : NULL;

	if(s) {
		s->hosted = 1;
		irl_store_unlock(s->hash);
	}
	return irl_now.id;
}

uint64_t irl_capture_created(struct sip_msg *msg)
{
	if(!msg || !irl_is_now(msg) || irl_now.kind != IRL_INITIAL)
		return 0;
	if(irl_now.id)
		return now_hosted();
	if(begin_session(msg, 1) < 0)
		return 0;
	if(irl_now.transaction)
		irl_invite_watch(msg);
	return irl_now.id;
}

static str kept(const str *text, char *buf)
{
	str copy = {buf, text->len};

	if(text->len)
		memcpy(buf, text->s, (size_t)text->len);
	return copy;
}

int irl_capture_release(struct sip_msg *msg, const struct irl_reason *reason)
{
	if(!irl_is_now(msg) || irl_now.kind != IRL_INITIAL || irl_now.id
			|| irl_now.transaction || !irl_host()->creates_late)
		return ENOENT;
	irl_now.reason.cause = reason->cause;
	irl_now.reason.text = kept(&reason->text, irl_now.text_buf);
	irl_now.reason.others = kept(&reason->others, irl_now.others_buf);
	return 0;
}

static int keep_for_later(enum irl_side side, const str *impu)
{
	if(impu->len > (int)sizeof(irl_now.impu_buf))
		return EMSGSIZE;
	irl_now.said = side;
	if(impu->len)
		memcpy(irl_now.impu_buf, impu->s, (size_t)impu->len);
	irl_now.impu.s = irl_now.impu_buf;
	irl_now.impu.len = impu->len;
	return 0;
}

/* The first pass, whose session has been made. @return 1 when it has */
static int serve_now(enum irl_side side, const str *user)
{
	struct irl_session *s = irl_now.id ? irl_store_get(irl_now.id) : NULL;

	if(!s)
		return 0;
	irl_session_serve(s, irl_now.pass, side, user);
	irl_index_update(s, IRL_INDEX_IMPU);
	irl_store_unlock(s->hash);
	return 1;
}

int irl_capture_serve(struct sip_msg *msg, enum irl_side side, const str *impu)
{
	struct irl_msg_key key;
	uint32_t hash;
	str user = *impu;
	int known;

	if(!irl_is_now(msg) || irl_now.kind != IRL_INITIAL)
		return ENOENT;
	if(!user.len)
		user = irl_msg_impu(msg, side);
	if(serve_now(side, &user))
		return 0;
	if(irl_msg_key(msg, &key) != 0)
		return ENOENT;
	hash = irl_store_lock(&key.callid);
	known = next_of_invite(hash, &key, irl_msg_invite_cseq(msg), NULL) != NULL;
	irl_store_unlock(hash);
	/* a later pass has no transaction yet, and neither has the first one of
	 * a dialog module that makes its record together with it */
	if(!known && !irl_host()->creates_late)
		return ENOENT;
	return keep_for_later(side, &user);
}

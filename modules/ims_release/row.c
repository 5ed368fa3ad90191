/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "row.h"

#include <string.h>

#include "core/crypto/sha256.h"
#include "core/socket_info.h"

#include "index.h"
#include "release.h"
#include "store.h"

/* ---- names -------------------------------------------------------------------- */

static void digest(SHA256_CTX *ctx, str text)
{
	uint32_t len = (uint32_t)text.len;

	sr_SHA256_Update(ctx, (const uint8_t *)&len, sizeof(len));
	sr_SHA256_Update(ctx, (const uint8_t *)text.s, (size_t)text.len);
}

void irl_uid_of(const struct irl_session *s, struct irl_uid *uid)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t sum[SHA256_DIGEST_LENGTH];
	SHA256_CTX ctx;
	int i;

	sr_SHA256_Init(&ctx);
	digest(&ctx, irl_text_get(&s->text, s->callid));
	digest(&ctx, irl_text_get(&s->text, s->from_tag));
	digest(&ctx, irl_text_get(&s->text, s->current->tag));
	sr_SHA256_Final(sum, &ctx);
	for(i = 0; i < IRL_UID_SIZE / 2; i++) {
		uid->s[2 * i] = hex[sum[i] >> 4];
		uid->s[2 * i + 1] = hex[sum[i] & 15];
	}
	uid->s[IRL_UID_SIZE - 1] = '\0';
}

static str socket_name(void *socket)
{
	static const str none = {"", 0};

	return socket ? ((struct socket_info *)socket)->sock_str : none;
}

static void *socket_find(const str *name)
{
	str s = *name;

	return lookup_local_socket(&s);
}

const struct irl_record_sockets irl_sockets = {socket_name, socket_find};

/* ---- rows --------------------------------------------------------------------- */

struct room
{
	char *p;
	int left; /* < 0: was too small */
};

static str keep(struct room *room, str text)
{
	str kept = {room->p, text.len};

	room->left -= text.len;
	if(room->left < 0)
		return kept;
	if(text.len)
		memcpy(room->p, text.s, (size_t)text.len);
	room->p += text.len;
	return kept;
}

int irl_row_print(const struct irl_session *s, const str *node,
		struct irl_row *row, char *buf, int size)
{
	const char *state = irl_state_name((enum irl_state)s->state);
	str name = {(char *)state, (int)strlen(state)};
	struct room room = {buf, size};

	irl_uid_of(s, &row->uid);
	row->id = s->id;
	row->created = s->created;
	row->node = *node;
	row->state = name;
	row->callid = keep(&room, irl_text_get(&s->text, s->callid));
	row->from_tag = keep(&room, irl_text_get(&s->text, s->from_tag));
	row->to_tag = keep(&room, irl_text_get(&s->text, s->current->tag));
	row->impu = keep(&room, irl_text_get(&s->text, s->impu));
	row->icid = keep(&room, irl_text_get(&s->text, s->icid));
	if(room.left <= 0)
		return -1;
	row->record.s = room.p;
	row->record.len = irl_record_pack(s, &irl_sockets, room.p, room.left);
	if(row->record.len < 0)
		return -1;
	return size - room.left + row->record.len;
}

/* The same dialog; slot locked. */
static struct irl_session *same_session(
		uint32_t hash, const str *callid, const struct irl_session *as)
{
	str from_tag = irl_text_get(&as->text, as->from_tag);
	str to_tag = irl_text_get(&as->text, as->current->tag);
	struct irl_session *s = NULL;
	enum irl_leg_id leg;

	while((s = irl_store_next(hash, callid, s))) {
		if(irl_session_match(s, &from_tag, &to_tag, &leg))
			return s;
	}
	return NULL;
}

static int insert(struct irl_session *s)
{
	str callid = irl_text_get(&s->text, s->callid);
	uint32_t hash = irl_store_lock(&callid);
	struct irl_session *old = same_session(hash, &callid, s);
	int err;

	if(old)
		irl_store_erase(old);
	err = irl_store_insert(hash, s);
	if(!err)
		irl_index_update(s, IRL_INDEX_ALL);
	irl_store_unlock(hash);
	return err;
}

int irl_row_restore(const str *record, const char **error)
{
	struct irl_session *s = irl_record_unpack(record, &irl_sockets, error);

	if(!s)
		return -1;
	s->kept = IRL_DATABASE;
	if(insert(s)) {
		irl_session_free(s);
		*error = "max_sessions reached";
		return -1;
	}
	return 0;
}

struct resume
{
	struct irl_reason reason;
	char text[IRL_TEXT_MAX], others[IRL_OTHERS_MAX];
};

static str copied(const struct irl_session *s, struct irl_text t, char *buf)
{
	str text = irl_text_get(&s->text, t), copy = {buf, text.len};

	if(text.len)
		memcpy(buf, text.s, (size_t)text.len);
	return copy;
}

/* Take note of what is to be begun again; slot locked. @return its cause */
static int take_resume(struct irl_session *s, struct resume *r)
{
	r->reason.cause = s->owner.len ? 0 : s->resume_cause;
	if(!r->reason.cause)
		return 0;
	r->reason.text = copied(s, s->resume_text, r->text);
	r->reason.others = copied(s, s->resume_others, r->others);
	s->resume_cause = 0;
	return r->reason.cause;
}

void irl_row_resume(void)
{
	struct resume r;
	struct irl_session *s;
	uint64_t id = 0;
	uint32_t hash;
	int slot, cause;

	for(slot = 0; slot < irl_store_slots(); slot++) {
		cause = 0;
		hash = irl_store_lock_slot(slot, &s);
		for(; s && !cause; s = s->next) {
			cause = take_resume(s, &r);
			id = s->id;
		}
		irl_store_unlock(hash);
		if(cause) {
			irl_release_trigger(id, &r.reason, 0);
			slot--; /* there may be more */
		}
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replica_peer.h"

#include <string.h>
#include <time.h>

#include "core/dprint.h"
#include "core/mem/shm_mem.h"
#include "core/rand/kam_rand.h"
#include "core/sr_module.h"

#include "params.h"
#include "row.h"
#include "store.h"
#include "worker.h"

struct irl_peers *irl_peers;
dmq_api_t irl_dmq;
dmq_peer_t *irl_dmq_peer;
uint32_t irl_boot;

static str node;

const str *irl_replica_node(void)
{
	return &node;
}

/* ---- nodes ------------------------------------------------------------------------ */

struct irl_peer *irl_peer_of(const str *name, int make)
{
	struct irl_peer *p;

	for(p = irl_peers->peer; p < irl_peers->peer + irl_peers->count; p++) {
		if(p->name_len == name->len
				&& !memcmp(p->name, name->s, (size_t)name->len))
			return p;
	}
	if(!make || irl_peers->count == IRL_NODES_MAX
			|| name->len > IRL_NODE_NAME_MAX)
		return NULL;
	irl_peers->count++;
	memset(p, 0, sizeof(*p));
	memcpy(p->name, name->s, (size_t)name->len);
	p->name_len = name->len;
	return p;
}

str irl_peer_name(const struct irl_peer *p)
{
	str name = {(char *)p->name, p->name_len};

	return name;
}

int irl_is_of(const struct irl_session *s, const str *owner)
{
	str have = irl_text_get(&s->text, s->owner);

	return irl_str_eq(&have, owner);
}

int irl_peer_is_there(const struct irl_peer *p)
{
	return p->heard_ms && irl_now_ms() - p->heard_ms <= IRL_SILENCE_MS;
}

/* ---- start, takeover ---------------------------------------------------------------------- */

/* Said twice, with nothing heard of it in between, it is one claim: its time is
 * in what was taken over. */
static int is_repeated(const struct irl_peer *p)
{
	return p->claimed.at && p->claimed.boot == p->boot
		   && p->claimed.number == p->heard;
}

static struct irl_peer *claim(const str *name, uint32_t now)
{
	struct irl_peer *p;

	lock_get(&irl_peers->lock);
	p = irl_peer_of(name, 0);
	irl_peers->taking += p != NULL;
	if(p && !is_repeated(p)) {
		p->claimed.at = now;
		p->claimed.boot = p->boot;
		p->claimed.number = p->heard;
	}
	lock_release(&irl_peers->lock);
	return p;
}

long irl_replica_takeover(const str *name)
{
	struct irl_session *s;
	uint32_t hash, now = (uint32_t)time(NULL);
	long n = 0;
	int slot;

	if(!irl_peers || irl_str_eq(name, irl_replica_node()) || !claim(name, now))
		return -1;
	for(slot = 0; slot < irl_store_slots(); slot++) {
		hash = irl_store_lock_slot(slot, &s);
		for(; s; s = s->next) {
			if(!irl_is_of(s, name))
				continue;
			irl_store_own(s, now);
			n++;
		}
		irl_store_unlock(hash);
	}
	lock_get(&irl_peers->lock);
	irl_peers->taking--;
	lock_release(&irl_peers->lock);
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

	if(!address || !address->len || address->len > IRL_NODE_NAME_MAX)
		return -1;
	node = *address;
	return 0;
}

int irl_replica_init(void)
{
	dmq_peer_t peer = {.peer_id = str_init("ims_release"),
			.description = str_init("sessions of ims_release"),
			.callback = irl_replica_hear};

	if(!irl_params.replicate)
		return 0;
	if(find_name() < 0 || dmq_load_api(&irl_dmq) < 0) {
		LM_ERR("parameter replicate needs module dmq with its server_address: "
			   "load it before ims_release\n");
		return -1;
	}
	irl_peers = shm_malloc(sizeof(*irl_peers));
	if(!irl_peers) {
		SHM_MEM_ERROR;
		return -1;
	}
	memset(irl_peers, 0, sizeof(*irl_peers));
	lock_init(&irl_peers->lock);
	irl_boot = (uint32_t)kam_rand() ^ (uint32_t)time(NULL);
	irl_dmq_peer = irl_dmq.register_dmq_peer(&peer);
	if(!irl_dmq_peer) {
		LM_ERR("no peer of dmq\n");
		return -1;
	}
	irl_store_follow(IRL_NODES);
	return 0;
}

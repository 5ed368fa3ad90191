/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* dladdr */
#include "host_credit.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "core/locking.h"
#include "core/mem/shm_mem.h"
#include "core/sr_module.h"
#include "modules/ims_dialog/dlg_load.h"
#include "modules/ims_dialog/dlg_hash.h"

#include "params.h"
#include "release.h"
#include "store.h"

/* A dialog that ims_charging follows, by what it knows it by, and our session
 * of it. */
struct charged
{
	struct charged *next;
	unsigned int entry, number;
	uint64_t id;
};

struct bucket
{
	struct charged *first;
};

struct map
{
	gen_lock_t lock; /* the last in the order: nothing is taken after it */
	unsigned int mask;
	struct bucket bucket[];
};

static struct map *map;
static load_ims_dlg_f load;
static ims_dlg_api_t host;

int irl_host_credit_init(void)
{
	size_t buckets = (size_t)irl_params.hash_size;
	size_t size = sizeof(*map) + buckets * sizeof(map->bucket[0]);

	if(!irl_params.credit_cause || !load || !module_loaded("ims_charging"))
		return 0;
	map = shm_malloc(size);
	if(!map)
		return ENOMEM;
	memset(map, 0, size);
	map->mask = (unsigned int)buckets - 1;
	return lock_init(&map->lock) ? 0 : ENOMEM;
}

void irl_host_credit_destroy(void)
{
	struct charged *c;
	unsigned int i;

	if(!map)
		return;
	for(i = 0; i <= map->mask; i++) {
		while((c = map->bucket[i].first)) {
			map->bucket[i].first = c->next;
			shm_free(c);
		}
	}
	shm_free(map);
	map = NULL;
}

/* Where the dialog is, or NULL is, in the chain; map locked. */
static struct charged **find(unsigned int entry, unsigned int number)
{
	unsigned int hash = entry ^ number * 2654435761u;
	struct charged **at = &map->bucket[hash & map->mask].first;

	while(*at && ((*at)->entry != entry || (*at)->number != number))
		at = &(*at)->next;
	return at;
}

static uint64_t session_of(const struct dlg_cell *dlg)
{
	uint32_t hash = irl_store_lock(&dlg->callid);
	struct irl_session *s = NULL;
	uint64_t id = 0;
	str tag;

	while(!id && (s = irl_store_next(hash, &dlg->callid, s))) {
		tag = irl_text_get(&s->text, s->from_tag);
		if(irl_str_eq(&tag, &dlg->from_tag)
				&& irl_state_live((enum irl_state)s->state))
			id = s->id;
	}
	irl_store_unlock(hash);
	return id;
}

/* @return 0; -1 when it is there already, of no session, or memory is short */
static int note(const struct dlg_cell *dlg)
{
	struct charged *c, **at;

	c = shm_malloc(sizeof(*c));
	if(!c)
		return -1;
	memset(c, 0, sizeof(*c));
	c->entry = dlg->h_entry;
	c->number = dlg->h_id;
	c->id = session_of(dlg);
	lock_get(&map->lock);
	at = find(c->entry, c->number);
	if(c->id && !*at) {
		*at = c;
		c = NULL;
	}
	lock_release(&map->lock);
	if(!c)
		return 0;
	shm_free(c);
	return -1;
}

static void forget(struct dlg_cell *dlg, int type, struct dlg_cb_params *params)
{
	struct charged *c, **at;

	if(!map)
		return; /* we ended before the dialog module */
	lock_get(&map->lock);
	at = find(dlg->h_entry, dlg->h_id);
	c = *at;
	if(c)
		*at = c->next;
	lock_release(&map->lock);
	if(c)
		shm_free(c);
}

/* ims_charging follows a dialog: it has asked for credit for it. */
static int on_follow(struct dlg_cell *dlg, int types, dialog_cb f, void *param,
		param_free_cb free_param)
{
	int ret = host.register_dlgcb(dlg, types, f, param, free_param);

	if(ret != 0 || !map || !dlg || note(dlg) != 0)
		return ret;
	if(host.register_dlgcb(dlg, DLGCB_DESTROY, forget, NULL, NULL) != 0)
		forget(dlg, 0, NULL);
	return 0;
}

/* It has none any more. */
static int on_end(unsigned int entry, unsigned int number, str *headers)
{
	const struct irl_reason reason = {irl_params.credit_cause,
			irl_params.credit_text, irl_params.default_reason};
	struct charged *c;
	uint64_t id = 0;

	if(map) {
		lock_get(&map->lock);
		c = *find(entry, number);
		if(c)
			id = c->id;
		lock_release(&map->lock);
	}
	switch(id ? irl_release_trigger(id, &reason, 0) : IRL_NO_SESSION) {
		case IRL_STARTED:
		case IRL_UNDER_WAY:
			return 1;
		default:
			return host.lookup_terminate_dlg(entry, number, headers);
	}
}

/* The binding that a module asks for is a variable of its own. */
static int is_for_charging(const ims_dlg_api_t *api)
{
	Dl_info module;
	const char *name;

	if(!dladdr(api, &module) || !module.dli_fname)
		return 0;
	name = strrchr(module.dli_fname, '/');
	return strcmp(name ? name + 1 : module.dli_fname, "ims_charging.so") == 0;
}

static int on_load(ims_dlg_api_t *api)
{
	if(load(api) == -1)
		return -1;
	if(irl_params.credit_cause && is_for_charging(api)) {
		host = *api;
		api->register_dlgcb = on_follow;
		api->lookup_terminate_dlg = on_end;
		LM_INFO("sessions whose credit ends are released with cause %d\n",
				irl_params.credit_cause);
	}
	return 0;
}

void irl_host_credit_load(void)
{
	ksr_cmd_export_t *loader = find_export_record("load_ims_dlg", 0, 0);

	if(!loader)
		return;
	load = (load_ims_dlg_f)loader->function;
	loader->function = (cmd_function)on_load;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/** @file reg_ims.c  The module `ims_usrloc_scscf`: all that knows of it */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "core/dprint.h"
#include "core/sr_module.h"
#include "modules/ims_usrloc_scscf/usrloc.h"

#include "core_text.h"
#include "registrar.h"

static usrloc_api_t api;

#define TABLE "location"

static int bind_it(void)
{
	bind_usrloc_t bind_usrloc = (bind_usrloc_t)find_mod_export(
			"ims_usrloc_scscf", "ul_bind_usrloc", 1, 0);

	if(!bind_usrloc)
		return ENOENT;
	if(bind_usrloc(&api) < 0) {
		LM_ERR("ims_usrloc_scscf is not ready: load it before ims_release\n");
		return EINVAL;
	}
	return 0;
}

/* The record of a public identity, with its lock held; NULL, and nothing
 * locked, when there is none. */
static impurecord_t *lock_record(udomain_t **domain, str *impu)
{
	impurecord_t *r;

	if(!impu->len || api.get_udomain(TABLE, domain) < 0)
		return NULL;
	api.lock_udomain(*domain, impu);
	if(api.get_impurecord(*domain, impu, &r) == 0)
		return r;
	api.unlock_udomain(*domain, impu);
	return NULL;
}

static void look(
		const str *impu, const str *address, struct irl_binding *binding)
{
	time_t now = time(NULL);
	udomain_t *domain;
	impu_contact_t *i;
	ucontact_t *c;
	str key = *impu;
	impurecord_t *r = lock_record(&domain, &key);

	if(!r)
		return;
	if(r->private_identity.len > 0
			&& r->private_identity.len <= IRL_IDENTITY_MAX) {
		binding->identity_len = r->private_identity.len;
		memcpy(binding->identity, r->private_identity.s,
				(size_t)r->private_identity.len);
	}
	for(i = r->linked_contacts.head; i; i = i->next) {
		c = i->contact;
		irl_binding_add(
				binding, address, &c->c, VALID_CONTACT(c, now), c->expires);
	}
	api.unlock_udomain(domain, &key);
}

/* A parameter of the Contact that the user has registered. */
static str param_of(const ucontact_t *c, const char *name)
{
	const param_t *p;
	str none = {"", 0};

	for(p = c->params; p; p = p->next) {
		if(p->name.len == (int)strlen(name)
				&& strncasecmp(p->name.s, name, (size_t)p->name.len) == 0)
			return p->body;
	}
	return none;
}

/* ims_registrar_scscf makes no GRUU. A public one tells the instance; of a
 * temporary one only a registrar's own note of it would help. */
static int is_bound_to(
		const ucontact_t *c, const str *uri, const struct irl_gruu *gruu)
{
	str param;

	if(gruu->kind == IRL_PUBLIC_GRUU) {
		param = param_of(c, "+sip.instance");
		return irl_gruu_is_instance(gruu, &param);
	}
	param = param_of(c, "temp-gruu");
	if(param.len >= 2 && param.s[0] == '"') {
		param.s++;
		param.len -= 2;
	}
	return irl_str_eq(&param, uri);
}

static int resolve(const str *uri, const struct irl_gruu *gruu, const str *impu,
		char *buf, str *address)
{
	str key = gruu->kind == IRL_PUBLIC_GRUU ? gruu->aor : *impu;
	time_t now = time(NULL);
	udomain_t *domain;
	impu_contact_t *i;
	ucontact_t *c;
	impurecord_t *r = lock_record(&domain, &key);
	int err = ENOENT;

	if(!r)
		return ENOENT;
	for(i = r->linked_contacts.head; i && err; i = i->next) {
		c = i->contact;
		/* a new REGISTER changes its parameters */
		api.lock_contact_slot_i((int)c->sl);
		if(VALID_CONTACT(c, now) && is_bound_to(c, uri, gruu))
			err = irl_address_copy(&c->c, buf, address);
		api.unlock_contact_slot_i((int)c->sl);
	}
	api.unlock_udomain(domain, &key);
	return err;
}

const struct irl_registrar irl_reg_ims = {
		"ims_usrloc_scscf", bind_it, look, resolve};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/** @file reg_usrloc.c  The module `usrloc`: all that knows of it */
#include <errno.h>
#include <string.h>

#include "core/dprint.h"
#include "core/parser/parse_uri.h"
#include "core/sr_module.h"
#include "modules/usrloc/usrloc.h"

#include "params.h"
#include "registrar.h"

static usrloc_api_t api;

/* Where registrars keep their users, unless the script says otherwise. */
#define TABLE "location"

static int bind_it(void)
{
	bind_usrloc_t bind_usrloc =
			(bind_usrloc_t)find_mod_export("usrloc", "ul_bind_usrloc", 1, 0);

	if(!bind_usrloc)
		return ENOENT;
	if(bind_usrloc(&api) < 0) {
		LM_ERR("usrloc is not ready: load it before ims_release\n");
		return EINVAL;
	}
	if(api.db_mode == DB_ONLY && irl_params.release_on_events) {
		LM_ERR("release_on needs the contacts in memory: usrloc has them in "
			   "its database only (its db_mode is 3)\n");
		return EINVAL;
	}
	return 0;
}

/* The key of a user's record: the user part, with the domain if the registrar
 * keeps it, in small letters when `lower`. @return 0 or -1 */
static int key_of(const str *uri, int lower, char *buf, str *key)
{
	struct sip_uri parsed;
	int i, n;

	if(uri->len <= 0 || parse_uri(uri->s, uri->len, &parsed) < 0
			|| !parsed.user.len)
		return -1;
	n = parsed.user.len + 1 + parsed.host.len;
	if(n > IRL_ADDRESS_MAX)
		return -1;
	memcpy(buf, parsed.user.s, (size_t)parsed.user.len);
	buf[parsed.user.len] = '@';
	memcpy(buf + parsed.user.len + 1, parsed.host.s, (size_t)parsed.host.len);
	key->s = buf;
	key->len = api.use_domain ? n : parsed.user.len;
	for(i = 0; lower && i < key->len; i++) {
		if(buf[i] >= 'A' && buf[i] <= 'Z')
			buf[i] += 'a' - 'A';
	}
	return 0;
}

/* The user's contacts, with the record's lock held; NULL, and nothing locked,
 * when he has none. A registrar has its keys in small letters, or as given. */
static ucontact_t *lock_contacts(
		const str *uri, char *buf, str *key, udomain_t *domain)
{
	urecord_t *r;
	int lower;

	for(lower = 0; lower < 2; lower++) {
		if(key_of(uri, lower, buf, key) < 0)
			return NULL;
		api.lock_udomain(domain, key);
		if(api.get_urecord(domain, key, &r) == 0 && r->contacts)
			return r->contacts;
		api.unlock_udomain(domain, key);
	}
	return NULL;
}

static void look(
		const str *impu, const str *address, struct irl_binding *binding)
{
	char buf[IRL_ADDRESS_MAX];
	time_t now = time(NULL);
	udomain_t *domain;
	ucontact_t *c;
	str key;

	if(api.get_udomain(TABLE, &domain) < 0)
		return;
	c = lock_contacts(impu, buf, &key, domain);
	if(!c)
		return;
	for(; c; c = c->next)
		irl_binding_add(
				binding, address, &c->c, VALID_CONTACT(c, now), c->expires);
	api.unlock_udomain(domain, &key);
}

static int resolve_public(
		udomain_t *domain, const struct irl_gruu *gruu, char *buf, str *address)
{
	char key_buf[IRL_ADDRESS_MAX];
	time_t now = time(NULL);
	ucontact_t *c;
	int err = ENOENT;
	str key;

	c = lock_contacts(&gruu->aor, key_buf, &key, domain);
	if(!c)
		return ENOENT;
	for(; c && err; c = c->next) {
		if(VALID_CONTACT(c, now) && irl_gruu_is_instance(gruu, &c->instance))
			err = irl_address_copy(&c->c, buf, address);
	}
	api.unlock_udomain(domain, &key);
	return err;
}

static int resolve_temporary(
		udomain_t *domain, const struct irl_gruu *gruu, char *buf, str *address)
{
	unsigned int hash;
	urecord_t *r;
	ucontact_t *c;
	int err = ENOENT;
	str ruid;

	if(irl_gruu_token(&gruu->user, &ruid, &hash) != 0
			|| api.get_urecord_by_ruid(domain, hash, &ruid, &r, &c) != 0)
		return ENOENT;
	if(VALID_CONTACT(c, time(NULL)))
		err = irl_address_copy(&c->c, buf, address);
	api.unlock_udomain(domain, c->aor);
	return err;
}

static int resolve(const str *uri, const struct irl_gruu *gruu, const str *impu,
		char *buf, str *address)
{
	udomain_t *domain;

	if(api.get_udomain(TABLE, &domain) < 0)
		return ENOENT;
	return gruu->kind == IRL_PUBLIC_GRUU
				   ? resolve_public(domain, gruu, buf, address)
				   : resolve_temporary(domain, gruu, buf, address);
}

const struct irl_registrar irl_reg_usrloc = {"usrloc", bind_it, look, resolve};

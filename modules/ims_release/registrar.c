/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "registrar.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "core/dprint.h"
#include "core/hashes.h"
#include "core/parser/parse_uri.h"

#include "core_text.h"
#include "params.h"

static const struct irl_registrar *registrar;

int irl_registrar_init(void)
{
	static const struct irl_registrar *const known[] = {
			&irl_reg_ims, &irl_reg_usrloc};
	size_t i;
	int err = ENOENT;

	for(i = 0; err == ENOENT && i < sizeof(known) / sizeof(known[0]); i++) {
		err = known[i]->bind();
		if(!err)
			registrar = known[i];
	}
	if(registrar) {
		LM_INFO("registrations are those of module %s\n", registrar->name);
		return 0;
	}
	if(!irl_params.release_on_events)
		return 0;
	if(err == ENOENT)
		LM_ERR("release_on needs a registrar: load ims_usrloc_scscf or usrloc "
			   "before ims_release\n");
	return -1;
}

const struct irl_registrar *irl_registrar(void)
{
	return registrar;
}

static int port_of(const struct sip_uri *uri)
{
	if(uri->port_no)
		return uri->port_no;
	return uri->type == SIPS_URI_T ? 5061 : 5060;
}

static int parse(const str *uri, struct sip_uri *parsed)
{
	return uri->len > 0 && parse_uri(uri->s, uri->len, parsed) == 0;
}

int irl_same_address(const str *a, const str *b)
{
	struct sip_uri x, y;

	if(irl_str_eq(a, b))
		return a->len > 0;
	if(!parse(a, &x) || !parse(b, &y))
		return 0;
	return irl_str_eq(&x.user, &y.user) && x.host.len == y.host.len
		   && strncasecmp(x.host.s, y.host.s, (size_t)x.host.len) == 0
		   && port_of(&x) == port_of(&y);
}

unsigned int irl_address_hash(const str *uri)
{
	struct sip_uri parsed;
	unsigned int hash;

	if(!parse(uri, &parsed))
		return get_hash1_raw(uri->s, uri->len) | 1u;
	hash = get_hash1_raw(parsed.user.s, parsed.user.len);
	hash = hash * 31 + get_hash1_case_raw(parsed.host.s, parsed.host.len);
	return (hash * 31 + (unsigned int)port_of(&parsed)) | 1u;
}

void irl_binding_add(struct irl_binding *binding, const str *address,
		const str *contact, int valid, time_t expires)
{
	enum irl_bound bound = valid ? IRL_USER_BOUND : IRL_ALL_REMOVED;

	if(irl_same_address(address, contact))
		bound = valid ? IRL_BOUND : IRL_REMOVED;
	/* his own contact counts more than others */
	if(bound < binding->bound)
		return;
	binding->bound = bound;
	binding->expires = expires;
}

int irl_address_copy(const str *from, char *buf, str *address)
{
	if(from->len <= 0 || from->len > IRL_ADDRESS_MAX)
		return ENOENT;
	memcpy(buf, from->s, (size_t)from->len);
	address->s = buf;
	address->len = from->len;
	return 0;
}

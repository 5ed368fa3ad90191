/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* memmem */
#include "gruu.h"

#include <string.h>

#include "core/dprint.h"

#include "registrar.h"
#include "store.h"

/* Told without parsing: hardly any Contact has one. */
static int may_be_gruu(const str *uri)
{
	return uri->len > 3 && memmem(uri->s, (size_t)uri->len, ";gr", 3) != NULL;
}

void irl_gruu_note(struct irl_session *s, unsigned int legs)
{
	str uri;
	int i;

	if(!irl_registrar())
		return;
	for(i = 0; i < IRL_LEGS; i++) {
		if(!(legs & 1u << i))
			continue;
		s->bound[i].len = 0;
		uri = irl_session_target(s, s->current, (enum irl_leg_id)i);
		if(may_be_gruu(&uri))
			s->gruus |= (uint8_t)(1u << i);
	}
}

/* A GRUU of a user of ours, copied out of the record. */
struct asked
{
	char uri_buf[IRL_ADDRESS_MAX], impu_buf[IRL_ADDRESS_MAX];
	str uri, impu;
};

/* @return 0, or -1 when there is nothing to ask for */
static int take_asked(uint64_t id, enum irl_leg_id leg, struct asked *asked)
{
	struct irl_session *s = irl_store_get(id);
	str uri, impu;
	int due;

	if(!s)
		return -1;
	due = s->gruus & 1u << leg;
	s->gruus &= (uint8_t) ~(1u << leg);
	uri = irl_session_target(s, s->current, leg);
	impu = irl_session_user(s, leg);
	due = due && irl_address_copy(&uri, asked->uri_buf, &asked->uri) == 0
		  && irl_address_copy(&impu, asked->impu_buf, &asked->impu) == 0;
	irl_store_unlock(s->hash);
	return due ? 0 : -1;
}

static void store_bound(
		uint64_t id, enum irl_leg_id leg, const str *uri, const str *address)
{
	struct irl_session *s = irl_store_get(id);
	str target;

	if(!s)
		return;
	/* it may have moved on meanwhile */
	target = irl_session_target(s, s->current, leg);
	if(irl_str_eq(&target, uri)
			&& irl_text_set(&s->text, &s->bound[leg], address) == 0)
		irl_store_changed(s);
	irl_store_unlock(s->hash);
}

/* @return whether it is one that our registrar can have made for this user */
static int is_gruu(const str *uri, const str *impu, struct irl_gruu *gruu)
{
	return irl_gruu_parse(uri, gruu) && irl_gruu_is_of(gruu, impu);
}

void irl_gruu_remember(uint64_t id)
{
	char buf[IRL_ADDRESS_MAX];
	struct irl_gruu gruu;
	struct asked asked;
	str address;
	int i;

	for(i = 0; i < IRL_LEGS; i++) {
		if(take_asked(id, (enum irl_leg_id)i, &asked) < 0
				|| !is_gruu(&asked.uri, &asked.impu, &gruu))
			continue;
		if(irl_registrar()->resolve(
				   &asked.uri, &gruu, &asked.impu, buf, &address)
				== 0)
			store_bound(id, (enum irl_leg_id)i, &asked.uri, &address);
	}
}

int irl_gruu_resolve(const struct irl_session *s, struct irl_bye *bye)
{
	static char buf[IRL_ADDRESS_MAX];
	str impu = irl_session_user(s, bye->to), address;
	str gruu_uri = bye->request_uri;
	struct irl_gruu gruu;

	/* what enters here finds its way by the script, as the user's own would */
	if(bye->enters_here || !impu.len || !irl_registrar()
			|| !is_gruu(&gruu_uri, &impu, &gruu))
		return 0;
	if(irl_registrar()->resolve(&gruu_uri, &gruu, &impu, buf, &address) == 0) {
		bye->request_uri = address;
		return 0;
	}
	address = irl_text_get(&s->text, s->bound[bye->to]);
	if(!address.len) {
		LM_ERR("GRUU %.*s is bound to no address, and none is remembered\n",
				gruu_uri.len, gruu_uri.s);
		return -1;
	}
	LM_INFO("GRUU %.*s is bound to no address any more: %.*s is remembered\n",
			gruu_uri.len, gruu_uri.s, address.len, address.s);
	bye->request_uri = address;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "msg.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "core/forward.h"
#include "core/hashes.h"
#include "core/parser/contact/contact.h"
#include "core/parser/contact/parse_contact.h"
#include "core/parser/parse_cseq.h"
#include "core/parser/parse_from.h"
#include "core/parser/parse_nameaddr.h"
#include "core/parser/parse_rr.h"
#include "core/parser/parse_to.h"
#include "core/parser/parse_uri.h"
#include "core/parser/parse_via.h"

#include "core_cseq.h"
#include "core_expires.h"
#include "core_nameaddr.h"

static const str empty = {NULL, 0};

static struct hdr_field *header(struct sip_msg *msg, const char *name)
{
	if(parse_headers(msg, HDR_EOH_F, 0) < 0)
		return NULL;
	return get_hdr_by_name(msg, name, (int)strlen(name));
}

int irl_msg_key(struct sip_msg *msg, struct irl_msg_key *key)
{
	if(parse_headers(msg, HDR_CALLID_F | HDR_FROM_F | HDR_TO_F | HDR_CSEQ_F, 0)
					< 0
			|| !msg->callid || !msg->to || !get_to(msg)
			|| parse_from_header(msg) < 0)
		return EINVAL;
	key->callid = msg->callid->body;
	key->from_tag = get_from(msg)->tag_value;
	key->to_tag = get_to(msg)->tag_value;
	return key->callid.len && key->from_tag.len ? 0 : EINVAL;
}

int irl_msg_shared_tags(const struct sip_msg *msg, str *from, str *to)
{
	if(!msg->from || !msg->from->parsed || !msg->to || !msg->to->parsed)
		return EINVAL;
	*from = get_from(msg)->tag_value;
	*to = get_to(msg)->tag_value;
	return 0;
}

str irl_msg_to_tag(struct sip_msg *msg)
{
	if(parse_headers(msg, HDR_TO_F, 0) < 0 || !msg->to || !get_to(msg))
		return empty;
	return get_to(msg)->tag_value;
}

int irl_msg_cseq(struct sip_msg *msg, uint32_t *number)
{
	struct cseq_body *cseq;

	if(!msg->cseq || !(cseq = get_cseq(msg)))
		return EINVAL;
	if(msg->first_line.type == SIP_REQUEST
			&& !irl_str_eq(&cseq->method, &msg->first_line.u.request.method))
		return EINVAL;
	return irl_cseq_parse(&cseq->number, number);
}

uint32_t irl_msg_invite_cseq(struct sip_msg *msg)
{
	return msg->cseq && get_cseq(msg) ? irl_cseq_any(&get_cseq(msg)->number)
									  : IRL_CSEQ_NONE;
}

str irl_msg_from(struct sip_msg *msg)
{
	return msg->from->body;
}

str irl_msg_to(struct sip_msg *msg)
{
	return msg->to->body;
}

/* A dialog has one remote target (RFC 3261 8.1.1.8). A peer's blanks and line
 * ends must not get into a Request-URI. */
static str only_target(const contact_t *list)
{
	return list && !list->next && irl_uri_is_plain(&list->uri) ? list->uri
															   : empty;
}

str irl_msg_contact(struct sip_msg *msg)
{
	/* what is parsed stays with the message: dialog modules look at it too */
	if(!msg->contact || parse_contact(msg->contact) < 0)
		return empty;
	return only_target(((contact_body_t *)msg->contact->parsed)->contacts);
}

str irl_msg_shared_contact(const struct sip_msg *msg)
{
	contact_t *list = NULL;
	str body, uri;

	if(!msg->contact)
		return empty;
	body = msg->contact->body;
	if(parse_contacts(&body, &list) < 0)
		return empty;
	uri = only_target(list);
	free_contacts(&list);
	return uri;
}

int irl_msg_contact_is(const struct sip_msg *msg, const str *uri)
{
	str body;

	if(!uri->len || !msg->contact)
		return 0;
	body = msg->contact->body;
	return body.len >= uri->len + 2 && body.s[0] == '<'
		   && body.s[uri->len + 1] == '>'
		   && memcmp(body.s + 1, uri->s, (size_t)uri->len) == 0
		   && !memchr(body.s, ',', (size_t)body.len);
}

static void reverse(str *routes, int n)
{
	str other;
	int i;

	for(i = 0; i < n / 2; i++) {
		other = routes[i];
		routes[i] = routes[n - 1 - i];
		routes[n - 1 - i] = other;
	}
}

/* Append the entries of one header field, in the order of the message. */
static int append_routes(struct hdr_field *hdr, str *routes, int n)
{
	rr_t *rr;

	if(parse_rr(hdr) < 0)
		return -1;
	for(rr = (rr_t *)hdr->parsed; rr; rr = rr->next) {
		if(n == IRL_ROUTES_MAX)
			return -1;
		routes[n].s = rr->nameaddr.name.s;
		routes[n].len = rr->len;
		n++;
	}
	return n;
}

int irl_msg_routes(struct sip_msg *msg, str routes[IRL_ROUTES_MAX])
{
	struct hdr_field *hdr;
	int n = 0;

	if(parse_headers(msg, HDR_EOH_F, 0) < 0)
		return -1;
	for(hdr = msg->record_route; hdr && n >= 0; hdr = hdr->next) {
		if(hdr->type == HDR_RECORDROUTE_T)
			n = append_routes(hdr, routes, n);
	}
	reverse(routes, n);
	return n;
}

int irl_msg_callers_routes(struct sip_msg *msg, str routes[IRL_ROUTES_MAX])
{
	struct hdr_field *hdr;
	rr_t *rr;
	int n = 0;

	for(hdr = msg->record_route; hdr; hdr = hdr->next) {
		if(hdr->type != HDR_RECORDROUTE_T)
			continue;
		if(parse_rr(hdr) < 0)
			n = 0; /* those before it are nearer to the callee */
		for(rr = (rr_t *)hdr->parsed; rr; rr = rr->next) {
			if(n == IRL_ROUTES_MAX)
				memmove(routes, routes + 1, (size_t)--n * sizeof(*routes));
			routes[n].s = rr->nameaddr.name.s;
			routes[n++].len = rr->len;
		}
	}
	reverse(routes, n);
	return n;
}

uint32_t irl_msg_expires(struct sip_msg *msg)
{
	if(parse_headers(msg, HDR_SESSIONEXPIRES_F, 0) < 0 || !msg->session_expires)
		return 0;
	return irl_expires_read(&msg->session_expires->body);
}

str irl_msg_icid(struct sip_msg *msg)
{
	struct hdr_field *hdr = header(msg, "P-Charging-Vector");
	str icid = empty;

	if(hdr)
		irl_param_find(&hdr->body, "icid-value", &icid);
	return icid;
}

/* URI of a name-addr or addr-spec, header parameters after it. */
static str uri_of(str value)
{
	name_addr_t na;
	int i = 0;

	if(memchr(value.s, '<', (size_t)value.len))
		return parse_nameaddr(&value, &na) == 0 ? na.uri : empty;
	/* parameters, or the next of a list (RFC 3325 9.1) */
	while(i < value.len && !strchr(";, \t", value.s[i]))
		i++;
	value.len = i;
	return value;
}

enum irl_side irl_msg_guess_side(struct sip_msg *msg)
{
	struct hdr_field *hdr = header(msg, "P-Served-User");
	str sescase;

	/* `orig` in the topmost Route says originating, which is what is assumed
	 * without it as well: there is nothing to look for */
	if(hdr && irl_param_find(&hdr->body, "sescase", &sescase)
			&& sescase.len == 4 && strncasecmp(sescase.s, "term", 4) == 0)
		return IRL_TERM;
	return IRL_ORIG;
}

str irl_msg_impu(struct sip_msg *msg, enum irl_side side)
{
	struct hdr_field *hdr = header(msg, "P-Served-User");

	if(hdr)
		return uri_of(hdr->body);
	if(side == IRL_TERM)
		return msg->first_line.u.request.uri;
	hdr = header(msg, "P-Asserted-Identity");
	return uri_of(hdr ? hdr->body : msg->from->body);
}

/* The next Via, of the same header field or of a later one; NULL after the
 * last. `hdr` is the header field that `via` stands in. */
static struct via_body *next_via(struct hdr_field **hdr, struct via_body *via)
{
	if(via && via->next)
		return via->next;
	do
		*hdr = (*hdr)->next;
	while(*hdr && (*hdr)->type != HDR_VIA_T);
	return *hdr ? (struct via_body *)(*hdr)->parsed : NULL;
}

int irl_msg_count_vias(struct sip_msg *msg)
{
	struct hdr_field *hdr = msg->h_via1;
	struct via_body *via;
	int n = 0;

	if(parse_headers(msg, HDR_EOH_F, 0) < 0)
		return 0;
	for(via = msg->via1; via; via = next_via(&hdr, via))
		n++;
	return n;
}

const struct via_body *irl_msg_last_via(struct sip_msg *msg)
{
	struct hdr_field *hdr = msg->h_via1;
	struct via_body *via, *last = NULL;

	if(parse_headers(msg, HDR_EOH_F, 0) < 0)
		return NULL;
	for(via = msg->via1; via; via = next_via(&hdr, via))
		last = via;
	return last;
}

str irl_msg_last_route(struct sip_msg *msg)
{
	struct hdr_field *hdr, *last = NULL;
	const rr_t *rr;

	for(hdr = msg->route; hdr; hdr = hdr->next) {
		if(hdr->type == HDR_ROUTE_T)
			last = hdr;
	}
	if(!last || parse_rr(last) < 0)
		return empty;
	for(rr = last->parsed; rr->next;)
		rr = rr->next;
	return rr->nameaddr.uri;
}

static uint32_t via_key(const struct via_body *via)
{
	if(!via || !via->branch)
		return 0;
	return get_hash1_raw(via->branch->value.s, via->branch->value.len);
}

int irl_msg_has_via(struct sip_msg *req, uint32_t key)
{
	struct hdr_field *hdr = req->h_via1;
	struct via_body *via;

	if(parse_headers(req, HDR_EOH_F, 0) < 0)
		return 0;
	for(via = req->via1; via; via = next_via(&hdr, via)) {
		if(via_key(via) == key)
			return 1;
	}
	return 0;
}

uint32_t irl_msg_request_key(struct sip_msg *req)
{
	return via_key(req->via1);
}

uint32_t irl_msg_reply_key(struct sip_msg *rpl)
{
	if(parse_headers(rpl, HDR_VIA2_F, 0) < 0)
		return 0;
	return via_key(rpl->via2);
}

int irl_uri_is_own(const str *uri)
{
	struct sip_uri parsed;

	if(parse_uri(uri->s, uri->len, &parsed) < 0)
		return 0;
	return check_self(&parsed.host, parsed.port_no ? parsed.port_no : SIP_PORT,
				   parsed.proto)
		   == 1;
}

int irl_route_is_own(const str *route)
{
	name_addr_t na;
	str value = *route;

	return parse_nameaddr(&value, &na) == 0 && irl_uri_is_own(&na.uri);
}

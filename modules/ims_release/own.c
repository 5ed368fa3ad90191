/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "own.h"

#include <stdio.h>
#include <string.h>

#include "core/crypto/md5.h"
#include "core/parser/parse_cseq.h"
#include "core/parser/parse_via.h"
#include "core/rand/cryptorand.h"
#include "core/socket_info.h"

#include "msg.h"

/* Peers have a say in what is digested. None must find other texts with the same
 * digest: so nobody knows what it begins with. */
static char secret[MD5_DIGEST_LENGTH];

void irl_own_init(void)
{
	unsigned int random;
	size_t i;

	for(i = 0; i < sizeof(secret); i += sizeof(random)) {
		random = cryptorand();
		memcpy(secret + i, &random, sizeof(random));
	}
}

/* Of texts that hold no line end. */
static void digest(uint8_t out[MD5_DIGEST_LENGTH], const str text[3])
{
	MD5_CTX ctx;
	int i;

	MD5Init(&ctx);
	MD5Update(&ctx, secret, sizeof(secret));
	for(i = 0; i < 3; i++) {
		MD5Update(&ctx, text[i].s, (size_t)text[i].len);
		MD5Update(&ctx, "\n", 1);
	}
	U_MD5Final(out, &ctx);
}

void irl_own_mark(struct irl_own_bye *own, const struct irl_bye *bye,
		const str *request_uri)
{
	const str told[] = {bye->from_tag, bye->to_tag, *request_uri};

	/* our Via is alone on it when the first Route is ours */
	int first = irl_routes_own(bye->routes, bye->nroutes, 0, irl_route_is_own);

	digest(own->digest, told);
	own->cseq = bye->cseq;
	own->enters = first > 0;
	own->passes = (uint8_t)irl_routes_passes(
			bye->routes + first, bye->nroutes - first, irl_route_is_own);
	own->nseen = 0;
}

static int is_told(
		const struct irl_own_bye *own, const struct irl_msg_key *key, str uri)
{
	const str told[] = {key->from_tag, key->to_tag, uri};
	uint8_t found[MD5_DIGEST_LENGTH];

	digest(found, told);
	return memcmp(found, own->digest, sizeof(found)) == 0;
}

/* Sent to that target; a strict router is in the place of it, on the way to
 * which it stands in the last Route. */
static int has_target(const struct irl_own_bye *own, struct sip_msg *bye)
{
	const str *uri = &bye->first_line.u.request.uri;
	struct irl_msg_key key;

	if(irl_msg_key(bye, &key) != 0)
		return 0;
	return is_told(own, &key, *uri)
		   || (irl_uri_is_own(uri)
				   && is_told(own, &key, irl_msg_last_route(bye)));
}

static int has_branch(const struct irl_own_bye *own, const struct via_body *via)
{
	return via && via->branch
		   && (size_t)via->branch->value.len == strlen(own->branch)
		   && memcmp(via->branch->value.s, own->branch, strlen(own->branch))
					  == 0;
}

/* Over other transports than UDP the port is one of the moment. */
static int is_from_here(struct sip_msg *msg)
{
	unsigned short port = msg->rcv.proto == PROTO_UDP ? msg->rcv.src_port : 0;

	return find_si(&msg->rcv.src_ip, port, msg->rcv.proto) != NULL;
}

/* A pass that it has made before, or may make. */
static int is_due(struct irl_own_bye *own, const struct via_body *top)
{
	const str told[] = {top->branch ? top->branch->value : top->host, top->host,
			top->port_str};
	uint8_t found[MD5_DIGEST_LENGTH];
	uint64_t pass;
	int i;

	digest(found, told);
	memcpy(&pass, found, sizeof(pass));
	for(i = 0; i < own->nseen; i++) {
		if(own->seen[i] == pass)
			return 1;
	}
	if(own->nseen == own->passes)
		return 0;
	own->seen[own->nseen++] = pass;
	return 1;
}

/* Nobody writes it anew. */
static int has_cseq(const struct irl_own_bye *own, struct sip_msg *bye)
{
	char digits[12];
	str number = {digits, 0};

	number.len = snprintf(digits, sizeof(digits), "%u", own->cseq);
	return bye->cseq && get_cseq(bye)
		   && irl_str_eq(&number, &get_cseq(bye)->number);
}

int irl_own_comes_by(struct irl_own_bye *own, struct sip_msg *bye)
{
	const struct via_body *last = irl_msg_last_via(bye);

	if(!has_branch(own, last) || !has_target(own, bye) || !has_cseq(own, bye))
		return 0;
	if(last != bye->via1)
		return is_due(own, bye->via1);
	if(!is_from_here(bye))
		return 0;
	own->enters = 0;
	return 1;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file msg.h  What is read from a SIP message, by Kamailio's parsers
 *
 * Texts point into the message, unless said otherwise. A header field that is
 * absent or malformed gives an empty text.
 */
#ifndef IRL_MSG_H
#define IRL_MSG_H

#include "core/parser/msg_parser.h"

#include "core_session.h"

/** What tells the session and the sender. */
struct irl_msg_key
{
	str callid, from_tag, to_tag;
};

/** @return 0, or EINVAL when the message lacks one of the header fields */
int irl_msg_key(struct sip_msg *msg, struct irl_msg_key *key);

/** The From and To tag of a request that tm keeps in shared memory, parsed
 * before it was copied. @return 0, or EINVAL when they were not */
int irl_msg_shared_tags(const struct sip_msg *msg, str *from, str *to);

/** The To tag, without a look at the other header fields. */
str irl_msg_to_tag(struct sip_msg *msg);

/** The CSeq number of a request or response, if it is legal and, for a
 * request, names its method. @return 0, EINVAL or EOVERFLOW */
int irl_msg_cseq(struct sip_msg *msg, uint32_t *number);

/** The number of an INVITE or its response, legal or not (irl_cseq_any()). */
uint32_t irl_msg_invite_cseq(struct sip_msg *msg);

/** The whole value of From or To. */
str irl_msg_from(struct sip_msg *msg);
str irl_msg_to(struct sip_msg *msg);

/** The URI of the one Contact, if it is one that a request can go to. */
str irl_msg_contact(struct sip_msg *msg);

/** The same of a request that tm keeps in shared memory, to which nothing of
 * this process must be attached. */
str irl_msg_shared_contact(const struct sip_msg *msg);

/** Is this what the Contact says? A refresh hardly ever moves the target: this
 * is told without parsing. 0 when it would take parsing to tell. */
int irl_msg_contact_is(const struct sip_msg *msg, const str *uri);

/** Via header field values. */
int irl_msg_count_vias(struct sip_msg *msg);

/**
 * The Record-Routes, the caller's end first: of a request or a response.
 *
 * @return how many, -1 for a malformed or an oversized list
 */
int irl_msg_routes(struct sip_msg *msg, str routes[IRL_ROUTES_MAX]);

/** Those of them at the caller's end that can be told, of a list for which
 * irl_msg_routes() has failed. @return how many */
int irl_msg_callers_routes(struct sip_msg *msg, str routes[IRL_ROUTES_MAX]);

/** Seconds of Session-Expires, 0: no timer. */
uint32_t irl_msg_expires(struct sip_msg *msg);

/** icid-value of P-Charging-Vector. */
str irl_msg_icid(struct sip_msg *msg);

/** The side served by this pass as P-Served-User tells, else the originating
 * one. */
enum irl_side irl_msg_guess_side(struct sip_msg *msg);

/** The served user's public identity: P-Served-User; else, originating,
 * P-Asserted-Identity or From, terminating, the Request-URI. */
str irl_msg_impu(struct sip_msg *msg, enum irl_side side);

/** The last Via: of who sent the message first. NULL: malformed headers. */
const struct via_body *irl_msg_last_via(struct sip_msg *msg);

/** URI of the last Route, which is the target behind a strict router. */
str irl_msg_last_route(struct sip_msg *msg);

/** An address of this node. */
int irl_uri_is_own(const str *uri);

/**
 * What a response has in common with the request it answers at one pass: the
 * Via on top of the request, which is the second one of the response.
 */
uint32_t irl_msg_request_key(struct sip_msg *req);
uint32_t irl_msg_reply_key(struct sip_msg *rpl);

/** One of the Vias of a request gives this key. */
int irl_msg_has_via(struct sip_msg *req, uint32_t key);

/** A Record-Route value with an address of this node. */
int irl_route_is_own(const str *route);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file core_gruu.h  Globally routable user agent URIs (RFC 5627), as text
 *
 * A public GRUU is the address of record with a parameter `gr` that names the
 * user agent instance; a temporary one has an opaque user part and `gr` alone.
 * Which contact address is bound to one, the registrar knows.
 */
#ifndef IRL_CORE_GRUU_H
#define IRL_CORE_GRUU_H

#include "core/str.h"

enum irl_gruu_kind
{
	IRL_NO_GRUU = 0,
	IRL_PUBLIC_GRUU,
	IRL_TEMPORARY_GRUU
};

/** Its parts; they point into the URI. */
struct irl_gruu
{
	enum irl_gruu_kind kind;
	str aor;	  /**< all before the parameters */
	str user;	  /**< of a temporary one: what the registrar made */
	str host;	  /**< without a port */
	str instance; /**< of a public one, as escaped in the URI */
};

/** Take a URI apart. @return its kind, IRL_NO_GRUU too for what is no SIP URI */
enum irl_gruu_kind irl_gruu_parse(const str *uri, struct irl_gruu *gruu);

/** Can it be one of this user's: has it the domain of his public identity, which
 * is the registrar's (RFC 5627 5.1)? An identity without a domain, such as a
 * telephone number, does not tell: yes. */
int irl_gruu_is_of(const struct irl_gruu *gruu, const str *impu);

/** Is a registered `+sip.instance` the one of the public GRUU? Angle brackets
 * and quotes around it do not count, nor does case: it is a URN. */
int irl_gruu_is_instance(const struct irl_gruu *gruu, const str *instance);

/**
 * The user part of a temporary GRUU that Kamailio's registrar has made: the
 * binding's unique id, a hyphen, the hash of the address of record in
 * hexadecimal digits, the least first.
 *
 * @return 0 or EINVAL
 */
int irl_gruu_token(const str *user, str *ruid, unsigned int *aor_hash);

#endif

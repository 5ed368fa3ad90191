/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file call.h  A call to test with: Alice calls Bob
 *
 * Record-Routes are written as signs, the caller's end first:
 *
 * | sign            | who                                               |
 * |-----------------|---------------------------------------------------|
 * | p1, p2          | P-CSCF of the caller, of the callee               |
 * | p1s, p2s        | the same as strict routers                        |
 * | so, st          | S-CSCF of the calling, of the called side         |
 * | so1 so2, st1 st2 | the same, double record-routed (r2=on)           |
 * | a1, a2          | application server of the calling, called side    |
 */
#ifndef IRL_UNIT_CALL_H
#define IRL_UNIT_CALL_H

#include "core_bye.h"
#include "unit.h"

#define ALICE "sip:alice@192.0.2.10:5070;transport=udp"
#define BOB "sip:bob@[2001:db8::20]:5080"
#define CALL_FROM \
	"\"Alice \\\"A.\\\" Example\" <sip:alice@home-a.example;user=phone>;x-p=1"
#define CALL_TO "<tel:+4930123456>;y=\"q;1\""

/** Sockets of a pass, by number: texts, so that a test can show them. */
extern char call_in[IRL_PASSES_MAX][8], call_out[IRL_PASSES_MAX][8];

/** The sides whose S-CSCF is this one. */
extern enum irl_side call_own;

/** Is it a Record-Route of `so` or `st`, as `call_own` says? */
int call_is_own(const str *route);

/** @return how many routes, as the signs say */
int call_routes(const char *signs, str routes[IRL_ROUTES_MAX]);

/** The INVITE (CSeq 101). @return NULL when memory was refused */
struct irl_session *call_invite(void);

/** One more pass, with sockets of its number. @return its number */
int call_pass(struct irl_session *s, int nroutes, enum irl_side said,
		enum irl_side guessed);

/** Bob's 2xx with his tag and contact at a pass.
 * @return the dialog, NULL when memory was refused */
struct irl_dialog *call_answer(struct irl_session *s, const char *tag,
		const char *contact, const char *signs, int pass);

/** What a release of the session would send: the BYEs of all its dialogs,
 * printed, which is the record as the network sees it.
 * @return to be given to free() */
char *call_image(const struct irl_session *s);

/** The BYE as tm sends it. @return its length */
size_t call_print_bye(const struct irl_bye *bye, char *buf, size_t size);

/** The cause that tests release with. */
extern struct irl_release call_release;

#endif

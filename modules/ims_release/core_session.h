/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file core_session.h  The record of a session
 *
 * A session is what one initial INVITE makes: one Call-ID and caller's tag,
 * and, as long as it forks, several dialogs, each with the tag of a callee.
 * The record knows what TS 24.229 5.4.5.1.2 calls "stored for the dialog": for
 * each direction the CSeq, the route set and the remote target, besides the
 * From and To values as received.
 *
 * Nothing here locks. A record in shared memory is guarded by the lock of its
 * slot (store.h), all of its fields, `id`, `hash` and `callid` included.
 */
#ifndef IRL_CORE_SESSION_H
#define IRL_CORE_SESSION_H

#include <stdint.h>

#include "core_fsm.h"
#include "core_reason.h"
#include "core_text.h"

enum irl_leg_id
{
	IRL_CALLER = 0,
	IRL_CALLEE = 1
};
#define IRL_LEGS 2

/** Which user is served: a bit each, so that both is the two together. */
enum irl_side
{
	IRL_NO_SIDE = 0,
	IRL_ORIG = 1,
	IRL_TERM = 2,
	IRL_BOTH = 3
};

/** Most dialogs of a session: responses with ever new tags make no more. */
#define IRL_DIALOGS_MAX 64

/** Most Record-Routes of a session, and most bytes of them together. */
#define IRL_ROUTES_MAX 32
#define IRL_ROUTES_BYTES 6144

/** More than those, or malformed ones: where ours is must be looked for. */
#define IRL_ROUTES_UNKNOWN (IRL_ROUTES_MAX + 1)

/** Passes of the INVITE through this S-CSCF that are told apart. */
#define IRL_PASSES_MAX 8

/** One pass of the INVITE through this S-CSCF. With application servers on
 * its way an INVITE comes by several times. */
struct irl_pass
{
	void *in;		  /**< socket on the caller's side */
	void *out;		  /**< socket on the callee's side, 0 before the 2xx */
	uint32_t key;	  /**< hash of the branch above ours: tells responses */
	uint16_t nroutes; /**< Record-Routes of the INVITE as it came in, or
						 IRL_ROUTES_UNKNOWN */
	uint8_t said;	  /**< side that the script named (enum irl_side) */
	uint8_t guessed;  /**< side by the parameter `served` */
};

/** A transaction of tm, by which it is found again. */
struct irl_transaction_id
{
	uint32_t index, label;
	uint32_t cseq;	/**< number after its request's */
	uint16_t t1_ms; /**< its T1 (RFC 3261 17.1.1.1) */
	uint8_t vias;	/**< of the request as it came in */
	uint8_t known;
};

/** What one party of a dialog told us. */
struct irl_leg
{
	uint32_t cseq;		/**< number after the highest seen from it, 0: none */
	uint32_t refreshed; /**< `cseq` of its last refresh that got a 2xx */
	struct irl_text target; /**< its remote target (a URI) */
	/** its last re-INVITE and UPDATE, to be answered at a release */
	struct irl_transaction_id reinvite, update;
};

/** What is due for a 2xx that came after the INVITE was cancelled. */
enum irl_late
{
	IRL_NOT_LATE = 0,
	IRL_LATE_DUE,	  /**< ACK and BYE */
	IRL_LATE_DONE,	  /**< both sent */
	IRL_LATE_ACK_DUE, /**< the 2xx came again: the ACK once more */
};

/** A dialog: early until its 2xx. */
struct irl_dialog
{
	struct irl_dialog *next;
	struct irl_leg leg[IRL_LEGS];
	struct irl_text tag;	/**< of the callee */
	struct irl_text to;		/**< To value of the 2xx, without its tag */
	struct irl_text routes; /**< Record-Routes of the 2xx, packed */
	uint16_t passes;		/**< bit n: pass n relayed a response of it */
	uint16_t answered;		/**< bit n: pass n relayed its 2xx; 0: early */
	uint8_t nroutes;
	uint8_t moved; /**< a refresh has moved a target since the 2xx */
	uint8_t lost;  /**< the way to the callee could not be stored */
	uint8_t late;  /**< enum irl_late */
	uint8_t acks;  /**< passes that the caller's ACK has still to make */
};

/** How far the BYE for one leg is. */
enum irl_bye_status
{
	IRL_BYE_NONE = 0, /**< not built yet */
	IRL_BYE_SENT,
	IRL_BYE_FINAL /**< final response, time-out or not sendable: `code` */
};

/** Room for a Via branch of ours, terminating zero included. */
#define IRL_BRANCH_SIZE 72

/** What tells a BYE of ours when it comes by (own.h). */
struct irl_own_bye
{
	char branch[IRL_BRANCH_SIZE]; /**< of our Via in it */
	uint8_t digest[16];			  /**< of its tags and its Request-URI */
	uint32_t cseq;				  /**< its number */
	uint8_t enters; /**< has yet to come by with our Via alone: the first Route
						 is ours */
	uint8_t passes; /**< to come by here with a Via on top of ours, */
	uint8_t nseen;	/**< of which so many have come, */
	uint64_t seen[IRL_ROUTES_MAX]; /**< each told by that Via */
};

struct irl_leg_release
{
	uint32_t cseq; /**< number the BYE was sent with */
	uint16_t code; /**< final response, 408: none came */
	uint8_t status;
	uint8_t tries;
	uint8_t straight; /**< service control has lost it: round that */
	struct irl_own_bye own;
};

/** A BYE beside the pair, sent for a late 2xx: until it is answered. */
struct irl_extra_bye
{
	struct irl_extra_bye *next;
	uint32_t index, label; /**< of its transaction */
	struct irl_own_bye own;
};

/** What a release adds to the record: there from the trigger on. */
struct irl_release
{
	uint32_t job;
	uint32_t todo; /**< IRL_DO_* that the releasing process has to do */
	uint16_t cause;
	uint8_t failed; /**< what was asked for could not all be done */
	uint8_t waited; /**< T1s since the INVITE was cancelled */
	uint8_t late;	/**< a late 2xx came: it may come again for 64*T1 */
	uint8_t text_len, others_len;
	char text[IRL_TEXT_MAX];
	char others[IRL_OTHERS_MAX]; /**< of the Reason, beside SIP's value */
	struct irl_leg_release leg[IRL_LEGS];
	struct irl_extra_bye *extra;
};

/** What sessions are found by besides Call-ID and id. */
enum irl_index_kind
{
	IRL_BY_IMPU = 0,
	IRL_BY_CALLED_IMPU,
	IRL_BY_ICID,
	IRL_BY_CALLER_CONTACT,
	IRL_BY_CALLEE_CONTACT
};
#define IRL_INDEXES 5

/** What was last seen of the registration that a leg depends on; by the
 * releasing process alone (registration.h). */
struct irl_watch
{
	uint32_t seen;	  /**< when it was last bound, seconds since the epoch */
	uint32_t expires; /**< as the registrar had it then */
	uint32_t address : 24, /**< hash of the leg's contact address then */
			how : 7,	   /**< what was bound: the contact, or just the user */
			missed : 1;	   /**< it was not at the last look, nobody said why */
};

/** A session's place in an index; guarded by the index (index.h). */
struct irl_index_link
{
	struct irl_index_link *next, **at; /**< `at` NULL: in no bucket */
	uint32_t hash;					   /**< of the value, and the kind */
};

struct irl_session
{
	struct irl_session *next; /**< in its slot */
	uint64_t id;
	uint64_t version; /**< the owner's message (core_said.h); of our own, the
						 first that told it */
	uint32_t hash;	  /**< of the Call-ID */
	uint32_t created; /**< seconds since the epoch */
	uint32_t
			expires; /**< when its timer does (worker.h: irl_clock), 0: never */
	uint32_t invite_cseq; /**< number after the INVITE's, 0: none told */
	uint32_t taken;		  /**< when its owner took it over from another */
	uint32_t orphan; /**< its BYE was refused then: no host, yet not over */
	uint8_t state;	 /**< enum irl_state */
	uint8_t npasses;
	uint8_t hosted;	   /**< the dialog module has a record of its own */
	uint8_t cancelled; /**< released, and the caller has a final response of
						 300 or above: a 2xx is late */
	uint8_t refused;   /**< a BYE got a final response that ends nothing */
	uint8_t changed;   /**< for whom (store.h), since they last looked */
	uint8_t kept;	   /**< who has a copy of it */
	uint8_t gruus; /**< bit n: the Contact of leg n came with one just now */
	struct irl_transaction_id invite; /**< at the first pass */
	struct irl_block text;
	struct irl_text callid;
	struct irl_text from; /**< From value of the INVITE, without its tag */
	struct irl_text from_tag;
	struct irl_text to;		 /**< To value of the INVITE */
	struct irl_text contact; /**< remote target of the INVITE's sender */
	struct irl_text impu;	 /**< of the served user */
	/** the called user, when the calling one is served and `impu` */
	struct irl_text called_impu;
	struct irl_text icid;
	/** address that was bound to a GRUU in a Contact, by leg (gruu.h) */
	struct irl_text bound[IRL_LEGS];
	struct irl_watch watch[IRL_LEGS];
	struct irl_text owner;		 /**< node that releases it; none: this one */
	struct irl_text resume_text; /**< a release that was under way, */
	struct irl_text resume_others;
	uint16_t resume_cause; /**< its cause; 0: none */
	struct irl_pass pass[IRL_PASSES_MAX];
	struct irl_dialog first;	/**< the first dialog, others hang on it */
	struct irl_dialog *current; /**< the one that was answered, else first */
	struct irl_release *release;
	struct irl_index_link link[IRL_INDEXES];
};

/** What the initial INVITE says; texts empty when absent. */
struct irl_invite
{
	str callid, from, from_tag, to, contact, impu, icid;
	uint32_t cseq; /**< as irl_cseq_any() tells it */
};

/** What a 2xx to the initial INVITE says; a To that cannot be read is empty. */
struct irl_answer
{
	str tag, to, contact;
	const str *routes; /**< Record-Routes, the caller's end first */
	int nroutes;
	int cut;  /**< those at the callee's end are missing */
	int pass; /**< at which it arrived */
	void *socket;
	uint32_t lifetime; /**< by Session-Expires, 0: no timer */
};

/** @return the record, NULL when memory or IRL_BLOCK_MAX does not allow it */
struct irl_session *irl_session_new(const struct irl_invite *inv);
void irl_session_free(struct irl_session *s);

/**
 * Add a pass; one that is there, by its key, stays what it is: two copies of an
 * INVITE that come at once may both seem to be the first.
 *
 * When all are in use, the last is replaced: the calling side needs the first
 * pass that served it, the called side the last (TS 24.229 5.4.5.1.2, where a
 * user's own BYE would enter).
 *
 * @return its number
 */
int irl_session_add_pass(struct irl_session *s, const struct irl_pass *pass);

/**
 * The script says whom a pass serves. The record's IMPU is the first calling
 * user's, or, when none is served, the last called user's; beside a calling
 * user the called one's has a field of its own.
 *
 * @return 0, or the error of irl_text_set(): then the IMPU stays
 */
int irl_session_serve(
		struct irl_session *s, int pass, enum irl_side side, const str *impu);

/** The sides served: as the script said, as guessed when it said nothing. */
enum irl_side irl_session_served(const struct irl_session *s);

/**
 * The pass at which the served user's BYE enters: for the calling user the
 * first that served it, else the last that served the called user; of the
 * passes that the dialog went through.
 *
 * @param side out: IRL_ORIG or IRL_TERM, whom it serves; may be NULL
 * @return NULL for a session without a pass
 */
const struct irl_pass *irl_session_entry(const struct irl_session *s,
		const struct irl_dialog *dlg, enum irl_side *side);

/** The T1 of its INVITE in milliseconds: RFC 3261's own when none is told. */
static inline unsigned int irl_session_t1(const struct irl_session *s)
{
	return s->invite.t1_ms ? s->invite.t1_ms : 500;
}

/** A dialog of nothing but the INVITE. */
void irl_dialog_init(struct irl_dialog *dlg, const struct irl_session *s);

/** The public identity of the user at a leg; empty when he is not served. */
str irl_session_user(const struct irl_session *s, enum irl_leg_id leg);

/** The dialog of that callee's tag, NULL when there is none. */
struct irl_dialog *irl_session_dialog(
		struct irl_session *s, const str *callee_tag);

/**
 * Whose request is it?
 *
 * @param from_tag of the request, @param to_tag of the request
 * @param leg      out: who sent it
 * @return the dialog, NULL when the tags are of none
 */
struct irl_dialog *irl_session_match(struct irl_session *s, const str *from_tag,
		const str *to_tag, enum irl_leg_id *leg);

/** The caller's or the callee's tag. */
str irl_session_tag(const struct irl_session *s, const struct irl_dialog *dlg,
		enum irl_leg_id leg);

/** The remote target of a party: where requests to it go. */
str irl_session_target(const struct irl_session *s,
		const struct irl_dialog *dlg, enum irl_leg_id leg);

/**
 * A response to the INVITE with a To tag came by: early dialog, if it is new.
 *
 * @return the dialog, NULL out of memory or above IRL_DIALOGS_MAX
 */
struct irl_dialog *irl_session_early(
		struct irl_session *s, const str *tag, int pass);

/**
 * A 2xx to the INVITE came by a pass. The first 2xx of a dialog gives its To,
 * target and routes; at the entry pass they are taken over anew, because that
 * is the dialog as the served user sees it.
 *
 * For want of room early dialogs of other tags are dropped. When it still lacks,
 * the way to the callee is lost, not that to the caller.
 *
 * @param error out: 0, or why not all of it is stored: EINVAL for no tag, E2BIG
 *        for the Record-Routes, EMFILE for IRL_DIALOGS_MAX, ENOMEM, EOVERFLOW
 * @return the dialog, NULL when not even its tag can be stored
 */
struct irl_dialog *irl_session_answer(
		struct irl_session *s, const struct irl_answer *ans, int *error);

/**
 * Make a session of its own of a dialog that was answered after another one
 * (RFC 3261 13.2.2.4: each 2xx of a forked INVITE is a dialog).
 *
 * @param dlg not the only one
 * @return the new record, which the dialog has moved to; NULL out of memory
 */
struct irl_session *irl_session_split(
		struct irl_session *s, struct irl_dialog *dlg);

/**
 * A target refresh got its 2xx (RFC 3261 12.2, RFC 3311): both its Contact
 * and that of the response count from now on, once.
 *
 * @param leg  who sent the request
 * @param cseq its number
 * @param requested, answered the contacts, empty when absent
 * @return 0, also for a 2xx seen before, or the error of irl_text_set()
 */
int irl_session_refresh(struct irl_session *s, struct irl_dialog *dlg,
		enum irl_leg_id leg, uint32_t cseq, const str *requested,
		const str *answered);

/**
 * The Record-Routes of a dialog, the caller's end first.
 *
 * @return how many
 */
int irl_session_routes(const struct irl_session *s,
		const struct irl_dialog *dlg, str routes[IRL_ROUTES_MAX]);

/**
 * A re-INVITE or UPDATE was relayed: keep its transaction, at the pass that it
 * came to first.
 *
 * @param kept of the leg that sent it
 */
void irl_session_keep_pending(
		struct irl_transaction_id *kept, const struct irl_transaction_id *id);

/** Why it is released; texts point into it. */
static inline struct irl_reason irl_release_reason(const struct irl_release *r)
{
	struct irl_reason reason = {r->cause, {(char *)r->text, r->text_len},
			{(char *)r->others, r->others_len}};

	return reason;
}

/**
 * An event of the session: its state moves as core_fsm.h says.
 *
 * @return IRL_DO_* for the caller to do or to leave to the releasing process,
 *         -1 when the event is not legal in this state: nothing was changed
 */
int irl_session_event(struct irl_session *s, enum irl_event ev);

#endif

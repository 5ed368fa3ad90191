/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file replica_peer.h  What the files of the replication share
 *
 * replica.c knows the nodes, replica_say.c tells them of our sessions in the
 * keeping process, replica_hear.c takes what they say in DMQ's processes.
 */
#ifndef IRL_REPLICA_PEER_H
#define IRL_REPLICA_PEER_H

#include "core/locking.h"
#include "modules/dmq/bind_dmq.h"

#include "core_said.h"
#include "replica.h"

/** A node not heard of for so long may have missed something, or we have. */
#define IRL_SILENCE_MS 3500

#define IRL_NODES_MAX 16

/** What is known of another node; guarded by the lock, but for how far a copy
 * for it is, which is the keeping process's own. */
struct irl_peer
{
	char name[IRL_NODE_NAME_MAX];
	int name_len;
	uint32_t boot;			 /**< another one: it has begun anew */
	uint32_t heard;			 /**< number of its newest message */
	uint32_t count, counted; /**< its sessions, when that was its newest */
	uint64_t heard_ms, asked_ms;
	uint32_t patience; /**< until it is asked for all again, in ms */
	int ask;		   /**< for all of its sessions */
	int greet;		   /**< it has begun: may not know what we claim */
	enum irl_copying
	{
		IRL_COPY_NONE = 0,
		IRL_COPY_ASKED, /**< it wants all of ours, from the beginning */
		IRL_COPY_GOES	/**< and so far it has them: */
	} copying;
	int copy_slot, copy_skip;
	uint32_t copy_since; /**< number of the copy's first message */
	uint32_t copy_sent;	 /**< messages of it */
	/** the newest copy that it has sent us, by the number of its first message:
	 * how many of its messages are here, and how many there are, 0: not known */
	uint32_t copy, copy_here, copy_all;
	/** we took over then what it had said until then; `at` 0: never */
	struct irl_said_claim claimed;
	uint32_t heard_claim; /**< it took ours over then, */
	uint32_t given_up;	  /**< and all of them are known to us */
};

/** Nodes are only ever added: an entry stays where it is. */
struct irl_peers
{
	gen_lock_t lock;
	int taking; /**< over: what is claimed is not all ours yet */
	int count;
	struct irl_peer peer[IRL_NODES_MAX];
};
extern struct irl_peers *irl_peers;

extern dmq_api_t irl_dmq;
extern dmq_peer_t *irl_dmq_peer; /**< this module among the users of DMQ */
extern uint32_t irl_boot;		 /**< of this start of this node */

/** It has been heard of just now; the lock is held. */
int irl_peer_is_there(const struct irl_peer *p);

/** Locked. @return NULL when there is none, or too many to make one */
struct irl_peer *irl_peer_of(const str *name, int make);

str irl_peer_name(const struct irl_peer *p);

/** Slot of the session locked. */
int irl_is_of(const struct irl_session *s, const str *owner);

/** What another node says comes here. */
int irl_replica_hear(
		struct sip_msg *msg, peer_reponse_t *resp, dmq_node_t *from);

#endif

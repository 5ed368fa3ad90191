/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file replica.h  Sessions on other nodes, by Kamailio's DMQ
 *
 * Each session has one owner, the node that carries it and releases it; the
 * others have a copy. An owner tells what has changed; the number of its
 * message says which of two copies is newer. Once a second each node says that
 * it is there: who hears one for the first time, after a silence, or with
 * another count of sessions than its own copies, asks for all of them.
 *
 * A node that takes the sessions of another over claims what that one had told
 * until then. The other, if it was only cut off, gives it up when it hears of
 * the claim: what is owned twice would be released twice. Each session bears
 * the time of its last change of owner besides: of two that have it as their
 * own, the one that took it later keeps it, also when a restart has forgotten
 * the claim.
 */
#ifndef IRL_REPLICA_H
#define IRL_REPLICA_H

#include "core_session.h"

/** From mod_init. @return 0, or -1 with one line in the log */
int irl_replica_init(void);

/** The name of this node; empty without replication. */
const str *irl_replica_node(void);

/** For the keeping process: tell of a session; its slot is locked.
 * @return 1; 0 when the message is full: irl_replica_flush() first */
int irl_replica_row(struct irl_session *s);

/** The same of one that is no more, and perhaps of no slot any more. */
int irl_replica_gone(struct irl_session *s, int locked);

/** Send what was told. */
void irl_replica_flush(void);

/** For the keeping process, some times a second: say that we are there, answer
 * who asked for all. */
void irl_replica_tick(uint64_t now_ms);

/**
 * From now on the sessions of another node are ours.
 *
 * @return how many, -1 when it is this node or replication is off
 */
long irl_replica_takeover(const str *name);

#endif

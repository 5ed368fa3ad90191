/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file snapshot.h  A session as it was under its lock, for work without it
 */
#ifndef IRL_SNAPSHOT_H
#define IRL_SNAPSHOT_H

#include "core_session.h"

struct irl_snapshot
{
	struct irl_session s; /**< s.current is &dlg; s.release is &r, or NULL */
	struct irl_dialog dlg;
	struct irl_release r;
	char text[IRL_BLOCK_MAX];
};

/** Copy the session, with one of its dialogs; slot locked. */
void irl_snapshot_take(struct irl_snapshot *snap, const struct irl_session *s,
		const struct irl_dialog *dlg);

static inline str irl_snapshot_text(
		const struct irl_snapshot *snap, struct irl_text t)
{
	return irl_text_get(&snap->s.text, t);
}

#endif

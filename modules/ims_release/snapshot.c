/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "snapshot.h"

#include <string.h>

void irl_snapshot_take(struct irl_snapshot *snap, const struct irl_session *s,
		const struct irl_dialog *dlg)
{
	snap->s = *s;
	snap->dlg = *dlg;
	snap->s.current = &snap->dlg;
	if(s->release) {
		snap->r = *s->release;
		snap->s.release = &snap->r;
	}
	memcpy(snap->text, s->text.s, s->text.used);
	snap->s.text.s = snap->text;
}

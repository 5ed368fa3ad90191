/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * @file host_dlg_impl.h  What `dialog` and `ims_dialog` have in common
 *
 * Both have types and callbacks of the same names and shapes but different
 * layouts, so each gets a translation unit of its own, which includes its
 * dlg_load.h, defines `static API api` and HOST_*, and then includes this.
 * HOST_CALLER_TAG and HOST_CALLEE_TAG are for a record that nobody else can
 * change yet.
 */
#include "core/sr_module.h"

#include "capture.h"
#include "host.h"
#include "stats.h"

static void on_event(
		struct dlg_cell *dlg, int type, struct dlg_cb_params *params)
{
	/* the parameter is the id itself: nothing to free */
	uint64_t id = (uint64_t)(uintptr_t)*params->param;

	switch(type) {
		case DLGCB_TERMINATED:
			/* without a request it is the module's own pair of BYEs */
			irl_capture_host(id, params->req ? IRL_HOST_BYE : IRL_HOST_ENDED);
			break;
		case DLGCB_EXPIRED:
			irl_capture_host(id, IRL_HOST_ENDED);
			break;
		case DLGCB_FAILED:
			irl_capture_host(id, IRL_HOST_FAILED);
			break;
		case DLGCB_DESTROY:
			irl_capture_host(id, IRL_HOST_GONE);
			break;
	}
}

/* @return 0 or -1 */
static int follow(struct dlg_cell *dlg, uint64_t id)
{
	return api.register_dlgcb(dlg,
			DLGCB_TERMINATED | DLGCB_EXPIRED | DLGCB_FAILED | DLGCB_DESTROY,
			on_event, (void *)(uintptr_t)id, NULL);
}

static void on_created(
		struct dlg_cell *dlg, int type, struct dlg_cb_params *params)
{
	uint64_t id = irl_capture_created(params->req);

	if(id && follow(dlg, id) != 0) {
		/* its end would not be seen: better no record than one for ever */
		LM_ERR("session not recorded: no callback on its dialog, "
			   "Call-ID %.*s\n",
				dlg->callid.len, dlg->callid.s);
		irl_stat_inc(refused_sessions);
		irl_capture_host(id, IRL_HOST_GONE);
	}
}

/* Read from its database, before there are other processes. Without us
 * following it the session ends by its BYE all the same. */
static void on_loaded(
		struct dlg_cell *dlg, int type, struct dlg_cb_params *params)
{
	str caller_tag = HOST_CALLER_TAG(dlg), callee_tag = HOST_CALLEE_TAG(dlg);
	uint64_t id = irl_capture_loaded(&dlg->callid, &caller_tag, &callee_tag);

	if(id)
		follow(dlg, id);
}

static int host_bind(void)
{
	if(!find_export(HOST_LOADER, 0, 0) || HOST_LOAD(&api) < 0)
		return -1;
	if(api.register_dlgcb(NULL, DLGCB_LOADED, on_loaded, NULL, NULL) != 0)
		return -1;
	return api.register_dlgcb(NULL, DLGCB_CREATED, on_created, NULL, NULL);
}

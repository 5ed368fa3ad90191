/* SPDX-License-Identifier: GPL-2.0-or-later */
/** @file host_ims_dialog.c  The module `ims_dialog`: all that knows of it */
#include "modules/ims_dialog/dlg_load.h"
#include "modules/ims_dialog/dlg_hash.h"

static ims_dlg_api_t api;

#define HOST_LOADER "load_ims_dlg"
#define HOST_LOAD load_ims_dlg_api
#define HOST_CALLER_TAG(dlg) ((dlg)->from_tag)
#define HOST_CALLEE_TAG(dlg) callee_tag_of(dlg)

/* The dialog that was answered; of an early one none. */
static str callee_tag_of(const struct dlg_cell *dlg)
{
	const struct dlg_cell_out *out = dlg->dlg_entry_out.first;
	str none = {"", 0};

	return out ? out->to_tag : none;
}

#include "host_dlg_impl.h"

const struct irl_host irl_host_ims_dialog = {"ims_dialog", 1, host_bind};

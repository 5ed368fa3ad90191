/* SPDX-License-Identifier: GPL-2.0-or-later */
/** @file host_dialog.c  The module `dialog`: all that knows of it */
#include "modules/dialog/dlg_load.h"
#include "modules/dialog/dlg_hash.h"

static struct dlg_binds api;

#define HOST_LOADER "load_dlg"
#define HOST_LOAD load_dlg_api
#define HOST_CALLER_TAG(dlg) ((dlg)->tag[DLG_CALLER_LEG])
#define HOST_CALLEE_TAG(dlg) ((dlg)->tag[DLG_CALLEE_LEG])
#include "host_dlg_impl.h"

const struct irl_host irl_host_dialog = {"dialog", 0, host_bind};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/** @file host_ims_dialog.c  The module `ims_dialog`: all that knows of it */
#include "modules/ims_dialog/dlg_load.h"

static ims_dlg_api_t api;

#define HOST_LOADER "load_ims_dlg"
#define HOST_LOAD load_ims_dlg_api
#include "host_dlg_impl.h"

const struct irl_host irl_host_ims_dialog = {"ims_dialog", 1, host_bind};

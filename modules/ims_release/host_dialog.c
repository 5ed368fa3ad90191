/* SPDX-License-Identifier: GPL-2.0-or-later */
/** @file host_dialog.c  The module `dialog`: all that knows of it */
#include "modules/dialog/dlg_load.h"

static struct dlg_binds api;

#define HOST_LOADER "load_dlg"
#define HOST_LOAD load_dlg_api
#include "host_dlg_impl.h"

const struct irl_host irl_host_dialog = {"dialog", 0, host_bind};

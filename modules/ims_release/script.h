/* SPDX-License-Identifier: GPL-2.0-or-later */
/** @file script.h  The functions of the routing script, and KEMI's */
#ifndef IRL_SCRIPT_H
#define IRL_SCRIPT_H

#include "core/kemi.h"
#include "core/sr_module.h"

extern cmd_export_t irl_cmds[];
extern sr_kemi_t irl_kemi[];

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/** @file pv.h  The pseudo-variable $imsrel(name) */
#ifndef IRL_PV_H
#define IRL_PV_H

#include "core/pvar.h"

int irl_pv_parse_name(pv_spec_t *spec, str *name);
int irl_pv_get(sip_msg_t *msg, pv_param_t *param, pv_value_t *res);
int irl_pv_set(sip_msg_t *msg, pv_param_t *param, int op, pv_value_t *val);

#endif

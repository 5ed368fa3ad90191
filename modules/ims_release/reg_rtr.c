/* SPDX-License-Identifier: GPL-2.0-or-later */
/** @file reg_rtr.c  Registration-Termination-Requests of the HSS (TS 29.229):
 * all that knows of `cdp` */
#include <arpa/inet.h>
#include <string.h>

#include "core/dprint.h"
#include "modules/cdp/cdp_load.h"

#include "core_text.h"
#include "reg_notes.h"

#define VENDOR_3GPP 10415
#define CX 16777216

static struct cdp_binds cdp;

static AAA_AVP *find(AAAMessage *msg, AAA_AVP *after, int code, int vendor)
{
	return cdp.AAAFindMatchingAVP(msg, after, code, vendor, AAA_FORWARD_SEARCH);
}

static enum irl_reg_end end_of(AAAMessage *rtr)
{
	AAA_AVP *group =
			find(rtr, NULL, AVP_IMS_Deregistration_Reason, VENDOR_3GPP);
	enum irl_reg_end end = IRL_END_TERMINATED;
	AAA_AVP_LIST list;
	AAA_AVP *avp;
	uint32_t code;

	if(!group)
		return end;
	list = cdp.AAAUngroupAVPS(group->data);
	avp = cdp.AAAFindMatchingAVPList(
			list, list.head, AVP_IMS_Reason_Code, VENDOR_3GPP, 0);
	if(avp && avp->data.len == (int)sizeof(code)) {
		memcpy(&code, avp->data.s, sizeof(code));
		end = irl_reg_end_of(ntohl(code));
	}
	cdp.AAAFreeAVPList(&list);
	return end;
}

/* cdp calls it for each request, in a process of its own. Without public
 * identities it is about all those of the private one. The answer is the
 * registrar's. */
static AAAMessage *on_request(AAAMessage *msg, void *param)
{
	enum irl_reg_end end;
	AAA_AVP *avp;

	if(msg->applicationId != CX || msg->commandCode != IMS_RTR)
		return NULL;
	end = end_of(msg);
	avp = find(msg, NULL, AVP_IMS_Public_Identity, VENDOR_3GPP);
	if(!avp) {
		avp = find(msg, NULL, AVP_User_Name, 0);
		if(avp)
			irl_reg_note_identity(&avp->data, end);
		return NULL;
	}
	while(avp) {
		irl_reg_note(&avp->data, end);
		avp = avp->next ? find(
					  msg, avp->next, AVP_IMS_Public_Identity, VENDOR_3GPP)
						: NULL;
	}
	return NULL;
}

int irl_reg_rtr_init(void)
{
	if(!find_export("load_cdp", NO_SCRIPT, 0))
		return 0;
	if(load_cdp_api(&cdp) < 0 || !cdp.AAAAddRequestHandler(on_request, NULL)) {
		LM_ERR("no RTR can be seen: load cdp before ims_release\n");
		return -1;
	}
	return 0;
}

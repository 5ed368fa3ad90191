// SPDX-License-Identifier: GPL-2.0-or-later
// A proxy in KEMI that calls each function of ims_release.

function said(what, code) {
	KSR.info("kemi " + what + " " + code + "\n");
}

function ksr_request_route() {
	if(KSR.is_method("CANCEL")) {
		if(KSR.tm.t_check_trans() > 0) KSR.tm.t_relay();
		return;
	}
	if(KSR.is_method("BYE"))
		said("is_own", KSR.ims_release.is_own());
	if(KSR.siputils.has_totag() > 0) {
		if(KSR.is_method("INFO"))
			said("release_text", KSR.ims_release.release_text(403, "Barred"));
		if(KSR.rr.loose_route() > 0) KSR.tm.t_relay();
		return;
	}
	if(KSR.is_method("OPTIONS")) {
		said("release", KSR.ims_release.release(403));
		said("release_text", KSR.ims_release.release_text(99, "Barred"));
		said("release_by", KSR.ims_release.release_by("icid", "none", 403));
		said("release_by_text",
			KSR.ims_release.release_by_text("color", "red", 403, "Barred"));
		KSR.sl.send_reply(200, "OK");
		return;
	}
	KSR.dialog.dlg_manage();
	said("serve", KSR.ims_release.serve("orig"));
	said("serve_user", KSR.ims_release.serve_user("orig", "sip:kemi@ims.example"));
	said("serve", KSR.ims_release.serve("both"));
	KSR.rr.record_route();
	KSR.tm.t_relay();
}

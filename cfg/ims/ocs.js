// SPDX-License-Identifier: GPL-2.0-or-later
// What the OCS says on the Ro interface (TS 32.299, RFC 4006). Run by ocs.cfg.

var RO = 4;
var TYPES = { 1: "INITIAL", 2: "UPDATE", 3: "TERMINATION" };
var SUCCESS = 2001;
// Final-Unit-Action
var TERMINATE = 0;

// An AVP, as ims_diameter_server has it in JSON.
function avp(code, value) {
	var made = { avpCode: code, vendorId: 0, Flags: 64 };
	made[typeof value == "number" ? "int32" : "list"] = value;
	return made;
}

function number(request, code) {
	return request.filter(function (a) {
		return a.avpCode == code;
	})[0].int32;
}

function answer() {
	var request = JSON.parse(KSR.pv.get("$diameter_request"));
	var type = number(request, 416);
	var told = KSR.htable.sht_get("credit", TYPES[type]);
	var credit = told ? JSON.parse(told) : {};
	var result = credit.result || SUCCESS;
	var said = [avp(258, RO), avp(416, type), avp(415, number(request, 415)),
		avp(268, result)];
	if (result == SUCCESS && TYPES[type] != "TERMINATION")
		said.push(grant(credit));
	KSR.pv.sets("$var(answer)", JSON.stringify(said));
	KSR.pv.seti("$var(delay)", (credit.delay || 0) * 1000);
}

// Multiple-Services-Credit-Control
function grant(credit) {
	var said = [avp(431, [avp(420, credit.time || 30)]),
		avp(448, credit.validity || 30), avp(268, SUCCESS)];
	if (credit.final)
		said.push(avp(430, [avp(449, TERMINATE)]));
	return avp(456, said);
}

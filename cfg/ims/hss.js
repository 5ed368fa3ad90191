// SPDX-License-Identifier: GPL-2.0-or-later
// What the HSS says on the Cx interface (TS 29.228, 29.229). Run by hss.cfg.

var VENDOR = 10415, CX = 16777216;
var DOMAIN = "ims.example", SCSCF = "scscf." + DOMAIN;

var SUCCESS = 2001;
// Experimental-Result-Codes
var FIRST_REGISTRATION = 2001, SUBSEQUENT_REGISTRATION = 2002,
	USER_UNKNOWN = 5001, IDENTITY_NOT_REGISTERED = 5003;

var COMMANDS = { 300: userAuthorization, 301: serverAssignment, 302: locationInfo,
	303: multimediaAuth };

// Server-Assignment-Types that leave the user without an S-CSCF
var DEREGISTRATIONS = [4, 5, 8, 9, 10, 11];

// -- AVPs, as ims_diameter_server has them in JSON --------------------------------

function avp(code, value, vendor) {
	var made = { avpCode: code, vendorId: vendor || 0, Flags: 64 };
	var kind = typeof value == "number" ? "int32"
		: typeof value == "string" ? "string" : "list";
	made[kind] = value;
	return made;
}

function avp3gpp(code, value) {
	return avp(code, value, VENDOR);
}

// The values of all AVPs of that code.
function values(request, code) {
	return request.filter(function (a) {
		return a.avpCode == code;
	}).map(function (a) {
		return "string" in a ? a.string : a.int32;
	});
}

// What each message of the application has.
function common() {
	return [avp(260, [avp(266, VENDOR), avp(258, CX)]), avp(277, 1)];
}

function result(code) {
	return common().concat([avp(268, code)]);
}

function experimental(code) {
	return common().concat([avp(297, [avp(266, VENDOR), avp(298, code)])]);
}

function serverName(impu) {
	var name = KSR.htable.sht_get("serving", impu);
	return name ? [avp3gpp(602, name)] : [];
}

// -- requests of the I-CSCF and the S-CSCF ----------------------------------------

function answer() {
	var request = JSON.parse(KSR.pv.get("$diameter_request"));
	var command = COMMANDS[KSR.pv.get("$diameter_command")];
	var said = command(request, values(request, 601)[0], values(request, 1)[0]);
	KSR.pv.sets("$var(answer)", JSON.stringify(said));
}

function userAuthorization(request, impu, impi) {
	if (!KSR.htable.sht_get("password", impi))
		return experimental(USER_UNKNOWN);
	var server = serverName(impu);
	if (server.length)
		return experimental(SUBSEQUENT_REGISTRATION).concat(server);
	// no capability is asked for: any S-CSCF will do
	return experimental(FIRST_REGISTRATION);
}

function multimediaAuth(request, impu, impi) {
	var password = KSR.htable.sht_get("password", impi);
	if (!password)
		return experimental(USER_UNKNOWN);
	var nonce = "";
	while (nonce.length < 16)
		nonce += Math.floor(Math.random() * 36).toString(36);
	return result(SUCCESS).concat([
		avp(1, impi), avp3gpp(601, impu), avp3gpp(607, 1),
		avp3gpp(612, [avp3gpp(613, 1), avp3gpp(608, "Digest-MD5"),
			avp3gpp(609, nonce), avp3gpp(610, password)])]);
}

function serverAssignment(request, impu, impi) {
	var type = values(request, 614)[0];
	impi = impi || impu.replace("sip:", "");
	if (!KSR.htable.sht_get("password", impi))
		return experimental(USER_UNKNOWN);
	if (DEREGISTRATIONS.indexOf(type) >= 0) {
		KSR.htable.sht_rm("serving", impu);
		return result(SUCCESS).concat([avp(1, impi)]);
	}
	KSR.htable.sht_sets("serving", impu, values(request, 602)[0]);
	return result(SUCCESS).concat([avp(1, impi),
		avp3gpp(606, profile(impi, impu))]);
}

function locationInfo(request, impu) {
	var server = serverName(impu);
	return server.length ? result(SUCCESS).concat(server)
		: experimental(IDENTITY_NOT_REGISTERED);
}

// The user's profile (TS 29.228 annex E), one public identity for each private one.
function profile(impi, impu) {
	return "<?xml version='1.0'?><IMSSubscription><PrivateID>" + impi
		+ "</PrivateID><ServiceProfile><PublicIdentity><Identity>" + impu
		+ "</Identity></PublicIdentity>"
		+ (KSR.htable.sht_get("criteria", impu) || "")
		+ "</ServiceProfile></IMSSubscription>";
}

// -- what the HSS starts: Registration-Termination-Request -------------------------

function deregister() {
	var command = JSON.parse(KSR.pv.get("$var(command)"));
	var request = common().concat([avp(293, SCSCF), avp(283, DOMAIN)]);
	if (command.impi)
		request.push(avp(1, command.impi));
	(command.impu || []).forEach(function (impu) {
		request.push(avp3gpp(601, impu));
		KSR.htable.sht_rm("serving", impu);
	});
	request.push(avp3gpp(615, [avp3gpp(616, command.reason || 0)]));
	KSR.pv.sets("$var(peer)", SCSCF);
	KSR.pv.sets("$var(request)", JSON.stringify(request));
}

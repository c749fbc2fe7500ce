-- office.lua - a company: partners come first, departments have lists of their own
--
-- Who may write to an internal address is a question of sender and recipient; what
-- may be large is a question of size, which is known for sure at the end of a message
-- only. So this rule answers two restrictions of main.cf:
--   smtpd_recipient_restrictions = ... reject_unauth_destination,
--       check_policy_service { inet:127.0.0.1:10031, timeout=15s, default_action=DUNNO }
--   smtpd_end_of_data_restrictions =
--       check_policy_service { inet:127.0.0.1:10031, timeout=15s, default_action=DUNNO }

server { name = "office" }

-- Partners, and what they may do: the words behind the key become fields.
partners = check.list {
	search = "mail",
	attribute = "sender",
	fields = { "level" },
	inline = {
		["supplier.example"] = "gold",
		["printer@paper.example"] = "silver",
	},
}

-- Addresses that exist for our own people only.
internal = check.list {
	search = "mail",
	attribute = "recipient",
	inline = { "all@example.org", "board@example.org" },
}

-- Our own networks, from where printers and scripts send without a login.
house = check.list {
	search = "cidr",
	attribute = "client_address",
	inline = { "10.0.0.0/8", "2001:db8:1::/48" },
}

local MEGABYTE = 1024 * 1024

function at_recipient(req)
	local addressed, own, partner = internal(req), house(req), partners(req)

	if req.sasl_username or own.found then return dunno("one of us") end
	if addressed.found then
		-- While we do not know whether it is one of us, mail waits.
		if own.unknown then return defer_if_permit("4.3.0", "try again later") end
		return reject("5.7.1", "this address takes mail from inside only")
	end
	if partner.found then note("partner", partner.level or "listed") end
	return dunno()
end

function at_end(req)
	local partner = partners(req)
	local limit = (partner.found or partner.unknown) and 50 * MEGABYTE or 20 * MEGABYTE

	if req.sasl_username then return dunno() end
	if (req.size or 0) > limit then
		return reject("5.3.4", "larger than " .. limit // MEGABYTE .. " MB; please send a link")
	end
	return dunno()
end

listen("inet:127.0.0.1:10031", route("protocol_state", {
	RCPT = at_recipient,
	["END-OF-MESSAGE"] = at_end,
}))

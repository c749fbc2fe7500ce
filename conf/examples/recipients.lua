-- recipients.lua - everybody decides for themselves: policies by recipient
--
-- Each recipient, or the domain, has a level; who has none gets the usual one. A
-- recipient's own deny list holds pairs "RECIPIENT SENDER", so one check answers for
-- all of them. Both lists would be files, such as file = "levels.txt", that users or
-- a web page write; they are read again when they change.

server { name = "mx1" }

-- Recipient, level: open (everything passes), usual, strict (only who is known).
levels = check.list {
	search = "mail",
	attribute = "recipient",
	fields = { "level" },
	inline = {
		["alice@example.org"] = "strict",
		["sales@example.org"] = "open",
		["school.example"] = "strict",
	},
}

-- Pairs: who does not want mail of whom. In a file such a key stands in quotes.
unwanted = check.list {
	search = "exact",
	ignore_case = true,
	inline = { "bob@example.org news@bulletin.example" },
}

-- Senders that strict recipients trust.
trusted = check.list {
	search = "mail",
	attribute = "sender",
	inline = { "partner.example", "friend@example.net" },
}

blocked = check.list {
	search = "cidr",
	attribute = "client_address",
	inline = { "192.0.2.0/24" },
}

local function pair(req)
	if not req.recipient or not req.sender or req.sender == "" then return nil end
	return req.recipient .. " " .. req.sender
end

function incoming(req)
	local level, denied = levels(req), unwanted(req, { value = pair(req) })
	local network, friend = blocked(req), trusted(req)
	local mine = level.found and level.level or "usual"

	note("level", mine)
	if denied.found then return reject("5.7.1", "the recipient does not want your mail") end
	-- Bounces are answers to mail that was sent: they pass.
	if mine == "open" or req.sender == "" then return dunno() end
	if level.unknown then return defer_if_permit("4.3.0", "try again later") end
	if network.found then return reject("5.7.1", "your network is blocked") end
	if mine == "strict" then
		if friend.found then return dunno("known sender") end
		return defer_if_permit("4.7.1", "the recipient takes mail of known senders only")
	end
	return dunno()
end

listen("inet:127.0.0.1:10031", incoming)

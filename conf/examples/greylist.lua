-- greylist.lua - who looks like a mail server passes, the others have to come back
--
-- Greylisting costs time: mail of somebody new comes some minutes late. So only mail of
-- clients waits that have no name of their own, or one that a home connection has, and
-- the null sender of such clients. Who is known (`ppolicyctl greylist list`) passes at once.
--
-- In main.cf, behind reject_unauth_destination and what refuses unknown recipients:
--   check_policy_service { inet:127.0.0.1:10031, timeout=15s, default_action=DUNNO }

server { name = "mx1" }

grey = check.greylist { delay = "5m" }

-- Machines whose names are made of their addresses.
homes = check.list {
	search = "regex",
	attribute = "client_name",
	ignore_case = true,
	inline = { [=[(^|[.-])(dyn|dynamic|dhcp|pppoe?|cable|dsl)[0-9]*[.-]]=] },
}

-- Who shall never wait: where login codes and tickets come from.
hasty = check.list {
	search = "domain",
	attribute = "client_name",
	inline = { "bank.example", "airline.example" },
}

function incoming(req)
	if req.sasl_username then return dunno("our user") end
	local home, urgent = homes(req), hasty(req)

	if urgent.found then return dunno("never waits") end
	if home.found or not req.client_name or req.client_name == "unknown" then
		local known = grey(req)
		note("grey", known.reason or known.word)
		-- Unknown, as while the database is away, is no reason to wait.
		if known.wait then return defer_if_permit("4.7.1", known.text) end
	end
	return dunno()
end

listen("inet:127.0.0.1:10031", incoming)

-- ppolicyd.lua - the policy of this mail server: settings, checks, rules
--
-- Check it with `ppolicyd -t`, load it with `ppolicyctl reload`. All settings and
-- checks are in ppolicyd.lua(5); `ppolicyd --manual` prints the same in short.

-- server { name = "mx1", user = "ppolicyd" }

-- What lasts, such as greylisting, lies in /var/lib/ppolicyd/ppolicyd.db. To have it elsewhere:
-- store { "sqlite", path = "/srv/ppolicyd/ppolicyd.db" }

-- Partners whose mail is let through: addresses, domains, .domains with all below them.
-- For longer lists: { file = "partners.txt", ... }, one a line, read again when it changes.
partners = check.list {
	search = "mail",
	attribute = "sender",
	inline = { "partner.example", "news@bulletin.example" },
}

-- Networks that may not send to us.
blocked = check.list {
	search = "cidr",
	attribute = "client_address",
	inline = { ["192.0.2.0/24"] = "documentation only", ["2001:db8::/32"] = "documentation only" },
}

-- Only we say these names in HELO; a stranger who does so lies.
our_names = check.list {
	search = "domain",
	attribute = "helo_name",
	inline = { "mail.example.org" },
}

-- Greylisting: mail from whom nobody here has had mail yet waits five minutes, which most spam does
-- not. To begin with it, take the dashes away here and in the rule.
-- grey = check.greylist { delay = "5m" }

-- What is asked before the first answer is read is asked side by side.
function incoming(req)
	if req.sasl_username then return dunno("our user") end
	local blocked_client, lying = blocked(req), our_names(req)
	if blocked_client.found then return reject("5.7.1", blocked_client.value or "not from there") end
	if lying.found then return reject("5.7.1", "that is not your name") end
	if partners(req).found then return dunno("partner") end
	-- if grey(req).wait then return defer_if_permit("4.7.1", "greylisted, try again later") end
	return dunno()
end

listen("inet:127.0.0.1:10031", incoming)

-- first-week.lua - what would be refused? A week of looking before the first refusal
--
-- The listener observes: Postfix always gets DUNNO, and the log says what the rule
-- wanted. After a week:
--   grep observe-reject /var/log/mail.log
--   ppolicyctl status
-- and if nothing in it makes you wince, take observe = true out and reload.
--
-- The notes gather what you want to know before you write a stricter rule:
--   grep -o 'tls=[^ ]*' /var/log/mail.log | sort | uniq -c

server { name = "mx1" }

known = check.list {
	search = "mail",
	attribute = "sender",
	inline = { "customer.example", "newsletter@bulletin.example" },
}

blocked = check.list {
	search = "cidr",
	attribute = "client_address",
	inline = { "192.0.2.0/24", "2001:db8::/32" },
}

function incoming(req)
	local sender, network = known(req), blocked(req)

	note("tls", req.encryption_protocol or "none")
	if sender.found or sender.unknown then return dunno("known") end
	if network.found then return reject("5.7.1", "your network is blocked") end
	if not req.helo_name then return reject("5.5.2", "say HELO first") end
	if req.client_name == "unknown" and not req.helo_name:find(".", 1, true) then
		return defer_if_permit("4.7.1", "neither your address nor your HELO name has a domain")
	end
	return dunno()
end

listen("inet:127.0.0.1:10031", incoming, { observe = true })

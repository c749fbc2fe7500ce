-- vps.lua - one small server with the mail of a family or a club
--
-- It refuses little and explains what it does: networks and senders you do not want,
-- strangers who call themselves by your name. Whoever writes to postmaster or abuse
-- gets through, so that people can complain.
--
-- In main.cf, behind reject_unauth_destination:
--   check_policy_service { inet:127.0.0.1:10031, timeout=15s, default_action=DUNNO }

server { name = "vps" }

-- Addresses and domains of people who must get through. For a longer list write
-- file = "friends.txt": one a line, read again when it changes.
friends = check.list {
	search = "mail",
	attribute = "sender",
	inline = { "grandma@example.com", "club.example" },
}

-- Networks that only sent spam so far, with the reason: it stands in the refusal.
networks = check.list {
	search = "cidr",
	attribute = "client_address",
	inline = { ["192.0.2.0/24"] = "spam since March", ["2001:db8:bad::/48"] = "open proxies" },
}

-- Senders we have unsubscribed from more than once.
senders = check.list {
	search = "mail",
	attribute = "sender",
	subdomains = true,
	inline = { "bulk.example", "offers@shop.example" },
}

-- Names that are ours. A stranger who says one of them in HELO lies.
own_names = check.list {
	search = "domain",
	attribute = "helo_name",
	inline = { "vps.example.org" },
}

-- All four are asked before the first answer is read, so they are asked side by side.
function incoming(req)
	local friend, network, sender, liar = friends(req), networks(req), senders(req), own_names(req)

	if req.recipient_localpart == "postmaster" or req.recipient_localpart == "abuse" then
		return dunno("must be reachable")
	end
	-- "not known" counts as friend: what follows refuses for good.
	if friend.found or friend.unknown then return dunno("friend") end
	if network.found then return reject("5.7.1", "your network is blocked: " .. (network.value or "spam")) end
	if sender.found then return reject("5.7.1", "we did not ask for this mail") end
	if liar.found then return reject("5.7.1", "that is our name, not yours") end
	return dunno()
end

listen("inet:127.0.0.1:10031", incoming)

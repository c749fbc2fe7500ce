-- gateway.lua - gateways of a provider: strangers on port 25, customers on port 587
--
-- One server, two rules. In master.cf each smtpd says which one it wants:
--   smtp       inet n - y - - smtpd
--     -o { smtpd_recipient_restrictions = reject_unauth_destination,
--          check_policy_service { inet:127.0.0.1:10031, timeout=15s, default_action=DUNNO,
--          policy_context=inbound } }
--   submission inet n - y - - smtpd
--     -o { smtpd_recipient_restrictions = permit_sasl_authenticated, reject }
--     -o { smtpd_sender_restrictions =
--          check_policy_service { inet:127.0.0.1:10031, timeout=15s, default_action=DUNNO,
--          policy_context=submission } }
--
-- The lists would be files that all gateways get from one place:
-- file = "/var/lib/ppolicyd/networks.txt" in place of inline.

server { name = "gw1", deadline = "8s" }
log { to = "syslog" }
cache { memory = "256M" }

networks = check.list {
	search = "cidr",
	attribute = "client_address",
	inline = { ["192.0.2.0/24"] = "see https://example.org/blocked", ["2001:db8:bad::/48"] = "snowshoe" },
}

-- Machines whose names are made of their addresses: home connections, as a rule.
homes = check.list {
	search = "regex",
	attribute = "client_name",
	ignore_case = true,
	inline = { [=[(^|[.-])(dyn|dynamic|dhcp|pppoe?|cable|dsl)[0-9]*[.-]]=] },
}

-- Customers whose account was stolen. Searched by login name, not by sender, since
-- anybody can write any sender.
stolen = check.list { search = "mail", inline = { "broken@example.org" } }

-- Slows down what is odd; Postfix waits as long.
pause = check.sleep { time = "2s", most = 200 }

function inbound(req)
	local network, home = networks(req), homes(req)

	if network.found then return reject("5.7.1", network.value or "your network is blocked") end
	if home.found and req.protocol_name == "SMTP" then
		note("pause", pause(req).word)
		return defer_if_permit("4.7.1", "send through the server of your provider")
	end
	return dunno()
end

function submission(req)
	if not req.sasl_username then return reject("5.7.0", "log in first") end
	local account = stolen(req, { value = req.sasl_username })
	if account.found then return reject("5.7.1", "this account is blocked; please call us") end
	-- Better one hour of no mail from one account than another million of spam.
	if account.unknown then return defer("4.3.0", "try again later") end
	return dunno()
end

listen("inet:127.0.0.1:10031", route("policy_context", {
	inbound = inbound,
	submission = submission,
}), { max_connections = 2000 })

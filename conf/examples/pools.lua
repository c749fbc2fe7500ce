-- pools.lua - everybody new has to come back once, and large providers as one, not address by address
--
-- A large provider sends each try from another address. Greylisted by address, or by
-- network, its mail waits once for each of them, for hours. But if SPF says that the
-- client may send mail of the sender's domain, that domain is who sends: it has to come
-- back once, from wherever it likes. The same where an allow list in DNS knows the client
-- as a mail server that does not lie. All others are their network.
--
-- The zone below is made up. Have a DNS server of your own on this host.
--
-- In main.cf, behind reject_unauth_destination and what refuses unknown recipients:
--   check_policy_service { inet:127.0.0.1:10031, timeout=15s, default_action=DUNNO }

server { name = "mx1" }
dns { servers = { "127.0.0.1" } }

-- Allow lists have replies of their own; the last number is how much a client is trusted.
allow = check.dnsbl {
	zones = { ["wl.example.org"] = { replies = "127.0.*.1-3" } },
	keep = { listed = "6h", clean = "30m", unknown = "10s" },
}

spf = check.spf {}
grey = check.greylist { delay = "5m" }

function incoming(req)
	if req.sasl_username then return dunno("our user") end
	local known_server, sender = allow(req), spf(req)
	local domain = sender.domain
	if not domain and known_server.listed then domain = req.sender_domain end

	local known = grey(req, { domain = domain })
	note("grey", known.reason or known.word)
	if known.wait then return defer_if_permit("4.7.1", known.text) end
	return dunno()
end

listen("inet:127.0.0.1:10031", incoming)

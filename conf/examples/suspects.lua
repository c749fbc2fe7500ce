-- suspects.lua - lists and SPF add up to a score: it decides who passes, who waits, who is refused
--
-- Greylisting costs time, so only suspects wait. What lists in DNS know of the client and
-- what its domain says of it (SPF) are points, for and against. Few points: the mail
-- passes at once. Some: it has to come back. Many: it is refused, with the reasons.
--
-- The zones below are made up. Choose lists whose terms you have read, and have a DNS
-- server of your own on this host: many lists refuse those who come through a public one.
--
-- In main.cf, behind reject_unauth_destination and what refuses unknown recipients:
--   check_policy_service { inet:127.0.0.1:10031, timeout=15s, default_action=DUNNO }

server { name = "mx1" }
dns { servers = { "127.0.0.1" } }

-- linger: small scores count here, so wait for all lists. keep: how long answers are
-- good; unknown, so that a DNS server that is down is not asked anew for each mail.
lists = check.dnsbl {
	zones = {
		["zen.example.org"] = { weight = 8, replies = {
			["127.0.0.2-9"] = { label = "spammer" },
			["127.0.0.10-11"] = { weight = 3, label = "home" },
		} },
		["bl.example.net"] = 5,
		["new.example.com"] = 2,
		["wl.example.org"] = -5,
	},
	threshold = 8,
	linger = "5s",
	keep = { listed = "1h", clean = "30m", unknown = "10s" },
}

spf = check.spf {}
grey = check.greylist { delay = "5m" }

-- What SPF adds. No record, and DNS that does not answer, add nothing.
local points = { pass = -2, fail = 4, softfail = 3, permerror = 1 }
local suspect = 2

-- Lists and SPF are asked before the first answer is read, so all are asked side by side.
function incoming(req)
	if req.sasl_username then return dunno("our user") end
	local client, sender = lists(req), spf(req)
	local score = client.score + (points[sender.word] or 0)

	note("score", score)
	if client.listed then return reject("5.7.1", client.text) end
	-- Unknown: lists that would decide did not answer. Then whoever comes back is welcome.
	if score >= suspect or client.unknown then
		local known = grey(req, { domain = sender.domain })
		if known.wait then return defer_if_permit("4.7.1", known.text) end
	end
	return dunno()
end

listen("inet:127.0.0.1:10031", incoming)

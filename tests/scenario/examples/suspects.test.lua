-- Does conf/examples/suspects.lua do what its comments say? Run by tests/scenario/test_examples.sh

local records = {
	["example.org TXT"] = "v=spf1 ip4:203.0.113.0/28 ~all",
	["example.net TXT"] = "v=spf1 ip4:203.0.113.0/28 -all",
}
for _, zone in ipairs { "zen.example.org", "bl.example.net", "new.example.com", "wl.example.org" } do
	records["2.0.0.127." .. zone .. " A"] = "127.0.0.2"
end
for name, reply in pairs {
	["20.113.0.203.zen.example.org A"] = "127.0.0.4", ["21.113.0.203.zen.example.org A"] = "127.0.0.10",
	["22.113.0.203.bl.example.net A"] = "127.0.0.2", ["22.113.0.203.zen.example.org A"] = "127.0.0.11",
	["23.113.0.203.new.example.com A"] = "127.0.0.2", ["3.113.0.203.new.example.com A"] = "127.0.0.2",
	["24.113.0.203.bl.example.net A"] = "127.0.0.2", ["24.113.0.203.wl.example.org A"] = "127.0.0.2",
	["20.113.0.203.wl.example.org A"] = "127.0.0.2",
} do
	records[name] = reply
end

local function mail(last, sender)
	return { client_address = "203.0.113." .. last, sender = sender or "ann@example.com", recipient = "bob@example.org" }
end

test("who is on no list passes at once", function()
	given_dns(records)
	expect(dunno(), mail(99))
	expect(dunno(), mail(1, "ann@example.org"))
end)

test("a suspect of a list has to come back", function()
	given_dns(records)
	for _, last in ipairs { 21, 23 } do expect("defer_if_permit 4.7.1 greylisted, retry in 5m", mail(last)) end
	after "6m"
	for _, last in ipairs { 21, 23 } do expect(dunno(), mail(last)) end
end)

test("who fails SPF has to come back, who passes it is less of a suspect", function()
	given_dns(records)
	expect("defer_if_permit 4.7.1", mail(99, "ann@example.org"))
	expect("defer_if_permit 4.7.1", mail(99, "ann@example.net"))
	expect(dunno(), mail(3, "ann@example.net"))
	expect("defer_if_permit 4.7.1", mail(3))
end)

test("lists add up, and an allow list pleads for its own", function()
	given_dns(records)
	expect("reject 5.7.1 203.0.113.22: 8 of 8 points: bl.example.net +5 (127.0.0.2), zen.example.org +3 (127.0.0.11 home)", mail(22))
	expect(dunno(), mail(24))
	expect("defer_if_permit 4.7.1", mail(20))
end)

test("while the lists do not answer, everybody has to come back and nobody is refused", function()
	given_dns(records)
	given_dns { ["22.113.0.203.zen.example.org A"] = { fault = "servfail" }, ["99.113.0.203.zen.example.org A"] = { fault = "timeout" } }
	expect("defer_if_permit 4.7.1", mail(22))
	expect("defer_if_permit 4.7.1", mail(99))
	answers { lists = "unknown", spf = "unknown" }
	expect("defer_if_permit 4.7.1", mail(98))
end)

test("while the database is away suspects pass", function()
	given_dns(records)
	answers { grey = "unknown" }
	expect(dunno(), mail(21))
end)

test("our users do not wait", function()
	local ours = mail(20)
	ours.sasl_username = "joe"
	expect("dunno our user", ours)
end)

-- Does conf/examples/pools.lua do what its comments say? Run by tests/scenario/test_examples.sh

local records = { ["example.net TXT"] = "v=spf1 ip4:198.51.100.0/24 ip4:203.0.113.0/24 -all", ["2.0.0.127.wl.example.org A"] = "127.0.0.2" }
records["7.2.0.192.wl.example.org A"] = "127.0.9.2"
records["8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.wl.example.org A"] = "127.0.9.1"
records["2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.wl.example.org A"] = "127.0.0.2"

local function mail(client, sender)
	return { client_address = client, sender = sender or "ann@example.net", recipient = "bob@example.org" }
end

test("a domain that SPF vouches for comes back once, from another address", function()
	given_dns(records)
	expect("defer_if_permit 4.7.1 greylisted, retry in 5m", mail("198.51.100.1"))
	after "6m"
	expect(dunno(), mail("203.0.113.1"))
	expect("defer_if_permit 4.7.1", mail("192.0.2.1"))
end)

test("so does one whose server an allow list knows", function()
	given_dns(records)
	expect("defer_if_permit 4.7.1", mail("192.0.2.7", "ann@example.com"))
	after "6m"
	expect(dunno(), mail("2001:db8::8", "ann@example.com"))
	expect("defer_if_permit 4.7.1", mail("192.0.2.9", "ann@example.com"))
end)

test("nobody rides on a name that nobody vouches for", function()
	given_dns(records)
	expect("defer_if_permit 4.7.1", mail("198.51.100.1"))
	after "6m"
	expect("defer_if_permit 4.7.1", mail("192.0.2.99"))
	given_dns { ["example.net TXT"] = { fault = "timeout" }, ["99.2.0.192.wl.example.org A"] = { fault = "servfail" } }
	expect("defer_if_permit 4.7.1", mail("192.0.2.99", "bob@example.net"))
end)

test("our users do not wait", function()
	local ours = mail("198.51.100.1")
	ours.sasl_username = "joe"
	expect("dunno our user", ours)
end)

-- Does conf/examples/vps.lua do what its comments say? Run by tests/scenario/test_examples.sh

test("a blocked network is told why", function()
	expect("reject 5.7.1 your network is blocked: spam since March", { client_address = "192.0.2.7" })
	expect("reject 5.7.1 your network is blocked: open proxies", { client_address = "2001:db8:bad::7" })
end)

test("friends get through from anywhere", function()
	expect("dunno friend", { client_address = "192.0.2.7", sender = "grandma@example.com" })
	expect("dunno friend", { client_address = "192.0.2.7", sender = "treasurer@club.example" })
end)

test("postmaster and abuse can be reached by everybody", function()
	expect("dunno must be reachable", { client_address = "192.0.2.7", recipient = "postmaster@example.org" })
	expect("dunno must be reachable", { client_address = "192.0.2.7", recipient = "abuse@example.org" })
end)

test("unwanted senders are refused, with their subdomains", function()
	expect("reject 5.7.1 we did not ask", { client_address = "203.0.113.1", sender = "a@mail.bulk.example" })
	expect("dunno", { client_address = "203.0.113.1", sender = "orders@shop.example" })
end)

test("who says our name is refused", function()
	expect("reject 5.7.1 that is our name", { client_address = "203.0.113.1", helo_name = "vps.example.org" })
end)

test("the rest passes, bounces too", function()
	expect(dunno(), { client_address = "203.0.113.1" })
	expect(dunno(), { client_address = "203.0.113.1", sender = "" })
end)

test("while friends are not known nobody is refused", function()
	answers { friends = "unknown" }
	expect("dunno friend", { client_address = "192.0.2.7" })
end)

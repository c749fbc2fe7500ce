-- Does conf/examples/first-week.lua do what its comments say? Run by tests/scenario/test_examples.sh

test("what would be refused", function()
	expect("reject 5.7.1 your network", { client_address = "192.0.2.1" })
	expect("reject 5.5.2 say HELO", { client_address = "203.0.113.1", helo_name = "" })
	expect("defer_if_permit 4.7.1 neither",
	       { client_address = "203.0.113.1", client_name = "unknown", helo_name = "localhost" })
end)

test("what would pass", function()
	expect("dunno known", { client_address = "192.0.2.1", sender = "joe@customer.example" })
	expect(dunno(), { client_address = "203.0.113.1" })
end)

-- Does conf/examples/greylist.lua do what its comments say? Run by tests/scenario/test_examples.sh

test("a client without a name waits, and passes when it comes back", function()
	local stranger = { client_name = "unknown", client_address = "203.0.113.5" }
	expect("defer_if_permit 4.7.1 greylisted, retry in 5m", stranger)
	after "1m"
	expect("defer_if_permit 4.7.1 greylisted, retry in 4m", stranger)
	after "4m"
	expect(dunno(), stranger)
end)

test("a home connection waits", function()
	expect("defer_if_permit 4.7.1 greylisted", { client_name = "p5.dyn7.provider.example" })
end)

test("a mail server, one that shall never wait and our users do not wait", function()
	expect(dunno(), { client_name = "mail.example.net" })
	expect("dunno never waits", { client_name = "out.bank.example" })
	expect("dunno our user", { client_name = "unknown", sasl_username = "joe" })
end)

test("while the database is away nobody waits", function()
	answers { grey = "unknown" }
	expect(dunno(), { client_name = "unknown" })
end)

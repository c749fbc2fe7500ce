-- Does conf/examples/gateway.lua do what its comments say? Run by tests/scenario/test_examples.sh

test("strangers: a blocked network is refused", function()
	expect("reject 5.7.1 see https://example.org/blocked", { policy_context = "inbound", client_address = "192.0.2.9" })
end)

test("strangers: a home connection that speaks plain SMTP waits and is sent away", function()
	local home = {
		policy_context = "inbound", client_address = "203.0.113.5", protocol_name = "SMTP",
		client_name = "p5.dyn7.provider.example",
	}
	local before = now()
	expect("defer_if_permit 4.7.1", home)
	assert(now() - before >= 2, "it did not wait")
	home.protocol_name = "ESMTP"
	expect(dunno(), home)
	home.protocol_name, home.client_name = "SMTP", "mail.provider.example"
	expect(dunno(), home)
end)

test("customers: a login is wanted, and not a stolen one", function()
	expect("reject 5.7.0 log in first", { policy_context = "submission" })
	expect(dunno(), { policy_context = "submission", sasl_username = "joe@example.org" })
	expect("reject 5.7.1 this account", { policy_context = "submission", sasl_username = "broken@example.org" })
	expect(dunno(), { policy_context = "submission", sasl_username = "joe@example.org", sender = "broken@example.org" })
end)

test("customers: while it is not known which accounts are stolen, mail waits", function()
	answers { stolen = "unknown" }
	expect("defer 4.3.0", { policy_context = "submission", sasl_username = "joe@example.org" })
end)

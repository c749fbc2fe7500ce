-- Does conf/examples/recipients.lua do what its comments say? Run by tests/scenario/test_examples.sh

local function mail(recipient, sender, address)
	return { recipient = recipient, sender = sender, client_address = address or "203.0.113.1" }
end

test("a strict recipient takes mail of known senders only", function()
	expect("defer_if_permit 4.7.1", mail("alice@example.org", "a@stranger.example"))
	expect("defer_if_permit 4.7.1", mail("pupil@school.example", "a@stranger.example"))
	expect("dunno known sender", mail("alice@example.org", "a@partner.example"))
end)

test("bounces reach strict recipients", function()
	expect(dunno(), mail("alice@example.org", ""))
end)

test("an open recipient takes mail from blocked networks too", function()
	expect(dunno(), mail("sales@example.org", "a@stranger.example", "192.0.2.1"))
	expect("reject 5.7.1 your network", mail("bob@example.org", "a@stranger.example", "192.0.2.1"))
end)

test("a recipient's deny list is for that recipient", function()
	expect("reject 5.7.1 the recipient", mail("bob@example.org", "News@bulletin.example"))
	expect(dunno(), mail("carol@example.org", "news@bulletin.example"))
end)

test("while the level is not known mail waits", function()
	answers { levels = "unknown" }
	expect("defer_if_permit 4.3.0", mail("alice@example.org", "a@stranger.example"))
end)

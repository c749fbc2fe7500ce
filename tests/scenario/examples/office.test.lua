-- Does conf/examples/office.lua do what its comments say? Run by tests/scenario/test_examples.sh

local MEGABYTE = 1024 * 1024

test("internal addresses take mail from inside only", function()
	expect("reject 5.7.1 this address", { recipient = "all@example.org" })
	expect("dunno one of us", { recipient = "all@example.org", client_address = "10.1.2.3" })
	expect("dunno one of us", { recipient = "all@example.org", sasl_username = "joe" })
	expect(dunno(), { recipient = "sales@example.org" })
end)

test("while it is not known who is inside, mail to them waits", function()
	answers { house = "unknown" }
	expect("defer_if_permit 4.3.0", { recipient = "board@example.org" })
	expect(dunno(), { recipient = "sales@example.org" })
end)

test("large mail is for partners", function()
	local function ends(size, sender)
		return { protocol_state = "END-OF-MESSAGE", recipient = "", size = size, sender = sender }
	end
	expect(dunno(), ends(20 * MEGABYTE, "a@stranger.example"))
	expect("reject 5.3.4 larger than 20 MB", ends(20 * MEGABYTE + 1, "a@stranger.example"))
	expect(dunno(), ends(50 * MEGABYTE, "a@supplier.example"))
	expect("reject 5.3.4 larger than 50 MB", ends(50 * MEGABYTE + 1, "a@supplier.example"))
end)

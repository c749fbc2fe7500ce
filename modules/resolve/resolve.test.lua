-- Rule tests of the module: ppolicyd --test modules/resolve/resolve.test.lua
--
-- No answer is kept, so that each test has the records it gives.

-- path -> check, each under a name of its own.
local function walk(attribute, path, more)
    local parameters = { attribute = attribute, path = path, keep = "0s" }
    for name, value in pairs(more or {}) do parameters[name] = value end
    return check.resolve(parameters)
end

named = walk("client_address", "ip->name")
confirmed = walk("client_address", "ip->name->ip")
pointing = walk("client_address", "ip1->name->ip2")
mailing = walk("client_address", "ip->name->mx")
there = walk("helo_name", "name->ip")
back = walk("helo_name", "name->ip->name")
somewhere = walk("helo_name", "name1->ip->name2")
answerable = walk("sender", "name->mx")
reachable = walk("sender", "name->mx->ip")
strict = walk("sender", "name->mx", { implicit_mx = false })
two = walk("client_address", "ip->name->ip", { limit = 2 })
public = walk("sender", "name->mx->ip", { ignore = { "127.0.0.0/8", "10.0.0.0/8", "::1/128" } })
quick = walk("client_address", "ip->name->ip", { timeout = "1s" })
kept = check.resolve { attribute = "sender", path = "name->mx" }
relay = walk("recipient", "name->mx")
caller = walk("client_name", "name->ip")
reverse = walk("reverse_client_name", "name->ip")

-- The check's subject is the value of its attribute.
local attribute_of = { [answerable] = "sender", [reachable] = "sender", [strict] = "sender", [public] = "sender",
    [there] = "helo_name", [back] = "helo_name", [somewhere] = "helo_name" }
local function asked(path, value)
    return ask(path, { [attribute_of[path] or "client_address"] = value })
end

local function answers_with(path, value, word, status, text)
    local answer = asked(path, value)
    equal(answer.word, word, value)
    equal(answer.status, status, value)
    if text then equal(answer.text, text, value) end
    return answer
end

local failures = { "servfail", "refused", "timeout", "unreachable", "broken", "too_large" }

test("ip->name: the address has a name", function()
    given_dns { ["192.0.2.1 PTR"] = "Mail.Example.org", ["192.0.2.2 PTR"] = { fault = "nodata" },
        ["2001:db8::1 PTR"] = { "six.example.org", "vi.example.org" }, ["192.0.2.4 PTR"] = "." }
    local answer = answers_with(named, "192.0.2.1", "holds", "found", "192.0.2.1 leads to mail.example.org")
    equal(answer.name, "mail.example.org")
    equal(answer.names, "mail.example.org")
    equal(answer.addresses, nil)
    equal(answer.hosts, nil)
    equal(asked(named, "2001:DB8:0::1").name, "six.example.org")
    equal(asked(named, "2001:db8::1").names, "six.example.org vi.example.org")
    equal(asked(named, "::ffff:192.0.2.1").name, "mail.example.org")
    answer = answers_with(named, "192.0.2.2", "fails", "nodata", "192.0.2.2 has no name (no data)")
    equal(answer.name, nil)
    equal(answer.names, nil)
    answers_with(named, "192.0.2.3", "fails", "nxdomain", "192.0.2.3 has no name (NXDOMAIN)")
    answers_with(named, "192.0.2.4", "fails", "nodata")
end)

test("ip->name->ip: one of its names has this address", function()
    given_dns {
        ["192.0.2.1 PTR"] = "mail.example.org", ["mail.example.org A"] = { "192.0.2.9", "192.0.2.1" },
        ["192.0.2.2 PTR"] = "other.example.org", ["other.example.org A"] = "203.0.113.5",
        ["192.0.2.3 PTR"] = "gone.example.org",
        ["192.0.2.4 PTR"] = "six.example.org", ["six.example.org AAAA"] = "2001:db8::4",
        ["2001:db8::4 PTR"] = "six.example.org",
        ["192.0.2.5 PTR"] = { "gone.example.org", "other.example.org", "Right.example.org" },
        ["right.example.org A"] = "192.0.2.5",
    }
    local answer = answers_with(confirmed, "192.0.2.1", "holds", "found",
        "192.0.2.1 leads to mail.example.org, 192.0.2.1")
    equal(answer.name, "mail.example.org")
    equal(answer.names, "mail.example.org")
    equal(answer.addresses, "192.0.2.9 192.0.2.1")
    answer = answers_with(confirmed, "192.0.2.2", "fails", "mismatch",
        "other.example.org, a name of 192.0.2.2, has another address (203.0.113.5)")
    equal(answer.name, nil)
    equal(answer.names, "other.example.org")
    equal(answer.addresses, "203.0.113.5")
    answers_with(confirmed, "192.0.2.3", "fails", "nxdomain",
        "gone.example.org, a name of 192.0.2.3, has no address (NXDOMAIN)")
    answers_with(confirmed, "192.0.2.4", "fails", "nodata")
    answers_with(confirmed, "192.0.2.6", "fails", "nxdomain", "192.0.2.6 has no name (NXDOMAIN)")
    equal(asked(confirmed, "2001:db8::4").name, "six.example.org")
    equal(asked(confirmed, "2001:db8:0:0::4").word, "holds")
    equal(asked(confirmed, "192.0.2.5").name, "right.example.org")
end)

test("ip1->name->ip2: one of its names has any address", function()
    given_dns { ["192.0.2.2 PTR"] = "other.example.org", ["other.example.org AAAA"] = "2001:db8::5",
        ["192.0.2.3 PTR"] = "gone.example.org" }
    equal(answers_with(pointing, "192.0.2.2", "holds", "found").addresses, "2001:db8::5")
    answers_with(pointing, "192.0.2.3", "fails", "nxdomain")
end)

test("ip->name->mx: one of its names has a mail host", function()
    given_dns {
        ["192.0.2.1 PTR"] = { "a.example.org", "b.example.org" }, ["b.example.org MX"] = "10 mx.example.org",
        ["192.0.2.2 PTR"] = "c.example.org", ["c.example.org MX"] = "0 .",
        ["192.0.2.3 PTR"] = "d.example.org", ["d.example.org A"] = "192.0.2.3",
        ["192.0.2.4 PTR"] = "e.example.org", ["e.example.org TXT"] = "nothing else",
    }
    local answer = answers_with(mailing, "192.0.2.1", "holds", "found",
        "192.0.2.1 leads to b.example.org, mx.example.org")
    equal(answer.name, "b.example.org")
    equal(answer.names, "a.example.org b.example.org")
    equal(answer.hosts, "mx.example.org")
    answers_with(mailing, "192.0.2.2", "fails", "null_mx",
        "c.example.org, a name of 192.0.2.2, takes no mail (null MX)")
    answer = answers_with(mailing, "192.0.2.3", "holds", "found",
        "192.0.2.3 leads to d.example.org, 192.0.2.3 (no MX record, but an address)")
    equal(answer.name, "d.example.org")
    equal(answer.hosts, "d.example.org")
    answers_with(mailing, "192.0.2.4", "fails", "nodata",
        "e.example.org, a name of 192.0.2.4, has no address (no data)")
end)

test("name->ip: the name has an address of either family", function()
    given_dns { ["four.example.org A"] = "192.0.2.1", ["six.example.org AAAA"] = "2001:db8::1",
        ["none.example.org MX"] = "10 mx.example.org" }
    local answer = answers_with(there, "four.example.org", "holds", "found", "four.example.org leads to 192.0.2.1")
    equal(answer.name, "four.example.org")
    answer = answers_with(there, "SIX.example.org.", "holds", "found")
    equal(answer.addresses, "2001:db8::1")
    equal(answer.name, "six.example.org")
    answers_with(there, "none.example.org", "fails", "nodata", "none.example.org has no address (no data)")
    answers_with(there, "gone.example.org", "fails", "nxdomain", "gone.example.org has no address (NXDOMAIN)")
    answers_with(there, "friend", "fails", "nxdomain")
end)

test("name->ip->name: one of its addresses has this name, whatever the case", function()
    given_dns {
        ["mail.example.org A"] = { "192.0.2.1", "192.0.2.2" }, ["192.0.2.2 PTR"] = { "x.example.org", "MAIL.Example.ORG" },
        ["vi.example.org AAAA"] = "2001:db8::1", ["2001:db8::1 PTR"] = "six.example.org",
    }
    local answer = answers_with(back, "Mail.example.org", "holds", "found",
        "mail.example.org leads to 192.0.2.2, mail.example.org")
    equal(answer.name, "mail.example.org")
    equal(answer.names, "x.example.org mail.example.org")
    equal(answer.addresses, "192.0.2.1 192.0.2.2")
    answers_with(back, "vi.example.org", "fails", "mismatch",
        "2001:db8::1, an address of vi.example.org, has another name (six.example.org)")
    equal(asked(somewhere, "vi.example.org").word, "holds")
    equal(asked(somewhere, "vi.example.org").name, "vi.example.org")
    answers_with(somewhere, "gone.example.org", "fails", "nxdomain")
end)

test("name->mx: the domain has a mail host, the preferred one first", function()
    given_dns { ["example.org MX"] = { "20 b.example.org", "10 A.example.org", "20 c.example.org" } }
    local answer = answers_with(answerable, "bob@Example.org", "holds", "found", "example.org leads to a.example.org")
    equal(answer.name, "example.org")
    equal(answer.hosts, "a.example.org b.example.org c.example.org")
    answers_with(answerable, "bob@gone.example.org", "fails", "nxdomain")
end)

test("a null MX takes no mail, with or without an address", function()
    given_dns { ["example.org MX"] = "0 .", ["example.org A"] = "192.0.2.1",
        ["odd.example.org MX"] = { "0 .", "10 mx.example.org" } }
    for _, path in ipairs { answerable, reachable, strict } do
        answers_with(path, "bob@example.org", "fails", "null_mx", "example.org takes no mail (null MX)")
    end
    equal(answers_with(answerable, "bob@odd.example.org", "holds", "found").hosts, "mx.example.org")
end)

test("a domain without MX records is its own mail host, unless a record is wanted", function()
    given_dns { ["example.org A"] = "192.0.2.1", ["six.example.org AAAA"] = "2001:db8::1",
        ["bare.example.org TXT"] = "x" }
    local answer = answers_with(answerable, "bob@example.org", "holds", "found",
        "example.org leads to 192.0.2.1 (no MX record, but an address)")
    equal(answer.hosts, "example.org")
    equal(answer.addresses, "192.0.2.1")
    equal(asked(answerable, "bob@six.example.org").word, "holds")
    equal(answers_with(reachable, "bob@six.example.org", "holds", "found").hosts, "six.example.org")
    answers_with(answerable, "bob@bare.example.org", "fails", "nodata")
    answers_with(strict, "bob@example.org", "fails", "nodata", "example.org has no mail host (no data)")
end)

test("name->mx->ip: one of the domain's mail hosts has an address", function()
    given_dns { ["example.org MX"] = { "10 gone.example.org", "20 mx.example.org" },
        ["mx.example.org AAAA"] = "2001:db8::25", ["example.net MX"] = "10 gone.example.org" }
    local answer = answers_with(reachable, "bob@example.org", "holds", "found",
        "example.org leads to mx.example.org, 2001:db8::25")
    equal(answer.name, "example.org")
    equal(answer.hosts, "gone.example.org mx.example.org")
    answers_with(reachable, "bob@example.net", "fails", "nxdomain",
        "gone.example.org, a mail host of example.net, has no address (NXDOMAIN)")
end)

test("addresses in ignore do not count, but confirm", function()
    given_dns { ["example.org MX"] = "10 mx.example.org", ["mx.example.org A"] = { "127.0.0.1", "10.0.0.1" },
        ["mx.example.org AAAA"] = "::1",
        ["example.net MX"] = "10 mx.example.net", ["mx.example.net A"] = { "127.0.0.1", "192.0.2.1" },
        ["10.0.0.7 PTR"] = "inside.example.org", ["inside.example.org A"] = "10.0.0.7" }
    local answer = answers_with(public, "bob@example.org", "fails", "ignored",
        "mx.example.org, a mail host of example.org, has no address that counts (127.0.0.1)")
    equal(answer.addresses, "127.0.0.1 10.0.0.1 ::1")
    equal(asked(public, "bob@example.net").text, "example.net leads to mx.example.net, 192.0.2.1")
    inside = walk("client_address", "ip->name->ip", { ignore = { "10.0.0.0/8" } })
    equal(ask(inside, { client_address = "10.0.0.7" }).word, "holds")
end)

test("where DNS fails at the first step the answer is unknown, never fails", function()
    for _, fault in ipairs(failures) do
        given_dns { ["192.0.2.1 PTR"] = { fault = fault }, ["example.org"] = { fault = fault } }
        for _, path in ipairs { named, confirmed, pointing, mailing } do
            answers_with(path, "192.0.2.1", "unknown", nil)
        end
        for _, path in ipairs { there, back, somewhere } do answers_with(path, "example.org", "unknown", nil) end
        for _, path in ipairs { answerable, reachable, strict } do
            answers_with(path, "bob@example.org", "unknown", nil)
        end
    end
    given_dns { ["192.0.2.1 PTR"] = { fault = "servfail" } }
    equal(asked(named, "192.0.2.1").text, "PTR of 1.2.0.192.in-addr.arpa: SERVFAIL")
end)

test("where DNS fails at the second step the answer is unknown, too", function()
    for _, fault in ipairs(failures) do
        given_dns {
            ["192.0.2.1 PTR"] = "mail.example.org", ["mail.example.org"] = { fault = fault },
            ["helo.example.org A"] = "192.0.2.2", ["192.0.2.2 PTR"] = { fault = fault },
            ["example.org MX"] = "10 mail.example.org",
            ["example.net A"] = { fault = fault }, ["example.net MX"] = { fault = "nodata" },
        }
        for _, path in ipairs { confirmed, pointing, mailing } do answers_with(path, "192.0.2.1", "unknown", nil) end
        for _, path in ipairs { back, somewhere } do answers_with(path, "helo.example.org", "unknown", nil) end
        answers_with(reachable, "bob@example.org", "unknown", nil)
        answers_with(answerable, "bob@example.net", "unknown", nil)
    end
end)

test("a part that fails makes it unknown only if no other part holds", function()
    given_dns {
        ["192.0.2.1 PTR"] = { "away.example.org", "right.example.org" }, ["away.example.org"] = { fault = "servfail" },
        ["right.example.org A"] = "192.0.2.1",
        ["192.0.2.2 PTR"] = { "wrong.example.org", "away.example.org", "gone.example.org" },
        ["wrong.example.org A"] = "192.0.2.1",
        ["half.example.org A"] = { fault = "timeout" }, ["half.example.org AAAA"] = "2001:db8::1",
        ["other.example.org A"] = { fault = "timeout" }, ["other.example.org AAAA"] = { fault = "nodata" },
    }
    equal(asked(confirmed, "192.0.2.1").name, "right.example.org")
    equal(asked(confirmed, "192.0.2.2").text, "A of away.example.org: SERVFAIL")
    equal(asked(confirmed, "192.0.2.2").word, "unknown")
    equal(asked(there, "half.example.org").word, "holds")
    equal(asked(there, "other.example.org").word, "unknown")
end)

test("of an address only names with addresses of its family are confirmed, and the other is not asked", function()
    given_dns { ["192.0.2.1 PTR"] = "mail.example.org", ["mail.example.org A"] = "192.0.2.1",
        ["mail.example.org AAAA"] = { fault = "servfail" }, ["192.0.2.2 PTR"] = "mail.example.org" }
    equal(asked(confirmed, "192.0.2.1").word, "holds")
    answers_with(confirmed, "192.0.2.2", "fails", "mismatch")
end)

test("of several that fail the one that got furthest counts", function()
    given_dns {
        ["192.0.2.1 PTR"] = { "gone.example.org", "empty.example.org", "other.example.org" },
        ["empty.example.org TXT"] = "x", ["other.example.org A"] = "203.0.113.1",
        ["192.0.2.2 PTR"] = { "gone.example.org", "empty.example.org" },
        ["192.0.2.3 PTR"] = { "null.example.org", "gone.example.org" }, ["null.example.org MX"] = "0 .",
    }
    answers_with(confirmed, "192.0.2.1", "fails", "mismatch")
    answers_with(confirmed, "192.0.2.2", "fails", "nodata")
    answers_with(mailing, "192.0.2.3", "fails", "null_mx")
end)

test("an address in place of a name, or a name in place of an address, is none", function()
    given_dns {}
    equal(asked(there, "192.0.2.1").text, "helo_name: '192.0.2.1' is an address, no name")
    equal(asked(there, "[192.0.2.1]").word, "none")
    equal(asked(there, "[IPv6:2001:db8::1]").text, "helo_name: '2001:db8::1' is an address, no name")
    equal(asked(answerable, "bob@[192.0.2.1]").word, "none")
    equal(asked(answerable, "").text, "sender: the null sender has no domain")
    equal(asked(answerable, "bob").text, "sender: it has no domain")
    equal(asked(answerable, "bob@").word, "none")
    equal(ask(relay, { recipient = "postmaster" }).word, "none")
    equal(asked(there, "").text, "helo_name: it is absent")
    equal(asked(named, "unknown").text, "client_address: Postfix does not know it")
    equal(ask(caller, { client_name = "unknown" }).text, "client_name: Postfix does not know it")
    equal(ask(reverse, { reverse_client_name = "unknown" }).word, "none")
    equal(asked(answerable, "").status, nil)
    given_dns { ["192.0.2.1 PTR"] = "mail.example.org" }
    literal = walk("helo_name", "ip->name")
    equal(ask(literal, { helo_name = "[192.0.2.1]" }).name, "mail.example.org")
    equal(ask(literal, { helo_name = "mail.example.org" }).text, "helo_name: 'mail.example.org' is no address")
    equal(asked(there, "unknown").status, "nxdomain")
end)

test("a name that cannot be is not there, and the domain of a mail address is the last", function()
    given_dns { ["example.org MX"] = "10 mx.example.org" }
    answers_with(there, "a..example.org", "fails", "nxdomain")
    answers_with(there, string.rep("x", 64) .. ".example.org", "fails", "nxdomain")
    answers_with(there, string.rep("x.", 150) .. "example.org", "fails", "nxdomain")
    local long = answers_with(there, string.rep("x.", 1000) .. "org", "fails", "nxdomain")
    contains(long.text, "... is no name: the name has more than 253 bytes")
    equal(asked(answerable, "a@b@example.org").word, "holds")
end)

test("names with odd bytes and names outside ASCII are asked for as they are", function()
    given_dns { ["a\\\\032b.example.org A"] = "192.0.2.1", ["xn--bcher-kva.example MX"] = "10 mx.example.org",
        ["a\\032b.example.net A"] = "192.0.2.1" }
    equal(asked(there, "a\\032b.example.org").word, "holds")
    equal(asked(there, "a b.example.net").word, "holds")
    equal(asked(there, "a\\032b.example.net").word, "fails")
    equal(asked(answerable, "bob@b\xc3\xbccher.example").name, "xn--bcher-kva.example")
    equal(asked(there, "\xff\xfe.example.org").word, "fails")
end)

test("a hundred names of an address cost ten look-ups, and what is left is unknown", function()
    local zone, names = {}, {}
    for i = 1, 100 do
        names[i] = "n" .. i .. ".example.org"
        zone[names[i] .. " A"] = "203.0.113.1"
    end
    zone["192.0.2.1 PTR"] = names
    given_dns(zone)
    local answer = asked(confirmed, "192.0.2.1")
    equal(answer.word, "unknown")
    equal(answer.text, "192.0.2.1 has more than the 10 names that are looked up")
    zone["n10.example.org A"] = "192.0.2.1"
    zone["n11.example.org"] = { fault = "servfail" }
    given_dns(zone)
    equal(asked(confirmed, "192.0.2.1").name, "n10.example.org")
    zone["n10.example.org A"], zone["n11.example.org"] = "203.0.113.1", nil
    zone["n11.example.org A"] = "192.0.2.1"
    given_dns(zone)
    equal(asked(confirmed, "192.0.2.1").word, "unknown")
    local listed = #asked(named, "192.0.2.1").names
    equal(listed > 980 and listed <= 1000, true, listed)
end)

test("equal names count once, and limit says how many there may be", function()
    given_dns { ["192.0.2.1 PTR"] = { "a.example.org", "A.example.org", "b.example.org", "a.example.org" },
        ["192.0.2.2 PTR"] = { "a.example.org", "b.example.org", "c.example.org" } }
    answers_with(two, "192.0.2.1", "fails", "nxdomain")
    equal(asked(two, "192.0.2.1").names, "a.example.org b.example.org")
    equal(asked(two, "192.0.2.2").text, "192.0.2.2 has more than the 2 names that are looked up")
    equal(asked(confirmed, "192.0.2.2").word, "fails")
    refused("limit", function() check.resolve { attribute = "sender", path = "name->mx", limit = 31 } end)
end)

test("the preferred mail hosts are the ones looked up", function()
    local hosts, zone = {}, {}
    for i = 1, 30 do hosts[i] = (100 - i) .. " mx" .. i .. ".example.org" end
    zone["example.org MX"] = hosts
    zone["mx21.example.org A"] = "192.0.2.1"
    given_dns(zone)
    equal(asked(reachable, "bob@example.org").word, "holds")
    zone["mx21.example.org A"], zone["mx20.example.org A"] = { fault = "nodata" }, "192.0.2.1"
    given_dns(zone)
    equal(asked(reachable, "bob@example.org").text, "example.org has more than the 10 mail hosts that are looked up")
end)

test("all the look-ups that a path can make fit into an ask", function()
    local names, zone = {}, {}
    for i = 1, 30 do
        names[i] = "n" .. i .. ".example.org"
        zone[names[i] .. " TXT"] = "x"
    end
    zone["192.0.2.1 PTR"] = names
    given_dns(zone)
    widest = walk("client_address", "ip->name->mx", { limit = 30 })
    answers_with(widest, "192.0.2.1", "fails", "nodata")
end)

test("look-ups go side by side, so that a path takes as long as its longest chain", function()
    local names, zone = {}, {}
    for i = 1, 10 do
        names[i] = "n" .. i .. ".example.org"
        zone[names[i] .. " A"] = { "203.0.113.1", after = "400ms" }
    end
    zone["192.0.2.1 PTR"] = { after = "400ms" }
    for i, name in ipairs(names) do zone["192.0.2.1 PTR"][i] = name end
    given_dns(zone)
    equal(asked(quick, "192.0.2.1").status, "mismatch")
end)

test("the first that leads to the end is enough, whatever the others are waiting for", function()
    given_dns { ["192.0.2.1 PTR"] = { "slow.example.org", "right.example.org" },
        ["slow.example.org A"] = { "192.0.2.1", after = "1h" }, ["right.example.org A"] = "192.0.2.1",
        ["192.0.2.2 PTR"] = "slow.example.org", ["192.0.2.3 PTR"] = { "x.example.org", after = "1h" } }
    local began = now()
    equal(asked(quick, "192.0.2.1").name, "right.example.org")
    equal(now() - began < 0.5, true)
    equal(asked(quick, "192.0.2.2").text, "address of slow.example.org: DNS took too long")
    equal(asked(quick, "192.0.2.2").word, "unknown")
    equal(asked(quick, "192.0.2.3").text, "name of 192.0.2.3: DNS took too long")
end)

test("an answer is kept as long as its records are good, for the domain and not the address", function()
    given_dns { ["example.org MX"] = { "10 mx.example.org", ttl = "10m" }, ["gone.example.org"] = { fault = "nxdomain", ttl = "1m" } }
    equal(ask(kept, { sender = "a@example.org" }).from, "asked")
    equal(ask(kept, { sender = "b@Example.org" }).from, "memory")
    equal(ask(kept, { sender = "a@gone.example.org" }).from, "asked")
    after "2m"
    equal(ask(kept, { sender = "a@example.org" }).from, "memory")
    equal(ask(kept, { sender = "a@gone.example.org" }).from, "asked")
    after "9m"
    equal(ask(kept, { sender = "a@example.org" }).from, "asked")
end)

test("what could not be found out is asked again", function()
    given_dns { ["example.net"] = { fault = "servfail" } }
    equal(ask(kept, { sender = "a@example.net" }).word, "unknown")
    given_dns { ["example.net MX"] = "10 mx.example.net" }
    equal(ask(kept, { sender = "a@example.net" }).word, "holds")
end)

test("a path that does not fit the attribute is refused", function()
    refused("begins with a name, but client_address is an address", function()
        check.resolve { attribute = "client_address", path = "name->ip" }
    end)
    refused("begins with an address, but client_name is a name", function()
        check.resolve { attribute = "client_name", path = "ip->name" }
    end)
    refused("path", function() check.resolve { attribute = "sender" } end)
    refused("attribute", function() check.resolve { path = "name->mx" } end)
    refused("ip->name->ip", function() check.resolve { attribute = "sender", path = "ip->name->up" } end)
end)

test("a rule tells how a path fails", function()
    local function rule(req)
        local sender = answerable(req)
        if sender.status == "null_mx" or sender.status == "nxdomain" then return reject("5.1.8", sender.text) end
        if sender.unknown then return defer_if_permit("4.4.3", "try again") end
        return dunno(sender.name)
    end
    given_dns { ["example.org MX"] = "10 mx.example.org", ["null.example MX"] = "0 .", ["away.example"] = { fault = "servfail" } }
    expect("dunno example.org", { sender = "bob@example.org" }, rule)
    expect("reject 5.1.8 null.example takes no mail", { sender = "bob@null.example" }, rule)
    expect("reject 5.1.8 gone.example has no mail host", { sender = "bob@gone.example" }, rule)
    expect("defer_if_permit 4.4.3", { sender = "bob@away.example" }, rule)
    answers { answerable = { "fails", status = "null_mx" } }
    expect("reject 5.1.8", { sender = "bob@example.org" }, rule)
end)

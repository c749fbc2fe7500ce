-- Rule tests of the module: ppolicyd --test modules/dnsbl/dnsbl.test.lua

store { "sqlite" }
zen = check.dnsbl { zones = { ["zen.example.org"] = 5 }, threshold = 5, self_test = "0s" }
sum = check.dnsbl {
    zones = { ["a.example.org"] = 2, ["b.example.org"] = 3, ["wl.example.org"] = -4, ["watched.example.org"] = 0 },
    threshold = 5, linger = "0s", self_test = "0s",
}
plain = check.dnsbl { zones = { "a.example.org", "b.example.org" }, self_test = "0s" }

local FAULTS = { "servfail", "refused", "timeout", "unreachable", "broken", "too_large" }

-- Records of DNS in which the zones list what stands behind them, and answer self-tests as lists do.
local function lists(zones, more)
    local records = {}
    for zone, entries in pairs(zones) do
        for name, reply in pairs(entries) do records[name .. "." .. zone .. " A"] = reply end
        records["2.0.0.127." .. zone .. " A"] = records["2.0.0.127." .. zone .. " A"] or "127.0.0.2"
    end
    for name, record in pairs(more or {}) do records[name] = record end
    given_dns(records)
end

local function client(address) return { client_address = address, helo_name = "", sender = "" } end
local function word(what, address) return ask(what, client(address or "192.0.2.1")).word end

-- The one of the manual page.
local function many(more)
    local options = {
        zones = {
            ["zen.example.org"] = { weight = 4, replies = {
                ["127.0.0.2-3"] = { label = "spammer" }, ["127.0.0.4-7"] = { weight = 6, label = "robot" },
                ["127.0.0.10-11"] = { weight = 2, label = "home" },
            } },
            ["bits.example.net"] = { replies = { ["127.0.0.&8"] = { weight = 2, label = "phish" }, ["127.0.0.1"] = "broken" } },
            ["wl.example.com"] = { weight = -3, replies = "127.0.*.1-3" },
            ["dbl.example.org"] = { weight = 5, replies = "127.0.1.2-99", subject = { "helo_name", "sender_domain" } },
        },
        threshold = 5, self_test = "0s",
    }
    for name, value in pairs(more or {}) do options[name] = value end
    return check.dnsbl(options)
end

-- -- answers ------------------------------------------------------------------

test("a client on the list is listed, with points, list and reply", function()
    lists { ["zen.example.org"] = { ["1.2.0.192"] = "127.0.0.2" } }
    local answer = ask(zen, client("192.0.2.1"))
    equal(answer.word, "listed")
    equal(answer.score, 5)
    equal(answer.lists, "zen.example.org")
    equal(answer.missing, nil)
    equal(answer.reason, nil)
    equal(answer.text, "192.0.2.1: 5 of 5 points: zen.example.org +5 (127.0.0.2)")
    answer = ask(zen, client("192.0.2.2"))
    equal(answer.word, "clean")
    equal(answer.score, 0)
    equal(answer.lists, nil)
    equal(answer.text, "192.0.2.2: 0 of 5 points")
end)

test("IPv6 addresses are looked up by nibbles, mapped ones as IPv4", function()
    lists { ["zen.example.org"] = {
        ["1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"] = "127.0.0.4", ["1.2.0.192"] = "127.0.0.2" } }
    equal(ask(zen, client("2001:db8::1")).text, "2001:db8::1: 5 of 5 points: zen.example.org +5 (127.0.0.4)")
    equal(ask(zen, client("::ffff:192.0.2.1")).text, "192.0.2.1: 5 of 5 points: zen.example.org +5 (127.0.0.2)")
    equal(word(zen, "2001:db8::2"), "clean")
end)

test("clients on this host and in private networks are on no list, others may be", function()
    given_dns {}
    for _, address in ipairs { "127.0.0.1", "127.255.0.9", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.7.1",
                               "169.254.1.1", "::1", "fe80::1", "febf::1", "fc00::1", "fdff::1", "::ffff:10.1.2.3" } do
        equal(word(zen, address), "none")
    end
    equal(ask(zen, client("10.0.0.1")).text, "10.0.0.1 is an address of a network inside")
    for _, address in ipairs { "126.255.255.255", "128.0.0.1", "9.255.255.255", "11.0.0.1", "172.15.255.255", "172.32.0.1",
                               "192.167.0.1", "192.169.0.1", "169.253.0.1", "100.64.0.1", "192.0.2.9", "198.51.100.1",
                               "203.0.113.1", "0.0.0.0", "::", "::2", "fec0::1", "fb00::1", "fe00::1", "2001:db8::9" } do
        equal(word(zen, address), "clean")
    end
end)

test("a request without an address is none", function()
    given_dns {}
    equal(ask(zen, client("unknown")).text, "the client has no IP address")
    equal(ask(zen, {}).word, "clean")
    equal(ask(zen, { client_address = "" }).word, "none")
end)

-- -- points -------------------------------------------------------------------

test("lists add up, allow lists subtract, and weight 0 is only seen", function()
    lists {
        ["a.example.org"] = { ["1.2.0.192"] = "127.0.0.2", ["2.2.0.192"] = "127.0.0.3" },
        ["b.example.org"] = { ["1.2.0.192"] = "127.0.0.11", ["3.2.0.192"] = "127.0.0.2" },
        ["wl.example.org"] = { ["3.2.0.192"] = "127.0.0.5" }, ["watched.example.org"] = { ["2.2.0.192"] = "127.0.0.2" },
    }
    local answer = ask(sum, client("192.0.2.1"))
    equal(answer.word, "listed")
    equal(answer.text, "192.0.2.1: 5 of 5 points: a.example.org +2 (127.0.0.2), b.example.org +3 (127.0.0.11)")
    equal(answer.lists, "a.example.org b.example.org")
    local whole = check.dnsbl { zones = { ["a.example.org"] = 2, ["b.example.org"] = 3, ["wl.example.org"] = -4,
                                          ["watched.example.org"] = 0 }, threshold = 5 }
    answer = ask(whole, client("192.0.2.2"))
    equal(answer.word, "clean")
    equal(answer.text, "192.0.2.2: 2 of 5 points: a.example.org +2 (127.0.0.3), watched.example.org +0 (127.0.0.2)")
    answer = ask(whole, client("192.0.2.3"))
    equal(answer.score, -1)
    equal(answer.text, "192.0.2.3: -1 of 5 points: b.example.org +3 (127.0.0.2), wl.example.org -4 (127.0.0.5)")
end)

test("a list has weight 1 and the threshold is 1 where nothing is said", function()
    lists { ["b.example.org"] = { ["1.2.0.192"] = "127.0.0.2" }, ["a.example.org"] = {} }
    equal(ask(plain, client("192.0.2.1")).text, "192.0.2.1: 1 of 1 points: b.example.org +1 (127.0.0.2)")
    equal(word(plain, "192.0.2.2"), "clean")
end)

test("decimals are added as they are written", function()
    lists { ["a.example.org"] = { ["1.2.0.192"] = "127.0.0.2" }, ["b.example.org"] = { ["1.2.0.192"] = "127.0.0.2" } }
    local tenths = check.dnsbl { zones = { ["a.example.org"] = 0.7, ["b.example.org"] = 0.1 }, threshold = 0.8 }
    local answer = ask(tenths, client("192.0.2.1"))
    equal(answer.word, "listed")
    equal(answer.score, 0.8)
    equal(answer.text, "192.0.2.1: 0.8 of 0.8 points: a.example.org +0.7 (127.0.0.2), b.example.org +0.1 (127.0.0.2)")
    local parts = check.dnsbl { zones = { ["a.example.org"] = -0.125, ["b.example.org"] = 1.05 } }
    equal(ask(parts, client("192.0.2.1")).text,
        "192.0.2.1: 0.925 of 1 points: a.example.org -0.125 (127.0.0.2), b.example.org +1.05 (127.0.0.2)")
end)

-- -- replies ------------------------------------------------------------------

test("without replies 127.0.0.2 to 127.0.0.11 count, and nothing else of 127.0.0.0/8", function()
    for reply, wanted in pairs { ["127.0.0.2"] = "listed", ["127.0.0.11"] = "listed", ["127.0.0.1"] = "clean",
                                 ["127.0.0.12"] = "clean", ["127.0.1.2"] = "clean", ["127.1.0.2"] = "clean",
                                 ["127.0.0.0"] = "clean", ["127.255.254.2"] = "clean", ["127.0.0.22"] = "clean",
                                 ["127.0.0.200"] = "clean" } do
        lists { ["zen.example.org"] = { ["1.2.0.192"] = { reply, ttl = "0s" } } }
        equal(word(zen), wanted)
    end
end)

test("exact replies, ranges, bits and any number have weights and labels of their own", function()
    local all = many()
    local asked = 0
    local function of(list, reply)
        asked = asked + 1
        lists { [list] = { [asked .. ".2.0.192"] = reply } }
        return ask(all, client("192.0.2." .. asked))
    end
    local answer = of("zen.example.org", "127.0.0.3")
    equal(answer.text, "192.0.2.1: 4 of 5 points: zen.example.org +4 (127.0.0.3 spammer)")
    equal(answer.labels, "spammer")
    equal(of("zen.example.org", "127.0.0.4").text, "192.0.2.2: 6 of 5 points: zen.example.org +6 (127.0.0.4 robot)")
    equal(of("zen.example.org", "127.0.0.7").word, "listed")
    equal(of("zen.example.org", "127.0.0.8").score, 0)
    equal(of("zen.example.org", "127.0.0.10").score, 2)
    for reply, score in pairs { ["127.0.0.8"] = 2, ["127.0.0.12"] = 2, ["127.0.0.255"] = 2, ["127.0.0.7"] = 0, ["127.0.0.16"] = 0 } do
        equal(of("bits.example.net", reply).score, score)
    end
    for reply, score in pairs { ["127.0.0.1"] = -3, ["127.0.15.3"] = -3, ["127.0.255.2"] = -3, ["127.0.5.0"] = 0, ["127.1.5.2"] = 0 } do
        equal(of("wl.example.com", reply).score, score)
    end
end)

test("each reply of an answer counts once, and all that fit do", function()
    lists { ["zen.example.org"] = { ["1.2.0.192"] = { "127.0.0.4", "127.0.0.5", "127.0.0.3", "127.0.0.99" } } }
    local answer = ask(many(), client("192.0.2.1"))
    equal(answer.text, "192.0.2.1: 10 of 5 points: zen.example.org +10 (127.0.0.4 robot, 127.0.0.5 robot, 127.0.0.3 spammer)")
    equal(answer.labels, "spammer robot")
    local both = check.dnsbl { zones = { ["zen.example.org"] = { replies = { ["127.0.0.2"] = 1, ["127.0.0.*"] = 2 } } } }
    lists { ["zen.example.org"] = { ["1.2.0.192"] = "127.0.0.2" } }
    equal(ask(both, client("192.0.2.1")).score, 3)
end)

test("replies given as a text or as texts have the weight of the list", function()
    local one = check.dnsbl { zones = { ["zen.example.org"] = { weight = 2, replies = "127.0.0.99" } } }
    local two = check.dnsbl { zones = { ["zen.example.org"] = { weight = 2, replies = { "127.0.0.98", "127.0.0.99" } } } }
    lists { ["zen.example.org"] = { ["1.2.0.192"] = "127.0.0.99", ["2.2.0.192"] = "127.0.0.2" } }
    for _, each in ipairs { one, two } do
        equal(ask(each, client("192.0.2.1")).score, 2)
        equal(ask(each, client("192.0.2.2")).score, 0)
    end
end)

-- -- lists that are broken ----------------------------------------------------

test("a reply that refuses us lists nobody: it is no answer", function()
    for _, reply in ipairs { "127.255.255.252", "127.255.255.254", "127.255.255.255", "127.255.255.0" } do
        lists { ["zen.example.org"] = { ["1.2.0.192"] = reply } }
        local answer = ask(zen, client("192.0.2.1"))
        equal(answer.word, "unknown")
        equal(answer.score, 0)
        equal(answer.missing, "zen.example.org")
        equal(answer.text, "192.0.2.1: 0 of 5 points; missing: zen.example.org (it says " .. reply .. ": broken)")
    end
end)

test("a domain that was sold and answers everything lists nobody", function()
    for _, reply in ipairs { "203.0.113.80", "128.0.0.2", "126.0.0.2", "0.0.0.0" } do
        lists { ["zen.example.org"] = { ["1.2.0.192"] = reply } }
        equal(word(zen), "unknown")
    end
end)

test("one broken reply makes nonsense of the others", function()
    lists { ["zen.example.org"] = { ["1.2.0.192"] = { "127.0.0.2", "203.0.113.80" } } }
    equal(word(zen), "unknown")
    lists { ["zen.example.org"] = { ["1.2.0.192"] = { "127.255.255.254", "127.0.0.2" } } }
    equal(word(zen), "unknown")
end)

test("a reply that the user calls broken is", function()
    lists { ["bits.example.net"] = { ["1.2.0.192"] = { "127.0.0.1", "127.0.0.8" } } }
    local answer = ask(many { threshold = 1 }, client("192.0.2.1"))
    equal(answer.word, "unknown")
    contains(answer.text, "missing: bits.example.net (it says 127.0.0.1: broken)")
end)

-- -- subjects -----------------------------------------------------------------

test("domains of client name, HELO, sender and recipient are looked up", function()
    for subject, request in pairs {
        client_name = { client_name = "Bad.Example.NET" }, helo_name = { helo_name = "bad.example.net." },
        sender_domain = { sender = "joe@BAD.example.net" }, recipient_domain = { recipient = "joe@bad.example.net" },
    } do
        local domains = check.dnsbl { zones = { "dbl.example.org" }, subject = subject, name = subject }
        given_dns { ["bad.example.net.dbl.example.org A"] = "127.0.0.2" }
        equal(ask(domains, request).text, "bad.example.net: 1 of 1 points: dbl.example.org +1 (127.0.0.2)")
        equal(ask(domains, { client_name = "a.example", helo_name = "b.example", sender = "a@c.example", recipient = "a@d.example" }).word,
            "clean")
    end
end)

test("what is no name of a domain is not looked up", function()
    local helo = check.dnsbl { zones = { "dbl.example.org" }, subject = "helo_name", name = "helo" }
    given_dns { ["example.org"] = { fault = "servfail" } }
    for _, name in ipairs { "localhost", "friend", "[192.0.2.1]", "192.0.2.1", "[IPv6:2001:db8::1]", "2001:db8::1", "192.0.2.1.",
                            "192.000.002.001", "192.0.2.300", "127.1", "mail.192.0.2.1", ".", "..",
                            "a..example", ".example.org", "bad name.example", "a\\.example.org", "x@example.org", "a/b.example",
                            ("x"):rep(64) .. ".example", ("abcdefg."):rep(32) .. "example", "\xff.example.org" } do
        equal(ask(helo, { helo_name = name }).text, "the helo_name is no name of a domain")
    end
    equal(ask(helo, { helo_name = "" }).text, "there is no helo_name")
    local sender = check.dnsbl { zones = { "dbl.example.org" }, subject = "sender_domain", name = "sender" }
    equal(ask(sender, { sender = "" }).text, "there is no sender_domain")
    equal(ask(sender, { sender = "joe" }).word, "none")
    equal(ask(sender, { sender = "joe@[192.0.2.1]" }).text, "the sender_domain is no name of a domain")
    local name = check.dnsbl { zones = { "dbl.example.org" }, subject = "client_name", name = "name" }
    equal(ask(name, { client_name = "unknown" }).text, "the client has no name")
end)

test("names outside of ASCII are looked up as DNS has them", function()
    local sender = check.dnsbl { zones = { "dbl.example.org" }, subject = "sender_domain" }
    given_dns { ["xn--bcher-kva.example.dbl.example.org A"] = "127.0.0.2" }
    contains(ask(sender, { sender = "joe@bücher.example" }).text, "xn--bcher-kva.example: 1 of 1")
    contains(ask(sender, { sender = "joe@BÜCHER.example" }).text, "xn--bcher-kva.example: 1 of 1")
end)

test("a name that has no room before the zone is on no list", function()
    local helo = check.dnsbl { zones = { ["dbl.example.org"] = 1, ["x"] = 1 }, subject = "helo_name" }
    local long = ("abcdefg."):rep(30) .. "example"
    given_dns { ["example.org"] = { fault = "servfail" } }
    equal(ask(helo, { helo_name = long }).word, "clean")
    local alone = check.dnsbl { zones = { "dbl.example.org" }, subject = "helo_name", name = "alone" }
    equal(ask(alone, { helo_name = long }).word, "clean")
end)

test("lists of one check may have subjects of their own", function()
    local all = many()
    lists({ ["zen.example.org"] = { ["1.2.0.192"] = "127.0.0.2" }, ["wl.example.com"] = { ["1.2.0.192"] = "127.0.9.2" } },
        { ["bad.example.net.dbl.example.org A"] = "127.0.1.4" })
    local answer = ask(all, { client_address = "192.0.2.1", helo_name = "mail.example.net", sender = "joe@bad.example.net" })
    equal(answer.word, "listed")
    equal(answer.text, "192.0.2.1, mail.example.net, bad.example.net: 6 of 5 points: dbl.example.org +5 (bad.example.net: 127.0.1.4), " ..
        "wl.example.com -3 (192.0.2.1: 127.0.9.2), zen.example.org +4 (192.0.2.1: 127.0.0.2 spammer)")
    answer = ask(all, { client_address = "10.0.0.1", helo_name = "bad.example.net", sender = "" })
    equal(answer.text, "bad.example.net: 5 of 5 points: dbl.example.org +5 (127.0.1.4)")
    equal(ask(all, { client_address = "10.0.0.1", helo_name = "friend", sender = "" }).word, "none")
end)

test("of several subjects a list counts once", function()
    given_dns { ["bad.example.net.dbl.example.org A"] = "127.0.1.4", ["mail.example.net.dbl.example.org A"] = "127.0.1.5" }
    local all = many()
    equal(ask(all, { client_address = "10.0.0.1", helo_name = "bad.example.net", sender = "a@bad.example.net" }).text,
        "bad.example.net: 5 of 5 points: dbl.example.org +5 (127.0.1.4)")
    equal(ask(all, { client_address = "10.0.0.1", helo_name = "mail.example.net", sender = "a@bad.example.net" }).text,
        "mail.example.net, bad.example.net: 5 of 5 points: dbl.example.org +5 (mail.example.net: 127.0.1.5; bad.example.net: 127.0.1.4)")
end)

-- -- what DNS could not say ---------------------------------------------------

test("a resolver that fails never makes clean of a listed client, nor listed of a clean one", function()
    local names = { "2.0.0.127", "1.0.0.127", "1.2.0.192", "2.2.0.192", "3.2.0.192" }
    local has = { ["2.0.0.127"] = true, ["1.2.0.192"] = true }
    local function healthy()
        for _, name in ipairs(names) do
            given_dns { [name .. ".zen.example.org A"] = has[name] and { "127.0.0.2", ttl = "1d" } or { fault = "nxdomain", ttl = "1d" } }
        end
    end
    for _, fault in ipairs(FAULTS) do
        local fresh = check.dnsbl { zones = { ["zen.example.org"] = 5 }, threshold = 5, keep = "1h", stale = "2h", name = fault }
        healthy()
        equal(word(fresh, "192.0.2.1"), "listed")
        equal(word(fresh, "192.0.2.2"), "clean")
        for _, name in ipairs(names) do given_dns { [name .. ".zen.example.org A"] = { fault = fault } } end
        for _ = 1, 17 do
            equal(word(fresh, "192.0.2.1"), "listed")
            equal(word(fresh, "192.0.2.2"), "clean")
            equal(word(fresh, "192.0.2.3"), "unknown")
            after "10m"
        end
        equal(ask(fresh, client("192.0.2.1")).from, "stale")
        after "20m"
        for n = 1, 3 do equal(word(fresh, "192.0.2." .. n), "unknown") end
        healthy()
        equal(word(fresh, "192.0.2.1"), "listed")
        equal(word(fresh, "192.0.2.2"), "clean")
        equal(word(fresh, "192.0.2.3"), "clean")
    end
end)

test("the word is certain or unknown, whichever of four lists fail", function()
    local zones = { "a.example.org", "b.example.org", "wl.example.org", "watched.example.org" }
    local weights = { 2, 3, -4, 0 }
    for has = 0, 15 do
        local truth, score = {}, 0
        for i, zone in ipairs(zones) do
            truth[zone] = has >> (i - 1) & 1 == 1
            score = score + (truth[zone] and weights[i] or 0)
        end
        for fails = 0, 15 do
            local records, known, least, most = {}, 0, 0, 0
            for i, zone in ipairs(zones) do
                if fails >> (i - 1) & 1 == 1 then
                    records["1.2.0.192." .. zone .. " A"] = { fault = FAULTS[(has + fails + i) % #FAULTS + 1] }
                    least, most = least + math.min(weights[i], 0), most + math.max(weights[i], 0)
                elseif truth[zone] then
                    records["1.2.0.192." .. zone .. " A"] = { "127.0.0.2", ttl = "0s" }
                    known = known + weights[i]
                else
                    records["1.2.0.192." .. zone .. " A"] = { fault = "nxdomain", ttl = "0s" }
                end
            end
            given_dns(records)
            local said = word(sum)
            if known + least >= 5 then equal(said, "listed") elseif known + most < 5 then equal(said, "clean")
            else equal(said, "unknown") end
            -- What is said is what would have been said had all lists answered.
            if said ~= "unknown" then equal(said, score >= 5 and "listed" or "clean") end
        end
    end
end)

test("one look-up that failed puts no list out of use", function()
    given_dns { ["1.2.0.192.zen.example.org A"] = { fault = "timeout" }, ["2.2.0.192.zen.example.org A"] = "127.0.0.2" }
    equal(word(zen, "192.0.2.1"), "unknown")
    equal(word(zen, "192.0.2.2"), "listed")
    given_dns { ["1.2.0.192.zen.example.org A"] = "127.0.0.2" }
    equal(word(zen, "192.0.2.1"), "listed")
end)

test("unknown tells what is known, and who is missing why", function()
    given_dns { ["1.2.0.192.a.example.org A"] = "127.0.0.2", ["1.2.0.192.b.example.org"] = { fault = "servfail" },
        ["1.2.0.192.wl.example.org"] = { fault = "timeout" } }
    local answer = ask(sum, client("192.0.2.1"))
    equal(answer.word, "unknown")
    equal(answer.score, 2)
    equal(answer.lists, "a.example.org")
    equal(answer.missing, "b.example.org wl.example.org")
    equal(answer.text, "192.0.2.1: 2 of 5 points: a.example.org +2 (127.0.0.2); missing: b.example.org (SERVFAIL), " ..
        "wl.example.org (no answer in time)")
end)

test("at the timeout it answers from what it has", function()
    local quick = check.dnsbl { zones = { ["a.example.org"] = 5, ["b.example.org"] = 4 }, threshold = 5, timeout = "1s", linger = "30s" }
    local one = { ["1.2.0.192"] = "127.0.0.2" }
    lists({ ["a.example.org"] = one }, { ["1.2.0.192.b.example.org A"] = { "127.0.0.2", after = "20s" } })
    equal(ask(quick, client("192.0.2.1")).text, "192.0.2.1: 5 of 5 points: a.example.org +5 (127.0.0.2); missing: b.example.org (no answer in time)")
    lists({ ["b.example.org"] = one }, { ["1.2.0.192.a.example.org A"] = { "127.0.0.2", after = "20s" } })
    given_dns { ["2.2.0.192.a.example.org A"] = { "127.0.0.2", after = "20s" } }
    equal(word(quick, "192.0.2.2"), "unknown")
end)

-- -- time ---------------------------------------------------------------------

local function timed(what, address)
    local before, answer = now(), ask(what, client(address or "192.0.2.1"))
    return answer, math.floor((now() - before) * 1000 + 0.5)
end

test("all lists are asked side by side", function()
    local records, zones = {}, {}
    for i = 1, 10 do
        zones["l" .. i .. ".example.org"] = 1
        records["1.2.0.192.l" .. i .. ".example.org A"] = { "127.0.0.2", after = "300ms" }
    end
    given_dns(records)
    local ten = check.dnsbl { zones = zones, threshold = 10 }
    local answer, ms = timed(ten)
    equal(answer.word, "listed")
    assert(ms >= 300 and ms < 400, ms)
end)

test("it stops when those still missing cannot change the word", function()
    given_dns { ["1.2.0.192.a.example.org A"] = { "127.0.0.2", after = "100ms" }, ["1.2.0.192.b.example.org A"] = { "127.0.0.2", after = "200ms" },
        ["1.2.0.192.wl.example.org A"] = { fault = "nxdomain", after = "300ms" }, ["1.2.0.192.watched.example.org A"] = { "127.0.0.2", after = "4s" } }
    local answer, ms = timed(sum)
    equal(answer.word, "listed")
    assert(ms >= 300 and ms < 400, ms)
    equal(answer.missing, "watched.example.org")
    contains(answer.text, "missing: watched.example.org (not waited for)")
    given_dns { ["2.2.0.192.a.example.org A"] = { "127.0.0.2", after = "4s" }, ["2.2.0.192.wl.example.org A"] = { "127.0.0.2", after = "4s" },
        ["2.2.0.192.b.example.org A"] = { fault = "nxdomain", after = "100ms" } }
    answer, ms = timed(sum, "192.0.2.2")
    equal(answer.word, "clean")
    assert(ms >= 100 and ms < 200, ms)
    given_dns { ["3.2.0.192.a.example.org A"] = { "127.0.0.2", after = "2s" }, ["3.2.0.192.b.example.org A"] = "127.0.0.2",
        ["3.2.0.192.wl.example.org A"] = { fault = "nxdomain", after = "1s" } }
    answer, ms = timed(sum, "192.0.2.3")
    equal(answer.word, "listed")
    assert(ms >= 2000 and ms < 2100, ms)
end)

test("but for linger it waits for them, so that the score is whole", function()
    local function made(linger)
        return check.dnsbl { zones = { ["a.example.org"] = 5, ["b.example.org"] = 2 }, threshold = 5, linger = linger, self_test = "0s",
                             name = "linger" .. (linger or "") }
    end
    given_dns { ["1.2.0.192.b.example.org A"] = { "127.0.0.2", after = "80ms" }, ["2.2.0.192.b.example.org A"] = { "127.0.0.2", after = "3s" } }
    equal(ask(made(), client("192.0.2.1")).score, 2)
    local answer, ms = timed(made(), "192.0.2.2")
    equal(answer.word, "clean")
    equal(answer.score, 0)
    assert(ms >= 100 and ms < 200, ms)
    equal(ask(made "0s", client("192.0.2.1")).score, 0)
    equal(ask(made "4s", client("192.0.2.2")).score, 2)
end)

-- -- reasons ------------------------------------------------------------------

test("the lists' reasons are asked only when wanted, and only of those that count against it", function()
    lists({ ["a.example.org"] = { ["1.2.0.192"] = "127.0.0.2" }, ["b.example.org"] = { ["1.2.0.192"] = "127.0.0.2" },
            ["wl.example.org"] = { ["1.2.0.192"] = "127.0.0.2" } },
        { ["1.2.0.192.a.example.org TXT"] = { "See https://a.example.org/192.0.2.1", after = "1s" },
          ["1.2.0.192.b.example.org TXT"] = { "Spam\n250 OK \u{7}\u{e9}", "second" },
          ["1.2.0.192.wl.example.org TXT"] = "Very nice" })
    local zones = { ["a.example.org"] = 5, ["b.example.org"] = 5, ["wl.example.org"] = -1 }
    local with = check.dnsbl { zones = zones, reason = true, name = "with", self_test = "0s" }
    local answer, ms = timed(with)
    equal(answer.reason, "See https://a.example.org/192.0.2.1; Spam 250 OK")
    assert(ms >= 1000 and ms < 1200, ms)
    local without = check.dnsbl { zones = zones, name = "without", self_test = "0s" }
    answer, ms = timed(without)
    equal(answer.reason, nil)
    assert(ms < 1000, ms)
    equal(ask(with, client("192.0.2.2")).reason, nil)
end)

test("a reason that does not come makes no difference", function()
    local with = check.dnsbl { zones = { "a.example.org" }, reason = true, timeout = "2s" }
    lists({ ["a.example.org"] = { ["1.2.0.192"] = "127.0.0.2", ["2.2.0.192"] = "127.0.0.2" } },
        { ["1.2.0.192.a.example.org TXT"] = { "late", after = "9s" }, ["2.2.0.192.a.example.org TXT"] = { fault = "servfail" } })
    local answer = ask(with, client("192.0.2.1"))
    equal(answer.word, "listed")
    equal(answer.reason, nil)
    equal(word(with, "192.0.2.2"), "listed")
end)

test("a list whose reason is blank says nothing", function()
    local with = check.dnsbl { zones = { "a.example.org", "b.example.org" }, reason = true }
    local both = { ["1.2.0.192"] = "127.0.0.2" }
    lists({ ["a.example.org"] = both, ["b.example.org"] = both }, { ["1.2.0.192.a.example.org TXT"] = "\n \t" })
    equal(ask(with, client("192.0.2.1")).reason, nil)
    lists({ ["a.example.org"] = { ["2.2.0.192"] = "127.0.0.2" }, ["b.example.org"] = { ["2.2.0.192"] = "127.0.0.2" } },
        { ["2.2.0.192.a.example.org TXT"] = "", ["2.2.0.192.b.example.org TXT"] = "  Spam " })
    equal(ask(with, client("192.0.2.2")).reason, "Spam")
end)

test("a long reason is cut", function()
    local with = check.dnsbl { zones = { "a.example.org" }, reason = true }
    lists({ ["a.example.org"] = { ["1.2.0.192"] = "127.0.0.2" } }, { ["1.2.0.192.a.example.org TXT"] = ("x"):rep(900) })
    equal(#ask(with, client("192.0.2.1")).reason, 511)
end)

-- -- keeping ------------------------------------------------------------------

test("answers are kept for an hour, but no longer than DNS says, and unknown is not", function()
    lists { ["zen.example.org"] = { ["1.2.0.192"] = { "127.0.0.2", ttl = "1d" }, ["2.2.0.192"] = { "127.0.0.2", ttl = "2m" } } }
    equal(ask(zen, client("192.0.2.1")).from, "asked")
    equal(ask(zen, client("192.0.2.2")).from, "asked")
    after "1m"
    equal(ask(zen, client("192.0.2.1")).from, "memory")
    equal(ask(zen, client("192.0.2.2")).from, "memory")
    after "2m"
    equal(ask(zen, client("192.0.2.2")).from, "asked")
    after "56m"
    equal(ask(zen, client("192.0.2.1")).from, "memory")
    after "2m"
    equal(ask(zen, client("192.0.2.1")).from, "asked")
    given_dns { ["3.2.0.192.zen.example.org"] = { fault = "servfail" } }
    equal(word(zen, "192.0.2.3"), "unknown")
    equal(ask(zen, client("192.0.2.3")).from, "asked")
end)

test("each word may have a time of its own", function()
    local fresh = check.dnsbl { zones = { "a.example.org" }, self_test = "0s", stale = "0s",
                                keep = { listed = "2h", clean = "10m", unknown = "30s" } }
    lists { ["a.example.org"] = { ["1.2.0.192"] = { "127.0.0.2", ttl = "1d" } } }
    given_dns { ["2.2.0.192.a.example.org A"] = { fault = "nxdomain", ttl = "1d" }, ["3.2.0.192.a.example.org"] = { fault = "servfail" } }
    local function from(n) return ask(fresh, client("192.0.2." .. n)).from end
    for n = 1, 3 do equal(from(n), "asked") end
    after "20s"
    for n = 1, 3 do equal(from(n), "memory") end
    after "20s"
    equal(from(3), "asked")
    after "9m"
    equal(from(2), "memory")
    after "1m"
    equal(from(2), "asked")
    after "100m"
    equal(from(1), "memory")
end)

test("an answer for which a list is missing is kept for five minutes at most", function()
    given_dns { ["1.2.0.192.a.example.org A"] = "127.0.0.2", ["1.2.0.192.b.example.org"] = { fault = "servfail" } }
    equal(ask(plain, client("192.0.2.1")).missing, "b.example.org")
    after "4m"
    equal(ask(plain, client("192.0.2.1")).from, "memory")
    after "2m"
    equal(ask(plain, client("192.0.2.1")).from, "asked")
end)

test("all requests of a client share an answer, however its address is written", function()
    lists { ["zen.example.org"] = { ["1.2.0.192"] = "127.0.0.2" } }
    ask(zen, { client_address = "192.0.2.1", helo_name = "a.example", sender = "a@example.org" })
    equal(ask(zen, { client_address = "::ffff:192.0.2.1", helo_name = "b.example", sender = "" }).from, "memory")
end)

test("answers kept in the store survive", function()
    local stored = check.dnsbl { zones = { "a.example.org" }, self_test = "0s", keep_in = "store", keep = "2h" }
    lists { ["a.example.org"] = { ["1.2.0.192"] = { "127.0.0.2", ttl = "1d" } } }
    equal(ask(stored, client("192.0.2.1")).from, "asked")
    equal(ask(stored, client("192.0.2.1")).text, "192.0.2.1: 1 of 1 points: a.example.org +1 (127.0.0.2)")
end)

-- -- self-tests ---------------------------------------------------------------

-- As they are when the check is made, and a second later.
local function tested(zones, records, more)
    local options = { zones = zones, name = "tested" }
    for name, value in pairs(more or {}) do options[name] = value end
    local made = check.dnsbl(options)
    given_dns(records)
    ask(made, client("198.51.100.1"))
    after "2s"
    return made
end

test("a test that says nothing of test entries leaves lists as they are", function()
    local fresh = tested({ "a.example.org" }, { ["1.2.0.192.a.example.org A"] = "127.0.0.2" }, { keep = "0s" })
    equal(word(fresh), "listed")
    after "3h"
    equal(word(fresh), "listed")
    equal(word(fresh, "192.0.2.2"), "clean")
end)

test("before the first self-test has ended nobody is held back", function()
    local fresh = check.dnsbl { zones = { "a.example.org" } }
    given_dns { ["1.2.0.192.a.example.org A"] = "127.0.0.2" }
    equal(word(fresh), "listed")
end)

test("a list that lists everybody is left out of the check", function()
    local fresh = tested({ ["a.example.org"] = 1, ["b.example.org"] = 1 }, {
        ["2.0.0.127.a.example.org A"] = "127.0.0.2", ["1.0.0.127.a.example.org A"] = "127.0.0.2", ["1.2.0.192.a.example.org A"] = "127.0.0.2",
        ["2.0.0.127.b.example.org A"] = "127.0.0.2", ["2.2.0.192.b.example.org A"] = "127.0.0.2" })
    equal(ask(fresh, client("192.0.2.1")).text, "192.0.2.1: 0 of 1 points")
    equal(ask(fresh, client("192.0.2.2")).text, "192.0.2.2: 1 of 1 points: b.example.org +1 (127.0.0.2)")
end)

test("a list without its test entry is left out, and so is one whose entry is broken", function()
    for _, entry in ipairs { { fault = "nxdomain" }, { fault = "nodata" }, { "127.255.255.254" }, { "203.0.113.80" } } do
        local fresh = tested({ "a.example.org", "b.example.org" }, {
            ["2.0.0.127.a.example.org A"] = entry, ["1.2.0.192.a.example.org A"] = "127.0.0.2", ["2.0.0.127.b.example.org A"] = "127.0.0.2" })
        equal(ask(fresh, client("192.0.2.1")).text, "192.0.2.1: 0 of 1 points")
    end
end)

test("where no list is left nobody is asked, and none has listed it", function()
    local fresh = tested({ "a.example.org" }, { ["1.0.0.127.a.example.org A"] = { fault = "nxdomain" }, ["1.2.0.192.a.example.org A"] = "127.0.0.2" })
    local answer = ask(fresh, client("192.0.2.1"))
    equal(answer.word, "clean")
    equal(answer.text, "no list is asked about 192.0.2.1: each is quarantined or for others")
end)

test("it comes back by itself", function()
    local fresh = tested({ "a.example.org" }, { ["1.0.0.127.a.example.org A"] = { fault = "nxdomain" }, ["1.2.0.192.a.example.org A"] = "127.0.0.2" })
    equal(word(fresh), "clean")
    given_dns { ["2.0.0.127.a.example.org A"] = "127.0.0.2" }
    after "30s"
    equal(word(fresh), "clean")
    after "40s"
    equal(word(fresh), "listed")
end)

test("it is tested every so often", function()
    local fresh = tested({ "a.example.org" }, { ["2.0.0.127.a.example.org A"] = "127.0.0.2", ["1.2.0.192.a.example.org A"] = "127.0.0.2" },
        { self_test = "2m" })
    equal(word(fresh), "listed")
    given_dns { ["1.0.0.127.a.example.org A"] = "127.0.0.2" }
    after "1m"
    equal(word(fresh, "192.0.2.1"), "listed")
    after "70s"
    equal(word(fresh, "192.0.2.1"), "clean")
end)

test("a self-test that DNS does not answer changes nothing", function()
    local names = { "2.0.0.127.a.example.org", "1.0.0.127.a.example.org" }
    for _, fault in ipairs(FAULTS) do
        local good = { ["2.0.0.127.a.example.org A"] = "127.0.0.2", ["1.2.0.192.a.example.org A"] = { "127.0.0.2", ttl = "0s" } }
        local fresh = tested({ "a.example.org" }, good, { name = fault })
        for _, name in ipairs(names) do given_dns { [name .. " A"] = { fault = fault } } end
        after "30m"
        equal(word(fresh), "listed")
        given_dns { ["1.0.0.127.a.example.org A"] = "127.0.0.2" }
        after "1m"
        equal(word(fresh), "clean")
        given_dns { ["1.0.0.127.a.example.org A"] = { fault = fault } }
        after "30m"
        equal(word(fresh), "clean")
    end
end)

test("a broken reply calls for a self-test", function()
    local fresh = tested({ "a.example.org" }, { ["2.0.0.127.a.example.org A"] = "127.0.0.2" }, { self_test = "1d" })
    given_dns { ["2.0.0.127.a.example.org A"] = "127.255.255.254", ["1.2.0.192.a.example.org A"] = "127.255.255.254" }
    equal(word(fresh), "unknown")
    after "15s"
    equal(word(fresh), "clean")
end)

test("a list without the IPv6 entry is not asked about IPv6 addresses", function()
    local nibbles = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.a.example.org A"
    local mapped = ".0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.a.example.org A"
    local records = { ["2.0.0.127.a.example.org A"] = "127.0.0.2", [nibbles] = "127.0.0.2", ["1.2.0.192.a.example.org A"] = "127.0.0.2" }
    local fresh = tested({ "a.example.org" }, records)
    equal(word(fresh, "192.0.2.1"), "listed")
    equal(word(fresh, "2001:db8::1"), "clean")
    given_dns { ["2" .. mapped] = "127.0.0.2" }
    after "11m"
    equal(word(fresh, "2001:db8::1"), "listed")
    given_dns { ["1" .. mapped] = "127.0.0.2" }
    after "11m"
    equal(word(fresh, "2001:db8::1"), "clean")
    equal(word(fresh, "192.0.2.1"), "clean")
end)

test("lists of domains have entries of their own, and each list only those it is used for", function()
    local domains = { "a.example.org" }
    local request = { helo_name = "bad.example.net" }
    local records = { ["bad.example.net.a.example.org A"] = "127.0.0.2", ["test.a.example.org A"] = "127.0.0.2" }
    local fresh = tested(domains, records, { subject = "helo_name" })
    equal(ask(fresh, request).word, "listed")
    given_dns { ["invalid.a.example.org A"] = "127.0.0.2" }
    after "11m"
    equal(ask(fresh, request).word, "clean")
    records["test.a.example.org A"] = { fault = "nxdomain" }
    fresh = tested(domains, records, { subject = "helo_name", name = "second" })
    equal(ask(fresh, request).word, "clean")
    -- For both it needs both.
    records["test.a.example.org A"] = "127.0.0.2"
    records["invalid.a.example.org A"] = { fault = "nxdomain" }
    fresh = tested(domains, records, { subject = { "client_address", "helo_name" }, name = "third" })
    equal(ask(fresh, request).word, "clean")
    given_dns { ["2.0.0.127.a.example.org A"] = "127.0.0.2" }
    after "2m"
    equal(ask(fresh, request).word, "listed")
end)

test("a list of one's own need not be tested", function()
    local fresh = tested({ ["a.example.org"] = { self_test = false }, ["b.example.org"] = {} },
        { ["1.2.0.192.a.example.org A"] = "127.0.0.2", ["1.2.0.192.b.example.org A"] = "127.0.0.2",
            ["1.0.0.127.b.example.org A"] = { fault = "nxdomain" } })
    equal(ask(fresh, client("192.0.2.1")).lists, "a.example.org")
    fresh = tested({ "a.example.org" }, { ["1.2.0.192.a.example.org A"] = "127.0.0.2" }, { self_test = "0s", name = "never" })
    after "1h"
    equal(word(fresh), "listed")
end)

test("answers kept from before a quarantine are not used in it, nor those from it after", function()
    local records = { ["2.0.0.127.a.example.org A"] = "127.0.0.2", ["2.0.0.127.b.example.org A"] = "127.0.0.2",
                      ["1.2.0.192.a.example.org A"] = { "127.0.0.2", ttl = "1d" } }
    local fresh = tested({ "a.example.org", "b.example.org" }, records, { keep = "10h" })
    equal(word(fresh), "listed")
    given_dns { ["1.0.0.127.a.example.org A"] = "127.0.0.2" }
    after "11m"
    equal(word(fresh), "clean")
    given_dns { ["1.0.0.127.a.example.org A"] = { fault = "nxdomain" } }
    after "2m"
    local answer = ask(fresh, client("192.0.2.1"))
    equal(answer.word, "listed")
    equal(answer.from, "asked")
    equal(ask(fresh, client("192.0.2.1")).from, "memory")
end)

test("nor a day later, however long answers are kept", function()
    local records = { ["2.0.0.127.a.example.org A"] = "127.0.0.2", ["1.2.0.192.a.example.org A"] = { "127.0.0.2", ttl = "7d" } }
    local fresh = tested({ "a.example.org" }, records, { keep = "5d", stale = "5d" })
    equal(word(fresh), "listed")
    given_dns { ["1.0.0.127.a.example.org A"] = "127.0.0.2" }
    after "11m"
    equal(word(fresh), "clean")
    given_dns { ["1.0.0.127.a.example.org A"] = { fault = "nxdomain" }, ["1.2.0.192.a.example.org A"] = { fault = "nxdomain" } }
    after "2m"
    equal(word(fresh), "clean")
    after "25h"
    equal(word(fresh), "clean")
end)

-- -- what is refused ----------------------------------------------------------

test("mistakes in zones are refused with the place and the cure", function()
    local function zone(value) return function() check.dnsbl { zones = { ["zen.example.org"] = value } } end end
    refused("zones: missing", function() check.dnsbl {} end)
    refused("zones: found an empty table", function() check.dnsbl { zones = {} } end)
    refused("zones: found 5, wanted lists", function() check.dnsbl { zones = { 5 } } end)
    refused("zones: zen.example.org: no option 'wieght' (did you mean 'weight'?)", zone { wieght = 5 })
    refused("zones: zen.example.org: found 'x', wanted options written as name = value", zone { "x" })
    refused("zones: zen.example.org: found 'five', wanted a number of points", zone "five")
    refused("zones: zen.example.org: found 0.0001, wanted a number of points", zone(0.0001))
    refused("zones: zen.example.org: found 1e+300, wanted", zone(1e300))
    refused("zones: zen.example.org: weight: found true, wanted", zone { weight = true })
    refused("zones: zen.example.org: self_test: found 1, wanted true or false", zone { self_test = 1 })
    refused("zones: https://zen.example.org: wanted the zone of a list", function() check.dnsbl { zones = { "https://zen.example.org" } } end)
    refused("zones: 192.0.2.1: wanted the zone of a list", function() check.dnsbl { zones = { "192.0.2.1" } } end)
    refused("of at most 188 characters", function() check.dnsbl { zones = { ("abcdefg."):rep(23) .. "abcdef" } } end)
    refused("zones: zen.example.org.: the zone stands twice",
        function() check.dnsbl { zones = { ["Zen.Example.org"] = 1, ["zen.example.org."] = 1 } } end)
    refused("51 look-ups for one ask, wanted at most 50", function()
        local zones = {}
        for i = 1, 51 do zones[i] = "z" .. i .. ".example.org" end
        check.dnsbl { zones = zones }
    end)
end)

test("mistakes in replies are refused", function()
    local function replies(value) return function() check.dnsbl { zones = { ["zen.example.org"] = { replies = value } } } end end
    for _, pattern in ipairs { "127.0.0", "127.0.0.2.", "127.0.0.256", "127.0.0.02", "127.0.0.7-4", "127.0.0.&0", "127.0.0.&", "127.0.0.2-",
                               "127.0.0.4-127.0.0.7", "127.0.0.0/24", "", "127.0.0.x" } do
        refused("replies: " .. pattern .. ": wanted four parts", replies { [pattern] = 1 })
    end
    for _, pattern in ipairs { "192.0.2.1", "128-255.0.0.2", "127.255.255.254", "127.255.255.*" } do
        refused("means that the list is broken", replies { [pattern] = 1 })
    end
    refused("replies: found an empty table", replies {})
    refused("replies: found 5, wanted", replies(5))
    refused("replies: found 5, wanted a reply such as", replies { 5 })
    refused("replies: 127.0.0.2: found 'ignore', wanted points", replies { ["127.0.0.2"] = "ignore" })
    refused("replies: 127.0.0.2: no option 'lable' (did you mean 'label'?)", replies { ["127.0.0.2"] = { lable = "x" } })
    refused("replies: 127.0.0.2: label: found 'two words', wanted a word", replies { ["127.0.0.2"] = { label = "two words" } })
    refused("replies: 127.0.0.2: weight: found 'x'", replies { ["127.0.0.2"] = { weight = "x" } })
    refused("found more than 64 replies", function()
        local all = {}
        for i = 1, 65 do all[i] = "127.0.1." .. i end
        replies(all)()
    end)
end)

test("mistakes in the other parameters are refused", function()
    local function with(name, value) return function() check.dnsbl { zones = { ["zen.example.org"] = 2 }, [name] = value } end end
    refused("subject: found 'sender', wanted one of client_address, client_name, helo_name, sender_domain, recipient_domain", with("subject", "sender"))
    refused("subject: found 'helo', wanted", with("subject", "helo"))
    refused("(did you mean 'client_address'?)", with("subject", "client_adress"))
    refused("subject: found an empty table", with("subject", {}))
    refused("zones: zen.example.org: subject: found 'client_adress'",
        function() check.dnsbl { zones = { ["zen.example.org"] = { subject = "client_adress" } } } end)
    refused("zones: zen.example.org: subject: found 5", function() check.dnsbl { zones = { ["zen.example.org"] = { subject = { 5 } } } } end)
    refused("threshold: found 0, wanted more than 0", with("threshold", 0))
    refused("threshold: found -1, wanted more than 0", with("threshold", -1))
    refused("self_test: wanted at least", with("self_test", "1s"))
    refused("no parameter 'treshold' (did you mean 'threshold'?)", with("treshold", 5))
end)

test("who wants the score only needs no threshold that can be reached", function()
    local scored = check.dnsbl { zones = { ["zen.example.org"] = 2 }, threshold = 100, name = "scored" }
    lists { ["zen.example.org"] = { ["1.2.0.192"] = "127.0.0.2" } }
    equal(ask(scored, client("192.0.2.1")).text, "192.0.2.1: 2 of 100 points: zen.example.org +2 (127.0.0.2)")
    given_dns { ["2.2.0.192.zen.example.org"] = { fault = "servfail" } }
    equal(word(scored, "192.0.2.2"), "clean")
    local allow = check.dnsbl { zones = { ["wl.example.org"] = -2 } }
    lists { ["wl.example.org"] = { ["1.2.0.192"] = "127.0.0.2" } }
    equal(ask(allow, client("192.0.2.1")).score, -2)
end)

-- -- a rule -------------------------------------------------------------------

test("the rule of the manual page", function()
    local function rule(req)
        local listed = zen(req)
        if listed.listed then return reject("5.7.1", listed.text) end
        if listed.score > 0 or listed.unknown then return defer_if_permit("4.7.1", "later") end
        return dunno()
    end
    lists { ["zen.example.org"] = { ["1.2.0.192"] = "127.0.0.2", ["2.2.0.192"] = "127.255.255.254" } }
    expect("reject 5.7.1 192.0.2.1: 5 of 5 points: zen.example.org +5 (127.0.0.2)", client("192.0.2.1"), rule)
    expect("defer_if_permit 4.7.1", client("192.0.2.2"), rule)
    expect(dunno(), client("192.0.2.3"), rule)
end)

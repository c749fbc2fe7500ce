-- Rule tests of rule tests: what the functions of a test file do, and say when they fail

helo = check.example { limit = 10 }
kept = check.example { limit = 10, keep = "1h", stale = "0s" }
pause = check.sleep { time = "20s" }
partners = check.list { inline = { "a@example.org" }, attribute = "sender", fields = { "level" } }

local function long_helo(req)
    local name = helo(req)
    if name.unknown then return defer_if_permit("4.3.0", "later") end
    if name.long then return reject("5.7.1", name.text) end
    return dunno()
end

-- The message of what must fail.
local function failure(body)
    local passed, message = pcall(body)
    assert(not passed, "it passed")
    return message
end

test("an action is compared by verb, in either case, and by how it goes on", function()
    expect("dunno", { helo_name = "short" }, long_helo)
    expect("DUNNO", { helo_name = "short" }, long_helo)
    expect("reject", {}, long_helo)
    expect("Reject 5.7.1", {}, long_helo)
    expect("reject 5.7.1 HELO name has 18", {}, long_helo)
end)

test("request and action may come in either order", function()
    expect({ helo_name = "short" }, "dunno", long_helo)
    expect({ helo_name = "short" }, dunno(), long_helo)
end)

test("an action of a constructor is compared exactly", function()
    local function rule() return reject("5.7.1", "no more of this") end
    expect(reject("5.7.1", "no more of this"), {}, rule)
    local message = failure(function() expect(reject("5.7.1", "no more"), {}, rule) end)
    contains(message, "wanted: REJECT 5.7.1 no more")
end)

test("part of a verb is not the verb", function()
    local function rule() return defer_if_permit("4.7.1", "later") end
    contains(failure(function() expect("defer", {}, rule) end), "got DEFER_IF_PERMIT 4.7.1 later")
end)

test("a reply is compared as it is sent, and by its constructor's name", function()
    local function rule() return reply("521 5.7.1", "go away") end
    expect("521 5.7.1 go", {}, rule)
    expect("reply 521", {}, rule)
    contains(failure(function() expect("reply 421", {}, rule) end), "got 521 5.7.1 go away")
end)

test("a failure names place, what was got and wanted, and what was asked", function()
    local message = failure(function() expect("dunno", {}, long_helo) end)
    contains(message, "rehearsal.test.lua:55: got REJECT 5.7.1 HELO name has 18 characters, made at ")
    contains(message, "\n  wanted: dunno")
    contains(message, "\n  asked: helo=long: HELO name has 18 characters")
end)

test("an answer that no one read is told", function()
    local function rule(req)
        helo(req)
        return dunno()
    end
    contains(failure(function() expect("reject", {}, rule) end), "asked: helo=long, never read")
end)

test("a rule that fails does not pass for dunno", function()
    local function rule(req) return req.sendr end
    local message = failure(function() expect("dunno", {}, rule) end)
    contains(message, "got an error: ")
    contains(message, "did you mean 'sender'?")
end)

test("an error can be what is wanted", function()
    expect("error did you mean 'sender'", {}, function(req) return req.sendr end)
    expect("error", {}, function() error("by intent") end)
    expect("error ends without an action", {}, function() return nil end)
    contains(failure(function() expect("error", {}, long_helo) end), "got REJECT")
    contains(failure(function() expect("error other", {}, function() error("one") end) end), "one")
end)

test("a rule that does not end is an error", function()
    expect("error instructions", {}, function() while true do end end)
end)

test("rules set no globals and call no functions of tests", function()
    expect("error cannot set the global", {}, function() stray = 1 end)
    expect("error a rule cannot call it", {}, function() answers {} end)
    expect("error a function of tests", {}, function() expect("dunno", {}) end)
    expect("error while the file is loaded", {}, function() check.example {} end)
end)

test("a request has defaults", function()
    expect("dunno RCPT ESMTP sender@example.net recipient@example.org 192.0.2.1 client.example.net", {},
        function(req)
            assert(req.instance and req.helo_name and req.reverse_client_name == req.client_name)
            return dunno(table.concat({ req.protocol_state, req.protocol_name, req.sender, req.recipient,
                req.client_address, req.client_name }, " "))
        end)
end)

test("each request is of an instance of its own unless one is given", function()
    local seen = {}
    local function rule(req)
        seen[#seen + 1] = req.instance
        return dunno()
    end
    expect("dunno", {}, rule)
    expect("dunno", {}, rule)
    expect("dunno", { instance = "mine" }, rule)
    assert(seen[1] ~= seen[2])
    equal(seen[3], "mine")
end)

test("attributes are texts and whole numbers; a misspelt one is refused", function()
    expect("dunno 5", { size = 5 }, function(req) return dunno(tostring(req.size)) end)
    expect("dunno new", { brand_new = "new" }, function(req) return dunno(req.brand_new) end)
    contains(failure(function() expect("dunno", { sendr = "x" }, long_helo) end), "did you mean 'sender'?")
    contains(failure(function() expect("dunno", { size = 1.5 }, long_helo) end), "whole number")
    contains(failure(function() expect("dunno", { sender_domain = "x" }, long_helo) end), "cannot be given")
    contains(failure(function() expect("dunno", { sender = "a\nb" }, long_helo) end), "newline")
end)

test("the null sender is the empty text", function()
    expect("dunno", { sender = "" }, function(req) return req.sender == "" and dunno() or reject() end)
end)

test("given answers take the place of asking", function()
    answers { helo = "unknown" }
    expect("defer_if_permit 4.3.0 later", { helo_name = "short" }, long_helo)
    answers { helo = { "long", length = 99, text = "so long" } }
    expect("reject 5.7.1 so long", { helo_name = "short" }, long_helo)
    expect("dunno 99", {}, function(req) return dunno(tostring(helo(req).length)) end)
    answers { partners = { "found", key = "b@example.org", level = "gold" } }
    expect("dunno gold b@example.org", {}, function(req)
        return dunno(partners(req).level .. " " .. partners(req).key)
    end)
end)

test("given answers end with their test", function()
    expect("dunno", { helo_name = "short" }, long_helo)
end)

test("ask asks for real", function()
    answers { helo = "unknown" }
    equal(ask(helo, { helo_name = "short" }).word, "normal")
end)

test("answers that cannot be are refused", function()
    local function refuses(part, given)
        contains(failure(function() answers(given) end), part)
    end
    refuses("no check 'hello' (did you mean 'helo'?)", { hello = "long" })
    refuses("wanted one of its words: long, normal, none or unknown", { helo = "listed" })
    refuses("wanted a word", { helo = {} })
    refuses("wanted a word", { helo = true })
    refuses("no field 'lenght' (did you mean 'length'?)", { helo = { "long", lenght = 1 } })
    refuses("wanted a whole number", { helo = { "long", length = "much" } })
    refuses("never set with the word 'none'", { helo = { "none", length = 1 } })
    refuses("never set with the word 'absent'", { partners = { "absent", key = "x" } })
    refuses("level: found 5, wanted a text", { partners = { "found", level = 5 } })
end)

test("an answer asked for has its fields, and no others", function()
    local answer = ask(helo, {})
    equal(answer.length, 18)
    equal(answer.from, "asked")
    equal(ask(partners, {}).key, nil)
    equal(ask(partners, {}).level, nil)
    contains(failure(function() return answer.lengt end), "did you mean 'length'?")
end)

test("arguments are read as in a rule", function()
    equal(ask(partners, {}, { value = "a@example.org" }).word, "found")
    contains(failure(function() ask(partners, {}, { valu = "x" }) end), "did you mean 'value'?")
    contains(failure(function() ask(helo, {}, { value = "x" }) end), "value")
    contains(failure(function() ask(helo) end), "wanted a check, a request")
end)

test("waiting moves the clock, and nothing else does", function()
    local before = now()
    expect("dunno", {}, function() return dunno() end)
    equal(now(), before)
    expect("dunno", {}, function(req)
        assert(pause(req).unknown, "the deadline comes first")
        return dunno()
    end)
    equal(now() - before, 10)
end)

test("kept answers are good for their time", function()
    equal(ask(kept, {}).from, "asked")
    after "59m"
    equal(ask(kept, {}).from, "memory")
    after "2m"
    equal(ask(kept, {}).from, "asked")
    equal(ask(kept, {}).from, "memory")
end)

test("kept answers end with their test", function()
    equal(ask(kept, {}).from, "asked")
end)

test("what is asked but not waited for goes on while time passes", function()
    alone = check.sleep { time = "10s", most = 1 }
    expect("dunno", {}, function(req)
        alone(req)
        return dunno()
    end)
    after "9s"
    equal(ask(alone, {}).word, "unknown")
    after "1s"
    equal(ask(alone, {}).word, "done")
end)

test("a length of time needs a unit", function()
    contains(failure(function() after(5) end), "after")
    contains(failure(function() after "5" end), "after: found '5'")
end)

test("a check is named by the global it is assigned to", function()
    named = check.example { limit = 10 }
    answers { named = "unknown" }
    contains(failure(function() expect("reject", {}, function(req)
        return named(req).unknown and dunno() or hold()
    end) end), "asked: named=unknown")
end)

test("of equal names the last one counts", function()
    named = check.example { limit = 10 }
    other = check.example { name = "inner" }
    answers { named = "none", inner = "none" }
    expect("dunno none none", {}, function(req) return dunno(named(req).word .. " " .. other(req).word) end)
end)

test("refused wants an error with this part", function()
    refused("did you mean 'limit'?", function() check.example { limt = 1 } end)
    refused("no module 'exmple' (did you mean 'example'?)", function() check.exmple {} end)
    refused("memory", function() cache { memory = "lots" } end)
    refused("listen", function() listen("nonsense", long_helo) end)
    contains(failure(function() refused("x", function() check.example {} end) end), "nothing was refused")
    contains(failure(function() refused("other", function() error("this") end) end), "this")
end)

test("values are compared and shown", function()
    equal(1, 1.0)
    equal({ 1, a = { "x" } }, { 1, a = { "x" } })
    contains(failure(function() equal("1", 1) end), "got \"1\", wanted 1")
    local message = failure(function() equal({ a = 1 }, { a = 2 }, "both") end)
    contains(message, "both: got { a = 1 }, wanted { a = 2 }")
    contains(failure(function() equal(1) end), "wanted two values")
    contains("some text", "me te")
    contains("a\0b", "\0b")
    contains(failure(function() contains("text", "X") end), "got \"text\", wanted a text with 'X'")
    contains(failure(function() contains(nil, "X") end), "got nil")
end)

test("files are written in a folder of the test", function()
    local path = write("list.txt", "a@example.org\n")
    equal(write("list.txt", "b@example.org\n"), path)
    written = check.list { file = path }
    equal(ask(written, {}, { value = "b@example.org" }).word, "found")
    assert(write("other.txt", "") ~= path)
    contains(failure(function() write("../x", "") end), "without a folder")
    contains(failure(function() write("", "") end), "without a folder")
end)

test("a test cannot stand within another", function()
    contains(failure(function() test("inner", function() end) end), "within a test")
end)

test("records of DNS are given as a zone has them, and what is none is said", function()
    given_dns {
        ["mail.example.org A"] = { "192.0.2.1", "192.0.2.2", ttl = "5m", after = "1s" },
        ["mail.example.org aaaa"] = "2001:db8::1",
        ["example.org MX"] = "10 mail.example.org", ["example.com MX"] = "0 .",
        ["192.0.2.1 PTR"] = "mail.example.org", ["example.org TXT"] = { "v=spf1 -all", "two" },
        ["example.org NS"] = {}, ["away.example.org"] = { fault = "timeout", after = "2s" },
    }
    for records, wanted in pairs {
        [{ ["example.org A"] = "2001:db8::1" }] = "given_dns: example.org A: found '2001:db8::1', which is no A record",
        [{ ["example.org MX"] = "mail.example.org" }] = "which is no MX record",
        [{ ["example.org MX"] = { "70000 mail.example.org" } }] = "which is no MX record",
        [{ ["example.org NS"] = "a..b" }] = "which is no NS record",
        [{ ["example.org TXT"] = { 5 } }] = "found 5, which is no TXT record",
        [{ ["example.org SRV"] = "x" }] = "found 'SRV', wanted A, AAAA, MX, PTR, TXT or NS",
        [{ ["a..b A"] = "192.0.2.1" }] = "a..b A: the name has an empty label",
        [{ ["example.org"] = "192.0.2.1" }] = "wanted a type behind the name, such as \"example.org A\"",
        [{ ["example.org"] = { fault = "servfial" } }] = "fault: found 'servfial'",
        [{ ["example.org A"] = { "192.0.2.1", tll = "5m" } }] = "no option 'tll' (did you mean 'ttl'?)",
        [{ "192.0.2.1" }] = "found a value without a name",
    } do
        contains(failure(function() given_dns(records) end), wanted)
    end
    contains(failure(function() given_dns("x") end), "given_dns: found a text, wanted a table")
end)

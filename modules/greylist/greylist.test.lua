-- Rule tests of the module: ppolicyd --test modules/greylist/greylist.test.lua

-- Short names: who writes to whom from where; the rest is the same in each mail.
local function mail(client, sender, recipient)
    return { client_address = client or "192.0.2.1", sender = sender or "alice@example.net",
        recipient = recipient or "bob@example.org" }
end

grey = check.greylist {}

-- Lets a triplet wait for its delay and pass.
local function pass(check, request, arguments)
    equal(ask(check, request, arguments).word, "wait")
    after "5m"
    equal(ask(check, request, arguments).word, "pass")
end

-- Whether the second request is taken for the first.
local function same(check, one, other, arguments, others)
    equal(ask(check, one, arguments).reason, "new", one.sender)
    return ask(check, other, others or arguments).reason == "early"
end

-- -- waiting ------------------------------------------------------------------

test("a new triplet waits", function()
    local started = math.floor(now())
    local answer = ask(grey, mail())
    equal(answer.word, "wait")
    equal(answer.wait, true)
    equal(answer.pass, false)
    equal(answer.reason, "new")
    equal(answer.wait_seconds, 300)
    equal(answer.text, "greylisted, retry in 5m")
    equal(answer.first_seen, started)
    equal(answer.passes, 0)
    equal(answer.from, "store")
end)

test("a later ask while it waits is early and leaves the first time unchanged", function()
    local first = ask(grey, mail()).first_seen
    after "48s"
    local answer = ask(grey, mail())
    equal(answer.word, "wait")
    equal(answer.reason, "early")
    equal(answer.wait_seconds, 252)
    equal(answer.text, "greylisted, retry in 4m 12s")
    equal(answer.first_seen, first)
    after "251s"
    answer = ask(grey, mail())
    equal(answer.text, "greylisted, retry in 1s")
    equal(answer.first_seen, first)
    after "1s"
    answer = ask(grey, mail())
    equal(answer.word, "pass")
    equal(answer.first_seen, first)
end)

test("what comes back after the delay passes", function()
    ask(grey, mail())
    after "363s"
    local answer = ask(grey, mail())
    equal(answer.word, "pass")
    equal(answer.pass, true)
    equal(answer.reason, "passed")
    equal(answer.passes, 1)
    equal(answer.wait_seconds, 0)
    equal(answer.text, "came back after 6m 3s")
end)

test("a wait is never held: it passes at the moment the delay is over", function()
    ask(grey, mail())
    for _ = 1, 5 do
        after "59990ms"
        local answer = ask(grey, mail())
        equal(answer.word, "wait")
        equal(answer.from, "store")
    end
    equal(ask(grey, mail()).wait_seconds, 1)
    after "50ms"
    equal(ask(grey, mail()).word, "pass")
end)

test("a wait is rounded up to a second, never to none", function()
    ask(grey, mail())
    after "299999ms"
    local answer = ask(grey, mail())
    equal(answer.wait_seconds, 1)
    equal(answer.text, "greylisted, retry in 1s")
end)

test("a delay may be as short as a second, and days long", function()
    short = check.greylist { delay = "1s" }
    long = check.greylist { delay = "26h", retry_window = "10d", table = "other" }
    ask(short, mail())
    equal(ask(long, mail()).text, "greylisted, retry in 1d 2h")
    after "999ms"
    equal(ask(short, mail()).word, "wait")
    after "1ms"
    equal(ask(short, mail()).word, "pass")
    refused("delay", function() check.greylist { delay = "999ms" } end)
    refused("delay", function() check.greylist { delay = 300 } end)
end)

test("the retry window is enforced: who comes too late waits anew", function()
    ask(grey, mail())
    after "48h"
    after "1s"
    local answer = ask(grey, mail())
    equal(answer.word, "wait")
    equal(answer.reason, "expired")
    equal(answer.wait_seconds, 300)
    equal(answer.text, "greylisted, retry in 5m; the last try was too long ago")
    equal(answer.first_seen, math.floor(now()))
    equal(ask(grey, mail()).reason, "early")
    after "5m"
    equal(ask(grey, mail()).word, "pass")
end)

test("at the end of the retry window it still passes", function()
    ask(grey, mail())
    after "48h"
    equal(ask(grey, mail()).word, "pass")
end)

test("asking again and again does not make the retry window longer", function()
    ask(grey, mail())
    local window = check.greylist { delay = "1h", retry_window = "2h", name = "window", table = "windows" }
    ask(window, mail())
    for _ = 1, 5 do
        after "10m"
        equal(ask(window, mail()).reason, "early")
    end
    after "71m"
    equal(ask(window, mail()).reason, "expired")
end)

test("what never came back is deleted while the server runs, and is new again", function()
    ask(grey, mail())
    after "71h"
    equal(ask(grey, mail(nil, "other@example.net")).reason, "new")
    equal(ask(grey, mail()).reason, "expired")
    after "73h"
    after "2m"
    equal(ask(grey, mail()).reason, "new")
end)

test("the retry window is longer than the delay", function()
    refused("retry_window", function() check.greylist { delay = "2h", retry_window = "2h" } end)
end)

test("changed parameters count at once", function()
    hasty = check.greylist { delay = "1m" }
    patient = check.greylist { delay = "10m" }
    ask(patient, mail())
    after "1m"
    equal(ask(patient, mail()).wait_seconds, 540)
    equal(ask(hasty, mail()).word, "pass")
end)

-- -- passing ------------------------------------------------------------------

test("what passed is known for its life after its last mail", function()
    living = check.greylist { life = "10d", client_after = 0 }
    pass(living, mail())
    for _ = 1, 4 do
        after "9d"
        local answer = ask(living, mail())
        equal(answer.word, "pass")
        contains(answer.text, "known since ")
    end
    after "10d"
    equal(ask(living, mail()).word, "pass")
    after "10d"
    after "1s"
    local answer = ask(living, mail())
    equal(answer.word, "wait")
    equal(answer.reason, "expired")
    equal(answer.passes, 0)
end)

test("life is 35 days", function()
    pass(grey, mail())
    after "35d"
    equal(ask(grey, mail()).reason, "passed")
    after "35d"
    after "1s"
    equal(ask(grey, mail()).reason, "expired")
end)

test("what passed is held in memory for the time refresh, then asked again", function()
    pass(grey, mail())
    local answer = ask(grey, mail())
    equal(answer.from, "memory")
    equal(answer.reason, "passed")
    equal(answer.passes, 1)
    after "599s"
    equal(ask(grey, mail()).from, "memory")
    after "2s"
    answer = ask(grey, mail())
    equal(answer.from, "asked")
    equal(answer.word, "pass")
    equal(answer.passes, 2)
    equal(ask(grey, mail()).from, "memory")
    fresh = check.greylist { refresh = "0s" }
    equal(ask(fresh, mail()).from, "store")
    equal(ask(fresh, mail()).from, "asked")
end)

test("what memory answers is written too, so that the database knows it lives", function()
    first = check.greylist { life = "10d", client_after = 0 }
    second = check.greylist { life = "10d", client_after = 0 }
    pass(first, mail())
    after "9d"
    equal(ask(first, mail()).passes, 2)
    after "9d"
    local answer = ask(second, mail())
    equal(answer.reason, "passed")
    equal(answer.passes, 3)
end)

test("what waits is not kept from passing by what another recipient's mail is told", function()
    pass(grey, mail())
    equal(ask(grey, mail(nil, nil, "carol@example.org")).reason, "new")
    equal(ask(grey, mail(nil, "dave@example.net")).reason, "new")
    equal(ask(grey, mail("198.51.100.1")).reason, "new")
end)

-- -- the key ------------------------------------------------------------------

test("the client is its network, /24 and /64", function()
    equal(same(grey, mail("192.0.2.1"), mail("192.0.2.254")), true)
    equal(same(grey, mail("198.51.100.1"), mail("198.51.101.1")), false)
    equal(same(grey, mail("2001:db8:0:1::1"), mail("2001:db8:0:1:ffff::2")), true)
    equal(same(grey, mail("2001:db8:0:2::1"), mail("2001:db8:0:3::1")), false)
    equal(ask(grey, mail("::ffff:192.0.2.9")).reason, "early")
end)

test("the length of the network can be set", function()
    exact = check.greylist { ipv4_prefix = 32, ipv6_prefix = 128 }
    wide = check.greylist { ipv4_prefix = 16, ipv6_prefix = 32 }
    equal(same(exact, mail("192.0.2.1"), mail("192.0.2.2")), false)
    equal(same(exact, mail("2001:db8::1"), mail("2001:db8::2")), false)
    equal(same(wide, mail("192.0.2.1"), mail("192.0.99.1")), true)
    equal(same(wide, mail("2001:db8::1"), mail("2001:db8:ffff::1")), true)
    refused("ipv4_prefix", function() check.greylist { ipv4_prefix = 33 } end)
    refused("ipv6_prefix", function() check.greylist { ipv6_prefix = 129 } end)
end)

test("with the argument domain a provider's pool of senders waits once", function()
    local domain = { domain = "provider.example" }
    ask(grey, mail("192.0.2.1"), domain)
    equal(ask(grey, mail("198.51.100.1"), { domain = "Provider.EXAMPLE." }).reason, "early")
    after "5m"
    equal(ask(grey, mail("2001:db8::1"), domain).word, "pass")
    equal(ask(grey, mail("192.0.2.1"), { domain = "other.example" }).word, "wait")
    equal(ask(grey, mail("192.0.2.1")).reason, "new")
end)

test("an argument that is absent or empty is none", function()
    equal(same(grey, mail(), mail("192.0.2.2"), nil, { domain = nil }), true)
    equal(ask(grey, mail("192.0.2.3"), { domain = "", client = "" }).reason, "early")
end)

test("the argument client is the client: an address has a network, a text is itself", function()
    local proxied = mail("127.0.0.1")
    equal(same(grey, proxied, proxied, { client = "198.51.100.7" }, { client = "198.51.100.8" }), true)
    equal(ask(grey, mail("198.51.100.9")).reason, "early")
    equal(same(grey, mail(), mail("203.0.113.1"), { client = "Customer 7" }, { client = "customer 7" }), true)
    equal(ask(grey, mail(), { client = "customer 8" }).reason, "new")
    equal(ask(grey, mail(), { client = "customer 7", domain = "d.example" }).reason, "new")
    equal(ask(grey, mail(), { domain = "d.example" }).reason, "early")
end)

test("parts of a key do not run into each other", function()
    pass(grey, mail(nil, "b c@example.net", "d@example.org"), { client = "a" })
    equal(ask(grey, mail(nil, "c@example.net", "d@example.org"), { client = "a b" }).reason, "new")
    equal(ask(grey, mail(nil, "c@example.net", "d@example.org"), { client = "a\nb" }).reason, "new")
end)

test("upper and lower case are the same", function()
    equal(same(grey, mail(nil, "Alice@Example.NET", "Bob@Example.ORG"), mail()), true)
end)

test("the address extension of the sender, and of the recipient, is folded", function()
    equal(same(grey, mail(nil, "alice+one@example.net"), mail(nil, "alice+two@example.net")), true)
    equal(ask(grey, mail()).reason, "early")
    equal(ask(grey, mail(nil, nil, "bob+shop@example.org")).reason, "early")
    minus = check.greylist { extension = "-" }
    equal(same(minus, mail(nil, "a-one@example.net"), mail(nil, "a-two@example.net")), true)
    equal(same(minus, mail(nil, "a+one@example.net"), mail(nil, "a+two@example.net")), false)
    off = check.greylist { extension = "" }
    equal(same(off, mail(nil, "c+one@example.net"), mail(nil, "c+two@example.net")), false)
end)

test("VERP is folded, but recipients with numbers are different people", function()
    equal(same(grey, mail(nil, "list-return-1234-bob=example.org@lists.example"),
        mail(nil, "list-return-99-bob=example.org@lists.example")), true)
    equal(same(grey, mail(nil, "bounce-5f6a7b8c-4b7d@news.example"),
        mail(nil, "bounce-0c1d2e3f-911@news.example")), true)
    equal(same(grey, mail(nil, "x@a.example", "user-1@example.org"),
        mail(nil, "x@a.example", "user-2@example.org")), false)
    equal(same(grey, mail(nil, "15551234567@a.example"), mail(nil, "15557654321@a.example")), false)
end)

test("BATV is folded", function()
    equal(same(grey, mail(nil, "prvs=0123abcdef=carol@example.net"),
        mail(nil, "prvs=4567fedcba=carol@example.net")), true)
    equal(ask(grey, mail(nil, "carol@example.net")).reason, "early")
    equal(ask(grey, mail(nil, "btv1==0a1b2c3d4e==carol@example.net")).reason, "early")
    equal(ask(grey, mail(nil, "", "prvs=0123abcdef=bob@example.org")).reason, "new")
    equal(ask(grey, mail(nil, "", "prvs=4567fedcba=bob@example.org")).reason, "early")
end)

test("SRS is folded", function()
    equal(same(grey, mail(nil, "SRS0=x7Yz=AB=example.net=dave@forward.example"),
        mail(nil, "SRS0=Q+2w=AC=example.net=dave@forward.example")), true)
    equal(same(grey, mail(nil, "SRS1=aaaa=first.example==x7Yz=AB=example.net=erin@second.example"),
        mail(nil, "SRS1=bbbb=first.example==Q12w=AC=example.net=erin@second.example")), true)
    equal(ask(grey, mail(nil, "SRS0=x7Yz=AB=example.net=dave@another.example")).reason, "new")
    equal(ask(grey, mail(nil, "SRS0=x7Yz=AB=example.com=dave@forward.example")).reason, "new")
end)

test("senders that are no address, and long ones, are senders", function()
    equal(same(grey, mail(nil, "root"), mail(nil, "root")), true)
    local long = string.rep("x", 900)
    equal(same(grey, mail(nil, long .. "@example.net"), mail(nil, long .. "@example.net")), true)
    equal(ask(grey, mail(nil, long .. "@stranger.example")).reason, "new")
    equal(same(grey, mail(nil, nil, long .. "1@example.org"), mail(nil, nil, long .. "2@example.org")), false)
    equal(same(grey, mail(nil, "\xff\xfe'\"%;--@example.net"), mail(nil, "\xff\xfe'\"%;--@example.net")), true)
end)

-- -- who is not greylisted ----------------------------------------------------

test("postmaster always passes", function()
    for _, recipient in ipairs { "postmaster@example.org", "PostMaster@Other.Example", "postmaster",
        "POSTMASTER" } do
        local answer = ask(grey, mail(nil, nil, recipient))
        equal(answer.word, "pass", recipient)
        equal(answer.reason, "postmaster")
        equal(answer.from, "asked")
        equal(answer.passes, 0)
    end
    equal(ask(grey, mail("127.0.0.1", "", "postmaster@example.org")).word, "pass")
    equal(ask(grey, mail(nil, nil, "postmaster2@example.org")).word, "wait")
    equal(ask(grey, mail(nil, nil, "not-postmaster@example.org")).word, "wait")
    equal(ask(grey, mail(nil, nil, "postmaster@x@example.org")).word, "wait")
end)

test("the null sender waits as others do, with its recipient and for the whole network", function()
    local answer = ask(grey, mail("192.0.2.1", ""))
    equal(answer.reason, "new")
    equal(ask(grey, mail("192.0.2.77", "")).reason, "early")
    equal(ask(grey, mail("192.0.2.1", "", "carol@example.org")).reason, "new")
    after "5m"
    equal(ask(grey, mail("192.0.2.200", "")).word, "pass")
    equal(ask(grey, mail("192.0.2.1", "", "dave@example.org")).word, "wait")
end)

test("a client that delivers bounces to five recipients is known", function()
    for i = 1, 5 do ask(grey, mail(nil, "", "user" .. i .. "@example.org")) end
    after "5m"
    for i = 1, 5 do ask(grey, mail(nil, "", "user" .. i .. "@example.org")) end
    equal(ask(grey, mail(nil, "", "bob@example.org")).reason, "client")
end)

test("the null sender can be left alone", function()
    gentle = check.greylist { null_sender = false }
    local answer = ask(gentle, mail(nil, ""))
    equal(answer.word, "none")
    contains(answer.text, "null sender")
    equal(ask(gentle, mail()).word, "wait")
end)

test("the question does not apply to this machine, nor without client or recipient", function()
    for address, text in pairs { ["127.0.0.1"] = "this machine", ["127.9.9.9"] = "this machine",
        ["::1"] = "this machine", [""] = "no client address", unknown = "not known" } do
        local answer = ask(grey, mail(address))
        equal(answer.word, "none", address)
        contains(answer.text, text)
        equal(answer.reason, nil)
    end
    equal(ask(grey, mail("127.0.0.1"), { domain = "example.net" }).word, "none")
    contains(ask(grey, mail(nil, nil, "")).text, "no recipient")
    equal(ask(grey, mail(nil, nil, "")).word, "none")
end)

-- -- clients that are known ---------------------------------------------------

-- Lets so many different triplets pass.
local function pass_many(check, count, client, arguments)
    for i = 1, count do ask(check, mail(client, "s" .. i .. "@example.net"), arguments) end
    after "5m"
    for i = 1, count do
        equal(ask(check, mail(client, "s" .. i .. "@example.net"), arguments).word, "pass")
    end
end

test("a client with five different passed triplets passes at once", function()
    pass_many(grey, 4)
    equal(ask(grey, mail(nil, "new@example.net")).word, "wait")
    pass_many(grey, 5, "198.51.100.1")
    local answer = ask(grey, mail("198.51.100.99", "new@example.net"))
    equal(answer.word, "pass")
    equal(answer.reason, "client")
    equal(answer.passes, 1)
    contains(answer.text, "198.51.100.0/24 is known")
    equal(ask(grey, mail("198.51.100.99", "new@example.net")).from, "memory")
    equal(ask(grey, mail("203.0.113.1", "new@example.net")).word, "wait")
end)

test("a client that is known is named with its network", function()
    nine = check.greylist { ipv4_prefix = 9, ipv6_prefix = 99 }
    ten = check.greylist { ipv4_prefix = 10, ipv6_prefix = 100 }
    more = check.greylist { ipv4_prefix = 31, ipv6_prefix = 112 }
    whole = check.greylist { ipv4_prefix = 32, ipv6_prefix = 128 }
    for wanted, by in pairs {
        ["198.0.0.0/9"] = nine, ["198.0.0.0/10"] = ten, ["198.51.100.2/31"] = more, ["198.51.100.3"] = whole,
        ["2001:db8::/99"] = nine, ["2001:db8::/100"] = ten, ["2001:db8::/112"] = more, ["2001:db8::3"] = whole,
    } do
        local client = wanted:sub(1, 1) == "1" and "198.51.100.3" or "2001:db8::3"
        pass_many(by, 5, client)
        contains(ask(by, mail(client, "new@example.net")).text, wanted .. " is known")
    end
end)

test("one triplet that passes five times is one", function()
    always = check.greylist { refresh = "0s" }
    pass(always, mail())
    for _ = 1, 6 do equal(ask(always, mail()).word, "pass") end
    equal(ask(always, mail(nil, "new@example.net")).word, "wait")
end)

test("triplets that wait do not make a client known", function()
    for i = 1, 30 do equal(ask(grey, mail(nil, "w" .. i .. "x@example.net")).reason, "new") end
end)

test("client_after can be set, 0 is never", function()
    two = check.greylist { client_after = 2 }
    never = check.greylist { client_after = 0, table = "never" }
    pass_many(two, 2)
    equal(ask(two, mail(nil, "new@example.net")).reason, "client")
    pass_many(never, 8)
    equal(ask(never, mail(nil, "new@example.net")).reason, "new")
    refused("client_after", function() check.greylist { client_after = -1 } end)
end)

test("client_after may be as many as 20", function()
    many = check.greylist { client_after = 20 }
    pass_many(many, 19)
    equal(ask(many, mail(nil, "new@example.net")).reason, "new")
    pass(many, mail(nil, "twentieth@example.net"))
    equal(ask(many, mail(nil, "another@example.net")).reason, "client")
    refused("client_after", function() check.greylist { client_after = 21 } end)
end)

test("only the last 30 days make a client known", function()
    pass_many(grey, 5)
    after "30d"
    after "1s"
    equal(ask(grey, mail(nil, "new@example.net")).word, "wait")
    equal(ask(grey, mail(nil, "s1@example.net")).word, "pass")
end)

test("a client that goes on sending stays known", function()
    pass_many(grey, 5)
    for i = 1, 8 do
        after "29d"
        for j = 1, 5 do
            equal(ask(grey, mail(nil, "n" .. i .. "-x" .. j .. "y@example.net")).reason, "client")
        end
    end
end)

test("with the argument domain the domain is the client that becomes known", function()
    local domain = { domain = "provider.example" }
    pass_many(grey, 5, "192.0.2.1", domain)
    equal(ask(grey, mail("203.0.113.1", "new@example.net"), domain).reason, "client")
    equal(ask(grey, mail("192.0.2.1", "new@example.net")).reason, "new")
end)

test("a triplet that waits passes when its client becomes known", function()
    ask(grey, mail(nil, "first@example.net"))
    hurried = check.greylist { delay = "1s", client_after = 0 }
    for i = 1, 5 do ask(hurried, mail(nil, "h" .. i .. "@example.net")) end
    after "1s"
    for i = 1, 5 do equal(ask(hurried, mail(nil, "h" .. i .. "@example.net")).word, "pass") end
    equal(ask(grey, mail(nil, "first@example.net")).reason, "client")
end)

-- -- the table ----------------------------------------------------------------

test("of two that ask at once one is the first", function()
    gateway1 = check.greylist {}
    gateway2 = check.greylist {}
    for i = 1, 20 do
        local seen = {}
        expect("info asked", mail(nil, "r" .. i .. "x@example.net"), function(req)
            local one, other = gateway1(req), gateway2(req)
            seen[one.reason] = true
            seen[other.reason] = true
            return info("asked")
        end)
        equal(seen.new and seen.early, true)
    end
end)

test("a table of another name is another table", function()
    elsewhere = check.greylist { table = "elsewhere" }
    ask(grey, mail())
    equal(ask(elsewhere, mail()).reason, "new")
    equal(ask(grey, mail()).reason, "early")
    refused("table", function() check.greylist { table = "x; DROP TABLE y" } end)
    refused("table", function() check.greylist { table = "" } end)
end)

test("rows are capped: the oldest that wait go first, then the oldest that passed", function()
    small = check.greylist { table = "small", max_rows = 100, client_after = 0 }
    for i = 1, 60 do ask(small, mail(nil, "p" .. i .. "x@example.net")) end
    after "5m"
    for i = 1, 60 do equal(ask(small, mail(nil, "p" .. i .. "x@example.net")).word, "pass") end
    for i = 1, 50 do
        ask(small, mail(nil, "w" .. i .. "x@example.net"))
        after "1s"
    end
    after "2s"
    equal(ask(small, mail(nil, "w50x@example.net")).reason, "early")
    equal(ask(small, mail(nil, "p1x@example.net")).word, "pass")
    equal(ask(small, mail(nil, "w1x@example.net")).reason, "new")
end)

test("a table with too much that passed loses what passed longest ago", function()
    large = check.greylist { table = "crowded", client_after = 0 }
    for i = 1, 104 do ask(large, mail(nil, "p" .. i .. "x@example.net")) end
    after "5m"
    for i = 104, 1, -1 do
        equal(ask(large, mail(nil, "p" .. i .. "x@example.net")).word, "pass")
        after "10ms"
    end
    little = check.greylist { table = "crowded", max_rows = 100, client_after = 0 }
    equal(ask(little, mail(nil, "waiting@example.net")).reason, "new")
    after "3s"
    equal(ask(little, mail(nil, "p1x@example.net")).reason, "passed")
    equal(ask(little, mail(nil, "p95x@example.net")).reason, "passed")
    equal(ask(little, mail(nil, "p96x@example.net")).reason, "new")
    equal(ask(little, mail(nil, "waiting@example.net")).reason, "new")
end)

test("beyond a hard limit new triplets are unknown, the others are served", function()
    full = check.greylist { table = "full", max_rows = 100 }
    ask(full, mail(nil, "first@example.net"))
    after "2s"
    for i = 1, 124 do equal(ask(full, mail(nil, "f" .. i .. "x@example.net")).reason, "new") end
    local answer = ask(full, mail(nil, "late@example.net"))
    equal(answer.word, "unknown")
    contains(answer.text, "the table full is full")
    equal(ask(full, mail(nil, "f1x@example.net")).reason, "early")
    equal(ask(full, mail(nil, nil, "postmaster@example.org")).word, "pass")
    after "2s"
    equal(ask(full, mail(nil, "late@example.net")).reason, "new")
end)

-- -- rules --------------------------------------------------------------------

test("a rule defers while it waits, and says when to come back", function()
    local function rule(req)
        local known = grey(req)
        if known.wait then return defer_if_permit("4.7.1", known.text) end
        return dunno()
    end
    expect("defer_if_permit 4.7.1 greylisted, retry in 5m", mail(), rule)
    after "5m"
    expect("dunno", mail(), rule)
    answers { grey = "unknown" }
    expect("dunno", mail(nil, "new@example.net"), rule)
    answers { grey = { "wait", reason = "early", text = "later" } }
    expect("defer_if_permit 4.7.1", mail(), rule)
end)

test("answers are kept by the module alone", function()
    refused("keep", function() check.greylist { keep = "1h" } end)
end)

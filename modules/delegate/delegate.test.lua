-- Rule tests of the module: ppolicyd --test modules/delegate/delegate.test.lua

upstream = check.delegate {
    servers = { "grey1=192.0.2.1:10031:10:2:5s", { name = "grey2", address = "[2001:db8::1]:10031" } },
    default = reply("450 4.3.0", "no policy server answers"),
}
plain = check.delegate { servers = { "a=192.0.2.1:1" }, default = dunno(), verbatim = true }
narrow = check.delegate { servers = { "a=192.0.2.1:1" }, default = hold("nobody"), actions = { "dunno", "reply" } }
bare = check.delegate { servers = { "a=192.0.2.1:1" }, default = reject("no"), verbatim = true }

local function hand_on(req) return upstream(req):action() end

-- -- what an answer is ----------------------------------------------------------

test("a rule test asks no server, so the answer is unknown and action() is the default", function()
    local answer = ask(upstream, {})
    equal(answer.word, "unknown")
    equal(answer.tries, 0)
    expect("reply 450 4.3.0 no policy server answers", {}, hand_on)
end)

test("a test gives an answer by word, verb and text", function()
    answers { upstream = { "refused", verb = "REJECT", verb_text = "5.1.1 no such user", server = "grey1", tries = 2 } }
    expect("reject 5.1.1 no such user", {}, hand_on)
    expect("dunno grey1 2", {}, function(req)
        local a = upstream(req)
        return dunno(a.server .. " " .. a.tries)
    end)
end)

test("with the word alone action() is what a server says most likely", function()
    answers { upstream = "passed" }
    expect("dunno", {}, hand_on)
    answers { upstream = "refused" }
    expect("reject", {}, hand_on)
    answers { upstream = "other" }
    expect("hold", {}, hand_on)
end)

-- -- action() -------------------------------------------------------------------

local function says(verb, text)
    answers { upstream = { "other", verb = verb, verb_text = text or "" } }
end

test("action() hands on what neither permits nor leads elsewhere", function()
    for _, each in ipairs { { "DUNNO", "", "dunno" }, { "defer", "4.2.0 later", "defer 4.2.0 later" },
        { "DEFER_IF_PERMIT", "wait", "defer_if_permit 4.7.1 wait" }, { "550", "5.1.1 who", "reply 550 5.1.1 who" },
        { "421", "bye", "reply 421 4.7.1 bye" }, { "PREPEND", "X-A: b", "prepend X-A: b" },
        { "WARN", "look", "warn look" }, { "INFO", "look", "info look" }, { "HOLD", "it", "hold it" } } do
        says(each[1], each[2])
        expect(each[3], {}, hand_on)
    end
end)

test("a reply code without a text gets one, since Postfix would take it for OK", function()
    says("550")
    expect("reply 550 5.7.1 Refused by local policy", {}, hand_on)
    says("450")
    expect("reply 450 4.7.1 Try again later", {}, hand_on)
end)

test("what permits or leads elsewhere becomes DUNNO", function()
    for _, verb in ipairs { "OK", "RELAY", "12345", "DISCARD" } do
        says(verb)
        expect("dunno", {}, hand_on)
    end
    says("FILTER", "smtp:[127.0.0.1]")
    expect("dunno", {}, hand_on)
    says("REDIRECT", "a@example.org")
    expect("dunno", {}, hand_on)
    says("permit_mynetworks")
    expect("dunno", {}, hand_on)
end)

test("what cannot be handed on becomes DUNNO", function()
    says("PREPEND", "no header")
    expect("dunno", {}, hand_on)
    says("NONSENSE", "of some kind")
    expect("dunno", {}, hand_on)
end)

test("actions says what is handed on", function()
    local function rule(req) return narrow(req):action() end
    answers { narrow = { "refused", verb = "450", verb_text = "later" } }
    expect("reply 450 4.7.1 later", {}, rule)
    answers { narrow = { "refused", verb = "REJECT" } }
    expect("dunno", {}, rule)
end)

test("the default is not among what actions limits", function()
    expect("hold nobody", {}, function(req) return narrow(req):action() end)
end)

test("action() waits for the answer, and can be called twice", function()
    answers { upstream = { "other", verb = "HOLD", verb_text = "x" } }
    expect("hold x", {}, function(req)
        local a = upstream(req)
        a:action()
        return a:action()
    end)
end)

-- -- parameters -----------------------------------------------------------------

test("servers are texts or tables, checked in all their parts", function()
    local function servers(...)
        local list = { ... }
        return function() check.delegate { servers = list, default = dunno() } end
    end
    for _, good in ipairs { "a=10.0.0.1:1", "a=10.0.0.1:1:", "a=10.0.0.1:1:5", "a=10.0.0.1:1:5:2", "a=10.0.0.1:1:5:2:3",
        "a=10.0.0.1:1:5:2:300ms", "a=10.0.0.1:1:5:2:300", "a=10.0.0.1:1:::", "a=inet:10.0.0.1:1:5", "a=[2001:db8::1]:10031:5:1:1",
        "a=unix:/run/a.sock", "a=unix:/run/a.sock:5:2:3s", "a=mail.example.org:25", "a=localhost:25" } do
        servers(good)()
    end
    refused("wanted 1 to 64", servers())
    refused('wanted "NAME=ADDRESS:PORT', servers("10.0.0.1:10031"))
    refused("found the address '10.0.0.1'", servers("a=10.0.0.1"))
    refused("found the address '10.0.0.1:0'", servers("a=10.0.0.1:0"))
    refused("found the address '10.0.0:10031'", servers("a=10.0.0:10031"))
    refused("found the address 'unix:run/a'", servers("a=unix:run/a"))
    refused("two servers are called 'a'", servers("a=10.0.0.1:1", "a=10.0.0.2:1"))
    refused("found the name 'a b'", servers("a b=10.0.0.1:1"))
    refused("servers: a: weight: found 1000", servers("a=10.0.0.1:1:5:1000"))
    refused("servers: a: priority: found 'x'", servers("a=10.0.0.1:1:x"))
    refused("servers: a: timeout", servers("a=10.0.0.1:1:1:1:5x"))
    refused("no setting 'wieght' (did you mean 'weight'?)", servers { name = "a", address = "10.0.0.1:1", wieght = 2 })
    refused("address: missing", servers { name = "a" })
    refused("send_proxy: found 3", servers { name = "a", address = "10.0.0.1:1", send_proxy = 3 })
    refused("wanted texts or tables", servers(5))
end)

test("a default is required, and it is an action", function()
    refused("default: missing", function() check.delegate { servers = { "a=192.0.2.1:1" } } end)
    refused("default: found 'dunno', wanted an action such as dunno()", function()
        check.delegate { servers = { "a=192.0.2.1:1" }, default = "dunno" }
    end)
end)

test("names of actions are checked", function()
    refused("actions: found 'pass'", function()
        check.delegate { servers = { "a=192.0.2.1:1" }, default = dunno(), actions = { "pass" } }
    end)
end)

test("a keep is refused without keep_key", function()
    refused("kept only with keep_key", function()
        check.delegate { servers = { "a=192.0.2.1:1" }, default = dunno(), keep = "1h" }
    end)
    check.delegate { servers = { "a=192.0.2.1:1" }, default = dunno(), keep = "1h", keep_key = "sender" }
end)

test("attributes of a probe are lines of text", function()
    refused("probe: x: wanted a text of one line", function()
        check.delegate { servers = { "a=192.0.2.1:1" }, default = dunno(), probe = { x = "a\nb" } }
    end)
    refused("'request' can be no attribute of a health check", function()
        check.delegate { servers = { "a=192.0.2.1:1" }, default = dunno(), probe = { request = "x" } }
    end)
end)

-- -- verbatim -------------------------------------------------------------------

test("verbatim adds nothing to the server's action, and nothing to the default", function()
    local function rule(req) return plain(req):action() end
    answers { plain = { "refused", verb = "REJECT", verb_text = "go away" } }
    expect("reject go away", {}, rule)
    answers { plain = { "refused", verb = "450", verb_text = "later" } }
    expect("reply 450 later", {}, rule)
    expect("reject no", {}, function(req) return bare(req):action() end)
end)

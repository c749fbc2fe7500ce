-- Rule tests of the module: ppolicyd --test modules/dynamic_host/dynamic_host.test.lua

pool = check.dynamic_host {}
helo = check.dynamic_host { attribute = "helo_name" }
confirmed = check.dynamic_host { attribute = "client_name" }

local function judged(name, address)
    return ask(pool, { client_name = name, reverse_client_name = name, client_address = address or "192.0.2.1" })
end

-- word -> names, of which a blank may divide the address.
local function look(word, names)
    for _, name in ipairs(names) do
        local host, address = name:match("^(%S+) (%S+)$")
        local answer = judged(host or name, address)
        equal(answer.word, word, name .. ": " .. answer.text)
    end
end

test("names of lines and pools are dynamic", function()
    look("dynamic", { "dsl-203-0-113-7.example.net", "host7.adsl.north.example.net", "ppp7.example.net",
        "7.cable.example.net", "dhcp-7.example.org", "dyn7.example.net", "203-0-113-7.pool.example.net",
        "client7.example.net", "DSL-7.Example.NET", "dsl-7.example.net.", "ec2-203-0-113-7.compute.example.com" })
end)

test("names of servers are static", function()
    look("static", { "mail.example.org", "mail7.example.org", "mx-203-0-113-7.example.org 203.0.113.7",
        "static-203-0-113-7.dsl.example.net 203.0.113.7", "smtp-out-7.example.com", "www.example.org",
        "server7.example.com", "example.org", "localhost", "dsl.example.net" })
end)

test("the client's own address in its name is dynamic, somebody else's number is not", function()
    look("dynamic", { "a203-0-113-7.example.net 203.0.113.7", "7.113.0.203.example.net 203.0.113.7",
        "xcb007107.example.net 203.0.113.7", "203000113007.example.net 203.0.113.7",
        "2001-db8--7.example.net 2001:db8::7", "host-113-107.example.net 203.0.113.107" })
    look("static", { "xcb007107.example.net 198.51.100.1", "203000113007.example.net 198.51.100.1",
        "2001-db8--7.example.net 2001:db8::8", "host-113-107.example.net 203.0.114.107" })
end)

test("an answer says why, from where and by what part of the name", function()
    local answer = judged("dsl-7.example.net")
    equal(answer.reason, "a DSL line")
    equal(answer.evidence, "dsl")
    equal(answer.name, "dsl-7.example.net")
    equal(answer.line > 0, true)
    equal(answer.text, "dsl-7.example.net looks dynamic: a DSL line (patterns.txt:" .. answer.line .. ")")
    answer = judged("A203-0-113-7.Example.net.", "203.0.113.7")
    equal(answer.name, "a203-0-113-7.example.net")
    equal(answer.evidence, "203-0-113-7")
    equal(answer.text, "a203-0-113-7.example.net looks dynamic: its address stands in the name, 203-0-113-7 " ..
        "(patterns.txt:" .. answer.line .. ")")
    answer = judged("mail7.example.net")
    equal(answer.word, "static")
    equal(answer.reason, "it is called a mail server")
    answer = judged("www.example.org")
    equal(answer.line, 0)
    equal(answer.reason, nil)
    equal(answer.evidence, nil)
    equal(answer.name, "www.example.org")
    equal(answer.text, "nothing in www.example.org looks dynamic")
end)

test("a client without a name is none", function()
    equal(judged("unknown").text, "client_name is unknown")
    equal(judged("").text, "the request has no client_name")
    equal(judged("203.0.113.7").text, "client_name is an address, no name")
    equal(ask(helo, { helo_name = "[203.0.113.7]" }).word, "none")
    equal(ask(helo, { helo_name = "2001:db8::7" }).word, "none")
    equal(ask(helo, { helo_name = string.rep("x", 254) }).text, "helo_name is too long for a name")
    equal(ask(helo, { helo_name = string.rep("x", 253) .. "." }).word, "static")
    equal(judged("unknown").name, nil)
    equal(judged("unknown").line, 0)
end)

test("where the client's name is not confirmed, what DNS says of its address is judged", function()
    local answer = ask(pool, { client_name = "unknown", reverse_client_name = "dsl-7.example.net" })
    equal(answer.word, "dynamic")
    equal(answer.name, "dsl-7.example.net")
    equal(ask(pool, { client_name = "", reverse_client_name = "dsl-7.example.net" }).word, "dynamic")
    equal(ask(pool, { client_name = "mail.example.org", reverse_client_name = "dsl-7.example.net" }).word, "static")
    equal(ask(pool, { client_name = "dsl-7.example.net", reverse_client_name = "" }).word, "dynamic")
    equal(ask(pool, { client_name = "unknown", reverse_client_name = "unknown" }).text, "client_name is unknown")
    equal(ask(pool, { client_name = "", reverse_client_name = "unknown" }).word, "none")
end)

test("another attribute can be judged, also where the address is not known", function()
    equal(ask(helo, { helo_name = "dsl-7.example.net", client_name = "mail.example.org" }).word, "dynamic")
    equal(ask(confirmed, { client_name = "unknown", reverse_client_name = "dsl-7.example.net" }).word, "none")
    equal(ask(pool, { client_address = "unknown", client_name = "x7f9c.example.net" }).word, "static")
    addressed = check.dynamic_host { patterns = write("addressed.txt", "dynamic address it stands there\n") }
    equal(ask(addressed, { client_address = "unknown", client_name = "0-0-0-0.example.net" }).word, "static")
    refused("did you mean 'client_name'", function() check.dynamic_host { attribute = "client_nme" } end)
end)

test("odd bytes are no more than that", function()
    look("static", { "\xff\xfe.\1.example.net", "....", "%s%n.example.net", "<script>.example.net", "-", "." })
    look("dynamic", { "\xff-dsl-7.example.net" })
end)

local mine = "dynamic host /^line-\\d+$/ a line of ours\n match line-7.example.net\n no match line-7.a.example.net\n"

test("a file of one's own takes the place of the one that is installed", function()
    own = check.dynamic_host { patterns = write("own.txt", mine) }
    local answer = ask(own, { client_name = "line-7.example.net" })
    equal(answer.word, "dynamic")
    equal(answer.text, "line-7.example.net looks dynamic: a line of ours (own.txt:1)")
    equal(ask(own, { client_name = "dsl-7.example.net" }).word, "static")
end)

test("the first entry that matches decides, and a name can be looked at whole", function()
    ordered = check.dynamic_host { patterns = write("own.txt", [[
static name /\.office\.example\.net$/ our offices
dynamic host /dsl/ a line
static host /./ the rest
]]) }
    equal(ask(ordered, { client_name = "dsl-7.office.example.net" }).reason, "our offices")
    equal(ask(ordered, { client_name = "dsl-7.example.net" }).reason, "a line")
    equal(ask(ordered, { client_name = "x.example.net" }).reason, "the rest")
    equal(ask(ordered, { client_name = "x.dsl" }).reason, nil)
end)

test("mistakes in a file are refused with file and line, all in one run", function()
    local path = write("bad.txt", "dynamic host /(/ why\ndynamic host /a/\n")
    refused("bad.txt:1: /(/: ", function() check.dynamic_host { patterns = path } end)
    refused("bad.txt:2: say behind the pattern why", function() check.dynamic_host { patterns = path } end)
    write("bad.txt", string.rep("x\n", 25))
    refused("bad.txt:20: found 'x'", function() check.dynamic_host { patterns = path } end)
    refused("and 5 more", function() check.dynamic_host { patterns = path } end)
    refused("cannot be read", function() check.dynamic_host { patterns = "/nowhere/patterns.txt" } end)
    refused("no regular file", function() check.dynamic_host { patterns = "/dev/null" } end)
    refused("larger than 1 MiB", function()
        check.dynamic_host { patterns = write("large.txt", string.rep("# large\n", 131073)) }
    end)
end)

test("a file is tried with the names in it", function()
    local path = write("tried.txt", mine .. "no entry line-8.example.net\n match dsl.example.net\n no match line-1.x.y\n")
    refused("tried.txt:4: no entry line-8.example.net: line 1 matches it", function()
        check.dynamic_host { patterns = path }
    end)
    refused("tried.txt:5: match dsl.example.net: line 1 does not match it", function()
        check.dynamic_host { patterns = path }
    end)
    refused("tried.txt:6: no match line-1.x.y: line 1 matches it", function()
        check.dynamic_host { patterns = path }
    end)
end)

test("an entry that takes too many steps is unknown, neither dynamic nor static", function()
    slow = check.dynamic_host { patterns = write("slow.txt", "dynamic host /^(a+)+$/ slow\ndynamic host /a/ quick\n") }
    local answer = ask(slow, { client_name = string.rep("a", 60) .. "!.example.net" })
    equal(answer.word, "unknown")
    equal(answer.text, "slow.txt:1 takes more steps than an entry may")
    equal(answer.name, nil)
end)

test("a changed file is read anew", function()
    local path = write("changing.txt", mine)
    changing = check.dynamic_host { patterns = path }
    equal(ask(changing, { client_name = "line-7.example.net" }).word, "dynamic")
    write("changing.txt", "static host /^line/ once ours\n")
    after "2s"
    equal(ask(changing, { client_name = "line-7.example.net" }).reason, "once ours")
    write("changing.txt", mine)
    after "2s"
    equal(ask(changing, { client_name = "line-7.example.net" }).reason, "a line of ours")
end)

test("a faulty new file changes nothing until it is mended", function()
    for _, bad in ipairs { "", "nonsense\n", mine .. "match dsl.example.net\n" } do
        local path = write("mended.txt", mine)
        mending = check.dynamic_host { patterns = path, name = "mending" .. #bad }
        write("mended.txt", bad)
        after "2s"
        equal(ask(mending, { client_name = "line-7.example.net" }).word, "dynamic")
        write("mended.txt", "static host /^line/ once ours\n")
        after "2s"
        equal(ask(mending, { client_name = "line-7.example.net" }).reason, "once ours")
    end
end)

test("answers are not kept unless told so", function()
    kept = check.dynamic_host { keep = "1h" }
    local request = { client_name = "dsl-7.example.net" }
    ask(pool, request)
    ask(kept, request)
    equal(ask(pool, request).from, "asked")
    equal(ask(kept, request).from, "memory")
end)

test("a rule lets lines wait", function()
    local function rule(req)
        local client = pool(req)
        if client.dynamic or client.none then return defer_if_permit("4.7.1", client.text) end
        return dunno(client.reason or "a server")
    end
    expect("defer_if_permit 4.7.1 dsl-7.example.net looks dynamic: a DSL line", { client_name = "dsl-7.example.net" }, rule)
    expect("dunno it is called a mail server", { client_name = "mail.example.net" }, rule)
    expect("dunno a server", { client_name = "www.example.net" }, rule)
    expect("defer_if_permit", { client_name = "unknown", reverse_client_name = "unknown" }, rule)
    answers { pool = { "dynamic", reason = "a pool" } }
    expect("defer_if_permit", { client_name = "www.example.net" }, rule)
end)

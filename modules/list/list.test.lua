-- Rule tests of the module: ppolicyd --test modules/list/list.test.lua

local function asked(list, value)
    return ask(list, {}, { value = value })
end

-- What is found for each value: the field value, or "-" where the value is absent.
local function finds(list, table)
    for value, want in pairs(table) do
        local answer = asked(list, value)
        equal(answer.found and answer.value or "-", want, "'" .. value .. "'")
    end
end

test("an entry is found, with its value, key, line and a text that says which", function()
    local path = write("partners.txt", "# ours\n\na@example.org  gold  since 2019\n")
    partners = check.list { file = path }
    local answer = asked(partners, "a@example.org")
    equal(answer.word, "found")
    equal(answer.value, "gold  since 2019")
    equal(answer.key, "a@example.org")
    equal(answer.line, 3)
    equal(answer.text, "a@example.org (partners.txt:3)")
end)

test("what is not on the list is absent, and its fields are empty", function()
    golden = check.list { file = write("partners.txt", "a@example.org gold\n") }
    local answer = asked(golden, "b@example.org")
    equal(answer.word, "absent")
    equal(answer.found, false)
    equal(answer.value, nil)
    equal(answer.key, nil)
    equal(answer.line, 0)
    contains(answer.text, "not on the list partners.txt")
end)

test("an entry without a value has none", function()
    bare = check.list { file = write("partners.txt", "a@example.org\n") }
    equal(asked(bare, "a@example.org").value, nil)
end)

test("an attribute is searched", function()
    senders = check.list { inline = { "a@example.org" }, attribute = "sender" }
    equal(ask(senders, { sender = "a@example.org" }).word, "found")
    equal(ask(senders, { sender = "b@example.org" }).word, "absent")
end)

test("an argument goes before the attribute", function()
    known = check.list { inline = { "a@example.org" }, attribute = "sender" }
    equal(ask(known, { sender = "a@example.org" }, { value = "x" }).word, "absent")
    equal(ask(known, { sender = "x@example.org" }, { value = "a@example.org" }).word, "found")
end)

test("a request without the attribute has no answer", function()
    logins = check.list { inline = { "someone" }, attribute = "sasl_username" }
    local answer = ask(logins, {})
    equal(answer.word, "none")
    contains(answer.text, "no sasl_username")
end)

test("with neither attribute nor value there is no answer", function()
    aimless = check.list { inline = { "someone" } }
    local answer = ask(aimless, {})
    equal(answer.word, "none")
    contains(answer.text, "nothing to search")
end)

test("the null sender is written <>", function()
    nobody = check.list { inline = { "<>" }, attribute = "sender" }
    equal(ask(nobody, { sender = "" }).word, "found")
    equal(ask(nobody, { sender = "a@example.org" }).word, "absent")
    equal(asked(check.list { inline = { "<>" }, search = "mail", name = "m" }, "").word, "found")
    equal(asked(check.list { inline = { "^<>$" }, search = "regex", name = "r" }, "").word, "found")
end)

test("an inline table has texts and keys with a value", function()
    mixed = check.list { inline = { "a@b", ["c.example"] = "vip", n = 3, half = 1.5, yes = true } }
    local answer = asked(mixed, "c.example")
    equal(answer.value, "vip")
    equal(answer.line, 0)
    equal(answer.text, "c.example (inline)")
    equal(asked(mixed, "a@b").value, nil)
    equal(asked(mixed, "n").value, "3")
    equal(asked(mixed, "half").value, "1.5")
    equal(asked(mixed, "yes").value, nil)
    equal(asked(mixed, "yes").word, "found")
end)

test("an inline entry of another kind is refused", function()
    refused("wrong", function() check.list { inline = { wrong = { 1 } } } end)
    refused("wrong", function() check.list { inline = { wrong = false } } end)
    refused("an entry is a text", function() check.list { inline = { 5 } } end)
    refused("inline", function() check.list { inline = "a" } end)
    refused("empty", function() check.list { inline = { "" } } end)
end)

test("exactly one source is wanted", function()
    refused("found no source, wanted one of file, inline, table, query and managed", function() check.list {} end)
    refused("found both file and inline", function()
        check.list { inline = { "a" }, file = write("l.txt", "a\n") }
    end)
end)

test("comments, blank lines, CRLF, quotes and the first of equal keys", function()
    written = check.list { file = write("l.txt", "  # c\r\n\r\na 1 # comment\r\nb 2#3\r\n" ..
        "\"C = x \\\"y\\\"\" 4\n\ta#b 5\na 6\n\"john doe\"@example.org 7\nlast 8") }
    finds(written, { a = "1", b = "2#3", ['C = x "y"'] = "4", ["a#b"] = "5",
        ['"john doe"@example.org'] = "7", last = "8", ["#"] = "-", comment = "-" })
end)

test("keys are bytes", function()
    bytes = check.list { file = write("l.txt", "gr\xc3\xbcn 1\ngr\xfcn 2\n") }
    finds(bytes, { ["gr\xc3\xbcn"] = "1", ["gr\xfcn"] = "2", grun = "-" })
end)

test("exact tells upper and lower case apart unless told otherwise", function()
    local path = write("l.txt", "Some.Name 1\n")
    plain = check.list { file = path }
    folded = check.list { file = path, ignore_case = true }
    finds(plain, { ["Some.Name"] = "1", ["some.name"] = "-" })
    finds(folded, { ["Some.Name"] = "1", ["some.name"] = "1" })
end)

test("cidr finds the smallest network", function()
    nets = check.list { search = "cidr", attribute = "client_address", file = write("nets.txt",
        "192.0.2.0/24 wide\n192.0.2.128/25 half\n192.0.2.129 one\n2001:db8::/32 six\n") }
    finds(nets, { ["192.0.2.1"] = "wide", ["192.0.2.130"] = "half", ["192.0.2.129"] = "one",
        ["::ffff:192.0.2.1"] = "wide", ["2001:db8:1::1"] = "six", ["198.51.100.1"] = "-",
        ["2001:db9::"] = "-" })
    equal(ask(nets, { client_address = "192.0.2.130" }).key, "192.0.2.128/25")
end)

test("cidr has no answer for what is no address", function()
    office = check.list { search = "cidr", inline = { "192.0.2.0/24" } }
    local answer = asked(office, "unknown")
    equal(answer.word, "none")
    contains(answer.text, "no IP address")
end)

test("mail searches the address, then without extension, then user@, then the domain", function()
    mail = check.list { search = "mail", file = write("l.txt",
        "user+news@example.org 1\nuser@example.org 2\nuser@ 3\nexample.org 4\nroot+x@ 5\nroot@ 6\n") }
    finds(mail, { ["user+news@example.org"] = "1", ["user+other@example.org"] = "2",
        ["user@example.org"] = "2", ["user@example.net"] = "3", ["user+x@example.net"] = "3",
        ["other@example.org"] = "4",
        ["other@example.net"] = "-", ["root+x@example.org"] = "5", ["root+y@example.org"] = "6",
        ["USER@Example.ORG"] = "2", user = "3", ["example.org"] = "-" })
end)

test("mail finds a quoted local part as Postfix sends it, without quotes", function()
    quoted = check.list { search = "mail", file = write("l.txt", '"a b"@q.example 1\n"c\\"d e\\\\f"@q.example 2\n' ..
        '"x@y"@q.example 3\n"Plain"@ 4\n"g h@q.example" 5\n"*"@q.example 6\n') }
    finds(quoted, { ["a b@q.example"] = "1", ['c"d e\\f@q.example'] = "2", ["x@y@q.example"] = "3",
        ["plain@example.org"] = "4", ["g h@q.example"] = "5", ["*@q.example"] = "6", ["q.example"] = "-" })
    equal(asked(quoted, "A B@q.example").key, "a b@q.example")
    refused("closing quote", function() check.list { search = "mail", inline = { '"a b@q.example' } } end)
    refused("closing quote", function() check.list { search = "mail", inline = { '"a"b@q.example' } } end)
    refused("before the @", function() check.list { search = "mail", inline = { '""@q.example' } } end)
end)

test("mail finds subdomains by .domain, which is not the domain itself", function()
    below = check.list { search = "mail", inline = { [".example.org"] = "1", ["example.net"] = "2" } }
    finds(below, { ["x@a.example.org"] = "1", ["x@a.b.example.org"] = "1", ["x@example.org"] = "-",
        ["x@example.net"] = "2", ["x@a.example.net"] = "-", ["x@notexample.net"] = "-" })
end)

test("mail finds subdomains of a domain by option, the nearest first", function()
    beneath = check.list { search = "mail", subdomains = true,
        inline = { ["example.net"] = "1", ["b.example.net"] = "2", [".b.example.net"] = "3" } }
    finds(beneath, { ["x@example.net"] = "1", ["x@a.example.net"] = "1", ["x@b.example.net"] = "2",
        ["x@a.b.example.net"] = "3" })
    refused("subdomains", function() check.list { inline = { "a" }, subdomains = true } end)
end)

test("mail folds the extensions it is told to", function()
    local entries = { ["user@example.org"] = "1" }
    none = check.list { search = "mail", extension = "", inline = entries }
    both = check.list { search = "mail", extension = "-+", inline = entries }
    finds(none, { ["user+x@example.org"] = "-", ["user@example.org"] = "1" })
    finds(both, { ["user+x@example.org"] = "1", ["user-x@example.org"] = "1", ["user.x@example.org"] = "-" })
end)

test("domain finds the domain and its subdomains, the longest first", function()
    names = check.list { search = "domain", inline = { ["example.org"] = "1", ["www.example.org"] = "2",
        [".example.net"] = "3" } }
    finds(names, { ["example.org"] = "1", ["a.b.example.org"] = "1", ["www.example.org"] = "2",
        ["WWW.Example.org."] = "2", ["notexample.org"] = "-", org = "-", ["example.net"] = "-",
        ["a.example.net"] = "3", ["someone@example.org"] = "1" })
end)

test("regex finds the first pattern that matches", function()
    patterns = check.list { search = "regex", file = write("l.txt",
        "^dyn[0-9]+\\. 1\n/with blank/ 2 3\n^dyn 4\n/a\\/b/ 5\n(?i)case 6\n") }
    finds(patterns, { ["dyn7.example.org"] = "1", ["it is with blank"] = "2 3", dynamic = "4", ["a/b"] = "5",
        CASE = "6", other = "-", ["\xff\xfe"] = "-" })
    equal(asked(patterns, "dynamic").text, "^dyn (l.txt:3)")
    caseless = check.list { search = "regex", ignore_case = true, inline = { "^dyn" } }
    equal(asked(caseless, "DYN").word, "found")
end)

test("a pattern that takes too long is unknown, neither found nor absent", function()
    slow = check.list { search = "regex", file = write("l.txt", "^(a+)+$\n^a\n") }
    local answer = asked(slow, string.rep("a", 60) .. "!")
    equal(answer.word, "unknown")
    contains(answer.text, "l.txt:1")
end)

test("words behind the key become fields, by name or by place", function()
    levels = check.list { fields = { "level", "note" }, file = write("l.txt",
        "both level=3 hello\nmixed hello level=3 more\nplace 4 text rest\nother=x y\nodd x=1\nnothing\n") }
    local function fields(value)
        local answer = asked(levels, value)
        return tostring(answer.level) .. " " .. tostring(answer.note)
    end
    equal(fields("both"), "3 hello")
    equal(fields("mixed"), "3 hello")
    equal(fields("place"), "4 text")
    equal(asked(levels, "place").value, "4 text rest")
    equal(fields("odd"), "x=1 nil")
    equal(fields("nothing"), "nil nil")
    equal(fields("missing"), "nil nil")
end)

test("a name of a field that is taken is refused", function()
    refused("line", function() check.list { inline = { "a" }, fields = { "line" } } end)
    refused("found", function() check.list { inline = { "a" }, fields = { "found" } } end)
end)

test("bad lines are refused with file, line and the cure, all in one run", function()
    local function bad(search, text, ...)
        local path = write("bad.txt", text)
        for _, part in ipairs { ... } do
            refused(part, function() check.list { file = path, search = search } end)
        end
    end
    bad("cidr", "192.0.2.0/24\n192.0.2.1/24\nfoo\n", "bad.txt:2", "192.0.2.0/24", "bad.txt:3", "'foo'")
    bad("mail", "@example.org\n*.example.org\na@.example.org\na..b\n", "bad.txt:1", "bad.txt:2",
        "bad.txt:3", "bad.txt:4")
    bad("mail", "a@example.org\n*@example.org\n*@\n", "bad.txt:2", "write 'example.org' for all", "bad.txt:3")
    bad("domain", "a@example.org\n", "search = 'mail'")
    bad("regex", "ok\n(\n/open\n/a/i\n", "bad.txt:2", "parenthes", "bad.txt:3", "never closed", "(?i)")
    bad("exact", "\"open\n", "never closed")
    bad("exact", "a\1b\n", "control character")
    bad("exact", string.rep("x", 8192) .. "\n", "longer than")
    bad("cidr", string.rep("x\n", 25), "bad.txt:20", "and 5 more")
end)

test("a missing file is refused", function()
    refused("cannot be read", function() check.list { file = "/nowhere/list.txt" } end)
    refused("no regular file", function() check.list { file = "/dev/null" } end)
end)

test("a changed file is read anew", function()
    changing = check.list { file = write("l.txt", "a 1\n") }
    equal(asked(changing, "a").value, "1")
    write("l.txt", "a 2\nb 3\n")
    after "2s"
    equal(asked(changing, "a").value, "2")
    equal(asked(changing, "b").value, "3")
    write("l.txt", "# nothing left\n")
    after "2s"
    equal(asked(changing, "a").word, "absent")
end)

test("a file with a bad line changes nothing until it is mended", function()
    mending = check.list { search = "cidr", file = write("l.txt", "192.0.2.0/24 1\n") }
    write("l.txt", "192.0.2.0/24 2\nbad\n")
    after "2s"
    equal(asked(mending, "192.0.2.1").value, "1")
    write("l.txt", "192.0.2.0/24 3\n")
    after "2s"
    equal(asked(mending, "192.0.2.1").value, "3")
end)

test("an emptied file changes nothing", function()
    emptied = check.list { file = write("l.txt", "a 1\n") }
    write("l.txt", "")
    after "2s"
    equal(asked(emptied, "a").value, "1")
end)

test("answers are not kept unless told so", function()
    fresh = check.list { inline = { "a" } }
    kept = check.list { inline = { "a" }, keep = "1h" }
    equal(asked(fresh, "a").from, "asked")
    equal(asked(fresh, "a").from, "asked")
    equal(asked(kept, "a").from, "asked")
    equal(asked(kept, "a").from, "memory")
    equal(asked(kept, "b").from, "asked")
end)

-- What goes with a database, and what does not.
local mistakes = {
    { { table = "t" }, "table: goes with column" },
    { { table = "t; DROP", column = "c" }, "table: found 't; DROP', wanted the name of a table" },
    { { table = "t", column = "c d" }, "column: found 'c d', wanted letters, digits and '_'" },
    { { table = "t", column = { "a", "b" }, attribute = "sender" }, "found 2 columns, wanted one attribute for each" },
    { { table = "t", column = { "a", "b" }, attribute = { "sender", "recipient" }, search = "mail" },
      "found 2 columns, but mail reads the whole table" },
    { { query = "SELECT x FROM t WHERE y = :sender", attribute = "recipient" }, "has :sender, wanted :value or an attribute" },
    { { query = "SELECT x FROM t WHERE y = :sneder" }, "no attribute 'sneder' (did you mean 'sender'?)" },
    { { query = "SELECT x FROM t WHERE y = :value AND z = :sender" }, "has :value beside attributes" },
    { { table = "t", column = { "a", "b" }, attribute = { "sender", "recipient" }, refresh = "1m" },
      "found 2 columns, but refresh reads the whole table" },
    { { query = "SELECT x FROM t WHERE y = :value AND z = :sender", attribute = "sender" }, "has :value beside attributes" },
    { { query = "SELECT x FROM t WHERE y = :value", search = "cidr" }, "needs all entries, but the query asks for one" },
    { { query = "DELETE FROM t" }, "query: " },
    { { query = "SELECT 1; SELECT 2" }, "query: " },
    { { inline = { "a" }, column = "c" }, "column: goes with table only" },
    { { inline = { "a" }, refresh = "1m" }, "refresh: goes with query, table or managed only" },
    { { inline = { "a" }, store = "mail" }, "store: goes with query or table only" },
    { { table = "t", column = "c", store = "nowhere" }, "no store { name = 'nowhere' }" },
    { { managed = "two words" }, "found 'two words', wanted letters, digits" },
    { { table = "t", column = "c", refresh = "2h" }, "refresh: is longer than max_age" },
}
for i, mistake in ipairs(mistakes) do
    test("mistake " .. i .. " is found: " .. mistake[2], function()
        refused(mistake[2], function() check.list(mistake[1]) end)
    end)
end

test("a managed list is empty at first, and says so", function()
    ours = check.list { managed = "ours", attribute = "sender" }
    local answer = ask(ours, { sender = "a@example.org" })
    equal(answer.word, "absent")
    equal(answer.text, "not on the list table ours")
end)

test("a query that names attributes needs no parameter attribute", function()
    pairs_of = check.list { query = "SELECT 1 WHERE :sender = 'a@example.net' AND :recipient = 'b@example.org'" }
    equal(ask(pairs_of, { sender = "a@example.net", recipient = "b@example.org" }).word, "found")
    equal(ask(pairs_of, { sender = "b@example.org", recipient = "a@example.net" }).word, "absent")
    local answer = ask(pairs_of, { sender = "a@example.net", recipient = "" })
    equal(answer.word, "none")
    equal(answer.text, "the request has no sender and recipient")
end)

test("a managed list for a search of networks is read whole", function()
    nets = check.list { managed = "nets", search = "cidr", attribute = "client_address" }
    equal(ask(nets, { client_address = "192.0.2.1" }).word, "absent")
end)

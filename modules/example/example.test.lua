-- Rule tests of the module: ppolicyd --test modules/example/example.test.lua

-- A check is the module with its parameters. Its name is the global it is assigned to.
helo = check.example {}
strict = check.example { limit = 5 }

test("a HELO name within the limit is normal", function()
    local answer = ask(helo, { helo_name = "mail.example.org" })
    equal(answer.word, "normal")
    equal(answer.normal, true)
    equal(answer.long, false)
    equal(answer.length, 16)
    contains(answer.text, "short enough")
end)

test("a HELO name over the limit is long", function()
    local answer = ask(helo, { helo_name = string.rep("x", 65) })
    equal(answer.word, "long")
    equal(answer.length, 65)
    contains(answer.text, "65 characters")
end)

test("the limit itself is still normal", function()
    equal(ask(helo, { helo_name = string.rep("x", 64) }).word, "normal")
    equal(ask(strict, { helo_name = "abcde" }).word, "normal")
    equal(ask(strict, { helo_name = "abcdef" }).word, "long")
end)

test("without a HELO name the question does not apply", function()
    local answer = ask(helo, { helo_name = "" })
    equal(answer.word, "none")
    equal(answer.none, true)
    equal(answer.length, 0)
    contains(answer.text, "no HELO name")
end)

test("a limit out of range is refused", function()
    refused("limit", function() check.example { limit = 0 } end)
    refused("limit", function() check.example { limit = 256 } end)
end)

test("a limit that is no whole number is refused", function()
    refused("limit", function() check.example { limit = "many" } end)
    refused("limit", function() check.example { limit = 1.5 } end)
end)

test("a misspelt parameter is refused with the right name", function()
    refused("limit", function() check.example { limt = 40 } end)
end)

test("a rule decides by the word", function()
    local function rule(req)
        local name = helo(req)
        if name.long then return reject("5.7.1", name.text) end
        if name.unknown then return defer_if_permit("4.3.0", "try again") end
        return dunno()
    end
    expect("dunno", { helo_name = "mail.example.org" }, rule)
    expect("reject 5.7.1 HELO name has 70", { helo_name = string.rep("x", 70) }, rule)
    answers { helo = "unknown" }
    expect("defer_if_permit 4.3.0", { helo_name = "mail.example.org" }, rule)
    answers { helo = { "long", length = 99 } }
    expect("reject", { helo_name = "mail.example.org" }, rule)
end)

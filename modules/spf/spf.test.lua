-- Rule tests of the module: ppolicyd --test modules/spf/spf.test.lua

spf = check.spf { receiver = "mx.example.net" }
helo = check.spf { identity = "helo", receiver = "mx.example.net" }
silent = check.spf { explain = false, receiver = "mx.example.net" }
quick = check.spf { timeout = "1s" }
timely = check.spf { timeout = "1s", receiver = "mx.example.net" }
library = check.spf { engine = "libspf2", receiver = "mx.example.net" }
quick_library = check.spf { engine = "libspf2", timeout = "1s" }
relayed = check.spf { skip = { "198.51.100.0/24", "2001:db8:7::/48" } }

local function mail(client, sender, helo_name)
    return { client_address = client, sender = sender or "bob@example.org", helo_name = helo_name or "mail.example.org" }
end

local function records()
    given_dns {
        ["example.org TXT"] = { "other", "v=spf1 ip4:192.0.2.0/28 a:mail.example.org mx include:_spf.example.com ~exists:%{ir}.soft.example -all exp=why.example.org" },
        ["mail.example.org A"] = "192.0.2.100", ["mail.example.org AAAA"] = "2001:db8::100",
        ["mail.example.org TXT"] = "v=spf1 a -all",
        ["example.org MX"] = { "10 mx1.example.org", "20 mx2.example.org" },
        ["mx1.example.org A"] = "192.0.2.101", ["mx2.example.org A"] = "192.0.2.102",
        ["mx1.example.org AAAA"] = "2001:db8::101",
        ["_spf.example.com TXT"] = "v=spf1 ip4:192.0.2.200 ptr:example.com -all",
        ["201.2.0.192.soft.example A"] = "127.0.0.2",
        ["why.example.org TXT"] = "%{i} is none of %{d}'s, says %{r}",
        ["192.0.2.202 PTR"] = "out.example.com", ["out.example.com A"] = "192.0.2.202",
    }
end

test("each mechanism is found, and named", function()
    records()
    for client, wanted in pairs {
        ["192.0.2.5"] = "ip4:192.0.2.0/28", ["192.0.2.100"] = "a:mail.example.org", ["192.0.2.101"] = "mx",
        ["192.0.2.102"] = "mx", ["2001:db8::100"] = "a:mail.example.org", ["2001:db8::101"] = "mx",
        ["192.0.2.200"] = "include:_spf.example.com", ["::ffff:192.0.2.5"] = "ip4:192.0.2.0/28",
        ["192.0.2.202"] = "include:_spf.example.com",
    } do
        local answer = ask(spf, mail(client))
        equal(answer.word, "pass")
        equal(answer.result, "pass")
        equal(answer.mechanism, wanted)
        equal(answer.domain, "example.org")
        equal(answer.identity, "mail_from")
    end
end)

test("a fail has the domain's explanation, and no domain", function()
    records()
    local answer = ask(spf, mail("192.0.2.203"))
    equal(answer.word, "fail")
    equal(answer.mechanism, "-all")
    equal(answer.explanation, "192.0.2.203 is none of example.org's, says mx.example.net")
    equal(answer.domain, nil)
    equal(answer.lookups, 5)
    equal(answer.text, "192.0.2.203 may not send mail of example.org (-all)")
    equal(ask(silent, mail("192.0.2.203")).explanation, nil)
end)

test("softfail, neutral and permerror", function()
    records()
    equal(ask(spf, mail("192.0.2.201")).word, "softfail")
    given_dns { ["example.org TXT"] = "v=spf1 ip4:192.0.2.1" }
    local answer = ask(spf, mail("192.0.2.2"))
    equal(answer.word, "neutral")
    equal(answer.mechanism, "default")
    given_dns { ["example.org TXT"] = "v=spf1 ip4:192.0.2.300 -all" }
    answer = ask(spf, mail("192.0.2.3"))
    equal(answer.word, "permerror")
    equal(answer.text, "SPF of example.org is wrong: 'ip4:192.0.2.300' in the record of example.org: it has no IPv4 address")
end)

test("what cannot be asked is none, with the reason", function()
    given_dns {}
    equal(ask(spf, mail("192.0.2.1")).text, "example.org has no SPF record")
    equal(ask(spf, mail("192.0.2.1", "bob@localhost")).text, "there is no domain to check in the sender")
    equal(ask(spf, mail("192.0.2.1", "", "friend")).text, "there is no domain to check in the HELO name")
    equal(ask(spf, { client_address = "unknown", sender = "a@example.org" }).text, "the client has no IP address")
    equal(ask(relayed, mail("198.51.100.9")).text, "198.51.100.9 is not checked (skip)")
    equal(ask(relayed, mail("2001:db8:7::1")).word, "none")
    equal(ask(spf, mail("192.0.2.1")).word, "none")
    equal(ask(spf, mail("192.0.2.1")).domain, nil)
    equal(ask(spf, mail("192.0.2.1")).result, "none")
    equal(ask(spf, mail("192.0.2.1")).identity, "mail_from")
    equal(ask(spf, mail("192.0.2.1")).authentication_results, "Authentication-Results: mx.example.net; spf=none smtp.mailfrom=bob@example.org")
    for client in pairs { ["198.51.100.9"] = true, ["unknown"] = true } do
        local answer = ask(relayed, mail(client))
        equal(answer.result, "none")
        equal(answer.received_spf, nil)
        equal(answer.authentication_results, nil)
    end
end)

test("DNS that does not answer is unknown, whatever the record says", function()
    for fault in ("servfail refused timeout unreachable broken"):gmatch "%a+" do
        given_dns { ["example.org"] = { fault = fault } }
        local answer = ask(spf, mail("192.0.2.1"))
        equal(answer.word, "unknown")
        equal(answer.result, "temperror")
        equal(answer.authentication_results, "Authentication-Results: mx.example.net; spf=temperror smtp.mailfrom=bob@example.org")
        given_dns { ["example.org TXT"] = "v=spf1 a:away.example +all", ["away.example"] = { fault = fault } }
        equal(ask(spf, mail("192.0.2.1")).text, "SPF of example.org: DNS does not answer for away.example")
    end
    given_dns { ["example.org TXT"] = { "v=spf1 +all", after = "30s" } }
    equal(ask(spf, mail("192.0.2.1")).word, "unknown")
    equal(ask(spf, mail("192.0.2.1")).result, "temperror")
    answers { spf = "unknown" }
    equal(ask(spf, mail("192.0.2.1")).result, "temperror")
end)

test("time that is over is no result, but a fail needs no explanation", function()
    for slow, answer in pairs { ["192.0.2.1 PTR"] = "mail.example.org", ["mail.example.org A"] = "192.0.2.1" } do
        given_dns {
            ["example.org TXT"] = "v=spf1 ptr -all",
            ["192.0.2.1 PTR"] = "mail.example.org", ["mail.example.org A"] = "192.0.2.1",
            [slow] = { answer, after = "30s" },
        }
        local late = ask(timely, mail("192.0.2.1"))
        equal(late.text, "SPF of example.org: DNS took too long")
        equal(late.identity, "mail_from")
        equal(late.authentication_results, "Authentication-Results: mx.example.net; spf=temperror smtp.mailfrom=bob@example.org")
        contains(late.received_spf, 'problem="DNS took too long"')
    end
    given_dns { ["example.org TXT"] = "v=spf1 -all exp=why.example.org", ["why.example.org TXT"] = { "why", after = "30s" } }
    local answer = ask(quick, mail("192.0.2.1"))
    equal(answer.word, "fail")
    equal(answer.explanation, nil)
end)

test("what is slow and not wanted is not waited for", function()
    given_dns {
        ["example.org TXT"] = "v=spf1 a include:slow.example -all", ["example.org A"] = { "192.0.2.1", after = "100ms" },
        ["slow.example TXT"] = { "v=spf1 -all", after = "10s" },
    }
    local before = now()
    equal(ask(spf, mail("192.0.2.1")).word, "pass")
    equal(now() - before < 1, true)
end)

test("answers that come one by one all count, in time or when time is over", function()
    local zone, hosts, record = {}, {}, "v=spf1"
    for i = 1, 8 do
        record = record .. " a:a" .. i .. ".example"
        zone["a" .. i .. ".example A"] = { "203.0.113.1", after = 10 * i .. "ms" }
    end
    for i = 1, 10 do
        hosts[i] = i .. " mx" .. i .. ".example"
        zone["mx" .. i .. ".example A"] = { i == 10 and "192.0.2.1" or "203.0.113.1", after = 100 + 10 * i .. "ms" }
    end
    zone["example.org MX"] = hosts
    zone["example.org TXT"] = record .. " mx -all"
    given_dns(zone)
    equal(ask(timely, mail("192.0.2.1")).mechanism, "mx")
    zone["example.org TXT"] = record .. " mx include:never.example -all"
    zone["never.example TXT"] = { "v=spf1 -all", after = "1h" }
    given_dns(zone)
    equal(ask(timely, mail("192.0.2.1")).mechanism, "mx")
end)

test("an answer without names that DNS does not answer for is not kept", function()
    given_dns { ["example.org TXT"] = "v=spf1 ptr -all", ["192.0.2.1 PTR"] = { fault = "servfail" } }
    equal(ask(spf, mail("192.0.2.1")).word, "fail")
    given_dns { ["192.0.2.1 PTR"] = "mail.example.org", ["mail.example.org A"] = "192.0.2.1" }
    equal(ask(spf, mail("192.0.2.1")).word, "pass")
end)

test("what is given anew counts from then on", function()
    given_dns { ["example.org TXT"] = { "v=spf1 -all", after = "30s" } }
    equal(ask(quick, mail("192.0.2.1")).word, "unknown")
    given_dns { ["example.org TXT"] = "v=spf1 +all" }
    equal(ask(quick, mail("192.0.2.1")).word, "pass")
end)

test("the HELO name is checked for the null sender, or always", function()
    records()
    local answer = ask(spf, mail("192.0.2.100", ""))
    equal(answer.word, "pass")
    equal(answer.identity, "helo")
    equal(answer.domain, "mail.example.org")
    equal(ask(helo, mail("192.0.2.5")).word, "fail")
    equal(ask(helo, mail("192.0.2.100", "bob@other.example")).word, "pass")
end)

test("header fields for the mail are whole lines", function()
    records()
    local answer = ask(spf, mail("192.0.2.5"))
    equal(answer.received_spf, "Received-SPF: pass (mx.example.net: domain of example.org designates 192.0.2.5 as permitted sender) " ..
        'receiver=mx.example.net; client-ip=192.0.2.5; identity=mailfrom; envelope-from="bob@example.org"; ' ..
        'helo=mail.example.org; mechanism="ip4:192.0.2.0/28"')
    equal(answer.authentication_results, "Authentication-Results: mx.example.net; spf=pass smtp.mailfrom=bob@example.org")
end)

test("header fields are as long as prepend takes them", function()
    local function rule(req) return prepend(spf(req).received_spf) end
    given_dns { ["example.org TXT"] = "v=spf1 -all" }
    for length = 1, 2000, 50 do
        local request = mail("192.0.2.1", ('"'):rep(300) .. "@example.org", ("h"):rep(length))
        local line = ask(spf, request).received_spf
        expect("prepend " .. line, request, rule)
        equal(#line <= 990, true)
        equal(line:sub(1, 17), "Received-SPF: fai")
    end
end)

test("names with bytes that DNS escapes are asked for as they are", function()
    given_dns { ["example.org TXT"] = "v=spf1 a:b\\.example.org mx -all", ["example.org MX"] = "10 c\\.d.example.org" }
    equal(ask(spf, mail("192.0.2.1")).word, "fail")
    given_dns { ["example.org TXT"] = "v=spf1 exists:%{l}.example.org -all", ["a\\\\b.example.org A"] = "127.0.0.2" }
    equal(ask(spf, mail("192.0.2.1", "a\\b@example.org")).word, "pass")
end)

test("includes side by side take as long as the longest chain", function()
    local zone, record = {}, "v=spf1"
    for i = 1, 8 do
        record = record .. " include:i" .. i .. ".example"
        zone["i" .. i .. ".example TXT"] = { "v=spf1 ip4:192.0.2.20" .. i .. " -all", after = "300ms" }
    end
    zone["example.org TXT"] = { record .. " mx -all", after = "300ms" }
    zone["example.org MX"] = { "10 mx.example.org", after = "300ms" }
    zone["mx.example.org A"] = { "192.0.2.1", after = "300ms" }
    given_dns(zone)
    equal(ask(quick, mail("192.0.2.1")).word, "pass")
end)

test("libspf2 says the same", function()
    records()
    local clients = { "192.0.2.5", "192.0.2.100", "192.0.2.101", "2001:db8::101", "192.0.2.200", "192.0.2.201", "192.0.2.202", "192.0.2.203" }
    for i = 1, #clients do
        local request = mail(clients[i])
        local strict, other = ask(spf, request), ask(library, request)
        for field in ("word text result domain mechanism explanation lookups received_spf authentication_results"):gmatch "%S+" do
            equal(other[field], strict[field])
        end
    end
    equal(ask(library, mail("192.0.2.1", "", "friend")).text, "there is no domain to check in the HELO name")
    equal(ask(library, mail("192.0.2.203")).explanation, "192.0.2.203 is none of example.org's, says mx.example.net")
end)

test("libspf2 waits as the other engine does", function()
    given_dns { ["example.org TXT"] = "v=spf1 a:away.example +all", ["away.example"] = { fault = "servfail" } }
    equal(ask(library, mail("192.0.2.1")).text, "SPF of example.org: DNS does not answer for away.example")
    given_dns { ["example.org TXT"] = "v=spf1 a include:slow.example -all", ["example.org A"] = { "192.0.2.1", after = "100ms" },
        ["slow.example TXT"] = { "v=spf1 -all", after = "10s" } }
    equal(ask(quick_library, mail("192.0.2.1")).word, "pass")
    equal(ask(quick_library, mail("192.0.2.2")).text, "SPF of example.org: DNS took too long")
end)

test("a record that libspf2 has no room for is permerror, not forgotten", function()
    local record = "v=spf1"
    for i = 1, 31 do record = record .. " a:h" .. i .. ".example" end
    given_dns { ["example.org TXT"] = record .. " +all", ["h1.example A"] = "192.0.2.1" }
    equal(ask(spf, mail("192.0.2.1")).word, "pass")
    equal(ask(library, mail("192.0.2.1")).text,
        "SPF of example.org is wrong: the record of example.org has more terms than libspf2 has room for (511 bytes)")
    record = "v=spf1"
    for i = 1, 100 do record = record .. " ip4:198.51.100." .. i end
    given_dns { ["example.org TXT"] = record .. " ip4:192.0.2.9 -all" }
    equal(ask(library, mail("192.0.2.9")).word, "pass")
    equal(ask(library, mail("192.0.2.10")).word, "fail")
end)

test("a receiver that is no name is refused", function()
    refused("receiver", function() check.spf { receiver = "mx.example.net; spf=pass" } end)
    refused("identity", function() check.spf { identity = "from" } end)
    refused("engine", function() check.spf { engine = "libspf" } end)
end)

test("a rule greylists the domain that SPF vouches for", function()
    local function rule(req)
        local sender = spf(req)
        if sender.fail then return reject("5.7.23", sender.explanation or sender.text) end
        return dunno(sender.domain or "none")
    end
    records()
    expect("dunno example.org", mail("192.0.2.5"), rule)
    expect("reject 5.7.23 192.0.2.203 is none", mail("192.0.2.203"), rule)
    answers { spf = "unknown" }
    expect("dunno none", mail("192.0.2.5"), rule)
end)

-- Rule tests of the module: ppolicyd --test modules/sleep/sleep.test.lua

pause = check.sleep { time = "5s" }
short = check.sleep { time = "10s", timeout = "2s" }
alone = check.sleep { time = "3s", most = 1 }

test("after its time the word is done", function()
    local before = now()
    local answer = ask(pause, {})
    equal(answer.word, "done")
    equal(answer.done, true)
    equal(answer.from, "asked")
    contains(answer.text, "5000 ms")
    assert(now() - before >= 5, "no time has passed")
end)

test("a timeout before the time is over is unknown", function()
    local answer = ask(short, {})
    equal(answer.word, "unknown")
    equal(answer.done, false)
end)

test("each ask sleeps anew: nothing is kept", function()
    equal(ask(pause, { instance = "one" }).from, "asked")
    equal(ask(pause, { instance = "one" }).from, "asked")
end)

test("a keep is refused", function()
    refused("keep", function() check.sleep { time = "1s", keep = "1h" } end)
end)

test("one ask too many is unknown at once, and there is room again afterwards", function()
    local function starts_only(req)
        alone(req)
        return dunno()
    end
    expect("dunno", {}, starts_only)
    local answer = ask(alone, {})
    equal(answer.word, "unknown")
    contains(answer.text, "1 asks sleep already")
    after "3s"
    equal(ask(alone, {}).word, "done")
end)

test("asking starts and reading waits", function()
    local function rule(req)
        local answer = pause(req)
        if answer.done then return prepend("X-Slept: yes") end
        return dunno()
    end
    expect("prepend X-Slept: yes", {}, rule)
end)

test("the sleep counts against the deadline", function()
    long = check.sleep { time = "50s" }
    local function rule(req)
        if long(req).unknown then return defer_if_permit("4.3.0", "too long") end
        return dunno()
    end
    expect("defer_if_permit 4.3.0 too long", {}, rule)
end)

test("a time out of range or without a unit is refused", function()
    refused("time", function() check.sleep { time = 5 } end)
    refused("time", function() check.sleep { time = "0s" } end)
    refused("time", function() check.sleep { time = "1d" } end)
    refused("most", function() check.sleep { most = 0 } end)
end)

-- live/nonce.lua - the rules of test_nonce.py: every reply carries the nonce of its request
server { name = "nonce", loops = 4, modules = { "@MODULES@" } }
log { level = "@LEVEL@" }

nap   = check.sleep { time = "3ms" }
late  = check.sleep { time = "5s", timeout = "3ms", most = 20000 }
long  = check.sleep { time = "9s", timeout = "10s", most = 20000 }
known = check.list { attribute = "sender", file = "@FOLDER@/senders", fields = { "number" }, keep = "1h" }
-- More steps than its limit allows, for any subject that is long enough.
slow  = check.list { attribute = "sender", search = "regex", inline = { "(a+)+(a+)+(a+)+$" } }

local function cached(req)
	local number = req.sender_localpart:sub(5)
	local answer = known(req)
	if answer.found ~= (tonumber(number) % 2 == 0) then return "mixed" end
	if answer.found and answer.number ~= number then return "mixed" end
	return answer.word
end

local function ask(req, kind)
	if kind == "sleep" then return nap(req).word end
	if kind == "late" then return late(req).word end
	if kind == "deadline" then return long(req).word end
	if kind == "cached" then return cached(req) end
	if kind == "failing" then return slow(req, { value = ("a"):rep(200) .. "!" .. req.instance }).word end
	return "none"
end

function echo(req)
	local kind = req.policy_context
	if kind == "error" then error("this rule is broken") end
	if kind == "nothing" then return end
	local word = ask(req, kind)
	-- Read after the waiting: all of it must still be this request's.
	local nonce = req.instance
	if req.helo_name ~= nonce .. ".example.net" then word = "mixed" end
	if req.recipient ~= nonce .. "@example.org" then word = "mixed" end
	local text = "nonce=" .. nonce .. " word=" .. word
	if kind == "refuse" then return reply("450 4.7.1", text) end
	if kind == "prepend" then return prepend("X-Nonce: " .. text) end
	return dunno(text)
end

listen("inet:127.0.0.1:@PORT@", echo, { deadline = "100ms" })
listen("unix:@FOLDER@/nonce.sock", echo, { deadline = "100ms", mode = "0666" })

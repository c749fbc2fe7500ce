-- live/postfix.lua - the rules of test_postfix.py: the recipient says what is to happen
server { name = "live", loops = 2, modules = { "@MODULES@" } }

nap = check.sleep { time = "150ms" }

function by_recipient(req)
	local wish = req.recipient_localpart
	if wish == "refused" then return reject("5.7.1", "we do not want this") end
	if wish == "refused-521" then return reply("521 5.7.0", "go away") end
	if wish == "deferred" then return defer("4.7.1", "come back later") end
	if wish == "greylisted" then return defer_if_permit("4.7.1", "not so fast") end
	if wish == "headed" then return prepend("X-Policy: " .. (req.helo_name or "no HELO")) end
	if wish == "held" then return hold("let me look at it") end
	if wish == "broken" then error("this rule is broken") end
	if wish == "echo" then return reply("450 4.7.1", "helo=" .. (req.helo_name or "none")) end
	if wish == "generation" then return reply("450 4.7.1", "generation @GENERATION@") end
	if wish == "slow" then
		if nap(req).done then return reject("5.7.1", "slept well") end
	end
	if req.sender == "" and wish == "null" then return reject("5.7.1", "null sender seen") end
	return dunno()
end

function watch(req)
	note("seen", req.protocol_state)
	return dunno()
end

listen("inet:127.0.0.1:@PORT@", by_recipient)
listen("unix:@FOLDER@/policy.sock", by_recipient, { mode = "0666" })
listen("unix:@FOLDER@/watch.sock", watch, { mode = "0666" })

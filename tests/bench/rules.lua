-- bench/rules.lua - the rules that are measured
server { name = "bench", loops = @LOOPS@, modules = { "@MODULES@" } }

known = check.list { attribute = "sender", inline = { "known@example.net" }, keep = "1h" }

-- What an ordinary rule does: four attributes, one check whose answers are kept.
function ordinary(req)
	if req.client_address == req.helo_name or req.sender == req.recipient then
		return reject("5.7.1", "this is not how mail looks")
	end
	if known(req).found then return reject("5.7.1", "known for no good") end
	return dunno()
end

-- Takes time of the processor, as a rule with much to compute does.
function burning(req)
	local sum = 0
	for step = 1, @STEPS@ do sum = sum + step end
	if sum < 0 then return defer("4.3.0", "never") end
	return dunno()
end

@MORE@
listen("inet:127.0.0.1:@PORT@", @RULE@, { max_connections = 20000 })
listen("unix:@FOLDER@/bench.sock", @RULE@, { max_connections = 20000 })

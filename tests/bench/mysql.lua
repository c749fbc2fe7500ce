
-- What is measured with MySQL or MariaDB stands before the lines listen() of rules.lua.
@STORE@
cache { memory = "256M" }

grey = check.greylist { max_rows = 100000000 }
bare = check.greylist { max_rows = 100000000, client_after = 0 }

-- Each request is the first of its triplet, and nothing is asked but whether it may pass.
function upsert(req)
	local answer = bare(req)
	if answer.wait and answer.reason == "new" then return dunno() end
	return reject("5.7.1", "this is not new, or could not be written")
end

-- The same with the defaults, where it is asked too whether its client is known.
function fresh(req)
	local answer = grey(req)
	if answer.wait and answer.reason == "new" then return dunno() end
	return reject("5.7.1", "this is not new, or could not be written")
end

shared = check.list { attribute = "sender", inline = { "known@example.net" }, keep = "1h"@KEEP_IN@ }

-- As `ordinary`, with a check whose answers are kept for all servers too.
function kept(req)
	if req.client_address == req.helo_name or req.sender == req.recipient then
		return reject("5.7.1", "this is not how mail looks")
	end
	if shared(req).found then return reject("5.7.1", "known for no good") end
	return dunno()
end

listen("unix:@FOLDER@/beside.sock", fresh)

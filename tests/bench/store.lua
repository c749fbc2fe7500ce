
-- What is measured with a store stands before the lines listen() of rules.lua.
store { "sqlite", path = "@STORE@" }
cache { memory = "256M" }

grey = check.greylist { refresh = "@REFRESH@", max_rows = 100000000 }

-- Each request is the first of its triplet.
function fresh(req)
	local answer = grey(req)
	if answer.wait and answer.reason == "new" then return dunno() end
	return reject("5.7.1", "this is not new, or could not be written")
end

-- Each triplet has passed.
function passed(req)
	if grey(req).pass then return dunno() end
	return reject("5.7.1", "this has not passed, or could not be found")
end

listen("unix:@FOLDER@/beside.sock", @BESIDE@)

-- bench/dns.lua - the rules with which look-ups in DNS are measured
server { name = "bench", loops = 1, deadline = "10s", modules = { "@MODULES@" } }
dns { servers = { "@DNS@" }, timeout = "500ms", tries = @TRIES@ }

zones = {}
for number = 0, 9 do zones[("z%d.@NOW@list.example.org"):format(number)] = 1 end

lists = check.dnsbl { zones = zones, threshold = 3, keep = "0s", linger = "5s", self_test = "0s" }
sender = check.spf { keep = "0s" }
known = check.list { attribute = "sender", inline = { "known@example.net" }, keep = "1h" }

-- Ten lists, of which all answer.
function listed(req)
	if lists(req).unknown then return reject("5.7.1", "DNS does not answer") end
	return dunno()
end

function sent(req)
	if sender(req).unknown then return reject("5.7.1", "DNS does not answer") end
	return dunno()
end

-- Whatever comes of it.
function attacked(req)
	local one = sender(req)
	if one.pass then return dunno("it passes") end
	return dunno()
end

-- As in rules.lua.
function ordinary(req)
	if req.client_address == req.helo_name or req.sender == req.recipient then
		return reject("5.7.1", "this is not how mail looks")
	end
	if known(req).found then return reject("5.7.1", "known for no good") end
	return dunno()
end

listen("inet:127.0.0.1:@PORT@", @RULE@)
listen("unix:@FOLDER@/bench.sock", @RULE@)
listen("unix:@FOLDER@/ordinary.sock", ordinary)
listen("unix:@FOLDER@/listed.sock", listed)

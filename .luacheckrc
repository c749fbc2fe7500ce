-- .luacheckrc - what Lua files of the tree may use: the rule language and the language of rule tests
stds.rules = {
	read_globals = {
		-- loading
		"server", "store", "dns", "cache", "log", "include", "check", "listen", "route",
		-- actions
		"dunno", "reject", "defer", "defer_if_permit", "defer_if_reject", "hold", "prepend", "warn", "info",
		"reply", "ok", "filter", "redirect", "bcc", "discard", "restriction",
		-- rules
		"now", "note",
	},
}
stds.ruletests = {
	read_globals = {
		"test", "answers", "given_dns", "expect", "ask", "equal", "contains", "refused", "after", "write",
	},
}
std = "lua54+rules"
allow_defined_top = true -- a check gets its name from the global it is assigned to
ignore = { "131" } -- and rules are global functions, used by name
max_line_length = 120
files["**/*.test.lua"] = { std = "lua54+rules+ruletests", allow_defined = true }
exclude_files = { "tests/bench/*.lua", "tests/live/*.lua" } -- templates: @NAME@ is filled in
files["conf/ppolicyd.d.lua"].ignore = { ".*" } -- types for editors, no code

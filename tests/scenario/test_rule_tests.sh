#!/usr/bin/env bash
# test_rule_tests.sh - ppolicyd --test: TAP, exit codes, a rule file beside it, time, limits
#
# What the functions of a test file do is in rehearsal.test.lua.
set -u
export LC_ALL=C
top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
program=${PPOLICYD:-${top_builddir:-$top}/ppolicyd}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work/tmp
mkdir "$TMPDIR"
cd "$work" || exit 2

number=0 failed=0
result() # NAME STATUS: shows what the program printed if it failed
{
	number=$((number + 1))
	if [ "$2" = 0 ]; then echo "ok $number - $1"; return; fi
	sed 's/^/# /' out err
	echo "not ok $number - $1"
	failed=$((failed + 1))
}
run() # STATUS ARGUMENTS...: runs the program, which must exit with STATUS
{
	local wanted=$1 status
	shift
	"$program" "$@" >out 2>err
	status=$?
	[ $status = "$wanted" ] || { echo "exit status $status, wanted $wanted" >>err; return 1; }
}
says() # FILE LINE...: each is part of a line of the file
{
	local file=$1 line
	shift
	for line; do grep -qF -e "$line" "$file" || { echo "no '$line' in $file" >>err; return 1; }; done
}

cat >rules.lua <<'END'
helo = check.example { limit = 10 }
function contains(text) return "mine: " .. text end
function incoming(req)
    if req.sender == "ok@example.org" then return ok() end
    if helo(req).long then return reject("5.7.1", contains("too long")) end
    return dunno()
end
function inbound() return ok("inbound") end
function other() return hold() end
listen("inet:127.0.0.1:10031", incoming)
listen("inet:127.0.0.1:10032", route("policy_context", { inbound = inbound, other = other }), { may = { "ok" } })
END

cat >good.test.lua <<'END'
test("one", function() equal(1, 1) end)
test("two", function() equal(2, 2) end)
END
run 0 --test good.test.lua && [ "$(cat out)" = $'ok 1 - one\nok 2 - two\n1..2' ] && [ ! -s err ]
result "what passes is TAP and exit status 0" $?

cat >bad.test.lua <<'END'
local function deeper() equal(1, 2, "one") end
test("a", function() deeper() end)
test("b\nc", function() assert(false) end)
test("d", function() error({}) end)
test("e", function() cache { memory = "lots" } end)
test("f", function() equal(1, 1) end)
END
run 1 --test bad.test.lua && says out 'not ok 1 - a' '# bad.test.lua:1: one: got 1, wanted 2' \
	'#   called from bad.test.lua:2' 'not ok 2 - b c' '# bad.test.lua:3: assertion failed!' \
	'# bad.test.lua:4: error() was called with a table' 'not ok 4 - e' '# bad.test.lua:5: cache: memory' \
	'ok 5 - f' '1..5'
result "what fails says where and why, and the others go on" $?

echo 'equal(1, 2)' >outside.test.lua
run 1 --test outside.test.lua && says out 'not ok 1 - outside.test.lua' '# outside.test.lua:1: got 1' '1..1'
result "what stands outside of test() is a test named after the file" $?
echo 'x = 1' >empty.test.lua
run 1 --test empty.test.lua && says out 'not ok 1 - empty.test.lua' 'no test()'
result "a file that tests nothing fails" $?

cat >rules.test.lua <<'END'
test("the rule of the first listen()", function()
    expect("dunno", { helo_name = "short" })
    expect("reject 5.7.1 mine: too long", {})
    answers { helo = "normal" }
    expect("dunno", {})
end)
test("may is that of the listener", function()
    expect("error needs may", { sender = "ok@example.org" })
    expect("error needs may", { sender = "ok@example.org" }, incoming)
    expect("ok inbound", {}, inbound)
end)
test("rules and checks of the file", function()
    expect("hold", {}, other)
    equal(ask(helo, {}).word, "long")
    contains("names of tests", "tests")
end)
END
run 0 -c rules.lua --test rules.test.lua
result "with -c the rule file is there, with functions of its own" $?

run 78 --test missing.test.lua && says err missing.test.lua
result "a missing file is 78" $?
echo 'test("a" function' >wrong.test.lua
run 78 --test wrong.test.lua && says err wrong.test.lua:1: && [ ! -s out ]
result "a syntax error is 78" $?
echo 'helo = check.example { limt = 1 }' >wrong.lua
run 78 -c wrong.lua --test good.test.lua && says err "wrong.lua:1:" limt
result "a bad rule file is 78" $?

cat >loop.test.lua <<'END'
test("loops", function() while true do end end)
test("passes", function() equal(1, 1) end)
END
run 1 --test loop.test.lua && says out 'not ok 1 - loops' instructions 'ok 2 - passes'
result "a test that does not end ends, and the next one runs" $?

cat >time.test.lua <<'END'
pause = check.sleep { time = "80s", timeout = "85s" }
test("a day of waiting", function()
    for _ = 1, 1000 do equal(ask(pause, {}).word, "done") end
    after "4w"
end)
END
SECONDS=0
run 0 --test time.test.lua && [ $SECONDS -lt 20 ]
result "waiting takes no time" $?

cat >slow.c <<'END'
#include <unistd.h>
#include <ppolicyd/module.h>
struct state { pp_work_t *work; };
static void work(void *handle, void *data)
{
	(void)handle;
	usleep(30000);
	*(int64_t *)data += 1;
}
static pp_step_t done(pp_ask_t *a)
{
	const struct state *state = pp_state(a);
	if (pp_work_state(state->work) != PP_WORK_DONE)
		return pp_unknown(a, "not done");
	return pp_yes(a, "%d", (int)*(const int64_t *)pp_work_data(state->work));
}
static pp_step_t ask(pp_ask_t *a)
{
	struct state *state = pp_state(a);
	int64_t number = 41;
	state->work = pp_blocking(a, work, &number, sizeof(number));
	return pp_wait(a, done);
}
PP_MODULE(.name = "slow", .question = "Is it done?", .yes = "done", .no = "open",
          .state_size = sizeof(struct state), .ask = ask, .blocking = true, .timeout = "1ms");
END
cat >slow.test.lua <<END
server { modules = "$work" }
slow = check.slow {}
test("what blocks is waited for before the clock moves", function()
    local before = now()
    equal(ask(slow, {}).text, "42")
    equal(now(), before)
    expect("dunno", {}, function(req) slow(req) return dunno() end)
end)
END
if command -v "${CC:-cc}" >/dev/null && "${CC:-cc}" -shared -fPIC -I"$top/core" -o slow.so slow.c 2>err; then
	run 0 --test slow.test.lua
	result "a module that blocks takes real time, and none of the clock's" $?
else
	number=$((number + 1))
	echo "ok $number - a module that blocks # SKIP no compiler"
fi

cat >files.test.lua <<'END'
write("outside.txt", "")
test("a", function() write("a.txt", "1") write("b.txt", "2") end)
test("b", function() write("a.txt", "3") error("fails") end)
END
run 1 --test files.test.lua && [ -z "$(ls "$TMPDIR")" ]
result "files that tests wrote are removed" $?

echo "1..$number"
[ $failed = 0 ]

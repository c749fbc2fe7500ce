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

mkdir -p sql/sqlite/seen
echo 'CREATE TABLE {table} (who TEXT NOT NULL PRIMARY KEY, at INTEGER NOT NULL);' >sql/sqlite/seen/001_seen.sql
echo 'SELECT at FROM {table} WHERE who = :who' >sql/sqlite/seen/find.sql
printf -- '-- key: who\nINSERT INTO {table} (who, at) VALUES (:who, :at) ON CONFLICT (who) DO UPDATE SET at = excluded.at\n' \
	>sql/sqlite/seen/add.sql
echo 'DELETE FROM {table} WHERE at < :at' >sql/sqlite/seen/expire.sql
cat >seen.c <<'END'
#include <ppolicyd/module.h>
struct entry { const char *who; int64_t at; };
static const pp_row_t args[] = { PP_TEXT(struct entry, who), PP_INT(struct entry, at), PP_END };
static const pp_row_t columns[] = { PP_INT(struct entry, at), PP_END };
static const pp_statement_t statements[] = {
	PP_STATEMENT("find", args, columns, struct entry),
	PP_STATEMENT("add", args, NULL, struct entry),
	PP_STATEMENT("expire", args, NULL, struct entry),
	PP_STATEMENTS_END
};
struct state { pp_work_t *work; };
static pp_step_t found(pp_ask_t *a)
{
	const struct state *state = pp_state(a);
	const struct entry entry = { pp_attr(a, PP_SENDER), pp_time() };
	if (pp_work_state(state->work) != PP_WORK_DONE)
		return pp_unknown(a, "%s", pp_work_error(state->work));
	if (pp_sql_count(state->work) > 0)
		return pp_yes(a, "seen");
	pp_sql_later(a, "add", &entry);
	return pp_no(a, "not seen");
}
static pp_step_t ask(pp_ask_t *a)
{
	struct state *state = pp_state(a);
	const struct entry entry = { pp_attr(a, PP_SENDER), 0 };
	state->work = pp_sql(a, "find", &entry);
	return pp_wait(a, found);
}
static void upkeep(void *handle)
{
	const struct entry entry = { NULL, pp_time() - 60000 };
	(void)handle;
	pp_sql_now("expire", &entry, NULL, NULL, NULL);
}
static void *opened(const void *conf, pp_error_t *error)
{
	(void)error;
	return (void *)conf;
}
PP_MODULE(.name = "seen", .question = "Was it seen?", .yes = "known", .no = "new", .effects = true,
          .reads = PP_READS(PP_SENDER), .state_size = sizeof(struct state), .ask = ask, .open = opened,
          .upkeep = upkeep, .statements = statements);
END
cat >seen.test.lua <<END
server { modules = "$work" }
store { path = "seen.db" }
seen = check.seen {}
local function word(name) return ask(seen, { sender = name .. "@example.org" }).word end
test("what is written is found until upkeep takes it away", function()
    equal(word("a"), "new")
    equal(word("a"), "known")
    equal(word("b"), "new")
    after "59s"
    equal(word("a"), "known")
    after "2s"
    equal(word("a"), "new")
end)
test("a test begins with an empty database", function()
    equal(word("a"), "new")
    answers { seen = "known" }
    expect("dunno known", { sender = "c@example.org" }, function(req) return dunno(seen(req).word) end)
end)
test("a check of a test too", function()
    local other = check.seen { name = "other" }
    equal(ask(other, { sender = "a@example.org" }).word, "new")
    equal(word("a"), "known")
end)
END
if command -v "${CC:-cc}" >/dev/null && "${CC:-cc}" -shared -fPIC -I"$top/core" -o seen.so seen.c 2>err; then
	run 0 --test seen.test.lua && [ ! -e seen.db ]
	result "a module with statements has a database in memory, emptied by each test" $?
else
	number=$((number + 1))
	echo "ok $number - a module with statements # SKIP no compiler"
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

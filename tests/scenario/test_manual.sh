#!/usr/bin/env bash
# test_manual.sh - ppolicyd --manual and the files it generates
# shellcheck disable=SC2016 # backquotes are wanted
set -u
export LC_ALL=C
top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
program=${PPOLICYD:-${top_builddir:-$top}/ppolicyd}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2

number=0 failed=0
result() # NAME STATUS
{
	number=$((number + 1))
	if [ "$2" = 0 ]; then echo "ok $number - $1"; return; fi
	tail -n 30 out err | sed 's/^/# /'
	echo "not ok $number - $1"
	failed=$((failed + 1))
}
skip() # NAME REASON
{
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}
run() # STATUS ARGUMENTS...
{
	local wanted=$1 status
	shift
	"$program" "$@" >out 2>err
	status=$?
	[ $status = "$wanted" ] || { echo "exit status $status, wanted $wanted" >>err; return 1; }
}
says() # FILE TEXT...: each is in the file
{
	local file=$1 text
	shift
	for text; do grep -qF -e "$text" "$file" || { echo "no '$text' in $file" >>err; return 1; }; done
}

run 0 --manual && says out 'server { ... }' 'deadline = duration from 10ms to 90s; default "10s"' \
	'on_error = dunno()' 'max_connections = whole number from 1 to' 'timeout = duration' \
	'list (found, absent)' 'Is the value on the list?'
result "without a module there are settings, options and all modules" $?

run 0 --manual example && says out 'example - Is the HELO name suspiciously long?' 'check.example { ... }' \
	'learn how a module is made' 'limit = whole number from 1 to 255 characters; default 64' \
	'It reads helo_name.' 'length = whole number of characters' 'unknown' 'keep = '
result "a module's page has its text, parameters, words and fields" $?
run 0 --manual list && says out 'value = text' 'one of "exact", "cidr"' 'what `attribute` names' \
	'the parameter `fields` names'
result "a module's page has its arguments, and what parameters name" $?
run 0 --manual sleep && says out 'timeout = duration from 1ms to 90s; default "1m"' 'Asking changes something' &&
	! grep -q '^    keep = ' out
result "a module's page has its own defaults, and nothing it refuses" $?

run 2 --manual lst && says err "no module 'lst' (did you mean 'list'?)" && [ ! -s out ]
result "an unknown module is refused with the nearest name" $?

# One from elsewhere, as an administrator has it.
cat >elsewhere.c <<'END'
#include <ppolicyd/module.h>
static pp_step_t ask(pp_ask_t *a) { return pp_no(a, "no"); }
PP_MODULE(.name = "elsewhere", .question = "Is it elsewhere?", .yes = "there", .no = "here", .ask = ask,
          .keep = "1h", .version = "3.14");
END
printf 'First words.\n\n    code = "\\1"\n\n* `one`\n  more\n* two\n\n.Last words.\n' >elsewhere.md
echo "server { modules = '$work' }; unknown_function()" >rules.lua
if command -v "${CC:-cc}" >/dev/null && "${CC:-cc}" -shared -fPIC -I"$top/core" -o elsewhere.so elsewhere.c 2>err; then
	run 2 --manual elsewhere && run 0 -c rules.lua --manual elsewhere &&
		says out 'Is it elsewhere?' 'First words.' '    * `one` more' '3.14' 'default "1h"' &&
		run 0 -c rules.lua --manual && says out 'elsewhere (there, here)' 'list (found, absent)'
	result "with -c modules of its folders are found, though the file is wrong elsewhere" $?
else
	skip "with -c modules of its folders are found" "no compiler"
fi
run 2 -c missing.lua --manual && says err missing.lua
result "a rule file that cannot be read is refused" $?

run 2 --generate nonsense && says err "editor, modules, rules.5 and module.5:NAME"
result "what cannot be generated is refused" $?

run 0 --generate editor && cp out editor.lua && says out '---@class pp.Request' '---@field sender? string' \
	'---@field size? integer' '---@field search? "exact"|"cidr"' '---@field found boolean' \
	'---@field list fun(parameters: pp.list.Parameters): pp.list.Check' 'function defer_if_permit(code, text) end' \
	'function expect(action, request, rule) end'
result "editor types have attributes, modules, actions and functions" $?
lua=$(command -v luac5.4 || command -v luac)
if [ -n "$lua" ]; then
	"$lua" -p editor.lua 2>err
	result "editor types are Lua" $?
else
	skip "editor types are Lua" "luac is not installed"
fi

for page in rules.5 module.5:list module.5:sleep module.5:example; do
	run 0 --generate $page && head -n 2 out | grep -q '^\.TH '
	result "$page is a man page" $?
	if command -v mandoc >/dev/null; then
		mandoc -T lint -W warning out >err
		result "$page is well-formed" $?
	else
		skip "$page is well-formed" "mandoc is not installed"
	fi
done

echo "1..$number"
[ $failed = 0 ]

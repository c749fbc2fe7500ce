#!/usr/bin/env bash
# test_golden.sh - are the generated files of the tree those that the program generates?
#
#   tests/scenario/test_golden.sh [--update]     --update writes them anew
#
# What users see of rows (names, defaults, limits, words) is in these files: a change
# of it shows here, and in what is committed.
set -u
export LC_ALL=C
top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
program=${PPOLICYD:-${top_builddir:-$top}/ppolicyd}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

# Which file is the output of which arguments.
table="conf/ppolicyd.d.lua        --generate editor
modules/README                    --generate modules
doc/ppolicyd.lua.5                --generate rules.5
tests/golden/manual-example.txt   --manual example
tests/golden/module-list.5        --generate module.5:list"

# A module that was not built, since a library is missing, is missing in the files too.
for makefile in "$top"/modules/*/build.mk; do
	name=$(basename "${makefile%/build.mk}")
	if "$program" --manual "$name" 2>&1 | grep -q "^no module '$name'"; then
		echo "1..0 # SKIP module $name is not built"
		exit 0
	fi
done

# A module that was begun a moment ago (scripts/new-module) is in no file yet. What it
# adds is wanted before it is committed: scripts/test sets GOLDEN=complete.
begun=no
for makefile in "$top"/modules/*/build.mk; do
	grep -q "^$(basename "${makefile%/build.mk}") " "$top/modules/README" || begun=yes
done
only_adds_begun()
{
	[ "${GOLDEN-}" != complete ] && [ $begun = yes ] && ! grep -q '^-[^-]' "$work/difference"
}

number=0 failed=0
while read -r file arguments; do
	number=$((number + 1))
	# shellcheck disable=SC2086 # words are wanted
	"$program" $arguments >"$work/new" || : >"$work/new"
	if [ "${1-}" = --update ]; then
		cp "$work/new" "$top/$file"
	fi
	if diff -u "$top/$file" "$work/new" >"$work/difference"; then
		echo "ok $number - $file"
	elif only_adds_begun; then
		echo "ok $number - $file # a new module is missing; before you commit: test_golden.sh --update"
	else
		head -n 60 "$work/difference" | sed 's/^/# /'
		echo "# if this is meant: tests/scenario/test_golden.sh --update"
		echo "not ok $number - $file"
		failed=$((failed + 1))
	fi
done <<<"$table"
echo "1..$number"
[ $failed = 0 ]

#!/usr/bin/env bash
# test_examples.sh - conf/ppolicyd.lua and each of conf/examples: clean under -t, loads, does what it says
set -u
cd "${top_srcdir:?names the source folder}" || exit 2
number=0 status=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
ok() # NAME COMMAND...: one case, passed if the command succeeds; what it says is shown if not
{
	local name=$1 said
	shift
	number=$((number + 1))
	if said=$("$@" 2>&1); then echo "ok $number - $name"; else
		sed 's/^/# /' <<<"$said"
		echo "not ok $number - $name"
		status=1
	fi
}

# Nothing to complain of.
is_clean() # FILE
{
	"$PPOLICYD" -t -c "$1" >"$tmp/out" 2>"$tmp/err"
	local good=$?
	cat "$tmp/err" "$tmp/out"
	[ "$good" = 0 ] && [ ! -s "$tmp/err" ] && grep -q ', no errors, no warnings$' "$tmp/out"
}

# Each listener answers a request.
answers() # FILE
{
	local address addresses reply
	addresses=$(sed -n 's/^listen("\([^"]*\)".*/\1/p' "$1")
	[ -n "$addresses" ] || { echo "no listen()"; return 1; }
	for address in $addresses; do
		reply=$(printf '%s\n' request=smtpd_access_policy protocol_state=RCPT policy_context=inbound \
			client_address=203.0.113.1 sender=a@example.net recipient=b@example.org helo_name=h.example.net '' |
			"$PPOLICYD" -c "$1" --state "$tmp" --stdio "$address" 2>"$tmp/err") || return 1
		cat "$tmp/err"
		echo "$address: $reply"
		case $reply in 'action='[A-Z4-5]*) ;; *) return 1 ;; esac
		! grep -q 'error=<\|^error:' "$tmp/err" || return 1
	done
}

explains_itself() # FILE: the first line says what it is, and it stays within the width of a screen
{
	head -n 1 "$1" | grep -q "^-- ${1##*/} - [a-z]" || { echo "the first line does not say what it is"; return 1; }
	! grep -nE '^.{111}' "$1"
}

for file in conf/ppolicyd.lua conf/examples/*.lua; do
	name=${file##*/}
	ok "$name has no errors and no warnings" is_clean "$file"
	ok "$name is loaded and answers" answers "$file"
	ok "$name says what it is for" explains_itself "$file"
	test=tests/scenario/examples/${name%.lua}.test.lua
	case $file in conf/examples/*) ok "$name does what it says" "$PPOLICYD" -c "$file" --test "$test" ;; esac
done

echo "1..$number"
exit $status

#!/usr/bin/env bash
# scenario/test_control.sh - ppolicyctl and a running server: status, ask, cache, reload, who is served
set -u
: "${PPOLICYD:?names the server}" "${PPOLICYCTL:?names the tool}"
modules=${PPOLICYD_MODULES:-$(cd "$(dirname "$PPOLICYD")" && pwd)/modules}
# Paths of unix sockets are short, and another user has to enter.
folder=$(mktemp -d /tmp/ppolicyd-test.XXXXXX) || exit 2
chmod 755 "$folder"
socket=$folder/state/control.sock
server=

finish()
{
	[ -z "$server" ] || kill -9 "$server" 2>/dev/null
	rm -rf "$folder"
}
trap finish EXIT

number=0 failures=0
ok() # STATUS NAME
{
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		failures=$((failures + 1))
		echo "not ok $number - $2"
		sed 's/^/# /' "$folder/out" "$folder/log"
	fi
}

skip() # NAME REASON
{
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

# Runs the tool; what it printed is in $folder/out, its exit status in $status.
ctl()
{
	"$PPOLICYCTL" -s "$socket" "$@" >"$folder/out" 2>&1
	status=$?
}

# The exit status of the last ctl was $1, and its output has all of these lines (expressions).
said() # STATUS EXPRESSION...
{
	local expression
	[ "$status" = "$1" ] || { echo "# exit status $status, wanted $1"; return 1; }
	shift
	for expression; do
		grep -Eq -- "$expression" "$folder/out" || { echo "# no line like: $expression"; return 1; }
	done
}

logged() # EXPRESSION
{
	for _ in {1..50}; do
		grep -Eq -- "$1" "$folder/log" && return 0
		sleep 0.02
	done
	echo "# nothing like it in the log: $1"
	return 1
}

rules() # LIMIT
{
	cat >"$folder/rules.lua" <<END
server { name = "mx1", loops = 2, modules = { "$modules" } }
long = check.example { limit = $1, keep = { long = "1h", normal = "10m" }, stale = "1h" }
nap = check.sleep { time = "1ms" }
function incoming(req)
    local nap = nap(req)
    if long(req).long then return reject("5.7.1", "too long") end
    return nap.done and dunno("slept") or dunno()
end
listen("unix:policy.sock", incoming)
END
}

start()
{
	"$PPOLICYD" -c "$folder/rules.lua" --state "$folder/state" 2>>"$folder/log" &
	server=$!
	for _ in {1..500}; do
		[ -S "$socket" ] && [ -S "$folder/policy.sock" ] && grep -q '^ready' "$folder/log" && return 0
		sleep 0.02
	done
	echo "Bail out! the server does not start"
	sed 's/^/# /' "$folder/log"
	exit 1
}

# Runs Python with connect(path) and the paths of both sockets.
python()
{
	python3 - "$socket" "$folder/policy.sock" <<END
import socket, sys, time
control, policy = sys.argv[1:]
def connect(path):
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(20)
    peer.connect(path)
    return peer
def read(peer):
    text = b""
    while True:
        try:
            part = peer.recv(65536)
        except ConnectionResetError: # what we sent was not all read
            part = b""
        if not part:
            return text.decode()
        text += part
$1
END
}

: >"$folder/log"
: >"$folder/out"
rules 10
ctl status
said 3 "no server at $socket" && { ctl greylist list; said 3 "no server at $socket"; } &&
	{ ctl statsu; said 2 "no command 'statsu' \(did you mean 'status'\?\)"; }
ok $? "without a server the exit status is 3"
start

ctl status
said 0 '^ppolicyd [0-9.]+, process [0-9]+, up ' 'rules.lua, 2 loops$' '^0 requests; 0 rule errors$' \
	'^unix:policy.sock +0$' '^long +example +0 +0'
ok $? "status tells version, configuration, listeners and checks"

ctl ask helo_name=mail.example.net sender=a@example.org
said 0 '^action=REJECT 5.7.1 too long$' '^rule incoming, line 6, listener unix:policy.sock' \
	'^check long: long \(asked' '^    length = 16$' '^check nap: unknown \(not asked'
ok $? "ask tells the action and why, and asks nothing that has effects"

python '
peer = connect(policy)
peer.sendall(b"request=smtpd_access_policy\nprotocol_state=RCPT\nhelo_name=mail.example.net\n\n")
print(peer.recv(1000))
peer.sendall(b"request=smtpd_access_policy\nprotocol_state=RCPT\nhelo_name=short\n\n")
print(peer.recv(1000))
' >"$folder/out"
ctl status
said 0 '^2 requests, [0-9.]+ ms each, 1 dunno, 1 reject; 0 rule errors$' '^long +example +3 +1 +0 +0 +0' \
	'^nap +sleep +2 +0 +0 +0 +1 '
ok $? "status counts requests by action, and asks by check"

ctl cache list
said 0 '^check +key +word +good for +then stale +where$' \
	'^long +mail.example.net +long +(1h|59m..?s?) +1h +memory$' \
	'^long +short +normal'
ok $? "cache list tells keys, words, and how long they are good"

ctl cache get long mail.example.net
said 0 '^long mail.example.net$' '^    long: HELO name has 16 characters$' '^    length = 16$'
ok $? "cache get shows a whole answer"

ctl cache drop 'key=mail.*'
said 0 '^dropped 1$' && ctl cache list && said 0 '^long +short' && ! grep -q mail.example "$folder/out" &&
	logged '^control: cache drop key=mail\.\*, told by [a-z]'
ok $? "cache drop drops what is named, and the log says who did it"

ctl cache list check=none
said 1 'no such answer is kept'
ok $? "nothing found is exit status 1"

ctl cache stats
said 0 '^entries   1$' '^bytes     [0-9.]+K of 64M$' '^long +1 +[0-9]+ +0$'
ok $? "cache stats counts"

for command in "status" "cache list" "cache get check=long" "cache stats" "ask helo_name=x" "reload"; do
	# shellcheck disable=SC2086
	ctl --json $command
	cat "$folder/out"
done >"$folder/all"
python3 -c '
import json, sys
for line in sys.stdin:
    assert isinstance(json.loads(line), dict), line
' <"$folder/all" && [ "$(wc -l <"$folder/all")" -gt 8 ]
ok $? "with --json every line is an object"

rules 100
ctl reload
said 0 '^reloaded: configuration [0-9a-f]+ -> [0-9a-f]+$' && ctl ask helo_name=mail.example.net &&
	said 0 '^action=DUNNO$'
ok $? "reload puts the new rules in force before it returns"

printf 'x = check.exampel {}\nserver { naem = "a" }\n' >"$folder/rules.lua"
ctl reload
said 1 "rules.lua:1: .*exampel.*did you mean 'example'" "rules.lua:2: server: .*naem" \
	'keeps configuration [0-9a-f]+$' && ctl ask helo_name=mail.example.net && said 0 '^action=DUNNO$'
ok $? "a reload that finds errors prints them all and keeps what there is"
rules 10

for command in "greylist list" "example list" "long list" "upstream" "store" "statsu" "cache" "cache drop" \
	"ask x" "status x" "--wrong status" "status --wrong"; do
	# shellcheck disable=SC2086
	ctl $command
	[ $status = 2 ] || { echo "# $command: exit status $status"; break; }
done
[ $status = 2 ] && { ctl upstream; said 2 'upstream: show, drain, maint, ready or weight?'; } &&
	{ ctl upstream show; said 1 'no check that is in use asks other policy servers'; } &&
	{ ctl status --wrong; said 2 "no option '--wrong'"; } &&
	{ ctl long list; said 2 "'long' is a check, not a module: say example COMMAND check=long"; } &&
	{ ctl exampel list; said 2 "no command 'exampel', and no check that is in use has a module of this name"; } &&
	{ ctl example list --for 30d; said 2 "module example has no commands"; }
ok $? "wrong commands are exit status 2"

python '
for bytes in (b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\xff\n", b"{" * 70000,
              b"\0" * 4096 + b"\n"):
    peer = connect(control)
    try:
        peer.sendall(bytes)
        peer.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    assert read(peer).endswith("{\"exit\":2}\n"), bytes[:20]
' && ctl status && said 0 '^ppolicyd '
ok $? "garbage is refused"

python '
began = time.monotonic()
silent = [connect(control) for _ in range(4)]
turned = [read(connect(control)) for _ in range(96)]
assert all(reply.endswith("{\"exit\":3}\n") for reply in turned), turned[0]
assert time.monotonic() - began < 4
assert "no whole request" in read(silent[0])
' && ctl status && said 0 '^ppolicyd '
ok $? "of 100 silent clients four are waited for, 5 s at most"

name="another user is not served, whatever the mode of the socket"
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$folder/state"
	as_other=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	"${as_other[@]}" "$PPOLICYCTL" -s "$socket" status >"$folder/out" 2>&1
	status=$?
	said 3 'Permission denied'
	first=$?
	chmod 666 "$socket"
	"${as_other[@]}" "$PPOLICYCTL" -s "$socket" status >"$folder/out" 2>&1
	status=$?
	chmod 600 "$socket"
	said 3 "only root and the server's own user" && [ $first = 0 ] &&
		logged 'control: uid 65534 is not served'
	ok $? "$name"
else
	skip "$name" "only root can become another user"
fi

kill -9 "$server"
wait "$server" 2>/dev/null
server=
[ -S "$socket" ] && : >"$folder/log" && start && ctl status && said 0 '^ppolicyd '
ok $? "the socket of a killed server is replaced"

python '
import os, signal
silent = [connect(control) for _ in range(3)]
began = time.monotonic()
os.kill('"$server"', signal.SIGTERM)
for peer in silent:
    read(peer)
assert time.monotonic() - began < 3
'
ok $? "a server that ends does not wait for silent clients"
wait "$server" && [ ! -e "$socket" ]
ok $? "a server that ends removes its socket"
server=

name="the man page is well-formed"
if command -v groff >/dev/null; then
	"$PPOLICYCTL" --man >"$folder/page" && groff -man -Tutf8 -ww -z "$folder/page" >"$folder/out" 2>&1 &&
		[ ! -s "$folder/out" ]
	ok $? "$name"
else
	skip "$name" "groff is not installed"
fi

echo "1..$number"
[ $failures = 0 ]

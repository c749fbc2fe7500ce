#!/usr/bin/env python3
# test_server.py - the running server: listeners, reload, limits, ends, exit codes
# timeout: 120
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from policy import PolicyClient, PolicyServer, connect, encode, program, wait_until  # noqa: E402
from tap import Skip, contains, equal, run_cases  # noqa: E402

RULES = """
server { name = "mx1", loops = 2, modules = { "@MODULES@" } }
nap = check.sleep { time = "300ms" }
long = check.sleep { time = "20s", timeout = "30s", name = "long_nap" }
seen = check.list { attribute = "sender", inline = { "listed@example.net" }, keep = "1h" }

function first(req)
    if req.helo_name == "nap" then return dunno(nap(req).word) end
    if req.helo_name == "late" then
        local answer = long(req)
        return dunno(answer.word .. " " .. answer.text)
    end
    if req.helo_name == "broken" then return 5 end
    if req.helo_name == "endless" then while true do pcall(error, tostring(1.5)) end end
    if req.helo_name == "hungry" then local t = {} while true do t[#t + 1] = ("x"):rep(1e6) end end
    if seen(req).found then return reject("5.7.1", "listed") end
    return dunno(req.listener .. " VERSION")
end

function second(req) return reject("5.7.1", "second") end

listen("inet:127.0.0.1:@PORT@", first, { deadline = "1s" })
listen("unix:@FOLDER@/s.sock", second, { mode = "0620", observe = true })
listen("unix:@FOLDER@/few.sock", first, { max_connections = 2, overload = defer_if_permit("4.3.2", "too many") })
listen("unix:@FOLDER@/close.sock", first, { on_error = "close" })
"""


def answers(server, address=None, **attributes):
    client = PolicyClient(address or f"inet:127.0.0.1:{server.port}")
    try:
        return client.ask(**attributes)
    finally:
        client.close()


def run(*arguments, **options):
    return subprocess.run([program("PPOLICYD", "build/plain/ppolicyd"), *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, **options)


class Server:
    def start(self):
        self.server = PolicyServer(RULES.replace("VERSION", "one")).start()

    def stop(self):
        self.server.remove()

    def unix(self, name):
        return f"unix:{self.server.folder}/{name}"

    def restore(self):
        self.server.write_rules(RULES.replace("VERSION", "one"))
        self.server.reload()

    # -- answers ---------------------------------------------------------

    def case_each_listener_has_its_rule(self):
        equal(answers(self.server), f"DUNNO inet:127.0.0.1:{self.server.port} one")
        equal(answers(self.server, self.unix("few.sock")), f"DUNNO unix:{self.server.folder}/few.sock one")

    def case_a_refusal_carries_the_id_that_its_log_line_has(self):
        action = answers(self.server, sender="listed@example.net")
        id_ = re.fullmatch(r"REJECT 5\.7\.1 listed; id=(mx1-[0-9A-HJKMNP-TV-Z]{10})", action)
        assert id_, action
        line = self.server.wait_line(verb="reject", id=id_[1])
        contains(line.line, "reject: RCPT from client.example.net[192.0.2.1]: 5.7.1 listed; id=")

    def case_observe_gives_dunno_and_the_log_says_what_would_have_been(self):
        equal(answers(self.server, self.unix("s.sock")), "DUNNO")
        self.server.wait_line(verb="observe-reject")

    def case_the_mode_of_a_unix_socket_is_set(self):
        equal(oct(stat.S_IMODE(os.stat(f"{self.server.folder}/s.sock").st_mode)), "0o620")

    def case_a_rule_waits_for_a_check_while_others_are_served(self):
        slow = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        slow.socket.sendall(encode(helo_name="nap"))
        equal(answers(self.server), f"DUNNO inet:127.0.0.1:{self.server.port} one")
        equal(slow.reply(), "DUNNO done")
        slow.close()

    def case_at_the_deadline_what_is_open_is_unknown_and_the_rule_goes_on(self):
        began = time.monotonic()
        contains(answers(self.server, helo_name="late"), "DUNNO unknown")
        took = time.monotonic() - began
        assert 0.9 < took < 5, took

    def case_a_rule_that_fails_gives_on_error(self):
        equal(answers(self.server, helo_name="broken"), "DUNNO")
        contains(self.server.log(), "ends without an action")

    def case_a_rule_that_does_not_end_is_ended(self):
        for kind in ("endless", "hungry"):
            equal(answers(self.server, helo_name=kind), "DUNNO")
        equal(answers(self.server), f"DUNNO inet:127.0.0.1:{self.server.port} one")

    def case_on_error_close_closes_without_a_reply(self):
        try:
            answers(self.server, self.unix("close.sock"), helo_name="broken")
        except EOFError:
            return
        raise AssertionError("there was a reply")

    # -- connections -----------------------------------------------------

    def case_pipelined_requests_are_answered_in_order(self):
        client = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        client.socket.sendall(encode(helo_name="nap") + encode() + encode(sender="listed@example.net"))
        equal(client.reply(), "DUNNO done")
        contains(client.reply(), "DUNNO inet:")
        contains(client.reply(), "REJECT 5.7.1 listed")
        client.close()

    def case_a_request_may_come_byte_by_byte(self):
        client = PolicyClient(self.unix("few.sock"))
        for byte in encode():
            client.socket.sendall(bytes([byte]))
        contains(client.reply(), "one")
        client.close()

    def case_who_ends_his_side_still_gets_his_reply(self):
        client = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        client.socket.sendall(encode(helo_name="nap"))
        client.socket.shutdown(socket.SHUT_WR)
        equal(client.reply(), "DUNNO done")
        equal(client.socket.recv(1), b"")
        client.close()

    def case_garbage_is_closed_at_once_without_a_reply(self):
        for garbage in (b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02\x00", b"request=smtpd_access_policy\r\n",
                        b"a\0b\n", b"\n", b"helo_name=x\n\n", b"x=" + b"y" * 9000,
                        b"".join(b"n%d=x\n" % n for n in range(200)) + b"\n"):
            client = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
            client.socket.settimeout(5)
            client.socket.sendall(garbage)
            try:
                equal(client.socket.recv(100), b"", repr(garbage[:20]))
            except ConnectionResetError:
                pass
            client.close()

    def case_a_malformed_value_is_data(self):
        contains(answers(self.server, client_address="not-an-ip", size="huge"), "DUNNO")

    def case_too_many_connections_get_the_overload_action(self):
        held = [PolicyClient(self.unix("few.sock")) for _ in range(2)]
        for client in held:
            contains(client.ask(), "DUNNO")
        action = answers(self.server, self.unix("few.sock"))
        contains(action, "DEFER_IF_PERMIT 4.3.2 too many; id=")
        equal(self.server.wait_line(id=action.split("id=")[1]).values["rule"], "overload:0")
        for client in held:
            client.close()
        wait_until(lambda: answers(self.server, self.unix("few.sock")).startswith("DUNNO"))

    # -- reload ----------------------------------------------------------

    def case_a_reload_changes_the_rules_and_keeps_connections_and_answers(self):
        client = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        contains(client.ask(), "one")
        self.server.write_rules(RULES.replace("VERSION", "two"))
        assert self.server.reload()
        contains(client.ask(), "two")
        line = self.server.wait_line(verb="dunno")
        contains(line.values["checks"], "seen=absent/memory")
        client.close()
        self.restore()

    def case_a_faulty_file_never_replaces_a_good_one(self):
        for fault, message in (("listen(", "rules.lua:"), ('check.list { fil = "x" }', "did you mean 'file'?"),
                               ('listen("inet:127.0.0.1:1x", first)', "wanted")):
            self.server.write_rules(RULES + "\n" + fault + "\n")
            equal(self.server.reload(check=False), False)
            contains(self.server.log(), message) if not os.path.exists(self.server.control) else None
            contains(answers(self.server), "one")
        self.restore()

    def case_a_reload_may_add_and_remove_listeners(self):
        self.server.write_rules(RULES.replace("VERSION", "one") + '\nlisten("unix:@FOLDER@/new.sock", second)\n')
        assert self.server.reload()
        contains(answers(self.server, self.unix("new.sock")), "REJECT 5.7.1 second")
        client = PolicyClient(self.unix("new.sock"))
        self.restore()
        assert not os.path.exists(f"{self.server.folder}/new.sock")
        equal(client.socket.recv(1), b"")
        client.close()

    def case_a_refused_reload_changes_nothing_of_what_is_listened_on(self):
        self.server.write_rules(RULES.replace("VERSION", "other").replace("inet:127.0.0.1", "inet:localhost")
                                .replace('mode = "0620"', 'mode = "0666"') + '\nlisten("inet:192.0.2.99:7", first)\n')
        self.server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "keeps configuration" in self.server.log().splitlines()[-1])
        contains(self.server.log(), ": listen: inet:192.0.2.99:7: cannot listen")
        equal(answers(self.server), f"DUNNO inet:127.0.0.1:{self.server.port} one")
        equal(oct(stat.S_IMODE(os.stat(f"{self.server.folder}/s.sock").st_mode)), "0o620")
        self.restore()

    def case_an_address_may_be_spelled_another_way(self):
        self.server.write_rules(RULES.replace("VERSION", "one").replace("inet:127.0.0.1", "inet:localhost"))
        assert self.server.reload()
        equal(answers(self.server), f"DUNNO inet:localhost:{self.server.port} one")
        self.restore()

    def case_sighup_reloads(self):
        self.server.write_rules(RULES.replace("VERSION", "hup"))
        self.server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "hup" in answers(self.server))
        self.restore()

    # -- ends ------------------------------------------------------------

    def case_sigterm_lets_requests_end(self):
        server = PolicyServer(RULES.replace("VERSION", "one")).start()
        try:
            client = PolicyClient(f"inet:127.0.0.1:{server.port}")
            client.socket.sendall(encode(helo_name="nap"))
            time.sleep(0.1)
            server.process.send_signal(signal.SIGTERM)
            equal(client.reply(), "DUNNO done")
            equal(client.socket.recv(1), b"")
            equal(server.process.wait(20), 0)
            server.process = None
            assert not os.path.exists(f"{server.folder}/s.sock")
        finally:
            server.remove()

    def case_a_stale_unix_socket_is_replaced_and_a_live_one_is_not(self):
        server = PolicyServer(RULES.replace("VERSION", "one")).start()
        try:
            server.kill()
            assert os.path.exists(f"{server.folder}/s.sock")
            server.start()
            contains(answers(server), "one")
            done = run("-c", server.rule_file, "--state", server.folder)
            equal(done.returncode, 1)
            contains(done.stderr, "another process listens there")
            contains(answers(server, f"unix:{server.folder}/few.sock"), "one")
        finally:
            server.remove()

    def case_a_socket_of_systemd_serves_the_line_with_its_address(self):
        server = PolicyServer(RULES.replace("VERSION", "one"))
        listening = socket.socket(socket.AF_UNIX)
        path = os.path.join(server.folder, "s.sock")
        listening.bind(path)
        listening.listen()
        try:
            code = ("import os,sys; os.dup2(int(sys.argv[1]), 3); os.set_inheritable(3, True);"
                    "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); os.execv(sys.argv[2], sys.argv[2:])")
            inode = os.stat(path).st_ino
            log = open(server.log_file, "ab")
            server.process = subprocess.Popen(
                [sys.executable, "-c", code, str(listening.fileno()), server.program, "-c", server.rule_file, "--state",
                 server.state], pass_fds=[listening.fileno()], stdout=log, stderr=log)
            log.close()
            wait_until(lambda: "ready:" in server.log())
            equal(answers(server, "unix:" + path), "DUNNO")
            equal(server.stop(), 0)
            equal(os.stat(path).st_ino, inode, "the socket is systemd's and stays")
        finally:
            listening.close()
            server.remove()

    def case_ready_is_told_to_systemd(self):
        server = PolicyServer(RULES.replace("VERSION", "one"))
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        told.bind(os.path.join(server.folder, "notify"))
        told.settimeout(10)
        os.environ["NOTIFY_SOCKET"] = os.path.join(server.folder, "notify")
        try:
            server.start()
            contains(told.recv(500).decode(), "READY=1")
            server.process.send_signal(signal.SIGHUP)
            contains(told.recv(500).decode(), "RELOADING=1")
            contains(told.recv(500).decode(), "READY=1")
            server.process.send_signal(signal.SIGTERM)
            contains(told.recv(500).decode(), "STOPPING=1")
        finally:
            del os.environ["NOTIFY_SOCKET"]
            told.close()
            server.remove()

    def case_without_descriptors_accepting_pauses_and_recovers(self):
        server = PolicyServer(RULES.replace("VERSION", "one").replace("loops = 2", "loops = 1"))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        server.prefix = ["prlimit", "--nofile=64:64"]
        try:
            server.start()
            held = []
            for _ in range(90):
                held.append(PolicyClient(f"inet:127.0.0.1:{server.port}"))
            wait_until(lambda: "out of file descriptors" in server.log())
            contains(held[0].ask(), "one")
            before = cpu_seconds(server.process.pid)
            time.sleep(1)
            spent = cpu_seconds(server.process.pid) - before
            assert spent < 0.3, f"{spent} s of the processor in one second"
            for client in held:
                client.close()
            contains(answers(server), "one")
        finally:
            server.remove()

    def case_ten_thousand_idle_connections_are_held(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < 10200:
            raise Skip(f"at most {hard} descriptors a process")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        server = PolicyServer(RULES.replace("VERSION", "one").replace("max_connections = 2,", "max_connections = 20000,"))
        idle = []
        try:
            server.start()
            before = rss_kib(server.process.pid)
            for _ in range(10000):
                idle.append(wait_until(lambda: connect_if_there_is_room(f"unix:{server.folder}/few.sock")))
            began = time.monotonic()
            contains(answers(server), "one")
            assert time.monotonic() - began < 2
            contains(answers(server, f"unix:{server.folder}/few.sock"), "one")
            each = (rss_kib(server.process.pid) - before) / 10000
            print(f"# {each:.2f} KiB an idle connection")
            limit = 16 if "asan" not in os.environ.get("top_builddir", "") else 64
            assert each <= limit, f"{each} KiB"
        finally:
            for client in idle:
                client.close()
            server.remove()

    # -- the command line ------------------------------------------------

    def case_exit_codes_say_what_is_wrong(self):
        with open(f"{self.server.folder}/bad.lua", "w", encoding="utf-8") as file:
            file.write("server { nme = 'x' }\n")
        done = run("-t", "-c", f"{self.server.folder}/bad.lua")
        equal(done.returncode, 78)
        contains(done.stderr, "bad.lua:1: server: no setting 'nme' (did you mean 'name'?)")
        equal(run("-c", f"{self.server.folder}/bad.lua").returncode, 78)
        equal(run("-c", f"{self.server.folder}/none.lua").returncode, 78)
        equal(run("--no-such-option").returncode, 2)
        equal(run("-t", "--stdio").returncode, 2)
        done = run("-V")
        equal(done.returncode, 0)
        contains(done.stdout, "module ABI 1")

    def case_stdio_answers_what_was_read_and_exits_0(self):
        done = subprocess.run([self.server.program, "-c", self.server.rule_file, "--stdio"],
                              input=encode() + encode(helo_name="nap"), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=30)
        equal(done.returncode, 0)
        equal(done.stdout.decode(), f"action=DUNNO inet:127.0.0.1:{self.server.port} one\n\naction=DUNNO done\n\n")
        done = subprocess.run([self.server.program, "-c", self.server.rule_file, "--stdio", self.unix("s.sock")],
                              input=encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
        equal(done.stdout, b"action=DUNNO\n\n")
        contains(done.stderr.decode(), "observe-reject")
        done = run("-c", self.server.rule_file, "--stdio", "unix:/nowhere", stdin=subprocess.DEVNULL)
        equal(done.returncode, 78)

    def case_as_root_with_a_user_it_is_no_longer_root(self):
        if os.geteuid() != 0:
            raise Skip("not root")
        server = PolicyServer(RULES.replace("VERSION", "one").replace('name = "mx1"', 'name = "mx1", user = "nobody"')
                              .replace('mode = "0620"', 'mode = "0660", owner = "root", group = "mail"'))
        try:
            server.start()
            contains(answers(server), "one")
            status = open(f"/proc/{server.process.pid}/status", encoding="utf-8").read()
            contains(status, "Uid:\t65534\t65534\t65534\t65534")
            file = os.stat(f"{server.folder}/s.sock")
            equal((file.st_uid, oct(stat.S_IMODE(file.st_mode))), (0, "0o660"))
            assert "running as root" not in server.log()
        finally:
            server.remove()

    def case_as_root_without_a_user_there_is_one_warning(self):
        if os.geteuid() != 0:
            raise Skip("not root")
        equal(self.server.log().count("running as root"), 1)


def connect_if_there_is_room(address):
    try:
        return connect(address)
    except BlockingIOError:  # the queue of those waiting to be accepted is full
        return None


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat", encoding="utf-8").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status", encoding="utf-8").read())[1])


if __name__ == "__main__":
    sys.exit(run_cases(Server))

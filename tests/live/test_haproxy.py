#!/usr/bin/env python3
# live/test_haproxy.py - a real HAProxy in front: both headers, its checks, a real Postfix behind it, load
# timeout: 240
# alone
import os
import re
import socket
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from haproxy import HAProxy  # noqa: E402
from policy import PolicyClient, PolicyServer, free_port, wait_until  # noqa: E402
from postfix import Postfix  # noqa: E402
from tap import Skip, contains, equal, note, run_cases  # noqa: E402

RULES = """
server { name = "mx1", loops = 2, modules = { "@MODULES@" } }

function incoming(req)
    note("peer", req.peer)
    return dunno((req.peer:match("^uid=") or req.peer) .. " " .. (req.client_address or "-") .. " " .. (req.sender or "-"))
end

listen("inet:127.0.0.1:@PORT@", incoming, { proxy = { networks = "127.0.0.1" } })
listen("inet:127.0.0.1:STRICT", incoming, { proxy = { networks = "127.0.0.1" }, allow = "127.0.0.5" })
listen("inet:127.0.0.1:PLAIN", incoming)
listen("unix:@FOLDER@/believed.sock", incoming, { proxy = { networks = "unix" }, mode = "0666" })
"""

# How checks ask: a policy request that is answered.
ASK = """\
    option tcp-check
    tcp-check send request=smtpd_access_policy\\n\\n
    tcp-check expect string action=
"""

V2 = "send-proxy-v2 proxy-v2-options crc32c,unique-id"


def frontends(ports):
    """Each frontend has the name of its backend."""
    text = ""
    for name, port in ports.items():
        text += (f"frontend {name}_in\n    bind 127.0.0.1:{port}\n    bind @FOLDER@/{name}.sock mode 666\n"
                 f"    unique-id-format %{{+X}}o\\ %ci:%cp_%fi:%fp\n    default_backend {name}\n")
        if IPV6:
            text += f"    bind [::1]:{port}\n"
    return text


def backend(name, server, ask=False):
    return f"backend {name}\n{ASK if ask else ''}    {server}\n"


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
            return True
    except OSError:
        return False


IPV6 = has_ipv6()
CHECK = "check inter 200ms fastinter 100ms downinter 100ms fall 2 rise 1"


class Live:
    def start(self):
        self.postfix = self.haproxy = self.policy = None
        self.strict, self.plain = free_port(), free_port()
        self.policy = PolicyServer(RULES.replace("STRICT", str(self.strict)).replace("PLAIN", str(self.plain)))
        ours, strict = f"127.0.0.1:{self.policy.port}", f"127.0.0.1:{self.strict}"
        self.ports = {name: free_port() for name in ("v1", "v2", "to_unix", "strict", "bare", "failover")}
        self.haproxy = HAProxy(
            frontends(self.ports) +
            backend("v1", f"server one {ours} send-proxy") +
            backend("v2", f"server one {ours} {V2}") +
            backend("to_unix", f"server one {self.policy.folder}/believed.sock {V2}") +
            backend("strict", f"server one {strict} send-proxy") +
            backend("bare", f"server one {ours}") +
            backend("failover", f"server one {ours} {V2} {CHECK} on-marked-down shutdown-sessions\n"
                                f"    server two 127.0.0.1:{self.plain} {CHECK} backup", ask=True) +
            # Servers that are only checked.
            backend("connects", f"server v1 {ours} send-proxy {CHECK}\n    server v2 {ours} send-proxy-v2 {CHECK}\n"
                                f"    server bare {ours} {CHECK}") +
            backend("asks", f"server v1 {ours} send-proxy {CHECK}\n    server v2 {ours} {V2} {CHECK}\n"
                            f"    server bare {ours} {CHECK}\n"
                            f"    server other {ours} send-proxy-v2 source 127.0.0.3 {CHECK}\n"
                            f"    server strict {strict} send-proxy-v2 {CHECK}\n"
                            f"    server strict_v1 {strict} send-proxy {CHECK}\n"
                            f"    server unneeded 127.0.0.1:{self.plain} send-proxy {CHECK}\n"
                            f"    server plain 127.0.0.1:{self.plain} {CHECK}", ask=True))
        self.postfix = Postfix({"behind": {"smtpd_recipient_restrictions": self.ask("v2")},
                                "line": {"smtpd_recipient_restrictions": self.ask("v1")}})
        self.policy.start()
        self.haproxy.start()
        self.postfix.start()

    def ask(self, name):
        return (f"check_policy_service {{ inet:127.0.0.1:{self.ports[name]}, {{ timeout = 15s }}, "
                f"{{ default_action = 451 4.3.5 DEFAULT-ACTION-FIRED }} }}")

    def stop(self):
        for each in (self.postfix, self.haproxy):
            if each:
                each.remove()
        if self.policy:
            equal(self.policy.remove(), 0, "exit status of the server")

    def explain(self):
        log = "\n".join(line for line in self.policy.log().splitlines() if "client_address=" not in line)
        return f"-- HAProxy:\n{self.haproxy.output()[-3000:]}\n-- ppolicyd:\n{log[-5000:]}"

    def connect(self, name, source="127.0.0.5", host="127.0.0.1"):
        client = PolicyClient.__new__(PolicyClient)
        client.socket = socket.create_connection((host, self.ports[name]), 30, (source, 0))
        client.rest = b""
        return client

    def answer(self, name, **options):
        client = self.connect(name, **options)
        try:
            return client.ask(client_address="203.0.113.5", sender="a@example.net")
        finally:
            client.close()

    def gets_nothing(self, name, **options):
        try:
            got = self.answer(name, **options)
        except (EOFError, ConnectionError):
            return
        raise AssertionError(f"got {got}")

    def wait_log(self, text):
        wait_until(lambda: text in self.policy.log(), 10, f"{text!r} in the log")

    # -- whom it names -----------------------------------------------------------

    def case_its_client_is_the_peer_with_both_versions(self):
        for name in ("v1", "v2", "to_unix"):
            for source in ("127.0.0.5", "127.0.0.6"):
                equal(self.answer(name, source=source), f"DUNNO {source} 203.0.113.5 a@example.net", name)
                line = self.policy.wait_line(peer=source)
                equal(line.address, "203.0.113.5", "client_address is Postfix's")

    def case_its_client_over_IPv6_is_the_peer(self):
        if not IPV6:
            raise Skip("this machine has no IPv6")
        for name in ("v1", "v2"):
            equal(self.answer(name, source="::1", host="::1"), "DUNNO ::1 203.0.113.5 a@example.net", name)

    def case_its_client_on_a_unix_socket_is_the_proxy_itself(self):
        for name in ("v1", "v2"):
            client = PolicyClient(f"unix:{self.haproxy.folder}/{name}.sock")
            equal(client.ask(sender="u@example.net"), "DUNNO 127.0.0.1 192.0.2.1 u@example.net", name)
            client.close()

    def case_many_requests_of_many_connections_keep_apart(self):
        wrong, clients, each = [], 20, 200

        def talk(number):
            source = f"127.0.0.{10 + number}"
            client = self.connect(("v1", "v2", "to_unix")[number % 3], source=source)
            for turn in range(each):
                sender = f"{number}-{turn}@example.net"
                got = client.ask(sender=sender, client_address="203.0.113.5")
                if got != f"DUNNO {source} 203.0.113.5 {sender}":
                    wrong.append((number, turn, got))
            client.close()

        threads = [threading.Thread(target=talk, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        note(f"{clients} connections, {clients * each} requests, {len(wrong)} wrong")
        equal(wrong, [])

    # -- who may ask -------------------------------------------------------------

    def case_allow_is_asked_of_its_clients(self):
        equal(self.answer("strict"), "DUNNO 127.0.0.5 203.0.113.5 a@example.net")
        wanted = f"client 127.0.0.6 via 127.0.0.1 on inet:127.0.0.1:{self.strict}: it is not in allow"

        def said():  # not each time: checks are refused too, and warnings are one a second
            self.gets_nothing("strict", source="127.0.0.6")
            return wanted in self.policy.log()

        wait_until(said, 20, wanted)

    def case_without_send_proxy_nothing_is_answered(self):
        self.gets_nothing("bare")
        self.wait_log("no PROXY header; closing")

    # -- its checks --------------------------------------------------------------

    def case_checks_that_only_connect_find_it_up_and_are_not_logged(self):
        for server in ("v1", "v2", "bare"):
            self.haproxy.wait_state("connects", server, "UP", "L4OK")
        log = [line for line in self.policy.log().splitlines() if re.match("client 127.0.0.1 on .* ended", line)]
        equal(log, [])

    def case_checks_that_ask_are_answered(self):
        for server in ("v1", "v2", "plain"):
            self.haproxy.wait_state("asks", server, "UP", "L7OK")
        self.policy.wait_line(peer="127.0.0.1", state="UNKNOWN")

    def case_its_own_checks_are_local_with_version_2_and_not_asked_of_allow(self):
        self.haproxy.wait_state("asks", "strict", "UP", "L7OK")
        status, _ = self.haproxy.state("asks", "strict_v1")
        equal(status, "DOWN", "with version 1 a check names the proxy's address, which allow does not hold")

    def case_checks_without_a_header_from_elsewhere_or_to_a_plain_listener_find_it_down(self):
        for server in ("bare", "other", "unneeded"):
            self.haproxy.wait_state("asks", server, "DOWN")
        self.wait_log(f"127.0.0.1:{self.policy.port}: 127.0.0.3 is not in the networks of proxy; connection closed")

    def case_when_the_first_is_down_the_backup_serves_and_then_the_first_again(self):
        equal(self.answer("failover"), "DUNNO 127.0.0.5 203.0.113.5 a@example.net")
        with open(self.policy.rule_file, encoding="utf-8") as file:
            rules = file.read()
        self.policy.write_rules(rules.replace('{ networks = "127.0.0.1" } })\nlisten("inet:127.0.0.1:' + str(self.strict),
                                              '{} })\nlisten("inet:127.0.0.1:' + str(self.strict)))
        assert self.policy.reload()
        self.haproxy.wait_state("failover", "one", "DOWN")
        equal(self.answer("failover"), "DUNNO 127.0.0.1 203.0.113.5 a@example.net")
        self.policy.write_rules(rules)
        assert self.policy.reload()
        self.haproxy.wait_state("failover", "one", "UP", "L7OK")
        equal(self.answer("failover"), "DUNNO 127.0.0.5 203.0.113.5 a@example.net")

    # -- Postfix behind it -------------------------------------------------------

    def case_Postfix_asks_through_it_and_its_clients_stay_its_clients(self):
        for service in ("behind", "line"):
            with self.postfix.client(service) as smtp:
                contains(smtp.ask("XCLIENT NAME=[UNAVAILABLE] ADDR=198.51.100.23"), "220 ")
                smtp.greet()
                contains(smtp.recipient(f"{service}@example.org"), "250 ")
            line = self.policy.wait_line(to=f"<{service}@example.org>")
            equal((line.address, line.values["peer"]), ("198.51.100.23", "127.0.0.1"))
        assert "DEFAULT-ACTION-FIRED" not in self.postfix.log()


if __name__ == "__main__":
    sys.exit(run_cases(Live))

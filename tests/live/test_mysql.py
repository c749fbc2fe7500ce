#!/usr/bin/env python3
# live/test_mysql.py - a real MariaDB behind the store: tables, indexes, rights, password, TLS
# timeout: 300
# alone
import json
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from mariadb import MariaDB  # noqa: E402
from policy import ROOT, PolicyClient, PolicyServer, wait_until  # noqa: E402
from tap import Skip, contains, equal, note, run_cases  # noqa: E402

PASSWORD = "a secret that nobody tells"
SANITIZED = bool(os.environ.get("SANITIZER"))
BACK = 5         # seconds in which it is used again
RULES = """
server { name = "mx1", loops = 2, modules = { "@MODULES@" } }
STORE
grey = check.greylist { delay = "1s", client_after = 0, refresh = "1s", timeout = "5s" }
known = check.list { managed = "known", attribute = "sender", timeout = "5s" }
kept = check.example { limit = 10, keep = "1h", stale = "1h", keep_in = "store" }
function rule(req)
	if req.helo_name == "known" then return info("known " .. known(req).word) end
	if req.helo_name == "kept" then return info("kept " .. kept(req).word) end
	local g = grey(req)
	return info(("%s %s %s"):format(g.word, g.reason or "-", g.text))
end
listen("inet:127.0.0.1:@PORT@", rule)
"""


class MySQL:
    def start(self):
        self.server, self.number = None, 0
        self.database = MariaDB()
        self.database.start().add_user()

    def stop(self):
        if self.server is not None:
            self.server.remove()
        self.database.remove()

    def explain(self):
        return "-- ppolicyd:\n" + "\n".join(
            [line for line in self.server.log().splitlines() if not line.startswith("NOQUEUE")][-40:]
        ) if self.server else ""

    # -- what a case needs -----------------------------------------------

    def serve(self, store=None):
        if self.server is not None:
            equal(self.server.remove(), 0, "exit status of the server")
        self.server = PolicyServer(RULES.replace("STORE", store or self.database.settings()))
        return self.server.start()

    def ask(self, recipient=None, **attributes):
        """The answer, and how long it took."""
        if self.server is None:  # one case is run alone
            self.serve()
        self.number += 1
        recipient = recipient or f"user{self.number}@example.org"
        client = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        begun = time.monotonic()
        reply = client.ask(recipient=recipient, helo_name="mail", **attributes) if "helo_name" not in attributes \
            else client.ask(recipient=recipient, **attributes)
        took = time.monotonic() - begun
        client.close()
        equal(reply[:5], "INFO ", reply)
        return reply[5:], took

    def works(self):
        return self.ask()[0].startswith("wait new")

    def reads(self):
        return self.ask(helo_name="known")[0] in ("known found", "known absent")

    def is_back(self, since, what):
        wait_until(lambda: self.works() and self.reads(), BACK + 5, what)
        took = time.monotonic() - since
        note(f"{what}: back after {took:.1f} s")
        assert took < BACK or SANITIZED, f"{what}: back after {took:.1f} s"

    # -- it works --------------------------------------------------------

    def case_it_makes_its_tables_and_greylists(self):
        self.serve()
        equal(self.ask("first@example.org")[0].split()[:2], ["wait", "new"])
        equal(self.ask("first@example.org")[0].split()[:2], ["wait", "early"])
        time.sleep(1.1)
        equal(self.ask("first@example.org")[0].split()[:2], ["pass", "passed"])
        equal(self.database.rows("SELECT name, version FROM ppolicyd_schema ORDER BY name"),
              [("core", 1), ("gateways", 2), ("greylist", 1), ("list/known", 1)])
        equal(self.database.rows("SELECT client, sender, recipient, asks, passes FROM greylist"),
              [("192.0.2.0/24", "sender@example.net", "first@example.org", 3, 1)])
        contains(self.server.ctl("store", "status"), f"    connected    unix:{self.database.socket}, ")

    def case_all_of_it_is_known_after_a_restart_and_by_TCP(self):
        self.serve(self.database.settings(by="TCP"))
        equal(self.ask("first@example.org")[0].split()[:2], ["pass", "passed"])
        contains(self.server.ctl("greylist", "list"), "first@example.org")
        contains(self.server.ctl("greylist", "stats"), "1")
        self.server.ctl("greylist", "forget", "recipient=first@example.org")
        equal(self.ask("first@example.org")[0].split()[:2], ["wait", "new"])

    def case_lists_and_kept_answers_are_in_it(self):
        self.server.ctl("list", "add", "known", "sender@example.net", "reason=it's \\ \"quoted\"", "for=1d")
        equal(self.ask(helo_name="known")[0], "known found")
        contains(self.server.ctl("list", "show", "known"), "it's")
        self.server.ctl("list", "remove", "known", "sender@example.net")
        equal(self.ask(helo_name="known")[0], "known absent")
        equal(self.ask(helo_name="kept")[0], "kept normal")
        wait_until(lambda: self.database.rows("SELECT check_name, word FROM answers") == [("kept", "normal")])
        self.serve()
        equal(self.ask(helo_name="kept")[0], "kept normal")
        contains(self.server.wait_line(helo="<kept>").values["checks"], "kept=normal/store")
        contains(self.server.ctl("cache", "drop", "check=kept"), "in the store")
        equal(self.database.rows("SELECT * FROM answers"), [])

    def case_blanks_at_the_end_make_another_value(self):
        """Not so to MySQL, where 'a' = 'a ' with most collations."""
        self.server.ctl("list", "add", "known", "blank@example.net")
        equal(self.ask(helo_name="known", sender="blank@example.net")[0], "known found")
        equal(self.ask(helo_name="known", sender="blank@example.net ")[0], "known absent")
        for words in (("add", "known", "blank@example.net ", "for=1s"), ("remove", "known", "blank@example.net ")):
            try:
                raise AssertionError(self.server.ctl("list", *words))
            except subprocess.CalledProcessError:
                pass
        equal(self.database.rows("SELECT value, until FROM known"), [("blank@example.net", None)])
        self.server.ctl("list", "remove", "known", "blank@example.net")
        equal(self.database.rows("SELECT value, until FROM known"), [])

    def case_the_tables_have_comments(self):
        for table in ("answers", "greylist", "known", "ppolicyd_schema"):
            contains(self.database.rows(f"SHOW CREATE TABLE {table}")[0][1], "COMMENT='ppolicyd: ")
        equal(self.database.rows("SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 'ppolicyd' "
                                 "AND table_name = 'greylist' AND column_comment = ''"), [(0,)])

    def _explain(self, name):
        """Which index each table of the statements of a file is found by."""
        with open(os.path.join(ROOT, "sql", "mysql", name + ".sql"), encoding="utf-8") as file:
            text = re.sub(r"--.*", "", file.read())
        text = text.replace(":last", "17000051")
        text = re.sub(r":(moment|most|now|seq|before|\w+_until|life)\b", "17", text)
        # A key that is there.
        text = re.sub(r":\w+", "'1000003'", text).replace("{each}", "").replace("{table}", name.split("/")[0])
        found = {}
        for statement in text.split(";"):
            if statement.split()[:1] in (["SELECT"], ["UPDATE"], ["DELETE"]):
                for row in self.database.rows("EXPLAIN " + statement.strip()):
                    found.setdefault(row[2], row[5])
        return found

    def case_statements_that_run_often_find_rows_by_an_index(self):
        # With an end far away, else they might be gone by then.
        self.database.rows(
            "INSERT INTO greylist SELECT seq * 1000003, IF(seq % 200 = 0, '1000003', seq % 200), 's', 'r', 1, 1, "
            "seq % 3, 1, 1, 0, 1, 4000000000000, 4000000000000 FROM seq_1_to_20000;"
            "INSERT INTO answers SELECT seq + 1000002, 'c', 'f', seq, 'w', 't', '{}', 1, 1, 4000000000000 + seq FROM seq_1_to_20000;"
            "CREATE TABLE list LIKE known; INSERT INTO list SELECT seq + 1000002, 'r', 'a', 1, NULL FROM seq_1_to_20000;"
            "ANALYZE TABLE greylist, answers, list")
        for name, wanted in (("greylist/decide", {"greylist": "PRIMARY"}),
                             ("greylist/candidates", {"other": "greylist_passed"}),
                             ("greylist/others", {"greylist": "greylist_passed"}),
                             ("greylist/refresh", {"greylist": "PRIMARY"}),
                             ("greylist/accept", {"greylist": "PRIMARY"}),
                             ("greylist/known", {"greylist": "PRIMARY"}),
                             ("greylist/slice", {"greylist": "PRIMARY"}),
                             ("greylist/purge", {"greylist": "PRIMARY"}),
                             ("core/answer_get", {"answers": "PRIMARY"}),
                             ("core/answer_drop", {"answers": "PRIMARY"}),
                             ("core/answer_list", {"answers": "PRIMARY"}),
                             ("core/answer_expire", {"answers": "answers_stale_until"}),
                             ("core/answer_beyond", {"answers": "answers_stale_until"}),
                             ("list/find", {"list": "PRIMARY"}),
                             ("list/remove", {"list": "PRIMARY"}),
                             ("list/expire", {"list": "known_until"})):
            found = self._explain(name)
            equal({table: found.get(table) for table in wanted}, wanted, f"{name}: {found}")
        self.database.rows("DROP TABLE list; DELETE FROM greylist; DELETE FROM answers")

    # -- what is kept ----------------------------------------------------

    def _ask_bytes(self, sender, helo="mail"):
        client = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        client.socket.sendall(
            b"request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=192.0.2.1\nhelo_name=" +
            helo.encode() + b"\nsender=" + sender + b"\nrecipient=bytes@example.org\ninstance=1.2\n\n")
        reply = client.reply()
        client.close()
        return reply

    def case_senders_that_are_not_text_wait_like_others(self):
        self.serve()
        for sender in (b"\xff\xfe@example.net", b"\xc3(@example.net", b"\xed\xa0\x80@example.net",
                       b"\xf4\x90\x80\x80@example.net", "\U0001f4e7@example.net".encode(), b"x" * 1000 + b"\xff"):
            contains(self._ask_bytes(sender), "wait new", sender)
            contains(self._ask_bytes(sender), "wait early", sender)
            equal(self._ask_bytes(sender, "known"), "INFO known absent")

    def case_a_blank_at_the_end_is_something(self):
        self.server.ctl("list", "add", "known", "blank@example.net")
        equal(self._ask_bytes(b"blank@example.net", "known"), "INFO known found")
        equal(self._ask_bytes(b"blank@example.net ", "known"), "INFO known absent")

    def case_a_database_that_was_dropped_and_made_again_gets_its_tables(self):
        equal(self.works(), True)
        self.database.rows("DROP DATABASE ppolicyd; CREATE DATABASE ppolicyd", None)
        self.is_back(time.monotonic(), "made again")
        contains(self.server.log(), "another database is in its place")

    # -- rights ----------------------------------------------------------

    def case_without_the_right_to_make_tables_it_says_what_to_run_and_then_works(self):
        self.database.rows("DROP DATABASE ppolicyd", None)
        self.database.add_user("SELECT, INSERT, UPDATE, DELETE")
        self.serve()
        contains(self.ask()[0], "unknown - user 'ppolicyd' may not make or change tables: let the owner of the database "
                                "run what `ppolicyctl store schema mysql` prints")
        self.database.rows(self.server.ctl("store", "schema", "mysql"))
        wait_until(self.works, BACK + 5, "the tables are found")
        # Each set of tables is found by itself.
        wait_until(lambda: self.server.ctl("store", "schema") == "-- nothing is missing\n", BACK + 5, "all are found")
        contains(self.server.log(), "greylist works again")

    def case_tables_of_a_newer_program_are_left_alone(self):
        self.database.rows("UPDATE ppolicyd_schema SET version = 7 WHERE name = 'greylist'")
        self.serve()
        contains(self.ask()[0], "unknown - the tables of greylist have version 7, and this ppolicyd knows versions up to 1")
        equal(self.ask(helo_name="known")[0], "known absent")
        self.database.rows("UPDATE ppolicyd_schema SET version = 1 WHERE name = 'greylist'")
        wait_until(self.works, BACK + 5, "it works with its own version")

    # -- the password ----------------------------------------------------

    def case_the_password_is_nowhere_to_be_seen(self):
        server = self.serve()
        equal(self.works(), True)
        pid = server.process.pid
        for name in ("cmdline", "environ"):
            with open(f"/proc/{pid}/{name}", "rb") as file:
                assert PASSWORD.encode() not in file.read(), name
        shown = subprocess.run([server.program, "-c", server.rule_file, "-T"], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, timeout=60).stdout.decode()
        contains(shown, "password_file")
        for what, text in (("-T", shown), ("the log", server.log()), ("store status", server.ctl("store", "status"))):
            assert PASSWORD not in text, what

    def case_the_password_is_not_in_the_memory_of_the_server(self):
        if SANITIZED:
            raise Skip("sanitizers keep what was freed")
        equal(self.works(), True)
        self._search_memory()

    def case_nor_is_it_where_connecting_fails(self):
        if SANITIZED:
            raise Skip("sanitizers keep what was freed")
        self.database.rows("GRANT ALL ON nowhere.* TO 'ppolicyd'@'%'", None)
        self.serve(self.database.settings(more=', database = "nowhere"'))
        contains(self.ask()[0], "unknown - ")
        time.sleep(1)  # some more attempts
        self._search_memory()
        self.serve()

    def _search_memory(self):
        pid = self.server.process.pid
        found = []
        try:
            with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
                for line in maps:
                    begin, end = (int(part, 16) for part in line.split()[0].split("-"))
                    if " rw" not in line:
                        continue
                    try:
                        memory.seek(begin)
                        content = memory.read(end - begin)
                    except (OSError, ValueError, OverflowError):
                        continue
                    # free() writes over what a block begins with.
                    if PASSWORD[-9:].encode() in content:
                        found.append(line.strip())
        except PermissionError as error:
            raise Skip("this user may not look into it") from error
        equal(found, [])

    def case_a_wrong_password_and_a_missing_database_are_told(self):
        os.rename(self.database.password_file, self.database.password_file + ".good")
        with open(self.database.password_file, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write("wrong\n")
        try:
            self.serve()
            contains(self.ask()[0], "it does not let user 'ppolicyd' in: is the password in password_file the right one?")
        finally:
            os.rename(self.database.password_file + ".good", self.database.password_file)
        self.is_back(time.monotonic(), "the right password")
        self.serve(self.database.settings(more=', database = "nowhere"'))
        contains(self.ask()[0], "unknown - ")
        contains(self.server.log(), "'ppolicyd' in" if "'ppolicyd' in" in self.server.log() else "no database 'nowhere'")

    # -- TLS -------------------------------------------------------------

    def _openssl(self, *words):
        if shutil.which("openssl") is None:
            raise Skip("openssl is not here")
        subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)

    def _certificates(self, folder):
        for name in ("ca", "other"):
            self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                          "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem")
        for name, subject in (("right", "IP:127.0.0.1"), ("wrong", "DNS:db9.example.org")):
            with open(f"{folder}/{name}.ext", "w", encoding="utf-8") as file:
                file.write(f"subjectAltName={subject}\n")
            self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout",
                          f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr")
            self._openssl("x509", "-req", "-in", f"{folder}/{name}.csr", "-CA", f"{folder}/ca.pem", "-CAkey",
                          f"{folder}/ca.key", "-CAcreateserial", "-days", "2", "-extfile", f"{folder}/{name}.ext",
                          "-out", f"{folder}/{name}.pem")

    def _tls(self, name, tls):
        """With the server's certificate of this name and these settings."""
        folder = self.database.folder
        self.database.stop()
        self.database.start(*([f"--ssl-cert={folder}/{name}.pem", f"--ssl-key={folder}/{name}.key",
                               f"--ssl-ca={folder}/ca.pem"] if name else []))
        self.serve(self.database.settings(by="TCP", more=f", tls = {tls}"))
        return self.ask()[0]

    def case_TLS_is_verified(self):
        folder = self.database.folder
        self._certificates(folder)
        with_ca, with_other = f'{{ ca = "{folder}/ca.pem" }}', f'{{ ca = "{folder}/other.pem" }}'
        contains(self._tls("right", with_ca), "wait new")
        ciphers = self.database.rows(
            "SELECT id FROM information_schema.processlist WHERE user = 'ppolicyd'")
        assert ciphers, "there is a connection"
        for store, why in ((("right", with_other), "certificate"), (("wrong", with_ca), ""), ((None, with_ca), "")):
            reply = self._tls(*store)
            contains(reply, "unknown - ", store)
            contains(reply, "TLS", store)
            contains(reply.lower(), why)
            note(f"{store[0]}: {reply}")
        contains(self._tls("wrong", "{ verify = false }"), "wait new")

    def case_a_user_that_needs_TLS_gets_in_only_with_it(self):
        self.database.rows("ALTER USER 'ppolicyd'@'%' REQUIRE SSL")
        contains(self._tls("right", f'{{ ca = "{self.database.folder}/ca.pem" }}'), "wait new")
        self.serve(self.database.settings(by="TCP"))
        contains(self.ask()[0], "unknown - ")
        self.database.rows("ALTER USER 'ppolicyd'@'%' REQUIRE NONE")


if __name__ == "__main__":
    sys.exit(run_cases(MySQL))

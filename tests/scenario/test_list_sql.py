#!/usr/bin/env python3
# test_list_sql.py - lists in a database: looked up, read whole, and managed with ppolicyctl
# timeout: 180
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from database import REMOTE, database, only_sqlite  # noqa: E402
from policy import PolicyClient, PolicyServer, wait_until  # noqa: E402
from tap import contains, equal, run_cases  # noqa: E402

RULES = """
server {{ loops = 1, modules = {{ "@MODULES@" }} }}
{stores}

{checks}

function rule(req)
    local a = the(req{arguments})
    return info(a.word .. " " .. a.text .. " value=" .. tostring(a.value) .. {more})
end
listen("inet:127.0.0.1:@PORT@", rule)
"""

# MySQL has no keys of endless texts.
TEXT_KEY = "VARCHAR(100)" if REMOTE else "TEXT"
TABLES = """
CREATE TABLE customers (domain TEXT_KEY PRIMARY KEY, plan TEXT, "group" INTEGER);
INSERT INTO customers VALUES ('example.org', 'gold', 7), ('example.net', NULL, 8), ('<>', 'nobody', 9);
CREATE TABLE friends (me TEXT, friend TEXT, since TEXT);
INSERT INTO friends VALUES ('me@example.org', 'you@example.net', '2019'), ('me@example.org', 'a''b@example.net', 'x');
CREATE TABLE networks (network TEXT, name TEXT);
INSERT INTO networks VALUES ('192.0.2.0/24', 'wide'), ('192.0.2.128/25', 'narrow'), ('2001:db8::/32', 'six');
"""


class ListSql:
    """Each case has a server of its own with the check `the`."""

    def serve(self, checks, more='""', arguments="", tables=TABLES):
        self.main, self.mail = database("@FOLDER@/main.db"), database("@FOLDER@/mail.db", "mail")
        self.server = PolicyServer(RULES.format(checks=checks, more=more, arguments=arguments,
                                                stores=self.main.settings() + "\n" + self.mail.settings()))
        self.sql(tables.replace("TEXT_KEY", TEXT_KEY))
        self.server.start()
        return PolicyClient(f"inet:127.0.0.1:{self.server.port}")

    def sql(self, text):
        self.mail.script(self.server, text)

    def ask(self, **attributes):
        client = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        try:
            reply = client.ask(**attributes)
        finally:
            client.close()
        equal(reply[:5], "INFO ", "action")
        return reply[5:]

    def ctl(self, *words):
        done = subprocess.run([self.server.control, "-s", os.path.join(self.server.state, "control.sock"), *words],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        return done.returncode, done.stdout.decode()

    def wait_for(self, part, **attributes):
        wait_until(lambda: part in self.ask(**attributes), 15, f"{part} for {attributes}")

    def _end(self):
        server, self.server = getattr(self, "server", None), None
        if server is not None:
            server.remove()

    stop = _end

    def case_a_column_is_looked_up_and_others_come_along(self):
        self.serve('the = check.list { table = "customers", column = "domain", store = "mail",\n'
                   '    attribute = "sender_domain", fields = { "plan", "group" } }',
                   more='" plan=" .. tostring(a.plan) .. " group=" .. tostring(a.group)')
        equal(self.ask(sender="a@Example.org"),
              "found example.org (table customers) value=gold plan=gold group=7")
        equal(self.ask(sender="a@example.net"), "found example.net (table customers) value=nil plan=nil group=8")
        equal(self.ask(sender="a@elsewhere.example"),
              "absent not on the list table customers value=nil plan=nil group=nil")
        contains(self.ask(sender="a@elsewhere.example' OR 1=1 --"), "absent")
        self._end()

    def case_the_null_sender_is_an_entry_like_another(self):
        self.serve('the = check.list { table = "customers", column = "domain", store = "mail", attribute = "sender" }')
        equal(self.ask(sender=""), "found <> (table customers) value=nobody")
        self._end()

    def case_several_columns_have_to_fit_in_one_row(self):
        self.serve('the = check.list { table = "friends", column = { "me", "friend" }, store = "mail",\n'
                   '    attribute = { "recipient", "sender" }, fields = { "since" } }', more='" " .. tostring(a.since)')
        contains(self.ask(recipient="me@example.org", sender="you@example.net"), "found")
        contains(self.ask(recipient="me@example.org", sender="a'b@example.net"), "found")
        contains(self.ask(recipient="you@example.net", sender="me@example.org"), "absent")
        contains(self.ask(recipient="me@example.org", sender="other@example.net"), "absent")
        contains(self.ask(recipient="", sender="you@example.net"), "none the request has no recipient and sender")
        self._end()

    def case_of_several_attributes_the_first_that_is_found_counts(self):
        self.serve('the = check.list { table = "customers", column = "domain", store = "mail",\n'
                   '    attribute = { "sender_domain", "recipient_domain" } }')
        contains(self.ask(sender="a@x.example", recipient="b@example.org"), "found example.org")
        contains(self.ask(sender="a@example.net", recipient="b@example.org"), "found example.net")
        contains(self.ask(sender="a@x.example", recipient="b@y.example"), "absent")
        self._end()

    def case_a_query_has_bound_arguments(self):
        self.serve('the = check.list { query = "SELECT since, friend FROM friends WHERE me = :recipient AND friend = :sender",\n'
                   '    store = "mail", attribute = { "sender", "recipient" }, fields = { "friend" } }', more='" " .. tostring(a.friend)')
        equal(self.ask(recipient="me@example.org", sender="you@example.net"),
              "found you@example.net (query) value=2019 you@example.net")
        contains(self.ask(recipient="me@example.org", sender="x' OR '1'='1"), "absent")
        self._end()

    def case_an_argument_is_the_value(self):
        self.serve('the = check.list { query = "SELECT plan FROM customers WHERE domain = :value", store = "mail" }',
                   arguments=', { value = req.helo_name }')
        contains(self.ask(helo_name="example.org"), "found example.org (query)")
        contains(self.ask(helo_name="elsewhere.example"), "absent")
        contains(self.ask(helo_name=""), "none")
        self._end()

    def case_a_whole_table_is_searched_in_memory_and_read_again(self):
        self.serve('the = check.list { table = "networks", column = "network", search = "cidr", store = "mail",\n'
                   '    attribute = "client_address", refresh = "1s", fields = { "name" } }', more='" " .. tostring(a.name)')
        equal(self.ask(client_address="192.0.2.200"), "found 192.0.2.128/25 (table networks) value=narrow narrow")
        contains(self.ask(client_address="192.0.2.1"), "wide")
        contains(self.ask(client_address="2001:db8::1"), "six")
        contains(self.ask(client_address="198.51.100.1"), "absent")
        self.sql("INSERT INTO networks VALUES ('198.51.100.0/24', 'new')")
        self.wait_for("found 198.51.100.0/24", client_address="198.51.100.1")
        self._end()

    def case_a_refresh_that_fails_or_is_empty_changes_nothing_until_max_age(self):
        self.serve('the = check.list { table = "networks", column = "network", search = "cidr", store = "mail",\n'
                   '    attribute = "client_address", refresh = "1s", max_age = "6s" }')
        contains(self.ask(client_address="192.0.2.1"), "found")
        self.sql("ALTER TABLE networks RENAME TO gone")
        wait_until(lambda: "cannot be read" in self.server.log(), 10, "the log says so")
        contains(self.ask(client_address="192.0.2.1"), "found")
        self.wait_for("unknown", client_address="192.0.2.1")
        self.sql("ALTER TABLE gone RENAME TO networks")
        self.wait_for("found", client_address="192.0.2.1")
        contains(self.server.log(), "good again")
        self.sql("DELETE FROM networks")
        wait_until(lambda: "it is empty now" in self.server.log(), 10, "the log says so")
        contains(self.ask(client_address="192.0.2.1"), "found")
        self.wait_for("absent", client_address="192.0.2.1")
        self._end()

    def case_a_database_that_is_not_there_is_unknown_and_comes_back(self):
        self.serve('the = check.list { table = "late", column = "x", store = "mail", attribute = "helo_name" }')
        contains(self.ask(helo_name="a"), "unknown")
        contains(self.ask(helo_name="a"), "late")
        self.sql("CREATE TABLE late (x TEXT); INSERT INTO late VALUES ('a')")
        self.wait_for("found", helo_name="a")
        self._end()

    def case_a_field_that_is_no_column_is_said(self):
        self.serve('the = check.list { table = "customers", column = "domain", store = "mail",\n'
                   '    attribute = "sender_domain", fields = { "plans" } }')
        contains(self.ask(sender="a@example.org"), "unknown the result has no column 'plans'")
        self._end()

    def case_a_managed_list_is_changed_by_command(self):
        self.serve('the = check.list { managed = "blocked", attribute = "sender", fields = { "reason", "author" } }',
                   more='" by " .. tostring(a.author)')
        contains(self.ask(sender="spam@example.net"), "absent")
        status, text = self.ctl("list", "add", "the", "spam@example.net", "--for", "30d", "reason=too much", "author=me")
        equal(status, 0, text)
        equal(self.ask(sender="spam@example.net"), "found spam@example.net (table blocked) value=too much by me")
        status, text = self.ctl("--json", "list", "show", "the")
        row = json.loads(text.splitlines()[0])
        equal((status, row["value"], row["reason"], row["author"]), (0, "spam@example.net", "too much", "me"))
        equal(self.ctl("list", "query", "the", "spam@example.net")[0], 0)
        equal(self.ctl("list", "query", "the", "ham@example.net")[0], 1)
        self.server.stop()
        self.server.start()
        contains(self.ask(sender="spam@example.net"), "found")
        equal(self.ctl("list", "remove", "the", "spam@example.net")[0], 0)
        contains(self.ask(sender="spam@example.net"), "absent")
        equal(self.ctl("list", "remove", "the", "spam@example.net")[0], 1)
        self._end()

    def case_an_entry_ends(self):
        self.serve('the = check.list { managed = "blocked", attribute = "sender" }')
        equal(self.ctl("list", "add", "the", "a@example.net", "--for", "1s")[0], 0)
        contains(self.ask(sender="a@example.net"), "found")
        time.sleep(1.1)
        contains(self.ask(sender="a@example.net"), "absent")
        self._end()

    def case_a_managed_list_that_is_read_whole_knows_of_a_change_at_once(self):
        self.serve('the = check.list { managed = "blocked", search = "mail", attribute = "sender", refresh = "1h", max_age = "2h" }')
        contains(self.ask(sender="a@sub.example.net"), "absent")
        status, text = self.ctl("list", "add", "the", "a@example.org ")
        equal(status, 1)
        contains(text, "an entry does not end in a blank")
        status, text = self.ctl("list", "add", "the", "a@exa mple.org")
        equal(status, 1, text)
        equal(self.ctl("list", "add", "the", ".example.net", "reason=all of them")[0], 0)
        self.wait_for("found .example.net", sender="a@sub.example.net")
        self._end()

    def case_an_entry_that_ends_is_off_a_list_that_is_read_whole(self):
        self.serve('the = check.list { managed = "blocked", search = "domain", attribute = "helo_name", refresh = "1h", max_age = "2h" }')
        equal(self.ctl("list", "add", "the", "a.example", "--for", "2s")[0], 0)
        equal(self.ctl("list", "add", "the", "b.example", "--for", "1h")[0], 0)
        self.wait_for("found", helo_name="a.example")
        self.wait_for("absent", helo_name="a.example")
        contains(self.ask(helo_name="b.example"), "found")
        self._end()

    def case_an_entry_in_another_spelling_is_the_same(self):
        self.serve('the = check.list { managed = "blocked", search = "mail", attribute = "sender" }\n'
                   'plain = check.list { managed = "plain", ignore_case = true }')
        equal(self.ctl("list", "add", "the", "Spam@Example.ORG")[0], 0)
        equal(self.ctl("list", "add", "the", "spam@example.org", "reason=again")[0], 0)
        equal(json.loads(self.ctl("--json", "list", "show", "the")[1])["reason"], "again")
        equal(self.ctl("list", "remove", "the", "SPAM@example.org")[0], 0)
        equal(self.ctl("list", "show", "the"), (1, "ppolicyctl: nothing found\n"))
        equal(self.ctl("list", "add", "plain", "Some Text")[0], 0)
        equal(self.ctl("list", "query", "plain", "SOME text")[0], 0)
        self._end()

    def case_the_null_sender_is_shown_as_it_is_written(self):
        self.serve('the = check.list { managed = "blocked", attribute = "sender" }')
        equal(self.ctl("list", "add", "the", "<>")[0], 0)
        contains(self.ask(sender=""), "found <>")
        equal(json.loads(self.ctl("--json", "list", "show", "the")[1])["value"], "<>")
        contains(self.ctl("list", "query", "the", "")[1], "<>")
        self._end()

    def case_a_value_of_a_table_is_told_by_command(self):
        self.serve('the = check.list { table = "customers", column = "domain", store = "mail", attribute = "sender_domain" }')
        status, text = self.ctl("--json", "list", "query", "the", "example.org")
        row = json.loads(text)
        equal((status, row["value"], row["said"]), (0, "example.org", "domain=example.org plan=gold group=7"))
        equal(self.ctl("list", "query", "the", "elsewhere.example"), (1, "ppolicyctl: nothing found\n"))
        contains(self.ctl("list", "show", "the")[1], "list query asks about one")
        self._end()

    def case_rows_that_cannot_be_searched_are_told_once(self):
        only_sqlite()  # elsewhere a column has one type
        self.serve('the = check.list { table = "odd", column = "network", search = "cidr", store = "mail",\n'
                   '    attribute = "client_address", refresh = "1s" }',
                   tables="CREATE TABLE odd (network); INSERT INTO odd VALUES ('192.0.2.0/24'), ('far away'), (NULL), (7.5);")
        contains(self.ask(client_address="192.0.2.1"), "found")
        self.sql("INSERT INTO odd VALUES ('198.51.100.0/24')")
        self.wait_for("found", client_address="198.51.100.1")
        equal(self.server.log().count("rows that cannot be searched: 2, the first is 'far away'"), 1)
        self.sql("DELETE FROM odd WHERE network = 'far away'")
        wait_until(lambda: "rows that cannot be searched: 1, the first is '7.5'" in self.server.log(), 10, "the log says so")
        self._end()

    def case_other_lists_are_shown_and_not_changed(self):
        self.serve('the = check.list { inline = { "a@example.org", ["b@example.org"] = "said" }, attribute = "sender" }')
        status, text = self.ctl("list", "show", "the")
        equal(status, 0, text)
        contains(text, "b@example.org")
        status, text = self.ctl("list", "add", "the", "c@example.org")
        equal(status, 1)
        contains(text, "the is read from inline")
        equal(self.ctl("list", "query", "the", "a@example.org")[0], 0)
        self._end()


if __name__ == "__main__":
    sys.exit(run_cases(ListSql))

# lib/database.py - where a test keeps its store: a file of SQLite's, or a database of MariaDB's
"""Tests that mean the same on both use database(): SQLite, and where TEST_MYSQL names the socket
of a server whose root needs no password (tests/live/test_alike.py has one) a database there."""

import os
import sqlite3

from tap import Skip

REMOTE = os.environ.get("TEST_MYSQL")


def only_sqlite():
    """At the begin of a case that is about SQLite's files."""
    if REMOTE:
        raise Skip("it is about SQLite")


def database(path, name=None):
    """path: the file, if it is one, as a rule file names it; name: of a second store."""
    return MySQLStore(path, name) if REMOTE else SQLiteStore(path, name)


def _named(name):
    return f', name = "{name}"' if name else ""


class SQLiteStore:
    def __init__(self, path, name=None):
        self.path, self.name = path, name

    def settings(self):
        return f'store {{ "sqlite", path = "{self.path}"{_named(self.name)} }}'

    def at(self, server):
        return self.path.replace("@FOLDER@", server.folder)

    def sql(self, server, statement, *values):
        """Runs a statement with its values for each ?; its rows."""
        with sqlite3.connect(self.at(server), timeout=10) as connection:
            rows = connection.execute(statement, values).fetchall()
        connection.close()
        return rows

    def script(self, server, text):
        connection = sqlite3.connect(self.at(server), timeout=10)
        connection.executescript("PRAGMA journal_mode = WAL;" + text)
        connection.commit()
        connection.close()


class MySQLStore:
    """An empty database, made at once, in place of one that a test before it had."""

    def __init__(self, path, name=None):
        from mariadb import MariaClient

        self.client, self.name = MariaClient(REMOTE), name
        self.database = "test_" + "".join(c for c in os.path.basename(path) if c.isalnum())
        self.client.rows(f"DROP DATABASE IF EXISTS {self.database}; CREATE DATABASE {self.database} "
                         "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", None)

    def settings(self):
        return (f'store {{ "mysql", hosts = {{ "unix:{REMOTE}" }}, user = "root", database = "{self.database}"'
                f'{_named(self.name)} }}')

    def sql(self, server, statement, *values):
        parts = statement.split("?")
        text = parts[0]
        for value, part in zip(values, parts[1:]):
            text += (str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'") + part
        return self.client.rows(text, self.database)

    def script(self, server, text):
        self.client.rows("SET sql_mode = 'ANSI_QUOTES';\n" + text, self.database)

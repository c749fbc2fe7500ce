#!/usr/bin/env python3
# scenario/test_mysql_rogue.py - a database server that is none: what it asks for and does not get
import os
import socket
import struct
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from policy import PolicyServer, wait_until  # noqa: E402
from tap import equal, run_cases  # noqa: E402

PASSWORD = "nobody-tells-this"
SECRET_LINE = "what stands in a file of ours"
RULES = """
server { name = "mx1", modules = { "@MODULES@" } }
store { "mysql", hosts = { "127.0.0.1:PORT" }, password_file = "@FOLDER@/password", timeout = "1s" }
grey = check.greylist {}
function rule(req) return info(grey(req).word) end
listen("inet:127.0.0.1:@PORT@", rule)
"""
# Protocol 4.1, with secure connection, authentication plugins, and files of the client's.
CAPABILITIES = 0x00000001 | 0x00000200 | 0x00000080 | 0x00008000 | 0x00080000
NATIVE = b"mysql_native_password\0"


class Rogue(threading.Thread):
    """Greets as MariaDB does, then asks for the password by a plugin, or lets in and asks for a file."""

    def __init__(self, plugin=None, file=None):
        super().__init__(daemon=True)
        self.plugin, self.file = plugin, file
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heard, self.switched, self.asked_file = b"", 0, 0
        self.start()

    def run(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            connection.settimeout(5)
            try:
                self.serve(connection)
            except OSError:
                pass
            connection.close()

    def receive(self, connection):
        got = connection.recv(65536)
        if not got:
            raise OSError("closed")
        self.heard += got
        return got[3]

    @staticmethod
    def send(connection, number, payload):
        connection.sendall(struct.pack("<I", len(payload))[:3] + bytes([number]) + payload)

    def serve(self, connection):
        greeting = (b"\x0a5.5.5-10.11.6-MariaDB\0" + struct.pack("<I", 7) + b"12345678\0" +
                    struct.pack("<HBHH", CAPABILITIES & 0xffff, 45, 2, CAPABILITIES >> 16) + b"\x15" + bytes(10) +
                    b"123456789012\0" + NATIVE)
        self.send(connection, 0, greeting)
        number = self.receive(connection)
        if self.plugin is not None:
            self.send(connection, number + 1, b"\xfe" + self.plugin + b"\0\4Password: ")
            self.switched += 1
            self.receive(connection)
        okay = b"\0\0\0\2\0\0\0"
        self.send(connection, number + 1, okay)
        while True:
            number = self.receive(connection)
            if self.file is None:
                self.send(connection, number + 1, okay)
                continue
            self.send(connection, number + 1, b"\xfb" + self.file)
            self.asked_file += 1

    def close(self):
        self.listener.close()


class Rogues:
    def _meet(self, rogue, done):
        server = PolicyServer(RULES.replace("PORT", str(rogue.port), 1))
        with open(os.path.join(server.folder, "password"), "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(PASSWORD + "\n")
        try:
            server.start()
            wait_until(done, 20, "it was asked for")
            server.stop()
            return server.log()
        finally:
            server.remove()
            rogue.close()

    def _plugin(self, name):
        rogue = Rogue(plugin=name)
        self._meet(rogue, lambda: rogue.switched >= 2)
        equal(PASSWORD.encode() in rogue.heard, False, "the password was told")

    def case_no_password_goes_in_the_clear_without_tls(self):
        self._plugin(b"mysql_clear_password")

    def case_no_password_is_told_to_a_dialog_without_tls(self):
        self._plugin(b"dialog")

    def case_no_file_is_given_to_a_server_that_asks_for_one(self):
        rogue = Rogue(file=os.path.abspath(__file__).encode())
        self._meet(rogue, lambda: rogue.asked_file >= 2)
        equal(SECRET_LINE.encode() in rogue.heard, False, "a file was given")


if __name__ == "__main__":
    sys.exit(run_cases(Rogues))

# lib/upstream.py - another policy server, which does what a test says
import socket
import threading


class Upstream:
    """Listens on a port of its own (or a unix socket, or an IPv6 address) and answers with .does:

    a text       the action, in a good reply
    bytes        sent as they are, the connection stays
    function     called with the raw request and the connection; returns one of these, or None: no answer

    .requests holds the raw requests, .connections how many were accepted.
    """

    def __init__(self, does="DUNNO", path=None, host="127.0.0.1", port=0):
        self.does, self.path, self.host, self.port = does, path, host, port
        self.requests, self.connections, self.headers = [], 0, []
        self.proxy = 0  # version of the header that comes first
        self.accepts = threading.Event()  # cleared: after the next connection none is accepted
        self.accepts.set()
        self.open = []
        self.lock = threading.Lock()
        self.start()

    def start(self):
        """Listens, after stop() at the same address again."""
        if self.path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(self.path)
        else:
            family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
            self.listener = socket.socket(family)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind((self.host, self.port))
            self.port = self.listener.getsockname()[1]
        self.listener.listen(100)
        self.thread = threading.Thread(target=self._accept, args=(self.listener,), daemon=True)
        self.thread.start()
        return self

    @property
    def address(self):
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def stop(self):
        """Refuses connections, and ends those there are."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)
        self.drop()

    def drop(self):
        """Ends all connections."""
        with self.lock:
            for connection in self.open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.open.clear()

    def mails(self):
        """The requests but health checks."""
        return [each for each in self.requests if b"\nprotocol_state=CONNECT\n" not in each]

    def _accept(self, listener):
        while True:
            self.accepts.wait(30)
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _header(self, connection):
        if self.proxy == 1:
            line = b""
            while not line.endswith(b"\r\n"):
                line += connection.recv(1)
            return line
        head = b""
        while len(head) < 16:
            head += connection.recv(16 - len(head))
        length = int.from_bytes(head[14:16], "big")
        while len(head) < 16 + length:
            head += connection.recv(16 + length - len(head))
        return head

    def _serve(self, connection):
        try:
            if self.proxy:
                self.headers.append(self._header(connection))
            rest = b""
            while True:
                end = rest.find(b"\n\n")
                if end < 0:
                    more = connection.recv(65536)
                    if not more:
                        return
                    rest += more
                    continue
                request, rest = rest[:end + 2], rest[end + 2:]
                self.requests.append(request)
                self._reply(connection, request)
        except OSError:
            pass
        finally:
            connection.close()

    def _reply(self, connection, request):
        does = self.does(request, connection) if callable(self.does) else self.does
        if isinstance(does, str):
            does = f"action={does}\n\n".encode()
        if does:
            connection.sendall(does)

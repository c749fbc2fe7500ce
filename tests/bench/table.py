# bench/table.py - the million rows of greylist, and what became of them
import hashlib
import sqlite3
import time

NETWORKS = 250000
ROWS = 4 * NETWORKS
DAY = 86400 * 1000

INSERT = """INSERT INTO greylist (id, client, sender, recipient, first_seen, last_seen, passed_at, asks,
                                  passes, restarts, delay, retry_window, life)
            VALUES (?, ?, ?, ?, ?, ?, ?, 2, ?, 0, 300000, 172800000, 3024000000)"""


def network(number):
    """As load_request.c: networks that follow each other are far from each other."""
    spread = number * 2654435761 & 0xffffffff
    return f"2001:db8:{spread >> 16 | 0x1000:x}:{spread & 0xffff | 0x1000:x}::/64"


def triplet(number):
    """As load_request.c asks, and as the module writes it."""
    return (network(number % NETWORKS), f"user{number:07}@sender-domain.example.net",
            f"recipient{100 + number % 150}@department.example.org")


def rows():
    """Of each network one of its four triplets has passed, the others wait."""
    now = int(time.time() * 1000)
    for number in range(ROWS):
        names = triplet(number)
        digest = hashlib.sha256("\0".join(names).encode()).digest()
        passed = number // NETWORKS == number % NETWORKS % 4
        first = now - DAY if passed else now - 60000
        yield (int.from_bytes(digest[:8], "big") & 0x7fffffffffffffff, *names, first, first,
               first if passed else 0, int(passed))


def fill(path):
    """Puts them into the table that a server made there."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -400000")
        connection.executemany(INSERT, rows())
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def look(path):
    """How many rows it has now, and how often they have passed in all."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT count(*), sum(passes) FROM greylist").fetchone()
    finally:
        connection.close()

# lib/galera.py - a Galera cluster of MariaDB servers on loopback, each in a private folder
import os
import re
import shutil
import subprocess

from mariadb import OPTIONS, MariaDB
from policy import free_port, wait_until
from tap import Skip

LIBRARIES = ("/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so",
             "/usr/lib64/galera/libgalera_smm.so")


def provider():
    for path in LIBRARIES:
        if os.path.exists(path):
            return path
    raise Skip("Galera is not here (Debian: apt-get install --no-install-recommends mariadb-server galera-4 rsync)")


class Node(MariaDB):
    """One of a cluster. Its position and its state are those of its data folder."""

    def __init__(self, cluster, name):
        super().__init__(name=name)
        self.cluster, self.name = cluster, name
        if os.geteuid() == 0:
            # As root rsync would write as nobody.
            self.user = ["--user=mysql"]
            shutil.chown(self.folder, "mysql")
            os.mkdir(self.data)
            shutil.chown(self.data, "mysql")
        self.group_port, self.ist_port, self.sst_port = free_port(), free_port(), free_port()

    def _options(self):
        more = ";".join(("", *self.cluster.more)).rstrip(";")
        return ("--wsrep-on=ON", f"--wsrep-provider={self.cluster.provider}", "--wsrep-cluster-name=ppolicyd-test",
                "--wsrep-cluster-address=gcomm://" + ",".join(f"127.0.0.1:{node.group_port}"
                                                              for node in self.cluster.nodes),
                f"--wsrep-node-name={self.name}", "--wsrep-node-address=127.0.0.1",
                "--wsrep-sst-method=rsync", f"--wsrep-sst-receive-address=127.0.0.1:{self.sst_port}",
                f"--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:{self.group_port};"
                f"ist.recv_addr=127.0.0.1:{self.ist_port};gcache.size=64M{more}",
                "--binlog-format=ROW", "--innodb-autoinc-lock-mode=2")

    def bootstrap(self):
        return self.start(*self._options(), "--wsrep-new-cluster")

    def join(self, seconds=120):
        """Begins or begins again, from where its data folder is; until it has what the others have."""
        position = ["--wsrep-start-position=" + self._recover()] if self.is_installed() else []
        self.start(*self._options(), *position, seconds=seconds)
        wait_until(self.is_synced, seconds, f"{self.name} has what the others have")
        return self

    def _recover(self):
        """Of one that was killed: the last that it has, so that it gets what it lacks, and not all."""
        done = subprocess.run(
            [self.server, "--no-defaults", f"--datadir={self.data}", f"--socket={self.socket}", *OPTIONS, *self.user,
             *self._options(), "--wsrep-recover"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
        said = done.stdout.decode("utf-8", "replace")
        found = re.findall(r"WSREP: Recovered position:? *(\S+)", said)
        if not found:
            raise AssertionError(f"{self.name}: no position: {said[-2000:]}")
        return found[-1]

    def status(self, name):
        return self.rows(f"SHOW GLOBAL STATUS LIKE '{name}'", None)[0][1]

    def is_synced(self):
        return self.run("SELECT 1", None).returncode == 0 and \
            self.status("wsrep_local_state_comment") == "Synced" and self.status("wsrep_ready") == "ON"

    def isolate(self, yes):
        """Cut off from the others: it goes on running, and is no part of them."""
        self.rows(f"SET GLOBAL wsrep_provider_options = 'gmcast.isolate={1 if yes else 0}'", None)


class Cluster:
    """start() makes it. more: of Galera's own options, as in evs.suspect_timeout=PT1S."""

    def __init__(self, count=3, more=()):
        self.provider, self.more = provider(), more
        self.nodes = []
        for number in range(1, count + 1):
            self.nodes.append(Node(self, f"node{number}"))

    def start(self):
        self.nodes[0].bootstrap().add_user()
        for node in self.nodes[1:]:
            node.join()
        self.wait_size(len(self.nodes))
        return self

    def wait_size(self, size, of=None, seconds=60):
        node = of or self.nodes[0]
        wait_until(lambda: node.status("wsrep_cluster_size") == size and node.is_synced(), seconds,
                   f"a cluster of {size}")

    def remove(self):
        for node in reversed(self.nodes):
            node.remove()

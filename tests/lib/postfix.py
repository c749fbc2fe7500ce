# lib/postfix.py - a Postfix of our own in a temporary folder, and an SMTP client for odd bytes
import grp
import mailbox
import os
import pwd
import shutil
import socket
import subprocess

from policy import free_port, public_folder, wait_until
from tap import Skip

MAIN = """\
compatibility_level = 3.6
queue_directory = @FOLDER@/queue
data_directory = @FOLDER@/data
command_directory = @command_directory@
daemon_directory = @daemon_directory@
mail_owner = @mail_owner@
setgid_group = @setgid_group@
maillog_file = @FOLDER@/maillog
maillog_file_prefixes = @FOLDER@
inet_interfaces = 127.0.0.1
inet_protocols = all
myhostname = mx1.example.org
mydestination =
mynetworks = 192.0.2.0/24
relay_domains =
alias_maps =
alias_database =
local_recipient_maps =
local_transport = error:5.1.1 no local mail here
virtual_mailbox_domains = example.org
virtual_mailbox_base = @FOLDER@
virtual_mailbox_maps = static:mail/
virtual_uid_maps = static:@uid@
virtual_gid_maps = static:@gid@
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtpd_banner = mx1.example.org ESMTP
smtpd_tls_security_level = none
smtp_tls_security_level = none
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 100000
smtpd_hard_error_limit = 100000
smtpd_junk_command_limit = 100000
smtpd_client_connection_count_limit = 0
smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions =
disable_vrfy_command = no
bounce_queue_lifetime = 0
maximal_queue_lifetime = 0
"""

MASTER = """\
pickup    unix  n  -  n  60  1  pickup
cleanup   unix  n  -  n  -   0  cleanup
qmgr      unix  n  -  n  300 1  qmgr
tlsmgr    unix  -  -  n  1000? 1 tlsmgr
rewrite   unix  -  -  n  -   -  trivial-rewrite
bounce    unix  -  -  n  -   0  bounce
defer     unix  -  -  n  -   0  bounce
trace     unix  -  -  n  -   0  bounce
verify    unix  -  -  n  -   1  verify
flush     unix  n  -  n  1000? 0 flush
proxymap  unix  -  -  n  -   -  proxymap
showq     unix  n  -  n  -   -  showq
error     unix  -  -  n  -   -  error
retry     unix  -  -  n  -   -  error
discard   unix  -  -  n  -   -  discard
virtual   unix  -  n  n  -   -  virtual
anvil     unix  -  -  n  -   1  anvil
scache    unix  -  -  n  -   1  scache
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """Starts with start(), ends with remove(). Services are smtpd's of their own:
    {"name": {"option": "value"}}; port(name) is where one listens. master: further
    entries of master.cf."""

    def __init__(self, services, master=""):
        self._can_run()
        self.folder = public_folder("ppolicyd-postfix.")
        self.config = os.path.join(self.folder, "config")
        self.ports = {name: free_port() for name in services}
        self.started = False
        self._write(services, master)

    @staticmethod
    def _can_run():
        if os.geteuid() != 0:
            raise Skip("Postfix starts as root only")
        if not shutil.which("postfix") or not shutil.which("postconf"):
            raise Skip("Postfix is not installed")
        try:
            pwd.getpwnam(_default("mail_owner"))
            grp.getgrnam(_default("setgid_group"))
        except KeyError as error:
            raise Skip(f"Postfix has no user or group: {error}")

    def _write(self, services, more):
        nobody = pwd.getpwnam("nobody")
        owner = pwd.getpwnam(_default("mail_owner"))
        for name in ("config", "queue"):
            os.mkdir(os.path.join(self.folder, name))
        self._own_folder("data", owner)
        for name in ("mail", "mail/cur", "mail/new", "mail/tmp"):
            self._own_folder(name, nobody)
        main = MAIN.replace("@FOLDER@", self.folder)
        main = main.replace("@uid@", str(nobody.pw_uid)).replace("@gid@", str(nobody.pw_gid))
        for name in ("command_directory", "daemon_directory", "mail_owner", "setgid_group"):
            main = main.replace(f"@{name}@", _default(name))
        master = MASTER + more
        for name, options in services.items():
            master += f"127.0.0.1:{self.ports[name]} inet n - n - 100 smtpd\n"
            master += f"    -o {{ syslog_name = postfix/{name} }}\n"
            master += "".join(f"    -o {{ {option} = {value} }}\n" for option, value in options.items())
        for name, text in (("main.cf", main), ("master.cf", master)):
            with open(os.path.join(self.config, name), "w", encoding="ascii") as file:
                file.write(text)

    def _own_folder(self, name, user):
        os.mkdir(os.path.join(self.folder, name), 0o700)
        os.chown(os.path.join(self.folder, name), user.pw_uid, user.pw_gid)

    def _command(self, *arguments):
        return subprocess.run(["postfix", "-c", self.config, *arguments], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)

    def start(self):
        done = self._command("start")
        self.started = True
        if done.returncode != 0:
            raise AssertionError(f"postfix start: {done.stdout.decode()}\n{self.log()}")
        for name in self.ports:
            wait_until(lambda: self._greets(name), 20, f"{name} greets")
        return self

    def _greets(self, name):
        try:
            self.client(name).close()
            return True
        except (OSError, EOFError):
            return False

    def client(self, name):
        return SmtpClient(self.ports[name])

    def stop(self):
        if self.started:
            self._command("stop")
            self.started = False

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        try:
            with open(os.path.join(self.folder, "maillog"), "rb") as file:
                return file.read().decode("utf-8", "backslashreplace")
        except FileNotFoundError:
            return ""

    def wait_log(self, part):
        """The first line of Postfix's log with the part; postlogd writes a little later."""
        return wait_until(lambda: next((line for line in self.log().splitlines() if part in line), None),
                          10, f"{part!r} in Postfix's log")

    def wait_mail(self, subject):
        """The delivered message with this subject."""

        def find():
            for message in mailbox.Maildir(os.path.join(self.folder, "mail"), create=False):
                if message["Subject"] == subject:
                    return message
            return None

        return wait_until(find, 20, f"mail with the subject {subject!r}")

    def queued(self, queue):
        """The queue ids in a queue, such as hold."""
        return os.listdir(os.path.join(self.folder, "queue", queue))


def _default(name):
    return subprocess.run(["postconf", "-dh", name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=True).stdout.decode().strip()


class SmtpClient:
    """Commands are bytes or text and go out as they are. A reply is one text: the
    code, a space, the lines."""

    def __init__(self, port, timeout=60):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.file = self.socket.makefile("rb")
        self.banner = self.reply()

    def send(self, *commands):
        data = b""
        for command in commands:
            data += (command if isinstance(command, bytes) else command.encode()) + b"\r\n"
        self.socket.sendall(data)

    def reply(self):
        lines = []
        while True:
            line = self.file.readline()
            if not line:
                raise EOFError("Postfix closed the connection")
            line = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
            lines.append(line[4:])
            if line[3:4] != "-":
                return line[:3] + " " + "\n".join(lines)

    def ask(self, command):
        self.send(command)
        return self.reply()

    def greet(self, name="client.example.net"):
        return self.ask(f"EHLO {name}")

    def recipient(self, recipient, sender="sender@example.net"):
        """The reply to RCPT in a transaction of its own."""
        self.ask("RSET")
        self.ask(f"MAIL FROM:<{sender}>")
        return self.ask(f"RCPT TO:<{recipient}>")

    def message(self, subject, text="Hello."):
        """After RCPT: DATA and the message; the reply to its end."""
        reply = self.ask("DATA")
        if not reply.startswith("354"):
            return reply
        return self.ask(f"From: sender@example.net\r\nTo: someone@example.org\r\n"
                        f"Subject: {subject}\r\n\r\n{text}\r\n.")

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

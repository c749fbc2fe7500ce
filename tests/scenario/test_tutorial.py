#!/usr/bin/env python3
# test_tutorial.py - follows doc/handbook.md word by word: writes its files, types its commands, compares
# timeout: 300
"""test_tutorial.py [--write]: with --write what the commands print goes into the handbook.

In the handbook
  <!-- test: in FOLDER -->       from here on all happens in a new empty folder, which
                                 is called FOLDER in what is printed
  <!-- test: checkout PATH.. --> copies files of the source tree there
  ```c NAME, ```text NAME, ...   the file NAME
  ```console                     "$ command" lines, and what they print
  ```console terminal 1          one command that goes on: a server; it is ready when it
                                 has printed what is shown
  ```console terminal 1 goes on  what it has printed since
  ```text                        only for reading
In what is printed "..." stands for any text, a line of it alone for any lines.
"""
import difflib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests", "lib"))
from policy import wait_until  # noqa: E402
from tap import Skip, run_cases  # noqa: E402

BUILD = os.environ.get("top_builddir", os.getcwd())
HANDBOOK = os.path.join(SOURCE, "doc", "handbook.md")


class Block:
    """A fenced block or a directive; lines are numbered from 0."""

    def __init__(self, kind, name, line, text):
        self.kind, self.name, self.line, self.text = kind, name, line, text

    def commands(self):
        """[command, first line of its output, output lines] of a console."""
        found = []
        for number, line in enumerate(self.text, self.line + 1):
            if found and found[-1][0].endswith("\\") and not found[-1][2]:
                found[-1][0] += "\n" + line
                found[-1][1] = number + 1
            elif line.startswith("$ "):
                found.append([line[2:], number + 1, []])
            elif found:
                found[-1][2].append(line)
        return found


def read_blocks(lines):
    blocks, fence = [], None
    for number, line in enumerate(lines):
        directive = re.fullmatch(r"<!-- test: (\w+) (.*) -->", line)
        if fence is not None:
            if line == "```":
                blocks.append(fence)
                fence = None
            else:
                fence.text.append(line)
        elif directive:
            blocks.append(Block(directive[1], directive[2], number, []))
        elif line.startswith("```"):
            kind, _, name = line[3:].partition(" ")
            fence = Block(kind, name, number, [])
    assert fence is None, f"handbook.md:{fence.line + 1}: the block is never closed"
    return blocks


def matches(want, got):
    """Compares lines; "..." stands for anything."""
    pattern = ""
    for line in want:
        if line == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*?".join(re.escape(part) for part in line.split("...")) + r"\n"
    return re.fullmatch(pattern, "".join(line + "\n" for line in got)) is not None


def as_wanted(want, line):
    """The line of the handbook that stands for this one, if there is one."""
    return next((each for each in want if each != "..." and matches([each], [line])), line)


class Reader:
    """Somebody who does what the handbook says."""

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="tutorial.", dir="/tmp")
        self.folder, self.nominal, self.status = None, None, 0
        self.server, self.server_log, self.seen = None, None, 0
        self.changes = {}
        self._prepare()

    def _prepare(self):
        """Programs in the path, and a ppolicyd.pc as make install would write it."""
        tools = os.path.join(self.top, "bin")
        os.mkdir(tools)
        for variable in ("PPOLICYD", "PPOLICYCTL"):
            name = variable.lower()
            os.symlink(os.path.abspath(os.environ.get(variable) or os.path.join(BUILD, name)), os.path.join(tools, name))
        with open(os.path.join(BUILD, "conf", "ppolicyd.pc"), encoding="utf-8") as file:
            text = re.sub(r"(?m)^includedir=.*", "includedir=" + os.path.join(SOURCE, "core"), file.read())
        with open(os.path.join(tools, "ppolicyd.pc"), "w", encoding="utf-8") as file:
            file.write(text)
        self.environment = dict(os.environ, PATH=tools + ":" + os.environ["PATH"], PKG_CONFIG_PATH=tools, LC_ALL="C")

    def enter(self, nominal):
        self.stop_server()
        self.nominal = nominal
        self.folder = os.path.join(self.top, os.path.basename(nominal))
        os.mkdir(self.folder, 0o755)

    def copy(self, paths):
        for path in paths.split():
            there = os.path.join(self.folder, path)
            os.makedirs(os.path.dirname(there), exist_ok=True)
            source = os.path.join(SOURCE, path)
            (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, there)
            subprocess.run(["chmod", "-R", "u+w", there], check=True)

    def write(self, block):
        with open(os.path.join(self.folder, block.name), "w", encoding="utf-8") as file:
            file.write("\n".join(block.text) + "\n")

    def _lines(self, output):
        text = output.decode("utf-8", "backslashreplace").replace(self.folder, self.nominal)
        lines = [line.rstrip() for line in text.split("\n")]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def type(self, command, number, want):
        script = f"umask 022\n(exit {self.status})\n{command}\n"
        done = subprocess.run(["bash", "-c", script], cwd=self.folder, env=self.environment, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.status = done.returncode
        self.compare(command, number, want, self._lines(done.stdout))

    def compare(self, what, number, want, got):
        blank = list(want)
        while blank and not blank[-1]:
            blank.pop()
        if matches(blank, got):
            return
        self.changes[number] = (len(blank), [as_wanted(blank, line) for line in got])
        shown = "\n".join(difflib.unified_diff(blank, got, "handbook.md", "printed", lineterm="", n=100))
        raise AssertionError(f"handbook.md:{number}: $ {what}\n{shown}")

    def start_server(self, command, number, want):
        self.server_log, self.seen = os.path.join(self.top, "terminal"), 0
        with open(self.server_log, "wb") as log:
            self.server = subprocess.Popen(["bash", "-c", "exec " + command], cwd=self.folder, env=self.environment,
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.server_says(command, number, want)

    def server_says(self, what, number, want):
        """What it has printed since it was last looked at; waits for it."""

        def printed():
            with open(self.server_log, "rb") as log:
                return self._lines(log.read())[self.seen:]

        try:
            wait_until(lambda: matches(want, printed()), 10, "the output")
        except AssertionError:
            pass
        got = printed()
        self.seen += len(got)
        self.compare(what, number, want, got)

    def stop_server(self):
        if self.server is None:
            return
        self.server.send_signal(signal.SIGTERM)
        status, self.server = self.server.wait(20), None
        assert status == 0, f"the server ended with {status}"

    def leave(self):
        try:
            self.stop_server()
        finally:
            shutil.rmtree(self.top, ignore_errors=True)


def act(reader, block):
    if block.kind == "in":
        reader.enter(block.name)
    elif block.kind == "checkout":
        reader.copy(block.name)
    elif block.kind == "console" and block.name == "terminal 1":
        reader.start_server(*block.commands()[0])
    elif block.kind == "console" and block.name == "terminal 1 goes on":
        reader.server_says(block.name, block.line + 1, block.text)
    elif block.name:
        reader.write(block)
    elif block.kind != "text":
        raise AssertionError(f"handbook.md:{block.line + 1}: a file without a name")


def make_suite(blocks):
    """A case a command; files and folders belong to the command that comes next."""

    class Handbook:
        def start(self):
            for tool in ("cc", "pkg-config", "bash"):
                if not shutil.which(tool):
                    raise Skip(f"there is no {tool}")
            self.reader = Reader()

        def stop(self):
            self.reader.leave()

    before = []

    def add(name, what):
        todo = list(before)
        before.clear()

        def case(self):
            for block in todo:
                act(self.reader, block)
            what(self.reader)

        setattr(Handbook, "case_" + name, case)

    for block in blocks:
        if block.kind == "console" and not block.name:
            for command, number, want in block.commands():
                title = f"line {number}: {command}".replace("\\\n", "").replace("#", "")
                add(title, lambda reader, c=command, n=number, w=want: reader.type(c, n, w))
        elif block.kind == "console":
            add(f"line {block.line + 1}: {block.name}", lambda reader, b=block: act(reader, b))
        else:
            before.append(block)
    assert not before or all(block.kind == "text" and not block.name for block in before), "files after the last command are never used"
    return Handbook


def write_back(lines, changes):
    for number in sorted(changes, reverse=True):
        count, got = changes[number]
        lines[number:number + count] = got
    with open(HANDBOOK, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


def main():
    with open(HANDBOOK, encoding="utf-8") as file:
        lines = file.read().split("\n")
    suite = make_suite(read_blocks(lines))
    if sys.argv[1:] != ["--write"]:
        return run_cases(suite)
    changes = {}
    leave = Reader.leave

    def keep_changes(self):
        changes.update(self.changes)
        leave(self)

    Reader.leave = keep_changes
    run_cases(suite, [])
    write_back(lines, changes)
    return 0


if __name__ == "__main__":
    sys.exit(main())

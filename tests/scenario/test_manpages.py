#!/usr/bin/env python3
# test_manpages.py - man pages and tables of the handbook say what the programs and headers say
"""test_manpages.py [--write]: with --write the parts of pages that are made of tables are made anew."""
import glob
import os
import re
import shutil
import subprocess
import sys

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests", "lib"))
from tap import Skip, equal, run_cases  # noqa: E402

BUILD = os.environ.get("top_builddir", os.getcwd())
BEGIN, END = '.\\" begin: tests/scenario/test_manpages.py --write\n', '.\\" end\n'


def read(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(os.path.join(SOURCE, path), "w", encoding="utf-8") as file:
        file.write(text)


def printed(variable, *arguments):
    program = os.environ.get(variable) or os.path.join(BUILD, variable.lower())
    done = subprocess.run([program, *arguments], env={**os.environ, "LC_ALL": "C"}, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    # Folders are those of this build; pages have the usual ones.
    return re.sub(r"/\S*/(ppolicyd/(?:ppolicyd\.lua|control\.sock))",
                  lambda match: ("/etc/" if "lua" in match[1] else "/run/") + match[1],
                  re.sub(r"\(default /\S*/((?:run|lib)/ppolicyd)\)",
                         lambda match: "(default " + ("/var/" if "lib" in match[1] else "/") + match[1] + ")",
                         done.stdout.decode()))


def roff(text):
    """Text of a line: its own backslashes and hyphens are escaped, a dot in front does no harm."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in ".'" else text


def options_of_help():
    """The section OPTIONS, made of what --help prints."""
    out = ""
    for match in re.finditer(r"(?m)^  (?:(-\w), )?(--[\w-]+)(?:=(\S+))? {2,}(.*)$", printed("PPOLICYD", "--help")):
        short, name, value, text = match.groups()
        value = f"=\\fI{roff(value)}" if value else ""
        short = f"{roff(short)}\\fR, \\fB" if short else ""
        out += f".TP\n\\fB{short}{roff(name)}\\fR{value}\\fR\n{roff(text)}.\n"
    assert out, "--help shows no options"
    return out


def ctl_page():
    """The page that ppolicyctl prints; its head has a date, as those of the others do."""
    head = re.search(r"(?m)^\.TH .*$", read("doc/ppolicyd.8"))[0]
    return re.sub(r"(?m)^\.TH .*$", lambda _: head.replace("PPOLICYD 8", "PPOLICYCTL 8"),
                  printed("PPOLICYCTL", "--man"))


def with_options(page):
    start, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    return page[:start] + options_of_help() + page[end:]


def plain(page):
    """A page without the marks of roff."""
    return re.sub(r"\\f[BIR]", "", page).replace("\\-", "-").replace("\\(dq", '"').replace("\\e", "\\")


def header():
    text = re.sub(r"/\*.*?\*/", "", read("core/ppolicyd/module.h"), flags=re.S)
    return text.replace("\\\n", " ")


def prototypes(text):
    return [re.sub(r"\s+", " ", each).replace("* ", "*").strip() for each in text]


class ManPages:
    def case_the_options_of_ppolicyd_are_those_of_the_program(self):
        page = read("doc/ppolicyd.8")
        equal(page, with_options(page), "doc/ppolicyd.8 (test_manpages.py --write)")

    def case_the_page_of_ppolicyctl_is_the_one_it_prints(self):
        equal(read("doc/ppolicyctl.8"), ctl_page(), "doc/ppolicyctl.8 (test_manpages.py --write)")

    def case_the_page_of_modules_has_each_function_of_the_header_as_it_is(self):
        text = re.sub(r"(?m)^#.*$", "", header())
        wanted = re.findall(r"PP_EXPORT (?!extern)([^;]*?\))\s*(?:PP_PRINTF\([^)]*\))?;", text)
        found = re.findall(r"(?m)^\.B (.*\bpp_\w+\(.*\);)$", plain(read("doc/ppolicyd-module.3")))
        wanted, found = prototypes(wanted), prototypes(each[:-1] for each in found)
        assert len(wanted) > 30, wanted
        equal(sorted(set(wanted) - set(found)), [], "missing in the page")
        equal(sorted(set(found) - set(wanted)), [], "not in the header")

    def case_the_page_of_modules_names_all_of_the_header(self):
        page, text = plain(read("doc/ppolicyd-module.3")), header()
        names = set(re.findall(r"# *define (PP_[A-Z_]+)\b", text))
        names |= set(re.findall(r"\b(PP_(?:LOG|WORK|CLASS)_\w+)", text))
        names |= set(re.findall(r"(?m)^typedef .*?\b(pp_\w+);", text)) | set(re.findall(r"(?m)^} (pp_\w+);", text))
        # Machinery that an author never writes.
        names -= {"PP_EXPORT", "PP_PRINTF", "PP_ATTRIBUTE_TABLE", "PP_ATTRIBUTE_ROW"}
        equal(sorted(name for name in names if not re.search(rf"\b{name}\b", page)), [], "missing in the page")

    def case_the_page_of_modules_names_each_member(self):
        page, text = plain(read("doc/ppolicyd-module.3")), header()
        for structure, part in (("pp_module", "THE DESCRIPTOR"), ("pp_row", "ROWS")):
            body = re.search(rf"(?s)typedef struct {structure} {{(.*?)\n}}", text)[1]
            members = re.findall(r"\(\*(\w+)\)", body)
            for line in re.sub(r"[^;]*\(\*\w+\)\([^;]*;", "", body).split(";"):
                members += re.findall(r"\*?(\w+)(?:,|\s*$)", line)
            section = re.search(rf"(?s)\.SH {part}\n(.*?)\n\.SH ", page)[1]
            terms = set(re.findall(r"\w+", " ".join(re.findall(r"(?m)^\.TP\n(.*)$", section))))
            assert len(members) > 10, members
            equal(sorted(set(members) - terms), [], f"members of {structure}_t without a paragraph")

    def case_nothing_is_named_that_the_header_does_not_have(self):
        text = read("core/ppolicyd/module.h")
        table = {"PP_" + name for name in re.findall(r"X\((\w+),", text)}
        known = table | set(re.findall(r"\bpp_\w+|\bPP_\w+", text)) | {"PP_"}
        for page in ("doc/ppolicyd-module.3", "doc/handbook.md"):
            named = set(re.findall(r"\bpp_\w+|\bPP_\w+", plain(read(page)))) - {"pp_nothing"}
            equal(sorted(named - known), [], page)

    def case_limits_of_the_handbook_are_those_of_the_code(self):
        book = read("doc/handbook.md")
        for row, folder, pattern in LIMITS:
            told = re.search(rf"(?m)^\| {re.escape(row)} \| (.*) \|$", book)
            assert told, f"the handbook has no row '{row}'"
            numbers = re.findall(r"\d+", told[1].split(",")[0] if row != TWO else told[1])
            code = "".join(read(path) for path in sorted(glob.glob(os.path.join(SOURCE, folder, "*.[ch]"))))
            equal(numbers, list(dict.fromkeys(re.findall(pattern, code))), row)

    def case_fields_of_the_log_line_are_explained(self):
        keys = set(re.findall(r'ADD\(&?line, "(?:[^"]*?[ >])?(\w+)=', read("core/daemon/logline.c")))
        book, page = read("doc/handbook.md"), read("doc/ppolicyd.8")
        table = book[book.index("## The log line"):book.index("## What fails how")]
        section = page[page.index(".SH THE LOG LINE"):page.index(".SH EXIT STATUS")]
        terms = " ".join(re.findall(r"(?m)^\.TP\n(.*)$", section))
        assert len(keys) > 10, keys
        for key in keys:
            assert re.search(rf"\b{key}=", table), f"the handbook does not explain {key}="
            assert re.search(rf"\b{key}\b", terms), f"ppolicyd.8 does not explain {key}="

    def case_pages_refer_to_pages_that_exist(self):
        ours = {os.path.basename(page) for page in glob.glob(os.path.join(SOURCE, "doc/*.[1-8]"))}
        for text in [read("README"), read("doc/handbook.md")] + [read("doc/" + page) for page in sorted(ours)]:
            named = re.findall(r"\b(ppolicy[\w.-]*?) ?\((\d)\)", plain(text))
            equal(sorted({f"{name}.{section}" for name, section in named} - ours), [])

    def case_mandoc_finds_nothing_to_complain_of(self):
        if not shutil.which("mandoc"):
            raise Skip("mandoc is not installed")
        pages = sorted(glob.glob(os.path.join(SOURCE, "doc/*.[1-8]")))
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *pages], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        equal(done.stdout.decode(), "")


TWO = "steps of pattern functions, in a call and in all"
# Row of a table of the handbook, folder, what has its numbers there.
LIMITS = [
    ("length of a line", "core/request", r"REQUEST_LINE_MAX (\d+)"),
    ("attributes", "core/request", r"REQUEST_ATTRIBUTES_MAX (\d+)"),
    ("all of it", "core/request", r"REQUEST_BYTES_MAX (\d+)"),
    ("from its first byte to its last", "core/request", r"REQUEST_TIMEOUT = (\d+) \* 1000"),
    ("idle", "core/request", r"IDLE_TIMEOUT = (\d+) \* 1000"),
    ("connections to a listener", "core/rule", r'max_connections,\s*\.dflt = "(\d+)"'),
    ("time of the processor", "core/rule", r"loading; (\d+) ms"),
    ("memory", "core/rule", r"loading; \d+ ms, (\d+) MiB"),
    (TWO, "core/rule", r"STEPS_A_(?:CALL|RUN) (\d+)"),
    ("notes", "core/rule", r"RUN_NOTES_MAX (\d+)"),
    ("lines by `log(text)`", "core/rule", r"RUN_LOGS_MAX (\d+)"),
    ("size", "core/rule", r"SOURCE_MAX \((\d+) \* 1024 \* 1024\)"),
    ("`include` within `include`", "core/rule", r"INCLUDES_MAX (\d+)"),
    ("paths that `-t` walks", "core/rule", r"WALK_PATHS_MAX (\d+)"),
    ("memory for kept answers", "core/rule", r'memory,\s*\.dflt = "(\d+)M"'),
    ("workers for modules that block", "core/daemon", r"define WORKERS (\d+)"),
]


def main():
    if sys.argv[1:] == ["--write"]:
        write("doc/ppolicyd.8", with_options(read("doc/ppolicyd.8")))
        write("doc/ppolicyctl.8", ctl_page())
        return 0
    return run_cases(ManPages)


if __name__ == "__main__":
    sys.exit(main())

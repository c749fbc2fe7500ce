# lib/sql_readme.py - what sql/README says of statements and queries, for those who try it
import os
import re

from policy import ROOT

INDEXES = r"PRIMARY|all rows|rowid|\b(?:key|id)\b|\{table\}_\w+|answers_\w+|ppolicyd_notices_\w+"


def _chapter(title):
    with open(os.path.join(ROOT, "sql", "README"), encoding="utf-8") as file:
        text = file.read()
    return text.split(title + "\n---", 1)[1].split("\n\n\n", 1)[0]


def statements(title):
    """{"greylist/decide": {"PRIMARY"}}: which indexes a chapter names for each statement."""
    found, names = {}, []
    for line in _chapter(title).splitlines():
        match = re.match(r"    (greylist|core|list|gateways)/([a-z_]+(?:, ?[a-z_]+)*)(?: +(.*)|$)", line)
        if match:
            names = [f"{match[1]}/{name.strip()}" for name in match[2].split(",")]
        elif not line.startswith("          "):
            names = []
        for name in names:
            text = (match[3] or "") if match else line
            # What stands behind the last ';', or is all there is.
            found.setdefault(name, set()).update(re.findall(INDEXES, text.rpartition(";")[2]))
    return found


def queries(title):
    """The ready queries of a chapter: (what it tells, SQL)."""
    text = _chapter(title).split("Ready queries:\n", 1)[1]
    block = re.match(r"\n((?:    .*\n)+)", text)[1]
    return [(part.partition("\n")[0], part.partition("\n")[2].strip())
            for part in block.replace("\n    ", "\n").strip()[3:].split("\n-- ")]


def files(driver):
    """The statements that there are: {"greylist/decide": SQL}."""
    found = {}
    for folder, _, names in os.walk(os.path.join(ROOT, "sql", driver)):
        for name in names:
            if not name[0].isdigit() and name.endswith(".sql"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    found[f"{os.path.basename(folder)}/{name[:-4]}"] = re.sub(r"--.*", "", file.read())
    return found


def tables_of(name):
    """What {table} is, where a test makes it under the set's name."""
    return name.split("/", maxsplit=1)[0]

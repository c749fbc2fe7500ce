#!/usr/bin/env python3
# test_modules.py - modules that are refused when they are loaded, each with a sentence, and where they may lie
# timeout: 120
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from policy import ROOT, encode, program  # noqa: E402
from tap import Skip, contains, equal, run_cases  # noqa: E402

MODULE = r"""
#include <ppolicyd/module.h>
struct conf { int64_t i; const char *t; };
struct args { int64_t i; const char *t; const pp_texts_t *ts; const pp_value_t *v; const pp_networks_t *n; };
struct fields { int64_t i; const char *t; pp_msec_t m; double d; const pp_texts_t *ts; const pp_value_t *v;
                const pp_networks_t *n; };
static const pp_param_t params[] = { @PARAMS@ PP_END };
static const pp_argument_t args[] = { @ARGS@ PP_END };
static const pp_field_t fields[] = { @FIELDS@ PP_END };
static const pp_word_row_t words[] = { @WORDS@ PP_WORDS_END };
static void upkeep(void *handle) { (void)handle; }
static void *opened(const void *conf, pp_error_t *error) { (void)error; return (void *)conf; }
struct row { int64_t i; const char *t; const pp_texts_t *ts; };
static const pp_row_t rows[] = { @ROWS@ PP_END };
static const pp_statement_t statements[] = { @STATEMENTS@ PP_STATEMENTS_END };
static bool run(pp_call_t *call, void *handle) { (void)handle; return pp_call_fail(call, "no"); }
static const pp_command_t commands[] = { @COMMANDS@ PP_COMMANDS_END };
static pp_step_t woken(pp_ask_t *a) { return pp_yes(a, "woken with %d ms left", (int)pp_time_left(a)); }
static pp_step_t ask(pp_ask_t *a)
{
	(void)upkeep, (void)opened, (void)woken, (void)words, (void)rows, (void)statements, (void)run, (void)commands;
	@BODY@
}
PP_MODULE(.name = "try", .question = "Does it load?", .conf_size = sizeof(struct conf), .params = params,
          .args_size = sizeof(struct args), .args = args, .fields_size = sizeof(struct fields),
          .fields = fields, .ask = ask, @REST@);
"""

WORDS = '.yes = "y", .no = "n"'

# Parts of a module, and what is said of it.
REFUSED = [
    ({"REST": WORDS + ", .timeout = \"5\""}, ".timeout: default: found '5': a duration needs a unit"),
    ({"REST": WORDS + ", .timeout = \"200s\""}, ".timeout: default: found '200s', wanted at most \"90s\""),
    ({"REST": WORDS + ", .timeout = \"0s\""}, ".timeout: default: found '0s', wanted at least \"1ms\""),
    ({"REST": WORDS + ", .keep = \"1 hour\""}, ".keep: default: found '1 hour'"),
    ({"REST": WORDS + ", .stale = \"x\""}, ".stale: default: found 'x'"),
    ({"REST": WORDS + ", .upkeep = upkeep"}, "it has .upkeep, which is for a handle, but no .open"),
    ({"REST": WORDS + ", .reads = (const pp_attribute_t[]){ 999, 0 }"}, "its .reads has 999, which is no attribute"),
    ({"REST": WORDS + ", .reads = PP_READS(PP_SENDER, PP_ATTRIBUTES)"}, "which is no attribute"),
    ({"REST": '.yes = "", .no = "n"'}, "one of its words is empty"),
    ({"REST": '.yes = "a b", .no = "n"'}, "its word 'a b' has other characters than a-z, 0-9 and _"),
    ({"REST": '.yes = "Yes", .no = "n"'}, "its word 'Yes' has other characters"),
    ({"REST": '.yes = "y", .no = "y"'}, "its word 'y' stands twice"),
    ({"REST": '.version = "1"'}, "it has no words"),
    ({"REST": ".words = words", "WORDS": 'PP_WORD("z", PP_CLASS_YES, "Z"), PP_WORD("z-z", PP_CLASS_NO, "Z"),'},
     "its word 'z-z' has other characters"),
    ({"PARAMS": 'PP_INT(struct conf, i, .name = "keep", .help = "I"),'},
     "its parameter 'keep' has the name of one that every check has"),
    ({"PARAMS": 'PP_TEXT(struct conf, t, .name = "name", .help = "T"),'}, "its parameter 'name' has the name of one"),
    ({"PARAMS": 'PP_INT(struct conf, i, .help = "I"), PP_TEXT(struct conf, t, .name = "i", .help = "T"),'},
     "its parameter 'i' stands twice"),
    ({"PARAMS": '{ .name = "i", .type = 99, .help = "I" },'}, "its parameter 'i' has a type that no parameter can have"),
    ({"ARGS": 'PP_INT(struct args, i, .help = "I"), PP_INT(struct args, i, .help = "I"),'},
     "its argument 'i' stands twice"),
    ({"ARGS": 'PP_TABLE(struct args, v, .help = "V"),'}, "its argument 'v' has a type that no argument can have"),
    ({"ARGS": 'PP_ATTR_NAME(struct args, t, .help = "T"),'}, "its argument 't' has a type"),
    ({"FIELDS": 'PP_INT(struct fields, i, .help = "I"), PP_INT(struct fields, i, .help = "I"),'},
     "its field 'i' stands twice"),
    ({"FIELDS": 'PP_TABLE(struct fields, v, .help = "V"),'}, "its field 'v' has a type that no field can have"),
    ({"FIELDS": 'PP_TEXTS(struct fields, ts, .help = "T"),'}, "its field 'ts' has a type"),
    ({"FIELDS": 'PP_NETWORKS(struct fields, n, .help = "N"),'}, "its field 'n' has a type"),
    ({"FIELDS": 'PP_FIELD_NAMES(struct fields, ts, .help = "T"),'}, "its field 'ts' has a type"),
    ({"FIELDS": 'PP_ATTR_NAME(struct fields, t, .help = "T"),'}, "its field 't' has a type"),
    ({"FIELDS": 'PP_ATTR_NAMES(struct fields, ts, .help = "T"),'}, "its field 'ts' has a type"),
    ({"FIELDS": 'PP_INT(struct fields, i, .when = "y no", .help = "I"),'},
     "the .when of its field 'i' names 'no', which is none of its words"),
    ({"FIELDS": 'PP_INT(struct fields, i, .when = "Unknown", .help = "I"),'}, "names 'Unknown', which is none"),
    ({"FIELDS": 'PP_INT(struct fields, i, .when = "", .help = "I"),'}, "the .when of its field 'i' names no word"),
    ({"FIELDS": 'PP_INT(struct fields, i, .samples = "1|x", .help = "I"),'},
     "the sample 'x' of its field 'i' is no value of it"),
    ({"FIELDS": 'PP_INT(struct fields, i, .max = "5", .samples = "1|9", .help = "I"),'}, "the sample '9' of its field"),
    ({"FIELDS": 'PP_DURATION(struct fields, m, .samples = "5", .help = "M"),'}, "the sample '5' of its field 'm'"),
    ({"REST": WORDS + ", .statements = statements", "STATEMENTS": 'PP_STATEMENT("a", NULL, NULL, struct row), '
      'PP_STATEMENT("a", NULL, NULL, struct row),'}, "its statement 'a' stands twice"),
    ({"REST": WORDS + ", .statements = statements", "ROWS": "PP_TEXTS(struct row, ts),",
      "STATEMENTS": 'PP_STATEMENT("a", rows, NULL, struct row),'}, "its argument of statement a 'ts' has a type that no"),
    ({"REST": WORDS + ", .statements = statements", "ROWS": 'PP_INT(struct row, i, .dflt = "x"),',
      "STATEMENTS": 'PP_STATEMENT("a", NULL, rows, struct row),'}, "column of statement a: i: default: found 'x'"),
    ({"REST": WORDS + ", .statements = statements", "ROWS": "PP_INT(struct row, i),",
      "STATEMENTS": '{ .name = "a", .columns = rows },'}, "its column of statement a 'i' lies outside of its struct"),
    ({"REST": WORDS + ", .statements = statements, .table = \"i\"", "PARAMS": 'PP_INT(struct conf, i, .help = "I"),'},
     "its .table names 'i', which is no parameter made by PP_TEXT()"),
    ({"REST": WORDS + ", .table = \"t\"", "PARAMS": 'PP_TEXT(struct conf, t, .help = "T"),'},
     "it has .table, which is for statements, but no .statements"),
    ({"REST": WORDS + ", .commands = commands", "COMMANDS": '{ .name = "a", .help = "A" },'},
     "its command 'a' has nothing to run, or no help"),
    ({"REST": WORDS + ", .commands = commands", "COMMANDS": '{ .name = "a-b", .run = run, .help = "A" },'},
     "its command 'a-b' has other characters than a-z, 0-9 and _"),
    ({"REST": WORDS + ", .commands = commands",
      "COMMANDS": '{ .name = "a", .run = run, .help = "A" }, { .name = "a", .run = run, .help = "A" },'},
     "its command 'a' stands twice"),
    ({"REST": WORDS + ", .commands = commands", "ROWS": 'PP_INT(struct row, i, .help = "I"),',
      "COMMANDS": '{ .name = "a", .args = rows, .args_size = sizeof(struct row), .words = "i t", .run = run, .help = "A" },'},
     "the .words of its command 'a' name 't', which is none of its arguments"),
    ({"REST": WORDS + ", .commands = commands", "ROWS": 'PP_TEXT(struct row, t, .name = "check", .help = "T"),',
      "COMMANDS": '{ .name = "a", .args = rows, .args_size = sizeof(struct row), .run = run, .help = "A" },'},
     "its argument of command a 'check' has the name of one that every"),
] + [({"REST": f'.yes = "{word}", .no = "n"'}, f"its word '{word}' is one that every answer has")
     for word in ("text", "word", "from", "unknown", "none")]

GOOD = {
    "REST": '.words = words, .timeout = "90s", .keep = "1h", .stale = "1d", .open = opened, .upkeep = upkeep, '
            '.reads = PP_READS(PP_REQUEST, PP_RECIPIENT_LOCALPART)',
    "WORDS": 'PP_WORD("y", PP_CLASS_YES, "Y"), PP_WORD("n_2", PP_CLASS_NO, "N"),',
    "PARAMS": 'PP_INT(struct conf, i, .help = "I"),',
    "ARGS": 'PP_INT(struct args, i, .help = "I"), PP_FILE(struct args, t, .help = "T"),',
    "FIELDS": 'PP_INT(struct fields, i, .when = "y none unknown", .samples = "1|-2", .help = "I"), '
              'PP_DURATION(struct fields, m, .samples = "1h|0s", .help = "M"), '
              'PP_NUMBER(struct fields, d, .samples = "1|0.5", .help = "D"), '
              'PP_TEXT(struct fields, t, .samples = "a||b", .when = "y", .help = "T"),',
}

RULES = ('server { modules = { "%s" } }\nc = check.try { keep = "0s" }\n'
         'function rule(req) local a = c(req) return reject("5.7.1", a.text) end\n'
         'listen("inet:127.0.0.1:10031", rule)\n')


class Modules:
    def start(self):
        self.compiler = os.environ.get("CC", "cc").split()
        if shutil.which(self.compiler[0]) is None:
            raise Skip("no C compiler")
        self.top = tempfile.mkdtemp(prefix="ppolicyd-modules.")
        self.folder = os.path.join(self.top, "modules")
        self.file = os.path.join(self.folder, "try.so")
        self.empty()

    def stop(self):
        shutil.rmtree(getattr(self, "top", ""), ignore_errors=True)

    def empty(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        os.mkdir(self.folder)
        os.chmod(self.folder, 0o755)

    def make(self, **parts):
        self.empty()
        text = MODULE
        parts = {"PARAMS": "", "ARGS": "", "FIELDS": "", "WORDS": "", "REST": WORDS,
                 "ROWS": "", "STATEMENTS": "", "COMMANDS": "",
                 "BODY": 'return pp_no(a, "fine");', **parts}
        for name, part in parts.items():
            text = text.replace(f"@{name}@", part)
        subprocess.run(self.compiler + ["-std=gnu11", "-shared", "-fPIC", "-w", "-I", os.path.join(ROOT, "core"),
                                        "-x", "c", "-", "-o", self.file], input=text.encode(), check=True, timeout=60)
        os.chmod(self.file, 0o755)

    def run(self, *arguments, **options):
        path = os.path.join(self.top, "p.lua")
        with open(path, "w", encoding="utf-8") as file:
            file.write(RULES % self.folder)
        return subprocess.run([program("PPOLICYD", "build/plain/ppolicyd"), "-c", path, *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30, **options)

    def refused(self, *messages):
        done = self.run("-t")
        for message in messages:
            contains(done.stderr.decode(), message)
        equal(done.returncode, 78, messages[0])

    def case_a_module_that_says_everything_right_is_loaded(self):
        self.make(**GOOD)
        done = self.run("-t")
        equal(done.returncode, 0, done.stderr.decode())

    def case_each_mistake_of_a_descriptor_is_named(self):
        for parts, message in REFUSED:
            self.make(**parts)
            self.refused("module 'try' (", message)

    def case_a_link_is_followed_to_a_safe_folder_only(self):
        self.make()
        below = os.path.join(self.folder, "sub")
        os.mkdir(below)
        os.chmod(below, 0o755)
        os.rename(self.file, os.path.join(below, "two.so"))
        os.symlink(os.path.join("sub", "two.so"), self.file)
        done = self.run("-t")
        equal(done.returncode, 0, done.stderr.decode())
        os.chmod(below, 0o777)
        self.refused(f"module 'try' is refused: its folder {below} is writable by others; chmod o-w it")

    def case_what_lies_in_an_unsafe_place_is_refused(self):
        self.make()
        os.chmod(self.folder, 0o777)
        self.refused(f"its folder {self.folder} is writable by others")
        os.chmod(self.folder, 0o755)
        os.chmod(self.file, 0o757)
        self.refused(f"its file {self.file} is writable by others")

    def case_a_link_that_leads_nowhere_is_told_from_a_missing_module(self):
        self.empty()
        os.symlink(os.path.join(self.folder, "gone.so"), self.file)
        self.refused(f"module 'try' is refused: its file {self.file} cannot be read: No such file or directory")

    def case_sleeping_for_ever_ends_with_the_time_of_the_ask(self):
        for length in ("INT64_MAX", "INT64_MAX - 1000"):
            self.make(BODY=f"pp_sleep(a, {length}); return pp_wait(a, woken);", REST=WORDS + ', .timeout = "100ms"')
            done = self.run("--stdio", input=encode())
            contains(done.stdout.decode(), "woken with 0 ms left")
            assert "runtime error" not in done.stderr.decode(), done.stderr.decode()

    def case_sleeping_for_less_than_nothing_ends_at_once(self):
        self.make(BODY="pp_sleep(a, INT64_MIN); return pp_wait(a, woken);", REST=WORDS + ', .timeout = "60s"')
        done = self.run("--stdio", input=encode())
        contains(done.stdout.decode(), "woken with ")
        assert "runtime error" not in done.stderr.decode(), done.stderr.decode()


if __name__ == "__main__":
    sys.exit(run_cases(Modules))

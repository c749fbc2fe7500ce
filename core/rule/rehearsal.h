/* rule/rehearsal.h - rule tests: ppolicyd --test
 *
 * A test file is Lua with what a rule file has, and test(), expect(), answers()
 * and others. Rules run in it as they do for mail, with limits and deadlines, but
 * on a clock that is turned by hand: nothing waits for real.
 */
#ifndef RULE_REHEARSAL_H
#define RULE_REHEARSAL_H

/* Runs a test file, with the rule file loaded first (NULL: none). Prints TAP on
 * standard output, and on standard error why a file could not be loaded. Returns
 * the exit code: 0 all passed, 1 some failed, 78 a file could not be loaded. Once
 * in the life of a process, before it starts any thread. */
int rehearsal_run(const char *rules_path, const char *test_path);

#endif

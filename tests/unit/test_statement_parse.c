/* unit/test_statement_parse.c - what a file of SQL says: arguments, rows, keys, and what is wrong */
#include <glib.h>
#include <string.h>
#include "store/statement_parse.h"

static struct arena arena; /* of all tests */

static const struct statement *parse(const char *sql, char **error)
{
	struct statement_source source = { STATEMENT_FILE, "do.sql", sql, strlen(sql), "grey", false };
	struct statement *statement = arena_new0(&arena, struct statement);

	return statement_parse(statement, &arena, &source, error) ? statement : NULL;
}

/* -- statements -------------------------------------------------------------- */

static char *words(const struct statement *statement)
{
	GString *text = g_string_new(NULL);

	for (unsigned i = 0; i < statement->arg_count; i++)
		g_string_append_printf(text, "%s%s", i > 0 ? " " : "", statement->args[i]);
	for (unsigned i = 0; i < statement->key_count; i++)
		g_string_append_printf(text, "%s%s", i > 0 ? " " : " / ",
		                       statement->args[statement->keys[i]]);
	return g_string_free(text, FALSE);
}

/* For so many rows, the places behind it. */
static char *rendered(const struct statement *statement, unsigned rows)
{
	unsigned count, *places;
	g_autofree char *sql = statement_render(statement, STATEMENT_TEXT, rows, &places, &count);
	GString *text = g_string_new(sql);

	for (unsigned i = 0; i < count; i++)
		g_string_append_printf(text, "%s%u", i > 0 ? "," : " -> ", places[i]);
	g_free(places);
	return g_string_free(text, FALSE);
}

static const struct {
	const char *file, *sql, *words;
	bool writes;
} statements[] = {
	{ "SELECT 1", "SELECT 1", "", false },
	{ "\n  select\t1 ;\n-- end\n", "select 1", "", false },
	{ "-- what\n/* for */ SELECT a -- why\n\tFROM t/* here */WHERE b", "SELECT a FROM t WHERE b", "",
	  false },
	{ "SELECT :a, :b, :a", "SELECT ?, ?, ? -> 0,1,0", "a b", false },
	{ "SELECT ':a', \":b\", `:c`, [:d], '''', 'it''s :e', :f",
	  "SELECT ':a', \":b\", `:c`, [:d], '''', 'it''s :e', ? -> 0", "f", false },
	{ "SELECT '-- key: a', '/*', :a -- :b\n, '*/' /* :c ' */", "SELECT '-- key: a', '/*', ? , '*/' -> 0",
	  "a", false },
	{ "SELECT a::text, '?', '{x}', \"{table}\" FROM {table}_x WHERE x'00' = '\\\\'",
	  "SELECT a::text, '?', '{x}', \"grey\" FROM grey_x WHERE x'00' = '\\\\'", "", false },
	{ "SELECT a$b, 1.5e-3, b->>'$.x' FROM t WHERE a<>:a||:b",
	  "SELECT a$b, 1.5e-3, b->>'$.x' FROM t WHERE a<>?||? -> 0,1", "a b", false },
	{ "SELECT replace(a, :from, 'update') FROM t ;", "SELECT replace(a, ?, 'update') FROM t -> 0", "from",
	  false },
	{ "SELECT 'a;b';", "SELECT 'a;b'", "", false },
	{ "INSERT INTO t VALUES (:a), (:b)", "INSERT INTO t VALUES (?), (?) -> 0,1", "a b", true },
	{ "update t set a = :a", "update t set a = ? -> 0", "a", true },
	{ "DELETE FROM t WHERE a=:a_1", "DELETE FROM t WHERE a=? -> 0", "a_1", true },
	{ "REPLACE INTO t VALUES (1)", "REPLACE INTO t VALUES (1)", "", true },
	{ "WITH x AS (SELECT 1) SELECT * FROM x", "WITH x AS (SELECT 1) SELECT * FROM x", "", false },
	{ "WITH replace(a) AS (VALUES (1)), y AS (SELECT 2) SELECT replace(a,1,2) FROM replace",
	  "WITH replace(a) AS (VALUES (1)), y AS (SELECT 2) SELECT replace(a,1,2) FROM replace", "", false },
	{ "WITH RECURSIVE x(a) AS (SELECT 1)DELETE FROM t", "WITH RECURSIVE x(a) AS (SELECT 1)DELETE FROM t",
	  "", true },
	{ "WITH x AS (WITH y AS (SELECT 1) SELECT 2) UPDATE t SET a = 1",
	  "WITH x AS (WITH y AS (SELECT 1) SELECT 2) UPDATE t SET a = 1", "", true },
	{ "WITH x AS MATERIALIZED (SELECT 1) INSERT INTO t SELECT * FROM x",
	  "WITH x AS MATERIALIZED (SELECT 1) INSERT INTO t SELECT * FROM x", "", true },
	{ "-- key: a\nDELETE FROM t WHERE a IN (VALUES (:a))", "DELETE FROM t WHERE a IN (VALUES (?)) -> 0",
	  "a / a", true },
	{ "INSERT INTO t (a, b) VALUES (:a, :b) --   key: b\ta  \r\nRETURNING a, b",
	  "INSERT INTO t (a, b) VALUES (?, ?) RETURNING a, b -> 0,1", "a b / b a", true },
};

static void test_statements(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(statements); i++) {
		g_autofree char *error = NULL, *sql = NULL, *names = NULL;
		const struct statement *statement = parse(statements[i].file, &error);

		g_assert_cmpstr(error, ==, NULL);
		sql = rendered(statement, 1);
		names = words(statement);
		g_assert_cmpstr(sql, ==, statements[i].sql);
		g_assert_cmpstr(names, ==, statements[i].words);
		g_assert_cmpint(statement->writes, ==, statements[i].writes);
	}
}

static const struct {
	const char *file;
	unsigned rows;
	const char *sql;
} repeated[] = {
	{ "-- key: a\nINSERT INTO t VALUES (:a, :b, :a)", 3,
	  "INSERT INTO t VALUES (?, ?, ?), (?, ?, ?), (?, ?, ?) -> 0,1,0,2,3,2,4,5,4" },
	{ "-- key: b\nINSERT INTO t VALUES(:a,lower(:b))ON CONFLICT DO NOTHING", 2,
	  "INSERT INTO t VALUES(?,lower(?)), (?,lower(?))ON CONFLICT DO NOTHING -> 0,1,2,3" },
	{ "-- key: a\nINSERT INTO t VALUES\n\t(\n\t:a /* ( */,\n')')\n\n", 2,
	  "INSERT INTO t VALUES ( ? , ')'), ( ? , ')') -> 0,1" },
	{ "-- key: a\nINSERT INTO t VALUES (:a, 1) ON DUPLICATE KEY UPDATE b = VALUES(b), c = VALUES (c)", 2,
	  "INSERT INTO t VALUES (?, 1), (?, 1) ON DUPLICATE KEY UPDATE b = VALUES(b), c = VALUES (c) -> "
	  "0,1" },
	{ "-- key: a\nWITH n(x) AS (VALUES (1)), k(a) AS (VALUES (:a)) SELECT * FROM k, n", 2,
	  "WITH n(x) AS (VALUES (1)), k(a) AS (VALUES (?), (?)) SELECT * FROM k, n -> 0,1" },
	{ "-- key: a\nINSERT INTO t VALUES ((SELECT x FROM (VALUES (:b))), :a)", 2,
	  "INSERT INTO t VALUES ((SELECT x FROM (VALUES (?))), ?), ((SELECT x FROM (VALUES (?))), ?) -> "
	  "0,1,2,3" },
};

static void test_rows(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(repeated); i++) {
		g_autofree char *error = NULL, *sql = NULL;
		const struct statement *statement = parse(repeated[i].file, &error);

		g_assert_cmpstr(error, ==, NULL);
		sql = rendered(statement, repeated[i].rows);
		g_assert_cmpstr(sql, ==, repeated[i].sql);
	}
}

static void test_many_rows(void)
{
	g_autofree char *error = NULL;
	const struct statement *statement = parse("-- key: b\nINSERT INTO t VALUES (:a, :b)", &error);

	for (unsigned rows = 1; rows <= STATEMENT_ROWS_MAX; rows *= 2) {
		unsigned count, *places;
		g_autofree char *sql = statement_render(statement, STATEMENT_TEXT, rows, &places, &count);
		GString *wanted = g_string_new("INSERT INTO t VALUES (?, ?)");

		for (unsigned i = 1; i < rows; i++)
			g_string_append(wanted, ", (?, ?)");
		g_assert_cmpstr(sql, ==, wanted->str);
		g_assert_cmpuint(count, ==, 2 * rows);
		for (unsigned i = 0; i < count; i++)
			g_assert_cmpuint(places[i], ==, i);
		g_string_free(wanted, TRUE);
		g_free(places);
	}
}

static void test_arguments_at_most(void)
{
	for (unsigned arguments = 127; arguments <= 128; arguments++) {
		GString *text = g_string_new("-- key: a\nINSERT INTO t VALUES (:a");
		g_autofree char *error = NULL;
		const struct statement *statement;

		for (unsigned i = 1; i < arguments; i++)
			g_string_append(text, ", :b");
		g_string_append_c(text, ')');
		statement = parse(text->str, &error);
		g_assert_cmpint(statement != NULL, ==, arguments == 127);
		if (statement == NULL)
			g_assert_true(
			        g_str_has_suffix(error, "do.sql:2: a statement has at most 127 arguments"));
		g_string_free(text, TRUE);
	}
}

static const struct {
	const char *file, *error;
} wrong_statements[] = {
	{ "", "1: no statement stands here" },
	{ "-- SELECT 1\n/* 2 */", "1: no statement stands here" },
	{ " ; ", "1: no statement stands here" },
	{ "SELECT 1;\nSELECT 2", "2: a second statement begins here; of two one writes, and the other is a "
	                         "SELECT of what it writes" },
	{ "DELETE FROM t;\nDELETE FROM u", "2: a second statement begins here; of two one writes, and the "
	                                   "other is a SELECT of what it writes" },
	{ "SELECT 1;\n;", "2: no statement stands here" },
	{ "DELETE FROM t;\nSELECT 1;\nSELECT 2",
	  "3: a third statement begins here; a file has one, or one that writes and a SELECT of what it "
	  "writes" },
	{ "DELETE FROM t WHERE a IN (1;\nSELECT 1", "1: a '(' is not closed" },
	{ "DELETE FROM t WHERE a = :a;\nSELECT b FROM t\nWHERE b = :b",
	  "3: :b is no argument of the statement that writes; the SELECT has none of its own" },
	{ "-- key: a\nINSERT INTO t VALUES (:a);\nSELECT a\nFROM t WHERE a = :a",
	  "3: with a key both statements want one row with arguments, to be repeated: behind VALUES, behind "
	  "IN ( or behind {each}; here is none" },
	{ "-- key: a\nINSERT INTO t VALUES (:a);\nSELECT a FROM t WHERE a IN ((:a),\n(:a))",
	  "4: a second row behind VALUES; of a statement with a key the one row is repeated" },
	{ "SELECT {each} :a", "1: {each} stands behind the ( of a SELECT that is repeated for each row: JOIN "
	                      "({each} SELECT :id AS id) AS asked" },
	{ "CREATE TABLE t (a)",
	  "1: a statement begins with SELECT, INSERT, UPDATE, DELETE, REPLACE or WITH, not with CREATE "
	  "(tables are made by migrations: 001_what_it_does.sql)" },
	{ "(SELECT 1)",
	  "1: a statement begins with SELECT, INSERT, UPDATE, DELETE, REPLACE or WITH, not with ( "
	  "(tables are made by migrations: 001_what_it_does.sql)" },
	{ "WITH x AS (SELECT 1)", "1: behind WITH there is no SELECT, INSERT, UPDATE or DELETE" },
	{ "SELECT (\n(1)\n", "2: a '(' is not closed" },
	{ "SELECT 1)", "1: a ')' too many" },
	{ "SELECT\n'it''s", "2: the ' that begins here is not closed" },
	{ "SELECT \"a", "1: the \" that begins here is not closed" },
	{ "SELECT `a", "1: the ` that begins here is not closed" },
	{ "SELECT [a", "1: the [ that begins here is not closed" },
	{ "SELECT 1 /* a", "1: the comment that begins here is not closed" },
	{ "SELECT 1 /*! , 2 */",
	  "1: some databases carry out what stands in a comment like this: leave the ! out" },
	{ "SELECT 1 /*M! , 2 */",
	  "1: some databases carry out what stands in a comment like this: leave the ! out" },
	{ "SELECT a LIKE :b ESCAPE '\\'",
	  "1: a backslash before ' means different things to different databases: do "
	  "without, as in LIKE ... ESCAPE '!'" },
	{ "SELECT 'a\\\\\\'", "1: a backslash before ' means different things to different databases: do "
	                      "without, as in LIKE ... ESCAPE '!'" },
	{ "SELECT ?", "1: a '?' stands outside of quotes; an argument is written :name" },
	{ "SELECT ?1", "1: a '?' stands outside of quotes; an argument is written :name" },
	{ "SELECT @a", "1: a '@' stands outside of quotes; an argument is written :name" },
	{ "SELECT $a", "1: a '$' stands outside of quotes; an argument is written :name" },
	{ "SELECT 1 # a", "1: a '#' stands outside of quotes; a comment begins with '-- '" },
	{ "SELECT \\", "1: a '\\' stands outside of quotes" },
	{ "SELECT 1 \x01", "1: a control character (0x01) stands outside of quotes" },
	{ "SELECT :1", "1: ':1' is not an argument: its name has letters, digits and '_', at most 64" },
	{ "SELECT :", "1: ':' is not an argument: its name has letters, digits and '_', at most 64" },
	{ "SELECT :a\xc3\xa4",
	  "1: ':a\xc3\xa4' is not an argument: its name has letters, digits and '_', at most 64" },
	{ "SELECT a FROM\n{tabel}", "2: unknown {tabel}; there is {table} only" },
	{ "SELECT a FROM { table }", "1: a '{' stands for nothing here; for the table write {table}" },
	{ "SELECT '\xff'", "1: this is not text in UTF-8" },
	{ "-- key: sendr\nINSERT INTO t VALUES (:sender)",
	  "1: 'sendr' of the key is no argument of the statement (did you mean 'sender'?)" },
	{ "-- key: zone\nINSERT INTO t VALUES (:sender)",
	  "1: 'zone' of the key is no argument of the statement" },
	{ "-- key:\nINSERT INTO t VALUES (:a)", "1: the key names no argument" },
	{ "-- key: a a\nINSERT INTO t VALUES (:a)", "1: 'a' stands twice in the key" },
	{ "-- key: a\n-- key: b\nINSERT INTO t VALUES (:a)", "2: a second key; the first is in line 1" },
	{ "-- key: a\nINSERT INTO t VALUES (:a),\n(:b)",
	  "3: a second row behind VALUES; of a statement with a key the one row is repeated" },
	{ "-- key: a\nINSERT INTO t VALUES (1), (:a)",
	  "2: a second row behind VALUES; of a statement with a key the one row is repeated" },
	{ "-- key: a\nINSERT INTO t VALUES (:a), (1)",
	  "2: a second row behind VALUES; of a statement with a key the one row is repeated" },
	{ "-- key: a\nWITH x AS (VALUES (:a)),\ny AS (VALUES (:b))\nSELECT 1",
	  "3: a second row behind VALUES; of a statement with a key the one row is repeated" },
	{ "\n-- key: a\nDELETE FROM t WHERE a = :a", "2: a statement with a key wants one row with arguments "
	                                             "behind VALUES, to be repeated; there is none" },
	{ "-- key: a\nINSERT INTO t VALUES (:a)\nON CONFLICT DO UPDATE SET b = :now",
	  "3: :now stands outside of the row behind VALUES; with a key each row has values of its own "
	  "(name it there: WITH asked(now) AS (VALUES (:now)) ...)" },
};

static void test_wrong_statements(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(wrong_statements); i++) {
		g_autofree char *wanted = g_strconcat("do.sql:", wrong_statements[i].error, NULL),
		                *error = NULL;

		g_assert_null(parse(wrong_statements[i].file, &error));
		g_assert_cmpstr(error, ==, wanted);
	}
}

/* -- two statements ---------------------------------------------------------- */

static const struct {
	const char *file, *text, *result;
	bool first;
	const char *returning; /* both in one; NULL: they cannot be */
} pairs[] = {
	{ "-- key: a\nINSERT INTO t (a, b) VALUES (:a, :b) ON DUPLICATE KEY UPDATE b = VALUES(b);\n"
	  "SELECT a, b + 1 AS c, {table}.d FROM t WHERE (a) IN ((:a))",
	  "INSERT INTO t (a, b) VALUES (?, ?), (?, ?) ON DUPLICATE KEY UPDATE b = VALUES(b) -> 0,1,2,3",
	  "SELECT a, b + 1 AS c, grey.d FROM t WHERE (a) IN ((?), (?)) -> 0,2", false,
	  "INSERT INTO t (a, b) VALUES (?, ?), (?, ?) ON DUPLICATE KEY UPDATE b = VALUES(b) RETURNING "
	  "a, b + 1 AS c, grey.d -> 0,1,2,3" },
	{ "-- key: a\nSELECT a FROM t WHERE a IN ((:a)) FOR UPDATE; DELETE FROM t WHERE a IN ((:a));",
	  "DELETE FROM t WHERE a IN ((?), (?)) -> 0,1",
	  "SELECT a FROM t WHERE a IN ((?), (?)) FOR UPDATE -> 0,1", true,
	  "DELETE FROM t WHERE a IN ((?), (?)) RETURNING a -> 0,1" },
	{ "-- key: a\nUPDATE t JOIN ({each} SELECT :a AS a, (:n) AS n) AS x ON t.a = x.a SET t.n = x.n;\n"
	  "SELECT a FROM t WHERE a IN ((:a))",
	  "UPDATE t JOIN ( SELECT ? AS a, (?) AS n UNION ALL  SELECT ? AS a, (?) AS n) AS x ON t.a = x.a SET "
	  "t.n = x.n -> 0,1,2,3",
	  "SELECT a FROM t WHERE a IN ((?), (?)) -> 0,2", false, NULL },
	{ "-- key: a\nINSERT INTO t (a) VALUES (:a); SELECT a, (SELECT 1 FROM u) AS b FROM t WHERE a IN "
	  "((:a))",
	  "INSERT INTO t (a) VALUES (?), (?) -> 0,1",
	  "SELECT a, (SELECT 1 FROM u) AS b FROM t WHERE a IN ((?), (?)) -> 0,1", false, NULL },
	{ "-- key: a\nINSERT INTO t (a) VALUES (:a); SELECT DISTINCT a FROM t WHERE a IN ((:a))",
	  "INSERT INTO t (a) VALUES (?), (?) -> 0,1", "SELECT DISTINCT a FROM t WHERE a IN ((?), (?)) -> 0,1",
	  false, NULL },
};

static char *rendered_part(const struct statement *statement, enum statement_part part)
{
	unsigned count, *places;
	g_autofree char *sql = statement_render(statement, part, 2, &places, &count);
	GString *text = g_string_new(sql);

	for (unsigned i = 0; i < count; i++)
		g_string_append_printf(text, "%s%u", i > 0 ? "," : " -> ", places[i]);
	g_free(places);
	return g_string_free(text, FALSE);
}

static void test_pairs(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
		g_autofree char *error = NULL, *text = NULL, *result = NULL, *both = NULL;
		const struct statement *statement = parse(pairs[i].file, &error);

		g_assert_cmpstr(error, ==, NULL);
		text = rendered_part(statement, STATEMENT_TEXT);
		result = rendered_part(statement, STATEMENT_RESULT);
		if (statement->returning != NULL)
			both = rendered_part(statement, STATEMENT_RETURNING);
		g_assert_cmpstr(text, ==, pairs[i].text);
		g_assert_cmpstr(result, ==, pairs[i].result);
		g_assert_cmpstr(both, ==, pairs[i].returning);
		g_assert_cmpint(statement->result_first, ==, pairs[i].first);
		g_assert_true(statement->writes);
	}
}

static void test_alone(void)
{
	static const char sql[] = "DELETE FROM t;\nSELECT 1";
	struct statement_source source = { STATEMENT_FILE, "do.sql", sql, strlen(sql), "grey", true };
	struct statement statement = { .name = "do" };
	g_autofree char *error = NULL;

	g_assert_false(statement_parse(&statement, &arena, &source, &error));
	g_assert_cmpstr(
	        error, ==,
	        "do.sql:2: a second statement begins here; this database wants one (a result is asked "
	        "for with RETURNING)");
}

/* -- queries ----------------------------------------------------------------- */

static const struct {
	const char *sql, *error;
} queries[] = {
	{ "SELECT a FROM t WHERE b = :b;", NULL },
	{ "WITH x AS (SELECT 1) SELECT * FROM x", NULL },
	{ "SELECT \"update\", replace(a, 'delete', 'into') FROM t", NULL },
	{ "", "no statement stands here" },
	{ "DELETE FROM t", "a query only reads: DELETE must not stand in it (as a name: in quotes)" },
	{ "insert INTO t SELECT 1",
	  "a query only reads: insert must not stand in it (as a name: in quotes)" },
	{ "REPLACE t VALUES (1)", "a query only reads: REPLACE must not stand in it (as a name: in quotes)" },
	{ "WITH x AS (SELECT 1) DELETE FROM t",
	  "a query only reads: DELETE must not stand in it (as a name: in quotes)" },
	{ "WITH x AS (SELECT 1)\nREPLACE t SELECT 1",
	  "line 2: a query only reads: REPLACE must not stand in it (as a name: in quotes)" },
	{ "SELECT a INTO OUTFILE '/tmp/x' FROM t",
	  "a query only reads: INTO must not stand in it (as a name: in quotes)" },
	{ "SELECT a FROM t FOR UPDATE",
	  "a query only reads: UPDATE must not stand in it (as a name: in quotes)" },
	{ "PRAGMA user_version", "a query begins with SELECT or WITH, not with PRAGMA" },
	{ "EXPLAIN SELECT 1", "a query begins with SELECT or WITH, not with EXPLAIN" },
	{ "VALUES (1)", "a query begins with SELECT or WITH, not with VALUES" },
	{ "SELECT 1; DROP TABLE t", "a second statement begins here; a query is one SELECT" },
	{ "SELECT a FROM {table}", "a query of the configuration has no {table}: name the table itself" },
	{ "SELECT a FROM {x}", "a query of the configuration has no {x}: name the table itself" },
	{ "-- key: a\nWITH x(a) AS (VALUES (:a)) SELECT a FROM x",
	  "line 1: a query of the configuration has no key" },
	{ "SELECT a\nFROM t WHERE b = 'x", "line 2: the ' that begins here is not closed" },
};

static void test_queries(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(queries); i++) {
		g_autofree char *error = NULL;
		struct statement_set *set = statement_set_of_query(queries[i].sql, &error);

		g_assert_cmpstr(error, ==, queries[i].error);
		g_assert_cmpint(set != NULL, ==, queries[i].error == NULL);
		if (set == NULL)
			continue;
		g_assert_cmpuint(set->statement_count, ==, 1);
		g_assert_cmpuint(set->migration_count, ==, 0);
		g_assert_false(set->statements[0]->writes);
		g_assert_true(set->statements[0]->set == set);
		statement_set_unref(set);
	}
}

static void test_query_text(void)
{
	g_autofree char *error = NULL, *sql = NULL, *names = NULL;
	struct statement_set *set = statement_set_of_query(
	        "SELECT '{table}' FROM t\nWHERE b = :b AND c = :c;", &error);

	g_assert_cmpstr(error, ==, NULL);
	sql = rendered(set->statements[0], 1);
	names = words(set->statements[0]);
	g_assert_cmpstr(sql, ==, "SELECT '{table}' FROM t WHERE b = ? AND c = ? -> 0,1");
	g_assert_cmpstr(names, ==, "b c");
	statement_set_unref(set);
}

int main(int argc, char **argv)
{
	int status;

	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/parse/quotes, comments, arguments and the table are told apart", test_statements);
	g_test_add_func("/parse/the one row is repeated, and nothing else", test_rows);
	g_test_add_func("/parse/each number of rows has its commas and places", test_many_rows);
	g_test_add_func("/parse/a statement has as many arguments as can be bound for all rows",
	                test_arguments_at_most);
	g_test_add_func("/parse/what is wrong is said with file and line", test_wrong_statements);
	g_test_add_func("/parse/one statement writes and a SELECT reads what it wrote", test_pairs);
	g_test_add_func("/parse/a database with RETURNING wants one statement", test_alone);
	g_test_add_func("/parse/a query of the configuration only reads", test_queries);
	g_test_add_func("/parse/a query has arguments and keeps its braces", test_query_text);
	arena_init(&arena);
	status = g_test_run();
	arena_free(&arena);
	return status;
}

/* daemon/commands.h - what ppolicyctl can be told: a row a command, of which help and man page are made
 *
 * Server and client both look words up here: a mistake in a command is found
 * without a server.
 */
#ifndef DAEMON_COMMANDS_H
#define DAEMON_COMMANDS_H

#include <glib.h>
#include <stdbool.h>

/* X(id, name, synopsis, admin, help): control_ID() of control_call.h carries it out. Admin
 * commands change something, so they are logged with who gave them. */
#define COMMAND_TABLE(X)                                                                                     \
	X(status, "status", "", false,                                                                       \
	  "Tell how the server does: configuration, connections, requests by action, checks, cache, stores") \
	X(reload, "reload", "", true,                                                                        \
	  "Read the rule file again and wait for the result; a file with errors changes nothing, and they "  \
	  "are printed")                                                                                     \
	X(ask, "ask", "[listener=ADDRESS] NAME=VALUE ...", false,                                            \
	  "Run the rule of a listener, else of the first one, for a request with these attributes, and "     \
	  "tell "                                                                                            \
	  "what it decides and why; checks whose asking changes something are unknown; what is not given "   \
	  "is "                                                                                              \
	  "absent but for protocol_state=RCPT and protocol_name=ESMTP")                                      \
	X(cache_list, "cache list", "[FILTER ...]", false, "List kept answers")                              \
	X(cache_get, "cache get", "CHECK KEY | FILTER ...", false,                                           \
	  "Show kept answers whole, with text and fields; the key is written as the list shows it")          \
	X(cache_drop, "cache drop", "FILTER ... | all", true,                                                \
	  "Drop kept answers, and count them; other servers that share the store drop theirs within "        \
	  "seconds")                                                                                         \
	X(cache_stats, "cache stats", "[FILTER ...]", false,                                                 \
	  "Tell how large and how useful the cache is, as a whole and by check; with filters: how many "     \
	  "kept "                                                                                            \
	  "answers pass them, by check and word")                                                            \
	X(store_status, "store status", "", false,                                                           \
	  "Tell how each database does that checks use: what is wrong with it, what was asked and written, " \
	  "its size, and the versions of its tables")                                                        \
	X(store_schema, "store schema", "[sqlite | mysql]", false,                                           \
	  "Print the SQL that makes the tables that are missing in the database of this configuration, or "  \
	  "all of them for another kind of database, for somebody who has the rights that the server has "   \
	  "not")                                                                                             \
	X(store_copy, "store copy", "FROM TO", true,                                                         \
	  "Copy what modules and checks remember from one database into another while the server serves: "   \
	  "sqlite: and mysql: are the stores of that kind in the rule file, mysql:NAME and sqlite:NAME "     \
	  "those of a name, sqlite:/PATH is a file, and sqlite: without such a store the usual file; of a "  \
	  "row that both have the newer one stays, so it can be done again")                                 \
	X(upstream_show, "upstream show", "[SERVER] [check=CHECK]", false,                                   \
	  "Tell how the servers do that checks ask, of the module delegate: up or down and why, what they "  \
	  "were asked and what came of it")                                                                  \
	X(upstream_drain, "upstream drain", "SERVER [check=CHECK]", true,                                    \
	  "Send a server no new requests; those under way end, and its health is watched on")                \
	X(upstream_maint, "upstream maint", "SERVER [check=CHECK]", true,                                    \
	  "Send a server no new requests, and no health checks")                                             \
	X(upstream_ready, "upstream ready", "SERVER [check=CHECK]", true,                                    \
	  "Use a server again that was drained or in maintenance")                                           \
	X(upstream_weight, "upstream weight", "SERVER WEIGHT [check=CHECK]", true,                           \
	  "Change the weight of a server, 0 to 256, until the server or its check is made anew; 0 is as "    \
	  "drained")                                                                                         \
	X(module, "MODULE COMMAND", "[check=CHECK] [NAME=VALUE ...]", false,                                 \
	  "Do what a module offers, such as greylist list, for the check of this name, else for each check " \
	  "of the module; --NAME VALUE is taken too; ppolicyd --manual MODULE tells the commands and "       \
	  "their names")

enum command_id {
#define COMMAND_ID(id, name, synopsis, admin, help) COMMAND_##id,
	COMMAND_TABLE(COMMAND_ID)
#undef COMMAND_ID
	        COMMANDS
};

struct command {
	enum command_id id;
	const char *name; /* one or two words */
	const char *synopsis;
	bool admin;
	const char *help;
};

/* How kept answers are chosen: X(ID, name, value, help). */
#define FILTER_TABLE(X)                                                                                    \
	X(CHECK, "check", "NAME", "answers of the check of this name")                                     \
	X(KEY, "key", "PATTERN", "key as the list shows it, * and ? stand for any text and any character") \
	X(WORD, "word", "WORD", "answers with this word")                                                  \
	X(WHERE, "where", "PLACE", "answers kept there: memory or store; without it both places count")    \
	X(LEFT, "left", "DURATION", "answers that are good for no longer than this, such as 5m")           \
	X(AGE, "age", "DURATION",                                                                          \
	  "answers that are as old as this, or older; in memory: by how long the check keeps them")        \
	X(ON, "on", "SERVERS",                                                                             \
	  "this: what is in the memory of this server only; all, if not given: in the store too, and for " \
	  "drop in the memory of all servers that share it")                                               \
	X(LIMIT, "limit", "NUMBER", "show no more than this many; 1000 if not given (list and get only)")

enum filter_id {
#define FILTER_ID(id, name, value, help) FILTER_##id,
	FILTER_TABLE(FILTER_ID)
#undef FILTER_ID
	        FILTERS
};

struct filter_row {
	const char *name, *value, *help;
};

const struct command *commands_all(void);        /* COMMANDS rows */
const struct filter_row *commands_filters(void); /* FILTERS rows */

/* The command that the words (NULL-terminated) begin with; *used of them are its name.
 * COMMAND_module, with none used: the first word is no name of ours, so it may be a module's.
 * NULL: *error is a sentence (free with g_free). */
const struct command *command_find(const char *const *words, unsigned *used, char **error);
/* The name of ours that the first word was probably meant to be; NULL: none is near. */
const char *command_nearest(const char *const *words);

/* Exit codes of ppolicyctl. */
enum { COMMAND_DONE = 0, COMMAND_NO = 1, COMMAND_USAGE = 2, COMMAND_UNREACHABLE = 3 };

/* Of the tool: what -h prints, and its man page. Free with g_free(). */
char *commands_help(void);
char *commands_man_page(void);

#endif

/* store/copy.c - rows of tables moved from one database into another: page by page */
#include "store/copy.h"

#include <string.h>
#include "store/copy_page.h"
#include "store/schema.h"

#define TRIES 6           /* of what failed for a reason that may pass */
#define PAUSE_USEC 200000 /* before the second one; then twice as long each time */

/* -- connections --------------------------------------------------------- */

static char *sentence(const struct copy_end *end, const char *text)
{
	return g_strdup_printf("%s %s", end->shown, text);
}

/* Opens what is not open. False: *error, and *which end it is of. */
static bool connect_both(struct copy *copy, const struct copy_end **which, struct database_error *error)
{
	*which = &copy->from;
	if (copy->source == NULL)
		copy->source = copy->from.driver->open(&copy->from.target, error);
	if (copy->source == NULL)
		return false;
	*which = &copy->to;
	if (copy->sink == NULL)
		copy->sink = copy->to.driver->open(&copy->to.target, error);
	return copy->sink != NULL;
}

static void disconnect(struct copy *copy)
{
	copy->from.driver->close(copy->source);
	copy->to.driver->close(copy->sink);
	copy->source = copy->sink = NULL;
}

struct copy *copy_open(const struct copy_end *from, const struct copy_end *to, char **error)
{
	struct copy *copy = g_new0(struct copy, 1);
	struct database_error fault = { .fault = DATABASE_OK };
	const struct copy_end *which;

	copy->from = *from;
	copy->to = *to;
	copy->from.target.read_only = true;
	copy->to.target.read_only = false;
	if (connect_both(copy, &which, &fault))
		return copy;
	*error = sentence(which, fault.text);
	copy_close(copy);
	return NULL;
}

void copy_close(struct copy *copy)
{
	if (copy == NULL)
		return;
	disconnect(copy);
	copy_page_clear(copy);
	g_free(copy);
}

/* -- again --------------------------------------------------------------- */

/* What failed, and may succeed when it is done again: waits, and sees to connections. */
static bool worth_a_try(struct copy *copy, struct database_error *error)
{
	if (error->fault != DATABASE_BUSY && error->fault != DATABASE_LOST)
		return false;
	if (++copy->tries >= TRIES)
		return false;
	g_usleep(PAUSE_USEC << (copy->tries - 1));
	if (error->fault == DATABASE_LOST)
		disconnect(copy);
	return true;
}

/* Runs a part until it succeeds or is not worth another try. */
static bool insist(struct copy *copy, bool (*part)(struct copy *copy, struct database_error *error),
                   char **error)
{
	struct database_error fault = { .fault = DATABASE_OK };
	const struct copy_end *which;

	copy->tries = 0;
	for (;;) {
		bool connected = connect_both(copy, &which, &fault);

		if (connected) {
			copy->at = &copy->from;
			if (part(copy, &fault))
				return true;
			which = copy->at;
		}
		if (!worth_a_try(copy, &fault))
			break;
	}
	*error = sentence(which, fault.text);
	return false;
}

/* -- tables -------------------------------------------------------------- */

static void take_integer(const struct database_value *values, void *data)
{
	if (values[0].kind == PP_INTEGER)
		*(int64_t *)data = values[0].integer;
}

static bool refuse(struct database_error *error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool refuse(struct database_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	error->fault = DATABASE_DATA;
	return false;
}

/* The version of the set's tables where they are read; 0: there are none. */
static bool find_version(struct copy *copy, int64_t *version, struct database_error *error)
{
	g_autofree char *name = schema_name(copy->out_set);
	const struct database_value value = { .kind = PP_STRING,
		                              .string = name,
		                              .length = (uint32_t)strlen(name) };
	const char *const *columns;
	unsigned count;

	*version = 0;
	return copy->from.driver->run(copy->source, copy->versions, 1, &value, &columns, &count, take_integer,
	                              version, error);
}

static bool check_source(struct copy *copy, struct database_error *error)
{
	int newest = (int)copy->out_set->migration_count;
	int64_t version;

	if (!find_version(copy, &version, error)) {
		if (error->fault == DATABASE_DATA)
			refuse(error, "has no tables of ppolicyd");
		return false;
	}
	copy->absent = version == 0;
	if (version > newest)
		return refuse(error,
		              "has tables of %s of version %d, and this ppolicyd knows versions up to %d "
		              "only: copy with the newer one that made them",
		              copy->out_set->name, (int)version, newest);
	if (version != newest && !copy->absent)
		return refuse(error,
		              "has tables of %s of version %d, which are brought to %d when a server uses "
		              "them: let one do so first",
		              copy->out_set->name, (int)version, newest);
	return true;
}

static bool prepare(struct copy *copy, struct database_error *error)
{
	int from, to;

	if (!check_source(copy, error))
		return false;
	copy->at = &copy->to;
	return copy->absent || schema_migrate(copy->to.driver, copy->sink, copy->in_set, &from, &to, error);
}

/* A table so large that counting takes too long is copied without. */
static bool count_rows(struct copy *copy, struct database_error *error)
{
	const struct statement *count = statement_find(copy->out_set, "copy_count");
	const struct database_value now = { .kind = PP_INTEGER, .integer = pp_time() };
	const char *const *columns;
	unsigned column_count;

	copy->count->total = -1;
	return copy->from.driver->run(copy->source, count, 1, &now, &columns, &column_count, take_integer,
	                              &copy->count->total, error) ||
	       error->fault == DATABASE_DATA || error->waited;
}

/* -- a set --------------------------------------------------------------- */

bool copy_is_possible(const struct statement_set *set)
{
	return statement_find(set, "copy_out") != NULL && statement_find(set, "copy_look") != NULL &&
	       statement_find(set, "copy_in") != NULL && statement_find(set, "copy_count") != NULL;
}

static bool copy_pages(struct copy *copy, bool (*goes_on)(const struct copy_count *count, void *data),
                       void *data, char **error)
{
	unsigned pages = 0;

	for (copy->more = true; copy->more;) {
		if (!insist(copy, copy_page_read, error) || !insist(copy, copy_page_write, error))
			return false;
		/* Nobody else may see to the log of a database that no server uses yet. */
		if (++pages % 64 == 0 && copy->to.driver->checkpoint != NULL && copy->sink != NULL)
			copy->to.driver->checkpoint(copy->sink);
		if (!goes_on(copy->count, data)) {
			*error = g_strdup("stopped");
			return false;
		}
	}
	return true;
}

bool copy_run(struct copy *copy, const struct statement_set *from, const struct statement_set *to,
              bool (*goes_on)(const struct copy_count *count, void *data), void *data,
              struct copy_count *count, char **error)
{
	struct statement_set *versions = statement_set_of_query(
	        "SELECT version FROM ppolicyd_schema WHERE name = :name", error);
	bool good;

	*count = (struct copy_count){ .total = -1 };
	if (versions == NULL)
		return false;
	copy->versions = versions->statements[0];
	copy->out_set = from;
	copy->in_set = to;
	copy->count = count;
	good = insist(copy, prepare, error);
	if (good && copy->absent)
		count->total = 0;
	else if (good)
		good = copy_page_begin(copy, error) && insist(copy, count_rows, error) &&
		       copy_pages(copy, goes_on, data, error);
	if (copy->source != NULL) {
		copy->from.driver->forget(copy->source, versions);
		copy->from.driver->forget(copy->source, from);
	}
	if (copy->sink != NULL)
		copy->to.driver->forget(copy->sink, to);
	statement_set_unref(versions);
	return good;
}

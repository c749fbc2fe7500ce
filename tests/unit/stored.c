/* unit/stored.c - for tests of the store: asks with their values, and the lines of the log */
#include "stored.h"

#include <glib.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"

/* -- asks ---------------------------------------------------------------- */

static GMutex lock;
static GCond answered;

static void take_answer(struct loop_message *message)
{
	struct stored *stored = (struct stored *)message;

	g_mutex_lock(&lock);
	stored->answered = true;
	stored->at = g_get_monotonic_time();
	g_cond_broadcast(&answered);
	g_mutex_unlock(&lock);
}

static struct database_value text_value(const char *text)
{
	return (struct database_value){ .kind = PP_STRING, .string = text, .length = (uint32_t)strlen(text) };
}

void stored_set(struct stored *stored, const struct statement *statement, const char *client,
                const char *sender, int64_t now)
{
	*stored = (struct stored){ .ask = { .message.run = take_answer, .statement = statement } };
	g_strlcpy(stored->client, client, sizeof(stored->client));
	g_strlcpy(stored->sender, sender, sizeof(stored->sender));
	stored->values[0] = text_value(stored->client);
	stored->values[1] = text_value(stored->sender);
	stored->values[2] = (struct database_value){ .kind = PP_INTEGER, .integer = now };
	stored->ask.values = stored->values;
}

bool stored_start(struct store *store, struct stored *stored)
{
	return store_start(store, &stored->ask);
}

bool stored_answered(struct stored *stored)
{
	bool is;

	g_mutex_lock(&lock);
	is = stored->answered;
	g_mutex_unlock(&lock);
	return is;
}

void stored_await(struct stored *stored, unsigned count, pp_msec_t patience)
{
	gint64 end = g_get_monotonic_time() + patience * 1000;

	g_mutex_lock(&lock);
	for (unsigned i = 0; i < count; i++)
		while (!stored[i].answered)
			if (!g_cond_wait_until(&answered, &lock, end))
				g_error("ask %u of %u has no answer after %" G_GINT64_FORMAT " ms", i, count,
				        patience);
	g_mutex_unlock(&lock);
}

enum store_state stored_run(struct store *store, struct stored *stored, const struct statement *statement,
                            const char *client, const char *sender, int64_t now)
{
	stored_set(stored, statement, client, sender, now);
	if (stored_start(store, stored))
		stored_await(stored, 1, 10000);
	return stored->ask.state;
}

int64_t stored_integer(const struct stored *stored, const char *column)
{
	const struct store_rows *rows = stored->ask.rows;

	if (stored->ask.state != STORE_DONE)
		g_error("the ask failed: %s", stored->ask.error);
	g_assert_nonnull(rows);
	g_assert_cmpuint(rows->count, >, 0);
	for (unsigned i = 0; i < rows->columns; i++)
		if (strcmp(rows->names[i], column) == 0) {
			g_assert_cmpint(rows->values[i].kind, ==, PP_INTEGER);
			return rows->values[i].integer;
		}
	g_error("the result has no column %s", column);
}

void stored_free(struct stored *stored, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		store_rows_free(stored[i].ask.rows);
}

/* -- the log ------------------------------------------------------------- */

static struct {
	int saved, file;
} caught;

void stored_log_start(void)
{
	g_autofree char *path = NULL;

	caught.file = g_file_open_tmp("log-XXXXXX", &path, NULL);
	g_assert_cmpint(caught.file, >=, 0);
	unlink(path);
	caught.saved = dup(STDERR_FILENO);
	dup2(caught.file, STDERR_FILENO);
	log_open(&(struct log_settings){ .to = "stderr" });
}

char *stored_log(void)
{
	off_t size = lseek(caught.file, 0, SEEK_END);
	char *text = g_malloc0((size_t)size + 1);

	g_assert_cmpint(pread(caught.file, text, (size_t)size, 0), ==, size);
	return text;
}

unsigned stored_log_lines(void)
{
	g_autofree char *text = stored_log();
	unsigned lines = 0;

	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	return lines;
}

void stored_log_stop(void)
{
	dup2(caught.saved, STDERR_FILENO);
	close(caught.saved);
	close(caught.file);
	log_open(&(struct log_settings){ .to = "stderr" });
}

static bool contains(char **lines, const GPtrArray *wanted)
{
	/* Behind the last newline there is an empty one. */
	if (g_strv_length(lines) != (wanted->len > 0 ? wanted->len + 1 : 0))
		return false;
	for (unsigned i = 0; i < wanted->len; i++)
		if (strstr(lines[i], g_ptr_array_index(wanted, i)) == NULL)
			return false;
	return true;
}

void stored_log_expect(pp_msec_t patience, ...)
{
	gint64 end = g_get_monotonic_time() + patience * 1000;
	g_autoptr(GPtrArray) wanted = g_ptr_array_new();
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	char *part;
	va_list args;

	va_start(args, patience);
	while ((part = va_arg(args, char *)) != NULL)
		g_ptr_array_add(wanted, part);
	va_end(args);
	while (stored_log_lines() < wanted->len && g_get_monotonic_time() < end)
		g_usleep(2000);
	text = stored_log();
	lines = g_strsplit(text, "\n", -1);
	if (!contains(lines, wanted)) {
		stored_log_stop();
		g_error("the log has other lines than wanted:\n%s", text);
	}
}

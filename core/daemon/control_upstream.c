/* daemon/control_upstream.c - ppolicyctl upstream: other policy servers shown, drained, made ready, weighed
 */
#include <string.h>
#include "base/text.h"
#include "daemon/control_call.h"
#include "service/upstream.h"

/* What the words say. */
struct task {
	const char *server, *check; /* NULL: any */
	int64_t weight;
	json_t *rows; /* of show */
};

/* A server that is meant. */
typedef void (*each_fn)(struct task *task, const struct check *check, struct upstream *upstream,
                        unsigned server);

static bool bad_use(struct control_call *call)
{
	control_fail(call, COMMAND_USAGE, "%s: wanted %s", call->command->name, call->command->synopsis);
	return false;
}

static bool read_weight(struct control_call *call, const char *word, int64_t *weight)
{
	gint64 number;

	if (word == NULL)
		return bad_use(call);
	if (g_ascii_string_to_signed(word, 10, 0, UPSTREAM_WEIGHT_MAX, &number, NULL)) {
		*weight = number;
		return true;
	}
	control_fail(call, COMMAND_USAGE, "upstream weight: wanted a whole number from 0 to %d",
	             UPSTREAM_WEIGHT_MAX);
	return false;
}

static bool read_words(struct control_call *call, struct task *task)
{
	const char *bare[2] = { NULL, NULL };
	unsigned count = 0;

	*task = (struct task){ .rows = NULL };
	for (char **word = call->words; *word != NULL; word++) {
		if (g_str_has_prefix(*word, "check="))
			task->check = *word + strlen("check=");
		else if (count == 2)
			return bad_use(call);
		else
			bare[count++] = g_str_has_prefix(*word, "server=") ? *word + strlen("server=")
			                                                   : *word;
	}
	task->server = bare[0];
	if (call->command->id == COMMAND_upstream_weight && !read_weight(call, bare[1], &task->weight))
		return false;
	if (call->command->id != COMMAND_upstream_weight && bare[1] != NULL)
		return bad_use(call);
	return task->server != NULL || call->command->id == COMMAND_upstream_show || bad_use(call);
}

/* How many there were. */
static unsigned for_each(const struct world *world, struct task *task, each_fn each)
{
	unsigned found = 0;

	for (guint i = 0; i < world->plan->checks->len; i++) {
		struct check *check = ((struct plan_check *)world->plan->checks->pdata[i])->check;
		struct upstream *upstream = g_atomic_pointer_get(&check->upstream);

		if (upstream == NULL || (task->check != NULL && strcmp(task->check, check->name) != 0))
			continue;
		for (unsigned server = 0; server < upstream_count(upstream); server++) {
			if (task->server != NULL && upstream_find(upstream, task->server) != (int)server)
				continue;
			each(task, check, upstream, server);
			found++;
		}
	}
	return found;
}

static void run(struct control_call *call, struct task *task, each_fn each)
{
	struct world *world = server_world_ref(call->server);
	char shown[100] = "";

	if (for_each(world, task, each) == 0) {
		if (task->server != NULL)
			text_escape(shown, sizeof(shown), task->server, strlen(task->server), true);
		control_fail(call, COMMAND_NO, "no check that is in use asks %s%s",
		             task->server != NULL ? "a server " : "other policy servers", shown);
	}
	world_unref(world);
}

/* -- showing -------------------------------------------------------------- */

static const char *state_of(const struct upstream_status *status)
{
	if (status->admin == UPSTREAM_MAINT)
		return "maint";
	if (status->admin == UPSTREAM_DRAIN)
		return "drain";
	return status->up ? "up" : "down";
}

static json_t *describe(const struct check *check, const struct upstream_status *status)
{
	json_t *row = json_pack("{s:s, s:s, s:s, s:I, s:I, s:b}", "check", check->name, "server",
	                        status->name, "state", state_of(status), "priority",
	                        (json_int_t)status->priority, "weight", (json_int_t)status->weight, "backup",
	                        status->backup);

	json_object_set_new(row, "address", control_string(status->address));
	json_object_set_new(row, "at", control_string(status->at[0] != '\0' ? status->at : NULL));
	json_object_set_new(row, "up", json_boolean(status->up));
	json_object_set_new(row, "since", control_moment(status->since));
	json_object_set_new(row, "open", json_integer(status->open));
	json_object_set_new(row, "queries", json_integer(status->queries));
	json_object_set_new(row, "answers", json_integer(status->answers));
	json_object_set_new(row, "failed", json_integer(status->failed));
	json_object_set_new(row, "checks", json_integer(status->checks));
	json_object_set_new(row, "checks_failed", json_integer(status->checks_failed));
	json_object_set_new(row, "downs", json_integer(status->downs));
	json_object_set_new(row, "trouble", control_string(status->why[0] != '\0' ? status->why : NULL));
	return row;
}

static void show(struct task *task, const struct check *check, struct upstream *upstream, unsigned server)
{
	struct upstream_status status;

	upstream_status(upstream, server, &status);
	json_array_append_new(task->rows, describe(check, &status));
}

void control_upstream_show(struct control_call *call)
{
	static const struct control_column columns[] = { { "check", "check", CONTROL_TEXT },
		                                         { "server", "server", CONTROL_TEXT },
		                                         { "state", "state", CONTROL_TEXT },
		                                         { "at", "at", CONTROL_TEXT },
		                                         { "priority", "priority", CONTROL_COUNT },
		                                         { "weight", "weight", CONTROL_COUNT },
		                                         { "open", "open", CONTROL_COUNT },
		                                         { "queries", "queries", CONTROL_COUNT },
		                                         { "answers", "answers", CONTROL_COUNT },
		                                         { "failed", "failed", CONTROL_COUNT },
		                                         { "since", "since", CONTROL_TEXT },
		                                         { "trouble", "trouble", CONTROL_TEXT },
		                                         { NULL } };
	struct task task;

	if (!read_words(call, &task))
		return;
	task.rows = json_array();
	run(call, &task, show);
	control_table(call, task.rows, columns);
}

/* -- changing ------------------------------------------------------------- */

static void drain(struct task *task, const struct check *check, struct upstream *upstream, unsigned server)
{
	(void)task;
	(void)check;
	upstream_set_admin(upstream, server, UPSTREAM_DRAIN);
}

static void maintain(struct task *task, const struct check *check, struct upstream *upstream, unsigned server)
{
	(void)task;
	(void)check;
	upstream_set_admin(upstream, server, UPSTREAM_MAINT);
}

static void make_ready(struct task *task, const struct check *check, struct upstream *upstream,
                       unsigned server)
{
	(void)task;
	(void)check;
	upstream_set_admin(upstream, server, UPSTREAM_READY);
}

static void weigh(struct task *task, const struct check *check, struct upstream *upstream, unsigned server)
{
	(void)check;
	upstream_set_weight(upstream, server, task->weight);
}

static void change(struct control_call *call, each_fn each)
{
	struct task task;

	if (read_words(call, &task))
		run(call, &task, each);
}

void control_upstream_drain(struct control_call *call)
{
	change(call, drain);
}

void control_upstream_maint(struct control_call *call)
{
	change(call, maintain);
}

void control_upstream_ready(struct control_call *call)
{
	change(call, make_ready);
}

void control_upstream_weight(struct control_call *call)
{
	change(call, weigh);
}

/* daemon/ppolicyd.c - the program: options, and what each of them does */
#include <glib.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/clock.h"
#include "daemon/converse.h"
#include "daemon/options.h"
#include "daemon/privileges.h"
#include "daemon/server.h"
#include "rule/manual.h"
#include "rule/rehearsal.h"
#include "rule/walk.h"

#define EXIT_USAGE 2
#define EXIT_CONFIG 78 /* EX_CONFIG of sysexits.h */

static int print_errors(GPtrArray *errors, int status)
{
	for (guint i = 0; i < errors->len; i++)
		fprintf(stderr, "%s\n", (const char *)errors->pdata[i]);
	return status;
}

/* -- -t and -T ----------------------------------------------------------- */

static void print_files(const struct plan *plan)
{
	for (guint i = 0; i < plan->sources->len; i++) {
		const struct plan_source *source = plan->sources->pdata[i];

		printf("-- %s\n%s\n", source->path, source->bytes);
	}
}

static int check_file(const struct options *options)
{
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	struct world *world = world_new(options->config, 1, NULL, errors);
	struct walk_report report;
	int status = EXIT_CONFIG;

	if (world != NULL) {
		walk_rules(world->first, &report);
		walk_print(&report, stdout, stderr);
		status = report.errors->len > 0 ? EXIT_CONFIG : 0;
		walk_clear(&report);
		if (options->print)
			print_files(world->plan);
	}
	print_errors(errors, status);
	if (world == NULL)
		printf("%s: %u %s\n", options->config, errors->len, errors->len == 1 ? "error" : "errors");
	world_unref(world);
	return status;
}

/* -- serving ------------------------------------------------------------- */

/* The database may lie elsewhere, and nothing may use it: no reason not to start. */
static void make_state_folder(const struct options *options, const char *user)
{
	g_autofree char *error = NULL;

	if (!options->state_given && !privileges_make_folder(PP_STATE_FOLDER, user, &error))
		fprintf(stderr, "warning: the folder of the database cannot be made: %s\n", error);
}

/* ports NULL: nothing is listened on. The exit code, 0 = go on. */
static int become_user(const struct options *options, const struct bare_settings *settings,
                       struct ports *ports, char **error)
{
	if (settings->user == NULL && ports == NULL)
		return 0;
	if (settings->user == NULL) {
		fprintf(stderr, "warning: running as root; server { user = \"...\" } in the rule file names "
		                "another user\n");
		make_state_folder(options, "root");
		return 0;
	}
	if (!privileges_is_user(settings->user, error))
		return EXIT_CONFIG;
	if (ports != NULL)
		ports_adopt(ports);
	for (guint i = 0; ports != NULL && i < settings->ports->len; i++)
		if (!ports_open(ports, settings->ports->pdata[i], error))
			return 1;
	if (ports != NULL && !privileges_make_folder(options->state, settings->user, error))
		return 1;
	make_state_folder(options, settings->user);
	return privileges_drop(settings->user, error) ? 0 : 1;
}

static int leave_root(const struct options *options, struct ports *ports)
{
	struct bare_settings settings;
	g_autofree char *error = NULL;
	int status = EXIT_CONFIG;

	if (geteuid() != 0)
		return 0;
	if (privileges_read_settings(options->config, &settings, &error))
		status = become_user(options, &settings, ports, &error);
	privileges_clear(&settings);
	if (status != 0)
		fprintf(stderr, "%s\n", error);
	return status;
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int serve(const struct options *options)
{
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	struct server_options how = { .config = options->config,
		                      .state = options->state,
		                      .no_control = options->rules != NULL,
		                      .log_more = options->verbose };
	struct server *server;
	int status;

	raise_descriptor_limit();
	how.ports = ports_new();
	status = leave_root(options, how.ports);
	if (status != 0) {
		ports_free(how.ports);
		return status;
	}
	ports_adopt(how.ports);
	server = server_start(&how, errors, &status);
	return server != NULL ? server_run(server) : print_errors(errors, status);
}

static int answer_stdin(const struct options *options)
{
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	int status = leave_root(options, NULL);

	if (status == 0)
		status = converse(options->config, options->argument, STDIN_FILENO, STDOUT_FILENO, errors);
	return print_errors(errors, status);
}

static int print_manual(const struct options *options)
{
	g_autofree char *error = NULL;
	bool done;

	if (options->generate != NULL)
		done = manual_generate(stdout, options->generate, &error);
	else
		done = manual_print(stdout, options->config_given ? options->config : NULL, options->argument,
		                    &error);
	if (!done)
		fprintf(stderr, "%s\n", error);
	return done ? 0 : EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct options options;
	int status;

	setlocale(LC_ALL, "C.UTF-8");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit of file size is an error like a full disk */
	if (!options_read(&options, argc, argv, &status)) {
		options_clear(&options);
		return status;
	}
	if (options.state_given)
		plan_use_state(options.state);
	if (options.rules != NULL)
		plan_use_text(options.rules);
	switch (options.what) {
	case OPTIONS_CHECK: status = check_file(&options); break;
	case OPTIONS_CONVERSE: status = answer_stdin(&options); break;
	case OPTIONS_TEST:
		status = rehearsal_run(options.config_given ? options.config : NULL, options.test);
		break;
	case OPTIONS_MANUAL: status = print_manual(&options); break;
	default: status = serve(&options); break;
	}
	options_clear(&options);
	return status;
}

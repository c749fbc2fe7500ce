/* daemon/ppolicyctl.c - the tool: sends a command to the control socket and prints the reply
 *
 * The whole reply is read before anything is printed, so that a slow pager does not
 * hold up the server.
 */
#include <errno.h>
#include <glib.h>
#include <jansson.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "daemon/commands.h"

#define SOCKET_PATH PP_RUN_FOLDER "/control.sock"
#define PATIENCE 120 /* s: a reload may take long */

struct options {
	char *socket;
	gboolean json, help, version, man;
	char **words;        /* the command's, options of modules among them */
	const char *unknown; /* the first of them that looks like an option; NULL: none does */
};

static int complain(int status, const char *format, ...) G_GNUC_PRINTF(2, 3);

static int complain(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("ppolicyctl: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return status;
}

/* -- talking ------------------------------------------------------------- */

static int connect_to(const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = PATIENCE };
	int fd;

	if (g_strlcpy(name.sun_path, path, sizeof(name.sun_path)) >= sizeof(name.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&name, sizeof(name)) == 0)
		return fd;
	close(fd);
	return -1;
}

static char *encode(const struct options *options)
{
	json_t *words = json_array(), *request;
	char *text = NULL;

	for (char **word = options->words; *word != NULL; word++)
		if (json_array_append_new(words, json_string(*word)) != 0) {
			json_decref(words);
			return NULL;
		}
	request = json_pack("{s:o, s:b}", "command", words, "json", (int)options->json);
	text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	return text;
}

/* A server that turns us away may close before it has read: its reply counts all the same. */
static void send_all(int fd, const char *text)
{
	size_t length = strlen(text);

	while (length > 0) {
		ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return;
		text += sent;
		length -= (size_t)sent;
	}
	shutdown(fd, SHUT_WR);
}

/* -- printing ------------------------------------------------------------ */

/* Prints a line of the reply; true: it was the last, with the exit code. */
static bool print_line(const char *text, int *status)
{
	json_t *line = json_loads(text, 0, NULL), *row = json_object_get(line, "row");
	const char *out = json_string_value(json_object_get(line, "out"));
	const char *remark = json_string_value(json_object_get(line, "err"));
	const json_t *exit = json_object_get(line, "exit");
	bool last = json_is_integer(exit);

	if (last)
		*status = (int)json_integer_value(exit);
	else if (out != NULL)
		puts(out);
	else if (remark != NULL)
		complain(0, "%s", remark);
	if (row != NULL && json_dumpf(row, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12)) == 0)
		putchar('\n');
	json_decref(line);
	return last;
}

/* Prints the whole lines, and takes them away; true: the last was among them. */
static bool print_lines(GString *reply, int *status)
{
	char *begin = reply->str, *end;
	bool last = false;

	for (; !last && (end = strchr(begin, '\n')) != NULL; begin = end + 1) {
		*end = '\0';
		last = *begin != '\0' && print_line(begin, status);
	}
	g_string_erase(reply, 0, begin - reply->str);
	return last;
}

/* As it comes: what takes long tells how far it is. */
static int print_reply(int fd)
{
	g_autoptr(GString) reply = g_string_new(NULL);
	int status = COMMAND_UNREACHABLE;
	char bytes[65536];

	for (;;) {
		ssize_t got = recv(fd, bytes, sizeof(bytes), 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return complain(COMMAND_UNREACHABLE, "the server broke off");
		g_string_append_len(reply, bytes, got);
		if (print_lines(reply, &status))
			return status;
		fflush(stdout);
	}
}

/* Without a server nobody knows the modules: a slip may be meant as a command of ours. */
static int no_server(const char *path, int reason, const struct command *command, const char *const *words)
{
	const char *nearest = command->id == COMMAND_module ? command_nearest(words) : NULL;

	if (nearest != NULL)
		return complain(COMMAND_USAGE, "no command '%s' (did you mean '%s'?)", words[0], nearest);
	return complain(COMMAND_UNREACHABLE, "no server at %s: %s", path, g_strerror(reason));
}

static int carry_out(const struct options *options)
{
	const char *path = options->socket != NULL ? options->socket : SOCKET_PATH;
	const char *const *words = (const char *const *)options->words;
	g_autofree char *error = NULL;
	const struct command *command;
	char *request;
	unsigned used;
	int fd, status;

	command = command_find(words, &used, &error);
	if (options->unknown != NULL && (command == NULL || command->id != COMMAND_module))
		return complain(COMMAND_USAGE, "no option '%s'; see ppolicyctl -h", options->unknown);
	if (command == NULL)
		return complain(COMMAND_USAGE, "%s; see ppolicyctl -h", error);
	request = encode(options);
	if (request == NULL)
		return complain(COMMAND_USAGE, "the arguments are not in UTF-8");
	fd = connect_to(path);
	if (fd < 0) {
		int reason = errno;

		free(request);
		return no_server(path, reason, command, words);
	}
	send_all(fd, request);
	status = print_reply(fd);
	close(fd);
	free(request);
	return status;
}

/* -- options ------------------------------------------------------------- */

/* What is left of the arguments are the command's words. A "--" is none of them: what stands
 * behind it is no option. */
static void take_words(struct options *options, int argc, char **argv)
{
	GPtrArray *words = g_ptr_array_new();
	bool plain = false;

	for (int i = 1; i < argc; i++) {
		if (!plain && strcmp(argv[i], "--") == 0) {
			plain = true;
			continue;
		}
		if (!plain && options->unknown == NULL && argv[i][0] == '-' && argv[i][1] != '\0')
			options->unknown = argv[i];
		g_ptr_array_add(words, g_strdup(argv[i]));
	}
	g_ptr_array_add(words, NULL);
	options->words = (char **)g_ptr_array_free(words, FALSE);
}

static bool read_options(struct options *options, int argc, char **argv)
{
	const GOptionEntry entries[] = {
		{ "socket", 's', 0, G_OPTION_ARG_FILENAME, &options->socket, "", "" },
		{ "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "", NULL },
		{ "help", 'h', 0, G_OPTION_ARG_NONE, &options->help, "", NULL },
		{ "version", 'V', 0, G_OPTION_ARG_NONE, &options->version, "", NULL },
		{ "man", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &options->man, "", NULL },
		{ NULL },
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	g_option_context_set_help_enabled(context, FALSE);
	g_option_context_set_ignore_unknown_options(context, TRUE); /* commands of modules have some */
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		complain(0, "%s; see ppolicyctl -h", error->message);
		return false;
	}
	take_words(options, argc, argv);
	return true;
}

static int print_text(char *text)
{
	fputs(text, stdout);
	g_free(text);
	return COMMAND_DONE;
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	int status = COMMAND_USAGE;

	setlocale(LC_ALL, "C.UTF-8");
	if (!read_options(&options, argc, argv))
		status = COMMAND_USAGE;
	else if (options.help)
		status = print_text(commands_help());
	else if (options.man)
		status = print_text(commands_man_page());
	else if (options.version)
		status = print_text(g_strdup("ppolicyctl " PACKAGE_VERSION "\n"));
	else
		status = carry_out(&options);
	g_free(options.socket);
	g_strfreev(options.words);
	return status;
}

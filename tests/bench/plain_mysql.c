/* bench/plain_mysql.c - one statement a commit by plain connections to MySQL or MariaDB, and how fast it is
 *
 *   plain_mysql [-c CONNECTIONS] [-s SECONDS] [-w WARM-UP SECONDS] [-n FIRST]
 *               SOCKET USER DATABASE ARGUMENT...
 *
 * Each connection has a thread, as programs that use the library do; the statement, with ? for
 * each ARGUMENT, is read from standard input, prepared once and then run again and again, each time
 * for another triplet: id, client, sender, recipient, now, or a number that stands for itself. The
 * password is that of the environment's PASSWORD. It prints one line of JSON.
 */
#include <err.h>
#include <mysql.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 32, SQL_MAX = 65536, TEXT_SIZE = 80, NETWORKS = 250000, SAMPLES_MAX = 1 << 22 };

static char sql[SQL_MAX];
static size_t sql_length;
static char *const *arguments;
static unsigned argument_count;
static const char *where, *user, *database;
static atomic_uint next;
static int64_t begin, end; /* of what is measured */
static pthread_barrier_t ready, go;

struct client {
	pthread_t thread;
	MYSQL *handle;
	uint32_t *samples; /* nanoseconds */
	unsigned sample_count;
	unsigned asked;
};

/* What stands for the arguments of one run. */
struct triplet {
	int64_t id, now;
	char client[TEXT_SIZE], sender[TEXT_SIZE], recipient[TEXT_SIZE];
};

static int64_t clock_now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* -- a triplet --------------------------------------------------------------- */

/* Spread over all numbers, as a hash is (splitmix64, by Sebastiano Vigna). */
static int64_t spread(uint64_t number)
{
	number = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
	number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
	return (int64_t)((number ^ number >> 31) & INT64_MAX);
}

/* As load_request.c asks about it, and the module writes it; the hash is another. */
static void make_triplet(unsigned number, struct triplet *triplet)
{
	uint32_t network = number % NETWORKS * UINT32_C(2654435761);

	triplet->id = spread(number);
	triplet->now = clock_now(CLOCK_REALTIME) / 1000000;
	snprintf(triplet->client, TEXT_SIZE, "2001:db8:%x:%x::/64", network >> 16 | 0x1000,
	         (network & 0xffff) | 0x1000);
	snprintf(triplet->sender, TEXT_SIZE, "user%07u@sender-domain.example.net", number);
	snprintf(triplet->recipient, TEXT_SIZE, "recipient%u@department.example.org", 100 + number % 150);
}

static void bind_text(MYSQL_BIND *bind, char *text)
{
	bind->buffer_type = MYSQL_TYPE_STRING;
	bind->buffer = text;
	bind->buffer_length = strlen(text);
}

static void bind_argument(MYSQL_BIND *bind, const char *name, struct triplet *triplet, int64_t *number)
{
	if (strcmp(name, "client") == 0) {
		bind_text(bind, triplet->client);
	} else if (strcmp(name, "sender") == 0) {
		bind_text(bind, triplet->sender);
	} else if (strcmp(name, "recipient") == 0) {
		bind_text(bind, triplet->recipient);
	} else {
		*number = strcmp(name, "id") == 0    ? triplet->id
		          : strcmp(name, "now") == 0 ? triplet->now
		                                     : atoll(name);
		bind->buffer_type = MYSQL_TYPE_LONGLONG;
		bind->buffer = number;
	}
}

/* -- a connection -------------------------------------------------------------- */

static void run_once(MYSQL_STMT *statement)
{
	MYSQL_BIND binds[ARGUMENTS_MAX] = { 0 };
	int64_t numbers[ARGUMENTS_MAX];
	struct triplet triplet;

	make_triplet(atomic_fetch_add(&next, 1), &triplet);
	for (unsigned i = 0; i < argument_count; i++)
		bind_argument(&binds[i], arguments[i], &triplet, &numbers[i]);
	if (mysql_stmt_bind_param(statement, binds) != 0 || mysql_stmt_execute(statement) != 0 ||
	    (mysql_stmt_field_count(statement) > 0 && mysql_stmt_store_result(statement) != 0))
		errx(1, "%s", mysql_stmt_error(statement));
	if (mysql_stmt_field_count(statement) > 0 && mysql_stmt_num_rows(statement) != 1)
		errx(1, "a statement had not one row as its result");
	mysql_stmt_free_result(statement);
}

static void connect_client(struct client *client)
{
	client->handle = mysql_init(NULL);
	client->samples = calloc(SAMPLES_MAX, sizeof(*client->samples));
	if (client->handle == NULL || client->samples == NULL)
		err(1, "calloc");
	mysql_options(client->handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	if (mysql_real_connect(client->handle, NULL, user, getenv("PASSWORD"), database, 0, where, 0) == NULL)
		errx(1, "%s", mysql_error(client->handle));
	if (mysql_query(client->handle, "SET SESSION collation_connection = 'utf8mb4_bin', autocommit = 1") !=
	            0 ||
	    mysql_query(client->handle, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED") != 0)
		errx(1, "%s", mysql_error(client->handle));
}

static void *work(void *data)
{
	struct client *client = data;
	MYSQL_STMT *statement;

	mysql_thread_init();
	connect_client(client);
	statement = mysql_stmt_init(client->handle);
	if (statement == NULL || mysql_stmt_prepare(statement, sql, sql_length) != 0)
		errx(1, "%s", statement == NULL ? "no memory" : mysql_stmt_error(statement));
	if (mysql_stmt_param_count(statement) != argument_count)
		errx(1, "%u arguments for %lu places", argument_count, mysql_stmt_param_count(statement));
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&go);
	for (int64_t time = clock_now(CLOCK_MONOTONIC), before; time < end;) {
		before = time;
		run_once(statement);
		client->asked++;
		time = clock_now(CLOCK_MONOTONIC);
		if (before >= begin && client->sample_count < SAMPLES_MAX)
			client->samples[client->sample_count++] = (uint32_t)(time - before);
	}
	mysql_stmt_close(statement);
	mysql_close(client->handle);
	mysql_thread_end();
	return NULL;
}

/* -- the program ---------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static void report(struct client *clients, unsigned count)
{
	unsigned total = 0, asked = 0, filled = 0;
	uint32_t *all;

	for (unsigned i = 0; i < count; i++) {
		total += clients[i].sample_count;
		asked += clients[i].asked;
	}
	all = calloc(total + 1, sizeof(*all));
	if (all == NULL || total == 0)
		errx(1, "nothing was measured");
	for (unsigned i = 0; i < count; i++) {
		memcpy(all + filled, clients[i].samples, clients[i].sample_count * sizeof(*all));
		filled += clients[i].sample_count;
	}
	qsort(all, total, sizeof(*all), compare);
	printf("{\"replies\": %u, \"asked\": %u, \"next\": %u, \"rate\": %.1f, \"p50_us\": %.2f, "
	       "\"p99_us\": %.2f}\n",
	       total, asked, atomic_load(&next), (double)total * 1e9 / (double)(end - begin),
	       all[total / 2] / 1e3, all[total - 1 - total / 100] / 1e3);
	free(all);
}

static void run(unsigned count, double warm, double seconds)
{
	struct client *clients = calloc(count, sizeof(*clients));

	if (clients == NULL)
		err(1, "calloc");
	pthread_barrier_init(&ready, NULL, count + 1);
	pthread_barrier_init(&go, NULL, count + 1);
	for (unsigned i = 0; i < count; i++)
		pthread_create(&clients[i].thread, NULL, work, &clients[i]);
	pthread_barrier_wait(&ready);
	begin = clock_now(CLOCK_MONOTONIC) + (int64_t)(warm * 1e9);
	end = begin + (int64_t)(seconds * 1e9);
	pthread_barrier_wait(&go);
	for (unsigned i = 0; i < count; i++)
		pthread_join(clients[i].thread, NULL);
	report(clients, count);
}

int main(int argc, char **argv)
{
	unsigned connections = 1;
	double seconds = 1, warm = 0.2;
	bool good = true;
	int option;

	while ((option = getopt(argc, argv, "c:s:w:n:")) != -1) {
		switch (option) {
		case 'c': connections = (unsigned)atoi(optarg); break;
		case 's': seconds = atof(optarg); break;
		case 'w': warm = atof(optarg); break;
		case 'n': atomic_store(&next, (unsigned)atoi(optarg)); break;
		default: good = false;
		}
	}
	if (!good || connections == 0 || argc < optind + 3 || argc - optind - 3 > ARGUMENTS_MAX)
		errx(2, "usage: plain_mysql [options] SOCKET USER DATABASE ARGUMENT...");
	where = argv[optind];
	user = argv[optind + 1];
	database = argv[optind + 2];
	arguments = argv + optind + 3;
	argument_count = (unsigned)(argc - optind - 3);
	sql_length = fread(sql, 1, sizeof(sql), stdin);
	mysql_library_init(0, NULL, NULL);
	run(connections, warm, seconds);
	return 0;
}

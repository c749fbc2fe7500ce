/* service/dns_channel.c - c-ares on a loop: questions out, messages in */
#define CARES_NO_DEPRECATED
#include "service/dns_channel.h"

#include <ares.h>
#include <arpa/inet.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include "service/dns_sockets.h"

#define CLASS_IN 1
#define FORMERR 1 /* a server does not understand the question */
#define PORT 53
#define EDNS_SIZE 1232          /* what passes everywhere in one piece */
#define QUERIES_OF_A_SOCKET 100 /* then another source port */
#define NAME_TEXT_MAX 512       /* for c-ares: at worst each byte has a backslash */

/* One channel of c-ares. */
struct line {
	struct dns_sockets sockets; /* first */
	ares_channel ares;          /* NULL: there is none */
	struct dns_channel *channel;
	enum loop_rank rank;
	struct loop_timer timer; /* never later than the first of its queries is due; else not set */
	unsigned open;
};

struct lane {
	struct line first, others; /* others: all servers but the first, asked when one does not answer */
};

struct dns_channel {
	struct loop *loop;
	pp_msec_t timeout;
	struct lane prompt, patient;
};

/* -- servers ------------------------------------------------------------- */

static bool parse_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	*port = (uint16_t)number;
	return g_ascii_isdigit(*text) && *end == '\0' && number > 0 && number <= 65535;
}

bool dns_server_parse(const char *text, struct dns_server *server)
{
	const bool bracket = *text == '[';
	const char *end = bracket ? strchr(text, ']') : strchr(text, ':');
	char address[64];
	size_t length;

	server->port = PORT;
	if (!bracket && (end == NULL || strchr(end + 1, ':') != NULL))
		return pp_address_parse(text, &server->address);
	if (end == NULL || (size_t)(end - text) >= sizeof(address))
		return false;
	length = (size_t)(end - text) - bracket;
	memcpy(address, text + bracket, length);
	address[length] = '\0';
	end += bracket;
	if (!pp_address_parse(address, &server->address) || (bracket && strchr(address, ':') == NULL))
		return false;
	return (bracket && *end == '\0') || (*end == ':' && parse_port(end + 1, &server->port));
}

static void fill_node(const struct dns_server *server, struct ares_addr_port_node *node)
{
	*node = (struct ares_addr_port_node){ .udp_port = server->port, .tcp_port = server->port };
	node->family = server->address.family == 6 ? AF_INET6 : AF_INET;
	memcpy(&node->addr, server->address.bytes, node->family == AF_INET6 ? 16 : 4);
}

static int use_servers(ares_channel ares, const pp_texts_t *servers)
{
	g_autofree struct ares_addr_port_node *nodes = g_new0(struct ares_addr_port_node, servers->count);

	for (size_t i = 0; i < servers->count; i++) {
		struct dns_server server;

		if (!dns_server_parse(servers->items[i], &server))
			return ARES_EBADSTR;
		fill_node(&server, &nodes[i]);
		if (i > 0)
			nodes[i - 1].next = &nodes[i];
	}
	return ares_set_servers_ports(ares, nodes);
}

/* -- sockets and time ---------------------------------------------------- */

static void ready(struct dns_sockets *sockets, ares_socket_t readable, ares_socket_t writable)
{
	ares_process_fd(((struct line *)sockets)->ares, readable, writable);
}

/* ares_timeout() cuts to whole milliseconds: one more, or the last of them is spent spinning. */
static void time_over(struct loop_timer *timer)
{
	struct line *line = (struct line *)((char *)timer - offsetof(struct line, timer));
	struct timeval left;

	ares_process_fd(line->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	if (line->open > 0 && ares_timeout(line->ares, NULL, &left) != NULL)
		loop_timer_set(line->channel->loop, timer,
		               pp_now() + left.tv_sec * 1000 + left.tv_usec / 1000 + 1);
}

/* A try never lasts less than the timeout, so only a query that is new can be due first. */
static void watch_time(struct line *line)
{
	pp_msec_t due = loop_now(line->channel->loop) + line->channel->timeout + 1;

	if (line->open > 0 && (line->timer.place == 0 || line->timer.due > due))
		loop_timer_set(line->channel->loop, &line->timer, due);
}

/* -- asking -------------------------------------------------------------- */

static void came_first(void *data, int status, int timeouts, unsigned char *message, int size);
static void came_again(void *data, int status, int timeouts, unsigned char *message, int size);

/* c-ares takes a backslash before any byte. */
static void write_name(const struct dns_name *name, char text[NAME_TEXT_MAX])
{
	for (size_t i = 0; name->wire[i] != 0;) {
		size_t end = i + 1 + name->wire[i];

		if (i++ > 0)
			*text++ = '.';
		for (; i < end; i++) {
			if (name->wire[i] == '.' || name->wire[i] == '\\')
				*text++ = '\\';
			*text++ = (char)name->wire[i];
		}
	}
	*text = '\0';
}

static void ask(struct line *line, struct dns_query *query, ares_callback came)
{
	char text[NAME_TEXT_MAX];

	write_name(&query->name, text);
	line->open++;
	/* It may be answered before this returns, and gone. */
	ares_query(line->ares, text, CLASS_IN, (int)query->type, came, query);
	watch_time(line);
}

static pp_dns_status_t status_of(int status)
{
	switch (status) {
	case ARES_ETIMEOUT: return PP_DNS_TIMEOUT;
	case ARES_EBADNAME: return PP_DNS_BAD_NAME;
	case ARES_ENOTFOUND: return PP_DNS_NXDOMAIN; /* names that are not to be asked, of RFC 7686 */
	case ARES_EBADRESP: return PP_DNS_BROKEN;
	case ARES_ECANCELLED:
	case ARES_EDESTRUCTION:
	case ARES_ENOMEM: return PP_DNS_NOT_ASKED;
	default: return PP_DNS_UNREACHABLE;
	}
}

static void keep_message(struct dns_query *query, int status, const unsigned char *message, int size)
{
	g_free(query->message);
	query->message = NULL;
	query->size = 0;
	query->status = status_of(status);
	if (message == NULL || size <= 0)
		return;
	query->message = g_memdup2(message, (gsize)size);
	query->size = (size_t)size;
}

/* Whether the server said anything but an answer. */
static bool is_no_answer(const unsigned char *message, int size)
{
	pp_dns_status_t said = message != NULL ? dns_answer_peek(message, (size_t)size) : PP_DNS_TIMEOUT;

	return said != PP_DNS_FOUND && said != PP_DNS_NXDOMAIN;
}

/* At the first such answer of a server without EDNS c-ares leaves that away, and asks again; of
 * what was under way then, it does not. */
static bool wants_again(struct dns_query *query)
{
	if (query->again || query->size < 4 || (query->message[3] & 15) != FORMERR)
		return false;
	query->again = true;
	return true;
}

static struct lane *lane_of(const struct dns_query *query)
{
	return query->patient ? &query->channel->patient : &query->channel->prompt;
}

static void came_first(void *data, int status, int timeouts, unsigned char *message, int size)
{
	struct dns_query *query = data;
	struct lane *lane = lane_of(query);

	(void)timeouts;
	lane->first.open--;
	keep_message(query, status, message, size);
	if (wants_again(query))
		ask(&lane->first, query, came_first);
	else if (message != NULL && is_no_answer(message, size) && lane->others.ares != NULL)
		ask(&lane->others, query, came_again);
	else
		query->answered(query);
}

static void came_again(void *data, int status, int timeouts, unsigned char *message, int size)
{
	struct dns_query *query = data;

	(void)timeouts;
	lane_of(query)->others.open--;
	if (message != NULL && !is_no_answer(message, size))
		keep_message(query, status, message, size);
	query->answered(query);
}

void dns_channel_ask(struct dns_channel *channel, struct dns_query *query)
{
	query->channel = channel;
	ask(&lane_of(query)->first, query, came_first);
}

unsigned dns_channel_open(const struct dns_channel *channel)
{
	return channel->prompt.first.open + channel->prompt.others.open + channel->patient.first.open +
	       channel->patient.others.open;
}

/* -- channels ------------------------------------------------------------ */

static int open_line(struct line *line, const struct dns_settings *settings, int flags, int tries)
{
	static char lookups[] = "b";
	struct ares_options options = {
		.flags = ARES_FLAG_EDNS | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | flags,
		.timeout = (int)settings->timeout,
		.tries = tries,
		.ednspsz = EDNS_SIZE,
		.lookups = lookups,
		.sock_state_cb = dns_sockets_changed,
		.sock_state_cb_data = &line->sockets,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
	           ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS | ARES_OPT_SOCK_STATE_CB |
	           ARES_OPT_NOROTATE; /* of resolv.conf; see the others */
	int status;

#ifdef ARES_OPT_UDP_MAX_QUERIES
	options.udp_max_queries = QUERIES_OF_A_SOCKET;
	mask |= ARES_OPT_UDP_MAX_QUERIES;
#endif
#ifdef ARES_OPT_QUERY_CACHE
	options.qcache_max_ttl = 0;
	mask |= ARES_OPT_QUERY_CACHE;
#endif
	dns_sockets_init(&line->sockets, line->channel->loop, line->rank, ready);
	status = ares_init_options(&line->ares, &options, mask);
	if (status == ARES_SUCCESS)
		dns_sockets_use(&line->sockets, line->ares);
	return status;
}

static void close_line(struct line *line)
{
	if (line->ares == NULL)
		return;
	ares_destroy(line->ares);
	line->ares = NULL;
	loop_timer_cancel(line->channel->loop, &line->timer);
	dns_sockets_clear(&line->sockets);
}

/* The same servers without the first, where there are several. */
static int open_others(struct lane *lane, const struct dns_settings *settings)
{
	struct ares_addr_port_node *servers = NULL;
	int status = ares_get_servers_ports(lane->first.ares, &servers);

	if (status == ARES_SUCCESS && servers != NULL && servers->next != NULL) {
		status = open_line(&lane->others, settings, 0, 1);
		if (status == ARES_SUCCESS)
			status = ares_set_servers_ports(lane->others.ares, servers->next);
	}
	ares_free_data(servers);
	return status;
}

static int open_lane(struct dns_channel *channel, struct lane *lane, enum loop_rank rank,
                     const struct dns_settings *settings)
{
	int status;

	lane->first = (struct line){ .channel = channel, .rank = rank, .timer.expired = time_over };
	lane->others = lane->first;
	status = open_line(&lane->first, settings, ARES_FLAG_NOCHECKRESP, (int)settings->tries);
	if (status == ARES_SUCCESS && settings->servers != NULL)
		status = use_servers(lane->first.ares, settings->servers);
	return status == ARES_SUCCESS ? open_others(lane, settings) : status;
}

struct dns_channel *dns_channel_new(struct loop *loop, const struct dns_settings *settings, char **reason)
{
	static gsize once;
	struct dns_channel *channel = g_new0(struct dns_channel, 1);
	int status;

	if (g_once_init_enter(&once)) {
		ares_library_init(ARES_LIB_INIT_ALL);
		g_once_init_leave(&once, 1);
	}
	*channel = (struct dns_channel){ .loop = loop, .timeout = settings->timeout };
	status = open_lane(channel, &channel->prompt, LOOP_PROMPT, settings);
	if (status == ARES_SUCCESS)
		status = open_lane(channel, &channel->patient, LOOP_PATIENT, settings);
	if (status == ARES_SUCCESS)
		return channel;
	*reason = g_strdup(ares_strerror(status));
	dns_channel_free(channel);
	return NULL;
}

/* In this order: what is asked of others came from the first. */
static void close_lane(struct lane *lane)
{
	close_line(&lane->first);
	close_line(&lane->others);
}

void dns_channel_free(struct dns_channel *channel)
{
	if (channel == NULL)
		return;
	close_lane(&channel->prompt);
	close_lane(&channel->patient);
	g_free(channel);
}

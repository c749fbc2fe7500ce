/* base/address.c - IP addresses and sets of networks */
#include "base/address.h"

#include <arpa/inet.h>
#include <glib.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* An address as a number of 128 bits: IPv4 in the last 32. */
struct wide {
	uint64_t high, low;
};

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static int family_bits(int family)
{
	return family == 4 ? 32 : 128;
}

/* An IPv4-mapped address becomes IPv4; unused bytes are zero. */
static pp_address_t address_normal(const pp_address_t *address)
{
	pp_address_t normal = { 0 };

	if (address->family == 6 && memcmp(address->bytes, mapped, sizeof(mapped)) == 0) {
		normal.family = 4;
		memcpy(normal.bytes, address->bytes + sizeof(mapped), 4);
	} else if (address->family == 4 || address->family == 6) {
		normal.family = address->family;
		memcpy(normal.bytes, address->bytes, (size_t)family_bits(address->family) / 8);
	}
	return normal;
}

/* The address as it was written, an IPv4-mapped one still IPv6. */
static bool parse_raw(const char *text, pp_address_t *address)
{
	*address = (pp_address_t){ 0 };
	address->family = strchr(text, ':') != NULL ? 6 : 4;
	return inet_pton(address->family == 6 ? AF_INET6 : AF_INET, text, address->bytes) == 1;
}

bool pp_address_parse(const char *text, pp_address_t *address)
{
	pp_address_t raw;

	if (!parse_raw(text, &raw))
		return false;
	*address = address_normal(&raw);
	return true;
}

/* Clears the bits behind prefix; true if all were clear. */
static bool clear_host(pp_address_t *address, int prefix)
{
	int size = family_bits(address->family) / 8;
	bool clear = true;

	for (int i = 0; i < size; i++) {
		int kept = CLAMP(prefix - i * 8, 0, 8);
		uint8_t mask = (uint8_t)(0xff00 >> kept);

		clear = clear && (address->bytes[i] & ~mask & 0xff) == 0;
		address->bytes[i] &= mask;
	}
	return clear;
}

/* Clears the host bits, and makes what lies in the IPv4-mapped part IPv4; true if
 * they were clear. */
static bool network_normal(pp_address_t *address, int *prefix)
{
	int family = address->family;
	bool clear = clear_host(address, *prefix);

	*address = address_normal(address);
	if (address->family != family)
		*prefix = MAX(*prefix - 96, 0);
	return clear;
}

const char *pp_address_print(const pp_address_t *address, int prefix, char buffer[64])
{
	pp_address_t copy = *address;

	if (prefix >= 0 && address->family != 0)
		clear_host(&copy, prefix);
	if (address->family == 0 ||
	    inet_ntop(address->family == 6 ? AF_INET6 : AF_INET, copy.bytes, buffer, 64) == NULL)
		buffer[0] = '\0';
	return buffer;
}

/* Digits without a sign, a blank or a leading zero; -1 if it is anything else. */
static int prefix_parse(const char *text, int most)
{
	int prefix = 0;

	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return -1;
	for (; *text != '\0'; text++) {
		if (!g_ascii_isdigit(*text))
			return -1;
		prefix = prefix * 10 + (*text - '0');
		if (prefix > most)
			return -1;
	}
	return prefix;
}

bool pp_network_parse(const char *text, bool strict, pp_address_t *address, int *prefix)
{
	const char *slash = strchr(text, '/');
	char buffer[INET6_ADDRSTRLEN];
	pp_address_t raw;
	size_t length = slash == NULL ? strlen(text) : (size_t)(slash - text);
	int bits;

	if (length >= sizeof(buffer))
		return false;
	memcpy(buffer, text, length);
	buffer[length] = '\0';
	if (!parse_raw(buffer, &raw))
		return false;
	bits = family_bits(raw.family);
	if (slash != NULL)
		bits = prefix_parse(slash + 1, bits);
	if (bits < 0 || (!network_normal(&raw, &bits) && strict))
		return false;
	*address = raw;
	*prefix = bits;
	return true;
}

pp_address_t address_of_sockaddr(const struct sockaddr *sockaddr)
{
	pp_address_t address = { 0 };

	if (sockaddr->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sockaddr;

		address.family = 4;
		memcpy(address.bytes, &in->sin_addr, 4);
	} else if (sockaddr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sockaddr;

		address.family = 6;
		memcpy(address.bytes, &in6->sin6_addr, 16);
	}
	return address_normal(&address);
}

/* -- sets of networks ---------------------------------------------------- */

/* Networks either contain one another or are apart, so a sorted list of them falls
 * into disjoint ranges, each with the number of the innermost; finding is a search
 * among the ranges' starts. */

struct network {
	struct wide start;
	uint32_t number, order; /* as added */
	uint8_t prefix;
};

struct pp_networks_builder {
	GArray *networks[2]; /* of struct network: IPv4, IPv6 */
};

struct range {
	struct wide start, end;
	uint32_t number;
};

struct range4 {
	uint32_t start, end, number;
};

struct pp_networks {
	size_t count4, count6;
	struct range4 *ranges4;
	struct range *ranges6;
};

static int compare(struct wide a, struct wide b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	return a.low < b.low ? -1 : a.low > b.low;
}

static struct wide plus_one(struct wide a)
{
	a.high += ++a.low == 0;
	return a;
}

static struct wide less_one(struct wide a)
{
	a.high -= a.low-- == 0;
	return a;
}

/* The last address of the network of 128 bits that begins at start. */
static struct wide last_of(struct wide start, int prefix)
{
	if (prefix < 64)
		start.high |= UINT64_MAX >> prefix;
	if (prefix < 128)
		start.low |= UINT64_MAX >> MAX(prefix - 64, 0);
	return start;
}

static uint32_t number4(const pp_address_t *address)
{
	uint32_t number;

	memcpy(&number, address->bytes, sizeof(number));
	return GUINT32_FROM_BE(number);
}

static struct wide wide_of(const pp_address_t *address)
{
	struct wide wide = { 0 };

	if (address->family == 4) {
		wide.low = number4(address);
	} else {
		memcpy(&wide, address->bytes, sizeof(wide));
		wide.high = GUINT64_FROM_BE(wide.high);
		wide.low = GUINT64_FROM_BE(wide.low);
	}
	return wide;
}

static pp_address_t address_of(struct wide wide, int family)
{
	pp_address_t address = { .family = (uint8_t)family };
	uint32_t four = GUINT32_TO_BE((uint32_t)wide.low);

	if (family == 4) {
		memcpy(address.bytes, &four, sizeof(four));
	} else {
		wide.high = GUINT64_TO_BE(wide.high);
		wide.low = GUINT64_TO_BE(wide.low);
		memcpy(address.bytes, &wide, sizeof(wide));
	}
	return address;
}

pp_networks_builder_t *pp_networks_builder_new(void)
{
	pp_networks_builder_t *builder = g_new(pp_networks_builder_t, 1);

	for (int i = 0; i < 2; i++)
		builder->networks[i] = g_array_new(FALSE, FALSE, sizeof(struct network));
	return builder;
}

void pp_networks_add(pp_networks_builder_t *builder, const pp_address_t *address, int prefix, uint32_t number)
{
	struct network network = { .number = number };
	pp_address_t normal = *address;
	GArray *networks;

	if (address->family == 0)
		return;
	prefix = CLAMP(prefix, 0, family_bits(address->family));
	network_normal(&normal, &prefix);
	networks = builder->networks[normal.family == 6];
	network.order = networks->len;
	network.start = wide_of(&normal);
	/* IPv4 stands in the last 32 of 128 bits. */
	network.prefix = (uint8_t)(prefix + 128 - family_bits(normal.family));
	g_array_append_val(networks, network);
}

/* The outer before the inner, of equal ones the first added. */
static int compare_networks(const void *a, const void *b)
{
	const struct network *one = a, *other = b;
	int order = compare(one->start, other->start);

	if (order == 0)
		order = one->prefix - other->prefix;
	if (order == 0)
		order = one->order < other->order ? -1 : 1;
	return order;
}

static void append_range(GArray *ranges, struct wide start, struct wide end, uint32_t number)
{
	struct range range = { .start = start, .end = end, .number = number };

	if (ranges->len > 0) {
		struct range *last = &g_array_index(ranges, struct range, ranges->len - 1);

		if (last->number == number && compare(plus_one(last->end), start) == 0) {
			last->end = end;
			return;
		}
	}
	g_array_append_val(ranges, range);
}

/* The open networks, outermost first, and where the next range starts. */
struct sweep {
	struct range open[129];
	size_t depth;
	struct wide next;
	bool over; /* the last address of all has its range */
	GArray *ranges;
};

/* Ends the open networks that end before start, or all. */
static void sweep_close(struct sweep *sweep, const struct wide *start)
{
	while (sweep->depth > 0) {
		const struct range *top = &sweep->open[sweep->depth - 1];

		if (start != NULL && compare(top->end, *start) >= 0)
			return;
		if (!sweep->over && compare(sweep->next, top->end) <= 0) {
			append_range(sweep->ranges, sweep->next, top->end, top->number);
			sweep->next = plus_one(top->end);
			sweep->over = compare(sweep->next, (struct wide){ 0 }) == 0;
		}
		sweep->depth--;
	}
}

static void sweep_open(struct sweep *sweep, const struct network *network)
{
	struct range range = { .start = network->start,
		               .end = last_of(network->start, network->prefix),
		               .number = network->number };

	sweep_close(sweep, &range.start);
	if (sweep->depth > 0) {
		const struct range *outer = &sweep->open[sweep->depth - 1];

		if (compare(outer->start, range.start) == 0 && compare(outer->end, range.end) == 0)
			return;
		if (compare(sweep->next, range.start) < 0)
			append_range(sweep->ranges, sweep->next, less_one(range.start), outer->number);
	}
	sweep->open[sweep->depth++] = range;
	sweep->next = range.start;
}

/* Sorted, disjoint ranges, of struct range. Frees the networks. */
static GArray *flatten(GArray *networks)
{
	struct sweep sweep = { .ranges = g_array_new(FALSE, FALSE, sizeof(struct range)) };
	const struct network *all = (const struct network *)(const void *)networks->data;
	bool sorted = true;

	for (guint i = 1; i < networks->len && sorted; i++)
		sorted = compare_networks(&all[i - 1], &all[i]) < 0;
	if (!sorted)
		qsort(networks->data, networks->len, sizeof(struct network), compare_networks);
	for (guint i = 0; i < networks->len; i++)
		sweep_open(&sweep, &all[i]);
	sweep_close(&sweep, NULL);
	g_array_free(networks, TRUE);
	return sweep.ranges;
}

pp_networks_t *pp_networks_build(pp_networks_builder_t *builder)
{
	pp_networks_t *networks = g_new(pp_networks_t, 1);
	GArray *ranges = flatten(builder->networks[0]);

	networks->count4 = ranges->len;
	networks->ranges4 = g_new(struct range4, networks->count4);
	for (size_t i = 0; i < networks->count4; i++) {
		const struct range *range = &g_array_index(ranges, struct range, i);
		struct range4 *range4 = &networks->ranges4[i];

		range4->start = (uint32_t)range->start.low;
		range4->end = (uint32_t)range->end.low;
		range4->number = range->number;
	}
	g_array_free(ranges, TRUE);
	ranges = flatten(builder->networks[1]);
	networks->count6 = ranges->len;
	networks->ranges6 = (struct range *)(void *)g_array_free(ranges, FALSE);
	g_free(builder);
	return networks;
}

void pp_networks_free(pp_networks_t *networks)
{
	if (networks == NULL)
		return;
	g_free(networks->ranges4);
	g_free(networks->ranges6);
	g_free(networks);
}

static bool find4(const pp_networks_t *networks, uint32_t address, uint32_t *number)
{
	const struct range4 *ranges = networks->ranges4;
	size_t low = 0, high = networks->count4; /* the first range that starts behind address */

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ranges[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || ranges[low - 1].end < address)
		return false;
	*number = ranges[low - 1].number;
	return true;
}

static bool find6(const pp_networks_t *networks, struct wide address, uint32_t *number)
{
	const struct range *ranges = networks->ranges6;
	size_t low = 0, high = networks->count6;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(ranges[middle].start, address) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || compare(ranges[low - 1].end, address) < 0)
		return false;
	*number = ranges[low - 1].number;
	return true;
}

bool pp_networks_find(const pp_networks_t *networks, const pp_address_t *address, uint32_t *number)
{
	pp_address_t normal = address_normal(address);
	uint32_t unwanted;

	if (number == NULL)
		number = &unwanted;
	if (networks == NULL || normal.family == 0)
		return false;
	if (normal.family == 4)
		return find4(networks, number4(&normal), number);
	return find6(networks, wide_of(&normal), number);
}

/* The largest network that begins where the range begins and does not leave it. */
static int widest_prefix(const struct range *range)
{
	int prefix = 128;

	while (prefix > 0) {
		/* One bit less: is that bit clear, and the end within? */
		int bit = 128 - prefix;
		uint64_t half = bit < 64 ? range->start.low >> bit : range->start.high >> (bit - 64);

		if ((half & 1) != 0 || compare(last_of(range->start, prefix - 1), range->end) > 0)
			break;
		prefix--;
	}
	return prefix;
}

static void range_each(struct range range, int family, networks_each_fn each, void *data)
{
	while (true) {
		pp_address_t address = address_of(range.start, family);
		int prefix = widest_prefix(&range);
		struct wide end = last_of(range.start, prefix);

		each(&address, prefix - 128 + family_bits(family), range.number, data);
		if (compare(end, range.end) == 0)
			return;
		range.start = plus_one(end);
	}
}

void networks_each(const pp_networks_t *networks, networks_each_fn each, void *data)
{
	for (size_t i = 0; i < networks->count4; i++) {
		const struct range4 *range4 = &networks->ranges4[i];
		struct range range = { .start = { 0, range4->start },
			               .end = { 0, range4->end },
			               .number = range4->number };

		range_each(range, 4, each, data);
	}
	for (size_t i = 0; i < networks->count6; i++)
		range_each(networks->ranges6[i], 6, each, data);
}

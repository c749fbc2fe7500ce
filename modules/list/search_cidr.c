/* search_cidr.c - the search for the smallest network that holds an address */
#include "list.h"

/* found_by is the builder until the last entry, then the set. */
static bool add(struct snapshot *snapshot, const struct conf *conf, char *key, char *wrong)
{
	pp_address_t address;
	int prefix;
	char buffer[64];

	(void)conf;
	if (!pp_network_parse(key, true, &address, &prefix)) {
		if (pp_network_parse(key, false, &address, &prefix))
			g_snprintf(wrong, LIST_WRONG_SIZE, "bits are set behind the prefix; write '%s/%d'",
			           pp_address_print(&address, prefix, buffer), prefix);
		else
			g_strlcpy(wrong, "a network such as '192.0.2.0/24' or '2001:db8::1' is wanted",
			          LIST_WRONG_SIZE);
		return false;
	}
	if (snapshot->found_by == NULL)
		snapshot->found_by = pp_networks_builder_new();
	pp_networks_add(snapshot->found_by, &address, prefix, snapshot->count);
	return true;
}

static void finish(struct snapshot *snapshot)
{
	if (snapshot->found_by == NULL)
		snapshot->found_by = pp_networks_builder_new();
	snapshot->found_by = pp_networks_build(snapshot->found_by);
}

static struct result find(const struct snapshot *snapshot, const struct conf *conf, char *value)
{
	struct result result = { .outcome = OUTCOME_ABSENT };
	pp_address_t address;

	(void)conf;
	if (!pp_address_parse(value, &address))
		return (struct result){ .outcome = OUTCOME_NONE, .why = "is no IP address" };
	if (pp_networks_find(snapshot->found_by, &address, &result.entry))
		result.outcome = OUTCOME_FOUND;
	return result;
}

static void clear(struct snapshot *snapshot)
{
	pp_networks_free(snapshot->found_by);
}

const struct search search_cidr = {
	.name = "cidr",
	.add = add,
	.finish = finish,
	.find = find,
	.free = clear,
};

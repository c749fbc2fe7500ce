/* search_name.c - the searches for mail addresses and for domains
 *
 * What stands on a list: "user@example.org", "user@" (this local part in every
 * domain), "example.org", ".example.org" (its subdomains only), "<>" (the null
 * sender). Upper and lower case are the same (ASCII).
 */
#include <string.h>
#include "list.h"

#define DOMAIN_MAX 255 /* RFC 1035 2.3.4 */

static void lower(char *text)
{
	for (; *text != '\0'; text++)
		*text = g_ascii_tolower(*text);
}

/* "example.org." is "example.org". */
static void drop_last_dot(char *domain)
{
	size_t length = strlen(domain);

	if (length > 1 && domain[length - 1] == '.')
		domain[length - 1] = '\0';
}

static bool fail(char *wrong, const char *sentence)
{
	g_strlcpy(wrong, sentence, LIST_WRONG_SIZE);
	return false;
}

static bool check_domain(const char *domain, char *wrong)
{
	const char *name = domain[0] == '.' ? domain + 1 : domain;

	if (g_str_has_prefix(domain, "*"))
		return fail(wrong,
		            "there are no wildcards; write '.example.org' for the subdomains of example.org");
	if (*name == '\0' || *name == '.' || strstr(name, "..") != NULL)
		return fail(wrong,
		            "a domain such as 'example.org' or '.example.org' is wanted: a label is empty");
	if (strlen(name) > DOMAIN_MAX)
		return fail(wrong, "a domain has at most 255 characters");
	if (strpbrk(name, " \t/,;<>\"") != NULL)
		return fail(wrong, "a domain such as 'example.org' or '.example.org' is wanted");
	return true;
}

static bool add_domain(struct snapshot *snapshot, const struct conf *conf, char *key, char *wrong)
{
	(void)snapshot;
	(void)conf;
	if (strcmp(key, "<>") == 0)
		return true;
	lower(key);
	drop_last_dot(key);
	if (strchr(key, '@') != NULL)
		return fail(wrong, "a domain is wanted; addresses go with search = 'mail'");
	return check_domain(key, wrong);
}

/* Postfix sends local parts without quotes: "a b"@example.org as a b@example.org.
 * False: the quotes do not end before the @. */
static bool unquote_local(char *key, const char *at)
{
	char *from = key + 1, *to = key;

	if (*key != '"')
		return true;
	for (; from < at && *from != '"'; from++) {
		if (*from == '\\' && from + 1 < at)
			from++;
		*to++ = *from;
	}
	if (from + 1 != at)
		return false;
	memmove(to, at, strlen(at) + 1);
	return true;
}

static bool add_mail(struct snapshot *snapshot, const struct conf *conf, char *key, char *wrong)
{
	char *at = strrchr(key, '@');

	if (at == NULL)
		return add_domain(snapshot, conf, key, wrong);
	if (g_str_has_prefix(key, "*@"))
		return fail(wrong, "there are no wildcards; write 'example.org' for all of a domain");
	if (!unquote_local(key, at))
		return fail(wrong, "an address such as '\"a b\"@example.org' is wanted: the closing quote "
		                   "stands before the @");
	lower(key);
	drop_last_dot(key);
	at = strrchr(key, '@');
	if (at == key)
		return fail(wrong, "what stands before the @? Write 'example.org' for all of a domain");
	if (at[1] == '.')
		return fail(wrong, "an address has no '.' behind its @; write '.example.org' for subdomains");
	return at[1] == '\0' || check_domain(at + 1, wrong);
}

/* The domain as it is, then what it is a subdomain of, the nearest first. */
static bool find_domain(const struct snapshot *snapshot, const char *domain, bool subdomains,
                        struct result *result)
{
	size_t left = strlen(domain);
	const char *dot = domain;

	if (left <= DOMAIN_MAX && exact_find(snapshot, domain, left, "", 0, result))
		return true;
	while ((dot = strchr(dot + 1, '.')) != NULL) {
		left = strlen(dot);
		if (left > DOMAIN_MAX + 1)
			continue;
		if (exact_find(snapshot, dot, left, "", 0, result))
			return true;
		if (subdomains && exact_find(snapshot, dot + 1, left - 1, "", 0, result))
			return true;
	}
	return false;
}

static struct result search_for_domain(const struct snapshot *snapshot, const struct conf *conf, char *value)
{
	struct result result = { .outcome = OUTCOME_ABSENT };
	char *at = strrchr(value, '@');
	char *domain = at != NULL ? at + 1 : value;

	(void)conf;
	lower(domain);
	drop_last_dot(domain);
	if (domain[0] != '\0' && domain[0] != '.')
		find_domain(snapshot, domain, true, &result);
	return result;
}

/* How long the local part is without its address extension: "user" of "user+news". */
static size_t length_without_extension(const struct conf *conf, const char *local, size_t length)
{
	if (conf->extension == NULL || conf->extension[0] == '\0')
		return length;
	for (size_t i = 1; i < length; i++)
		if (strchr(conf->extension, local[i]) != NULL)
			return i;
	return length;
}

/* The whole address, without extension, the local part in every domain. */
static bool find_address(const struct snapshot *snapshot, const struct conf *conf, const char *address,
                         const char *at, struct result *result)
{
	size_t whole = (size_t)(at - address);
	size_t bare = length_without_extension(conf, address, whole);
	size_t domain = strlen(at);

	if (domain > 1 && (exact_find(snapshot, address, whole, at, domain, result) ||
	                   (bare < whole && exact_find(snapshot, address, bare, at, domain, result))))
		return true;
	return exact_find(snapshot, address, whole, "@", 1, result) ||
	       (bare < whole && exact_find(snapshot, address, bare, "@", 1, result));
}

static struct result search_for_mail(const struct snapshot *snapshot, const struct conf *conf, char *value)
{
	struct result result = { .outcome = OUTCOME_ABSENT };
	char *at = strrchr(value, '@');

	lower(value);
	if (strcmp(value, "<>") == 0) {
		exact_find(snapshot, value, 2, "", 0, &result);
		return result;
	}
	if (at == NULL) {
		/* "postmaster": a local part without a domain */
		find_address(snapshot, conf, value, value + strlen(value), &result);
		return result;
	}
	drop_last_dot(at);
	if (!find_address(snapshot, conf, value, at, &result) && at[1] != '\0' && at[1] != '.')
		find_domain(snapshot, at + 1, conf->subdomains, &result);
	return result;
}

const struct search search_mail = {
	.name = "mail",
	.add = add_mail,
	.finish = exact_finish,
	.find = search_for_mail,
	.free = exact_free,
};

const struct search search_domain = {
	.name = "domain",
	.add = add_domain,
	.finish = exact_finish,
	.find = search_for_domain,
	.free = exact_free,
};

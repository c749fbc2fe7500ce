/* request/action_restriction.c - names of restrictions that an action may be */
#include <glib.h>
#include <string.h>
#include "base/text.h"
#include "request/action_inside.h"

/* The restrictions of smtpd that take no argument. "reject" and "defer" are
 * missing: as an action they are read as access(5) words. */
static const char *const restrictions[] = {
	"permit",
	"permit_inet_interfaces",
	"permit_mynetworks",
	"permit_sasl_authenticated",
	"permit_tls_clientcerts",
	"permit_tls_all_clientcerts",
	"permit_auth_destination",
	"permit_mx_backup",
	"reject_plaintext_session",
	"reject_unauth_pipelining",
	"reject_unknown_client_hostname",
	"reject_unknown_reverse_client_hostname",
	"reject_invalid_helo_hostname",
	"reject_non_fqdn_helo_hostname",
	"reject_unknown_helo_hostname",
	"reject_non_fqdn_sender",
	"reject_unknown_sender_domain",
	"reject_unlisted_sender",
	"reject_unverified_sender",
	"reject_sender_login_mismatch",
	"reject_authenticated_sender_login_mismatch",
	"reject_known_sender_login_mismatch",
	"reject_unauthenticated_sender_login_mismatch",
	"reject_non_fqdn_recipient",
	"reject_unknown_recipient_domain",
	"reject_unlisted_recipient",
	"reject_unverified_recipient",
	"reject_multi_recipient_bounce",
	"reject_unauth_destination",
	"defer_unauth_destination",
	NULL,
};

/* What check_table_result() of Postfix's smtpd_check.c takes for an action before
 * it looks for a restriction of that name. */
static const char *const access_words[] = {
	"DUNNO", "REJECT", "DEFER", "DEFER_IF_PERMIT", "DEFER_IF_REJECT", "HANGUP",   "INFO",
	"WARN",  "FILTER", "HOLD",  "DELAY",           "DISCARD",         "REDIRECT", "PREPEND",
	"BCC",   "OK",     "RELAY"
};

const char *action_check_restriction(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	if (length == 0 || text[length] != '\0' || length > ACTION_TEXT_MAX ||
	    strspn(text, "0123456789") == length)
		return "one word, the name of a restriction";
	for (size_t i = 0; i < G_N_ELEMENTS(access_words); i++)
		if (g_ascii_strcasecmp(text, access_words[i]) == 0)
			return "a restriction, which access(5) has no action of the same name for";
	return NULL;
}

static bool has_name(const char *const *names, const char *name)
{
	for (; names != NULL && *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

const char *action_check_known(const char *text, const char *const *classes, struct arena *arena)
{
	static const char wanted[] =
	        "a restriction of smtpd without argument, or one of restriction_classes,";
	const char *nearest;

	if (has_name(restrictions, text) || has_name(classes, text))
		return NULL;
	nearest = text_nearest(text, restrictions);
	if (nearest == NULL && classes != NULL)
		nearest = text_nearest(text, classes);
	return nearest != NULL ? arena_printf(arena, "%s such as '%s',", wanted, nearest) : wanted;
}

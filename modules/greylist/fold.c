/* fold.c - addresses without what changes from mail to mail */
#include "fold.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

enum {
	WORK_SIZE = 1024, /* of an address while it is folded: tags may be long */
	MARK_SIZE = 16,   /* characters of what tells long texts apart that begin alike */
	LAYERS_MAX = 4,   /* forms within forms */
	TAG_MIN = 6,      /* characters of a BATV tag */
	TAG_MAX = 20,
	HEX_MIN = 4,       /* characters of a hexadecimal word among others */
	HEX_ALONE_MIN = 16 /* ... of one that is all of the local part: shorter ones are names */
};

static void lower(char *text)
{
	for (; *text != '\0'; text++)
		if (g_ascii_isupper(*text))
			*text |= 'a' - 'A';
}

/* Cut, not within a character of UTF-8, with a part of the hash of all of it behind: else two
 * senders of one long name would be one, whatever their domains. */
static char *shorten(const char *text, char folded[FOLD_SIZE])
{
	g_autofree char *all = g_ascii_strdown(text, -1);
	g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, all, -1);
	size_t length = FOLD_SIZE - 1 - MARK_SIZE - 1;

	while (length > 0 && ((unsigned char)all[length] & 0xc0) == 0x80)
		length--;
	g_snprintf(folded, FOLD_SIZE, "%.*s~%.*s", (int)length, all, MARK_SIZE, hash);
	return folded;
}

char *fold_text(const char *text, char folded[FOLD_SIZE])
{
	size_t length = strlen(text);
	g_autofree char *valid = NULL;

	if (!g_utf8_validate(text, (gssize)length, NULL)) {
		text = valid = g_utf8_make_valid(text, (gssize)length);
		length = strlen(text);
	}
	if (length >= FOLD_SIZE)
		return shorten(text, folded);
	memcpy(folded, text, length + 1);
	lower(folded);
	if (length > 1 && folded[length - 1] == '.')
		folded[length - 1] = '\0';
	return folded;
}

/* -- BATV ------------------------------------------------------------------ */

static bool is_tag(const char *text, size_t length)
{
	bool digit = false;

	if (length < TAG_MIN || length > TAG_MAX)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!g_ascii_isxdigit(text[i]))
			return false;
		digit |= g_ascii_isdigit(text[i]);
	}
	return digit;
}

/* What stands behind TAG and between; NULL: it begins otherwise. */
static char *behind_tag(char *text, const char *between, bool strict)
{
	size_t length = strcspn(text, "=");
	size_t gap = strlen(between);

	if (length == 0 || (strict && !is_tag(text, length)) || strncmp(text + length, between, gap) != 0 ||
	    text[length + gap] == '\0')
		return NULL;
	return text + length + gap;
}

/* prvs=TAG=bob; prvs=bob=TAG of the first drafts; btv1==TAG==bob; msprvs1=TAG=bounces-...
 * NULL: it is none of them. */
static char *behind_batv(char *local)
{
	char *rest, *tail;

	if (g_str_has_prefix(local, "btv1=="))
		return behind_tag(local + strlen("btv1=="), "==", true);
	if (g_str_has_prefix(local, "msprvs1="))
		return behind_tag(local + strlen("msprvs1="), "=", false);
	if (!g_str_has_prefix(local, "prvs="))
		return NULL;
	local += strlen("prvs=");
	rest = behind_tag(local, "=", true);
	tail = strrchr(local, '=');
	if (rest != NULL || tail == NULL || tail == local || !is_tag(tail + 1, strlen(tail + 1)))
		return rest;
	*tail = '\0';
	return local;
}

/* -- SRS ------------------------------------------------------------------- */

/* Takes what stands before the next '='. NULL: nothing does, or nothing stands behind it. */
static char *take_part(char **text)
{
	char *part = *text, *end = strchr(part, '=');

	if (end == NULL || end == part || end[1] == '\0')
		return NULL;
	*end = '\0';
	*text = end + 1;
	return part;
}

static bool begins_srs(const char *local, char digit)
{
	return strncmp(local, "srs", 3) == 0 && local[3] == digit && local[4] != '\0' &&
	       strchr("=+-", local[4]) != NULL;
}

/* SRS0=HASH=DATE=DOMAIN=bob; SRS1=HASH=FORWARDER==HASH=DATE=DOMAIN=bob: the domains go to out, and
 * bob is what stays in local. False: it is none of them. */
static bool take_srs(char *local, GString *out)
{
	char work[WORK_SIZE], *text = work + 5, *forwarder = NULL, *domain;

	if (!begins_srs(local, '0') && !begins_srs(local, '1'))
		return false;
	g_strlcpy(work, local, sizeof(work));
	if (local[3] == '1') {
		if (take_part(&text) == NULL || (forwarder = take_part(&text)) == NULL ||
		    strchr("=+-", *text) == NULL)
			return false;
		text++;
	}
	if (take_part(&text) == NULL || take_part(&text) == NULL || (domain = take_part(&text)) == NULL)
		return false;
	g_string_append_printf(out, "srs=%s%s%s=", forwarder != NULL ? forwarder : "",
	                       forwarder != NULL ? "=" : "", domain);
	memmove(local, text, strlen(text) + 1);
	return true;
}

/* -- VERP ------------------------------------------------------------------ */

static bool is_word(char c)
{
	return g_ascii_isalnum(c) || (unsigned char)c >= 0x80;
}

/* A word that is a number of the mail. alone: it is all of the local part. */
static bool is_number(const char *word, size_t length, bool alone)
{
	size_t digits = 0;

	for (size_t i = 0; i < length; i++) {
		if (!g_ascii_isxdigit(word[i]))
			return false;
		digits += g_ascii_isdigit(word[i]);
	}
	if (alone) /* some people are called by their telephone number */
		return digits > 0 && length >= HEX_ALONE_MIN;
	return digits == length || (digits > 0 && length >= HEX_MIN);
}

static void append_numbered(GString *out, const char *local)
{
	size_t all = strlen(local);

	while (*local != '\0') {
		size_t length = 0;

		while (is_word(local[length]))
			length++;
		if (length > 0 && is_number(local, length, length == all))
			g_string_append_c(out, '#');
		else
			g_string_append_len(out, local, (gssize)length);
		local += length;
		if (*local != '\0')
			g_string_append_c(out, *local++);
	}
}

/* -- addresses ------------------------------------------------------------- */

static char *fold(const char *address, const char *extension, bool numbers, char folded[FOLD_SIZE])
{
	char work[WORK_SIZE], *local = work, *at, *rest;
	g_autoptr(GString) out = g_string_sized_new(FOLD_SIZE);

	if (g_strlcpy(work, address, sizeof(work)) >= sizeof(work))
		return shorten(address, folded);
	lower(work);
	at = strrchr(work, '@');
	if (at != NULL)
		*at++ = '\0';
	for (int i = 0; i < LAYERS_MAX; i++) {
		if ((rest = behind_batv(local)) != NULL)
			local = rest;
		else if (!take_srs(local, out))
			break;
	}
	if (*local != '\0' && (rest = strpbrk(local + 1, extension)) != NULL)
		*rest = '\0';
	if (numbers)
		append_numbered(out, local);
	else
		g_string_append(out, local);
	if (at != NULL)
		g_string_append_printf(out, "@%s", at);
	return fold_text(out->str, folded);
}

char *fold_recipient(const char *address, const char *extension, char folded[FOLD_SIZE])
{
	return fold(address, extension, false, folded);
}

char *fold_sender(const char *address, const char *extension, char folded[FOLD_SIZE])
{
	return fold(*address != '\0' ? address : "<>", extension, true, folded);
}

/* libspf2_record.c - records written anew for libspf2 */
#include <stdarg.h>
#include <string.h>
#include <glib.h>
#include "libspf2.h"

/* -- stand-ins ------------------------------------------------------------- */

/* A letter at the end: libspf2 warns of what looks like an address. */
const char *libspf2_stand_in(const struct libspf2 *run, const struct frame *frame, const struct term *term,
                             char name[LIBSPF2_NAME_SIZE])
{
	size_t offset = (size_t)(term->text.bytes - frame->record.terms.bytes);

	g_snprintf(name, LIBSPF2_NAME_SIZE, "%zu.%zu.t", offset, (size_t)(frame - run->frames));
	return name;
}

/* The numbers of "NUMBER.NUMBER.t" or "NUMBER.NUMBER.NUMBER.t"; 0: it is neither. */
static size_t read_numbers(const char *name, size_t numbers[3])
{
	size_t count = 0;
	char *end;

	while (count < 3 && g_ascii_isdigit(*name)) {
		numbers[count++] = (size_t)g_ascii_strtoull(name, &end, 10);
		if (*end != '.')
			return 0;
		name = end + 1;
	}
	return count >= 2 && strcmp(name, "t") == 0 ? count : 0;
}

bool libspf2_find_term(const struct libspf2 *run, const char *name, const struct frame **frame,
                       struct term *term, size_t *host)
{
	size_t numbers[3], count = read_numbers(name, numbers), offset;
	struct span terms;

	if (count == 0 || numbers[count - 1] >= run->frame_count)
		return false;
	*host = count == 3 ? numbers[0] : LIBSPF2_NO_HOST;
	*frame = &run->frames[numbers[count - 1]];
	terms = (*frame)->record.terms;
	offset = numbers[count - 2];
	if (offset >= terms.length)
		return false;
	terms = (struct span){ terms.bytes + offset, terms.length - offset };
	return grammar_next(&terms, term);
}

/* -- terms ----------------------------------------------------------------- */

struct writing {
	const struct libspf2 *run;
	const struct frame *frame;
	struct handed *handed;
	size_t used;
};

/* Adds a term if there is room for all of it, and counts it anyway. */
static void put(struct writing *writing, const char *format, ...) PP_PRINTF(2, 3);

static void put(struct writing *writing, const char *format, ...)
{
	char *end = writing->handed->text + writing->used;
	size_t room = sizeof(writing->handed->text) - writing->used;
	va_list values;
	int length;

	va_start(values, format);
	length = g_vsnprintf(end, room, format, values);
	va_end(values);
	if ((size_t)length < room)
		writing->used += (size_t)length;
	else
		*end = '\0';
	writing->handed->terms++;
}

static void put_mark(struct writing *writing, const struct term *term)
{
	char name[LIBSPF2_NAME_SIZE];

	put(writing, " ?exists:%s", libspf2_stand_in(writing->run, writing->frame, term, name));
}

/* A network of no bits is all there is: libspf2 takes no such prefix length. */
static void put_network(struct writing *writing, const struct term *term, const char *name)
{
	unsigned prefix = mechanism_prefix(writing->run->round, term);
	char address[64];

	if (prefix == 0)
		put(writing, " %call", term->qualifier);
	else
		put(writing, " %c%s:%s/%u", term->qualifier, name,
		    pp_address_print(&term->network, (int)prefix, address), prefix);
}

/* The prefix length is that of the client's family. One of no bits is done by the answer. */
static void put_hosts(struct writing *writing, const struct term *term, const char *name)
{
	bool version4 = writing->run->round->question->client.family == 4;
	unsigned prefix = mechanism_prefix(writing->run->round, term);
	char domain[LIBSPF2_NAME_SIZE];

	libspf2_stand_in(writing->run, writing->frame, term, domain);
	if (prefix == 0 || prefix == (version4 ? 32 : 128))
		put(writing, " %c%s:%s", term->qualifier, name, domain);
	else
		put(writing, " %c%s:%s%s%u", term->qualifier, name, domain, version4 ? "/" : "//", prefix);
}

static void put_domain(struct writing *writing, const struct term *term, const char *name)
{
	char domain[LIBSPF2_NAME_SIZE];

	put(writing, " %c%s:%s", term->qualifier, name,
	    libspf2_stand_in(writing->run, writing->frame, term, domain));
}

/* False: it matches, so that what stands behind it is never reached. */
static bool put_term(struct writing *writing, const struct term *term)
{
	switch (term->kind) {
	case TERM_A: put_hosts(writing, term, "a"); return true;
	case TERM_MX: put_hosts(writing, term, "mx"); return true;
	case TERM_INCLUDE: put_domain(writing, term, "include"); return true;
	case TERM_EXISTS: put_domain(writing, term, "exists"); return true;
	case TERM_PTR:
		put_mark(writing, term);
		put_domain(writing, term, "ptr");
		return true;
	case TERM_IP4:
	case TERM_IP6:
		if (!mechanism_network(writing->run->round, term))
			return true;
		put_mark(writing, term);
		put_network(writing, term, term->kind == TERM_IP4 ? "ip4" : "ip6");
		return false;
	case TERM_ALL:
		put_mark(writing, term);
		put(writing, " %call", term->qualifier);
		return false;
	default: return true;
	}
}

void libspf2_hand_over(const struct libspf2 *run, const struct frame *frame, struct handed *handed)
{
	struct writing writing = { .run = run, .frame = frame, .handed = handed, .used = strlen("v=spf1") };
	struct span terms = frame->record.terms;
	char domain[LIBSPF2_NAME_SIZE];
	struct term term;

	*handed = (struct handed){ .text = "v=spf1" };
	while (grammar_next(&terms, &term))
		if (!put_term(&writing, &term))
			return;
	if (frame->record.has_redirect)
		put(&writing, " redirect=%s", libspf2_stand_in(run, frame, &frame->record.redirect, domain));
}

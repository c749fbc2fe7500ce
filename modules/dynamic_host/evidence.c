/* evidence.c - does an address stand in a name?
 *
 * Decimal numbers are read from the name, since what stands between them is anybody's
 * choice. Hexadecimal forms are written down and looked for.
 */
#include <stdio.h>
#include <string.h>
#include <glib.h>
#include "evidence.h"

enum {
	FORM_SIZE = 72,       /* 32 nibbles with what is between them */
	CONCATENATED_MIN = 7, /* digits of numbers with nothing between them: fewer are on many hosts */
	TRIPLE_MIN = 4,
	PAIR_MIN = 5,
	HALF_MIN = 8
};

/* The stronger one stays, of equal ones the first. */
static void note(struct evidence *best, enum strength strength, size_t start, size_t end)
{
	if (strength > best->strength)
		*best = (struct evidence){ strength, start, end - start };
}

/* -- decimal numbers -------------------------------------------------------- */

struct number {
	int value; /* -1: no octet */
	size_t start, end;
};

/* The last four numbers of the name so far, the last one at the end. */
struct window {
	const char *name;
	const uint8_t *octets;
	struct number number[4];
};

static bool is_any_order(const struct window *window)
{
	bool used[4] = { false };

	for (int i = 0; i < 4; i++) {
		int j = 0;

		while (j < 4 && (used[j] || window->number[i].value != window->octets[j]))
			j++;
		if (j == 4)
			return false;
		used[j] = true;
	}
	return true;
}

/* Whether the last count numbers are octets from first on, either way round. */
static bool is_run(const struct window *window, int first, int count)
{
	const struct number *number = window->number + 4 - count;
	bool forward = true, backward = true;

	for (int i = 0; i < count; i++) {
		forward = forward && number[i].value == window->octets[first + i];
		backward = backward && number[i].value == window->octets[first + count - 1 - i];
	}
	return forward || backward;
}

/* Of the last count numbers, as they are written. */
static size_t digits_of(const struct window *window, int count)
{
	size_t digits = 0;

	for (int i = 4 - count; i < 4; i++)
		digits += window->number[i].end - window->number[i].start;
	return digits;
}

static bool is_close(const struct window *window)
{
	size_t end = window->number[2].end, start = window->number[3].start;

	return start == end || (start == end + 1 && strchr("-._x", window->name[end]) != NULL);
}

static void look(const struct window *window, struct evidence *best)
{
	const struct number *number = window->number;

	if (is_any_order(window))
		note(best, EVIDENCE_WHOLE, number[0].start, number[3].end);
	else if ((is_run(window, 0, 3) || is_run(window, 1, 3)) && digits_of(window, 3) >= TRIPLE_MIN)
		note(best, EVIDENCE_PART, number[1].start, number[3].end);
	else if (is_run(window, 2, 2) && digits_of(window, 2) >= PAIR_MIN && is_close(window))
		note(best, EVIDENCE_PART, number[2].start, number[3].end);
}

static void push(struct window *window, size_t start, size_t end, struct evidence *best)
{
	int value = 0;

	for (size_t i = start; i < end && value <= 255; i++)
		value = value * 10 + (window->name[i] - '0');
	memmove(window->number, window->number + 1, 3 * sizeof(window->number[0]));
	window->number[3] = (struct number){ end - start <= 3 && value <= 255 ? value : -1, start, end };
	look(window, best);
}

/* All numbers in one run of digits. */
static void look_at_run(const struct window *window, size_t start, size_t end, struct evidence *best)
{
	const uint8_t *o = window->octets;
	char forms[3][16];

	g_snprintf(forms[0], sizeof(forms[0]), "%u%u%u%u", o[0], o[1], o[2], o[3]);
	g_snprintf(forms[1], sizeof(forms[1]), "%u%u%u%u", o[3], o[2], o[1], o[0]);
	g_snprintf(forms[2], sizeof(forms[2]), "%u",
	           (unsigned)o[0] << 24 | (unsigned)o[1] << 16 | (unsigned)o[2] << 8 | o[3]);
	for (size_t i = 0; i < G_N_ELEMENTS(forms); i++)
		if (end - start >= CONCATENATED_MIN && strlen(forms[i]) == end - start &&
		    memcmp(forms[i], window->name + start, end - start) == 0)
			note(best, EVIDENCE_WHOLE, start, end);
}

static void look_for_numbers(const char *name, const uint8_t octets[4], struct evidence *best)
{
	struct window window = { name, octets, { { -1, 0, 0 }, { -1, 0, 0 }, { -1, 0, 0 }, { -1, 0, 0 } } };

	for (size_t start = 0, end; name[start] != '\0'; start = end) {
		size_t width;

		for (end = start; g_ascii_isdigit(name[end]);)
			end++;
		if (end == start) {
			end++;
			continue;
		}
		look_at_run(&window, start, end, best);
		/* Two to four numbers with zeros before them and nothing between. */
		width = end - start <= 12 && (end - start) % 3 == 0 ? 3 : end - start;
		for (size_t at = start; at < end; at += width)
			push(&window, at, at + width, best);
	}
}

/* -- written forms ----------------------------------------------------------- */

/* A form whose first or last digits may be left out must not be the middle of a longer number. */
static void look_for(const char *name, const char *form, bool bounded, enum strength strength,
                     struct evidence *best)
{
	size_t length = strlen(form);

	for (const char *at = name; (at = strstr(at, form)) != NULL; at++) {
		if (bounded && ((at > name && g_ascii_isxdigit(at[-1])) || g_ascii_isxdigit(at[length])))
			continue;
		note(best, strength, (size_t)(at - name), (size_t)(at - name) + length);
		return;
	}
}

static const char *const separators[] = { "", "-", ".", "_" };

/* The octets of an IPv4 address, from first on. */
static void look_for_octets(const char *name, const uint8_t octets[4], int first, int count,
                            const char *separator, struct evidence *best)
{
	enum strength strength = count == 4 ? EVIDENCE_WHOLE : EVIDENCE_PART;
	char forward[FORM_SIZE] = "", backward[FORM_SIZE] = "", octet[8];

	for (int i = 0; i < count; i++) {
		const char *between = i > 0 ? separator : "";

		g_snprintf(octet, sizeof(octet), "%s%02x", between, octets[first + i]);
		g_strlcat(forward, octet, FORM_SIZE);
		g_snprintf(octet, sizeof(octet), "%s%02x", between, octets[first + count - 1 - i]);
		g_strlcat(backward, octet, FORM_SIZE);
	}
	look_for(name, forward, *separator != '\0', strength, best);
	look_for(name, backward, *separator != '\0', strength, best);
}

static void look_for_ipv4(const char *name, const uint8_t octets[4], struct evidence *best)
{
	look_for_numbers(name, octets, best);
	for (size_t i = 0; i < G_N_ELEMENTS(separators); i++)
		look_for_octets(name, octets, 0, 4, separators[i], best);
	look_for_octets(name, octets, 0, 3, "", best);
	look_for_octets(name, octets, 1, 3, "", best);
}

/* Groups of an IPv6 address, from first on. */
static void look_for_groups(const char *name, const uint8_t bytes[16], int first, int count,
                            const char *separator, bool zeros, struct evidence *best)
{
	char form[FORM_SIZE] = "", group[8];
	size_t digits = 0;

	for (int i = first; i < first + count; i++) {
		unsigned value = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
		const char *between = i > first ? separator : "";

		g_snprintf(group, sizeof(group), zeros ? "%s%04x" : "%s%x", between, value);
		g_strlcat(form, group, FORM_SIZE);
		digits += strlen(group) - strlen(between);
	}
	if (count == 8 || digits >= HALF_MIN)
		look_for(name, form, !zeros, count == 8 ? EVIDENCE_WHOLE : EVIDENCE_PART, best);
}

static void look_for_nibbles(const char *name, const uint8_t bytes[16], const char *separator,
                             struct evidence *best)
{
	char forward[FORM_SIZE] = "", backward[FORM_SIZE] = "", nibble[8];

	for (int i = 0; i < 32; i++) {
		const char *between = i > 0 ? separator : "";
		int other = 31 - i;

		g_snprintf(nibble, sizeof(nibble), "%s%x", between,
		           bytes[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15);
		g_strlcat(forward, nibble, FORM_SIZE);
		g_snprintf(nibble, sizeof(nibble), "%s%x", between,
		           bytes[other / 2] >> (other % 2 == 0 ? 4 : 0) & 15);
		g_strlcat(backward, nibble, FORM_SIZE);
	}
	look_for(name, forward, false, EVIDENCE_WHOLE, best);
	look_for(name, backward, false, EVIDENCE_WHOLE, best);
}

static void look_for_ipv6(const char *name, const pp_address_t *address, struct evidence *best)
{
	char printed[64];

	pp_address_print(address, -1, printed);
	look_for(name, g_strdelimit(printed, ":", '-'), true, EVIDENCE_WHOLE, best);
	look_for(name, g_strdelimit(printed, "-", '_'), true, EVIDENCE_WHOLE, best);
	for (size_t i = 0; i < G_N_ELEMENTS(separators); i++) {
		const char *separator = separators[i];

		look_for_nibbles(name, address->bytes, separator, best);
		for (int first = 0; first <= 4; first += 4) {
			look_for_groups(name, address->bytes, first, 4, separator, true, best);
			if (*separator != '\0')
				look_for_groups(name, address->bytes, first, 4, separator, false, best);
		}
		look_for_groups(name, address->bytes, 0, 8, separator, true, best);
		if (*separator != '\0')
			look_for_groups(name, address->bytes, 0, 8, separator, false, best);
	}
}

struct evidence evidence_find(const char *name, const pp_address_t *address)
{
	struct evidence best = { 0 };

	if (address->family == 4)
		look_for_ipv4(name, address->bytes, &best);
	else if (address->family == 6)
		look_for_ipv6(name, address, &best);
	return best;
}

/* base/quantity.c - durations and sizes as people write them: "250ms", "5m", "64M" */
#include "base/quantity.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

struct unit {
	const char *name;
	int64_t size;
};

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR, WEEK = 7 * DAY };

/* Largest first. */
static const struct unit time_units[] = { { "w", WEEK },   { "d", DAY }, { "h", HOUR }, { "m", MINUTE },
	                                  { "s", SECOND }, { "ms", 1 },  { NULL, 0 } };
static const struct unit byte_units[] = {
	{ "G", 1024 * 1024 * 1024 }, { "M", 1024 * 1024 }, { "K", 1024 }, { "", 1 }, { NULL, 0 }
};

/* So that sums of a few of them, or with a moment, are far from overflow. */
#define LONGEST (INT64_C(36500) * DAY)
#define LARGEST (INT64_MAX / 4)

static const struct unit *unit_find(const struct unit *units, const char *name)
{
	for (; units->name != NULL; units++)
		if (strcmp(units->name, name) == 0)
			return units;
	return NULL;
}

/* Reads digits and returns how many; what is more than most becomes most + 1. */
static int digits_read(const char **text, int64_t most, int64_t *number)
{
	const char *start = *text;

	*number = 0;
	for (; g_ascii_isdigit(**text); (*text)++)
		*number = *number > most / 10 ? most + 1 : MIN(*number * 10 + (**text - '0'), most + 1);
	return (int)(*text - start);
}

bool duration_parse(const char *text, pp_msec_t *length, const char **error)
{
	const struct unit *unit;
	int64_t whole, part = 0, scale = 1;
	int decimals = 0;

	*error = "a duration is a number and a unit, such as \"5m\"";
	if (digits_read(&text, LONGEST, &whole) == 0)
		return false;
	if (*text == '.') {
		text++;
		decimals = digits_read(&text, LONGEST, &part);
		if (decimals == 0)
			return false;
	}
	*error = "a duration needs a unit, such as \"5m\"";
	if (*text == '\0')
		return false;
	*error = "the unit of a duration is ms, s, m, h, d or w, as in \"5m\"";
	unit = unit_find(time_units, text);
	if (unit == NULL)
		return false;
	*error = "a duration is a whole number of milliseconds";
	if (decimals > 9)
		return false;
	while (decimals-- > 0)
		scale *= 10;
	if (part * unit->size % scale != 0)
		return false;
	*error = "a duration is at most \"36500d\"";
	if (whole > LONGEST / unit->size || whole * unit->size + part * unit->size / scale > LONGEST)
		return false;
	*length = whole * unit->size + part * unit->size / scale;
	*error = NULL;
	return true;
}

/* The number in the largest unit that needs no decimals. */
static const char *print(const struct unit *unit, int64_t number, char buffer[32])
{
	while (unit->size > 1 && (number == 0 || number % unit->size != 0))
		unit++;
	g_snprintf(buffer, 32, "%" PRId64 "%s", number / unit->size, unit->name);
	return buffer;
}

const char *duration_print(pp_msec_t length, char buffer[32])
{
	return length == 0 ? strcpy(buffer, "0s") : print(time_units, length, buffer);
}

const char *duration_say(pp_msec_t length, char buffer[32])
{
	const struct unit *days = unit_find(time_units, "d"), *unit = days;
	const char *minus = length < 0 ? "-" : "";
	uint64_t rest = length < 0 ? -(uint64_t)length : (uint64_t)length, size, next;

	if (length == 0)
		return strcpy(buffer, "0s");
	while (unit->size > 1 && rest < (uint64_t)unit->size)
		unit++;
	next = (uint64_t)(unit->size > 1 ? unit[1].size : 1);
	rest = (rest + next / 2) / next * next;
	if (unit > days && rest >= (uint64_t)unit[-1].size)
		unit--;
	size = (uint64_t)unit->size;
	if (rest % size == 0)
		g_snprintf(buffer, 32, "%s%" PRIu64 "%s", minus, rest / size, unit->name);
	else
		g_snprintf(buffer, 32, "%s%" PRIu64 "%s%" PRIu64 "%s", minus, rest / size, unit->name,
		           rest % size / next, unit[1].name);
	return buffer;
}

bool bytes_parse(const char *text, int64_t *bytes, const char **error)
{
	const struct unit *unit;
	int64_t number;

	*error = "a size is a whole number and, where wanted, a unit, such as \"64M\"";
	if (digits_read(&text, LARGEST, &number) == 0)
		return false;
	unit = unit_find(byte_units, text);
	*error = "the unit of a size is K, M or G, as in \"64M\"";
	if (unit == NULL)
		return false;
	*error = "a size is at most \"2147483647G\"";
	if (number > LARGEST / unit->size)
		return false;
	*bytes = number * unit->size;
	*error = NULL;
	return true;
}

const char *bytes_print(int64_t bytes, char buffer[32])
{
	return print(byte_units, bytes, buffer);
}

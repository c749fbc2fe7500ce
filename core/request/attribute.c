/* request/attribute.c - names of attributes, found by a perfect hash */
#include <string.h>
#include "request/attribute.h"

static const struct attribute_info infos[PP_ATTRIBUTES] = {
	[PP_ATTRIBUTE_NONE] = { "", ATTRIBUTE_TEXT, "", "" },
#define INFO_ROW(upper, lower, kind, since, help) [PP_##upper] = { #lower, ATTRIBUTE_##kind, since, help },
	PP_ATTRIBUTE_TABLE(INFO_ROW)
#undef INFO_ROW
};

static const uint8_t lengths[PP_ATTRIBUTES] = {
#define LENGTH_ROW(upper, lower, kind, since, help) [PP_##upper] = sizeof(#lower) - 1,
	PP_ATTRIBUTE_TABLE(LENGTH_ROW)
#undef LENGTH_ROW
};

#define LENGTH_MAX 31
#define SLOTS 128
static uint8_t slots[SLOTS];

/* The factor is one for which no two names of the table meet; a test knows when
 * a new name needs another. */
static inline unsigned hash(const char *name, size_t length)
{
	unsigned first = (unsigned char)name[0], middle = (unsigned char)name[length / 2],
	         last = (unsigned char)name[length - 1];

	return ((unsigned)length + first + 45 * middle + last) % SLOTS;
}

/* Before main(), so that threads find it made and the hot path does not ask. */
__attribute__((constructor)) static void fill_slots(void)
{
	for (unsigned i = 1; i < PP_ATTRIBUTES; i++)
		slots[hash(infos[i].name, lengths[i])] = (uint8_t)i;
}

pp_attribute_t attribute_find(const char *name, size_t length)
{
	unsigned i;

	if (length == 0 || length > LENGTH_MAX)
		return PP_ATTRIBUTE_NONE;
	i = slots[hash(name, length)];
	if (lengths[i] != length || memcmp(infos[i].name, name, length) != 0)
		return PP_ATTRIBUTE_NONE;
	return (pp_attribute_t)i;
}

const struct attribute_info *attribute_info(pp_attribute_t attribute)
{
	return &infos[attribute < PP_ATTRIBUTES ? attribute : PP_ATTRIBUTE_NONE];
}

/* request/attribute.h - names of attributes
 *
 * The table is in ppolicyd/module.h; look-up is by a perfect hash made of it.
 */
#ifndef REQUEST_ATTRIBUTE_H
#define REQUEST_ATTRIBUTE_H

#include "ppolicyd/module.h"

enum attribute_kind { ATTRIBUTE_TEXT, ATTRIBUTE_NUMBER, ATTRIBUTE_DERIVED };

struct attribute_info {
	const char *name;
	enum attribute_kind kind;
	const char *since; /* version of Postfix */
	const char *help;
};

/* PP_ATTRIBUTE_NONE if it is none of the table's. Derived names are found too. */
pp_attribute_t attribute_find(const char *name, size_t length);
const struct attribute_info *attribute_info(pp_attribute_t attribute);

#endif

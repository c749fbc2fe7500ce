/* rule/manual_rules.h - manual pages about rule files */
#ifndef RULE_MANUAL_RULES_H
#define RULE_MANUAL_RULES_H

#include "rule/page.h"

/* ppolicyd.lua(5): all there is in a rule file. */
void manual_rules_add(struct page *page);
/* In short: settings, options of listen, and what every check takes. */
void manual_rules_add_overview(struct page *page);

/* What stands in settings and options beside their rows: actions. */
struct manual_rules_action {
	const char *owner, *name, *dflt, *help; /* owner: "server" or "listen" */
};
const struct manual_rules_action *manual_rules_actions(void); /* ends with a NULL owner */

#endif

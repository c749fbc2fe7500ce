/* rule/routes.h - route(): a rule of rules, chosen by the value of an attribute */
#ifndef RULE_ROUTES_H
#define RULE_ROUTES_H

#include "rule/program.h"

void routes_register(struct program *program);

#endif

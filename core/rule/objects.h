/* rule/objects.h - what rules hold: requests, checks, answers, actions */
#ifndef RULE_OBJECTS_H
#define RULE_OBJECTS_H

#include "rule/program.h"

/* Every userdata that scripts can get hold of begins with its kind, so that it is
 * told from others without looking at metatables. */
enum object_kind { OBJECT_REQUEST = 0x51, OBJECT_CHECK, OBJECT_ANSWER, OBJECT_ACTION };

/* The object of this kind at index; NULL: the value is something else. */
static inline void *objects_get(lua_State *L, int index, enum object_kind kind)
{
	enum object_kind *object = lua_touserdata(L, index);

	return object != NULL && *object == kind ? object : NULL;
}

/* Request and answers are a chain of user values, which keeps an answer as long as
 * its request: the request has the last answer, each answer the one before. */
struct lua_request {
	enum object_kind kind;
	struct run *run; /* NULL: over */
};

struct lua_check {
	enum object_kind kind;
	struct plan_check *declared;
	struct check *check; /* NULL until program_bind() */
	int answer_meta;     /* registry reference */
	void *default_args;  /* what it is asked with when nothing is given, and its key */
	const char *default_key;
	size_t default_key_size;
};

struct lua_answer {
	enum object_kind kind;
	struct run *run; /* NULL: over */
	struct rule_ask *ask;
};

/* Registers the metatables. */
void objects_register(struct program *program);
void objects_register_request(struct program *program); /* objects_register() does */

struct lua_request *objects_new_request(lua_State *L, struct run *run);
struct lua_check *objects_new_check(lua_State *L, struct plan_check *declared);
/* Makes the metatable of a check's answers, once there is a check. */
void objects_bind_check(lua_State *L, struct lua_check *check);
/* Asks a check: the function that calling it is. Pushes the answer. */
void objects_ask(lua_State *L, struct run *run, struct lua_check *check, int request, int args);

/* NULL: the value at index is something else. */
struct lua_check *objects_check(lua_State *L, int index);
struct lua_request *objects_request(lua_State *L, int index);

/* Puts a word and fields into an ask that was not asked: for rule tests and -t. */
void objects_give_answer(struct rule_ask *ask, unsigned word, const char *text);

#endif

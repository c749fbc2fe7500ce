module_PROGRAMS += modules/list.so
modules_list_so_SOURCES = modules/list/list.c modules/list/list.h modules/list/answer.c \
	modules/list/database.c modules/list/managed.c modules/list/source.c modules/list/snapshot.c modules/list/watch.c modules/list/search_exact.c modules/list/search_name.c \
	modules/list/search_cidr.c modules/list/search_regex.c
modules_list_so_CFLAGS = $(MODULE_CFLAGS)
modules_list_so_LDFLAGS = $(MODULE_LDFLAGS)
modules_list_so_LDADD = $(PCRE2_LIBS) $(GLIB_LIBS)
MODULE_NAMES += list
EXTRA_DIST += modules/list/list.md modules/list/list.test.lua

module_PROGRAMS += modules/greylist.so
modules_greylist_so_SOURCES = modules/greylist/greylist.c modules/greylist/greylist.h \
	modules/greylist/triplet.c modules/greylist/fold.c modules/greylist/fold.h modules/greylist/sweep.c \
	modules/greylist/table.c modules/greylist/commands.c modules/greylist/filter.c
modules_greylist_so_CFLAGS = $(MODULE_CFLAGS)
modules_greylist_so_LDFLAGS = $(MODULE_LDFLAGS)
modules_greylist_so_LDADD = $(GLIB_LIBS)
MODULE_NAMES += greylist
EXTRA_DIST += modules/greylist/greylist.md modules/greylist/greylist.test.lua

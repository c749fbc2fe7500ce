module_PROGRAMS += modules/resolve.so
modules_resolve_so_SOURCES = modules/resolve/resolve.c modules/resolve/resolve.h modules/resolve/answer.c \
	modules/resolve/walk.c modules/resolve/walk.h modules/resolve/path.c modules/resolve/path.h \
	$(RESOLVE_SUBJECT)
modules_resolve_so_CFLAGS = $(MODULE_CFLAGS)
modules_resolve_so_LDFLAGS = $(MODULE_LDFLAGS)
modules_resolve_so_LDADD = $(GLIB_LIBS)
MODULE_NAMES += resolve
EXTRA_DIST += modules/resolve/resolve.md modules/resolve/resolve.test.lua

# What is tested without DNS, too.
RESOLVE_SUBJECT = modules/resolve/subject.c modules/resolve/subject.h

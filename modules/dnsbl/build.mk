module_PROGRAMS += modules/dnsbl.so
modules_dnsbl_so_SOURCES = modules/dnsbl/dnsbl.c modules/dnsbl/dnsbl.h \
	modules/dnsbl/zones.c modules/dnsbl/reply.c modules/dnsbl/subject.c modules/dnsbl/ask.c \
	modules/dnsbl/answer.c modules/dnsbl/health.c modules/dnsbl/self_test.c modules/dnsbl/commands.c
modules_dnsbl_so_CFLAGS = $(MODULE_CFLAGS)
modules_dnsbl_so_LDFLAGS = $(MODULE_LDFLAGS)
modules_dnsbl_so_LDADD = $(GLIB_LIBS) -lm
MODULE_NAMES += dnsbl
EXTRA_DIST += modules/dnsbl/dnsbl.md modules/dnsbl/dnsbl.test.lua

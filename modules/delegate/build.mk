module_PROGRAMS += modules/delegate.so
modules_delegate_so_SOURCES = modules/delegate/delegate.c modules/delegate/delegate.h \
	modules/delegate/probe.c modules/delegate/servers.c modules/delegate/verb.c
modules_delegate_so_CFLAGS = $(MODULE_CFLAGS)
modules_delegate_so_LDFLAGS = $(MODULE_LDFLAGS)
modules_delegate_so_LDADD =
MODULE_NAMES += delegate
EXTRA_DIST += modules/delegate/delegate.md modules/delegate/delegate.test.lua

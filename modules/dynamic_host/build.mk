module_PROGRAMS += modules/dynamic_host.so
modules_dynamic_host_so_SOURCES = modules/dynamic_host/dynamic_host.c modules/dynamic_host/dynamic_host.h \
	modules/dynamic_host/watch.c $(DYNAMIC_HOST_PATTERNS)
modules_dynamic_host_so_CPPFLAGS = $(AM_CPPFLAGS) \
	-DPATTERNS_FILE='"$(pkgdatadir)/dynamic_host/patterns.txt"'
modules_dynamic_host_so_CFLAGS = $(MODULE_CFLAGS)
modules_dynamic_host_so_LDFLAGS = $(MODULE_LDFLAGS)
modules_dynamic_host_so_LDADD = $(PCRE2_LIBS) $(GLIB_LIBS)
MODULE_NAMES += dynamic_host
EXTRA_DIST += modules/dynamic_host/dynamic_host.md modules/dynamic_host/dynamic_host.test.lua

# In the build tree the patterns lie where the module looks first, in modules/share.
dynamic_hostdir = $(pkgdatadir)/dynamic_host
dist_dynamic_host_DATA = modules/dynamic_host/patterns.txt
.PHONY: dynamic-host-patterns
dynamic-host-patterns:
	@$(MKDIR_P) modules/share/dynamic_host; \
	cmp -s $(srcdir)/modules/dynamic_host/patterns.txt modules/share/dynamic_host/patterns.txt || \
		cp $(srcdir)/modules/dynamic_host/patterns.txt modules/share/dynamic_host/patterns.txt
module-texts: dynamic-host-patterns

# What is tested without a server, too.
DYNAMIC_HOST_PATTERNS = modules/dynamic_host/entry.c modules/dynamic_host/entry.h \
	modules/dynamic_host/evidence.c modules/dynamic_host/evidence.h \
	modules/dynamic_host/patterns.c modules/dynamic_host/patterns.h \
	modules/dynamic_host/patterns_file.c modules/dynamic_host/patterns_file.h

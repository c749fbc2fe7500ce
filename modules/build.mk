# modules/build.mk - the check modules: modules/NAME.so, installed in $(moduledir)
#
# Each folder adds its own build.mk; scripts/new-module adds the line at the end.
MODULE_CFLAGS = $(AM_CFLAGS) -fPIC
MODULE_NAMES =
EXTRA_DIST += $(call files,modules/README)

# How to use a module, NAME.md: `ppolicyd --manual NAME` reads it beside the module
# or in $(docdir)/modules.
moduledocdir = $(docdir)/modules
dist_moduledoc_DATA = $(call files,modules/*/*.md)
.PHONY: module-texts
module-texts:
	@$(MKDIR_P) modules; for name in $(MODULE_NAMES); do \
		cmp -s $(srcdir)/modules/$$name/$$name.md modules/$$name.md || \
			cp $(srcdir)/modules/$$name/$$name.md modules/$$name.md; \
	done
all-local: module-texts
clean-local:
	rm -rf $(MODULE_NAMES:%=modules/%.md) modules/sql modules/share

include modules/delegate/build.mk
include modules/dnsbl/build.mk
include modules/dynamic_host/build.mk
include modules/example/build.mk
include modules/greylist/build.mk
include modules/list/build.mk
include modules/resolve/build.mk
include modules/sleep/build.mk
include modules/spf/build.mk

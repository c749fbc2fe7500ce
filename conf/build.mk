# conf/build.mk - the configuration: what is installed beside the programs
pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = conf/ppolicyd.pc

# Made here and not by configure, since folders may be given to make as well.
systemdsystemunit_DATA = conf/ppolicyd.service conf/ppolicyd.socket
EXTRA_DIST += conf/ppolicyd.service.in conf/ppolicyd.socket.in
CLEANFILES += $(systemdsystemunit_DATA)
$(systemdsystemunit_DATA): %: %.in Makefile
	$(AM_V_GEN)$(MKDIR_P) conf && \
	sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' $(srcdir)/$@.in >$@

# An administrator's configuration is never written over or removed.
ppolicydconfdir = $(sysconfdir)/ppolicyd
EXTRA_DIST += conf/ppolicyd.lua
install-data-local:
	@$(MKDIR_P) "$(DESTDIR)$(ppolicydconfdir)"
	@if test -e "$(DESTDIR)$(ppolicydconfdir)/ppolicyd.lua"; then \
		echo "kept: $(DESTDIR)$(ppolicydconfdir)/ppolicyd.lua"; \
	else \
		$(INSTALL_DATA) $(srcdir)/conf/ppolicyd.lua "$(DESTDIR)$(ppolicydconfdir)/ppolicyd.lua"; \
	fi
uninstall-local:
	@if cmp -s $(srcdir)/conf/ppolicyd.lua "$(DESTDIR)$(ppolicydconfdir)/ppolicyd.lua"; then \
		rm -f "$(DESTDIR)$(ppolicydconfdir)/ppolicyd.lua"; \
	fi

# Rules to start from, and types for editors with the Lua language server.
exampledir = $(docdir)/examples
dist_example_DATA = $(call files,conf/examples/*.lua)
dist_pkgdata_DATA = $(call files,conf/ppolicyd.d.lua)

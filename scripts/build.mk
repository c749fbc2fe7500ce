# scripts/build.mk - what a person runs from a checkout is in the archive too
EXTRA_DIST += $(call files,scripts/*)

# The one that is installed.
dist_bin_SCRIPTS = scripts/hapolicy

# For who works on it: the formatter's form, and the generated files and texts anew.
.PHONY: format golden
format:
	cd $(srcdir) && clang-format -i core/*/*.[ch] modules/*/*.[ch] tests/*/*.[ch]
golden: all
	top_srcdir=$(abs_top_srcdir) PPOLICYD=$(abs_top_builddir)/ppolicyd bash $(srcdir)/tests/scenario/test_golden.sh --update
	top_srcdir=$(abs_top_srcdir) top_builddir=$(abs_top_builddir) PPOLICYD=$(abs_top_builddir)/ppolicyd \
		PPOLICYCTL=$(abs_top_builddir)/ppolicyctl $(srcdir)/tests/scenario/test_tutorial.py --write >/dev/null
	top_srcdir=$(abs_top_srcdir) PPOLICYD=$(abs_top_builddir)/ppolicyd PPOLICYCTL=$(abs_top_builddir)/ppolicyctl \
		$(srcdir)/tests/scenario/test_manpages.py --write >/dev/null

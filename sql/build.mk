# sql/build.mk - statements and migrations: sql/DRIVER/NAME/*.sql, installed in $(pkgdatadir)/sql
#
# In the build tree they lie beside the modules, where the server looks first.
sqldir = $(pkgdatadir)
nobase_dist_sql_DATA = $(call files,sql/*/*/*.sql)
EXTRA_DIST += sql/README

.PHONY: sql-files
sql-files:
	@for file in $(nobase_dist_sql_DATA); do \
		cmp -s $(srcdir)/$$file modules/$$file || { \
			$(MKDIR_P) modules/$${file%/*} && cp $(srcdir)/$$file modules/$$file || exit 1; \
		}; \
	done
module-texts: sql-files

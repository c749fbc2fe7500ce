module_PROGRAMS += modules/spf.so
modules_spf_so_SOURCES = modules/spf/spf.c modules/spf/look_up.c modules/spf/look_up.h $(SPF_EVALUATOR)
modules_spf_so_CFLAGS = $(MODULE_CFLAGS)
modules_spf_so_LDFLAGS = $(MODULE_LDFLAGS)
modules_spf_so_LDADD = $(GLIB_LIBS) $(SPF2_LIBS)
MODULE_NAMES += spf
EXTRA_DIST += modules/spf/spf.md modules/spf/spf.test.lua

# What is tested without DNS, too.
SPF_EVALUATOR = \
	modules/spf/evaluate.c modules/spf/evaluate.h \
	modules/spf/grammar.c modules/spf/grammar.h \
	modules/spf/libspf2.c modules/spf/libspf2.h \
	modules/spf/libspf2_answer.c modules/spf/libspf2_record.c \
	modules/spf/macro.c modules/spf/macro.h \
	modules/spf/mechanism.c \
	modules/spf/name.c modules/spf/name.h \
	modules/spf/receiver.c modules/spf/receiver.h \
	modules/spf/round.c modules/spf/round.h \
	modules/spf/strict.c

# tests/build.mk - what `make check` builds and runs; ./scripts/test runs more
#
# A unit test is tests/unit/test_NAME.c, linked with the core; list it here.
UNIT_TESTS = \
	tests/unit/test_abi \
	tests/unit/test_action \
	tests/unit/test_action_read \
	tests/unit/test_address \
	tests/unit/test_arena \
	tests/unit/test_ask \
	tests/unit/test_attribute \
	tests/unit/test_cache \
	tests/unit/test_cache_model \
	tests/unit/test_call \
	tests/unit/test_commands \
	tests/unit/test_connection \
	tests/unit/test_connection_header \
	tests/unit/test_connection_limits \
	tests/unit/test_connection_many \
	tests/unit/test_control \
	tests/unit/test_dns \
	tests/unit/test_dns_faults \
	tests/unit/test_dns_name \
	tests/unit/test_dns_now \
	tests/unit/test_dns_slices \
	tests/unit/test_dynamic_evidence \
	tests/unit/test_dynamic_patterns \
	tests/unit/test_fold \
	tests/unit/test_gateways \
	tests/unit/test_keep_in_store \
	tests/unit/test_log \
	tests/unit/test_look_ups \
	tests/unit/test_loop \
	tests/unit/test_loop_task \
	tests/unit/test_mysql_connect \
	tests/unit/test_mysql_fault \
	tests/unit/test_param \
	tests/unit/test_pattern \
	tests/unit/test_proxy \
	tests/unit/test_proxy_bugs \
	tests/unit/test_proxy_encode \
	tests/unit/test_quantity \
	tests/unit/test_remote \
	tests/unit/test_request \
	tests/unit/test_resolve_subject \
	tests/unit/test_sandbox \
	tests/unit/test_sandbox_limits \
	tests/unit/test_schema \
	tests/unit/test_spf_evaluate \
	tests/unit/test_spf_grammar \
	tests/unit/test_spf_libspf2 \
	tests/unit/test_spf_macro \
	tests/unit/test_spf_order \
	tests/unit/test_spf_receiver \
	tests/unit/test_sql \
	tests/unit/test_sqlite \
	tests/unit/test_sqlite_cache \
	tests/unit/test_sqlite_faults \
	tests/unit/test_sqlite_files \
	tests/unit/test_statement \
	tests/unit/test_statement_parse \
	tests/unit/test_store \
	tests/unit/test_store_batch \
	tests/unit/test_store_faults \
	tests/unit/test_store_files \
	tests/unit/test_store_reads \
	tests/unit/test_stores \
	tests/unit/test_syslog \
	tests/unit/test_text \
	tests/unit/test_timer \
	tests/unit/test_upstream \
	tests/unit/test_upstream_reply \
	tests/unit/test_value \
	tests/unit/test_walk \
	tests/unit/test_walk_cover \
	tests/unit/test_wire \
	tests/unit/test_worker

# Of a module, with which it is linked.
tests_unit_test_dynamic_evidence_SOURCES = tests/unit/test_dynamic_evidence.c \
	modules/dynamic_host/evidence.c modules/dynamic_host/evidence.h
tests_unit_test_dynamic_patterns_SOURCES = tests/unit/test_dynamic_patterns.c $(DYNAMIC_HOST_PATTERNS)
tests_unit_test_dynamic_patterns_LDADD = tests/unit/libunit.a $(CORE_LIBS) $(PCRE2_LIBS)
tests_unit_test_fold_SOURCES = tests/unit/test_fold.c modules/greylist/fold.c modules/greylist/fold.h
tests_unit_test_resolve_subject_SOURCES = tests/unit/test_resolve_subject.c $(RESOLVE_SUBJECT)
tests_unit_test_spf_grammar_SOURCES = tests/unit/test_spf_grammar.c $(SPF_EVALUATOR)
tests_unit_test_spf_macro_SOURCES = tests/unit/test_spf_macro.c $(SPF_EVALUATOR)
tests_unit_test_spf_evaluate_SOURCES = tests/unit/test_spf_evaluate.c $(SPF_EVALUATOR)
tests_unit_test_spf_libspf2_SOURCES = tests/unit/test_spf_libspf2.c $(SPF_EVALUATOR)
tests_unit_test_spf_order_SOURCES = tests/unit/test_spf_order.c modules/spf/spf.c \
	modules/spf/look_up.c modules/spf/look_up.h $(SPF_EVALUATOR)
tests_unit_test_spf_receiver_SOURCES = tests/unit/test_spf_receiver.c $(SPF_EVALUATOR)

# A fuzz target is tests/fuzz/fuzz_NAME.c; here it runs over tests/fuzz/corpus/NAME,
# and with scripts/fuzz over what libFuzzer thinks of.
FUZZ_TESTS = \
	tests/fuzz/fuzz_action \
	tests/fuzz/fuzz_dns \
	tests/fuzz/fuzz_dynamic_host \
	tests/fuzz/fuzz_pattern \
	tests/fuzz/fuzz_proxy \
	tests/fuzz/fuzz_reply \
	tests/fuzz/fuzz_spf \
	tests/fuzz/fuzz_statement \
	tests/fuzz/fuzz_wire
FUZZ_MAIN = tests/fuzz/main.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_action_SOURCES = tests/fuzz/fuzz_action.c $(FUZZ_MAIN) \
	tests/fuzz/postfix_reader.c tests/fuzz/postfix_reader.h
tests_fuzz_fuzz_dns_SOURCES = tests/fuzz/fuzz_dns.c $(FUZZ_MAIN)
tests_fuzz_fuzz_dynamic_host_SOURCES = tests/fuzz/fuzz_dynamic_host.c $(FUZZ_MAIN) $(DYNAMIC_HOST_PATTERNS)
tests_fuzz_fuzz_dynamic_host_LDADD = tests/unit/libunit.a $(CORE_LIBS) $(PCRE2_LIBS)
tests_fuzz_fuzz_pattern_SOURCES = tests/fuzz/fuzz_pattern.c $(FUZZ_MAIN)
tests_fuzz_fuzz_proxy_SOURCES = tests/fuzz/fuzz_proxy.c $(FUZZ_MAIN)
tests_fuzz_fuzz_reply_SOURCES = tests/fuzz/fuzz_reply.c $(FUZZ_MAIN)
tests_fuzz_fuzz_spf_SOURCES = tests/fuzz/fuzz_spf.c $(FUZZ_MAIN) $(SPF_EVALUATOR)
tests_fuzz_fuzz_statement_SOURCES = tests/fuzz/fuzz_statement.c $(FUZZ_MAIN)
tests_fuzz_fuzz_wire_SOURCES = tests/fuzz/fuzz_wire.c $(FUZZ_MAIN)

# What several unit tests share.
check_LIBRARIES += tests/unit/libunit.a
tests_unit_libunit_a_SOURCES = \
	tests/unit/asker.c tests/unit/asker.h \
	tests/unit/asking.c tests/unit/asking.h \
	tests/unit/diary.h \
	tests/unit/dns_faults.c tests/unit/dns_faults.h \
	tests/unit/nameserver.c tests/unit/nameserver.h \
	tests/unit/nameserver_breaks.c \
	tests/unit/nameserver_reply.c tests/unit/nameserver_reply.h \
	tests/unit/nameserver_says.c tests/unit/nameserver_says.h \
	tests/unit/policy.c tests/unit/policy.h \
	tests/unit/probe.h \
	tests/unit/proxy_bytes.h \
	tests/unit/scratch.c tests/unit/scratch.h \
	tests/unit/scripted.c tests/unit/scripted.h \
	tests/unit/steer.c tests/unit/steer.h \
	tests/unit/stored.c tests/unit/stored.h \
	tests/unit/talk.c tests/unit/talk.h \
	tests/unit/triplets.c tests/unit/triplets.h \
	tests/unit/zone.c tests/unit/zone.h

# What tests written in Python run.
TEST_TOOLS = tests/lib/nameserver tests/lib/spf_check
tests_lib_nameserver_SOURCES = tests/lib/nameserver.c
tests_lib_spf_check_SOURCES = tests/lib/spf_check.c $(SPF_EVALUATOR)

# They are linked with all of the core.
check_PROGRAMS += $(UNIT_TESTS) $(FUZZ_TESTS) $(TEST_TOOLS)
$(UNIT_TESTS) $(FUZZ_TESTS) $(TEST_TOOLS): core/libcore.a tests/unit/libunit.a
$(UNIT_TESTS) $(FUZZ_TESTS) $(TEST_TOOLS): AM_LDFLAGS = $(CORE_LDFLAGS)
$(UNIT_TESTS) $(FUZZ_TESTS) $(TEST_TOOLS): LDADD = tests/unit/libunit.a $(CORE_LIBS) $(SPF2_LIBS)

include tests/bench/build.mk

.PHONY: check-programs
check-programs: $(check_PROGRAMS)

check-local: all
	bash $(srcdir)/tests/run -b . fast

installcheck-local:
	top_srcdir="$(abs_top_srcdir)" DESTDIR="$(DESTDIR)" sbindir="$(sbindir)" bindir="$(bindir)" libdir="$(libdir)" \
	moduledir="$(moduledir)" pkgdatadir="$(pkgdatadir)" includedir="$(includedir)" sysconfdir="$(sysconfdir)" mandir="$(mandir)" \
	docdir="$(docdir)" pkgconfigdir="$(pkgconfigdir)" unitdir="$(systemdsystemunitdir)" CC="$(CC)" \
	bash $(srcdir)/tests/installcheck

# Sources are in the archive by themselves; the rest, but nothing that is built:
EXTRA_DIST += tests/run tests/installcheck tests/lib/dns_probe.c \
	$(call files,tests/lib/*.py tests/fuzz/corpus/* tests/bench/README tests/bench/run tests/bench/*.lua tests/bench/*.py) \
	$(call files,tests/scenario/* tests/live/* tests/golden/*)

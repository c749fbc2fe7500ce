# Programs of tests/bench/run and tests/live/test_nonce.py.
check_PROGRAMS += tests/bench/cache tests/bench/echo tests/bench/load tests/bench/lookups tests/bench/nonce \
	tests/bench/plain_mysql tests/bench/responder tests/bench/spf
tests_bench_cache_SOURCES = tests/bench/cache.c
tests_bench_cache_LDADD = $(CORE_LIBS)
tests_bench_cache_LDFLAGS = $(CORE_LDFLAGS)
tests_bench_echo_SOURCES = tests/bench/echo.c tests/bench/socket.c tests/bench/socket.h
tests_bench_load_SOURCES = tests/bench/load.c tests/bench/load_cpu.c tests/bench/load_cpu.h \
	tests/bench/load_request.c tests/bench/load_request.h tests/bench/socket.c tests/bench/socket.h
tests_bench_load_LDADD = -lpthread
tests_bench_nonce_SOURCES = tests/bench/nonce.c tests/bench/socket.c tests/bench/socket.h
tests_bench_plain_mysql_SOURCES = tests/bench/plain_mysql.c
tests_bench_plain_mysql_LDADD = $(MYSQL_LIBS) -lpthread
tests_bench_spf_SOURCES = tests/bench/spf.c $(SPF_EVALUATOR)
tests_bench_spf_LDADD = $(CORE_LIBS) $(SPF2_LIBS)
tests_bench_spf_LDFLAGS = $(CORE_LDFLAGS)
tests_bench_lookups_SOURCES = tests/bench/lookups.c tests/bench/load_request.c tests/bench/load_request.h \
	tests/bench/socket.c tests/bench/socket.h
tests_bench_lookups_LDADD = $(CARES_LIBS)
tests_bench_responder_SOURCES = tests/bench/responder.c tests/bench/responder_says.c \
	tests/bench/responder_says.h tests/bench/socket.c tests/bench/socket.h

# core/build.mk - the server: a library of everything, so that tests link it too, and two programs
noinst_LIBRARIES += core/libcore.a
core_libcore_a_SOURCES = \
	core/base/address.c core/base/address.h \
	core/base/arena.c core/base/arena.h \
	core/base/clock.c core/base/clock.h \
	core/base/log.c core/base/log.h \
	core/base/param.c core/base/param.h \
	core/base/param_print.c \
	core/base/quantity.c core/base/quantity.h \
	core/base/text.c core/base/text.h \
	core/base/value.c core/base/value.h \
	core/service/cache.c core/service/cache.h \
	core/service/dns.c core/service/dns.h \
	core/service/dns_answer.c core/service/dns_answer.h \
	core/service/dns_channel.c core/service/dns_channel.h \
	core/service/dns_name.c core/service/dns_name.h \
	core/service/dns_sockets.c core/service/dns_sockets.h \
	core/service/endpoint.c core/service/endpoint.h \
	core/service/loop.c core/service/loop.h \
	core/service/loop_heap.c core/service/loop_heap.h \
	core/service/loop_task.c core/service/loop_task.h \
	core/service/proxy_encode.c core/service/proxy_encode.h \
	core/service/shard.c core/service/shard.h \
	core/service/upstream.c core/service/upstream.h \
	core/service/upstream_address.c \
	core/service/upstream_call.c core/service/upstream_call.h \
	core/service/upstream_heir.c \
	core/service/upstream_inside.h \
	core/service/upstream_keeper.c core/service/upstream_keeper.h \
	core/service/upstream_line.c \
	core/service/upstream_mark.c \
	core/service/upstream_patience.c \
	core/service/upstream_pool.c core/service/upstream_pool.h \
	core/service/upstream_reply.c core/service/upstream_reply.h \
	core/service/watchdog.c core/service/watchdog.h \
	core/service/worker.c core/service/worker.h \
	core/store/batch.c core/store/batch.h \
	core/store/checkpoint.c core/store/checkpoint.h \
	core/store/copy.c core/store/copy.h \
	core/store/copy_page.c core/store/copy_page.h \
	core/store/database.c core/store/database.h \
	core/store/door.c core/store/door.h \
	core/store/health.c core/store/health.h \
	core/store/inside.h \
	core/store/lexer.c core/store/lexer.h \
	core/store/match.c core/store/match.h \
	core/store/mysql.c core/store/mysql.h \
	core/store/mysql_connect.c \
	core/store/mysql_fault.c \
	core/store/mysql_run.c \
	core/store/mysql_session.c \
	core/store/named.c core/store/named.h \
	core/store/queue.c core/store/queue.h \
	core/store/reader.c core/store/reader.h \
	core/store/reads.c core/store/reads.h \
	core/store/remote.c core/store/remote.h \
	core/store/rows.c core/store/rows.h \
	core/store/schema.c core/store/schema.h \
	core/store/secret.c core/store/secret.h \
	core/store/sets.c core/store/sets.h \
	core/store/sqlite.c core/store/sqlite.h \
	core/store/sqlite_cache.c \
	core/store/sqlite_fault.c \
	core/store/sqlite_file.c \
	core/store/sqlite_log.c \
	core/store/statement.c core/store/statement.h \
	core/store/statement_parse.c core/store/statement_parse.h \
	core/store/statement_parser.h \
	core/store/statement_script.c \
	core/store/statement_whole.c \
	core/store/store.c core/store/store.h \
	core/store/writer.c core/store/writer.h \
	core/request/action.c core/request/action.h \
	core/request/action_inside.h \
	core/request/action_read.c \
	core/request/action_restriction.c \
	core/request/attribute.c core/request/attribute.h \
	core/request/connection.c core/request/connection.h \
	core/request/connection_header.c \
	core/request/connection_parts.h \
	core/request/connection_send.c \
	core/request/connection_take.c \
	core/request/proxy.c core/request/proxy.h \
	core/request/request.c core/request/request.h \
	core/request/wire.c core/request/wire.h \
	core/check/answer.c core/check/answer.h \
	core/check/ask.c core/check/ask.h \
	core/check/binding.c core/check/binding.h \
	core/check/check.c core/check/check.h \
	core/check/dns.c core/check/dns.h \
	core/check/dns_now.c core/check/dns_now.h \
	core/check/gateways.c core/check/gateways.h \
	core/check/keep.c core/check/keep.h \
	core/check/module.c core/check/module.h \
	core/check/module_rows.c core/check/module_rows.h \
	core/check/query.c \
	core/check/record.c core/check/record.h \
	core/check/sql.c core/check/sql.h \
	core/check/step.c core/check/step.h \
	core/check/stored.c core/check/stored.h \
	core/check/stored_row.c \
	core/check/stored_table.c \
	core/check/upstream.c core/check/upstream.h \
	core/check/work.c core/check/work.h \
	core/rule/actions.c core/rule/actions.h \
	core/rule/compare.c core/rule/compare.h \
	core/rule/environment.c core/rule/environment.h \
	core/rule/expect.c core/rule/expect.h \
	core/rule/fixture.c core/rule/fixture.h \
	core/rule/given.c core/rule/given.h \
	core/rule/given_dns.c core/rule/given_dns.h \
	core/rule/globals.c core/rule/globals.h \
	core/rule/handed.c core/rule/handed.h \
	core/rule/heap.c core/rule/heap.h \
	core/rule/library.c core/rule/library.h \
	core/rule/manual.c core/rule/manual.h \
	core/rule/manual_editor.c core/rule/manual_editor.h \
	core/rule/manual_module.c core/rule/manual_module.h \
	core/rule/manual_names.c core/rule/manual_names.h \
	core/rule/manual_rows.c core/rule/manual_rows.h \
	core/rule/manual_rules.c core/rule/manual_rules.h \
	core/rule/matcher.c core/rule/matcher.h \
	core/rule/objects.c core/rule/objects.h \
	core/rule/page.c core/rule/page.h \
	core/rule/pattern.c core/rule/pattern.h \
	core/rule/plan.c core/rule/plan.h \
	core/rule/program.c core/rule/program.h \
	core/rule/rehearsal.c core/rule/rehearsal.h \
	core/rule/remotes.c core/rule/remotes.h \
	core/rule/requests.c \
	core/rule/routes.c core/rule/routes.h \
	core/rule/run.c core/rule/run.h \
	core/rule/sandbox.c core/rule/sandbox.h \
	core/rule/settings.c \
	core/rule/stage.c core/rule/stage.h \
	core/rule/stores.c \
	core/rule/values.c core/rule/values.h \
	core/rule/walk.c core/rule/walk.h \
	core/rule/walk_cover.c core/rule/walk_cover.h \
	core/rule/walk_failure.c core/rule/walk_failure.h \
	core/rule/walk_samples.c core/rule/walk_samples.h \
	core/rule/walk_tree.c core/rule/walk_tree.h \
	core/rule/walk_uses.c core/rule/walk_uses.h \
	core/rule/walk_values.c core/rule/walk_values.h \
	core/rule/walker.c core/rule/walker.h \
	core/daemon/bind.c core/daemon/bind.h \
	core/daemon/commands.c core/daemon/commands.h \
	core/daemon/control.c core/daemon/control.h \
	core/daemon/control_answers.c core/daemon/control_answers.h \
	core/daemon/control_ask.c \
	core/daemon/control_cache.c \
	core/daemon/control_copy.c \
	core/daemon/control_call.c core/daemon/control_call.h \
	core/daemon/control_module.c \
	core/daemon/control_schema.c \
	core/daemon/control_status.c \
	core/daemon/control_store.c core/daemon/control_store.h \
	core/daemon/control_upstream.c \
	core/daemon/control_words.c core/daemon/control_words.h \
	core/daemon/converse.c core/daemon/converse.h \
	core/daemon/desk.c core/daemon/desk.h \
	core/daemon/logline.c core/daemon/logline.h \
	core/daemon/notices.c core/daemon/notices.h \
	core/daemon/notify.c core/daemon/notify.h \
	core/daemon/options.c core/daemon/options.h \
	core/daemon/peers.c core/daemon/peers.h \
	core/daemon/ports.c core/daemon/ports.h \
	core/daemon/privileges.c core/daemon/privileges.h \
	core/daemon/server.c core/daemon/server.h \
	core/daemon/trial.c core/daemon/trial.h \
	core/daemon/upkeep.c core/daemon/upkeep.h \
	core/daemon/world.c core/daemon/world.h

# ThreadSanitizer has to be told of GLib's locks.
if TSAN
core_libcore_a_SOURCES += tests/lib/tsan_glib.c
endif

# Modules call back into the program that loads them: it holds all of the core, used
# by itself or not, and shows it (CORE_LDFLAGS). ppolicyctl loads none.
SYSTEM_LIBS = $(GLIB_LIBS) $(LUA_LIBS) $(JANSSON_LIBS) $(XXHASH_LIBS) $(SQLITE_LIBS) $(MYSQL_LIBS) $(CARES_LIBS) -ldl -lm -lpthread
CORE_LIBS = $(WHOLE_ARCHIVE) core/libcore.a $(NO_WHOLE_ARCHIVE) $(SYSTEM_LIBS)

sbin_PROGRAMS += ppolicyd ppolicyctl
ppolicyd_SOURCES = core/daemon/ppolicyd.c
ppolicyd_LDFLAGS = $(CORE_LDFLAGS)
ppolicyd_LDADD = $(CORE_LIBS)
ppolicyctl_SOURCES = core/daemon/ppolicyctl.c
ppolicyctl_LDADD = core/libcore.a $(SYSTEM_LIBS)

pkginclude_HEADERS = core/ppolicyd/module.h
EXTRA_DIST += core/README

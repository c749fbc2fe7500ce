module_PROGRAMS += modules/sleep.so
modules_sleep_so_SOURCES = modules/sleep/sleep.c
modules_sleep_so_CFLAGS = $(MODULE_CFLAGS)
modules_sleep_so_LDFLAGS = $(MODULE_LDFLAGS)
modules_sleep_so_LDADD =
MODULE_NAMES += sleep
EXTRA_DIST += modules/sleep/sleep.md modules/sleep/sleep.test.lua

module_PROGRAMS += modules/example.so
modules_example_so_SOURCES = modules/example/example.c
modules_example_so_CFLAGS = $(MODULE_CFLAGS)
modules_example_so_LDFLAGS = $(MODULE_LDFLAGS)
modules_example_so_LDADD =
MODULE_NAMES += example
EXTRA_DIST += modules/example/example.md modules/example/example.test.lua

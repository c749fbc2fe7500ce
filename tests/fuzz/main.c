/* fuzz/main.c - runs a fuzz target over the files of folders and prints TAP
 *
 * fuzz_NAME FOLDER...; without an argument the folder is the seed corpus of the
 * name, corpus/NAME below $srcdir/tests/fuzz.
 */
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include "fuzz.h"

static unsigned run_folder(const char *folder)
{
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *name;
	unsigned count = 0;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = g_build_filename(folder, name, NULL), *bytes = NULL;
		gsize size;

		if (!g_file_get_contents(path, &bytes, &size, NULL))
			continue;
		LLVMFuzzerTestOneInput((const uint8_t *)bytes, size);
		count++;
	}
	return count;
}

static const char *target_name(const char *program)
{
	const char *name = strrchr(program, '/');

	name = name == NULL ? program : name + 1;
	return g_str_has_prefix(name, "fuzz_") ? name + strlen("fuzz_") : name;
}

int main(int argc, char **argv)
{
	const char *target = target_name(argv[0]), *source = g_getenv("srcdir");
	g_autofree char *seeds = g_build_filename(source == NULL ? "." : source, "tests", "fuzz", "corpus",
	                                          target, NULL);
	char *own[] = { argv[0], seeds };
	int failed = 0;

	if (argc < 2) {
		argc = 2;
		argv = own;
	}
	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		unsigned count = run_folder(argv[i]);

		failed += count == 0;
		printf("%sok %d - %s: %u inputs\n", count == 0 ? "not " : "", i, target, count);
		fflush(stdout);
	}
	return failed > 0;
}

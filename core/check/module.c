/* check/module.c - modules: found, refused or loaded, described */
#include "check/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/text.h"
#include "check/module_rows.h"

static GHashTable *loaded; /* name -> struct module */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char **module_names(const char *const *folders)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();

	for (; *folders != NULL; folders++) {
		g_autoptr(GDir) folder = g_dir_open(*folders, 0, NULL);
		const char *file;

		while (folder != NULL && (file = g_dir_read_name(folder)) != NULL) {
			g_autofree char *name = g_strndup(file, strlen(file) - MIN(strlen(file), 3));

			if (g_str_has_suffix(file, ".so") && *name != '\0' &&
			    !g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
				g_ptr_array_add(names, g_steal_pointer(&name));
		}
	}
	g_ptr_array_sort(names, by_name);
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

/* Who may write here can run code as us. */
static char *unsafe(const char *path, const char *what)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return g_strdup_printf("%s %s: %s", what, path, g_strerror(errno));
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return g_strdup_printf(
		        "%s %s belongs to user %u; it must belong to root or to user %u, who runs this", what,
		        path, (unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & S_IWOTH) != 0)
		return g_strdup_printf("%s %s is writable by others; chmod o-w it", what, path);
	if ((st.st_mode & S_IWGRP) != 0 && st.st_gid != 0 && st.st_gid != getegid())
		return g_strdup_printf("%s %s is writable by group %u; chmod g-w it", what, path,
		                       (unsigned)st.st_gid);
	return NULL;
}

/* A link that leads nowhere is found too, to say so. */
static char *find_file(const char *name, const char *const *folders)
{
	struct stat st;

	for (; *folders != NULL; folders++) {
		char *path = g_strdup_printf("%s/%s.so", *folders, name);

		if (lstat(path, &st) == 0)
			return path;
		g_free(path);
	}
	return NULL;
}

static char *not_found(const char *name, const char *const *folders)
{
	g_auto(GStrv) names = module_names(folders);
	const char *nearest = text_nearest(name, (const char *const *)names);
	g_autofree char *where = g_strjoinv(", ", (char **)folders);

	if (nearest != NULL)
		return g_strdup_printf("no module '%s' (did you mean '%s'?)", name, nearest);
	return g_strdup_printf("no module '%s' in %s", name, where);
}

/* Members beyond what the module was compiled with are zero. */
static char *copy_descriptor(const pp_module_t *theirs, const char *name, pp_module_t *desc)
{
	if (theirs->abi != PP_ABI)
		return g_strdup_printf("made for ABI %u, this program has ABI %u; compile it again with this "
		                       "version's ppolicyd/module.h",
		                       theirs->abi, (unsigned)PP_ABI);
	if (theirs->size > sizeof(*desc) || theirs->size < offsetof(pp_module_t, effects))
		return g_strdup_printf(
		        "its descriptor has %u bytes, this program's %zu; compile it again with "
		        "this version's ppolicyd/module.h",
		        theirs->size, sizeof(*desc));
	memset(desc, 0, sizeof(*desc));
	memcpy(desc, theirs, theirs->size);
	if (desc->name == NULL || desc->question == NULL || desc->ask == NULL)
		return g_strdup("its descriptor lacks a name, a question or an ask function");
	if (strcmp(desc->name, name) != 0)
		return g_strdup_printf("its descriptor says '%s'; file and name must agree", desc->name);
	return NULL;
}

static char *copy_words(struct module *module)
{
	const pp_module_t *desc = module->desc;

	module->word[WORD_UNKNOWN] = (pp_word_row_t)PP_WORD("unknown", PP_CLASS_NO, "Could not find out");
	module->word[WORD_NONE] = (pp_word_row_t)PP_WORD("none", PP_CLASS_NO,
	                                                 "The question does not apply, or nobody answers it");
	module->words = WORD_FIRST;
	if (desc->yes != NULL)
		module->word[module->words++] = (pp_word_row_t){ desc->yes, PP_CLASS_YES, NULL };
	if (desc->no != NULL)
		module->word[module->words++] = (pp_word_row_t){ desc->no, PP_CLASS_NO, NULL };
	for (const pp_word_row_t *row = desc->words; row != NULL && row->word != NULL; row++) {
		if (module->words == WORDS_MAX)
			return g_strdup_printf("it has more than %d words", WORDS_MAX - WORD_FIRST);
		module->word[module->words++] = *row;
	}
	return NULL;
}

static struct module *make_module(const pp_module_t *theirs, char **error)
{
	struct module *module = g_new0(struct module, 1);
	pp_module_t *desc = g_new0(pp_module_t, 1);

	module->desc = desc;
	*error = copy_descriptor(theirs, theirs->name, desc);
	if (*error == NULL)
		*error = copy_words(module);
	if (*error == NULL)
		*error = module_check(module);
	if (*error == NULL)
		return module;
	g_free(desc);
	g_free(module);
	return NULL;
}

static void keep_module(const struct module *module)
{
	if (loaded == NULL)
		loaded = g_hash_table_new(g_str_hash, g_str_equal);
	g_hash_table_replace(loaded, (char *)module->desc->name, (void *)module);
}

const struct module *module_adopt_with_sql(const pp_module_t *desc, const char *sql, char **error)
{
	struct module *module = make_module(desc, error);

	if (module == NULL)
		return NULL;
	module->sql = g_strdup(sql);
	keep_module(module);
	return module;
}

const struct module *module_adopt(const pp_module_t *desc, char **error)
{
	return module_adopt_with_sql(desc, NULL, error);
}

/* The file itself, behind all links. NULL: *reason says why it is not to be loaded. */
static char *safe_file(const char *path, char **reason)
{
	g_autofree char *folder = g_path_get_dirname(path);
	char *real = realpath(path, NULL);
	g_autofree char *real_folder = real != NULL ? g_path_get_dirname(real) : NULL;

	if (real == NULL)
		*reason = g_strdup_printf("its file %s cannot be read: %s", path, g_strerror(errno));
	else if ((*reason = unsafe(folder, "its folder")) == NULL &&
	         (*reason = unsafe(real_folder, "its folder")) == NULL)
		*reason = unsafe(real, "its file");
	if (*reason == NULL)
		return real;
	free(real);
	return NULL;
}

static const struct module *load_file(const char *name, const char *path, char **error)
{
	g_autofree char *reason = NULL;
	g_autofree char *file = safe_file(path, &reason), *folder = g_path_get_dirname(path);
	struct module *module;
	const pp_module_t *desc;
	pp_module_t checked;
	void *handle;

	if (file == NULL) {
		*error = g_strdup_printf("module '%s' is refused: %s", name, reason);
		return NULL;
	}
	if ((handle = dlopen(file, RTLD_NOW | RTLD_LOCAL)) == NULL) {
		*error = g_strdup_printf("module '%s' cannot be loaded: %s", name, dlerror());
		return NULL;
	}
	if ((desc = dlsym(handle, "pp_module")) == NULL)
		reason = g_strdup("it has no descriptor; PP_MODULE() makes one");
	else
		reason = copy_descriptor(desc, name, &checked);
	if (reason == NULL && (module = make_module(desc, &reason)) != NULL) {
		module->path = g_strdup(path);
		module->sql = g_build_filename(folder, "sql", NULL);
		return module;
	}
	*error = g_strdup_printf("module '%s' (%s) is refused: %s", name, path, reason);
	dlclose(handle);
	return NULL;
}

const struct module *module_load(const char *name, const char *const *folders, char **error)
{
	g_autofree char *path = NULL;
	const struct module *module = loaded != NULL ? g_hash_table_lookup(loaded, name) : NULL;

	*error = NULL;
	if (module != NULL && module->path == NULL)
		return module;
	path = find_file(name, folders);
	if (path == NULL) {
		*error = not_found(name, folders);
		return NULL;
	}
	if (module != NULL) {
		if (strcmp(module->path, path) == 0)
			return module;
		*error = g_strdup_printf(
		        "module '%s' was loaded from %s; a restart is needed to load it from %s", name,
		        module->path, path);
		return NULL;
	}
	module = load_file(name, path, error);
	if (module != NULL)
		keep_module(module);
	return module;
}

int module_word(const struct module *module, const char *word)
{
	for (unsigned i = 0; i < module->words; i++)
		if (strcmp(module->word[i].word, word) == 0)
			return (int)i;
	return -1;
}

bool module_sets(const struct module *module, unsigned word, const pp_row_t *field)
{
	if (field != NULL && field->when != NULL)
		return text_has_word(field->when, module->word[word].word);
	return word >= WORD_FIRST;
}

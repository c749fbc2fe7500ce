/* store/secret.c - a password, read from a file when it is needed and forgotten right after */
#include "store/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/text.h"

enum {
	ROOM = 4096,     /* of the memory, a page */
	LENGTH_MAX = 256 /* of a password */
};

static bool fail(char **error, const char *path, const char *what)
{
	*error = g_strdup_printf("%s: %s", path, what);
	return false;
}

/* systemd's credentials are seen as readable by the group, which is what an ACL looks like. */
static bool check_file(int file, const char *path, char **error)
{
	struct stat status;

	if (fstat(file, &status) != 0)
		return fail(error, path, g_strerror(errno));
	if (!S_ISREG(status.st_mode))
		return fail(error, path, "it is no file");
	if (status.st_uid != 0 && status.st_uid != geteuid())
		return fail(error, path, "it must belong to root or to the user that ppolicyd runs as");
	if ((status.st_mode & (S_IWGRP | S_IRWXO)) != 0)
		return fail(error, path,
		            "others may read or change it, which a password must not suffer: chmod 600 (or "
		            "640, with a group of its own)");
	return true;
}

/* Its first line. */
static bool read_line(int file, const char *path, char *line, char **error)
{
	ssize_t length = 0, more;

	while (length < ROOM - 1 && (more = read(file, line + length, (size_t)(ROOM - 1 - length))) > 0)
		length += more;
	if (length < ROOM - 1 && more < 0)
		return fail(error, path, g_strerror(errno));
	line[length] = '\0';
	length = (ssize_t)strcspn(line, "\r\n");
	if (strspn(line + length, "\r\n") != strlen(line + length))
		return fail(error, path, "it has more than one line; the password is all that stands in it");
	line[length] = '\0';
	if (length == 0)
		return fail(error, path, "it is empty");
	if (length > LENGTH_MAX)
		return fail(error, path, "it is longer than a password can be");
	if (!text_is_utf8(line, (size_t)length))
		return fail(error, path, "it is not text in UTF-8");
	return true;
}

static char *room_new(void)
{
	char *room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (room == MAP_FAILED)
		return NULL;
	madvise(room, ROOM, MADV_DONTDUMP);
	madvise(room, ROOM, MADV_DONTFORK);
	/* Where the limit does not allow it, it is for a moment only. */
	(void)!mlock(room, ROOM);
	return room;
}

char *secret_read(const char *path, char **error)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char *secret = NULL;
	bool good = false;

	*error = NULL;
	if (file < 0) {
		fail(error, path, g_strerror(errno));
		return NULL;
	}
	if (check_file(file, path, error)) {
		secret = room_new();
		good = secret != NULL ? read_line(file, path, secret, error)
		                      : fail(error, path, "no memory left to read it");
	}
	close(file);
	if (!good) {
		secret_free(secret);
		secret = NULL;
	}
	return secret;
}

void secret_free(char *secret)
{
	if (secret == NULL)
		return;
	explicit_bzero(secret, ROOM);
	munmap(secret, ROOM);
}

void secret_wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
}

void secret_wipe_freed(size_t length)
{
	enum { BLOCKS = 32 };
	void *blocks[BLOCKS];

	for (size_t i = 0; i < BLOCKS; i++)
		if ((blocks[i] = malloc(length + 1)) != NULL)
			explicit_bzero(blocks[i], length + 1);
	for (size_t i = 0; i < BLOCKS; i++)
		free(blocks[i]);
}

bool secret_check(const char *path, char **error)
{
	char *secret = secret_read(path, error);
	bool good = secret != NULL;

	secret_free(secret);
	return good;
}

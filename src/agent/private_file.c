/* Written beside under a name that nobody else has, and renamed once it is on the disk. */
#include "agent/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "crypto/digest.h"
#include "crypto/rand.h"

/* Those that are there stay as they are; what cannot be made is noticed by the open. */
static void private_file_make_folders(const char *path)
{
	struct buf folder = {0};

	for (const char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
		buf_clear(&folder);
		buf_append(&folder, path, (size_t)(at - path));
		buf_append_char(&folder, '\0');
		mkdir(buf_slice(&folder).ptr, 0700);
	}
	buf_release(&folder);
}

static void private_file_name_beside(const char *path, struct buf *out)
{
	uint8_t random[8];
	char text[2 * sizeof(random) + 1];

	rand_bytes(random, sizeof(random));
	digest_hex(random, sizeof(random), text);
	buf_printf(out, "%s.%s%c", path, text, '\0');
}

static int private_file_fill(int fd, struct slice content)
{
	ssize_t written = write(fd, content.ptr, content.len);

	if (written != (ssize_t)content.len)
		return err_from_errno(written < 0 ? errno : ENOSPC);
	return fchmod(fd, 0600) == 0 && fsync(fd) == 0 ? 0 : err_from_errno(errno);
}

static int private_file_put(const char *beside, const char *path, struct slice content)
{
	int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600), err;

	if (fd < 0)
		return err_from_errno(errno);
	err = private_file_fill(fd, content);
	close(fd);
	if (!err && rename(beside, path) != 0)
		err = err_from_errno(errno);
	if (err)
		unlink(beside);
	return err;
}

int private_file_write(const char *path, struct slice content)
{
	struct buf beside = {0};
	int err;

	private_file_make_folders(path);
	private_file_name_beside(path, &beside);
	err = private_file_put(buf_slice(&beside).ptr, path, content);
	buf_release(&beside);
	return err;
}

/* Looks at the open file, not at its name, so that nothing can be put in its place in between. */
#include "agent/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/private_file.h"
#include "base/err.h"
#include "base/mem.h"

#define KEY_FILE_MAX 4096u
#define KEY_FILE_OTHERS (S_IRWXG | S_IRWXO)

bool key_file_is_key(struct slice text)
{
	return text.len > 5 && text.len <= KEY_FILE_KEY_MAX && slice_starts(text, SLICE("adit_")) &&
		slice_is_token(text);
}

static int key_file_fail(const char *path, int err, const char *what, struct buf *why_out)
{
	buf_printf(why_out, "%s cannot be %s: %s", path, what, err_text(err));
	return err;
}

static int key_file_check(int fd, const char *path, struct buf *why_out)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return key_file_fail(path, err_from_errno(errno), "read", why_out);
	if (!S_ISREG(st.st_mode)) {
		buf_printf(why_out, "%s is no file", path);
		return ERR_DENIED;
	}
	if (st.st_uid != geteuid()) {
		buf_printf(why_out, "%s belongs to another user, so its key is not used", path);
		return ERR_DENIED;
	}
	if (st.st_mode & KEY_FILE_OTHERS) {
		buf_printf(why_out,
			"%s can be read by others (mode %03o), so its key is not used. Make it "
			"private with chmod 600, or replace the key: adit login",
			path, st.st_mode & 0777u);
		return ERR_DENIED;
	}
	return 0;
}

static int key_file_take(int fd, const char *path, struct buf *out, struct buf *why_out)
{
	char text[KEY_FILE_MAX];
	ssize_t len = read(fd, text, sizeof(text));
	struct slice key;
	int err = 0;

	if (len < 0)
		return key_file_fail(path, err_from_errno(errno), "read", why_out);
	key = slice_trim_lines(slice_of(text, (size_t)len));
	if (key_file_is_key(key)) {
		buf_append_slice(out, key);
	} else {
		buf_printf(why_out, "%s holds no key of adit; get one with adit login", path);
		err = ERR_SYNTAX;
	}
	mem_wipe(text, sizeof(text));
	return err;
}

int key_file_read(const char *path, struct buf *out, struct buf *why_out)
{
	/* Not waiting for whoever would open the other end, if it is a pipe. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return ERR_NOT_FOUND;
	if (fd < 0)
		return key_file_fail(path, err_from_errno(errno), "read", why_out);
	err = key_file_check(fd, path, why_out);
	if (!err)
		err = key_file_take(fd, path, out, why_out);
	close(fd);
	return err;
}

int key_file_write(const char *path, struct slice key, struct buf *why_out)
{
	char line[KEY_FILE_KEY_MAX + 1];
	int err;

	if (!key_file_is_key(key)) {
		buf_append_str(why_out, "what the relay gave is no key of adit");
		return ERR_SYNTAX;
	}
	memcpy(line, key.ptr, key.len);
	line[key.len] = '\n';
	err = private_file_write(path, slice_of(line, key.len + 1));
	mem_wipe(line, sizeof(line));
	return err ? key_file_fail(path, err, "written", why_out) : 0;
}

int key_file_remove(const char *path, struct buf *why_out)
{
	if (unlink(path) == 0)
		return 0;
	if (errno == ENOENT || errno == ENOTDIR)
		return ERR_NOT_FOUND;
	return key_file_fail(path, err_from_errno(errno), "removed", why_out);
}

/* One small file. It appears whole or not at all: written beside and renamed. */
#include "agent/client_id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "config/conf_file.h"
#include "crypto/digest.h"
#include "crypto/rand.h"

#define CLIENT_ID_BYTES 16u

bool client_id_is_valid(struct slice id)
{
	return id.len && id.len <= CLIENT_ID_MAX && slice_is_token(id);
}

static void client_id_make_folders(const char *path)
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

static int client_id_write(const char *path, struct slice id)
{
	struct buf beside = {0};
	int fd, err = 0;

	buf_printf(&beside, "%s.%d", path, (int)getpid());
	buf_append_char(&beside, '\0');
	fd = open(buf_slice(&beside).ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		err = err_from_errno(errno);
	} else {
		if (write(fd, id.ptr, id.len) != (ssize_t)id.len || fsync(fd) != 0 ||
			rename(buf_slice(&beside).ptr, path) != 0) {
			err = err_from_errno(errno);
			unlink(buf_slice(&beside).ptr);
		}
		close(fd);
	}
	buf_release(&beside);
	return err;
}

static void client_id_make(struct buf *out)
{
	uint8_t random[CLIENT_ID_BYTES];
	char text[2 * CLIENT_ID_BYTES + 1];

	rand_bytes(random, sizeof(random));
	digest_hex(random, sizeof(random), text);
	buf_append_str(out, text);
}

void client_id_get(const char *path, struct buf *out, struct buf *why_out)
{
	struct buf content = {0}, why = {0}, made = {0};
	int err = conf_file_read(path, 4096, &content, &why);
	struct slice id = slice_trim_lines(buf_slice(&content));

	if (!err && client_id_is_valid(id)) {
		buf_append_slice(out, id);
	} else if (!*path) {
		client_id_make(out);
		buf_append_str(why_out,
			"there is no folder of the user (HOME): names are kept for this run only");
	} else {
		client_id_make(&made);
		client_id_make_folders(path);
		err = client_id_write(path, buf_slice(&made));
		if (err)
			buf_printf(why_out,
				"%s cannot be written (%s): names are kept for this run only", path,
				err_text(err));
		buf_append_slice(out, buf_slice(&made));
	}
	buf_release(&made);
	buf_release(&content);
	buf_release(&why);
}

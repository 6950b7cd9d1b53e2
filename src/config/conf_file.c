/*
 * Blocking reads of configuration files, at start and at reload only. The reasons have the wording
 * that the operators of localtunnel servers know from Node.
 */
#include "config/conf_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

static int conf_file_fail(int number, const char *verb, const char *path, struct buf *why)
{
	const char *name = strerrorname_np(number), *text = strerrordesc_np(number);

	buf_printf(why, "%s: %c%s, %s", name ? name : "EIO",
		tolower((unsigned char)(text ? text[0] : 'i')),
		text ? text + 1 : "nput/output error", verb);
	if (path)
		buf_printf(why, " '%s'", path);
	return number == ENOENT ? ERR_NOT_FOUND : number == EACCES ? ERR_DENIED : ERR_SYSTEM;
}

static int conf_file_fill(int fd, size_t max, struct buf *out, struct buf *why)
{
	char *to = buf_reserve(out, max + 1);
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, to + len, max + 1 - len);
		if (n < 0 && errno != EINTR)
			return conf_file_fail(errno, "read", NULL, why);
		len += n > 0 ? (size_t)n : 0;
	} while (n && len <= max);
	if (len > max) {
		buf_printf(why, "it is longer than %zu bytes", max);
		return ERR_LIMIT;
	}
	buf_commit(out, len);
	return 0;
}

int conf_file_read(const char *path, size_t max, struct buf *out, struct buf *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return conf_file_fail(errno, "open", path, why);
	err = conf_file_fill(fd, max, out, why);
	close(fd);
	return err;
}

void conf_file_forget(struct buf *content)
{
	if (content->base)
		mem_wipe(content->base, content->cap);
	buf_release(content);
}

/* A path that does not fit into an address is reached through its folder. */
#include "io/unix_socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/unix_socket_linux.h"

#define UNIX_SOCKET_BACKLOG 1024
#define UNIX_SOCKET_FOLDER_MAX 4096u
#define UNIX_SOCKET_READ 16384u

/* Makes the address; *folder_out is to be closed once it was used, -1 when there is none. */
static int unix_socket_address(const char *path, struct sockaddr_un *address, int *folder_out)
{
	struct slice whole = slice_from_str(path);
	size_t slash = slice_find_last(whole, '/');
	char folder[UNIX_SOCKET_FOLDER_MAX];

	*folder_out = -1;
	*address = (struct sockaddr_un) {.sun_family = AF_UNIX};
	if (whole.len < sizeof(address->sun_path)) {
		slice_to_str(whole, address->sun_path, sizeof(address->sun_path));
		return 0;
	}
	if (slash >= sizeof(folder))
		return ERR_LIMIT;
	slice_to_str(slice_first(whole, slash), folder, sizeof(folder));
	return unix_socket_linux_shorten(folder, path + slash + 1, address, folder_out);
}

static void unix_socket_close_folder(int folder)
{
	if (folder >= 0)
		close(folder);
}

static int unix_socket_new(int flags)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	return fd < 0 ? err_from_errno(errno) : fd;
}

int unix_socket_connect(const char *path, int *fd_out)
{
	struct sockaddr_un address;
	int folder, fd, err = unix_socket_address(path, &address, &folder);

	if (err)
		return err;
	fd = unix_socket_new(0);
	if (fd < 0)
		err = fd;
	else if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		err = err_from_errno(errno);
	unix_socket_close_folder(folder);
	if (err && fd >= 0)
		close(fd);
	if (!err)
		*fd_out = fd;
	return err;
}

/* Whether others than its owner, and root, may put a socket there. */
static bool unix_socket_is_open(const char *path)
{
	struct slice whole = slice_from_str(path);
	size_t slash = slice_find_last(whole, '/');
	char folder[UNIX_SOCKET_FOLDER_MAX] = ".";
	struct stat st;

	if (slash < whole.len && slash >= sizeof(folder))
		return true;
	if (slash < whole.len)
		slice_to_str(slice_first(whole, slash ? slash : 1), folder, sizeof(folder));
	return stat(folder, &st) != 0 || (st.st_mode & (S_IWGRP | S_IWOTH));
}

bool unix_socket_is_trusted(const char *path, int fd)
{
	return !unix_socket_is_open(path) || unix_socket_linux_is_peer_ours(fd);
}

/* Removes what nobody listens at; ERR_BUSY when somebody does. */
static int unix_socket_clear(const char *path)
{
	struct stat file;
	int fd, err;

	if (lstat(path, &file) != 0)
		return errno == ENOENT ? 0 : err_from_errno(errno);
	if (!S_ISSOCK(file.st_mode))
		return ERR_EXISTS;
	err = unix_socket_connect(path, &fd);
	if (!err) {
		close(fd);
		return ERR_BUSY;
	}
	if (err != ERR_REFUSED)
		return err;
	return unlink(path) == 0 || errno == ENOENT ? 0 : err_from_errno(errno);
}

/* Nobody can connect before listen, so that the mode is right from the first moment on. */
static int unix_socket_bind(int fd, const struct sockaddr_un *address)
{
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 ||
		chmod(address->sun_path, S_IRUSR | S_IWUSR) != 0 ||
		listen(fd, UNIX_SOCKET_BACKLOG) != 0)
		return err_from_errno(errno);
	return 0;
}

int unix_socket_listen(const char *path, int *fd_out)
{
	struct sockaddr_un address;
	int folder, fd, err = unix_socket_clear(path);

	if (!err)
		err = unix_socket_address(path, &address, &folder);
	if (err)
		return err;
	fd = unix_socket_new(SOCK_NONBLOCK);
	err = fd < 0 ? fd : unix_socket_bind(fd, &address);
	unix_socket_close_folder(folder);
	if (err && fd >= 0)
		close(fd);
	if (!err)
		*fd_out = fd;
	return err;
}

static int unix_socket_send(int fd, struct slice data)
{
	while (data.len) {
		ssize_t n = send(fd, data.ptr, data.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? ERR_TIMEOUT : err_from_errno(errno);
		data = slice_from(data, (size_t)n);
	}
	return 0;
}

int unix_socket_ask(
	int fd, struct slice request, unsigned timeout_s, struct buf *answer, size_t max)
{
	const struct timeval limit = {.tv_sec = timeout_s};
	int err;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	err = unix_socket_send(fd, request);
	while (!err) {
		ssize_t n = recv(fd, buf_reserve(answer, UNIX_SOCKET_READ), UNIX_SOCKET_READ, 0);

		if (n == 0)
			break;
		if (n > 0)
			buf_commit(answer, (size_t)n);
		else if (errno != EINTR)
			err = errno == EAGAIN ? ERR_TIMEOUT : err_from_errno(errno);
		if (buf_len(answer) > max)
			err = ERR_LIMIT;
	}
	return err;
}

/* The file's name, and words for what can go wrong with it. */
#include "relay/admin_socket.h"

#include "base/err.h"
#include "base/mem.h"
#include "io/unix_socket.h"

#define ADMIN_SOCKET_FILE "admin.sock"

char *admin_socket_path(const char *state_dir)
{
	struct buf path = {0};
	char *text;

	buf_printf(&path, "%s/%s", state_dir, ADMIN_SOCKET_FILE);
	text = mem_dup_str(buf_slice(&path).ptr, buf_len(&path));
	buf_release(&path);
	return text;
}

int admin_socket_open(const char *path, int *fd_out, struct buf *message)
{
	int err = unix_socket_listen(path, fd_out);

	if (err == ERR_BUSY)
		buf_printf(message,
			"another relay listens at %s; give each its own --state-dir or "
			"--admin-socket",
			path);
	else if (err == ERR_EXISTS)
		buf_printf(message, "%s is in the way, and no socket: remove it", path);
	else if (err)
		buf_printf(message,
			"cannot listen at %s: %s; the folder must be there, and the relay's own",
			path, err_text(err));
	return err;
}

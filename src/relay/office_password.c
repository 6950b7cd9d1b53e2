/* The terminal's echo is off while a password is typed, and on again whatever happens. */
#include "relay/office_password.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "crypto/rand.h"
#include "relay/admin.h"
#include "relay/office_options.h"

#define OFFICE_PASSWORD_INTERRUPT 3 /* Ctrl-C */
#define OFFICE_PASSWORD_MADE_LEN 24 /* of 32 letters: 120 bits */

/* One line without its end; ERR_LIMIT when it is longer than any password. */
static int office_password_read(int fd, struct buf *out)
{
	char c;

	for (;;) {
		ssize_t n = read(fd, &c, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_from_errno(errno);
		if (c == OFFICE_PASSWORD_INTERRUPT && n)
			return ERR_ENDED;
		if (!n || c == '\n')
			return 0;
		if (buf_len(out) == ADMIN_PASSWORD_MAX)
			return ERR_LIMIT;
		if (c != '\r')
			buf_append_char(out, c);
	}
}

static int office_password_type(int tty, const char *what, const char *account, struct buf *out)
{
	struct termios before, quiet;
	int err;

	if (tcgetattr(tty, &before) != 0)
		return err_from_errno(errno);
	quiet = before;
	/* Ctrl-C is read, and ends the line: killed here, the terminal would stay without echo. */
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	quiet.c_cc[VEOL] = OFFICE_PASSWORD_INTERRUPT;
	tcsetattr(tty, TCSAFLUSH, &quiet);
	dprintf(tty, "%s for %s: ", what, account);
	err = office_password_read(tty, out);
	tcsetattr(tty, TCSAFLUSH, &before);
	dprintf(tty, "\n");
	return err;
}

/* Twice, because nobody sees what is typed. An empty one means: make one. */
static int office_password_ask(int tty, const char *account, struct buf *out, struct buf *message)
{
	struct buf again = {0};
	int err;

	buf_reserve(out, ADMIN_PASSWORD_MAX + 1);
	buf_reserve(&again, ADMIN_PASSWORD_MAX + 1);
	err = office_password_type(tty, "Password (empty: make one)", account, out);
	if (!err && buf_len(out)) {
		err = office_password_type(tty, "Once more, the password", account, &again);
		if (!err && !slice_eq(buf_slice(out), buf_slice(&again))) {
			buf_append_str(message, "the two passwords differ; nothing was changed");
			err = ERR_SYNTAX;
		}
	}
	if (err && !buf_len(message))
		buf_printf(message, "no password was read: %s", err_text(err));
	mem_wipe(again.base, again.cap);
	buf_release(&again);
	return err;
}

static void office_password_make(struct buf *out)
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";

	buf_reserve(out, OFFICE_PASSWORD_MADE_LEN);
	for (int i = 0; i < OFFICE_PASSWORD_MADE_LEN; i++)
		buf_append_char(out, letters[rand_below(sizeof(letters) - 1)]);
}

static int office_password_from_input(struct buf *out, struct buf *message)
{
	int err;

	buf_reserve(out, ADMIN_PASSWORD_MAX + 1);
	err = office_password_read(STDIN_FILENO, out);
	if (err || !buf_len(out)) {
		buf_printf(message, "standard input has no password of %u to %u bytes",
			ADMIN_PASSWORD_MIN, ADMIN_PASSWORD_MAX);
		return err ? err : ERR_SYNTAX;
	}
	return 0;
}

int office_password_get(const struct office_values *v, const char *account,
	enum office_password_kind *kind_out, struct buf *text_out, struct buf *message)
{
	int tty, err;

	*kind_out = OFFICE_PASSWORD_NONE;
	if (v->password_stdin + v->generate_password + v->no_password > 1) {
		buf_append_str(message,
			"--password-stdin, --generate-password and --no-password exclude each "
			"other");
		return ERR_SYNTAX;
	}
	if (v->no_password) {
		*kind_out = OFFICE_PASSWORD_REMOVE;
		return 0;
	}
	if (v->password_stdin) {
		*kind_out = OFFICE_PASSWORD_GIVEN;
		return office_password_from_input(text_out, message);
	}
	if (!v->generate_password) {
		if (!isatty(STDIN_FILENO))
			return 0;
		tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
		if (tty < 0)
			return 0;
		err = office_password_ask(tty, account, text_out, message);
		close(tty);
		*kind_out = OFFICE_PASSWORD_GIVEN;
		if (err || buf_len(text_out))
			return err;
	}
	*kind_out = OFFICE_PASSWORD_MADE;
	office_password_make(text_out);
	return 0;
}

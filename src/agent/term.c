/*
 * A crash must not leave a terminal without echo and cursor, and what a signal handler works on
 * can only be global: term_crash, filled while the terminal is entered.
 */
#include "agent/term.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/mem.h"
#include "config/env.h"

#define TERM_DRAIN_MS 300
#define TERM_COLUMNS_DEFAULT 80u
#define TERM_ROWS_DEFAULT 24u

#define TERM_ENTER "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J"
#define TERM_LEAVE "\x1b[m\x1b[?7h\x1b[?25h\x1b[?1049l"

static const int term_crash_signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE};

struct term {
	int fd; /* owned; never blocks */
	bool is_entered;
	struct termios before;
	struct buf kept; /* not written yet */
};

static struct {
	volatile sig_atomic_t fd; /* -1: there is nothing to restore */
	struct termios before;
	struct sigaction old[ARRAY_LEN(term_crash_signals)];
} term_crash = {.fd = -1};

/* ---- crashes ---- */

static void term_on_crash(int number)
{
	int fd = term_crash.fd;

	term_crash.fd = -1;
	if (fd >= 0) {
		if (write(fd, TERM_LEAVE, sizeof(TERM_LEAVE) - 1) < 0) {
			/* nobody is left to be told */
		}
		tcsetattr(fd, TCSANOW, &term_crash.before);
	}
	for (size_t i = 0; i < ARRAY_LEN(term_crash_signals); i++) {
		if (term_crash_signals[i] == number)
			sigaction(number, &term_crash.old[i], NULL);
	}
	raise(number);
}

static void term_guard(const struct term *t)
{
	struct sigaction action = {.sa_handler = term_on_crash};

	term_crash.before = t->before;
	term_crash.fd = t->fd;
	for (size_t i = 0; i < ARRAY_LEN(term_crash_signals); i++)
		sigaction(term_crash_signals[i], &action, &term_crash.old[i]);
}

static void term_unguard(void)
{
	term_crash.fd = -1;
	for (size_t i = 0; i < ARRAY_LEN(term_crash_signals); i++)
		sigaction(term_crash_signals[i], &term_crash.old[i], NULL);
}

/* ---- opening ---- */

bool term_is_utf8(char **environ_list)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	const char *value = NULL;

	for (size_t i = 0; i < ARRAY_LEN(names) && !(value && *value); i++)
		value = env_get(environ_list, names[i]);
	return value && (strcasestr(value, "utf-8") || strcasestr(value, "utf8"));
}

bool term_is_foreground(const struct term *t)
{
	return tcgetpgrp(t->fd) == getpgrp();
}

struct term *term_open(char **environ_list)
{
	const char *kind = env_get(environ_list, "TERM");
	char path[256];
	struct term *t;
	int fd;

	if (!kind || !*kind || strcmp(kind, "dumb") == 0 ||
		ttyname_r(STDOUT_FILENO, path, sizeof(path)) != 0)
		return NULL;
	fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	t = MEM_NEW(struct term);
	t->fd = fd;
	if (!term_is_foreground(t)) {
		term_close(&t);
		return NULL;
	}
	return t;
}

void term_close(struct term **term)
{
	struct term *t = *term;

	if (!t)
		return;
	*term = NULL;
	term_leave(t);
	close(t->fd);
	buf_release(&t->kept);
	mem_free(t);
}

void term_size(const struct term *t, unsigned *columns_out, unsigned *rows_out)
{
	struct winsize size;

	*columns_out = TERM_COLUMNS_DEFAULT;
	*rows_out = TERM_ROWS_DEFAULT;
	if (ioctl(t->fd, TIOCGWINSZ, &size) != 0)
		return;
	if (size.ws_col)
		*columns_out = size.ws_col;
	if (size.ws_row)
		*rows_out = size.ws_row;
}

/* ---- writing ---- */

bool term_flush(struct term *t)
{
	while (buf_len(&t->kept)) {
		struct slice kept = buf_slice(&t->kept);
		ssize_t n = write(t->fd, kept.ptr, kept.len);

		if (n < 0 && errno == EAGAIN)
			return false;
		/* A terminal that is gone takes everything. */
		buf_consume(&t->kept, n < 0 ? kept.len : (size_t)n);
	}
	return true;
}

void term_write(struct term *t, struct slice bytes)
{
	buf_append_slice(&t->kept, bytes);
	term_flush(t);
}

void term_drain(struct term *t)
{
	struct pollfd poller = {.fd = t->fd, .events = POLLOUT};

	while (!term_flush(t) && poll(&poller, 1, TERM_DRAIN_MS) > 0)
		;
	buf_clear(&t->kept);
}

/* ---- in and out ---- */

bool term_is_entered(const struct term *t)
{
	return t->is_entered;
}

bool term_enter(struct term *t)
{
	struct termios quiet;

	if (t->is_entered)
		return true;
	if (!term_is_foreground(t) || tcgetattr(t->fd, &t->before) != 0)
		return false;
	term_guard(t);
	t->is_entered = true;
	quiet = t->before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	tcsetattr(t->fd, TCSANOW, &quiet);
	term_write(t, SLICE(TERM_ENTER));
	return true;
}

static void term_forget(struct term *t)
{
	t->is_entered = false;
	term_unguard();
	buf_clear(&t->kept);
}

void term_resume(struct term *t)
{
	struct termios now;

	if (!t->is_entered)
		return;
	if (!term_is_foreground(t) || tcgetattr(t->fd, &now) != 0 || now.c_lflag & ECHO)
		term_forget(t);
	else
		term_write(t, SLICE(TERM_ENTER));
}

void term_leave(struct term *t)
{
	if (!t->is_entered)
		return;
	if (!term_is_foreground(t)) {
		term_forget(t);
		return;
	}
	/* Whoever has stopped the output does not mean this. Only what TCOOFF has stopped goes on
	 * with TCOON; a Ctrl-S does not. */
	tcflow(t->fd, TCOOFF);
	tcflow(t->fd, TCOON);
	buf_append_slice(&t->kept, SLICE(TERM_LEAVE));
	term_drain(t);
	/* What was typed meanwhile was not meant for the shell. */
	tcflush(t->fd, TCIFLUSH);
	tcsetattr(t->fd, TCSANOW, &t->before);
	t->is_entered = false;
	term_unguard();
}

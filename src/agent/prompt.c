/*
 * Signals that would end or stop the program are held back until the terminal echoes again, and
 * then take their effect. There is one terminal and one question at a time.
 */
#include "agent/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"

static const int prompt_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

struct prompt {
	int fd; /* owned */
	struct termios before;
	struct sigaction actions[ARRAY_LEN(prompt_signals)];
};

static volatile sig_atomic_t prompt_signal; /* that came meanwhile */

static void prompt_on_signal(int number)
{
	prompt_signal = number;
}

static void prompt_say(const struct prompt *p, const char *text)
{
	/* A terminal that takes no words gives none either. */
	if (write(p->fd, text, strlen(text)) < 0)
		prompt_signal = SIGHUP;
}

static int prompt_open(struct prompt *p)
{
	/* Without SA_RESTART, so that the read ends. */
	struct sigaction action = {.sa_handler = prompt_on_signal};
	struct termios quiet;

	p->fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (p->fd < 0)
		return ERR_NOT_FOUND;
	if (tcgetattr(p->fd, &p->before) != 0) {
		close(p->fd);
		return ERR_NOT_FOUND;
	}
	prompt_signal = 0;
	for (size_t i = 0; i < ARRAY_LEN(prompt_signals); i++)
		sigaction(prompt_signals[i], &action, &p->actions[i]);
	quiet = p->before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	/* What was typed before the question was not meant for it. */
	tcsetattr(p->fd, TCSAFLUSH, &quiet);
	return 0;
}

static void prompt_close(struct prompt *p)
{
	tcsetattr(p->fd, TCSAFLUSH, &p->before);
	for (size_t i = 0; i < ARRAY_LEN(prompt_signals); i++)
		sigaction(prompt_signals[i], &p->actions[i], NULL);
	close(p->fd);
	if (prompt_signal)
		raise(prompt_signal);
}

static int prompt_read(const struct prompt *p, size_t max, struct buf *out)
{
	char *to = buf_reserve(out, max + 1);
	size_t len = 0;
	bool is_whole = false;

	while (!is_whole && len <= max && !prompt_signal) {
		ssize_t n = read(p->fd, to + len, 1);

		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		is_whole = n > 0 && to[len] == '\n';
		len += n > 0 && !is_whole;
	}
	if (len > max)
		return ERR_LIMIT;
	buf_commit(out, len);
	return is_whole && !prompt_signal ? 0 : ERR_ENDED;
}

int prompt_secret(const char *words, size_t max, struct buf *out)
{
	struct prompt p;
	int err = prompt_open(&p);

	if (err)
		return err;
	prompt_say(&p, words);
	err = prompt_read(&p, max, out);
	prompt_say(&p, "\n");
	prompt_close(&p);
	return err;
}

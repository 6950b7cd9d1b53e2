/*
 * Two byte arrays: callers fill one under the mutex, the thread writes the other without it, and
 * they are swapped when the thread is ready for more. A caller holds the mutex for one memcpy.
 */
#include "base/log_sink.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* A pipe that polls as writable takes this much (PIPE_BUF) without blocking. */
#define LOG_SINK_PIECE 4096u
#define LOG_SINK_POLL_MS 250
#define LOG_SINK_LAST_POLLS 4
#define LOG_SINK_RETRY_MS 10

struct log_sink {
	int fd; /* borrowed */
	bool is_file; /* takes any length at once */
	log_sink_notice_fn notice;
	void *ctx; /* borrowed */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	char *queue; /* owned; what callers fill; under lock, as are the next three */
	size_t queue_len;
	uint64_t overflow; /* lines that found no room since the last swap */
	bool is_ending;
	_Atomic uint64_t dropped;
	/* the thread's own */
	char *batch; /* owned; what is being written */
	uint64_t unsaid; /* dropped lines that no notice has told of */
	bool is_torn; /* the last thing written was part of a line */
};

static uint64_t log_sink_count_lines(struct slice text)
{
	uint64_t count = 0;

	for (size_t at = slice_find(text, '\n'); at < text.len; at = slice_find(text, '\n')) {
		text = slice_from(text, at + 1);
		count++;
	}
	return count;
}

/* The front part that ends with a line end and has at most so many bytes; may be empty. */
static struct slice log_sink_whole_lines(struct slice text, size_t max)
{
	struct slice front = slice_first(text, max);
	size_t last = slice_find_last(front, '\n');

	return slice_first(front, last < front.len ? last + 1 : 0);
}

static bool log_sink_is_ending(struct log_sink *s)
{
	bool is_ending;

	pthread_mutex_lock(&s->lock);
	is_ending = s->is_ending;
	pthread_mutex_unlock(&s->lock);
	return is_ending;
}

/* False when the sink is to end and the descriptor has taken nothing for a while. */
static bool log_sink_wait(struct log_sink *s)
{
	struct pollfd poller = {.fd = s->fd, .events = POLLOUT};
	int idle = 0;

	while (poll(&poller, 1, LOG_SINK_POLL_MS) == 0) {
		if (log_sink_is_ending(s) && ++idle >= LOG_SINK_LAST_POLLS)
			return false;
	}
	return true;
}

/* Writes it all unless the descriptor fails; what is left comes back. */
static struct slice log_sink_write(struct log_sink *s, struct slice text)
{
	while (text.len) {
		struct slice piece = text;
		ssize_t n;

		if (!s->is_file) {
			piece = log_sink_whole_lines(text, LOG_SINK_PIECE);
			if (!piece.len)
				piece = slice_first(text, LOG_SINK_PIECE);
		}
		if (!log_sink_wait(s))
			break;
		n = write(s->fd, piece.ptr, piece.len);
		if (n < 0 && errno == EAGAIN && !log_sink_is_ending(s)) {
			poll(NULL, 0, LOG_SINK_RETRY_MS); /* polled as writable, but is not */
			continue;
		}
		if (n <= 0)
			break;
		s->is_torn = piece.ptr[n - 1] != '\n';
		text = slice_from(text, (size_t)n);
	}
	return text;
}

/* A line that was cut by an error gets its end first, so that the next one stands alone. */
static bool log_sink_mend(struct log_sink *s)
{
	return !s->is_torn || !log_sink_write(s, SLICE("\n")).len;
}

static void log_sink_say_dropped(struct log_sink *s)
{
	struct buf line;

	buf_init(&line);
	s->notice(s->ctx, &line, s->unsaid);
	if (log_sink_mend(s) && !log_sink_write(s, buf_slice(&line)).len)
		s->unsaid = 0;
	buf_release(&line);
}

static void log_sink_write_batch(struct log_sink *s, struct slice batch, uint64_t overflow)
{
	uint64_t lost = 0;

	if (log_sink_mend(s))
		batch = log_sink_write(s, batch);
	if (batch.len)
		lost = log_sink_count_lines(batch);
	atomic_fetch_add_explicit(&s->dropped, lost, memory_order_relaxed);
	s->unsaid += overflow + lost;
	if (s->unsaid && !lost)
		log_sink_say_dropped(s);
}

static void *log_sink_run(void *arg)
{
	struct log_sink *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		struct slice batch;
		uint64_t overflow;
		char *empty;

		while (!s->queue_len && !s->overflow && !s->is_ending)
			pthread_cond_wait(&s->wake, &s->lock);
		if (!s->queue_len && !s->overflow)
			break;
		batch = slice_of(s->queue, s->queue_len);
		overflow = s->overflow;
		empty = s->batch;
		s->batch = s->queue;
		s->queue = empty;
		s->queue_len = 0;
		s->overflow = 0;
		pthread_mutex_unlock(&s->lock);
		log_sink_write_batch(s, batch, overflow);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

struct log_sink *log_sink_new(int fd, log_sink_notice_fn notice, void *ctx)
{
	struct log_sink *s = MEM_NEW(struct log_sink);
	sigset_t all, before;
	struct stat status;
	int failed;

	s->fd = fd;
	s->is_file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
	s->notice = notice;
	s->ctx = ctx;
	s->queue = mem_alloc(LOG_SINK_QUEUE);
	s->batch = mem_alloc(LOG_SINK_QUEUE);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->wake, NULL);
	/* Signals are the loop's; and a reader that goes away must be EPIPE here, not SIGPIPE. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&s->thread, NULL, log_sink_run, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed) {
		mem_free(s->queue);
		mem_free(s->batch);
		mem_free(s);
		return NULL;
	}
	return s;
}

void log_sink_free(struct log_sink **sink)
{
	struct log_sink *s = *sink;

	if (!s)
		return;
	*sink = NULL;
	pthread_mutex_lock(&s->lock);
	s->is_ending = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	mem_free(s->queue);
	mem_free(s->batch);
	mem_free(s);
}

void log_sink_put(struct log_sink *s, struct slice lines, uint64_t line_count)
{
	uint64_t lost = 0;

	pthread_mutex_lock(&s->lock);
	if (lines.len > LOG_SINK_QUEUE - s->queue_len) {
		struct slice front = log_sink_whole_lines(lines, LOG_SINK_QUEUE - s->queue_len);

		lost = line_count - log_sink_count_lines(front);
		lines = front;
	}
	if (!s->queue_len && !s->overflow)
		pthread_cond_signal(&s->wake);
	if (lines.len) {
		memcpy(s->queue + s->queue_len, lines.ptr, lines.len);
		s->queue_len += lines.len;
	}
	s->overflow += lost;
	pthread_mutex_unlock(&s->lock);
	if (lost)
		atomic_fetch_add_explicit(&s->dropped, lost, memory_order_relaxed);
}

uint64_t log_sink_dropped(const struct log_sink *s)
{
	return atomic_load_explicit(&s->dropped, memory_order_relaxed);
}

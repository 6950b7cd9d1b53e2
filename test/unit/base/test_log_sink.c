/* The sink: order, flushing, overflow, descriptors that fail, and callers that never wait. */
#include "base/log_sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/mem.h"

#define LINE_LEN 100u

static void on_notice(void *ctx, struct buf *out, uint64_t dropped)
{
	buf_append_str(out, "dropped ");
	buf_append_u64(out, dropped);
	buf_append_char(out, '\n');
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int temporary_file(void)
{
	char path[] = "/tmp/test_log_sink.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

/* A line of LINE_LEN bytes that starts with its number. */
static void put_line(struct log_sink *s, unsigned number)
{
	char line[LINE_LEN + 1];

	snprintf(line, sizeof(line), "%08u %090d", number, 0);
	line[LINE_LEN - 1] = '\n';
	log_sink_put(s, slice_of(line, LINE_LEN), 1);
}

static void read_all(int fd, struct buf *out)
{
	ssize_t n;

	while ((n = read(fd, buf_reserve(out, 65536), 65536)) > 0)
		buf_commit(out, (size_t)n);
}

static void read_file(int fd, struct buf *out)
{
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	read_all(fd, out);
}

/* Counts whole lines, checks that none is torn, and adds up what the notices say. */
static uint64_t check_lines(struct slice text, uint64_t *dropped_out)
{
	uint64_t count = 0;
	struct slice line;

	*dropped_out = 0;
	assert_true(text.len == 0 || text.ptr[text.len - 1] == '\n');
	while (slice_split(&text, '\n', &line)) {
		if (slice_starts(line, SLICE("dropped "))) {
			*dropped_out += strtoull(line.ptr + 8, NULL, 10);
		} else if (line.len) {
			assert_int_equal(line.len, LINE_LEN - 1);
			count++;
		}
	}
	return count;
}

static void lines_arrive_in_order_and_whole_once_freed(void **state)
{
	int fd = temporary_file();
	struct log_sink *s = log_sink_new(fd, on_notice, NULL);
	struct buf text;
	uint64_t dropped;

	buf_init(&text);
	for (unsigned i = 0; i < 5000; i++)
		put_line(s, i);
	assert_int_equal(log_sink_dropped(s), 0);
	log_sink_free(&s);
	assert_null(s);
	log_sink_free(&s);
	read_file(fd, &text);
	assert_int_equal(check_lines(buf_slice(&text), &dropped), 5000);
	for (unsigned i = 0; i < 5000; i++)
		assert_int_equal(strtoul(buf_slice(&text).ptr + (size_t)i * LINE_LEN, NULL, 10), i);
	buf_release(&text);
	close(fd);
}

struct pipe_reader {
	int fd;
	struct buf text;
};

static void *run_reader(void *arg)
{
	struct pipe_reader *reader = arg;

	read_all(reader->fd, &reader->text);
	return NULL;
}

/* Puts far more than queue and pipe hold while nobody reads, then reads, then ends. */
static void check_overflow(int flags)
{
	struct pipe_reader reader;
	uint64_t dropped, written, counted;
	struct log_sink *s;
	pthread_t thread;
	double start;
	int ends[2];

	assert_int_equal(pipe2(ends, flags), 0);
	fcntl(ends[0], F_SETFL, 0);
	s = log_sink_new(ends[1], on_notice, NULL);
	start = now_s();
	for (unsigned i = 0; i < 50000; i++)
		put_line(s, i);
	assert_true(now_s() - start < 2.0);
	counted = log_sink_dropped(s);
	assert_true(counted > 50000 - 25000);
	reader.fd = ends[0];
	buf_init(&reader.text);
	assert_int_equal(pthread_create(&thread, NULL, run_reader, &reader), 0);
	log_sink_free(&s);
	close(ends[1]);
	pthread_join(thread, NULL);
	written = check_lines(buf_slice(&reader.text), &dropped);
	assert_int_equal(dropped, counted);
	assert_int_equal(written + dropped, 50000);
	buf_release(&reader.text);
	close(ends[0]);
}

static void overflow_drops_whole_lines_and_says_how_many(void **state)
{
	check_overflow(0);
}

static void a_nonblocking_descriptor_that_is_full_is_waited_for(void **state)
{
	check_overflow(O_NONBLOCK);
}

static void of_many_lines_those_that_fit_are_kept(void **state)
{
	size_t lines = LOG_SINK_QUEUE / LINE_LEN + 10, len = lines * LINE_LEN;
	char *text = mem_alloc(len);
	int fd = temporary_file();
	struct log_sink *s = log_sink_new(fd, on_notice, NULL);
	struct buf written;
	uint64_t dropped;

	memset(text, 'a', len);
	for (size_t i = 1; i <= lines; i++)
		text[i * LINE_LEN - 1] = '\n';
	log_sink_put(s, slice_of(text, len), lines);
	assert_int_equal(log_sink_dropped(s), 10);
	log_sink_free(&s);
	buf_init(&written);
	read_file(fd, &written);
	assert_int_equal(check_lines(buf_slice(&written), &dropped), lines - 10);
	assert_int_equal(dropped, 10);
	buf_release(&written);
	close(fd);
	mem_free(text);
}

static void a_line_as_long_as_the_queue_fits_and_one_longer_is_dropped(void **state)
{
	char *text = mem_alloc(LOG_SINK_QUEUE + 1);
	struct buf written;

	for (size_t extra = 0; extra <= 1; extra++) {
		int fd = temporary_file();
		struct log_sink *s = log_sink_new(fd, on_notice, NULL);

		memset(text, 'a', LOG_SINK_QUEUE + 1);
		text[LOG_SINK_QUEUE + extra - 1] = '\n';
		log_sink_put(s, slice_of(text, LOG_SINK_QUEUE + extra), 1);
		assert_int_equal(log_sink_dropped(s), extra);
		log_sink_free(&s);
		buf_init(&written);
		read_file(fd, &written);
		assert_int_equal(
			buf_len(&written), extra ? sizeof("dropped 1\n") - 1 : LOG_SINK_QUEUE);
		buf_release(&written);
		close(fd);
	}
	mem_free(text);
}

/* Opens what fails on every write, each in its own way. */
static int failing_descriptor(int kind)
{
	int ends[2];

	switch (kind) {
	case 0:
		return open("/dev/full", O_WRONLY);
	case 1:
		assert_int_equal(pipe(ends), 0);
		close(ends[0]);
		return ends[1];
	default:
		return open("/dev/null", O_RDONLY);
	}
}

static void write_errors_are_counted_and_end_nothing(void **state)
{
	for (int kind = 0; kind < 3; kind++) {
		int fd = failing_descriptor(kind);
		struct log_sink *s = log_sink_new(fd, on_notice, NULL);

		assert_true(fd >= 0);
		for (unsigned i = 0; i < 100; i++)
			put_line(s, i);
		while (log_sink_dropped(s) < 100)
			poll(NULL, 0, 1);
		assert_int_equal(log_sink_dropped(s), 100);
		log_sink_free(&s);
		close(fd);
	}
}

/* As on a full disk, a file that may not grow takes part of a line and then fails. */
static void after_a_full_disk_lines_are_whole_again_and_the_loss_is_told(void **state)
{
	static const char want[] = "aaaaaaaa\nbbb\ndddddddd\ndropped 2\n";
	struct rlimit before, tight;
	int fd = temporary_file();
	struct log_sink *s = log_sink_new(fd, on_notice, NULL);
	struct buf text;

	getrlimit(RLIMIT_FSIZE, &before);
	tight = before;
	tight.rlim_cur = 12;
	setrlimit(RLIMIT_FSIZE, &tight);
	log_sink_put(s, SLICE("aaaaaaaa\nbbbbbbbb\ncccccccc\n"), 3);
	while (log_sink_dropped(s) < 2)
		poll(NULL, 0, 1);
	setrlimit(RLIMIT_FSIZE, &before);
	log_sink_put(s, SLICE("dddddddd\n"), 1);
	log_sink_free(&s);
	buf_init(&text);
	read_file(fd, &text);
	assert_int_equal(buf_len(&text), sizeof(want) - 1);
	assert_memory_equal(buf_slice(&text).ptr, want, sizeof(want) - 1);
	buf_release(&text);
	close(fd);
}

static void freeing_gives_up_on_a_reader_that_does_not_read(void **state)
{
	struct log_sink *s;
	double start;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	s = log_sink_new(ends[1], on_notice, NULL);
	for (unsigned i = 0; i < 5000; i++)
		put_line(s, i);
	start = now_s();
	log_sink_free(&s);
	assert_true(now_s() - start < 5.0);
	close(ends[0]);
	close(ends[1]);
}

static void *run_writer(void *arg)
{
	for (unsigned i = 0; i < 2000; i++)
		put_line(arg, i);
	return NULL;
}

static void threads_may_write_at_the_same_time(void **state)
{
	int fd = temporary_file();
	struct log_sink *s = log_sink_new(fd, on_notice, NULL);
	pthread_t threads[4];
	struct buf text;
	uint64_t dropped;

	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_writer, s), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	log_sink_free(&s);
	buf_init(&text);
	read_file(fd, &text);
	assert_int_equal(check_lines(buf_slice(&text), &dropped) + dropped, 8000);
	buf_release(&text);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_arrive_in_order_and_whole_once_freed),
		cmocka_unit_test(overflow_drops_whole_lines_and_says_how_many),
		cmocka_unit_test(a_nonblocking_descriptor_that_is_full_is_waited_for),
		cmocka_unit_test(of_many_lines_those_that_fit_are_kept),
		cmocka_unit_test(a_line_as_long_as_the_queue_fits_and_one_longer_is_dropped),
		cmocka_unit_test(write_errors_are_counted_and_end_nothing),
		cmocka_unit_test(after_a_full_disk_lines_are_whole_again_and_the_loss_is_told),
		cmocka_unit_test(freeing_gives_up_on_a_reader_that_does_not_read),
		cmocka_unit_test(threads_may_write_at_the_same_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

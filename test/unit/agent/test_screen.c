/* The status screen at several sizes, as text; and that no byte of a peer gets further. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/report.h"
#include "agent/screen_model.h"
#include "base/attr.h"

#define NOW 1000000u
#define WALL UINT64_C(1763632931000) /* 10:02:11 UTC */

#define RULE10 "\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500"
#define RULE78                                                                                     \
	RULE10 RULE10 RULE10 RULE10 RULE10 RULE10 RULE10                                           \
		"\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500"
#define DASHES20 "--------------------"
#define RULE118 DASHES20 DASHES20 DASHES20 DASHES20 DASHES20 "------------------"

struct picture {
	struct screen_model model;
	struct screen_frame frame;
	struct screen_conf conf;
};

static void take(struct picture *p, struct report r)
{
	r.wall_ms = WALL;
	screen_model_take(&p->model, &r, NOW);
}

static void take_request(struct picture *p, const char *method, struct slice path, unsigned status)
{
	take(p, (struct report) {.kind = REPORT_REQUEST_OPENED});
	take(p,
		(struct report) {.kind = REPORT_REQUEST,
			.tunnel = SLICE("http"),
			.method = slice_from_str(method),
			.path = path,
			.status = status,
			.duration_us = 12345,
			.bytes_in = 1000,
			.bytes_out = 250000,
			.visitor = SLICE("192.0.2.7")});
}

static void take_tunnel(struct picture *p, const char *label, const char *url)
{
	take(p,
		(struct report) {.kind = REPORT_TUNNEL_UP,
			.tunnel = slice_from_str(label),
			.url = slice_from_str(url),
			.target = SLICE("http://127.0.0.1:3000")});
}

static void begin(struct picture *p)
{
	*p = (struct picture) {.conf = {80, 24, false, true}};
	screen_model_init(&p->model);
	take(p,
		(struct report) {.kind = REPORT_CONNECTING,
			.relay = SLICE("https://relay.example.com"),
			.attempt = 1});
}

static void begin_busy(struct picture *p)
{
	begin(p);
	take(p, (struct report) {.kind = REPORT_LINK_UP, .rtt_us = 12000});
	take_tunnel(p, "http", "https://violet-mole.relay.example.com");
	take_request(p, "GET", SLICE("/"), 200);
	take_request(p, "OPTIONS", SLICE("/api/items?page=2&sort=name&direction=descending"), 404);
	take_request(p, "GET", SLICE("/a\x1b[2J\x00\xff\xc2\x9b\"b"), 502);
}

static void end(struct picture *p)
{
	screen_model_deinit(&p->model);
	screen_frame_deinit(&p->frame);
}

/* Rows without their codes and without blanks at their ends. */
static void draw_at(struct picture *p, uint64_t now, char *out)
{
	screen_draw(&p->frame, &p->model, &p->conf, now);
	for (unsigned i = 0; i < p->frame.count; i++) {
		struct slice row = screen_frame_row(&p->frame, i);
		bool is_code = false;

		for (size_t at = 0; at < row.len; at++) {
			is_code = is_code || row.ptr[at] == '\x1b';
			if (!is_code)
				*out++ = row.ptr[at];
			is_code = is_code && row.ptr[at] != 'm';
		}
		*out++ = '\n';
	}
	*out = '\0';
}

static void assert_screen(struct picture *p, unsigned columns, unsigned rows, const char *wanted)
{
	char text[65536];

	p->conf.columns = columns;
	p->conf.rows = rows;
	draw_at(p, NOW, text);
	assert_string_equal(text, wanted);
}

static void assert_shows(struct picture *p, uint64_t now, const char *wanted)
{
	char text[65536];

	draw_at(p, now, text);
	if (!strstr(text, wanted))
		fail_msg("%s is not in:\n%s", wanted, text);
}

static void assert_hides(struct picture *p, uint64_t now, const char *unwanted)
{
	char text[65536];

	draw_at(p, now, text);
	if (strstr(text, unwanted))
		fail_msg("%s is in:\n%s", unwanted, text);
}

static void the_usual_terminal(void **state)
{
	struct picture p;

	begin_busy(&p);
	take(&p,
		(struct report) {.kind = REPORT_WARNING,
			.code = SLICE("tunnels-file"),
			.message = SLICE("tunnels.yaml, line 3: a tunnel needs a target: "
					 "\"http: 3000\" or \"tcp: 5432\"; the tunnels stay")});
	assert_screen(&p, 80, 24,
		" adit                                                 https://relay.example.com\n"
		" \u25cf connected   RTT 12 ms   up <1 min\n"
		"\n"
		" https://violet-mole.relay.example.com\n"
		" \u2192 http://127.0.0.1:3000\n"
		"\n"
		" 3 requests   1 error   3.0 kB in   750.0 kB out   0 open\n"
		" " RULE78 "\n"
		" 10:02:11  GET     /a\\u001b[2J\\u0000\\xff\\u009b\"b  502    12 ms  192.0.2.7\n"
		" 10:02:11  OPTIONS /api/items?page=2&sort=name&\u2026  404    12 ms  192.0.2.7\n"
		" 10:02:11  GET     /                              200    12 ms  192.0.2.7\n"
		"\n"
		"\n"
		"\n"
		"\n"
		"\n"
		"\n"
		"\n"
		"\n"
		"\n"
		" ! 10:02:11 [tunnels-file]: tunnels.yaml, line 3: a tunnel needs a target:\n"
		"   \"http: 3000\" or \"tcp: 5432\"; the tunnels stay\n"
		"\n"
		" Ctrl-C stops\n");
	end(&p);
}

static void the_smallest_terminal(void **state)
{
	struct picture p;

	begin_busy(&p);
	assert_screen(&p, 40, 10,
		" adit         https://relay.example.com\n"
		" \u25cf connected  RTT 12 ms  up <1 min\n"
		" https://violet-mole.relay.example.com\n"
		" \u2192 http://127.0.0.1:3000\n"
		" 3 req  1 err  3.0 kB in  750.0 kB out\n"
		" GET     /a\\u001b[2J\\u00\u2026  502    12 ms\n"
		" OPTIONS /api/items?page\u2026  404    12 ms\n"
		" GET     /                 200    12 ms\n"
		"\n"
		"\n");
	end(&p);
}

static void a_wide_terminal_in_ascii(void **state)
{
	struct picture p;

	begin_busy(&p);
	p.conf.utf8 = false;
	take_tunnel(&p, "k\xc3\xa4se", "https://other.relay.example.com");
	assert_screen(&p, 120, 16,
		" adit                                                                             "
		"            https://relay.example.com\n"
		" * connected   RTT 12 ms   up <1 min\n"
		"\n"
		" https://violet-mole.relay.example.com\n"
		" -> http://127.0.0.1:3000  http\n"
		" https://other.relay.example.com\n"
		" -> http://127.0.0.1:3000  k?se\n"
		"\n"
		" 3 requests   1 error   3.0 kB in   750.0 kB out   0 open\n"
		" " RULE118 "\n"
		" 10:02:11  GET     /a\\u001b[2J\\u0000\\xff\\u009b\"b                        502  "
		"  12 ms  192.0.2.7        http\n"
		" 10:02:11  OPTIONS /api/items?page=2&sort=name&direction=descending     404    12 "
		"ms  192.0.2.7        http\n"
		" 10:02:11  GET     /                                                    200    12 "
		"ms  192.0.2.7        http\n"
		"\n"
		"\n"
		" Ctrl-C stops\n");
	end(&p);
}

static void a_url_that_is_too_wide_runs_over_the_edge(void **state)
{
	static const char url[] =
		"https://a-name-that-is-really-long.relay.of.somebody.example.com:8443";
	struct picture p;
	struct slice first, second;

	begin(&p);
	take(&p, (struct report) {.kind = REPORT_LINK_UP});
	take_tunnel(&p, "http", url);
	p.conf.columns = 40;
	p.conf.rows = 10;
	assert_shows(&p, NOW, "\nhttps://a-name-that-is-really-long.relay\n.of.somebody");
	first = screen_frame_row(&p.frame, 2);
	second = screen_frame_row(&p.frame, 3);
	assert_memory_equal(first.ptr + strlen("\x1b[1m"), url, 40);
	assert_memory_equal(second.ptr + strlen("\x1b[1m"), url + 40, strlen(url) - 40);
	assert_true(p.frame.rows[2].goes_on);
	assert_false(p.frame.rows[3].goes_on);
	end(&p);
}

static void more_tunnels_than_rows_are_counted(void **state)
{
	struct picture p;
	char label[32], url[64];

	begin(&p);
	for (int i = 0; i < 300; i++) {
		snprintf(label, sizeof(label), "t%d", i);
		snprintf(url, sizeof(url), "https://t%d.example.com", i);
		take_tunnel(&p, label, url);
	}
	assert_shows(&p, NOW, " https://t0.example.com \u2192 http://127.0.0.1:3000  t0\n");
	assert_shows(&p, NOW, " and 291 more tunnels\n");
	assert_int_equal(p.model.tunnel_count, SCREEN_TUNNELS_MAX);
	end(&p);
}

static void a_tunnel_waits_comes_back_and_goes(void **state)
{
	struct report down = {.kind = REPORT_TUNNEL_DOWN,
		.tunnel = SLICE("http"),
		.code = SLICE("ports-used-up")};
	struct picture p;

	begin_busy(&p);
	take(&p, down);
	assert_shows(&p, NOW, "3000  not open yet\n");
	assert_shows(&p, NOW, "[ports-used-up]");
	take_tunnel(&p, "http", "https://new.example.com");
	assert_hides(&p, NOW, "not open");
	take(&p, (struct report) {.kind = REPORT_SESSION_LOST});
	assert_shows(&p, NOW, "not open yet");
	down.code = SLICE("removed");
	take(&p, down);
	assert_shows(&p, NOW, "No tunnel is open yet.");
	end(&p);
}

static void the_state_of_the_connection(void **state)
{
	struct picture p;

	begin(&p);
	assert_shows(&p, NOW, " \u25cf connecting\u2026\n");
	take(&p, (struct report) {.kind = REPORT_LINK_UP, .rtt_us = 1500});
	assert_shows(&p, NOW, " \u25cf connected   RTT 1.5 ms   up <1 min\n");
	assert_shows(&p, NOW + 3900000, "up 1 h 05 min\n");
	take(&p, (struct report) {.kind = REPORT_LINK_LOST});
	take(&p, (struct report) {.kind = REPORT_CONNECTING, .attempt = 4, .retry_ms = 3000});
	assert_shows(&p, NOW, " \u25cf reconnecting in 3 s (attempt 4)\n");
	assert_shows(&p, NOW + 2001, "reconnecting in 1 s");
	assert_int_equal(screen_model_next(&p.model, NOW), 1000);
	assert_int_equal(screen_model_next(&p.model, NOW + 2900), 100);
	take(&p, (struct report) {.kind = REPORT_CONNECTING, .attempt = 4});
	assert_shows(&p, NOW, " \u25cf reconnecting\u2026 (attempt 4)\n");
	take(&p, (struct report) {.kind = REPORT_LINK_RESUMED, .duration_us = 4000000});
	assert_shows(&p, NOW, " \u25cf resumed after 4.0 s   RTT");
	assert_int_equal(screen_model_next(&p.model, NOW), SCREEN_RESUMED_MS);
	assert_shows(&p, NOW + SCREEN_RESUMED_MS, " \u25cf connected");
	assert_int_equal(screen_model_next(&p.model, NOW + SCREEN_RESUMED_MS), 50000);
	p.model.is_stopping = true;
	p.model.open = 2;
	assert_shows(&p, NOW, " \u25cf stopping: 2 may finish, Ctrl-C ends");
	end(&p);
}

static void colours_tell_the_class_of_a_status(void **state)
{
	static const struct {
		unsigned status;
		const char *text;
	} rows[] = {{101, "\x1b[36m101\x1b[m"}, {204, "\x1b[32m204\x1b[m"},
		{302, "\x1b[36m302\x1b[m"}, {404, "\x1b[33m404\x1b[m"}, {502, "\x1b[31m502\x1b[m"},
		{0, "\x1b[36m---\x1b[m"}};
	struct picture p;

	begin(&p);
	p.conf.colour = true;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		take_request(&p, "GET", SLICE("/"), rows[i].status);
		screen_draw(&p.frame, &p.model, &p.conf, NOW);
		buf_append_char(&p.frame.text, '\0');
		assert_non_null(strstr(buf_slice(&p.frame.text).ptr, rows[i].text));
	}
	end(&p);
}

static void a_tcp_connection_is_told_by_its_bytes(void **state)
{
	struct picture p;

	begin(&p);
	take(&p,
		(struct report) {.kind = REPORT_REQUEST,
			.tcp = true,
			.duration_us = 61000000,
			.bytes_in = 1234,
			.bytes_out = 999999,
			.visitor = SLICE("192.0.2.7")});
	assert_shows(&p, NOW, " TCP     1.2 kB in, 999.9 kB out ");
	assert_shows(&p, NOW, "  ok    1m01s  192.0.2.7\n");
	end(&p);
}

static void only_the_latest_requests_are_kept(void **state)
{
	struct picture p;

	begin(&p);
	for (unsigned i = 0; i < SCREEN_REQUESTS_MAX + 1; i++)
		take_request(&p, "GET", i ? SLICE("/") : SLICE("/first"), 200 + i % 2);
	assert_int_equal(screen_model_request(&p.model, 0)->status, 200);
	assert_int_equal(screen_model_request(&p.model, 1)->status, 201);
	assert_int_equal(screen_model_request(&p.model, SCREEN_REQUESTS_MAX - 1)->path_len, 1);
	assert_null(screen_model_request(&p.model, SCREEN_REQUESTS_MAX));
	assert_int_equal(p.model.open, 0);
	end(&p);
}

/* Cells of what the screen itself puts out; every test text here has narrow letters only. */
static unsigned cells_of(struct slice row)
{
	unsigned cells = 0;

	for (size_t i = 0; i < row.len; i++) {
		unsigned char c = (unsigned char)row.ptr[i];

		if (c == 0x1b) {
			assert_int_equal(row.ptr[i + 1], '[');
			while (row.ptr[i] != 'm') {
				i++;
				assert_true(i < row.len && strchr("[0123456789;m", row.ptr[i]));
			}
			continue;
		}
		assert_true(c >= 0x20 && c != 0x7f);
		cells += c >> 6 != 0x2;
	}
	return cells;
}

static void no_size_and_no_text_breaks_a_row(void **state)
{
	static const char hostile[] =
		"\x1b]0;title\a\r\n\t\x7f\x80\xff\xc2\x9b\xe2\x80\xae\xcc\x81 \xf0\x9f very long ";
	struct slice text = slice_of(hostile, sizeof(hostile)); /* and a NUL */
	struct picture p;

	begin_busy(&p);
	take(&p,
		(struct report) {.kind = REPORT_TUNNEL_UP,
			.relay = text,
			.tunnel = text,
			.url = text,
			.target = text});
	take(&p, (struct report) {.kind = REPORT_WARNING, .code = text, .message = text});
	take(&p,
		(struct report) {.kind = REPORT_REQUEST,
			.method = text,
			.path = text,
			.visitor = text,
			.tunnel = text});
	for (unsigned columns = 1; columns < 140; columns++) {
		for (unsigned rows = 1; rows < 30; rows++) {
			p.conf = (struct screen_conf) {columns, rows, rows % 2, columns % 2};
			screen_draw(&p.frame, &p.model, &p.conf, NOW);
			assert_int_equal(p.frame.count, columns > 1 ? rows : 0);
			for (unsigned i = 0; i < p.frame.count; i++)
				assert_in_range(
					cells_of(screen_frame_row(&p.frame, i)), 0, columns);
		}
	}
	p.conf = (struct screen_conf) {60000, 60000, true, true};
	screen_draw(&p.frame, &p.model, &p.conf, NOW);
	assert_int_equal(p.frame.count, SCREEN_ROWS_MAX);
	end(&p);
}

static void wide_letters_take_two_cells_and_marks_one(void **state)
{
	struct picture p;

	begin(&p);
	p.conf.columns = 40;
	p.conf.rows = 10;
	take_request(
		&p, "GET", SLICE("/\u65e5\u672c\u8a9e\u65e5\u672c\u8a9e\u65e5\u672c\u8a9e"), 200);
	assert_shows(&p, NOW,
		" GET     /\u65e5\u672c\u8a9e\u65e5\u672c\u8a9e\u65e5\u2026  200    12 ms");
	take_request(&p, "GET", SLICE("/a\u0301\u0301"), 200);
	assert_shows(&p, NOW, "/a\ufffd\ufffd  ");
	end(&p);
}

static void the_summary_has_urls_totals_and_the_trouble(void **state)
{
	struct picture p;
	struct buf out = {0};

	begin_busy(&p);
	take(&p,
		(struct report) {.kind = REPORT_ERROR,
			.fatal = true,
			.code = SLICE("version"),
			.message = SLICE("too\x1b old")});
	screen_put_summary(&out, &p.model, &p.conf);
	buf_append_char(&out, '\0');
	assert_string_equal(buf_slice(&out).ptr,
		"https://violet-mole.relay.example.com -> http://127.0.0.1:3000\n"
		"10:02:11 [version]: too\\u001b old\n"
		"3 requests, 1 error, 3.0 kB in, 750.0 kB out\n");
	buf_release(&out);
	end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_usual_terminal),
		cmocka_unit_test(the_smallest_terminal),
		cmocka_unit_test(a_wide_terminal_in_ascii),
		cmocka_unit_test(a_url_that_is_too_wide_runs_over_the_edge),
		cmocka_unit_test(more_tunnels_than_rows_are_counted),
		cmocka_unit_test(a_tunnel_waits_comes_back_and_goes),
		cmocka_unit_test(the_state_of_the_connection),
		cmocka_unit_test(colours_tell_the_class_of_a_status),
		cmocka_unit_test(a_tcp_connection_is_told_by_its_bytes),
		cmocka_unit_test(only_the_latest_requests_are_kept),
		cmocka_unit_test(no_size_and_no_text_breaks_a_row),
		cmocka_unit_test(wide_letters_take_two_cells_and_marks_one),
		cmocka_unit_test(the_summary_has_urls_totals_and_the_trouble),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Targets as people write them, and tunnels copied and compared. */
#include "agent/tunnel_spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

#define PATH107                                                                                    \
	"/2345678901234567890123456789012345678901234567890/"                                      \
	"23456789012345678901234567890123456789012345678901234567"

struct row {
	const char *text;
	const char *shown; /* by target_print */
	const char *host; /* NULL: a path */
	uint16_t port;
	const char *host_header;
};

static const struct row http_rows[] = {
	{"3000", "http://localhost:3000", "localhost", 3000, "localhost:3000"},
	{"80", "http://localhost", "localhost", 80, "localhost"},
	{"65535", "http://localhost:65535", "localhost", 65535, "localhost:65535"},
	{"127.0.0.1:3000", "http://127.0.0.1:3000", "127.0.0.1", 3000, "127.0.0.1:3000"},
	{"[::1]:3000", "http://[::1]:3000", "::1", 3000, "[::1]:3000"},
	{"[0:0::1]", "http://[::1]", "::1", 80, "[::1]"},
	{"My-Box.Local.:8080", "http://my-box.local:8080", "my-box.local", 8080,
		"my-box.local:8080"},
	{"box", "http://box", "box", 80, "box"},
	{"http://box", "http://box", "box", 80, "box"},
	{"HTTP://box/", "http://box", "box", 80, "box"},
	{"http://box:443", "http://box:443", "box", 443, "box:443"},
	{"https://box", "https://box", "box", 443, "box"},
	{"https://box:443/", "https://box", "box", 443, "box"},
	{"https://box:80", "https://box:80", "box", 80, "box:80"},
	{"https://[::1]:8443", "https://[::1]:8443", "::1", 8443, "[::1]:8443"},
	{"unix:/run/app.sock", "unix:/run/app.sock", NULL, 0, "localhost"},
	{"unix:app.sock", "unix:app.sock", NULL, 0, "localhost"},
	{"unix:" PATH107, "unix:" PATH107, NULL, 0, "localhost"},
};

static const struct row tcp_rows[] = {
	{"5432", "localhost:5432", "localhost", 5432, "localhost:5432"},
	{"80", "localhost:80", "localhost", 80, "localhost"},
	{"db:443", "db:443", "db", 443, "db:443"},
	{"[::1]:22", "[::1]:22", "::1", 22, "[::1]:22"},
	{"unix:/run/db", "unix:/run/db", NULL, 0, "localhost"},
};

static void check_row(const struct row *row, enum tunnel_proto proto)
{
	struct target t;
	struct buf out = {0};

	if (target_parse(slice_from_str(row->text), proto, &t, &out) != 0)
		fail_msg("%s: %.*s", row->text, SLICE_ARG(buf_slice(&out)));
	assert_int_equal(buf_len(&out), 0);
	if (row->host)
		assert_string_equal(t.host, row->host);
	else
		assert_null(t.host);
	assert_int_equal(!t.path, row->host != NULL);
	assert_int_equal(t.port, row->port);
	assert_int_equal(t.tls, strncmp(row->shown, "https", 5) == 0);
	target_print(&out, &t, proto);
	buf_append_char(&out, '\0');
	assert_string_equal(buf_slice(&out).ptr, row->shown);
	buf_clear(&out);
	target_print_host(&out, &t);
	buf_append_char(&out, '\0');
	assert_string_equal(buf_slice(&out).ptr, row->host_header);
	buf_release(&out);
	target_deinit(&t);
	assert_null(t.host);
	assert_null(t.path);
}

static void http_targets_are_read(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(http_rows); i++)
		check_row(&http_rows[i], TUNNEL_HTTP);
}

static void tcp_targets_are_read(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(tcp_rows); i++)
		check_row(&tcp_rows[i], TUNNEL_TCP);
}

static void others_are_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *text;
		enum tunnel_proto proto;
		int err;
		const char *why; /* part of it */
	} rows[] = {
		{"", TUNNEL_HTTP, ERR_SYNTAX, "http://host:3000"},
		{"", TUNNEL_TCP, ERR_SYNTAX, "host:5432"},
		{"0", TUNNEL_HTTP, ERR_RANGE, "1 to 65535"},
		{"65536", TUNNEL_HTTP, ERR_RANGE, "\"65536\""},
		{"99999999999999999999999", TUNNEL_TCP, ERR_RANGE, "1 to 65535"},
		{"box:0", TUNNEL_HTTP, ERR_RANGE, "1 to 65535"},
		{"http://box:70000", TUNNEL_HTTP, ERR_RANGE, "1 to 65535"},
		{"[::1]:70000", TUNNEL_TCP, ERR_RANGE, "1 to 65535"},
		{"-1", TUNNEL_HTTP, ERR_SYNTAX, "unix:/path"},
		{"+80", TUNNEL_HTTP, ERR_SYNTAX, "unix:/path"},
		{" 80", TUNNEL_HTTP, ERR_SYNTAX, "unix:/path"},
		{"80 ", TUNNEL_HTTP, ERR_SYNTAX, "unix:/path"},
		{"box:", TUNNEL_HTTP, ERR_SYNTAX, "unix:/path"},
		{"http://box:/", TUNNEL_HTTP, ERR_SYNTAX, "unix:/path"},
		{":80", TUNNEL_HTTP, ERR_SYNTAX, "unix:/path"},
		{"box:8x", TUNNEL_HTTP, ERR_SYNTAX, "unix:/path"},
		{"::1", TUNNEL_HTTP, ERR_SYNTAX, "unix:/path"},
		{"[::1", TUNNEL_HTTP, ERR_SYNTAX, "unix:/path"},
		{"[::1]x:1", TUNNEL_HTTP, ERR_SYNTAX, "unix:/path"},
		{"http://3000", TUNNEL_HTTP, ERR_SYNTAX, "unix:/path"},
		{"http://", TUNNEL_HTTP, ERR_SYNTAX, "unix:/path"},
		{"http:///", TUNNEL_HTTP, ERR_SYNTAX, "unix:/path"},
		{"ftp://box", TUNNEL_HTTP, ERR_SYNTAX, "unix:/path"},
		{"http://user@box", TUNNEL_HTTP, ERR_SYNTAX, "unix:/path"},
		{"http://box/app", TUNNEL_HTTP, ERR_SYNTAX, "has a path"},
		{"http://box:80//", TUNNEL_HTTP, ERR_SYNTAX, "has a path"},
		{"https://box?x", TUNNEL_HTTP, ERR_SYNTAX, "unix:/path"},
		{"box/", TUNNEL_HTTP, ERR_SYNTAX, "unix:/path"},
		{"unix:", TUNNEL_HTTP, ERR_SYNTAX, "names no socket"},
		{"unix:" PATH107 "8", TUNNEL_TCP, ERR_RANGE, "too long"},
		{"unix.:80", TUNNEL_TCP, ERR_SYNTAX, "host:5432"},
		{"box", TUNNEL_TCP, ERR_SYNTAX, "host:5432"},
		{"http://box:80", TUNNEL_TCP, ERR_SYNTAX, "host:5432"},
		{"bo\x1b[2Jx", TUNNEL_TCP, ERR_SYNTAX, "\"bo?[2Jx\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct target t;
		struct buf why = {0};
		int err = target_parse(slice_from_str(rows[i].text), rows[i].proto, &t, &why);

		if (err != rows[i].err)
			fail_msg("\"%s\": %d", rows[i].text, err);
		buf_append_char(&why, '\0');
		if (!strstr(buf_slice(&why).ptr, rows[i].why))
			fail_msg("\"%s\": %s", rows[i].text, buf_slice(&why).ptr);
		assert_null(t.host);
		assert_null(t.path);
		buf_release(&why);
	}
}

static void a_long_text_is_shown_in_part(void **state)
{
	char text[300];
	struct target t;
	struct buf why = {0};

	memset(text, '/', sizeof(text));
	assert_int_equal(
		target_parse(slice_of(text, sizeof(text)), TUNNEL_TCP, &t, &why), ERR_SYNTAX);
	assert_true(buf_len(&why) < 200);
	buf_release(&why);
}

static void a_path_has_no_nul(void **state)
{
	struct target t;
	struct buf why = {0};

	assert_int_equal(target_parse(SLICE("unix:/a\0b"), TUNNEL_HTTP, &t, &why), ERR_SYNTAX);
	buf_release(&why);
}

static void a_certificate_may_be_for_another_name(void **state)
{
	static const char *const good[][2] = {{"Dev.Local.", "dev.local"}, {"[::1]", "::1"},
		{"192.0.2.1", "192.0.2.1"}, {"under_score", "under_score"}},
				 *const bad[] = {"", "dev.local:8443", "a b", "a..b",
					 "https://dev.local", "d\xc3\xa4v.local"};
	struct target t = {.host = (char *)"127.0.0.1"};
	struct buf why = {0};

	assert_int_equal(target_set_name(&t, NULL, &why), 0);
	assert_string_equal(target_tls_name(&t), "127.0.0.1");
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(target_set_name(&t, good[i][0], &why), 0);
		assert_string_equal(target_tls_name(&t), good[i][1]);
	}
	assert_int_equal(buf_len(&why), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		buf_clear(&why);
		assert_int_equal(target_set_name(&t, bad[i], &why), ERR_SYNTAX);
		assert_true(slice_ends(buf_slice(&why), SLICE("or an address")));
		assert_string_equal(target_tls_name(&t), good[3][1]);
	}
	t.host = NULL;
	target_deinit(&t);
	buf_release(&why);
}

static char *dup_str(const char *text)
{
	return mem_dup_str(text, strlen(text));
}

static struct tunnel_spec full_spec(void)
{
	return (struct tunnel_spec) {
		.label = dup_str("web"),
		.proto = TUNNEL_HTTP,
		.target = {.host = dup_str("box"),
			.port = 8443,
			.tls = true,
			.name = dup_str("dev.local")},
		.subdomain = dup_str("demo"),
		.remote_port = 7,
		.host_header = dup_str("rewrite"),
		.verify = TUNNEL_VERIFY_OFF,
		.ca_file = dup_str("/ca.pem"),
		.proxy_protocol = 2,
	};
}

static void replace(char **text, const char *with)
{
	mem_free(*text);
	*text = with ? dup_str(with) : NULL;
}

static void change(struct tunnel_spec *spec, unsigned what)
{
	switch (what) {
	case 0:
		replace(&spec->label, "other");
		break;
	case 1:
		spec->proto = TUNNEL_TCP;
		break;
	case 2:
		replace(&spec->target.host, "BOX");
		break;
	case 3:
		spec->target.port++;
		break;
	case 4:
		spec->target.tls = false;
		break;
	case 5:
		replace(&spec->target.path, "/x");
		break;
	case 6:
		replace(&spec->subdomain, NULL);
		break;
	case 7:
		spec->remote_port = 0;
		break;
	case 8:
		replace(&spec->host_header, "");
		break;
	case 9:
		spec->verify = TUNNEL_VERIFY_ON;
		break;
	case 10:
		replace(&spec->ca_file, NULL);
		break;
	case 11:
		replace(&spec->target.name, NULL);
		break;
	default:
		spec->proxy_protocol = 1;
	}
}

static void a_copy_is_equal_and_stands_alone(void **state)
{
	struct tunnel_spec spec = full_spec(), copy, empty = {0};

	tunnel_spec_copy(&copy, &spec);
	assert_true(tunnel_spec_is_equal(&spec, &copy));
	tunnel_spec_deinit(&spec);
	assert_string_equal(copy.label, "web");
	assert_string_equal(copy.ca_file, "/ca.pem");
	assert_string_equal(copy.target.name, "dev.local");
	assert_false(tunnel_spec_is_equal(&spec, &copy));
	assert_true(tunnel_spec_is_equal(&spec, &empty));
	tunnel_spec_deinit(&copy);
}

static void every_difference_counts(void **state)
{
	for (unsigned what = 0; what < 13; what++) {
		struct tunnel_spec spec = full_spec(), other;

		tunnel_spec_copy(&other, &spec);
		change(&other, what);
		if (tunnel_spec_is_equal(&spec, &other) || tunnel_spec_is_equal(&other, &spec))
			fail_msg("change %u", what);
		tunnel_spec_deinit(&spec);
		tunnel_spec_deinit(&other);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_may_be_for_another_name),
		cmocka_unit_test(http_targets_are_read),
		cmocka_unit_test(tcp_targets_are_read),
		cmocka_unit_test(others_are_refused_with_a_sentence),
		cmocka_unit_test(a_long_text_is_shown_in_part),
		cmocka_unit_test(a_path_has_no_nul),
		cmocka_unit_test(a_copy_is_equal_and_stands_alone),
		cmocka_unit_test(every_difference_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

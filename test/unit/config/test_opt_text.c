/* The forms of addresses, host names and URLs, and the hints for usual mistakes. */
#include "config/opt_text.h"

#include "config_table.h"

typedef int (*form_fn)(struct slice text, struct buf *out, struct buf *why);

struct form_row {
	form_fn form;
	const char *text;
	const char *expected; /* NULL: refused */
	const char *why; /* part of the sentence */
};

static const struct form_row rows[] = {
	{opt_text_address, "0.0.0.0", "0.0.0.0", NULL},
	{opt_text_address, "::", "::", NULL},
	{opt_text_address, "[::1]", "::1", NULL},
	{opt_text_address, "fe80::1%eth0", "fe80::1%eth0", NULL},
	{opt_text_address, "localhost", "127.0.0.1", NULL},
	{opt_text_address, "127.0.0.1%lo", NULL, "is not an IP address"},
	{opt_text_address, "0000:0000:0000:0000:0000:ffff:255.255.255.255x", NULL,
		"is not an IP address"},
	{opt_text_address, "example.com", NULL, "is not an IP address"},
	{opt_text_address, "1.2.3", NULL, "is not an IP address"},
	{opt_text_address, "1.2.3.4:80", NULL, "is not an IP address"},
	{opt_text_address, "", NULL, "is not an IP address"},
	{opt_text_host, "Tunnel.Example.COM.", "tunnel.example.com", NULL},
	{opt_text_host, "localhost", "localhost", NULL},
	{opt_text_host, "xn--bcher-kva.example", "xn--bcher-kva.example", NULL},
	{opt_text_host, "https://example.com", NULL, "has a scheme"},
	{opt_text_host, "example.com/x", NULL, "has a path"},
	{opt_text_host, "example.com:8080", NULL, "has a port"},
	{opt_text_host, "*.example.com", NULL, "has a wildcard"},
	{opt_text_host,
		"b\xc3\xbc"
		"cher.example",
		NULL, "xn--"},
	{opt_text_host, "10.0.0.1", NULL, "is an address"},
	{opt_text_host, "a..b", NULL, "is not a host name"},
	{opt_text_host, ".a", NULL, "is not a host name"},
	{opt_text_host, "-a.b", NULL, "is not a host name"},
	{opt_text_host, "a-.b", NULL, "is not a host name"},
	{opt_text_host, "a_b.c", NULL, "is not a host name"},
	{opt_text_host, "a b", NULL, "is not a host name"},
	{opt_text_host, ".", NULL, "is not a host name"},
	{opt_text_url, "https://example.com/#a", "https://example.com/#a", NULL},
	{opt_text_url, "HTTP://example.com", "HTTP://example.com", NULL},
	{opt_text_url, "/about", "/about", NULL},
	{opt_text_url, "/", "/", NULL},
	{opt_text_url, "//evil.example", NULL, "neither"},
	{opt_text_url, "https://", NULL, "neither"},
	{opt_text_url, "https:///x", NULL, "neither"},
	{opt_text_url, "ftp://example.com", NULL, "neither"},
	{opt_text_url, "example.com", NULL, "neither"},
	{opt_text_url, "/a\r\nSet-Cookie: x", NULL, "characters"},
	{opt_text_url, "/a b", NULL, "characters"},
	{opt_text_url, "/\xc3\xa4", NULL, "characters"},
};

static void forms_are_checked_and_normalised(void **state)
{
	struct buf out, why;

	buf_init(&out);
	buf_init(&why);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct form_row *row = &rows[i];
		int err = row->form(slice_from_str(row->text), &out, &why);

		assert_int_equal(err == 0, row->expected != NULL);
		if (row->expected)
			assert_string_equal(table_text(&out), row->expected);
		else
			assert_non_null(strstr(table_text(&why), row->why));
		buf_clear(&out);
		buf_clear(&why);
	}
	buf_release(&out);
	buf_release(&why);
}

static void labels_and_names_have_the_lengths_of_dns(void **state)
{
	char label[65], name[256];
	struct buf out, why;

	buf_init(&out);
	buf_init(&why);
	memset(label, 'a', sizeof(label));
	assert_int_equal(opt_text_host(slice_of(label, 63), &out, &why), 0);
	assert_true(opt_text_host(slice_of(label, 64), &out, &why) < 0);
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 2 ? '.' : 'a';
	assert_int_equal(opt_text_host(slice_of(name, 253), &out, &why), 0);
	assert_true(opt_text_host(slice_of(name, 255), &out, &why) < 0);
	buf_release(&out);
	buf_release(&why);
}

static void no_byte_that_acts_gets_into_a_location_field(void **state)
{
	struct buf out, why;

	buf_init(&out);
	buf_init(&why);
	for (int c = 0; c < 256; c++) {
		char text[2] = {'/', (char)c};
		int err = opt_text_url(slice_of(text, 2), &out, &why);

		assert_int_equal(err == 0, c > ' ' && c < 0x7f && c != '/');
	}
	buf_release(&out);
	buf_release(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_are_checked_and_normalised),
		cmocka_unit_test(labels_and_names_have_the_lengths_of_dns),
		cmocka_unit_test(no_byte_that_acts_gets_into_a_location_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* tunnels.yaml: what it makes, and what is said about mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/tunnels_file.h"

#include "base/err.h"

static int parse(struct slice text, struct tunnels_file *f, struct buf *message)
{
	static const char *const environ_list[] = {"WEB_PASSWORD=from the environment", NULL};
	const struct tunnels_source source = {"t.yaml", text, (char **)(uintptr_t)environ_list};

	return tunnels_file_parse(&source, f, message);
}

static void takes(const char *text, struct tunnels_file *f)
{
	struct buf message = {0};

	if (parse(slice_from_str(text), f, &message) != 0)
		fail_msg("%.*s", SLICE_ARG(buf_slice(&message)));
	assert_int_equal(buf_len(&message), 0);
}

static void every_key_lands_in_its_tunnel(void **state)
{
	struct tunnels_file f;

	takes("relay: https://r.test\n"
	      "tunnels:\n"
	      "  web: {http: 3000, subdomain: demo, host-header: rewrite, local-verify: off,\n"
	      "        local-name: dev.local}\n"
	      "  db: {remote-port: 40000, tcp: 5432, proxy-protocol: 2}\n",
		&f);
	assert_string_equal(f.relay, "https://r.test");
	assert_int_equal(f.count, 2);
	assert_string_equal(f.specs[0].label, "web");
	assert_int_equal(f.specs[0].proto, TUNNEL_HTTP);
	assert_int_equal(f.specs[0].target.port, 3000);
	assert_string_equal(f.specs[0].subdomain, "demo");
	assert_string_equal(f.specs[0].host_header, "rewrite");
	assert_int_equal(f.specs[0].verify, TUNNEL_VERIFY_OFF);
	assert_string_equal(f.specs[0].target.name, "dev.local");
	assert_string_equal(f.specs[1].label, "db");
	assert_int_equal(f.specs[1].proto, TUNNEL_TCP);
	assert_int_equal(f.specs[1].remote_port, 40000);
	assert_int_equal(f.specs[1].proxy_protocol, 2);
	/* Nothing of the first one is left for the second. */
	assert_null(f.specs[1].subdomain);
	assert_null(f.specs[1].target.name);
	assert_int_equal(f.specs[1].verify, TUNNEL_VERIFY_ON);
	tunnels_file_deinit(&f);
}

static void what_guards_a_tunnel_comes_from_where_it_is_named(void **state)
{
	struct tunnels_file f;

	takes("tunnels:\n"
	      "  a: {http: 1, password: ' hunter 22 ', allow: [192.0.2.0/24, '2001:DB8::1']}\n"
	      "  b: {http: 2, password-env: WEB_PASSWORD, deny: '192.0.2.7, ::/0'}\n"
	      "  c: {http: 3, verify-webhook: github, verify-secret: whsec}\n",
		&f);
	assert_string_equal(f.specs[0].guard.password, " hunter 22 ");
	assert_string_equal(f.specs[0].guard.allow, "192.0.2.0/24 2001:db8::1");
	assert_null(f.specs[0].guard.deny);
	assert_string_equal(f.specs[1].guard.password, "from the environment");
	assert_string_equal(f.specs[1].guard.deny, "192.0.2.7 ::/0");
	assert_null(f.specs[1].guard.allow);
	assert_string_equal(f.specs[2].guard.verify_scheme, "github");
	assert_string_equal(f.specs[2].guard.verify_secret, "whsec");
	assert_null(f.specs[2].guard.password);
	tunnels_file_deinit(&f);
}

static void check_mistakes(const char *const rows[][2], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct tunnels_file f;
		struct buf message = {0};

		assert_int_not_equal(parse(slice_from_str(rows[i][0]), &f, &message), 0);
		if (!slice_starts(buf_slice(&message), slice_from_str(rows[i][1])))
			fail_msg("%.*s, not %s", SLICE_ARG(buf_slice(&message)), rows[i][1]);
		assert_null(f.specs);
		assert_null(f.relay);
		buf_release(&message);
	}
}

static void mistakes_are_told_with_their_line(void **state)
{
	static const char *const rows[][2] = {
		{"", "t.yaml: there are no tunnels"},
		{"tunnels:\n", "t.yaml:1: tunnels needs names"},
		{"tunels: {a: {http: 1}}\n",
			"t.yaml:1: unknown key \"tunels\"; did you mean tunnels?"},
		{"relay: {a: 1}\n", "t.yaml:1: relay is one address"},
		{"relay: a\nrelay: b\n", "t.yaml:2: relay is one address"},
		{"tunnels:\n  a: 3000\n", "t.yaml:2: tunnel \"a\" needs keys"},
		{"tunnels:\n  a: {subdomain: x}\n", "t.yaml:2: tunnel \"a\" needs a target"},
		{"tunnels:\n  a: {}\n  b: {http: 1}\n", "t.yaml:2: tunnel \"a\" needs a target"},
		{"tunnels:\n  a: {http: 1, tcp: 2}\n", "t.yaml:2: tunnel \"a\" has two targets"},
		{"tunnels:\n  a: {http: 99999}\n", "t.yaml:2: "},
		{"tunnels:\n  a:\n    tcp: 1\n    subdomain: x\n",
			"t.yaml:2: tunnel \"a\": subdomain is not for tcp tunnels"},
		{"tunnels:\n  a: {http: 1, remote-port: 2}\n",
			"t.yaml:2: tunnel \"a\": remote-port is not for http tunnels"},
		{"tunnels:\n  a:\n    http: 1\n    subdomian: x\n",
			"t.yaml:4: unknown key \"subdomian\"; did you mean subdomain?"},
		{"tunnels:\n  a: {http: 1, relay: x}\n", "t.yaml:2: unknown key \"relay\""},
		{"tunnels:\n  a: {http: 1, proxy-protocol: 7}\n", "t.yaml:2: proxy-protocol: "},
		{"tunnels:\n  a: {http: 1, subdomain: x, subdomain: y}\n",
			"t.yaml:2: subdomain is set twice"},
		{"tunnels:\n  a: {http: 1}\n  a: {http: 2}\n",
			"t.yaml:3: there are two tunnels \"a\""},
		{"tunnels: {a: {http: 1}}\ntunnels: {b: {http: 1}}\n",
			"t.yaml:2: tunnels is set twice"},
		{"tunnels:\n  \"a b\": {http: 1}\n", "t.yaml:2: a tunnel's name has no blanks"},
		{"tunnels:\n  a: {http: {b: 1}}\n", "t.yaml:2: a value is expected"},
	};

	check_mistakes(rows, ARRAY_LEN(rows));
}

static void mistakes_of_guards_are_told_with_their_tunnel(void **state)
{
	static const char *const rows[][2] = {
		{"tunnels:\n  a: {http: [1]}\n", "t.yaml:2: there is no list for \"http\""},
		{"tunnels:\n  a: {http: 1, subdomain: [x]}\n",
			"t.yaml:2: there is no list for \"subdomain\""},
		{"tunnels:\n  a: {http: 1, password: abc}\n",
			"t.yaml:2: tunnel \"a\": a password has 4 to 128 bytes, this one has 3"},
		{"tunnels:\n  a: {http: 1, password: '-'}\n",
			"t.yaml:2: tunnel \"a\": a password has 4 to 128 bytes"},
		{"tunnels:\n  a: {http: 1, password-prompt: true}\n",
			"t.yaml:2: tunnel \"a\": password-prompt is not for a file"},
		{"tunnels:\n  a: {http: 1, password: abcd, password-env: HOME}\n",
			"t.yaml:2: tunnel \"a\": password has 2 sources"},
		{"tunnels:\n  a: {http: 1, password-env: NOT_THERE}\n",
			"t.yaml:2: tunnel \"a\": password-env: the variable NOT_THERE is not set"},
		{"tunnels:\n  a: {http: 1, password-file: /nowhere}\n",
			"t.yaml:2: tunnel \"a\": password-file: ENOENT"},
		{"tunnels:\n  a: {http: 1, allow: example.com}\n",
			"t.yaml:2: tunnel \"a\": \"example.com\" is no address"},
		{"tunnels:\n  a: {http: 1, verify-webhook: slack}\n",
			"t.yaml:2: tunnel \"a\": verify-webhook needs the secret"},
		{"tunnels:\n  a: {http: 1, verify-webhook: paypal}\n",
			"t.yaml:2: verify-webhook: "},
		{"tunnels:\n  a: {tcp: 1, password: abcd}\n",
			"t.yaml:2: tunnel \"a\": password is not for tcp tunnels"},
	};

	check_mistakes(rows, ARRAY_LEN(rows));
}

static void a_file_has_a_bound(void **state)
{
	struct buf text = {0}, message = {0};
	struct tunnels_file f;

	buf_append_str(&text, "tunnels:\n");
	for (unsigned i = 0; i <= TUNNELS_FILE_MAX; i++)
		buf_printf(&text, "  t%u: {http: 1}\n", i);
	assert_int_equal(parse(buf_slice(&text), &f, &message), ERR_LIMIT);
	buf_release(&text);
	buf_release(&message);
}

static void names_choose(void **state)
{
	static const char *const some[] = {"c", "a"}, *const unknown[] = {"x"};
	const char *text = "tunnels: {a: {http: 1}, b: {http: 2}, c: {http: 3}}\n";
	struct buf message = {0};
	struct tunnels_file f;

	takes(text, &f);
	assert_int_equal(tunnels_file_choose(&f, NULL, 0, &message), 0);
	assert_int_equal(f.count, 3);
	assert_int_equal(tunnels_file_choose(&f, unknown, 1, &message), ERR_NOT_FOUND);
	assert_true(
		slice_eq(buf_slice(&message), SLICE("there is no tunnel \"x\"; there are: a b c")));
	assert_int_equal(tunnels_file_choose(&f, some, 2, &message), 0);
	assert_int_equal(f.count, 2);
	assert_string_equal(f.specs[0].label, "a");
	assert_string_equal(f.specs[1].label, "c");
	tunnels_file_deinit(&f);
	buf_release(&message);
}

static void two_that_are_chosen_have_two_addresses(void **state)
{
	static const char *const one[] = {"b"};
	static const char *const texts[][2] = {
		{"tunnels: {a: {http: 1, subdomain: x}, b: {http: 2, subdomain: x}}\n",
			"tunnels \"a\" and \"b\" have the same subdomain"},
		{"tunnels: {a: {tcp: 1, remote-port: 9}, b: {tcp: 2, remote-port: 9}}\n",
			"tunnels \"a\" and \"b\" have the same remote-port"},
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct buf message = {0};
		struct tunnels_file f;

		takes(texts[i][0], &f);
		assert_int_equal(tunnels_file_choose(&f, NULL, 0, &message), ERR_EXISTS);
		assert_true(slice_eq(buf_slice(&message), slice_from_str(texts[i][1])));
		/* The other one may be meant for another day. */
		assert_int_equal(tunnels_file_choose(&f, one, 1, &message), 0);
		tunnels_file_deinit(&f);
		buf_release(&message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_lands_in_its_tunnel),
		cmocka_unit_test(what_guards_a_tunnel_comes_from_where_it_is_named),
		cmocka_unit_test(mistakes_are_told_with_their_line),
		cmocka_unit_test(mistakes_of_guards_are_told_with_their_tunnel),
		cmocka_unit_test(a_file_has_a_bound),
		cmocka_unit_test(names_choose),
		cmocka_unit_test(two_that_are_chosen_have_two_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

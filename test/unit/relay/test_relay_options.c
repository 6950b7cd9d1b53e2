/* The table of aditd's options: unique names, fitting fields, readable defaults. */
#include "relay/relay_options.h"

#include "base/mem.h"
#include "config/opt_set.h"
#include "config/opt_value.h"
#include "relay_start.h"

static void names_are_unique_and_well_formed(void **state)
{
	for (size_t i = 0; i < relay_options.count; i++) {
		const struct opt *o = &relay_options.opts[i];
		char env[OPT_NAME_MAX];

		opt_env_name(o, env);
		assert_ptr_equal(opt_find(&relay_options, slice_from_str(o->name)), o);
		assert_ptr_equal(opt_find_env(&relay_options, slice_from_str(env)), o);
		if (o->env_alias)
			assert_ptr_equal(
				opt_find_env(&relay_options, slice_from_str(o->env_alias)), o);
		assert_int_equal(strspn(o->name, "abcdefghijklmnopqrstuvwxyz-"), strlen(o->name));
		assert_true(slice_ends(slice_from_str(o->doc), SLICE(".")));
		assert_null(strchr(o->doc, '\n'));
		if (i)
			assert_true(o->group >= relay_options.opts[i - 1].group);
	}
}

static size_t size_of_type(const struct opt *o)
{
	if (o->type == OPT_BOOL)
		return sizeof(bool);
	if (o->type == OPT_PORT)
		return sizeof(uint16_t);
	if (o->type == OPT_ENUM)
		return sizeof(enum log_level);
	return opt_value_is_number(o) ? o->size : sizeof(char *);
}

static void fields_have_the_type_and_room_for_every_value(void **state)
{
	for (size_t i = 0; i < relay_options.count; i++) {
		const struct opt *o = &relay_options.opts[i];

		if (opt_has(o, OPT_NO_EFFECT))
			continue;
		assert_int_equal(o->size, size_of_type(o));
		assert_true(o->offset + o->size <= sizeof(struct relay_conf));
		if (opt_value_is_number(o) && o->size < 8)
			assert_true(o->max >> (o->size * 8) == 0);
		for (size_t j = 0; j < i; j++)
			assert_true(opt_has(&relay_options.opts[j], OPT_NO_EFFECT) ||
				relay_options.opts[j].offset != o->offset);
	}
}

static void the_seeds_names_come_out_exactly(void **state)
{
	static const char *const rows[][2] = {
		{"LT_PORT", "port"},
		{"LT_ADDRESS", "address"},
		{"LT_SECURE", "secure"},
		{"LT_DOMAIN", "domain"},
		{"LT_MAX_SOCKETS", "max-sockets"},
		{"LT_ADMIN_PORT", "admin-port"},
		{"LT_ADMIN_ADDRESS", "admin-address"},
		{"LT_PORT_RANGE_START", "port-range-start"},
		{"LT_PORT_RANGE_END", "port-range-end"},
		{"LT_LANDING", "landing"},
		{"LT_HTTP_PROXY_PORT", "http-proxy-port"},
		{"LT_HTTPS_PROXY_PORT", "https-proxy-port"},
		{"LT_RETRY_AFTER", "retry-after"},
		{"LT_GRACE_PERIOD", "grace-period"},
		{"LT_MAX_GRACE_PERIOD", "max-grace-period"},
		{"LT_IP_VALIDATION_STRICT", "ip-validation-strict"},
		{"LT_TRUST_PROXY", "trust-proxy"},
		{"LT_REQUEST_TIMEOUT", "request-timeout"},
		{"LT_WEBSOCKET_TIMEOUT", "websocket-timeout"},
		{"LT_SOCKET_CHECK_INTERVAL", "socket-check-interval"},
		{"LT_HMAC_SECRET", "hmac-secret"},
		{"FILE_LT_HMAC_SECRET", "hmac-secret-file"},
		{"LT_HMAC_TIMESTAMP_TOLERANCE", "hmac-timestamp-tolerance"},
		{"LT_HMAC_NONCE_THRESHOLD", "hmac-nonce-threshold"},
		{"LT_HMAC_NONCE_CACHE_TTL", "hmac-nonce-cache-ttl"},
		{"LT_NONCE_CLEANUP_INTERVAL", "nonce-cleanup-interval"},
		{"DEBUG", "debug"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct opt *o = opt_find_env(&relay_options, slice_from_str(rows[i][0]));

		assert_non_null(o);
		assert_string_equal(o->name, rows[i][1]);
	}
}

static void bounds_are_refused_one_beyond(void **state)
{
	struct relay_conf *conf = MEM_NEW(struct relay_conf);
	struct buf why, text;

	buf_init(&why);
	buf_init(&text);
	for (size_t i = 0; i < relay_options.count; i++) {
		const struct opt *o = &relay_options.opts[i];

		if (!opt_value_is_number(o))
			continue;
		for (int beyond = -1; beyond < 2; beyond += 2) {
			uint64_t edge = beyond < 0 ? o->min : o->max;

			buf_clear(&text);
			buf_append_u64(&text, edge);
			assert_int_equal(opt_value_store(o, conf, buf_slice(&text), &why), 0);
			if (edge == 0 || edge == UINT64_MAX)
				continue;
			buf_clear(&text);
			buf_append_u64(&text, edge + (uint64_t)beyond);
			assert_true(opt_value_store(o, conf, buf_slice(&text), &why) < 0);
		}
	}
	buf_release(&why);
	buf_release(&text);
	mem_free(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_unique_and_well_formed),
		cmocka_unit_test(fields_have_the_type_and_room_for_every_value),
		cmocka_unit_test(the_seeds_names_come_out_exactly),
		cmocka_unit_test(bounds_are_refused_one_beyond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

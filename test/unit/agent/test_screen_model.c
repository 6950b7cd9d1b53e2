/* What the status screen makes of reports, before anything is drawn. */
#include "agent/screen_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/report.h"

#define NOW 1000000u

static void check_note(struct report report, const char *code, const char *message)
{
	struct screen_model model;

	screen_model_init(&model);
	screen_model_take(&model, &report, NOW);
	assert_int_equal(model.note.kind, code ? SCREEN_WARNING : SCREEN_NOTE_NONE);
	assert_string_equal(model.note.code, code ? code : "");
	assert_string_equal(model.note.message, message);
	screen_model_deinit(&model);
}

static void an_address_that_changed_is_noted(void **state)
{
	check_note((struct report) {.kind = REPORT_TUNNEL_UP, .url = SLICE("tcp://b")}, NULL, "");
	check_note((struct report) {.kind = REPORT_TUNNEL_UP,
			   .url = SLICE("tcp://b"),
			   .url_before = SLICE("tcp://a")},
		"address-changed", "tcp://a is now tcp://b");
}

static void another_name_than_the_one_wanted_is_noted(void **state)
{
	struct report report = {.kind = REPORT_TUNNEL_UP,
		.url = SLICE("http://b.example.com"),
		.name_wanted = SLICE("a")};

	check_note(report, "other-name", "a is somebody else's; the relay gave another name");
	report.url_before = SLICE("http://a.example.com");
	check_note(report, "address-changed", "http://a.example.com is now http://b.example.com");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_that_changed_is_noted),
		cmocka_unit_test(another_name_than_the_one_wanted_is_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

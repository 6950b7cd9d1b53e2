/* The messages of a lane as one text, and specs in few words. */
#include "registration_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static uint32_t no_chance(void *ctx, uint32_t bound)
{
	return bound / 2;
}

struct fixture begin(unsigned lanes)
{
	struct fixture f = {0};

	registrations_init(&f.r, lanes, no_chance, NULL);
	return f;
}

struct tunnel_spec http(const char *label, const char *subdomain)
{
	return (struct tunnel_spec) {
		.label = (char *)(uintptr_t)label,
		.proto = TUNNEL_HTTP,
		.target = {.host = (char *)(uintptr_t) "127.0.0.1", .port = 3000},
		.subdomain = (char *)(uintptr_t)subdomain,
	};
}

struct tunnel_spec tcp(const char *label, uint16_t port)
{
	struct tunnel_spec spec = http(label, NULL);

	spec.proto = TUNNEL_TCP;
	spec.remote_port = port;
	return spec;
}

void set(struct fixture *f, const struct tunnel_spec *specs, size_t count)
{
	struct registration *reg;

	registrations_set(&f->r, specs, count);
	while ((reg = registrations_find_new(&f->r)) != NULL)
		reg->is_new = false;
}

void set_one(struct fixture *f, struct tunnel_spec spec)
{
	set(f, &spec, 1);
}

/* What is said on a lane, as one text: "register 1 demo, unregister 2". */
void assert_says(struct fixture *f, unsigned lane, const char *expected)
{
	struct control c;
	struct buf said = {0};

	while (registrations_next(&f->r, lane, f->now, &c)) {
		buf_printf(&said, "%s%s %u", buf_len(&said) ? ", " : "",
			c.type == CONTROL_REGISTER ? "register" : "unregister", c.tunnel);
		if (c.subdomain)
			buf_printf(&said, " %s", c.subdomain);
		if (c.port)
			buf_printf(&said, " %u", c.port);
		if (c.share)
			buf_append_str(&said, " share");
	}
	buf_append_char(&said, '\0');
	assert_string_equal(buf_slice(&said).ptr, expected);
	buf_release(&said);
}

enum registration_event take(struct fixture *f, unsigned lane, struct control c)
{
	return registrations_take(&f->r, lane, &c, f->now, &f->reg);
}

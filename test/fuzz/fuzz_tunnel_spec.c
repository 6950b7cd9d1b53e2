/* Targets: what is accepted prints as a text that is accepted again and means the same. */
#include "agent/tunnel_spec.h"
#include "base/check.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_same(const struct target *a, const struct target *b)
{
	if (!a->path != !b->path || a->port != b->port || a->tls != b->tls)
		return false;
	return a->path ? strcmp(a->path, b->path) == 0 : strcmp(a->host, b->host) == 0;
}

static void check(struct slice in, enum tunnel_proto proto)
{
	struct target t, again;
	struct buf out = {0}, why = {0};

	if (target_parse(in, proto, &t, &why) != 0) {
		CHECK(buf_len(&why) && !t.host && !t.path);
		buf_release(&why);
		return;
	}
	CHECK(!buf_len(&why) && !t.host != !t.path);
	CHECK(t.path || t.port);
	CHECK(!t.tls || proto == TUNNEL_HTTP);
	target_print(&out, &t, proto);
	CHECK(target_parse(buf_slice(&out), proto, &again, &why) == 0);
	CHECK(is_same(&t, &again));
	buf_release(&out);
	target_deinit(&t);
	target_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = mem_dup(data, size);
	struct slice in = {bytes, size};

	check(in, TUNNEL_HTTP);
	check(in, TUNNEL_TCP);
	mem_free(bytes);
	return 0;
}

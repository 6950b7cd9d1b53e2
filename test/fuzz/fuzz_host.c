/* Hosts, targets, queries and escapes: what comes out canonical must come out of itself. */
#include "base/check.h"
#include "base/mem.h"
#include "proto/http_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_host(struct slice in)
{
	struct http_host host, again;

	if (http_host_parse(in, &host) < 0)
		return;
	CHECK(host.len && host.text[host.len] == '\0' && strlen(host.text) == host.len);
	for (size_t i = 0; i < host.len; i++)
		CHECK(host.text[i] > ' ' && host.text[i] < 0x7f &&
			!(host.text[i] >= 'A' && host.text[i] <= 'Z') &&
			!strchr("/?#@\\%", host.text[i]));
	CHECK(http_host_parse(http_host_slice(&host), &again) == 0);
	CHECK(again.kind == host.kind && !again.has_port);
	CHECK(slice_eq(http_host_slice(&again), http_host_slice(&host)));
}

static void check_target(struct slice in)
{
	struct http_target target;
	struct slice path, query;

	if (http_target_parse(in, &target) < 0)
		return;
	path = http_target_path(target.path);
	query = http_target_query(target.path);
	CHECK(path.len + (query.ptr ? 1 + query.len : 0) == target.path.len);
	http_query_has(query, SLICE("new"));
	check_host(target.authority);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = mem_dup(data, size), out[64];
	struct slice in = {bytes, size};
	size_t len;
	int err;

	check_host(in);
	check_target(in);
	err = http_percent_decode(in, out, sizeof(out), &len);
	CHECK(len <= sizeof(out) && len <= size && (err || len * 3 >= size));
	mem_free(bytes);
	return 0;
}

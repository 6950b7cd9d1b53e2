/*
 * Any bytes are the body of POST /api/tunnels: it is taken, or refused with a sentence. What was
 * taken is a text that comes out the same when it is sent again.
 */
#include <stdint.h>

#include "base/check.h"
#include "base/err.h"
#include "relay/api_json.h"
#include "relay/escape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct api_json_tunnel *tunnel)
{
	struct slice name = slice_of(tunnel->subdomain, tunnel->subdomain_len);
	struct api_json_tunnel again;
	struct buf body = {0}, sentence = {0};

	CHECK(name.len <= API_JSON_SUBDOMAIN_MAX && slice_find(name, '\0') == name.len);
	buf_append_str(&body, "{\"subdomain\":\"");
	escape_json(&body, name);
	buf_append_str(&body, "\"}");
	CHECK(api_json_read_tunnel(buf_slice(&body), &again, &sentence) == 0);
	CHECK(again.has_subdomain);
	CHECK(slice_eq(name, slice_of(again.subdomain, again.subdomain_len)));
	CHECK(buf_len(&sentence) == 0);
	buf_release(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct api_json_tunnel tunnel;
	struct buf sentence = {0};
	int err = api_json_read_tunnel(slice_of(data, size), &tunnel, &sentence);

	CHECK(err == 0 || err == ERR_SYNTAX);
	CHECK((err == 0) == (buf_len(&sentence) == 0));
	CHECK(buf_len(&sentence) < 128);
	if (!err && tunnel.has_subdomain)
		check_again(&tunnel);
	CHECK(tunnel.has_subdomain || tunnel.subdomain_len == 0);
	buf_release(&sentence);
	return 0;
}

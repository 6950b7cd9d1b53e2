/*
 * The words are those of webpack (which says them with 200 in some versions), Vite and what builds
 * on it, Rails, Django, SvelteKit and Astro, and Next.js. A miss costs a hint, and nothing else.
 */
#include "agent/local_http_hint.h"

#include "base/attr.h"

#define LOCAL_HTTP_HINT_MAX 2048u /* it stands at the beginning */

bool local_http_hint_refuses_host(unsigned status, struct slice body)
{
	static const char *const words[] = {"Invalid Host header", "Blocked request. This host",
		"Blocked host", "DisallowedHost", "Origin checking failed",
		"Cross-site POST form submissions are forbidden"};

	if (!status) /* Next.js, of a WebSocket from another origin: this, and no HTTP around it */
		return slice_eq(body, SLICE("Unauthorized"));
	if (slice_starts(body, slice_from_str(words[0])))
		return true;
	if (status != 403 && status != 400)
		return false;
	body = slice_first(body, LOCAL_HTTP_HINT_MAX);
	for (size_t i = 0; body.len && i < ARRAY_LEN(words); i++) {
		if (memmem(body.ptr, body.len, words[i], strlen(words[i])))
			return true;
	}
	return false;
}

/*
 * Any bytes in the handshake of either side, and behind it: the connection waits, fails or ends,
 * never reads beyond what it was given, and says why. The first byte chooses who is attacked and
 * the size of the pieces; the second how much of a true handshake comes before, byte by byte.
 */
#include <stdint.h>

#include "base/check.h"
#include "base/mem.h"
#include "crypto/tls.h"
#include "support/tls_context.h"
#include "support/tls_pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_ready(void)
{
	if (!tls_context_server)
		tls_context_open(NULL);
}

/* Each piece in a block of its size. */
static void fuzz_feed(struct tls *t, const uint8_t *data, size_t size, size_t piece)
{
	enum tls_result result = TLS_MORE;
	struct buf out = {0};
	char room[300];
	size_t len;

	while (size && result == TLS_MORE) {
		size_t now = piece < size ? piece : size;
		char *block = mem_dup(data, now);
		struct slice in = slice_of(block, now);

		do
			result = tls_read(t, &in, &out, slice_of(room, sizeof(room)), &len);
		while (result == TLS_OK);
		CHECK(result != TLS_MORE || !in.len);
		CHECK(result != TLS_FAILED || *tls_failure(t));
		mem_free(block);
		data += now;
		size -= now;
	}
	tls_shutdown(t, &out);
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_pair p;
	struct tls_end *victim, *other;
	size_t first;

	if (size < 2)
		return 0;
	fuzz_ready();
	tls_pair_init(&p, tls_context_client, "a.test", tls_context_server);
	victim = data[0] & 1 ? &p.client : &p.server;
	other = data[0] & 1 ? &p.server : &p.client;
	if (data[1] & 128) {
		tls_pair_run(&p, 0);
	} else {
		tls_pair_read(&p.client, &p.server, 0);
		if (victim == &p.client)
			tls_pair_read(other, victim, 0);
		first = data[1] * 8u < buf_len(&victim->wire) ? data[1] * 8u
							      : buf_len(&victim->wire);
		fuzz_feed(victim->tls, (const uint8_t *)buf_slice(&victim->wire).ptr, first, first);
	}
	fuzz_feed(victim->tls, data + 2, size - 2, 1u + (data[0] >> 1) * 8u);
	tls_pair_deinit(&p);
	return 0;
}

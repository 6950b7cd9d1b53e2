/* Each piece is a block of exactly its size, so that a sanitizer sees reads behind its end. */
#include "support/tls_pair.h"

#include "base/check.h"
#include "base/mem.h"

#define TLS_PAIR_ROOM 65536u

void tls_pair_init(
	struct tls_pair *p, struct tls_client *client, const char *host, struct tls_server *server)
{
	*p = (struct tls_pair) {0};
	p->client.tls = tls_connect(client, host, "http/1.1");
	p->server.tls = tls_accept(server);
}

void tls_pair_deinit(struct tls_pair *p)
{
	struct tls_end *ends[] = {&p->client, &p->server};

	for (int i = 0; i < 2; i++) {
		tls_free(&ends[i]->tls);
		buf_release(&ends[i]->wire);
		buf_release(&ends[i]->data);
	}
}

static void tls_pair_feed(struct tls_end *end, struct tls_end *other, struct slice bytes)
{
	struct slice room = slice_of(mem_alloc(TLS_PAIR_ROOM), TLS_PAIR_ROOM);
	size_t len;

	do {
		end->result = tls_read(end->tls, &bytes, &other->wire, room, &len);
		CHECK((len > 0) == (end->result == TLS_OK));
		buf_append(&end->data, room.ptr, len);
	} while (end->result == TLS_OK);
	CHECK(end->result != TLS_MORE || !bytes.len);
	mem_free((void *)room.ptr);
}

void tls_pair_read(struct tls_end *end, struct tls_end *other, size_t piece)
{
	do {
		size_t len = buf_len(&end->wire);
		char *block;

		if (piece && piece < len)
			len = piece;
		block = mem_dup(len ? buf_slice(&end->wire).ptr : "", len);
		buf_consume(&end->wire, len);
		tls_pair_feed(end, other, slice_of(block, len));
		mem_free(block);
	} while (buf_len(&end->wire) && end->result == TLS_MORE);
}

void tls_pair_run(struct tls_pair *p, size_t piece)
{
	do {
		tls_pair_read(&p->client, &p->server, piece);
		tls_pair_read(&p->server, &p->client, piece);
	} while ((buf_len(&p->client.wire) && p->client.result == TLS_MORE) ||
		(buf_len(&p->server.wire) && p->server.result == TLS_MORE));
}

/* A vector of slices with room for the chunk heads in between. */
#include "relay/gather.h"

void gather_init(struct gather *g, struct stream *to, bool chunked)
{
	g->to = to;
	g->chunked = chunked;
	g->full = false;
	g->count = g->heads = 0;
	g->bytes = 0;
}

void gather_flush(struct gather *g)
{
	if (!g->count)
		return;
	for (unsigned i = 0; i < g->count; i++)
		g->bytes += g->parts[i].len;
	if (!stream_write(g->to, g->parts, g->count))
		g->full = true;
	g->count = g->heads = 0;
}

void gather_add_raw(struct gather *g, struct slice data)
{
	if (g->count == STREAM_PARTS_MAX)
		gather_flush(g);
	g->parts[g->count++] = data;
}

void gather_add_content(struct gather *g, struct slice data)
{
	char *head;

	if (!g->chunked) {
		gather_add_raw(g, data);
		return;
	}
	if (g->heads == GATHER_CHUNKS || g->count + 3u > STREAM_PARTS_MAX)
		gather_flush(g);
	head = g->chunk_heads[g->heads++];
	g->parts[g->count++] = slice_of(head, http1_write_chunk_head(head, data.len));
	g->parts[g->count++] = data;
	g->parts[g->count++] = SLICE("\r\n");
}

/* A vector of slices with room for the chunk heads in between, and for what is copied together. */
#include "relay/gather.h"

#include <string.h>

void gather_init(struct gather *g, struct stream *to, bool chunked)
{
	g->to = to;
	g->chunked = chunked;
	g->full = false;
	g->count = g->heads = 0;
	g->bytes = 0;
	g->merged_from = g->merged_len = 0;
}

/* A small head and a small body cost less as one piece than as two. */
static void gather_join(struct gather *g, char room[GATHER_JOINED])
{
	size_t len = 0;

	for (unsigned i = 0; i < g->count; i++) {
		memcpy(room + len, g->parts[i].ptr, g->parts[i].len);
		len += g->parts[i].len;
	}
	g->parts[0] = slice_of(room, len);
	g->count = 1;
}

static void gather_send(struct gather *g)
{
	char joined[GATHER_JOINED];
	size_t len = 0;

	if (!g->count)
		return;
	for (unsigned i = 0; i < g->count; i++)
		len += g->parts[i].len;
	g->bytes += len;
	if (g->count > 1 && len <= sizeof(joined))
		gather_join(g, joined);
	if (!stream_write(g->to, g->parts, g->count))
		g->full = true;
	g->count = g->heads = 0;
}

static void gather_put_raw(struct gather *g, struct slice data)
{
	if (g->count == STREAM_PARTS_MAX)
		gather_send(g);
	g->parts[g->count++] = data;
}

static void gather_put_content(struct gather *g, struct slice data)
{
	char *head;

	if (!g->chunked) {
		gather_put_raw(g, data);
		return;
	}
	if (g->heads == GATHER_CHUNKS || g->count + 3u > STREAM_PARTS_MAX)
		gather_send(g);
	head = g->chunk_heads[g->heads++];
	g->parts[g->count++] = slice_of(head, http1_write_chunk_head(head, data.len));
	g->parts[g->count++] = data;
	g->parts[g->count++] = SLICE("\r\n");
}

/* What was copied together becomes one piece. */
static void gather_end_merged(struct gather *g)
{
	struct slice merged = slice_of(g->merged + g->merged_from, g->merged_len - g->merged_from);

	g->merged_from = g->merged_len;
	if (merged.len)
		gather_put_content(g, merged);
}

void gather_flush(struct gather *g)
{
	gather_end_merged(g);
	gather_send(g);
	g->merged_from = g->merged_len = 0;
}

void gather_add_raw(struct gather *g, struct slice data)
{
	gather_end_merged(g);
	gather_put_raw(g, data);
}

void gather_add_content(struct gather *g, struct slice data)
{
	if (data.len > GATHER_SMALL) {
		gather_end_merged(g);
		gather_put_content(g, data);
		return;
	}
	if (g->merged_len + data.len > GATHER_MERGED)
		gather_flush(g);
	if (data.len)
		memcpy(g->merged + g->merged_len, data.ptr, data.len);
	g->merged_len = (uint16_t)(g->merged_len + data.len);
}

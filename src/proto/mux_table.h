/* From a stream's id to the stream. Ids are even spread by nature: the next one is two more. */
#ifndef PROTO_MUX_TABLE_H
#define PROTO_MUX_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct mux_stream;

struct mux_table {
	struct mux_stream **slots; /* owned; NULL while empty */
	uint32_t mask;
	uint32_t count;
	uint32_t cursor; /* where mux_table_any found one */
};

struct mux_stream *mux_table_get(const struct mux_table *t, uint32_t id);
/* The id may not be there yet. */
void mux_table_put(struct mux_table *t, struct mux_stream *s);
/* It must be there. */
void mux_table_remove(struct mux_table *t, const struct mux_stream *s);
/* Gives memory back that was needed once; to be called now and then, as streams come in waves. */
void mux_table_fit(struct mux_table *t);
/* Any of them, or NULL. To take one after the other costs no more than to walk them once. */
struct mux_stream *mux_table_any(struct mux_table *t);
void mux_table_deinit(struct mux_table *t);

#endif

/* The mux of a test: its peer is written by hand, and what it says is compared as text. */
#ifndef PROTO_MUX_RIG_H
#define PROTO_MUX_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka wants those above first. */
#include <cmocka.h>

#include "support/mux_peer.h"

#define KIB 1024u
#define MIB 1048576u

extern struct mux_peer p;

/* Both sides resume; 0 is the window of yamux. */
void init(enum mux_role role, uint32_t window);
int tear_down(void **state);
/* A frame of the peer comes. */
int says(uint8_t type, uint16_t flags, uint32_t stream, uint32_t length);

/* Since the last time. */
#define SENT(text) assert_string_equal(mux_peer_sent(&p), text)
#define TOLD(text) assert_string_equal(mux_peer_told(&p), text)

#endif

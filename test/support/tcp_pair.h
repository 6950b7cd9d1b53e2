/*
 * TCP connections of this machine to itself, as the other side of what a test examines. All
 * descriptors are non-blocking; a failure of the system fails the test.
 */
#ifndef SUPPORT_TCP_PAIR_H
#define SUPPORT_TCP_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* What a socket has for the one who looks at it. */
enum tcp_pair_end { TCP_PAIR_OPEN, TCP_PAIR_ENDED, TCP_PAIR_RESET };

/* Two connected descriptors. */
void tcp_pair_open(int fds[2]);
/* The same with the smallest buffers that the kernel gives, so that they fill up soon. */
void tcp_pair_open_small(int fds[2]);
/* A connection to a listener on 127.0.0.1; it may still wait there to be accepted. */
int tcp_pair_connect(uint16_t port);
/* Sends all of it, which must fit into the socket. */
void tcp_pair_send(int fd, struct slice data);
/* Appends whatever can be read just now. */
enum tcp_pair_end tcp_pair_receive(int fd, struct buf *out);
/* Closes with a reset. */
void tcp_pair_reset(int fd);

#endif

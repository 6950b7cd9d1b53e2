/*
 * Tells when the addresses of this machine or its default route change: connections may be dead
 * then without anybody having said so. On systems that do not tell, it never calls.
 */
#ifndef IO_NETWATCH_H
#define IO_NETWATCH_H

#define NETWATCH_GATHER_MS 100u /* changes come in groups, and are told as one */

struct loop;
struct netwatch;

struct netwatch *netwatch_new(struct loop *loop, void (*changed)(void *ctx), void *ctx);
void netwatch_free(struct netwatch **n);

#endif

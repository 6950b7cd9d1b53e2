/*
 * Which worker each name lives on, for all workers of the process. A name is claimed here before
 * its tunnel exists and released after the tunnel is gone, so that two workers never serve one
 * name. Also remembers the TCP port a name had last, within a bound.
 */
#ifndef RELAY_DIRECTORY_H
#define RELAY_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct directory;

enum directory_claim {
	DIRECTORY_CLAIMED, /* the name is the caller's now */
	DIRECTORY_HELD, /* it lives on *home_out */
	DIRECTORY_FULL, /* there are as many tunnels as may be */
};

struct directory *directory_new(unsigned max_names);
void directory_free(struct directory **d);
/* All of these may be called on any thread. */
enum directory_claim directory_claim(
	struct directory *d, struct slice name, unsigned home, unsigned *home_out);
bool directory_find(struct directory *d, struct slice name, unsigned *home_out);
/* Its tunnel lost whoever served it, or got it back: only a name that is idle may be given to its
 * owner once more without being asked for. A claimed name is not idle. */
void directory_set_idle(struct directory *d, struct slice name, bool idle);
/* Whether nobody has it, or its tunnel is idle, or it has arrived. */
bool directory_is_idle(struct directory *d, struct slice name);
/* Names beyond a lower maximum stay until they are released. */
void directory_set_max(struct directory *d, unsigned max_names);
/* Port 0 remembers nothing. */
void directory_release(struct directory *d, struct slice name, uint16_t last_port);
/* In place of directory_release, where worker `heir` is about to make the next tunnel of the name:
 * until then nobody finds the name free, and where it lives is no tunnel yet. */
void directory_pass(struct directory *d, struct slice name, unsigned heir, uint16_t last_port);
/* For whom it was passed to this worker may claim it, and does so, if at all, before the worker
 * turns to anybody else. Then comes directory_give_up. */
void directory_arrive(struct directory *d, struct slice name, unsigned heir);
/* Releases it if it was passed to this worker and not claimed. */
void directory_give_up(struct directory *d, struct slice name, unsigned heir);
/* The port that the name had before, or 0. */
uint16_t directory_last_port(struct directory *d, struct slice name);
/* A port that the name had in another life of this relay. */
void directory_remember(struct directory *d, struct slice name, uint16_t port);
size_t directory_count(struct directory *d);
/* Whether a name that nobody has could not be claimed now. */
bool directory_is_full(struct directory *d);

#endif

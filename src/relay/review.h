/*
 * Keys end, accounts are disabled, scopes and plans change: then each worker looks once over what
 * it carries, and ends what may not be any more. Between changes only the next expiry is watched.
 */
#ifndef RELAY_REVIEW_H
#define RELAY_REVIEW_H

#include <stdint.h>

struct worker;

/* Makes worker_review() mean this. */
void review_init(struct worker *w);
/* Takes the worker's part down. */
void review_end(struct worker *w);
/* Something of a key that ends then (wall time; 0: never) has begun here. */
void review_expect(struct worker *w, uint64_t expires_ms);

#endif

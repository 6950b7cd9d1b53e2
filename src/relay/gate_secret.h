/*
 * The secret that signs what visitors keep for the gates. With a store it is kept there, so that
 * sessions outlive a restart; without one it is new each time.
 */
#ifndef RELAY_GATE_SECRET_H
#define RELAY_GATE_SECRET_H

struct relay_shared;

/* At the start, when the store is open and before the workers run. */
void gate_secret_load(struct relay_shared *shared);

#endif

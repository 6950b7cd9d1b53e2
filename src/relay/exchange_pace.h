/* Keeping an exchange to its tunnel's bandwidth: while it has to wait, neither side is read. */
#ifndef RELAY_EXCHANGE_PACE_H
#define RELAY_EXCHANGE_PACE_H

struct exchange;

/* Tells the meter what was passed on, and pauses the exchange if that was too much already. */
void exchange_pace(struct exchange *x);

/* How much it reads at a time from now on: what its tunnel has a meter for. */
void exchange_pace_step(struct exchange *x);
/* Its visitor's connection goes on without it. */
void exchange_pace_end(struct exchange *x);

#endif

/* Keeping an exchange to its tunnel's bandwidth: while it has to wait, neither side is read. */
#ifndef RELAY_EXCHANGE_PACE_H
#define RELAY_EXCHANGE_PACE_H

struct exchange;

/* Tells the meter what was passed on, and pauses the exchange if that was too much already. */
void exchange_pace(struct exchange *x);

#endif

/* Runs a loop for tests without ever sleeping: a test turns it until what it waits for is there. */
#ifndef SUPPORT_LOOP_TURN_H
#define SUPPORT_LOOP_TURN_H

struct loop;

/* Lets the loop handle what is there already, and returns. */
void loop_turn(struct loop *loop);

/* Turns the loop until the condition holds; a test that never gets there runs into its time limit.
 */
#define LOOP_TURN_UNTIL(loop, cond)                                                                \
	do {                                                                                       \
		while (!(cond))                                                                    \
			loop_turn(loop);                                                           \
	} while (0)

#endif

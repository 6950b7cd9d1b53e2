/* What every program expects to have from its start: its input, its output and its errors. */
#ifndef BASE_DESCRIPTORS_H
#define BASE_DESCRIPTORS_H

/*
 * Opens /dev/null for those that the program was started without. What is closed would be given to
 * a socket, and what is meant for a human written into it. Called before anything else is opened.
 */
void descriptors_hold_standard(void);

#endif

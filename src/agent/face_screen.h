/* The face for a terminal: a status screen that is redrawn in place. */
#ifndef AGENT_FACE_SCREEN_H
#define AGENT_FACE_SCREEN_H

#include "agent/face.h"

struct loop;

/* NULL: standard output is no terminal that can be drawn on. */
struct face *face_screen_new(struct loop *loop, char **environ_list, const struct face_conf *conf);

#endif

/* The two faces made of lines: plain text, and JSON. */
#ifndef AGENT_FACE_LINES_H
#define AGENT_FACE_LINES_H

#include "agent/face.h"

/* NULL when the system gives no thread for the output. */
struct face *face_lines_new(int fd, bool json, const struct face_conf *conf);

#endif

/*
 * Tells the program that started this one how it is (sd_notify(3)). The protocol is one datagram;
 * libsystemd would bring a megabyte of other libraries with it.
 */
#ifndef IO_NOTIFY_H
#define IO_NOTIFY_H

#include "base/slice.h"

/* The address is the content of NOTIFY_SOCKET: a path, or "@" and an abstract name; NULL or one
 * of another form: nothing is sent. Nobody has to be there. */
void notify_send(const char *address, struct slice state);

#endif

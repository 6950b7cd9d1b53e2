/*
 * Opening tunnels by HTTP, the ways of localtunnel's clients (S34-S43). The caller has checked that
 * tunnels are created here.
 */
#ifndef RELAY_API_CREATE_H
#define RELAY_API_CREATE_H

#include "relay/api.h"

/* /?new: under any name. */
enum api_result api_create_any(struct api_request *r, unsigned *home_out);
/* /<name>, as it stands in the path. */
enum api_result api_create_by_path(struct api_request *r, struct slice segment, unsigned *home_out);
/* POST /api/tunnels. */
enum api_result api_create_by_post(struct api_request *r, unsigned *home_out);

#endif

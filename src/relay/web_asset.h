/*
 * The files under web/ that are part of the program. web_asset.c is made by tools/embed.py when
 * the program is built.
 */
#ifndef RELAY_WEB_ASSET_H
#define RELAY_WEB_ASSET_H

#include "base/slice.h"

struct web_asset {
	const char *path; /* below web/ */
	struct slice content;
	const char *script_hash; /* of its one inline script, as a CSP source; "" without one */
};

/* The path is one that meson.build lists; anything else is a mistake that CHECK reports. */
const struct web_asset *web_asset_get(const char *path);

#endif

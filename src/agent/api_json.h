/* What the relay's API answers: JSON, looked into without trusting its shape. */
#ifndef AGENT_API_JSON_H
#define AGENT_API_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

struct api_json; /* a value; parts are borrowed from the whole */

/* NULL: this is no JSON object. */
struct api_json *api_json_read(struct slice text);
void api_json_free(struct api_json **json);

/* All take NULL, and give NULL, nothing or false for what is not there or of another type. */
const struct api_json *api_json_get(const struct api_json *json, const char *name);
const struct api_json *api_json_at(const struct api_json *list, size_t at);
/* Valid as long as the whole. It is the relay's: to be escaped before a terminal sees it. */
struct slice api_json_text(const struct api_json *json, const char *name);
bool api_json_number(const struct api_json *json, const char *name, uint64_t *value_out);
/* The at-th member that is not null as "requests per minute: 60". False: there are not so many. */
bool api_json_print_member(const struct api_json *object, size_t at, struct buf *out);
/* As JSON; nothing is null. */
void api_json_print(const struct api_json *json, struct buf *out);
bool api_json_is_true(const struct api_json *json, const char *name);

#endif

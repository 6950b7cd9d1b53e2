/*
 * The one error enum: functions return 0 or a negative ERR_ value. Sentences for humans are made
 * at the edge, from err_text.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_index {
	ERR_INDEX_NONE,
#define ERR(name, text) ERR_INDEX_##name,
#include "base/err.def"
#undef ERR
	ERR_INDEX_COUNT
};

enum err {
	ERR_NONE = 0,
#define ERR(name, text) ERR_##name = -(int)ERR_INDEX_##name,
#include "base/err.def"
#undef ERR
};

/* A short lower-case sentence without a full stop. */
const char *err_text(int err);
/* The error that stands for an errno value. */
int err_from_errno(int number);

#endif

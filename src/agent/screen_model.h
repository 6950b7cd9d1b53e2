/*
 * What the status screen knows: reports in, a picture of the moment kept. Pure; times are handed
 * in. What peers chose is kept as it came, cut to fixed lengths.
 */
#ifndef AGENT_SCREEN_MODEL_H
#define AGENT_SCREEN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct report;

#define SCREEN_TUNNELS_MAX 256u /* what comes beyond them is only counted */
#define SCREEN_REQUESTS_MAX 256u /* the latest */
#define SCREEN_TEXT_MAX 320u
#define SCREEN_PATH_MAX 512u
#define SCREEN_RESUMED_MS 10000u /* how long it is worth telling */

enum screen_state {
	SCREEN_CONNECTING,
	SCREEN_CONNECTED,
	SCREEN_LOST,
	SCREEN_FAILED,
};

enum screen_tunnel_state { SCREEN_TUNNEL_UP, SCREEN_TUNNEL_WAITS, SCREEN_TUNNEL_DOWN };

struct screen_tunnel {
	enum screen_tunnel_state state;
	bool is_protected;
	char label[SCREEN_TEXT_MAX];
	char url[SCREEN_TEXT_MAX];
	char target[SCREEN_TEXT_MAX];
};

struct screen_request {
	uint64_t wall_ms;
	uint64_t duration_us;
	uint64_t bytes_in, bytes_out;
	unsigned status; /* 0: none came */
	bool tcp;
	bool failed;
	char method[24];
	char visitor[64];
	char tunnel[64];
	size_t path_len;
	char path[SCREEN_PATH_MAX];
};

enum screen_note_kind { SCREEN_NOTE_NONE, SCREEN_NOTICE, SCREEN_WARNING, SCREEN_ERROR };

struct screen_note {
	enum screen_note_kind kind;
	uint64_t wall_ms;
	char about[SCREEN_TEXT_MAX]; /* a tunnel, or nothing */
	char code[64];
	char message[SCREEN_PATH_MAX];
};

struct screen_model {
	enum screen_state state;
	bool was_connected;
	bool is_stopping;
	char relay[SCREEN_TEXT_MAX];
	unsigned attempt;
	uint64_t retry_at; /* 0: it is being tried */
	uint64_t up_since; /* 0: never was */
	uint64_t resumed_at; /* 0: was not */
	uint64_t resumed_us; /* how long it had been gone */
	uint64_t rtt_us;
	uint64_t requests, errors, open, bytes_in, bytes_out;
	struct screen_tunnel *tunnels; /* owned */
	size_t tunnel_count;
	size_t tunnels_more;
	struct screen_request *ring; /* owned */
	uint64_t ring_count; /* that were ever put in */
	struct screen_note note;
};

void screen_model_init(struct screen_model *m);
void screen_model_deinit(struct screen_model *m);
/* now: monotonic milliseconds, never 0. False: nothing that is shown has changed. */
bool screen_model_take(struct screen_model *m, const struct report *r, uint64_t now);
/* The at-th latest, from 0; NULL: there are not so many. */
const struct screen_request *screen_model_request(const struct screen_model *m, size_t at);
/* Milliseconds until the picture changes by the clock alone. */
uint64_t screen_model_next(const struct screen_model *m, uint64_t now);

#endif

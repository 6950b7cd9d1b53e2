/* What a client would like to read, of the few formats our own answers come in. Pure. */
#ifndef RELAY_ACCEPT_H
#define RELAY_ACCEPT_H

struct http_head;

enum accept_format { ACCEPT_TEXT, ACCEPT_HTML, ACCEPT_JSON };

/*
 * Of the formats that Accept names, the one with the highest weight, the first of equals.
 * Wildcards name nothing: what only says "anything" (curl, an image, a script) gets short text,
 * what asks for HTML (a browser that navigates) gets the page. head may be NULL.
 */
enum accept_format accept_choose(const struct http_head *head);

#endif

/* JSON answers with fixed shapes. */
#include "relay/api_body.h"

#include "relay/escape.h"

static void api_body_text(struct buf *out, const char *before, struct slice text)
{
	buf_append_str(out, before);
	buf_append_char(out, '"');
	escape_json(out, text);
	buf_append_char(out, '"');
}

void api_body_tunnel(struct buf *out, const struct api_body_tunnel *tunnel)
{
	api_body_text(out, "{\"id\":", tunnel->id);
	buf_append_str(out, ",\"port\":");
	buf_append_u64(out, tunnel->port);
	buf_append_str(out, ",\"max_conn_count\":");
	buf_append_u64(out, tunnel->max_conn_count);
	api_body_text(out, ",\"url\":", tunnel->url);
	buf_append_str(out, tunnel->is_protected ? ",\"protected\":true}" : "}");
}

void api_body_message(struct buf *out, struct slice message)
{
	api_body_text(out, "{\"message\":", message);
	buf_append_char(out, '}');
}

void api_body_error(struct buf *out, struct slice error, struct slice message)
{
	api_body_text(out, "{\"error\":", error);
	api_body_text(out, ",\"message\":", message);
	buf_append_char(out, '}');
}

void api_body_reserved(struct buf *out, struct slice name, uint64_t seconds)
{
	struct buf text = {0};

	buf_append_str(&text, "Subdomain \"");
	buf_append_slice(&text, name);
	buf_append_str(&text, "\" is reserved by another client. Try again in ");
	buf_append_u64(&text, seconds ? seconds : 1);
	buf_append_str(&text, "s or use a different subdomain.");
	api_body_error(out, SLICE("Subdomain reserved"), buf_slice(&text));
	buf_release(&text);
}

static void api_body_about_name(struct buf *out, struct slice name, const char *what)
{
	struct buf text = {0};

	buf_append_str(&text, "Subdomain \"");
	buf_append_slice(&text, name);
	buf_append_str(&text, what);
	api_body_error(out, SLICE("Subdomain reserved"), buf_slice(&text));
	buf_release(&text);
}

void api_body_kept(struct buf *out, struct slice name)
{
	api_body_about_name(out, name, "\" is reserved for another account.");
}

void api_body_in_use(struct buf *out, struct slice name)
{
	api_body_about_name(out, name, "\" is in use by another client.");
}

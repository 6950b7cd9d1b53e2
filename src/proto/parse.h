/* What every incremental parser answers. */
#ifndef PROTO_PARSE_H
#define PROTO_PARSE_H

enum parse_result {
	PARSE_DONE, /* a whole item was read */
	PARSE_MORE, /* well-formed so far, not whole */
	PARSE_BAD, /* never going to be well-formed; the parser's fault says why */
};

#endif

/* Parcels name what is in them by what is there: a TLS state, or only a descriptor. */
#include "io/stream_parcel.h"

#include <unistd.h>

#include "crypto/tls.h"
#include "io/stream.h"
#include "io/stream_tcp.h"
#include "io/stream_tls.h"

int stream_parcel_adopt(struct stream_parcel *parcel, struct loop *loop, struct stream **stream_out)
{
	struct stream *stream = NULL;
	int err = stream_tcp_adopt(loop, parcel->fd, &stream);

	parcel->fd = -1;
	if (!err && parcel->tls)
		stream = stream_tls_adopt(loop, &stream, &parcel->tls, &parcel->ciphertext);
	stream_parcel_deinit(parcel);
	*stream_out = stream;
	return err;
}

void stream_parcel_deinit(struct stream_parcel *parcel)
{
	if (parcel->fd >= 0)
		close(parcel->fd);
	parcel->fd = -1;
	tls_free(&parcel->tls);
	buf_release(&parcel->ciphertext);
}

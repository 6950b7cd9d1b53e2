/* No clock but the meter's runs while an exchange waits: it is not the peers who are slow then. */
#include "relay/exchange_pace.h"

#include "io/pump.h"
#include "io/stream.h"
#include "relay/exchange_priv.h"

void exchange_pace(struct exchange *x)
{
	uint64_t in = x->bytes_in, out = x->bytes_out;

	if (!x->tunnel->meter || x->state == EXCHANGE_WAITING)
		return;
	if (x->pump) {
		in += pump_bytes(x->pump, PUMP_A);
		out += pump_bytes(x->pump, PUMP_B);
	}
	if (!meter_tell(x->tunnel, &x->visit, in, out))
		return;
	timeout_disarm(&x->timeout);
	if (x->pump) {
		pump_pause(x->pump);
		return;
	}
	timeout_disarm(&x->work->left_timeout);
	if (x->up) {
		stream_set_bulk(x->up->stream, false);
		stream_read_stop(x->up->stream);
	}
}

void exchange_pace_step(struct exchange *x)
{
	uint32_t step = meter_step(x->tunnel->meter);

	if (x->pump) {
		pump_set_step(x->pump, step);
		return;
	}
	stream_set_step(x->up->stream, step);
	stream_set_step(*x->visitor.stream, step);
}

void exchange_pace_end(struct exchange *x)
{
	if (x->tunnel->meter && *x->visitor.stream)
		stream_set_bulk(*x->visitor.stream, false);
}

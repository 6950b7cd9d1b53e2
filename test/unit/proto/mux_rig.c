/* One mux at a time. */
#include "mux_rig.h"

struct mux_peer p;

void init(enum mux_role role, uint32_t window)
{
	mux_peer_init(&p, (struct mux_conf) {.role = role});
	mux_agree(p.mux, true, window);
}

int tear_down(void **state)
{
	mux_peer_deinit(&p);
	return 0;
}

int says(uint8_t type, uint16_t flags, uint32_t stream, uint32_t length)
{
	return mux_peer_says(&p,
		(struct mux_frame) {
			.type = type, .flags = flags, .stream = stream, .length = length});
}

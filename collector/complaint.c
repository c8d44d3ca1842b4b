#include "complaint.h"

#include "clock.h"

#define EVERY_NS (30 * NS_PER_S)

static bool is_soon(int64_t last_ns, int64_t now_ns)
{
	return last_ns && now_ns - last_ns < EVERY_NS;
}

bool complaint_due(struct complaint *p, int64_t now_ns)
{
	if (is_soon(p->told_ns, now_ns))
		return false;
	p->told_ns = now_ns;
	p->active = true;
	return true;
}

/* It is asked for again and again, so what must wait is said later. */
bool complaint_is_over(struct complaint *p, int64_t now_ns)
{
	if (!p->active || is_soon(p->over_ns, now_ns))
		return false;
	p->over_ns = now_ns;
	p->active = false;
	return true;
}

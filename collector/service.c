#include "service.h"

#include <inttypes.h>
#include <stdio.h>

#include "clock.h"

#define TELL_EVERY_NS (10 * NS_PER_S)
#define PINGS	      4 /* in the time the watchdog waits */

static void tell(struct service *s, const struct progress *p, const char *db,
		 const struct err *trouble, int64_t now_ns)
{
	char text[sizeof(struct err) + 128];

	if (trouble)
		snprintf(text, sizeof(text), "%s; %" PRIu64 " KiB wait in the ring", trouble->msg,
			 p->ring_bytes >> 10);
	else if (db)
		snprintf(text, sizeof(text),
			 "recording to %s: %" PRIu64 " connections in this run, %" PRIu64 " lost",
			 db, p->recorded, p->missed);
	else
		snprintf(text, sizeof(text), "watching only");
	manager_tell_status(&s->manager, text);
	s->told_ns = now_ns;
	s->troubled = trouble;
}

void service_ready(struct service *s, const struct collector *c, const char *db)
{
	struct progress p;

	if (s->manager.fd < 0)
		return;
	collector_progress(c, &p);
	manager_tell_ready(&s->manager);
	tell(s, &p, db, NULL, clock_boot_ns());
	s->pinged_ns = s->told_ns;
}

void service_turn(struct service *s, const struct collector *c, const char *db,
		  const struct err *trouble)
{
	const int64_t now_ns = clock_boot_ns();
	struct progress p;

	if (s->manager.fd < 0)
		return;
	collector_progress(c, &p);
	if ((trouble && !s->troubled) || (!trouble && s->troubled) ||
	    now_ns - s->told_ns >= TELL_EVERY_NS)
		tell(s, &p, db, trouble, now_ns);
	if (s->manager.watchdog_ns == 0 || now_ns - s->pinged_ns < s->manager.watchdog_ns / PINGS)
		return;
	if (trouble || p.idle || !db || p.committed_ns != s->committed_ns) {
		manager_tell(&s->manager, "WATCHDOG=1");
		s->pinged_ns = now_ns;
		s->committed_ns = p.committed_ns;
	}
}

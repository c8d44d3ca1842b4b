#include "hourly.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "series.h"

#define HOUR_US 3600000000LL

struct hourly {
	struct series *recent, *hours;
};

/* In the order in which series.c binds them. */
#define COLUMNS                                                                                    \
	" direction, service_port, program_id, container_id, loopback, attempts, failed, resets,"  \
	" tx_bytes, rx_bytes, retransmits, connects, connect_us_sum, connect_us_max,"              \
	" duration_us_sum, start_us, start_span_us"
#define VALUES "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18"
#define PUT(by_peer, by_program, interval)                                                         \
	.put_peer = "INSERT OR REPLACE INTO " by_peer "(" interval "," COLUMNS ", peer_addr)"      \
		    " VALUES(" VALUES ", ?19)",                                                    \
	.put_program = "INSERT OR REPLACE INTO " by_program "(" interval "," COLUMNS ")"           \
		       " VALUES(" VALUES ")"

static const struct series_kind hours_kind = {
	.width_us = HOUR_US,
	.peers_in = true,
	.what = "the totals of an hour",
	.until = "SELECT totals_until_hour FROM extent WHERE id = ?1",
	.set_marks = "UPDATE extent SET totals_until_hour = ?1,"
		     " totals_from_hour = max(totals_from_hour, ?2)",
	PUT("hourly", "hourly_program", "hour"),
};

static const struct series_kind recent_kind = {
	.width_us = RECENT_US,
	.kept = RECENT_KEPT,
	.what = "the totals of five minutes",
	.until = "SELECT recent_until_slot FROM extent WHERE id = ?1",
	.set_marks = "UPDATE extent SET recent_until_slot = ?1,"
		     " recent_from_slot = max(recent_from_slot, ?2)",
	PUT("recent", "recent_program", "slot"),
};

int hourly_new(sqlite3 *db, struct hourly **out, struct err *err)
{
	struct hourly *h = calloc(1, sizeof(*h));
	int ret;

	if (!h)
		return err_set(err, -ENOMEM, "no memory for the totals");
	ret = series_new(db, &recent_kind, &h->recent, err);
	if (!ret)
		ret = series_new(db, &hours_kind, &h->hours, err);
	if (ret) {
		hourly_free(h);
		return ret;
	}
	series_feed(h->recent, h->hours);
	*out = h;
	return 0;
}

void hourly_free(struct hourly *h)
{
	if (!h)
		return;
	series_free(h->recent);
	series_free(h->hours);
	free(h);
}

void hourly_set_room(struct hourly *h, size_t max_keys)
{
	series_set_room(h->recent, max_keys);
	series_set_room(h->hours, max_keys);
}

int64_t hourly_floor_us(const struct hourly *h)
{
	int64_t recent_us = series_floor_us(h->recent), hours_us = series_floor_us(h->hours);

	return recent_us > hours_us ? recent_us : hours_us;
}

/* The hour last: when it has its totals, its rows may be deleted. */
static int step(struct hourly *h, int64_t now_us, struct err *err)
{
	int ret = series_step(h->recent, now_us, err);

	return ret ? ret : series_step(h->hours, now_us, err);
}

int hourly_step(struct hourly *h, int64_t now_us, int64_t budget_ns, struct err *err)
{
	int64_t begin_ns = clock_boot_ns();
	int ret;

	do
		ret = step(h, now_us, err);
	while (ret > 0 && clock_boot_ns() - begin_ns < budget_ns);
	return ret;
}

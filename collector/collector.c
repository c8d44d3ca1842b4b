#include "collector_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aside.h"
#include "clock.h"
#include "decode.h"
#include "full.h"

#define MAX_EVENTS_A_READ 50000 /* then signals and the timer get their turn */
#define HEARTBEAT_NS	  (60 * NS_PER_S)
#define LAST_TRIES	  3
#define TELL_EVERY_NS	  (30 * NS_PER_S)

/* ---- taking in ---- */

/* Then no more is read from the ring until it is flushed. */
static bool is_full(const struct collector *c)
{
	return collector_records(c) &&
	       (batch_full(&c->batch) || processes_exits_full(&c->processes) ||
		listeners_count_unwritten(c->listeners) >= MAX_OPEN_PER_FLUSH ||
		probe_must_release(c->probe));
}

static void show(struct collector *c, const struct event *e)
{
	bool inbound = e->kind == KIND_OPEN && e->connection.direction == DIRECTION_IN;

	if (e->connection.flags & (CONNECTION_PREEXISTING | CONNECTION_START_UNSEEN))
		return;
	if (e->kind == KIND_ATTEMPT || inbound)
		print_connection(&c->live, &e->connection, e->time_boot_ns, c->offset_ns);
}

static int record(struct collector *c, const struct event *e)
{
	struct connection ended FILLED_AT_ONCE;
	int ret;

	/* Now, while they live. */
	processes_get(&c->processes, &e->connection.owner);
	if (memcmp(&e->connection.closer, &e->connection.owner, sizeof(struct owner)) != 0)
		processes_get(&c->processes, &e->connection.closer);
	ret = track_apply(c->track, e, &ended);
	if (ret == 1)
		batch_add(&c->batch, &ended);
	return ret < 0 ? ret : 0;
}

static int take(struct collector *c, const struct event *e)
{
	if (c->options->print)
		show(c, e);
	if (!collector_records(c))
		return 0;
	switch (e->kind) {
	case KIND_ATTEMPT:
		return 0;
	case KIND_EXEC:
		processes_exec(&c->processes, e);
		return 0;
	case KIND_EXIT:
		processes_exit(&c->processes, &e->owner, e->time_boot_ns);
		return 0;
	case KIND_CGROUP:
		containers_changed(&c->containers, e->cgroup.id, e->cgroup.up, e->path);
		return 0;
	case KIND_LISTEN:
		processes_get(&c->processes, &e->listener.owner);
		return listeners_apply(c->listeners, &e->listener);
	case KIND_OPEN:
	case KIND_PROGRESS:
	case KIND_OWNER:
	case KIND_END:
		return record(c, e);
	}
	return 0;
}

int collector_on_ring_event(void *ctx, const void *data, size_t len)
{
	struct collector *c = ctx;
	struct event e FILLED_AT_ONCE;
	struct err err FILLED_AT_ONCE; /* nobody reads it */

	c->events_in_read++;
	if (decode_event(data, len, &e, &err) == 0 && take(c, &e) == 0)
		c->account.taken[e.kind]++;
	else
		c->account.corrupt++;
	return is_full(c) || c->events_in_read >= MAX_EVENTS_A_READ ? -EAGAIN : 0;
}

/* What the scan finds is open: it cannot fill the batch. */
int collector_on_scan_event(void *ctx, const void *data, size_t len)
{
	struct err err = {0};
	struct event e;
	int ret = decode_event(data, len, &e, &err);

	return ret ? ret : take(ctx, &e);
}

int collector_take_in(struct collector *c)
{
	if (is_full(c))
		return 1;
	c->events_in_read = 0;
	return probe_read(c->probe) == -EAGAIN;
}

int collector_catch_up(struct collector *c, struct err *err)
{
	uint64_t from, to;
	int ret = 0;

	probe_span(c->probe, &from, &to);
	while (!ret && collector_take_in(c) && collector_records(c) &&
	       probe_position(c->probe) < to)
		ret = collector_flush(c, false, err);
	return ret;
}

/* ---- ends that nobody saw ---- */

bool collector_on_lost(void *ctx, const struct connection *connection)
{
	const struct lost_at *at = ctx;
	struct connection ended = *connection;

	if (batch_full(&at->c->batch))
		return false;
	ended.end_boot_ns = at->end_boot_ns;
	batch_add(&at->c->batch, &ended);
	return true;
}

/* Compares what we believe open with the kernel, and takes in how far it has come. What
 * ends while we ask is in the ring by then, so that is emptied before anything counts as
 * lost. */
int collector_review(struct collector *c, struct err *err)
{
	struct lost_at at = {.c = c, .end_boot_ns = clock_boot_ns()};
	int ret;

	track_begin_sweep(c->track);
	ret = probe_review(c->probe, collector_on_scan_event, c, err);
	if (ret)
		return ret;
	c->review_due = collector_take_in(c) != 0 ||
			track_sweep(c->track, collector_on_lost, &at) != SWEPT_CLEAN;
	return 0;
}

/* The same, and before it fills in what was missed: owners, listeners. */
static int refresh(struct collector *c, struct err *err)
{
	int ret;

	listeners_begin_sweep(c->listeners);
	ret = probe_scan_files(c->probe, collector_on_scan_event, c, err);
	c->refreshed_ns = clock_boot_ns();
	if (ret) {
		listeners_break_sweep(c->listeners);
		return ret;
	}
	listeners_sweep(c->listeners, c->refreshed_ns);
	return collector_review(c, err);
}

/* ---- flushing ---- */

static bool anything_to_write(const struct flush *f, const struct collector *c)
{
	for (int i = 0; i < GAP_REASONS; i++)
		if (f->lost[i])
			return true;
	return f->n_ended || f->n_open || f->n_listeners || f->n_names || f->clock_step_ns ||
	       probe_must_release(c->probe) || c->processes.n_exited ||
	       f->now_boot_ns - c->flushed.at_ns >= HEARTBEAT_NS;
}

static int write_flush(struct collector *c, const struct flush *f, const struct probe_counters *k,
		       struct err *err)
{
	int64_t begin_ns = clock_boot_ns();
	int ret = store_write(c->store, f, err);

	if (ret)
		return err_wrap(err, "%s", c->options->db);
	histogram_add(&c->measures.commits, clock_boot_ns() - begin_ns);
	for (int i = 0; i < GAP_REASONS; i++)
		c->measures.lost[i] += f->lost[i];
	c->flushed.capture = f->capture;
	if (f->capture.instance_ns)
		probe_release(c->probe);
	track_written(c->track, c->open, f->n_open);
	if (c->dns)
		dns_flushed(c->dns);
	listeners_written(c->listeners, c->open_listeners, f->n_listeners);
	c->flushed.at_ns = f->now_boot_ns;
	for (int i = 0; i < GAP_REASONS; i++)
		c->missed += f->lost[i];
	account_flushed(&c->account, k);
	c->flushed.offset_ns = f->offset_ns;
	return 0;
}

static int flush(struct collector *c, bool last, struct err *err)
{
	int64_t now_ns = clock_boot_ns();
	struct probe_counters kernel;
	struct flush f;
	int ret;

	ret = probe_counters(c->probe, &kernel, err);
	if (ret)
		return ret;
	account_ours(&c->account, &kernel);
	batch_sort(&c->batch);
	f = (struct flush){
		.listeners = c->open_listeners,
		.n_listeners =
			listeners_unwritten(c->listeners, c->open_listeners, MAX_OPEN_PER_FLUSH),
		.ended = c->batch.rows,
		.n_ended = c->batch.n,
		.open = c->open,
		/* What has been open for less than a flush interval will likely end soon. */
		.n_open =
			track_unwritten(c->track, last ? INT64_MAX : now_ns - c->options->flush_ns,
					c->open, MAX_OPEN_PER_FLUSH),
		.lost_since_boot_ns = c->flushed.counted_ns,
		.now_boot_ns = now_ns,
		.offset_ns = c->offset_ns,
		.clock_step_ns = c->offset_ns - c->flushed.offset_ns,
		.capture = {.instance_ns = probe_instance_ns(c->probe),
			    .ring_position = probe_position(c->probe),
			    .counters = account_so_far(&c->account, &kernel)},
	};
	account_flush(&c->account, &kernel, c->disk_full, &f);
	if (c->dns)
		dns_flush(c->dns, last, &f);
	if (last || anything_to_write(&f, c)) {
		ret = write_flush(c, &f, &kernel, err);
		if (ret)
			return ret;
		c->disk_full = false;
	}
	c->flushed.counted_ns = now_ns;
	c->review_due |= f.lost[GAP_RING_FULL] || f.lost[GAP_DISK_FULL] || f.lost[GAP_RECURSION] ||
			 f.lost[GAP_CORRUPT];
	batch_flushed(&c->batch, now_ns);
	return 0;
}

void collector_tell(struct collector *c, enum trouble trouble, const struct err *err,
		    const char *consequence)
{
	int64_t now_ns = clock_boot_ns();

	if (c->told_ns[trouble] && now_ns - c->told_ns[trouble] < TELL_EVERY_NS)
		return;
	c->told_ns[trouble] = now_ns;
	note(&c->note, "%s; %s", err->msg, consequence);
}

/* Whatever else fails, or is to be done first. */
static void sync_what_is_due(struct collector *c)
{
	struct err err = {0};

	if (!c->store || store_sync(c->store, &err) == 0)
		return;
	err_wrap(&err, "%s", c->options->db);
	collector_tell(c, TROUBLE_SYNC, &err, "connections are recorded, trying again");
}

int collector_flush(struct collector *c, bool last, struct err *err)
{
	int ret = c->store ? 0 : collector_open_store(c, err);

	sync_what_is_due(c);
	if (!ret)
		ret = flush(c, last, err);
	if ((ret == -EUCLEAN || ret == -EMLINK) && c->store) {
		ret = collector_begin_anew(c, ret == -EMLINK ? ASIDE_PINNED : ASIDE_CORRUPT, err);
		if (!ret)
			ret = flush(c, last, err);
	}
	if (ret) {
		c->disk_full = ret == -ENOSPC;
		c->measures.commit_failures++;
	}
	if (c->disk_full)
		err_set(err, ret, "%s: %s", c->options->db, full_words());
	return ret;
}

/* When there is time: what is open, then what is old. */
static int look_after(struct collector *c, struct err *err)
{
	int ret = 0;

	if (clock_boot_ns() - c->refreshed_ns >= c->options->refresh_ns)
		ret = refresh(c, err);
	else if (c->review_due)
		ret = collector_review(c, err);
	if (ret)
		collector_tell(
			c, TROUBLE_LOOKING, err,
			"how far open connections have come is not known for now, trying again");
	if (!c->store)
		return 0;
	ret = store_upkeep(c->store, batch_flushed_until(&c->batch, clock_boot_ns()), c->offset_ns,
			   err);
	if (ret == -ENOSPC)
		err_set(err, ret, "%s", full_words());
	if (ret < 0)
		err_wrap(err, "%s", c->options->db);
	if (ret == -EUCLEAN)
		return collector_begin_anew(c, ASIDE_CORRUPT, err);
	/* Who keeps a lock for long also keeps rows from being written, and that is told. */
	if (ret < 0 && ret != -EBUSY)
		collector_tell(c, TROUBLE_UPKEEP, err, "connections are recorded, trying again");
	return ret > 0;
}

static int work(struct collector *c, struct err *err)
{
	int more = collector_take_in(c), more_names = 0, ret;

	if (c->dns)
		more_names = dns_work(c->dns, c->offset_ns);
	if (!collector_records(c))
		return more | more_names;
	/* At the nearest tick, not at the one after it. */
	if (is_full(c) ||
	    batch_due(&c->batch, c->options->flush_ns - COLLECTOR_TICK_MS * NS_PER_MS / 2,
		      clock_boot_ns())) {
		ret = collector_flush(c, false, err);
		if (ret)
			return ret;
	}
	/* A flood of names does not keep us from it. */
	ret = more ? more : look_after(c, err);
	return ret ? ret : more_names;
}

int collector_work(struct collector *c, struct err *err)
{
	int ret = work(c, err);

	sync_what_is_due(c);
	collector_measure(c, false);
	return ret;
}

void collector_progress(const struct collector *c, struct progress *out)
{
	uint64_t from, to;

	probe_span(c->probe, &from, &to);
	*out = (struct progress){
		.committed_ns = c->flushed.at_ns,
		.ring_bytes = to - probe_position(c->probe),
		.recorded = c->recorded_aside + (c->store ? store_recorded(c->store) : 0),
		.missed = c->missed,
	};
	out->idle = out->ring_bytes == 0 && c->batch.n == 0;
}

void collector_clock_set(struct collector *c)
{
	int64_t offset_ns = clock_offset_ns();

	/* After a suspend, say, we are asked and it is what it was. */
	if (llabs(offset_ns - c->offset_ns) > CLOCK_OFFSET_NOISE_NS)
		c->offset_ns = offset_ns;
}

/* ---- the end ---- */

int collector_fd(const struct collector *c)
{
	return probe_fd(c->probe);
}

int collector_dns_fd(const struct collector *c)
{
	return c->dns ? dns_fd(c->dns) : -1;
}

/* Every event that asked for room must have come or be counted as lost. */
static int settle_account(struct collector *c, struct probe_counters *kernel, struct err *err)
{
	int ret = probe_counters(c->probe, kernel, err);

	if (ret)
		return ret;
	account_ours(&c->account, kernel);
	if (probe_pins(c->probe)) {
		c->account.handed_over = true; /* what they send now is the next run's */
		return 0;
	}
	while (collector_take_in(c) &&
	       collector_records(c)) /* what a program was still at when it was detached */
		if ((ret = collector_flush(c, false, err)))
			return ret;
	account_settle(&c->account, kernel);
	return 0;
}

/* What fails for a moment must not cost the last rows. */
static int flush_at_last(struct collector *c, bool all, struct err *err)
{
	int ret = -EIO;

	for (int i = 0; i < LAST_TRIES && ret; i++)
		ret = collector_flush(c, all, err);
	return ret;
}

static int catch_up_at_last(struct collector *c, struct err *err)
{
	int ret = -EIO;

	for (int i = 0; i < LAST_TRIES && ret; i++)
		ret = collector_catch_up(c, err);
	return ret;
}

int collector_finish(struct collector *c, struct closing *out, struct err *err)
{
	struct probe_counters kernel = {0};
	int ret;

	probe_stop(c->probe);
	if (c->store)
		store_set_patience(c->store, true);
	if (c->dns)
		dns_catch_up(c->dns, c->offset_ns);
	ret = catch_up_at_last(c, err);
	if (!ret)
		ret = settle_account(c, &kernel, err);
	/* So that what is written down as open is open, and how far it has come. */
	for (int i = 0; i < 3 && !ret && collector_records(c) && (i == 0 || c->review_due); i++)
		ret = collector_review(c, err);
	/* What stays open is written down, all of it, for the next run to take over. */
	do {
		if (!ret && collector_records(c))
			ret = flush_at_last(c, true, err);
	} while (!ret && collector_records(c) &&
		 (track_unwritten(c->track, INT64_MAX, c->open, 1) > 0 ||
		  listeners_count_unwritten(c->listeners) > 0));
	out->recorded = c->recorded_aside + (c->store ? store_recorded(c->store) : 0);
	out->lost = account_lost_ends(&c->account, &kernel);
	out->names_missed = c->dns ? dns_missed(c->dns) : 0;
	collector_measure(c, true);
	if (!ret && c->store) {
		ret = store_close(c->store, clock_boot_ns(), c->offset_ns, err);
		c->store = NULL;
	}
	if (ret && c->batch.n)
		err_wrap(err, "%zu connections could not be recorded", c->batch.n);
	return ret;
}

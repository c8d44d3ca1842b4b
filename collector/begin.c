/* begin.c - how a collector comes to be, and goes. */
#include "collector_parts.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "aside.h"
#include "clock.h"
#include "db.h"
#include "lock.h"
#include "netns.h"

static int on_leftover(void *ctx, const struct connection *connection)
{
	return track_leftover(((struct collector *)ctx)->track, connection);
}

static int on_leftover_listener(void *ctx, const struct listener *l)
{
	return listeners_leftover(((struct collector *)ctx)->listeners, l);
}

static int lock_store(struct collector *c, struct err *err)
{
	const bool is_new = access(c->options->db, F_OK) != 0;
	int ret = db_check_path(c->options->db, true, err); /* before a lock file is made */

	c->made_file = is_new && !ret;
	if (ret)
		return ret;
	c->lock_fd = lock_database(c->options->db, err);
	return c->lock_fd < 0 ? c->lock_fd : 0;
}

static int open_store(struct collector *c, struct err *err)
{
	int ret;

	c->track = track_new();
	c->listeners = listeners_new();
	c->open = calloc(MAX_OPEN_PER_FLUSH, sizeof(c->open[0]));
	c->open_listeners = calloc(MAX_OPEN_PER_FLUSH, sizeof(c->open_listeners[0]));
	if (!c->track || !c->listeners || !c->open || !c->open_listeners ||
	    batch_init(&c->batch, BATCH_ROWS, clock_boot_ns()))
		return err_set(err, -ENOMEM, "no memory for the batch");
	ret = collector_open_store(c, err);
	if (ret)
		return ret;
	store_set_patience(c->store, true);
	ret = store_each_open(c->store, on_leftover, c, err);
	if (!ret)
		ret = store_each_listener(c->store, on_leftover_listener, c, err);
	if (ret)
		err_wrap(err, "%s", c->options->db);
	if (ret == -EUCLEAN)
		ret = collector_begin_anew(c, ASIDE_CORRUPT, err);
	return ret;
}

/* A start that is refused leaves nothing behind: where there was no file, there is none. */
static void undo_lock_store(struct collector *c)
{
	static const char *const endings[] = {"", "-wal", "-shm"};
	char path[PATH_MAX];

	if (!c->made_file || c->store || c->lock_fd < 0)
		return;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (snprintf(path, sizeof(path), "%s%s", c->options->db, endings[i]) < PATH_MAX)
			unlink(path);
	lock_remove(c->options->db);
}

static int scan_namespace(void *ctx, struct err *err)
{
	struct collector *c = ctx;

	return probe_scan_namespace(c->probe, collector_on_scan_event, c, err);
}

static int scan(struct collector *c, struct err *err)
{
	int ret = 0;

	if (c->store) { /* first of all: some of them may be about to end */
		containers_scan(&c->containers);
		ret = probe_scan_processes(c->probe, collector_on_scan_event, c, err);
	}
	if (!ret)
		ret = probe_scan_files(c->probe, collector_on_scan_event, c, err);
	return ret ? ret : netns_each(scan_namespace, c, err);
}

/* What an earlier run believed open and is not, now that the scan has named what is. */
static int settle_leftovers(struct collector *c, struct err *err)
{
	struct lost_at at = {.c = c, .end_boot_ns = store_previous_end_boot_ns(c->store)};
	int ret = 0;

	listeners_settle(c->listeners, at.end_boot_ns);
	while (!ret &&
	       (collector_take_in(c) || !track_lose_leftovers(c->track, collector_on_lost, &at)))
		ret = collector_flush(c, false, err);
	if (!ret)
		ret = collector_flush(c, false, err);
	if (!ret)
		store_set_patience(c->store, false);
	return ret;
}

int collector_new(const struct options *options, FILE *live, const struct note *note,
		  struct collector **out, struct err *err)
{
	struct collector *c = calloc(1, sizeof(*c));
	int ret = 0;

	if (!c)
		return err_set(err, -ENOMEM, "no memory for the collector");
	c->options = options;
	c->live.out = live;
	c->note = *note;
	c->lock_fd = -1;
	c->processes.proc = "/proc";
	c->processes.cmdline = options->probe.cmdline;
	containers_init(&c->containers);
	c->offset_ns = clock_offset_ns();
	c->flushed.at_ns = c->flushed.counted_ns = clock_boot_ns();
	c->flushed.offset_ns = c->offset_ns;
	if (options->db)
		ret = lock_store(c, err);
	/* Before a run is written down that cannot be. */
	if (!ret)
		ret = probe_new(&options->probe, collector_on_ring_event, c, &c->probe, err);
	if (!ret && options->db)
		ret = open_store(c, err);
	if (!ret) /* to just watch, too: it finds who listens */
		ret = scan(c, err);
	c->refreshed_ns = clock_boot_ns();
	if (!ret && c->store)
		ret = collector_review(c, err); /* how far they have come */
	if (!ret && c->store)
		ret = settle_leftovers(c, err);
	if (ret) {
		undo_lock_store(c);
		collector_free(c);
		return ret;
	}
	*out = c;
	return 0;
}

void collector_free(struct collector *c)
{
	if (!c)
		return;
	probe_free(c->probe);
	store_free(c->store);
	track_free(c->track);
	batch_clear(&c->batch);
	listeners_free(c->listeners);
	free(c->open);
	free(c->open_listeners);
	processes_clear(&c->processes);
	containers_clear(&c->containers);
	if (c->lock_fd >= 0)
		close(c->lock_fd);
	free(c);
}

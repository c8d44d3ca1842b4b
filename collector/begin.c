/* begin.c - how a collector comes to be, and goes. */
#include "collector_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "aside.h"
#include "clock.h"
#include "dns_lend.h"
#include "db.h"
#include "files.h"
#include "lock.h"
#include "netns.h"
#include "place.h"

static int on_leftover(void *ctx, const struct connection *connection)
{
	const struct collector *c = ctx;

	/* The row of one that these programs met has the name they gave it: its start. */
	if (c->resumed && connection->open_row >= probe_instance_ns(c->probe))
		return track_known(c->track, connection);
	return track_leftover(c->track, connection);
}

static int on_leftover_listener(void *ctx, const struct listener *l)
{
	return listeners_leftover(((struct collector *)ctx)->listeners, l);
}

/* The file and its lock, which are then those of who we become. */
static int lock_store(struct collector *c, struct err *err)
{
	const char *db = c->options->db;
	const struct privilege *who = &c->options->who;
	int ret = place_check(db, who, err);

	if (!ret) /* before a lock file is made */
		ret = place_make(db, who, err);
	c->made_file = ret > 0;
	if (ret >= 0)
		ret = db_check_path(db, true, err);
	if (ret < 0)
		return ret;
	c->lock_fd = lock_database(db, err);
	return c->lock_fd < 0 ? c->lock_fd : place_give(db, who, err);
}

int collector_first_place(void *ctx, int64_t known_boot_ns, struct capture *out, struct err *err)
{
	struct collector *c = ctx;

	if (c->flushed.capture.instance_ns) { /* a new file, in the middle of a run */
		*out = c->flushed.capture;
		return 0;
	}
	out->instance_ns = probe_instance_ns(c->probe);
	if (probe_pins(c->probe) == PROBE_ADOPTED) {
		probe_pass(c->probe, known_boot_ns);
		out->ring_position = probe_position(c->probe);
		return probe_counters_read(c->probe, &out->counters, err);
	}
	out->ring_position = probe_position(c->probe);
	return 0;
}

/* From where on the ring is read, and what of the counters is this run's. */
static void resume(struct collector *c)
{
	struct capture before;

	c->resumed = store_resumes(c->store, &before);
	c->account.before = before.counters;
	c->flushed.capture = before;
	if (!c->resumed)
		return;
	probe_resume(c->probe, before.ring_position);
	c->flushed.counted_ns = c->previous_end_ns;
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
	c->previous_end_ns = store_previous_end_boot_ns(c->store);
	resume(c);
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
	if (!c->made_file || c->store || c->lock_fd < 0)
		return;
	files_remove(c->options->db);
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
	/* What the ring tells of programs that ran before us is older than what a scan tells. */
	if (!ret && probe_pins(c->probe) == PROBE_ADOPTED)
		ret = collector_catch_up(c, err);
	if (!ret)
		ret = probe_scan_files(c->probe, collector_on_scan_event, c, err);
	return ret ? ret : netns_each(scan_namespace, c, err);
}

/* What an earlier run believed open and is not, now that the scan has named what is. */
static int settle_leftovers(struct collector *c, struct err *err)
{
	struct lost_at at = {.c = c, .end_boot_ns = c->previous_end_ns};
	int ret = 0;

	listeners_settle(c->listeners, at.end_boot_ns);
	if (!ret)
		ret = collector_catch_up(c, err);
	while (!ret && !track_lose_leftovers(c->track, collector_on_lost, &at))
		ret = collector_flush(c, false, err);
	if (!ret)
		ret = collector_flush(c, false, err);
	if (!ret)
		store_set_patience(c->store, false);
	return ret;
}

/* Connections are recorded all the same. */
static int listen_to_names(struct collector *c, struct err *err)
{
	struct err why = {0};
	int ret = dns_new(&c->dns, err);

	if (ret || dns_listen(c->dns, dns_lent(c->options->probe.manager), &why) == 0)
		return ret;
	note(&c->note, "names are not recorded: %s; --no-dns does without", why.msg);
	dns_free(c->dns);
	c->dns = NULL;
	return 0;
}

static int begin(const struct options *options, enum other_pins other, FILE *live,
		 const struct note *note, struct collector **out, struct err *err)
{
	struct probe_config config = options->probe;
	struct collector *c = calloc(1, sizeof(*c));
	int ret = 0;

	if (!c)
		return err_set(err, -ENOMEM, "no memory for the collector");
	config.other_pins = other;
	c->options = options;
	c->live.out = live;
	c->note = *note;
	c->lock_fd = -1;
	c->processes.proc = "/proc";
	c->processes.cmdline = options->probe.cmdline;
	containers_init(&c->containers);
	c->measures.start_ns = clock_boot_ns();
	c->offset_ns = clock_offset_ns();
	c->flushed.at_ns = c->flushed.counted_ns = clock_boot_ns();
	c->flushed.offset_ns = c->offset_ns;
	if (options->db)
		ret = lock_store(c, err);
	if (!ret && options->metrics)
		ret = metrics_new(options->metrics, &c->metrics, err);
	/* Before a run is written down that cannot be. */
	if (!ret)
		ret = probe_new(&config, collector_on_ring_event, c, &c->probe, err);
	/* To hear out other programs takes no names: a socket that is lent can be used once. */
	if (!ret && options->db && options->dns && other != OTHER_PINS_ADOPT)
		ret = listen_to_names(c, err);
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

/* What programs with other options have still to tell. When that cannot be had, the next run
 * says so, for its gap then begins earlier. */
static void hear_out(const struct options *options, FILE *live, const struct note *note)
{
	struct collector *c = NULL;
	struct closing closing;
	struct err err = {0};

	if (begin(options, OTHER_PINS_ADOPT, live, note, &c, &err) != 0)
		return;
	collector_finish(c, &closing, &err);
	collector_free(c);
}

int collector_new(const struct options *options, FILE *live, const struct note *note,
		  struct collector **out, struct err *err)
{
	int ret = begin(options, OTHER_PINS_TELL, live, note, out, err);

	if (ret != -ESTALE || !options->probe.pin)
		return ret;
	hear_out(options, live, note);
	*err = (struct err){0};
	return begin(options, OTHER_PINS_REPLACE, live, note, out, err);
}

const char *collector_notice(const struct collector *c, bool at_end)
{
	const char *pin = c->options->probe.pin;

	if (at_end && pin && !strcmp(pin, PROBE_PIN_SERVICE))
		return NULL; /* whether to go on is the manager's to decide */
	switch (probe_pins(c->probe)) {
	case PROBE_NO_PINS:
		return NULL;
	case PROBE_PINNED:
	case PROBE_REPLACED:
		if (at_end)
			break;
		return probe_pins(c->probe) == PROBE_PINNED
			       ? NULL
			       : "replaced the pinned programs, which were of another build or "
				 "with other options";
	case PROBE_ADOPTED:
		if (at_end)
			break;
		return c->resumed ? "went on where the last run ended"
				  : "took over pinned programs that filled another database";
	}
	return "the kernel goes on collecting; to end that, too, remove the folder";
}

void collector_free(struct collector *c)
{
	if (!c)
		return;
	probe_free(c->probe);
	dns_free(c->dns);
	metrics_free(c->metrics);
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

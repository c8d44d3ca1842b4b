/* anew.c - a database that cannot be gone on with is set aside, and recording goes on in a new
 * one, while the collector runs or as it starts. */
#include "collector_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aside.h"
#include "clock.h"
#include "place.h"
#include "who.h"

#define MAX_CORRUPT_KEPT 3
/* A file system that damages each new file as well must not push the history out. */
#define ANEW_EVERY_NS  (60 * NS_PER_S)
#define INTRUDER_US    1000000
#define INTRUDER_LOOKS 20

/* Makes the file if it does not exist, and opens it. */
static int open_file(struct collector *c, const struct store_config *config, struct err *err)
{
	int made = place_make(config->path, &c->options->who, err), ret = made;

	if (ret >= 0)
		ret = store_open(config, &c->processes, &c->containers, &c->store, err);
	if (!ret && (made || c->made_file))
		place_share(config->path);
	return ret;
}

/* Who may just read the database can hold a lock that its writer needs to begin, for as long as
 * he likes: a new file, of which he has nothing open, is out of his reach. 0: there is nobody. */
static int begin_beside_intruder(struct collector *c, struct err *err)
{
	char who[96];
	pid_t pid;
	int ret;

	/* SQLite's own readers have such a lock for a moment, to look whether they can have it. */
	for (int i = 0; store_intruder(c->options->db, &pid); i++) {
		if (i < INTRUDER_LOOKS) {
			usleep(INTRUDER_US / INTRUDER_LOOKS);
			continue;
		}
		who_is(pid, who, sizeof(who));
		err_set(err, -EMLINK,
			"%s: %s holds a lock that only the collector needs, and keeps it from "
			"writing",
			c->options->db, who);
		ret = collector_begin_anew(c, ASIDE_PINNED, err);
		return ret ? ret : 1;
	}
	return 0;
}

/* As table gap names it. */
static const char *reason_of(const char *why)
{
	return strcmp(why, ASIDE_CORRUPT) == 0 ? "corrupt" : "set_aside";
}

/* Who set it aside may have been killed before the new one was there, which then says so. */
static void find_aside(const struct collector *c, struct store_config *config)
{
	char why[ASIDE_WHY_SIZE];

	config->aside_reason = c->aside.reason;
	config->aside_from_us = c->aside.from_us;
	if (!c->aside.reason && aside_newest(config->path, why, &config->aside_from_us))
		config->aside_reason = reason_of(why);
}

int collector_open_store(struct collector *c, struct err *err)
{
	struct store_config config = {
		.path = c->options->db,
		.durable = c->options->durable,
		.now_boot_ns = clock_boot_ns(),
		.offset_ns = c->offset_ns,
		.retention = c->options->retention,
		.note = c->note,
		.instance_ns = probe_instance_ns(c->probe),
		.begin = collector_first_place,
		.ctx = c,
	};
	int ret = aside_finish(config.path, err);

	if (ret)
		return err_wrap(err, "%s", config.path);
	find_aside(c, &config);
	probe_span(c->probe, &config.ring_from, &config.ring_to);
	ret = begin_beside_intruder(c, err);
	if (ret)
		return ret < 0 ? ret : 0;
	ret = open_file(c, &config, err);
	if (ret == -EUCLEAN)
		return collector_begin_anew(c, ASIDE_CORRUPT, err);
	if (ret)
		return ret;
	c->aside.reason = NULL;
	c->flushed.at_ns = config.now_boot_ns;
	c->flushed.offset_ns = config.offset_ns;
	return 0;
}

/* The new file knows nothing of what the old one did. */
static void forget_old(struct collector *c)
{
	struct err err = {0};

	if (!c->store)
		return;
	c->recorded_aside += store_recorded(c->store);
	if (store_set_aside(c->store, &err) != 0)
		collector_tell(c, TROUBLE_SYNC, &err, "it is set aside");
	c->store = NULL;
	track_forget_rows(c->track);
	listeners_forget_rows(c->listeners);
	batch_forget_rows(&c->batch);
	account_set_aside(&c->account);
	processes_forget_rows(&c->processes);
	containers_forget_rows(&c->containers);
	if (c->dns)
		dns_forget_rows(c->dns);
}

int collector_begin_anew(struct collector *c, const char *why, struct err *err)
{
	const int64_t now_ns = clock_boot_ns();
	const char *file = c->options->db;
	const struct err reason = *err;
	char name[PATH_MAX];
	int ret;

	if (c->aside.at_ns && now_ns - c->aside.at_ns < ANEW_EVERY_NS)
		return err_wrap(err, "an earlier file was set aside a moment ago, and now again");
	forget_old(c);
	ret = aside_move(file, why, clock_wall_us(now_ns, c->offset_ns), name, &c->aside.from_us,
			 err);
	if (ret)
		return err_wrap(err, "%s", file);
	c->aside.at_ns = now_ns;
	c->aside.reason = reason_of(why);
	ret = collector_open_store(c, err);
	note(&c->note, "%s; it is kept as %s%s", reason.msg, name,
	     ret ? "" : ", and recording goes on in a new file");
	if (strcmp(why, ASIDE_CORRUPT) == 0)
		aside_keep(file, why, MAX_CORRUPT_KEPT, &c->note);
	if (!ret)
		store_set_patience(c->store, false);
	return ret;
}

#include "store.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "db.h"
#include "dictionary.h"
#include "escape.h"
#include "hourly.h"
#include "leftover.h"
#include "run.h"

#define PATIENT_MS   5000
#define IMPATIENT_MS 100 /* the flush is tried again soon */
#define UPKEEP_NS    (10 * NS_PER_MS)

/* What a flush takes, and for each row. */
#define FLUSH_BYTES (256ull << 10)
#define ENDED_BYTES 300
#define OPEN_BYTES  200

/* What connection and open_connection have in common, after their times. */
#define FACTS                                                                                      \
	"direction, outcome, error, local_port, peer_addr, peer_port, process_id, closer_id,"      \
	" container_id, connect_us, tx_bytes, rx_bytes, retransmits, srtt_us, min_rtt_us, cookie," \
	" owner_source, flags, accept_wait_us, thread"
#define FACT_VALUES                                                                                \
	"?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22," \
	" ?23"

struct store {
	sqlite3 *db;
	struct run *run;
	struct dictionary *dictionary;
	struct hourly *hourly;
	struct retain *retain;
	sqlite3_stmt *put_ended, *put_open, *drop_open, *put_listener, *end_listener;
	int64_t last_id; /* the key of the newest row in connection */
	uint64_t recorded;
	int patience_ms;
};

static int prepare(struct store *s, struct err *err)
{
	const struct db_statement all[] = {
		{&s->put_ended, "INSERT INTO connection(id, duration_us, local_id, " FACTS ")"
				" VALUES(?1, ?2, ?3, " FACT_VALUES ")"},
		{&s->put_open,
		 "INSERT OR REPLACE INTO open_connection(id, start_us, seen_us, " FACTS ", netns,"
		 " local_addr) VALUES(?1, ?2, ?3, " FACT_VALUES ", ?24, ?25)"},
		{&s->put_listener,
		 "INSERT INTO listener(netns, addr, port, program_id, from_us, to_us, cookie)"
		 " VALUES(?1, ?2, ?3, (SELECT program_id FROM process WHERE id = ?4), ?5, ?6, ?7)"},
		{&s->end_listener, "UPDATE listener SET to_us = ?2 WHERE id = ?1"},
		{&s->drop_open, "DELETE FROM open_connection WHERE id = ?1"},
	};

	return db_prepare_all(s->db, all, sizeof(all) / sizeof(all[0]), err);
}

static int begin(struct store *s, const struct store_config *config, struct err *err)
{
	int ret = db_exec(s->db, "BEGIN IMMEDIATE", err);

	if (!ret)
		ret = run_begin(s->db, config, &s->run, err);
	return db_end(s->db, ret, err);
}

int store_open(const struct store_config *config, struct processes *processes,
	       struct containers *containers, struct store **out, struct err *err)
{
	struct store *s = calloc(1, sizeof(*s));
	int64_t boot, boot_offset_ns;
	int ret;

	if (!s)
		return err_set(err, -ENOMEM, "no memory for the store");
	ret = db_open_writer(config->path, config->durable, &s->db, err);
	if (ret)
		goto fail;
	ret = prepare(s, err);
	if (!ret)
		ret = begin(s, config, err);
	if (!ret)
		ret = run_boot(s->run, &boot, &boot_offset_ns, err);
	if (!ret)
		ret = dictionary_new(s->db, processes, containers, boot, boot_offset_ns,
				     &s->dictionary, err);
	if (!ret)
		ret = hourly_new(s->db, &s->hourly, err);
	if (!ret)
		ret = retain_new(s->db, &config->retention, s->dictionary, &config->note,
				 &s->retain, err);
	if (ret == -EINVAL) /* what is in it is not what we put there */
		ret = err->code = -EUCLEAN;
	if (ret) {
		err_wrap(err, "%s", config->path);
		goto fail;
	}
	s->last_id = run_last_connection(s->run);
	s->patience_ms = PATIENT_MS;
	*out = s;
	return 0;

fail:
	if (ret == -EUCLEAN)
		store_abandon(s);
	else
		store_free(s);
	return ret;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	dictionary_free(s->dictionary);
	hourly_free(s->hourly);
	sqlite3_finalize(s->put_ended);
	sqlite3_finalize(s->put_open);
	sqlite3_finalize(s->drop_open);
	sqlite3_finalize(s->put_listener);
	sqlite3_finalize(s->end_listener);
	run_free(s->run);
	db_close(s->db);
	retain_free(s->retain);
	free(s);
}

void store_abandon(struct store *s)
{
	if (s && s->db)
		sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	store_free(s);
}

int64_t store_previous_end_boot_ns(const struct store *s)
{
	return run_previous_end_boot_ns(s->run);
}

bool store_resumes(const struct store *s, struct capture *out)
{
	return run_resumes(s->run, out);
}

void store_set_patience(struct store *s, bool patient)
{
	s->patience_ms = patient ? PATIENT_MS : IMPATIENT_MS;
	sqlite3_busy_timeout(s->db, s->patience_ms);
}

uint64_t store_recorded(const struct store *s)
{
	return s->recorded;
}

int store_each_open(struct store *s, int (*each)(void *ctx, const struct connection *c), void *ctx,
		    struct err *err)
{
	return leftover_each(s->db, run_id(s->run), each, ctx, err);
}

int store_each_listener(struct store *s, int (*each)(void *ctx, const struct listener *l),
			void *ctx, struct err *err)
{
	return leftover_each_listener(s->db, each, ctx, err);
}

/* ---- a flush ---- */

static void bind_nonzero(sqlite3_stmt *stmt, int at, int64_t value)
{
	if (value)
		sqlite3_bind_int64(stmt, at, value);
	else
		sqlite3_bind_null(stmt, at);
}

/* The thread's name, where it says more than the process's; also of an owner of whom an
 * earlier run left no more but the row. */
static void bind_thread(sqlite3_stmt *stmt, int at, const struct owner *owner)
{
	char safe[ESCAPED_SIZE(COMM_LEN)];

	if (owner->thread[0] == '\0' || strcmp(owner->thread, owner->comm) == 0) {
		sqlite3_bind_null(stmt, at);
		return;
	}
	escape_text(owner->thread, strlen(owner->thread), safe, sizeof(safe));
	sqlite3_bind_text(stmt, at, safe, -1, SQLITE_TRANSIENT);
}

/* From established to accept(). Fast Open may be accepted before: then it did not wait. */
static int64_t accept_wait_us(const struct connection *c)
{
	int64_t wait_ns = c->accepted_boot_ns - c->established_boot_ns;

	return wait_ns > 0 ? wait_ns / NS_PER_US : 0;
}

/* Most are closed by their owner, and to have found that once is enough. */
static int closer_row(struct store *s, const struct connection *c, int64_t owner, int64_t *row,
		      struct err *err)
{
	*row = owner;
	if (c->process_row == 0 && memcmp(&c->closer, &c->owner, sizeof(c->owner)) == 0)
		return 0;
	return dictionary_process(s->dictionary, &c->closer, row, err);
}

static char *put_number(char *at, unsigned int n)
{
	if (n >= 100)
		*at++ = (char)('0' + n / 100);
	if (n >= 10)
		*at++ = (char)('0' + n / 10 % 10);
	*at++ = (char)('0' + n % 10);
	return at;
}

/* As inet_ntop(), which goes through printf for IPv4. Returns the length. */
static int address_text(unsigned int family, const struct in6_addr *addr, char *out)
{
	char *at = out;

	if (family == 6) {
		inet_ntop(AF_INET6, addr, out, INET6_ADDRSTRLEN);
		return (int)strlen(out);
	}
	for (int i = 0; i < 4; i++) {
		at = put_number(at, addr->s6_addr[i]);
		*at++ = '.';
	}
	*--at = '\0';
	return (int)(at - out);
}

/* Binds FACT_VALUES; @peer needs INET6_ADDRSTRLEN bytes and must live until the step. */
static int bind_facts(struct store *s, sqlite3_stmt *stmt, const struct connection *c, char *peer,
		      struct err *err)
{
	int64_t process = c->process_row, closer = 0, container = c->container_row;
	int len, ret = 0;

	if (!process)
		ret = dictionary_process(s->dictionary, &c->owner, &process, err);
	if (!ret)
		ret = closer_row(s, c, process, &closer, err);
	if (!ret && !container)
		ret = dictionary_container(s->dictionary, c->cgroup_id, &container, err);
	if (ret)
		return ret;
	len = address_text(c->family, &c->peer_addr, peer);
	sqlite3_bind_int(stmt, 4, c->direction);
	sqlite3_bind_int(stmt, 5, c->outcome);
	bind_nonzero(stmt, 6, c->error);
	sqlite3_bind_int(stmt, 7, c->local_port);
	sqlite3_bind_text(stmt, 8, peer, len, SQLITE_STATIC);
	sqlite3_bind_int(stmt, 9, c->peer_port);
	bind_nonzero(stmt, 10, process);
	if (closer && closer == process && stmt == s->put_ended)
		sqlite3_bind_int(stmt, 11, 0); /* costs no byte */
	else
		bind_nonzero(stmt, 11, closer);
	bind_nonzero(stmt, 12, container);
	if (c->direction == DIRECTION_OUT && c->established_boot_ns)
		sqlite3_bind_int64(stmt, 13,
				   (c->established_boot_ns - c->start_boot_ns) / NS_PER_US);
	else
		sqlite3_bind_null(stmt, 13);
	sqlite3_bind_int64(stmt, 14, (int64_t)c->tx_bytes);
	sqlite3_bind_int64(stmt, 15, (int64_t)c->rx_bytes);
	sqlite3_bind_int64(stmt, 16, c->retransmits);
	bind_nonzero(stmt, 17, c->srtt_us);
	bind_nonzero(stmt, 18, c->min_rtt_us == MIN_RTT_NONE ? 0 : c->min_rtt_us);
	bind_nonzero(stmt, 19, (int64_t)c->cookie);
	bind_nonzero(stmt, 20, c->owner_source);
	sqlite3_bind_int(stmt, 21, (int)c->flags);
	if (c->direction == DIRECTION_IN && c->accepted_boot_ns && c->established_boot_ns)
		sqlite3_bind_int64(stmt, 22, accept_wait_us(c));
	else
		sqlite3_bind_null(stmt, 22);
	bind_thread(stmt, 23, &c->owner);
	return 0;
}

static int write_ended(struct store *s, const struct connection *c, int64_t offset_ns,
		       int64_t *last_id, struct err *err)
{
	int64_t id = clock_wall_us(c->end_boot_ns, offset_ns);
	int64_t duration_us = (c->end_boot_ns - c->start_boot_ns) / NS_PER_US;
	char peer[INET6_ADDRSTRLEN];
	int64_t local;
	int ret;

	if (id <= *last_id)
		id = *last_id + 1;
	*last_id = id;
	ret = dictionary_local_address(s->dictionary, c, &local, err);
	if (ret)
		return ret;
	sqlite3_bind_int64(s->put_ended, 1, id);
	sqlite3_bind_int64(s->put_ended, 2, duration_us > 0 ? duration_us : 0);
	sqlite3_bind_int64(s->put_ended, 3, local);
	ret = bind_facts(s, s->put_ended, c, peer, err);
	if (!ret)
		ret = db_step(s->db, s->put_ended, "a connection", err);
	if (ret || !c->open_row)
		return ret;
	sqlite3_bind_int64(s->drop_open, 1, c->open_row);
	return db_step(s->db, s->drop_open, "a connection that ended", err);
}

static int write_open(struct store *s, const struct connection *c, const struct flush *f,
		      struct err *err)
{
	char local[INET6_ADDRSTRLEN], peer[INET6_ADDRSTRLEN];
	int ret;

	sqlite3_bind_int64(s->put_open, 1, c->open_row ? c->open_row : (int64_t)c->id);
	sqlite3_bind_int64(s->put_open, 2, clock_wall_us(c->start_boot_ns, f->offset_ns));
	sqlite3_bind_int64(s->put_open, 3, clock_wall_us(f->now_boot_ns, f->offset_ns));
	sqlite3_bind_int64(s->put_open, 24, c->netns);
	inet_ntop(c->family == 6 ? AF_INET6 : AF_INET, &c->local_addr, local, sizeof(local));
	sqlite3_bind_text(s->put_open, 25, local, -1, SQLITE_STATIC);
	ret = bind_facts(s, s->put_open, c, peer, err);
	return ret ? ret : db_step(s->db, s->put_open, "an open connection", err);
}

static int write_listener(struct store *s, struct listener *l, int64_t offset_ns, struct err *err)
{
	char addr[INET6_ADDRSTRLEN];
	int64_t process;
	int ret;

	if (l->row) {
		sqlite3_bind_int64(s->end_listener, 1, l->row);
		sqlite3_bind_int64(s->end_listener, 2, clock_wall_us(l->to_boot_ns, offset_ns));
		return db_step(s->db, s->end_listener, "a listener that ended", err);
	}
	ret = dictionary_process(s->dictionary, &l->owner, &process, err);
	if (ret)
		return ret;
	inet_ntop(l->family == 6 ? AF_INET6 : AF_INET, &l->addr, addr, sizeof(addr));
	sqlite3_bind_int64(s->put_listener, 1, l->netns);
	sqlite3_bind_text(s->put_listener, 2, addr, -1, SQLITE_STATIC);
	sqlite3_bind_int(s->put_listener, 3, l->port);
	bind_nonzero(s->put_listener, 4, process);
	sqlite3_bind_int64(s->put_listener, 5, clock_wall_us(l->from_boot_ns, offset_ns));
	bind_nonzero(s->put_listener, 6,
		     l->to_boot_ns ? clock_wall_us(l->to_boot_ns, offset_ns) : 0);
	sqlite3_bind_int64(s->put_listener, 7, (int64_t)l->cookie);
	ret = db_step(s->db, s->put_listener, "a listener", err);
	if (!ret)
		l->row = -sqlite3_last_insert_rowid(s->db); /* until the commit */
	return ret;
}

/* The new rows stand, or they do not. */
static void settle_listeners(const struct flush *f, bool committed)
{
	for (size_t i = 0; i < f->n_listeners; i++)
		if (f->listeners[i]->row < 0)
			f->listeners[i]->row = committed ? -f->listeners[i]->row : 0;
}

static int write_all(struct store *s, const struct flush *f, int64_t *last_id, struct err *err)
{
	int ret = 0;

	dictionary_begin(s->dictionary, f->offset_ns);
	if (f->clock_step_ns)
		ret = run_set_clock(s->run, f, err);
	for (size_t i = 0; i < f->n_ended && !ret; i++)
		ret = write_ended(s, &f->ended[i], f->offset_ns, last_id, err);
	for (size_t i = 0; i < f->n_open && !ret; i++)
		ret = write_open(s, f->open[i], f, err);
	for (size_t i = 0; i < f->n_listeners && !ret; i++)
		ret = write_listener(s, f->listeners[i], f->offset_ns, err);
	if (!ret)
		ret = dictionary_exits(s->dictionary, err);
	return ret ? ret : run_write(s->run, f, s->recorded + f->n_ended, err);
}

/* About what it adds to the database: on the safe side, for what rows refer to is not counted. */
static uint64_t flush_bytes(const struct flush *f)
{
	return FLUSH_BYTES + ENDED_BYTES * f->n_ended + OPEN_BYTES * (f->n_open + f->n_listeners);
}

int store_write(struct store *s, const struct flush *f, struct err *err)
{
	int64_t last_id = s->last_id, floor_us = hourly_floor_us(s->hourly);
	int ret = retain_make_room(s->retain, flush_bytes(f), err);

	if (ret)
		return ret;
	if (last_id < floor_us - 1)
		last_id = floor_us - 1;
	ret = db_exec(s->db, "BEGIN IMMEDIATE", err);
	if (!ret)
		ret = write_all(s, f, &last_id, err);
	ret = db_end(s->db, ret, err);
	settle_listeners(f, ret == 0);
	if (ret) {
		dictionary_forget(s->dictionary);
		return ret == -ENOSPC ? retain_explain_full(s->retain, flush_bytes(f), err) : ret;
	}
	dictionary_committed(s->dictionary);
	s->last_id = last_id;
	s->recorded += f->n_ended;
	return 0;
}

int store_upkeep(struct store *s, int64_t now_boot_ns, int64_t offset_ns, struct err *err)
{
	int64_t now_us = clock_wall_us(now_boot_ns, offset_ns);
	int ret = 0, more = 0;

	sqlite3_busy_timeout(s->db, 0);
	if (!retain_must_wait(s->retain))
		ret = more = hourly_step(s->hourly, now_us, UPKEEP_NS, err);
	/* Also when there are totals to be made, or they find no room: they need some. */
	if (ret >= 0 || ret == -ENOSPC)
		ret = retain_step(s->retain, now_us, UPKEEP_NS / 2, err);
	sqlite3_busy_timeout(s->db, s->patience_ms);
	return ret ? ret : more;
}

int store_close(struct store *s, int64_t now_boot_ns, int64_t offset_ns, struct err *err)
{
	int ret = run_end(s->run, now_boot_ns, offset_ns, err);

	store_free(s);
	return ret;
}

#include "leftover.h"

#include <arpa/inet.h>
#include <string.h>

#include "clock.h"
#include "db.h"
#include "escape.h"

#define MAX_US (100LL * 366 * 86400 * 1000000) /* a century */

/* A NULL, where there can be none, stands in a damaged file. */
static void parse_addr(const unsigned char *text, struct in6_addr *addr, uint8_t *family)
{
	memset(addr, 0, sizeof(*addr));
	*family = 4;
	if (!text)
		return;
	*family = strchr((const char *)text, ':') ? 6 : 4;
	if (inet_pton(*family == 6 ? AF_INET6 : AF_INET, (const char *)text, addr) != 1)
		memset(addr, 0, sizeof(*addr));
}

/* A time from the file on the clock since boot; nonsense becomes the boot itself. */
static int64_t boot_ns(int64_t us)
{
	return us > -MAX_US && us < MAX_US ? us * NS_PER_US : 0;
}

/* A name as the kernel side tells it, from the escaped one in the file. */
static void read_name(sqlite3_stmt *stmt, int column, char name[COMM_LEN])
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);
	char raw[ESCAPED_SIZE(COMM_LEN)];
	size_t len = text ? strlen(text) : 0;

	if (len == 0 || len > sizeof(raw))
		return;
	len = escape_undo(text, len, raw);
	if (len < COMM_LEN)
		memcpy(name, raw, len);
}

static enum owner_source read_source(sqlite3_stmt *stmt, int column)
{
	int source = sqlite3_column_int(stmt, column);

	return source >= OWNER_UNKNOWN && source <= OWNER_KERNEL ? (enum owner_source)source
								 : OWNER_UNKNOWN;
}

/* Columns as selected below; of the texts, only thread may be NULL. */
static struct connection read_row(sqlite3_stmt *stmt)
{
	struct connection c = {
		.open_row = sqlite3_column_int64(stmt, 0),
		.start_boot_ns = boot_ns(sqlite3_column_int64(stmt, 1)),
		.direction = sqlite3_column_int(stmt, 2) ? DIRECTION_IN : DIRECTION_OUT,
		.outcome = OUTCOME_OPEN,
		.local_port = (uint16_t)sqlite3_column_int(stmt, 4),
		.peer_port = (uint16_t)sqlite3_column_int(stmt, 6),
		.process_row = sqlite3_column_int64(stmt, 7),
		.netns = (uint32_t)sqlite3_column_int64(stmt, 8),
		.cookie = (uint64_t)sqlite3_column_int64(stmt, 10),
		.owner_source = read_source(stmt, 11),
		.flags = (unsigned int)sqlite3_column_int(stmt, 12),
		.tx_bytes = (uint64_t)sqlite3_column_int64(stmt, 13),
		.rx_bytes = (uint64_t)sqlite3_column_int64(stmt, 14),
		.retransmits = (uint32_t)sqlite3_column_int64(stmt, 15),
		.container_row = sqlite3_column_int64(stmt, 16),
		.min_rtt_us = MIN_RTT_NONE,
	};

	parse_addr(sqlite3_column_text(stmt, 3), &c.local_addr, &c.family);
	parse_addr(sqlite3_column_text(stmt, 5), &c.peer_addr, &c.family);
	if (sqlite3_column_type(stmt, 9) != SQLITE_NULL)
		c.established_boot_ns = c.start_boot_ns + boot_ns(sqlite3_column_int64(stmt, 9));
	if (c.direction == DIRECTION_IN && sqlite3_column_type(stmt, 17) != SQLITE_NULL) {
		c.established_boot_ns = c.start_boot_ns;
		c.accepted_boot_ns = c.start_boot_ns + boot_ns(sqlite3_column_int64(stmt, 17));
	}
	read_name(stmt, 18, c.owner.thread);
	return c;
}

int leftover_each(sqlite3 *db, int64_t run, int (*each)(void *ctx, const struct connection *c),
		  void *ctx, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int rc, ret;

	ret = db_prepare(
		db,
		"SELECT o.id,"
		" o.start_us - (SELECT offset_us FROM clock WHERE run_id = ?1),"
		" direction, local_addr, local_port, peer_addr, peer_port, process_id,"
		" netns, connect_us, cookie, owner_source, flags, tx_bytes, rx_bytes,"
		" retransmits, container_id, accept_wait_us, thread FROM open_connection o",
		&stmt, err);
	if (ret)
		return ret;
	sqlite3_bind_int64(stmt, 1, run);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct connection c = read_row(stmt);

		ret = each(ctx, &c);
		if (ret)
			return err_set(err, ret, "taking over open connections: %s",
				       strerror(-ret));
	}
	if (rc != SQLITE_DONE)
		return err_set(err, db_errno(rc), "reading open connections: %s",
			       sqlite3_errmsg(db));
	return 0;
}

int leftover_each_listener(sqlite3 *db, int (*each)(void *ctx, const struct listener *l), void *ctx,
			   struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int rc, ret;

	ret = db_prepare(db, "SELECT id, netns, port, cookie FROM listener WHERE to_us IS NULL",
			 &stmt, err);
	if (ret)
		return ret;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const struct listener l = {
			.row = sqlite3_column_int64(stmt, 0),
			.netns = (uint32_t)sqlite3_column_int64(stmt, 1),
			.port = (uint16_t)sqlite3_column_int(stmt, 2),
			.cookie = (uint64_t)sqlite3_column_int64(stmt, 3),
		};

		ret = each(ctx, &l);
		if (ret)
			return err_set(err, ret, "taking over listeners: %s", strerror(-ret));
	}
	if (rc != SQLITE_DONE)
		return err_set(err, db_errno(rc), "reading listeners: %s", sqlite3_errmsg(db));
	return 0;
}

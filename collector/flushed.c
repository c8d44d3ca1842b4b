#include "flushed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "escape.h"

enum column {
	ID,
	DURATION_US,
	DIRECTION,
	OUTCOME,
	FLAGS,
	PEER_ADDR,
	PEER_PORT,
	LOCAL_PORT,
	PROCESS_ID,
	CONTAINER_ID,
	TX_BYTES,
	RX_BYTES,
	CONNECT_US,
	RETRANSMITS,
	LOCAL_ID,
	ERROR,
	CLOSER_ID,
	ACCEPT_WAIT_US,
	SRTT_US,
	MIN_RTT_US,
	COOKIE,
	OWNER_SOURCE,
	THREAD,
	START_US,
	SEEN_US,
	NETNS,
	LOCAL_ADDR,
	OPEN_ROW,
};

static const char declaration[] =
	"CREATE TABLE flushed(id, duration_us, direction, outcome, flags, peer_addr, peer_port,"
	" local_port, process_id, container_id, tx_bytes, rx_bytes, connect_us, retransmits,"
	" local_id, error, closer_id, accept_wait_us, srtt_us, min_rtt_us, cookie, owner_source,"
	" thread, start_us, seen_us, netns, local_addr, open_row)";

struct flushed_table {
	sqlite3_vtab base;
	const struct flushed *rows;
};

struct cursor {
	sqlite3_vtab_cursor base;
	const struct flushed *rows;
	size_t at;
	char peer[INET6_ADDRSTRLEN]; /* read before the cursor moves on */
};

/* ---- values ---- */

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

static void local_addr(sqlite3_context *out, const struct connection *c)
{
	char text[INET6_ADDRSTRLEN];
	int len = address_text(c->family, &c->local_addr, text);

	sqlite3_result_text(out, text, len, SQLITE_TRANSIENT);
}

/* What has no value is left NULL. */
static void nonzero(sqlite3_context *out, int64_t value)
{
	if (value)
		sqlite3_result_int64(out, value);
}

/* Where it says more than the process's; also of an owner of whom an earlier run left no more
 * but the row. */
static bool has_thread_name(const struct owner *owner)
{
	return owner->thread[0] && strcmp(owner->thread, owner->comm) != 0;
}

static void thread(sqlite3_context *out, const struct owner *owner)
{
	char safe[ESCAPED_SIZE(COMM_LEN)];

	escape_text(owner->thread, strlen(owner->thread), safe, sizeof(safe));
	sqlite3_result_text(out, safe, -1, SQLITE_TRANSIENT);
}

static void connect_us(sqlite3_context *out, const struct connection *c)
{
	if (c->direction == DIRECTION_OUT && c->established_boot_ns)
		sqlite3_result_int64(out, (c->established_boot_ns - c->start_boot_ns) / NS_PER_US);
}

/* From established to accept(). Fast Open may be accepted before: then it did not wait. */
static void accept_wait_us(sqlite3_context *out, const struct connection *c)
{
	int64_t wait_ns = c->accepted_boot_ns - c->established_boot_ns;

	if (c->direction == DIRECTION_IN && c->accepted_boot_ns && c->established_boot_ns)
		sqlite3_result_int64(out, wait_ns > 0 ? wait_ns / NS_PER_US : 0);
}

static int64_t duration_us(const struct connection *c)
{
	int64_t us = (c->end_boot_ns - c->start_boot_ns) / NS_PER_US;

	return us > 0 ? us : 0;
}

static int on_column(sqlite3_vtab_cursor *base, sqlite3_context *out, int column)
{
	struct cursor *cursor = (struct cursor *)base;
	const struct flushed *rows = cursor->rows;
	const struct flushed_row *r = &rows->row[cursor->at];
	const struct connection *c = r->c;
	int len;

	switch ((enum column)column) {
	case ID:
		sqlite3_result_int64(out, r->id);
		break;
	case DURATION_US:
		sqlite3_result_int64(out, duration_us(c));
		break;
	case DIRECTION:
		sqlite3_result_int64(out, c->direction);
		break;
	case OUTCOME:
		sqlite3_result_int64(out, c->outcome);
		break;
	case FLAGS:
		sqlite3_result_int64(out, c->flags);
		break;
	case PEER_ADDR:
		len = address_text(c->family, &c->peer_addr, cursor->peer);
		sqlite3_result_text(out, cursor->peer, len, SQLITE_STATIC);
		break;
	case PEER_PORT:
		sqlite3_result_int64(out, c->peer_port);
		break;
	case LOCAL_PORT:
		sqlite3_result_int64(out, c->local_port);
		break;
	case PROCESS_ID:
		nonzero(out, r->process_id);
		break;
	case CONTAINER_ID:
		nonzero(out, r->container_id);
		break;
	case TX_BYTES:
		sqlite3_result_int64(out, (int64_t)c->tx_bytes);
		break;
	case RX_BYTES:
		sqlite3_result_int64(out, (int64_t)c->rx_bytes);
		break;
	case CONNECT_US:
		connect_us(out, c);
		break;
	case RETRANSMITS:
		sqlite3_result_int64(out, c->retransmits);
		break;
	case LOCAL_ID:
		nonzero(out, r->local_id);
		break;
	case ERROR:
		nonzero(out, c->error);
		break;
	case CLOSER_ID:
		if (r->closer_id == CLOSER_IS_OWNER)
			sqlite3_result_int64(out, 0); /* costs no byte */
		else
			nonzero(out, r->closer_id);
		break;
	case ACCEPT_WAIT_US:
		accept_wait_us(out, c);
		break;
	case SRTT_US:
		nonzero(out, c->srtt_us);
		break;
	case MIN_RTT_US:
		nonzero(out, c->min_rtt_us == MIN_RTT_NONE ? 0 : c->min_rtt_us);
		break;
	case COOKIE:
		nonzero(out, (int64_t)c->cookie);
		break;
	case OWNER_SOURCE:
		nonzero(out, c->owner_source);
		break;
	case THREAD:
		if (has_thread_name(&c->owner))
			thread(out, &c->owner);
		break;
	case START_US:
		sqlite3_result_int64(out, clock_wall_us(c->start_boot_ns, rows->offset_ns));
		break;
	case SEEN_US:
		sqlite3_result_int64(out, rows->seen_us);
		break;
	case NETNS:
		sqlite3_result_int64(out, c->netns);
		break;
	case LOCAL_ADDR:
		local_addr(out, c);
		break;
	case OPEN_ROW:
		nonzero(out, c->open_row);
		break;
	}
	return SQLITE_OK;
}

/* ---- as a table ---- */

static int on_connect(sqlite3 *db, void *rows, int n_words, const char *const *words,
		      sqlite3_vtab **out, char **error)
{
	struct flushed_table *table;
	int rc = sqlite3_declare_vtab(db, declaration);

	(void)n_words, (void)words, (void)error;
	if (rc != SQLITE_OK)
		return rc;
	table = sqlite3_malloc(sizeof(*table));
	if (!table)
		return SQLITE_NOMEM;
	*table = (struct flushed_table){.rows = rows};
	*out = &table->base;
	return SQLITE_OK;
}

static int on_disconnect(sqlite3_vtab *table)
{
	sqlite3_free(table);
	return SQLITE_OK;
}

static int on_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
	(void)table, (void)info;
	return SQLITE_OK;
}

static int on_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
	struct cursor *c = sqlite3_malloc(sizeof(*c));

	if (!c)
		return SQLITE_NOMEM;
	*c = (struct cursor){.rows = ((struct flushed_table *)table)->rows};
	*out = &c->base;
	return SQLITE_OK;
}

static int on_close(sqlite3_vtab_cursor *cursor)
{
	sqlite3_free(cursor);
	return SQLITE_OK;
}

static int on_filter(sqlite3_vtab_cursor *cursor, int number, const char *text, int n,
		     sqlite3_value **values)
{
	(void)number, (void)text, (void)n, (void)values;
	((struct cursor *)cursor)->at = 0;
	return SQLITE_OK;
}

static int on_next(sqlite3_vtab_cursor *cursor)
{
	((struct cursor *)cursor)->at++;
	return SQLITE_OK;
}

static int on_eof(sqlite3_vtab_cursor *cursor)
{
	const struct cursor *c = (const struct cursor *)cursor;

	return c->at >= c->rows->n;
}

static int on_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *out)
{
	*out = (sqlite3_int64)((struct cursor *)cursor)->at;
	return SQLITE_OK;
}

static const sqlite3_module module = {
	.xConnect = on_connect, /* without xCreate it is simply there */
	.xBestIndex = on_best_index,
	.xDisconnect = on_disconnect,
	.xOpen = on_open,
	.xClose = on_close,
	.xFilter = on_filter,
	.xNext = on_next,
	.xEof = on_eof,
	.xColumn = on_column,
	.xRowid = on_rowid,
};

int flushed_attach(struct flushed *rows, sqlite3 *db)
{
	return sqlite3_create_module(db, "flushed", &module, rows);
}

int flushed_reserve(struct flushed *rows, size_t n)
{
	struct flushed_row *row;

	if (n <= rows->room)
		return 0;
	row = realloc(rows->row, n * sizeof(*row));
	if (!row)
		return -ENOMEM;
	rows->row = row;
	rows->room = n;
	return 0;
}

void flushed_clear(struct flushed *rows)
{
	free(rows->row);
	*rows = (struct flushed){0};
}

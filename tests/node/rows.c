#include "rows.h"

#include <stdlib.h>
#include <string.h>

#include "schema/db.h"

#define ROW_OF_VIEW                                                                                \
	"SELECT direction, outcome, error, comm, pid, uid, family, local_addr, peer_addr,"         \
	" local_port, peer_port, tx_bytes, rx_bytes, owner_source, closed_by,"                     \
	" connect_us IS NOT NULL FROM connections WHERE netns = ?1 AND ended_at IS NOT NULL"       \
	" ORDER BY direction DESC, id"

static void write_row(FILE *f, const struct row *r)
{
	fprintf(f,
		"%-3s %s error=%s comm=%s pid=%d uid=%u ipv%d %s %d -> %s %d tx=%ld rx=%ld"
		" owner_source=%s closed_by=%d connected=%d\n",
		r->direction, r->outcome, r->error, r->comm, r->pid, r->uid, r->family,
		r->local_addr, r->local_port, r->peer_addr, r->peer_port, r->tx_bytes, r->rx_bytes,
		r->owner_source, r->closed_by, r->connected);
}

static const char *column(sqlite3_stmt *stmt, int i)
{
	const char *text = (const char *)sqlite3_column_text(stmt, i);

	return text ? text : "";
}

static char *recorded_rows(struct node *n, ino_t netns)
{
	AUTO_STMT *stmt = node_ask(n, ROW_OF_VIEW, (long)netns);
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	must(f);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		write_row(f, &(struct row){
				     .direction = column(stmt, 0),
				     .outcome = column(stmt, 1),
				     .error = column(stmt, 2),
				     .comm = column(stmt, 3),
				     .pid = sqlite3_column_int(stmt, 4),
				     .uid = sqlite3_column_int(stmt, 5),
				     .family = sqlite3_column_int(stmt, 6),
				     .local_addr = column(stmt, 7),
				     .peer_addr = column(stmt, 8),
				     .local_port = sqlite3_column_int(stmt, 9),
				     .peer_port = sqlite3_column_int(stmt, 10),
				     .tx_bytes = sqlite3_column_int64(stmt, 11),
				     .rx_bytes = sqlite3_column_int64(stmt, 12),
				     .owner_source = column(stmt, 13),
				     .closed_by = sqlite3_column_int(stmt, 14),
				     .connected = sqlite3_column_int(stmt, 15),
			     });
	fclose(f);
	return text;
}

void assert_rows(struct node *n, ino_t netns, const struct row *rows, int n_rows)
{
	char *want = NULL, *have;
	size_t size;
	FILE *f = open_memstream(&want, &size);

	must(f);
	for (int i = 0; i < n_rows; i++)
		write_row(f, &rows[i]);
	fclose(f);
	for (int i = 0; i < n->n_stages; i++)
		if (n->stages[i].netns == netns)
			n->stages[i].n_rows += n_rows;

	node_fence(n);
	node_reaches(n, NODE_ENDED_ROWS, (long)netns, n_rows);
	have = recorded_rows(n, netns);
	if (strcmp(have, want)) {
		/* cmocka would cut it short. */
		fprintf(stderr, "recorded:\n%swhere it should be:\n%s", have, want);
		/* Some kernels do: see test_nested.c. */
		fprintf(stderr, "the kernel has hidden %ld ends of connections from us\n",
			node_number(n, NODE_MISSED, 0));
		fail();
	}
	free(have);
	free(want);
}

static struct row plain_row(const struct scene *s)
{
	const char *addr = strncmp(s->addr, "::ffff:", 7) ? s->addr : s->addr + 7;

	return (struct row){
		.outcome = "closed",
		.error = "",
		.family = strchr(addr, ':') ? 6 : 4,
		.local_addr = addr,
		.peer_addr = addr,
	};
}

struct row out_row(const struct scene *s, pid_t client)
{
	struct row r = plain_row(s);

	r.direction = "out";
	r.comm = "client";
	r.pid = r.closed_by = client;
	r.local_port = s->client_port;
	r.peer_port = s->port;
	r.tx_bytes = s->request;
	r.rx_bytes = s->reply;
	r.owner_source = "connect";
	r.connected = true;
	return r;
}

struct row in_row(const struct scene *s, pid_t server)
{
	struct row r = plain_row(s);

	r.direction = "in";
	r.comm = "server";
	r.pid = r.closed_by = server;
	r.local_port = s->port;
	r.peer_port = s->client_port;
	r.tx_bytes = s->reply;
	r.rx_bytes = s->request;
	r.owner_source = "close";
	return r;
}

ino_t play(struct node *n, struct scene *s, void (*serve)(struct scene *),
	   void (*call)(struct scene *), struct row rows[2])
{
	ino_t netns = node_stage(n);
	pid_t server = actor_start("server", serve, s);
	pid_t client = actor_start("client", call, s);

	actor_wait(client);
	actor_wait(server);
	rows[0] = out_row(s, client);
	rows[1] = in_row(s, server);
	return netns;
}

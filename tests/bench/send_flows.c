/*
 * send_flows - the connections of a database between two times as NetFlow version 9 (RFC 3954)
 * to 127.0.0.1, for nfcapd to keep: who, where to, bytes, begin and end. What knows no
 * processes is told none. The direction is the number of the interface: 1 out, 2 in.
 *
 *   send_flows DATABASE FROM_S UNTIL_S PORT
 *
 * Prints how many were sent.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "db.h"

#define PACKET_BYTES   1400
#define PACKETS_A_STEP 20 /* then the receiver gets a millisecond */

/* Field types and lengths: source, destination, ports, protocol, octets, packets, begin, end,
 * interface. */
static const uint16_t fields[][2] = {{8, 4}, {12, 4}, {7, 2},  {11, 2}, {4, 1},
				     {1, 8}, {2, 4},  {22, 4}, {21, 4}, {10, 2}};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

struct packet {
	uint8_t bytes[PACKET_BYTES + 100];
	size_t len, set; /* set: where the set of records begins; 0: none yet */
	int family;	 /* of that set */
	uint16_t records;
};

static int fd;
static uint32_t sequence, begin_s;

static void put(struct packet *p, uint64_t value, int size)
{
	while (size--)
		p->bytes[p->len++] = (uint8_t)(value >> (8 * size));
}

static void put_at(struct packet *p, size_t at, uint64_t value, int size)
{
	const size_t len = p->len;

	p->len = at;
	put(p, value, size);
	p->len = len;
}

static void begin_packet(struct packet *p)
{
	*p = (struct packet){0};
	put(p, 9, 2);
	put(p, 0, 2); /* records: later */
	put(p, 0, 4); /* times below are since "boot": the begin */
	put(p, begin_s, 4);
	put(p, sequence++, 4);
	put(p, 1, 4);
}

static void end_set(struct packet *p)
{
	if (!p->set)
		return;
	while ((p->len - p->set) % 4)
		put(p, 0, 1);
	put_at(p, p->set + 2, p->len - p->set, 2);
	p->set = 0;
}

static void send_packet(struct packet *p)
{
	static unsigned int sent;
	const struct timespec pause = {.tv_nsec = 1000000};

	end_set(p);
	put_at(p, 2, p->records, 2);
	if (send(fd, p->bytes, p->len, 0) < 0) {
		perror("send_flows: send");
		exit(EXIT_FAILURE);
	}
	if (++sent % PACKETS_A_STEP == 0)
		nanosleep(&pause, NULL);
	begin_packet(p);
}

static void put_templates(struct packet *p)
{
	for (int family = 4; family <= 6; family += 2) {
		put(p, 0, 2);
		put(p, 8 + 4 * FIELDS, 2);
		put(p, 256 + (uint64_t)family, 2);
		put(p, FIELDS, 2);
		for (size_t i = 0; i < FIELDS; i++) {
			const bool v6 =
				family == 6 && i < 2; /* 27 and 28 in the place of 8 and 12 */

			put(p, v6 ? 27 + i : fields[i][0], 2);
			put(p, v6 ? 16 : fields[i][1], 2);
		}
		p->records++;
	}
}

static void put_address(struct packet *p, int family, const char *text)
{
	if (inet_pton(family == 6 ? AF_INET6 : AF_INET, text, p->bytes + p->len) != 1) {
		fprintf(stderr, "send_flows: %s is no address\n", text);
		exit(EXIT_FAILURE);
	}
	p->len += family == 6 ? 16 : 4;
}

static void put_flow(struct packet *p, sqlite3_stmt *row)
{
	const char *local = (const char *)sqlite3_column_text(row, 0);
	const char *peer = (const char *)sqlite3_column_text(row, 1);
	const int out = sqlite3_column_int(row, 7) == 0, family = strchr(peer, ':') ? 6 : 4;

	if (p->len > PACKET_BYTES - 80)
		send_packet(p);
	if (p->family != family || !p->set) {
		end_set(p);
		p->family = family;
		p->set = p->len;
		put(p, 256 + (uint64_t)family, 2);
		put(p, 0, 2); /* its length: later */
	}
	put_address(p, family, out ? local : peer);
	put_address(p, family, out ? peer : local);
	put(p, (uint64_t)sqlite3_column_int64(row, out ? 2 : 3), 2);
	put(p, (uint64_t)sqlite3_column_int64(row, out ? 3 : 2), 2);
	put(p, IPPROTO_TCP, 1);
	put(p, (uint64_t)sqlite3_column_int64(row, 4), 8);
	put(p, 2, 4);
	put(p, (uint64_t)sqlite3_column_int64(row, 5), 4);
	put(p, (uint64_t)sqlite3_column_int64(row, 6), 4);
	put(p, out ? 1 : 2, 2);
	p->records++;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	AUTO_DB *db = NULL;
	AUTO_STMT *rows = NULL;
	struct err err = {0};
	struct packet p;
	uint64_t n = 0;

	if (argc != 5) {
		fprintf(stderr, "usage: send_flows DATABASE FROM_S UNTIL_S PORT\n");
		return 2;
	}
	if (db_open_reader(argv[1], &db, &err) ||
	    db_prepare(db,
		       "SELECT l.addr, peer_addr, local_port, peer_port, tx_bytes + rx_bytes,"
		       " max(0, c.id - duration_us - ?3) / 1000, (c.id - ?3) / 1000, direction"
		       " FROM connection c JOIN local_address l ON l.id = c.local_id"
		       " WHERE c.id >= ?1 AND c.id < ?2 ORDER BY c.id",
		       &rows, &err)) {
		fprintf(stderr, "send_flows: %s\n", err.msg);
		return EXIT_FAILURE;
	}
	begin_s = (uint32_t)strtoul(argv[2], NULL, 10) - 120; /* the longest begin before */
	sqlite3_bind_int64(rows, 1, strtoll(argv[2], NULL, 10) * 1000000);
	sqlite3_bind_int64(rows, 2, strtoll(argv[3], NULL, 10) * 1000000);
	sqlite3_bind_int64(rows, 3, begin_s * 1000000LL);
	to.sin_port = htons((uint16_t)strtoul(argv[4], NULL, 10));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		perror("send_flows: socket");
		return EXIT_FAILURE;
	}
	begin_packet(&p);
	put_templates(&p);
	send_packet(&p);
	for (; sqlite3_step(rows) == SQLITE_ROW; n++)
		put_flow(&p, rows);
	send_packet(&p);
	printf("%" PRIu64 "\n", n);
	return 0;
}

#include "unit.h"

#include "answering.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#define PORT	  8123
#define MOST_BODY (8 << 20)

/* One request at a time, and the test waits for the answer: so no lock is needed. */
static struct answering told;
static char request[MOST_BODY], text[MOST_BODY];

static void answer(int fd, int status, int code, const char *body)
{
	char head[256];
	int n = snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n", status,
			 strlen(body));

	/* Else the next request may come on this connection, which is closed in this moment. */
	if (!told.hangs_up)
		n += snprintf(head + n, sizeof(head) - (size_t)n, "Connection: close\r\n");
	if (code)
		n += snprintf(head + n, sizeof(head) - (size_t)n,
			      "X-ClickHouse-Exception-Code: %d\r\n", code);
	n += snprintf(head + n, sizeof(head) - (size_t)n, "\r\n");
	send(fd, head, (size_t)n, MSG_NOSIGNAL);
	send(fd, body, strlen(body), MSG_NOSIGNAL);
}

static void answer_open(int fd, const char *sql)
{
	const char *after = strstr(sql, "open_id > "), *limit = strstr(sql, "LIMIT ");
	int from = after ? atoi(after + 10) + 1 : 1, n = limit ? atoi(limit + 6) : told.open;
	size_t at = 0;

	text[0] = '\0';
	for (int id = from > 1 ? from : 1; id <= told.open && n > 0; id++, n--)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%d\t1\t2\n", id);
	answer(fd, 200, 0, text);
}

static void answer_question(int fd, const char *sql)
{
	if (strstr(sql, "SELECT version()"))
		answer(fd, 200, 0, "18.16.1\t1769900000\n");
	else if (strstr(sql, "FROM schema"))
		answer(fd, 200, 0, told.version);
	else if (strstr(sql, "max(id)"))
		answer(fd, 200, 0, told.max_id);
	else if (strstr(sql, "max(at_us)"))
		answer(fd, 200, 0, told.max_at);
	else if (strstr(sql, "FROM nodes"))
		answer(fd, 200, 0, told.nodes);
	else if (strstr(sql, "FROM open_connections"))
		answer_open(fd, sql);
	else
		answer(fd, 200, 0, "");
}

/* A gzip file of any number of members. */
static size_t unzip(const char *body, size_t size)
{
	size_t n;

	z_stream z = {.next_in = (unsigned char *)(uintptr_t)body,
		      .avail_in = (unsigned)size,
		      .next_out = (unsigned char *)text,
		      .avail_out = sizeof(text) - 1};

	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		abort();
	while (z.avail_in > 0)
		if (inflate(&z, Z_FINISH) != Z_STREAM_END || inflateReset(&z) != Z_OK)
			abort();
	inflateEnd(&z);
	n = sizeof(text) - 1 - z.avail_out;
	text[n] = '\0';
	return n;
}

static unsigned hash_of(const char *bytes, size_t n)
{
	unsigned hash = 2166136261u;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * 16777619u;
	return hash;
}

static struct answering_insert *remember(const char *url, const char *body, size_t size)
{
	struct answering_insert *in = &told.inserts[told.n < ANSWERING_MOST ? told.n++ : 0];
	const char *into = strstr(url, "INTO");
	size_t n = unzip(body, size);

	memset(in, 0, sizeof(*in));
	sscanf(into + 4 + strspn(into + 4, "%20+"), "%39[a-z_]", in->table);
	snprintf(in->text, sizeof(in->text), "%.*s", ANSWERING_TEXT - 1, text);
	in->hash = hash_of(request, (size_t)(body + size - request));
	for (size_t i = 0; i < n; i++)
		in->rows += text[i] == '\n';
	return in;
}

static void answer_insert(int fd, const char *url, const char *body, size_t size)
{
	struct answering_insert *in = remember(url, body, size);
	bool is_connections = strcmp(in->table, "connections") == 0;

	if (is_connections && told.fail_inserts > 0) {
		char words[40];

		told.fail_inserts--;
		snprintf(words, sizeof(words), "Code: %d, e.displayText() = X\n", told.fail_code);
		answer(fd, 500, told.fail_code, words);
	} else if (told.poison && strstr(text, told.poison)) {
		answer(fd, 500, 0, "Code: 27, e.displayText() = DB::Exception: Cannot parse\n");
	} else {
		in->was_taken = true;
		if (is_connections && told.lose_answers > 0)
			told.lose_answers--;
		else if (strcmp(in->table, "open_connections") == 0 && told.lose_open > 0)
			told.lose_open--;
		else
			answer(fd, 200, 0, "");
	}
}

static void serve(int fd)
{
	size_t n = 0, size = 0;
	char *end = NULL, *length;

	while (!end || n < (size_t)(end + 4 - request) + size) {
		ssize_t got = recv(fd, request + n, sizeof(request) - 1 - n, 0);

		if (got <= 0)
			return;
		n += (size_t)got;
		request[n] = '\0';
		if (!end && (end = strstr(request, "\r\n\r\n"))) {
			length = strstr(request, "Content-Length: ");
			size = length ? strtoul(length + 16, NULL, 10) : 0;
		}
	}
	if (strstr(request, "Content-Encoding: gzip"))
		answer_insert(fd, request, end + 4, size);
	else
		answer_question(fd, end + 4);
}

static void *run(void *ctx)
{
	int listener = *(int *)ctx;

	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			return NULL;
		serve(fd);
		if (told.hangs_up) /* until the next request begins, which is not read */
			recv(fd, request, 1, 0);
		close(fd);
	}
}

static void bring_up_loopback(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &lo), 0);
	close(fd);
}

void answering_begin(void)
{
	static int listener;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	pthread_t thread;

	if (unshare(CLONE_NEWNET) != 0)
		assert_int_equal(unshare(CLONE_NEWUSER | CLONE_NEWNET), 0);
	bring_up_loopback();
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 16), 0);
	assert_int_equal(pthread_create(&thread, NULL, run, &listener), 0);
	pthread_detach(thread);
}

struct answering *answering_clear(void)
{
	memset(&told, 0, sizeof(told));
	told.version = "2\n";
	told.max_id = "0\n";
	told.max_at = "0\n";
	told.nodes = "";
	return &told;
}

int answering_requests(const char *table)
{
	int n = 0;

	for (int i = 0; i < told.n; i++)
		n += strcmp(told.inserts[i].table, table) == 0;
	return n;
}

int answering_rows(const char *table)
{
	int rows = 0;

	for (int i = 0; i < told.n; i++)
		if (strcmp(told.inserts[i].table, table) == 0 && told.inserts[i].was_taken)
			rows += told.inserts[i].rows;
	return rows;
}

const struct answering_insert *answering_insert(const char *table, int i)
{
	for (int at = 0; at < told.n; at++)
		if (strcmp(told.inserts[at].table, table) == 0 && i-- == 0)
			return &told.inserts[at];
	fail_msg("there is no such request for %s", table);
	return NULL;
}

/*
 * server.h - a ClickHouse server, over HTTP or HTTPS. All of libcurl is in server.c.
 */
#ifndef CONNMON_SERVER_H
#define CONNMON_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "answer.h"
#include "err.h"

struct server;

/*
 * @url: http://[user[:password]@]host[:port]/[?database=NAME&setting=value...]; what of it is
 * settings goes with each request. @ca: a file of certificates to trust instead of the system's,
 * or NULL. User and password are taken from CLICKHOUSE_USER and CLICKHOUSE_PASSWORD where @url
 * has none. When *@stop becomes true, a request is given up. The caller frees *@out.
 * -EINVAL: this is no such URL.
 */
int server_new(const char *url, const char *ca, const volatile bool *stop, struct server **out,
	       struct err *err);
void server_free(struct server *s); /* NULL is allowed */

const char *server_url(const struct server *s);	     /* without user and password */
const char *server_database(const struct server *s); /* "default" when none is named */

/* Asks @sql; *@text is what it answers, which the caller frees with free(). @in_database: else
 * the database need not be there. At most 64 MiB are taken. */
enum answer server_ask(struct server *s, const char *sql, bool in_database, char **text,
		       struct err *err);

/* Runs INSERT statement @sql with a gzip file of rows. @token: by which a server from 22.3 on
 * knows that it has them, or NULL. */
enum answer server_insert(struct server *s, const char *sql, const char *token,
			  const unsigned char *gzip, size_t size, struct err *err);

/* Bytes that server_insert() has sent. */
uint64_t server_sent_bytes(const struct server *s);

#endif

#include "answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"

#define WORDS_BYTES 200 /* of what the server said */

enum kind {
	BAD_ROW = 1,
	NO_DATABASE,
	NO_TABLE,
	NO_LOGIN,
	NO_RIGHT,
	ONLY_READS,
	NO_SPACE,
	NO_MEMORY,
	BUSY,
	READ_ONLY,
	SHARD_AWAY,
	KEEPER_AWAY,
};

/* What is not here is tried again: a bug of a server, say, that an upgrade mends. */
static const struct {
	int code;
	enum kind kind;
} known[] = {
	{6, BAD_ROW},	    /* CANNOT_PARSE_TEXT */
	{25, BAD_ROW},	    /* CANNOT_PARSE_ESCAPE_SEQUENCE */
	{26, BAD_ROW},	    /* CANNOT_PARSE_QUOTED_STRING */
	{27, BAD_ROW},	    /* CANNOT_PARSE_INPUT_ASSERTION_FAILED */
	{38, BAD_ROW},	    /* CANNOT_PARSE_DATE */
	{41, BAD_ROW},	    /* CANNOT_PARSE_DATETIME */
	{53, BAD_ROW},	    /* TYPE_MISMATCH */
	{69, BAD_ROW},	    /* ARGUMENT_OUT_OF_BOUND */
	{70, BAD_ROW},	    /* CANNOT_CONVERT_TYPE */
	{72, BAD_ROW},	    /* CANNOT_PARSE_NUMBER */
	{117, BAD_ROW},	    /* INCORRECT_DATA */
	{131, BAD_ROW},	    /* TOO_LARGE_STRING_SIZE */
	{321, BAD_ROW},	    /* VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE */
	{349, BAD_ROW},	    /* CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN */
	{469, BAD_ROW},	    /* VIOLATED_CONSTRAINT */
	{675, BAD_ROW},	    /* CANNOT_PARSE_IPV4 */
	{676, BAD_ROW},	    /* CANNOT_PARSE_IPV6 */
	{81, NO_DATABASE},  /* UNKNOWN_DATABASE */
	{60, NO_TABLE},	    /* UNKNOWN_TABLE */
	{16, NO_TABLE},	    /* NO_SUCH_COLUMN_IN_TABLE */
	{47, NO_TABLE},	    /* UNKNOWN_IDENTIFIER */
	{192, NO_LOGIN},    /* UNKNOWN_USER */
	{193, NO_LOGIN},    /* WRONG_PASSWORD */
	{194, NO_LOGIN},    /* REQUIRED_PASSWORD */
	{516, NO_LOGIN},    /* AUTHENTICATION_FAILED */
	{195, NO_RIGHT},    /* IP_ADDRESS_NOT_ALLOWED */
	{291, NO_RIGHT},    /* DATABASE_ACCESS_DENIED */
	{497, NO_RIGHT},    /* ACCESS_DENIED */
	{164, ONLY_READS},  /* READONLY */
	{243, NO_SPACE},    /* NOT_ENOUGH_SPACE */
	{75, NO_SPACE},	    /* CANNOT_WRITE_TO_FILE_DESCRIPTOR */
	{241, NO_MEMORY},   /* MEMORY_LIMIT_EXCEEDED */
	{252, BUSY},	    /* TOO_MANY_PARTS */
	{159, BUSY},	    /* TIMEOUT_EXCEEDED */
	{202, BUSY},	    /* TOO_MANY_SIMULTANEOUS_QUERIES */
	{242, READ_ONLY},   /* TABLE_IS_READ_ONLY */
	{279, SHARD_AWAY},  /* ALL_CONNECTION_TRIES_FAILED */
	{209, SHARD_AWAY},  /* SOCKET_TIMEOUT */
	{210, SHARD_AWAY},  /* NETWORK_ERROR */
	{225, KEEPER_AWAY}, /* NO_ZOOKEEPER */
	{999, KEEPER_AWAY}, /* KEEPER_EXCEPTION */
};

static enum kind kind_of(int code)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].code == code)
			return known[i].kind;
	return 0;
}

/* The first line, fit for a terminal. */
static void words_of(const char *body, char out[ESCAPED_SIZE(WORDS_BYTES)])
{
	size_t n = strcspn(body, "\r\n");

	escape_text(body, n < WORDS_BYTES ? n : WORDS_BYTES, out, ESCAPED_SIZE(WORDS_BYTES));
}

static enum answer no_exception(const struct answer_place *p, long status, const char *words,
				struct err *err)
{
	if (status == 401 || status == 403) {
		err_set(err, -EACCES, "%s: does not take user '%s' with this password (HTTP %ld)",
			p->url, p->user, status);
		return ANSWER_WRONG;
	}
	err_set(err, -EPROTO, "%s: answers HTTP %ld, not as ClickHouse does: %s; trying again",
		p->url, status, words[0] ? words : "without a word");
	return ANSWER_LATER;
}

static enum answer wrong(enum kind kind, const struct answer_place *p, const char *words,
			 struct err *err)
{
	switch (kind) {
	case NO_DATABASE:
		err_set(err, -ENOENT, "%s: has no database '%s'; connmon-forward --init makes it",
			p->url, p->database);
		break;
	case NO_TABLE:
		err_set(err, -ENOENT,
			"%s: its database '%s' lacks a table or column; connmon-forward --init "
			"makes what is missing: %s",
			p->url, p->database, words);
		break;
	case NO_LOGIN:
		err_set(err, -EACCES,
			"%s: does not take user '%s' with this password; set CLICKHOUSE_USER and "
			"CLICKHOUSE_PASSWORD",
			p->url, p->user);
		break;
	case ONLY_READS:
		err_set(err, -EPERM,
			"%s: user '%s' may only read there (readonly); let it INSERT, too", p->url,
			p->user);
		break;
	default:
		err_set(err, -EPERM, "%s: user '%s' may not do that there: %s", p->url, p->user,
			words);
	}
	return ANSWER_WRONG;
}

static const char *reason(enum kind kind)
{
	switch (kind) {
	case NO_SPACE:
		return "its disk is full";
	case NO_MEMORY:
		return "it is short of memory";
	case BUSY:
		return "it is too busy";
	case READ_ONLY:
		return "the table can only be read for now";
	case SHARD_AWAY:
		return "another server of its cluster does not answer";
	case KEEPER_AWAY:
		return "its ZooKeeper does not answer";
	default:
		return "it failed";
	}
}

enum answer answer_judge(const struct answer_place *place, long status, int code, const char *body,
			 struct err *err)
{
	char words[ESCAPED_SIZE(WORDS_BYTES)];
	enum kind kind;

	if (status == 200 && code == 0 && !(place->is_insert && *body))
		return ANSWER_FINE;
	if (code == 0 && strncmp(body, "Code: ", 6) == 0)
		code = atoi(body + 6);
	words_of(body, words);
	if (code == 0)
		return no_exception(place, status, words, err);
	kind = kind_of(code);
	if (kind == BAD_ROW) {
		err_set(err, -EBADMSG, "%s: cannot read a row: %s", place->url, words);
		return ANSWER_BAD_ROW;
	}
	if (kind >= NO_DATABASE && kind <= ONLY_READS)
		return wrong(kind, place, words, err);
	err_set(err, -EAGAIN, "%s: %s; trying again: %s", place->url, reason(kind), words);
	return ANSWER_LATER;
}

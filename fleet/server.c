#include "server.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"

#define CONNECT_S   10
#define SILENT_S    120 /* nothing comes or goes for so long */
#define MAX_ANSWER  (64u << 20)
#define MAX_TROUBLE (64u << 10) /* of what is only to be shown */
#define CODE_HEADER "X-ClickHouse-Exception-Code:"
#define USER_BYTES  128

struct server {
	CURL *curl;
	CURLU *url; /* without user, password and database */
	struct curl_slist *headers, *gzip_headers;
	const volatile bool *stop;
	char *shown, *database, user[USER_BYTES];
	char *text; /* what is answered */
	size_t size, room, most;
	int code; /* of the exception */
	char why[CURL_ERROR_SIZE];
	uint64_t sent_bytes;
};

/* ---- the URL ---- */

static char *part(CURLU *url, CURLUPart which, unsigned flags)
{
	char *text = NULL, *copy;

	if (curl_url_get(url, which, &text, flags) != CURLUE_OK)
		return NULL;
	copy = strdup(text);
	curl_free(text);
	return copy;
}

/* A server logs the queries of its URLs. */
static bool has_password(const struct server *s)
{
	char *query = part(s->url, CURLUPART_QUERY, 0), *rest = query, *word;
	bool has = false;

	while (rest && (word = strsep(&rest, "&")))
		has |= strncmp(word, "password=", 9) == 0;
	if (query)
		explicit_bzero(query, strlen(query));
	free(query);
	return has;
}

/* Takes database=NAME out of the query. */
static int take_database(struct server *s)
{
	char *query = part(s->url, CURLUPART_QUERY, 0), *rest = query, *word, *found = NULL;

	curl_url_set(s->url, CURLUPART_QUERY, NULL, 0);
	while (rest && (word = strsep(&rest, "&"))) {
		if (strncmp(word, "database=", 9) == 0)
			found = word + 9;
		else if (*word)
			curl_url_set(s->url, CURLUPART_QUERY, word, CURLU_APPENDQUERY);
	}
	s->database = strdup(found && *found ? found : "default");
	free(query);
	return s->database ? 0 : -ENOMEM;
}

static int add_header(struct server *s, const char *name, const char *value)
{
	struct curl_slist *longer;
	char line[512];

	if ((size_t)snprintf(line, sizeof(line), "%s: %s", name, value) >= sizeof(line) ||
	    strpbrk(line, "\r\n"))
		return -EINVAL;
	longer = curl_slist_append(s->headers, line);
	if (!longer)
		return -ENOMEM;
	s->headers = longer;
	return 0;
}

static int take_login(struct server *s)
{
	char *user = part(s->url, CURLUPART_USER, CURLU_URLDECODE);
	char *password = part(s->url, CURLUPART_PASSWORD, CURLU_URLDECODE);
	const char *name = user ? user : getenv("CLICKHOUSE_USER");
	const char *word = password ? password : getenv("CLICKHOUSE_PASSWORD");
	int ret = 0;

	if (name && *name)
		ret = add_header(s, "X-ClickHouse-User", name);
	if (!ret && word && *word)
		ret = add_header(s, "X-ClickHouse-Key", word);
	name = name && *name ? name : "default";
	escape_text(name, strlen(name), s->user, sizeof(s->user));
	curl_url_set(s->url, CURLUPART_USER, NULL, 0);
	curl_url_set(s->url, CURLUPART_PASSWORD, NULL, 0);
	if (password)
		explicit_bzero(password, strlen(password));
	free(user);
	free(password);
	return ret;
}

static int take_url(struct server *s, const char *url, struct err *err)
{
	char *scheme = NULL;
	int ret;
	bool fits = curl_url_set(s->url, CURLUPART_URL, url, 0) == CURLUE_OK;

	if (fits)
		scheme = part(s->url, CURLUPART_SCHEME, 0);
	fits = scheme && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
	free(scheme);
	if (!fits)
		return err_set(err, -EINVAL,
			       "--to: this is no URL of a server; write for example "
			       "http://host:8123/?database=connmon");
	ret = take_login(s);
	if (ret)
		return err_set(err, ret,
			       "--to: the name or the password of the user is too long, or "
			       "has a line break");
	if (has_password(s))
		return err_set(err, -EINVAL,
			       "--to: password= would stand in the server's logs; set "
			       "CLICKHOUSE_PASSWORD, or write http://user:password@host:8123/");
	ret = take_database(s);
	curl_url_set(s->url, CURLUPART_FRAGMENT, NULL, 0);
	/* The settings are not of interest to who reads a message. */
	if (!ret) {
		CURLU *shown = curl_url_dup(s->url);

		if (shown) {
			curl_url_set(shown, CURLUPART_QUERY, NULL, 0);
			s->shown = part(shown, CURLUPART_URL, 0);
			curl_url_cleanup(shown);
		}
	}
	return s->shown ? 0 : err_set(err, -ENOMEM, "no memory for the URL");
}

/* ---- what comes back ---- */

static size_t take_body(char *data, size_t one, size_t n, void *ctx)
{
	struct server *s = ctx;
	size_t bytes = one * n, part_bytes = bytes;

	if (s->size + bytes > s->most) {
		if (s->most == MAX_ANSWER)
			return 0;
		part_bytes = s->most - s->size; /* the rest is not to be shown */
	}
	if (s->size + part_bytes + 1 > s->room) {
		size_t room = (s->size + part_bytes + 1) * 2;
		char *text = realloc(s->text, room);

		if (!text)
			return 0;
		s->text = text;
		s->room = room;
	}
	memcpy(s->text + s->size, data, part_bytes);
	s->size += part_bytes;
	s->text[s->size] = '\0';
	return bytes;
}

static size_t take_header(char *data, size_t one, size_t n, void *ctx)
{
	struct server *s = ctx;
	char line[80];

	if (one * n < sizeof(line)) {
		memcpy(line, data, one * n);
		line[one * n] = '\0';
		if (strncasecmp(line, CODE_HEADER, strlen(CODE_HEADER)) == 0)
			s->code = atoi(line + strlen(CODE_HEADER));
	}
	return one * n;
}

static int is_over(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct server *s = ctx;

	(void)a, (void)b, (void)c, (void)d;
	return s->stop && *s->stop;
}

/* ---- begin and end ---- */

static int set_up(struct server *s, const char *ca, struct err *err)
{
	CURL *c = s->curl;

	curl_easy_setopt(c, CURLOPT_CURLU, s->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_PROXY, ""); /* none, whatever http_proxy names */
	curl_easy_setopt(c, CURLOPT_USERAGENT, "connmon-forward/" CONNMON_VERSION);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)SILENT_S);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, s->why);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, s);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, is_over);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, s);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	if (ca && curl_easy_setopt(c, CURLOPT_CAINFO, ca) != CURLE_OK)
		return err_set(err, -EINVAL, "--ca %s: libcurl cannot use it", ca);
	/* curl waits a second for "100 Continue" else, which not all servers say. */
	return add_header(s, "Expect", "") ? err_set(err, -ENOMEM, "no memory for libcurl") : 0;
}

int server_new(const char *url, const char *ca, const volatile bool *stop, struct server **out,
	       struct err *err)
{
	struct server *s = calloc(1, sizeof(*s));
	int ret;

	if (s && curl_global_init(CURL_GLOBAL_DEFAULT) == 0) {
		s->curl = curl_easy_init();
		s->url = curl_url();
	}
	if (!s || !s->curl || !s->url) {
		server_free(s);
		return err_set(err, -ENOMEM, "no memory for libcurl");
	}
	s->stop = stop;
	ret = take_url(s, url, err);
	if (!ret)
		ret = set_up(s, ca, err);
	if (!ret)
		for (struct curl_slist *h = s->headers; h; h = h->next)
			s->gzip_headers = curl_slist_append(s->gzip_headers, h->data);
	if (!ret &&
	    !(s->gzip_headers = curl_slist_append(s->gzip_headers, "Content-Encoding: gzip")))
		ret = err_set(err, -ENOMEM, "no memory for libcurl");
	if (ret) {
		server_free(s);
		return ret;
	}
	*out = s;
	return 0;
}

void server_free(struct server *s)
{
	if (!s)
		return;
	curl_easy_cleanup(s->curl);
	curl_url_cleanup(s->url);
	for (struct curl_slist *h = s->headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data)); /* one is the password */
	for (struct curl_slist *h = s->gzip_headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(s->headers);
	curl_slist_free_all(s->gzip_headers);
	free(s->shown);
	free(s->database);
	free(s->text);
	free(s);
}

const char *server_url(const struct server *s)
{
	return s->shown;
}

const char *server_database(const struct server *s)
{
	return s->database;
}

uint64_t server_sent_bytes(const struct server *s)
{
	return s->sent_bytes;
}

/* ---- a request ---- */

static enum answer unreachable(const struct server *s, CURLcode rc, struct err *err)
{
	char why[ESCAPED_SIZE(CURL_ERROR_SIZE)];
	const char *words = s->why[0] ? s->why : curl_easy_strerror(rc);
	long error = 0;

	if (rc == CURLE_ABORTED_BY_CALLBACK) {
		err_set(err, -EINTR, "%s: given up, for this is to end", s->shown);
		return ANSWER_LATER;
	}
	curl_easy_getinfo(s->curl, CURLINFO_OS_ERRNO, &error);
	if (rc == CURLE_COULDNT_CONNECT && error)
		words = strerror((int)error);
	escape_text(words, strlen(words), why, sizeof(why));
	if (rc == CURLE_SSL_CACERT_BADFILE) {
		err_set(err, -EINVAL, "%s: not asked, for --ca names no file of certificates: %s",
			s->shown, why);
		return ANSWER_WRONG;
	}
	if (rc == CURLE_PEER_FAILED_VERIFICATION) {
		err_set(err, -EACCES,
			"%s: its certificate is not to be trusted; --ca FILE names who signed it: %s",
			s->shown, why);
		return ANSWER_WRONG;
	}
	err_set(err, -EHOSTUNREACH, "%s: %s; trying again", s->shown, why);
	return ANSWER_LATER;
}

static bool set_query(const struct server *s, CURLU *url, const char *name, const char *value)
{
	char *pair = NULL;
	bool fits;

	(void)s;
	if (asprintf(&pair, "%s=%s", name, value) < 0)
		return false;
	fits = curl_url_set(url, CURLUPART_QUERY, pair, CURLU_APPENDQUERY | CURLU_URLENCODE) ==
	       CURLUE_OK;
	free(pair);
	return fits;
}

static CURLcode try_once(struct server *s)
{
	s->size = 0;
	s->code = 0;
	s->why[0] = '\0';
	if (s->text)
		s->text[0] = '\0';
	return curl_easy_perform(s->curl);
}

/* A server closes a connection that was idle for long, which may cross with a request on it. */
static bool was_closed_before(const struct server *s, CURLcode rc)
{
	long new_ones = 0;

	if (rc != CURLE_RECV_ERROR && rc != CURLE_SEND_ERROR && rc != CURLE_GOT_NOTHING)
		return false;
	return curl_easy_getinfo(s->curl, CURLINFO_NUM_CONNECTS, &new_ones) == CURLE_OK &&
	       new_ones == 0;
}

static enum answer perform(struct server *s, CURLU *url, struct curl_slist *headers,
			   const void *body, size_t size, struct err *err)
{
	const struct answer_place place = {s->shown, s->user, s->database,
					   headers == s->gzip_headers};
	long status = 0;
	CURLcode rc;

	curl_easy_setopt(s->curl, CURLOPT_CURLU, url);
	curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(s->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(s->curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(s->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
	rc = try_once(s);
	if (was_closed_before(s, rc)) { /* a row that comes twice counts once */
		curl_easy_setopt(s->curl, CURLOPT_FRESH_CONNECT, 1L);
		rc = try_once(s);
		curl_easy_setopt(s->curl, CURLOPT_FRESH_CONNECT, 0L);
	}
	curl_easy_setopt(s->curl, CURLOPT_CURLU, s->url);
	if (rc != CURLE_OK)
		return unreachable(s, rc, err);
	curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
	return answer_judge(&place, status, s->code, s->text ? s->text : "", err);
}

static enum answer no_memory(struct err *err)
{
	err_set(err, -ENOMEM, "no memory for a request");
	return ANSWER_LATER;
}

enum answer server_ask(struct server *s, const char *sql, bool in_database, char **text,
		       struct err *err)
{
	CURLU *url = curl_url_dup(s->url);
	enum answer answer;

	*text = NULL;
	/* Else what fails in the midst of an answer comes with status 200; and the server holds
	 * back so much of it in memory, not in a file, for which a full disk would have no room. */
	if (!url || !set_query(s, url, "wait_end_of_query", "1") ||
	    !set_query(s, url, "buffer_size", "4194304") ||
	    (in_database && !set_query(s, url, "database", s->database))) {
		curl_url_cleanup(url);
		return no_memory(err);
	}
	s->most = MAX_ANSWER;
	answer = perform(s, url, s->headers, sql, strlen(sql), err);
	curl_url_cleanup(url);
	if (answer != ANSWER_FINE)
		return answer;
	*text = strdup(s->text ? s->text : "");
	return *text ? ANSWER_FINE : no_memory(err);
}

enum answer server_insert(struct server *s, const char *sql, const char *token,
			  const unsigned char *gzip, size_t size, struct err *err)
{
	CURLU *url = curl_url_dup(s->url);
	/* A Distributed table would else keep what it takes for later, and max(id) lie. */
	bool fits = url && set_query(s, url, "database", s->database) &&
		    set_query(s, url, "query", sql) &&
		    set_query(s, url, "insert_distributed_sync", "1") &&
		    (!token || set_query(s, url, "insert_deduplication_token", token));
	curl_off_t sent = 0;
	enum answer answer;

	if (!fits) {
		curl_url_cleanup(url);
		return no_memory(err);
	}
	s->most = MAX_TROUBLE;
	answer = perform(s, url, s->gzip_headers, gzip, size, err);
	curl_url_cleanup(url);
	if (curl_easy_getinfo(s->curl, CURLINFO_SIZE_UPLOAD_T, &sent) == CURLE_OK)
		s->sent_bytes += (uint64_t)sent; /* none, where nobody answered */
	return answer;
}

#include "fleet_server.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet_curl.h"
#include "timespec.h"

#define CONNECT_TIMEOUT_S 10L
#define GIB		  (INT64_C(1) << 30)

/* What the user's profile lets us set: with readonly=2 all but that, with readonly=1 nothing. Then
 * its own bounds hold; and it can only read as it is. */
enum leave { LEAVE_ALL, LEAVE_ALL_BUT_READONLY, LEAVE_NOTHING };

struct fleet_server {
	const struct fleet_curl *api;
	CURL *curl;
	CURLU *url; /* with what is asked of the server along with each statement */
	char name[256];
	char database[128];
	int64_t timeout_us;
	enum leave leave;
	bool is_own;   /* the statement is the user's */
	bool is_known; /* it is a ClickHouse server, and leave is what it gives */
};

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "no memory for what the fleet answers; narrow the question");
}

/* ---- the URL ---- */

static int wrong_url(const char *why, struct err *err)
{
	return err_set(err, -EINVAL, "--fleet: %s; write http://HOST:8123/?database=connmon", why);
}

/* Copies a part of the URL, "" when it has none. */
static bool get_part(const struct fleet_server *s, CURLUPart part, unsigned flags, char *out,
		     size_t size)
{
	char *text = NULL;
	CURLUcode rc = s->api->url_get(s->url, part, &text, flags);
	bool fits = rc != CURLUE_OK || strlen(text) < size;

	out[0] = '\0';
	if (rc == CURLUE_OK && fits)
		snprintf(out, size, "%s", text);
	s->api->free(text);
	return fits;
}

/* What stands behind the ? may be the database, and nothing else: other words would be settings. */
static int read_query(struct fleet_server *s, struct err *err)
{
	static const char word[] = "database=";
	char query[256];

	if (!get_part(s, CURLUPART_QUERY, CURLU_URLDECODE, query, sizeof(query)))
		return wrong_url("what follows the ? is too long", err);
	if (!query[0])
		return 0;
	if (strncmp(query, word, strlen(word)) != 0 || strchr(query, '&'))
		return wrong_url("what follows the ? is not database=NAME", err);
	if (strlen(query) - strlen(word) >= sizeof(s->database))
		return wrong_url("the name of the database is too long", err);
	snprintf(s->database, sizeof(s->database), "%.127s", query + strlen(word));
	return 0;
}

static int read_user(struct fleet_server *s, struct err *err)
{
	const char *user = getenv("CLICKHOUSE_USER"), *password = getenv("CLICKHOUSE_PASSWORD");
	char own_user[128], own_password[256];

	if (!get_part(s, CURLUPART_USER, CURLU_URLDECODE, own_user, sizeof(own_user)) ||
	    !get_part(s, CURLUPART_PASSWORD, CURLU_URLDECODE, own_password, sizeof(own_password)))
		return wrong_url("user or password are too long", err);
	if (own_user[0]) {
		user = own_user;
		password = own_password[0] ? own_password : password;
	}
	s->api->url_set(s->url, CURLUPART_USER, NULL, 0);
	s->api->url_set(s->url, CURLUPART_PASSWORD, NULL, 0);
	if (!user || !*user)
		return 0;
	if (s->api->easy_setopt(s->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) != CURLE_OK ||
	    s->api->easy_setopt(s->curl, CURLOPT_USERNAME, user) != CURLE_OK ||
	    s->api->easy_setopt(s->curl, CURLOPT_PASSWORD, password ? password : "") != CURLE_OK)
		return no_memory(err);
	return 0;
}

static int name_server(struct fleet_server *s, struct err *err)
{
	char scheme[16], host[160], port[16];

	if (!get_part(s, CURLUPART_SCHEME, 0, scheme, sizeof(scheme)) ||
	    !get_part(s, CURLUPART_HOST, 0, host, sizeof(host)) ||
	    !get_part(s, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof(port)))
		return wrong_url("it is too long", err);
	if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
		return wrong_url("it begins neither with http:// nor with https://", err);
	snprintf(s->name, sizeof(s->name), "%s://%s:%s", scheme, host, port);
	return 0;
}

static int read_url(struct fleet_server *s, const char *url, struct err *err)
{
	CURLUcode rc = strstr(url, "://") ? s->api->url_set(s->url, CURLUPART_URL, url,
							    CURLU_NON_SUPPORT_SCHEME)
					  : CURLUE_BAD_SCHEME;
	int ret;

	if (rc == CURLUE_BAD_SCHEME)
		return wrong_url("it begins neither with http:// nor with https://", err);
	if (rc == CURLUE_OUT_OF_MEMORY)
		return no_memory(err);
	if (rc != CURLUE_OK)
		return wrong_url(s->api->url_strerror(rc), err);
	ret = name_server(s, err);
	if (!ret)
		ret = read_query(s, err);
	if (!ret)
		ret = read_user(s, err);
	s->api->url_set(s->url, CURLUPART_FRAGMENT, NULL, 0);
	return ret;
}

static int add_setting(struct fleet_server *s, const char *name, const char *value)
{
	char word[256];

	snprintf(word, sizeof(word), "%s=%s", name, value);
	return s->api->url_set(s->url, CURLUPART_QUERY, word,
			       CURLU_APPENDQUERY | CURLU_URLENCODE) == CURLUE_OK
		       ? 0
		       : -ENOMEM;
}

/* What a question may take there is bounded, whatever the user's profile says. */
static int add_settings(struct fleet_server *s, struct err *err)
{
	char seconds[32], bytes[32], memory[32], spill[32];
	int ret;

	snprintf(seconds, sizeof(seconds), "%lld",
		 (long long)((s->timeout_us + US_PER_S - 1) / US_PER_S));
	snprintf(bytes, sizeof(bytes), "%lld", (long long)FLEET_ANSWER_MAX_BYTES);
	snprintf(memory, sizeof(memory), "%lld", (long long)(8 * GIB));
	snprintf(spill, sizeof(spill), "%lld", (long long)(2 * GIB));
	const struct {
		enum leave until;
		const char *name, *value;
	} settings[] = {
		{LEAVE_NOTHING, "wait_end_of_query", "1"},
		{LEAVE_ALL, "readonly", "1"},
		{LEAVE_ALL_BUT_READONLY, "enable_http_compression", "1"},
		{LEAVE_ALL_BUT_READONLY, "max_execution_time", seconds},
		{LEAVE_ALL_BUT_READONLY, "max_result_bytes", bytes},
		{LEAVE_ALL_BUT_READONLY, "max_memory_usage", memory},
		{LEAVE_ALL_BUT_READONLY, "max_bytes_before_external_group_by", spill},
		/* Else a profile may have part of the rows pass for all. */
		{LEAVE_ALL_BUT_READONLY, "timeout_overflow_mode", "throw"},
		{LEAVE_ALL_BUT_READONLY, "result_overflow_mode", "throw"},
		{LEAVE_ALL_BUT_READONLY, "read_overflow_mode", "throw"},
		{LEAVE_ALL_BUT_READONLY, "group_by_overflow_mode", "throw"},
		{LEAVE_ALL_BUT_READONLY, "sort_overflow_mode", "throw"},
		{LEAVE_ALL_BUT_READONLY, "distinct_overflow_mode", "throw"},
		{LEAVE_ALL_BUT_READONLY, "set_overflow_mode", "throw"},
		{LEAVE_ALL_BUT_READONLY, "skip_unavailable_shards", "0"},
	};

	s->api->url_set(s->url, CURLUPART_QUERY, NULL, 0);
	ret = s->database[0] ? add_setting(s, "database", s->database) : 0;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]) && !ret; i++)
		if (s->leave <= settings[i].until)
			ret = add_setting(s, settings[i].name, settings[i].value);
	return ret ? no_memory(err) : 0;
}

static int set_up(struct fleet_server *s, const char *url, struct err *err)
{
	int ret = read_url(s, url, err);

	if (!ret)
		ret = add_settings(s, err);
	if (ret)
		return ret;
	/* "" is every encoding that libcurl knows. */
	if (s->api->easy_setopt(s->curl, CURLOPT_CURLU, s->url) != CURLE_OK ||
	    s->api->easy_setopt(s->curl, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK ||
	    s->api->easy_setopt(s->curl, CURLOPT_ACCEPT_ENCODING, "") != CURLE_OK ||
	    s->api->easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
	    s->api->easy_setopt(s->curl, CURLOPT_USERAGENT, "connmon-query/" CONNMON_VERSION) !=
		    CURLE_OK ||
	    s->api->easy_setopt(s->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S) != CURLE_OK)
		return no_memory(err);
	return 0;
}

int fleet_server_open(const char *url, int64_t timeout_us, struct fleet_server **out,
		      struct err *err)
{
	const struct fleet_curl *api = fleet_curl_load(err);
	struct fleet_server *s;
	int ret;

	if (!api)
		return err->code;
	s = calloc(1, sizeof(*s));
	if (!s)
		return no_memory(err);
	s->api = api;
	s->timeout_us = timeout_us;
	s->curl = api->easy_init();
	s->url = api->url();
	ret = s->curl && s->url ? set_up(s, url, err) : no_memory(err);
	if (ret)
		fleet_server_close(s);
	else
		*out = s;
	return ret;
}

void fleet_server_close(struct fleet_server *s)
{
	if (!s)
		return;
	s->api->easy_cleanup(s->curl);
	s->api->url_cleanup(s->url);
	free(s);
}

const char *fleet_server_name(const struct fleet_server *s)
{
	return s->name;
}

/* ---- the answer ---- */

void fleet_answer_clear(struct fleet_answer *answer)
{
	free(answer->bytes);
	*answer = (struct fleet_answer){0};
}

struct reception {
	struct fleet_answer *answer;
	bool too_long, no_memory;
};

static bool make_room(struct fleet_answer *a, size_t more)
{
	size_t room = a->room ? a->room : 16384;
	char *bytes;

	while (room < a->n + more + 1)
		room *= 2;
	if (room == a->room)
		return true;
	bytes = realloc(a->bytes, room);
	if (!bytes)
		return false;
	a->bytes = bytes;
	a->room = room;
	return true;
}

/* What it does not take makes libcurl give up. */
static size_t receive(char *bytes, size_t size, size_t n, void *ctx)
{
	struct reception *r = ctx;
	struct fleet_answer *a = r->answer;

	n *= size;
	r->too_long = (int64_t)(a->n + n) > FLEET_ANSWER_MAX_BYTES;
	r->no_memory = !r->too_long && !make_room(a, n);
	if (r->too_long || r->no_memory)
		return 0;
	memcpy(a->bytes + a->n, bytes, n);
	a->n += n;
	a->bytes[a->n] = '\0';
	return n;
}

/* ---- what goes wrong ---- */

static int too_long(struct err *err)
{
	return err_set(err, -E2BIG,
		       "the fleet's answer is larger than %lld MiB; narrow the window or the "
		       "filters",
		       (long long)(FLEET_ANSWER_MAX_BYTES >> 20));
}

static int no_connection(const struct fleet_server *s, CURLcode rc, struct err *err)
{
	const char *what;

	switch (rc) {
	case CURLE_COULDNT_RESOLVE_HOST:
		what = "there is no such host";
		break;
	case CURLE_COULDNT_CONNECT:
		what = "nothing listens there; is it the port of HTTP (8123)?";
		break;
	case CURLE_OPERATION_TIMEDOUT:
		what = "it does not answer";
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
		what = "its certificate is not to be trusted, or is of another host";
		break;
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_BAD_CONTENT_ENCODING:
		what = "the connection broke before the answer was whole; ask again";
		break;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
		what = "it does not speak HTTP; is it the port of HTTP (8123)?";
		break;
	default:
		what = s->api->easy_strerror(rc);
		break;
	}
	return err_set(err, -EHOSTUNREACH, "%s: %s", s->name, what);
}

/* ClickHouse's own numbers: dbms/src/Common/ErrorCodes.cpp. What has no words here is told in
 * the server's. */
static const struct {
	int code, err;
	const char *words;
} failures[] = {
	{81, -ENOENT, "there is no such database; name one with ?database=NAME"},
	{60, -ENOENT,
	 "the database has none of connmon's tables; connmon-forward --init makes them, or name "
	 "another with ?database=NAME"},
	{47, -EPROTO, "its tables are of another version of connmon"},
	{16, -EPROTO, "its tables are of another version of connmon"},
	{8, -EPROTO, "its tables are of another version of connmon"},
	{192, -EACCES,
	 "user or password is wrong; write http://USER@HOST, or set CLICKHOUSE_USER "
	 "and CLICKHOUSE_PASSWORD"},
	{193, -EACCES, "user or password is wrong; set CLICKHOUSE_USER and CLICKHOUSE_PASSWORD"},
	{194, -EACCES, "the user needs a password; set CLICKHOUSE_PASSWORD"},
	{516, -EACCES, "user or password is wrong; set CLICKHOUSE_USER and CLICKHOUSE_PASSWORD"},
	{195, -EACCES, "the user may not come from this address"},
	{291, -EACCES, "the user may not read this database"},
	{497, -EACCES, "the user may not read connmon's tables"},
	{159, -ETIMEDOUT, "it took too long; narrow the window, or raise --timeout"},
	{160, -ETIMEDOUT, "it would take too long; narrow the window, or raise --timeout"},
	{202, -EBUSY, "the server is too busy; ask again later"},
	{201, -EBUSY, "the user's quota is used up; ask again later"},
	{241, -ENOMEM, "it needs more memory than the server gives; narrow the window"},
	{164, -EPERM, "only what reads can be asked; the history is read-only"},
	{396, -E2BIG, NULL},
};

/* "Code: 60, e.displayText() = DB::Exception: Table default.x doesn't exist., e.what() = ..." */
static void own_words(const char *text, char *out, size_t size)
{
	static const char before[] = "DB::Exception: ";
	const char *at = strstr(text, before), *end;

	at = at ? at + strlen(before) : text;
	if (!strncmp(at, before, strlen(before)))
		at += strlen(before);
	end = strstr(at, ", e.what()");
	if (!end)
		end = at + strcspn(at, "\n");
	snprintf(out, size, "%.*s", (int)(end - at < 380 ? end - at : 380), at);
	for (char *p = out; *p; p++)
		if (*p == '\n' || *p == '\r' || *p == '\t')
			*p = ' ';
}

/* No such table, no such column: those of ours, or what the user wrote. */
static bool is_of_names(int code)
{
	return code == 60 || code == 47 || code == 16 || code == 8;
}

static int explain(const struct fleet_server *s, long status, const struct fleet_answer *answer,
		   struct err *err)
{
	const char *text = answer->n ? answer->bytes : "";
	char words[400];
	int code = 0;

	if (sscanf(text, "Code: %d", &code) != 1) {
		if (status == 401 || status == 403)
			return err_set(err, -EACCES, "%s: user or password is wrong", s->name);
		return err_set(err, -EPROTO, "%s: this is no ClickHouse server (HTTP status %ld)",
			       s->name, status);
	}
	own_words(text, words, sizeof(words));
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		if (failures[i].code != code || (s->is_own && is_of_names(code)))
			continue;
		/* The bound in rows is not ours, but the profile's. */
		if (!failures[i].words && !strstr(words, "max rows"))
			return too_long(err);
		if (!failures[i].words)
			return err_set(err, -E2BIG, "%s: %s; narrow the window or the filters",
				       s->name, words);
		return err_set(err, failures[i].err, "%s: %s", s->name, failures[i].words);
	}
	return err_set(err, -EINVAL, "%s: %s", s->name, words);
}

static int ask(struct fleet_server *s, const char *sql, struct fleet_answer *out, struct err *err)
{
	struct reception reception = {.answer = out};
	struct curl_slist *headers;
	long status = 0;
	CURLcode rc;

	*out = (struct fleet_answer){0};
	if (!make_room(out, 0))
		return no_memory(err);
	out->bytes[0] = '\0';
	/* It would ask for leave first, and wait. */
	headers = s->api->slist_append(NULL, "Expect:");
	if (!headers)
		return no_memory(err);
	s->api->easy_setopt(s->curl, CURLOPT_HTTPHEADER, headers);
	s->api->easy_setopt(s->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(sql));
	s->api->easy_setopt(s->curl, CURLOPT_POSTFIELDS, sql);
	s->api->easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, receive);
	s->api->easy_setopt(s->curl, CURLOPT_WRITEDATA, &reception);
	rc = s->api->easy_perform(s->curl);
	s->api->easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
	s->api->slist_free_all(headers);
	if (reception.too_long)
		return too_long(err);
	if (reception.no_memory)
		return no_memory(err);
	if (rc != CURLE_OK)
		return no_connection(s, rc, err);
	return status == 200 ? 0 : explain(s, status, out, err);
}

/* Asked before anything of the user's is, so what it may not do can only be the settings. */
static int get_to_know(struct fleet_server *s, struct err *err)
{
	struct fleet_answer answer;
	int ret = ask(s, "SELECT 1", &answer, err);

	while (ret == -EPERM && s->leave < LEAVE_NOTHING) {
		fleet_answer_clear(&answer);
		s->leave++;
		ret = add_settings(s, err);
		if (!ret)
			ret = ask(s, "SELECT 1", &answer, err);
	}
	if (!ret && strcmp(answer.bytes, "1\n") != 0)
		ret = err_set(err, -EPROTO, "%s: this is no ClickHouse server", s->name);
	fleet_answer_clear(&answer);
	s->is_known = !ret;
	return ret;
}

int fleet_server_ask(struct fleet_server *s, const char *sql, struct fleet_answer *out,
		     struct err *err)
{
	int ret = s->is_known ? 0 : get_to_know(s, err);

	if (!ret)
		return ask(s, sql, out, err);
	*out = (struct fleet_answer){0};
	return ret;
}

int fleet_server_ask_own(struct fleet_server *s, const char *sql, struct fleet_answer *out,
			 struct err *err)
{
	int ret = s->is_known ? 0 : get_to_know(s, err);

	*out = (struct fleet_answer){0};
	if (ret)
		return ret;
	s->is_own = true;
	ret = ask(s, sql, out, err);
	s->is_own = false;
	return ret;
}

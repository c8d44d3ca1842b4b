#include "fleet_server.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet_curl.h"
#include "fleet_failure.h"
#include "timespec.h"

#define CONNECT_TIMEOUT_S 10L
#define GIB		  (INT64_C(1) << 30)

/* ClickHouse's SETTING_CONSTRAINT_VIOLATION: a setting beyond what the user's profile allows. */
#define CONSTRAINT_VIOLATION 452

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
	bool no_bounds; /* the profile gives its own, and lets nobody set them */
	bool is_own;	/* the statement is the user's */
	int failure;	/* ClickHouse's number of what went wrong last; 0: nothing did */
	bool is_known;	/* it is a ClickHouse server, and leave is what it gives */
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

static bool is_absent(CURLUcode rc)
{
	return rc >= CURLUE_NO_SCHEME && rc <= CURLUE_NO_FRAGMENT;
}

/* Copies a part of the URL, "" when it has none. False when it does not fit, or is no text: %00 or
 * a line break is in it. */
static bool get_part(const struct fleet_server *s, CURLUPart part, unsigned flags, char *out,
		     size_t size)
{
	char *text = NULL;
	CURLUcode rc = s->api->url_get(s->url, part, &text, flags);
	bool fits = rc == CURLUE_OK ? strlen(text) < size : is_absent(rc);

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
		return wrong_url("what follows the ? is too long or no text", err);
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
		return wrong_url("user or password are too long or no text", err);
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
		return wrong_url("it is too long or no text", err);
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
		bool is_bound;
	} settings[] = {
		{LEAVE_NOTHING, "wait_end_of_query", "1", false},
		{LEAVE_ALL, "readonly", "1", false},
		{LEAVE_ALL_BUT_READONLY, "enable_http_compression", "1", false},
		{LEAVE_ALL_BUT_READONLY, "max_execution_time", seconds, false},
		{LEAVE_ALL_BUT_READONLY, "max_result_bytes", bytes, false},
		{LEAVE_ALL_BUT_READONLY, "max_memory_usage", memory, true},
		{LEAVE_ALL_BUT_READONLY, "max_bytes_before_external_group_by", spill, true},
		/* Else a profile may have part of the rows pass for all. */
		{LEAVE_ALL_BUT_READONLY, "timeout_overflow_mode", "throw", false},
		{LEAVE_ALL_BUT_READONLY, "result_overflow_mode", "throw", false},
		{LEAVE_ALL_BUT_READONLY, "read_overflow_mode", "throw", false},
		{LEAVE_ALL_BUT_READONLY, "group_by_overflow_mode", "throw", false},
		{LEAVE_ALL_BUT_READONLY, "sort_overflow_mode", "throw", false},
		{LEAVE_ALL_BUT_READONLY, "distinct_overflow_mode", "throw", false},
		{LEAVE_ALL_BUT_READONLY, "set_overflow_mode", "throw", false},
		{LEAVE_ALL_BUT_READONLY, "skip_unavailable_shards", "0", false},
	};

	s->api->url_set(s->url, CURLUPART_QUERY, NULL, 0);
	ret = s->database[0] ? add_setting(s, "database", s->database) : 0;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]) && !ret; i++)
		if (s->leave <= settings[i].until && !(settings[i].is_bound && s->no_bounds))
			ret = add_setting(s, settings[i].name, settings[i].value);
	return ret ? no_memory(err) : 0;
}

static bool trust(struct fleet_server *s)
{
	const char *ca = getenv("CONNMON_FLEET_CA");

	return !ca || !*ca || s->api->easy_setopt(s->curl, CURLOPT_CAINFO, ca) == CURLE_OK;
}

static int set_up(struct fleet_server *s, const char *url, struct err *err)
{
	int ret = read_url(s, url, err);

	if (!ret)
		ret = add_settings(s, err);
	if (ret)
		return ret;
	if (s->api->easy_setopt(s->curl, CURLOPT_PROTOCOLS_STR, "http,https") ==
	    CURLE_UNKNOWN_OPTION)
		return fleet_curl_is_old(err);
	/* Encoding: "" is every one that libcurl knows. Proxy: "" is none, as a password and the
	 * history of a fleet go to nobody whom http_proxy happens to name. */
	if (s->api->easy_setopt(s->curl, CURLOPT_CURLU, s->url) != CURLE_OK || !trust(s) ||
	    s->api->easy_setopt(s->curl, CURLOPT_PROXY, "") != CURLE_OK ||
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
		what = "its certificate is not to be trusted, is over, or is of another host; "
		       "CONNMON_FLEET_CA names the file of who signed it";
		break;
	case CURLE_SSL_CACERT_BADFILE:
		what = "the file that CONNMON_FLEET_CA names has no certificates to trust";
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

static int explain(struct fleet_server *s, long status, const struct fleet_answer *answer,
		   struct err *err)
{
	const char *text = answer->n ? answer->bytes : "";

	if (sscanf(text, "Code: %d", &s->failure) == 1)
		return fleet_failure(s->name, text, s->failure, s->is_own, err);
	if (status == 401 || status == 403)
		return err_set(err, -EACCES, "%s: user or password is wrong", s->name);
	return err_set(err, -EPROTO, "%s: this is no ClickHouse server (HTTP status %ld)", s->name,
		       status);
}

static int ask(struct fleet_server *s, const char *sql, struct fleet_answer *out, struct err *err)
{
	struct reception reception = {.answer = out};
	struct curl_slist *headers;
	long status = 0;
	CURLcode rc;

	*out = (struct fleet_answer){0};
	s->failure = 0;
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
		return fleet_failure_too_long(err);
	if (reception.no_memory)
		return no_memory(err);
	if (rc != CURLE_OK)
		return no_connection(s, rc, err);
	return status == 200 ? 0 : explain(s, status, out, err);
}

/* After a failure: with less that is set. False when there is nothing to be left out, or it would
 * not help. What is refused are bounds of memory, where the profile has its own; or any setting. */
static bool set_less(struct fleet_server *s, int failure)
{
	if (s->failure == CONSTRAINT_VIOLATION && !s->no_bounds)
		s->no_bounds = true;
	else if (failure == -EPERM && s->leave < LEAVE_NOTHING)
		s->leave++;
	else
		return false;
	return true;
}

/* Asked before anything of the user's is, so what it may not do can only be the settings. */
static int get_to_know(struct fleet_server *s, struct err *err)
{
	struct fleet_answer answer;
	int ret = ask(s, "SELECT 1", &answer, err);

	while (ret && set_less(s, ret)) {
		fleet_answer_clear(&answer);
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

#include "param.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "functions.h"
#include "guess.h"
#include "peer_name.h"
#include "suggest.h"
#include "timespec.h"

const char *const param_outcomes[] = {
	"connecting",	  "open",    "closed", "reset_by_peer", "reset_by_us", "timed_out",
	"never_accepted", "killed",  "lost",   "refused",	"timeout",     "unreachable",
	"cancelled",	  "no_port", "denied", "error",		NULL,
};

static const char *const directions[] = {"in", "out", NULL};

bool param_digits(const char *text, size_t len, int64_t max, int64_t *out)
{
	int64_t n = 0;

	if (len == 0 || len > 18)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = n * 10 + (text[i] - '0');
	}
	*out = n;
	return n <= max;
}

static int parse_int(const char *text, int64_t now_us, struct param_value *out, struct err *err)
{
	(void)now_us;
	if (!param_digits(text, strlen(text), INT64_MAX, &out->number))
		return err_set(err, -EINVAL, "\"%s\" is not a whole number", text);
	return 0;
}

static int parse_pid(const char *text, int64_t now_us, struct param_value *out, struct err *err)
{
	(void)now_us;
	if (!param_digits(text, strlen(text), INT64_MAX, &out->number))
		return err_set(err, -EINVAL,
			       "\"%s\" is no pid; connmon-query list --comm NAME shows those of a "
			       "program",
			       text);
	return 0;
}

static int parse_limit(const char *text, int64_t now_us, struct param_value *out, struct err *err)
{
	int ret = parse_int(text, now_us, out, err);

	if (!ret && out->number == 0)
		out->number = -1;
	return ret;
}

static int parse_time(const char *text, int64_t now_us, struct param_value *out, struct err *err)
{
	out->from_boot = strcmp(text, "boot") == 0;
	if (out->from_boot) {
		out->number = 0;
		return 0;
	}
	return timespec_parse(text, now_us, &out->number, err);
}

static int parse_interval(const char *text, int64_t now_us, struct param_value *out,
			  struct err *err)
{
	(void)now_us;
	if (timespec_parse_duration(text, &out->number, err))
		return err->code;
	return out->number > 0 ? 0 : err_set(err, -EINVAL, "\"%s\" is no time at all", text);
}

static int parse_text(const char *text, int64_t now_us, struct param_value *out, struct err *err)
{
	(void)now_us, (void)err;
	out->text = text;
	return 0;
}

static int parse_network(const char *text, int64_t now_us, struct param_value *out, struct err *err)
{
	struct network net;
	char guess[GUESS_SIZE];

	(void)now_us;
	if (!network_parse(text, &net) && guess_network(text, guess))
		return err_set(err, -EINVAL, "\"%s\" is no address; did you mean %s?", text, guess);
	if (!network_parse(text, &net))
		return err_set(err, -EINVAL,
			       "\"%s\" is no address; write 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32",
			       text);
	out->text = text;
	return 0;
}

static int parse_peer(const char *text, int64_t now_us, struct param_value *out, struct err *err)
{
	struct network net;
	struct peer_name name;
	char guess[GUESS_SIZE];

	if (network_parse(text, &net) || guess_network(text, guess) ||
	    !peer_name_parse(text, &name)) {
		if (!parse_network(text, now_us, out, err))
			return 0;
		if (guess_network(text, guess))
			return err->code;
		return err_set(err, -EINVAL,
			       "\"%.100s\" is neither an address nor a name; write 10.0.0.1, "
			       "10.0.0.0/8, 2001:db8::/32, example.com or '*.example.com'",
			       text);
	}
	out->text = text;
	return 0;
}

static int parse_ports(const char *text, int64_t now_us, struct param_value *out, struct err *err)
{
	int64_t port;
	char guess[GUESS_SIZE];

	(void)now_us;
	for (const char *p = text;; p++) {
		size_t len = strcspn(p, ",");

		if (!param_digits(p, len, 65535, &port) && guess_port(text, guess))
			return err_set(err, -EINVAL, "\"%s\" is no port; did you mean %s?", text,
				       guess);
		if (!param_digits(p, len, 65535, &port))
			return err_set(err, -EINVAL,
				       "\"%s\" is no list of ports; write 443 or 80,443", text);
		p += len;
		if (*p == '\0')
			break;
	}
	out->text = text;
	return 0;
}

/* One word, or several between commas, out of @words. */
static int parse_words(const char *text, const char *const *words, const char *what,
		       struct err *err)
{
	char list[256] = "";

	for (const char *p = text;; p++) {
		size_t len = strcspn(p, ",");
		char word[64];
		struct suggestion s = {.word = word};
		bool known = false;

		snprintf(word, sizeof(word), "%.*s", (int)(len < 63 ? len : 63), p);
		for (int i = 0; words[i] && !known; i++) {
			known = !strcmp(words[i], word);
			suggest_try(&s, words[i]);
		}
		if (!known) {
			for (int i = 0; words[i]; i++)
				snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
					 i ? ", " : "it is one of ", words[i]);
			return suggest_error(&s, err, what, list);
		}
		p += len;
		if (*p == '\0')
			return 0;
	}
}

static int parse_outcomes(const char *text, int64_t now_us, struct param_value *out,
			  struct err *err)
{
	(void)now_us;
	out->text = text;
	if (!strcmp(text, "failed"))
		return err_set(err, -EINVAL, "failed is more than one outcome; write --failed");
	return parse_words(text, param_outcomes, "outcome", err);
}

static int parse_direction(const char *text, int64_t now_us, struct param_value *out,
			   struct err *err)
{
	(void)now_us;
	out->text = text;
	if (strchr(text, ','))
		return err_set(err, -EINVAL, "\"%s\" is more than one direction; leave it away",
			       text);
	return parse_words(text, directions, "direction", err);
}

static int unknown_user(const char *text, struct err *err)
{
	struct suggestion s = {.word = text};
	char best[64];
	unsigned cost = UINT_MAX;

	/* What getpwent() returns is gone with the next. */
	setpwent();
	for (const struct passwd *user; (user = getpwent());) {
		s.best = NULL;
		suggest_try(&s, user->pw_name);
		if (!s.best || s.best_cost >= cost)
			continue;
		cost = s.best_cost;
		snprintf(best, sizeof(best), "%s", user->pw_name);
	}
	endpwent();
	if (cost < UINT_MAX)
		return err_set(err, -EINVAL, "there is no user \"%s\" here; did you mean \"%s\"?",
			       text, best);
	return err_set(err, -EINVAL, "there is no user \"%s\" here; give the number", text);
}

static int parse_user(const char *text, int64_t now_us, struct param_value *out, struct err *err)
{
	const struct passwd *user;

	(void)now_us;
	if (param_digits(text, strlen(text), UINT32_MAX, &out->number))
		return 0;
	user = getpwnam(text);
	if (!user)
		return unknown_user(text, err);
	out->number = user->pw_uid;
	return 0;
}

static int parse_netns(const char *text, int64_t now_us, struct param_value *out, struct err *err)
{
	size_t len = strlen(text);

	(void)now_us;
	if (param_digits(text, len, UINT32_MAX, &out->number))
		return 0;
	if (len > 6 && !memcmp(text, "net:[", 5) && text[len - 1] == ']' &&
	    param_digits(text + 5, len - 6, UINT32_MAX, &out->number))
		return 0;
	return err_set(err, -EINVAL,
		       "\"%s\" is no network namespace; write its number, as in "
		       "readlink /proc/PID/ns/net",
		       text);
}

static const struct values outcome_values = {VALUES_WORDS, param_outcomes, .is_list = true};
static const struct values direction_values = {VALUES_WORDS, directions, .is_list = false};
static const char *const moments[] = {"now", "today", "yesterday", "15m", "1h",
				      "1d",  "7d",    "30d",	   NULL};
static const struct values moment_values = {VALUES_WORDS, moments, .is_list = false};
static const struct values name_values = {.kind = VALUES_NAMES};
static const struct values user_values = {.kind = VALUES_USERS};

/* To add a type, write its parse function and a row here and in param.h. */
static const struct param_type types[] = {
	{"int", "N", parse_int, NULL},
	{"pid", "PID", parse_pid, NULL},
	{"limit", "N", parse_limit, NULL},
	{"time", "TIME", parse_time, &moment_values},
	{"interval", "DURATION", parse_interval, NULL},
	{"text", "TEXT", parse_text, NULL},
	{"pattern", "NAME", parse_text, NULL},
	{"network", "ADDR|CIDR", parse_network, NULL},
	{"peer", "ADDR|CIDR|NAME", parse_peer, &name_values},
	{"ports", "N[,N...]", parse_ports, NULL},
	{"outcomes", "NAME[,NAME]", parse_outcomes, &outcome_values},
	{"direction", "in|out", parse_direction, &direction_values},
	{"user", "USER", parse_user, &user_values},
	{"netns", "N", parse_netns, NULL},
};

const struct param_type *param_type_find(const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(types[i].name, name))
			return &types[i];
	return NULL;
}

int param_bind(sqlite3_stmt *stmt, const char *name, const struct param_value *value,
	       struct err *err)
{
	char sql_name[64];
	int at, rc;

	snprintf(sql_name, sizeof(sql_name), ":%s", name);
	for (char *p = sql_name; *p; p++)
		if (*p == '-')
			*p = '_';
	at = sqlite3_bind_parameter_index(stmt, sql_name);
	if (at == 0)
		return 0;
	if (value->is_null)
		rc = sqlite3_bind_null(stmt, at);
	else if (value->text)
		rc = sqlite3_bind_text(stmt, at, value->text, -1, SQLITE_TRANSIENT);
	else
		rc = sqlite3_bind_int64(stmt, at, value->number);
	if (rc != SQLITE_OK)
		return err_set(err, db_errno(rc), "%s: %s", sql_name, sqlite3_errstr(rc));
	return 0;
}

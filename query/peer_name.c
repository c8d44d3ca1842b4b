#include "peer_name.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "db.h"
#include "dns_claim.h"
#include "suggest.h"

/* What was answered only later than this is no name of any moment in the window: see dns_claim.h.
 */
#define IN_TIME " AND first_us < :until + 2000000"
static_assert(DNS_CLAIM_SLACK_US == 2000000, "the same as in IN_TIME");

#define EXACTLY "name = :peer_name"
#define BELOW	"substr(name, -length(:peer_name) - 1) = '.' || :peer_name"
#define CHOSEN	"SELECT address FROM dns_name WHERE "

/* Numbers alone are no top-level domain (RFC 3696, 2), and 0x7f000001 is one for many programs. */
static bool ends_in_number(const char *text)
{
	const char *dot = strrchr(text, '.');
	const char *last = dot ? dot + 1 : text;

	if (last[0] == '0' && last[1] == 'x')
		return strspn(last + 2, "0123456789abcdef") == strlen(last + 2);
	return strspn(last, "0123456789") == strlen(last);
}

static bool is_name(const char *text)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || strchr("*?/:,;[]()\"'<>@|&%", *p) ||
		    (*p == '.' && (p == text || p[1] == '.')))
			return false;
	return *text && *text != '-' && !ends_in_number(text);
}

bool peer_name_parse(const char *text, struct peer_name *out)
{
	size_t len;

	out->is_below = text[0] == '.' || (text[0] == '*' && text[1] == '.');
	if (out->is_below)
		text += text[0] == '*' ? 2 : 1;
	len = strlen(text);
	if (len && text[len - 1] == '.')
		len--;
	if (len >= PEER_NAME_SIZE)
		return false;
	for (size_t i = 0; i < len; i++)
		out->text[i] = (char)tolower((unsigned char)text[i]);
	out->text[len] = '\0';
	return is_name(out->text);
}

const char *peer_name_sql(const struct peer_name *name)
{
	return name->is_below ? CHOSEN BELOW IN_TIME : CHOSEN EXACTLY IN_TIME;
}

/* ---- unknown ones ---- */

struct search {
	struct suggestion suggestion;
	char best[PEER_NAME_SIZE];
};

/* Candidates come and go with the rows. */
static void try_name(struct search *s, const char *name)
{
	const char *before = s->suggestion.best;

	suggest_try(&s->suggestion, name);
	if (s->suggestion.best == before)
		return;
	snprintf(s->best, sizeof(s->best), "%s", name);
	s->suggestion.best = s->best;
}

static void try_names(struct search *s, const char *name, bool below)
{
	if (!below)
		try_name(s, name);
	for (const char *dot = strchr(name, '.'); below && dot; dot = strchr(dot + 1, '.'))
		try_name(s, dot + 1);
}

static int unknown(sqlite3 *db, const struct peer_name *name, struct err *err)
{
	struct search s = {.suggestion = {.word = name->text}};
	AUTO_STMT *stmt = NULL;
	int rc, n = 0, ret = db_prepare(db, "SELECT DISTINCT name FROM dns_name", &stmt, err);
	const char *dots = name->is_below ? "*." : "";

	if (ret)
		return ret;
	for (; (rc = sqlite3_step(stmt)) == SQLITE_ROW; n++)
		if (sqlite3_column_text(stmt, 0))
			try_names(&s, (const char *)sqlite3_column_text(stmt, 0), name->is_below);
	if (rc != SQLITE_DONE)
		return err_set(err, db_errno(rc), "%s", sqlite3_errmsg(db));
	if (n == 0)
		return err_set(err, -ENOENT,
			       "\"%s%.200s\" is a name, and this history has no names; "
			       "connmon-collect records them from DNS answers that it sees",
			       dots, name->text);
	for (const char *p = name->text; *p; p++)
		if ((unsigned char)*p >= 0x80)
			return err_set(err, -ENOENT,
				       "no answer for \"%s%.200s\" was recorded; programs ask for "
				       "such names in punycode: write xn--..., as idn2 prints it",
				       dots, name->text);
	if (s.suggestion.best)
		return err_set(err, -ENOENT,
			       "no answer for \"%s%.200s\" was recorded; did you mean "
			       "\"%s%.200s\"?",
			       dots, name->text, dots, s.best);
	return err_set(err, -ENOENT,
		       "no answer for \"%s%.200s\" was recorded; connmon-query names --since 30d "
		       "lists what was",
		       dots, name->text);
}

/* ---- known ones ---- */

static int is_known(sqlite3 *db, const struct peer_name *name, bool *known, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int rc, ret = db_prepare(db,
				 name->is_below ? CHOSEN BELOW " LIMIT 1"
						: CHOSEN EXACTLY " LIMIT 1",
				 &stmt, err);

	if (ret)
		return ret;
	sqlite3_bind_text(stmt, 1, name->text, -1, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	*known = rc == SQLITE_ROW;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return err_set(err, db_errno(rc), "%s", sqlite3_errmsg(db));
	return 0;
}

int peer_name_find(sqlite3 *db, const struct peer_name *name, int64_t until_us, struct err *err)
{
	static const char empty[] =
		"CREATE TEMP TABLE IF NOT EXISTS named_peer (address TEXT PRIMARY KEY) WITHOUT ROWID;"
		"DELETE FROM temp.named_peer";
	char fill[256];
	bool known;
	int ret = is_known(db, name, &known, err);

	if (!ret)
		ret = db_exec_ours(db, empty, err);
	if (!ret && !known)
		return unknown(db, name, err);
	snprintf(fill, sizeof(fill), "INSERT OR IGNORE INTO temp.named_peer %s",
		 peer_name_sql(name));
	return ret ? ret : db_run_ours(db, fill, name->text, until_us, err);
}

int64_t peer_name_count(sqlite3 *db)
{
	AUTO_STMT *stmt = NULL;

	if (sqlite3_prepare_v2(db, "SELECT count(*) FROM temp.named_peer", -1, &stmt, NULL) !=
		    SQLITE_OK ||
	    sqlite3_step(stmt) != SQLITE_ROW)
		return 0;
	return sqlite3_column_int64(stmt, 0);
}

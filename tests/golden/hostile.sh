# shellcheck shell=sh
# hostile.sh - for transcripts over databases that somebody made to do harm.

# make SQL: h.db, the invented history and then this done to it, by the shell of SQLite.
make() {
	rm -f h.db*
	sqlite3 "$CONNMON_DB" "VACUUM INTO 'h.db'"
	printf '%s\n' "$1" | sqlite3 h.db
}

# ask SUBJECT OPTION...: asks it of h.db for at most $limit, and tells the begin of the answer, how it ended unless it
# went well, and whether the file is another one now.
ask() {
	before=$(cksum < h.db)
	code=0
	connmon-query --db h.db "$@" --timeout "${limit:-20s}" > out 2>&1 || code=$?
	cut -c 1-160 out | head -n 3
	[ "$code" = 0 ] || echo "code $code"
	[ "$before" = "$(cksum < h.db)" ] || echo "it was written to"
	rm -f out
}

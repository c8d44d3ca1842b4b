"""What is asked of a fleet and cannot be, and what is asked with ill will: each gets one sentence
or the right rows, and nothing is ever written. In the environment as for reports.py."""

import http.server
import json
import os
import pty
import subprocess
import threading
import time
import urllib.request

import history
from reports import EVERY, QUERY, MANY, rows

NOW_US = 1769860800000000  # of the clock that stands still
CASES = []


def case(function):
    CASES.append(function)
    return function


def run(words, **more):
    result = subprocess.run([QUERY] + words, env=dict(os.environ, **more), capture_output=True,
                            check=False, timeout=60)
    return result.returncode, result.stdout, result.stderr.decode(errors="replace")


def fleet(words, url=history.DATABASE, **more):
    return run(words + ["--fleet", url], **more)


def says(words, code, text, url=history.DATABASE, **more):
    """One line on standard error that says text, nothing else, and the exit code."""
    have = fleet(words, url, **more)
    lines = have[2].splitlines()
    assert have[0] == code and not have[1] and len(lines) == 1 and text in lines[0], (
        words, url, code, text, have)


LIST = ["list", "--since", "30d"]


@case
def urls_that_cannot_be():
    for url in ("nonsense", "127.0.0.1:8123", "ftp://127.0.0.1/", "http://", "http://a b/",
                "http://127.0.0.1:99999/", "http://127.0.0.1/?database=a&readonly=0",
                "http://a%0Ab:x@127.0.0.1/", "http://a:x%00@127.0.0.1/",
                "http://127.0.0.1/?database=a%0Ab", "http://127.0.0.1/?readonly=0", "http://127.0.0.1/?database=" + "x" * 300):
        says(LIST, 2, "write http://HOST:8123/?database=connmon", url)
    code, _, told = run(LIST + ["--fleet", history.URL, "--db", MANY])
    assert code == 2 and "exclude each other" in told, told


@case
def servers_that_are_not_there():
    says(LIST, 1, "there is no such host", "http://no-such-host.invalid:8123/")
    says(LIST, 1, "nothing listens there", "http://127.0.0.1:8999/")
    says(LIST, 1, "connmon", "http://127.0.0.1:9000/")
    says(LIST, 1, "127.0.0.1:8123", "https://127.0.0.1:8123/")


@case
def users_and_databases():
    with_user = history.DATABASE.replace("http://", "http://{}@")
    says(LIST, 1, "password", with_user.format("reader:wrong"))
    says(LIST, 1, "password", CLICKHOUSE_USER="nobody", CLICKHOUSE_PASSWORD="x")
    says(LIST, 1, "no such database", history.URL + "?database=nothing")
    says(LIST, 1, "no such database", history.URL + "?database=a'%20b%60")
    says(LIST, 1, "connmon-forward --init", history.URL + "?database=default")
    for user in ("reader", "writer"):
        have = fleet(LIST + ["--quiet"], with_user.format(user + ":secret"))
        assert have[0] == 0 and have[1], have
        have = fleet(LIST + ["--quiet"], CLICKHOUSE_USER=user, CLICKHOUSE_PASSWORD="secret")
        assert have[0] == 0 and have[1], have
    have = run(LIST + ["--quiet"], CONNMON_FLEET=history.DATABASE)
    assert have[0] == 0 and b"db-1" in have[1], have


@case
def part_of_the_rows_is_not_taken_for_all():
    url = history.DATABASE.replace("http://", "http://sloppy:secret@")
    says(LIST, 1, "imit", url)
    says(["top-ports", "--since", "30d"], 1, "imit", url)


@case
def a_page_does_not_tell_the_password():
    url = history.DATABASE.replace("http://", "http://writer:secret@")
    for words in (["--fleet", url], ["--fleet=" + url]):
        have = run(LIST + ["--format", "html", "--quiet"] + words)
        assert have[0] == 0 and b"://127.0.0.1:8123/?database=connmon" in have[1], have
        assert b"secret" not in have[1] and b"writer" not in have[1], have


@case
def tables_of_another_version():
    history.ask("CREATE DATABASE other")
    url = history.URL + "?database=other"
    history.ask("CREATE VIEW schema AS SELECT 7 AS version FROM system.one", url=url)
    says(LIST, 1, "upgrade connmon", url)
    history.ask("DROP TABLE schema", url=url)
    history.ask("CREATE VIEW schema AS SELECT 2 AS version FROM system.one", url=url)
    history.ask("CREATE TABLE connections (node String, id Int64) ENGINE = ReplacingMergeTree()"
                " ORDER BY id", url=url)
    says(LIST, 1, "of another version of connmon", url)


@case
def questions_that_take_too_much():
    says(["sql", "SELECT sleep(3)", "--timeout", "1s"], 1, "stopped after 1 s")
    says(["sql", "SELECT number FROM system.numbers LIMIT 200000000"], 1, "larger than 512 MiB")
    says(["sql", "SELECT throwIf(number = 3000000) FROM system.numbers LIMIT 5000000"], 1, "throw")


class Liar(http.server.BaseHTTPRequestHandler):
    """Breaks off, or is no ClickHouse."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        if self.path.startswith("/?database=other"):
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")
        elif self.path.startswith("/?database=length"):
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"1\n")
        else:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"2\r\n1\n\r\n3e8\r\nabc")
        self.close_connection = True


@case
def answers_that_break_off():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 8555), Liar)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = "http://127.0.0.1:8555/?database="
    says(LIST, 1, "no ClickHouse server", url + "other")
    says(LIST, 1, "the connection broke", url + "length")
    says(LIST, 1, "the connection broke", url + "chunks")
    server.shutdown()


class Relay(http.server.BaseHTTPRequestHandler):
    """The server, but for what meanwhile() does once behind a statement that begins with after; and
    for the setting that is forbidden."""

    protocol_version = "HTTP/1.1"
    after = meanwhile = forbidden = None
    asked = []  # the paths

    def log_message(self, *_):
        pass

    def refuse(self, words):
        self.send_response(500)
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)

    def do_POST(self):
        sql = self.rfile.read(int(self.headers["Content-Length"]))
        Relay.asked.append(self.path)
        if Relay.forbidden and Relay.forbidden in self.path:
            return self.refuse(b"Code: 452, e.displayText() = DB::Exception: Setting " +
                               Relay.forbidden.encode() + b" shouldn't be greater than 1, e.what()")
        request = urllib.request.Request(history.URL + self.path[1:], sql)
        with urllib.request.urlopen(request) as answer:
            body = answer.read()
        if Relay.meanwhile and sql.startswith(Relay.after):
            Relay.meanwhile()
            Relay.meanwhile = None
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def with_relay(test):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 8556), Relay)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        test(history.DATABASE.replace(":8123", ":8556"))
    finally:
        server.shutdown()
        server.server_close()


@case
def what_ends_while_it_is_asked_is_there_once():
    rest = ["out", "open", None, "ending"] + [None] * 6 + [1, "10.0.0.1", 4242, "10.0.0.2", 443,
            443, None, 1, 1, 0, None, None, None, None, 0, None, None, 0, None, 0]
    node, days_us = ["d" * 32, "ending"], 3 * 86400 * 10**6

    def test(url):
        n = 0
        for words in ([], ["--until", "1d"], ["--until", "15m"]):
            for after in (b"SELECT version", b"SELECT DISTINCT hex"):
                n += 1
                row = node + [n, NOW_US - days_us, 0, time.time_ns() // 1000] + rest
                history.insert("open_connections", [row])
                Relay.after, Relay.meanwhile = after, lambda n=n: (
                    history.insert("open_connections", [node + [n, NOW_US - days_us, 1,
                                                                time.time_ns() // 1000] + rest]),
                    history.insert("connections", [node + [NOW_US + n, days_us] + rest]))
                have = fleet(LIST + words + ["--comm", "ending", "--format", "csv", "--quiet"], url)
                assert have[0] == 0 and len(have[1].splitlines()) == n + 1, (words, after, have)

    with_relay(test)


@case
def profiles_that_bound_memory_themselves():
    def test(url):
        Relay.asked = []
        Relay.forbidden = "max_memory_usage"
        have = fleet(LIST + ["--quiet"], url)
        assert have[0] == 0 and have[1] and "readonly=1" in Relay.asked[-1], (have, Relay.asked)
        Relay.forbidden = "max_execution_time"
        says(LIST, 1, "max_execution_time shouldn't be greater", url)
        assert all("readonly=1" in path for path in Relay.asked), Relay.asked
        Relay.forbidden = None

    with_relay(test)


@case
def proxies_are_not_heeded():
    have = fleet(LIST + ["--quiet"], http_proxy="http://127.0.0.1:8999/",
                 all_proxy="http://127.0.0.1:8999/", no_proxy="")
    assert have[0] == 0 and have[1], have


@case
def what_is_asked_of_a_node_alone():
    for words in (["follow"], ["story"], ["process", "1001"],
                  LIST + ["--show-sql"], LIST + ["--explain"], LIST + ["--watch", "2s"],
                  LIST + ["--cursor-file", "x"], ["list", "--since", "boot"],
                  ["sql", "SELECT 1", "--explain"]):
        have = fleet(words)
        assert have[0] == 2 and not have[1] and len(have[2].splitlines()) == 1, (words, have)
    for words in (["reports"], ["cookbook"], ["completion", "bash"], ["help"]):
        have = run(words, CONNMON_FLEET=history.DATABASE)
        assert have[0] == 0 and have[1] and not have[2], (words, have)
    terminal, own_end = pty.openpty()
    have = subprocess.run([QUERY, "sql", "--fleet", history.DATABASE], stdin=own_end, check=False,
                          capture_output=True, timeout=60)
    assert have.returncode == 2 and b"--file" in have.stderr and not have.stdout, have
    os.close(own_end)
    os.close(terminal)
    for words in (LIST + ["--node", "x"], ["top-ports", "--by", "node"]):
        have = run(words)
        assert have[0] == 2 and "--fleet" in have[2], have


@case
def statements_only_read():
    before = history.ask("SELECT count(), sum(cityHash64(id, node)) FROM connections",
                         url=history.DATABASE)
    for user in ("default:", "writer:secret", "reader:secret"):
        url = history.DATABASE.replace("http://", f"http://{user}@")
        for sql in ("DROP TABLE connections", "DROP DATABASE connmon", "CREATE DATABASE x",
                    "INSERT INTO connections (id) VALUES (1)", "ALTER TABLE nodes DELETE WHERE 1",
                    "TRUNCATE TABLE nodes", "SET readonly = 0", "SELECT 1; DROP TABLE nodes",
                    "INSERT INTO connections SELECT * FROM connections",
                    "CREATE TEMPORARY TABLE x (a Int8)", "RENAME TABLE nodes TO x",
                    "OPTIMIZE TABLE connections FINAL", "KILL QUERY WHERE 1",
                    "SYSTEM SHUTDOWN", "DETACH TABLE nodes", "/* SELECT */ KILL QUERY WHERE 1",
                    " -- SELECT\nDROP TABLE nodes", "((DROP TABLE nodes", "SELECTDROP", ""):
            have = fleet(["sql", sql], url)
            assert have[0] == 1 and not have[1] and len(have[2].splitlines()) == 1, (sql, have)
        have = fleet(["sql", "SELECT toInt64(value) FROM system.settings WHERE name = 'readonly'",
                      "--format", "csv"], url)
        assert have[1].splitlines()[1:] == [b"1"], have
    assert before == history.ask("SELECT count(), sum(cityHash64(id, node)) FROM connections",
                                 url=history.DATABASE)


@case
def statements_of_the_users_own():
    sql = "SELECT 'a\\tb\\n\\x1b[31m\\\\' AS t, toUInt64(18446744073709551615) AS u, -5 AS i,"
    sql += " 0.5 AS r, CAST(NULL AS Nullable(String)) AS n, [1, 2] AS l, 1 / 0 AS inf ;  "
    have = fleet(["sql", sql, "--format", "json"])
    want = (b'[{"t":"a\\u0009b\\u000a\\u001b[31m\\\\","u":"18446744073709551615","i":-5,"r":0.5,"n":null,'
            b'"l":"[1,2]","inf":"inf"}]')
    assert have[0] == 0 and have[1].replace(b"\n", b"").replace(b" ", b"") == want.replace(
        b" ", b""), have
    for form in ("table", "markdown", "csv", "html"):
        have = fleet(["sql", "SELECT 'x\\x1b[31m' AS `a\\x1bb`", "--format", form])
        assert have[0] == 0 and (form == "csv" or b"\x1b" not in have[1]), have
    have = fleet(["sql", "SELECT concat('a', unhex('00'), 'b') AS t", "--format", "csv"])
    assert have[1] == b"t\na\\0b\n", have
    assert fleet(["sql", "SELECT 1 AS a WHERE 0", "--format", "csv"])[1] == b"a\n"
    assert b"connections" in fleet(["sql", "SHOW TABLES"])[1]
    says(["sql", "SELECT nonsense"], 1, "nonsense")
    says(["sql", "SELECT 1 FORMAT JSON"], 1, "FORMAT")
    says(["sql", "SELECT '"], 1, "yntax")
    says(["sql", "SELECT 'x\x1b[31m' FROM nowhere"], 1, "no")


NASTY = ["'", "''", "\\", "\\'", "' OR 1 -- ", "\\' OR 1=1 -- ", "x' UNION ALL SELECT 1 '",
         "\n", "\t", "%", "_", "c_rl", "c%", "{id}", "{now}", "`", "\"", "/*", "--", ";",
         "[a-c]*", "[!c]*", "[^c]*", "[c-a]*", "[]*", "[", "*[", "[*", "*", "?*", "?", "**",
         "c[u]r?", "*.*", ".*", "(.*)", "c*|n*", "^c*$", "\\x63*", "\\d*", "*\\*", "na\u00efve*",
         "na?ve", "na[\u00e0-\u00ff]ve*", "*\udcff*", "\udcff", "\u65e5*", "*$", "a" * 3000 + "*",
         "*\x1b*", "*\n*", "=cmd*", "*\"*", "c\u200b*"]


@case
def filters_hold_whatever_is_in_them():
    for name in ("comm", "exe", "container", "pod"):
        for value in NASTY[::EVERY] if name == "comm" else NASTY[::3 * EVERY]:
            words = ["list", "--since", "30d", "--limit", "0", f"--{name}", value, "--format",
                     "csv", "--quiet"]
            mine = run(words, CONNMON_DB=MANY)
            theirs = fleet(words + ["--node", "db-1"])
            # What is no UTF-8 finds nothing: names are stored escaped, so none has such bytes.
            same = "\udcff" in value or rows(mine[1]) == rows(theirs[1])
            assert mine[0] == theirs[0] and same, (words, mine, theirs)
    for value in NASTY[1::EVERY] if EVERY > 1 else NASTY:
        have = fleet(["list", "--since", "30d", "--node", value, "--format", "csv", "--quiet"])
        all_of_them = value in ("*", "?*", "**", "[^c]*")
        assert have[0] == 0 and (len(have[1].splitlines()) > 1) == (
            all_of_them or value in ("[!c]*", "[a-c]*") and len(have[1].splitlines()) > 1), (
                value, have)


@case
def nodes_that_are_behind_are_named():
    words = ["top-ports", "--since", "1h"]
    history.insert("nodes", [("c" * 32, "old\x1b[31m", 1769700000000000, 1769800000000000, 1)])
    have = fleet(words)
    assert have[0] == 0 and "2 nodes, 1 behind: old\\x1b[31m" in have[2], have
    assert fleet(words + ["--strict"])[0] == 3
    have = fleet(words + ["--node", "nobody"])
    assert have[0] == 0 and "no such node has sent anything" in have[2], have
    assert ", complete" not in have[2], have
    assert fleet(words + ["--node", "nobody", "--strict"])[0] == 3
    have = fleet(words + ["--node", "db-1", "--until", "1m"])
    assert "1 node" in have[2] and "behind" not in have[2], have
    have = fleet(["top-ports", "--since", "30d", "--node", "db-1"])
    assert " gap" in have[2] and "uid" not in have[2], have


@case
def complete_is_what_every_node_recorded_and_the_server_keeps():
    def told(*words):
        have = fleet(["top-ports", *words])
        assert have[0] == 0, have
        return have[2]

    assert ", complete; 1 node" in told("--since", "30s", "--node", "db-1")
    history.insert("nodes", [("e" * 32, "young", NOW_US - 10 * 10**6, NOW_US, 1)])
    assert "complete" not in told("--since", "30s", "--node", "young")
    have = told("--since", "30s", "--node", "[dy]*")
    assert "complete" not in have and "1 node began later; 2 nodes" in have, have
    history.insert("nodes", [("e" * 32, "young", NOW_US - 90 * 86400 * 10**6, NOW_US, 2)])
    have = told("--since", "30s", "--node", "young")
    assert "complete" not in have and "nothing that ended before is kept there" in have, have
    assert ", complete; 2 nodes" in told("--since", "30s", "--node", "[dy]*")


@case
def nodes_are_found_by_any_name_they_had():
    def row(node_id, node, n):
        return [node_id, node, NOW_US - n * 10**6, 1, "out", "closed", None, "renamed"] + [None] * 6 + [
            1, "10.0.0.1", 4242, "10.0.0.2", 443, 443, None, 1, 1, 0, None, None, None, None, 0, None,
            None, 0, None, 0]

    history.insert("nodes", [("f" * 32, "old-name", 1, NOW_US, 1), ("f" * 32, "new-name", 1, NOW_US, 2),
                             ("0" * 32, "old-name", 1, NOW_US, 1)])
    history.insert("connections", [row("f" * 32, "old-name", 9), row("f" * 32, "new-name", 8),
                                   row("0" * 32, "old-name", 7)])

    def found(node):
        have = fleet(["list", "--since", "1h", "--comm", "renamed", "--node", node, "--format", "csv",
                      "--quiet"])
        assert have[0] == 0, have
        return len(have[1].splitlines()) - 1

    assert [found(name) for name in ("new-name", "f" * 32, "old-name", "0" * 32, "new-*", "?-name")] == [
        2, 2, 3, 1, 2, 0]
    have = fleet(["top-ports", "--since", "1h", "--node", "old-name"])
    assert "2 nodes" in have[2], have
    says(["process", "1001", "--node", "old-name"], 1, "machine id")
    # one row of each, the newest
    assert history.ask("SELECT count() FROM nodes_now WHERE node_id IN ('%s', '%s')" % (
        "f" * 32, "0" * 32), url=history.DATABASE) == b"2\n"


@case
def very_many_nodes_are_chosen_by_a_pattern():
    ids = [f"{n:032x}" for n in range(1, 121)]
    history.insert("nodes", [(node_id, f"many-{n}", 1, NOW_US, 1) for n, node_id in enumerate(ids)])
    history.insert("connections", [
        [node_id, f"many-{n}", NOW_US - 10**7, 1, "out", "closed", None, "of-many"] + [None] * 6 + [
            1, "10.0.0.1", 4242, "10.0.0.2", 443, 443, None, 1, 1, 0, None, None, None, None, 0, None,
            None, 0, None, 0] for n, node_id in enumerate(ids)])
    for pattern, want in (("many-*", 120), ("many-1*", 31), ("many-1", 1)):
        have = fleet(["list", "--since", "1h", "--comm", "of-many", "--node", pattern, "--format", "csv",
                      "--limit", "0", "--quiet"])
        assert have[0] == 0 and len(have[1].splitlines()) - 1 == want, (pattern, have)
        have = fleet(["summary", "--since", "1h", "--comm", "of-many", "--node", pattern, "--format",
                      "json", "--quiet"])
        assert have[0] == 0 and json.loads(have[1])[0]["connections"] == want, (pattern, have)


@case
def its_tables_are_told():
    def told(*words):
        have = fleet(["schema", *words, "--format", "csv"])
        assert have[0] == 0 and not have[2], have
        return have[1].decode().splitlines()[1:]

    columns = [line.split(",")[2] for line in told("connections")]
    have = history.ask("DESCRIBE TABLE connections", url=history.DATABASE).decode().splitlines()
    assert columns[0] == '""' and columns[1:] == [line.split("\t")[0] for line in have], columns
    tables = {line.split(",")[0] for line in told()}
    assert tables >= {"connections", "hourly", "nodes_now", "processes", "gaps"}, tables
    for table in tables:
        assert fleet(["sql", f"SELECT count() FROM {table}"])[0] == 0, table
    says(["schema", "connectoins"], 2, 'did you mean "connections"?')
    says(["schema"], 1, "connmon-forward --init", history.URL + "?database=default")


@case
def the_doctor_looks_at_each_node():
    now, names = NOW_US, "node_id, node, at_us, sent_us, behind_rows, behind_us, bad_rows, unsent_rows, skew_us"
    history.ask("CREATE DATABASE ward")
    url = history.URL + "?database=ward"
    for table in ("nodes", "gaps"):
        history.ask(f"CREATE TABLE {table} AS connmon.{table}", url=url)
    for view, sql in (("nodes_now", "nodes ORDER BY at_us DESC LIMIT 1 BY node_id"),):
        history.ask(f"CREATE VIEW {view} AS SELECT * FROM {sql}", url=url)
    history.ask("CREATE VIEW schema AS SELECT version FROM connmon.schema", url=url)
    assert fleet(["doctor", "--format", "csv"], url)[0] == 0
    for row in (("1" * 32, "well", now, now, 0, 0, 0, 0, 0),
                ("2" * 32, "quiet", now - 300 * 10**6, now - 300 * 10**6, 0, 0, 0, 0, 0),
                ("3" * 32, "late", now, now - 7200 * 10**6, 5000, 7200 * 10**6, 0, 0, 0),
                ("4" * 32, "odd", now, now, 0, 0, 3, 7, -90 * 10**6),
                ("5" * 32, "twin", now, now, 0, 0, 0, 0, 0), ("6" * 32, "twin", now, now, 0, 0, 0, 0, 0)):
        history.ask(f"INSERT INTO nodes ({names}) VALUES", str(row).encode(), url)
    history.ask("INSERT INTO gaps (node_id, node, id, from_us, to_us, reason, count, sent_us) VALUES",
                str(("4" * 32, "odd", 1, now - 10**6, now, "stopped", 9, 1)).encode(), url)
    have = fleet(["doctor", "--format", "tsv"], url)
    lines = [tuple(line.split("\t")) for line in have[1].decode().splitlines()[1:]]
    assert have[0] == 0 and sorted(line[:3] for line in lines) == sorted([
        ("well", "sending", "ok"), ("quiet", "sending", "warn"), ("late", "sending", "warn"),
        ("odd", "sending", "ok"), ("odd", "clock", "warn"), ("odd", "rows", "warn"),
        ("odd", "rows", "warn"), ("odd", "gaps", "warn"), ("twin", "sending", "ok"),
        ("twin", "name", "warn"), ("twin", "sending", "ok"), ("twin", "name", "warn")]), have
    text = have[1].decode()
    for words in ("silent for 5m", "5000 connections wait there, it is 2h", "1m30s ahead of the server's",
                  "3 set aside", "7 or more were deleted", "1 in 24 h, in which 9", "2 machines have it"):
        assert words in text, (words, text)
    assert lines[0][0] == "quiet", lines
    history.ask(f"INSERT INTO nodes ({names}) VALUES",
                str(("7" * 32, "gone", 1, 1, 0, 0, 0, 0, 0)).encode(), url)
    assert fleet(["doctor"], url)[0] == 1


def main():
    history.create()
    history.send(MANY, "b" * 32, "db-1")
    for function in CASES:
        function()
        print("ok:", function.__name__.replace("_", " "))


if __name__ == "__main__":
    main()

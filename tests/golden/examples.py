#!/usr/bin/env python3
"""examples.py grafana|datasette|pandas|conn_log: what query/examples and the cookbook tell others
to ask, asked of the history of cookbook.sql, as those others ask it.
Needs in the environment: CONNMON_QUERY (the program), CONNMON_DB, CONNMON_EXAMPLES."""
import ipaddress
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile

DB = os.environ["CONNMON_DB"]
EXAMPLES = os.environ["CONNMON_EXAMPLES"]
SINCE, UNTIL = 1769824800, 1769860800  # 02:00 and 12:00 UTC, "now", of 2026-01-31
bad = 0


def fail(what):
    global bad
    bad += 1
    print("FAILED:", what)


def check(condition, what):
    if not condition:
        fail(what)


def read_only(path):
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def report(*words):
    """The rows that a report of ours has for the same window."""
    out = subprocess.run([os.environ["CONNMON_QUERY"], *words, "--quiet", "--format", "json",
                          "--since", f"@{SINCE}", "--until", f"@{UNTIL}"],
                         check=True, capture_output=True, text=True).stdout
    return json.loads(out)


# ---- Grafana, with the plugin frser-sqlite-datasource ----

def interpolate(sql, values, since=SINCE, until=UNTIL, interval_ms=60000):
    """As Grafana and the plugin put values into a query: times in ms, variables as :sqlstring."""
    def variable(match):
        value = values[match.group(1)]
        if isinstance(value, str):  # what stands for All goes in as it is
            return value
        return ",".join("'" + v.replace("'", "''") + "'" for v in value)

    sql = re.sub(r"\$\{(\w+):sqlstring\}", variable, sql)
    for name, number in (("interval_ms", interval_ms), ("from", since * 1000), ("to", until * 1000)):
        sql = sql.replace(f"$__{name}", str(number))
    check("$" not in sql, f"nothing is put in for a variable of {sql}")
    return sql


def with_totals(folder):
    """A copy of the history whose hours are totalled, as the collector does it."""
    path = os.path.join(folder, "connmon.db")
    source, copy = read_only(DB), sqlite3.connect(path)
    source.backup(copy)
    copy.execute("""
        INSERT INTO hourly
        SELECT c.id / 3600000000, direction, peer_addr, iif(direction, local_port, peer_port),
               ifnull(p.program_id, 0), ifnull(c.container_id, 0), flags & 32 != 0, count(*),
               sum(outcome >= 16), sum(outcome IN (3, 4)), sum(tx_bytes), sum(rx_bytes),
               sum(retransmits), count(connect_us), ifnull(sum(connect_us), 0),
               ifnull(max(connect_us), 0), sum(duration_us), 0, 0
          FROM connection c LEFT JOIN process p ON p.id = c.process_id
         GROUP BY 1, 2, 3, 4, 5, 6, 7""")
    copy.execute(f"UPDATE extent SET totals_until_hour = {UNTIL // 3600}")
    copy.commit()
    copy.close()
    return path


def check_times(title, kind, times, names, rows):
    for name in times:
        at = [row[names.index(name)] for row in rows if row[names.index(name)] is not None]
        check(at and all(isinstance(t, int) and 1e9 < t < 1e10 for t in at),
              f"{title}: {name} is no time in seconds")
        if kind == "time series":
            check(at == sorted(at), f"{title}: a series must be in the order of time")
            check(all(SINCE <= t < UNTIL for t in at), f"{title}: a time is outside of the window")


def check_types(title, kind, names, rows):
    """The plugin takes the type of a column from its first value."""
    for i, name in enumerate(names):
        types = {type(row[i]) for row in rows} - {type(None)}
        check(len(types) <= 1 or types == {int, float}, f"{title}: {name} has {types}")
        check(kind != "time series" or str not in types or all(row[i] is not None for row in rows),
              f"{title}: a series without a name in {name}")


def check_layout(panels):
    taken = set()
    check(len({p["id"] for p in panels}) == len(panels), "two panels have the same id")
    for p in panels:
        at = p["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                 for y in range(at["y"], at["y"] + at["h"])}
        check(not cells & taken and at["x"] + at["w"] <= 24, f"{p['title']}: stands on another")
        taken |= cells


def grafana():
    with open(os.path.join(EXAMPLES, "grafana/connmon.json"), encoding="utf-8") as f:
        dashboard = json.load(f)
    variables = {v["name"]: v for v in dashboard["templating"]["list"]}
    everything = {"program": variables["program"]["allValue"], "peer": [variables["peer"]["query"]],
                  "direction": variables["direction"]["allValue"]}
    narrow = {"program": ["java", "it's none"], "peer": ["10.20.*"], "direction": ["out"]}
    panels = [p for p in dashboard["panels"] if p["type"] != "row"]
    check_layout(dashboard["panels"])
    check(len(panels) >= 10, "panels are missing")
    with tempfile.TemporaryDirectory() as folder:
        db = read_only(with_totals(folder))
        names = [row[0] for row in db.execute(variables["program"]["query"])]
        check("java" in names, "the variable program does not name java")
        answers = {}
        for p in panels:
            check(p["datasource"]["uid"] == "${datasource}", f"{p['title']}: another data source")
            for t in p["targets"]:
                check(t["queryText"] == t["rawQueryText"], f"{p['title']}: two queries in one")
                for values in (everything, narrow):
                    sql = interpolate(t["rawQueryText"], values)
                    cursor = db.execute(sql)
                    columns = [d[0] for d in cursor.description]
                    rows = cursor.fetchall()
                    check(rows, f"{p['title']}: no rows of {sql}")
                    check_times(p["title"], t["queryType"], t["timeColumns"], columns, rows)
                    check_types(p["title"], t["queryType"], columns, rows)
                    plan = [row[3] for row in db.execute("EXPLAIN QUERY PLAN " + sql)]
                    check("SCAN c" not in plan, f"{p['title']} reads all of the history: {plan}")
                    answers[p["title"], values is everything] = rows
                # of a second each, as Grafana asks when one looks close
                db.execute(interpolate(t["rawQueryText"], everything, interval_ms=20)).fetchall()

    want = next(r for r in report("summary") if r["what"] == "all")
    got = answers["In this window", True][0]
    check((got[0], got[1], got[3], got[4]) ==
          tuple(want[k] for k in ("connections", "failed", "tx_bytes", "rx_bytes")),
          f"all: {got}, but the report says {want}")
    columns = ("peer_addr", "service_port", "connections", "failed", "tx_bytes", "rx_bytes")
    want = {tuple(r[k] for k in columns) for r in report("top-destinations", "--limit", "50",
            "--comm", "java", "--peer", "10.20.0.0/16")}
    got = {row[:6] for row in answers["Top destinations", False]}
    check(got == want, f"top destinations: {got}, but the report says {want}")
    per_hour = sum(row[1] + row[2] for row in answers["Connections by the hour", True])
    ended = sum(row[2] for row in answers["Connections by outcome", True])
    check(per_hour == ended, f"{per_hour} by the hour, {ended} by outcome")


# ---- Datasette ----

def datasette():
    with open(os.path.join(EXAMPLES, "datasette/metadata.json"), encoding="utf-8") as f:
        queries = json.load(f)["databases"]["connmon"]["queries"]
    db = read_only(DB)
    hours = db.execute("SELECT (unixepoch() - ?) / 3600 + 1", (SINCE,)).fetchone()[0]
    for name, query in queries.items():
        # What it takes from the page comes as text.
        rows = db.execute(query["sql"], {"hours": str(hours), "address": "10.20.0.15"}).fetchall()
        check(rows, f"{name}: no rows")
        plan = [row[3] for row in db.execute("EXPLAIN QUERY PLAN " + query["sql"],
                                             {"hours": "1", "address": ""})]
        check("SCAN c" not in plan or "LIMIT" in query["sql"] and name == "newest",
              f"{name} reads all of the history: {plan}")
    # Why not -i, which is immutable=1: what was written since the last checkpoint is not there.
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "live.db")
        writer = sqlite3.connect(path)
        db.backup(writer)
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO gap (from_us, to_us, reason) VALUES (1, 2, 'stopped')")
        writer.commit()
        count = "SELECT count(*) FROM gap"
        live = read_only(path).execute(count).fetchone()
        stale = sqlite3.connect(f"file:{path}?immutable=1", uri=True).execute(count).fetchone()
        check(live[0] == stale[0] + 1, f"live: {live}, immutable: {stale}")
        writer.close()


# ---- pandas ----

def pandas():
    # Debian's own, for which there is python3-pandas.
    run = subprocess.run(["/usr/bin/python3", os.path.join(EXAMPLES, "pandas/connmon_pandas.py"), DB,
                          "2026-01-31T02:00:00Z", "2026-01-31T03:00:00Z"],
                         capture_output=True, text=True, check=False)
    check(run.returncode == 0, f"it ends with {run.returncode}: {run.stderr}")
    totals = read_only(DB).execute(
        "SELECT outcome, count(*) FROM ended_connections WHERE id >= ? * 1000000 AND id < ? * 1000000"
        " GROUP BY 1", (SINCE, SINCE + 3600)).fetchall()
    lines = [line.split() for line in run.stdout.splitlines()]
    names = next((line[1:] for line in lines if line[:1] == ["outcome"]), [])
    quarters = [line for line in lines if line[:1] == ["2026-01-31"]]
    got = [(name, sum(int(q[2 + i]) for q in quarters)) for i, name in enumerate(names)]
    check(len(quarters) == 4 and got == totals, f"{got}, not {totals}:\n{run.stdout}")
    check(any(line[:2] == ["10.20.0.15", "5432"] for line in lines), f"no PostgreSQL in {run.stdout}")


# ---- conn.log, as https://docs.zeek.org/en/current/log-formats.html says ----

def is_value(kind, text):
    if kind in ("time", "interval"):
        return re.fullmatch(r"\d+\.\d{6}", text)
    if kind in ("count", "port"):
        return re.fullmatch(r"\d+", text)
    if kind == "addr":
        return ipaddress.ip_address(text)
    if kind == "bool":
        return text in ("T", "F")
    return kind in ("string", "enum") and text != ""


def conn_log():
    script = os.path.join(EXAMPLES, "zeek/conn_log.sh")
    text = subprocess.run(["sh", script, DB, "2026-01-28", "2026-01-31 12:00:00"], check=True,
                          capture_output=True, text=True).stdout
    lines = text.splitlines()
    check(lines[0] == "#separator \\x09", f"{lines[0]}")
    header = dict(line[1:].split("\t", 1) for line in lines[1:] if line.startswith("#"))
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    names, kinds = header["fields"].split("\t"), header["types"].split("\t")
    check(header["path"] == "conn" and header["unset_field"] == "-", f"{header}")
    check(len(names) == len(kinds) >= 20, "fields or types are missing")
    for row in rows:
        check(len(row) == len(names), f"{len(row)} values, {len(names)} fields")
        for name, kind, value in zip(names, kinds, row):
            check(value == "-" or is_value(kind, value), f"{name}: {value} is no {kind}")
    db = read_only(DB)
    columns = [c[1] for c in db.execute("PRAGMA table_info(zeek_conn)")]
    check(names == columns[:len(names)], f"{names} are not the first of {columns}")
    ended = db.execute("SELECT count(*) FROM ended_connections").fetchone()[0]
    check(len(rows) == len({row[1] for row in rows}) == ended, f"{len(rows)} rows, not {ended}")
    for words in ([DB], [DB, "noon", "now"], [DB, "now", "') OR 1 --"]):
        run = subprocess.run(["sh", script, *words], capture_output=True, text=True, check=False)
        check(run.returncode == 2 and run.stdout == "", f"{words}: {run}")


{"grafana": grafana, "datasette": datasette, "pandas": pandas, "conn_log": conn_log}[sys.argv[1]]()
sys.exit(bad != 0)

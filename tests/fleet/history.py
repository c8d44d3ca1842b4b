"""A node's history in the fleet's tables: what connmon-forward sends, of a database that stands
still. With CONNMON_FORWARD in the environment that program does it; else this does."""

import os
import sqlite3
import subprocess
import time
import urllib.parse
import urllib.request

URL = os.environ["FLEET_URL"]
DATABASE = URL + "?database=connmon"
# With FLEET_SHARDS in the environment nodes are spread over both servers.
SERVERS = ([(url + "?database=connmon", "--cluster", "connmon") for url in (URL, os.environ["FLEET_URL_2"])]
           if "FLEET_SHARDS" in os.environ else [(DATABASE,)])

COLUMNS = """direction String, outcome String, error Nullable(String), comm Nullable(String),
 exe Nullable(String), pid Nullable(Int64), uid Nullable(Int64), container Nullable(String),
 container_id Nullable(String), pod Nullable(String), netns Int64, local_addr String,
 local_port UInt16, peer_addr String, peer_port UInt16, service_port UInt16,
 connect_us Nullable(Int64), tx_bytes Int64, rx_bytes Int64, retransmits Int64,
 srtt_us Nullable(Int64), min_rtt_us Nullable(Int64), owner_source Nullable(String),
 closed_by Nullable(Int64), failed UInt8, accept_wait_us Nullable(Int64),
 thread Nullable(String), loopback UInt8, cookie Nullable(Int64), flags Int64"""
NAMES = [column.split()[0] for column in COLUMNS.split(",")]
NODE = "node_id String, node String, "

TABLES = {
    "connections": (NODE + "id Int64, duration_us Int64, " + COLUMNS, "node_id, id"),
    "open_connections": (NODE + "open_id Int64, start_us Int64, is_over UInt8, sent_us UInt64, " + COLUMNS,
                         "node_id, open_id, start_us"),
    "gaps": (NODE + "id Int64, from_us Int64, to_us Int64, reason String, count Nullable(Int64),"
             " uid Nullable(Int64), uid_count Nullable(Int64)",
             "node_id, from_us, id"),
    "names": (NODE + "address String, name String, server String, first_us Int64, last_us Int64,"
              " answers Int64", "node_id, address, name, server"),
    "listeners": (NODE + "id Int64, netns Int64, addr String, port UInt16, comm Nullable(String),"
                  " exe Nullable(String), uid Nullable(Int64), container Nullable(String),"
                  " container_id Nullable(String), pod Nullable(String), from_us Int64,"
                  " to_us Nullable(Int64)", "node_id, netns, addr, port, id"),
    "nodes": (NODE + "begin_us Int64, sent_us Int64, at_us UInt64", "node_id"),
}

ROWS = {
    "connections": "SELECT id, duration_us, " + ", ".join(NAMES) + " FROM ended_connections",
    "gaps": "SELECT id, from_us, to_us, reason, count, uid, uid_count FROM gap",
    "names": "SELECT address, name, server, first_us, last_us, answers FROM dns_name",
    "listeners": "SELECT l.id, l.netns, l.addr, l.port, g.comm, g.exe, g.uid, k.name,"
                 " k.container_id, k.pod, l.from_us, l.to_us FROM listener l"
                 " LEFT JOIN program g ON g.id = l.program_id"
                 " LEFT JOIN container k ON k.id = g.container_id",
    "nodes": "SELECT min(start_us), max(last_commit_us) FROM run",
}


def ask(sql, data=b"", url=URL):
    """What the server answers, or an error with its words."""
    request = urllib.request.Request(url + ("&" if "?" in url else "?") + "query="
                                     + urllib.parse.quote(sql), data)
    try:
        return urllib.request.urlopen(request).read()
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{sql}: {error.read().decode()}") from None


def field(value):
    if value is None:
        return b"\\N"
    text = value if isinstance(value, bytes) else str(value).encode()
    return (text.replace(b"\\", b"\\\\").replace(b"\t", b"\\t").replace(b"\n", b"\\n")
            .replace(b"\0", b"\\0"))


def insert(table, rows):
    data = b"".join(b"\t".join(map(field, row)) + b"\n" for row in rows)
    if data:
        names = ", ".join(column.split()[0] for column in TABLES[table][0].split(","))
        ask(f"INSERT INTO {table} ({names}) FORMAT TabSeparated", data, DATABASE)


def create():
    if "CONNMON_FORWARD" in os.environ:
        # The history is of another year: today's servers would delete what is older than 90 days.
        for url, *words in SERVERS:
            subprocess.run([os.environ["CONNMON_FORWARD"], "--init", "--to", url, "--keep", "10000",
                            "--keep-totals", "10000", *words], check=True)
        return
    ask("CREATE DATABASE connmon")
    for name, (columns, key) in TABLES.items():
        ask(f"CREATE TABLE {name} ({columns}) ENGINE = ReplacingMergeTree() ORDER BY ({key})",
            url=DATABASE)
    ask("CREATE VIEW schema AS SELECT 2 AS version FROM system.one", url=DATABASE)


def open_rows(history):
    """The view has them in the order of the table."""
    ids = history.execute("SELECT id, start_us, 0, ? FROM open_connection ORDER BY id",
                          (time.time_ns() // 1000,)).fetchall()
    rest = history.execute(f"SELECT {', '.join(NAMES)} FROM open_connections").fetchall()
    assert len(ids) == len(rest)
    return [first + others for first, others in zip(ids, rest)]


def send(path, node_id, node):
    """The history of the database at path, as that of a node."""
    if "CONNMON_FORWARD" in os.environ:
        subprocess.run([os.environ["CONNMON_FORWARD"], "--db", path, "--to", DATABASE, "--node",
                        node_id, "--node-name", node, "--once", "--state",
                        os.path.join(os.environ["FLEET_FOLDER"], node + ".state")], check=True)
        return
    history = sqlite3.connect(path)
    history.text_factory = bytes
    for table, sql in ROWS.items():
        insert(table, [(node_id, node) + row for row in history.execute(sql)])
    insert("open_connections", [(node_id, node) + row for row in open_rows(history)])

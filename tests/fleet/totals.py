"""Sums of a fleet are made of the totals that its nodes sent, and are those of its connections.

Three nodes, made up and recorded by the collector's own code, totals included, are sent by
connmon-forward, all of it twice. Each question is put to a node's file and to the fleet, through a
relay that keeps the statements: the rows are the same, and hours are read from totals where a node
reads them from its own. In the environment as for reports.py, and CONNMON_FORWARD, CONNMON_TRAFFIC."""

import http.server
import os
import subprocess
import threading
import urllib.request

import history
from reports import EVERY, run, rows

NODES = {"web-1": "a" * 32, "web-2": "b" * 32, "db-1": "c" * 32}
FOLDER = os.environ["FLEET_FOLDER"]
RELAY = history.DATABASE.replace(":8123", ":8557")
HOUR_S = 3600
NOON_S = 1769860800  # the clock that stands still
WRONG = 1000000  # connections that nobody made, in totals that must not be read


class Relay(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = []

    def log_message(self, *_):
        pass

    def do_POST(self):
        sql = self.rfile.read(int(self.headers["Content-Length"]))
        Relay.asked.append(sql.decode())
        with urllib.request.urlopen(history.URL + self.path[1:], sql) as answer:
            body = answer.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def path(node):
    return f"{FOLDER}/{node}.db"


def at(hours_before_noon):
    return f"@{NOON_S - round(hours_before_noon * HOUR_S)}"


# Whether hours can be taken from totals, and the window.
WINDOWS = [
    (True, ["--since", at(11), "--until", at(2)]),
    (True, ["--since", at(10.4), "--until", at(1.7)]),
    (True, ["--since", at(11.9)]),
    (True, ["--since", at(10.4), "--until", at(1.7), "--ended"]),
    (True, ["--since", at(3), "--until", at(2)]),
    (False, ["--since", at(2.9), "--until", at(2.1)]),
    (False, ["--since", at(2.9), "--until", at(1.1)]),
    (False, ["--since", at(10.4), "--until", at(1.7), "--started"]),
]

FILTERS = [
    (True, []),
    (True, ["--comm", "*a*"]),
    (True, ["--exe", "/usr/*"]),
    (True, ["--direction", "in"]),
    (True, ["--direction", "out", "--port", "443,5432"]),
    (True, ["--peer", "10.0.0.0/8"]),
    (True, ["--peer", "::/0"]),
    (True, ["--uid", "0"]),
    (True, ["--container", "*"]),
    (True, ["--no-loopback"]),
    (False, ["--failed"]),
    (False, ["--outcome", "refused,timeout"]),
    (False, ["--pid", "1000"]),
    (False, ["--netns", "4026531840"]),
]

REPORTS = [
    (True, ["top-destinations", "--limit", "0"]),
    (True, ["top-processes", "--limit", "0"]),
    (True, ["top-clients", "--limit", "0"]),
    (True, ["summary"]),
    (True, ["timeline", "--every", "1h"]),
    (True, ["timeline", "--every", "2h"]),
    (False, ["timeline", "--every", "30m"]),
    (True, ["top-ports", "--by", "hour,direction,comm,exe,uid,container", "--limit", "0"]),
    (True, ["top-ports", "--by", "peer_addr/16/32", "--limit", "0"]),
    (False, ["top-ports", "--by", "outcome", "--limit", "0"]),
    (False, ["top-ports", "--by", "comm,pid", "--limit", "0"]),
    (True, ["new-destinations", "--limit", "0"]),
    (True, ["compare", "--with-since", at(11.5)]),
    (True, ["failures", "--limit", "0"]),
]
TWO_WINDOWS = ("new-destinations", "compare")  # of the other one hours may be taken


def ask_fleet(words, url=RELAY):
    del Relay.asked[:]
    code, text, told = run(words + ["--format", "csv", "--quiet", "--fleet", url], False)
    assert code == 0, (words, told)
    return rows(text), [sql for sql in Relay.asked if " FROM hourly FINAL " in sql]


def ask_node(words, node):
    code, text, told = run(words + ["--format", "csv", "--quiet"], False, CONNMON_DB=path(node))
    assert code == 0, (words, told)
    return rows(text)


def same(words, node, of_totals=None):
    mine = ask_node(words, node)
    theirs, told = ask_fleet(words + ["--node", node])
    assert mine == theirs, (words, node, mine[:5], theirs[:5])
    assert of_totals is None or bool(told) == of_totals, (words, node, Relay.asked)
    return len(mine) > 1


def questions():
    """Everything with something, not everything with everything."""
    node = list(NODES)
    jobs = [(w and r, report + window, node[i % 3]) for i, (w, window) in enumerate(WINDOWS)
            for r, report in REPORTS[i % 2::2]]
    jobs += [(f and w and r, report + window + words, node[i % 3])
             for i, (f, words) in enumerate(FILTERS)
             for w, window in (WINDOWS[1 + i % 2 * 2],) for r, report in (REPORTS[i % 4], REPORTS[7])]
    jobs = jobs[::EVERY]
    found = sum(same(words, name, of_totals or (None if words[0] in TWO_WINDOWS else False))
                for of_totals, words, name in jobs
                if not (words[0] == "failures" and "--ended" in words))
    assert found > len(jobs) * 3 // 4, (found, len(jobs))
    print(f"ok: {len(jobs)} questions, {found} with rows, have the same answer")


def number(node, words):
    names, *lines = ask_node(["top-ports", "--limit", "0"] + words, node)
    return sum(int(line[names.index("connections")]) for line in lines)


def several_nodes():
    """Of each its own, and all together; by node, with and without hours."""
    for of_totals, window in WINDOWS[:4] + WINDOWS[6:]:
        want = {name: number(name, window) for name in NODES}
        have, told = ask_by_node(window)
        assert have == want and bool(told) == of_totals, (window, have, want, Relay.asked)
        have, _ = ask_by_node(window + ["--node", "web-*"])
        assert have == {name: n for name, n in want.items() if name[0] == "w"}, (have, want)


def ask_by_node(words):
    del Relay.asked[:]
    code, text, told = run(["top-ports", "--by", "node", "--limit", "0", "--format", "tsv", "--quiet",
                            "--fleet", RELAY] + words, False)
    assert code == 0, told
    lines = [line.split("\t") for line in text.decode().splitlines()]
    place = lines[0].index("connections")
    return ({line[0]: int(line[place]) for line in lines[1:]},
            [sql for sql in Relay.asked if " FROM hourly FINAL " in sql])


def add(table, url=history.DATABASE, **values):
    """A row of a table, the rest of it empty."""
    names, texts = ", ".join(values), ", ".join(
        str(v) if isinstance(v, int) else f"'{v}'" for v in values.values())
    history.ask(f"INSERT INTO {table} ({names}) VALUES", f"({texts})".encode(), url)


def spoil(node, hours_before_noon, url=history.DATABASE):
    """From here on who reads totals of that hour says what is wrong."""
    add("hourly", url, node_id=NODES[node], node=node, hour=NOON_S - hours_before_noon * HOUR_S,
        direction="out", peer_addr="192.0.2.1", service_port=1, attempts=WRONG)


def row_of_node(node, url=history.DATABASE, **changed):
    names = ("totals_until_us", "begin_us", "last_id", "sent_us", "bad_rows", "at_us")
    have = history.ask(f"SELECT {', '.join(names)} FROM nodes WHERE node_id = '{NODES[node]}'"
                       " ORDER BY at_us DESC LIMIT 1", url=url).decode().split()
    values = dict(zip(names, map(int, have)), **changed)
    values["at_us"] += 1
    add("nodes", url, node_id=NODES[node], node=node, version="0", boot_id="x", **values)


def answers_hold(why, window=WINDOWS[0][1], named=True):
    want = {name: number(name, window) for name in NODES}
    have, told = ask_by_node(window)
    assert have == want, (why, have, want, Relay.asked)
    assert told and (not named or all("NOT IN" in sql for sql in told)), (why, told)
    print("ok:", why)


def nodes_whose_totals_do_not_tell():
    """Each is spoiled as soon as its totals must not be read."""
    row_of_node("web-2", totals_until_us=(NOON_S - 6 * HOUR_S) * 10**6)
    spoil("web-2", 4)
    answers_hold("of a node that has not sent its last hours these are read from its connections")
    row_of_node("web-2", totals_until_us=NOON_S * 10**6, bad_rows=1)
    answers_hold("so are all of a node whose rows were refused")
    row_of_node("web-2", bad_rows=0)
    assert ask_by_node(WINDOWS[0][1])[0]["web-2"] > WRONG  # the trap is one
    add("gaps", node_id=NODES["web-2"], node="web-2", id=900, from_us=(NOON_S - 9 * HOUR_S) * 10**6,
        to_us=(NOON_S - 4 * HOUR_S) * 10**6, reason="pruned", sent_us=1)
    answers_hold("so are those of a node that deleted connections before their hour was summed up")
    history.ask("RENAME TABLE gaps TO all_gaps", url=history.DATABASE)
    history.ask("CREATE TABLE gaps AS all_gaps", url=history.DATABASE)
    assert ask_by_node(WINDOWS[0][1])[0]["web-2"] > WRONG
    add("runs", node_id=NODES["web-2"], node="web-2", id=1, start_us=(NOON_S - 4 * HOUR_S) * 10**6,
        sent_us=1)
    answers_hold("so are those of a node that began a new database in the window")
    _, told = ask_by_node(["--since", at(3), "--until", at(2)])
    assert told and "NOT IN" not in told[0], told
    history.ask("RENAME TABLE nodes TO all_nodes", url=history.DATABASE)
    history.ask("CREATE TABLE nodes AS all_nodes", url=history.DATABASE)
    history.ask("INSERT INTO nodes SELECT * FROM all_nodes WHERE node != 'web-2'",
                url=history.DATABASE)
    answers_hold("so are those of a node that has begun to send, and has no row of its own")


def totals_that_were_dropped():
    """The days before are whole in connections alone."""
    history.ask("RENAME TABLE hourly TO all_hours", url=history.DATABASE)
    history.ask("CREATE TABLE hourly AS all_hours", url=history.DATABASE)
    window = WINDOWS[0][1]
    want = {name: number(name, window) for name in NODES}
    have, told = ask_by_node(window)
    assert have == want and not told, (have, want, told)
    history.ask(f"INSERT INTO hourly SELECT * FROM all_hours WHERE hour >= toDateTime({NOON_S - 5 * HOUR_S})"
                " AND node != 'web-2'", url=history.DATABASE)
    have, told = ask_by_node(window)
    assert have == want and told and f"hour >= toDateTime({NOON_S - 5 * HOUR_S})" in told[0], (
        have, want, told)
    print("ok: hours whose totals are gone are read from connections")


def main():
    for i, name in enumerate(NODES):
        subprocess.run([os.environ["CONNMON_TRAFFIC"], "--db", path(name), "--rows", "4000", "--seed",
                        str(i + 1), "--span", "11h", "--long", "30", "--processes", "60"], check=True,
                       stderr=subprocess.DEVNULL)
    history.create()
    for name, node_id in NODES.items():
        history.send(path(name), node_id, name)
    for table in ("connections", "hourly", "open_connections", "runs"):
        history.ask(f"INSERT INTO {table} SELECT * FROM {table}", url=history.DATABASE)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 8557), Relay)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    questions()
    several_nodes()
    nodes_whose_totals_do_not_tell()
    totals_that_were_dropped()


if __name__ == "__main__":
    main()

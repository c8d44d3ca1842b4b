"""Every report says the same of a fleet as of the node's own file: same rows, same order.

Two nodes are sent, so that what is compared are the rows of one of them (--node) among others';
and each twice, as a forwarder may. In the environment: CONNMON_QUERY, with the clock that stands
still, CONNMON_DB and CONNMON_MANY_DB (see tests/golden), FLEET_URL (see clickhouse.sh)."""

import concurrent.futures
import csv
import glob
import io
import json
import os
import subprocess
import sys

import history

QUERY = os.environ["CONNMON_QUERY"]
SEED, MANY = os.environ["CONNMON_DB"], os.environ["CONNMON_MANY_DB"]
NODES = {"web-1": ("a" * 32, SEED), "db-1": ("b" * 32, MANY)}
NODE_COLUMNS = ("node", "nodes")  # there only when a fleet is asked
WORDS = {"who": ["443"], "process": ["2002"]}
# Of today's server a sixth is asked, so that each report and each of the options is.
EVERY = 6 if "FLEET_TODAY" in os.environ else 1

# Of each report those that it has.
OPTIONS = [
    "--since 30d",
    "--since 30d --started --limit 0",
    "--since 2d --ended --no-loopback",
    "--since 30d --until 1d --direction out --comm c* --exe /usr/*",
    "--since 30d --failed --min-connections 1",
    "--since 30d --min-connections 2 --min-pct 1 --min 1",
    "--since 30d --peer 10.0.0.0/8 --port 80,443,5432 --outcome refused,closed,reset_by_peer",
    "--since 30d --peer ::/0",
    "--since 30d --peer api.example.com",
    "--since 30d --until 3h --container *e* --limit 3",
    "--since 30d --resolve",
    "--since 30d --by peer_addr/16/32,comm",
    "--since 30d --by name,hour",
    "--since 30d --by outcome,error,pid,netns,local_addr,exe,uid,container",
    "--since 30d --sort comm:desc --having connections>1",
    "--since 30d --every 1h --limit 0",
    "--since 30d --with-since 60d --with-until 2d",
]


def run(words, fleet, **more):
    where = ["--fleet", history.DATABASE] if fleet else []
    environment = dict(os.environ, **more)
    result = subprocess.run([QUERY] + words + where, env=environment, capture_output=True,
                            check=False)
    return result.returncode, result.stdout, result.stderr.decode(errors="replace")


def rows(text, report=None):
    """Without what only a fleet has, or a node."""
    lines = list(csv.reader(io.StringIO(text.decode(errors="surrogateescape"))))
    if not lines:
        return []
    kept = [i for i, name in enumerate(lines[0])
            if name not in NODE_COLUMNS]
    return [[line[i] for i in kept] for line in lines]


def is_usage(code, told):
    """The report does not have the option, or not such columns."""
    return code == 2 and "no such node" not in told


def compare(report, node, options):
    """0: not of this report; 1: rows were compared. Else what differs."""
    words = [report] + WORDS.get(report, []) + options.split() + ["--format", "csv", "--quiet"]
    path = NODES[node][1]
    code, mine, told = run(words, False, CONNMON_DB=path)
    if is_usage(code, told):
        return 0
    fleet_code, theirs, fleet_told = run(words + ["--node", node], True)
    if fleet_code != code or rows(mine, report) != rows(theirs, report):
        return (f"{' '.join(words)}, of {node}: exit {code}, of the fleet {fleet_code}\n{told}"
                f"{fleet_told}--- {node}\n{mine.decode(errors='replace')}--- fleet\n"
                f"{theirs.decode(errors='replace')}")
    return 1


def main():
    reports = sorted(os.path.basename(path)[:-4] for path in glob.glob(
        os.path.join(os.environ["CONNMON_REPORTS"], "*.sql")))
    history.create()
    for _ in range(2):
        for node, (node_id, path) in NODES.items():
            history.send(path, node_id, node)
    jobs = [(report, node, options) for i, report in enumerate(reports)
            for j, options in enumerate(OPTIONS) if j == 0 or (i + j) % EVERY == 0
            for node in (NODES if j == 0 else ["db-1"])]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda job: compare(*job), jobs))
    wrong = [result for result in results if isinstance(result, str)]
    print(f"{results.count(1)} answers compared, {len(wrong)} differ", file=sys.stderr)
    for text in wrong[:5]:
        print(text, file=sys.stderr)
    asked = {job[0] for job, result in zip(jobs, results) if result == 1}
    if wrong or asked != set(reports) or results.count(1) < 250 // EVERY:
        raise SystemExit(f"not asked: {sorted(set(reports) - asked)}")
    other_formats()
    nodes()
    print("ok")


def other_formats():
    """The same bytes, where no column is added."""
    for form in ("json", "jsonl", "markdown", "tsv", "table"):
        words = ["top-destinations", "--since", "30d", "--format", form, "--quiet"]
        mine = run(words, False, CONNMON_DB=MANY)[1]
        theirs = run(words + ["--node", "db-1"], True)[1]
        assert mine and mine == theirs, (form, mine, theirs)


def fleet_rows(words):
    code, text, told = run(words + ["--since", "30d", "--format", "json", "--quiet"], True)
    assert code == 0, told
    return json.loads(text)


def nodes():
    """By name, by id, by pattern, and as a column to group by."""
    sums = {row["node"]: row["connections"] for row in fleet_rows(["top-ports", "--by", "node"])}
    assert set(sums) == set(NODES), sums
    for node, total in sums.items():
        listed = fleet_rows(["list", "--limit", "0", "--node", node])
        assert len(listed) == total and {row["node"] for row in listed} == {node}
    one = fleet_rows(["list", "--limit", "0", "--node", "b" * 32])
    assert {row["node"] for row in one} == {"db-1"}, one
    assert {row["node"] for row in fleet_rows(["list", "--node", "we?-*"])} == {"web-1"}
    assert fleet_rows(["list", "--node", "web"]) == []
    both = fleet_rows(["top-processes", "--by", "node,comm", "--limit", "0"])
    assert sum(row["connections"] for row in both) == sum(sums.values())


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Bad input, for every report, every format and every option that there is, so that a new one
is tested without a line here.

  hostile.py names    a history whose texts are hostile: what is printed harms nobody
  hostile.py files    an empty history; and what is none
  hostile.py numbers  a history whose numbers are as great or as small as they can be
  hostile.py views    a history whose views never end, or hold texts of a gigabyte
  hostile.py output   a reader that has gone; a device that is full
  hostile.py options  each option misspelt, without a value, twice, with a wrong one

Needs in the environment: CONNMON_QUERY (the program), CONNMON_DB (the seed's history).
"""
import csv
import io
import json
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile

QUERY = os.environ["CONNMON_QUERY"]
SEED = os.environ["CONNMON_DB"]
TABULAR = {"table", "markdown", "csv", "tsv", "json", "jsonl"}

ALL_BYTES = bytes(range(256))
HOSTILE = [
    ALL_BYTES,
    b"=cmd|' /C calc'!A0",
    b"\xff" * 16,
    b"ev\x1b[31mil\x1b]0;title\x07",
    "\u202eexe.txt\u2066\u200b\ufeff\u0085\u009b31m\u2028".encode(),
    b'a,"b"\r\n|c|\\|d\t',
    b"-1+1",
    b"@SUM(A1)",
    b"+1\n=1",
    b"\t=1",
    b"\xc3",
    b"\xed\xa0\x80\xf4\x90\x80\x80\xc0\x80",
    b"",
    b"</td><script>alert(1)</script>",
    b"`x` ** __ [a](b) ![c](d)",
    b"a\x00b",
]

failures = []


def failed(arguments, why):
    failures.append(f"connmon-query {' '.join(map(repr, arguments))}: {why}")


def ask(arguments, db, **how):
    environment = dict(os.environ, CONNMON_DB=db)
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
    try:
        done = subprocess.run([QUERY, *arguments], stdin=subprocess.DEVNULL, env=environment,
                              timeout=60, **how)
    except subprocess.TimeoutExpired as late:
        failed(arguments, "it does not end")
        return subprocess.CompletedProcess(late.cmd, 99, b"", b"")
    check_text(arguments, done.stderr or b"", b"\n")
    if done.returncode < 0 or done.returncode > 3 or b"Sanitizer" in (done.stderr or b""):
        failed(arguments, f"it ended with {done.returncode}: {done.stderr}")
    return done


def words(script, pattern):
    found = re.search(pattern, script, re.M)
    assert found, f"the script for fish has no {pattern}"
    return found.group(1).split()


def known():
    """Reports, other commands and formats, as the program itself tells the shells."""
    rows = json.loads(ask(["reports", "--format", "json"], SEED).stdout)
    reports = [row["report"] for row in rows]
    script = ask(["completion", "fish"], SEED).stdout.decode()
    formats = words(script, r"-l format -x -a '([^']*)'")
    commands = set(re.findall(r"has -' -a (\S+)", script)) - set(reports)
    assert len(reports) > 6 and TABULAR <= set(formats) and "sql" in commands
    return reports, commands, formats


WITH_NAMES = {
    "list": (["--resolve"],),
    "map": (["--resolve"],),
    "top-destinations": (["--by", "name"],),
}

# What has no end by itself, asked so that it has one.
WITH_END = {
    "follow": ["--since", "boot", "--limit", "5", "--quiet"],
}


def questions(subjects):
    """Each of them, with a word of the seed for those that want one."""
    for subject in subjects:
        if subject in WITH_END:
            yield [subject, *WITH_END[subject]]
            continue
        first = ask([subject], SEED)
        if first.returncode != 2:
            yield [subject]
            yield from ([subject, *options] for options in WITH_NAMES.get(subject, ()))
            continue
        fitting = [[subject, word]
                   for word in ("10.0.1.10", "443", "1001", "curl", "SELECT 1 AS x", "bash")
                   if ask([subject, word], SEED).returncode == 0]
        if not fitting:
            failed([subject], f"no word fits it: {first.stderr}")
        yield from fitting


# ---- what may be printed ----

def check_text(arguments, data, allowed):
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        failed(arguments, f"no UTF-8: {error}")
        return
    bad = re.findall("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]", text)
    bad = sorted(set(bad) - set(allowed.decode()))
    if bad:
        failed(arguments, f"control characters: {bad}")


def check_separated(arguments, text, delimiter):
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    if len({len(row) for row in rows}) != 1:
        failed(arguments, f"rows of {sorted({len(row) for row in rows})} columns")
    number = re.compile(r"[+-]?(\d+(\.\d+)?([eE][+-]?\d+)?|Inf)")
    for cell in (cell for row in rows for cell in row):
        if cell[:1] in tuple("=+-@\t\r") and cell and not number.fullmatch(cell):
            failed(arguments, f"a formula: {cell!r}")
    return len(rows) - 1


def check_objects(arguments, objects):
    if len({tuple(o) for o in objects}) > 1:
        failed(arguments, "objects differ in their keys")
    return len(objects)


def check_markdown(arguments, text):
    lines = text.splitlines()
    bars = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines}
    if len(bars) != 1 or not all(re.fullmatch(r"\|.*\|", line) for line in lines):
        failed(arguments, f"rows of {bars} bars")
    return len(lines) - 2


def check_output(arguments, output, form):
    """How many rows it has; None for a format in which they are not to be counted."""
    check_text(arguments, output, b"\n\t" if form == "tsv" else b"\n")
    text = output.decode(errors="replace")
    try:
        if form == "csv":
            return check_separated(arguments, text, ",")
        if form == "tsv":
            return check_separated(arguments, text, "\t")
        if form == "json":
            return check_objects(arguments, json.loads(text))
        if form == "jsonl":
            return check_objects(arguments, [json.loads(line) for line in text.splitlines()])
        if form == "markdown":
            return check_markdown(arguments, text)
    except (ValueError, csv.Error) as error:
        failed(arguments, f"cannot be read: {error}")
    return None


def ask_in_all_formats(question, db, formats):
    counts = {}
    for form in formats:
        arguments = [*question, "--format", form]
        done = ask(arguments, db)
        if form not in TABULAR and done.returncode == 2:
            continue  # not a format of this report
        if done.returncode != 0:
            failed(arguments, f"exit {done.returncode}: {done.stderr}")
            continue
        counts[form] = check_output(arguments, done.stdout, form)
        if counts[form] is None:
            del counts[form]
    if len(set(counts.values())) > 1:
        failed(question, f"as many rows as formats: {counts}")
    return max(counts.values(), default=0)


# ---- the four tests ----

def text_columns(db):
    """What a table holds as text, with a rowid to tell its rows apart."""
    for table, sql in db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'").fetchall():
        if "WITHOUT ROWID" in sql:
            continue
        for row in db.execute(f"PRAGMA table_info({table})").fetchall():
            if row[2] == "TEXT":
                yield table, row[1]


def make_hostile(path, turn, addresses):
    """The seed's history with other texts: rows stay, so what a report finds there it finds.
    And what the seed has too little of: each of some connections 150 times, with 20 s
    between; and listeners."""
    shutil.copy(SEED, path)
    db = sqlite3.connect(path)
    columns = [row[1] for row in db.execute("PRAGMA table_info(connection)") if row[1] != "id"]
    db.execute(f"""
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)
      INSERT OR IGNORE INTO connection (id, {', '.join(columns)})
      SELECT id - i * 20000000 + 1, {', '.join(columns)} FROM connection, n
       WHERE connect_us IS NOT NULL AND process_id IN (5, 6, 7, 8, 9)""")
    db.execute("""
      INSERT INTO listener (netns, addr, port, program_id, from_us)
      SELECT 1, '0.0.0.0', 8000 + id, id, 1769860800000000 - id FROM program""")
    db.create_function("hostile", 1, lambda i: HOSTILE[(i + turn) % len(HOSTILE)])
    db.execute("PRAGMA foreign_keys = OFF")
    for table, column in text_columns(db):
        address = column in ("addr", "peer_addr", "local_addr")
        if (address and not addresses) or table in ("gap", "account"):
            continue  # a gap's reason is one of a few, or SQLite refuses it
        turned = sum(map(ord, table + column)) % len(HOSTILE)
        unique = " || rowid" if (table, column) == ("local_address", "addr") else ""
        db.execute(f"UPDATE {table} SET {column} = CAST(hostile(rowid + {turned}){unique} AS TEXT)")
    db.commit()
    db.close()


def names(folder):
    reports, commands, formats = known()
    asked = list(questions(reports))
    other = list(questions(sorted(commands)))
    rows = dict.fromkeys(reports, 0)
    # Turned by 8, the few programs of the seed have had all names.
    for turn, addresses in ((0, False), (8, False), (4, True)):
        db = os.path.join(folder, f"hostile-{turn}.db")
        make_hostile(db, turn, addresses)
        for question in asked:
            rows[question[0]] += ask_in_all_formats([*question, "--limit", "0"], db, formats)
        for question in other:
            check_text(question, ask(question, db).stdout, b"\n\t")
    for report, count in rows.items():
        if count == 0:
            failed([report], "says nothing about the seed's history, so nothing was tested")
    told = b"".join(ask(["list", "--limit", "0"], os.path.join(folder, name)).stdout
                    for name in os.listdir(folder) if name.endswith(".db"))
    for trace in (rb"\x1b[31m", rb"=cmd|", rb"\xff\xff", rb"\xe2\x80\xae"):
        if trace not in told:
            failed(["list"], f"{trace} is not there, so it was not tested")


def files(folder):
    reports, _, formats = known()
    asked = list(questions(reports))
    empty = os.path.join(folder, "empty.db")
    shutil.copy(SEED, empty)
    db = sqlite3.connect(empty)
    tables = [row[0] for row in db.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('extent')"
        " AND name NOT LIKE 'sqlite%'")]
    for table in tables:
        db.execute(f"DELETE FROM {table}")
    db.commit()
    db.close()
    whole = open(SEED, "rb").read()
    wrong = {
        "missing.db": None,
        "nothing.db": b"",
        "text.db": b"no database, " * 1000,
        "header.db": whole[:100],
        "cut.db": whole[:len(whole) // 8],
        "garbage.db": whole[:4096] + ALL_BYTES * ((len(whole) - 4096) // 256),
        "zeros.db": whole[:100] + bytes(len(whole) - 100),
    }
    for name, data in wrong.items():
        if data is not None:
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
    for question in asked:
        ask_in_all_formats(question, empty, formats)
        for name in [*wrong, ""]:
            done = ask([*question, "--quiet"], os.path.join(folder, name))
            lines = done.stderr.decode(errors="replace").splitlines()
            if done.returncode != 1 or done.stdout or len(lines) != 1 \
                    or not lines[0].startswith("connmon-query: "):
                failed(question, f"{name or 'a folder'}: exit {done.returncode}: {done.stderr}")


def make_numbers(path, table, number):
    """All of the table's columns of numbers, where SQLite does not refuse it. False when there
    are none."""
    shutil.copy(SEED, path)
    db = sqlite3.connect(path)
    db.execute("PRAGMA foreign_keys = OFF")
    changed = 0
    # Some rows stay as they are, if they can be told apart: so numbers differ by more than fits.
    sql = db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0]
    some = "true" if "WITHOUT ROWID" in sql \
        else f"rowid % 3 < 2 OR (SELECT count(*) FROM {table}) = 1"
    for column in db.execute(f"PRAGMA table_info({table})").fetchall():
        name, which = column[1], some
        if column[2] != "INTEGER":
            continue
        if column[5]:  # of a key only one can be it
            which = f"{name} = (SELECT max({name}) FROM {table})"
        try:
            changed += db.execute(f"UPDATE {table} SET {name} = ? WHERE {which}",
                                  (number,)).rowcount
        except sqlite3.IntegrityError:
            pass
    db.commit()
    db.close()
    return changed > 0


def numbers(folder):
    reports, _, _ = known()
    asked = [*questions(reports), ["doctor"]]
    db = os.path.join(folder, "numbers.db")
    cursor = os.path.join(folder, "cursor")
    with sqlite3.connect(SEED) as seed:
        tables = [row[0] for row in seed.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
    changed = set()
    for table in tables:
        for number in (2 ** 63 - 1, -2 ** 63):
            if make_numbers(db, table, number):
                changed.add(table)
                for question in asked:
                    since = [] if question == ["doctor"] else ["--since", "boot"]
                    ask([*question, *since], db)
                ask(["list", "--cursor-file", cursor], db)
                ask(["list", "--cursor-file", cursor], db)
                if os.path.exists(cursor):
                    os.remove(cursor)
    if not {"run", "clock", "connection", "open_row", "extent"} <= changed:
        failed(["..."], f"only these were changed: {changed}")


# What each column of text, and each row, of the public views is made to be.
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT v.* FROM ({}) v, n"
HUGE = "SELECT {} FROM ({})"


def make_views(path, huge):
    shutil.copy(SEED, path)
    db = sqlite3.connect(path)
    db.execute("PRAGMA legacy_alter_table = ON")
    for view in ("ended_connections", "open_connections", "gaps", "processes", "listeners"):
        sql = db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (view,)).fetchone()
        if not sql:
            continue
        names = [row[1] for row in db.execute(f"PRAGMA table_info({view})")]
        body = re.search(r"\bAS\s+(SELECT.*)", sql[0], re.S).group(1)
        body = re.sub(r"--.*", "", body)
        if huge:
            columns = ", ".join("hex(zeroblob(600000000)) AS " + name
                                if name in ("comm", "exe", "pod", "reason", "cmdline") else name
                                for name in names)
            db.execute(f"CREATE VIEW kept_{view} ({', '.join(names)}) AS {body}")
            body = HUGE.format(columns, f"SELECT * FROM kept_{view}")
        else:
            body = ENDLESS.format(body)
        db.execute(f"DROP VIEW {view}")
        db.execute(f"CREATE VIEW {view} ({', '.join(names)}) AS {body}")
    db.execute("CREATE TRIGGER run_on AFTER INSERT ON connection BEGIN DELETE FROM gap; END")
    db.commit()
    db.close()


def views(folder):
    reports, _, _ = known()
    asked = list(questions(reports))
    for huge in (False, True):
        db = os.path.join(folder, f"views-{huge}.db")
        make_views(db, huge)
        before = open(db, "rb").read()
        ended = 0
        for question in asked:
            arguments = [*question, "--timeout", "1s", "--format", "csv", "--quiet"]
            with open(os.path.join(folder, "out"), "wb") as out:
                done = ask(arguments, db, stdout=out)
            ended += done.returncode
            if done.returncode not in (0, 1) or (done.returncode and not done.stderr):
                failed(arguments, f"exit {done.returncode}: {done.stderr}")
        if ended == 0:
            failed(["..."], f"no report met the views (huge: {huge})")
        if open(db, "rb").read() != before:
            failed(["..."], "the file was written to")
    # In KiB: of the greatest of all those programs.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    if peak > 1 << 20:
        failed(["..."], f"{peak} KiB were used")


def output(folder):
    reports, commands, formats = known()
    for question in [*questions(reports), *questions(sorted(commands)), ["--help"], ["--version"]]:
        for form in formats if question[0] in reports else [None]:
            arguments = [*question, *(["--format", form] if form else []),
                         *(["--quiet"] if question[0] in reports else [])]
            first = ask(arguments, SEED)
            if first.returncode != 0:
                continue
            reader, writer = os.pipe()
            os.close(reader)
            done = ask(arguments, SEED, stdout=writer)
            os.close(writer)
            if done.returncode != 0 or done.stderr:
                failed(arguments, f"closed pipe: exit {done.returncode}: {done.stderr}")
            with open("/dev/full", "wb") as full:
                done = ask(arguments, SEED, stdout=full)
            if first.stdout and (done.returncode != 1 or b"No space left" not in done.stderr):
                failed(arguments, f"full device: exit {done.returncode}: {done.stderr}")


def misspelt(name):
    """A neighbour of @name: two letters change places, or the last is doubled."""
    for i in range(1, len(name) - 1):
        if name[i] != name[i + 1] and "-" not in name[i:i + 2]:
            return name[:i] + name[i + 1] + name[i] + name[i + 2:]
    return name + name[-1]


def expect_usage(arguments, *told):
    done = ask(arguments, SEED)
    lines = done.stderr.decode(errors="replace").splitlines()
    if done.returncode != 2 or len(lines) != 1 or done.stdout \
            or not all(text in lines[0] for text in told):
        failed(arguments, f"exit {done.returncode}: {done.stderr}, without {told}")


def options(folder):
    reports, commands, _ = known()
    for subject in [*reports, *sorted(commands)]:
        expect_usage([misspelt(subject)], f'"{misspelt(subject)}"', "did you mean")
    endless = commands & set(WITH_END)
    for question in [*questions(reports), *questions(sorted(commands - {"help"} - endless)),
                     *([subject] for subject in sorted(endless))]:
        text = ask([question[0], "--help"], SEED).stdout.decode()
        found = re.findall(r"^  (?:-\w, )?--([a-z-]+)(?: (\S+))?(?:  |$)", text, re.M)
        assert len(found) > 1, text
        for name, value in found:
            spelt = misspelt(name)
            if not any(spelt == other for other, _ in found):
                expect_usage([*question, f"--{spelt}"], f"--{spelt};", "did you mean --")
            if not value:
                expect_usage([*question, f"--{name}=1"], f"--{name} takes no value")
                continue
            expect_usage([*question, f"--{name}"], f"--{name} needs a value")
            expect_usage([*question, f"--{name}=1", f"--{name}=1"], f"--{name} is given twice")
            for wrong in ("\x1b[31m", "xyzzy xyzzy", "99999999999999999999999", ""):
                if value in ("NAME", "PATH", "TEXT", "FILE"):
                    # What has no end might wait for such a name; it reads it as reports do.
                    if question[0] in endless:
                        continue
                    ask([*question, f"--{name}={wrong}"], SEED)
                else:
                    expect_usage([*question, f"--{name}={wrong}"], f"--{name}" if wrong else "")


TESTS = {"names": names, "files": files, "numbers": numbers, "views": views, "output": output, "options": options}

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        TESTS[sys.argv[1]](temporary)
    for line in failures[:40]:
        print(line)
    print(f"{len(failures)} failures")
    sys.exit(bool(failures))

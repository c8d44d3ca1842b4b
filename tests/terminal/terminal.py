#!/usr/bin/env python3
"""What connmon-query shows on a terminal, as tmux has it: --watch, follow, bars, odd terminals.

    terminal.py CASE        one of the functions below that begin with case_

Needs in the environment: CONNMON_QUERY (the program, whose clock stands still at
2026-01-31T12:00:00Z), CONNMON_DB (the invented history; it is copied). CONNMON_SHOW=1 prints
each screen that a case waited for, to be looked at."""
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

QUERY = os.environ["CONNMON_QUERY"]
LIMIT_S = 30
NOW_US = 1769860800000000
COLUMNS = ("duration_us, direction, outcome, flags, %s, peer_port, local_port, process_id,"
           " container_id, tx_bytes, rx_bytes, connect_us, retransmits, local_id, error,"
           " closer_id, accept_wait_us, srtt_us, min_rtt_us, cookie, owner_source, thread")


class Terminal:
    """A shell command on a terminal of its own."""

    def __init__(self, folder, command, width=100, height=30, locale="C.UTF-8"):
        self.socket = f"{folder}/tmux-{width}-{time.monotonic_ns()}"
        environment = (f"env -u COLUMNS -u LINES -u NO_COLOR LC_ALL={locale} PAGER=cat"
                       f" CONNMON_PAGER=cat CONNMON_DB={folder}/history.db")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height),
                  f"{environment} sh -c 'trap : INT; {command}; echo EXIT $?; cat'")

    def tmux(self, *words):
        environment = dict(os.environ, LC_ALL="C.UTF-8")
        return subprocess.run(["tmux", "-S", self.socket, *words], check=True, text=True,
                              stdout=subprocess.PIPE, env=environment).stdout

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def resize(self, width, height):
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def until(self, what, holds):
        """The screen as soon as it is as it should be."""
        end = time.monotonic() + LIMIT_S
        while True:
            screen = self.screen()
            if holds(screen):
                if os.environ.get("CONNMON_SHOW"):
                    print(f"== {what}\n{screen.rstrip()}")
                return screen
            if time.monotonic() > end:
                raise SystemExit(f"FAIL: {what}; the screen is\n{screen}")
            time.sleep(0.05)

    def until_says(self, *words):
        return self.until(f"it says {words}", lambda screen: all(w in screen for w in words))

    def pane(self, name):
        return self.tmux("display-message", "-p", "#{" + name + "}").strip()

    def end(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], check=False,
                       stderr=subprocess.DEVNULL)


class Bench:
    """A copy of the history, and the terminals on it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="connmon-terminal-")
        self.path = f"{self.folder}/history.db"
        self.terminals = []
        shutil.copy(os.environ["CONNMON_DB"], self.path)

    def run(self, words, **size):
        terminal = Terminal(self.folder, f"{QUERY} {words}", **size)
        self.terminals.append(terminal)
        return terminal

    def sql(self, *statements):
        db = sqlite3.connect(self.path, timeout=LIMIT_S, isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
        for statement in statements:
            db.execute(statement)
        db.execute("COMMIT")
        db.close()

    def connect(self, at_us, peer="10.0.1.10", process=None):
        """One that ended then, else as one of the invented history."""
        columns = COLUMNS % f"'{peer}'"
        if process:
            columns = columns.replace("process_id", str(process))
        self.sql(f"INSERT INTO connection (id, {COLUMNS % 'peer_addr'}) SELECT {at_us}, {columns}"
                 " FROM connection WHERE id = 1769859000000000")

    def end(self):
        for terminal in self.terminals:
            terminal.end()
        shutil.rmtree(self.folder)


def check(what, holds, screen=""):
    if not holds:
        raise SystemExit(f"FAIL: {what}\n{screen}")


def lines_with(screen, word):
    return [line for line in screen.splitlines() if word in line]


def fits(screen, width):
    return all(len(line) <= width for line in screen.splitlines())


# ---- --watch

def case_watch_shows_what_changed(bench):
    t = bench.run("top-destinations --since 12h --watch 1s", width=120)
    t.until_says("top-destinations", "every 1s", "10.0.1.10", "last written")
    check("it is on the other screen", t.pane("alternate_on") == "1")
    bench.connect(NOW_US - 5_000_000)
    bench.connect(NOW_US - 4_000_000, "192.0.2.99")
    t.until("a new destination is there", lambda s: "192.0.2.99" in s)
    t.keys("q")
    t.until_says("EXIT 0")
    check("the screen is as before", t.pane("alternate_on") == "0")
    check("the cursor is there", t.pane("cursor_flag") == "1")


def case_watch_tells_deltas(bench):
    t = bench.run("top-destinations --since 12h --watch 5s", width=120)
    t.until_says("last written")
    bench.connect(NOW_US - 5_000_000)
    bench.connect(NOW_US - 4_000_000, "192.0.2.99")
    screen = t.until_says("192.0.2.99")
    check("one connection more", "6 +1" in lines_with(screen, "10.0.1.10 ")[0], screen)
    check("its bytes", "+1000" in lines_with(screen, "10.0.1.10 ")[0], screen)
    check("a new row says so", "1 new" in lines_with(screen, "192.0.2.99")[0], screen)
    check("others do not", "+" not in lines_with(screen, "10.66.0.1")[0], screen)
    screen = t.until("the next frame has no news",
                     lambda s: "192.0.2.99" in s and "+1" not in s and "new" not in s)
    t.keys("C-c")
    t.until_says("EXIT 130")
    check("the screen is as before", t.pane("alternate_on") == "0")


def case_watch_pauses_and_follows_the_size(bench):
    t = bench.run("top-destinations --since 12h --watch 1s", width=100)
    t.until_says("every 1s", "::1")
    t.keys(" ")
    t.until_says("paused")
    bench.connect(NOW_US - 4_000_000, "192.0.2.99")
    t.resize(60, 10)
    screen = t.until_says("more rows", "paused")
    check("all fits", fits(screen, 60) and "192.0.2.99" not in screen, screen)
    t.resize(20, 6)
    t.until("a small one", lambda s: fits(s, 20) and "10.0.1.10" in s and "more row" in s)
    t.resize(120, 30)
    t.until("a large one again", lambda s: "more row" not in s and "::1" in s)
    t.keys(" ")
    t.until_says("192.0.2.99")
    t.keys("q")
    t.until_says("EXIT 0")


def case_watch_goes_on_when_one_question_fails(bench):
    t = bench.run("summary --since 12h --watch 1s", width=100)
    t.until_says("last written")
    os.rename(bench.path, bench.path + ".aside")
    t.until_says("no such file", "last written")
    os.rename(bench.path + ".aside", bench.path)
    t.until("it is back", lambda s: "no such file" not in s and "last written" in s)
    t.keys("q")
    t.until_says("EXIT 0")


def case_watch_restores_the_terminal(bench):
    for name, number in (("TERM", signal.SIGTERM), ("HUP", signal.SIGHUP)):
        t = Terminal(bench.folder, f"stty -g > {bench.folder}/before; {QUERY} timeline --watch 1s;"
                     f" stty -g > {bench.folder}/after")
        bench.terminals.append(t)
        t.until_says("last written")
        os.kill(child_of(int(t.pane("pane_pid"))), number)
        t.until_says("EXIT")
        check(f"after {name} the screen is as before", t.pane("alternate_on") == "0")
        check(f"after {name} the keys are as before",
              read(f"{bench.folder}/before") == read(f"{bench.folder}/after"))


def case_watch_can_be_suspended(bench):
    t = bench.run("top-destinations --since 12h --watch 1s", width=100)
    t.until_says("last written")
    pid = child_of(int(t.pane("pane_pid")))
    os.kill(pid, signal.SIGTSTP)
    t.until("the screen is as before", lambda s: t.pane("alternate_on") == "0")
    os.kill(pid, signal.SIGCONT)
    t.until("it is drawn again",
            lambda s: t.pane("alternate_on") == "1" and "last written" in s)
    t.keys("q")
    t.until_says("EXIT 0")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def child_of(pid):
    """The process that @pid waits for, perhaps through a shell of its own."""
    while True:
        children = read(f"/proc/{pid}/task/{pid}/children").split()
        if not children or os.path.basename(QUERY).startswith(read(f"/proc/{pid}/comm").strip()):
            return pid
        pid = int(children[0])


# ---- follow

def case_follow_shows_each_connection_once(bench):
    t = bench.run("follow", width=100)
    for i in range(5):
        bench.connect(NOW_US + i * 1_000_000, f"192.0.2.{i + 1}")
        screen = t.until_says(f"192.0.2.{i + 1} ")
    check("the header is there once", len(lines_with(screen, "outcome")) == 1, screen)
    check("each is there once", len(lines_with(screen, "192.0.2.")) == 5, screen)
    t.keys("C-c")
    t.until_says("EXIT 130")


def case_follow_waits_for_a_database_and_takes_a_new_one(bench):
    os.rename(bench.path, bench.path + ".old")
    t = bench.run("follow --since 2026-01-31T11:54:00Z", width=100)
    t.until_says("no such file", "waiting")
    shutil.copy(bench.path + ".old", bench.path)
    t.until_says("the database is there", "reset_by_us")
    bench.connect(NOW_US, "192.0.2.1")
    t.until_says("192.0.2.1 ")
    os.rename(bench.path, bench.path + ".aside")
    shutil.copy(os.environ["CONNMON_DB"], bench.path)
    bench.connect(NOW_US + 1, "192.0.2.2")
    screen = t.until_says("begun anew", "192.0.2.2 ")
    check("nothing is shown again", len(lines_with(screen, "reset_by_us")) == 1, screen)
    bench.sql("INSERT INTO gap (from_us, to_us, reason, count)"
              f" VALUES ({NOW_US}, {NOW_US + 10}, 'ring_full', 7)")
    t.until_says("gap: ring_full", "7 events lost")
    t.keys("C-c")
    t.until_says("EXIT 130")


def case_follow_by_a_name_goes_on_when_it_is_gone(bench):
    t = bench.run("follow --peer www.example.com", width=100)
    bench.connect(NOW_US, "192.0.2.7")
    t.until_says("192.0.2.7 ")
    bench.sql("DELETE FROM dns_name")
    bench.connect(NOW_US + 1_000_000, "192.0.2.7")
    bench.sql("INSERT INTO gap (from_us, to_us, reason, count)"
              f" VALUES ({NOW_US}, {NOW_US + 10}, 'ring_full', 7)")
    t.until_says("7 events lost")
    bench.sql("INSERT INTO dns_name VALUES"
              " ('192.0.2.8', 'www.example.com', '10.0.0.53', 1, 1, 1)")
    bench.connect(NOW_US + 2_000_000, "192.0.2.8")
    screen = t.until_says("192.0.2.8 ")
    check("without the name there is nothing", len(lines_with(screen, "192.0.2.7 ")) == 1, screen)
    t.keys("C-c")
    t.until_says("EXIT 130")


def case_follow_shows_what_opens(bench):
    t = bench.run("follow --opened", width=100)
    bench.connect(NOW_US, "192.0.2.1")
    t.until_says("192.0.2.1 ")
    bench.sql("INSERT INTO open_row SELECT 77, %d, %d, direction, outcome, error, local_addr,"
              " local_port, '192.0.2.50', peer_port, process_id, closer_id, container_id, netns,"
              " connect_us, accept_wait_us, tx_bytes, rx_bytes, retransmits, srtt_us, min_rtt_us,"
              " 4242, owner_source, flags, thread FROM open_row LIMIT 1"
              % (NOW_US + 5, NOW_US + 9))
    t.until_says("192.0.2.50 ")
    bench.connect(NOW_US + 100, "192.0.2.2")
    screen = t.until_says("192.0.2.2 ")
    check("it opens once", len(lines_with(screen, "192.0.2.50 ")) == 1, screen)
    t.keys("C-c")
    t.until_says("EXIT 130")


def case_follow_says_what_else_happens(bench):
    bench.sql("UPDATE run SET stop_us = NULL")
    t = bench.run("follow", width=100, height=60)
    bench.connect(NOW_US, "192.0.2.1")
    t.until_says("192.0.2.1 ")
    bench.sql(f"UPDATE run SET stop_us = {NOW_US}")
    t.until_says("no collector is running since", "waiting")
    bench.sql("UPDATE run SET stop_us = NULL")
    t.until_says("a collector is running again")
    bench.sql(*("INSERT INTO gap (from_us, to_us, reason, count)"
                f" VALUES ({NOW_US}, {NOW_US + i}, 'ring_full', 7)" for i in range(25)))
    screen = t.until_says("and more gaps: see connmon-query gaps")
    check("twenty are told", len(lines_with(screen, "gap: ring_full")) == 20, screen)
    for part in ("", "-wal", "-shm"):
        os.rename(bench.path + part, bench.path + ".aside" + part)
    shutil.copy(os.environ["CONNMON_DB"], bench.path + ".new")
    old = sqlite3.connect(bench.path + ".new", isolation_level=None)
    old.execute(f"DELETE FROM connection WHERE id > {NOW_US - 1_000_000_000}")
    old.close()
    os.rename(bench.path + ".new", bench.path)
    t.until_says("what ended last in it ended before what was shown")
    bench.connect(NOW_US - 500_000_000, "192.0.2.3")
    t.until_says("192.0.2.3 ")
    t.keys("C-c")
    t.until_says("EXIT 130")


def case_follow_fits_narrow_terminals(bench):
    for width in (80, 40, 20):
        t = bench.run("follow --since 2026-01-31T11:00:00Z --limit 8", width=width, height=60)
        screen = t.until_says("EXIT 0")
        rows = lines_with(screen, "12:")
        check("lines are as wide as the terminal", fits(screen, width), screen)
        check("a line each", len([r for r in rows if "│" in r or width == 20]) == 8, screen)
        t.end()


# ---- bars

def case_bars_are_drawn_on_a_terminal(bench):
    t = bench.run("slow --since 12h --min-connections 1", width=120)
    check("slow", "████" in t.until_says("EXIT 0"))
    t = bench.run("timeline --since 2h", width=100, height=50)
    check("timeline", "████" in t.until_says("EXIT 0"))
    for what in ("destinations", "ports", "processes", "clients", "users", "containers"):
        t = bench.run(f"top-{what} --since 12h", width=120)
        screen = t.until_says("EXIT 0")
        check(f"top-{what}", "█" in screen and fits(screen, 120), screen)
    for what in ("timeline", "top-ports", "slow --min-connections 1"):
        t = bench.run(f"{what} --since 12h --no-graph", width=100, height=60)
        screen = t.until_says("EXIT 0")
        check(f"--no-graph of {what}", "█" not in screen, screen)
    t = bench.run("top-ports --since 12h | cat", width=100)
    check("a pipe has none", "█" not in t.until_says("EXIT 0"))


def case_without_utf8_all_is_ascii(bench):
    for words in ("timeline --since 1h", "slow --since 12h --min-connections 1",
                  "top-destinations --since 12h", "top-destinations --since 12h --watch 1s"):
        t = bench.run(words, width=100, locale="C")
        screen = t.until_says("last writ")
        check("all is ASCII", screen.isascii() and "##" in screen, screen)
        t.end()


# ---- odd terminals, odd names

def case_twenty_columns(bench):
    for words in ("timeline --since 1h", "top-destinations --since 12h", "list --since 12h",
                  "slow --since 12h --min-connections 1", "summary --since 12h"):
        t = bench.run(f"{words} --quiet", width=20, height=120)
        screen = t.until_says("EXIT 0")
        check("it fits", fits(screen, 20), screen)
        check("what has no room is said", "no room here" in screen or "summary" in words, screen)


def case_long_and_right_to_left_names(bench):
    names = ["x" * 255, "שלום-עולם", "مرحبا", "漢字" * 40, "a\u202eb\u200fc"]
    for i, name in enumerate(names):
        bench.sql(f"INSERT INTO program VALUES ({100 + i}, '{name[:15]}', '/opt/{name}', 0, NULL)",
                  "INSERT INTO process (id, boot, pid, start_us, ppid, program_id, cmdline)"
                  f" VALUES ({100 + i}, 1, {5000 + i}, 1, 1, {100 + i}, NULL)")
        bench.connect(NOW_US - 10_000 - i, "192.0.2.77", 100 + i)
    for words in ("top-processes --since 1h", "list --since 1h", "top-processes --since 1h --watch 1s",
                  "follow --since 2026-01-31T11:59:00Z --limit 5"):
        for width in (100, 40):
            t = bench.run(words, width=width, height=60)
            screen = t.until_says("to 13:00:00," if "watch" in words else "EXIT 0")
            check("no mark of direction gets through",
                  not any(c in screen for c in "\u202e\u200f"), screen)
            check("it fits", fits(screen, width), screen)
            check("right to left names are there", "שלום" in screen or width == 40, screen)
            t.end()


# ---- what is too long for a terminal

def case_less_is_the_pager_where_there_is_one(bench):
    os.mkdir(f"{bench.folder}/bin")
    with open(f"{bench.folder}/bin/less", "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n/bin/cat\necho less $LESS\n")
    os.chmod(f"{bench.folder}/bin/less", 0o755)
    for path, pages in ((f"/nowhere:{bench.folder}/bin", True), ("/nowhere", False), ("", False)):
        t = Terminal(bench.folder, f"env -u PAGER -u CONNMON_PAGER -u LESS PATH={path} {QUERY}"
                     " top-ports --since 12h")
        bench.terminals.append(t)
        screen = t.until_says("EXIT 0", "connections")
        check("less shows it", ("less FRX" in screen) == pages, screen)
    t = Terminal(bench.folder, f"env CONNMON_PAGER=/nowhere/pager {QUERY} top-ports --since 12h")
    bench.terminals.append(t)
    t.until_says("/nowhere/pager", "EXIT")


def case_a_page_is_not_for_a_terminal(bench):
    t = bench.run("story")
    t.until_says("a page is for a browser", "EXIT 1")


def case_empty_windows_and_gaps_only(bench):
    t = bench.run("top-destinations --since 2026-01-30T23:00:00Z --until 2026-01-30T23:01:00Z"
                  " --started --watch 1s", width=100)
    t.until_says("no such connections in this window", "q: quit")
    bench.sql("DELETE FROM connection", "DELETE FROM open_row")
    t = bench.run("timeline --since 2026-01-31T10:40:00Z --watch 1s", width=100)
    screen = t.until_says("ring_full", "from_at")
    check("no bar is drawn", "█" not in screen, screen)
    t = bench.run("gaps --since 7d --watch 1s", width=100)
    t.until_says("ring_full", "stopped")
    t = bench.run("follow --since 7d", width=100)
    t.until_says("gap: ring_full")
    t.keys("C-c")
    t.until_says("EXIT 130")


def main():
    cases = {name[5:]: case for name, case in globals().items() if name.startswith("case_")}
    if not shutil.which("tmux"):
        raise SystemExit("FAIL: there is no tmux")
    for name in sys.argv[1:] or cases:
        bench = Bench()
        try:
            cases[name](bench)
        finally:
            bench.end()
        print(f"ok: {name}")


if __name__ == "__main__":
    main()

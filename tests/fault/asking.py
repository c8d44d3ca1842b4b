#!/usr/bin/env python3
"""Wherever a question finds no memory, once or for a while, it answers as ever or says so: it never
crashes, and what it printed until then is the begin of the right answer.

    asking.py CONNMON-QUERY DENY.SO DATABASE

All places with CONNMON_FAULT_ALL=1 in the environment, else a part of them.
"""
import os
import subprocess
import sys
import time

QUERY, DENY, DATABASE = sys.argv[1:4]
ALL = os.environ.get("CONNMON_FAULT_ALL")
PARTS = 12  # places of each question that are tried, else
A_WHILE = 40
QUESTIONS = [
    ["top-destinations", "--since", "12h"],
    ["list", "--since", "12h", "--limit", "20", "--format", "json"],
    ["summary", "--format", "html"],
    ["top-ports", "--by", "comm", "--format", "csv"],
    ["beacons"],
    ["timeline"],
    ["doctor"],
    ["sql", "SELECT comm, count(*), percentile(connect_us, 50) FROM connections GROUP BY 1"],
]


def ask(words, at=0, times=1):
    """The program's code and outputs, and whether it was denied memory."""
    told, tell = os.pipe()
    env = dict(os.environ, CONNMON_DB=DATABASE, TZ="UTC", LC_ALL="C", COLUMNS="120")
    if at:
        env.update(LD_PRELOAD=DENY, DENY_AT=str(at), DENY_TIMES=str(times), DENY_TELL=str(tell))
    done = subprocess.run([QUERY, *words], env=env, capture_output=True, pass_fds=[tell], timeout=60)
    os.close(tell)
    denied = os.read(told, 6) != b""
    os.close(told)
    return done.returncode, done.stdout, done.stderr, denied


def judge(words, where, right, got):
    """Whether it told of it; ends the test when it neither did nor answered as ever."""
    code, out, err, _ = got
    if (code, out) == right[:2]:
        return False
    if words[0] == "doctor" and code < 2 and b"memory" in out + err:
        return True  # a check that could not be made says so
    complaint = f"{' '.join(words)}, {where}: exit code {code}: {err[-300:].decode()}"
    if code != 1 or not err.startswith(b"connmon-query: "):
        sys.exit(f"{complaint}\nand what it printed is not the answer:\n{out.decode()}")
    if b"memory" not in err:
        sys.exit(f"{complaint}\nand it names another cause")
    if not right[1].startswith(out):
        sys.exit(f"{complaint}\nand what it printed is not the begin of the answer:\n{out.decode()}")
    return True


def places(words, times):
    """Tries them one after the other, until a question ends without."""
    right = ask(words)
    last = 1
    while ask(words, last, 1)[3] and last < 1 << 24:
        last *= 2
    stride = 1 if ALL else max(last // PARTS, 1)
    played = told = 0
    for at in range(1, last, stride):
        got = ask(words, at, times)
        if not got[3] and got[0] == right[0]:
            break
        told += judge(words, f"memory denied {times} times from place {at} on", right, got)
        played += 1
    return played, told


def main():
    all_played = all_told = 0
    for words in QUESTIONS:
        for times in (1, A_WHILE):
            played, told = places(words, times)
            all_played += played
            all_told += told
    print(f"{all_played} places, of which {all_told} ended with a message")
    if not all_told:
        sys.exit("none of them told anything: was memory denied at all?")


began = time.monotonic()
main()
print(f"{time.monotonic() - began:.1f} s")

#!/usr/bin/env python3
"""Whether the tests notice mistakes: makes each of mutants.txt in a copy of the source, one after
the other, and runs the tests that are to fail then. One that survives is a missing test.

    run.py [REGEX]      those whose name or file it fits; node tests need root
"""
import os
import re
import subprocess
import sys

TESTS = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(TESTS))
COPY = f"{SOURCE}/build-mutants/source"
BUILD = f"{SOURCE}/build-mutants/build"
JOBS = str(os.cpu_count())


def read_mutants():
    with open(f"{TESTS}/mutants.txt", encoding="utf-8") as file:
        text = "\n".join(line for line in file.read().split("\n") if not line.startswith("#"))
    out = []
    for block in re.split(r"\n\s*\n", text.strip()):
        name, file, kill, old, new = block.strip("\n").split("\n")
        out.append((name, file.split()[1], kill.split()[1:], old[2:], new[2:]))
    return out


def write(path, data):
    """Only what differs, so that no more is built than has to be."""
    if os.path.exists(path):
        with open(path, "rb") as file:
            if file.read() == data:
                return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def copy_source():
    names = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=SOURCE,
                           capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        if not os.path.isfile(f"{SOURCE}/{name}"):
            continue
        with open(f"{SOURCE}/{name}", "rb") as file:
            write(f"{COPY}/{name}", file.read())
        os.chmod(f"{COPY}/{name}", os.stat(f"{SOURCE}/{name}").st_mode)


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode == 0, done.stdout.decode(errors="replace")


def target_of(test):
    kind, name = test.split(".", 1)
    if kind == "golden":
        return ["connmon-query-fixed", "golden_seed", "golden_cookbook"]
    return [{"unit": "test_", "fuzz": "feed_"}.get(kind, kind + "_") + name]


def build(tests):
    targets = sorted({target for test in tests for target in target_of(test)})
    return run("cmake", "--build", BUILD, "-j", JOBS, "--target", *targets)


def passes(tests):
    """Of golden tests a begin of the name is enough."""
    names = "|".join(re.escape(t) + (".*" if t.startswith("golden") else "") for t in tests)
    return run("ctest", "--test-dir", BUILD, "--no-tests=error", "--stop-on-failure",
               "--output-on-failure", "-R", f"^({names})$")


def prepare(mutants):
    """Returns the tests that fail without any mutant."""
    copy_source()
    options = sys.argv[2:] + ["-DCMAKE_BUILD_TYPE=Debug", "-DCONNMON_WERROR=OFF"]
    tests = sorted({t for m in mutants for t in m[2]})
    for fine, words in (run("cmake", "-S", COPY, "-B", BUILD, "-G", "Ninja", *options),
                        build(tests)):
        if not fine:
            sys.exit(words + "run.py: it does not build, without any mutant")
    broken = {}
    for test in tests:
        fine, words = passes([test])
        if not fine:
            broken[test] = words
            print(f"{words}\n{test} fails without any mutant", flush=True)
    return broken


def try_mutant(file, tests, old, new):
    with open(f"{COPY}/{file}", "rb") as f:
        original = f.read()
    if original.count(old.encode()) != 1:
        return "NO PLACE: its text stands there %d times" % original.count(old.encode())
    try:
        write(f"{COPY}/{file}", original.replace(old.encode(), new.encode()))
        for test in tests:
            built, words = build([test])
            if not built:
                return "DOES NOT COMPILE\n" + words
            passed, words = passes([test])
            if not passed:
                return "killed by " + test
    finally:
        write(f"{COPY}/{file}", original)
    return "SURVIVED " + " ".join(tests)


def main():
    pattern = sys.argv[1] if len(sys.argv) > 1 else ""
    mutants = [m for m in read_mutants() if re.search(pattern, m[0]) or re.search(pattern, m[1])]
    broken = prepare(mutants)
    killed = 0
    for name, file, tests, old, new in mutants:
        left = [test for test in tests if test not in broken]
        result = try_mutant(file, left, old, new) if left else "NOT TRIED"
        killed += result.startswith("killed")
        print(f"{file:28} {name:60} {result}", flush=True)
    print(f"{killed} of {len(mutants)} mutants are killed")
    sys.exit(0 if killed == len(mutants) else 1)


main()

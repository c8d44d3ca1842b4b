#!/usr/bin/env python3
"""What the tests reach: by file and by layer, and each place that they never reach.

    report.py BUILD_FOLDER      (its tests have run, with profiles in BUILD_FOLDER/profiles)

Prints the lines reached of each file in percent, and writes every place that is never reached,
with the reason that never-reached.txt gives for it, to BUILD_FOLDER/never-reached.txt. Fails
when a file of more than 20 lines is reached below 90 %, or a function is never entered, and
never-reached.txt does not say why.
"""
import fnmatch
import glob
import os
import re
import shutil
import subprocess
import sys

LAYERS = ["schema", "collector", "query", "fleet"]
LEAST = 90  # percent
SMALL = 20  # lines
TESTS = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(TESTS))


def tool(name):
    """The one of the clang that is `clang`: the versions do not read each other's files."""
    version = subprocess.run(["clang", "-dumpversion"], capture_output=True, text=True, check=True)
    found = shutil.which(f"{name}-{version.stdout.split('.')[0]}") or shutil.which(name)
    return found or sys.exit(f"{name} is missing: ./dev coverage installs llvm")


def export(build):
    profiles = glob.glob(f"{build}/profiles/*.profraw")
    merged = f"{build}/all.profdata"
    if not profiles:
        sys.exit(f"{build}/profiles is empty: run the tests first, with ./dev coverage")
    subprocess.run([tool("llvm-profdata"), "merge", "-o", merged, *profiles], check=True)
    # In the tests there is the same.
    objects = [f"{build}/collector/connmon-collect", f"{build}/query/connmon-query"]
    objects += [f"{build}/query/connmon.so"] + glob.glob(f"{build}/fleet/connmon-forward")
    command = [tool("llvm-cov"), "export", "-format=lcov", f"-instr-profile={merged}", objects[0]]
    for path in objects[1:]:
        command += ["-object", path]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=SOURCE).stdout


class Module:
    """A source file: how often each of its lines ran, and where its functions begin."""

    def __init__(self, path):
        self.path = path
        self.runs = {}  # by line number
        self.functions = {}  # name: [first line, times entered]
        with open(f"{SOURCE}/{path}", encoding="utf-8") as file:
            self.text = [""] + file.read().split("\n")

    def percent(self):
        return 100 * self.reached() / len(self.runs) if self.runs else 100

    def reached(self):
        return sum(1 for runs in self.runs.values() if runs)

    def function_at(self, line):
        begun = [(first, name) for name, (first, _) in self.functions.items() if first <= line]
        return max(begun, default=(0, ""))[1]

    def places(self):
        """Lines in a row, of one function, that never ran: (function, [line numbers])."""
        out = []
        for line in sorted(self.runs):
            if self.runs[line] or self.text[line].strip(" \t{}")[:1] in ("", "#"):
                continue
            function = self.function_at(line)
            if out and out[-1][0] == function and line - out[-1][1][-1] <= 2:
                out[-1][1].append(line)
            else:
                out.append((function, [line]))
        return out


def read_modules(lcov):
    modules = {}
    module = None
    for line in lcov.split("\n"):
        key, _, value = line.partition(":")
        if key == "SF":
            path = value.rsplit("/./", 1)[-1]  # -ffile-prefix-map
            module = None
            if path.endswith(".c") and os.path.dirname(path) in LAYERS:
                module = modules.setdefault(path, Module(path))
        elif module and key == "FN":
            first, name = value.split(",")
            module.functions.setdefault(name.split(":")[-1], [int(first), 0])
        elif module and key == "FNDA":
            runs, name = value.split(",")
            module.functions[name.split(":")[-1]][1] += int(runs)
        elif module and key == "DA":
            number, runs = (int(x) for x in value.split(",")[:2])
            module.runs[number] = module.runs.get(number, 0) + runs
    return modules


class Reason:
    """FILES: PATTERN: WORDS. PATTERN is looked for in the place, in the two lines before it, and
    as the whole name of its function; "below 90 %" as PATTERN is of the file itself."""

    def __init__(self, line):
        self.files, self.pattern, self.words = re.split(r"\s*:: *", line, maxsplit=2)
        self.used = False

    def fits(self, module, function, lines):
        if not fnmatch.fnmatch(module.path, self.files):
            return False
        near = module.text[max(lines[0] - 2, 0) : lines[-1] + 1]
        if self.pattern == function or re.search(self.pattern, "\n".join(near)):
            self.used = True
            return True
        return False

    def excuses(self, module):
        if self.pattern != f"below {LEAST} %" or not fnmatch.fnmatch(module.path, self.files):
            return False
        self.used = True
        return True


def read_reasons():
    with open(f"{TESTS}/never-reached.txt", encoding="utf-8") as file:
        return [Reason(line.strip()) for line in file if line.strip() and line[0] != "#"]


def tell_places(modules, reasons, out):
    """Returns what is wrong, and prints the sums."""
    wrong, lines, explained = [], 0, 0
    for module in modules:
        for function, place in module.places():
            reason = next((r.words for r in reasons if r.fits(module, function, place)), None)
            lines += len(place)
            explained += len(place) if reason else 0
            print(f"{module.path}:{place[0]}: {function}: {reason or 'not tested'}", file=out)
            for number in place:
                print(f"    {module.text[number]}", file=out)
            if not reason and not module.functions.get(function, [0, 1])[1]:
                wrong.append(f"{module.path}: {function}() is never entered")
    print(f"{lines} lines are never reached, {explained} of them for a known reason")
    return wrong


def tell_percents(modules, reasons):
    wrong = []
    for layer in LAYERS:
        of_layer = [m for m in modules if os.path.dirname(m.path) == layer]
        if not of_layer:
            continue
        for m in of_layer:
            low = m.percent() < LEAST and len(m.runs) > SMALL
            excused = low and any(r.excuses(m) for r in reasons)
            print(f"{m.percent():6.1f} %  {m.path}" + ("  (see never-reached.txt)" if excused else ""))
            if low and not excused:
                wrong.append(f"{m.path}: only {m.percent():.1f} % of the lines are reached")
        all_lines = sum(len(m.runs) for m in of_layer)
        reached = sum(m.reached() for m in of_layer)
        print(f"{100 * reached / all_lines:6.1f} %  {layer}: {reached} of {all_lines} lines\n")
    return wrong


def main():
    build = os.path.abspath(sys.argv[1])
    modules = sorted(read_modules(export(build)).values(), key=lambda m: m.path)
    reasons = read_reasons()
    wrong = tell_percents(modules, reasons)
    with open(f"{build}/never-reached.txt", "w", encoding="utf-8") as out:
        wrong += tell_places(modules, reasons, out)
    print(f"each of them: {os.path.relpath(out.name)}")
    for r in reasons:
        if not r.used:
            print(f"a reason that is not needed here: {r.files}:: {r.pattern}")
    print("\n".join(dict.fromkeys(wrong)))
    sys.exit(1 if wrong else 0)


main()

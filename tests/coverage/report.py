#!/usr/bin/env python3
"""What the tests reach: by file and by layer, and each place that they never reach.

    report.py BUILD_FOLDER      (its tests have run, with profiles in BUILD_FOLDER/profiles)

Prints the lines reached of each file in percent, and writes every place that is never reached,
with its reason, to BUILD_FOLDER/never-reached.txt. Fails when

  - a file is reached below 90 % and never-reached.txt names no floor for it, or it sinks below that;
  - a function is never entered, and never-reached.txt does not name it;
  - never-reached.txt names what is reached, or is not there any more.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

LAYERS = ["schema", "collector", "query", "fleet"]
LEAST = 90  # percent

# Reasons that can be seen in a place itself, or in the condition before it: words for the list, of a
# few lines in a function that the tests enter. They excuse nothing.
KINDS = [
    (r"ENOMEM|NOMEM|[Nn]o memory|no_memory|nomem|[mc]alloc\(|realloc|strdup|open_memstream",
     "memory ran out: fault.memory denies the collector's pieces one by one"),
    (r"db_errno|db_wrap_older|sqlite3_err(msg|str|code)|SQLITE_(CORRUPT|FULL|INTERNAL|RANGE|ERROR)",
     "SQLite fails in the middle of something: fault.io and fault.damage make it, not at each place"),
    (r"-errno|strerror|errno =", "a system call fails that does not fail here"),
    (r"ENAMETOOLONG|E2BIG|too long|too many|>= \(int\)sizeof", "longer or more than anything that is made"),
    (r"EINTR", "a signal comes within a system call"),
    (r"return (ret|rc|err->code|found|status|done|code|STATUS_FAILED);|goto fail;|story_fail",
     "hands on what failed in what was called"),
    (r"if \(!\w+(->\w+)*\)\n\s*return[^;]*;", "there is nothing there, or no memory for it"),
]
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

    def is_entered(self, function):
        return self.functions.get(function, [0, 1])[1] > 0

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
            path = os.path.normpath(value.rsplit("/./", 1)[-1])  # -ffile-prefix-map
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


class Excuse:
    """A line of never-reached.txt: FILE:: WHAT:: WORDS. WHAT is "FLOOR %" of the file, "FUNCTION()"
    that is never entered, or "FUNCTION: TEXT", the place in it with that text."""

    def __init__(self, line):
        self.path, self.what, self.words = re.split(r"\s*:: *", line, maxsplit=2)
        floor = re.fullmatch(r"([0-9]+) %", self.what)
        self.floor = int(floor[1]) if floor else None
        self.function, _, self.text = self.what.partition(": ")
        self.true = False

    def is_of(self, module, place):
        """Whether it names this place of the module, or the function that it is in."""
        function, lines = place
        if self.path != module.path or self.floor is not None:
            return False
        if self.what == f"{function}()":
            return not module.is_entered(function)
        text = "\n".join(module.text[lines[0] - 1 : lines[-1] + 1])  # and the condition before
        return bool(self.text) and self.function == function and self.text in text


def read_excuses():
    with open(f"{TESTS}/never-reached.txt", encoding="utf-8") as file:
        return [Excuse(line.strip()) for line in file if line.strip() and line[0] != "#"]


def seen_in(module, place):
    """The words of a reason that can be seen in the place, or None."""
    function, lines = place
    if not module.is_entered(function):
        return None
    text = "\n".join(module.text[max(lines[0] - 2, 0) : lines[-1] + 1])
    return next((words for pattern, words in KINDS if re.search(pattern, text)), None)


def explain(module, place, excuses):
    """Whether it was explained by name, and the words; marks as true what names the place."""
    naming = [e for e in excuses if e.is_of(module, place)]
    for e in naming:
        e.true = True
    return naming[0].words if naming else seen_in(module, place)


def tell_places(modules, excuses, out):
    """Returns what is wrong, and prints the sums."""
    wrong, lines, bare = [], 0, 0
    for module in modules:
        for place in module.places():
            function, numbers = place
            words = explain(module, place, excuses)
            lines += len(numbers)
            bare += 0 if words else len(numbers)
            print(f"{module.path}:{numbers[0]}: {function}: {words or 'not tested'}", file=out)
            for number in numbers:
                print(f"    {module.text[number]}", file=out)
            if not words and not module.is_entered(function):
                wrong.append(f"{module.path}: {function}() is never entered")
    print(f"{lines} lines are never reached, {bare} of them for no reason but that no test does")
    return wrong


def judge_percent(module, floors):
    """What is wrong with it, or None. The floor of a file that needs none is not true."""
    percent = module.percent()
    floor = floors.get(module.path)
    if percent >= LEAST:
        return None
    if not floor:
        return f"{module.path}: only {percent:.1f} % of the lines are reached"
    floor.true = True
    if percent < floor.floor:
        return f"{module.path}: {percent:.1f} % of the lines are reached, its floor is {floor.floor} %"
    return None


def tell_percents(modules, excuses):
    wrong = []
    floors = {e.path: e for e in excuses if e.floor is not None}
    for layer in LAYERS:
        of_layer = [m for m in modules if os.path.dirname(m.path) == layer]
        if not of_layer:
            wrong.append(f"{layer}: nothing of it was measured")
            continue
        for m in of_layer:
            floor = floors.get(m.path)
            words = f"  (may be {floor.floor} %: {floor.words})" if floor else ""
            print(f"{m.percent():6.1f} %  {m.path}{words}")
            wrong.append(judge_percent(m, floors))
        all_lines = sum(len(m.runs) for m in of_layer)
        reached = sum(m.reached() for m in of_layer)
        print(f"{100 * reached / all_lines:6.1f} %  {layer}: {reached} of {all_lines} lines\n")
    return [words for words in wrong if words]


def main():
    build = os.path.abspath(sys.argv[1])
    modules = sorted(read_modules(export(build)).values(), key=lambda m: m.path)
    excuses = read_excuses()
    wrong = tell_percents(modules, excuses)
    with open(f"{build}/never-reached.txt", "w", encoding="utf-8") as out:
        wrong += tell_places(modules, excuses, out)
    print(f"each of them: {os.path.relpath(out.name)}")
    wrong += [f"never-reached.txt: no longer true: {e.path}:: {e.what}" for e in excuses if not e.true]
    print("\n".join(dict.fromkeys(wrong)))
    sys.exit(1 if wrong else 0)


main()

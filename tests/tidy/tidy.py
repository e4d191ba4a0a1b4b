#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lint as a test: layers, purity, bans, sizes, comments, dead files, documentation.

    tidy.py ROOT     checks the tree below ROOT; prints each finding as file:line: what, and what to do.

Headers that do not compile alone are found by the build (tests/tidy/CMakeLists.txt). Each rule is one
function that yields findings; self_test.py shows each of them firing.
"""
import pathlib
import re
import sys

# In order: a module may include only itself and modules above it (docs/ARCHITECTURE.md).
MODULES = ["base", "protocol", "record", "log", "config", "raft", "metadata", "replication", "group",
           "transaction", "security", "quota", "runtime", "storage", "transport", "client",
           "controller", "partition", "coordinator", "broker", "http", "server", "cli"]
PURE = set(MODULES[:MODULES.index("runtime")])
# Modules that stand beside their predecessors rather than on them.
NOT_ON = {"cli": {"controller", "partition", "coordinator", "broker", "http", "server"},
          "controller": {"client"}, "partition": {"client", "controller"},
          "coordinator": {"client", "controller"}, "broker": {"client"}, "http": {"client", "broker"}}

IMPURE_INCLUDE = re.compile(
    r'#\s*include\s*<(boost/asio|thread|mutex|shared_mutex|condition_variable|future|filesystem|fstream|'
    r'random|atomic|sys/|unistd|fcntl|netinet|arpa|poll|csignal|cairn/runtime)')
OUTSIDE_WORLD = re.compile(
    r'(\b(system_clock|steady_clock|high_resolution_clock)::now|\brandom_device\b|\bstd::(thread|jthread|'
    r'mutex|shared_mutex|condition_variable)\b|\bboost::asio::(ip::|steady_timer|signal_set|posix::)|'
    r'(?<![\w>])::(open|read|write|bind|connect|rename|unlink|socket|listen|accept)\s*\(|'
    r'(?<![\w.:>])(::)?(pread|pwrite|pwritev|preadv2|fsync|fdatasync|fallocate|usleep|'
    r'nanosleep|gettimeofday|clock_gettime|getenv|rand|srand)\s*\(|\bstd::(ifstream|ofstream|fstream)\b|'
    r'\bstd::filesystem\b)')
POINTER_KEY = re.compile(r'\b(unordered_)?(map|set)<\s*(const\s+)?[\w:]+\s*\*')
MACRO = re.compile(r'#\s*define\s+(\w+)')
MACROS = {"ASSERT", "TRY", "CO_TRY", "MUTANT"}
NOTE = re.compile(r'\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))')
TYPE = re.compile(r'^\s*(?:class|struct)\s+(\w+)')
BAD_NAME = re.compile(r'(Manager|Helper|Util|Utils|Impl|Base)$')

# Where the outside world may be touched: the backend, the programs' main functions, and drivers.
BACKEND = ("src/runtime/asio/", "bench/", "tests/")


class File:
    def __init__(self, root, path):
        self.path = path
        self.name = path.relative_to(root).as_posix()
        self.text = path.read_text(encoding="utf-8", errors="replace")
        self.lines = self.text.splitlines()
        self.is_header = self.name.endswith(".hpp")
        parts = self.name.split("/")
        self.module = (parts[2] if parts[0] == "include" else parts[1]) if parts[0] in ("include", "src") else None
        self.generator = self.name.startswith("src/protocol/generator/")

    def code(self):
        """Lines with comments and string contents blanked, numbered from 1."""
        for number, line in enumerate(self.lines, 1):
            yield number, re.sub(r'//.*', '', re.sub(r'"(\\.|[^"\\])*"', '""', line))


def sources(root):
    for folder in ("include", "src", "tests", "bench"):
        for pattern in ("*.cpp", "*.hpp"):
            for path in sorted((root / folder).rglob(pattern)):
                if "golden_output" not in path.parts:
                    yield File(root, path)


def layers(file):
    if file.module not in MODULES or file.generator:
        return
    rank = MODULES.index(file.module)
    for number, line in enumerate(file.lines, 1):
        if not (match := re.match(r'#\s*include\s*<cairn/(\w+)[/.]', line)):
            continue
        other = match[1]
        if other not in MODULES:
            yield number, f"there is no module {other}"
        elif MODULES.index(other) > rank or other in NOT_ON.get(file.module, ()):
            yield number, f"{file.module} may not include {other}: it stands below it or beside it"
        elif "cairn/runtime/asio.hpp" in line and file.name not in ("src/server/main.cpp", "src/cli/main.cpp") \
                and not file.name.startswith("src/runtime/asio/"):
            yield number, "only the programs' main functions choose the Asio backend; take the seams as arguments"


def private_headers(file):
    for number, line in enumerate(file.lines, 1):
        if (match := re.match(r'#\s*include\s*"([^"]+)"', line)) and file.name.startswith("src/"):
            beside = file.path.parent / match[1]
            above = file.path.parent.parent / match[1]
            if not beside.exists() and not (file.name.startswith("src/broker/handlers/") and above.exists()):
                yield number, f'"{match[1]}" is not in this folder: a private header serves its own folder only'


def purity(file):
    if file.module not in PURE or file.generator:
        return
    for number, line in file.code():
        if IMPURE_INCLUDE.search(line):
            yield number, "below the purity line: no Asio, threads, files, clocks; take values as arguments"


def bans(file):
    if file.name.startswith(BACKEND) or file.generator:
        return
    for number, line in file.code():
        if match := OUTSIDE_WORLD.search(line):
            if not file.name.endswith("/main.cpp"):
                yield number, f"{match[0].strip('( ')}: only src/runtime/asio touches the outside world"
        if POINTER_KEY.search(line):
            yield number, "a container keyed by pointer has no order that replays: key it by an id"


def sizes(file):
    limit = 250 if file.is_header else 500
    if len(file.lines) > limit:
        yield limit, f"{len(file.lines)} lines, the limit is {limit}: split it by what changes together"
    for number, line in enumerate(file.lines, 1):
        if len(line) > 100 and "http" not in line and not file.name.startswith("tests/"):
            yield number, f"{len(line)} columns, the limit is 100"


def weight(lines):
    """Lines of a body, where rows of a constexpr table and one-line cases of a switch weigh nothing."""
    count, in_table, after_case = 0, False, False
    for line in lines:
        if re.match(r'\s*static constexpr .*= ?\{$', line):
            in_table = True
        if not in_table and not re.match(r'\s*case .*:$', line) and not (after_case and "return " in line):
            count += 1
        after_case = bool(re.match(r'\s*case .*:$', line))
        if in_table and re.match(r'\s*\};$', line):
            in_table = False
    return count


def function_sizes(file):
    """A function's body starts at a line that ends in '{' and is not a type or namespace, ends at '}'."""
    if file.name.startswith("tests/"):
        return
    start = indent = None
    for number, line in enumerate(file.lines, 1):
        if start is None:
            opening = re.match(r'^( *)(?!namespace|class|struct|enum|union|extern|constexpr .*\{$|}|//|#).*\)'
                               r'[\w\s&:<>,\->\*]*\{$', line)
            if opening and len(opening[1]) <= 2 and not re.match(r'^\s*(if|for|while|switch|else|do)\b', line):
                start, indent = number, opening[1]
        elif line.startswith(indent + "}"):
            lines = weight(file.lines[start - 1:number])
            if lines > 71:
                yield start, f"a function of {lines} lines, the limit is 70: name its parts"
            start = None


def comments(file):
    if not file.lines or not file.lines[0].startswith("// SPDX-License-Identifier: Apache-2.0"):
        yield 1, "the first line is // SPDX-License-Identifier: Apache-2.0"
    if file.is_header:
        opening = 0
        for line in file.lines[1:]:
            if not line.startswith("//"):
                break
            opening += 1
        if opening < 2:
            yield 2, "a header opens with what it is, its invariant and who owns it (3 to 8 lines)"
    for number, line in enumerate(file.lines, 1):
        if NOTE.search(line):
            yield number, "a note to self: do it, or name the issue as TODO(#number)"


def names(file):
    if file.name.startswith("tests/"):
        return
    for number, line in file.code():
        if match := TYPE.match(line):
            if BAD_NAME.search(match[1]):
                yield number, f"{match[1]}: say what it is; Manager, Helper, Util, Impl and Base say nothing"
        if (match := MACRO.match(line)) and match[1] not in MACROS and not match[1].startswith("CAIRN_"):
            yield number, f"{match[1]}: macros are ASSERT, TRY, CO_TRY and MUTANT only"


PER_FILE = [layers, private_headers, purity, bans, sizes, function_sizes, comments, names]


def dead_headers(root, files):
    included = set()
    for file in files:
        included.update(match[1].split("/")[-1] for match in re.finditer(r'#\s*include\s*[<"]([^>"]+)[>"]', file.text))
    for file in files:
        if file.is_header and file.path.name not in included:
            yield file.name, 1, "nothing includes this header: delete it, or use it"


def documentation(root, files):
    architecture = root / "docs/ARCHITECTURE.md"
    text = architecture.read_text() if architecture.exists() else ""
    for module in sorted({file.module for file in files if file.module in MODULES}):
        if f"`{module}`" not in text:
            yield "docs/ARCHITECTURE.md", 1, f"the module `{module}` is not described"
    operations = root / "docs/OPERATIONS.md"
    text = operations.read_text() if operations.exists() else ""
    metric = re.compile(r'"((?:kafka|cairn)_[a-z0-9_]+)"')
    for file in files:
        if file.name.startswith("src/"):
            for number, line in enumerate(file.lines, 1):
                for name in metric.findall(line):
                    if name not in text:
                        yield file.name, number, f"the metric {name} is not explained in docs/OPERATIONS.md"


def scripts(root, files):
    for path in sorted((root / "scripts").glob("*")):
        if path.is_file() and "SPDX-License-Identifier: Apache-2.0" not in path.read_text():
            yield f"scripts/{path.name}", 1, "the SPDX line is missing"


WHOLE_TREE = [dead_headers, documentation, scripts]


def check(root):
    files = list(sources(root))
    findings = [(file.name, number, what) for file in files for rule in PER_FILE for number, what in rule(file)]
    for rule in WHOLE_TREE:
        findings += rule(root, files)
    return findings


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    findings = check(pathlib.Path(sys.argv[1]).resolve())
    for name, number, what in findings:
        print(f"{name}:{number}: {what}")
    print(f"tidy: {len(findings)} findings")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Checks the shape of src/: who may include and call whom, and how big things may get.

    tools/floors.py [--root DIR] [--build build/asan]

Rooms stand on floors. A file includes and calls only its own room and rooms of lower floors; inside
a room, only files that stand above it in the room's meson.build (they are listed bottom first).
Includes are read from the text, calls from the objects of a finished build, with nm.
Prints "file:line: what: what to do" for each problem and exits with 1 when there is one.
"""

import argparse
import bisect
import re
import subprocess
import sys
from pathlib import Path

FLOORS = {
    "base": 0,
    "crypto": 1,
    "proto": 2,
    "config": 2,
    "io": 2,
    "wire": 3,
    "store": 4,
    "relay": 5,
    "agent": 5,
}
# Where a third-party header may be included: a folder, some files, or any one file.
ONE_FILE = None
HOMES = (
    (re.compile(r"uv(\.h|/)"), ("src/io/",)),
    (re.compile(r"openssl/"), ("src/crypto/",)),
    (re.compile(r"yaml\.h$"), ("src/config/yaml.c", "src/config/yaml_walk.c")),
    (re.compile(r"jansson(_config)?\.h$"), ("src/wire/control.c", "src/relay/api_json.c",
                                          "src/relay/admin_json.c", "src/agent/api_json.c")),
    (re.compile(r"crypt\.h$"), ("src/crypto/password.c",)),
    (re.compile(r"libpsl\.h$"), ONE_FILE),
    (re.compile(r"wslay/"), ("src/wire/ws_stream.c",)),
    (re.compile(r"sqlite3\.h$"), ("src/store/db_sqlite.c",)),
    (re.compile(r"libpq-fe\.h$"), ("src/store/pg_lib.h",)),
)
MIRRORED = ("base", "crypto", "proto", "config")
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_NESTING = 3
MAX_PARAMETERS = 5
# Callbacks whose parameters a library decides.
FOREIGN_SHAPES = ("tls_server_on_alpn", "tls_tickets_on_key")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
NOT_CODE = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
DIRECTIVE = re.compile(r"^[ \t]*#(?:.*\\\n)*.*$", re.MULTILINE)
CALLEE = re.compile(r"\b([A-Za-z_]\w*)\s*(?=\()")
OPENING, CLOSING = "([{", ")]}"


class Source:
    """One file below src or test: its text, and its text without comments and directives."""

    def __init__(self, root, path):
        self.path = path
        self.name = path.relative_to(root).as_posix()
        self.text = path.read_text(encoding="utf-8")
        self.lines = self.text.splitlines()
        parts = self.name.split("/")
        self.room = parts[1] if parts[0] == "src" and len(parts) > 2 else None
        self.includes = [
            (number, found[1], found[2])
            for number, line in enumerate(self.lines, 1)
            if (found := INCLUDE.match(line))
        ]

    def code(self):
        """The text with comments, literals and directives blanked out, line by line the same."""
        bare = NOT_CODE.sub(lambda m: "\n" * m[0].count("\n") or '""', self.text)
        return DIRECTIVE.sub(lambda m: "\n" * m[0].count("\n"), bare)

    def line_of(self, symbol):
        """The first line whose code names a symbol."""
        for number, line in enumerate(self.code().splitlines(), 1):
            if re.search(rf"\b{re.escape(symbol)}\b", line):
                return number
        return 1


class Checker:
    def __init__(self, root, build):
        self.root = root
        self.build = build if build.is_absolute() else root / build
        self.problems = []
        self.src = self.sources("src")
        self.test = self.sources("test")
        self.by_name = {source.name: source for source in self.src}
        self.order = {room: self.listed(room) for room in self.rooms()}

    def sources(self, folder):
        found = sorted((self.root / folder).rglob("*"))
        return [
            Source(self.root, path)
            for path in found
            if path.suffix in (".c", ".h", ".def") and "node_modules" not in path.parts
        ]

    def rooms(self):
        return sorted({source.room for source in self.src if source.room})

    def listed(self, room):
        """The .c files of a room as its meson.build lists them, bottom first."""
        path = self.root / "src" / room / "meson.build"
        if not path.exists():
            return []
        text = re.sub(r"#.*", "", path.read_text(encoding="utf-8"))
        return [f"src/{room}/{name}" for name in re.findall(r"'([\w./-]+\.c)'", text)]

    def problem(self, name, line, what, advice):
        self.problems.append((name, line, f"{what}: {advice}"))

    def run(self):
        for source in self.src:
            self.check_place(source)
            self.check_includes(source)
            self.check_own_header(source)
        for source in self.src + self.test:
            self.check_size(source)
        self.check_homes()
        self.check_cycles()
        self.check_mirrors()
        self.check_calls()
        return sorted(set(self.problems))

    # Includes

    def check_place(self, source):
        if source.room not in FLOORS:
            self.problem(source.name, 1, "stands in a folder without a floor",
                         "move it, or give the folder a floor in tools/floors.py")
        elif source.path.suffix == ".c" and not self.is_main(source) and \
                source.name not in self.order[source.room]:
            self.problem(source.name, 1, f"is not listed in src/{source.room}/meson.build",
                         "list it above the files that call it")

    @staticmethod
    def is_main(source):
        return source.path.name == "main.c"

    def check_includes(self, source):
        for line, mark, target in source.includes:
            if mark == "<":
                if target.split("/")[0] in FLOORS and f"src/{target}" in self.by_name:
                    self.problem(source.name, line, f"<{target}> is one of our own headers",
                                 f'write "{target}"')
                continue
            if f"src/{target}" not in self.by_name:
                self.problem(source.name, line, f'"{target}" is not a file written from src',
                             'write "folder/file.h"; headers of libraries go in <>')
                continue
            self.check_direction(source, line, target, "includes")

    def check_direction(self, source, line, target, verb):
        room = target.split("/")[0]
        mine, theirs = FLOORS.get(source.room), FLOORS.get(room)
        if mine is None or theirs is None or room == source.room or theirs < mine:
            return
        way = "upwards" if theirs > mine else "next door, on the same floor"
        self.problem(source.name, line, f"{verb} {target} {way}",
                     f"{source.room} (floor {mine}) knows only floors below; hand a callback or "
                     f"a struct of functions down, or move the code")

    def check_own_header(self, source):
        if source.path.suffix != ".c" or self.is_main(source):
            return
        own = source.name.removeprefix("src/").removesuffix(".c") + ".h"
        if f"src/{own}" not in self.by_name:
            self.problem(source.name, 1, f"has no {own}", "each x.c has its x.h beside it")
        elif not source.includes or source.includes[0][2] != own:
            line = source.includes[0][0] if source.includes else 1
            self.problem(source.name, line, "does not include its own header first",
                         f'put #include "{own}" first: it shows that the header stands alone')

    def check_homes(self):
        for pattern, home in HOMES:
            users = [
                (source.name, line, target)
                for source in self.src
                for line, mark, target in source.includes
                if mark == "<" and pattern.match(target)
            ]
            homes = home or (users[0][0] if users else "",)
            for name, line, target in users:
                if not any(name == one or (one.endswith("/") and name.startswith(one))
                           for one in homes):
                    only = " and ".join(homes)
                    self.problem(name, line, f"<{target}> is at home in {only} alone",
                                 "use what that place offers, or add to it")

    def check_cycles(self):
        """Depth first over the includes; an include of a file that is still open closes a ring."""
        done, path = set(), []

        def visit(source):
            if source.name in done:
                return
            path.append(source.name)
            for line, _, target in source.includes:
                name = f"src/{target}"
                if name in path:
                    ring = " -> ".join(path[path.index(name):] + [name])
                    self.problem(source.name, line, f"closes a cycle of includes ({ring})",
                                 "forward-declare the struct instead")
                elif name in self.by_name:
                    visit(self.by_name[name])
            done.add(path.pop())

        for source in self.src:
            visit(source)

    # Sizes

    def check_size(self, source):
        if source.path.suffix == ".def":
            return
        if len(source.lines) > MAX_FILE_LINES:
            self.problem(source.name, MAX_FILE_LINES + 1,
                         f"has {len(source.lines)} lines, more than {MAX_FILE_LINES}",
                         "split it by noun; tables of data go to a .def")
        code = source.code()
        self.check_functions(source, code.splitlines())
        for line, name, count in declared_functions(code):
            if count > MAX_PARAMETERS and name not in FOREIGN_SHAPES:
                self.problem(source.name, line,
                             f"{name} takes {count} parameters, more than {MAX_PARAMETERS}",
                             "gather them in a struct")

    def check_functions(self, source, lines):
        start = None
        depth = deepest = deepest_line = 0
        for number, line in enumerate(lines, 1):
            if start is None:
                if line.rstrip() == "{":
                    start = signature_start(lines, number)
                    depth = deepest = 1
                continue
            depth += line.count("{") - line.count("}")
            if depth > deepest:
                deepest, deepest_line = depth, number
            if not line.startswith("}"):
                continue
            length = number - start + 1
            if length > MAX_FUNCTION_LINES:
                self.problem(source.name, start,
                             f"a function of {length} lines, more than {MAX_FUNCTION_LINES}",
                             "give its parts names")
            if deepest - 1 > MAX_NESTING:
                self.problem(source.name, deepest_line,
                             f"{deepest - 1} levels of nesting, more than {MAX_NESTING}",
                             "return early, or move the inner part to a function")
            start = None

    # Tests

    def check_mirrors(self):
        for source in self.src:
            if source.path.suffix != ".c" or source.room not in MIRRORED:
                continue
            mirror = f"test/unit/{source.room}/test_{source.path.name}"
            if not (self.root / mirror).exists():
                self.problem(source.name, 1, "has no unit test", f"write {mirror}")

    # Calls

    def check_calls(self):
        objects = {}
        for source in self.src:
            if source.path.suffix == ".c" and source.room in FLOORS and not self.is_main(source):
                objects[source.name] = self.symbols(source)
        owner = {}
        for name, (defined, _) in objects.items():
            owner.update({symbol: name for symbol in defined})
        for name, (_, wanted) in objects.items():
            for symbol in sorted(wanted):
                if owner.get(symbol, name) != name:
                    self.check_call(self.by_name[name], symbol, owner[symbol])

    def check_call(self, source, symbol, target):
        line = source.line_of(symbol)
        if self.by_name[target].room != source.room:
            short = target.removeprefix("src/")
            self.check_direction(source, line, short, f"uses {symbol} of")
            return
        order = self.order[source.room]
        if source.name in order and target in order and \
                order.index(target) > order.index(source.name):
            self.problem(source.name, line,
                         f"uses {symbol} of {target}, which is listed below it",
                         f"change the order in src/{source.room}/meson.build, or the code if both "
                         "need each other")

    def symbols(self, source):
        """What the objects of a file define and what they want from others."""
        pattern = f"src/{source.room}/*/{source.path.name}.o"
        objects = sorted(self.build.glob(pattern))
        if not objects:
            self.problem(source.name, 1, f"no object for it in {self.build}",
                         "build first (./dev build --asan)")
            return set(), set()
        listing = subprocess.run(["nm", "-P", *map(str, objects)], check=True, text=True,
                                 stdout=subprocess.PIPE).stdout
        defined, wanted = set(), set()
        for line in listing.splitlines():
            words = line.split()
            if len(words) < 2 or len(words[1]) != 1:
                continue
            if words[1] in "Uwv":
                wanted.add(words[0])
            elif words[1].isupper():
                defined.add(words[0])
        return defined, wanted - defined


def signature_start(lines, number):
    """The line on which the signature in front of an opening brace begins."""
    start = number
    while start > 1:
        above = lines[start - 2].rstrip()
        if not above.strip() or above.endswith((";", "}")):
            break
        start -= 1
    return start


def declared_functions(code):
    """(line, name, parameters) of every function that is declared or defined outside of bodies."""
    starts = [0]
    starts.extend(found.end() for found in re.finditer("\n", code))
    begin = depth = 0
    for at, char in enumerate(code):
        if char in OPENING:
            if char == "{" and depth == 0:
                yield from one_function(code, begin, at, starts)
            depth += 1
        elif char in CLOSING:
            depth -= 1
            if char == "}" and depth == 0:
                begin = at + 1
        elif char == ";" and depth == 0:
            yield from one_function(code, begin, at, starts)
            begin = at + 1


def one_function(code, begin, end, starts):
    text = code[begin:end]
    if "=" in text or text.lstrip().startswith("typedef"):
        return
    at = 0
    while found := CALLEE.search(text, at):
        name = found[1]
        inside = brackets(text, found.end())
        # Attributes, and macros that stand for them, come with brackets of their own.
        if name not in ("__attribute__", "_Static_assert", "typeof") and not name.isupper():
            yield bisect.bisect(starts, begin + found.start()), name, parameter_count(inside)
            return
        at = found.end() + len(inside) + 2


def brackets(text, at):
    """What stands between the bracket at a place and the one that closes it."""
    depth = 0
    for end in range(at, len(text)):
        depth += (text[end] in OPENING) - (text[end] in CLOSING)
        if depth == 0:
            return text[at + 1:end]
    return text[at + 1:]


def parameter_count(text):
    if text.strip() in ("", "void"):
        return 0
    depth, count = 0, 1
    for char in text:
        depth += (char in OPENING) - (char in CLOSING)
        count += char == "," and depth == 0
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--build", type=Path, default=Path("build/asan"))
    options = parser.parse_args()
    checker = Checker(options.root.resolve(), options.build)
    problems = checker.run()
    for name, line, text in problems:
        print(f"{name}:{line}: {text}")
    if problems:
        sys.exit(f"floors: {len(problems)} problem{'s'[:len(problems) > 1]}")
    print(f"floors: {len(checker.src)} files stand where they should")


if __name__ == "__main__":
    main()

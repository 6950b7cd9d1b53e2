"""The documents name things that exist: functions, constants, files, options, metrics."""

import collections
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Not the page about style, which is full of examples.
PAGES = sorted({ROOT / "README.md", *(ROOT / "docs").glob("*.md")} - {ROOT / "docs/style.md"})
# Whose options a page may name; the others are about both programs.
RELAY_PAGES = {"docs/configuration.md", "docs/errors.md", "docs/protocol-localtunnel.md"}
AGENT_PAGES = {"docs/agent.md", "docs/agent-configuration.md"}
# Of both programs, and in no table.
BUILT_IN = {"--help", "--version", "--json"}
# Of ./dev and bench/run, and of the npm client; pages about adit's own options name none of these.
FOREIGN = {"--check", "--write", "--host", "--local-host", "--subdomain", "--print-requests"}
NO_FOREIGN = AGENT_PAGES | {"docs/configuration.md"}
COMMAND = re.compile(r"(?:^|[\s/])(aditd|adit (?:http|tcp|start|doctor))\b([^|\n#]*)", re.M)
# Written by `bench/run --write` on a quiet machine, and not part of every tree.
GENERATED = {"benchmarks.md", "docs/benchmarks.md"}
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
SPAN = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")


@cache
def sources():
    files = [*ROOT.glob("src/*/*.[ch]"), *ROOT.glob("src/*/*.def")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def defs(name, pattern):
    return set(re.findall(pattern, (ROOT / "src" / name).read_text(encoding="utf-8")))


@cache
def relay_options():
    flags = defs("relay/relay_options.def", r'\bOPT\(\w+, \w+, \w+, "([a-z-]+)"')
    flags |= defs("relay/office_options.def", r'\bOPT\(\w+, \w+, \w+, "([a-z-]+)"')
    return flags | defs("relay/relay_options.def", r'OPT_VOID\(\w+, \w+, "([a-z-]+)"')


@cache
def agent_options():
    return defs("agent/cli_options.def", r'\bOPT\(\w+, \w+, \w+, "([a-z-]+)"')


def options(page):
    """The names of options that may stand on a page, without dashes."""
    relay = relay_options() if ids(page) not in AGENT_PAGES else set()
    agent = agent_options() if ids(page) not in RELAY_PAGES else set()
    return relay | agent


def flags_in(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))


def env_names(prefix, names):
    return {prefix + name.upper().replace("-", "_") for name in names}


def spans(page):
    """What stands in backticks, outside of code blocks."""
    return {re.sub(r"\s+", " ", span) for span in
            SPAN.findall(FENCE.sub("", page.read_text(encoding="utf-8")))}


def ids(page):
    return str(page.relative_to(ROOT))


@pytest.fixture(params=PAGES, ids=ids)
def page(request):
    return request.param


def test_functions_exist(page):
    names = {m[1] for m in (re.fullmatch(r"([a-z]\w+)\(\)", span) for span in spans(page)) if m}
    missing = {name for name in names if not re.search(rf"^[^\s#/*].*\b{name}\(", sources(), re.M)}
    assert not missing


def test_structs_and_constants_exist(page):
    structs = {m[1] for m in (re.fullmatch(r"struct (\w+)", span) for span in spans(page)) if m}
    missing = {name for name in structs if not re.search(rf"\bstruct {name}\b", sources())}
    if page.name == "architecture.md":
        words = {span for span in spans(page) if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", span)}
        missing |= {word for word in words if not re.search(rf"\b{word}\b", sources())
                    and word != "MSG_PEEK"}
    assert not missing


@cache
def constants():
    """What the numbers among them are, without those that are made of others."""
    found = {}
    for name, text in re.findall(
            r"^#define ([A-Z][A-Z0-9_]+)\s+(?:\\\n\s*)?([^\n/]+)", sources(), re.M):
        text = re.sub(r"UINT64_C\((\d+)\)|(\d+)[uU]?[lL]*\b", r"\1\2", text).strip()
        if re.fullmatch(r"[\d\s()*<+]+", text):
            found[name] = eval(text)
    return found


def spellings(value):
    """How a page may write a number of bytes, milliseconds, seconds or anything else."""
    units = {"KiB": 1 << 10, "MiB": 1 << 20, "ms": 1, "s": 1000, "min": 60000, "minutes": 60000,
             "h": 3600000}
    forms = {str(value), f"{value:,}"}
    forms |= {f"{value // unit} {name}" for name, unit in units.items() if value % unit == 0}
    if value % 3600 == 0:
        forms.add(f"{value // 3600} h")
    return forms | {60000: {"a minute"}, 3600: {"an hour"}}.get(value, set())


def test_numbers_in_tables_are_those_of_the_code():
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    checked, wrong = 0, []
    for row in re.findall(r"^\|.*\|$", text, re.M):
        for name in set(re.findall(r"`([A-Z][A-Z0-9_]+)`", row)) & set(constants()):
            checked += 1
            if not any(re.search(rf"(?<![\w,.]){re.escape(form)}(?![\d,.]*\d)", row)
                       for form in spellings(constants()[name])):
                wrong.append((name, constants()[name], row))
    assert checked > 50 and not wrong


def test_files_exist(page):
    paths = {span for span in spans(page)
             if re.fullmatch(r"(src|test|tools|docs|contrib|bench|web)/[\w./-]+", span)}
    assert not {path for path in paths - GENERATED if not (ROOT / path).exists()}


def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)\)", FENCE.sub("", page.read_text(encoding="utf-8")))
    local = {link for link in links if "://" not in link} - GENERATED
    assert not {link for link in local if not (page.parent / link).exists()}


def test_options_exist(page):
    known = BUILT_IN | {"--" + name for name in options(page)}
    if ids(page) not in NO_FOREIGN:
        known |= FOREIGN
    assert not flags_in("\n".join(spans(page))) - known


def test_commands_in_examples_take_their_options(page):
    wrong = set()
    for block in FENCE.findall(page.read_text(encoding="utf-8")):
        for command, rest in COMMAND.findall(block.replace("\\\n", " ")):
            known = relay_options() if command == "aditd" else agent_options()
            wrong |= flags_in(rest) - BUILT_IN - {"--" + name for name in known}
    assert not wrong


def test_environment_names_exist(page):
    text = page.read_text(encoding="utf-8")
    names = set(re.findall(r"\b(?:LT|ADIT)_[A-Z][A-Z_]*[A-Z]\b", text))
    known = {"LT_SURPLUS_MAX"}
    if ids(page) not in AGENT_PAGES:
        known |= env_names("LT_", relay_options())
    if ids(page) not in RELAY_PAGES:
        known |= env_names("ADIT_", agent_options())
    assert not names - known


def test_every_metric_is_told_to_operators_once():
    page = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
    names = defs("relay/metrics.def", r'\bMETRIC\(\w+, \w+, "([a-z_]+)"')
    assert len(names) > 30
    cells = " ".join(re.findall(r"^\| (`adit_[^|]*)", page, re.M))
    told = collections.Counter(re.findall(r"`adit_(\w+)", cells))
    assert not {name for name in names if told[name] != 1}


def test_metrics_exist(page):
    names = set(re.findall(r"(?<![\w$])adit_([a-z_]+[a-z])\b", page.read_text(encoding="utf-8")))
    known = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', sources())) | {"errors_total"}
    known.add("share")  # adit_share is the parameter of a link
    assert not {n for n in names if re.sub(r"_(bucket|sum|count)$", "", n) not in known}


def test_each_error_code_that_is_never_sent_is_said_to_be():
    unsent = set(re.findall(r"VISITOR_ERROR_(\w+),",
                            (ROOT / "src/relay/error_manual.c").read_text(encoding="utf-8")))
    ids_ = re.findall(r"^VISITOR_ERROR\((\w+),",
                      (ROOT / "src/relay/visitor_error.def").read_text(encoding="utf-8"), re.M)
    code = "\n".join(p.read_text(encoding="utf-8") for p in ROOT.glob("src/relay/*.c")
                     if p.name != "error_manual.c")
    assert not {i for i in ids_ if not re.search(rf"VISITOR_ERROR_{i}\b", code)} - unsent

"""The documents name things that exist: functions, constants, files, options, metrics."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Not the page about style, which is full of examples.
PAGES = sorted({ROOT / "README.md", *(ROOT / "docs").glob("*.md")} - {ROOT / "docs/style.md"})
# Options of other programs, and of ours that are not in the table.
FOREIGN = {"--help", "--version", "--json", "--check", "--write", "--host", "--local-host",
           "--subdomain", "--print-requests"}
# Written by `bench/run --write` on a quiet machine, and not part of every tree.
GENERATED = {"benchmarks.md", "docs/benchmarks.md"}
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
SPAN = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")


@cache
def sources():
    files = [*ROOT.glob("src/*/*.[ch]"), *ROOT.glob("src/*/*.def")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def defs(name, pattern):
    return set(re.findall(pattern, (ROOT / "src/relay" / name).read_text(encoding="utf-8")))


@cache
def options():
    flags = defs("relay_options.def", r'\bOPT\(\w+, \w+, \w+, "([a-z-]+)"')
    flags |= defs("../agent/cli_options.def", r'\bOPT\(\w+, \w+, \w+, "([a-z-]+)"')
    return flags | defs("relay_options.def", r'OPT_VOID\(\w+, \w+, "([a-z-]+)"')


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


def test_files_exist(page):
    paths = {span for span in spans(page)
             if re.fullmatch(r"(src|test|tools|docs|contrib|bench|web)/[\w./-]+", span)}
    assert not {path for path in paths - GENERATED if not (ROOT / path).exists()}


def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)\)", FENCE.sub("", page.read_text(encoding="utf-8")))
    local = {link for link in links if "://" not in link} - GENERATED
    assert not {link for link in local if not (page.parent / link).exists()}


def test_options_exist(page):
    flags = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", "\n".join(spans(page))))
    assert not {flag for flag in flags - FOREIGN if flag[2:] not in options()}


def test_environment_names_exist(page):
    names = set(re.findall(r"\bLT_[A-Z][A-Z_]+[A-Z]\b", page.read_text(encoding="utf-8")))
    known = {"LT_" + name.upper().replace("-", "_") for name in options()}
    known |= {"LT_POOL_SURPLUS_MAX"}
    assert not names - known


def test_metrics_exist(page):
    names = set(re.findall(r"(?<![\w$])adit_([a-z_]+[a-z])\b", page.read_text(encoding="utf-8")))
    known = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', sources())) | {"errors_total"}
    assert not {n for n in names if re.sub(r"_(bucket|sum|count)$", "", n) not in known}


def test_each_error_code_that_is_never_sent_is_said_to_be():
    unsent = set(re.findall(r"VISITOR_ERROR_(\w+),",
                            (ROOT / "src/relay/error_manual.c").read_text(encoding="utf-8")))
    ids_ = re.findall(r"^VISITOR_ERROR\((\w+),",
                      (ROOT / "src/relay/visitor_error.def").read_text(encoding="utf-8"), re.M)
    code = "\n".join(p.read_text(encoding="utf-8") for p in ROOT.glob("src/relay/*.c")
                     if p.name != "error_manual.c")
    assert not {i for i in ids_ if not re.search(rf"VISITOR_ERROR_{i}\b", code)} - unsent

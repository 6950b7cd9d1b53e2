"""docs/openapi.yaml and the router's table say the same."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
ROUTE = re.compile(r'^ADMIN_ROUTE\((\w+), "([^"]+)", \w+, ([^)]*)\)', re.M)


def spec():
    return yaml.safe_load((ROOT / "docs/openapi.yaml").read_text(encoding="utf-8"))


def routes():
    text = (ROOT / "src/relay/admin_route.def").read_text(encoding="utf-8")
    return {(method, path): flags for method, path, flags in ROUTE.findall(text)}


def operations():
    return {(method.upper(), path): operation
            for path, item in spec()["paths"].items()
            for method, operation in item.items() if method != "parameters"}


def test_each_route_is_described_and_nothing_else():
    assert len(routes()) > 15
    assert set(routes()) == set(operations())


def test_what_needs_no_key_is_described_so():
    for key, flags in routes().items():
        assert (operations()[key].get("security") == []) == ("ADMIN_ANYONE" in flags), key


def test_holes_in_a_path_are_described():
    for path, item in spec()["paths"].items():
        names = {p["name"] for p in item.get("parameters", []) if p.get("in") == "path"}
        assert names == set(re.findall(r"{(\w+)}", path)), path


def test_references_lead_somewhere():
    whole = spec()

    def walk(value):
        if isinstance(value, dict):
            if "$ref" in value:
                at = whole
                for part in value["$ref"].removeprefix("#/").split("/"):
                    at = at[part]
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)
    walk(whole)

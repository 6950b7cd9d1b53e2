#!/usr/bin/env python3
"""Turns the files under web/ into one C file, so that the program needs no files at run time.

Comments in HTML are left out. A stylesheet that a page links to is put into it, because a page asks for
nothing else; opened from the tree by a browser it looks the same. For each file with an inline script, its SHA-256 is worked out as a
Content-Security-Policy source, so that the page may run that script and no other.
"""
import argparse
import base64
import hashlib
import pathlib
import re

HEAD = """/* Made by tools/embed.py from the files under web/. */
#include "relay/web_asset.h"

#include "base/attr.h"
#include "base/check.h"

"""

TAIL = """
const struct web_asset *web_asset_get(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(web_assets); i++) {
		if (strcmp(web_assets[i].path, path) == 0)
			return &web_assets[i];
	}
	check_fail("no such file is embedded", __FILE__, __LINE__);
}
"""


def script_hash(path, html):
    scripts = re.findall(rb"<script>(.*?)</script>", html, re.S)
    if len(scripts) > 1 or any(b"{{" in script for script in scripts):
        raise SystemExit(f"{path}: at most one inline script, and nothing filled in inside it")
    if not scripts:
        return ""
    digest = base64.b64encode(hashlib.sha256(scripts[0]).digest()).decode()
    return f"'sha256-{digest}'"


def inline(path, html):
    """The page with its stylesheets inside."""
    def sheet(match):
        css = (path.parent / match[1].decode()).read_bytes()
        return b"<style>\n" + re.sub(rb"/\*.*?\*/\n?", b"", css, flags=re.S) + b"</style>\n"

    html = re.sub(rb'<link rel="stylesheet" href="([^":]+)">\n', sheet, html)
    if re.search(rb"<link|@import|url\(", html):
        raise SystemExit(f"{path}: a page asks for no other file")
    return html


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("files", type=pathlib.Path, nargs="+")
    args = parser.parse_args()

    arrays, rows = [], []
    for number, path in enumerate(args.files):
        content = inline(path, re.sub(rb"<!--.*?-->\n?", b"", path.read_bytes(), flags=re.S))
        numbers = [f"{byte}," for byte in content]
        lines = ["\t" + " ".join(numbers[i:i + 20]) for i in range(0, len(numbers), 20)]
        arrays.append(f"static const unsigned char web_asset_{number}[] = {{\n"
                      + "\n".join(lines) + "\n};\n")
        name = path.resolve().relative_to(args.root.resolve()).as_posix()
        rows.append(f'\t{{"{name}", {{(const char *)web_asset_{number}, {len(content)}}}, '
                    f'"{script_hash(path, content)}"}},\n')
    args.output.write_text(HEAD + "\n".join(arrays)
                           + "\nstatic const struct web_asset web_assets[] = {\n"
                           + "".join(rows) + "};\n" + TAIL)


if __name__ == "__main__":
    main()

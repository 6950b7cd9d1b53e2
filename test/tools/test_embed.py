"""tools/embed.py: what a page becomes on its way into the program."""
import hashlib
import base64
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CSS = "/* Words. */\nbody { color: red; }\n"


def embed(folder, **pages):
    """Runs the tool on pages; the C file, or what it complains of."""
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text)
    done = subprocess.run(
        [sys.executable, ROOT / "tools/embed.py", "--root", folder, "--output", folder / "out.c",
         *(folder / f"{name}.html" for name in pages)],
        capture_output=True, text=True, check=False)
    return (folder / "out.c").read_text() if done.returncode == 0 else done.stderr


def page_of(text):
    numbers = re.search(r"web_asset_0\[\] = \{(.*?)\};", text, re.S)[1]
    return bytes(int(number) for number in re.findall(r"\d+", numbers)).decode()


def test_stylesheets_and_comments(tmp_path):
    (tmp_path / "a.css").write_text(CSS)
    page = '<!-- why -->\n<link rel="stylesheet" href="a.css">\n<p>{{x}}</p>\n'
    assert page_of(embed(tmp_path, page=page)) == (
        "<style>\nbody { color: red; }\n</style>\n<p>{{x}}</p>\n")


def test_a_script_is_allowed_by_its_hash(tmp_path):
    out = embed(tmp_path, page="<script>1</script>")
    assert base64.b64encode(hashlib.sha256(b"1").digest()).decode() in out


@pytest.mark.parametrize("page", [
    '<link rel="icon" href="x.png">', '<link rel="stylesheet" href="https://x.test/a.css">\n',
    "<style>@import 'a.css';</style>", "<style>p { background: url(x.png) }</style>"])
def test_a_page_that_asks_for_more_is_refused(tmp_path, page):
    assert "a page asks for no other file" in embed(tmp_path, page=page)


def test_the_pages_of_the_program_are_whole():
    for path in (ROOT / "web").glob("*/*.html"):
        assert re.findall(r'href="(?!\.\./\w+\.css")[^"/{#][^"]*"', path.read_text()) == [], path

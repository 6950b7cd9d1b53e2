"""docs/openapi.yaml against a running relay: schemathesis sends what fits it and what does not."""
import json
import subprocess

import pytest

from harness.admin import Api, office
from harness.relay import ROOT, clean_env

PROGRAM = ROOT / ".cache" / "schemathesis" / "bin" / "schemathesis"
EXAMPLES = 100  # of each operation: with the seed, the same in each run; a time limit is not


@pytest.mark.timeout(240)
def test_answers_are_what_the_document_says(start, tmp_path):
    if not PROGRAM.exists():
        pytest.skip("schemathesis is not installed: ./dev test system does that")
    tmp_path.chmod(0o700)
    office(tmp_path, "user", "add", "root")
    office(tmp_path, "user", "add", "alice")
    key = office(tmp_path, "key", "create", "root", "--admin").strip()
    other = office(tmp_path, "key", "create", "alice").strip().split("_")[1]
    relay = start("--state-dir", tmp_path, "--bcrypt-cost", "4")
    report = tmp_path / "report.json"
    done = subprocess.run(
        [PROGRAM, "--config-file", ROOT / "test/python/schemathesis.toml", "run",
         ROOT / "docs/openapi.yaml", "--url", f"http://127.0.0.1:{relay.port}/api/v1",
         "-H", f"Authorization: Bearer {key}", "--no-color", "--max-examples", str(EXAMPLES),
         "--exclude-operation-id", "revokeKey",  # it would revoke its own
         "--report", "json", "--report-json-path", report],
        env={**clean_env(), "HOME": str(tmp_path), "OTHER_KEY_ID": other}, cwd=tmp_path, capture_output=True, text=True,
        timeout=200, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    # It has been somewhere: more than a few requests, and accounts that it made.
    assert len(relay.find_logs(lambda e: e.get("path", "").startswith("/api/v1"))) > 200
    assert json.loads(report.read_text())
    api = Api(relay, tmp_path)
    assert len(api.get("/accounts")["items"]) > 2
    changes = [row for row in api.get("/audit?limit=1000")["items"] if row["event"] == "key.changed"]
    assert changes and {row["subject"] for row in changes} == {other}

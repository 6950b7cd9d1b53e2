"""Signed creation: what is accepted, what each refusal says, in which order, and replay."""
import hashlib
import hmac
import json
import re
import threading
import time

import pytest

from harness import http
from harness.agent import create, reply
from harness.session import Refused, Session

SECRET = "a-shared-secret-of-at-least-32-characters"
JSON_TYPE = "application/json; charset=utf-8"


class Signer:
    """Signs requests like a client; every field can be bent before or after signing."""

    def __init__(self, secret=SECRET):
        self.secret = secret
        self.last = int(time.time() * 1000)

    def nonce(self):
        self.last += 1
        return str(self.last)

    def sign(self, message):
        return hmac.new(self.secret.encode(), message.encode("latin-1"), hashlib.sha256).hexdigest()

    def headers(self, path, method="GET", body="", timestamp=None, nonce=None):
        timestamp = str(int(time.time())) if timestamp is None else str(timestamp)
        nonce = self.nonce() if nonce is None else str(nonce)
        signature = self.sign(method + path + timestamp + nonce + body)
        return {"Authorization": f"HMAC sha256={signature}", "X-Timestamp": timestamp,
                "X-Nonce": nonce}


@pytest.fixture(name="signer")
def new_signer():
    return Signer()


@pytest.fixture(scope="module", name="closed")
def closed_relay(start_shared):
    """A relay for the module that wants signatures."""
    return start_shared(env={"LT_HMAC_SECRET": SECRET})


def ask(relay, path="/signed-app", headers=None, **how):
    return create(relay, target=path, headers=(headers or {}).items(), **how)


def refusal(response):
    """The reason of a 401, whose envelope is checked."""
    assert response.status_line == "401 Unauthorized", response
    assert response.get("Content-Type") == JSON_TYPE
    reason = response.json()["message"]
    assert response.body == json.dumps(
        {"error": "Authentication failed", "message": reason}, separators=(",", ":")).encode()
    return reason


# accepted

@pytest.mark.covers("S21", "S56", "S57")
def test_a_signed_request_creates(closed, signer, agent):
    mine = agent(closed, "signed-app", headers=signer.headers("/signed-app").items())
    mine.serve(reply(b"signed"))
    assert mine.visit().body == b"signed"


@pytest.mark.covers("D2")
@pytest.mark.parametrize("signed", ["/", "/?new"])
def test_the_path_may_be_signed_with_or_without_its_query(closed, signer, signed):
    assert ask(closed, "/?new", signer.headers(signed)).status == 200


@pytest.mark.covers("D2")
def test_the_path_is_signed_as_sent(closed, signer):
    assert ask(closed, "/%73igned-app", signer.headers("/%73igned-app")).status == 200
    assert refusal(ask(closed, "/%73igned-app",
                       signer.headers("/signed-app"))) == "Invalid HMAC signature"


@pytest.mark.covers("D4")
@pytest.mark.parametrize("bend", [
    lambda value: value.replace("HMAC", "hmac"), lambda value: value.replace("HMAC", "Hmac"),
    lambda value: value.replace(" ", "   "),
    lambda value: "HMAC sha256=" + value.split("=")[1].upper()])
def test_spellings_of_the_header(closed, signer, bend):
    headers = signer.headers("/signed-app")
    headers["Authorization"] = bend(headers["Authorization"])
    assert ask(closed, headers=headers).status == 200


@pytest.mark.covers("S57")
def test_a_post_signs_its_raw_body(closed, signer):
    body = '{ "subdomain" : "post-app" }'
    headers = signer.headers("/api/tunnels", "POST", body)
    response = ask(closed, "/api/tunnels", headers, method="POST", body=body.encode())
    assert (response.status, response.json()["id"]) == (201, "post-app")
    headers = signer.headers("/api/tunnels", "POST", body)
    other = body.replace("post", "best").encode()
    assert refusal(ask(closed, "/api/tunnels", headers, method="POST",
                       body=other)) == "Invalid HMAC signature"


@pytest.mark.covers("S57")
def test_the_method_is_signed(closed, signer):
    headers = signer.headers("/signed-app", "HEAD")
    assert refusal(ask(closed, headers=headers)) == "Invalid HMAC signature"
    assert ask(closed, headers=headers, method="HEAD").status == 200


@pytest.mark.covers("S64")
def test_without_a_secret_the_headers_are_ignored(shared_relay):
    headers = {"Authorization": "HMAC sha256=00", "X-Timestamp": "x", "X-Nonce": "y"}
    assert ask(shared_relay, headers=headers).status == 200


# refused

@pytest.mark.covers("S61", "D1")
@pytest.mark.parametrize("field", ["Authorization", "X-Timestamp", "X-Nonce"])
def test_a_missing_header_is_named(closed, signer, field):
    headers = signer.headers("/signed-app")
    del headers[field]
    assert refusal(ask(closed, headers=headers)) == f"Missing {field} header"


@pytest.mark.covers("S61", "D4")
@pytest.mark.parametrize("value", [
    "Basic dXNlcjpwYXNz", "HMAC", "HMAC sha256=", "HMAC sha1=00", "HMAC sha256=xyz",
    "HMACsha256=" + "0" * 64, "HMAC sha256:" + "0" * 64])
def test_a_malformed_header_is_called_so(closed, signer, value):
    headers = {**signer.headers("/signed-app"), "Authorization": value}
    assert refusal(ask(closed, headers=headers)) == \
        "Invalid Authorization header format (expected: HMAC sha256=<hex>)"


@pytest.mark.covers("S61", "D4")
@pytest.mark.parametrize("value", ["abc", "12x", "0x10", "1e9", "-5", "+5", "1.5", "1 2",
                                   "9" * 40])
def test_a_timestamp_must_be_a_number(closed, signer, value):
    headers = signer.headers("/signed-app", timestamp=value)
    reason = refusal(ask(closed, headers=headers))
    assert reason == "Invalid timestamp (must be numeric)" or (
        value == "9" * 40 and reason.startswith("Timestamp expired"))


@pytest.mark.covers("S61", "D4")
@pytest.mark.parametrize("junk", ["x", " 1", ".0", "\t7"])
def test_junk_after_a_timestamp_is_refused(closed, signer, junk):
    headers = signer.headers("/signed-app", timestamp=f"{int(time.time())}{junk}")
    assert refusal(ask(closed, headers=headers)) == "Invalid timestamp (must be numeric)"


@pytest.mark.covers("S58", "S61", "S23")
@pytest.mark.parametrize("shift", [-120, 120, -62, 62])
def test_an_old_or_early_timestamp_is_refused_with_figures(closed, signer, shift):
    headers = signer.headers("/signed-app", timestamp=int(time.time()) + shift)
    reason = refusal(ask(closed, headers=headers))
    match = re.fullmatch(r"Timestamp expired \(diff: (\d+)s, tolerance: 60s\)", reason)
    assert match and abs(int(match[1]) - abs(shift)) <= 2, reason


@pytest.mark.covers("S58")
@pytest.mark.parametrize("shift", [-55, 55])
def test_a_timestamp_within_the_tolerance_is_fine(closed, signer, shift):
    headers = signer.headers("/signed-app", timestamp=int(time.time()) + shift)
    assert ask(closed, headers=headers).status == 200


@pytest.mark.covers("S59", "S61", "D4")
@pytest.mark.parametrize("junk", ["abc", "12x", "-1", "1.5", "0x1"])
def test_a_nonce_must_be_a_number(closed, signer, junk):
    for value in (junk, signer.nonce() + "x"):
        headers = signer.headers("/signed-app", nonce=value)
        assert refusal(ask(closed, headers=headers)) == \
            "Invalid nonce (must be numeric Unix epoch in milliseconds)"


@pytest.mark.covers("S24", "S59", "S61")
def test_a_nonce_may_not_be_too_old(closed, signer):
    now = int(time.time())
    old = signer.headers("/signed-app", timestamp=now, nonce=(now - 3602) * 1000)
    assert refusal(ask(closed, headers=old)) == "Nonce too old (threshold: 3600s)"
    young = signer.headers("/signed-app", timestamp=now, nonce=(now - 3598) * 1000 + 7)
    assert ask(closed, headers=young).status == 200


@pytest.mark.covers("S59", "S61")
def test_a_nonce_may_not_be_too_new(closed, signer):
    now = int(time.time())
    new = signer.headers("/signed-app", timestamp=now, nonce=(now + 62) * 1000)
    assert refusal(ask(closed, headers=new)) == "Nonce too new (tolerance: 60s)"
    fine = signer.headers("/signed-app", timestamp=now, nonce=(now + 58) * 1000 + 7)
    assert ask(closed, headers=fine).status == 200


@pytest.mark.covers("S60", "S61")
def test_a_wrong_signature_is_refused(closed, signer):
    good = signer.headers("/signed-app")
    digits = good["Authorization"].split("=")[1]
    flipped = ("0" if digits[0] != "0" else "1") + digits[1:]
    for wrong in (flipped, "0" * 64, digits[:-1] + ("0" if digits[-1] != "0" else "1")):
        headers = {**good, "Authorization": f"HMAC sha256={wrong}"}
        assert refusal(ask(closed, headers=headers)) == "Invalid HMAC signature"
    other = Signer("another-secret-of-at-least-32-characters")
    assert refusal(ask(closed, headers=other.headers("/signed-app"))) == "Invalid HMAC signature"


@pytest.mark.covers("D4", "S61")
@pytest.mark.parametrize("junk", ["0", "00", "g", " 00", ",x", ";a=b"])
def test_junk_after_a_signature_is_refused(closed, signer, junk):
    headers = signer.headers("/signed-app")
    headers["Authorization"] += junk
    assert refusal(ask(closed, headers=headers)) in (
        "Invalid HMAC signature",
        "Invalid Authorization header format (expected: HMAC sha256=<hex>)")


@pytest.mark.covers("S57", "S60")
@pytest.mark.parametrize("field", ["path", "timestamp", "nonce"])
def test_each_signed_field_is_protected(closed, signer, field):
    headers = signer.headers("/signed-app")
    path = "/signed-apq" if field == "path" else "/signed-app"
    if field == "timestamp":
        headers["X-Timestamp"] = str(int(headers["X-Timestamp"]) + 1)
    if field == "nonce":
        headers["X-Nonce"] = str(int(headers["X-Nonce"]) + 1)
    assert refusal(ask(closed, path, headers)) == "Invalid HMAC signature"


@pytest.mark.covers("S62")
def test_the_checks_come_in_order(closed, signer):
    """From everything wrong to one thing wrong: each answer names the first that still is."""
    now = int(time.time())
    path = "/signed-app"
    headers = {}
    assert refusal(ask(closed, path, headers)) == "Missing Authorization header"
    headers["Authorization"] = "nonsense"
    assert refusal(ask(closed, path, headers)) == "Missing X-Timestamp header"
    headers["X-Timestamp"] = "nonsense"
    assert refusal(ask(closed, path, headers)) == "Missing X-Nonce header"
    headers["X-Nonce"] = "nonsense"
    assert refusal(ask(closed, path, headers)).startswith("Invalid Authorization header format")
    headers["Authorization"] = "HMAC sha256=" + "0" * 64
    assert refusal(ask(closed, path, headers)) == "Invalid timestamp (must be numeric)"
    headers["X-Timestamp"] = str(now - 300)
    assert refusal(ask(closed, path, headers)).startswith("Timestamp expired")
    headers["X-Timestamp"] = str(now)
    assert refusal(ask(closed, path, headers)).startswith("Invalid nonce")
    headers["X-Nonce"] = "5"
    assert refusal(ask(closed, path, headers)).startswith("Nonce too old")
    headers["X-Nonce"] = str((now + 500) * 1000)
    assert refusal(ask(closed, path, headers)).startswith("Nonce too new")
    used = signer.headers(path, timestamp=now)
    assert ask(closed, path, used).status == 200
    headers["X-Nonce"] = used["X-Nonce"]
    assert refusal(ask(closed, path, headers)) == "Nonce already used (replay attack detected)"
    headers["X-Nonce"] = signer.nonce()
    assert refusal(ask(closed, path, headers)) == "Invalid HMAC signature"


# replay

@pytest.mark.covers("S59", "S61", "D4")
def test_a_nonce_is_good_for_one_request(closed, signer):
    headers = signer.headers("/signed-app")
    assert ask(closed, headers=headers).status == 200
    used = "Nonce already used (replay attack detected)"
    assert refusal(ask(closed, headers=headers)) == used
    again = signer.headers("/other-app", nonce=headers["X-Nonce"])
    assert refusal(ask(closed, "/other-app", again)) == used


@pytest.mark.covers("D4")
def test_a_used_nonce_may_not_come_again_in_another_spelling(closed, signer):
    headers = signer.headers("/signed-app")
    assert ask(closed, headers=headers).status == 200
    for spelling in ("0" + headers["X-Nonce"], "000" + headers["X-Nonce"]):
        assert refusal(ask(closed, headers=signer.headers("/signed-app", nonce=spelling))) in (
            "Nonce already used (replay attack detected)",
            "Invalid nonce (must be numeric Unix epoch in milliseconds)")


@pytest.mark.covers("S59", "D4")
def test_a_nonce_is_not_spent_by_a_wrong_signature(closed, signer):
    headers = signer.headers("/signed-app")
    wrong = {**headers, "Authorization": "HMAC sha256=" + "0" * 64}
    assert refusal(ask(closed, headers=wrong)) == "Invalid HMAC signature"
    assert ask(closed, headers=headers).status == 200


@pytest.mark.covers("S59")
@pytest.mark.tsan
def test_of_many_replays_at_once_one_gets_through(closed, signer):
    headers = signer.headers("/signed-app")
    data = http.build_request(target="/signed-app", host="lt.test", headers=headers.items())
    gate = threading.Barrier(16)
    found = []

    def send():
        with http.Visitor(closed.port) as visitor:
            gate.wait()
            visitor.send(data)
            found.append(visitor.read_response().status)
    threads = [threading.Thread(target=send) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200] + [401] * 15


# what is guarded

@pytest.mark.covers("S63", "D3")
@pytest.mark.parametrize("target,expected", [
    ("/api/status", 200), ("/healthz", 200), ("/", 302), ("/_adit/", 200),
    ("/api/tunnels/no-such-app/status", 404)])
def test_what_creates_nothing_stays_open(closed, target, expected):
    assert ask(closed, target).status == expected


@pytest.mark.covers("D3", "S21")
@pytest.mark.parametrize("method,target,body", [
    ("GET", "/some-app", None), ("HEAD", "/some-app", None), ("GET", "/?new", None),
    ("GET", "/NO", None), ("GET", "/admin", None), ("POST", "/api/tunnels", b"{}"),
    ("POST", "/api/tunnels", b"not json")])
def test_creation_wants_a_signature_before_anything_else(closed, method, target, body):
    response = ask(closed, target, method=method, body=body)
    assert response.status == 401


@pytest.mark.covers("D3")
def test_a_signed_bad_name_is_403(closed, signer):
    assert ask(closed, "/NO", signer.headers("/NO")).status == 403


@pytest.mark.covers("S21", "D3", "S7")
def test_the_admin_port_is_guarded_the_same(start, signer):
    relay = start(env={"LT_HMAC_SECRET": SECRET}, admin=True)
    assert refusal(ask(relay)) == "Missing Authorization header"
    headers = signer.headers("/signed-app")
    assert ask(relay, headers=headers).status == 200
    assert refusal(ask(relay, headers=headers)).startswith("Nonce already used")
    public = ask(relay, headers=signer.headers("/other-app"), port=relay.port)
    assert public.status in (302, 404)


@pytest.mark.covers("D1")
def test_terse_answers_say_nothing_about_why(start, signer):
    relay = start("--hmac-terse", env={"LT_HMAC_SECRET": SECRET})
    wrong = {**signer.headers("/signed-app"), "X-Nonce": "5"}
    for headers in ({}, wrong, Signer("x" * 40).headers("/signed-app")):
        assert refusal(ask(relay, headers=headers)) == "Invalid or expired authentication"
    assert ask(relay, headers=signer.headers("/signed-app")).status == 200


# configuration

@pytest.mark.covers("S23", "S24")
def test_tolerance_and_threshold_are_options(start, signer):
    relay = start(env={"LT_HMAC_SECRET": SECRET, "LT_HMAC_TIMESTAMP_TOLERANCE": "5",
                       "LT_HMAC_NONCE_THRESHOLD": "10", "LT_HMAC_NONCE_CACHE_TTL": "20"})
    now = int(time.time())
    reason = refusal(ask(relay, headers=signer.headers("/signed-app", timestamp=now - 9)))
    assert re.fullmatch(r"Timestamp expired \(diff: (9|10)s, tolerance: 5s\)", reason)
    old = signer.headers("/signed-app", timestamp=now, nonce=(now - 12) * 1000)
    assert refusal(ask(relay, headers=old)) == "Nonce too old (threshold: 10s)"
    new = signer.headers("/signed-app", timestamp=now, nonce=(now + 8) * 1000)
    assert refusal(ask(relay, headers=new)) == "Nonce too new (tolerance: 5s)"


@pytest.mark.covers("S25")
def test_many_new_nonces_do_not_push_out_an_old_one(start, signer):
    relay = start(env={"LT_HMAC_SECRET": SECRET, "LT_HMAC_NONCE_CACHE_TTL": "7200"})
    headers = signer.headers("/signed-app")
    assert ask(relay, headers=headers).status == 200
    for number in range(2000):
        name = f"/fill-{number % 50:04}"
        assert ask(relay, name, signer.headers(name)).status == 200
    assert refusal(ask(relay, headers=headers)).startswith("Nonce already used")


@pytest.mark.covers("S25")
def test_a_short_cache_opens_no_hole(start, signer):
    """A nonce is remembered at least until it would be too old anyway."""
    relay = start(env={"LT_HMAC_SECRET": SECRET, "LT_HMAC_NONCE_CACHE_TTL": "1"})
    headers = signer.headers("/signed-app")
    assert ask(relay, headers=headers).status == 200
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        assert refusal(ask(relay, headers=headers)).startswith("Nonce already used")


@pytest.mark.covers("S22")
def test_the_secret_may_come_from_a_file(start, signer):
    relay = start(env={"FILE_LT_HMAC_SECRET": "secret.txt"},
                  files={"secret.txt": f"  {SECRET} \r\nanother line\n"})
    assert refusal(ask(relay)) == "Missing Authorization header"
    assert ask(relay, headers=signer.headers("/signed-app")).status == 200


@pytest.mark.covers("S22")
def test_the_variable_wins_over_the_file(start, signer):
    relay = start(env={"FILE_LT_HMAC_SECRET": "secret.txt", "LT_HMAC_SECRET": f" {SECRET} "},
                  files={"secret.txt": "b" * 40})
    assert ask(relay, headers=signer.headers("/signed-app")).status == 200


# sessions of agents

@pytest.mark.covers("S90")
def test_a_signed_session_may_move_to_its_worker_and_signs_each_link_once(start, signer):
    relay = start("--workers", 2, env={"LT_HMAC_SECRET": SECRET})

    def fields():
        return list(signer.headers("/_adit/session").items())
    with Session(relay, fields=fields()) as peer:
        peer.register(subdomain="demo")
        for _ in range(8):  # some of these arrive at the other worker
            peer.resume(fields())
            with Session(relay, client="b", fields=fields() + [("Adit-Beside", peer.id)]) as other:
                assert other.id[:2] == peer.id[:2]
        used = fields()
        peer.resume(used)
        with pytest.raises(Refused) as refused:
            peer.ask(peer.resume_fields(epoch=99) + used)
        assert refused.value.status == 401 and "nonce" in refused.value.response.text().lower()
        with pytest.raises(Refused) as refused:
            peer.ask(peer.resume_fields(epoch=99))
        assert (refused.value.status, refused.value.code) == (401, "not-authenticated")
        assert refused.value.response.get("WWW-Authenticate") == "HMAC"

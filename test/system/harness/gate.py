"""A tunnel's password from outside: Basic credentials, and a browser that is a jar of cookies.

    tunnel = locked(relay, "demo", "hunter22")          # POST /api/tunnels
    visit(relay, "demo", basic("hunter22")).status      # 200
    browser = Browser(relay, "demo"); browser.login("hunter22")
"""
import base64
import html
import json
import re
from urllib.parse import urlencode

from . import http
from .wait import DEADLINE

HTML = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')


def basic(password, user="any"):
    raw = password if isinstance(password, bytes) else password.encode()
    return "Authorization", "Basic " + base64.b64encode(user.encode() + b":" + raw).decode()


def post(relay, headers=(), **wanted):
    return http.fetch(relay.create_port, "POST", "/api/tunnels", relay.domain,
                      [("Content-Type", "application/json"), *headers],
                      json.dumps(wanted).encode())


def locked(relay, name, password, **how):
    response = post(relay, subdomain=name, password=password, **how)
    assert response.status == 201 and response.json()["protected"] is True, response
    return response.json()


def visit(relay, name, *headers, method="GET", target="/", body=None, **how):
    return http.fetch(relay.port, method, target, f"{name}.{relay.domain}", headers, body, **how)


class Browser:
    """Keeps cookies, and fills in the forms that it is shown."""

    def __init__(self, relay, name, scheme="http", headers=(), source=None):
        self.relay = relay
        self.host = f"{name}.{relay.domain}:{relay.port}"
        self.origin = f"{scheme}://{self.host}"
        self.extra = list(headers)
        self.source = source
        self.cookies = {}
        self.attributes = {}
        self.page = None

    def ask(self, method="GET", target="/", headers=(), body=None, timeout=DEADLINE):
        sent = [HTML, ("Sec-Fetch-Mode", "navigate"), *self.extra, *headers]
        if self.cookies:
            sent.append(("Cookie", "; ".join(f"{k}={v}" for k, v in self.cookies.items())))
        self.page = http.fetch(self.relay.port, method, target, self.host, sent, body,
                               source=self.source, timeout=timeout)
        for field in self.page.all("Set-Cookie"):
            pair, *attributes = field.split("; ")
            name, _, value = pair.partition("=")
            self.attributes[name] = attributes
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return self.page

    def fields(self):
        """The hidden fields of the form on the page."""
        return {name: html.unescape(value) for name, value in FIELD.findall(self.page.text())}

    def submit(self, path="login", headers=None, **fields):
        wanted = {**self.fields(), **fields}
        if headers is None:
            headers = [("Origin", self.origin), ("Sec-Fetch-Site", "same-origin")]
        return self.ask("POST", f"/_adit/gate/{path}", [
            ("Content-Type", "application/x-www-form-urlencoded"), *headers],
            urlencode(wanted).encode())

    def login(self, password, target="/"):
        page = self.ask(target=target)
        assert page.status == 401, page
        return self.submit(password=password)

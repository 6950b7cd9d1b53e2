"""A relay of which only the API answers, by script: for what a real one does rarely or never."""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ApiRelay:
    """`answers` maps "METHOD /path" to (status, JSON object), or to a list of such that are used up
    to the last one, which stays; bytes instead of an object go out as they are."""

    def __init__(self, context=None):
        self.answers = {}
        self.requests = []  # (method, path, headers, body)
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                relay.requests.append((self.command, self.path, self.headers,
                                       json.loads(body) if body else None))
                status, value = relay.pick(f"{self.command} {self.path.split('?')[0]}")
                data = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, *words):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def pick(self, name):
        answer = self.answers.get(name)
        if answer is None:
            return 404, refusal("not-found", "There is no such path.")
        if isinstance(answer, list):
            return answer.pop(0) if len(answer) > 1 else answer[0]
        return answer

    def asked(self, name):
        return [request for request in self.requests if f"{request[0]} {request[1]}" == name]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def refusal(code, message="No."):
    return {"error": {"code": code, "message": message}}

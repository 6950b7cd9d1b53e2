"""Certificates made with openssl, and visitors that speak TLS.

    authority = Authority(tmp_path)
    pair = authority.issue("relay", "*.lt.test", "lt.test")
    with tls_visitor(relay.tls_port, authority, "app.lt.test") as visitor: visitor.ask(...)
"""
import select
import socket
import ssl
import subprocess
import time

from . import http
from .wait import DEADLINE


def openssl(*args, **how):
    done = subprocess.run(["openssl", *map(str, args)], capture_output=True, timeout=DEADLINE,
                          check=False, **how)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


class Pair:
    """A certificate and its key, as files."""

    def __init__(self, cert, key):
        self.cert = cert
        self.key = key

    @property
    def flags(self):
        return ["--tls-cert", self.cert, "--tls-key", self.key, "--tls-port", "0"]

    def serial(self):
        return openssl("x509", "-in", self.cert, "-noout", "-serial").decode().strip()


class Authority:
    """Issues certificates for names and addresses; `cert` is what visitors trust."""

    def __init__(self, directory, name="adit test authority"):
        self.dir = directory
        self.cert = directory / "ca.pem"
        self.key = directory / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", f"/CN={name}", "-days", "30", "-keyout", self.key, "-out", self.cert)

    def issue(self, stem, *names, days=90):
        """Files stem.pem and stem.key for these DNS names or IP:addresses."""
        pair = Pair(self.dir / f"{stem}.pem", self.dir / f"{stem}.key")
        request, extensions = self.dir / f"{stem}.csr", self.dir / f"{stem}.ext"
        san = ",".join(name if name.startswith("IP:") else f"DNS:{name}" for name in names)
        extensions.write_text(f"subjectAltName={san}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", f"/CN={stem}", "-keyout", pair.key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key,
                "-CAcreateserial", "-days", days, "-extfile", extensions, "-out", pair.cert)
        return pair

    def context(self):
        context = ssl.create_default_context(cafile=str(self.cert))
        context.set_alpn_protocols(["h2", "http/1.1"])
        return context


class TlsVisitor(http.Visitor):
    """A visitor whose socket speaks TLS; `name` is what it asks for and verifies."""

    def __init__(self, port, context, name, timeout=DEADLINE):
        sock = socket.create_connection(("127.0.0.1", port), timeout)
        try:
            wrapped = context.wrap_socket(sock, server_hostname=name)
        except Exception:
            sock.close()
            raise
        http.Wire.__init__(self, wrapped, timeout)

    def exchange(self, data, count):
        """Sends data and reads count bytes meanwhile, from one thread: an SSL object has no lock,
        and a read beside a write in another thread can take the write's state for the end."""
        deadline = time.monotonic() + self.timeout
        data, parts, have = memoryview(data), [], 0
        self.sock.settimeout(0)
        while have < count:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{len(data)} bytes to send and {count - have} to read")
            try:
                if data:
                    data = data[self.sock.send(data[:65536]):]
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            try:
                parts.append(self.sock.recv(min(65536, count - have)))
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                select.select([self.sock], [self.sock] if data else [], [], left)
                continue
            if not parts[-1]:
                raise http.Truncated(f"ended after {have} of {count} bytes")
            have += len(parts[-1])
        return b"".join(parts)

    def serial(self):
        """Of the certificate that was shown."""
        der = self.sock.getpeercert(binary_form=True)
        return openssl("x509", "-inform", "DER", "-noout", "-serial", input=der).decode().strip()


class HandTls:
    """TLS in memory over a plain socket, so that a half-close leaves the other half open."""

    def __init__(self, port, context, name, timeout=DEADLINE):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout)
        self.came, self.goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.came, self.goes, server_hostname=name)
        self._drive(self.tls.do_handshake)

    def _flush(self):
        if self.goes.pending:
            self.sock.sendall(self.goes.read())

    def _drive(self, call):
        while True:
            try:
                result = call()
                self._flush()
                return result
            except ssl.SSLWantReadError:
                self._flush()
                data = self.sock.recv(65536)
                if data:
                    self.came.write(data)
                else:
                    self.came.write_eof()

    def send(self, data):
        self._drive(lambda: self.tls.write(data))

    def half_close(self):
        """The closing alert and nothing else."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self._flush()

    def read_to_end(self):
        parts = []
        while True:
            try:
                data = self._drive(lambda: self.tls.read(65536))
            except ssl.SSLZeroReturnError:
                data = b""
            if not data:
                return b"".join(parts)
            parts.append(data)

    def close(self):
        self.sock.close()

"""echo_server.py: a TCP service for very many connections at once. Prints its port, and echoes.

A program of its own, because ten thousand connections and as many visitors together have more
descriptors than one process gets.
"""
import resource
import selectors
import socket


def main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(4096)
    listener.setblocking(False)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    print(listener.getsockname()[1], flush=True)
    while True:
        for key, _ in selector.select():
            sock = key.fileobj
            if sock is listener:
                try:
                    fresh, _ = listener.accept()
                except OSError:
                    continue
                fresh.setblocking(False)
                selector.register(fresh, selectors.EVENT_READ)
                continue
            try:
                data = sock.recv(65536)
                if data:
                    sock.send(data)  # a few bytes at a time, which always fit
                    continue
            except BlockingIOError:
                continue
            except OSError:
                pass
            selector.unregister(sock)
            sock.close()


if __name__ == "__main__":
    main()

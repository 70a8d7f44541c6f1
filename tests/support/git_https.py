"""Serves bare repositories over https through `git http-backend`, on a free port of loopback.

    git_https.py ROOT CERTIFICATE KEY [USER:PASSWORD]

Prints the port on one line, then one line a request. With USER:PASSWORD every request needs
basic auth. A path that begins with /silent/ is never answered, /broken/ answers 500, /trickle/
answers a byte now and then for as long as anybody listens.
"""

import base64
import http.server
import itertools
import os
import ssl
import subprocess
import sys
import threading
import time

ROOT, CERTIFICATE, KEY = sys.argv[1:4]
LOGIN = sys.argv[4] if len(sys.argv) > 4 else None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            data = b""
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                data += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    return data
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, headers, data):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def serve(self):
        print(self.command, self.path.split("?")[0], "auth" if self.headers.get("Authorization") else "anonymous",
              flush=True)
        body = self.body()
        if self.path.startswith("/silent/"):
            threading.Event().wait()
        if self.path.startswith("/trickle/"):
            self.send_response(200)
            self.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
            self.end_headers()
            self.close_connection = True
            # The length of a line that never ends.
            for byte in itertools.chain(b"fff0", itertools.repeat(ord("x"))):
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.1)
        if self.path.startswith("/broken/"):
            return self.answer(500, [], b"in trouble")
        if LOGIN:
            expected = "Basic " + base64.b64encode(LOGIN.encode()).decode()
            if self.headers.get("Authorization") != expected:
                return self.answer(401, [("WWW-Authenticate", 'Basic realm="git"')], b"who is it?")
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": ROOT, "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1", "HOME": ROOT, "PATH_INFO": path, "QUERY_STRING": query,
            "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)), "REMOTE_ADDR": "127.0.0.1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        head, _, data = done.stdout.partition(b"\r\n\r\n")
        status, headers = 200, []
        for line in head.decode().split("\r\n"):
            name, _, value = line.partition(": ")
            if name == "Status":
                status = int(value.split()[0])
            elif name:
                headers.append((name, value))
        self.answer(status, headers, data)

    do_GET = serve
    do_POST = serve



class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that distrusts the certificate, or leaves, is what a test wants."""


server = Server(("127.0.0.1", 0), Handler)
server.daemon_threads = True
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERTIFICATE, KEY)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
server.serve_forever()

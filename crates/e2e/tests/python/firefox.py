"""Drives a real Firefox for a test: its program, a page with a service worker, and nothing of Mailbell's.

Arguments: Firefox's program, a directory for the profile, the URL of the push service, and optionally a certificate
authority (PEM) that the profile is to trust (by certutil).

Reads one JSON object a line and answers each with one line, {"ok": value} or {"error": text}:
  {"do": "start"}             starts Firefox on the profile and opens the page
  {"do": "stop"}              closes it as a user would
  {"do": "run", "js": text}   the value of an expression in the page; promises are awaited
  {"do": "receive", "count": n}  what the service worker was given, oldest first, once there are n of them; a request of
                              Firefox for its remote settings, which a broadcast makes, counts as one

Firefox is spoken to by WebDriver BiDi. It dies with this program. Nothing but loopback can be reached from it."""

import contextlib
import ctypes
import http.server
import json
import os
import pathlib
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

from websockets.sync.client import connect

LIMIT_SECONDS = 60
PAGE_DIRECTORY = pathlib.Path(__file__).with_name("firefox_page")
PREFERENCES = {
    # Firefox switches it off when it is driven from outside.
    "dom.push.connection.enabled": True,
    "dom.push.testing.allowInsecureServerURL": True,
    "dom.push.testing.ignorePermission": True,
    # The worker shows no notification; for that Firefox would end the subscription after a while.
    "dom.push.maxQuotaPerSubscription": 100_000,
    "network.manage-offline-status": False,
    # Whatever Firefox would like to tell or ask its makers goes to a port where nobody listens.
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.aboutwelcome.enabled": False,
    "browser.region.update.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.unified": False,
}


class Site:
    """Serves the page and its worker on http://localhost (a secure context), and takes the worker's reports. Says to
    Firefox that there is nothing new in its remote settings."""

    def __init__(self):
        self.reports = queue.Queue()
        site = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __init__(self, *arguments):
                super().__init__(*arguments, directory=PAGE_DIRECTORY)

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                if url.path != "/v1/buckets/monitor/collections/changes/changeset":
                    return super().do_GET()
                expected = urllib.parse.parse_qs(url.query).get("_expected", [""])[0].strip('"')
                # Firefox also asks without a broadcast, for nothing in particular.
                if expected not in ("", "0"):
                    site.reports.put({"scope": "remote-settings", "text": expected})
                body = json.dumps({"changes": [], "timestamp": int(expected or 0)}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                site.reports.put(json.loads(body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Firefox:
    def __init__(self, program, profile, push_url, authority, site):
        self.program, self.profile, self.site = program, pathlib.Path(profile), site
        self.process = self.socket = None
        self.connections = contextlib.ExitStack()
        self.profile.mkdir(parents=True)
        preferences = PREFERENCES | {
            "dom.push.serverURL": push_url,
            "services.settings.server": f"{site.url}v1",
        }
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items())
        (self.profile / "user.js").write_text("".join(lines))
        if authority:
            database = f"sql:{self.profile}"
            self.run("certutil", "-N", "-d", database, "--empty-password")
            self.run("certutil", "-A", "-d", database, "-n", "test", "-t", "C,,", "-i", authority)

    @staticmethod
    def run(*command):
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def start(self):
        listening = self.profile / "WebDriverBiDiServer.json"
        listening.unlink(missing_ok=True)
        command = [self.program, "--headless", "--no-remote", "--profile", str(self.profile)]
        # Firefox refuses to run as root in a home that belongs to somebody else.
        environment = os.environ | {
            "HOME": str(self.profile),
            "MOZ_CRASHREPORTER_DISABLE": "1",
            # Or it would ask its makers' server, whatever the preference says.
            "MOZ_REMOTE_SETTINGS_DEVTOOLS": "1",
        }
        self.process = subprocess.Popen(
            [*command, "--remote-debugging-port", "0", "about:blank"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        server = self.wait_for(lambda: read_json(listening), "WebDriver BiDi does not listen")
        url = f"ws://127.0.0.1:{server['ws_port']}/session"
        self.socket = self.connections.enter_context(connect(url, max_size=None))
        self.number = 0
        self.command("session.new", {"capabilities": {}})
        (context, *_) = self.command("browsingContext.getTree", {})["contexts"]
        self.context = context["context"]
        page = {"context": self.context, "url": self.site.url, "wait": "complete"}
        self.command("browsingContext.navigate", page)

    def stop(self):
        self.command("browser.close", {})
        self.process.wait(LIMIT_SECONDS)
        self.connections.close()

    def evaluate(self, expression):
        target = {"context": self.context}
        wanted = f"(async () => JSON.stringify((await ({expression})) ?? null))()"
        command = {"expression": wanted, "target": target, "awaitPromise": True}
        answer = self.command("script.evaluate", command)
        if answer["type"] != "success":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    def command(self, method, parameters):
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.recv(timeout=LIMIT_SECONDS))
            if answer.get("id") != self.number:
                continue
            if answer["type"] == "error":
                raise RuntimeError(f"{method}: {answer['message']}")
            return answer["result"]

    def wait_for(self, condition, problem):
        end = time.monotonic() + LIMIT_SECONDS
        while (value := condition()) is None:
            if self.process.poll() is not None:
                raise RuntimeError(f"Firefox ended with {self.process.returncode}: {problem}")
            if time.monotonic() > end:
                raise RuntimeError(problem)
            time.sleep(0.02)
        return value

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def die_with_parent():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def read_json(path):
    """What a file holds; None until it is there and whole."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def receive(site, count):
    return [site.reports.get(timeout=LIMIT_SECONDS) for _ in range(count)]


def answer(firefox, request):
    match request["do"]:
        case "start":
            return firefox.start()
        case "stop":
            return firefox.stop()
        case "run":
            return firefox.evaluate(request["js"])
        case "receive":
            return receive(firefox.site, request["count"])
    raise ValueError(request)


def main():
    program, profile, push_url, *authority = sys.argv[1:]
    firefox = Firefox(program, profile, push_url, authority[0] if authority else None, Site())
    with contextlib.closing(firefox):
        for line in sys.stdin:
            try:
                said = {"ok": answer(firefox, json.loads(line))}
            except Exception as error:
                said = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(said), flush=True)


main()

"""A real Thunderbird, without a window, has INBOX open: it is told in IDLE what others do, and does some things itself.

Arguments: Thunderbird's program, a directory for its profile, the server's log, IMAPS port, IMAP port, LMTP port, TLS
certificate, user, password. The messages "first", "second" and "third" are in INBOX. Afterwards "first" is gone, "second" is in Trash,
"third" is read and flagged, "fourth" has come. Ends with a line "ok".

Thunderbird is spoken to by Marionette, and asked by its own interfaces for scripts. It looks for mail neither when it starts nor at
intervals: what it learns after it has opened INBOX it learns in IDLE. It dies with this program. Nothing but loopback can
be reached from it."""

import contextlib
import ctypes
import imaplib
import json
import os
import pathlib
import signal
import smtplib
import socket
import subprocess
import sys
import time

program, directory, log, imaps, imap, lmtp, certificate, user, password = sys.argv[1:]
LIMIT_SECONDS = 90
PREFERENCES = {
    "app.donation.eoy.version.viewed": 999,
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mail.winsearch.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    "marionette.port": 0,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.manage-offline-status": False,
    # Whatever Thunderbird would like to tell or ask its makers goes to a port where nobody listens.
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.unified": False,
}
SETUP = """
const [port, certificate, user, password] = arguments;
const database = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
const overrides = Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService);
overrides.rememberValidityOverride("localhost", port, {}, database.constructX509FromBase64(certificate), false);
const server = MailServices.accounts.createIncomingServer(user, "localhost", "imap");
server.port = port;
server.socketType = Ci.nsMsgSocketType.SSL;
server.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
server.password = password;
server.doBiff = false;
server.loginAtStartUp = false;
const account = MailServices.accounts.createAccount();
account.incomingServer = server;
const identity = MailServices.accounts.createIdentity();
identity.email = `${user}@localhost`;
account.addIdentity(identity);
MailServices.accounts.defaultAccount = account;
server.performExpand(null);
"""
SERVER = """
const server = MailServices.accounts.defaultAccount.incomingServer;
const folder = name => server.rootFolder.descendants.find(folder => folder.name.toLowerCase() == name.toLowerCase());
"""
FOLDERS = SERVER + "return server.rootFolder.descendants.map(folder => folder.name);"
OPEN = SERVER + 'folder("INBOX").updateFolder(null);'
# What its database has; nothing is asked of the server for it.
MESSAGES = SERVER + """
return Object.fromEntries([...folder(arguments[0]).messages].map(
  header => [header.mime2DecodedSubject, [header.isRead && "read", header.isFlagged && "flagged"].filter(Boolean)]));
"""
ACT = SERVER + """
const inbox = folder("INBOX");
const header = subject => [...inbox.messages].find(header => header.mime2DecodedSubject == subject);
inbox.markMessagesRead([header("third")], true);
inbox.markMessagesFlagged([header("third")], true);
MailServices.copy.copyMessages(inbox, [header("second")], folder("Trash"), true, null, null, false);
"""


class Thunderbird:
    def __init__(self):
        self.profile = pathlib.Path(directory) / "thunderbird"
        self.profile.mkdir()
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
        (self.profile / "user.js").write_text("".join(lines))
        command = [program, "--headless", "--no-remote", "--profile", str(self.profile)]
        self.process = subprocess.Popen(
            [*command, "--marionette", "--remote-allow-system-access"],
            env=os.environ | {"HOME": str(self.profile), "MOZ_CRASHREPORTER_DISABLE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        listening = self.profile / "MarionetteActivePort"
        port = wait_for(lambda: listening.exists() and listening.read_text(), bool, "Marionette does not listen")
        self.socket = socket.create_connection(("127.0.0.1", int(port)), LIMIT_SECONDS)
        self.stream = self.socket.makefile("rb")
        self.number = 0
        self.packet()
        self.command("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {"timeouts": {"script": 60_000}}}})
        self.command("Marionette:SetContext", {"value": "chrome"})

    def packet(self):
        length = b""
        while (byte := self.stream.read(1)) != b":":
            assert byte, "Thunderbird has closed the connection"
            length += byte
        return json.loads(self.stream.read(int(length)))

    def command(self, name, parameters):
        self.number += 1
        packet = json.dumps([0, self.number, name, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(packet), packet))
        _, number, error, result = self.packet()
        assert number == self.number
        if error:
            raise RuntimeError(f"{name}: {error}")
        return result.get("value")

    def run(self, script, *arguments):
        """What a script returns that may use Thunderbird's own interfaces."""
        whole = f"""
            const done = arguments[arguments.length - 1];
            const {{ MailServices }} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
            (async () => {{ {script} }})().then(value => done({{ value }}), error => done({{ error: `${{error}}` }}));
        """
        parameters = {"script": whole, "args": list(arguments), "sandbox": "system", "newSandbox": True}
        result = self.command("WebDriver:ExecuteAsyncScript", parameters)
        if "error" in result:
            raise RuntimeError(result["error"])
        return result.get("value")

    def shows(self, folder, fits, what):
        return wait_for(lambda: self.run(MESSAGES, folder), fits, what)

    def close(self):
        with contextlib.suppress(Exception):
            self.command("Marionette:Quit", {"flags": ["eAttemptQuit"]})
            self.process.wait(20)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def die_with_parent():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def wait_for(value, fits, what):
    end = time.monotonic() + LIMIT_SECONDS
    while not fits(found := value()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: {found}")
        time.sleep(0.05)
    return found


def deliver(subject):
    with smtplib.LMTP("127.0.0.1", int(lmtp)) as connection:
        text = f"From: sender@test.invalid\r\nTo: alice@localhost\r\nSubject: {subject}\r\n\r\n{subject} body\r\n"
        connection.sendmail("sender@test.invalid", [user], text)


def count(command):
    """How often the server has run a command, IDLE from its beginning."""
    return pathlib.Path(log).read_text().count(f'imap.command command="{command}"')


@contextlib.contextmanager
def heard_in_idle():
    """What is done in it is told in IDLE, and Thunderbird idles again afterwards. It does so two seconds after its last
    command; what comes in between it is told together with the beginning of IDLE, and looks at with the next news."""
    before = count("IDLE")
    yield
    wait_for(lambda: count("IDLE"), lambda now: now > before, "Thunderbird does not idle again")


def of_pem(text):
    return "".join(line for line in text.splitlines() if not line.startswith("-"))


thunderbird = Thunderbird()
with contextlib.closing(thunderbird):
    thunderbird.run(SETUP, int(imaps), of_pem(pathlib.Path(certificate).read_text()), user, password)
    wait_for(lambda: thunderbird.run(FOLDERS), lambda names: {"Trash", "Sent"} <= set(names), "no folders")
    thunderbird.run(OPEN)
    thunderbird.shows("INBOX", lambda found: set(found) == {"first", "second", "third"}, "INBOX is not shown")

    # A connection for each folder that it keeps an eye on.
    wait_for(lambda: (count("SELECT"), count("IDLE")), lambda found: found[0] == found[1] > 0, "Thunderbird does not idle")
    other = imaplib.IMAP4("localhost", int(imap))
    other.login(user, password)

    # A new message, flags and an expunge by others.
    with heard_in_idle():
        deliver("fourth")
        found = thunderbird.shows("INBOX", lambda found: "fourth" in found, "the new message is not shown")
        assert found["fourth"] == [], found
    other.select("INBOX")
    with heard_in_idle():
        other.uid("STORE", "3", "+FLAGS", r"(\Seen)")
        thunderbird.shows("INBOX", lambda found: found["third"] == ["read"], "the flag is not shown")
    with heard_in_idle():
        other.uid("STORE", "3", "-FLAGS", r"(\Seen)")
        thunderbird.shows("INBOX", lambda found: found["third"] == [], "the flag is still shown")
    with heard_in_idle():
        other.uid("STORE", "1", "+FLAGS", r"(\Deleted)")
        other.expunge()
        thunderbird.shows("INBOX", lambda found: set(found) == {"second", "third", "fourth"}, "it is still shown")

    # What Thunderbird does itself.
    thunderbird.run(ACT)

    def done():
        other.noop()
        flags = b"".join(other.uid("FETCH", "3", "(FLAGS)")[1])
        return [other.uid("SEARCH", "ALL")[1], rb"\Seen" in flags and rb"\Flagged" in flags]

    wait_for(done, lambda found: found == [[b"3 4"], True], "what Thunderbird did is not there")
    other.logout()
print("ok")

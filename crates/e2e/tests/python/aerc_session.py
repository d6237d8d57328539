"""Types into aerc as its user would, and looks at what its terminal shows.

Arguments: aerc's program, a directory for its files, IMAPS port, LMTP port, TLS certificate, user, password. The
messages "first", "second" and "third" are in INBOX. Afterwards "second" is flagged and in Archive, "third" is deleted,
"first" has a copy in Aerc, and "fourth" has come. Ends with a line "ok"."""

import os
import pathlib
import pty
import select
import smtplib
import sys
import termios
import time

import pyte

program, directory, imaps, lmtp, certificate, user, password = sys.argv[1:]
LIMIT_SECONDS = 60
COLUMNS, LINES = 120, 30


class Terminal:
    """A program in a terminal of its own, and the screen as that terminal would show it."""

    def __init__(self, program, environment):
        self.screen = pyte.Screen(COLUMNS, LINES)
        self.stream = pyte.ByteStream(self.screen)
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.execve(program, [program], environment)
        termios.tcsetwinsize(self.terminal, (LINES, COLUMNS))

    def wait_for(self, condition, what):
        """Reads on until the screen is as `condition` wants it."""
        end = time.monotonic() + LIMIT_SECONDS
        # The last line is where commands are typed and where aerc says what it is doing.
        while not condition("\n".join(self.screen.display[:-1])):
            left = end - time.monotonic()
            if left < 0 or not select.select([self.terminal], [], [], left)[0]:
                raise TimeoutError(what + "\n" + "\n".join(self.screen.display))
            self.stream.feed(os.read(self.terminal, 65536))

    def shows(self, *texts):
        self.wait_for(lambda screen: all(text in screen for text in texts), f"{texts} is not shown")

    def hides(self, *texts):
        self.wait_for(lambda screen: not any(text in screen for text in texts), f"{texts} is still shown")

    def type(self, command):
        os.write(self.terminal, f":{command}\r".encode())

    def ends(self):
        """Reads to the end, and says how the program ended."""
        try:
            while os.read(self.terminal, 65536):
                pass
        except OSError:
            pass  # The terminal has gone with the program.
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])


def configure():
    home = pathlib.Path(directory) / "aerc-home"
    config = home / ".config" / "aerc"
    config.mkdir(parents=True)
    accounts = config / "accounts.conf"
    accounts.write_text(
        f"[bell]\nsource = imaps://{user}:{password}@localhost:{imaps}\nfrom = Alice <alice@localhost>\narchive = Archive\n"
    )
    accounts.chmod(0o600)
    # What is left out has its default; only the columns are made wide enough for the subjects.
    (config / "aerc.conf").write_text("[ui]\nindex-format=%s\nsidebar-width=20\n")
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "TERM": "xterm",
        "LANG": "C.UTF-8",
        "SSL_CERT_FILE": certificate,
    }


def deliver(subject):
    with smtplib.LMTP("127.0.0.1", int(lmtp)) as connection:
        text = f"From: sender@test.invalid\r\nTo: alice@localhost\r\nSubject: {subject}\r\n\r\n{subject} body\r\n"
        connection.sendmail("sender@test.invalid", [user], text)


aerc = Terminal(program, configure())
aerc.shows("first", "second", "third", "Archive", "Trash")

# IDLE
deliver("fourth")
aerc.shows("fourth")

# SEARCH, STORE, MOVE or COPY with EXPUNGE
aerc.type("filter second")
aerc.hides("first", "third", "fourth")
aerc.type("select 0")
aerc.type("flag")
aerc.type("archive flat")
aerc.hides("second")
aerc.type("clear")
aerc.shows("first", "third", "fourth")
aerc.type("filter third")
aerc.hides("first", "fourth")
aerc.type("select 0")
aerc.type("delete")
aerc.hides("third")
aerc.type("clear")
aerc.shows("first", "fourth")

# CREATE, SELECT, COPY, SORT
aerc.type("mkdir Aerc")
aerc.shows("Aerc")
aerc.hides("first", "fourth")
aerc.type("cf INBOX")
aerc.shows("first", "fourth")
aerc.type("filter first")
aerc.hides("fourth")
aerc.type("select 0")
aerc.type("cp Aerc")
aerc.type("cf Aerc")
aerc.shows("first")
aerc.type("cf INBOX")
aerc.type("clear")
aerc.type("sort -r subject")
aerc.shows("first", "fourth")
aerc.type("quit -f")
assert aerc.ends() == 0
print("ok")

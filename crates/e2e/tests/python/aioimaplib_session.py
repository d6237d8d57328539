"""aioimaplib, many connections in one loop: they idle while one delivers, flags, moves and expunges.

Arguments: IMAPS port, TLS certificate, user, password. The messages "first", "second" and "third" are in INBOX. Ends
with a line "ok"."""

import asyncio
import ssl
import sys

from aioimaplib import IMAP4_SSL

port, certificate, user, password = sys.argv[1:]
LIMIT_SECONDS = 60
WATCHERS = 10


def ok(answer):
    assert answer.result == "OK", answer
    return answer.lines


async def connect():
    context = ssl.create_default_context(cafile=certificate)
    client = IMAP4_SSL("localhost", int(port), timeout=LIMIT_SECONDS, ssl_context=context)
    await client.wait_hello_from_server()
    ok(await client.login(user, password))
    return client


async def hears(client, *wanted):
    """Idles until all lines of `wanted` have come, in this order; says all that came."""
    idle = await client.idle_start(timeout=LIMIT_SECONDS)
    return asyncio.create_task(listen(client, idle, list(wanted)))


async def listen(client, idle, wanted):
    heard = []
    while wanted:
        for line in await client.wait_server_push(LIMIT_SECONDS):
            assert line != b"stop_wait_server_push", heard
            heard.append(line)
            if wanted and line == wanted[0]:
                del wanted[0]
    client.idle_done()
    ok(await asyncio.wait_for(idle, LIMIT_SECONDS))
    return heard


async def a_session():
    client = await connect()
    for name in ("IDLE", "MOVE", "UIDPLUS", "ENABLE", "NAMESPACE", "ID"):
        assert client.has_capability(name), name
    ok(await client.enable("CONDSTORE"))
    assert b"Mailbell" in b"".join(ok(await client.id(name="aioimaplib")))
    assert b'(("" "/"))' in ok(await client.namespace())[0]
    ok(await client.create("Work"))
    ok(await client.subscribe("Work"))
    assert any(b"Work" in line for line in ok(await client.lsub('""', "*")))
    assert any(b"Trash" in line for line in ok(await client.list('""', "*")))
    assert b"MESSAGES 3" in ok(await client.status("INBOX", "(MESSAGES UIDNEXT)"))[0]
    assert b"3 EXISTS" in ok(await client.select("INBOX"))
    assert ok(await client.uid_search("SUBJECT", '"second"'))[0] == b"2"
    assert ok(await client.search("ALL"))[0] == b"1 2 3"
    fetched = ok(await client.uid("fetch", "1:3", "(FLAGS BODY.PEEK[])"))
    assert [b"body\r\n" in bytes(line) for line in fetched if isinstance(line, bytearray)] == [True] * 3, fetched

    # Commands that may be on their way together: each of another kind.
    answers = await asyncio.gather(client.fetch("2", "(UID RFC822.SIZE)"), client.status("Work", "(MESSAGES)"))
    assert b"UID 2" in ok(answers[0])[0] and b"MESSAGES 0" in ok(answers[1])[0], answers
    ok(await client.store("1", "+FLAGS", r"(\Flagged)"))
    ok(await client.uid("copy", "1", "Work"))
    return client


async def main():
    actor = await a_session()
    watchers = await asyncio.gather(*(connect() for _ in range(WATCHERS)))
    for watcher in watchers:
        assert b"3 EXISTS" in ok(await watcher.select("INBOX"))
    listening = [await hears(watcher, b"4 EXISTS", b"2 EXPUNGE", b"1 EXPUNGE") for watcher in watchers]
    ok(await actor.append(b"Subject: fourth\r\n\r\nfourth\r\n", "INBOX", r"(\Seen)"))
    ok(await actor.uid("move", "2", "Work"))
    ok(await actor.uid("store", "1", "+FLAGS", r"(\Deleted)"))
    ok(await actor.expunge())
    for heard in await asyncio.gather(*listening):
        assert len([line for line in heard if b"EXPUNGE" in line]) == 2, heard
    for watcher in watchers:
        assert ok(await watcher.uid_search("ALL"))[0] == b"3 4"
        ok(await watcher.logout())
    ok(await actor.close())
    assert b"2 EXISTS" in ok(await actor.select("Work"))
    ok(await actor.close())
    ok(await actor.rename("Work", "Play"))
    ok(await actor.delete("Play"))
    ok(await actor.logout())


asyncio.run(main())
print("ok")

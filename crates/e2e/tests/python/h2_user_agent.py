"""A user agent of the push service made of Python's h2: RFC 8030 §4 and §6 over HTTP/2 with server push.

usage: h2_user_agent.py PORT, a port on which the service speaks h2c. Fails with a message, or prints what was done.
"""

import re
import socket
import sys

import h2.config
import h2.connection
import h2.events
import h2.settings

SECONDS = 20
PUSH = "urn:ietf:params:push"


class UserAgent:
    """One connection. What has been promised is in `promises`, in order; streams collect fields and bodies."""

    def __init__(self, port, settings=None):
        self.authority = f"localhost:{port}"
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        self.connection = h2.connection.H2Connection(config)
        self.streams = {}
        self.promises = []
        self.connection.initiate_connection()
        if settings:
            self.connection.update_settings(settings)
        self.reading = True
        self.flush()

    def flush(self):
        self.socket.sendall(self.connection.data_to_send())

    def begin(self, method, url, fields=(), body=b""):
        path = re.sub(r"^http://[^/]*", "", url)
        stream = self.connection.get_next_available_stream_id()
        head = [(":method", method), (":path", path), (":scheme", "http"), (":authority", self.authority)]
        self.connection.send_headers(stream, head + list(fields), end_stream=not body)
        if body:
            self.connection.send_data(stream, body, end_stream=True)
        self.streams[stream] = {"fields": {}, "links": [], "body": b"", "ended": False}
        self.flush()
        return stream

    def request(self, method, url, fields=(), body=b""):
        stream = self.begin(method, url, fields, body)
        self.until(lambda: self.streams[stream]["ended"])
        return self.streams[stream]

    def status(self, stream):
        return int(self.streams[stream]["fields"][":status"])

    def until(self, condition):
        while not condition():
            data = self.socket.recv(65536)
            assert data, "the service has hung up"
            for event in self.connection.receive_data(data):
                self.handle(event)
            self.flush()

    def quiet(self, seconds):
        """Reads until nothing has come for so long."""
        self.socket.settimeout(seconds)
        try:
            self.until(lambda: False)
        except TimeoutError:
            pass
        self.socket.settimeout(SECONDS)

    def handle(self, event):
        if isinstance(event, h2.events.PushedStreamReceived):
            fields = dict(event.headers)
            new = {"fields": {}, "links": [], "body": b"", "ended": False}
            self.streams[event.pushed_stream_id] = new
            self.promises.append((event.pushed_stream_id, event.parent_stream_id, fields))
        elif isinstance(event, h2.events.ResponseReceived):
            stream = self.streams[event.stream_id]
            stream["fields"] = dict(event.headers)
            stream["links"] = [value for name, value in event.headers if name == "link"]
        elif isinstance(event, h2.events.DataReceived):
            self.streams[event.stream_id]["body"] += event.data
            if self.reading:
                self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.streams[event.stream_id]["ended"] = True

    def subscribe(self, subscription_set=None):
        link = [("link", f'<{subscription_set}>; rel="{PUSH}:set"')] if subscription_set else []
        answer = self.request("POST", "/subscribe", link)
        assert answer["fields"][":status"] == "201", answer
        links = dict(reversed(re.fullmatch(r'<(.*)>; rel="(.*)"', link).groups()) for link in answer["links"])
        return {"subscription": answer["fields"]["location"], "push": links[PUSH], "set": links[PUSH + ":set"]}

    def push(self, to, body, *fields):
        answer = self.request("POST", to["push"], [("ttl", "60"), *fields], body)
        assert answer["fields"][":status"] == "201", answer

    def received(self, parent, count):
        """So many whole messages that were promised on a request: (path, promise's fields, response)."""

        def of_parent():
            return [promise for promise in self.promises if promise[1] == parent]

        self.until(lambda: len(of_parent()) >= count and all(self.streams[p[0]]["ended"] for p in of_parent()))
        assert len(of_parent()) == count, of_parent()
        return [(fields[":path"], fields, self.streams[stream]) for stream, _, fields in of_parent()]


def messages_are_promised_and_acknowledged(agent):
    to = agent.subscribe()
    second = agent.subscribe(to["set"])
    assert second["set"] == to["set"], "RFC 8030 §4.1"
    reading = agent.begin("GET", to["set"])
    agent.push(to, b"one", ("urgency", "high"), ("content-encoding", "aes128gcm"))
    agent.push(second, b"two")
    agent.push(to, b"three")
    messages = agent.received(reading, 3)
    assert [message["body"] for _, _, message in messages] == [b"one", b"two", b"three"], messages
    for (_, promise, message), source in zip(messages, [to, second, to]):
        assert promise[":method"] == "GET", "RFC 8030 §6"
        assert promise["link"] == f'<{source["push"]}>; rel="{PUSH}"', "RFC 8030 §6.1"
        assert message["links"] == [promise["link"]], "RFC 8030 §6"
        assert message["fields"][":status"] == "200"
    assert messages[0][2]["fields"]["urgency"] == "high"
    assert messages[0][2]["fields"]["content-encoding"] == "aes128gcm"
    assert not agent.streams[reading]["fields"], "RFC 8030 §6: the request itself is not answered"
    answer = agent.request("DELETE", messages[0][0])
    assert answer["fields"][":status"] == "204", "RFC 8030 §6.2"
    agent.connection.reset_stream(reading, 8)
    again = agent.begin("GET", to["set"], [("prefer", "wait=0")])
    left = agent.received(again, 2)
    assert [message["body"] for _, _, message in left] == [b"two", b"three"], "RFC 8030 §6.2"
    agent.until(lambda: agent.streams[again]["ended"])
    assert agent.status(again) == 200
    print("messages are promised and acknowledged")
    return to


def a_peer_that_turns_push_off_later_is_not_left_in_silence(agent, to):
    agent.connection.update_settings({h2.settings.SettingCodes.ENABLE_PUSH: 0})
    agent.flush()
    promised = len(agent.promises)
    answer = agent.request("GET", to["set"], [("prefer", "wait=0")])
    assert answer["fields"][":status"] == "200", answer
    assert answer["fields"]["content-type"].startswith("multipart/mixed; boundary="), answer
    assert b"\r\n\r\ntwo\r\n--" in answer["body"] and b"\r\n\r\nthree\r\n--" in answer["body"], answer
    paths = re.findall(rb"content-location: (\S+)", answer["body"])
    for path in paths:
        assert agent.request("DELETE", path.decode())["fields"][":status"] == "204"
    nothing = agent.request("GET", to["set"], [("prefer", "wait=0")])
    assert (nothing["fields"][":status"], nothing["body"]) == ("204", b""), "RFC 8030 §6"
    assert len(agent.promises) == promised, "RFC 9113 §6.5.2"
    print("a peer that turns push off later is not left in silence")


def a_slow_reader_is_promised_no_more_than_fits(port):
    messages = 300
    agent = UserAgent(port, {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
    first = agent.subscribe()
    to = [first, agent.subscribe(first["set"]), agent.subscribe(first["set"])]
    for number in range(messages):
        agent.push(to[number % len(to)], b"%04000d" % number)
    reading = agent.begin("GET", first["set"], [("prefer", "wait=0")])
    agent.quiet(1)
    # 256 KiB, and 1 KiB for the fields of each.
    assert 50 <= len(agent.promises) <= 52, f"{len(agent.promises)} messages were promised and none read"
    agent.connection.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 65535})
    agent.flush()
    received = agent.received(reading, messages) if len(agent.promises) == messages else None
    if received is None:
        agent.until(lambda: len(agent.promises) == messages)
        received = agent.received(reading, messages)
    assert [message["body"] for _, _, message in received] == [b"%04000d" % n for n in range(messages)]
    agent.until(lambda: agent.streams[reading]["ended"])
    print("a slow reader is promised no more than fits")


def main():
    port = int(sys.argv[1])
    agent = UserAgent(port)
    to = messages_are_promised_and_acknowledged(agent)
    a_peer_that_turns_push_off_later_is_not_left_in_silence(agent, to)
    a_slow_reader_is_promised_no_more_than_fits(port)


main()

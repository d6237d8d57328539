// A user agent of the push service made of node's http2: RFC 8030 §4 and §6 over TLS.
//
// usage: node http2_user_agent.mjs PORT CERTIFICATE. Fails with a message, or prints what was done.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';

const [port, certificate] = process.argv.slice(2);
const client = connect(`https://127.0.0.1:${port}`, { ca: readFileSync(certificate), servername: 'localhost' });
const limit = setTimeout(() => assert.fail('it takes too long'), 30_000);
client.on('error', (error) => assert.fail(error));

// The messages that are pushed, whole, in the order of their promises.
const messages = [];
const waiting = [];
client.on('stream', (stream, request) => {
    const message = new Promise((resolve) => {
        let fields;
        stream.on('push', (headers) => { fields = headers; });
        stream.setEncoding('utf8');
        let body = '';
        stream.on('data', (text) => { body += text; });
        stream.on('end', () => resolve({ request, fields, body }));
    });
    const waiter = waiting.shift();
    waiter ? waiter(message) : messages.push(message);
});
const next = () => messages.shift() ?? new Promise((resolve) => waiting.push(resolve));

function request(method, url, fields = {}, body = '') {
    const path = url.replace(/^https:\/\/[^/]*/, '');
    const stream = client.request({ ':method': method, ':path': path, ...fields }, { endStream: !body });
    if (body) stream.end(body);
    const answer = new Promise((resolve) => {
        let fields;
        stream.on('response', (headers) => { fields = headers; });
        stream.setEncoding('utf8');
        let text = '';
        stream.on('data', (more) => { text += more; });
        stream.on('end', () => resolve({ status: fields?.[':status'], fields, body: text }));
    });
    return { stream, answer };
}

const subscribed = await request('POST', '/subscribe').answer;
assert.equal(subscribed.status, 201, 'RFC 8030 §4');
const push = subscribed.fields.link.match(/<([^>]*)>; rel="urn:ietf:params:push"/)[1];
const subscription = subscribed.fields.location;

const reading = request('GET', subscription, { urgency: 'low' });
for (const [body, urgency] of [['not wanted', 'very-low'], ['one', 'low'], ['two', 'high']]) {
    const sent = await request('POST', push, { ttl: '60', urgency }, body).answer;
    assert.equal(sent.status, 201);
}
const paths = [];
for (const expected of ['one', 'two']) {
    const message = await next();
    assert.equal(message.body, expected, 'RFC 8030 §5.3: nothing below the least urgency');
    assert.equal(message.fields[':status'], 200);
    assert.ok(message.request.link.includes(push), 'RFC 8030 §6.1');
    paths.push(message.request[':path']);
}
assert.equal((await request('DELETE', paths[0]).answer).status, 204, 'RFC 8030 §6.2');
const removed = await request('DELETE', subscription).answer;
assert.equal(removed.status, 204, 'RFC 8030 §7.3');
assert.equal((await reading.answer).status, 404, 'RFC 8030 §7.3: a reader of what is gone is told');
assert.equal((await request('POST', push, { ttl: '60' }, 'late').answer).status, 410);
console.log('messages are promised over TLS, by their urgency, until the subscription is removed');
clearTimeout(limit);
client.close();

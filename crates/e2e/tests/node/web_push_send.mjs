// Sends pushes with the package web-push. Standard input: a JSON list of requests, see crates/e2e/tests/firefox/senders.rs.
// Prints a JSON list of the status codes.
import http from "node:http";
import { readFileSync } from "node:fs";
import webpush from "web-push";

// The package posts only over TLS. On plain HTTP it still signs and encrypts, and its request is posted here.
function postPlain({ endpoint, method, headers, body }) {
  return new Promise((resolve, reject) => {
    const sent = http.request(endpoint, { method, headers }, (answer) => {
      answer.resume();
      resolve(answer);
    });
    sent.on("error", reject);
    sent.end(body ?? undefined);
  });
}

async function send({ subscription, text, encoding, TTL, Topic, Urgency, public_key, private_key }) {
  const vapidDetails = private_key && {
    subject: "mailto:sender@test.invalid",
    publicKey: public_key,
    privateKey: private_key,
  };
  const options = { TTL, topic: Topic, urgency: Urgency, contentEncoding: encoding, vapidDetails };
  if (subscription.endpoint.startsWith("http:")) {
    return (await postPlain(webpush.generateRequestDetails(subscription, text, options))).statusCode;
  }
  try {
    return (await webpush.sendNotification(subscription, text, options)).statusCode;
  } catch (error) {
    if (error.statusCode === undefined) throw error;
    return error.statusCode;
  }
}

const statuses = [];
for (const request of JSON.parse(readFileSync(0))) statuses.push(await send(request));
console.log(JSON.stringify(statuses));

// Tells the test what it was given, also when no page is open.
"use strict";

function report(event) {
  return fetch("/report", { method: "POST", body: JSON.stringify(event) });
}

importScripts("/jmap.js");

// What the worker has learned by asking the mail server, or why it has not.
async function ask(said) {
  const learned = await jmap_pushed(said).catch((error) => String(error));
  return report({ scope, text: JSON.stringify(learned) });
}

const scope = new URL(registration.scope).pathname;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("push", (event) => {
  event.waitUntil(scope === "/jmap/" ? ask(event.data.json()) : report({ scope, text: event.data?.text() ?? null }));
});
self.addEventListener("pushsubscriptionchange", (event) => {
  event.waitUntil(report({ scope, lost: true }));
});

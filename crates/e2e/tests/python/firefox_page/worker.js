// Tells the test what it was given, also when no page is open.
"use strict";

function report(event) {
  return fetch("/report", { method: "POST", body: JSON.stringify(event) });
}

const scope = new URL(registration.scope).pathname;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("push", (event) => {
  event.waitUntil(report({ scope, text: event.data ? event.data.text() : null }));
});
self.addEventListener("pushsubscriptionchange", (event) => {
  event.waitUntil(report({ scope, lost: true }));
});

// What a test runs in the page, by name. A subscription belongs to a scope of the service worker, so that there can be
// several.
"use strict";

const REGISTER_PATIENCE_MS = 5000;
const REGISTER_TRIES = 6;

async function registration(scope) {
  const found = await navigator.serviceWorker.register("/worker.js", { scope });
  const worker = found.active ?? found.waiting ?? found.installing;
  while (worker.state !== "activated") {
    await new Promise((resolve) => worker.addEventListener("statechange", resolve, { once: true }));
  }
  return found;
}

// A call that is made while Firefox still starts its push service may never be answered.
async function patiently(call) {
  for (let tries = 0; tries < REGISTER_TRIES; tries++) {
    const late = new Promise((resolve) => setTimeout(resolve, REGISTER_PATIENCE_MS, late_word));
    const answer = await Promise.race([call(), late]);
    if (answer !== late_word) return answer;
  }
  throw new Error("the push manager does not answer");
}
const late_word = Symbol("late");

// Subscribes; with an application server's key (base64url) only that one may post (RFC 8292 §4).
async function subscribe(scope, key) {
  const { pushManager } = await registration(scope);
  const options = key ? { userVisibleOnly: true, applicationServerKey: key } : { userVisibleOnly: true };
  return (await patiently(() => pushManager.subscribe(options))).toJSON();
}

async function unsubscribe(scope) {
  const { pushManager } = await registration(scope);
  const subscription = await patiently(() => pushManager.getSubscription());
  return subscription.unsubscribe();
}

// Posts as a sender in a page does, from an origin that is not the push service's.
async function post(url, headers, body) {
  const answer = await fetch(url, { method: "POST", headers, body });
  return {
    status: answer.status,
    location: answer.headers.get("location"),
    ttl: answer.headers.get("ttl"),
    authenticate: answer.headers.get("www-authenticate"),
    retry_after: answer.headers.get("retry-after"),
    text: await answer.text(),
  };
}

async function send(method, url) {
  return (await fetch(url, { method })).status;
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

// An application server in the page: its key pair never leaves it.
async function application_server() {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const pair = await crypto.subtle.generateKey(algorithm, false, ["sign"]);
  const key = base64url(await crypto.subtle.exportKey("raw", pair.publicKey));
  const text = (value) => base64url(new TextEncoder().encode(JSON.stringify(value)));
  return {
    key,
    // RFC 8292 §2, §3
    authorization: async (url) => {
      const claims = { aud: new URL(url).origin, exp: Math.floor(Date.now() / 1000) + 3600 };
      const input = `${text({ typ: "JWT", alg: "ES256" })}.${text(claims)}`;
      const signing = { name: "ECDSA", hash: "SHA-256" };
      const signature = await crypto.subtle.sign(signing, pair.privateKey, new TextEncoder().encode(input));
      return `vapid t=${input}.${base64url(signature)}, k=${key}`;
    },
  };
}

// A JMAP client, half in the page and half in the worker. What the worker has to know is in the cache, since it may be
// stopped at any time.
"use strict";

const CORE = "urn:ietf:params:jmap:core";
const MAIL = "urn:ietf:params:jmap:mail";
const VAPID = "urn:ietf:params:jmap:webpush-vapid";

async function remember(client) {
  const cache = await caches.open("jmap");
  await cache.put("/client", new Response(JSON.stringify(client)));
}

async function remembered() {
  const cache = await caches.open("jmap");
  return (await cache.match("/client")).json();
}

// The arguments of the responses to method calls.
async function call({ url, authorization }, methodCalls) {
  const headers = { Authorization: authorization, "Content-Type": "application/json" };
  const body = JSON.stringify({ using: [CORE, MAIL], methodCalls });
  const { methodResponses } = await (await fetch(url, { method: "POST", headers, body })).json();
  return methodResponses.map(([, answer]) => answer);
}

// In the page: subscribes with the key in the session, and tells the server where to push to.
async function jmap_subscribe(origin, login) {
  const authorization = `Basic ${btoa(login)}`;
  const session = await (await fetch(`${origin}/.well-known/jmap`, { headers: { Authorization: authorization } })).json();
  const client = { url: session.apiUrl, authorization, accountId: session.primaryAccounts[MAIL] };
  const [{ state }] = await call(client, [["Email/get", { accountId: client.accountId, ids: [] }, "0"]]);
  await remember({ ...client, state });
  const { endpoint, keys } = await subscribe("/jmap/", session.capabilities[VAPID].applicationServerKey);
  const given = { deviceClientId: "firefox", url: endpoint, keys, types: ["Email"] };
  const [{ created }] = await call(client, [["PushSubscription/set", { create: { given } }, "0"]]);
  return created.given.id;
}

// In the worker: what comes of a push. Nothing but the push service's key and the cache tell it what to do.
async function jmap_pushed(said) {
  const client = await remembered();
  if (said["@type"] === "PushVerification") {
    const update = { [said.pushSubscriptionId]: { verificationCode: said.verificationCode } };
    const [{ updated }] = await call(client, [["PushSubscription/set", { update }, "0"]]);
    return updated;
  }
  const { accountId, state: sinceState } = client;
  const created = { resultOf: "0", name: "Email/changes", path: "/created" };
  const properties = ["subject", "textBody", "bodyValues"];
  const [{ newState }, { state, list }] = await call(client, [
    ["Email/changes", { accountId, sinceState }, "0"],
    ["Email/get", { accountId, "#ids": created, properties, fetchTextBodyValues: true }, "1"],
  ]);
  await remember({ ...client, state: newState });
  const emails = list.map(({ subject, bodyValues }) => [subject, ...Object.values(bodyValues).map(({ value }) => value)]);
  return { told: said.changed[accountId].Email === state, emails };
}

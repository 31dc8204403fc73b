// Connections, by the official JavaScript SDK as anybody uses it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { authUrl, callback, jwt, keys, nameOf, next, realtime, rest, secretOf, someone } from "./sandbox.mjs";

const issuer = rest({ key: keys.revocable });
/** An authCallback that gets tokens one after the other, and counts them. */
function tokens(...params) {
  const made = [];
  const authCallback = callback(async () => {
    const token = await issuer.auth.requestToken(params[Math.min(made.length, params.length - 1)]);
    made.push(token);
    return token;
  });
  return { authCallback, made };
}

/** The states and updates from now on, with their codes. */
function changes(client) {
  const seen = [];
  client.connection.on(change => seen.push([change.current, change.reason?.code ?? null]));
  return seen;
}

test("connecting with a key, a token, a JWT, an authUrl", async t => {
  const { token } = await issuer.auth.requestToken({ clientId: "bob" });
  const ways = { key: { key: keys.full }, token: { token }, JWT: { token: jwt(keys.full) }, authUrl: { authUrl: authUrl("request") } };
  for (const [way, options] of Object.entries(ways)) {
    const client = realtime(t, options);
    await next(client.connection, "connected");
    assert.equal(client.auth.clientId, way === "token" ? "bob" : way === "key" ? "*" : undefined, way);
  }
});

test("connecting with wrong keys", async t => {
  const [app] = nameOf(keys.full).split(".");
  const wrong = { [`${nameOf(keys.full)}:wrong`]: 40101, [`${app}.nobody:${secretOf(keys.full)}`]: 40400, "invalid.key:secret": 40101 };
  for (const [key, code] of Object.entries(wrong)) {
    const { reason } = await next(realtime(t, { key }).connection, "failed");
    assert.equal(reason.code, code, key);
  }
});

test("connecting where the authUrl refuses", async t => {
  const { reason } = await next(realtime(t, { authUrl: authUrl("error?code=40300&status=403") }).connection, "failed");
  assert.deepEqual([reason.code, reason.statusCode], [80019, 403]);
  const client = realtime(t, { authUrl: authUrl("error") });
  const change = await next(client.connection, "disconnected");
  assert.deepEqual([change.reason.code, change.reason.statusCode], [80019, 401]);
});

test("connecting as somebody else than the token's client", async t => {
  const { token } = await issuer.auth.requestToken({ clientId: "bob" });
  const { reason } = await next(realtime(t, { token, clientId: "eve" }).connection, "failed");
  assert.deepEqual([reason.code, reason.statusCode], [40102, 401]);
});

test("a channel beyond the capability", async t => {
  const client = realtime(t, { key: keys.channels });
  await client.channels.get("channel2").attach();
  await assert.rejects(client.channels.get("other").attach(), { code: 40160, statusCode: 401 });
  await assert.rejects(client.channels.get("channel3").publish("name", "data"), { code: 40160, statusCode: 401 });
  assert.equal(client.connection.state, "connected");
});

test("what is published arrives", async t => {
  const [alice, bob] = [realtime(t, { key: keys.full }), realtime(t, { key: keys.full })];
  const arrived = new Promise(resolve => bob.channels.get("room").subscribe(resolve));
  await bob.channels.get("room").attach();
  await alice.channels.get("room").publish("greeting", { text: "hello" });
  const message = await arrived;
  assert.deepEqual([message.name, message.data], ["greeting", { text: "hello" }]);
});

test("authorize on a live connection", async t => {
  const { authCallback, made } = tokens({});
  const client = realtime(t, { authCallback });
  await next(client.connection, "connected");
  const { id } = client.connection;
  const seen = changes(client);
  const details = await client.auth.authorize();
  assert.deepEqual([client.connection.id, details.token, made.length], [id, made[1].token, 2]);
  assert.deepEqual(seen, [["connected", null]], "an update alone");
});

test("authorize with less, and with more", async t => {
  const { authCallback } = tokens({ capability: { a: ["*"], b: ["*"] } }, { capability: { a: ["*"] } }, { capability: { a: ["*"], b: ["*"] } });
  const client = realtime(t, { authCallback });
  const [a, b] = ["a", "b"].map(name => client.channels.get(name));
  await Promise.all([a.attach(), b.attach()]);
  const failed = next(b, "failed");
  await client.auth.authorize();
  assert.equal((await failed).reason.code, 40160);
  assert.deepEqual([client.connection.state, a.state], ["connected", "attached"]);
  await assert.rejects(b.attach(), { code: 40160 });
  await client.auth.authorize();
  await b.attach();
});

test("authorize as somebody else", async t => {
  const { authCallback } = tokens({ clientId: "bob" });
  const client = realtime(t, { authCallback });
  await next(client.connection, "connected");
  const eve = await issuer.auth.requestToken({ clientId: "eve" });
  const failed = next(client.connection, "failed");
  await assert.rejects(client.auth.authorize(null, { authCallback: callback(() => eve.token) }), { code: 40102, statusCode: 401 });
  assert.equal((await failed).reason.code, 40102, "by the service");
});

test("re-authentication before expiry", async t => {
  // Asked for 30 seconds before the end.
  const { authCallback, made } = tokens({ ttl: 31_000 }, {});
  const client = realtime(t, { authCallback });
  await next(client.connection, "connected");
  const { id } = client.connection;
  const seen = changes(client);
  await next(client.connection, "update");
  assert.deepEqual([client.connection.id, made.length, seen], [id, 2, [["connected", null]]]);
});

test("expiry with another token at hand", async t => {
  const { authCallback, made } = tokens({ ttl: 2_000 }, {});
  const client = realtime(t, { authCallback });
  await next(client.connection, "connected");
  const { id } = client.connection;
  assert.equal((await next(client.connection, "disconnected")).reason.code, 40142);
  await next(client.connection, "connected");
  assert.deepEqual([client.connection.id, made.length], [id, 2], "resumed");
});

test("expiry without another token", async t => {
  const { token } = await issuer.auth.requestToken({ ttl: 2_000 });
  const client = realtime(t, { token });
  await next(client.connection, "connected");
  const { reason } = await next(client.connection, "failed");
  assert.deepEqual([reason.code, reason.statusCode], [40171, 403]);
});

test("connecting with an expired token", async t => {
  const { authCallback, made } = tokens({ ttl: 1 }, {});
  await next(realtime(t, { authCallback: (params, done) => authCallback(params, (error, details) => done(error, details?.token)) }).connection, "connected");
  assert.equal(made.length, 2);
});

test("revocation of a live connection's token", async t => {
  const clientId = someone();
  const { authCallback, made } = tokens({ clientId });
  const client = realtime(t, { authCallback });
  await next(client.connection, "connected");
  const disconnected = next(client.connection, "disconnected");
  await issuer.auth.revokeTokens([{ type: "clientId", value: clientId }]);
  assert.equal((await disconnected).reason.code, 40141);
  await next(client.connection, "connected");
  assert.equal(made.length, 2);
});

test("revocation with a margin", async t => {
  const clientId = someone();
  const { authCallback, made } = tokens({ clientId });
  const client = realtime(t, { authCallback });
  await next(client.connection, "connected");
  const seen = changes(client);
  const update = next(client.connection, "update");
  const before = await issuer.time();
  const { results } = await issuer.auth.revokeTokens([{ type: "clientId", value: clientId }], { allowReauthMargin: true });
  assert.ok(results[0].appliesAt > before + 30_000, "half a minute from now");
  await update;
  assert.deepEqual([made.length, seen], [2, [["connected", null]]]);
});

test("a lost connection is resumed", async t => {
  const client = realtime(t, { authCallback: tokens({}).authCallback });
  await next(client.connection, "connected");
  const { id } = client.connection;
  client.connection.connectionManager.activeProtocol.transport.disconnect();
  await next(client.connection, "connected");
  assert.equal(client.connection.id, id);
});

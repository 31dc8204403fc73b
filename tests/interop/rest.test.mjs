// Tokens and REST, by the official JavaScript SDK as anybody uses it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { authUrl, callback, codeOf, jwt, keys, nameOf, rest, sandbox, secretOf, signedByUs, someone } from "./sandbox.mjs";

const status = (client, channel) => client.channels.get(channel).status();

test("a token request from a key", async () => {
  const client = rest({ key: keys.full });
  const token = await client.auth.requestToken({ ttl: 60_000, clientId: "bob", capability: { a: ["subscribe"] } });
  assert.equal(token.expires - token.issued, 60_000);
  assert.deepEqual([token.clientId, JSON.parse(token.capability), token.keyName], ["bob", { a: ["subscribe"] }, nameOf(keys.full)]);
  await client.auth.authorize();
  await status(client, "a");
});

const forms = {
  "a TokenRequest": params => rest({ key: keys.full }).auth.createTokenRequest(params),
  "a TokenDetails": params => rest({ key: keys.full }).auth.requestToken(params),
  "a token": async params => (await rest({ key: keys.full }).auth.requestToken(params)).token,
  "a JWT": ({ clientId }) => jwt(keys.full, { "x-ably-clientId": clientId }),
  "a TokenRequest that we signed": ({ clientId }) => signedByUs(keys.full, "--client-id", clientId),
};
for (const [form, make] of Object.entries(forms)) {
  test(`authCallback: ${form}`, async () => {
    const clientId = someone();
    const client = rest({ authCallback: callback(make), clientId });
    await client.channels.get("a").publish("name", "data");
    const page = await client.channels.get("a").history();
    assert.equal(page.items[0].clientId, clientId);
  });
}

test("authCallback: it fails", async () => {
  const client = rest({ authCallback: callback(() => Promise.reject(new Error("no"))) });
  await assert.rejects(status(client, "a"), { code: 40170, statusCode: 401 });
});

for (const authMethod of ["GET", "POST"]) {
  for (const answer of ["token", "jwt", "details", "request"]) {
    test(`authUrl: ${answer} by ${authMethod}`, async () => {
      const clientId = someone();
      const client = rest({ authUrl: authUrl(answer), authMethod, authParams: { ttl: 60_000 }, clientId });
      await client.channels.get("a").publish("name", "data");
      assert.equal((await client.channels.get("a").history()).items[0].clientId, clientId);
    });
  }
}

test("authUrl: it refuses", async () => {
  // What the auth server says goes for the SDK where it is an Ably error.
  const refused = [["error?code=40300&status=403", 40300, 403], ["error", 40100, 401], ["html", 40170, 401]];
  for (const [answer, code, statusCode] of refused) {
    await assert.rejects(status(rest({ authUrl: authUrl(answer) }), "a"), { code, statusCode });
  }
});

test("a JWT", async () => {
  await status(rest({ token: jwt(keys.full) }), "a");
  const refused = [[40144, { secret: "wrong" }], [40003, { lives: 25 * 3600 }], [40160, { "x-ably-capability": '{"b":["subscribe"]}' }]];
  for (const [code, claims] of refused) {
    const token = jwt(keys.full, claims);
    // The SDK takes 40144 for a reason to get another token, which it cannot.
    await assert.rejects(status(rest({ token }), "a"), { code: code === 40144 ? 40171 : code });
    assert.equal(await codeOf("/channels/a", { headers: { Authorization: `Bearer ${token}` } }), code);
  }
});

test("what a TokenRequest is checked for", async () => {
  const client = rest({ key: keys.full });
  const path = `/keys/${nameOf(keys.full)}/requestToken`;
  const signed = await client.auth.createTokenRequest({ clientId: "bob" });
  const send = request => codeOf(path, { method: "POST", body: request });
  assert.equal(await send({ ...signed, clientId: "eve" }), 40101, "changed after it was signed");
  assert.equal(await send(signed), null);
  assert.equal(await send(signed), 40105, "sent twice");
  assert.equal(await send(await client.auth.createTokenRequest({ timestamp: Date.now() - 30 * 60_000 })), 40104);
  assert.equal(await send(await client.auth.createTokenRequest({ ttl: 25 * 3_600_000 })), 40003);
});

test("wrong keys", async () => {
  const name = nameOf(keys.full);
  const app = name.split(".")[0];
  const wrong = [
    [`${name}:wrong`, 40101, 401],
    [`${app}.nobody:${secretOf(keys.full)}`, 40400, 401],
    ["zzzzzz.nobody:secret", 40400, 404],
    ["invalid.key:secret", 40101, 401],
  ];
  for (const [key, code, statusCode] of wrong) {
    await assert.rejects(status(rest({ key }), "a"), { code, statusCode }, "basic auth");
  }
  await assert.rejects(rest({ key: `${name}:wrong` }).auth.requestToken(), { code: 40101, statusCode: 401 });
});

test("a key without TLS", async () => {
  await assert.rejects(status(rest({ key: keys.full, tls: false }), "a"), { code: 40103, statusCode: 401 });
  const authorization = `Basic ${Buffer.from(keys.full).toString("base64")}`;
  const answer = await fetch(`${sandbox.url}/channels/a`, { headers: { authorization } });
  assert.equal((await answer.json()).error.code, 40103);
});

test("a restricted capability", async () => {
  const client = rest({ authCallback: callback(() => rest({ key: keys.channels }).auth.requestToken({ capability: { channel2: ["subscribe", "presence"] } })) });
  await client.auth.authorize();
  assert.deepEqual(JSON.parse(client.auth.tokenDetails.capability), { channel2: ["subscribe"] });
  await assert.rejects(client.channels.get("channel2").publish("name", "data"), { code: 40160, statusCode: 401 });
  const nothing = rest({ key: keys.channels }).auth.requestToken({ capability: { other: ["subscribe"] } });
  await assert.rejects(nothing, { code: 40160, statusCode: 401 });
});

test("a client id that is not the token's", async () => {
  const bobs = await rest({ key: keys.full }).auth.requestToken({ clientId: "bob" });
  const headers = { Authorization: `Bearer ${bobs.token}`, "X-Ably-ClientId": Buffer.from("eve").toString("base64") };
  // The SDK sends this header with keys alone.
  assert.equal(await codeOf("/channels/a", { headers }), 40102);
  await assert.rejects(rest({ token: bobs.token }).channels.get("a").publish({ clientId: "eve", data: "" }), { code: 40012, statusCode: 400 });
});

test("an expired token is renewed", async () => {
  const issuer = rest({ key: keys.full });
  const made = [];
  const client = rest({
    authCallback: callback(async () => {
      assert.ok(made.length < 2, "enough");
      const { token } = await issuer.auth.requestToken({ ttl: made.length === 0 ? 1 : 60_000 });
      made.push(token);
      return token;
    }),
  });
  // The SDK (2.28.0) gets another token, but then sends the expired one again, and again for as long as it gets more.
  await assert.rejects(status(client, "a"), /enough/);
  const codes = await Promise.all(made.map(token => codeOf("/channels/a", { headers: { Authorization: `Bearer ${token}` } })));
  assert.deepEqual(codes, [40142, null]);
});

test("an expired token that cannot be renewed", async () => {
  const { token } = await rest({ key: keys.full }).auth.requestToken({ ttl: 1 });
  await assert.rejects(status(rest({ token }), "a"), { code: 40171, statusCode: 403 });
  assert.equal(await codeOf("/channels/a", { headers: { Authorization: `Bearer ${token}` } }), 40142);
});

test("revocation", async () => {
  const client = rest({ key: keys.revocable });
  const clientId = someone();
  const [hit, missed] = [await client.auth.requestToken({ clientId }), await client.auth.requestToken({ clientId: someone() })];
  const outcome = await client.auth.revokeTokens([{ type: "clientId", value: clientId }, { type: "nonsense", value: "x" }]);
  assert.deepEqual([outcome.successCount, outcome.failureCount], [1, 1]);
  assert.equal(outcome.results[0].target, `clientId:${clientId}`);
  assert.equal(outcome.results[1].error.code, 40001);
  const code = token => codeOf("/channels/a", { headers: { Authorization: `Bearer ${token}` } });
  assert.deepEqual([await code(hit.token), await code(missed.token)], [40141, null]);
  const again = await client.auth.requestToken({ clientId });
  assert.equal(await code(again.token), null, "a token that was issued later");
});

test("revocation by somebody who must not", async () => {
  const target = [{ type: "clientId", value: "bob" }];
  const { token } = await rest({ key: keys.revocable }).auth.requestToken();
  await assert.rejects(rest({ token }).auth.revokeTokens(target), { code: 40162, statusCode: 401 });
  await assert.rejects(rest({ key: keys.full }).auth.revokeTokens(target), { code: 40163, statusCode: 401 });
  const path = `/keys/${nameOf(keys.revocable)}/revokeTokens`;
  const answer = await rest({ key: keys.full }).request("POST", path, 3, null, { targets: ["clientId:bob"] });
  assert.deepEqual([answer.statusCode, answer.errorCode], [401, 40133]);
});

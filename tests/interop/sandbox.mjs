// The sandbox that the suites run against, as the line that it prints describes it (in SANDBOX).
import { execFileSync } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import Ably from "ably";

export const sandbox = JSON.parse(process.env.SANDBOX);

/** Its keys, by what they may. */
export const keys = {
  full: sandbox.keys[0],
  /** channel0: publish; channel2: publish, subscribe; channel3: subscribe; … */
  channels: sandbox.keys[2],
  revocable: sandbox.keys[4],
};

export const nameOf = key => key.slice(0, key.indexOf(":"));
export const secretOf = key => key.slice(key.indexOf(":") + 1);

/** Options of a client of the sandbox: what it takes to find it, and nothing else. */
export function clientOptions(options) {
  return {
    endpoint: "127.0.0.1",
    port: Number(new URL(sandbox.url).port),
    tlsPort: Number(new URL(sandbox.secureUrl).port),
    // What goes wrong is looked at here, so the SDK need not tell.
    logLevel: 0,
    ...options,
  };
}

export const rest = options => new Ably.Rest(clientOptions(options));

/** A realtime client that is closed at the end of the test. */
export function realtime(t, options) {
  const client = new Ably.Realtime(clientOptions(options));
  t.after(() => client.close());
  return client;
}

/** An authCallback of what a function makes of the token params. */
export const callback = make => (params, done) =>
  Promise.resolve(params).then(make).then(made => done(null, made), error => done(error, null));

/** The URL of the sandbox's auth server, which answers as it is told to. */
export const authUrl = answer => `${sandbox.secureUrl}/auth-url/${answer}`;

/** A JWT as a server of one's own makes it; `lives` in seconds. */
export function jwt(key, { lives = 3600, secret = secretOf(key), ...claims } = {}) {
  const now = Math.floor(Date.now() / 1000);
  const encode = value => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = [{ alg: "HS256", typ: "JWT", kid: nameOf(key) }, { iat: now, exp: now + lives, ...claims }].map(encode).join(".");
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/** A TokenRequest signed by `ably-auth sign`. */
export const signedByUs = (key, ...args) =>
  JSON.parse(execFileSync(process.env.ABLY_AUTH, ["sign", ...args], { env: { ABLY_API_KEY: key } }));

/** The code that the service answers a bare request with; null where it agrees. */
export async function codeOf(path, { method = "GET", headers = {}, body } = {}) {
  const response = await fetch(sandbox.secureUrl + path, {
    method,
    headers: { "Content-Type": "application/json", ...headers },
    body: body && JSON.stringify(body),
  });
  return response.ok ? null : (await response.json()).error.code;
}

/** A client id that nobody else has. */
export const someone = () => `someone-${randomUUID()}`;

/** The state change, the next of that event. */
export const next = (emitter, event) => new Promise(resolve => emitter.once(event, resolve));

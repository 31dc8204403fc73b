// The sandbox's page in a headless browser: what a person sees, on a desk and on a phone.
//
// Wants what `run` sets: SANDBOX, and the browser in CHROMIUM. With SCREENSHOTS set to
// a directory, leaves pictures there.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import path from "node:path";
import Ably from "ably";
import { chromium } from "playwright-core";
import { clientOptions, keys, sandbox } from "./sandbox.mjs";

const HOSTILE = `"><img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
const SIZES = { desk: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

let browser;
let client;
before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
  const issuer = new Ably.Rest(clientOptions({ key: keys.revocable }));
  const authCallback = (_, done) =>
    issuer.auth.requestToken({ clientId: HOSTILE, ttl: 60_000 }).then(token => done(null, token), error => done(error, null));
  client = new Ably.Realtime(clientOptions({ authCallback }));
  await client.connection.once("connected");
  await client.channels.get(HOSTILE).attach();
});
after(async () => {
  client.close();
  await browser.close();
});

for (const [name, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ["light", "dark"]) {
    test(`a page on a ${name}, ${colorScheme}`, async t => {
      const page = await browser.newPage({ viewport, colorScheme, reducedMotion: "reduce" });
      t.after(() => page.close());
      const complaints = [];
      const foreign = [];
      page.on("console", message => message.type() === "error" && complaints.push(message.text()));
      page.on("pageerror", error => complaints.push(String(error)));
      page.on("request", request => {
        if (!request.url().startsWith(sandbox.url) && !request.url().startsWith("data:")) foreign.push(request.url());
      });

      await page.goto(sandbox.url);
      await page.getByRole("status").getByText("live").waitFor();
      const connections = page.getByRole("region", { name: "Connections" });
      await connections.getByText(client.connection.id).waitFor();
      await connections.getByText(HOSTILE).first().waitFor();
      assert.equal(await page.title(), "Ably sandbox", "what a client sent was run");

      const timeline = page.getByRole("region", { name: "Timeline" });
      await timeline.getByText("ATTACHED").first().waitFor();
      await client.auth.authorize();
      const expected = (await page.request.get(`${sandbox.url}/__sandbox/state`).then(answer => answer.json()))
        .connections.shown.find(connection => connection.id === client.connection.id).token;
      await connections.getByText(expected).waitFor();

      await timeline.getByRole("searchbox").fill("no such thing");
      await timeline.getByText("Nothing matches.").waitFor();
      await timeline.getByRole("searchbox").fill("attached");
      assert.ok((await timeline.getByRole("listitem").allTextContents()).every(text => text.includes("ATTACHED")));
      await timeline.getByRole("searchbox").fill("");

      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= viewport.width, `${width} px are wider than the screen`);
      if (process.env.SCREENSHOTS) {
        await page.screenshot({ path: path.join(process.env.SCREENSHOTS, `${name}-${colorScheme}.png`) });
      }
      assert.deepEqual(complaints, []);
      assert.deepEqual(foreign, []);
    });
  }
}

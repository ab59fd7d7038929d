// Every page: light and dark, wide and narrow, read by axe, used by keyboard.
// SHOTS names a folder for the pictures: then they are taken and axe stays away,
// which takes minutes on a busy machine.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { browser, signIn, start } from "./world.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const shots = process.env.SHOTS;

const pages = {
  "sign-in": "/console/sign-in", overview: "/console/", glance: "/console/t/cascade/", records: "/console/t/cascade/records", causes: "/console/t/cascade/records?state=completed&group=cause",
  record: "/console/t/cascade/records/vendorbill/6011/sides", step: "/console/t/cascade/records/purchaseorder/4002/sides", parked: "/console/t/cascade/parked",
  accounts: "/console/t/cascade/accounts", "tie-out": "/console/t/cascade/tie-out?from=2026-11-01&to=2026-11-30", webhooks: "/console/t/cascade/webhooks",
  runs: "/console/t/cascade/runs", settings: "/console/t/cascade/ping", audit: "/console/audit", help: "/console/help", retry: "/console/t/cascade/retry?state=parked", missing: "/console/nothing", "nothing-found": "/console/t/cascade/records?q=nowhere",
};

let world, b;
before(async () => { world = await start(process.env.DEMO ?? "../../bin/demo", "--sign-in"); b = await browser(); });
after(async () => { await b?.close(); await world?.stop(); });

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1440, 390]) {
    test(`${colorScheme}, ${width} pixels wide`, async (t) => {
      const p = await b.page({ colorScheme, viewport: { width, height: 900 }, bypassCSP: true });
      for (const [name, path] of Object.entries(pages)) {
        await t.test(name, async () => {
          if (name === "overview") await signIn(p, world.tokens.owner);
          await p.goto(world.ops + path);
          if (!shots) await p.evaluate(axe);
          const found = shots ? { violations: [] } : await p.evaluate(() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
          const bad = found.violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" | ").slice(0, 300)}`);
          assert.deepEqual(bad, [], "axe finds no serious fault");
          const wide = await p.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          assert.ok(wide <= 0, `the page is ${wide} pixels wider than the window`);
          if (shots) await p.screenshot({ path: `${shots}/${name}-${colorScheme}-${width}.png`, fullPage: true });
        });
      }
      await p.context().close();
    });
  }
}

test("every control is reached by keyboard, and seen when it is", async () => {
  const p = await b.page();
  await p.goto(world.ops + pages.parked);
  await signIn(p, world.tokens.owner);
  const controls = await p.locator("a[href]:visible, button:visible, input:visible, select:visible").count();
  const met = new Set();
  for (let i = 0; i < controls + 2; i++) {
    await p.keyboard.press("Tab");
    met.add(await p.evaluate(() => { const e = document.activeElement; return e === document.body ? "" : [...document.querySelectorAll("*")].indexOf(e); }));
    const outline = await p.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    if (i < controls) assert.notEqual(outline, "none");
  }
  met.delete("");
  assert.ok(met.size >= controls, `${met.size} of ${controls} controls were reached`);
  await p.context().close();
});

test("the pages complain of nothing, and nothing leaves the host", () => {
  assert.deepEqual(b.outside, []);
  assert.deepEqual(b.errors, []);
});

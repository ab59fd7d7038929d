// What three people do, by clicking: with script and without.
import assert from "node:assert/strict";
import { test } from "node:test";
import { browser, signIn, start } from "./world.mjs";

const demo = process.env.DEMO ?? "../../bin/demo";

for (const script of [true, false]) {
  test(`with script ${script ? "on" : "off"}`, async (t) => {
    const world = await start(demo);
    const b = await browser({ javaScriptEnabled: script });
    const p = await b.page();
    try {
      await t.test("the operator sees at one glance that somebody must act", async () => {
        await p.goto(`${world.ops}/`);
        assert.match(await p.locator("h1").innerText(), /One company needs you/);
        await p.getByRole("link", { name: "1 record needs a person" }).click();
        assert.match(await p.locator("h1").innerText(), /1 record needs a person/);
      });
      await t.test("the clerk finds the bill and reads why it is not in Cin7", async () => {
        await p.getByRole("link", { name: "Records" }).click();
        await p.getByRole("searchbox").fill("SGI-20140");
        await p.getByRole("button", { name: "Show", exact: true }).click();
        await p.getByRole("link", { name: "SGI-20140" }).click();
        const text = await p.locator("main").innerText();
        assert.match(text, /No Cin7 account for a NetSuite account/);
        assert.match(text, /6990 Sundry Penalties/);
        await p.getByRole("link", { name: "Compare both systems now" }).click();
        assert.match(await p.locator("table.sides").innerText(), /not there/);
      });
      await t.test("the clerk maps the account, sees what it would do, saves, and the bill completes", async () => {
        await p.getByRole("link", { name: "Open the accounts page" }).click();
        await p.getByLabel("Cin7 account for 6990 Sundry Penalties").fill("429");
        await p.getByRole("button", { name: "Rehearse the change", exact: true }).click();
        const rehearsal = await p.locator("main").innerText();
        assert.match(rehearsal, /account 6990 to 429/);
        const [, post, lines] = /With it, (\d+) of (\d+) lines/.exec(rehearsal);
        assert.equal(post, lines);
        await p.getByRole("button", { name: "Save the mapping" }).click();
        assert.match(await p.getByRole("status").innerText(), /1 record is tried again/);
        await until(async () => {
          await p.goto(`${world.ops}/console/t/cascade/records/vendorbill/6011`);
          return /In step/.test(await p.locator("h1").innerText());
        });
        await p.getByRole("link", { name: "Compare both systems now" }).click();
        assert.equal(await p.locator("tr.differs").count(), 0);
      });
      await t.test("the operator retries a group and is told how many first", async () => {
        await p.goto(`${world.ops}/console/t/cascade/records?state=completed&type=vendorbill`);
        await p.getByRole("button", { name: "Try all of these again" }).click();
        assert.match(await p.locator("h1").innerText(), /Try \d+ records again\?/);
        await p.locator("main").getByRole("button", { name: /^Try \d+ records again$/ }).click();
        assert.match(await p.getByRole("status").innerText(), /\d+ records are tried again/);
      });
      await t.test("the controller ties the books out and gets something to print", async () => {
        await p.getByRole("link", { name: "Tie-out" }).click();
        await p.getByLabel("From").fill("2026-11-01");
        await p.getByLabel("To").fill("2026-11-30");
        await p.getByRole("button", { name: "Tie out" }).click();
        assert.match(await p.locator("main").innerText(), /Bills less credits in NetSuite/);
        assert.match(await p.locator("main").getByRole("status").innerText(), /./);
        const pdf = script ? await p.pdf() : null;
        if (pdf) assert.ok(pdf.length > 5000);
        await p.getByRole("link", { name: "Report to print" }).click();
        assert.match(await p.locator("h1").innerText(), /Reconciliation of/);
        await p.goBack();
      });
      await t.test("the owner rotates the webhook secret and sees the new address once", async () => {
        await p.getByRole("link", { name: "Settings" }).click();
        await p.getByRole("button", { name: "Make a second webhook secret" }).click();
        const shown = await p.locator("#new-url").innerText();
        assert.match(shown, /\/webhooks\/netsuite\/cascade\?secret=[\w-]{32,}/);
        await p.goto(`${world.ops}/console/t/cascade/settings`);
        assert.ok(!(await p.content()).includes(shown.split("secret=")[1]));
        await p.getByRole("link", { name: "Audit" }).click();
        const audit = await p.locator("main").innerText();
        assert.match(audit, /mapping/);
        assert.match(audit, /secret/);
      });
      await t.test("what NetSuite tells of and does not have is told as such", async () => {
        const said = await fetch(world.hook(), { method: "POST", body: JSON.stringify({ recordType: "vendorbill", id: "99999" }) });
        assert.equal(said.status, 202);
        await until(async () => {
          await p.goto(`${world.ops}/console/t/cascade/records?q=99999`);
          return /Not in NetSuite/.test(await p.locator("main").innerText());
        });
        await p.getByRole("link", { name: "99999" }).click();
        assert.match(await p.locator("main").innerText(), /NetSuite has no such record, and nothing of it is in Cin7/);
      });
      await t.test("the operator pauses and resumes", async () => {
        await p.goto(`${world.ops}/console/t/cascade/settings`);
        await p.getByRole("button", { name: "Pause" }).click();
        assert.match(await p.getByRole("status").innerText(), /paused/);
        await p.getByRole("button", { name: "Resume" }).click();
        assert.match(await p.getByRole("status").innerText(), /goes on/);
      });
      assert.deepEqual(b.outside, [], "no request leaves the host");
      assert.deepEqual(b.errors, [], "no page complains");
    } finally {
      await b.close();
      await world.stop();
    }
  });
}

for (const script of [true, false]) {
  test(`signing in and out with script ${script ? "on" : "off"}`, async (t) => {
    const world = await start(demo, "--sign-in");
    const b = await browser({ javaScriptEnabled: script });
    const p = await b.page();
    try {
      await t.test("a wrong token is told as such", async () => {
        await p.goto(`${world.ops}/console/t/cascade/parked`);
        await signIn(p, "not-a-token");
        assert.match(await p.getByRole("alert").innerText(), /This token is not known/);
      });
      await t.test("the right one leads to where one wanted to go, as the role that it has", async () => {
        await signIn(p, world.tokens.viewer);
        assert.match(await p.locator("h1").innerText(), /1 record needs a person/);
        assert.match(await p.locator("header").innerText(), /viewer/);
      });
      await t.test("a viewer sees everything, is offered nothing, and is refused", async () => {
        assert.equal(await p.locator("main button").count(), 0);
        await p.goto(`${world.ops}/console/t/cascade/accounts`);
        assert.equal(await p.getByRole("button", { name: /Rehearse/ }).count(), 0);
        await p.goto(`${world.ops}/console/t/cascade/retry?state=parked`);
        assert.match(await p.getByRole("alert").innerText(), /needs the role operator; you are signed in as viewer/);
      });
      await t.test("who signs out is out", async () => {
        await p.getByRole("button", { name: "Sign out" }).click();
        assert.match(await p.locator("h1").innerText(), /Sign in/);
        await p.goto(`${world.ops}/console/t/cascade/parked`);
        assert.match(await p.locator("h1").innerText(), /Sign in/);
        await signIn(p, world.tokens.operator);
        await p.getByRole("button", { name: /Try it again/ }).click();
        assert.match(await p.locator("h1").innerText(), /Try 1 record again\?/);
      });
      assert.deepEqual(b.outside, [], "no request leaves the host");
      assert.deepEqual(b.errors, [], "no page complains");
    } finally {
      await b.close();
      await world.stop();
    }
  });
}

// until waits for a condition, half a minute at most.
async function until(condition) {
  const end = Date.now() + 60_000;
  while (Date.now() < end) {
    if (await condition()) return;
    await new Promise((go) => setTimeout(go, 200));
  }
  assert.fail("it did not happen within a minute");
}

// The demo's data behind a real service, and a real Chromium in front of it.
import { spawn } from "node:child_process";
import { chromium } from "playwright-core";

// start runs the demo and resolves to the address of its ops listener once
// everything has travelled.
export async function start(demo, ...args) {
  const child = spawn(demo, ["--keep", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const ops = await new Promise((resolve, reject) => {
    const on = (chunk) => {
      said += chunk;
      const url = /(http:\/\/[\d.:]+)\/console\//.exec(said);
      if (url) resolve(url[1]);
    };
    child.stdout.on("data", on);
    child.stderr.on("data", on);
    child.on("exit", (code) => reject(new Error(`the demo ended with ${code}:\n${said}`)));
  });
  const tokens = Object.fromEntries([...said.matchAll(/token of an? (\w+): (\w+)/g)].map((m) => [m[1], m[2]]));
  const hook = () => /http:\/\/\S+\/webhooks\/[^'\s]+/.exec(said)?.[0];
  return { ops, tokens, hook, stop: () => new Promise((done) => { child.on("exit", done); child.kill("SIGINT"); }) };
}

// signIn shows a token, from the page that asks for it.
export async function signIn(p, token) {
  await p.getByLabel("Token").fill(token);
  await p.getByRole("button", { name: "Sign in" }).click();
}

// browser starts Debian's Chromium. outside collects every request that leaves
// the host.
export async function browser(options = {}) {
  const b = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const outside = [];
  const errors = [];
  const page = async (more = {}) => {
    const context = await b.newContext({ viewport: { width: 1440, height: 900 }, ...options, ...more });
    const p = await context.newPage();
    p.on("request", (r) => { if (new URL(r.url()).hostname !== "127.0.0.1") outside.push(r.url()); });
    p.on("pageerror", (e) => errors.push(String(e)));
    p.on("console", (m) => { if (m.type() === "error" && !/status of 4\d\d/.test(m.text())) errors.push(m.text()); });
    p.on("dialog", (d) => { errors.push(`a dialog: ${d.message()}`); d.dismiss(); });
    return p;
  };
  return { page, outside, errors, close: () => b.close() };
}

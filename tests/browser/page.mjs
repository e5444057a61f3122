// The sandbox's page in a real browser: Debian's chromium, driven by playwright-core, which is found under the directory that
// NODE_MODULES names. ASSETS names a directory whose files come in place of the program's own, to work on them without a build.
import { createRequire } from "node:module";
import { basename, join } from "node:path";

const require = createRequire(join(process.env.NODE_MODULES, "x.js"));
const { chromium } = require("playwright-core");

export async function browser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
}

// A page with what it complained about.
export async function open(chrome, url, options = {}) {
  const context = await chrome.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (said) => {
    if (["error", "warning"].includes(said.type())) page.complaints.push(said.text());
  });
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith("data:")) page.complaints.push(`asked ${request.url()}`);
  });
  const assets = process.env.ASSETS;
  if (assets) {
    const from = (name) => (route) => route.fulfill({ path: join(assets, name ?? basename(route.request().url())) });
    await page.route(`${url}app/*`, from());
    await page.route(url, from("index.html"));
  }
  await page.goto(url);
  await page.locator("#grid .row").first().waitFor();
  return page;
}

// Chooses a cell by its row's name in the first column, or its row number, and its header.
export async function choose(page, row, header) {
  const place = await page.evaluate(
    async ([row, header]) => {
      const { shown, choose } = await import("/app/grid.js");
      const tab = shown();
      const column = tab.rows[0].indexOf(header);
      const at = typeof row === "number" ? row : tab.rows.findIndex((cells, at) => at > 0 && cells[0] === row);
      if (column < 0 || at < 0) throw new Error(`no cell ${row} ${header}`);
      choose(at, column);
      document.getElementById("grid").focus();
      return [at, column];
    },
    [row, header],
  );
  return page.locator(`#c-${place[0]}-${place[1]}`);
}

export async function type(page, row, header, text) {
  const cell = await choose(page, row, header);
  await page.keyboard.type(text);
  await page.keyboard.press("Enter");
  return cell;
}

export async function tick(page, row, header) {
  const cell = await choose(page, row, header);
  await cell.locator(".box").click();
}

export async function be(page, role) {
  await page.locator(`#who [data-role=${role}]`).click();
}

export async function tab(page, title) {
  await page.locator("#tabs button", { hasText: title }).click();
  const is = async (title) => {
    const { shown } = await import("/app/grid.js");
    return shown()?.head?.title === title && shown().rows.length > 1;
  };
  await until(`the tab ${title}`, () => page.evaluate(is, title));
}

// What a cell shows, whether it is in view or not.
export function text(page, row, header) {
  return page.evaluate(
    async ([row, header]) => {
      const { shown } = await import("/app/grid.js");
      const tab = shown();
      const at = typeof row === "number" ? row : tab.rows.findIndex((cells, at) => at > 0 && cells[0] === row);
      return tab.text(at, tab.rows[0].indexOf(header));
    },
    [row, header],
  );
}

export async function until(what, check, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < end) {
    last = await check();
    if (last) return last;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`${what}: not within ${seconds} s`);
}

export function stepsDone(page) {
  return page.locator("#steps li.done").count();
}

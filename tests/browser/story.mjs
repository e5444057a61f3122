// The whole story in a browser, what each role is refused, a paste of 200 rows, a reload on the way. `node story.mjs URL`.
import assert from "node:assert/strict";
import { be, browser, choose, open, stepsDone, tab, text, tick, type, until } from "./page.mjs";

const url = process.argv[2];
const chrome = await browser();
let page;

const step = async (what, work) => {
  const began = Date.now();
  await work();
  console.log(`ok ${what} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
};
const done = (count, seconds) => until(`step ${count} of the story`, async () => (await stepsDone(page)) >= count, seconds);

// What a dialog says, and closes it.
const dialog = async (answer) => {
  const box = page.locator("#dialog");
  await box.waitFor({ state: "visible" });
  const said = await page.locator("#dialog-text").textContent();
  await page.locator(answer === "yes" ? "#dialog-yes" : "#dialog-no").click();
  await box.waitFor({ state: "hidden" });
  return said;
};
const PROTECTED =
  "You are trying to edit a protected cell or object. Please contact the spreadsheet owner to remove protection if you need to edit.";
const refused = async (who, row, header, words) => {
  await be(page, who);
  const before = await text(page, row, header);
  await type(page, row, header, words);
  assert.equal(await dialog("yes"), PROTECTED, `${who} ${header}`);
  assert.equal(await text(page, row, header), before);
};

try {
  await step("the page opens with a policy and complains of nothing", async () => {
    const answer = await fetch(url);
    const policy = answer.headers.get("content-security-policy");
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'/);
    assert.equal(answer.headers.get("access-control-allow-origin"), null);
    page = await open(chrome, url);
    await until("a first pass", async () => (await page.locator("#passes td.outcome").count()) > 0, 90);
    await until("web-prod on 2.4.0", async () => (await text(page, "web-prod", "releaseVersion")) === "2.4.0");
    assert.equal(await stepsDone(page), 0);
  });

  await step("all is drawn in less than a second", async () => {
    // Until the sheet and all dots are there, and from a click until 1,600 rows are. The best of some: the machine does other
    // things, too.
    let best = Infinity;
    for (let again = 0; again < 25 && best >= 1000; again++) {
      const other = await open(chrome, url);
      const drawn = () => other.evaluate(() => performance.getEntriesByName("drawn")[0]?.startTime);
      const loaded = await until("all to be drawn", drawn, 20);
      assert.equal(await other.locator(".channel").count(), 9);
      const opened = await other.evaluate(async () => {
        const began = performance.now();
        document.querySelector("#tabs button:nth-child(2)").click();
        const there = () => Number(document.getElementById("grid").getAttribute("aria-rowcount")) > 1600;
        while (!there()) await new Promise((next) => requestAnimationFrame(next));
        return performance.now() - began;
      });
      best = Math.min(best, Math.max(loaded, opened));
      assert.ok((await other.locator("#grid .row").count()) < 80, "only rows in view are drawn");
      assert.deepEqual(other.complaints, []);
      await other.context().close();
    }
    console.log(`   ${Math.round(best)} ms`);
    assert.ok(best < 1000, `${best} ms`);
  });

  await step("each role is refused what is not its own", async () => {
    await refused("sre", "api-prod", "desiredVersionB", "8.4.0");
    await refused("manager", "api-prod", "desiredVersionA", "8.4.0");
    await refused("editor", "api-prod", "desiredVersionA", "8.4.0");
    await refused("editor", "api-prod", "desiredVersionB", "8.4.0");
    for (const who of ["sre", "manager", "editor"]) {
      await refused(who, "api-prod", "releaseVersion", "8.4.0");
      await refused(who, "api-prod", "channel", "mine");
    }
    await be(page, "editor");
    await tick(page, "api-prod", "rollback");
    assert.equal(await dialog("yes"), PROTECTED);
    await page.locator("[data-do=delete]").click();
    assert.equal(await dialog("yes"), PROTECTED);
    await type(page, "api-prod", "notes", "anybody may");
    await until("a note", async () => (await text(page, "api-prod", "notes")) === "anybody may");
    assert.equal(await stepsDone(page), 0);
  });

  await step("key A", async () => {
    await be(page, "sre");
    await type(page, "api-prod", "desiredVersionA", "8.4.0");
    await done(1, 20);
  });

  await step("a reload in the middle keeps what was done", async () => {
    await page.reload();
    await page.locator("#grid .row").first().waitFor();
    await done(1, 10);
    assert.equal(await text(page, "api-prod", "desiredVersionA"), "8.4.0");
  });

  await step("key B starts the waves", async () => {
    await be(page, "manager");
    await type(page, "api-prod", "desiredVersionB", "8.4.0");
    await done(2, 40);
    await page.locator(".rollout .waves .now").waitFor();
  });

  await step("the waves pass their gates", async () => {
    await until("a plot", async () => (await page.locator("svg.plot path.new").count()) >= 1, 90);
    await done(3, 180);
    assert.equal(await text(page, "api-prod", "releaseVersion"), "8.4.0");
  });

  await step("the bad version takes itself back", async () => {
    await be(page, "sre");
    await type(page, "api-prod", "desiredVersionA", "8.5.0");
    await be(page, "manager");
    await type(page, "api-prod", "desiredVersionB", "8.5.0");
    await done(4, 180);
    await until("a failed reading", async () => (await page.locator("svg.plot path.fail").count()) > 0, 5);
    assert.match(await text(page, "api-prod", "status"), /^rolled back from 8\.5\.0/);
  });

  await step("one tick rolls back", async () => {
    await be(page, "sre");
    await tick(page, "web-prod", "rollback");
    await done(5, 60);
  });

  await step("what the owner types over is put back", async () => {
    await be(page, "owner");
    await type(page, "api-staging", "releaseVersion", "9.9.9");
    await done(6, 60);
    assert.equal(await text(page, "api-staging", "releaseVersion"), "8.3.0");
  });

  await step("a number is no version", async () => {
    await be(page, "sre");
    await choose(page, "search-prod", "desiredVersionA");
    await page.keyboard.press("Control+c");
    await choose(page, "billing-prod", "desiredVersionA");
    await page.keyboard.press("Control+v");
    await done(7, 60);
  });

  await step("a server is terminated", async () => {
    await page.locator(".channel canvas[tabindex]").last().click({ position: { x: 6, y: 6 } });
    await page.locator("#terminate").click();
    await done(8, 60);
  });

  await step("a region goes and comes back", async () => {
    await page.locator("[data-switch=away]").click();
    await until("that it was seen", async () => /Now bring it back/.test(await page.locator("#steps .now").textContent()), 120);
    await page.locator("[data-switch=away]").click();
    await done(9, 120);
  });

  await step("200 rows are pasted, undone, sorted and moved", async () => {
    await be(page, "editor");
    await tab(page, "ServerTagAssignment");
    const rows = Number(await page.locator("#grid").getAttribute("aria-rowcount"));
    const first = rows - 20;
    const lines = Array.from({ length: 200 }, (_, at) => `i-0${String(at).padStart(16, "f")}\tbilling-prod`);
    await choose(page, first, "serverId");
    await page.evaluate((text) => navigator.clipboard.writeText(text), lines.join("\n"));
    await page.locator("#grid").focus();
    await page.keyboard.press("Control+v");
    await until("the last row", async () => (await text(page, first + 199, "channel")) === "billing-prod", 20);
    assert.equal(await text(page, first, "serverId"), "i-0fffffffffffffff0");
    await page.keyboard.press("Control+z");
    await until("none of them", async () => (await text(page, first + 199, "channel")) === "", 20);

    const second = await text(page, 2, "serverId");
    await choose(page, 1, "serverId");
    await page.locator("[data-do=insert]").click();
    await until("a blank row", async () => (await text(page, 3, "serverId")) === second, 10);
    await page.locator("[data-do=undo]").click();
    await until("no blank row", async () => (await text(page, 2, "serverId")) === second, 10);
    await page.locator("[data-do=down]").click();
    assert.match(await dialog("no"), /shouldn't be changed accidentally/);
    await page.locator("[data-do=down]").click();
    await dialog("yes");
    await until("a moved row", async () => (await text(page, 1, "serverId")) === second, 10);
    await page.locator("[data-do=undo]").click();
    await until("it back", async () => (await text(page, 2, "serverId")) === second, 10);
    await choose(page, 1, "serverId");
    await page.locator("[data-do=sort]").click();
    await dialog("yes");
    await until("ids in order", async () => (await text(page, 1, "serverId")) < (await text(page, 2, "serverId")), 10);
    await page.locator("[data-do=undo]").click();
  });

  await step("markup in a cell is text", async () => {
    const harm = "<img src=x onerror=alert(1)><script>alert(2)</script>";
    await type(page, 1, "notes", harm);
    await until("the text", async () => (await text(page, 1, "notes")) === harm, 10);
    assert.equal(await page.locator("#grid img, #grid script, #bar img").count(), 0);
  });

  await step("a mail is shown as mail programs show it, and runs nothing", async () => {
    await page.locator("#mails button").first().click();
    const frame = page.frameLocator("#mail");
    await until("its words", async () => (await frame.locator("body").innerText()).length > 50, 20);
    assert.equal(await page.locator("#mail").getAttribute("sandbox"), "");
  });

  assert.deepEqual(page.complaints, []);
  console.log("ok all of it");
} catch (error) {
  console.error(error);
  console.error("complaints:", page?.complaints);
  await page?.screenshot({ path: `${process.env.NODE_MODULES}/../failed.png`, fullPage: true }).catch(() => {});
  process.exitCode = 1;
} finally {
  await chrome.close();
}

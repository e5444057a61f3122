// Makes the pictures of the README, and others to look at: light, dark, a phone's width. `node pictures.mjs URL DIRECTORY`, with a
// sandbox that nobody has used yet at the address: tests/README.md has the whole command.
import { join } from "node:path";
import { smaller } from "./smaller.mjs";
import { be, browser, choose, open, stepsDone, type, until } from "./page.mjs";

const [url, directory] = process.argv.slice(2);
const chrome = await browser();
// Narrow enough to be read in a page of text.
const SCREEN = { viewport: { width: 1180, height: 740 } };
const light = await open(chrome, url, { ...SCREEN, colorScheme: "light" });
const dark = await open(chrome, url, { ...SCREEN, colorScheme: "dark" });
const phone = await open(chrome, url, { viewport: { width: 390, height: 844 }, colorScheme: "light", hasTouch: true, isMobile: true });

const shoot = async (page, name, fullPage = false) => {
  await page.bringToFront();
  await new Promise((done) => setTimeout(done, 900));
  const path = join(directory, `${name}.png`);
  await page.screenshot({ path, fullPage });
  smaller(path);
};
const keys = async (version) => {
  await be(light, "sre");
  await type(light, "api-prod", "desiredVersionA", version);
  await be(light, "manager");
  await type(light, "api-prod", "desiredVersionB", version);
};
const readings = (name) => light.locator(`svg.plot .${name}`).count();

await until("a first pass", async () => (await light.locator("#passes td.outcome").count()) > 1, 120);
await shoot(light, "begun");
await keys("8.4.0");
await until("the third wave", async () => /wave 3/.test(await light.locator("#rollouts").textContent()), 120);
await until("its readings", async () => (await readings("pass")) > 9, 60);
await choose(light, "api-prod", "desiredVersionB");
await shoot(light, "waves");
await shoot(phone, "phone");
await until("the end of the waves", async () => (await stepsDone(light)) >= 3, 120);
await keys("8.5.0");
await until("a failure", async () => (await readings("fail")) > 0 && (await stepsDone(light)) >= 4, 120);
await be(dark, "owner");
await choose(dark, "api-prod", "status");
await choose(dark, "api-prod", "releaseVersion");
await dark.locator("#mails button").first().click();
await shoot(dark, "dark-mail");
await dark.evaluate(() => scrollTo(0, 0));
await shoot(dark, "dark");
await shoot(dark, "dark-whole", true);
await shoot(light, "light-whole", true);
for (const part of ["sheet", "fleet", "breaks", "rollouts"]) {
  await phone.evaluate((part) => document.getElementById(part).scrollIntoView(), part);
  await shoot(phone, `phone-${part}`);
}
console.log([...light.complaints, ...dark.complaints, ...phone.complaints]);
await chrome.close();

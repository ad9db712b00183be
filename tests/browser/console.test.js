// The console in a real browser: an order's whole day by four people, and what every room must keep.
//
// Invariant: nothing waits for time, only for what a page shows. Rejected: calling headquarters'
// functions from here; the point is what people see and press.
//
// LANEWALK names the built program, CHROMIUM the browser.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../../", import.meta.url));
const program = process.env.LANEWALK ?? join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug/lanewalk");
const PHONE = { width: 390, height: 844 };

let data, server, base, browser;
/** The one other server that pages may ask, while a test has it running. */
let tileServer = null;
const passwords = new Map();
const wrong = [];

before(async () => {
  data = await mkdtemp(join(tmpdir(), "lanewalk-browser-"));
  server = spawn(program, ["serve", "--demo-data", "--data", data, "--listen", "127.0.0.1:0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  base = await new Promise((found, failed) => {
    server.once("error", failed);
    server.once("exit", (code) => failed(new Error(`the server ended with ${code}`)));
    createInterface({ input: server.stdout }).on("line", (coloured) => {
      const line = coloured.replace(/\u001b\[[0-9;]*m/g, "");
      for (const [, staff, password] of line.matchAll(/\b([a-z]{2}-\d\d) ([a-z]{8}-lane)/g)) passwords.set(staff, password);
      const address = line.match(/console: (http:\/\/[\d.]+:\d+)\//);
      if (address) found(address[1]);
    });
  });
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
});

after(async () => {
  await browser?.close();
  if (server?.exitCode === null) {
    const ended = new Promise((done) => server.once("exit", done));
    server.kill();
    await ended;
  }
  await rm(data, { recursive: true, force: true });
});

/** Opens a browser of its own for somebody; every fault it sees fails the last test. */
async function desk(staff, size = { width: 1280, height: 860 }) {
  const context = await browser.newContext({ viewport: size, locale: "zh-CN", timezoneId: "Asia/Shanghai" });
  context.setDefaultTimeout(15_000);
  context.on("request", (r) => { if (![base, tileServer].some((own) => own && r.url().startsWith(`${own}/`))) wrong.push(`request to ${r.url()}`); });
  context.on("response", (r) => {
    // The stream of a session that ended is refused; the page then asks who is there.
    if (r.url() === `${base}/events`) return;
    if (r.status() >= 400 && !r.request().isNavigationRequest()) wrong.push(`${r.status()} for ${r.url()}`);
  });
  context.on("weberror", (e) => wrong.push(`script: ${e.error().message}`));
  context.on("console", (m) => {
    if (m.type() === "error" && !m.text().startsWith("Failed to load resource")) wrong.push(`console: ${m.text()}`);
  });
  context.on("dialog", (d) => { wrong.push(`dialog: ${d.message()}`); d.dismiss(); });
  const page = await context.newPage();
  if (staff) {
    await go(page, "/login");
    await page.fill("#staff", staff);
    await page.fill("#password", passwords.get(staff));
    await press(page, page.locator("main button"));
    assert.notEqual(new URL(page.url()).pathname, "/login", await text(page));
  }
  return page;
}

const go = (page, path) => page.goto(base + path);
const text = (page) => page.locator("main").innerText();
const has = async (page, ...words) => {
  const all = await text(page);
  for (const word of words) assert.ok(all.includes(word), `“${word}” is missing in:\n${all}`);
};

/** Presses what leads to another page and waits for that page. */
async function press(page, button) {
  await Promise.all([page.waitForEvent("load"), button.click()]);
}

/** The form at an order behind a title, opened. */
async function form(page, title) {
  const card = page.locator("#desk .card").filter({ has: page.locator(`summary:text("${title}"), h3:text-is("${title}")`) }).first();
  const folded = card.locator("summary");
  if (await folded.count() && !(await card.evaluate((c) => c.open))) await folded.click();
  return card;
}

/** Fills a form at an order and sends it; the page then says that it is done. */
async function act(page, title, fields = {}, button = "button") {
  const card = await form(page, title);
  for (const [name, value] of Object.entries(fields)) {
    const field = card.locator(`[name="${name}"]`);
    if (await field.first().getAttribute("type") === "radio") await card.locator(`[name="${name}"][value="${value}"]`).check();
    else if (await field.evaluate((f) => f.tagName) === "SELECT") await field.selectOption(value);
    else await field.fill(value);
  }
  await press(page, card.locator(button).first());
  assert.ok(await page.locator(".done").count(), `“${title}” was not done:\n${await text(page)}`);
}
const state = (page) => page.locator(".state.big").innerText();

/** The six digits of an authenticator app. */
function code(secret) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replace(/[^A-Z2-7]/g, "")].map((c) => alphabet.indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac("sha1", key).update(step).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** What nobody who writes into a field may bring about. */
const NASTY = `<script>document.title='x'</script><img src=x onerror=alert(1)>'";=1+1 \u202Egnp.exe\u200B`;

/** Says which column of the file is what. */
const MAPPING = `
version = 1
charset = "utf-8"
date_formats = ["%Y-%m-%d %H:%M:%S"]
utc_offset_minutes = 480
datum = "wgs84"

[fields]
upstream_id = "编号"
channel = { value = "hotline" }
matter_text = "类别"
title = "内容"
reported_text = "内容"
reported_address = "地点"
reported_at = "时间"
`;

const rooms = {
  "hc-01": ["/", "/intake", "/intake/import", "/appeals", "/watch", "/search?q=Boston", "/map", "/ahead", "/clusters",
    "/taskforces", "/kb", "/kb/new", "/catalogue", "/exchange", "/staff", "/staff/gw-01", "/devices", "/audit", "/keeping", "/settings", "/same", "/me"],
  "dl-01": ["/", "/watch", "/map", "/ahead", "/catalogue"],
  "ca-01": ["/", "/search?q=猫", "/kb"],
  "sc-01": ["/", "/ahead", "/kb/new"],
};

let clerk, deputy, section, agent, order;

test("who is not signed in sees the door and nothing else", async () => {
  const stranger = await desk();
  await go(stranger, "/orders/00112233445566778899aabbccddeeff");
  assert.equal(new URL(stranger.url()).pathname, "/login");
  await has(stranger, "登录", "工号", "密码");
  await stranger.fill("#staff", "hc-01");
  await stranger.fill("#password", "not the password");
  await press(stranger, stranger.locator("main button"));
  await has(stranger, "工号、密码或动态码不对");
  await press(stranger, stranger.locator(".lang a", { hasText: "EN" }).first());
  await has(stranger, "Sign in", "Staff id");
  await stranger.context().close();
});

test("an order's day: taken in, judged, handled, passed, called back, closed", async (t) => {
  await t.test("the clerk takes the watch and takes a call in", async () => {
    clerk = await desk("hc-01");
    await go(clerk, "/watch");
    await has(clerk, "无人值班");
    await clerk.fill('[name="handover"]', "无未办事项");
    await press(clerk, clerk.getByRole("button", { name: "我来值班" }));
    await has(clerk, "当前值班", "马静", "无未办事项");
    await go(clerk, "/intake");
    await clerk.fill('[name="text"]', `3号楼楼道内养猫，数量多达20只 ${NASTY}`);
    await clerk.fill('[name="address"]', "潍棉小区3号楼2单元");
    await clerk.fill('[name="requester_name"]', "欧阳秋月");
    await clerk.fill('[name="requester_phone"]', "13800138099");
    await press(clerk, clerk.getByRole("button", { name: "登记并接单" }));
    order = new URL(clerk.url()).pathname;
    assert.match(order, /^\/orders\/[0-9a-f]{32}$/);
    assert.equal(await state(clerk), "研判");
    await has(clerk, "<script>document.title='x'</script>", "⟨U+202E⟩", "欧阳**", "138****8099");
    assert.ok(!(await clerk.content()).includes("13800138099"), "the number is on a page that nobody asked for it");
  });

  await t.test("the deputy leader finds it first on the board and dispatches it", async () => {
    deputy = await desk("dl-01");
    await press(deputy, deputy.locator(`.folded:has(table) a.title[href="${order}"]`).first());
    await act(deputy, "派件", { lead: "sec-chengguan", grid: "370705005018001", reason: "清单中没有,由城管中队牵头" });
    assert.equal(await state(deputy), "已派件");
    await has(deputy, "城管中队", "健康街社区第一网格");
  });

  await t.test("the section acknowledges, calls, answers and submits", async () => {
    section = await desk("sc-01");
    await press(section, section.locator(`#sign a.title[href="${order}"]`));
    await act(section, "签收");
    assert.equal(await state(section), "已签收");
    await act(section, "联系诉求人", { reached: "yes", note: "电话核实情况" });
    assert.equal(await state(section), "初查/查实");
    await act(section, "答复内容", { reply: "已上门劝导,住户当场将猫送走,楼道已清理。" });
    await act(section, "提交结果", { outcome: "mediated", reason: "已办理" });
    assert.equal(await state(section), "待审核");
    await has(section, "已上门劝导");
    assert.equal(await section.getByText("查看姓名和电话").count(), 0, "a section may not see the number");
  });

  await t.test("the clerk reads the reply and passes it on", async () => {
    await go(clerk, "/");
    await press(clerk, clerk.locator(`#review a.title[href="${order}"]`));
    await has(clerk, "已上门劝导", "调解");
    await act(clerk, "审核通过,转回访");
    assert.equal(await state(clerk), "待回访");
  });

  await t.test("the agent gives a reason, sees the number, and keeps three answers apart", async () => {
    agent = await desk("ca-01");
    await press(agent, agent.locator(`#callbacks a.title[href="${order}"]`));
    assert.equal(await agent.getByText("13800138099").count(), 0);
    await agent.getByText("查看姓名和电话").click();
    await agent.selectOption('[name="purpose"]', "callback");
    await agent.fill('#requester [name="reason"]', "办结后电话回访");
    await press(agent, agent.locator("#requester button"));
    await has(agent, "13800138099", "欧阳秋月", "本次查看已记录");
    await go(agent, order);
    assert.equal(await agent.getByText("13800138099").count(), 0, "the number is shown once");
    await act(agent, "回访", { reached: "yes", process: "yes", result: "yes", resolved: "yes", note: "很满意" });
    assert.equal(await state(agent), "待回访");
  });

  await t.test("the clerk closes it, and the page tells the whole day", async () => {
    await go(clerk, order);
    await act(clerk, "办结");
    assert.equal(await state(clerk), "办结");
    await has(clerk, "按时办结", "郭鹏", "宋丽", "高志远", "总部规则");
  });
});

test("who has nothing to do with an order is told that there is none", async () => {
  for (const path of [order.replace(/.{4}$/, "0000"), "/staff", "/nowhere", "/intake"]) {
    const answer = await go(section, path);
    assert.equal(answer.status(), 404, path);
    await has(section, "没有这个页面");
  }
  await section.goto(base + "/");
});

test("the language changes everywhere and back", async () => {
  await go(agent, order);
  await press(agent, agent.locator(".rooms .lang a", { hasText: /^EN$/ }));
  assert.equal(new URL(agent.url()).pathname, order);
  await has(agent, "closed", "Reported beside verified", "Requester");
  assert.equal(await agent.locator("html").getAttribute("lang"), "en");
  await press(agent, agent.locator(".rooms .lang a", { hasText: /^中文$/ }));
  await has(agent, "反映与查实");
});

test("keys lead everywhere and take nothing from fields", async () => {
  const page = clerk;
  await go(page, "/");
  const focus = () => page.evaluate(() => document.activeElement.getAttribute("name") ?? document.activeElement.getAttribute("href"));
  await page.keyboard.press("/");
  assert.equal(await focus(), "q");
  await page.keyboard.type("gj?/k");
  assert.equal(await page.inputValue('[name="q"]'), "gj?/k", "keys belong to the field");
  await page.keyboard.press("Escape");
  assert.notEqual(await focus(), "q");
  await page.keyboard.press("?");
  await page.locator("#keys").waitFor({ state: "visible" });
  await page.keyboard.press("Escape");
  await page.locator("#keys").waitFor({ state: "hidden" });
  await page.locator(".hint").click();
  await page.locator("#keys").waitFor({ state: "visible" });
  await page.keyboard.press("Escape");
  if (!(await page.locator("#open").isVisible())) await page.locator("summary", { hasText: "在办工单" }).click();
  await page.keyboard.press("Escape");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  const second = await focus();
  await page.keyboard.press("k");
  const first = await focus();
  assert.match(first, /^\/orders\//);
  assert.notEqual(first, second);
  await page.keyboard.press("Control+j");
  assert.equal(await focus(), first, "keys with Ctrl are the browser's");
  await Promise.all([page.waitForEvent("load"), page.keyboard.press("Enter")]);
  assert.equal(new URL(page.url()).pathname, first);
  await page.keyboard.press("g");
  await Promise.all([page.waitForEvent("load"), page.keyboard.press("m")]);
  assert.equal(new URL(page.url()).pathname, "/map");
  await page.keyboard.press("Tab");
  assert.equal(await focus(), "#main", "the first stop leads past the rooms");
});

test("a file is looked at, taken in, and a board elsewhere shows each order accepted", async () => {
  await go(clerk, "/intake/import");
  await clerk.locator("summary", { hasText: "映射" }).click();
  await clerk.fill('[name="mapping_name"]', "热线");
  await clerk.fill('[name="toml_text"]', MAPPING);
  await press(clerk, clerk.getByRole("button", { name: "保存映射" }));
  const day = (n) => new Date(Date.now() - n * 86_400_000).toISOString().slice(0, 10);
  const row = (n, words) => `H-${n},${day(n)} 09:00:00,养犬,${words},潍棉小区${n}号楼`;
  const csv = ["编号,时间,类别,内容,地点", row(1, "=HYPERLINK(1)"), row(2, "夜间犬吠"), row(3, "楼道堆物")].join("\n");
  await clerk.locator('[name="file"]').setInputFiles({ name: "热线<b>.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
  await press(clerk, clerk.getByRole("button", { name: "先检查" }));
  await has(clerk, "热线<b>.csv", "新工单");
  await clerk.getByLabel("只登记，稍后接单").check();
  await press(clerk, clerk.getByRole("button", { name: "导入" }));
  await has(clerk, "已导入");

  // One page stays open with a line in focus, scrolled; the other accepts.
  const wall = await clerk.context().newPage();
  await go(wall, "/");
  const waiting = () => wall.locator('#mine a[href="#accept"] strong').innerText();
  assert.equal(await waiting(), "3");
  if (!(await wall.locator("#open").isVisible())) await wall.locator("summary", { hasText: "在办工单" }).click();
  const held = wall.locator("#open a.title").nth(9);
  const href = await held.getAttribute("href");
  await held.focus();
  const top = () => wall.evaluate((h) => document.querySelector(`#open a.title[href="${h}"]`).getBoundingClientRect().top, href);
  await held.evaluate((a) => a.scrollIntoView({ block: "center" }));
  const before = await top();
  await go(clerk, "/");
  await press(clerk, clerk.locator("#accept a.title").first());
  await act(clerk, "接单");
  await wall.bringToFront();
  await wall.waitForFunction(() => document.querySelector('#mine a[href="#accept"] strong').textContent === "2");
  assert.equal(await wall.evaluate(() => document.activeElement.getAttribute("href")), href, "the focus was lost");
  assert.ok(Math.abs((await top()) - before) < 2, "the page jumped");

  // Another stays open with a form half typed.
  const typing = await clerk.context().newPage();
  await go(typing, "/watch");
  await typing.locator("summary", { hasText: "排一班" }).click();
  await typing.fill('[name="from"]', "2030-01-01T08:00");
  await typing.locator('[name="to"]').focus();
  const other = await clerk.context().newPage();
  await go(other, "/watch");
  await other.locator("summary", { hasText: "排一班" }).click();
  await other.fill('[name="from"]', "2030-02-01T08:00");
  await other.fill('[name="to"]', "2030-02-01T20:00");
  await press(other, other.getByRole("button", { name: "排定" }));
  await typing.bringToFront();
  await typing.getByText("2030-02-01").first().waitFor();
  assert.equal(await typing.inputValue('[name="from"]'), "2030-01-01T08:00", "what was typed is gone");
  assert.equal(await typing.evaluate(() => document.activeElement.getAttribute("name")), "to");
  for (const page of [wall, typing, other]) await page.close();
});

test("what is refused loses nothing, and long or strange words stay words", async () => {
  const long = "长".repeat(9_990) + "<b>尾</b>";
  await go(clerk, "/intake");
  await clerk.fill('[name="text"]', NASTY);
  await clerk.fill('[name="address"]', NASTY.slice(0, 60));
  await clerk.fill('[name="requester_phone"]', "不是号码<i>");
  await clerk.fill('[name="upstream_due"]', "1900-01-01T00:00");
  await press(clerk, clerk.getByRole("button", { name: "登记并接单" }));
  const fields = clerk.locator(".field.wrong");
  assert.ok(await fields.count(), await text(clerk));
  assert.ok(await fields.first().locator(".fault").innerText());
  assert.equal(await clerk.inputValue('[name="text"]'), NASTY);
  assert.equal(await clerk.inputValue('[name="requester_phone"]'), "不是号码<i>");

  await go(clerk, "/");
  await press(clerk, clerk.locator("#accept a.title").first());
  const card = await form(clerk, "备注");
  await card.locator("textarea").evaluate((field, words) => { field.removeAttribute("maxlength"); field.value = words; }, long);
  await press(clerk, card.locator("button"));
  await has(clerk, "没有办成", "什么都没有改动", "<b>尾</b>");
  await press(clerk, clerk.getByRole("link", { name: "回到上一页" }));
  await act(clerk, "备注", { text: `${"长".repeat(1_000)}<b>尾</b>` });
  await has(clerk, "<b>尾</b>");
  await go(clerk, "/search?q=" + encodeURIComponent(NASTY));
  assert.equal(await clerk.inputValue('main [name="q"]'), NASTY);
  assert.ok(!(await clerk.title()).startsWith("x"));
});

test("paper has the facts and nothing to press", async () => {
  const paper = await clerk.context().newPage();
  await go(paper, order);
  await paper.emulateMedia({ media: "print" });
  const visible = (what) => paper.locator(what).evaluateAll((all) => all.filter((e) => e.checkVisibility()).length);
  for (const what of ["button", ".rooms", ".top .find", "#desk", "form", "textarea"]) assert.equal(await visible(what), 0, what);
  await has(paper, "反映与查实", "按时办结");
  assert.ok(await paper.locator("#history table").evaluate((t) => t.getBoundingClientRect().height > 100), "the history is folded away on paper");
  await paper.close();
});

test("an administrator binds an app; every room stays within a phone's width, names its fields, and can be read", async () => {
  await go(clerk, "/me");
  await clerk.fill("#password", "not the password");
  await press(clerk, clerk.getByRole("button", { name: "绑定新的动态码" }));
  await has(clerk, "密码或动态码不对");
  await go(clerk, "/me");
  await clerk.fill("#password", passwords.get("hc-01"));
  await press(clerk, clerk.getByRole("button", { name: "绑定新的动态码" }));
  await clerk.fill("#code", code(await clerk.locator(".secret").innerText()));
  await press(clerk, clerk.getByRole("button", { name: "确认" }));
  await has(clerk, "已绑定");
  const desks = { "hc-01": clerk, "dl-01": deputy, "ca-01": agent, "sc-01": section };
  for (const [staff, paths] of Object.entries(rooms)) {
    const page = desks[staff];
    for (const lang of ["zh", "en"]) {
      await go(page, `/lang/${lang}?back=/`);
      for (const path of [...paths, order]) {
        await page.setViewportSize(PHONE);
        const answer = await go(page, path);
        // An order that is closed is nothing of a section's any more only if the rules say so.
        assert.equal(answer.status(), 200, `${staff} ${path}`);
        await page.evaluate(() => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
        const faults = await page.evaluate(look);
        assert.deepEqual(faults, [], `${staff} ${lang} ${path}`);
        await page.setViewportSize({ width: 1280, height: 860 });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(wide <= 0, `${staff} ${lang} ${path} is ${wide} px too wide at 1280`);
      }
    }
    await go(page, "/lang/zh?back=/");
  }
});

/** Runs in the page: says what is too wide, fields without a name, doubled ids, words hard to read. */
function look() {
  const faults = [];
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) {
    const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > width + 1);
    faults.push(`too wide: ${document.documentElement.scrollWidth} ${wide.slice(0, 4).map((e) => `${e.tagName}.${e.className}`)}`);
  }
  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (!field.labels?.length && !field.getAttribute("aria-label")) faults.push(`no label: ${field.name}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) faults.push(`id twice: ${id}`);
  // Contrast as WCAG counts it, of text on the nearest ground that is painted.
  const rgb = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
  const light = (c) => c.slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const seen = new Set();
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const e = words.currentNode.parentElement;
    if (!words.currentNode.textContent.trim() || seen.has(e) || e.closest("svg, script, noscript, option") || !e.checkVisibility()) continue;
    seen.add(e);
    let ground = e;
    while (ground && (rgb(getComputedStyle(ground).backgroundColor)[3] ?? 1) === 0) ground = ground.parentElement;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(rgb(ground ? getComputedStyle(ground).backgroundColor : "255 255 255"))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faults.push(`contrast ${contrast.toFixed(2)}: ${e.tagName}.${e.className} “${e.textContent.trim().slice(0, 20)}”`);
  }
  return faults.slice(0, 8);
}

test("an administrator gives the map tiles of the house's own, and only the map asks for them", async () => {
  const asked = [];
  // One green point, which the browser stretches over each tile.
  const green = Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNg+M/wHwAEAQH/7yMK/gAAAABJRU5ErkJggg==", "base64");
  const tiles = createServer((request, answer) => {
    asked.push({ path: request.url, referrer: request.headers.referer, cookie: request.headers.cookie });
    answer.writeHead(200, { "content-type": "image/png" }).end(green);
  });
  await new Promise((listening) => tiles.listen(0, "localhost", listening));
  try {
    // Another name than the console's: cookies go to a name whatever the port, so that is refused.
    const origin = `http://localhost:${tiles.address().port}`;
    await go(clerk, "/settings");
    await has(clerk, "不向任何地方请求图片");
    for (const no of ["https://t;script-src */{z}/{x}/{y}", "javascript:1//{z}{x}{y}", `${origin}/{z}/{x}`]) {
      await clerk.fill("#tiles", no);
      await press(clerk, clerk.getByRole("button", { name: "保存" }));
      await has(clerk, "瓦片地址须以");
      await go(clerk, "/settings");
    }
    await clerk.fill("#tiles", `${base.replace(/\d+$/, "1")}/{z}/{x}/{y}.png`);
    await press(clerk, clerk.getByRole("button", { name: "保存" }));
    await has(clerk, "同一主机名");
    await go(clerk, "/settings");
    await clerk.fill("#tiles", `${origin}/{z}/{x}/{y}.png`);
    tileServer = origin;
    await press(clerk, clerk.getByRole("button", { name: "保存" }));
    await has(clerk, origin);
    await go(clerk, "/");
    await go(clerk, "/kb");
    assert.deepEqual(asked, [], "only the map asks for tiles");
    await go(clerk, "/map");
    await clerk.waitForLoadState("networkidle");
    assert.ok(asked.length > 1 && asked.every((a) => /^\/\d+\/\d+\/\d+\.png$/.test(a.path)), JSON.stringify(asked));
    assert.ok(asked.every((a) => !a.referrer && !a.cookie), "a tile server learns neither page nor session");
    // Under the grids: a point of the drawing outside of every grid is as green as the tile, one inside is tinged.
    const order = await clerk.locator(".map svg").evaluate((svg) =>
      [...svg.querySelectorAll("image, .cell")].map((e) => e.tagName).join(" ").replace(/(\w+)( \1)+/g, "$1"));
    assert.equal(order, "image path");
    const shot = (await clerk.locator(".map").screenshot()).toString("base64");
    // The page's own policy takes no data: pictures, so an empty one counts the points.
    const counter = await (await browser.newContext()).newPage();
    const greens = await counter.evaluate(async (png) => {
      const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
      canvas.drawImage(bitmap, 0, 0);
      const { data } = canvas.getImageData(0, 0, bitmap.width, bitmap.height);
      let [pure, tinged] = [0, 0];
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 1] > data[i] + 100 && data[i + 1] > data[i + 2] + 100) {
          if (data[i] < 20) pure += 1; else tinged += 1;
        }
      }
      return { pure: pure / (data.length / 4), tinged: tinged / (data.length / 4) };
    }, shot);
    await counter.context().close();
    assert.ok(greens.pure > 0.1 && greens.tinged > 0.05, JSON.stringify(greens));
    await go(clerk, "/settings");
    await clerk.fill("#tiles", "");
    await press(clerk, clerk.getByRole("button", { name: "保存" }));
    await has(clerk, "不向任何地方请求图片");
    tileServer = null;
    await go(clerk, "/map");
    assert.equal(await clerk.locator(".map image").count(), 0);
  } finally {
    tileServer = null;
    tiles.closeAllConnections();
    await new Promise((closed) => tiles.close(closed));
  }
});

test("on a phone the rooms are behind a button that keys reach", async () => {
  const page = section;
  await page.setViewportSize(PHONE);
  await go(page, "/");
  assert.equal(await page.locator("#rooms").isVisible(), false);
  await page.locator(".menu").focus();
  await page.keyboard.press("Enter");
  await page.locator("#rooms").waitFor({ state: "visible" });
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("href")), "/");
  await page.keyboard.press("Escape");
  await page.locator("#rooms").waitFor({ state: "hidden" });
});

test("a session that ends leads to the door, also from a page that is only open", async () => {
  const away = await agent.context().newPage();
  await go(away, "/");
  await press(agent, agent.getByRole("button", { name: "退出" }));
  await away.bringToFront();
  // Whatever happens at headquarters next tells the open page.
  await go(clerk, "/");
  await press(clerk, clerk.locator("#accept a.title").first());
  await act(clerk, "备注", { text: "已与上级核对" });
  await away.waitForURL("**/login**");
});

test("no page asked another host, broke a script or lost a file", () => assert.deepEqual(wrong, []));

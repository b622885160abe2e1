// The inbox: opens conversations without leaving the page and keeps everything live by asking every two seconds at most while it is seen.
import { startComposer, isTyping } from "./composer.js";
import { startKeys } from "./keys.js";
import { posted } from "./line.js";
import { startReactions } from "./reactions.js";
import { startViewer } from "./viewer.js";

const root = document.querySelector("main.ix");
const pane = document.getElementById("ix-pane");
const rows = document.getElementById("ix-rows");
// Between two questions, and after one that brought news: where something happens, more does soon.
const EVERY = 2000;
const SOON = 1500;
// An answer that takes longer is lost: on a broken line it would be waited for for minutes, and nothing be asked meanwhile.
const PATIENCE = 8000;
let etag = root.dataset.etag;
let pages = 1;
let asking = false;
let news = false;
let stick = true;
let failures = 0;

const byId = (id) => document.getElementById(id);
const thread = () => pane.querySelector(".ix-thread[data-id]");
export const csrf = () => document.querySelector("input[name=csrfmiddlewaretoken]").value;

export function toast(words, bad = false) {
  const box = byId("ix-toast");
  box.textContent = words;
  box.classList.toggle("bad", bad);
  box.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { box.hidden = true; }, bad ? 9000 : 6000);
}

// `quiet`: a hint whose failure is nobody's business.
export async function post(url, body, quiet = false) {
  const { answer, trouble } = await posted(url, body, csrf(), byId("ix-toast").dataset);
  const said = answer?.headers.get("content-type")?.includes("json") ? await answer.json() : {};
  if (trouble && !quiet) toast(said.error || trouble, true);
  return trouble ? null : said;
}

// --- fragments: what is the same stays, so that pictures, players and the place on the page stay, too

const sources = new WeakMap();

function parse(html) {
  const box = document.createElement("template");
  box.innerHTML = html;
  return [...box.content.children];
}

function remember(parent) {
  for (const node of parent.children) sources.set(node, node.outerHTML);
}

// CSRF tokens are masked anew in every rendering and say nothing about a change.
const bare = (html) => html.replace(/name="csrfmiddlewaretoken" value="[^"]*"/g, "");

function merge(parent, wanted, keep = () => false) {
  const known = new Map([...parent.children].filter((node) => node.id).map((node) => [node.id, node]));
  const kept = [...parent.children].filter(keep);
  const result = wanted.map((node) => {
    const html = node.outerHTML;
    const old = known.get(node.id);
    if (old && bare(sources.get(old) ?? "") === bare(html)) return old;
    sources.set(node, html);
    return node;
  });
  const wantedNodes = new Set(result);
  for (const node of [...parent.children]) if (!wantedNodes.has(node) && !kept.includes(node)) node.remove();
  let after = kept.length ? kept[kept.length - 1] : null;
  for (const node of result) {
    const place = after ? after.nextSibling : parent.firstChild;
    if (place !== node) parent.insertBefore(node, place);
    after = node;
  }
}

// --- time that passes on the page

const short = (value, unit) => new Intl.NumberFormat(document.documentElement.lang || undefined, { style: "unit", unit, unitDisplay: "short" }).format(value);

function span(milliseconds) {
  const minutes = Math.max(0, Math.floor(milliseconds / 60000));
  if (minutes < 60) return short(minutes, "minute");
  if (minutes < 48 * 60) return short(Math.floor(minutes / 60), "hour") + (minutes < 6 * 60 && minutes % 60 ? ` ${short(minutes % 60, "minute")}` : "");
  return short(Math.floor(minutes / 1440), "day");
}

function tellTime() {
  const now = Date.now();
  for (const node of document.querySelectorAll("time[data-ago]")) node.textContent = span(now - Date.parse(node.dataset.ago));
  for (const node of document.querySelectorAll("time[data-left]")) node.textContent = span(Date.parse(node.dataset.left) - now);
}

// --- scrolling

function atEnd() {
  const box = byId("ix-scroll");
  return !box || box.scrollHeight - box.scrollTop - box.clientHeight < 80;
}

function toEnd() {
  const box = byId("ix-scroll");
  if (box) box.scrollTop = box.scrollHeight;
  const pill = byId("ix-pill");
  if (pill) pill.hidden = true;
  stick = true;
}

// --- the open conversation

function readAddress() {
  return new URLSearchParams(location.search);
}

function mark(id) {
  for (const row of rows.querySelectorAll(".ix-row")) row.classList.toggle("on", row.dataset.id === String(id));
}

export function step(name) {
  root.dataset.step = name;
  root.classList.toggle("with-beside", name === "profile");
}

async function loadBeside() {
  const box = byId("ix-beside");
  if (!box) return;
  const answer = await fetch(box.dataset.url, { headers: { "X-Requested-With": "fetch" } });
  // What somebody is changing there stays under their hands.
  if (answer.ok && box.isConnected && !box.contains(document.activeElement) && !box.querySelector(".ix-edit[open]")) box.innerHTML = await answer.text();
}

function markRead() {
  const box = thread();
  if (!box || !box.dataset.mayAct || Number(box.dataset.unread) === 0 || document.hidden) return;
  box.dataset.unread = "0";
  post(`${box.dataset.url}read/`, new FormData());
}

function settle() {
  const box = thread();
  if (!box) return;
  remember(byId("ix-messages"));
  const goal = location.hash.startsWith("#m") && byId(location.hash.slice(1));
  if (goal) { goal.scrollIntoView({ block: "center" }); stick = false; } else toEnd();
  // The composer grows as one writes or picks a template; who was reading the end goes on reading it.
  new ResizeObserver(() => { if (stick) toEnd(); }).observe(byId("ix-scroll"));
  byId("ix-scroll").addEventListener("scroll", () => { stick = atEnd(); if (stick) byId("ix-pill").hidden = true; }, { passive: true });
  for (const picture of box.querySelectorAll("#ix-messages img")) picture.addEventListener("load", () => { if (stick) toEnd(); });
  startComposer(byId("ix-composer"), { post, toast, refresh: ask, goOn, claim, id: box.dataset.id, url: box.dataset.url });
  loadBeside();
  markRead();
  tellTime();
}

export async function open(url, push = true) {
  const answer = await fetch(url, { headers: { "X-Requested-With": "fetch" } });
  if (!answer.ok || answer.redirected) { location.href = url; return; }
  pane.innerHTML = await answer.text();
  if (push) history.pushState({}, "", url);
  const box = thread();
  mark(box ? box.dataset.id : "");
  step(box ? "thread" : "list");
  etag = "";
  settle();
}

// --- live

function showLive(said) {
  byId("ix-queues").innerHTML = said.queues;
  document.title = (said.unread ? `(${said.unread}) ` : "") + root.dataset.title;
  // The answer may have been asked for before another conversation was opened.
  if (said.list !== undefined) { merge(rows, parse(said.list)); mark(thread()?.dataset.id ?? ""); }
  if (said.conversation) showConversation(said.conversation);
  tellTime();
}

function showConversation(said) {
  const box = thread();
  if (!box || box.dataset.id !== String(said.id)) return;
  // Handed to others: it is theirs now.
  if (said.gone) { location.href = root.dataset.root; return; }
  const company = byId("ix-company");
  if (!company.contains(document.activeElement)) company.innerHTML = said.company;
  company.hidden = !said.company;
  tellOfClaim(box, said.claim);
  if (said.head !== undefined) {
    const menu = box.querySelector(".ix-menu[open]");
    if (!menu) byId("ix-head").innerHTML = said.head;
    const later = byId("ix-later");
    if (!later.contains(document.activeElement)) later.innerHTML = said.later;
    showMessages(said.thread);
    box.dataset.version = said.version;
    loadBeside();
  }
  if (said.composer !== undefined) {
    byId("ix-composer").innerHTML = said.composer;
    startComposer(byId("ix-composer"), { post, toast, refresh: ask, goOn, claim, id: box.dataset.id, url: box.dataset.url });
  }
  box.dataset.mode = said.mode;
}

// Who was answering is told when a colleague has taken over; what they wrote stays theirs, as a draft.
function tellOfClaim(box, name) {
  if (name && box.dataset.mine) { delete box.dataset.mine; toast(root.dataset.takenOver.replace("{name}", name), true); }
}

// The first letter of an answer claims the conversation, those after it keep the claim.
const CLAIM_EVERY = 40000;
async function claim() {
  const box = thread();
  if (!box || Date.now() - Number(box.dataset.claimed || 0) < CLAIM_EVERY) return;
  box.dataset.claimed = Date.now();
  const said = await post(box.dataset.claim, new FormData(), true);
  if (!said || !box.isConnected) return;
  if (!said.claim) box.dataset.mine = "1";
  showCompany(said);
}

function showCompany(said) {
  const company = byId("ix-company");
  if (said.company === undefined || !company) return;
  company.innerHTML = said.company;
  company.hidden = !said.company;
}

async function nextWaiting(button) {
  const body = new FormData();
  body.append("after", thread()?.dataset.id ?? "");
  const said = await post(button.dataset.next, body);
  if (!said) return;
  if (!said.url) { toast(said.notice); return; }
  await open(said.url);
  const box = thread();
  if (box) { box.dataset.mine = "1"; box.dataset.claimed = Date.now(); }
  await ask();
}

function showMessages(html) {
  const box = byId("ix-messages");
  const wanted = parse(html);
  const first = wanted.find((node) => node.matches("article"));
  const place = first && byId(first.id);
  // Earlier pages that were fetched by hand stay above the newest page.
  const above = new Set();
  if (place) for (let node = place.previousElementSibling; node; node = node.previousElementSibling) above.add(node);
  const fetched = [...above].some((node) => node.matches("article"));
  const last = box.lastElementChild?.id;
  merge(box, fetched ? wanted.filter((node) => node.matches("article")) : wanted, (node) => fetched && above.has(node));
  const news = box.lastElementChild?.id !== last && box.lastElementChild?.matches("article");
  if (!news) { if (stick) toEnd(); return; }
  const theirs = box.lastElementChild.classList.contains("in");
  if (stick || !theirs) toEnd();
  else byId("ix-pill").hidden = false;
  if (theirs) { thread().dataset.unread = "1"; markRead(); }
}

let active = true;
for (const sign of ["pointerdown", "pointermove", "keydown", "wheel"]) addEventListener(sign, () => { active = true; }, { passive: true });

export async function ask() {
  if (asking) return;
  asking = true;
  const query = readAddress();
  const box = thread();
  query.set("pages", pages);
  if (box) {
    query.set("c", box.dataset.id);
    query.set("v", box.dataset.version);
    query.set("mode", box.dataset.mode);
    if (isTyping()) query.set("typing", "1");
  }
  // Somebody sits here: only that keeps the log-in alive, the asking alone does not.
  if (active) query.set("active", "1");
  active = false;
  try {
    const answer = await fetch(`${root.dataset.live}?${query}`, { headers: etag ? { "If-None-Match": etag } : {}, cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(PATIENCE) });
    failures = 0;
    news = answer.status === 200;
    if (news) {
      showLive(await answer.json());
      etag = answer.headers.get("ETag");
    } else if (answer.type === "opaqueredirect" || answer.status === 403) location.reload();
  } catch { news = false; failures = Math.min(failures + 1, 5); } finally { asking = false; }
}

async function tick() {
  if (!document.hidden) await ask();
}

async function live() {
  await tick();
  setTimeout(live, (news ? SOON : EVERY) * (1 + failures));
}
setTimeout(live, EVERY);
setInterval(tellTime, 10 * EVERY);
document.addEventListener("visibilitychange", () => { if (!document.hidden) { tick(); markRead(); } });

// --- what a person does

async function olderRows(button) {
  const query = readAddress();
  query.set("after", button.dataset.olderRows);
  const answer = await fetch(`${root.dataset.root}older/?${query}`);
  if (!answer.ok || answer.redirected) return;
  button.remove();
  pages = Math.min(pages + 1, 5);
  rows.append(...parse(await answer.text()));
  mark(thread()?.dataset.id ?? "");
}

async function olderMessages(button) {
  const box = byId("ix-scroll");
  const answer = await fetch(`${thread().dataset.url}older/?before=${encodeURIComponent(button.dataset.olderMessages)}`);
  if (!answer.ok || answer.redirected) return;
  const fromEnd = box.scrollHeight - box.scrollTop;
  const fresh = parse(await answer.text());
  for (const node of fresh) sources.set(node, node.outerHTML);
  button.replaceWith(...fresh);
  box.scrollTop = box.scrollHeight - fromEnd;
}

// What was closed makes room for the next one.
async function goOn() {
  const next = neighbour(1);
  if (next) await open(next.href);
}

// A menu whose entries are fetched when it is opened; the first is at hand for the keyboard, arrows go through them.
document.addEventListener("toggle", async (event) => {
  const menu = event.target;
  if (!menu.open || !menu.dataset?.load) return;
  const answer = await fetch(menu.dataset.load, { headers: { "X-Requested-With": "fetch" } });
  if (!answer.ok || answer.redirected || !menu.open) return;
  menu.querySelector(".ix-drop").innerHTML = await answer.text();
  menu.querySelector(".ix-drop button, .ix-drop a")?.focus();
}, true);

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("main.ix details.ix-menu[open]");
  if (!menu || event.target.matches("textarea, select, input")) return;
  if (event.key === "Escape") { menu.open = false; menu.querySelector("summary").focus(); return; }
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const entries = [...menu.querySelectorAll(".ix-drop button, .ix-drop a")];
  const at = entries.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
  if (!entries.length) return;
  event.preventDefault();
  entries[(at + entries.length) % entries.length].focus();
});

async function submitQuietly(form, button) {
  const body = new FormData(form);
  if (button?.name) body.append(button.name, button.value);
  form.closest("details")?.removeAttribute("open");
  const said = await post(form.action, body);
  if (!said) return;
  if (said.notice) toast(said.notice);
  if (said.claim === "") { const box = thread(); box.dataset.mine = "1"; box.dataset.claimed = Date.now(); showCompany(said); }
  if (form.dataset.close !== undefined) await goOn();
  const text = byId("ix-text");
  if (said.draft && text && !text.value) { text.value = said.draft; text.dispatchEvent(new Event("input")); text.focus(); }
  if (form.dataset.beside !== undefined) { document.activeElement?.blur(); loadBeside(); }
  await ask();
}

export function neighbour(by) {
  const all = [...rows.querySelectorAll(".ix-row")];
  const at = all.findIndex((row) => row.classList.contains("on"));
  return at < 0 ? all[0] : all[at + by];
}

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const target = event.target.closest("a.ix-row, a[data-open], [data-step-to], [data-older-rows], [data-older-messages], [data-help], [data-next], #ix-pill");
  for (const menu of document.querySelectorAll("main.ix details.ix-menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  if (!target || !root.contains(target)) return;
  if (target.matches("a")) { event.preventDefault(); open(target.href); }
  else if (target.dataset.stepTo) {
    if (target.dataset.stepTo === "list") { history.pushState({}, "", root.dataset.root + location.search); }
    step(target.dataset.stepTo === "profile" && root.dataset.step === "profile" ? "thread" : target.dataset.stepTo);
  } else if (target.dataset.olderRows) olderRows(target);
  else if (target.dataset.olderMessages) olderMessages(target);
  else if (target.dataset.next) nextWaiting(target);
  else if (target.dataset.help !== undefined) byId("ix-help").showModal();
  else if (target.id === "ix-pill") toEnd();
});

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-async]");
  if (!form || !root.contains(form) || form.dataset.follow !== undefined) return;
  event.preventDefault();
  submitQuietly(form, event.submitter);
});

addEventListener("popstate", () => {
  if (location.hash) return;
  open(location.href, false);
});

// The full date of a message, when somebody points at its time: fifty of them cost the server more than their words.
// The clock is the agent's own, as the server set it, not this machine's.
function wholeDate(stamp) {
  const options = { dateStyle: "full", timeStyle: "short" };
  const language = document.documentElement.lang || undefined;
  const zone = /[+-]\d\d:\d\d$/.exec(stamp)?.[0];
  try { return new Date(stamp).toLocaleString(language, zone ? { ...options, timeZone: zone } : options); } catch { return stamp; }
}

document.addEventListener("pointerover", (event) => {
  const time = event.target.closest?.("time[datetime]:not([title])");
  if (time) time.title = wholeDate(time.dateTime);
});

// A quote leads to its message, through earlier pages when it is further up.
async function jump(anchor) {
  for (let turn = 0; turn < 20; turn += 1) {
    const goal = byId(`m${anchor}`);
    if (goal) {
      stick = false;
      goal.scrollIntoView({ block: "center", behavior: "smooth" });
      goal.classList.add("found");
      setTimeout(() => goal.classList.remove("found"), 2500);
      return;
    }
    const button = byId("older");
    if (!button) return;
    await olderMessages(button);
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-jump]");
  if (!link || !root.contains(link)) return;
  event.preventDefault();
  jump(link.dataset.jump);
});

startViewer(root);
startReactions(root, { post, refresh: ask, toast });
startKeys({ root, open, neighbour, step, thread });
remember(rows);
tellTime();
settle();

// The phone page: whom one plays, the open chat, and what the customer does. It asks the server while the page is visible.
import { clockTime, dayKey, render } from "./bubbles.js";
import { byId, el, initials } from "./elements.js";
import { openShop, wireShop } from "./shop.js";

const setup = JSON.parse(byId("setup").textContent);
const words = setup.words;
const base = `${location.pathname.replace(/\/$/, "")}/phone/`;
const csrf = document.querySelector("#token input").value;
const LIST_EVERY_MS = 3000;
const CHAT_EVERY_MS = 1500;
const EMOJI = ["😀", "😊", "😍", "😂", "🙏", "👍", "👎", "❤️", "🎉", "😢", "😡", "🤔", "📦", "🚚"];

const state = { number: setup.numbers[0].slug, person: null, people: [], known: "", quote: null, unread: {}, chat: null };

async function ask(path, params) {
  const answer = await fetch(`${base}${path}?${new URLSearchParams(params)}`, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(answer.status);
  return answer.status === 204 ? null : answer.json();
}

async function tell(path, fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  const answer = await fetch(base + path, { method: "POST", body: form, headers: { "X-CSRFToken": csrf } });
  const result = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(result.error || answer.status);
  return result;
}

let toastTimer;
function toast(message) {
  const node = byId("toast");
  node.textContent = message;
  node.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (node.hidden = true), 5000);
}

async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    toast(words.failed.replace("{reason}", error.message));
    return null;
  }
}

// ---- the list ----
function avatar(node, person) {
  node.textContent = initials(person.name);
  node.style.setProperty("--tone", person.colour);
}

function when(card) {
  if (!card.at) return "";
  return dayKey(card.at, card.zone) === dayKey(Date.now(), card.zone) ? clockTime(card.at, card.zone) : new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: card.zone, month: "numeric", day: "numeric" }).format(card.at);
}

const badge = (count) => el("span", { class: "badge" }, count > 99 ? "99+" : String(count));

function drawNumbers() {
  byId("numbers").replaceChildren(
    ...setup.numbers.map((number) =>
      el(
        "button",
        { type: "button", role: "tab", class: "number", "aria-selected": String(number.slug === state.number), onclick: () => pickNumber(number.slug) },
        el("b", {}, number.country),
        el("span", {}, number.display),
        state.unread[number.slug] ? badge(state.unread[number.slug]) : null,
      ),
    ),
  );
}

function drawPeople() {
  const wanted = byId("search").value.trim().toLowerCase().replace(/^[@+]/, "");
  const country = byId("country").value;
  const unreadOnly = byId("unread-only").checked;
  const fits = (card) => (!country || card.country === country) && (!unreadOnly || card.unread > 0) && (!wanted || [card.name, card.phone, card.username].some((part) => part.toLowerCase().replace(/\s/g, "").includes(wanted.replace(/\s/g, ""))));
  const rows = state.people.filter(fits).map((card) => {
    const round = el("span", { class: "avatar" });
    avatar(round, card);
    return el(
      "li",
      {},
      el(
        "button",
        { type: "button", class: "person", "aria-current": String(card.id === state.person?.id), onclick: () => pickPerson(card.id) },
        round,
        el("span", { class: "line" }, el("b", {}, card.name), el("time", {}, when(card))),
        el("span", { class: "line" }, el("span", { class: "preview" }, card.preview || (card.phone ? `+${card.phone}` : `@${card.username}`)), el("small", { class: "flag" }, card.country), card.unread ? badge(card.unread) : null),
      ),
    );
  });
  byId("people").replaceChildren(...(rows.length ? rows : [el("li", { class: "muted" }, words.nobody)]));
}

let peopleSeen = "";
async function loadPeople() {
  const number = state.number;
  const answer = await ask("people/", { number });
  if (number !== state.number) return;
  const seen = JSON.stringify(answer);
  if (seen === peopleSeen) return;
  peopleSeen = seen;
  state.people = answer.people;
  state.unread = answer.unread;
  if (state.person) state.person = state.people.find((card) => card.id === state.person.id) || null;
  drawNumbers();
  drawPeople();
}

// ---- the chat ----
async function pickNumber(slug) {
  state.number = slug;
  peopleSeen = "";
  await attempt(loadPeople);
  if (state.person) await pickPerson(state.person.id, false);
  drawNumbers();
}

async function pickPerson(id, show = true) {
  const card = state.people.find((each) => each.id === id);
  if (!card) return;
  state.person = card;
  state.known = "";
  state.chat = null;
  quote(null);
  if (show) document.querySelector(".desk").dataset.screen = "chat";
  history.replaceState(null, "", `#${state.number}/${id}`);
  drawPeople();
  drawPerson();
  byId("chat").replaceChildren();
  await attempt(loadChat);
  scrollDown(true);
}

function drawPlaces() {
  const near = (place) => (place.country === state.person.country ? 0 : 1);
  const places = [...setup.places].sort((one, other) => near(one) - near(other));
  byId("places").replaceChildren(...places.map((place) => el("button", { type: "button", class: "plain", onclick: () => (byId("attach-dialog").close(), doAct({ act: "place", ...place })) }, `📍 ${place.name}`)));
}

function drawPerson() {
  const person = state.person;
  const number = setup.numbers.find((one) => one.slug === state.number);
  byId("business-name").textContent = number.label;
  byId("business-avatar").textContent = number.country;
  byId("composer").hidden = !person;
  byId("suggestions").hidden = !person;
  byId("person-card").hidden = !person;
  byId("business-state").textContent = number.display;
  if (!person) return;
  avatar(byId("person-avatar"), person);
  byId("person-name").textContent = person.name;
  byId("person-phone").textContent = person.phone ? `+${person.phone}` : words.no_phone;
  byId("person-username").textContent = person.username ? `@${person.username}` : "–";
  byId("person-userid").textContent = person.user_id;
  byId("person-language").textContent = `${person.language} · ${person.country}`;
  byId("auto-read").checked = person.auto_read;
  const chips = (setup.suggestions[person.language] || setup.suggestions.en).map((line) => el("button", { type: "button", onclick: () => say(line) }, line));
  byId("suggestions").replaceChildren(...chips);
  drawPlaces();
}

async function loadChat() {
  const person = state.person;
  if (!person) return;
  const key = `${state.number}/${person.id}`;
  const answer = await ask("chat/", { number: state.number, person: person.id, known: state.known });
  if (key !== `${state.number}/${state.person?.id}`) return;
  if (answer) showChat(answer, person);
  // Also when nothing is new: what arrived while the page was hidden is read once it is looked at.
  if (state.chat?.unread && !document.hidden) {
    state.chat.unread = 0;
    await tell("open/", { number: state.number, person: person.id });
  }
}

function showChat(answer, person) {
  const fresh = state.chat === null || answer.bubbles.length > state.chat.bubbles.length || answer.typing;
  state.chat = answer;
  state.known = answer.state;
  const follow = fresh && nearBottom();
  byId("chat").replaceChildren(...(answer.bubbles.length ? render(answer, person.zone, words, act) : [el("p", { class: "empty" }, words.not_met)]));
  if (follow) scrollDown();
  byId("business-state").textContent = answer.typing ? words.typing : setup.numbers.find((one) => one.slug === state.number).display;
  byId("person-window").textContent = windowText(answer.window_minutes);
  byId("offers").textContent = answer.marketing_stopped ? words.resume_offers : words.stop_offers;
}

function windowText(minutes) {
  if (minutes <= 0) return words.window_shut;
  const left = minutes >= 60 ? words.hours.replace("{h}", Math.floor(minutes / 60)).replace("{m}", minutes % 60) : words.minutes.replace("{m}", minutes);
  return words.window_open.replace("{time}", left);
}

function nearBottom() {
  const box = byId("chat");
  return box.scrollHeight - box.scrollTop - box.clientHeight < 160;
}

function scrollDown() {
  const box = byId("chat");
  box.scrollTop = box.scrollHeight;
  for (const picture of box.querySelectorAll("img")) if (!picture.complete) picture.addEventListener("load", () => (box.scrollTop = box.scrollHeight), { once: true });
}

// ---- what the customer does ----
async function doAct(fields) {
  if (!state.person) return false;
  let done = false;
  await attempt(async () => {
    await tell("send/", { number: state.number, person: state.person.id, ...(state.quote ? { reply_to: state.quote.id } : {}), ...fields });
    done = true;
    quote(null);
    await loadChat();
    scrollDown();
    await loadPeople();
  });
  return done;
}

const say = (text) => doAct({ act: "text", text });

function quote(bubble) {
  state.quote = bubble;
  byId("quote-bar").hidden = !bubble;
  byId("quote-text").textContent = bubble ? bubble.text || bubble.filename || bubble.place?.name || bubble.kind : "";
  if (bubble) byId("text").focus();
}

const act = {
  quote,
  attach: () => byId("attach-dialog").showModal(),
  tap: (bubble, choice) => doAct({ act: "tap", target: bubble.id, choice }),
  react(bubble) {
    emojiPicker((emoji) => doAct({ act: "react", target: bubble.id, emoji }), bubble.reactions.length > 0);
  },
  openList(bubble) {
    byId("list-title").textContent = bubble.list.title;
    const rows = bubble.list.sections.flatMap((section) => [
      section.title ? el("h3", {}, section.title) : null,
      ...section.rows.map((row) => el("button", { type: "button", class: "choice", onclick: () => (byId("list-dialog").close(), act.tap(bubble, row.id)) }, el("b", {}, row.title), row.description ? el("small", {}, row.description) : null)),
    ]);
    byId("list-rows").replaceChildren(...rows.filter(Boolean));
    byId("list-dialog").showModal();
  },
  shop(bubble, title, sections) {
    const { currency } = setup.numbers.find((one) => one.slug === state.number);
    const send = (items, note) => doAct({ act: "order", target: bubble.id, items: JSON.stringify(items), note });
    openShop({ title, sections, goods: setup.shop, currency, words, send });
  },
};

function emojiPicker(chosen, withdraw = false) {
  const close = () => picker.remove();
  const buttons = EMOJI.map((emoji) => el("button", { type: "button", onclick: () => (close(), chosen(emoji)) }, emoji));
  if (withdraw) buttons.push(el("button", { type: "button", onclick: () => (close(), chosen("")) }, "✕"));
  document.querySelector(".emoji-picker")?.remove();
  const picker = el("div", { class: "emoji-picker" }, buttons);
  document.querySelector(".phone").append(picker);
}

// ---- wiring ----
const text = byId("text");
byId("composer").addEventListener("submit", async (event) => {
  event.preventDefault();
  const line = text.value.trim();
  if (!line || !state.person) return;
  text.value = "";
  text.style.height = "";
  // What could not be sent is given back, unless something new has been typed meanwhile.
  if (!(await say(line)) && !text.value) text.value = line;
});
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    byId("composer").requestSubmit();
  }
});
text.addEventListener("input", () => {
  text.style.height = "auto";
  text.style.height = `${Math.min(text.scrollHeight, 120)}px`;
});
byId("emoji").addEventListener("click", () => (document.querySelector(".emoji-picker") ? document.querySelector(".emoji-picker").remove() : emojiPicker((emoji) => ((text.value += emoji), text.focus()))));
byId("attach").addEventListener("click", act.attach);
byId("quote-cancel").addEventListener("click", () => quote(null));
byId("back").addEventListener("click", () => (document.querySelector(".desk").dataset.screen = "list"));
byId("about").addEventListener("click", () => byId("side").classList.toggle("open"));
for (const id of ["search", "country", "unread-only"]) byId(id).addEventListener("input", drawPeople);
for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
byId("language").addEventListener("change", (event) => event.target.form.submit());
byId("new-person").addEventListener("click", () => byId("person-dialog").showModal());
byId("person-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const made = await attempt(() => tell("new/", Object.fromEntries(new FormData(event.target))));
  if (!made) return;
  event.target.reset();
  byId("person-dialog").close();
  await loadPeople();
  await pickPerson(made.id);
});
byId("auto-read").addEventListener("change", (event) => attempt(() => tell("change/", { person: state.person.id, auto_read: event.target.checked ? "1" : "0" })));
byId("offers").addEventListener("click", () => doAct({ act: "offers", stop: state.chat?.marketing_stopped ? "0" : "1" }));
byId("file").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  byId("attach-dialog").close();
  if (file) await doAct({ act: "picture", file, caption: text.value.trim() });
  event.target.value = "";
});
byId("own-place").addEventListener("submit", (event) => {
  event.preventDefault();
  byId("attach-dialog").close();
  doAct({ act: "place", ...Object.fromEntries(new FormData(event.target)) });
});

wireShop();

const staticBase = new URL("./samples/", import.meta.url).pathname;
byId("samples").replaceChildren(
  ...setup.samples.map((sample) => el("button", { type: "button", onclick: () => (byId("attach-dialog").close(), doAct({ act: "picture", sample })) }, el("img", { src: `${staticBase}${sample}.jpg`, alt: sample }))),
);
function every(milliseconds, work) {
  let failing = false;
  const round = async () => {
    if (!document.hidden) {
      try {
        await work();
        if (failing) byId("toast").hidden = true;
        failing = false;
      } catch {
        if (!failing) toast(words.offline);
        failing = true;
      }
    }
    setTimeout(round, milliseconds);
  };
  setTimeout(round, milliseconds);
}

async function begin() {
  drawNumbers();
  drawPerson();
  byId("empty").textContent = words.choose;
  const [number, person] = location.hash.slice(1).split("/");
  if (setup.numbers.some((one) => one.slug === number)) state.number = number;
  await attempt(loadPeople);
  const wanted = state.people.find((card) => String(card.id) === person);
  if (wanted) await pickPerson(wanted.id);
  else if (window.matchMedia("(min-width: 900px)").matches && state.people.length) await pickPerson(state.people[0].id, false);
  const tick = () => (byId("clock").textContent = clockTime(Date.now(), state.person?.zone || "Asia/Hong_Kong"));
  tick();
  setInterval(tick, 10000);
  every(CHAT_EVERY_MS, loadChat);
  every(LIST_EVERY_MS, loadPeople);
}

begin();

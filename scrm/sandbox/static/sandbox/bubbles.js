// A chat's bubbles from the server's plain data.
import { el, rich, safeLink } from "./elements.js";
import { money } from "./shop.js";

const language = document.documentElement.lang;

export function dayKey(at, zone) {
  return new Intl.DateTimeFormat("en-CA", { timeZone: zone, dateStyle: "short" }).format(at);
}

export function dayLabel(at, zone, words) {
  const key = dayKey(at, zone);
  if (key === dayKey(Date.now(), zone)) return words.today;
  if (key === dayKey(Date.now() - 86400000, zone)) return words.yesterday;
  return new Intl.DateTimeFormat(language, { timeZone: zone, dateStyle: "full" }).format(at);
}

export function clockTime(at, zone) {
  return new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" }).format(at);
}

export function render(state, zone, words, act) {
  const nodes = [];
  let day = "";
  for (const bubble of state.bubbles) {
    const key = dayKey(bubble.at, zone);
    if (key !== day) nodes.push(el("p", { class: "day" }, el("span", {}, dayLabel(bubble.at, zone, words))));
    day = key;
    nodes.push(row(bubble, zone, words, act));
  }
  if (state.typing) nodes.push(el("div", { class: "row theirs" }, el("div", { class: "bubble typing", "aria-label": words.typing }, el("i"), el("i"), el("i"))));
  return nodes;
}

function row(bubble, zone, words, act) {
  const body = el("div", { class: `bubble ${bubble.kind}${isBigEmoji(bubble) ? " big-emoji" : ""}` }, quote(bubble, words), media(bubble, words), offer(bubble, words), place(bubble), products(bubble), ordered(bubble), header(bubble), text(bubble), footer(bubble), foot(bubble, zone));
  const tools = el(
    "div",
    { class: "tools" },
    el("button", { type: "button", title: words.react, "aria-label": words.react, onclick: () => act.react(bubble) }, "☺"),
    el("button", { type: "button", title: words.reply, "aria-label": words.reply, onclick: () => act.quote(bubble) }, "↩"),
  );
  const reactions = bubble.reactions.length ? el("span", { class: "reactions" }, bubble.reactions.join(" ")) : null;
  const column = el("div", { class: "column" }, body, reactions, choices(bubble, words, act), cards(bubble, words, act));
  return el("div", { class: `row ${bubble.mine ? "mine" : "theirs"}`, "data-id": bubble.id }, column, tools);
}

function isBigEmoji(bubble) {
  return bubble.kind === "text" && /^(\p{Extended_Pictographic}|\p{Emoji_Component}|\u200d|\ufe0f){1,12}$/u.test(bubble.text) && !/^[\d#*]+$/.test(bubble.text);
}

function quote(bubble, words) {
  if (!bubble.quote) return null;
  return el("div", { class: `quoted${bubble.quote.mine ? " own" : ""}` }, bubble.quote.mine ? el("b", {}, words.you) : null, el("span", {}, bubble.quote.text));
}

function media(bubble, words) {
  if (!bubble.media) return null;
  const kind = bubble.media_kind || bubble.kind;
  const here = bubble.media.startsWith("/");
  if (here && (kind === "image" || kind === "sticker")) return el("a", { class: "picture", href: bubble.media, target: "_blank" }, el("img", { src: bubble.media, alt: bubble.text || kind, loading: "lazy" }));
  if (here && kind === "video") return el("video", { src: bubble.media, controls: true, class: "picture" });
  if (here && kind === "audio") return el("audio", { src: bubble.media, controls: true });
  return el("a", { class: "file", href: safeLink(bubble.media) || bubble.media, target: "_blank", rel: "noreferrer" }, el("span", { class: "file-icon" }, kind === "image" ? "🖼" : "📄"), bubble.filename || words.download);
}

function place(bubble) {
  if (!bubble.place) return null;
  const { name, address, latitude, longitude } = bubble.place;
  return el("div", { class: "place" }, el("div", { class: "map", "aria-hidden": "true" }, el("span", { class: "pin" }, "📍")), el("b", {}, name), el("span", {}, address), el("small", {}, `${latitude}, ${longitude}`));
}

const header = (bubble) => (bubble.header ? el("h4", {}, bubble.header) : null);
const footer = (bubble) => (bubble.footer ? el("small", { class: "footer" }, bubble.footer) : null);
const text = (bubble) => (bubble.text ? el("p", { class: "words" }, rich(bubble.text)) : null);

function foot(bubble, zone) {
  return el("span", { class: "foot" }, el("time", { datetime: new Date(bubble.at).toISOString() }, clockTime(bubble.at, zone)), bubble.tick ? el("span", { class: `tick ${bubble.tick}`, role: "img", "aria-label": bubble.tick }) : null);
}

// A product above the text: its picture is the platform's, here its name and code stand for it.
function products(bubble) {
  if (!bubble.products) return null;
  return el("div", { class: "product" }, bubble.products.map((one) => el("div", {}, el("span", { class: "file-icon" }, "🛍"), el("b", {}, one.name), el("small", {}, one.code))));
}

// The button that leads into the catalogue: to the products that the message names, else to all.
function catalogue(bubble, words, act) {
  const sections = bubble.sections || (bubble.products ? [{ title: "", products: bubble.products }] : null);
  return el("button", { type: "button", onclick: () => act.shop(bubble, bubble.catalogue || words.order, sections) }, "🛒 ", bubble.catalogue || words.order);
}

function ordered(bubble) {
  if (!bubble.ordered) return null;
  const total = bubble.ordered.reduce((all, one) => all + one.quantity * one.price, 0);
  const lines = bubble.ordered.map((one) => el("div", {}, el("span", {}, `${one.quantity} ×`), el("b", {}, one.name), el("small", {}, money(one.price, one.currency))));
  return el("div", { class: "product" }, lines, el("b", { class: "sum" }, money(total, bubble.ordered[0].currency)));
}

function offer(bubble, words) {
  if (!bubble.offer) return null;
  const { text: heading, ends } = bubble.offer;
  const left = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(ends);
  const runs = ends > Date.now() ? `${words.offer_ends} ${left}` : words.offer_over;
  return el("div", { class: "offer" }, el("b", {}, heading), ends ? el("span", { class: ends > Date.now() ? "" : "over" }, runs) : null, (bubble.codes || []).map((code) => el("span", {}, code)));
}

// A carousel's cards, to be pushed aside with a finger; a tap on one of their replies names the card.
function cards(bubble, words, act) {
  if (!bubble.cards) return null;
  const made = bubble.cards.map((card) => el("div", { class: "one-card" }, media({ ...card, kind: "card" }, words), products(card), text(card), choices({ ...card, id: bubble.id }, words, act)));
  return el("div", { class: "cards", tabindex: "0", role: "group" }, made);
}

function choices(bubble, words, act) {
  const buttons = (bubble.buttons || []).map((button) => el("button", { type: "button", onclick: () => act.tap(bubble, button.choice) }, "↩ ", button.title));
  for (const link of bubble.links || []) {
    const href = safeLink(link.url);
    if (href) buttons.push(el("a", { href, target: "_blank", rel: "noreferrer noopener" }, "↗ ", link.title));
  }
  for (const code of bubble.codes || []) buttons.push(el("button", { type: "button", onclick: () => navigator.clipboard?.writeText(code) }, "⧉ ", `${words.copy_code}: ${code}`));
  if (bubble.catalogue || bubble.products) buttons.push(catalogue(bubble, words, act));
  if (bubble.list) buttons.push(el("button", { type: "button", onclick: () => act.openList(bubble) }, "☰ ", bubble.list.title));
  if (bubble.asks_location) buttons.push(el("button", { type: "button", onclick: () => act.attach() }, "📍 ", words.share_location));
  return buttons.length ? el("div", { class: "choices" }, buttons) : null;
}

// The composer: drafts, quick replies, emoji, files, places, choices, templates, notes, and one idempotency key a message.
import { startAnswers } from "./answers.js";
import { keepApart } from "./files.js";

const EMOJI = "😀 😄 😊 🙂 😉 😍 😅 😂 🤔 😢 😮 😡 👍 👌 👏 🙏 🙇 🙇‍♀️ 🤝 💪 👋 ✌️ ❤️ 💛 💚 💙 🎉 🎁 🌸 ⭐ ✨ 🔥 ✅ ❌ ⚠️ ❓ 📦 🚚 🏠 🛒 💳 💰 🧾 📷 📞 ✉️ ⏰ 📅 ☀️ ☔ 🍵 🍜".split(" ");
const TYPING = 5000;
// The customer's phone shows "typing" for 25 seconds after it was told.
const TELL_TYPING_EVERY = 20000;
let typedAt = 0;

export const isTyping = () => Date.now() - typedAt < TYPING;

// Notes and replies have drafts of their own: words for colleagues must never turn up in the reply.
const draftKey = (id, mode) => `scrm-draft-${id}-${mode === "note" ? "note" : "text"}`;

export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// Each {{place}} of a bubble becomes a mark that knows its place; done once.
function markPlaces(chat) {
  const walker = document.createTreeWalker(chat, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  for (const node of nodes) {
    const parts = node.data.split(/(\{\{\w+\}\})/);
    if (parts.length === 1) continue;
    node.replaceWith(...parts.map((part) => {
      const place = /^\{\{(\w+)\}\}$/.exec(part);
      if (!place) return part;
      const mark = document.createElement("mark");
      mark.dataset.place = place[1];
      return mark;
    }));
  }
}

export function startComposer(box, page) {
  const form = box?.querySelector("form.ix-composer");
  if (form) new Composer(form, page);
}

class Composer {
  constructor(form, page) {
    this.form = form;
    this.page = page;
    this.text = form.elements.text;
    this.file = form.elements.file;
    keepApart(form);
    this.sending = false;
    this.replies = null;
    this.chosen = 0;
    this.toldTyping = 0;
    this.part = (name) => form.querySelector(`#ix-${name}`);
    this.answers = startAnswers(this.part("choice"));
    this.listen();
    this.setMode(form.dataset.mode, false);
    this.grow();
  }

  listen() {
    const on = (name, work) => this.form.addEventListener(name, work);
    on("submit", (event) => { event.preventDefault(); this.send(event.submitter); });
    // Enter in the field of the time means that time, never "send now".
    this.part("when").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !event.target.matches("input")) return;
      event.preventDefault();
      this.part("when").querySelector('button[value="at"]').click();
    });
    on("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing || event.defaultPrevented) return;
      event.preventDefault();
      this.send();
    });
    on("input", () => { if (this.mode !== "note") this.page.claim(); });
    on("click", (event) => this.click(event));
    on("dragover", (event) => event.preventDefault());
    on("drop", (event) => { event.preventDefault(); this.attach(event.dataTransfer.files[0]); });
    this.text.addEventListener("input", () => this.typed());
    this.text.addEventListener("keydown", (event) => this.key(event));
    this.text.addEventListener("paste", (event) => {
      const file = event.clipboardData.files[0];
      if (file && this.file) { event.preventDefault(); this.attach(file); }
    });
    this.text.addEventListener("blur", () => setTimeout(() => this.suggest([]), 150));
    this.file?.addEventListener("change", () => this.showFile());
    document.getElementById("ix-messages").onclick = (event) => this.quote(event.target.closest("[data-reply]"));
  }

  get mode() { return this.form.elements.mode.value; }

  // --- kinds of message

  setMode(mode, focus = true) {
    this.text.value = this.draft(mode);
    this.form.elements.mode.value = mode;
    this.form.dataset.now = mode;
    for (const name of ["location", "choice"]) {
      const made = this.part(name);
      if (made) made.hidden = made.disabled = mode !== name;
    }
    for (const button of this.form.querySelectorAll("[data-mode-to]")) button.setAttribute("aria-pressed", String(button.dataset.modeTo === mode));
    this.text.placeholder = mode === "note" ? this.text.dataset.notePlaceholder : (this.plain ??= this.text.placeholder);
    this.form.querySelector("[data-send-word]").hidden = mode === "note";
    this.form.querySelector("[data-note-word]").hidden = mode !== "note";
    this.part("templates").hidden = mode !== "template";
    if (mode === "template") this.loadTemplates(focus);
    else {
      this.freeze();
      if (focus) (mode === "location" ? this.form.elements.point : this.text).focus();
    }
    this.grow();
    this.judge();
  }

  freeze() {
    for (const set of this.form.querySelectorAll(".ix-blanks")) set.disabled = true;
  }

  async loadTemplates(focus) {
    const box = this.part("templates");
    if (!box.childElementCount) {
      const answer = await fetch(this.form.dataset.templates);
      if (!answer.ok) return;
      box.innerHTML = await answer.text();
      keepApart(box);
      box.addEventListener("input", () => this.showTemplate());
    }
    this.showTemplate();
    if (focus) this.form.querySelector("#ix-template")?.focus();
  }

  showTemplate() {
    const select = this.form.querySelector("#ix-template");
    if (!select) return;
    for (const set of this.form.querySelectorAll(".ix-blanks")) {
      set.hidden = set.disabled = set.dataset.template !== select.value;
      if (!set.disabled) this.showPreview(set);
    }
    if (this.judged !== select.value) { this.judged = select.value; this.judge(); }
  }

  // What is typed comes into the bubble as text, never as markup.
  showPreview(set) {
    const values = new Map([...set.querySelectorAll("input:not([type=file])")].map((input) => [input.dataset.label, input.value]));
    for (const chat of this.part("preview").children) {
      chat.hidden = chat.dataset.previewOf !== set.dataset.template;
      if (chat.hidden) continue;
      markPlaces(chat);
      for (const mark of chat.querySelectorAll("mark")) mark.textContent = values.get(mark.dataset.place) || "…";
    }
  }

  async judge() {
    const strip = this.part("verdict");
    if (this.mode === "note") { strip.hidden = true; return; }
    const option = this.form.querySelector("#ix-template")?.selectedOptions[0];
    if (this.mode === "template" && !option) return;
    const query = this.mode === "template" ? `kind=template&category=${option.dataset.category}` : "kind=text";
    const answer = await fetch(`${this.form.dataset.verdict}?${query}`);
    // Redirected: to the log-in, which has ended.
    if (!answer.ok || answer.redirected) return;
    const said = await answer.json();
    if (this.mode === "note") return;
    strip.querySelector("summary span").textContent = said.words;
    strip.querySelector("ul").replaceChildren(...said.counters.map((line) => {
      const item = document.createElement("li");
      item.textContent = line;
      return item;
    }));
    strip.className = `ix-verdict ${said.verdict}`;
    strip.hidden = false;
  }

  // --- writing

  typed() {
    typedAt = Date.now();
    this.grow();
    this.keepDraft();
    this.tellTyping();
    const left = this.text.maxLength - this.text.value.length;
    this.part("left").textContent = left < 300 ? String(left) : "";
    this.offerReplies();
  }

  // Not for notes, nor for words that may never go.
  tellTyping() {
    const { typing, mode } = this.form.dataset;
    if (!typing || mode !== "text" || this.mode === "note" || !this.text.value.trim() || typedAt - this.toldTyping < TELL_TYPING_EVERY) return;
    this.toldTyping = typedAt;
    this.page.post(typing, new FormData(), true);
  }

  grow() {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight + 2, 220)}px`;
  }

  key(event) {
    // While an input method composes (Japanese, Chinese), Enter chooses a candidate; Safari reports 229 just after it.
    if (event.isComposing || event.keyCode === 229) return;
    const list = this.part("suggest");
    if (!list.hidden && ["ArrowDown", "ArrowUp", "Enter", "Tab", "Escape"].includes(event.key)) {
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Escape") this.suggest([]);
      else if (event.key.startsWith("Arrow")) this.move(event.key === "ArrowDown" ? 1 : -1);
      else this.take(list.children[this.chosen]);
      return;
    }
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) { event.preventDefault(); this.send(); }
  }

  insert(words) {
    this.text.setRangeText(words, this.text.selectionStart, this.text.selectionEnd, "end");
    this.text.focus();
    this.typed();
  }

  // --- quick replies

  async offerReplies() {
    const slash = /^\/(\S*)$/.exec(this.text.value);
    if (!slash || this.mode !== "text") { this.suggest([]); return; }
    if (!this.replies) {
      this.replies = [];
      const answer = await fetch(this.form.dataset.replies);
      if (answer.ok && !answer.redirected) {
        const said = await answer.json();
        this.replies = [...said.replies, ...said.macros];
      }
    }
    const wanted = (/^\/(\S*)$/.exec(this.text.value)?.[1] ?? "\u0000").toLowerCase();
    this.suggest(this.replies.filter((reply) => `${reply.shortcut} ${reply.title}`.toLowerCase().includes(wanted)).slice(0, 40));
  }

  suggest(replies) {
    const list = this.part("suggest");
    this.chosen = 0;
    list.replaceChildren(...replies.map((reply, at) => {
      const item = document.createElement("li");
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", String(at === 0));
      item.reply = reply;
      const name = document.createElement("b");
      name.textContent = `${reply.macro ? "▶ " : ""}/${reply.shortcut}`;
      const words = document.createElement("span");
      words.textContent = `${reply.title} · ${reply.text}`;
      item.append(name, words);
      item.addEventListener("mousedown", (event) => { event.preventDefault(); this.take(item); });
      return item;
    }));
    list.hidden = replies.length === 0;
  }

  move(by) {
    const items = [...this.part("suggest").children];
    items[this.chosen].setAttribute("aria-selected", "false");
    this.chosen = (this.chosen + by + items.length) % items.length;
    items[this.chosen].setAttribute("aria-selected", "true");
    items[this.chosen].scrollIntoView({ block: "nearest" });
  }

  take(item) {
    if (!item) return;
    if (item.reply.macro) { this.useMacro(item.reply); return; }
    this.text.value = item.reply.text;
    this.form.elements.quick_reply.value = item.reply.id;
    this.suggest([]);
    this.text.focus();
    this.grow();
    this.keepDraft();
  }

  // All of its actions at once; the key is this choice's own, so that a broken line does not make it two.
  async useMacro(macro) {
    if (this.sending) return;
    this.sending = true;
    this.suggest([]);
    const body = new FormData();
    macro.key ??= newKey();
    body.append("key", macro.key);
    const said = await this.page.post(`${this.page.url}macros/${macro.macro}/`, body);
    this.sending = false;
    if (!said) return;
    delete macro.key;
    this.text.value = "";
    this.keepDraft();
    this.grow();
    this.page.toast(said.notice);
    if (said.closed) await this.page.goOn();
    await this.page.refresh();
  }

  // --- drafts

  draft(mode) {
    try { return localStorage.getItem(draftKey(this.page.id, mode)) || ""; } catch { return ""; }
  }

  keepDraft() {
    try {
      if (this.text.value) localStorage.setItem(draftKey(this.page.id, this.mode), this.text.value);
      else localStorage.removeItem(draftKey(this.page.id, this.mode));
    } catch { /* storage is off or full: the text is still in the field */ }
  }

  // --- file, quote, emoji

  attach(file) {
    if (!file || !this.file || this.mode !== "text") return;
    const carrier = new DataTransfer();
    carrier.items.add(file);
    this.file.files = carrier.files;
    this.showFile();
  }

  showFile() {
    const file = this.file?.files[0];
    const box = this.part("attached");
    const image = box.querySelector("img");
    if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
    box.hidden = !file;
    image.removeAttribute("src");
    if (!file) return;
    const picture = file.type.startsWith("image/");
    image.hidden = !picture;
    box.querySelector(".material-symbols-outlined").hidden = picture;
    if (picture) image.src = URL.createObjectURL(file);
    box.querySelector("[data-file-name]").textContent = `${file.name} · ${Math.ceil(file.size / 1024).toLocaleString()} kB`;
    this.text.focus();
  }

  quote(button) {
    const box = this.part("quoting");
    if (button) {
      this.form.elements.reply_to.value = button.dataset.reply;
      box.querySelector("span:not(.material-symbols-outlined)").textContent = button.dataset.words || "…";
      box.hidden = false;
      this.text.focus();
    }
  }

  unquote() {
    this.form.elements.reply_to.value = "";
    this.part("quoting").hidden = true;
  }

  toggleEmoji() {
    const box = this.part("emoji");
    if (!box.childElementCount) {
      box.append(...EMOJI.map((face) => {
        const button = document.createElement("button");
        button.type = "button";
        button.dataset.face = face;
        button.textContent = face;
        return button;
      }));
    }
    box.hidden = !box.hidden;
    this.form.querySelector("[data-emoji]").setAttribute("aria-expanded", String(!box.hidden));
  }

  toggleWhen(open = this.part("when").hidden) {
    this.part("when").hidden = !open;
    this.form.querySelector("[data-when]").setAttribute("aria-expanded", String(open));
    if (open) this.part("when").querySelector("button").focus();
  }

  click(event) {
    const target = event.target.closest("button");
    if (!target) return;
    if (target.dataset.modeTo) this.setMode(target.dataset.modeTo === this.mode ? this.form.dataset.mode : target.dataset.modeTo);
    else if (target.dataset.face) this.insert(target.dataset.face);
    else if (target.dataset.when !== undefined) this.toggleWhen();
    else if (target.dataset.emoji !== undefined) this.toggleEmoji();
    else if (target.dataset.unquote !== undefined) this.unquote();
    else if (target.dataset.detach !== undefined) { this.file.value = ""; this.showFile(); }
    else if (target.dataset.slash !== undefined && !this.text.value) { this.insert("/"); }
  }

  // --- sending: the key changes only after success, so that pressing twice, or again after a broken line, is one message

  async send(button = null) {
    const later = button?.name === "when";
    if (later && button.value === "at" && !this.form.elements.send_on.value) { this.form.elements.send_on.focus(); return; }
    if (this.sending || !this.form.reportValidity()) return;
    const words = this.text.value.trim();
    if (["note", "choice", "text"].includes(this.mode) && !words && !(this.mode === "text" && this.file?.files.length)) { this.text.focus(); return; }
    this.sending = true;
    this.form.classList.add("busy");
    const sent = this.text.value;
    const body = new FormData(this.form);
    if (later) body.append("when", button.value);
    const shown = [...document.querySelectorAll("#ix-messages article")].map((node) => Number(node.id.slice(1))).filter(Boolean);
    if (!later) body.append("seen", Math.max(0, ...shown));
    let said = await this.page.post(this.form.action, body);
    if (said?.ask) {
      // A colleague was faster; the thread shows their answer behind the question.
      await this.page.refresh();
      body.append("anyway", "1");
      said = confirm(said.ask) ? await this.page.post(this.form.action, body) : null;
    }
    this.sending = false;
    this.form.classList.remove("busy");
    if (!said) return;
    this.form.elements.idempotency_key.value = newKey();
    this.clear(sent);
    typedAt = 0;
    if (said.notice) this.page.toast(said.notice, said.state === "blocked");
    await this.page.refresh();
    this.judge();
  }

  clear(sent) {
    // What was typed while the message was on its way is the beginning of the next one.
    if (this.text.value.startsWith(sent)) this.text.value = this.text.value.slice(sent.length);
    this.form.elements.quick_reply.value = "";
    if (this.file) { this.file.value = ""; this.showFile(); }
    for (const field of this.form.querySelectorAll("#ix-location input")) field.value = "";
    this.answers?.clear();
    this.unquote();
    this.toldTyping = 0;
    this.keepDraft();
    if (["location", "choice"].includes(this.mode)) this.setMode(this.form.dataset.mode);
    this.part("emoji").hidden = true;
    this.form.elements.send_on.value = "";
    this.toggleWhen(false);
    this.grow();
  }
}

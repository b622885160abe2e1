// The template editor: shows what belongs to the chosen kinds, counts characters, and has the server draw the phone while one writes.

import "./files.js";
import { Cards } from "./template_cards.js";

const form = document.getElementById("tp-form");
const WAIT = 250;
const FILES = ["IMAGE", "VIDEO", "DOCUMENT"];
// The platform writes the words of buttons that show products.
const WITH_TEXT = ["QUICK_REPLY", "URL", "PHONE_NUMBER", "FLOW", "OTP"];
const VALUE_WORDS = { URL: "url", PHONE_NUMBER: "phone", COPY_CODE: "code", FLOW: "flow" };
const PLACE = /\{\{\s*\w+\s*\}\}/;

class Editor {
  constructor(form) {
    this.form = form;
    this.rows = [...form.querySelectorAll("[data-row]")];
    this.cards = new Cards(form, () => this.changed());
    this.timer = 0;
    this.asked = 0;
    this.open = Math.max(0, ...this.rows.map((row, index) => (this.kindOf(row) ? index + 1 : 0)));
    for (const hidden of form.querySelectorAll("[data-add], [data-variable], [data-remove]")) hidden.hidden = false;
    form.addEventListener("input", () => this.changed());
    form.addEventListener("change", () => this.changed());
    form.addEventListener("click", (event) => this.pressed(event));
    form.addEventListener("submit", (event) => this.once(event));
    this.arrange();
    this.mark();
  }

  kindOf(row) {
    return row.querySelector("select").value;
  }

  changed() {
    this.arrange();
    // An answer that is on its way knows nothing of what is being typed: it would put the old words back.
    this.asked++;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.preview(), WAIT);
  }

  pressed(event) {
    const button = event.target.closest("button");
    if (!button || this.cards.pressed(button)) return;
    if ("add" in button.dataset) this.addButton();
    if ("remove" in button.dataset) this.removeButton(button.closest("[data-row]"));
    if ("variable" in button.dataset) this.addVariable();
  }

  // A second press while the first is under way must not post twice; the server would notice, the person would be confused.
  once(event) {
    if (this.sent) event.preventDefault();
    this.sent = true;
    setTimeout(() => (this.sent = false), 20000);
  }

  addButton() {
    this.open = Math.min(this.open + 1, this.rows.length);
    const row = this.rows[this.open - 1];
    if (!this.kindOf(row)) row.querySelector("select").value = "QUICK_REPLY";
    this.changed();
    row.querySelector("select").focus();
  }

  removeButton(row) {
    const from = this.rows.indexOf(row);
    for (let index = from; index < this.rows.length - 1; index++) this.copyRow(this.rows[index + 1], this.rows[index]);
    for (const field of this.rows.at(-1).querySelectorAll("input, select")) field.value = "";
    this.open = Math.max(0, this.open - 1);
    this.changed();
  }

  copyRow(from, to) {
    const source = from.querySelectorAll("input, select");
    to.querySelectorAll("input, select").forEach((field, index) => (field.value = source[index].value));
  }

  addVariable() {
    const body = this.form.elements.body;
    const numbers = [...body.value.matchAll(/\{\{\s*(\d+)\s*\}\}/g)].map((found) => Number(found[1]));
    const at = body.selectionEnd;
    body.setRangeText(`{{${Math.max(0, ...numbers) + 1}}}`, at, at, "end");
    body.focus();
    this.changed();
  }

  arrange() {
    const { category, header_format: header, layout } = this.form.elements;
    const code = category.value === "AUTHENTICATION";
    for (const part of this.form.querySelectorAll("[data-part]")) part.hidden = (part.dataset.part === "code") !== code;
    // A layout has its own parts: "" is the plain message.
    for (const part of this.form.querySelectorAll("[data-layouts]")) part.hidden = (code && "part" in part.dataset) || !part.dataset.layouts.split(" ").includes(layout.value);
    for (const field of this.form.querySelectorAll("[data-header]")) {
      field.hidden = layout.value === "CARDS" || (field.dataset.header === "FILE" ? !FILES.includes(header.value) : header.value !== field.dataset.header);
    }
    this.cards.arrange();
    this.rows.forEach((row, index) => this.arrangeRow(row, index));
    const add = this.form.querySelector("[data-add]");
    add.hidden = this.open >= this.rows.length;
    // The end of an offer has no source to choose: hours are written.
    for (const source of this.form.querySelectorAll(".tp-variable [data-source]")) {
      source.closest(".tp-variable").querySelector("[data-custom]").hidden = source.value !== "contact.custom.";
    }
    this.count();
  }

  arrangeRow(row, index) {
    row.hidden = index >= this.open;
    const kind = this.kindOf(row);
    const value = row.querySelector("[data-has='value'] input");
    row.querySelector("[data-has='text']").hidden = !WITH_TEXT.includes(kind);
    row.querySelector("[data-has='value']").hidden = !(kind in VALUE_WORDS);
    row.querySelector("[data-has='example']").hidden = kind !== "URL" || !PLACE.test(value.value);
    const label = row.querySelector("[data-value-label]");
    if (kind in VALUE_WORDS) label.textContent = label.dataset[VALUE_WORDS[kind]];
  }

  count() {
    for (const counter of this.form.querySelectorAll("[data-count]")) {
      const field = counter.parentElement.querySelector("input, textarea");
      const length = field.value.length;
      const most = (this.form.elements.layout.value === "OFFER" && counter.dataset.countOffer) || counter.dataset.count;
      counter.textContent = length ? `${length} / ${most}` : "";
      counter.classList.toggle("over", length > Number(most));
    }
  }

  async preview() {
    const asked = ++this.asked;
    const body = new FormData(this.form);
    // The files themselves are not needed to draw their places; that they were chosen is.
    for (const file of this.form.querySelectorAll("input[type='file']")) {
      if (file.files.length) body.set(file.name, new Blob(["."]), file.files[0].name);
      else body.delete(file.name);
    }
    for (const field of this.form.querySelectorAll("fieldset:disabled [name]")) body.set(field.name, field.value);
    const answer = await fetch(this.form.dataset.preview, { method: "POST", body, headers: { "X-Requested-With": "fetch" } }).catch(() => null);
    if (!answer?.ok || answer.redirected || asked !== this.asked) return;
    this.show(await answer.json());
  }

  show(drawn) {
    document.getElementById("tp-phone").innerHTML = drawn.phone;
    const box = document.getElementById("tp-variables");
    const places = [...box.querySelectorAll("[name^='fallback_']")].map((field) => field.name.slice(9)).join(" ");
    // Only when there are other places: who types an example keeps the cursor.
    if (places !== drawn.places) box.innerHTML = drawn.variables;
    this.arrange();
    this.mark();
  }

  // Fields with a finding get a red frame.
  mark() {
    const wrong = new Set([...document.querySelectorAll("[data-findings] .tp-bad")].map((item) => item.dataset.field));
    for (const field of this.form.querySelectorAll("[data-for]")) field.classList.toggle("tp-wrong", this.touched(field) && wrong.has(field.dataset.for));
  }

  touched(field) {
    return [...field.querySelectorAll("input, textarea")].some((input) => input.value);
  }
}

if (form) new Editor(form);

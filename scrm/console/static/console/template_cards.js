// The cards of a carousel in the template editor: as many as are wanted, each with the parts that all of them have.

const VALUES = { URL: "url", PHONE_NUMBER: "phone" };
const PLACE = /\{\{\s*\w+\s*\}\}/;
const LEAST = 2;

export class Cards {
  constructor(form, changed) {
    this.form = form;
    this.changed = changed;
    this.rows = [...form.querySelectorAll("[data-card]")];
    this.kinds = [...form.querySelectorAll("[data-card-kind]")];
    this.open = Math.max(LEAST, ...this.rows.map((row, index) => (this.filled(row) ? index + 1 : 0)));
    for (const hidden of form.querySelectorAll("[data-card-add], [data-card-remove]")) hidden.hidden = false;
  }

  fields(row) {
    return [...row.querySelectorAll("input, textarea")];
  }

  filled(row) {
    return this.fields(row).some((field) => field.value);
  }

  get format() {
    return this.form.elements.cards_format.value;
  }

  // Cards of products hold nothing but their button: as many as are asked for.
  get shown() {
    return this.format === "PRODUCT" ? Number(this.form.elements.cards_count.value) || LEAST : this.open;
  }

  // Whether the press was one of ours.
  pressed(button) {
    if ("cardAdd" in button.dataset) this.add();
    else if ("cardRemove" in button.dataset) this.remove(button.closest("[data-card]"));
    else return false;
    this.changed();
    return true;
  }

  add() {
    this.open = Math.min(this.open + 1, this.rows.length);
    this.rows[this.open - 1].hidden = false;
    this.rows[this.open - 1].querySelector("input[type='file']").focus();
  }

  remove(row) {
    const from = this.rows.indexOf(row);
    for (let index = from; index < this.rows.length - 1; index++) this.copy(this.rows[index + 1], this.rows[index]);
    const last = this.rows.at(-1);
    for (const field of this.fields(last)) field.value = "";
    last.querySelector("[data-filename]").textContent = "";
    this.moveVariables(from);
    this.open = Math.max(LEAST, this.open - 1);
  }

  copy(from, to) {
    const source = this.fields(from);
    this.fields(to).forEach((field, index) => (field.type === "file" ? (field.files = source[index].files) : (field.value = source[index].value)));
    to.querySelector("[data-filename]").textContent = from.querySelector("[data-filename]").textContent;
  }

  // Examples and sources of the cards behind the removed one move with them.
  moveVariables(from) {
    for (const field of this.form.querySelectorAll("#tp-variables [name]")) {
      const name = /^(example|source|custom|fallback)_card_(\d+)_(.+)$/.exec(field.name);
      if (!name || Number(name[2]) < from) continue;
      if (Number(name[2]) === from) field.removeAttribute("name");
      else field.name = `${name[1]}_card_${Number(name[2]) - 1}_${name[3]}`;
    }
  }

  arrange() {
    const products = this.format === "PRODUCT";
    for (const part of this.form.querySelectorAll("[data-cards]")) part.hidden = !part.dataset.cards.split(" ").includes(this.format);
    this.rows.forEach((row, index) => {
      row.hidden = index >= this.shown || (products && this.kinds.every((kind) => kind.value in { "": 1, SPM: 1 }));
      for (const part of row.querySelectorAll("[data-card-button]")) this.arrangeButton(part, this.kinds[part.dataset.cardButton].value);
    });
    this.form.querySelector("[data-card-add]").hidden = products || this.open >= this.rows.length;
    for (const button of this.form.querySelectorAll("[data-card-remove]")) button.hidden = products || this.open <= LEAST;
  }

  arrangeButton(part, kind) {
    part.hidden = !kind || kind === "SPM";
    const value = part.querySelector("[data-has='value']");
    value.hidden = !(kind in VALUES);
    part.querySelector("[data-has='example']").hidden = kind !== "URL" || !PLACE.test(value.querySelector("input").value);
    const label = part.querySelector("[data-value-label]");
    if (kind in VALUES) label.textContent = label.dataset[VALUES[kind]];
  }
}

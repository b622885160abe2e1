// Conditions as rows of choices: what is asked, how, with what. The field keeps the text that is sent; what stands inside one another stays text.
const LISTS = ["in", "not_in"];

function element(tag, attributes = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
  made.append(...inside);
  return made;
}

function choice(label, entries, value, look) {
  const made = element("select", { "aria-label": label, class: look });
  // A value that is not on offer any more, such as that of a removed tag, is kept until somebody chooses another.
  if (value !== undefined && !entries.some(([key]) => key === value)) entries = [[value, value], ...entries];
  made.append(...entries.map(([key, words]) => element("option", { value: key }, words)));
  if (value !== undefined) made.value = value;
  return made;
}

// {join, leaves}, or null where it is no plain list.
function flat(tree, terms) {
  const known = (leaf) => leaf && terms.has(leaf.term);
  if (!tree || typeof tree !== "object" || Array.isArray(tree)) return null;
  if (!Object.keys(tree).length) return { join: "all", leaves: [] };
  if (known(tree)) return { join: "all", leaves: [tree] };
  for (const join of ["all", "any"]) if (Array.isArray(tree[join]) && tree[join].every(known)) return { join, leaves: tree[join] };
  return null;
}

class Conditions {
  constructor(area) {
    this.area = area;
    const { terms, words } = JSON.parse(area.dataset.conditions);
    this.terms = new Map(terms.map((term) => [term.name, term]));
    this.words = words;
    this.look = "cd-field";
    this.box = element("div", { class: "cd" });
    area.before(this.box);
    this.help = area.closest(".form-row, .field-conditions, .group")?.querySelector(".leading-relaxed");
    this.show(this.parse() !== null);
  }

  parse() {
    try { return flat(JSON.parse(this.area.value.trim() || "{}"), this.terms); } catch { return null; }
  }

  show(rows) {
    const found = rows ? this.parse() : null;
    this.area.hidden = Boolean(found);
    if (this.help) this.help.hidden = Boolean(found);
    this.box.replaceChildren();
    const other = element("button", { type: "button", class: "cd-link" }, found ? this.words.text : this.words.rows);
    other.addEventListener("click", () => this.show(!found));
    if (!found) {
      if (rows) this.box.append(element("p", { class: "console-dim", role: "status" }, this.words.nested));
      this.box.append(other);
      return;
    }
    this.join = choice(this.words.all, [["all", this.words.all], ["any", this.words.any]], found.join, this.look);
    this.none = element("p", { class: "console-dim" }, this.words.none);
    this.rows = element("div", { class: "cd-rows" });
    const add = element("button", { type: "button", class: "cd-button" }, this.words.add);
    add.addEventListener("click", () => { this.add({ term: this.terms.keys().next().value }).querySelector("select").focus(); this.write(); });
    this.box.append(this.join, this.none, this.rows, element("p", { class: "cd-acts" }, add, other));
    for (const leaf of found.leaves) this.add(leaf);
    this.box.oninput = () => this.write();
    this.count();
  }

  add(leaf) {
    const row = element("div", { class: "cd-row" });
    const term = choice(this.words.term, [...this.terms.values()].map((each) => [each.name, each.label]), leaf.term, this.look);
    const rest = element("div", { class: "cd-rest" });
    const remove = element("button", { type: "button", class: "cd-remove", "aria-label": this.words.remove, title: this.words.remove });
    remove.append(element("span", { class: "material-symbols-outlined", "aria-hidden": "true" }, "close"));
    remove.addEventListener("click", () => { row.remove(); this.write(); this.box.querySelector(".cd-button").focus(); });
    term.addEventListener("change", () => { this.fill(rest, { term: term.value }); this.write(); });
    row.append(term, rest, remove);
    this.fill(rest, leaf);
    this.rows.append(row);
    return row;
  }

  // The operator, the value and the term's own settings.
  fill(rest, leaf) {
    const known = this.terms.get(leaf.term);
    const op = choice(this.words.op, known.ops, leaf.op ?? known.ops[0][0], this.look);
    op.dataset.part = "op";
    op.addEventListener("change", () => {
      const now = rest.querySelector("[data-part=value]");
      now.replaceWith(this.value(known, op.value, LISTS.includes(op.value) ? [now.value] : now.value.split(",")[0]));
      this.write();
    });
    const settings = known.options.map((option) => {
      const stored = leaf[option.name] === undefined ? undefined : String(leaf[option.name]);
      const field = option.choices.length ? choice(option.label, [["", option.label], ...option.choices], stored ?? "", this.look) : this.input(option.type, option.label, stored);
      field.required = true;
      field.title = option.label;
      field.dataset.option = option.name;
      return field;
    });
    rest.replaceChildren(op, this.value(known, op.value, leaf.value), ...settings);
  }

  value(known, op, given) {
    const several = LISTS.includes(op);
    const text = given === undefined ? undefined : Array.isArray(given) ? given.join(", ") : String(given);
    const made = known.choices.length && !several
      ? choice(this.words.value, known.choices, text || known.choices[0][0], this.look)
      : this.input(known.type, several ? this.words.list : this.words.value, text);
    made.dataset.part = "value";
    return made;
  }

  input(type, label, value) {
    const number = type === "number";
    const made = element("input", { type: number ? "number" : "text", step: number ? "any" : undefined, required: "", placeholder: label, "aria-label": label, class: this.look });
    if (value !== undefined) made.value = value;
    return made;
  }

  read(row) {
    const known = this.terms.get(row.querySelector("select").value);
    const op = row.querySelector("[data-part=op]").value;
    const said = row.querySelector("[data-part=value]").value.trim();
    const leaf = { term: known.name, op, value: said };
    if (known.type === "yes_no") leaf.value = said === "true";
    else if (known.type === "number") leaf.value = said === "" ? "" : Number(said);
    else if (LISTS.includes(op)) leaf.value = said.split(/[,、，]/).map((word) => word.trim()).filter(Boolean);
    for (const field of row.querySelectorAll("[data-option]")) leaf[field.dataset.option] = field.type === "number" ? Number(field.value) : field.value;
    return leaf;
  }

  write() {
    const leaves = [...this.rows.children].map((row) => this.read(row));
    const tree = leaves.length > 1 ? { [this.join.value]: leaves } : leaves[0] ?? {};
    this.area.value = JSON.stringify(tree);
    this.count();
  }

  count() {
    const many = this.rows.childElementCount;
    this.join.hidden = many < 2;
    this.none.hidden = many > 0;
  }
}

document.addEventListener("DOMContentLoaded", () => {
  for (const area of document.querySelectorAll("textarea[data-conditions]")) new Conditions(area);
});

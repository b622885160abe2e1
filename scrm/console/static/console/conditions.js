// Conditions as rows of choices: what is asked, how, with what; groups of them inside one another. The field keeps the text that is sent.
const LISTS = ["in", "not_in"];
// Groups that one can put inside one another here. What was written as text may be deeper and is shown all the same.
const DEEPEST = 3;

function element(tag, attributes = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
  made.append(...inside);
  return made;
}

function choice(label, entries, value, look = "cd-field") {
  const made = element("select", { "aria-label": label, class: look });
  // A value that is not on offer any more, such as that of a removed tag, is kept until somebody chooses another.
  if (value !== undefined && !entries.some(([key]) => key === value)) entries = [[value, value], ...entries];
  made.append(...entries.map(([key, words]) => element("option", { value: key }, words)));
  if (value !== undefined) made.value = value;
  return made;
}

function button(look, words, pressed, icon) {
  const made = element("button", { type: "button", class: look, ...(icon ? { "aria-label": words, title: words } : {}) });
  made.append(icon ? element("span", { class: "material-symbols-outlined", "aria-hidden": "true" }, icon) : words);
  made.addEventListener("click", pressed);
  return made;
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const children = (box) => [...box.querySelector(":scope > .cd-rows").children];

// {join, children}, each child a leaf or such a group; null where rows cannot show it. `join`: all, any, none or some_not.
function grouped(tree, terms) {
  if (!isObject(tree)) return null;
  const keys = Object.keys(tree);
  if (!keys.length) return { join: "all", children: [] };
  if ("term" in tree) return terms.has(tree.term) ? { join: "all", children: [tree] } : null;
  if (keys.length !== 1) return null;
  if (keys[0] === "not") return negated(tree.not, terms);
  if (!["all", "any"].includes(keys[0]) || !Array.isArray(tree[keys[0]])) return null;
  const inside = tree[keys[0]].map((child) => (isObject(child) && "term" in child ? (terms.has(child.term) ? child : null) : grouped(child, terms)));
  return inside.length && !inside.includes(null) ? { join: keys[0], children: inside } : null;
}

function negated(tree, terms) {
  const inside = grouped(tree, terms);
  if (!inside || !inside.children.length) return null;
  if (["none", "some_not"].includes(inside.join)) return { join: "none", children: [inside] };
  return { join: inside.join === "all" && inside.children.length > 1 ? "some_not" : "none", children: inside.children };
}

class Conditions {
  constructor(area) {
    this.area = area;
    const { terms, words } = JSON.parse(area.dataset.conditions);
    this.terms = new Map(terms.map((term) => [term.name, term]));
    this.words = words;
    this.box = element("div", { class: "cd" });
    // Says what happened to those who do not see it.
    this.told = element("p", { class: "cd-unseen", role: "status" });
    area.before(this.box);
    this.help = area.closest(".form-row, .field-conditions, .group")?.querySelector(".leading-relaxed");
    this.box.addEventListener("input", () => this.write());
    this.show(true);
  }

  parse() {
    try { return grouped(JSON.parse(this.area.value.trim() || "{}"), this.terms); } catch { return null; }
  }

  show(rows) {
    const found = rows ? this.parse() : null;
    this.area.hidden = Boolean(found);
    if (this.help) this.help.hidden = Boolean(found);
    const other = button("cd-link", found ? this.words.text : this.words.rows, () => this.show(!found));
    this.top = null;
    if (!found) {
      this.box.replaceChildren(...(rows ? [element("p", { class: "console-dim", role: "status" }, this.words.unshown)] : []), other);
      return;
    }
    this.top = this.group(found, 1);
    this.top.querySelector(":scope > .cd-acts").append(other);
    this.box.replaceChildren(this.top, this.told);
    this.number();
  }

  // One group: how its parts are joined, the parts, and what can be added.
  group(found, level) {
    const joins = ["all", "any", "none", "some_not"].map((join) => [join, this.words[join]]);
    const box = element("fieldset", { class: level > 1 ? "cd-group" : "cd-top" });
    const rows = element("div", { class: "cd-rows" });
    const join = choice(this.words.join, joins, found.join, "cd-field cd-join");
    const head = element("div", { class: "cd-head" }, join);
    if (level > 1) head.append(button("cd-remove", this.words.ungroup, () => this.remove(box, this.words.ungrouped), "close"));
    const add = (part) => {
      rows.append(part);
      this.write();
      part.querySelector(".cd-row select").focus();
    };
    const leaf = () => ({ term: this.terms.keys().next().value });
    const acts = element("div", { class: "cd-acts" }, button("cd-button", this.words.add, () => add(this.row(leaf()))));
    if (level < DEEPEST) acts.append(button("cd-button cd-more", this.words.group, () => add(this.group({ join: "any", children: [leaf()] }, level + 1))));
    box.append(element("legend", { class: "cd-unseen" }), head, element("p", { class: "console-dim cd-none" }, level > 1 ? this.words.empty : this.words.none_asked), rows, acts);
    rows.append(...found.children.map((child) => ("term" in child ? this.row(child) : this.group(child, level + 1))));
    return box;
  }

  // Takes a part away and goes on at its neighbour, or where one can be added.
  remove(part, told) {
    const around = part.parentElement.closest("fieldset");
    const next = part.nextElementSibling ?? part.previousElementSibling;
    part.remove();
    this.write();
    this.told.textContent = told;
    (next?.querySelector("select") ?? around.querySelector(":scope > .cd-acts > .cd-button")).focus();
  }

  row(leaf) {
    const row = element("div", { class: "cd-row", role: "group" });
    const term = choice(this.words.term, [...this.terms.values()].map((each) => [each.name, each.label]), leaf.term);
    const rest = element("div", { class: "cd-rest" });
    term.addEventListener("change", () => { this.fill(rest, { term: term.value }); this.write(); });
    row.append(term, rest, button("cd-remove", this.words.remove, () => this.remove(row, this.words.removed), "close"));
    this.fill(rest, leaf);
    return row;
  }

  // The operator, the value and the term's own settings.
  fill(rest, leaf) {
    const known = this.terms.get(leaf.term);
    const op = choice(this.words.op, known.ops, leaf.op ?? known.ops[0][0]);
    op.dataset.part = "op";
    op.addEventListener("change", () => {
      const now = this.said(rest);
      rest.querySelector(".cd-value").replaceWith(this.value(known, op.value, LISTS.includes(op.value) ? now : now[0]));
      this.write();
    });
    const settings = known.options.map((option) => {
      const stored = leaf[option.name] === undefined ? undefined : String(leaf[option.name]);
      const field = option.choices.length ? choice(option.label, [["", option.label], ...option.choices], stored ?? "") : this.input(option.type, option.label, stored);
      field.required = true;
      field.title = option.label;
      field.dataset.option = option.name;
      return field;
    });
    rest.replaceChildren(op, this.value(known, op.value, leaf.value), ...settings);
  }

  // One field, or a field a value where several are compared with: a value may hold a comma.
  value(known, op, given) {
    const several = LISTS.includes(op);
    const box = element("div", several ? { class: "cd-value cd-list", role: "group", "aria-label": this.words.list } : { class: "cd-value" });
    const values = several ? (Array.isArray(given) && given.length ? given : [given]) : [Array.isArray(given) ? given[0] : given];
    const one = (value) => this.field(known, value);
    if (!several) {
      box.append(one(values[0]));
      return box;
    }
    const another = button("cd-link cd-another", this.words.another, () => {
      const made = this.listed(box, one(undefined));
      another.before(made);
      this.write();
      made.querySelector("[data-part=value]").focus();
    });
    box.append(...values.map((value) => this.listed(box, one(value))), another);
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.target.dataset.part !== "value" || event.isComposing) return;
      event.preventDefault();
      another.click();
    });
    return box;
  }

  listed(box, field) {
    const line = element("span", { class: "cd-one" }, field);
    line.append(button("cd-remove", this.words.take, () => {
      if (box.querySelectorAll(".cd-one").length < 2) return;
      const next = line.nextElementSibling?.querySelector?.("[data-part=value]") ?? line.previousElementSibling?.querySelector("[data-part=value]");
      line.remove();
      this.write();
      this.told.textContent = this.words.taken;
      next?.focus();
    }, "close"));
    return line;
  }

  field(known, value) {
    const text = value === undefined ? undefined : String(value);
    const made = known.choices.length ? choice(this.words.value, known.choices, text || known.choices[0][0]) : this.input(known.type, this.words.value, text);
    made.dataset.part = "value";
    return made;
  }

  input(type, label, value) {
    const number = type === "number";
    const made = element("input", { type: number ? "number" : "text", step: number ? "any" : undefined, required: "", placeholder: label, "aria-label": label, class: "cd-field" });
    if (value !== undefined) made.value = value;
    return made;
  }

  said(rest) {
    return [...rest.querySelectorAll("[data-part=value]")].map((field) => field.value.trim());
  }

  read(row) {
    const known = this.terms.get(row.querySelector("select").value);
    const op = row.querySelector("[data-part=op]").value;
    const said = this.said(row);
    const leaf = { term: known.name, op, value: LISTS.includes(op) ? said.filter(Boolean) : said[0] };
    if (known.type === "yes_no") leaf.value = said[0] === "true";
    else if (known.type === "number") leaf.value = said[0] === "" ? "" : Number(said[0]);
    for (const field of row.querySelectorAll("[data-option]")) leaf[field.dataset.option] = field.type === "number" ? Number(field.value) : field.value;
    return leaf;
  }

  // The condition of a group; undefined of one that has nothing in it.
  tree(box) {
    const join = box.querySelector(":scope > .cd-head > .cd-join").value;
    const parts = children(box).map((part) => (part.matches("fieldset") ? this.tree(part) : this.read(part))).filter(Boolean);
    if (!parts.length) return undefined;
    if (join === "none") return { not: parts.length > 1 ? { any: parts } : parts[0] };
    if (join === "some_not") return { not: { all: parts } };
    return box === this.top && parts.length === 1 ? parts[0] : { [join]: parts };
  }

  write() {
    if (!this.top) return;
    this.area.value = JSON.stringify(this.tree(this.top) ?? {});
    this.number();
  }

  // Every part says where it stands, such as 2.1; how parts are joined matters from two on, or where it turns one round.
  number(box = this.top, path = "") {
    const parts = children(box);
    const join = box.querySelector(":scope > .cd-head > .cd-join");
    box.querySelector(":scope > legend").textContent = path ? `${this.words.nth_group} ${path}` : this.words.whole;
    box.querySelector(":scope > .cd-none").hidden = parts.length > 0;
    join.hidden = !path && parts.length < 2 && ["all", "any"].includes(join.value);
    parts.forEach((part, place) => {
      const own = path ? `${path}.${place + 1}` : `${place + 1}`;
      if (part.matches("fieldset")) this.number(part, own);
      else part.setAttribute("aria-label", `${this.words.nth} ${own}`);
    });
    if (box === this.top) for (const list of box.querySelectorAll(".cd-list")) list.classList.toggle("cd-single", list.querySelectorAll(".cd-one").length < 2);
  }
}

document.addEventListener("DOMContentLoaded", () => {
  for (const area of document.querySelectorAll("textarea[data-conditions]")) new Conditions(area);
});

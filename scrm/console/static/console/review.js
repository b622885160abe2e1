// Cases and differences by keyboard. Without this script every answer is an ordinary form.
import { posted } from "./line.js";

const root = document.getElementById("rv");
const csrf = () => root.querySelector("input[name=csrfmiddlewaretoken]")?.value || document.querySelector("input[name=csrfmiddlewaretoken]").value;
const writes = (node) => node && (node.matches("input:not([type=radio]):not([type=checkbox]), textarea, select") || node.isContentEditable);
const held = (event) => event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]");

// `takeBack`: a button beside the words, for hands without keys.
function toast(words, bad = false, takeBack = null) {
  const box = document.getElementById("rv-toast");
  box.textContent = words;
  if (takeBack) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "rv-back", textContent: box.dataset.takeBack });
    button.addEventListener("click", takeBack);
    box.append(button);
  }
  box.classList.toggle("bad", bad);
  box.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { box.hidden = true; }, bad || takeBack ? 9000 : 5000);
}

async function post(url, body) {
  const { answer, trouble } = await posted(url, body, csrf(), document.getElementById("rv-toast").dataset);
  const json = answer?.headers.get("content-type")?.includes("json");
  const said = json ? await answer.json() : { html: trouble ? "" : await answer.text() };
  if (trouble) toast(said.error || trouble, true);
  return { ...said, ok: !trouble && said.ok !== false };
}

function count(said) {
  if (said.decided !== undefined) root.querySelector("[data-decided]").textContent = said.decided;
  if (said.waiting !== undefined) root.querySelector("[data-waiting]").textContent = said.waiting;
}

// --- cases

class Cases {
  constructor() {
    this.box = document.getElementById("rv-case");
    this.none = document.getElementById("rv-none");
    this.back = [];
    this.decided = [];
    this.ahead = null;
    this.busy = false;
    this.timer = 0;
    this.box.addEventListener("submit", (event) => this.submitted(event));
    this.box.addEventListener("change", (event) => this.changed(event));
    root.addEventListener("click", (event) => { if (event.target.closest("[data-help]")) document.getElementById("rv-help").showModal(); });
    document.addEventListener("keydown", (event) => this.key(event));
    if (this.form()) this.fetchAhead();
  }

  form() {
    return this.box.querySelector("form.rv-case");
  }

  fetchAhead() {
    const seen = [this.form()?.dataset.case, ...this.back.map((kept) => kept.id)].filter(Boolean).slice(-50);
    this.ahead = fetch(`${root.dataset.next}?not=${seen.join(",")}`).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
  }

  show(html) {
    this.box.innerHTML = html || "";
    this.none.hidden = Boolean(html);
    window.scrollTo({ top: 0 });
    this.mark();
    this.fetchAhead();
  }

  async forward(keep) {
    const current = this.form();
    if (current && keep) this.back.push({ id: current.dataset.case, html: this.box.innerHTML });
    const next = await (this.ahead || Promise.resolve(null));
    this.show(next?.html);
  }

  async submitted(event) {
    event.preventDefault();
    const form = this.form();
    const button = event.submitter;
    if (this.busy || !form || !button) return;
    this.busy = true;
    for (const each of form.querySelectorAll(".rv-bar button")) each.disabled = true;
    const said = await post(button.formAction, new FormData(form));
    this.busy = false;
    for (const each of form.querySelectorAll(".rv-bar button")) each.disabled = false;
    if (!said.ok && !said.gone) return;
    if (said.ok) {
      this.decided.push(form.dataset.undo);
      count(said);
      toast(said.notice, false, () => this.takeBack());
    }
    await this.forward(false);
  }

  async takeBack() {
    const url = this.decided.pop();
    if (!url || this.busy) return;
    this.busy = true;
    const said = await post(url, new FormData());
    this.busy = false;
    if (!said.ok) return;
    count(said);
    toast(said.notice);
    this.show(said.html);
  }

  changed(event) {
    if (event.target.name === "reason") return;
    this.mark();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.foresee(), 200);
  }

  async foresee() {
    const form = this.form();
    if (!form) return;
    const said = await post(form.dataset.effect, new FormData(form));
    if (said.ok && form === this.form()) form.querySelector("[data-effect-box]").innerHTML = said.html;
  }

  // Columns that are not ticked are dimmed, the one that is kept stands out.
  mark() {
    const form = this.form();
    if (!form) return;
    const kept = form.querySelector("[name=survivor]:checked")?.value;
    [...form.querySelectorAll("th[data-column]")].forEach((head, index) => {
      const ticked = head.querySelector("[name=member]").checked;
      head.classList.toggle("kept", head.dataset.column === kept);
      for (const row of form.querySelectorAll("tbody tr")) row.cells[index + 1]?.classList.toggle("out", !ticked);
      head.classList.toggle("out", !ticked);
    });
  }

  pick(number, tick) {
    const head = this.form()?.querySelectorAll("th[data-column]")[number - 1];
    if (!head) return;
    const box = head.querySelector(tick ? "[name=member]" : "[name=survivor]");
    if (tick) box.checked = !box.checked;
    else { box.checked = true; head.querySelector("[name=member]").checked = true; }
    box.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // Up and down walk through the fields that differ, left and right choose among the records.
  walk(by) {
    const lines = [...(this.form()?.querySelectorAll("tr.differs") || [])];
    if (!lines.length) return;
    const at = lines.findIndex((line) => line.contains(document.activeElement));
    const line = lines[at < 0 ? (by > 0 ? 0 : lines.length - 1) : Math.min(lines.length - 1, Math.max(0, at + by))];
    (line.querySelector("input:checked") || line.querySelector("input"))?.focus();
    line.scrollIntoView({ block: "nearest" });
  }

  key(event) {
    if (held(event) || event.target.closest?.("a, button") && event.key === "Enter") return;
    if (event.key === "Escape" && writes(document.activeElement)) { document.activeElement.blur(); return; }
    if (writes(event.target)) return;
    const digit = /^Digit([1-9])$/.exec(event.code);
    const actions = { j: () => this.forward(true), k: () => this.previous(), u: () => this.takeBack(), "?": () => document.getElementById("rv-help").showModal(), ArrowDown: () => this.walk(1), ArrowUp: () => this.walk(-1) };
    const button = /^[mxls]$/.test(event.key) && this.form()?.querySelector(`[data-key="${event.key}"]`);
    if (digit) this.pick(Number(digit[1]), event.shiftKey);
    else if (button) button.click();
    else if (actions[event.key]) actions[event.key]();
    else return;
    event.preventDefault();
  }

  previous() {
    const kept = this.back.pop();
    if (kept) this.show(kept.html);
  }
}

// --- differences

class Differences {
  constructor() {
    root.addEventListener("submit", (event) => this.submitted(event));
    root.addEventListener("focusin", (event) => this.at(event.target.closest(".rv-row")));
    document.addEventListener("keydown", (event) => this.key(event));
    this.at(this.rows()[0]);
  }

  rows() {
    return [...root.querySelectorAll(".rv-row")];
  }

  at(row) {
    if (!row) return;
    this.row = row;
    for (const each of this.rows()) each.classList.toggle("at", each === row);
  }

  move(by, openOnly = false) {
    const rows = this.rows();
    const from = rows.indexOf(this.row);
    const ahead = (by > 0 ? rows.slice(from + 1) : rows.slice(0, Math.max(from, 0)).reverse()).filter((row) => !openOnly || !row.classList.contains("decided"));
    if (!ahead.length) return openOnly && rows.every((row) => row.classList.contains("decided")) ? location.reload() : undefined;
    this.at(ahead[0]);
    ahead[0].focus({ preventScroll: true });
    ahead[0].scrollIntoView({ block: "nearest" });
  }

  async submitted(event) {
    const row = event.target.closest(".rv-row");
    if (!row) return;
    event.preventDefault();
    if (row.dataset.busy) return;
    row.dataset.busy = "1";
    const said = await post(event.target.action, new FormData(event.target));
    delete row.dataset.busy;
    if (!said.ok) return;
    count(said);
    if (said.notice) toast(said.notice);
    if (said.reload) { setTimeout(() => location.reload(), 900); return; }
    const shell = document.createElement("template");
    shell.innerHTML = said.row.trim();
    const drawn = shell.content.firstElementChild;
    const here = this.row === row;
    row.replaceWith(drawn);
    if (here) { this.at(drawn); this.move(1, true); }
  }

  key(event) {
    if (held(event) || writes(event.target)) return;
    if (event.key === "j" || event.key === "ArrowDown") this.move(1);
    else if (event.key === "k" || event.key === "ArrowUp") this.move(-1);
    else if (event.key === "f") this.row?.querySelector("[data-key=f]")?.focus();
    else if (event.key === "o") window.open(this.row?.querySelector("[data-key=o]")?.href, "_blank", "noopener");
    else if (/^[cr]$/.test(event.key)) this.row?.querySelector(`[data-key="${event.key}"]`)?.click();
    else return;
    event.preventDefault();
  }
}

if (root) root.hasAttribute("data-cases") ? new Cases() : new Differences();

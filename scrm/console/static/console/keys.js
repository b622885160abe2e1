// One-letter shortcuts. They are silent while one writes, and leave the browser's own combinations alone.

const writes = (node) => node && (node.matches("input, textarea, select") || node.isContentEditable);

export function startKeys({ root, open, neighbour, step, thread }) {
  const press = (key) => {
    const button = root.querySelector(`[data-key="${key}"]`);
    if (button) button.click();
  };
  const focusText = (mode) => {
    step("thread");
    root.querySelector(`[data-mode-to="${mode}"]`)?.click();
    document.getElementById("ix-text")?.focus();
  };
  // The menu of the conversation, with the wanted entry at hand.
  const menu = (part) => {
    const box = root.querySelector("details.ix-menu:has([data-part])");
    const goal = box?.querySelector(`[data-part="${part}"] :is(button, select)`);
    if (!goal) return;
    box.open = true;
    goal.focus();
  };
  const beside = (part) => {
    const goal = root.querySelector(`#ix-beside [data-part="${part}"]`);
    if (!goal) return;
    step("profile");
    goal.closest("details")?.setAttribute("open", "");
    goal.querySelector("input:not([type=hidden])").focus();
  };
  const go = async (by) => {
    const row = neighbour(by);
    if (!row) return;
    row.scrollIntoView({ block: "nearest" });
    await open(row.href);
  };
  const actions = {
    j: () => go(1),
    k: () => go(-1),
    r: () => thread() && focusText(thread().dataset.mode),
    n: () => thread() && focusText("note"),
    a: () => press("a"),
    e: () => press("e"),
    m: () => press("m"),
    w: () => press("w"),
    o: () => press("o"),
    s: () => menu("snooze"),
    h: () => menu("transfer"),
    t: () => beside("tag"),
    c: () => beside("person"),
    "/": () => { step("list"); root.querySelector(".ix-search input").focus(); },
    "?": () => document.getElementById("ix-help").showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape" && writes(document.activeElement) && root.contains(document.activeElement)) { document.activeElement.blur(); return; }
    if (writes(event.target) || !actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  });
}

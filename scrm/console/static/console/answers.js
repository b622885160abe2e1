// The builder of answers to choose from: a row for each, as many as the platform shows.

const MOST = 10;
const BUTTONS = 3;

export function startAnswers(box) {
  if (!box) return null;
  const rows = box.querySelector("#ix-answers");

  function field(name, words, most) {
    const input = document.createElement("input");
    input.name = name;
    input.maxLength = most;
    input.placeholder = words;
    input.setAttribute("aria-label", words);
    input.autocomplete = "off";
    return input;
  }

  function add() {
    if (rows.childElementCount >= MOST) return null;
    const row = document.createElement("div");
    row.className = "ix-answer";
    row.append(field("answer", `${rows.dataset.answer} ${rows.childElementCount + 1}`, 24), field("answer_note", rows.dataset.note, 72));
    rows.append(row);
    settle();
    return row;
  }

  // A list opens from a button of its own; buttons stand below the words.
  function settle() {
    const filled = [...rows.children].filter((row) => row.firstChild.value.trim());
    const list = filled.length > BUTTONS || filled.some((row) => row.lastChild.value.trim());
    box.querySelector("#ix-opener").hidden = !list;
    box.querySelector("[data-add-answer]").hidden = rows.childElementCount >= MOST;
    for (const row of rows.children) row.firstChild.maxLength = list ? 24 : 20;
  }

  function clear() {
    rows.replaceChildren();
    add();
    add();
  }

  box.querySelector("[data-add-answer]").addEventListener("click", () => add()?.firstChild.focus());
  box.addEventListener("input", settle);
  clear();
  return { clear };
}

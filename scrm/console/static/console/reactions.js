// An emoji on a message: a small bar beside the button, one key a choice, so that pressing twice is one reaction.
import { newKey } from "./composer.js";

const FACES = ["👍", "❤️", "😂", "😮", "😢", "🙏", ""];

export function startReactions(root, { post, refresh, toast }) {
  let bar = null;

  function close() {
    bar?.remove();
    bar = null;
  }

  function open(button) {
    const again = bar?.dataset.for === button.dataset.react;
    close();
    if (again) return;
    bar = document.createElement("span");
    bar.className = "ix-faces";
    bar.dataset.for = button.dataset.react;
    const key = newKey();
    bar.append(...FACES.map((face) => {
      const choice = document.createElement("button");
      choice.type = "button";
      choice.dataset.face = face;
      choice.textContent = face || "✕";
      choice.addEventListener("click", () => send(button.dataset.react, face, key));
      return choice;
    }));
    button.parentElement.append(bar);
    bar.firstChild.focus();
  }

  async function send(message, emoji, key) {
    const body = new FormData();
    body.append("emoji", emoji);
    body.append("key", key);
    close();
    const said = await post(`${root.dataset.root}messages/${message}/react/`, body);
    if (said?.notice) toast(said.notice, said.state === "blocked");
    await refresh();
  }

  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-react]");
    if (button) open(button);
    else if (!event.target.closest(".ix-faces")) close();
  });
  root.addEventListener("keydown", (event) => { if (event.key === "Escape" && bar) { event.stopPropagation(); close(); } });
}

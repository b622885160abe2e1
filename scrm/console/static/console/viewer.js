// Pictures of the thread, large, one after the other; without a script the link opens the file itself.

export function startViewer(root) {
  const box = document.getElementById("ix-viewer");
  const image = box.querySelector("img");
  let at = null;
  const pictures = () => [...root.querySelectorAll("#ix-messages a.ix-picture")];
  const show = (link) => {
    at = link;
    image.src = link.href;
    image.alt = link.querySelector("img")?.alt ?? "";
    box.querySelector("a").href = link.href;
    if (!box.open) box.showModal();
  };
  const step = (by) => {
    const all = pictures();
    const next = all[all.indexOf(at) + by];
    if (next) show(next);
  };
  root.addEventListener("click", (event) => {
    const link = event.target.closest("#ix-messages a.ix-picture");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(link);
  });
  box.addEventListener("click", (event) => { if (event.target === box || event.target === image) box.close(); });
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  box.addEventListener("close", () => { image.removeAttribute("src"); at?.focus(); });
}

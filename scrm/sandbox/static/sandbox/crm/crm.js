// Keeps a page of the sandbox CRM current: asks for the number of the last write every two seconds while the page is
// visible, fetches the page again when it has grown, and marks what is new. Waits while someone edits.
(() => {
  "use strict";
  const PERIOD = 2000;
  const address = document.body.dataset.liveAddress;
  const pulse = document.querySelector("[data-pulse]");
  const frame = () => document.getElementById("live");
  let busy = false;

  const editing = () => frame().querySelector("details.edit[open]") !== null
    || (frame().contains(document.activeElement) && document.activeElement.matches("input, textarea, select"));

  const show = (live) => {
    pulse.classList.toggle("paused", !live);
    pulse.querySelector("span").textContent = live ? pulse.dataset.liveText : pulse.dataset.pausedText;
  };

  const stamps = (root) => new Map(Array.from(root.querySelectorAll("[data-key]"), (node) => [node.dataset.key, node.dataset.stamp]));

  const swap = (fresh) => {
    const before = stamps(frame());
    const opened = Array.from(frame().querySelectorAll("details.more[open]"), () => true).length > 0;
    const scroll = frame().querySelector(".board")?.scrollLeft ?? 0;
    frame().replaceWith(fresh);
    for (const node of fresh.querySelectorAll("[data-key]")) {
      if (before.get(node.dataset.key) !== node.dataset.stamp) node.classList.add("fresh");
    }
    if (opened) fresh.querySelectorAll("details.more").forEach((node) => { node.open = true; });
    const board = fresh.querySelector(".board");
    if (board) board.scrollLeft = scroll;
  };

  const refresh = async () => {
    const response = await fetch(window.location.href, { headers: { Accept: "text/html" } });
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.getElementById("live");
    if (fresh && !editing()) swap(document.adoptNode(fresh));
  };

  const look = async () => {
    if (busy || document.hidden) return;
    if (editing()) { show(false); return; }
    busy = true;
    try {
      const { latest } = await (await fetch(address)).json();
      if (String(latest) !== frame().dataset.latest) await refresh();
      show(true);
    } catch {
      show(false);
    } finally {
      busy = false;
    }
  };

  document.addEventListener("visibilitychange", look);
  document.addEventListener("toggle", (event) => {
    if (!event.target.matches?.("details.edit") || !event.target.open) return;
    event.target.querySelector("[name=value]")?.focus();
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = event.target.closest?.("details.edit[open]");
    if (open) { open.open = false; open.querySelector("summary").focus(); }
  });
  window.setInterval(look, PERIOD);
})();

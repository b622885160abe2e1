// The page of a campaign follows it while something happens.
(() => {
  const look = async (place) => {
    try {
      const answer = await fetch(place.dataset.campaign, { credentials: "same-origin" });
      if (answer.redirected || answer.status === 403 || answer.status === 404) return;
      if (answer.ok) {
        const before = place.firstElementChild.dataset.state;
        // Whoever is about to press a button must not lose it under their hand.
        const had = document.activeElement && place.contains(document.activeElement) ? document.activeElement.value : "";
        place.innerHTML = await answer.text();
        if (had) place.querySelector(`button[value="${CSS.escape(had)}"]`)?.focus();
        const now = place.firstElementChild;
        if (before === "preparing" && now.dataset.state !== "preparing") location.reload();
        if (now.dataset.moving !== "1") return;
      }
    } catch { /* the next look may find the server again */ }
    setTimeout(look, 2000, place);
  };
  // What cannot be taken back is asked about once more.
  addEventListener("submit", (event) => {
    const ask = event.submitter?.dataset.ask;
    if (ask && !confirm(ask)) event.preventDefault();
  });
  addEventListener("DOMContentLoaded", () => {
    for (const place of document.querySelectorAll("[data-campaign]")) {
      if (place.firstElementChild?.dataset.moving === "1") setTimeout(look, 1000, place);
    }
  });
})();

// The page of a segment follows its being counted.
(() => {
  const look = async (place) => {
    try {
      const answer = await fetch(place.dataset.size, { credentials: "same-origin" });
      if (answer.redirected || answer.status === 403 || answer.status === 404) return;
      if (answer.ok) {
        const found = await answer.json();
        place.textContent = found.words;
        if (!found.coming) return;
      }
    } catch { /* the next look may find the server again */ }
    setTimeout(look, 2000, place);
  };
  addEventListener("DOMContentLoaded", () => {
    for (const place of document.querySelectorAll("[data-size][data-coming='1']")) setTimeout(look, 1000, place);
  });
})();

// The page of one import follows the work: the part above the form is fetched anew while something runs.
(() => {
  const place = document.getElementById("import-live");
  if (!place) return;
  const at = () => place.firstElementChild;
  const look = async () => {
    if (!at() || at().dataset.live !== "1") return;
    const state = at().dataset.state;
    try {
      const answer = await fetch(place.dataset.address, { credentials: "same-origin" });
      if (answer.ok && !answer.redirected) place.innerHTML = await answer.text();
    } catch { /* the next look may find the server again */ }
    // The form below belongs to some states only.
    if (at() && at().dataset.state !== state) return void location.reload();
    setTimeout(look, 1000);
  };
  setTimeout(look, 700);
})();

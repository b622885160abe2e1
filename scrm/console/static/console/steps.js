// The next step of an action over many rows follows by itself; the button is there for browsers without scripts, the link stops it.
(() => {
  const form = document.querySelector("form[data-steps]");
  if (form) setTimeout(() => form.requestSubmit(), 300);
})();

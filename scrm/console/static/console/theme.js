// Words of the theme's own scripts, in the reader's language. This file is read before them, and so is heard before them.
document.addEventListener("DOMContentLoaded", () => {
  const words = document.querySelector("[data-scrolls]")?.dataset.scrolls;
  if (words && window.SimpleBar) window.SimpleBar.defaultOptions.ariaLabel = words;
});

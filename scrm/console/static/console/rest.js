// A click on a value of the answer writes its pointer into the set-up, at the entry that was chosen.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-pointer]");
  if (!button) return;
  const area = document.getElementById("rest-definition");
  const role = button.dataset.role || document.getElementById("rest-role").value;
  try {
    const setup = JSON.parse(area.value);
    setup.kinds[document.getElementById("rest-kind").value][role] = button.dataset.pointer;
    area.value = JSON.stringify(setup, null, 2);
  } catch {
    area.setRangeText(button.dataset.pointer, area.selectionStart, area.selectionEnd, "end");
  }
  area.focus();
});

// A click on a value of the answer writes its pointer where it was chosen for: into the field of the form, or into the set-up as JSON.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-pointer]");
  if (!button) return;
  const role = button.dataset.role || document.getElementById("rest-role").value;
  const field = document.querySelector(`#rest-records [name="${role}"]`);
  if (field) {
    field.value = button.dataset.pointer;
    field.focus();
    return;
  }
  const area = document.getElementById("rest-definition");
  try {
    const setup = JSON.parse(area.value);
    setup.kinds[document.getElementById("rest-kind").value][role] = button.dataset.pointer;
    area.value = JSON.stringify(setup, null, 2);
  } catch {
    area.setRangeText(button.dataset.pointer, area.selectionStart, area.selectionEnd, "end");
  }
  area.focus();
});

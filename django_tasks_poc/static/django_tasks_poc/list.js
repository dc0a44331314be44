/* The boxes of the task list: one box for all, and how many are chosen. */
(() => {
  "use strict";

  const form = document.getElementById("dtp-list");
  const all = document.getElementById("dtp-all");
  const told = document.getElementById("dtp-selected");
  if (!form || !all) return;
  const boxes = () => [...form.querySelectorAll('input[name="_selected_action"]')];

  function tell() {
    const chosen = boxes().filter((box) => box.checked).length;
    all.checked = chosen > 0 && chosen === boxes().length;
    all.indeterminate = chosen > 0 && !all.checked;
    told.textContent = told.dataset.words.replace("%s", chosen).replace("%s", boxes().length);
  }

  all.addEventListener("change", () => {
    for (const box of boxes()) box.checked = all.checked;
    tell();
  });
  form.addEventListener("change", tell);
  tell();
})();

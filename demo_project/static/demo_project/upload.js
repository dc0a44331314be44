// Says before it is sent that a file is too large, and while it is sent that it is on its way.
"use strict";

const input = document.querySelector("input[type=file]");
const form = input.form;
const button = form.querySelector("button");
const status = form.querySelector("[role=status]");

input.addEventListener("change", () => {
  const isTooLarge = input.files.length && input.files[0].size > Number(input.dataset.max);
  input.setCustomValidity(isTooLarge ? input.dataset.tooLarge : "");
  input.reportValidity();
});

form.addEventListener("submit", () => {
  button.disabled = true;
  status.textContent = "Sending the table…";
});

// Back from the next page, the form is as it was left.
window.addEventListener("pageshow", () => {
  button.disabled = false;
  status.textContent = "";
});

// Loads the page of an import anew when its state has changed: other buttons, and in the end the result.
"use strict";

const section = document.getElementById("import");

// Unless somebody is about to cancel: the question must not vanish under the hand.
section.addEventListener("task:changed", () => {
  if (!section.querySelector("details[open]")) location.reload();
});
section.addEventListener("task:finished", () => location.reload());

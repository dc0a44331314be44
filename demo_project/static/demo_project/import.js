// Keeps the page of an open import up to date: asks for its JSON, and loads the page anew when its state has changed.
"use strict";

const EVERY = 1; // seconds between two looks
const LONGEST = 60; // seconds between two looks while there is no answer

const section = document.getElementById("import");
const connection = document.getElementById("connection");
const progress = section.querySelector("progress");
let failures = 0;
let timer = 0;

function later(seconds) {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(look, seconds * 1000);
}

async function look() {
  try {
    const response = await fetch(section.dataset.json, { cache: "no-store", signal: AbortSignal.timeout(10000) });
    if (response.status === 404) {
      connection.textContent = "This import is not there any more.";
      return;
    }
    if (!response.ok) throw new Error(`answer ${response.status}`);
    show(await response.json());
  } catch {
    failures += 1;
    const seconds = Math.min(EVERY * 2 ** failures, LONGEST);
    connection.textContent = `No answer from the server; asking again in ${seconds} s.`;
    later(seconds);
  }
}

function show(page) {
  if (failures) connection.textContent = "";
  failures = 0;
  if (!page.is_open || page.state !== section.dataset.state) {
    // Unless somebody is about to cancel: the question must not vanish under the hand.
    if (!page.is_open || !section.querySelector("details[open]")) {
      location.reload();
      return;
    }
  }
  document.querySelector("#say bdi").textContent = page.say;
  progress.max = page.total;
  progress.value = page.done;
  for (const fact of section.querySelectorAll("[data-fact]")) {
    fact.textContent = page.facts[fact.dataset.fact] ?? fact.textContent;
  }
  document.getElementById("no-manager").hidden = !page.needs_manager;
  later(EVERY);
}

document.addEventListener("visibilitychange", () => later(0));
later(EVERY);

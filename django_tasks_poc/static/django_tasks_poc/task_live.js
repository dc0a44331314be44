/* Keeps the page of an open task up to date: every two seconds it asks for the parts that may have changed, and says
   which rows are in sight. No row moves, comes or goes by itself. */
(() => {
  "use strict";

  const EVERY = 2000;
  const MOST = 60000;
  const page = document.querySelector("[data-dtp-live]");
  if (!page) return;

  const line = document.getElementById("dtp-live");
  const spoken = document.getElementById("dtp-status");
  const words = document.getElementById("dtp-words").dataset;
  let etag = "";
  let wait = EVERY;
  let timer = 0;
  let answered = Date.now();
  let isStopped = false;
  let pressed = null;
  let spokenAt = 0;

  const say = (name, value) => words[name].replace("%s", value);

  /* The branches that are open, with the numbers of their rows in sight, or of all of them. */
  function inSight(isLast) {
    const parts = [];
    for (const branch of document.querySelectorAll("[data-dtp-branch]")) {
      if (branch.closest("[hidden]")) continue;
      const numbers = [];
      for (const item of branch.querySelectorAll(":scope > ul > [data-dtp-order]")) {
        const box = item.firstElementChild.getBoundingClientRect();
        if (isLast || (box.bottom > -200 && box.top < innerHeight + 200)) numbers.push(item.dataset.dtpOrder);
      }
      parts.push([branch.dataset.dtpBranch, branch.dataset.dtpScale, numbers.join(".")].join("~"));
    }
    return parts.join("!");
  }

  function isBusy(part) {
    if (pressed && part.contains(pressed)) return true;
    const selection = getSelection();
    return !selection.isCollapsed && part.contains(selection.anchorNode);
  }

  /* Put what changed into its place; focus stays where it was, by the id of what has it. */
  function put(part) {
    const old = document.getElementById(part.id);
    if (!old || isBusy(old)) return;
    if (part.classList.contains("dtp-row")) {
      old.classList.toggle("notyet", part.classList.contains("notyet"));
      for (const cell of part.querySelectorAll("[id]")) if (!cell.matches("a")) put(cell);
      return;
    }
    if (part.id === "dtp-gantt" && old.matches(":hover")) {
      // Its rows go on under the pointer; which rows there are waits until it has left.
      for (const cell of part.querySelectorAll("[id]")) put(cell);
      return;
    }
    // What would push rows away from under the pointer waits until it has left them.
    if (old.dataset.dtpHolds && document.getElementById(old.dataset.dtpHolds)?.matches(":hover")) return;
    if (part.id.endsWith("-news")) return news(old, Number(part.dataset.failed));
    old.className = part.className || old.className;
    if (old.innerHTML === part.innerHTML) return;
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    old.replaceChildren(...part.cloneNode(true).childNodes);
    window.htmx?.process(old);
    if (focused) document.getElementById(focused)?.focus();
  }

  function news(old, failed) {
    const known = Number(old.closest("[data-dtp-branch]").dataset.dtpFailed);
    old.hidden = failed <= known;
    const count = failed - known;
    if (!old.hidden) old.querySelector("span").textContent = count === 1 ? words.oneFailed : say("moreFailed", count);
  }

  function speak(before) {
    const after = document.getElementById("top-badge")?.textContent.trim() ?? "";
    const failed = document.querySelector("#top-counts .has-error")?.textContent.trim() ?? "";
    const now = [after, failed].filter(Boolean).join("; ");
    if (now === before || (Date.now() - spokenAt < 15000 && spokenAt)) return before;
    spokenAt = Date.now();
    if (before !== null) spoken.textContent = now;
    return now;
  }
  let told = speak(null);

  async function ask(isLast = false) {
    clearTimeout(timer);
    if (document.hidden || isStopped) return;
    try {
      const headers = { "HX-Request": "true", ...(etag && !isLast && { "If-None-Match": etag }) };
      const url = new URL(page.dataset.dtpLive, location.href);
      const sight = inSight(isLast);
      if (sight) url.searchParams.set("see", sight);
      const answer = await fetch(url, { headers, cache: "no-store", redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) return stop("ended", "login");
      if (answer.status === 404) return stop("purged", "");
      if (answer.status !== 304 && !answer.ok) throw new Error(String(answer.status));
      if (answer.status === 200) {
        etag = answer.headers.get("ETag") ?? "";
        const html = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const part of html.body.children) put(part);
        told = speak(told);
        const finished = answer.headers.get("X-Task-Finished");
        if (finished && !isLast) return ask(true);
        if (finished) return stop("finished", "", finished);
      }
      wait = EVERY;
      answered = Date.now();
    } catch {
      wait = Math.min(wait * 2, MOST);
    }
    show();
    timer = setTimeout(() => ask(), wait);
  }

  function show() {
    if (isStopped) return;
    const late = wait > EVERY;
    const text = late ? say("late", wait / 1000) : say("live", Math.round((Date.now() - answered) / 1000));
    draw(late ? "late" : "", text, late ? words.now : words.stop);
  }

  function draw(kind, text, label) {
    line.querySelector(".dtp-dot").className = `dtp-dot ${kind}`;
    const shown = line.querySelector("span:last-of-type");
    if (shown.textContent !== text) shown.textContent = text;
    const button = line.querySelector("button");
    button.hidden = !label;
    if (button.textContent !== label) button.textContent = label;
  }

  function stop(name, label, value = "") {
    isStopped = true;
    clearTimeout(timer);
    draw(name === "finished" ? "" : "dead", say(name, value), words[label] ?? "");
    line.dataset.why = name;
  }

  line.querySelector("button").addEventListener("click", () => {
    if (line.dataset.why === "ended") return location.reload();
    if (!isStopped && wait === EVERY) {
      isStopped = true;
      line.dataset.why = "stopped";
      const clock = new Date(answered).toLocaleTimeString([], { hour12: false });
      return draw("late", say("stopped", clock), words.go);
    }
    isStopped = false;
    wait = EVERY;
    ask();
  });
  document.addEventListener("pointerdown", (event) => (pressed = event.target));
  for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, () => (pressed = null));
  document.addEventListener("visibilitychange", () => ask());
  setInterval(show, 1000);
  show();
  line.hidden = false;
  timer = setTimeout(() => ask(), EVERY);
})();

/* The tree of a task: opens its branches, and is one stop of the Tab key, with arrows, Home, End and Enter inside. */
(() => {
  "use strict";

  const ITEM = '[role="treeitem"]';
  const inside = (item) => item.querySelector(":scope > .dtp-in");
  const shown = (tree) => [...tree.querySelectorAll(ITEM)].filter((item) => !item.parentElement.closest("[hidden]"));

  function words(name) {
    return document.getElementById("dtp-words")?.dataset[name] ?? "";
  }

  function open(item, isOpen) {
    const box = inside(item);
    if (!box) return;
    item.setAttribute("aria-expanded", String(isOpen));
    box.hidden = !isOpen;
    item.classList.toggle("dtp-open", isOpen && Boolean(box.querySelector(":scope > .dtp-panel")));
    if (!isOpen || !mayHaveChanged(box)) return;
    htmx.process(box); // it may have come a moment ago
    box.dispatchEvent(new CustomEvent("dtp:open")); // bubbles to no branch above
  }

  /* A branch is kept with all that is open in it, and what ended does not change. */
  function mayHaveChanged(box) {
    return !box.querySelector(":scope > .dtp-kids, :scope > .dtp-success, :scope > .dtp-error, :scope > .dtp-canceled, :scope > .dtp-skipped");
  }

  const isOpen = (item) => item.getAttribute("aria-expanded") === "true";

  function focus(item) {
    if (!item) return;
    const tree = item.closest('[role="tree"]');
    for (const other of tree.querySelectorAll(`${ITEM}[tabindex="0"]`)) other.tabIndex = -1;
    for (const other of tree.querySelectorAll(`${ITEM}[aria-selected="true"]`)) other.setAttribute("aria-selected", "false");
    item.tabIndex = 0;
    item.setAttribute("aria-selected", "true");
    item.focus();
  }

  /* What the keys make needless: without a script these are stops of the Tab key. */
  function prepare(root) {
    const trees = root.matches?.('[role="tree"]') ? [root] : [...root.querySelectorAll('[role="tree"]')];
    const tree = root.closest?.('[role="tree"]');
    for (const each of tree ? [tree, ...trees] : trees) {
      for (const part of each.querySelectorAll(".dtp-row a.name, .dtp-row .tw")) part.tabIndex = -1;
      if (!each.querySelector(`${ITEM}[tabindex="0"]`)) {
        const first = each.querySelector(ITEM);
        if (first) first.tabIndex = 0;
      }
    }
  }

  const steps = {
    ArrowDown: (item, all) => focus(all[all.indexOf(item) + 1]),
    ArrowUp: (item, all) => focus(all[all.indexOf(item) - 1]),
    Home: (item, all) => focus(all[0]),
    End: (item, all) => focus(all[all.length - 1]),
    ArrowRight: (item) => (isOpen(item) ? focus(inside(item)?.querySelector(ITEM)) : open(item, true)),
    ArrowLeft: (item) => (isOpen(item) ? open(item, false) : focus(item.parentElement.closest(ITEM))),
    Enter: (item) => open(item, !isOpen(item)),
    " ": (item) => open(item, !isOpen(item)),
  };

  document.addEventListener("keydown", (event) => {
    const item = event.target;
    if (!item.matches?.(ITEM) || event.altKey || event.ctrlKey || event.metaKey || !(event.key in steps)) return;
    event.preventDefault();
    steps[event.key](item, shown(item.closest('[role="tree"]')));
  });

  document.addEventListener("click", (event) => {
    const copy = event.target.closest("[data-dtp-copy]");
    if (copy) return void copyText(copy);
    const again = event.target.closest("[data-dtp-again]");
    const item = event.target.closest(ITEM);
    if (again && item) {
      return void open(item, true);
    }
    const row = event.target.closest(".dtp-row");
    if (!row || !item || row.parentElement !== item || event.target.closest("a") || String(getSelection())) return;
    focus(item);
    open(item, !isOpen(item));
  });

  async function copyText(button) {
    const source = document.getElementById(button.dataset.dtpCopy).cloneNode(true);
    for (const summary of source.querySelectorAll("summary")) summary.remove();
    const text = [...source.querySelectorAll("pre")].map((part) => part.textContent).join("\n");
    await navigator.clipboard.writeText(text);
    const before = button.textContent;
    button.textContent = button.dataset.dtpDone;
    setTimeout(() => (button.textContent = before), 2000);
  }

  /* A line where something should have come; with a link or a button at its end. */
  function callout(target, text, action) {
    const line = document.createElement("p");
    line.className = "dtp-callout";
    line.append(text, " ", action);
    target.replaceChildren(line);
  }

  function failed(target) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "dtp-btn small";
    button.dataset.dtpAgain = "";
    button.textContent = words("again");
    callout(target, words("failed"), button);
  }

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, target } = event.detail;
    if (!target.closest(".dtp-branch, .dtp-in")) return;
    if (xhr.status === 404 && xhr.getResponseHeader("Cache-Control") === "no-store") {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
    /* A session that ended is answered with the page to log in. */
    if (xhr.responseURL && new URL(xhr.responseURL).pathname !== event.detail.requestConfig.path.split("?")[0]) {
      event.detail.shouldSwap = false;
      const link = document.createElement("a");
      link.href = location.href;
      link.textContent = words("login");
      callout(target, words("ended"), link);
    }
  });
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => {
      const { target } = event.detail;
      if (target?.matches(".dtp-in")) failed(target);
    });
  }
  document.addEventListener("htmx:afterSwap", (event) => {
    const box = event.detail.target;
    if (!box.matches(".dtp-in")) return;
    box.parentElement.classList.toggle("dtp-open", !box.hidden && Boolean(box.querySelector(":scope > .dtp-panel")));
  });
  document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));
  document.addEventListener("DOMContentLoaded", () => prepare(document.body));
  prepare(document.body ?? document.createElement("div"));
})();

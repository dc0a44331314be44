// Keeps <task-progress> up to date while its task is open. It fires on the element, and they bubble:
//   task:changed  {uuid, state}  the state is another one
//   task:finished {uuid, state}  it has ended, and nothing more will come
"use strict";

(() => {
  if (customElements.get("task-progress")) return;

  const EVERY = 2; // seconds between two requests
  const LONGEST = 60; // seconds, while there is no answer
  const PATIENCE = 10; // seconds for an answer

  class TaskProgress extends HTMLElement {
    #timer = 0;
    #failures = 0;
    #request = null;
    #onVisibility = () => this.#later(0);

    connectedCallback() {
      if (this.#isFinished) return;
      document.addEventListener("visibilitychange", this.#onVisibility);
      this.#later(EVERY);
    }

    disconnectedCallback() {
      this.#stop();
      this.#request?.abort();
    }

    get #inside() {
      return this.querySelector(".tp-inside");
    }

    get #isFinished() {
      return "finished" in this.#inside.dataset;
    }

    #stop() {
      clearTimeout(this.#timer);
      document.removeEventListener("visibilitychange", this.#onVisibility);
    }

    #later(seconds) {
      clearTimeout(this.#timer);
      if (!document.hidden) this.#timer = setTimeout(() => this.#look(), seconds * 1000);
    }

    #note(words) {
      const note = this.querySelector(".tp-note");
      if (note.textContent !== words) note.textContent = words;
    }

    async #look() {
      if (this.#request) return;
      this.#request = new AbortController();
      const patience = setTimeout(() => this.#request.abort(), PATIENCE * 1000);
      try {
        const response = await fetch(this.dataset.url, {
          cache: "no-store",
          headers: { "If-None-Match": this.dataset.etag },
          redirect: "error",
          signal: this.#request.signal,
        });
        if (response.status === 404) {
          this.#stop();
          this.#note(this.dataset.gone);
          return;
        }
        if (response.status !== 304 && !response.ok) throw new Error(`answer ${response.status}`);
        const html = response.status === 304 ? "" : await response.text();
        this.#failures = 0;
        this.#note("");
        if (html) this.#show(html, response.headers.get("ETag"));
        if (this.isConnected && !this.#isFinished) this.#later(EVERY);
      } catch {
        if (!this.isConnected) return;
        this.#failures += 1;
        this.#note(this.dataset.noAnswer);
        this.#later(Math.min(EVERY * 2 ** (this.#failures - 1), LONGEST));
      } finally {
        clearTimeout(patience);
        this.#request = null;
      }
    }

    #show(html, etag) {
      const before = this.#inside.dataset.state;
      const template = document.createElement("template");
      template.innerHTML = html;
      this.#inside.replaceWith(template.content.querySelector(".tp-inside"));
      this.dataset.etag = etag;
      const detail = { uuid: this.dataset.uuid, state: this.#inside.dataset.state };
      if (detail.state !== before) {
        this.querySelector(".tp-spoken").textContent = this.querySelector(".tp-state").textContent;
        this.#fire("task:changed", detail);
      }
      if (!this.#isFinished) return;
      this.#stop();
      this.#note("");
      this.#fire("task:finished", detail);
    }

    #fire(name, detail) {
      this.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
    }
  }

  customElements.define("task-progress", TaskProgress);
})();

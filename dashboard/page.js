// What the page does by itself: the top bar, buttons that do not need Bokeh's socket, and noticing when nothing
// comes any more. No value is ever shown as live after the beat has stopped.
"use strict";
(function () {
  const QUIET_MS = 6000, ASK_MS = 3000, TOAST_MS = 8000;
  let last = Date.now(), asking = false, listening = false, toastTimer = 0;
  const by = (id) => document.getElementById(id);

  function put(id, html) {
    const place = by(id);
    if (place && place.dataset.html !== html) { place.dataset.html = html; place.innerHTML = html; }
  }

  // Called by the page's pulse (session.py) with every change of the top bar and once a second.
  window.gkHead = function (head) {
    listen();
    for (const id of ["link", "gone", "stopped", "insist", "alarms"]) put(id, head[id]);
    document.body.dataset.phase = head.phase;
    document.body.dataset.gone = head.is_gone ? "yes" : "no";
  };
  window.gkBeat = function () {
    last = Date.now();
    document.body.dataset.live = "yes";
    by("lost").hidden = true;
  };

  function toast(text) {
    const place = by("toast");
    place.textContent = text;
    place.hidden = false;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => { place.hidden = true; }, TOAST_MS);
  }

  async function send(form) {
    const button = form.querySelector("[type=submit]");
    button.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.action, {
        method: "POST", body: new URLSearchParams(new FormData(form)), credentials: "same-origin",
        redirect: "error", headers: {Accept: "application/json"},
      });
      const said = (answer.headers.get("Content-Type") || "").includes("json") ? await answer.json() : {};
      if (!answer.ok) toast(said.problem || by("lost").textContent);
    } catch {
      toast(by("lost").textContent);
    } finally {
      button.removeAttribute("aria-busy");
    }
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-live]")) return;
    event.preventDefault();
    send(event.target);
    if (event.target.closest("dialog")) by("clear").close();
  });
  document.addEventListener("click", (event) => {
    const clear = event.target.closest("[data-clear]");
    if (clear) {
      by("clear").querySelector("[name=scope]").value = clear.dataset.clear;
      for (const box of by("insist").querySelectorAll("[data-scope]")) box.hidden = box.dataset.scope !== clear.dataset.clear;
      by("clear").showModal();
    }
    if (event.target.closest("[data-close]")) by("clear").close();
  });

  // Bokeh tells when its socket closes, and tries by itself to open it again. If the sign-in has ended there is
  // nothing to come back to, and nothing may stay on the screen.
  function listen() {
    if (listening || typeof Bokeh === "undefined") return;
    for (const page of Bokeh.documents) page.on_event("connection_lost", () => { ask(false); });
    listening = Bokeh.documents.length > 0;
  }

  async function ask(mayReload) {
    if (asking) return;
    asking = true;
    try {
      const answer = await fetch("/alive", {credentials: "same-origin", headers: {Accept: "application/json"}});
      const state = answer.ok ? (await answer.json()).state : "away";
      if (state === "in" && mayReload) location.reload();
      if (state === "out") location.href = "/login?out=1&next=" + encodeURIComponent(location.pathname + location.search);
    } catch {
      // Still away: the banner says so, the next round asks again.
    } finally {
      asking = false;
    }
  }

  setInterval(() => {
    if (document.visibilityState !== "visible" || Date.now() - last < QUIET_MS) return;
    document.body.dataset.live = "no";
    by("lost").hidden = false;
    ask(true);
  }, ASK_MS);
  // A phone that slept has missed beats without anything being wrong: give the socket one period to come back.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") last = Math.max(last, Date.now() - QUIET_MS + ASK_MS);
  });
})();

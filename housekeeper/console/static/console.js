"use strict";
// Without this script every page is whole as it was loaded; with it, what is shown follows the job store.
(() => {
  const live = document.getElementById("live");
  if (!window.EventSource || location.pathname === "/login") return;
  let busy = false;
  const refresh = async () => {
    const main = document.getElementById("main");
    // Whoever is about to press a button keeps it.
    if (busy || (main.contains(document.activeElement) && document.activeElement !== main)) return;
    busy = true;
    try {
      const answer = await fetch(location.pathname + location.search, { credentials: "same-origin" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      main.replaceChildren(...page.getElementById("main").childNodes);
      live.textContent = "Updated " + new Date().toLocaleTimeString();
    } finally {
      busy = false;
    }
  };
  const events = new EventSource("/events");
  events.addEventListener("change", refresh);
  events.addEventListener("error", () => { live.textContent = "No connection; what is shown may be old."; });
})();

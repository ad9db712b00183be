// Keeps a live page fresh without losing the reader's place. Every page works without this.
"use strict";
(() => {
  const main = document.querySelector("main[data-live]");
  if (!main) return;
  let touched = false;
  main.addEventListener("input", () => { touched = true; });
  const again = async () => {
    if (document.hidden || touched || main.contains(document.activeElement)) return;
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    // A session that ended leads to the sign-in page: go there.
    if (answer.redirected || !answer.ok) { location.reload(); return; }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const content = fresh.querySelector("main");
    if (content && !touched) main.replaceChildren(...content.childNodes);
    const clock = fresh.querySelector(".now");
    if (clock) document.querySelector(".now")?.replaceWith(clock);
  };
  const soon = () => { again().catch(() => {}); };
  // Headquarters says when something changed; the clock of due times moves by itself.
  const stream = new EventSource("/events");
  stream.addEventListener("changed", soon);
  setInterval(soon, 30000);
})();

// Keys for people who work here all day, and live pages that keep the reader's place. Every page
// works without this.
"use strict";
(() => {
  // "/" searches; j and k go from line to line, Enter opens; Escape leaves a field.
  const step = (by) => {
    const links = [...document.querySelectorAll("main tbody a.title, main tbody td a:first-of-type")]
      .filter((a, i, all) => all.findIndex((b) => b.closest("tr") === a.closest("tr")) === i);
    const at = links.findIndex((a) => a.closest("tr")?.contains(document.activeElement));
    const to = links[Math.min(Math.max(at + by, 0), links.length - 1)];
    to?.focus();
    to?.closest("tr")?.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
    const field = e.target.closest?.("input, textarea, select");
    if (e.key === "Escape" && field) { field.blur(); return; }
    if (field) return;
    const marked = document.querySelector(`[data-key="${CSS.escape(e.key)}"]`);
    if (marked) { e.preventDefault(); marked.focus(); marked.select?.(); return; }
    if (e.key === "j") step(1);
    if (e.key === "k") step(-1);
  });
})();
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

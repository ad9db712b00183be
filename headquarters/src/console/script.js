// Keys for people who work here all day, and live pages that keep the reader's place. Every page
// works without this.
"use strict";
(() => {
  // "/" searches; j and k go from line to line, Enter opens; Escape leaves a field; "?" explains;
  // g and a letter go to a room.
  const step = (by) => {
    const links = [...document.querySelectorAll("main tbody a.title, main tbody td a:first-of-type")]
      .filter((a, i, all) => a.checkVisibility?.() !== false && all.findIndex((b) => b.closest("tr") === a.closest("tr")) === i);
    const at = links.findIndex((a) => a.closest("tr")?.contains(document.activeElement));
    const to = links[Math.min(Math.max(at + by, 0), links.length - 1)];
    to?.focus();
    to?.closest("tr")?.scrollIntoView({ block: "nearest" });
  };
  let going = false;
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
    const field = e.target.closest?.("input, textarea, select");
    if (e.key === "Escape" && field) { field.blur(); return; }
    if (field) return;
    const room = going && document.querySelector(`[data-go="${CSS.escape(e.key)}"]`);
    going = !going && e.key === "g";
    if (room) { e.preventDefault(); location.assign(room.href); return; }
    const marked = document.querySelector(`[data-key="${CSS.escape(e.key)}"]`);
    if (marked) { e.preventDefault(); marked.focus(); marked.select?.(); return; }
    if (e.key === "?") document.getElementById("keys")?.togglePopover?.();
    if (e.key === "j") step(1);
    if (e.key === "k") step(-1);
  });
  // A link into a closed part opens it, also where the browser does not do so itself.
  const reveal = () => {
    const fold = location.hash && document.getElementById(location.hash.slice(1))?.closest("details");
    if (fold && !fold.open) { fold.open = true; fold.scrollIntoView(); }
  };
  addEventListener("hashchange", reveal);
  reveal();
})();
(() => {
  const main = document.querySelector("main[data-live]");
  if (!main) return;
  // Parts in which somebody types stay as they are until the page is left.
  const touched = new Set();
  const part = (node) => [...main.children].find((c) => c.contains(node));
  main.addEventListener("input", (e) => { touched.add(part(e.target)); });
  const busy = (old) => touched.has(old)
    || (old.contains(document.activeElement) && document.activeElement.matches("input, textarea, select"));
  // Parts are exchanged one by one only while the page still has the same parts in the same order.
  const name = (c) => c.id || c.querySelector(":scope > [id]")?.id || c.tagName;
  const links = (node) => [...node.querySelectorAll("a[href]")];
  const swap = (old, fresh) => {
    if (busy(old)) return;
    if (old.matches("details")) fresh.open = old.open;
    [...old.querySelectorAll("details")].forEach((d, i) => {
      const same = fresh.querySelectorAll("details")[i];
      if (same) same.open = d.open;
    });
    if (old.isEqualNode(fresh)) return;
    const focus = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
    old.replaceWith(fresh);
    if (focus) links(fresh).find((a) => a.getAttribute("href") === focus)?.focus({ preventScroll: true });
  };
  // The line at the upper edge stays there, whatever comes in above it.
  const kept = (change) => {
    const edge = links(main).find((a) => a.getBoundingClientRect().top >= 0);
    const [href, top] = [edge?.getAttribute("href"), edge?.getBoundingClientRect().top];
    change();
    const now = scrollY > 0 && href && links(main).find((a) => a.getAttribute("href") === href);
    if (now) scrollBy(0, now.getBoundingClientRect().top - top);
  };
  const again = async () => {
    if (document.hidden) return;
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    // A session that ended leads to the sign-in page: go there, unless words would be lost.
    if (answer.redirected || !answer.ok) { if (!touched.size) location.reload(); return; }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = [...(fresh.querySelector("main")?.children ?? [])].filter((c) => !c.matches(".done"));
    const old = [...main.children].filter((c) => !c.matches(".done"));
    kept(() => {
      const same = old.length === now.length && old.every((o, i) => name(o) === name(now[i]));
      if (same) old.forEach((o, i) => swap(o, now[i]));
      else if (!old.some(busy)) main.replaceChildren(...now);
    });
    const clock = fresh.querySelector(".now");
    if (clock) document.querySelector(".now")?.replaceWith(clock);
  };
  const soon = () => { again().catch(() => {}); };
  // Headquarters says when something changed; the clock of due times moves by itself.
  const stream = new EventSource("/events");
  stream.addEventListener("changed", soon);
  stream.addEventListener("error", () => { if (stream.readyState === EventSource.CLOSED) soon(); });
  document.addEventListener("visibilitychange", soon);
  setInterval(soon, 30000);
})();

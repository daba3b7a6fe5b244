"use strict";
// The page first: theme, the section in view, the copy button. The map is drawn by map.js.
const root = document.documentElement;
const darkWanted = window.matchMedia("(prefers-color-scheme: dark)");
function storedTheme() {
  try { return localStorage.getItem("metafuse-theme"); } catch { return null; }
}
function applyTheme(theme) {
  root.dataset.theme = theme;
  document.getElementById("dark").media = theme === "dark" ? "all" : "not all";
  root.dispatchEvent(new Event("themechange"));
}
applyTheme(storedTheme() || (darkWanted.matches ? "dark" : "light"));
darkWanted.addEventListener("change", () => { if (!storedTheme()) applyTheme(darkWanted.matches ? "dark" : "light"); });

function startPage() {
  const button = document.getElementById("theme");
  button.hidden = false;
  button.addEventListener("click", () => {
    const theme = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("metafuse-theme", theme); } catch { /* not kept, still applied */ }
    applyTheme(theme);
  });
  // Paper is white: a dark page would print as a black one.
  let before = null;
  window.addEventListener("beforeprint", () => { before = root.dataset.theme; applyTheme("light"); });
  window.addEventListener("afterprint", () => { if (before) applyTheme(before); });

  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      const link = links.get(entry.target.id);
      link.setAttribute("aria-current", "true");
      const list = link.closest("nav");
      list.scrollTo({ left: link.offsetLeft - list.offsetLeft - 40 });
    }
  }, { rootMargin: "-20% 0px -70% 0px" });
  for (const id of links.keys()) seen.observe(document.getElementById(id));

  const copy = document.getElementById("copy");
  if (copy && navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(document.getElementById("labels").value);
        copy.textContent = "Copied";
      } catch {
        document.getElementById("labels").select();
      }
    });
  }
}
document.addEventListener("DOMContentLoaded", () => { startPage(); if (document.getElementById("points")) startMap(); });

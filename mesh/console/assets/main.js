import { connect, session } from "./server.js";
import { cascade } from "./cascade.js";
import { cascades } from "./cascades.js";
import { letters } from "./letters.js";
import { limits } from "./limits.js";
import { live } from "./live.js";

// The views, by the paths that show them. A view fills the page, and returns what ends it.
const views = [
  [/^\/$/, "Live", live],
  [/^\/cascades$/, "Cascades", cascades],
  [/^\/cascade\/(.+)$/, "Cascade", cascade],
  [/^\/limits$/, "Limits", limits],
  [/^\/letters$/, "Letters", letters],
];

const main = document.getElementById("main");
let end = () => {};

function show() {
  const path = location.pathname;
  const [pattern, title, view] = views.find(([pattern]) => pattern.test(path)) || views[0];
  end();
  main.replaceChildren();
  document.title = `${title} · leafmesh`;
  end = view(main, ...(path.match(pattern)?.slice(1) || [])) || (() => {});
  for (const link of document.querySelectorAll("#menu a")) {
    const isHere = link.pathname === path || (link.pathname === "/cascades" && path.startsWith("/cascade/"));
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

// A link to another view needs no other page.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.origin !== location.origin || link.hash || link.target || !views.some(([pattern]) => pattern.test(link.pathname))) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  show();
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
});
addEventListener("popstate", show);
// A new invitation that is opened in this tab changes nothing but the hash.
addEventListener("hashchange", () => {
  if (location.hash.startsWith("#open=")) location.reload();
});

const state = document.getElementById("state");
const words = { live: "live", silent: "no news", gone: "no answer, trying again" };
connect((how) => {
  if (state.textContent === words[how]) return;
  state.textContent = words[how];
  state.className = how === "live" ? "live" : "gone";
});

show();
session().then(({ links }) => {
  const menu = document.getElementById("menu");
  for (const { text, path } of links) {
    const link = document.createElement("a");
    link.href = path;
    link.textContent = text;
    menu.append(link);
  }
}, (error) => {
  const problem = document.createElement("p");
  problem.className = "problem";
  problem.role = "alert";
  problem.textContent = error.message;
  document.querySelector("header").after(problem);
});

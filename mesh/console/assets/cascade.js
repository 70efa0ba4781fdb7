import { h, s, setText, span } from "./dom.js";
import { ask } from "./server.js";

// cascade shows one as a tree, with a timeline beside it.
export function cascade(main, of) {
  const body = h("div", {}, h("p", { class: "note" }, "asking the nodes"));
  main.append(h("p", { class: "note" }, h("a", { href: "/cascades" }, "Cascades"), " / one of them"), body);
  let ended = false;
  ask(`/api/cascade?of=${encodeURIComponent(decodeURIComponent(of))}`).then((found) => {
    if (ended) return;
    body.replaceChildren(...picture(found));
    body.querySelector(".step.bad")?.scrollIntoView({ block: "nearest" });
  }, (error) => body.replaceChildren(h("p", { class: "problem", role: "alert" }, error.message)));
  return () => { ended = true; };
}

function picture(x) {
  const [verdict, ...more] = x.verdict.split("\n");
  const copied = h("span", { role: "status", class: "note" });
  const share = h("button", { type: "button", onclick: () => {
    navigator.clipboard?.writeText(location.href).then(() => setText(copied, "copied"), () => setText(copied, location.href));
  } }, "Copy the link");
  const wrong = x.path.length > 0;
  const rows = [];
  for (const event of x.cascades) flatten(event, 0, rows);
  return [
    h("h1", { class: wrong ? "verdict bad" : "verdict" }, verdict),
    more.length > 0 && h("p", { class: "note" }, more.join(" ")),
    wrong && h("p", { class: "way" }, "The way there: ", h("span", { class: "code" }, x.path.join(" → "))),
    h("form", { class: "line", onsubmit: (event) => event.preventDefault() }, h("code", {}, x.asked), share, copied),
    x.problem && h("p", { class: "problem", role: "alert" }, x.problem),
    rows.length > 0 && h("section", { class: "sheet cascade" },
      h("div", { class: "axis", "aria-hidden": "true" }, h("span"), axis(x.lasted)),
      h("ol", { class: "tree", "aria-label": "The events and what became of them, in the order of causes" }, rows.map((row) => line(row, x.lasted)))),
    x.missing.length > 0 && h("section", { class: "sheet" }, h("h2", {}, "Not known"), h("ul", {}, x.missing.map((m) => h("li", {}, m)))),
  ].filter(Boolean);
}

// flatten lists an event, what became of it, and its effects.
function flatten(event, depth, rows) {
  rows.push({ depth, event });
  for (const step of event.steps) rows.push({ depth, step, event });
  for (const effect of event.effects) flatten(effect, depth + 1, rows);
}

function line({ depth, event, step }, lasted) {
  const indent = `in-${Math.min(depth, 12)}`;
  if (!step) {
    const name = [event.type || "an event", event.key && ` (${event.key})`, event.node && ` from ${event.node}`].filter(Boolean).join("");
    return h("li", { class: `event ${indent}${event.on_path ? " path" : ""}` },
      h("div", { class: "name" }, h("strong", {}, name), event.asked && h("span", { class: "note" }, " asked for"),
        event.begins && h("span", { class: "note" }, " begins a cascade of its own"), event.missing && h("span", { class: "note" }, ` not known: ${event.missing}`)),
      event.at >= 0 ? bar(lasted, [["instant", event.at, 0]], `after ${span(event.at)}`) : h("span"));
  }
  return h("li", { class: `step ${indent}${step.bad ? " bad" : ""}` },
    h("div", { class: "name" }, step.text, step.note && h("span", { class: "note" }, `; ${step.note}`),
      step.errors.map((e) => h("div", { class: "code" }, e.error, e.count > 1 ? ` (${e.count} times)` : ""))),
    bar(lasted, [["waited", step.at - step.waited, step.waited], [step.bad ? "failed" : "took", step.at, step.took]], `after ${span(Math.max(0, step.at))}`));
}

const wide = 1000, high = 16;

// bar draws spans of time, in a picture as wide as all of it.
function bar(lasted, spans, label) {
  const scale = wide / Math.max(lasted, 1);
  return s("svg", { viewBox: `0 0 ${wide} ${high}`, preserveAspectRatio: "none", class: "bar", role: "img", "aria-label": label },
    spans.filter(([kind, , took]) => took > 0 || kind !== "waited").map(([kind, at, took]) => {
      const length = Math.max(took * scale, 4), x = Math.min(Math.max(0, at * scale), wide - length);
      return s("rect", { class: kind, x, width: length, y: kind === "instant" ? 0 : 5, height: kind === "instant" ? high : 6 });
    }));
}

// axis names the times at the ends and in the middle.
function axis(lasted) {
  return h("div", { class: "ticks" }, h("span", {}, "0"), h("span", {}, span(Math.round(lasted / 2))), h("span", {}, span(lasted)));
}

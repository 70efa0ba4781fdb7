import { Table, h, setText, span } from "./dom.js";
import { poll } from "./poll.js";
import { ask } from "./server.js";

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
const when = (ns) => clock.format(new Date(ns / 1e6));
const id = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

// every is how often the lists are asked for.
const every = 3000;

// cascades lists those that went wrong, and the slowest.
export function cascades(main) {
  const links = new Map();
  // A link stays the same from one answer to the next, so that the focus does. Each list has its own.
  const linkOf = (list, root, text) => {
    const key = [list, root, text].join();
    if (!links.has(key)) links.set(key, h("a", { href: `/cascade/${root}` }, text));
    return links.get(key);
  };
  const wrong = new Table("Went wrong, the newest first", [
    { title: "Began", of: (c) => linkOf("wrong", c.root, when(c.from)) },
    { title: "What", of: (c) => (c.worst ? c.worst.outcome + (c.worst.rule ? ` by ${c.worst.rule}` : "") : "slow"), class: () => "bad" },
    { title: "Event type", of: (c) => c.worst?.type || c.began || "" },
    { title: "Where", of: (c) => (c.worst ? `${c.worst.place || ""} on ${c.worst.node}`.trim() : c.node || "") },
    { title: "Error", of: (c) => c.worst?.error || "" }, { title: "Key", of: (c) => c.of || "" },
    { title: "Lasted", number: true, of: (c) => span(c.until - c.from) },
  ], { empty: "No cascade went wrong, as far as the nodes keep." });
  const slow = new Table("The slowest lately, of each handler, link and cascade", [
    { title: "At", of: (c) => linkOf("slow", c.root, when(c.at)) },
    { title: "What", of: (c) => ({ wait: "waited for the handler", handling: "was handled", link: "came over a link", cascade: "began it, and it ended" })[c.of] || c.of },
    { title: "Event type", of: (c) => c.type || "" }, { title: "Where", of: (c) => (c.peer ? `${c.peer} → ${c.node}` : `${c.place} on ${c.node}`.trim()) },
    { title: "Took", number: true, of: (c) => span(c.took) },
  ], { empty: "Nothing was measured yet." });
  const older = h("p", { class: "note" });
  const said = h("p", { class: "problem", role: "alert" });
  const text = h("input", { name: "of", size: 44, autocomplete: "off", spellcheck: "false", "aria-label": "An id, a letter's key or a line of a log", placeholder: "an id, a letter's key or a line of a log" });
  const find = h("form", { class: "line", role: "search", onsubmit: (event) => {
    event.preventDefault();
    const found = text.value.match(id), of = found ? found[0] : text.value.trim();
    if (of) open(`/cascade/${encodeURIComponent(of)}`);
  } }, text, h("button", {}, "Explain"));
  // A link that is clicked leads there without another page.
  const open = (href) => {
    const link = h("a", { href, hidden: true });
    main.append(link);
    link.click();
  };
  main.append(h("h1", {}, "Cascades"), h("p", { class: "lead" }, "What began with one event: who caused what, where, and how it ended."),
    h("section", { class: "sheet" }, find, said),
    h("section", { class: "sheet" }, wrong.element, older), h("section", { class: "sheet" }, slow.element));
  const polled = poll(async (ended) => {
    const list = await ask("/api/cascades");
    if (ended()) return;
    wrong.update(list.wrong.map((c) => ({ ...c, of: c.key, key: c.root })));
    slow.update(list.slow.map((c) => ({ ...c, key: [c.node, c.of, c.type, c.place, c.peer].join() })));
    setText(older, list.more ? `${list.more} older ones are not shown.` : "");
    setText(said, list.problems.map((p) => `${p.node}: ${p.error}`).join("; "));
  }, every, (text) => setText(said, text));
  return polled.end;
}

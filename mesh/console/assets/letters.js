import { Table, h, number, setText } from "./dom.js";
import { poll } from "./poll.js";
import { rightsOf } from "./rights.js";
import { ask, change, session } from "./server.js";

const when = (text) => new Date(text).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });

// tries has the number with what it counts: a delivery of a durable import may be several calls.
const tries = (l) => {
  const [one, many] = l.peer ? ["delivery", "deliveries"] : ["call", "calls"];
  return `${number(l.tries)} ${l.tries === 1 ? one : many}`;
};

// letters lists the dead letters that are kept, and replays and drops them.
export function letters(main) {
  const said = h("p", { class: "problem", role: "alert" }), told = h("p", { role: "status", class: "note" }), rights = h("p", { class: "note" });
  let changes = []; // the nodes that may be changed from here
  const cells = new Map();
  // What is in a cell stays the same from one answer to the next, so that the focus does.
  const cell = (key, make) => {
    if (!cells.has(key)) cells.set(key, make());
    return cells.get(key);
  };
  const act = async (what, l, path) => {
    try {
      setText(told, `${what} ${l.type} of ${l.handler} …`);
      await change(path, { node: l.node, key: l.letter });
      setText(told, `${what} ${l.type} of ${l.handler}: done`);
      setText(said, "");
    } catch (error) {
      setText(told, "");
      setText(said, error.message);
    }
    polled.again();
  };
  const buttons = (l) => h("span", { class: "line", hidden: !changes.includes(l.node) },
    h("button", { type: "button", "aria-label": `Replay ${l.type} of ${l.handler}`, onclick: () => act("Replay", l, "/api/letter/replay") }, "Replay"),
    h("button", { type: "button", "aria-label": `Drop ${l.type} of ${l.handler}`, onclick: () => {
      if (confirm(`Delete this event of ${l.type} for good?`)) act("Drop", l, "/api/letter/drop");
    } }, "Drop"));
  const list = new Table("Dead letters, the newest first", [
    { title: "Given up", of: (l) => (l.root ? cell(`link ${l.key}`, () => h("a", { href: `/cascade/${l.root}` }, when(l.at))) : when(l.at)) },
    { title: "Node", of: (l) => l.node }, { title: "Event type", of: (l) => l.type }, { title: "Handler", of: (l) => l.handler }, { title: "Key", of: (l) => l.event_key || "" },
    { title: "Error", of: (l) => l.error }, { title: "Tries", number: true, of: tries }, { title: "From", of: (l) => l.peer },
    { title: "", of: (l) => cell(`act ${l.key} ${changes.includes(l.node)}`, () => buttons(l)) },
  ], { empty: "No dead letter is kept." });
  const again = new Table("Retried: what waits in the outboxes to come again", [
    { title: "Event type", of: (a) => a.type }, { title: "Kept on", of: (a) => a.node }, { title: "For", of: (a) => a.service },
    { title: "Wait to come again", number: true, of: (a) => number(a.aside), class: (a) => (a.aside ? "hot" : "zero") },
    { title: "Under way", number: true, of: (a) => number(a.under_way), class: (a) => (a.under_way ? "" : "zero") },
    { title: "Came again so far", number: true, of: (a) => number(a.redelivered) },
  ], { empty: "Nothing was given twice." });
  main.append(h("h1", {}, "Dead letters and retries"),
    h("p", { class: "lead" }, "Dead letters are events that a handler gave up for good: those of durable imports, and with letters: all in the file those of the node itself. They are kept until they are replayed or dropped."),
    rights, said, told, h("section", { class: "sheet" }, list.element), h("section", { class: "sheet" }, again.element));
  const polled = poll(async (ended) => {
    const { changes: changer } = await session(), now = await ask("/api/letters");
    if (ended()) return;
    setText(rights, rightsOf(changer, now, now.letters.map((l) => l.node)));
    ({ changes } = now);
    list.update(now.letters.map((l) => ({ ...l, letter: l.key, key: `${l.node} ${l.key}` })));
    again.update(now.again.map((a) => ({ ...a, key: `${a.node} ${a.service} ${a.type}` })));
    if (now.more) setText(told, `${now.more} older ones are not shown`);
    if (now.problems.length) setText(said, now.problems.map((p) => `${p.node}: ${p.error}`).join("; "));
  }, 2000, (text) => setText(said, text));
  return polled.end;
}

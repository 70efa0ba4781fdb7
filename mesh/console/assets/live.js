import { Table, h, number, setText } from "./dom.js";
import { watch } from "./server.js";
import { EventFlow } from "./flow.js";
import { MeshMap } from "./map.js";
import { Stage } from "./stage.js";

const stopped = (r) => r.shed + r.refused, broken = (r) => r.failed + r.lost;
const hot = (rate) => (rate > 0 ? "hot" : "zero");
const rateColumn = (title, of, more) => ({ title, number: true, of: (r) => number(of(r)), class: (r) => (of(r) ? more || "" : "zero") });
const hotColumn = (title, of) => ({ title, number: true, of: (r) => number(of(r)), class: (r) => hot(of(r)) });

const figures = [
  ["Local / s", (n) => n.local], ["Exported / s", (n) => n.exported], ["Handled / s", (n) => n.handled],
  ["Stopped / s", stopped, true], ["Failed / s", broken, true], ["Waiting", (n) => n.waiting],
];

// A peer that may import, and imports nothing, does not dial: its link is unused. One that does not
// dial and was not asked may be broken, or unused.
const linkStates = { up: "linked", down: "broken", unused: "unused", unknown: "not known" };

// live is the mesh as it is now.
export function live(main) {
  const numbers = figures.map(([title, of, bad]) => ({ of, bad, box: h("div", {}, h("dt", {}, title), h("dd", {}, "–")) }));
  const map = new MeshMap(), flow = new EventFlow();
  const mapStage = new Stage("The nodes and their links; the tables below have the same as text", map);
  const flowStage = new Stage("Which event types lead to which; the tables below have the rates as text", flow);
  const nodes = new Table("Nodes", [
    { title: "Node", of: (n) => n.name },
    rateColumn("Local / s", (n) => n.local), rateColumn("Exported / s", (n) => n.exported, "away"), rateColumn("Imported / s", (n) => n.imported, "away"),
    rateColumn("Handled / s", (n) => n.handled), hotColumn("Stopped / s", stopped), hotColumn("Failed / s", broken),
    rateColumn("Waiting", (n) => n.waiting), { title: "State", of: stateOf, class: (n) => (stateOf(n) === "well" ? "" : "bad") },
  ]);
  const links = new Table("Links", [
    { title: "From", of: (l) => l.from }, { title: "To", of: (l) => l.to }, rateColumn("Events / s", (l) => l.rate, "away"),
    { title: "State", of: (l) => linkStates[l.state], class: (l) => (l.state === "down" ? "bad" : "") },
  ]);
  const types = new Table("Event types", [
    { title: "Type", of: (t) => t.type },
    rateColumn("Local / s", (t) => t.local), rateColumn("Exported / s", (t) => t.exported, "away"), rateColumn("Handled / s", (t) => t.handled),
    hotColumn("Shed / s", (t) => t.shed), hotColumn("Refused / s", (t) => t.refused), hotColumn("Retried / s", (t) => t.retried), hotColumn("Failed / s", broken),
  ]);
  const scroll = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Which types lead to which" }, flowStage.element);
  main.append(
    h("h1", { class: "hidden" }, "The mesh, live"),
    h("dl", { class: "figures" }, numbers.map((n) => n.box)),
    h("div", { class: "pair" },
      h("section", { class: "sheet" }, h("h2", {}, "Nodes and links"), mapStage.element,
        h("ul", { class: "key" }, h("li", {}, "stays on its node"), h("li", { class: "away" }, "crosses a link"), h("li", { class: "bad" }, "stopped, failed or broken"))),
      h("section", { class: "sheet" }, h("h2", {}, "What leads to what"), scroll)),
    h("section", { class: "sheet" }, types.element),
    h("div", { class: "pair wide" }, h("section", { class: "sheet" }, nodes.element), h("section", { class: "sheet" }, links.element)));
  mapStage.start();
  flowStage.start();
  const end = watch((snapshot) => {
    for (const { of, bad, box } of numbers) {
      const sum = snapshot.nodes.reduce((all, n) => all + of(n), 0);
      setText(box.lastChild, number(sum));
      box.className = bad && sum > 0 ? "hot" : "";
    }
    map.update(snapshot);
    mapStage.paint();
    if (flow.update(snapshot)) {
      flowStage.element.style.minWidth = `${flow.widthWanted}px`;
      flowStage.resize();
    }
    flowStage.paint();
    nodes.update(snapshot.nodes.map((n) => ({ ...n, key: n.name, class: n.problem ? "down" : "" })));
    links.update(snapshot.links.map((l) => ({ ...l, key: `${l.from} ${l.to}`, class: l.state === "down" ? "down" : "" })));
    types.update(snapshot.types.map((t) => ({ ...t, key: t.type })));
  });
  return () => {
    end();
    mapStage.stop();
    flowStage.stop();
  };
}

function stateOf(n) {
  if (n.problem) return n.problem;
  if (!n.asked) return "a peer, not asked";
  if (n.slow) return n.slow === 1 ? "a handler hangs" : `${n.slow} handlers hang`;
  return n.letters ? `${n.letters} dead letters` : "well";
}

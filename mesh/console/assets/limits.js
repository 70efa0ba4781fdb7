import { Table, h, number, setText } from "./dom.js";
import { poll } from "./poll.js";
import { rightsOf } from "./rights.js";
import { ask, change, session } from "./server.js";

const policies = ["refuse", "wait", "shed", "coalesce"];
const placeOf = (r) => (r.rule.place === "handler" ? `handler ${r.rule.handler || "of each"}` : r.rule.place);
const keyOf = (r) => [r.node, ...r.id].join(" ");

// limits shows the rules in force with their use, and where events are cut.
export function limits(main) {
  const said = h("p", { class: "problem", role: "alert" });
  const told = h("p", { class: "hidden", role: "status" });
  let before, list;
  const buttons = new Map();
  // A button stays the same from one answer to the next, so that the focus does.
  const button = (key, node, text, label, press) => {
    let known = buttons.get(key);
    if (!known) {
      known = h("button", { type: "button" });
      buttons.set(key, known);
    }
    known.onclick = press;
    setText(known, text);
    if (known.getAttribute("aria-label") !== label) known.setAttribute("aria-label", label);
    known.hidden = !list.changes.includes(node);
    return known;
  };
  const meters = new Map();
  const meter = (r) => {
    if (!meters.has(r.key)) meters.set(r.key, h("meter", { min: 0, max: 1, low: 0.7, high: 0.95, optimum: 0 }));
    const m = meters.get(r.key), use = r.per_second && r.rule.by === "type" ? Math.min(1, r.passes / r.per_second) : 0;
    m.value = use;
    m.setAttribute("aria-label", `${Math.round(100 * use)} % of the limit`);
    m.hidden = !r.per_second || r.rule.by !== "type";
    return m;
  };
  const rules = new Table("Limits", [
    { title: "Rule", of: (r) => r.rule.name }, { title: "Node", of: (r) => r.node }, { title: "Place", of: placeOf }, { title: "Events", of: (r) => r.rule.event },
    { title: "Of each", of: (r) => r.rule.by }, { title: "Limit", of: textOf },
    { title: "Passes / s", number: true, of: (r) => number(r.passes), class: (r) => (r.passes > 0 ? "" : "zero") }, { title: "Use", of: meter },
    { title: "Stops / s", number: true, of: (r) => number(r.stops), class: (r) => (r.stops > 0 ? "hot" : "zero") },
    { title: "Delays / s", number: true, of: (r) => number(r.delays), class: (r) => (r.delays > 0 ? "hot" : "zero") },
    { title: "Waiting", number: true, of: (r) => number(r.waiting), class: (r) => (r.waiting > 0 ? "hot" : "zero") },
    { title: "", of: (r) => button(r.key, r.node, "Change", `Change ${r.rule.name} of ${r.rule.event} at ${placeOf(r)} on ${r.node}`, () => edit(r)) },
  ], { empty: "No node has a limit." });
  const cuts = new Table("Cuts", [
    { title: "Event type", of: (p) => p.type }, { title: "Node", of: (p) => p.node }, { title: "Place", of: (p) => p.place },
    { title: "State", of: (p) => (p.cut ? "cut: its events are shed" : "open"), class: (p) => (p.cut ? "bad" : "") },
    { title: "", of: (p) => button(`cut ${p.key}`, p.node, p.cut ? "Restore" : "Cut", `${p.cut ? "Restore" : "Cut"} ${p.type} at ${p.place} on ${p.node}`, () => cut(p)) },
  ], { empty: "No place has such a name." });
  const filter = h("input", { type: "search", placeholder: "a type, node or place", "aria-label": "Show only places with this text", oninput: () => showPlaces() });
  const note = h("p", { class: "lead" });
  main.append(h("h1", {}, "Limits and cuts"), note, said, told,
    h("section", { class: "sheet" }, rules.element),
    h("section", { class: "sheet" }, h("div", { class: "line" }, filter), cuts.element));

  const showPlaces = () => {
    const text = filter.value.trim().toLowerCase();
    const shown = (list?.places || []).map((p) => ({ ...p, key: `${p.node} ${p.type} ${p.place}` })).filter((p) => p.key.toLowerCase().includes(text));
    cuts.update(shown.sort((a, b) => (b.cut || 0) - (a.cut || 0)));
  };
  const look = async (ended) => {
    const { changes } = await session(), now = await ask("/api/limits");
    if (ended()) return;
    list = now;
    setText(note, noteOf(changes, now));
    const old = new Map((before?.rules || []).map((r) => [keyOf(r), r])), seconds = before ? (now.at - before.at) / 1000 : 0;
    rules.update(now.rules.map((r) => {
      const was = old.get(keyOf(r)), rate = (of) => (was && seconds > 0 ? Math.max(0, r[of] - was[of]) / seconds : 0);
      return { ...r, key: keyOf(r), passes: rate("passed"), stops: rate("stopped"), delays: rate("delayed") };
    }));
    before = now;
    showPlaces();
    setText(said, now.problems.map((p) => `${p.node}: ${p.error}`).join("; "));
  };
  const failed = (text) => setText(said, text);
  const polled = poll(look, 1000, failed);

  const cut = async (p) => {
    try {
      await change("/api/cut", { node: p.node, type: p.type, place: p.place, cut: !p.cut });
      setText(told, `${p.type} at ${p.place} on ${p.node} is ${p.cut ? "restored" : "cut"}`);
      polled.again();
    } catch (error) {
      failed(error.message);
    }
  };
  const edit = (r) => {
    const open = dialog(r, async (body) => {
      await change("/api/limit", { node: r.node, id: r.id, ...body });
      setText(told, `${r.rule.name} on ${r.node} is changed`);
      polled.again();
    });
    main.append(open);
    open.showModal();
  };
  return polled.end;
}

// noteOf says how long a change holds, and what may be changed.
function noteOf(changes, now) {
  const rights = rightsOf(changes, now, [...now.rules, ...now.places].map((of) => of.node));
  if (!changes || !now.changes.length) return rights;
  return `What is changed here holds until the node is started again, or its rules are set anew. ${rights}`.trim();
}

function textOf({ rule }) {
  if (rule.concurrency) return `${rule.concurrency} at once`;
  return `${rule.limit.rate}, burst ${rule.limit.burst}, ${rule.limit.policy}`;
}

// changed has what is another value now: what somebody else changes of the rule meanwhile stays.
function changed(before, now) {
  return Object.fromEntries(Object.entries(now).filter(([name, value]) => value !== before[name]));
}

// dialog lets somebody change the numbers of a rule. save gets what the server takes.
function dialog(r, save) {
  const problem = h("p", { class: "problem", role: "alert" });
  const { rule } = r, close = () => box.close();
  const field = (label, input) => h("label", {}, h("span", {}, label), input);
  let fields, body;
  if (rule.concurrency) {
    const most = h("input", { type: "number", min: 1, max: 1024, value: rule.concurrency, required: true, autofocus: true });
    fields = [field("Calls at once", most)];
    body = () => changed(rule, { concurrency: Number(most.value) });
  } else {
    const rate = h("input", { name: "rate", value: rule.limit.rate, required: true, autofocus: true, spellcheck: "false", autocomplete: "off" });
    const burst = h("input", { name: "burst", type: "number", min: 1, value: rule.limit.burst, required: true });
    const policy = h("select", { name: "policy" }, policies.map((p) => h("option", { selected: p === rule.limit.policy }, p)));
    fields = [field("Rate, as in 200/s, 20/min or 3/h", rate), field("Burst: how many at once", burst), field("Over the limit", policy)];
    body = () => {
      const limit = changed(rule.limit, { rate: rate.value.trim(), burst: Number(burst.value), policy: policy.value });
      return Object.keys(limit).length ? { limit } : {};
    };
  }
  const box = h("dialog", { "aria-labelledby": "rule", onclose: () => box.remove() },
    h("form", { onsubmit: async (event) => {
      event.preventDefault();
      try {
        const asked = body();
        if (Object.keys(asked).length) await save(asked);
        close();
      } catch (error) {
        setText(problem, error.message);
      }
    } }, h("h2", { id: "rule" }, `${rule.name} on ${r.node}`), h("p", { class: "note" }, `${rule.event} at ${placeOf(r)}`), fields, problem,
    h("div", { class: "line" }, h("button", { class: "main" }, "Set"), h("button", { type: "button", onclick: close }, "Cancel"))));
  return box;
}

// h makes an element: h("p", {class: "note"}, "text", child). A property that begins with "on" is a
// listener; one that is false or null is left out.
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

// s makes an element of SVG.
export function s(tag, properties, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties || {})) if (value != null) element.setAttribute(name, value);
  element.append(...children.flat().filter((child) => child != null));
  return element;
}

// setText changes a text only if it is another one, so that nothing is laid out anew.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Table is a table whose rows stay while their numbers change. A column has a title, a text of a row,
// and may have a class of the cell. The first one names the row.
export class Table {
  constructor(caption, columns, options = {}) {
    this.columns = columns;
    this.rows = new Map();
    this.body = h("tbody");
    // Before the first answer nobody knows whether there are none.
    this.none = options.empty || "None.";
    this.empty = h("p", { class: "note" }, "Asking the nodes…");
    this.element = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
      h("table", {}, h("caption", { class: options.hidden ? "hidden" : null }, caption),
        h("thead", {}, h("tr", {}, columns.map((c) => h("th", { scope: "col", class: c.number ? "number" : null }, c.title)))), this.body),
      this.empty);
  }

  // update shows items, each with a key, in their order.
  update(items) {
    const seen = new Set();
    items.forEach((item, at) => {
      seen.add(item.key);
      let row = this.rows.get(item.key);
      if (!row) {
        row = h("tr", {}, this.columns.map((c, i) => h(i ? "td" : "th", i ? {} : { scope: "row" })));
        this.rows.set(item.key, row);
      }
      if (this.body.children[at] !== row) this.body.insertBefore(row, this.body.children[at] || null);
      row.className = item.class || "";
      this.columns.forEach((column, i) => this.fill(row.children[i], column, item));
    });
    for (const [key, row] of this.rows) {
      if (!seen.has(key)) {
        row.remove();
        this.rows.delete(key);
      }
    }
    setText(this.empty, this.none);
    this.empty.hidden = items.length > 0;
  }

  fill(cell, column, item) {
    const content = column.of(item);
    if (content instanceof Node) {
      if (cell.firstChild !== content) cell.replaceChildren(content);
    } else setText(cell, content);
    const name = (column.number ? "number " : "") + (column.class ? column.class(item) || "" : "");
    if (cell.className !== name) cell.className = name;
  }
}

// number writes a rate or a count shortly.
export function number(n) {
  if (n === 0) return "0";
  if (n < 10) return n.toFixed(1).replace(/\.0$/, "");
  if (n < 10000) return Math.round(n).toLocaleString("en");
  return (n / 1000).toLocaleString("en", { maximumFractionDigits: n < 100000 ? 1 : 0 }) + " k";
}

// span writes nanoseconds as people read them.
export function span(ns) {
  for (const [unit, size] of [["d", 864e11], ["h", 36e11], ["min", 6e10], ["s", 1e9], ["ms", 1e6], ["µs", 1e3]]) {
    if (ns >= size) return (ns / size).toLocaleString("en", { maximumSignificantDigits: 3 }) + " " + unit;
  }
  return ns > 0 ? ns + " ns" : "0";
}

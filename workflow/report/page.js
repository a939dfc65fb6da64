// What a page does beyond being read: it works without this, and this asks no network for anything.
// Text that came with the data is only ever read and compared as text, never made markup.
(() => {
  "use strict";

  const make = (name, properties = {}) => Object.assign(document.createElement(name), properties);

  // -- tables: sort by a heading, filter by a text ------------------------------------------------

  const FEWEST_TO_FILTER = 15;
  const texts = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  // what a cell says first; the small print (its interval) is no part of the order
  const said = (cell) =>
    [...cell.childNodes]
      .filter((node) => node.nodeName !== "SMALL")
      .map((node) => node.textContent)
      .join("")
      .trim();

  const numberOf = (cell) => {
    const found = /[−-]?\d[\d,]*(\.\d+)?(e[+-]?\d+)?/i.exec(said(cell));
    return found ? Number(found[0].replace("−", "-").replaceAll(",", "")) : NaN;
  };

  const sortBy = (table, heading, direction) => {
    const column = heading.cellIndex;
    const asNumbers = heading.classList.contains("n");
    const sign = direction === "descending" ? -1 : 1;
    const body = table.tBodies[0];
    const keyed = [...body.rows].map((row) => {
      const cell = row.cells[column];
      return { row, key: asNumbers ? numberOf(cell) : said(cell) };
    });
    keyed.sort((one, two) => {
      if (!asNumbers) return sign * texts.compare(one.key, two.key);
      const missing = Number.isNaN(one.key) - Number.isNaN(two.key); // last, whatever the direction
      return missing || (Number.isNaN(one.key) ? 0 : sign * (one.key - two.key));
    });
    body.append(...keyed.map((each) => each.row));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", direction);
  };

  const makeSortable = (table) => {
    for (const heading of table.tHead.rows[0].cells) {
      const button = make("button", { type: "button", className: "sort" });
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const now = heading.getAttribute("aria-sort");
        // of numbers the largest is wanted first
        const first = heading.classList.contains("n") ? "descending" : "ascending";
        const second = first === "descending" ? "ascending" : "descending";
        sortBy(table, heading, now === first ? second : first);
      });
    }
  };

  const makeFiltered = (table, place) => {
    const rows = [...table.tBodies[0].rows];
    const input = make("input", { type: "search", autocomplete: "off" });
    const label = make("label", { textContent: "Filter rows " });
    const count = make("output");
    input.setAttribute("aria-label", `Filter rows of: ${table.caption.textContent.trim()}`);
    label.append(input);
    const tools = make("div", { className: "tools" });
    tools.append(label, count);
    place.before(tools);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
    });
  };

  for (const table of document.querySelectorAll("table[data-sortable]")) {
    const rows = table.tBodies[0].rows.length;
    if (rows > 1) makeSortable(table);
    if (rows >= FEWEST_TO_FILTER) makeFiltered(table, table.closest(".scroll"));
  }

  // -- contents: open where there is room, and say where the reader is ----------------------------

  const contents = document.querySelector("nav.contents details");
  if (contents) {
    const wide = matchMedia("(min-width: 62rem)");
    const fit = () => { contents.open = wide.matches; };
    wide.addEventListener("change", fit);
    fit();
    const links = new Map(
      [...contents.querySelectorAll("a")].map((link) => [link.hash.slice(1), link])
    );
    for (const link of links.values()) {
      link.addEventListener("click", () => { if (!wide.matches) contents.open = false; });
    }
    const seen = new Set();
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) seen.add(entry.target.id);
        else seen.delete(entry.target.id);
      }
      const first = [...links.keys()].find((id) => seen.has(id));
      for (const [id, link] of links) {
        if (id === first) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    }, { rootMargin: "-10% 0px -60% 0px" });
    for (const id of links.keys()) watcher.observe(document.getElementById(id));
  }

  // -- copy ---------------------------------------------------------------------------------------

  const copy = async (element) => {
    try {
      await navigator.clipboard.writeText(element.innerText);
    } catch {
      // an old browser, or one that was told not to: what is selected can be copied by hand
      const selection = getSelection();
      selection.selectAllChildren(element);
      if (!document.execCommand("copy")) return "Selected: press Ctrl or Cmd and C";
      selection.removeAllRanges();
    }
    return "Copied";
  };

  for (const element of document.querySelectorAll("[data-copy]")) {
    const button = make("button", { type: "button", className: "copy" });
    button.textContent = element.dataset.copy;
    const status = make("output");
    const tools = make("div", { className: "tools" });
    tools.append(button, status);
    element.before(tools);
    button.addEventListener("click", async () => { status.textContent = await copy(element); });
  }

  // -- print: all of it ---------------------------------------------------------------------------

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const each of closed) each.open = true;
  });
  addEventListener("afterprint", () => { for (const each of closed) each.open = false; });
})();

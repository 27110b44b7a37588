"use strict";
(() => {
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);

  // Light and dark: the system's wish until a person says otherwise.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try { chosen = localStorage.getItem("dsbuild-theme"); } catch (error) { /* a page from disk may have no storage */ }
  const paint = () => { root.dataset.theme = chosen || (dark.matches ? "dark" : "light"); };
  const flip = () => {
    chosen = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("dsbuild-theme", chosen); } catch (error) { /* then it holds for this visit */ }
    paint();
  };
  dark.addEventListener("change", paint);
  paint();
  byId("theme").addEventListener("click", flip);

  const data = JSON.parse(byId("data").textContent);
  const find = byId("find"), group = byId("group"), source = byId("source"), list = byId("list"), row = byId("row"), told = byId("told"), help = byId("help");
  const text = (one) => [one.id, one.where, one.source, one.rule, one.detail, one.raw, ...one.turns.map((turn) => turn[1])].join("\n").toLowerCase();
  for (const one of data.rows) one.all = text(one);
  let shown = [], at = 0, masked = true;

  // Every text of the data goes through here: a text node, never markup.
  const make = (name, kind, said) => {
    const node = document.createElement(name);
    if (kind) node.className = kind;
    if (said !== undefined && said !== null) node.append(String(said));
    return node;
  };
  const marked = (node, said) => {
    const wanted = find.value.trim().toLowerCase();
    const low = said.toLowerCase();
    let from = 0;
    for (let hit = wanted && low.length === said.length ? low.indexOf(wanted) : -1; hit >= 0; hit = low.indexOf(wanted, from)) {
      node.append(said.slice(from, hit), make("mark", "", said.slice(hit, hit + wanted.length)));
      from = hit + wanted.length;
    }
    node.append(said.slice(from));
    return node;
  };

  const choose = () => {
    const wanted = find.value.trim().toLowerCase();
    shown = data.rows.filter((one) => (group.value === "" || String(one.g) === group.value) && (source.value === "" || one.source === source.value) && (!wanted || one.all.includes(wanted)));
    at = 0;
    list.replaceChildren(...shown.map((one, place) => {
      const item = make("li");
      item.setAttribute("role", "option");
      const top = make("div", "top");
      top.append(make("span", "", data.groups[one.g].label), make("span", "", one.source));
      item.append(top, marked(make("div", "said"), one.head));
      item.addEventListener("click", () => { at = place; show(false); });
      return item;
    }));
    told.textContent = shown.length === 1 ? "1 row" : shown.length + " rows";
    show(false);
  };

  const show = (scroll) => {
    [...list.children].forEach((item, place) => item.setAttribute("aria-selected", String(place === at)));
    const one = shown[at];
    if (!one) { row.replaceChildren(make("p", "quiet", "No sampled row matches.")); return; }
    if (scroll) list.children[at].scrollIntoView({ block: "nearest" });
    const parts = [make("h3", "mono", one.id), make("p", "where", one.where)];
    const verdict = data.groups[one.g].sentence;
    if (verdict) parts.push(make("div", "verdict", verdict + (one.rule ? ": " + one.rule : "") + (one.detail ? ": " + one.detail : "")));
    const facts = make("div", "facts");
    for (const [name, value, fails] of one.facts) {
      const fact = make("span", fails ? "fails" : "", name + " ");
      fact.append(make("b", "", value));
      facts.append(fact);
    }
    parts.push(facts);
    if (one.mask && masked) parts.push(masks(one.mask));
    else if (one.turns.length) parts.push(...one.turns.map(turn));
    else parts.push(marked(make("pre", "text"), one.raw || ""));
    row.replaceChildren(...parts);
    row.scrollTop = 0;
    byId("mask").hidden = !one.mask;
    byId("mask").textContent = masked ? "conversation" : "loss mask";
  };

  const turn = ([role, said, more]) => {
    const node = make("div", "turn " + (role === "assistant" ? "assistant" : ""));
    node.append(make("span", "", role), marked(make("div", "text"), said));
    if (more) node.append(make("span", "quiet", more + " more characters"));
    return node;
  };

  const masks = (runs) => {
    const node = make("div", "text");
    for (const [said, kind, weight] of runs) {
      const span = make("span", ["", "trained", "weighed", "control", "trained control"][kind]);
      if (weight !== undefined && weight !== 1) span.append(make("span", "weight", weight));
      said.split("\n").forEach((line, place) => {
        if (place) span.append(make("span", "break", "↵"), "\n");
        marked(span, line);
      });
      node.append(span);
    }
    return node;
  };

  const step = (by) => { if (shown.length) { at = Math.min(Math.max(at + by, 0), shown.length - 1); show(true); } };
  const toggle = () => { masked = !masked; show(false); };
  const ask = () => { if (help.open) help.close(); else help.showModal(); };
  find.addEventListener("input", choose);
  group.addEventListener("change", choose);
  source.addEventListener("change", choose);
  byId("mask").addEventListener("click", toggle);
  byId("keys").addEventListener("click", ask);
  byId("close").addEventListener("click", () => help.close());
  for (const link of document.querySelectorAll("a[data-group]")) {
    link.addEventListener("click", () => { group.value = link.dataset.group; find.value = ""; choose(); });
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
    if (event.key === "Escape" && typing) { event.target.blur(); return; }
    if (typing || help.open) return;
    const keys = { j: () => step(1), k: () => step(-1), t: flip, m: toggle, "?": ask };
    if (event.key === "/") { event.preventDefault(); byId("rows").scrollIntoView(); find.focus(); find.select(); return; }
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
  choose();
})();

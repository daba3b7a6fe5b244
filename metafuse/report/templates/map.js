// The map: points on a canvas, a legend that isolates groups, a card for the row under the pointer.
function startMap() {
  const data = JSON.parse(document.getElementById("points").textContent);
  const canvas = document.getElementById("plane");
  const pen = canvas.getContext("2d");
  const card = document.getElementById("card");
  const find = document.getElementById("find");
  const legend = document.getElementById("legend");
  const n = data.x.length;
  const inLists = new Map([...document.querySelectorAll("img[data-row]")].map((img) => [img.dataset.row, img.src]));
  const haystack = data.id.map((id, i) => `${id}\n${data.text[i]}`.toLowerCase());
  const view = { scale: 1, x: 0, y: 0 };
  let mode = data.classes.length ? "class" : "cluster";
  let placed = { x: data.x, y: data.y };
  let chosen = new Set();
  let hovered = -1;
  let current = -1;
  let query = "";
  let colours = {};

  const groupOf = (i) => (mode === "class" ? data.classOf[i] : mode === "cluster" ? data.clusterOf[i] : -1);
  const names = () => (mode === "class" ? data.classes : data.clusters);
  const colourIndex = () => (mode === "class" ? data.classColour : data.clusterColour);
  const margin = 22;
  const ring = data.labelled.filter(Boolean).length > 300 ? 1.2 : 2;
  const screenX = (i) => (margin + (placed.x[i] / 9999) * (canvas.clientWidth - 2 * margin)) * view.scale + view.x;
  const screenY = (i) => (margin + (1 - placed.y[i] / 9999) * (canvas.clientHeight - 2 * margin)) * view.scale + view.y;

  function readColours() {
    const style = getComputedStyle(root);
    const get = (name) => style.getPropertyValue(name).trim();
    const ramp = ["--s0", "--s1", "--s2", "--s3"].map((name) => get(name).match(/\w\w/g).map((part) => parseInt(part, 16)));
    colours = { groups: Array.from({ length: 12 }, (_, k) => get(`--c${k}`)), none: get("--none"), ink: get("--ink"), card: get("--card"), ramp };
  }
  function rampColour(share) {
    const at = Math.min(2.999, Math.max(0, share * 3));
    const k = Math.floor(at);
    return `rgb(${colours.ramp[k].map((low, c) => Math.round(low + (colours.ramp[k + 1][c] - low) * (at - k))).join()})`;
  }
  function colourOf(i) {
    // To the fourth power: most rows are ordinary and should stay quiet.
    if (mode === "unusual") return data.unusual[i] === null ? colours.none : rampColour((data.unusual[i] / 1000) ** 4);
    const group = groupOf(i);
    return group < 0 ? colours.none : colours.groups[colourIndex()[group]];
  }
  const nameOf = (i) => (names()[groupOf(i)] || "").toLowerCase();
  const isFound = (i) => !query || haystack[i].includes(query) || nameOf(i).includes(query);
  function isLit(i) {
    if (!isFound(i)) return false;
    if (hovered >= 0) return groupOf(i) === hovered;
    return chosen.size === 0 || chosen.has(groupOf(i));
  }

  function drawPoint(i, isLarge) {
    const x = screenX(i);
    const y = screenY(i);
    if (x < -9 || y < -9 || x > canvas.clientWidth + 9 || y > canvas.clientHeight + 9) return;
    const base = (n > 2500 ? 2.4 : n > 900 ? 2.9 : 3.6) * Math.min(1.6, view.scale ** 0.35) * (isLarge ? 1.5 : 1);
    pen.beginPath();
    pen.arc(x, y, data.labelled[i] && mode !== "unusual" ? base + ring : base, 0, 2 * Math.PI);
    if (data.unknown[i] && !data.labelled[i]) {
      pen.lineWidth = 1.6;
      pen.strokeStyle = colourOf(i);
      pen.stroke();
      return;
    }
    pen.fillStyle = colourOf(i);
    pen.fill();
    if (!data.labelled[i] || mode === "unusual") return;
    pen.lineWidth = ring * 0.9;
    pen.strokeStyle = colours.ink;
    pen.stroke();
  }
  function paintOrder() {
    const order = [...Array(n).keys()];
    const rank = (i) => (mode === "unusual" ? data.unusual[i] : data.labelled[i]) || 0;
    return order.sort((a, b) => rank(a) - rank(b));
  }
  let order = [];
  function draw() {
    const ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(canvas.clientWidth * ratio)) {
      canvas.width = Math.round(canvas.clientWidth * ratio);
      canvas.height = Math.round(canvas.clientHeight * ratio);
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    const lit = order.filter(isLit);
    if (lit.length < n) {
      pen.globalAlpha = 0.1;
      const isShown = new Set(lit);
      for (const i of order) if (!isShown.has(i)) drawPoint(i, false);
    }
    pen.globalAlpha = lit.length === n ? 0.85 : 1;
    for (const i of lit) drawPoint(i, false);
    pen.globalAlpha = 1;
    if (mode !== "unusual") drawNames(lit);
    if (current >= 0) {
      drawPoint(current, true);
      pen.beginPath();
      pen.arc(screenX(current), screenY(current), 12, 0, 2 * Math.PI);
      pen.lineWidth = 2;
      pen.strokeStyle = colours.ink;
      pen.stroke();
    }
  }
  const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
  function drawNames(lit) {
    const members = new Map();
    for (const i of lit) if (groupOf(i) >= 0) members.set(groupOf(i), [...(members.get(groupOf(i)) || []), i]);
    const taken = [];
    pen.font = "600 12.5px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    const most = (canvas.clientWidth / 36) * view.scale;
    for (const [group, rows] of [...members].sort((a, b) => b[1].length - a[1].length)) {
      const name = names()[group].length > 28 ? `${names()[group].slice(0, 27)}…` : names()[group];
      const half = pen.measureText(name).width / 2 + 5;
      const x = Math.min(canvas.clientWidth - half, Math.max(half, middle(rows.map(screenX))));
      const y = middle(rows.map(screenY));
      if (taken.length >= most) break;
      if (y < 8 || y > canvas.clientHeight - 8) continue;
      if (taken.some((box) => Math.abs(box.x - x) < box.half + half && Math.abs(box.y - y) < 20)) continue;
      taken.push({ x, y, half });
      pen.globalAlpha = 0.82;
      pen.fillStyle = colours.card;
      pen.beginPath();
      pen.roundRect(x - half, y - 9, 2 * half, 18, 5);
      pen.fill();
      pen.globalAlpha = 1;
      pen.fillStyle = colours.ink;
      pen.fillText(name, x, y);
    }
  }
  let isWaiting = false;
  function redraw() {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => { isWaiting = false; draw(); });
  }

  function part(tag, text, className) {
    const node = document.createElement(tag);
    node.textContent = text;
    if (className) node.className = className;
    return node;
  }
  function showCard(i) {
    if (i === current) return;
    current = i;
    card.hidden = i < 0;
    redraw();
    if (i < 0) return;
    card.replaceChildren();
    const source = data.photos[data.id[i]] || inLists.get(data.id[i]);
    if (source) {
      const img = document.createElement("img");
      img.src = source;
      img.alt = "";
      card.append(img);
    }
    card.append(part("p", data.id[i], "id"));
    if (data.text[i]) { const text = part("p", data.text[i], "text"); text.dir = "auto"; card.append(text); }
    const facts = document.createElement("dl");
    const add = (name, value) => facts.append(part("dt", name), part("dd", value));
    const sure = data.probability[i] === null || data.labelled[i] ? "" : `, ${data.probability[i]} %`;
    if (data.classOf[i] >= 0) add(data.labelled[i] ? "label" : "predicted", data.classes[data.classOf[i]] + sure);
    if (data.unknown[i]) add("unknown", "like none of the classes");
    if (data.clusterOf[i] >= 0) add("cluster", data.clusters[data.clusterOf[i]]);
    if (data.unusual[i] !== null) add("unusual", `more than ${Math.floor(data.unusual[i] / 10 - 0.1)} % of rows`);
    card.append(facts);
    const x = screenX(i);
    const y = screenY(i);
    const left = x > canvas.clientWidth / 2 ? x - card.offsetWidth - 16 : x + 16;
    card.style.left = `${Math.max(0, Math.min(canvas.clientWidth - card.offsetWidth, left))}px`;
    const top = left < 0 || left + card.offsetWidth > canvas.clientWidth ? (y > canvas.clientHeight / 2 ? y - card.offsetHeight - 18 : y + 18) : y - card.offsetHeight / 2;
    card.style.top = `${Math.max(0, Math.min(canvas.clientHeight - card.offsetHeight, top))}px`;
  }
  function nearest(x, y, reach) {
    let best = -1;
    let least = reach * reach;
    for (let i = 0; i < n; i += 1) {
      const apart = (screenX(i) - x) ** 2 + (screenY(i) - y) ** 2;
      if (apart < least && isLit(i)) { least = apart; best = i; }
    }
    return best;
  }
  function step(dx, dy) {
    const fromX = current < 0 ? canvas.clientWidth / 2 : screenX(current);
    const fromY = current < 0 ? canvas.clientHeight / 2 : screenY(current);
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < n; i += 1) {
      if (i === current || !isLit(i)) continue;
      const along = (screenX(i) - fromX) * dx + (screenY(i) - fromY) * dy;
      const across = Math.abs((screenX(i) - fromX) * dy) + Math.abs((screenY(i) - fromY) * dx);
      if (along > 0 && along + 2 * across < least) { least = along + 2 * across; best = i; }
    }
    if (best >= 0) showCard(best);
  }

  function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const scale = Math.min(40, Math.max(1, view.scale * factor));
    view.x = x - ((x - view.x) * scale) / view.scale;
    view.y = y - ((y - view.y) * scale) / view.scale;
    view.scale = scale;
    move(0, 0);
  }
  function move(dx, dy) {
    const bound = (value, size) => Math.min(0, Math.max(size * (1 - view.scale), value));
    view.x = bound(view.x + dx, canvas.clientWidth);
    view.y = bound(view.y + dy, canvas.clientHeight);
    canvas.classList.toggle("moved", view.scale > 1);
    showCard(-1);
    redraw();
  }
  listenToPointer({ canvas, zoom, move, show: (x, y, reach) => showCard(nearest(x, y, reach)), hide: () => showCard(-1) });
  canvas.addEventListener("keydown", (event) => {
    const act = { ArrowLeft: () => step(-1, 0), ArrowRight: () => step(1, 0), ArrowUp: () => step(0, -1), ArrowDown: () => step(0, 1),
      "+": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: () => zoom(0), Escape: () => showCard(-1) }[event.key];
    if (!act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  });

  function fillLegend() {
    legend.replaceChildren();
    if (mode === "unusual") {
      const ends = part("p", "", "ends");
      ends.append(part("span", "ordinary"), part("span", "most unusual"));
      legend.append(part("div", "", "ramp"), ends);
      return;
    }
    const sizes = names().map(() => 0);
    for (let i = 0; i < n; i += 1) if (groupOf(i) >= 0) sizes[groupOf(i)] += 1;
    const found = new Set(order.filter(isFound).map(groupOf));
    names().forEach((name, group) => {
      if (query && !found.has(group)) return;
      const button = part("button", "");
      button.type = "button";
      button.setAttribute("aria-pressed", String(chosen.has(group)));
      const label = part("span", name, "name");
      label.dir = "auto";
      button.append(part("i", "", `dot c${colourIndex()[group]}`), label);
      if (mode === "cluster" && data.newClusters[group]) button.append(part("span", "new", "badge"));
      button.append(part("span", String(sizes[group]), "n"));
      button.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") { hovered = group; redraw(); } });
      button.addEventListener("pointerleave", () => { hovered = -1; redraw(); });
      button.addEventListener("click", () => {
        if (!chosen.delete(group)) chosen.add(group);
        hovered = -1;
        button.setAttribute("aria-pressed", String(chosen.has(group)));
        tellMatches();
        redraw();
      });
      legend.append(button);
    });
  }
  function tellMatches() {
    const lit = order.filter(isLit).length;
    const what = mode === "class" ? [data.classes.length, "class", "classes"] : [data.clusters.length, "group", "groups"];
    const all = mode === "unusual" ? "" : `${what[0]} ${what[0] === 1 ? what[1] : what[2]}`;
    document.getElementById("matches").textContent = lit < n ? `${lit.toLocaleString("en")} of ${n.toLocaleString("en")} rows` : all;
  }
  function setMode(next) {
    mode = next;
    chosen = new Set();
    hovered = -1;
    for (const button of document.querySelectorAll("[data-mode]")) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    order = paintOrder();
    fillLegend();
    tellMatches();
    redraw();
  }
  for (const button of document.querySelectorAll("[data-mode]")) {
    const has = { class: data.classes.length, cluster: data.clusters.length, unusual: data.unusual.some((value) => value !== null) };
    button.hidden = !has[button.dataset.mode];
    button.addEventListener("click", () => setMode(button.dataset.mode));
  }
  const layouts = document.querySelectorAll("[data-layout]");
  for (const button of layouts) {
    button.addEventListener("click", () => {
      placed = button.dataset.layout === "other" ? { x: data.otherX, y: data.otherY } : { x: data.x, y: data.y };
      for (const each of layouts) each.setAttribute("aria-pressed", String(each === button));
      move(0, 0);
    });
  }
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => zoom({ in: 1.5, out: 1 / 1.5, all: 0 }[button.dataset.zoom]));
  }
  find.addEventListener("input", () => { query = find.value.trim().toLowerCase(); fillLegend(); tellMatches(); redraw(); });
  root.addEventListener("themechange", () => { readColours(); draw(); });
  new ResizeObserver(() => { canvas.width = 0; move(0, 0); }).observe(canvas);
  readColours();
  setMode(mode);
}

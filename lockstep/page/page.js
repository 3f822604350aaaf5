// Draws the document of lockstep/page/data.py and steps through it. Knows nothing of the protocols.
// What shares the page may use `lockstep.load(document, step)`, `lockstep.show(step)` and the event "lockstep:shown".
"use strict";
const lockstep = (() => {
  let run; // the document that is shown
  const $ = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";

  // An element with attributes and children; `svg` for one of a picture.
  function make(space, tag, attributes = {}, ...children) {
    const element = space ? document.createElementNS(space, tag) : document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) if (value !== false && value != null) element.setAttribute(key, value === true ? "" : value);
    element.append(...children.filter((one) => one != null && one !== false));
    return element;
  }
  const html = (...all) => make(null, ...all);
  const svg = (...all) => make(SVG, ...all);
  const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

  // -- what is known of each state ---------------------------------------------------------------------------------------------------

  let count, values, variable, decided, noReturn;
  function prepare() {
    count = run.steps.length;
    values = [run.first.values];
    for (const step of run.steps) {
      const now = values[values.length - 1].slice();
      for (const [at, value] of step.changes) now[at] = value;
      values.push(now);
    }
    variable = new Map(run.variables.map((name, at) => [name, at]));
    // The step after which neither end alone can prevent the breach; 0 if that was so from the start, null if it is not known.
    decided = run.chances.length > 0 && run.chances.every((one) => one.last != null || one.lost.every(Boolean));
    noReturn = decided ? Math.max(...run.chances.map((one) => (one.last == null ? 0 : one.last + 1))) : null;
  }
  const stateOf = (machine, n) => values[n][variable.get(`${machine[0]}.${machine[1]}.state`)];
  const endsAt = (n) => (n ? run.steps[n - 1] : run.first).ends;
  const flightAt = (n) => (n ? run.steps[n - 1] : run.first).flight;
  const headOf = ({ head, time }) => head.text + (time == null ? "" : `, at ${time} s`);
  const told = (one) => `${one.right ? "A to B" : "B to A"}: ${one.text}` + (one.fate ? `, ${one.fate === "sent" ? "sent" : one.fate}` : "");
  const brokenAt = (n) => run.claims.filter((claim) => claim.broken && claim.broken.step === n);
  // The run's own claim may break before for another cause than the one that is shown.
  const breaks = (n) => n > 0 && (brokenAt(n).length > 0 || (run.broken && n === run.broken.step));

  // -- a run, drawn once ---------------------------------------------------------------------------------------------------------------

  const tip = (id, taken) => svg("marker", { id, viewBox: "0 0 6 6", refX: 5, refY: 3, markerWidth: taken ? 4 : 6, markerHeight: taken ? 4 : 6, orient: "auto" },
    svg("path", { d: "M0 0L6 3L0 6z", class: taken ? "tip taken" : "tip" }));
  document.body.prepend(svg("svg", { width: 0, height: 0, style: null, "aria-hidden": "true", class: "said" }, svg("defs", {}, tip("tip", false), tip("taken", true))));

  function drawMachine(machine) {
    const [place, name] = machine;
    const { size, nodes, arrows } = run.tables[name].drawing;
    const picture = svg("svg", { viewBox: `0 0 ${size[0]} ${size[1]}`, width: size[0], height: size[1], role: "img" });
    const drawn = { machine, nodes: new Map(), arrows: new Map(), at: html("span", { class: "at" }), picture };
    for (const [from, to, path, back] of arrows) {
      const arrow = svg("path", { d: path, class: back ? "arrow back" : "arrow", "marker-end": "url(#tip)" });
      drawn.arrows.set(`${from} ${to}`, arrow);
      picture.append(arrow);
    }
    for (const [state, x, y, width] of nodes) {
      const node = svg("g", { class: "node", "data-state": state }, svg("rect", { x: x - width / 2, y: y - 10, width, height: 20, rx: 5 }),
        svg("text", { x, y: y + 4, "text-anchor": "middle" }, state));
      drawn.nodes.set(state, node);
      picture.append(node);
    }
    drawn.figure = html("figure", { "data-machine": `${place}.${name}` }, html("figcaption", { title: run.tables[name].title }, html("b", {}, name), " ", drawn.at), picture);
    return drawn;
  }

  let machines, summaries;
  function drawEnds() {
    const idle = new Set(run.idle);
    machines = run.machines.map(drawMachine);
    summaries = new Map();
    for (const end of ["A", "B"]) {
      const here = $(`end-${end}`), places = run.places.filter((one) => one[0] === end), opened = Boolean(here.querySelector("details[open]"));
      here.replaceChildren(html("h3", {}, `End ${end}`));
      for (const place of places) {
        const summary = html("p", { class: "now" });
        summaries.set(place, summary);
        if (place !== end) here.append(html("h4", {}, `Connection ${place}`));
        const all = machines.map((one, at) => [one, at]).filter(([one]) => one.machine[0] === place || (one.machine[0] === end && place === places[0]));
        const still = all.filter(([, at]) => idle.has(at));
        here.append(summary, html("div", { class: "machines" }, ...all.filter(([, at]) => !idle.has(at)).map(([one]) => one.figure)));
        if (still.length) {
          here.append(html("details", { open: opened }, html("summary", {}, `In one state throughout: ${still.map(([one]) => one.machine[1]).join(", ")}`),
            html("div", { class: "machines" }, ...still.map(([one]) => one.figure))));
        }
      }
    }
  }

  // A message: a double line in a box is ESP, a dashed line without a box is plaintext, a dotted one IKE.
  function drawMessage(one, y, wide) {
    const left = 10, right = wide - 10, middle = wide / 2;
    const [from, to] = one.right ? [left, right] : [right, left];
    const way = one.right ? 1 : -1;
    const begin = one.fate === "arrived" || one.fate === "injected" ? middle - way * 60 : from;
    const end = one.fate === "arrived" ? to - way * 4 : one.fate === "lost" ? middle + way * 60 : middle + way * 80;
    const line = `M${begin} ${y}H${end - (one.fate === "lost" ? 0 : way * 8)}`;
    const text = (one.forged ? "✶ attacker: " : "") + one.text;
    const half = Math.min(wide / 2 - 2, text.length * 3.1 + 8);
    const group = svg("g", { class: `msg ${one.line}` }, svg("path", { d: line, class: "shaft" }), one.line === "esp" && svg("path", { d: line, class: "core" }),
      svg("rect", { x: middle - half, y: y - 27, width: 2 * half, height: 18, rx: one.line === "ike" ? 9 : 2, class: "label" }), svg("text", { x: middle, y: y - 14 }, text));
    if (one.fate === "lost") group.append(svg("path", { d: `M${end - 6} ${y - 6}l12 12m0 -12l-12 12`, class: "cross" }));
    else group.append(svg("path", { d: `M${end} ${y}l${-way * 11} -6v12z`, class: "head" }));
    if (one.fate === "arrived") group.append(svg("path", { d: `M${to} ${y - 9}v18`, class: "bar" }));
    return group;
  }

  function drawWire(arrows) {
    const wide = 300, high = Math.max(60, arrows.length * 44 + 24);
    const what = arrows.length ? arrows.map(told).join("; ") : "nothing is sent or received";
    const picture = svg("svg", { viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": what },
      svg("path", { d: `M6 18V${high}M${wide - 6} 18V${high}`, class: "life" }), svg("text", { x: 2, y: 12 }, "A"), svg("text", { x: wide - 10, y: 12 }, "B"));
    arrows.forEach((one, at) => picture.append(drawMessage(one, 50 + at * 44, wide)));
    if (!arrows.length) picture.append(svg("text", { x: wide / 2, y: 44, "text-anchor": "middle" }, "nothing is sent or received"));
    return picture;
  }

  function drawLegend() {
    const sample = (line, text) => html("div", {}, svg("svg", { width: 46, height: 12, viewBox: "0 0 46 12", "aria-hidden": "true" }, svg("g", { class: `msg ${line}` },
      svg("path", { d: "M1 6H36", class: "shaft" }), line === "esp" && svg("path", { d: "M1 6H36", class: "core" }), svg("path", { d: "M45 6l-11 -5v10z", class: "head" }))), text);
    $("legend").append(sample("esp", "double line, boxed: protected by ESP"), sample("plain", "dashed, no box: plaintext"), sample("ike", "dotted, pill: IKE"),
      html("p", {}, "An arrow that ends at a bar arrives, at a cross is lost, in the middle is under way. ✶ an attacker's."),
      html("p", {}, "In the tables: filled is the state now, dashed a state passed in this step, a thick arrow was taken. What leads back to the first state is drawn when it is taken."));
  }

  function drawTimeline() {
    $("timeline").replaceChildren();
    for (let n = 0; n <= count; n++) {
      const marks = [];
      if (breaks(n)) marks.push(["✕", `${[...new Set([...brokenAt(n).map((one) => one.name), ...(run.broken && run.broken.step === n ? [run.broken.property] : [])])].join(", ")} broken`]);
      for (const one of run.chances) if (one.last != null && one.last + 1 === n) marks.push([`◆${one.end}`, `${one.end}'s last chance`]);
      if (n > 0 && n === noReturn) marks.push(["", "point of no return"]);
      if (run.loop && n > run.loop.from) marks.push(["↻", "repeated for ever"]);
      const says = `${n ? `step ${n}: ${headOf(run.steps[n - 1])}` : "before the first step"}${marks.map(([, word]) => `; ${word}`).join("")}`;
      const button = html("button", { type: "button", class: [breaks(n) && "breaks", n > 0 && n === noReturn && "turns"].filter(Boolean).join(" "), title: says, "aria-label": says },
        [String(n), ...marks.map(([sign]) => sign).filter(Boolean)].join(" "));
      button.addEventListener("click", () => show(n));
      $("timeline").append(html("li", {}, button));
    }
  }

  function drawRun() {
    const body = $("run").querySelector("tbody");
    body.replaceChildren();
    for (let n = 0; n <= count; n++) {
      const button = html("button", { type: "button", "aria-label": `Show state ${n}` }, String(n));
      button.addEventListener("click", () => show(n));
      const wire = n ? run.steps[n - 1].arrows.map((one) => html("div", {}, told(one))) : [];
      body.append(html("tr", {}, html("td", {}, button), html("td", {}, n ? headOf(run.steps[n - 1]) : "start"), html("td", {}, ...wire),
        html("td", {}, ...endsAt(n).map((one, at) => html("div", {}, `${run.places[at]}: ${one}`)))));
    }
  }

  function drawReadings() {
    const changed = run.readings.filter((one) => one.changed).length, body = $("readings").querySelector("tbody");
    body.replaceChildren();
    $("readings").querySelector("summary").textContent = `Readings: preset ${run.preset}, ${changed ? `${changed} changed` : "none changed"}`;
    for (const one of [...run.readings].sort((a, b) => b.changed - a.changed)) {
      body.append(html("tr", { class: one.changed ? "changed" : null }, ...[one.name, one.value, one.changed ? one.preset : "same", one.about, one.source]
        .map((text) => html("td", {}, text))));
    }
  }

  let cells;
  function drawVariables() {
    cells = run.variables.map((name) => {
      const now = html("td"), before = html("td");
      return { line: html("tr", { "data-variable": name }, html("td", {}, name), now, before), now, before };
    });
    $("variables").querySelector("tbody").replaceChildren(...cells.map((one) => one.line));
  }

  function drawHead() {
    document.title = run.finding ? `${run.finding.name}: ${run.finding.title}` : run.title;
    $("title").textContent = document.title;
    $("kind").textContent = run.title;
    $("kind").hidden = !run.finding;
    $("sentence").replaceChildren(...(run.broken ? ["Breaks at ", html("b", {}, run.broken.end), ", by the text: ", html("q", {}, run.broken.sentence), ` (${run.broken.source})`] : []));
    const bounds = Object.entries(run.bounds).map(([key, value]) => `${key} ${value}`).join(", ");
    $("facts").textContent = [...run.lines, run.finding && `about ${run.finding.source}`, `bounds: ${bounds}`, run.loop && `for ever: ${run.loop.says}`].filter(Boolean).join(" · ");
    $("footer").textContent = `${run.made}; model ${run.model}, engine ${run.engine}.`
      + " The draft's sentences are given in other words; section and lines say where they stand in draft-ward-bgp-ipsec-00."
      + (run.chances.length ? " Last chances: what one end could still rule out by reading the text otherwise, against everything else." : "");
  }

  // -- one state ---------------------------------------------------------------------------------------------------------------------

  function showMachines(n) {
    const moves = new Map((n ? run.steps[n - 1].moves : []).map(([at, ...states]) => [at, states]));
    machines.forEach((one, at) => {
      const now = stateOf(one.machine, n), passed = moves.get(at) || [];
      for (const [state, node] of one.nodes) node.setAttribute("class", state === now ? "node lit" : passed.includes(state) ? "node passed" : "node");
      for (const [key, arrow] of one.arrows) {
        const taken = passed.slice(1).some((to, i) => `${passed[i]} ${to}` === key);
        arrow.classList.toggle("taken", taken);
        arrow.setAttribute("marker-end", taken ? "url(#taken)" : "url(#tip)");
      }
      one.at.textContent = passed.length ? passed.join(" → ") : now;
      one.figure.classList.toggle("moved", passed.length > 0);
      one.picture.setAttribute("aria-label", `${one.machine[1]} at ${one.machine[0]}: ${passed.length ? `from ${passed.join(" to ")}` : `in ${now}`}`);
    });
    endsAt(n).forEach((text, at) => { summaries.get(run.places[at]).textContent = text; });
  }

  // `shown`: sentences that an earlier rule of the step has shown; they are only named again.
  function ruleItem([place, number], shown) {
    const row = run.rows[number];
    const again = row.sentences.filter((id) => shown.has(id));
    const next = row.next === "same" ? "" : ` → ${row.next}`;
    return html("li", {}, html("span", { class: "who" }, place || "·"), html("span", { class: "row" }, `${row.table}: ${row.row}`),
      html("div", { class: "source" }, `in ${row.state}, ${row.event}${next}`, html("br"), row.source),
      html("code", {}, `${row.guard ? `if ${row.guard}: ` : ""}${row.actions || "nothing"}${next}`), ...row.sentences.filter((id) => !shown.has(id)).map((id) => {
        const one = run.sentences[id];
        shown.add(id);
        return html("div", { class: "sentence" }, html("b", {}, `${one.source} (${one.keyword}): `), one.says);
      }), again.length > 0 && html("div", { class: "sentence source" }, `as above: ${again.map((id) => run.sentences[id].source.replace("draft ", "")).join(", ")}`));
  }

  function showRules(n) {
    const rows = n ? run.steps[n - 1].rows : [];
    const shown = new Set();
    const [quiet, loud] = [true, false].map((still) => rows.filter(([, number]) => run.rows[number].quiet === still));
    $("fired").replaceChildren(...(n ? (loud.length ? loud.map((one) => ruleItem(one, shown)) : [html("li", {}, "Only the network acts in this step.")])
      : [html("li", {}, "The state in which the run starts.")]));
    $("carried").hidden = quiet.length === 0;
    $("carried").querySelector("summary").textContent = `${plural(quiet.length, "row")} that only carried this on`;
    $("carried").querySelector("ol").replaceChildren(...quiet.map((one) => ruleItem(one, shown)));
    const changes = n ? run.steps[n - 1].changes : [];
    $("changes").hidden = changes.length === 0;
    $("changes").querySelector("summary").textContent = `${plural(changes.length, "variable")} changed`;
    $("changes").querySelector("tbody").replaceChildren(...changes.map(([at, value]) => html("tr", {}, html("td", {}, run.variables[at]), html("td", {}, `${values[n - 1][at]} → ${value}`))));
  }

  function claimItem(claim, n) {
    const broken = claim.broken && claim.broken.step <= n;
    const tested = claim.tested != null && claim.tested <= n;
    const says = broken ? `at ${claim.broken.end} in step ${claim.broken.step}` : tested ? `put to the test in step ${claim.tested}, not broken so far`
      : claim.endless ? "judged by the endless run as a whole" : "not put to the test so far";
    return html("li", { class: broken ? "is-broken" : null, "data-claim": claim.name, "data-now": broken ? "broken" : tested ? "tested" : "untested" },
      html("span", { class: "sign", "aria-hidden": "true" }, broken ? "✕" : tested ? "○" : "·"), html("span", { class: "claim" }, claim.name), ` ${says}`,
      html("div", { class: "source" }, `${claim.sentence} (${claim.source})`));
  }

  function showClaims(n) {
    const touched = (claim) => (claim.broken && claim.broken.step <= n) || (claim.tested != null && claim.tested <= n) || (run.broken && claim.name === run.broken.property);
    const [now, later] = [run.claims.filter(touched), run.claims.filter((claim) => !touched(claim))];
    $("claims").replaceChildren(...now.map((claim) => claimItem(claim, n)));
    $("untested").hidden = later.length === 0;
    $("untested").querySelector("summary").textContent = `${plural(later.length, "claim")} not put to the test so far`;
    $("untested").querySelector("ul").replaceChildren(...later.map((claim) => claimItem(claim, n)));
  }

  function showChances(n) {
    const words = [];
    const over = run.broken && n >= run.broken.step;
    for (const one of run.chances) {
      if (one.last != null && one.last + 1 === n) {
        words.push(html("strong", {}, `◆ ${one.end}'s last chance was before this step`), `: ${one.adopts.length ? `by reading ${one.adopts.join(", ")}` : "by reading otherwise"} it could have ruled the breach out. `);
      } else if (!over) {
        const never = one.lost.every(Boolean);
        words.push(`${one.end} ${one.lost[n] ? (never ? "never had a chance by itself" : "can no longer rule the breach out by itself")
          : one.last != null && n <= one.last ? "can still rule the breach out by itself" : "may still have a chance: not decided"}. `);
      }
    }
    if (noReturn != null && n === noReturn) words.push(html("strong", {}, n ? "Point of no return: with this step neither end alone can rule the breach out any more." : "Past the point of no return from the start: neither end alone can rule the breach out."));
    else if (noReturn != null && n > noReturn && !over) words.push("Past the point of no return.");
    $("chances").replaceChildren(...words);
    $("chances").hidden = !words.length;
  }

  function showBroken(n) {
    const names = brokenAt(n).map((one) => `${one.name} at ${one.broken.end}`);
    if (run.broken && n === run.broken.step && !brokenAt(n).some((one) => one.name === run.broken.property)) names.unshift(`${run.broken.property} at ${run.broken.end}, for the cause shown`);
    $("broken").replaceChildren(...(names.length && n ? [html("span", { class: "flag" }, "✕ broken in this step"), names.join(", ")] : []));
  }

  function showVariables(n) {
    const changed = new Set((n ? run.steps[n - 1].changes : []).map(([at]) => at));
    cells.forEach(({ line, now, before }, at) => {
      now.textContent = values[n][at];
      before.textContent = changed.has(at) ? values[n - 1][at] : "";
      line.classList.toggle("changed", changed.has(at));
    });
  }

  let current = -1;
  function show(wanted) {
    const n = Math.max(0, Math.min(count, wanted));
    if (n === current) return;
    current = n;
    const step = n ? run.steps[n - 1] : null;
    $("count").textContent = n ? `Step ${n} of ${count}` : `Start, ${plural(count, "step")}`;
    $("head").textContent = step ? `${n}. ${headOf(step)} (${step.head.who})` : "Before the first step";
    for (const [id, off] of [["first", n === 0], ["back", n === 0], ["next", n === count], ["last", n === count]]) {
      // A disabled button would lose the keyboard's focus.
      $(id).toggleAttribute("aria-disabled", off);
      if (off) $(id).setAttribute("aria-disabled", "true");
    }
    [...$("timeline").querySelectorAll("button")].forEach((button, at) => {
      if (at !== n) return button.removeAttribute("aria-current");
      button.setAttribute("aria-current", "step");
      const box = $("timeline"), left = button.offsetLeft - box.offsetLeft;
      if (left < box.scrollLeft || left + button.offsetWidth > box.scrollLeft + box.clientWidth) box.scrollLeft = left - box.clientWidth / 2;
    });
    [...$("run").querySelectorAll("tbody tr")].forEach((line, at) => (at === n ? line.setAttribute("aria-current", "step") : line.removeAttribute("aria-current")));
    showMachines(n);
    $("arrows").replaceChildren(drawWire(step ? step.arrows : []));
    const flight = flightAt(n);
    $("flight").replaceChildren(...(flight.length ? flight.map((one) => html("li", { class: `chip ${one.line}` }, `${one.right ? "→ B" : "→ A"} ${one.text}`)) : [html("li", {}, "nothing")]));
    showBroken(n);
    showChances(n);
    showRules(n);
    showClaims(n);
    showVariables(n);
    document.body.dataset.step = n;
    history.replaceState(history.state, "", `#${n}`);
    document.dispatchEvent(new CustomEvent("lockstep:shown", { detail: { step: n, count, run } }));
  }

  const moves = { ArrowRight: () => current + 1, ArrowLeft: () => current - 1, Home: () => 0, End: () => count };
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || !(event.key in moves) || !run) return;
    if (event.target.closest("input, select, textarea")) return;
    event.preventDefault();
    show(moves[event.key]());
  });
  $("formal").addEventListener("click", () => $("formal").setAttribute("aria-pressed", $("rules").classList.toggle("formal")));
  $("first").addEventListener("click", () => show(0));
  $("back").addEventListener("click", () => show(current - 1));
  $("next").addEventListener("click", () => show(current + 1));
  $("last").addEventListener("click", () => show(count));
  const asked = () => Number.parseInt(location.hash.slice(1), 10);
  window.addEventListener("hashchange", () => { if (run && Number.isInteger(asked())) show(asked()); });

  // Show a document of lockstep/page/data.py from one of its steps on.
  function load(data, step) {
    run = data;
    current = -1;
    prepare();
    drawHead();
    drawEnds();
    drawTimeline();
    drawRun();
    drawReadings();
    drawVariables();
    show(step);
  }

  drawLegend();
  const given = JSON.parse($("data").textContent);
  if (given) load(given, Number.isInteger(asked()) ? asked() : 0);
  return { load, show, asked, html, svg, plural, told, headOf, get step() { return current; }, get count() { return count; } };
})();

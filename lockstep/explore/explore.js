
// The page that explores: the server says what may happen, lockstep/page/page.js draws what has. All that is kept is the link.
// Others on the page may use `explore.go`, `explore.query()` and the event "explore:at" (its detail: query, step, count).
const explore = (() => {
  "use strict";
  const { html, plural } = lockstep;
  const $ = (id) => document.getElementById(id);
  const choices = JSON.parse($("choices").textContent);
  const ORDER = ["Operator", "The ends' own", "Timers", "Network", "Faults and surroundings", "Attacker"];
  let here = null; // the last answer of /run
  let facts = null; // what can be chosen in its slice, under its readings

  // -- asking the server --------------------------------------------------------------------------------------------------------------

  async function ask(address, body, signal) {
    let answer;
    try {
      answer = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Error("the server does not answer; is lockstep explore still running?");
    }
    if (answer.ok) return answer;
    const text = await answer.text();
    let says = text;
    try { says = JSON.parse(text).error || text; } catch { /* not JSON: as it is */ }
    throw new Error(says.trim() || `the server answers with status ${answer.status}`);
  }
  const json = async (address, body, signal) => (await ask(address, body, signal)).json();

  function complain(error) {
    if (error.name === "AbortError") return;
    $("says").textContent = "";
    $("message").textContent = error.message;
    $("message").hidden = false;
    $("message").scrollIntoView({ block: "nearest" });
  }
  function say(text) {
    $("message").hidden = true;
    $("says").textContent = text;
  }

  // The query of a link to a step of the path; `more`: the number of a step to take from there.
  function query(step = lockstep.step, ...more) {
    const fields = new URLSearchParams(here.query), path = [...here.world.path.slice(0, step), ...more].join(".");
    if (path) fields.set("path", path); else fields.delete("path");
    return fields.toString();
  }

  // -- going somewhere ----------------------------------------------------------------------------------------------------------------

  // Show an answer of /run. `step`: which of its states, the last one if not given; `address`: "push", "replace" or "keep" the browser's.
  function arrive(answer, step, address = "push") {
    here = answer;
    const at = step ?? here.world.path.length;
    if (address !== "keep") history[`${address}State`](null, "", `?${here.query}#${at}`);
    const { slice, preset, overrides } = here.world, changed = Object.keys(overrides).length;
    $("setup-says").textContent = `${slice}, preset ${preset}, ${changed ? `${plural(changed, "reading")} changed` : "no reading changed"}`;
    lockstep.load(here.run, at);
    learnSlice().catch(complain);
  }

  let going = null;
  async function go(body, { step, address, words } = {}) {
    going?.abort();
    going = new AbortController();
    try {
      const answer = await json("/run", body, going.signal);
      say(words ?? answer.says ?? "");
      arrive(answer, step, address);
      return true;
    } catch (error) {
      complain(error);
      return false;
    }
  }

  // -- what may happen next -----------------------------------------------------------------------------------------------------------

  let listing = null, shown = null, refocus = null;
  async function list() {
    const wanted = query();
    if (shown?.query === wanted) return;
    listing?.abort();
    listing = new AbortController();
    try {
      const answer = await json("/next", { query: wanted }, listing.signal);
      shown = { query: wanted, next: answer.next };
      drawNext();
    } catch (error) {
      complain(error);
    }
  }

  function drawNext() {
    const focused = document.activeElement?.closest?.("#choose") && document.activeElement !== $("filter");
    const wanted = $("filter").value.trim().toLowerCase(), limit = here.world.path.length >= choices.most && lockstep.step >= choices.most;
    const groups = new Map(ORDER.map((name) => [name, []]));
    for (const one of shown.next) {
      if (!wanted || `${one.text} ${one.does}`.toLowerCase().includes(wanted)) groups.get(one.group).push(one);
    }
    $("groups").replaceChildren(...[...groups].filter(([, all]) => all.length).map(([name, all]) => html("section", { class: "group" },
      html("h4", {}, name, " ", html("span", { class: "number" }, String(all.length))),
      html("ul", { "aria-label": name }, ...all.map((one) => html("li", {}, choice(one, limit)))))));
    const left = [...groups.values()].some((all) => all.length);
    $("nothing").hidden = left;
    $("nothing").textContent = shown.next.length ? "Nothing that may happen here contains this text." : "Nothing can happen here any more: no stimulus of the slice is enabled, within its bounds.";
    if (refocus || focused) {
      const same = refocus && [...document.querySelectorAll(".group")].find((one) => one.querySelector("ul").getAttribute("aria-label") === refocus);
      (same?.querySelector("button") ?? $("choose-head")).focus({ preventScroll: true });
      refocus = null;
    }
  }

  function choice(one, limit) {
    const from = shown.query, taken = here.world.path[lockstep.step] === one.index;
    const button = html("button", { type: "button", "data-index": one.index, "aria-disabled": limit && "true" },
      html("span", { class: "what" }, one.text, taken && html("span", { class: "taken-here" }, " ▶ taken on this path")),
      one.does && html("span", { class: "does" }, one.does));
    button.addEventListener("click", () => {
      if (limit) return say(`a path has at most ${choices.most} steps; go back to take another way`);
      if (query() !== from) return; // another state is shown by now, and its list is on the way
      refocus = one.group;
      go({ query: query(lockstep.step, one.index) });
    });
    return button;
  }

  // Up and down among the steps that may be taken.
  $("groups").addEventListener("keydown", (event) => {
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!way || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const all = [...$("groups").querySelectorAll("button")], at = all.indexOf(document.activeElement);
    if (at < 0) return;
    event.preventDefault();
    all[Math.max(0, Math.min(all.length - 1, at + way))].focus();
  });
  $("filter").addEventListener("input", () => shown && drawNext());

  document.addEventListener("lockstep:shown", ({ detail: { step, count } }) => {
    list();
    document.dispatchEvent(new CustomEvent("explore:at", { detail: { query: query(step), step, count } }));
  });

  // -- set-up -------------------------------------------------------------------------------------------------------------------------

  const option = (value, text, selected) => html("option", { value, selected }, text ?? value);
  const fill = (id, options) => $(id).replaceChildren(...options);

  async function learnSlice() {
    const wanted = new URLSearchParams(here.query);
    wanted.delete("path");
    if (facts?.query !== wanted.toString()) {
      facts = { ...(await json("/slice", { query: wanted.toString() })), query: wanted.toString() };
      drawWays();
    }
    drawSetup();
  }

  function drawSetup() {
    const { world } = here;
    fill("slice", choices.slices.map((one) => option(one.name, `${one.name}: ${one.about}`, one.name === world.slice)));
    fill("start", facts.starts.map((text, at) => option(at, `${at + 1}. ${text || "the usual one"}`, at === world.start)));
    fill("preset", Object.keys(choices.presets).map((name) => option(name, name, name === world.preset)));
    $("bounds").replaceChildren($("bounds").firstElementChild, ...Object.entries(world.bounds).map(([key, value]) => html("label", {}, `${key} `,
      html("input", { type: "number", min: 0, max: 3, value, "data-bound": key, required: true }))));
    drawReadings();
  }

  function drawReadings() {
    const { world } = here, preset = choices.presets[world.preset], wanted = $("reading-filter").value.trim().toLowerCase();
    const select = (name, one) => {
      const value = world.overrides[name] ?? preset[one.key];
      const made = html("select", { "data-reading": name, "aria-label": name.includes(":") ? `${one.key} at ${name[0]}` : one.key },
        ...one.values.map((text) => option(text, text === preset[one.key] ? `${text} (preset)` : text, text === value)));
      return [made, value !== preset[one.key]];
    };
    const lines = facts.readings.filter((one) => !wanted || `${one.key} ${one.values.join(" ")} ${one.about} ${one.source}`.toLowerCase().includes(wanted)).map((one) => {
      const about = html("td", {}, one.about, html("div", { class: "source" }, one.source));
      if (one.of !== "endpoint") {
        const [made, changed] = select(one.key, one);
        return html("tr", { class: changed ? "changed" : null }, html("td", {}, one.key), html("td", { colspan: 2, "data-end": one.of === "pair" ? "both" : one.of }, made), about);
      }
      const [[a, changedA], [b, changedB]] = [select(`A:${one.key}`, one), select(`B:${one.key}`, one)];
      return html("tr", { class: changedA || changedB ? "changed" : null }, html("td", {}, one.key), html("td", { "data-end": "A" }, a), html("td", { "data-end": "B" }, b), about);
    });
    const focused = document.activeElement?.dataset?.reading;
    $("reading-rows").replaceChildren(...lines);
    if (focused) $("reading-rows").querySelector(`[data-reading="${focused}"]`)?.focus();
  }
  $("reading-filter").addEventListener("input", () => facts && drawReadings());

  // What the form says, as a link's query without steps.
  function chosen() {
    const fields = new URLSearchParams({ slice: here.world.slice, preset: $("preset").value });
    const overrides = { ...here.world.overrides };
    for (const one of document.querySelectorAll("[data-reading]")) overrides[one.dataset.reading] = one.value;
    for (const [name, value] of Object.entries(overrides)) fields.append("reading", `${name}=${value}`);
    for (const one of document.querySelectorAll("[data-bound]")) fields.append("bound", `${one.dataset.bound}=${one.value}`);
    fields.set("start", $("start").value);
    return fields;
  }

  $("setup").addEventListener("change", async ({ target }) => {
    if (target.id === "reading-filter") return;
    if (target.id === "slice") return void (await go({ query: new URLSearchParams({ slice: target.value, preset: here.world.preset }).toString() }) || drawSetup());
    const fields = chosen();
    if (target.id === "preset") fields.delete("reading"); // a preset is one whole
    if (target.dataset.reading || target.id === "preset") fields.delete("start"); // readings decide which starts there are
    if (!await go({ query: fields.toString(), steps: here.trace })) drawSetup();
  });
  $("setup").addEventListener("submit", (event) => event.preventDefault());

  // -- shortest ways ------------------------------------------------------------------------------------------------------------------

  function keep(id, options) {
    const before = $(id).value;
    fill(id, options);
    if (options.some((one) => one.value === before)) $(id).value = before;
  }
  function drawWays() {
    keep("way-claim", facts.claims.map((one) => option(one.name)));
    keep("way-table", Object.keys(facts.rows).map((name) => option(name)));
    keep("way-variable", Object.keys(facts.variables).map((name) => option(name)));
    drawSentence();
    drawRows();
    drawValues();
  }
  const drawSentence = () => { $("way-sentence").textContent = facts.claims.find((one) => one.name === $("way-claim").value)?.sentence ?? ""; };
  const drawRows = () => keep("way-row", (facts.rows[$("way-table").value] ?? []).map((key) => option(key)));
  const drawValues = () => keep("way-value", (facts.variables[$("way-variable").value] ?? []).map((value) => option(value)));
  const kind = (value) => { $("way-form").elements.kind.value = value; };
  $("way-table").addEventListener("change", () => { drawRows(); kind("row"); });
  $("way-row").addEventListener("change", () => kind("row"));
  $("way-claim").addEventListener("change", () => { drawSentence(); kind("claim"); });
  $("way-variable").addEventListener("change", drawValues);
  $("way-situation").addEventListener("input", () => kind("situation"));
  $("way-add").addEventListener("click", () => {
    const before = $("way-situation").value.trim();
    $("way-situation").value = `${before}${before ? ", " : ""}${$("way-variable").value}=${$("way-value").value}`;
    kind("situation");
  });

  let searching = null;
  function busy(now) {
    $("way-cancel").hidden = !now;
    $("way-go").toggleAttribute("aria-disabled", now);
    if (now) $("way-go").setAttribute("aria-disabled", "true");
  }

  async function search() {
    const { elements } = $("way-form"), which = elements.kind.value;
    const what = { claim: $("way-claim").value, row: `${$("way-table").value}: ${$("way-row").value}`, situation: $("way-situation").value }[which];
    searching = new AbortController();
    busy(true);
    say("searching …");
    try {
      const answer = await ask("/way", { query: query(), kind: which, what, anew: elements.from.value === "anew" }, searching.signal);
      let over = false;
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = ""; ;) {
        const { done, value } = await reader.read();
        if (done) break;
        const lines = (text + value).split("\n");
        text = lines.pop();
        for (const line of lines) over = heard(JSON.parse(line));
      }
      if (!over) throw new Error("the search ended without an answer");
    } catch (error) {
      if (error.name === "AbortError") say("the search was cancelled; nothing is known");
      else complain(new Error(error instanceof TypeError ? "the server is gone; nothing is known" : error.message));
    }
    searching = null;
    if (document.activeElement === $("way-cancel")) $("way-go").focus();
    busy(false);
  }

  // One line of the answer; is it the last?
  function heard(line) {
    if (line.error) complain(new Error(line.error));
    else if (line.progress) $("says").textContent = `searching: ${line.progress}`;
    else {
      say(line.says);
      if (line.found) arrive(line.found);
    }
    return !line.progress;
  }

  $("way-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!searching && here) search();
  });
  $("way-cancel").addEventListener("click", () => searching?.abort());

  // -- open, save, share --------------------------------------------------------------------------------------------------------------

  fill("finding", choices.findings.map((one) => option(one.name, `${one.name}: ${one.title} (${one.slice}, ${one.preset})`)));
  $("finding-go").addEventListener("click", () => go({ finding: $("finding").value }, { step: 0 }));
  $("file").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    if (!file) return;
    let trace;
    try { trace = JSON.parse(await file.text()); } catch { complain(new Error(`${file.name}: this is no JSON; give a trace that lockstep wrote`)); }
    target.value = "";
    if (trace !== undefined) go({ trace }, { step: 0 });
  });
  $("link-form").addEventListener("submit", (event) => {
    event.preventDefault();
    go({ query: $("link").value.trim() });
  });
  $("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      say("the link is copied");
    } catch {
      $("link").value = location.href;
      $("link").select();
      say("the browser does not let a page copy: the link stands, selected, in the field");
    }
  });
  $("save").addEventListener("click", () => {
    const address = URL.createObjectURL(new Blob([`${JSON.stringify(here.trace, null, 1)}\n`], { type: "application/json" }));
    html("a", { href: address, download: `explore-${here.world.slice}.json` }).click();
    URL.revokeObjectURL(address);
    say("saved; lockstep replay and lockstep show take the file");
  });

  // -- begin --------------------------------------------------------------------------------------------------------------------------

  window.addEventListener("popstate", () => {
    const wanted = location.search.slice(1);
    if (here && wanted !== here.query) go({ query: wanted }, { step: lockstep.asked(), address: "keep" });
  });
  $("readings").hidden = true; // the set-up has them
  (async () => {
    const step = Number.isInteger(lockstep.asked()) ? lockstep.asked() : undefined;
    if (!await go({ query: location.search.slice(1) || "slice=teardown" }, { step, address: "replace" })) {
      const why = $("message").textContent;
      await go({ query: "slice=teardown" }, { step: 0, address: "replace" });
      complain(new Error(`${why}. Shown instead: slice teardown from its start.`));
    }
    document.body.dataset.ready = "";
  })();

  // `listed`: of which state the steps that may be taken are shown, as a query.
  return { go, query, listed: () => shown?.query, get world() { return here?.world; } };
})();

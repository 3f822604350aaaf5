
// The panel with the lessons: what is asked, and what the server says of the reader's path. Progress stays in this browser.
(() => {
  "use strict";
  const { html, plural } = lockstep;
  const $ = (id) => document.getElementById(id);
  const course = JSON.parse($("course").textContent);
  const all = course.lessons.flatMap((lesson) => lesson.tasks.map((task) => ({ lesson, task })));
  const KEY = "lockstep-learn";
  const PAUSE = 200; // ms in a state before it is asked whether a way leads on from there: who goes on at once needs no answer
  let here = null; // the lesson and the task shown
  let told = 0; // hints given
  let given = 0; // steps that the task's opening takes
  let asking = null; // what was asked of the server about the state shown

  // -- progress -----------------------------------------------------------------------------------------------------------------------

  function progress() {
    let kept = null;
    try { kept = JSON.parse(localStorage.getItem(KEY)); } catch { /* no storage, or not ours */ }
    return { at: typeof kept?.at === "string" ? kept.at : "", done: Array.isArray(kept?.done) ? kept.done.filter((name) => typeof name === "string") : [] };
  }
  function keep(change) {
    try { localStorage.setItem(KEY, JSON.stringify({ ...progress(), ...change })); } catch { /* it is not remembered, then */ }
  }
  const done = (task) => progress().done.includes(task.name);

  async function ask(what, body, signal) {
    const answer = await fetch(`/lesson/${what}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });
    const found = await answer.json();
    if (!answer.ok) throw new Error(found.error || `the server answers with status ${answer.status}`);
    return found;
  }

  // -- what is shown ------------------------------------------------------------------------------------------------------------------

  function drawLessons() {
    $("lesson").replaceChildren(...course.lessons.map((lesson, at) => {
      const count = lesson.tasks.filter(done).length;
      return html("option", { value: lesson.name, selected: lesson === here.lesson }, `${at + 1}. ${lesson.title}, ${count}/${lesson.tasks.length}`);
    }));
    $("tasks").replaceChildren(...here.lesson.tasks.map((task) => {
      const button = html("button", { type: "button", "aria-current": task === here.task && "step" }, html("span", { class: "sign", "aria-hidden": "true" }, done(task) ? "✓" : "·"),
        task.title, done(task) && html("span", { class: "said" }, ", done"));
      button.addEventListener("click", () => choose(here.lesson, task, true));
      return html("li", {}, button);
    }));
  }

  function drawLesson() {
    const { lesson } = here;
    $("lesson-title").textContent = lesson.title;
    $("lesson-about").textContent = `${lesson.about} About ${lesson.minutes} minutes.`;
    $("passages").querySelector("div").replaceChildren(...lesson.passages.map((one) => html("p", {}, one.text, one.source && html("span", { class: "source" }, one.source))));
    $("commands").querySelector("ul").replaceChildren(...lesson.commands.map((one) => html("li", {}, html("code", {}, one))));
  }

  function drawTask() {
    const { task } = here, path = task.kind === "path";
    $("task-title").textContent = task.title;
    $("asks").textContent = task.asks;
    $("setting").textContent = `Begins in ${task.setting}.`;
    for (const id of ["far", "take"]) $(id).hidden = !path;
    $("begin").textContent = path ? "Begin anew" : "Show the start";
    $("mending").hidden = path;
    $("offered").replaceChildren(...(path ? [] : task.offered.map((one) => html("label", {}, html("b", {}, one.key), ` ${one.about} `, html("span", { class: "source" }, `(${one.source})`),
      html("select", { "data-offered": one.key }, ...one.values.map((value) => html("option", { value, selected: value === one.given }, value === one.given ? `${value} (as drafted)` : value)))))));
    told = 0;
    $("hints").replaceChildren();
    $("verdicts").replaceChildren();
    $("solved").hidden = true;
    say();
    drawHintButton();
  }

  function drawHintButton() {
    const left = here.task.hints.length - told;
    $("hint").textContent = left ? `A hint (${left} left)` : "No hint left";
    $("hint").toggleAttribute("aria-disabled", !left);
    if (!left) $("hint").setAttribute("aria-disabled", "true");
  }

  // What the panel says of the state shown, in paragraphs; kind: "done", "wrong" or none. The button beside the steps says it in a word.
  const jump = html("button", { type: "button", id: "to-task" });
  jump.addEventListener("click", () => $("task-title").focus());
  $("buttons").append(jump);
  function say(lines = [], kind = "") {
    const box = $("standing");
    box.className = kind;
    box.replaceChildren(...lines.map((one) => (typeof one === "string" ? html("p", {}, one) : one)));
    jump.textContent = `Task: ${{ done: "✓ done", wrong: "✕ a wrong turn" }[kind] ?? (lines.length ? "a word" : "not yet")}`;
    jump.className = kind;
  }
  function button(text, act) {
    const made = html("button", { type: "button" }, text);
    made.addEventListener("click", act);
    return html("p", {}, made);
  }

  function celebrate() {
    const { task } = here, at = all.findIndex((one) => one.task === task), next = all[at + 1];
    if (!done(task)) keep({ done: [...progress().done, task.name] });
    $("shows").textContent = task.shows;
    $("more").replaceChildren(...task.findings.flatMap((one) => [button(`Run of ${one.name}: ${one.title}`, () => explore.go({ finding: one.name }, { step: 0 })),
      html("p", { class: "source" }, "its page ", html("code", {}, one.page), ", its ladder ", html("code", {}, one.ladder))]));
    $("on").hidden = !next;
    $("solved").hidden = false;
    drawLessons();
  }

  // -- choosing -----------------------------------------------------------------------------------------------------------------------

  async function choose(lesson, task, start) {
    here = { lesson, task };
    keep({ at: task.name });
    drawLessons();
    drawLesson();
    drawTask();
    if (start) await begin();
  }
  async function begin() {
    asking?.abort();
    try {
      const start = await ask("begin", { task: here.task.name });
      given = start.given;
      $("verdicts").replaceChildren();
      await explore.go({ query: start.query }, { words: `the task “${here.task.title}” begins` });
    } catch (error) {
      say([error.message], "wrong");
    }
  }

  $("lesson").addEventListener("change", ({ target }) => {
    const lesson = course.lessons.find((one) => one.name === target.value);
    $("passages").open = true;
    choose(lesson, lesson.tasks.find((task) => !done(task)) ?? lesson.tasks[0], true);
  });
  $("begin").addEventListener("click", begin);
  $("on").addEventListener("click", async () => {
    const next = all[all.findIndex((one) => one.task === here.task) + 1];
    if (next.lesson !== here.lesson) $("passages").open = true;
    await choose(next.lesson, next.task, true);
    $("task-title").focus();
  });
  $("forget").addEventListener("click", () => {
    try { localStorage.removeItem(KEY); } catch { /* nothing was kept */ }
    drawLessons();
    say(["Nothing is remembered any more."]);
  });
  $("hint").addEventListener("click", () => {
    if (told === here.task.hints.length) return;
    $("hints").append(html("li", {}, here.task.hints[told]));
    told += 1;
    drawHintButton();
  });

  // -- a path -------------------------------------------------------------------------------------------------------------------------

  async function judge() {
    if (here.task.kind !== "path") return;
    if (lockstep.step > given) $("passages").open = false; // whoever acts has read
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking, body = { task: here.task.name, query: explore.query() };
    try {
      const found = await ask("standing", body, signal);
      if (found.elsewhere) return say(["This is not a way from the task's beginning: another set-up, or another run.", button("Back to the task", begin)]);
      if (found.solved !== null) {
        say([`Reached, in step ${found.solved}.`], "done");
        return celebrate();
      }
      $("solved").hidden = true;
      if (found.strayed !== null) return say([`In step ${found.strayed} ${found.rule}. Such a way does not count.`, back(found.strayed)], "wrong");
      say(found.clues);
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      const ahead = await ask("way", body, signal);
      if (ahead.lost) say([...found.clues, `From here it can't be reached any more. Step ${ahead.lost.step} shut the door: ${ahead.lost.text}.`, back(ahead.lost.step)], "wrong");
    } catch (error) {
      if (error.name !== "AbortError") say([error.message], "wrong");
    }
  }
  const back = (step) => button(`Back to before step ${step}`, () => lockstep.show(step - 1));

  async function ahead() {
    const body = { task: here.task.name, query: explore.query() };
    try {
      const found = await ask("way", body);
      if (body.task !== here.task.name || body.query !== explore.query()) return null; // another state is shown by now
      if (found.why) say([`How far it is, is not known: ${found.why}.`]);
      else if (found.lost) say([`It can't be reached from here. Step ${found.lost.step} shut the door: ${found.lost.text}.`, back(found.lost.step)], "wrong");
      return found;
    } catch (error) {
      say([error.message], "wrong");
      return null;
    }
  }
  $("far").addEventListener("click", async () => {
    const found = await ahead();
    if (found?.next) say([`${plural(found.steps, "step")} at least, from this state.`]);
  });
  $("take").addEventListener("click", async () => {
    const found = await ahead();
    if (found?.next) explore.go({ query: explore.query(lockstep.step, found.next.index) }, { words: `taken for you: ${found.next.text}` });
  });

  // -- readings -----------------------------------------------------------------------------------------------------------------------

  $("mending").addEventListener("submit", async (event) => {
    event.preventDefault();
    const readings = Object.fromEntries([...document.querySelectorAll("[data-offered]")].map((one) => [one.dataset.offered, one.value]));
    const { task } = here;
    say(["Searching …"]);
    $("verdicts").replaceChildren();
    try {
      const found = await ask("mend", { task: task.name, readings });
      if (task !== here.task) return;
      $("verdicts").replaceChildren(html("ul", {}, ...found.claims.map((one) => html("li", { "data-claim": one.name }, html("b", {}, one.verdict), ` ${one.name}${one.steps === null ? "" : `, ${plural(one.steps, "step")}`}`,
        html("div", { class: "source" }, one.why ? `${one.sentence} (${one.why})` : one.sentence),
        one.query && button("Open the run", () => explore.go({ query: one.query }, { words: `a shortest run that breaks ${one.name}` }))))));
      const states = `${found.states.toLocaleString("en")} states visited, ${plural(found.changed, "reading")} changed.`;
      $("solved").hidden = true;
      if (!found.solved) return say([`Not yet: ${plural(found.claims.filter((one) => one.verdict !== "holds").length, "claim")} of ${found.claims.length} not kept.`, states]);
      say(["All of them hold.", states], "done");
      celebrate();
    } catch (error) {
      say([error.message], "wrong");
    }
  });

  // -- begin --------------------------------------------------------------------------------------------------------------------------

  const shared = location.search.length > 1; // somebody's link: it is shown as it is
  const first = shared ? [] : all.filter((one) => one.lesson.name === course.first);
  const wanted = first.find((one) => !done(one.task)) ?? first[0] ?? all.find((one) => one.task.name === progress().at) ?? all[0];
  $("passages").open = !wanted.lesson.tasks.some(done);
  choose(wanted.lesson, wanted.task, false);
  let begun = shared;
  document.addEventListener("explore:at", () => {
    if (begun) return void judge();
    begun = true;
    begin();
  });
})();

// Writes cases.jsonl, xstate_faults.jsonl and the counts in README.md. The same seed gives the same bytes.

import { readFileSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { makeChart, makeRandom } from "./charts.mjs";
import { Fault, Run } from "./xstate.mjs";

const SEED = 20240501;
const WANTED = { quiet: 300, logged: 200, mixed: 700 };
const MIN_STEPS = 4;
const MAX_STEPS = 9;

/** A case of the style, and the fault that ended it early, if one did; nothing if it is not worth keeping. */
function attempt(seed, style) {
  const random = makeRandom(seed);
  const { config, features } = makeChart(random, style);
  const steps = [];
  let run;
  let expected;
  const describe = () => ({ features: [...features, ...run.met].sort(), config, steps, expected });
  try {
    run = new Run(config);
    expected = [];
    expected.push(run.begin());
    const wanted = MIN_STEPS + random.int(MAX_STEPS - MIN_STEPS + 1);
    while (steps.length < wanted) {
      if (run.actor.getSnapshot().status === "done" && steps.length >= MIN_STEPS && random.chance(0.7)) break;
      steps.push(chooseStep(random, run));
      expected.push(run.take(steps.at(-1)));
    }
  } catch (error) {
    if (!run) return undefined; // XState does not accept the config.
    if (!(error instanceof Fault)) throw error;
    const fault = { step: steps.length, kind: error.kind, message: error.message };
    return { ...describe(), fault };
  }
  return isLively(random, steps, expected) ? describe() : undefined;
}

/** Few of the cases that end at once, and few of those in which most steps change nothing. */
function isLively(random, steps, expected) {
  const end = expected.findIndex(({ status }) => status === "done");
  if (end !== -1 && end < MIN_STEPS) return random.chance(end ? 0.6 : 0.03);
  const idle = expected.slice(1).filter(({ log, leaves }, i) => !log.length && isDeepStrictEqual(leaves, expected[i].leaves));
  return idle.length <= steps.length / 2 || random.chance(0.1);
}

/** Mostly something that an active node waits for. */
function chooseStep(random, run) {
  const active = run.actor.getSnapshot()._nodes;
  const timers = run.clock.timeouts.size;
  if (random.chance(timers ? 0.4 : 0.03)) return { advance: random.pick([5, 10, 20, 30, 50, 100]) };
  const awaited = active.flatMap((node) => Object.keys(node.config.on ?? {}));
  const descriptor = awaited.length && random.chance(0.85) ? random.pick(awaited) : random.pick(["A", "B", "C", "D", "Z"]);
  const type = { "*": random.pick(["Z", "A"]), "B.*": random.pick(["B", "B.x", "B.y", "B.x.y"]) }[descriptor] ?? descriptor;
  const data = random.chance(0.25) ? { [random.pick(["x", "y"])]: random.int(3) } : undefined;
  return { event: data ? { type, data } : { type } };
}

/** The case again on a fresh actor, to be sure that nothing but the case decides. */
function replay({ config, steps, expected }) {
  const run = new Run(config);
  const seen = [run.begin(), ...steps.map((step) => run.take(step))];
  if (!isDeepStrictEqual(seen, expected)) throw new Error(`not repeatable: ${JSON.stringify(config)}`);
}

function generate() {
  const cases = [];
  const faults = [];
  let seed = SEED;
  for (const [style, wanted] of Object.entries(WANTED))
    for (let made = 0; made < wanted; seed += 1) {
      const found = attempt(seed, style);
      if (!found) continue;
      if (found.fault) {
        faults.push({ name: `f${String(faults.length + 1).padStart(4, "0")}`, ...found });
        continue;
      }
      replay(found);
      cases.push({ name: `c${String(cases.length + 1).padStart(4, "0")}`, ...found });
      made += 1;
    }
  return { cases, faults };
}

function count(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

function write(name, text) {
  writeFileSync(new URL(name, import.meta.url), text);
  console.log(`${name}: ${Buffer.byteLength(text)} bytes`);
}

const { cases, faults } = generate();
const lines = (items) => items.map((item) => `${JSON.stringify(item)}\n`).join("");
write("cases.jsonl", lines(cases));
write("xstate_faults.jsonl", lines(faults));

const features = count(cases.flatMap((item) => item.features));
const kinds = count(faults.map(({ fault }) => fault.kind)).map(([kind, n]) => `${n} ${kind}`);
const steps = cases.reduce((sum, item) => sum + item.steps.length, 0);
const summary = `${cases.length} cases with ${steps} steps; ${faults.length} faults (${kinds.join(", ")}).`;
const table = ["| Feature | Cases |", "|---|---|", ...features.map(([feature, n]) => `| \`${feature}\` | ${n} |`)];
const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");
const marks = /(<!-- counts -->\n)[^]*(<!-- \/counts -->)/;
write("README.md", readme.replace(marks, `$1${summary}\n\n${table.join("\n")}\n$2`));
console.log([summary, ...features.map(([feature, n]) => `  ${feature} ${n}`)].join("\n"));

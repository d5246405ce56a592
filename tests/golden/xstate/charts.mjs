// Random charts: XState 5 machine configs as pure JSON, and the list of what each one uses.

const EVENTS = ["A", "B", "B.x", "C", "D"];
const DELAYS = [10, 20, 25, 50, 100];
const CHILDREN = ["a", "b", "c", "d"];
const REGIONS = ["p", "q", "r"];

/** Chances and sizes. `quiet` charts have no parallel node; in `logged` charts every node logs entry and exit. */
const STYLES = {
  quiet: { nodes: 6, depth: [2], parallel: 0, compound: 0.35, history: 0.12, final: 0.25, logs: 0.3, bloom: 0.5 },
  logged: { nodes: 12, depth: [3], parallel: 0.24, compound: 0.32, history: 0.22, final: 0.35, logs: 1, bloom: 0.7 },
  mixed: { nodes: 13, depth: [3, 3, 3, 4], parallel: 0.28, compound: 0.32, history: 0.22, final: 0.35, logs: 0.65, bloom: 0.75 },
};

/** mulberry32, with the few draws we need. */
export function makeRandom(seed) {
  let state = seed >>> 0;
  const float = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const int = (below) => Math.floor(float() * below);
  const chance = (p) => float() < p;
  const pick = (list) => list[int(list.length)];
  /** One of the keys of `{ key: weight }`. */
  const weigh = (weights) => {
    let rest = float() * Object.values(weights).reduce((sum, weight) => sum + weight, 0);
    return Object.keys(weights).find((key) => (rest -= weights[key]) < 0);
  };
  return { float, int, chance, pick, weigh };
}

/** A chart of the given style: `{ config, features }`. */
export function makeChart(random, styleName) {
  const style = STYLES[styleName];
  const features = new Set([styleName]);
  const root = growTree(random, style, features);
  const chart = { random, style, quiet: styleName === "quiet", features, root, nodes: [...walk(root)], marks: 0 };
  for (const node of chart.nodes) decorate(chart, node);
  return { config: toConfig(root), features };
}

// ---- the tree

function growTree(random, style, features) {
  const maxDepth = random.pick(style.depth);
  let left = style.nodes;
  const root = makeNode(undefined, "m");
  root.type = random.chance(style.parallel * 0.7) ? "parallel" : "compound";
  if (root.type === "parallel") features.add("root-parallel");
  const add = (parent, key, type) => {
    const node = makeNode(parent, key);
    node.type = type;
    parent.children.push(node);
    left -= 1;
    return node;
  };
  const chooseType = (parent) => {
    const depth = parent.depth + 1;
    if (depth >= maxDepth || left < 3) return "atomic";
    const region = parent.type === "parallel";
    const type = random.weigh({
      parallel: region ? style.parallel * 0.6 : style.parallel,
      compound: region ? 0.8 : style.compound,
      atomic: region ? 0.12 : 0.45,
    });
    if (type !== "atomic") left -= 2; // It will have children.
    return type;
  };
  const queue = [root];
  while (queue.length) {
    const node = queue.shift();
    if (node.type === "parallel") {
      features.add("parallel");
      if (node.parent?.type === "parallel") features.add("parallel-in-parallel");
      node.finishing = random.chance(0.45);
      for (const key of REGIONS.slice(0, 2 + random.int(2))) {
        const region = add(node, key, chooseType(node));
        if (region.type === "atomic") features.add("atomic-region");
        queue.push(region);
      }
    } else if (node.type === "compound") {
      for (const key of CHILDREN.slice(0, 2 + random.int(node.parent ? 2 : 3))) queue.push(add(node, key, chooseType(node)));
      if (random.chance(node.parent?.finishing ? 0.95 : style.final)) {
        add(node, "f", "final");
        features.add(node.parent ? "final" : "root-final");
      }
    } else continue;
    if (random.chance(node.type === "parallel" ? style.history * 0.6 : style.history)) addHistory(random, node, features);
    if (node.type === "compound") chooseInitial(random, node, features);
  }
  const depth = Math.max(...[...walk(root)].map((node) => node.depth));
  if (depth > 1) features.add(`depth-${depth}`);
  for (const node of walk(root)) if (node.parent && random.chance(0.2)) node.id = `id_${node.path.replaceAll(".", "_")}`;
  return root;
}

function makeNode(parent, key) {
  const path = parent?.parent ? `${parent.path}.${key}` : parent ? key : "";
  return { parent, key, path, depth: parent ? parent.depth + 1 : 0, children: [], config: {} };
}

function addHistory(random, node, features) {
  const history = makeNode(node, "h");
  history.type = "history";
  history.config.history = random.pick(["shallow", "deep"]);
  features.add(`history-${history.config.history}`);
  // Under a parallel node the default is the node itself: a target would have to name every region.
  if (node.type === "compound" && random.chance(0.5)) {
    history.config.target = random.pick(states(node.children)).key;
    features.add("history-target");
  } else features.add("history-no-target");
  node.children.splice(random.chance(0.3) ? 0 : node.children.length, 0, history);
}

function chooseInitial(random, node, features) {
  const children = states(node.children);
  const initial = random.chance(0.7) ? children[0] : random.pick(children.filter((child) => child.type !== "final"));
  node.config.initial = initial.key;
  if (initial.type === "compound" || initial.type === "parallel") features.add("initial-nested");
}

const states = (nodes) => nodes.filter((node) => node.type !== "history");

function* walk(node) {
  yield node;
  for (const child of node.children) yield* walk(child);
}

function isWithin(node, ancestor) {
  for (let at = node.parent; at; at = at.parent) if (at === ancestor) return true;
  return false;
}

// ---- what hangs on a node

function decorate(chart, node) {
  const { random, style, features, quiet } = chart;
  if (node.type === "history") return;
  const name = node.path || "m";
  if (random.chance(style.logs)) node.config.entry = chooseActions(chart, `+${name}`, 0.04);
  if (random.chance(style.logs)) node.config.exit = chooseActions(chart, `-${name}`, 0.03);
  if (!node.parent && node.config.entry) features.add("root-entry");
  if (random.chance(0.07)) {
    node.config.tags = random.chance(0.5) ? random.pick(["t", "u"]) : ["t", "v"];
    features.add("tags");
  }
  if (node.type === "final") {
    if (random.chance(0.15)) {
      node.config.output = { from: node.path };
      features.add("final-output");
    }
    return;
  }
  if (!node.parent && features.has("root-final") && random.chance(0.6)) addOutput(chart, node);
  addEventTransitions(chart, node);
  if (random.chance(quiet ? 0.04 : 0.06)) addAlways(chart, node);
  if (random.chance(quiet ? 0.1 : 0.13)) addAfter(chart, node);
  if (node.parent) addOnDone(chart, node);
}

function addOutput({ random, features }, root) {
  root.config.output = random.pick(["ok", 7, { total: 3, parts: [1, 2] }, ["x", null]]);
  features.add("output");
}

function addEventTransitions(chart, node) {
  const { random, style, features } = chart;
  const count = node.children.length ? random.int(3) : 1 + random.int(3);
  const on = {};
  for (let i = 0; i < Math.max(node.children.length ? 0 : 1, Math.round(count * style.bloom)); i++) {
    const descriptor = random.weigh({ A: 5, B: 5, "B.x": 3, C: 5, D: 4, "*": 1, "B.*": 2 });
    if (descriptor in on) continue;
    if (descriptor === "*") features.add("wildcard");
    if (descriptor === "B.*") features.add("partial-wildcard");
    if (!node.parent) features.add("root-on");
    on[descriptor] = chooseCandidates(chart, node, { forbid: 0.05 });
  }
  if (Object.keys(on).length) node.config.on = on;
}

function addAlways(chart, node) {
  chart.features.add(node.parent ? "always" : "root-always");
  node.config.always = chooseCandidates(chart, node, { eventless: true, forbid: 0 });
}

function addAfter(chart, node) {
  chart.features.add("after");
  node.config.after = {};
  for (let i = 0; i < (chart.random.chance(0.25) ? 2 : 1); i++)
    node.config.after[chart.random.pick(DELAYS)] = chooseCandidates(chart, node, { forbid: 0 });
}

function addOnDone(chart, node) {
  const { random, features } = chart;
  const canFinish = node.type === "compound" ? node.children.some((child) => child.type === "final") : node.finishing;
  if (!canFinish || !random.chance(0.65)) return;
  features.add(`on-done-${node.type}`);
  node.config.onDone = chooseCandidates(chart, node, { forbid: 0 });
  if ([node.config.onDone].flat().some((candidate) => candidate.guard)) features.add("on-done-guarded");
}

// ---- transitions

/** One transition, or a list of candidates of which all but the last have a guard. */
function chooseCandidates(chart, node, { eventless = false, forbid }) {
  const { random, features, quiet } = chart;
  if (random.chance(forbid)) {
    features.add("forbidden");
    return {};
  }
  const count = random.chance(quiet ? 0.12 : 0.17) ? 2 + random.int(2) : 1;
  if (count > 1) features.add("candidates");
  const list = Array.from({ length: count }, (_, i) =>
    chooseTransition(chart, node, { eventless, guarded: i < count - 1 || random.chance(0.2) }),
  );
  return list.length === 1 ? (eventless || random.chance(0.1) ? list : list[0]) : list;
}

function chooseTransition(chart, node, { eventless, guarded }) {
  const { random, features, quiet } = chart;
  const transition = {};
  if (random.chance(0.12)) features.add("targetless");
  else transition.target = chooseTarget(chart, node);
  if (transition.target !== undefined && random.chance(0.35)) {
    transition.reenter = random.chance(0.6);
    features.add(`reenter-${transition.reenter}`);
  }
  if (eventless) transition.guard = chooseEventlessGuard(chart, guarded);
  else if (guarded) transition.guard = chooseGuard(chart);
  if (transition.guard === undefined) delete transition.guard;
  // A transition without a target logs or is forbidden; an eventless one logs, so that the fuel runs out.
  if (eventless || transition.target === undefined || random.chance(quiet ? 0.4 : 0.55))
    transition.actions = chooseActions(chart, `!${(chart.marks += 1)}`, 0.2);
  const keys = Object.keys(transition);
  return keys.length === 1 && keys[0] === "target" && !eventless && random.chance(0.4) ? transition.target : transition;
}

function chooseActions(chart, mark, extra) {
  const { random, features } = chart;
  const actions = [mark];
  if (random.chance(extra)) {
    features.add("add");
    actions.splice(random.int(2), 0, { type: "add", params: { by: 1 + random.int(2) } });
  }
  if (!chart.quiet && random.chance(extra * 0.8)) {
    features.add("emit");
    actions.splice(random.int(2), 0, { type: "emit", params: { event: random.pick(EVENTS) } });
  }
  if (actions.length > 1 || random.chance(0.05)) return actions;
  return random.chance(0.05) ? { type: mark } : mark;
}

function chooseGuard(chart) {
  const { random, features } = chart;
  const type = random.weigh({ atLeast: 3, even: 3, never: 0.7, has: 2, in: 4 });
  features.add(`guard-${type}`);
  if (type === "atLeast") return { type, params: { n: 1 + random.int(3) } };
  if (type === "has") return { type, params: { key: random.pick(["x", "y"]) } };
  if (type === "in") return { type, params: { path: random.pick(states(chart.nodes).slice(1)).path } };
  return random.chance(0.5) ? type : { type };
}

/** Mostly with fuel; the rest ends by itself, or is one of the faults. */
function chooseEventlessGuard(chart, guarded) {
  const { random, features } = chart;
  if (random.chance(0.12)) return guarded ? chooseGuard(chart) : undefined;
  features.add("guard-fuel");
  return guarded || random.chance(0.7) ? { type: "fuel", params: { and: chooseGuard(chart) } } : { type: "fuel" };
}

function chooseTarget(chart, node) {
  const { random, features, nodes, root } = chart;
  const parallels = nodes.filter((other) => other.type === "parallel" && other !== node.parent);
  const histories = nodes.filter((other) => other.type === "history");
  const finals = nodes.filter((other) => other.type === "final");
  const inside = nodes.filter((other) => isWithin(other, node));
  const siblings = node.parent?.type === "compound" ? node.parent.children.filter((other) => other !== node) : [];
  const ancestors = nodes.filter((other) => other !== root && isWithin(node, other));
  const choice = random.weigh({
    sibling: siblings.length ? 34 : 0,
    any: 22,
    self: node.parent ? 9 : 0.5,
    child: inside.length ? 18 : 0,
    history: histories.length ? 12 : 0,
    final: finals.length ? 12 : 0,
    ancestor: ancestors.length ? 4 : 0,
    multiple: parallels.length ? 10 : 0,
    root: 0.3,
  });
  if (choice === "multiple") {
    features.add("target-multiple");
    return chooseRegions(random, random.pick(parallels)).map((target) => writeTarget(chart, node, target));
  }
  const target = {
    sibling: () => random.pick(siblings),
    any: () => random.pick(nodes.slice(1)),
    self: () => node,
    child: () => random.pick(inside),
    history: () => random.pick(histories),
    final: () => random.pick(finals),
    ancestor: () => random.pick(ancestors),
    root: () => root,
  }[choice]();
  if (target === root) features.add("target-root");
  else if (target === node) features.add("target-self");
  else if (isWithin(node, target)) features.add("target-ancestor");
  if (target.type === "history") features.add("target-history");
  const written = writeTarget(chart, node, target);
  return random.chance(0.05) ? [written] : written;
}

/** One node in each of two or more regions, in an order that need not be document order. */
function chooseRegions(random, parallel) {
  const regions = states(parallel.children);
  if (random.chance(0.3)) regions.reverse();
  if (regions.length > 2 && random.chance(0.5)) regions.splice(random.int(regions.length), 1);
  return regions.map((region) => {
    const inside = [...walk(region)];
    return random.pick(inside.length > 1 && random.chance(0.8) ? inside.slice(1) : inside);
  });
}

/** The target as XState wants it written, in one of the forms that reach it. */
function writeTarget({ random, features, root }, source, target) {
  const relative = [];
  if (isWithin(target, source)) relative.push({ feature: "target-child", text: `.${below(source, target)}` });
  if (source.parent && isWithin(target, source.parent)) {
    const text = below(source.parent, target);
    relative.push({ feature: text.includes(".") ? "target-sibling-path" : "target-sibling", text });
  }
  if (relative.length && !(target.id && random.chance(0.4)) && random.chance(0.85)) {
    const { feature, text } = random.pick(relative);
    features.add(target === source ? "target-self" : feature);
    return text;
  }
  features.add("target-id");
  if (target.id) return `#${target.id}`;
  let anchor = target.parent ?? root;
  while (anchor.parent && !(anchor.id && random.chance(0.5))) anchor = anchor.parent;
  return target === root ? "#m" : `#${anchor.id ?? "m"}.${below(anchor, target)}`;
}

const below = (ancestor, node) => (ancestor.parent ? node.path.slice(ancestor.path.length + 1) : node.path);

// ---- writing

function toConfig(node) {
  const { initial, history, target, tags, entry, exit, on, always, after, onDone, output } = node.config;
  const type = ["parallel", "final", "history"].includes(node.type) ? node.type : undefined;
  const id = node.parent ? node.id : "m";
  const config = { id, type, history, target, initial, tags, entry, exit, on, always, after, onDone, output };
  if (node.children.length) config.states = Object.fromEntries(node.children.map((child) => [child.key, toConfig(child)]));
  return JSON.parse(JSON.stringify(config));
}

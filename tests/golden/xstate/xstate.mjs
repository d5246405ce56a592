// Runs a case on XState: the named actions and guards, one observation per step, and what the run met on its way.

import { SimulatedClock, and, assign, createActor, createMachine, enqueueActions, stateIn } from "xstate";

/** Below so many log entries in all, `emit` raises its event and the guard `fuel` holds. */
const FUEL = 60;
/** Microsteps in one macrostep after which XState is told to give up. */
const MAX_MICROSTEPS = 200;

// ---- implementations

const log = (entry) => assign(({ context }) => ({ log: [...context.log, entry] }));

const actions = {
  add: assign(({ context }, { by }) => ({ n: context.n + by, log: [...context.log, `add ${by}`] })),
  emit: enqueueActions(({ context, enqueue }, { event }) => {
    if (context.log.length < FUEL) enqueue.raise({ type: event });
    enqueue(log(`emit ${event}`));
  }),
};

const guards = {
  atLeast: ({ context }, { n }) => context.n >= n,
  even: ({ context }) => context.n % 2 === 0,
  never: () => false,
  has: ({ event }, { key }) => event.data !== undefined && key in event.data,
  fuel: ({ context }) => context.log.length < FUEL,
};

/** `in` needs the configuration, which a named guard does not get; XState's own `stateIn` does. */
function bindGuard(guard) {
  if (guard?.type === "in") return stateIn(`#m.${guard.params.path}`);
  if (guard?.type === "fuel" && guard.params) return and(["fuel", bindGuard(guard.params.and)]);
  return guard;
}

/** The machine of a config. `trace` gets `+path` and `-path` of every node that is entered and left. */
function build(config, trace) {
  const logs = {};
  const list = (value) => (value === undefined ? [] : [value].flat());
  const bindActions = (value) => {
    for (const action of list(value)) {
      const name = action.type ?? action;
      if ("+-!".includes(name[0])) logs[name] = log(name);
    }
    return list(value);
  };
  const bindTransition = (value) => {
    if (Array.isArray(value)) return value.map(bindTransition);
    if (typeof value === "string") return value;
    bindActions(value.actions);
    return value.guard === undefined ? value : { ...value, guard: bindGuard(value.guard) };
  };
  const bindAll = (map) => map && Object.fromEntries(Object.entries(map).map(([key, value]) => [key, bindTransition(value)]));
  const bindNode = (node, path) => {
    const bound = { ...node };
    if (node.type !== "history") {
      bound.entry = [() => trace.push(`+${path}`), ...bindActions(node.entry)];
      bound.exit = [() => trace.push(`-${path}`), ...bindActions(node.exit)];
    }
    if (node.on) bound.on = bindAll(node.on);
    if (node.after) bound.after = bindAll(node.after);
    if (node.always) bound.always = bindTransition(node.always);
    if (node.onDone) bound.onDone = bindTransition(node.onDone);
    if (node.states)
      bound.states = Object.fromEntries(
        Object.entries(node.states).map(([key, child]) => [key, bindNode(child, path ? `${path}.${key}` : key)]),
      );
    return bound;
  };
  const bound = { ...bindNode(config, ""), context: { n: 0, log: [] }, options: { maxIterations: MAX_MICROSTEPS } };
  return createMachine(bound, { actions: { ...actions, ...logs }, guards });
}

// ---- running

/** XState threw, gave up, or stands in an illegal configuration. */
export class Fault extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

/** SimulatedClock, which also notices the timers whose order or start is a matter of taste. */
class Clock extends SimulatedClock {
  constructor(met) {
    super();
    this.met = met;
    this.late = false;
  }

  setTimeout(fn, delay) {
    if (this.late) this.met.add("met-timer-set-late");
    const due = this.now() + delay;
    const run = () => {
      this.met.add("met-timer");
      this.late = this.now() > due;
      fn();
      this.late = false;
    };
    return super.setTimeout(run, delay);
  }

  advance(ms) {
    const dues = [...this.timeouts.values()].map(({ start, timeout }) => start + timeout);
    const ripe = dues.filter((due) => due <= this.now() + ms);
    if (ripe.length > 1) this.met.add("met-several-timers");
    if (new Set(ripe).size < ripe.length) this.met.add("met-timer-tie");
    this.increment(ms);
  }
}

/** One actor. `begin` and `take` return what is expected there; `met` collects what happened. */
export class Run {
  constructor(config) {
    this.met = new Set();
    this.trace = [];
    this.logged = 0;
    this.active = new Set();
    this.machine = build(config, this.trace);
    this.showsTags = JSON.stringify(config).includes('"tags":');
    this.clock = new Clock(this.met);
    const inspect = (seen) => seen.type === "@xstate.microstep" && this.#noteMicrostep(seen);
    this.actor = createActor(this.machine, { clock: this.clock, inspect });
    this.actor.subscribe({ error: () => {} });
  }

  begin() {
    this.actor.start();
    return this.#observe();
  }

  take(step) {
    this.before = this.actor.getSnapshot();
    if (this.before.status === "done") this.met.add("met-step-after-done");
    if ("advance" in step) this.clock.advance(step.advance);
    else this.actor.send(step.event);
    return this.#observe();
  }

  #observe() {
    const snapshot = this.actor.getSnapshot();
    if (snapshot.status === "error") {
      const message = String(snapshot.error?.message ?? snapshot.error).split("\n").join(" ");
      throw new Fault(message.startsWith("Infinite loop") ? "loop" : "error", message.slice(0, 200));
    }
    checkLegal(this.machine.root, new Set(snapshot._nodes));
    this.#noteTrace();
    const leaves = snapshot._nodes.filter((node) => node.type === "atomic" || node.type === "final");
    const fresh = snapshot.context.log.slice(this.logged);
    this.logged = snapshot.context.log.length;
    if (this.logged >= FUEL) this.met.add("met-fuel-end");
    if (snapshot.status === "done") this.met.add("met-done");
    const seen = {
      leaves: leaves.sort((a, b) => a.order - b.order).map((node) => node.path.join(".")),
      status: snapshot.status,
      log: fresh,
    };
    if (this.showsTags) seen.tags = [...snapshot.tags].sort();
    if (snapshot.output !== undefined) seen.output = snapshot.output;
    return seen;
  }

  #noteTrace() {
    for (const entry of this.trace.splice(0)) {
      const path = entry.slice(1);
      if (entry[0] === "-") this.active.delete(path);
      else if (this.active.has(path)) {
        this.met.add("met-entered-active");
        if (this.machine.getStateNodeById(path ? `m.${path}` : "m").config.after) this.met.add("met-timer-doubled");
      } else this.active.add(path);
    }
  }

  #noteMicrostep({ event, snapshot, _transitions: transitions }) {
    const before = this.before;
    this.before = snapshot;
    const internal = event.type.startsWith("xstate.");
    for (const { eventType, target } of transitions) {
      if (eventType === "") this.met.add("met-always");
      if (eventType.startsWith("xstate.done.")) this.met.add("met-on-done");
      if (eventType.startsWith("xstate.after.")) this.met.add("met-after");
      if (internal && eventType.endsWith("*")) this.met.add("met-wildcard-took-internal");
      if (target?.some((node) => node.type === "history" && before?.historyValue[node.id])) this.met.add("met-history-recorded");
    }
    if (transitions.length > 1) this.met.add("met-transitions-together");
    if (!before) return;
    if (!transitions.length && !internal) this.met.add("met-unhandled");
    if (transitions.some((one) => transitions.some((other) => clashes(before, one, other)))) this.met.add("met-clash");
    if (!transitions.some(({ eventType }) => eventType === "") && selectsDifferently(before, event, transitions))
      this.met.add("met-selection-differs");
  }
}

// ---- judging

const isWithin = (node, ancestor) => node.parent && (node.parent === ancestor || isWithin(node.parent, ancestor));

function checkLegal(root, active) {
  const check = (node) => {
    const children = Object.values(node.states).filter((child) => child.type !== "history");
    const here = children.filter((child) => active.has(child));
    const wanted = node.type === "compound" ? 1 : node.type === "parallel" ? children.length : 0;
    if (here.length !== wanted) throw new Fault("illegal", `${node.id} has ${here.length} active children, not ${wanted}`);
    return 1 + here.reduce((sum, child) => sum + check(child), 0);
  };
  if (!active.has(root) || check(root) !== active.size) throw new Fault("illegal", "a node is active without its parent");
}

/** Whether XState runs both although each claims a node that the other leaves or claims (a source claims itself). */
function clashes(snapshot, one, other) {
  if (one === other || !one.target || !other.target) return false;
  const [left, right] = [leaves(snapshot, one), leaves(snapshot, other)];
  if (left.some((node) => right.includes(node))) return false;
  return [one.source, ...left].some((node) => node === other.source || right.includes(node));
}

/** The nodes that a transition alone would leave. */
function leaves(snapshot, { source, target, reenter }) {
  const targets = target.flatMap((node) => (node.type === "history" ? (snapshot.historyValue[node.id] ?? [node]) : [node]));
  if (!reenter && targets.every((node) => node === source || isWithin(node, source)))
    return snapshot._nodes.filter((node) => isWithin(node, source));
  let domain = source.parent;
  while (domain && !targets.every((node) => isWithin(node, domain))) domain = domain.parent;
  return snapshot._nodes.filter((node) => !domain || isWithin(node, domain));
}

/** Whether SCXML, where every active leaf searches its own ancestors, enables other transitions. */
function selectsDifferently(snapshot, event, transitions) {
  const enabled = new Set();
  for (const leaf of snapshot._nodes.filter((node) => node.type === "atomic" || node.type === "final"))
    for (let node = leaf; node; node = node.parent) {
      const found = node.next(snapshot, event);
      if (found) {
        enabled.add(found[0]);
        break;
      }
    }
  return enabled.size !== new Set(transitions).size || transitions.some((transition) => !enabled.has(transition));
}

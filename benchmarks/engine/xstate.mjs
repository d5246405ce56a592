// Runs the reference machines with XState. Reads one JSON request a line, writes one JSON answer a line:
//
//   {"machine": {...}, "events": [...]}                    a machine, from now on known by its id
//   {"last": "<id>", "way": "<way>"}                       the text that one pass leaves
//   {"run": "<id>", "way": "<way>", "passes": <number>}    microseconds of CPU time that so many passes take
//
// CPU time is that of the whole process, with what V8 spends on compiling and on collecting garbage.
//
// Machines come as data; the guards and actions that they name are here.
import { createInterface } from 'node:readline';
import { assign, createActor, createMachine, transition } from 'xstate';

const add = (field, amount) => assign({ [field]: ({ context }) => context[field] + amount });

const implementations = {
  guards: {
    has_stock: ({ context }) => context.stock > 0,
    has_total: ({ context }) => context.total > 0,
  },
  actions: {
    count: add('n', 1),
    count_entry: add('entered', 1),
    count_exit: add('exited', 1),
    take_stock: add('stock', -1),
    return_stock: add('stock', 1),
    add_paid: assign({ paid: ({ context }) => context.paid + context.total }),
    clear_paid: assign({ paid: 0 }),
  },
};

// Each way takes a machine, the text of a snapshot and an event, and returns the text of the next snapshot.
const ways = {
  actor(machine, text, event) {
    const actor = createActor(machine, { snapshot: JSON.parse(text) });
    actor.start();
    actor.send(event);
    return JSON.stringify(actor.getPersistedSnapshot());
  },
  pure(machine, text, event) {
    const [next] = transition(machine, machine.resolveState(JSON.parse(text)), event);
    return JSON.stringify(machine.getPersistedSnapshot(next));
  },
};

const courses = new Map();

function open({ machine: config, events }) {
  const machine = createMachine(config, implementations);
  const course = {
    machine,
    first: JSON.stringify(createActor(machine).start().getPersistedSnapshot()),
    events: events.map((type) => ({ type })),
    texts: [],
  };
  let text = course.first;
  for (const event of course.events) {
    text = ways.actor(machine, text, event);
    course.texts.push(text);
  }
  courses.set(config.id, course);
  return config.id;
}

function pass({ machine, first, events, texts }, way) {
  if (way === 'json') {
    let last = first;
    for (const text of texts) last = JSON.stringify(JSON.parse(text));
    return last;
  }
  const handle = ways[way];
  let text = first;
  for (const event of events) text = handle(machine, text, event);
  return text;
}

function run({ run: id, way, passes }) {
  const course = courses.get(id);
  const begin = process.cpuUsage();
  for (let number = 0; number < passes; number += 1) pass(course, way);
  const { user, system } = process.cpuUsage(begin);
  return user + system;
}

function answer(request) {
  if ('machine' in request) return open(request);
  if ('last' in request) return pass(courses.get(request.last), request.way);
  return run(request);
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(answer(JSON.parse(line)))}\n`);
}

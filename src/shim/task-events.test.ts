import { firstProcess, type ProcessEnd, TaskEvents } from "./task-events";

const endOf = (pid: number, exitStatus = 0): ProcessEnd => ({
  pid,
  exitStatus,
  exitedAt: { seconds: 5n, nanos: 0 },
});

/** What is published, as "topic id pid". */
function taskEvents() {
  const told: string[] = [];
  const publish = (topic: string, _type: unknown, message: unknown) => {
    const { id, execId, containerId, pid } = message as Record<string, unknown>;
    told.push(
      [topic, id ?? execId ?? containerId, pid].filter((word) => word !== undefined).join(" "),
    );
  };
  return { told, events: new TaskEvents("web", { publish }) };
}

function runningContainer() {
  const container = taskEvents();
  container.events.beginStart(firstProcess);
  container.events.started(firstProcess, 10);
  container.told.length = 0;
  return container;
}

function startExec(events: TaskEvents, execId: string, pid: number) {
  events.beginStart(execId);
  events.started(execId, pid);
}

test("an end that is known before the start is told after it", () => {
  const { events, told } = taskEvents();

  events.beginStart(firstProcess);
  events.ended(firstProcess, endOf(10));
  expect(told).toEqual([]);
  events.started(firstProcess, 10);

  expect(told).toEqual(["/tasks/start web 10", "/tasks/exit web 10"]);
});

test("an exec is added, started and ended", () => {
  const { events, told } = runningContainer();

  events.execAdded("e1");
  startExec(events, "e1", 11);
  events.ended("e1", endOf(11));

  expect(told).toEqual(["/tasks/exec-added e1", "/tasks/exec-started e1 11", "/tasks/exit e1 11"]);
});

test("an exec that ends at once is started first", () => {
  const { events, told } = runningContainer();

  events.beginStart("e1");
  events.ended("e1", endOf(11));
  events.started("e1", 11);

  expect(told).toEqual(["/tasks/exec-started e1 11", "/tasks/exit e1 11"]);
});

test("the end of the first process is told after those of all execs", () => {
  const { events, told } = runningContainer();
  startExec(events, "e1", 11);
  startExec(events, "e2", 12);
  told.length = 0;

  events.ended(firstProcess, endOf(10, 137));
  events.ended("e2", endOf(12, 137));
  expect(told).toEqual(["/tasks/exit e2 12"]);
  events.ended("e1", endOf(11, 137));

  expect(told).toEqual(["/tasks/exit e2 12", "/tasks/exit e1 11", "/tasks/exit web 10"]);
});

test("the end of the first process waits for an exec that is being started", () => {
  const { events, told } = runningContainer();

  events.beginStart("e1");
  events.ended(firstProcess, endOf(10));
  events.ended("e1", endOf(11));
  expect(told).toEqual([]);
  events.started("e1", 11);

  expect(told).toEqual(["/tasks/exec-started e1 11", "/tasks/exit e1 11", "/tasks/exit web 10"]);
});

test("an exec that could not be started has no end, and holds up none", () => {
  const { events, told } = runningContainer();

  events.beginStart("e1");
  events.ended("e1", endOf(11));
  events.ended(firstProcess, endOf(10));
  events.startFailed("e1");

  expect(told).toEqual(["/tasks/exit web 10"]);
});

test("the id of an exec can be used again", () => {
  const { events, told } = runningContainer();

  startExec(events, "e1", 11);
  events.ended("e1", endOf(11));
  startExec(events, "e1", 12);
  events.ended("e1", endOf(12));

  expect(told.filter((event) => event.startsWith("/tasks/exit"))).toEqual([
    "/tasks/exit e1 11",
    "/tasks/exit e1 12",
  ]);
});

test("a container that was created and killed ends without a start", () => {
  const { events, told } = taskEvents();

  events.ended(firstProcess, endOf(10, 137));

  expect(told).toEqual(["/tasks/exit web 10"]);
});

test("a storm of execs in any order keeps the rules", () => {
  const { events, told } = runningContainer();
  const ids = Array.from({ length: 200 }, (_, index) => `e${index}`);

  for (const id of ids) events.beginStart(id);
  for (const id of ids.filter((_, index) => index % 3 === 0)) events.ended(id, endOf(1));
  events.ended(firstProcess, endOf(10));
  for (const id of ids.toReversed()) events.started(id, 1);
  for (const id of ids.filter((_, index) => index % 3 !== 0)) events.ended(id, endOf(1));

  expect(told.at(-1)).toBe("/tasks/exit web 10");
  expect(told).toHaveLength(2 * ids.length + 1);
  for (const id of ids) {
    expect(told.indexOf(`/tasks/exit ${id} 1`)).toBeGreaterThan(
      told.indexOf(`/tasks/exec-started ${id} 1`),
    );
    expect(told).toContain(`/tasks/exec-started ${id} 1`);
  }
});

// The order of a container's events that containerd relies on.

/** What an event is of: the container's first process is "". */
function processOf({ topic, event }, containerId) {
  const id = topic === "/tasks/exit" || topic === "/tasks/delete" ? event.id : event.execId;
  return id === containerId ? "" : (id ?? "");
}

/** Of each process, the first that must come first. */
const orders = {
  init: ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"],
  exec: ["/tasks/exec-added", "/tasks/exec-started", "/tasks/exit", "/tasks/delete"],
};

/**
 * What is wrong with the events of one container, as sentences. `codes` are the exit statuses that callers were told,
 * by process. `isComplete` when all must have come: a shim that was killed may have been about to tell them.
 */
export function faultsOf(containerId, events, { isComplete, codes }) {
  const places = new Map();
  const faults = [];
  events.forEach((one, place) => {
    const process = processOf(one, containerId);
    const known = places.get(process) ?? new Map();
    if (known.has(one.topic)) faults.push(`"${one.topic}" of "${process}" came twice`);
    else known.set(one.topic, place);
    places.set(process, known);
    const code = codes.get(process);
    const { exitStatus = code } = one.event;
    if (code !== undefined && exitStatus !== code) {
      faults.push(`"${one.topic}" of "${process}" has status ${exitStatus}, and must have ${code}`);
    }
  });
  const init = places.get("") ?? new Map();
  for (const [process, known] of places) {
    const order = process === "" ? orders.init : orders.exec;
    faults.push(...outOfOrder(process, order, known));
    const last = init.get("/tasks/exit");
    if (process !== "" && last !== undefined && !(known.get("/tasks/exit") < last)) {
      faults.push(`"${process}" has not ended before the container has`);
    }
  }
  if (isComplete) faults.push(...missing(places, codes));
  return faults.map((fault) => `events of "${containerId}": ${fault}`);
}

function missing(places, codes) {
  return [...codes.keys()].flatMap((process) => {
    const known = places.get(process) ?? new Map();
    // containerd tells of no deletion but the container's.
    const expected = process === "" ? orders.init : orders.exec.slice(0, -1);
    return expected
      .filter((topic) => !known.has(topic))
      .map((topic) => `"${topic}" of "${process}" never came`);
  });
}

function outOfOrder(process, order, known) {
  const faults = [];
  for (let later = 1; later < order.length; later++) {
    const place = known.get(order[later]);
    if (place === undefined) continue;
    for (const earlier of order.slice(0, later)) {
      if (known.get(earlier) < place) continue;
      const how = known.has(earlier) ? "came before" : "came without";
      faults.push(`"${order[later]}" of "${process}" ${how} "${earlier}"`);
    }
  }
  return faults;
}

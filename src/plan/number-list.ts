/** The numbers of a list such as `0-3,7`, the kernel's form for CPUs and NUMA nodes (cpuset(7)). */
export function parseNumberList(list: string): number[] {
  const numbers: number[] = [];
  for (const part of list.split(",")) {
    const range = part.trim();
    if (range === "") continue;
    const [first = "", last = first] = range.split("-");
    for (let number = Number(first); number <= Number(last); number += 1) numbers.push(number);
  }
  return numbers;
}

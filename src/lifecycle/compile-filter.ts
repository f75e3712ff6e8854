export function compileFilter(..._a: unknown[]): { program: Uint8Array; flags: number } | undefined { return undefined; }

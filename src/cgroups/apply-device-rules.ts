export function applyDeviceRules(..._a: unknown[]): void {}

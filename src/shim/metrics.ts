export function encodedStats(paths: any) {
  return { typeUrl: "", value: new Uint8Array() };
}

export async function describeShim() {
  return new Uint8Array();
}

/** Numbers that look random and are the same for the same seed (xorshift32). */
export class Random {
  constructor(seed) {
    // Small seeds differ in few bits, and zero would stay zero.
    this.state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  }

  below(limit) {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % limit;
  }

  oneOf(list) {
    return list[this.below(list.length)];
  }
}

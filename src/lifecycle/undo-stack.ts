import { describeError } from "../errors/describe";

/** What to take back if a later step fails, newest first. */
export class UndoStack {
  private readonly entries: { readonly what: string; readonly undo: () => void }[] = [];

  /** `guard` runs before anything is taken back; that it fails keeps nothing from it. */
  constructor(private readonly guard?: () => void) {}

  /** Registered in the statement after the doing. `what` says what stays behind when the undo fails too. */
  push(what: string, undo: () => void): void {
    this.entries.push({ what, undo });
  }

  /** Takes everything back; answers what could not be. */
  rollBack(): string[] {
    const left: string[] = [];
    if (this.entries.length > 0) this.runGuard();
    for (let entry = this.entries.pop(); entry !== undefined; entry = this.entries.pop()) {
      try {
        entry.undo();
      } catch (error) {
        left.push(`${entry.what}: ${describeError(error)}`);
      }
    }
    return left;
  }

  private runGuard(): void {
    try {
      this.guard?.();
    } catch {
      // What is left behind would be worse than whatever the guard keeps away.
    }
  }

  /** From here on what was made stays. */
  commit(): void {
    this.entries.length = 0;
  }
}
